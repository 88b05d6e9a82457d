"""Two independent coordinates beside the ball of an f-divergence, by boxes: each rounded, or held in cells, on its own.

Roundings are independent, so what they add to E d adds up over the coordinates, and so do rents and in-cell variances.
A density within a box is the product of those within its sides, so f-divergences between laws that are redrawn in boxes
are those of the boxes' masses. The proofs of one coordinate hold word by word, and n nodes an axis are n² symbols.
"""

from __future__ import annotations

import sys

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.continuous.candidate import BoxChannel, CellBounds, CellChannel, ProductChannel, Redraw
from rdptheory.continuous.finite import Limited, cell_distortion, rounded_distortion
from rdptheory.continuous.lattice import cell_law, lattice
from rdptheory.continuous.nodes import nodes
from rdptheory.distortions import SquaredError, Table
from rdptheory.divergences import Divergence, FDivergence
from rdptheory.errors import InvalidInput
from rdptheory.methods import Method
from rdptheory.problems import Problem
from rdptheory.solution import Slopes, Solution, Status
from rdptheory.sources import Independent, Pmf
from rdptheory.watch import ending, leaving, next_part

__all__ = ["plane_problems", "plane_solution", "spreads"]

SMALLEST = sys.float_info.min  # of a variance: a subnormal one has no digits
SIZES = (8, 12, 16, 24, 32)
"""Cells an axis that are tried: 32² symbols take a finite solver seconds, and four times as many minutes."""


def plane_problems(problem: Problem, n: int) -> tuple[Problem, Problem | None]:
    """The finite problems below and above R(D,P), on n cells an axis; None if no channel on so few cells keeps D.

    Raises
    ------
    InvalidInput
        A coordinate without a variance, another distortion, or a divergence that is no f-divergence.
    """
    assert isinstance(problem.source, Independent)
    ball = _ball(problem)
    laws: list[tuple[FloatArray, FloatArray]] = []
    below: list[Limited] = []
    above: list[Limited] = []
    for part in problem.source.parts:
        source, _, scale = part.standard()
        t, D = nodes(source, n), problem.D / scale**2
        rounded, cells = lattice(source, t), cell_law(source, t)
        laws.append((rounded.law, cells.law))
        for limits, found in (
            (below, rounded_distortion(problem.distortion, rounded, rounded, D, fixed=False)),
            (above, cell_distortion(problem.distortion, cells, cells, D, redraw=True, fixed=False)),
        ):
            limits.append(Limited(found.table * scale**2, (found.limit - D) * scale**2))
    made = []
    for side, limits in enumerate((below, above)):
        law = np.outer(laws[0][side], laws[1][side]).ravel()
        one, two = limits
        table = (one.table[:, None, :, None] + two.table[None, :, None, :]).reshape(law.size, law.size)
        lifted = Limited(table, (problem.D + one.limit + two.limit) * (1.0 - 1e-14 * (1 if side else -1))).lifted(law)
        made.append(Problem(Pmf.from_weights(law), Table(lifted.table), ball, max(lifted.limit, 0.0), problem.P))
    return made[0], made[1] if made[1].D > 0.0 else None


