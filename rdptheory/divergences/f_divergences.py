"""f-divergences δ(p, r) = Σ_j p_j φ(r_j / p_j), with φ convex and φ(1) = 0.

For each member: φ, its derivatives, the inverse t(y) of y = φ'(t), the conjugate φ*(y), and the slope φ'(∞) at
infinity, which is the price of output mass where the reference law has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from rdptheory._native import BOX, JENSEN_SHANNON, POWER, BallSpec
from rdptheory._types import UNIT_ROUNDOFF, FloatArray
from rdptheory.divergences.base import FDivergence, Support, mean_bound, raised
from rdptheory.divergences.smooth import SmoothFDivergence
from rdptheory.doors import Alike, Finished, Law, NotNegative, changed, guard

__all__ = [
    "F_DIVERGENCES",
    "ChiSquare",
    "JensenShannon",
    "KullbackLeibler",
    "ReverseKullbackLeibler",
    "SquaredHellinger",
    "TotalVariation",
]


@dataclass(frozen=True)
class TotalVariation(FDivergence, Finished):
    """TV(p, r) = ½ Σ |p - r|, between 0 and 1: half the L1 distance.

    >>> round(TotalVariation().value(np.array([0.5, 0.5]), np.array([0.7, 0.3])), 12)
    0.2
    """

    recession = 0.5
    definite = True

    def value(self, reference: Law, output: Law) -> float:
        """½ Σ |reference - output|."""
        return 0.5 * float(np.abs(reference - output).sum())

    def moves(self, size: int) -> FloatArray | None:
        """Every move costs 1."""
        return 1.0 - np.eye(size)

    def compiled_ball(self, reference: Law, P: NotNegative) -> BallSpec:
        """A box of half-width μ/2 for the prices of the output symbols."""
        return BallSpec(BOX, reference, P, reference.size, recession=self.recession)

    def support(self, v: Law, reference: Law, P: float) -> Support:
        """Exact: the P units of mass with the lowest v move to the highest v."""
        best = int(np.argmax(v))
        top = float(v[best])
        if P >= 1.0:
            law = np.zeros_like(reference)
            law[best] = 1.0
            return Support(top, law)
        order = np.argsort(v, kind="stable")
        held = np.cumsum(reference[order])
        taken = np.diff(np.minimum(held, P), prepend=0.0)  # mass that leaves each symbol, lowest v first
        law = reference.copy()
        law[order] -= taken
        law[best] += float(taken.sum())
        return Support(self.support_near(v, reference, P, 0.0), np.maximum(law, 0.0))

    def support_near(self, v: Law, reference: Law, P: float, mu: NotNegative) -> float:
        """Σ p max(v, v_t) + P (v_max - v_t), v_t where P units of mass lie below; any v_t gives an upper bound."""
        top = float(v.max())
        if P >= 1.0:
            return top
        order = v.argsort(kind="stable")
        held = reference[order].cumsum()
        short = top - v  # >= 0, so that only differences are rounded
        least = float(short[order[min(int(held.searchsorted(P)), v.size - 1)]])
        kept = float(reference @ np.minimum(short, least))
        saved = kept - P * least - UNIT_ROUNDOFF * (v.size + 8) * (kept + P * least)
        return raised(top - max(saved, 0.0))

    def support_roughly(self, v: Law, reference: Law, P: NotNegative) -> float:
        """<p, v>, and the widest move for P units of mass."""
        top, lowest = float(v.max()), float(v.min())
        if not np.isfinite(top - lowest):
            return top
        return min(top, raised(mean_bound(v, reference) + P * (top - lowest) * (1.0 + 4.0 * UNIT_ROUNDOFF)))

    def uncertainty(self, reference: Law, output: Law, relative: float) -> float:
        """Mass that changes by a share changes δ by no more than that share."""
        return relative + UNIT_ROUNDOFF * (output.size + 8) * self.value(reference, output)

    def support_slope(self, v: Law, reference: Law, mu: NotNegative) -> FloatArray:
        """max(v_i, max v - μ): mass below the box moves to the top."""
        return np.maximum(v, float(v.max()) - mu)

    def cut(self, reference: Law, law: Law, P: float) -> tuple[FloatArray, float]:
        """Half the sign of law - reference."""
        g = 0.5 * np.sign(law - reference)
        return g, P - self.value(reference, law) + float(g @ law)


@dataclass(frozen=True)
class KullbackLeibler(SmoothFDivergence, Finished):
    """KL(r‖p) = Σ r log(r/p) in nats: the law of the output relative to the source; φ(t) = t log t - t + 1."""

    recession = float("inf")
    compiled = (POWER, 1.0, 1.0)

    def _normaliser(self, w: FloatArray, p: FloatArray, mu: float, begin: float | None = None) -> float:
        """μ log Σ p exp(w/μ), where the class has not changed φ."""
        if changed(self):
            return super()._normaliser(w, p, mu, begin)
        return mu * float(np.log(p @ np.exp(w / mu)))

    def far(self, p: Alike, r: Alike) -> FloatArray:
        """r log(r/p) - r + p."""
        return np.asarray(scipy.special.kl_div(r, p))

    def near(self, z: FloatArray) -> FloatArray:
        return np.asarray((1.0 + z) * np.log1p(z) - z)

    def phi(self, t: FloatArray) -> FloatArray:
        return np.asarray(scipy.special.kl_div(t, 1.0))

    def slope(self, t: FloatArray) -> FloatArray:
        return np.log(t)

    def curvature(self, t: FloatArray) -> FloatArray:
        return 1.0 / t

    def ratio(self, y: FloatArray) -> FloatArray:
        return np.exp(y)

    def ratio_slope(self, y: FloatArray) -> FloatArray:
        return np.exp(y)

    def conjugate(self, y: FloatArray) -> FloatArray:
        return np.expm1(y)


@dataclass(frozen=True)
class ReverseKullbackLeibler(SmoothFDivergence, Finished):
    """KL(p‖r) = Σ p log(p/r) in nats: the source relative to the law of the output; φ(t) = -log t + t - 1."""

    recession = 1.0
    compiled = (POWER, 0.0, 1.0)

    def far(self, p: Alike, r: Alike) -> FloatArray:
        """p log(p/r) + r - p."""
        return np.asarray(scipy.special.kl_div(p, r))

    def near(self, z: FloatArray) -> FloatArray:
        return np.asarray(z - np.log1p(z))

    def phi(self, t: FloatArray) -> FloatArray:
        return np.asarray(scipy.special.kl_div(1.0, t))

    def slope(self, t: FloatArray) -> FloatArray:
        return 1.0 - 1.0 / t

    def curvature(self, t: FloatArray) -> FloatArray:
        return 1.0 / t**2

    def ratio(self, y: FloatArray) -> FloatArray:
        return 1.0 / (1.0 - y)

    def ratio_slope(self, y: FloatArray) -> FloatArray:
        return 1.0 / (1.0 - y) ** 2

    def conjugate(self, y: FloatArray) -> FloatArray:
        return -np.log1p(-y)


@dataclass(frozen=True)
class ChiSquare(SmoothFDivergence, Finished):
    """χ²(r‖p) = Σ (r-p)²/p; φ(t) = (t-1)²."""

    recession = float("inf")
    compiled = (POWER, 2.0, 2.0)

    def far(self, p: Alike, r: Alike) -> FloatArray:
        """(r-p)²/p, whose ratio may be too large to be squared."""
        gap = r - p
        return np.asarray(gap * (gap / p))

    def near(self, z: FloatArray) -> FloatArray:
        return z * z

    def phi(self, t: FloatArray) -> FloatArray:
        return (t - 1.0) ** 2

    def slope(self, t: FloatArray) -> FloatArray:
        return 2.0 * (t - 1.0)

    def curvature(self, t: FloatArray) -> FloatArray:
        return np.full_like(t, 2.0)

    def ratio(self, y: FloatArray) -> FloatArray:
        return np.maximum(0.0, 1.0 + 0.5 * y)

    def ratio_slope(self, y: FloatArray) -> FloatArray:
        return np.where(y > -2.0, 0.5, 0.0)

    def conjugate(self, y: FloatArray) -> FloatArray:
        return np.where(y >= -2.0, y * (1.0 + 0.25 * y), -1.0)


@dataclass(frozen=True)
class SquaredHellinger(SmoothFDivergence, Finished):
    """H²(p, r) = Σ (√r - √p)², between 0 and 2 (no factor ½); φ(t) = (√t - 1)²."""

    recession = 1.0
    compiled = (POWER, 0.5, 0.5)

    def far(self, p: Alike, r: Alike) -> FloatArray:
        """(√r - √p)²."""
        return np.asarray((np.sqrt(r) - np.sqrt(p)) ** 2)

    def near(self, z: FloatArray) -> FloatArray:
        return np.asarray((z / (1.0 + np.sqrt(1.0 + z))) ** 2)

    def phi(self, t: FloatArray) -> FloatArray:
        return (np.sqrt(t) - 1.0) ** 2

    def slope(self, t: FloatArray) -> FloatArray:
        return 1.0 - 1.0 / np.sqrt(t)

    def curvature(self, t: FloatArray) -> FloatArray:
        return 0.5 * t**-1.5

    def ratio(self, y: FloatArray) -> FloatArray:
        return 1.0 / (1.0 - y) ** 2

    def ratio_slope(self, y: FloatArray) -> FloatArray:
        below = 1.0 - y
        return 2.0 / (below * below * below)  # numpy's third power takes ten times as long

    def conjugate(self, y: FloatArray) -> FloatArray:
        return y / (1.0 - y)


@dataclass(frozen=True)
class JensenShannon(SmoothFDivergence, Finished):
    """JS(p, r) = KL(p‖m) + KL(r‖m) with m = (p+r)/2, in nats, between 0 and 2 log 2 (no factor ½)."""

    recession = float(np.log(2.0))
    compiled = (JENSEN_SHANNON, 0.0, 1.0)

    def far(self, p: Alike, r: Alike) -> FloatArray:
        """p log(p/m) + r log(r/m)."""
        middle = 0.5 * (p + r)
        return np.asarray(scipy.special.kl_div(p, middle) + scipy.special.kl_div(r, middle))

    def near(self, z: FloatArray) -> FloatArray:
        return np.asarray((1.0 + z) * np.log1p(z) - (2.0 + z) * np.log1p(0.5 * z))

    def phi(self, t: FloatArray) -> FloatArray:
        middle = 0.5 * (1.0 + t)
        return np.asarray(scipy.special.kl_div(1.0, middle) + scipy.special.kl_div(t, middle))

    def slope(self, t: FloatArray) -> FloatArray:
        return np.log(2.0 * t / (1.0 + t))

    def curvature(self, t: FloatArray) -> FloatArray:
        return 1.0 / (t * (1.0 + t))

    def ratio(self, y: FloatArray) -> FloatArray:
        return np.exp(y) / (2.0 - np.exp(y))

    def ratio_slope(self, y: FloatArray) -> FloatArray:
        return 2.0 * np.exp(y) / (2.0 - np.exp(y)) ** 2

    def conjugate(self, y: FloatArray) -> FloatArray:
        return np.asarray(-np.log1p(-np.expm1(y)))  # 2 - exp(y) loses the digits of a small y, which μ would multiply


F_DIVERGENCES: tuple[FDivergence, ...] = (
    TotalVariation(),
    KullbackLeibler(),
    ReverseKullbackLeibler(),
    JensenShannon(),
    ChiSquare(),
    SquaredHellinger(),
)
"""The family, in one list: a new member is one class and one entry here."""


guard(__name__)
