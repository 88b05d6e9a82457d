"""Brackets of the first-order method against closed forms, a conic solver, and theorems."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import entr

from rdptheory import watch
from rdptheory.distortions import AbsoluteError, Hamming, SquaredError, Table
from rdptheory.divergences import F_DIVERGENCES, FDivergence, KullbackLeibler, TotalVariation, Wasserstein2Squared
from rdptheory.errors import InvalidInput
from rdptheory.information import entropy, mutual_information
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit, Problem
from rdptheory.solve import rdp
from rdptheory.solvers.first_order import FirstOrder, loop
from rdptheory.solvers.outcome import Proof, answered
from rdptheory.sources import Bernoulli, Pmf
from tests.solvers.first_order import oracle
from tests.solvers.first_order.questions import ball as ball_of

FAMILY = pytest.mark.parametrize("divergence", F_DIVERGENCES, ids=lambda member: member.name)


def bernoulli_rate(p: float, D: float, P: float) -> float:
    """R(D,P) of Bernoulli(p), p <= 1/2, under Hamming distortion and total variation [BM19, eq. S40]."""

    def h(*masses: float) -> float:
        return float(entr(np.array([*masses, 1.0 - sum(masses)])).sum())

    q = 1.0 - p
    if p <= P:
        return max(h(p) - h(D), 0.0) if p > D else 0.0
    if 2.0 * p * q - (q - p) * P <= D:
        return 0.0
    if (P / (1.0 + 2.0 * P - 2.0 * p) if P > 0.0 or p < 0.5 else 0.5) >= D:
        return h(p) - h(D)
    return 2.0 * h(p) + h(p - P) - h((D - P) / 2.0, p) - h((D + P) / 2.0, q)


def random_problem(seed: int, n: int, divergence: FDivergence | None, P: float, share: float) -> DiscreteProblem:
    """A random source on the line under squared error, D at a share of its zero-rate value."""
    rng = np.random.default_rng(seed)
    source = Pmf.from_weights(rng.dirichlet(np.ones(n)) + 0.02, rng.normal(size=n))
    d = SquaredError().table(source.points)
    D = share * float((source.probabilities @ d).min())
    return Problem(source, SquaredError(), divergence, D=D, P=P).discrete


def check_channel(problem: DiscreteProblem, found: Proof) -> None:
    """The channel meets the limits and its information is the upper bound."""
    assert found.channel is not None
    p, limit = problem.probabilities, problem.distortions[0]
    assert np.abs(found.channel.sum(axis=1) - 1.0).max() <= 1e-12
    assert float(problem.expected_distortions(found.channel)[0]) <= limit.limit * (1.0 + 1e-11)
    for ball in problem.perceptions:
        assert ball.value(problem.output(found.channel)) <= ball.limit + 1e-12
    assert mutual_information(p, found.channel) <= found.bounds.upper + 1e-11  # mixing may only have helped


@given(
    p=st.floats(0.01, 0.5),
    D=st.floats(1e-4, 0.6),
    P=st.sampled_from([0.0, 1e-3, 0.02, 0.1, 0.4, np.inf]),
    momentum=st.booleans(),
)
@settings(max_examples=40)
def test_bernoulli_closed_form_lies_in_the_bracket(p: float, D: float, P: float, momentum: bool) -> None:
    problem = Problem(Bernoulli(p), Hamming(), TotalVariation(), D=D, P=P).discrete
    found = answered(problem, FirstOrder(gap=1e-7, max_steps=3000, momentum=momentum))
    value = bernoulli_rate(p, D, P)
    assert found.bounds.lower <= value + 1e-13
    assert value <= found.bounds.upper + 1e-13
    assert found.sentence or found.bounds.gap <= 1e-7
    check_channel(problem, found)


@FAMILY
@pytest.mark.parametrize("P", [0.0, 0.02, 0.2])
def test_conic_solver_agrees(divergence: FDivergence, P: float) -> None:
    problem = random_problem(17, 6, divergence, P, 0.4)
    found = answered(problem, FirstOrder(gap=1e-7))
    limit = problem.distortions[0]
    expected = oracle.rate(problem.probabilities, limit.table, limit.limit, divergence, P)
    assert found.bounds.gap <= 1e-7
    assert abs(found.bounds.upper - expected) <= 2e-6  # Clarabel's accuracy on exponential cones
    check_channel(problem, found)


def test_conic_solver_agrees_on_a_rectangular_table() -> None:
    rng = np.random.default_rng(8)
    table, p = rng.random((4, 7)), rng.dirichlet(np.ones(4))
    D = 0.5 * float(p @ table.min(axis=1)) + 0.5 * float((p @ table).min())
    problem = DiscreteProblem(p, (DistortionLimit(table, D),))
    found = answered(problem, FirstOrder(gap=1e-7))
    assert found.bounds.gap <= 1e-7
    assert abs(found.bounds.upper - oracle.rate(p, table, D, None, np.inf)) <= 2e-6
    check_channel(problem, found)


@FAMILY
@given(seed=st.integers(0, 10**6), n=st.integers(2, 24), P=st.sampled_from([0.0, 1e-3, 0.05, 0.3]))
@settings(max_examples=8)
def test_plain_and_accelerated_brackets_overlap(divergence: FDivergence, seed: int, n: int, P: float) -> None:
    problem = random_problem(seed, n, divergence, P, 0.3)
    fast = answered(problem, FirstOrder(gap=1e-5))
    plain = answered(problem, FirstOrder(gap=1e-5, max_steps=300, momentum=False))
    assert fast.bounds.gap <= 1e-5
    assert fast.bounds.overlaps(plain.bounds)
    check_channel(problem, fast)
    check_channel(problem, plain)


@given(seed=st.integers(0, 10**6), n=st.integers(2, 24))
@settings(max_examples=5)
def test_the_rate_falls_with_either_limit(seed: int, n: int) -> None:
    """R(D,P) is non-increasing in D and P [BM19, Thm 1]."""
    method = FirstOrder(gap=1e-4)
    chain = [(0.2, 0.0), (0.2, 0.05), (0.2, 0.3), (0.5, 0.3), (0.5, np.inf)]
    problems = [random_problem(seed, n, TotalVariation(), P, share) for share, P in chain]
    for before, after in pairwise(answered(problem, method).bounds for problem in problems):
        assert after.lower <= before.upper


def test_plain_steps_are_blahut_arimoto_and_sinkhorn() -> None:
    """Without momentum a step multiplies q_j by c_j (P = inf), or scales columns to the reference (P = 0)."""
    from rdptheory.certificates.products import Iterate
    from rdptheory.geometry import Dense
    from rdptheory.solvers.first_order.loop import Question, run
    from rdptheory.solvers.first_order.projections import Ball

    rng = np.random.default_rng(4)
    p, d, steps = rng.dirichlet(np.ones(7)), Table(np.abs(np.subtract.outer(np.arange(7.0), np.arange(7.0)))).matrix, 5
    kernel, K, s = Dense(d), np.exp(-0.7 * d), 0.7
    method = FirstOrder(gap=1e-15, max_steps=steps, momentum=False)
    for ball in (Ball(None, p.size), ball_of(TotalVariation(), p, 0.0)):
        start = Iterate.of(p, kernel.at(s), s, np.log(p))
        q = h = p
        for _ in range(steps):
            q = q * (K.T @ (p / (K @ q)))
            h = p / (K.T @ (p / (K @ h)))
        last = run(Question(p, kernel, ball, 0.0), method, start.log_h, s).last
        expected = q if ball.free else h / h.sum()
        assert np.allclose(np.exp(last.log_h) / np.exp(last.log_h).sum(), expected, rtol=1e-12)


@pytest.mark.parametrize("P", [0.0, 0.05, np.inf])
def test_zero_rate_and_infeasible(P: float) -> None:
    source = Pmf([0.2, 0.3, 0.5])
    far = rdp(source, AbsoluteError(), TotalVariation(), D=5.0, P=P, method=FirstOrder())
    assert (far.bounds.lower, far.steps) == (0.0, 0)
    assert far.bounds.upper <= 1e-12  # what the rounding of a limit may hide
    shifted = Table(AbsoluteError().table(source.points) + 1.0)
    short = answered(Problem(source, shifted, TotalVariation(), D=0.9, P=P).discrete, FirstOrder())
    assert (short.bounds.lower, short.sentence) == (np.inf, "no channel reaches D")
    exact = answered(Problem(source, shifted, TotalVariation(), D=1.0, P=P).discrete, FirstOrder())
    assert abs(exact.bounds.upper - entropy(source.probabilities)) <= 1e-6


def test_a_ball_no_channel_can_meet_is_proved_empty() -> None:
    """The columns cost 0 and 1, and the reference insists on the dear one: E d >= 0.9 whatever the channel."""
    table = np.array([[0.0, 1.0], [0.0, 1.0]])
    ball = PerceptionLimit(TotalVariation(), np.array([0.1, 0.9]), 0.05)
    found = answered(DiscreteProblem(np.array([0.5, 0.5]), (DistortionLimit(table, 0.3),), (ball,)), FirstOrder())
    assert found.bounds.lower > np.log(2.0)  # more than H(X), which no rate exceeds
    assert found.channel is None


def test_symbols_without_mass() -> None:
    p, x = np.array([0.3, 0.0, 0.7]), np.array([0.0, 0.4, 1.0])
    for divergence in F_DIVERGENCES:
        problem = Problem(Pmf(p, x), SquaredError(), divergence, D=0.05, P=0.02).discrete
        found = answered(problem, FirstOrder(gap=1e-7))
        assert found.bounds.gap <= 1e-7
        check_channel(problem, found)


def test_far_tails_and_small_distortions() -> None:
    p = np.array([1e-15, 1e-9, 0.4, 0.6 - 1e-9 - 1e-15])
    for D in (1e-6, 1e-3, 0.1):
        problem = Problem(Pmf.from_weights(p), SquaredError(), TotalVariation(), D=D, P=0.01).discrete
        found = answered(problem, FirstOrder(gap=1e-6))
        assert found.bounds.gap <= 1e-6
        check_channel(problem, found)


def test_limits_it_cannot_take() -> None:
    source = Pmf([0.5, 0.5])
    d = Hamming().table(source.points)
    two = DiscreteProblem(source.probabilities, (DistortionLimit(d, 0.1), DistortionLimit(d, 0.2)))
    with pytest.raises(InvalidInput, match="one distortion limit"):
        answered(two, FirstOrder())
    with pytest.raises(InvalidInput, match=r"use its \.on\(points\)"):
        PerceptionLimit(Wasserstein2Squared(), source.probabilities, 0.1)
    ball = PerceptionLimit(Wasserstein2Squared().on(source.points), source.probabilities, 0.1)
    with pytest.raises(InvalidInput, match="f-divergence"):
        answered(DiscreteProblem(source.probabilities, (DistortionLimit(d, 0.1),), (ball,)), FirstOrder())
    for wrong in ({"gap": 0.0}, {"gap": np.nan}, {"max_steps": 0}):
        with pytest.raises(InvalidInput):
            FirstOrder(**wrong)


def test_an_interruption_before_the_first_look_ends_the_program(monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    question = Pmf([0.5, 0.3, 0.2]), SquaredError(), TotalVariation()
    true = rdp(*question, D=0.2, P=0.05)
    monkeypatch.setattr(loop, "_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rdp(*question, D=0.2, P=0.05, method=FirstOrder())
    monkeypatch.setattr(watch, "PATIENCE", 0.0)  # later it is an answer, of what is known without a step
    found = rdp(*question, D=0.2, P=0.05, method=FirstOrder())
    assert "interrupted" in found.message
    assert found.bounds.lower == 0.0
    assert found.bounds.overlaps(true.bounds)


def test_symbols_that_the_ball_forbids_may_be_the_only_good_ones():
    table = Table([[1.0, 0.0], [1.0, 0.0]], reference=[1.0, 0.0])
    problem = Problem(Pmf([0.5, 0.5]), table, KullbackLeibler(), 0.5, 0.1).discrete
    outcome = FirstOrder().solve(problem)
    assert outcome.sentence == "no channel of the ball reaches D"
    assert outcome.channel is None
