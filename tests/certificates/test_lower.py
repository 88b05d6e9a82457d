"""Whatever the dual point, the bound stays below the truth."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdptheory import (
    Bernoulli,
    ChiSquare,
    Hamming,
    Outcome,
    Pmf,
    Table,
    TotalVariation,
    TransportDivergence,
    closed_forms,
)
from rdptheory.certificates import DualPoint, lower_bound
from rdptheory.certificates.lower import support_value
from rdptheory.divergences import F_DIVERGENCES, Divergence, Support
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit, Problem
from rdptheory.solvers.outcome import judged
from tests import checks, oracles
from tests.strategies import laws, matrices, problems, vectors

SLOPES = st.one_of(st.just(0.0), st.floats(0.0, 50.0), st.floats(0.0, 1e8))
SLACK = 1e-15  # of the closed form: 16 ulp of log 2, see its docstring


class Loose(Divergence):
    """Total variation, with the support function of a ball that forgets that masses are at least 0: exact on a coin."""

    def value(self, reference, output):
        return TotalVariation().value(reference, output)

    def support(self, v, reference, P):
        bound = float(v @ reference + P * float(np.ptp(v)))
        return Support(bound + 1e-12 * float(np.abs(v).max()), reference)


@given(
    st.floats(0.01, 0.99), st.floats(0.0, 0.6), st.floats(1e-3, 0.6), vectors(2), SLOPES,
    st.lists(vectors(2), max_size=3),
)  # fmt: skip
def test_any_prices_for_the_ball_of_somebody(p, D, P, f, s, v):
    problem = Problem(Bernoulli(p), Hamming(), Loose(), D, P).discrete
    found = lower_bound(problem, DualPoint(f, np.array([s]), tuple(v)))
    assert found >= lower_bound(problem, DualPoint(f, np.array([s]))) - 1e-13  # rounding of sums of size 5
    checks.assert_at_most(found, float(closed_forms.bernoulli.rate(p, D, P)), SLACK)
    ours = Problem(Bernoulli(p), Hamming(), TotalVariation(), D, P).discrete
    assert lower_bound(ours, DualPoint(f, np.array([s]), tuple(v))) == lower_bound(ours, DualPoint(f, np.array([s])))


@given(st.floats(0.01, 0.99), st.floats(0.0, 0.6), st.floats(0.0, 0.6), vectors(2), SLOPES)
def test_any_dual_point_of_a_coin(p, D, P, f, s):
    problem = Problem(Bernoulli(p), Hamming(), TotalVariation(), D, P).discrete
    truth = float(closed_forms.bernoulli.rate(p, D, P))
    checks.assert_at_most(lower_bound(problem, DualPoint(f, np.array([s]))), truth, SLACK)


@given(st.floats(0.05, 0.5), st.floats(0.01, 0.4), st.floats(1e-9, 0.2), vectors(2, size=1e-6), st.floats(-1e-6, 1e-6))
def test_dual_points_next_to_the_best_one(p, D, P, nudge, turn):
    problem = Problem(Bernoulli(p), Hamming(), TotalVariation(), D, P)
    best = checks.interior(problem).dual
    truth = float(closed_forms.bernoulli.rate(p, D, P))
    if best is not None:
        near = DualPoint(best.f + nudge, np.maximum(best.s * (1.0 + turn), 0.0))
        checks.assert_at_most(lower_bound(problem.discrete, near), truth, SLACK)


@given(laws(3, zero=False, tiny=False), matrices(3, 4), st.floats(0.5, 1.0), vectors(3), st.floats(0.0, 100.0))
def test_the_allowance_covers_float64(p, table, D, f, s):
    """The bound, computed in float64, is below the same expression to fifty digits."""
    problem = Problem(Pmf.from_weights(p), Table(table), None, D, math.inf).discrete
    reduced = problem.reduced
    room = reduced.distortions[0]
    if room.limit > 0.0:
        exact = oracles.dual_value(reduced.probabilities, room.table, room.limit, f, s)
        total = sum(oracles.mp.mpf(float(x)) for x in reduced.probabilities)
        assert abs(total - 1) < 1e-15  # a law only to rounding: the bound is worth no more than that
        assert oracles.mp.mpf(lower_bound(problem, DualPoint(f, np.array([s])))) <= max(exact, 0)


@given(problems(), st.data())
def test_any_dual_point_is_below_any_channel_that_keeps_the_limits(problem, data):
    solution = checks.interior(problem)
    n = problem.discrete.reduced.shape[0]
    dual = DualPoint(data.draw(vectors(n)), np.array([data.draw(SLOPES)]))
    checks.assert_at_most(lower_bound(problem.discrete, dual), solution.rate, checks.LIMIT)


def test_numbers_that_are_none_prove_nothing():
    problem = Problem(Bernoulli(0.25), Hamming(), TotalVariation(), 0.1, 0.05).discrete
    for f, s in (([math.nan, 0], 1), ([math.inf, 0], 1), ([0, 0], math.nan), ([0, 0], -1), ([0, 0], math.inf)):
        assert lower_bound(problem, DualPoint(np.array(f, dtype=float), np.array([float(s)]))) == 0.0


FAR = [
    [1.7e308, 1e-300, -1.7e308],
    [-1.7e308, 1.7e308, 0.0],
    [1e300, -1e154, -1e308],
    [0.0, -1e200, 1.0],
    [1.7e308, -6e9, 1e9],
    [-np.inf, 1e308, -1e308],
]
COSTS = TransportDivergence([[0.0, 1.0, 3.0], [1.0, 0.0, 1.0], [3.0, 1.0, 0.0]])


@pytest.mark.parametrize("ball", [*F_DIVERGENCES, COSTS], ids=lambda ball: ball.name)
def test_prices_whose_differences_leave_float64_are_bounded(ball):
    """Of a largest and a least that far apart the difference is inf, and inf times a mass was taken off."""
    for law in (np.array([0.25, 0.25, 0.5]), np.array([0.0, 1e-20, 1.0])):
        for v, P, mu in itertools.product(np.array(FAR), (0.0, 1e-12, 0.5), (0.0, 1.0, 1e308)):
            held = law > 0.0
            if np.isfinite(v[held]).all():
                mean = sum(Fraction(w) * Fraction(x) for w, x in zip(law[held], v[held], strict=True))
                found = support_value(PerceptionLimit(ball, law, P), v, mu)
                assert found == math.inf or Fraction(found) >= mean / sum(map(Fraction, law))


@pytest.mark.parametrize("ball", [*F_DIVERGENCES, COSTS], ids=lambda ball: ball.name)
def test_a_price_that_nobody_bounds_is_worth_more_than_any(ball):
    for price in (math.inf, math.nan):
        v = np.array([-math.inf, price, -0.5])
        assert support_value(PerceptionLimit(ball, np.array([0.0, 0.3, 0.7]), 0.1), v) == math.inf


def test_a_dual_point_whose_rounding_leaves_float64_proves_nothing():
    """What float64 may have added to one column was inf, and the column counted as one that nobody can use."""
    limits = tuple(DistortionLimit(np.where(np.eye(2, 3, 1) > 0.0, 0.0, math.inf), D) for D in (1e-9, 0.0))
    law = np.array([0.02, 0.98])
    ball = PerceptionLimit(ChiSquare(), np.array([0.0, 0.02, 0.98]), 0.1)
    dual = DualPoint(np.array([1e308, 1.0]), np.ones(2))
    assert lower_bound(DiscreteProblem(law, limits, (ball,)), dual) <= math.log(2.0)
    for P in (0.0, 0.1):
        coin = Problem(Pmf([0.25, 0.75]), Hamming(), TotalVariation(), 0.1, P).discrete
        for f in itertools.product([-1.7e308, 0.0, 1.0, 1.7e308], repeat=2):
            for s in (0.0, 1.0, 1e300):
                one = DualPoint(np.array(f), np.array([s]))
                checks.assert_at_most(judged(coin, Outcome(np.eye(2), one)).bounds.lower, math.log(2.0), SLACK)
                checks.assert_at_most(lower_bound(coin, one), math.log(2.0), SLACK)


def test_multipliers_of_limits_that_are_there_are_enough():
    """Beside a limit of inf, and where there is none: forbidden entries alone have a price."""
    law, first, second = (
        np.array([0.5, 0.3, 0.2]),
        np.abs(np.subtract.outer(np.arange(3.0), np.arange(3.0))),
        np.ones((3, 3)),
    )
    limits = DistortionLimit(first + 1.0, 1.3), DistortionLimit(second, math.inf)
    dual = DualPoint(np.array([0.1, 0.2, 0.0]), np.array([0.7]))
    both, one = (lower_bound(DiscreteProblem(law, some), dual) for some in (limits, limits[:1]))
    assert both == one > 0.0
    shut = np.array([[0.0, 1.0, math.inf], [math.inf, 0.0, 1.0], [1.0, math.inf, 0.0]])
    free = Problem(Pmf(law), Table(shut), None, math.inf, math.inf)
    best = checks.interior(free)
    assert best.bounds.lower > 0.1
    named = DualPoint(best.dual.f, np.zeros(1))
    assert lower_bound(free.discrete, named) == pytest.approx(best.bounds.lower, abs=1e-12)


def test_a_limit_below_the_least_distortion_is_proved_infeasible():
    problem = DiscreteProblem(np.array([0.5, 0.5]), (DistortionLimit(np.ones((2, 2)), 0.5),))
    assert lower_bound(problem, DualPoint(np.zeros(2), np.ones(1))) == math.inf


@given(st.floats(0.05, 0.5), st.floats(0.01, 0.2), vectors(2), vectors(2), vectors(2), st.floats(0.0, 5.0))
def test_several_balls_shift_their_prices_until_they_cover(p, D, f, first, second, s):
    """Two copies of one ball ask the same question as one."""
    law, P = np.array([1.0 - p, p]), 0.05
    ball = PerceptionLimit(TotalVariation(), law, P)
    problem = DiscreteProblem(law, (DistortionLimit(1.0 - np.eye(2), D),), (ball, ball))
    truth = float(closed_forms.bernoulli.rate(p, D, P))
    checks.assert_at_most(lower_bound(problem, DualPoint(f, np.array([s]), (first, second))), truth, SLACK)
    assert lower_bound(problem, DualPoint(f, np.array([s]), (first, second * math.nan))) == 0.0


def test_two_balls_lose_nothing_at_the_best_prices():
    p, D, P = 0.25, 0.1, 0.05
    problem = Problem(Bernoulli(p), Hamming(), TotalVariation(), D, P)
    best = checks.interior(problem).dual
    law = np.array([1.0 - p, p])
    costs = np.exp(best.f[:, None] - best.s[0] * (1.0 - np.eye(2)))
    ball = PerceptionLimit(TotalVariation(), law, P)
    doubled = DiscreteProblem(law, (DistortionLimit(1.0 - np.eye(2), D),), (ball, ball))
    v = 0.5 * np.log(law @ costs)
    value = lower_bound(doubled, DualPoint(best.f, best.s, (v, v)))
    assert value == pytest.approx(lower_bound(problem.discrete, best), abs=1e-14)
