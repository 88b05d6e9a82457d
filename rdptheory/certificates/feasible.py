"""The cheapest channel whose output law stays in a ball: where R(D,P) becomes finite, and what a repair leans on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from rdptheory._types import UNIT_ROUNDOFF, FloatArray
from rdptheory.couplings import (
    TOLERANCES,
    Optimum,
    min_distortion_joint,
    optimal_transport,
    rounded_plan,
    sums_of_plans,
)
from rdptheory.doors import CostMatrix, NotNegative, SourceLaw, guard
from rdptheory.problems import PerceptionLimit

__all__ = ["MinDistortion", "min_distortion_channel", "way_out"]

DEAR = 1e6  # times every other cost and D: what stands for inf
ROUNDS = 60  # of cuts, each a linear program: a dozen close a smooth ball, the rest is for kinks
FEW = 3  # of them, after which a ball that is a polyhedron takes one larger program instead
HALVINGS = 60  # of a share between 0 and 1: float64 has no more digits


@dataclass(frozen=True, eq=False)
class MinDistortion:
    """A channel (n, m) inside the ball, and a proved lower bound on E d of every such channel."""

    channel: FloatArray | None
    lower: float


def min_distortion_channel(
    p: SourceLaw,
    cost: CostMatrix,
    ball: PerceptionLimit,
    enough: NotNegative,
) -> MinDistortion:
    """min Σ_ij p_i W_ij cost_ij over channels with δ(reference, p W) <= P, by cutting planes.

    A transport with free moves takes one linear program, and so does a ball that is a polyhedron after a few cuts. Else
    the ball is replaced by half-spaces <g_k, r> <= h_k that hold it; each linear program yields multipliers λ and with
    them, whatever they are, the bound Σ_i p_i min_j (cost_ij + Σ_k λ_k g_kj) - Σ_k λ_k h_k. A first bound comes from
    the transport to the reference. Its plan, mixed with that transport until it enters the ball, is the channel, and
    where it enters is the next cut. The search ends once the bound exceeds `enough` or the channel costs clearly less.

    Parameters
    ----------
    p : array (n,); cost : array (n, m)
    ball : PerceptionLimit
        On the output law itself.
    enough : float
        The limit on E d that is asked about.
    """
    if ball.has_zero_cost_moves:
        return _min_distortion_with_zero_cost_moves(p, cost, ball)
    n, m = cost.shape
    q, P, divergence = ball.reference, ball.limit, ball.divergence
    barred = np.isinf(cost)
    paid = np.where(barred, 0.0, cost)
    centre = optimal_transport(p, q, cost)
    if (
        centre.plan is None and barred.any()
    ):  # the reference is out of reach: a large cost in place of inf bounds it too
        dear = DEAR * (1.0 + enough + float(paid.max()))
        return min_distortion_channel(p, np.where(barred, dear, cost), ball, enough)
    if centre.plan is None:
        return MinDistortion(None, 0.0)
    inner = rounded_plan(centre.plan, p, q, barred if barred.any() else None)
    best, lower = inner, centre.lower if P == 0.0 and divergence.definite else _priced_ball(p, cost, ball, centre.w)
    cuts: list[FloatArray] = []
    limits: list[float] = []
    rows = sums_of_plans(n, m, 0)
    banned = barred | ((q <= 0.0) & divergence.forbids_new_symbols)
    moves = divergence.moves(q.size) if divergence.ours else None  # an heir may have changed what they cost
    for number in range(ROUNDS if P > 0.0 else 0):
        if lower > enough or float(np.vdot(best, paid)) < 0.5 * (lower + enough):
            break
        if number == FEW and moves is not None:
            whole = _min_distortion_by_moves(p, cost, q, moves, P)
            lower = max(lower, whole.lower)
            if whole.channel is not None:
                best = _drawn(ball, inner, p[:, None] * whole.channel)[0]
            break
        found = scipy.optimize.linprog(
            paid.ravel(),
            A_eq=rows,
            b_eq=p,
            A_ub=np.tile(np.array(cuts), (1, n)) if cuts else None,
            b_ub=limits or None,
            bounds=np.column_stack([np.zeros(n * m), np.where(banned, 0.0, 1.0).ravel()]),
            method="highs",
            options=TOLERANCES,
        )
        if found.x is None:
            break
        plan = np.maximum(found.x.reshape(n, m), 0.0)  # a mass of 0 may come out below it
        weights = np.maximum(-np.atleast_1d(found.ineqlin.marginals), 0.0) if cuts else np.zeros(0)
        priced = cost + (weights @ np.array(cuts) if cuts else 0.0)
        priced = np.where(banned, np.inf, priced)
        # each entry is a sum of k + 1 products; n rows and k limits are summed
        size = float(p @ priced.min(axis=1)) + float(weights @ np.abs(limits))
        size += float((weights @ np.abs(np.array(cuts))).max()) if cuts else 0.0
        rounding = UNIT_ROUNDOFF * (n + len(cuts) + 16) * size
        lower = max(lower, float(p @ priced.min(axis=1)) - float(weights @ np.array(limits)) - rounding)
        if cuts:  # the ball at the prices of the cuts is less than they allow, and nearest where they hardly err
            w = -(weights @ np.array(cuts))
            lower = max(lower, _priced_ball(p, np.where(banned, np.inf, cost), ball, w))
        law = plan.sum(axis=0)
        mixed, share = _drawn(ball, inner, plan)
        if float(np.vdot(mixed, paid)) < float(np.vdot(best, paid)):
            best = mixed
        if share == 1.0:
            break
        edge = np.maximum(q + share * (law - q), UNIT_ROUNDOFF * q)  # a slope needs some mass wherever q has some
        edge = np.where((edge > 0.0) | (q <= 0.0), edge, q)
        g, h = divergence.cut(q, edge, P)
        # slopes within 8 units, δ at the edge, and their sum over m symbols
        rounding = UNIT_ROUNDOFF * (8.0 * float(np.abs(g).max()) + (m + 16) * float(np.abs(g) @ edge))
        reach = h + divergence.uncertainty(q, edge, 4.0 * UNIT_ROUNDOFF) + rounding
        if not (np.isfinite(g).all() and np.isfinite(reach)):
            break  # nothing is left out
        cuts.append(g)
        limits.append(reach)
    spent, dear = float(np.vdot(best, paid)), float(np.vdot(inner, paid))
    if spent < enough and dear > spent:  # strictly inside both limits, where a repair can lean on it
        share = min(1.0, 0.5 * (enough - spent) / (dear - spent))
        best = (1.0 - share) * best + share * inner
    short = np.maximum(p - best.sum(axis=1), 0.0)  # rounding may leave a tiny symbol's row short
    rest = np.where(barred, 0.0, q)
    best = best + short[:, None] * rest
    rest = np.where(rest.any(axis=1, keepdims=True), rest, 1.0 - barred)
    best = np.where(best.sum(axis=1, keepdims=True) > 0.0, best, rest)  # else a mass of which any share is 0
    return MinDistortion(np.asarray(best / best.sum(axis=1, keepdims=True)), lower)


def _drawn(ball: PerceptionLimit, inner: FloatArray, plan: FloatArray) -> tuple[FloatArray, float]:
    """The plan, mixed with one that has the law of the reference until it enters the ball, and its share."""
    share = way_out(ball, plan.sum(axis=0))
    return (1.0 - share) * inner + share * plan, share


def way_out(ball: PerceptionLimit, law: FloatArray) -> float:
    """The share of the way from the reference to a law up to which it is inside the ball: 1 if it is there, too."""
    q = ball.reference
    if ball.divergence.value(q, law) <= ball.limit:
        return 1.0
    inside, outside = 0.0, 1.0
    for _ in range(HALVINGS):
        share = 0.5 * (inside + outside)
        if ball.divergence.value(q, q + share * (law - q)) <= ball.limit:
            inside = share
        else:
            outside = share
    return inside


def _priced_ball(p: FloatArray, cost: FloatArray, ball: PerceptionLimit, w: FloatArray) -> float:
    """Σ_i p_i min_j (cost_ij - w_j) - σ_P(-w), a bound for any prices w of the output: next to P = 0 the potentials of
    the transport to the reference are the right ones."""
    rows = p @ (cost - w).min(axis=1)
    sizes = np.where(np.isinf(cost), 0.0, np.abs(cost)).max(axis=1)
    rounding = UNIT_ROUNDOFF * (p.size + 8) * (float(p @ sizes) + 2.0 * float(np.abs(w).max()))
    return max(0.0, float(rows) - ball.divergence.support(-w, ball.reference, ball.limit).value - rounding)


def _min_distortion_with_zero_cost_moves(p: FloatArray, cost: FloatArray, ball: PerceptionLimit) -> MinDistortion:
    """The same for a transport ball, whatever its cost c; at P = 0 only free moves count."""
    q, c = ball.reference, ball.divergence.cost
    assert c is not None
    if not ball.is_zero_radius:
        return _min_distortion_by_moves(p, cost, q, c, ball.limit)
    moves, held = np.where(c > 0.0, np.inf, 0.0), q > 0.0
    if (moves[held] > 0.0).all(axis=1).any():
        return MinDistortion(None, np.inf)
    best = _moved_from(p, cost, q[held], moves[held])
    if best.plan is None:
        return MinDistortion(None, 0.0)
    joint = np.zeros_like(cost)
    for move, column in zip(moves[held], best.plan.T, strict=True):
        np.add.at(joint, (np.arange(p.size), (cost + move).argmin(axis=1)), column)
    return MinDistortion(_rows_of(joint), best.lower)


def _min_distortion_by_moves(p: FloatArray, cost: FloatArray, q: FloatArray, c: FloatArray, P: float) -> MinDistortion:
    """The same for a ball of laws to which q is moved at a cost c of at most P: q moves to the output, that to the
    source.

    For every price t >= 0 of the ball, E d is at least the cost of the best coupling of p and the reference at
    min_j (cost_ij + t c_kj), less t P.
    """
    joint, t = min_distortion_joint(p, cost, q, c, P)
    if joint is None:
        return MinDistortion(None, 0.0)
    held = q > 0.0
    best = _moved_from(p, cost, q[held], t * c[held])
    return MinDistortion(_rows_of(joint), best.lower - t * P * (1.0 + 4.0 * UNIT_ROUNDOFF))


def _moved_from(p: FloatArray, cost: FloatArray, q: FloatArray, moves: FloatArray) -> Optimum:
    """The best coupling of p and q, from which a symbol moves to the output at these costs."""
    return optimal_transport(p, q, np.stack([(cost + move).min(axis=1) for move in moves], axis=1))


def _rows_of(joint: FloatArray) -> FloatArray:
    """The joint law as a channel; a row without mass goes everywhere."""
    sums = joint.sum(axis=1, keepdims=True)
    return np.asarray(np.where(sums > 0.0, joint, 1.0) / np.where(sums > 0.0, sums, joint.shape[1]))


guard(__name__)
