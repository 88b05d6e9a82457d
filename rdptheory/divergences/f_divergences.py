"""f-divergences δ(p, r) = Σ_j p_j φ(r_j / p_j), with φ convex and φ(1) = 0.

For each member: φ, its derivatives, the inverse t(y) of y = φ'(t), the conjugate φ*(y), and the slope φ'(∞) at
infinity, which is the price of output mass where the reference law has none.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.divergences.base import Divergence, Support
from rdptheory.doors import guard

__all__ = [
    "F_DIVERGENCES",
    "ChiSquare",
    "FDivergence",
    "JensenShannon",
    "KullbackLeibler",
    "ReverseKullbackLeibler",
    "SmoothFDivergence",
    "SquaredHellinger",
    "TotalVariation",
]

SEARCH_STEPS = 200
BRACKET_END = 200.0  # |log μ| beyond which the search gives up and returns the bound it has


class FDivergence(Divergence):
    """A divergence of the form Σ p φ(r/p)."""

    recession: float
    """φ'(∞): the price of one unit of mass where the reference law has none; inf forbids it."""


@dataclass(frozen=True)
class TotalVariation(FDivergence):
    """TV(p, r) = ½ Σ |p - r|, between 0 and 1: half the L1 distance.

    >>> round(TotalVariation().value(np.array([0.5, 0.5]), np.array([0.7, 0.3])), 12)
    0.2
    """

    recession = 0.5

    def value(self, reference: FloatArray, output: FloatArray) -> float:
        """½ Σ |reference - output|."""
        return 0.5 * float(np.abs(reference - output).sum())

    def support(self, v: FloatArray, reference: FloatArray, P: float) -> Support:
        """Exact: the P units of mass with the lowest v move to the highest v."""
        best = int(np.argmax(v))
        if P >= 1.0:
            law = np.zeros_like(reference)
            law[best] = 1.0
            return Support(float(v[best]), law)
        order = np.argsort(v, kind="stable")
        held = np.cumsum(reference[order])
        taken = np.diff(np.minimum(held, P), prepend=0.0)  # mass that leaves each symbol, lowest v first
        threshold = float(v[order[min(int(np.searchsorted(held, P)), v.size - 1)]])
        law = reference.copy()
        law[order] -= taken
        law[best] += float(taken.sum())
        value = float(reference @ np.maximum(v, threshold)) + P * (float(v[best]) - threshold)
        return Support(value, np.maximum(law, 0.0))

    def cut(self, reference: FloatArray, law: FloatArray, P: float) -> tuple[FloatArray, float]:
        """Half the sign of law - reference."""
        g = 0.5 * np.sign(law - reference)
        return g, P - self.value(reference, law) + float(g @ law)


