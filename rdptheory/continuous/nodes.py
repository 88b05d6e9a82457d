"""Where the nodes of a density lie: any will do for a proof, these are for its width."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from rdptheory._types import FloatArray, frozen_array
from rdptheory.sources.continuous import ContinuousSource

__all__ = ["finer", "inner_nodes", "nodes", "nodes_for"]

SHARES = (0.5, 1.0, 2.0, 4.0, 8.0)  # of 1/n of the companded law that may lie beyond an end
FARTHEST_IN = 0.25  # of the companded law beyond an end: half of all nodes is where the law is
SPARE = 1.0 / 16.0  # of what is out of proportion
SPARED = 0.01  # of the spread within cells: what the tails may add before more cells out there are worth it
BEYOND = 10.0 ** -np.arange(1.5, 9.0, 0.5)  # masses of a tail that are tried: less than a rate has digits
TYPICAL = 1.5  # of 1/n, the power that is about the mass beyond the best ends: there the search begins
FINER = 4  # as many nodes, on which the cube root of the density is summed
KNOWN = 10.0  # nats that telling a tail takes, or not knowing it loses: log of what its cells and masses span
SPREAD = 1.5  # nats for each D of variance within cells: half at the upper end, at the lower one twice that as rent


def nodes(source: ContinuousSource, n: int) -> FloatArray:
    """n + 1 increasing nodes for a source in standard position: companded levels, kinks on nodes.

    An unbounded support is cut where `SHARES` of 1/n of the companded law remain on either side: the largest of them
    beyond which the law spreads no more than `SPARED` of what it spreads within cells. Cells further out would cost a
    solver steps and save no width.
    """
    t = _fitted(source, source.compander(_levels(source, SHARES[0] / n, n)))
    if np.isfinite(source.support).all() or not np.isfinite(source.standard_deviation):
        return t
    cells = source.cells(t)
    within = float(cells.mass @ cells.variance)
    for share in [share for share in SHARES[:0:-1] if share < 0.1 * n]:
        shorter = _fitted(source, source.compander(_levels(source, share / n, n)))
        tails = source.left_tail(float(shorter[0])), source.right_tail(float(shorter[-1]))
        if sum(tail.mass * tail.square for tail in tails) <= SPARED * within:
            return shorter
    return t


def nodes_for(source: ContinuousSource, n: int, D: float) -> FloatArray:
    """n + 1 nodes for a mean squared error D: between the quantiles that seem to cost the least.

    A tail beyond the end costs `KNOWN` nats for each unit of its mass where it is told apart from the cells (`told` in
    `lattice`), or cut off at a lower end; as a cell, what its spread takes of D. Heavy tails have little mass where
    their spread is large, and an end further in leaves finer cells for the law.
    """
    unbounded = ~np.isfinite(source.support)
    if not unbounded.any() or not np.isfinite(source.standard_deviation):
        return nodes(source, n)

    @cache
    def cost(place: int) -> float:
        t = _between(source, n, float(BEYOND[place]))
        within = float(source.density(0.5 * (t[1:] + t[:-1])) @ np.diff(t) ** 3) / 12.0
        with np.errstate(divide="ignore", over="ignore"):  # a tail is at least about as long as an exponential one
            squares = 2.0 * (BEYOND[place] / source.density(t[[0, -1]][unbounded])) ** 2
            tails = BEYOND[place] * np.minimum(KNOWN, SPREAD * squares / D)
            return float(SPREAD * np.float64(within) / D + tails.sum())

    place = int(np.argmin(np.abs(np.log(BEYOND * float(n) ** TYPICAL))))
    for step in (1, -1):
        while 0 <= place + step < BEYOND.size and cost(place + step) < cost(place):
            place += step
    return _between(source, n, float(BEYOND[place]))


def _between(source: ContinuousSource, n: int, mass: float) -> FloatArray:
    """n + 1 nodes between the quantiles that leave so much mass on each unbounded side, companded anew in between."""
    low, high = source.support
    low = low if np.isfinite(low) else source.quantile(mass)
    high = high if np.isfinite(high) else source.quantile(1.0 - mass)
    levels = _levels(source, SHARES[0] / (FINER * n), FINER * n)
    t = source.compander(levels)
    first, last = np.interp([low, high], t, levels)
    t = np.unique(np.clip(source.compander(np.linspace(first, last, FINER * n + 1)), low, high))
    held = np.concatenate([[0.0], np.cumsum(np.cbrt(source.density(0.5 * (t[1:] + t[:-1]))) * np.diff(t))])
    return _fitted(source, np.interp(np.linspace(0.0, held[-1], n + 1), held, t))


def inner_nodes(source: ContinuousSource, n: int, excess: Callable[[FloatArray], float]) -> list[FloatArray]:
    """`nodes`, and others further in where what those cost a lower end is out of proportion: `excess` is above 1.

    Of heavy tails the outer cells are so wide that rounding in them adds more to E d than is asked for. A lower end may
    end anywhere: the projection costs nothing but what could be told of the tails. So the others go inwards until next
    to nothing is added.
    """
    t, beyond = nodes(source, n), SHARES[-1] / n
    if excess(t) <= 1.0:
        return [t]
    inner = t
    while excess(inner) > SPARE and beyond < FARTHEST_IN:
        beyond = min(2.0 * beyond, FARTHEST_IN)
        inner = _fitted(source, source.compander(_levels(source, beyond, n)))
    return [t, inner]


def _levels(source: ContinuousSource, beyond: float, n: int) -> FloatArray:
    low, high = np.isfinite(source.support)
    return np.linspace(0.0 if low else beyond, 1.0 if high else 1.0 - beyond, n + 1)


def _fitted(source: ContinuousSource, t: FloatArray) -> FloatArray:
    low, high = source.support
    for kink in source.kinks:
        t[int(np.argmin(np.abs(t - kink)))] = kink
    t[0], t[-1] = low if np.isfinite(low) else t[0], high if np.isfinite(high) else t[-1]
    return frozen_array(np.unique(t))


def finer(t: FloatArray, pieces: int) -> FloatArray:
    """The nodes t, and others that cut every cell into so many pieces."""
    inner = t[:-1, None] + np.diff(t)[:, None] * (np.arange(pieces) / pieces)
    return np.unique(np.append(inner.ravel(), t[-1]))
