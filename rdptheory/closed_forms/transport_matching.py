"""Which transport questions have an exact answer, and that answer with its plan and slope."""

from __future__ import annotations

from math import inf

import numpy as np

from rdptheory._types import SUBNORMAL, UNIT_ROUNDOFF, FloatArray
from rdptheory.closed_forms import transport_binary, transport_gaussian, transport_uniform
from rdptheory.closed_forms.matching import ClosedForm
from rdptheory.distortions import SquaredError
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput
from rdptheory.information import inverse_binary_entropy
from rdptheory.plans import CommonPlan, JointGaussian, Plan, PrivatePlan
from rdptheory.solution import Status
from rdptheory.sources import DiscreteSource, Gaussian, Uniform
from rdptheory.transport_problem import DiscreteTransport, TransportProblem
from rdptheory.transport_solution import Multipliers, TransportBounds, TransportSolution

__all__ = ["limited_randomness", "match_transport"]

ALLOWANCE = 128.0 * UNIT_ROUNDOFF
"""Of the largest number that enters a formula: each adds up a handful of terms with a few rounding units each."""
LOST = 64.0 * SUBNORMAL
"""What a handful of products may be off where float64 has no digits left."""


def limited_randomness(problem: TransportProblem) -> bool:
    """Whether any rate of common randomness is covered: Gaussians, squared error, long blocks."""
    both = isinstance(problem.source, Gaussian) and isinstance(problem.target, Gaussian)
    return both and isinstance(problem.distortion, SquaredError) and problem.asymptotic


def match_transport(problem: TransportProblem) -> TransportSolution | None:
    """The exact answer to a transport question that has a closed form, or None.

    Two symbols at Hamming cost, one letter at a time; `Uniform` to `Uniform` under squared error without common
    randomness, one letter at a time; `Gaussian` to `Gaussian` under squared error over long blocks. The bracket is the
    float64 value widened by rounding; the plan of two uniform laws has densities and is left out.
    """
    source, target = problem.source, problem.target
    if limited_randomness(problem):
        return _gaussian_answer(problem)
    if problem.asymptotic:
        return None
    if isinstance(source, Uniform) and isinstance(target, Uniform):
        covered = isinstance(problem.distortion, SquaredError) and problem.common_randomness == 0.0
        return _uniform_answer(problem) if covered else None
    if isinstance(source, DiscreteSource) and isinstance(target, DiscreteSource):
        d = problem.discrete
        if d.shape == (2, 2) and np.array_equal(d.cost, 1.0 - np.eye(2)):
            return _binary_answer(problem, d)
    return None


def _answer(
    problem: TransportProblem, value: float, scale: float, plan: Plan | None, slope: float
) -> TransportSolution:
    if not np.isfinite(scale):
        rule = "must be so near the target, and so narrow, that float64 holds the square of what lies between"
        raise InvalidInput("source", problem.source, rule)
    allowance = ALLOWANCE * scale + LOST
    bounds = TransportBounds(max(0.0, value - allowance), value + allowance, "closed form")
    return TransportSolution(
        distortion=bounds.upper,
        bounds=bounds,
        plan=plan,
        multipliers=Multipliers(slope),
        method=ClosedForm(),
        status=Status.OPTIMAL,
        message="a formula",
        problem=problem,
    )


def _gaussian_answer(problem: TransportProblem) -> TransportSolution:
    X, Y = problem.source, problem.target
    assert isinstance(X, Gaussian)
    assert isinstance(Y, Gaussian)
    shared = problem.common_randomness
    value = float(transport_gaussian.distortion(X, Y, R=problem.R, common_randomness=shared))
    rho = float(transport_gaussian.correlation(problem.R, shared))
    sx, sy = X.standard_deviation, Y.standard_deviation
    plan = JointGaussian(np.array([X.mean, Y.mean]), np.array([[sx * sx, rho * sx * sy], [rho * sx * sy, sy * sy]]))
    t = float(np.exp(-2.0 * problem.R))
    e = float(np.exp(-2.0 * shared))
    climb = 2.0 * t if shared == 0.0 else inf if rho == 0.0 else t * (1.0 + e - 2.0 * e * t) / rho
    scale = (X.mean - Y.mean) * (X.mean - Y.mean) + sx * sx + sy * sy
    return _answer(problem, value, scale, plan, 2.0 * sx * sy * climb)


def _uniform_answer(problem: TransportProblem) -> TransportSolution:
    X, Y = problem.source, problem.target
    assert isinstance(X, Uniform)
    assert isinstance(Y, Uniform)
    value = float(transport_uniform.distortion(X, Y, R=problem.R))
    _, c, other = transport_uniform.cells(problem.R)
    # with c' the longer cells, dm/dc = (c^2 - c'^2)/4 and dR/dc = log(c'/c); at c = c' the limit from the left
    fall = 2.0 * c**2 if c == other else (other**2 - c**2) / float(np.log(other / c))
    slope = 0.5 * (X.high - X.low) * (Y.high - Y.low) * fall if problem.R > 0.0 else 0.0
    a, b, apart = X.high - X.low, Y.high - Y.low, max(abs(X.low - Y.low), abs(X.high - Y.high))
    return _answer(problem, value, a * a + b * b + apart * apart, None, slope)


def _binary_answer(problem: TransportProblem, d: DiscreteTransport) -> TransportSolution:
    qX, qY = float(d.p[1]), float(d.q[1])
    shared = problem.common_randomness == inf
    value = float(transport_binary.distortion(qX, qY, R=problem.R, common_randomness=shared))
    saturation = transport_binary.saturation_rate(qX, qY, common_randomness=shared)
    saturated = saturation <= problem.R
    slope = 0.0
    plan: CommonPlan | PrivatePlan
    if shared:
        span = d.independent - abs(qX - qY)
        slope = 0.0 if saturated else span / saturation
        identity = min(qY / qX, (1.0 - qY) / (1.0 - qX)) if 0.0 < qX < 1.0 else 0.0
        identity *= 1.0 if saturated else problem.R / saturation
        weights = np.array([identity, (1.0 - qY) - identity * (1.0 - qX), qY - identity * qX])
        plan = CommonPlan(np.maximum(weights, 0.0), np.array([[0, 1], [0, 0], [1, 1]]))
    else:
        flip = qX + qY > 1.0
        x, y = (1.0 - qX, 1.0 - qY) if flip else (qX, qY)
        h = min(inverse_binary_entropy(problem.R), x, y)
        if h > 0.0 and not saturated:
            slope = 2.0 * (1.0 - x) * (1.0 - y) / ((1.0 - h) ** 2 * float(np.log((1.0 - h) / h)))
        encoder, decoder = _two_cells(x, y, h)
        plan = PrivatePlan(encoder[::-1].copy(), decoder[:, ::-1].copy()) if flip else PrivatePlan(encoder, decoder)
    return _answer(problem, value, 1.0, plan, slope)


def _two_cells(x: float, y: float, h: float) -> tuple[FloatArray, FloatArray]:
    """Z = 1 with probability h and then both symbols are 1; the rest of the ones comes with Z = 0."""
    share = h / x if x > 0.0 else 0.0
    encoder = np.array([[1.0, 0.0], [1.0 - share, share]])
    rest = (y - h) / (1.0 - h)
    return encoder, np.array([[1.0 - rest, rest], [0.0, 1.0]])


guard(__name__)
