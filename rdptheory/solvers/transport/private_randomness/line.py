"""Cells between cuts of two quantile functions, and the prices of a nat at which a set of cuts is bounded best.

The pieces, the sets of cuts and what covers them are those of `certificates.transport.cuts`. The sums here run from
level 0, which is fast and costs digits; the judge sums over each cell.
"""

from __future__ import annotations

import numpy as np
import scipy

from rdptheory._types import FloatArray, IntArray
from rdptheory.certificates.transport.cuts import Line, Node, NodeBatch
from rdptheory.information import binary_entropy, inverse_binary_entropy
from rdptheory.plans import PrivatePlan
from rdptheory.transport_problem import DiscreteTransport

__all__ = ["Cuts", "convex_envelope"]

FREE = 1e-9
"""Prices of a nat below this share of the variance are tried as 0, and the search for a price starts there."""
NODE = 5000.0
"""What a node costs besides its table, in entries: its own upper ends and the array operations."""
PROMISE = 1e-15
"""A price is best once it reaches what the cuts on both sides of the rate limit promise, up to rounding."""
HALVINGS = 16
"""Bisections of a share in [0, 1/2], enough to say which cell to split."""


def convex_envelope(problem: DiscreteTransport) -> tuple[float, float]:
    """(value, λ): the lower convex envelope of R -> D(R) at R, exact up to rounding, and minus its slope.

    With common randomness that much is always reached, by sharing time between two sets of cuts.
    """
    cuts = Cuts(problem)
    value, price = cuts.relaxed([cuts.line.root()], np.array([cuts.line.span]), steps=200)[:2]
    return float(value[0]), float(price[0])


