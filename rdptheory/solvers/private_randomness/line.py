"""Two laws on the line as flat pieces of their quantile functions, and bounds on what common cuts can gain.

Between the jumps of the two quantile functions the gain of a cell is convex and the entropy concave in each cut. So
min of D + λH, with every cut free or confined to an interval, has its cuts at jumps or ends of intervals, and a dynamic
programme finds it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from rdptheory._types import FloatArray, IntArray
from rdptheory.information import binary_entropy
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import PrivatePlan

__all__ = ["IN", "OPEN", "OUT", "Line", "Node", "convex_envelope"]

OPEN, OUT, IN = -1, 0, 1

States = NDArray[np.int8]


def convex_envelope(problem: DiscreteTransport) -> tuple[float, float]:
    """(value, λ): the lower convex envelope of R -> D(R) at R, exact up to rounding, and minus its slope.

    With common randomness that much is always reached, by sharing time between two sets of cuts.
    """
    line = Line(problem)
    value, price = line.relaxed([line.root()], np.array([line.span]), steps=200)[:2]
    return float(value[0]), float(price[0])


class Line:
    """The flat pieces of both quantile functions, centred, and what cells between levels gain."""

    def __init__(self, problem: DiscreteTransport) -> None:
        assert problem.x is not None
        assert problem.y is not None
        self.problem, self.R = problem, problem.R
        self.rows, self.columns = np.argsort(problem.x, kind="stable"), np.argsort(problem.y, kind="stable")
        x, p = problem.x[self.rows], problem.p[self.rows]
        y, q = problem.y[self.columns], problem.q[self.columns]
        mean_x, mean_y = float(p @ x), float(q @ y)
        x, y = x - mean_x, y - mean_y
        self.span = float(p @ x**2 + q @ y**2)
        self.constant = (mean_x - mean_y) ** 2 + self.span
        levels_x, levels_y = np.cumsum(p)[:-1], np.cumsum(q)[:-1]
        jumps = np.unique(np.concatenate((levels_x, levels_y)))
        jumps = jumps[(jumps > 1e-14) & (jumps < 1.0 - 1e-14)]
        apart = np.diff(jumps, prepend=-1.0) > 1e-14
        self.jumps = jumps[apart]
        self.edges = np.concatenate(([0.0], self.jumps, [1.0]))  # (K+1,)
        middles = 0.5 * (self.edges[1:] + self.edges[:-1])
        self.piece_x = x[np.searchsorted(levels_x, middles)]
        self.piece_y = y[np.searchsorted(levels_y, middles)]
        lengths = np.diff(self.edges)
        self.GX = np.concatenate(([0.0], np.cumsum(lengths * self.piece_x)))
        self.GY = np.concatenate(([0.0], np.cumsum(lengths * self.piece_y)))
        a, b = self.piece_x @ (lengths * self.piece_x), self.piece_y @ (lengths * self.piece_y)
        # Y = sX + t in law, s > 0: then one cut inside a flat piece is enough for all of them together
        self.single = bool(
            np.allclose(self.piece_x * np.sqrt(b), self.piece_y * np.sqrt(a), rtol=0.0, atol=1e-14 * (a + b))
        )

    def root(self) -> Node:
        """Nothing decided."""
        K = self.piece_x.size
        jump, piece = np.full(K - 1, OPEN, dtype=np.int8), np.full(K, OPEN, dtype=np.int8)
        return Node(jump, piece, self.edges[:-1], self.edges[1:])

    def integrals(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """G_X and G_Y at levels of any shape."""
        return np.interp(t, self.edges, self.GX), np.interp(t, self.edges, self.GY)

    def gain(self, s: FloatArray, t: FloatArray) -> FloatArray:
        """ΔG_X ΔG_Y / Δt of cells [s, t]; 0 for empty ones."""
        (sx, sy), (tx, ty) = self.integrals(s), self.integrals(t)
        length = t - s
        return np.asarray(np.divide((tx - sx) * (ty - sy), length, out=np.zeros_like(length), where=length > 0.0))

    def distortion(self, cuts: FloatArray) -> float:
        """D of the cuts 0 = t_0 < ... < t_N = 1."""
        return self.constant - 2.0 * float(self.gain(cuts[:-1], cuts[1:]).sum())

    def relaxed(
        self, nodes: list[Node], prices: FloatArray, steps: int
    ) -> tuple[FloatArray, FloatArray, list[FloatArray | None], list[FloatArray | None]]:
        """Bounds (B,), their λ (B,), and for every node the cuts on either side of the rate limit."""
        levels, priced, reach = Slots(nodes).slots(self)
        size = levels.shape[1]
        gx, gy = self.integrals(levels)
        length = levels[:, :, None] - levels[:, None, :]  # [node, end, start]
        gain = (gx[:, :, None] - gx[:, None, :]) * (gy[:, :, None] - gy[:, None, :])
        cost = -2.0 * np.divide(gain, length, out=np.zeros_like(gain), where=length > 0.0)
        entropy = scipy.special.entr(np.maximum(length, 0.0))
        starts = np.arange(size)
        banned = (starts[None, None, :] < reach[:, :, None]) | (starts[None, None, :] >= starts[None, :, None])
        banned |= ~priced[:, :, None] | ~priced[:, None, :]
        cost[banned] = np.inf
        B = levels.shape[0]
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
            best, rate = self.constant + value[:, -1], spent[:, -1]
            here = best - lam * self.R
            climbs = here > bound
            done |= here >= promised - 1e-15 * self.constant
            at[climbs], bound[climbs] = lam[climbs], here[climbs]
            for b in np.nonzero(~done & np.isfinite(best))[0]:
                cuts = _traced(levels[b], origin[b])
                side, kept = (low, low_cuts) if rate[b] <= self.R else (high, high_cuts)
                side[b], kept[b] = (best[b] - lam[b] * rate[b], rate[b]), cuts
            both = ~np.isnan(low[:, 0]) & ~np.isnan(high[:, 0])
            done |= ~np.isfinite(best) | (np.isnan(high[:, 0]) & (lam == 0.0))
            if done.all():
                break
            with np.errstate(invalid="ignore", divide="ignore"):
                crossing = (low[:, 0] - high[:, 0]) / (high[:, 1] - low[:, 1])
            guess = np.where(np.isnan(high[:, 0]), np.where(lam > 1e-9 * self.span, 0.25 * lam, 0.0), 4.0 * lam + 1e-9)
            lam = np.where(done, lam, np.where(both, np.maximum(crossing, 0.0), guess))
            promised = np.where(both, low[:, 0] + lam * (low[:, 1] - self.R), np.inf)
        return bound, at, low_cuts, high_cuts

    def spent(self, cuts: FloatArray) -> tuple[float, FloatArray]:
        """Split one cell of the cuts (of entropy at most R) to spend the rest of the rate: (D, cuts), the best way."""
        start, stop = cuts[:-1], cuts[1:]
        length = stop - start
        share = _inverse_entropy((self.R - float(scipy.special.entr(length).sum())) / length)
        t = np.stack((start + share * length, stop - share * length))
        change = self.gain(start, t) + self.gain(t, stop) - self.gain(start, stop)
        side, cell = np.unravel_index(int(change.argmax()), change.shape)
        if not change[side, cell] > 0.0:
            return self.distortion(cuts), cuts
        cuts = np.insert(cuts, cell + 1, t[side, cell])
        return self.distortion(cuts), cuts

    def plan(self, cuts: FloatArray) -> PrivatePlan:
        """Encoder and decoder of the cells."""
        p, q = self.problem.p[self.rows], self.problem.q[self.columns]
        encoder, decoder = np.empty((p.size, cuts.size - 1)), np.empty((cuts.size - 1, q.size))
        encoder[self.rows] = _overlaps(p, cuts)
        encoder[self.rows[p == 0.0], 0] = 1.0
        weights = np.diff(cuts)
        decoder[:, self.columns] = (_overlaps(q, cuts) * q[:, None]).T / weights[:, None]
        return PrivatePlan(encoder / encoder.sum(axis=1, keepdims=True), decoder / decoder.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class Node:
    """What is decided: states of the jumps (K-1,) and pieces (K,), and the intervals (K,) of cuts inside pieces.

    low_cuts, high_cuts: the cuts its bound came from, with entropy at most R and above R.
    """

    jump: States
    piece: States
    low: FloatArray
    high: FloatArray
    low_cuts: FloatArray | None = None
    high_cuts: FloatArray | None = None


class Slots:
    """B nodes side by side: jump (B, K-1), piece, low and high (B, K)."""

    def __init__(self, nodes: list[Node]) -> None:
        self.jump, self.piece = np.array([node.jump for node in nodes]), np.array([node.piece for node in nodes])
        self.low, self.high = np.array([node.low for node in nodes]), np.array([node.high for node in nodes])

    def slots(self, line: Line) -> tuple[FloatArray, NDArray[np.bool_], IntArray]:
        """Candidate levels (B, S) in order, which may be used, and the first start of a cell that ends there.

        S counts 0, then for each piece its two interior candidates and the jump at its right end (1 for the last).
        """
        B, K = self.piece.shape
        levels, usable = np.zeros((B, 3 * K + 1)), np.ones((B, 3 * K + 1), dtype=bool)
        levels[:, 1::3], levels[:, 2::3], levels[:, 3::3] = self.low, self.high, line.edges[1:]
        usable[:, 1::3] = usable[:, 2::3] = self.piece != OUT
        usable[:, 3:-1:3] = self.jump != OUT
        forced = np.zeros((B, 3 * K + 2), dtype=np.intp)
        left = np.arange(1, 3 * K + 1, 3)
        forced[:, 3::3] = np.where(self.piece == IN, left, 0)  # a cell that ends past u starts at l or later
        forced[:, 4:-1:3] = np.maximum(forced[:, 4:-1:3], np.where(self.jump == IN, left[:-1] + 2, 0))
        return levels, usable, np.maximum.accumulate(forced, axis=1)[:, :-1]


def _traced(levels: FloatArray, origin: IntArray) -> FloatArray:
    path = [levels.size - 1]
    while path[-1] > 0:
        path.append(int(origin[path[-1]]))
    return np.unique(levels[path])


def _overlaps(masses: FloatArray, cuts: FloatArray) -> FloatArray:
    """Share of each atom (n, N) that lies in each cell of the levels."""
    ends = np.cumsum(masses)
    ends[-1] = 1.0
    starts = np.concatenate(([0.0], ends[:-1]))
    common = np.minimum(ends[:, None], cuts[1:]) - np.maximum(starts[:, None], cuts[:-1])
    held = masses[:, None] > 0.0
    return np.asarray(np.divide(np.maximum(common, 0.0), masses[:, None], out=np.zeros_like(common), where=held))


def _inverse_entropy(rates: FloatArray) -> FloatArray:
    """The x in [0, 1/2] with Hb(x) = rate, elementwise and rounded down; 1/2 beyond log 2."""
    low, high = np.zeros_like(rates), np.full_like(rates, 0.5)
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = binary_entropy(middle) <= rates
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(np.where(rates >= np.log(2.0), 0.5, low), dtype=np.float64)
