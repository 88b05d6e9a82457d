"""What a geometry can do, and the numbers that its members share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import frexp
from typing import ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rdptheory._types import FloatArray, IntArray
from rdptheory.errors import InvalidInput

__all__ = [
    "TABLES",
    "Between",
    "Geometry",
    "Gibbs",
    "MaskArray",
    "Rounding",
    "affordable",
    "gram_of_columns",
    "own_unit",
    "single",
]

MaskArray = NDArray[np.bool_]

LARGEST_EXPONENT = 746.0  # exp(-x) is 0 in float64 from here on
SMALLEST_SINGLE = 1e-37  # below it single precision loses bits and speed
SINGLE_ERROR = np.float32(2.0**-22)  # relative, of a sum in single precision
TABLES = 12  # of float64 that a solver of dense problems keeps: d in three scalings, the channel, their products
ORDINARY = 2.0**-20, 2.0**20  # extents of points whose squares single precision holds
MOST_BYTES = 4 * 2**30  # what the tables of one question may take: half the memory of a small machine


@dataclass(frozen=True)
class Rounding:
    """How far float64 products with exp(-s d) may be from the true ones, for vectors that are at least 0.

    Attributes
    ----------
    product : float
        Relative error of `Gibbs.forward` and `Gibbs.backward`.
    cost : float
        Relative error of `Gibbs.cost`.
    offset : float
        What `Gibbs.cost` may be wrong by on top, in the unit of d, for each unit of `Gibbs.forward`.
    mean : float
        What `Geometry.mean` may be wrong by, in the unit of d, for each unit of mass.
    """

    product: float
    cost: float
    offset: float
    mean: float


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


class Geometry(Protocol):
    """Two alphabets and the distortion d >= 0 between their symbols, known by its products and not by its table."""

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""

    @property
    def symmetric(self) -> bool:
        """Whether d_ij = d_ji."""

    def table(self) -> FloatArray:
        """d itself, shape (n, m); refused where it would not fit."""

    def at(self, s: float) -> Gibbs:
        """exp(-s d)."""

    def in_unit(self) -> tuple[Geometry, float]:
        """The same in a unit near the extent of its points, and the d that is 1 there: a power of two, so exactly."""

    def fast(self, *, relative: bool = False) -> Geometry:
        """A geometry close to this one that is cheaper to multiply with; itself when there is none.

        With `relative` only one whose small products are as accurate as its large ones.
        """

    def mean(self, law: FloatArray) -> FloatArray:
        """Σ_j d_ij law_j, shape (n,)."""

    def mean_backward(self, p: FloatArray) -> FloatArray:
        """Σ_i p_i d_ij, shape (m,)."""

    def nearest(self) -> IntArray:
        """For every row a column with the least d_ij, shape (n,)."""

    def gram(self, s: float, w: FloatArray, chosen: IntArray) -> FloatArray:
        """Σ_i w_i K_ij K_ij' for j, j' in `chosen`, K = exp(-s d) and w >= 0 of shape (n,)."""

    def gram_size(self, chosen: int) -> int:
        """How many numbers `gram` makes on the way, for so many symbols."""

    def peaks(self, values: FloatArray) -> MaskArray | None:
        """The local maxima of a function of y and what is beside them, shape (m,); None where nothing is beside."""

    def largest_slope(self) -> float:
        """An s at which exp(-s d) is 0 or 1."""

    def rounding(self, s: float) -> Rounding:
        """Bounds on the errors of the products in float64."""


_Points = TypeVar("_Points", bound="Between")


@dataclass(frozen=True, eq=False)
class Between:
    """Points of the rows, (n,) on a line or (n, k), and of the columns, (m,) or (m, k): those of the rows if left out.

    `approximate` says that K is kept in a form that may steer an iteration but proves nothing.
    """

    points: FloatArray
    targets: FloatArray | None = None
    approximate: bool = False
    power: ClassVar[int] = 1
    """The exponent with which d grows with the unit of the points."""

    @property
    def y(self) -> FloatArray:
        """Points of the columns."""
        return self.points if self.targets is None else self.targets

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        return self.points.shape[0], self.y.shape[0]

    @property
    def symmetric(self) -> bool:
        """Whether the columns are the rows."""
        return self.targets is None

    def in_unit(self: _Points) -> tuple[_Points, float]:
        """Points divided by `own_unit` of their extent."""
        both = (self.points, self.y)
        span = np.maximum(*[part.max(axis=0) for part in both]) - np.minimum(*[part.min(axis=0) for part in both])
        unit = own_unit(float(np.max(span)))
        if unit == 1.0:
            return self, 1.0
        targets = None if self.targets is None else self.targets / unit
        return replace(self, points=self.points / unit, targets=targets), unit**self.power


def affordable(argument: str, n: int, m: int, copies: int = 1) -> None:
    """Refuse, before memory is taken, `copies` tables of n x m numbers in float64 that would not fit.

    >>> affordable("source", 2000, 2000)
    >>> affordable("source", 10**6, 10**6)
    Traceback (most recent call last):
    ...
    rdptheory.errors.InvalidInput: source = 1000000 x 1000000: needs 7.45e+03 GiB of tables, 4 GiB are allowed
    """
    needed = 8.0 * n * m * copies
    if needed > MOST_BYTES:
        rule = f"needs {needed / 2**30:.3g} GiB of tables, {MOST_BYTES / 2**30:.3g} GiB are allowed"
        raise InvalidInput(argument, f"{n} x {m}", rule)


def own_unit(extent: float) -> float:
    """The power of two that points of this extent are measured in: 1 for ordinary ones.

    >>> own_unit(3.0), own_unit(0.0), own_unit(2.0**-128.5) == 2.0**-129
    (1.0, 1.0, True)
    """
    return 1.0 if extent == 0.0 or ORDINARY[0] <= extent <= ORDINARY[1] else 2.0 ** (frexp(extent)[1] - 1)


def gram_of_columns(s: float, w: FloatArray, d: FloatArray) -> FloatArray:
    """Σ_i w_i K_ij K_ij' from the columns of d, shape (n, |chosen|)."""
    columns = np.exp(-s * d)
    columns *= np.sqrt(w)[:, None]
    return np.asarray(columns.T @ columns)


def single(matrix: FloatArray) -> np.ndarray:
    """The matrix in single precision, without entries that would be slow or lose bits there."""
    return np.where(np.abs(matrix) < SMALLEST_SINGLE, 0.0, matrix).astype(np.float32)
