"""A channel whose limits somebody recomputes in float64: its output law is drawn into the ball by what rounding hides.

A bound pays for the rounding of δ, so its channel may be outside by as much, which in a large unit is a large number.
With the weight λ of a map of Y that turns the output law r into the reference q, the law is (1-λ) r + λ q and by
convexity δ at most (1-λ) δ(r); I does not rise, because Y alone is processed, so the bound holds for the new channel.
"""

from __future__ import annotations

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray
from rdptheory.couplings import monotone_plan
from rdptheory.problems import DiscreteProblem

__all__ = ["drawn_inside"]

EVALUATIONS = 4 * UNIT_ROUNDOFF  # relative errors of masses, between one way to sum δ and another
MOST = 1e-3  # share of δ: more than that is no rounding, and is left alone
ALLOWED = 3e-13  # of max(1, |D|): a part of what `Solution` promises of E d


def drawn_inside(problem: DiscreteProblem, channel: FloatArray) -> FloatArray:
    """The channel (n, m) with δ <= P however it is summed, where a rounding of the channel can bring that about."""
    if len(problem.perceptions) != 1:
        return channel
    (ball,), law = problem.perceptions, problem.output(channel)
    divergence, q = ball.divergence, ball.reference
    summed = divergence.cost is None or divergence.line is not None  # any other transport is a linear program
    if ball.image is not None or not (divergence.faithful and summed and 0.0 < ball.limit < np.inf):
        return channel
    value = ball.value(law)
    excess = value + divergence.uncertainty(q, law, EVALUATIONS) - ball.limit
    if not 0.0 < excess <= MOST * value < np.inf:
        return channel
    drawn = channel + excess / value * (channel @ _to_the_reference(law, q, divergence.line) - channel)
    limits = np.array([limit.limit for limit in problem.distortions])
    before, after = problem.expected_distortions(channel), problem.expected_distortions(drawn)
    kept = after <= np.maximum(before, limits) + ALLOWED * np.maximum(1.0, np.abs(limits))
    nearer = ball.value(problem.output(drawn)) < value  # a deficit lost in rounding may be sent to a light symbol
    return drawn if nearer and kept.all() else channel


def _to_the_reference(law: FloatArray, q: FloatArray, line: FloatArray | None) -> FloatArray:
    """A map of symbols (m, m) that turns one law into the other: along the line, else from surpluses to deficits."""
    moved = np.zeros((law.size, law.size))
    if line is not None:
        i, j, mass = monotone_plan(law, q, line)
        np.add.at(moved, (i, j), mass)
    else:
        kept = np.minimum(law, q)
        lacking = q - kept
        moved += np.diag(kept) + np.outer(law - kept, lacking / max(float(lacking.sum()), 1e-300))
    sums = moved.sum(axis=1, keepdims=True)
    return np.where(sums > 0.0, moved / np.where(sums > 0.0, sums, 1.0), np.eye(law.size))
