"""How many iterations the hard table takes, and what an early stop is worth."""

import math

import numpy as np
import pytest

from rdptheory import (
    Bernoulli,
    Gaussian,
    Hamming,
    InteriorPoint,
    InvalidInput,
    KullbackLeibler,
    Pmf,
    Problem,
    SquaredError,
    Status,
    TotalVariation,
    Wasserstein1,
    Wasserstein2Squared,
    closed_forms,
    discretise,
    rdp,
)
from rdptheory.divergences import F_DIVERGENCES
from rdptheory.solvers.interior_point import descent
from tests import checks

MODES = [None, *F_DIVERGENCES]


@pytest.mark.parametrize("member", MODES, ids=lambda member: "none" if member is None else member.name)
@pytest.mark.parametrize("half", [5.0, 8.4])
def test_a_gaussian_with_far_tails(half, member):
    """200 levels, masses down to 2e-17: closed in 40 steps on average, both phases together.

    Balls that cost less than 1e-7 nat take more, and how many depends on the rounding of the machine: 48 on one, 65 on
    another.
    """
    source = discretise(Gaussian(0.0, 1.0), 200, low=-half, high=half)
    steps = []
    for D in (0.05, 0.2, 0.5, 0.9):
        solution = rdp(source, SquaredError(), member, D=D, P=0.05 if member else math.inf)
        checks.assert_sound(solution, gap=1e-9)
        steps.append(solution.steps)
    assert sum(steps) <= 4 * 40, steps
    assert max(steps) <= 100, steps


@pytest.mark.parametrize("member", MODES, ids=lambda member: "none" if member is None else member.name)
@pytest.mark.parametrize("P", [0.0, 0.02])
def test_an_early_stop_is_said_and_its_bracket_holds(member, P):
    source = discretise(Gaussian(0.0, 1.0), 20, low=-3.0, high=3.0)
    P = P if member else math.inf
    full = rdp(source, SquaredError(), member, D=0.2, P=P)
    for steps in (1,) if P == 0.0 else (1, 3):  # with the law prescribed three Newton steps are all it takes
        early = rdp(source, SquaredError(), member, D=0.2, P=P, method=InteriorPoint(max_steps=steps))
        checks.assert_sound(early)
        assert early.status is Status.STOPPED
        assert early.gap > 1e-9
        assert "steps" in early.message
        assert early.bounds.overlaps(full.bounds)
        assert early.bounds.lower <= full.bounds.upper
        assert early.bounds.upper >= full.bounds.lower


@pytest.mark.parametrize("gap", [1e-2, 1e-5, 1e-9])
def test_the_gap_asked_for_is_the_gap_delivered(gap):
    solution = rdp(Bernoulli(0.3), Hamming(), TotalVariation(), D=0.1, P=0.03, method=InteriorPoint(gap=gap))
    checks.assert_sound(solution, gap=gap)
    checks.assert_inside(solution.bounds, float(closed_forms.bernoulli.rate(0.3, 0.1, 0.03)), 1e-14)
    assert solution.method == InteriorPoint(gap=gap)


@pytest.mark.parametrize("gap", [0.0, -1.0, math.nan, math.inf, "a"])
def test_a_gap_that_is_none_is_refused(gap):
    with pytest.raises(InvalidInput, match=r"^gap"):
        InteriorPoint(gap=gap)


@pytest.mark.parametrize("max_steps", [0, -1, 2.5])
def test_steps_that_are_none_are_refused(max_steps):
    with pytest.raises(InvalidInput, match=r"^max_steps"):
        InteriorPoint(max_steps=max_steps)


def test_the_same_question_has_the_same_answer_to_the_last_bit():
    source = discretise(Gaussian(0.0, 1.0), 30)
    first, second = (rdp(source, SquaredError(), TotalVariation(), D=0.2, P=0.05) for _ in range(2))
    assert first.bounds == second.bounds
    np.testing.assert_array_equal(first.candidate.channel, second.candidate.channel)


LINE = np.linspace(0.0, 1.0, 24)
ROUGH = Pmf.from_weights(np.random.default_rng(5).dirichlet(np.ones(24)) + 1e-5, LINE)
TAILS = Pmf.from_weights(np.exp(-0.5 * (20.0 * (LINE - 0.5)) ** 2), LINE)


@pytest.mark.parametrize("most", [1, 5, 12, 200])
@pytest.mark.parametrize("source", [ROUGH, TAILS], ids=["rough", "tails"])
@pytest.mark.parametrize(
    ("ball", "P"),
    [(None, np.inf), (TotalVariation(), 0.01), (TotalVariation(), 0.0), (KullbackLeibler(), 1e-5),
     (KullbackLeibler(), 3.0), (Wasserstein1(), 1e-3), (Wasserstein1(), 0.3), (Wasserstein2Squared(), 1e-4)],
    ids=str,
)  # fmt: skip
def test_every_step_is_counted_once_and_none_is_beyond_the_limit(monkeypatch, source, ball, P, most):
    """Whatever it was made for: a law prescribed beside a small ball, the question without its balls, another start."""
    made, solve = [], descent.solve

    def counted(question, *asked):
        found = solve(question, *asked)
        made.append(found.steps)
        return found

    monkeypatch.setattr(descent, "solve", counted)
    for D in (1e-6, 1e-3, 0.02):
        made.clear()
        problem = Problem(source, SquaredError(), ball, D, P).discrete
        found = InteriorPoint(max_steps=most).solve(problem)
        assert found.steps == sum(made) <= most
