"""Perfect perception at twice the distortion, and what lies between [YWYML21, YWL22]."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neural import data, oracle
from neural.coders import Coder, Perceptron, UNet, Yan
from neural.evaluation import Measured
from neural.experiments.base import (
    ABOVE,
    PLANE,
    RATES,
    Bench,
    Row,
    curve,
    experiment,
    mean_square,
    one_plane,
    perception,
    plane,
)
from neural.experiments.printed import ADVERSARIAL, KODAK, TWOFOLD
from neural.losses import AnchorNorm, EnergyScore, Loss, MeanSquaredError, SlicedWasserstein, WassersteinGP
from neural.losses import sliced_wasserstein as sliced
from neural.quantisers import Binary, Unquantised
from neural.recipes import Adam, Drops, Recipe, RMSprop
from neural.training import Codec, Decoder, fit_codec, fit_decoder
from rdptheory.errors import MissingPackage

__all__ = ["Conventional"]

YAN = Recipe(128, RMSprop(1e-4), RMSprop(1e-3), Drops((0.5,), 0.1))
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
NOTHING: Mapping[float, float] = {}
Limits = tuple[float, float] | None


def law(alpha: float) -> float:
    """D(alpha) / D_d of alpha X_d + (1 - alpha) X_p [YWL22, Thm 1]."""
    return 1.0 + (1.0 - alpha) ** 2


def mixtures(images: Tensor, mean: Tensor, sample: Tensor) -> list[tuple[float, Tensor, float]]:
    """(alpha, alpha X_d + (1 - alpha) X_p, its squared error over that of X_d), from the sample to the mean."""
    outputs, floor = [oracle.interpolate(mean, sample, alpha) for alpha in ALPHAS], mean_square(images, mean)
    return [(alpha, y, mean_square(images, y) / floor) for alpha, y in zip(ALPHAS, outputs, strict=True)]


def by_code(
    name: str, values: dict[str, Measured], ratio: Limits = None, bias: Limits = None, variance: Limits = None,
    *, paper: float | None = None, expect: str = "pass",
) -> list[Row]:  # fmt: skip
    """D / D_d on training images and the two parts of what it has above 1, each with its tolerance."""
    return [
        Row(f"{name}D / D_d, train", values["ratio"].value, 2.0, paper, ratio, expect),
        Row(f"{name}bias by code / D_d", values["bias"].value, 0.0, None, bias),
        Row(f"{name}variance by code / D_d", values["variance"].value, 1.0, None, variance),
    ]


def posteriors(bench: Bench, rates: Sequence[int]) -> dict[int, tuple[Codec, Decoder]]:
    """For every rate in bits, the k-means codec and a decoder trained by the energy score to sample p(x|z)."""
    images, trained, fits = bench.reference, bench.once("posteriors", dict), {}
    width, rate, steps, loss = (1.0, 5e-3, 900, EnergyScore(3)) if bench.tiny else (2.0, 1e-3, 1500, EnergyScore(2))
    slow = Recipe(optimiser=Adam(2e-3 if bench.tiny else rate), average=0.99)
    for bits in (bits for bits in rates if bits not in trained):
        recipe = (
            Recipe(optimiser=Adam(rate)) if bench.tiny and bits > 3 else slow
        )  # few cells are wide: noise would stay
        own = {"recipe": recipe, "coder": Perceptron(bits, width, *images.shape[1:3])}
        fits[bits] = partial(fit_decoder, bench.lloyd(bits), images, loss, steps=bench.scaled(steps), **own)
    trained |= bench.train(fits)
    return {bits: (bench.lloyd(bits), trained[bits]) for bits in rates}


def four_bits(bench: Bench, settings: dict[str, Any]) -> tuple[data.Split, Codec]:
    """The images at the side of [YWYML21] and a codec trained for its squared error alone."""
    split, coder = bench.family(Yan)
    return split, bench.one(fit_codec, split.train, coder(4), Binary(), MeanSquaredError(), **settings)


@experiment("oracle", "YWYML21 Thm 2, YWL22 Thm 1", "2 s", "2 s", "~10 s", "~10 s")
def exact_sampler(bench: Bench) -> list[Row]:
    """Exact sampler: D = 2 D_d, D(alpha), W2^2 = alpha^2 D_d, and controls that must miss them."""
    images = bench.reference[:2000]
    codec = oracle.lloyd(images, 4, seed=bench.seed)
    sent, mean = bench.draw(codec, images)
    floor, pixels = mean_square(images, mean), images[0].numel()
    seeds = range(100 * bench.seed, 100 * (bench.seed + 1))
    draws = (oracle.permute(images, sent.cells, seed=seed) for seed in seeds)
    ratio = sum(mean_square(images, draw) for draw in draws) / len(seeds) / floor
    rows, points = [Row("D / D_d of the cell permutation, 100 draws", ratio, 2.0, TWOFOLD, (0.015, 0.015))], []
    for alpha, output, ratio in mixtures(images, mean, oracle.permute(images, sent.cells, seed=seeds[0])):
        points.append((ratio, oracle.paired_w2(images, output) / (floor * pixels)))
        rows += [
            Row(f"D / D_d at alpha = {alpha:g}", ratio, law(alpha), None, (0.06, 0.06)),
            Row(f"exact W2^2 / D_d at alpha = {alpha:g}", points[-1][1], alpha**2, None, (0.002, 0.002)),
        ]
    rng = torch.Generator().manual_seed(bench.seed)
    blind = images[torch.randperm(len(images), generator=rng)]
    noisy = mean + math.sqrt(floor) * torch.randn(mean.shape, generator=rng).to(mean.device)
    spread = 2.0 * float(images.cpu().double().var(0, correction=0).mean()) / floor
    ignoring, moved = mean_square(images, blind) / floor, oracle.paired_w2(images, noisy) / floor / pixels
    split, descended = four_bits(bench, bench.settings(YAN, 350, 700, 100))
    own = split.train[:1500]
    _, output = bench.draw(oracle.tabled(descended, own), own)
    share = oracle.paired_w2(own.to(output), output) / (mean_square(own, output) * own[0].numel())
    rows += [
        Row("D / D_d of a redraw that ignores the code", ignoring, 2.0, None, (0.06, 0.06), "fail"),
        Row("the same against 2 Var / D_d", ignoring, spread, None, (0.05 * spread, 0.05 * spread)),
        Row("D / D_d of X_d + white noise", mean_square(images, noisy) / floor, 2.0, None, (0.06, 0.06)),
        Row("exact W2^2 / D_d of X_d + white noise", moved, 0.0, None, (0.002, 0.002), "fail"),
        Row("exact W2^2 / D_d at alpha = 1, encoder by gradient", share, 1.0, None, (0.002, 0.002), "fail"),
    ]
    grid = [i / 50 for i in range(51)]
    theory = curve("$D = 1 + (1-\\sqrt{P})^2$", [(law(a), a * a) for a in grid], "theory")
    bench.figure("interpolation", "distortion / $D_d$", "$W_2^2$ / $D_d$", theory, curve("exact sampler", points))
    return rows


@experiment("twofold", "YWYML21 4.1, figures 2 and 3", "2 s", "7 s", "~10 min GPU", "~1.7 h GPU")
def twofold(bench: Bench) -> list[Row]:
    """A trained sampler (small presets: energy score behind k-means) reaches 2 D_d with no bias and full variance."""
    rates = bench.pick((4,), (1, 2, 3, 4, 5) if bench.tiny else (4,), (2, 4, 8, 16, 32, 64), tuple(range(2, 65, 2)))
    split, claims = bench.split, ()
    if bench.gpu_sized:
        split, coder = bench.family(Yan)
        loss, settings = WassersteinGP(10.0, True, warm_up=len(split.train) // 128), bench.settings(YAN, 0, 0, 100)
        fit = partial(fit_codec, split.train, **settings)
        codecs = bench.train({bits: partial(fit, coder(bits), Binary(), MeanSquaredError()) for bits in rates})
        decoders = bench.train({n: partial(fit_decoder, c, split.train, loss, **settings) for n, c in codecs.items()})
        trained = {bits: (codecs[bits], decoders[bits]) for bits in rates}
    else:
        trained = posteriors(bench, rates)
        claims = ((0.10, 0.05), (0.02, 0.04), (0.10, 0.10)) if bench.tiny else ((0.15, 0.05), (0.02, 0.05))
    train, test = split.train[: 10_000 if bench.gpu_sized else 4000].to(bench.device), split.test.to(bench.device)
    rows, found = [], {}
    for bits, (codec, decoder) in trained.items():
        name, values, paper = f"R = {bits}: ", bench.evaluate(codec, decoder, train), TWOFOLD if bits == 4 else None
        d_train, d_test = (mean_square(part, bench.draw(codec, part)[1]) for part in (train, test))
        sampled = mean_square(test, bench.draw(codec, test, decoder)[1])
        if bits <= 8:
            rows += by_code(name, values, *claims, paper=paper)
        else:  # too few images of each code
            rows.append(Row(f"{name}D / D_d, train", values["distortion_per_pixel"].value / d_train, 2.0))
        rows += [
            Row(f"{name}D / D_d, test", sampled / d_test, 1.0 + d_train / d_test),
            perception(f"R = {bits}", values["sliced_w2"]),
        ]
        found[bits] = (d_test, sampled, d_test + d_train)
    bench.figure(
        "rate and distortion, with and without perfect perception",
        *RATES,
        curve("minimum MSE, P = inf", [(bits, d) for bits, (d, *_) in found.items()]),
        curve("sampler, P = 0", [(bits, d) for bits, (_, d, _) in found.items()], "universal"),
        curve("theory: $D_d$ (test) + $D_d$ (train)", [(bits, d) for bits, (*_, d) in found.items()], "theory"),
    )
    return rows


@experiment("degenerate", "YWYML21 supplement D", "1 s", "33 s", "~5 min GPU", "~10 min GPU")
def degenerate(bench: Bench) -> list[Row]:
    """Adversarial samplers: a critic warmed up, one that was not, and one that does not see the code (a control)."""
    images, steps = bench.reference, bench.steps(60, 1500 if bench.tiny else 150, 100, 128)
    critic = partial(WassersteinGP, 1.0 if bench.tiny else 10.0, steps=bench.pick(1, 3))
    critics = {
        "warmed up": critic(conditional=True, warm_up=max(2, min(steps // 4, 200))),
        "not warmed up": critic(conditional=True),
        "unconditional": critic(),
    }
    rate = bench.pick(5e-4, 1e-3, 5e-4)
    recipe = Recipe(optimiser=Adam(rate, (0.5, 0.9)), critic=Adam(1e-3, (0.5, 0.9)), average=0.99)
    settings = {"steps": steps, "recipe": recipe, "coder": Perceptron(4, 1.0, *images.shape[1:3])}
    fits = {name: partial(fit_decoder, bench.lloyd(4), images, loss, **settings) for name, loss in critics.items()}
    rows, asserted = [], {}
    if bench.preset == "demo" and bench.tiny:
        asserted["warmed up"] = {"ratio": (0.20, 0.15), "bias": (0.02, 0.20)}
        asserted["unconditional"] = {"ratio": (ABOVE, 1.0), "expect": "fail"}
    for name, decoder in bench.train(fits).items():
        rows += by_code(f"{name}: ", bench.evaluate(bench.lloyd(4), decoder, images[:4000]), **asserted.get(name, {}))
    return rows


@experiment("dal", "YWYML21 figure 5", "1 s", "2 s", "~10 min GPU", "~30 min GPU")
def distortion_adversarial(bench: Bench) -> list[Row]:
    """Distortion plus adversarial loss is never below k-means."""
    split, coder = bench.family(Yan)
    rows, weights, settings = [], bench.pick((0.1,), (0.1, 1.0), tuple(ADVERSARIAL)), bench.settings(YAN, 150, 500, 100)
    fit = partial(fit_codec, split.train, coder(4), Binary(), noise=coder(4).private, **settings)
    codecs = bench.train({weight: partial(fit, bench.perceptual(weight, weight)) for weight in weights})
    found = {weight: bench.judge(codec, split.train[:2000]) for weight, codec in codecs.items()}
    for weight, (d, p) in found.items():
        name, paper, floor = f"lambda = {weight:g}", ADVERSARIAL[weight], bench.floor(4, split.train)
        rows.append(Row(f"{name}: D per pixel, train (k-means beside it)", d, floor, paper, (0.0, ABOVE)))
        rows.append(perception(name, p))
    bench.figure("distortion plus adversarial loss", "MSE per pixel", PLANE[1], plane("trained", found.values()))
    return rows


@experiment("jump", "YWL22 figure 2", "3 s", "15 s", "~30 min GPU", "~50 min GPU")
def jump(bench: Bench) -> list[Row]:
    """The augmented loss, W1 by sorting or by a critic, jumps from 2 D_d to D_d at lambda = 1 (beta = 1/2)."""
    rows, curves, term = [], [], SlicedWasserstein(1, 1, True)
    weights = bench.pick((0.5, 1.1), (0.0, 0.25, 0.5, 0.75, 0.9, 1.1, 1.25, 2.0))
    losses = {weight: term + weight * AnchorNorm() if weight else term for weight in weights}
    settings = {"noise": 1, "coder": Perceptron(2, 0.25, side=1), "steps": bench.scaled(bench.pick(1000, 600))}
    settings["recipe"] = Recipe(bench.pick(1024, 2048), Adam(5e-3))
    sources = {"U(0,1), 4 cells": data.uniform, "N(0,1), 4 cells": data.gaussian}
    for name in sources if bench.preset != "smoke" else list(sources)[:1]:
        samples, points = sources[name](20_000, seed=bench.seed), []
        codec = oracle.lloyd(samples, 2, seed=bench.seed)
        fits = {weight: partial(fit_decoder, codec, samples, loss, **settings) for weight, loss in losses.items()}
        for weight, decoder in bench.train(fits).items():
            ratio = bench.evaluate(codec, decoder, samples[:4000], draws=4)["ratio"].value
            claim = (0.01, 0.01) if weight > 1 else (0.25, 0.05) if weight <= 0.5 else (0.5, 0.05)
            rows.append(Row(f"{name}, lambda = {weight:g}: D / D_d", ratio, 1.0 if weight > 1 else 2.0, None, claim))
            points.append((1 / (1 + weight), ratio))
        curves.append(curve(name, points, "universal" if "N(" in name else "measured"))
    if bench.gpu_sized:
        curves.append(curve("images, adversarial", _jump_on_images(bench, rows), "universal"))
    theory = curve("theory", [(0.0, 1.0), (0.5, 1.0), (0.5, 2.0), (1.0, 2.0)], "theory")
    bench.figure("the jump at beta = 1/2", "$\\beta = 1/(1+\\lambda)$", "MSE / $D_d$", theory, *curves)
    return rows


def _jump_on_images(bench: Bench, rows: list[Row]) -> list[tuple[float, float]]:
    settings, critic, points = bench.settings(YAN, 0, 0, 100), WassersteinGP(10.0, conditional=True), []
    split, codec = four_bits(bench, settings)
    betas = bench.pick(None, None, (0.3, 0.4, 0.45, 0.55, 0.6, 0.7, 0.9, 0.99), (*(i / 20 for i in range(1, 20)), 0.99))
    fit = partial(fit_decoder, codec, split.train, **settings)
    decoders = bench.train({beta: partial(fit, critic + (1 - beta) / beta * AnchorNorm()) for beta in betas})
    for beta, decoder in decoders.items():
        points.append((beta, bench.evaluate(codec, decoder, split.train[:4000])["ratio"].value))
        rows.append(Row(f"images, beta = {beta:g}: D / D_d", points[-1][1], 2.0 if beta > 0.5 else 1.0))
    return points


@experiment("interpolate", "YWL22 figure 3", "1 s", "1 s", "~10 s", "~10 s")
def interpolate(bench: Bench) -> list[Row]:
    """The sampler of twofold mixed with the mean obeys D_d (1 + (1-alpha)^2)."""
    codec, decoder = posteriors(bench, (4,))[4]
    images, rows, points = bench.reference, [], []
    sent, mean = bench.draw(codec, images)
    sample = decoder(sent.received, torch.Generator().manual_seed(bench.seed))
    mixed, claim = mixtures(images, mean, sample), (0.06, 0.06) if bench.tiny else (0.15, 0.15)
    for alpha, _, ratio in mixed:
        points.append((alpha, ratio))
        own = 1.0 + (1 - alpha) ** 2 * (mixed[0][2] - 1.0)
        rows += [
            Row(f"D / D_d at alpha = {alpha:g}", ratio, law(alpha), None, claim),
            Row(f"the same against its own end points, alpha = {alpha:g}", ratio, own, None, (0.01, 0.01)),
        ]
    theory = curve("$1 + (1-\\alpha)^2$", [(i / 50, law(i / 50)) for i in range(51)], "theory")
    trained = curve("trained sampler", points)
    bench.figure("between the mean and the sample", "$\\alpha$", "MSE / $D_d$", theory, trained)
    _, labels = sent.cells.unique(return_inverse=True)
    show = torch.stack([(labels == cell).nonzero()[0, 0] for cell in range(min(8, int(labels.max()) + 1))])
    strips = {f"alpha {alpha:g}": output for alpha, output, _ in reversed(mixed)}
    strips = {"input": images, "mean": mean, **dict(list(strips.items())[1:-1]), "sample": sample}
    bench.samples |= {name: strip[show].cpu() for name, strip in strips.items()}
    return rows


@experiment("framework-a", "YWL22 5.3, table 1", "1 s", "2 s", "~5 min GPU", "~10 min; RGB: ~GPU-days")
def framework_a(bench: Bench) -> list[Row]:
    """One code of a trained encoder, two trained decoders, and their mixtures beside the table of [YWL22]."""
    settings = bench.settings(YAN, 300, 700, 100)
    split, codec = four_bits(bench, settings)
    images = split.train[:4000].to(bench.device)
    loss = WassersteinGP(10.0, conditional=True) if bench.gpu_sized else EnergyScore(3)
    decoder = bench.one(fit_decoder, codec, split.train, loss, **settings)
    mean, sample = (bench.draw(codec, images, d)[1] for d in (codec.decoder, decoder))
    return _mixtures(bench, "4 bits", images, mean, sample, KODAK["A"])


@experiment("framework-b", "YWL22 5.2, 5.3", "1 s", "2 s", "~10 min GPU", "~GPU-days")
def framework_b(bench: Bench) -> list[Row]:
    """A conventional codec (JPEG in the place of BPG), then a restored mean and a restored sample."""
    return _behind_a_codec(bench, Conventional("JPEG", 20), bench.split, KODAK["B"])


@experiment("rgb", "YWL22 5.3", "1 s", "2 s", "~30 min GPU", "~GPU-days")
def rgb(bench: Bench) -> list[Row]:
    """Framework B on colour patches behind WebP (tinted digits without a folder)."""
    split = bench.split if bench.split.train.shape[1] == 3 else data.tinted(bench.split, seed=bench.seed)
    return _behind_a_codec(bench, Conventional("WEBP", 20), split, KODAK["B"])


@experiment("depth", "YWL22 5.2", "1 s", "2 s", "~30 min GPU", "~GPU-days")
def depth(bench: Bench) -> list[Row]:
    """Framework B on one-plane patches, augmented by 0.005 times the anchor's norm."""
    return _behind_a_codec(bench, Conventional("JPEG", 40), one_plane(bench.split), weight=0.005)