class SmoothFDivergence(FDivergence):
    """An f-divergence with a differentiable, strictly convex φ."""

    @abstractmethod
    def phi(self, t: FloatArray) -> FloatArray:
        """φ(t), t > 0."""

    @abstractmethod
    def slope(self, t: FloatArray) -> FloatArray:
        """φ'(t), t > 0."""

    @abstractmethod
    def curvature(self, t: FloatArray) -> FloatArray:
        """φ''(t), t > 0."""

    @abstractmethod
    def ratio(self, y: FloatArray) -> FloatArray:
        """The t >= 0 that maximises t y - φ(t), for y < φ'(∞)."""

    @abstractmethod
    def ratio_slope(self, y: FloatArray) -> FloatArray:
        """Derivative of `ratio`."""

    def conjugate(self, y: FloatArray) -> FloatArray:
        """φ*(y) = max over t of t y - φ(t)."""
        t = self.ratio(y)
        return t * y - self.phi(t)

    def support(self, v: FloatArray, reference: FloatArray, P: float) -> Support:
        """min over μ >= 0, γ of μP + γ + Σ_j p_j μ φ*((v_j - γ)/μ), by nested monotone root search.

        The inner search makes r = p t((v-γ)/μ) a law, the outer one puts it on the boundary of the ball. The value
        returned is the dual objective at the (μ, γ) reached, hence an upper bound however far the search got.
        """
        held = reference > 0.0
        allowed = held if np.isinf(self.recession) else np.ones_like(held)
        p = reference[held]
        if P == 0.0:
            return Support(float(p @ v[held]), reference.copy())
        top = float(v[allowed].max())
        law = np.where(allowed & (v >= top), np.where(held, reference, 0.0), 0.0)
        if not law.any():
            law[int(np.argmax(np.where(allowed, v, -np.inf)))] = 1.0
        law /= law.sum()
        if np.isinf(P) or self.value(reference, law) <= P:
            return Support(top, law)
        shifted = v - top  # γ is then small beside μ near the pole of t, where it matters
        spread = -float(shifted[held].min())
        if spread <= 0.0:
            return Support(top, reference.copy())

        def law_at(mu: float) -> tuple[float, FloatArray]:
            gamma = self._normaliser(shifted[held], p, mu)
            r = np.zeros_like(reference)
            r[held] = p * self.ratio(np.minimum((shifted[held] - gamma) / mu, self._below_pole()))
            missing = 1.0 - float(r.sum())
            if missing > 0.0 and not held.all() and np.isfinite(self.recession):
                bare = np.where(held, -np.inf, shifted)
                best = int(np.argmax(bare))
                if gamma <= float(bare[best]) - mu * self.recession * (1.0 - 1e-9):
                    r[best] += missing
            return gamma, r / r.sum()

        def excess(log_mu: float) -> float:
            return self.value(reference, law_at(float(np.exp(log_mu)))[1]) - P

        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            # δ(law_at(μ)) falls from above P to 0 as μ grows
            high = float(np.log(spread))
            while excess(high) > 0.0 and high < BRACKET_END:
                high += 2.0
            low = high - 2.0
            while excess(low) <= 0.0 and low > -BRACKET_END:
                low -= 2.0
            if excess(low) > 0.0 >= excess(high):
                high = scipy.optimize.brentq(
                    excess, low, high, xtol=1e-14, rtol=1e-14, maxiter=SEARCH_STEPS, disp=False
                )
            gamma, law = law_at(float(np.exp(high)))
        bound = self.support_bound(shifted, reference, P, float(np.exp(high)), gamma)
        return Support(top + min(bound, 0.0), law)  # no law has more than the largest v

    def cut(self, reference: FloatArray, law: FloatArray, P: float) -> tuple[FloatArray, float]:
        """φ'(r/p), with the slope at infinity where p = 0; `law` needs mass wherever p has some."""
        held = reference > 0.0
        g = np.full_like(reference, self.recession if np.isfinite(self.recession) else 0.0)
        g[held] = self.slope(law[held] / reference[held])
        return g, P - self.value(reference, law) + float(g @ law)

    def support_bound(self, v: FloatArray, reference: FloatArray, P: float, mu: float, gamma: float) -> float:
        """The dual objective at one (μ > 0, γ): an upper bound on σ_P(v), O(m); inf if (μ, γ) is not feasible."""
        held = reference > 0.0
        p, y = reference[held], (v[held] - gamma) / mu
        if (y >= self.recession).any():
            return float("inf")
        if np.isfinite(self.recession) and not held.all() and float(v[~held].max()) > gamma + mu * self.recession:
            return float("inf")
        with np.errstate(over="ignore"):  # a useless pair costs inf
            return mu * P + gamma + mu * float(p @ self.conjugate(y))

    def _below_pole(self) -> float:
        return float(np.nextafter(self.recession, -np.inf)) if np.isfinite(self.recession) else np.inf

    def _normaliser(self, w: FloatArray, p: FloatArray, mu: float) -> float:
        """The γ with Σ p t((w - γ)/μ) = 1 for w <= 0, or the smallest γ the constraint on bare symbols allows."""
        high = float(w.max())  # t <= 1 everywhere: the sum is at most 1
        low = float(w.min())
        if np.isfinite(self.recession):
            low = max(low, -mu * self.recession * (1.0 - 1e-14))
            high = max(high, low)
        gamma = low
        for _ in range(SEARCH_STEPS):
            y = np.minimum((w - gamma) / mu, self._below_pole())
            with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
                excess = float(p @ self.ratio(y)) - 1.0
                step = excess * mu / float(p @ self.ratio_slope(y))
            if excess > 0.0:
                low = gamma
            else:
                high = gamma
            gamma_next = gamma + step  # Newton from the left of a decreasing convex function never overshoots,
            if not (low < gamma_next < high and abs(excess) < 1.0):  # but crawls while the sum is large
                gamma_next = 0.5 * (low + high)
            if abs(gamma_next - gamma) <= 1e-15 * (abs(gamma) + mu) or high <= low:
                break
            gamma = gamma_next
        return gamma


