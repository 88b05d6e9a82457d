"""Many common questions of one shape and one form of ball: one call of the core for all, and one of the judge.

The structs of `rdp.h` are written as columns of numpy, so that a question costs no call of Python. The two calls share
nothing but the questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rdptheory._native.judge import DEAR, LOWER, UPPER, _Outcome
from rdptheory._native.library import BallSpec, _Ball, _Problem, library, workspace
from rdptheory._native.sums import _Tables

__all__ = ["Batch", "Descents", "Verdicts", "descend_many", "judge_many"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
MaskArray = NDArray[np.bool_]

PROBLEM, OUTCOME = np.dtype(_Problem), np.dtype(_Outcome)
HELD = np.dtype([("tables", _Tables), ("ball", _Ball), ("D", np.float64), ("d", np.uint64)], align=True)
"""What the structs of a question point to; d is where its table is."""
BALL_AT, D_AT, PLACE_AT = (HELD.fields[name][1] for name in ("ball", "D", "d"))  # type: ignore[index]
ONE = np.ones(1)  # in place of limits that nobody reads
ONE_AT = ONE.ctypes.data
NO_BALL = (0,) * len(_Ball._fields_)  # a struct that nobody reads
REPORT, ENDS = 4, 3  # numbers that the core and the judge write down beside their arrays


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
        self.count, (n, m) = D.size, tables.shape[1:]
        self.n, self.m = n, m
        self.prescribed = ball is not None and not P.any()
        self.p, self.d = _rows(laws, law), _rows(tables, table)
        form = () if ball is None else (ball.kind, n, n, 0.0, ball.order, ball.factor, ball.recession)
        self.held = _copies(_held(n, m, form), self.count, HELD)
        self.at = _places(self.held)
        structs, balls = self.held["tables"], self.held["ball"]
        structs["p"], structs["d"] = self.p, self.at + PLACE_AT
        balls["P"], balls["q"] = P, self.p
        self.held["D"], self.held["d"] = D, self.d
        self.balls = 0 if ball is None else self.at + BALL_AT
        self.outcomes = np.zeros(self.count, OUTCOME)
        self.outcomes["tables"], self.outcomes["ball"] = self.at, self.balls
        self.outcomes["copy"], self.outcomes["D"], self.outcomes["P"] = _rows(copies, table), D, P
        self.work: int = library().rdp_judge_work(n, m)

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
    problems = _copies(_problem(n, m, balls, gap, max_steps), count, PROBLEM)
    problems["near"] = near.any()
    problems["p"], problems["d"], problems["limits"] = batch.p, batch.d, batch.at + D_AT
    if balls:
        problems["ball"] = batch.balls
    if n == m:
        problems["law"] = batch.p
    problems["floor"] = floor
    at = problems.ctypes.data
    need = core.rdp_fixed_work_size(at) if fixed else core.rdp_work_size(at)  # the most that one of them takes
    state = np.zeros((count, REPORT + (n + 1 if fixed else core.rdp_state_size(at))))
    s, channels, finite = np.empty(count), np.zeros((count, n, m)), np.empty(count, dtype=np.int64)
    reports = _places(state)
    problems["near"], problems["state"], problems["report"] = near, reports + 8 * REPORT, reports
    core.rdp_descend_many(count, at, fixed, workspace(need), s.ctypes.data, channels.ctypes.data, finite.ctypes.data)
    f, steps = state[:, REPORT : REPORT + n].copy(), state[:, 0].astype(np.intp)
    mu = np.full(count, np.inf) if fixed else state[:, REPORT + n + m + 1].copy() if balls else np.zeros(count)
    return Descents(f, s, mu, channels, steps, finite > 0)


def judge_many(batch: Batch, found: Descents) -> Verdicts:
    """`judge` for what was found of each question."""
    outcomes, n, m, first = batch.outcomes, batch.n, batch.m, ENDS + batch.m
    out = np.empty((batch.count, first + n * m))
    ends = _places(out)
    outcomes["s"], outcomes["mu"] = found.s, found.mu
    outcomes["f"], outcomes["channel"] = _places(found.f), _places(found.channels)
    outcomes["found"], outcomes["rows"] = ends, ends + 8 * first
    library().rdp_judge(batch.count, outcomes.ctypes.data, workspace(batch.work))
    settled = (outcomes["judged"] & (LOWER | UPPER | DEAR)) == (LOWER | UPPER)
    channels = out[:, first:].reshape(batch.count, n, m)
    return Verdicts(out[:, 0], out[:, 1], out[:, 2], settled, channels)


@lru_cache(64)
def _held(n: int, m: int, form: tuple[float, ...]) -> bytes:
    """What the structs of a question point to, but for its own numbers."""
    return np.array(((n, m, 1, 0, 0, ONE_AT, 0), form + NO_BALL[len(form) :], 0.0, 0), HELD).tobytes()


@lru_cache(64)
def _problem(n: int, m: int, balls: int, gap: float, max_steps: int) -> bytes:
    """The same of the problem for the core."""
    return np.array((n, m, 1, balls, 0, 0, 0, 0, 0, 0, 0, gap, 0.0, max_steps, 0, 0, 0, 0), PROBLEM).tobytes()


def _copies(struct: bytes, count: int, kind: np.dtype[Any]) -> NDArray[np.void]:
    """So many copies of a struct: numpy takes microseconds to write one field by field."""
    return np.frombuffer(bytearray(struct * count), kind)


def _places(rows: NDArray[Any]) -> IntArray:
    """The addresses of the rows of an array."""
    at, size = rows.ctypes.data, rows.strides[0]
    return np.arange(at, at + size * rows.shape[0], size)


def _rows(rows: NDArray[Any], which: IntArray) -> IntArray:
    """The addresses of some rows of an array."""
    return np.asarray(rows.ctypes.data + rows.strides[0] * which)
