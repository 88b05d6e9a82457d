"""Couplings as the transport methods use them: the cheapest one with exact marginals, and one as a mixture of maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rdptheory._types import FloatArray, IntArray
from rdptheory.couplings import optimal_transport, rounded_plan

__all__ = ["conditional", "functional_maps", "optimal_coupling", "spread"]


def optimal_coupling(p: FloatArray, q: FloatArray, cost: FloatArray) -> tuple[FloatArray, float]:
    """argmin <cost, plan> over couplings (n, m) of p and q, and a proved lower bound on the minimum."""
    found = optimal_transport(p, q, cost)
    plan = p[:, None] * q if found.plan is None else found.plan
    return rounded_plan(plan, p, q), found.lower


def conditional(joint: FloatArray, otherwise: FloatArray) -> FloatArray:
    """p(column | row) of a joint law (n, m), with the law `otherwise` (m,) in rows without mass."""
    rows = joint.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(joint, rows, out=np.tile(otherwise, (joint.shape[0], 1)), where=rows > 0.0))


def spread(values: FloatArray, held: NDArray[np.bool_], otherwise: float) -> FloatArray:
    """Values (..., k) of the k symbols that are held, on all symbols."""
    every = np.full((*values.shape[:-1], held.size), otherwise)
    every[..., held] = values
    return every


def functional_maps(channel: FloatArray) -> tuple[FloatArray, IntArray]:
    """A channel (n, m) as a mixture of maps: weights (k,) and maps (k, n), f_u(x) the u-quantile of p(y|x)."""
    heights = np.cumsum(channel, axis=1)[:, :-1]
    cuts = np.unique(np.concatenate(([0.0, 1.0], heights[(heights > 0.0) & (heights < 1.0)])))
    middles = 0.5 * (cuts[1:] + cuts[:-1])
    return np.diff(cuts), (middles[:, None, None] >= heights).sum(axis=2)
