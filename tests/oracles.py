"""Answers from elsewhere: other formulas, fifty digits, linear and conic programs, exhaustive search."""

from __future__ import annotations

import itertools
import math
from typing import Any

import cvxpy as cp
import mpmath as mp
import numpy as np

from rdptheory import (
    ChiSquare,
    JensenShannon,
    KullbackLeibler,
    ReverseKullbackLeibler,
    SquaredHellinger,
    TotalVariation,
)

mp.mp.dps = 50


def _log_ratio(a: float, b: float) -> float:
    return 0.0 if a == 0.0 else math.inf if b == 0.0 else a * math.log(a / b)


def divergence(member: object, p: np.ndarray, r: np.ndarray) -> float:
    """δ(p, r) symbol by symbol from the table of normalisations, summed exactly."""
    pairs = [(float(a), float(b)) for a, b in zip(p, r, strict=True)]
    match member:
        case TotalVariation():  # the largest difference of the probabilities of one event
            return math.fsum(max(a - b, 0.0) for a, b in pairs)
        case KullbackLeibler():
            return math.fsum(_log_ratio(b, a) for a, b in pairs)
        case ReverseKullbackLeibler():
            return math.fsum(_log_ratio(a, b) for a, b in pairs)
        case JensenShannon():  # 2 H(m) - H(p) - H(r)
            halves = [(a, b, (a + b) / 2) for a, b in pairs]
            return math.fsum(_log_ratio(a, 1.0) + _log_ratio(b, 1.0) - 2 * _log_ratio(c, 1.0) for a, b, c in halves)
        case ChiSquare():  # second moment of the ratio, less 1
            moments = [0.0 if b == 0.0 else math.inf if a == 0.0 else b * b / a for a, b in pairs]
            return math.fsum(moments) - 1.0
        case SquaredHellinger():  # 2 (1 - Bhattacharyya coefficient)
            return 2.0 * (1.0 - math.fsum(math.sqrt(a * b) for a, b in pairs))
    raise AssertionError(f"no independent formula for {member}")


def support(member: object, v: np.ndarray, p: np.ndarray, P: float) -> float:
    """max <v, r> over laws r with δ(p, r) <= P, as a conic program (accurate to about 1e-7)."""
    r = cp.Variable(v.size, nonneg=True)
    kept: list[Any] = [cp.sum(r) == 1]
    match member:
        case TotalVariation():
            kept.append(cp.norm1(r - p) <= 2 * P)
        case KullbackLeibler():
            kept.append(cp.sum(cp.rel_entr(r, p)) <= P)
        case ReverseKullbackLeibler():
            kept.append(cp.sum(cp.rel_entr(p, r)) <= P)
        case JensenShannon():
            kept.append(cp.sum(cp.rel_entr(p, (p + r) / 2) + cp.rel_entr(r, (p + r) / 2)) <= P)
        case ChiSquare():
            kept.append(cp.sum_squares(cp.multiply(1 / np.sqrt(p), r - p)) <= P)
        case SquaredHellinger():
            kept.append(cp.sum(cp.multiply(np.sqrt(p), cp.sqrt(r))) >= 1 - P / 2)
        case _:
            raise AssertionError(f"no conic form for {member}")
    program = cp.Problem(cp.Maximize(v @ r), kept)
    program.solve(solver="CLARABEL")
    return float(program.value)


def information(p: np.ndarray, channel: np.ndarray) -> Any:
    """I(X;Y) in nats of a channel (n, m), to fifty digits; rows are normalised to as many."""
    rows = [[mp.mpf(float(x)) for x in row] for row in channel]
    rows = [[x / mp.fsum(row) for x in row] for row in rows]
    mass = [mp.mpf(float(x)) for x in p]
    n, m = channel.shape
    output = [mp.fsum(mass[i] * rows[i][j] for i in range(n)) for j in range(m)]
    return mp.fsum(
        mass[i] * rows[i][j] * mp.log(rows[i][j] / output[j])
        for i in range(n)
        for j in range(m)
        if mass[i] * rows[i][j] > 0
    )


def dual_value(p: np.ndarray, table: np.ndarray, D: float, f: np.ndarray, s: float) -> Any:
    """<p, f> - s D - max_j log Σ_i p_i exp(f_i - s d_ij) to fifty digits: Shannon's lower bound on R(D)."""
    n, m = table.shape
    big = [mp.mpf(float(x)) for x in p], [mp.mpf(float(x)) for x in f], mp.mpf(float(s))
    mass, height, slope = big
    columns = [
        mp.fsum(mass[i] * mp.exp(height[i] - slope * mp.mpf(float(table[i, j]))) for i in range(n)) for j in range(m)
    ]
    return mp.fsum(a * b for a, b in zip(mass, height, strict=True)) - slope * mp.mpf(D) - mp.log(max(columns))


def matching(cost: np.ndarray) -> float:
    """Least mean cost of a plan between two uniform laws on n points: by trying all n! matchings."""
    n = cost.shape[0]
    return min(math.fsum(cost[i, j] for i, j in enumerate(order)) / n for order in itertools.permutations(range(n)))
