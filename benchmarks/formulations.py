"""R(D,P) under total variation as conic programs in CVXPY, each with the channel and the dual point it yields."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import cvxpy as cp
import numpy as np

__all__ = ["FORMULATIONS", "SETTINGS", "Answer", "solve_dual", "solve_folded", "solve_primal"]

SETTINGS: dict[str, dict[str, float]] = {
    "CLARABEL": {},  # 1e-8 in its own measure
    "SCS": {"eps_abs": 1e-6, "eps_rel": 1e-6, "max_iters": 20_000, "time_limit_secs": 60.0},
}


@dataclass(frozen=True, eq=False)
class Answer:
    """A channel (n, m), the dual point (f, s), and the seconds that the solver itself reports."""

    channel: np.ndarray | None
    f: np.ndarray
    s: float
    seconds: float
    status: str


def solve_primal(p: np.ndarray, d: np.ndarray, D: float, P: float, solver: str) -> Answer:
    """min sum_ij p_i rel_entr(W_ij, r_j) over channels W and a variable r = p W: one exponential cone for each W_ij."""
    n, m = d.shape
    W, r = cp.Variable((n, m), nonneg=True), cp.Variable(m, nonneg=True)
    return _solve_channel(p, d, D, P, solver, W, r, [p @ W == r])


def solve_folded(p: np.ndarray, d: np.ndarray, D: float, P: float, solver: str) -> Answer:
    """The same with the expression p W written in place of r: shorter to type, and every cone then holds n entries."""
    W = cp.Variable(d.shape, nonneg=True)
    return _solve_channel(p, d, D, P, solver, W, p @ W, [])


def solve_dual(p: np.ndarray, d: np.ndarray, D: float, P: float, solver: str) -> Answer:
    """max <p, f> - s D - sigma(v) subject to log sum_i p_i exp(f_i - s d_ij) <= v_j.

    sigma(v) = min over t of sum_j p_j max(v_j, t) + P (max v - t) is the support function of the ball. The
    multipliers of the columns are the output law r; the channel is r_j exp(-s d_ij - v_j), rows normalised.
    """
    n, m = d.shape
    f, v, s, t = cp.Variable(n), cp.Variable(m), cp.Variable(nonneg=True), cp.Variable()
    exponent = (
        cp.reshape(f + np.log(p), (n, 1), order="C") @ np.ones((1, m))
        - s * (d / D)
        - np.ones((n, 1)) @ cp.reshape(v, (1, m), order="C")
    )
    columns = cp.sum(cp.exp(exponent), axis=0) <= 1
    price = p @ cp.maximum(v, t) + P * (cp.max(v) - t)
    program = cp.Problem(cp.Maximize(p @ f - s - price), [columns])
    seconds, status = _run(program, solver)
    if columns.dual_value is None or f.value is None:
        return Answer(None, np.zeros(n), 0.0, seconds, status)
    weight = -s.value * d / D - v.value
    channel = np.maximum(np.asarray(columns.dual_value), 0.0) * np.exp(weight - weight.max(axis=1, keepdims=True))
    return Answer(channel / channel.sum(axis=1, keepdims=True), f.value, max(0.0, float(s.value)) / D, seconds, status)


FORMULATIONS = {"primal": solve_primal, "dual": solve_dual, "folded": solve_folded}


def _solve_channel(
    p: np.ndarray, d: np.ndarray, D: float, P: float, solver: str, W: cp.Variable, r: cp.Expression, link: list
) -> Answer:
    n, m = d.shape
    rate = cp.sum(cp.multiply(p[:, None], cp.rel_entr(W, np.ones((n, 1)) @ cp.reshape(r, (1, m), order="C"))))
    rows, mean = cp.sum(W, axis=1) == 1, cp.sum(cp.multiply(p[:, None] * d / D, W)) <= 1
    program = cp.Problem(cp.Minimize(rate), [rows, mean, 0.5 * cp.norm1(r - p) <= P, *link])
    seconds, status = _run(program, solver)
    if rows.dual_value is None or mean.dual_value is None:
        return Answer(None, np.zeros(n), 0.0, seconds, status)
    return Answer(W.value, -np.asarray(rows.dual_value) / p, max(0.0, float(mean.dual_value)) / D, seconds, status)


def _run(program: cp.Problem, solver: str) -> tuple[float, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an inaccurate answer is judged like any other
            program.solve(solver=solver, **SETTINGS[solver])
    except cp.SolverError:
        return float("nan"), "failed"
    return float(program.solver_stats.solve_time or "nan"), str(program.status)
