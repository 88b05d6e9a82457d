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
from functools import cache, partial
from itertools import compress
from typing import Any

import numpy as np

from rdptheory._native import BOX, CALLED, Asked, BallSpec, Batch, Descents, Matrix, Verdicts, descend_many, judge_many
from rdptheory._types import Bounds, FloatArray, IntArray, Remembered, follows, frozen_array
from rdptheory.distortions import OfLaw
from rdptheory.divergences import Divergence
from rdptheory.errors import InvalidInput
from rdptheory.exact_sums import LAW_ROUNDING, exact_law
from rdptheory.methods import DualPoint
from rdptheory.problems import POINT, Problem, is_large
from rdptheory.solvers.interior_point.descent import BARE_FLOOR, BOX_FLOOR, NEAR
from rdptheory.solvers.interior_point.drive import NO_ROOM, SMALL_RADIUS
from rdptheory.solvers.interior_point.light import LIGHT
from rdptheory.solvers.outcome import felt, worth_of_ball
from rdptheory.solvers.presolve import CLEARLY, NEXT_TO_NOTHING
from rdptheory.sources import DiscreteSource

__all__ = ["Closed", "closed_at_once"]

HOME = f"{__name__.partition('.')[0]}."  # whose classes are known to have no state but their fields
LARGEST = 2**16
"""Entries of a table up to which a question is asked here: a larger one is a search of its own, which Ctrl-C ends."""


KEPT = 2**20
"""Entries of channels that are kept of one call, 8 MB: what is beyond goes the ordinary road."""
NO_LAW = np.zeros(0)  # of which a form reads nothing


@dataclass(frozen=True, eq=False)
class _Form:
    """What the balls of a divergence have in common; `radius` makes one of P, None where it is P itself."""

    spec: BallSpec
    least: float
    radius: Callable[[float], float] | None


@dataclass(frozen=True, eq=False)
class _Costs:
    """What is asked of a table: where every row has a 0, whether the diagonal has nothing else, its largest entry."""

    free: IntArray
    copied: bool
    greatest: float


@dataclass(frozen=True, eq=False)
class _Table:
    """A table, the least D asked here, and whether δ would compare the laws of X and Y themselves over it."""

    matrix: Matrix
    least: float
    centred: bool


@dataclass(slots=True, eq=False)
class _Parts:
    """What questions are about: a law, a table, and a form of balls that are looked at here, if one is."""

    law: FloatArray
    table: _Table
    form: _Form | None


@dataclass(eq=False)
class _Group:
    """Questions of one shape and one form of ball, whose radius is 0 if it is `prescribed`."""

    ball: BallSpec | None
    prescribed: bool
    laws: dict[int, tuple[int, FloatArray]] = field(default_factory=dict)
    tables: dict[int, tuple[int, Matrix]] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    questions: list[Asked] = field(default_factory=list)

    def add(self, number: int, parts: _Parts, D: float, P: float) -> None:
        """One more question, by its number."""
        law, _ = self.laws.setdefault(id(parts.law), (len(self.laws), parts.law))
        table, _ = self.tables.setdefault(id(parts.table), (len(self.tables), parts.table.matrix))
        self.numbers.append(number)
        self.questions.append((law, table, D, P))

    def keep(self, which: list[bool]) -> None:
        """Some of its questions alone."""
        if not all(which):
            self.numbers, self.questions = [*compress(self.numbers, which)], [*compress(self.questions, which)]

    def batch(self, laws: FloatArray) -> Batch:
        """Its questions as the core takes them, for the laws themselves."""
        tables = [table for _, table in self.tables.values()]
        return Batch(laws, tables, self.questions, self.ball, self.prescribed)


