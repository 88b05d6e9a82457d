"""The question turned around, for a density: finite problems bound the limit that a rate pays for, too."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rdptheory._types import SUBNORMAL, Bounds
from rdptheory.continuous.cells import FIRST, TRANSPORT, Cells
from rdptheory.continuous.finite import cells_problem, power, rounded_problem
from rdptheory.continuous.lattice import cell_law, lattice
from rdptheory.continuous.nodes import nodes, nodes_for
from rdptheory.continuous.noise import CAREFUL
from rdptheory.continuous.posed import LEAST, Posed, per
from rdptheory.continuous.shannon import Shannon
from rdptheory.errors import InvalidInput
from rdptheory.methods import Method
from rdptheory.problems import Problem
from rdptheory.sources import ContinuousSource

__all__ = ["limit_at", "without_rate"]

LARGEST = sys.float_info.max
PROBES = (1.0, 2.0)  # of a limit: finite limits are affine in the true ones, so two values tell all
ROUNDING = 1e-12  # relative error of the variance of a law that has formulas
RIGHT = 0.5  # share of what nodes were fitted to, up to which they need not be fitted again
SEARCHED = 4  # a search asks for ten rates where `Cells` asks for one: a quarter of the cells takes about as long


def limit_at(
    problem: Problem, name: str, R: float, find: Callable[[Problem, float], Bounds], method: Method | None
) -> tuple[Bounds, bool]:
    """A proved bracket on the D (or P) where the rate of a density falls to R, and if it is narrow.

    Every finite problem below has a rate of at most R(D,P) at limits that are increasing affine functions of D and P,
    so the limit that the same rate pays for there, taken back, is a lower bound; with the problems above it is an upper
    one. Where D is small Shannon's lower bound and noise say more, without cells.

    Parameters
    ----------
    problem : Problem
        About a density, with any number for the limit that is looked for.
    name : "D" or "P"
    R : float
        The rate, in nats.
    find : function
        A bracket on that limit for a finite problem at a rate, which is less than R by what tells the tails.
    method : Cells or None
        The search ends when the bracket is 2 gap wide, relatively, or at a quarter of `max_cells`.
    """
    chosen = Cells() if method is None else method
    if not isinstance(chosen, Cells):
        raise InvalidInput("method", method, "must be Cells(...) or None for a source with a density")
    posed = Posed.of(problem)
    most = max(FIRST, chosen.max_cells // (SEARCHED * (TRANSPORT if posed.transport else 1)))
    exponent = power(posed.distortion if name == "D" else posed.perception)
    low, n, fitted = 0.0, FIRST, np.inf
    high = _spread(problem, posed.source.standard_deviation) * CAREFUL if name == "D" else np.inf
    shannon = Shannon.of(posed) if name == "D" else None
    if shannon is not None:
        low, noisy = shannon.limits(R)
        high = min(high, noisy)
    while high > LEAST and not high - low <= 2.0 * chosen.gap * high < np.inf:  # no cells keep next to nothing
        D = _about(posed, name, low, high)
        squared = power(posed.distortion) == 2
        t = nodes_for(posed.source, n, D) if squared else nodes(posed.source, n)
        rounded, cells = lattice(posed.source, t), cell_law(posed.source, t, D ** (1.0 / power(posed.distortion)))

        def below(one: Posed) -> Problem | None:
            asked = one.distortion, one.perception, one.D, one.P
            return rounded_problem(rounded, rounded, *asked)  # noqa: B023

        low = max(low, _taken_back(posed, name, below, lambda one: find(one, R)).lower)
        for redraw in posed.redraws:

            def above(one: Posed, redraw: bool = redraw) -> Problem | None:
                asked = one.distortion, one.perception, one.D, one.P, redraw
                return cells_problem(cells, cells, *asked)  # noqa: B023

            rate = R - cells.extra
            if rate >= 0.0:
                high = min(high, _taken_back(posed, name, above, lambda one: find(one, rate)).upper)  # noqa: B023
        now = _about(posed, name, low, high)
        if n == FIRST and not RIGHT * D <= now <= D / RIGHT and fitted != D:
            fitted = D  # few cells tell what to fit the nodes to
            continue
        if low == np.inf or n >= most:
            break
        n *= 2
    lower, upper = (per(end, posed.scale, -exponent) for end in (low, high))
    if upper < LEAST:  # where a product is off by half of the least number above 0
        lower, upper = max(0.0, lower - 2.0 * SUBNORMAL), upper + 2.0 * SUBNORMAL
    beyond = lower == np.inf > low  # the unit of the question ends before the limit does
    narrow = low == np.inf or high - low <= 2.0 * chosen.gap * high < np.inf
    return Bounds(LARGEST if beyond else lower, upper), narrow and not beyond


def without_rate(problem: Problem) -> Bounds | None:
    """E (X-Y)² of the best Y that ignores X: Var X, and at P = 0, where it is a fresh draw, twice that; else None."""
    assert isinstance(problem.source, ContinuousSource)
    least = _spread(problem, problem.source.standard_deviation)
    free = problem.perception is None or problem.P == np.inf
    if not 0.0 < least < np.inf or not (free or problem.P == 0.0):
        return None
    error = ROUNDING if problem.source.analytic else CAREFUL - 1.0
    return Bounds(least * (1.0 - error), least * (1.0 + error))


def _spread(problem: Problem, deviation: float) -> float:
    """What a Y that ignores X need not exceed, if X has this standard deviation; inf where that says nothing."""
    if power(problem.distortion) != 2:
        return np.inf
    return (1.0 if problem.perception is None or problem.P == np.inf else 2.0) * deviation * deviation


def _about(posed: Posed, name: str, low: float, high: float) -> float:
    """The distortion that nodes are fitted to: that of the question, or what is known of the one that is sought."""
    if name == "P":
        return posed.D
    return float(np.sqrt(low) * np.sqrt(high)) if 0.0 < low < high < np.inf else min(high, 1.0)


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