@experiment("post-process", "YWL22 framework B", "1 s", "2 s", "~20 s", "~20 s")
def post_process(bench: Bench) -> list[Row]:
    """A sample made from the decoded mean is as good: the mean tells the code."""
    codec, images = bench.lloyd(4), bench.reference
    settings = {
        "steps": bench.scaled(bench.pick(500, 1200 if bench.tiny else None)),
        "recipe": Recipe(optimiser=Adam(3e-3)),
    }
    behind = passing(_Decoded(codec), images)
    decoder = bench.one(fit_decoder, behind, images, EnergyScore(3), noise=16, **settings)
    claim = (0.15, 0.10) if bench.preset == "demo" and bench.tiny else None
    return by_code("", bench.evaluate(behind, decoder, images), claim)


@dataclass(frozen=True)
class Conventional:
    """A Pillow format and its quality, as an encoder whose features are the decoded image."""

    format: str
    quality: int

    def __call__(self, images: Tensor) -> tuple[Tensor, float]:
        """The decoded images and the bits per image, headers and all."""
        try:
            from PIL import Image
        except ImportError:
            raise MissingPackage("pillow", "data") from None
        decoded, total, mode = [], 0, "L" if images.shape[1] == 1 else "RGB"
        for pixels in (images.cpu().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy():
            stream = io.BytesIO()
            picture = Image.fromarray(pixels.squeeze(-1) if mode == "L" else pixels)
            picture.save(stream, self.format, quality=self.quality)
            total += 8 * stream.tell()
            with Image.open(stream) as image:
                decoded.append(np.atleast_3d(np.array(image.convert(mode), dtype=np.float32)).transpose(2, 0, 1))
        return torch.from_numpy(np.stack(decoded) / 255.0).to(images.device), total / len(images)


class _Decoded(nn.Module):
    """Image to decoded image, as one encoder."""

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, images: Tensor) -> Tensor:
        still = torch.Generator()
        return self.codec.decoder(self.codec.send(images, still).received, still)


