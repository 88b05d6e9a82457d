"""From what a method hands over to what is proved: every transport on finite alphabets passes here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rdptheory.certificates.transport.argument import Argument
from rdptheory.certificates.transport.couplings import CouplingMultipliers
from rdptheory.certificates.transport.maps import MapMultipliers
from rdptheory.certificates.transport.plans import Reached, copy_plan, independent_plan, reached
from rdptheory.certificates.transport.posteriors import PosteriorMultipliers
from rdptheory.certificates.transport.rounding import relative_error
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
    kappa = relative_error(*problem.shape)
    alone = Reached(independent_plan(problem), (1.0 + kappa) * problem.independent)
    if problem.R == 0.0:
        bounds = TransportBounds((1.0 - kappa) * problem.independent, alone.value, "independence")
        return Judgement(bounds, alone.plan, None)
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
            value = float(proof.lower_end(problem))
            if lower < value < np.inf:
                lower, source, multipliers = value, proof.lower_from, proof
    return Judgement(TransportBounds(lower, best.value, source), best.plan, multipliers)


def _cheapest_labels(problem: DiscreteTransport) -> float:
    """What any coupling costs at least: every symbol with the cheapest one of the other side."""
    p, q = problem.p, problem.q
    rows = float(p @ problem.cost[:, q > 0.0].min(axis=1))
    columns = float(q @ problem.cost[p > 0.0].min(axis=0))
    return max(rows, columns) * (1.0 - relative_error(*problem.shape))
