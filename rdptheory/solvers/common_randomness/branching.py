"""Pricing of maps under any cost: Lloyd steps on code lengths find good maps, branch and bound proves them best."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.doors import guard
from rdptheory.solution import Status
from rdptheory.solvers.common_randomness.columns import ColumnGeneration
from rdptheory.solvers.common_randomness.master import Priced
from rdptheory.solvers.long_blocks import EntropicTransport
from rdptheory.solvers.transport_plan import cheapest_coupling, conditional, functional_maps
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import TransportSolution

__all__ = ["BranchAndBound"]

LLOYD_STEPS = 40


@dataclass(frozen=True)
class BranchAndBound:
    """Column generation for any cost, with branch and bound over maps as pricing.

    Symbols are assigned one by one, heaviest first. The rest of a partial map costs at least its cheapest labels, and
    its entropy is at least what it would be with all the unassigned mass on one label, because entropy is concave.

    Attributes
    ----------
    gap : float
        Stop when the bracket is this narrow, relative to E d of independent X and Y (at least 1).
    width : int
        Most partial maps kept at a level. Beyond it the least bound among those dropped enters the lower end, which
        stays valid and widens; long blocks then give a second lower end.
    max_steps : int
    """

    gap: float = 1e-11
    width: int = 20_000
    max_steps: int = 400

    def solve(self, problem: DiscreteTransport) -> TransportSolution:
        """D(R) with common randomness for any cost."""
        plan, _ = cheapest_coupling(problem.p, problem.q, problem.cost)
        start = functional_maps(conditional(plan, problem.q))[1]
        loop = ColumnGeneration(self.gap, self.max_steps)
        found = loop.generate(problem, _MapPricing(problem, self.width), start, method=self)
        if found.status is Status.OPTIMAL:
            return found
        blocks = EntropicTransport().solve(problem)
        if blocks.bounds.lower <= found.bounds.lower:
            return found
        bounds = replace(found.bounds, lower=blocks.bounds.lower, lower_from="long blocks can only help")
        return replace(found, bounds=bounds, multipliers=blocks.multipliers)


class _MapPricing:
    def __init__(self, problem: DiscreteTransport, width: int) -> None:
        self.problem, self.width = problem, width
        self.order = np.argsort(-problem.p, kind="stable")
        m = problem.q.size
        sizes = range(1, m + 1) if m <= 6 else (1, 2, m)
        supports = [subset for size in sizes for subset in combinations(range(m), size)]
        self.lengths = np.full((len(supports), m), np.inf)
        for row, subset in zip(self.lengths, supports, strict=True):
            row[list(subset)] = np.log(len(subset))

    def price(self, alpha: float, nu: FloatArray) -> Priced:
        """Maps from Lloyd steps and the search, and the bound of the search."""
        p, m = self.problem.p, self.problem.q.size
        cost = self.problem.cost - nu
        lengths = self.lengths
        rows = np.arange(lengths.shape[0])
        for _ in range(LLOYD_STEPS):
            priced = alpha * lengths if alpha > 0.0 else np.where(np.isinf(lengths), np.inf, 0.0)
            maps = (cost + priced[:, None, :]).argmin(axis=2)
            masses = np.zeros_like(lengths)
            for x, labels in enumerate(maps.T):
                masses[rows, labels] += p[x]
            with np.errstate(divide="ignore"):
                renewed = -np.log(masses)
            if np.array_equal(renewed, lengths):
                break
            lengths = renewed
        maps = np.unique(maps, axis=0)
        masses = np.array([np.bincount(f, weights=p, minlength=m) for f in maps])
        values = cost[np.arange(p.size), maps] @ p + alpha * scipy.special.entr(masses).sum(axis=1)
        order = np.argsort(values, kind="stable")
        lower, found = self._search(alpha, cost, float(values[order[0]]))
        return Priced(lower, maps[order] if found is None else np.vstack((found[None], maps[order])))

    def _search(self, alpha: float, cost: FloatArray, incumbent: float) -> tuple[float, FloatArray | None]:
        """A lower bound on the least reduced cost, and a map below `incumbent` if there is one."""
        p, (n, m) = self.problem.p, cost.shape
        least = p * cost.min(axis=1)
        rest, unassigned = float(least.sum()), 1.0
        value, masses, maps = np.zeros(1), np.zeros((1, m)), np.zeros((1, n), dtype=np.intp)
        dropped = np.inf
        for x in self.order:
            rest, unassigned = rest - float(least[x]), max(0.0, unassigned - float(p[x]))
            k = value.size
            value = (value[:, None] + p[x] * cost[x]).ravel()
            masses = (masses[:, None, :] + p[x] * np.eye(m)).reshape(-1, m)
            entropy = scipy.special.entr(masses)
            growth = (scipy.special.entr(masses + unassigned) - entropy).min(axis=1)
            bound = value + rest + alpha * (entropy.sum(axis=1) + growth)
            kept = np.nonzero(bound < incumbent - 1e-15)[0]
            if kept.size == 0:
                return min(incumbent - 1e-15, dropped), None
            if kept.size > self.width:
                kept = kept[np.argsort(bound[kept], kind="stable")]
                dropped = min(dropped, float(bound[kept[self.width]]))
                kept = kept[: self.width]
            parents, labels = np.divmod(np.arange(k * m)[kept], m)
            value, masses, maps = value[kept], masses[kept], maps[parents]
            maps[:, x] = labels
        best = int(bound[kept].argmin())
        return min(float(bound[kept[best]]), dropped), maps[best]


guard(__name__)
