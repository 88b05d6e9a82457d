"""The restricted program of pairs by a primal-dual interior point on the laws themselves.

Atom u has weight ω_u, mean m_u, masses A_u = ω_u a_u and B_u = ω_u b_u. With C = (A, B) and s for what complements it,

    α log(A/(ω p)) - μ + κ - θ (x - m) = s_A,    β log(B/(ω q)) - ν + η - 2 w m y = s_B,    C s = τ,
    Σ A = ω = Σ B for each atom,  (x - m)·A = 0,  κ + η = -(1-w) m²,  Σ_u C = (p, q),  the rates are kept,

and the means that follow their valleys add  θ = 2 w k + 2 (1-w) m,  k = y·b. The laws are unknowns of their own and no
softmax of the prices: as α and β go to 0 they become letters, the program a linear one, and Newton's method does not
mind. All that belongs to one atom is eliminated in systems of five numbers; what is left are the prices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from rdptheory._types import FloatArray
from rdptheory.solvers.line.atoms import Point, Step
from rdptheory.solvers.line.pairs import Pairs

__all__ = ["Ended", "centre"]

LIFTS = (0.0, 1e-15, 1e-13, 1e-11, 1e-9, 1e-7)
"""Added to the unit diagonal of a scaled matrix that Cholesky refuses, in turn."""
NEAR, FAR = 0.97, 0.9
"""Shares of the way to the boundary: a step of nearly full length goes further than one that is cut short."""
SHORT, HELD = 0.3, 0.5
"""After a step shorter than this the goal is held at so much of the gap: the point is not on the path."""
STUCK = 0.02, 8
"""So many steps in a row that are shorter than this end the steps, where atoms move: without that it gets better."""
PLAIN = 0.1
"""A step with its second-order correction that is shorter than this is compared with one without."""
LEAST_SHARE, LAST_SHARE = 1e-3, 0.1
"""The least that a step may leave of the gap, and of the gap at the end."""
STILL = 3
"""So many full steps at the last goal are enough: what is missed then is rounding."""
BENT = 1e-7
"""Share of its own curvature by which a valley must be one for its atom to follow it."""
STRIDE = 0.3
"""Of the deviation of its law, what an atom may move in a step by the slope of its valley."""
RELATIVE = 1e-13
"""Added to the diagonal of the systems of atoms: one letter as a law leaves rounding of its spread."""
BELOW = np.tril_indices(5, -1)
"""The entries of a system of five numbers below its diagonal."""
COUPLED = 0.5
"""Share of the product of their bends that weight and mean of an atom may be coupled by, squared."""


@dataclass(frozen=True, eq=False)
class Ended:
    """Where it ended: the point, steps, and how large the gap and what is missed are, in units of the objective."""

    point: Point
    steps: int
    gap: float
    missed: float


@np.errstate(all="ignore")  # a matrix that leaves float64 ends the steps
def centre(pairs: Pairs, point: Point, end: float, most: int) -> Ended:
    """Mehrotra's predictor and corrector until the gap and all that is missed are at most `end`.

    Parameters
    ----------
    pairs : Pairs
    point : Point
        Masses, slacks, weights and signed prices above 0.
    end : float
    most : int
        Steps.
    """
    last, stuck, still = 1.0, 0, 0
    for count in range(most + 1):
        here = _Here(pairs, point)
        stuck = stuck + 1 if last < STUCK[0] and point.moving.any() else 0
        still = still + 1 if here.gap <= end and last >= FAR else 0
        if (
            count == most
            or stuck == STUCK[1]
            or still == STILL
            or max(here.gap, here.missed) <= end
            or not np.isfinite(here.gap)
        ):
            break
        newton = here.newton()
        if newton is None:
            break
        affine = newton(np.zeros_like(point.masses), np.zeros_like(point.signed))
        length = min(1.0, here.longest(affine))
        share = max((here.gap_after(affine, length) / here.gap) ** 3, LEAST_SHARE)
        share = share if last >= SHORT else max(share, HELD)
        goal = max(share * here.gap, LAST_SHARE * end) / here.pairings
        step = newton(goal - affine.masses * affine.slacks, goal - affine.signed * affine.left)
        length = _cut(here.longest(step))
        if length < PLAIN:
            plain = newton(np.full_like(point.masses, goal), np.full_like(point.signed, goal))
            step, length = max((step, length), (plain, _cut(here.longest(plain))), key=lambda pair: pair[1])
        point, last = point.moved(step, length), length
    return Ended(point, count, here.gap, here.missed)


def _cut(longest: float) -> float:
    """How far to go where the boundary is so far away."""
    return min(1.0, NEAR * longest if longest > 1.05 else FAR * longest)


class _Here:
    """What a point misses, and its Newton system. Everything of an atom is in units of its weight."""

    def __init__(self, pairs: Pairs, point: Point) -> None:
        self.pairs, self.point, n = pairs, point, pairs.n
        self.w = float(point.signed[2]) if pairs.P is not None else 1.0
        m, w, weights = point.means, self.w, point.weights
        self.laws = point.masses / weights[:, None]
        self.logs = np.log(self.laws / pairs.law)
        self.price = np.repeat(point.signed[:2], (n, pairs.m))  # of a nat, by letter
        self.off = pairs.x - m[:, None]
        self.bent = self.price * self.logs - point.prices  # what s should be
        self.bent[:, :n] += point.offsets[:, :1] - point.tilts[:, None] * self.off
        self.bent[:, n:] += point.offsets[:, 1:] - 2.0 * w * m[:, None] * pairs.y
        self.over = 1.0 - self.by_side(self.laws)
        self.k = self.laws[:, n:] @ pairs.y
        self.pulled = point.tilts * (1.0 - self.over[:, 0]) - 2.0 * w * self.k - 2.0 * (1.0 - w) * m
        self.raised = self.over @ point.signed[:2] - (1.0 - w) * m**2 - point.offsets.sum(axis=1)
        self.law_missed = pairs.law - point.masses.sum(axis=0)
        spent = self.by_side(self.laws * self.logs) + self.over
        self.left_missed = weights @ spent - pairs.rates + point.left[:2]
        if pairs.P is not None:
            b_side = pairs.spread - pairs.P / (1.0 - w) ** 2 - weights @ (2.0 * m * self.k - m**2)
            self.left_missed = np.append(self.left_missed, b_side + point.left[2])
        self.pairings = point.masses.size + point.signed.size
        self.gap = float(np.vdot(point.masses, point.slacks) + point.signed @ point.left)
        self.missed = max(
            float(np.abs(point.masses * (self.bent - point.slacks)).sum() + np.abs(weights * self.raised).sum()),
            float(point.signed @ np.abs(self.left_missed)),
            float(np.abs(self.law_missed).sum()),
        )

    def by_side(self, values: FloatArray) -> FloatArray:
        """Sums over the letters of either side, shape (k, 2)."""
        return np.add.reduceat(values, (0, self.pairs.n), axis=1)

    def longest(self, step: Step) -> float:
        """How far everything that is above 0 stays so, w below 1, and atoms in their cells."""
        point = self.point
        names = ("masses", "slacks", "weights", "signed", "left")
        worst = min(float((getattr(step, name) / getattr(point, name)).min()) for name in names)
        if self.pairs.P is not None:
            worst = min(worst, -float(step.signed[2]) / (1.0 - self.w))
        room = np.where(step.means > 0.0, point.high - point.means, point.low - point.means)
        worst = min(worst, -float((step.means / np.where(room == 0.0, np.inf, room)).max()))
        return -1.0 / worst if worst < 0.0 else np.inf

    def gap_after(self, step: Step, length: float) -> float:
        """The gap after so much of a step."""
        at, t = self.point, length
        paired = np.vdot(at.masses + t * step.masses, at.slacks + t * step.slacks)
        return float(paired + (at.signed + t * step.signed) @ (at.left + t * step.left))

    def newton(self) -> Callable[[FloatArray, FloatArray], Step] | None:
        """Steps to wanted products of masses and slacks (k, n+m) and of signed prices and what is left of them."""
        pairs, point, n, w = self.pairs, self.point, self.pairs.n, self.w
        (alpha, beta), m, y, weights = point.signed[:2], point.means, pairs.y, point.weights
        size = n + pairs.m
        bend = self.laws / (self.price + point.slacks)
        own, logs, rise = self._own(bend), self.logs, self._rise(bend)
        free = self._freed(own)
        rise[~free, 4] = 0.0
        solved = np.linalg.solve(own, rise)
        pull = 2.0 * m[:, None] * y  # what w adds to the exponents of Y

        def onto(masses: FloatArray) -> FloatArray:
            """What changes of masses in units of their weights do to laws, rates and w."""
            total, turned = weights @ masses, weights @ (masses * logs)
            extra = [] if pairs.P is None else [weights @ (masses[:, n:] * pull).sum(axis=1)]
            return np.concatenate((total, [-turned[:n].sum(), -turned[n:].sum()], extra))

        matrix = np.zeros((rise.shape[2], rise.shape[2]))
        each = np.arange(size)
        matrix[each, each] = weights @ bend
        turned, twice = weights @ (bend * logs), weights @ (bend * logs**2)
        matrix[:n, size], matrix[n:size, size + 1] = -turned[:n], -turned[n:]
        matrix[size, size], matrix[size + 1, size + 1] = twice[:n].sum(), twice[n:].sum()
        if pairs.P is not None:
            drawn = bend[:, n:] * pull
            matrix[n:size, -1] = weights @ drawn
            matrix[size + 1, -1] = -float(weights @ (drawn * logs[:, n:]).sum(axis=1))
            matrix[-1, -1] = float(weights @ (drawn * pull).sum(axis=1)) + 2.0 * pairs.P / (1.0 - w) ** 3
            matrix[-1, size + 1] = matrix[size + 1, -1]
        matrix[size:, :size] = matrix[:size, size:].T
        matrix[np.arange(size, size + point.left.size), np.arange(size, size + point.left.size)] += (
            point.left / point.signed
        )
        flat = rise.reshape(-1, rise.shape[2])
        matrix -= flat.T @ (solved * weights[:, None, None]).reshape(flat.shape)
        matrix += np.outer(pairs.gauge, pairs.gauge) * (np.trace(matrix) / matrix.shape[0])
        solve = _factored(0.5 * (matrix + matrix.T))
        if solve is None:
            return None

        def step(products: FloatArray, ends: FloatArray) -> Step:
            drive = products / point.masses - self.bent
            driven = bend * drive
            sums = self.by_side(driven)
            own_right = np.stack(
                (
                    sums[:, 0] - self.over[:, 0],
                    sums[:, 1] - self.over[:, 1],
                    -((self.laws + driven)[:, :n] * self.off).sum(axis=1),
                    self.raised - (driven * self.price).sum(axis=1),
                    free * (self.pulled + point.tilts * self.over[:, 0] - 2.0 * w * (driven[:, n:] @ y)),
                ),
                axis=1,
            )
            first = np.linalg.solve(own, own_right[:, :, None])[:, :, 0]
            right = np.concatenate((self.law_missed, self.left_missed - point.left + ends / point.signed))
            z = solve(right - onto(driven) - flat.T @ (weights[:, None] * first).ravel())
            v = first - solved @ z
            change = z[:size] + drive
            change[:, :n] += alpha * v[:, 3:4] - logs[:, :n] * z[size] - v[:, :1] + self.off * v[:, 2:3]
            change[:, n:] += beta * v[:, 3:4] - logs[:, n:] * z[size + 1] - v[:, 1:2] + 2.0 * w * y * v[:, 4:]
            if pairs.P is not None:
                change[:, n:] += pull * z[-1]
            masses = weights[:, None] * bend * change
            offsets = v[:, :2].copy()
            offsets[:, 0] -= point.tilts * v[:, 4]
            slacks = (products - point.slacks * masses) / point.masses - point.slacks
            left = (ends - point.left * z[size:]) / point.signed - point.left
            return Step(v[:, 4], v[:, 2], weights * v[:, 3], offsets, masses, slacks, z[:size], z[size:], left)

        return step

    def _own(self, bend: FloatArray) -> FloatArray:
        """Systems (k, 5, 5) of κ + θ m, η, θ, the logarithm of ω, and m."""
        n, w, y, point = self.pairs.n, self.w, self.pairs.y, self.point
        own = np.zeros((point.means.size, 5, 5))
        resting = self.laws * point.slacks / (self.price + point.slacks)  # laws less what answers to a nat
        sums, rests = self.by_side(bend), self.by_side(resting)
        across, out = bend[:, :n] * self.off, bend[:, n:] * y
        own[:, 0, 0], own[:, 1, 1], own[:, 2, 2] = sums[:, 0], sums[:, 1], (across * self.off).sum(axis=1)
        own[:, 0, 2] = -across.sum(axis=1)
        own[:, 0, 3], own[:, 1, 3] = (self.over + rests).T
        own[:, 2, 3] = ((self.laws[:, :n] - resting[:, :n]) * self.off).sum(axis=1)
        own[:, 3, 3] = -rests @ point.signed[:2]
        own[:, 1, 4] = -2.0 * w * out.sum(axis=1)
        own[:, 2, 4] = self.over[:, 0] - 1.0
        own[:, 3, 4] = 2.0 * w * (self.k - resting[:, n:] @ y) + 2.0 * (1.0 - w) * point.means - point.tilts
        own[:, 4, 4] = 4.0 * w**2 * (out @ y) + 2.0 * (1.0 - w)
        own[:, [0, 1, 2], [0, 1, 2]] *= 1.0 + RELATIVE
        return _mirrored(own)

    def _rise(self, bend: FloatArray) -> FloatArray:
        """What the prices add to those systems, shape (k, 5, N)."""
        pairs, point, n, w, y = self.pairs, self.point, self.pairs.n, self.w, self.pairs.y
        (alpha, beta), m, size = point.signed[:2], point.means, pairs.n + pairs.m
        rise = np.zeros((m.size, 5, size + point.signed.size))
        rise[:, 0, :n], rise[:, 1, n:size], rise[:, 2, :n] = -bend[:, :n], -bend[:, n:], bend[:, :n] * self.off
        rise[:, 3, :size], rise[:, 4, n:size] = bend * self.price, 2.0 * w * bend[:, n:] * y
        turned = bend * self.logs
        sums = self.by_side(turned)
        rise[:, 0, size], rise[:, 1, size + 1] = sums.T
        rise[:, 2, size] = -(turned[:, :n] * self.off).sum(axis=1)
        rise[:, 3, size : size + 2] = -sums * (alpha, beta) - self.over
        rise[:, 4, size + 1] = -2.0 * w * (turned[:, n:] @ y)
        if pairs.P is not None:
            out = bend[:, n:] @ y
            rise[:, 1, -1], rise[:, 3, -1] = -2.0 * m * out, 2.0 * m * beta * out - m**2
            rise[:, 4, -1] = 4.0 * w * m * (bend[:, n:] @ y**2) + 2.0 * (self.k - m)
        return rise

    def _freed(self, own: FloatArray) -> NDArray[np.bool_]:
        """The atoms that move: those whose reduced cost is convex in their mean; others are fixed in `own`.

        Where the slope of the valley is steep beside what weight and mean bend, the two are told to move apart.
        """
        free = self.point.moving.copy()
        if free.any():
            some = own[free]
            rest = some[:, 3:, 3:] - some[:, 3:, :3] @ np.linalg.solve(some[:, :3, :3], some[:, :3, 3:])
            valley = rest[:, 1, 1] < -BENT * some[:, 4, 4]
            reach = STRIDE * np.sqrt(
                np.maximum((self.laws[free, : self.pairs.n] * self.off[free] ** 2).sum(axis=1), 1e-300)
            )
            stiff = np.maximum(np.abs(self.pulled[free]) / reach - np.abs(rest[:, 1, 1]), 0.0)
            own[free, 4, 4] -= stiff
            most = np.sqrt(COUPLED * np.abs(rest[:, 0, 0] * (rest[:, 1, 1] - stiff)))
            shift = np.clip(rest[:, 0, 1], -most, most) - rest[:, 0, 1]
            own[free, 3, 4] += shift
            own[free, 4, 3] += shift
            free[free] = valley
        own[~free, 4], own[~free, :, 4], own[~free, 4, 4] = 0.0, 0.0, -1.0
        return free


def _mirrored(upper: FloatArray) -> FloatArray:
    """Symmetric matrices (k, 5, 5) from their upper triangles, in place."""
    upper[:, BELOW[0], BELOW[1]] = upper[:, BELOW[1], BELOW[0]]
    return upper


def _factored(matrix: FloatArray) -> Callable[[FloatArray], FloatArray] | None:
    """Solutions with a symmetric positive matrix, scaled to unit diagonal, or None."""
    scale = 1.0 / np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    scaled = matrix * scale * scale[:, None]
    if not np.isfinite(scaled).all():
        return None
    for lift in LIFTS:
        factor, failed = lapack.dpotrf(scaled + lift * np.eye(scale.size), lower=1)
        if not failed:
            return lambda right: np.asarray(scale * lapack.dpotrs(factor, scale * right, lower=1)[0])
    return None
