"""Moments of a law that is known by its distribution function alone, with a bound on their error.

An interval is cut into pieces of width δ. The distribution function gives the mass of each exactly; how the mass lies
within a piece is bounded three times, and the best bound is kept. With the centre c of the piece, the mean densities s
of the pieces around it, the differences d of neighbouring ones, and these divided by the distance of their centres, q:

1. always        |E(X-c)| <= δ/2 mass,  |E(X-c)² - δ²/12 mass| <= δ²/6 mass;
2. if p is monotone over a piece and its two neighbours, p varies within the piece by at most Δ = |d| + |d|:
                 |E(X-c)| <= δ² Δ/8,  |E(X-c)² - δ²/12 mass| <= δ³ Δ max|t³/3 - t/12| = δ³ Δ/(36 √3), |t| <= 1/2;
3. if p' is monotone over a piece and two neighbours on both sides, p' lies between the outer q, so that with
   E(X-c) = ∫ (δ²/4 - u²)/2 p' du the mean is that of their mean, within δ³/24 of their difference, and Δ <= δ max|q|.

All of it is a proof but for one thing that no evaluation can tell: that p (or p') is monotone where the mean densities
of three pieces (the differences of five) are in order. Where they are not (a kink, a jump, the top, an end of the
support) only what always holds is used, and the piece is halved. So kinks need not be known, and a law without a
density is refused. The distribution function is trusted to `TRUSTED` of itself, each point to two units of rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, IntArray

__all__ = ["TRUSTED", "Levels", "Moments", "Pieces", "pieces", "rise"]

TRUSTED = 5e-14  # relative error of a cdf or sf: the tests measure half of it at most on the families of scipy they try
START = 8  # pieces of an interval: the fewest of which some have two neighbours on both sides
MOST = 1 << 20  # pieces in all: a second or two of a distribution function that takes a microsecond
ROUNDS = 80  # halvings: with 2^-80 of an interval a singular end of x^-0.9 has lost 1e-2.4 of its mass, x^-1/2 all
SECOND = 1.0 / (36.0 * np.sqrt(3.0))  # of bound 2 above

Levels = Callable[[FloatArray], tuple[FloatArray, FloatArray, NDArray[np.bool_]]]
"""At increasing x: P(X <= x), or P(X > x) where the last array says so, and what each may be off."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """Intervals [a_k, b_k] cut into pieces, in order.

    Attributes
    ----------
    owner : array (m,) of int
        The interval of each piece.
    ahead, width, mass : arrays (m,)
        The centre, from the left end of the interval.
    first, second : arrays (m,)
        Integrals of p (x-c) and p (x-c)² over the piece.
    off_first, off_second : arrays (m,)
        Bounds on their errors.
    noise : array (m, 2)
        Bounds on the errors of the levels at both ends.
    """

    owner: IntArray
    ahead: FloatArray
    width: FloatArray
    mass: FloatArray
    first: FloatArray
    second: FloatArray
    off_first: FloatArray
    off_second: FloatArray
    noise: FloatArray

    @property
    def starts(self) -> IntArray:
        """The first piece of every interval."""
        return np.flatnonzero(np.diff(self.owner, prepend=-1))

    def total(self, values: FloatArray) -> FloatArray:
        """Sums over the pieces of each interval."""
        return np.asarray(np.add.reduceat(values, self.starts))

    def moments(self, length: FloatArray) -> Moments:
        """Of intervals of these lengths.

        Levels that err by ν move the mass by ν(a) + ν(b), its product with the distance of the mean from a,
        (b-a) F(b) - ∫F, by (b-a) ν(b) + ∫ν, and that with the mean square about m, (b-m)² F(b) - (a-m)² F(a) -
        2 ∫ (x-m) F, by (b-m)² ν(b) + (a-m)² ν(a) + 2 ∫ |x-m| ν.
        """
        mass = self.total(self.mass)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # an interval without mass has no moments
            mean = self.total(self.mass * self.ahead + self.first) / mass
            away = self.ahead - mean[self.owner]
            variance = self.total(self.mass * away**2 + 2.0 * away * self.first + self.second) / mass
            near = np.minimum(mean, length - mean)
            starts, ends = self.starts, np.append(self.starts[1:], self.owner.size) - 1
            left, right = self.noise[starts, 0] / mass, self.noise[ends, 1] / mass
            within = self.width * self.noise.max(axis=1)
            by_level = length * right + mean * (left + right) + self.total(within) / mass
            reach = np.abs(away) + 0.5 * self.width
            by_levels = (length - mean) ** 2 * right + mean**2 * left + 2.0 * self.total(reach * within) / mass
            by_mean = self.off_first / (mass * near)[self.owner]
            by_square = (2.0 * np.abs(away) * self.off_first + self.off_second) / (mass * variance)[self.owner]
            drift = (self.total(by_mean) * near) ** 2 / variance
            floor = left + right + np.maximum(by_level / near, left + right + by_levels / variance)
            cut = np.maximum(self.total(by_mean), self.total(by_square) + drift)
        cut, floor = (np.where(np.isnan(part), np.inf, part) for part in (cut, floor))
        return Moments(mass, mean, variance, cut, floor, np.maximum(by_mean, by_square))


@dataclass(frozen=True, eq=False)
class Moments:
    """Mass, mean from the left end and variance of intervals, each (n,); `error` bounds their relative errors.

    Attributes
    ----------
    cut, floor : arrays (n,)
        What of that comes from the width of the pieces, and from the rounding of levels.
    parts : array (m,)
        What each piece adds to `cut`.
    """

    mass: FloatArray
    mean: FloatArray
    variance: FloatArray
    cut: FloatArray
    floor: FloatArray
    parts: FloatArray

    @property
    def error(self) -> FloatArray:
        """The largest relative error of the three, shape (n,)."""
        return self.cut + self.floor


def pieces(levels: Levels, cuts: FloatArray, edges: FloatArray, tolerance: float) -> Pieces:
    """Halve the pieces between `cuts`, which hold all `edges`, until every interval's moments are as exact as asked,
    or nothing helps any more. Two cuts beyond each outer edge serve as neighbours, where there are any.
    """
    x = cuts
    level, error, beyond = levels(x)
    length = np.diff(edges)
    for _ in range(ROUNDS):
        inside = (x[:-1] >= edges[0]) & (x[1:] <= edges[-1])
        with np.errstate(over="ignore", invalid="ignore"):  # powers of the last widths: such bounds are not the least
            found = _bounded(x, level, error, beyond, edges, inside)
            held = found.moments(length)
        goal = np.maximum(tolerance, 0.5 * held.floor)  # what rounding leaves would hide more
        share = (0.5 * goal / np.bincount(found.owner, minlength=length.size))[found.owner]
        wanted = ((held.cut > goal) & (held.mass > 0.0))[found.owner] & ~(held.parts <= share)
        wanted &= found.width > 16.0 * UNIT_ROUNDOFF * np.maximum(np.abs(x[:-1]), np.abs(x[1:]))[inside]
        if not wanted.any() or x.size + int(wanted.sum()) > MOST:
            break
        at = np.flatnonzero(inside)[wanted]
        middle = 0.5 * (x[at] + x[at + 1])
        new = levels(middle)
        x, level, error, beyond = (
            np.insert(old, at + 1, more) for old, more in zip((x, level, error, beyond), (middle, *new), strict=True)
        )
    return found


def _bounded(
    x: FloatArray,
    level: FloatArray,
    error: FloatArray,
    beyond: NDArray[np.bool_],
    edges: FloatArray,
    inside: NDArray[np.bool_],
) -> Pieces:
    """The three bounds, on the pieces that lie inside; there are at least `START`."""
    width = np.diff(x)
    mass = rise(level, beyond)
    s = mass / width
    around = np.maximum(np.append(0.0, s), np.append(s, 0.0))
    around[[0, -1]] = (
        0.0  # the ends of the support, which have their levels exactly, or of pieces that only help others
    )
    points = error + 2.0 * UNIT_ROUNDOFF * np.abs(x) * around
    noise = points[:-1] + points[1:]

    off_first, off_second, first = 0.5 * width * mass, width**2 * mass / 6.0, np.zeros_like(mass)
    d, slack = np.diff(s), _pairs(noise / width)
    steady = _in_order(d, slack)
    varied = np.abs(d) + slack
    spread = np.where(steady, varied[:-1] + varied[1:], np.inf)
    _keep(off_first[1:-1], width[1:-1] ** 2 * spread / 8.0)
    _keep(off_second[1:-1], SECOND * width[1:-1] ** 3 * spread)
    apart = 0.5 * _pairs(width)
    q, slack = d / apart, slack / apart
    e, loose = np.diff(q), _pairs(slack)
    smooth = _in_order(e, loose)
    smooth = smooth[:-1] & smooth[1:] & _in_order_pair(e[:-2], e[2:], loose[:-2], loose[2:])
    low, high = (
        np.minimum(q[:-3] - slack[:-3], q[3:] - slack[3:]),
        np.maximum(q[:-3] + slack[:-3], q[3:] + slack[3:]),
    )
    inner = width[2:-2]
    found = np.where(smooth, inner**3 / 24.0 * (high - low), np.inf)
    better = found < off_first[2:-2]
    first[2:-2] = np.where(better, inner**3 / 24.0 * (high + low), 0.0)
    _keep(off_first[2:-2], found)
    steep = np.where(smooth, np.maximum(np.abs(low), np.abs(high)), np.inf)
    _keep(off_second[2:-2], SECOND * inner**4 * steep)
    owner = np.searchsorted(edges, x[:-1][inside], side="right") - 1
    ahead = (x[:-1][inside] - edges[owner]) + 0.5 * width[inside]
    second = (width**2 * mass / 12.0)[inside]
    ends = np.stack([points[:-1], points[1:]], axis=1)[inside]
    width, mass, first, off_first, off_second = (part[inside] for part in (width, mass, first, off_first, off_second))
    return Pieces(owner, ahead, width, mass, first, second, off_first, off_second, ends)


def rise(level: FloatArray, beyond: NDArray[np.bool_]) -> FloatArray:
    """The mass between neighbouring points, from their levels."""
    change = np.diff(level)
    inner = np.where(beyond[1:], 1.0 - level[:-1] - level[1:], change)
    return np.maximum(np.where(beyond[:-1], -change, inner), 0.0)


def _pairs(values: FloatArray) -> FloatArray:
    return np.asarray(values[:-1] + values[1:])


def _in_order_pair(a: FloatArray, b: FloatArray, near_a: FloatArray, near_b: FloatArray) -> NDArray[np.bool_]:
    """Whether two changes can have one sign, each within its error."""
    return np.asarray(((a >= -near_a) & (b >= -near_b)) | ((a <= near_a) & (b <= near_b)))


def _in_order(change: FloatArray, slack: FloatArray) -> NDArray[np.bool_]:
    return _in_order_pair(change[:-1], change[1:], slack[:-1], slack[1:])


def _keep(held: FloatArray, other: FloatArray) -> None:
    np.fmin(held, other, out=held)
