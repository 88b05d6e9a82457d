"""Many common questions of one shape and one form of ball: one call of the core for all, and one of the judge.

A struct of `rdp.h` is packed in one step of Python, which takes less than one field does through numpy or ctypes. The
two calls share nothing but the questions.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import Any

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
        n, m = tables[0].d.shape
        self.shape = len(questions), n, m
        self.prescribed, self.priced = prescribed, ball is not None and not prescribed
        form = NO_BALL if ball is None else ball
        self.kind, order, factor, recession = form.kind, form.order, form.factor, form.recession
        kind = self.kind
        self.held, self.outcomes = bytearray(HELD.size * len(questions)), bytearray(OUTCOME * len(questions))
        self.alive = laws, tables, itself = laws, tables, np.arange(n)
        self.places: list[tuple[int, int, int, int]] = []
        """Addresses of what each question is about: its law, its table, D, and its ball."""
        at, laws_at, itself_at, held, outcome = _address(self.held), _address(laws), _address(itself), 0, 0
        for law, table, D, P in questions:
            matrix, p, limit, place = tables[table], laws_at + law * n * WORD, at + D_AT, at + PLACE_AT
            d, theirs, copy = matrix.d_at, 0, matrix.free_at
            if ball is not None:
                theirs, copy = at + BALL_AT, itself_at
            HELD.pack_into(  # its tables, its ball, and what they point to
                self.held, held,
                n, m, 1, 0, p, limit, place,
                kind, n, n, P, order, factor, recession, 0, p, 0, 0, 0,
                D, d,
            )  # fmt: skip
            QUESTION.pack_into(self.outcomes, outcome, at, theirs, copy, D, P)
            self.places.append((p, d, limit, theirs))
            at, held, outcome = at + HELD.size, held + HELD.size, outcome + OUTCOME

    def least_means(self) -> list[float]:
        """Below E d of every law of the ball that is drawn without regard to X, up to rounding."""
        (count, n, m), core = self.shape, library()
        least = np.empty(count)
        work = workspace(core.rdp_judge_work(n, m))
        core.rdp_least_means(count, _address(self.outcomes), work, _address(least))
        return least.tolist()


@dataclass(eq=False)
class Descents:
    """Where the iterations ended: f (b, n), s, mu (b,), channels (b, n, m), steps and whether all are numbers (b,)."""

    f: FloatArray
    s: FloatArray
    mu: FloatArray
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
    state_size, work_size = _sizes(n, m, batch.kind, fixed, priced)
    state, problems = np.zeros((count, REPORT + state_size)), bytearray(PROBLEM.size * count)
    s, channels, finite = np.empty(count), np.zeros((count, n, m)), np.empty(count, dtype=np.int64)
    report, row, at = _address(state), (REPORT + state_size) * WORD, 0
    for (p, d, limit, ball), low, close in zip(batch.places, floor, near, strict=True):
        law, first = p if n == m else 0, report + REPORT * WORD
        PROBLEM.pack_into(
            problems, at,
            n, m, 1, priced, p, d, limit, 0, 0, ball, law, gap, low, max_steps, 0, close, first, report,
        )  # fmt: skip
        report, at = report + row, at + PROBLEM.size
    ends = _address(s), _address(channels), _address(finite)
    library().rdp_descend_many(count, _address(problems), fixed, workspace(work_size), *ends)
    mu = np.full(count, np.inf) if fixed else state[:, REPORT + n + m + 1].copy() if priced else np.zeros(count)
    return Descents(state[:, REPORT : REPORT + n].copy(), s, mu, channels, state[:, 0].tolist(), finite.tolist())


def judge_many(batch: Batch, found: Descents) -> Verdicts:
    """`judge` for what was found of each question."""
    (count, n, m), core = batch.shape, library()
    out = np.empty((count, ENDS + m + n * m))
    f, channel, ends, at = _address(found.f), _address(found.channels), _address(out), QUESTION.size
    row, square, first = WORD * n, WORD * n * m, WORD * (ENDS + m)
    for s, mu in zip(found.s.tolist(), found.mu.tolist(), strict=True):
        rows = ends + first
        FOUND.pack_into(batch.outcomes, at, f, channel, s, mu, rows, ends, 0)
        f, channel, ends, at = f + row, channel + square, rows + square, at + OUTCOME
    core.rdp_judge(count, _address(batch.outcomes), workspace(core.rdp_judge_work(n, m)))
    judged = np.frombuffer(batch.outcomes, np.int64).reshape(count, -1)[:, -1].tolist()
    settled = [said & (LOWER | UPPER | DEAR) == LOWER | UPPER for said in judged]
    channels = out[:, ENDS + m :].reshape(count, n, m)
    lower, upper, room = out[:, :ENDS].T.tolist()
    return Verdicts(lower, upper, room, settled, channels)


@lru_cache(64)
def _sizes(n: int, m: int, kind: int, fixed: bool, priced: bool) -> tuple[int, int]:
    """Of the state and of the work memory of a descent, wherever it begins."""
    ball = _Ball(kind, n, n)
    problem = _Problem(n=n, m=m, tables=1, balls=priced, ball=ctypes.addressof(ball), near=True)
    at, core = ctypes.addressof(problem), library()
    return (n + 1, core.rdp_fixed_work_size(at)) if fixed else (core.rdp_state_size(at), core.rdp_work_size(at))


def _address(memory: Any) -> int:
    """Where memory of one's own begins; `ctypes.data` of an array takes five times as long."""
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
