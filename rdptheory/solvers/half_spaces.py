"""Any convex divergence: its ball from outside, by half-spaces that are found one after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rdptheory._types import FloatArray, frozen_array
from rdptheory.certificates import way_out
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, finite
from rdptheory.methods import DualPoint, Outcome
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.solvers.outcome import Proof, answered, judged

__all__ = ["HalfSpaces"]

SHARE = 0.1
"""Of the gap that is asked for, to which the questions between half-spaces are solved."""
ROOM = 2**26
"""Entries of the tables of all half-spaces: 512 MB, and as much again once their row minima are taken off."""
TINY = float(np.finfo(np.float64).tiny)
"""In place of the size of a direction that is 0."""


@dataclass(frozen=True)
class HalfSpaces:
    """Cutting planes for a divergence that no other method knows, asked for a bracket of at most `gap` nats.

        min I(X;Y)   subject to   E d(X,Y) <= D,   <g_k, p_Y> <= h_k for each k

    Every half-space holds the ball, so this asks for less than R(D,P). As E g_k(Y) <= h_k is a distortion limit that
    does not look at X, the interior point answers it. Where its output law has left the ball, the plane that touches
    the ball on the way out is the next. The multipliers of the planes make up a price of the output as that of a ball
    would be, so that the f and s found prove a lower end for the question itself; the channel is repaired by the judge.

    Attributes
    ----------
    gap : float
        In nats.
    max_cuts : int
        Half-spaces at most; fewer on a large alphabet, where each is a table.
    """

    gap: float = 1e-6
    max_cuts: int = 200

    def __post_init__(self) -> None:
        object.__setattr__(self, "gap", finite("gap", self.gap, positive=True))
        if not isinstance(self.max_cuts, int) or self.max_cuts < 1:
            raise InvalidInput("max_cuts", self.max_cuts, "must be an integer at least 1")

    def solve(self, problem: DiscreteProblem) -> Outcome:
        """The dual point and the channel with the narrowest proved bracket.

        Raises
        ------
        InvalidInput
            There are several balls, or one that compares another law than that of the output.
        """
        if len(problem.perceptions) > 1 or any(ball.image is not None for ball in problem.perceptions):
            rule = "is asked of HalfSpaces(), which takes one limit, on the law of the output itself"
            raise InvalidInput("perception", problem.perceptions[0].divergence, rule)
        inner = InteriorPoint(gap=SHARE * self.gap)
        ball = problem.perceptions[0] if problem.perceptions else None
        if ball is None or (ball.is_zero_radius and ball.divergence.definite):
            return inner.solve(problem)
        planes, steps = list[DistortionLimit](), 0
        most = min(self.max_cuts, max(1, ROOM // (problem.shape[0] * problem.shape[1])))
        best = judged(problem, inner.solve(problem)) if ball.is_zero_radius else None  # the law of X serves any radius
        if best is not None and best.bounds.gap <= self.gap:
            return best.outcome
        while True:
            found = answered(replace(problem, distortions=(*problem.distortions, *planes), perceptions=()), inner)
            steps += found.steps
            best = judged(problem, _without_planes(problem, found)).better(best).ended(steps, "")
            if best.bounds.gap <= self.gap or found.channel is None:
                return best.outcome
            if len(planes) >= most:
                return best.ended(steps, _said(most)).outcome
            law = problem.output(found.channel)
            plane = _plane(ball, law)
            if plane is None:
                return best.ended(steps, f"no half-space leaves the law out that {len(planes)} have led to").outcome
            planes.append(DistortionLimit(frozen_array(np.tile(plane[0], (problem.shape[0], 1))), plane[1]))


def _said(cuts: int) -> str:
    return f"{cuts} half-space{'s were' if cuts > 1 else ' was'} made"


def _without_planes(problem: DiscreteProblem, found: Proof) -> Outcome:
    """What was found between half-spaces, for the question itself: the prices of the planes are left out."""
    dual = found.outcome.dual
    if dual is not None:
        s = np.atleast_1d(dual.s)[: len(problem.distortions)]
        dual = DualPoint(dual.f, s, centred=dual.centred)
    return Outcome(found.channel, dual)


def _plane(ball: PerceptionLimit, law: FloatArray) -> tuple[FloatArray, float] | None:
    """A half-space that holds the ball and leaves the law out, None where none is found.

    Its direction is that of δ where the way from the reference to the law leaves the ball, or at the law itself, where
    a δ with corners is less often at one: the deeper cut of both.
    """
    q, share = ball.reference, way_out(ball, law)
    if share == 1.0:
        return None
    best, deepest = None, 0.0
    for place in (q + share * (law - q), law):
        g, h = ball.divergence.cut(q, place, ball.limit)
        depth = (float(g @ law) - h) / max(float(np.abs(g - g.mean()).max()), TINY)
        if depth > deepest:
            best, deepest = (g, h), depth
    return best


guard(__name__)
