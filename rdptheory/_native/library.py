"""The compiled core, called with numpy arrays."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import isfinite
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

_PHI = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.POINTER(ctypes.c_double)] * 4)


class _Ball(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("kind", "size", "rows")),
        *((name, ctypes.c_double) for name in ("P", "order", "factor", "recession")),
        *((name, ctypes.c_void_p) for name in ("phi", "q", "image", "cost", "guess")),
    )


class _Problem(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("n", "m", "tables", "balls")),
        *((name, ctypes.c_void_p) for name in ("p", "d", "limits", "forbidden", "group", "ball", "law")),
        ("gap", ctypes.c_double),
        ("floor", ctypes.c_double),
        ("max_steps", ctypes.c_int64),
        ("resume", ctypes.c_int64),
        ("near", ctypes.c_int64),
        ("state", ctypes.c_void_p),
        ("report", ctypes.c_void_p),
    )


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
        return 2 * self.size if self.kind == BOX else self.q.size * self.size if self.kind == TRANSPORT else 0

    @property
    def own_free(self) -> int:
        """Multipliers v, and the potentials of a transport."""
        return self.size + (self.q.size if self.kind == TRANSPORT else 0)


@dataclass(frozen=True, eq=False)
class Question:
    """One problem: p (n,) above 0, tables d (K, n, m) with row minima 0, limits (K,) above 0, what is forbidden.

    `group` numbers the groups of rows between which no mass is exchanged; None where there is one. `near` begins from
    the answer for the reference of the ball itself: one BOX on the output law, at most one table.
    """

    p: FloatArray
    d: FloatArray
    limits: FloatArray
    forbidden: FloatArray | None = None
    balls: tuple[BallSpec, ...] = ()
    law: FloatArray | None = None
    floor: float = 0.0
    near: bool = False
    group: NDArray[np.intp] | None = None

    @cached_property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        n, m = self.d.shape[1:]
        return int(n), int(m)

    @cached_property
    def only_law(self) -> bool:
        """Whether the output law is prescribed and one table at most is limited: Newton on f and s then."""
        fixed = len(self.balls) == 1 and self.balls[0].kind == FIXED and self.balls[0].image is None
        return fixed and len(self.limits) <= 1


@dataclass(frozen=True, eq=False)
class Descent:
    """Where the iteration ended: f (n,), s (K,), r (m,), μ and slack of the balls, their v, the plans of transports.

    The channel (n, m) belongs to f, s and r; its rows sum to 1 at the optimum.
    """

    f: FloatArray
    s: FloatArray
    r: FloatArray
    mu: FloatArray
    slack: FloatArray
    v: tuple[FloatArray, ...]
    plans: tuple[FloatArray | None, ...]
    channel: FloatArray
    steps: int
    sentence: str
    state: FloatArray

    @property
    def finite(self) -> bool:
        """Whether all that the judge reads is a number."""
        return isfinite(float(self.f.sum()) + float(self.s.sum()) + float(self.r.sum()))


def solve(question: Question, gap: float, max_steps: int, state: FloatArray | None = None) -> Descent:
    """Descend until complementarity and residuals promise a gap of `gap` nats, from `state` where that is given.

    A question is solved in a workspace of this thread, so that its numbers depend on nothing else; the interpreter is
    free meanwhile.
    """
    core, problem = library(), _Problem()
    held = _fill(problem, question)
    at = ctypes.addressof(problem)
    report = np.zeros(4)
    size = question.p.size + 1 if question.only_law else core.rdp_state_size(at)
    here = np.zeros(size) if state is None else state.copy()
    problem.gap, problem.max_steps, problem.resume = gap, max_steps, state is not None
    problem.state, problem.report = here.ctypes.data, report.ctypes.data
    need, run = (
        (core.rdp_fixed_work_size, core.rdp_fixed) if question.only_law else (core.rdp_work_size, core.rdp_solve)
    )
    run(at, workspace(need(at)).ctypes.data)
    found = _descent(question, here, report)
    if found.finite:
        s, r = np.ascontiguousarray(found.s), np.ascontiguousarray(found.r)
        core.rdp_channel(at, found.f.ctypes.data, s.ctypes.data, r.ctypes.data, found.channel.ctypes.data)
    del held  # what the struct points to lives until here
    return found


def _fill(problem: _Problem, question: Question) -> list[Any]:
    """Write a question into the struct; what it points to is returned, and must stay alive while it is used."""
    held: list[Any] = []

    def address(array: FloatArray | None) -> int | None:
        if array is None:
            return None
        fitting = np.ascontiguousarray(array, dtype=np.float64)
        held.append(fitting)
        return fitting.ctypes.data

    problem.n, problem.m = question.shape
    problem.tables = len(question.limits)
    problem.p, problem.d, problem.limits = address(question.p), address(question.d), address(question.limits)
    problem.forbidden = address(question.forbidden)
    if question.group is not None:
        group = np.ascontiguousarray(question.group, dtype=np.int64)
        held.append(group)
        problem.group = group.ctypes.data
    if question.only_law:
        problem.law = address(question.balls[0].q)
        return held
    problem.law, problem.floor, problem.near = address(question.law), question.floor, question.near
    balls, theirs = ball_structs(question.balls)
    held += [balls, *theirs]
    problem.balls, problem.ball = len(balls), ctypes.addressof(balls)
    return held


def ball_structs(specs: Sequence[BallSpec]) -> tuple[Any, list[Any]]:
    """Balls as `rdp.h` has them, and what they point to."""
    balls = (_Ball * len(specs))()
    held: list[Any] = []
    for ball, spec in zip(balls, specs, strict=True):
        ball.kind, ball.size, ball.rows = spec.kind, spec.size, spec.q.size
        ball.P, ball.order, ball.factor, ball.recession = spec.P, spec.order, spec.factor, spec.recession
        for name in ("q", "image", "cost", "guess"):
            array = getattr(spec, name)
            if array is not None:
                held.append(np.ascontiguousarray(array, dtype=np.float64))
                setattr(ball, name, held[-1].ctypes.data)
        if spec.phi is not None:
            held.append(_called(spec.phi))
            ball.phi = ctypes.cast(held[-1], ctypes.c_void_p).value
    return balls, held


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
        law, prices = question.balls[0].q, np.full(1, np.inf)
        return Descent(f, s, law, prices, np.zeros(1), (), (None,), np.empty((n, m)), steps, sentence, state)
    priced = [place for place, ball in enumerate(question.balls) if ball.priced]
    pairs = m + K + len(priced) + sum([ball.own_pairs for ball in question.balls])
    left, right, free = state[n : n + pairs], state[n + pairs : n + 2 * pairs], state[n + 2 * pairs :]
    mu, slack, own, level = np.zeros(len(question.balls)), np.zeros(len(question.balls)), m + K + len(priced), 0
    mu[priced], slack[priced] = left[m + K : own], right[m + K : own]
    v: list[FloatArray] = []
    plans: list[FloatArray | None] = []
    for ball in question.balls:
        plan = None
        if ball.kind == TRANSPORT:
            plan = left[own : own + ball.own_pairs].reshape(ball.q.size, ball.size).copy()
        plans.append(plan)
        v.append(free[level : level + ball.size].copy())
        own, level = own + ball.own_pairs, level + ball.own_free
    s, r, channel = left[m : m + K] / limits, left[:m].copy(), np.empty((n, m))
    return Descent(f, s, r, mu, slack, tuple(v), tuple(plans), channel, steps, sentence, state)


FUNCTIONS = (
    ("rdp_state_size", ctypes.c_int64, 1),
    ("rdp_work_size", ctypes.c_int64, 1),
    ("rdp_fixed_work_size", ctypes.c_int64, 1),
    ("rdp_solve", None, 2),
    ("rdp_fixed", None, 2),
    ("rdp_channel", None, 5),
    ("rdp_column_sums", None, 5),
    ("rdp_rows", ctypes.c_int64, 3),
    ("rdp_weigh", None, 3),
    ("rdp_bound_cuts", None, 2),
    ("rdp_wide_registers", ctypes.c_int, 0),
)
"""What the library offers: name, result, number of pointers."""
COUNTED = (
    ("rdp_judge_work", ctypes.c_int64, (ctypes.c_int64,) * 2),
    (
        "rdp_judge",
        None,
        (ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p),
    ),
)
"""The same with their arguments."""
_threads = local()


def workspace(size: int) -> FloatArray:
    """This thread's scratch memory, grown when a larger problem comes."""
    work: FloatArray = getattr(_threads, "work", np.empty(0))
    if work.size < size:
        work = _threads.work = np.empty(size)
    return work


@cache
def library() -> Any:
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
        core = ctypes.CDLL(str(path))
    except OSError as problem:
        raise ImportError(
            f"the compiled core of rdptheory cannot be loaded ({problem}): install the package again with a C compiler "
            "(cc, gcc or clang) on the PATH, or with network access, so that pip can fetch one"
        ) from None
    for name, kind, arguments in FUNCTIONS:
        function = getattr(core, name)
        function.restype, function.argtypes = kind, (ctypes.c_void_p,) * arguments
    for name, kind, taken in COUNTED:
        function = getattr(core, name)
        function.restype, function.argtypes = kind, taken
    return core
