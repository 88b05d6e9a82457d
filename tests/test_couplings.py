"""The cheapest plan against all matchings, and its lower bound against every plan."""

import math

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

from rdptheory import (
    Hamming,
    InteriorPoint,
    KullbackLeibler,
    Pmf,
    SquaredError,
    Status,
    Table,
    TotalVariation,
    TransportDivergence,
    Wasserstein1,
    rdp,
)
from rdptheory.certificates import min_distortion_channel, slater_channel, upper_bound
from rdptheory.couplings import optimal_transport, rerouted_plan, rounded_plan, sums_of_plans
from tests import checks, oracles
from tests.strategies import laws, matrices

LAW = Pmf([0.5, 0.3, 0.2])
TABLE = np.array([[0.0, 1.0, 2.0], [0.7, 0.0, 1.0], [1.5, 0.4, 0.0]])


@given(st.integers(1, 4).flatmap(lambda n: matrices(n, n)))
def test_uniform_laws_against_all_matchings(cost):
    n = cost.shape[0]
    found = optimal_transport(np.full(n, 1.0 / n), np.full(n, 1.0 / n), cost)
    best = oracles.matching(cost)
    checks.assert_at_most(found.lower, best, 1e-15)
    assert found.lower == pytest.approx(best, abs=1e-7)  # HiGHS's own tolerance
    assert float(np.vdot(found.plan, cost)) == pytest.approx(best, abs=1e-7)


@pytest.mark.parametrize("columns", [0, 1, 4])
def test_sums_of_plans_and_of_mixtures(columns):
    rng = np.random.default_rng(3)
    plan, laws, weights = rng.random((3, 4)), rng.random((2, 4)), rng.random(2)
    sums = np.concatenate([plan.sum(axis=1), plan.sum(axis=0)[:columns]])
    np.testing.assert_allclose(sums_of_plans(3, 4, columns) @ plan.ravel(), sums, rtol=1e-14)
    sums[3:] -= (weights @ laws)[:columns]
    np.testing.assert_allclose(
        sums_of_plans(3, 4, columns, laws) @ np.append(plan.ravel(), weights), sums, rtol=1e-14, atol=1e-14
    )


@given(laws(3), laws(4), matrices(3, 4), matrices(3, 4))
def test_no_plan_costs_less_than_the_lower_bound(p, q, cost, weights):
    found = optimal_transport(p, q, cost)
    checks.assert_at_most(found.lower, float(p @ cost @ q), 1e-15)
    joint = np.minimum(weights, 1.0) * np.outer(p, q)  # some plan: part of the product, the rest put back
    rows, columns = p - joint.sum(axis=1), q - joint.sum(axis=0)
    if rows.sum() > 1e-9:
        joint = joint + np.outer(rows, columns) / columns.sum()
        checks.assert_at_most(found.lower, float(np.vdot(joint, cost)), 1e-12)
    assert (found.plan >= 0.0).all()
    np.testing.assert_allclose(found.plan.sum(axis=1), p, rtol=0, atol=1e-7)
    np.testing.assert_allclose(found.plan.sum(axis=0), q, rtol=0, atol=1e-7)


@given(laws(4), laws(5), laws(4), laws(5))
def test_a_rerouted_plan_has_the_marginals_it_is_asked_for(p, q, before, after):
    for plan in (np.outer(before, after), np.diag(before) @ np.eye(4, 5), np.zeros((4, 5))):  # full, a forest, nothing
        found = rerouted_plan(plan, p, q)
        assert (found >= 0.0).all()
        np.testing.assert_allclose(found.sum(axis=1), p, rtol=0, atol=1e-15 * 20)  # rounding of 20 cells
        np.testing.assert_allclose(found.sum(axis=0), q, rtol=0, atol=1e-15 * 20)


def test_the_fullest_cells_are_found_beside_subnormal_ones():
    """A quotient of masses would be inf there."""
    plan = np.array([[0.5, 5e-324], [5e-324, 0.5]])
    found = rerouted_plan(plan, np.array([0.5, 0.5]), np.array([0.25, 0.75]))
    np.testing.assert_allclose(found.sum(axis=1), [0.5, 0.5], rtol=0, atol=1e-15)  # rounding of two cells
    np.testing.assert_allclose(found.sum(axis=0), [0.25, 0.75], rtol=0, atol=1e-15)


