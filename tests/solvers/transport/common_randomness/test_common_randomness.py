"""Linear programs over maps: three that share no pricing, the printed values, and the theorems on the support."""

from __future__ import annotations

import numpy as np
import pytest

from rdptheory.certificates.transport.maps import search_maps
from rdptheory.distortions import SquaredError, Table
from rdptheory.errors import InvalidInput
from rdptheory.plans import CommonPlan
from rdptheory.solution import Status
from rdptheory.solvers.transport.common_randomness import BranchAndBound, ColumnGeneration, Enumeration, Flow
from rdptheory.solvers.transport.common_randomness.intervals import IntervalPricing
from rdptheory.solvers.transport.common_randomness.master import Columns
from rdptheory.solvers.transport.plan import optimal_coupling
from rdptheory.sources import Pmf
from rdptheory.transport import constrained_transport
from rdptheory.transport_problem import DiscreteTransport, TransportProblem
from tests.transport_cases import BIT, REFERENCES, assert_sound, instance, line_pair, random_line, random_table, solved


def all_maps(problem: DiscreteTransport) -> Columns:
    n, m = problem.shape
    return Columns.of(problem, np.indices((m,) * n).reshape(n, -1).T)


def test_column_generation_equals_enumeration_and_flow() -> None:
    rng = np.random.default_rng(20)
    for trial in range(100):
        problem = random_line(rng, 6 if trial % 4 == 0 else 5, power=(1.0, 2.0, 3.0)[trial % 3])
        found = solved(problem, ColumnGeneration(gap=1e-13))
        whole = solved(problem, Enumeration())
        assert abs(found.distortion - whole.distortion) <= 1e-12
        assert found.gap <= 1e-12
        for solution in (found, whole):
            assert_sound(solution, problem)
            assert isinstance(solution.plan, CommonPlan)
            assert solution.plan.weights.size <= problem.q.size + 1
        if trial % 4 == 0:
            flow = solved(problem, Flow())
            assert_sound(flow, problem)
            assert abs(flow.distortion - whole.distortion) <= 1e-8  # linear programming tolerance on degenerate paths


def test_branch_and_bound_equals_enumeration_on_costs_without_structure() -> None:
    rng = np.random.default_rng(21)
    for n, m in [(4, 3), (6, 3), (5, 4), (8, 3)] * 3:
        problem = random_table(rng, n, m, 0.7 * float(rng.random()))
        found = solved(problem, BranchAndBound())
        assert_sound(found, problem)
        assert abs(found.distortion - solved(problem, Enumeration()).distortion) <= 1e-12


def test_branch_and_bound_closes_fourteen_symbols_and_five_labels() -> None:
    rng = np.random.default_rng(22)
    for R in (0.2, 0.5):
        problem = random_table(rng, 14, 5, R)
        found = solved(problem, BranchAndBound())
        assert_sound(found, problem)
        assert found.gap <= 1e-9


def test_a_truncated_search_still_proves_a_bound() -> None:
    problem = random_table(np.random.default_rng(23), 9, 4, 0.2)
    exact = solved(problem, BranchAndBound())
    narrow = solved(problem, BranchAndBound(width=3, max_steps=4))
    assert_sound(narrow, problem)
    assert narrow.bounds.lower <= exact.bounds.upper
    assert exact.bounds.lower <= narrow.bounds.upper
    unlimited = optimal_coupling(problem.p, problem.q, problem.cost)[1]
    assert narrow.bounds.lower > unlimited + 1e-3, "the rate limit costs something, and the bound knows"


def test_pricing_finds_the_least_reduced_cost_of_all_maps() -> None:
    rng = np.random.default_rng(24)
    for _ in range(30):
        problem = random_line(rng, 5)
        n, m = problem.shape
        alpha, nu = float(rng.exponential()) * float(rng.random() < 0.9), rng.normal(size=m)
        least = float(all_maps(problem).reduced_cost(alpha, nu).min())
        priced = IntervalPricing(problem, (np.arange(n), np.arange(m))).price(alpha, nu)
        assert priced.lower == pytest.approx(least, abs=1e-13)
        found = search_maps(problem.p, problem.cost - nu, alpha, np.inf, 10_000)
        assert found[0] == pytest.approx(least, abs=1e-13)
        assert found[1] is not None
        for best in (priced.maps[0], found[1]):
            assert Columns.of(problem, best[None]).reduced_cost(alpha, nu)[0] == pytest.approx(least, abs=1e-13)


def test_order_of_symbols_does_not_matter() -> None:
    rng = np.random.default_rng(25)
    problem = random_line(rng, 6)
    x, y = rng.permutation(problem.p.size), rng.permutation(problem.q.size)
    assert problem.x is not None
    assert problem.y is not None
    mixed = DiscreteTransport(
        problem.p[x], problem.q[y], problem.cost[np.ix_(x, y)], problem.R, problem.x[x], problem.y[y]
    )
    first, second = (solved(case, ColumnGeneration()) for case in (problem, mixed))
    assert_sound(second, mixed)
    assert first.distortion == pytest.approx(second.distortion, abs=1e-11)


