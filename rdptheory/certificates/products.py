"""Both bounds without a table: from products with the Gibbs kernel K = exp(-s d) of a geometry.

A vector log h of shape (m,) and s > 0 give the row-exact channel W_ij = u_i K_ij h_j with u = 1/(K h). With f = log u,
m = K'(p u) and the output law r = h m,

    R(D,P) >= <p, f> - s D - σ_P(log m),          I(X;Y) = <p, f> - <r, log m> - s E d(X,Y),

so that both ends come from quantities at hand, and the n x m channel never has to exist. A solver hands over log h and
s of a few channels, and f and s of a dual point; everything else is computed here, with the geometry in float64. What
float64 may have added is bounded in the allowance of each formula: products within `Rounding`, sums of n terms within n
units of the sum of their absolute values, each times the multiplier it comes with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray
from rdptheory.doors import guard
from rdptheory.geometry import Geometry, Gibbs
from rdptheory.information import entropy
from rdptheory.methods import DualPoint, GibbsChannel
from rdptheory.problems import DiscreteProblem, PerceptionLimit

__all__ = [
    "TINY",
    "Iterate",
    "OperatingPoint",
    "best_mixture",
    "dual_value",
    "evaluated",
    "mixed_channel",
    "nearest_map",
    "operating_point",
    "product_lower_bound",
    "product_prices",
    "product_upper_bound",
    "written",
]

TINY = 1e-290  # stands in for a sum that underflowed: larger is valid in a lower bound, and no row may come so low
SMALLEST = 2.0**-1073  # of an entry of K at most, that float64 may have turned into 0
SLIP = 4.0 * UNIT_ROUNDOFF  # of the limits, by which a mixture may miss them; paid for
LARGEST_LOG = 600.0  # of f: exp(709) overflows
FLAT = 1e-305  # s below which nobody divides by it: exp(-s d) is 1, and the channel does not look at the source
SINGULAR = 1e-14  # determinant of scaled limits below which two of them are one
SPARED = 8.0  # times the rounding of the products: what an exact output law keeps in hand, to be safely made up


@dataclass(frozen=True, eq=False)
class Iterate:
    """The row-exact channel of one log h at one s, evaluated."""

    p: FloatArray
    gibbs: Gibbs
    s: float
    log_h: FloatArray
    u: FloatArray
    log_m: FloatArray
    law: FloatArray

    @classmethod
    def of(cls, p: FloatArray, gibbs: Gibbs, s: float, log_h: FloatArray) -> Iterate:
        """Two products with the kernel."""
        h = np.exp(log_h)
        u = 1.0 / np.maximum(gibbs.forward(h), TINY)
        m = np.maximum(gibbs.backward(p * u), TINY)
        return cls(p, gibbs, s, log_h, u, np.log(m), h * m)

    @cached_property
    def f(self) -> FloatArray:
        """log u, shape (n,)."""
        return np.log(self.u)

    @cached_property
    def distortion(self) -> float:
        """E d(X,Y): one more product."""
        return float((self.p * self.u) @ self.gibbs.cost(np.exp(self.log_h)))

    @property
    def row_exact(self) -> bool:
        """Whether every row of positive mass reaches some symbol in float64."""
        return bool((self.u[self.p > 0.0] < 1.0 / TINY).all())

    def channel(self) -> FloatArray:
        """W, shape (n, m)."""
        return self.gibbs.table() * self.u[:, None] * np.exp(self.log_h)[None, :]


@dataclass(frozen=True, eq=False)
class OperatingPoint:
    """What one channel reaches at most: (I, E d, δ) in nats and the units of d and δ; and the channels it mixes.

    None among `parts` is the nearest map, an array a channel that a solver of tables knows from elsewhere. `chord` is
    -ΔI/ΔE d between the two channels of a mixture, which is -dR/dD where both are optimal and close.
    """

    rate: float
    distortion: float
    perception: float
    parts: tuple[GibbsChannel | FloatArray | None, ...] = ()
    weights: tuple[float, ...] = (1.0,)
    chord: float = np.nan


def dual_value(
    p: FloatArray,
    f: FloatArray,
    log_m: FloatArray,
    s: float,
    D: float,
    geometry: Geometry,
    support_value: float,
) -> float:
    """<p, f> - s D - σ, less what float64 may have added.

    `support_value` bounds σ_P(log m) from above, and m = K'(p e^f) has relative error at most `rounding(s).product`; as
    σ_P(v + η) = σ_P(v) + η, that error costs η, as do the exponentials of f. The sums cost at most n units of rounding
    of their absolute values, in whatever order they are taken.
    """
    size = float(p @ np.abs(f)) + float(np.abs(log_m).max()) + s * D + abs(support_value)
    exponentials = 4.0 * UNIT_ROUNDOFF * (1.0 + float(np.abs(f).max()) + float(np.abs(log_m).max()))
    allowance = geometry.rounding(s).product + exponentials + (p.size + 16.0) * UNIT_ROUNDOFF * size
    return float(float(p @ f) - s * D - support_value - allowance)


def operating_point(
    iterate: Iterate, geometry: Geometry, ball: PerceptionLimit | None, *, exact: bool = False
) -> OperatingPoint:
    """What the channel of an iterate reaches, or with `exact` what it reaches with its output law put right.

    The rate is <p, f> - <r, log m> - s E d. If products err by a share ρ, then f by ρ, log m by 2ρ, r and p u by
    shares of 2ρ, and E d by its own bounds: the rate errs by ρ (3 + 2 Σ r |log m|) + s (error of E d), and sums on top.
    """
    p, s = iterate.p, iterate.s
    part = GibbsChannel(iterate.log_h, s, exact)
    if not iterate.row_exact:
        return OperatingPoint(np.inf, np.inf, np.inf, (part,))
    error = geometry.rounding(s)
    rho = error.product + 8.0 * UNIT_ROUNDOFF
    law = iterate.law
    missed = (error.cost + 2.0 * rho) * iterate.distortion + error.offset * (1.0 + 2.0 * rho)
    gain, loss = float(p @ iterate.f), float(law @ iterate.log_m)
    logs = float(law @ np.abs(iterate.log_m))
    size = float(p @ np.abs(iterate.f)) + logs + s * iterate.distortion
    rounding = rho * (3.0 + 2.0 * logs) + s * missed + (p.size + 16.0) * UNIT_ROUNDOFF * size
    rate = max(gain - loss - s * iterate.distortion, 0.0) + rounding
    if exact:
        assert ball is not None
        return OperatingPoint(rate, _with_exact_law(iterate, geometry, ball.reference, rho), 0.0, (part,))
    if ball is None:
        return OperatingPoint(rate, iterate.distortion + missed, 0.0, (part,))
    law = law / float(law.sum())
    perception = ball.value(law)
    if np.isfinite(perception):
        perception += ball.divergence.uncertainty(ball.reference, law, 2.0 * rho)
    return OperatingPoint(rate, iterate.distortion + missed, perception, (part,))


def _with_exact_law(iterate: Iterate, geometry: Geometry, reference: FloatArray, rho: float) -> float:
    """A bound on E d once surplus output mass is sent on to the symbols that lack mass, whatever the source symbol was.

    This is processing of Y, which cannot raise I(X;Y), and in exact arithmetic it ends at the reference law. Every
    symbol keeps a little less than it might, so that the true surplus and lack of every symbol are above 0 and known to
    a share; E d is then the cost of what is kept and that of the product of what is sent and what is lacking.
    """
    p, u, h = iterate.p, iterate.u, np.exp(iterate.log_h)
    error = geometry.rounding(iterate.s)
    spared = SPARED * rho
    keep, lack = _kept(iterate, reference, spared)
    kept = float((p * u) @ iterate.gibbs.cost(h * keep))
    kept += (error.cost + 4.0 * rho) * kept + error.offset * (1.0 + 4.0 * rho)
    sent = np.maximum(1.0 - u * iterate.gibbs.forward(h * keep), 0.0)
    least = float(p @ sent) - 2.0 * rho  # of what is sent in truth
    lacking = lack + 4.0 * rho * iterate.law * keep
    if least <= 0.0:
        return np.inf
    means = geometry.mean(lacking) + error.mean * float(lacking.sum())
    return kept + float((p * (sent + 2.0 * rho)) @ means) / least * (1.0 + (p.size + 16.0) * UNIT_ROUNDOFF)


def _kept(iterate: Iterate, reference: FloatArray, spared: float) -> tuple[FloatArray, FloatArray]:
    """The share of every output that stays, and the mass that every output then lacks."""
    keep = np.minimum(1.0, reference / np.maximum(iterate.law, TINY)) * (1.0 - spared)
    return keep, np.maximum(reference - iterate.law * keep, 0.0)


def nearest_map(p: FloatArray, geometry: Geometry, ball: PerceptionLimit | None) -> OperatingPoint:
    """Every symbol to its nearest reconstruction: E d = 0, and δ = 0 when that is the identity."""
    law = np.bincount(geometry.nearest(), weights=p, minlength=geometry.shape[1]).astype(np.float64)
    perception = 0.0
    if ball is not None and not np.array_equal(law, ball.reference):
        perception = ball.value(law) + ball.divergence.uncertainty(ball.reference, law, 2.0 * p.size * UNIT_ROUNDOFF)
    rate = entropy(law)
    return OperatingPoint(rate + (p.size + 16.0) * UNIT_ROUNDOFF * rate, 0.0, perception, (None,))


def best_mixture(points: Sequence[OperatingPoint], D: float, P: float) -> OperatingPoint | None:
    """The mixture of known channels that meets both limits at the least rate; None if no mixture does.

    I and δ are convex in the channel and E d is linear, so a mixture of channels reaches at most the mixture of their
    points. The best one is a linear program with two limits: at most three channels take part, and all limits hold
    with equality but for those that one channel, or two, can spare.
    """
    best: tuple[float, tuple[OperatingPoint, ...], FloatArray] | None = None
    useful = [point for point in points if np.isfinite([point.rate, point.distortion, point.perception]).all()]
    limits = np.array([[D], [P if np.isfinite(P) else 1.0]])  # without a ball every perception is 0
    for size in (1, 2, 3):
        for chosen in combinations(useful, size):
            rows = np.array([[point.distortion for point in chosen], [point.perception for point in chosen]]) - limits
            if (rows.min(axis=1) > 0.0).any():
                continue
            for tight in combinations((0, 1), size - 1):
                weights = _weights(rows[list(tight)])
                if weights is None or (rows @ weights > SLIP * limits[:, 0]).any():
                    continue
                rate = float(weights @ [point.rate for point in chosen])
                if best is None or rate < best[0]:
                    best = rate, chosen, weights
    return None if best is None else _mixture(best[1], best[2], D, P)


def _weights(rows: FloatArray) -> FloatArray | None:
    """The law w with rows w = 0, where there is exactly one."""
    size = rows.shape[1]
    scale = np.abs(rows).max(axis=1, keepdims=True)
    system = np.vstack([rows / np.where(scale > 0.0, scale, 1.0), np.ones((1, size))])
    if size > 1 and abs(np.linalg.det(system)) < SINGULAR:
        return None
    weights = np.linalg.solve(system, np.eye(1, size, size - 1)[0])
    return None if (weights < 0.0).any() else np.asarray(weights / weights.sum())


def _mixture(points: tuple[OperatingPoint, ...], weights: FloatArray, D: float, P: float) -> OperatingPoint:
    if len(points) == 1:
        return points[0]
    first, last = points[0], points[-1]
    apart = last.distortion - first.distortion
    chord = (first.rate - last.rate) / apart if len(points) == 2 and apart != 0.0 else np.nan
    return OperatingPoint(
        float(weights @ [point.rate for point in points]),
        min(D, float(weights @ [point.distortion for point in points])),
        min(P, float(weights @ [point.perception for point in points])),
        tuple(part for point in points for part in point.parts),
        tuple(float(w * share) for w, point in zip(weights, points, strict=True) for share in point.weights),
        chord,
    )


def evaluated(p: FloatArray, geometry: Geometry, ball: PerceptionLimit | None, part: GibbsChannel) -> OperatingPoint:
    """What a channel reaches, from its log h and s alone."""
    if part.s < FLAT:
        return OperatingPoint(np.inf, np.inf, np.inf, (part,))
    iterate = Iterate.of(p, geometry.at(part.s), part.s, part.log_h)
    return operating_point(iterate, geometry, ball, exact=part.exact_output and ball is not None)


def product_upper_bound(problem: DiscreteProblem, channels: Sequence[GibbsChannel]) -> OperatingPoint | None:
    """A proved upper bound on min I(X;Y): the best mixture of these channels and the nearest map within both limits.

    None if no mixture keeps the limits. The channels are evaluated here; a mixture may miss a limit by `SLIP` of it.
    R falls by at most H(X) as one limit goes from 0 to where it is, so that this costs at most `SLIP` H(X) a limit.
    """
    q = _Parts.of(problem)
    points = [nearest_map(q.p, q.geometry, q.ball)]
    points += [evaluated(q.p, q.geometry, q.ball, q.of_its_unit(part)) for part in channels]
    found = best_mixture(points, q.D, q.P)
    if found is None:
        return None
    rate = found.rate + 2.0 * SLIP * entropy(q.p) + 8.0 * UNIT_ROUNDOFF * found.rate
    return OperatingPoint(float(rate), found.distortion * q.unit, found.perception, found.parts, found.weights)


def product_prices(problem: DiscreteProblem, dual: DualPoint) -> FloatArray | None:
    """log Σ_i p_i exp(f_i - s d_ij) of a dual point (f, s), shape (m,), as float64 has it; None of no such numbers."""
    read = _read(_Parts.of(problem), dual)
    return None if read is None else read[2]


def _read(q: _Parts, dual: DualPoint) -> tuple[FloatArray, float, FloatArray] | None:
    """f, s and the prices of a dual point in the unit of the parts."""
    p, s, held = q.p, float(np.ravel(dual.s)[0]) * q.unit, q.p > 0.0
    f = np.zeros(p.size)  # symbols of zero mass are not read
    f[held] = dual.f[held] if dual.f.size == p.size else dual.f
    if not (np.isfinite(f).all() and FLAT <= s < np.inf):
        return None
    f[held] -= max(0.0, float(f[held].max()) - LARGEST_LOG)  # a constant in f cancels, and no exponential overflows
    weight = p * np.exp(f)
    m = q.geometry.at(s).backward(weight) + SMALLEST * float(weight.sum())
    return f, s, np.log(np.maximum(m, TINY))


def product_lower_bound(problem: DiscreteProblem, dual: DualPoint) -> float:
    """A proved lower bound on min I(X;Y) from a dual point (f, s), at least 0."""
    q = _Parts.of(problem)
    p, geometry, ball, D, P = q.p, q.geometry, q.ball, q.D, q.P
    read = _read(q, dual)
    if read is None:  # at s = 0 every column is one number, at least <p, f>
        return 0.0
    f, s, log_m = read
    if ball is None:
        value = float(log_m.max())
    else:
        if dual.mu is None or ball.is_zero_radius:  # the multiplier of a point is none
            value = ball.divergence.support(log_m, ball.reference, P).value
        else:  # not trusted, it spares a search
            value = ball.divergence.support_at(log_m, ball.reference, P, float(np.ravel(dual.mu)[0]))
    return max(0.0, dual_value(p, f, log_m, s, D, geometry, value))


def written(problem: DiscreteProblem, point: OperatingPoint) -> FloatArray:
    """The channel (n, m) of an operating point; for alphabets small enough."""
    q = _Parts.of(problem)
    return mixed_channel(q.p, q.geometry, q.ball, point)


def mixed_channel(p: FloatArray, geometry: Geometry, ball: PerceptionLimit | None, point: OperatingPoint) -> FloatArray:
    """The mixture of the parts of an operating point, shape (n, m)."""
    total = np.zeros(geometry.shape)
    for part, weight in zip(point.parts, point.weights, strict=True):
        if part is None:
            total[np.arange(p.size), geometry.nearest()] += weight
            continue
        if isinstance(part, np.ndarray):
            total += weight * part
            continue
        iterate = Iterate.of(p, geometry.at(part.s), part.s, part.log_h)
        channel = iterate.channel()
        if part.exact_output and ball is not None:
            keep, lack = _kept(iterate, ball.reference, 0.0)
            channel *= keep[None, :]
            channel += np.maximum(1.0 - channel.sum(axis=1), 0.0)[:, None] * (lack / max(float(lack.sum()), TINY))
        total += weight * channel
    return np.asarray(total / total.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class _Parts:
    """p, d, the ball, D and P of a problem with one distortion and at most one ball, d and D over `unit`."""

    p: FloatArray
    geometry: Geometry
    ball: PerceptionLimit | None
    D: float
    P: float
    unit: float

    @classmethod
    def of(cls, problem: DiscreteProblem) -> _Parts:
        geometry, D, unit = problem.distortions[0].measured
        ball = problem.perceptions[0] if problem.perceptions else None
        return cls(problem.probabilities, geometry, ball, D, np.inf if ball is None else ball.limit, unit)

    def of_its_unit(self, part: GibbsChannel) -> GibbsChannel:
        return part if self.unit == 1.0 else replace(part, s=part.s * self.unit)


guard(__name__)
