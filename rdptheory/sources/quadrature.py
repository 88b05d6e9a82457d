"""Integrals of an analytic density over intervals, by Gauss-Legendre rules whose error is bounded, not estimated.

Let φ be analytic with |φ| <= M inside the ellipse with foci at the ends of an interval of half-width H, whose half-axes
sum to ρH. Its Chebyshev coefficients are at most 2Mρ^-k. The rule with N points is exact below degree 2N, odd terms
vanish by symmetry, and an even term of degree k >= 4 is missed by at most 2 + 2/(k² - 1) <= 32/15, so

    |error| <= H Σ_{k = 2N, 2N+2, ...} 2Mρ^-k 32/15 = (64/15) H M ρ^-2N / (1 - ρ^-2)      [Tre08, Theorem 4.5].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from rdptheory._types import FloatArray, IntArray

__all__ = ["DEPTH", "HEIGHTS", "Density", "Modulus", "Panels", "ellipses", "gauss_error", "gauss_rule", "panels"]

POINTS = 16  # with ellipses of ρ = 4.2, which most panels have, the error is 1e-19 of the integral
HEIGHTS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Half-heights of the ellipses tried, in half-widths of the panel: any of them gives a bound, the least one is kept."""
DEPTH = 12  # halvings of an interval after which its density counts as not analytic enough

Density = Callable[[FloatArray], FloatArray]
Modulus = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
"""|p(z)| over |Re z - centre| <= reach, |Im z| <= height is at most modulus(centre, reach, height), or inf."""


@cache
def gauss_rule(points: int = POINTS) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights on [-1, 1], shape (points,).

    >>> nodes, weights = gauss_rule(2)
    >>> weights.round(12)
    array([1., 1.])
    """
    return np.polynomial.legendre.leggauss(points)


def gauss_error(M: FloatArray, half: FloatArray, rho: FloatArray, points: int = POINTS) -> FloatArray:
    """The bound above for moduli M on the ellipses of parameter rho around intervals of half-width half."""
    return np.asarray((64.0 / 15.0) * half * M * rho ** (-2.0 * points) / (1.0 - rho**-2.0))


@dataclass(frozen=True, eq=False)
class Panels:
    """Intervals cut into panels on which the rule is good.

    Attributes
    ----------
    owner : array (m,) of int
        The interval that each panel belongs to, in order.
    lead : array (m,)
        From the left end of the interval to that of the panel.
    centre, half : arrays (m,)
    reach : array (m,)
        Longer half-axis of the ellipse behind `error`, in half-widths.
    nodes, weights : arrays (m, POINTS)
        Nodes relative to the centre; weights hold the density.
    error : array (m,)
        Bound on the error of the mass of each panel.
    """

    owner: IntArray
    lead: FloatArray
    centre: FloatArray
    half: FloatArray
    reach: FloatArray
    nodes: FloatArray
    weights: FloatArray
    error: FloatArray

    @property
    def first(self) -> IntArray:
        """The first panel of every interval."""
        return np.flatnonzero(np.diff(self.owner, prepend=-1))

    def total(self, values: FloatArray) -> FloatArray:
        """Sums over the panels of each interval of one value per panel."""
        return np.asarray(np.add.reduceat(values, self.first))


def panels(density: Density, modulus: Modulus, edges: FloatArray, kinks: tuple[float, ...], tolerance: float) -> Panels:
    """Cut the intervals between `edges` at the kinks, and on until the error of every panel is at most `tolerance` of
    its mass. A panel that `DEPTH` halvings do not mend keeps the error it has.
    """
    unit, weight = gauss_rule()
    left = np.unique(np.concatenate([edges, [kink for kink in kinks if edges[0] < kink < edges[-1]]]))
    left, right = left[:-1], left[1:]
    owner = np.searchsorted(edges, left, side="right") - 1
    for depth in range(DEPTH + 1):
        centre, half = 0.5 * (left + right), 0.5 * (right - left)
        nodes = half[:, None] * unit
        weights = density(centre[:, None] + nodes) * (weight * half[:, None])
        error, reach = _least_error(modulus, centre, half)
        bad = error > tolerance * weights.sum(axis=1)
        if depth == DEPTH or not bad.any():
            break
        owner, left, right = _halved(owner, left, right, centre, bad)
    return Panels(owner, left - edges[owner], centre, half, reach, nodes, weights, error)


def ellipses(modulus: Modulus, centre: FloatArray, half: FloatArray) -> Iterator[tuple[FloatArray, float, FloatArray]]:
    """For every height tried: the modulus M of each panel, the longer half-axis in half-widths, and ρ."""
    for height in HEIGHTS:
        rho = height + float(np.sqrt(1.0 + height * height))
        longer = 0.5 * (rho + 1.0 / rho)
        yield modulus(centre, longer * half, height * half), longer, np.asarray(rho)


def _least_error(modulus: Modulus, centre: FloatArray, half: FloatArray) -> tuple[FloatArray, FloatArray]:
    error, reach = np.full(centre.shape, np.inf), np.ones(centre.shape)
    for M, longer, rho in ellipses(modulus, centre, half):
        found = gauss_error(M, half, rho)
        reach = np.where(found < error, longer, reach)
        error = np.fmin(error, found)
    return error, reach


def _halved(
    owner: IntArray, left: FloatArray, right: FloatArray, centre: FloatArray, bad: NDArray[np.bool_]
) -> tuple[IntArray, FloatArray, FloatArray]:
    pieces = np.where(bad, 2, 1)
    start, end, first = np.repeat(left, pieces), np.repeat(right, pieces), np.cumsum(pieces) - pieces
    end[first[bad]] = centre[bad]
    start[first[bad] + 1] = centre[bad]
    return np.repeat(owner, pieces), start, end
