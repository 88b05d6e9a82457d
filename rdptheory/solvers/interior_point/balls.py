"""Perception balls as the interior point sees them: one linear relation each.

A ball δ(q, ρ) <= P on ρ = A r, with multiplier μ and slack w, ties the change of its multiplier vector v to those of
ρ and μ, and adds one row:

    dv = G dρ + y dμ + g,        y'dρ - κ dμ + c + dw = -(δ + w - P).

An f-divergence has v = μ φ'(ρ/q), so v is no variable at all and g = κ = c = 0. Total variation keeps v in the box
|v| <= μ/2, with multipliers α, β of the two sides and slacks u, l.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.divergences import SmoothFDivergence, TotalVariation
from rdptheory.problems import PerceptionLimit

__all__ = ["Ball", "BoxBall", "BoxState", "Relation", "SmoothBall", "make_ball"]


@dataclass(frozen=True, eq=False)
class Relation:
    """The linearised ball, see the module; G, y, g of shape (k,)."""

    G: FloatArray
    y: FloatArray
    g: FloatArray
    kappa: float
    c: float


@dataclass(eq=False)
class BoxState:
    """The part of the state that only a box ball has; arrays of shape (k,)."""

    v: FloatArray
    alpha: FloatArray
    beta: FloatArray
    u: FloatArray
    l: FloatArray  # noqa: E741 (the lower slack, beside u)


@dataclass(frozen=True, eq=False, kw_only=True)
class Ball(ABC):
    """A ball of radius P around q, shape (k,), with its image A, shape (k, m) (None for the identity)."""

    q: FloatArray
    P: float
    image: FloatArray | None = None
    boxed: ClassVar[bool] = False

    @abstractmethod
    def v(self, law: FloatArray, mu: float, box: BoxState | None) -> FloatArray:
        """The multiplier vector, shape (k,)."""

    @abstractmethod
    def slack(self, law: FloatArray) -> float:
        """P - δ(q, law); a law of mass other than 1 is welcome."""

    @abstractmethod
    def row(self, law: FloatArray, w: float, box: BoxState | None) -> float:
        """Residual of the ball's own row."""

    @abstractmethod
    def relation(
        self, law: FloatArray, mu: float, box: BoxState | None, targets: tuple[FloatArray, FloatArray], residual: bool
    ) -> Relation:
        """The linearisation; `targets` are the wanted changes of α u and β l (read by a box ball only)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SmoothBall(Ball):
    """An f-divergence ball around q of radius P."""

    divergence: SmoothFDivergence

    def v(self, law: FloatArray, mu: float, box: BoxState | None) -> FloatArray:
        return mu * self._slope(law)

    def slack(self, law: FloatArray) -> float:
        held = self.q > 0.0
        value = float(self.q[held] @ self.divergence.phi(law[held] / self.q[held]))
        if not held.all():
            value += self.divergence.recession * float(law[~held].sum())
        return self.P - value

    def row(self, law: FloatArray, w: float, box: BoxState | None) -> float:
        return w - self.slack(law)

    def relation(
        self, law: FloatArray, mu: float, box: BoxState | None, targets: tuple[FloatArray, FloatArray], residual: bool
    ) -> Relation:
        held = self.q > 0.0
        G = np.zeros_like(self.q)
        G[held] = mu * self.divergence.curvature(law[held] / self.q[held]) / self.q[held]
        return Relation(G, self._slope(law), np.zeros_like(self.q), 0.0, 0.0)

    def _slope(self, law: FloatArray) -> FloatArray:
        held = self.q > 0.0
        y = np.full_like(self.q, self.divergence.recession)
        y[held] = self.divergence.slope(law[held] / self.q[held])
        return y


@dataclass(frozen=True, eq=False, kw_only=True)
class BoxBall(Ball):
    """A total-variation ball around q of radius P."""

    boxed: ClassVar[bool] = True

    def v(self, law: FloatArray, mu: float, box: BoxState | None) -> FloatArray:
        assert box is not None
        return box.v

    def slack(self, law: FloatArray) -> float:
        return self.P - 0.5 * float(np.abs(law - self.q).sum())

    def row(self, law: FloatArray, w: float, box: BoxState | None) -> float:
        assert box is not None
        return 0.5 * float(box.alpha.sum() + box.beta.sum()) + w - self.P

    def relation(
        self, law: FloatArray, mu: float, box: BoxState | None, targets: tuple[FloatArray, FloatArray], residual: bool
    ) -> Relation:
        assert box is not None
        upper, lower = box.alpha / box.u, box.beta / box.l
        a = upper + lower
        from_upper, from_lower = targets[0] / box.u, targets[1] / box.l
        e = from_upper - from_lower
        if residual:
            miss_u, miss_l = self.misses(mu, box)
            from_upper, from_lower = from_upper + upper * miss_u, from_lower + lower * miss_l
            e = from_upper - from_lower + (self.q - law + box.alpha - box.beta)
        y = 0.5 * (upper - lower) / a
        kappa = float((upper * lower / a).sum())
        return Relation(1.0 / a, y, -e / a, kappa, 0.5 * float((from_upper + from_lower).sum()) - float(y @ e))

    @staticmethod
    def misses(mu: float, box: BoxState) -> tuple[FloatArray, FloatArray]:
        """Residuals of u = μ/2 - v and l = μ/2 + v."""
        return box.v + box.u - 0.5 * mu, box.l - box.v - 0.5 * mu


def make_ball(limit: PerceptionLimit) -> Ball:
    """The ball of a perception limit with 0 < P < inf."""
    divergence = limit.divergence
    if isinstance(divergence, TotalVariation):
        return BoxBall(q=limit.reference, P=limit.limit, image=limit.image)
    assert isinstance(divergence, SmoothFDivergence)
    return SmoothBall(divergence=divergence, q=limit.reference, P=limit.limit, image=limit.image)
