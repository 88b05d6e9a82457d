"""Prices that hold at every atom of a restricted program: a primal-dual interior point that is always feasible.

    max f(z)   subject to   h_u(z) >= 0 for every atom u,   z_i > 0 for the prices in `signs`,

with f and all h_u concave. The multipliers of the atoms are their weights. A constant taken off the prices of X raises
every h_u by that constant, so a step that the curvature of some h_u spoils is *lifted* back inside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.linalg import lapack

from rdptheory._types import FloatArray, IntArray

__all__ = ["Ascent", "Program", "Seen", "ascend"]

LIFTS = (0.0, 1e-15, 1e-13, 1e-11, 1e-9)
"""Added to the unit diagonal of a scaled matrix that Cholesky refuses, in turn."""
NEAR, FAR = 0.97, 0.9
"""Shares of the way to the boundary: a step of nearly full length goes further than one that is cut short."""
CENTRED = 0.7
"""A step that was shorter than this keeps the goal where it is: the point is not on the path yet."""
STRIDE = 4.0
"""Multiples of the price of a nat by which the price of a mass that is wrong altogether may move: the logarithm of the
mass is what is linear, and a plain Newton step would divide by 1e-13."""
LEAST_SHARE, LEAST_GAIN = 0.1, 1e-13
"""Of the slack that a step should leave, what it must leave; and the loss of the barrier that counts as rounding."""
EXACT, SHARE = 5e-11, 1e-3
"""The laws are met to this at the end, and while the gap is still wide to this share of it."""
FLOOR = 1e-4
"""Weights below this share of what the path asks for are raised to it."""
MET, GIVEN = 1e-2, 0.3
"""Laws that are missed by less are nearly met, and a lift may then cost this share of the gap."""
SHORTENED = 25
"""Halvings of a step before it counts as stuck."""


@dataclass(frozen=True, eq=False)
class Seen:
    """The atoms at some prices.

    Attributes
    ----------
    heights : array (k,)
        h_u.
    gradients : array (k, N)
    curvature : function of weights (k,)
        -Σ w_u h_u'', array (N, N), positive semidefinite.
    atoms
        The atoms in their places, from which the next evaluation starts.
    """

    heights: FloatArray
    gradients: FloatArray
    curvature: Callable[[FloatArray], FloatArray]
    atoms: Any


class Program(Protocol):
    """What `ascend` asks of a restricted program with N prices."""

    signs: IntArray
    """Prices that stay above 0."""
    gauge: FloatArray
    """A direction (N,) that changes nothing."""
    masses: slice
    """Prices whose gradient is a law minus what the atoms hold of it."""
    constant: slice
    """Prices of which a constant may be taken."""

    def objective(self, z: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """f, its gradient (N,), and minus the diagonal of its second derivative (N,)."""

    def inside(self, z: FloatArray) -> bool:
        """Whether f is finite there."""

    def strides(self, z: FloatArray) -> FloatArray:
        """Price of a nat for each of the prices of masses."""

    def seen(self, z: FloatArray, atoms: Any) -> Seen:
        """The atoms at prices z."""


@dataclass(frozen=True, eq=False)
class Ascent:
    """Where it ended: prices (N,), weights (k,), the atoms, steps, and what is left of the gap and of the laws."""

    z: FloatArray
    weights: FloatArray
    seen: Seen
    steps: int
    gap: float
    missing: float


@np.errstate(all="ignore")  # a step that leaves float64 is shortened
def ascend(
    program: Program, z: FloatArray, atoms: Any, base: FloatArray, end: float, most: int, damped: bool
) -> Ascent:
    """Newton steps from prices z to a gap of `end`, along the path that gives atom u the share `base` of the barrier.

    Parameters
    ----------
    program : Program
    z : array (N,)
        Lifted until every h is above 0.
    atoms : of the program
    base : array (k,)
        Sums to 1; the weights that are expected are a good choice.
    end : float
    most : int
        Steps.
    damped : bool
        Whether the prices of masses are held back: slower where the start is good, and safe where it is not.
    """
    signs, masses = program.signs, program.masses
    seen = program.seen(z, atoms)
    z, h = _lifted(program, z, seen.heights, np.full(base.size, end))
    goal = float(base @ h)
    w, sigma = goal * base / h, goal / z[signs]
    value, f, bend = program.objective(z)
    total, last, gap, missing = base.sum() + signs.size, 1.0, np.inf, np.inf
    for step in range(most + 1):
        residual = f + w @ seen.gradients
        residual[signs] += sigma
        gap, missing = float(w @ h + sigma @ z[signs]), float(np.abs(residual).max())
        if step == most or (gap <= end and missing <= max(EXACT, SHARE * end)):
            break
        matrix = (seen.gradients * (w / h)[:, None]).T @ seen.gradients + seen.curvature(w)
        diagonal = bend.copy()
        diagonal[signs] += sigma / z[signs]
        if damped:
            diagonal[masses] += np.abs(residual[masses]) / (STRIDE * program.strides(z))
        matrix[np.diag_indices(z.size)] += diagonal
        matrix += np.outer(program.gauge, program.gauge) * (np.trace(matrix) / z.size)
        solve = _factored(matrix)
        if solve is None:
            break
        newton = _Newton(seen.gradients, residual, w, h, sigma, z[signs], signs, solve)
        affine = newton.step(-w * h, -sigma * z[signs])
        length = min(1.0, newton.longest(affine))
        left = max(min(1.0, newton.gap(affine, length) / gap) ** 3, 1e-3)
        wanted = max(left * gap / total, 0.2 * end / total)
        goal = max(wanted, goal) if last < CENTRED else wanted
        here = value + goal * float(base @ np.log(h) + np.log(z[signs]).sum())
        to_w, to_sigma = goal * base - w * h, goal - sigma * z[signs]
        second = newton.step(to_w - affine.w * affine.h, to_sigma - affine.sigma * affine.z[signs])
        for move, tries in ((second, 3), (newton.step(to_w, to_sigma), SHORTENED)):
            reach = newton.longest(move)
            length = min(1.0, NEAR * reach if reach > 1.05 else FAR * reach)
            moved = None
            for _ in range(tries):
                moved = _moved(program, z, seen, h, w, move, length, goal * base, here, goal, gap, missing)
                if moved is not None:
                    break
                length *= 0.5
            if moved is not None:
                break
        if moved is None:
            break
        z, h, seen = moved
        value, f, bend = program.objective(z)
        w, sigma, last = np.maximum(w + length * move.w, FLOOR * goal * base / h), sigma + length * move.sigma, length
    return Ascent(z, w, seen, step, gap, missing)


@dataclass(frozen=True, eq=False)
class _Move:
    """Changes of the prices, of the slacks as they are linearised, and of both kinds of multipliers."""

    z: FloatArray
    h: FloatArray
    w: FloatArray
    sigma: FloatArray


@dataclass(frozen=True, eq=False)
class _Newton:
    """One factored system."""

    gradients: FloatArray
    residual: FloatArray
    w: FloatArray
    h: FloatArray
    sigma: FloatArray
    signed: FloatArray
    signs: IntArray
    solve: Callable[[FloatArray], FloatArray]

    def step(self, to_w: FloatArray, to_sigma: FloatArray) -> _Move:
        """The move after which w h and sigma z have changed by these, to first order."""
        right = self.residual + (to_w / self.h) @ self.gradients
        right[self.signs] += to_sigma / self.signed
        z = self.solve(right)
        h = self.gradients @ z
        sigma = to_sigma / self.signed - self.sigma / self.signed * z[self.signs]
        return _Move(z, h, to_w / self.h - self.w / self.h * h, sigma)

    def longest(self, move: _Move) -> float:
        """How far all that is above 0 stays so, to first order."""
        parts = ((move.h, self.h), (move.w, self.w), (move.sigma, self.sigma), (move.z[self.signs], self.signed))
        worst = min(float((change / value).min()) for change, value in parts)
        return -1.0 / worst if worst < 0.0 else np.inf

    def gap(self, move: _Move, length: float) -> float:
        """The gap after so much of a move, to first order."""
        slack = (self.w + length * move.w) @ (self.h + length * move.h)
        return float(slack + (self.sigma + length * move.sigma) @ (self.signed + length * move.z[self.signs]))


def _moved(
    program: Program,
    z: FloatArray,
    seen: Seen,
    h: FloatArray,
    w: FloatArray,
    move: _Move,
    length: float,
    path: FloatArray,
    here: float,
    goal: float,
    gap: float,
    missing: float,
) -> tuple[FloatArray, FloatArray, Seen] | None:
    """Prices after so much of a move, lifted, with their heights; None if the barrier falls.

    Once the laws are nearly met a lift that costs a part of the gap is as good: Newton's method mends it in the next
    step, while a barrier that may not fall would follow a curved boundary in small steps.
    """
    ahead = z + length * move.z
    if not program.inside(ahead):
        return None
    there = program.seen(ahead, seen.atoms)
    if not np.isfinite(there.heights).all():
        return None
    least = LEAST_SHARE * np.minimum(h + length * move.h, 10.0 * path / w)
    ahead, heights = _lifted(program, ahead, there.heights, least)
    if missing <= MET and float((least - there.heights).max()) <= GIVEN * gap:
        return ahead, heights, there
    share = path / goal
    reached = program.objective(ahead)[0] + goal * float(share @ np.log(heights) + np.log(ahead[program.signs]).sum())
    return (ahead, heights, there) if reached >= here - LEAST_GAIN * (1.0 + abs(here)) else None


def _lifted(program: Program, z: FloatArray, heights: FloatArray, least: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Prices that leave every atom at least so much, and the heights there."""
    lack = float((least - heights).max())
    if lack <= 0.0:
        return z, heights
    lower = z.copy()
    lower[program.constant] -= lack
    return lower, heights + lack


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
