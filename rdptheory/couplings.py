"""Couplings of two laws: the cheapest one by linear programming, the monotone one on a line, exact rounding."""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp

import numpy as np
import scipy
from numpy.typing import NDArray

from rdptheory._native import staircase
from rdptheory._types import UNIT_ROUNDOFF, FloatArray, IntArray
from rdptheory.errors import InvalidInput

__all__ = [
    "Optimum",
    "least_excess",
    "limit_in",
    "max_slack_joint",
    "min_distortion_joint",
    "monotone_plan",
    "optimal_transport",
    "rerouted_plan",
    "rounded_plan",
    "sums_of_plans",
    "unit_of",
]


TOLERANCES = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}  # the least HiGHS takes
SCALINGS = 1000  # of rows and columns: a plan that is off by 1e-9 takes some dozens
EXACT = 4 * UNIT_ROUNDOFF  # share of a mass
ROUNDING = 16 * UNIT_ROUNDOFF  # share of each mass: a sum that misses it by less has it up to rounding


ORDINARY = 2.0**-10, 2.0**10  # greatest costs between these are left as they are
IDLE = 2.0**40  # in units of the costs: a limit that none reaches


def unit_of(cost: FloatArray) -> float:
    """The power of 2 next to the greatest finite cost, or 1 if that is an ordinary number.

    Costs are divided by it without rounding, because programs and solvers have tolerances of their own.
    """
    largest = float(cost.max(initial=0.0, where=np.isfinite(cost)))
    return 1.0 if largest <= 0.0 or ORDINARY[0] <= largest <= ORDINARY[1] else 2.0 ** min(frexp(largest)[1], 1023)


def limit_in(unit: float, limit: float) -> float:
    """A limit on costs in their unit, `IDLE` where it is far above them all: it may be no number in that unit."""
    return limit / unit if limit < IDLE * unit else IDLE


@dataclass(frozen=True, eq=False)
class Optimum:
    """The plan (n, m), or None if the program failed, a proved lower bound on the cost of any plan, and the potentials
    u (n,) and w (m,) that prove it: u_i + w_j <= cost_ij."""

    plan: FloatArray | None
    lower: float
    u: FloatArray
    w: FloatArray


def optimal_transport(p: FloatArray, q: FloatArray, cost: FloatArray) -> Optimum:
    """min <cost, plan> over plans with row sums p (n,) and column sums q (m,), by HiGHS; none uses a cost of inf.

    The lower bound is <p, u> + <q, w> for the row potentials u that HiGHS returns and w_j = min_i (cost_ij - u_i),
    which is feasible in the dual whatever u is, less what float64 may have added.
    """
    n, m = cost.shape
    for name, law in (("p", p), ("q", q)):
        if not np.isfinite(law).all():
            raise InvalidInput(name, law, "must be a law, with finite entries")
    unit = unit_of(cost)
    cost = cost / unit
    finite = np.isfinite(cost)
    found = scipy.optimize.linprog(
        np.where(finite, cost, 0.0).ravel(),
        A_eq=sums_of_plans(n, m, m - 1),  # the last column sum follows from the others
        b_eq=np.concatenate([p, q])[:-1],
        bounds=_bounds(finite),
        method="highs",
        options=TOLERANCES,
    )
    if found.x is None:
        return Optimum(None, 0.0, np.zeros(n), np.zeros(m) + float(cost.min()) * unit)
    u = np.asarray(found.eqlin.marginals[:n])
    w = (cost - u[:, None]).min(axis=0)
    w[np.isinf(w)] = 0.0  # nothing goes there: q is 0
    # n + m products are summed, and the laws and each w_j have the rounding of one operation
    rounding = UNIT_ROUNDOFF * (n + m + 8) * float(p @ np.abs(u) + q @ np.abs(w))
    lower = (float(p @ u + q @ w) - rounding) * unit
    return Optimum(np.maximum(found.x.reshape(n, m), 0.0), lower, u * unit, w * unit)


