"""From a discrete question to a bracket with its channel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np
import scipy
from threadpoolctl import threadpool_limits

from rdptheory._types import Bounds, FloatArray
from rdptheory.divergences import FDivergence
from rdptheory.errors import InvalidInput
from rdptheory.geometry import Dense, Geometry
from rdptheory.problems import DiscreteProblem
from rdptheory.solvers.first_order.certificate import TINY, Reached, nearest_map
from rdptheory.solvers.first_order.handover import candidates, hand_over
from rdptheory.solvers.first_order.loop import Found, Incumbent, Question, first_slope, run
from rdptheory.solvers.first_order.method import FirstOrder, RawResult
from rdptheory.solvers.first_order.projections import Ball
from rdptheory.solvers.first_order.symmetric import run_symmetric

__all__ = ["solve_first_order", "solve_large"]

STORED = 4_000_000  # entries up to which a channel is written down
ANCHOR_GAP = 1e-4  # nats: how well R(D,0) is solved before the loop takes its channel as an anchor
ANCHOR_STEPS = 300
HAND_OVER, HAND_OVER_GAP = 1e-5, 1e-4  # nats: below the first the loop ends at the second, and Newton steps take over
SHARE = 0.9  # of the gap asked for: what a fast kernel has to reach by its own account
FINEST = 2e-7  # nats: what single precision cannot tell
PATIENCE = 2  # doublings of its steps without half the gap after which a fast kernel gives way to the true one


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
    v = scipy.special.logsumexp(f[:, None] - answer.s * (table - offset[:, None]), axis=0, b=p[:, None])
    channel = None
    if answer.upper is not None and rows.size * m <= STORED:
        kept = answer.upper.channel()
        channel = np.zeros((rows.size, m))
        channel[np.ix_(rows, columns)] = kept
        channel[np.ix_(~rows, columns)] = p @ kept
    return _raw(answer, f, v, channel, float(p @ least))


def solve_large(
    probabilities: FloatArray,
    geometry: Geometry,
    perception: FDivergence | None,
    D: float,
    P: float,
    method: FirstOrder,
) -> RawResult:
    """R(D,P) of a law whose distortion is known as a geometry, without a table of it.

        minimise I(X;Y)   over channels of the alphabet to itself with E d(X,Y) <= D and δ(p, p_Y) <= P

    The bracket is evaluated with the products of the geometry in float64, and holds an allowance for their rounding.

    Parameters
    ----------
    probabilities : array (n,)
        p, summing to 1.
    geometry : Geometry
        d of shape (n, n), 0 on the diagonal.
    perception : an f-divergence, or None
    D, P : float
        Limits, at least 0, in the units of the distortion and of the divergence.
    method : FirstOrder

    Returns
    -------
    RawResult
        `f` and `v` are on the symbols as given, `channel` is None when it would have more than 4,000,000 entries.

    >>> from rdptheory.distortions import SquaredError
    >>> x = np.stack(np.meshgrid(np.arange(8.0), np.arange(8.0)), axis=-1).reshape(64, 2)
    >>> pixels = SquaredError().on(x)
    >>> found = solve_large(np.full(64, 1 / 64), pixels, None, 1.0, np.inf, FirstOrder(gap=1e-4))
    >>> found.bounds.gap <= 1e-4
    True

    References
    ----------
    [BM19]
    """
    p, kernel = probabilities, geometry
    free = perception is None or np.isinf(P)
    ball = Ball(None, np.full(p.size, 1.0 / p.size), np.inf) if free else Ball(perception, p, P)
    with threadpool_limits(limits=1, user_api="blas"):
        answer = solve_question(Question(p, kernel, ball, D), method)
        log_m = np.log(np.maximum(kernel.at(answer.s).backward(p * np.exp(answer.f)), TINY))
        channel = None
        if answer.upper is not None and prod(kernel.shape) <= STORED:
            channel = answer.upper.channel()
    return _raw(answer, answer.f, log_m, channel, 0.0)


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
    """Zero rate, the anchor R(D,0), the loop, and without a ball Newton steps, which may end it.

    What a fast kernel has found is proved with the true one.
    """
    p, kernel, ball = question.p, question.kernel, question.ball
    constant = _zero_rate(question)
    if constant.distortion <= question.D and constant.perception <= question.P * (1.0 + 1e-12):
        return Answer(0.0, constant, np.zeros_like(p), 0.0, 0.0, 0, True)
    anchors: tuple[Reached, ...] = (nearest_map(p, ball, kernel),)
    log_h = np.full(kernel.shape[1], -np.log(kernel.shape[1]))
    if not ball.free:
        log_h = np.where(ball.reference > 0.0, ball.log_reference, log_h)
    elif kernel.symmetric:
        log_h = np.where(p > 0.0, np.log(np.maximum(p, TINY)), log_h)
    quick = replace(question, kernel=kernel.fast())
    s, steps = first_slope(quick, log_h), 0
    if method.momentum and not ball.free:
        aim = method.gap if question.P == 0.0 else max(method.gap, ANCHOR_GAP)
        point = Ball(ball.divergence, ball.reference, 0.0)
        # What is misplaced at the scale of the largest products has far to go beside a small D.
        steady = question if question.P == 0.0 else replace(question, kernel=kernel.fast(relative=True))
        found = _transport(replace(steady, ball=point), replace(method, gap=aim), log_h, s, anchors)
        steps, log_h, s = found.steps, found.last.log_h, found.last.s
        if found.incumbent.upper is not None:
            anchors = (*anchors, found.incumbent.upper)
        if question.P == 0.0:
            if found.incumbent.gap <= method.gap or found.incumbent.infeasible:
                return _answer(found.incumbent, 0.0, steps, method)
            quick = question
    handed: tuple[Incumbent, ...] = ()
    if ball.free and method.momentum and method.gap < HAND_OVER and question.D > 0.0:
        found = run(quick, replace(method, gap=HAND_OVER_GAP), log_h, s, anchors, PATIENCE)
        steps, s = found.steps, found.last.s
        best = _proved(question, found)
        if method.gap < best.gap <= 2.0 * HAND_OVER_GAP:
            ended = hand_over(replace(found, incumbent=best), candidates(found.last.law), method.gap)
            best, steps = ended.incumbent, ended.steps
        if best.gap <= method.gap or best.infeasible or steps >= method.max_steps:
            return _answer(best, 0.0, steps, method)
        handed = (best,)  # and the loop starts over: symbols that left the law would take long to return
    aims: tuple[float, ...] = ()
    if quick.kernel is not kernel:
        aims = (SHARE * method.gap, 0.5 * method.gap) if 0.5 * method.gap >= FINEST else (FINEST,)
    for effort, gap, patience in [*((quick, aim, PATIENCE) for aim in aims), (question, method.gap, None)]:
        left = max(1, method.max_steps - steps)
        found = run(effort, replace(method, gap=gap, max_steps=left), log_h, s, anchors, patience)
        steps, log_h, s = steps + found.steps, found.last.log_h, found.last.s
        best = min([_proved(question, found), *handed], key=lambda incumbent: incumbent.gap)
        handed = (best,)
        if best.gap <= method.gap or best.infeasible or steps >= method.max_steps:
            break
    return _answer(best, found.mu, steps, method)


def _transport(
    question: Question, method: FirstOrder, log_h: FloatArray, s: float, anchors: tuple[Reached, ...]
) -> Found:
    """R(D,0), by the symmetric update where it applies."""
    if question.kernel.symmetric and np.array_equal(question.p, question.ball.reference):
        return run_symmetric(question, method, s, anchors)
    return run(question, replace(method, max_steps=min(ANCHOR_STEPS, method.max_steps)), log_h, s, anchors)


def _proved(question: Question, found: Found) -> Incumbent:
    """Both ends evaluated with the kernel of the question, whatever kernel found them."""
    best = found.incumbent
    if best.question.kernel is question.kernel:
        return best
    proof = Incumbent(question)
    assert best.f is not None
    assert best.near is not None
    m = np.maximum(question.kernel.at(best.s).backward(question.p * np.exp(best.f)), TINY)
    proof.raise_lower(best.f, np.log(m), best.s, best.near)
    if best.upper is not None:
        proof.upper = best.upper.again(question.kernel)
    return proof


def _zero_rate(question: Question) -> Reached:
    """The best channel whose output ignores the source."""
    p, ball, n = question.p, question.ball, question.kernel.shape[0]
    costs = question.kernel.mean_backward(p)
    if ball.divergence is None:
        law = np.zeros_like(costs)
        law[costs.argmin()] = 1.0
    else:
        law = ball.divergence.support(-costs, ball.reference, ball.limit).law
    return Reached(
        0.0,
        float(costs @ law),
        ball.value(law),
        lambda: np.tile(law, (n, 1)),
        lambda other: _zero_rate(replace(question, kernel=other)),
    )


def _answer(best: Incumbent, mu: float, steps: int, method: FirstOrder) -> Answer:
    assert best.f is not None
    lower, finished = (np.inf, True) if best.infeasible else (best.lower, bool(best.gap <= method.gap))
    return Answer(lower, best.upper, best.f, best.s, mu, steps, finished)


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
