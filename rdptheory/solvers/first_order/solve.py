"""From a discrete question to a dual point and channels, for the judge."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from rdptheory._types import FloatArray
from rdptheory.certificates import slater_channel
from rdptheory.certificates.products import TINY, OperatingPoint, best_mixture, evaluated, mixed_channel, nearest_map
from rdptheory.errors import InvalidInput
from rdptheory.geometry import Dense, MaskArray
from rdptheory.information import mutual_information
from rdptheory.methods import DualPoint, GibbsChannel, Outcome
from rdptheory.problems import DiscreteProblem
from rdptheory.solvers.first_order.handover import candidates, hand_over
from rdptheory.solvers.first_order.loop import Found, Incumbent, Question, first_slope, run
from rdptheory.solvers.first_order.method import FirstOrder
from rdptheory.solvers.first_order.projections import Ball
from rdptheory.solvers.first_order.symmetric import run_symmetric

__all__ = ["solve_first_order"]

ANCHOR_GAP = 1e-4  # nats: how well R(D,0) is solved before the loop takes its channel as an anchor
ANCHOR_STEPS = 300  # of the general loop, where the symmetric update does not apply
HAND_OVER, HAND_OVER_GAP = 1e-5, 1e-4  # nats: below the first the loop ends at the second, and Newton steps take over
SHARE = 0.9  # of the gap asked for: what a fast kernel has to reach by its own account
FINEST = 2e-7  # nats: what single precision cannot tell
PATIENCE = 2  # doublings of its steps without half the gap after which a fast kernel gives way to the true one


def solve_first_order(problem: DiscreteProblem, method: FirstOrder) -> Outcome:
    """R(D,P) of a discrete source by a first-order method.

        minimise I(X;Y)   over channels with E d(X,Y) <= D and δ(reference, p_Y) <= P

    Parameters
    ----------
    problem : DiscreteProblem
        One distortion limit, and at most one perception limit, by an f-divergence on the output law itself.
    method : FirstOrder

    Returns
    -------
    Outcome
        A dual point, and the channel that reaches least: written down, or for alphabets that are solved `by_products`
        as the Gibbs channels that it mixes.

    Raises
    ------
    InvalidInput
        The problem has limits of another kind.

    >>> from rdptheory.certificates import lower_bound
    >>> from rdptheory.distortions import Hamming
    >>> from rdptheory.divergences import TotalVariation
    >>> from rdptheory.sources import Bernoulli
    >>> from rdptheory.problems import Problem
    >>> problem = Problem(Bernoulli(0.25), Hamming(), TotalVariation(), D=0.1, P=0.0).discrete
    >>> found = solve_first_order(problem, FirstOrder(gap=1e-8))
    >>> round(lower_bound(problem, found.dual) / float(np.log(2.0)), 6)
    0.365777

    References
    ----------
    [BM19]
    """
    if len(problem.distortions) != 1 or len(problem.perceptions) > 1:
        raise InvalidInput("method", method, "takes one distortion limit and at most one perception limit")
    perception = problem.perceptions[0] if problem.perceptions else None
    if perception is not None and (perception.image is not None or not hasattr(perception.divergence, "recession")):
        raise InvalidInput("method", method, "takes an f-divergence of the output law itself")
    with threadpool_limits(limits=1, user_api="blas"):
        return (_by_products if problem.by_products else _by_table)(problem, method)


def _by_products(problem: DiscreteProblem, method: FirstOrder) -> Outcome:
    (limit,), perceptions = problem.distortions, problem.perceptions
    ball = Ball(perceptions[0] if perceptions else None, problem.shape[1])
    geometry, D, unit = limit.measured
    answer = solve_question(Question(problem.probabilities, geometry, ball, D), method)
    parts = () if answer.upper is None else answer.upper.parts
    gibbs = tuple(replace(part, s=part.s / unit) for part in parts if isinstance(part, GibbsChannel))
    answer = replace(answer, s=answer.s / unit)
    return Outcome(None, answer.dual(answer.f, len(perceptions)), answer.steps, answer.sentence, gibbs=gibbs)


def _by_table(problem: DiscreteProblem, method: FirstOrder) -> Outcome:
    """On the rows of positive mass and the columns that the ball allows, with row minima moved to 0."""
    reduced, m = problem.reduced, problem.shape[1]
    p, limit = reduced.probabilities, reduced.distortions[0]
    if limit.limit < 0.0:
        return Outcome(sentence="no channel reaches D")
    columns, perception = np.ones(m, dtype=bool), None
    for ball in problem.perceptions:
        perception = ball
        if Ball(ball, m).bars_new_symbols:
            columns = ball.reference > 0.0
            perception = replace(ball, reference=ball.reference[columns])
    table = limit.table[:, columns]
    least = table.min(axis=1)
    D = limit.limit - float(p @ least)
    if D < 0.0:
        return Outcome(sentence="no channel of the ball reaches D")
    kernel = Dense(table - least[:, None])
    question = Question(p, kernel, Ball(perception, int(columns.sum())), D)
    answer = solve_question(question, method, _repair(problem, question, columns, kernel.finite))
    channel = None
    if answer.upper is not None:
        channel = np.zeros((p.size, m))
        channel[:, columns] = mixed_channel(p, kernel, perception, answer.upper)
    dual = answer.dual(answer.f + answer.s * least, len(problem.perceptions))
    return Outcome(channel, dual, answer.steps, answer.sentence)


def _repair(
    problem: DiscreteProblem, question: Question, columns: MaskArray, paid: FloatArray
) -> tuple[OperatingPoint, ...]:
    """A channel that keeps both limits, where the nearest map does not: iterates may come from outside for ever."""
    ball = question.ball.limit
    if ball is None or nearest_map(question.p, question.kernel, ball).perception <= ball.limit:
        return ()
    found = slater_channel(problem)
    if found is None:
        return ()
    channel = found[:, columns] / found[:, columns].sum(axis=1, keepdims=True)
    spent = float(question.p @ (channel * paid).sum(axis=1))
    delta = 0.0 if question.ball.is_point else ball.value(question.p @ channel)
    return (OperatingPoint(mutual_information(question.p, channel), spent, delta, (channel,)),)


@dataclass(frozen=True, eq=False)
class Answer:
    """The best dual point of a question, and what the best mixture of channels reaches by the solver's own account."""

    f: FloatArray
    s: float
    mu: float
    upper: OperatingPoint | None
    steps: int
    finished: bool

    @property
    def sentence(self) -> str:
        """What there is to say beside the numbers."""
        return "" if self.finished else f"stopped after {self.steps} steps"

    def dual(self, f: FloatArray, balls: int) -> DualPoint:
        """The dual point with f as the problem counts it."""
        return DualPoint(f, np.array([self.s]), mu=np.full(balls, self.mu), centred=True)


