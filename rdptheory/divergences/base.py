"""What every perception divergence can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import inf, nextafter
from typing import ClassVar

import numpy as np

from rdptheory._native import BallSpec
from rdptheory._types import UNIT_ROUNDOFF, FloatArray
from rdptheory.doors import Law, NotNegative, Places, Reference, guard, ours
from rdptheory.errors import InvalidInput, at_least_zero

WAY = 2.0**-26
"""To each symbol, along which δ is differenced: half the digits of float64."""

__all__ = ["Divergence", "FDivergence", "Support", "mean_bound", "raised"]


@dataclass(frozen=True, eq=False)
class Support:
    """The support function of a ball at v, and a law of the ball that attains it up to rounding.

    `value` is an upper bound on max {<v, r> : δ(p, r) <= P}; `law` has shape (m,).
    """

    value: float
    law: FloatArray


class Divergence(ABC):
    """A perception divergence δ(p, r), convex in r, with δ(p, p) = 0."""

    smooth: ClassVar[bool] = False
    """Whether δ is differentiable and strictly convex in the output law."""
    placed: ClassVar[bool] = True
    """Whether it compares laws as it is; else `on(points)` makes what does."""
    cost: FloatArray | None = None
    """The cost table (k, m) if δ is an optimal transport."""
    line: FloatArray | None = None
    """Points of a line, shape (k,), if the monotone coupling is optimal there."""

    @property
    def name(self) -> str:
        """The name people print."""
        return type(self).__name__

    @property
    def ours(self) -> bool:
        """Whether it is a class of this package: of another nobody knows how its formulas round, and a compiled form
        that it inherits may not be that of its φ."""
        return ours(type(self))

    @property
    def faithful(self) -> bool:
        """Whether every law is at distance 0 from itself."""
        return True

    @property
    def definite(self) -> bool:
        """Whether a law is known to be at distance 0 from nothing but itself; a class of one's own may say so.

        Then P = 0 asks for the law of the source itself. Else its ball of radius 0 is what `support` says.
        """
        return False

    merges: ClassVar[bool] = False
    """Whether counting symbols as one never raises δ, as data processing says of f-divergences."""

    @property
    def forbids_new_symbols(self) -> bool:
        """Whether δ is infinite as soon as the output has mass where the reference has none."""
        return False

    @property
    def scale(self) -> float:
        """What δ is rounded in, in its own unit: the greatest cost of a transport, 1 for the others."""
        return 1.0

    def moves(self, size: int) -> FloatArray | None:
        """The costs (k, m) of the transport that δ is between laws on `size` symbols; None where it is none."""
        return self.cost

    def bends(self, reference: Law, law: Law) -> tuple[FloatArray, FloatArray] | None:
        """∂δ/∂r_j and ∂²δ/∂r_j² at a law r > 0, two arrays (m,), where δ is a sum over symbols; None elsewhere."""
        self.check(reference.size, law.size)
        return None

    def check(self, k: int, m: int) -> None:
        """Refuse to compare laws on k symbols with laws on m.

        Raises
        ------
        InvalidInput
        """
        if k != m:
            raise InvalidInput("perception", self, f"compares laws on one alphabet, not on {k} symbols with {m}")

    @abstractmethod
    def value(self, reference: FloatArray, output: FloatArray) -> float:
        """δ(reference, output) for two laws of shape (m,); inf where it is."""

    def uncertainty(self, reference: FloatArray, output: FloatArray, relative: float) -> float:
        """How far δ of laws within `relative` of these, entry by entry, may be from `value` as float64 evaluates it.

        Upper ends of brackets pay for it. Here 64 units of rounding of δ or of its scale, and the relative change of
        both laws as if each unit of mass moved at that scale; a member that knows better says so.
        """
        value = self.value(reference, output)
        return (64.0 * UNIT_ROUNDOFF + 2.0 * relative) * (self.scale + value) if np.isfinite(value) else 0.0

    @abstractmethod
    def support(self, v: FloatArray, reference: FloatArray, P: float) -> Support:
        """σ_P(v) = max {<v, r> : r a law, δ(reference, r) <= P}, bounded from above, rounding included.

        Any upper bound on σ_P turns a dual point into a valid lower bound on the rate, so an early stop of the
        search behind this number costs width, never truth.
        """

    def support_at(self, v: Law, reference: Law, P: float, mu: NotNegative) -> float:
        """An upper bound on σ_P(v) that takes one look, at the multiplier μ >= 0 of the ball.

        Members whose search is short need no μ, and this is their `support`.
        """
        return self.support(v, reference, P).value

    def support_near(self, v: Law, reference: Reference, P: float, mu: NotNegative) -> float:
        """The value of `support`, for a caller who has a guess at the multiplier μ = dσ/dP; here it is not needed."""
        self.check(reference.size, v.size)
        return self.support(v, reference, P).value

    def support_roughly(self, v: Law, reference: Reference, P: NotNegative) -> float:
        """An upper bound on σ_P(v) without any search, such as the largest v."""
        self.check(reference.size, v.size)
        return float(v.max())

    @property
    def convex(self) -> bool:
        """Whether δ is convex in the law of the output, and not its balls alone: then R(D,P) is convex in P."""
        return True

    def ball(self, points: Places, P: float) -> tuple[Divergence, float]:
        """A convex divergence between laws on `points`, and its radius at which the ball is that of radius P here."""
        return self.on(points), at_least_zero("P", P)

    def radius_slope(self, P: float) -> float:
        """Derivative of that radius by P."""
        at_least_zero("P", P)
        return 1.0

    @property
    def has_interior_point(self) -> bool:
        """Whether the interior point knows its balls: they are those of an f-divergence or of a transport."""
        return self.cost is not None or type(self).compiled_ball is not Divergence.compiled_ball

    def compiled_ball(self, reference: Reference, P: NotNegative) -> BallSpec:
        """The ball as the compiled core of the interior point knows it.

        Raises
        ------
        InvalidInput
            It knows none of this kind.
        """
        raise InvalidInput("perception", self, "has no interior point: the method HalfSpaces answers `rdp` about it")

    def support_slope(self, v: Law, reference: Law, mu: NotNegative) -> FloatArray:
        """∂σ_P(v)/∂p_i at the multiplier μ > 0 of the ball: what a unit of reference mass is worth.

        Raises
        ------
        InvalidInput
            The class does not say.
        """
        raise InvalidInput("perception", self, "has no derivative by the source law: its class has no slope of σ")

    def cut(self, reference: Law, law: Law, P: NotNegative) -> tuple[FloatArray, float]:
        """A half-space {r : <g, r> <= h} that holds the ball and touches it near `law`, as (g, h).

        Here g is differenced from `value` along the ways to each symbol, and h is how far `support` reaches along g:
        whatever the differences are worth, the ball is inside. A member with a subgradient g of δ at the law has
        δ(r) >= δ(law) + <g, r - law>, and may take h = P - δ(law) + <g, law>.
        """
        ways = (1.0 - WAY) * law + WAY * np.eye(law.size)
        with np.errstate(invalid="ignore"):  # δ may be inf at a law
            g = np.array([self.value(reference, one) for one in ways]) - self.value(reference, law)
        g = g / WAY if np.isfinite(g).all() else law - reference
        return g, self.support(g, reference, P).value

    def on(self, points: FloatArray) -> Divergence:
        """The same divergence made concrete for laws on `points`; only transport divergences need them."""
        return self


class FDivergence(Divergence):
    """A divergence of the form Σ p φ(r/p), φ convex with φ(1) = 0."""

    merges = True

    recession: float
    """φ'(∞): the price of one unit of mass where the reference law has none; inf forbids it."""

    @property
    def forbids_new_symbols(self) -> bool:
        """Whether φ'(∞) is infinite."""
        return bool(np.isinf(self.recession))


def mean_bound(v: FloatArray, reference: FloatArray) -> float:
    """An upper bound on <v, p> in float64: the support function of a ball that holds the reference p alone."""
    top = float(v.max())
    short = float(reference @ (top - v))
    return raised(top - short * (1.0 - UNIT_ROUNDOFF * (v.size + 8)))


def raised(value: float) -> float:
    """The next float64 above: at least the exact sum or difference of two numbers that was rounded to `value`."""
    return nextafter(value, inf)


guard(__name__)
