"""Many common questions of one shape and one form of ball: one call of the core for all, and one of the judge.

A struct of `rdp.h` is packed in one step of Python, which takes less than one field does through numpy or ctypes. The
two calls share nothing but the questions.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import addressof
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rdptheory._native.judge import DEAR, LOWER, UPPER, _Outcome
from rdptheory._native.library import BallSpec, _Ball, _Problem, library, workspace
from rdptheory._native.sums import _Tables

__all__ = ["Asked", "Batch", "Descents", "Matrix", "Verdicts", "descend_many", "judge_many"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

Asked = tuple[int, int, float, float]
"""A question: the numbers of its law and its table, D, and the radius of its ball."""
REPORT, ENDS = 4, 3  # numbers that the core and the judge write down beside their arrays
WORD = 8  # bytes of each
FORMATS: dict[type, str] = {ctypes.c_int64: "q", ctypes.c_double: "d", ctypes.c_void_p: "P"}


class _Held(ctypes.Structure):
    """What the structs of a question point to; `d` is where its table is."""

    _fields_ = (("tables", _Tables), ("ball", _Ball), ("D", ctypes.c_double), ("d", ctypes.c_void_p))


class _Question(ctypes.Structure):
    """The fields of an outcome that are those of the question."""

    _fields_ = _Outcome._fields_[:5]


class _Found(ctypes.Structure):
    """Its other fields."""

    _fields_ = _Outcome._fields_[5:]


def _format(kind: Any) -> str:
    return FORMATS.get(kind) or "".join([_format(one) for _, one in kind._fields_]) + "0q"  # padded as in an array


HELD, QUESTION, FOUND, PROBLEM = (Struct(_format(kind)) for kind in (_Held, _Question, _Found, _Problem))
OUTCOME, BALL_AT, D_AT, PLACE_AT = ctypes.sizeof(_Outcome), _Held.ball.offset, _Held.D.offset, _Held.d.offset
_byte = ctypes.c_char.from_buffer
NO_BALL = BallSpec(0, np.zeros(0), 0.0, 0)  # which nobody reads


class Matrix:
    """A table d (n, m) with row minima 0 and no infinite entry, and for each row (n,) an output that costs nothing.

    The arrays are read where they are: they have to be contiguous, and to stay as they are.
    """

    def __init__(self, d: FloatArray, free: IntArray) -> None:
        self.d, self.free = d, free
        self.d_at: int = d.ctypes.data
        self.free_at: int = free.ctypes.data


class Batch:
    """Questions of laws (L, n) above 0 and of tables of one shape, with D above 0.

    With a `ball` of a radius >= 0 around the law, n = m and a symbol repeats itself at no cost. Its form alone is read:
    no transport, no image, nothing that is CALLED. All radii are 0, `prescribed`, or none is.
    """

    def __init__(
        self,
        laws: FloatArray,
        tables: Sequence[Matrix],
        questions: Sequence[Asked],
        ball: BallSpec | None,
        prescribed: bool,
    ) -> None:
        count, (n, m), form = len(questions), tables[0].d.shape, NO_BALL if ball is None else ball
        kind, order, factor, recession = form.kind, form.order, form.factor, form.recession
        self.shape, self.prescribed, self.priced = (count, n, m), prescribed, ball is not None and not prescribed
        self.sizes = _sizes(n, m, kind, prescribed, self.priced)
        self.alive = laws, tables, itself = laws, tables, _numbers(n)
        self.places: list[tuple[int, int, int, int]] = []
        """Addresses of what each question is about: its law, its table, D, and its ball."""
        held, self.first = 0, HELD.size * count
        self.memory = bytearray(self.first + OUTCOME * count)
        """What outcomes point to, and from `first` on the outcomes for the judge."""
        start, laws_at, outcome = _address(self.memory), _address(laws), self.first
        self.outcomes_at = start + outcome
        for law, table, D, P in questions:
            matrix, p, at = tables[table], laws_at + law * n * WORD, start + held
            d, limit, theirs, copy = matrix.d_at, at + D_AT, 0, matrix.free_at
            if ball is not None:
                theirs, copy = at + BALL_AT, itself.free_at
            HELD.pack_into(  # its tables, its ball, and what they point to
                self.memory, held,
                n, m, 1, 0, p, limit, at + PLACE_AT,
                kind, n, n, P, order, factor, recession, 0, p, 0, 0, 0,
                D, d,
            )  # fmt: skip
            QUESTION.pack_into(self.memory, outcome, at, theirs, copy, D, P)
            self.places.append((p, d, limit, theirs))
            held, outcome = held + HELD.size, outcome + OUTCOME

    def least_means(self) -> list[float]:
        """Below E d of every law of the ball that is drawn without regard to X, up to rounding."""
        least = np.empty(self.shape[0])
        library().rdp_least_means(least.size, self.outcomes_at, workspace(self.sizes.judge), _address(least))
        return least.tolist()


@dataclass(eq=False)
class Descents:
    """Where the iterations ended: f (b, n), s, μ, channels (b, n, m), steps, and whether all are numbers."""

    f: FloatArray
    s: list[float]
    mu: list[float]
    channels: FloatArray
    steps: list[float]
    finite: list[int]


@dataclass(eq=False)
class Verdicts:
    """Both ends, how far inside the ball the law of the upper one is, which are settled, the channels (b, n, m).

    What is not settled is for the general judge. A law outside its ball is inside by less than 0.
    """

    lower: list[float]
    upper: list[float]
    room: list[float]
    settled: list[bool]
    channels: FloatArray


def descend_many(batch: Batch, gap: float, max_steps: int, floor: Sequence[float], near: Sequence[bool]) -> Descents:
    """`solve` for each question, from its first law on; `floor` and `near` as in `Question`."""
    (count, n, m), fixed, priced = batch.shape, batch.prescribed, batch.priced
    state, problems = np.zeros((count, REPORT + batch.sizes.state)), bytearray(PROBLEM.size * count)
    s, channels, finite = np.empty(count), np.zeros((count, n, m)), np.empty(count, dtype=np.int64)
    report, row, at = _address(state), (REPORT + batch.sizes.state) * WORD, 0
    for (p, d, limit, ball), low, close in zip(batch.places, floor, near, strict=True):
        law, first = p if n == m else 0, report + REPORT * WORD
        PROBLEM.pack_into(
            problems, at,
            n, m, 1, priced, p, d, limit, 0, 0, ball, law, gap, low, max_steps, 0, close, first, report, 0,
        )  # fmt: skip
        report, at = report + row, at + PROBLEM.size
    work, ends = workspace(batch.sizes.core), (_address(s), _address(channels), _address(finite))
    library().rdp_descend_many(count, _address(problems), fixed, work, *ends)
    mu = state[:, REPORT + n + m + 1].tolist() if priced else [inf if fixed else 0.0] * count
    f, steps = state[:, REPORT : REPORT + n].copy(), state[:, 0].tolist()
    return Descents(f, s.tolist(), mu, channels, steps, finite.tolist())


def judge_many(batch: Batch, found: Descents) -> Verdicts:
    """`judge` for what was found of each question."""
    count, n, m = batch.shape
    out = np.empty((count, ENDS + m + n * m))
    f, channel, ends, at = _address(found.f), _address(found.channels), _address(out), batch.first + QUESTION.size
    row, square, first = WORD * n, WORD * n * m, WORD * (ENDS + m)
    for s, mu in zip(found.s, found.mu, strict=True):
        rows = ends + first
        FOUND.pack_into(batch.memory, at, f, channel, s, mu, rows, ends, 0)
        f, channel, ends, at = f + row, channel + square, rows + square, at + OUTCOME
    library().rdp_judge(count, batch.outcomes_at, workspace(batch.sizes.judge))
    said = np.frombuffer(batch.memory, np.int64, offset=batch.first)[OUTCOME // WORD - 1 :: OUTCOME // WORD].tolist()
    settled = [one & (LOWER | UPPER | DEAR) == LOWER | UPPER for one in said]
    lower, upper, room = out[:, :ENDS].T.tolist()
    return Verdicts(lower, upper, room, settled, out[:, ENDS + m :].reshape(count, n, m))


class _Sizes(NamedTuple):
    """Words of the state of a descent, of its work memory wherever it begins, and of that of the judge."""

    state: int
    core: int
    judge: int


@lru_cache(64)
def _sizes(n: int, m: int, kind: int, fixed: bool, priced: bool) -> _Sizes:
    ball, core = _Ball(kind, n, n), library()
    problem = _Problem(n=n, m=m, tables=1, balls=priced, ball=addressof(ball), near=True)
    at, judge = addressof(problem), core.rdp_judge_work(n, m)
    if fixed:
        return _Sizes(n + 1, core.rdp_fixed_work_size(at), judge)
    return _Sizes(core.rdp_state_size(at), core.rdp_work_size(at), judge)


@lru_cache(64)
def _numbers(n: int) -> Matrix:
    """The outputs that repeat n symbols, without a table."""
    return Matrix(np.zeros((n, 0)), np.arange(n))


def _address(memory: Any) -> int:
    """Where memory of one's own begins; `ctypes.data` of an array takes five times as long."""
    return addressof(_byte(memory))
