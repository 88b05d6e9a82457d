"""Perception balls as the interior point sees them: one linear relation and one row each.

A ball δ(q, ρ) <= P on ρ = A r, with multiplier vector v, multiplier μ and slack w, ties the changes of these by

    dρ = e + S dv - b dμ,        b'dv - κ dμ + c + dw = -(residual of the ball's own row).

An f-divergence has v = μ φ'(ρ/q), so v is no variable at all. Total variation keeps v in the box |v| <= μ/2, with
multipliers α, β of the two sides. Optimal transport has v_j <= φ_i + μ c_ij, whose multipliers are the plan γ. A
prescribed law (P = 0) leaves v free and has no μ.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rdptheory._types import FloatArray
from rdptheory.divergences import SmoothFDivergence, TotalVariation, TransportDivergence
from rdptheory.errors import InvalidInput
from rdptheory.problems import PerceptionLimit

__all__ = ["Ball", "Begin", "BoxBall", "FixedLaw", "Own", "Relation", "SmoothBall", "TransportBall", "make_ball"]


@dataclass(frozen=True, eq=False)
class Relation:
    """The linearised ball. `S` has shape (k,) if diagonal, else (k, k); b and e have shape (k,)."""

    S: FloatArray
    b: FloatArray
    e: FloatArray
    kappa: float
    c: float
    inverse: Inverse | None = None
    """The same solved for dv, of a diagonal ball; it stays finite where S does not."""


@dataclass(frozen=True, eq=False)
class Inverse:
    """dv = G dρ + y dμ + g,    y'dρ - κ dμ + c + dw = ..., with arrays of shape (k,)."""

    G: FloatArray
    y: FloatArray
    g: FloatArray
    kappa: float
    c: float


@dataclass(frozen=True, eq=False)
class Own:
    """The part of the state that belongs to one ball: extra complementary pairs and free variables."""

    left: FloatArray
    right: FloatArray
    free: tuple[FloatArray, ...]
    notes: list[_Reduced] = field(default_factory=list, repr=False)

    def memo(self, compute: Callable[[Own], _Reduced]) -> _Reduced:
        """What `compute` says of this state, computed once."""
        if not self.notes:
            self.notes.append(compute(self))
        return self.notes[0]


@dataclass(frozen=True, eq=False)
class Begin:
    """Where a ball starts: μ, its slack, its own variables."""

    mu: float
    w: float
    own: Own


NOTHING = np.empty(0)
EPSILON = 4.0 * float(np.finfo(np.float64).eps)
BAND, HEAVY = 0.25, 4.0
PINCHED = 1e-11  # mass that may move against a cost where none may
EMPTY = Own(NOTHING, NOTHING, ())


@dataclass(frozen=True, eq=False, kw_only=True)
class Ball(ABC):
    """A ball of radius P around q, shape (k,), with its image A, shape (k, m) (None for the identity)."""

    q: FloatArray
    P: float
    image: FloatArray | None = None
    priced: ClassVar[bool] = True
    """Whether it has a multiplier μ."""
    diagonal: ClassVar[bool] = True
    level_free: ClassVar[bool] = False
    """Whether a constant can be moved between f and v."""
    balanced: ClassVar[bool] = False
    """Whether the mass of the output law is held by the row residual alone."""

    @property
    def weights(self) -> FloatArray:
        """Weights of the ball's own pairs."""
        return NOTHING

    def restricted(self, columns: NDArray[np.bool_]) -> Ball:
        """The same ball once the output alphabet has lost some symbols."""
        if self.image is not None:
            return replace(self, image=np.ascontiguousarray(self.image[:, columns]))
        return replace(self, q=self.q[columns])

    @abstractmethod
    def begin(self, law: FloatArray, room: float) -> Begin:
        """A start near the law; `room` is the complementarity of the rest."""

    @abstractmethod
    def v(self, law: FloatArray, mu: float, own: Own) -> FloatArray:
        """The multiplier vector, shape (k,)."""

    @abstractmethod
    def slack(self, law: FloatArray, own: Own) -> float:
        """P - δ(q, law), or a lower bound on it; a law of mass other than 1 is welcome."""

    @abstractmethod
    def row(self, law: FloatArray, w: float, own: Own) -> float:
        """Residual of the ball's own row."""

    @abstractmethod
    def relation(self, law: FloatArray, mu: float, own: Own, targets: FloatArray, residual: bool) -> Relation:
        """The linearisation; `targets` are the wanted changes of the ball's own pair products."""

    def move(self, mu: float, own: Own, targets: FloatArray, residual: bool, dv: FloatArray, dmu: float) -> Own:
        """The change of the ball's own variables."""
        return EMPTY


