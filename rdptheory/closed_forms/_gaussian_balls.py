"""How much less than N(0,1) a law in an f-divergence ball around it can vary, bounded from both sides.

    any law        min { E Y² : δ(N(0,1), Y) <= P }, from below
    Gaussian laws  1 - g with δ(N(0,1), N(0,g²)) <= P, from below: as small as is seen to be inside

**Any law.** The mean may be anything, yet the least variance is that of a law around 0: for a given law of the density
ratio the best is to have it fall with (x - c)², and (X - c)² is stochastically least at c = 0. Now let U = X² be split
at random between the two nodes around it, so that its mean stays. The support function of the ball at v = -u can only
grow: its dual has E φ*((v - γ)/μ) in it, convex in u. Likewise if mass of U moves down, by data processing. So the
finite support function of the nodes, which is itself bounded from above, bounds E Y² from below. What rounding may
have taken from the mass of a node, and what lies beyond the last, is moved down on purpose.

**Gaussian laws.** With order a and factor c of the power family, and s = 1 - g,

    δ = c (M - 1)/(a (a - 1)),   M = g^(1-a) (a + (1-a) g²)^(-1/2),

and 2 Φ(x/g) - 2 Φ(x) for total variation, x where the densities cross. For any other φ the ratio t of the densities
falls with |x|, and on every cell φ(t) lies below its chord in t, whose mean is that of two masses.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy

from rdptheory._native import POWER
from rdptheory._types import UNIT_ROUNDOFF, FloatArray
from rdptheory.divergences import FDivergence, SmoothFDivergence, TotalVariation

__all__ = ["gaussian_shrink", "least_second_moment"]

REACH = 12.0  # standard deviations: 4e-33 of the mass lies beyond
CELLS = 2**14  # the second-order error of a split is then below 1e-6 of a variance, 1e-9 for small balls
POINTS = 5  # of the rule on a cell: its error is 1e-33 of the mass there
LARGEST = 1.0 - 1e-6  # s: what is left of the variance, 1e-12, is next to a constant Y
NEAR = 0.5  # |t - 1| up to which a divergence knows φ from the difference

Cells = tuple[FloatArray, FloatArray, FloatArray]


@cache
def _cells() -> Cells:
    """Edges (CELLS + 1,), and at the points of each cell their way from its left edge and the mass of |X| there."""
    edges = REACH / CELLS * np.arange(CELLS + 1.0)
    nodes, weights = np.polynomial.legendre.leggauss(POINTS)
    width = REACH / CELLS
    offsets = np.tile(0.5 * width * (1.0 + nodes), (CELLS, 1))
    x = edges[:-1, None] + offsets
    masses = np.exp(-0.5 * x * x) * (0.5 * width * weights * np.sqrt(2.0 / np.pi))
    return edges, offsets, masses


@cache
def _split() -> tuple[FloatArray, FloatArray]:
    """Nodes u (CELLS + 1,) and a law on them that is stochastically below every split of X².

    A mass errs by (2 x² + 32) roundings: of x in the exponent, of products and sums. Twice that share goes to node 0.
    """
    edges, offsets, masses = _cells()
    left, right = edges[:-1, None], edges[1:, None]
    share = offsets * (2.0 * left + offsets) / ((right - left) * (right + left))  # (x² - a²)/(b² - a²)
    law = np.zeros(CELLS + 1)
    law[1:] += (masses * share).sum(axis=1)
    law[:-1] += (masses * (1.0 - share)).sum(axis=1)
    law *= 1.0 - UNIT_ROUNDOFF * (4.0 * edges**2 + 64.0)
    law[0] = 0.0
    law[0] = 1.0 - law.sum()
    return edges**2, law


def least_second_moment(divergence: FDivergence, P: float) -> float:
    """A lower bound on E Y² of the laws Y of the ball of radius P around N(0,1)."""
    nodes, law = _split()
    return min(1.0, max(0.0, -divergence.support(-nodes, law, P).value))


def gaussian_shrink(divergence: FDivergence, P: float) -> float:
    """An s such that N(0, (1-s)²) is in the ball of radius P around N(0,1), the largest within rounding."""

    def excess(s: float) -> float:
        return min(_at_most(divergence, s) - P, 1.0)

    if excess(LARGEST) <= 0.0:
        return LARGEST
    s = float(scipy.optimize.brentq(excess, 0.0, LARGEST, xtol=1e-300, rtol=1e-14, disp=False))
    less = 1e-15
    while excess(s) > 0.0:  # where the search ended a rounding or two outside
        s, less = s * (1.0 - less), 2.0 * less
    return s


def _at_most(divergence: FDivergence, s: float) -> float:
    """An upper bound on δ(N(0,1), N(0, (1-s)²)), 0 <= s < 1."""
    if s == 0.0:
        return 0.0
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        if isinstance(divergence, TotalVariation):
            value = _total_variation(s)
        elif isinstance(divergence, SmoothFDivergence) and divergence.ours and divergence.compiled[0] == POWER:
            value = _power(*divergence.compiled[1:], s)
        else:
            assert isinstance(divergence, SmoothFDivergence)
            value = _by_chords(divergence, s)
    return value if np.isfinite(value) else np.inf


def _power(order: float, factor: float, s: float) -> float:
    """Terms of the order of s cancel to s²: what is left errs by some roundings of s."""
    log_g, change = np.log1p(-s), -s * (2.0 - s)  # log g and g² - 1
    if order == 1.0:
        value = 0.5 * change - log_g
    elif order == 0.0:
        value = log_g - 0.5 * change / (1.0 - s) ** 2
    else:
        exponent = (1.0 - order) * log_g - 0.5 * np.log1p((1.0 - order) * change)
        value = np.expm1(exponent) / (order * (order - 1.0))
    scale = (1.0 + abs(order)) ** 2 / max(abs(order * (order - 1.0)), 1.0 if order in (0.0, 1.0) else 1e-300)
    size = s if s < 0.5 else abs(log_g) + 1.0 / (1.0 - s) ** 2
    return float(factor * (value + 32.0 * UNIT_ROUNDOFF * (scale * size + abs(value))))


def _total_variation(s: float) -> float:
    """Between the points where the densities cross N(0, g²) has more mass; an error of x is felt to second order."""
    log_g, change = np.log1p(-s), s * (2.0 - s)
    x = np.sqrt(-2.0 * log_g * (1.0 - s) ** 2 / change)
    value = 2.0 * (scipy.special.ndtr(-x) - scipy.special.ndtr(-x / (1.0 - s)))
    return float(value + 16.0 * UNIT_ROUNDOFF)


def _by_chords(divergence: SmoothFDivergence, s: float) -> float:
    edges, offsets, masses = _cells()
    bend = 0.5 * s * (2.0 - s) / (1.0 - s) ** 2  # log t = -log g - bend x²
    change = np.expm1(-np.log1p(-s) - bend * edges**2)  # t - 1 at the edges
    near = np.abs(change) <= NEAR
    phi = np.where(near, divergence.near(np.where(near, change, 0.0)), divergence.phi(1.0 + change))
    left, right = edges[:-1, None], edges[1:, None]
    rest = right - left - offsets
    share = np.expm1(bend * rest * (right + left + offsets)) / np.expm1(bend * (right - left) * (right + left))
    total = float((masses * (share * phi[:-1, None] + (1.0 - share) * phi[1:, None])).sum())
    beyond = 2.0 * float(scipy.special.ndtr(-REACH)) * float(np.maximum(divergence.phi(np.zeros(1))[0], phi[-1]))
    size = float((masses.sum(axis=1) * np.maximum(np.abs(change[:-1]), np.abs(change[1:]))).sum())
    if not divergence.ours:
        t = 1.0 + change
        terms = np.abs(phi) + 1.0 + t + np.nan_to_num(t * np.abs(divergence.slope(t)), nan=0.0)  # 0 times inf
        size += float((masses.sum(axis=1) * np.maximum(terms[:-1], terms[1:])).sum())
    return total * (1.0 + 512.0 * UNIT_ROUNDOFF) + beyond + 32.0 * UNIT_ROUNDOFF * size
