"""Distortions between points of a line, without a table: |x - y|² by series in boxes, |x - y| by two recursions.

**Squared error.** With boxes of width w = √(2/s), centres b w and offsets t = x/w - b in [-½, ½],

    exp(-s (x-y)²) = exp(-q δ² - 2q δ t - q t²) exp(2q t u) exp(2q δ u - q u²),      q = s w² = 2,

for x in box b, y in box b - δ and offset u. The middle factor is the series Σ_k (2q)^k/k! t^k u^k, whose exponent is at
most q/2 in size: `TERMS` terms suffice for float64, and as it is never below exp(-q/2) the sum over y keeps its
*relative* accuracy although terms alternate. A product costs (points) x (boxes within reach) multiplications. Where few
points are within reach of each other, the kernel is a sparse band instead.

**Absolute error.** exp(-s |x-y|) obeys L_i = w_i + exp(-s (x_i - x_{i-1})) L_{i-1} from the left, and the same from the
right: two triangular systems with one diagonal beside the main one, all of whose terms are positive.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, IntArray
from rdptheory.geometry.base import (
    LARGEST_EXPONENT,
    Between,
    Geometry,
    Gibbs,
    MaskArray,
    Rounding,
    affordable,
    gram_of_columns,
)

__all__ = ["AbsoluteLine", "SquaredLine"]

TERMS, FAST_TERMS = 20, 12  # 1/20! is 4e-19, 1/12! is 2e-9: what a series leaves out, of a kernel at least exp(-1)
FAST_REACH = 46.0  # s d beyond which a kernel that only steers is 0: exp(-46) is below the rounding of 1
BAND = 32  # entries of a row, on average, up to which a sparse band is cheaper than the boxes within reach
ENTRIES = 8_000_000  # numbers of an intermediate result: 64 MB
CHUNK = 64  # points of a box that are treated together
EXACT_BOXES = 2.0**33  # box numbers up to which the centre of a box is an exact float64 number
WIDTH_BITS = 20  # of the width of a box, so that it is


class _Line(Between):
    """Points x (n,) of the rows and y (m,) of the columns."""

    @property
    def x(self) -> FloatArray:
        """Points of the rows."""
        return self.points

    @cached_property
    def order(self) -> tuple[IntArray, IntArray]:
        """What sorts x, and what sorts y."""
        first = np.argsort(self.x, kind="stable")
        return first, first if self.targets is None else np.argsort(self.targets, kind="stable")

    @cached_property
    def extent(self) -> float:
        """The largest |x - y|."""
        return float(max(self.x.max(), self.y.max()) - min(self.x.min(), self.y.min()))

    @cached_property
    def least(self) -> float:
        """The smallest |x - y| above 0."""
        steps = np.diff(np.unique(np.concatenate([self.x, self.y])))
        return float(steps.min()) if steps.size else 1.0

    def nearest(self) -> IntArray:
        """The symbol itself, or for another alphabet the nearest."""
        if self.symmetric:
            return np.arange(self.x.size)
        sorted_y = self.y[self.order[1]]
        right = np.clip(np.searchsorted(sorted_y, self.x), 1, max(sorted_y.size - 1, 1))
        left = right - 1
        right = np.minimum(right, sorted_y.size - 1)
        closer = np.where(self.x - sorted_y[left] <= sorted_y[right] - self.x, left, right)
        return np.asarray(self.order[1][closer])

    def peaks(self, values: FloatArray) -> MaskArray | None:
        """The local maxima along the line and both their neighbours."""
        order = self.order[1]
        line = np.concatenate([[-np.inf], values[order], [-np.inf]])
        top = np.concatenate([[False], (line[1:-1] >= line[:-2]) & (line[1:-1] >= line[2:]), [False]])
        chosen = np.empty(values.size, dtype=bool)
        chosen[order] = top[:-2] | top[1:-1] | top[2:]
        return chosen

    def gram_size(self, chosen: int) -> int:
        """The columns."""
        return self.x.size * chosen


@dataclass(frozen=True, eq=False)
class SquaredLine(_Line):
    """(x - y)² between the points of a line, or from them to others.

    >>> SquaredLine(np.array([0.0, 3.0])).at(0.1).forward(np.array([0.0, 1.0])).round(4)
    array([0.4066, 1.    ])
    """

    power = 2

    def table(self) -> FloatArray:
        """d, shape (n, m)."""
        affordable("source", *self.shape)
        return np.square(self.x[:, None] - self.y[None, :])

    def at(self, s: float) -> Gibbs:
        """exp(-s d), as a sparse band or by series in boxes."""
        far = float(np.sqrt((FAST_REACH if self.approximate else LARGEST_EXPONENT) / s))
        sorted_y = self.y[self.order[1]]
        first = np.searchsorted(sorted_y, self.x - far, side="left")
        last = np.searchsorted(sorted_y, self.x + far, side="right")
        missing = float(np.exp(-FAST_REACH)) if self.approximate else 0.0
        if int((last - first).sum()) <= BAND * self.x.size:
            return _Band.of(self, s, first, last, missing)
        return _Boxes.of(self, s, far, missing)

    def fast(self, *, relative: bool = False) -> Geometry:
        """Fewer terms and a shorter reach."""
        return replace(self, approximate=True)

    def mean(self, law: FloatArray) -> FloatArray:
        """Σ_j d_ij law_j from the first two moments about the middle, shape (n,)."""
        return _second_moments(self.x, self.y, law)

    def mean_backward(self, p: FloatArray) -> FloatArray:
        """Σ_i p_i d_ij from the first two moments about the middle, shape (m,)."""
        return _second_moments(self.y, self.x, p)

    def gram(self, s: float, w: FloatArray, chosen: IntArray) -> FloatArray:
        """Σ_i w_i K_ij K_ij' for j, j' in `chosen`."""
        return gram_of_columns(s, w, np.square(self.x[:, None] - self.y[None, chosen]))

    def largest_slope(self) -> float:
        """An s at which exp(-s d) is 0 or 1."""
        return min(LARGEST_EXPONENT / max(self.least**2, 1e-300), 1e300)

    def rounding(self, s: float) -> Rounding:
        """Sums over a box, a series of condition exp(q) and the boxes within reach; or over all points within."""
        width = float(np.sqrt(2.0 / s)) if s > 0.0 else np.inf
        most = max(self._most(side, 1.001 * width) for side in ({0, 1} if self.targets is not None else {0}))
        series = float(np.exp(2.2))  # q is 2 but for the rounding of the width of a box
        reach = 2.0 * np.sqrt(LARGEST_EXPONENT / 2.0) + 3.0
        place = UNIT_ROUNDOFF * float(np.abs(np.concatenate([self.x, self.y])).max()) if self._far_out(s) else 0.0
        exponent = 8.0 * min(s * self.extent**2, LARGEST_EXPONENT) * UNIT_ROUNDOFF
        exponent += 8.0 * np.sqrt(LARGEST_EXPONENT * s) * place
        terms = max(series * (most + TERMS + reach + 16.0), min(most * reach, max(self.shape)) + 16.0)
        product = terms * UNIT_ROUNDOFF + exponent
        mean = 8.0 * (max(self.shape) + 8.0) * UNIT_ROUNDOFF * self.extent**2
        return Rounding(product, 16.0 * product, 64.0 * product / s, mean)

    def _most(self, side: int, width: float) -> int:
        """The most points of one alphabet in a window of this width."""
        x = np.sort(self.y if side else self.x)
        return int((np.searchsorted(x, x + width, side="right") - np.arange(x.size)).max())

    def _far_out(self, s: float) -> bool:
        return bool(np.abs(np.concatenate([self.x, self.y])).max() > EXACT_BOXES * np.sqrt(2.0 / s))


def _second_moments(x: FloatArray, y: FloatArray, law: FloatArray) -> FloatArray:
    middle = 0.5 * (float(y.min()) + float(y.max()))
    a, b = x - middle, y - middle
    return np.asarray(a * a * float(law.sum()) - 2.0 * a * float(b @ law) + float((b * b) @ law))


@dataclass(frozen=True, eq=False)
class _Band:
    """The entries of K within reach, and those of d, as sparse matrices."""

    kernel: Any
    priced: Any
    missing: float

    @classmethod
    def of(cls, line: SquaredLine, s: float, first: IntArray, last: IntArray, missing: float) -> _Band:
        counts = last - first
        starts = np.concatenate([[0], np.cumsum(counts)])
        within = np.arange(starts[-1]) - np.repeat(starts[:-1] - first, counts)
        columns = line.order[1][within]
        d = np.square(np.repeat(line.x, counts) - line.y[columns])
        entries = np.exp(-s * d)
        sparse = scipy.sparse.csr_array
        return cls(
            sparse((entries, columns, starts), shape=line.shape),
            sparse((entries * d, columns, starts), shape=line.shape),
            missing,
        )

    def forward(self, x: FloatArray) -> FloatArray:
        return _raised(np.asarray(self.kernel @ x), self.missing, x)

    def backward(self, y: FloatArray) -> FloatArray:
        return _raised(np.asarray(self.kernel.T @ y), self.missing, y)

    def cost(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.priced @ x)

    def table(self) -> FloatArray:
        return np.asarray(self.kernel.toarray())


def _raised(product: FloatArray, missing: float, x: FloatArray) -> FloatArray:
    """No less than what a kernel that steers has left out, so that no symbol looks out of reach."""
    return np.maximum(product, missing * float(x.sum())) if missing else product


@dataclass(frozen=True, eq=False)
class _Side:
    """The points of one alphabet in chunks of boxes: every array holds (chunk, place in it, ...)."""

    place: IntArray
    chunks: tuple[int, int]
    box: IntArray
    starts: IntArray
    numbers: FloatArray
    offsets: FloatArray
    powers: FloatArray
    tilts: FloatArray

    @classmethod
    def of(cls, x: FloatArray, order: IntArray, width: float, q: float, reach: int, terms: int) -> _Side:
        sorted_x = x[order]
        number = np.rint(sorted_x / width)
        numbers, first, counts = np.unique(number, return_index=True, return_counts=True)
        size = int(np.clip(x.size // numbers.size, 1, CHUNK))
        needed = -(-counts // size)
        starts = np.concatenate([[0], np.cumsum(needed)[:-1]])
        rank = np.arange(x.size) - np.repeat(first, counts)
        chunks = (int(needed.sum()), size)
        place = np.empty(x.size, dtype=np.intp)
        place[order] = (np.repeat(starts, counts) + rank // size) * size + rank % size
        offsets = np.zeros(chunks[0] * size)
        offsets[place] = (x - np.rint(x / width) * width) / width
        offsets = offsets.reshape(chunks)
        k = np.arange(float(terms))
        scale = np.sqrt((2.0 * q) ** k / scipy.special.factorial(k))
        powers = offsets[..., None] ** k * scale
        delta = np.arange(-float(reach), reach + 1.0)
        tilts = np.exp(2.0 * q * offsets[..., None] * delta - q * (offsets * offsets)[..., None])
        box = np.repeat(np.arange(numbers.size), needed)
        return cls(place, chunks, box, starts, numbers, offsets, powers, tilts)

    def padded(self, x: FloatArray) -> FloatArray:
        values = np.zeros(self.chunks[0] * self.chunks[1])
        values[self.place] = x
        return values.reshape(self.chunks)


@dataclass(frozen=True, eq=False)
class _Boxes:
    """Products by series. `rows` and `columns` are the alphabets in boxes, `far` holds exp(-q δ²) for every δ."""

    rows: _Side
    columns: _Side
    far: FloatArray
    width: float
    missing: float

    @classmethod
    def of(cls, line: SquaredLine, s: float, far: float, missing: float) -> _Boxes:
        mantissa, exponent = np.frexp(np.sqrt(2.0 / s))
        width = float(np.ldexp(np.rint(np.ldexp(mantissa, WIDTH_BITS)), exponent - WIDTH_BITS))
        q = s * width * width
        reach, terms = int(far / width) + 1, FAST_TERMS if line.approximate else TERMS
        rows = _Side.of(line.x, line.order[0], width, q, reach, terms)
        columns = rows if line.symmetric else _Side.of(line.y, line.order[1], width, q, reach, terms)
        delta = np.arange(-float(reach), reach + 1.0)
        return cls(rows, columns, np.exp(-q * delta * delta), width, missing)

    def forward(self, x: FloatArray) -> FloatArray:
        (moments,) = _moments(self.columns, x, 0)
        return _raised(self._spread(self.rows, self.columns, [moments]), self.missing, x)

    def backward(self, y: FloatArray) -> FloatArray:
        (moments,) = _moments(self.rows, y, 0)
        return _raised(self._spread(self.columns, self.rows, [moments]), self.missing, y)

    def cost(self, x: FloatArray) -> FloatArray:
        total = self._spread(self.rows, self.columns, _moments(self.columns, x, 2))
        return np.asarray(np.maximum(total, 0.0) * self.width**2)

    def table(self) -> FloatArray:
        m = self.columns.place.size
        return np.stack([self.forward(column) for column in np.eye(m)], axis=1)

    def _spread(self, to: _Side, source: _Side, moments: list[FloatArray]) -> FloatArray:
        """Σ_δ exp(-q δ² - 2q δ t - q t²) Σ_k t^k M_k of the box δ away; with three moments of (δ + t - u)²."""
        reach = self.far.size // 2
        delta = np.arange(-reach, reach + 1)
        wanted = to.numbers[:, None] - delta
        found = np.minimum(np.searchsorted(source.numbers, wanted), source.numbers.size - 1)
        found = np.where(source.numbers[found] == wanted, found, source.numbers.size)  # the last is empty
        y = np.empty(to.chunks)
        step = max(1, ENTRIES // (self.far.size * to.powers.shape[2]))
        for i in range(0, to.chunks[0], step):
            chosen = slice(i, i + step)
            at = found[to.box[chosen]]
            parts = [to.powers[chosen] @ m[at, np.arange(delta.size)].transpose(0, 2, 1) for m in moments]
            total = parts[0]
            if len(parts) == 3:
                u = to.offsets[chosen, :, None] + delta
                total = (parts[0] * u - 2.0 * parts[1]) * u + parts[2]
            y[chosen] = np.einsum("cjd,cjd,d->cj", total, to.tilts[chosen, :, ::-1], self.far)
        return y.ravel()[to.place]


def _moments(side: _Side, x: FloatArray, degree: int) -> list[FloatArray]:
    """Σ_j u_j^(k+e) exp(2q δ u_j - q u_j²) x_j in every box, shape (boxes + 1, δ, k), for e up to `degree`."""
    weights = side.padded(x)
    out = []
    size, terms = side.tilts.shape[2], side.powers.shape[2]
    for _ in range(degree + 1):
        sums = np.zeros((side.numbers.size + 1, size, terms))
        ends = np.append(side.starts, side.chunks[0])
        step = max(1, ENTRIES // (size * terms))
        box = 0
        while box < side.numbers.size:
            last = max(box + 1, int(np.searchsorted(ends, ends[box] + step, side="right")) - 1)
            chosen = slice(int(ends[box]), int(ends[last]))
            tilted = (weights[chosen, :, None] * side.tilts[chosen]).transpose(0, 2, 1)
            sums[box:last] = np.add.reduceat(tilted @ side.powers[chosen], ends[box:last] - ends[box], axis=0)
            box = last
        out.append(sums)
        weights = weights * side.offsets
    return out


@dataclass(frozen=True, eq=False)
class AbsoluteLine(_Line):
    """|x - y| between the points of a line, or from them to others; a product takes n + m steps.

    >>> AbsoluteLine(np.array([0.0, 3.0])).at(0.1).forward(np.array([0.0, 1.0])).round(4)
    array([0.7408, 1.    ])
    """

    def table(self) -> FloatArray:
        """d, shape (n, m)."""
        affordable("source", *self.shape)
        return np.abs(self.x[:, None] - self.y[None, :])

    @cached_property
    def merged(self) -> tuple[FloatArray, IntArray, IntArray]:
        """The steps between all points, where each x is among them, and where each y is."""
        points, place = np.unique(np.concatenate([self.x, self.y]), return_inverse=True)
        return np.diff(points), place[: self.x.size], place[self.x.size :]

    def at(self, s: float) -> Gibbs:
        """exp(-s d)."""
        return _TwoSided(self, np.exp(-s * self.merged[0]))

    def fast(self, *, relative: bool = False) -> Geometry:
        """Itself."""
        return self

    def mean(self, law: FloatArray) -> FloatArray:
        """Σ_j d_ij law_j from the mass on either side, shape (n,)."""
        _, here, there = self.merged
        return self._mean(there, law)[here]

    def mean_backward(self, p: FloatArray) -> FloatArray:
        """Σ_i p_i d_ij from the mass on either side, shape (m,)."""
        _, here, there = self.merged
        return self._mean(here, p)[there]

    def _mean(self, place: IntArray, law: FloatArray) -> FloatArray:
        steps = self.merged[0]
        mass = _gathered(place, law, steps.size + 1)
        left, right = np.zeros(mass.size), np.zeros(mass.size)
        np.cumsum(np.cumsum(mass)[:-1] * steps, out=left[1:])
        right[:-1] = np.cumsum(np.cumsum(mass[::-1])[:-1] * steps[::-1])[::-1]
        return left + right

    def gram(self, s: float, w: FloatArray, chosen: IntArray) -> FloatArray:
        """Σ_i w_i K_ij K_ij' for j, j' in `chosen`."""
        return gram_of_columns(s, w, np.abs(self.x[:, None] - self.y[None, chosen]))

    def largest_slope(self) -> float:
        """An s at which exp(-s d) is 0 or 1."""
        return min(LARGEST_EXPONENT / max(self.least, 1e-300), 1e300)

    def rounding(self, s: float) -> Rounding:
        """Each term has been multiplied by the factors of all steps to it, whose exponents add up to s d."""
        points = sum(self.shape) + 8.0
        product = (4.0 * points + 2.0 * min(s * self.extent, LARGEST_EXPONENT)) * UNIT_ROUNDOFF
        mean = 4.0 * points * UNIT_ROUNDOFF * self.extent
        return Rounding(product, product + 2.0 * points * UNIT_ROUNDOFF, 0.0, mean)


@dataclass(frozen=True, eq=False)
class _TwoSided:
    line: AbsoluteLine
    factors: FloatArray

    def forward(self, x: FloatArray) -> FloatArray:
        _, here, there = self.line.merged
        return self._product(there, x)[here]

    def backward(self, y: FloatArray) -> FloatArray:
        _, here, there = self.line.merged
        return self._product(here, y)[there]

    def cost(self, x: FloatArray) -> FloatArray:
        steps, here, there = self.line.merged
        mass = _gathered(there, x, steps.size + 1)
        total = np.zeros(mass.size)
        for flip in (slice(None), slice(None, None, -1)):
            factors, gaps = self.factors[flip], steps[flip]
            reached = _recursion(factors, mass[flip])
            moved = np.zeros(mass.size)
            moved[1:] = factors * gaps * reached[:-1]
            total[flip] += _recursion(factors, moved)
        return np.asarray(total[here])

    def table(self) -> FloatArray:
        m = self.line.shape[1]
        return np.stack([self.forward(column) for column in np.eye(m)], axis=1)

    def _product(self, place: IntArray, law: FloatArray) -> FloatArray:
        mass = _gathered(place, law, self.factors.size + 1)
        total = _recursion(self.factors, mass)
        total[:-1] += self.factors * _recursion(self.factors[::-1], mass[::-1])[::-1][1:]
        return total


def _gathered(place: IntArray, law: FloatArray, size: int) -> FloatArray:
    """The mass at every place."""
    return np.bincount(place, weights=law, minlength=size).astype(np.float64)


def _recursion(factors: FloatArray, mass: FloatArray) -> FloatArray:
    """L_i = mass_i + factor_i L_{i-1}, by forward substitution."""
    band = np.ones((2, mass.size))
    band[1, :-1] = -factors
    solved, _ = scipy.linalg.lapack.dtbtrs(band, mass, uplo="L", diag="U")
    return np.asarray(solved)
