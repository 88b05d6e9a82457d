"""Half-spaces as distortions that do not look at X, for a ball whose reference no channel within D has for its law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rdptheory._types import frozen_array
from rdptheory.methods import DualPoint, Outcome
from rdptheory.problems import DiscreteProblem, DistortionLimit
from rdptheory.solvers.half_spaces.ball import Known, said, said_of_none
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.solvers.outcome import Proof, answered, judged

__all__ = ["by_questions", "without_planes"]

ROOM = 2**26
"""Entries of the tables of all half-spaces: 512 MB, and as much again once their row minima are taken off."""


def by_questions(problem: DiscreteProblem, inner: InteriorPoint, gap: float, most: int, best: Proof) -> Proof:
    """The interior point asked with E g_k(Y) <= h_k beside the other limits, of which `best` is known.

    Where its output law has left the ball, the plane that touches the ball on the way out is the next.
    """
    known, channel, steps = Known(problem.perceptions[0]), best.outcome.channel, best.steps
    most = min(most, max(1, ROOM // (problem.shape[0] * problem.shape[1])))
    while best.bounds.gap > gap and channel is not None:
        law = problem.output(channel)
        if len(known.cuts) >= most:
            return best.ended(steps, said(most))
        if not known.leaves_out(law):
            return best.ended(steps, said_of_none(len(known.cuts)))
        planes = [DistortionLimit(frozen_array(np.tile(cut.g, (problem.shape[0], 1))), cut.h) for cut in known.cuts]
        found = answered(replace(problem, distortions=(*problem.distortions, *planes), perceptions=()), inner)
        steps += found.steps
        best = judged(problem, without_planes(problem, found)).better(best).ended(steps, "")
        channel = found.channel
    return best


def without_planes(problem: DiscreteProblem, found: Proof) -> Outcome:
    """What was found between half-spaces, for the question itself: the prices of the planes are left out."""
    dual = found.outcome.dual
    if dual is not None:
        s = np.atleast_1d(dual.s)[: len(problem.distortions)]
        dual = DualPoint(dual.f, s, centred=dual.centred)
    return Outcome(found.channel, dual)