def plane_solution(problem: Problem, method: Method, ask: object, gap: float, most: int) -> Solution:
    """Both ends on more and more boxes, until the gap or `most` symbols."""
    _ball(problem)
    known = decided(problem, method)
    if known is not None:
        return known
    bounds, steps, slopes = CellBounds(0.0, np.inf, "no rate is negative", "no channel was found"), 0, None
    channel: BoxChannel | None = None
    with leaving():
        for n in SIZES:
            if (n + 2) ** 2 > most and n > SIZES[0]:
                break
            next_part(bounds.lower, bounds.upper)
            below, above = plane_problems(problem, n)
            low = ask(below, method)  # type: ignore[operator]
            steps += low.steps
            if low.bounds.lower > bounds.lower:
                reason = f"rounded to {n + 1} nodes an axis"
                bounds = CellBounds(low.bounds.lower, bounds.upper, reason, bounds.upper_from)
            next_part(bounds.lower, bounds.upper)
            high = None if above is None else ask(above, method)  # type: ignore[operator]
            if high is not None:
                steps += high.steps
            if high is not None and high.rate < bounds.upper:
                assert high.candidate is not None
                assert high.candidate.channel is not None
                channel, slopes = _box_channel(problem, n, high.candidate.channel), high.slopes
                bounds = CellBounds(bounds.lower, high.rate, bounds.lower_from, f"{n} cells an axis")
            if bounds.gap <= gap:
                break
    reached = bounds.gap <= gap
    text = f"as narrow as asked, {gap:.2g} nat" if reached else ending("boxes in the plane prove no narrower bracket")
    status = Status.OPTIMAL if reached else Status.STOPPED
    steep = Slopes(np.nan, np.nan) if slopes is None else slopes
    return Solution(
        problem,
        bounds.upper,
        bounds,
        steep,
        channel,
        status,
        f"{text}: {bounds.lower_from}, {bounds.upper_from}",
        method,
        steps,
    )


def _box_channel(problem: Problem, n: int, rows: FloatArray) -> BoxChannel:
    """The channel between boxes, in the unit of the question."""
    assert isinstance(problem.source, Independent)
    edges, outputs = [], []
    for part in problem.source.parts:
        source, shift, scale = part.standard()
        cells = cell_law(source, nodes(source, n))
        edges.append(shift + scale * cells.edges)
        outputs.append(Redraw(part, edges[-1]))
    return BoxChannel(tuple(edges), rows, tuple(outputs))


def decided(problem: Problem, method: Method) -> Solution | None:
    """What needs no boxes: D = 0 and D = inf."""
    assert isinstance(problem.source, Independent)
    if problem.D == 0.0:
        none = Slopes(np.nan, np.nan)
        text = "no channel of finite rate reaches D = 0 for a density"
        return Solution(problem, np.inf, CellBounds(np.inf, np.inf), none, None, Status.INFEASIBLE, text, method)
    if np.isinf(problem.D):
        ends = [np.array(part.support) for part in problem.source.parts]
        draws = zip(problem.source.parts, ends, strict=True)
        fresh = ProductChannel(tuple(CellChannel(t, [[1.0]], Redraw(part, t)) for part, t in draws))
        text, flat = "a fresh draw from the source keeps both limits", Slopes(0.0, 0.0)
        return Solution(problem, 0.0, CellBounds(0.0, 0.0), flat, fresh, Status.OPTIMAL, text, method)
    return None


def spreads(source: Independent) -> list[float]:
    """The standard deviation of every coordinate.

    Raises
    ------
    InvalidInput
        One that is infinite, or whose square is more, or less, than float64 holds: distortions are added up.
    """
    found = []
    for part in source.parts:
        sd = part.standard_deviation
        if not np.isfinite(sd):
            raise InvalidInput("source", part, "has no variance, which SquaredError() needs")
        if not SMALLEST <= sd * sd < np.inf:
            raise InvalidInput("source", part, f"has the standard deviation {sd:g}, whose square float64 does not hold")
        found.append(sd)
    return found


def _ball(problem: Problem) -> Divergence:
    assert isinstance(problem.source, Independent)
    if not isinstance(problem.distortion, SquaredError):
        raise InvalidInput("distortion", problem.distortion, "must be SquaredError() for independent coordinates")
    spreads(problem.source)
    if len(problem.source.parts) > 2 and 0.0 < problem.P < np.inf:
        raise InvalidInput("P", problem.P, "must be 0 or inf for more than two coordinates: boxes would be too many")
    if not isinstance(problem.perception, FDivergence):
        raise InvalidInput("perception", problem.perception, "must be an f-divergence in the plane, or P be 0 or inf")
    return problem.perception
