"""The question turned around: the least distortion, or the least perception, that a rate pays for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import exp, inf, isfinite, sqrt
from typing import Any, TypeVar

import numpy as np

from rdptheory._types import SUBNORMAL, UNIT_ROUNDOFF, Bounds
from rdptheory.blocks import block_distortion
from rdptheory.certificates import lower_bound, slater_channel
from rdptheory.closed_forms import ALLOWANCE, ClosedForm, gaussian, match
from rdptheory.continuous import limit_at, without_rate
from rdptheory.distortions import Distortion, Table, signed
from rdptheory.divergences import Divergence, KullbackLeibler, Wasserstein2Squared
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, at_least_zero
from rdptheory.exact_sums import remaining_limit
from rdptheory.methods import Method
from rdptheory.problems import DiscreteProblem, Problem
from rdptheory.side_information import ConditionalProblem, SideInformation
from rdptheory.solution import Located, Slopes, Solution, Status
from rdptheory.solve import OUTPUT, ask, by_lines, posed, wanted_gap
from rdptheory.solvers.presolve import drawn_in, min_cost_law, presolve, without_laws
from rdptheory.sources import ContinuousSource, DiscreteSource, Gaussian, Laplace, Source
from rdptheory.transport_problem import INFORMATION, block_sense

__all__ = ["Located", "distortion_at", "perception_at"]

Either = TypeVar("Either", bound=Problem | ConditionalProblem)
SEARCH_STEPS = 100  # rates; bisection alone would take 52
DOUBLINGS = 40  # of the first guess at the upper end: a factor of 1e12
SMALLEST = 1e-12  # of a limit, where the search for a first lower end gives up
NEAR = 1e-9  # of a limit that was bracketed by what is feasible: as narrow as the rates make others
LOST = 4.0 * SUBNORMAL  # what the rounding of a chord is where products have no digits
PLACEHOLDER = 1.0  # where the limit that is sought stands in the question


def distortion_at(
    source: Source,
    distortion: Distortion,
    perception: Divergence | None,
    *,
    R: float,
    P: float,
    method: Method | None = None,
    side_information: SideInformation = None,
    realism: str = OUTPUT,
    common_randomness: bool | float = True,
    sense: str = INFORMATION,
) -> Located:
    """D(R,P), the distortion that a rate R pays for at perception P, with a proof.

        D(R,P) = min over p(y|x) of E d(X,Y)   subject to   I(X;Y) <= R,   δ(p_X, p_Y) <= P

    Every rate that the search computes bounds the answer twice, because R(., P) is convex: its dual point is a
    tangent below the curve, and two channels mix to every point of the chord above it.

    Parameters
    ----------
    source, distortion, perception, method, side_information, realism, common_randomness, sense
        As in `rdp`.
    R : float
        Rate in nats, at least 0; inf asks for the least distortion of all. Where a table forbids so much that no D is
        worth rate 0, a rate below what that costs has no D: INFEASIBLE, inf.
    P : float
        At least 0; inf lifts the constraint.

    Returns
    -------
    Located
        `bounds` in the unit of the distortion; their width is the gap of the rates over the slope of R(., P).

    Raises
    ------
    InvalidInput
        As in `rdp`.

    References
    ----------
    [BM19]

    Examples
    --------
    >>> from rdptheory import Bernoulli, Hamming, TotalVariation, rdp
    >>> found = distortion_at(Bernoulli(0.25), Hamming(), TotalVariation(), R=0.1, P=0.05)
    >>> print(f"{found.value:.9f}", found.bounds.gap < 1e-12)
    0.185545434 True
    >>> print(f"{rdp(Bernoulli(0.25), Hamming(), TotalVariation(), D=found.value, P=0.05).rate:.9f}")
    0.100000000
    """
    R = at_least_zero("R", R)
    problem = posed(source, distortion, perception, PLACEHOLDER, P, side_information, realism)
    if block_sense(sense, common_randomness):
        found = block_distortion(problem, R, common_randomness, by_lines(method))
        status = Status.OPTIMAL if found.closed else Status.STOPPED
        return Located(found.bounds.upper, found.bounds, found.steps, status, found.message)
    plain = problem if isinstance(problem, Problem) else problem.plain
    if signed(distortion) and isinstance(plain.source, DiscreteSource):
        return _shifted(problem, plain, R, method)
    if isinstance(plain.source, DiscreteSource) and (empty := without_laws(problem.discrete)):
        return Located(inf, Bounds(inf, inf), 0, Status.INFEASIBLE, empty)
    if not isinstance(problem, Problem):
        return _given_z(problem, R, method)
    source = problem.source
    if R == inf and isinstance(source, ContinuousSource):
        return Located(0.0, Bounds(0.0, 0.0), message="a copy of the source costs no distortion")
    if isinstance(source, ContinuousSource) and (match(problem) is None or method not in (None, ClosedForm())):
        if R == 0.0 and (known := without_rate(problem)) is not None:
            return Located(known.upper, known, message="the least of a reconstruction that ignores the source")

        def finite(one: Problem, rate: float) -> Bounds:
            return distortion_at(one.source, one.distortion, one.perception, R=rate, P=one.P).bounds

        return _of_density(problem, "D", R, finite, method)
    least, zero_rate, guess = _ends(problem, R)
    if R == 0.0:
        return Located(zero_rate.upper, zero_rate, message="the least of a reconstruction that ignores the source")
    search = _Search(R, lambda D: _at(problem, D=D), lambda slopes: slopes.D, method)
    if search.evaluate(least):
        return _least(least, problem, search.steps)
    high = zero_rate.upper
    if high == inf:  # what is forbidden costs a rate at every D
        free = search.solve_at(inf)
        if free.bounds.lower > R:
            return Located(
                inf, Bounds(inf, inf), search.steps + 1, Status.INFEASIBLE, "what is forbidden costs more rate"
            )
        channel = None if free.candidate is None else free.candidate.channel
        high = PLACEHOLDER if channel is None else max(float(problem.discrete.expected_distortions(channel)[0]), least)
    if R == inf and least < high and not problem.discrete.by_products:
        at = partial(_discrete, problem, "D")
        return _least_limit(at, at, least, high)
    return search.between(least, high, guess)


def _ends(problem: Problem, R: float) -> tuple[float, Bounds, float | None]:
    """The least distortion of all, that at which the rate ends, and a guess at the one of R."""
    source = problem.source
    if isinstance(source, Gaussian):
        P, ball = inf if problem.perception is None else problem.P, gaussian.formula_for(problem.perception, problem.P)
        assert ball is not None  # the question has a closed form
        zero, guess = (float(gaussian.distortion(source.variance, rate, P, ball)) for rate in (0.0, R))
        return 0.0, Bounds(zero * (1.0 - ALLOWANCE), zero * (1.0 + ALLOWANCE)), guess
    if isinstance(source, Laplace):
        return 0.0, Bounds(source.scale, source.scale), source.scale * exp(-R)
    discrete = problem.discrete
    p, limit = discrete.probabilities, discrete.distortions[0]
    least = 0.0 if discrete.by_products else float(p[p > 0.0] @ discrete.row_minima[0])
    geometry, _, unit = limit.measured
    cost = geometry.mean_backward(p)
    law = min_cost_law(cost, discrete.perceptions)
    used = law.law > 0.0
    top = float(law.law[used] @ cost[used])
    error = geometry.rounding(1.0).mean if discrete.by_products else 0.0
    error += _sums(problem) * top
    most = top + error + sum(drawn_in(ball, law.law, cost) for ball in discrete.perceptions)
    return least, Bounds(unit * max(0.0, min(law.value, top) - error), unit * most), None


def _sums(problem: Problem | ConditionalProblem) -> float:
    """The share of a mean of numbers at least 0, over both alphabets of a question, that its sums may round."""
    return UNIT_ROUNDOFF * (sum(problem.discrete.shape) + 16)


def _least(least: float, problem: Problem | ConditionalProblem, steps: int) -> Located:
    """The least distortion of all, a sum that was rounded: some channel keeps the sum, as `rdp` reads it."""
    rounding = _sums(problem) * least
    return Located(least, Bounds(least - rounding, least + rounding), steps, message="no channel reaches less")


def _shifted(problem: Problem | ConditionalProblem, plain: Problem, R: float, method: Method | None) -> Located:
    """D(R,P) where d may be below 0: that of d less its least entries, and their mean, which every channel pays."""
    beside, realism = (None, OUTPUT) if isinstance(problem, Problem) else (problem.side_information, problem.realism)
    rows, masses = plain.discrete.distortions[0].table.min(axis=1), plain.discrete.probabilities
    if beside is not None:
        masses = np.asarray(beside).sum(axis=1)
    rest = Table(plain.discrete.distortions[0].table - rows[:, None], getattr(plain.distortion, "reference", None))
    asked = plain.source, rest, plain.perception
    found = distortion_at(*asked, R=R, P=plain.P, method=method, side_information=beside, realism=realism)
    mean = -remaining_limit(0.0, masses, rows)
    pad = ALLOWANCE * (abs(mean) + found.bounds.lower) if isfinite(found.bounds.lower) else 0.0
    bounds = Bounds(found.bounds.lower + mean - pad, found.bounds.upper + mean + pad)
    return replace(found, value=bounds.upper, bounds=bounds)


def perception_at(
    source: Source,
    distortion: Distortion,
    perception: Divergence,
    *,
    R: float,
    D: float,
    method: Method | None = None,
    side_information: SideInformation = None,
    realism: str = OUTPUT,
) -> Located:
    """P(R,D), the perception that a rate R pays for at distortion D, with a proof.

        P(R,D) = min over p(y|x) of δ(p_X, p_Y)   subject to   I(X;Y) <= R,   E d(X,Y) <= D

    Found as in `distortion_at`: R(D, .) is convex too.

    Parameters
    ----------
    source, distortion, perception, method, side_information, realism
        As in `rdp`; the perception is needed.
    R, D : float
        Rate in nats, at least 0, and distortion as in `rdp`; inf lifts either.

    Returns
    -------
    Located
        inf where R is below R(D, inf): then no perception limit, however loose, is loose enough. If R is within the
        bracket of R(D, inf) the upper end is inf and the lower end what could be proved.

    Raises
    ------
    InvalidInput
        As in `rdp`.

    Examples
    --------
    >>> from rdptheory import Bernoulli, Hamming, TotalVariation
    >>> found = perception_at(Bernoulli(0.25), Hamming(), TotalVariation(), R=0.1, D=0.1855454342)
    >>> print(f"{found.value:.8f}", found.bounds.gap < 1e-12)
    0.05000000 True
    """
    R = at_least_zero("R", R)
    if not perception.convex:
        raise InvalidInput("perception", perception, "must be convex: R need not be convex in this radius")
    problem = posed(source, distortion, perception, D, PLACEHOLDER, side_information, realism)
    if not isinstance(problem, Problem):
        return _perception_given_z(problem, R, method)
    source = problem.source
    if isinstance(source, ContinuousSource) and (match(problem) is None or method not in (None, ClosedForm())):

        def finite(one: Problem, rate: float) -> Bounds:
            assert one.perception is not None
            return perception_at(one.source, one.distortion, one.perception, R=rate, D=one.D).bounds

        return _of_density(problem, "P", R, finite, method)
    if isinstance(source, Gaussian):
        return _least_perception(problem, R, method, float(gaussian.perception(source.variance, R, D, perception)))
    return _least_perception(problem, R, method)


def _least_perception(
    problem: Problem | ConditionalProblem, R: float, method: Method | None, guess: float | None = None
) -> Located:
    """P(R,D) by rates: 0, inf, or between the two, at most the perception of the best channel without a ball."""
    search = _Search(R, lambda P: _at(problem, P=P), lambda slopes: slopes.P, method)
    free = search.solve_at(inf)
    if free.bounds.lower > R or free.status is Status.INFEASIBLE:
        sentence = "the rate is below that without a perception limit"
        return Located(inf, Bounds(inf, inf), 1, Status.INFEASIBLE, sentence)
    if search.evaluate(0.0):
        return Located(0.0, Bounds(0.0, 0.0), search.steps + 1, message="perfect perception is within the rate")
    high = guess
    if guess is None and free.candidate is not None and free.candidate.output is not None:
        output = free.candidate.output
        output = output if isinstance(problem, Problem) else problem.law_of_pairs(output)
        high = problem.discrete.perceptions[0].value(output)
    if high is None or not (isfinite(high) and high > 0.0):
        high = PLACEHOLDER
    if R == inf and isinstance(problem, Problem):
        at = partial(_discrete, problem, "P")
        return _least_limit(at, at, 0.0, high)
    found = search.between(0.0, high, guess)
    return replace(found, steps=found.steps + 1)


def _least_limit(
    kept: Callable[[float], DiscreteProblem], broken: Callable[[float], DiscreteProblem], low: float, high: float
) -> Located:
    """The least limit above `low` that any channel keeps beside the other: no rate is asked for, so none is computed.

    What is seen to be kept is asked of the one question, what is proved not to be of the other.
    """
    least, steps = low, 0
    for _ in range(DOUBLINGS):
        if slater_channel(kept(high)) is not None:
            break
        high = least + 2.0 * (high - least)
    else:
        return Located(inf, Bounds(least, inf), 0, Status.STOPPED, "no channel is seen, however loose the limit")
    while high - low > max(4.0 * ALLOWANCE * high, LOST):
        steps += 1
        middle = 0.5 * (low + high)
        if slater_channel(kept(middle)) is not None:
            high = middle
        elif presolve(broken(middle)).infeasible:
            low = middle
        else:
            break
    status = Status.OPTIMAL if high - low <= NEAR * high else Status.STOPPED
    return Located(high, Bounds(low, high), steps, status, "the least that a channel is seen to keep")


def _perception_given_z(problem: ConditionalProblem, R: float, method: Method | None) -> Located:
    """P(R,D|Z), which at R = 0 is that of Z told whole, and reconstructions made of it."""
    if problem.gaussian:

        def at_rate(plain: Problem, rate: float) -> Located:
            assert plain.perception is not None
            return perception_at(plain.source, plain.distortion, plain.perception, R=rate, D=plain.D, method=method)

        return _of_gaussian(problem, R, at_rate)
    if R > 0.0:
        return _least_perception(problem, R, method)
    source, distortion, divergence = problem.by_z_alone
    room = ALLOWANCE * abs(problem.D) if isfinite(problem.D) else 0.0  # the table holds sums over x, rounded
    broken, kept = (Problem(source, distortion, divergence, problem.D + slack, PLACEHOLDER) for slack in (room, -room))
    if ask(_at(broken, P=inf), method).status is Status.INFEASIBLE:
        return Located(inf, Bounds(inf, inf), 1, Status.INFEASIBLE, "no reconstruction from Z alone keeps D")
    if isfinite(ask(_at(kept, P=0.0), method).rate):
        return Located(0.0, Bounds(0.0, 0.0), 2, message="a reconstruction from Z alone has perfect perception")
    found = _least_limit(partial(_discrete, kept, "P"), partial(_discrete, broken, "P"), 0.0, PLACEHOLDER)
    return replace(found, steps=found.steps + 2)


def _given_z(problem: ConditionalProblem, R: float, method: Method | None) -> Located:
    """D(R,P|Z): between the least distortion and that of a fresh draw given Z, or of the best guess without a ball."""
    if problem.gaussian:

        def at_rate(plain: Problem, rate: float) -> Located:
            return distortion_at(plain.source, plain.distortion, plain.perception, R=rate, P=plain.P, method=method)

        return _of_gaussian(problem, R, at_rate)
    least, guess, draw = problem.ends
    top = guess if problem.P == inf or problem.perception is None else draw
    if R == 0.0:
        sentence = "the least of a reconstruction that knows Z alone"
        status = Status.OPTIMAL if top == guess else Status.STOPPED
        error = ALLOWANCE * problem.discrete.shape[0]  # of sums over pairs
        return Located(top, Bounds(guess * (1.0 - error), top * (1.0 + error)), 0, status, sentence)
    search = _Search(R, lambda D: _at(problem, D=D), lambda slopes: slopes.D, method)
    if search.evaluate(least):
        return _least(least, problem, search.steps)
    return search.between(least, top, None)


def _of_gaussian(problem: ConditionalProblem, R: float, find: Callable[[Problem, float], Located]) -> Located:
    """A limit of a Gaussian beside Z: that of its scalar question, at the rate and as much of I(X;Z) as Z tells."""
    plain, extra = problem.scalar, Bounds(0.0, 0.0) if problem.decoupled else problem.shared
    if extra.upper > 0.0 and not isinstance(plain.perception, (KullbackLeibler, Wasserstein2Squared)):
        raise InvalidInput("perception", plain.perception, "has no inverse beside output realism; W2² and KL have")
    low, high = find(plain, R + extra.upper), find(plain, R + extra.lower)
    return replace(high, value=high.bounds.upper, bounds=Bounds(low.bounds.lower, high.bounds.upper))


def _at(problem: Either, **limit: Any) -> Either:
    """The question with another D or P."""
    if isinstance(problem, ConditionalProblem):
        return replace(problem, plain=_at(problem.plain, **limit))
    return replace(problem, **limit)


def _discrete(problem: Problem, name: str, limit: float) -> DiscreteProblem:
    """The question with another D or P in arrays."""
    return _at(problem, **{name: limit}).discrete


def _of_density(
    problem: Problem, name: str, R: float, find: Callable[[Problem, float], Bounds], method: Method | None
) -> Located:
    bounds, narrow = limit_at(problem, name, R, find, method)
    if bounds.lower == inf:
        return Located(inf, bounds, 0, Status.INFEASIBLE, "no limit, however loose, will do")
    message = "as narrow as asked" if narrow else "a quarter of the cells that it may take proves no narrower bracket"
    return Located(bounds.upper, bounds, 0, Status.OPTIMAL if narrow else Status.STOPPED, message)


class _Search:
    """min {x : rate(x) <= R} for a convex decreasing rate that is known by brackets, tangents and chords."""

    def __init__(
        self,
        R: float,
        problem_at: Callable[[float], Problem | ConditionalProblem],
        slope: Callable[[Slopes], float],
        method: Method | None,
    ) -> None:
        self.R, self.problem_at, self.slope, self.method = R, problem_at, slope, method
        self.pad = 4.0 * ALLOWANCE * max(1.0, R)
        self.low, self.high, self.steps = 0.0, inf, 0
        self.left: tuple[float, float] | None = None
        self.right: tuple[float, float] | None = None
        self.resolution = self.wanted = 0.0
        self.stopped = ""

    def solve_at(self, x: float) -> Solution[Any]:
        """The rate at x."""
        return ask(self.problem_at(x), self.method)

    def between(self, low: float, high: float, guess: float | None) -> Located:
        """Search from `low`, which is no answer, to `high` or as far beyond it as it takes."""
        self.low = max(self.low, low)
        for _ in range(DOUBLINGS):
            if self.evaluate(high):
                break
            high = low + 2.0 * (high - low)
        else:
            while self.low <= low and high > low + SMALLEST:
                high = low + 0.25 * (high - low)
                self.evaluate(high)
            sentence = self.stopped or "the rate asked for lies within the bracket of the rate without this limit"
            return Located(inf, Bounds(self.low, inf), self.steps, Status.STOPPED, sentence)
        asked, width = {low, high}, inf
        for _ in range(SEARCH_STEPS):
            last, width = width, self.high - self.low
            if width <= max(4.0 * self.resolution, 4.0 * ALLOWANCE * self.high):
                break
            x, guess = self.low if guess is None else max(guess, SUBNORMAL), None
            if x in asked or not self.low <= x <= self.high or width > 0.25 * last:
                below = SUBNORMAL if self.low == 0.0 and self.high <= SMALLEST * high else self.low  # of any exponent
                wide = below > 0.0 and self.high > 4.0 * below
                x = sqrt(below) * sqrt(self.high) if wide else 0.5 * (self.low + self.high)
            if x in asked:
                break
            asked.add(x)
            self.evaluate(x)
        else:
            self.stopped = self.stopped or f"{SEARCH_STEPS} rates did not settle it"
        bounds = Bounds(self.low, self.high)
        narrow = max(4.0 * self.wanted, 4.0 * ALLOWANCE * self.high, LOST)
        if bounds.gap > max(narrow, 4.0 * self.resolution) or (self.stopped and bounds.gap > narrow):
            sentence = self.stopped or "no other limit was left to ask for"
            return Located(self.high, bounds, self.steps, Status.STOPPED, sentence)
        return Located(self.high, bounds, self.steps)

    def evaluate(self, x: float) -> bool:
        """Compute the rate at x, tighten both ends, and say whether it is proved to be at most R."""
        self.steps += 1
        solution = self.solve_at(x)
        bounds = solution.bounds
        kept = solution.status is not Status.INFEASIBLE
        seen = isfinite(bounds.upper) or solution.status is Status.OPTIMAL  # inf nats may be what it takes
        good = kept and seen and bounds.upper <= self.R
        if solution.status is Status.STOPPED:
            self.stopped = f"a rate stopped with a gap of {bounds.gap:.2g} nat: {solution.message}"
        if good:
            self.high = min(self.high, x)
            self.right = (x, bounds.upper)  # the search never goes beyond the last one
        else:
            if isfinite(bounds.upper) and (self.left is None or x > self.left[0]):
                self.left = (x, bounds.upper)
            if bounds.lower > self.R or not kept:
                self.low = max(self.low, x)
        self._chord()
        self._tangent(x, solution)
        return good

    def _chord(self) -> None:
        if self.left is not None and self.right is not None and self.left[0] < self.right[0]:
            (a, above), (b, below) = self.left, self.right
            met = b - (self.R - below) / (above - below) * (b - a)
            self.high = min(self.high, met + ALLOWANCE * b + LOST)

    def _tangent(self, x: float, solution: Solution[Any]) -> None:
        steepness = -self.slope(solution.slopes)
        if not (0.0 < steepness < inf and isfinite(solution.bounds.lower) and isfinite(self.R)):
            return
        goal, blur = self.R + self.pad, solution.gap + self.pad
        if abs(solution.bounds.lower - self.R) <= 4.0 * blur:
            self.resolution = blur / steepness
            self.wanted = (wanted_gap(solution.method) + self.pad) / steepness
        reached = x + (solution.bounds.lower - goal) / steepness
        for _ in range(8):
            if reached <= self.low:
                return
            proved = self._lower(reached, solution)
            if proved > self.R:
                self.low = reached
                return
            reached -= 2.0 * (goal - proved) / steepness

    def _lower(self, x: float, solution: Solution[Any]) -> float:
        """A proved lower bound on the rate at x: the dual point of another x proves one too."""
        if solution.dual is None:
            return self.solve_at(x).bounds.lower
        question = self.problem_at(x)
        proved = lower_bound(question.discrete, solution.dual)
        return proved if isinstance(question, Problem) else proved - question.entropy.upper


guard(__name__)
