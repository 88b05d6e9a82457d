"""f-divergences with a differentiable, strictly convex φ, and the search for their support function."""

from __future__ import annotations

from abc import abstractmethod
from functools import cache

import numpy as np
import scipy
from numpy.typing import NDArray

from rdptheory._native import CALLED, BallSpec
from rdptheory._types import UNIT_ROUNDOFF, FloatArray
from rdptheory.divergences.base import FDivergence, Support, raised
from rdptheory.doors import Alike, Law, NotNegative, changed, guard, inside
from rdptheory.errors import InvalidInput

__all__ = ["SmoothFDivergence"]

SEARCH_STEPS = 200  # of a root search that takes a dozen steps, or about 60 where it has to bisect
POINTLIKE = 1e-22  # radius below which the search would only see the rounding of δ
WIDE, NARROW = 2.0, 0.02  # steps of log μ in which the search is bracketed, without a guess and with one
SETTLED = 1e-11  # nats that the bound at a multiplier of the caller may be above the least: what a solver leaves anyway
CLOSE = 1e-11  # of log μ: the bound misses its least by the square of that
AT_THE_POLE = 1e-9  # share of the way to the pole of t that counts as being there: the search stops 1e-14 before it
FLAT = 1e-5  # change of r/p up to which δ is its quadratic form: the next term is this share of it
COARSE = 16.0  # units of the largest of 1, t, t φ'(t) and φ(t), by which a formula that nobody checked may be off
TINY = float(np.finfo(np.float64).tiny)  # keeps slopes at empty symbols and quotients by a radius finite
SQUARED = 1e150  # prices that are further apart have squares that float64 does not hold
BRACKET_END = 200.0  # |log μ| beyond which the search gives up and returns the bound it has


