"""Distortions d(x, y): what a reconstruction y of the symbol x costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np

from rdptheory._types import ArrayLike, FloatArray, follows, frozen_array
from rdptheory.doors import Finished, Places, Reproductions, SourceLaw, changed, guard
from rdptheory.errors import InvalidInput, real_array, reals
from rdptheory.geometry import (
    AbsoluteLine,
    AbsolutePoints,
    Dense,
    Geometry,
    Grid,
    Matches,
    Points,
    Reordered,
    SquaredLine,
    affordable,
    as_grid,
)
from rdptheory.points import absolute_distances, squared_distances, told_apart

__all__ = [
    "DISTORTIONS",
    "AbsoluteError",
    "Distance",
    "Distortion",
    "Hamming",
    "LogLoss",
    "OfLaw",
    "SquaredError",
    "Table",
    "WithGeometry",
    "geometry_of",
    "of_listed_reconstructions",
    "signed",
    "table_of",
]


@runtime_checkable
class Distortion(Protocol):
    """A member of the family: it can write itself as a table over the points of the alphabet."""

    def table(self, points: Places) -> FloatArray:
        """d(x_i, y_j) for symbols at `points`, shape (n, m), at least 0; inf where x_i may never become y_j."""


@runtime_checkable
class OfLaw(Distortion, Protocol):
    """A member that depends on the law of X."""

    def given(self, probabilities: SourceLaw) -> Distortion:
        """The same beside a source of this law (n,)."""


@runtime_checkable
class WithGeometry(Distortion, Protocol):
    """A member that knows its products with Gibbs kernels, so that large alphabets need no table."""

    def on(self, x: Places, y: Reproductions | None = None) -> Geometry:
        """d between symbols at x (n,) or (n, k) and symbols at y (m,) or (m, k), those at x themselves if left out."""


def signed(distortion: Distortion) -> bool:
    """Whether a distortion may be below 0, as its own `signed` says, so that a limit on its mean may be.

    >>> signed(Hamming()), signed(Table([[-1.0, 0.0]]))
    (False, True)
    """
    return bool(getattr(distortion, "signed", False))


def of_listed_reconstructions(distortion: Distortion) -> Distortion:
    """The same distortion, refused where its reconstructions are all the laws of X: a list of them is not enough then.

    Raises
    ------
    InvalidInput
    """
    if follows(distortion, OfLaw):
        rule = "has any law of X for a reconstruction: here take Table(-np.log(laws).T) of a list of your own"
        raise InvalidInput("distortion", distortion, rule)
    return distortion


def geometry_of(distortion: Distortion, x: FloatArray, y: FloatArray) -> Geometry:
    """d between two alphabets: what the distortion says itself, or its table.

    Parameters
    ----------
    distortion : any distortion
    x : array (n,) or (n, k)
    y : array (m,) or (m, k)
        Points of the reproductions.

    Raises
    ------
    InvalidInput
        x and y lie in different spaces, or a table would not fit.

    >>> geometry_of(SquaredError(), np.array([0.0, 3.0]), np.array([1.0])).table()
    array([[1.],
           [4.]])
    """
    if x.shape[1:] != y.shape[1:]:
        raise InvalidInput("y", y, f"must lie in the space of x: points {y.shape}, those of x {x.shape}")
    if follows(distortion, WithGeometry):
        return distortion.on(x, y)
    both = x.shape[0] + y.shape[0]
    affordable("source", both, both)
    return Dense(frozen_array(table_of(distortion, np.concatenate((x, y)))[: x.shape[0], x.shape[0] :]))


def table_of(distortion: Distortion, points: FloatArray) -> FloatArray:
    """What a distortion writes down for symbols at `points`: as it is from a class of this package, else a copy, since
    an owner may write the next table into the same memory.

    Raises
    ------
    InvalidInput
    """
    try:
        table = reals("distortion", distortion.table(points))
    except (TypeError, ValueError, OverflowError) as problem:
        if isinstance(problem, InvalidInput) and problem.argument != "distortion":
            raise
        raise InvalidInput("distortion", distortion, "its table must be an array of real numbers") from None
    return table if isinstance(distortion, Finished) and not changed(distortion) else frozen_array(table)


@dataclass(frozen=True)
class Hamming(Finished):
    """d(x, y) = 1 unless y is the symbol x; the reconstruction alphabet is the source alphabet."""

    def table(self, points: Places) -> FloatArray:
        """1 off the diagonal, shape (n, n)."""
        return self.on(points).table()

    def on(self, x: Places, y: Reproductions | None = None) -> Geometry:
        """A diagonal and a constant; between two alphabets 0 where the points coincide."""
        if y is None or (np.array_equal(x, y) and np.unique(x, axis=0).shape[0] == x.shape[0]):
            return Matches(x.shape[0])
        affordable("source", x.shape[0], y.shape[0])
        columns = zip(_columns(x).T, _columns(y).T, strict=True)
        different = np.zeros((x.shape[0], y.shape[0]), dtype=bool)
        for a, b in columns:
            different |= a[:, None] != b[None, :]
        return Dense(frozen_array(different))


@dataclass(frozen=True)
class SquaredError(Finished):
    """d(x, y) = |x - y|^2, summed over coordinates, in squared units of the points."""

    def table(self, points: Places) -> FloatArray:
        """Squared distances, shape (n, n)."""
        affordable("source", points.shape[0], points.shape[0])
        return squared_distances(points)

    def on(self, x: Places, y: Reproductions | None = None) -> Geometry:
        """Series in boxes on a line, Kronecker products on a full grid, tiles for any other points."""
        x = told_apart(x, 2)
        if _columns(x).shape[1] == 1:
            return SquaredLine(_columns(x)[:, 0], None if y is None else _columns(y)[:, 0])
        grid = as_grid(x) if y is None else None
        if grid is None or max(axis.size for axis in grid[0]) > LONGEST_AXIS:
            return Points(_columns(x), None if y is None else _columns(y))
        axes, order = grid
        return Grid(axes) if np.array_equal(order, np.arange(order.size)) else Reordered(Grid(axes), order)


@dataclass(frozen=True)
class AbsoluteError(Finished):
    """d(x, y) = |x - y|, summed over coordinates, in units of the points."""

    def table(self, points: Places) -> FloatArray:
        """Absolute differences, shape (n, n)."""
        affordable("source", points.shape[0], points.shape[0])
        return absolute_distances(points)

    def on(self, x: Places, y: Reproductions | None = None) -> Geometry:
        """Two recursions on a line, tiles for other points."""
        x = told_apart(x, 1)
        if _columns(x).shape[1] == 1:
            return AbsoluteLine(_columns(x)[:, 0], None if y is None else _columns(y)[:, 0])
        return AbsolutePoints(_columns(x), None if y is None else _columns(y))


@dataclass(frozen=True, eq=False)
class Table(Finished):
    """Any distortion as a table, with a reconstruction alphabet of its own.

    Parameters
    ----------
    matrix : array (n, m)
        d(x_i, y_j). Any real numbers: what a row has for its minimum is spent by every channel, and D may be below 0
        where an entry is. inf forbids the reconstruction, whatever D is, inf included; every row keeps one that is not.
    reference : array (m,), optional
        The law on the reconstruction alphabet that a perception constraint compares the output with. A square
        table needs none (the source law is taken); a rectangular one without it allows P = inf only.

    >>> Table([[0.0, 2.0, 1.0], [2.0, 0.0, 1.0]]).matrix.shape
    (2, 3)
    """

    matrix: FloatArray
    reference: FloatArray | None = None

    def __init__(self, matrix: ArrayLike, reference: ArrayLike | None = None) -> None:
        d = frozen_array(reals("matrix", matrix))
        if d.ndim != 2 or d.size == 0:
            raise InvalidInput("matrix", matrix, f"must have shape (n, m) with n, m >= 1, has {d.shape}")
        _check_entries("matrix", matrix, d)
        law = None if reference is None else real_array("reference", reference)
        if law is not None:
            if law.shape != (d.shape[1],):
                raise InvalidInput("reference", reference, f"must have shape ({d.shape[1]},), has {law.shape}")
            if (law < 0).any() or abs(float(law.sum()) - 1.0) > 1e-12:
                raise InvalidInput("reference", reference, "must be at least 0 and sum to 1 within 1e-12")
        object.__setattr__(self, "matrix", d)
        object.__setattr__(self, "reference", law)

    @cached_property
    def signed(self) -> bool:
        """Whether an entry is below 0, so that D may be."""
        return bool((self.matrix < 0.0).any())

    @property
    def plain(self) -> bool:
        """Whether every entry is finite and at least 0."""
        return bool((self.matrix >= 0.0).all() and np.isfinite(self.matrix).all())

    def table(self, points: Places) -> FloatArray:
        """The matrix itself, once its rows are as many as the symbols."""
        if self.matrix.shape[0] != points.shape[0]:
            raise InvalidInput(
                "matrix",
                self.matrix,
                f"must have one row for each of the {points.shape[0]} symbols, has shape {self.matrix.shape}",
            )
        return self.matrix

    def on(self, x: Places, y: Reproductions | None = None) -> Geometry:
        """The matrix as it stands, once both its sides fit."""
        shape = (x.shape[0], self.matrix.shape[1] if y is None else y.shape[0])
        if self.matrix.shape != shape:
            raise InvalidInput("matrix", self.matrix, f"must have shape {shape}, one row for each source symbol")
        return Dense(self.matrix)


ARRAYS = "must take arrays x and y that broadcast, as np.sqrt and np.where do and math.sqrt and if do not"
"""What a function that was written for two numbers is told before what it raised."""


@dataclass(frozen=True, eq=False)
class Distance(Finished):
    """d(x, y) as a function of two points.

    Parameters
    ----------
    function : callable
        function(x, y) of arrays that broadcast: points on a line come as (n, 1) and (1, m), points in R^k as
        (n, 1, k) and (1, m, k); the result has shape (n, m) and is at least 0, in a unit of its own. inf forbids the
        reconstruction; every x keeps one that is not.

    >>> Distance(lambda x, y: abs(x - y) ** 3).table(np.arange(3.0))[0].tolist()
    [0.0, 1.0, 8.0]
    """

    function: Callable[[FloatArray, FloatArray], ArrayLike]

    def table(self, points: Places) -> FloatArray:
        """The function at all pairs, shape (n, n)."""
        return self.on(points).table()

    def on(self, x: Places, y: Reproductions | None = None) -> Geometry:
        """The function at all pairs, shape (n, m), checked."""
        y = x if y is None else y
        affordable("source", x.shape[0], y.shape[0])
        try:
            found = self.function(x[:, None], y[None, :])
        except (TypeError, ValueError) as problem:
            raise InvalidInput("function", self.function, f"{ARRAYS}: {problem}") from None
        d = frozen_array(reals("function", found))
        if d.shape != (x.shape[0], y.shape[0]):
            raise InvalidInput(
                "function", self.function, f"must return shape ({x.shape[0]}, {y.shape[0]}), gave {d.shape}"
            )
        if np.isnan(d).any():
            raise InvalidInput("function", self.function, "must be a number or inf everywhere, it is nan for some x, y")
        if (d < 0.0).any():
            raise InvalidInput("function", self.function, f"must be at least 0 everywhere, the smallest is {d.min():g}")
        _check_entries("function", self.function, d)
        return Dense(d)


@dataclass(frozen=True)
class LogLoss(Finished):
    """d(x, q) = -log q(x) in nats: the reconstruction q is a law of X, and any law may be one.

    R(D,inf) = H(X) - D, a closed form. That rate is reached by telling X now and then and nothing otherwise: the
    columns of its channel, and of the table that other methods are given, are "it was x" for every x and the law of X
    itself. A law cannot be compared with a source, so there is no finite P. For reconstructions out of a list of your
    own laws take Table(-np.log(laws).T), inf where one of them excludes a symbol.

    References
    ----------
    [CW14], theorem 1 and its proof.

    >>> LogLoss().given(np.array([0.75, 0.25])).table(np.arange(2.0)).round(3)
    array([[0.   ,   inf, 0.288],
           [  inf, 0.   , 1.386]])
    """

    def given(self, probabilities: SourceLaw) -> Table:
        """The table of the reconstructions that the law p of X, shape (n,), needs: shape (n, n + 1)."""
        with np.errstate(divide="ignore"):
            blind = -np.log(probabilities)
        return Table(np.column_stack([np.where(np.eye(probabilities.size) > 0.0, 0.0, np.inf), blind]))

    def table(self, points: Places) -> FloatArray:
        """Refused: which laws matter depends on that of X, see `given`."""
        raise InvalidInput(
            "distortion", self, "has laws for reconstructions: it is known from the law of X, not its points"
        )


LONGEST_AXIS = 4096  # symbols of an axis whose tables of d, K and K d are kept: 0.4 GB
# those that are known from the points of the alphabet alone
DISTORTIONS: tuple[type, ...] = (Hamming, SquaredError, AbsoluteError, Table, Distance)


def _check_entries(argument: str, given: object, d: FloatArray) -> None:
    """Refuse what is neither a number nor +inf, and a row of nothing but inf."""
    if np.isnan(d).any() or (d == -np.inf).any():
        raise InvalidInput(argument, given, "every entry must be a number or inf, which forbids a reconstruction")
    barred = (d == np.inf).all(axis=1)
    if barred.any():
        raise InvalidInput(argument, given, f"row {int(barred.argmax())} forbids every reconstruction")


def _columns(points: FloatArray) -> FloatArray:
    return points[:, None] if points.ndim == 1 else points


guard(__name__)
