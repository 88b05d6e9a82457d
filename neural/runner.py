"""Train the models of a study, measure each once, judge the claims, and keep the table in one JSON file."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from neural import oracle
from neural.checkpoints import Checkpoint
from neural.claims import D, Record, Row, Table
from neural.coders import Classifier, Coder, level
from neural.data import Split, resize
from neural.evaluation import PER_CODE, evaluate
from neural.losses import AnchorNorm, Loss, MeanSquaredError, Mix, Perceptual, Term
from neural.models import SEEN, Fit, Model, Refined, Restored, Source, needed
from neural.studies import studies
from neural.study import Study, judge, milliseconds
from neural.training import Codec, fit_classifier, fit_codecs, fit_decoders
from rdptheory.bars import bar_of
from rdptheory.errors import InvalidInput
from rdptheory.files import read_bytes, read_text, write_bytes, write_text
from rdptheory.placement import sample_floor
from rdptheory.sweeps import Executor, Serial
from rdptheory.units import nats_to_bits

__all__ = ["SERIAL", "SIDE", "UNTRAINED", "Bench", "Pair", "Result", "answer", "answers", "plain", "read", "run"]

SERIAL = Serial()
TRAIN, TEST = 10_000, 2_000  # images that small presets take, so that a laptop holds them
SIDE = 8  # of their images, that of the digits: what a network learns in a second there it learns on all of them
STACK = 16  # most models trained as one: 16 of the largest take 8 GB
SAMPLES = "samples.safetensors"
LARGEST = 2**28  # bytes of samples: eight images of each model take a thousandth
FACTS = ("preset", "data", "device", "seed", "share", "cpu_seconds")  # what a report and a resumed run look up
UNTRAINED = 0.01  # share of the steps after which a law has to be broken
KNOWN = {"mnist": ((60_000, 1, 28, 28), 0.1307), "svhn": ((73_257, 3, 32, 32), 0.4514)}
"""The papers' data sets by the shape and the mean of their training images, whatever their folder is called."""


class Pair(NamedTuple):
    """What an encoder sees of training and test images, and the images whose law the output should have."""

    train: Tensor
    test: Tensor
    train_references: Tensor
    test_references: Tensor


