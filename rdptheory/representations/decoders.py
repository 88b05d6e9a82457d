"""The best decoder of a fixed representation: least mean distortion at a limited perception divergence."""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp, inf, nextafter

import numpy as np
import scipy

from rdptheory._types import UNIT_ROUNDOFF, Bounds, FloatArray
from rdptheory.couplings import rounded_plan, sums_of_plans
from rdptheory.problems import PerceptionLimit

__all__ = ["Decoder", "best_decoder", "spent"]

ORDINARY = 2.0**-10, 2.0**10  # largest costs that are left as they are: HiGHS has absolute tolerances
NARROW = 1e-11  # of the largest cost: where the search ends
ROUNDS = 60  # linear programs; a curved ball takes 10 to 30
PATIENCE = 8  # rounds without a tenth less
TOLERANCES = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}  # the least HiGHS takes
TINY = 1e-290  # of a unit, in which ends may be subnormal
SHRINKAGE = 1e-15  # first share of the reference in a law that is outside its ball by rounding


@dataclass(frozen=True, eq=False)
class Decoder:
    """A decoder p(y|z), shape (l, m), within the perception limit, and a proved bracket on the least E d of any.

    `bounds.upper` is the mean distortion of `channel`.
    """

    channel: FloatArray
    bounds: Bounds


def best_decoder(
    masses: FloatArray, cost: FloatArray, ball: PerceptionLimit | None, unsure: FloatArray | None = None
) -> Decoder:
    """min over p(y|z) of E c(Z,Y)   subject to   δ(reference, p_Y) <= P

    The laws of the ball are approached from within: the program over the mixtures of a few of them is linear and gives
    a feasible decoder; its potentials u, w, which satisfy u_z + w_y <= c_zy, give the bound

        E c >= <p_Z, u> - σ_P(-w),

    and the law where the support function σ_P touches joins the mixture. Exact after finitely many rounds where the
    ball is a polytope (total variation, transport).

    Parameters
    ----------
    masses : array (l,)
        p_Z, above 0.
    cost : array (l, m)
        c(z, y) = E[d(X, y) | Z = z].
    ball : PerceptionLimit or None
        δ, its reference (m,) and P.
    unsure : array (l, m), optional
        By how much every cost, then at least 0, may be off.
    """
    scale = float(np.abs(cost).max())
    if scale > 0.0 and not ORDINARY[0] <= scale <= ORDINARY[1]:
        unit = 2.0 ** (frexp(scale)[1] - 1)
        found = best_decoder(masses, cost / unit, ball, None if unsure is None else unsure / unit)
        lower, upper = found.bounds.lower * unit, found.bounds.upper * unit
        if unit < TINY:  # what is subnormal is rounded
            lower, upper = nextafter(lower, -inf), nextafter(upper, inf)
        return Decoder(found.channel, Bounds(lower, upper))
    most, low = (cost, cost) if unsure is None else (cost + unsure, np.maximum(cost - unsure, 0.0))
    share = _rounding(cost)
    chosen = np.argmin(cost, axis=1)
    free = np.zeros_like(cost)
    free[np.arange(masses.size), chosen] = 1.0
    cheapest = low.min(axis=1)
    least = float(masses @ cheapest) - share * float(masses @ np.abs(cheapest))
    if ball is None or _outside(ball, masses @ free, share) <= 0.0:
        return Decoder(free, Bounds(least, spent(masses, free, most, ball)))
    laws = [ball.reference]
    best: Decoder | None = None
    lower, idle = least, 0
    for _ in range(ROUNDS):
        plan, u = _mixture(masses, cost, np.array(laws))
        held = plan.sum(axis=1, keepdims=True)
        channel = np.where(held > 0.0, plan, plan.sum(axis=0)) / np.where(held > 0.0, held, plan.sum())
        value = spent(masses, channel, most, ball)
        w = (low - u[:, None]).min(axis=0)
        support = ball.divergence.support(-w, ball.reference, ball.limit)
        slack = share * (float(masses @ np.abs(u)) + float(np.abs(w).max()))
        before = np.inf if best is None else best.bounds.upper - lower
        lower = max(lower, float(masses @ u) - support.value - slack)
        if best is None or value < best.bounds.upper:
            best = Decoder(channel, Bounds(-np.inf, value))
        width = best.bounds.upper - lower
        idle = idle + 1 if width > 0.9 * before else 0
        if width <= NARROW * max(scale, 1e-300) or idle >= PATIENCE:
            break
        laws.append(_inside(ball, support.law))
    assert best is not None
    return Decoder(best.channel, Bounds(lower, best.bounds.upper))


def spent(masses: FloatArray, channel: FloatArray, cost: FloatArray, ball: PerceptionLimit | None) -> float:
    """E c of a decoder (l, m), bounded from above, once its law is moved inside the ball.

    By convexity of δ it is inside if Y is drawn from the reference with the weight of what is outside. At P = 0 it is
    the reference but for the rounding of its masses.
    """
    share = _rounding(cost)
    value = float(masses @ (channel * cost).sum(axis=1)) + share * float(masses @ (channel * np.abs(cost)).sum(axis=1))
    law = masses @ channel
    over = 0.0 if ball is None else _outside(ball, law, share)
    if ball is None or over <= 0.0:
        return value
    independent, sizes = masses @ cost, masses @ np.abs(cost)
    if ball.limit == 0.0 and (np.abs(law - ball.reference) <= share * ball.reference).all():
        return value + 2.0 * share * float(sizes.max())
    weight = over / (over + ball.limit)
    moved = float(independent @ ball.reference) + share * float(sizes @ ball.reference)
    return max(value, (1.0 - weight) * value) + weight * moved


def _rounding(cost: FloatArray) -> float:
    """Relative error of a sum over a table with the masses of its rows."""
    return UNIT_ROUNDOFF * float(2 * sum(cost.shape) + 16)


def _outside(ball: PerceptionLimit, law: FloatArray, share: float) -> float:
    """By how much a law whose masses are known to a share may be outside."""
    if ball.limit == np.inf:
        return -np.inf
    return ball.value(law) + ball.divergence.uncertainty(ball.reference, law, share) - ball.limit


def _mixture(masses: FloatArray, cost: FloatArray, laws: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The cheapest plan (l, m) from p_Z to a mixture of `laws` (k, m), and the potentials of the rows."""
    rows, columns = cost.shape
    found = scipy.optimize.linprog(
        np.concatenate([cost.ravel(), np.zeros(len(laws))]),
        A_eq=sums_of_plans(rows, columns, columns, laws),
        b_eq=np.concatenate([masses, np.zeros(columns)]),
        method="highs",
        options=TOLERANCES,
    )
    if found.x is None:  # the reference itself is such a mixture
        return np.outer(masses, laws[0]), cost.min(axis=1)
    weights = np.maximum(found.x[cost.size :], 0.0)
    plan = np.maximum(found.x[: cost.size].reshape(cost.shape), 0.0)
    return rounded_plan(plan, masses, weights @ laws / weights.sum()), np.asarray(found.eqlin.marginals[:rows])


def _inside(ball: PerceptionLimit, law: FloatArray) -> FloatArray:
    """The law of the support function, which ends within rounding of the boundary, moved inside."""
    shrinkage = SHRINKAGE
    while ball.value(law) > ball.limit and shrinkage < 1.0:
        law, shrinkage = (1.0 - shrinkage) * law + shrinkage * ball.reference, 4.0 * shrinkage
    return law if shrinkage < 1.0 else ball.reference
