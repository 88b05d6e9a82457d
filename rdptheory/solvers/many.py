"""Many questions of the common kind at once: one descent for each, all of a shape in one call, then one of the judge.

A common question has one distortion, whose table has rows with minima 0 and forbids nothing, D above 0, and at most one
ball: of an f-divergence of this package, around the law of the source, which has no light symbols and is copied at no
cost. `InteriorPoint` begins there with one descent, and where the judge finds its bracket as narrow as asked, it ends
there. That much is done here for all of them, with the very numbers; what does not end so is for the road that every
other question goes.

Nothing is decided here before the descent: where `presolve` sees a rate of 0, no lower end is above what that calls 0,
so that the question is left to it, and a copy that costs nothing keeps every limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np

from rdptheory._native import BOX, CALLED, BallSpec, Batch, Descents, Verdicts, descend_many, judge_many
from rdptheory._types import Bounds, FloatArray, IntArray, Remembered, follows, frozen_array
from rdptheory.certificates.common import known_form
from rdptheory.distortions import OfLaw
from rdptheory.divergences import Divergence
from rdptheory.errors import InvalidInput
from rdptheory.exact_sums import LAW_ROUNDING, exact_law
from rdptheory.geometry import MaskArray
from rdptheory.methods import DualPoint
from rdptheory.problems import POINT, Problem, is_large
from rdptheory.solvers.interior_point.descent import BARE_FLOOR, BOX_FLOOR, NEAR
from rdptheory.solvers.interior_point.drive import NO_ROOM, SMALL_RADIUS
from rdptheory.solvers.interior_point.light import LIGHT
from rdptheory.solvers.outcome import felt
from rdptheory.solvers.presolve import CLEARLY, NEXT_TO_NOTHING
from rdptheory.sources import DiscreteSource

__all__ = ["Closed", "closed_at_once"]

HOME = f"{__name__.partition('.')[0]}."  # whose classes are known to have no state but their fields
LARGEST = 2**16
"""Entries of a table up to which a question is asked here: a larger one is a search of its own, which Ctrl-C ends."""


KEPT = 2**20
"""Entries of channels that are kept of one call, 8 MB: what is beyond goes the ordinary road."""
NO_LAW = np.zeros(0)  # of which a form reads nothing
NOWHERE = np.zeros(1, dtype=np.bool_)  # no box is begun near its reference


@dataclass(frozen=True, eq=False)
class _Form:
    """What the balls of a divergence have in common; `radius` makes one of P, None where it is P itself."""

    spec: BallSpec
    least: float
    radius: Callable[[float], float] | None


@dataclass(frozen=True, eq=False)
class _Costs:
    """What is asked of a table: where every row has a 0, whether the diagonal has nothing else, its largest entry."""

    copies: IntArray
    copied: bool
    greatest: float


@dataclass(frozen=True, eq=False)
class _Table:
    """A table, and whether δ would compare the laws of X and Y themselves over it."""

    table: FloatArray
    costs: _Costs
    centred: bool


@dataclass(eq=False)
class _Group:
    """Questions of one shape and one form of ball, as (number, place of the law, place of the table, D, radius)."""

    entries: int  # of a table
    ball: BallSpec | None
    laws: dict[int, tuple[int, FloatArray]] = field(default_factory=dict)
    tables: dict[int, tuple[int, _Table]] = field(default_factory=dict)
    questions: list[tuple[int, int, int, float, float]] = field(default_factory=list)

    def add(self, number: int, law: FloatArray, table: _Table, D: float, P: float) -> None:
        """One more question, by its number."""
        laws, tables = self.laws, self.tables
        p, d = laws.get(id(law)), tables.get(id(table))
        if p is None:
            p = laws[id(law)] = len(laws), law
        if d is None:
            d = tables[id(table)] = len(tables), table
        self.questions.append((number, p[0], d[0], D, P))


@dataclass(frozen=True, eq=False)
class Closed:
    """A question whose bracket is as narrow as asked, by its place in a batch."""

    answers: _Answers
    place: int

    @property
    def rate(self) -> float:
        """Upper end of the bracket, in nats."""
        return self.answers.uppers[self.place]

    @property
    def steps(self) -> int:
        """Iterations taken."""
        return self.answers.steps[self.place]

    @property
    def bounds(self) -> Bounds:
        """Proved, in nats."""
        return Bounds(self.answers.lowers[self.place], self.rate)

    @property
    def slopes(self) -> tuple[float, float]:
        """dR/dD and dR/dP in nats per unit, the latter for the radius of the ball."""
        at, k = self.answers, self.place
        mu = 0.0 if at.batch.ball is None else felt(at.radii[k], at.rooms[k], self.bounds.gap, at.mus[k])
        return -at.slopes[k], -mu

    @property
    def channel(self) -> FloatArray:
        """Reaches the upper end within every limit (n, m)."""
        return np.array(self.answers.channels[self.place])

    @property
    def output(self) -> FloatArray:
        """Law of Y, shape (m,)."""
        at, k = self.answers, self.place
        return frozen_array(at.batch.laws[at.batch.law[k]] @ at.channels[k])

    @property
    def dual(self) -> DualPoint:
        """What proves the lower end."""
        at, k = self.answers, self.place
        mu = [] if at.batch.ball is None else [at.mus[k]]
        return DualPoint(frozen_array(at.f[k]), frozen_array([at.slopes[k]]), (), frozen_array(mu), centred=True)


class _Answers:
    """What a batch found, as lists: numbers of numpy are slow one by one."""

    def __init__(self, batch: Batch, found: Descents, seen: Verdicts) -> None:
        self.batch, self.f, self.channels = batch, found.f, seen.channels
        self.lowers: list[float] = seen.lower.tolist()
        self.uppers: list[float] = seen.upper.tolist()
        self.rooms: list[float] = seen.room.tolist()
        self.slopes: list[float] = found.s.tolist()
        self.mus: list[float] = found.mu.tolist()
        self.radii: list[float] = batch.P.tolist()
        self.steps: list[int] = found.steps.tolist()


def closed_at_once(problems: Sequence[Any], gap: float, max_steps: int) -> list[Closed | None]:
    """What one descent proves of each question, in their order; None for those that it does not close."""
    closed: list[Closed | None] = [None] * len(problems)
    room = KEPT
    for group in _groups(problems):
        del group.questions[room // group.entries :]
        room -= len(group.questions) * group.entries
        if group.questions:
            _descend(group, gap, max_steps, closed)
    return closed


def _groups(problems: Sequence[Any]) -> list[_Group]:
    """The common questions, by shape and form."""
    groups: dict[tuple[tuple[int, ...], object, bool], _Group] = {}
    tables = _Tables()
    forms = _FORMS.copy()
    for number, problem in enumerate(problems):
        if type(problem) is not Problem:
            continue
        source: Any = problem.source
        D, P, perception = problem.D, problem.P, problem.perception
        table = tables(problem)
        if table is None or not NO_ROOM * table.costs.greatest < D < math.inf:
            continue
        name, ball, radius = None, None, 0.0
        if perception is not None and P < math.inf:
            name = _name(perception)
            if name not in forms:
                forms[name] = _form(perception, source)
                if name is type(perception):
                    _FORMS[name] = forms[name]
            form = forms[name]
            if form is None or not table.centred:
                continue
            ball, radius = form.spec, P if form.radius is None else form.radius(P)
            if not (radius == 0.0 or form.least < radius < math.inf):
                continue
        key = table.table.shape, name, radius == 0.0
        group = groups.get(key)
        if group is None:
            group = groups[key] = _Group(table.table.size, ball)
        group.add(number, source.probabilities, table, D, radius)
    return [*groups.values()]


class _Tables:
    """The tables of questions, each made once for its distortion and points; None for one that is not common."""

    def __init__(self) -> None:
        self.of_source: dict[tuple[int, object], _Table | None] = {}
        self.on_points: dict[tuple[object, object, bytes], _Table | None] = {}

    def __call__(self, problem: Any) -> _Table | None:
        source, distortion = problem.source, problem.distortion
        key = id(source), _name(distortion)
        try:
            return self.of_source[key]
        except KeyError:
            found = self.of_source[key] = self._on_points(problem, key[1])
            return found

    def _on_points(self, problem: Problem, name: object) -> _Table | None:
        source = problem.source
        if not isinstance(source, DiscreteSource) or source.size**2 > LARGEST or is_large(source.size):
            return None
        points = source.points
        if not isinstance(points, np.ndarray) or follows(problem.distortion, OfLaw):
            return _table(problem, source)
        key = name, points.shape, points.tobytes()
        if key not in self.on_points:
            kept = _KEPT((points,), dict) if name is type(problem.distortion) else {}
            if name not in kept:
                kept[name] = _table(problem, source)
            self.on_points[key] = kept[name]
        return self.on_points[key]


def _name(part: object) -> object:
    """An object, or its class where that has no fields: any two are the same then."""
    kind: Any = type(part)
    return kind if _without_fields(kind) else id(part)


@cache
def _without_fields(kind: Any) -> bool:
    return kind.__module__.startswith(HOME) and is_dataclass(kind) and not fields(kind)


def _table(problem: Problem, source: DiscreteSource) -> _Table | None:
    try:
        table = problem.costs(source)
    except InvalidInput:
        return None  # the ordinary road says it
    if not isinstance(table, np.ndarray) or table.size > LARGEST:
        return None
    costs = _COSTS((table,), lambda: _costs(table))
    other = getattr(problem.distortion, "reference", None) is not None
    return None if costs is None else _Table(table, costs, costs.copied and not other)


def _costs(table: FloatArray) -> _Costs | None:
    n, m = table.shape
    greatest = float(table.max())
    if table.min(axis=1).any() or not 0.0 < greatest < math.inf:
        return None
    return _Costs(table.argmin(axis=1), n == m and not table.diagonal().any(), greatest)


def _form(perception: Divergence, source: DiscreteSource) -> _Form | None:
    """The form of the balls of a divergence, if they are those of common questions."""
    if not perception.placed or not known_form(perception):
        return None
    divergence, _ = perception.ball(source.points, 1.0)
    if divergence.cost is not None or not divergence.definite:
        return None
    spec = divergence.compiled_ball(NO_LAW, 1.0)
    if spec.kind == CALLED:
        return None
    least = POINT * divergence.scale if spec.kind == BOX else SMALL_RADIUS
    itself = type(perception).ball is Divergence.ball
    return _Form(spec, least, None if itself else lambda P: perception.ball(source.points, P)[1])


def _descend(group: _Group, gap: float, max_steps: int, closed: list[Closed | None]) -> None:
    numbers, law, table, D, P = map(np.array, zip(*group.questions, strict=True))
    laws, whole = _laws([one for _, one in group.laws.values()], LIGHT * gap)
    known = [one for _, one in group.tables.values()]
    tables = np.array([one.table for one in known])
    # beside a ball a copy is the symbol itself, whose law is the reference, whatever else costs nothing
    copies = np.array([one.costs.copies if group.ball is None else np.arange(len(one.table)) for one in known])
    batch = Batch(laws, tables, copies, law, table, D, P, group.ball)
    asked = np.flatnonzero(whole[law] & (batch.least_means() > CLEARLY * D))
    if not asked.size:
        return
    if asked.size < D.size:
        batch, numbers = batch.only(asked), numbers[asked]
    boxed = group.ball is not None and group.ball.kind == BOX and not batch.prescribed
    floor, near = (np.minimum(BOX_FLOOR, batch.P), batch.P <= NEAR) if boxed else (BARE_FLOOR, NOWHERE)
    found = descend_many(batch, gap, max_steps, floor, near)
    seen = judge_many(batch, found)
    narrow = (seen.lower <= seen.upper) & (seen.upper - seen.lower <= gap) & (seen.lower > NEXT_TO_NOTHING)
    ended = np.flatnonzero(found.finite & seen.settled & narrow)
    answers = _Answers(batch, found, seen)
    for number, place in zip(numbers[ended].tolist(), ended.tolist(), strict=True):
        closed[number] = Closed(answers, place)


def _laws(weights: list[FloatArray], least: float) -> tuple[FloatArray, MaskArray]:
    """The laws (L, n) as `exact_law` makes them, and whether all of their masses are above `least`."""
    laws = np.array(weights)
    for place, row in enumerate(laws.tolist()):
        if not abs(math.fsum(row) - 1.0) <= LAW_ROUNDING:
            try:
                laws[place] = exact_law(weights[place])
            except InvalidInput:
                laws[place] = 0.0  # the ordinary road says it
    return laws, laws.min(axis=1) > least


_COSTS: Remembered[_Costs | None] = Remembered()
_KEPT: Remembered[dict[object, _Table | None]] = Remembered()
"""Of points, by the class of a distortion without fields."""
_FORMS: dict[object, _Form | None] = {}
"""By the class of a divergence without fields."""
