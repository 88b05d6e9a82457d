"""The verbs: ask for a rate, get a bracket."""

from __future__ import annotations

import numpy as np

from rdptheory._types import Bounds, FloatArray
from rdptheory.certificates import DualPoint, cheapest_channel
from rdptheory.closed_forms import ClosedForm, match
from rdptheory.distortions import Distortion, SquaredError
from rdptheory.divergences import Divergence, FDivergence, Support
from rdptheory.errors import InvalidInput
from rdptheory.information import entropy
from rdptheory.problems import DiscreteProblem, PerceptionLimit, Problem
from rdptheory.solution import Candidate, Slopes, Solution, Status
from rdptheory.solvers.conic import Conic, solve_conic
from rdptheory.solvers.first_order import FirstOrder, solve_first_order, solve_large
from rdptheory.solvers.interior_point import InteriorPoint, law_inside, solve_interior_point
from rdptheory.solvers.outcome import Outcome, judged
from rdptheory.sources import DiscreteSource, Source

__all__ = ["Method", "rate_distortion", "rdp"]

Method = ClosedForm | InteriorPoint | FirstOrder | Conic
NO_PERCEPTION = float("inf")
LARGE = 2048  # points above which squared error is solved without a table
LARGE_GAP = 1e-4
SMALL = 20_000  # table entries up to which feasibility is decided before the solver starts
TOO_TIGHT = "every channel whose output law is within P has a distortion above D"


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
        None takes a closed form where one exists, the first-order loop for squared error on more than 2,048 points
        (which then needs no table of distortions), and the interior point everywhere else.

    Returns
    -------
    Solution
        `bounds.lower <= R(D,P) <= bounds.upper == rate` in nats. The lower end is the dual value of a dual point, the
        upper end the mutual information of `candidate.channel`, which keeps both limits; both are widened by an
        allowance for float64. If no channel keeps the limits the status is INFEASIBLE and the rate inf. Above 4,000,000
        entries the channel is not written down and `candidate` is None; the bracket is proved all the same.

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
    >>> round(solution.rate / float(np.log(2)), 6)
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
        method = FirstOrder(gap=LARGE_GAP) if _is_large(problem) else InteriorPoint()
    if isinstance(method, FirstOrder) and _is_large(problem):
        return _solve_large(problem, method)
    discrete = problem.discrete
    if not isinstance(method, (InteriorPoint, FirstOrder, Conic)):
        raise InvalidInput("method", method, "must be ClosedForm(), InteriorPoint(), FirstOrder() or Conic()")
    if any(limit.limit < 0.0 for limit in discrete.reduced.distortions):
        least = problem.D - discrete.reduced.distortions[0].limit
        return _infeasible(problem, method, 0, f"D is below {least:.6g}, the least distortion of any channel")
    doubtful = not trivially_feasible(discrete)
    if doubtful and discrete.probabilities.size * discrete.shape[1] <= SMALL and _too_tight(discrete):
        return _infeasible(problem, method, 0, TOO_TIGHT)
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
    if doubtful and not np.isfinite(outcome.bounds.upper):
        proved = outcome.bounds.lower > entropy(discrete.reduced.probabilities) + 1e-6
        if proved or _too_tight(discrete):
            return _infeasible(problem, method, outcome.steps, TOO_TIGHT)
    return _from_outcome(problem, discrete, outcome, method)


