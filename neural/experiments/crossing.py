"""Compression across domains: common randomness, decomposition, restoration [LZCK22]."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import product

import torch
from torch import Tensor, nn

from neural import data, oracle
from neural.coders import Coder, Liu, UNet, Zhang
from neural.experiments.base import ABOVE, Bench, Curve, Row, experiment, mean_square
from neural.experiments.posterior import passing
from neural.losses import MeanSquaredError
from neural.quantisers import DeterministicQuantiser, Quantiser, UniversalQuantiser
from neural.recipes import Adam, Drops, Recipe
from neural.training import Codec, fit_codec, fit_decoder

__all__: list[str] = []

LIU = Recipe(64, Adam(1e-4, (0.5, 0.999)), Adam(1e-4, (0.5, 0.999)), Drops((0.6,), 0.2))
SR_CR = (
    0.0515, 0.0457, 0.0420, 0.0394, 0.0372, 0.0353, 0.0339, 0.0324,
    0.0313, 0.0300, 0.0297, 0.0285, 0.0280, 0.0277, 0.0269,
)  # fmt: skip
SR_NO = (
    0.0558, 0.0506, 0.0463, 0.0435, 0.0415, 0.0396, 0.0383, 0.0367,
    0.0351, 0.0337, 0.0331, 0.0328, 0.0315, 0.0308, 0.0300,
)  # fmt: skip
DN_CR = (
    0.0219, 0.0195, 0.0175, 0.0163, 0.0154, 0.0147, 0.0138, 0.0135, 0.0129,
    0.0126, 0.0123, 0.0118, 0.0117, 0.0115, 0.0112, 0.0109, 0.0107, 0.0106,
)  # fmt: skip
DN_NO = (
    0.0230, 0.0208, 0.0189, 0.0175, 0.0165, 0.0157, 0.0151, 0.0145, 0.0140,
    0.0137, 0.0133, 0.0130, 0.0127, 0.0123, 0.0120, 0.0118, 0.0116, 0.0114,
)  # fmt: skip
SR_TRUTH = {(4, True): 0.0582, (16, True): 0.0380, (32, True): 0.0343, (4, False): 0.0646, (16, False): 0.0390}
BASE_CR = {4: 0.0603, 16: 0.0503, 32: 0.0471}
JOINT = {4: (0.0355 / 0.0356, 0.0227 / 0.0216), 10: (0.0223 / 0.0214, 0.0222 / 0.0206)}
SMALL = 0.1
"""Weight of the energy distance in small presets."""


@experiment(
    "cr",
    "LZCK22 figure 5",
    "common randomness lowers the distortion at equal rate and perception",
    ("3 s", "13 s", "~20 min GPU", "~3 h GPU"),
)
def common_randomness(bench: Bench) -> list[Row]:
    """One dither for both ends against one for each; clean images."""
    split, coder = bench.family(Liu)
    rows, curves = [], {True: [], False: []}
    rates = bench.pick(((3, 4),), ((2, 3), (3, 4), (4, 4)), ((2, 4), (8, 4), (16, 4)))
    fit = partial(fit_codec, split.train, steps=bench.steps(300, 500, 50), recipe=bench.recipe(LIU))
    loss, runs = bench.perceptual(1e-3, SMALL), list(product(rates, curves))
    codecs = bench.train([partial(fit, coder(d), UniversalQuantiser(n, common=c), loss) for (d, n), c in runs])
    for (_, common), codec in zip(runs, codecs, strict=True):
        curves[common].append(bench.evaluate(codec, codec.decoder, split.test)["distortion_per_pixel"].value)
    claim = None if bench.gpu_sized else (ABOVE, -0.08)
    for (latent, levels), shared, private in zip(rates, curves[True], curves[False], strict=True):
        bits = latent * math.log2(levels)
        name = f"R = {bits:.3g}: D"
        rows += [
            Row(f"{name} with / without common randomness, test", shared / private, 1.0, None, claim),
            Row(f"{name} per pixel with common randomness, test (k-means, train)", shared, bench.floor(bits)),
        ]
    x = [latent * math.log2(levels) for latent, levels in rates]
    bench.figure(
        "common randomness",
        "rate (bits per image)",
        "MSE per pixel, test",
        Curve("none", x, curves[False]),
        Curve("one dither for both ends", x, curves[True], "universal"),
        Curve("k-means, P = inf, train", x, [bench.floor(bits) for bits in x], "theory"),
    )
    return rows


@experiment(
    "superres",
    "LZCK22 figure 5a, tables 5 and 7",
    "4x super-resolution with and without common randomness",
    ("1 s", "7 s", "~15 min GPU", "~2 h GPU"),
)
def super_resolution(bench: Bench) -> list[Row]:
    """D to the network's input, the upsampled image; the output follows the law of the clean images."""
    return _degraded(bench, "sr")[0]


