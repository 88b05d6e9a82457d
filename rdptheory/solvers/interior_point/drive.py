"""The loop around the Newton system: which step, how far, and when the proof is narrow enough."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, Remembered
from rdptheory.certificates import on_reduced
from rdptheory.certificates.lower import log_column_sums
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, finite
from rdptheory.methods import DualPoint, Outcome
from rdptheory.problems import DiscreteProblem, PerceptionLimit
from rdptheory.solvers.interior_point.classes import by_classes, only_channel
from rdptheory.solvers.interior_point.descent import Attempt
from rdptheory.solvers.interior_point.light import restored, without_light
from rdptheory.solvers.outcome import Proof, judged

__all__ = ["InteriorPoint"]

SMALL_RADIUS = 1e-4  # of a smooth ball, up to which the prices hardly change over it: two laws prescribed close it
PRESCRIBED = 6  # laws at most; each brings two digits or more, or the search is stuck
NO_ROOM = 1e-12  # of the greatest cost: what is left of D above the least distortion counts as nothing at first
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


def _solve_with_tails(problem: DiscreteProblem, method: InteriorPoint) -> Proof:
    """Solve without the symbols that are too light to matter, and with them if that does not close."""
    lighter = without_light(problem, method.gap)
    if lighter is None:
        return _solve_with_balls(problem, method)
    found = _solve_with_balls(lighter, method)
    proof = judged(problem, restored(problem, lighter, found.outcome, method.gap))
    left = method.max_steps - proof.steps
    if proof.bounds.gap <= method.gap or left <= 0:
        return proof
    again = _solve_with_balls(problem, replace(method, max_steps=left))
    return again.better(proof).ended(proof.steps + again.steps, again.sentence)


def _solve_with_balls(problem: DiscreteProblem, method: InteriorPoint) -> Proof:
    """Solve a discrete problem to a proved gap: with its balls, without them, at P = 0; brackets are intersected."""
    found: Proof | None = None
    for special in (_single, _without_room, _class_by_class, _close_to_the_reference, _idle):
        close = special(problem, method.gap, method.max_steps)
        if close is not None:
            found = close.better(found)
            if found.bounds.gap <= method.gap:
                return found.ended(found.steps, "")
    found = _solve(problem, method.gap, method.max_steps).better(found)
    for other in (_without_balls, _at_zero_radius):
        left = method.max_steps - found.steps
        if found.bounds.gap <= method.gap or left <= 0:
            break
        again = other(problem, method.gap, left)
        if again is not None:
            found = again.better(found).ended(found.steps + again.steps, found.sentence)
    return found.ended(found.steps, "") if found.bounds.gap <= method.gap else found


def _solve(problem: DiscreteProblem, gap: float, max_steps: int) -> Proof:
    best: Proof | None = None
    steps, attempt = 0, Attempt(problem)
    for start in attempt.starts:
        found = attempt.run(start, gap, max_steps - steps)
        steps += found.steps
        best = found.better(best).ended(steps, found.sentence)
        if best.bounds.gap <= gap or steps >= max_steps:
            break
    assert best is not None
    return best


def _single(problem: DiscreteProblem, gap: float, max_steps: int) -> Proof | None:
    return only_channel(problem)


def _class_by_class(problem: DiscreteProblem, gap: float, max_steps: int) -> Proof | None:
    return by_classes(problem, gap, max_steps, _solve)


def _without_room(problem: DiscreteProblem, gap: float, max_steps: int) -> Proof | None:
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
    found = _solve_with_balls(least, InteriorPoint(gap, max_steps))
    outcome = found.outcome
    if outcome.dual is None:
        return judged(problem, outcome)
    logs, _ = log_column_sums(least.reduced, outcome.dual.f, np.zeros(1))
    logs = np.where(np.isfinite(logs), logs, logs.min(initial=0.0, where=np.isfinite(logs)))
    heights = (outcome.dual.f + np.log(reduced.probabilities))[:, None] - np.log(SPILT) - logs
    steep = np.divide(heights, limit.table, out=np.zeros_like(limit.table), where=limit.table > 0.0)
    dual = replace(outcome.dual, s=np.array([max(0.0, float(steep.max()))]), centred=True)
    return judged(problem, replace(outcome, dual=dual))


def _close_to_the_reference(problem: DiscreteProblem, gap: float, max_steps: int) -> Proof | None:
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
    law, steps, held = ball.reference, 0, problem.probabilities > 0.0
    for _ in range(PRESCRIBED):
        point = replace(problem, perceptions=(replace(ball, reference=law, limit=0.0),))
        found = _solve(point, gap, max(1, max_steps - steps))
        steps += found.steps
        outcome = found.outcome
        if outcome.dual is None or found.channel is None:
            break
        known = replace(outcome, channel=found.channel[held], dual=replace(outcome.dual, mu=None), plans=())
        before, proof = best, judged(problem, known)
        best = proof.better(before).ended(steps, proof.sentence)
        stuck = before is not None and best.bounds.gap > 0.5 * before.bounds.gap
        if best.bounds.gap <= gap or stuck or steps >= max_steps:
            break
        law = _law_inside(problem, ball, outcome.dual)
    return best


def _law_inside(problem: DiscreteProblem, ball: PerceptionLimit, dual: DualPoint) -> FloatArray:
    """The law of the ball that is worth most at the prices of a dual point, inside by what its rounding hides."""
    on = on_reduced(problem, dual)
    prices = log_column_sums(problem.reduced, on.f, on.s)[0] if ball.image is None else dual.v[0]
    finite = np.isfinite(prices)
    prices = np.where(finite, prices, prices[finite].min() if finite.any() else 0.0)
    q = ball.reference
    law = ball.divergence.support(prices, q, ball.limit).law
    hidden = ball.divergence.uncertainty(q, law, 2.0 * UNIT_ROUNDOFF * (sum(problem.shape) + 16))
    outside = ball.divergence.value(q, law) + hidden - ball.limit
    return np.asarray(q + (1.0 - min(1.0, max(0.0, 2.0 * outside / ball.limit))) * (law - q))


def _idle(problem: DiscreteProblem, gap: float, max_steps: int) -> Proof | None:
    """The answer without the balls where its law is inside them, looked for first where that costs a tenth: a step with
    a plan takes as long as several without, and on a line a law is found inside or not at once."""
    balls = problem.perceptions
    if not balls or any(b.divergence.line is None or b.image is not None or b.limit == 0.0 for b in balls):
        return None
    free = _solve(replace(problem, perceptions=()), gap, max_steps)
    law = None if free.channel is None else problem.probabilities @ free.channel
    inside = law is not None and all(b.divergence.value(b.reference, law) <= b.limit for b in balls)
    return _with_idle_balls(problem, free) if inside else None


def _without_balls(problem: DiscreteProblem, gap: float, max_steps: int) -> Proof | None:
    """The answer without the balls, judged with them: it serves where they are all but idle."""
    if not problem.perceptions:
        return None
    return _with_idle_balls(problem, _solve(replace(problem, perceptions=()), gap, max_steps))


def _with_idle_balls(problem: DiscreteProblem, free: Proof) -> Proof:
    """The answer without the balls before the judge of the question with them, which have no price."""
    zero = tuple(np.zeros(problem.shape[1] if b.image is None else b.image.shape[0]) for b in problem.perceptions)
    dual = None if free.outcome.dual is None else replace(free.outcome.dual, v=zero, mu=np.zeros(len(zero)))
    return judged(problem, replace(free.outcome, dual=dual))


def _at_zero_radius(problem: DiscreteProblem, gap: float, max_steps: int) -> Proof | None:
    """The answer at P = 0, which serves every P."""
    if len(problem.perceptions) != 1:
        return None
    ball = problem.perceptions[0]
    if ball.image is not None or ball.reference.size != problem.shape[1]:
        return None
    if ball.limit == 0.0:
        return None
    point = replace(problem, perceptions=(replace(ball, limit=0.0),))
    found = _solve(point, gap, max_steps)
    return judged(problem, replace(found.outcome, plans=()))


_GREATEST: Remembered[float] = Remembered()

guard(__name__)
