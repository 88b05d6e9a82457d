"""Perception of whole blocks: squared error, W2² of the blocks limited, and a rate of common randomness [QCYX25].

    D(R,Rc,P) = min over decoders with E d <= ..., W2²(law of X^n, law of Y^n) <= n P, R nats of code, Rc nats shared.

Only the law of one letter is limited in `rdp` and `distortion_at` themselves, where common randomness has no effect.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import frexp, inf

import numpy as np

from rdptheory._types import Bounds, FloatArray
from rdptheory.certificates.blocks import BlockPrices, block_lower, block_upper
from rdptheory.closed_forms import ALLOWANCE, ClosedForm, gaussian_block
from rdptheory.distortions import SquaredError
from rdptheory.divergences import Wasserstein2Squared
from rdptheory.errors import InvalidInput
from rdptheory.information import entropy
from rdptheory.plans import PrivatePlan
from rdptheory.problems import Problem
from rdptheory.solution import Slopes, Solution, Status
from rdptheory.solvers.line.pairs import Pairs
from rdptheory.solvers.line.search import Found, search
from rdptheory.solvers.transport.long_blocks import LinePairs
from rdptheory.solvers.transport.long_blocks.line_pairs import shared_plan
from rdptheory.sources import DiscreteSource, Gaussian, Pmf
from rdptheory.transport_problem import BLOCK, TransportProblem, common_rate

__all__ = ["BlockDistortion", "block_distortion", "block_rate"]

PART = 0.3
"""Of the gap, what the search and the proof may leave each."""
LOTS = 1e3
"""Nats of common randomness in place of infinitely many: no law of float64 masses has so much entropy."""
NODES = 400_000
"""Nodes of the line that the judge may look at, as for `LinePairs`."""
SHORTEST, LONGEST = 1e-60, 1e60
"""Of all points: their squares, and products of these with masses, are then numbers that float64 holds in full."""
EVALUATIONS = 40
"""Distortions that one rate may take: tangents close it in about six."""


@dataclass(frozen=True, eq=False)
class BlockDistortion:
    """A bracket on D(R,Rc,P), the height at R of a tangent below it, -dD/dR from R on, what of that holds for smaller
    rates too, w, the plan of the upper end, and how it ended."""

    bounds: Bounds
    height: float
    slope: float
    before: float
    w: float
    plan: PrivatePlan | None
    steps: int
    closed: bool
    message: str

    def times(self, unit: float) -> BlockDistortion:
        """The same for a D that is `unit` times as large, a power of two."""
        bounds = Bounds(self.bounds.lower * unit, self.bounds.upper * unit)
        height, slope, before = self.height * unit, self.slope * unit, self.before * unit
        return replace(self, bounds=bounds, height=height, slope=slope, before=before)


def block_distortion(problem: object, R: float, common_randomness: bool | float, method: LinePairs) -> BlockDistortion:
    """D(R,Rc,P) of a finite law on the line or of a Gaussian, with a proof."""
    problem = _covered(problem)
    extra, P = common_rate(common_randomness), problem.P
    if isinstance(problem.source, Gaussian):
        value = float(gaussian_block.distortion(problem.source.variance, R, P, extra))
        slack = ALLOWANCE * 4.0 * problem.source.variance
        bounds = Bounds(max(0.0, value - slack), value + slack)
        return BlockDistortion(bounds, value, np.nan, np.nan, np.nan, None, 0, True, "Gaussian, W2² of blocks [QCYX25]")
    assert isinstance(problem.source, DiscreteSource)
    asked, unit = _in_unit(problem, problem.source)
    if unit != 1.0:
        return block_distortion(asked, R, extra, method).times(unit)
    whole = TransportProblem(problem.source, problem.source, SquaredError(), R, min(extra, LOTS), True).discrete
    small = whole.held()[0]
    assert small.x is not None
    middle = small.x - float(small.p @ small.x)
    variance = float(small.p @ np.square(middle))
    if variance == 0.0 or R >= entropy(small.p):
        return BlockDistortion(Bounds(0.0, 0.0), 0.0, 0.0, 0.0, 0.0, None, 0, True, "the code tells X itself")
    unit = float(np.sqrt(variance))
    guess = _guess(R, extra, P / variance)
    limits = np.array([R, min(R + small.common, entropy(small.p))])  # more is never used
    if R == 0.0:
        value = variance + float(max(unit - np.sqrt(P), 0.0)) ** 2
        spread = 64.0 * ALLOWANCE * value
        bounds = Bounds(max(0.0, value - spread), value + spread)
        return BlockDistortion(bounds, bounds.lower, np.nan, np.nan, guess, None, 0, True, "no code, no choice")
    x = middle / unit
    pairs = Pairs(small.p, x, small.p, x, limits, None if P == 0.0 else P / variance)
    gap = PART * method.gap * max(1.0, variance) / variance
    kept = Found(pairs.start(guess), None, gap, 0, "nothing was finished")

    def told(lower: float, upper: float, found: Found) -> None:
        nonlocal kept
        kept = found

    def reached(w: FloatArray, a: FloatArray, b: FloatArray) -> tuple[float, PrivatePlan]:
        plan = shared_plan(small, w, a, b)
        return block_upper(small, P, plan)[0] / variance, plan

    kept = search(pairs, guess, gap, method.max_steps, reached, told)
    price = kept.prices
    prices = BlockPrices(
        variance * price.mu + variance * x**2,
        variance * price.nu + price.w * variance * x**2,
        variance * price.alpha,
        variance * price.beta,
        price.w,
    )
    height = block_lower(small, P, prices, variance * kept.slack, NODES)
    upper, plan = block_upper(small, P, kept.plan)
    bounds = Bounds(max(0.0, height), upper)
    slope = max(prices.alpha, 0.0) + max(prices.beta, 0.0)
    before = slope if R + small.common < limits[1] + ALLOWANCE else max(prices.alpha, 0.0)  # H(Y) moves with no rate
    closed = bounds.gap <= method.gap * max(1.0, variance)
    return BlockDistortion(bounds, height, slope, before, price.w, plan, kept.steps, closed, kept.sentence)


def block_rate(problem: object, common_randomness: bool | float, method: LinePairs) -> Solution:
    """R(D,Rc,P), the least rate: tangents and chords of D(R,Rc,P), which is convex in R."""
    problem = _covered(problem)
    D, extra = problem.D, common_rate(common_randomness)
    if isinstance(problem.source, Gaussian):
        return _gaussian_rate(problem, problem.source, extra)
    assert isinstance(problem.source, DiscreteSource)
    top = entropy(problem.source.probabilities / problem.source.probabilities.sum())
    found = block_distortion(problem, 0.0, extra, method)
    if found.bounds.upper <= D:
        return _solution(problem, Bounds(0.0, 0.0), found, method, 0)
    low, high, chord = 0.0, top, ((0.0, found.bounds.upper), (top, 0.0))
    steps, last = 0, found
    for _ in range(EVALUATIONS):
        R = low if low > 0.0 and high - low < PART * top else 0.5 * (low + high)
        last = block_distortion(problem, R, extra, method)
        steps += last.steps
        if last.bounds.upper <= D:
            high, chord = R, (chord[0], (R, last.bounds.upper))
        else:
            chord = ((R, last.bounds.upper), chord[1])
        slope = last.slope if last.height > D else last.before
        if slope > 0.0:
            tangent = (last.height - D) / slope
            low = max(low, R + tangent - ALLOWANCE * (1.0 + abs(tangent)))
        (a, above), (b, below) = chord
        high = min(high, b - (b - a) * (D - below) / (above - below) + ALLOWANCE) if above > below else high
        if high - low <= max(method.gap, 2.0 * last.bounds.gap / max(last.slope, 1e-300)):
            break
    return _solution(problem, Bounds(low, high), last, method, steps)


def _solution(problem: Problem, bounds: Bounds, found: BlockDistortion, method: LinePairs, steps: int) -> Solution:
    slope = found.slope if found.slope > 0.0 else np.nan
    by_P = -found.w / (1.0 - found.w) / slope if found.w < 1.0 else -inf
    closed = bounds.gap <= 1e2 * method.gap
    message = "W2² of whole blocks; its reconstructions lie anywhere on the line, so there is no channel"
    status = Status.OPTIMAL if closed else Status.STOPPED
    slopes = Slopes(0.0, 0.0) if bounds.upper == 0.0 else Slopes(-1.0 / slope, by_P)
    return Solution(problem, bounds.upper, bounds, slopes, None, status, message, method, steps)  # type: ignore[arg-type]


def _gaussian_rate(problem: Problem, source: Gaussian, extra: float) -> Solution:
    D, P = problem.D, problem.P
    value = float(gaussian_block.rate(source.variance, D, P, extra))
    message = "Gaussian, squared error, W2² of whole blocks [QCYX25]"
    if value == inf:
        nothing = Slopes(np.nan, np.nan)
        return Solution(problem, inf, Bounds(inf, inf), nothing, None, Status.INFEASIBLE, message, ClosedForm())
    slack = 4.0 * ALLOWANCE * max(1.0, value)
    bounds = Bounds(max(0.0, value - slack), value + slack) if value > 0.0 else Bounds(0.0, 0.0)
    slopes = Slopes(*gaussian_block.slopes(source.variance, value, P, extra)) if value > 0.0 else Slopes(0.0, 0.0)
    return Solution(problem, bounds.upper, bounds, slopes, None, Status.OPTIMAL, message, ClosedForm())


def _in_unit(problem: Problem, source: DiscreteSource) -> tuple[Problem, float]:
    """The question in a unit in which the variance is at least 1, and the D that is 1 there.

    A gap is relative to max(1, D): small variances it would leave open.
    """
    p = source.probabilities
    deviation = float(np.sqrt(p @ np.square(source.points - float(p @ source.points))))
    if deviation >= 1.0 or deviation == 0.0:
        return problem, 1.0
    unit = 4.0 ** (frexp(deviation)[1] - 1)
    P = min(problem.P / unit, LONGEST**2)  # beyond that none is felt
    return replace(problem, source=Pmf(p, source.points / np.sqrt(unit)), P=P), unit


def _covered(problem: object) -> Problem:
    """Squared error on the line, W2², and no infinite P."""
    if not isinstance(problem, Problem):
        raise InvalidInput("sense", BLOCK, "takes one distortion and no side information")
    if not isinstance(problem.distortion, SquaredError):
        raise InvalidInput("distortion", problem.distortion, f'must be SquaredError() with sense="{BLOCK}"')
    if not isinstance(problem.perception, Wasserstein2Squared):
        raise InvalidInput("perception", problem.perception, f'must be Wasserstein2Squared() with sense="{BLOCK}"')
    if problem.P == inf:
        raise InvalidInput("P", problem.P, f'must be finite with sense="{BLOCK}"')
    source = problem.source
    if isinstance(source, DiscreteSource):
        if source.points.ndim != 1:
            raise InvalidInput("source", source, f'must have points on a line with sense="{BLOCK}"')
        reach = float(np.ptp(source.points[source.probabilities > 0.0]))
        if reach != 0.0 and not SHORTEST <= reach <= LONGEST:
            rule = f'spreads over {reach:g}: with sense="{BLOCK}" measure it in a unit nearer to its size'
            raise InvalidInput("source", source, rule)
    elif not isinstance(source, Gaussian):
        raise InvalidInput("source", source, f'must be Gaussian or finite with sense="{BLOCK}"')
    return problem


def _guess(R: float, extra: float, P: float) -> float:
    """w = 1 - sqrt(P/b) of a Gaussian, inside (0, 1)."""
    s, t = -np.expm1(-2.0 * R), -np.expm1(-2.0 * (R + extra))
    b = 1.0 + s - 2.0 * float(np.sqrt(s * t))
    w = 1.0 - float(np.sqrt(P / b)) if b > P else 0.0
    return 1.0 if P == 0.0 else min(max(w, 0.01), 0.99)
