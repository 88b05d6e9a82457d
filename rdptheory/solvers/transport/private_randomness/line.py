"""Cells between cuts of two quantile functions, and the prices of a nat at which a set of cuts is bounded best.

The pieces, the sets of cuts and what covers them are those of `certificates.transport.cuts`. The sums here run from
level 0, which is fast and costs digits; the judge sums over each cell.
"""

from __future__ import annotations

import numpy as np
import scipy

from rdptheory._native import bound_cuts
from rdptheory._types import FloatArray
from rdptheory.certificates.transport.cuts import Line, Node, NodeBatch
from rdptheory.information import LOG2, binary_entropy, inverse_binary_entropy
from rdptheory.plans import PrivatePlan
from rdptheory.transport_problem import DiscreteTransport

__all__ = ["Cuts"]

FREE = 1e-9
"""Prices of a nat below this share of the variance are tried as 0, and the search for a price starts there."""
NODE = 5000.0
"""What a node costs besides its table, in entries: its own upper ends and the array operations."""
PROMISE = 1e-15
"""A price is best once it reaches what the cuts on both sides of the rate limit promise, up to rounding."""
SHARES = 0.25 * (1.0 - np.cos(np.linspace(0.0, np.pi, 4097)))
"""In [0, 1/2], closest at both ends: linear between them the inverse of Hb errs by 1e-6, enough to say which cell to
split."""
ENTROPIES = binary_entropy(SHARES)


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
        self.sums = np.zeros((3, length.size + 1))
        np.cumsum((length, length * self.x, length * self.y), axis=1, out=self.sums[:, 1:])
        self.sums[0, -1] = 1.0
        self.rises = np.diff(self.sums, append=self.sums[:, -1:])  # none after the last place

    def integrals(self, places: FloatArray) -> FloatArray:
        """The level, G_X and G_Y at places of any shape, (3, ...)."""
        before = places.astype(np.intp)
        return np.asarray(self.sums[:, before] + (places - before) * self.rises[:, before])

    def levels(self, places: FloatArray) -> FloatArray:
        """The levels in [0, 1] at places."""
        return np.asarray(self.integrals(places)[0])

    def distortion(self, cuts: FloatArray) -> float:
        """D of the cuts 0 = t_0 < ... < t_N = K."""
        held = self.integrals(cuts)
        return self.constant - 2.0 * float(_gain(held[:, :-1], held[:, 1:]).sum())

    def relaxed(
        self, nodes: list[Node], prices: FloatArray, steps: int, enough: float = np.inf
    ) -> tuple[FloatArray, FloatArray, list[FloatArray | None], list[FloatArray | None]]:
        """Bounds (B,), their λ (B,), and for every node the cuts on either side of the rate limit.

        A bound of `enough` is not raised further.
        """
        slots = NodeBatch.of(nodes)
        B, size = slots.places.shape
        self.work += B * float(size) ** 2 + B * NODE
        held = self.integrals(slots.places)
        cost = -2.0 * _gain(held[:, :, None, :], held[:, :, :, None])  # [node, end, start]
        entropy = scipy.special.entr(np.maximum(held[0, :, :, None] - held[0, :, None, :], 0.0))
        cost[~slots.cells()] = np.inf
        found = bound_cuts(
            cost,
            entropy,
            slots.end,
            prices,
            constant=self.constant,
            R=self.R,
            steps=steps,
            least=FREE * self.span,
            rounding=PROMISE * self.constant,
            enough=enough,
        )
        low, high = (
            [_distinct(places[cut]) if cut.size else None for places, cut in zip(slots.places, side, strict=True)]
            for side in (found.low, found.high)
        )
        return found.bounds, found.prices, low, high

    def merged(self, cuts: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(D, H) of the cuts, and of the cuts without each inner one, (N,) each."""
        held = self.integrals(cuts)
        gain, entropy = _gain(held[:, :-1], held[:, 1:]), scipy.special.entr(np.diff(held[0]))
        joined = _gain(held[:, :-2], held[:, 2:]) - gain[:-1] - gain[1:]
        less = scipy.special.entr(held[0, 2:] - held[0, :-2]) - entropy[:-1] - entropy[1:]
        D, H = self.constant - 2.0 * float(gain.sum()), float(entropy.sum())
        return np.concatenate(([D], D - 2.0 * joined)), np.concatenate(([H], H + less))

    def spent(self, cuts: FloatArray) -> tuple[float, FloatArray]:
        """Split one cell of the cuts (of entropy at most R) to spend the rest of the rate: (D, cuts), the best way."""
        held = self.integrals(cuts)
        level, start, stop = held[0], held[:, :-1], held[:, 1:]
        length = np.diff(level)
        left = self.R - float(scipy.special.entr(length).sum())

        def split(share: FloatArray | float) -> FloatArray:
            at = np.stack((level[:-1] + share * length, level[1:] - share * length))
            return np.asarray(np.clip(np.interp(at, self.sums[0], self.edges), cuts[:-1], cuts[1:]))

        rates = np.divide(left, length, out=np.zeros_like(length), where=length > 0.0)
        between = self.integrals(split(np.interp(rates, ENTROPIES, SHARES)))
        gain = _gain(start, stop)
        change = _gain(start[:, None], between) + _gain(between, stop[:, None]) - gain
        side, cell = np.unravel_index(int(change.argmax()), change.shape)
        if not change[side, cell] > 0.0:
            return self.constant - 2.0 * float(gain.sum()), cuts
        exact = split(inverse_binary_entropy(float(rates[cell])))
        cuts = np.insert(cuts, cell + 1, exact[side, cell])
        return self.distortion(cuts), cuts

    def spending(self, cuts: FloatArray, i: int) -> list[float]:
        """Both places of cut i at which the cuts spend the rate, if there are any."""
        level = self.levels(cuts)
        whole = float(level[i + 1] - level[i - 1])
        rest = self.R - float(scipy.special.entr(np.diff(np.delete(level, i))).sum())
        if not 0.0 < rest < whole * LOG2:
            return []
        share = inverse_binary_entropy(rest / whole) * whole
        places: list[float] = np.interp([level[i - 1] + share, level[i + 1] - share], self.sums[0], self.edges).tolist()
        return places

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


def _gain(start: FloatArray, stop: FloatArray) -> FloatArray:
    """ΔG_X ΔG_Y / Δt of cells between integrals (3, ...); 0 for empty ones."""
    length, gx, gy = stop - start
    return np.asarray(np.divide(gx * gy, length, out=np.zeros_like(length), where=length > 0.0))


def _distinct(places: FloatArray) -> FloatArray:
    """Places in order, each once."""
    return places[np.concatenate(([True], places[1:] > places[:-1]))]
