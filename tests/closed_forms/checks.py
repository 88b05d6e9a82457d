"""What every exact answer must satisfy, recomputed from the question."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from rdptheory.closed_forms import ALLOWANCE, ClosedForm
from rdptheory.divergences import Wasserstein2Squared
from rdptheory.information import mutual_information
from rdptheory.problems import Problem
from rdptheory.solution import Solution, Status
from rdptheory.sources import Gaussian

FEASIBILITY = 1e-12
Rate = Callable[[float, float], Any]
Point = tuple[float, float]


def worst_error(
    formula: Callable[..., Any], oracle: Callable[..., Any], instances: Iterable[Any], scale: Callable[..., Any]
) -> float:
    """The largest |formula - oracle| / scale over the instances, in the precision of the oracle."""
    return max(float(abs(oracle(*at) - float(formula(*at))) / scale(*at)) for at in instances)


def assert_falling(rate: Rate, first: Point, second: Point, tolerance: float) -> None:
    """R at larger limits is no larger."""
    assert rate(*np.maximum(first, second)) <= rate(*np.minimum(first, second)) + tolerance


def assert_convex(rate: Rate, first: Point, second: Point, weight: float, tolerance: float) -> None:
    """R lies below its chord."""
    between = weight * np.array(first) + (1.0 - weight) * np.array(second)
    assert rate(*between) <= weight * rate(*first) + (1.0 - weight) * rate(*second) + tolerance


def assert_supported(rate: Rate, slopes: Any, at: Point, other: Point, tolerance: float) -> None:
    """R lies above its tangent plane at `at`; a slope of -inf is allowed where the other point lies beyond."""
    plane = rate(*at) + sum(
        slope * (there - here) for slope, here, there in zip(slopes(*at), at, other, strict=True) if here != there
    )
    assert rate(*other) >= plane - tolerance


def assert_exact(problem: Problem, solution: Solution) -> None:
    """Status, bracket, slopes, and a candidate that meets both limits at the rate."""
    assert solution.status is Status.OPTIMAL
    assert solution.method == ClosedForm()
    assert solution.steps == 0
    assert solution.problem is problem
    assert solution.rate == solution.bounds.upper
    assert 0.0 <= solution.bounds.lower <= solution.bounds.upper
    continuous = isinstance(problem.source, Gaussian)
    scale = max(1.0, solution.rate if continuous else np.log(problem.source.size))
    assert solution.gap <= 3.0 * ALLOWANCE * scale  # 2, and the rounding of the two ends
    assert solution.slopes.D <= 0.0
    assert solution.slopes.P <= 0.0
    reached, slack = (_joint_gaussian if continuous else _channel)(problem, solution)
    assert solution.bounds.lower - slack <= reached <= solution.bounds.upper + slack


def _channel(problem: Problem, solution: Solution) -> tuple[float, float]:
    """I(X;Y) of the channel, and how far its rounding may have moved that."""
    p, channel = problem.source.probabilities, solution.candidate.channel
    assert channel.shape == (p.size, p.size)
    assert (channel >= 0.0).all()
    assert np.abs(channel.sum(axis=1) - 1.0).max() <= FEASIBILITY
    output = p @ channel
    assert np.array_equal(output, solution.candidate.output)
    distortion = float((p[:, None] * channel * problem.distortion.table(problem.source.points)).sum())
    assert distortion <= problem.D + FEASIBILITY * max(1.0, problem.D)
    if problem.perception is not None and np.isfinite(problem.P):
        assert problem.perception.on(problem.source.points).value(p, output) <= problem.P + FEASIBILITY
    return mutual_information(p, channel), 4.0 * ALLOWANCE * max(1.0, np.log(p.size))


def _joint_gaussian(problem: Problem, solution: Solution) -> tuple[float, float]:
    """I(X;Y) of the joint law, and how far its rounding may have moved that: 1 - ρ² keeps few digits near 0."""
    source, law = problem.source, solution.candidate.joint
    assert (law.mean == source.mean).all()
    (spread_x, common), (mirrored, spread_y) = law.covariance
    assert spread_x == source.variance
    assert common == mirrored
    assert spread_x + spread_y - 2.0 * common <= problem.D + FEASIBILITY * max(1.0, problem.D)
    if problem.perception is not None and np.isfinite(problem.P):
        ratio = spread_y / spread_x
        if isinstance(problem.perception, Wasserstein2Squared):
            distance = (np.sqrt(spread_x) - np.sqrt(spread_y)) ** 2
        else:
            distance = 0.5 * (ratio - 1.0 - np.log(ratio))
        assert distance <= problem.P + FEASIBILITY
    if common == 0.0:
        return 0.0, 0.0
    amplification = spread_x * spread_y / (spread_x * spread_y - common**2)
    return 0.5 * float(np.log(amplification)), ALLOWANCE * amplification
