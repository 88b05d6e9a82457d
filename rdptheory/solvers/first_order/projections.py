"""Kullback-Leibler projections onto a perception ball.

For a positive measure a and a reference law p, both of shape (m,),

    minimise KL(r ‖ a)   over laws r with δ(p, r) = Σ p φ(r/p) <= P.

With t = r/p and x = log(a/p), stationarity reads log t + μ φ'(t) = x - γ, where γ belongs to Σ r = 1 and μ >= 0 to the
ball. The same (γ, μ) give an upper bound on the support function of the ball at v = x - log t, which is where a
first-order method takes its lower bound from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, singledispatch

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.divergences import (
    ChiSquare,
    FDivergence,
    JensenShannon,
    KullbackLeibler,
    ReverseKullbackLeibler,
    SmoothFDivergence,
    SquaredHellinger,
    TotalVariation,
)
from rdptheory.errors import InvalidInput

__all__ = ["Ball", "Projection", "log_ratio"]

NEWTON_STEPS = 60
FAR = 20.0  # of log t at the start of the search


@dataclass(frozen=True, eq=False)
class Projection:
    """A projected law, as logarithms of shape (m,), with its multipliers.

    `moved` marks the symbols that the ball does not pin to the reference; None means all of them.
    """

    log_law: FloatArray
    gamma: float
    mu: float
    moved: np.ndarray | None = None

    @property
    def law(self) -> FloatArray:
        """r, shape (m,)."""
        return np.exp(self.log_law)


@dataclass(frozen=True, eq=False)
class Ball:
    """The laws r of shape (m,) with δ(reference, r) <= limit; every law when `divergence` is None.

    A limit of 0 leaves the reference alone.
    """

    divergence: FDivergence | None
    reference: FloatArray
    limit: float

    @cached_property
    def log_reference(self) -> FloatArray:
        """log p, with -inf where p has no mass."""
        with np.errstate(divide="ignore"):
            return np.log(self.reference)

    @property
    def free(self) -> bool:
        """Whether the ball holds every law."""
        return self.divergence is None or np.isinf(self.limit)

    def value(self, law: FloatArray) -> float:
        """δ(reference, law); 0 when there is no divergence."""
        return 0.0 if self.divergence is None else self.divergence.value(self.reference, law)

    def project(self, log_measure: FloatArray, start: Projection | None = None) -> Projection:
        """The law of the ball nearest to a measure.

            minimise Σ r log(r/a)   over laws r with δ(reference, r) <= limit

        Parameters
        ----------
        log_measure : array (m,)
            log a, finite.
        start : Projection, optional
            That of a nearby measure: a warm start.

        >>> Ball(TotalVariation(), np.array([0.5, 0.5]), 0.1).project(np.log([0.9, 0.1])).law
        array([0.6, 0.4])
        """
        if not self.free and self.limit == 0.0:
            return Projection(self.log_reference, 0.0, 0.0, np.zeros(log_measure.shape, dtype=bool))
        if self.divergence is not None and np.isinf(self.divergence.recession):
            log_measure = np.where(self.reference > 0.0, log_measure, -np.inf)
        top = float(log_measure.max())
        gamma = top + float(np.log(np.exp(log_measure - top).sum()))
        inside = Projection(log_measure - gamma, gamma, 0.0)
        if self.free or self.value(inside.law) <= self.limit:
            return inside
        if isinstance(self.divergence, TotalVariation):
            return self._total_variation(inside)
        if isinstance(self.divergence, KullbackLeibler):
            return self._kullback_leibler(self.divergence, log_measure)
        assert isinstance(self.divergence, SmoothFDivergence)
        found = self._smooth(self.divergence, log_measure, start)
        if start is not None and not abs(float(scipy.special.logsumexp(found.log_law))) <= 1e-6:
            return self._smooth(self.divergence, log_measure, None)  # the warm start was too far away
        return found

    def support(self, v: FloatArray, near: Projection) -> float:
        """An upper bound on σ(v) = max {<v, r> : r in the ball}; exact for total variation, else near the optimum."""
        if self.free:
            return float(v.max())
        assert self.divergence is not None
        if self.limit == 0.0 or isinstance(self.divergence, TotalVariation):
            return self.divergence.support(v, self.reference, self.limit).value
        assert isinstance(self.divergence, SmoothFDivergence)
        bounds = [float(v.max())]
        if near.mu > 0.0:
            lowest = float(v.max()) - near.mu * self.divergence.recession * (1.0 - 1e-6)  # of the γ that are feasible
            for gamma in {near.gamma, max(near.gamma, lowest)}:
                bounds.append(self.divergence.support_bound(v, self.reference, self.limit, near.mu, gamma))
        return min(bounds)

    def _total_variation(self, inside: Projection) -> Projection:
        # Σ max(a g - p, 0) = P and Σ max(p - a h, 0) = P decouple, each convex and piecewise linear in its one unknown:
        # Newton from 1 is monotone and ends after finitely many steps.
        p, P = self.reference, self.limit
        log_a = np.maximum(inside.log_law, self.log_reference - 600.0)  # a may underflow where p does not
        a, g, h = np.exp(log_a), 1.0, 1.0
        for _ in range(NEWTON_STEPS):
            above = (a * g > p).astype(np.float64)
            g, last = (P + float(above @ p)) / float(above @ a), g
            if g >= last:
                break
        for _ in range(NEWTON_STEPS):
            below = (a * h < p).astype(np.float64)
            h, last = (float(below @ p) - P) / float(below @ a), h
            if h <= last:
                break
        g, h = min(g, 1.0), max(h, 1.0)
        high, low = log_a + np.log(g), log_a + np.log(h)
        law = np.maximum(high, np.minimum(low, self.log_reference))
        gamma = inside.gamma - 0.5 * float(np.log(g) + np.log(h))
        return Projection(law, gamma, float(np.log(h) - np.log(g)), (law == high) | (law == low))

    def _kullback_leibler(self, divergence: KullbackLeibler, log_measure: FloatArray) -> Projection:
        # r ∝ p^(1-θ) a^θ with θ = 1/(1+μ); √KL is almost linear in θ
        held = self.reference > 0.0
        log_p, p = self.log_reference[held], self.reference[held]
        x = log_measure[held] - log_p
        mean = float(p @ x)
        theta = min(1.0, np.sqrt(2.0 * self.limit / float(p @ (x - mean) ** 2)))
        low, high = 0.0, 1.0
        for _ in range(NEWTON_STEPS):
            total = float(scipy.special.logsumexp(log_p + theta * (x - mean)))
            log_r = log_p + theta * (x - mean) - total
            r = np.exp(log_r)
            first = float(r @ (x - mean))
            second = float(r @ (x - mean - first) ** 2)
            reached = divergence.value(p, r)
            low, high = (theta, high) if reached < self.limit else (low, theta)
            step = 2.0 * (reached - np.sqrt(reached * self.limit)) / (theta * second)
            if not low < theta - step < high:
                step = theta - 0.5 * (low + high)
            if abs(step) <= 1e-16 * theta or reached == self.limit:
                break
            theta -= step
        law = np.full(log_measure.shape, -np.inf)
        law[held] = log_r
        return Projection(law, total / theta + mean, 1.0 / theta - 1.0)

    def _smooth(self, divergence: SmoothFDivergence, log_measure: FloatArray, start: Projection | None) -> Projection:
        # Damped Newton on the concave dual J(γ, μ) = Σ p [μ (φ - t φ') - t] - γ - μ P. Symbols without reference mass
        # all have slope φ'(∞) and enter as one.
        held = self.reference > 0.0
        everywhere = bool(held.all())
        p = self.reference if everywhere else self.reference[held]
        x = (log_measure - self.log_reference) if everywhere else (log_measure[held] - self.log_reference[held])
        forbidden = everywhere or np.isinf(divergence.recession)
        x_bare = -np.inf if forbidden else float(scipy.special.logsumexp(log_measure[~held]))
        recession = 0.0 if forbidden else divergence.recession

        def dual(gamma: float, mu: float) -> tuple[float, FloatArray, float, tuple[FloatArray, FloatArray, FloatArray]]:
            log_t, w = log_ratio(divergence, x - gamma, mu)
            log_t += (x - gamma - log_t - mu * divergence.slope(np.exp(log_t))) / (1.0 + w)  # what large μ cancelled
            t = np.exp(log_t)
            phi, slope = divergence.phi(t), divergence.slope(t)
            bare = float(np.exp(x_bare - gamma - mu * recession))
            value = float(p @ (mu * (phi - t * slope) - t)) - bare - gamma - mu * self.limit
            gradient = np.array([float(p @ t) + bare - 1.0, float(p @ phi) + recession * bare - self.limit])
            return value, gradient, bare, (log_t, slope, p * t / (1.0 + w))

        if start is not None and start.mu > 0.0:
            gamma, mu = start.gamma, start.mu
        else:
            gamma = float(p @ x) / float(p.sum())
            kappa = float(divergence.curvature(np.ones(1))[0])
            spread = float(np.sqrt(kappa * float(p @ (x - gamma) ** 2) / (2.0 * self.limit)))
            mu = max((spread - 1.0) / kappa, 1e-2)
            gamma = max(gamma, x_bare - mu * recession, float(x.max()) - FAR * (1.0 + kappa * mu))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value, gradient, bare, parts = dual(gamma, mu)
            residual = np.inf
            for _ in range(NEWTON_STEPS):
                _, slope, weight = parts
                g_g = weight.sum() + bare
                g_mu = weight @ slope + bare * recession
                mu_mu = weight @ slope**2 + bare * recession**2
                determinant = g_g * mu_mu - g_mu * g_mu
                if not (determinant > 0.0 and np.isfinite(determinant)):
                    break
                d_mu = float((g_g * gradient[1] - g_mu * gradient[0]) / determinant)
                d_mu = min(max(d_mu, -0.9 * mu), 9.0 * mu)
                d_gamma = float((gradient[0] - g_mu * d_mu) / g_g)
                scale = 1.0
                while scale > 1e-4:
                    trial = dual(gamma + scale * d_gamma, mu + scale * d_mu)
                    if trial[0] >= value - 1e-13 * (1.0 + abs(value)):
                        break
                    scale *= 0.5
                else:
                    break
                gamma, mu = gamma + scale * d_gamma, mu + scale * d_mu
                value, gradient, bare, parts = trial
                before, residual = residual, max(abs(float(gradient[0])), abs(float(gradient[1])) / self.limit)
                if residual <= 1e-14 or (residual <= 1e-8 and residual > 0.5 * before):  # rounding is all that is left
                    break
        if everywhere:
            return Projection(self.log_reference + parts[0], gamma, mu)
        law = np.full(log_measure.shape, -np.inf)
        law[held] = self.log_reference[held] + parts[0]
        if not forbidden:
            law[~held] = log_measure[~held] - gamma - mu * recession
        return Projection(law, gamma, mu)


@singledispatch
def log_ratio(divergence: FDivergence, y: FloatArray, mu: float) -> tuple[FloatArray, FloatArray]:
    """log t with log t + μ φ'(t) = y, and w = μ t φ''(t), so that d log t / dy = 1/(1 + w); both of the shape of y.

    Three of the equations are w + log w = z in disguise, whose root is the Wright omega function of z.
    """
    raise InvalidInput("perception", divergence, "has no projection here; use InteriorPoint()")


@log_ratio.register
def _(divergence: ReverseKullbackLeibler, y: FloatArray, mu: float) -> tuple[FloatArray, FloatArray]:
    w = scipy.special.wrightomega(np.log(mu) + mu - y)
    return y - mu + w, w


@log_ratio.register
def _(divergence: ChiSquare, y: FloatArray, mu: float) -> tuple[FloatArray, FloatArray]:
    w = scipy.special.wrightomega(y + 2.0 * mu + np.log(2.0 * mu))
    return y + 2.0 * mu - w, w


@log_ratio.register
def _(divergence: SquaredHellinger, y: FloatArray, mu: float) -> tuple[FloatArray, FloatArray]:
    w = scipy.special.wrightomega(np.log(0.5 * mu) + 0.5 * (mu - y))
    return y - mu + 2.0 * w, w


@log_ratio.register
def _(divergence: JensenShannon, y: FloatArray, mu: float) -> tuple[FloatArray, FloatArray]:
    log_t = y / (1.0 + 0.5 * mu)  # left of the root of a concave increasing function: Newton stays left of it
    for _ in range(NEWTON_STEPS):
        w = mu / (1.0 + np.exp(log_t))
        step = (y - log_t - mu * (log_t + np.log(2.0) - np.logaddexp(0.0, log_t))) / (1.0 + w)
        log_t = log_t + step
        if float(np.abs(step).max()) <= 1e-15 * (1.0 + float(np.abs(log_t).max())):
            break
    return log_t, mu / (1.0 + np.exp(log_t))