class _Shown(nn.Module):
    def __init__(self, shape: torch.Size) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, received: Tensor, noise: Tensor) -> Tensor:
        return received.unflatten(1, self.shape)


def passing(encoder: nn.Module, images: Tensor, coder: Coder | None = None) -> Codec:
    """A codec whose code is an image itself and whose decoder shows it: what a post-processor works behind."""
    shape = images.shape[1:]
    coder = coder or Perceptron(images[0].numel(), 1.0, *shape[:2])
    return Codec(nn.Sequential(encoder, nn.Flatten()), Unquantised(), Decoder(_Shown(shape), 0), coder)


def _behind_a_codec(
    bench: Bench, codec: Conventional, split: data.Split, lost: Mapping[float, float] = NOTHING, weight: float = 0.0
) -> list[Row]:
    clean = (split.train if bench.gpu_sized else split.train[:1500]).to(bench.device)
    test = split.test[:500].to(bench.device)
    (decoded, bits), (decoded_test, _) = codec(clean), codec(test)
    behind = passing(
        nn.Identity(),
        clean,
        UNet(clean[0].numel(), bench.pick(0.25, 0.5 if bench.tiny else None, 1.0), *clean.shape[1:3]),
    )
    recipe = Recipe(64, Adam(1e-4)) if bench.gpu_sized else Recipe(32, Adam(2e-3))
    loss: Loss = WassersteinGP(10.0, conditional=True) if bench.gpu_sized else EnergyScore(2)
    loss = loss + weight * AnchorNorm() if weight else loss
    fit = partial(fit_decoder, behind, decoded, targets=clean, steps=bench.steps(60, 120, 100), recipe=recipe)
    trained = bench.train({"mean": partial(fit, MeanSquaredError(), noise=0), "sample": partial(fit, loss)})
    mean, sample = (bench.draw(behind, decoded_test, decoder)[1] for decoder in trained.values())
    mended, what = mean_square(mean, test) / mean_square(decoded_test, test), f"{codec.format}: bits per image"
    return [
        Row(f"{what}, headers included (raw pixels beside it)", bits, 8.0 * clean[0].numel()),
        Row("D per pixel of the mean over the codec's own, test", mended, 1.0),
        *_mixtures(bench, f"{codec.format} {codec.quality}", test, mean, sample, lost),
    ]


def _mixtures(
    bench: Bench, behind: str, images: Tensor, mean: Tensor, sample: Tensor, printed: Mapping[float, float]
) -> list[Row]:
    """PSNR lost and sliced W2 along the mixtures of two outputs, beside Thm 1 and what is printed by alpha."""
    rows, points, half = [], [], len(images) // 2
    for alpha, output, ratio in mixtures(images, mean, sample):
        points.append((mean_square(images, output), float(sliced(images, output, directions=256))))
        if alpha < 1.0:
            what, lost = f"PSNR lost at alpha = {alpha:g} (dB)", 10.0 * math.log10(ratio)
            rows.append(Row(what, lost, 10.0 * math.log10(law(alpha)), printed.get(alpha)))
    real = float(sliced(images[:half], images[half : 2 * half], directions=256))
    bench.figure(
        f"mixtures of mean and sample, {behind}",
        "MSE per pixel",
        PLANE[1],
        curve("$\\alpha$ from 0 (right) to 1 (left)", points),
        curve("real against real", [(points[-1][0], real), (points[0][0], real)], "bound"),
    )
    ends = {"sample": points[0], "mean": points[-1]}
    return rows + [perception(f"the {name}", Measured(p, real)) for name, (_, p) in ends.items()]