@dataclass(eq=False)
class Bench:
    """Data, preset, device and seed of a run, and all that was trained on them.

    `side` is the largest of an image at the small presets, larger ones are shrunk to it; `folder` keeps checkpoints
    (None: nowhere); `share` multiplies the numbers of steps; `executor` says where models that do not wait for each
    other are trained, the numbers are the same on any of them; `elsewhere` are the seconds of processor time it took.
    """

    preset: str
    split: Split
    seed: int = 0
    device: str = "cpu"
    side: int = SIDE
    folder: Path | None = None
    progress: bool = False
    share: float = 1.0
    seconds: float = 120.0
    executor: Executor = SERIAL
    elsewhere: float = 0.0
    found: dict[Model, Codec] = field(default_factory=dict)
    measured: dict[Any, Any] = field(default_factory=dict)
    floors: dict[Any, Any] = field(default_factory=dict)
    pairs: dict[Any, Pair] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name, *parts = vars(self.split).values()
        shape, mean = tuple(parts[0].shape), float(parts[0].mean())
        known = (paper for paper, (size, level) in KNOWN.items() if size == shape and abs(mean - level) < 2e-3)
        self.data = next(known, name)
        most = (None, None) if self.preset.startswith("paper") else (TRAIN, TEST)
        side = shape[-1] if self.preset.startswith("paper") else min(self.side, shape[-1])
        rng = torch.Generator().manual_seed(0)
        # files are often sorted, so the first images may be all of a kind
        orders = [torch.randperm(len(part), generator=rng)[:n] for part, n in zip(parts[:2], most, strict=True)]
        images = [resize(part[order], side) for part, order in zip(parts[:2], orders, strict=True)]
        labels = [of if of is None else of[order] for of, order in zip(parts[2:], orders, strict=True)]
        self.split = Split(name, *images, *labels)

    def pair(self, source: Source, side: int | None = None) -> Pair:
        """The images of a source, at the side that the networks are made for."""
        if (source, side) not in self.pairs:
            clean = source.images(self.split, self.seed, side)
            parts = [part.to(self.device) for part in clean]  # the same tensors twice where nothing is degraded
            seen = [source.degrade(part, seed=n).to(self.device) for n, part in enumerate(clean) if source.degrade]
            self.pairs[source, side] = Pair(*(seen or parts), *parts)
        return self.pairs[source, side]

    @property
    def planes(self) -> int:
        """Planes of the images of the run."""
        return self.split.train.shape[1]

    @cached_property
    def different(self) -> list[int]:
        """How many training and test images there are; one that occurs twice counts once."""
        return [len({hash(image.numpy().tobytes()) for image in part}) for part in (self.split.train, self.split.test)]

    @cached_property
    def asked(self) -> dict[str, Any]:
        """What decides the numbers of a run; the images by a fingerprint."""
        images = hashlib.sha256(b"".join(part.numpy().tobytes() for part in (self.split.train, self.split.test)))
        return {
            "preset": self.preset, "data": self.data, "images": images.hexdigest()[:16], "seed": self.seed,
            "share": self.share, "side": self.split.train.shape[-1],
        }  # fmt: skip

    @cached_property
    def classifier(self) -> Classifier:
        """The network of features: it tells the labels apart, or the k-means cells of images without labels."""
        images, labels = self.split.train.to(self.device), self.split.train_labels
        if labels is None:
            labels = oracle.lloyd(images[:2000], 3, seed=self.seed).send(images, torch.Generator()).cells
        steps = max(1, round(300 * self.share))
        return fit_classifier(images, labels, steps=steps, seed=self.seed, device=self.device)

    def pair_of(self, model: Model) -> Pair:
        """The images that a model is trained and measured on."""
        plans = [m.plan for m in needed([model]) if isinstance(m, Fit)]
        families = [plan.family(self.pair(model.source).train.shape[1]) for plan in plans]
        return self.pair(model.source, next((family.side for family in families if family.fixed), None))

    def train(self, models: Iterable[Model]) -> None:
        """Make all models and what they need, those of one shape together."""
        waiting = [model for model in needed(models) if model not in self.found]
        while waiting:
            ready = [model for model in waiting if all(need in self.found for need in model.needs)]
            for model in (model for model in ready if not isinstance(model, Fit)):
                self.found[model] = model.make(self.pair_of(model).train, self.found, self.seed)
            groups = list(self.groups([model for model in ready if isinstance(model, Fit)]))
            groups.sort(key=milliseconds, reverse=True)  # what takes longest must not begin last
            executor = self.executor if len(groups) > 1 else SERIAL
            away = executor != SERIAL  # where bars would write over one another: one bar counts the trainings
            tasks = [
                (torch.get_num_threads(), self.device, self.task(group, number, progress=self.progress and not away))
                for number, group in enumerate(groups)
            ]
            done = executor.map(_call, tasks)
            for number, (spent, codecs) in bar_of(done, total=len(tasks)) if self.progress and away else done:
                self.found |= zip(groups[number], codecs, strict=True)
                self.elsewhere += spent * away
            waiting = [model for model in waiting if model not in self.found]

    def groups(self, fits: Sequence[Fit]) -> Iterator[list[Fit]]:
        """Fits to be trained as one: they share all but weights, seeds and, without an anchor, the encoder in front."""
        alike: dict[Any, list[Fit]] = {}
        for fit in fits:
            terms = tuple(term for _, term in fit.loss.terms)
            front = self.found.get(fit.behind)
            anchored = fit.behind if fit.loss.holds(AnchorNorm) else None
            same = replace(fit, loss=MeanSquaredError(), seed=0, behind=None, start=None if front else fit.start)
            alone = None if self.device != "cpu" or self.coder(fit).dense else fit  # convolutions gain nothing there
            key = (same, terms, anchored, front and (front.coder, front.quantiser), alone)
            alike.setdefault(key, []).append(fit)
        for group in alike.values():
            yield from (group[n : n + STACK] for n in range(0, len(group), STACK))

    def coder(self, fit: Fit) -> Coder:
        """The networks of a fit, for its images: their shape and, for dense ones, the mean and spread of a pixel."""
        if fit.behind and not fit.latent:
            return self.found[fit.behind].coder
        images = self.pair_of(fit).train
        planes, side = images.shape[1:3]
        family = fit.plan.family(planes)
        known = {"width": fit.plan.width, "level": level(images)} if family.dense else {}
        coder = partial(family, planes=planes, side=side, **known)
        if fit.beside is None:
            return coder(fit.latent)
        base = self.found[fit.beside]
        whole = base.coder.latent + fit.latent
        return Refined(whole, 1.0, planes, side, base=base, fresh=coder(fit.latent), whole=coder(whole))

    def task(self, group: list[Fit], number: int, *, progress: bool) -> partial[list[Codec]]:
        """One training of models of one shape, as a call that an executor can carry elsewhere."""
        fit, pair = group[0], self.pair_of(group[0])
        images, references, coder = pair.train, pair.train_references, self.coder(fit)
        through = self.found.get(fit.through)
        if through:
            images = torch.cat([Restored(through, nn.Identity())(piece) for piece in images.split(SEEN)])
        path = self.folder and self.folder / f"{len(self.found):03d}-{number}.safetensors"
        settings = {
            "losses": [self.filled(f.loss) for f in group], "seeds": [self.seed + f.seed for f in group],
            "steps": max(1, round(fit.plan.count(len(images)) * self.share)), "device": self.device,
            "recipe": fit.plan.recipe, "references": references, "coder": coder,
            "noise": coder.private if fit.noise is None else fit.noise,
            "checkpoint": Checkpoint(path, self.seconds) if path else None, "progress": progress,
        }  # fmt: skip
        if fit.behind:
            codecs = [self.found[f.behind] for f in group]
            critics = [f.start and self.found[f.start].decoder.critic for f in group]
            return partial(_behind, codecs, images, critics=critics, **settings)
        start = self.found.get(fit.start)
        return partial(_whole, through, images, quantiser=fit.quantiser, start=start, **settings)

    def filled(self, loss: Loss) -> Loss:
        """The loss with the run's classifier where a perceptual term has none."""

        def whole(term: Term) -> Term:
            bare = isinstance(term, Perceptual) and term.classifier is None
            return replace(term, classifier=self.classifier) if bare else term

        return Mix(tuple((weight, whole(term)) for weight, term in loss.terms))

    def measure(self, study: Study, model: Model) -> list[Record]:
        """Every measure of a study on both parts, once for a model."""
        variant = study.variant(self.preset, self.planes)
        names, codec, pair = (*study.measures, *variant.measures), self.found[model], self.pair_of(model)
        count = len(pair.train) if model.source.samples else SEEN
        records = []
        for part, images, references in (("train", pair.train, pair[2]), ("test", pair.test, pair[3])):
            key = (model, part, names, variant.fresh)
            if key not in self.measured:
                self.measured[key] = evaluate(
                    codec, codec.decoder, images[:count], references=references[:count], seed=self.seed, measures=names,
                    classifier=self.classifier if "features" in names else None, critic=variant.fresh,
                    floors=self.floors.setdefault((model.source, part, references.shape, variant.fresh), {}),
                )  # fmt: skip
            found = self.measured[key].items()
            records += [Record(model.labels, part, name, value, floor) for name, (value, floor) in found]
        return records

    def samples(self, models: Sequence[Model]) -> dict[str, Tensor]:
        """What up to eight models make of the first eight test images."""
        shown = {}
        for model in [m for m in models if not m.source.samples][:8]:
            codec, images = self.found[model], self.pair_of(model).test[:8]
            rng = torch.Generator().manual_seed(self.seed)
            shown |= {} if shown else {"input": images.cpu()}
            name = ", ".join(x if isinstance(x, str) else f"{label} {x}" for label, x in model.labels.items())
            shown[name] = codec.decoder(codec.send(images, rng).received, rng).cpu()
        return {name: rows for name, rows in shown.items() if rows.shape == shown["input"].shape}


