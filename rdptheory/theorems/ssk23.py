"""Serra, Stavrou and Kountouris: Gaussian functions with jointly Gaussian reconstructions [SSK23]."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy

from rdptheory._types import Bounds
from rdptheory.closed_forms import gaussian
from rdptheory.distortions import SquaredError
from rdptheory.divergences import SquaredHellinger
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.settings import INFORMATION
from rdptheory.theorems.statement import Verdict, equal, states

HELLINGER = SquaredHellinger()
FACTOR = 2.0  # of (√r - √p)², as H² is normalised here: the least that is possible without common mass


class Normal(NamedTuple):
    """A variance, D and P; `mass` is what H² has for two laws without common mass."""

    variance: float
    D: float
    P: float
    mass: float = FACTOR


def draw_normal(rng: np.random.Generator, given: Given = NOTHING) -> Normal:
    """A Gaussian where both limits bind or one."""
    schemes.needs(given, SquaredError)
    given.part("perception", SquaredHellinger, lambda: HELLINGER, "SquaredHellinger()")
    variance = schemes.variance(given, lambda: float(rng.uniform(0.5, 4.0)))
    D = given.number("D", lambda: variance * float(rng.uniform(0.05, 1.5)), "D > 0", lambda D: D > 0.0)
    return Normal(
        variance, D, given.number("P", lambda: float(rng.choice([0.001, 0.01, 0.1])), "P < 2", lambda P: P < 2.0)
    )


@states(
    "SSK23.hellinger",
    setting=INFORMATION,
    draw=draw_normal,
    conditions="squared error, H² without a factor ½, jointly Gaussian reconstructions",
    where="the Gaussian under squared Hellinger distance",
)
def check_hellinger(case: Normal) -> Verdict:
    """The best jointly Gaussian channel has the least variance of Y that the Hellinger ball leaves a Gaussian.

        R_h(D), with h² σ² the least Var Y:   2 - 2 √(2h/(1+h²)) = P

    An upper end of R(D,P), since no jointly Gaussian channel is optimal under this divergence.
    """
    overlap = 1.0 - case.P / case.mass
    h = overlap**2 / (1.0 + np.sqrt(max(0.0, 1.0 - overlap**4)))  # 2h/(1+h²) = overlap²

    def cost(g: float) -> float:
        rho = (1.0 + g * g - case.D / case.variance) / (2.0 * g)
        if rho >= 1.0:  # further from σ than √D: no Y of this variance reaches D
            return float("inf")
        return -0.5 * float(np.log1p(-rho * rho)) if rho > 0.0 else 0.0

    best = float(scipy.optimize.minimize_scalar(cost, bounds=(h, 1.0), method="bounded", options={"xatol": 1e-12}).fun)
    best = min(best, cost(h), cost(1.0))  # any g from h on is in the ball
    found = gaussian.bounds(case.variance, case.D, case.P, HELLINGER).upper
    return equal(found, Bounds(best, best))


@check_hellinger.fails("half")
def half(_: np.random.Generator) -> Normal:
    """With a factor ½ in H², as others have it, P = 0.01 is another ball."""
    return Normal(1.0, 0.3, 0.01, mass=1.0)
