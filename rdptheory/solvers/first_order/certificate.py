"""What an iterate proves: a lower bound from its dual point, an upper bound from its channel.

A vector log h of shape (m,) and s > 0 give the row-exact channel W_ij = u_i K_ij h_j with K = exp(-s d), u = 1/(K h).
With f = log u, m = K'(p u) and the output law r = h m,

    R(D,P) >= <p, f> - s D - σ_P(log m),          I(X;Y) = <p, f> - <r, log m> - s E d(X,Y),

so that both ends come from quantities at hand, and the n x m channel never has to exist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.information import entropy
from rdptheory.solvers.first_order.kernels import UNIT_ROUNDOFF, Gibbs, Kernel
from rdptheory.solvers.first_order.projections import Ball

__all__ = ["TINY", "Iterate", "Reached", "lower_bound", "mixed", "nearest_map", "reached", "rounded"]

TINY = 1e-300  # stands in for a column sum that underflowed: larger is valid in a lower bound


@dataclass(frozen=True, eq=False)
class Iterate:
    """The row-exact channel of one log h at one s, and its dual point."""

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
        return cls(gibbs, s, log_h, -np.log(kh), np.log(m), h * m)

    def distortion(self, p: FloatArray) -> float:
        """E d(X,Y): one more product."""
        return float((p * np.exp(self.f)) @ self.gibbs.cost(np.exp(self.log_h)))

    def channel(self) -> FloatArray:
        """W, shape (n, m)."""
        return self.gibbs.table() * np.exp(self.f)[:, None] * np.exp(self.log_h)[None, :]


@dataclass(frozen=True, eq=False)
class Reached:
    """What one channel reaches: (I, E d, δ) in nats and the units of d and δ, and how to write the channel down."""

    rate: float
    distortion: float
    perception: float
    channel: Callable[[], FloatArray]

    def meets(self, D: float, P: float) -> bool:
        """Whether both limits hold."""
        return self.distortion <= D and self.perception <= P


def lower_bound(
    p: FloatArray, f: FloatArray, log_m: FloatArray, s: float, D: float, kernel: Kernel, sigma: float
) -> float:
    """<p, f> - s D - σ, less what float64 may have added.

    `sigma` bounds σ_P(log m) from above, and m = K'(p e^f) with relative error at most `kernel.rounding(s)`; as
    σ_P(v + η) = σ_P(v) + η, that error costs η. The sums cost n units of rounding of their absolute values.
    """
    size = float(p @ np.abs(f)) + float(np.abs(log_m).max()) + s * D
    allowance = kernel.rounding(s) + (float(np.log2(p.size)) + 16.0) * UNIT_ROUNDOFF * size
    return float(p @ f) - s * D - sigma - allowance


def reached(p: FloatArray, ball: Ball, iterate: Iterate) -> Reached:
    """The point of a row-exact channel."""
    distortion = iterate.distortion(p)
    rate = float(p @ iterate.f) - float(iterate.law @ iterate.log_m) - iterate.s * distortion
    law = iterate.law / float(iterate.law.sum())
    return Reached(max(rate, 0.0), distortion, ball.value(law), iterate.channel)


def mixed(point: Reached, anchor: Reached | None, D: float, P: float) -> Reached | None:
    """The channel that meets both limits by taking as little as it can of an anchor that does.

    I and δ are convex in the channel and E d is linear, so the mixture reaches at most the mixture of the points.
    """
    if point.meets(D, P):
        return point
    if anchor is None or not anchor.meets(D, P):
        return None
    share = 0.0
    for value, held, limit in (
        (point.distortion, anchor.distortion, D),
        (point.perception, anchor.perception, P),
    ):
        if value > limit:
            share = 1.0 if np.isinf(value) else max(share, (value - limit) / (value - held))
    share = min(1.0, share)

    def channel() -> FloatArray:
        return np.asarray((1.0 - share) * point.channel() + share * anchor.channel())

    def combine(x: float, y: float) -> float:
        return y if share == 1.0 else (1.0 - share) * x + share * y

    return Reached(
        combine(point.rate, anchor.rate),
        min(D, combine(point.distortion, anchor.distortion)),
        min(P, combine(point.perception, anchor.perception)),
        channel,
    )


def nearest_map(p: FloatArray, ball: Ball, kernel: Kernel) -> Reached:
    """Every symbol to its nearest reconstruction: E d = 0, and δ = 0 when that is the identity."""
    columns = kernel.nearest()
    n, m = kernel.shape
    law = np.bincount(columns, weights=p, minlength=m).astype(np.float64)

    def channel() -> FloatArray:
        table = np.zeros((n, m))
        table[np.arange(n), columns] = 1.0
        return table

    return Reached(entropy(law), 0.0, ball.value(law), channel)


def rounded(p: FloatArray, reference: FloatArray, kernel: Kernel, iterate: Iterate) -> Reached:
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
    whole = float((p * u) @ iterate.gibbs.cost(h))
    rate = float(p @ iterate.f) - float(iterate.law @ iterate.log_m) - iterate.s * whole

    def channel() -> FloatArray:
        table = iterate.channel() * keep[None, :]
        return np.asarray(table + (1.0 - table.sum(axis=1))[:, None] * lack[None, :])

    return Reached(max(rate, 0.0), kept + float((p * sent) @ kernel.mean(lack)), 0.0, channel)