@dataclass(frozen=True, eq=False)
class Result:
    """What one run of one study measured, and under which circumstances; its rows are judged from the table."""

    study: Study
    facts: dict[str, Any]
    table: Table
    samples: dict[str, Tensor]

    @cached_property
    def rows(self) -> list[Row]:
        """The claims with their verdicts."""
        return judge(self.study, self.table, data=self.facts["data"], preset=self.facts["preset"])


def models_of(study: Study, bench: Bench) -> list[Model]:
    """What a study trains and measures on a bench, if that has the images which the claims need."""
    models = list(study.models(study.variant(bench.preset, bench.planes)))
    rates = [model.labels.get("rate", 0.0) for model in models if "codes" in study.measures]
    least = max(study.images, PER_CODE * round(2 ** max(rates, default=0.0)))
    train, test = bench.different
    if (train < least or test < least // 4) and not all(model.source.samples for model in models):
        rule = f"must have {least} different images to train and {least // 4} to test for {study.id}"
        raise InvalidInput("data", bench.data, f"{rule}, has {train} and {test}")
    return models


def answer(study: str | Study, bench: Bench) -> Result:
    """Run one study, or that of an id, on a bench that may already hold models of others."""
    study = _known(study) if isinstance(study, str) else study
    wall, cpu = time.monotonic(), _clock(bench.device) + bench.elsewhere
    models = models_of(study, bench)
    bench.train(models)
    table = Table(tuple(record for model in models for record in bench.measure(study, model)))
    facts = {
        **bench.asked, "device": bench.device,
        "executor": type(bench.executor).__name__, "threads": torch.get_num_threads(), "torch": torch.__version__,
        "machine": platform.machine(), "wall_seconds": round(time.monotonic() - wall, 2),
        "cpu_seconds": round(_clock(bench.device) + bench.elsewhere - cpu, 2),
    }  # fmt: skip
    return Result(study, facts, table, bench.samples(models))


def answers(ids: Iterable[str], bench: Bench) -> Iterator[Result]:
    """Run several studies as `answer` does, each where the bench's executor has room, and yield them as they are done.

    Studies that train a model in common stay together, one after the other, so it is trained once.
    """
    chains: list[tuple[list[str], set[Fit]]] = []
    for id in ids:
        models = needed(models_of(_known(id), bench))
        names, fits = [id], {model for model in models if isinstance(model, Fit)}
        for chain in [chain for chain in chains if chain[1] & fits]:
            chains.remove(chain)
            names, fits = [*chain[0], *names], chain[1] | fits
        chains.append((names, fits))
    alone, executor = bench, SERIAL
    if len(chains) > 1 and bench.executor != SERIAL:
        alone, executor = copy(bench), bench.executor
        alone.executor = SERIAL
        chains.sort(key=lambda chain: milliseconds(chain[1]), reverse=True)
    tasks = [(torch.get_num_threads(), bench.device, partial(_answers, names, alone)) for names, _ in chains]
    for _, (_, results) in executor.map(_call, tasks):
        yield from results


def run(id: str, bench: Bench, folder: str | os.PathLike[str], *, resume: bool = False) -> Result:
    """Run one study with its checkpoints in `folder`, and write `result.json` and `samples.safetensors` there.

    A folder that holds anything is refused unless `resume`; a finished run is read and not repeated.
    """
    models_of(_known(id), bench)
    out = Path(folder)
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not resume)):
        raise InvalidInput("out", str(out), "is no empty folder: choose another, or go on with --resume")
    if (out / "result.json").exists():
        result = read(out)
        if result.study.id != id or any(result.facts.get(n) != own for n, own in bench.asked.items()):
            raise InvalidInput("out", str(out), "holds another run: choose another folder")
        return result
    bench.folder = out / "checkpoints"
    bench.folder.mkdir(parents=True, exist_ok=True)
    result = answer(id, bench)
    if any((chart.x, chart.y) == ("rate", D) for chart in result.study.charts):
        result = replace(result, table=Table((*result.table.records, *floor(bench, result.study))))
    pictures = b""
    if result.samples:
        pictures = save({name: values.contiguous() for name, values in result.samples.items()})
        write_bytes(out / SAMPLES, pictures)
    records = [_finite(record._asdict()) for record in result.table.records]
    document = {"id": id, **result.facts, "samples": list(result.samples), "table": records}
    document["sha256"] = _digest(document, pictures)
    write_text(out / "result.json", json.dumps(document, indent=1) + "\n")
    return result


