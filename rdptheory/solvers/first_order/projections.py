"""Kullback-Leibler projections onto a perception ball.

For a positive measure a and a reference law p, both of shape (m,),

    minimise KL(r ‖ a)   over laws r with δ(p, r) = Σ p φ(r/p) <= P.

With t = r/p and x = log(a/p), stationarity reads log t + μ φ'(t) = x - γ, where γ belongs to Σ r = 1 and μ >= 0 to the
ball. The same (γ, μ) give an upper bound on the support function of the ball at v = x - log t, which is where a
first-order method takes its lower bound from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, singledispatch
from typing import cast

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.divergences import (
    ChiSquare,
    FDivergence,
    JensenShannon,
    KullbackLeibler,
    PowerDivergence,
    ReverseKullbackLeibler,
    SmoothFDivergence,
    SquaredHellinger,
    TotalVariation,
)
from rdptheory.doors import changed
from rdptheory.errors import InvalidInput
from rdptheory.problems import PerceptionLimit

__all__ = ["Ball", "Projection", "log_ratio", "projected"]

NEWTON_STEPS = 60  # of searches that take three to nine
BISECTIONS = 200  # of log t, between Newton steps that would leave the bounds
CRAWL = 1e-9  # of log t: Newton steps above it that do not halve are far from the root, those below are rounding
LARGEST_LOG = 700.0  # of t: exp(709) overflows
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


Start = Projection | None


@dataclass(frozen=True, eq=False)
class Ball:
    """The laws of shape (m,) that a perception limit allows: every law without one, the reference alone at radius 0."""

    limit: PerceptionLimit | None
    size: int

    @property
    def free(self) -> bool:
        """Whether the ball holds every law."""
        return self.limit is None

    @property
    def is_point(self) -> bool:
        """Whether the ball is the reference alone, as far as float64 can tell."""
        return self.limit is not None and self.limit.is_zero_radius

    @property
    def radius(self) -> float:
        """P; inf without a limit, and 0 for a point."""
        return np.inf if self.limit is None else 0.0 if self.is_point else self.limit.limit

    @property
    def bars_new_symbols(self) -> bool:
        """Whether no law of the ball has mass where the reference has none."""
        return self.limit is not None and (self.is_point or bool(np.isinf(self.divergence.recession)))

    @property
    def divergence(self) -> FDivergence:
        """δ, where there is a limit."""
        assert self.limit is not None
        return cast(FDivergence, self.limit.divergence)  # a transport was refused where the loop begins

    @cached_property
    def reference(self) -> FloatArray:
        """The law in the middle; the uniform one without a limit."""
        return np.full(self.size, 1.0 / self.size) if self.limit is None else self.limit.reference

    @cached_property
    def log_reference(self) -> FloatArray:
        """log p, with -inf where p has no mass."""
        with np.errstate(divide="ignore"):
            return np.log(self.reference)

    def as_point(self) -> Ball:
        """The ball of radius 0 around the same law."""
        assert self.limit is not None
        return Ball(replace(self.limit, limit=0.0), self.size)

    def value(self, law: FloatArray) -> float:
        """δ(reference, law); 0 without a limit."""
        return 0.0 if self.limit is None else self.limit.value(law)

    def project(self, log_measure: FloatArray, start: Start = None) -> Projection:
        """The law of the ball nearest to a measure.

            minimise Σ r log(r/a)   over laws r with δ(reference, r) <= limit

        Parameters
        ----------
        log_measure : array (m,)
            log a, finite.
        start : Projection, optional
            That of a nearby measure: a warm start.

        >>> limit = PerceptionLimit(TotalVariation(), np.array([0.5, 0.5]), 0.1)
        >>> Ball(limit, 2).project(np.log([0.9, 0.1])).law
        array([0.6, 0.4])
        """
        if self.is_point:
            return Projection(self.log_reference, 0.0, 0.0, np.zeros(log_measure.shape, dtype=bool))
        if self.bars_new_symbols:
            log_measure = np.where(self.reference > 0.0, log_measure, -np.inf)
        top = float(log_measure.max())
        gamma = top + float(np.log(np.exp(log_measure - top).sum()))
        inside = Projection(log_measure - gamma, gamma, 0.0)
        if self.free or self.value(inside.law) <= self.radius:
            return inside
        kind = SmoothFDivergence if changed(self.divergence) else type(self.divergence)
        return projected.dispatch(kind)(self.divergence, self, inside, log_measure, start)

    def support(self, v: FloatArray, near: Projection) -> float:
        """An upper bound on σ(v) = max {<v, r> : r in the ball}: near the least where `near` is near the optimum."""
        if self.free:
            return float(v.max())
        return self.divergence.support_at(v, self.reference, self.radius, near.mu)


@singledispatch
def projected(
    divergence: FDivergence, ball: Ball, inside: Projection, log_measure: FloatArray, start: Start
) -> Projection:
    """The projection onto the boundary of the ball, when the law `inside` is not within it."""
    raise InvalidInput("perception", divergence, "has no projection here; use InteriorPoint()")


@projected.register
def _(
    divergence: SmoothFDivergence, ball: Ball, inside: Projection, log_measure: FloatArray, start: Start
) -> Projection:
    found = _smooth(divergence, ball, log_measure, start)
    if start is not None and not abs(float(scipy.special.logsumexp(found.log_law))) <= 1e-6:
        return _smooth(divergence, ball, log_measure, None)  # the warm start was too far away
    return found


@projected.register
def _(divergence: TotalVariation, ball: Ball, inside: Projection, log_measure: FloatArray, start: Start) -> Projection:
    # Σ max(a g - p, 0) = P and Σ max(p - a h, 0) = P decouple, each convex and piecewise linear in its one unknown:
    # Newton from 1 is monotone and ends after finitely many steps.
    p, P = ball.reference, ball.radius
    log_a = np.maximum(inside.log_law, ball.log_reference - 600.0)  # a may underflow where p does not
    a, g, h = np.exp(log_a), 1.0, 1.0
    for _ in range(NEWTON_STEPS):
        above = (a * g > p).astype(np.float64)
        if not above.any():  # the law is the reference, up to rounding
            break
        g, last = (P + float(above @ p)) / float(above @ a), g
        if g >= last:
            break
    for _ in range(NEWTON_STEPS):
        below = (a * h < p).astype(np.float64)
        if not below.any():
            break
        h, last = (float(below @ p) - P) / float(below @ a), h
        if h <= last:
            break
    g, h = min(g, 1.0), max(h, 1.0)
    high, low = log_a + np.log(g), log_a + np.log(h)
    law = np.maximum(high, np.minimum(low, ball.log_reference))
    gamma = inside.gamma - 0.5 * float(np.log(g) + np.log(h))
    return Projection(law, gamma, float(np.log(h) - np.log(g)), (law == high) | (law == low))


@projected.register
def _(divergence: KullbackLeibler, ball: Ball, inside: Projection, log_measure: FloatArray, start: Start) -> Projection:
    # r ∝ p^(1-θ) a^θ with θ = 1/(1+μ); √KL is almost linear in θ
    held = ball.reference > 0.0
    log_p, p = ball.log_reference[held], ball.reference[held]
    x = log_measure[held] - log_p
    mean = float(p @ x)
    theta = min(1.0, np.sqrt(2.0 * ball.radius / float(p @ (x - mean) ** 2)))
    low, high = 0.0, 1.0
    for _ in range(NEWTON_STEPS):
        total = float(scipy.special.logsumexp(log_p + theta * (x - mean)))
        log_r = log_p + theta * (x - mean) - total
        r = np.exp(log_r)
        first = float(r @ (x - mean))
        second = float(r @ (x - mean - first) ** 2)
        reached = divergence.value(p, r)
        low, high = (theta, high) if reached < ball.radius else (low, theta)
        step = 2.0 * (reached - np.sqrt(reached * ball.radius)) / (theta * second)
        if not low < theta - step < high:
            step = theta - 0.5 * (low + high)
        if abs(step) <= 1e-16 * theta or reached == ball.radius:
            break
        theta -= step
    law = np.full(log_measure.shape, -np.inf)
    law[held] = log_r
    return Projection(law, total / theta + mean, 1.0 / theta - 1.0)


def _smooth(divergence: SmoothFDivergence, ball: Ball, log_measure: FloatArray, start: Start) -> Projection:
    # Damped Newton on the concave dual J(γ, μ) = Σ p [μ (φ - t φ') - t] - γ - μ P. Symbols without reference mass
    # all have slope φ'(∞) and enter as one.
    held = ball.reference > 0.0
    everywhere = bool(held.all())
    p = ball.reference if everywhere else ball.reference[held]
    x = (log_measure - ball.log_reference) if everywhere else (log_measure[held] - ball.log_reference[held])
    forbidden = everywhere or np.isinf(divergence.recession)
    x_bare = -np.inf if forbidden else float(scipy.special.logsumexp(log_measure[~held]))
    recession = 0.0 if forbidden else divergence.recession

    ratios = log_ratio.dispatch(SmoothFDivergence if changed(divergence) else type(divergence))

    def dual(gamma: float, mu: float) -> tuple[float, FloatArray, float, tuple[FloatArray, FloatArray, FloatArray]]:
        log_t, w = ratios(divergence, x - gamma, mu)
        log_t += (x - gamma - log_t - mu * divergence.slope(np.exp(log_t))) / (1.0 + w)  # what large μ cancelled
        t = np.exp(log_t)
        phi, slope = divergence.phi(t), divergence.slope(t)
        bare = float(np.exp(x_bare - gamma - mu * recession))
        value = float(p @ (mu * (phi - t * slope) - t)) - bare - gamma - mu * ball.radius
        gradient = np.array([float(p @ t) + bare - 1.0, float(p @ phi) + recession * bare - ball.radius])
        return value, gradient, bare, (log_t, slope, p * t / (1.0 + w))

    if start is not None and start.mu > 0.0:
        gamma, mu = start.gamma, start.mu
    else:
        gamma = float(p @ x) / float(p.sum())
        kappa = float(divergence.curvature(np.ones(1))[0])
        spread = float(np.sqrt(kappa * float(p @ (x - gamma) ** 2) / (2.0 * ball.radius)))
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
            before, residual = residual, max(abs(float(gradient[0])), abs(float(gradient[1])) / ball.radius)
            if residual <= 1e-14 or (residual <= 1e-8 and residual > 0.5 * before):  # rounding is all that is left
                break
    if everywhere:
        return Projection(ball.log_reference + parts[0], gamma, mu)
    law = np.full(log_measure.shape, -np.inf)
    law[held] = ball.log_reference[held] + parts[0]
    if not forbidden:
        law[~held] = log_measure[~held] - gamma - mu * recession
    return Projection(law, gamma, mu)


@singledispatch
def log_ratio(divergence: SmoothFDivergence, y: FloatArray, mu: float) -> tuple[FloatArray, FloatArray]:
    """log t with log t + μ φ'(t) = y, and w = μ t φ''(t), so that d log t / dy = 1/(1 + w); both of the shape of y.

    Here by Newton steps between bounds that close in on the root of an increasing function. Four of the equations are
    w + log w = z in disguise, whose root is the Wright omega function of z.
    """
    log_t, low, high = np.zeros_like(y), np.full_like(y, -LARGEST_LOG), np.full_like(y, LARGEST_LOG)
    before = np.full_like(y, np.inf)
    for _ in range(BISECTIONS):
        t = np.exp(log_t)
        w = mu * t * divergence.curvature(t)
        excess = log_t + mu * divergence.slope(t) - y
        low, high = np.where(excess < 0.0, log_t, low), np.where(excess > 0.0, log_t, high)
        step = np.abs(excess / (1.0 + w))
        ahead, crawls = log_t - excess / (1.0 + w), (step > 0.5 * before) & (step > CRAWL)
        inside = (ahead > low) & (ahead < high) & ~crawls
        ahead = np.where(inside, ahead, np.where(excess == 0.0, log_t, 0.5 * (low + high)))
        before = np.abs(ahead - log_t)
        settled = float(before.max()) <= 1e-15 * (1.0 + float(np.abs(log_t).max()))
        log_t = ahead
        if settled:
            break
    t = np.exp(log_t)
    return log_t, mu * t * divergence.curvature(t)


@log_ratio.register
def _(divergence: ReverseKullbackLeibler, y: FloatArray, mu: float) -> tuple[FloatArray, FloatArray]:
    w = scipy.special.wrightomega(np.log(mu) + mu - y)
    return y - mu + w, w


@log_ratio.register
def _(divergence: PowerDivergence, y: FloatArray, mu: float) -> tuple[FloatArray, FloatArray]:
    power = divergence.order - 1.0
    w = scipy.special.wrightomega(power * y + mu + np.log(mu))
    return (power * y + mu - w) / power, w


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
