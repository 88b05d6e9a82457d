"""Where a limit cannot bind: the rate of one side is at least its entropy, or the cheapest plan keeps both limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rdptheory._types import FloatArray, IntArray
from rdptheory.certificates.transport import CouplingMultipliers
from rdptheory.certificates.transport.pairs_on_line import LineCost
from rdptheory.couplings import optimal_transport
from rdptheory.information import entropy
from rdptheory.plans import Coupling, PrivatePlan
from rdptheory.solvers.transport.long_blocks.entropic import EntropicTransport
from rdptheory.solvers.transport.plan import conditional
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import TransportOutcome

__all__ = ["cheapest", "unlimited"]

BALANCES, SWEEPS, HALVINGS = 12, 80, 40
"""Weights of the two rates that are tried, sweeps for each, and bisections of the shares: a few digits are enough,
because a plan that keeps the limits narrowly is found by the search as well."""


def unlimited(problem: DiscreteTransport) -> TransportOutcome | None:
    """The answer where Z = X or Z = Y keeps one limit whatever the plan, or None.

    With R >= H(X) both limits are idle; with R + Rc >= H(Y) what is left is I(X;Y) <= R.
    """
    rich = problem.R >= entropy(problem.p)
    if not rich and problem.R + problem.common < entropy(problem.q):
        return None
    found = EntropicTransport().solve(replace(problem, shared=True))
    assert isinstance(found.plan, Coupling)
    n, m = problem.shape
    law = found.plan.law
    if rich:
        plan = PrivatePlan(np.eye(n), conditional(law, problem.q), asymptotic=True)
    else:
        plan = PrivatePlan(conditional(law, problem.q), np.eye(m), asymptotic=True)
    return replace(found, plan=plan, sentence=f"{'X' if rich else 'Y'} itself keeps its limit: {found.sentence}")


def cheapest(problem: DiscreteTransport, line: LineCost) -> TransportOutcome | None:
    """Plain optimal transport where some Z keeps both limits, or None.

    The cheapest plan of a product cost is monotone: a staircase of cells (i, j). Given Z it is a product if Z names the
    row of the cell or its column. Which part of each cell is named by its row is the maximum of a concave function,

        λ Σ_j (mass named by column j) H(X | those) + (1-λ) Σ_i (mass named by row i) H(Y | those),

    which is λ (H(X) - I(X;Z)) + (1-λ) (H(Y) - I(Y;Z)).
    """
    i, j, mass = _staircase(problem.p, problem.q, line)
    limits = np.array([problem.R, problem.R + problem.common])
    wanted = np.array([entropy(problem.p), entropy(problem.q)]) - limits
    low, high, shares = 0.0, 1.0, 0.5 * mass
    for _ in range(BALANCES):
        balance = 0.5 * (low + high)
        for _ in range(SWEEPS):
            shares = _shared(balance, shares, i, j, mass, problem.shape)
        gained = np.array([_hidden(shares, j, problem.shape[1]), _hidden(mass - shares, i, problem.shape[0])])
        if (gained >= wanted).all():
            return _plan(problem, shares, i, j, mass)
        if (gained < wanted).all():
            return None
        low, high = (balance, high) if gained[0] < wanted[0] else (low, balance)
    return None


def _staircase(p: FloatArray, q: FloatArray, line: LineCost) -> tuple[IntArray, IntArray, FloatArray]:
    """Cells and masses of the monotone plan."""
    rows, columns = np.argsort(line.x, kind="stable"), np.argsort(line.y, kind="stable")
    first, second = np.cumsum(p[rows]), np.cumsum(q[columns])
    second *= first[-1] / second[-1]
    cuts = np.union1d(first, second)
    i = np.minimum(np.searchsorted(first, cuts), rows.size - 1)
    j = np.minimum(np.searchsorted(second, cuts), columns.size - 1)
    return rows[i], columns[j], np.diff(cuts, prepend=0.0)


def _shared(
    balance: float, shares: FloatArray, i: IntArray, j: IntArray, mass: FloatArray, shape: tuple[int, int]
) -> FloatArray:
    """One sweep: the share s of a cell at which λ log(column/s) = (1-λ) log(row/(mass - s)), the sums held."""
    column = np.maximum(np.bincount(j, shares, minlength=shape[1])[j], np.finfo(np.float64).tiny)
    row = np.maximum(np.bincount(i, mass - shares, minlength=shape[0])[i], np.finfo(np.float64).tiny)
    low, high = np.zeros_like(mass), mass.copy()
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        with np.errstate(divide="ignore"):
            more = balance * np.log(column / middle) > (1.0 - balance) * np.log(row / (mass - middle))
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    return np.asarray(0.5 * (low + high))


def _hidden(shares: FloatArray, group: IntArray, size: int) -> float:
    """Σ over groups of the entropy of the shares in them, weighted by their masses."""
    total = np.bincount(group, shares, minlength=size)[group]
    held = shares > 0.0
    return float(-(shares[held] * np.log(shares[held] / total[held])).sum())


def _plan(
    problem: DiscreteTransport, shares: FloatArray, i: IntArray, j: IntArray, mass: FloatArray
) -> TransportOutcome:
    """Z = (row i) or (column j), and the prices of plain transport."""
    n, m = problem.shape
    joint, decoder = np.zeros((n, n + m)), np.zeros((n + m, m))
    np.add.at(joint, (i, i), mass - shares)
    np.add.at(joint, (i, n + j), shares)
    np.add.at(decoder, (i, j), mass - shares)
    decoder[n:] = np.eye(m)
    used = joint.sum(axis=0) > 0.0
    encoder = conditional(joint[:, used], np.full(int(used.sum()), 1.0 / used.sum()))
    plan = PrivatePlan(encoder, conditional(decoder[used], problem.q), asymptotic=True)
    prices = optimal_transport(problem.p, problem.q, problem.cost)
    return TransportOutcome(plan, (CouplingMultipliers(0.0, prices.w),), 0, "neither limit binds: plain transport")
