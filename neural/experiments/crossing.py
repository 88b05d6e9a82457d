"""Compression across domains: common randomness, decomposition, restoration [LZCK22]."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from neural import data, oracle
from neural.coders import Liu, UNet, Zhang
from neural.experiments.base import ABOVE, Bench, Curve, Row, experiment, mean_square
from neural.experiments.posterior import passing
from neural.losses import MeanSquaredError
from neural.quantisers import DeterministicQuantiser, UniversalQuantiser
from neural.recipes import Adam, Drops, Recipe
from neural.training import Codec

__all__: list[str] = []

LIU = Recipe(64, Adam(1e-4, (0.5, 0.999)), Adam(1e-4, (0.5, 0.999)), Drops((0.6,), 0.2))
SR_CR = (
    0.0515,
    0.0457,
    0.0420,
    0.0394,
    0.0372,
    0.0353,
    0.0339,
    0.0324,
    0.0313,
    0.0300,
    0.0297,
    0.0285,
    0.0280,
    0.0277,
    0.0269,
)
SR_NO = (
    0.0558,
    0.0506,
    0.0463,
    0.0435,
    0.0415,
    0.0396,
    0.0383,
    0.0367,
    0.0351,
    0.0337,
    0.0331,
    0.0328,
    0.0315,
    0.0308,
    0.0300,
)
DN_CR = (
    0.0219,
    0.0195,
    0.0175,
    0.0163,
    0.0154,
    0.0147,
    0.0138,
    0.0135,
    0.0129,
    0.0126,
    0.0123,
    0.0118,
    0.0117,
    0.0115,
    0.0112,
    0.0109,
    0.0107,
    0.0106,
)
DN_NO = (
    0.0230,
    0.0208,
    0.0189,
    0.0175,
    0.0165,
    0.0157,
    0.0151,
    0.0145,
    0.0140,
    0.0137,
    0.0133,
    0.0130,
    0.0127,
    0.0123,
    0.0120,
    0.0118,
    0.0116,
    0.0114,
)
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
    for latent, levels in rates:
        for common in curves:
            quantiser = UniversalQuantiser(levels, common=common)
            codec = bench.codec(
                split.train,
                coder(latent),
                quantiser,
                bench.perceptual(1e-3, SMALL),
                steps=bench.steps(300, 500, 50),
                recipe=bench.recipe(LIU),
            )
            curves[common].append(bench.evaluate(codec, codec.decoder, split.test)["distortion_per_pixel"].value)
        bits = latent * math.log2(levels)
        claim = None if bench.gpu_sized else (ABOVE, -0.08)
        rows += [
            Row(
                f"R = {bits:.3g}: D with / without common randomness, test",
                curves[True][-1] / curves[False][-1],
                1.0,
                None,
                claim,
            ),
            Row(
                f"R = {bits:.3g}: D per pixel with common randomness, test (k-means, train)",
                curves[True][-1],
                bench.floor(bits),
            ),
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
    return _degraded(bench, "sr", "rate (bits per image)")[0]


@experiment(
    "denoise",
    "LZCK22 figure 5c, table 6",
    "denoising (sigma = 20/255) with and without common randomness",
    ("1 s", "9 s", "~40 min GPU", "~40 h GPU (SVHN)"),
)
def denoise(bench: Bench) -> list[Row]:
    """D to the noisy image; the output follows the law of the clean images."""
    return _degraded(bench, "dn", "rate (bits per image)")[0]


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
        codecs = _degraded(bench, task, "")[1]
        split, _, degraded = _task(bench, task)
        for (bits, common), codec in codecs.items():
            output = bench.draw(codec, codec.decoder, degraded[1])[1]
            printed = SR_TRUTH.get((round(bits), common)) if task == "sr" else None
            name = f"{task}, R = {bits:.3g}, {'one dither' if common else 'two dithers'}: "
            rows.append(
                Row(
                    f"{name}D per pixel to the clean image (that of the input beside it)",
                    mean_square(output.cpu(), split.test),
                    mean_square(degraded[1], split.test),
                    printed,
                )
            )
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
    for latent, levels in rates:
        for common in (False, True):
            codec = bench.codec(
                degraded,
                coder(latent),
                UniversalQuantiser(levels, common=common),
                bench.perceptual(1e-3, SMALL),
                references=split.train,
                steps=bench.steps(120, 400, 50),
                recipe=bench.recipe(LIU),
            )
            sent, output = bench.draw(codec, codec.decoder, points)
            parts = oracle.markov_parts(points.to(output), output, sent.cells)
            name = f"R = {codec.bits:.3g}, {'with' if common else 'no'} common randomness: "
            rows.append(
                Row(
                    f"{name}(total - parts) / total",
                    parts.excess,
                    0.0,
                    None,
                    (0.01, 0.01),
                    "fail" if common else "pass",
                )
            )
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
    total, steps = parts.between / pixels, bench.steps(80, 300, 100)
    coder = codec.coder
    for target in (images.to(output), output):
        branch = bench.decoder(
            behind,
            centres[:, :, None, None],
            MeanSquaredError(),
            targets=target,
            coder=coder,
            noise=0,
            steps=steps,
            recipe=bench.recipe(LIU),
        )
        total += mean_square(branch(centres, torch.Generator().manual_seed(0)), target)
    printed = 0.0586 / 0.0558 if codec.bits == 4.0 else None
    return [
        Row(f"R = {codec.bits:.3g}: two trained branches / end to end", total / (parts.total / pixels), 1.0, printed)
    ]


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
    for latent in bench.pick((2,), None, (2, 5)):
        steps, recipe = bench.steps(120, 400, 50), bench.recipe(LIU)
        joint = bench.codec(
            degraded,
            coder(latent),
            UniversalQuantiser(4, common=False),
            bench.perceptual(1e-3, SMALL),
            references=split.train,
            steps=steps,
            recipe=recipe,
        )
        points = degraded[:1500].repeat(8, 1, 1, 1)
        sent, output = bench.draw(joint, joint.decoder, points)
        parts = oracle.markov_parts(points.to(output), output, sent.cells)
        for number, (name, images, value) in enumerate(
            (("(a) source", degraded, parts.source), ("(b) target", split.train, parts.output))
        ):
            alone = bench.codec(
                images, coder(latent), DeterministicQuantiser(4), MeanSquaredError(), steps=steps, recipe=recipe
            )
            best = mean_square(bench.draw(alone, alone.decoder, images[:1500])[1].cpu(), images[:1500])
            printed = JOINT.get(2 * latent, (None, None))[number]
            rows.append(
                Row(f"R = {joint.bits:g}, {name}: joint / separate", value / points[0].numel() / best, 1.0, printed)
            )
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
    for latent in bench.pick((2,), None, (2, 8, 16)):
        quantiser, steps, recipe = UniversalQuantiser(4), bench.steps(120, 400, 50), bench.recipe(LIU)
        loss = bench.perceptual(0.01, SMALL)
        after = bench.codec(
            restored, coder(latent), quantiser, loss, references=split.train, steps=steps, recipe=recipe
        )
        direct = bench.codec(
            degraded,
            coder(latent),
            quantiser,
            bench.perceptual(1e-3, SMALL),
            references=split.train,
            steps=steps,
            recipe=recipe,
        )
        outputs = (
            bench.draw(after, after.decoder, restored_test)[1],
            bench.draw(direct, direct.decoder, degraded_test)[1],
        )
        d = [mean_square(output.cpu(), degraded_test) for output in outputs]
        index = latent - 2 if latent < 17 else -1
        rows += [
            Row(
                f"R = {after.bits:g}: restored first / end to end, test",
                d[0] / d[1],
                1.0,
                BASE_CR.get(2 * latent, math.nan) / SR_CR[index] if 2 * latent in BASE_CR else None,
            ),
            Row(
                f"R = {after.bits:g}: D per pixel, restored first, test (k-means of the input, train)",
                d[0],
                bench.floor(after.bits, degraded),
                BASE_CR.get(2 * latent),
            ),
        ]
    return rows


def _task(bench: Bench, task: str) -> tuple:
    """(clean images, networks, (degraded train, degraded test)) of super-resolution or denoising."""
    colour = bench.split.train.shape[1] == 3
    split, coder = bench.family(Zhang if colour else Liu)
    side = split.train.shape[-1]
    degrade = data.SuperResolution(4 if side > 8 else 2) if task == "sr" else data.GaussianNoise()
    return split, coder, tuple(degrade(part, seed=n) for n, part in enumerate((split.train, split.test)))


def _degraded(bench: Bench, task: str, axis: str) -> tuple[list[Row], dict[tuple[float, bool], Codec]]:
    return bench.once(("degraded", task), lambda: _fit_degraded(bench, task, axis))


def _fit_degraded(bench: Bench, task: str, axis: str) -> tuple[list[Row], dict[tuple[float, bool], Codec]]:
    split, coder, (degraded, degraded_test) = _task(bench, task)
    levels, weight, epochs = (4, 1e-3, 50) if task == "sr" else (8, 3e-3, 100)
    latents = bench.pick((2,), (2, 3), (2, 8, 16), range(2, 17) if task == "sr" else range(4, 39, 2))
    printed = {True: SR_CR, False: SR_NO} if task == "sr" else {True: DN_CR, False: DN_NO}
    rows, codecs, curves = [], {}, {True: [], False: []}
    rates = [latent * math.log2(levels) for latent in latents]
    floors = [bench.floor(bits, degraded) for bits in rates]
    for latent, bits, floor in zip(latents, rates, floors, strict=True):
        for common in (True, False):
            quantiser = UniversalQuantiser(levels, common=common)
            codec = bench.codec(
                degraded,
                coder(latent),
                quantiser,
                bench.perceptual(weight, SMALL),
                references=split.train,
                steps=bench.steps(120, 400, epochs),
                recipe=bench.recipe(LIU),
            )
            codecs[bits, common] = codec
            curves[common].append(bench.evaluate(codec, codec.decoder, degraded_test)["distortion_per_pixel"].value)
            index = (round(bits) - 4) // 2 if task == "sr" else (round(bits) - 12) // 6
            exact = bits == (2 * index + 4 if task == "sr" else 6 * index + 12) and 0 <= index < len(printed[common])
            rows.append(
                Row(
                    f"R = {bits:g}, {'one dither' if common else 'two dithers'}: D per pixel, test (k-means, train)",
                    curves[common][-1],
                    floor,
                    printed[common][index] if exact else None,
                )
            )
        claim = (ABOVE, 0.0) if bench.preset == "demo" else None
        rows.append(
            Row(
                f"R = {bits:g}: D with / without common randomness",
                curves[True][-1] / curves[False][-1],
                1.0,
                None,
                claim,
            )
        )
    title = "super-resolution" if task == "sr" else "denoising"
    bench.figure(
        title,
        axis or "rate (bits per image)",
        "MSE per pixel to the input, test",
        Curve("no common randomness", rates, curves[False]),
        Curve("common randomness", rates, curves[True], "universal"),
        Curve("k-means, P = inf, train", rates, floors, "theory"),
    )
    return rows, codecs
