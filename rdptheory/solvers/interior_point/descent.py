"""One descent of the compiled core: the problem as it wants it, and what it found as the judge wants it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rdptheory._native import BOX, FIXED, TRANSPORT, BallSpec, Descent, Question, solve
from rdptheory._types import FloatArray, IntArray
from rdptheory.couplings import unit_of
from rdptheory.methods import DualPoint, Outcome
from rdptheory.problems import DiscreteProblem, PerceptionLimit
from rdptheory.solvers.interior_point.start import inner_law
from rdptheory.solvers.outcome import Proof, judged, seen

__all__ = ["Attempt"]

BOX_FLOOR = 0.1  # least starting mass of a symbol under total variation, in units of 1/m: boxes are symmetric
BARE_FLOOR = 1e-20  # elsewhere: a symbol that the source has may not begin at 0
FLOORS = (0.0, 0.1, 0.5)  # of the starting masses, in units of 1/m
NEAR = 0.01  # P up to which a box is opened sooner from the answer for its reference itself; above, that is a last try
PINCHED = 1e-11  # mass that may move against a cost where none may
SHARPER = 0.1  # what the core is asked for once its promise did not hold before the judge
ROUNDS = 4  # of sharpening: rounding has the word by then
PROGRESS = 0.9  # share of the gap that a round must win to be followed by another

Start = tuple[float, bool]
"""Floor of the starting law, and whether to begin from the answer for the reference of the ball instead."""


class Attempt:
    """One descent from each start, and further ones from where it ended."""

    def __init__(self, problem: DiscreteProblem) -> None:
        self.problem = problem
        reduced = problem.reduced
        # a limit on what costs nothing, where only forbidden entries are left, has no multiplier to move
        self.open = [limit.limit > 0.0 and bool(limit.paid.any()) for limit in reduced.distortions]
        kept = [limit for limit, open_ in zip(reduced.distortions, self.open, strict=True) if open_]
        forbidden = None if reduced.closed is None else reduced.closed.astype(np.float64)
        self.usable = _usable(reduced)
        self.whole = bool(self.usable.all())
        columns = slice(None) if self.whole else self.usable
        if forbidden is not None:  # a ball may want a symbol nobody may use: the judge says what that costs
            forbidden = forbidden[:, columns]
            forbidden = np.where((forbidden <= 0.0).any(axis=0), forbidden, 0.0)
        tables = [limit.paid if self.whole else limit.paid[:, columns] for limit in kept]
        balls = tuple([_ball(limit, columns) for limit in reduced.perceptions])
        boxed = min([ball.P for ball in balls if ball.kind == BOX], default=0.0)
        # costs are divided by a power of 2, so that their multiplier is one for as much less of P
        self.units = [_unit(ball) for ball in reduced.perceptions]
        law = _first_law(problem)
        m = reduced.shape[1] if self.whole else int(np.count_nonzero(self.usable))
        self.question = Question(
            reduced.probabilities,
            tables[0][None] if len(tables) == 1 else np.array(tables).reshape(len(tables), reduced.shape[0], m),
            np.array([limit.limit for limit in kept]),
            forbidden,
            balls,
            law if law is None or self.whole else law[columns],
            min(BOX_FLOOR, boxed) if boxed > 0.0 else BARE_FLOOR,
            group=None if forbidden is None else _groups(reduced),
        )

    @property
    def starts(self) -> list[Start]:
        """Where to begin: even starts are slower, and close what others leave."""
        starts = [(floor, False) for floor in FLOORS]
        balls = self.question.balls
        boxed = self.whole and len(balls) == 1 and balls[0].kind == BOX and balls[0].image is None
        if boxed and len(self.question.limits) <= 1:
            starts.insert(0 if balls[0].P <= NEAR else len(starts), (0.0, True))
        return starts

    def run(self, start: Start, gap: float, max_steps: int) -> Proof:
        """Descend, let the judge look, and go on from there with a sharper target while that narrows the bracket."""
        floor, near = start
        question = self.question
        if near or floor > question.floor:
            question = replace(question, floor=max(floor, question.floor), near=near)
        found = solve(question, gap, max_steps)
        best, target, steps = self._judged(found), gap, found.steps
        for _ in range(ROUNDS):
            if best.bounds.gap <= gap or found.sentence or steps >= max_steps:
                break
            target *= SHARPER
            found = solve(question, target, max_steps - steps, found.state)
            steps += found.steps
            again, before = self._judged(found), best.bounds.gap
            best = again.better(best)
            if again.bounds.gap > PROGRESS * before:
                break
        return best.ended(steps, "" if best.bounds.gap <= gap else found.sentence)

    def unjudged(self, gap: float, max_steps: int) -> Outcome:
        """What one descent hands over."""
        return self._outcome(solve(self.question, gap, max_steps))

    def _judged(self, found: Descent) -> Proof:
        outcome = self._outcome(found)
        return seen(self.problem, outcome) if found.finite else judged(self.problem, outcome)

    def _outcome(self, found: Descent) -> Outcome:
        if not found.finite:
            return Outcome(steps=found.steps, sentence=found.sentence)
        s, mu, balls = found.s, found.mu, self.problem.reduced.perceptions
        if not all(self.open):
            s = np.zeros(len(self.open))
            s[self.open] = found.s
        for k, (ball, spec) in enumerate(zip(balls, self.question.balls, strict=True)):
            nothing_moves = spec.kind == FIXED or (ball.has_zero_cost_moves and ball.is_zero_radius)
            mu[k] = np.inf if nothing_moves else mu[k] / self.units[k]
        plans = tuple(map(self._plan, balls, found.plans)) if self.question.transports else (None,) * len(balls)
        channel, v = self._channel(found), self._multipliers(found)
        for array in (channel, found.f, s, mu, *v, *plans):
            if array is not None:
                array.flags.writeable = False  # the judge remembers what nobody can change
        dual = DualPoint(found.f, s, v, mu, centred=True)
        return Outcome(channel, dual, found.steps, found.sentence, plans)

    def _channel(self, found: Descent) -> FloatArray:
        """Its channel on all output symbols; the judge makes rows of it that sum to 1."""
        if self.whole:
            return found.channel
        channel = np.zeros((found.channel.shape[0], self.usable.size))
        channel[:, self.usable] = found.channel
        return channel

    def _multipliers(self, found: Descent) -> tuple[FloatArray, ...]:
        """v of every ball on all its symbols. What a symbol nobody may use would cost, a ball that forbids it bears.

        One ball on the law itself needs none: the judge makes its own.
        """
        limits = self.problem.reduced.perceptions
        if len(limits) == 1 and limits[0].image is None:
            return ()
        whole = []
        for limit, v in zip(limits, found.v, strict=True):
            if limit.image is None:
                full = np.full(self.usable.size, v.min())
                full[self.usable] = v
                v = full
            whole.append(v)
        missing = np.where(self.usable, 0.0, found.f.max())  # at least log c
        for limit, v in zip(limits, whole, strict=True):
            missing -= np.where(self.usable, 0.0, v if limit.image is None else v @ limit.image)
        for limit, v in zip(limits, whole, strict=True):
            if limit.image is None and _forbids(limit):
                free = limit.reference <= 0.0
                v[free] += missing[free]
                missing[free] = 0.0
        return tuple(whole)

    def _plan(self, limit: PerceptionLimit, plan: FloatArray | None) -> FloatArray | None:
        if plan is None:
            return None
        columns = np.ones(plan.shape[1], dtype=bool) if limit.image is not None else self.usable
        whole = np.zeros((limit.reference.size, columns.size))
        whole[np.ix_(limit.reference > 0.0, columns)] = plan
        return whole


def _usable(reduced: DiscreteProblem) -> NDArray[np.bool_]:
    """Output symbols that a channel within the limits can use at all."""
    usable = np.ones(reduced.shape[1], dtype=bool)
    if reduced.closed is not None:
        reached = np.asarray(~reduced.closed.all(axis=0))
        if all(_moves(ball) or _spares(ball, reached) for ball in reduced.perceptions):
            usable = reached
    for ball in reduced.perceptions:
        if ball.image is None and _forbids(ball):
            usable &= ball.reference > 0.0
    fixed = [ball for ball in reduced.perceptions if _prescribes(ball) and ball.image is None]
    if len(fixed) == len(reduced.perceptions) == 1:
        usable &= fixed[0].reference > 0.0
    return usable


def _groups(reduced: DiscreteProblem) -> IntArray | None:
    """Groups of rows with a free level each: one ball prices every output, so a constant may move from f to it."""
    balls = reduced.perceptions
    return reduced.groups if len(balls) == 1 and balls[0].image is None and reduced.groups.any() else None


def _forbids(ball: PerceptionLimit) -> bool:
    """Whether the ball has no room for mass where its reference has none."""
    return ball.divergence.forbids_new_symbols


def _moves(ball: PerceptionLimit) -> bool:
    """Whether laws of the ball may have mass anywhere, moved there at a cost."""
    transport = ball.divergence.cost is not None and ball.image is None
    return transport and (ball.limit > 0.0 or ball.has_zero_cost_moves)


def _spares(ball: PerceptionLimit, used: NDArray[np.bool_]) -> bool:
    """Whether the ball has laws on these symbols alone, and δ is a sum in which the others are a constant."""
    alone = ball.image is None and ball.divergence.cost is None
    return alone and _lost(ball, used) < ball.limit


def _lost(ball: PerceptionLimit, used: NDArray[np.bool_]) -> float:
    """What the symbols that nobody may use add to an f-divergence."""
    return float(ball.divergence.value(ball.reference, np.where(used, ball.reference, 0.0)))


def _prescribes(ball: PerceptionLimit) -> bool:
    """Whether one law alone is in the ball."""
    return ball.limit == 0.0 and not ball.has_zero_cost_moves


def _first_law(problem: DiscreteProblem) -> FloatArray | None:
    """An output law to begin from: one inside a ball, the source itself, or a product over the coordinates."""
    p, m = problem.probabilities, problem.shape[1]
    if problem.alphabet is not None and m != p.size:
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


def _ball(limit: PerceptionLimit, columns: slice | NDArray[np.bool_]) -> BallSpec:
    """The ball of a perception limit with P < inf, on the output symbols in use."""
    divergence, image = limit.divergence, limit.image
    whole = image is not None or (divergence.cost is not None and not _prescribes(limit))
    q = limit.reference if whole else limit.reference[columns]
    image = None if image is None else np.ascontiguousarray(image[:, columns])
    if _prescribes(limit):
        return BallSpec(FIXED, q, 0.0, q.size, image=image)
    if divergence.cost is not None:
        return _transport(limit, divergence.cost, image, slice(None) if image is not None else columns)
    lost = 0.0 if isinstance(columns, slice) or image is not None else _lost(limit, columns)
    spec = divergence.compiled_ball(q, limit.limit - lost)
    return spec if image is None else replace(spec, image=image)


def _unit(limit: PerceptionLimit) -> float:
    """What the costs of a ball are divided by."""
    cost = limit.divergence.cost
    return 1.0 if cost is None or (limit.is_zero_radius and limit.has_zero_cost_moves) else unit_of(cost)


def _transport(
    limit: PerceptionLimit,
    cost: FloatArray,
    image: FloatArray | None,
    columns: slice | NDArray[np.bool_],
) -> BallSpec:
    q, P = limit.reference, limit.limit
    rows = q > 0.0
    guess = (q if limit.divergence.faithful else np.full(cost.shape[1], 1.0))[columns]
    cost = cost[rows]
    if limit.is_zero_radius and limit.has_zero_cost_moves:  # what moves at no cost is free, and nothing else
        cost, P = np.where(cost > 0.0, 1.0, 0.0), PINCHED
    cost = cost[:, columns]
    least = cost.min(axis=1)  # spent by every plan: the same plans keep what is left of P
    left = P - float(q[rows] @ least)
    if left > 0.0:
        cost, P = cost - least[:, None], left
    unit = _unit(limit)
    return BallSpec(
        TRANSPORT,
        q[rows],
        P / unit,
        cost.shape[1],
        image=image,
        cost=np.ascontiguousarray(cost / unit),
        guess=guess / guess.sum(),
    )
