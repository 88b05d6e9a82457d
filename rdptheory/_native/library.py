"""The compiled core, called with numpy arrays."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BOX", "CALLED", "FIXED", "JENSEN_SHANNON", "POWER", "TRANSPORT", "BallSpec", "Descent", "Question", "solve"]

FloatArray = NDArray[np.float64]
Phi = Callable[[FloatArray], tuple[FloatArray, FloatArray, FloatArray]]

POWER, JENSEN_SHANNON, CALLED, BOX, TRANSPORT, FIXED = range(6)  # rdp.h
ENDED = (
    "",
    "rounding allows no narrower bracket",
    "the limit of steps was reached",
    "the Newton system could not be factored",
    "no step forward was found",
    "the multipliers diverge: the limits are at or below what any channel can keep",
    "the steps became too short",
)

_BALL = np.dtype(
    [(name, "i8") for name in ("kind", "size", "rows")]
    + [(name, "f8") for name in ("P", "order", "factor", "recession")]
    + [(name, "u8") for name in ("phi", "q", "image", "cost", "guess")]
)
_PROBLEM = np.dtype(
    [(name, "i8") for name in ("n", "m", "tables", "balls")]
    + [(name, "u8") for name in ("p", "d", "limits", "forbidden", "group", "ball", "law")]
    + [("gap", "f8"), ("floor", "f8"), ("max_steps", "i8"), ("resume", "i8"), ("state", "u8"), ("report", "u8")]
)
_PHI = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.POINTER(ctypes.c_double)] * 4)


@dataclass(frozen=True, eq=False)
class BallSpec:
    """A ball as `rdp.h` describes it; `phi` gives φ, φ', φ'' of a CALLED divergence at ratios t."""

    kind: int
    q: FloatArray
    P: float
    size: int
    order: float = 0.0
    factor: float = 1.0
    recession: float = float("inf")
    phi: Phi | None = None
    image: FloatArray | None = None
    cost: FloatArray | None = None
    guess: FloatArray | None = None

    @property
    def priced(self) -> bool:
        """Whether it has a multiplier μ."""
        return self.kind != FIXED

    @property
    def own_pairs(self) -> int:
        """Complementary pairs of its own."""
        return {BOX: 2 * self.size, TRANSPORT: self.q.size * self.size}.get(self.kind, 0)

    @property
    def own_free(self) -> int:
        """Multipliers v, and the potentials of a transport."""
        return self.size + (self.q.size if self.kind == TRANSPORT else 0)


@dataclass(frozen=True, eq=False)
class Question:
    """One problem: p (n,) above 0, tables d (K, n, m) with row minima 0, limits (K,) above 0, what is forbidden.

    `group` numbers the groups of rows between which no mass is exchanged; None where there is one.
    """

    p: FloatArray
    d: FloatArray
    limits: FloatArray
    forbidden: FloatArray | None = None
    balls: tuple[BallSpec, ...] = ()
    law: FloatArray | None = None
    floor: float = 0.0
    group: NDArray[np.intp] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        n, m = self.d.shape[1:]
        return int(n), int(m)

    @property
    def only_law(self) -> bool:
        """Whether the output law is prescribed and one table at most is limited: Newton on f and s then."""
        fixed = len(self.balls) == 1 and self.balls[0].kind == FIXED and self.balls[0].image is None
        return fixed and len(self.limits) <= 1


@dataclass(frozen=True, eq=False)
class Descent:
    """Where the iteration ended: f (n,), s (K,), r (m,), μ and slack of the balls, their v, the plans of transports."""

    f: FloatArray
    s: FloatArray
    r: FloatArray
    mu: FloatArray
    slack: FloatArray
    v: tuple[FloatArray, ...]
    plans: tuple[FloatArray | None, ...]
    steps: int
    sentence: str
    state: FloatArray

    @property
    def finite(self) -> bool:
        """Whether all that the judge reads is a number."""
        return bool(np.isfinite(self.f).all() and np.isfinite(self.s).all() and np.isfinite(self.r).all())


def solve(
    questions: Sequence[Question], gap: float, max_steps: int, states: Sequence[FloatArray] | None = None
) -> list[Descent]:
    """Descend on every question until its complementarity and residuals promise a gap of `gap` nats.

    `states` goes on from where earlier descents ended. Each question is solved alone, in a workspace of this thread, so
    that its numbers depend on nothing else.
    """
    library, count = _library(), len(questions)
    problems, kept = np.zeros(count, dtype=_PROBLEM), []
    reports = np.zeros((count, 4))
    for number, question in enumerate(questions):
        problem, held = _filled(problems[number], question)
        problem["gap"], problem["max_steps"] = gap, max_steps
        problem["report"] = reports[number].ctypes.data
        pointer = ctypes.c_void_p(problems[number : number + 1].ctypes.data)
        size = question.p.size + 1 if question.only_law else library.rdp_state_size(pointer)
        state = np.zeros(size) if states is None else states[number].copy()
        problem["resume"] = int(states is not None)
        problem["state"] = state.ctypes.data
        kept.append((state, held))
        need = (library.rdp_fixed_work_size if question.only_law else library.rdp_work_size)(pointer)
        run = library.rdp_fixed if question.only_law else library.rdp_solve
        run(pointer, ctypes.c_void_p(_workspace(need).ctypes.data))
    return [
        _descent(question, state, report) for question, (state, _), report in zip(questions, kept, reports, strict=True)
    ]


