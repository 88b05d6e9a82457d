"""Gaussian sources."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy

from rdptheory._types import UNIT_ROUNDOFF, ArrayLike, FloatArray, frozen_array
from rdptheory.doors import Alike, Finished, guard
from rdptheory.errors import InvalidInput, finite, real_array
from rdptheory.sources.continuous import CELL_ERROR, ContinuousSource, Smoothness, Tail

__all__ = ["Gaussian", "GaussianVector"]

TERMS = 16.0 * UNIT_ROUNDOFF  # relative error of one term of a tail's moments, which cancel far out
ROUNDING = 1e-12  # relative, of a covariance that was computed: symmetric and semidefinite but for it


@dataclass(frozen=True)
class Gaussian(ContinuousSource, Finished):
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
        """Probability density at x."""
        z = (x - self.mean) / self.standard_deviation
        return np.asarray(np.exp(-0.5 * z * z) / (self.standard_deviation * np.sqrt(2.0 * np.pi)))

    def modulus(self, centre: Alike, reach: Alike, height: Alike) -> FloatArray:
        """|exp(-z²/2)| = exp((y² - x²)/2): entire."""
        near = np.maximum(np.abs(centre - self.mean) - reach, 0.0) / self.standard_deviation
        tilt = height / self.standard_deviation
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(0.5 * (tilt**2 - near**2)) / (self.standard_deviation * np.sqrt(2.0 * np.pi)))

    def quantile(self, level: float) -> float:
        """The x with P(X <= x) = level."""
        return self.mean + self.standard_deviation * float(scipy.special.ndtri(level))

    def right_tail(self, b: float) -> Tail:
        """From the inverse λ of Mills' ratio: E(X-b) = λ - z and E(X-b)² = 1 + z² - zλ for z = b standardised."""
        sd = self.standard_deviation
        z = (b - self.mean) / sd
        inverse_mills = float(np.sqrt(2.0 / np.pi) / scipy.special.erfcx(z / np.sqrt(2.0)))
        mass = float(scipy.special.ndtr(-z))
        if not mass > 0.0:
            return Tail(0.0)
        excess, square = inverse_mills - z, 1.0 + z * z - z * inverse_mills
        error = TERMS * max((inverse_mills + abs(z)) / excess, (1.0 + z * z + abs(z) * inverse_mills) / square)
        return Tail(mass, sd * excess, self.variance * square, max(CELL_ERROR, error))

    def left_tail(self, a: float) -> Tail:
        """The mirror image."""
        return self.right_tail(2.0 * self.mean - a)

    @property
    def smoothness(self) -> Smoothness:
        """h = ½ log 2πe variance; -(log p)'' is 1/variance everywhere."""
        return Smoothness.of(0.5 * float(np.log(2.0 * np.pi)) + 0.5, self.standard_deviation, 1.0, 1.0)

    def standard(self) -> tuple[ContinuousSource, float, float]:
        """N(0, 1)."""
        return Gaussian(0.0, 1.0), self.mean, self.standard_deviation

    def compander(self, levels: FloatArray) -> FloatArray:
        """A Gaussian of three times the variance."""
        return np.asarray(self.mean + np.sqrt(3.0) * self.standard_deviation * scipy.special.ndtri(levels))


@dataclass(frozen=True, eq=False)
class GaussianVector(Finished):
    """N(mean, covariance) in R^k.

    Parameters
    ----------
    mean : array (k,)
    covariance : array (k, k) or (k,)
        Symmetric and positive semidefinite within rounding, not 0; one axis means the variances of independent
        components.

    Raises
    ------
    InvalidInput

    >>> GaussianVector([0.0, 0.0], [[2.0, 1.0], [1.0, 2.0]]).variances.round(12)
    array([1., 3.])
    """

    mean: FloatArray
    covariance: FloatArray

    def __init__(self, mean: ArrayLike, covariance: ArrayLike) -> None:
        m, c = real_array("mean", mean), real_array("covariance", covariance)
        if m.ndim != 1 or m.size == 0:
            raise InvalidInput("mean", mean, f"must have shape (k,) with k >= 1, has {m.shape}")
        if c.shape not in ((m.size,), (m.size, m.size)):
            rule = f"must have shape ({m.size}, {m.size}) or ({m.size},), has {c.shape}"
            raise InvalidInput("covariance", covariance, rule)
        largest = float(np.abs(c).max())
        if c.ndim == 2 and float(np.abs(c - c.T).max()) > ROUNDING * largest:
            raise InvalidInput("covariance", covariance, "must be symmetric")
        object.__setattr__(self, "mean", m)
        object.__setattr__(self, "covariance", c)
        lowest = float(self.variances.min())
        if lowest < -ROUNDING * largest or largest == 0.0:
            raise InvalidInput("covariance", covariance, f"must be positive semidefinite and not 0, has {lowest:g}")

    @cached_property
    def principal(self) -> tuple[FloatArray, FloatArray | None]:
        """Variances (k,) along the principal axes, and the axes as columns (k, k), or None for the coordinates."""
        if self.covariance.ndim == 1:
            return self.covariance, None
        values, axes = np.linalg.eigh(0.5 * (self.covariance + self.covariance.T))
        if np.count_nonzero(self.covariance) == np.count_nonzero(self.covariance.diagonal()):
            values, axes = self.covariance.diagonal(), np.eye(self.mean.size)  # every digit of the least ones
        return frozen_array(values), frozen_array(axes)

    @property
    def variances(self) -> FloatArray:
        """Variances along the principal axes, shape (k,)."""
        return self.principal[0]


guard(__name__)