def max_slack_joint(
    p: FloatArray, tables: list[FloatArray], limits: FloatArray, q: FloatArray, cost: FloatArray, P: float
) -> FloatArray | None:
    """The joint law (n, m) that stays furthest inside every limit, by HiGHS, or None if there is none.

    Of all joint laws with row sums p, and couplings (k, m) of q with their column sums, it has the least t with
    <table_k, joint> <= (1 + t) limit_k and <cost, coupling> <= (1 + t) P.
    """
    (n, m), k = tables[0].shape, q.size
    units = [unit_of(one) for one in (*tables, cost)]
    limits = np.array([limit_in(unit, limit) for unit, limit in zip(units, (*limits.tolist(), P), strict=True)])
    *tables, cost = (one / unit for one, unit in zip((*tables, cost), units, strict=True))
    finite = np.asarray(np.isfinite(tables).all(axis=0))
    spent = [
        np.concatenate([np.where(finite, table, 0.0).ravel(), np.zeros(k * m), [-limit]])
        for table, limit in zip(tables, limits[:-1], strict=True)
    ]
    spent.append(np.concatenate([np.zeros(n * m), cost.ravel(), [-limits[-1]]]))
    found = scipy.optimize.linprog(
        np.append(np.zeros((n + k) * m), 1.0),
        A_ub=np.array(spent),
        b_ub=limits,
        A_eq=scipy.sparse.hstack([_marginal_constraints(n, k, m), scipy.sparse.coo_array((n + k + m, 1))]).tocsr(),
        b_eq=np.concatenate([p, q, np.zeros(m)]),
        bounds=np.concatenate([_bounds(finite), _bounds(np.ones((k, m), dtype=bool)), [[-1.0, 0.0]]]),
        method="highs",
    )
    return None if found.x is None else np.maximum(found.x[: n * m].reshape(n, m), 0.0)


def least_excess(p: FloatArray, tables: list[FloatArray], limits: FloatArray) -> tuple[FloatArray | None, float]:
    """The joint law (n, m) with row sums p that exceeds no limit on <table_k, joint> by more than it must, by HiGHS.

    With sizes s_k, the greater of the limit and the mean of the largest entries of a row, it has the least t such that
    <table_k, joint> <= limit_k + t s_k for every k. The second number bounds t from below, whatever HiGHS does: for
    multipliers λ >= 0

        t >= (Σ_i p_i min_j Σ_k λ_k table_kij - Σ_k λ_k limit_k) / Σ_k λ_k s_k.
    """
    n, m = tables[0].shape
    finite = np.asarray(np.isfinite(tables).all(axis=0))
    paid = [np.where(finite, table, 0.0) for table in tables]
    sizes = np.maximum(limits, [float(p @ table.max(axis=1)) for table in paid])
    sizes = np.where(sizes > 0.0, sizes, 1.0)
    rows = scipy.sparse.kron(scipy.sparse.eye_array(n), np.ones((1, m)))
    found = scipy.optimize.linprog(
        np.append(np.zeros(n * m), 1.0),
        A_ub=np.array([np.append(table.ravel(), -size) for table, size in zip(paid, sizes, strict=True)]),
        b_ub=limits,
        A_eq=scipy.sparse.hstack([rows, scipy.sparse.coo_array((n, 1))]).tocsr(),
        b_eq=p,
        bounds=np.concatenate([_bounds(finite), [[-np.inf, np.inf]]]),
        method="highs",
        options=TOLERANCES,
    )
    if found.x is None:
        return None, -np.inf
    prices = np.maximum(-found.ineqlin.marginals, 0.0)
    if not prices.any():
        return None, -np.inf
    priced = np.where(finite, np.tensordot(prices, paid, axes=(0, 0)), np.inf).min(axis=1)
    owed, total = float(prices @ limits), float(prices @ sizes)
    rounding = UNIT_ROUNDOFF * (n + len(tables) + 16) * (float(p @ priced) + owed)
    return np.maximum(found.x[:-1].reshape(n, m), 0.0), (float(p @ priced) - owed - rounding) / total


