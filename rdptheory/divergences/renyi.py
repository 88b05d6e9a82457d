"""Rényi divergences: their balls are those of power divergences, which are convex."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy

from rdptheory._native import POWER
from rdptheory._types import FloatArray
from rdptheory.divergences.base import Divergence, Support
from rdptheory.divergences.smooth import SmoothFDivergence
from rdptheory.doors import Alike, Finished, Law, NotNegative, Places, guard
from rdptheory.errors import InvalidInput, at_least_zero, finite

__all__ = ["PowerDivergence", "Renyi"]

ORDERS = 0.05, 20.0  # in between, t^a of any ratio of masses that matter stays in float64


def _order(name: str, value: float) -> float:
    order = finite(name, value, positive=True)
    if order == 1.0 or not ORDERS[0] <= order <= ORDERS[1]:
        raise InvalidInput(name, value, f"must lie in {list(ORDERS)} and not be 1: KullbackLeibler() is that")
    return order


@dataclass(frozen=True)
class PowerDivergence(SmoothFDivergence, Finished):
    """Σ p φ(r/p) with φ(t) = (t^a - a t + a - 1)/(a (a - 1)): χ²/2 at a = 2, twice squared Hellinger at a = 1/2.

    Parameters
    ----------
    order : float
        a in [0.05, 20], not 1.
    """

    order: float
    recession: float = field(init=False, repr=False, compare=False)
    compiled: tuple[int, float, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        order = _order("order", self.order)
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "recession", float("inf") if order > 1.0 else 1.0 / (1.0 - order))
        object.__setattr__(self, "compiled", (POWER, order, 1.0))

    def _of(self, p: Alike, r: Alike, gap: Alike, log: Alike) -> FloatArray:
        """p φ(r/p), given r - p and log(r/p), in the form whose error is a few units of |r - p| at this order."""
        a = self.order
        if a >= 0.5:
            return np.asarray((r * self._risen(a - 1.0, r / p, log) / (a - 1.0) - gap) / a)
        return np.asarray((p * self._risen(a, r / p, log) / a - gap) / (a - 1.0))

    @staticmethod
    def _risen(power: float, t: Alike, log: Alike) -> FloatArray:
        """t^power - 1: beside an exponential of a large logarithm a power rounds once."""
        exponent = power * log
        return np.where(np.abs(exponent) < 1.0, np.expm1(exponent), t**power - 1.0)

    def near(self, z: FloatArray) -> FloatArray:
        return self._of(np.ones_like(z), 1.0 + z, z, np.log1p(z))

    def far(self, p: Alike, r: Alike) -> FloatArray:
        """p φ(r/p), p/a at r = 0: there a negative power has no end."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            value = self._of(p, r, r - p, np.log(r / p))
        return np.where(r > 0.0, value, p / self.order)

    def phi(self, t: FloatArray) -> FloatArray:
        return self.far(np.ones_like(t), t)

    def slope(self, t: FloatArray) -> FloatArray:
        return np.asarray(np.expm1((self.order - 1.0) * np.log(t)) / (self.order - 1.0))

    def curvature(self, t: FloatArray) -> FloatArray:
        return np.asarray(t ** (self.order - 2.0))

    def _log_ratio(self, y: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            inner = np.log1p(np.maximum((self.order - 1.0) * y, -1.0)) / (self.order - 1.0)
        return np.asarray(inner)

    def ratio(self, y: FloatArray) -> FloatArray:
        return np.exp(self._log_ratio(y))

    def ratio_slope(self, y: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            found = np.exp((2.0 - self.order) * self._log_ratio(y))
        return np.where((self.order - 1.0) * y > -1.0, found, 0.0)

    def conjugate(self, y: FloatArray) -> FloatArray:
        return np.asarray(np.expm1(self.order * self._log_ratio(y)) / self.order)


@dataclass(frozen=True)
class Renyi(Divergence, Finished):
    """D_α(r‖p) = log(Σ p (r/p)^α)/(α - 1) in nats: the law of the output relative to the source.

    Its ball of radius P is the ball of the power divergence of the same order whose radius is
    (e^{(α-1)P} - 1)/(α (α-1)); it is solved as that, and dR/dP follows by the chain rule. Above order 1 the balls are
    convex and D_α is not, so that R need not be convex in P.

    Parameters
    ----------
    alpha : float
        In [0.05, 20], not 1, where `KullbackLeibler` is the limit.

    Examples
    --------
    >>> round(Renyi(2.0).value(np.array([0.5, 0.5]), np.array([0.7, 0.3])), 6)
    0.14842
    """

    alpha: float
    definite = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", _order("alpha", self.alpha))

    @property
    def power(self) -> PowerDivergence:
        """The power divergence with the same balls."""
        return PowerDivergence(self.alpha)

    @property
    def convex(self) -> bool:
        return self.alpha < 1.0

    def ball(self, points: Places, P: float) -> tuple[Divergence, float]:
        return self.power, self.radius(P)

    def radius(self, P: float) -> float:
        """Of the power divergence whose ball is that of radius P."""
        with np.errstate(over="ignore"):
            return float(np.expm1((self.alpha - 1.0) * at_least_zero("P", P)) / (self.alpha * (self.alpha - 1.0)))

    def radius_slope(self, P: float) -> float:
        with np.errstate(over="ignore"):
            return float(np.exp((self.alpha - 1.0) * at_least_zero("P", P)) / self.alpha)

    def value(self, reference: Law, output: Law) -> float:
        """log(1 + α (α-1) δ)/(α - 1), δ the power divergence; inf where the laws share no symbol.

        Laws further apart are summed by logarithms: δ would leave float64, or differ from its largest by rounding.
        """
        inner = self.alpha * (self.alpha - 1.0) * self.power.value(reference, output)
        if abs(inner) < 0.5:
            return float(np.log1p(inner) / (self.alpha - 1.0))
        both = (reference > 0.0) & (output > 0.0)
        if not both.any() or (self.alpha > 1.0 and bool((output[~both] > 0.0).any())):
            return float("inf")
        terms = self.alpha * np.log(output[both]) + (1.0 - self.alpha) * np.log(reference[both])
        return float(scipy.special.logsumexp(terms) / (self.alpha - 1.0))

    def support(self, v: Law, reference: Law, P: float) -> Support:
        """That of the power divergence."""
        return self.power.support(v, reference, self.radius(P))

    def support_slope(self, v: Law, reference: Law, mu: NotNegative) -> FloatArray:
        """That of the power divergence, at the multiplier of its radius."""
        return self.power.support_slope(v, reference, mu)

    def cut(self, reference: Law, law: Law, P: float) -> tuple[FloatArray, float]:
        """That of the power divergence."""
        return self.power.cut(reference, law, self.radius(P))


guard(__name__)
