"""Perfect perception at twice the distortion, and what lies between [YWYML21, YWL22]."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from neural import data, oracle
from neural.coders import Coder, Perceptron, UNet, Yan
from neural.experiments.base import ABOVE, Bench, Curve, Row, experiment, mean_square
from neural.losses import AnchorNorm, EnergyScore, Loss, MeanSquaredError, SlicedWasserstein, WassersteinGP
from neural.losses import sliced_wasserstein as sliced
from neural.quantisers import Binary, Unquantised
from neural.recipes import Adam, Drops, Recipe, RMSprop
from neural.training import Codec, Decoder, fit_codec, fit_decoder
from rdptheory.errors import MissingPackage

__all__ = ["Conventional"]

YAN = Recipe(128, RMSprop(1e-4), RMSprop(1e-3), Drops((0.5,), 0.1))
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)


def law(alpha: float) -> float:
    """D(alpha) / D_d of alpha X_d + (1 - alpha) X_p [YWL22, Thm 1]."""
    return 1.0 + (1.0 - alpha) ** 2


@experiment(
    "oracle",
    "YWYML21 Thm 2, YWL22 Thm 1",
    "exact sampler: D = 2 D_d, D(alpha), W2^2 = alpha^2 D_d",
    ("3 s", "4 s", "10 s", "10 s"),
)
def exact_sampler(bench: Bench) -> list[Row]:
    """No network is needed for the laws themselves, except the last control's encoder."""
    images = bench.reference[:2000]
    codec = oracle.lloyd(images, 4, seed=bench.seed)
    sent, mean = bench.draw(codec, codec.decoder, images)
    floor = mean_square(images, mean)
    draws = [oracle.permute(images, sent.cells, seed=s) for s in range(10)]
    ratio = sum(mean_square(images, y) for y in draws) / 10 / floor
    rows = [Row("D / D_d of the cell permutation, 10 draws", ratio, 2.0, 2.061, (0.015, 0.015))]
    distances = {}
    for alpha in ALPHAS:
        output = oracle.interpolate(mean, draws[0], alpha)
        distances[alpha] = oracle.paired_w2(images, output) / (floor * images[0].numel())
        rows += [
            Row(f"D / D_d at alpha = {alpha:g}", mean_square(images, output) / floor, law(alpha), None, (0.06, 0.06)),
            Row(f"exact W2^2 / D_d at alpha = {alpha:g}", distances[alpha], alpha**2, None, (0.002, 0.002)),
        ]
    rng = torch.Generator().manual_seed(bench.seed)
    blind = images[torch.randperm(len(images), generator=rng)]
    noisy = mean + math.sqrt(floor) * torch.randn(mean.shape, generator=rng).to(mean.device)
    spread = 2.0 * float(images.double().var(0, correction=0).mean()) / floor
    ignoring, moved = mean_square(images, blind) / floor, oracle.paired_w2(images, noisy) / floor / images[0].numel()
    rows += [
        Row("D / D_d of a redraw that ignores the code", ignoring, 2.0, None, (0.06, 0.06), "fail"),
        Row("the same against 2 Var / D_d", ignoring, spread, None, (0.05 * spread, 0.05 * spread)),
        Row("D / D_d of X_d + white noise", mean_square(images, noisy) / floor, 2.0, None, (0.06, 0.06)),
        Row("exact W2^2 / D_d of X_d + white noise", moved, 0.0, None, (0.002, 0.002), "fail"),
    ]
    split, coder = bench.family(Yan)
    steps, recipe = bench.steps(350, 700, 100, 128), bench.recipe(YAN)
    trained = bench.codec(split.train, coder(4), Binary(), MeanSquaredError(), steps=steps, recipe=recipe)
    points = split.train[:1500]
    table = oracle.tabled(trained, points)
    _, output = bench.draw(table, table.decoder, points)
    share = oracle.paired_w2(points.to(output), output) / (mean_square(points.to(output), output) * points[0].numel())
    rows.append(Row("exact W2^2 / D_d at alpha = 1, encoder by gradient", share, 1.0, None, (0.002, 0.002), "fail"))
    grid = [i / 50 for i in range(51)]
    bench.figure(
        "interpolation",
        "distortion / $D_d$",
        "$W_2^2$ / $D_d$",
        Curve("$D = 1 + (1-\\sqrt{P})^2$", [law(a) for a in grid], [a * a for a in grid], "theory"),
        Curve("exact sampler", [law_row.measured for law_row in rows[1:11:2]], [r.measured for r in rows[2:11:2]]),
    )
    return rows


