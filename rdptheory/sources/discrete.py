"""Sources on finitely many symbols."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rdptheory._types import ArrayLike, FloatArray, frozen_array
from rdptheory.doors import Finished, guard
from rdptheory.errors import InvalidInput, probability, real_array
from rdptheory.files import write_text
from rdptheory.sources.histogram import points_of_index, read_histogram

__all__ = ["Bernoulli", "DiscreteSource", "Empirical", "Pmf"]

SUM_TOLERANCE = 1e-12  # float64 sums of 1e4 masses stay within it, sums of float32 masses do not
SMALLEST_PICTURE = 8  # pixels a side: the smallest pictures of the field are digits of 8 x 8
SLIMMEST = 4  # height over width of a picture; samples are usually many more than their coordinates


class DiscreteSource:
    """A law p on n symbols that sit at points of R or R^k.

    Attributes
    ----------
    probabilities : array (n,)
        p, summing to 1 within 1e-12.
    points : array (n,) or (n, k)
        Where the symbols sit, in the unit of the source.
    """

    probabilities: FloatArray
    points: FloatArray

    @property
    def size(self) -> int:
        """Number of symbols n."""
        return int(self.probabilities.shape[0])

    def _hold(self, probabilities: FloatArray, points: FloatArray) -> None:
        object.__setattr__(self, "probabilities", probabilities)
        object.__setattr__(self, "points", points)


@dataclass(frozen=True, eq=False)
class Pmf(DiscreteSource, Finished):
    """A probability mass function.

    Parameters
    ----------
    probabilities : array (n,)
        At least 0, summing to 1 within 1e-12. Nothing is normalised silently: see `from_weights`.
    points : array (n,) or (n, k), optional
        Where the symbols sit; if left out, the index of a pandas Series, else 0, 1, ..., n-1.

    Raises
    ------
    InvalidInput
        Wrong shape, a negative or non-finite entry, or a sum other than 1.

    >>> Pmf([0.5, 0.25, 0.25]).points
    array([0., 1., 2.])
    """

    probabilities: FloatArray
    points: FloatArray

    def __init__(self, probabilities: ArrayLike, points: ArrayLike | None = None) -> None:
        p = _weights("probabilities", probabilities)
        total = float(p.sum())
        if abs(total - 1.0) > SUM_TOLERANCE:
            raise InvalidInput(
                "probabilities",
                probabilities,
                f"must sum to 1 within {SUM_TOLERANCE:g}, the sum is {total:.15g}; Pmf.from_weights divides by it",
            )
        points = points_of_index("probabilities", probabilities, points)
        x = frozen_array(np.arange(p.size)) if points is None else real_array("points", points)
        if x.ndim not in (1, 2) or x.shape[0] != p.size or x.size == 0:
            raise InvalidInput("points", points, f"must have shape ({p.size},) or ({p.size}, k), has {x.shape}")
        self._hold(p, x)

    @classmethod
    def from_weights(cls, weights: ArrayLike, points: ArrayLike | None = None) -> Pmf:
        """Divide non-negative weights (n,) by their sum, on purpose: counts, a float32 law, rounded probabilities.

        The index of a pandas Series gives the points, unless `points` are given.

        >>> Pmf.from_weights([3, 1]).probabilities
        array([0.75, 0.25])
        """
        w = _weights("weights", weights)
        largest = float(w.max())
        if largest <= 0.0:
            raise InvalidInput("weights", weights, "must have at least one entry above 0")
        scaled = w / largest  # the sum of huge weights would overflow
        return cls(scaled / scaled.sum(), points_of_index("weights", weights, points))

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str], *, normalise: bool = False) -> Pmf:
        """Read a histogram: a header, and one symbol a line.

        The header names the columns in any order. One holds the masses: `probability`, which must sum to 1, or
        `weight` or `count`, which are divided by their sum. `level`, `value` or `point...` (`point0, point1` in the
        plane) say where the symbols sit; without them a column without a name, or `index`, does, and without that
        they are 0, 1, 2, and so on. Commas, semicolons or tabs separate (with the last two a decimal comma may
        stand for the point), and a byte order mark is no matter.

        Parameters
        ----------
        path : path
        normalise : bool
            Divide by the sum whatever the column is called: for probabilities that were rounded.

        Raises
        ------
        InvalidInput
            No such file, a header that leaves a doubt, a line that is not as many numbers, or what the
            constructor refuses.
        """
        found = read_histogram(path)
        if normalise or not found.normalised:
            return cls.from_weights(found.masses, found.points)
        total = float(found.masses.sum())
        if abs(total - 1.0) > SUM_TOLERANCE and np.isfinite(total):
            raise InvalidInput(
                "path",
                str(path),
                f"its probabilities must sum to 1 within {SUM_TOLERANCE:g}, the sum is {total:.15g}; a column weight "
                "or count is divided by its sum, or all are by Pmf.from_csv(path, normalise=True)",
            )
        return cls(found.masses, found.points)

    def to_csv(self, path: str | os.PathLike[str]) -> Path:
        """Write the table `from_csv` reads; every float64 survives the round trip."""
        points = self.points[:, None] if self.points.ndim == 1 else self.points
        names = ["point"] if points.shape[1] == 1 else [f"point{i}" for i in range(points.shape[1])]
        lines = [",".join(["probability", *names])]
        for mass, point in zip(self.probabilities, points, strict=True):
            lines.append(",".join(repr(float(value)) for value in (mass, *point)))
        return write_text(path, "\n".join(lines) + "\n")


@dataclass(frozen=True)
class Bernoulli(DiscreteSource, Finished):
    """P(X = 1) = p on the symbols 0 and 1.

    >>> Bernoulli(0.25).probabilities
    array([0.75, 0.25])
    """

    p: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", probability("p", self.p))
        self._hold(frozen_array([1.0 - self.p, self.p]), frozen_array([0.0, 1.0]))


@dataclass(frozen=True, eq=False, repr=False)
class Empirical(DiscreteSource, Finished):
    """The law of a sample: every distinct sample is a symbol, its mass the share of the sample it makes up.

    Parameters
    ----------
    samples : array (N,) or (N, k)
        N real numbers or N vectors.
    vectors : bool
        Say that the rows are vectors, where they are about as many as the coordinates. Such a table may as well be a
        picture, whose grey levels are `Empirical(picture.ravel())`; it is refused otherwise.

    Notes
    -----
    R(D,P) of this law describes the sample, not the population it was drawn from.

    >>> Empirical([2.0, 2.0, 5.0, 2.0]).probabilities
    array([0.75, 0.25])
    """

    samples: FloatArray

    def __init__(self, samples: ArrayLike, *, vectors: bool = False) -> None:
        x = real_array("samples", samples)
        if x.ndim not in (1, 2) or x.size == 0:
            rows = "; samples.reshape(len(samples), -1) makes rows of images" if x.ndim > 2 and x.size else ""
            rule = f"must have shape (N,) or (N, k) with N, k >= 1, has {x.shape}{rows}"
            raise InvalidInput("samples", samples, rule)
        if not vectors and x.ndim == 2 and min(x.shape) >= SMALLEST_PICTURE and x.shape[0] <= SLIMMEST * x.shape[1]:
            raise InvalidInput(
                "samples",
                samples,
                f"has shape {x.shape} and may be a picture: Empirical(samples.ravel()) is the law of its grey levels, "
                "Empirical(samples, vectors=True) that of its rows",
            )
        points, counts = np.unique(x, axis=0, return_counts=True)
        object.__setattr__(self, "samples", x)
        self._hold(frozen_array(counts / counts.sum()), frozen_array(points))

    def __repr__(self) -> str:
        return f"Empirical({' x '.join(map(str, self.samples.shape))} samples, {self.size} distinct)"


def _weights(argument: str, values: ArrayLike) -> FloatArray:
    array = real_array(argument, values)
    if array.ndim != 1 or array.size == 0:
        raise InvalidInput(argument, values, f"must have shape (n,) with n >= 1, has {array.shape}")
    if (array < 0).any():
        raise InvalidInput(argument, values, f"every entry must be at least 0, the smallest is {array.min():g}")
    return array


guard(__name__)
