"""What an iterate proves: a lower bound from its dual point, an upper bound from its channel.

A vector log h of shape (m,) and s > 0 give the row-exact channel W_ij = u_i K_ij h_j with K = exp(-s d), u = 1/(K h).
With f = log u, m = K'(p u) and the output law r = h m,

    R(D,P) >= <p, f> - s D - σ_P(log m),          I(X;Y) = <p, f> - <r, log m> - s E d(X,Y),

so that both ends come from quantities at hand, and the n x m channel never has to exist.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.geometry import Geometry, Gibbs
from rdptheory.geometry.base import UNIT_ROUNDOFF
from rdptheory.information import entropy
from rdptheory.solvers.first_order.projections import Ball

__all__ = ["TINY", "Iterate", "Reached", "cheapest", "lower_bound", "nearest_map", "reached", "rounded"]

TINY = 1e-290  # stands in for a column sum that underflowed: larger is valid in a lower bound
SLIP = 4.0 * UNIT_ROUNDOFF  # of the limits, by which a mixture may miss them
SINGULAR = 1e-14


@dataclass(frozen=True, eq=False)
class Iterate:
    """The row-exact channel of one log h at one s, and its dual point."""

    p: FloatArray
    gibbs: Gibbs
    s: float
    log_h: FloatArray
    f: FloatArray
    log_m: FloatArray
    law: FloatArray

    @classmethod
    def of(cls, p: FloatArray, gibbs: Gibbs, s: float, log_h: FloatArray) -> Iterate:
        """Two products with the kernel."""
        h = np.exp(log_h)
        kh = np.maximum(gibbs.forward(h), TINY)
        m = np.maximum(gibbs.backward(p / kh), TINY)
        return cls(p, gibbs, s, log_h, -np.log(kh), np.log(m), h * m)

    @cached_property
    def distortion(self) -> float:
        """E d(X,Y): one more product."""
        return float((self.p * np.exp(self.f)) @ self.gibbs.cost(np.exp(self.log_h)))

    def channel(self) -> FloatArray:
        """W, shape (n, m)."""
        return self.gibbs.table() * np.exp(self.f)[:, None] * np.exp(self.log_h)[None, :]


@dataclass(frozen=True, eq=False)
class Reached:
    """What one channel reaches: (I, E d, δ) in nats and the units of d and δ.

    `channel` writes the channel down, `again` evaluates it with another kernel of the same distortion.
    """

    rate: float
    distortion: float
    perception: float
    channel: Callable[[], FloatArray]
    again: Callable[[Geometry], Reached]


def lower_bound(
    p: FloatArray, f: FloatArray, log_m: FloatArray, s: float, D: float, kernel: Geometry, sigma: float
) -> float:
    """<p, f> - s D - σ, less what float64 may have added.

    `sigma` bounds σ_P(log m) from above, and m = K'(p e^f) with relative error at most `kernel.rounding(s).product`; as
    σ_P(v + η) = σ_P(v) + η, that error costs η. The sums cost at most n units of rounding of their absolute values, in
    whatever order they are taken.
    """
    size = float(p @ np.abs(f)) + float(np.abs(log_m).max()) + s * D
    allowance = kernel.rounding(s).product + (p.size + 16.0) * UNIT_ROUNDOFF * size
    return float(p @ f) - s * D - sigma - allowance


def reached(p: FloatArray, ball: Ball, kernel: Geometry, iterate: Iterate) -> Reached:
    """The point of a row-exact channel."""
    law = iterate.law / float(iterate.law.sum())

    def again(other: Geometry) -> Reached:
        return reached(p, ball, other, Iterate.of(p, other.at(iterate.s), iterate.s, iterate.log_h))

    return Reached(_information(kernel, iterate), iterate.distortion, ball.value(law), iterate.channel, again)


def cheapest(points: Sequence[Reached], D: float, P: float) -> Reached | None:
    """The mixture of known channels that meets both limits at the least rate; None if no mixture does.

    I and δ are convex in the channel and E d is linear, so a mixture of channels reaches at most the mixture of their
    points. The best one is a linear program with two limits: at most three channels take part, and all limits hold
    with equality but for those that one channel, or two, can spare.
    """
    best: tuple[float, tuple[Reached, ...], FloatArray] | None = None
    useful = [point for point in points if np.isfinite(point.perception)]
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
    if not np.isfinite(rows).all():
        return None
    scale = np.abs(rows).max(axis=1, keepdims=True)
    system = np.vstack([rows / np.where(scale > 0.0, scale, 1.0), np.ones((1, size))])
    if size > 1 and abs(np.linalg.det(system)) < SINGULAR:
        return None
    weights = np.linalg.solve(system, np.eye(1, size, size - 1)[0])
    return None if (weights < 0.0).any() else np.asarray(weights / weights.sum())


def _mixture(points: tuple[Reached, ...], weights: FloatArray, D: float, P: float) -> Reached:
    if len(points) == 1:
        return points[0]

    def channel() -> FloatArray:
        return np.asarray(sum(w * point.channel() for w, point in zip(weights, points, strict=True)))

    def again(kernel: Geometry) -> Reached:
        anew = [point.again(kernel) for point in points]
        return cheapest(anew, D, P) or max(anew, key=lambda point: point.rate)

    return Reached(
        float(weights @ [point.rate for point in points]),
        min(D, float(weights @ [point.distortion for point in points])),
        min(P, float(weights @ [point.perception for point in points])),
        channel,
        again,
    )


def nearest_map(p: FloatArray, ball: Ball, kernel: Geometry) -> Reached:
    """Every symbol to its nearest reconstruction: E d = 0, and δ = 0 when that is the identity."""
    columns = kernel.nearest()
    n, m = kernel.shape
    law = np.bincount(columns, weights=p, minlength=m).astype(np.float64)

    def channel() -> FloatArray:
        table = np.zeros((n, m))
        table[np.arange(n), columns] = 1.0
        return table

    return Reached(entropy(law), 0.0, ball.value(law), channel, lambda other: nearest_map(p, ball, other))


def rounded(p: FloatArray, reference: FloatArray, kernel: Geometry, iterate: Iterate) -> Reached:
    """A channel whose output law is the reference, from one whose output law is close to it.

    Surplus output mass is sent on to the symbols that lack mass, whatever the source symbol was. This is processing
    of Y, which cannot raise I(X;Y); what it adds to E d is computed.
    """
    keep = np.minimum(1.0, reference / np.maximum(iterate.law, TINY))
    lack = np.maximum(reference - iterate.law, 0.0)
    lack = lack / max(float(lack.sum()), TINY)
    u, h = np.exp(iterate.f), np.exp(iterate.log_h)
    sent = np.maximum(1.0 - u * iterate.gibbs.forward(h * keep), 0.0)
    kept = float((p * u) @ iterate.gibbs.cost(h * keep))

    def channel() -> FloatArray:
        table = iterate.channel() * keep[None, :]
        return np.asarray(table + (1.0 - table.sum(axis=1))[:, None] * lack[None, :])

    def again(other: Geometry) -> Reached:
        return rounded(p, reference, other, Iterate.of(p, other.at(iterate.s), iterate.s, iterate.log_h))

    distortion = kept + float((p * sent) @ kernel.mean(lack))
    return Reached(_information(kernel, iterate), distortion, 0.0, channel, again)


def _information(kernel: Geometry, iterate: Iterate) -> float:
    """I(X;Y) of a row-exact channel, plus what float64 may have taken away."""
    p, price = iterate.p, iterate.s * iterate.distortion
    gain, loss = float(p @ iterate.f), float(iterate.law @ iterate.log_m)
    size = float(p @ np.abs(iterate.f)) + float(iterate.law @ np.abs(iterate.log_m)) + price
    rounding = 2.0 * kernel.rounding(iterate.s).product + (p.size + 16.0) * UNIT_ROUNDOFF * size
    return max(gain - loss - price, 0.0) + rounding
