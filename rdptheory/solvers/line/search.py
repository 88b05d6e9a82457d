"""All means of a line by a few atoms: solve for the atoms, look along the whole line, add what is missing, sharpen.

An atom goes to the bottom of every valley of the reduced cost and follows it, which ends a round with an error of the
square of the last one. Where the valleys are too flat to tell apart, as they are for laws next to Gaussian ones, the
distances between the atoms that stay where they are are halved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.certificates.line import Least, Letters, least_on_line
from rdptheory.certificates.transport.pairs_on_line import PairCurve
from rdptheory.solvers.line.atoms import Point, apart, first, following, valleys_of
from rdptheory.solvers.line.interior import centre
from rdptheory.solvers.line.pairs import Pairs, Prices

__all__ = ["Found", "search"]

FIRST, SHARPER, LAST = 1e-3, 1e-2, 0.2
"""Gap of the first round in units of a variance, how much smaller that of the next may be, and the last one in units of
the gap that is asked for."""
ROUNDS, ROUND_STEPS, MOVING_STEPS = 20, 120, 40
"""Three rounds of 10 to 30 steps are usual. One with atoms that move needs few steps or never ends."""
SEEN = 201
"""Nodes of the first look along the line."""
CHEAP, ROUGH, FINE = 4_000, 20_000, 400_000
"""Nodes of a look: a cheap one, the most between rounds, and to prove a narrow gap where the curve is flat."""
ROUNDED = 0.01
"""Of the gap of the last round, what a look may leave: more would be worth another one."""
USED = 1e-14
"""Weights, as shares of the largest, that a plan keeps."""
CLOSE = 1e-9
"""Share of the line below which two means that are kept for good are one: a price may be fixed by a kink alone."""
BROKEN = 1e3
"""A round failed if its gap is so many times what was asked: it is done again, and the next one too, from the first
prices on and with atoms that stay where they are."""
FAILURES = 2
"""So many rounds whose moving atoms did not settle, and none is tried with any more."""
SHARP = 0.03
"""Of the gap asked for: what the rounds go on to where a look is cheap, since they converge quadratically."""
STALLED, PATIENCE = 0.9, 4
"""So many rounds in a row that leave more than this share of the gap are the last."""
AGAIN = 10.0
"""A round starts from a gap so many times that of the last one and what its prices were off."""


@dataclass(frozen=True, eq=False)
class Found:
    """The prices of the best lower end, the plan of the best upper end, what a proof may leave, steps, why."""

    prices: Prices
    plan: Any
    slack: float
    steps: int
    sentence: str


@np.errstate(over="ignore", divide="ignore", invalid="ignore")  # masses of 1e-80: what is no number proves nothing
def search(
    pairs: Pairs,
    w: float,
    gap: float,
    most: int,
    reached: Callable[[FloatArray, FloatArray, FloatArray], tuple[float, Any]],
    told: Callable[[float, float, Found], None],
) -> Found:
    """Prices and atoms whose ends are within `gap`, or the best within `most` steps.

    Parameters
    ----------
    pairs : Pairs
    w : float
        At first.
    gap : float
        In units of a variance.
    most : int
        Newton steps.
    reached : function of weights (k,) and laws (k, n), (k, m)
        What a plan made of them costs, and the plan.
    told : function of both ends and what is found so far, called after each round
    """
    guard = _grid(pairs)
    point, before, level = first(pairs, w, guard), guard, FIRST
    prices, plan, lower, upper, steps = pairs.start(w), None, -np.inf, np.inf, 0
    width, idle = np.inf, 0
    sentence, sharp, cheap, failed, failures = f"{ROUNDS} rounds were not enough", False, True, False, 0
    for number in range(ROUNDS):
        anew, failed = failed or failures == FAILURES, False
        if not anew:
            ended = centre(pairs, point, level, min(MOVING_STEPS if number else ROUND_STEPS, most - steps))
            steps += ended.steps
            anew = failed = bool(number) and max(ended.gap, ended.missed) > BROKEN * level
            failures += failed
        if anew:
            every = apart(np.concatenate((before, point.means, guard)), CLOSE * float(np.ptp(guard)))
            ended = centre(pairs, first(pairs, w, every), level, min(ROUND_STEPS, most - steps))
            steps += ended.steps
        point, before = ended.point, ended.point.means
        price = point.price(pairs)
        value, candidate = reached(*_kept(pairs, point))
        if value < upper:
            upper, plan = value, candidate
        goal = SHARP * gap if cheap else gap
        slack = max(LAST * goal, 0.1 * level, ROUNDED * min(width, 1.0))
        least = _look(pairs, price, point.tilts, slack, FINE if level <= 1e3 * gap else ROUGH)
        cheap = least.slopes.size <= CHEAP
        proved = pairs.value(price) + least.floor
        if proved > lower:
            lower, prices = proved, price
        told(lower, upper, Found(prices, plan, (SHARP if cheap else LAST) * gap, steps, f"{number + 1} rounds"))
        if upper - lower <= (SHARP * gap if cheap and not sharp else gap):
            sentence = f"{point.means.size} atoms, {number + 1} rounds"
            break
        sharp = upper - lower <= gap  # one more round
        idle = idle + 1 if upper - lower > STALLED * width else 0
        if idle == PATIENCE:
            sentence = f"{PATIENCE} rounds gained next to nothing"
            break
        width = upper - lower
        if steps >= most:
            sentence = f"its {most} steps ran out"
            break
        begun = AGAIN * (max(ended.gap, ended.missed) + abs(least.best))
        valleys = valleys_of(least, level, pairs.n + pairs.m)
        guard = apart(np.concatenate((guard, least.points[valleys])), CLOSE * float(np.ptp(guard)))
        guard = guard[(guard > pairs.ends[0]) & (guard < pairs.ends[1])]
        point = following(pairs, point, least, valleys, begun, guard)
        level = max(min(SHARPER * level, 0.1 * abs(least.best)), LAST * (SHARP * gap if cheap and not failed else gap))
    return Found(prices, plan, (SHARP if cheap else LAST) * gap, steps, sentence)


def _look(pairs: Pairs, price: Prices, tilts: FloatArray, slack: float, most: int) -> Least:
    """The whole line at these prices."""
    first_side = Letters(pairs.x, -price.mu, pairs.p, price.alpha)
    curve = PairCurve(first_side, Letters(pairs.y, -price.nu, pairs.q, price.beta), price.w)
    return least_on_line(curve, np.concatenate((curve.slopes(SEEN), tilts)), slack, most)


def _grid(pairs: Pairs) -> FloatArray:
    """Means for a start: evenly spread, the letters, closer together in the middle and towards both ends."""
    letters = np.unique(pairs.x)
    low, high = letters[0], letters[-1]
    halves = 2.0 ** -np.arange(1, 11)
    even = np.linspace(low, high, min(2 * max(pairs.n, pairs.m) + 20, 120) + 2)[1:-1]
    ends = high - (high - letters[-2]) * halves, low + (letters[1] - low) * halves
    return apart(np.concatenate((even, [0.0], high * halves, low * halves, letters[1:-1], *ends)), 1e-6 * (high - low))


def _kept(pairs: Pairs, point: Point) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights and laws of the atoms that count."""
    used = point.weights > USED * point.weights.max()
    masses = point.masses[used]
    a, b = masses[:, : pairs.n], masses[:, pairs.n :]
    weights = a.sum(axis=1)
    return weights / weights.sum(), a / weights[:, None], b / b.sum(axis=1, keepdims=True)