def min_distortion_joint(
    p: FloatArray, table: FloatArray, q: FloatArray, cost: FloatArray, P: float
) -> tuple[FloatArray | None, float]:
    """The joint law (n, m) of least <table, joint> whose column sums q can be moved to at a cost of at most P, by
    HiGHS, or None; and the price of P."""
    (n, m), k = table.shape, q.size
    paid, moved = unit_of(table), unit_of(cost)
    table, cost, P = table / paid, cost / moved, limit_in(moved, P)
    finite = np.isfinite(table)
    found = scipy.optimize.linprog(
        np.concatenate([np.where(finite, table, 0.0).ravel(), np.zeros(k * m)]),
        A_ub=np.concatenate([np.zeros(n * m), cost.ravel()])[None],
        b_ub=[P],
        A_eq=_marginal_constraints(n, k, m).tocsr(),
        b_eq=np.concatenate([p, q, np.zeros(m)]),
        bounds=np.concatenate([_bounds(finite), _bounds(np.ones((k, m), dtype=bool))]),
        method="highs",
    )
    if found.x is None:
        return None, 0.0
    price = max(0.0, -float(found.ineqlin.marginals[0])) * (paid / moved)
    return np.maximum(found.x[: n * m].reshape(n, m), 0.0), price


def sums_of_plans(n: int, m: int, columns: int, mixed: FloatArray | None = None) -> scipy.sparse.csr_array:
    """The row sums of a plan (n, m) and the first so many of its column sums, as rows of a matrix.

    With `mixed` (k, m), laws with weights that follow the plan, the column sums less those of the mixture.
    """
    cells = np.arange(n * m).reshape(n, m)
    within, values = cells.T[:columns], np.ones((columns, n))
    if mixed is not None:
        within = np.hstack((within, np.tile(n * m + np.arange(len(mixed)), (columns, 1))))
        values = np.hstack((values, -mixed.T[:columns]))
    ends = np.concatenate((np.arange(0, n * m, m), n * m + np.arange(0, within.size + 1, within.shape[1])))
    return scipy.sparse.csr_array(
        (np.concatenate((np.ones(n * m), values.ravel())), np.concatenate((cells.ravel(), within.ravel())), ends),
        shape=(n + columns, n * m + (0 if mixed is None else len(mixed))),
    )


def _bounds(open_: NDArray[np.bool_]) -> FloatArray:
    """At least 0 where a plan may go, 0 elsewhere: shape (entries, 2)."""
    return np.column_stack([np.zeros(open_.size), np.where(open_.ravel(), np.inf, 0.0)])


def _marginal_constraints(n: int, k: int, m: int) -> scipy.sparse.coo_array:
    """Row sums of a joint law (n, m) and of a coupling (k, m), and the differences of their column sums."""
    rows = scipy.sparse.kron(scipy.sparse.eye_array(n + k), np.ones((1, m)))
    columns = scipy.sparse.kron(np.repeat([[1.0, -1.0]], [n, k], axis=1), scipy.sparse.eye_array(m))
    return scipy.sparse.coo_array(scipy.sparse.vstack([rows, columns]))


