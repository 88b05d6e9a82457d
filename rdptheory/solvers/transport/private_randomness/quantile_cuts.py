"""Transport on the line without common randomness, under squared error: cut both quantile functions at the same levels.

With G_X(t) the integral of the quantile function of X over [0, t], the centred laws of variance vX, vY satisfy

    D(R) = (mX-mY)^2 + vX + vY - 2 max Σ_i ΔG_X,i ΔG_Y,i / Δt_i   over 0 = t_0 < ... < t_N = 1 with H(Δt) <= R,

because for fixed masses of Z the best couplings of (X,Z) and of (Y,Z) are both monotone. Z is the cell of a common
uniform level, private to each side.

Between the jumps of the two quantile functions the gain is convex and the entropy concave in each cut. So min of
D + λH has its cuts at jumps, a dynamic programme finds it, and sup over λ is the exact lower convex envelope of D(R).
The hard limit H <= R may cut inside a flat piece, and at most once in each: branch and bound decides which. The
interval of such a cut is split where the rate is spent: with the cut there D is what is reached, and as D + λH is
concave, on either side one λ proves that no less is.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np

from rdptheory._types import FloatArray, IntArray
from rdptheory.certificates.transport import CutMultipliers
from rdptheory.certificates.transport.cuts import IN, INTERVAL, JUMP, LEAF, OPEN, PIECE, Node, children
from rdptheory.doors import guard
from rdptheory.errors import check_settings
from rdptheory.solvers.transport.private_randomness.line import Cuts
from rdptheory.solvers.transport.units import in_own_units
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import TransportOutcome
from rdptheory.watch import watched

__all__ = ["QuantileCuts"]

BATCH = 32
"""Sets of cuts that are split and bounded side by side: fewer waste time between array operations, more open sets that
the next upper end would have closed."""
BLOCK = 2_000_000
"""Most entries of one table of the dynamic programme, 16 MB."""
ROOT_STEPS, PRICE_STEPS = 200, 6
"""Prices λ tried for the first node, where the bound is the convex envelope, and for each later one."""
OVERSPENT = 1e-15
"""Share of R above it that counts as R: the judge thins what is more than rounding."""
PROMISING = 4
"""Sets of cuts that are filled up to the rate for each one found; the others rarely lead to the best."""
AIM = 0.9
"""Share of the gap that the search aims at: the judge takes rounding off."""


@dataclass(frozen=True)
class QuantileCuts:
    """Best-first branch and bound over jump cuts (in or out) and cuts inside flat pieces (none, or one in an interval).

    A node is bounded by sup over λ of the dynamic programme with interior cuts at the ends of their intervals, where
    the concave D + λH is least. Each upper end comes from a set of jump cuts with one cell split to spend the rate.
    The multiplier reported is minus the slope of the lower convex envelope, because D(R) is not convex.

    Attributes
    ----------
    gap : float
        Stop when the bracket is this narrow, relative to max(1, D).
    max_nodes : int
        Stop after this many nodes; the bracket is then wider.
    max_work : float
        The same for the entries of the tables that bound them; 1e8 take some ten seconds.
    """

    gap: float = 1e-9
    max_nodes: int = 20_000
    max_work: float = 1e8

    def __post_init__(self) -> None:
        check_settings(self)

    def applies(self, problem: DiscreteTransport) -> bool:
        """One-shot without common randomness, for squared error on the line."""
        return CutMultipliers(0.0).proves(problem)

    @in_own_units
    def solve(self, problem: DiscreteTransport) -> TransportOutcome:
        """D(R) without common randomness for squared error between laws on the line."""
        return _Search(problem, self).run()


@dataclass(frozen=True, eq=False)
class _Entry:
    """A set of cuts by its number, its bound's λ, and the cuts of that bound: entropy at most R, and above R."""

    number: int
    node: Node
    price: float
    low_cuts: FloatArray | None
    high_cuts: FloatArray | None


