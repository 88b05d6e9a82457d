"""From what a method hands over to what is proved: every transport on finite alphabets passes here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import frexp, nextafter

import numpy as np

from rdptheory.certificates.transport.argument import Argument
from rdptheory.certificates.transport.couplings import CouplingMultipliers
from rdptheory.certificates.transport.maps import MapMultipliers
from rdptheory.certificates.transport.plans import Reached, copy_plan, independent_plan, reached
from rdptheory.certificates.transport.posteriors import PosteriorMultipliers
from rdptheory.certificates.transport.rounding import UNDERFLOW, relative_error
from rdptheory.plans import Plan
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import Multipliers, TransportBounds, TransportOutcome

__all__ = ["Judgement", "judged"]

OWN: dict[tuple[bool, bool], type[Argument]] = {
    (False, False): MapMultipliers,
    (True, False): MapMultipliers,
    (False, True): PosteriorMultipliers,
    (True, True): CouplingMultipliers,
}
"""How bare multipliers are read, by (common randomness, long blocks)."""
SMALL, LARGE = 2.0**-200, 2.0**900
"""Largest costs between these are left as they are: squares and sums of them stay inside float64, and `UNDERFLOW` is
nothing beside them."""


@dataclass(frozen=True, eq=False)
class Judgement:
    """The bracket that an outcome proves, the plan that reaches its upper end, and the multipliers of the lower one."""

    bounds: TransportBounds
    plan: Plan
    multipliers: Multipliers | None


def judged(problem: DiscreteTransport, outcome: TransportOutcome) -> Judgement:
    """The bracket that an outcome proves; between the cheapest labels and independence at worst.

    Raises
    ------
    InvalidInput
        An array has a shape that the question does not have.
    """
    root = _root(float(problem.cost.max()))
    found = _judged(problem.over(root), outcome, root)
    lower, upper = _times(found.bounds.lower, root, -np.inf), _times(found.bounds.upper, root, np.inf)
    return replace(found, bounds=replace(found.bounds, lower=lower, upper=upper))


def _root(largest: float) -> float:
    """A power of 2 whose square is divided out of the costs, so that sums of them neither overflow nor underflow."""
    if SMALL <= largest <= LARGE or largest == 0.0:
        return 1.0
    return 2.0 ** (frexp(largest / (LARGE if largest > LARGE else 1.0))[1] // 2)


def _times(value: float, root: float, towards: float) -> float:
    """The value times the square of a power of 2, rounded that way where it is subnormal."""
    found = value * root * root
    back = found / root / root
    return nextafter(found, towards) if (back > value) == (towards < 0.0) and back != value else found


def _judged(problem: DiscreteTransport, outcome: TransportOutcome, root: float) -> Judgement:
    """The same for ordinary costs, those of the outcome divided by the square of `root`."""
    kappa = relative_error(*problem.shape)
    nothing = independent_plan(problem)
    alone = Reached(nothing, (1.0 + kappa) * problem.independent + UNDERFLOW * bool(problem.cost.any()), nothing)
    if problem.R == 0.0:
        lower = max(0.0, (1.0 - kappa) * problem.independent - UNDERFLOW)
        return Judgement(TransportBounds(lower, alone.value, "independence"), alone.plan, None)
    copy = copy_plan(problem)
    if copy is not None:
        return Judgement(TransportBounds(0.0, 0.0, "a copy costs nothing"), copy, None)
    best = alone
    lower, source, multipliers = _cheapest_labels(problem), "the cheapest label of every symbol", None
    with np.errstate(all="ignore"):  # numbers of a stranger may overflow; what is not finite proves nothing
        found = reached(problem, outcome.plan)
        if found is not None and found.value <= best.value:
            best = found
        for claim in outcome.proofs:
            argument = claim if isinstance(claim, Argument) else OWN[problem.shared, problem.asymptotic].read(claim)
            proof = argument.usable(problem)
            if proof is None:
                continue
            multipliers = multipliers or proof
            value = float(proof.times(1.0 / root).times(1.0 / root).lower_end(problem))
            if lower < value < np.inf:
                lower, source, multipliers = value, proof.lower_from, proof
    return Judgement(TransportBounds(max(0.0, lower - UNDERFLOW), best.value, source), best.plan, multipliers)


def _cheapest_labels(problem: DiscreteTransport) -> float:
    """What any coupling costs at least: every symbol with the cheapest one of the other side."""
    p, q = problem.p, problem.q
    rows = float(p @ problem.cost[:, q > 0.0].min(axis=1))
    columns = float(q @ problem.cost[p > 0.0].min(axis=0))
    return max(rows, columns) * (1.0 - relative_error(*problem.shape))
