"""Where the regimes of R(D,P) at a fixed P meet: where the perception limit starts to cost, and where the rate ends."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, sqrt

from rdptheory._types import Bounds
from rdptheory.closed_forms import match
from rdptheory.continuous import Cells, proved_apart
from rdptheory.distortions import Distortion
from rdptheory.divergences import Divergence
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput
from rdptheory.inverse import Located, distortion_at
from rdptheory.methods import Method
from rdptheory.problems import Problem
from rdptheory.solve import answers, ask, rdp, wanted_gap
from rdptheory.sources import ContinuousSource, Gaussian, Source

__all__ = ["CriticalPoints", "critical_points"]

SHARES = (1.0, 0.95, 0.9, 0.75, 0.5)
"""Of Shannon's range, tried from the top for a distortion at which the limit provably costs something."""
RESOLUTION = 1e-7
"""Width of the bisection relative to its upper end: the root of what the gaps of two rates leave."""
REFINEMENTS = 12
"""Halvings between where the limit may cost and where it provably does: a factor of 4,000."""
INSIDE = 0.15
"""Share of an interval that a chord leaves on either side at least, so that both ends come closer."""
FIRST_PLACE = 1e-12
"""Share of Shannon's range below which a limit that still costs something costs from the least distortion on."""


@dataclass(frozen=True)
class CriticalPoints:
    """The two corners of R(., P), in the unit of the distortion.

    Attributes
    ----------
    active : Located or None
        At `bounds.upper` the perception limit provably costs more than 0, so that the point sought is below. At
        `bounds.lower` it costs nothing that the brackets of the rates could tell: that is no proof, and the point may
        lie a little below, by the root of a gap. None if the limit never provably costs. `value` is the lower end.
    active_rate : float
        R(active.value, P) in nats; nan without `active`.
    zero_rate : Located
        The least D at which a reconstruction that ignores the source keeps both limits, exact but for rounding.
    """

    active: Located | None
    active_rate: float
    zero_rate: Located

    def __str__(self) -> str:
        start = "the perception limit costs nothing"
        if self.active is not None:
            low, high = self.active.bounds.lower, self.active.bounds.upper
            start = f"the perception limit costs nothing that shows up to D = {low:.9g}, provably from D = {high:.9g}"
        return f"{start}, rate 0 from D = {self.zero_rate.value:.9g}"


def critical_points(
    source: Source,
    distortion: Distortion,
    perception: Divergence | None,
    *,
    P: float,
    method: Method | None = None,
) -> CriticalPoints:
    """The distortion at which a perception limit becomes active, and the one at which the rate reaches 0.

        active = inf {D : R(D,P) > R(D,inf)},    zero rate = min {D : R(D,P) = 0}

    Arguments as in `rdp`. The first is a bisection on certified rates with and without the limit. The price of the
    limit grows like the square of the way past that point, so the upper end of the bracket lies about the root of the
    gap of the rates beyond it; a smaller `InteriorPoint(gap=...)` moves it closer. The second is the support function
    of the ball.

    >>> from rdptheory import Bernoulli, Hamming, TotalVariation
    >>> points = critical_points(Bernoulli(0.25), Hamming(), TotalVariation(), P=0.05)
    >>> print(f"{points.active.value:.5f} {0.05 / (1 + 2 * 0.05 - 2 * 0.25):.5f}")
    0.08333 0.08333
    >>> print(f"{points.zero_rate.value:.12f} {2 * 0.25 * 0.75 - 0.5 * 0.05:.12f}")
    0.350000000000 0.350000000000
    """
    zero = distortion_at(source, distortion, perception, R=0.0, P=P, method=method)
    free_zero = distortion_at(source, distortion, None, R=0.0, P=inf, method=method)
    least = distortion_at(source, distortion, None, R=inf, P=inf, method=method).value
    if not isfinite(free_zero.value):
        rule = "forbids so much that the rate is above 0 at every D, so there is nothing to find"
        raise InvalidInput("distortion", distortion, rule)
    # the ends of a density's bracket stay apart, unless it has a closed form
    asked = Problem(source, distortion, perception, 1.0, P)
    blunt = isinstance(asked.source, ContinuousSource) and match(asked) is None
    steps = 0
    cells = Cells() if method is None else method
    resolution = max(RESOLUTION, sqrt(wanted_gap(cells))) if blunt else RESOLUTION
    by_cells = blunt and isinstance(cells, Cells) and not isinstance(asked.source, Gaussian)  # which has more bounds
    margins: dict[float, float] = {}

    def price(D: float) -> tuple[bool, bool]:
        """Whether the limit costs nothing that the brackets tell, and whether it provably costs something."""
        nonlocal steps
        steps += 2
        if by_cells and match(Problem(source, distortion, None, D, inf)) is None:
            assert isinstance(cells, Cells)
            dear, cheap = (Problem(source, distortion, perception, D, limit) for limit in (P, inf))
            margins[D] = proved_apart(dear, cheap, ask, cells)
            return margins[D] <= 0.0, margins[D] > 0.0
        bound, free = answers([Problem(source, distortion, perception, D, limit) for limit in (P, inf)], method)
        costs = bound.bounds.lower > free.bounds.upper
        return not costs if blunt else bound.bounds.upper <= free.bounds.upper, costs

    found = next((D for share in SHARES if price(D := least + share * (free_zero.value - least))[1]), None)
    if found is None:
        return CriticalPoints(None, float("nan"), zero)
    low, dear, high = least, found, found
    first = least + FIRST_PLACE * (free_zero.value - least)
    while dear - low > resolution * max(abs(high), high - least) and dear > first:
        D = _between(low, dear, margins)
        nothing, something = price(D)
        low, dear = (D, dear) if nothing else (low, D)
        high = D if something else high
    for _ in range(REFINEMENTS if dear < high else 0):
        D = 0.5 * (dear + high)
        dear, high = (dear, D) if price(D)[1] else (D, high)
    rate = rdp(source, distortion, perception, D=low, P=P, method=method).rate
    return CriticalPoints(Located(low, Bounds(low, high), steps), rate, zero)


def _between(low: float, high: float, margins: dict[float, float]) -> float:
    """Where to look next: where the chord of the margins crosses 0, well inside; the middle without margins."""
    if low not in margins or not isfinite(margins[low]) or not high <= 2.0 * low:
        return 0.5 * (low + high)
    share = margins[low] / (margins[low] - margins[high])
    return low + min(max(share, INSIDE), 1.0 - INSIDE) * (high - low)


guard(__name__)
