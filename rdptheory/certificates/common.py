"""The common question (one distortion, at most one ball on the law of the output, a copy at no cost) judged at once.

The compiled judge takes the steps of `lower.py` and `upper.py` with the same allowances, for a batch of outcomes in one
call. What it leaves open, and every other question, goes to those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from rdptheory._native import CALLED, Common, Judged, Look, judge
from rdptheory._types import FloatArray
from rdptheory.certificates.lower import lower_bound
from rdptheory.certificates.repair import Plans
from rdptheory.certificates.tables import tables_of
from rdptheory.certificates.upper import UpperBound, copy_costs_nothing, or_on_the_face, upper_bound
from rdptheory.doors import guard
from rdptheory.methods import DualPoint
from rdptheory.problems import DiscreteProblem

__all__ = ["Shown", "both_ends", "common_question"]

_COMMON: WeakKeyDictionary[DiscreteProblem, Common | None] = WeakKeyDictionary()


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
    """The problem as the compiled judge wants it, or None if it is not for that; found once for each problem."""
    if problem not in _COMMON:
        _COMMON[problem] = _common_question(problem)
    return _COMMON[problem]


def _look(shown: Shown) -> Look | None:
    question, dual, channel = common_question(shown.problem), shown.dual, shown.channel
    if question is None or channel is None or channel.shape != question.shape or dual.f.size != question.shape[0]:
        return None
    mu = 0.0 if dual.mu is None or not dual.mu.size else float(dual.mu[0])
    return Look(question, dual.f, float(dual.s[0]), mu, channel)


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
    for ball in balls:
        if ball.image is not None or ball.divergence.cost is not None or (ball.limit > 0.0 and ball.is_zero_radius):
            return None
        spec = ball.divergence.compiled_ball(ball.reference, ball.limit)
        if spec.kind == CALLED:
            return None
    copies = problem.copies if balls else None
    to = limit.table.argmin(axis=1) if copies is None else copies[np.flatnonzero(problem.probabilities > 0.0)]
    return Common(tables_of(reduced), spec, to)


guard(__name__)
