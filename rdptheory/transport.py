"""The verbs of entropy-constrained optimal transport [LZCK22]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from rdptheory._types import Bounds, FloatArray
from rdptheory.closed_forms import ClosedForm, transport_binary, transport_gaussian, transport_uniform
from rdptheory.distortions import Distortion, SquaredError
from rdptheory.errors import InvalidInput, at_least_zero
from rdptheory.information import entropy, inverse_binary_entropy
from rdptheory.solution import JointGaussian, Status
from rdptheory.solvers.common_randomness import BranchAndBound, ColumnGeneration, Enumeration, Flow
from rdptheory.solvers.long_blocks import EntropicTransport, PosteriorPairs
from rdptheory.solvers.private_randomness import MultiStart, QuantileCuts
from rdptheory.sources import DiscreteSource, Gaussian, Source, Uniform
from rdptheory.transport_problem import DiscreteTransport, TransportProblem
from rdptheory.transport_solution import (
    CommonPlan,
    Multipliers,
    PrivatePlan,
    TransportSolution,
    widened,
)

__all__ = [
    "Decomposition",
    "TransportRate",
    "constrained_transport",
    "decompose",
    "quantisation_error",
    "transport_rate",
]

Method = (
    ClosedForm | Enumeration | Flow | ColumnGeneration | BranchAndBound | QuantileCuts | MultiStart | EntropicTransport
    | PosteriorPairs
)  # fmt: skip

AVAILABLE = (
    "available are: finite alphabets with common_randomness False or True, asymptotic or not; Uniform to Uniform with "
    "SquaredError, common_randomness=False, asymptotic=False; Gaussian to Gaussian with SquaredError, asymptotic=True "
    "and any rate of common randomness"
)


def constrained_transport(
    source: Source,
    target: Source,
    distortion: Distortion,
    *,
    R: float,
    common_randomness: bool | float,
    asymptotic: bool = False,
    method: Method | None = None,
) -> TransportSolution:
    """The least distortion at which R nats turn a source of one law into a signal of another law.

    One letter at a time (asymptotic=False):

        common_randomness=False    min E d(X,Y)   over X - Z - Y with H(Z) <= R,
        common_randomness=True     min E d(X,Y)   over U independent of X, Y = f(X,U), H(Y|U) <= R;

    over long blocks (asymptotic=True):

        common_randomness=False    min E d(X,Y)   over X - Z - Y with I(X;Z) <= R and I(Y;Z) <= R,
        common_randomness=True     min E d(X,Y)   over (X,Y) with I(X;Y) <= R;

    always with X ~ source and Y ~ target.

    Parameters
    ----------
    source, target : Pmf, Bernoulli, Empirical, Uniform or Gaussian
        n and m symbols if finite.
    distortion : Hamming, SquaredError, AbsoluteError or Table
        A Table has shape (n, m).
    R : float
        Nats, at least 0; inf gives plain optimal transport.
    common_randomness : bool or float
        False, True, or a rate in nats (0 is False, inf is True; in between for Gaussians only).
    asymptotic : bool
    method : optional
        None takes a closed form if there is one, else the method that proves the narrowest bracket.

    Returns
    -------
    TransportSolution
        `bounds.lower <= D(R) <= bounds.upper`, the upper end reached by `plan`. The bracket is a proof:
        its lower end holds for every plan, by the argument in `bounds.lower_from`.

    Raises
    ------
    InvalidInput
        Malformed arguments, a combination that is not available, or a method that does not apply.

    Examples
    --------
    >>> from rdptheory.distortions import Hamming
    >>> from rdptheory.sources import Bernoulli
    >>> coin = Bernoulli(0.5)
    >>> for shared in (False, True):
    ...     answer = constrained_transport(coin, coin, Hamming(), R=0.5 * np.log(2), common_randomness=shared)
    ...     print(f"{answer.distortion:.6f}")
    0.438185
    0.250000

    References
    ----------
    [LZCK22], [XLCZ24]
    """
    problem = TransportProblem(source, target, distortion, R, common_randomness, asymptotic)
    return _solve(problem, method)


@dataclass(frozen=True, eq=False)
class TransportRate:
    """The least rate that reaches a distortion.

    Attributes
    ----------
    rate : float
        `bounds.upper`, in nats; inf if no rate is enough.
    bounds : Bounds
        A proved bracket on the rate, in nats.
    solution : TransportSolution or None
        The transport at `rate`; None if no rate is enough.
    status, message : what happened, and one sentence on it
    """

    rate: float
    bounds: Bounds
    solution: TransportSolution | None
    status: Status
    message: str


def transport_rate(
    source: Source,
    target: Source,
    distortion: Distortion,
    *,
    D: float,
    common_randomness: bool | float,
    asymptotic: bool = False,
    method: Method | None = None,
    gap: float = 1e-9,
    max_steps: int = 80,
) -> TransportRate:
    """The least R, in nats, with D(R) <= D: the inverse of `constrained_transport`, whose other arguments it takes.

    Brackets of D(R) decide on which side a rate lies. Where D(R) is convex (all cases but one letter at a time without
    common randomness) the tangents prove lower ends and the chords upper ends, and few evaluations are enough; the
    rest is bisection. `gap` is the width in nats to stop at.

    >>> from rdptheory.distortions import SquaredError
    >>> from rdptheory.sources import Pmf
    >>> p = Pmf([0.5, 0.25, 0.25])
    >>> found = transport_rate(p, p, SquaredError(), D=0.25, common_randomness=True)
    >>> round(found.solution.distortion, 6), found.bounds.gap <= 1e-9
    (0.25, True)
    """
    D = at_least_zero("D", D)
    question = TransportProblem(source, target, distortion, 0.0, common_randomness, asymptotic)
    convex = asymptotic or question.common_randomness == inf

    def at(R: float) -> TransportSolution:
        return _solve(replace(question, R=R), method)

    first = at(0.0)
    slack = 1e-12 * max(1.0, first.distortion)
    if first.bounds.upper <= D + slack:
        return TransportRate(0.0, Bounds(0.0, 0.0), first, Status.OPTIMAL, "no rate is needed")
    last = at(inf)
    if last.bounds.lower > D:
        return TransportRate(inf, Bounds(inf, inf), None, Status.INFEASIBLE, "no rate is enough")
    low, high, left, right, steps = 0.0, _enough(question), first, last, 2
    if np.isinf(high):
        while not at(high := max(1.0, 2.0 * low)).bounds.upper <= D + slack and high < 1e3:
            low = high
        left, right = at(low), at(high)
    below = low
    while high - below > gap and steps < max_steps:
        middle = 0.5 * (below + high)
        solution = at(middle)
        steps += 1
        if solution.bounds.upper <= D + slack:
            high, right = middle, solution
        elif solution.bounds.lower > D:
            low, left = middle, solution
        else:
            break
        below = max(below, low)
        if convex:
            below = max(below, *(_tangent(R, s, D) for R, s in ((low, left), (high, right))))
            drop = left.bounds.upper - right.bounds.upper
            chord = low + (high - low) * (left.bounds.upper - D) / drop if drop > 0.0 else high
            if below < chord < high:
                trial = at(chord)
                steps += 1
                if trial.bounds.upper <= D + slack:
                    high, right = chord, trial
                    below = max(below, _tangent(chord, trial, D))
        below = min(below, high)
    closed = high - below <= gap
    return TransportRate(
        high,
        Bounds(below, high),
        right if right.problem == replace(question, R=high) else at(high),
        Status.OPTIMAL if closed else Status.STOPPED,
        f"{steps} evaluations of D(R)",
    )


def _tangent(R: float, solution: TransportSolution, D: float) -> float:
    """Where the line of slope -λ through the lower bound at R reaches D: no smaller rate is enough."""
    prices = solution.multipliers
    if prices is None or not prices.rate > 0.0 or not np.isfinite(R):
        return 0.0
    return R + (solution.bounds.lower - D) / prices.rate


def _enough(problem: TransportProblem) -> float:
    """A rate that reaches what inf reaches: the entropy of a side; inf for densities."""
    if isinstance(problem.source, DiscreteSource) and isinstance(problem.target, DiscreteSource):
        return min(entropy(problem.source.probabilities), entropy(problem.target.probabilities)) + 1e-12
    return inf


@dataclass(frozen=True)
class Decomposition:
    """Theorem 1 of LZCK22: with squared error and no common randomness the distortion is a sum of three.

    Attributes
    ----------
    quantise : float
        E|X - Xhat|^2, Xhat = E[X|Z].
    convert : float
        E|Xhat - Yhat|^2.
    dequantise : float
        E|Yhat - Y|^2, Yhat = E[Y|Z].
    """

    quantise: float
    convert: float
    dequantise: float

    @property
    def total(self) -> float:
        """The sum, E|X - Y|^2."""
        return self.quantise + self.convert + self.dequantise


def decompose(solution: TransportSolution) -> Decomposition:
    """The three terms of a transport under squared error without common randomness.

    >>> from rdptheory.sources import Pmf
    >>> p = Pmf([0.5, 0.25, 0.25])
    >>> answer = constrained_transport(p, p, SquaredError(), R=0.5, common_randomness=False)
    >>> terms = decompose(answer)
    >>> abs(terms.total - answer.distortion) < 1e-12
    True
    """
    problem, plan = solution.problem, solution.plan
    assert isinstance(problem, TransportProblem)
    if isinstance(problem.source, Uniform) and isinstance(problem.target, Uniform):
        parts = transport_uniform.terms(problem.source, problem.target, R=problem.R)
        return Decomposition(*(float(part) for part in parts))
    if not isinstance(plan, PrivatePlan) or not _squared(problem):
        raise InvalidInput("solution", solution, "must come from squared error without common randomness")
    assert isinstance(problem.source, DiscreteSource)
    assert isinstance(problem.target, DiscreteSource)
    x, y = (law.points.reshape(law.size, -1) for law in (problem.source, problem.target))
    z = problem.source.probabilities @ plan.encoder
    joint = problem.source.probabilities[:, None] * plan.encoder
    centre_x = np.divide(joint.T @ x, z[:, None], out=np.zeros((z.size, x.shape[1])), where=z[:, None] > 0.0)
    centre_y = plan.decoder @ y
    return Decomposition(
        float((joint * np.square(x[:, None] - centre_x).sum(axis=2)).sum()),
        float(z @ np.square(centre_x - centre_y).sum(axis=1)),
        float((z[:, None] * plan.decoder * np.square(y - centre_y[:, None]).sum(axis=2)).sum()),
    )


def quantisation_error(source: Source, *, R: float, method: QuantileCuts | None = None) -> Bounds:
    """A bracket of D_mse(R) = min E(X - E[X|Z])^2 over H(Z) <= R nats, for a law on the line.

    Entropy-constrained scalar quantisation with a random encoder, which can split an atom between two cells; at a hard
    rate limit that beats every deterministic encoder. It is half the transport of the law to itself.

    >>> from rdptheory.sources import Uniform
    >>> round(quantisation_error(Uniform(0, 1), R=np.log(2)).upper, 12)
    0.020833333333
    """
    found = constrained_transport(source, source, SquaredError(), R=R, common_randomness=False, method=method)
    return Bounds(0.5 * found.bounds.lower, 0.5 * found.bounds.upper)


def _solve(problem: TransportProblem, method: Method | None) -> TransportSolution:
    if problem.common_randomness not in (0.0, inf) and not _gaussian(problem):
        raise InvalidInput("common_randomness", problem.common_randomness, f"a rate between 0 and inf; {AVAILABLE}")
    formula = _formula(problem)
    discrete = isinstance(problem.source, DiscreteSource) and isinstance(problem.target, DiscreteSource)
    if formula is None and not discrete:
        continuous = problem.target if isinstance(problem.source, DiscreteSource) else problem.source
        raise InvalidInput(
            "source" if continuous is problem.source else "target",
            continuous,
            f"has no formula with these arguments; discretise(source, n) makes it a Pmf; {AVAILABLE}",
        )
    if method is None:
        method = ClosedForm() if formula is not None else _choice(problem)
    if isinstance(method, ClosedForm):
        if formula is None:
            raise InvalidInput("method", method, f"no formula with these arguments; {AVAILABLE}")
        return formula()
    allowed = _methods(problem) if discrete else ()
    if not isinstance(method, allowed):
        names = ", ".join(kind.__name__ for kind in (*allowed, *([ClosedForm] if formula is not None else [])))
        raise InvalidInput("method", method, f"does not apply to these arguments; available: {names}")
    return replace(method.solve(problem.discrete), problem=problem)


def _methods(problem: TransportProblem) -> tuple[type, ...]:
    """The methods for finite alphabets, the one taken by default first."""
    if problem.asymptotic:
        return (EntropicTransport,) if problem.common_randomness else (PosteriorPairs,)
    if problem.common_randomness:
        if problem.discrete.monge_order is not None:
            return (ColumnGeneration, Enumeration, Flow, BranchAndBound)
        return (BranchAndBound, Enumeration)
    return (QuantileCuts, MultiStart) if _squared(problem) and problem.discrete.x is not None else (MultiStart,)


def _choice(problem: TransportProblem) -> Method:
    method: Method = _methods(problem)[0]()
    return method


def _squared(problem: TransportProblem) -> bool:
    return isinstance(problem.distortion, SquaredError)


def _gaussian(problem: TransportProblem) -> bool:
    both = isinstance(problem.source, Gaussian) and isinstance(problem.target, Gaussian)
    return both and _squared(problem) and problem.asymptotic


def _formula(problem: TransportProblem) -> Callable[[], TransportSolution] | None:
    source, target = problem.source, problem.target
    if _gaussian(problem):
        return lambda: _gaussian_answer(problem)
    if problem.asymptotic:
        return None
    if isinstance(source, Uniform) and isinstance(target, Uniform):
        return (lambda: _uniform_answer(problem)) if _squared(problem) and problem.common_randomness == 0.0 else None
    if isinstance(source, DiscreteSource) and isinstance(target, DiscreteSource):
        d = problem.discrete
        if d.shape == (2, 2) and np.array_equal(d.cost, 1.0 - np.eye(2)):
            return lambda: _binary_answer(problem, d)
    return None


def _answer(problem: TransportProblem, value: float, scale: float, plan: object, slope: float) -> TransportSolution:
    bounds = widened(value, value, scale, "closed form")
    return TransportSolution(
        distortion=bounds.upper,
        bounds=bounds,
        plan=plan,  # type: ignore[arg-type]
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
    plan = JointGaussian(np.array([X.mean, Y.mean]), np.array([[sx**2, rho * sx * sy], [rho * sx * sy, sy**2]]))
    t = float(np.exp(-2.0 * problem.R))
    e = float(np.exp(-2.0 * shared))
    climb = 2.0 * t if shared == 0.0 else inf if rho == 0.0 else t * (1.0 + e - 2.0 * e * t) / rho
    scale = (X.mean - Y.mean) ** 2 + sx**2 + sy**2
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
    return _answer(problem, value, value + 1.0, None, slope)


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
