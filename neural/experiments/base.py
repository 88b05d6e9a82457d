"""What an experiment is, what it needs, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neural import oracle
from neural.checkpoints import Checkpoint, Point
from neural.coders import Classifier, Coder, Perceptron
from neural.data import Split
from neural.evaluation import Measured, evaluate
from neural.losses import EnergyDistance, EnergyScore, Loss, MeanSquaredError, WassersteinGP
from neural.quantisers import Quantiser, Sent
from neural.recipes import Adam, Drops, Recipe
from neural.training import Codec, Decoder, fit_classifier, fit_codec, fit_decoder
from rdptheory.errors import InvalidInput
from rdptheory.sweeps import Executor, Serial

__all__ = ["PRESETS", "REGISTRY", "Bench", "Curve", "Experiment", "Figure", "Row", "experiment", "mean_square"]

PRESETS = ("smoke", "demo", "paper-lite", "paper")
ABOVE = float("inf")
SERIAL = Serial()


@dataclass(frozen=True)
class Row:
    """A measured value beside the exact one, and the paper's where it prints one.

    `tolerance` = (below, above) is how far measured - theory may go; None makes no claim, the verdict is then shape.
    `expect` is fail for a negative control: a wrong method that the tolerance must catch.
    """

    what: str
    measured: float
    theory: float
    paper: float | None = None
    tolerance: tuple[float, float] | None = None
    expect: str = "pass"

    @property
    def verdict(self) -> str:
        """pass, fail, or shape; without a claim the value must still be a number."""
        if self.tolerance is None:
            return "shape" if abs(self.measured) < ABOVE else "fail"
        return "pass" if -self.tolerance[0] <= self.measured - self.theory <= self.tolerance[1] else "fail"

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the expected one."""
        return self.verdict == self.expect or (self.verdict == "shape" and self.expect == "pass")


