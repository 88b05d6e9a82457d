"""Compression across domains: common randomness, decomposition, restoration [LZCK22]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from neural import data, oracle
from neural.coders import Coder, Liu, UNet, Zhang
from neural.experiments.base import ABOVE, RATES, Bench, Row, curve, distortion, experiment, mean_square
from neural.experiments.posterior import passing
from neural.experiments.printed import APART, BASELINE, BRANCHES, DENOISE, SUPERRES, TRUTH
from neural.losses import MeanSquaredError
from neural.quantisers import DeterministicQuantiser, Quantiser, UniversalQuantiser
from neural.recipes import Adam, Drops, Recipe
from neural.training import Codec, fit_codec, fit_decoder

__all__: list[str] = []

LIU = Recipe(64, Adam(1e-4, (0.5, 0.999)), Adam(1e-4, (0.5, 0.999)), Drops((0.6,)))
DENOISING, BRANCHING = (replace(LIU, schedule=Drops((share,))) for share in (0.4, 0.5))
CLEAN = ([(3, 4)], [(2, 3), (3, 4), (4, 4)], [(2, 4), (8, 4), (16, 4)])
SMALLER = ([(2, 4)], [(2, 4), (3, 4)], [(2, 4), (8, 4), (16, 4)], [(latent, 4) for latent in range(2, 17)])
NOISY = ([(2, 8)], [(2, 8), (3, 8)], [(2, 8), (8, 8), (16, 8)], [(latent, 8) for latent in range(4, 39, 2)])
"""By preset: (latent, levels)."""
DITHERS = {True: "one dither", False: "two dithers"}


class Task(NamedTuple):
    """Clean images, networks, and the images that the encoder sees, to train and to test."""

    clean: data.Split
    coder: Callable[[int], Coder]
    train: Tensor
    test: Tensor

    def fit(
        self, bench: Bench, latent: int, quantiser: Quantiser, weight: float = 1e-3, small: float = 0.1, **settings: Any
    ) -> partial[Codec]:
        """A codec of the images seen whose outputs follow the law of the clean ones; `small` as in `perceptual`."""
        loss, settings["references"] = bench.perceptual(weight, small), self.clean.train
        return partial(fit_codec, self.train, self.coder(latent), quantiser, loss, **settings)


def _task(bench: Bench, name: str) -> Task:
    """Clean images (cr), super-resolution (sr) or denoising (dn)."""
    clean, coder = bench.family(Zhang if bench.split.train.shape[1] == 3 and name != "cr" else Liu)
    shrink = data.SuperResolution(4 if clean.train.shape[-1] > 8 else 2)
    degrade = {"cr": lambda images, seed: images, "sr": shrink, "dn": data.GaussianNoise()}[name]
    return Task(clean, coder, *(degrade(part, seed=n) for n, part in enumerate((clean.train, clean.test))))


@experiment("cr", "LZCK22 figure 5", "2 s", "6 s", "~20 min GPU", "~3 h GPU")
def common_randomness(bench: Bench) -> list[Row]:
    """One dither for both ends lowers the distortion at equal rate and perception."""
    return bench.once("cr", partial(_dithers, bench, "cr"))[0]


@experiment("superres", "LZCK22 figure 5a, tables 5 and 7", "1 s", "3 s", "~15 min GPU", "~2 h GPU")
def super_resolution(bench: Bench) -> list[Row]:
    """Super-resolution (4x; digits 2x) with and without common randomness; D to the upsampled image that goes in."""
    return bench.once("sr", partial(_dithers, bench, "sr"))[0]


@experiment("denoise", "LZCK22 figure 5c, table 6", "1 s", "3 s", "~40 min GPU", "~40 h GPU (SVHN)")
def denoise(bench: Bench) -> list[Row]:
    """Denoising (sigma = 20/255) with and without common randomness; D to the noisy image."""
    return bench.once("dn", partial(_dithers, bench, "dn"))[0]


@experiment("ground-truth", "LZCK22 tables 9 and 10", "0 s", "0 s", *("with superres and denoise",) * 2)
def ground_truth(bench: Bench) -> list[Row]:
    """Distance of the outputs of superres and denoise to the clean images nobody saw."""
    rows = []
    for name in ("sr", "dn"):
        task, codecs = _task(bench, name), bench.once(name, partial(_dithers, bench, name))[1]
        own = mean_square(task.test, task.clean.test)
        for (bits, common), codec in codecs.items():
            d = mean_square(task.clean.test, bench.draw(codec, task.test)[1])
            what = f"{name}, R = {bits:.3g}, {DITHERS[common]}: D per pixel to the clean image (input beside it)"
            rows.append(Row(what, d, own, TRUTH[common].get(bits) if name == "sr" else None))
    return rows


def _dithers(bench: Bench, name: str) -> tuple[list[Row], dict[tuple[float, bool], Codec]]:
    """Rows of the codecs with common randomness and without, and the codecs by (rate, which)."""
    task, lower = _task(bench, name), (ABOVE, 0.0) if bench.preset == "demo" else None
    much = (ABOVE, -0.08) if bench.tiny and not bench.gpu_sized else lower
    title, pairs, weight, training, printed, claim = {
        "cr": ("common randomness", CLEAN, 1e-3, (300, 500, 50), {}, much),
        "sr": ("super-resolution", SMALLER, 1e-3, (120, 400, 50), SUPERRES, lower),
        "dn": ("denoising", NOISY, 3e-3, (120, 400, 100), DENOISE, lower),
    }[name]
    chosen = bench.pick(*pairs)[:: 1 if bench.tiny or bench.gpu_sized else 2]  # every other rate of the demo on MNIST
    recipe = DENOISING if name == "dn" else LIU
    runs, settings = product(chosen, (True, False)), bench.settings(recipe, *training)
    fits = {(d, n, c): task.fit(bench, d, UniversalQuantiser(n, common=c), weight, **settings) for (d, n), c in runs}
    codecs = {(codec.bits, common): codec for (*_, common), codec in bench.train(fits).items()}
    d = {key: bench.judge(codec, task.test)[0] for key, codec in codecs.items()}
    floors, rows = {bits: bench.floor(bits, task.train) for bits, _ in codecs}, []
    for bits, which in codecs:
        paper = printed.get(which, {}).get(bits)
        rows.append(distortion(f"R = {bits:.3g}, {DITHERS[which]}", d[bits, which], floors[bits], paper))
    for bits in floors:
        what = f"R = {bits:.3g}: D with / without common randomness, test"
        rows.append(Row(what, d[bits, True] / d[bits, False], 1.0, None, claim if bits > 4 else lower))
    bench.figure(
        title,
        RATES[0],
        "MSE per pixel to the input, test",
        curve("no common randomness", [(bits, d[bits, False]) for bits in floors]),
        curve("common randomness", [(bits, d[bits, True]) for bits in floors], "universal"),
        curve("k-means, P = inf, train", floors.items(), "theory"),
    )
    return rows, codecs


@experiment("decompose", "LZCK22 Thm 1, tables 1 and 11", "1 s", "8 s", "~15 min GPU", "~30 min GPU")
def decompose(bench: Bench) -> list[Row]:
    """E|X-Y|^2 is the sum of three parts when X - Z - Y is Markov; with common randomness it is not (a control)."""
    task, rows = _task(bench, "sr"), []
    points, settings = task.train[:1500].repeat(20, 1, 1, 1), bench.settings(LIU, 120, 400, 50)
    some = ((2, 3), (2, 4), (3, 4)) if bench.tiny else None
    runs = product(bench.pick(((2, 4),), some, ((2, 4),), ((2, 4), (5, 4))), (False, True))
    fits = {((d, n), c): task.fit(bench, d, UniversalQuantiser(n, common=c), **settings) for (d, n), c in runs}
    for (_, common), codec in bench.train(fits).items():
        sent, output = bench.draw(codec, points)
        parts = oracle.markov_parts(points.to(output), output, sent.cells)
        what = f"R = {codec.bits:.3g}, {'with' if common else 'no'} common randomness: (total - parts) / total"
        rows.append(Row(what, parts.excess, 0.0, None, (0.01, 0.01), "fail" if common else "pass"))
        if not common:
            rows.append(_two_branches(bench, codec, points[: 4 * 1500], parts))
    return rows


def _two_branches(bench: Bench, codec: Codec, images: Tensor, parts: oracle.MarkovParts) -> Row:
    """Two trained decoders in the place of the two tables."""
    sent, output = bench.draw(codec, images, seed=1)
    levels, pixels = codec.quantiser.levels, images[0].numel()
    weights = levels ** torch.arange(codec.coder.latent, device=sent.cells.device)
    centres = (sent.cells[:, None] // weights % levels) * codec.quantiser.step - 1.0  # Z itself, without any dither
    behind = passing(nn.Flatten(), images)
    settings = {**bench.settings(BRANCHING, 80, 300, 100), "coder": codec.coder, "noise": 0}
    fit = partial(fit_decoder, behind, centres[:, :, None, None], MeanSquaredError(), **settings)
    targets, still = {"X": images.to(output), "Y": output}, torch.Generator().manual_seed(0)
    branches = bench.train({name: partial(fit, targets=target) for name, target in targets.items()})
    total = parts.between / pixels
    total += sum(mean_square(branches[name](centres, still), target) for name, target in targets.items())
    name = f"R = {codec.bits:.3g}: two trained branches / end to end"
    return Row(name, total / (parts.total / pixels), 1.0, BRANCHES.get(codec.bits))


@experiment("separate-vs-joint", "LZCK22 table 2", "1 s", "6 s", "~10 min GPU", "~30 min GPU")
def separate_vs_joint(bench: Bench) -> list[Row]:
    """Parts (a) E|X-X^|^2 and (b) E|Y-Y^|^2 of a joint model over those of two codecs apart: they lose nothing."""
    task, rows, settings = _task(bench, "sr"), [], bench.settings(LIU, 120, 1200 if bench.tiny else 400, 50)
    noise = 0 if bench.gpu_sized else 16  # small networks do not fill the law of the clean images from two dithers
    claims = (None, (0.25, 0.25) if bench.preset == "demo" and bench.tiny else None)
    targets = {"(a) source": task.train, "(b) target": task.clean.train}
    for latent in bench.pick((2,), None, (2, 5)):
        alone = (task.coder(latent), DeterministicQuantiser(4), MeanSquaredError())
        fits = {name: partial(fit_codec, images, *alone, **settings) for name, images in targets.items()}
        fits["joint"] = task.fit(bench, latent, UniversalQuantiser(4, common=False), small=1.0, noise=noise, **settings)
        codecs, points = bench.train(fits), task.train[:1500].repeat(8, 1, 1, 1)
        joint = codecs["joint"]
        sent, output = bench.draw(joint, points)
        parts = oracle.markov_parts(points.to(output), output, sent.cells)
        found, printed = (parts.source, parts.output), APART.get(joint.bits, (None, None))
        for (name, images), value, paper, claim in zip(targets.items(), found, printed, claims, strict=True):
            best = mean_square(images[:1500], bench.draw(codecs[name], images[:1500])[1])
            share = value / points[0].numel() / best
            rows.append(Row(f"R = {joint.bits:g}, {name}: joint / separate", share, 1.0, paper, claim))
    return rows


@experiment("baseline", "LZCK22 tables 7 and 8", "1 s", "4 s", "~20 min GPU", "~3 h GPU")
def baseline(bench: Bench) -> list[Row]:
    """A U-Net restores and a codec compresses what it restored, against one codec end to end."""
    task, rows, settings = _task(bench, "sr"), [], bench.settings(LIU, 120, 400, 50)
    planes, side = task.train.shape[1:3]
    behind = passing(nn.Identity(), task.train, UNet(planes * side * side, bench.pick(0.25, None, 1.0), planes, side))
    own = {**bench.settings(LIU, 60, 200 if bench.tiny else 100, 50), "noise": 0, "references": task.clean.train}
    restorer = bench.one(fit_decoder, behind, task.train, bench.perceptual(0.05, 0.0), **own)
    still = torch.Generator().manual_seed(0)
    restored = (restorer(part.to(bench.device).flatten(1), still) for part in (task.train, task.test))
    ways = {"restored": (Task(task.clean, task.coder, *restored), 0.01), "direct": (task, 1e-3)}
    for latent in bench.pick((2,), None, (2, 8, 16)):
        quantiser = UniversalQuantiser(4)
        codecs = bench.train({k: own.fit(bench, latent, quantiser, w, **settings) for k, (own, w) in ways.items()})
        d, direct = (mean_square(task.test, bench.draw(codecs[k], own.test)[1]) for k, (own, _) in ways.items())
        bits, printed = codecs["direct"].bits, BASELINE.get(2 * latent)
        name, ratio = f"R = {bits:g}: ", printed and printed / SUPERRES[True][2 * latent]
        what = f"{name}D per pixel, restored first, test (k-means of the input, train)"
        rows += [
            Row(f"{name}restored first / end to end, test", d / direct, 1.0, ratio),
            Row(what, d, bench.floor(bits, task.train), printed),
        ]
    return rows
