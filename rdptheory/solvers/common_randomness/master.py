"""The linear program over maps,

    D(R) = min Σ_f w_f E d(X,f(X))   subject to   Σ_f w_f H(f(X)) <= R,   Σ_f w_f P(f(X) = y) = q_y,   w >= 0,

on the maps generated so far. The weights sum to 1 because the target rows do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import scipy

from rdptheory._types import FloatArray, IntArray
from rdptheory.errors import MissingPackage
from rdptheory.solution import Status
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import CommonPlan, Multipliers, TransportBounds, TransportSolution, widened

__all__ = ["Columns", "Master", "Priced", "Pricing", "answer"]


@dataclass(frozen=True, eq=False)
class Priced:
    """lower: at most the least reduced cost over all maps; maps (k, n): good ones, best first."""

    lower: float
    maps: IntArray


class Pricing(Protocol):
    """What column generation asks of a pricing rule."""

    def price(self, alpha: float, nu: FloatArray) -> Priced:
        """Bound and minimise E d(X,f) + α H(f) - ν·P_f over maps f."""


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

    def take(self, index: Any) -> Columns:
        """The columns at `index`."""
        return Columns(self.maps[index], self.distortion[index], self.entropy[index], self.masses[index])

    def joined(self, other: Columns) -> Columns:
        """These columns, then the others."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Columns(*(np.concatenate(pair) for pair in pairs))

    def reduced_cost(self, alpha: float, nu: FloatArray) -> FloatArray:
        """E d + α H - ν·P, shape (k,)."""
        return np.asarray(self.distortion + alpha * self.entropy - self.masses @ nu)


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

    def keep(self, index: IntArray) -> None:
        """Forget all other columns; the ones in the present solution must be among those kept."""
        drop = np.ones(self.columns.distortion.size, dtype=bool)
        drop[index] = False
        self.solver.deleteCols(int(drop.sum()), np.nonzero(drop)[0].astype(np.int32))
        self.columns = self.columns.take(~drop)

    def solve(self) -> tuple[float, FloatArray, float, FloatArray]:
        """(value, weights (k,), α, ν (m,)): α >= 0 prices a nat, ν the target masses."""
        self.solver.run()
        solution = self.solver.getSolution()
        duals = np.array(solution.row_dual)
        weights = np.array(solution.col_value)
        return float(self.columns.distortion @ weights), weights, max(0.0, -float(duals[-1])), duals[:-1]


def polished(problem: DiscreteTransport, columns: Columns, weights: FloatArray) -> tuple[FloatArray, Columns]:
    """The weights above 0 and their columns, with the rounding of the linear program solved away."""
    used = weights > 1e-13
    columns, w = columns.take(used), weights[used]
    rows = np.vstack((columns.masses.T, columns.entropy))
    right = np.concatenate((problem.q, [min(problem.R, float(columns.entropy @ w))]))
    for _ in range(2):
        step = np.linalg.lstsq(rows, right - rows @ w, rcond=None)[0]
        if (w + step >= 0.0).all():
            w = w + step
    return w / w.sum(), columns


def answer(
    problem: DiscreteTransport,
    columns: Columns,
    weights: FloatArray,
    prices: tuple[float, FloatArray],
    lower: float,
    method: object,
    history: FloatArray,
    wanted: float,
) -> TransportSolution:
    """The bracket of the plan at hand and the lower bound `lower` on all maps."""
    w, used = polished(problem, columns, weights)
    upper = float(used.distortion @ w)
    scale = float(problem.cost.max())
    off_target = float(np.abs(w @ used.masses - problem.q).sum())
    bounds = widened(lower, upper, scale, "linear-programming duality over all maps")
    bounds = TransportBounds(bounds.lower, bounds.upper + off_target * scale, bounds.lower_from)
    closed = upper - lower <= wanted
    return TransportSolution(
        distortion=bounds.upper,
        bounds=bounds,
        plan=CommonPlan(w, used.maps),
        multipliers=Multipliers(*prices),
        method=method,
        status=Status.OPTIMAL if closed else Status.STOPPED,
        message=f"no map improves the mixture by more than {max(upper - lower, 0.0):.2g}",
        steps=len(history),
        history=history,
        problem=problem,
    )
