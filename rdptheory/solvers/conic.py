"""The same problem as a conic program: a second opinion for small alphabets, judged by the same certificate."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.certificates import lower_bound
from rdptheory.divergences import (
    ChiSquare,
    JensenShannon,
    KullbackLeibler,
    ReverseKullbackLeibler,
    SquaredHellinger,
    TotalVariation,
    TransportDivergence,
)
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, MissingPackage, finite
from rdptheory.methods import DualPoint, Outcome
from rdptheory.problems import DiscreteProblem, PerceptionLimit

__all__ = ["SOLVERS", "Conic", "ball_limits", "distortion_limits", "distortion_prices"]

LEAST = 1e-300  # limit in whose unit a distortion is measured: below it quotients leave float64

# As narrow as each of them gets before it stalls; the judge looks at what they return, whatever it is.
SOLVERS: dict[str, dict[str, float]] = {
    "CLARABEL": {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10},
    "SCS": {"eps_abs": 1e-7, "eps_rel": 1e-7, "max_iters": 20_000},
}


@dataclass(frozen=True)
class Conic:
    """cvxpy with an exponential-cone solver, CLARABEL or SCS: seconds at a hundred symbols, so for small alphabets.

    The tolerances are the solver's own; `gap`, in nats, says how narrow a bracket counts as optimal, by default what
    such solvers reach on a handful of symbols.
    """

    solver: str = "CLARABEL"
    gap: float = 1e-6

    def __post_init__(self) -> None:
        if self.solver not in SOLVERS:
            raise InvalidInput("solver", self.solver, f"must be one of {', '.join(SOLVERS)}")
        object.__setattr__(self, "gap", finite("gap", self.gap, positive=True))

    def solve(self, problem: DiscreteProblem) -> Outcome:
        """The channel and the multipliers of the conic program.

        Raises
        ------
        MissingPackage
            cvxpy is not installed.
        """
        return _solve_conic(problem, self)


def _solve_conic(problem: DiscreteProblem, method: Conic) -> Outcome:
    """min Σ_ij p_i rel_entr(W_ij, r_j) with r = p W, handed to a conic solver.

    The multipliers of the row sums are p_i f_i and that of the distortion is s, which is all the judge needs.
    """
    try:
        import cvxpy as cp
    except ImportError:
        raise MissingPackage("cvxpy", "conic") from None
    reduced = problem.reduced
    p = reduced.probabilities
    n, m = reduced.shape
    W, r = cp.Variable((n, m), nonneg=True), cp.Variable(m, nonneg=True)
    rate = cp.sum(cp.multiply(p[:, None], cp.rel_entr(W, np.ones((n, 1)) @ cp.reshape(r, (1, m), order="C"))))
    rows = cp.sum(W, axis=1) == 1
    limits, never = distortion_limits(cp, reduced, W)
    balls = [ball_limits(cp, ball, r if ball.image is None else ball.image @ r) for ball in reduced.perceptions]
    program = cp.Problem(
        cp.Minimize(rate), [rows, p @ W == r, *never, *limits, *(ball for pair in balls for ball in pair)]
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an inaccurate solution is judged like any other
            program.solve(solver=method.solver, **SOLVERS[method.solver])
        sentence = f"{method.solver} says '{program.status}'"
    except cp.SolverError:
        sentence = f"{method.solver} failed"
    steps = int((program.solver_stats.num_iters if program.solver_stats else None) or 0)
    s = distortion_prices(reduced, limits)
    mu = np.full(len(balls), np.inf)
    for k, (pair, ball) in enumerate(zip(balls, reduced.perceptions, strict=True)):
        if ball.limit > 0.0:
            mu[k] = 0.0 if pair[-1].dual_value is None else max(0.0, float(np.max(pair[-1].dual_value))) / ball.limit
    multipliers = np.zeros(n) if rows.dual_value is None else np.asarray(rows.dual_value) / p
    signs = (-multipliers, multipliers)  # the sign of an equality's multiplier is the modelling layer's choice
    duals = [DualPoint(f, s, mu=mu, centred=True) for f in signs]
    return Outcome(W.value, max(duals, key=lambda dual: lower_bound(problem, dual)), steps, sentence)


def distortion_limits(cp: Any, reduced: DiscreteProblem, W: Any) -> tuple[list[Any], list[Any]]:
    """The constraint of each distortion limit on a channel (n, m), and that of the entries which are never used."""
    limits = [
        cp.sum(cp.multiply(reduced.probabilities[:, None] * limit.paid / max(limit.limit, LEAST), W)) <= 1
        if limit.limit > 0.0
        else cp.multiply(W, limit.table > 0.0) == 0
        for limit in reduced.distortions
    ]
    return limits, [] if reduced.barred is None else [cp.multiply(W, reduced.barred) == 0]


def distortion_prices(reduced: DiscreteProblem, limits: list[Any]) -> FloatArray:
    """The multipliers (K,) of the constraints of `distortion_limits`, nats per unit of distortion; 0 for none."""
    prices = np.zeros(len(limits))
    for k, (row, limit) in enumerate(zip(limits, reduced.distortions, strict=True)):
        if limit.limit > 0.0 and row.dual_value is not None:
            prices[k] = max(0.0, float(row.dual_value)) / max(limit.limit, LEAST)
    return prices


def ball_limits(cp: Any, ball: PerceptionLimit, law: Any) -> list[Any]:
    """The constraints of a perception ball on an expression (k,); the last one carries its multiplier if P > 0."""
    q: FloatArray = ball.reference
    if ball.limit == 0.0 and not ball.has_zero_cost_moves:
        return [law == q]
    match ball.divergence:
        case TotalVariation():
            value = 0.5 * cp.norm1(law - q)
        case KullbackLeibler():
            value = cp.sum(cp.rel_entr(law, q))
        case ReverseKullbackLeibler():
            value = cp.sum(cp.rel_entr(q, law))
        case JensenShannon():
            value = cp.sum(cp.rel_entr(q, 0.5 * (q + law)) + cp.rel_entr(law, 0.5 * (q + law)))
        case ChiSquare():
            value = cp.sum([cp.quad_over_lin(law[j] - q[j], q[j]) for j in np.flatnonzero(q > 0.0)])
            bare = [law[j] == 0 for j in np.flatnonzero(q <= 0.0)]
            return [*bare, value / ball.limit <= 1]
        case SquaredHellinger():
            value = cp.sum(law) + float(q.sum()) - 2.0 * cp.sum(cp.multiply(np.sqrt(q), cp.sqrt(law)))
        case TransportDivergence():
            plan = cp.Variable(ball.divergence.cost.shape, nonneg=True)
            marginals = [cp.sum(plan, axis=1) == q, cp.sum(plan, axis=0) == law]
            if ball.limit == 0.0:
                return [*marginals, cp.multiply(ball.divergence.cost > 0.0, plan) == 0]
            return [*marginals, cp.sum(cp.multiply(ball.divergence.cost / ball.limit, plan)) <= 1]
        case _:
            raise InvalidInput("perception", ball.divergence, "has no conic form here; leave the method out")
    return [value / ball.limit <= 1]  # a broken limit costs by its share of the radius


guard(__name__)
