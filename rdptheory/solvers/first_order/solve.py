"""From a discrete question to a bracket with its channel."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from rdptheory._types import Bounds, FloatArray
from rdptheory.divergences import FDivergence
from rdptheory.errors import InvalidInput
from rdptheory.problems import DiscreteProblem
from rdptheory.solvers.first_order.certificate import Reached, nearest_map
from rdptheory.solvers.first_order.kernels import Dense
from rdptheory.solvers.first_order.loop import Found, Question, first_slope, run
from rdptheory.solvers.first_order.method import FirstOrder, RawResult
from rdptheory.solvers.first_order.projections import Ball
from rdptheory.solvers.first_order.symmetric import run_symmetric

__all__ = ["solve_first_order"]

STORED = 4_000_000  # entries up to which a channel is written down
ANCHOR_GAP = 1e-4  # nats: how well R(D,0) is solved before the loop takes its channel as an anchor
ANCHOR_STEPS = 300


def solve_first_order(problem: DiscreteProblem, method: FirstOrder) -> RawResult:
    """R(D,P) of a discrete source by a first-order method, with a proved bracket.

        minimise I(X;Y)   over channels with E d(X,Y) <= D and δ(reference, p_Y) <= P

    Parameters
    ----------
    problem : DiscreteProblem
        One distortion limit, and at most one perception limit, by an f-divergence on the output law itself.
    method : FirstOrder

    Returns
    -------
    RawResult
        Its bracket is [0, inf] at worst; `bounds.lower` is inf when no channel meets D.

    Raises
    ------
    InvalidInput
        The problem has limits of another kind.

    >>> from rdptheory.distortions import Hamming
    >>> from rdptheory.divergences import TotalVariation
    >>> from rdptheory.sources import Bernoulli
    >>> from rdptheory.problems import Problem
    >>> problem = Problem(Bernoulli(0.25), Hamming(), TotalVariation(), D=0.1, P=0.0).discrete
    >>> round(solve_first_order(problem, FirstOrder(gap=1e-8)).bounds.upper / float(np.log(2.0)), 6)
    0.365777

    References
    ----------
    [BM19]
    """
    if len(problem.distortions) != 1 or len(problem.perceptions) > 1:
        raise InvalidInput("method", method, "takes one distortion limit and at most one perception limit")
    (distortion,) = problem.distortions
    perception = problem.perceptions[0] if problem.perceptions else None
    if perception is not None and (perception.image is not None or not isinstance(perception.divergence, FDivergence)):
        raise InvalidInput("method", method, "takes an f-divergence of the output law itself")
    m = problem.shape[1]
    rows = problem.probabilities > 0.0
    p = problem.probabilities[rows]
    columns = np.ones(m, dtype=bool)
    ball = Ball(None, np.full(m, 1.0 / m), np.inf)
    if perception is not None:
        divergence, reference = perception.divergence, perception.reference
        assert isinstance(divergence, FDivergence)
        if perception.limit == 0.0 or np.isinf(divergence.recession):
            columns = reference > 0.0  # no law of the ball has mass elsewhere
        ball = Ball(divergence, reference[columns], perception.limit)
    table = distortion.table[rows]
    least, offset = table[:, columns].min(axis=1), table.min(axis=1)
    D = distortion.limit - float(p @ least)
    if abs(D) <= 4.0 * np.finfo(np.float64).eps * (distortion.limit + float(p @ least)):
        D = 0.0
    if D < 0.0:
        return RawResult(
            np.zeros(p.size),
            0.0,
            np.zeros(m),
            0.0,
            None,
            Bounds(np.inf, np.inf),
            np.nan,
            np.nan,
            0,
            True,
            "no channel reaches D",
        )
    with threadpool_limits(limits=1, user_api="blas"):
        answer = solve_question(Question(p, Dense(table[:, columns] - least[:, None]), ball, D), method)
    f = answer.f + answer.s * (least - offset)
    v = logsumexp(f[:, None] - answer.s * (table - offset[:, None]), axis=0, b=p[:, None])
    channel = None
    if answer.upper is not None and rows.size * m <= STORED:
        kept = answer.upper.channel()
        channel = np.zeros((rows.size, m))
        channel[np.ix_(rows, columns)] = kept
        channel[np.ix_(~rows, columns)] = p @ kept
    return _raw(answer, f, v, channel, float(p @ least))


@dataclass(frozen=True, eq=False)
class Answer:
    """Both ends of the bracket of a question, in its own terms."""

    lower: float
    upper: Reached | None
    f: FloatArray
    s: float
    mu: float
    steps: int
    finished: bool


def solve_question(question: Question, method: FirstOrder) -> Answer:
    """Zero rate, the anchor R(D,0), then the loop."""
    p, kernel, ball = question.p, question.kernel, question.ball
    m = kernel.shape[1]
    constant = _zero_rate(question)
    if constant.meets(question.D, question.P * (1.0 + 1e-12)):
        return Answer(0.0, constant, np.zeros_like(p), 0.0, 0.0, 0, True)
    nearest = nearest_map(p, ball, kernel)
    anchors: tuple[Reached, ...] = (nearest,) if nearest.meets(question.D, question.P) else ()
    log_h = np.log(ball.reference) if not ball.free and (ball.reference > 0.0).all() else np.full(m, -np.log(m))
    s = first_slope(question, log_h)
    steps = 0
    if method.momentum and not ball.free:
        point = Question(p, kernel, Ball(ball.divergence, ball.reference, 0.0), question.D)
        aim = method.gap if question.P == 0.0 else max(method.gap, ANCHOR_GAP)
        if kernel.symmetric and np.array_equal(p, ball.reference):
            found = run_symmetric(point, replace(method, gap=aim), s, anchors)
        else:
            found = run(point, replace(method, gap=aim, max_steps=ANCHOR_STEPS), log_h, s, anchors)
        steps, log_h, s = found.steps, found.last.log_h, found.last.s
        if found.incumbent.upper is not None:
            anchors = (*anchors, found.incumbent.upper)
        if question.P == 0.0 and (found.incumbent.gap <= method.gap or found.incumbent.infeasible):
            return _answer(found, steps, method)
    found = run(question, method, log_h, s, anchors)
    return _answer(found, steps + found.steps, method)


def _zero_rate(question: Question) -> Reached:
    """The best channel whose output ignores the source."""
    p, ball = question.p, question.ball
    n, m = question.kernel.shape
    costs = question.kernel.mean_backward(p)
    if ball.divergence is None:
        law = np.eye(1, m, int(costs.argmin()))[0]
    else:
        law = ball.divergence.support(-costs, ball.reference, ball.limit).law
    return Reached(0.0, float(costs @ law), ball.value(law), lambda: np.tile(law, (n, 1)))


def _answer(found: Found, steps: int, method: FirstOrder) -> Answer:
    best = found.incumbent
    assert best.f is not None
    lower, finished = (np.inf, True) if best.infeasible else (best.lower, bool(best.gap <= method.gap))
    return Answer(lower, best.upper, best.f, best.s, found.mu, steps, finished)


def _raw(answer: Answer, f: FloatArray, v: FloatArray, channel: FloatArray | None, offset: float) -> RawResult:
    upper = answer.upper
    if np.isinf(answer.lower):
        sentence = "no channel meets both limits: the lower bound exceeds H(X)"
    elif answer.finished:
        sentence = "the gap asked for is proved"
    else:
        sentence = f"stopped after {answer.steps} steps"
    lower = min(answer.lower, upper.rate) if upper else answer.lower
    return RawResult(
        f,
        answer.s,
        v,
        answer.mu,
        channel,
        Bounds(lower, upper.rate if upper else np.inf),
        upper.distortion + offset if upper else np.nan,
        upper.perception if upper else np.nan,
        answer.steps,
        answer.finished,
        sentence,
    )
