"""All means of a line by a few atoms: solve for the atoms, look along the whole line, add what is missing, sharpen.

An atom goes to the bottom of every valley of the reduced cost and follows it, which ends a round with an error of the
square of the last one. Where the valleys are too flat to tell apart, as they are for laws next to Gaussian ones, the
distances between the atoms that stay where they are are halved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.certificates.line import Least, Letters, least_on_line
from rdptheory.certificates.transport.pairs_on_line import PairCurve
from rdptheory.solvers.line.ascent import Ascent, ascend
from rdptheory.solvers.line.pairs import Atoms, Pairs, Prices
from rdptheory.solvers.line.valleys import lowest_places

__all__ = ["Found", "search"]

FIRST, SHARPER, LAST = 1e-3, 1e-2, 0.2
"""Gap of the first round in units of a variance, how much smaller that of the next may be, and the last one in units of
the gap that is asked for."""
ROUNDS, ROUND_STEPS = 14, 60
"""Four or five rounds of 10 to 30 steps are usual."""
SEEN = 201
"""Nodes of the first look along the line."""
CHEAP, ROUGH, FINE = 4_000, 20_000, 400_000
"""Nodes of a look: a cheap one, the most between rounds, and to prove a narrow gap where the curve is flat."""
SHARE = 1e-3
"""Of the barrier that goes to atoms without weight: they must be able to gain some."""
USED, SPLIT, FORGOTTEN = 1e-14, 1e-4, 1e-7
"""Weights, as shares of the largest, that a plan keeps, that halve the distance to the next atom, and that leave."""
SAME, CLOSE = 1e-7, 1e-3
"""Shares of the line below which two atoms are one, and two of those that are kept for good."""
INSET = 1e-12
"""Share of the line by which atoms stay away from its ends, where a law is a letter and its tilt infinite."""
BROKEN = 1e3, 0.03
"""A round failed if its gap is so many times what was asked, or its laws are missed by so much."""
SHARP = 0.03
"""Of the gap asked for: what the rounds go on to where a look is cheap, since they converge quadratically."""
STALLED, PATIENCE = 0.9, 4
"""So many rounds in a row that leave more than this share of the gap are the last."""
FAR_OFF = 0.03
"""Depth of a valley in units of a variance from which on the prices are found anew: the old ones say nothing there."""


@dataclass(frozen=True, eq=False)
class Found:
    """The prices of the best lower end, the plan of the best upper end, what a proof may leave, steps, why."""

    prices: Prices
    plan: Any
    slack: float
    steps: int
    sentence: str


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
    atoms, base = Atoms.fixed(guard), _bell(pairs, guard)
    z, level, least = pairs.start(w), FIRST, None
    prices, plan, lower, upper, steps = pairs.prices(z), None, -np.inf, np.inf, 0
    width, idle = np.inf, 0
    sentence, sharp, cheap = f"{ROUNDS} rounds were not enough", False, True
    for number in range(ROUNDS):
        anew = least is None or (least.best < -FAR_OFF and number < ROUNDS // 2)
        solved: Ascent | None = None
        for start in (pairs.guess, pairs.start) if anew else (None, pairs.start):
            if start is not None:
                atoms, level = atoms.held(), max(level, FIRST) if anew else level
                z, base = start(w), _bell(pairs, atoms.means)
            solved = ascend(pairs, z, atoms, base, level, min(ROUND_STEPS, most - steps), start == pairs.start)
            steps += solved.steps
            if solved.gap <= BROKEN[0] * level and solved.missing <= BROKEN[1]:
                break
        assert solved is not None
        z, atoms, weights = solved.z, solved.seen.atoms, solved.weights
        price = pairs.prices(z)
        value, candidate = reached(*_kept(pairs, price, atoms, weights))
        if value < upper:
            upper, plan = value, candidate
        curve = PairCurve(
            Letters(pairs.x, -price.mu, pairs.p, price.alpha), Letters(pairs.y, -price.nu, pairs.q, price.beta), price.w
        )
        nodes = np.concatenate((curve.slopes(SEEN), atoms.tilts * price.alpha))
        near = level <= 1e3 * gap
        goal = SHARP * gap if cheap else gap
        least = least_on_line(curve, nodes, max(LAST * goal, 0.1 * level), FINE if near else ROUGH)
        cheap = least.slopes.size <= CHEAP
        proved = pairs.objective(z)[0] + least.floor
        if proved > lower:
            lower, prices = proved, price
        told(lower, upper, Found(prices, plan, SHARP * gap if cheap else gap, steps, f"{number + 1} rounds"))
        if upper - lower <= (SHARP * gap if cheap and not sharp else gap):
            sentence = f"{atoms.means.size} atoms, {number + 1} rounds"
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
        valleys = _valleys(least, level, pairs.n + pairs.m)
        level = max(
            min(SHARPER * level, 0.1 * abs(least.best) if number else level), LAST * (SHARP * gap if cheap else gap)
        )
        atoms, base, guard = _next(least, valleys, atoms, weights, guard, price.alpha)
    return Found(prices, plan, SHARP * gap if cheap else gap, steps, sentence)


def _grid(pairs: Pairs) -> FloatArray:
    """Means for a start: evenly spread, the letters, closer together in the middle and towards both ends."""
    letters = np.unique(pairs.x)
    low, high = letters[0], letters[-1]
    halves = 2.0 ** -np.arange(1, 11)
    even = np.linspace(low, high, min(2 * max(pairs.n, pairs.m) + 20, 120) + 2)[1:-1]
    ends = high - (high - letters[-2]) * halves, low + (letters[1] - low) * halves
    return _apart(np.concatenate((even, [0.0], high * halves, low * halves, letters[1:-1], *ends)), 1e-6 * (high - low))


def _bell(pairs: Pairs, means: FloatArray) -> FloatArray:
    """Shares for a start: half even, half as a Gaussian source would have it."""
    kept = max(-float(np.expm1(-2.0 * pairs.rates[0])), 1e-6)
    bell = np.exp(-np.minimum(0.5 * means**2 / kept, 7.0))
    return np.asarray(0.5 * bell / bell.sum() + 0.5 / means.size)


def _kept(pairs: Pairs, price: Prices, atoms: Atoms, weights: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights and laws of the atoms that count."""
    used = weights > USED * weights.max()
    laws = pairs.laws(price, atoms.tilts[used])[0], pairs.partners(price, atoms.means[used])[0]
    return weights[used] / weights[used].sum(), *laws


