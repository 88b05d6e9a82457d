"""The least rate on the face that the limits leave, and the prices that prove it for the question itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray
from rdptheory.certificates import min_distortion_channel, slater_channel
from rdptheory.methods import Outcome
from rdptheory.problems import DiscreteProblem
from rdptheory.solvers.faces.interior import Curved, Found, least_information, onto
from rdptheory.solvers.faces.program import WITHOUT, Program, program_of
from rdptheory.solvers.faces.support import Support, innermost, largest_support
from rdptheory.solvers.outcome import Proof, judged

__all__ = ["on_a_face"]

LARGEST = 4096  # entries of the table: the linear program takes seconds then
SPENT = 0.05  # share of the gap asked for that the iteration may leave: rounding takes its own
SPILT = 40.0  # nats by which what is not on the face has to be below what is: a share of 4e-18
STEEPER = 1.0, 2.0, 0.5, 4.0  # times what is about enough: rounding likes little of it, columns much
MIXED = 1e-2, 1e-9  # most and least of the independent law in the channel to begin from, inside a smooth ball


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
    if program is None:
        return None
    if program.curved != WITHOUT:
        inside = _inside(problem, program)
        return None if inside is None else _least(problem, program, _everything(program, inside), gap, max_steps)
    support = largest_support(program.A, program.b, program.size)
    if support is None:
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
            yield _everything(program, inside)
    yield support


def _everything(program: Program, point: FloatArray) -> Support:
    """All numbers, which have no prices then."""
    return Support(np.ones(point.size, dtype=bool), point, np.zeros(program.b.size))


def _inside(problem: DiscreteProblem, program: Program) -> FloatArray | None:
    """A point inside a smooth ball and D, or next to that: of the channel that a repair leans on, or the cheapest."""
    reduced = problem.reduced
    (ball,), p = reduced.perceptions, program.p
    channel = slater_channel(problem)
    if channel is None and len(reduced.distortions) == 1:
        (limit,) = reduced.distortions
        channel = min_distortion_channel(p, limit.table, ball, limit.limit).channel
    if channel is None:
        return None
    spent = np.array([float(np.vdot(p[:, None] * channel, limit.paid)) for limit in reduced.distortions])
    D = np.array([limit.limit for limit in reduced.distortions])
    dearest = np.array([float(limit.paid.max()) for limit in reduced.distortions])
    share = float(np.clip(((D - spent) / (2.0 * np.maximum(dearest, D))).min(), MIXED[1], MIXED[0]))
    x = np.zeros(program.size.size)
    cells = program.rows, program.columns
    even = np.zeros(reduced.shape)
    even[cells] = ball.reference[program.columns]
    even /= even.sum(axis=1, keepdims=True)
    x[: program.cells] = (p[:, None] * ((1.0 - share) * channel + share * even))[cells]
    left = program.b[program.limiting] - program.A[program.limiting] @ x
    k = program.limiting == program.curved
    left[k] -= ball.divergence.value(ball.reference, program.p @ program.channel(x))
    x[program.slack] = np.maximum(left, MIXED[1] * program.b[program.limiting])
    return x


def _least(problem: DiscreteProblem, program: Program, part: Support, gap: float, max_steps: int) -> Proof | None:
    """What the least information on a part of the program proves; None where rounding stops the search."""
    reduced = problem.reduced
    found = _least_on(reduced, program, part, _margins(reduced, program, part.point), SPENT * gap, max_steps)
    if found is None:
        return None
    x = np.zeros(program.size.size)
    x[part.open] = found.x
    plans = tuple(
        None if ball.divergence.cost is None else coupling
        for ball, coupling in zip(reduced.perceptions, program.couplings(x), strict=False)
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
    for ball, (row, unit) in zip(reduced.perceptions, program.radii, strict=True):
        if row != WITHOUT:
            margins[row] = 2.0 * ball.divergence.uncertainty(ball.reference, ball.law(law), relative) / unit
    return margins[program.limiting]


def _least_on(
    reduced: DiscreteProblem, program: Program, part: Support, margins: FloatArray, gap: float, max_steps: int
) -> Found | None:
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
        if program.curved != WITHOUT:
            (ball,) = reduced.perceptions
            curved = Curved(ball, program.curved)
            return least_information(
                A, b, part.point, p, program.columns[held], program.outputs, gap, max_steps, curved
            )
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
