"""Gibbs kernels K = exp(-s d), known by their products with vectors.

Every kernel belongs to a distortion d >= 0 of shape (n, m) whose rows have minimum 0, and stores as little as it can:

=========  ============================================  ==========================================
`Dense`    any table                                     K, n m numbers
`Grid`     squared error on a full product grid          one small matrix an axis, or one spectrum
`Points`   squared error on a cloud of points of R^k     tiles of rows, made when they are needed
=========  ============================================  ==========================================

All products are sums of terms that are never negative, so `rounding` bounds their relative error. `fast` is a cheaper
kernel without that property, whose products are never less than the error they may have: an iteration may be steered
by it, but nothing is proved with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Protocol

import numpy as np

from rdptheory._types import FloatArray, IntArray

__all__ = ["Convolution", "Dense", "Gibbs", "Grid", "Kernel", "Points", "as_grid"]

UNIT_ROUNDOFF = 2.0**-53
LARGEST_EXPONENT = 745.0  # exp(-x) is 0 in float64 beyond it
TILE = 4_000_000  # entries of a tile
STORED_DOUBLE = 30_000_000  # entries of a kernel that is kept
STORED_SINGLE = 300_000_000  # entries of a kernel kept in single precision
REACH = 46.0  # s d beyond which a convolution takes the kernel to be 0
POINT_OF_FFT = 1100.0  # what a point of a padded grid costs, in units of a product of two entries in single precision
SMALLEST_SINGLE = 1e-37  # below it single precision loses bits and speed
SINGLE_ERROR = np.float32(2.0**-22)  # relative, of a sum in single precision


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

    def fast(self) -> Kernel:
        """A kernel close to this one that is cheaper to multiply with; itself when there is none."""

    def mean(self, law: FloatArray) -> FloatArray:
        """Σ_j d_ij law_j, shape (n,)."""

    def mean_backward(self, p: FloatArray) -> FloatArray:
        """Σ_i p_i d_ij, shape (m,)."""

    def nearest(self) -> IntArray:
        """For every row a column with d_ij = 0, shape (n,)."""

    def gram(self, s: float, w: FloatArray, chosen: IntArray) -> FloatArray:
        """Σ_i w_i K_ij K_ij' for j, j' in `chosen`, K = exp(-s d) and w >= 0 of shape (n,)."""

    def largest_slope(self) -> float:
        """An s at which exp(-s d) is 0 or 1."""

    def rounding(self, s: float) -> float:
        """A bound on the relative error of `forward` and `backward` in float64 for vectors >= 0."""


@dataclass(frozen=True, eq=False)
class Dense:
    """Any table of shape (n, m) with row minima 0; K is stored.

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

    def at(self, s: float) -> Gibbs:
        """exp(-s d)."""
        return _Stored(self.distortion, np.exp(-s * self.distortion))

    def fast(self) -> Kernel:
        """Itself."""
        return self

    def mean(self, law: FloatArray) -> FloatArray:
        """Σ_j d_ij law_j, shape (n,)."""
        return np.asarray(self.distortion @ law)

    def mean_backward(self, p: FloatArray) -> FloatArray:
        """Σ_i p_i d_ij, shape (m,)."""
        return np.asarray(p @ self.distortion)

    def nearest(self) -> IntArray:
        """For every row a column with d_ij = 0."""
        return np.asarray(self.distortion.argmin(axis=1), dtype=np.intp)

    def gram(self, s: float, w: FloatArray, chosen: IntArray) -> FloatArray:
        """Σ_i w_i K_ij K_ij' for j, j' in `chosen`."""
        return _gram(s, w, self.distortion[:, chosen])

    def largest_slope(self) -> float:
        """An s at which exp(-s d) is 0 or 1."""
        positive = self.distortion[self.distortion > 0.0]
        return min(LARGEST_EXPONENT / float(positive.min()), 1e300) if positive.size else 1.0

    def rounding(self, s: float) -> float:
        """The sum of n positive terms, and the exponent of each."""
        return (sum(self.shape) + 8.0 + 2.0 * min(s * float(self.distortion.max()), LARGEST_EXPONENT)) * UNIT_ROUNDOFF


