"""Sources on finitely many symbols."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rdptheory._types import ArrayLike, FloatArray, frozen_array
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, probability, real_array
from rdptheory.files import write_text

__all__ = ["Bernoulli", "DiscreteSource", "Empirical", "Pmf"]

SUM_TOLERANCE = 1e-12


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
class Pmf(DiscreteSource):
    """A probability mass function.

    Parameters
    ----------
    probabilities : array (n,)
        At least 0, summing to 1 within 1e-12. Nothing is normalised silently: see `from_weights`.
    points : array (n,) or (n, k), optional
        Where the symbols sit; 0, 1, ..., n-1 if left out.

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
                "probabilities", probabilities, f"must sum to 1 within {SUM_TOLERANCE:g}, the sum is {total:.15g}"
            )
        x = frozen_array(np.arange(p.size)) if points is None else real_array("points", points)
        if x.ndim not in (1, 2) or x.shape[0] != p.size or x.size == 0:
            raise InvalidInput("points", points, f"must have shape ({p.size},) or ({p.size}, k), has {x.shape}")
        self._hold(p, x)

    @classmethod
    def from_weights(cls, weights: ArrayLike, points: ArrayLike | None = None) -> Pmf:
        """Divide non-negative weights (n,) by their sum, on purpose.

        >>> Pmf.from_weights([3, 1]).probabilities
        array([0.75, 0.25])
        """
        w = _weights("weights", weights)
        largest = float(w.max())
        if largest <= 0.0:
            raise InvalidInput("weights", weights, "must have at least one entry above 0")
        scaled = w / largest  # the sum of huge weights would overflow
        return cls(scaled / scaled.sum(), points)

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str]) -> Pmf:
        """Read a table with header `probability[,point...]`, one symbol a line."""
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as problem:
            raise InvalidInput("path", str(path), f"cannot be read ({type(problem).__name__})") from None
        rows = [row for row in csv.reader(io.StringIO(text)) if row]
        if len(rows) < 2 or rows[0][0].strip() != "probability":
            raise InvalidInput("path", str(path), "must be a CSV whose header starts with 'probability'")
        width = len(rows[0])
        table = np.empty((len(rows) - 1, width))
        for number, row in enumerate(rows[1:], start=2):
            try:
                if len(row) != width:
                    raise ValueError
                table[number - 2] = [float(cell) for cell in row]
            except ValueError:
                raise InvalidInput("path", str(path), f"line {number} must hold {width} numbers") from None
        points = None if width == 1 else table[:, 1] if width == 2 else table[:, 1:]
        return cls(table[:, 0], points)

    def to_csv(self, path: str | os.PathLike[str]) -> Path:
        """Write the table `from_csv` reads; every float64 survives the round trip."""
        points = self.points[:, None] if self.points.ndim == 1 else self.points
        names = ["point"] if points.shape[1] == 1 else [f"point{i}" for i in range(points.shape[1])]
        lines = [",".join(["probability", *names])]
        for mass, point in zip(self.probabilities, points, strict=True):
            lines.append(",".join(repr(float(value)) for value in (mass, *point)))
        return write_text(path, "\n".join(lines) + "\n")


@dataclass(frozen=True)
class Bernoulli(DiscreteSource):
    """P(X = 1) = p on the symbols 0 and 1.

    >>> Bernoulli(0.25).probabilities
    array([0.75, 0.25])
    """

    p: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", probability("p", self.p))
        self._hold(frozen_array([1.0 - self.p, self.p]), frozen_array([0.0, 1.0]))


@dataclass(frozen=True, eq=False)
class Empirical(DiscreteSource):
    """The law of a sample: every distinct sample is a symbol, its mass the share of the sample it makes up.

    Parameters
    ----------
    samples : array (N,) or (N, k)
        N real numbers or N vectors.

    Notes
    -----
    R(D,P) of this law describes the sample, not the population it was drawn from.

    >>> Empirical([2.0, 2.0, 5.0, 2.0]).probabilities
    array([0.75, 0.25])
    """

    samples: FloatArray

    def __init__(self, samples: ArrayLike) -> None:
        x = real_array("samples", samples)
        if x.ndim not in (1, 2) or x.size == 0:
            raise InvalidInput("samples", samples, f"must have shape (N,) or (N, k) with N, k >= 1, has {x.shape}")
        points, counts = np.unique(x, axis=0, return_counts=True)
        object.__setattr__(self, "samples", x)
        self._hold(frozen_array(counts / counts.sum()), frozen_array(points))


def _weights(argument: str, values: ArrayLike) -> FloatArray:
    array = real_array(argument, values)
    if array.ndim != 1 or array.size == 0:
        raise InvalidInput(argument, values, f"must have shape (n,) with n >= 1, has {array.shape}")
    if (array < 0).any():
        raise InvalidInput(argument, values, f"every entry must be at least 0, the smallest is {array.min():g}")
    return array


guard(__name__)
