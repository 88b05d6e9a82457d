"""The least rate on the face that the limits leave, and the prices that prove it for the question itself."""

from __future__ import annotations

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.methods import Outcome
from rdptheory.problems import DiscreteProblem
from rdptheory.solvers.faces.interior import least_information, onto
from rdptheory.solvers.faces.program import Program, program_of
from rdptheory.solvers.faces.support import Support, largest_support
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
    held = support.open[: program.cells]
    A, b, start = program.A[:, support.open], program.b, support.point[support.open]
    p, columns = program.p[program.rows[held]], program.columns[held]
    try:
        found = least_information(A, b, onto(A, b, start), p, columns, program.outputs, SPENT * gap, max_steps)
        x = np.zeros(program.size.size)
        x[support.open] = onto(A, b, found.x)
    except np.linalg.LinAlgError:
        return None
    best: Proof | None = None
    plans = tuple(
        None if ball.divergence.cost is None else coupling
        for ball, coupling in zip(reduced.perceptions, program.couplings(x), strict=True)
    )
    for steepness in _steepness(program, support, found.y):
        dual = program.dual(found.y + steepness * support.prices)
        best = judged(problem, Outcome(program.channel(x), dual, found.steps, "", plans)).better(best)
        if best.bounds.gap <= gap:
            break
    return best


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