@dataclass(frozen=True)
class Curve:
    """One line of a figure; kind is theory or bound (lines), measured (outlined) or universal (filled)."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    kind: str = "measured"


@dataclass(frozen=True)
class Figure:
    """Curves over named axes with their units."""

    title: str
    x: str
    y: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Experiment:
    """An id of the registry, where it comes from, what it checks, and what it costs by preset."""

    id: str
    paper: str
    checks: str
    cost: dict[str, str]
    run: Callable[[Bench], list[Row]]


REGISTRY: dict[str, Experiment] = {}


def experiment(
    id: str, paper: str, checks: str, cost: tuple[str, str, str, str]
) -> Callable[[Callable[[Bench], list[Row]]], Callable[[Bench], list[Row]]]:
    """Enter a function in the registry; `cost` says how long each preset takes (~: an estimate)."""

    def enter(run: Callable[[Bench], list[Row]]) -> Callable[[Bench], list[Row]]:
        REGISTRY[id] = Experiment(id, paper, checks, dict(zip(PRESETS, cost, strict=True)), run)
        return run

    return enter


@dataclass(eq=False)
class Bench:
    """Data, preset, device and seed of a run; it trains, keeps checkpoints and logs, and collects pictures.

    `folder` keeps checkpoints (None: nowhere); `shrink` multiplies the numbers of steps, for tests. `executor` says
    where models that do not wait for each other are trained; the numbers are the same on any of them.
    """

    preset: str
    split: Split
    seed: int = 0
    device: str = "cpu"
    folder: Path | None = None
    progress: bool = False
    shrink: float = 1.0
    seconds: float = 120.0
    executor: Executor = SERIAL
    falls: list[float] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    samples: dict[str, Tensor] = field(default_factory=dict)
    trained: dict[Any, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise InvalidInput("preset", self.preset, f"must be one of {', '.join(PRESETS)}")

    @property
    def gpu_sized(self) -> bool:
        """Whether the papers' networks are trained."""
        return self.preset.startswith("paper")

    def pick(self, smoke: Any, demo: Any = None, lite: Any = None, paper: Any = None) -> Any:
        """The value of this preset; what is left out is that of the next smaller one."""
        chosen = smoke
        for preset, value in zip(PRESETS[1:], (demo, lite, paper), strict=True):
            if PRESETS.index(self.preset) >= PRESETS.index(preset) and value is not None:
                chosen = value
        return chosen

    def steps(self, smoke: int, demo: int, epochs: int, batch: int = 64) -> int:
        """Training steps of this preset: given outright, or by the paper's epochs (paper-lite: a third of them)."""
        whole = epochs * (len(self.split.train) // batch)
        return max(2, round(self.shrink * self.pick(smoke, demo, whole // 3, whole)))

    def family(self, paper: type[Coder], side: int | None = None) -> tuple[Split, Callable[[int], Coder]]:
        """The images at the side the networks need, and their builder: a perceptron in small presets."""
        planes, own = self.split.train.shape[1:3]
        if self.gpu_sized:
            side = side or {"Yan": 32, "Zhang": 32}.get(paper.__name__, 28)
            return self.split.resized(side), lambda latent: paper(latent, planes=planes, side=side)
        return self.split, lambda latent: Perceptron(latent, 1.0, planes, own)

    def recipe(self, paper: Recipe, **small: Any) -> Recipe:
        """The paper's recipe, or Adam with one cycle in small presets."""
        return paper if self.gpu_sized else Recipe(**{"optimiser": Adam(5e-3), **small})

    def perceptual(self, weight: float, small: float) -> Loss:
        """MSE + weight x W1 by a critic as in the papers; small presets use the energy distance and `small`."""
        term: Loss = WassersteinGP(10.0) if self.gpu_sized else EnergyDistance()
        factor = weight if self.gpu_sized else small
        return MeanSquaredError() + factor * term if factor else MeanSquaredError()

    def train(self, fits: Sequence[partial[Any]]) -> list[Any]:
        """Call every `partial(fit_codec, ...)` and `partial(fit_decoder, ...)` of a list, wherever the executor says.

        Seed, device and checkpoint are this run's where a call gives none of its own; logs keep the list's order.
        """
        executor, tasks = self.executor if len(fits) > 1 else SERIAL, []
        own = {"seed": self.seed, "device": self.device, "progress": self.progress and executor is SERIAL}
        for number, fit in enumerate(fits, len(self.falls)):
            path = self.folder and self.folder / f"{number:03d}.safetensors"
            own["checkpoint"] = Checkpoint(path, self.seconds) if path else None
            tasks.append((torch.get_num_threads(), partial(fit.func, *fit.args, **{**own, **fit.keywords})))
        found = dict(executor.map(_call, tasks))
        models = [found[number] for number in range(len(fits))]
        for fit, model in zip(fits, models, strict=True):
            self.record((model.decoder if isinstance(model, Codec) else model).log, fit.args[-1])
        return models

    def codec(self, images: Tensor, coder: Coder, quantiser: Quantiser, loss: Loss, **more: Any) -> Codec:
        """One `fit_codec`."""
        return self.train([partial(fit_codec, images, coder, quantiser, loss, **more)])[0]

    def decoder(self, codec: Codec, images: Tensor, loss: Loss, **more: Any) -> Decoder:
        """One `fit_decoder`."""
        return self.train([partial(fit_decoder, codec, images, loss, **more)])[0]

    def evaluate(self, codec: Codec, decoder: Decoder, images: Tensor, **more: Any) -> dict[str, Measured]:
        """`evaluate` with this run's seed."""
        return evaluate(codec, decoder, images.to(self.device), seed=self.seed, **more)

    def record(self, log: tuple[Point, ...], loss: Loss) -> None:
        """Keep by which factor a training's loss fell (with a critic, whose loss does not fall, the sliced W2^2)."""
        adversarial = any(isinstance(term, WassersteinGP) for _, term in loss.terms)
        values = [point.perception if adversarial else point.loss for point in log]
        self.falls.append(sum(values[-5:]) / len(values[-5:]) / values[0])

    def draw(self, codec: Codec, decoder: Decoder, images: Tensor, seed: int = 0) -> tuple[Sent, Tensor]:
        """Codes and one reconstruction of each image."""
        rng = torch.Generator().manual_seed(seed)
        sent = codec.send(images.to(self.device), rng)
        return sent, decoder(sent.received, rng)

    def figure(self, title: str, x: str, y: str, *curves: Curve) -> None:
        """Keep a figure for the report."""
        self.figures.append(Figure(title, x, y, curves))

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """What was trained for one experiment serves the next."""
        if key not in self.trained:
            self.trained[key] = make()
        return self.trained[key]

    def lloyd(self, bits: int) -> Codec:
        """k-means with 2^bits cells on at most 10,000 training images."""
        return self.once(("lloyd", bits), lambda: oracle.lloyd(self.reference, bits, seed=self.seed))

    def floor(self, bits: float, images: Tensor | None = None) -> float:
        """Squared error per pixel of k-means on 2000 images, its own, at this rate as far as a cell has 8 images."""
        points = (self.reference if images is None else images)[:2000].to(self.device)
        whole = min(max(1, round(bits)), int(math.log2(len(points) / 8)))

        def best() -> float:
            codec = oracle.lloyd(points, whole, seed=self.seed)
            return mean_square(self.draw(codec, codec.decoder, points)[1], points)

        return self.once(("floor", whole), best) if images is None else best()

    @cached_property
    def reference(self) -> Tensor:
        """At most 10,000 training images, on the device."""
        return self.split.train[:10_000].to(self.device)

    def posteriors(self, rates: Sequence[int]) -> list[tuple[Codec, Decoder]]:
        """For every rate in bits, the k-means codec and a decoder trained by the energy score to sample p(x|z)."""
        missing = [bits for bits in rates if ("posterior", bits) not in self.trained]
        small = self.reference.shape[-1] <= 8
        coarse = Recipe(optimiser=Adam(2e-3), average=0.99)  # few cells are wide: the same rate would leave noise
        fine = Recipe(optimiser=Adam(5e-3 if small else 1.5e-3))
        steps, loss = max(2, round(self.shrink * (900 if small else 1500))), EnergyScore(3 if small else 2)
        decoders = self.train(
            [
                partial(
                    fit_decoder, self.lloyd(bits), self.reference, loss, steps=steps,
                    recipe=coarse if small and bits < 4 else fine,
                    coder=Perceptron(bits, 1.0 if small else 4.0, *self.reference.shape[1:3]),
                )
                for bits in missing
            ]
        )  # fmt: skip
        self.trained |= {("posterior", bits): decoder for bits, decoder in zip(missing, decoders, strict=True)}
        return [(self.lloyd(bits), self.trained["posterior", bits]) for bits in rates]

    def classifier(self) -> tuple[Split, Classifier]:
        """The images at 28x28 and a classifier of their labels."""
        return self.once("classifier", self._classifier)

    def _classifier(self) -> tuple[Split, Classifier]:
        split = self.split.resized(28)
        if split.train_labels is None:
            raise InvalidInput("data", split.name, "has no labels, which the classifier needs")
        steps = self.steps(200, 600, 30, 30)
        return split, fit_classifier(
            split.train, split.train_labels, steps=steps, seed=self.seed, width=self.pick(0.5, 1.0), device=self.device
        )


PAPER_ADAM = Recipe(64, Adam(1e-2, (0.5, 0.9)), Adam(2e-4, (0.5, 0.9)), Drops((2.0 / 3.0,), 0.2))


def mean_square(first: Tensor, second: Tensor) -> float:
    """Squared error per pixel of two sets of images (n, ...)."""
    return float((first - second).double().square().mean())


def _call(task: tuple[int, partial[Any]]) -> Any:
    """One training, on as many threads as the process that asked for it: a worker has its own number otherwise."""
    threads, fit = task
    torch.set_num_threads(threads)
    return fit()
