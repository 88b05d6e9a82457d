"""What an experiment is, what it needs, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from neural import oracle
from neural.checkpoints import Checkpoint, Point
from neural.coders import Coder, Perceptron
from neural.data import Split
from neural.evaluation import Measured, evaluate
from neural.losses import EnergyDistance, Loss, MeanSquaredError, WassersteinGP
from neural.quantisers import Sent
from neural.recipes import Adam, Recipe
from neural.training import Codec, Decoder
from rdptheory.errors import InvalidInput
from rdptheory.sweeps import Executor, Serial

__all__ = [
    "PRESETS", "REGISTRY", "Bench", "Curve", "Experiment", "Figure", "Row", "experiment", "mean_square", "one_plane",
]  # fmt: skip

PRESETS = ("smoke", "demo", "paper-lite", "paper")
ABOVE = float("inf")
SERIAL = Serial()
TRAIN, TEST = 10_000, 2_000
PLANE = ("MSE per pixel, test", "sliced $W_2^2$ per image")
RATES = ("rate (bits per image)", "MSE per pixel, test")
Key = TypeVar("Key")
Limits = tuple[float, float] | None


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
    tolerance: Limits = None
    expect: str = "pass"

    @property
    def verdict(self) -> str:
        """pass, fail, or shape; without a claim the value must still be a number."""
        if self.tolerance is None:
            return "shape" if abs(self.measured) < ABOVE else "fail"
        return "pass" if -self.tolerance[0] <= self.measured - self.theory <= self.tolerance[1] else "fail"

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the expected one; a control is caught only by a finite value."""
        if self.expect == "fail":
            return self.verdict == "fail" and math.isfinite(self.measured)
        return self.verdict in ("pass", "shape")


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
Run = Callable[["Bench"], list[Row]]


def experiment(id: str, paper: str, *cost: str) -> Callable[[Run], Run]:
    """Enter a function in the registry: the first line of its docstring says what it checks, `cost` how long each
    preset takes (~: an estimate)."""

    def enter(run: Run) -> Run:
        checks = (run.__doc__ or id).partition("\n")[0].removesuffix(".")
        REGISTRY[id] = Experiment(id, paper, checks, dict(zip(PRESETS, cost, strict=True)), run)
        return run

    return enter


