"""Upper bounds from channels, after an exact repair."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.certificates.feasible import min_distortion_channel
from rdptheory.couplings import max_slack_joint, optimal_transport, rounded_plan
from rdptheory.divergences import TransportDivergence
from rdptheory.doors import guard
from rdptheory.information import entropy, mutual_information
from rdptheory.problems import DiscreteProblem, PerceptionLimit

__all__ = ["UpperBound", "slater_channel", "upper_bound"]

UNIT_ROUNDOFF = 0.5 * float(np.finfo(np.float64).eps)
PERCEPTION_ALLOWANCE = 64 * UNIT_ROUNDOFF
MIXING_ROUNDS = 60
TINY = float(np.finfo(np.float64).tiny)

Plans = tuple[FloatArray | None, ...]


@dataclass(frozen=True, eq=False)
class UpperBound:
    """A rate in nats and the channel (n, m) that reaches it within every limit; inf and None if none was found."""

    rate: float
    channel: FloatArray | None


def upper_bound(
    problem: DiscreteProblem,
    channel: FloatArray | None,
    *,
    slope: float = 0.0,
    steepness: float = 0.0,
    plans: Plans = (),
) -> UpperBound:
    """A proved upper bound on min I(X;Y) from any non-negative array of the right shape.

    1. Rows are normalised (a row without mass becomes the output law).
    2. Where a ball has P = 0 the joint law is rounded to the exact output law: columns are scaled down to at most
       their mass, what is missing is put back as a product of the two deficits. On one coordinate of a product
       alphabet the surplus of a symbol is moved to the deficits along that coordinate, which processes the output
       and cannot raise I. Where a transport cost has zeros off the diagonal, the law is the one that the plan makes
       of the reference by moves that cost nothing.
    3. While a limit is broken the channel is mixed with a channel that keeps all limits: I is convex and E d linear
       in the channel and δ convex in the output law, so the smallest weight that can help is known in closed form.
    4. The rate is I(X;Y) of what came out, whose limits are then recomputed.

    Parameters
    ----------
    problem : DiscreteProblem
    channel : array (n, m) or (n', m), or None
        On all symbols or on those of positive mass.
    slope : float
        -dR/dD times the limit, if known: the price of the rounding in E d, added to the allowance. R is convex and at
        most H(X), so more than H(X) is not believed.
    steepness : float
        The sum of -dR/dP_k times the unit of δ_k, if known: the price of the allowance for δ.
    plans : tuple of arrays (k, m) or None, one for each perception limit
        Couplings of the reference and the output law that spare the linear program of a transport divergence: rounded
        to the exact marginals, their cost bounds it from above.

    Returns
    -------
    UpperBound
        The channel is on all symbols. Its E d_k are at most D_k and its δ_k at most P_k, up to the rounding of one
        evaluation (64 units of roundoff for δ, of its greatest cost for a transport); the rate holds an allowance for
        summing n m terms, whose logarithms have the rounding of a ratio near 1 however small they are.
    """
    reduced = problem.reduced
    n, m = reduced.shape
    mixed = None if channel is None else _as_channel(reduced, np.asarray(channel, dtype=np.float64), problem)
    if mixed is not None:
        mixed, plans = _with_exact_marginals(reduced, mixed, plans)
    if mixed is None or not _within(reduced, mixed, plans):
        anchor = slater_channel(problem)
        if anchor is None:
            return UpperBound(float("inf"), None)
        mixed = anchor if mixed is None else _mix(reduced, mixed, anchor, plans)
    rate = mutual_information(reduced.probabilities, mixed)
    ceiling = entropy(reduced.probabilities)
    allowance = UNIT_ROUNDOFF * (n + m + 16) * (rate + min(slope, ceiling) + 1.0) if rate > 0.0 else 0.0
    if rate > 0.0:
        steepest = max((ball.scale / ball.limit for ball in reduced.perceptions if ball.limit > 0.0), default=0.0)
        allowance += PERCEPTION_ALLOWANCE * min(steepness, ceiling * steepest)
    return UpperBound(rate + allowance, problem.expand(mixed))


def slater_channel(problem: DiscreteProblem) -> FloatArray | None:
    """A channel on the symbols of positive mass that keeps every limit with room to spare, or None.

    Tried in turn: the cheapest reconstruction of every symbol, the identity, a copy into every coordinate, and a
    channel well inside both limits: by one linear program for a transport ball, by cutting planes for the others.
    Found once for each problem.
    """
    if problem not in _ANCHORS:
        _ANCHORS[problem] = _anchor(problem)
    return _ANCHORS[problem]


_ANCHORS: WeakKeyDictionary[DiscreteProblem, FloatArray | None] = WeakKeyDictionary()


def _anchor(problem: DiscreteProblem) -> FloatArray | None:
    reduced = problem.reduced
    if any(limit.limit < 0.0 for limit in reduced.distortions):
        return None
    n, m = reduced.shape
    p = reduced.probabilities
    tables = [limit.table for limit in reduced.distortions]
    total = tables[0] if len(tables) == 1 else np.sum(tables, axis=0)
    candidates = []
    if not reduced.perceptions:
        nearest = np.zeros((n, m))
        nearest[np.arange(n), np.argmin(total, axis=1)] = 1.0
        candidates.append(nearest)
    balls = [ball for ball in reduced.perceptions if ball.image is None]
    rows = np.flatnonzero(problem.probabilities > 0.0)
    if balls and problem.probabilities.size == m and np.array_equal(balls[0].reference, problem.probabilities):
        identity = np.zeros((n, m))
        identity[np.arange(n), rows] = 1.0
        candidates.append(identity)
    if reduced.alphabet is not None and set(reduced.alphabet) == {problem.probabilities.size}:
        copies = np.zeros((n, m))  # every coordinate repeats the source symbol
        copies[np.arange(n), np.ravel_multi_index((rows,) * len(reduced.alphabet), reduced.alphabet)] = 1.0
        candidates.append(copies)
    for channel in candidates:
        if _within(reduced, channel, tuple(_coupling(reduced, channel, ball) for ball in reduced.perceptions)):
            return channel
    if balls and len(reduced.perceptions) == 1:
        ball = balls[0]
        if isinstance(ball.divergence, TransportDivergence) and (ball.limit > 0.0 or ball.has_zero_cost_moves):
            limits = np.array([limit.limit for limit in reduced.distortions])
            found = max_slack_joint(p, tables, limits, ball.reference, ball.divergence.cost, ball.limit)
        else:
            found = min_distortion_channel(p, total, ball, sum(limit.limit for limit in reduced.distortions)).channel
        normal = None if found is None else _as_channel(reduced, found, problem)
        if normal is not None:
            normal, plans = _with_exact_marginals(reduced, normal, ())
            if _within(reduced, normal, plans):
                return normal
    return None


def _as_channel(reduced: DiscreteProblem, channel: FloatArray, problem: DiscreteProblem) -> FloatArray | None:
    if channel.shape[0] == problem.probabilities.size:
        channel = channel[problem.probabilities > 0.0]
    if channel.shape != reduced.shape or not np.isfinite(channel).all():
        return None
    mixed = np.maximum(channel, 0.0)
    heights = mixed.max(axis=1)
    empty = heights <= 0.0
    if empty.all():
        return None
    mixed /= np.where(empty, 1.0, heights)[:, None]  # whatever the scale of a row, its sum is now between 1 and m
    output = reduced.probabilities @ mixed
    mixed[empty] = output / output.sum()
    for _ in range(2):  # the second pass takes out the rounding of the first
        mixed /= mixed.sum(axis=1, keepdims=True)
    return mixed


def _with_exact_marginals(reduced: DiscreteProblem, channel: FloatArray, plans: Plans) -> tuple[FloatArray, Plans]:
    """The channel with the exact laws that limits of 0 on them or on one coordinate ask for, and plans that show it."""
    shown: list[FloatArray | None] = list(plans) if plans else [None] * len(reduced.perceptions)
    for number, ball in enumerate(reduced.perceptions):
        reference: FloatArray | None = ball.reference
        if ball.has_zero_cost_moves and ball.is_zero_radius:
            plan = _free_plan(ball, ball.law(reduced.probabilities @ channel), shown[number])
            shown[number], reference = plan, None if plan is None else plan.sum(axis=0)
        elif ball.limit > 0.0:
            continue
        elif isinstance(ball.divergence, TransportDivergence):
            shown[number] = np.diag(ball.reference)
        if reference is not None and ball.image is None:
            channel = _with_output(reduced.probabilities, channel, reference)
        elif reference is not None and ball.axis is not None and reduced.alphabet is not None:
            channel = _with_marginal(reduced, channel, reference, ball.axis)
    return channel, tuple(shown) if any(plan is not None for plan in shown) else ()


def _free_plan(ball: PerceptionLimit, law: FloatArray, plan: FloatArray | None) -> FloatArray | None:
    """A plan (k, m) that moves the reference at no cost, close to `plan` or else to the law; None if there is none."""
    assert isinstance(ball.divergence, TransportDivergence)
    free = (ball.divergence.cost <= 0.0).astype(np.float64)
    if ball.reference[free.sum(axis=1) <= 0.0].any():
        return None
    if plan is None:
        plan = optimal_transport(ball.reference, law / law.sum() * ball.reference.sum(), 1.0 - free).plan
    kept = free if plan is None else free * plan
    kept = np.where(kept.sum(axis=1, keepdims=True) > 0.0, kept, free)
    sums = np.maximum(kept.sum(axis=1), TINY)
    return np.asarray(kept * (ball.reference / sums)[:, None])


def _with_output(p: FloatArray, channel: FloatArray, reference: FloatArray) -> FloatArray:
    rounded = rounded_plan(p[:, None] * channel, p, reference) / p[:, None]
    rounded[rounded.max(axis=1) <= 0.0] = reference  # symbols that weigh no more than rounding
    return np.asarray(rounded / rounded.sum(axis=1, keepdims=True))


def _with_marginal(reduced: DiscreteProblem, channel: FloatArray, reference: FloatArray, axis: int) -> FloatArray:
    assert reduced.alphabet is not None
    shaped = np.moveaxis(channel.reshape(-1, *reduced.alphabet), axis + 1, -1)
    law = np.tensordot(reduced.probabilities, shaped, axes=(0, 0)).reshape(-1, reference.size).sum(axis=0)
    moved = rounded_plan(np.diag(law), law, reference)
    step = np.where(law[:, None] > 0.0, moved / np.where(law > 0.0, law, 1.0)[:, None], np.eye(law.size))
    step /= step.sum(axis=1, keepdims=True)
    return np.ascontiguousarray(np.moveaxis(shaped @ step, -1, axis + 1)).reshape(channel.shape)


def _distances(reduced: DiscreteProblem, channel: FloatArray, plans: Plans = ()) -> tuple[FloatArray, FloatArray]:
    """Distance to each limit, at most 0 where it is kept: E d_k - D_k, and δ_k - P_k less its allowance."""
    d = reduced.expected_distortions(channel) - np.array([limit.limit for limit in reduced.distortions])
    output = reduced.probabilities @ channel
    output = output / output.sum()
    delta = []
    for number, ball in enumerate(reduced.perceptions):
        plan, divergence = plans[number] if plans else None, ball.divergence
        if plan is None or not isinstance(divergence, TransportDivergence):
            value = ball.value(output)
        else:  # the monotone plan of a line is the best, but for its own rounding
            value = np.inf if divergence.line is None else ball.value(output)
            if value > ball.limit:
                value = min(value, divergence.bound(ball.reference, ball.law(output), plan))
        delta.append(value - ball.limit - PERCEPTION_ALLOWANCE * ball.scale)
    return d, np.array(delta)


def _within(reduced: DiscreteProblem, channel: FloatArray, plans: Plans = ()) -> bool:
    d, delta = _distances(reduced, channel, plans)
    return bool((d <= 0.0).all() and (delta <= 0.0).all())


def _mix(reduced: DiscreteProblem, channel: FloatArray, anchor: FloatArray, plans: Plans) -> FloatArray:
    """The smallest mixture with `anchor` that keeps every limit, up to a few units of roundoff."""
    others = tuple(_coupling(reduced, anchor, ball) for ball in reduced.perceptions) if plans else ()
    d, delta = _distances(reduced, channel, plans)
    d_rescue, delta_rescue = _distances(reduced, anchor, others)
    weight = 0.0
    for here, there in zip(np.concatenate([d, delta]), np.concatenate([d_rescue, delta_rescue]), strict=True):
        if here > 0.0:
            weight = max(weight, here / (here - there) if np.isfinite(here) and here > there else 1.0)
    extra = UNIT_ROUNDOFF
    for _ in range(MIXING_ROUNDS):
        share = weight + extra
        if share >= 1.0:
            break
        mixed = anchor - channel
        mixed *= share
        mixed += channel
        moved = tuple(
            None if plan is None or other is None else (1.0 - share) * plan + share * other
            for plan, other in zip(plans, others, strict=True)
        )
        if _within(reduced, mixed, moved):
            return mixed
        extra *= 2.0
    return anchor


def _coupling(reduced: DiscreteProblem, anchor: FloatArray, ball: PerceptionLimit) -> FloatArray | None:
    """A plan (k, m) between the reference and the output of `anchor`: the diagonal where it is free of charge."""
    divergence, law = ball.divergence, ball.law(reduced.probabilities @ anchor)
    if not isinstance(divergence, TransportDivergence):
        return None
    if divergence.faithful and (np.abs(law - ball.reference) <= PERCEPTION_ALLOWANCE).all():
        return np.diag(ball.reference)
    if divergence.line is not None:  # the monotone plan is as good
        return None
    return optimal_transport(ball.reference, law / law.sum() * ball.reference.sum(), divergence.cost).plan


guard(__name__)
