"""The loop around the Newton system: which step, how far, and when the proof is narrow enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from rdptheory._types import Bounds, FloatArray
from rdptheory.divergences import FDivergence, TransportDivergence
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, finite
from rdptheory.methods import DualPoint, Outcome
from rdptheory.problems import DiscreteProblem, PerceptionLimit
from rdptheory.solvers.interior_point.balls import Ball, Own, TransportBall, make_ball
from rdptheory.solvers.interior_point.core import Direction, System
from rdptheory.solvers.interior_point.fixed_output import solve_fixed_output
from rdptheory.solvers.interior_point.light import restored, without_light
from rdptheory.solvers.interior_point.start import inner_law, start
from rdptheory.solvers.outcome import Proof, judged

__all__ = ["InteriorPoint"]

SIGMAS = (None, 0.01, 0.05, 0.15, 0.3, 0.5, 0.8)
BETA = 0.3
CORRECTORS = 10
PATIENCE = 4
SAFE, NEARLY_FULL = 0.9, 0.95  # share of the way that a short step goes; what is not short
CAUTIOUS = 0.7, 0.98  # the same with a plan, whose pairs change places one by one
AWAY, RISE = 4.0, 2.0  # a step may end at so many times D, or multiply E d by so much; one that does not is shortened
SHORTENED, SHORTENINGS = (
    0.3,
    8,
)  # by this factor, so often: E d is a sum of exponentials, which a long step leaves behind
CRAWL, CRAWLS = 0.01, 12  # an attempt is given up after so many steps shorter than this, unless each
GROWING = 1.2  # is so many times as long as the one before: a multiplier on its way from a start far too small
DIVERGED = 1e10
MANY = 20_000
TOLERATED = 0.01
FLOORS = (0.0, 0.1, 0.5)
BOX_FLOOR = 0.1
BARE_FLOOR = 1e-20
LOOSE = 1e-2
ASTRAY = 1.5

Astray = Callable[[FloatArray], bool]


@dataclass(frozen=True)
class InteriorPoint:
    """The interior-point method, asked for a bracket of at most `gap` nats within `max_steps` iterations."""

    gap: float = 1e-9
    max_steps: int = 200

    def __post_init__(self) -> None:
        object.__setattr__(self, "gap", finite("gap", self.gap, positive=True))
        if not isinstance(self.max_steps, int) or self.max_steps < 1:
            raise InvalidInput("max_steps", self.max_steps, "must be an integer at least 1")

    def solve(self, problem: DiscreteProblem) -> Outcome:
        """The dual point and the channel with the narrowest proved bracket."""
        with _threads().limit(limits=1), np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return _solve_with_tails(problem, self).outcome


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _solve_with_tails(problem: DiscreteProblem, method: InteriorPoint) -> Proof:
    """Solve without the symbols that are too light to matter, and with them if that does not close."""
    lighter = without_light(problem, method.gap)
    if lighter is None:
        return _solve_with_balls(problem, method)
    found = _solve_with_balls(lighter, method)
    proof = judged(problem, restored(problem, lighter, found.outcome, method.gap))
    if proof.bounds.gap <= method.gap:
        return proof
    return _solve_with_balls(problem, method).better(proof)


def _solve_with_balls(problem: DiscreteProblem, method: InteriorPoint) -> Proof:
    """Solve a discrete problem to a proved gap.

    A ball is first left out: if the law found keeps it anyway, that is the answer; as soon as the law is far outside,
    the attempt is given up. BLAS runs on one thread, because the pools of numpy and scipy spin against each other.
    """
    if not problem.perceptions:
        return _solve(problem, method)
    ball = problem.perceptions[0]
    alone = len(problem.perceptions) == len(problem.reduced.distortions) == 1 and ball.image is None
    alone = alone and ball.reference.size == problem.shape[1]  # a transport ball may compare other alphabets
    if alone and ball.is_zero_radius:
        fixed = solve_fixed_output(problem, method.gap, method.max_steps)
        if fixed.bounds.gap <= method.gap or not ball.has_zero_cost_moves:
            return fixed
    free = _free(problem, method, partial(_astray, problem))
    if free.bounds.gap <= method.gap:
        return free
    found = _solve(problem, method)
    if found.bounds.gap > method.gap and free.channel is None:  # it was given up too early
        found = found.better(_free(problem, method, None))
    found = found.ended(found.steps + free.steps, found.sentence)
    if alone and found.bounds.gap > method.gap:
        found = found.better(solve_fixed_output(problem, method.gap, method.max_steps))  # P = 0 serves every P
    return found


def _free(problem: DiscreteProblem, method: InteriorPoint, astray: Astray | None) -> Proof:
    """The answer without the balls, judged with them; without a channel if it was given up."""
    free = _solve(replace_balls(problem), method, astray)
    if free.channel is None:
        return free
    law = problem.probabilities @ free.channel
    if astray is not None and any(ball.value(law) > (1.0 + TOLERATED) * ball.limit for ball in problem.perceptions):
        return _given_up(free.steps)
    zero = tuple(np.zeros(problem.shape[1] if b.image is None else b.image.shape[0]) for b in problem.perceptions)
    dual = None if free.outcome.dual is None else replace(free.outcome.dual, v=zero, mu=np.zeros(len(zero)))
    return judged(problem, replace(free.outcome, dual=dual))


def _given_up(steps: int) -> Proof:
    return Proof(Bounds(0.0, np.inf), None, Outcome(steps=steps), np.empty(0), np.empty(0))


def _astray(problem: DiscreteProblem, law: FloatArray) -> bool:
    """Whether a law is so far outside a ball that it will be needed; not asked where that takes a linear program."""
    for ball in problem.perceptions:
        divergence = ball.divergence
        if isinstance(divergence, TransportDivergence) and divergence.line is None:
            continue
        if ball.value(law) > ASTRAY * ball.limit:
            return True
    return False


def replace_balls(problem: DiscreteProblem) -> DiscreteProblem:
    """The problem without its balls."""
    return DiscreteProblem(problem.probabilities, problem.distortions, (), problem.alphabet)


def _solve(problem: DiscreteProblem, method: InteriorPoint, astray: Astray | None = None) -> Proof:
    best: Proof | None = None
    for floor in FLOORS:
        best = _Run(problem, method, floor).go(astray).better(best)
        given_up = astray is not None and best.channel is None
        if best.bounds.gap <= method.gap or given_up or best.steps >= method.max_steps:
            break
    assert best is not None
    return best


def _usable(reduced: DiscreteProblem, forbidden: FloatArray | None) -> NDArray[np.bool_]:
    """Output symbols that a channel within the limits can use at all."""
    usable = np.ones(reduced.shape[1], dtype=bool)
    whole = [ball for ball in reduced.perceptions if not _moves(ball)]  # their δ counts a symbol that is left out
    if not whole and forbidden is not None:
        usable = np.asarray((forbidden <= 0.0).any(axis=0))
    for ball in reduced.perceptions:
        divergence = ball.divergence
        if ball.image is None and isinstance(divergence, FDivergence) and divergence.recession == np.inf:
            usable &= ball.reference > 0.0
    return usable


def _moves(ball: PerceptionLimit) -> bool:
    transport = isinstance(ball.divergence, TransportDivergence) and ball.image is None
    return transport and (ball.limit > 0.0 or ball.has_zero_cost_moves)


def _first_law(problem: DiscreteProblem) -> FloatArray | None:
    """An output law to begin from: one inside a ball, the source itself, or their product over the coordinates."""
    p, m = problem.probabilities, problem.shape[1]
    if problem.alphabet is not None:
        factors = [p if size == p.size else np.full(size, 1.0 / size) for size in problem.alphabet]
        for ball in problem.perceptions:
            if ball.axis is not None:
                factors[ball.axis] = inner_law(ball)
        law = np.ones(1)
        for factor in factors:
            law = np.outer(law, factor).ravel()
        return law
    inside = [inner_law(ball) for ball in problem.perceptions if ball.image is None]
    return next((law for law in (*inside, p) if law.size == m), None)


class _Run:
    """One descent from one start."""

    def __init__(self, problem: DiscreteProblem, method: InteriorPoint, floor: float) -> None:
        self.problem, self.method = problem, method
        reduced = problem.reduced
        open_limits = [limit for limit in reduced.distortions if limit.limit > 0.0]
        shut = [limit.table for limit in reduced.distortions if limit.limit == 0.0]
        self.limits = np.array([limit.limit for limit in open_limits])
        tables = tuple(limit.table / limit.limit for limit in open_limits)
        forbidden = None if not shut else np.asarray(np.sum(shut, axis=0))
        balls: tuple[Ball, ...] = tuple(make_ball(ball) for ball in reduced.perceptions)
        self.reached = _usable(reduced, forbidden)
        if not self.reached.all():
            tables = tuple(np.ascontiguousarray(table[:, self.reached]) for table in tables)
            forbidden = None if forbidden is None else np.asarray(forbidden[:, self.reached])
            balls = tuple(ball.restricted(self.reached) for ball in balls)
        if forbidden is not None:  # a ball may want a symbol nobody may use: the judge says what that costs
            forbidden = np.where((forbidden <= 0.0).any(axis=0), forbidden, 0.0)
        if not tables:
            tables = (np.zeros((reduced.shape[0], int(self.reached.sum()))),)
            self.limits = np.ones(1)
        law = _first_law(problem)
        law = None if law is None else law[self.reached]
        boxed = min((ball.P for ball in balls if ball.balanced), default=0.0)  # what is added keeps to the radius
        least = min(BOX_FLOOR, boxed) if boxed > 0.0 else BARE_FLOOR
        self.model, self.state = start(reduced.probabilities, tables, forbidden, balls, law, max(floor, least))
        self.pair_weights = self.model.pair_weights
        self.pace = CAUTIOUS if any(isinstance(ball, TransportBall) for ball in balls) else (SAFE, NEARLY_FULL)
        self.open = np.array([limit.limit > 0.0 for limit in reduced.distortions])

    def go(self, astray: Astray | None = None) -> Proof:
        """Descend until the proof is narrow enough, or the output law goes astray: then without a proof."""
        best: Proof | None = None
        idle, crawling, last, sentence, steps = 0, 0, 0.0, "", 0
        system = System(self.model, self.state).with_slacks_reset()
        target_gap = self.method.gap
        for steps in range(1, self.method.max_steps + 1):
            gap = system.tau * float(self.pair_weights.sum())
            if astray is not None and target_gap < gap <= LOOSE and astray(self._law(system)):
                return _given_up(steps - 1)
            if gap <= target_gap:
                outcome = self._judge(system, steps - 1, "")
                if best is None or outcome.bounds.gap < best.bounds.gap * 0.9 or not system.settled(target_gap):
                    idle = 0
                else:
                    idle += 1
                best = outcome.better(best)
                del outcome
                if best.bounds.gap <= target_gap or idle >= PATIENCE:
                    break
            if float(system.s.max(initial=0.0)) > DIVERGED:
                sentence = "the multipliers diverge: the limits are at or below what any channel can keep"
                break
            if not system.factor():
                sentence = "the Newton system could not be factored"
                break
            direction, length = self._step(system)
            if not np.isfinite(direction.f).all() or length < 1e-10:
                sentence = "no step forward was found"
                break
            crawling = 0 if length >= CRAWL else crawling + (length <= GROWING * last)
            last = length
            if crawling > CRAWLS:
                sentence = "the steps became too short"
                break
            state, most = system.state, max(AWAY, RISE * float(system.distortion.max(initial=0.0)))
            del system  # its tables, before the next one makes its own
            for _ in range(SHORTENINGS):
                system = System(self.model, state.moved(length, direction)).with_slacks_reset()
                if float(system.distortion.max(initial=0.0)) <= most:
                    break
                length *= SHORTENED
        else:
            sentence = "the limit of steps was reached"
        if best is None or best.bounds.gap > target_gap:
            best = self._judge(system, steps, sentence).better(best)
        return best.ended(steps - 1 if best.bounds.gap <= target_gap else steps, sentence)

    def _step(self, system: System) -> tuple[Direction, float]:
        """Affine, centring and second-order directions combined, then Gondzio's correctors."""
        state, tau = system.state, system.tau
        product = state.left * state.right
        affine = system.direction(-product, residual=True)
        centring = system.direction(tau * self.pair_weights, residual=False)
        second = system.direction(-affine.left * affine.right, residual=False)
        reach = min(1.0, affine.longest(state))
        after = float((state.left + reach * affine.left) @ (state.right + reach * affine.right))
        mehrotra = max(1e-6, min(1.0, (after / float(product.sum()))) ** 3)
        lowest = 0.02 * self.method.gap / float(self.pair_weights.sum()) / tau
        broken = system.broken()
        if broken > TOLERATED:
            lowest = max(lowest, min(0.5, broken))
        pairs = np.concatenate([state.left, state.right])
        moves = [np.concatenate([d.left, d.right]) / pairs for d in (affine, centring, second)]
        if pairs.size > MANY:  # only these can stop a step short of 1
            moving = (moves[0] < -0.3) | (moves[1] < -0.3) | (moves[2] < -0.3)
            moves = [move[moving] for move in moves] if moving.any() else [move[:1] for move in moves]
        best = (np.inf, 0.0, 0.0)
        for sigma in SIGMAS:
            share = max(mehrotra if sigma is None else sigma, lowest)
            for kappa in (0.0, reach, 1.0):
                worst = float((moves[0] + share * moves[1] + kappa * moves[2]).min())
                longest = -1.0 / worst if worst < 0.0 else np.inf
                merit = 1.0 - min(1.0, 0.95 * longest) * (1.0 - share)
                if merit < best[0]:
                    best = (merit, share, kappa)
        _, share, kappa = best
        direction = affine.plus(share, centring).plus(kappa, second)
        longest = direction.longest(state)
        goal = share * tau * self.pair_weights
        for _ in range(CORRECTORS):
            if longest >= 1.0:
                break
            trial = min(1.0, 1.3 * longest + 0.2)
            products = (state.left + trial * direction.left) * (state.right + trial * direction.right)
            wanted = np.clip(products, BETA * goal, goal / BETA) - products
            corrected = direction.plus(1.0, system.direction(np.maximum(wanted, -goal / BETA), residual=False))
            reached = corrected.longest(state)
            if reached < longest + 0.01:
                break
            direction, longest = corrected, reached
        # Close to the boundary only with a step of nearly full length: a short one would leave behind a pair whose
        # product is nothing beside its goal, and the next steps would go into mending it.
        safe, nearly_full = self.pace
        kept = max(SAFE, 1.0 - tau) if longest >= nearly_full else safe
        return direction, min(1.0, kept * longest)

    def _law(self, system: System) -> FloatArray:
        law = np.zeros(self.reached.size)
        law[self.reached] = system.r / system.r.sum()
        return law

    def _judge(self, system: System, steps: int, sentence: str) -> Proof:
        s = np.zeros(self.open.size)
        if self.open.any():
            s[self.open] = system.s / self.limits
        channel = np.zeros((self.model.p.size, self.reached.size))
        channel[:, self.reached] = system.B * system.r
        plans = tuple(map(self._plan, self.problem.reduced.perceptions, self.model.balls, system.owns))
        pinched = [ball.is_zero_radius and ball.has_zero_cost_moves for ball in self.problem.reduced.perceptions]
        mu = np.where(pinched, np.inf, system.mu) if pinched else np.array(system.mu)
        dual = DualPoint(system.state.f, s, self._multipliers(system), mu, centred=True)
        return judged(self.problem, Outcome(channel, dual, steps, sentence, plans))

    def _multipliers(self, system: System) -> tuple[FloatArray, ...]:
        """v of every ball on all its symbols. What a symbol nobody may use would cost, a ball that forbids it bears."""
        if self.reached.all():
            return tuple(system.v)
        limits, whole = self.problem.reduced.perceptions, []
        for limit, v in zip(limits, system.v, strict=True):
            whole.append(v.copy() if limit.image is not None else np.full(self.reached.size, v.min()))
            if limit.image is None:
                whole[-1][self.reached] = v
        missing = np.where(self.reached, 0.0, system.state.f.max())  # at least log c
        for limit, v in zip(limits, whole, strict=True):
            missing -= np.where(self.reached, 0.0, v if limit.image is None else v @ limit.image)
        for limit, v in zip(limits, whole, strict=True):
            if limit.image is None and isinstance(limit.divergence, FDivergence):
                free = (limit.reference <= 0.0) & (limit.divergence.recession == np.inf)
                v[free] += missing[free]
                missing[free] = 0.0
        return tuple(whole)

    def _plan(self, limit: PerceptionLimit, ball: Ball, own: Own) -> FloatArray | None:
        if not isinstance(ball, TransportBall):
            return None
        plan = np.zeros((limit.reference.size, ball.cost.shape[1] if limit.image is not None else self.reached.size))
        columns = np.ones(plan.shape[1], dtype=bool) if limit.image is not None else self.reached
        plan[np.ix_(limit.reference > 0.0, columns)] = ball.plan(own)
        return plan


guard(__name__)