@dataclass(eq=False)
class Bench:
    """Data, preset, device and seed of a run; it trains, keeps checkpoints and logs, and collects pictures.

    Small presets take the first 10,000 images to train and 2,000 to test. `folder` keeps checkpoints (None: nowhere);
    `shrink` multiplies the numbers of steps, for tests. `executor` says where models that do not wait for each other
    are trained; the numbers are the same on any of them.
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
        if not self.gpu_sized:
            s, few = self.split, (TRAIN, TEST, TRAIN, TEST)
            parts = zip((s.train, s.test, s.train_labels, s.test_labels), few, strict=True)
            # copies, since a slice would carry all images to every worker
            self.split = Split(s.name, *(part if part is None else part[:n].clone() for part, n in parts))

    @property
    def gpu_sized(self) -> bool:
        """Whether the papers' networks are trained (perceptrons still in degenerate, interpolate and post-process)."""
        return self.preset.startswith("paper")

    @property
    def tiny(self) -> bool:
        """Whether the images are as small as the digits, 8x8."""
        return self.split.train.shape[-1] <= 8

    def pick(self, *values: Any) -> Any:
        """The value of this preset, of up to four by size; what is left out is that of the next smaller one."""
        return [value for value in values[: PRESETS.index(self.preset) + 1] if value is not None][-1]

    def steps(self, smoke: int, demo: int, epochs: int, batch: int = 64) -> int:
        """Training steps of this preset: given outright, or by the paper's epochs (paper-lite: a third of them)."""
        whole = epochs * (len(self.split.train) // batch)
        return self.scaled(self.pick(smoke, demo, whole // 3, whole))

    def scaled(self, steps: int) -> int:
        """A number of steps times `shrink`, at least 2."""
        return max(2, round(self.shrink * steps))

    def settings(self, paper: Recipe, smoke: int, demo: int, epochs: int) -> dict[str, Any]:
        """Steps and recipe of a training: the paper's, or Adam with one cycle in small presets."""
        recipe = paper if self.gpu_sized else Recipe(optimiser=Adam(5e-3))
        return {"steps": self.steps(smoke, demo, epochs, paper.batch), "recipe": recipe}

    def family(
        self, paper: type[Coder], side: int | None = None, *, grey: bool = False
    ) -> tuple[Split, Callable[[int], Coder]]:
        """The images as the networks need them, and their builder: a perceptron in small presets."""
        if self.gpu_sized and side is None:
            side = {"Yan": 32, "Zhang": 32}.get(paper.__name__, 28)
        split = one_plane(self.split) if grey else self.split
        split = split.resized(side) if side else split
        planes, side = split.train.shape[1:3]
        if self.gpu_sized:
            return split, lambda latent: paper(latent, planes=planes, side=side)
        return split, lambda latent: Perceptron(latent, 1.0, planes, side)

    def perceptual(self, weight: float, small: float) -> Loss:
        """MSE + weight x W1 by a critic as in the papers; small presets use the energy distance and `small`."""
        factor, term = (weight, WassersteinGP(10.0)) if self.gpu_sized else (small, EnergyDistance())
        return MeanSquaredError() + factor * term if factor else MeanSquaredError()

    def train(self, fits: Mapping[Key, partial[Any]]) -> dict[Key, Any]:
        """Call every `partial(fit_codec, ...)` and `partial(fit_decoder, ...)`, wherever the executor says.

        Seed, device and checkpoint are this run's where a call gives none of its own; logs keep the order.
        """
        executor, tasks = self.executor if len(fits) > 1 else SERIAL, []
        own = {"seed": self.seed, "device": self.device, "progress": self.progress and executor is SERIAL}
        for number, fit in enumerate(fits.values(), len(self.falls)):
            path = self.folder and self.folder / f"{number:03d}.safetensors"
            own["checkpoint"] = Checkpoint(path, self.seconds) if path else None
            tasks.append((torch.get_num_threads(), partial(fit.func, *fit.args, **{**own, **fit.keywords})))
        found = dict(executor.map(_call, tasks))
        models = {key: found[number] for number, key in enumerate(fits)}
        for key, model in models.items():
            self.record((model.decoder if isinstance(model, Codec) else model).log, fits[key].args[-1])
        return models

    def one(self, fit: Callable[..., Any], *parts: Any, **settings: Any) -> Any:
        """A single training by `fit_codec` or `fit_decoder`."""
        return self.train({0: partial(fit, *parts, **settings)})[0]

    def record(self, log: tuple[Point, ...], loss: Loss) -> None:
        """Keep by which factor a training's loss fell (with a critic, whose loss does not fall, the sliced W2^2)."""
        adversarial = any(isinstance(term, WassersteinGP) for _, term in loss.terms)
        values = [point.perception if adversarial else point.loss for point in log]
        self.falls.append(sum(values[-5:]) / len(values[-5:]) / values[0])

    def evaluate(self, codec: Codec, decoder: Decoder, images: Tensor, **more: Any) -> dict[str, Measured]:
        """`evaluate` with this run's seed."""
        return evaluate(codec, decoder, images.to(self.device), seed=self.seed, **more)

    def judge(self, codec: Codec, images: Tensor, decoder: Decoder | None = None) -> tuple[float, Measured]:
        """(D per pixel, sliced W2^2) of a codec, or of another decoder behind it."""
        values = self.evaluate(codec, decoder or codec.decoder, images)
        return values["distortion_per_pixel"].value, values["sliced_w2"]

    def draw(self, codec: Codec, images: Tensor, decoder: Decoder | None = None, seed: int = 0) -> tuple[Sent, Tensor]:
        """Codes and one reconstruction of each image."""
        rng = torch.Generator().manual_seed(seed)
        sent = codec.send(images.to(self.device), rng)
        return sent, (decoder or codec.decoder)(sent.received, rng)

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

    def floor(self, bits: float, images: Tensor) -> float:
        """Squared error per pixel of k-means on 2000 images, its own, at this rate as far as a cell has 8 images."""
        points = images[:2000].to(self.device)
        whole = min(max(1, round(bits)), int(math.log2(len(points) / 8)))

        def best() -> float:
            return mean_square(self.draw(oracle.lloyd(points, whole, seed=self.seed), points)[1], points)

        return self.once(("floor", whole, points.shape, float(points.sum())), best)  # the sum tells images apart

    @cached_property
    def reference(self) -> Tensor:
        """At most 10,000 training images, on the device."""
        return self.split.train[:TRAIN].to(self.device)


def one_plane(split: Split) -> Split:
    """The images as the mean of their planes."""
    return replace(split, **{part: getattr(split, part).mean(1, keepdim=True) for part in ("train", "test")})


def mean_square(first: Tensor, second: Tensor) -> float:
    """Squared error per pixel of two sets of images (n, ...), on whatever device each is."""
    return float((first - second.to(first)).cpu().double().square().mean())


def distortion(name: str, value: float, floor: float, paper: float | None = None, claim: Limits = None) -> Row:
    """A distortion per pixel on test images beside that of k-means at its rate."""
    return Row(f"{name}: D per pixel, test (k-means, train)", value, floor, paper, claim)


def perception(name: str, value: Measured) -> Row:
    """A sliced W2^2 beside that of two halves of real images."""
    return Row(f"{name}: sliced W2^2 (real against real)", value.value, value.floor or 0.0)


def curve(label: str, points: Iterable[tuple[float, float]], kind: str = "measured") -> Curve:
    """A curve through points (x, y)."""
    return Curve(label, *zip(*points, strict=True), kind)


def plane(label: str, found: Iterable[tuple[float, Measured]], kind: str = "measured") -> Curve:
    """What `Bench.judge` found of several codecs."""
    return curve(label, [(d, p.value) for d, p in found], kind)


def _call(task: tuple[int, partial[Any]]) -> Any:
    """One training, on as many threads as the process that asked for it: a worker has its own number otherwise."""
    threads, fit = task
    torch.set_num_threads(threads)
    return fit()
