"""From an array to a channel that keeps every limit in float64: exact marginals, and mixtures with a channel inside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isfinite
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, IntArray
from rdptheory.certificates.feasible import min_distortion_channel
from rdptheory.certificates.tables import Weighed, tables_of, weighed
from rdptheory.couplings import least_excess, max_slack_joint, optimal_transport, rerouted_plan, rounded_plan
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput
from rdptheory.geometry import MaskArray
from rdptheory.problems import DiscreteProblem, PerceptionLimit

__all__ = [
    "RESOLVED",
    "Plans",
    "as_channel",
    "coupling",
    "distances",
    "evaluated",
    "mix",
    "readable",
    "rerouted",
    "slater_channel",
    "with_exact_marginals",
    "with_output",
    "within",
]

RESOLVED = 64 * UNIT_ROUNDOFF  # share of a mass of the output law, by which its sum in float64 may be off
NEGLIGIBLE = UNIT_ROUNDOFF / 1024  # mass that a column may gain in place, below the rounding of any row it is in
SLOPPY = 1e-10  # mass by which a plan may miss the reference: to scale its rows by more would move the law as far
MIXING_ROUNDS = 60  # doublings of the smallest share that a mixture may need beyond the one in closed form
NEARING = 200  # rounds: what is left then is a fraction of a percent
WORTH = 1e-11  # of P: a plan that costs more than this above it is worth another way for what it lacks
TINY = float(np.finfo(np.float64).tiny)  # keeps logarithms and quotients of empty symbols finite

Plans = tuple[FloatArray | None, ...]


def slater_channel(problem: DiscreteProblem) -> FloatArray | None:
    """A channel on the symbols of positive mass that keeps every limit with room to spare, or None.

    Tried in turn: the cheapest reconstruction of every symbol, the identity or the cheapest reconstructions rounded to
    the reference law, a copy into every coordinate, and a channel well inside both limits: by one linear program for a
    transport ball, by cutting planes for the others. Found once for each problem.
    """
    if problem not in _KNOWN:
        _KNOWN[problem] = _slater_channel(problem)
    return _KNOWN[problem]


_KNOWN: WeakKeyDictionary[DiscreteProblem, FloatArray | None] = WeakKeyDictionary()


def _slater_channel(problem: DiscreteProblem) -> FloatArray | None:
    reduced = problem.reduced
    if any(limit.limit < 0.0 for limit in reduced.distortions):
        return None
    n, m = reduced.shape
    p = reduced.probabilities
    tables = [limit.table for limit in reduced.distortions]
    total = tables[0] if len(tables) == 1 else np.sum(tables, axis=0)
    barred = reduced.barred
    candidates = []
    nearest = np.zeros((n, m))
    nearest[np.arange(n), np.argmin(total, axis=1)] = 1.0
    if not reduced.perceptions:
        candidates.append(nearest)
    balls = [ball for ball in reduced.perceptions if ball.image is None]
    rows = np.flatnonzero(problem.probabilities > 0.0)
    if reduced.perceptions and problem.copies is not None:
        copies = np.zeros((n, m))
        copies[np.arange(n), problem.copies[rows]] = 1.0
        candidates.append(copies)
    if balls and balls[0].reference.size == m and not np.array_equal(balls[0].reference, problem.probabilities):
        moved = with_output(p, nearest, balls[0].reference, barred)
        candidates += [] if moved is None else [moved]
    by_parts = _slater_by_parts(problem)
    if by_parts is not None:
        candidates.append(by_parts)
    for channel in candidates:
        plans = tuple(coupling(reduced, channel, ball) for ball in reduced.perceptions)
        if within(reduced, weighed(reduced, channel), plans):
            return channel
    if not reduced.perceptions and len(tables) > 1:
        joint, _ = least_excess(p, tables, np.array([limit.limit for limit in reduced.distortions]))
        normal = None if joint is None else as_channel(problem, joint)
        return normal if normal is not None and within(reduced, weighed(reduced, normal)) else None
    if balls and len(reduced.perceptions) == 1:
        ball = balls[0]
        cost = ball.divergence.cost
        if cost is not None and (ball.limit > 0.0 or ball.has_zero_cost_moves):
            limits = np.array([limit.limit for limit in reduced.distortions])
            found = max_slack_joint(p, tables, limits, ball.reference, cost, ball.limit)
        else:
            found = min_distortion_channel(p, total, ball, sum(limit.limit for limit in reduced.distortions)).channel
        for one in _allowed(reduced, found, ball):
            normal = as_channel(problem, one)
            if normal is not None:
                exact, plans = with_exact_marginals(reduced, weighed(reduced, normal), ())
                if exact is not None and within(reduced, exact, plans):
                    return exact.channel
    return None


def _allowed(reduced: DiscreteProblem, found: FloatArray | None, ball: PerceptionLimit) -> Iterator[FloatArray]:
    """What a search found, where a channel may go at all, and one that comes near the law of the ball there."""
    closed = reduced.closed
    if found is not None:
        yield found if closed is None else np.where(closed, 0.0, found)
    if closed is not None and ball.reference.size == reduced.shape[1]:
        yield _nearest_law(reduced.probabilities, ~closed, ball.reference)


def _cheapest_of_parts(reduced: DiscreteProblem, part: IntArray, parts: int, posteriors: FloatArray) -> IntArray:
    """The symbol of each part that takes least of all limits at each posterior (N, n), shape (N, parts).

    0 for a part without symbols.
    """
    cost = posteriors @ np.sum([limit.paid / max(limit.limit, TINY) for limit in reduced.distortions], axis=0)
    if reduced.barred is not None:
        cost[posteriors @ reduced.barred > 0.0] = np.inf
    found = np.zeros((cost.shape[0], parts), dtype=np.intp)
    for number in range(parts):
        symbols = np.flatnonzero(part == number)
        if symbols.size:
            found[:, number] = symbols[cost[:, symbols].argmin(axis=1)]
    return found


def _slater_by_parts(problem: DiscreteProblem) -> FloatArray | None:
    """Where one ball counts symbols together: a channel to the parts, each as the cheapest of its symbols."""
    reduced = problem.reduced
    if len(reduced.perceptions) != 1 or reduced.perceptions[0].part is None:
        return None
    (ball,), (n, m) = reduced.perceptions, reduced.shape
    part = ball.part
    assert part is not None
    parts = ball.reference.size
    chosen, rows = _cheapest_of_parts(reduced, part, parts, np.eye(n)), np.arange(n)[:, None]
    there = np.isin(np.arange(parts), part)
    tables = [np.where(there, limit.table[rows, chosen], np.inf) for limit in reduced.distortions]
    limits = tuple(replace(limit, costs=table) for limit, table in zip(reduced.distortions, tables, strict=True))
    found = slater_channel(DiscreteProblem(reduced.probabilities, limits, (replace(ball, image=None),)))
    if found is None:
        return None
    channel = np.zeros((n, m))
    np.add.at(channel, (rows, chosen), np.where(there, found, 0.0))
    return channel


def _nearest_law(p: FloatArray, free: NDArray[np.bool_], reference: FloatArray) -> FloatArray:
    """A channel on free cells whose output law comes near the reference: one that is nearest in one f-divergence is so
    in all. Each round of the usual scaling lowers that of reference and output."""
    channel = np.where(free, reference + TINY, 0.0)
    for _ in range(NEARING):
        channel /= channel.sum(axis=1, keepdims=True)
        law = p @ channel
        channel = channel * np.divide(reference, law, out=np.zeros_like(law), where=law > 0.0)
        channel[channel.sum(axis=1) <= 0.0] = np.where(free, 1.0, 0.0)[channel.sum(axis=1) <= 0.0]
    return np.asarray(channel)


def as_channel(problem: DiscreteProblem, channel: FloatArray) -> FloatArray | None:
    """The array as a channel on the symbols of positive mass: negative entries dropped, rows divided by their sums."""
    reduced = problem.reduced
    if channel.ndim != 2:
        return None
    if channel.shape[0] == problem.probabilities.size:
        channel = channel[problem.probabilities > 0.0]
    return tables_of(reduced).rows(channel) if channel.shape == reduced.shape else None


def readable(reduced: DiscreteProblem, plans: Plans) -> Plans:
    """The couplings that somebody sent, as far as their cost can bound a δ: numbers between 0 and 1.

    Raises
    ------
    InvalidInput
        Not one plan or None for each limit, or a wrong shape.
    """
    if not plans:
        return ()
    if len(plans) != len(reduced.perceptions):
        raise InvalidInput("plans", len(plans), "must hold an array or None for each perception limit")
    read: list[FloatArray | None] = []
    for plan, ball in zip(plans, reduced.perceptions, strict=True):
        cost = ball.divergence.cost
        if plan is None or cost is None:
            read.append(None)
            continue
        if plan.shape != cost.shape:
            raise InvalidInput(
                "plans", plan.shape, f"must have shape {cost.shape}, as the costs of the perception limit"
            )
        read.append(np.clip(plan, 0.0, 1.0) if np.isfinite(plan).all() else None)
    return tuple(read)


def with_exact_marginals(reduced: DiscreteProblem, found: Weighed, plans: Plans) -> tuple[Weighed | None, Plans]:
    """The channel with the exact laws that limits of 0 on them or on one coordinate ask for, and plans that show it.

    None if such a law is out of reach without what is forbidden.
    """
    shown: list[FloatArray | None] = list(plans) if plans else [None] * len(reduced.perceptions)
    for number, ball in enumerate(reduced.perceptions):
        reference: FloatArray | None = ball.reference
        if ball.has_zero_cost_moves and ball.is_zero_radius:
            plan = _free_plan(ball, ball.law(found.law), shown[number])
            shown[number], reference = plan, None if plan is None else plan.sum(axis=0)
        elif ball.limit > 0.0 and not (ball.is_zero_radius and _excess(ball, ball.law(found.law), shown[number]) > 0.0):
            continue
        elif ball.divergence.cost is not None:
            shown[number] = np.diag(ball.reference)
        if reference is not None and ball.image is None:
            exact = with_output(reduced.probabilities, found.channel, reference, reduced.barred, found.law)
            if exact is None:
                return None, ()
            found = weighed(reduced, exact)
        elif reference is not None and ball.axis is not None and reduced.alphabet is not None:
            found = weighed(reduced, _with_marginal(reduced, found.channel, reference, ball.axis))
        elif reference is not None and ball.part is not None:
            found = weighed(reduced, _with_parts(reduced, found.channel, reference, ball.part))
    return found, tuple(shown) if any(plan is not None for plan in shown) else ()


def rerouted(reduced: DiscreteProblem, found: Weighed, plans: Plans) -> Plans:
    """The plans, with the marginals that the channel gives them where they have others and a ball is left for it."""
    shown = list(plans)
    for number, plan in enumerate(plans):
        ball = reduced.perceptions[number]
        if plan is None or ball.divergence.line is not None:
            continue
        law = ball.law(found.law)
        if evaluated(ball, law, plan) > (1.0 + WORTH) * ball.limit:
            shown[number] = rerouted_plan(plan, ball.reference, law / law.sum())
    return tuple(shown)


def _free_plan(ball: PerceptionLimit, law: FloatArray, plan: FloatArray | None) -> FloatArray | None:
    """A plan (k, m) that moves the reference at no cost, close to `plan` or else to the law; None if there is none."""
    assert ball.divergence.cost is not None
    free = (ball.divergence.cost <= 0.0).astype(np.float64)
    if ball.reference[free.sum(axis=1) <= 0.0].any():
        return None
    if plan is None or float(np.abs(plan.sum(axis=1) - ball.reference).sum()) > SLOPPY:
        plan = optimal_transport(ball.reference, law / law.sum() * ball.reference.sum(), 1.0 - free).plan
    kept = free if plan is None else free * plan
    kept = np.where(kept.sum(axis=1, keepdims=True) > 0.0, kept, free)
    sums = np.maximum(kept.sum(axis=1), TINY)
    return np.asarray(kept * (ball.reference / sums)[:, None])


def with_output(
    p: FloatArray,
    channel: FloatArray,
    reference: FloatArray,
    barred: MaskArray | None = None,
    law: FloatArray | None = None,
) -> FloatArray | None:
    """The channel with this output law, to the rounding of each of its masses, that goes nowhere where it is barred.

    None if the law is not reached that way.
    """
    law = p @ channel if law is None else law
    stretched = np.divide(reference, law, out=np.ones_like(law), where=(law > 0.0) & (reference - law < NEGLIGIBLE))
    rounded = rounded_plan(p[:, None] * channel * stretched, p, reference, barred) / p[:, None]
    empty = rounded.max(axis=1) <= 0.0  # symbols that weigh no more than rounding
    rounded[empty] = reference if barred is None else channel[empty]
    rounded = np.asarray(rounded / rounded.sum(axis=1, keepdims=True))
    reached = barred is None or bool((np.abs(p @ rounded - reference) <= RESOLVED * reference).all())
    return rounded if reached else None


def _with_marginal(reduced: DiscreteProblem, channel: FloatArray, reference: FloatArray, axis: int) -> FloatArray:
    assert reduced.alphabet is not None
    shaped = np.moveaxis(channel.reshape(-1, *reduced.alphabet), axis + 1, -1)
    law = np.tensordot(reduced.probabilities, shaped, axes=(0, 0)).reshape(-1, reference.size).sum(axis=0)
    moved = rounded_plan(np.diag(law), law, reference)
    step = np.where(law[:, None] > 0.0, moved / np.where(law > 0.0, law, 1.0)[:, None], np.eye(law.size))
    step /= step.sum(axis=1, keepdims=True)
    return np.ascontiguousarray(np.moveaxis(shaped @ step, -1, axis + 1)).reshape(channel.shape)


def _with_parts(reduced: DiscreteProblem, channel: FloatArray, reference: FloatArray, part: IntArray) -> FloatArray:
    """The channel with this law of the parts: what one has too much of goes to the cheapest symbols of the others.

    As it is where a part that the law needs has no symbol.
    """
    if not np.isin(np.flatnonzero(reference), part).all():
        return channel
    joint = reduced.probabilities[:, None] * channel
    masses = joint.sum(axis=0)
    law = np.bincount(part, weights=masses, minlength=reference.size).astype(np.float64)
    moved = rounded_plan(np.diag(law), law, reference)
    share = np.divide(moved, law[:, None], out=np.zeros_like(moved), where=law[:, None] > 0.0)
    kept = np.diag(share).copy()
    np.fill_diagonal(share, 0.0)
    leaving = np.flatnonzero((masses > 0.0) & (share.max(axis=1) > 0.0)[part])
    chosen = _cheapest_of_parts(reduced, part, reference.size, joint[:, leaving].T / masses[leaving, None])
    symbol, target = np.nonzero(share[part[leaving]])
    changed = (channel * kept[part]).T
    sent = channel[:, leaving[symbol]] * share[part[leaving[symbol]], target]
    np.add.at(changed, chosen[symbol, target], sent.T)
    return np.asarray(changed.T / changed.sum(axis=0)[:, None])


def evaluated(ball: PerceptionLimit, law: FloatArray, plan: FloatArray | None) -> float:
    """δ of a law of the output in float64, from a plan that shows it where the divergence is a transport."""
    divergence, law = ball.divergence, law / law.sum()
    if plan is None or divergence.cost is None:
        return divergence.value(ball.reference, law)
    value = np.inf if divergence.line is None else divergence.value(ball.reference, law)
    if value > ball.limit:  # the monotone plan of a line is the best, but for its own rounding
        value = min(value, float(np.vdot(rounded_plan(plan, ball.reference, law), divergence.cost)))
    return value


def distances(reduced: DiscreteProblem, found: Weighed, plans: Plans = ()) -> tuple[list[float], list[float]]:
    """Distance to each limit, at most 0 where it is kept: E d_k - D_k, and δ_k - P_k less its rounding."""
    d = [spent - limit.limit for spent, limit in zip(found.spent, reduced.distortions, strict=True)]
    delta = [
        _excess(ball, ball.law(found.law), plans[number] if plans else None)
        for number, ball in enumerate(reduced.perceptions)
    ]
    return d, delta


def _excess(ball: PerceptionLimit, law: FloatArray, plan: FloatArray | None) -> float:
    rounding = ball.divergence.uncertainty(ball.reference, law, RESOLVED)
    return evaluated(ball, law, plan) - ball.limit - rounding


def within(reduced: DiscreteProblem, found: Weighed, plans: Plans = (), share: float = 0.0) -> bool:
    """Whether every limit is kept, those on E d up to a share of themselves."""
    d, delta = distances(reduced, found, plans)
    limits = [limit.limit for limit in reduced.distortions]
    return all(x <= share * limit for x, limit in zip(d, limits, strict=True)) and all(x <= 0.0 for x in delta)


def mix(reduced: DiscreteProblem, found: Weighed, anchor: FloatArray, plans: Plans) -> tuple[Weighed, Plans]:
    """The smallest mixture with `anchor` that keeps every limit, up to a few units of roundoff, and its plans."""
    others = tuple(coupling(reduced, anchor, ball) for ball in reduced.perceptions) if plans else ()
    end = weighed(reduced, anchor)
    d, delta = distances(reduced, found, plans)
    d_anchor, delta_anchor = distances(reduced, end, others)
    weight = 0.0
    for here, there in zip([*d, *delta], [*d_anchor, *delta_anchor], strict=True):
        if here > 0.0:
            weight = max(weight, here / (here - there) if isfinite(here) and here > there else 1.0)
    extra = UNIT_ROUNDOFF
    for _ in range(MIXING_ROUNDS):
        share = weight + extra
        if share >= 1.0:
            break
        mixed = anchor - found.channel
        mixed *= share
        mixed += found.channel
        moved = tuple(
            None if plan is None or other is None else (1.0 - share) * plan + share * other
            for plan, other in zip(plans, others, strict=True)
        )
        tried = weighed(reduced, mixed)
        if within(reduced, tried, moved):
            return tried, moved
        extra *= 2.0
    return end, others


def coupling(reduced: DiscreteProblem, anchor: FloatArray, ball: PerceptionLimit) -> FloatArray | None:
    """A plan (k, m) between the reference and the output of `anchor`: the diagonal where it is free of charge."""
    divergence, law = ball.divergence, ball.law(reduced.probabilities @ anchor)
    if divergence.cost is None:
        return None
    if divergence.faithful and (np.abs(law - ball.reference) <= RESOLVED).all():
        return np.diag(ball.reference)
    if divergence.line is not None:  # the monotone plan is as good
        return None
    return optimal_transport(ball.reference, law / law.sum() * ball.reference.sum(), divergence.cost).plan


guard(__name__)
