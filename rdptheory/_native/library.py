"""The compiled core, called with numpy arrays."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rdptheory._native.stop import stoppable

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
    "it was stopped",
)

LONG = 2e9
"""Multiplications that take a second or so: a descent that may need more is made where Ctrl-C ends it, for 0.1 ms."""

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
        ("stop", ctypes.c_void_p),
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

    @property
    def multiplications(self) -> float:
        """Of one step, about."""
        (n, m), sizes = self.shape, [(ball.q.size, ball.size) for ball in self.balls if ball.kind == TRANSPORT]
        return float(n * m * (n + m) + sum([size * (rows + m + n) * size for rows, size in sizes]))

    @cached_property
    def called(self) -> bool:
        """Whether the φ of some ball is a function of Python."""
        return any([ball.kind == CALLED for ball in self.balls])

    @cached_property
    def transports(self) -> bool:
        """Whether some ball is that of an optimal transport."""
        return any([ball.kind == TRANSPORT for ball in self.balls])

    @cached_property
    def only_law(self) -> bool:
        """Whether the output law is prescribed and one table at most is limited: Newton on f and s then."""
        fixed = len(self.balls) == 1 and self.balls[0].kind == FIXED and self.balls[0].image is None
        return fixed and len(self.limits) <= 1


@dataclass(frozen=True, eq=False)
class Descent:
    """Where the iteration ended: f (n,), s (K,) in nats per unit, and the state of all pairs, to go on from.

    The channel (n, m) belongs to f, s and r; its rows sum to 1 at the optimum. `finite` says that all this is numbers.
    """

    question: Question
    f: FloatArray
    s: FloatArray
    channel: FloatArray
    steps: int
    sentence: str
    state: FloatArray
    finite: bool

    @property
    def _left(self) -> tuple[FloatArray, int]:
        """Left members of the pairs from r on, and how many pairs are no ball's own."""
        question, (n, m) = self.question, self.question.shape
        first = m + len(question.limits) + sum([ball.priced for ball in question.balls])
        pairs = first + sum([ball.own_pairs for ball in question.balls])
        return self.state[n : n + 2 * pairs], first

    @property
    def r(self) -> FloatArray:
        """The output law (m,)."""
        question, (n, m) = self.question, self.question.shape
        return question.balls[0].q if question.only_law else self.state[n : n + m]

    @property
    def mu(self) -> FloatArray:
        """The multiplier of every ball: inf where it prescribes the only law, 0 where it prescribes another."""
        question, (n, m) = self.question, self.question.shape
        if question.only_law:
            return np.full(1, np.inf)
        found, at = np.zeros(len(question.balls)), n + m + len(question.limits)
        for place, ball in enumerate(question.balls):
            if ball.priced:
                found[place], at = self.state[at], at + 1
        return found

    @property
    def v(self) -> tuple[FloatArray, ...]:
        """Multipliers of the masses, for every ball."""
        question, n = self.question, self.question.p.size
        if question.only_law:
            return ()
        left, _ = self._left
        level, found = n + left.size, []
        for ball in question.balls:
            found.append(self.state[level : level + ball.size].copy())
            level += ball.own_free
        return tuple(found)

    @property
    def plans(self) -> tuple[FloatArray | None, ...]:
        """The plan of every transport."""
        found: list[FloatArray | None] = []
        left, own = self._left if self.question.transports else (self.state, 0)
        for ball in self.question.balls:
            plan = None
            if ball.kind == TRANSPORT:
                plan = left[own : own + ball.own_pairs].reshape(ball.q.size, ball.size).copy()
            found.append(plan)
            own += ball.own_pairs
        return tuple(found)


def solve(question: Question, gap: float, max_steps: int, state: FloatArray | None = None) -> Descent:
    """Descend until complementarity and residuals promise a gap of `gap` nats, from `state` where that is given.

    A question is solved in a workspace of this thread, so that its numbers depend on nothing else; the interpreter is
    free meanwhile, and Ctrl-C ends a long descent within a step. Where φ is CALLED every descent counts as long: in the
    main thread Ctrl-C would come within φ, whose exceptions the core cannot pass on. What φ raises is raised here.
    """
    core, fixed, resume = library(), question.only_law, state is not None
    problem, places = _struct(question)
    at, (n, m), K = ctypes.addressof(problem), question.shape, len(question.limits)
    size = n + 1 if fixed else core.rdp_state_size(at)
    need = core.rdp_fixed_work_size(at) if fixed else core.rdp_work_size(at)
    state = np.zeros(size) if state is None else state.copy()
    out = np.zeros(4 + K + n * m)
    report = out.ctypes.data
    problem.gap, problem.max_steps, problem.resume = gap, max_steps, resume
    problem.state, problem.report = state.ctypes.data, report

    def descend(work: int, stop: int | None = None) -> int:
        problem.stop = stop
        finite = int(core.rdp_descend(at, fixed, work, report + 32, report + 32 + 8 * K))
        if places.raised:
            raise places.raised[0]
        return finite

    if max_steps * question.multiplications <= LONG and not question.called:
        finite = descend(workspace(need))
    else:
        memory, lent = _threads.lend(need), (places, state, out)
        finite = stoppable(lambda stop: descend(memory.ctypes.data, stop), (memory, *lent))
        _threads.keep(memory)
    steps, why = out[:2].tolist()
    f, s, channel = state[:n].copy(), out[4 : 4 + K].copy(), out[4 + K :].reshape(n, m)
    return Descent(question, f, s, channel, int(steps), ENDED[int(why)], state, bool(finite))