@dataclass(slots=True, eq=False)
class Closed:
    """A question whose bracket is as narrow as asked, by its place in a batch."""

    answers: _Answers
    place: int
    problem: Problem

    @property
    def rate(self) -> float:
        """Upper end of the bracket, in nats."""
        return self.answers.uppers[self.place]

    @property
    def steps(self) -> int:
        """Iterations taken."""
        return int(self.answers.steps[self.place])

    @property
    def bounds(self) -> Bounds:
        """Proved, in nats."""
        return Bounds(self.answers.lowers[self.place], self.rate)

    @property
    def slope_D(self) -> FloatArray:
        """dR/dD in nats per unit, shape (1,)."""
        return np.array([-self.answers.slopes[self.place]])

    @property
    def slope_P(self) -> FloatArray:
        """dR/dP in nats per unit of the radius of the ball, shape (1,); (0,) without one."""
        at, k = self.answers, self.place
        if not at.balls:
            return np.zeros(0)
        worth = partial(worth_of_ball, self.problem.discrete, self.dual)
        return -np.array([felt(at.questions[k][3], at.rooms[k], self.rate - at.lowers[k], at.mus[k], worth)])

    @property
    def channel(self) -> FloatArray:
        """Reaches the upper end within every limit (n, m)."""
        return np.array(self.answers.channels[self.place])

    @property
    def output(self) -> FloatArray:
        """Law of Y, shape (m,)."""
        at, k = self.answers, self.place
        return frozen_array(at.laws[at.questions[k][0]] @ at.channels[k])

    @property
    def dual(self) -> DualPoint:
        """What proves the lower end."""
        at, k = self.answers, self.place
        mu = [at.mus[k]] if at.balls else []
        return DualPoint(frozen_array(at.f[k]), frozen_array([at.slopes[k]]), (), frozen_array(mu), centred=True)


class _Answers:
    """What a batch found."""

    def __init__(self, group: _Group, laws: FloatArray, found: Descents, seen: Verdicts) -> None:
        self.balls, self.laws, self.questions = group.ball is not None, laws, group.questions
        self.f, self.channels, self.steps = found.f, seen.channels, found.steps
        self.lowers, self.uppers, self.rooms = seen.lower, seen.upper, seen.room
        self.slopes, self.mus = found.s, found.mu


def closed_at_once(problems: Sequence[Any], gap: float, max_steps: int) -> list[Closed | None]:
    """What one descent proves of each question, in their order; None for those that it does not close."""
    closed: list[Closed | None] = [None] * len(problems)
    for group in _groups(problems):
        _descend(group, problems, gap, max_steps, closed)
    return closed


def _groups(problems: Sequence[Any]) -> list[_Group]:
    """The common questions, by shape and form."""
    known: dict[tuple[int, int, int], _Parts | None] = {}
    groups: dict[object, _Group] = {}
    tables: dict[object, _Table | None] = {}
    forms, room = _FORMS.copy(), KEPT
    for number, problem in enumerate(problems):
        if type(problem) is not Problem:
            continue
        D, P = problem.D, problem.P
        name = id(problem.source), id(problem.distortion), id(problem.perception)
        if name not in known:
            known[name] = _parts(problem, tables, forms)
        parts = known[name]
        if parts is None or not parts.table.least < D < math.inf:
            continue
        form, radius = None, 0.0
        if problem.perception is not None and P < math.inf:
            form = parts.form
            if form is None:
                continue
            radius = P if form.radius is None else form.radius(P)
            if not (radius == 0.0 or form.least < radius < math.inf):
                continue
        d = parts.table.matrix.d
        room -= d.size
        if room < 0:
            break
        key = d.shape, form, radius == 0.0
        if key not in groups:
            groups[key] = _Group(None if form is None else form.spec, form is not None and radius == 0.0)
        groups[key].add(number, parts, D, radius)
    return [*groups.values()]


def _parts(problem: Problem, tables: dict[object, _Table | None], forms: dict[object, _Form | None]) -> _Parts | None:
    """The parts of a question, if those of common ones are like them."""
    source: Any = problem.source
    table, perception, form = _table_of(problem, tables), problem.perception, None
    if table is None:
        return None
    if perception is not None and table.centred:
        name = _name(perception)
        if name not in forms:
            forms[name] = _form(perception, source)
            if name is type(perception):
                _FORMS[name] = forms[name]
        form = forms[name]
    return _Parts(source.probabilities, table, form)


