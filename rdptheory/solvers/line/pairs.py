"""Pairs of posteriors whose cost is a product of means, restricted to atoms: mean m_u of X, laws a_u and b_u.

With centred points x of X and y of Y, prices μ, ν of masses and α, β of nats on either side, an atom leaves

    h_u = min over a with x·a = m_u, and b, of   α KL(a‖p) - μ·a + β KL(b‖q) - ν·b - 2 w m_u y·b - (1-w) m_u^2,

and the prices prove

    E (X - E[X|U])^2 + w E (E[X|U] - Y)^2 >= E X^2 + w E Y^2 + μ·p + ν·q - α R - β (R + Rc)    wherever h >= 0.

w = 1 is E(X-Y)^2. As a variable w comes with the term -w P/(1-w): see `blocks`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rdptheory._types import FloatArray

__all__ = ["Pairs", "Prices"]

REACHED = 1e-12
"""In the log-odds of a mean between the ends of the alphabet."""
TILTS = 50
"""Newton steps for a tilt; every eighth halves its bracket."""


@dataclass(frozen=True, eq=False)
class Prices:
    """μ (n,), ν (m,), α, β and w."""

    mu: FloatArray
    nu: FloatArray
    alpha: float
    beta: float
    w: float


class Pairs:
    """The restricted program.

    Parameters
    ----------
    p, x, q, y : arrays
        Laws without zeros, and points of mean 0 and variance 1.
    rates : array (2,)
        R and R + Rc.
    P : float or None
        None: w = 1. Else w is a price too, at first `w`.
    """

    def __init__(
        self, p: FloatArray, x: FloatArray, q: FloatArray, y: FloatArray, rates: FloatArray, P: float | None = None
    ) -> None:
        self.p, self.x, self.q, self.y, self.rates, self.P = p, x, q, y, rates, P
        self.n, self.m = p.size, q.size
        self.law, self.logs = np.concatenate((p, q)), (np.log(p), np.log(q))
        self.spread = float(q @ y**2)
        self.ends = float(x.min()), float(x.max())

    def start(self, w: float) -> Prices:
        """Prices so high that one atom in the middle is best: h >= 0 by Hoeffding's bound on either side."""
        spans = float(np.ptp(self.x)), float(np.ptp(self.y))
        product, ratio = 0.5 * w * spans[0] * spans[1], float(np.sqrt(self.rates[1] / self.rates[0]))
        alpha, beta = product * ratio + 0.5 * (1.0 - w) * spans[0] ** 2, product / ratio
        return Prices(np.zeros(self.n), np.zeros(self.m), alpha, beta, w if self.P is not None else 1.0)

    def value(self, price: Prices) -> float:
        """What the prices prove if all h are at least 0."""
        value = 1.0 + price.w * self.spread + float(price.mu @ self.p + price.nu @ self.q)
        value -= float(np.dot((price.alpha, price.beta), self.rates))
        if self.P is None or self.P == 0.0:
            return value
        return value - price.w * self.P / (1.0 - price.w) if price.w < 1.0 else -np.inf  # 1 less a rounding, rounded

    def laws(self, price: Prices, means: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The best laws of X and of Y of atoms at these means, side by side (k, n+m), and their tilts."""
        base = self.logs[0] + price.mu / price.alpha
        tilts = self._tilts(base, means)
        a = _softmax(base + tilts[:, None] * self.x)
        b = _softmax(self.logs[1] + (price.nu + 2.0 * price.w * means[:, None] * self.y) / price.beta)
        return np.hstack((a, b)), tilts * price.alpha

    def bends(self, price: Prices, means: FloatArray) -> FloatArray:
        """Second derivatives of the reduced cost in the mean, as shares of that of its convex part."""
        a, b = np.split(self.laws(price, means)[0], [self.n], axis=1)
        spread, other = ((law @ side**2 - np.square(law @ side)) for law, side in ((a, self.x), (b, self.y)))
        fallen = 2.0 * (1.0 - price.w) + 4.0 * price.w**2 * np.maximum(other, 0.0) / price.beta
        return np.asarray(1.0 - fallen * np.maximum(spread, 0.0) / price.alpha)

    @np.errstate(all="ignore")  # what leaves float64 is bisected
    def _tilts(self, base: FloatArray, means: FloatArray) -> FloatArray:
        """Tilts at which laws proportional to exp(base + tilt x) have these means.

        Newton's method for the log-odds of the mean between both ends, nearly linear in the tilt on either side, inside
        a bracket.
        """
        low, high = self.ends
        goal = np.log((means - low) / (high - means))
        tilts, open_ = np.zeros(means.size), np.arange(means.size)
        left, right = np.full(tilts.size, -np.inf), np.full(tilts.size, np.inf)
        for step in range(TILTS):
            at = tilts[open_]
            a = _softmax(base + at[:, None] * self.x)
            above, below = a @ (self.x - low), a @ (high - self.x)
            spread = np.maximum(a @ self.x**2 - np.square(a @ self.x), 1e-14 * above * below)
            off = np.log(above / below) - goal[open_]
            left[open_] = np.where(off < 0.0, np.maximum(left[open_], at), left[open_])
            right[open_] = np.where(off > 0.0, np.minimum(right[open_], at), right[open_])
            new = at - off / (spread * (1.0 / above + 1.0 / below))
            new = np.where(np.isfinite(new), new, at - np.sign(off) * (1.0 + np.abs(at)))
            a_side, b_side = left[open_], right[open_]
            middle = 0.5 * (a_side + b_side)
            outside = (new <= a_side) | (new >= b_side) | (step % 8 == 7)
            new = np.where(np.isfinite(middle) & outside, middle, new)
            wrong = np.abs(off) > REACHED
            tilts[open_] = np.where(wrong, new, at)
            open_ = open_[wrong & (new != at)]
            if not open_.size:
                break
        return tilts


def _softmax(exponents: FloatArray) -> FloatArray:
    """Laws (k, n) of these exponents."""
    laws = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    return np.asarray(laws / laws.sum(axis=1, keepdims=True))
