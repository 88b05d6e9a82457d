"""Two laws, a rate, and the transport between them; what several sections share."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from rdptheory.distortions import SquaredError
from rdptheory.information import entropy
from rdptheory.plans import PrivatePlan
from rdptheory.sources import DiscreteSource
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.transport import constrained_transport
from rdptheory.transport_solution import TransportSolution


class Pair(NamedTuple):
    """Two laws on a line and a rate in nats."""

    source: DiscreteSource
    target: DiscreteSource
    R: float

    def transport(self, *, common: bool, asymptotic: bool = False, method: Any = None) -> TransportSolution:
        """The transport under squared error."""
        return constrained_transport(
            self.source,
            self.target,
            SquaredError(),
            R=self.R,
            common_randomness=common,
            asymptotic=asymptotic,
            method=method,
        )


def draw_pair(rng: np.random.Generator, given: Given = NOTHING) -> Pair:
    """Two random laws, a rate below both entropies."""
    schemes.needs(given, SquaredError)
    laws = [schemes.source(rng, 3, given=given), schemes.source(rng, 3)]
    ceiling = min(entropy(law.probabilities) for law in laws)
    return Pair(laws[0], laws[1], ceiling * float(rng.uniform(0.05, 0.95)))


def bounds_of(case: Pair) -> tuple[float, float]:
    """(D_mse(X) + D_mse(Y), the same + W2² of the two best quantised laws), by trying all quantisers."""
    low, coded = 0.0, []
    for law in (case.source, case.target):
        p, x = law.probabilities, law.points
        least, encoders = schemes.best_encoders(p, x, case.R)
        low += least
        coded.append([schemes.means(p, x, encoder) for encoder in encoders])
    apart = (schemes.line_transport(one[1], one[0], other[1], other[0]) for one, other in itertools.product(*coded))
    return low, low + min(apart)


def three_terms(case: Pair, answer: TransportSolution) -> float:
    plan = answer.plan
    assert isinstance(plan, PrivatePlan)
    p, x, y = case.source.probabilities, case.source.points, case.target.points
    z = p @ plan.encoder
    held = z > 0.0
    _, centre, quantise = schemes.means(p, x, plan.encoder)
    decoder = plan.decoder[held]
    other = decoder @ y
    dequantise = float(z[held] @ (decoder * schemes.squared(other, y)).sum(axis=1))
    return quantise + dequantise + float(z[held] @ np.square(centre - other))
