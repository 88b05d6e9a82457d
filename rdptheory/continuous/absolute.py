"""The lower end under absolute error: a finite problem that stands for the density, judged on much finer nodes.

What bounds within a cell cost is of second order in the width of the cells that are judged, with s² in its constant:
far more than a potential costs that is read between the nodes where it was found. So it is found on few and judged on
many, which no table is needed for. The problem that is solved proves nothing: what stands on its diagonal makes sums
over nodes integrals of second order. Any potential proves a lower bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray
from rdptheory.certificates import on_reduced
from rdptheory.certificates.lower import log_column_sums, support_value
from rdptheory.continuous.finite import rounded_ball
from rdptheory.continuous.lattice import ROUND, Lattice, lattice
from rdptheory.continuous.nodes import finer, inner_nodes
from rdptheory.continuous.posed import Posed
from rdptheory.distortions import Table
from rdptheory.problems import PerceptionLimit, Problem
from rdptheory.solution import Solution
from rdptheory.sources import Pmf

__all__ = ["Potential", "absolute_lower"]

CUT = 32  # pieces of a cell on which a potential is judged: the time grows with their number alone
WIDE = 1e3  # D: a cell beside which exponents s h leave float64, s being about 1/D
ROUNDS = 4  # of lowering a potential whose columns are too heavy: the second gains nearly all there is
FLUSHED = 1e-290  # more than all terms together that underflow
UNITS = 32.0  # of rounding in one term: exponentials, products, a logarithm


@dataclass(frozen=True, eq=False)
class Potential:
    """F on nodes and a slope s, which prove a lower bound on R(D,P) of a source.

    With d_ij = |t_i - t_j| - h_i 1{i=j}, the table of the rounded problem, and c_j = Σ_i p_i exp(F_i - s d_ij),

        R >= Σ p_i F_i - s D' - σ_P(log c).
    """

    on: Lattice
    F: FloatArray
    s: float

    def logs(self) -> FloatArray:
        """At least log c_j, by a recursion from either side.

        A term p_i exp(F_i - top) passes at most N factors exp(-s h) and N sums on its way. All are positive, so c_j is
        wrong by at most 6N units of itself, and two for each unit of the exponents s |t_i - t_j| and top - F_i.
        """
        t, s, top = self.on.nodes, self.s, float(self.F.max())
        held, passed = self.on.law * np.exp(self.F - top), np.exp(-s * np.diff(t))
        c = FLUSHED + held * np.exp(s * self.on.widest)
        for order in (1, -1):  # what is left of each node, then what is right of it
            arrived, sums = 0.0, [0.0]
            for weight, factor in zip(held[::order].tolist(), passed[::order].tolist(), strict=False):
                arrived = (arrived + weight) * factor
                sums.append(arrived)
            c += np.array(sums)[::order]
        found = np.log(c) + top
        exponents = 2.0 * s * float(t[-1] - t[0] + self.on.widest.max()) + 2.0 * (top - float(self.F.min()))
        units = 6.0 * t.size + exponents + UNITS + 4.0 * (np.abs(found) + abs(top))
        return np.asarray(found + UNIT_ROUNDOFF * units)

    def proves(self, logs: FloatArray, ball: PerceptionLimit | None, D: float) -> float:
        """The bound from these logarithms, where D' is `D`."""
        if not np.isfinite(logs).all():
            return -inf
        supported = float(logs.max()) if ball is None else support_value(ball, logs)
        terms, spent = self.on.law * self.F, self.s * D
        rounding = (2.0 * terms.size + UNITS) * float(np.abs(terms).sum()) + 4.0 * (spent + abs(supported))
        rounding += 2.0 * terms.size  # the law sums to 1 but for as many units
        return float(terms.sum()) - spent - supported - UNIT_ROUNDOFF * rounding


def absolute_lower(posed: Posed, n: int, solve: Callable[[Problem], Solution]) -> tuple[float, float, int] | None:
    """A lower bound from a potential found on n + 1 nodes, its slope s, and the steps of the solver; None without one.

    Where c_j is above what it is in the finite problem, F is lowered by as much on the nodes about it. That costs the
    mass that is there, while the largest excess of all would count for the whole law.
    """
    widest = WIDE * posed.D
    x = lattice(posed.source, inner_nodes(posed.source, n, lambda t: float(np.diff(t).max()) / widest)[-1])
    t, h = x.nodes, np.diff(x.nodes)
    left, right = np.append(0.0, h), np.append(h, 0.0)
    near = (left**2 + right**2) / (6.0 * (left + right))
    ball, radius = rounded_ball(posed.perception, x, posed.P)
    table = Table(np.abs(t[:, None] - t) + np.diag(near))
    found = solve(Problem(Pmf(x.law, t), table, ball, posed.D, radius))
    if found.dual is None or not 0.0 < found.bounds.lower < inf:
        return None
    discrete = found.problem.discrete
    dual = on_reduced(discrete, found.dual)
    s = float(np.ravel(dual.s)[0])
    if not 0.0 < s < inf or dual.f.size < t.size:  # a node without mass has no potential
        return None
    logs = log_column_sums(discrete.reduced, dual.f, dual.s)[0]
    goal = np.full(t.size, logs.max()) if ball is None else logs
    F, best = dual.f + s * table.matrix.min(axis=1), -inf
    fine = lattice(posed.source, finer(t, CUT))
    limit, compared = posed.D * ROUND + fine.moved_absolutely(posed.D), _on(fine, posed)
    wanted, cell = np.interp(fine.nodes, t, goal), np.minimum(np.searchsorted(t, fine.nodes, side="right"), h.size) - 1
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers that prove nothing
        for _ in range(ROUNDS):
            potential = Potential(fine, np.interp(fine.nodes, t, F), s)
            there = potential.logs()
            best = max(best, potential.proves(there, compared, limit))
            heavy = np.zeros(h.size)
            np.maximum.at(heavy, cell, there - wanted)
            F = F - np.maximum(np.append(heavy[0], heavy), np.append(heavy, heavy[-1]))
    return best, s, found.steps


def _on(fine: Lattice, posed: Posed) -> PerceptionLimit | None:
    """The ball of the law on the finer nodes."""
    divergence, radius = rounded_ball(posed.perception, fine, posed.P)
    if divergence is None:
        return None
    placed, radius = divergence.ball(fine.nodes, radius)
    return PerceptionLimit(placed, fine.law, radius)