@dataclass(frozen=True, eq=False, kw_only=True)
class SmoothBall(Ball):
    """An f-divergence ball."""

    divergence: SmoothFDivergence

    def begin(self, law: FloatArray, room: float) -> Begin:
        return Begin(1.0, 0.5 * self.P, EMPTY)

    def v(self, law: FloatArray, mu: float, own: Own) -> FloatArray:
        return mu * self._slope(law)

    def slack(self, law: FloatArray, own: Own) -> float:
        held = self.q > 0.0
        value = float(self.q[held] @ self.divergence.phi(law[held] / self.q[held]))
        if not held.all():
            value += self.divergence.recession * float(law[~held].sum())
        return self.P - value

    def row(self, law: FloatArray, w: float, own: Own) -> float:
        return w - self.slack(law, own)

    def relation(self, law: FloatArray, mu: float, own: Own, targets: FloatArray, residual: bool) -> Relation:
        held = self.q > 0.0
        S, G, y = np.full_like(self.q, np.inf), np.zeros_like(self.q), self._slope(law)
        S[held] = self.q[held] / (mu * self.divergence.curvature(law[held] / self.q[held]))
        G[held] = 1.0 / S[held]
        b = np.where(held, S, 0.0) * y
        zero = np.zeros_like(self.q)
        return Relation(S, b, zero, float(b @ np.where(held, y, 0.0)), 0.0, Inverse(G, y, zero, 0.0, 0.0))

    def _slope(self, law: FloatArray) -> FloatArray:
        held = self.q > 0.0
        y = np.full_like(self.q, self.divergence.recession)
        y[held] = self.divergence.slope(law[held] / self.q[held])
        return y


@dataclass(frozen=True, eq=False, kw_only=True)
class BoxBall(Ball):
    """A total-variation ball: pairs (α, u) and (β, l) with u = μ/2 - v, l = μ/2 + v."""

    balanced: ClassVar[bool] = True

    @property
    def weights(self) -> FloatArray:
        return np.full(2 * self.q.size, 1.0 / self.q.size)

    def begin(self, law: FloatArray, room: float) -> Begin:
        k = self.q.size
        mu = max(0.1, room / self.P)
        return Begin(mu, 0.2 * self.P, Own(np.full(2 * k, 0.4 * self.P / k), np.full(2 * k, 0.5 * mu), (np.zeros(k),)))

    def v(self, law: FloatArray, mu: float, own: Own) -> FloatArray:
        return own.free[0]

    def slack(self, law: FloatArray, own: Own) -> float:
        return self.P - 0.5 * float(np.abs(law - self.q).sum())

    def row(self, law: FloatArray, w: float, own: Own) -> float:
        return 0.5 * float(own.left.sum()) + w - self.P

    def relation(self, law: FloatArray, mu: float, own: Own, targets: FloatArray, residual: bool) -> Relation:
        k = self.q.size
        ratio, pushed = own.left / own.right, targets / own.right
        if residual:
            pushed = pushed + ratio * self._misses(mu, own)
        upper, lower = ratio[:k], ratio[k:]
        e = pushed[:k] - pushed[k:]
        if residual:
            e = e + (self.q - law + own.left[:k] - own.left[k:])
        S, b = upper + lower, 0.5 * (upper - lower)
        y, half = b / S, 0.5 * float(pushed.sum())
        kappa = float((upper * lower / S).sum())
        inverse = Inverse(1.0 / S, y, -e / S, kappa, half - float(y @ e))
        return Relation(S, b, e, 0.25 * float(S.sum()), half, inverse)

    def move(self, mu: float, own: Own, targets: FloatArray, residual: bool, dv: FloatArray, dmu: float) -> Own:
        right = 0.5 * dmu - np.concatenate([dv, -dv])
        if residual:
            right = right - self._misses(mu, own)
        return Own((targets - own.left * right) / own.right, right, (dv,))

    @staticmethod
    def _misses(mu: float, own: Own) -> FloatArray:
        v = own.free[0]
        return np.concatenate([v, -v]) + own.right - 0.5 * mu


