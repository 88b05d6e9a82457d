"""The least value of a convex plus a concave function of one number, proved on a whole interval.

Between two nodes the convex part G is above its two tangents and the concave part C above its chord. A mixture λ, 1-λ
of the tangents is below G too, so the cell [u,v] has

    min G + C  >=  min over e in {u,v} of  λ t1(e) + (1-λ) t2(e) + C(e),        any λ in [0,1],

and the λ that makes the sum level is where the tangents cross: no crossing is computed. Where G'' >= σ and C'' <= -σ
the same holds of G - σ m²/2 and C + σ m²/2, which adds σ/2 (e - m_i)² to the tangent of node i: in a flat valley, where
G'' and C'' nearly cancel, cells may be much longer. Outside the nodes the last tangent goes on to the end of the
interval. Cells whose bound is too low are cut at the slope that the chord asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rdptheory._types import UNIT_ROUNDOFF, FloatArray
from rdptheory.certificates.soft import soft_minimum

__all__ = ["Curve", "Least", "Letters", "least_on_line"]

ENTRIES = 2**20
"""Numbers in one block of tilted laws: 8 MB, which a cache holds."""
BLURRED = 1e-3
"""Relative error of the masses of a law up to which it moves the mean no more than twice as far as to first order."""
EDGE = 0.1
"""A cut leaves at least this share of the slopes of a cell on either side, so that every cut shortens it."""
SLOPE, POINT, HEIGHT, OTHER, FALL = range(5)
"""Columns of a node: θ, m, the height of the tangent at m, C(m), C'(m)."""
SURE = 1e-4
"""Share of the width of a cell by which its ends may be off for its curvature to be known."""