class SmoothFDivergence(FDivergence):
    """An f-divergence with a differentiable, strictly convex φ, φ(1) = φ'(1) = 0.

    A class outside this package may write φ as it likes, t log t - t + 1 for one: what that loses next to t = 1, up to
    `COARSE` units of the largest term, is paid for at both ends of a bracket.
    """

    smooth = True
    definite = True

    compiled: tuple[int, float, float] = (CALLED, 0.0, 1.0)
    """How the compiled core knows φ: (POWER, a, c) for φ(t) = c (t^a - a t + a - 1)/(a (a-1)), or CALLED, which asks
    `derivatives`. Only a search believes it of classes outside this package, and not of one that inherits it and
    changes formulas: the judge asks those for φ."""

    def derivatives(self, t: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """φ, φ' and φ'' at t > 0."""
        return self.phi(t), self.slope(t), self.curvature(t)

    def compiled_ball(self, reference: Law, P: NotNegative) -> BallSpec:
        """By its form, or by `derivatives`."""
        names = changed(self)
        kind, order, factor = self.compiled if not names or "compiled" in names else (CALLED, 0.0, 1.0)
        called = self.derivatives if kind == CALLED else None
        return BallSpec(kind, reference, P, reference.size, order, factor, self.recession, called)

    @abstractmethod
    def phi(self, t: FloatArray) -> FloatArray:
        """φ(t), t > 0."""

    def near(self, z: FloatArray) -> FloatArray:
        """φ(1 + z) for |z| <= 1/2, from z itself, with a rounding error of a few units of |z|."""
        return self.phi(1.0 + z)

    def value(self, reference: Law, output: Law) -> float:
        """Σ p φ(r/p), by differences where the laws are close, so that a small δ keeps its digits."""
        held = reference > 0.0
        p, r = (reference, output) if held.all() else (reference[held], output[held])
        gap = r - p
        close = np.abs(gap) <= 0.5 * p
        terms = p * self.near(np.where(close, gap, 0.0) / p)
        if not close.all():
            with np.errstate(divide="ignore", over="ignore"):
                terms[~close] = self.far(p[~close], r[~close])
        bare = 0.0 if p.size == reference.size else float(output[~held].sum())
        return float(terms.sum()) + (self.recession * bare if bare > 0.0 else 0.0)

    def far(self, p: Alike, r: Alike) -> FloatArray:
        """p φ(r/p) where r is far from p > 0."""
        return p * self.phi(r / p)

    def uncertainty(self, reference: Law, output: Law, relative: float) -> float:
        """First and second order of δ in both laws, and the rounding of `value`."""
        held = reference > 0.0
        p, r = (reference, output) if held.all() else (reference[held], output[held])
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            t = np.maximum(r / p, TINY)
            lean = np.abs(self.slope(t))
            first = r * lean + p * np.abs(self.phi(t) - t * self.slope(t))
            second = p * t**2 * self.curvature(t)
        once = float(np.where(np.isfinite(first), first, 0.0).sum())
        twice = float(np.where(np.isfinite(second), second, 0.0).sum())
        if p.size < reference.size and not self.forbids_new_symbols:
            once += self.recession * float(output[~held].sum())
        value = self.value(reference, output)
        rounding = 16.0 * float(np.abs(r - p).sum()) + (output.size + 64) * (value if np.isfinite(value) else 0.0)
        if not self.ours:
            rounding += COARSE * (float(p.sum() + r.sum()) + once)
        return relative * once + relative * relative * twice + UNIT_ROUNDOFF * rounding

    @abstractmethod
    def slope(self, t: FloatArray) -> FloatArray:
        """φ'(t), t > 0."""

    @abstractmethod
    def curvature(self, t: FloatArray) -> FloatArray:
        """φ''(t), t > 0."""

    def bends(self, reference: Law, law: Law) -> tuple[FloatArray, FloatArray]:
        """φ'(r/p) and φ''(r/p)/p, for a reference p > 0."""
        t = law / reference
        return self.slope(t), self.curvature(t) / reference

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

    def support(self, v: Law, reference: Law, P: float) -> Support:
        """min over μ >= 0, γ of μP + γ + Σ_j p_j μ φ*((v_j - γ)/μ), by nested monotone root search.

        The inner search makes r = p t((v-γ)/μ) a law, the outer one puts it on the boundary of the ball. The value
        returned is the dual objective at the (μ, γ) reached, hence an upper bound however far the search got.
        """
        return self._support(v, reference, P, 0.0)

    def support_near(self, v: Law, reference: Law, P: float, mu: NotNegative) -> float:
        """The bound at μ where that cannot be far from the least one, else the less of it and a search begun around μ.

        Next to the pole of t the digits of δ are few, and the search can end at a worse μ than it began with.
        """
        bound = np.inf
        if P > 0.0 and 0.0 < mu < np.inf:
            bound, missed = self._look(v, reference, P, mu)
            if mu * missed * min(1.0, missed / P) <= SETTLED:  # the bound is convex in μ, with slope P - δ
                return bound
        return min(bound, self._support(v, reference, P, mu).value)

    def _support(self, v: FloatArray, reference: FloatArray, P: float, begin: float) -> Support:
        value, ratio = inside(self.value), inside(self.ratio)
        held = _held(reference)
        allowed = held if np.isinf(self.recession) else np.ones_like(held)
        p = reference[held]
        top = float(v[allowed].max())
        if not np.isfinite(v[held]).all():  # an infinite price is no search: σ is at most the largest
            return Support(top, reference.copy())
        if P == 0.0:
            short = float(p @ (top - v[held]))
            return Support(raised(top - short * (1.0 - UNIT_ROUNDOFF * (p.size + 8))), reference.copy())
        P = max(P, TINY)  # a wider ball bounds a narrower one, and this one can be divided by
        law = np.where(allowed & (v >= top), np.where(held, reference, 0.0), 0.0)
        if not law.any():
            law[int(np.argmax(np.where(allowed, v, -np.inf)))] = 1.0
        law /= law.sum()
        if np.isinf(P) or value(reference, law) <= P:
            return Support(top, law)
        # γ is then small beside μ near the pole of t, where it matters; the difference is rounded upwards
        shifted = (v - top) * (1.0 - 4.0 * UNIT_ROUNDOFF)
        spread = -float(shifted[held].min())
        if spread <= 0.0:
            return Support(top, reference.copy())

        # next to the reference δ is a quadratic form: σ ~ <p, v> + √(2 P Var v / φ''(1)), at this μ and γ
        mean = float(p @ shifted[held])
        flat, bend = self._pointlike(p, shifted[held], P), float(self.curvature(np.ones(1))[0])
        near = self.support_bound(shifted, reference, P, flat, mean) if flat > 0.0 else np.inf
        if P < POINTLIKE and flat > 0.0:
            lean = np.where(held, shifted - mean, 0.0) / (flat * bend)
            if float(np.abs(lean).max()) <= FLAT:
                law = reference * (1.0 + lean)
                return Support(raised(top + min(near, 0.0)), law / law.sum())

        gamma: float | None = None  # that of the μ looked at last, from which the next search begins

        def law_at(mu: float) -> tuple[float, FloatArray]:
            nonlocal gamma
            gamma = self._normaliser(shifted[held], p, mu, gamma)
            r = np.zeros_like(reference)
            r[held] = p * ratio(np.minimum((shifted[held] - gamma) / mu, self._below_pole()))
            missing = 1.0 - float(r.sum())
            if missing > 0.0 and np.isfinite(self.recession):
                best = int(np.argmax(shifted))  # bare, or of so little mass that γ cannot come close enough to its pole
                if gamma <= float(shifted[best]) - mu * self.recession * (1.0 - AT_THE_POLE):
                    r[best] += missing
            return gamma, r / r.sum()

        @cache  # a value has the rounding of where its search began, and the root search asks for both ends again
        def excess(log_mu: float) -> float:
            return float(value(reference, law_at(float(np.exp(log_mu)))[1])) - P

        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            # δ(law_at(μ)) falls from above P to 0 as μ grows
            guessed = 0.0 < begin < np.inf
            width = NARROW if guessed else WIDE
            high = float(np.log(begin)) + 0.5 * NARROW if guessed else float(np.log(spread))
            above = excess(high)
            while above > 0.0 and high < BRACKET_END:
                high, width = high + width, 4.0 * width if guessed else width
                above = excess(high)
            low, width = high - width, NARROW if guessed else WIDE
            below = excess(low)
            while below <= 0.0 and low > -BRACKET_END:
                low, width = low - width, 4.0 * width if guessed else width
                below = excess(low)
            if below > 0.0 >= above:
                high = scipy.optimize.brentq(
                    excess, low, high, xtol=CLOSE, rtol=1e-14, maxiter=SEARCH_STEPS, disp=False
                )
            gamma, law = law_at(float(np.exp(high)))
        bound = min(near, self.support_bound(shifted, reference, P, float(np.exp(high)), gamma))
        return Support(raised(top + min(bound, 0.0)), law)  # no law has more than the largest v

    def support_at(self, v: Law, reference: Law, P: float, mu: NotNegative) -> float:
        """The dual objective at μ and the γ that makes r = p t((v-γ)/μ) a law; at most the largest v."""
        if P == 0.0:
            return self.support(v, reference, 0.0).value
        if not 0.0 < mu < np.inf:
            return float(v[_held(reference)].max() if np.isinf(self.recession) else v.max())
        return self._look(v, reference, P, mu)[0]

    def support_roughly(self, v: Law, reference: Law, P: NotNegative) -> float:
        """The largest v, or the bound at the multiplier that is right in the limit P -> 0."""
        held = _held(reference)
        top = float(v[held].max() if np.isinf(self.recession) else v.max())
        if not 0.0 < P < np.inf or not np.isfinite(v).all():
            return top
        mu = self._pointlike(reference, v, P)
        return min(top, self._look(v, reference, P, mu)[0]) if 0.0 < mu < np.inf else top

    def _pointlike(self, p: FloatArray, v: FloatArray, P: float) -> float:
        """√(Var v/(2 P φ''(1))), the multiplier that is right in the limit P -> 0."""
        apart = v - float(p @ v)
        widest = float(np.abs(apart).max())
        unit = widest if widest > SQUARED else 1.0
        variance, bend = float(p @ (apart / unit) ** 2), float(self.curvature(np.ones(1))[0])
        return unit * float(np.sqrt(variance / (2.0 * bend * P)))

    def _look(self, v: FloatArray, reference: FloatArray, P: float, mu: float) -> tuple[float, float]:
        """`support_at`, and how far δ of the law at μ is from P."""
        held = _held(reference)
        top = float(v[held].max() if np.isinf(self.recession) else v.max())
        shifted = (v - top) * (1.0 - 4.0 * UNIT_ROUNDOFF)  # upwards
        w, p = (shifted, reference) if held.all() else (shifted[held], reference[held])
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            gamma = self._normaliser(w, p, mu, -top)  # where v is the price of the law itself, its level is 0
            bound = inside(self.support_bound)(shifted, reference, P, mu, gamma)
            y = np.minimum((w - gamma) / mu, self._below_pole())
            t = inside(self.ratio)(y)
            delta = float(p @ (t * y - inside(self.conjugate)(y)))
            if np.isfinite(self.recession):
                delta += self.recession * max(0.0, 1.0 - float(p @ t))
        return raised(top + min(bound, 0.0)), abs(P - delta)

    def support_slope(self, v: Law, reference: Law, mu: NotNegative) -> FloatArray:
        """μ φ*((v_i - γ)/μ), γ the multiplier of the mass; nan where the reference has none."""
        held, slope = _held(reference), np.full_like(v, np.nan)
        top = float(v[held].max() if np.isinf(self.recession) else v.max())
        gamma = self._normaliser(v[held] - top, reference[held], mu)
        slope[held] = mu * self.conjugate(np.minimum((v[held] - top - gamma) / mu, self._below_pole()))
        return slope

    def cut(self, reference: Law, law: Law, P: float) -> tuple[FloatArray, float]:
        """φ'(r/p), with the slope at infinity where p = 0; no number where `law` lacks mass that p has."""
        held = reference > 0.0
        g = np.full_like(reference, self.recession if np.isfinite(self.recession) else 0.0)
        with np.errstate(all="ignore"):
            g[held] = self.slope(law[held] / reference[held])
            return g, P - self.value(reference, law) + float(g @ law)

    def support_bound(self, v: Law, reference: Law, P: float, mu: float, gamma: float) -> float:
        """The dual objective at one (μ > 0, γ): an upper bound on σ_P(v), O(m); inf if (μ, γ) is not feasible.

        φ* does not decrease, so its argument is rounded upwards; what else the formula rounds is added: the arguments
        of a member's `conjugate` within 4 units, its value within 4, and m products and sums. That of a class outside
        this package may be t y - φ(t), with the rounding of its largest term.
        """
        held = reference > 0.0
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a useless pair costs inf
            p, y = reference[held], (v[held] - gamma) / np.float64(mu)
            y += 8.0 * UNIT_ROUNDOFF * np.abs(y)
            if not (y < self.recession).all():
                return float("inf")
            if np.isfinite(self.recession) and not held.all():
                bare = float((v[~held].max() - gamma) / np.float64(mu))
                if not bare + 8.0 * UNIT_ROUNDOFF * abs(bare) <= self.recession:
                    return float("inf")
            values = self.conjugate(y)
            size = mu * P + abs(gamma) + mu * float(p @ np.abs(values))
            bound = mu * P + gamma + mu * float(p @ values) + UNIT_ROUNDOFF * (p.size + 16) * size
            if not self.ours:
                t = self.ratio(y)
                bound += COARSE * UNIT_ROUNDOFF * mu * float(p @ (1.0 + t + np.abs(t * y) + np.abs(values)))
        return float(bound) if bound < np.inf else float("inf")

    def _below_pole(self) -> float:
        return float(np.nextafter(self.recession, -np.inf)) if np.isfinite(self.recession) else np.inf

    def _normaliser(self, w: FloatArray, p: FloatArray, mu: float, begin: float | None = None) -> float:
        """The γ with Σ p t((w - γ)/μ) = 1 for w <= 0, or the smallest γ the constraint on bare symbols allows.

        `begin` may be close to it; otherwise the search comes from the left.
        """
        high = float(w.max())  # t <= 1 everywhere: the sum is at most 1
        low = float(w.min())
        if np.isfinite(self.recession):
            low = max(low, -mu * self.recession * (1.0 - 1e-14))
            high = max(high, low)
        gamma = low if begin is None or not low < begin < high else begin
        ratio, ratio_slope, most = inside(self.ratio), inside(self.ratio_slope), self._below_pole()
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            for _ in range(SEARCH_STEPS):
                y = np.minimum((w - gamma) / mu, most)
                excess = float(p @ ratio(y)) - 1.0
                slope = float(p @ ratio_slope(y))
                step = excess * mu / slope if slope > 0.0 else np.inf
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


def _held(reference: FloatArray) -> NDArray[np.bool_]:
    """Where a reference law has mass."""
    held = reference > 0.0
    if not held.any():
        raise InvalidInput("reference", reference, "must be a law, with mass somewhere")
    return np.asarray(held)


guard(__name__)
