"""Lower bounds from dual points."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isfinite, isnan

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray
from rdptheory.certificates.products import product_lower_bound
from rdptheory.certificates.tables import tables_of
from rdptheory.divergences.base import mean_bound
from rdptheory.doors import guard
from rdptheory.methods import DualPoint
from rdptheory.problems import DiscreteProblem, PerceptionLimit

__all__ = ["log_column_sums", "lower_bound", "on_reduced", "prices_of", "support_value"]

BELOW = 100.0  # ranges of v below it: a symbol that nobody can use is then worth next to nothing, and digits are kept
FARTHEST = 1e150  # nats between two prices: their squares are numbers that float64 holds


@np.errstate(over="ignore", invalid="ignore")  # of numbers that prove nothing
def lower_bound(problem: DiscreteProblem, dual: DualPoint) -> float:
    """A proved lower bound on min I(X;Y), in nats.

    With l_j = log Σ_i p_i exp(f_i - Σ_k s_k d^k_ij), any f, s >= 0 and v_k with Σ_k (A_k' v_k)_j >= l_j give

        R >= Σ_i p_i f_i - Σ_k s_k D_k - Σ_k σ_k(v_k),

    where σ_k is the support function of the k-th perception ball. σ is monotone, so a single ball on the output law
    takes v = l, and no ball takes σ = max. With several balls the v_k given are shifted until they cover l, and so they
    are for one ball of a divergence of somebody's own, σ(l) <= Σ_k σ(v_k), whose σ may be no more than a bound.

    The result is lowered by a bound on what float64 may have added: rounding of every exponent, weighted by the share
    of the column it enters, of the sums of n terms, of the laws and limits themselves, and of the support function,
    each with the multiplier it is paid with (docs/method.md derives it).

    Parameters
    ----------
    problem : DiscreteProblem
    dual : DualPoint

    Returns
    -------
    float
        At least 0; inf when the dual point proves that no channel meets the limits.

    References
    ----------
    [BM19] for the problem; the dual is the standard one of convex programming.
    """
    if problem.by_products:
        return product_lower_bound(problem, dual)
    reduced, dual = problem.reduced, on_reduced(problem, dual)
    p, f = reduced.probabilities, dual.f
    limits, slopes = [limit.limit for limit in reduced.distortions], dual.s.tolist()
    if min(limits) < 0.0:
        return float("inf")
    logs, slack, mean_f, size_f = tables_of(reduced).column_sums(f, dual.s)
    if not (isfinite(size_f) and all([0.0 <= slope < inf for slope in slopes])):
        return 0.0
    highest = logs + slack
    spent: float = sum(slope * limit for slope, limit in zip(slopes, limits, strict=True))
    rounding = (p.size + 16) * size_f + (len(slopes) + 8) * spent
    if not reduced.perceptions:
        supported = float(highest.max())
    elif _alone(reduced):
        (ball,) = reduced.perceptions
        supported = support_value(ball, highest, _guess(dual, 0))
        if dual.v and not ball.divergence.ours:
            shared, more = _covered((ball,) * len(dual.v), dual, highest)
            if shared + UNIT_ROUNDOFF * more < supported:
                supported, rounding = shared, rounding + more
    else:
        supported, more = _covered(reduced.perceptions, dual, highest)
        rounding += more
    value = mean_f - spent - supported
    if isnan(value):
        return 0.0
    return max(0.0, value - UNIT_ROUNDOFF * (rounding + 4.0 * abs(supported)))


def _covered(balls: tuple[PerceptionLimit, ...], dual: DualPoint, highest: FloatArray) -> tuple[float, float]:
    """Σ_k σ_k(v_k), with v_1 raised by what the v_k lack of l anywhere, and what rounding is multiplied with.

    inf where some v_k is no number.
    """
    cover, size, supported, rounding = np.zeros_like(highest), np.zeros_like(highest), 0.0, 0.0
    for number, (ball, v) in enumerate(zip(balls, dual.v, strict=True)):
        if not np.isfinite(v).all():
            return inf, 0.0
        on_output = v if ball.image is None else v @ ball.image
        cover += on_output
        size += np.abs(on_output)
        part = support_value(ball, v, _guess(dual, number))
        supported += part
        rounding += len(dual.v) * abs(part)
    shift = float((highest - cover).max())  # a constant added to v_1 moves σ_1 by as much
    rounding += (len(dual.v) + 4) * float(size.max()) + abs(shift)
    return supported + shift, rounding


def on_reduced(problem: DiscreteProblem, dual: DualPoint) -> DualPoint:
    """The same dual point on the symbols of positive mass, for distortion matrices with row minima 0.

    exp(f_i - Σ_k s_k d^k_ij) does not change if f_i loses Σ_k s_k min_j d^k_ij with the minima of the rows.
    """
    if dual.centred and dual.f.size == problem.reduced.probabilities.size:
        return dual
    rows = problem.probabilities > 0.0
    finite = np.array([np.isfinite(limit.limit) for limit in problem.distortions])
    f = dual.f[rows] if dual.f.size == rows.size else dual.f
    s = np.atleast_1d(dual.s)
    if s.size == finite.size:
        s = s[finite] if finite.any() else np.zeros(1)  # without a limit the reduced problem has one that costs nothing
    if not dual.centred and finite.any():
        with np.errstate(over="ignore", invalid="ignore"):
            f = f - sum(slope * least for slope, least in zip(s, problem.row_minima, strict=True))
    return replace(dual, f=f, s=s, centred=True)


def _guess(dual: DualPoint, number: int) -> float:
    """The multiplier of a ball as the dual point names it, or 0: it only shortens a search."""
    return 0.0 if dual.mu is None or number >= dual.mu.size else float(np.ravel(dual.mu)[number])


def support_value(ball: PerceptionLimit, v: FloatArray, mu: float = 0.0) -> float:
    """σ(v) where v may hold -inf: an unreachable symbol that the ball insists on makes the support_value -inf.

    inf where it may hold more than float64 does, inf or NaN: of such a price nothing is known.
    """
    most, least = float(v.max()), float(v.min())
    if not most < inf:
        return inf
    alone = ball.limit == 0.0 and ball.divergence.definite  # the reference is all the ball holds
    if not most - least <= FARTHEST:
        return _far_apart(ball, v, mu, alone)
    return _support(ball, v, mu, alone)


def _far_apart(ball: PerceptionLimit, v: FloatArray, mu: float, alone: bool) -> float:
    """σ(v) where prices lie too far below the largest for differences of them: raising v keeps the bound valid."""
    finite, reference = np.isfinite(v), ball.reference
    if not finite.any() or (alone and bool((reference[~finite] > 0.0).any())):
        return -inf
    most = float(v.max())
    v = np.where(finite, np.maximum(v, most - FARTHEST), v)
    if finite.all():
        return _support(ball, v, mu, alone)
    least = float(v[finite].min())
    levels = (least, least - BELOW * (1.0 + most - least))
    return min(_support(ball, np.where(finite, v, level), mu, alone) for level in levels)


def _support(ball: PerceptionLimit, v: FloatArray, mu: float, alone: bool) -> float:
    """σ(v) of finite v."""
    if alone and v.size == ball.reference.size:
        return mean_bound(v, ball.reference)
    return float(ball.divergence.support_near(v, ball.reference, ball.limit, mu))


def log_column_sums(reduced: DiscreteProblem, f: FloatArray, s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """l_j = log Σ_i p_i exp(f_i - Σ_k s_k d^k_ij) and a bound on its float64 error, both of shape (m,).

    One exponential a table entry, compiled. A limit of 0 forbids every entry above 0, as every limit does one of inf.
    Each exponent errs by the rounding of the table (4 units), of its product and of the sum over limits, and of two
    subtractions; |e - top| is at most |f| + cost + |top|, and an error is weighted by the share of the column that it
    enters.
    """
    return tables_of(reduced).column_sums(f, s)[:2]


def prices_of(reduced: DiscreteProblem, dual: DualPoint, k: int) -> FloatArray:
    """v of the k-th ball, in nats: l(f, s) of the only one on the law of the output, else what the dual point names.

    The dual point is on the symbols of positive mass, as `on_reduced` makes it.
    """
    return log_column_sums(reduced, dual.f, dual.s)[0] if _alone(reduced) else dual.v[k]


def _alone(reduced: DiscreteProblem) -> bool:
    """Whether there is one ball, on the law of the output itself."""
    return len(reduced.perceptions) == 1 and reduced.perceptions[0].image is None


guard(__name__)
