"""Pairs of posteriors whose cost is a product of means, restricted to atoms: mean m_u of X, laws a_u and b_u.

With centred points x of X and y of Y, prices μ, ν of masses and α, β of nats on either side, an atom leaves

    h_u = min over a with x·a = m_u, and b, of   α KL(a‖p) - μ·a + β KL(b‖q) - ν·b - 2 w m_u y·b - (1-w) m_u^2,

and the prices prove

    E (X - E[X|U])^2 + w E (E[X|U] - Y)^2 >= E X^2 + w E Y^2 + μ·p + ν·q - α R - β (R + Rc)    wherever h >= 0.

w = 1 is E(X-Y)^2. As a variable w comes with the term -w P/(1-w): see `blocks`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rdptheory._types import FloatArray
from rdptheory.solvers.line.ascent import Seen

__all__ = ["Atoms", "Pairs", "Prices"]

REACHED = 1e-12
"""In the log-odds of a mean between the ends of the alphabet."""
TILTS, SETTLING = 50, 12
"""Newton steps for a tilt; every eighth halves its bracket. And for the place of an atom that follows its valley."""
BENT = 1e-7
"""Share of the curvature of the convex part that must be left for a valley to be followed."""
LEAST_PRICE = 1e-3
"""Of a nat in a guess: rates near the entropies would make it 0."""
TINY = 1e-300  # keeps quotients by what rounds to 0 finite


@dataclass(frozen=True, eq=False)
class Atoms:
    """Means (k,), tilts of the laws of X that had them, which atoms follow their valley, and the cell each stays in."""

    means: FloatArray
    tilts: FloatArray
    moving: NDArray[np.bool_]
    low: FloatArray
    high: FloatArray

    @classmethod
    def fixed(cls, means: FloatArray) -> Atoms:
        """Atoms that stay where they are."""
        nowhere = np.full(means.size, np.inf)
        return cls(means, np.zeros(means.size), np.zeros(means.size, dtype=bool), -nowhere, nowhere)

    def held(self) -> Atoms:
        """The same atoms, none of them moving."""
        return replace(self, moving=np.zeros(self.means.size, dtype=bool))


@dataclass(frozen=True, eq=False)
class Prices:
    """μ (n,), ν (m,), α, β and w."""

    mu: FloatArray
    nu: FloatArray
    alpha: float
    beta: float
    w: float


class Pairs:
    """The restricted program, as `ascent.Program` asks.

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
        n, m = p.size, q.size
        self.n, self.m, self.size = n, m, n + m + 2 + (P is not None)
        self.signs = np.arange(n + m, self.size)
        self.masses, self.constant = slice(0, n + m), slice(0, n)
        self.gauge = np.zeros(self.size)
        self.gauge[:n], self.gauge[n : n + m] = 1.0, -1.0
        self.gauge /= np.sqrt(n + m)
        self.spread = float(q @ y**2)
        self.logs = np.log(p), np.log(q)
        self.ends = float(x.min()), float(x.max())

    def start(self, w: float) -> FloatArray:
        """Prices so high that one atom in the middle is best: h >= 0 by Hoeffding's bound on either side."""
        spans = float(np.ptp(self.x)), float(np.ptp(self.y))
        product, ratio = 0.5 * w * spans[0] * spans[1], float(np.sqrt(self.rates[1] / self.rates[0]))
        prices = [product * ratio + 0.5 * (1.0 - w) * spans[0] ** 2, product / ratio]
        return np.concatenate((np.zeros(self.n + self.m), prices, [w] if self.P is not None else []))

    def guess(self, w: float) -> FloatArray:
        """Prices of Gaussian laws with these variances and rates: right for those, well scaled for many others."""
        s, t = -np.expm1(-2.0 * self.rates)
        slope = float(np.sqrt(t / s))
        alpha = max((2.0 * (1.0 - w) + 2.0 * w * slope) * (1.0 - s), LEAST_PRICE)
        beta = max(2.0 * w * (1.0 - t) / slope, LEAST_PRICE)
        mu, nu = (0.5 * price * share / (1.0 - share) for price, share in ((alpha, s), (beta, t)))
        prices = [alpha, beta] + ([w] if self.P is not None else [])
        return np.concatenate((-mu * self.x**2, -nu * self.y**2, prices))

    def prices(self, z: FloatArray) -> Prices:
        """z in its parts."""
        n, m = self.n, self.m
        w = float(z[-1]) if self.P is not None else 1.0
        return Prices(z[:n], z[n : n + m], float(z[n + m]), float(z[n + m + 1]), w)

    def inside(self, z: FloatArray) -> bool:
        """Prices of nats above 0, and w below 1."""
        return bool((z[self.signs] > 0.0).all() and (self.P is None or z[-1] < 1.0))

    def strides(self, z: FloatArray) -> FloatArray:
        """α for the masses of X, β for those of Y."""
        return np.repeat(z[self.n + self.m : self.n + self.m + 2], (self.n, self.m))

    def objective(self, z: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """The bound if all h are at least 0, its gradient, and minus its second derivative, which is diagonal."""
        price = self.prices(z)
        value = 1.0 + price.w * self.spread + float(price.mu @ self.p + price.nu @ self.q)
        value -= float(np.dot((price.alpha, price.beta), self.rates))
        gradient, bend = np.concatenate((self.p, self.q, -self.rates)), np.zeros(self.size)
        if self.P is not None:
            left = 1.0 - price.w
            value -= price.w * self.P / left
            gradient = np.append(gradient, self.spread - self.P / left**2)
            bend[-1] = 2.0 * self.P / left**3
        return value, gradient, bend

    def laws(self, price: Prices, tilts: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Laws of X at these tilts, in units of 1/α, and log(a/p)."""
        return _softmax(self.logs[0] + price.mu / price.alpha + tilts[:, None] * self.x, self.logs[0])

    def partners(self, price: Prices, means: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The best laws of Y beside these means of X, and log(b/q)."""
        exponents = (price.nu + 2.0 * price.w * means[:, None] * self.y) / price.beta
        return _softmax(self.logs[1] + exponents, self.logs[1])

    def seen(self, z: FloatArray, atoms: Atoms) -> Seen:
        """Heights, gradients and curvature of the atoms, those that move at the bottom of their valleys."""
        price = self.prices(z)
        with np.errstate(all="ignore"):
            if atoms.moving.any():
                atoms = self._settled(price, atoms)
            atoms = replace(atoms, tilts=self._tilts(price, atoms))
            return _look(self, price, atoms)

    def _tilts(self, price: Prices, atoms: Atoms) -> FloatArray:
        """Tilts at which the laws have the means of the atoms.

        Newton's method for the log-odds of the mean between both ends, nearly linear in the tilt on either side, inside
        a bracket.
        """
        low, high = self.ends
        base, goal = self.logs[0] + price.mu / price.alpha, np.log((atoms.means - low) / (high - atoms.means))
        tilts = atoms.tilts.copy()
        left, right = np.full(tilts.size, -np.inf), np.full(tilts.size, np.inf)
        open_ = np.arange(tilts.size)
        for step in range(TILTS):
            at = tilts[open_]
            a = _softmax(base + at[:, None] * self.x)[0]
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

    def _settled(self, price: Prices, atoms: Atoms) -> Atoms:
        """Those that move, at the least height near them; where the valley is no valley they stay."""
        moving, w = atoms.moving, price.w
        tilts = atoms.tilts[moving]
        for _ in range(SETTLING):
            a = self.laws(price, tilts)[0]
            m = a @ self.x
            spread = np.maximum(a @ self.x**2 - m**2, TINY)
            b = self.partners(price, m)[0]
            k = b @ self.y
            other = np.maximum(b @ self.y**2 - k**2, 0.0)
            slope = tilts * price.alpha - 2.0 * (1.0 - w) * m - 2.0 * w * k
            bend = 1.0 - (2.0 * (1.0 - w) + 4.0 * w**2 / price.beta * other) * spread / price.alpha
            step = np.where(bend > BENT, -slope / np.where(bend > BENT, bend, 1.0), 0.0) / price.alpha
            step = np.clip(step, -0.3 / np.sqrt(spread), 0.3 / np.sqrt(spread))
            tilts = tilts + step
            if (np.abs(step) * np.sqrt(spread) <= REACHED).all():
                break
        means, every = atoms.means.copy(), atoms.tilts.copy()
        inside = np.clip(self.laws(price, tilts)[0] @ self.x, atoms.low[moving], atoms.high[moving])
        means[moving], every[moving] = np.where(np.isfinite(inside), inside, means[moving]), tilts
        return replace(atoms, means=means, tilts=np.where(np.isfinite(every), every, atoms.tilts))


def _softmax(exponents: FloatArray, logs: FloatArray | float = 0.0) -> tuple[FloatArray, FloatArray]:
    """Laws (k, n) of these exponents, and their logarithms less `logs`."""
    exponents = exponents - exponents.max(axis=1, keepdims=True)
    laws = np.exp(exponents)
    total = laws.sum(axis=1, keepdims=True)
    return laws / total, exponents - np.log(total) - logs


def _look(pairs: Pairs, price: Prices, atoms: Atoms) -> Seen:
    """The atoms where they are, at tilts that give them their means."""
    n, m, x, y, w = pairs.n, pairs.m, pairs.x, pairs.y, price.w
    means = atoms.means
    (a, log_a), (b, log_b) = pairs.laws(price, atoms.tilts), pairs.partners(price, means)
    spent_a, spent_b, k = (a * log_a).sum(axis=1), (b * log_b).sum(axis=1), b @ y
    heights = price.alpha * (spent_a + atoms.tilts * (means - a @ x)) - a @ price.mu
    heights += price.beta * spent_b - b @ price.nu - 2.0 * w * means * k - (1.0 - w) * means**2
    columns = [-a, -b, spent_a[:, None], spent_b[:, None]]
    if pairs.P is not None:
        columns.append((means**2 - 2.0 * means * k)[:, None])
    gradients = np.hstack(columns)
    off_a, off_b = x - (a @ x)[:, None], y - k[:, None]
    spread, other = np.maximum((a * off_a**2).sum(axis=1), TINY), (b * off_b**2).sum(axis=1)

    def curvature(weights: FloatArray) -> FloatArray:
        """-Σ w h'': covariances over the prices, for X less what keeps the mean."""
        bent = np.zeros((pairs.size, pairs.size))
        weighted, along = weights[:, None] * a, a * off_a * np.sqrt(weights / spread)[:, None]
        block = -(a.T @ weighted) - along.T @ along
        block[np.diag_indices(n)] += weighted.sum(axis=0)
        turned = a * (log_a - spent_a[:, None]) - a * off_a * ((a * off_a * log_a).sum(axis=1) / spread)[:, None]
        bent[:n, :n] = block / price.alpha
        bent[:n, n + m] = bent[n + m, :n] = -(weights @ turned) / price.alpha
        bent[n + m, n + m] = weights @ (turned * log_a).sum(axis=1) / price.alpha
        weighted = weights[:, None] * b
        block = -(b.T @ weighted)
        block[np.diag_indices(m)] += weighted.sum(axis=0)
        turned = b * (log_b - spent_b[:, None])
        bent[n : n + m, n : n + m] = block / price.beta
        bent[n : n + m, n + m + 1] = bent[n + m + 1, n : n + m] = -(weights @ turned) / price.beta
        bent[n + m + 1, n + m + 1] = weights @ (turned * log_b).sum(axis=1) / price.beta
        if pairs.P is not None:
            pull = 2.0 * means[:, None] * b * off_b
            bent[n : n + m, -1] = bent[-1, n : n + m] = (weights @ pull) / price.beta
            bent[-1, n + m + 1] = bent[n + m + 1, -1] = -(weights @ (pull * log_b).sum(axis=1)) / price.beta
            bent[-1, -1] = weights @ (pull * 2.0 * means[:, None] * y).sum(axis=1) / price.beta
        if atoms.moving.any():  # an atom that follows its valley: less what the place gives back
            left = price.alpha / spread - 2.0 * (1.0 - w) - 4.0 * w**2 / price.beta * other
            free = atoms.moving & (left > BENT * price.alpha / spread) & (means > atoms.low) & (means < atoms.high)
            shift_a, shift_b = a * off_a / spread[:, None], 2.0 * w / price.beta * b * off_b
            parts = [-shift_a, -shift_b, (shift_a * log_a).sum(axis=1)[:, None], (shift_b * log_b).sum(axis=1)[:, None]]
            if pairs.P is not None:
                parts.append((2.0 * means - 2.0 * k - 4.0 * w / price.beta * means * other)[:, None])
            cross = np.hstack(parts)
            bent += (cross * np.where(free, weights / np.where(free, left, 1.0), 0.0)[:, None]).T @ cross
        return bent

    return Seen(heights, gradients, curvature, atoms)