@experiment(
    "denoise",
    "LZCK22 figure 5c, table 6",
    "denoising (sigma = 20/255) with and without common randomness",
    ("1 s", "9 s", "~40 min GPU", "~40 h GPU (SVHN)"),
)
def denoise(bench: Bench) -> list[Row]:
    """D to the noisy image; the output follows the law of the clean images."""
    return _degraded(bench, "dn")[0]


@experiment(
    "ground-truth",
    "LZCK22 tables 9 and 10",
    "distance of the outputs to the clean images nobody saw",
    ("0 s", "1 s", "with superres and denoise", "with superres and denoise"),
)
def ground_truth(bench: Bench) -> list[Row]:
    """Uses the models of `superres` and `denoise`."""
    rows = []
    for task in ("sr", "dn"):
        codecs = _degraded(bench, task)[1]
        split, _, degraded = _task(bench, task)
        for (bits, common), codec in codecs.items():
            output = bench.draw(codec, codec.decoder, degraded[1])[1]
            printed = SR_TRUTH.get((round(bits), common)) if task == "sr" else None
            name = f"{task}, R = {bits:.3g}, {'one dither' if common else 'two dithers'}"
            d, own = mean_square(output.cpu(), split.test), mean_square(degraded[1], split.test)
            rows.append(Row(f"{name}: D per pixel to the clean image (that of the input beside it)", d, own, printed))
    return rows


@experiment(
    "decompose",
    "LZCK22 Thm 1, tables 1 and 11",
    "E|X-Y|^2 is the sum of three parts when X - Z - Y is Markov",
    ("2 s", "16 s", "~15 min GPU", "~30 min GPU"),
)
def decompose(bench: Bench) -> list[Row]:
    """Table decoders on twenty dithers of every image; with common randomness the chain is not Markov (a control)."""
    rows = []
    split, coder, (degraded, _) = _task(bench, "sr")
    points = degraded[:1500].repeat(20, 1, 1, 1)
    rates = bench.pick(((2, 4),), ((2, 3), (2, 4), (3, 4)), ((2, 4),), ((2, 4), (5, 4)))
    fit, runs = _to_clean(bench, split, degraded, 120, 400, 50), list(product(rates, (False, True)))
    codecs = bench.train([fit(coder(d), UniversalQuantiser(n, common=c)) for (d, n), c in runs])
    for (_, common), codec in zip(runs, codecs, strict=True):
        sent, output = bench.draw(codec, codec.decoder, points)
        parts = oracle.markov_parts(points.to(output), output, sent.cells)
        name = f"R = {codec.bits:.3g}, {'with' if common else 'no'} common randomness: "
        expect = "fail" if common else "pass"
        rows.append(Row(f"{name}(total - parts) / total", parts.excess, 0.0, None, (0.01, 0.01), expect))
        if not common:
            rows += _two_branches(bench, codec, points[: 4 * 1500], parts)
    return rows


