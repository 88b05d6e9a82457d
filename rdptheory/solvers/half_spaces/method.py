"""The method for a divergence that no other method knows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, finite
from rdptheory.methods import Outcome
from rdptheory.problems import DiscreteProblem, PerceptionLimit
from rdptheory.solvers.half_spaces.laws import prescribed
from rdptheory.solvers.half_spaces.questions import by_questions, without_planes
from rdptheory.solvers.half_spaces.search import Search
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.solvers.outcome import answered, judged

__all__ = ["HalfSpaces"]

SHARE = 0.1
"""Of the gap that is asked for, to which the question without the ball is solved."""


@dataclass(frozen=True)
class HalfSpaces:
    """Cutting planes for a divergence that no other method knows, asked for a bracket of at most `gap` nats.

        min F(r)   subject to   <g_k, r> <= h_k for each k,     F(r) = min {I(X;Y) : E d(X,Y) <= D, p_Y = r}

    F is convex, a few Newton steps tell it, its gradient and its curvature, and every half-space holds the ball. Where
    the support function is reached at a law, the best mixture of such laws is tried first: it is inside the ball, and
    what its outputs are worth is a half-space that proves a lower end. Else a quadratic model of F between half-spaces
    names a law, the planes that touch the ball on the way to it are the next, and the prices of the planes make up a
    price of the output that proves a lower end for the question itself. Where δ is smooth, its second differences are
    part of the model. The judge repairs the channel.

    Attributes
    ----------
    gap : float
        In nats.
    max_cuts : int
        Half-spaces at most.
    """

    gap: float = 1e-6
    max_cuts: int = 500

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
        if ball is None:
            return inner.solve(problem)
        known = judged(problem, _at_reference(problem, ball, inner)) if ball.is_zero_radius else None
        if known is not None and (ball.divergence.definite or known.bounds.gap <= self.gap):
            return known.outcome
        free = answered(replace(problem, perceptions=()), inner)
        first = judged(problem, without_planes(problem, free)).better(known).ended(free.steps, "")
        if first.bounds.gap <= self.gap or free.channel is None:
            return first.outcome
        search = Search(problem, self.gap, self.max_cuts, first)
        found = search.found(problem.output(free.channel))
        if found is None:
            found = by_questions(problem, inner, self.gap, self.max_cuts, first)
        return found.outcome


def _at_reference(problem: DiscreteProblem, ball: PerceptionLimit, inner: InteriorPoint) -> Outcome:
    """The answer for the reference itself, which serves any radius; its multiplier is that of radius 0."""
    found = inner.solve(prescribed(problem, ball.reference))
    if ball.limit == 0.0 or found.dual is None:
        return found
    return replace(found, dual=replace(found.dual, mu=None))


guard(__name__)