@dataclass(frozen=True, eq=False, kw_only=True)
class TransportBall(Ball):
    """An optimal-transport ball: pairs (γ_ij, w_ij) with w_ij = φ_i + μ c_ij - v_j, stored row by row."""

    cost: FloatArray
    guess: FloatArray
    """The law the weights expect, shape (m',)."""
    diagonal: ClassVar[bool] = False
    level_free: ClassVar[bool] = True

    @cached_property
    def weights(self) -> FloatArray:
        """Wide around the diagonal: near the plan w is a narrow valley, and even weights step over it. Heavy beside
        those of r: a plan that settles before the law it couples has to move its mass symbol by symbol."""
        spread = np.maximum(np.minimum(self.q[:, None], self.guess[None, :]), 0.1 / self.guess.size)
        spread /= 1.0 + self.cost / (BAND * self.P)
        return np.asarray((spread * (HEAVY / spread.sum())).ravel())

    def restricted(self, columns: NDArray[np.bool_]) -> Ball:
        if self.image is not None:
            return super().restricted(columns)
        return replace(self, cost=np.ascontiguousarray(self.cost[:, columns]), guess=self.guess[columns])

    def begin(self, law: FloatArray, room: float) -> Begin:
        k, m = self.cost.shape
        share = room * self.weights.reshape(k, m)
        t = room / self.P
        phi, gamma = self._plan(share, t)
        for _ in range(40):
            spent = float(np.vdot(gamma, self.cost)) / self.P
            if 0.2 <= spent <= 0.6:
                break
            t *= 2.0 if spent > 0.6 else 0.6
            phi, gamma = self._plan(share, t)
        w = phi[:, None] + t * self.cost
        left = max(0.2 * self.P, self.P - float(np.vdot(gamma, self.cost)))
        return Begin(t, left, Own(gamma.ravel(), w.ravel(), (np.zeros(m), phi)))

    def _plan(self, share: FloatArray, t: float) -> tuple[FloatArray, FloatArray]:
        """φ with row sums of γ = share / (φ + t c) equal to q: Newton from the left of a convex decreasing function."""
        phi = (share / self.q[:, None] - t * self.cost).max(axis=1)
        for _ in range(60):
            gamma = share / (phi[:, None] + t * self.cost)
            excess = gamma.sum(axis=1) - self.q
            if (np.abs(excess) <= 1e-10 * self.q).all():
                break
            phi = phi + excess / (gamma / (phi[:, None] + t * self.cost)).sum(axis=1)
        return phi, share / (phi[:, None] + t * self.cost)

    def v(self, law: FloatArray, mu: float, own: Own) -> FloatArray:
        return own.free[0]

    def plan(self, own: Own) -> FloatArray:
        """γ, shape (k, m)."""
        return own.left.reshape(self.cost.shape)

    def slack(self, law: FloatArray, own: Own) -> float:
        return self.P - float(own.left @ self.cost.ravel())

    def row(self, law: FloatArray, w: float, own: Own) -> float:
        return w - self.slack(law, own)

    def relation(self, law: FloatArray, mu: float, own: Own, targets: FloatArray, residual: bool) -> Relation:
        shape = self.cost.shape
        fixed = own.memo(self._reduced)
        pushed = (targets / own.right).reshape(shape)
        miss_rows, miss_columns = np.zeros(shape[0]), np.zeros(shape[1])
        if residual:
            gamma = self.plan(own)
            miss_rows, miss_columns = self.q - gamma.sum(axis=1), law - gamma.sum(axis=0)
        shift = (pushed.sum(axis=1) - miss_rows) / fixed.rows
        e = pushed.sum(axis=0) - miss_columns - shift @ fixed.theta
        c = float(np.vdot(pushed, self.cost)) - float((fixed.lean * fixed.rows) @ shift)
        return Relation(fixed.S, fixed.b, e, fixed.kappa, c)

    def move(self, mu: float, own: Own, targets: FloatArray, residual: bool, dv: FloatArray, dmu: float) -> Own:
        shape = self.cost.shape
        fixed = own.memo(self._reduced)
        pushed = (targets / own.right).reshape(shape)
        missing = self.q - self.plan(own).sum(axis=1) if residual else np.zeros(shape[0])
        dphi = (fixed.theta @ dv + pushed.sum(axis=1) - missing) / fixed.rows - fixed.lean * dmu
        dw = dmu * self.cost
        dw += dphi[:, None]
        dw -= dv
        if residual:
            miss = own.right.reshape(shape) - (own.free[1][:, None] + mu * self.cost - own.free[0])
            noise = EPSILON * (np.abs(own.free[1]).max() + mu * self.cost.max() + np.abs(own.free[0]).max())
            dw -= np.where(np.abs(miss) > noise, miss, 0.0)  # rounding is not to be followed: w can be smaller still
        pushed -= fixed.theta * dw
        return Own(pushed.ravel(), dw.ravel(), (dv, dphi))

    def _reduced(self, own: Own) -> _Reduced:
        theta = (own.left / own.right).reshape(self.cost.shape)
        weighted = theta * self.cost
        rows = theta.sum(axis=1)
        lean = weighted.sum(axis=1) / rows
        scaled = theta / np.sqrt(rows)[:, None]
        S = -(scaled.T @ scaled)
        np.fill_diagonal(S, 0.0)
        np.fill_diagonal(S, -S.sum(axis=1))
        kappa = float(np.vdot(weighted, self.cost)) - float((lean * lean) @ rows)
        return _Reduced(theta, rows, lean, S, weighted.sum(axis=0) - lean @ theta, kappa)