def _two_branches(bench: Bench, codec: Codec, images: Tensor, parts: oracle.MarkovParts) -> list[Row]:
    """Two trained decoders in the place of the two tables."""
    sent, output = bench.draw(codec, codec.decoder, images, seed=1)
    levels, pixels = codec.quantiser.levels, images[0].numel()
    weights = levels ** torch.arange(codec.coder.latent, device=sent.cells.device)
    centres = (sent.cells[:, None] // weights % levels) * codec.quantiser.step - 1.0  # Z itself, without any dither
    behind = passing(nn.Identity(), images)
    behind = Codec(nn.Flatten(), behind.quantiser, behind.decoder, behind.coder)
    settings = {"steps": bench.steps(80, 300, 100), "recipe": bench.recipe(LIU), "coder": codec.coder, "noise": 0}
    fit = partial(fit_decoder, behind, centres[:, :, None, None], MeanSquaredError(), **settings)
    targets, still = (images.to(output), output), torch.Generator().manual_seed(0)
    branches = bench.train([partial(fit, targets=target) for target in targets])
    total = parts.between / pixels
    total += sum(mean_square(branch(centres, still), t) for branch, t in zip(branches, targets, strict=True))
    printed = 0.0586 / 0.0558 if codec.bits == 4.0 else None
    name = f"R = {codec.bits:.3g}: two trained branches / end to end"
    return [Row(name, total / (parts.total / pixels), 1.0, printed)]


@experiment(
    "separate-vs-joint",
    "LZCK22 table 2",
    "quantising source and target apart loses nothing against jointly",
    ("2 s", "5 s", "~10 min GPU", "~30 min GPU"),
)
def separate_vs_joint(bench: Bench) -> list[Row]:
    """Parts (a) E|X-X^|^2 and (b) E|Y-Y^|^2 of one joint model over those of two codecs trained for them alone."""
    rows = []
    split, coder, (degraded, _) = _task(bench, "sr")
    fit = _to_clean(bench, split, degraded, 120, 400, 50)
    settings = {"steps": bench.steps(120, 400, 50), "recipe": bench.recipe(LIU)}
    targets = {"(a) source": degraded, "(b) target": split.train}
    for latent in bench.pick((2,), None, (2, 5)):
        alone = [
            partial(fit_codec, images, coder(latent), DeterministicQuantiser(4), MeanSquaredError(), **settings)
            for images in targets.values()
        ]
        joint, *apart = bench.train([fit(coder(latent), UniversalQuantiser(4, common=False)), *alone])
        points = degraded[:1500].repeat(8, 1, 1, 1)
        sent, output = bench.draw(joint, joint.decoder, points)
        parts = oracle.markov_parts(points.to(output), output, sent.cells)
        printed = JOINT.get(2 * latent, (None, None))
        for (name, images), one, value, paper in zip(
            targets.items(), apart, (parts.source, parts.output), printed, strict=True
        ):
            best = mean_square(bench.draw(one, one.decoder, images[:1500])[1].cpu(), images[:1500])
            share = value / points[0].numel() / best
            rows.append(Row(f"R = {joint.bits:g}, {name}: joint / separate", share, 1.0, paper))
    return rows


@experiment(
    "baseline",
    "LZCK22 tables 7 and 8",
    "restoring first and compressing then, against one codec end to end",
    ("2 s", "7 s", "~20 min GPU", "~3 h GPU"),
)
def baseline(bench: Bench) -> list[Row]:
    """A U-Net restores; a codec compresses what it restored."""
    rows = []
    split, coder, (degraded, degraded_test) = _task(bench, "sr")
    planes, side = degraded.shape[1:3]
    net = UNet(planes * side * side, bench.pick(0.25, None, 1.0), planes, side)
    restorer = bench.decoder(
        passing(nn.Identity(), degraded, net),
        degraded,
        bench.perceptual(0.05, 0.0),
        noise=0,
        references=split.train,
        steps=bench.steps(60, 200, 50),
        recipe=bench.recipe(LIU),
    )
    still = torch.Generator().manual_seed(0)
    restored, restored_test = (restorer(part.to(bench.device).flatten(1), still) for part in (degraded, degraded_test))
    quantiser = UniversalQuantiser(4)
    for latent in bench.pick((2,), None, (2, 8, 16)):
        after, direct = bench.train(
            [
                _to_clean(bench, split, restored, 120, 400, 50, weight=0.01)(coder(latent), quantiser),
                _to_clean(bench, split, degraded, 120, 400, 50)(coder(latent), quantiser),
            ]
        )
        pairs = ((after, restored_test), (direct, degraded_test))
        d = [mean_square(bench.draw(c, c.decoder, part)[1].cpu(), degraded_test) for c, part in pairs]
        name, printed = f"R = {after.bits:g}: ", BASE_CR.get(2 * latent)
        floor, ratio = bench.floor(after.bits, degraded), printed and printed / SR_CR[latent - 2]
        rows += [
            Row(f"{name}restored first / end to end, test", d[0] / d[1], 1.0, ratio),
            Row(f"{name}D per pixel, restored first, test (k-means of the input, train)", d[0], floor, printed),
        ]
    return rows


def _task(bench: Bench, task: str) -> tuple:
    """(clean images, networks, (degraded train, degraded test)) of super-resolution or denoising."""
    colour = bench.split.train.shape[1] == 3
    split, coder = bench.family(Zhang if colour else Liu)
    side = split.train.shape[-1]
    degrade = data.SuperResolution(4 if side > 8 else 2) if task == "sr" else data.GaussianNoise()
    return split, coder, tuple(degrade(part, seed=n) for n, part in enumerate((split.train, split.test)))


def _to_clean(
    bench: Bench, split: data.Split, images: Tensor, smoke: int, demo: int, epochs: int, weight: float = 1e-3
) -> Callable[[Coder, Quantiser], partial[Codec]]:
    """A codec of degraded images whose outputs follow the law of the clean ones."""
    settings = {"steps": bench.steps(smoke, demo, epochs), "recipe": bench.recipe(LIU), "references": split.train}
    loss = bench.perceptual(weight, SMALL)
    return lambda coder, quantiser: partial(fit_codec, images, coder, quantiser, loss, **settings)


def _degraded(bench: Bench, task: str) -> tuple[list[Row], dict[tuple[float, bool], Codec]]:
    return bench.once(("degraded", task), lambda: _fit_degraded(bench, task))


def _fit_degraded(bench: Bench, task: str) -> tuple[list[Row], dict[tuple[float, bool], Codec]]:
    split, coder, (degraded, degraded_test) = _task(bench, task)
    levels, weight, epochs = (4, 1e-3, 50) if task == "sr" else (8, 3e-3, 100)
    latents = bench.pick((2,), (2, 3), (2, 8, 16), range(2, 17) if task == "sr" else range(4, 39, 2))
    printed = {True: SR_CR, False: SR_NO} if task == "sr" else {True: DN_CR, False: DN_NO}
    first, apart = (2, 1) if task == "sr" else (4, 2)  # the papers' smallest latent, and the distance to the next
    fit, runs = _to_clean(bench, split, degraded, 120, 400, epochs, weight), list(product(latents, (True, False)))
    codecs = bench.train([fit(coder(latent), UniversalQuantiser(levels, common=c)) for latent, c in runs])
    rows, curves, rates = [], {True: [], False: []}, [latent * math.log2(levels) for latent in latents]
    floors = [bench.floor(bits, degraded) for bits in rates]
    for (latent, common), codec in zip(runs, codecs, strict=True):
        d = bench.evaluate(codec, codec.decoder, degraded_test)["distortion_per_pixel"].value
        curves[common].append(d)
        paper = dict(zip(range(first, 99, apart), printed[common], strict=False)).get(latent)
        name = f"R = {codec.bits:g}, {'one dither' if common else 'two dithers'}"
        floor = floors[latents.index(latent)]
        rows.append(Row(f"{name}: D per pixel, test (k-means, train)", d, floor, paper))
    claim = (ABOVE, 0.0) if bench.preset == "demo" else None
    for bits, shared, private in zip(rates, curves[True], curves[False], strict=True):
        rows.append(Row(f"R = {bits:g}: D with / without common randomness", shared / private, 1.0, None, claim))
    bench.figure(
        "super-resolution" if task == "sr" else "denoising",
        "rate (bits per image)",
        "MSE per pixel to the input, test",
        Curve("no common randomness", rates, curves[False]),
        Curve("common randomness", rates, curves[True], "universal"),
        Curve("k-means, P = inf, train", rates, floors, "theory"),
    )
    return rows, {(codec.bits, common): codec for (_, common), codec in zip(runs, codecs, strict=True)}
