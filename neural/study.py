"""A study is data: what to train, what to measure, what is claimed, and what the paper prints.

Its models are measured once into one `Table`; claims and figures are questions to that table, so they can be asked
again without training.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, NamedTuple

from neural.coders import Coder, Perceptron
from neural.evaluation import FreshCritic
from neural.losses import EnergyDistance, EnergyScore, Loss, MeanSquaredError
from neural.models import Fit, KMeans, Model, Source, needed
from neural.recipes import Adam, Recipe
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput

__all__ = [
    "CONTROL", "IDENTITY", "LAW", "PAPER", "PRESETS", "Chart", "Claim", "Curve", "Plan", "Printed", "Record", "Row",
    "Study", "Table", "Variant", "certified", "cost", "each", "judge", "over", "presets", "printed", "value",
]  # fmt: skip

PRESETS = ("smoke", "demo", "paper-lite", "paper")
LAW, IDENTITY, CONTROL, PAPER = "law", "identity", "control", "paper"
NEAR = {"distortion_per_pixel": 0.05, "distortion_to_reference": 0.05, "own_w1": 0.15}
"""How far a measure may lie from the printed number, as a share of it: W1 by a critic is far less reproducible."""
LEARNED = 0.9
"""Share of the images' variance below which a codec has learned something: one that always shows the mean has 1."""
IMAGES = 60_000  # that the epochs of a cost are counted for, as in MNIST


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
        kept = (r for r in self.records if all(r.labels.get(k) == v for k, v in labels.items()))
        return Table(tuple(kept))

    def at(self, measure: str, part: str = "train", **labels: Any) -> float:
        """The value of the one record of a measure; KeyError if there is none, or more than one."""
        found = [r for r in self.where(**labels).records if (r.part, r.measure) == (part, measure)]
        if len(found) != 1:
            raise KeyError(f"{len(found)} records of {measure}, {part}, {labels}")
        return found[0].value

    def values(self, label: str, **labels: Any) -> list[Any]:
        """The different values of a label, in the order of the models."""
        return list(dict.fromkeys(r.labels[label] for r in self.where(**labels).records if label in r.labels))


Question = Callable[..., float]
"""Of a table and labels."""


def value(measure: str, **own: Any) -> Question:
    """The measure on the training images of the model with these labels, besides those that the claim asks for."""
    return lambda table, **labels: table.at(measure, **{**labels, **own})


def over(measure: str, own: Mapping[str, Any], other: Mapping[str, Any], mean: str = "") -> Question:
    """The measure of one model over that of another; with `mean`, the role of the mean of the images, NaN where the
    other has not learned to tell them apart: a comparison with it then says nothing."""

    def asked(table: Table, **labels: Any) -> float:
        below = table.at(measure, **{**labels, **other})
        known = not mean or below < LEARNED * table.at(measure, role=mean)
        return table.at(measure, **{**labels, **own}) / below if known else math.nan

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
        models = table.where(**(self.of or {})).records
        limits = None if self.below is None or self.above is None else (self.below, self.above)
        for values in dict.fromkeys(tuple(r.labels[k] for k in self.by) for r in models if set(self.by) <= {*r.labels}):
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


