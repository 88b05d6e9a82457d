"""Any distortion as its table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, IntArray
from rdptheory.geometry.base import (
    LARGEST_EXPONENT,
    Geometry,
    Gibbs,
    MaskArray,
    Rounding,
    gram_of_columns,
)

__all__ = ["Dense", "Stored"]


@dataclass(frozen=True, eq=False)
class Dense:
    """Any table of shape (n, m), inf where nothing may go; K is stored.

    >>> Dense(np.array([[0.0, 1.0], [1.0, 0.0]])).at(np.log(2.0)).forward(np.array([1.0, 0.0]))
    array([1. , 0.5])
    """

    distortion: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        return int(self.distortion.shape[0]), int(self.distortion.shape[1])

    @cached_property
    def symmetric(self) -> bool:
        """Whether d_ij = d_ji."""
        return self.shape[0] == self.shape[1] and bool((self.distortion == self.distortion.T).all())

    @cached_property
    def finite(self) -> FloatArray:
        """d, with 0 in place of inf."""
        barred = np.isinf(self.distortion)
        return np.where(barred, 0.0, self.distortion) if barred.any() else self.distortion

    def table(self) -> FloatArray:
        """d itself."""
        return self.distortion

    def at(self, s: float) -> Gibbs:
        """exp(-s d)."""
        kernel = np.exp(-s * self.finite)
        if self.finite is not self.distortion:
            kernel[np.isinf(self.distortion)] = 0.0
        return Stored(self.finite, kernel)

    def in_unit(self) -> tuple[Geometry, float]:
        """Itself: its d has no points."""
        return self, 1.0

    def fast(self, *, relative: bool = False) -> Geometry:
        """Itself."""
        return self

    def mean(self, law: FloatArray) -> FloatArray:
        """Σ_j d_ij law_j, shape (n,)."""
        return np.asarray(self.finite @ law) + self._barred(law[None, :], 1)

    def mean_backward(self, p: FloatArray) -> FloatArray:
        """Σ_i p_i d_ij, shape (m,)."""
        return np.asarray(p @ self.finite) + self._barred(p[:, None], 0)

    def _barred(self, law: FloatArray, axis: int) -> FloatArray | float:
        """inf where a law has mass that may not be there, 0 elsewhere."""
        if self.finite is self.distortion:
            return 0.0
        return np.where((np.isinf(self.distortion) & (law > 0.0)).any(axis=axis), np.inf, 0.0)

    def nearest(self) -> IntArray:
        """For every row a column with the least d_ij."""
        return np.asarray(self.distortion.argmin(axis=1), dtype=np.intp)

    def gram(self, s: float, w: FloatArray, chosen: IntArray) -> FloatArray:
        """Σ_i w_i K_ij K_ij' for j, j' in `chosen`."""
        return gram_of_columns(s, w, self.distortion[:, chosen])

    def gram_size(self, chosen: int) -> int:
        """The columns."""
        return self.shape[0] * chosen

    def peaks(self, values: FloatArray) -> MaskArray | None:
        """None: no symbol is beside another."""
        return None

    def largest_slope(self) -> float:
        """An s at which exp(-s d) is 0 or 1."""
        positive = self.finite[self.finite > 0.0]
        return min(LARGEST_EXPONENT / float(positive.min()), 1e300) if positive.size else 1.0

    def rounding(self, s: float) -> Rounding:
        """The sum of n positive terms, and the exponent of each."""
        largest = float(self.finite.max())
        terms = sum(self.shape) + 8.0
        product = (terms + 2.0 * min(s * largest, LARGEST_EXPONENT)) * UNIT_ROUNDOFF
        return Rounding(product, product + 2.0 * UNIT_ROUNDOFF, 0.0, terms * UNIT_ROUNDOFF * largest)


@dataclass(frozen=True, eq=False)
class Stored:
    """d and K as tables."""

    distortion: FloatArray
    kernel: FloatArray

    def forward(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.kernel @ x)

    def backward(self, y: FloatArray) -> FloatArray:
        return np.asarray(y @ self.kernel)

    def cost(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("ij,ij,j->i", self.kernel, self.distortion, x))

    def table(self) -> FloatArray:
        return self.kernel
