"""min I(X;U) + E c(X,U) subject to E d(X,U) <= D: the interior point of a limit and a price.

Its dual has a number for each symbol and one for the limit,

    max p·f - s D    subject to    h_u = -log Σ_i p_i exp(f_i - s d_iu - c_iu) >= 0,  s >= 0,

concave functions of (f, s) whose multipliers are the weights p(u). Slacks stand for h and stay above 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy

from rdptheory._types import FloatArray

__all__ = ["PricedPoint", "priced_point"]

STEPS = 80
"""Newton steps at most; 10 to 25 are taken."""
SHORT = 0.95
"""Share of the way to the boundary that a step goes."""
BACKTRACKS = 12
"""Halvings of a step along which the constraints are far from their tangents."""
FAR = 1.0
"""How far a step may move an f, in units of 1 plus the largest."""
CENTRE = 1e-4
"""Least share of the complementarity that a step aims at."""
LIFTS = (0.0, 1e-15, 1e-13, 1e-11)
"""Added to the scaled diagonal until the factorisation succeeds."""
SMALLEST = 1e-300
"""In place of a 0 that is divided by."""


@dataclass(frozen=True, eq=False)
class PricedPoint:
    """f (n,), s, and p(u, x) as an array (K, n) whose sums over u are near p."""

    f: FloatArray
    s: float
    joint: FloatArray
    steps: int


def priced_point(p: FloatArray, cost: FloatArray, table: FloatArray, D: float, gap: float) -> PricedPoint:
    """The point at a duality gap of about `gap` nats, for c and d of shape (n, K); D above 0, inf for no limit."""
    n, number = cost.shape
    limited = bool(np.isfinite(D))
    unit = D if limited else 1.0  # of s, so that its residual weighs as much as those of p
    d = np.ascontiguousarray(table.T) / unit if limited else np.zeros((number, n))
    f, s = np.full(n, -1.0), 1.0 / max(float(d.mean(axis=0) @ p), 1.0) if limited else 0.0
    asked = _Asked(p, np.ascontiguousarray(cost.T), d, limited)
    h, a = asked.constraints(f, s)
    w = np.full(number, 1.0 / number)
    here = _Iterate(asked, f, s, w, h, float(w @ h) / s if limited else 0.0, h, a)
    step = 0
    while step < STEPS and here.error > gap:
        ahead = here.stepped()
        if ahead is None or not np.isfinite(ahead.error):
            break
        here, step = ahead, step + 1
    return PricedPoint(here.f, here.s / unit, here.w[:, None] * here.a, step)


@dataclass(frozen=True, eq=False)
class _Asked:
    """p (n,), c and d (K, n), d in units of D, and whether there is a limit on it."""

    p: FloatArray
    cost: FloatArray
    d: FloatArray
    limited: bool

    def constraints(self, f: FloatArray, s: float) -> tuple[FloatArray, FloatArray]:
        """h (K,) and the posteriors (K, n)."""
        exponent = f - s * self.d - self.cost
        top = exponent.max(axis=1)
        weight = np.exp(exponent - top[:, None]) * self.p
        total = weight.sum(axis=1)
        return -(top + np.log(total)), weight / total[:, None]


class _Move(NamedTuple):
    """A direction, or a step along it."""

    f: FloatArray
    s: float
    w: FloatArray
    slack: FloatArray
    sigma: float


class _Iterate:
    """(f, s), weights and slacks of the constraints, and σ, the multiplier of s >= 0; h and a at (f, s).

    Attributes
    ----------
    complement : w·slack + σ s
    bend : array (K,)
        h less the slack.
    slope : array (K, n + 1)
        Gradients of h.
    residual : array (n + 1,)
        How far the weights are from adding up to p, and to D.
    error : the largest of what Newton's method brings to 0
    """

    def __init__(
        self,
        asked: _Asked,
        f: FloatArray,
        s: float,
        w: FloatArray,
        slack: FloatArray,
        sigma: float,
        h: FloatArray,
        a: FloatArray,
    ) -> None:
        n = f.size
        self.asked, self.f, self.s, self.w, self.slack, self.sigma, self.a = asked, f, s, w, slack, sigma, a
        self.complement, self.bend = float(w @ slack) + sigma * s, h - slack
        self.missed = float(w @ np.abs(self.bend))
        self.slope = np.empty((w.size, n + 1))
        np.negative(a, out=self.slope[:, :n])
        self.slope[:, n] = (asked.d * a).sum(axis=1)
        self.residual = w @ self.slope
        self.residual[:n] += asked.p
        self.residual[n] = self.residual[n] + sigma - 1.0 if asked.limited else 0.0
        self.error = max(self.complement, float(np.abs(self.residual).sum()), self.missed)

    def stepped(self) -> _Iterate | None:
        """The next iterate by Mehrotra's predictor and corrector; None where the matrix cannot be factored."""
        factor = _factored(self._matrix())
        if factor is None:
            return None
        affine = self._direction(factor, -self.w * self.slack, -self.sigma * self.s)
        reach = min(1.0, self._longest(affine))
        left = (self.w + reach * affine.w) @ (self.slack + reach * affine.slack)
        left += (self.sigma + reach * affine.sigma) * (self.s + reach * affine.s)
        centre = max(float(left / self.complement) ** 3, CENTRE) * self.complement / (1.0 + self.asked.limited)
        move = self._direction(
            factor,
            centre / self.w.size - self.w * self.slack - affine.w * affine.slack,
            centre - self.sigma * self.s - affine.sigma * affine.s,
        )
        far = FAR * (1.0 + float(np.abs(self.f).max())) / max(float(np.abs(move.f).max()), SMALLEST)
        length = min(1.0, SHORT * self._longest(move), far)
        missed = max(10.0 * self.missed, 2.0 * self.complement)
        for _ in range(BACKTRACKS):
            f, s = self.f + length * move.f, self.s + length * move.s
            h, a = self.asked.constraints(f, s)
            w, slack = self.w + length * move.w, self.slack + length * move.slack
            if float(w @ np.abs(h - slack)) <= missed:
                break
            length *= 0.5
        slack = np.minimum(np.maximum(h, slack), 3.0 * slack)
        return _Iterate(self.asked, f, s, w, slack, self.sigma + length * move.sigma, h, a)

    def _matrix(self) -> FloatArray:
        """Curvature of the constraints, Σ w (E gg' - ḡḡ') with the gradients g of their terms, and Σ w/slack ḡḡ'."""
        n, wa = self.f.size, self.w[:, None] * self.a
        matrix = (self.slope * (self.w / self.slack - self.w)[:, None]).T @ self.slope
        matrix.flat[: n * (n + 1) : n + 2] += wa.sum(axis=0)
        wa *= self.asked.d
        spent = wa.sum(axis=0)
        matrix[:n, n] -= spent
        matrix[n, :n] -= spent
        matrix[n, n] += float(np.vdot(wa, self.asked.d)) + (self.sigma / self.s if self.asked.limited else 1.0)
        return np.asarray(matrix)

    def _direction(self, factor: tuple[FloatArray, FloatArray], target: FloatArray, aim: float) -> _Move:
        scale, lower = factor
        right = self.residual + ((target - self.w * self.bend) / self.slack) @ self.slope
        right[-1] = right[-1] + aim / self.s if self.asked.limited else 0.0
        z = scale * scipy.linalg.lapack.dpotrs(lower, scale * right, lower=1)[0]
        slack, s = self.slope @ z + self.bend, float(z[-1])
        sigma = (aim - self.sigma * s) / self.s if self.asked.limited else 0.0
        return _Move(z[:-1], s, (target - self.w * slack) / self.slack, slack, sigma)

    def _longest(self, move: _Move) -> float:
        """The longest step along which everything stays at least 0."""
        worst = min(float((move.slack / self.slack).min()), float((move.w / self.w).min()))
        if self.asked.limited:
            worst = min(worst, move.s / self.s, move.sigma / max(self.sigma, SMALLEST))
        return -1.0 / worst if worst < 0.0 else np.inf


def _factored(matrix: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """The scale of each row, and the Cholesky factor of the scaled matrix."""
    scale = 1.0 / np.sqrt(np.maximum(np.diag(matrix), SMALLEST))
    scaled = matrix * scale * scale[:, None]
    for lift in LIFTS:
        lower, failed = scipy.linalg.lapack.dpotrf(scaled + lift * np.eye(scale.size), lower=1)
        if not failed:
            return scale, lower
    return None