def floor(bench: Bench, study: Study) -> Iterator[Record]:
    """What no codec of the test images can go below, whatever it does, at some distortions."""
    images = bench.pair_of(models_of(study, bench)[0]).test[:SEEN].flatten(1).cpu().double()
    spread = float(images.var(0, correction=0).sum())
    limit = sample_floor(images.numpy(), D=[share * spread for share in (0.3, 0.37, 0.45, 0.55, 0.68, 0.85)])
    for d, rate in zip(limit.D, limit.rate, strict=True):
        yield Record({"rate": nats_to_bits(float(rate))}, "test", D, float(d) / images.shape[1])


def read(folder: str | os.PathLike[str]) -> Result:
    """What `run` wrote; the claims are judged anew.

    Raises
    ------
    InvalidInput
        No such file, or one that is damaged, was edited, or does not belong to the samples beside it.
    """
    path = Path(folder) / "result.json"
    try:
        document = json.loads(read_text(path))
        digest, names = document.pop("sha256"), document["samples"]
        pictures = read_bytes(path.with_name(SAMPLES), LARGEST) if names else b""
        whole = digest == _digest(document, pictures)
        records = tuple(
            Record(**{**r, "value": math.nan if r["value"] is None else r["value"]}) for r in document.pop("table")
        )
        names, study = document.pop("samples"), _known(document.pop("id"))
        if not {*FACTS} <= {*document}:
            raise KeyError
    except (InvalidInput, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InvalidInput("folder", str(folder), "holds no result.json of this program") from None
    if not whole:
        raise InvalidInput("folder", str(folder), "holds a result that is damaged or was edited: remove it, run again")
    samples = load(pictures) if names else {}
    return Result(study, document, Table(records), {name: samples[name] for name in names})


def _digest(document: dict[str, Any], pictures: bytes) -> str:
    """SHA-256 of a result and of its samples."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode() + pictures).hexdigest()


def plain(row: Row) -> dict[str, Any]:
    """A row as JSON holds it: null for NaN, for infinite values, and for what there is not."""
    return _finite({**asdict(row), "expect": row.expect, "verdict": row.verdict})


def _behind(codecs: list[Codec], images: Tensor, **settings: Any) -> list[Codec]:
    decoders = fit_decoders(codecs, images, **settings)
    return [replace(codec, decoder=decoder) for codec, decoder in zip(codecs, decoders, strict=True)]


def _whole(through: Codec | None, images: Tensor, **settings: Any) -> list[Codec]:
    codecs = fit_codecs(images, **settings)
    return [replace(c, encoder=Restored(through, c.encoder)) for c in codecs] if through else codecs


def _answers(ids: list[str], bench: Bench) -> list[Result]:
    return [answer(id, bench) for id in ids]


def _call(task: tuple[int, str, partial[Any]]) -> tuple[float, Any]:
    """One task and its seconds, on as many threads as the process that asked for it: a worker has its own number
    otherwise."""
    threads, device, do = task
    torch.set_num_threads(threads)
    start = _clock(device)
    found = do()
    return _clock(device) - start, found


def _clock(device: str) -> float:
    """Seconds of processor time: of this thread where it works alone, as others of its process may work for others."""
    return time.thread_time() if (torch.get_num_threads(), device) == (1, "cpu") else time.process_time()


def _known(id: str) -> Study:
    if id not in studies():
        raise InvalidInput("id", id, f"must be one of {', '.join(studies())}")
    return studies()[id]


def _finite(value: Any) -> Any:
    return json.loads(json.dumps(value), parse_constant=lambda name: None)
