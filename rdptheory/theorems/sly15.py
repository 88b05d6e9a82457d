"""Saldi, Linder, Yüksel: a prescribed output law with a limited rate of common randomness [SLY15]."""

from __future__ import annotations

from itertools import pairwise
from math import inf
from typing import NamedTuple

import numpy as np

from rdptheory._types import Bounds
from rdptheory.distortions import SquaredError
from rdptheory.sources import Pmf
from rdptheory.theorems.statement import Verdict, at_most, equal, states, worst
from rdptheory.transport import constrained_transport

LIMITED = "long blocks, I(X;Z) <= R, I(Y;Z) <= R + Rc"


class Shared(NamedTuple):
    """Two laws on the line, a rate in nats, and rates of common randomness from 0 to inf."""

    source: Pmf
    target: Pmf
    R: float
    common: tuple[float, ...]

    def at(self, common: float) -> Bounds:
        """D(R,Rc)."""
        laws = self.source, self.target
        return constrained_transport(*laws, SquaredError(), R=self.R, common_randomness=common, asymptotic=True).bounds


def draw_shared(rng: np.random.Generator) -> Shared:
    """Three letters on either side and a rate well below their entropies."""
    first, second = (Pmf.from_weights(rng.uniform(0.5, 1.5, 3), np.cumsum(rng.uniform(0.3, 1.0, 3))) for _ in range(2))
    return Shared(first, second, float(rng.uniform(0.05, 0.4)), (0.0, float(rng.uniform(0.05, 0.5)), 2.0, inf))


@states(
    "SLY15.T1",
    setting=LIMITED,
    draw=draw_shared,
    conditions="finite alphabets, rates of common randomness in increasing order, the last one beyond H(Y) - R",
    where="Theorem 1",
)
def check_ends(case: Shared) -> Verdict:
    """More common randomness costs no distortion, and beyond H(Y) - R it buys nothing.

    D(R,Rc) falls in Rc,   D(R,Rc) = D(R,∞) for R + Rc >= H(Y)
    """
    found = [case.at(common) for common in case.common]
    falls = [at_most(more, less) for less, more in pairwise(found)]
    return worst([*falls, equal(found[-2], found[-1])])


@check_ends.fails("backwards")
def take_randomness_away(_: np.random.Generator) -> Shared:
    """With the rates in decreasing order the distortion rises."""
    return Shared(Pmf([0.4, 0.3, 0.3]), Pmf([0.2, 0.3, 0.5]), 0.2, (2.0, 0.3, 0.0))
