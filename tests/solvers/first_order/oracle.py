"""R(D,P) and KL projections as conic programs: independent of every formula under test."""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import numpy as np

from rdptheory._types import FloatArray
from rdptheory.divergences import FDivergence


def delta(divergence: FDivergence, p: FloatArray, r: Any) -> Any:
    """δ(p, r) as a convex cvxpy expression."""
    match divergence.name:
        case "TotalVariation":
            return 0.5 * cp.norm1(p - r)
        case "KullbackLeibler":
            return cp.sum(cp.rel_entr(r, p))
        case "ReverseKullbackLeibler":
            return cp.sum(cp.rel_entr(p, r))
        case "JensenShannon":
            return cp.sum(cp.rel_entr(p, (p + r) / 2)) + cp.sum(cp.rel_entr(r, (p + r) / 2))
        case "ChiSquare":
            return cp.sum(cp.multiply(1.0 / p, cp.square(r - p)))
        case "SquaredHellinger":
            return 2.0 - 2.0 * cp.sum(cp.multiply(np.sqrt(p), cp.sqrt(r)))
    raise AssertionError(divergence.name)


def projection(divergence: FDivergence, p: FloatArray, P: float, a: FloatArray) -> FloatArray:
    """argmin of KL(r ‖ a) over laws r with δ(p, r) <= P."""
    r = cp.Variable(p.size)
    problem = cp.Problem(cp.Minimize(cp.sum(cp.rel_entr(r, a))), [cp.sum(r) == 1, delta(divergence, p, r) <= P])
    problem.solve(solver="CLARABEL")
    return np.asarray(r.value, dtype=np.float64)


def rate(p: FloatArray, d: FloatArray, D: float, divergence: FDivergence | None, P: float) -> float:
    """min I(X;Y) over joint laws."""
    joint = cp.Variable(d.shape, nonneg=True)
    r = cp.sum(joint, axis=0)
    product = cp.reshape(p, (p.size, 1), order="C") @ cp.reshape(r, (1, d.shape[1]), order="C")
    limits = [cp.sum(joint, axis=1) == p, cp.sum(cp.multiply(joint, d)) <= D]
    if divergence is not None:
        limits.append(delta(divergence, p, r) <= P if P > 0.0 else r == p)  # a ball of radius 0 has no interior
    problem = cp.Problem(cp.Minimize(cp.sum(cp.rel_entr(joint, product))), limits)
    problem.solve(solver="CLARABEL")
    return float(problem.value)
