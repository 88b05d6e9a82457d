"""Distortions between clouds of points of R^k, in tiles of rows that are made when they are needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, IntArray
from rdptheory.geometry.base import (
    LARGEST_EXPONENT,
    SMALLEST_SINGLE,
    Between,
    Geometry,
    Gibbs,
    MaskArray,
    Rounding,
    affordable,
    gram_of_columns,
)
from rdptheory.geometry.dense import Stored

__all__ = ["AbsolutePoints", "Points"]

TILE = 4_000_000  # entries of a tile: 32 MB
STORED_DOUBLE = 30_000_000  # entries of d and of K up to which both are kept: 0.5 GB
STORED_SINGLE = 150_000_000  # the same in single precision, with one K being replaced by the next: 1.8 GB


class _Cloud(Between, ABC):
    """What the rows of d are is left to the members."""

    @abstractmethod
    def rows(self, chosen: slice) -> FloatArray:
        """These rows of d."""

    @abstractmethod
    def columns(self, chosen: IntArray) -> FloatArray:
        """These columns of d."""

    @abstractmethod
    def error(self) -> float:
        """A bound on the error of every entry of d, in its unit."""

    @abstractmethod
    def largest(self) -> float:
        """A bound on the largest entry of d."""

    @abstractmethod
    def mean(self, law: FloatArray) -> FloatArray:
        """Σ_j d_ij law_j, shape (n,)."""

    @abstractmethod
    def mean_backward(self, p: FloatArray) -> FloatArray:
        """Σ_i p_i d_ij, shape (m,)."""

    def tiles(self) -> Iterator[tuple[slice, FloatArray]]:
        """Rows of d, a tile at a time."""
        n, m = self.shape
        step = max(1, TILE // m)
        for first in range(0, n, step):
            rows = slice(first, min(n, first + step))
            yield rows, self.rows(rows)

    def table(self) -> FloatArray:
        """d, shape (n, m)."""
        affordable("source", *self.shape)
        return self.stored

    @cached_property
    def stored(self) -> FloatArray:
        """d, kept."""
        return np.concatenate([d for _, d in self.tiles()])

    @cached_property
    def single(self) -> np.ndarray:
        """d in single precision, kept."""
        d = np.empty(self.shape, dtype=np.float32)
        for rows, tile in self.tiles():
            d[rows] = tile
        return d

    def at(self, s: float) -> Gibbs:
        """exp(-s d)."""
        if self.approximate:
            kernel = np.multiply(self.single, np.float32(-s))
            np.maximum(kernel, np.float32(np.log(SMALLEST_SINGLE)), out=kernel)
            np.exp(kernel, out=kernel)
            return _StoredSingle(self.single, kernel)
        if prod(self.shape) > STORED_DOUBLE:
            return _Tiled(self, s)
        return Stored(self.stored, np.exp(-s * self.stored))

    def fast(self, *, relative: bool = False) -> Geometry:
        """Single precision, stored when it fits."""
        return replace(self, approximate=True) if prod(self.shape) <= STORED_SINGLE else self

    def nearest(self) -> IntArray:
        """The symbol itself, or for another alphabet the nearest."""
        if self.symmetric:
            return np.arange(self.shape[0])
        return np.concatenate([d.argmin(axis=1) for _, d in self.tiles()])

    def gram(self, s: float, w: FloatArray, chosen: IntArray) -> FloatArray:
        """Σ_i w_i K_ij K_ij' for j, j' in `chosen`."""
        return gram_of_columns(s, w, self.columns(chosen))

    def gram_size(self, chosen: int) -> int:
        """The columns."""
        return self.shape[0] * chosen

    def peaks(self, values: FloatArray) -> MaskArray | None:
        """None: no symbol is beside another."""
        return None

    def largest_slope(self) -> float:
        """An s at which exp(-s d) is 0 or 1."""
        least = min((float(d[d > 0.0].min(initial=np.inf)) for _, d in self.tiles()), default=np.inf)
        return min(LARGEST_EXPONENT / max(least, self.error()), 1e300)

    def rounding(self, s: float) -> Rounding:
        """The sum of n positive terms, the exponent of each, and the error of d in it."""
        terms = sum(self.shape) + 8.0
        exponent = 2.0 * min(s * self.largest(), LARGEST_EXPONENT) * UNIT_ROUNDOFF
        product = terms * UNIT_ROUNDOFF + exponent + s * self.error()
        mean = terms * UNIT_ROUNDOFF * self.largest() + self.error()
        return Rounding(product, product + 2.0 * UNIT_ROUNDOFF, self.error(), mean)


@dataclass(frozen=True, eq=False)
class Points(_Cloud):
    """Squared error between the points of a cloud of shape (n, k), or from it to another of shape (m, k).

    >>> cloud = Points(np.array([[0.0, 0.0], [3.0, 4.0]]))
    >>> cloud.at(0.1).forward(np.array([0.0, 1.0])).round(4)
    array([0.0821, 1.    ])
    """

    power = 2

    @cached_property
    def centred(self) -> tuple[FloatArray, FloatArray]:
        """Rows and columns about the mean of the rows, which keeps |x|² + |y|² - 2<x, y> accurate."""
        middle = self.points.mean(axis=0)
        x = self.points - middle
        return x, x if self.targets is None else self.targets - middle

    @cached_property
    def squares(self) -> tuple[FloatArray, FloatArray]:
        """|x_i|² and |y_j|² of the centred points."""
        x, y = self.centred
        return (x**2).sum(axis=1), (y**2).sum(axis=1)

    def rows(self, chosen: slice) -> FloatArray:
        """These rows of d, by one matrix product."""
        (x, y), (a, b) = self.centred, self.squares
        d = -2.0 * (x[chosen] @ y.T)
        d += a[chosen, None]
        d += b[None, :]
        np.maximum(d, 0.0, out=d)
        if self.symmetric:
            d[np.arange(d.shape[0]), np.arange(chosen.start, chosen.stop)] = 0.0
        return d

    def table(self) -> FloatArray:
        """d, shape (n, m), from differences: every entry to a few units of its own."""
        affordable("source", *self.shape)
        return _summed(np.square, self.points, self.y)

    def columns(self, chosen: IntArray) -> FloatArray:
        """These columns of d."""
        (x, y), (a, b) = self.centred, self.squares
        return np.maximum(a[:, None] + b[chosen] - 2.0 * (x @ y[chosen].T), 0.0)

    def mean(self, law: FloatArray) -> FloatArray:
        """Σ_j d_ij law_j from the first two moments, shape (n,)."""
        (x, y), (a, b) = self.centred, self.squares
        return np.asarray(a * float(law.sum()) - 2.0 * (x @ (law @ y)) + float(b @ law))

    def mean_backward(self, p: FloatArray) -> FloatArray:
        """Σ_i p_i d_ij from the first two moments, shape (m,)."""
        (x, y), (a, b) = self.centred, self.squares
        return np.asarray(b * float(p.sum()) - 2.0 * (y @ (p @ x)) + float(a @ p))

    def largest_slope(self) -> float:
        """An s at which exp(-s d) is 0 or 1."""
        from scipy.spatial import KDTree

        places = np.unique(np.concatenate(self.centred), axis=0)  # a symbol may have others at its own place
        nearest, _ = KDTree(places).query(places, k=2)
        least = float(np.min(nearest[:, 1], initial=1.0 if len(places) == 1 else np.inf))
        return float(min(LARGEST_EXPONENT / max(least**2, 1e-300), 1e300))

    def error(self) -> float:
        """Of an inner product of k terms, of its centring, and of the sum."""
        k, size = self.points.shape[1], float(max(part.max() for part in self.squares))
        return float(4.0 * (k + 8.0) * UNIT_ROUNDOFF * size)

    def largest(self) -> float:
        """(|x| + |y|)² at most."""
        return float((np.sqrt(self.squares[0].max()) + np.sqrt(self.squares[1].max())) ** 2)


@dataclass(frozen=True, eq=False)
class AbsolutePoints(_Cloud):
    """|x - y| summed over coordinates, between the points of a cloud of shape (n, k), or from it to another.

    >>> AbsolutePoints(np.array([[0.0, 0.0], [3.0, 4.0]])).table()
    array([[0., 7.],
           [7., 0.]])
    """

    def rows(self, chosen: slice) -> FloatArray:
        """These rows of d."""
        return _summed(np.abs, self.points[chosen], self.y)

    def columns(self, chosen: IntArray) -> FloatArray:
        """These columns of d."""
        return _summed(np.abs, self.points, self.y[chosen])

    def mean(self, law: FloatArray) -> FloatArray:
        """Σ_j d_ij law_j, shape (n,)."""
        return np.concatenate([d @ law for _, d in self.tiles()])

    def mean_backward(self, p: FloatArray) -> FloatArray:
        """Σ_i p_i d_ij, shape (m,)."""
        return np.asarray(sum(p[rows] @ d for rows, d in self.tiles()))

    def error(self) -> float:
        """Of k differences and their sum."""
        return float((self.points.shape[1] + 2.0) * UNIT_ROUNDOFF * self.largest())

    def largest(self) -> float:
        """The extent of both clouds."""
        both = (self.points, self.y)
        high, low = (np.stack([f(part, axis=0) for part in both]) for f in (np.max, np.min))
        return float((high.max(axis=0) - low.min(axis=0)).sum())


def _summed(measure: np.ufunc, x: FloatArray, y: FloatArray) -> FloatArray:
    total = np.zeros((x.shape[0], y.shape[0]))
    for a, b in zip(x.T, y.T, strict=True):  # one coordinate at a time: never an n x m x k array
        total += measure(a[:, None] - b[None, :])
    return total


@dataclass(frozen=True, eq=False)
class _Tiled:
    cloud: _Cloud
    s: float

    def forward(self, x: FloatArray) -> FloatArray:
        return np.concatenate([np.exp(-self.s * d) @ x for _, d in self.cloud.tiles()])

    def backward(self, y: FloatArray) -> FloatArray:
        return np.asarray(sum(y[rows] @ np.exp(-self.s * d) for rows, d in self.cloud.tiles()))

    def cost(self, x: FloatArray) -> FloatArray:
        return np.concatenate([(np.exp(-self.s * d) * d) @ x for _, d in self.cloud.tiles()])

    def table(self) -> FloatArray:
        return np.concatenate([np.exp(-self.s * d) for _, d in self.cloud.tiles()])


@dataclass(frozen=True, eq=False)
class _StoredSingle:
    distortion: np.ndarray
    kernel: np.ndarray

    def forward(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.kernel @ x.astype(np.float32), dtype=np.float64)

    def backward(self, y: FloatArray) -> FloatArray:
        return np.asarray(y.astype(np.float32) @ self.kernel, dtype=np.float64)

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
