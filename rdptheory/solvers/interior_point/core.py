"""One primal-dual interior-point iteration for R(D,P), on the dual side.

Unknown are f (n), s (K), the output law r (m) with slack z = -log c (m), the slacks w of the distortions, and for
each ball its multiplier μ with slack; a channel entry is never a variable. With

    X_ij = log p_i + f_i - Σ_k s_k d^k_ij,    B = columns of exp X normalised,    log c_j = lse_j(X) - Σ (A'v)_j,

the conditions are B r = p, E d_k + w_k = D_k, δ + w = P, r z = τ·weight, s w = τ, μ w = τ. Everything but f, s and μ
is eliminated ball by ball (`response`), which leaves one symmetric n x n system

    (diag(B r) + B (H - diag r) B') df = right-hand side

with K + L bordering columns. Cost of an iteration: n²m flops for the product (one or two SYRKs), n³/3 for the
Cholesky factor, about ten passes over an n x m table, and two matrix-vector products for each extra direction. A
transport ball adds its own Cholesky factor of size m and two more products, 9 n³ flops in all for n = m.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.solvers.interior_point.balls import Ball, Own, Relation
from rdptheory.solvers.interior_point.response import LIFTS, respond

__all__ = ["Direction", "Model", "State", "System"]

FAR = 3.0
LEAP = 100.0
ROW_PASSES = 8

Free = tuple[tuple[FloatArray, ...], ...]


@dataclass(frozen=True, eq=False)
class Model:
    """The scaled problem: p (n,), tables with limits 1, entries that no channel may use, balls, weights."""

    p: FloatArray
    tables: tuple[FloatArray, ...]
    forbidden: FloatArray | None
    balls: tuple[Ball, ...]
    weights: FloatArray
    """Of r z, shape (m,), summing to 1."""

    @property
    def shape(self) -> tuple[int, int]:
        n, m = self.tables[0].shape
        return int(n), int(m)

    @cached_property
    def slots(self) -> tuple[slice, ...]:
        """Slices of the pair vectors: r, s, μ, then the own pairs of every ball."""
        priced = sum(ball.priced for ball in self.balls)
        sizes = [self.weights.size, len(self.tables), priced, *(ball.weights.size for ball in self.balls)]
        ends = np.cumsum(sizes)
        return tuple(slice(int(end - size), int(end)) for size, end in zip(sizes, ends, strict=True))

    @cached_property
    def pair_weights(self) -> FloatArray:
        """Weights of all complementary pairs, in the order of `slots`."""
        ones = np.ones(len(self.tables) + sum(ball.priced for ball in self.balls))
        return np.concatenate([self.weights, ones, *(ball.weights for ball in self.balls)])

    def spread(self, priced: FloatArray) -> FloatArray:
        """One number for each ball from one for each priced ball; 0 for the others."""
        full = np.zeros(len(self.balls))
        full[[ball.priced for ball in self.balls]] = priced
        return full


@dataclass(frozen=True, eq=False)
class State:
    """f, the complementary pairs left * right = τ·weight, and the free variables of every ball."""

    f: FloatArray
    left: FloatArray
    right: FloatArray
    free: Free

    def moved(self, step: float, direction: Direction) -> State:
        return State(
            self.f + np.clip(step * direction.f, -LEAP, LEAP),
            self.left + step * direction.left,
            self.right + step * direction.right,
            _combined(self.free, step, direction.free),
        )


@dataclass(frozen=True, eq=False)
class Direction:
    """A change of every part of a `State`."""

    f: FloatArray
    left: FloatArray
    right: FloatArray
    free: Free

    def plus(self, factor: float, other: Direction) -> Direction:
        return Direction(
            self.f + factor * other.f,
            self.left + factor * other.left,
            self.right + factor * other.right,
            _combined(self.free, factor, other.free),
        )

    def longest(self, state: State) -> float:
        """The largest step that keeps every pair at or above 0 (inf if none stops it)."""
        worst = min(float((self.left / state.left).min()), float((self.right / state.right).min()))
        return -1.0 / worst if worst < 0.0 else np.inf


def _combined(first: Free, factor: float, second: Free) -> Free:
    return tuple(
        tuple(a + factor * b for a, b in zip(one, other, strict=True)) for one, other in zip(first, second, strict=True)
    )


@dataclass(eq=False)
class System:
    """The Newton system at one state: evaluated, factored once, solved for any right-hand side."""

    model: Model
    state: State

    def __post_init__(self) -> None:
        model, state = self.model, self.state
        slots = model.slots
        self.r, self.s = state.left[slots[0]], state.left[slots[1]]
        self.z, self.w = state.right[slots[0]], state.right[slots[1]]
        self.mu = model.spread(state.left[slots[2]])
        self.w_mu = model.spread(state.right[slots[2]])
        self.owns = [
            Own(state.left[slot], state.right[slot], free) for slot, free in zip(slots[3:], state.free, strict=True)
        ]
        self.laws = [self.r if ball.image is None else ball.image @ self.r for ball in model.balls]
        self._evaluate()
        for _ in range(ROW_PASSES):  # a row whose own column it fills can be thrown far off: bring it back by scaling
            with np.errstate(divide="ignore"):
                off = np.log(model.p / self.Br)
            if not (np.abs(off) > FAR).any():
                break
            lifted = np.where(np.abs(off) > FAR, np.clip(off, -LEAP, LEAP), 0.0)
            self.state = replace(self.state, f=self.state.f + lifted)
            self._evaluate()

    def _evaluate(self) -> None:
        model = self.model
        n, m = model.shape
        E = np.empty((n, m))
        E[:] = (np.log(model.p) + self.state.f)[:, None]
        for s, table in zip(self.s, model.tables, strict=True):
            E -= s * table
        if model.forbidden is not None:
            E[model.forbidden > 0.0] = -np.inf
        self.top_row = E.argmax(axis=0)
        columns = np.arange(m)
        top = E[self.top_row, columns]
        E -= top
        np.exp(E, out=E)
        E[self.top_row, columns] = 0.0
        others = E.sum(axis=0)  # the exact complement of the largest entry: 1 - B would cancel there
        E[self.top_row, columns] = 1.0
        total = 1.0 + others
        E /= total
        self.B = E
        self.not_top = others / total
        self.lse = top + np.log(total)
        cover = np.zeros(m)
        self.v = [
            ball.v(law, mu, own) for ball, law, mu, own in zip(model.balls, self.laws, self.mu, self.owns, strict=True)
        ]
        for ball, v in zip(model.balls, self.v, strict=True):
            cover += v if ball.image is None else v @ ball.image
        self.log_c = self.lse - cover
        self.Br = E @ self.r
        self.Bd, self.mean_d = [], []
        for table in model.tables:
            product = E * table
            self.Bd.append(product)
            self.mean_d.append(product.sum(axis=0))
        self.distortion = np.array([float(mean @ self.r) for mean in self.mean_d])

    @property
    def tau(self) -> float:
        """Average complementarity: the gap of the pairs over the total weight."""
        return float(self.state.left @ self.state.right) / float(self.model.pair_weights.sum())

    def with_slacks_reset(self) -> System:
        """Slacks raised to what the constraints really leave."""
        slots = self.model.slots
        right = self.state.right.copy()
        right[slots[1]] = np.maximum(self.w, 1.0 - self.distortion)
        over = [ball.row(law, 0.0, own) for ball, law, own in zip(self.model.balls, self.laws, self.owns, strict=True)]
        priced = [ball.priced for ball in self.model.balls]
        right[slots[2]] = np.maximum(self.w_mu, -np.array(over))[priced]
        self.state = replace(self.state, right=right)
        self.w, self.w_mu = right[slots[1]], self.model.spread(right[slots[2]])
        return self

    def residuals(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Rows (n,), slack of the columns (m,), distortions (K,), balls."""
        model = self.model
        rows = self.Br * np.log(model.p / self.Br)
        if any(ball.balanced for ball in model.balls):
            rows -= self.Br * ((rows.sum() - (model.p - self.Br).sum()) / self.Br.sum())
        balls = [
            ball.row(law, w, own)
            for ball, law, w, own in zip(model.balls, self.laws, self.w_mu, self.owns, strict=True)
        ]
        return rows, self.log_c + self.z, self.distortion + self.w - 1.0, np.array(balls)

    def broken(self) -> float:
        """By what share of its radius a ball is broken."""
        shares = [
            -ball.slack(law, own) / ball.P
            for ball, law, own in zip(self.model.balls, self.laws, self.owns, strict=True)
            if ball.priced
        ]
        return max(shares, default=0.0)

    def settled(self, tolerance: float) -> bool:
        """Whether the linear conditions hold well enough for a gap of `tolerance`."""
        rows, columns, excess, over = self.residuals()
        worst = max(float(np.abs(rows).sum()), float(self.r @ np.abs(columns)), *np.abs(excess), *np.abs(over))
        return bool(worst <= tolerance)

    def factor(self) -> bool:
        """Form and factor the n x n matrix; False if it cannot be factored."""
        model = self.model
        self.relations = self._relations(np.zeros_like(self.state.left), residual=False)
        self.response = respond(model.balls, self.relations, self.r, self.z)
        B, r, h = self.B, self.r, self.response.weights
        weight = h - r
        M = np.zeros((model.p.size, model.p.size))
        for sign in (1.0, -1.0):  # SYRK wants weights of one sign
            chosen = sign * weight > 0.0
            if chosen.any():
                part = (B if chosen.all() else B[:, chosen]) * np.sqrt(sign * weight[chosen])
                M += sign * (part @ part.T)
                del part
        scratch = B * weight
        scratch += r
        columns = np.arange(r.size)
        scratch[self.top_row, columns] = r * self.not_top + h * B[self.top_row, columns]
        diagonal = np.einsum("ij,ij->i", B, scratch)
        del scratch
        diagonal = self.response.gram(B, M, diagonal)
        if any(ball.level_free for ball in model.balls):  # f and v may move by a constant together: pin it
            M += np.outer(self.Br, self.Br)
            diagonal = diagonal + self.Br**2
        if not (np.isfinite(diagonal).all() and (diagonal > 0.0).all()):
            return False
        self.scale = 1.0 / np.sqrt(diagonal)
        M *= self.scale
        M *= self.scale[:, None]
        for lift in LIFTS:
            np.fill_diagonal(M, 1.0 + lift)
            self.cholesky, info = scipy.linalg.lapack.dpotrf(M.T, lower=1)
            if info == 0:
                self._border()
                return True
        return False

    def _relations(self, targets: FloatArray, *, residual: bool) -> list[Relation]:
        return [
            ball.relation(law, mu, own, targets[slot], residual)
            for ball, law, mu, own, slot in zip(
                self.model.balls, self.laws, self.mu, self.owns, self.model.slots[3:], strict=True
            )
        ]

    def _solve(self, right: FloatArray) -> FloatArray:
        solved, _ = scipy.linalg.lapack.dpotrs(self.cholesky, self.scale * right, lower=1)
        return np.asarray(self.scale * solved)

    def _border(self) -> None:
        """Responses to a unit change of every s_k and μ_l, and the small matrix that couples them."""
        model = self.model
        self.tilt = [Bd @ self.r - self.B @ (self.r * mean) for Bd, mean in zip(self.Bd, self.mean_d, strict=True)]
        self.priced = [number for number, ball in enumerate(model.balls) if ball.priced]
        none = np.zeros(len(model.balls))
        self.unit: list[tuple[FloatArray, FloatArray, list[FloatArray]]] = []
        for tilt, mean in zip(self.tilt, self.mean_d, strict=True):
            df = self._solve(tilt - self.B @ self.response.solve(-mean, None, none)[0])
            self.unit.append((df, *self.response.solve(df @ self.B - mean, None, none)))
        for number in self.priced:
            one = none.copy()
            one[number] = 1.0
            df = -self._solve(self.B @ self.response.solve(np.zeros_like(self.r), None, one)[0])
            self.unit.append((df, *self.response.solve(df @ self.B, None, one)))
        K = len(model.tables)
        size = K + len(self.priced)
        self.small = np.empty((size, size))
        for column, unit in enumerate(self.unit):
            self.small[:, column] = self._rows(*unit)
        for k in range(K):
            for other in range(K):
                mixed = np.einsum("ij,ij->j", self.Bd[k], model.tables[other])
                self.small[k, other] -= float(self.r @ (mixed - self.mean_d[k] * self.mean_d[other]))
            self.small[k, k] -= self.w[k] / self.s[k]
        for place, number in enumerate(self.priced, start=K):
            self.small[place, place] -= (
                self.response.kappa(self.relations[number]) + self.w_mu[number] / self.mu[number]
            )

    def _rows(self, df: FloatArray, dr: FloatArray, dv: list[FloatArray]) -> FloatArray:
        rows = [float(mean @ dr + tilt @ df) for mean, tilt in zip(self.mean_d, self.tilt, strict=True)]
        rows += [self.response.row(number, self.relations[number], dr, dv) for number in self.priced]
        return np.array(rows)

    def direction(self, targets: FloatArray, *, residual: bool) -> Direction:
        """Solve for the step that changes every pair product by `targets` to first order, with or without residuals."""
        model = self.model
        K = len(model.tables)
        relations = self._relations(targets, residual=residual)
        if residual:
            rows, columns, excess, over = self.residuals()
        else:
            rows, columns = np.zeros_like(model.p), np.zeros_like(self.r)
            excess, over = np.zeros(K), np.zeros(len(model.balls))
        targets_r, targets_s, targets_mu = (targets[slot] for slot in model.slots[:3])
        push = columns + targets_r / self.r
        none = np.zeros(len(model.balls))
        df = self._solve(rows - self.B @ self.response.solve(push, relations, none)[0])
        dr, dv = self.response.solve(push + df @ self.B, relations, none)
        constant = np.array([self.response.constant(relations[number]) for number in self.priced])
        mu, w_mu = self.state.left[model.slots[2]], self.state.right[model.slots[2]]
        wanted = -np.concatenate([excess + targets_s / self.s, over[self.priced] + constant + targets_mu / mu])
        change = wanted - self._rows(df, dr, dv)
        if change.size:
            try:
                change = np.asarray(np.linalg.solve(self.small, change), dtype=np.float64)
            except np.linalg.LinAlgError:
                change = np.asarray(np.linalg.lstsq(self.small, change, rcond=None)[0], dtype=np.float64)
        for amount, (unit_f, unit_r, unit_v) in zip(change, self.unit, strict=True):
            df += amount * unit_f
            dr += amount * unit_r
            dv = [one + amount * other for one, other in zip(dv, unit_v, strict=True)]
        ds, dmu = change[:K], change[K:]
        owns = [
            ball.move(mu_own, own, targets[slot], residual, dv_own, dmu_own)
            for ball, mu_own, own, slot, dv_own, dmu_own in zip(
                model.balls, self.mu, self.owns, model.slots[3:], dv, model.spread(dmu), strict=True
            )
        ]
        left = [dr, ds, dmu, *(own.left for own in owns)]
        right = [
            (targets_r - self.z * dr) / self.r,
            (targets_s - self.w * ds) / self.s,
            (targets_mu - w_mu * dmu) / mu,
            *(own.right for own in owns),
        ]
        return Direction(df, np.concatenate(left), np.concatenate(right), tuple(own.free for own in owns))