def solve_question(question: Question, method: FirstOrder, repair: tuple[OperatingPoint, ...] = ()) -> Answer:
    """The anchor R(D,0), the loop, and without a ball Newton steps, which may end it.

    What a fast geometry has found is evaluated again with the true one.
    """
    p, kernel, ball = question.p, question.kernel, question.ball
    anchors = (nearest_map(p, kernel, ball.limit), *repair)
    log_h = np.full(kernel.shape[1], -np.log(kernel.shape[1]))
    if not ball.free:
        log_h = np.where(ball.reference > 0.0, ball.log_reference, log_h)
    elif kernel.symmetric:
        log_h = np.where(p > 0.0, np.log(np.maximum(p, TINY)), log_h)
    quick = replace(question, kernel=kernel.fast())
    s, steps = first_slope(quick, log_h), 0
    if method.momentum and not ball.free:
        aim = method.gap if ball.is_point else max(method.gap, ANCHOR_GAP)
        # What is misplaced at the scale of the largest products has far to go beside a small D.
        steady = question if ball.is_point else replace(question, kernel=kernel.fast(relative=True))
        found = _transport(replace(steady, ball=ball.as_point()), replace(method, gap=aim), log_h, s, anchors)
        steps, log_h, s = found.steps, found.last.log_h, found.last.s
        if found.incumbent.upper is not None:
            anchors = (*anchors, found.incumbent.upper)
        if ball.is_point:
            if found.incumbent.gap <= method.gap or found.incumbent.infeasible or steps >= method.max_steps:
                return _answer(found.incumbent, 0.0, steps, method)
            quick = question
    handed: tuple[Incumbent, ...] = ()
    if ball.free and method.momentum and method.gap < HAND_OVER and question.D > 0.0:
        found = run(quick, replace(method, gap=HAND_OVER_GAP), log_h, s, anchors, PATIENCE)
        steps, s = found.steps, found.last.s
        best = _proved(question, found)
        if method.gap < best.gap <= 2.0 * HAND_OVER_GAP:
            left = method.max_steps - steps
            ended = hand_over(replace(found, incumbent=best), candidates(found.last.law), method.gap, left)
            best, steps = ended.incumbent, ended.steps
        if best.gap <= method.gap or best.infeasible or steps >= method.max_steps:
            return _answer(best, 0.0, steps, method)
        handed = (best,)  # and the loop starts over: symbols that left the law would take long to return
    aims: tuple[float, ...] = ()
    if quick.kernel is not kernel:
        aims = (SHARE * method.gap, 0.5 * method.gap) if 0.5 * method.gap >= FINEST else (FINEST,)
    for effort, gap, patience in [*((quick, aim, PATIENCE) for aim in aims), (question, method.gap, None)]:
        left = max(0, method.max_steps - steps)
        found = run(effort, replace(method, gap=gap), log_h, s, anchors, patience, left)
        steps, log_h, s = steps + found.steps, found.last.log_h, found.last.s
        best = min([_proved(question, found), *handed], key=lambda incumbent: incumbent.gap)
        handed = (best,)
        if best.gap <= method.gap or best.infeasible or steps >= method.max_steps:
            break
    return _answer(best, found.mu, steps, method)


