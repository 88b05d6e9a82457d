"""Successive refinement: a first description that serves some points, and a second that adds to it and serves more."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from rdptheory._types import UNIT_ROUNDOFF, Bounds, FloatArray, frozen_array
from rdptheory.certificates import DualPoint, information, lower_bound, surcharge, upper_bound
from rdptheory.distortions import Distortion
from rdptheory.divergences import Divergence
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, MissingPackage, finite
from rdptheory.information import mutual_information
from rdptheory.problems import DiscreteProblem, DistortionLimit
from rdptheory.representations.universal import UniversalProblem
from rdptheory.solvers.conic import SOLVERS, Conic, ball_limits, distortion_limits, distortion_prices
from rdptheory.sources import DiscreteSource, Gaussian

__all__ = ["Refinement", "gaussian_refinement", "refinement", "refinement_bound"]

Points = Iterable[tuple[float, float]]
FLOOR = 1e-13  # added to a channel whose logarithms become a cost: what a conic solver cannot tell from 0
FREE = 1e-300  # a limit whose price costs nothing
TINY = float(np.finfo(np.float64).tiny)  # a noise that distortions can be divided by


@dataclass(frozen=True, eq=False)
class Refinement:
    """A point of the boundary of the two-stage region, with its supporting line.

    Attributes
    ----------
    first, total : float
        R1 = I(X;Z1) and R1 + R2 = I(X;Z1,Z2) of the channel, in nats.
    bounds : Bounds
        Proved bracket on the least (1 - weight) R1 + weight (R1 + R2); the channel reaches the upper end.
    weight : float
    channel : array (n, m_1, ..., m_K)
        p(y_1, ..., y_K | x): the reconstructions of the first stage, then those of the second.
    """

    first: float
    total: float
    bounds: Bounds
    weight: float
    channel: FloatArray


def refinement(
    source: DiscreteSource,
    distortion: Distortion,
    perception: Divergence | None,
    first: Points,
    second: Points,
    *,
    weight: float,
    method: Conic | None = None,
) -> Refinement:
    """The least weighted sum of the rates of two stages of description, with a proof.

        min over p(z1, z2 | x) of (1 - weight) I(X;Z1) + weight I(X;Z1,Z2)
        subject to: Z1 serves every point of `first`, (Z1, Z2) every point of `second`

    The region of all (R1, R1 + R2) is convex, and weights between 0 and 1 draw its boundary. Z1 and (Z1, Z2) can be
    taken to be the reconstructions themselves; both informations are convex in the channel. A conic solver finds it;
    the bracket does not trust it: I(X;Z1) is at least E log g for any g with Σ_x p(x) g(x, z1) <= 1, and what is left
    is a problem for the dual of `rdp`.

    Parameters
    ----------
    source : Pmf, Bernoulli or Empirical
        With an alphabet of n symbols and K points in all the program has n^(K+1) unknowns: small ones only.
    distortion, perception : as in `rdp`
    first, second : pairs (D, P)
    weight : float
        Above 0, at most 1.
    method : Conic, optional

    Raises
    ------
    InvalidInput, MissingPackage

    References
    ----------
    [ZQCK21], Theorem 9.

    Examples
    --------
    >>> from rdptheory import Bernoulli, Hamming
    >>> inf = float("inf")
    >>> stages = refinement(Bernoulli(0.3), Hamming(), None, [(0.2, inf)], [(0.05, inf)], weight=0.5)
    >>> stages.bounds.gap < 1e-5
    True
    """
    weight = finite("weight", weight, positive=True)
    if weight > 1.0:
        raise InvalidInput("weight", weight, "must be above 0 and at most 1")
    before, after = tuple(first), tuple(second)
    if not before or not after:
        raise InvalidInput("points", (before, after), "each stage must hold at least one pair (D, P)")
    points = UniversalProblem(source, distortion, perception, before + after)
    problem = points.product(range(len(points.points)))
    if any(limit.limit < 0.0 for limit in problem.reduced.distortions):
        raise InvalidInput("points", points.points, "a distortion is below the least of any channel")
    assert problem.alphabet is not None
    coarse = int(np.prod(problem.alphabet[: len(before)]))
    found = _solved(problem, coarse, weight, Conic() if method is None else method)

    channel = upper_bound(problem, found.channel).channel
    if channel is None:
        raise InvalidInput("points", points.points, "no channel was found that keeps every limit")
    p, both = problem.probabilities, (_merged(channel, coarse), channel)
    first_rate, total = (mutual_information(p, one) for one in both)
    upper = float(np.dot((1.0 - weight, weight), [information(p, one) for one in both])) * (1.0 + 4.0 * UNIT_ROUNDOFF)
    upper += surcharge(problem, channel, upper)  # processing of one coordinate raises neither rate, and both are convex
    kept = _merged(channel[p > 0.0], coarse)
    lower = max(
        _lower(problem, kept, weight, one * found.f, found.s, tuple(other * entry for entry in found.v))
        for one in (1.0, -1.0)  # the sign of an equality's multiplier is the modelling layer's choice
        for other in (1.0, -1.0)
    )
    return Refinement(
        first_rate, total, Bounds(lower, upper), weight, frozen_array(channel.reshape(-1, *problem.alphabet))
    )


@dataclass(frozen=True, eq=False)
class _Found:
    """What a conic solver says: a channel (n, m), None if it has none, and multipliers of rows, distortions and laws,
    those of equalities up to their sign."""

    channel: FloatArray | None
    f: FloatArray
    s: FloatArray
    v: tuple[FloatArray, ...]


def _solved(problem: DiscreteProblem, coarse: int, weight: float, method: Conic) -> _Found:
    """The convex program of both stages; Z1 is the first `coarse` letters of the alphabet."""
    try:
        import cvxpy as cp
    except ImportError:
        raise MissingPackage("cvxpy", "conic") from None
    reduced = problem.reduced
    p = reduced.probabilities
    n, m = reduced.shape
    merge = np.kron(np.eye(coarse), np.ones((m // coarse, 1)))
    W = cp.Variable((n, m), nonneg=True)

    def information(channel: Any, size: int) -> Any:
        output = np.ones((n, 1)) @ cp.reshape(p @ channel, (1, size), order="C")
        return cp.sum(cp.multiply(p[:, None], cp.rel_entr(channel, output)))

    rows = cp.sum(W, axis=1) == 1
    limits, never = distortion_limits(cp, reduced, W)
    laws = [cp.Variable(ball.reference.size) for ball in reduced.perceptions]
    images = [ball.image @ (p @ W) == law for ball, law in zip(reduced.perceptions, laws, strict=True)]
    balls = [row for ball, law in zip(reduced.perceptions, laws, strict=True) for row in ball_limits(cp, ball, law)]
    target = (1.0 - weight) * information(W @ merge, coarse) + weight * information(W, m)
    program = cp.Problem(cp.Minimize(target), [rows, *limits, *never, *images, *balls])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an inaccurate solution is judged like any other
        program.solve(solver=method.solver, **SOLVERS[method.solver])

    def multiplier(row: Any, like: FloatArray) -> FloatArray:
        return np.zeros_like(like) if row.dual_value is None else np.asarray(row.dual_value, dtype=np.float64)

    v = tuple(multiplier(row, ball.reference) for row, ball in zip(images, reduced.perceptions, strict=True))
    return _Found(W.value, multiplier(rows, p) / p, distortion_prices(reduced, limits), v)


def _merged(channel: FloatArray, coarse: int) -> FloatArray:
    return np.asarray(channel.reshape(channel.shape[0], coarse, -1).sum(axis=2))


def _lower(
    problem: DiscreteProblem,
    first: FloatArray,
    weight: float,
    f: FloatArray,
    s: FloatArray,
    v: tuple[FloatArray, ...],
) -> float:
    """A proved lower bound on the weighted sum.

    I(X;Z1) >= E log g(X,Z1), g = p(z1|x)/p(z1) of any channel: a table like that of a distortion, whose price is
    (1 - weight)/weight beside weight I(X;Z1,Z2). Its least entries where a channel may go are taken out, so that no
    channel pays less than 0; else it would seem to be a limit that none keeps.
    """
    p, rows = problem.reduced.probabilities, problem.probabilities > 0.0
    smooth = first + FLOOR
    smooth /= smooth.sum(axis=1, keepdims=True)
    logs = np.repeat(np.log(smooth / (p @ smooth)), problem.shape[1] // first.shape[1], axis=1)
    full = np.zeros(problem.shape)
    barred = _priced(problem, full).barred
    least = logs.min(axis=1) if barred is None else np.where(barred, np.inf, logs).min(axis=1)
    full[rows] = logs - least[:, None] if barred is None else np.where(barred, 0.0, logs - least[:, None])
    more = _priced(problem, full)
    dual = DualPoint(
        (f - (1.0 - weight) * least) / weight,
        np.append(s / weight, 1.0 / weight - 1.0),
        tuple(entry / weight for entry in v),
        centred=True,
    )
    allowance = UNIT_ROUNDOFF * (p.size + 16) * float(p @ np.abs(least))
    left = weight * lower_bound(more, dual) + (1.0 - weight) * float(p @ least)
    return max(0.0, left - allowance)


def _priced(problem: DiscreteProblem, table: FloatArray) -> DiscreteProblem:
    """The problem with one more table (n, m), whose limit is next to nothing."""
    limits = (*problem.distortions, DistortionLimit(frozen_array(table), FREE))
    return DiscreteProblem(problem.probabilities, limits, problem.perceptions, problem.alphabet)


def gaussian_refinement(source: Gaussian, first: float, total: float) -> FloatArray:
    """Covariance (3, 3) of (X, Z1, Z2) with I(X;Z1) = first and I(X;Z1,Z2) = I(X;Z2) = total, in nats.

    Z2 = Z1 + N1 and X = Z2 + N2 with independent noises, so the second stage costs total - first: refinement is free.
    Each Z serves every point of the tradeoff at its rate (`gaussian_decoders`, up to the scale of Z).

    References
    ----------
    [ZQCK21], Theorem 6.

    >>> gaussian_refinement(Gaussian(0.0, 1.0), 0.5 * float(np.log(2.0)), float(np.log(2.0)))
    array([[1.  , 0.5 , 0.75],
           [0.5 , 0.5 , 0.5 ],
           [0.75, 0.5 , 0.75]])
    """
    if not 0.0 <= first <= total:
        raise InvalidInput("first", first, f"must lie between 0 and the total rate {total:g}")
    near, far = (source.variance * -float(np.expm1(-2.0 * rate)) for rate in (first, total))
    return np.array([[source.variance, near, far], [near, near, near], [far, near, far]])


def refinement_bound(
    rate: float,
    shannon: Callable[[float], float],
    variance: float,
    D1: float,
    D2: float,
    *,
    dimension: int = 1,
) -> tuple[float, float]:
    """What refinement costs at most beyond the first stage and the rate of the second alone, and the w that shows it.

        δ(w) = R(Θ1) - R(σ² w/(σ² + w), inf) + (m/2) log( (D1 + w)(D2 + w)/w² )

    Parameters
    ----------
    rate : float
        R(Θ1) in nats.
    shannon : function
        D -> R(D, inf) in nats, squared error, reconstructions in R^m; a lower bound on it will do.
    variance : float
        σ² = E‖X - EX‖².
    D1, D2 : float
        The smallest distortions of both stages, above 0.
    dimension : int
        m.

    Returns
    -------
    (δ, w)
        Every w > 0 is valid; this is the best of a search over twelve decades.

    References
    ----------
    [ZQCK21], Theorem 7.

    >>> from rdptheory.closed_forms import gaussian
    >>> shannon = lambda D: float(gaussian.rate(1.0, D, float("inf")))
    >>> refinement_bound(shannon(0.5), shannon, 1.0, 0.5, 0.1)[0] <= float(np.log(2.0))
    True
    """
    rate, variance = finite("rate", rate), finite("variance", variance, positive=True)
    D1, D2 = finite("D1", D1, positive=True), finite("D2", D2, positive=True)

    def width(log_w: float) -> float:
        return max(float(np.exp(log_w)), TINY)

    def cost(log_w: float) -> float:
        w = width(log_w)
        spread = np.log1p(D1 / w) + np.log1p(D2 / w)
        apart = variance * w / (variance + w) if variance + w > 0.0 else 0.0  # both below what float64 holds
        return rate - shannon(apart) + 0.5 * dimension * float(spread)

    grid = np.log(variance) + np.log(10.0) * np.linspace(-6.0, 6.0, 49)
    best = int(np.argmin([cost(float(log_w)) for log_w in grid]))
    around = (float(grid[max(best - 1, 0)]), float(grid[min(best + 1, grid.size - 1)]))
    found = scipy.optimize.minimize_scalar(cost, bounds=around, method="bounded", options={"xatol": 1e-10})
    log_w = min((float(found.x), float(grid[best])), key=cost)
    return max(0.0, float(cost(log_w))), width(log_w)


guard(__name__)
