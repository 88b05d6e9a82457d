"""The question turned around, for a density: finite problems bound the limit that a rate pays for, too."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rdptheory._types import Bounds
from rdptheory.continuous.cells import FIRST, TRANSPORT, Cells
from rdptheory.continuous.finite import cells_problem, power, rounded_problem
from rdptheory.continuous.lattice import cell_law, lattice
from rdptheory.continuous.nodes import nodes
from rdptheory.continuous.posed import Posed, per
from rdptheory.errors import InvalidInput
from rdptheory.methods import Method
from rdptheory.problems import Problem

__all__ = ["limit_at"]

LARGEST = sys.float_info.max
PROBES = (1.0, 2.0)  # of a limit: finite limits are affine in the true ones, so two values tell all
SEARCHED = 4  # a search asks for ten rates where `Cells` asks for one: a quarter of the cells takes about as long


def limit_at(
    problem: Problem, name: str, find: Callable[[Problem], Bounds], method: Method | None
) -> tuple[Bounds, bool]:
    """A proved bracket on the D (or P) where the rate of a density falls to what `find` was told, and if it is narrow.

    Every finite problem below has a rate of at most R(D,P) at limits that are increasing affine functions of D and P,
    so the limit that the same rate pays for there, taken back, is a lower bound; with the problems above it is an upper
    one.

    Parameters
    ----------
    problem : Problem
        About a density, with any number for the limit that is looked for.
    name : "D" or "P"
    find : function
        A bracket on that limit for a finite problem.
    method : Cells or None
        The search ends when the bracket is 2 gap wide, relatively, or at a quarter of `max_cells`.
    """
    chosen = Cells() if method is None else method
    if not isinstance(chosen, Cells):
        raise InvalidInput("method", method, "must be Cells(...) or None for a source with a density")
    posed = Posed.of(problem)
    most = max(FIRST, chosen.max_cells // (SEARCHED * (TRANSPORT if posed.transport else 1)))
    exponent = power(posed.distortion if name == "D" else posed.perception)
    low, high, n = 0.0, np.inf, FIRST
    while True:
        t = nodes(posed.source, n)
        rounded, cells = lattice(posed.source, t), cell_law(posed.source, t)

        def below(one: Posed) -> Problem | None:
            asked = one.distortion, one.perception, one.D, one.P
            return rounded_problem(rounded, rounded, *asked)  # noqa: B023

        low = max(low, _taken_back(posed, name, below, find).lower)
        for redraw in posed.redraws:

            def above(one: Posed, redraw: bool = redraw) -> Problem | None:
                asked = one.distortion, one.perception, one.D, one.P, redraw
                return cells_problem(cells, cells, *asked)  # noqa: B023

            high = min(high, _taken_back(posed, name, above, find).upper)
        narrow = low == np.inf or high - low <= 2.0 * chosen.gap * high < np.inf
        if narrow or n >= most:
            lower, upper = (per(end, posed.scale, -exponent) for end in (low, high))
            beyond = lower == np.inf > low  # the unit of the question ends before the limit does
            return Bounds(LARGEST if beyond else lower, upper), narrow and not beyond
        n *= 2


def _taken_back(
    posed: Posed, name: str, pose: Callable[[Posed], Problem | None], find: Callable[[Problem], Bounds]
) -> Bounds:
    """The bracket that `find` gives for a finite problem, in terms of the true limit."""
    probes = [pose(replace(posed, D=x) if name == "D" else replace(posed, P=x)) for x in PROBES]
    if any(probe is None for probe in probes):
        return Bounds(0.0, np.inf)
    first, second = probes
    assert first is not None
    assert second is not None
    at = getattr(first, name), getattr(second, name)
    slope = (at[1] - at[0]) / (PROBES[1] - PROBES[0])
    offset = at[0] - slope * PROBES[0]
    found = find(first)
    slack = 1e-13 * (abs(offset) + slope)  # rounding of the two lines above
    return Bounds(max(0.0, (found.lower - offset - slack) / slope), max(0.0, (found.upper - offset + slack) / slope))
