"""Atoms of a restricted program with its prices: where they start, and which are in the next round."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rdptheory._types import FloatArray, IntArray
from rdptheory.certificates.line import Least
from rdptheory.solvers.line.pairs import Pairs, Prices
from rdptheory.solvers.line.valleys import lowest_places

__all__ = ["Point", "apart", "first", "following", "valleys_of"]

WIDE, HIGH = 0.6, 100.0
"""Variance of the first weights, in units of that of X, and the first gap, in units of a variance: much above what the
laws of the atoms miss at first, as an interior point wants it."""
LEFT = 1e-2
"""Of a gap that is begun with, what complements each of α, β and w."""
FLOOR, CENTRAL = 1e-5, 0.03
"""Least mass of a letter in the first law of an atom, and least of its first weight; and, in units of where the two
barriers of a letter, logarithm and price, are equal, the mass below which a letter is raised."""
SHARE = 1e-3
"""Most weight of an atom that is new."""
SPLIT, FORGOTTEN = 1e-4, 1e-7
"""Weights, as shares of the largest, that halve the distance to the next atom or go to a valley, and that leave."""
SHALLOW = 0.1
"""A new mean between two atoms is as deep as this share of the deepest valley."""
JOINED = 0.05
"""Share of the line up to which the two atoms beside the bottom of a valley become one that moves."""
SAME = 1e-10
"""Share of the line below which two atoms are one; where α is next to 0 a valley ends in a kink."""
INSET = 1e-12
"""Share of the line by which atoms stay away from its ends, where a law is a letter and its tilt infinite."""
PROMINENT, DEEP, NEARLY = 0.1, 30.0, 3.0
"""A valley is as prominent as this share of the accuracy of the prices, as deep as so many of them or within so many
times the deepest one."""
TINY = 1e-300  # keeps quotients by what rounds to 0 finite
OF_ATOMS = ("means", "tilts", "weights", "offsets", "masses", "slacks", "moving", "low", "high")


@dataclass(frozen=True, eq=False)
class Point:
    """Atoms and prices.

    Attributes
    ----------
    means, tilts, weights : arrays (k,)
        m, θ and ω.
    offsets : array (k, 2)
        κ and η.
    masses, slacks : arrays (k, n+m)
        C and s.
    prices : array (n+m,)
        μ and ν.
    signed, left : arrays (2,) or (3,)
        α, β and, as a price, w; and what complements each: the nats that are left of either rate.
    moving : array (k,)
        Which atoms follow their valleys, inside (low, high).
    """

    means: FloatArray
    tilts: FloatArray
    weights: FloatArray
    offsets: FloatArray
    masses: FloatArray
    slacks: FloatArray
    prices: FloatArray
    signed: FloatArray
    left: FloatArray
    moving: NDArray[np.bool_]
    low: FloatArray
    high: FloatArray

    def price(self, pairs: Pairs) -> Prices:
        """The prices in their parts."""
        alpha, beta = self.signed[:2]
        w = float(self.signed[2]) if pairs.P is not None else 1.0
        return Prices(self.prices[: pairs.n], self.prices[pairs.n :], float(alpha), float(beta), w)

    def taken(self, which: FloatArray | IntArray | NDArray[np.bool_]) -> Point:
        """Some of the atoms."""
        return replace(self, **{name: getattr(self, name)[which] for name in OF_ATOMS})

    def beside(self, other: Point) -> Point:
        """With the atoms of another point too."""
        return replace(self, **{name: np.concatenate((getattr(self, name), getattr(other, name))) for name in OF_ATOMS})


def first(pairs: Pairs, w: float, means: FloatArray) -> Point:
    """Atoms at these means, which stay there, at prices so high that nothing is worth its rate."""
    weights = np.exp(-0.5 * means**2 / WIDE) * np.gradient(means)
    if not weights.any():  # every mean is far out, where symbols of next to no mass are
        weights = np.ones(means.size)
    weights = weights / weights.sum() + FLOOR
    return _placed(pairs, pairs.start(w), means, weights / weights.sum(), HIGH)


def _placed(pairs: Pairs, price: Prices, means: FloatArray, weights: FloatArray, gap: float) -> Point:
    """Atoms with the laws that the prices make, and a gap that all their pairings share."""
    laws, tilts = pairs.laws(price, means)
    n, each, of_nat = pairs.n, gap / max(laws.size, 1), np.repeat((price.alpha, price.beta), (pairs.n, pairs.m))
    laws = np.maximum(laws, np.minimum(FLOOR, CENTRAL * each / (weights[:, None] * of_nat)))
    cost = of_nat * np.log(laws / pairs.law)
    cost -= np.concatenate((price.mu, price.nu))
    cost[:, n:] -= 2.0 * price.w * means[:, None] * pairs.y
    spent = laws * cost
    offsets = -np.stack((spent[:, :n].sum(axis=1), spent[:, n:].sum(axis=1)), axis=1)
    masses = weights[:, None] * laws
    signed = np.array([price.alpha, price.beta] + ([] if pairs.P is None else [price.w]))
    still, nowhere = np.zeros(means.size, dtype=bool), np.full(means.size, np.inf)
    prices, left = np.concatenate((price.mu, price.nu)), LEFT * gap / signed
    return Point(means, tilts, weights, offsets, masses, each / masses, prices, signed, left, still, -nowhere, nowhere)


def following(pairs: Pairs, point: Point, least: Least, valleys: IntArray, gap: float, guard: FloatArray) -> Point:
    """Atoms of the next round: one that moves in every valley of the line, the heavy ones, and those kept for good.

    Parameters
    ----------
    pairs : Pairs
    point : Point
        Of the last round.
    least : Least
        The line at its prices.
    valleys : int array
        The nodes at the bottom of its valleys.
    gap : float
        What the next round starts from.
    guard : array
        Means that are kept for good.
    """
    low, high = pairs.ends
    span = high - low
    bottoms = np.clip(least.points[valleys], low + INSET * span, high - INSET * span)
    tops = np.array([least.points[i + np.argmax(least.values[i : j + 1])] for i, j in pairwise(valleys)])
    old, owner = _merged(pairs, point, bottoms, tops)
    heavy = np.flatnonzero((owner < 0) & (old.weights > SPLIT * old.weights.max()))
    beside = np.clip(np.concatenate((heavy - 1, heavy + 1)), 0, old.means.size - 1)
    halves = 0.5 * (np.tile(old.means[heavy], 2) + old.means[beside])
    halves = halves[np.interp(halves, least.points, least.values) < SHALLOW * least.best]
    stay = (owner >= 0) | (old.weights > FORGOTTEN * old.weights.max())
    old, owner = old.taken(stay), owner[stay]
    empty = np.flatnonzero(np.bincount(owner[owner >= 0], minlength=bottoms.size) == 0)
    still = apart(np.concatenate((halves, guard)), SAME * span)
    taken = np.concatenate((old.means, bottoms[empty]))
    still = still[np.abs(still[:, None] - taken).min(axis=1) > SAME * span]
    means = np.concatenate((bottoms[empty], still))
    each = gap / (old.means.size + means.size)
    heights = np.interp(means, least.points, least.values) - least.best
    weights = np.minimum(each / np.maximum(heights, gap), SHARE)
    every = old.beside(_placed(pairs, point.price(pairs), means, weights, each * means.size))
    owner = np.concatenate((owner, empty, np.full(still.size, -1)))
    moving, cuts = owner >= 0, np.concatenate(([low], tops, [high]))
    return replace(
        every,
        moving=moving,
        low=np.where(moving, cuts[owner], -np.inf),
        high=np.where(moving, cuts[owner + 1], np.inf),
        slacks=np.maximum(every.slacks, gap / every.masses.size / every.masses),
        left=np.maximum(point.left, LEFT * gap / point.signed),
    )


def _merged(pairs: Pairs, point: Point, bottoms: FloatArray, tops: FloatArray) -> tuple[Point, IntArray]:
    """Atoms in order, those next to a bottom as one if that is in its valley, and the bottom that each has or -1."""
    reach, price = JOINED * (pairs.ends[1] - pairs.ends[0]), point.price(pairs)
    point = point.taken(np.argsort(point.means, kind="stable"))
    means, size = point.means, point.means.size
    owner, own = np.full(size, -1), np.arange(bottoms.size)
    cell, right = np.searchsorted(tops, means), np.searchsorted(means, bottoms)
    for beside in (right - 1, right):
        near = np.clip(beside, 0, size - 1)
        joined = (near == beside) & (cell[near] == own) & (np.abs(means[near] - bottoms) <= reach)
        joined &= point.weights[near] > SPLIT * point.weights.max()
        owner[near[joined]] = own[joined]
    weight = np.bincount(owner[owner >= 0], point.weights[owner >= 0], minlength=bottoms.size)
    middle = np.bincount(owner[owner >= 0], (point.weights * means)[owner >= 0], minlength=bottoms.size)
    middle = np.where(weight > 0.0, middle / np.maximum(weight, TINY), bottoms)
    out = pairs.bends(price, np.asarray(middle, dtype=np.float64)) <= 0.0
    owner[(owner >= 0) & out[owner]] = -1
    label = np.unique(np.where(owner >= 0, owner, bottoms.size + np.arange(size)), return_inverse=True)[1]
    together = np.zeros((int(label.max()) + 1, size))
    together[label, np.arange(size)] = 1.0
    weights = together @ point.weights
    share = together * point.weights / weights[:, None]
    named = {name: share @ getattr(point, name) for name in ("means", "tilts", "offsets", "slacks")}
    whole = replace(point.taken(np.arange(weights.size)), weights=weights, masses=together @ point.masses, **named)
    order = np.argsort(whole.means, kind="stable")
    owned = np.full(weights.size, -1)
    owned[label] = owner
    return whole.taken(order), owned[order]


def valleys_of(least: Least, level: float, most: int) -> IntArray:
    """Indices of the nodes at the bottom of valleys that the prices, exact to `level`, could make of use."""
    found = lowest_places(least.values, max(PROMINENT * level, 1e-14))
    found = found[least.values[found] <= max(DEEP * level, NEARLY * abs(least.best))]
    return np.sort(found[np.argsort(least.values[found], kind="stable")[:most]])


def apart(points: FloatArray, distance: float) -> FloatArray:
    """The points in order, without those that are no further than that from the one before."""
    points = np.unique(points)
    return np.asarray(points[np.concatenate(([True], np.diff(points) > distance))])
