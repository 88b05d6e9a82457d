"""Squared error on a full product grid: the Gibbs kernel is a Kronecker product, one factor an axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any, Protocol

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, IntArray
from rdptheory.geometry.base import (
    LARGEST_EXPONENT,
    SINGLE_ERROR,
    SMALLEST_SINGLE,
    Geometry,
    Gibbs,
    MaskArray,
    Rounding,
    affordable,
    gram_of_columns,
    own_unit,
    single,
)

__all__ = ["Convolution", "Grid", "as_grid"]

REACH = 46.0  # s d beyond which a convolution takes the kernel to be 0: exp(-46) is below the rounding of 1
POINT_OF_FFT = 1100.0  # what a point of a padded grid costs, in units of a product of two entries in single precision


@dataclass(frozen=True, eq=False)
class Grid:
    """Squared error on the product of `axes`, symbols in C order: K is a Kronecker product, one factor an axis.

    >>> Grid((np.arange(3.0), np.arange(2.0))).at(1.0).forward(np.eye(6)[0]).round(3)
    array([1.   , 0.368, 0.368, 0.135, 0.018, 0.007])
    """

    axes: tuple[FloatArray, ...]
    approximate: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n)."""
        n = prod(axis.size for axis in self.axes)
        return n, n

    symmetric = True

    @cached_property
    def tables(self) -> list[FloatArray]:
        """(x - y)² along every axis."""
        return [(axis[:, None] - axis[None, :]) ** 2 for axis in self.axes]

    def table(self) -> FloatArray:
        """d, shape (n, n)."""
        affordable("source", *self.shape)
        total = np.zeros(2 * tuple(axis.size for axis in self.axes))
        for a, d in enumerate(self.tables):
            total += d.reshape(2 * tuple(d.shape[0] if b == a else 1 for b in range(len(self.axes))))
        return total.reshape(self.shape)

    def at(self, s: float) -> Gibbs:
        """exp(-s d)."""
        factors = [np.exp(-s * table) for table in self.tables]
        costs = [factor * table for factor, table in zip(factors, self.tables, strict=True)]
        if self.approximate:
            return _Kronecker([_Mirrored.of(a) for a in factors], [_Mirrored.of(a) for a in costs])
        return _Kronecker(factors, costs)

    def in_unit(self) -> tuple[Grid, float]:
        """Axes divided by `own_unit` of the longest."""
        unit = own_unit(max(float(np.ptp(axis)) for axis in self.axes))
        return (self, 1.0) if unit == 1.0 else (replace(self, axes=tuple(axis / unit for axis in self.axes)), unit**2)

    def fast(self, *, relative: bool = False) -> Geometry:
        """Single precision, and half the work along axes that are their own mirror image; FFT where that is cheaper."""
        return self if relative else (Convolution if self.uniform else Grid)(self.axes, approximate=True)

    @cached_property
    def uniform(self) -> bool:
        """Whether the steps along every axis are equal."""
        return all(np.allclose(np.diff(axis), axis[1] - axis[0], rtol=1e-9) for axis in self.axes if axis.size > 1)

    def mean(self, law: FloatArray) -> FloatArray:
        """Σ_j d_ij law_j, shape (n,): a sum over axes of what the marginal laws cost."""
        cube = law.reshape([axis.size for axis in self.axes])
        total = np.zeros(cube.shape)
        for a, table in enumerate(self.tables):
            marginal = cube.sum(axis=tuple(b for b in range(cube.ndim) if b != a))
            total += (table @ marginal).reshape([-1 if b == a else 1 for b in range(cube.ndim)])
        return total.ravel()

    def mean_backward(self, p: FloatArray) -> FloatArray:
        """Σ_i p_i d_ij, shape (m,)."""
        return self.mean(p)

    def nearest(self) -> IntArray:
        """The symbol itself."""
        return np.arange(self.shape[0])

    def gram(self, s: float, w: FloatArray, chosen: IntArray) -> FloatArray:
        """Σ_i w_i K_ij K_ij' for j, j' in `chosen`, without n x |chosen| numbers on a uniform grid.

        As |x-y|² + |x-y'|² = |y-y'|²/2 + 2|x-z|² with z midway between y and y', one product with the kernel of the
        points midway gives every entry.
        """
        places = np.unravel_index(chosen, [axis.size for axis in self.axes])
        if not self.uniform:
            parts = [table[:, place] for table, place in zip(self.tables, places, strict=True)]
            d = parts[0]
            for part in parts[1:]:
                d = (d[:, None, :] + part[None, :, :]).reshape(-1, chosen.size)
            return gram_of_columns(s, w, d)
        midway = [np.linspace(axis[0], axis[-1], 2 * axis.size - 1) for axis in self.axes]
        factors = [np.exp(-2.0 * s * (z[:, None] - axis) ** 2) for z, axis in zip(midway, self.axes, strict=True)]
        sums = _kronecker(factors, w).reshape([z.size for z in midway])
        apart = sum(table[np.ix_(place, place)] for table, place in zip(self.tables, places, strict=True))
        return np.asarray(np.exp(-0.5 * s * apart) * sums[tuple(np.add.outer(place, place) for place in places)])

    def gram_size(self, chosen: int) -> int:
        """The result alone on a uniform grid, else the columns."""
        return chosen * chosen if self.uniform else self.shape[0] * chosen

    def peaks(self, values: FloatArray) -> MaskArray | None:
        """The local maxima and all their neighbours."""
        from scipy.ndimage import binary_dilation, maximum_filter

        cube = values.reshape([axis.size for axis in self.axes])
        around = np.ones((3,) * cube.ndim, dtype=bool)
        return np.asarray(binary_dilation(cube == maximum_filter(cube, footprint=around), around).ravel())

    def largest_slope(self) -> float:
        """An s at which exp(-s d) is 0 or 1."""
        steps = [np.diff(axis).min() for axis in self.axes if axis.size > 1]
        return float(LARGEST_EXPONENT / min(steps) ** 2) if steps else 1.0

    def rounding(self, s: float) -> Rounding:
        """One sum an axis, and the exponent of each entry."""
        largest = [float(table.max()) for table in self.tables]
        terms = sum(2.0 * axis.size + 8.0 for axis in self.axes)
        product = (terms + 4.0 * sum(min(s * d, LARGEST_EXPONENT) for d in largest)) * UNIT_ROUNDOFF
        mean = (self.shape[0] + terms) * UNIT_ROUNDOFF * sum(largest)
        return Rounding(product, product + 8.0 * UNIT_ROUNDOFF, 0.0, mean)


