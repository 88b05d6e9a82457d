"""Where a limit cannot bind: the rate of one side is at least its entropy, or the cheapest plan keeps both limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy

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

BALANCES, SWEEPS, STEPS = 12, 80, 6
"""Weights of the two rates that are tried, sweeps for each, and Newton steps for the shares of a sweep."""
CLEAR, DIGITS = 0.3, 1e-4
"""The next weights are tried once the function of the shares is below its maximum by at most this share of what it has
beyond what is needed, or of itself: a plan that keeps the limits more narrowly is found by the search as well."""
INSET = 1e-12
"""Share of a cell that either name keeps: a logarithm of 0 would say nothing."""


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

    which is λ (H(X) - I(X;Z)) + (1-λ) (H(Y) - I(Y;Z)). Any shares tell how large that can be at most, see `_sweep`; one
    λ at which it is not enough says that there is no such Z, and most questions are settled by the first.
    """
    i, j, mass = _staircase(problem.p, problem.q, line)
    limits = np.array([problem.R, problem.R + problem.common])
    wanted = np.array([entropy(problem.p), entropy(problem.q)]) - limits
    low, high, shares = 0.0, 1.0, 0.5 * mass
    for _ in range(BALANCES):
        balance = 0.5 * (low + high)
        for _ in range(SWEEPS):
            gained = np.array([_hidden(shares, j, problem.shape[1]), _hidden(mass - shares, i, problem.shape[0])])
            if (gained >= wanted).all():
                return _plan(problem, shares, i, j, mass)
            shares, most = _sweep(balance, shares, i, j, mass, problem.shape)
            weights = np.array([balance, 1.0 - balance])
            value, needed = weights @ gained, weights @ wanted
            if most < needed:
                return None
            if most - value <= max(CLEAR * (value - needed), DIGITS * value):
                break
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


def _sweep(
    balance: float, shares: FloatArray, i: IntArray, j: IntArray, mass: FloatArray, shape: tuple[int, int]
) -> tuple[FloatArray, float]:
    """Better shares, and the most that any shares reach.

    The function F of the shares is concave with slopes λ log(column/s) - (1-λ) log(row/(mass - s)), and F is what the
    two logarithms give when they are multiplied with the parts of each cell, so that F is at most

        Σ mass max { λ log(column/s), (1-λ) log(row/(mass - s)) }.

    Better is the s at which the two are equal, the sums held: Newton steps for its log-odds, a concave or convex root.
    """
    column = np.bincount(j, shares, minlength=shape[1])[j]
    row = np.bincount(i, mass - shares, minlength=shape[0])[i]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # masses of 1e-300: nothing is said then
        first, second = balance * np.log(column / shares), (1.0 - balance) * np.log(row / (mass - shares))
        most = mass @ np.maximum(first, second)
    apart = balance * np.log(column / mass) - (1.0 - balance) * np.log(row / mass)
    odds = 2.0 * apart
    for _ in range(STEPS):
        share = scipy.special.expit(odds)
        value = apart - balance * scipy.special.log_expit(odds) + (1.0 - balance) * scipy.special.log_expit(-odds)
        odds = odds + value / (balance * (1.0 - share) + (1.0 - balance) * share)
    return mass * np.clip(scipy.special.expit(odds), INSET, 1.0 - INSET), float(most)


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
