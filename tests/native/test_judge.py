"""The compiled judge against the general one in numpy and against 50 digits, on solved, disturbed, random and hopeless
outcomes."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import InteriorPoint, KullbackLeibler, Pmf, Problem, SquaredError, Table, rdp
from rdptheory._native import Look, judge
from rdptheory.certificates import DualPoint, Shown, both_ends, lower_bound, on_reduced, upper_bound
from rdptheory.certificates.common import common_question
from rdptheory.certificates.upper import or_on_the_face
from rdptheory.divergences import F_DIVERGENCES, PowerDivergence
from rdptheory.problems import PerceptionLimit
from rdptheory.solvers.first_order.projections import Ball
from tests import checks, oracles
from tests.attack import exact

BALLS = (None, *F_DIVERGENCES, PowerDivergence(3.0), PowerDivergence(0.3))
BAD = (math.nan, math.inf, -math.inf, -1.0, 1e300, 1e-300, 0.0)
SEEDS = st.integers(0, 2**32 - 1)


def _question(seed, ball, n):
    """A law with light masses, a table with a copy at no cost, D and P over four decades, P = 0 among them."""
    rng = np.random.default_rng(seed)
    law = Pmf.from_weights(rng.dirichlet(np.full(n, rng.choice([0.3, 5.0]))) + 10.0 ** rng.uniform(-12, -2))
    table = rng.uniform(0.0, 10.0 ** rng.uniform(-2, 2), (n, n))
    np.fill_diagonal(table, 0.0)
    most = float((law.probabilities @ table).min())
    D = most * 10.0 ** rng.uniform(-3.0, -0.05)
    P = math.inf if ball is None else float(rng.choice([0.0, 10.0 ** rng.uniform(-4.0, -1.0)]))
    return rng, Problem(law, Table(table), ball, D, P).discrete


def _outcome(rng, problem, kind):
    """A dual point and a channel: as solved, beside that, or with no relation to the question."""
    found = InteriorPoint().solve(problem)
    f, s, channel, mu = found.dual.f, found.dual.s, found.channel, found.dual.mu
    if kind != "solved":
        n = f.size
        size = 10.0 ** rng.uniform(-9, 1) if kind == "disturbed" else 10.0 ** rng.uniform(-1, 3)
        f = (f if kind == "disturbed" else 0.0) + size * rng.normal(size=n)
        s = s * 10.0 ** rng.uniform(-0.1, 0.1) if kind == "disturbed" else size * rng.uniform(size=1)
        noise = 10.0 ** rng.uniform(-12, 0) * rng.uniform(-0.2, 1.0, channel.shape)
        channel = channel + noise if kind == "disturbed" else noise
    if kind == "hopeless":
        f, s, channel = f.copy(), s.copy(), channel.copy()
        for array in (f, s, channel):
            if rng.random() < 0.5:
                array.ravel()[int(rng.integers(array.size))] = BAD[int(rng.integers(len(BAD)))]
        mu = np.array([BAD[int(rng.integers(len(BAD)))]])
    return DualPoint(f, np.asarray(s), (), mu, centred=True), channel


def _looked(problem, dual, channel):
    P = problem.perceptions[0].limit if problem.perceptions else 0.0
    mu = 0.0 if dual.mu is None or not dual.mu.size else float(dual.mu[0])
    (limit,) = problem.reduced.distortions
    return Look(common_question(problem), limit.limit, P, dual.f, float(dual.s[0]), mu, channel)


@settings(max_examples=120, deadline=None)
@given(SEEDS, st.sampled_from(BALLS), st.integers(2, 7), st.sampled_from(["solved", "disturbed", "random", "hopeless"]))
def test_both_judges_say_the_same(seed, ball, n, kind):
    rng, problem = _question(seed, ball, n)
    dual, channel = _outcome(rng, problem, kind)
    if dual.f.size != problem.reduced.shape[0]:  # light symbols were left out
        return
    (found,) = judge([_looked(problem, dual, channel)])
    with np.errstate(all="ignore"):
        lower, upper = lower_bound(problem, dual), upper_bound(problem, channel)
    if found.lower is not None:
        # sums in another order: some dozen roundings of the largest term, at the prices it is paid with
        size = 1.0 + float(problem.probabilities @ np.abs(dual.f)) + float(dual.s[0]) * problem.distortions[0].limit
        assert found.lower == lower or abs(found.lower - lower) <= 1e-13 * size
    else:  # a price that is no number, or a ball whose multiplier is so far off that it has to be searched for
        assert kind != "solved" or ball not in (None, F_DIVERGENCES[0])
    if found.upper is None:
        assert kind == "hopeless"
        return
    checks.assert_channel(problem, found.channel)
    np.testing.assert_allclose(found.law, problem.probabilities @ found.channel, rtol=1e-14, atol=0.0)
    best = or_on_the_face(problem, channel, upper).rate if found.dear else upper.rate
    # a mixture is tried with 1, 2, 4, ... roundings more than it needs, and one round may tip either way
    assert abs(min(found.upper, best) - best) <= 1e-12
    if not found.dear:
        np.testing.assert_allclose(found.channel, upper.channel, rtol=0.0, atol=1e-10)  # rows as light as 1e-12
        assert ball is None or abs(found.room - upper.room[0]) <= 1e-14


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from(BALLS[:2]), st.integers(2, 5), st.sampled_from(["solved", "disturbed", "random"]))
def test_both_ends_keep_to_fifty_digits(seed, ball, n, kind):
    _to_fifty_digits(seed, ball, n, kind)


@pytest.mark.parametrize("ball", F_DIVERGENCES[1:], ids=lambda ball: ball.name)
@pytest.mark.parametrize("kind", ["solved", "disturbed"])
def test_both_ends_of_a_smooth_ball_keep_to_fifty_digits(ball, kind):
    _to_fifty_digits(7, ball, 3, kind)


def _to_fifty_digits(seed, ball, n, kind):
    rng, problem = _question(seed, ball, n)
    dual, channel = _outcome(rng, problem, kind)
    if dual.f.size != n:
        return
    (found,) = judge([_looked(problem, dual, channel)])
    p, (limit,) = exact.law(problem.weights), problem.distortions
    balls = [(one.divergence, exact.law(one.reference), exact.exact(one.limit)[0]) for one in problem.perceptions]
    proved = exact.dual_value(
        p, limit.table, exact.exact(limit.limit)[0], exact.exact(dual.f), exact.exact(dual.s)[0], *(balls or [None])
    )
    assert found.lower is None or exact.exact(found.lower)[0] <= max(proved, 0)
    if kind == "solved" and found.lower is not None:
        assert proved - exact.exact(found.lower)[0] <= 1e-10  # and no more is taken off than rounding and the search
    assert exact.exact(found.upper)[0] >= oracles.information(problem.probabilities, found.channel)
    checks.assert_channel(problem, found.channel)


def test_a_planted_digit_is_seen_in_fifty():
    """What is checked above can fail: without its allowance a lower end lies above the exact value somewhere."""
    crossed = 0
    for seed in range(40):
        rng, problem = _question(seed, None, 4)
        dual, channel = _outcome(rng, problem, "random")
        (found,) = judge([_looked(problem, dual, channel)])
        if found.lower > 0.0:
            (limit,) = problem.distortions
            proved = exact.dual_value(
                exact.law(problem.weights),
                limit.table,
                exact.exact(limit.limit)[0],
                exact.exact(dual.f),
                exact.exact(dual.s)[0],
                None,
            )
            size = float(problem.probabilities @ np.abs(dual.f)) + float(dual.s[0]) * limit.limit
            crossed += exact.exact(found.lower + 1e-14 * size)[0] > proved
    assert crossed >= 1


@settings(max_examples=8, deadline=None)
@given(SEEDS)
def test_bits_do_not_depend_on_the_rest_of_a_batch(seed):
    shown = []
    for place, kind in enumerate(["solved", "hopeless", "random", "disturbed"]):
        rng, problem = _question(seed + place, BALLS[(seed + place) % len(BALLS)], 2 + (seed + place) % 6)
        shown.append(Shown(problem, *_outcome(rng, problem, kind)))
    with np.errstate(all="ignore"):
        together, alone = both_ends(shown), [both_ends([one])[0] for one in reversed(shown)][::-1]
    for (lower, upper), (other, another) in zip(together, alone, strict=True):
        assert (lower, upper.rate) == (other, another.rate)
        assert upper.channel.tobytes() == another.channel.tobytes()


def test_other_questions_go_to_the_general_judge():
    law = Pmf([0.5, 0.3, 0.2])
    table = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 0.0]])
    kept = Problem(law, Table(table), F_DIVERGENCES[0], 0.2, 0.05).discrete
    assert common_question(kept) is not None
    forbidden = table.copy()
    forbidden[0, 2] = math.inf
    dear = table + 3.0 * np.eye(3)
    others = ((0.0, table, None), (0.2, forbidden, None), (2.0, dear, None), (0.2, table, [0.4, 0.4, 0.2]))
    for D, costs, reference in others:
        problem = Problem(law, Table(costs, reference), F_DIVERGENCES[0], D, 0.05).discrete
        assert common_question(problem) is None
        dual = on_reduced(problem, DualPoint(np.zeros(3), np.ones(1)))
        ((lower, upper),) = both_ends([Shown(problem, dual, np.eye(3))])
        assert (lower, upper.rate) == (lower_bound(problem, dual), upper_bound(problem, np.eye(3)).rate)


def test_a_thread_that_has_judged_nothing_yet_may_begin_with_nothing():
    with ThreadPoolExecutor(1) as fresh:
        assert fresh.submit(judge, []).result() == []


class Twice(KullbackLeibler):
    """2 KL: every method is its own, and the compiled form, inherited, is that of KL."""

    def near(self, z):
        return 2.0 * super().near(z)

    def phi(self, t):
        return 2.0 * super().phi(t)

    def far(self, p, r):
        return 2.0 * super().far(p, r)

    def slope(self, t):
        return 2.0 * super().slope(t)

    def curvature(self, t):
        return 2.0 * super().curvature(t)

    def ratio(self, y):
        return super().ratio(0.5 * y)

    def ratio_slope(self, y):
        return 0.5 * super().ratio_slope(0.5 * y)

    def conjugate(self, y):
        return 2.0 * super().conjugate(0.5 * y)


class Stated(Twice):
    """With the compiled form of KL as its own word."""

    compiled = KullbackLeibler.compiled


def test_a_form_inherited_by_another_divergence_proves_nothing():
    """2 KL <= P is KL <= P/2; as KL <= P it would have a lower rate. A search asks for what was changed."""
    source, table = Pmf.from_weights([4.0, 3.0, 2.0, 1.0]), SquaredError()
    own = rdp(source, table, Twice(), D=0.6, P=0.02, method=InteriorPoint())
    half, whole = (rdp(source, table, KullbackLeibler(), D=0.6, P=P) for P in (0.01, 0.02))
    assert max(own.bounds.lower, half.bounds.lower) <= min(own.bounds.upper, half.bounds.upper)
    assert own.gap <= own.method.gap
    assert whole.bounds.upper < half.bounds.lower - 1e-3  # so that the two can be told apart
    misled = Problem(source, table, Stated(), 0.6, 0.02).discrete
    ((_, upper),) = both_ends([Shown(misled, on_reduced(misled, whole.dual), whole.candidate.channel)])
    assert upper.rate >= half.bounds.lower, "the judge believed the form of KL"


def test_first_order_steps_ask_an_heir_for_its_own_formulas():
    """The projections that know a class by its name know nothing of one that changes it."""
    reference = np.array([0.4, 0.3, 0.2, 0.1])
    found = Ball(PerceptionLimit(Twice(), reference, 0.02), 4).project(np.log([0.1, 0.2, 0.3, 0.4]))
    plain = Ball(PerceptionLimit(KullbackLeibler(), reference, 0.01), 4).project(np.log([0.1, 0.2, 0.3, 0.4]))
    np.testing.assert_allclose(found.law, plain.law, atol=1e-10)  # Newton's method ends at 1e-14 of the radius
    assert found.mu == pytest.approx(0.5 * plain.mu, rel=1e-8)