@dataclass(frozen=True, eq=False)
class Convolution(Grid):
    """A uniform `Grid` whose products go through the FFT where its kernel reaches so few symbols that this is cheaper.

    Its error is absolute: about log₂(n) rounding units of |x|₂ |K|₂, |K|₂ the norm of one row, whatever the entry. So
    smaller entries are raised to that, and it may steer, but proves nothing.
    """

    def at(self, s: float) -> Gibbs:
        """exp(-s d), by whichever product is cheaper at this s."""
        transform = _Transform.of(self, s)
        matmul = self.shape[0] * sum(axis.size for axis in self.axes)
        return transform if POINT_OF_FFT * prod(transform.padded) < matmul else super().at(s)


@dataclass(frozen=True, eq=False)
class _Transform:
    """The kernel, and its entrywise product with d, as factors of their spectra (which are real, as both are even)."""

    grid: Grid
    s: float
    padded: tuple[int, ...]

    @classmethod
    def of(cls, grid: Grid, s: float) -> _Transform:
        """Zeros beside each axis as far as the kernel reaches."""
        from scipy.fft import next_fast_len

        sizes = []
        for axis in grid.axes:
            step = float(axis[1] - axis[0]) if axis.size > 1 else 1.0
            reach = min(axis.size - 1, int(np.sqrt(REACH / s) / step))
            sizes.append(next_fast_len(axis.size + reach, real=True))
        return cls(grid, s, tuple(sizes))

    @cached_property
    def spectra(self) -> tuple[FloatArray, FloatArray, float]:
        """Of K and of K * d, which is a sum over axes; and the error of a product with K in units of |x|₂."""
        from scipy.fft import fft

        kernel, cost = np.ones((1,) * len(self.padded)), np.zeros((1,) * len(self.padded))
        error = float(np.log2(self.grid.shape[0])) * UNIT_ROUNDOFF
        for a, (axis, size) in enumerate(zip(self.grid.axes, self.padded, strict=True)):
            step = float(axis[1] - axis[0]) if axis.size > 1 else 1.0
            squares = (step * np.minimum(np.arange(size), size - np.arange(size))) ** 2
            line = np.where(self.s * squares <= REACH, np.exp(-self.s * squares), 0.0)
            kept = size // 2 + 1 if a == len(self.padded) - 1 else size
            shape = [kept if b == a else 1 for b in range(len(self.padded))]
            plain, priced = (fft(v).real[:kept].reshape(shape) for v in (line, line * squares))
            kernel, cost = kernel * plain, cost * plain + kernel * priced
            error *= float(np.linalg.norm(line))
        return kernel, cost, error

    def forward(self, x: FloatArray) -> FloatArray:
        return np.maximum(self._product(self.spectra[0], x), self.spectra[2] * float(np.linalg.norm(x)))

    def backward(self, y: FloatArray) -> FloatArray:
        return self.forward(y)

    def cost(self, x: FloatArray) -> FloatArray:
        return np.maximum(self._product(self.spectra[1], x), 0.0)

    def table(self) -> FloatArray:
        return Grid(self.grid.axes).at(self.s).table()

    def _product(self, spectrum: FloatArray, x: FloatArray) -> FloatArray:
        from scipy.fft import irfftn, rfftn

        sizes = [axis.size for axis in self.grid.axes]
        y = irfftn(spectrum * rfftn(x.reshape(sizes), self.padded), self.padded)
        return np.asarray(y[tuple(slice(size) for size in sizes)].ravel())


