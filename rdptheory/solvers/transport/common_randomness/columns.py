"""Column generation: a linear program on few maps, and a pricing rule that finds more and bounds all others."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rdptheory._types import FloatArray, IntArray
from rdptheory.certificates.transport import MapMultipliers
from rdptheory.doors import guard
from rdptheory.errors import check_settings
from rdptheory.solvers.transport.common_randomness.intervals import IntervalPricing, in_monge_order
from rdptheory.solvers.transport.common_randomness.master import Columns, Master, Pricing, Program, mixture
from rdptheory.solvers.transport.units import in_own_units
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import TransportOutcome
from rdptheory.watch import watched

__all__ = ["ColumnGeneration", "Generation"]

SMOOTHING = 0.9
"""Share of the best prices so far in the prices sent out: Wentges smoothing, against oscillation."""
IMPROVES = 1e-15
"""Reduced cost below which a map is new to the program, relative to max(1, D): less is rounding."""
KEPT = 16
"""Columns kept per row of the linear program when stale ones are dropped."""
COARSEST, LOOSE = 40, 1e-8
"""Larger alphabets start from the prices of a coarser problem, solved to this gap."""

Prices = tuple[float, FloatArray]
"""α, a nat, and ν (m,), masses of Y."""


@dataclass(frozen=True)
class ColumnGeneration:
    """Linear program over maps by column generation.

    Every pricing call finds maps and a lower bound, ν·q - αR + least reduced cost, for whatever prices (ν, α >= 0) it
    was asked about; the linear program on the maps at hand is the upper bound.

    Attributes
    ----------
    gap : float
        Stop when the bracket is this narrow, relative to max(1, D).
    max_steps : int
    """

    gap: float = 1e-11
    max_steps: int = 3000

    def __post_init__(self) -> None:
        check_settings(self)

    def applies(self, problem: DiscreteTransport) -> bool:
        """One-shot with common randomness, and a cost that has a Monge order."""
        return problem.shared and not problem.asymptotic and problem.monge_order is not None

    @in_own_units
    def solve(self, problem: DiscreteTransport) -> TransportOutcome:
        """D(R) with common randomness, for any cost that has a Monge order."""
        order = in_monge_order(problem, self)
        centre = self._coarse_prices(problem, order)
        generation = Generation(problem, IntervalPricing(problem, order), self.gap, self.max_steps)
        return generation.run(comonotone_maps(problem, order), centre)

    def _coarse_prices(self, problem: DiscreteTransport, order: tuple[IntArray, IntArray]) -> Prices | None:
        """Prices of the problem with neighbours merged two by two, interpolated; None if that is small already."""
        if max(problem.shape) <= COARSEST or problem.q.size < 4:
            return None
        coarse = merged(problem, order)
        in_order = np.arange(coarse.p.size), np.arange(coarse.q.size)
        method = replace(self, gap=LOOSE)
        generation = Generation(coarse, IntervalPricing(coarse, in_order), method.gap, method.max_steps)
        proof = generation.run(comonotone_maps(coarse, in_order), method._coarse_prices(coarse, in_order)).proofs[0]
        target = proof.target
        assert target is not None
        nu = np.empty(problem.q.size)
        padded = np.concatenate(([2.0 * target[0] - target[1]], target, [2.0 * target[-1] - target[-2]]))
        nu[order[1]] = np.interp(np.arange(nu.size), 2.0 * np.arange(-1, target.size + 1) + 0.5, padded)
        return proof.rate, nu


class Generation:
    """The loop for any pricing rule."""

    def __init__(self, problem: DiscreteTransport, pricing: Pricing, gap: float, max_steps: int) -> None:
        self.problem, self.pricing, self.gap, self.max_steps = problem, pricing, gap, max_steps
        self.best, self.proof = -np.inf, (0.0, np.zeros(problem.q.size))
        self.history: list[tuple[float, float]] = []
        self.ending = "its steps ran out"

    def run(self, start: IntArray, centre: Prices | None = None) -> TransportOutcome:
        """From the constant maps, the maps `start` (k, n), and prices to stay near."""
        problem = self.problem
        constants = np.repeat(np.arange(problem.q.size)[:, None], problem.p.size, axis=1)
        columns = Columns.of(problem, np.vstack((constants, start)))
        weights = np.concatenate((problem.q, np.zeros(start.shape[0])))  # Y drawn alone, until there is better
        with watched("column generation") as watch:
            master = Master(problem, columns.distinct())
            for _ in range(self.max_steps):
                found = master.solve()
                if found is None:
                    self.ending = "the linear program failed"
                    break
                upper, columns, weights = found.value, master.columns, found.weights
                centre, fresh = self._priced(found, columns, centre or (found.alpha, found.nu))
                self.history.append((self.best, upper))
                watch.step(self.best, upper)
                if upper - self.best <= problem.width(self.gap, upper) or not fresh.entropy.size:
                    self.ending = f"no map improves the mixture by more than {max(upper - self.best, 0.0):.2g}"
                    break
                if columns.entropy.size > 2 * KEPT * (problem.q.size + 1):
                    stale = np.argsort(columns.reduced_cost(found.alpha, found.nu) - weights, kind="stable")
                    weights = master.keep(stale[: KEPT * (problem.q.size + 1)], weights)
                    columns = master.columns
                master.add(fresh)
        maps = mixture(problem, columns, weights)
        return TransportOutcome(
            maps,
            (MapMultipliers(*self.proof, maps=maps.maps),),
            len(self.history),
            watch.sentence(self.ending),
            np.array(self.history).reshape(-1, 2),
        )

    def _priced(self, found: Program, columns: Columns, centre: Prices) -> tuple[Prices, Columns]:
        """The new centre, and maps that improve the mixture: priced near the best so far, else as the program does."""
        problem, known = self.problem, {row.tobytes() for row in columns.maps}
        mix = (SMOOTHING if self.history else 1.0) if self.pricing.smoothed else 0.0
        while True:
            asked = mix * centre[0] + (1.0 - mix) * found.alpha, mix * centre[1] + (1.0 - mix) * found.nu
            for rule in (self.pricing.price, self.pricing.prove):
                priced = rule(*asked)
                bound = float(asked[1] @ problem.q) - asked[0] * problem.R + priced.lower
                if bound > self.best or not self.history:
                    self.best, centre, self.proof = max(self.best, bound), asked, asked
                new = [row for row in priced.maps if row.tobytes() not in known]
                fresh = Columns.of(problem, np.array(new, dtype=np.intp).reshape(-1, problem.p.size))
                needed = -IMPROVES * max(problem.unit, found.value)
                fresh = fresh.take(fresh.reduced_cost(found.alpha, found.nu) < needed)
                if fresh.entropy.size:
                    return centre, fresh
                if mix > 0.0:
                    break
            if mix == 0.0:
                return centre, fresh
            mix = 0.0


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
    cost = left @ problem.cost[np.ix_(rows, labels)] @ right.T
    return replace(problem, p=p, q=q, cost=cost, x=None, y=None)


def _pairs(masses: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Masses of the pairs (k,) and the averaging matrix (k, n)."""
    n = masses.size
    member = np.arange(n) // 2
    average = np.zeros((member[-1] + 1, n))
    average[member, np.arange(n)] = np.maximum(masses, np.finfo(np.float64).tiny)
    return np.bincount(member, weights=masses).astype(np.float64), average / average.sum(axis=1, keepdims=True)


guard(__name__)