def test_what_a_plan_lacks_goes_where_its_mass_is():
    """A cheapest plan in a plane, and laws that are off by 1e-9 of themselves: rounding pays the mean cost of a product
    for that, the fullest cells a tenth of it or less."""
    rng = np.random.default_rng(0)
    p, q, change = rng.dirichlet(np.ones(40)), rng.dirichlet(np.ones(40)), rng.uniform(-1e-9, 1e-9, 40)
    points, others = rng.random((40, 2)), rng.random((40, 2))
    cost = ((points[:, None] - others[None]) ** 2).sum(axis=2)
    plan = optimal_transport(p, q, cost).plan
    law = q * (1.0 + change) / (q @ (1.0 + change))
    least = float(np.vdot(plan, cost))
    near, product = (float(np.vdot(by(plan, p, law), cost)) - least for by in (rerouted_plan, rounded_plan))
    assert abs(near) <= 0.3 * product, (near, product)


def test_costs_next_to_the_largest_float_have_a_plan():
    found = optimal_transport(np.array([0.5, 0.5]), np.array([0.3, 0.7]), np.full((2, 2), 1e308))
    assert found.plan is not None
    assert 1e308 * (1.0 - 1e-14) <= found.lower <= 1e308  # a few roundings of the sum


def test_a_lower_bound_raised_past_the_optimum_is_caught():
    cost = np.array([[0.0, 1.0], [1.0, 0.0]])
    found = optimal_transport(np.array([0.5, 0.5]), np.array([0.25, 0.75]), cost)
    checks.assert_at_most(found.lower, 0.25, 1e-15)
    with pytest.raises(AssertionError, match="above the truth"):
        checks.assert_at_most(found.lower + 1e-6, 0.25, 1e-15)


FREE = [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
QUESTIONS = {
    "transport": (LAW, SquaredError(), Wasserstein1(), 0.15, 0.02),
    "an f-ball": (LAW, Table(TABLE, reference=[0.2, 0.5, 0.3]), KullbackLeibler(), 0.5, 0.02),
    "free moves": (LAW, Table(TABLE), TransportDivergence(FREE), 0.1, 0.0),
    "a moved reference": (LAW, Table(TABLE, reference=[0.2, 0.5, 0.3]), TransportDivergence(TABLE), 0.6, 0.05),
    "two distortions": (LAW, [SquaredError(), Hamming()], TotalVariation(), [0.2, 0.15], 0.05),
    "two, and transport": (LAW, [SquaredError(), Hamming()], Wasserstein1(), [0.2, 0.15], 0.05),
    "two, and free": (LAW, [Table(TABLE), Table(TABLE.T)], None, [0.4, 0.5], math.inf),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_linear_program_that_fails_widens_a_bracket_and_keeps_it_true(monkeypatch, name):
    source, distortion, ball, D, P = QUESTIONS[name]
    honest = rdp(source, distortion, ball, D=D, P=P)
    assert honest.gap <= 1e-9
    problem = honest.problem.discrete
    least = [(problem.probabilities, one.table, ball) for one in problem.distortions for ball in problem.perceptions]
    proved = [min_distortion_channel(*question, 0.0).lower for question in least]
    failed = scipy.optimize.OptimizeResult(x=None, status=4)
    monkeypatch.setattr(scipy.optimize, "linprog", lambda *args, **options: failed)
    for question, lower in zip(least, proved, strict=True):
        assert 0.0 <= min_distortion_channel(*question, 0.0).lower <= lower
    for method in (None, InteriorPoint(max_steps=3)):
        found = rdp(source, distortion, ball, D=D, P=P, method=method)
        assert found.status is not Status.INFEASIBLE
        assert found.bounds.overlaps(honest.bounds)
        assert found.gap >= 0.0


def test_a_program_finds_the_mixture_inside_two_limits():
    """A letter is kept or exchanged, neither often: no map of letters is inside both, a mixture is."""
    kept, exchanged = Table([[0.0, 1.0], [1.0, 0.0]]), Table([[1.0, 0.0], [0.0, 1.0]])
    found = rdp(Pmf([0.5, 0.5]), [kept, exchanged], None, D=[0.45, 0.58], P=math.inf)
    problem = found.problem.discrete
    channel = slater_channel(problem)
    assert (problem.expected_distortions(channel) <= [0.45, 0.58]).all()
    assert upper_bound(problem, np.eye(2)).rate >= found.bounds.lower
    assert upper_bound(problem, None).rate < math.inf
