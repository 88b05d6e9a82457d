"""Sourla, Serra, Stavrou and Kountouris: α-divergences and Gaussians [ALPHA25]."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rdptheory.closed_forms import gaussian
from rdptheory.continuous import Cells
from rdptheory.distortions import SquaredError
from rdptheory.divergences import Divergence, KullbackLeibler, SquaredHellinger
from rdptheory.solve import rdp
from rdptheory.sources import Gaussian
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.schemes import TV
from rdptheory.theorems.settings import INFORMATION
from rdptheory.theorems.statement import Verdict, exceeds, states

COARSE = Cells(gap=4e-3, max_cells=256)  # half the effect, 8e-3 nat under total variation: the upper end alone is used


class Normal(NamedTuple):
    """A variance, a divergence, D and P."""

    variance: float
    perception: Divergence
    D: float
    P: float


def draw_normal(rng: np.random.Generator, given: Given = NOTHING) -> Normal:
    """A Gaussian under total variation where both limits bind."""
    schemes.needs(given, SquaredError)
    given.part("perception", type(TV), lambda: TV, "TotalVariation()")
    variance = schemes.variance(given, lambda: float(rng.uniform(0.5, 4.0)))
    share = float(rng.uniform(0.25, 0.35))
    D = given.number("D", lambda: share * variance, "D/σ² from 0.25 to 0.35", lambda D: 0.25 <= D / variance <= 0.35)
    P = given.number("P", lambda: float(rng.uniform(0.01, 0.02)), "P from 0.01 to 0.02", lambda P: 0.01 <= P <= 0.02)
    return Normal(variance, TV, D, P)


@states(
    "ALPHA25.upper",
    setting=INFORMATION,
    draw=draw_normal,
    conditions="squared error, an f-divergence other than KL(p_Y‖p_X), a perception limit that costs rate",
    where="jointly Gaussian reconstructions as an upper bound",
)
def check_upper(case: Normal) -> Verdict:
    """What assumes jointly Gaussian reconstructions is an upper bound, and not the function.

        R(D,P) < min over jointly Gaussian (X,Y) of I(X;Y)

    A channel between cells takes less than the best Gaussian one.
    """
    found = rdp(Gaussian(0.0, case.variance), SquaredError(), case.perception, D=case.D, P=case.P, method=COARSE)
    joint = gaussian.bounds(case.variance, case.D, case.P, case.perception).upper
    return exceeds(joint, found.bounds.upper)  # two numbers: any upper end proves R(D,P) to be at most that


@check_upper.fails("kullback-leibler")
def kullback_leibler(_: np.random.Generator) -> Normal:
    """under KL(p_Y‖p_X) the Gaussian channel is optimal [ZQCK21]."""
    return Normal(1.0, KullbackLeibler(), 0.3, 0.01)


@check_upper.fails("idle")
def idle(_: np.random.Generator) -> Normal:
    """At P = 0.2 Shannon's optimum, which is Gaussian, keeps the Hellinger limit."""
    return Normal(1.0, SquaredHellinger(), 0.3, 0.2)
