"""Upper bounds from channels, after an exact repair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.certificates.transport import cheapest_plan
from rdptheory.information import mutual_information
from rdptheory.problems import DiscreteProblem, PerceptionLimit

__all__ = ["UpperBound", "anchor", "upper_bound"]

UNIT_ROUNDOFF = 0.5 * float(np.finfo(np.float64).eps)
PERCEPTION_ALLOWANCE = 64 * UNIT_ROUNDOFF
MIXING_ROUNDS = 60


@dataclass(frozen=True, eq=False)
class UpperBound:
    """A rate in nats and the channel (n, m) that reaches it within every limit; inf and None if none was found."""

    rate: float
    channel: FloatArray | None


def upper_bound(problem: DiscreteProblem, channel: FloatArray | None, *, slope: float = 0.0) -> UpperBound:
    """A proved upper bound on min I(X;Y) from any non-negative array of the right shape.

    1. Rows are normalised (a row without mass becomes the output law).
    2. Where a ball has P = 0 the joint law is rounded to the exact output law: columns are scaled down to at most
       their mass, what is missing is put back as a product of the two deficits.
    3. While a limit is broken the channel is mixed with an anchor that keeps all limits: I is convex and E d linear
       in the channel and δ convex in the output law, so the smallest weight that can help is known in closed form.
    4. The rate is I(X;Y) of what came out, whose limits are then recomputed.

    Parameters
    ----------
    problem : DiscreteProblem
    channel : array (n, m) or (n', m), or None
        On all symbols or on those of positive mass.
    slope : float
        -dR/dD times the limit, if known: the price of the rounding in E d, added to the allowance.

    Returns
    -------
    UpperBound
        The channel is on all symbols. Its E d_k are at most D_k and its δ_k at most P_k, up to the rounding of one
        evaluation (64 units of roundoff for δ); the rate holds an allowance for summing n m terms, whose logarithms
        have the rounding of a ratio near 1 however small they are.
    """
    reduced = problem.reduced
    n, m = reduced.shape
    mixed = None if channel is None else _as_channel(reduced, np.asarray(channel, dtype=np.float64), problem)
    if mixed is not None:
        for ball in reduced.perceptions:
            if ball.limit == 0.0 and ball.image is None:
                mixed = _with_output(reduced.probabilities, mixed, ball.reference)
    if mixed is None or not _within(reduced, mixed):
        rescue = anchor(problem)
        if rescue is None:
            return UpperBound(float("inf"), None)
        mixed = rescue if mixed is None else _mix(reduced, mixed, rescue)
    rate = mutual_information(reduced.probabilities, mixed)
    allowance = UNIT_ROUNDOFF * (n + m + 16) * (rate + slope + 1.0) if rate > 0.0 else 0.0
    return UpperBound(rate + allowance, problem.expand(mixed))


def anchor(problem: DiscreteProblem) -> FloatArray | None:
    """A channel on the symbols of positive mass that keeps every limit with room to spare, or None.

    Tried in turn: the cheapest reconstruction of every symbol, the cheapest one among those with output law equal
    to the reference (an optimal transport, by the linear program of HiGHS unless the identity does it at no cost),
    and the best constant law.
    """
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
    for channel in candidates:
        if _within(reduced, channel):
            return channel
    if balls and len(reduced.perceptions) == 1:
        plan = cheapest_plan(p, balls[0].reference, total).plan
        channel = None if plan is None else _as_channel(reduced, plan, problem)
        if channel is not None:
            candidates.append(_with_output(p, channel, balls[0].reference))
    for channel in candidates[::-1]:
        if _within(reduced, channel):
            return channel
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


def _with_output(p: FloatArray, channel: FloatArray, reference: FloatArray) -> FloatArray:
    joint = p[:, None] * channel
    output = joint.sum(axis=0)
    joint *= np.divide(reference, output, out=np.ones_like(output), where=output > reference)
    rows = np.maximum(p - joint.sum(axis=1), 0.0)
    columns = np.maximum(reference - joint.sum(axis=0), 0.0)
    if min(rows.sum(), columns.sum()) > 16 * UNIT_ROUNDOFF:  # less is rounding, and filling would touch every entry
        joint += rows[:, None] * (columns / columns.sum())
    rounded: FloatArray = joint / p[:, None]
    rounded[rounded.max(axis=1) <= 0.0] = reference  # symbols that weigh no more than rounding
    return np.asarray(rounded / rounded.sum(axis=1, keepdims=True))


def _distances(reduced: DiscreteProblem, channel: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distance to each limit, at most 0 where it is kept: E d_k - D_k, and δ_k - P_k less its allowance."""
    d = reduced.expected_distortions(channel) - np.array([limit.limit for limit in reduced.distortions])
    output = reduced.probabilities @ channel
    delta = np.array([_delta(ball, output) - ball.limit - PERCEPTION_ALLOWANCE for ball in reduced.perceptions])
    return d, delta


def _delta(ball: PerceptionLimit, output: FloatArray) -> float:
    return ball.value(output / output.sum())


def _within(reduced: DiscreteProblem, channel: FloatArray) -> bool:
    d, delta = _distances(reduced, channel)
    return bool((d <= 0.0).all() and (delta <= 0.0).all())


def _mix(reduced: DiscreteProblem, channel: FloatArray, rescue: FloatArray) -> FloatArray:
    """The smallest mixture with `rescue` that keeps every limit, up to a few units of roundoff."""
    d, delta = _distances(reduced, channel)
    d_rescue, delta_rescue = _distances(reduced, rescue)
    weight = 0.0
    for here, there in zip(np.concatenate([d, delta]), np.concatenate([d_rescue, delta_rescue]), strict=True):
        if here > 0.0:
            weight = max(weight, here / (here - there) if np.isfinite(here) and here > there else 1.0)
    extra = UNIT_ROUNDOFF
    for _ in range(MIXING_ROUNDS):
        share = min(1.0, weight + extra)
        mixed = (1.0 - share) * channel + share * rescue
        if share == 1.0 or _within(reduced, mixed):
            return mixed
        extra *= 2.0
    return rescue
