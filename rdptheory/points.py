"""Distances between points: for distortions and for transport costs, checked where float64 ends."""

from __future__ import annotations

import numpy as np

from rdptheory._types import FloatArray, Remembered, frozen_array
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput

__all__ = ["absolute_distances", "distances", "squared_distances", "told_apart"]

_ABSOLUTE: Remembered[FloatArray] = Remembered()
_SQUARED: Remembered[FloatArray] = Remembered()
FAR = "lie so far apart that a distance exceeds float64; use another unit"
CLOSE = "lie so close that a distance underflows float64; use another unit"
TINY = float(np.finfo(np.float64).tiny)  # below it float64 loses digits


def absolute_distances(points: FloatArray) -> FloatArray:
    """Σ_k |x_k - y_k| between points of shape (n,) or (n, k), shape (n, n).

    Raises
    ------
    InvalidInput
        A distance is beyond float64, or so small that it lost its digits.
    """
    return _ABSOLUTE((points,), lambda: _checked(_sum_over_coordinates(points, np.abs), points))


def squared_distances(points: FloatArray) -> FloatArray:
    """|x - y|^2, as in `absolute_distances`."""
    return _SQUARED((points,), lambda: _checked(_sum_over_coordinates(points, np.square), points))


def distances(points: FloatArray) -> FloatArray:
    """|x - y|, the Euclidean norm: |x - y| itself on a line, elsewhere from squares in the unit of the largest."""
    if points.ndim == 1:
        return absolute_distances(points)
    with np.errstate(over="ignore"):
        unit = float(np.ptp(points, axis=0).max())
    if not 0.0 < unit < np.inf:
        return absolute_distances(points)  # all at one point, or refused there
    scaled = np.sqrt(_sum_over_coordinates((points - points.min(axis=0)) / unit, np.square))
    return _checked(scaled * unit, points)


def _sum_over_coordinates(points: FloatArray, measure: np.ufunc) -> FloatArray:
    columns = points[:, None] if points.ndim == 1 else points
    total = np.zeros((points.shape[0], points.shape[0]))
    with np.errstate(over="ignore", under="ignore"):
        for column in columns.T:  # one coordinate at a time: never an n x n x k array
            total += measure(column[:, None] - column[None, :])
    return total


def told_apart(points: FloatArray, power: int) -> FloatArray:
    """The points, whose extents to this power add up to a number that float64 holds with all of its digits.

    Raises
    ------
    InvalidInput
    """
    with np.errstate(over="ignore", under="ignore"):
        extent = float(np.sum(np.ptp(points, axis=0) ** power))
    if not extent < np.inf:
        raise InvalidInput("points", points, FAR)
    if 0.0 < extent < TINY or (extent == 0.0 and (points != points[0]).any()):
        raise InvalidInput("points", points, CLOSE)
    return points


def _checked(table: FloatArray, points: FloatArray) -> FloatArray:
    if not np.isfinite(table).all():
        raise InvalidInput("points", points, FAR)
    lost = table < TINY
    if np.count_nonzero(lost) > points.shape[0]:  # beyond the diagonal: the same point twice, or digits are lost
        i, j = np.nonzero(lost)
        if (points[i] != points[j]).any():
            raise InvalidInput("points", points, CLOSE)
    return frozen_array(table)


guard(__name__)
