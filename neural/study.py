"""A study is data: what to train, what to measure, what is claimed, and what the paper prints."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from neural.claims import PAPER, Chart, Claim, Row, Table
from neural.coders import Coder, Perceptron
from neural.evaluation import FreshCritic
from neural.losses import EnergyDistance, EnergyScore, Loss, MeanSquaredError, Perceptual
from neural.models import Fit, KMeans, Model, Source, needed
from neural.recipes import Adam, Recipe
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput

__all__ = ["PRESETS", "Plan", "Printed", "Study", "Variant", "cost", "judge", "milliseconds", "presets", "printed"]

PRESETS = ("smoke", "demo", "paper-lite", "paper")
NEAR = {"distortion_per_pixel": 0.05, "distortion_to_reference": 0.05, "own_w1": 0.15}
"""How far a measure may lie from the printed number, as a share of it: W1 by a critic is far less reproducible."""
IMAGES = 60_000  # that the epochs of a cost are counted for, as in MNIST


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


def presets(*variants: Variant, **columns: Sequence[Any]) -> dict[str, Variant]:
    """A variant for each preset (one alone stands for all), changed by columns: the values of a field by preset."""
    rows = zip(*columns.values(), strict=True) if columns else [()] * len(PRESETS)
    changed = (dict(zip(columns, row, strict=True)) for row in rows)
    all_four = variants * len(PRESETS) if len(variants) == 1 else variants
    return {name: replace(v, **own) for name, v, own in zip(PRESETS, all_four, changed, strict=True)}


@dataclass(frozen=True)
class Study:
    """One experiment of a paper.

    models : variant -> the models to train and measure; those they depend on are trained too.
    images : to train, and four times those to test: with fewer the claims fail by chance.
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
    images: int = 240
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

    def labels(text: str) -> dict[str, Any]:
        pairs = (part.split("=") for part in text.split(";"))
        return {name: float(label) if label[0].isdigit() else label for name, label in pairs}

    lines = csv.DictReader(files(__package__).joinpath("printed.csv").read_text().splitlines())
    return tuple(Printed(**{**e, "labels": labels(e["labels"]), "value": float(e["value"])}) for e in lines)


def judge(study: Study, table: Table, *, data: str = "", preset: str = "smoke") -> list[Row]:
    """The claims of a study on its table, and at the paper's presets and on its images those beside printed numbers."""
    rows = [row for claim in study.claims for row in claim.rows(table)]
    known = printed() if preset.startswith("paper") else ()
    for entry in (entry for entry in known if (entry.study, entry.data) == (study.id, data)):
        for r in table.where(**entry.labels).records:
            if (r.part, r.measure) == ("test", entry.measure):
                said = ", ".join(f"{k} = {v}" for k, v in entry.labels.items())
                slack = NEAR[entry.measure] * entry.value
                claim = f"{entry.measure}: {said} [{entry.source}]"
                rows.append(Row(claim, PAPER, r.value, entry.value, (slack, slack)))
    return rows


def milliseconds(fits: Iterable[Fit]) -> float:
    """What trainings take on one core of a CPU, without measures: steps times the milliseconds of one by network and
    kind of loss, as `benchmarks/neural_cpu.py` wrote them (another package's network counts as a perceptron), half of
    it again for every further output that the loss draws, and what a classifier in the loss takes."""
    times, total = json.loads(files(__package__).joinpath("costs.json").read_text()), 0.0
    for fit in fits:
        kind = "critic" if fit.loss.adversary else "plain"
        network = getattr(fit.behind, "network", fit.plan.grey).__name__
        step = times.get(f"{network} {kind}", times[f"Perceptron {kind}"]) * (1 + fit.loss.draws) / 2
        step += times["Classifier"] * fit.loss.holds(Perceptual)
        total += step * fit.plan.count(IMAGES)
    return total


def cost(study: Study, preset: str) -> str:
    """Models, steps, and the time they take."""
    fits = [model for model in needed(study.models(study.variant(preset, 1))) if isinstance(model, Fit)]
    steps, spent = sum(fit.plan.count(IMAGES) for fit in fits), milliseconds(fits)
    said = f"{spent / 1000:.0f} s" if spent < 3e5 else f"{spent / 3.6e6:.1f} h"
    return f"{len(fits)} models, {steps:,} steps, about {said} of CPU time"


guard(__name__, methods=False)
