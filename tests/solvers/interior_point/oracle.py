"""Any number of limits as one conic program over the joint law and a coupling for each transport ball."""

from __future__ import annotations

import warnings
from typing import Any

import cvxpy as cp

from rdptheory.divergences import FDivergence, TransportDivergence
from rdptheory.problems import DiscreteProblem, PerceptionLimit
from tests.solvers.first_order.oracle import delta

TOLERANCES = (1e-11, 1e-10, 1e-9)


def rate(problem: DiscreteProblem) -> float:
    """min I(X;Y) at the tightest tolerance that the conic solver reports as reached."""
    p = problem.probabilities
    joint = cp.Variable(problem.shape, nonneg=True)
    r = cp.sum(joint, axis=0)
    product = cp.reshape(p, (p.size, 1), order="C") @ cp.reshape(r, (1, problem.shape[1]), order="C")
    kept: list[Any] = [cp.sum(joint, axis=1) == p]
    kept += [cp.sum(cp.multiply(joint, limit.table)) <= limit.limit for limit in problem.distortions]
    for ball in problem.perceptions:
        kept += _ball(ball, r if ball.image is None else ball.image @ r)
    program = cp.Problem(cp.Minimize(cp.sum(cp.rel_entr(joint, product))), kept)
    for tolerance in TOLERANCES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # says that a tolerance was not reached, as the status does
            program.solve(solver="CLARABEL", tol_gap_abs=tolerance, tol_gap_rel=tolerance, tol_feas=tolerance)
        if program.status == "optimal":
            return float(program.value)
    raise AssertionError(program.status)


def _ball(ball: PerceptionLimit, law: Any) -> list[Any]:
    if isinstance(ball.divergence, TransportDivergence):
        plan = cp.Variable(ball.divergence.cost.shape, nonneg=True)
        cost = cp.sum(cp.multiply(plan, ball.divergence.cost))
        if ball.limit == 0.0:  # an equality for every symbol: a sum that is 0 leaves no interior
            barred = ball.divergence.cost > 0.0
            return [cp.multiply(plan, barred) == 0, cp.sum(plan, axis=1) == ball.reference, cp.sum(plan, axis=0) == law]
        return [cp.sum(plan, axis=1) == ball.reference, cp.sum(plan, axis=0) == law, cost <= ball.limit]
    if ball.limit == 0.0:
        return [law == ball.reference]
    assert isinstance(ball.divergence, FDivergence)
    return [delta(ball.divergence, ball.reference, law) <= ball.limit]