@pytest.mark.parametrize("row", REFERENCES["finite"], ids=lambda row: f"{row['instance']}-{row['R']}")
def test_printed_values(row: dict[str, float]) -> None:
    problem = TransportProblem(*instance(str(row["instance"])), row["R"] * BIT, np.inf).discrete
    method = BranchAndBound() if problem.monge_order is None else ColumnGeneration(gap=1e-14)
    found = solved(problem, method)
    assert assert_sound(found, problem).distortion == pytest.approx(row["D_cr"], abs=1e-14)
    if "support" in row:
        assert isinstance(found.plan, CommonPlan)
        assert found.plan.weights.size <= problem.q.size + 1


@pytest.mark.parametrize(
    "row", [row for row in REFERENCES["line"] if "D_cr" in row], ids=lambda row: f"{row['n']}-{row['R']}"
)
def test_printed_values_on_the_line(row: dict[str, float]) -> None:
    problem = TransportProblem(*line_pair(int(row["n"])), SquaredError(), row["R"] * BIT, np.inf).discrete
    found = solved(problem, ColumnGeneration())
    assert_sound(found, problem)
    assert found.gap <= 1e-9
    assert found.distortion == pytest.approx(row["D_cr"], abs=1e-10)
    assert isinstance(found.plan, CommonPlan)
    assert found.plan.weights.size == problem.q.size + 1  # the rate row binds and the masses are in general position
    assert found.multipliers is not None
    if "slope_bits" in row:
        assert found.multipliers.rate * BIT == pytest.approx(row["slope_bits"], abs=5e-5)


def test_the_history_is_a_shrinking_bracket() -> None:
    problem = TransportProblem(*line_pair(16), SquaredError(), BIT, np.inf).discrete
    history = solved(problem, ColumnGeneration()).history
    assert (np.diff(history[:, 0]) >= 0.0).all()
    assert (np.diff(history[:, 1]) <= 1e-12).all()
    assert (history[:, 0] <= history[:, 1] + 1e-12).all()


@pytest.mark.parametrize(("n", "m"), [(60, 2), (50, 5), (3, 70), (45, 44)])
def test_lopsided_alphabets_and_equal_prices_of_a_proof(n: int, m: int) -> None:
    rng = np.random.default_rng(26)
    x, y = np.sort(rng.random(n)), np.sort(rng.random(m))
    cost = np.square(x[:, None] - y)
    problem = DiscreteTransport(rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m)), cost, 0.4, x, y)
    found = solved(problem, ColumnGeneration())
    assert_sound(found, problem)
    assert found.gap <= 1e-9
    assert found.multipliers is not None
    nu = found.multipliers.target
    assert nu is not None
    order = problem.monge_order
    assert order is not None
    least = IntervalPricing(problem, order).price(found.multipliers.rate, nu).lower
    proved = float(nu @ problem.q) - found.multipliers.rate * problem.R + least
    assert proved == pytest.approx(found.bounds.lower, abs=1e-12)


def test_a_wrong_plan_is_caught() -> None:
    problem = TransportProblem(*instance("A"), 0.25 * BIT, np.inf).discrete
    found = solved(problem, ColumnGeneration())
    assert isinstance(found.plan, CommonPlan)
    from dataclasses import replace

    biased = CommonPlan(np.roll(found.plan.weights, 1), found.plan.maps)
    with pytest.raises(AssertionError, match=r"marginals|rate"):
        assert_sound(replace(found, plan=biased), problem)
    identity = CommonPlan(np.ones(1), np.array([[2, 1, 0]]))
    with pytest.raises(AssertionError, match="rate exceeded"):
        assert_sound(replace(found, plan=identity), problem)


def test_enumeration_refuses_what_it_cannot_write_out() -> None:
    with pytest.raises(InvalidInput, match="ColumnGeneration"):
        solved(random_table(np.random.default_rng(0), 20, 5, 0.1), Enumeration())


def test_a_search_that_is_cut_short_is_wide_and_true() -> None:
    rng = np.random.default_rng(11)
    laws = Pmf(rng.dirichlet(np.ones(8))), Pmf(rng.dirichlet(np.ones(5)))
    table = Table(rng.random((8, 5)))
    true = constrained_transport(*laws, table, R=0.4, common_randomness=True)
    short = [BranchAndBound(width=1, max_searches=1), BranchAndBound(max_steps=1)]
    for method in short:
        found = constrained_transport(*laws, table, R=0.4, common_randomness=True, method=method)
        assert found.status is Status.STOPPED
        assert found.bounds.overlaps(true.bounds)
        assert found.gap > true.gap
    line = [Pmf(law.probabilities, np.arange(float(law.size))) for law in laws]
    true = constrained_transport(*line, SquaredError(), R=0.4, common_randomness=True)
    found = constrained_transport(
        *line, SquaredError(), R=0.4, common_randomness=True, method=ColumnGeneration(max_steps=1)
    )
    assert found.status is Status.STOPPED
    assert found.bounds.overlaps(true.bounds)
    with pytest.raises(InvalidInput, match="needs a cost with a Monge order; use BranchAndBound"):
        ColumnGeneration().solve(TransportProblem(*laws, table, 0.4, True).discrete)
