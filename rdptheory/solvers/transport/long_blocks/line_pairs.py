"""Long blocks with a rate Rc of common randomness, or none, where the cost is a product of means, as squared error is.

    D(R) = min E d(X,Y)   over X - Z - Y with I(X;Z) <= R and I(Y;Z) <= R + Rc                          [SLY15]

for any number of letters: the atoms of `solvers.line` and the line of `certificates.transport.pairs_on_line`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rdptheory._types import FloatArray
from rdptheory.certificates.transport import PosteriorMultipliers
from rdptheory.certificates.transport.pairs_on_line import LineCost
from rdptheory.couplings import rounded_plan
from rdptheory.doors import guard
from rdptheory.errors import check_settings
from rdptheory.plans import PrivatePlan
from rdptheory.solvers.line.pairs import Pairs
from rdptheory.solvers.line.search import Found, search
from rdptheory.solvers.transport.long_blocks.free import cheapest, unlimited
from rdptheory.solvers.transport.plan import conditional, spread
from rdptheory.solvers.transport.units import in_own_units
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import TransportOutcome
from rdptheory.watch import watched

__all__ = ["LinePairs", "shared_plan"]

Held = NDArray[np.bool_]
"""Which symbols have mass."""

PART = 0.4
"""Of the gap asked for, what the search may leave; the judge may leave as much, the rest is rounding and repair."""
NODES = 400_000
"""Nodes of the line that the judge may look at: laws next to Gaussian ones have a flat curve and need 100,000."""


@dataclass(frozen=True)
class LinePairs:
    """Prices of posterior pairs by an interior point, proved along a line, for any number of letters.

    For squared error on the line, every table with two rows or two columns, and what else is a product of means.

    Attributes
    ----------
    gap : float
        Stop when the bracket is this narrow, relative to max(1, D).
    max_steps : int
        Newton steps; 30 to 150 are usual.
    """

    gap: float = 1e-9
    max_steps: int = 1000

    def __post_init__(self) -> None:
        check_settings(self)

    def applies(self, problem: DiscreteTransport) -> bool:
        """Over long blocks with a finite rate of common randomness, or none, at a cost that is a product of means."""
        return problem.asymptotic and not problem.shared and LineCost.of(problem.held()[0]) is not None

    @in_own_units
    def solve(self, problem: DiscreteTransport) -> TransportOutcome:
        """D(R), for costs that are products of means."""
        free = unlimited(problem)
        if free is not None or problem.R == 0.0:
            return free or TransportOutcome(sentence="independence is all there is")
        small, rows, columns = problem.held()
        line = LineCost.of(small)
        assert line is not None
        free = cheapest(small, line)
        if free is not None:
            assert isinstance(free.plan, PrivatePlan)
            plan = _spread(free.plan, rows, columns)
            (prices,) = free.proofs
            assert prices.target is not None
            return TransportOutcome(
                plan, (prices.__class__(0.0, spread(prices.target, columns, np.nan)),), 0, free.sentence
            )
        size_x, size_y = (float(np.sqrt(law @ side**2)) for law, side in ((small.p, line.x), (small.q, line.y)))
        unit, fixed = size_x * size_y, float(small.p @ line.rows + small.q @ line.columns)
        if unit == 0.0:
            sides = spread(line.columns, columns, np.nan), spread(line.rows, rows, np.nan)
            return TransportOutcome(proofs=(PosteriorMultipliers(0.0, *sides),), sentence="every plan costs the same")
        limits = np.array([problem.R, problem.R + problem.common])
        pairs = Pairs(small.p, line.x / size_x, small.q, line.y / size_y, limits)
        width = PART * problem.width(self.gap, problem.independent) / unit
        history: list[tuple[float, float]] = []
        first = pairs.start(1.0)
        if float(np.dot((first.alpha, first.beta), limits)) <= width:  # so little rate gains nothing
            found = Found(first, None, width, 0, "such rates gain less than the gap")
            return TransportOutcome(
                proofs=(_proof(found, line, unit, rows, columns, unit * width),), sentence=found.sentence
            )
        found = Found(first, None, width, 0, "nothing was finished")
        with watched("line pairs") as watch:

            def told(lower: float, upper: float, kept: Found) -> None:
                nonlocal found
                found = kept
                history.append((fixed + unit * (lower - 2.0), fixed + unit * (upper - 2.0)))
                watch.step(*history[-1])

            def reached(w: FloatArray, a: FloatArray, b: FloatArray) -> tuple[float, PrivatePlan]:
                plan = shared_plan(small, w, a, b)
                z = small.p @ plan.encoder
                means = small.p @ (pairs.x[:, None] * plan.encoder), plan.decoder @ pairs.y
                return 2.0 - 2.0 * float(means[0] @ means[1]) if z.all() else np.inf, plan

            found = search(pairs, 1.0, width, self.max_steps, reached, told)
        proof = _proof(found, line, unit, rows, columns, unit * found.slack)
        best = None if found.plan is None else _spread(found.plan, rows, columns)
        return TransportOutcome(
            best, (proof,), found.steps, watch.sentence(found.sentence), np.array(history).reshape(-1, 2)
        )


def shared_plan(problem: DiscreteTransport, w: FloatArray, a: FloatArray, b: FloatArray) -> PrivatePlan:
    """Weights (k,) and laws (k, n), (k, m) as a plan with both marginals that keeps its rates."""
    encoder = conditional(rounded_plan((w[:, None] * a).T, problem.p, w), w)
    z = problem.p @ encoder
    decoder = conditional(rounded_plan(z[:, None] * b, z, problem.q), problem.q)
    used = z > 0.0
    plan = PrivatePlan(encoder[:, used], decoder[used], asymptotic=True)
    return plan.thinned(problem, problem.R)


def _spread(plan: PrivatePlan, rows: Held, columns: Held) -> PrivatePlan:
    """The plan on all symbols."""
    return PrivatePlan(spread(plan.encoder.T, rows, 0.0).T, spread(plan.decoder, columns, 0.0), asymptotic=True)


def _proof(found: Found, line: LineCost, unit: float, rows: Held, columns: Held, slack: float) -> PosteriorMultipliers:
    """The prices of the search in the unit of the cost, with what depends on one letter only put back."""
    price = found.prices
    return PosteriorMultipliers(
        unit * (price.alpha + price.beta),
        spread(unit * price.nu + line.columns, columns, np.nan),
        spread(unit * price.mu + line.rows, rows, np.nan),
        unit * price.beta,
        slack=slack,
        max_cells=NODES,
    )


guard(__name__)
