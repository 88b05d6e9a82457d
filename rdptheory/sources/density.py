"""Sources with a density, and the explicit step to a finite alphabet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, finite
from rdptheory.sources.discrete import Pmf

__all__ = ["Laplace", "Uniform", "WithDensity", "discretise"]

TAIL = 1e-7


class WithDensity(Protocol):
    """What `discretise` needs of a source."""

    def density(self, x: FloatArray) -> FloatArray: ...

    def quantile(self, level: float) -> float: ...


@dataclass(frozen=True)
class Uniform:
    """The uniform law on [low, high], low below high."""

    low: float
    high: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", finite("low", self.low))
        object.__setattr__(self, "high", finite("high", self.high))
        if not self.low < self.high:
            raise InvalidInput("high", self.high, f"must be above low = {self.low:g}")

    def density(self, x: FloatArray) -> FloatArray:
        """Probability density at x, up to a constant factor."""
        return np.where((x >= self.low) & (x <= self.high), 1.0, 0.0)

    def quantile(self, level: float) -> float:
        """The x with P(X <= x) = level."""
        return self.low + level * (self.high - self.low)


@dataclass(frozen=True)
class Laplace:
    """The density exp(-|x - mean| / scale) / (2 scale), scale above 0 (variance 2 scale^2)."""

    mean: float
    scale: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", finite("mean", self.mean))
        object.__setattr__(self, "scale", finite("scale", self.scale, positive=True))

    def density(self, x: FloatArray) -> FloatArray:
        """Probability density at x, up to a constant factor."""
        return np.asarray(np.exp(-np.abs(x - self.mean) / self.scale), dtype=np.float64)

    def quantile(self, level: float) -> float:
        """The x with P(X <= x) = level."""
        tail = min(level, 1.0 - level)
        distance = -self.scale * float(np.log(2.0 * tail))
        return self.mean - distance if level < 0.5 else self.mean + distance


def discretise(source: WithDensity, n: int, *, low: float | None = None, high: float | None = None) -> Pmf:
    """A finite stand-in for a source with a density.

    The interval [low, high] is cut into n equal cells; the symbols are the midpoints x_j, and
    p_j = density(x_j) / sum_k density(x_k). For a smooth density that has died out at both ends this matches the
    moments to spectral accuracy, where differences of the distribution function would add h^2/12 to the variance.

    Parameters
    ----------
    source : Gaussian, Uniform or Laplace
    n : int
        Number of symbols, at least 1.
    low, high : float, optional
        Ends of the interval; by default the quantiles at 1e-7 and 1 - 1e-7 (for `Uniform` its ends).

    Returns
    -------
    Pmf
        Its R(D,P) is that of the stand-in. The difference to the density's own is the grid's, and no bracket covers it.

    >>> discretise(Uniform(0.0, 1.0), 4).points
    array([0.125, 0.375, 0.625, 0.875])
    """
    if not isinstance(n, (int, np.integer)) or isinstance(n, bool) or n < 1:
        raise InvalidInput("n", n, "must be an integer at least 1")
    if not hasattr(source, "density"):
        raise InvalidInput("source", source, "must have a density (Gaussian, Uniform or Laplace)")
    tail = 0.0 if isinstance(source, Uniform) else TAIL
    left = source.quantile(tail) if low is None else finite("low", low)
    right = source.quantile(1.0 - tail) if high is None else finite("high", high)
    if not left < right:
        raise InvalidInput("high", right, f"must be above low = {left:g}")
    points = left + (right - left) * (np.arange(int(n)) + 0.5) / int(n)
    weights = source.density(points)
    if not weights.sum() > 0.0:
        raise InvalidInput("low", left, f"the density must be above 0 somewhere on [{left:g}, {right:g}]")
    return Pmf.from_weights(weights, points)


guard(__name__)