def _filled(problem: Any, question: Question) -> tuple[Any, list[Any]]:
    """The C struct, and what must stay alive while it is used."""
    n, m = question.shape
    held: list[Any] = []

    def address(array: FloatArray | None) -> int:
        if array is None:
            return 0
        fitting = np.ascontiguousarray(array, dtype=np.float64)
        held.append(fitting)
        return int(fitting.ctypes.data)

    problem["n"], problem["m"], problem["tables"] = n, m, len(question.limits)
    problem["p"], problem["d"], problem["limits"] = (address(a) for a in (question.p, question.d, question.limits))
    problem["forbidden"] = address(question.forbidden)
    if question.group is not None:
        group = np.ascontiguousarray(question.group, dtype=np.int64)
        held.append(group)
        problem["group"] = group.ctypes.data
    if question.only_law:
        problem["law"] = address(question.balls[0].q)
        return problem, held
    problem["law"], problem["floor"] = address(question.law), question.floor
    balls = np.zeros(len(question.balls), dtype=_BALL)
    for ball, spec in zip(balls, question.balls, strict=True):
        ball["kind"], ball["size"], ball["rows"], ball["P"] = spec.kind, spec.size, spec.q.size, spec.P
        ball["order"], ball["factor"], ball["recession"] = spec.order, spec.factor, spec.recession
        ball["q"], ball["image"], ball["cost"], ball["guess"] = map(
            address, (spec.q, spec.image, spec.cost, spec.guess)
        )
        if spec.phi is not None:
            called = _called(spec.phi)
            held.append(called)
            ball["phi"] = ctypes.cast(called, ctypes.c_void_p).value or 0
    held.append(balls)
    problem["balls"], problem["ball"] = balls.size, balls.ctypes.data
    return problem, held


def _called(phi: Phi) -> Any:
    def write(count: int, t: Any, *into: Any) -> None:
        with np.errstate(all="ignore"):
            found = phi(np.ctypeslib.as_array(t, (count,)))
        for place, values in zip(into, found, strict=True):
            np.ctypeslib.as_array(place, (count,))[:] = values

    return _PHI(write)


def _descent(question: Question, state: FloatArray, report: FloatArray) -> Descent:
    (n, m), K = question.shape, len(question.limits)
    steps, sentence = int(report[0]), ENDED[int(report[1])]
    f, limits = state[:n].copy(), np.asarray(question.limits)
    if question.only_law:
        s = state[n : n + 1] / limits if K else np.empty(0)
        return Descent(f, s, question.balls[0].q, np.full(1, np.inf), np.zeros(1), (), (None,), steps, sentence, state)
    priced = [ball.priced for ball in question.balls]
    pairs = m + K + sum(priced) + sum(ball.own_pairs for ball in question.balls)
    left, right, free = state[n : n + pairs], state[n + pairs : n + 2 * pairs], state[n + 2 * pairs :]
    mu, slack = np.zeros(len(priced)), np.zeros(len(priced))
    mu[priced], slack[priced] = (side[m + K : m + K + sum(priced)] for side in (left, right))
    own, level = m + K + sum(priced), 0
    v: list[FloatArray] = []
    plans: list[FloatArray | None] = []
    for ball in question.balls:
        plan = (
            left[own : own + ball.own_pairs].reshape(ball.q.size, ball.size).copy() if ball.kind == TRANSPORT else None
        )
        plans.append(plan)
        v.append(free[level : level + ball.size].copy())
        own, level = own + ball.own_pairs, level + ball.own_free
    return Descent(
        f, left[m : m + K] / limits, left[:m].copy(), mu, slack, tuple(v), tuple(plans), steps, sentence, state
    )


_threads = local()


def _workspace(size: int) -> FloatArray:
    """This thread's scratch memory, grown when a larger problem comes."""
    if getattr(_threads, "work", np.empty(0)).size < size:
        _threads.work = np.empty(size)
    work: FloatArray = _threads.work
    return work


@cache
def _library() -> Any:
    """The build for this processor.

    Raises
    ------
    ImportError
        The library was not built, or cannot be loaded.
    """
    suffix = ".dll" if platform.system() == "Windows" else ".so"
    baseline = _loaded(Path(__file__).with_name(f"core{suffix}"))
    wide = Path(__file__).with_name(f"core-v3{suffix}")
    return _loaded(wide) if baseline.rdp_wide_registers() and wide.exists() else baseline


def _loaded(path: Path) -> Any:
    try:
        library = ctypes.CDLL(str(path))
    except OSError as problem:
        raise ImportError(
            f"the compiled core of rdptheory cannot be loaded ({problem}): install the package again with a C compiler "
            "(cc, gcc or clang) on the PATH, or with network access, so that pip can fetch one"
        ) from None
    for name in ("rdp_state_size", "rdp_work_size", "rdp_fixed_work_size"):
        getattr(library, name).restype = ctypes.c_int64
    for name in ("rdp_solve", "rdp_fixed"):
        getattr(library, name).restype = None
    return library
