"""A geometry whose symbols come in another order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rdptheory._types import FloatArray, IntArray
from rdptheory.geometry.base import Geometry, Gibbs, MaskArray, Rounding

__all__ = ["Reordered"]


@dataclass(frozen=True, eq=False)
class Reordered:
    """Row and column `order[k]` are row and column k of a square geometry."""

    inner: Geometry
    order: IntArray

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n)."""
        return self.inner.shape

    @property
    def symmetric(self) -> bool:
        """Whether d_ij = d_ji."""
        return self.inner.symmetric

    def table(self) -> FloatArray:
        """d, shape (n, n)."""
        return self._placed(self.inner.table())

    def at(self, s: float) -> Gibbs:
        """exp(-s d)."""
        return _ReorderedGibbs(self, self.inner.at(s))

    def in_unit(self) -> tuple[Geometry, float]:
        """As inside."""
        inner, unit = self.inner.in_unit()
        return (self if inner is self.inner else Reordered(inner, self.order)), unit

    def fast(self, *, relative: bool = False) -> Geometry:
        """The fast form of what is inside."""
        fast = self.inner.fast(relative=relative)
        return self if fast is self.inner else Reordered(fast, self.order)

    def mean(self, law: FloatArray) -> FloatArray:
        """Σ_j d_ij law_j, shape (n,)."""
        return self.outside(self.inner.mean(law[self.order]))

    def mean_backward(self, p: FloatArray) -> FloatArray:
        """Σ_i p_i d_ij, shape (n,)."""
        return self.outside(self.inner.mean_backward(p[self.order]))

    def nearest(self) -> IntArray:
        """For every row a column with the least d_ij."""
        found = np.empty(self.order.size, dtype=np.intp)
        found[self.order] = self.order[self.inner.nearest()]
        return found

    def gram(self, s: float, w: FloatArray, chosen: IntArray) -> FloatArray:
        """Σ_i w_i K_ij K_ij' for j, j' in `chosen`."""
        return self.inner.gram(s, w[self.order], np.argsort(self.order)[chosen])

    def gram_size(self, chosen: int) -> int:
        """As inside."""
        return self.inner.gram_size(chosen)

    def peaks(self, values: FloatArray) -> MaskArray | None:
        """The local maxima and what is beside them."""
        found = self.inner.peaks(values[self.order])
        if found is None:
            return None
        chosen = np.empty_like(found)
        chosen[self.order] = found
        return chosen

    def largest_slope(self) -> float:
        """As inside."""
        return self.inner.largest_slope()

    def rounding(self, s: float) -> Rounding:
        """As inside."""
        return self.inner.rounding(s)

    def outside(self, values: FloatArray) -> FloatArray:
        """Values of the symbols inside, in the order outside."""
        placed = np.empty_like(values)
        placed[self.order] = values
        return placed

    def _placed(self, table: FloatArray) -> FloatArray:
        placed = np.empty_like(table)
        placed[np.ix_(self.order, self.order)] = table
        return placed


@dataclass(frozen=True, eq=False)
class _ReorderedGibbs:
    geometry: Reordered
    inner: Gibbs

    def forward(self, x: FloatArray) -> FloatArray:
        return self.geometry.outside(self.inner.forward(x[self.geometry.order]))

    def backward(self, y: FloatArray) -> FloatArray:
        return self.geometry.outside(self.inner.backward(y[self.geometry.order]))

    def cost(self, x: FloatArray) -> FloatArray:
        return self.geometry.outside(self.inner.cost(x[self.geometry.order]))

    def table(self) -> FloatArray:
        return self.geometry._placed(self.inner.table())
