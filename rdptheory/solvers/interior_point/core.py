"""One primal-dual interior-point iteration for R(D,P), on the dual side.

Unknown are f (n), s (K), the output law r (m) with slack z = -log c (m), the slacks w of the distortions, and for
each ball its multiplier μ with slack; a channel entry is never a variable. With

    X_ij = log p_i + f_i - Σ_k s_k d^k_ij,    B = columns of exp X normalised,    log c_j = lse_j(X) - v_j,

the conditions are B r = p, E d_k + w_k = D_k, δ + w = P, r z = τ·weight, s w = τ, μ w = τ. Everything but f, s and μ
is eliminated symbol by symbol, which leaves one symmetric n x n system

    (diag(B r) + B (H - diag r) B') df = right-hand side,    H = (diag(z/r) + Σ A'GA)^-1,

with K + L bordering columns. Cost of an iteration: n²m flops for the product (one or two SYRKs), n³/3 for the
Cholesky factor, about ten passes over an n x m table, and two matrix-vector products for each extra direction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.solvers.interior_point.balls import Ball, BoxState, Relation

__all__ = ["Direction", "Model", "State", "System"]

FAR = 3.0
LEAP = 100.0
ROW_PASSES = 8


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
        n, m = self.tables[0].shape if self.tables else (self.p.size, self.weights.size)
        return int(n), int(m)

    @property
    def slots(self) -> list[slice]:
        """Slices of the pair vectors: r, s, μ, then α and β of every box ball."""
        sizes = [self.weights.size, len(self.tables), len(self.balls)]
        for ball in self.balls:
            if ball.boxed:
                sizes += [ball.q.size, ball.q.size]
        ends = np.cumsum(sizes)
        return [slice(int(end - size), int(end)) for size, end in zip(sizes, ends, strict=True)]

    @property
    def pair_weights(self) -> FloatArray:
        """Weights of all complementary pairs, in the order of `slots`."""
        parts = [self.weights, np.ones(len(self.tables) + len(self.balls))]
        for ball in self.balls:
            if ball.boxed:
                even = np.full(ball.q.size, 1.0 / ball.q.size)
                parts += [even, even]
        return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class State:
    """f, the complementary pairs left * right = τ·weight, and v of the box balls."""

    f: FloatArray
    left: FloatArray
    right: FloatArray
    free: tuple[FloatArray, ...]

    def moved(self, step: float, direction: Direction) -> State:
        return State(
            self.f + np.clip(step * direction.f, -LEAP, LEAP),
            self.left + step * direction.left,
            self.right + step * direction.right,
            tuple(v + step * dv for v, dv in zip(self.free, direction.free, strict=True)),
        )


@dataclass(frozen=True, eq=False)
class Direction:
    """A change of every part of a `State`."""

    f: FloatArray
    left: FloatArray
    right: FloatArray
    free: tuple[FloatArray, ...]

    def plus(self, factor: float, other: Direction) -> Direction:
        return Direction(
            self.f + factor * other.f,
            self.left + factor * other.left,
            self.right + factor * other.right,
            tuple(a + factor * b for a, b in zip(self.free, other.free, strict=True)),
        )

    def longest(self, state: State) -> float:
        """The largest step that keeps every pair at or above 0 (inf if none stops it)."""
        ratio = np.concatenate([self.left / state.left, self.right / state.right])
        worst = float(ratio.min())
        return -1.0 / worst if worst < 0.0 else np.inf


@dataclass(eq=False)
class System:
    """The Newton system at one state: evaluated, factored once, solved for any right-hand side."""

    model: Model
    state: State

    def __post_init__(self) -> None:
        model, state = self.model, self.state
        slots = model.slots
        self.slots = slots
        self.r, self.s, self.mu = (state.left[slot] for slot in slots[:3])
        self.z, self.w, self.w_mu = (state.right[slot] for slot in slots[:3])
        self.boxes: list[BoxState | None] = []
        place, number = 3, 0
        for ball in model.balls:
            if ball.boxed:
                upper, lower = slots[place], slots[place + 1]
                self.boxes.append(
                    BoxState(
                        state.free[number], state.left[upper], state.left[lower], state.right[upper], state.right[lower]
                    )
                )
                place, number = place + 2, number + 1
            else:
                self.boxes.append(None)
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
            ball.v(law, mu, box) for ball, law, mu, box in zip(model.balls, self.laws, self.mu, self.boxes, strict=True)
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
        right = self.state.right.copy()
        right[self.slots[1]] = np.maximum(self.w, 1.0 - self.distortion)
        over = [ball.row(law, 0.0, box) for ball, law, box in zip(self.model.balls, self.laws, self.boxes, strict=True)]
        right[self.slots[2]] = np.maximum(self.w_mu, -np.array(over))
        self.state = replace(self.state, right=right)
        self.w, self.w_mu = right[self.slots[1]], right[self.slots[2]]
        return self

    def residuals(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Rows (n,), slack of the columns (m,), distortions (K,), balls (L,)."""
        model = self.model
        rows = self.Br * np.log(model.p / self.Br)
        if any(ball.boxed for ball in model.balls):  # with a box the mass of the law is held by this residual alone
            rows -= self.Br * ((rows.sum() - (model.p - self.Br).sum()) / self.Br.sum())
        balls = [
            ball.row(law, w, box)
            for ball, law, w, box in zip(model.balls, self.laws, self.w_mu, self.boxes, strict=True)
        ]
        return rows, self.log_c + self.z, self.distortion + self.w - 1.0, np.array(balls)

    def broken(self) -> float:
        """By what share of its radius a ball is broken."""
        shares = [-ball.slack(law) / ball.P for ball, law in zip(self.model.balls, self.laws, strict=True)]
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
        inverse = self.z / self.r
        for ball, relation in zip(model.balls, self.relations, strict=True):
            if ball.image is None:
                inverse = inverse + relation.G
        self.h = 1.0 / inverse
        self.images = _Images.of(model.balls, self.relations, self.h)
        B, r, h = self.B, self.r, self.h
        weight = h - r
        M = np.zeros((model.p.size, model.p.size))
        for sign in (1.0, -1.0):  # SYRK wants weights of one sign
            chosen = sign * weight > 0.0
            if chosen.any():
                part = B[:, chosen] * np.sqrt(sign * weight[chosen]) if not chosen.all() else B * np.sqrt(sign * weight)
                M += sign * (part @ part.T)
        scratch = B * weight
        scratch += r
        columns = np.arange(r.size)
        scratch[self.top_row, columns] = r * self.not_top + h * B[self.top_row, columns]
        diagonal = np.einsum("ij,ij->i", B, scratch)
        del scratch
        if self.images is not None:
            low = self.images.half(B.T).T
            M -= low @ low.T
            diagonal = diagonal - np.einsum("ij,ij->i", low, low)
        if not (np.isfinite(diagonal).all() and (diagonal > 0.0).all()):
            return False
        self.scale = 1.0 / np.sqrt(diagonal)
        M *= self.scale
        M *= self.scale[:, None]
        for lift in (0.0, 1e-14, 1e-12, 1e-10, 1e-8):
            np.fill_diagonal(M, 1.0 + lift)
            self.cholesky, info = scipy.linalg.lapack.dpotrf(M.T, lower=1, overwrite_a=0)
            if info == 0:
                break
        else:
            return False
        del M
        self._border()
        return True

    def _relations(self, targets: FloatArray, *, residual: bool) -> list[Relation]:
        place, found = 3, []
        for ball, law, mu, box in zip(self.model.balls, self.laws, self.mu, self.boxes, strict=True):
            pair = (targets[:0], targets[:0])
            if ball.boxed:
                pair = (targets[self.slots[place]], targets[self.slots[place + 1]])
                place += 2
            found.append(ball.relation(law, mu, box, pair, residual))
        return found

    def _respond(self, push: FloatArray) -> FloatArray:
        """H push: the change of r that a push on log c + dv asks for."""
        answer = self.h * push
        return answer if self.images is None else answer - self.images.correct(push)

    def _solve(self, right: FloatArray) -> FloatArray:
        solved, _ = scipy.linalg.lapack.dpotrs(self.cholesky, self.scale * right, lower=1)
        return np.asarray(self.scale * solved)

    def _border(self) -> None:
        """Responses to a unit change of every s_k and μ_l, and the small matrix that couples them."""
        model = self.model
        self.pushes = [
            relation.y if ball.image is None else relation.y @ ball.image
            for ball, relation in zip(model.balls, self.relations, strict=True)
        ]
        self.tilt = [Bd @ self.r - self.B @ (self.r * mean) for Bd, mean in zip(self.Bd, self.mean_d, strict=True)]
        self.unit: list[tuple[FloatArray, FloatArray]] = []
        for tilt, mean in zip(self.tilt, self.mean_d, strict=True):
            df = self._solve(tilt + self.B @ self._respond(mean))
            self.unit.append((df, self._respond(df @ self.B - mean)))
        for push in self.pushes:
            own = -self._respond(push)
            df = -self._solve(self.B @ own)
            self.unit.append((df, own + self._respond(df @ self.B)))
        K, L = len(model.tables), len(model.balls)
        self.small = np.empty((K + L, K + L))
        for column, (df, dr) in enumerate(self.unit):
            self.small[:, column] = self._rows(df, dr)
        for k in range(K):
            for other in range(K):
                mixed = np.einsum("ij,ij->j", self.Bd[k], model.tables[other])
                self.small[k, other] -= float(self.r @ (mixed - self.mean_d[k] * self.mean_d[other]))
            self.small[k, k] -= self.w[k] / self.s[k]
        for number, relation in enumerate(self.relations):
            self.small[K + number, K + number] -= relation.kappa + self.w_mu[number] / self.mu[number]

    def _rows(self, df: FloatArray, dr: FloatArray) -> FloatArray:
        rows = [float(mean @ dr + tilt @ df) for mean, tilt in zip(self.mean_d, self.tilt, strict=True)]
        rows += [float(push @ dr) for push in self.pushes]
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
        targets_r, targets_s, targets_mu = (targets[slot] for slot in self.slots[:3])
        push = columns + targets_r / self.r
        for ball, relation in zip(model.balls, relations, strict=True):
            push = push - (relation.g if ball.image is None else relation.g @ ball.image)
        own = self._respond(push)
        df = self._solve(rows - self.B @ own)
        dr: FloatArray = own + self._respond(df @ self.B)
        constant = np.array([relation.c for relation in relations])
        wanted = -np.concatenate([excess + targets_s / self.s, over + constant + targets_mu / self.mu])
        change = wanted - self._rows(df, dr)
        if change.size:
            try:
                change = np.asarray(np.linalg.solve(self.small, change), dtype=np.float64)
            except np.linalg.LinAlgError:
                change = np.asarray(np.linalg.lstsq(self.small, change, rcond=None)[0], dtype=np.float64)
        for amount, (unit_f, unit_r) in zip(change, self.unit, strict=True):
            df += amount * unit_f
            dr += amount * unit_r
        ds, dmu = change[:K], change[K:]
        left, right, free = [dr, ds, dmu], [], []
        right.append((targets_r - self.z * dr) / self.r)
        right.append((targets_s - self.w * ds) / self.s)
        right.append((targets_mu - self.w_mu * dmu) / self.mu)
        place = 3
        for ball, relation, box, mu, change_mu in zip(model.balls, relations, self.boxes, self.mu, dmu, strict=True):
            if box is None:
                continue
            law = dr if ball.image is None else ball.image @ dr
            dv = relation.G * law + relation.y * change_mu + relation.g
            du, dl = 0.5 * change_mu - dv, 0.5 * change_mu + dv
            if residual:
                miss_u, miss_l = box.v + box.u - 0.5 * mu, box.l - box.v - 0.5 * mu
                du, dl = du - miss_u, dl - miss_l
            left.append((targets[self.slots[place]] - box.alpha * du) / box.u)
            left.append((targets[self.slots[place + 1]] - box.beta * dl) / box.l)
            right += [du, dl]
            free.append(dv)
            place += 2
        return Direction(df, np.concatenate(left), np.concatenate(right), tuple(free))


