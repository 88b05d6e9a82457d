"""Transport on the line without common randomness, under squared error: cut both quantile functions at the same levels.

With G_X(t) the integral of the quantile function of X over [0, t], the centred laws of variance vX, vY satisfy

    D(R) = (mX-mY)^2 + vX + vY - 2 max Σ_i ΔG_X,i ΔG_Y,i / Δt_i   over 0 = t_0 < ... < t_N = 1 with H(Δt) <= R,

because for fixed masses of Z the best couplings of (X,Z) and of (Y,Z) are both monotone. Z is the cell of a common
uniform level, private to each side.

Between the jumps of the two quantile functions the gain is convex and the entropy concave in each cut. So min of
D + λH has its cuts at jumps, a dynamic programme finds it, and sup over λ is the exact lower convex envelope of D(R).
The hard limit H <= R may cut inside a flat piece, and at most once in each: branch and bound decides which.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.doors import guard
from rdptheory.solution import Status
from rdptheory.solvers.private_randomness.line import IN, OPEN, OUT, Line, Node
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import Multipliers, TransportSolution, widened

__all__ = ["QuantileCuts"]

BATCH = 32
ROOT_STEPS, PRICE_STEPS = 200, 6
"""Prices λ tried for the first node, where the bound is the convex envelope, and for each later one."""


@dataclass(frozen=True)
class QuantileCuts:
    """Best-first branch and bound over jump cuts (in or out) and cuts inside flat pieces (none, or one in an interval).

    A node is bounded by sup over λ of the dynamic programme with interior cuts at the ends of their intervals, where
    the concave D + λH is least. Each upper end comes from a set of jump cuts with one cell split to spend the rate.
    The multiplier reported is minus the slope of the lower convex envelope, because D(R) is not convex.

    Attributes
    ----------
    gap : float
        Stop when the bracket is this narrow, relative to E d of independent X and Y (at least 1).
    max_nodes : int
        Stop after this many nodes; the bracket is then wider.
    """

    gap: float = 1e-9
    max_nodes: int = 20_000

    def solve(self, problem: DiscreteTransport) -> TransportSolution:
        """D(R) without common randomness for squared error between laws on the line."""
        return _Search(problem, self).run()


class _Search:
    def __init__(self, problem: DiscreteTransport, method: QuantileCuts) -> None:
        self.problem, self.method, self.line = problem, method, Line(problem)
        self.upper, self.cuts = self.line.constant, np.array([0.0, 1.0])
        self.seen: set[bytes] = set()
        self.wanted = method.gap * problem.scale

    def run(self) -> TransportSolution:
        line, ticket = self.line, count()
        self._improve(np.array([0.0, 1.0]))
        self._improve(line.edges)
        queue: list[tuple[float, int, float, Node]] = []
        history: list[tuple[float, float]] = []
        nodes, prices = [line.root()], np.array([line.span])
        lower, price, evaluated, undivided = -np.inf, 0.0, 0, np.inf
        while True:
            bounds, prices, low, high = line.relaxed(nodes, prices, PRICE_STEPS if history else ROOT_STEPS)
            evaluated += bounds.size
            if not history:
                lower, price = float(bounds[0]), float(prices[0])
            for b in np.nonzero(bounds < self.upper - self.wanted)[0]:
                for cuts in (low[b], high[b]):
                    if cuts is not None:
                        self._improve(cuts)
                node = replace(nodes[b], low_cuts=low[b], high_cuts=high[b])
                heapq.heappush(queue, (float(bounds[b]), next(ticket), float(prices[b]), node))
            lower = max(lower, min(self.upper - self.wanted, undivided, queue[0][0] if queue else np.inf))
            history.append((lower, self.upper))
            if evaluated >= self.method.max_nodes:
                break
            families, inherited = list[Node](), list[float]()
            while queue and queue[0][0] < self.upper - self.wanted and len(families) < 2 * BATCH:
                bound, _, parent_price, node = heapq.heappop(queue)
                children = self._children(node)
                if not children:  # every interval is as short as float64 allows
                    undivided = min(undivided, bound)
                families += children
                inherited += [parent_price] * len(children)
            if not families:
                break
            nodes, prices = families, np.array(inherited)
        return self._answer(lower, price, evaluated, history)

    def _improve(self, cuts: FloatArray) -> None:
        """Take the cuts, and the cuts without any one of them, as starts of an upper end."""
        cuts = np.unique(cuts)
        for trial in (cuts, *(np.delete(cuts, i) for i in range(1, cuts.size - 1))):
            key = trial.tobytes()
            if key in self.seen or float(scipy.special.entr(np.diff(trial)).sum()) > self.line.R + 1e-15:
                continue
            self.seen.add(key)
            value, filled = self.line.spent(trial)
            if value < self.upper:
                self.upper, self.cuts = value, filled

    def _children(self, node: Node) -> list[Node]:
        """Nodes that cover this one; none if there is nothing left to decide."""
        family: list[Node] = []

        def child(
            jumps: dict[int, int], pieces: dict[int, int], interval: tuple[int, float, float] | None = None
        ) -> None:
            jump, piece, low, high = node.jump.copy(), node.piece.copy(), node.low.copy(), node.high.copy()
            for k, state in jumps.items():
                jump[k] = state
            for k, state in pieces.items():
                if piece[k] not in (OPEN, state):
                    return
                piece[k] = state
            if self.line.single and (piece == IN).any():
                if (piece == IN).sum() > 1:
                    return
                piece[piece == OPEN] = OUT
            if interval is not None:
                low[interval[0]], high[interval[0]] = interval[1:]
            family.append(Node(jump, piece, low, high))

        kind, k = self._undecided(node)
        if kind == "jump":
            child({k: IN}, {})
            child({k: OUT}, {k: OUT, k + 1: OUT})
            child({k: OUT}, {k: IN})
            child({k: OUT}, {k: OUT, k + 1: IN})
        elif kind == "piece":
            child({}, {k: OUT})
            child({}, {k: IN})
        elif kind == "interval":
            low, high = float(node.low[k]), float(node.high[k])
            child({}, {}, (k, low, 0.5 * (low + high)))
            child({}, {}, (k, 0.5 * (low + high), high))
        return family

    def _undecided(self, node: Node) -> tuple[str, int]:
        """What to branch on: where the cuts on either side of the rate limit lie farthest apart."""
        jump, piece, low, high = node.jump, node.piece, node.low, node.high
        first, second = (np.array([0.0, 1.0]) if cuts is None else cuts for cuts in (node.low_cuts, node.high_cuts))
        levels = np.concatenate((first, second))
        apart = np.concatenate((_distance(first, second), _distance(second, first)))
        for level in levels[np.argsort(-apart, kind="stable")]:
            at = np.nonzero(self.line.jumps == level)[0]
            if at.size and jump[at[0]] == OPEN:
                return "jump", int(at[0])
            touched = np.nonzero((low <= level) & (level <= high))[0]
            inside = [k for k in touched if piece[k] == IN and low[k] < 0.5 * (low[k] + high[k]) < high[k]]
            if inside:
                return "interval", int(max(inside, key=lambda k: high[k] - low[k]))
            opened = [k for k in touched if piece[k] == OPEN and not (at.size and jump[at[0]] == IN)]
            if opened and 0.0 < level < 1.0:
                return "piece", int(opened[0])
        remaining = np.nonzero(piece == OPEN)[0]
        if remaining.size:
            return "piece", int(remaining[0])
        opened_jumps = np.nonzero(jump == OPEN)[0]
        return ("jump", int(opened_jumps[0])) if opened_jumps.size else ("none", 0)

    def _answer(
        self, lower: float, price: float, evaluated: int, history: list[tuple[float, float]]
    ) -> TransportSolution:
        scale = self.line.constant + float(np.abs(self.problem.cost).max())
        closed = self.upper - lower <= 1.000001 * self.wanted
        bounds = widened(lower, self.upper, scale, "branch and bound over common quantile cuts")
        return TransportSolution(
            distortion=bounds.upper,
            bounds=bounds,
            plan=self.line.plan(self.cuts),
            multipliers=Multipliers(price),
            method=self.method,
            status=Status.OPTIMAL if closed else Status.STOPPED,
            message=f"{self.cuts.size - 1} cells, {evaluated} nodes",
            steps=len(history),
            history=np.array(history),
            problem=self.problem,
        )


def _distance(levels: FloatArray, others: FloatArray) -> FloatArray:
    return np.asarray(np.abs(levels[:, None] - others).min(axis=1))


guard(__name__)
