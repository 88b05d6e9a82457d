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

from rdptheory._native.library import BallSpec, ball_struct, flat, library, workspace
from rdptheory._native.sums import tables_struct

__all__ = ["Common", "Judged", "Look", "judge"]

FloatArray = NDArray[np.float64]

LOWER, UPPER, DEAR = 1, 2, 4  # rdp.h


class _Outcome(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("tables", "ball", "copy")),
        ("D", ctypes.c_double),
        ("P", ctypes.c_double),
        ("f", ctypes.c_void_p),
        ("channel", ctypes.c_void_p),
        ("s", ctypes.c_double),
        ("mu", ctypes.c_double),
        ("rows", ctypes.c_void_p),
        ("found", ctypes.c_void_p),
        ("judged", ctypes.c_int64),
    )


class Common:
    """All common questions of a law p (n,) above 0 and a table d (n, m) with row minima 0 and no infinite entry.

    They have a limit D above 0 and at most one ball on the output law, no transport: `ball`, at any radius. `copy` (n,)
    is the output that repeats each symbol at no cost: with a ball, to the law of its reference. Only addresses of p, d
    and the reference are kept: they have to live for as long as this.
    """

    def __init__(self, p: FloatArray, d: FloatArray, ball: BallSpec | None, copy: NDArray[np.intp]) -> None:
        self.shape = n, m = d.shape
        tables, held = tables_struct(p, [d], [1.0], barred=False)
        struct, theirs = (None, []) if ball is None else ball_struct(ball)
        to = np.ascontiguousarray(copy, dtype=np.int64)
        callers = (p, d, None if ball is None else ball.q)
        own = [one for one in (*held, *theirs) if not any([one is given for given in callers])]
        self.alive = tables, struct, to, own
        at = None if struct is None else ctypes.addressof(struct)
        self.struct = _Outcome(tables=ctypes.addressof(tables), ball=at, copy=to.ctypes.data)
        self.work: int = library().rdp_judge_work(n, m)


@dataclass(frozen=True, eq=False)
class Look:
    """What the judge is shown: a question, any f (n,), s >= 0, a guess at μ, and any array (n, m) for a channel."""

    question: Common
    D: float
    P: float
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
    structs = (_Outcome * len(looks))(*[look.question.struct for look in looks])
    outs, held = [], []
    for struct, look in zip(structs, looks, strict=True):
        n, m = look.question.shape
        out, f, channel = np.empty(3 + m + n * m), flat(look.f), flat(look.channel)
        struct.D, struct.P, struct.s, struct.mu = look.D, look.P, look.s, look.mu
        struct.f, struct.channel, struct.found = f.ctypes.data, channel.ctypes.data, out.ctypes.data
        struct.rows = struct.found + 8 * (3 + m)
        outs.append(out)
        held.append((f, channel))
    work = workspace(max([look.question.work for look in looks], default=0))
    library().rdp_judge(len(looks), ctypes.addressof(structs), work)
    return [
        _read(struct.judged, out, *look.question.shape) for struct, out, look in zip(structs, outs, looks, strict=True)
    ]


def _read(said: int, out: FloatArray, n: int, m: int) -> Judged:
    lower, upper, room = out[:3].tolist()
    low, high = lower if said & LOWER else None, upper if said & UPPER else None
    return Judged(low, high, said & DEAR > 0, room, out[3 + m :].reshape(n, m), out[3 : 3 + m])
