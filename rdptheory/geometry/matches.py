"""Hamming distortion between symbols: the Gibbs kernel is a diagonal and a constant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, IntArray, frozen_array
from rdptheory.geometry.base import (
    LARGEST_EXPONENT,
    Geometry,
    Gibbs,
    MaskArray,
    Rounding,
    affordable,
)

__all__ = ["Matches"]


@dataclass(frozen=True, eq=False)
class Matches:
    """d_ij = 1 unless j = i, for n symbols; every product takes n steps.

    >>> Matches(3).at(np.log(2.0)).forward(np.array([1.0, 0.0, 0.0]))
    array([1. , 0.5, 0.5])
    """

    size: int

    symmetric = True

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n)."""
        return self.size, self.size

    def table(self) -> FloatArray:
        """1 off the diagonal."""
        affordable("source", *self.shape)
        return frozen_array(1.0 - np.eye(self.size))

    def at(self, s: float) -> Gibbs:
        """exp(-s d)."""
        return _DiagonalAndConstant(float(np.exp(-s)), self.size)

    def in_unit(self) -> tuple[Geometry, float]:
        """Itself: its d has no points."""
        return self, 1.0

    def fast(self, *, relative: bool = False) -> Geometry:
        """Itself."""
        return self

    def mean(self, law: FloatArray) -> FloatArray:
        """The mass of the other symbols, shape (n,)."""
        return _of_the_others(law)

    def mean_backward(self, p: FloatArray) -> FloatArray:
        """The mass of the other symbols, shape (n,)."""
        return _of_the_others(p)

    def nearest(self) -> IntArray:
        """The symbol itself."""
        return np.arange(self.size)

    def gram(self, s: float, w: FloatArray, chosen: IntArray) -> FloatArray:
        """Σ_i w_i K_ij K_ij': all rows weigh e^(-2s), but the two that match."""
        near = float(np.exp(-s))
        added = near * (1.0 - near) * w[chosen]
        table = near * near * float(w.sum()) + added[:, None] + added[None, :]
        table[np.diag_indices(chosen.size)] += (1.0 - near) ** 2 * w[chosen]
        return np.asarray(table)

    def gram_size(self, chosen: int) -> int:
        """The result alone."""
        return chosen * chosen

    def peaks(self, values: FloatArray) -> MaskArray | None:
        """None: no symbol is beside another."""
        return None

    def largest_slope(self) -> float:
        """An s at which exp(-s d) is 0 or 1."""
        return LARGEST_EXPONENT

    def rounding(self, s: float) -> Rounding:
        """A sum of n positive terms."""
        product = (self.size + 8.0 + 2.0 * min(s, LARGEST_EXPONENT)) * UNIT_ROUNDOFF
        return Rounding(product, product, 0.0, (self.size + 8.0) * UNIT_ROUNDOFF)


@dataclass(frozen=True, eq=False)
class _DiagonalAndConstant:
    near: float
    size: int

    def forward(self, x: FloatArray) -> FloatArray:
        return x + self.near * _of_the_others(x)

    def backward(self, y: FloatArray) -> FloatArray:
        return self.forward(y)

    def cost(self, x: FloatArray) -> FloatArray:
        return self.near * _of_the_others(x)

    def table(self) -> FloatArray:
        table = np.full((self.size, self.size), self.near)
        np.fill_diagonal(table, 1.0)
        return table


def _of_the_others(x: FloatArray) -> FloatArray:
    """Σ_{j ≠ i} x_j from both sides, so that no digits cancel."""
    others = np.zeros_like(x)
    np.cumsum(x[:-1], out=others[1:])
    others[:-1] += np.cumsum(x[:0:-1])[::-1]
    return others
