"""Optimal transport by linear programming: the cheapest channel with a given output law, and what proves it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from rdptheory._types import FloatArray

__all__ = ["Plan", "cheapest_plan"]


@dataclass(frozen=True, eq=False)
class Plan:
    """The plan (n, m), or None if the program failed, and a proved lower bound on the cost of any plan."""

    plan: FloatArray | None
    lower: float


def cheapest_plan(p: FloatArray, q: FloatArray, cost: FloatArray) -> Plan:
    """min <cost, plan> over plans with row sums p (n,) and column sums q (m,), by HiGHS.

    The lower bound is <p, u> + <q, w> for the row potentials u that HiGHS returns and w_j = min_i (cost_ij - u_i),
    which is feasible in the dual whatever u is.
    """
    n, m = cost.shape
    cells = np.arange(n * m)
    rows = scipy.sparse.coo_array((np.ones(n * m), (cells // m, cells)), shape=(n, n * m))
    columns = scipy.sparse.coo_array((np.ones(n * m), (cells % m, cells)), shape=(m, n * m))
    found = scipy.optimize.linprog(
        cost.ravel(),
        A_eq=scipy.sparse.vstack([rows, columns]).tocsr()[:-1],  # the last column sum follows from the others
        b_eq=np.concatenate([p, q])[:-1],
        method="highs",
    )
    if found.x is None:
        return Plan(None, 0.0)
    u = np.asarray(found.eqlin.marginals[:n])
    w = (cost - u[:, None]).min(axis=0)
    return Plan(np.maximum(found.x.reshape(n, m), 0.0), float(p @ u + q @ w))
