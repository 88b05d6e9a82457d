"""The explicit step from a density to a finite alphabet."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, count, finite
from rdptheory.sources.discrete import Pmf
from rdptheory.sources.laws import Uniform

__all__ = ["WithDensity", "discretise"]

MOST_CELLS = 10_000_000  # symbols: 80 MB an array, and more than any method takes
TAIL = 1e-7  # level beyond which a grid stops: what is cut off moves a rate by about as much


class WithDensity(Protocol):
    """What `discretise` needs of a source."""

    def density(self, x: FloatArray) -> FloatArray: ...

    def quantile(self, level: float) -> float: ...


def discretise(source: WithDensity, n: int, *, low: float | None = None, high: float | None = None) -> Pmf:
    """A finite stand-in for a source with a density.

    The interval [low, high] is cut into n equal cells; the symbols are the midpoints x_j, and
    p_j = density(x_j) / sum_k density(x_k). For a smooth density that has died out at both ends this matches the
    moments to spectral accuracy, where differences of the distribution function would add h^2/12 to the variance.

    Parameters
    ----------
    source : a continuous source, such as Gaussian or Laplace
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
    n = count("n", n, most=MOST_CELLS)
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