@dataclass(frozen=True, eq=False)
class _Images:
    """H for balls on linear images of the law, by the Woodbury identity: H = h - (h A')(1/G + A h A')^-1 (A h)."""

    Ah: FloatArray
    inverse_root: FloatArray

    @classmethod
    def of(cls, balls: tuple[Ball, ...], relations: list[Relation], h: FloatArray) -> _Images | None:
        chosen = [
            (ball.image, relation.G) for ball, relation in zip(balls, relations, strict=True) if ball.image is not None
        ]
        if not chosen:
            return None
        A = np.concatenate([image for image, _ in chosen])
        G = np.concatenate([g for _, g in chosen])
        Ah = A * h
        kept = G > 0.0
        Ah, A, G = Ah[kept], A[kept], G[kept]
        N = Ah @ A.T
        N[np.diag_indices_from(N)] += 1.0 / G
        scale = 1.0 / np.sqrt(np.diag(N))
        root = np.linalg.cholesky(scale[:, None] * N * scale + 1e-15 * np.eye(N.shape[0]))
        inverse_root = np.linalg.solve(root, np.diag(scale))
        return cls(Ah, inverse_root)

    def half(self, columns: FloatArray) -> FloatArray:
        """L^-1 A h columns, so that H = h - half' half."""
        return np.asarray(self.inverse_root @ (self.Ah @ columns))

    def correct(self, push: FloatArray) -> FloatArray:
        return np.asarray(self.half(push) @ self.inverse_root @ self.Ah)