class Curve(Protocol):
    """G + C on an interval."""

    @property
    def ends(self) -> tuple[float, float]:
        """The interval."""

    def convex(self, slopes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """For each slope θ a height g and a point m with G(m') >= g + θ (m' - m) for every m' of the interval."""

    def concave(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """C, rounded down, and C'."""

    def turns(self, slopes: FloatArray) -> tuple[float, float, FloatArray, float]:
        """How fast log G'' may change with θ and log -C'' with m; how far off points at these slopes may be, and C'."""


@dataclass(frozen=True, eq=False)
class Letters:
    """Laws a on letters that sit on a line, with what they cost:  cost·a + price KL(a‖law).

    Attributes
    ----------
    points, cost, law : arrays (n,)
        `law` above 0.
    price : float
        Of a nat, at least 0.
    kappa : float
        Relative error of the costs and of the law, as in `certificates.transport.rounding`.
    """

    points: FloatArray
    cost: FloatArray
    law: FloatArray
    price: float
    kappa: float = 0.0

    def tilted(self, slopes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """For each slope s a height and a mean:  cost·a + price KL(a‖law) >= height + s (points·a - mean)  for all a.

        Rounded down; without rounding there is equality at the law of that mean, proportional to
        law exp((s points - cost)/price).
        """
        height, mean = np.empty(slopes.size), np.empty(slopes.size)
        rows = max(1, ENTRIES // self.points.size)
        for first in range(0, slopes.size, rows):
            block = slice(first, first + rows)
            height[block], mean[block] = self._block(slopes[block])
        return height, mean

    def laws(self, slopes: FloatArray) -> FloatArray:
        """The tilted laws themselves, shape (k, n)."""
        return self._laws(self.cost - slopes[:, None] * self.points)

    @property
    def turn(self) -> float:
        """How fast the log of the variance of a tilted law may change with its slope, as third moments are bounded."""
        return self._sizes[2] / self.price if self.price > 0.0 else np.inf

    @cached_property
    def _sizes(self) -> tuple[float, float, float]:
        """The largest cost and point, and how far the points spread."""
        return float(np.abs(self.cost).max()), float(np.abs(self.points).max()), float(np.ptp(self.points))

    def blur(self, slopes: FloatArray) -> FloatArray:
        """How far the means of `tilted` may be from those of the true laws; inf where nobody can tell."""
        if self.price <= 0.0:
            return np.full(slopes.size, np.inf)
        cost, point, spread = self._sizes
        size = cost + np.abs(slopes) * point
        off = (self.kappa + 8.0 * UNIT_ROUNDOFF) * (size / self.price + self.points.size + 8.0)
        return np.where(off < BLURRED, 4.0 * off * spread, np.inf)

    def _block(self, slopes: FloatArray) -> tuple[FloatArray, FloatArray]:
        reduced = self.cost - slopes[:, None] * self.points
        reference = self.points[reduced.argmin(axis=1)]
        mean = self._laws(reduced) @ self.points
        away = slopes[:, None] * (self.points - reference[:, None])
        lowered = self.cost - away - self.kappa * (np.abs(self.cost) + np.abs(away))
        moved = slopes * (mean - reference)
        value = soft_minimum(lowered, self.law, self.price, self.kappa)
        return value + moved - 4.0 * UNIT_ROUNDOFF * (np.abs(value) + 2.0 * np.abs(moved)), mean

    def _laws(self, reduced: FloatArray) -> FloatArray:
        over = reduced - reduced.min(axis=1, keepdims=True)
        if self.price > 0.0:
            with np.errstate(over="ignore"):
                weights = self.law * np.exp(-over / self.price)
        else:
            weights = self.law * (over <= 0.0)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class Least:
    """A proved lower bound on the least value of a curve, and all nodes looked at, in the order of their slopes.

    Attributes
    ----------
    floor : float
        G + C >= floor on the whole interval.
    slopes, points, values : arrays (k,)
        θ, where the curve was touched, and G + C there.
    """

    floor: float
    slopes: FloatArray
    points: FloatArray
    values: FloatArray

    @property
    def best(self) -> float:
        """The least value seen."""
        return float(self.values.min())

    def minima(self) -> FloatArray:
        """Slopes of the nodes that are below both of their neighbours."""
        padded = np.concatenate(([np.inf], self.values, [np.inf]))
        return self.slopes[(self.values <= padded[:-2]) & (self.values < padded[2:])]


def least_on_line(curve: Curve, slopes: FloatArray, slack: float, most: int) -> Least:
    """min G + C over the whole interval of a curve, within `slack` unless `most` nodes are not enough for that.

    Parameters
    ----------
    slopes : array (k,)
        Slopes of G at the first nodes, at least two of them; the bound holds wherever they are.
    slack : float
        Cells are cut until their bounds are this near the least value seen.
    most : int
        Nodes; beyond them the bound is valid and lower.
    """
    nodes = _nodes(curve, np.unique(slopes))
    cells = _first_cells(curve, nodes)
    seen, best, settled = [nodes], float((nodes[:, HEIGHT] + nodes[:, OTHER]).min()), np.inf
    while True:
        bounds, wanted = cells.bounds(curve)
        open_ = bounds < best - slack
        open_ &= cells.divisible(wanted)
        settled = min(settled, float(bounds[~open_].min(initial=np.inf)))
        if not open_.any() or sum(len(part) for part in seen) + int(open_.sum()) > most:
            floor = min(settled, float(bounds[open_].min(initial=np.inf)))
            break
        cells = cells.taken(open_)
        fresh = _nodes(curve, wanted[open_])
        seen.append(fresh)
        best = min(best, float((fresh[:, HEIGHT] + fresh[:, OTHER]).min()))
        cells = cells.cut(fresh)
    every = np.concatenate(seen)
    every = every[np.argsort(every[:, SLOPE], kind="stable")]
    return Least(floor, every[:, SLOPE], every[:, POINT], every[:, HEIGHT] + every[:, OTHER])


def _nodes(curve: Curve, slopes: FloatArray) -> FloatArray:
    """Nodes (k, 5) at these slopes, their points kept inside the interval."""
    low, high = curve.ends
    height, mean = curve.convex(slopes)
    points = np.minimum(np.maximum(mean, low), high)
    height = height + slopes * (points - mean)
    return np.stack((slopes, points, height, *curve.concave(points)), axis=1)


@dataclass(frozen=True, eq=False)
class _Cells:
    """Cells of the interval with the tangents of two nodes; at the ends of the interval both are the same.

    Attributes
    ----------
    left, right : arrays (k, 5)
        The nodes whose tangents are used.
    ends, heights : arrays (k, 2)
        The cell, and C at its ends.
    outward : array (k,)
        0 between nodes; else by how much the slope goes on outside the last node.
    """

    left: FloatArray
    right: FloatArray
    ends: FloatArray
    heights: FloatArray
    outward: FloatArray

    def taken(self, where: NDArray[np.bool_]) -> _Cells:
        """Some of them."""
        return _Cells(self.left[where], self.right[where], self.ends[where], self.heights[where], self.outward[where])

    def bounds(self, curve: Curve) -> tuple[FloatArray, FloatArray]:
        """The bound on each cell, and the slope at which to cut it."""
        first, second = self.left[:, SLOPE], self.right[:, SLOPE]
        width, turn = self.ends[:, 1] - self.ends[:, 0], second - first
        flat = width <= 0.0
        level = -(self.heights[:, 1] - self.heights[:, 0]) / np.where(flat, 1.0, width)
        level = np.where(flat, 0.5 * (first + second), level)
        sigma, lost = self._bend(curve)
        bent = np.maximum(turn - sigma * width, 0.0)
        share = (second - level - 0.5 * sigma * width) / np.where(bent > 0.0, bent, 1.0)
        share = np.minimum(np.maximum(share, 0.0), 1.0)[:, None]
        bound = self.heights - lost[:, None]
        for node, part in ((self.left, share), (self.right, 1.0 - share)):
            away = self.ends - node[:, POINT, None]
            rise = node[:, SLOPE, None] * away + 0.5 * sigma[:, None] * away**2
            size = np.abs(node[:, HEIGHT, None]) + np.abs(rise) + np.abs(self.heights)
            bound += part * (node[:, HEIGHT, None] + rise - 8.0 * UNIT_ROUNDOFF * size)
        inner = np.minimum(np.maximum(level, first + EDGE * turn), second - EDGE * turn)
        proved = bound.min(axis=1)
        proved[~np.isfinite(proved)] = -np.inf  # what left float64 bounds nothing
        return proved, np.where(self.outward == 0.0, inner, first + self.outward)

    def _bend(self, curve: Curve) -> tuple[FloatArray, FloatArray]:
        """σ with G'' >= σ and C'' <= -σ on each cell, 0 where that is not known, and what blurred points may cost.

        The mean of G'' between two nodes is the quotient of their slopes and points, and G'' is near its mean.
        """
        by_slope, by_point, blurs, blur = curve.turns(
            np.maximum(np.abs(self.left[:, SLOPE]), np.abs(self.right[:, SLOPE]))
        )
        width, turn = self.ends[:, 1] - self.ends[:, 0], self.right[:, SLOPE] - self.left[:, SLOPE]
        known = (self.left[:, POINT] == self.ends[:, 0]) & (self.right[:, POINT] == self.ends[:, 1])
        known &= (self.outward == 0.0) & (blurs <= SURE * width) & (width > 0.0)
        safe = np.where(known, width, 1.0)
        with np.errstate(all="ignore"):
            convex = turn / (safe + 2.0 * np.where(known, blurs, 0.0)) * np.exp(-by_slope * turn)
            fall = self.left[:, FALL] - self.right[:, FALL] - 2.0 * blur
            concave = fall / safe * np.exp(-by_point * width)
        sigma = np.where(known, np.minimum(convex, concave), 0.0)
        sigma = np.where(sigma > 0.0, (1.0 - SURE) * sigma, 0.0)
        return sigma, np.where(known, 2.0 * sigma * np.where(known, blurs, 0.0) * width, 0.0)

    def divisible(self, wanted: FloatArray) -> NDArray[np.bool_]:
        """Where a cut at these slopes makes two cells, as far as float64 can tell slopes and points apart."""
        inside = (wanted > self.left[:, SLOPE]) & (wanted < self.right[:, SLOPE]) | (self.outward != 0.0)
        return np.asarray(inside & (self.ends[:, 1] > self.ends[:, 0]))

    def cut(self, fresh: FloatArray) -> _Cells:
        """Each cell in two at a new node."""
        point = np.minimum(np.maximum(fresh[:, POINT], self.ends[:, 0]), self.ends[:, 1])
        up, down = self.outward > 0.0, self.outward < 0.0
        moved = np.where(point == fresh[:, POINT], fresh[:, OTHER], np.minimum(self.heights[:, 0], self.heights[:, 1]))
        below = _Cells(
            np.where(down[:, None], fresh, self.left),
            fresh,
            np.stack((self.ends[:, 0], point), axis=1),
            np.stack((self.heights[:, 0], moved), axis=1),
            np.where(down, 2.0 * self.outward, 0.0),
        )
        above = _Cells(
            fresh,
            np.where(up[:, None], fresh, self.right),
            np.stack((point, self.ends[:, 1]), axis=1),
            np.stack((moved, self.heights[:, 1]), axis=1),
            np.where(up, 2.0 * self.outward, 0.0),
        )
        return _Cells(
            *(np.concatenate((getattr(below, part), getattr(above, part))) for part in _Cells.__dataclass_fields__)
        )


def _first_cells(curve: Curve, nodes: FloatArray) -> _Cells:
    """The cells between the nodes, and one at each end of the interval."""
    points = np.maximum.accumulate(nodes[:, POINT])
    others = np.where(points == nodes[:, POINT], nodes[:, OTHER], curve.concave(points)[0])
    low, high = curve.ends
    ends = np.concatenate(([low], points, [high]))
    outside = curve.concave(np.array([low, high]))[0]
    heights = np.concatenate((outside[:1], others, outside[1:]))
    reach = max(float(np.ptp(nodes[:, SLOPE])), np.finfo(np.float64).tiny)
    outward = np.concatenate(([-reach], np.zeros(points.size - 1), [reach]))
    return _Cells(
        np.concatenate((nodes[:1], nodes)),
        np.concatenate((nodes, nodes[-1:])),
        np.stack((ends[:-1], ends[1:]), axis=1),
        np.stack((heights[:-1], heights[1:]), axis=1),
        outward,
    )
