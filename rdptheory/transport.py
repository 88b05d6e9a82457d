"""The verbs of entropy-constrained optimal transport [LZCK22]."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, Bounds
from rdptheory.certificates.transport import copy_plan, judged
from rdptheory.closed_forms import ClosedForm, limited_randomness, match_transport, transport_uniform
from rdptheory.distortions import Distortion, SquaredError
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, at_least_zero, count, finite
from rdptheory.information import entropy
from rdptheory.plans import PrivatePlan
from rdptheory.solution import Status
from rdptheory.solvers.transport.common_randomness import BranchAndBound, ColumnGeneration, Enumeration, Flow
from rdptheory.solvers.transport.long_blocks import EntropicTransport, LinePairs, PosteriorPairs
from rdptheory.solvers.transport.private_randomness import MultiStart, QuantileCuts
from rdptheory.sources import DiscreteSource, Source, Uniform
from rdptheory.transport_problem import TransportProblem
from rdptheory.transport_solution import TransportMethod, TransportOutcome, TransportSolution

__all__ = [
    "Decomposition",
    "TransportRate",
    "constrained_transport",
    "decompose",
    "quantisation_error",
    "transport_rate",
]

Method = TransportMethod | ClosedForm

METHODS = (
    ColumnGeneration,
    BranchAndBound,
    Enumeration,
    Flow,
    QuantileCuts,
    MultiStart,
    EntropicTransport,
    LinePairs,
    PosteriorPairs,
)
"""For finite alphabets; of those that apply the first is taken by default."""
RELAXATION = EntropicTransport()
"""Solved where the default stops short: the freest setting is cheap, and its multipliers hold in all others."""
FORMULA = "closed form"
"""Where the lower end of a formula comes from: its slope is that of the curve."""
NEXT_TO = 1e-12
"""Share of D at R = 0 by which a D that somebody computed may miss that one, or the least of all."""
USUAL_GAP = 1e-9
"""Relative gap asked of a method that names none."""

AVAILABLE = (
    "available are: finite alphabets with common_randomness False or True, and with asymptotic=True any rate of it; "
    "Uniform to Uniform with SquaredError, common_randomness=False, asymptotic=False; Gaussian to Gaussian with "
    "SquaredError, asymptotic=True and any rate of common randomness"
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
        common_randomness=True     min E d(X,Y)   over (X,Y) with I(X;Y) <= R,
        common_randomness=Rc       min E d(X,Y)   over X - Z - Y with I(X;Z) <= R and I(Y;Z) <= R + Rc;

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
        False, True, or a rate Rc in nats (0 is False, inf is True; in between over long blocks only).
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
    [LZCK22], [SLY15], [XLCZ24]
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
    rest is bisection. `gap` is the width in nats to stop at. The D of R = 0, and the least D of all, count as reached
    within 1e-12 of the former, because a D that is one of them has been rounded.

    >>> from rdptheory.distortions import SquaredError
    >>> from rdptheory.sources import Pmf
    >>> p = Pmf([0.5, 0.25, 0.25])
    >>> found = transport_rate(p, p, SquaredError(), D=0.25, common_randomness=True)
    >>> round(found.solution.distortion, 6), found.bounds.gap <= 1e-9
    (0.25, True)
    """
    D, gap = at_least_zero("D", D), finite("gap", gap, positive=True)
    count("max_steps", max_steps)
    question = TransportProblem(source, target, distortion, 0.0, common_randomness, asymptotic)
    convex = asymptotic or question.common_randomness == inf

    def at(R: float) -> TransportSolution:
        return _solve(replace(question, R=R), method)

    first = at(0.0)
    slack = NEXT_TO * first.distortion
    if first.bounds.upper <= D + slack:
        return TransportRate(0.0, Bounds(0.0, 0.0), first, Status.OPTIMAL, "no rate is needed")
    last = at(inf)
    if last.bounds.lower > D:
        return TransportRate(inf, Bounds(inf, inf), None, Status.INFEASIBLE, "no rate is enough")
    if last.bounds.upper > D:  # the least D of all, but for its rounding
        D += slack
    low, high, left, right, steps = 0.0, _enough(question), first, last, 2
    if np.isinf(high):
        while not at(high := max(1.0, 2.0 * low)).bounds.upper <= D and high < 1e3:
            low = high
        left, right = at(low), at(high)
    below = low
    while high - below > gap and steps < max_steps:
        middle = 0.5 * (below + high)
        solution = at(middle)
        steps += 1
        if solution.bounds.upper <= D:
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
                if trial.bounds.upper <= D:
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
    if solution.bounds.lower_from not in (prices.lower_from, FORMULA):
        return 0.0  # these multipliers prove less than that bound
    apart, symbols = (solution.bounds.lower - D) / prices.rate, 0
    if solution.bounds.lower_from != FORMULA:
        assert isinstance(solution.problem, TransportProblem)
        symbols = sum(solution.problem.discrete.shape)
    return R + apart - 4.0 * UNIT_ROUNDOFF * (symbols + 32) * (R + abs(apart))  # what a slope may be rounded by


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
    discrete = isinstance(problem.source, DiscreteSource) and isinstance(problem.target, DiscreteSource)
    covered = (discrete and problem.asymptotic) or limited_randomness(problem)
    if problem.common_randomness not in (0.0, inf) and not covered:
        rule = f"a rate between 0 and inf has no answer here; {AVAILABLE}"
        raise InvalidInput("common_randomness", problem.common_randomness, rule)
    formula = match_transport(problem)
    if formula is None and not discrete:
        continuous = problem.target if isinstance(problem.source, DiscreteSource) else problem.source
        raise InvalidInput(
            "source" if continuous is problem.source else "target",
            continuous,
            f"has no formula with these arguments; discretise(source, n) makes it a Pmf; {AVAILABLE}",
        )
    if formula is not None and (method is None or isinstance(method, ClosedForm)):
        return formula
    if method is None:
        usual = next(kind() for kind in METHODS if kind().applies(problem.discrete))
        return proved(problem, usual, RELAXATION)
    if not discrete or isinstance(method, (type, ClosedForm)) or not isinstance(method, TransportMethod):
        raise InvalidInput("method", method, f"does not apply to these arguments; available: {_names(problem)}")
    if isinstance(method, METHODS) and not method.applies(problem.discrete):
        raise InvalidInput("method", method, f"does not apply to these arguments; available: {_names(problem)}")
    return proved(problem, method)


