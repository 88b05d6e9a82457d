"""Pairs of posteriors whose cost is a product of two means: their least reduced cost is a search along one line.

    d_ij >= a_i + b_j - 2 x_i y_j

holds for squared error on the line, for every table with two rows or two columns, and for whatever else a double
centring leaves rank one. With m = x·a the reduced cost of a pair (a, b) at its least is G(m) + C(m),

    G(m) = min { a·cost + α KL(a‖p) : x·a = m },    C(m) = -(1-w) m² + min over b of b·cost - 2 w m y·b + β KL(b‖q),

convex and concave, as `certificates.line` asks; w = 1 is the cost itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray
from rdptheory.certificates.line import Letters
from rdptheory.transport_problem import DiscreteTransport

__all__ = ["LineCost", "PairCurve", "squared_on_line"]

RANK_ONE = 1e-9
"""Share of the largest centred cost that a table may miss rank one by and still count as it: the rest is priced."""
SQUARED = 16.0 * UNIT_ROUNDOFF
"""Share of a squared distance by which a table may differ from it: three roundings, and what a change of units adds."""


@dataclass(frozen=True, eq=False)
class LineCost:
    """Arrays with d_ij >= a_i + b_j - 2 x_i y_j; x has mean 0 under p, y under q, up to rounding.

    Attributes
    ----------
    x, rows : arrays (n,)
    y, columns : arrays (m,)
        x_i, a_i, y_j and b_j, already low enough for rounding.
    """

    x: FloatArray
    rows: FloatArray
    y: FloatArray
    columns: FloatArray

    @classmethod
    def of(cls, problem: DiscreteTransport, kappa: float = 0.0) -> LineCost | None:
        """The arrays of a question, lowered for numbers that are known to a relative error κ, or None."""
        if squared_on_line(problem):
            assert problem.x is not None
            assert problem.y is not None
            first, second = float(problem.p @ problem.x), float(problem.q @ problem.y)
            x, y, apart = problem.x - first, problem.y - second, first - second
            rows, columns = x**2 + 2.0 * apart * x + apart**2, y**2 - 2.0 * apart * y
            size_x, size_y = x**2 + 2.0 * np.abs(apart * x) + apart**2, y**2 + 2.0 * np.abs(apart * y)
        else:
            p, q, cost = problem.p, problem.q, problem.cost
            by_row, by_column = cost @ q, p @ cost
            centred = cost - by_row[:, None] - by_column + float(p @ by_row)
            left, values, right = np.linalg.svd(centred, full_matrices=False)
            largest = float(np.abs(centred).max())
            if largest <= RANK_ONE * float(cost.max()) or (values[1:2] > RANK_ONE * values[0]).any():
                return None
            size = float(np.sqrt(0.5 * values[0]))
            x, y = size * left[:, 0], -size * right[0]
            rows, columns = by_row, by_column - float(p @ by_row)
            size_x, size_y = np.abs(rows) + x**2, np.abs(columns) + y**2
            missed = rows[:, None] + columns - 2.0 * x[:, None] * y - cost
            rows = rows - np.maximum(missed, 0.0).max(axis=1) * (kappa > 0.0)
        return cls(x, rows - kappa * (size_x + x**2), y, columns - kappa * (size_y + y**2))


def squared_on_line(problem: DiscreteTransport) -> bool:
    """Whether the table is that of squared distances between points of a line."""
    if problem.x is None or problem.y is None:
        return False
    squares = np.square(problem.x[:, None] - problem.y)
    return bool((np.abs(problem.cost - squares) <= SQUARED * squares).all())


@dataclass(frozen=True, eq=False)
class PairCurve:
    """G + C of two sets of letters, a `certificates.line.Curve`."""

    x: Letters
    y: Letters
    w: float = 1.0

    @property
    def ends(self) -> tuple[float, float]:
        """Means that a law of X can have."""
        return float(self.x.points.min()), float(self.x.points.max())

    def slopes(self, count: int) -> FloatArray:
        """First nodes: all stationary points have slopes between the first and the last."""
        low, high = self.ends
        other = float(np.abs(self.y.points).max())
        reach = 2.0 * (1.0 - self.w) * max(-low, high) + 2.0 * self.w * other
        return np.linspace(-reach, reach, count)

    def convex(self, slopes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """G touched at these slopes."""
        return self.x.tilted(slopes)

    def concave(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """C, rounded down, and C'."""
        slopes = 2.0 * self.w * points
        height, mean = self.y.tilted(slopes)
        parts = slopes * mean, (1.0 - self.w) * points**2
        rounding = 4.0 * UNIT_ROUNDOFF * (np.abs(height) + np.abs(parts[0]) + parts[1])
        return height - parts[0] - parts[1] - rounding, -2.0 * (1.0 - self.w) * points - 2.0 * self.w * mean

    def turns(self, slopes: FloatArray) -> tuple[float, float, FloatArray, float]:
        """How fast log G'' may change with θ and log -C'' with m; how far off points at these slopes may be, and C'."""
        far = 2.0 * self.w * np.abs(self.x.points).max(keepdims=True)
        blur = 2.0 * self.w * float(self.y.blur(far)[0]) + 8.0 * UNIT_ROUNDOFF * float(far[0])
        return self.x.turn, 2.0 * self.w * self.y.turn, self.x.blur(slopes), blur
