"""Pricing of maps under any cost: Lloyd steps on code lengths find good maps, branch and bound proves them best."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.certificates.transport.maps import search_maps
from rdptheory.doors import guard
from rdptheory.errors import check_settings
from rdptheory.solvers.transport.common_randomness.columns import Generation
from rdptheory.solvers.transport.common_randomness.master import Priced
from rdptheory.solvers.transport.long_blocks import EntropicTransport
from rdptheory.solvers.transport.plan import conditional, functional_maps, optimal_coupling
from rdptheory.solvers.transport.units import in_own_units
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import TransportOutcome

__all__ = ["BranchAndBound"]

LLOYD_STEPS = 40
"""Most renewals of the code lengths: a dozen are usual, and a start that needs more is one of many."""
WHOLE_FAMILIES = 6
"""Up to this many labels, Lloyd steps start from every set of labels; beyond, there are too many sets."""
IMPROVES = 1e-15
"""Reduced cost below which a search looks for a map: what is less is rounding."""


@dataclass(frozen=True)
class BranchAndBound:
    """Column generation for any cost, with branch and bound over maps as pricing.

    Lloyd steps propose maps; once they find none that improves the mixture, a search does or proves that there is none.
    What the search cannot settle within its width and effort is bounded by long blocks.

    Attributes
    ----------
    gap : float
        Stop when the bracket is this narrow, relative to max(1, D).
    width : int
        Most partial maps that a search keeps at a level; the least bound among those dropped enters the lower end,
        which stays valid and widens.
    max_steps : int
    max_searches : int
        Most searches that may drop partial maps. Each takes a second or so, and few of them settle anything.
    """

    gap: float = 1e-11
    width: int = 20_000
    max_steps: int = 400
    max_searches: int = 4

    def __post_init__(self) -> None:
        check_settings(self)

    def applies(self, problem: DiscreteTransport) -> bool:
        """One-shot with common randomness."""
        return problem.shared and not problem.asymptotic

    @in_own_units
    def solve(self, problem: DiscreteTransport) -> TransportOutcome:
        """D(R) with common randomness for any cost."""
        plan = optimal_coupling(problem.p, problem.q, problem.cost)[0]
        start = functional_maps(conditional(plan, problem.q))[1]
        generation = Generation(problem, _MapPricing(problem, self), self.gap, self.max_steps)
        found = generation.run(start)
        if found.history.size and found.history[-1, 1] - found.history[-1, 0] <= problem.width(
            self.gap, found.history[-1, 1]
        ):
            return found
        return replace(found, proofs=(*EntropicTransport().solve(problem).proofs, *found.proofs))


class _MapPricing:
    smoothed = False

    def __init__(self, problem: DiscreteTransport, method: BranchAndBound) -> None:
        self.problem, self.method, self.unsettled = problem, method, 0
        m = problem.q.size
        sizes = range(1, m + 1) if m <= WHOLE_FAMILIES else (1, 2, m)
        supports = [subset for size in sizes for subset in combinations(range(m), size)]
        self.lengths = np.full((len(supports), m), np.inf)
        for row, subset in zip(self.lengths, supports, strict=True):
            row[list(subset)] = np.log(len(subset))

    def price(self, alpha: float, nu: FloatArray) -> Priced:
        """Maps from Lloyd steps, best first, and no bound."""
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
        return Priced(-np.inf, maps[np.argsort(values, kind="stable")])

    def prove(self, alpha: float, nu: FloatArray) -> Priced:
        """A map below the mixture, or the bound that there is none: the reduced cost of the mixture is 0."""
        if self.unsettled >= self.method.max_searches:
            return Priced(-np.inf, np.empty((0, self.problem.p.size), dtype=np.intp))
        threshold = -IMPROVES * self.problem.unit
        lower, found = search_maps(self.problem.p, self.problem.cost - nu, alpha, threshold, self.method.width)
        self.unsettled += found is None and lower < threshold
        return Priced(lower, np.empty((0, self.problem.p.size), dtype=np.intp) if found is None else found[None])


guard(__name__)
