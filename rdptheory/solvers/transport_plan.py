"""Couplings: the cheapest one, the nearest one with exact marginals, and a coupling as a mixture of maps."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, vstack

from rdptheory._types import FloatArray, IntArray
from rdptheory.transport_problem import DiscreteTransport

__all__ = ["cheapest_coupling", "functional_maps", "unlimited_bound", "with_marginals"]


def cheapest_coupling(problem: DiscreteTransport) -> tuple[FloatArray, FloatArray]:
    """argmin E d(X,Y) over all couplings, a vertex (n, m) of the transport polytope, and the prices of Y (m,)."""
    from scipy.optimize import linprog

    n, m = problem.shape
    index = np.arange(n * m)
    ones = np.ones(n * m)
    rows = vstack(
        (csr_array((ones, (index // m, index)), (n, n * m)), csr_array((ones, (index % m, index)), (m, n * m)))
    )
    options = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    # the last row follows from the others, and rounding of the masses could contradict it
    right = np.concatenate((problem.p, problem.q))[:-1]
    plan = linprog(problem.cost.ravel(), A_eq=rows[:-1], b_eq=right, method="highs-ds", options=options)
    prices = np.append(plan.eqlin.marginals[n:], 0.0)
    return with_marginals(plan.x.reshape(n, m), problem.p, problem.q), prices


def unlimited_bound(problem: DiscreteTransport, prices: FloatArray) -> float:
    """A lower bound on min E d(X,Y) over all couplings, for any prices (m,) of the target symbols."""
    return float(prices @ problem.q + problem.p @ (problem.cost - prices).min(axis=1))


def with_marginals(plan: FloatArray, p: FloatArray, q: FloatArray) -> FloatArray:
    """A coupling of p (n,) and q (m,) near `plan` (n, m): scale down what is too heavy, then fill up independently."""
    plan = np.maximum(plan, 0.0)
    rows = plan.sum(axis=1)
    plan = plan * np.minimum(1.0, np.divide(p, rows, out=np.ones_like(p), where=rows > 0.0))[:, None]
    columns = plan.sum(axis=0)
    plan = plan * np.minimum(1.0, np.divide(q, columns, out=np.ones_like(q), where=columns > 0.0))
    row_gap, column_gap = np.maximum(p - plan.sum(axis=1), 0.0), np.maximum(q - plan.sum(axis=0), 0.0)
    missing = float(row_gap.sum())
    return plan if missing <= 0.0 else plan + row_gap[:, None] * column_gap / missing


def functional_maps(channel: FloatArray) -> tuple[FloatArray, IntArray]:
    """A channel (n, m) as a mixture of maps: weights (k,) and maps (k, n), f_u(x) the u-quantile of p(y|x)."""
    heights = np.cumsum(channel, axis=1)[:, :-1]
    cuts = np.unique(np.concatenate(([0.0, 1.0], heights[(heights > 0.0) & (heights < 1.0)])))
    middles = 0.5 * (cuts[1:] + cuts[:-1])
    return np.diff(cuts), (middles[:, None, None] >= heights).sum(axis=2)