@experiment(
    "twofold",
    "YWYML21 4.1, figures 2 and 3",
    "a trained sampler reaches 2 D_d with no bias and full variance",
    ("3 s", "12 s", "~10 min GPU", "~1.7 h GPU"),
)
def twofold(bench: Bench) -> list[Row]:
    """Small presets: energy score behind k-means. Paper presets: the papers' networks and conditional WGAN-GP."""
    small = bench.split.train.shape[-1] <= 8
    rates = bench.pick((4,), (1, 2, 3, 4, 5) if small else (4,), (2, 4, 8, 16, 32, 64), tuple(range(2, 65, 2)))
    rows, best, made, predicted = [], [], [], []
    test = bench.split.test.to(bench.device)
    if bench.gpu_sized:
        split, coder = bench.family(Yan)
        settings = {"steps": bench.steps(0, 0, 100, 128), "recipe": YAN}
        fits = [partial(fit_codec, split.train, coder(n), Binary(), MeanSquaredError(), **settings) for n in rates]
        codecs = bench.train(fits)
        loss = WassersteinGP(10.0, conditional=True, warm_up=len(split.train) // 128)
        decoders = bench.train([partial(fit_decoder, codec, split.train, loss, **settings) for codec in codecs])
        trained, train, test = zip(codecs, decoders, strict=True), split.train[:10_000], split.test
        train, test = train.to(bench.device), test.to(bench.device)
    else:
        trained, train = bench.posteriors(rates), bench.reference
    for bits, (codec, decoder) in zip(rates, trained, strict=True):
        values = bench.evaluate(codec, decoder, train)
        name = f"R = {bits}: "
        claim = None if bench.gpu_sized else (0.10, 0.05) if small else (0.15, 0.05)
        bias = None if bench.gpu_sized else (0.02, 0.04 if small else 0.05)
        full = (0.10, 0.10) if small and not bench.gpu_sized else None
        inside, outside = (bench.draw(codec, codec.decoder, part)[1] for part in (train, test))
        d_train, d_test = mean_square(train, inside), mean_square(test, outside)
        sampled = mean_square(test, bench.draw(codec, decoder, test)[1])
        ratio = values["ratio"].value if bits <= 8 else values["distortion_per_pixel"].value / d_train
        rows.append(Row(f"{name}D / D_d, train", ratio, 2.0, 2.061 if bits == 4 else None, claim))
        if bits <= 8:
            rows += [
                Row(f"{name}bias by code / D_d", values["bias"].value, 0.0, None, bias),
                Row(f"{name}variance by code / D_d", values["variance"].value, 1.0, None, full),
            ]
        rows += [
            Row(f"{name}D / D_d, test", sampled / d_test, 1.0 + d_train / d_test),
            Row(f"{name}sliced W2^2", values["sliced_w2"].value, values["sliced_w2"].floor),
        ]
        best.append(d_test)
        made.append(sampled)
        predicted.append(d_test + d_train)
    bench.figure(
        "rate and distortion, with and without perfect perception",
        "rate (bits per image)",
        "MSE per pixel, test",
        Curve("minimum MSE, P = inf", rates, best),
        Curve("sampler, P = 0", rates, made, "universal"),
        Curve("theory: $D_d$ (test) + $D_d$ (train)", rates, predicted, "theory"),
    )
    return rows


@experiment(
    "degenerate",
    "YWYML21 supplement D",
    "a critic that was not warmed up, and one that does not see the code",
    ("3 s", "22 s", "~5 min GPU", "~10 min GPU"),
)
def degenerate(bench: Bench) -> list[Row]:
    """Adversarial samplers: conditional with warm-up, conditional without, and unconditional (a control)."""
    images, codec = bench.reference, bench.lloyd(4)
    own, planes = images.shape[-1], images.shape[1]
    steps = bench.steps(60, 900 if own <= 8 else 150, 100, 128)
    demo = bench.preset == "demo" and own <= 8
    rows = []
    penalty = 1.0 if own <= 8 else 10.0
    rounds, warm = bench.pick(1, 2), max(2, min(steps // 4, 200))
    critics = {
        "warmed up": WassersteinGP(penalty, True, rounds, warm),
        "not warmed up": WassersteinGP(penalty, True, rounds),
        "unconditional": WassersteinGP(penalty, False, rounds),
    }
    if bench.preset == "demo":
        del critics["not warmed up"]
    recipe = Recipe(optimiser=Adam(5e-4, (0.5, 0.9)), critic=Adam(1e-3, (0.5, 0.9)), average=0.99)
    settings = {"steps": steps, "recipe": recipe, "coder": Perceptron(4, 1.0, planes, own)}
    decoders = bench.train([partial(fit_decoder, codec, images, critic, **settings) for critic in critics.values()])
    for name, decoder in zip(critics, decoders, strict=True):
        control = name == "unconditional"  # caught if its ratio is above 3
        claim, expect = ((ABOVE, 1.0), "fail") if control else ((0.20, 0.15), "pass")
        values = bench.evaluate(codec, decoder, images)
        rows += [
            Row(
                f"{name}: D / D_d, train",
                values["ratio"].value,
                2.0,
                None,
                claim if demo else None,
                expect if demo else "pass",
            ),
            Row(f"{name}: bias by code / D_d", values["bias"].value, 0.0),
            Row(f"{name}: variance by code / D_d", values["variance"].value, 1.0),
        ]
    return rows


@experiment(
    "dal",
    "YWYML21 figure 5",
    "distortion plus adversarial loss lies between D_d and 2 D_d",
    ("1 s", "6 s", "~10 min GPU", "~30 min GPU"),
)
def distortion_adversarial(bench: Bench) -> list[Row]:
    """One model per weight; D is per pixel."""
    split, coder = bench.family(Yan)
    floor, rows, points = bench.floor(4), [], []
    papers = {0.1: 0.0594, 1.0: 0.0891, 5.0: 0.1140}
    weights, network = bench.pick((0.1,), (0.1, 1.0), (0.1, 1.0, 5.0)), coder(4)
    settings = {"steps": bench.steps(150, 500, 100, 128), "recipe": bench.recipe(YAN), "noise": network.private}
    losses = [bench.perceptual(weight, weight) for weight in weights]
    codecs = bench.train([partial(fit_codec, split.train, network, Binary(), loss, **settings) for loss in losses])
    for weight, codec in zip(weights, codecs, strict=True):
        values = bench.evaluate(codec, codec.decoder, split.train[:2000])
        d, p = values["distortion_per_pixel"].value, values["sliced_w2"].value
        points.append((d, p))
        rows += [
            Row(f"lambda = {weight:g}: D per pixel, train (k-means beside it)", d, floor, papers[weight], (0.0, ABOVE)),
            Row(f"lambda = {weight:g}: sliced W2^2", p, values["sliced_w2"].floor),
        ]
    bench.figure(
        "distortion plus adversarial loss",
        "MSE per pixel",
        "sliced $W_2^2$ per image",
        Curve("trained", *zip(*points, strict=True)),
    )
    return rows


@experiment(
    "jump",
    "YWL22 figure 2",
    "the augmented loss jumps from 2 D_d to D_d at lambda = 1 (beta = 1/2)",
    ("2 s", "24 s", "~30 min GPU", "~50 min GPU"),
)
def jump(bench: Bench) -> list[Row]:
    """W1 given the code, exact by sorting, on one pixel; paper presets train the adversarial model on images too."""
    rows, figure = [], []
    sources = {"U(0,1), 4 cells": data.uniform(20_000, seed=bench.seed)}
    if bench.preset != "smoke":
        sources["N(0,1), 4 cells"] = data.gaussian(20_000, seed=bench.seed)
    for name, samples in sources.items():
        ratios, weights = [], bench.pick((0.5, 1.1), (0.0, 0.25, 0.5, 0.75, 0.9, 1.1, 1.25, 2.0))
        codec, term = oracle.lloyd(samples, 2, seed=bench.seed), SlicedWasserstein(1, 1, True)
        losses = [term + weight * AnchorNorm() if weight else term for weight in weights]
        settings = {"noise": 1, "coder": Perceptron(2, 0.25, side=1), "steps": max(2, round(350 * bench.shrink))}
        fit = partial(fit_decoder, codec, samples, recipe=Recipe(bench.pick(1024, 2048), Adam(5e-3)), **settings)
        for weight, decoder in zip(weights, bench.train([partial(fit, loss) for loss in losses]), strict=True):
            ratio = bench.evaluate(codec, decoder, samples[:4000], draws=4)["ratio"].value
            claim = (0.01, 0.01) if weight > 1 else (0.25, 0.05) if weight <= 0.5 else (0.5, 0.05)
            rows.append(Row(f"{name}, lambda = {weight:g}: D / D_d", ratio, 1.0 if weight > 1 else 2.0, None, claim))
            ratios.append(ratio)
        figure.append(Curve(name, [1 / (1 + w) for w in weights], ratios, "universal" if "N(" in name else "measured"))
    if bench.gpu_sized:
        figure.append(_jump_on_images(bench, rows))
    bench.figure(
        "the jump at beta = 1/2",
        "$\\beta = 1/(1+\\lambda)$",
        "MSE / $D_d$",
        Curve("theory", [0.0, 0.5, 0.5, 1.0], [1.0, 1.0, 2.0, 2.0], "theory"),
        *figure,
    )
    return rows


def _jump_on_images(bench: Bench, rows: list[Row]) -> Curve:
    split, coder = bench.family(Yan)
    steps, ratios = bench.steps(0, 0, 100, 128), []
    betas = bench.pick(None, None, (0.3, 0.4, 0.45, 0.55, 0.6, 0.7, 0.9, 0.99), (*(i / 20 for i in range(1, 20)), 0.99))
    codec = bench.codec(split.train, coder(4), Binary(), MeanSquaredError(), steps=steps, recipe=YAN)
    critic, fit = WassersteinGP(10.0, conditional=True), partial(fit_decoder, codec, split.train)
    losses = [critic + (1 - beta) / beta * AnchorNorm() for beta in betas]
    decoders = bench.train([partial(fit, loss, steps=steps, recipe=YAN) for loss in losses])
    for beta, decoder in zip(betas, decoders, strict=True):
        ratios.append(bench.evaluate(codec, decoder, split.train[:10_000])["ratio"].value)
        rows.append(Row(f"images, beta = {beta:g}: D / D_d", ratios[-1], 2.0 if beta > 0.5 else 1.0))
    return Curve("images, adversarial", betas, ratios, "universal")


@experiment(
    "interpolate",
    "YWL22 figure 3",
    "a trained sampler mixed with the mean obeys D_d (1 + (1-alpha)^2)",
    ("1 s", "1 s", "10 s", "10 s"),
)
def interpolate(bench: Bench) -> list[Row]:
    """Uses the sampler of `twofold`."""
    ((codec, decoder),) = bench.posteriors((4,))
    images, rows = bench.reference, []
    sent, mean = bench.draw(codec, codec.decoder, images)
    sample = decoder(sent.received, torch.Generator().manual_seed(bench.seed))
    floor, top = mean_square(images, mean), mean_square(images, sample)
    measured, wasserstein = [], []
    for alpha in ALPHAS:
        output = oracle.interpolate(mean, sample, alpha)
        measured.append(mean_square(images, output) / floor)
        wasserstein.append(float(sliced(images, output, directions=256)))
        identity = (floor + (1 - alpha) ** 2 * (top - floor)) / floor
        claim = (0.06, 0.06) if images.shape[-1] <= 8 else (0.15, 0.15)
        rows += [
            Row(f"D / D_d at alpha = {alpha:g}", measured[-1], law(alpha), None, claim),
            Row(f"the same against its own end points, alpha = {alpha:g}", measured[-1], identity, None, (0.01, 0.01)),
        ]
    bench.figure(
        "between the mean and the sample",
        "$\\alpha$",
        "MSE / $D_d$",
        Curve("$1 + (1-\\alpha)^2$", [i / 50 for i in range(51)], [law(i / 50) for i in range(51)], "theory"),
        Curve("trained sampler", ALPHAS, measured),
    )
    _, labels = sent.cells.unique(return_inverse=True)
    show = torch.stack([(labels == cell).nonzero()[0, 0] for cell in range(min(8, int(labels.max()) + 1))])
    strips = {"input": images, "mean": mean}
    strips |= {f"alpha {a:g}": oracle.interpolate(mean, sample, a) for a in (0.75, 0.5, 0.25)}
    bench.samples |= {name: strip[show].cpu() for name, strip in {**strips, "sample": sample}.items()}
    return rows


@experiment(
    "framework-a",
    "YWL22 5.3, table 1",
    "one code, two trained decoders, and their mixtures",
    ("3 s", "5 s", "~5 min GPU", "~10 min; RGB: GPU-days"),
)
def framework_a(bench: Bench) -> list[Row]:
    """The encoder is trained by gradient, both decoders are networks; PSNR is compared with the table of KODAK."""
    split, coder = bench.family(Yan)
    steps, images = bench.steps(300, 700, 100, 128), split.train[:10_000].to(bench.device)
    codec = bench.codec(split.train, coder(4), Binary(), MeanSquaredError(), steps=steps, recipe=bench.recipe(YAN))
    loss = WassersteinGP(10.0, conditional=True) if bench.gpu_sized else EnergyScore(3)
    decoder = bench.decoder(codec, split.train, loss, steps=steps, recipe=bench.recipe(YAN))
    return _mixtures(bench, "4 bits", codec, codec.decoder, decoder, images, images)


@experiment(
    "framework-b",
    "YWL22 5.2, 5.3",
    "a conventional codec, then a restored mean and a restored sample",
    ("2 s", "4 s", "~10 min GPU", "GPU-days"),
)
def framework_b(bench: Bench) -> list[Row]:
    """Pillow's JPEG in the place of BPG."""
    return _behind_a_codec(bench, Conventional("JPEG", 20), bench.split)


@experiment(
    "rgb",
    "YWL22 5.3",
    "framework B on colour patches behind WebP (tinted digits without a folder)",
    ("2 s", "5 s", "~30 min GPU", "GPU-days"),
)
def rgb(bench: Bench) -> list[Row]:
    """Shape only."""
    split = bench.split if bench.split.train.shape[1] == 3 else data.tinted(bench.split, seed=bench.seed)
    return _behind_a_codec(bench, Conventional("WEBP", 20), split)


@experiment(
    "depth",
    "YWL22 5.2",
    "framework B on one-plane patches, augmented by 0.005 times the anchor's norm",
    ("2 s", "4 s", "~30 min GPU", "GPU-days"),
)
def depth(bench: Bench) -> list[Row]:
    """Shape only."""
    split = data.Split(
        bench.split.name, *(part.mean(1, keepdim=True) for part in (bench.split.train, bench.split.test))
    )
    return _behind_a_codec(bench, Conventional("JPEG", 40), split, 0.005)


@experiment(
    "post-process",
    "YWL22 framework B",
    "a sample made from the decoded mean is as good",
    ("2 s", "4 s", "20 s", "20 s"),
)
def post_process(bench: Bench) -> list[Row]:
    """The decoded mean tells the code, so the ratio is 2 here too."""
    codec, images = bench.lloyd(4), bench.reference
    steps = max(2, round(bench.shrink * bench.pick(500, 1200)))
    behind = passing(_Decoded(codec), images)
    decoder = bench.decoder(behind, images, EnergyScore(3), steps=steps, noise=16, recipe=Recipe(optimiser=Adam(3e-3)))
    values = bench.evaluate(behind, decoder, images)
    claim = (0.15, 0.10) if bench.preset == "demo" and images.shape[-1] <= 8 else None
    return [
        Row("D / D_d, train", values["ratio"].value, 2.0, None, claim),
        Row("bias by code / D_d", values["bias"].value, 0.0),
        Row("variance by code / D_d", values["variance"].value, 1.0),
    ]


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
        decoded, total = torch.empty_like(images, device="cpu"), 0
        bytes_ = (images.cpu().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        for number, pixels in enumerate(bytes_):
            stream = io.BytesIO()
            Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(
                stream, self.format, quality=self.quality
            )
            total += 8 * stream.tell()
            with Image.open(stream) as image:
                back = np.array(image.convert("L" if pixels.shape[-1] == 1 else "RGB"), dtype=np.float32)
            decoded[number] = torch.from_numpy(np.atleast_3d(back).transpose(2, 0, 1) / 255.0)
        return decoded.to(images.device), total / len(images)


class _Decoded(nn.Module):
    """Image to decoded image, as one encoder."""

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.encoder, self.decoder, self.quantiser = codec.encoder, codec.decoder.net, codec.quantiser

    def forward(self, images: Tensor) -> Tensor:
        features = self.encoder(images)
        received = self.quantiser.send(features, torch.zeros(2, *features.shape, device=features.device)).received
        return self.decoder(received, received[:, :0])


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


def _behind_a_codec(bench: Bench, codec: Conventional, split: data.Split, weight: float = 0.0) -> list[Row]:
    clean = (split.train[:1500] if not bench.gpu_sized else split.train).to(bench.device)
    test = split.test[:500].to(bench.device)
    (decoded, bits), (decoded_test, _) = codec(clean), codec(test)
    coder = UNet(clean[0].numel(), bench.pick(0.25, 0.5, 1.0), *clean.shape[1:3])
    behind = passing(nn.Identity(), clean, coder)
    steps = bench.steps(60, 120, 100)
    recipe = Recipe(32 if not bench.gpu_sized else 64, Adam(2e-3 if not bench.gpu_sized else 1e-4))
    loss: Loss = WassersteinGP(10.0, conditional=True) if bench.gpu_sized else EnergyScore(2)
    loss = loss + weight * AnchorNorm() if weight else loss
    fit = partial(fit_decoder, behind, decoded, targets=clean, steps=steps, recipe=recipe)
    restore, sample = bench.train([partial(fit, MeanSquaredError(), noise=0), partial(fit, loss)])
    rows = _mixtures(bench, f"{codec.format} {codec.quality}", behind, restore, sample, decoded_test, test)
    raw = mean_square(decoded_test, test)
    mended = mean_square(bench.draw(behind, restore, decoded_test)[1], test)
    return [
        Row(f"{codec.format}: bits per image, headers included (raw pixels beside it)", bits, 8.0 * clean[0].numel()),
        Row("D per pixel of the mean over the codec's own, test", mended / raw, 1.0),
        *rows,
    ]


def _mixtures(
    bench: Bench, behind: str, codec: Codec, mean: Decoder, sample: Decoder, entered: Tensor, images: Tensor
) -> list[Row]:
    """PSNR lost and sliced W2 along the mixtures of two decoders, beside Thm 1 and the table of [YWL22]."""
    x_d, x_p = (bench.draw(codec, decoder, entered)[1] for decoder in (mean, sample))
    floor, rows, curve = mean_square(images, x_d), [], []
    printed = {0.0: 38.36 - 36.89, 0.25: 38.36 - 37.45, 0.5: 38.36 - 37.94, 0.75: 38.36 - 38.27}
    for alpha in ALPHAS[:-1]:
        output = oracle.interpolate(x_d, x_p, alpha)
        lost = 10.0 * math.log10(mean_square(images, output) / floor)
        curve.append((mean_square(images, output), float(sliced(images, output, directions=256))))
        rows.append(Row(f"PSNR lost at alpha = {alpha:g} (dB)", lost, 10.0 * math.log10(law(alpha)), printed[alpha]))
    half = len(images) // 2
    real = float(sliced(images[:half], images[half : 2 * half], directions=256))
    rows += [
        Row("sliced W2^2 of the sample (real against real beside it)", curve[0][1], real),
        Row("sliced W2^2 of the mean (real against real beside it)", float(sliced(images, x_d, directions=256)), real),
    ]
    curve.append((floor, float(sliced(images, x_d, directions=256))))
    bench.figure(
        f"mixtures of mean and sample, {behind}",
        "MSE per pixel",
        "sliced $W_2^2$ per image",
        Curve("$\\alpha$ from 0 (right) to 1 (left)", *zip(*curve, strict=True)),
        Curve("real against real", [floor, curve[0][0]], [real, real], "bound"),
    )
    return rows
