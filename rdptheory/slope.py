"""The point of R(., P) at a given slope: what Blahut-Arimoto codes are asked for, as a bracket on D and on the rate.

    L(s) = min over D of R(D,P) + s D

A dual point (f, s_k) proves L(s_k) >= a_k, which is a line R(D,P) >= a_k - s_k D below the whole curve; a channel
proves L(s) <= R(D_k,P) + s D_k. A D that attains L(s) therefore has, for every such line,

    D >= (a_k - L(s))/(s_k - s)  where s_k > s,        D <= (L(s) - a_k)/(s - s_k)  where s_k < s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf, isfinite, sqrt
from typing import Any

import numpy as np

from rdptheory._types import SUBNORMAL, UNIT_ROUNDOFF, Bounds
from rdptheory.closed_forms import ALLOWANCE, ClosedForm, match
from rdptheory.distortions import Distortion
from rdptheory.divergences import Divergence
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, finite
from rdptheory.exact_sums import remaining_limit
from rdptheory.inverse import distortion_at
from rdptheory.methods import Method
from rdptheory.problems import Problem
from rdptheory.solution import Solution, Status, Told, as_row, said
from rdptheory.solve import ask, usual, wanted_gap
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.sources import DiscreteSource, Gaussian, Laplace, Source
from rdptheory.units import nats_to_bits

__all__ = ["SlopePoint", "rate_at_slope"]

SHARP = InteriorPoint(gap=1e-11)  # the bracket on D is about as wide as the root of the gap
PLACEHOLDER = 1.0  # where D stands in the question
SEARCH_STEPS = 60  # rates on the way to a slope; about ten are usual
SIDE_STEPS = 24  # on the way to each end of a straight piece
NARROW = 1e-9  # of the range of D: a bracket that no further rate would make much narrower
NOISE = 1e-7  # of s: slopes are known no better
FORMULA = 1e-13  # of 1 + s: more than the slope of a closed form is off
WIDER = 100.0  # times the gap asked for: a rate that is worth a word
ALIKE = 1e-9  # nats: what is not told apart where a slope was computed somewhere to nine digits
STRAIGHT = 1e-3  # of the range of D: points so far apart that cost the same are called a straight piece
VANISHING = 1e-300  # a D at which there is nothing left to find: no slope that float64 holds is steeper than there
ROUNDING = 16 * UNIT_ROUNDOFF  # of a sum of two products
LOST = 4.0 * SUBNORMAL  # what such a sum loses where products have no digits


@dataclass(frozen=True)
class SlopePoint(Told):
    """Where R(., P) has the slope -s.

    Attributes
    ----------
    D : Bounds
        Holds every D that attains min R(D,P) + s D, in the unit of the distortion. On a straight piece that is an
        interval, which the bracket holds as a whole.
    rate : Bounds
        Holds R(D,P) of each of them, in nats.
    s : float
        Nats per unit of distortion.
    straight : bool
        Whether there are points far apart on the curve that cost the same within the brackets.
    steps : int
        Rates that were computed on the way.
    status, message : what the brackets are, and one sentence on it
    """

    D: Bounds
    rate: Bounds
    s: float
    straight: bool = False
    steps: int = 0
    status: Status = Status.OPTIMAL
    message: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a table or a JSON file; rates in nats, None where a number is not finite."""
        told = {
            "slope_D_nat": -self.s,
            "D_lower": self.D.lower,
            "D_upper": self.D.upper,
            "lower_nat": self.rate.lower,
            "upper_nat": self.rate.upper,
            "straight": self.straight,
            "steps": self.steps,
        }
        return as_row(told) | said(self)

    def _rows(self) -> list[tuple[str, str]]:
        return [
            ("slope", f"dR/dD = {-self.s:.6g} nat per unit"),
            ("D", f"{self.D:.12g}, gap {self.D.gap:.2g}"),
            ("rate", f"{self.rate:.12g} nat = {nats_to_bits(self.rate):.12g} bit"),
            ("status", f"{self.status.value}: {self.message}"),
        ]


