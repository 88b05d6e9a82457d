"""What was measured, in one table, and what is claimed of it: claims and figures are questions to the table, so they
can be asked again without training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from rdptheory.doors import guard

__all__ = [
    "CONTROL", "IDENTITY", "LAW", "LEARNED", "PAPER", "Chart", "Claim", "Curve", "D", "Record", "Row", "Table",
    "certified", "over", "value",
]  # fmt: skip

LAW, IDENTITY, CONTROL, PAPER = "law", "identity", "control", "paper"
D = "distortion_per_pixel"
"""The measure that ratios and charts of D are of."""
LEARNED = 0.9
"""Share of the images' variance below which a codec has learned something: one that always shows the mean has 1."""


class Record(NamedTuple):
    """One measured value of one model on one part (train, test) of the images, with its floor if it has one."""

    labels: Mapping[str, Any]
    part: str
    measure: str
    value: float
    floor: float | None = None


@dataclass(frozen=True, eq=False)
class Table:
    """What was measured: model labels x part x measure."""

    records: tuple[Record, ...]

    def where(self, **labels: Any) -> Table:
        """The records of the models that have these labels."""
        return Table(tuple(r for r in self.records if all(r.labels.get(k) == v for k, v in labels.items())))

    def at(self, measure: str, part: str = "train", **labels: Any) -> float:
        """The value of the one record of a measure; KeyError if there is none, or more than one."""
        return self._one(measure, part, labels).value

    def beyond(self, measure: str, part: str = "train", **labels: Any) -> float:
        """The value less its floor: what is more than two halves of the real images differ by."""
        found = self._one(measure, part, labels)
        return found.value - (found.floor or 0.0)

    def _one(self, measure: str, part: str, labels: Mapping[str, Any]) -> Record:
        found = [r for r in self.where(**labels).records if (r.part, r.measure) == (part, measure)]
        if len(found) != 1:
            raise KeyError(f"{len(found)} records of {measure}, {part}, {labels}")
        return found[0]

    def values(self, label: str, **labels: Any) -> list[Any]:
        """The different values of a label, in the order of the models."""
        return list(dict.fromkeys(r.labels[label] for r in self.where(**labels).records if label in r.labels))


Question = Callable[..., float]
"""Of a table and labels."""


def value(measure: str, **own: Any) -> Question:
    """The measure on the training images of the model with these labels, besides those that the claim asks for."""
    return lambda table, **labels: table.at(measure, **{**labels, **own})


def over(measure: str, own: Mapping[str, Any], other: Mapping[str, Any], mean: str = "", of: str = "") -> Question:
    """The measure of one model over that of another (or over its measure `of`), both beyond their floors if they have
    any; NaN where that of the other is not. With `mean`, the role of the mean of the images, also where D of the other
    is not below that of the mean: a comparison with what cannot tell the images apart says nothing."""

    def asked(table: Table, **labels: Any) -> float:
        one, two = {**labels, **own}, {**labels, **other}
        known = not mean or table.at(D, **two) < LEARNED * table.at(D, role=mean)
        whole = table.beyond(of or measure, **two)
        return table.beyond(measure, **one) / whole if known and whole > 0.0 else math.nan

    return asked


@dataclass(frozen=True)
class Row:
    """A claim with its verdict: pass if -below <= measured - theory <= above; shape where nothing is claimed.

    kind: law (an untrained model breaks it), identity (true whatever was trained), control (a wrong method that has to
    fail) or paper (beside the number that the paper prints for these images).
    """

    claim: str
    kind: str
    measured: float
    theory: float
    tolerance: tuple[float, float] | None = None

    @property
    def expect(self) -> str:
        """fail for a control, else pass."""
        return "fail" if self.kind == CONTROL else "pass"

    @property
    def verdict(self) -> str:
        """pass, fail or shape."""
        if self.tolerance is None:
            return "shape"
        below, above = self.tolerance
        return "pass" if -below <= self.measured - self.theory <= above else "fail"

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the expected one; a control is caught only by a finite value."""
        return self.verdict in (self.expect, "shape") and (self.kind != CONTROL or math.isfinite(self.measured))


@dataclass(frozen=True)
class Claim:
    """A question to the table whose answer the theory knows.

    `measured(table, **labels)` is asked once for every combination of the labels `by` among the models that have the
    labels `of`; `text` may name those labels. `below` and `above` say how far the answer may lie from `theory`; both
    None claims nothing and shows the value.
    """

    text: str
    kind: str
    measured: Question
    theory: float | Question = 1.0
    below: float | None = math.inf
    above: float | None = math.inf
    by: tuple[str, ...] = ()
    of: Mapping[str, Any] | None = None

    def rows(self, table: Table) -> Iterator[Row]:
        """One row for every combination of labels."""
        models = (r.labels for r in table.where(**(self.of or {})).records if set(self.by) <= {*r.labels})
        limits = None if self.below is None or self.above is None else (self.below, self.above)
        for values in dict.fromkeys(tuple(labels[k] for k in self.by) for labels in models):
            own = dict(zip(self.by, values, strict=True))
            try:
                theory = self.theory(table, **own) if callable(self.theory) else self.theory
                measured = self.measured(table, **own)
            except ZeroDivisionError:  # nothing to compare with
                theory = measured = math.nan
            yield Row(self.text.format(**own), self.kind, measured, theory, limits)


class Curve(NamedTuple):
    """One line of a figure; kind is theory or bound (lines), measured (outlined) or filled."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    kind: str = "measured"


@dataclass(frozen=True)
class Chart:
    """A figure as a question: measures or labels `x` and `y` of all models, one curve for each value of `by`."""

    title: str
    x: str
    y: str
    by: tuple[str, ...]
    part: str = "test"
    theory: Callable[[Table], Iterable[Curve]] = lambda table: ()
    filled: str = "universal"

    def curves(self, table: Table) -> Iterator[Curve]:
        """Theory first, then what was measured."""
        yield from self.theory(table)
        lines: dict[tuple[Any, ...], dict[tuple[Any, ...], dict[str, Any]]] = {}
        for r in table.records:
            if r.part == self.part and all(k in r.labels for k in self.by):
                line = lines.setdefault(tuple(r.labels[k] for k in self.by), {})
                line.setdefault(tuple(r.labels.items()), dict(r.labels))[r.measure] = r.value
        for names, line in lines.items():
            points = sorted((p[self.x], p[self.y]) for p in line.values() if self.x in p and self.y in p)
            label = ", ".join(n if isinstance(n, str) else f"{k} = {n:g}" for k, n in zip(self.by, names, strict=True))
            if points:
                yield Curve(label, *zip(*points, strict=True), "filled" if self.filled in names else "measured")


def certified(table: Table) -> Iterator[Curve]:
    """Where `run` proved that no codec of the measured images lies below: records without a role, and between two of
    them the lower one."""
    points = sorted((r.labels["rate"], r.value) for r in table.records if r.labels.keys() == {"rate"})
    steps = [corner for (left, _), (right, low) in pairwise(points) for corner in ((left, low), (right, low))]
    if steps:
        yield Curve("no codec of these images is below (proved)", *zip(*steps, strict=True), "bound")


guard(__name__, methods=False)
