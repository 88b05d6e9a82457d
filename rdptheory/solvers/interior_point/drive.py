"""The loop around the Newton system: which step, how far, and when the proof is narrow enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, Remembered
from rdptheory.certificates import copy_costs_nothing, on_reduced
from rdptheory.certificates.lower import log_column_sums, prices_of
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, finite
from rdptheory.methods import DualPoint, Outcome
from rdptheory.problems import DiscreteProblem, PerceptionLimit
from rdptheory.solvers.faces import on_a_face
from rdptheory.solvers.interior_point.classes import by_classes, only_channel
from rdptheory.solvers.interior_point.descent import Attempt
from rdptheory.solvers.interior_point.light import restored, without_light
from rdptheory.solvers.outcome import Proof, judged

__all__ = ["InteriorPoint"]

SMALL_RADIUS = 1e-4  # of a smooth ball, up to which the prices hardly change over it: two laws prescribed close it
OF_A_LAW = 40  # Newton steps at most for a prescribed law: some ten are enough, unless D is out of its reach
PRESCRIBED = 6  # laws at most; each brings two digits or more, or the search is stuck
NO_ROOM = 1e-12  # of the greatest cost: what is left of D above the least distortion counts as nothing at first
ON_A_FACE = 60  # Newton steps at most on and next to a face: a dozen or two is what it takes
SPILT = 1e-14  # share of a column sum that the entries beside the least distortion may add to it


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
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return _solve_with_tails(problem, self).outcome


class _Steps:
    """The limit on the steps of a search, and how many it has made, whatever it made them for."""

    def __init__(self, most: int) -> None:
        self.most, self.made = most, 0

    @property
    def left(self) -> int:
        """How many it may still make."""
        return self.most - self.made

    def made_at_most(self, most: int, solve: Callable[[_Steps], Proof]) -> Proof:
        """What is found in so many of those that are left."""
        some = _Steps(min(most, self.left))
        found = solve(some)
        self.made += some.made
        return found


class _Free:
    """The question without its balls, whose answer is looked for once."""

    def __init__(self, problem: DiscreteProblem) -> None:
        self.problem = problem
        self.proof: Proof | None = None

    def solve(self, gap: float, steps: _Steps) -> Proof:
        """The answer, within the steps that are left for it."""
        if self.proof is None:
            self.proof = _solve(replace(self.problem, perceptions=()), gap, steps)
        return self.proof


def _solve_with_tails(problem: DiscreteProblem, method: InteriorPoint) -> Proof:
    """Solve without the symbols that are too light to matter, and with them if that does not close."""
    lighter, gap, steps = without_light(problem, method.gap), method.gap, _Steps(method.max_steps)
    if lighter is None:
        return _solve_with_balls(problem, gap, steps)
    found = _solve_with_balls(lighter, gap, steps)
    proof = judged(problem, restored(problem, lighter, found.outcome, gap))
    if proof.bounds.gap <= gap or steps.left <= 0:
        return proof
    again = _solve_with_balls(problem, gap, steps)
    return again.better(proof).ended(steps.made, again.sentence)


def _solve_with_balls(problem: DiscreteProblem, gap: float, steps: _Steps) -> Proof:
    """Solve a discrete problem to a proved gap: with its balls, without them, at P = 0; brackets are intersected."""
    found: Proof | None = None
    free = _Free(problem)
    for special in (_single, _without_room, _class_by_class, _close_to_the_reference, partial(_idle, free)):
        close = special(problem, gap, steps)
        if close is not None:
            found = close.better(found)
            if found.bounds.gap <= gap:
                return found.ended(steps.made, "")
    if found is None or steps.left > 0:
        found = _solve_or_on_a_face(problem, gap, steps).better(found)
    for other in (partial(_without_balls, free), _at_zero_radius):
        if found.bounds.gap <= gap or steps.left <= 0:
            break
        again = other(problem, gap, steps)
        if again is not None:
            found = again.better(found).ended(steps.made, found.sentence)
    return found.ended(steps.made, "" if found.bounds.gap <= gap else found.sentence)


def _solve(problem: DiscreteProblem, gap: float, steps: _Steps) -> Proof:
    best: Proof | None = None
    begun, attempt = steps.made, Attempt(problem)
    for start in attempt.starts:
        found = attempt.run(start, gap, steps.left)
        steps.made += found.steps
        best = found.better(best).ended(steps.made - begun, found.sentence)
        if best.bounds.gap <= gap or steps.left <= 0:
            break
    assert best is not None
    return best


def _solve_or_on_a_face(problem: DiscreteProblem, gap: float, steps: _Steps) -> Proof:
    """Where the limits may leave no channel inside, some steps are kept for the face that they leave."""
    kept = 0 if copy_costs_nothing(problem) else min(ON_A_FACE, steps.left // 2)
    found = steps.made_at_most(steps.left - kept, partial(_solve, problem, gap))
    if found.bounds.gap <= gap or kept == 0:
        return found
    face = on_a_face(problem, gap, kept)
    if face is None:
        return found
    steps.made += face.steps
    return face.better(found).ended(steps.made, found.sentence)


def _single(problem: DiscreteProblem, gap: float, steps: _Steps) -> Proof | None:
    return only_channel(problem)


def _class_by_class(problem: DiscreteProblem, gap: float, steps: _Steps) -> Proof | None:
    return by_classes(problem, gap, lambda part, wanted: _solve(part, wanted, steps))


def _without_room(problem: DiscreteProblem, gap: float, steps: _Steps) -> Proof | None:
    """A D next to the least distortion by the question at the least distortion itself, whose channels serve.

    That one knows no slope. The least s at which the entries that it forbids add next to nothing to a column stands for
    its inf, and costs s times the room.
    """
    reduced = problem.reduced
    if len(reduced.distortions) != 1:
        return None
    (limit,) = reduced.distortions
    table = limit.table
    greatest = _GREATEST((table,), lambda: float(table.max(initial=0.0, where=np.isfinite(table))))
    if not 0.0 < limit.limit <= NO_ROOM * greatest:
        return None
    least = replace(reduced, distortions=(replace(limit, limit=0.0),))
    found = steps.made_at_most((steps.left + 1) // 2, partial(_solve_with_balls, least, gap))
    outcome = found.outcome
    if outcome.dual is None:
        return judged(problem, outcome)
    logs, _ = log_column_sums(least.reduced, outcome.dual.f, np.zeros(1))
    logs = np.where(np.isfinite(logs), logs, logs.min(initial=0.0, where=np.isfinite(logs)))
    heights = (outcome.dual.f + np.log(reduced.probabilities))[:, None] - np.log(SPILT) - logs
    steep = np.divide(heights, limit.table, out=np.zeros_like(limit.table), where=limit.table > 0.0)
    dual = replace(outcome.dual, s=np.array([max(0.0, float(steep.max()))]), centred=True)
    return judged(problem, replace(outcome, dual=dual))


def _close_to_the_reference(problem: DiscreteProblem, gap: float, steps: _Steps) -> Proof | None:
    """A small smooth ball by prescribed laws: that of the support function at the prices of the last one.

    The rate for a prescribed law r is convex in r, and its gradient is -v, v = l(f, s). Over a small ball v hardly
    changes, so that the law of the ball with the greatest <v, r> is next to the best. Two such laws, of a few Newton
    steps each, close balls whose radius is lost beside the steps of a barrier.
    """
    if len(problem.perceptions) != 1:
        return None
    ball = problem.perceptions[0]
    smooth = ball.divergence.smooth
    vertex = ball.image is not None and not smooth and ball.divergence.cost is None  # such a ball has corners
    if not (smooth or vertex) or not 0.0 < ball.limit <= SMALL_RADIUS:
        return None
    best: Proof | None = None
    law, held = ball.reference, problem.probabilities > 0.0
    for _ in range(PRESCRIBED):
        point = replace(problem, perceptions=(replace(ball, reference=law, limit=0.0),))
        found = steps.made_at_most(OF_A_LAW, partial(_solve, point, gap))
        outcome = found.outcome
        if outcome.dual is None or found.channel is None:
            break
        known = replace(outcome, channel=found.channel[held], dual=replace(outcome.dual, mu=None), plans=())
        before, proof = best, judged(problem, known)
        best = proof.better(before)
        stuck = before is not None and best.bounds.gap > 0.5 * before.bounds.gap
        if best.bounds.gap <= gap or stuck or steps.left <= 0:
            break
        law = _law_inside(problem, ball, outcome.dual)
    return best


def _law_inside(problem: DiscreteProblem, ball: PerceptionLimit, dual: DualPoint) -> FloatArray:
    """The law of the ball that is worth most at the prices of a dual point, inside by what its rounding hides."""
    prices = prices_of(problem.reduced, on_reduced(problem, dual), 0)
    finite = np.isfinite(prices)
    prices = np.where(finite, prices, prices[finite].min() if finite.any() else 0.0)
    q = ball.reference
    law = ball.divergence.support(prices, q, ball.limit).law
    hidden = ball.divergence.uncertainty(q, law, 2.0 * UNIT_ROUNDOFF * (sum(problem.shape) + 16))
    outside = ball.divergence.value(q, law) + hidden - ball.limit
    return np.asarray(q + (1.0 - min(1.0, max(0.0, 2.0 * outside / ball.limit))) * (law - q))


def _idle(free: _Free, problem: DiscreteProblem, gap: float, steps: _Steps) -> Proof | None:
    """The answer without the balls where its law is inside them, looked for first where that costs a tenth: a step with
    a plan takes as long as several without, and on a line a law is found inside or not at once."""
    balls = problem.perceptions
    if not balls or any(b.divergence.line is None or b.image is not None or b.limit == 0.0 for b in balls):
        return None
    found = steps.made_at_most(steps.left // 2, partial(free.solve, gap))
    law = None if found.channel is None else problem.probabilities @ found.channel
    inside = law is not None and all(b.divergence.value(b.reference, law) <= b.limit for b in balls)
    return _with_idle_balls(problem, found) if inside else None


def _without_balls(free: _Free, problem: DiscreteProblem, gap: float, steps: _Steps) -> Proof | None:
    """The answer without the balls, judged with them: it serves where they are all but idle."""
    if not problem.perceptions:
        return None
    return _with_idle_balls(problem, free.solve(gap, steps))


def _with_idle_balls(problem: DiscreteProblem, free: Proof) -> Proof:
    """The answer without the balls before the judge of the question with them, which have no price."""
    zero = tuple(np.zeros(problem.shape[1] if b.image is None else b.image.shape[0]) for b in problem.perceptions)
    dual = None if free.outcome.dual is None else replace(free.outcome.dual, v=zero, mu=np.zeros(len(zero)))
    return judged(problem, replace(free.outcome, dual=dual))


def _at_zero_radius(problem: DiscreteProblem, gap: float, steps: _Steps) -> Proof | None:
    """The answer at P = 0, which serves every P."""
    if len(problem.perceptions) != 1:
        return None
    ball = problem.perceptions[0]
    if ball.image is not None or ball.reference.size != problem.shape[1]:
        return None
    if ball.limit == 0.0:
        return None
    point = replace(problem, perceptions=(replace(ball, limit=0.0),))
    found = _solve(point, gap, steps)
    return judged(problem, replace(found.outcome, plans=()))


_GREATEST: Remembered[float] = Remembered()

guard(__name__)