class Cuts:
    """What cells between places gain, from integrals of both quantile functions up to a place."""

    def __init__(self, problem: DiscreteTransport) -> None:
        self.problem, self.R, self.work = problem, problem.R, 0.0
        self.line = Line.of(problem)
        length = self.line.length
        mean_x, mean_y = float(length @ self.line.x), float(length @ self.line.y)
        self.x, self.y = self.line.x - mean_x, self.line.y - mean_y
        self.span = float(length @ (self.x**2 + self.y**2))
        self.constant = (mean_x - mean_y) ** 2 + self.span
        self.edges = np.arange(length.size + 1, dtype=np.float64)
        self.sums = [np.concatenate(([0.0], np.cumsum(part))) for part in (length, length * self.x, length * self.y)]
        self.sums[0][-1] = 1.0

    def integrals(self, places: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The level, G_X and G_Y at places of any shape."""
        level, gx, gy = (np.interp(places, self.edges, total) for total in self.sums)
        return level, gx, gy

    def levels(self, places: FloatArray) -> FloatArray:
        """The levels in [0, 1] at places."""
        return np.asarray(np.interp(places, self.edges, self.sums[0]))

    def lengths(self, cuts: FloatArray) -> FloatArray:
        """Masses of the cells of the cuts 0 = t_0 < ... < t_N = K."""
        return np.diff(self.levels(cuts))

    def gain(self, s: FloatArray, t: FloatArray) -> FloatArray:
        """ΔG_X ΔG_Y / Δt of cells [s, t]; 0 for empty ones."""
        (s, sx, sy), (t, tx, ty) = self.integrals(s), self.integrals(t)
        length = t - s
        return np.asarray(np.divide((tx - sx) * (ty - sy), length, out=np.zeros_like(length), where=length > 0.0))

    def distortion(self, cuts: FloatArray) -> float:
        """D of the cuts."""
        return self.constant - 2.0 * float(self.gain(cuts[:-1], cuts[1:]).sum())

    def relaxed(
        self, nodes: list[Node], prices: FloatArray, steps: int
    ) -> tuple[FloatArray, FloatArray, list[FloatArray | None], list[FloatArray | None]]:
        """Bounds (B,), their λ (B,), and for every node the cuts on either side of the rate limit."""
        slots = NodeBatch.of(nodes)
        B, size = slots.places.shape
        self.work += B * float(size) ** 2 + B * NODE
        level, gx, gy = self.integrals(slots.places)
        length = level[:, :, None] - level[:, None, :]  # [node, end, start]
        gain = (gx[:, :, None] - gx[:, None, :]) * (gy[:, :, None] - gy[:, None, :])
        cost = -2.0 * np.divide(gain, length, out=np.zeros_like(gain), where=length > 0.0)
        entropy = scipy.special.entr(np.maximum(length, 0.0))
        cost[~slots.cells()] = np.inf
        every = np.arange(B)
        bound, at = np.full(B, -np.inf), prices.copy()
        lam = prices.copy()
        low, high = np.full((B, 2), np.nan), np.full((B, 2), np.nan)  # (D, H) with H <= R, with H > R
        low_cuts: list[FloatArray | None] = [None] * B
        high_cuts: list[FloatArray | None] = [None] * B
        promised, done = np.full(B, np.inf), np.zeros(B, dtype=bool)
        for _ in range(steps):
            total = cost + lam[:, None, None] * entropy
            value, spent = np.full((B, size), np.inf), np.zeros((B, size))
            origin = np.zeros((B, size), dtype=np.intp)
            value[:, 0] = 0.0
            for j in range(1, size):
                options = value[:, :j] + total[:, j, :j]
                i = options.argmin(axis=1)
                value[:, j], origin[:, j] = options[every, i], i
                spent[:, j] = spent[every, i] + entropy[every, j, i]
            best, rate = self.constant + value[every, slots.end], spent[every, slots.end]
            here = best - lam * self.R
            climbs = here > bound
            done |= here >= promised - PROMISE * self.constant
            at[climbs], bound[climbs] = lam[climbs], here[climbs]
            for b in np.nonzero(~done & np.isfinite(best))[0]:
                cuts = _traced(slots.places[b], origin[b], int(slots.end[b]))
                side, kept = (low, low_cuts) if rate[b] <= self.R else (high, high_cuts)
                side[b], kept[b] = (best[b] - lam[b] * rate[b], rate[b]), cuts
            both = ~np.isnan(low[:, 0]) & ~np.isnan(high[:, 0])
            done |= ~np.isfinite(best) | (np.isnan(high[:, 0]) & (lam == 0.0))
            if done.all():
                break
            with np.errstate(invalid="ignore", divide="ignore"):
                crossing = (low[:, 0] - high[:, 0]) / (high[:, 1] - low[:, 1])
            guess = np.where(
                np.isnan(high[:, 0]), np.where(lam > FREE * self.span, 0.25 * lam, 0.0), 4.0 * lam + FREE * self.span
            )
            lam = np.where(done, lam, np.where(both, np.maximum(crossing, 0.0), guess))
            promised = np.where(both, low[:, 0] + lam * (low[:, 1] - self.R), np.inf)
        return bound, at, low_cuts, high_cuts

    def merged(self, cuts: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(D, H) of the cuts, and of the cuts without each inner one, (N,) each."""
        gain, entropy = self.gain(cuts[:-1], cuts[1:]), scipy.special.entr(self.lengths(cuts))
        joined = self.gain(cuts[:-2], cuts[2:]) - gain[:-1] - gain[1:]
        level = self.levels(cuts)
        less = scipy.special.entr(level[2:] - level[:-2]) - entropy[:-1] - entropy[1:]
        D, H = self.constant - 2.0 * float(gain.sum()), float(entropy.sum())
        return np.concatenate(([D], D - 2.0 * joined)), np.concatenate(([H], H + less))

    def spent(self, cuts: FloatArray) -> tuple[float, FloatArray]:
        """Split one cell of the cuts (of entropy at most R) to spend the rest of the rate: (D, cuts), the best way."""
        level = self.levels(cuts)
        length = np.diff(level)
        left = self.R - float(scipy.special.entr(length).sum())
        start, stop = cuts[:-1], cuts[1:]

        def split(share: FloatArray) -> FloatArray:
            at = np.stack((level[:-1] + share * length, level[1:] - share * length))
            return np.clip(np.interp(at, self.sums[0], self.edges), start, stop)

        rates = np.divide(left, length, out=np.zeros_like(length), where=length > 0.0)
        t = split(_inverse_entropy(rates))
        change = self.gain(start, t) + self.gain(t, stop) - self.gain(start, stop)
        side, cell = np.unravel_index(int(change.argmax()), change.shape)
        if not change[side, cell] > 0.0:
            return self.distortion(cuts), cuts
        exact = split(np.full(length.size, inverse_binary_entropy(float(rates[cell]))))
        cuts = np.insert(cuts, cell + 1, exact[side, cell])
        return self.distortion(cuts), cuts

    def plan(self, cuts: FloatArray) -> PrivatePlan:
        """Encoder and decoder of the cells."""
        n, m = self.problem.shape
        pieces = np.maximum(
            np.minimum(self.edges[1:], cuts[1:, None]) - np.maximum(self.edges[:-1], cuts[:-1, None]), 0.0
        )
        masses = pieces * self.line.length  # (cells, K)
        encoder, decoder = np.zeros((n, cuts.size - 1)), np.zeros((cuts.size - 1, m))
        np.add.at(encoder, self.line.rows, masses.T)
        np.add.at(decoder.T, self.line.columns, masses.T)
        return PrivatePlan(encoder, decoder)


def _traced(places: FloatArray, origin: IntArray, end: int) -> FloatArray:
    path = [end]
    while path[-1] > 0:
        path.append(int(origin[path[-1]]))
    return np.unique(places[path])


def _inverse_entropy(rates: FloatArray) -> FloatArray:
    """About the x in [0, 1/2] with Hb(x) = rate, elementwise; 1/2 beyond log 2."""
    low, high = np.zeros_like(rates), np.full_like(rates, 0.5)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        below = binary_entropy(middle) <= rates
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(np.where(rates >= np.log(2.0), 0.5, low), dtype=np.float64)