def rate_at_slope(
    source: Source,
    distortion: Distortion,
    perception: Divergence | None,
    *,
    s: float,
    P: float,
    method: Method | None = None,
) -> SlopePoint:
    """The distortion and the rate at which R(., P) has the slope -s, with a proof.

        min over p(y|x) of I(X;Y) + s E d(X,Y)   subject to   δ(p_X, p_Y) <= P

    Parameters
    ----------
    source : Pmf, Bernoulli, Empirical, or a Gaussian or Laplace source with a closed form
    distortion, perception, P
        As in `rdp`.
    s : float
        Above 0, in nats per unit of distortion. Codes that count bits have s log(2) in its place.
    method : as in `rdp`
        None takes a closed form, or `InteriorPoint(gap=1e-11)`: the bracket on D is as wide as the root of the gap.

    Returns
    -------
    SlopePoint

    Raises
    ------
    InvalidInput
        As in `rdp`, s that is not above 0, a density without a closed form, or no channel that keeps P.

    References
    ----------
    [Bla72], where every point of the curve is found by its slope.

    Examples
    --------
    >>> from rdptheory import Hamming, LogLoss, Pmf, TotalVariation, rate_at_slope
    >>> found = rate_at_slope(Pmf([0.5, 0.3, 0.2]), Hamming(), TotalVariation(), s=2.0, P=0.05)
    >>> print(f"{found.D.lower:.4f} {found.rate.upper:.4f}", found.D.gap < 1e-5, found.straight)
    0.2060 0.3794 True False
    >>> rate_at_slope(Pmf([0.5, 0.5]), LogLoss(), None, s=1.0, P=float("inf")).straight
    True
    """
    s = finite("s", s, positive=True)
    problem = Problem(source, distortion, perception, PLACEHOLDER, P)
    if method in (None, ClosedForm()) and match(problem) is not None:
        return _of_formula(problem, s)
    if not isinstance(problem.source, DiscreteSource):
        raise InvalidInput(
            "source", source, "needs a closed form or a finite alphabet, which discretise(source, n) makes"
        )
    return _Search(problem, s, method).run()


def _of_formula(problem: Problem, s: float) -> SlopePoint:
    """From the slopes of a closed form, which fall as D grows."""
    if not isinstance(problem.source, (DiscreteSource, Gaussian, Laplace)):
        raise InvalidInput("source", problem.source, "has no formula of one number for its slopes")

    def answer(D: float) -> Solution:
        found = match(replace(problem, D=D))
        assert found is not None
        return found

    tolerance = FORMULA * (1.0 + s)

    def flat(D: float) -> bool:  # nothing is left to save beyond, however little a unit of distortion costs
        return answer(D).bounds.upper == 0.0

    low = _turn(lambda D: -answer(D).slopes.D >= s + tolerance)[0] * (1.0 - ALLOWANCE)
    high = _turn(lambda D: -answer(D).slopes.D > s - tolerance and not flat(D))[1] * (1.0 + ALLOWANCE)
    rate = Bounds(answer(high).bounds.lower, answer(low).bounds.upper)
    straight = ALIKE < rate.gap < inf  # a curve that ends in a pole is not straight there
    said = answer(0.5 * (low + high)).message
    return SlopePoint(Bounds(low, high), rate, s, straight, 0, Status.OPTIMAL, _sentence(straight, low, high, said))


def _turn(holds: Callable[[float], bool]) -> tuple[float, float]:
    """Neighbouring D's: the first has a property of small D (it is 0 if none has), the second has it not."""
    low, high = 0.0, 1.0
    while holds(high):
        low, high = high, 2.0 * high
    while low == 0.0:
        if high < VANISHING:
            return low, high
        low, high = (0.5 * high, high) if holds(0.5 * high) else (0.0, 0.5 * high)
    while high - low > ROUNDING * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low, high


def _sentence(straight: bool, low: float, high: float, said: str) -> str:
    piece = f"a straight piece: D from {low:.9g} to {high:.9g} cost the same, but for the gaps"
    return f"{piece if straight else 'one point'}; {said}"


