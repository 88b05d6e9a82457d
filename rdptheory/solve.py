"""The verbs: ask for a rate, get a bracket."""

from __future__ import annotations

import numpy as np

from rdptheory._types import Bounds, FloatArray
from rdptheory.certificates import DualPoint
from rdptheory.closed_forms import ClosedForm, match
from rdptheory.couplings import cheapest_plan
from rdptheory.distortions import Distortion
from rdptheory.divergences import Divergence
from rdptheory.errors import InvalidInput
from rdptheory.information import entropy
from rdptheory.problems import DiscreteProblem, Problem
from rdptheory.solution import Candidate, Slopes, Solution, Status
from rdptheory.solvers.conic import Conic, solve_conic
from rdptheory.solvers.first_order import FirstOrder, solve_first_order
from rdptheory.solvers.interior_point import InteriorPoint, solve_interior_point
from rdptheory.solvers.outcome import Outcome, judged
from rdptheory.sources import Source

__all__ = ["Method", "rate_distortion", "rdp"]

Method = ClosedForm | InteriorPoint | FirstOrder | Conic
NO_PERCEPTION = float("inf")


def rdp(
    source: Source,
    distortion: Distortion,
    perception: Divergence | None,
    *,
    D: float,
    P: float,
    method: Method | None = None,
) -> Solution:
    """The information rate-distortion-perception function, with a proof.

        R(D,P) = min over p(y|x) of I(X;Y)   subject to   E d(X,Y) <= D,   δ(p_X, p_Y) <= P

    Parameters
    ----------
    source : Pmf, Bernoulli, Empirical, Gaussian or GaussianVector
        The law of X. A source with a density and no closed form goes through `discretise` first.
    distortion : Hamming, SquaredError, AbsoluteError or Table
        d(x, y) >= 0, in its own unit.
    perception : TotalVariation, KullbackLeibler, ... or None
        δ(p_X, p_Y), in the normalisation of `rdptheory.divergences`; None is the same as P = inf.
    D, P : float
        At least 0; inf lifts the constraint.
    method : ClosedForm, InteriorPoint, FirstOrder, Conic or None
        None takes a closed form where one exists and the interior point everywhere else.

    Returns
    -------
    Solution
        `bounds.lower <= R(D,P) <= bounds.upper == rate` in nats. The lower end is the dual value of a dual point, the
        upper end the mutual information of `candidate.channel`, which keeps both limits; both are widened by an
        allowance for float64. If no channel keeps the limits the status is INFEASIBLE and the rate inf.

    Raises
    ------
    InvalidInput
        An argument that no reading of the question allows: D or P negative or NaN, a table of the wrong shape, a
        density without a closed form, a method that does not fit.

    References
    ----------
    [BM19], equation (4).

    Examples
    --------
    >>> from rdptheory import Bernoulli, Hamming, TotalVariation, rdp
    >>> solution = rdp(Bernoulli(0.25), Hamming(), TotalVariation(), D=0.1, P=0.05)
    >>> round(solution.rate / np.log(2), 6)
    0.343474
    >>> solution.gap < 1e-9
    True
    """
    problem = Problem(source, distortion, perception, D, P)
    if method is None or isinstance(method, ClosedForm):
        matched = match(problem)
        if matched is not None:
            return matched
        if method is not None:
            raise InvalidInput("method", method, "no closed form is known for this source, distortion and perception")
        method = InteriorPoint()
    discrete = problem.discrete
    if not isinstance(method, (InteriorPoint, FirstOrder, Conic)):
        raise InvalidInput("method", method, "must be ClosedForm(), InteriorPoint(), FirstOrder() or Conic()")
    if any(limit.limit < 0.0 for limit in discrete.reduced.distortions):
        least = problem.D - discrete.reduced.distortions[0].limit
        return _infeasible(problem, method, 0, f"D is below {least:.6g}, the least distortion of any channel")
    least = least_distortion(discrete)
    if least > problem.D * (1.0 + 1e-12):
        return _infeasible(
            problem, method, 0, f"every channel with this output law has a distortion of {least:.6g} or more"
        )
    free = zero_rate(discrete)
    if free is not None:
        return Solution(
            problem,
            0.0,
            Bounds(0.0, 0.0),
            Slopes(0.0, 0.0),
            Candidate(free, discrete.output(free)),
            Status.OPTIMAL,
            "a reconstruction that ignores the source keeps both limits",
            method,
        )
    outcome = solve(discrete, method)
    ceiling = entropy(discrete.reduced.probabilities)
    if outcome.bounds.lower > ceiling + 1e-6 and not np.isfinite(outcome.bounds.upper):
        return _infeasible(
            problem,
            method,
            outcome.steps,
            "the dual proves a rate above the entropy of the source, so no channel exists",
        )
    return _from_outcome(problem, discrete, outcome, method)


