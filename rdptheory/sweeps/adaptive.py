"""Where to compute a curve so that straight lines between its points are the curve, as far as an eye can tell."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import pairwise
from math import hypot, inf, isfinite

from rdptheory.distortions import Distortion
from rdptheory.divergences import Divergence
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput
from rdptheory.inverse import distortion_at
from rdptheory.problems import Problem
from rdptheory.side_information import SideInformation
from rdptheory.solution import Solution
from rdptheory.solve import OUTPUT, Method, rdp
from rdptheory.sources import Source

__all__ = ["adaptive_grid"]

WIDTH_OF_A_LINE = 1.0 / 400.0
"""Share of the frame that a corner may be off: below half the width of a drawn line in a picture of one column."""
MOST_POINTS = 120
"""Points spent on one curve; a smooth one takes 15 to 40."""


def adaptive_grid(
    source: Source,
    distortion: Distortion,
    perception: Divergence | None = None,
    *,
    D: tuple[float, float],
    P: Sequence[float] = (inf,),
    tolerance: float = WIDTH_OF_A_LINE,
    method: Method | None = None,
    side_information: SideInformation = None,
    realism: str = OUTPUT,
) -> list[float]:
    """Distortions for `curve` or `surface` between which straight lines draw R(., P) and no corner of their own.

    R(., P) is convex and every solution brings its slope, so between two points the curve lies below the chord and
    above both tangents. The widest such triangle is cut until all are thinner than `tolerance` of the frame, and the
    distortion at which the rate ends, a true corner, is always a point.

    Parameters
    ----------
    source, distortion, perception, method, side_information, realism
        As in `rdp`.
    D : (low, high)
        Ends of the axis, low < high; low must have a finite rate.
    P : sequence of numbers
        One curve each; the grid serves them all.
    tolerance : float
        In (0, 1).

    Returns
    -------
    list of float
        Rising, from low to high.

    Raises
    ------
    InvalidInput
        As in `rdp`, or ends that enclose nothing.

    >>> from rdptheory import Bernoulli, Hamming, TotalVariation
    >>> grid = adaptive_grid(Bernoulli(0.25), Hamming(), TotalVariation(), D=(0.01, 0.4), P=[0.0])
    >>> grid[0], grid[-1], 0.375 in [round(D, 12) for D in grid], 10 < len(grid) < 40
    (0.01, 0.4, True, True)
    """
    low, high = (Problem(source, distortion, perception, end, inf).D for end in D)
    if not low < high < inf:
        raise InvalidInput("D", D, "must be two distortions, the first below the second, both finite")
    if not 0.0 < tolerance < 1.0:
        raise InvalidInput("tolerance", tolerance, "must lie between 0 and 1")
    points = {low, high}
    for radius in P:
        points |= _one(
            (source, distortion, perception), low, high, radius, tolerance, method, side_information, realism
        )
    return sorted(points)


def _one(
    question: tuple[Source, Distortion, Divergence | None],
    low: float,
    high: float,
    P: float,
    tolerance: float,
    method: Method | None,
    side_information: SideInformation,
    realism: str,
) -> set[float]:
    def at(D: float) -> Solution:
        return rdp(*question, D=D, P=P, method=method, side_information=side_information, realism=realism)

    end = distortion_at(*question, R=0.0, P=P, method=method, side_information=side_information, realism=realism).value
    found = {D: at(D) for D in sorted({low, high, min(max(end, low), high)})}
    if not isfinite(found[low].rate):
        raise InvalidInput("D", low, f"must be a distortion of finite rate at P = {P:g}")
    frame = high - low, max(found[low].rate, 1e-300)
    places = sorted(found)
    queue = [_piece(found[a], found[b], frame) for a, b in pairwise(places)]
    heapq.heapify(queue)
    while queue and len(found) < MOST_POINTS:
        thickness, a, b = heapq.heappop(queue)
        middle = 0.5 * (a + b)
        if -thickness <= tolerance or not a < middle < b:
            break
        found[middle] = at(middle)
        for left, right in ((a, middle), (middle, b)):
            heapq.heappush(queue, _piece(found[left], found[right], frame))
    return set(found)


def _piece(left: Solution, right: Solution, frame: tuple[float, float]) -> tuple[float, float, float]:
    """(minus the thickness of the triangle of chord and tangents in a unit frame, its ends)."""
    a, b = left.problem.D, right.problem.D
    width, height = (b - a) / frame[0], frame[1]
    drop = (left.rate - right.rate) / height
    falls = -left.slopes.D * (b - a) / height, -right.slopes.D * (b - a) / height
    steep = falls[0] if isfinite(falls[0]) and falls[0] >= drop else inf
    flat = min(max(falls[1], 0.0), drop) if isfinite(falls[1]) else 0.0
    share = 0.0 if steep == inf or steep <= flat else (drop - flat) / (steep - flat)  # where the tangents meet
    depth = drop - flat if steep == inf else share * (steep - drop)
    return -depth * width / hypot(width, drop) if width > 0.0 else 0.0, a, b


guard(__name__)
