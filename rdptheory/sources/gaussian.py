"""Gaussian sources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.errors import finite

__all__ = ["Gaussian"]


@dataclass(frozen=True)
class Gaussian:
    """N(mean, variance) on the real line, variance above 0.

    >>> Gaussian(0.0, 4.0).standard_deviation
    2.0
    """

    mean: float
    variance: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", finite("mean", self.mean))
        object.__setattr__(self, "variance", finite("variance", self.variance, positive=True))

    @property
    def standard_deviation(self) -> float:
        """Square root of the variance."""
        return float(np.sqrt(self.variance))

    def density(self, x: FloatArray) -> FloatArray:
        """Probability density at x, up to a constant factor."""
        return np.asarray(np.exp(-0.5 * (x - self.mean) ** 2 / self.variance), dtype=np.float64)

    def quantile(self, level: float) -> float:
        """The x with P(X <= x) = level."""
        return self.mean + self.standard_deviation * float(scipy.special.ndtri(level))
