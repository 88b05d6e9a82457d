"""The channels within all limits as the points x >= 0 with A x = b, where every ball is a polyhedron."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rdptheory._types import FloatArray, IntArray
from rdptheory.couplings import limit_in, unit_of
from rdptheory.methods import DualPoint
from rdptheory.problems import DiscreteProblem, PerceptionLimit

__all__ = ["WITHOUT", "Program", "program_of"]

WITHOUT = -1  # in place of the number of a row of A


@dataclass(frozen=True, eq=False)
class _Plan:
    """Where x holds the plan of a ball: its numbers, their cells, and the row of A that limits its cost in a unit."""

    part: slice
    rows: IntArray
    columns: IntArray
    shape: tuple[int, int]
    radius: int
    unit: float


@dataclass(frozen=True, eq=False)
class Program:
    """A x = b, x >= 0: the joint law of X and Y on the cells that may be used, a plan for each ball, what limits leave.

    Attributes
    ----------
    A : array (R, N); b : array (R,)
    size : array (N,)
        What each number is at most, or its order.
    rows, columns : arrays (c,)
        The cells of the joint law, the first c numbers of x.
    p : array (n,)
        The law of X, the first n rows of A.
    outputs : int
        Number of reconstructions.
    laws : for each ball the rows of A that price the law it compares
    plans : for each ball its plan, None where it holds one law
    limits : for each distortion the row of A that limits it and the unit of that, `WITHOUT` where D = 0 is kept by
        the cells
    curved : the row of A of a smooth ball, for its slack alone, or `WITHOUT`
    limiting, slack : arrays (l,)
        The rows of A that limit something, and the numbers of x that are what each leaves.
    """

    A: FloatArray
    b: FloatArray
    size: FloatArray
    rows: IntArray
    columns: IntArray
    p: FloatArray
    outputs: int
    laws: tuple[slice, ...]
    plans: tuple[_Plan | None, ...]
    limits: tuple[tuple[int, float], ...]
    curved: int
    limiting: IntArray
    slack: IntArray

    @property
    def cells(self) -> int:
        """How many numbers of x are the joint law."""
        return self.rows.size

    @property
    def radii(self) -> tuple[tuple[int, float], ...]:
        """For each ball the row of A that limits it and the unit of that, `WITHOUT` where none does."""
        if self.curved != WITHOUT:
            return ((self.curved, 1.0),)
        return tuple((WITHOUT, 1.0) if plan is None else (plan.radius, plan.unit) for plan in self.plans)

    def channel(self, x: FloatArray) -> FloatArray:
        """p(y|x), shape (n, m)."""
        channel = np.zeros((self.p.size, self.outputs))
        channel[self.rows, self.columns] = x[: self.cells] / self.p[self.rows]
        return channel

    def couplings(self, x: FloatArray) -> tuple[FloatArray | None, ...]:
        """The plan of each ball, None where it has none."""
        found: list[FloatArray | None] = []
        for plan in self.plans:
            coupling = None if plan is None else np.zeros(plan.shape)
            if plan is not None and coupling is not None:
                coupling[plan.rows, plan.columns] = x[plan.part]
            found.append(coupling)
        return tuple(found)

    def dual(self, y: FloatArray) -> DualPoint:
        """Prices of the rows of A as the multipliers of the question: log p(y|x)/p(y) = y'A where x is above 0."""
        s = [0.0 if row == WITHOUT else max(0.0, -float(y[row])) / unit for row, unit in self.limits]
        mu = [0.0 if row == WITHOUT else max(0.0, -float(y[row])) / unit for row, unit in self.radii]
        v = tuple(-y[law] for law in self.laws)
        return DualPoint(y[: self.p.size].copy(), np.array(s), v, np.array(mu), centred=True)