def rate_distortion(source: Source, distortion: Distortion, *, D: float, method: Method | None = None) -> Solution:
    """Shannon's R(D) = R(D, inf), with a proof: see `rdp`.

    >>> from rdptheory import Gaussian, SquaredError, rate_distortion
    >>> round(rate_distortion(Gaussian(0.0, 1.0), SquaredError(), D=0.25).rate / float(np.log(2)), 12)
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


def _too_tight(problem: DiscreteProblem) -> bool:
    return least_distortion(problem) > problem.reduced.distortions[0].limit * (1.0 + 1e-12) + 1e-15


def least_distortion(problem: DiscreteProblem) -> float:
    """A proved lower bound on E d (less the row minima) of the channels whose output law stays in the ball."""
    reduced = problem.reduced
    if len(reduced.distortions) != 1 or len(reduced.perceptions) != 1 or reduced.perceptions[0].image is not None:
        return 0.0
    limit = reduced.distortions[0]
    return cheapest_channel(reduced.probabilities, limit.table, reduced.perceptions[0], limit.limit).lower


def trivially_feasible(problem: DiscreteProblem) -> bool:
    """Whether copying the source costs nothing, so that no limit can be too small."""
    table = problem.distortions[0].table
    return not problem.perceptions or (
        table.shape[0] == table.shape[1]
        and not np.diagonal(table).any()
        and np.array_equal(problem.perceptions[0].reference, problem.probabilities)
    )


def zero_rate(problem: DiscreteProblem) -> FloatArray | None:
    """A channel (n, m) that ignores its input and keeps every limit, or None if this search finds none.

    With one distortion and at most one ball the search is exact: the law of the ball with the least mean distortion
    is where the support function of the ball touches.
    """
    reduced = problem.reduced
    if len(reduced.distortions) > 1 or len(reduced.perceptions) > 1:
        return None
    if any(ball.image is not None for ball in reduced.perceptions):
        return None
    limit = reduced.distortions[0]
    cost = reduced.probabilities @ limit.table
    law = cheapest_law(cost, reduced.perceptions).law
    if float(law @ cost) > limit.limit:
        return None
    return np.tile(law / law.sum(), (problem.probabilities.size, 1))


def _is_large(problem: Problem) -> bool:
    """Whether the source has too many points for a table and the question is one that needs none."""
    source, ball = problem.source, problem.perception
    return (
        isinstance(source, DiscreteSource)
        and source.size > LARGE
        and isinstance(problem.distortion, SquaredError)
        and (ball is None or isinstance(ball, FDivergence) or np.isinf(problem.P))
    )


def _solve_large(problem: Problem, method: FirstOrder) -> Solution:
    source, ball = problem.source, problem.perception
    assert isinstance(source, DiscreteSource)
    divergence = ball if isinstance(ball, FDivergence) else None
    P = NO_PERCEPTION if divergence is None else problem.P
    raw = solve_large(source.probabilities, source.points, divergence, problem.D, P, method)
    if np.isinf(raw.bounds.lower):
        return _infeasible(problem, method, raw.steps, raw.sentence)
    candidate = None if raw.channel is None else Candidate(raw.channel, source.probabilities @ raw.channel)
    return Solution(
        problem,
        raw.bounds.upper,
        raw.bounds,
        Slopes(0.0 - raw.s, 0.0 - raw.mu),
        candidate,
        Status.OPTIMAL if raw.finished else Status.STOPPED,
        raw.sentence,
        method,
        raw.steps,
        DualPoint(raw.f, np.array([raw.s])),
    )


def cheapest_law(cost: FloatArray, balls: tuple[PerceptionLimit, ...]) -> Support:
    """The law r with the least <cost, r> within at most one ball, and a proved lower bound on that as `value`."""
    if not balls:
        law = np.zeros(cost.size)
        law[int(np.argmin(cost))] = 1.0
        return Support(float(cost.min()), law)
    ball = balls[0]
    found = ball.divergence.support(-cost, ball.reference, ball.limit)
    law, pull = found.law, 1e-15
    if ball.free_moves and ball.point:  # made by free moves
        return Support(-found.value - _rounding(cost), law)
    reached, inside = ball.value(law), law_inside(ball) if ball.free_moves else ball.reference
    while reached > ball.limit and pull < 1.0:  # the search for the support ends within rounding of the boundary
        pull = max(4.0 * pull, 1.0 - ball.limit / reached if np.isfinite(reached) else 1.0)
        law = (1.0 - pull) * law + pull * inside
        reached = ball.value(law)
    return Support(-found.value - _rounding(cost), law)


def _rounding(cost: FloatArray) -> float:
    return float(np.finfo(np.float64).eps) * (cost.size + 8) * float(np.abs(cost).max())


def _from_outcome(problem: Problem, discrete: DiscreteProblem, outcome: Outcome, method: Method) -> Solution:
    wanted = getattr(method, "gap", np.inf)
    gap = outcome.bounds.gap
    reached = gap <= wanted
    ended = "the bracket is as narrow as asked" if reached else "no narrower bracket was found"
    sentence = outcome.sentence or ended
    candidate = None if outcome.channel is None else Candidate(outcome.channel, discrete.output(outcome.channel))
    steep = 0.0 + float(outcome.slope_D[0]), 0.0 + (float(outcome.slope_P[0]) if outcome.slope_P.size else 0.0)
    slopes = Slopes(*steep)  # adding 0 turns -0 into 0
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
