"""A convex quadratic over the laws between half-spaces: the model of a question about output laws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy

from rdptheory._types import FloatArray

__all__ = ["Least", "Quadratic"]

STEPS = 60
"""Newton steps at most: a dozen or two is what it takes."""
CLOSE = 1e-13
"""Of the size of the slopes: the sum of all products where it ends. What is missed elsewhere falls with it."""
SHORT = 1e-8
"""Share of a step below which rounding has the word."""
INSIDE = 0.995
"""Of the way to where the first slack would be 0."""
RIDGE = 1e-14
"""Of the largest entry of the matrix, on its diagonal."""
TINY = float(np.finfo(np.float64).tiny)  # in place of a divisor of 0


class Least(NamedTuple):
    """The law (m,) where it is least, the price of every half-space (K,), and that of every bound x_j >= 0 (m,)."""

    law: FloatArray
    weights: FloatArray
    bounds: FloatArray


class _State(NamedTuple):
    """The law, the prices of its bounds, what is left to the half-spaces, and their prices; and the level of all."""

    x: FloatArray
    z: FloatArray
    w: FloatArray
    y: FloatArray
    level: float

    def moved(self, step: _State, share: float) -> _State:
        """This and a share of a step."""
        x, w = self.x + share * step.x, self.w + share * step.w
        return _State(x, self.z + share * step.z, w, self.y + share * step.y, self.level + share * step.level)

    @property
    def product(self) -> float:
        return float(self.x @ self.z + self.w @ self.y)


@dataclass(frozen=True, eq=False)
class Quadratic:
    """min ½ (x-a)'Q(x-a) + <slope, x-a> over laws x with G x <= h, for Q (m, m) positive semidefinite and G (K, m)."""

    Q: FloatArray
    slope: FloatArray
    a: FloatArray
    G: FloatArray
    h: FloatArray

    @np.errstate(all="ignore")
    def least(self) -> Least | None:
        """Where it is least, by Mehrotra's steps; None where rounding leaves no direction."""
        now, size = self._start(), self._size
        pairs = now.x.size + now.w.size
        for _ in range(STEPS):
            if now.product <= CLOSE * size:
                break
            factor = self._factored(now)
            if factor is None:
                break
            aimed = now.x * now.z, now.w * now.y
            ahead = self._direction(now, factor, *aimed)
            left = max(now.moved(ahead, _reach(now, ahead)).product, 0.0)
            aim = left * (left / max(now.product, TINY)) ** 2 / pairs
            step = self._direction(now, factor, aimed[0] + ahead.x * ahead.z - aim, aimed[1] + ahead.w * ahead.y - aim)
            share = INSIDE * _reach(now, step)
            further = now.moved(step, share)
            if not (np.isfinite(further.x).all() and np.isfinite(further.product) and share > SHORT):
                break
            now = further
        return Least(now.x / float(now.x.sum()), now.y, now.z) if np.isfinite(now.product) else None

    @property
    def _size(self) -> float:
        return max(float(np.abs(self.slope - self.slope.mean()).max()), TINY)

    def _start(self) -> _State:
        m = self.a.size
        x = 0.5 * self.a + 0.5 / m
        w = np.maximum(self.h - self.G @ x, 0.1 * float(np.abs(self.h).max(initial=0.0)))
        mu = 0.1 * self._size / m
        return _State(x, mu / x, w, mu / w, 0.0)

    def _missed(self, now: _State) -> tuple[FloatArray, FloatArray, float]:
        dual = self.Q @ (now.x - self.a) + self.slope - now.z + self.G.T @ now.y - now.level
        return dual, self.G @ now.x + now.w - self.h, float(now.x.sum()) - 1.0

    def _factored(self, now: _State) -> tuple[FloatArray, bool] | None:
        M = self.Q + (self.G.T * (now.y / now.w)) @ self.G
        diagonal = M.diagonal() + now.z / now.x
        np.fill_diagonal(M, diagonal * (1.0 + RIDGE))
        try:
            factor: tuple[FloatArray, bool] = scipy.linalg.cho_factor(M, overwrite_a=True)
        except (np.linalg.LinAlgError, ValueError):
            return None
        return factor

    def _direction(self, now: _State, factor: tuple[FloatArray, bool], xz: FloatArray, wy: FloatArray) -> _State:
        """The step that takes the products x z and w y away by so much, and every residual to 0."""
        dual, cut, mass = self._missed(now)
        right = -dual - xz / now.x - self.G.T @ ((now.y * cut - wy) / now.w)
        free, even = (scipy.linalg.cho_solve(factor, b) for b in (right, np.ones(now.x.size)))
        level = (-mass - float(free.sum())) / float(even.sum())
        x = free + level * even
        w = -cut - self.G @ x
        return _State(x, (-xz - now.z * x) / now.x, w, (-wy - now.y * w) / now.w, level)


def _reach(now: _State, step: _State) -> float:
    """The share of a step at which the first slack or price would be 0; at most 1."""
    pairs = ((now.x, step.x), (now.z, step.z), (now.w, step.w), (now.y, step.y))
    return min([float((-old / new).min(initial=1.0, where=new < 0.0)) for old, new in pairs])
