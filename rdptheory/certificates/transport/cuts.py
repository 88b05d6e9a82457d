"""One-shot without common randomness, squared error on the line: common cuts of two quantile functions.

With θ_z the masses of Z and the couplings of (X,Z) and (Y,Z) both monotone, which is best for given θ, every plan is a
set of cuts 0 = t_0 < ... < t_N = 1 of the level of both quantile functions, and

    E d = Σ over cells of  S_X + S_Y - 2 G_X G_Y / Δt,      H(Z) = H(Δt),

S and G the integrals of the squares and of the values over a cell. Between jumps of the quantile functions D + λH is
concave in each cut: with every cut free or confined to an interval its least value has the cuts at jumps or ends of
intervals, and a dynamic programme finds it. At most one cut lies inside any one flat piece.

A proof is a tree: each inner node splits a set of cuts into sets that cover it, each leaf names a λ. The least bound of
the leaves is a lower end, whoever drew the tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
import scipy
from numpy.typing import NDArray

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, IntArray
from rdptheory.certificates.transport.argument import Argument
from rdptheory.certificates.transport.rounding import relative_error
from rdptheory.errors import InvalidInput
from rdptheory.transport_problem import DiscreteTransport

__all__ = [
    "IN",
    "INTERVAL",
    "JUMP",
    "LEAF",
    "OPEN",
    "OUT",
    "PIECE",
    "CutMultipliers",
    "Line",
    "Node",
    "NodeBatch",
    "children",
]

OPEN, OUT, IN = -1, 0, 1
"""What is decided of a jump or a piece: nothing, no cut there, a cut there."""
LEAF, JUMP, PIECE, INTERVAL = 0, 1, 2, 3
"""What a node of the tree does: it ends, or splits on a jump, on a piece, on the interval of a piece."""
NEGLIGIBLE = 1e-14
"""Share of the variance that may be lost, in all, by leaving out pieces of the quantile functions; the loss is priced.
Laws that agree up to rounding otherwise have pieces as short as a rounding unit between all their jumps."""
SLIVER = 1e-13
"""Pieces longer than this are kept at any price: they are no rounding."""
BLOCK = 1_000_000
"""Most entries of one table of the dynamic programme, 8 MB."""

States = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Line:
    """The K flat pieces that both quantile functions have between their jumps, in order.

    A place t in [0, K] is a piece and a fraction of it: jump k lies at k, and levels as close as 1e-300 stay apart.

    Attributes
    ----------
    length : array (K,)
        Lengths of the pieces, each to full relative accuracy; they sum to 1.
    x, y : arrays (K,)
        Values of the two quantile functions, less a common constant.
    rows, columns : int arrays (K,)
        The symbols that sit there.
    price : float
        What the pieces left out can cost.
    """

    length: FloatArray
    x: FloatArray
    y: FloatArray
    rows: IntArray
    columns: IntArray
    price: float

    @classmethod
    def of(cls, problem: DiscreteTransport) -> Line:
        """Two laws on the line. Levels are exact integers: masses near level 1 can be far below its spacing."""
        assert problem.x is not None
        assert problem.y is not None
        orders, levels = list[IntArray](), list[list[int]]()
        for law, points in ((problem.p, problem.x), (problem.q, problem.y)):
            order = np.argsort(points, kind="stable")
            order = order[law[order] > 0.0]
            orders.append(order)
            levels.append(_levels(law[order]))
        up, down = levels
        total = up[-1] * down[-1]
        scaled_up, scaled_down = [level * down[-1] for level in up], [level * up[-1] for level in down]
        i = j = last = 0
        pieces: list[tuple[float, int, int]] = []
        while i < len(up) and j < len(down):
            level = min(scaled_up[i], scaled_down[j])
            pieces.append(((level - last) / total, i, j))
            i, j, last = i + (scaled_up[i] == level), j + (scaled_down[j] == level), level
        length = np.array([piece[0] for piece in pieces])
        rows, columns = orders[0][[piece[1] for piece in pieces]], orders[1][[piece[2] for piece in pieces]]
        x, y = problem.x[rows], problem.y[columns]
        middle = 0.5 * float(length @ (x + y))
        return cls(length, x - middle, y - middle, rows, columns, 0.0)._without_slivers()

    def _without_slivers(self) -> Line:
        """Very short pieces joined to the piece on their left, where that costs next to nothing."""
        budget = NEGLIGIBLE * self.span / self.length.size
        length, kept, price = self.length.copy(), [0], 0.0
        for k in range(1, length.size):
            left = kept[-1]
            cost = length[k] * (_farthest(self.x[left], self.x[k], self.y) + _farthest(self.y[left], self.y[k], self.x))
            if cost <= budget and length[k] <= SLIVER:
                length[left] += length[k]
                price += float(cost)
            else:
                kept.append(k)
        price *= 1.0 + relative_error(length.size)
        return Line(length[kept], self.x[kept], self.y[kept], self.rows[kept], self.columns[kept], price)

    @property
    def span(self) -> float:
        """Σ length (x^2 + y^2): what rounding is relative to."""
        return float(self.length @ (self.x**2 + self.y**2))

    @cached_property
    def single(self) -> bool:
        """Whether Y = sX + t in law, s > 0: then one cut inside a flat piece is enough for all of them together."""
        centred = [side - float(self.length @ side) for side in (self.x, self.y)]
        a, b = (float(np.sqrt(self.length @ side**2)) for side in centred)
        size = 8.0 * UNIT_ROUNDOFF * (b * (np.abs(self.x) + a) + a * (np.abs(self.y) + b))
        return bool((np.abs(b * centred[0] - a * centred[1]) <= size).all())

    def root(self) -> Node:
        """Nothing decided."""
        K = self.length.size
        jump, piece = np.full(K - 1, OPEN, dtype=np.int8), np.full(K, OPEN, dtype=np.int8)
        return Node(jump, piece, np.arange(K, dtype=np.float64), np.arange(1, K + 1, dtype=np.float64))


@dataclass(frozen=True, eq=False)
class Node:
    """A set of cuts: states of the jumps (K-1,) and pieces (K,), and the intervals (K,) of cuts inside pieces."""

    jump: States
    piece: States
    low: FloatArray
    high: FloatArray


def children(line: Line, node: Node, kind: int, k: int, place: float = 0.0) -> list[Node]:
    """Sets that cover a set of cuts, split on a jump, a piece, or a place in the interval of a piece.

    Contradictions are left out, and where one cut inside a piece is enough, sets with two.
    """
    family: list[Node] = []

    def child(
        jumps: dict[int, int], pieces: dict[int, int], low: float | None = None, high: float | None = None
    ) -> None:
        jump, piece, lows, highs = node.jump.copy(), node.piece.copy(), node.low.copy(), node.high.copy()
        for index, state in jumps.items():
            jump[index] = state
        for index, state in pieces.items():
            if piece[index] not in (OPEN, state):
                return
            piece[index] = state
        if line.single and (piece == IN).any():
            if (piece == IN).sum() > 1:
                return
            piece[piece == OPEN] = OUT
        lows[k], highs[k] = lows[k] if low is None else low, highs[k] if high is None else high
        family.append(Node(jump, piece, lows, highs))

    if kind == JUMP:
        if node.jump[k] != OUT:
            child({k: IN}, {})
        if node.jump[k] != IN:
            child({k: OUT}, {k: OUT, k + 1: OUT})
            child({k: OUT}, {k: IN})
            child({k: OUT}, {k: OUT, k + 1: IN})
    elif kind == PIECE:
        child({}, {k: OUT})
        child({}, {k: IN})
    else:
        child({}, {}, high=place)
        child({}, {}, low=place)
    return family


@dataclass(frozen=True, eq=False)
class NodeBatch:
    """Where the cuts of B nodes may lie, side by side; rows are filled up with slots that may not be used.

    Attributes
    ----------
    places : array (B, S)
        In order: 0, interior candidates of the pieces, jumps, K.
    usable : bool array (B, S)
    reach : int array (B, S)
        First start of a cell that ends there.
    first, last : int arrays (B, S)
        The piece that a cell begins in which starts there, and the piece that a cell ends in which ends there.
    end : int array (B,)
        The slot of K.
    """

    places: FloatArray
    usable: NDArray[np.bool_]
    reach: IntArray
    first: IntArray
    last: IntArray
    end: IntArray

    @classmethod
    def of(cls, nodes: list[Node]) -> NodeBatch:
        """Slot 0, then for each piece its two interior candidates and the jump at its right end, less the unusable."""
        jump, piece = np.array([node.jump for node in nodes]), np.array([node.piece for node in nodes])
        B, K = piece.shape
        low, high = np.array([node.low for node in nodes]), np.array([node.high for node in nodes])
        places, usable = np.zeros((B, 3 * K + 1)), np.ones((B, 3 * K + 1), dtype=bool)
        places[:, 1::3], places[:, 2::3], places[:, 3::3] = low, high, np.arange(1, K + 1)
        edge = np.ones((B, K + 1), dtype=bool)
        edge[:, 1:-1] = jump != OUT
        usable[:, 3:-1:3] = edge[:, 1:-1]
        # a candidate at a jump that may be cut is that cut, unless the piece must have one of its own
        usable[:, 1::3] = (piece == IN) | ((piece == OPEN) & ~((low == np.arange(K)) & edge[:, :-1]))
        usable[:, 2::3] = (piece == IN) | ((piece == OPEN) & ~((high == np.arange(1, K + 1)) & edge[:, 1:]))
        forced = np.zeros((B, 3 * K + 2), dtype=np.intp)
        left = np.arange(1, 3 * K + 1, 3)
        forced[:, 3::3] = np.where(piece == IN, left, 0)  # a cell that ends past u starts at l or later
        forced[:, 4:-1:3] = np.maximum(forced[:, 4:-1:3], np.where(jump == IN, left[:-1] + 2, 0))
        reach = np.maximum.accumulate(forced, axis=1)[:, :-1]
        before = np.cumsum(usable, axis=1) - usable
        counts = usable.sum(axis=1)
        kept, node = np.argsort(~usable, axis=1, kind="stable")[:, : int(counts.max())], np.arange(B)[:, None]
        return cls(
            places[node, kept],
            usable[node, kept],
            before[node, reach[node, kept]],
            kept // 3,
            (kept - 1) // 3,
            counts - 1,
        )

    def cells(self) -> NDArray[np.bool_]:
        """Which cells there are: [node, end, start]."""
        slot = np.arange(self.places.shape[1])
        allowed = (slot >= self.reach[:, :, None]) & (slot < slot[:, None])
        return np.asarray(allowed & self.usable[:, :, None] & self.usable[:, None, :])


@dataclass(frozen=True, eq=False)
class CutMultipliers(Argument):
    """A tree over sets of cuts. `rate` alone is the λ of the root, which proves the convex envelope of D(R).

    Attributes
    ----------
    tree : int array (nodes, 2)
        Preorder: what a node does (0 leaf, 1 splits on a jump, 2 on a piece, 3 on the interval of a piece) and where.
    prices : array (leaves,)
        λ of the leaves, in the order of the tree.
    places : array (split intervals,)
        Where in their intervals the nodes split that do so, in the order of the tree.
    """

    tree: IntArray = field(default_factory=lambda: np.zeros((1, 2), dtype=np.intp))
    prices: FloatArray | None = None
    places: FloatArray = field(default_factory=lambda: np.zeros(0))

    needs = ()
    lower_from = "branch and bound over common quantile cuts"

    def times(self, unit: float) -> Self:
        """The same prices of a distortion that is `unit` times as large."""
        return replace(super().times(unit), prices=None if self.prices is None else np.asarray(self.prices) * unit)

    def proves(self, problem: DiscreteTransport) -> bool:
        """One-shot, without common randomness, for squared error on the line."""
        if problem.shared or problem.asymptotic or problem.x is None or problem.y is None:
            return False
        exact = np.square(problem.x[:, None] - problem.y)
        return bool((np.abs(problem.cost - exact) <= relative_error() * exact).all())

    def lower_end(self, problem: DiscreteTransport) -> float:
        """The least bound of the leaves, taken low enough for rounding; -inf if the tree is none."""
        line = Line.of(problem)
        leaves = self._leaves(line)
        prices = np.array([self.rate]) if self.prices is None else np.asarray(self.prices, dtype=np.float64)
        if leaves is None or prices.shape != (len(leaves),) or not (np.isfinite(prices) & (prices >= 0.0)).all():
            return -np.inf
        if not leaves:
            return np.inf
        kappa = relative_error(3 * line.length.size)
        size = max(1, BLOCK // (3 * line.length.size + 1) ** 2)
        parts = [
            _bounds(line, leaves[k : k + size], prices[k : k + size], problem.R, kappa)
            for k in range(0, len(leaves), size)
        ]
        least = float(np.concatenate(parts).min())  # NaN among them proves nothing
        return (
            (1.0 - relative_error()) * least - line.price - (16.0 * UNIT_ROUNDOFF * line.span if line.single else 0.0)
        )

    def _leaves(self, line: Line) -> list[Node] | None:
        if np.ndim(self.tree) != 2 or np.shape(self.tree)[1] != 2:
            raise InvalidInput("tree", self.tree, "must have a row for each node: what it does, and where")
        leaves, waiting = list[Node](), [line.root()]
        K, places = line.length.size, iter(np.asarray(self.places, dtype=np.float64).tolist())
        for kind, k in np.asarray(self.tree, dtype=np.intp).tolist():
            if not waiting:
                return None
            node = waiting.pop()
            if kind == LEAF:
                leaves.append(node)
                continue
            if kind not in (JUMP, PIECE, INTERVAL) or not 0 <= k < K - (kind == JUMP):
                return None
            place = next(places, np.nan) if kind == INTERVAL else 0.0
            if kind == INTERVAL and not node.low[k] <= place <= node.high[k]:
                return None
            waiting.extend(reversed(children(line, node, kind, k, place)))
        return None if waiting else leaves


class _Cells:
    """Masses, integrals of x, y and x^2 + y^2 over cells between candidate places, all as sums of parts of one sign.

    A cell is the rest of its first piece, whole pieces, and the part of its last piece: no digits cancel.
    """

    def __init__(self, line: Line) -> None:
        length, K = line.length, line.length.size
        inside = np.triu(np.ones((K, K), dtype=bool))
        self.densities = np.stack((np.ones(K), line.x, line.y, line.x**2 + line.y**2)) * length
        self.whole = np.zeros((4, K + 1, K + 1))  # [first piece, piece after the last]
        for table, density in zip(self.whole, self.densities, strict=True):
            table[:K, 1:] = np.cumsum(np.where(inside, density, 0.0), axis=1)

    def integrals(self, s: FloatArray, t: FloatArray, first: IntArray, last: IntArray) -> FloatArray:
        """The four integrals (4, cells) over cells from place s in piece `first` to place t in piece `last`."""
        apart = first < last
        head, tail = np.where(apart, first + 1.0, t) - s, np.where(apart, t - last, 0.0)
        whole = self.whole[:, np.minimum(first + 1, last), last]
        return np.asarray(head * self.densities[:, first] + whole + tail * self.densities[:, last])

    def outside(self, s: FloatArray, t: FloatArray, first: IntArray, last: IntArray) -> FloatArray:
        """The mass before s and after t."""
        mass, K = self.densities[0], self.densities.shape[1]
        before = self.whole[0, 0, first] + (s - first) * mass[first]
        after = self.whole[0, np.minimum(last + 1, K), K] + (last + 1.0 - t) * mass[last]
        return np.asarray(np.minimum(before + after, 1.0))


def _bounds(line: Line, nodes: list[Node], prices: FloatArray, R: float, kappa: float) -> FloatArray:
    """min of D + λH over the cuts of each node, less λR, (B,), rounded down."""
    slots = NodeBatch.of(nodes)
    B, S = slots.places.shape
    node, j, i = np.nonzero(slots.cells())
    s, t, first, last = slots.places[node, i], slots.places[node, j], slots.first[node, i], slots.last[node, j]
    cells = _Cells(line)
    mass, gx, gy, squares = cells.integrals(s, t, first, last)
    gain = np.divide(gx * gy, mass, out=np.zeros_like(mass), where=mass > 0.0)
    rest = cells.outside(s, t, first, last)
    entropy = scipy.special.entr(mass)
    heavy = mass > 0.5
    entropy[heavy] = -scipy.special.xlog1py(1.0 - rest[heavy], -rest[heavy])
    spent = np.maximum((1.0 - 4.0 * kappa) * squares - 2.0 * gain, 0.0)
    spent += (1.0 - 4.0 * kappa) * prices[node] * np.maximum(entropy, 0.0)
    cost = np.full((B, S, S), np.inf)  # [node, end, start]
    cost[node, j, i] = spent
    value = np.full((B, S), np.inf)
    value[:, 0] = 0.0
    for end in range(1, S):
        value[:, end] = (value[:, :end] + cost[:, end, :end]).min(axis=1)
    return np.asarray(value[np.arange(B), slots.end] * (1.0 - kappa) - (1.0 + kappa) * prices * R)


def _levels(masses: FloatArray) -> list[int]:
    """Cumulative sums of the masses as integers over one common denominator, exactly."""
    ratios = [float(mass).as_integer_ratio() for mass in masses]
    common = max(bottom for _, bottom in ratios)
    total, levels = 0, []
    for top, bottom in ratios:
        total += top * (common // bottom)
        levels.append(total)
    return levels


def _farthest(old: float, new: float, other: FloatArray) -> float:
    """The most |old - z|^2 and |new - z|^2 differ over the values z of the other side."""
    ends = old + new - 2.0 * np.array([other.min(), other.max()])
    return abs(old - new) * float(np.abs(ends).max())