@dataclass
class _Rows:
    """The rows of A while they are written: entries by row and number, and what they sum to."""

    numbers: int = 0
    rows: list[IntArray] = field(default_factory=list)
    columns: list[IntArray] = field(default_factory=list)
    entries: list[FloatArray] = field(default_factory=list)
    sums: list[float] = field(default_factory=list)
    sizes: list[FloatArray] = field(default_factory=list)
    limiting: list[int] = field(default_factory=list)
    slack: list[int] = field(default_factory=list)

    def more(self, sizes: FloatArray) -> slice:
        """Room for numbers of these sizes."""
        self.sizes.append(sizes)
        self.numbers += sizes.size
        return slice(self.numbers - sizes.size, self.numbers)

    def ask(self, sums: Sequence[float] | FloatArray) -> slice:
        """Rows that sum to these."""
        self.sums += [float(one) for one in sums]
        return slice(len(self.sums) - len(sums), len(self.sums))

    def put(self, rows: IntArray, numbers: slice, entries: FloatArray) -> None:
        """One entry for each of the numbers."""
        self.rows.append(rows)
        self.columns.append(np.arange(numbers.start, numbers.stop))
        self.entries.append(entries)

    def limit(self, numbers: slice, costs: FloatArray, limit: float, unit: float) -> int:
        """A row that limits the cost of the numbers, with one more for what it leaves."""
        row = self.ask([limit_in(unit, limit)]).start
        self.put(np.full(costs.size, row), numbers, costs / unit)
        left = self.more(np.ones(1))
        self.put(np.array([row]), left, np.ones(1))
        self.limiting.append(int(row))
        self.slack.append(left.start)
        return int(row)

    def matrix(self) -> FloatArray:
        """A."""
        matrix = np.zeros((len(self.sums), self.numbers))
        np.add.at(matrix, (np.concatenate(self.rows), np.concatenate(self.columns)), np.concatenate(self.entries))
        return matrix


def program_of(reduced: DiscreteProblem) -> Program | None:
    """The program of a question with row minima 0; None where a ball is no polyhedron, nor smooth and alone."""
    (n, m), p = reduced.shape, reduced.probabilities
    closed = np.zeros((n, m), dtype=bool) if reduced.closed is None else reduced.closed
    rows, columns = np.nonzero(~closed)
    written = _Rows()
    joint = written.more(p[rows])
    written.ask(p)
    written.put(rows, joint, np.ones(rows.size))
    laws, plans, limits, curved = [], [], [], WITHOUT
    for ball in reduced.perceptions:
        if _bends(reduced, ball):
            curved = written.limit(written.more(np.zeros(0)), np.zeros(0), ball.limit, 1.0)
            continue
        image = np.eye(m) if ball.image is None else ball.image
        alone = ball.is_zero_radius and ball.divergence.definite
        cost = None if alone else ball.divergence.moves(ball.reference.size)
        if not alone and cost is None:
            return None
        law = written.ask(ball.reference if cost is None else np.zeros(image.shape[0]))
        for k, weights in enumerate(image):
            written.put(np.full(rows.size, law.start + k), joint, weights[columns])
        laws.append(law)
        plans.append(None if cost is None else _planned(written, ball, cost, law))
    for limit in reduced.distortions:
        unit = unit_of(limit.table)
        kept = limit.limit <= 0.0
        limits.append((WITHOUT if kept else written.limit(joint, limit.table[rows, columns], limit.limit, unit), unit))
    sizes = np.concatenate(written.sizes)
    limiting = (np.array(written.limiting, dtype=np.intp), np.array(written.slack, dtype=np.intp))
    found = (rows, columns, p, m, tuple(laws), tuple(plans), tuple(limits), curved, *limiting)
    return Program(written.matrix(), np.array(written.sums), sizes, *found)


def _bends(reduced: DiscreteProblem, ball: PerceptionLimit) -> bool:
    """Whether a ball is smooth, and the only one, on the law of the output itself."""
    alone = len(reduced.perceptions) == 1 and ball.image is None and not ball.is_zero_radius
    return alone and ball.divergence.smooth and bool((ball.reference > 0.0).all())


def _planned(written: _Rows, ball: PerceptionLimit, cost: FloatArray, law: slice) -> _Plan:
    """The plan that moves the reference to the law of the output, where that may be."""
    q, unit = ball.reference, unit_of(cost)
    moved = np.broadcast_to((q > 0.0)[:, None], cost.shape)
    rows, columns = np.nonzero(moved if ball.limit > 0.0 else moved & (cost <= 0.0))
    part = written.more(q[rows])
    written.put(law.start + columns, part, -np.ones(rows.size))
    held = np.cumsum(q > 0.0) - 1
    sums = written.ask(q[q > 0.0])
    written.put(sums.start + held[rows], part, np.ones(rows.size))
    radius = written.limit(part, cost[rows, columns], ball.limit, unit) if ball.limit > 0.0 else WITHOUT
    return _Plan(part, rows, columns, cost.shape, radius, unit)