@dataclass(frozen=True, eq=False)
class _Stored:
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

    def at(self, s: float) -> Gibbs:
        """exp(-s d)."""
        factors = [np.exp(-s * table) for table in self.tables]
        costs = [factor * table for factor, table in zip(factors, self.tables, strict=True)]
        if self.approximate:
            return _Kronecker([_Mirrored.of(a) for a in factors], [_Mirrored.of(a) for a in costs])
        return _Kronecker(factors, costs)

    def fast(self) -> Kernel:
        """Single precision, and half the work along axes that are their own mirror image; FFT where that is cheaper."""
        return (Convolution if self.uniform else Grid)(self.axes, approximate=True)

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
            return _gram(s, w, d)
        midway = [np.linspace(axis[0], axis[-1], 2 * axis.size - 1) for axis in self.axes]
        factors = [np.exp(-2.0 * s * (z[:, None] - axis) ** 2) for z, axis in zip(midway, self.axes, strict=True)]
        sums = _kronecker(factors, w).reshape([z.size for z in midway])
        apart = sum(table[np.ix_(place, place)] for table, place in zip(self.tables, places, strict=True))
        return np.asarray(np.exp(-0.5 * s * apart) * sums[tuple(np.add.outer(place, place) for place in places)])

    def largest_slope(self) -> float:
        """An s at which exp(-s d) is 0 or 1."""
        steps = [np.diff(axis).min() for axis in self.axes if axis.size > 1]
        return float(LARGEST_EXPONENT / min(steps) ** 2) if steps else 1.0

    def rounding(self, s: float) -> float:
        """One sum an axis, and the exponent of each entry."""
        exponents = [min(s * float(table.max()), LARGEST_EXPONENT) for table in self.tables]
        return (sum(2.0 * axis.size + 8.0 for axis in self.axes) + 4.0 * sum(exponents)) * UNIT_ROUNDOFF


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
            return _single(matrix)
        n = matrix.shape[0]
        half = n - n // 2
        near, far = matrix[:half, :half], matrix[:half, ::-1][:, :half]
        even = 0.5 * (near + far)
        if n % 2:
            even[:, -1] *= 0.5  # the middle is its own image
        return cls(_single(even), _single(0.5 * (near - far)), n)

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


def _single(matrix: FloatArray) -> np.ndarray:
    return np.where(np.abs(matrix) < SMALLEST_SINGLE, 0.0, matrix).astype(np.float32)


def _kronecker(factors: Sequence[_Factor], x: FloatArray) -> FloatArray:
    single = not isinstance(factors[0], np.ndarray) or factors[0].dtype == np.float32
    y: Any = x.astype(np.float32) if single else x
    for factor in factors:  # the axis in front is multiplied and goes to the back
        y = (factor @ y.reshape(factor.shape[1], -1)).T
    if single:  # so that 1/(K h) stays a number in single precision where h sums to 1
        np.maximum(y, SMALLEST_SINGLE, out=y)
    return np.ascontiguousarray(y, dtype=np.float64).reshape(-1)