@dataclass(frozen=True)
class Plan:
    """How a variant trains: networks by the number of planes, recipe, and steps or epochs.

    `turns` is the number of batches that one step of the decoder takes: 2 where critic and decoder take turns; `width`
    is that of the small networks.
    """

    grey: type[Coder] = Perceptron
    colour: type[Coder] = Perceptron
    recipe: Recipe = Recipe(optimiser=Adam(5e-3))
    steps: int = 0
    epochs: float = 0.0
    turns: int = 1
    width: float = 1.0

    def family(self, planes: int) -> type[Coder]:
        """The networks for images of so many planes."""
        return self.colour if planes == 3 else self.grey

    def count(self, images: int) -> int:
        """Steps of the decoder."""
        return self.steps or round(self.epochs * (images // self.recipe.batch) / self.turns)


@dataclass(frozen=True)
class Variant:
    """What a preset changes in a study: how it trains, and its grid.

    plan, perception, scale : of codecs, their perceptual term, and the factor on the papers' weights of it.
    source, rates, weights, seeds, floors, noise : what the models range over; floors are rates of k-means, in bits.
    front, sampler, posterior : the encoder in front of a sampler, how the sampler is trained, and its loss.
    measures, fresh : measures that only this preset affords.
    """

    plan: Plan = Plan()
    perception: Loss = EnergyDistance(relative=True)
    scale: float = 1.0
    source: Source = Source()
    rates: tuple[Any, ...] = ()
    weights: tuple[float, ...] = ()
    seeds: tuple[int, ...] = (0,)
    floors: tuple[int, ...] = ()
    noise: int = 0
    front: Callable[[Plan, int], Model] = lambda plan, bits: KMeans(bits=bits)
    sampler: Plan = Plan()
    posterior: Loss = EnergyScore(3)
    measures: tuple[str, ...] = ()
    fresh: FreshCritic | None = None

    def perceptual(self, weight: float) -> Loss:
        """MSE per pixel + weight x the perceptual term, as the papers count it; a critic is trained at weight 0 too."""
        if not weight and not self.perception.adversary:
            return MeanSquaredError()
        return MeanSquaredError() + self.scale * weight * self.perception


@dataclass(frozen=True)
class Study:
    """One experiment of a paper.

    models : variant -> the models to train and measure; those they depend on are trained too.
    measures : names of `evaluation.MEASURES` for every model, besides those of the variant.
    variants : by preset; `colour` replaces some for images of three planes.
    departures : where it does not do what the paper's text or public code does, and why.
    """

    id: str
    paper: str
    checks: str
    models: Callable[[Variant], Iterable[Model]]
    claims: tuple[Claim, ...]
    variants: Mapping[str, Variant]
    colour: Mapping[str, Variant] | None = None
    measures: tuple[str, ...] = ("distortion", "perception")
    charts: tuple[Chart, ...] = ()
    departures: tuple[str, ...] = ()

    def variant(self, preset: str, planes: int) -> Variant:
        """The variant of a preset for images of so many planes."""
        if preset not in PRESETS:
            raise InvalidInput("preset", preset, f"must be one of {', '.join(PRESETS)}")
        own = self.colour if planes == 3 and self.colour else {}
        return own.get(preset, self.variants[preset])


class Printed(NamedTuple):
    """A number that a paper prints: for which images, of which measure, for which labels."""

    study: str
    data: str
    measure: str
    labels: Mapping[str, Any]
    value: float
    source: str


@cache
def printed() -> tuple[Printed, ...]:
    """Every printed number that some study measures."""
    lines = list(csv.DictReader(files(__package__).joinpath("printed.csv").read_text().splitlines()))
    parts = (line["labels"].split(";") for line in lines)
    labels = (dict(_label(*part.split("=")) for part in own) for own in parts)
    return tuple(
        Printed(**{**line, "labels": own, "value": float(line["value"])})
        for line, own in zip(lines, labels, strict=True)
    )


def presets(smoke: Variant, demo: Variant, lite: Variant, paper: Variant) -> dict[str, Variant]:
    """One variant for each preset."""
    return dict(zip(PRESETS, (smoke, demo, lite, paper), strict=True))


def each(variants: Mapping[str, Variant], **columns: Sequence[Any]) -> dict[str, Variant]:
    """The variants changed: of every field the value for each preset."""
    rows = zip(*columns.values(), strict=True)
    return {
        name: replace(v, **dict(zip(columns, row, strict=True)))
        for (name, v), row in zip(variants.items(), rows, strict=True)
    }


def judge(study: Study, table: Table, *, data: str = "", preset: str = "smoke") -> list[Row]:
    """The claims of a study on its table, and at the paper's presets and on its images those beside printed numbers."""
    rows = [row for claim in study.claims for row in claim.rows(table)]
    for entry in printed() if preset.startswith("paper") else ():
        models = table.where(**entry.labels).records
        for r in (r for r in models if entry.study == study.id and entry.data == data and r.part == "test"):
            if r.measure == entry.measure:
                said = ", ".join(f"{k} = {v}" for k, v in entry.labels.items())
                slack = NEAR[entry.measure] * entry.value
                claim = f"{entry.measure}: {said} [{entry.source}]"
                rows.append(Row(claim, PAPER, r.value, entry.value, (slack, slack)))
    return rows


def cost(study: Study, preset: str) -> str:
    """Models, steps, and the time they take on one core of a CPU, measures not counted: steps times the milliseconds of
    one by network and kind of loss, as `benchmarks/neural_cpu.py` wrote them."""
    times = json.loads(files(__package__).joinpath("costs.json").read_text())
    spent, fits = 0.0, [m for m in needed(study.models(study.variant(preset, 1))) if isinstance(m, Fit)]
    for fit in fits:
        network = getattr(fit.behind, "network", fit.plan.grey).__name__
        spent += times[f"{network} {'critic' if fit.loss.adversary else 'plain'}"] * fit.plan.count(IMAGES)
    steps, said = sum(fit.plan.count(IMAGES) for fit in fits), f"{spent / 1000:.0f} s"
    return f"{len(fits)} models, {steps:,} steps, about {said if spent < 3e5 else f'{spent / 3.6e6:.1f} h'} of CPU time"


def _label(name: str, text: str) -> tuple[str, Any]:
    return name, float(text) if text[0].isdigit() else text


guard(__name__, methods=False)
