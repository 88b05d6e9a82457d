"""The least rate on the face that the limits leave, and the prices that prove it for the question itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray
from rdptheory.methods import Outcome
from rdptheory.problems import DiscreteProblem
from rdptheory.solvers.faces.interior import Found, least_information, onto
from rdptheory.solvers.faces.program import WITHOUT, Program, program_of
from rdptheory.solvers.faces.support import Support, innermost, largest_support
from rdptheory.solvers.outcome import Proof, judged

__all__ = ["on_a_face"]

LARGEST = 4096  # entries of the table: the linear program takes seconds then
SPENT = 0.05  # share of the gap asked for that the iteration may leave: rounding takes its own
SPILT = 40.0  # nats by which what is not on the face has to be below what is: a share of 4e-18
STEEPER = (
    1.0,
    2.0,
    0.5,
    4.0,
)  # times the least steepness that is enough: rounding likes a small one, columns a large one


def on_a_face(problem: DiscreteProblem, gap: float, max_steps: int) -> Proof | None:
    """The proof for a question whose limits leave no channel inside, or for any small one; None where there is no way.

    1. One linear program finds which cells of the joint law and of the plans of the balls, and which limits, have any
       room at all (`largest_support`), with prices y that are 0 on those and below 0 on the others.
    2. The rate is minimised where there is room (`least_information`), which has an interior.
    3. With its multipliers the dual point of the question is y_face + S y: on the face that is y_face, elsewhere S is
       as large as it takes for exp(f - s d) to add nothing to a column.
    """
    reduced = problem.reduced
    if reduced.shape[0] * reduced.shape[1] > LARGEST or any(limit.limit < 0.0 for limit in reduced.distortions):
        return None
    program = program_of(reduced)
    support = None if program is None else largest_support(program.A, program.b, program.size)
    if program is None or support is None:
        return None
    best: Proof | None = None
    steps = 0
    for part in _parts(program, support):
        allowed = max_steps - steps if part is support else max_steps * 2 // 3
        found = _least(problem, program, part, gap, allowed)
        if found is not None:
            steps += found.steps
            best = found.better(best).ended(steps, "")
        if best is not None and best.bounds.gap <= gap:
            break
    return best


def _parts(program: Program, support: Support) -> Iterator[Support]:
    """Where to look: everywhere if there is some room, however little, and on the face."""
    if not support.open.all():
        inside = innermost(program.A, program.b, program.size, support)
        if inside is not None:
            yield Support(np.ones(inside.size, dtype=bool), inside, np.zeros(program.b.size))
    yield support


def _least(problem: DiscreteProblem, program: Program, part: Support, gap: float, max_steps: int) -> Proof | None:
    """What the least information on a part of the program proves; None where rounding stops the search."""
    reduced = problem.reduced
    found = _least_on(program, part, _margins(reduced, program, part.point), SPENT * gap, max_steps)
    if found is None:
        return None
    x = np.zeros(program.size.size)
    x[part.open] = found.x
    plans = tuple(
        None if ball.divergence.cost is None else coupling
        for ball, coupling in zip(reduced.perceptions, program.couplings(x), strict=True)
    )
    best: Proof | None = None
    for steepness in _steepness(program, part, found.y):
        dual = program.dual(found.y + steepness * part.prices)
        best = judged(problem, Outcome(program.channel(x), dual, found.steps, "", plans)).better(best)
        if best.bounds.gap <= gap:
            break
    return best


def _margins(reduced: DiscreteProblem, program: Program, x: FloatArray) -> FloatArray:
    """What is taken off each limit, so that the channel is inside it however that is summed: twice the rounding of
    δ, and what moving the law by its rounding may add to E d as well."""
    law = program.p @ program.channel(x)
    relative = UNIT_ROUNDOFF * (sum(reduced.shape) + 16)
    margins = np.zeros(program.b.size)
    for limit, (row, unit) in zip(reduced.distortions, program.limits, strict=True):
        if row != WITHOUT:
            margins[row] = 8.0 * relative * limit.limit / unit
    for ball, plan in zip(reduced.perceptions, program.plans, strict=True):
        if plan is not None and plan.radius != WITHOUT:
            unsure = ball.divergence.uncertainty(ball.reference, ball.law(law), relative)
            margins[plan.radius] = 2.0 * unsure / plan.unit
    return margins[program.limiting]


def _least_on(program: Program, part: Support, margins: FloatArray, gap: float, max_steps: int) -> Found | None:
    """The least information where the part is open; None where rounding stops it.

    What limits leave above the face is not asked for: it is too little to be told from 0.
    """
    held = part.open[: program.cells]
    A, b, p = program.A[:, part.open], program.b.copy(), program.p[program.rows[held]]
    try:
        laws = np.delete(np.arange(b.size), program.limiting)
        start = onto(A[laws], b[laws], part.point[part.open])
        least = A[program.limiting] @ start
        b[program.limiting] = np.where(part.open[program.slack], b[program.limiting] - margins, least)
        start = onto(A, b, start)
        found = least_information(A, b, start, p, program.columns[held], program.outputs, gap, max_steps)
        return replace(found, x=onto(A, b, found.x))
    except np.linalg.LinAlgError:
        return None


def _steepness(program: Program, support: Support, y: FloatArray) -> list[float]:
    """Multiples of the prices of the face that make all else next to nothing; 0 where the face is everything."""
    shut = ~support.open
    if not shut.any():
        return [0.0]
    heights = program.A.T @ y
    heights[: program.cells] += np.log(program.p[program.rows])
    falls = -(program.A.T @ support.prices)[shut]
    enough = float(((heights[shut] + SPILT) / np.where(falls > 0.0, falls, np.inf)).max())
    return [factor * max(enough, 0.0) for factor in STEEPER]