class _Factor(Protocol):
    @property
    def shape(self) -> tuple[int, ...]: ...

    def __matmul__(self, x: FloatArray, /) -> FloatArray: ...


@dataclass(frozen=True, eq=False)
class _Mirrored:
    """A centrosymmetric matrix >= 0 in single precision, as the blocks that act on even and on odd vectors.

    Of what cancels between the two no more is believed than single precision can tell.
    """

    even: np.ndarray
    odd: np.ndarray
    size: int

    @classmethod
    def of(cls, matrix: FloatArray) -> _Mirrored | FloatArray:
        if not np.allclose(matrix, matrix[::-1, ::-1], rtol=1e-9, atol=0.0):
            return single(matrix)
        n = matrix.shape[0]
        half = n - n // 2
        near, far = matrix[:half, :half], matrix[:half, ::-1][:, :half]
        even = 0.5 * (near + far)
        if n % 2:
            even[:, -1] *= 0.5  # the middle is its own image
        return cls(single(even), single(0.5 * (near - far)), n)

    @property
    def shape(self) -> tuple[int, int]:
        return self.size, self.size

    def __matmul__(self, x: FloatArray) -> FloatArray:
        half = self.even.shape[0]
        top, bottom = x[:half], x[::-1][:half]
        even, odd = self.even @ (top + bottom), self.odd @ (top - bottom)
        y = np.empty((self.size, x.shape[1]), dtype=even.dtype)
        np.add(even, odd, out=y[:half])
        np.subtract(even, odd, out=y[::-1][:half])
        even *= SINGLE_ERROR
        np.maximum(y[:half], even, out=y[:half])
        np.maximum(y[::-1][:half], even, out=y[::-1][:half])
        return y


@dataclass(frozen=True, eq=False)
class _Kronecker:
    factors: Sequence[_Factor]
    costs: Sequence[_Factor]

    def forward(self, x: FloatArray) -> FloatArray:
        return _kronecker(self.factors, x)

    def backward(self, y: FloatArray) -> FloatArray:
        return _kronecker(self.factors, y)

    def cost(self, x: FloatArray) -> FloatArray:
        total = np.zeros(x.size)
        for a, cost in enumerate(self.costs):
            total += _kronecker([*self.factors[:a], cost, *self.factors[a + 1 :]], x)
        return total

    def table(self) -> FloatArray:
        n = prod(factor.shape[0] for factor in self.factors)
        return np.stack([self.forward(column) for column in np.eye(n)], axis=1)


def _kronecker(factors: Sequence[_Factor], x: FloatArray) -> FloatArray:
    low = not isinstance(factors[0], np.ndarray) or factors[0].dtype == np.float32
    y: Any = x.astype(np.float32) if low else x
    for factor in factors:  # the axis in front is multiplied and goes to the back
        y = (factor @ y.reshape(factor.shape[1], -1)).T
    if low:  # so that 1/(K h) stays a number in single precision where h sums to 1
        np.maximum(y, SMALLEST_SINGLE, out=y)
    return np.ascontiguousarray(y, dtype=np.float64).reshape(-1)


def as_grid(points: FloatArray) -> tuple[tuple[FloatArray, ...], IntArray] | None:
    """The axes of which `points` (n, k) are the full product, and the order that lists them so; None if they are not.

    >>> axes, order = as_grid(np.array([[0.0, 1.0], [0.0, 0.0], [2.0, 0.0], [2.0, 1.0]]))
    >>> axes, order
    ((array([0., 2.]), array([0., 1.])), array([1, 0, 2, 3]))
    """
    columns = points[:, None] if points.ndim == 1 else points
    axes = tuple(np.unique(column) for column in columns.T)
    if prod(axis.size for axis in axes) != columns.shape[0]:
        return None
    order = np.lexsort(columns.T[::-1])
    product = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(columns.shape)
    return (axes, order) if np.array_equal(columns[order], product) else None