def _transport(
    question: Question, method: FirstOrder, log_h: FloatArray, s: float, anchors: tuple[OperatingPoint, ...]
) -> Found:
    """R(D,0), by the symmetric update where it applies."""
    if question.kernel.symmetric and np.array_equal(question.p, question.ball.reference):
        return run_symmetric(question, method, s, anchors)
    return run(question, replace(method, max_steps=min(ANCHOR_STEPS, method.max_steps)), log_h, s, anchors)


def _proved(question: Question, found: Found) -> Incumbent:
    """Both ends evaluated with the geometry of the question, whatever geometry found them."""
    best = found.incumbent
    if best.question.kernel is question.kernel:
        return best
    proof = Incumbent(question)
    p, kernel, limit = question.p, question.kernel, question.ball.limit
    assert best.f is not None
    assert best.near is not None
    m = np.maximum(kernel.at(best.s).backward(p * np.exp(best.f)), TINY)
    proof.raise_lower(best.f, np.log(m), best.s, best.near)
    if best.upper is not None:
        parts = [part for part in best.upper.parts if isinstance(part, GibbsChannel)]
        points = [nearest_map(p, kernel, limit), *(evaluated(p, kernel, limit, part) for part in parts)]
        proof.upper = best_mixture(points, question.D, question.P)
    return proof


def _answer(best: Incumbent, mu: float, steps: int, method: FirstOrder) -> Answer:
    assert best.f is not None
    finished = best.infeasible or bool(best.gap <= method.gap)
    return Answer(best.f, best.s, mu, best.upper, steps, finished)
