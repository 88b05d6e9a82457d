"""R(D) of a sample whose reproductions may lie anywhere in R^k."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from rdptheory._types import Bounds, FloatArray, frozen_array
from rdptheory.distortions import SquaredError
from rdptheory.divergences import TotalVariation
from rdptheory.doors import guard
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit
from rdptheory.solvers.first_order.loop import Question, first_slope
from rdptheory.solvers.first_order.method import FirstOrder
from rdptheory.solvers.first_order.projections import Ball
from rdptheory.solvers.outcome import answered
from rdptheory.solvers.presolve import presolve

__all__ = ["FreeReproduction", "free_reproduction"]

WEIGHT_STEPS = 8  # of Blahut-Arimoto between two moves of the points: more buy little before the points settle
LEAST_WEIGHT = 1e-7  # mass below which a point leaves: what it might save is below the gaps asked for
MERGED = 1e-3  # of sqrt(D): points closer than this become one


@dataclass(frozen=True, eq=False)
class FreeReproduction:
    """A bracket on R(D) with reproductions anywhere in R^k, and the ones that reach its upper end.

    Attributes
    ----------
    bounds : Bounds
        In nats.
    points : array (m, k)
    channel : array (n, m)
        p(y|x) onto `points`, E|X-Y|² <= D.
    """

    bounds: Bounds
    points: FloatArray
    channel: FloatArray


def free_reproduction(
    probabilities: FloatArray, points: FloatArray, D: float, method: FirstOrder, *, rounds: int = 60
) -> FreeReproduction:
    """R(D) of a law on finitely many points under squared error, reproductions free in R^k.

        minimise I(X;Y)   over Y in R^k with E|X-Y|² <= D

    Upper end: points and weights are improved in turn, y ← E[X | Y = y] after a few Blahut-Arimoto steps, and the rate
    on the points found is then proved. It is a local search, so a better set of points may exist.

    Lower end: it covers every Y in R^k. Given such a Y, draw X' from the law of X given Y. Then I(X;X') <= I(X;Y), the
    law of X' is that of X, and E|X-X'|² = 2 E|X - E[X|Y]|² <= 2 D, hence R(D) >= R(2D, 0) of the sample [BM19, Thm 2],
    which is a finite problem. The bound is not tight. None is claimed from the dual point of the points found, because
    that would need the global maximum of a Gaussian mixture in R^k.

    Parameters
    ----------
    probabilities : array (n,)
        Positive, summing to 1.
    points : array (n, k)
    D : float
        Above 0, in squared units of the points.
    method : FirstOrder
    rounds : int
        Of moving the points.

    Returns
    -------
    FreeReproduction

    Notes
    -----
    Both ends describe the sample, not the population. R(D,0) of the sample is exact on its own points and needs no
    others; R(D) may use any, and restricted to the sample it is too large and never 0, not even at D = variance,
    because the mean is no sample. No rate here exceeds log n, the cost of naming a sample, however rich the population
    is; and points fitted to one sample are farther from the next.

    >>> x = np.array([[0.0], [1.0]])
    >>> found = free_reproduction(np.array([0.7, 0.3]), x, 0.15, FirstOrder(gap=1e-6))
    >>> round(found.bounds.upper, 4)
    0.1338

    References
    ----------
    [BM19]
    """
    p = probabilities
    pinned = PerceptionLimit(TotalVariation(), p, 0.0)
    sample = DiscreteProblem(p, (DistortionLimit(SquaredError().on(points), 2.0 * D),), (pinned,))
    lower = answered(sample, method).bounds.lower
    y = frozen_array(points)
    with threadpool_limits(limits=1, user_api="blas"):
        y = _moved(p, points, y, D, rounds)
    y = np.concatenate([y, (p @ points)[None, :]])  # all of R(D) = 0 needs
    free = DiscreteProblem(p, (DistortionLimit(SquaredError().on(points, y), D),))
    constant = presolve(free).constant
    if constant is not None and constant.channel is not None:
        return FreeReproduction(Bounds(0.0, constant.rate), frozen_array(y), constant.channel)
    found = answered(free, method)
    assert found.channel is not None
    return FreeReproduction(Bounds(lower, found.bounds.upper), frozen_array(y), found.channel)


def _moved(p: FloatArray, x: FloatArray, y: FloatArray, D: float, rounds: int) -> FloatArray:
    """Local search from the points of the sample, with the slope following E d to D."""
    s = first_slope(Question(p, SquaredError().on(x), Ball(None, p.size), D), np.log(p))
    q = p.copy()
    for _ in range(rounds):
        table = SquaredError().on(x, y).table()
        kernel = np.exp(-s * (table - table.min(axis=1, keepdims=True)))
        for _ in range(WEIGHT_STEPS):
            q = q * (kernel.T @ (p / (kernel @ q)))
        joint = kernel * q * (p / (kernel @ q))[:, None]
        s *= float(np.clip(np.vdot(joint, table) / D, 0.7, 1.4))
        q = joint.sum(axis=0)
        kept = q > LEAST_WEIGHT
        joint, q = joint[:, kept], q[kept]
        y, q = _merged((joint.T @ x) / q[:, None], q, MERGED * float(np.sqrt(D)))
    return y


def _merged(y: FloatArray, q: FloatArray, distance: float) -> tuple[FloatArray, FloatArray]:
    """Points linked by steps of at most `distance` become their centre of mass."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    pairs = KDTree(y).query_pairs(distance, output_type="ndarray")
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(q.size, q.size))
    count, group = connected_components(links, directed=False)
    mass = np.bincount(group, weights=q, minlength=count).astype(np.float64)
    centres = np.stack([np.bincount(group, weights=q * column, minlength=count) for column in y.T], axis=1)
    return centres / mass[:, None], mass


guard(__name__)