class _Search:
    def __init__(self, problem: DiscreteTransport, method: QuantileCuts) -> None:
        self.problem, self.method, self.cells = problem, method, Cuts(problem)
        self.ends = self.cells.edges[[0, -1]]
        self.upper, self.cuts = self.cells.constant, self.ends
        self.seen: set[bytes] = set()
        self.tried: set[tuple[bytes, int]] = set()
        self.merged: dict[bytes, tuple[FloatArray, FloatArray]] = {}
        self.batch = max(2, min(BATCH, BLOCK // (2 * (3 * self.cells.edges.size) ** 2)))
        self.split: dict[int, tuple[int, int, float, int, int]] = {}  # by number, as in a tree; children
        self.prices: list[float] = []

    @property
    def wanted(self) -> float:
        """Width to stop at."""
        return AIM * self.problem.width(self.method.gap, self.upper)

    def run(self) -> TransportOutcome:
        """Split the sets of least bound until none is below the upper end, or the work is done."""
        self._improve(self.ends, 0.0)
        self._improve(self.cells.edges, 0.0)
        root = self.cells.line.root()
        history: list[tuple[float, float]] = []
        with watched("quantile cuts") as watch:
            self._branch(root, history, watch.step)
        cells = f"{self.cuts.size - 1} cells, {len(self.prices)} nodes"
        tree, prices, places = self._tree()
        rate = self.prices[0] if self.prices else 0.0
        proof = CutMultipliers(rate, tree=tree, prices=prices, places=places)
        return TransportOutcome(
            self.cells.plan(self.cuts), (proof,), len(history), watch.sentence(cells), np.array(history).reshape(-1, 2)
        )

    def _branch(self, root: Node, history: list[tuple[float, float]], step: Callable[[float, float], None]) -> None:
        ticket, cells = count(), self.cells
        queue: list[tuple[float, int, _Entry]] = []
        nodes, inherited = [root], np.array([cells.span])
        lower, undivided = -np.inf, np.inf
        while True:
            steps, enough = (PRICE_STEPS, self.upper - self.wanted) if history else (ROOT_STEPS, np.inf)
            bounds, prices, low, high = cells.relaxed(nodes, inherited, steps, enough)
            first = len(self.prices)
            self.prices += prices.tolist()
            if not history:
                lower = float(bounds[0])
            for b in np.nonzero(bounds < self.upper - self.wanted)[0]:
                for cuts in (low[b], high[b]):
                    if cuts is not None:
                        self._improve(cuts, float(prices[b]))
                entry = _Entry(first + int(b), nodes[b], float(prices[b]), low[b], high[b])
                heapq.heappush(queue, (float(bounds[b]), next(ticket), entry))
            lower = max(lower, min(self.upper - self.wanted, undivided, queue[0][0] if queue else np.inf))
            history.append((lower, self.upper))
            step(lower, self.upper)
            if len(self.prices) >= self.method.max_nodes or cells.work >= self.method.max_work:
                return
            nodes, inherited_prices = [], list[float]()
            while queue and queue[0][0] < self.upper - self.wanted and len(nodes) < 2 * self.batch:
                bound, _, entry = heapq.heappop(queue)
                kind, k = self._undecided(entry)
                place = self._inside(entry, k) if kind == INTERVAL else 0.0
                family = children(cells.line, entry.node, kind, k, place) if kind != LEAF else []
                if not family:  # every interval is as short as float64 allows
                    undivided = min(undivided, bound)
                    continue
                self.split[entry.number] = kind, k, place, len(self.prices) + len(nodes), len(family)
                nodes += family
                inherited_prices += [entry.price] * len(family)
            if not nodes:
                return
            inherited = np.array(inherited_prices)

    def _tree(self) -> tuple[IntArray, FloatArray, FloatArray]:
        """All sets in preorder as the judge reads them, λ of the leaves, and where intervals are split.

        Children never bounded are left out.
        """
        tree, leaves, places, waiting = list[tuple[int, int]](), list[float](), list[float](), [0]
        while waiting and self.prices:
            number = waiting.pop()
            kind, k, place, first, size = self.split.get(number, (LEAF, 0, 0.0, 0, 0))
            if first + size > len(self.prices):
                kind, k = LEAF, 0
            tree.append((kind, k))
            if kind == LEAF:
                leaves.append(self.prices[number])
            else:
                waiting.extend(reversed(range(first, first + size)))
            if kind == INTERVAL:
                places.append(place)
        return np.array(tree or [(LEAF, 0)], dtype=np.intp), np.array(leaves or [0.0]), np.array(places)

    def _improve(self, cuts: FloatArray, price: float) -> None:
        """Take the cuts, and the cuts without any one of them, as starts of an upper end: those best at this price."""
        key = cuts.tobytes()
        if key not in self.merged:
            self.merged[key] = self.cells.merged(cuts)
        D, H = self.merged[key]
        within = np.nonzero(self.problem.R * (1.0 + OVERSPENT) >= H)[0]
        for index in within[np.argsort((D + price * H)[within], kind="stable")[:PROMISING]]:
            if (key, index) in self.tried:
                continue
            self.tried.add((key, index))
            trial = np.delete(cuts, index) if index else cuts
            if trial.tobytes() in self.seen:
                continue
            self.seen.add(trial.tobytes())
            reached, filled = self.cells.spent(trial)
            if reached < self.upper:
                self.upper, self.cuts = reached, filled

    def _undecided(self, entry: _Entry) -> tuple[int, int]:
        """What to branch on: where the cuts on either side of the rate limit lie farthest apart."""
        node = entry.node
        jump, piece, low, high = node.jump, node.piece, node.low, node.high
        first, second = (self.ends if cuts is None else cuts for cuts in (entry.low_cuts, entry.high_cuts))
        places = np.concatenate((first, second))
        levels = [self.cells.levels(cuts) for cuts in (first, second)]
        apart = np.concatenate((_distance(*levels), _distance(*levels[::-1])))
        for place in places[np.argsort(-apart, kind="stable")]:
            at = int(place) - 1 if place == int(place) and 0.0 < place < self.ends[1] else None
            if at is not None and jump[at] == OPEN:
                return JUMP, at
            touched = np.nonzero((low <= place) & (place <= high))[0]
            inside = [k for k in touched if piece[k] == IN and low[k] < 0.5 * (low[k] + high[k]) < high[k]]
            if inside:
                return INTERVAL, int(max(inside, key=lambda k: high[k] - low[k]))
            opened = [k for k in touched if piece[k] == OPEN and not (at is not None and jump[at] == IN)]
            if opened and 0.0 < place < self.ends[1]:
                return PIECE, int(opened[0])
        remaining = np.nonzero(piece == OPEN)[0]
        if remaining.size:
            return PIECE, int(remaining[0])
        opened_jumps = np.nonzero(jump == OPEN)[0]
        return (JUMP, int(opened_jumps[0])) if opened_jumps.size else (LEAF, 0)

    def _inside(self, entry: _Entry, k: int) -> float:
        """Where to split an interval: at the cut that spends the rate, beside those on one side of it; else the middle.

        The cut that moves is one that the other side does not have.
        """
        low, high = float(entry.node.low[k]), float(entry.node.high[k])
        sides = [[] if cuts is None else cuts.tolist() for cuts in (entry.low_cuts, entry.high_cuts)]
        for cuts, other in (sides, sides[::-1]):
            for i in range(1, len(cuts) - 1):
                if low <= cuts[i] <= high and cuts[i] not in other:
                    for place in self.cells.spending(np.array(cuts), i):
                        if low < place < high:
                            return place
        return 0.5 * (low + high)


def _distance(levels: FloatArray, others: FloatArray) -> FloatArray:
    return np.asarray(np.abs(levels[:, None] - others).min(axis=1))


guard(__name__)