@dataclass(frozen=True, eq=False)
class _Reduced:
    """What a transport ball computes once for each state: γ/w, its row sums, the row means of c, and the relation."""

    theta: FloatArray
    rows: FloatArray
    lean: FloatArray
    S: FloatArray
    b: FloatArray
    kappa: float


@dataclass(frozen=True, eq=False, kw_only=True)
class FixedLaw(Ball):
    """P = 0 on an image of the law: ρ = q, with v free."""

    priced: ClassVar[bool] = False
    diagonal: ClassVar[bool] = False
    level_free: ClassVar[bool] = True

    def begin(self, law: FloatArray, room: float) -> Begin:
        return Begin(0.0, 0.0, Own(NOTHING, NOTHING, (np.zeros(self.q.size),)))

    def v(self, law: FloatArray, mu: float, own: Own) -> FloatArray:
        return own.free[0]

    def slack(self, law: FloatArray, own: Own) -> float:
        return -float(np.abs(law - self.q).sum())

    def row(self, law: FloatArray, w: float, own: Own) -> float:
        return float(np.abs(law - self.q).sum())

    def relation(self, law: FloatArray, mu: float, own: Own, targets: FloatArray, residual: bool) -> Relation:
        zero = np.zeros_like(self.q)
        return Relation(zero, zero, self.q - law if residual else zero, 0.0, 0.0)

    def move(self, mu: float, own: Own, targets: FloatArray, residual: bool, dv: FloatArray, dmu: float) -> Own:
        return Own(NOTHING, NOTHING, (dv,))


def make_ball(limit: PerceptionLimit) -> Ball:
    """The ball of a perception limit with P < inf."""
    divergence, q, P, image = limit.divergence, limit.reference, limit.limit, limit.image
    if P == 0.0 and not limit.has_zero_cost_moves:
        return FixedLaw(q=q, P=P, image=image)
    if isinstance(divergence, TotalVariation):
        return BoxBall(q=q, P=P, image=image)
    if isinstance(divergence, SmoothFDivergence):
        return SmoothBall(divergence=divergence, q=q, P=P, image=image)
    if isinstance(divergence, TransportDivergence):
        rows = q > 0.0
        guess = q if divergence.faithful else np.full(divergence.cost.shape[1], 1.0)
        cost = divergence.cost[rows]
        if limit.is_zero_radius and limit.has_zero_cost_moves:  # what moves at no cost is free, and nothing else
            cost, P = np.where(cost > 0.0, 1.0, 0.0), PINCHED
        least = cost.min(axis=1)  # spent by every plan: the same plans keep what is left of P
        left = P - float(q[rows] @ least)
        if left > 0.0:
            cost, P = cost - least[:, None], left
        cost = np.ascontiguousarray(cost)
        return TransportBall(q=q[rows], P=P, image=image, cost=cost, guess=guess / guess.sum())
    raise InvalidInput("perception", divergence, "has no interior point; use an f-divergence or a transport divergence")