def _valleys(least: Least, level: float, most: int) -> FloatArray:
    """Indices of the nodes at the bottom of valleys that the prices, exact to `level`, could make of use."""
    found = lowest_places(least.values, max(0.1 * level, 1e-14))
    found = found[least.values[found] <= max(30.0 * level, 3.0 * abs(least.best))]
    return np.sort(found[np.argsort(least.values[found], kind="stable")[:most]])


def _next(
    least: Least, valleys: FloatArray, atoms: Atoms, weights: FloatArray, guard: FloatArray, alpha: float
) -> tuple[Atoms, FloatArray, FloatArray]:
    """Atoms of the next round, their shares of the barrier, and the means that are kept for good."""
    span = float(np.ptp(least.points))
    inset = INSET * span
    bottoms = np.clip(least.points[valleys], least.points[0] + inset, least.points[-1] - inset)
    tops = [least.points[i + np.argmax(least.values[i : j + 1])] for i, j in pairwise(valleys)]
    cuts = np.concatenate(([-np.inf], tops, [np.inf])) if bottoms.size else np.empty(0)
    order = np.argsort(atoms.means, kind="stable")
    means, held = atoms.means[order], weights[order]
    followed, apart = np.zeros(bottoms.size), np.ones(means.size, dtype=bool)
    if bottoms.size:
        cell = np.searchsorted(cuts, means, side="right") - 1
        apart = np.abs(means - bottoms[cell]) > 1e-6 * span
        followed = np.bincount(cell[~apart], held[~apart], minlength=bottoms.size)
    stay = apart & (held > FORGOTTEN * held.max())
    heavy = np.flatnonzero(apart & (held > SPLIT * held.max()))
    after, before = means[np.minimum(heavy + 1, means.size - 1)], means[np.maximum(heavy - 1, 0)]
    fresh = np.concatenate((0.5 * (means[heavy] + after), 0.5 * (means[heavy] + before), guard))
    still = np.concatenate((means[stay], fresh))
    mass = np.concatenate((held[stay], np.zeros(fresh.size)))
    order = np.argsort(still, kind="stable")
    still, mass = still[order], mass[order]
    first = np.concatenate(([True], np.diff(still) > SAME * span))
    mass, still = np.bincount(np.cumsum(first) - 1, mass), still[first]
    every, share = np.concatenate((bottoms, still)), np.concatenate((followed, mass))
    nowhere = np.full(still.size, np.inf)
    moved = Atoms(
        every,
        np.interp(every, least.points, least.slopes) / alpha,
        np.arange(every.size) < bottoms.size,
        np.concatenate((cuts[:-1], -nowhere)),
        np.concatenate((cuts[1:], nowhere)),
    )
    share = np.maximum(share / share.sum(), SHARE / share.size)
    return moved, share / share.sum(), _apart(np.concatenate((guard, bottoms)), CLOSE * span)


def _apart(points: FloatArray, distance: float) -> FloatArray:
    """The points in order, without those that are no further than that from the one before."""
    points = np.unique(points)
    return np.asarray(points[np.concatenate(([True], np.diff(points) > distance))])