def monotone_plan(first: FloatArray, second: FloatArray, line: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Cells (i, j) and masses of the monotone coupling of two laws on the same points of a line, at most 2n of them."""
    order = np.argsort(line, kind="stable")
    upper, lower = np.cumsum(first[order]), np.cumsum(second[order])
    lower *= upper[-1] / lower[-1]
    i, j, mass = staircase(upper, lower)
    return order[i], order[j], mass


def rounded_plan(plan: FloatArray, p: FloatArray, q: FloatArray, barred: NDArray[np.bool_] | None = None) -> FloatArray:
    """A plan with row sums p and column sums q close to `plan` (n, m): scale down what is too heavy, then put what is
    missing back as a product of the two deficits [AWR17]. What is below 0 in `plan` counts as 0.

    Where entries are barred, rows and columns are scaled in turn instead, as far as that takes: a product would be
    everywhere. It does not take far where no such plan uses some entry that is not barred, so those are barred first.
    """
    plan = np.maximum(plan, 0.0)
    if barred is not None:
        return _scaled(np.where(_used(barred, p, q), plan, 0.0), p, q)
    rows = plan.sum(axis=1)
    rounded = plan
    rounded *= np.divide(p, rows, out=np.ones_like(rows), where=rows > p)[:, None]
    columns = rounded.sum(axis=0)
    rounded *= np.divide(q, columns, out=np.ones_like(columns), where=columns > q)
    short, empty = p - rounded.sum(axis=1), q - rounded.sum(axis=0)
    rows, columns = short > ROUNDING * p, empty > ROUNDING * q  # less is rounding of the sums themselves
    missing = float(empty[columns].sum())
    if missing > 0.0:
        lacking = np.where(rows, short, 0.0)
        lacking += max(missing - float(lacking.sum()), 0.0) * p  # columns that only rounding of the rows has room for
        rounded[:, columns] += lacking[:, None] * (empty[columns] / float(lacking.sum()))
    return np.asarray(rounded)


def rerouted_plan(plan: FloatArray, p: FloatArray, q: FloatArray) -> FloatArray:
    """A plan with row sums p and column sums q, up to rounding, that differs from `plan` (n, m) in its fullest cells.

    What a symbol lacks goes along the spanning tree of the fullest cells, where every difference of the marginals has
    one way: at what the cells in use cost, where `rounded_plan` pays for a product. What a cell cannot give, or the
    tree does not reach, is left to that.
    """
    n = p.size
    i, j = np.nonzero(plan)
    logs = np.log(plan[i, j])  # the mass of a cell may be subnormal
    lengths = 1.0 + logs.max(initial=-np.inf) - logs
    graph = scipy.sparse.csr_array((lengths, (i, n + j)), shape=2 * (n + q.size,))
    tree = scipy.sparse.csgraph.minimum_spanning_tree(graph)
    order, before = scipy.sparse.csgraph.breadth_first_order(tree, 0, directed=False)
    lacking = np.concatenate([p - plan.sum(axis=1), q - plan.sum(axis=0)]).tolist()
    rerouted = plan.copy()
    for node in order[:0:-1].tolist():
        other = int(before[node])
        cell = (node, other - n) if node < n else (other, node - n)
        sent = max(lacking[node], -float(rerouted[cell]))
        rerouted[cell] += sent
        lacking[other] -= sent
    return rounded_plan(rerouted, p, q)


def _used(barred: NDArray[np.bool_], p: FloatArray, q: FloatArray) -> NDArray[np.bool_]:
    """The entries that some plan uses: those of one plan, and those on a cycle of moves that it has room for."""
    from scipy.sparse.csgraph import connected_components

    n, m = barred.shape
    one = optimal_transport(p, q, np.where(barred, np.inf, 0.0)).plan
    if one is None:
        return ~barred
    held = one > TOLERANCES["primal_feasibility_tolerance"] * np.minimum(p[:, None], q)
    arcs = np.zeros((n + m, n + m), dtype=bool)
    arcs[:n, n:], arcs[n:, :n] = ~barred, held.T
    _, part = connected_components(scipy.sparse.csr_array(arcs), connection="strong")
    return np.asarray(held | (~barred & (part[:n, None] == part[None, n:])))


def _scaled(plan: FloatArray, p: FloatArray, q: FloatArray) -> FloatArray:
    for _ in range(SCALINGS):
        columns = plan.sum(axis=0)
        plan = plan * np.divide(q, columns, out=np.zeros_like(columns), where=columns > 0.0)
        rows = plan.sum(axis=1)
        plan *= np.divide(p, rows, out=np.zeros_like(rows), where=rows > 0.0)[:, None]
        if (np.abs(plan.sum(axis=0) - q) <= EXACT * q).all():
            break
    return plan