@dataclass(frozen=True)
class KullbackLeibler(SmoothFDivergence):
    """KL(r‖p) = Σ r log(r/p) in nats: the law of the output relative to the source; φ(t) = t log t - t + 1."""

    recession = float("inf")

    def value(self, reference: FloatArray, output: FloatArray) -> float:
        """KL(output‖reference)."""
        return float(scipy.special.kl_div(output, reference).sum())

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
class ReverseKullbackLeibler(SmoothFDivergence):
    """KL(p‖r) = Σ p log(p/r) in nats: the source relative to the law of the output; φ(t) = -log t + t - 1."""

    recession = 1.0

    def value(self, reference: FloatArray, output: FloatArray) -> float:
        """KL(reference‖output)."""
        return float(scipy.special.kl_div(reference, output).sum())

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
class ChiSquare(SmoothFDivergence):
    """χ²(r‖p) = Σ (r-p)²/p; φ(t) = (t-1)²."""

    recession = float("inf")

    def value(self, reference: FloatArray, output: FloatArray) -> float:
        """Σ (output - reference)² / reference."""
        held = reference > 0.0
        if output[~held].any():
            return float("inf")
        return float(((output[held] - reference[held]) ** 2 / reference[held]).sum())

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
        return np.where(y >= -2.0, y + 0.25 * y * y, -1.0)


@dataclass(frozen=True)
class SquaredHellinger(SmoothFDivergence):
    """H²(p, r) = Σ (√r - √p)², between 0 and 2 (no factor ½); φ(t) = (√t - 1)²."""

    recession = 1.0

    def value(self, reference: FloatArray, output: FloatArray) -> float:
        """Σ (√output - √reference)²."""
        return float(((np.sqrt(output) - np.sqrt(reference)) ** 2).sum())

    def phi(self, t: FloatArray) -> FloatArray:
        return (np.sqrt(t) - 1.0) ** 2

    def slope(self, t: FloatArray) -> FloatArray:
        return 1.0 - 1.0 / np.sqrt(t)

    def curvature(self, t: FloatArray) -> FloatArray:
        return 0.5 * t**-1.5

    def ratio(self, y: FloatArray) -> FloatArray:
        return 1.0 / (1.0 - y) ** 2

    def ratio_slope(self, y: FloatArray) -> FloatArray:
        return 2.0 / (1.0 - y) ** 3

    def conjugate(self, y: FloatArray) -> FloatArray:
        return y / (1.0 - y)


@dataclass(frozen=True)
class JensenShannon(SmoothFDivergence):
    """JS(p, r) = KL(p‖m) + KL(r‖m) with m = (p+r)/2, in nats, between 0 and 2 log 2 (no factor ½)."""

    recession = float(np.log(2.0))

    def value(self, reference: FloatArray, output: FloatArray) -> float:
        """KL(reference‖m) + KL(output‖m)."""
        middle = 0.5 * (reference + output)
        return float((scipy.special.kl_div(reference, middle) + scipy.special.kl_div(output, middle)).sum())

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
        return -np.log(2.0 - np.exp(y))


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
