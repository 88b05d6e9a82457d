"""What every answer must satisfy, recomputed here from the question. Each check has a test in which it fails."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rdptheory import Bounds, InteriorPoint, Solution, Status, rdp
from rdptheory.certificates import lower_bound
from rdptheory.divergences import TransportDivergence
from rdptheory.problems import DiscreteProblem, Problem
from tests import oracles

LIMIT, PROGRAM = 1e-12, 1e-9
"""How far a channel may pass a limit: the promise of `Solution`, and how well HiGHS knows the cost of a plan."""

ROUNDED = 1e-12
"""Share of a value that a hundred operations of float64, one after the other, may round: 4,000 units of rounding."""


def rounded(value):
    """Equal to this value but for rounding."""
    return pytest.approx(value, rel=ROUNDED, abs=0.0)


def assert_at_most(lower: float, truth: float, slack: float = 0.0) -> None:
    """A lower bound lies at or below the truth, which is known to `slack`."""
    assert lower <= truth + slack, f"the lower bound {lower!r} is above the truth {truth!r} by {lower - truth:.3g}"


def assert_at_least(upper: float, truth: float, slack: float = 0.0) -> None:
    """An upper bound lies at or above the truth, which is known to `slack`."""
    assert upper >= truth - slack, f"the upper bound {upper!r} is below the truth {truth!r} by {truth - upper:.3g}"


def assert_inside(bounds: Bounds, truth: float, slack: float = 0.0) -> None:
    """The truth, known to `slack`, lies inside the bracket."""
    assert_at_most(bounds.lower, truth, slack)
    assert_at_least(bounds.upper, truth, slack)


def assert_agree(first: Bounds, second: Bounds, *, values: float) -> None:
    """Two brackets of one number overlap, and their upper ends differ by at most `values`."""
    assert first.overlaps(second), f"{first} and {second} cannot both be right"
    assert abs(first.upper - second.upper) <= values, f"{first} and {second} differ by more than {values:g}"


def assert_channel(problem: DiscreteProblem, channel: np.ndarray) -> None:
    """Rows are laws, and the channel keeps every limit up to 1e-12 (a δ that takes a linear program up to 1e-9)."""
    assert channel.shape == problem.shape
    assert (channel >= 0.0).all()
    assert np.abs(channel.sum(axis=1) - 1.0).max() <= LIMIT
    p = problem.probabilities
    for limit in problem.distortions:
        if math.isfinite(limit.limit):
            used = p[:, None] * channel > 0.0  # 0 times inf is 0
            mean = math.fsum((p[:, None] * channel)[used] * limit.table[used])
            assert mean <= limit.limit + LIMIT * max(1.0, limit.limit), f"E d = {mean!r} is above D = {limit.limit!r}"
    output = p @ channel
    for ball in problem.perceptions:
        programmed = isinstance(ball.divergence, TransportDivergence) and ball.divergence.line is None
        delta, slack = ball.value(output), PROGRAM if programmed else LIMIT
        assert delta <= ball.limit + slack, f"δ = {delta!r} is above P = {ball.limit!r}"


def assert_sound(solution: Solution, *, gap: float | None = None) -> None:
    """The fields agree with each other and with what is recomputed from question, channel and dual point."""
    bounds, slopes = solution.bounds, solution.slopes
    assert solution.rate == bounds.upper
    assert bounds.lower <= bounds.upper
    assert solution.gap == bounds.gap
    assert solution.message
    if gap is not None:
        assert solution.gap <= gap, f"gap {solution.gap:.3g} after {solution.steps} steps: {solution.message}"
    if solution.status is Status.INFEASIBLE:
        assert bounds == Bounds(math.inf, math.inf)
        assert solution.candidate is None
        assert math.isnan(slopes.D)
        assert math.isnan(slopes.P)
        return
    assert slopes.D <= 0.0
    assert slopes.P <= 0.0
    problem = solution.problem.discrete
    channel = solution.candidate.channel
    assert_channel(problem, channel)
    np.testing.assert_allclose(solution.candidate.output, problem.probabilities @ channel, rtol=0.0, atol=1e-15)
    information = _information(problem.probabilities, channel)
    assert_at_least(bounds.upper, information, 1e-13)  # the plain sum here has no allowance
    if solution.dual is not None:  # otherwise a lower end above the upper one would go unseen
        assert_at_most(lower_bound(problem, solution.dual), bounds.upper, LIMIT)  # limits passed by rounding cost rate


def interior(problem: Problem, *, gap: float = 1e-9, max_steps: int = 200) -> Solution:
    """The interior point's answer, even where a closed form exists."""
    return rdp(
        problem.source,
        problem.distortion,
        problem.perception,
        D=problem.D,
        P=problem.P,
        method=InteriorPoint(gap=gap, max_steps=max_steps),
    )


def f_divergence_formula(member: object, p: np.ndarray, r: np.ndarray, value: float) -> None:
    """`value` is δ(p, r): within 1e-13 of the other formula, or infinite with it."""
    other = oracles.divergence(member, p, r)
    assert (value == other) if math.isinf(other) else abs(value - other) <= 1e-13 * max(1.0, other), (value, other)


def _information(p: np.ndarray, channel: np.ndarray) -> float:
    output = p @ channel
    held = (p[:, None] * channel) > 0.0
    joint, ratio = (p[:, None] * channel)[held], channel[held] / np.broadcast_to(output, channel.shape)[held]
    return math.fsum(joint * np.log(ratio))