def rate_distortion(source: Source, distortion: Distortion, *, D: float, method: Method | None = None) -> Solution:
    """Shannon's R(D) = R(D, inf), with a proof: see `rdp`.

    >>> from rdptheory import Gaussian, SquaredError, rate_distortion
    >>> round(rate_distortion(Gaussian(0.0, 1.0), SquaredError(), D=0.25).rate / np.log(2), 12)
    1.0
    """
    return rdp(source, distortion, None, D=D, P=NO_PERCEPTION, method=method)


def solve(problem: DiscreteProblem, method: InteriorPoint | FirstOrder | Conic) -> Outcome:
    """Hand a discrete problem to a solver; what comes back has been judged."""
    match method:
        case InteriorPoint():
            return solve_interior_point(problem, method)
        case FirstOrder():
            raw = solve_first_order(problem, method)
            dual = DualPoint(raw.f, np.array([raw.s]))
            return judged(problem, dual, np.array([raw.mu]), raw.channel, raw.steps, raw.sentence)
        case Conic():
            return solve_conic(problem, method)


def least_distortion(problem: DiscreteProblem) -> float:
    """A proved lower bound on E d of the channels with the output law that P = 0 prescribes; 0 without such a ball."""
    prescribed = [ball for ball in problem.perceptions if ball.limit == 0.0 and ball.image is None]
    table = problem.distortions[0].table
    if not prescribed or (table.shape[0] == table.shape[1] and not np.diagonal(table).any()):
        return 0.0
    return cheapest_plan(problem.probabilities, prescribed[0].reference, table).lower


def zero_rate(problem: DiscreteProblem) -> FloatArray | None:
    """A channel (n, m) that ignores its input and keeps every limit, or None if this search finds none.

    With one distortion and at most one ball the search is exact: the law of the ball with the least mean distortion
    is where the support function of the ball touches.
    """
    reduced = problem.reduced
    if len(reduced.distortions) > 1 or len(reduced.perceptions) > 1:
        return None
    limit = reduced.distortions[0]
    cost = reduced.probabilities @ limit.table
    if not reduced.perceptions:
        law = np.zeros(cost.size)
        law[int(np.argmin(cost))] = 1.0
    else:
        ball = reduced.perceptions[0]
        if ball.image is not None:
            return None
        law = ball.divergence.support(-cost, ball.reference, ball.limit).law
        pull = 1e-15
        while ball.value(law) > ball.limit and pull < 1e-9:  # the search ends within rounding of the boundary
            law, pull = (1.0 - pull) * law + pull * ball.reference, 4.0 * pull
    if float(law @ cost) > limit.limit:
        return None
    return np.tile(law / law.sum(), (problem.probabilities.size, 1))


def _from_outcome(problem: Problem, discrete: DiscreteProblem, outcome: Outcome, method: Method) -> Solution:
    wanted = getattr(method, "gap", np.inf)
    gap = outcome.bounds.gap
    reached = gap <= wanted
    sentence = outcome.sentence or "the bracket is as narrow as asked"
    candidate = None if outcome.channel is None else Candidate(outcome.channel, discrete.output(outcome.channel))
    slopes = Slopes(float(outcome.slope_D[0]), float(outcome.slope_P[0]) if outcome.slope_P.size else 0.0)
    return Solution(
        problem,
        outcome.bounds.upper,
        outcome.bounds,
        slopes,
        candidate,
        Status.OPTIMAL if reached else Status.STOPPED,
        sentence,
        method,
        outcome.steps,
        outcome.dual,
    )


def _infeasible(problem: Problem, method: Method, steps: int, sentence: str) -> Solution:
    infinite = Bounds(float("inf"), float("inf"))
    nothing = Slopes(float("nan"), float("nan"))
    return Solution(problem, float("inf"), infinite, nothing, None, Status.INFEASIBLE, sentence, method, steps)
