"""Gibbs kernels K = exp(-s d), known by their products with vectors.

Every kernel belongs to a distortion d >= 0 of shape (n, m) whose rows have minimum 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rdptheory._types import FloatArray, IntArray

__all__ = ["Dense", "Gibbs", "Kernel"]

UNIT_ROUNDOFF = 2.0**-53
LARGEST_EXPONENT = 745.0  # exp(-x) is 0 in float64 beyond it


class Gibbs(Protocol):
    """exp(-s d) at one s."""

    def forward(self, x: FloatArray) -> FloatArray:
        """K x, shape (n,), for x of shape (m,)."""

    def backward(self, y: FloatArray) -> FloatArray:
        """K' y, shape (m,), for y of shape (n,)."""

    def cost(self, x: FloatArray) -> FloatArray:
        """(K * d) x, shape (n,), entrywise product."""

    def table(self) -> FloatArray:
        """K itself, shape (n, m); for small alphabets."""


class Kernel(Protocol):
    """A distortion that knows how to multiply with its Gibbs kernels."""

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""

    @property
    def symmetric(self) -> bool:
        """Whether d_ij = d_ji."""

    def at(self, s: float) -> Gibbs:
        """exp(-s d)."""

    def mean(self, law: FloatArray) -> FloatArray:
        """Σ_j d_ij law_j, shape (n,)."""

    def mean_backward(self, p: FloatArray) -> FloatArray:
        """Σ_i p_i d_ij, shape (m,)."""

    def nearest(self) -> IntArray:
        """For every row a column with d_ij = 0, shape (n,)."""

    def largest_slope(self) -> float:
        """An s at which exp(-s d) is 0 or 1."""

    def rounding(self, s: float) -> float:
        """A bound on the relative error of `backward` in float64 for y >= 0."""


@dataclass(frozen=True, eq=False)
class Dense:
    """Any table of shape (n, m) with row minima 0; K is stored.

    >>> Dense(np.array([[0.0, 1.0], [1.0, 0.0]])).at(np.log(2.0)).forward(np.array([1.0, 0.0]))
    array([1. , 0.5])
    """

    table: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        return int(self.table.shape[0]), int(self.table.shape[1])

    @property
    def symmetric(self) -> bool:
        """Whether d_ij = d_ji."""
        return self.shape[0] == self.shape[1] and bool((self.table == self.table.T).all())

    def at(self, s: float) -> Gibbs:
        """exp(-s d)."""
        return _DenseGibbs(self.table, np.exp(-s * self.table))

    def mean(self, law: FloatArray) -> FloatArray:
        """Σ_j d_ij law_j, shape (n,)."""
        return np.asarray(self.table @ law)

    def mean_backward(self, p: FloatArray) -> FloatArray:
        """Σ_i p_i d_ij, shape (m,)."""
        return np.asarray(p @ self.table)

    def nearest(self) -> IntArray:
        """For every row a column with d_ij = 0."""
        return np.asarray(self.table.argmin(axis=1), dtype=np.intp)

    def largest_slope(self) -> float:
        """An s at which exp(-s d) is 0 or 1."""
        positive = self.table[self.table > 0.0]
        return min(LARGEST_EXPONENT / float(positive.min()), 1e300) if positive.size else 1.0

    def rounding(self, s: float) -> float:
        """The sum of n positive terms, and the exponent of each."""
        return (2.0 * self.shape[0] + 8.0 + 2.0 * min(s * float(self.table.max()), LARGEST_EXPONENT)) * UNIT_ROUNDOFF


@dataclass(frozen=True, eq=False)
class _DenseGibbs:
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
