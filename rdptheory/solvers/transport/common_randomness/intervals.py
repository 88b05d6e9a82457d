"""Exact pricing of maps on sorted alphabets under a Monge cost.

For α >= 0 and any ν, min over maps f of E d(X,f(X)) + α H(f(X)) - Σ_y ν_y P(f(X) = y) has a nondecreasing optimiser:
with code lengths l optimal for f, x -> argmin_y d(x,y) + α l_y - ν_y can be chosen nondecreasing and is at least as
good. Labels are then intervals in increasing order, and the minimum is a shortest path over (position, label).
"""

from __future__ import annotations

import numpy as np
import scipy

from rdptheory._types import FloatArray, IntArray
from rdptheory.errors import InvalidInput
from rdptheory.solvers.transport.common_randomness.master import Priced
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import TransportMethod

__all__ = ["IntervalPricing", "in_monge_order"]

Segment = tuple[int, int, int]
"""Label, first symbol, symbol after the last."""


def in_monge_order(problem: DiscreteTransport, method: TransportMethod) -> tuple[IntArray, IntArray]:
    """The orders of the alphabets in which the cost is a Monge array; whoever needs them refuses the rest."""
    if problem.monge_order is None:
        raise InvalidInput("method", method, "needs a cost with a Monge order; use BranchAndBound")
    return problem.monge_order


class IntervalPricing:
    """Prices interval maps in the Monge order of the alphabets; O(n^2 m) a call."""

    smoothed = True

    def __init__(self, problem: DiscreteTransport, order: tuple[IntArray, IntArray]) -> None:
        self.rows, self.labels = order
        n, m = problem.shape
        p = problem.p[self.rows]
        self.mass = np.concatenate(([0.0], np.cumsum(p)))  # (n+1,)
        self.cost = np.zeros((m, n + 1))
        np.cumsum(p * problem.cost[np.ix_(self.rows, self.labels)].T, axis=1, out=self.cost[:, 1:])
        lengths = self.mass[:, None] - self.mass[None, :]  # [end, start]
        self.entropy = np.where(np.tri(n + 1, k=-1, dtype=bool), scipy.special.entr(np.maximum(lengths, 0.0)), np.inf)
        self.reversed_entropy = np.ascontiguousarray(self.entropy[::-1, ::-1].T)

    def price(self, alpha: float, nu: FloatArray) -> Priced:
        """The minimum reduced cost, and for every label the best map that uses it."""
        m, n = self.labels.size, self.rows.size
        gains = self.cost - nu[self.labels, None] * self.mass
        forward = _Sweep(gains, alpha * self.entropy if alpha > 0.0 else _unpriced(self.entropy))
        mirrored = -gains[::-1, ::-1]
        backward = _Sweep(mirrored, alpha * self.reversed_entropy if alpha > 0.0 else _unpriced(self.reversed_entropy))
        rest = backward.best[m - 1 :: -1, ::-1]  # rest[k, j]: cover j..n with labels above k
        through = forward.ending + rest
        ends = through.argmin(axis=1)
        values = through[np.arange(m), ends]
        maps = np.empty((m, n), dtype=np.intp)
        for k, end in enumerate(ends):
            segments = forward.trace(k + 1, int(end), first=k)
            tail = backward.trace(m - 1 - k, n - int(end))
            segments += [(m - 1 - label, n - stop, n - start) for label, start, stop in tail]
            for label, start, stop in segments:
                maps[k, self.rows[start:stop]] = self.labels[label]
        order = np.argsort(values, kind="stable")
        return Priced(float(forward.best[m, n]), maps[order])

    def prove(self, alpha: float, nu: FloatArray) -> Priced:
        """The prices that `price` saw, so nothing new."""
        return Priced(-np.inf, np.empty((0, self.rows.size), dtype=np.intp))


class _Sweep:
    """best[k, j]: least cost of covering symbols 0..j-1 with labels below k; ending[k, j]: with label k last."""

    def __init__(self, gains: FloatArray, priced: FloatArray) -> None:
        m, size = gains.shape
        self.gains, self.priced = gains, priced
        self.best = np.full((m + 1, size), np.inf)
        self.best[0, 0] = 0.0
        self.ending = np.empty((m, size))
        scratch = np.empty_like(priced)
        for k in range(m):
            np.add(priced, self.best[k] - gains[k], out=scratch)
            np.add(scratch.min(axis=1), gains[k], out=self.ending[k])
            np.minimum(self.best[k], self.ending[k], out=self.best[k + 1])

    def trace(self, k: int, end: int, first: int | None = None) -> list[Segment]:
        """Segments (label, start, stop) of the optimal path for best[k, end]; `first` forces the last label."""
        segments: list[Segment] = []
        label = first
        while end > 0:
            if label is None:
                label = int((self.best[: k + 1, end] == self.best[k, end]).argmax()) - 1
            start = int((self.priced[end] + (self.best[label] - self.gains[label])).argmin())
            segments.append((label, start, end))
            k, end, label = label, start, None
        return segments


def _unpriced(entropy: FloatArray) -> FloatArray:
    return np.where(np.isinf(entropy), np.inf, 0.0)