def _names(problem: TransportProblem) -> str:
    """The methods that apply."""
    discrete = isinstance(problem.source, DiscreteSource) and isinstance(problem.target, DiscreteSource)
    fitting = [kind.__name__ for kind in METHODS if discrete and kind().applies(problem.discrete)]
    return ", ".join(fitting + ["ClosedForm"] * (match_transport(problem) is not None))


def proved(
    problem: TransportProblem, method: TransportMethod, relaxation: TransportMethod | None = None
) -> TransportSolution:
    """Ask a method and judge what it says; where that is too wide, with the multipliers of a relaxation."""
    copied = relaxation is not None and copy_plan(problem.discrete) is not None
    outcome = TransportOutcome() if copied else method.solve(problem.discrete)
    if not isinstance(outcome, TransportOutcome):
        raise InvalidInput("method", method, f"its solve must return a TransportOutcome, not {type(outcome).__name__}")
    found = judged(problem.discrete, outcome)
    asked = problem.discrete.width(getattr(method, "gap", USUAL_GAP), found.bounds.upper)
    closed = found.bounds.gap <= asked
    if relaxation is not None and not closed:
        other = judged(problem.discrete, TransportOutcome(proofs=relaxation.solve(problem.discrete).proofs))
        if other.bounds.lower > found.bounds.lower:
            lower = replace(other.bounds, upper=found.bounds.upper)
            found = replace(found, bounds=lower, multipliers=other.multipliers)
            closed = found.bounds.gap <= asked
    width = "as narrow as asked" if closed else f"{found.bounds.gap:.2g} wide, {asked:.2g} was asked"
    return TransportSolution(
        distortion=found.bounds.upper,
        bounds=found.bounds,
        plan=found.plan,
        multipliers=found.multipliers,
        method=method,
        status=Status.OPTIMAL if closed else Status.STOPPED,
        message=f"the bracket is {width}" + (f": {outcome.sentence}" if outcome.sentence else ""),
        problem=problem,
        steps=outcome.steps,
        history=outcome.history,
    )


def _squared(problem: TransportProblem) -> bool:
    return isinstance(problem.distortion, SquaredError)


guard(__name__)
