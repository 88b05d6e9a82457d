"""Independent coordinates under squared error, at P = inf and P = 0: the distortion is allocated, nothing is gridded.

With independent X_i the rate of a vector is at least Σ_i I(X_i;Y_i), and Y ~ X has Y_i ~ X_i, so that in either case

    R(D) = min over D_1 + ... + D_k <= D of Σ_i R_i(D_i).

Upper end: any allocation, with the upper ends of the coordinates. Lower end: each dual point of a coordinate proves an
affine minorant a - s (D' - D) of R_i for all D' at once. With φ_i(s) = min over D' >= 0 of the largest minorant + s D'
(and of 0 + s D') every s >= 0 proves R(D) >= Σ_i φ_i(s) - s D.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from rdptheory.continuous.candidate import CellBounds, CellChannel, Points, ProductChannel, Redraw
from rdptheory.continuous.ends import Finite, Upper, fixed_ends, lower_end, upper_end
from rdptheory.continuous.noise import CAREFUL, mean_of
from rdptheory.continuous.plane import decided, spreads
from rdptheory.continuous.posed import Posed, per
from rdptheory.distortions import SquaredError
from rdptheory.divergences import TotalVariation
from rdptheory.errors import InvalidInput
from rdptheory.methods import Method
from rdptheory.problems import Problem
from rdptheory.solution import Slopes, Solution, Status
from rdptheory.sources import ContinuousSource, Independent
from rdptheory.watch import ending, leaving, next_part

__all__ = ["allocated", "dual_value"]

FIRST = 64  # cells a coordinate of the first looks, which find the allocation
ROUNDS = 4  # of equalising the slopes: each leaves about the square of what they differ by
DIRECT = 4  # times the cells at P = 0, where no finite solver is asked
SAFETY = 0.85  # of the gap: the width falls like n^-2 only roughly
SPARE = 1e-12  # of D, kept free for the rounding of the sum of the parts
BEFORE = (
    0.98  # of where the rate is 0: there its slope is seen, and what the tangent loses beyond is the square of 0.02
)
SLACK = 1e-12  # of s D and of a slope: the rounding of the two
BISECTIONS = 100  # of a slope: more than a float64 holds
ROUNDING = 1e-13  # nats and shares of s D: of sums of fewer than a thousand coordinates
SLOPES = 400  # between the least and the greatest that were seen, at which the dual is evaluated


@dataclass(eq=False)
class _Coordinate:
    """One coordinate, and what is proved of it so far. Its rate is 0 from `most` on, where it may end with a slope."""

    source: ContinuousSource
    fixed: bool
    most: float
    minorants: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 0.0)])
    D: float = 0.0
    idle: bool = False
    slope: float = 0.0
    posed: Posed | None = None
    upper: Upper | None = None
    steps: int = 0

    def look(self, D: float, n: int, solve: Finite) -> None:
        """Both ends at D on n cells; where the rate is 0, the dual of a little before."""
        self.D, self.idle = D, D >= self.most
        D = min(D, BEFORE * self.most)
        ball = TotalVariation() if self.fixed else None
        self.posed = Posed.of(Problem(self.source, SquaredError(), ball, D, 0.0 if self.fixed else np.inf))
        if self.fixed:
            lower, self.upper = fixed_ends(self.posed, n)
        else:
            lower = lower_end(self.posed, n, solve)
            self.upper = upper_end(self.posed, n, False, solve)
        self.steps += lower.steps + (0 if self.upper is None else self.upper.steps)
        s = per(lower.slope, self.posed.scale, 2)
        self.minorants.append((lower.affine + s * (1.0 - SLACK) * D, s * (1.0 + SLACK)))
        self.slope = s

    @property
    def rate(self) -> float:
        """The upper end of the last look."""
        if self.idle:
            return 0.0
        return np.inf if self.upper is None else self.upper.rate

    def candidate(self) -> CellChannel | None:
        """Its channel."""
        if self.idle:
            ends = np.array(self.source.support)
            outputs = Redraw(self.source, ends) if self.fixed else Points(np.array([mean_of(self.source)]))
            return CellChannel(ends, [[1.0]], outputs)
        assert self.upper is not None
        assert self.posed is not None
        return self.upper.candidate(self.posed)


def allocated(problem: Problem, method: Method, solve: Finite, gap: float, max_cells: int) -> Solution:
    """Both ends, on more and more cells a coordinate, until the gap or the limit.

    Raises
    ------
    InvalidInput
        Another distortion, or a coordinate without a variance.
    """
    assert isinstance(problem.source, Independent)
    if not isinstance(problem.distortion, SquaredError):
        raise InvalidInput("distortion", problem.distortion, "must be SquaredError() for independent coordinates")
    deviations = spreads(problem.source)
    known = decided(problem, method)
    if known is not None:
        return known
    fixed = problem.perception is not None and problem.P == 0.0
    pairs = zip(problem.source.parts, deviations, strict=True)
    parts = [_Coordinate(one, fixed, sd**2 * (1.0 + fixed) * (1.0 if one.analytic else CAREFUL)) for one, sd in pairs]
    limit = max_cells * (DIRECT if fixed else 1)
    slope, channel = np.nan, None
    bounds, n, turn = CellBounds(0.0, np.inf, "no rate is negative", "no channel was found"), FIRST, 0
    with leaving():
        while True:
            turn += 1
            for k, D in enumerate(_shares(problem.D, parts)):
                twin = next((one for one in parts[:k] if one.source == parts[k].source and one.D == D), None)
                if twin is None:
                    next_part(bounds.lower, bounds.upper)
                    parts[k].look(D, n, solve)
                else:
                    parts[k] = replace(twin, steps=0)
            lower, slope = dual_value([part.minorants for part in parts], problem.D)
            upper = sum(part.rate for part in parts) * (1.0 + 4e-16 * len(parts))
            if lower > bounds.lower:
                bounds = CellBounds(lower, bounds.upper, f"duals on {n + 1} nodes a coordinate", bounds.upper_from)
            if upper < bounds.upper:
                found = [one for one in (part.candidate() for part in parts) if one is not None]
                channel = ProductChannel(tuple(found)) if len(found) == len(parts) else None
                bounds = CellBounds(bounds.lower, upper, bounds.lower_from, f"D allocated, {n} cells a coordinate")
            if bounds.gap <= gap or n >= limit:
                break
            if turn >= ROUNDS:
                wanted = n * np.sqrt(bounds.gap / (SAFETY * gap)) if np.isfinite(bounds.gap) else 4.0 * n
                n = int(min(limit, 4 * n, max(2 * n, FIRST * np.ceil(wanted / FIRST))))
    reached = bounds.gap <= gap
    ended = ending(f"{limit} cells a coordinate prove no narrower bracket")
    text = f"as narrow as asked, {gap:.2g} nat" if reached else ended
    return Solution(
        problem,
        bounds.upper,
        bounds,
        Slopes(-slope, -np.inf if fixed and slope > 0.0 else 0.0),
        channel,
        Status.OPTIMAL if reached else Status.STOPPED,
        f"{text}: {bounds.lower_from}, {bounds.upper_from}",
        method,
        sum(part.steps for part in parts),
    )


def _shares(D: float, parts: list[_Coordinate]) -> list[float]:
    """D_i with s_i D_i as they were last and one slope for all, none beyond where the rate is 0, within D together."""
    most = np.array([part.most for part in parts])
    weights = np.array([part.slope * part.D if not part.idle else 0.0 for part in parts])
    weights = np.where(weights > 0.0, weights, 0.5)  # as if the rate were -½ log D
    goal = D * (1.0 - SPARE)
    if float(most.sum()) <= goal:
        return [float(one) for one in most]
    low, high = 0.0, float(weights.sum()) / goal  # the slope at which nothing is capped is the greatest
    for _ in range(BISECTIONS):
        s = 0.5 * (low + high)
        low, high = (s, high) if float(np.minimum(weights / s, most).sum()) > goal else (low, s)
    return [float(one) for one in np.minimum(weights / high, most)]


def dual_value(minorants: list[list[tuple[float, float]]], D: float) -> tuple[float, float]:
    """The best of Σ_i φ_i(s) - s D over some slopes s, and that s; minorants are (value at D' = 0, slope).

    >>> value, slope = dual_value([[(0.0, 0.0), (1.0, 2.0)], [(0.0, 0.0), (1.0, 2.0)]], 0.5)
    >>> round(value, 9), slope
    (1.0, 2.0)
    """
    seen = np.unique([slope for one in minorants for _, slope in one])
    slopes = np.unique(np.concatenate([seen, np.linspace(seen[0], seen[-1], SLOPES)]))
    total = -slopes * D
    for one in minorants:
        a, s = np.array(one).T
        apart = s[:, None] - s
        crossing = np.divide(a[:, None] - a, apart, out=np.zeros_like(apart), where=apart != 0.0)
        at = np.unique(np.maximum(crossing, 0.0))  # a convex piecewise linear function is least at one of these, or 0
        highest = (a[:, None] - s[:, None] * at).max(axis=0)
        total = total + (highest[:, None] + at[:, None] * slopes).min(axis=0)
    best = int(np.argmax(total))
    return max(0.0, float(total[best]) - ROUNDING * (1.0 + float(slopes[best]) * D)), float(slopes[best])
