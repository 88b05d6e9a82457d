"""Column generation: a linear program on few maps, and a pricing rule that finds more and bounds all others."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rdptheory._types import FloatArray, IntArray
from rdptheory.doors import guard
from rdptheory.solvers.common_randomness.intervals import IntervalPricing
from rdptheory.solvers.common_randomness.master import Columns, Master, Pricing, answer
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import TransportSolution

__all__ = ["ColumnGeneration"]

SMOOTHING = 0.9
"""Share of the best prices so far in the prices sent out: Wentges smoothing, against oscillation."""
KEPT = 16
"""Columns kept per row of the linear program when stale ones are dropped."""
COARSEST, LOOSE = 40, 1e-8
"""Larger alphabets start from the prices of a coarser problem, solved to this gap."""

Prices = tuple[float, FloatArray]


@dataclass(frozen=True)
class ColumnGeneration:
    """Linear program over maps by column generation.

    Every pricing call proves a lower bound, ν·q - αR + least reduced cost, for whatever prices (ν, α >= 0) it was
    asked about; the linear program on the maps at hand is the upper bound.

    Attributes
    ----------
    gap : float
        Stop when the bracket is this narrow, relative to E d of independent X and Y (at least 1).
    max_steps : int
    """

    gap: float = 1e-11
    max_steps: int = 3000

    def solve(self, problem: DiscreteTransport) -> TransportSolution:
        """D(R) with common randomness, for any cost that has a Monge order."""
        order = problem.monge_order
        assert order is not None, "needs a Monge order"
        centre = self._coarse_prices(problem, order)
        return self.generate(problem, IntervalPricing(problem, order), comonotone_maps(problem, order), centre)

    def _coarse_prices(self, problem: DiscreteTransport, order: tuple[IntArray, IntArray]) -> Prices | None:
        """Prices of the problem with neighbours merged two by two, interpolated; None if that is small already."""
        if max(problem.shape) <= COARSEST or problem.q.size < 4:
            return None
        coarse = merged(problem, order)
        solution = replace(self, gap=LOOSE).solve(coarse)
        assert solution.multipliers is not None
        nu = np.empty(problem.q.size)
        k, target = coarse.q.size, solution.multipliers.target
        assert target is not None
        padded = np.concatenate(([2.0 * target[0] - target[1]], target, [2.0 * target[-1] - target[-2]]))
        nu[order[1]] = np.interp(np.arange(nu.size), 2.0 * np.arange(-1, k + 1) + 0.5, padded)
        return solution.multipliers.rate, nu

    def generate(
        self,
        problem: DiscreteTransport,
        pricing: Pricing,
        start: IntArray,
        centre: Prices | None = None,
        method: object = None,
    ) -> TransportSolution:
        """The loop for any pricing rule, from the constant maps, the maps `start` (k, n) and prices to stay near."""
        n, m = problem.shape
        constants = np.repeat(np.arange(m)[:, None], n, axis=1)
        master = Master(problem, Columns.of(problem, np.unique(np.vstack((constants, start)), axis=0)))
        known = {row.tobytes() for row in master.columns.maps}
        scale = problem.scale
        best, proof = -np.inf, (0.0, np.zeros(m))
        history: list[tuple[float, float]] = []
        for _ in range(self.max_steps):
            upper, weights, alpha, nu = master.solve()
            if centre is None:
                centre = alpha, nu
            mix = SMOOTHING if history else 1.0
            while True:
                asked = (mix * centre[0] + (1.0 - mix) * alpha, mix * centre[1] + (1.0 - mix) * nu)
                priced = pricing.price(*asked)
                bound = float(asked[1] @ problem.q) - asked[0] * problem.R + priced.lower
                if bound > best:
                    best, centre, proof = bound, asked, asked
                new = [row for row in priced.maps if row.tobytes() not in known]
                fresh = Columns.of(problem, np.array(new, dtype=np.intp).reshape(-1, n))
                fresh = fresh.take(fresh.reduced_cost(alpha, nu) < -1e-15 * scale)
                if fresh.entropy.size or mix == 0.0:
                    break
                mix = 0.0
            history.append((best, upper))
            if upper - best <= self.gap * scale or not fresh.entropy.size:
                break
            if master.columns.entropy.size > 2 * KEPT * (m + 1):
                stale = np.argsort(master.columns.reduced_cost(alpha, nu) - weights, kind="stable")
                master.keep(stale[: KEPT * (m + 1)])
                known = {row.tobytes() for row in master.columns.maps}
            known.update(row.tobytes() for row in fresh.maps)
            master.add(fresh)
        return answer(
            problem, master.columns, weights, proof, best, method or self, np.array(history), self.gap * scale
        )


def comonotone_maps(problem: DiscreteTransport, order: tuple[IntArray, IntArray]) -> IntArray:
    """Maps whose mixture is the comonotone coupling, the cheapest one in Monge order; shape (k, n)."""
    rows, labels = order
    n = rows.size
    p = problem.p[rows]
    below = np.concatenate(([0.0], np.cumsum(p)))
    heights = np.cumsum(problem.q[labels])[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        cuts = (heights[:, None] - below[:-1]) / p
    cuts = np.unique(np.concatenate(([0.0, 1.0], cuts[(cuts > 0.0) & (cuts < 1.0)])))
    middles = 0.5 * (cuts[1:] + cuts[:-1])
    maps = np.empty((middles.size, n), dtype=np.intp)
    maps[:, rows] = labels[np.searchsorted(heights, below[:-1] + middles[:, None] * p, side="right")]
    return maps


def merged(problem: DiscreteTransport, order: tuple[IntArray, IntArray]) -> DiscreteTransport:
    """Neighbours in Monge order merged two by two, at the average cost: a Monge problem of half the size."""
    rows, labels = order
    (p, left), (q, right) = _pairs(problem.p[rows]), _pairs(problem.q[labels])
    return DiscreteTransport(p, q, left @ problem.cost[np.ix_(rows, labels)] @ right.T, problem.R)


def _pairs(masses: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Masses of the pairs (k,) and the averaging matrix (k, n)."""
    n = masses.size
    member = np.arange(n) // 2
    average = np.zeros((member[-1] + 1, n))
    average[member, np.arange(n)] = np.maximum(masses, np.finfo(np.float64).tiny)
    return np.bincount(member, weights=masses).astype(np.float64), average / average.sum(axis=1, keepdims=True)


guard(__name__)
