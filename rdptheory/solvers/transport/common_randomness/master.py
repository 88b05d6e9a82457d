"""The linear program over maps,

    D(R) = min Σ_f w_f E d(X,f(X))   subject to   Σ_f w_f H(f(X)) <= R,   Σ_f w_f P(f(X) = y) = q_y,   w >= 0,

on the maps generated so far. The weights sum to 1 because the target rows do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy
from numpy.typing import NDArray

from rdptheory._types import FloatArray, IntArray
from rdptheory.errors import MissingPackage
from rdptheory.plans import CommonPlan
from rdptheory.transport_problem import DiscreteTransport

__all__ = ["Columns", "Master", "Priced", "Pricing", "Program", "mixture"]


ITERATIONS = 100_000
"""Most simplex iterations of one program: warm starts take a few hundred on the largest ones here."""
UNUSED = 1e-13
"""Weights that count as 0: a thousandth of the feasibility tolerance of the program."""


@dataclass(frozen=True, eq=False)
class Priced:
    """lower: at most the least reduced cost over all maps; maps (k, n): good ones, best first."""

    lower: float
    maps: IntArray


class Pricing(Protocol):
    """What column generation asks of a pricing rule.

    smoothed : whether prices are asked near those of the best bound so far, which takes a bound from every call.
    """

    smoothed: bool

    def price(self, alpha: float, nu: FloatArray) -> Priced:
        """Good maps for E d(X,f) + α H(f) - ν·P_f, and a bound on all maps, -inf if there is none."""

    def prove(self, alpha: float, nu: FloatArray) -> Priced:
        """The same with all that the rule can do, when no map of `price` improves the mixture."""


@dataclass(frozen=True, eq=False)
class Columns:
    """k maps and what they cost: maps (k, n), distortion (k,), entropy (k,) in nats, masses (k, m)."""

    maps: IntArray
    distortion: FloatArray
    entropy: FloatArray
    masses: FloatArray

    @classmethod
    def of(cls, problem: DiscreteTransport, maps: IntArray) -> Columns:
        """Evaluate maps (k, n)."""
        n, m = problem.shape
        k = maps.shape[0]
        distortion = problem.cost[np.arange(n), maps] @ problem.p
        flat = (maps + m * np.arange(k)[:, None]).ravel()
        masses = np.bincount(flat, weights=np.tile(problem.p, k), minlength=k * m).reshape(k, m).astype(np.float64)
        return cls(maps, distortion, scipy.special.entr(masses).sum(axis=1), masses)

    def distinct(self) -> Columns:
        """Each map once."""
        return self.take(np.unique(self.maps, axis=0, return_index=True)[1])

    def take(self, index: IntArray | NDArray[np.bool_]) -> Columns:
        """The columns at `index`."""
        return Columns(self.maps[index], self.distortion[index], self.entropy[index], self.masses[index])

    def joined(self, other: Columns) -> Columns:
        """These columns, then the others."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Columns(*(np.concatenate(pair) for pair in pairs))

    def reduced_cost(self, alpha: float, nu: FloatArray) -> FloatArray:
        """E d + α H - ν·P, shape (k,)."""
        return np.asarray(self.distortion + alpha * self.entropy - self.masses @ nu)


@dataclass(frozen=True, eq=False)
class Program:
    """An optimum: its value, weights (k,), α >= 0 the price of a nat, ν (m,) those of the target masses."""

    value: float
    weights: FloatArray
    alpha: float
    nu: FloatArray


class Master:
    """The linear program on a growing set of columns, warm started by HiGHS."""

    def __init__(self, problem: DiscreteTransport, columns: Columns) -> None:
        try:
            import highspy
        except ImportError:
            raise MissingPackage("highspy", "transport") from None
        self.problem, self.columns = problem, columns
        self.solver = highspy.Highs()
        for option, value in (
            ("output_flag", False),
            ("threads", 1),
            ("primal_feasibility_tolerance", 1e-10),
            ("dual_feasibility_tolerance", 1e-10),
            ("simplex_iteration_limit", ITERATIONS),
            ("simplex_strategy", 4),  # primal: the last solution stays feasible when columns come
        ):
            self.solver.setOptionValue(option, value)
        self._build()

    def _build(self) -> None:
        self.solver.clearModel()
        m = self.problem.q.size
        empty = np.empty(0)
        none = np.empty(0, dtype=np.int32)
        low = np.concatenate((self.problem.q, [-np.inf]))
        high = np.concatenate((self.problem.q, [self.problem.R]))
        self.solver.addRows(m + 1, low, high, 0, none, none, empty)
        self._append(self.columns)

    def _append(self, columns: Columns) -> None:
        k = columns.entropy.size
        rows = np.hstack((columns.masses, columns.entropy[:, None]))
        where = rows != 0.0
        starts = np.concatenate(([0], np.cumsum(where.sum(axis=1))[:-1])).astype(np.int32)
        indices = np.nonzero(where)[1].astype(np.int32)
        self.solver.addCols(
            k, columns.distortion, np.zeros(k), np.full(k, np.inf), indices.size, starts, indices, rows[where]
        )

    def add(self, columns: Columns) -> None:
        """Append columns."""
        self._append(columns)
        self.columns = self.columns.joined(columns)

    def keep(self, index: IntArray, weights: FloatArray) -> FloatArray:
        """Forget all other columns; the ones in the present solution must be among those kept. Their weights."""
        drop = np.ones(self.columns.distortion.size, dtype=bool)
        drop[index] = False
        self.solver.deleteCols(int(drop.sum()), np.nonzero(drop)[0].astype(np.int32))
        self.columns = self.columns.take(~drop)
        return weights[~drop]

    def solve(self) -> Program | None:
        """The optimum on the columns at hand, or None if HiGHS did not find it."""
        self.solver.run()
        if self.solver.getModelStatus().name != "kOptimal":
            return None
        solution = self.solver.getSolution()
        duals, weights = np.array(solution.row_dual), np.array(solution.col_value)
        return Program(float(self.columns.distortion @ weights), weights, max(0.0, -float(duals[-1])), duals[:-1])


def polished(problem: DiscreteTransport, columns: Columns, weights: FloatArray) -> tuple[FloatArray, Columns]:
    """The weights above 0 and their columns, with the rounding of the linear program solved away."""
    used = weights > UNUSED
    columns, w = columns.take(used), weights[used]
    rows = np.vstack((columns.masses.T, columns.entropy))
    right = np.concatenate((problem.q, [min(problem.R, float(columns.entropy @ w))]))
    for _ in range(2):
        step = np.linalg.lstsq(rows, right - rows @ w, rcond=None)[0]
        if (w + step >= 0.0).all():
            w = w + step
    return w / w.sum(), columns


def mixture(problem: DiscreteTransport, columns: Columns, weights: FloatArray) -> CommonPlan:
    """The maps in use as a plan."""
    w, used = polished(problem, columns, weights)
    return CommonPlan(w, used.maps)