def _table_of(problem: Problem, made: dict[object, _Table | None]) -> _Table | None:
    """The table of a question, made once for its distortion and points; None for one that is not common."""
    source, distortion = problem.source, problem.distortion
    if not isinstance(source, DiscreteSource) or (n := source.size) ** 2 > LARGEST or is_large(n):
        return None
    points, name = source.points, _name(distortion)
    if not isinstance(points, np.ndarray) or follows(distortion, OfLaw):
        return _table(problem, source)
    key = name, points.shape, points.tobytes()
    if key not in made:
        kept = _KEPT((points,), dict) if name is type(distortion) else {}
        if name not in kept:
            kept[name] = _table(problem, source)
        made[key] = kept[name]
    return made[key]


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
    if costs is None:
        return None
    other = getattr(problem.distortion, "reference", None) is not None
    return _Table(Matrix(np.ascontiguousarray(table), costs.free), NO_ROOM * costs.greatest, costs.copied and not other)


def _costs(table: FloatArray) -> _Costs | None:
    n, m = table.shape
    greatest = float(table.max())
    if table.min(axis=1).any() or not 0.0 < greatest < math.inf:
        return None
    return _Costs(table.argmin(axis=1), n == m and not table.diagonal().any(), greatest)


def _form(perception: Divergence, source: DiscreteSource) -> _Form | None:
    """The form of the balls of a divergence, if they are those of common questions."""
    if not perception.placed or not perception.ours:
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


def _descend(group: _Group, problems: Sequence[Any], gap: float, max_steps: int, closed: list[Closed | None]) -> None:
    laws, whole = _laws([law for _, law in group.laws.values()], LIGHT * gap)
    group.keep([whole[law] for law, *_ in group.questions])
    if not group.questions:
        return
    batch = group.batch(laws)
    costly = [least > CLEARLY * D for least, (_, _, D, _) in zip(batch.least_means(), group.questions, strict=True)]
    if not all(costly):
        group.keep(costly)
        if not group.questions:
            return
        batch = group.batch(laws)
    boxed = group.ball is not None and group.ball.kind == BOX and not group.prescribed
    floor = [min(BOX_FLOOR, P) if boxed else BARE_FLOOR for _, _, _, P in group.questions]
    near = [boxed and P <= NEAR for _, _, _, P in group.questions]
    found = descend_many(batch, gap, max_steps, floor, near)
    seen = judge_many(batch, found)
    answers = _Answers(group, laws, found, seen)
    proved = zip(group.numbers, seen.lower, seen.upper, seen.settled, found.finite, strict=True)
    for place, (number, lower, upper, settled, finite) in enumerate(proved):
        if settled and finite and lower <= upper and upper - lower <= gap and lower > NEXT_TO_NOTHING:
            closed[number] = Closed(answers, place, problems[number])


def _laws(weights: list[FloatArray], least: float) -> tuple[FloatArray, list[bool]]:
    """The laws (L, n) as `exact_law` makes them, and whether all of their masses are above `least`."""
    laws, whole = np.array(weights), []
    for place, row in enumerate(laws.tolist()):
        if not abs(math.fsum(row) - 1.0) <= LAW_ROUNDING:
            try:
                laws[place] = exact_law(weights[place])
            except InvalidInput:
                laws[place] = 0.0  # the ordinary road says it
            row = laws[place].tolist()
        whole.append(min(row) > least)
    return laws, whole


_COSTS: Remembered[_Costs | None] = Remembered()
_KEPT: Remembered[dict[object, _Table | None]] = Remembered()
"""Of points, by the class of a distortion without fields."""
_FORMS: dict[object, _Form | None] = {}
"""By the class of a divergence without fields."""