def _struct(question: Question) -> tuple[_Problem, _Places]:
    """A question as `rdp.h` has it, and what that points to, which must stay alive while it is used."""
    (n, m), K, places = question.shape, len(question.limits), _Places()
    p, d, limits, forbidden = map(places, (question.p, question.d, question.limits, question.forbidden))
    group = None if question.group is None else np.ascontiguousarray(question.group, dtype=np.int64)
    levels = None if group is None else group.ctypes.data
    law, count, at = question.law, len(question.balls), None
    if question.only_law:
        law, count = question.balls[0].q, 0
    elif count:
        balls = (_Ball * count)(*[_ball(ball, places) for ball in question.balls])
        places.held.append(balls)
        at = ctypes.addressof(balls)
    problem = _Problem(
        n, m, K, count, p, d, limits, forbidden, levels, at, places(law), 0.0, question.floor, 0, 0, question.near
    )
    places.held.append(group)
    return problem, places


def flat(array: FloatArray) -> FloatArray:
    """The array as the library reads it."""
    return np.ascontiguousarray(array, dtype=np.float64)


class _Places:
    """Addresses of arrays: one law is often the reference too, and an address takes a microsecond.

    `held` is what they are addresses of, and `raised` what a φ among it has raised.
    """

    def __init__(self) -> None:
        self.known: dict[int, int] = {}
        self.held: list[Any] = []
        self.raised: list[BaseException] = []

    def __call__(self, array: FloatArray | None) -> int | None:
        if array is None:
            return None
        found = self.known.get(id(array))
        if found is None:
            fitting = flat(array)
            self.held += array, fitting
            found = self.known[id(array)] = fitting.ctypes.data
        return found


def ball_struct(spec: BallSpec) -> tuple[_Ball, list[Any]]:
    """A ball as `rdp.h` has it, and what it points to."""
    places = _Places()
    return _ball(spec, places), places.held


def _ball(spec: BallSpec, places: _Places) -> _Ball:
    phi, (q, image, cost, guess) = None, map(places, (spec.q, spec.image, spec.cost, spec.guess))
    if spec.phi is not None:
        called = _called(spec.phi, places.raised)
        places.held.append(called)
        phi = ctypes.cast(called, ctypes.c_void_p).value
    numbers = spec.P, spec.order, spec.factor, spec.recession
    return _Ball(spec.kind, spec.size, spec.q.size, *numbers, phi, q, image, cost, guess)


def _called(phi: Phi, raised: list[BaseException]) -> Any:
    """φ as the core calls it: once it has raised something it is not asked again, and all its values are NaN."""

    def write(count: int, t: Any, *into: Any) -> None:
        places = [np.ctypeslib.as_array(place, (count,)) for place in into]
        try:
            if not raised:
                with np.errstate(all="ignore"):
                    found = phi(np.ctypeslib.as_array(t, (count,)))
                for place, values in zip(places, found, strict=True):
                    place[:] = values
        except BaseException as problem:  # ctypes would print it and go on
            raised.append(problem)
        if raised:
            for place in places:
                place.fill(np.nan)

    return _PHI(write)


_AT, _COUNT = ctypes.c_void_p, ctypes.c_int64
FUNCTIONS = (
    ("rdp_state_size", _COUNT, (_AT,)),
    ("rdp_work_size", _COUNT, (_AT,)),
    ("rdp_fixed_work_size", _COUNT, (_AT,)),
    ("rdp_descend", _COUNT, (_AT, _COUNT, _AT, _AT, _AT)),
    ("rdp_descend_many", None, (_COUNT, _AT, _COUNT, _AT, _AT, _AT, _AT)),
    ("rdp_column_sums", None, (_AT,) * 5),
    ("rdp_rows", _COUNT, (_AT,) * 3),
    ("rdp_weigh", None, (_AT,) * 3),
    ("rdp_judge_work", _COUNT, (_COUNT, _COUNT)),
    ("rdp_least_means", None, (_COUNT, _AT, _AT, _AT)),
    ("rdp_judge", None, (_COUNT, _AT, _AT)),
    ("rdp_bound_cuts", None, (_AT, _AT)),
    ("rdp_line_work_size", _COUNT, (_AT,)),
    ("rdp_line_centre", _COUNT, (_AT, _AT)),
    ("rdp_staircase", _COUNT, (_COUNT, *(_AT,) * 5)),
    ("rdp_tangent", None, (_COUNT, _COUNT, _AT, _AT, _AT, ctypes.c_double, _AT)),
    ("rdp_wide_registers", ctypes.c_int, ()),
)
"""What the library offers: name, result, arguments."""


class _Workspaces(local):
    """The scratch memory of a thread, and its address."""

    def __init__(self) -> None:
        self.keep(np.empty(0))

    def keep(self, work: FloatArray) -> None:
        """Use this memory from now on."""
        self.work, self.at = work, int(work.ctypes.data)

    def lend(self, size: int) -> FloatArray:
        """Memory of at least this size, for a call beside which the thread may make others."""
        work = self.work if self.work.size >= size else np.empty(size)
        self.keep(np.empty(0))
        return work


_threads = _Workspaces()


def workspace(size: int) -> int:
    """The address of this thread's scratch memory, which grows when a larger problem comes."""
    if _threads.work.size < size:
        _threads.keep(np.empty(size))
    return _threads.at


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
    for name, kind, taken in FUNCTIONS:
        function = getattr(core, name)
        function.restype, function.argtypes = kind, taken
    return core
