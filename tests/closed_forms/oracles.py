"""Independent values: the printed formulas in 60 digits, and brute force over the parameters of the channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

mp = mpmath.mp.clone()
mp.dps = 60


def entropy(*law: Any) -> Any:
    """H of a law given as mp numbers."""
    return sum((-mass * mp.log(mass) for mass in law if mass > 0), mp.mpf(0))


def bernoulli_scale(p: float) -> Any:
    """Hb(p)."""
    return entropy(mp.mpf(p), 1 - mp.mpf(p))


def printed_bernoulli(p: float, D: float, P: float) -> Any:
    """[BM19, eq. S40] in nats, the float64 arguments taken as exact."""
    p, D, P = mp.mpf(p), mp.mpf(D), mp.mpf(P)
    p = min(p, 1 - p)
    q = 1 - p
    shannon = entropy(p, q) - entropy(D, 1 - D)
    if P >= p:
        return shannon if D < p else mp.mpf(0)
    if 2 * p * q - (q - p) * P <= D:
        return mp.mpf(0)
    if D * (1 + 2 * P - 2 * p) <= P:
        return shannon
    x, y = (D - P) / 2, (D + P) / 2
    return 2 * entropy(p, q) + entropy(p - P, q + P) - entropy(x, p, q - x) - entropy(y, q, p - y)


def smallest_ratio(variance: float, P: float, kind: str) -> Any:
    """g: the least standard deviation of Y, in units of that of X, for kind "W2" or "KL"."""
    if mp.isinf(P):
        return mp.mpf(0)
    if kind == "W2":
        return max(mp.mpf(0), 1 - mp.sqrt(mp.mpf(P) / mp.mpf(variance)))
    return mp.mpf(1) if P == 0 else mp.sqrt(-mp.lambertw(-mp.exp(-1 - 2 * mp.mpf(P))).real)


def printed_gaussian(variance: float, D: float, P: float, kind: str) -> Any:
    """[ZQCK21, Theorem 1] in nats."""
    s2, w = mp.mpf(variance), mp.mpf(variance) * smallest_ratio(variance, P, kind) ** 2
    D = mp.mpf(D)
    if w > abs(s2 - D):
        t = (s2 + w - D) / 2
        return mp.log(s2 * w / (s2 * w - t * t)) / 2
    return max(mp.log(s2 / D) / 2, mp.mpf(0))


def printed_uniform(m: int, D: float, P: float = 0.0) -> Any:
    """log m - Hb(D) - D log(m-1) up to D = 1 - 1/m, in nats."""
    D = mp.mpf(D)
    return mp.log(m) - entropy(D, 1 - D) - D * mp.log(m - 1) if D < 1 - 1 / mp.mpf(m) else mp.mpf(0)


def zoomed_minimum(f: Callable[[Any, Any], Any], first: tuple[float, float], second: tuple[float, float]) -> float:
    """The minimum of a convex f over a box: a grid of 31 x 31 points that halves around its best point 60 times."""
    low, high = np.array([first[0], second[0]]), np.array([first[1], second[1]])
    centre, half, steps, best = 0.5 * (low + high), 0.5 * (high - low), np.linspace(-1.0, 1.0, 31), np.inf
    for _ in range(60):
        axes = np.clip(centre[:, None] + half[:, None] * steps, low[:, None], high[:, None])
        values = f(axes[0][:, None], axes[1][None, :])
        i, j = np.unravel_index(int(np.argmin(values)), values.shape)
        if values[i, j] <= best:
            best, centre = float(values[i, j]), np.array([axes[0][i], axes[1][j]])
        half *= 0.5
    return best


def brute_bernoulli(p: float, D: float, P: float) -> float:
    """The least I(X;Y) over all joint laws with E d = e <= D and P(Y=0) - P(X=0) = v in [-P, P]."""
    marginal = np.array([1.0 - p, p])

    def information(e: Any, v: Any) -> Any:
        leave, enter = 0.5 * (e - v), 0.5 * (e + v)
        joint = np.array([marginal[0] - leave, leave, enter, marginal[1] - enter])
        output = np.array([joint[0] + joint[2], joint[1] + joint[3]])
        inside = (joint >= 0.0).all(axis=0)
        joint = np.where(inside, joint, 1.0)
        product = np.where(inside, np.array([marginal[i] * output[j] for i in (0, 1) for j in (0, 1)]), 1.0)
        terms = joint * np.log(np.where(joint > 0.0, joint, 1.0) / np.where(joint > 0.0, product, 1.0))
        return np.where(inside, terms.sum(axis=0), np.inf)

    return zoomed_minimum(information, (0.0, min(D, 1.0)), (-min(P, 1.0), min(P, 1.0)))


def brute_gaussian(variance: float, D: float, P: float, kind: str) -> float:
    """The least I(X;Y) over jointly Gaussian laws with E d = e <= D and Var Y = w in the ball, on both sides of σ²."""
    if kind == "W2":
        low, high = max(0.0, np.sqrt(variance) - np.sqrt(P)) ** 2, (np.sqrt(variance) + np.sqrt(P)) ** 2
    else:
        from scipy.optimize import brentq

        def excess(log_ratio: float) -> float:
            return 0.5 * (np.expm1(log_ratio) - log_ratio) - P

        low, high = (
            variance * np.exp(brentq(excess, *ends, xtol=1e-14)) if P > 0.0 else variance
            for ends in ((-2.0 * P - 1.0, 0.0), (0.0, 2.0 * np.sqrt(P) + 2.0 * P))
        )

    def information(e: Any, w: Any) -> Any:
        common = 0.5 * (variance + w - e)
        residual = variance * w - common**2
        inside = residual > 0.0
        return np.where(
            inside, 0.5 * np.log(np.where(inside, variance * w / np.where(inside, residual, 1.0), 1.0)), np.inf
        )

    return zoomed_minimum(information, (0.0, min(D, 4.0 * variance)), (max(low, 1e-12 * variance), high))