@dataclass(frozen=True)
class _Seen:
    """A rate at D: the slope and the height at 0 of the line below the curve, if there is one, and the upper end."""

    D: float
    s: float
    height: float
    upper: float


@dataclass(eq=False)
class _Search:
    """Rates at D's on both sides of the slope, until the lines below the curve leave little room."""

    problem: Problem
    s: float
    method: Method | None
    seen: list[_Seen] = field(default_factory=list)
    steps: int = 0
    stopped: str = ""

    def run(self) -> SlopePoint:
        """Find the slope, then how far it reaches on either side."""
        problem, method = self.problem, self.method
        free = self._ask(inf)
        if not isfinite(free.rate):
            raise InvalidInput("P", problem.P, f"leaves no rate: {free.message}")
        discrete, question = problem.discrete, (problem.source, problem.distortion, problem.perception)
        held = discrete.probabilities > 0.0
        self.least = (
            0.0 if discrete.by_products else -remaining_limit(0.0, discrete.weights[held], discrete.row_minima[0])
        )
        self.ends = free.dual is None  # else what is forbidden costs a rate at every D
        if self.ends:
            self.most = distortion_at(*question, R=0.0, P=problem.P, method=method).bounds.upper
        else:
            self.most = _spent(free)
        if not isfinite(self.s * max(abs(self.least), abs(self.most))):
            raise InvalidInput("s", self.s, "must leave s D a number of float64, in nats")
        self.seen.append(_Seen(self.most, 0.0, free.bounds.lower, free.bounds.upper))
        for D in (self.most, self.least):
            self._look(D)
        near = self._approach()
        if near is not None:
            self._spread(*near)
        return self._point()

    def _ask(self, D: float) -> Solution:
        self.steps += 1
        question = replace(self.problem, D=D)
        sharp = self.method is None and isinstance(usual(question.discrete), InteriorPoint)
        found = ask(question, SHARP if sharp else self.method)
        if self.method is None and found.gap > WIDER * wanted_gap(found.method):
            found = ask(question, None)  # which tries more
        if found.gap > WIDER * wanted_gap(found.method):
            self.stopped = f"a rate stopped with a gap of {found.gap:.2g} nat: {found.message}"
        return found

    def _look(self, D: float) -> _Seen:
        """One more rate."""
        found = self._ask(D)
        lower, upper = found.bounds.lower, found.bounds.upper
        if found.dual is not None and 0.0 < lower < inf and D > self.least:  # there any s proves the rate
            steep = float(np.ravel(found.dual.s)[0])
            height = lower + steep * D
            one = _Seen(D, steep, height - ROUNDING * (lower + abs(steep * D)), upper)
        else:  # no line; beyond the ends the curve is steeper, or flatter, than any s
            one = _Seen(D, 0.0 if found.slopes.D == 0.0 else inf, -inf, upper)
        self.seen.append(one)
        return one

    @property
    def value(self) -> float:
        """An upper bound on L(s): what the best of the channels costs."""
        costs = (one.upper + self.s * one.D + ROUNDING * (one.upper + self.s * abs(one.D)) for one in self.seen)
        return min(cost for cost in costs if isfinite(cost)) + LOST

    @property
    def bracket(self) -> Bounds:
        """Of every D that attains L(s)."""
        top, low, high = self.value, self.least - ROUNDING * abs(self.least), self.most if self.ends else inf
        for one in self.seen:
            apart = abs(one.s - self.s)
            if apart == 0.0 or not isfinite(one.height):
                continue
            bound = (top - one.height) / (self.s - one.s)
            pad = ROUNDING * abs(bound) + (ROUNDING * (abs(top) + abs(one.height)) + LOST) / apart
            if one.s < self.s:
                high = min(high, bound + pad)
            else:
                low = max(low, bound - pad)
        return Bounds(low, high)

    def _approach(self) -> tuple[_Seen, float] | None:
        """The rate whose slope is next to s, and -dD/dlog s there; None where the curve turns at a corner."""
        left, right = self.seen[-1], self.seen[-2]
        for number in range(SEARCH_STEPS):
            if self.bracket.gap <= NARROW * (self.most - self.least):
                return None
            D = self._between(left, right, number)
            if not left.D < D < right.D:
                return None
            found = self._look(D)
            left, right = (found, right) if found.s > self.s else (left, found)
            if 0.5 * self.s <= right.s and left.s <= 2.0 * self.s:
                bend = (right.D - left.D) / max(left.s / self.s - right.s / self.s, NOISE)
                if abs(found.s - self.s) <= 0.2 * self.s * self._apart(found, bend):
                    return found, bend
        return None

    def _between(self, left: _Seen, right: _Seen, number: int) -> float:
        """Where the slope would be s if it were straight in D, or where the two lines meet; now and then the middle."""
        width, middle = right.D - left.D, 0.5 * (left.D + right.D)
        if left.s == inf or not isfinite(right.height):
            return left.D + 0.3 * width
        if number % 3 == 2:
            return middle
        if number % 3 == 1 or right.s == 0.0:
            met = (left.height - right.height) / (left.s - right.s)
        else:
            met = left.D + (left.s - self.s) / (left.s - right.s) * width
        return met if left.D < met < right.D else middle

    def _apart(self, near: _Seen, bend: float) -> float:
        """The share of s by which slopes on both sides should differ: gap and bend then cost the bracket the same."""
        gap = max(near.upper - (near.height - near.s * near.D), 0.01 * wanted_gap(SHARP))
        return max(sqrt(2.0 * gap / max(bend * self.s, VANISHING)), NOISE)

    def _spread(self, near: _Seen, bend: float) -> None:
        """Rates on both sides, as far away as makes the bracket on D narrowest, or as a straight piece reaches."""
        apart = self._apart(near, bend)
        step = max(apart * bend, NARROW * (self.most - self.least))
        enough = min(2.0 * step, 0.1 * STRAIGHT * (self.most - self.least))
        for side, end in ((-1.0, self.least), (1.0, self.most)):
            inside, outside, reach, seen = near.D, end, step, False
            for _ in range(SIDE_STEPS):
                if side * (outside - inside) <= enough:
                    break
                next_ = inside + side * reach if side * (end - inside) > reach else end
                D = 0.5 * (inside + outside) if seen else next_
                found = self._look(D)
                if side * (self.s - found.s) > 0.5 * apart * self.s:
                    outside, seen = D, True
                elif D == end:
                    break
                else:
                    inside, reach = D, 4.0 * reach

    def _point(self) -> SlopePoint:
        s, top, bracket = self.s, self.value, self.bracket
        alike = max(ALIKE, 4.0 * wanted_gap(SHARP if self.method is None else self.method))
        cheap = [one.D for one in self.seen if one.upper + s * one.D <= top + alike]
        straight = max(cheap) - min(cheap) > STRAIGHT * (self.most - self.least)
        if straight:  # s is rarely its slope to the last digit: the bracket holds the piece whatever it is
            bracket, top = Bounds(min(bracket.lower, *cheap), max(bracket.upper, *cheap)), top + alike
        lines = [one for one in self.seen if isfinite(one.height)]
        lows = [
            one.height - one.s * bracket.upper - ROUNDING * (one.height + one.s * abs(bracket.upper)) for one in lines
        ]
        high = max(0.0, top - s * bracket.lower + ROUNDING * (top + s * abs(bracket.lower)))
        said = self.stopped or "as narrow as the brackets of the rates allow"
        return SlopePoint(
            bracket,
            Bounds(max(0.0, *lows), high),
            s,
            straight,
            self.steps,
            Status.STOPPED if self.stopped else Status.OPTIMAL,
            _sentence(straight, min(cheap), max(cheap), said),
        )


def _spent(found: Solution) -> float:
    """E d of the channel of a finite question."""
    assert found.candidate is not None
    assert found.candidate.channel is not None
    return float(found.problem.discrete.expected_distortions(found.candidate.channel)[0])


guard(__name__)
