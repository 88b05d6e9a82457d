"""The compiled judge of the common question, called with numpy arrays: one call for a batch of outcomes.

It belongs to the judge and shares nothing with the iteration; `tests/native/test_judge.py` holds it to the general one
in numpy, and to 50 digits.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rdptheory._native.library import BallSpec, ball_structs, library, workspace
from rdptheory._native.sums import Tables

__all__ = ["Common", "Judged", "Look", "judge"]

FloatArray = NDArray[np.float64]

LOWER, UPPER, DEAR = 1, 2, 4  # rdp.h


class _Outcome(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("tables", "ball", "copy", "f", "channel")),
        ("s", ctypes.c_double),
        ("mu", ctypes.c_double),
        ("rows", ctypes.c_void_p),
        ("found", ctypes.c_void_p),
        ("judged", ctypes.c_int64),
    )


class Common:
    """One table without infinite entries, a limit above 0, at most one ball on the output law that is no transport, and
    for each symbol the output (n,) that repeats it at no cost: with a ball, to the law of its reference."""

    def __init__(self, tables: Tables, ball: BallSpec | None, copy: NDArray[np.intp]) -> None:
        self.shape, self.tables = tables.shape, tables.address
        structs, held = ball_structs([] if ball is None else [ball])
        to = np.ascontiguousarray(copy, dtype=np.int64)
        self.ball = None if ball is None else ctypes.addressof(structs)
        self.copy = to.ctypes.data
        self._alive = tables, structs, held, to


@dataclass(frozen=True, eq=False)
class Look:
    """What the judge is shown: a question, any f (n,), s >= 0, a guess at μ, and any array (n, m) for a channel."""

    question: Common
    f: FloatArray
    s: float
    mu: float
    channel: FloatArray


@dataclass(frozen=True, eq=False)
class Judged:
    """Both ends in nats, None where the general judge has to look for one; the channel (n, m) that reaches the upper
    one within the limits, how far inside the ball its law is beyond rounding (below 0: outside), and that law (m,).

    `dear` says that the upper end pays so much for rounding that a look for an exact channel is worth it.
    """

    lower: float | None
    upper: float | None
    dear: bool
    room: float
    channel: FloatArray
    law: FloatArray


def judge(looks: Sequence[Look]) -> list[Judged]:
    """Every bracket."""
    structs = (_Outcome * len(looks))()
    outs, held, size = [], [], 0
    core = library()
    for struct, look in zip(structs, looks, strict=True):
        question, (n, m) = look.question, look.question.shape
        f, channel = _flat(look.f), _flat(look.channel)
        out = np.empty(3 + m + n * m)
        struct.tables, struct.ball, struct.copy = question.tables, question.ball, question.copy
        struct.f, struct.channel, struct.s, struct.mu = f.ctypes.data, channel.ctypes.data, look.s, look.mu
        struct.found = at = out.ctypes.data
        struct.rows = at + 8 * (3 + m)
        outs.append(out)
        held.append((f, channel))
        size = max(size, core.rdp_judge_work(n, m))
    core.rdp_judge(len(looks), ctypes.addressof(structs), workspace(size).ctypes.data)
    return [
        _read(struct.judged, out, *look.question.shape) for struct, out, look in zip(structs, outs, looks, strict=True)
    ]


def _read(said: int, out: FloatArray, n: int, m: int) -> Judged:
    lower, upper, room = out[:3].tolist()
    low, high = lower if said & LOWER else None, upper if said & UPPER else None
    return Judged(low, high, said & DEAR > 0, room, out[3 + m :].reshape(n, m), out[3 : 3 + m])


def _flat(array: FloatArray) -> FloatArray:
    return np.ascontiguousarray(array, dtype=np.float64)
