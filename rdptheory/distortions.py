"""Distortions d(x, y): what a reconstruction y of the symbol x costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from rdptheory._types import ArrayLike, FloatArray, frozen_array
from rdptheory.errors import InvalidInput, real_array

__all__ = ["DISTORTIONS", "AbsoluteError", "Distortion", "Hamming", "SquaredError", "Table"]


@runtime_checkable
class Distortion(Protocol):
    """A member of the family: it can write itself as a table over the points of the alphabet."""

    def table(self, points: FloatArray) -> FloatArray:
        """d(x_i, y_j) for symbols at `points`, shape (n, m), entries finite and at least 0."""


@dataclass(frozen=True)
class Hamming:
    """d(x, y) = 1 unless y is the symbol x; the reconstruction alphabet is the source alphabet."""

    def table(self, points: FloatArray) -> FloatArray:
        """1 off the diagonal, shape (n, n)."""
        return frozen_array(1.0 - np.eye(points.shape[0]))


@dataclass(frozen=True)
class SquaredError:
    """d(x, y) = |x - y|^2, summed over coordinates, in squared units of the points."""

    def table(self, points: FloatArray) -> FloatArray:
        """Squared distances, shape (n, n)."""
        return frozen_array(_sum_over_coordinates(points, np.square))


@dataclass(frozen=True)
class AbsoluteError:
    """d(x, y) = |x - y|, summed over coordinates, in units of the points."""

    def table(self, points: FloatArray) -> FloatArray:
        """Absolute differences, shape (n, n)."""
        return frozen_array(_sum_over_coordinates(points, np.abs))


@dataclass(frozen=True, eq=False)
class Table:
    """Any distortion as a table, with a reconstruction alphabet of its own.

    Parameters
    ----------
    matrix : array (n, m)
        d(x_i, y_j), finite and at least 0.
    reference : array (m,), optional
        The law on the reconstruction alphabet that a perception constraint compares the output with. A square
        table needs none (the source law is taken); a rectangular one without it allows P = inf only.

    >>> Table([[0.0, 2.0, 1.0], [2.0, 0.0, 1.0]]).matrix.shape
    (2, 3)
    """

    matrix: FloatArray
    reference: FloatArray | None = None

    def __init__(self, matrix: ArrayLike, reference: ArrayLike | None = None) -> None:
        d = real_array("matrix", matrix)
        if d.ndim != 2 or d.size == 0:
            raise InvalidInput("matrix", matrix, f"must have shape (n, m) with n, m >= 1, has {d.shape}")
        if (d < 0).any():
            raise InvalidInput("matrix", matrix, f"every entry must be at least 0, the smallest is {d.min():g}")
        law = None if reference is None else real_array("reference", reference)
        if law is not None:
            if law.shape != (d.shape[1],):
                raise InvalidInput("reference", reference, f"must have shape ({d.shape[1]},), has {law.shape}")
            if (law < 0).any() or abs(float(law.sum()) - 1.0) > 1e-12:
                raise InvalidInput("reference", reference, "must be at least 0 and sum to 1 within 1e-12")
        object.__setattr__(self, "matrix", d)
        object.__setattr__(self, "reference", law)

    def table(self, points: FloatArray) -> FloatArray:
        """The matrix itself, once its rows are as many as the symbols."""
        if self.matrix.shape[0] != points.shape[0]:
            raise InvalidInput(
                "matrix",
                self.matrix,
                f"must have one row for each of the {points.shape[0]} symbols, has shape {self.matrix.shape}",
            )
        return self.matrix


DISTORTIONS: tuple[type, ...] = (Hamming, SquaredError, AbsoluteError, Table)


def _sum_over_coordinates(points: FloatArray, measure: np.ufunc) -> FloatArray:
    columns = points[:, None] if points.ndim == 1 else points
    total = np.zeros((points.shape[0], points.shape[0]))
    for column in columns.T:  # one coordinate at a time: never an n x n x k array
        total += measure(column[:, None] - column[None, :])
    return total
