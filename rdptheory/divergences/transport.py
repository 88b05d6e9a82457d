"""Optimal-transport divergences: the least cost of turning the reference law into the law of the output."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from rdptheory._native import Tangents
from rdptheory._types import UNIT_ROUNDOFF, ArrayLike, FloatArray, IntArray, Remembered, frozen_array
from rdptheory.couplings import monotone_plan, optimal_transport, rounded_plan
from rdptheory.divergences.base import Divergence, Support, raised
from rdptheory.doors import Finished, Law, NotNegative, Places, Reference, guard
from rdptheory.errors import InvalidInput, real_array
from rdptheory.points import distances, squared_distances

__all__ = ["TransportDivergence", "Wasserstein1", "Wasserstein2Squared"]

SEARCH_STEPS = 200  # of a search that takes a dozen steps, or about 60 where it has to bisect


@dataclass(frozen=True, eq=False)
class TransportDivergence(Divergence, Finished):
    """δ(p, r) = min over couplings γ of (p, r) of Σ_ij c_ij γ_ij, for any cost table.

    Parameters
    ----------
    cost : array (k, m)
        Finite and at least 0: from symbol i of the reference law to symbol j of the output.

    >>> round(TransportDivergence([[0.0, 1.0], [1.0, 0.0]]).value(np.array([0.5, 0.5]), np.array([0.7, 0.3])), 12)
    0.2
    """

    cost: FloatArray = field()
    line: FloatArray | None = field(default=None, repr=False)
    """Points of a line for which the monotone coupling is optimal, shape (k,); None where no such order is known."""

    def __init__(self, cost: ArrayLike, line: FloatArray | None = None) -> None:
        c = real_array("cost", cost)
        if c.ndim != 2 or c.size == 0 or (c < 0).any():
            raise InvalidInput("cost", cost, f"must have shape (k, m) and entries of at least 0, has shape {c.shape}")
        if line is not None and line.shape != (c.shape[0],):
            raise InvalidInput("line", line, f"must have shape ({c.shape[0]},), has {line.shape}")
        object.__setattr__(self, "cost", c)
        object.__setattr__(self, "line", line)

    @cached_property
    def scale(self) -> float:
        """The greatest cost."""
        return float(self.cost.max())

    @property
    def faithful(self) -> bool:
        """Whether every law is at distance 0 from itself: a square table with zeros on the diagonal."""
        return self.cost.shape[0] == self.cost.shape[1] and not np.diagonal(self.cost).any()

    @property
    def definite(self) -> bool:
        """Whether a law is at distance 0 from nothing but itself: faithful, and no other zero in the table."""
        return self.faithful and np.count_nonzero(self.cost) == self.cost.size - self.cost.shape[0]

    def check(self, k: int, m: int) -> None:
        """The cost needs a row for each symbol of the reference law and a column for each of the output."""
        if self.cost.shape != (k, m):
            raise InvalidInput(
                "perception", self, f"has costs of shape {self.cost.shape}, the laws it compares ask for ({k}, {m})"
            )

    def value(self, reference: Reference, output: Law) -> float:
        """The cost of an optimal coupling: monotone on a line, else by the linear program of HiGHS."""
        self.check(reference.size, output.size)
        if self.line is not None:
            i, j, mass = monotone_plan(reference, output, self.line)
            return float(self.cost[i, j] @ mass)
        plan = optimal_transport(reference, output / output.sum() * reference.sum(), self.cost).plan
        return np.inf if plan is None else self.bound(reference, output, plan)

    def bound(self, reference: Reference, output: Law, plan: FloatArray) -> float:
        """An upper bound on δ: the cost of `plan` (k, m) rounded to the marginals, without a linear program."""
        self.check(reference.size, output.size)
        if plan.shape != self.cost.shape:
            raise InvalidInput("plan", plan, f"must have the shape {self.cost.shape} of the costs, has {plan.shape}")
        return float(np.vdot(rounded_plan(plan, reference, output), self.cost))

    def uncertainty(self, reference: Reference, output: Law, relative: float) -> float:
        """A law whose masses change by a share η is reached by moving masses of that share.

        On a line the plan is a staircase. Its cuts, sums of masses, move by η and by the rounding of k + m sums, and
        what they pass goes from one cell to the next: the jumps of the cost along the staircase say at what cost. Any
        other plan loses η of each row and column, put back as a product: at most the mean cost of independent symbols,
        and where less than that is missing at most the geometric mean of this and the greatest cost.
        """
        self.check(reference.size, output.size)
        share = 4.0 * relative + UNIT_ROUNDOFF * (64 + 2 * (reference.size + output.size))
        if self.line is not None:
            i, j, _ = monotone_plan(reference, output, self.line)
            steps = self.cost[i, j]
            return share * float(np.abs(np.diff(steps)).sum() + steps.min())
        independent = float(reference @ self.cost @ output)
        return share * float(np.sqrt(independent * self.scale))

    def support_slope(self, v: Law, reference: Reference, mu: NotNegative) -> FloatArray:
        """max_j (v_j - μ c_ij): the best place for a unit of mass of i."""
        self.check(reference.size, v.size)
        return np.asarray((v - mu * self.cost).max(axis=1))

    def cut(self, reference: Reference, law: Law, P: float) -> tuple[FloatArray, float]:
        """The potentials of an optimal coupling: δ(r) >= <u, p> + <w, r> for every r."""
        self.check(reference.size, law.size)
        plan = optimal_transport(reference, law, self.cost)
        return plan.w, P - float(plan.u @ reference)

    def support(self, v: Law, reference: Reference, P: float) -> Support:
        """min over t >= 0 of t P + Σ_i p_i max_j (v_j - t c_ij), by intersecting tangents of a convex polygon.

        Every t gives an upper bound, so the search may end anywhere. The law mixes the two assignments that meet at
        the minimum, so that its cost is P.
        """
        p, c, top = reference, self.cost, float(v.max())
        self.check(p.size, v.size)
        if np.isinf(P):
            return Support(top, _assigned(p, np.full(p.size, int(np.argmax(v))), v.size))
        from_top = Tangents(v - top, p, c)

        def tangent(t: float) -> tuple[float, float, FloatArray]:
            mean, spent, law = from_top(t)  # of scores at most 0, so that v - top and t c are no larger than they
            # the mean is off by the sum of k terms, a score by three roundings, a mass by four
            size = (p.size + 12) * abs(mean) + 4.0 * (t * P + abs(top))
            return top + (t * P + mean) + UNIT_ROUNDOFF * size, P - spent, law

        value, slope, law = tangent(0.0)
        if slope >= 0.0:
            return Support(value, law)
        if P == 0.0:
            free = np.where(c <= 0.0, v, -np.inf)
            if np.isfinite(free.max(axis=1)).all():
                best = free.max(axis=1)
                short = float(p @ (top - best))
                value = raised(top - short * (1.0 - UNIT_ROUNDOFF * (p.size + 8)))
                return Support(value, _assigned(p, free.argmax(axis=1), v.size))
        left, best, spread = (0.0, value, slope, law), (value, law), float(np.ptp(v))
        t = spread / float(c[c > 0.0].min()) if P == 0.0 else spread / P
        right = None
        for _ in range(SEARCH_STEPS):
            value, slope, law = tangent(t)
            if value < best[0]:
                best = (value, law)
            if slope < 0.0:
                left = (t, value, slope, law)
            else:
                right = (t, value, slope, law)
            if right is None:
                t *= 4.0
                continue
            meeting = (right[1] - left[1] + left[2] * left[0] - right[2] * right[0]) / (left[2] - right[2])
            height = left[1] + left[2] * (meeting - left[0])
            if best[0] - height <= 1e-15 * (abs(best[0]) + spread) or not left[0] < meeting < right[0]:
                break
            t = meeting
        if right is None:
            return Support(best[0], left[3])
        share = right[2] / (right[2] - left[2])
        return Support(best[0], share * left[3] + (1.0 - share) * right[3])


class _BetweenPoints(Divergence):
    """A transport divergence whose cost follows from the points: it computes nothing until `on(points)`."""

    placed = False
    definite = True

    def value(self, reference: FloatArray, output: FloatArray) -> float:
        """Needs points: `on(points).value`."""
        raise self._needs_points()

    def support(self, v: FloatArray, reference: FloatArray, P: float) -> Support:
        """Needs points: `on(points).support`."""
        raise self._needs_points()

    def support_slope(self, v: FloatArray, reference: FloatArray, mu: NotNegative) -> FloatArray:
        """Needs points: `on(points).support_slope`."""
        raise self._needs_points()

    def cut(self, reference: FloatArray, law: FloatArray, P: float) -> tuple[FloatArray, float]:
        """Needs points: `on(points).cut`."""
        raise self._needs_points()

    def _needs_points(self) -> InvalidInput:
        return InvalidInput("perception", self, "compares laws on points; use its .on(points)")


@dataclass(frozen=True)
class Wasserstein1(_BetweenPoints, Finished):
    """W1(p, r) = min over couplings of E|X - Y| (Euclidean norm), in units of the points.

    >>> round(Wasserstein1().on(np.array([0.0, 2.0])).value(np.array([0.5, 0.5]), np.array([0.7, 0.3])), 12)
    0.4
    """

    def on(self, points: Places) -> TransportDivergence:
        """W1 between laws on `points`, shape (n,) or (n, k)."""
        return _DISTANCES((points,), lambda: TransportDivergence(distances(points), _line(points)))


@dataclass(frozen=True)
class Wasserstein2Squared(_BetweenPoints, Finished):
    """W2²(p, r) = min over couplings of E‖X - Y‖²: the squared distance, in squared units of the points."""

    def on(self, points: Places) -> TransportDivergence:
        """W2² between laws on `points`, shape (n,) or (n, k)."""
        return _SQUARES((points,), lambda: TransportDivergence(squared_distances(points), _line(points)))


def _line(points: FloatArray) -> FloatArray | None:
    """Points of a line, as a copy: what is remembered under an array may not hold it."""
    return frozen_array(points) if points.ndim == 1 else None


_DISTANCES: Remembered[TransportDivergence] = Remembered()
_SQUARES: Remembered[TransportDivergence] = Remembered()


def _assigned(p: FloatArray, chosen: IntArray, m: int) -> FloatArray:
    return np.bincount(chosen, weights=p, minlength=m).astype(np.float64)


guard(__name__)
