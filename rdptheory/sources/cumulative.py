"""Any law on the line that is known by its distribution function, such as the frozen laws of scipy.stats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rdptheory._types import FloatArray
from rdptheory.doors import Alike, Finished
from rdptheory.errors import InvalidInput
from rdptheory.sources.continuous import CellMoments, ContinuousSource, Tail
from rdptheory.sources.quadrature import gauss_rule
from rdptheory.sources.staircase import START, TRUSTED, Pieces, pieces, rise

__all__ = ["Cumulative", "FrozenLaw"]

WANTED = 1e-9  # relative error of the moments of cells: it costs a bracket about 1e-6 nat
WORST = 1e-6  # with more the bracket would be wider than any method's default gap
FINE = 16  # steps in which a distance doubles: the compander and the exponents of tails are read off such points
STEPS = 2.0 ** np.arange(-60.0, 480.0, 1.0 / FINE)  # distances: from rounding to what float64 holds the square of
BODY = 2000  # points between the outer permilles, where the compander needs more
SPENT = 1e-11  # of a tail's moment: what may lie beyond the last distance
GROWING = 1e-6  # by which a tail's exponent may seem to fall: rounding of two logarithms
COMPARED = 64  # intervals on which density and distribution function are compared
AGREED = 1e-9  # relative difference on the better half of them: Gauss's rule with 16 points is exact there
KEPT = 2  # cuts of cells, and tails on either side, that are not made again
BISECTIONS = 200  # halve any interval of float64 to neighbours but for those that begin at 0, which need no more


@runtime_checkable
class FrozenLaw(Protocol):
    """A continuous law by its functions: a frozen one of scipy.stats, or one of its random variables."""

    def cdf(self, x: Any) -> Any:
        """P(X <= x)."""

    def pdf(self, x: Any) -> Any:
        """The density."""

    def support(self) -> Any:
        """The ends of the support."""


@dataclass(frozen=True, eq=False, repr=False)
class Cumulative(ContinuousSource, Finished):
    """loc + scale Y, Y of a law whose distribution function is known.

    Moments of cells and tails follow from its differences, with the error bounds of `rdptheory.sources.staircase`.
    Neither kinks nor smoothness need be known.

    Parameters
    ----------
    law : FrozenLaw
        Where it has `sf` or `ccdf`, small levels on the right have all their digits; else 1 - cdf is taken.
    name : str
        For messages.
    loc, scale : float
    own_tail : bool
        False if `sf` is there, but is 1 - cdf.

    >>> import scipy.stats
    >>> law = Cumulative(scipy.stats.gamma(2.0), "gamma")
    >>> cells = law.cells(np.array([0.0, 1.0, 3.0]))
    >>> cells.mass.round(6), bool(cells.error < 1e-8)
    (array([0.264241, 0.536611]), True)
    """

    law: FrozenLaw
    name: str
    loc: float = 0.0
    scale: float = 1.0
    own_tail: bool = True
    _last_cut: dict[bytes, Pieces] = field(default_factory=dict, init=False)
    _last_tails: dict[tuple[float, float], Tail] = field(default_factory=dict, init=False)

    analytic = False

    def __repr__(self) -> str:
        return f"{self.name} on [{self.support[0]:g}, {self.support[1]:g}]"

    @cached_property
    def _ends(self) -> tuple[float, float]:
        low, high = (float(end) for end in self.law.support())
        return self.loc + self.scale * low, self.loc + self.scale * high

    @property
    def support(self) -> tuple[float, float]:
        """The least closed interval that holds all mass."""
        return self._ends

    @property
    def _upper(self) -> Any:
        """What the law has for P(Y > y), or None."""
        return getattr(self.law, "sf", getattr(self.law, "ccdf", None))

    @property
    def _exact_above(self) -> bool:
        """Whether small levels on the right have all their digits, and not those of 1 - cdf."""
        return self.own_tail and self._upper is not None

    def below(self, x: FloatArray) -> FloatArray:
        """P(X <= x)."""
        with np.errstate(all="ignore"):
            return np.asarray(self.law.cdf((x - self.loc) / self.scale), dtype=np.float64)

    def above(self, x: FloatArray) -> FloatArray:
        """P(X > x)."""
        if self._upper is None:
            return 1.0 - self.below(x)
        with np.errstate(all="ignore"):
            return np.asarray(self._upper((x - self.loc) / self.scale), dtype=np.float64)

    def density(self, x: FloatArray) -> FloatArray:
        """Probability density at x."""
        with np.errstate(all="ignore"):
            return np.asarray(self.law.pdf((x - self.loc) / self.scale), dtype=np.float64) / self.scale

    def modulus(self, centre: Alike, reach: Alike, height: Alike) -> FloatArray:
        """Nothing is known off the real line."""
        return np.full(centre.shape, np.inf)

    def quantile(self, level: float) -> float:
        """The x with P(X <= x) = level."""
        if level <= 0.0 or level >= 1.0:
            return self.support[0 if level <= 0.0 else 1]
        x, levels = self._ladder
        at = int(np.searchsorted(levels, level))
        a, b = float(x[max(at - 1, 0)]), float(x[min(at, x.size - 1)])
        for _ in range(BISECTIONS):
            middle = 0.5 * (a + b)
            if not a < middle < b:
                break
            a, b = (middle, b) if float(self.below(np.array([middle]))[0]) < level else (a, middle)
        return b

    @cached_property
    def centre(self) -> float:
        """The median: to its right levels are counted from above."""
        return self.quantile(0.5)

    @cached_property
    def _unit(self) -> float:
        """A length of the order of the law's, or of what scipy calls its scale."""
        low, high = self.support
        return high - low if np.isfinite(high - low) else self.scale

    @cached_property
    def _ladder(self) -> tuple[FloatArray, FloatArray]:
        """Points ever further from an end of the support, or from the origin of the law, and their levels."""
        low, high = self.support
        origin = low if np.isfinite(low) else high if np.isfinite(high) else self.loc
        steps = self._unit * STEPS
        x = np.concatenate([origin - steps[::-1], [origin], origin + steps])
        x = np.unique(np.clip(x[np.isfinite(x)], low, high))
        levels = self.below(x)
        rises = np.isfinite(levels).all() and (np.diff(levels) >= -TRUSTED).all()
        within = levels[0] >= -TRUSTED and levels[-1] <= 1.0 + TRUSTED and levels[0] < 0.5 < levels[-1]
        if not rises or not within:
            raise InvalidInput("source", self.name, "its distribution function must be finite and rise from 0 to 1")
        return x, np.maximum.accumulate(levels)

    @cached_property
    def _plain(self) -> Cumulative:
        """The law itself: far from 0, or in a unit whose square leaves float64, X would lose its digits."""
        own = self.loc == 0.0 and self.scale == 1.0
        return self if own else Cumulative(self.law, self.name, own_tail=self.own_tail)

    @cached_property
    def standard_deviation(self) -> float:
        """Square root of Var X; inf where there is none."""
        if self._plain is not self:
            return self.scale * self._plain.standard_deviation
        left, right = self.left_tail(self.centre), self.right_tail(self.centre)
        square = right.mass * right.square + left.mass * left.square
        if not np.isfinite(square):
            return np.inf
        return float(np.sqrt(square - (right.mass * right.excess - left.mass * left.excess) ** 2))

    def standard(self) -> tuple[ContinuousSource, float, float]:
        """From a finite end of the support or the median, in units of the standard deviation."""
        plain = self._plain
        low, high = plain.support
        shift = low if np.isfinite(low) else high if np.isfinite(high) else plain.centre
        scale = plain.standard_deviation
        if not np.isfinite(scale):
            scale = plain.quantile(0.75) - plain.quantile(0.25)
        unit = Cumulative(self.law, self.name, -shift / scale if shift != 0.0 else 0.0, 1.0 / scale, self.own_tail)
        return unit, self.loc + self.scale * shift, self.scale * scale

    def compare(self) -> None:
        """Refuse a law whose density and distribution function disagree where both are smooth.

        Raises
        ------
        InvalidInput
        """
        if self._plain is not self:
            return self._plain.compare()
        try:
            answers = [asked(np.array(self.support)) for asked in (self.below, self.above, self.density)]
            plain = all(answer.shape == (2,) for answer in answers)
        except (TypeError, ValueError, AttributeError):  # whatever a class of one's own makes of arrays
            plain = False
        if not plain:
            rule = "its support must be two numbers, and cdf, pdf and sf must take arrays and return as many numbers"
            raise InvalidInput("source", self.name, rule)
        x, levels = self._ladder
        edges = np.unique(np.interp(np.linspace(0.02, 0.98, COMPARED + 1), levels, x))
        unit, weight = gauss_rule()
        half = 0.5 * np.diff(edges)
        x = 0.5 * (edges[1:] + edges[:-1])[:, None] + half[:, None] * unit
        integral = half * (self.density(x.ravel()).reshape(x.shape) @ weight)
        level, _, beyond = self.levels(edges)
        mass = rise(level, beyond)
        with np.errstate(divide="ignore", invalid="ignore"):
            off = float(np.median(np.abs(integral / mass - 1.0)))
        if not off <= AGREED:
            rule = f"its cdf and pdf must agree to {AGREED:g}, they differ by {off:.1g}: give a ContinuousSource"
            raise InvalidInput("source", self.name, rule)

    def compander(self, levels: FloatArray) -> FloatArray:
        """Quantiles of the cube root of the mean density between many points."""
        x, held = self._companded
        return np.asarray(np.interp(levels, held, x))

    @cached_property
    def _companded(self) -> tuple[FloatArray, FloatArray]:
        low, high = self.support
        steps = self._unit * STEPS
        body = np.linspace(self.quantile(1e-3), self.quantile(1.0 - 1e-3), BODY)
        ends = [end + side * steps for end, side in ((low, 1.0), (high, -1.0)) if np.isfinite(end)]
        x = np.unique(np.concatenate([self.centre - steps, self.centre + steps, body, *ends]))
        x = x[(x > low) & (x < high)]
        level, _, beyond = self.levels(x)
        x, level, beyond = x[level > 0.0], level[level > 0.0], beyond[level > 0.0]
        root = np.cbrt(rise(level, beyond)) * np.cbrt(np.diff(x)) ** 2
        held = np.concatenate([[0.0], np.cumsum(root)])
        return x, held / held[-1]

    def levels(self, x: FloatArray) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        """P(X <= x) up to the centre, P(X > x) beyond it, what they may be off, and which is which."""
        beyond = x > self.centre
        level = np.empty_like(x)
        level[~beyond], level[beyond] = self.below(x[~beyond]), self.above(x[beyond])
        return level, TRUSTED * np.where(beyond & (not self._exact_above), 1.0, level), beyond

    def cells(self, edges: FloatArray) -> CellMoments:
        """The moments within the intervals between increasing `edges` (n+1,) inside the support."""
        length = np.diff(edges)
        held = self._cut(edges).moments(length)
        worst = float(held.error.max())
        if not worst <= WORST:
            rule = f"moments of its cells are known to {worst:.1g} of themselves, {WORST:g} is needed"
            raise InvalidInput("source", self.name, rule)
        return CellMoments(held.mass, held.mean / length, held.variance, worst)

    def spreads(self, edges: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """E|X - X'| within each interval from below and above, and a bound on E|X - mean|.

        Draws from two pieces differ by the distance of their means, from one by 0 to δ/2 on average.
        """
        length, found = np.diff(edges), self._cut(edges)
        held = found.moments(length)
        w = found.mass / held.mass[found.owner]
        at = found.ahead + np.divide(found.first, found.mass, out=np.zeros_like(w), where=found.mass > 0.0)
        before = np.cumsum(w) - w
        before -= before[found.starts][found.owner]
        apart = 2.0 * found.total(w * at * (2.0 * before + w - 1.0))  # 2 Σ_{i<j} w_i w_j (x_j - x_i)
        slack = 4.0 * held.error * length
        mean = held.mean[found.owner]
        holds = np.abs(found.ahead - mean) <= 0.51 * found.width  # the piece of the mean: nothing in it is δ away
        deviation = found.total(w * np.where(holds, found.width, np.abs(at - mean)))
        most = apart + 0.5 * found.total(w * w * found.width)
        return np.maximum(apart - slack, 0.0), most + slack, deviation + slack

    def _cut(self, edges: FloatArray) -> Pieces:
        """Each interval cut, from `START` pieces, with two more beyond each outer edge inside the support.

        The last two are kept: both ends of a bracket ask for the same cells, and for finer ones.
        """
        key = np.ascontiguousarray(edges).tobytes()
        if key not in self._last_cut:
            inner = (edges[:-1, None] + np.diff(edges)[:, None] * (np.arange(START) / START)).ravel()
            cuts = np.append(inner, edges[-1])
            left = edges[0] - (cuts[1] - cuts[0]) * np.array([2.0, 1.0])
            right = edges[-1] + (cuts[-1] - cuts[-2]) * np.array([1.0, 2.0])
            cuts = np.concatenate([left[left >= self.support[0]], cuts, right[right <= self.support[1]]])
            _keep(self._last_cut, KEPT)
            self._last_cut[key] = pieces(self.levels, cuts, edges, WANTED)
        return self._last_cut[key]

    def right_tail(self, b: float) -> Tail:
        """From the levels above b."""
        return self._once((1.0, b), self.support[1] - b, lambda u: self.above(b + u), exact=self._exact_above)

    def left_tail(self, a: float) -> Tail:
        """From the levels below a."""
        return self._once((-1.0, a), a - self.support[0], lambda u: self.below(a - u), exact=True)

    def _once(
        self, key: tuple[float, float], reach: float, beyond: Callable[[FloatArray], FloatArray], *, exact: bool
    ) -> Tail:
        """`_tail`, unless it was one of the last."""
        if key not in self._last_tails:
            _keep(self._last_tails, 2 * KEPT)
            self._last_tails[key] = self._tail(reach, beyond, exact=exact)
        return self._last_tails[key]

    def _tail(self, reach: float, beyond: Callable[[FloatArray], FloatArray], *, exact: bool) -> Tail:
        """The law of a distance u in (0, reach) from P(distance > u) = `beyond`."""
        mass = float(beyond(np.zeros(1))[0])
        if not mass > 0.0 or not reach > 0.0:
            return Tail(0.0)

        def levels(u: FloatArray) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
            level = beyond(u)
            return level, TRUSTED * (level if exact else np.ones_like(level)), np.ones(u.shape, dtype=np.bool_)

        last, first, second = (reach, 0.0, 0.0) if np.isfinite(reach) else self._last(beyond, mass)
        if np.isinf(first):
            return Tail(mass, np.inf, np.inf)
        steps = self._unit * STEPS
        found = pieces(levels, np.concatenate([[0.0], steps[steps < last], [last]]), np.array([0.0, last]), WANTED)
        held = found.moments(np.array([last]))
        inner, mean, variance, error = (float(x[0]) for x in (held.mass, held.mean, held.variance, held.error))
        excess = (inner * mean + 0.5 * first) / mass
        square = (inner * (variance + mean**2) + 0.5 * second) / mass
        lost = max(first / excess, second / square if np.isfinite(square) else 0.0) / mass
        return Tail(mass, excess, square, 3.0 * error + 0.5 * lost)

    def _last(self, beyond: Callable[[FloatArray], FloatArray], mass: float) -> tuple[float, float, float]:
        """A distance beyond which next to nothing of either moment lies, and bounds on what does.

        Where the exponent α = -d log P(distance > u)/d log u has not fallen over the last doubling it is taken not to
        fall further out. Then E(u^k; u > U) <= P(distance > U) U^k α/(α-k) for α > k, and is infinite if α stays below.
        """
        u = self._unit * STEPS
        level = beyond(u)
        fallen = np.maximum(-np.diff(level, prepend=mass), 0.0)
        left, shares = [], []
        with np.errstate(all="ignore"):
            exponent = np.full(u.size, np.nan)
            exponent[FINE:] = np.log(level[:-FINE] / level[FINE:]) / np.log(2.0)
            steady = np.zeros(u.size, dtype=np.bool_)
            steady[2 * FINE :] = exponent[2 * FINE :] >= exponent[FINE:-FINE] - GROWING
            for k in (1, 2):
                rest = np.where(steady & (exponent > k), level * u**k * exponent / (exponent - k), np.inf)
                rest = np.where(level > 0.0, rest, 0.0)
                left.append(rest)
                share = rest / np.cumsum(fallen * u**k)
                shares.append(np.where(np.isnan(share), np.inf, share))
        for share in (np.maximum(*shares), shares[0]):  # both moments, else the first
            enough = np.flatnonzero(share <= SPENT)
            at = int(enough[0]) if enough.size else int(np.argmin(share))
            if share[at] <= 0.5:
                return float(u[at]), float(left[0][at]), float(left[1][at])
        return float(u[-1]), np.inf, np.inf


def _keep(held: dict[Any, Any], most: int) -> None:
    """Drop the oldest, so that one more fits."""
    while len(held) >= most:
        held.pop(next(iter(held)))
