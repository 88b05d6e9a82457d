"""Many common questions of one shape and one form of ball: one call of the core for all, and one of the judge.

The structs of `rdp.h` are written as columns of numpy, so that a question costs no call of Python. The two calls share
nothing but the questions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rdptheory._native.judge import DEAR, LOWER, UPPER, _Outcome
from rdptheory._native.library import BallSpec, _Ball, _Problem, library, workspace
from rdptheory._native.sums import _Tables

__all__ = ["Batch", "Descents", "Verdicts", "descend_many", "judge_many"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
MaskArray = NDArray[np.bool_]

PROBLEM, BALL, TABLES, OUTCOME = (np.dtype(struct) for struct in (_Problem, _Ball, _Tables, _Outcome))
ONE = np.ones(1)  # in place of limits that nobody reads


class Batch:
    """b questions: p from `laws` (L, n) above 0, d from `tables` (T, n, m) with row minima 0 and no infinite entry.

    `law` and `table` (b,) say which; D (b,) is above 0. With a `ball` of radius P (b,) >= 0 around p, n = m; all radii
    are 0 or none is, and its form alone is read: no transport, no image, nothing that is CALLED. `copies` (T, n) are
    the outputs that repeat each symbol at no cost.
    """

    def __init__(
        self,
        laws: FloatArray,
        tables: FloatArray,
        copies: IntArray,
        law: IntArray,
        table: IntArray,
        D: FloatArray,
        P: FloatArray,
        ball: BallSpec | None,
    ) -> None:
        self.laws, self.tables, self.copies, self.ball = laws, tables, copies, ball
        self.law, self.table, self.D, self.P = law, table, D, P
        self.count, (self.n, self.m) = D.size, tables.shape[1:]
        self.prescribed = ball is not None and not P.any()
        self.p, self.d = places(laws, law), places(tables, table)
        self.balls = np.zeros(0 if ball is None else self.count, BALL)
        if ball is not None:
            self.balls[:] = (ball.kind, self.n, self.n, 0.0, ball.order, ball.factor, ball.recession, 0, 0, 0, 0, 0)
            self.balls["P"], self.balls["q"] = P, self.p
        self.ball_at = 0 if ball is None else places(self.balls)
        self.structs = np.zeros(self.count, TABLES)
        self.structs[:] = (self.n, self.m, 1, 0, 0, ONE.ctypes.data, 0)
        self.structs["p"], self.structs["d"] = self.p, places(self.d)
        self.outcomes = np.zeros(self.count, OUTCOME)
        self.outcomes["tables"], self.outcomes["ball"] = places(self.structs), self.ball_at
        self.outcomes["copy"], self.outcomes["D"], self.outcomes["P"] = places(copies, table), D, P
        self.work: int = library().rdp_judge_work(self.n, self.m)

    def only(self, which: IntArray) -> Batch:
        """Some of the questions."""
        law, table, D, P = self.law[which], self.table[which], self.D[which], self.P[which]
        return Batch(self.laws, self.tables, self.copies, law, table, D, P, self.ball)

    def least_means(self) -> FloatArray:
        """Below E d of every law of the ball that is drawn without regard to X, up to rounding (b,)."""
        least = np.empty(self.count)
        library().rdp_least_means(self.count, self.outcomes.ctypes.data, workspace(self.work), least.ctypes.data)
        return least


@dataclass(frozen=True, eq=False)
class Descents:
    """Where the iterations ended: f (b, n), s, mu (b,), channels (b, n, m), steps (b,), whether all are numbers."""

    f: FloatArray
    s: FloatArray
    mu: FloatArray
    channels: FloatArray
    steps: IntArray
    finite: MaskArray


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Both ends (b,), how far inside the ball the law of the upper one is, which are settled, the channels (b, n, m).

    What is not settled is for the general judge. A law outside its ball is inside by less than 0.
    """

    lower: FloatArray
    upper: FloatArray
    room: FloatArray
    settled: MaskArray
    channels: FloatArray


def descend_many(batch: Batch, gap: float, max_steps: int, floor: FloatArray | float, near: MaskArray) -> Descents:
    """`solve` for each question, from its first law on; `floor` and `near` (b,) as in `Question`."""
    core, count, n, m, fixed = library(), batch.count, batch.n, batch.m, batch.prescribed
    balls = 0 if fixed or batch.ball is None else 1
    problems = np.zeros(count, PROBLEM)
    problems[:] = (n, m, 1, balls, 0, 0, 0, 0, 0, 0, 0, gap, 0.0, max_steps, 0, bool(near.any()), 0, 0)
    problems["p"], problems["d"], problems["limits"] = batch.p, batch.d, places(batch.D)
    problems["ball"], problems["floor"] = batch.ball_at if balls else 0, floor
    problems["law"] = batch.p if n == m else 0
    at = problems.ctypes.data
    need = core.rdp_fixed_work_size(at) if fixed else core.rdp_work_size(at)  # the most that one of them takes
    state = np.zeros((count, n + 1 if fixed else core.rdp_state_size(at)))
    report, s, channels = np.empty((count, 4)), np.empty(count), np.zeros((count, n, m))
    finite = np.empty(count, dtype=np.int64)
    problems["near"], problems["state"], problems["report"] = near, places(state), places(report)
    core.rdp_descend_many(count, at, fixed, workspace(need), s.ctypes.data, channels.ctypes.data, finite.ctypes.data)
    mu = np.full(count, np.inf) if fixed else state[:, n + m + 1].copy() if balls else np.zeros(count)
    return Descents(state[:, :n].copy(), s, mu, channels, report[:, 0].astype(np.intp), finite > 0)


def judge_many(batch: Batch, found: Descents) -> Verdicts:
    """`judge` for what was found of each question."""
    outcomes, ends, channels = batch.outcomes, np.empty((batch.count, 3 + batch.m)), np.empty_like(found.channels)
    outcomes["s"], outcomes["mu"] = found.s, found.mu
    outcomes["f"], outcomes["channel"] = places(found.f), places(found.channels)
    outcomes["rows"], outcomes["found"] = places(channels), places(ends)
    library().rdp_judge(batch.count, outcomes.ctypes.data, workspace(batch.work))
    settled = (outcomes["judged"] & (LOWER | UPPER | DEAR)) == (LOWER | UPPER)
    return Verdicts(ends[:, 0], ends[:, 1], ends[:, 2], settled, channels)


def places(rows: NDArray[np.generic], which: IntArray | None = None) -> NDArray[np.uint64]:
    """The addresses of rows of an array, or of those of them that are asked for."""
    numbers = np.arange(rows.shape[0]) if which is None else which
    return np.asarray(rows.ctypes.data + rows.strides[0] * numbers, dtype=np.uint64)
