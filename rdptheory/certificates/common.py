"""The common question (one distortion, at most one ball on the law of the output, a copy at no cost) judged at once.

The compiled judge takes the steps of `lower.py` and `upper.py` with the same allowances, for a batch of outcomes in one
call. What it leaves open, and every other question, goes to those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from rdptheory._native import CALLED, Common, Judged, Look, judge
from rdptheory._types import FloatArray, IntArray, Remembered
from rdptheory.certificates.lower import lower_bound
from rdptheory.certificates.repair import Plans
from rdptheory.certificates.upper import UpperBound, copy_costs_nothing, or_on_the_face, upper_bound
from rdptheory.doors import guard
from rdptheory.methods import DualPoint
from rdptheory.problems import DiscreteProblem

__all__ = ["Shown", "both_ends", "common_question"]

_COMMON: WeakKeyDictionary[DiscreteProblem, Common | None] = WeakKeyDictionary()
_KINDS: Remembered[dict[tuple[float, ...], Common]] = Remembered()
"""Of one law, table and reference, by the form of the divergence: only D and P differ among their questions."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What the judge is shown: a dual point as `on_reduced` makes it, and an array for a channel, or None."""

    problem: DiscreteProblem
    dual: DualPoint
    channel: FloatArray | None
    plans: Plans = ()


def both_ends(shown: Sequence[Shown]) -> list[tuple[float, UpperBound]]:
    """The lower and the upper bound of each (`lower_bound`, `upper_bound`), those of common questions in one call."""
    looks = [_look(one) for one in shown]
    found = iter(judge([look for look in looks if look is not None]))
    return [_ends(one, None if look is None else next(found)) for one, look in zip(shown, looks, strict=True)]


def common_question(problem: DiscreteProblem) -> Common | None:
    """What the compiled judge knows of the problem, or None if it is not for that; found once for each problem."""
    try:
        return _COMMON[problem]
    except KeyError:
        found = _COMMON[problem] = _common_question(problem)
        return found


def _look(shown: Shown) -> Look | None:
    question, dual, channel = common_question(shown.problem), shown.dual, shown.channel
    if question is None or channel is None or channel.shape != question.shape or dual.f.size != question.shape[0]:
        return None
    reduced = shown.problem.reduced
    P = reduced.perceptions[0].limit if reduced.perceptions else 0.0
    mu = 0.0 if dual.mu is None or not dual.mu.size else float(dual.mu[0])
    return Look(question, reduced.distortions[0].limit, P, dual.f, float(dual.s[0]), mu, channel)


def _ends(shown: Shown, found: Judged | None) -> tuple[float, UpperBound]:
    problem = shown.problem
    lower = None if found is None else found.lower
    if lower is None:
        lower = lower_bound(problem, shown.dual)
    if found is None or found.upper is None:
        return lower, upper_bound(problem, shown.channel, plans=shown.plans)
    room = (found.room,) if problem.perceptions else ()
    upper = UpperBound(found.upper, problem.expand(found.channel), room)
    return lower, or_on_the_face(problem, shown.channel, upper) if found.dear else upper


def _common_question(problem: DiscreteProblem) -> Common | None:
    reduced = problem.reduced
    if len(reduced.distortions) != 1 or len(reduced.perceptions) > 1 or reduced.barred is not None:
        return None
    (limit,), balls, spec = reduced.distortions, reduced.perceptions, None
    if not limit.limit > 0.0 or not copy_costs_nothing(problem):
        return None
    p, table = reduced.probabilities, limit.table
    form: tuple[float, ...] = ()
    arrays: tuple[FloatArray, ...] = (p, table)
    for ball in balls:
        if ball.image is not None or ball.divergence.cost is not None or (ball.limit > 0.0 and ball.is_zero_radius):
            return None
        spec = ball.divergence.compiled_ball(ball.reference, ball.limit) if ball.divergence.ours else None
        if spec is None or spec.kind == CALLED:
            return None
        form, arrays = (spec.kind, spec.order, spec.factor), (p, table, ball.reference)
    known = _KINDS(arrays, dict)
    if form not in known:
        known[form] = Common(p, table, spec, _copies(problem, table))
    return known[form]


def _copies(problem: DiscreteProblem, table: FloatArray) -> IntArray:
    """The output that repeats each symbol of positive mass, or without a ball the first that costs nothing."""
    copies = problem.copies if problem.perceptions else None
    return table.argmin(axis=1) if copies is None else copies[problem.probabilities > 0.0]


guard(__name__)