@dataclass(frozen=True, eq=False)
class Points:
    """Squared error between the points of a cloud of shape (n, k).

    >>> cloud = Points(np.array([[0.0, 0.0], [3.0, 4.0]]))
    >>> cloud.at(0.1).forward(np.array([0.0, 1.0])).round(4)
    array([0.0821, 1.    ])
    """

    points: FloatArray

    @cached_property
    def centred(self) -> FloatArray:
        """The points about their mean, which keeps |x|² + |y|² - 2<x, y> accurate."""
        return np.asarray(self.points - self.points.mean(axis=0))

    @cached_property
    def squares(self) -> FloatArray:
        """|x_i|² of the centred points, shape (n,)."""
        return np.asarray((self.centred**2).sum(axis=1))

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n)."""
        return self.points.shape[0], self.points.shape[0]

    symmetric = True

    def at(self, s: float) -> Gibbs:
        """exp(-s d)."""
        if prod(self.shape) > STORED_DOUBLE:
            return _Tiled(self, s)
        return _Stored(self.stored, np.exp(-s * self.stored))

    @cached_property
    def stored(self) -> FloatArray:
        """d, shape (n, n)."""
        return np.concatenate([d for _, d in self.tiles()])

    def fast(self) -> Kernel:
        """Single precision, stored when it fits."""
        return _SinglePoints(self.points) if prod(self.shape) <= STORED_SINGLE else self

    def mean(self, law: FloatArray) -> FloatArray:
        """Σ_j d_ij law_j from the first two moments, shape (n,)."""
        moment = float(self.squares @ law)
        return np.asarray(self.squares * float(law.sum()) - 2.0 * (self.centred @ (law @ self.centred)) + moment)

    def mean_backward(self, p: FloatArray) -> FloatArray:
        """Σ_i p_i d_ij, shape (m,)."""
        return self.mean(p)

    def nearest(self) -> IntArray:
        """The symbol itself."""
        return np.arange(self.shape[0])

    def gram(self, s: float, w: FloatArray, chosen: IntArray) -> FloatArray:
        """Σ_i w_i K_ij K_ij' for j, j' in `chosen`."""
        d = self.squares[:, None] + self.squares[chosen] - 2.0 * (self.centred @ self.centred[chosen].T)
        return _gram(s, w, np.maximum(d, 0.0))

    def largest_slope(self) -> float:
        """An s at which exp(-s d) is 0 or 1."""
        from scipy.spatial import KDTree

        distances, _ = KDTree(self.points).query(self.points, k=2)
        return LARGEST_EXPONENT / max(float(distances[:, 1].min()) ** 2, 1e-300)

    def rounding(self, s: float) -> float:
        """The sum of n positive terms, and the exponent of each, which comes from an inner product of k terms."""
        n, k = self.points.shape
        exponent = min(s * 4.0 * float(self.squares.max()), LARGEST_EXPONENT)
        inner = 4.0 * (k + 8.0) * s * float(self.squares.max())
        return float(2.0 * n + 8.0 + 2.0 * exponent + inner) * UNIT_ROUNDOFF

    def tiles(self) -> Iterator[tuple[slice, FloatArray]]:
        """Rows of d, a tile at a time."""
        n = self.shape[0]
        step = max(1, TILE // n)
        for first in range(0, n, step):
            rows = slice(first, min(n, first + step))
            d = -2.0 * (self.centred[rows] @ self.centred.T)
            d += self.squares[rows, None]
            d += self.squares[None, :]
            np.maximum(d, 0.0, out=d)
            d[np.arange(d.shape[0]), np.arange(rows.start, rows.stop)] = 0.0
            yield rows, d


@dataclass(frozen=True, eq=False)
class _Tiled:
    kernel: Points
    s: float

    def forward(self, x: FloatArray) -> FloatArray:
        return np.concatenate([np.exp(-self.s * d) @ x for _, d in self.kernel.tiles()])

    def backward(self, y: FloatArray) -> FloatArray:
        return self.forward(y)

    def cost(self, x: FloatArray) -> FloatArray:
        return np.concatenate([(np.exp(-self.s * d) * d) @ x for _, d in self.kernel.tiles()])

    def table(self) -> FloatArray:
        return np.concatenate([np.exp(-self.s * d) for _, d in self.kernel.tiles()])


@dataclass(frozen=True, eq=False)
class _SinglePoints(Points):
    """The table in single precision."""

    @cached_property
    def single(self) -> np.ndarray:
        d = np.empty(self.shape, dtype=np.float32)
        for rows, tile in self.tiles():
            d[rows] = tile
        return d

    def at(self, s: float) -> Gibbs:
        kernel = np.multiply(self.single, np.float32(-s))
        np.maximum(kernel, np.float32(np.log(SMALLEST_SINGLE)), out=kernel)
        np.exp(kernel, out=kernel)
        return _SingleStored(self.single, kernel)


@dataclass(frozen=True, eq=False)
class _SingleStored:
    distortion: np.ndarray
    kernel: np.ndarray

    def forward(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.kernel @ x.astype(np.float32), dtype=np.float64)

    def backward(self, y: FloatArray) -> FloatArray:
        return self.forward(y)

    def cost(self, x: FloatArray) -> FloatArray:
        single = x.astype(np.float32)
        rows = max(1, TILE // self.kernel.shape[1])
        parts = [
            (self.kernel[i : i + rows] * self.distortion[i : i + rows]) @ single
            for i in range(0, self.kernel.shape[0], rows)
        ]
        return np.concatenate(parts).astype(np.float64)

    def table(self) -> FloatArray:
        return self.kernel.astype(np.float64)


def _gram(s: float, w: FloatArray, d: FloatArray) -> FloatArray:
    columns = np.exp(-s * d)
    columns *= np.sqrt(w)[:, None]
    return np.asarray(columns.T @ columns)


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
