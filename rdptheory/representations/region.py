"""The distortion-perception region of a fixed representation, under squared error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import nextafter

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, ArrayLike, Bounds, FloatArray, frozen_array
from rdptheory.couplings import Optimum, optimal_transport, rounded_plan
from rdptheory.divergences import Divergence, FDivergence, Wasserstein2Squared
from rdptheory.doors import guard, unchanged, wholly
from rdptheory.errors import InvalidInput, at_least_zero, real_array
from rdptheory.exact_sums import exact_law
from rdptheory.inverse import Located
from rdptheory.problems import PerceptionLimit
from rdptheory.representations.decoders import best_decoder
from rdptheory.solution import Status
from rdptheory.sources import DiscreteSource

__all__ = ["ExtremeBounds", "Point", "Region", "extreme_bounds", "representation_region"]

NARROW = 1e-9
"""Width of a bracket in units of the largest cost that counts as closed: what HiGHS promises of a linear program."""


@dataclass(frozen=True)
class Point:
    """A distortion and a perception divergence."""

    D: float
    P: float


@dataclass(frozen=True, eq=False)
class Region:
    """The points (D, P) that decoders of one representation reach: D >= distortion(P).

    Attributes
    ----------
    source : DiscreteSource
    perception : Divergence
    masses : array (l,)
        p_Z, the symbols of positive mass.
    means : array (l, k)
        X~ = E[X | Z = z].
    posterior : array (l, n)
        p(x|z).
    finite : bool
        Whether Y stays on the points of the source.
    """

    source: DiscreteSource
    perception: Divergence
    masses: FloatArray
    means: FloatArray
    posterior: FloatArray
    finite: bool

    @cached_property
    def least(self) -> float:
        """E‖X - X~‖², the least distortion of a decoder into R^k."""
        return float(self.masses @ (self.posterior * self._to_points.costs).sum(axis=1))

    @cached_property
    def transport(self) -> Bounds:
        """W2²(p_X~, p_X)."""
        distance, found = self._to_points, self.coupling
        assert found.plan is not None
        p, share = self.source.probabilities, self.rounding
        upper = float(np.vdot(found.plan, distance.most)) + share * float((self.masses @ distance.most).max())
        lost = float(self.masses @ distance.unsure.max(axis=1))
        lost += share * float(self.masses @ np.abs(found.u) + p @ np.abs(found.w))
        return Bounds(max(0.0, found.lower - lost), upper * (1.0 + share))

    @cached_property
    def coupling(self) -> Optimum:
        """An optimal coupling of X~ and X, shape (l, n)."""
        p = self.source.probabilities
        found = optimal_transport(self.masses, p, self._to_points.costs)
        plan = np.outer(self.masses, p) if found.plan is None else rounded_plan(found.plan, self.masses, p)
        return replace(found, plan=plan)

    @cached_property
    def moved(self) -> float:
        """The cost of that coupling, W2²(p_X~, p_X) but for rounding."""
        assert self.coupling.plan is not None
        return float(np.vdot(self.coupling.plan, self._to_points.costs))

    @cached_property
    def lower_right(self) -> Point:
        """The cheapest reconstruction of perfect perception: (E‖X-X~‖² + W2²(p_X~, p_X), 0)."""
        return Point(self.least + self.moved, 0.0)

    @cached_property
    def upper_left(self) -> Point:
        """The best reconstruction of all, and its perception: (E‖X-X~‖², δ(p_X, p_X~)); nearest points if finite."""
        if isinstance(self.perception, Wasserstein2Squared) and not self.finite:
            return Point(self.least, self.moved)
        distance, reference = self._alphabet
        cost = distance.costs
        law = frozen_array(np.bincount(cost.argmin(axis=1), weights=self.masses, minlength=cost.shape[1]))
        divergence = self.perception.on(self.source.points) if self.finite else self.perception
        return Point(self.least + float(self.masses @ cost.min(axis=1)), divergence.value(reference, law))

    def distortion(self, P: float) -> Bounds:
        """D(P) = E‖X-X~‖² + inf over {p_Y: δ(p_X, p_Y) <= P} of W2²(p_X~, p_Y), with a proof.

        P at least 0, inf allowed. The last term is (W2(p_X~, p_X) - √P)², at least 0, for W2² and Y in R^k.
        """
        return self.at(P).bounds

    def at(self, P: float) -> Located:
        """`distortion(P)` with a status: STOPPED where the bracket is wider than `NARROW` of the largest cost."""
        P = at_least_zero("P", P)
        if isinstance(self.perception, Wasserstein2Squared) and not self.finite:
            distance = self._to_points
            more = Bounds(
                *(_beyond(w, P, sign) for w, sign in ((self.transport.lower, -1.0), (self.transport.upper, 1.0)))
            )
        else:
            distance, reference = self._alphabet
            divergence, radius = self.perception.ball(self.source.points, P) if self.finite else (self.perception, P)
            ball = PerceptionLimit(divergence, reference, radius)
            more = best_decoder(self.masses, distance.costs, ball, distance.unsure).bounds
        off = self.rounding * self.least + float(self.masses @ (self.posterior * self._to_points.unsure).sum(axis=1))
        lower = nextafter(max(0.0, self.least - off) + more.lower, 0.0)
        bounds = Bounds(lower, nextafter(self.least + off + more.upper, np.inf))
        if bounds.gap <= NARROW * max(float(distance.costs.max()), bounds.upper):
            return Located(bounds.upper, bounds, message="as narrow as linear programs in float64 prove")
        return Located(bounds.upper, bounds, status=Status.STOPPED, message="no narrower bracket was found")

    @cached_property
    def _alphabet(self) -> tuple[_Distances, FloatArray]:
        """Where Y may sit, and p_X there: beside the points of the source only the conditional means can help, because
        an f-divergence does not see where mass off the support of X lies."""
        p = self.source.probabilities
        if self.finite:
            return self._to_points, p
        both = np.concatenate([columns(self.source), self.means])
        alphabet, first, index = np.unique(both, axis=0, return_index=True, return_inverse=True)
        law = frozen_array(np.bincount(index.ravel()[: p.size], weights=p, minlength=len(alphabet)))
        there, sizes = (np.concatenate(pair)[first] for pair in zip(*self.centred, strict=True))
        return self._distances(there, sizes), law

    @cached_property
    def _to_points(self) -> _Distances:
        """From X~ to the points of the source."""
        return self._distances(*self.centred[0])

    @cached_property
    def centred(self) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
        """Points and conditional means less the mean of X, and what they are rounded in: far from 0 squares would lose
        what the points differ by."""
        points = columns(self.source) - self.source.probabilities @ columns(self.source)
        terms = np.sqrt(np.square(points).sum(axis=1)), np.sqrt(np.square(self.posterior @ np.abs(points)).sum(axis=1))
        return (points, terms[0]), (self.posterior @ points, terms[1])

    @cached_property
    def rounding(self) -> float:
        """Relative error of masses, posteriors, and sums of products with them."""
        (points, _), (means, _) = self.centred
        return UNIT_ROUNDOFF * float(2 * sum(points.shape) + means.shape[0] + 24)

    def _distances(self, there: FloatArray, sizes: FloatArray) -> _Distances:
        """From X~ to places of these sizes: differences off by e make squares off by 2|d|e + e²."""
        _, (means, own) = self.centred
        costs = squares(means, there)
        off = self.rounding * (own[:, None] + sizes)
        return _Distances(costs, off * (2.0 * np.sqrt(costs) + off) + self.rounding * costs)


@dataclass(frozen=True, eq=False)
class _Distances:
    """Squared distances (l, m), and by how much each may be off."""

    costs: FloatArray
    unsure: FloatArray

    @property
    def most(self) -> FloatArray:
        """Rounded up."""
        return self.costs + self.unsure


def _beyond(w: float, P: float, sign: float) -> float:
    """(√w - √P)², at least 0, rounded up or down."""
    over = float(np.sqrt(w) - np.sqrt(P))
    off = 8.0 * UNIT_ROUNDOFF * (w + P)
    return 0.0 if over < -off or P == np.inf else float(max(0.0, max(0.0, over) ** 2 + sign * off))


def representation_region(
    source: DiscreteSource, channel: ArrayLike, perception: Divergence, *, finite: bool = False
) -> Region:
    """The closure of the (D, P) that decoders p(y|z) of a representation p(z|x) reach, under squared error.

        D >= E‖X - X~‖² + inf over {p_Y : δ(p_X, p_Y) <= P} of W2²(p_X~, p_Y),     X~ = E[X|Z]

    Parameters
    ----------
    source : Pmf, Bernoulli or Empirical
    channel : array (n, l)
        p(z|x), rows summing to 1 within 1e-9.
    perception : an f-divergence, Wasserstein2Squared, or, with `finite`, any divergence
    finite : bool
        False: Y anywhere in R^k. True: Y on the points of the source, where the distortion is larger.

    Returns
    -------
    Region
        `lower_right`, `upper_left` and `distortion(P)`.

    Raises
    ------
    InvalidInput

    References
    ----------
    [ZQCK21], Theorem 4.

    Examples
    --------
    >>> from rdptheory import Pmf, Wasserstein2Squared
    >>> source = Pmf([0.25, 0.25, 0.25, 0.25])
    >>> region = representation_region(source, [[1, 0], [1, 0], [0, 1], [0, 1]], Wasserstein2Squared())
    >>> region.upper_left, region.lower_right
    (Point(D=0.25, P=0.25), Point(D=0.5, P=0.0))
    """
    wholly("perception", perception)
    if not finite and not isinstance(perception, (FDivergence, Wasserstein2Squared)):
        raise InvalidInput("perception", perception, "needs finite=True: its best Y in R^k is not on a known alphabet")
    if not finite and isinstance(perception, Wasserstein2Squared):
        unchanged(perception=perception)
    rows = real_array("channel", channel)
    if rows.ndim != 2 or rows.shape[0] != source.size or (rows < 0.0).any():
        raise InvalidInput("channel", channel, f"must have shape ({source.size}, l) and entries of at least 0")
    if float(np.abs(rows.sum(axis=1) - 1.0).max()) > 1e-9:
        raise InvalidInput("channel", channel, "every row must sum to 1")
    joint = exact_law(source.probabilities)[:, None] * (rows / rows.sum(axis=1, keepdims=True))
    masses = joint.sum(axis=0)
    seen = masses > 0.0
    posterior = (joint[:, seen] / masses[seen]).T
    means = posterior @ columns(source)
    return Region(
        source, perception, frozen_array(masses[seen]), frozen_array(means), frozen_array(posterior), bool(finite)
    )


@dataclass(frozen=True)
class ExtremeBounds:
    """What the extreme points of the two optimal representations of one rate can be, squared error, Y in R^k.

    D1 is Shannon's distortion at the rate, D3 the distortion of the best code of perfect perception, σ² = E‖X-EX‖².
    D^(b) belongs to the representation that is optimal without a perception limit, decoded to P = 0; D~^(a) to the
    one that is optimal at P = 0, decoded for the least distortion.

    Attributes
    ----------
    least_D3 : 2σ² - 2σ √(σ² - D1)                         <= D3
    most_Db : 2 D1                                          >= D^(b)
    excess_b : 2 D1 - 2σ² + 2σ √(σ² - D1)                  >= D^(b) - D3; at most σ²/2
    ratio_b : D1/(σ² - σ √(σ² - D1))                        >= D^(b)/D3; at most 2
    most_Da : D3 - D3²/(4σ²)                                >= D~^(a)
    excess_a : D3/2 - D3²/(4σ²)                             >= D~^(a) - D1; at most σ²/4
    ratio_a : 2 - D3/(2σ²)                                  >= D~^(a)/D1
    """

    least_D3: float
    most_Db: float
    excess_b: float
    ratio_b: float
    most_Da: float
    excess_a: float
    ratio_a: float


def extreme_bounds(variance: float, D1: float, D3: float) -> ExtremeBounds:
    """Equations (9), (10) and (22)-(24) of [ZQCK21]: see `ExtremeBounds`; 0 < D1 <= variance, D1 <= D3 <= 2 variance.

    >>> extreme_bounds(1.0, 1.0, 2.0).ratio_b
    1.0
    """
    if not 0.0 < D1 <= variance:
        raise InvalidInput("D1", D1, f"must be above 0 and at most the variance {variance:g}")
    if not D1 <= D3 <= 2.0 * variance * (1.0 + 1e-9):
        raise InvalidInput("D3", D3, f"must lie between D1 = {D1:g} and twice the variance {variance:g}")
    lost = variance * D1 / (variance + np.sqrt(variance * (variance - D1)))  # σ² - σ √(σ² - D1)
    return ExtremeBounds(
        float(2.0 * lost),
        2.0 * D1,
        float(2.0 * (D1 - lost)),
        float(D1 / lost),
        D3 - D3**2 / (4.0 * variance),
        D3 / 2.0 - D3**2 / (4.0 * variance),
        2.0 - D3 / (2.0 * variance),
    )


def columns(source: DiscreteSource) -> FloatArray:
    """The points of a source as rows, shape (n, k)."""
    return source.points[:, None] if source.points.ndim == 1 else source.points


def squares(left: FloatArray, right: FloatArray) -> FloatArray:
    """Squared distances of the rows of two arrays."""
    total = np.zeros((left.shape[0], right.shape[0]))
    for one, other in zip(left.T, right.T, strict=True):
        total += (one[:, None] - other[None, :]) ** 2
    return total


guard(__name__)
