"""Qu, Chen, Yu, Xu: squared error and W2² of whole blocks with a rate of common randomness [QCYX25]."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np

from rdptheory.closed_forms import gaussian, transport_gaussian
from rdptheory.sources import Gaussian
from rdptheory.theorems.statement import Verdict, at_most, equal, states, worst

BLOCK = "long blocks, W2² of the blocks, Rc nats of common randomness"
GRID = 2001
"""Shares of the variance that a code may keep, the largest one among them: a search that knows no formula."""


class Blocks(NamedTuple):
    """Variance, rates in nats, and P in the unit of the variance."""

    variance: float
    R: float
    Rc: float
    P: float

    def value(self, Rc: float | None = None) -> float:
        """D(R,Rc,P) by the formula."""
        common = self.Rc if Rc is None else Rc
        return float(gaussian.distortion(self.variance, self.R, self.P, common_randomness=common, sense="block"))


def draw_blocks(rng: np.random.Generator) -> Blocks:
    """Rates up to two nats and P up to the variance."""
    variance = float(rng.uniform(0.5, 4.0))
    R, Rc = (float(r) for r in rng.uniform(0.05, 2.0, 2))
    return Blocks(variance, R, Rc, float(variance * rng.uniform(0.0, 1.0)))


@states(
    "QCYX25.gaussian",
    setting=BLOCK,
    draw=draw_blocks,
    conditions="Gaussian X, squared error",
    where="the scalar Gaussian",
)
def check_gaussian(case: Blocks) -> Verdict:
    """No jointly Gaussian code does better than the one of full rate on both sides.

    D(R,Rc,P) = min over s <= 1-e^{-2R}, t <= 1-e^{-2(R+Rc)} of σ²(1-s) + (sqrt(σ²(1+s-2 sqrt(st))) - sqrt P)_+²
    """
    s = np.linspace(0.0, -np.expm1(-2.0 * case.R), GRID)[:, None]
    t = -np.expm1(-2.0 * (case.R + case.Rc)) * np.array([0.25, 0.5, 0.75, 0.9, 1.0])
    b = case.variance * np.maximum(1.0 + s - 2.0 * np.sqrt(s * t), 0.0)
    every = case.variance * (1.0 - s) + np.square(np.maximum(np.sqrt(b) - np.sqrt(case.P), 0.0))
    return equal(case.value(), float(every.min()))


@states(
    "QCYX25.ends",
    setting=BLOCK,
    draw=draw_blocks,
    conditions="Gaussian X, squared error",
    where="no common randomness, unlimited, and perfect perception",
)
def check_ends(case: Blocks) -> Verdict:
    """Three known functions are ends of one.

    Rc = ∞: D(R,P) of one letter,   Rc = 0: d + (sqrt d - sqrt P)_+² at d = σ²e^{-2R},   P = 0: transport
    """
    d = case.variance * float(np.exp(-2.0 * case.R))
    law = Gaussian(0.0, case.variance)
    perfect = case._replace(P=0.0)
    known = float(transport_gaussian.distortion(law, law, R=case.R, common_randomness=case.Rc))
    return worst(
        [
            equal(case.value(inf), float(gaussian.distortion(case.variance, case.R, case.P))),
            equal(case.value(0.0), d + max(np.sqrt(d) - np.sqrt(case.P), 0.0) ** 2),
            equal(perfect.value(), known),
            at_most(case.value(inf), case.value()),
            at_most(case.value(), case.value(0.0)),
        ]
    )
