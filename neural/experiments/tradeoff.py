"""The rate-distortion-perception tradeoff and universal encoders [BM19, ZQCK21]."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import product

import torch
from torch import Tensor, nn

from neural import oracle
from neural.coders import BlauMichaeli, Coder, Zhang
from neural.experiments.base import ABOVE, PAPER_ADAM, Bench, Curve, Row, experiment, mean_square
from neural.losses import MeanSquaredError, Perceptual
from neural.quantisers import DeterministicQuantiser, NoisyQuantiser, UniversalQuantiser
from neural.recipes import Adam, Drops, Recipe
from neural.training import Codec, fit_codec, fit_decoder

__all__ = ["GRID"]

GRID = {
    (2, 2): (0, 2, 2.5, 3, 3.5, 4, 4.3, 4.6, 5, 5.5, 6, 8, 10, 15, 20),
    (3, 2): (0, 2, 2.5, 3, 3.5, 4, 4.3, 4.6, 5, 6, 8, 9, 10),
    (4, 2): (0, 2, 2.5, 3, 3.5, 4, 4.3, 4.6, 4.8, 4.9, 5, 6, 8, 10),
    (4, 3): (0, 2, 2.5, 3, 3.5, 4, 4.3, 4.6, 5, 6, 8, 10),
    (4, 4): (0, 2, 2.5, 3, 3.5, 4, 4.3, 4.6, 5, 6, 8, 10),
    (4, 6): (0, 2, 2.5, 3, 3.5, 4, 5, 10),
    (4, 8): (0, 2, 2.5, 3, 4, 5, 6, 10),
    (4, 11): (0, 2, 2.5, 3, 4, 5, 6, 10),
    (4, 16): (0, 2, 2.5, 3, 4, 5, 6, 10),
}
"""(latent, levels): the 98 weights of [BM19, Table S2], in thousandths against the MSE per pixel."""

CONFIGURATIONS = {4.75: (3, 3), 6.0: (3, 4), 8.0: (4, 4), 10.0: (5, 4)}
SVHN = Recipe(64, Adam(1e-4, (0.5, 0.999)), Adam(1e-4, (0.5, 0.999)), Drops((25 / 80,), 0.2))
TABLE2 = {
    0.0: (0.0468, 5.7123), 0.0025: (0.0475, 5.1087), 0.004: (0.0491, 4.6177), 0.005: (0.0506, 4.2211),
    0.006: (0.0528, 3.7636), 0.008: (0.0579, 2.9446), 0.009: (0.0609, 2.5259), 0.01: (0.0643, 2.0778),
    0.011: (0.0670, 1.8296), 0.013: (0.0720, 1.2718),
}  # fmt: skip
TABLE1 = {
    4.75: (0.0442, 0.0459, 0.0484), 6.0: (0.0412, 0.0426, 0.0443),
    8.0: (0.0358, 0.0362, 0.0391), 10.0: (0.0315, 0.0324, 0.0351),
}  # fmt: skip
CHEAP = 10.0
"""The papers' weights of W1 by a critic, times this, serve the energy distance of the small presets."""


@experiment(
    "rdp98",
    "BM19 4.1, S.E",
    "the surface from 98 pairs of (latent, levels) and weight",
    ("3 s", "10 s", "~20 min GPU", "~2.6 h GPU"),
)
def surface(bench: Bench) -> list[Row]:
    """The models of weight 0 first; every other weight goes on from its own."""
    split, coder = bench.family(BlauMichaeli)
    few = {key: (weights[0], weights[-1]) for key, weights in GRID.items() if key in ((2, 2), (4, 2), (4, 4))}
    grid = bench.pick({(4, 2): GRID[4, 2][::13]}, few, GRID)
    settings = {"steps": bench.steps(120, 300, 25), "recipe": bench.recipe(PAPER_ADAM)}

    def fit(key: tuple[int, int], weight: float, start: Codec | None = None) -> partial[Codec]:
        loss, network = bench.perceptual(weight / 1000, CHEAP * weight / 1000), coder(key[0])
        return partial(fit_codec, split.train, network, NoisyQuantiser(key[1]), loss, start=start, **settings)

    starts = dict(zip(grid, bench.train([fit(key, weights[0]) for key, weights in grid.items()]), strict=True))
    runs = [(key, weight) for key, weights in grid.items() for weight in weights[1:]]
    others = dict(zip(runs, bench.train([fit(key, weight, starts[key]) for key, weight in runs]), strict=True))
    rows, curves = [], []
    for (latent, levels), weights in grid.items():
        key, points = (latent, levels), []
        for weight in weights:
            codec = starts[key] if weight == weights[0] else others[key, weight]
            floor, values = bench.floor(codec.bits), bench.evaluate(codec, codec.decoder, split.test)
            d, p = values["distortion_per_pixel"].value, values["sliced_w2"]
            points.append((d, p.value))
            name = f"({latent}, {levels}), lambda = {weight:g}/1000: "
            rows += [
                Row(f"{name}D per pixel, test (k-means, train)", d, floor, None, (0.1 * floor, ABOVE)),
                Row(f"{name}sliced W2^2 (real against real)", p.value, p.floor or 0.0),
            ]
        curves.append(Curve(f"R = {latent * math.log2(levels):.3g} bits", *zip(*sorted(points), strict=True)))
    bench.figure("distortion and perception by rate", "MSE per pixel, test", "sliced $W_2^2$ per image", *curves)
    return rows


@experiment(
    "perceptual-loss",
    "BM19 4.2, S.F",
    "a classifier's layer in the loss: closer features",
    ("6 s", "20 s", "~20 min GPU", "~2.6 h GPU"),
)
def perceptual_loss(bench: Bench) -> list[Row]:
    """MSE alone against MSE plus the classifier's second convolution, at 28x28."""
    split, net = bench.classifier()
    _, coder = Bench(bench.preset, split, bench.seed).family(BlauMichaeli, 28)
    rows, floor = [], oracle.lloyd(split.train[:2000], 4, seed=bench.seed)
    best = mean_square(bench.draw(floor, floor.decoder, split.train[:2000])[1].cpu(), split.train[:2000])
    settings = {
        "recipe": bench.recipe(Recipe(64, Adam(5e-3, (0.5, 0.9)), schedule=Drops())),
        "steps": bench.steps(60, 250, 25),
    }
    losses = {"without": MeanSquaredError(), "with": MeanSquaredError() + 0.1 * Perceptual(net)}
    runs = list(product(bench.pick(((4, 2),), None, tuple(GRID)), losses))
    fits = [partial(fit_codec, split.train, coder(d), NoisyQuantiser(n), losses[w], **settings) for (d, n), w in runs]
    for (pair, which), codec in zip(runs, bench.train(fits), strict=True):
        values = bench.evaluate(codec, codec.decoder, split.test, classifier=net)
        name, d, p = f"{pair}, {which} the classifier: ", values["distortion_per_pixel"].value, values["frechet"]
        rows += [
            Row(f"{name}D per pixel, test (k-means at 4 bits, train)", d, best),
            Row(f"{name}Frechet distance (real against real)", p.value, p.floor or 0.0),
        ]
    return rows


@experiment(
    "universal",
    "ZQCK21 figure 4",
    "one encoder, new decoders: nearly the end-to-end tradeoff",
    ("2 s", "13 s", "~25 min GPU", "~4 h GPU"),
)
def universal(bench: Bench) -> list[Row]:
    """The encoder of the largest weight, frozen, serves every weight."""
    split, coder, recipe = _setting(bench)
    weights = bench.pick((0.0, 0.015), (0.0, 0.005, 0.015), (0.0, 0.005, 0.008, 0.011, 0.015), (*TABLE2, 0.015))
    rates = bench.pick((6.0,), None, (4.75,), tuple(CONFIGURATIONS))
    rows, curves = [], []
    for rate in rates:
        latent, levels = CONFIGURATIONS[rate]
        quantiser = UniversalQuantiser(levels)
        steps = bench.steps(120, 500, 30)
        losses, settings = [bench.perceptual(w, CHEAP * w) for w in weights], {"steps": steps, "recipe": recipe}
        own = bench.train([partial(fit_codec, split.train, coder(latent), quantiser, x, **settings) for x in losses])
        settings["noise"] = 0
        shared = bench.train([partial(fit_decoder, own[-1], split.train, loss, **settings) for loss in losses])
        points: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
        for weight, codec, decoder in zip(weights, own, shared, strict=True):
            pair = ((codec, codec.decoder), (own[-1], decoder))
            first, second = (bench.evaluate(*one, split.test) for one in pair)
            d = [v["distortion_per_pixel"].value for v in (first, second)]
            p = [v["sliced_w2"].value for v in (first, second)]
            claim = (ABOVE, 0.05) if bench.preset == "demo" else None
            name = f"R = {rate:g}, lambda = {weight:g}: "
            printed = TABLE2.get(weight, (None, None))[0] if rate == 4.75 else None
            rows += [
                Row(f"{name}D universal / D end-to-end, test", d[1] / d[0], 1.0, None, claim),
                Row(f"{name}D per pixel, universal, test (k-means, train)", d[1], bench.floor(rate), printed),
                Row(f"{name}sliced W2^2 universal / end-to-end", p[1] / p[0], 1.0),
            ]
            points[0].append((d[0], p[0]))
            points[1].append((d[1], p[1]))
        curves += [
            Curve(f"end to end, R = {rate:g}", *zip(*points[0], strict=True)),
            Curve(f"universal, R = {rate:g}", *zip(*points[1], strict=True), "universal"),
        ]
    bench.figure("one encoder for every tradeoff", "MSE per pixel, test", "sliced $W_2^2$ per image", *curves)
    return rows


@experiment(
    "quantizers",
    "ZQCK21 table 1",
    "shared dither beats decoder noise; so does no noise",
    ("2 s", "17 s", "~10 min GPU", "~25 min GPU"),
)
def quantisers(bench: Bench) -> list[Row]:
    """lambda = 0. That deterministic beats dithered is the paper's finding; it depends on the training, so no claim."""
    split, coder, recipe = _setting(bench)
    rows, curves = [], {"deterministic": [], "shared dither": [], "decoder noise": []}
    rates = bench.pick((4.75,), (4.75, 6.0), (4.75,), tuple(CONFIGURATIONS))
    for rate in rates:
        latent, levels = CONFIGURATIONS[rate]
        kinds = (DeterministicQuantiser(levels), UniversalQuantiser(levels), NoisyQuantiser(levels))
        settings = {"recipe": recipe, "steps": bench.steps(150, 700, 30)}
        fits = [partial(fit_codec, split.train, coder(latent), q, MeanSquaredError(), **settings) for q in kinds]
        codecs = bench.train(fits)
        found = [bench.evaluate(c, c.decoder, split.test)["distortion_per_pixel"].value for c in codecs]
        floor, printed = bench.floor(rate), TABLE1[rate]
        for name, value, paper in zip(curves, found, printed, strict=True):
            rows.append(Row(f"R = {rate:g}, {name}: D per pixel, test (k-means, train)", value, floor, paper))
            curves[name].append(value)
        claim = (ABOVE, 0.0) if bench.preset != "smoke" else None
        for name, index in (("shared dither", 1), ("deterministic", 0)):
            ratio, paper = found[index] / found[2], printed[index] / printed[2]
            rows.append(Row(f"R = {rate:g}: {name} / decoder noise", ratio, 1.0, paper, claim))
    bench.figure(
        "quantisers",
        "rate (bits per image)",
        "MSE per pixel, test",
        *(Curve(k, rates, v, "universal" if "shared" in k else "measured") for k, v in curves.items()),
        Curve("k-means, train", rates, [bench.floor(rate) for rate in rates], "theory"),
    )
    return rows


@experiment(
    "refine",
    "ZQCK21 figure 5",
    "a second description beside a frozen first: below the base, near end-to-end",
    ("2 s", "7 s", "~15 min GPU", "~2 h GPU"),
)
def refine(bench: Bench) -> list[Row]:
    """Three coordinates of three levels, then three more."""
    split, coder, recipe = _setting(bench)
    steps, quantiser = bench.steps(150, 500, 30), UniversalQuantiser(3)
    base = bench.codec(split.train, coder(3), quantiser, MeanSquaredError(), steps=steps, recipe=recipe)
    planes, side = split.train.shape[1:3]
    extra = Refinement(6, planes=planes, side=side, base=base, fresh=coder(3), both=coder(6))
    fit = partial(fit_codec, split.train, steps=steps, recipe=recipe)
    refined, whole = bench.train([partial(fit, c, quantiser, MeanSquaredError()) for c in (extra, coder(6))])
    d = [bench.evaluate(c, c.decoder, split.test)["distortion_per_pixel"].value for c in (base, refined, whole)]
    claim = (ABOVE, 0.0) if bench.preset != "smoke" else None
    return [
        Row("D refined / D base, test", d[1] / d[0], 1.0, None, claim),
        Row("D refined / D end-to-end at the same rate, test", d[1] / d[2], 1.0),
        Row("D per pixel, refined, 9.51 bits, test (k-means, train)", d[1], bench.floor(9.51)),
    ]


@experiment(
    "error-bars",
    "ZQCK21 tables 2 and 3",
    "the spread over seeds (MNIST or SVHN by --data)",
    ("2 s", "5 s", "~15 min GPU", "~2 h GPU"),
)
def error_bars(bench: Bench) -> list[Row]:
    """Several seeds of one setting."""
    split, coder, recipe = _setting(bench)
    rows, trials = [], bench.pick(2, 4, 5)
    for weight in bench.pick((0.005,), None, (0.0, 0.005, 0.013), tuple(TABLE2)):
        fit = partial(fit_codec, split.train, coder(3), UniversalQuantiser(3), bench.perceptual(weight, CHEAP * weight))
        settings = {"steps": bench.steps(120, 400, 30), "recipe": recipe}
        codecs = bench.train([partial(fit, seed=bench.seed + trial, **settings) for trial in range(trials)])
        values = [bench.evaluate(c, c.decoder, split.test) for c in codecs]
        d, p = (torch.tensor([v[name].value for v in values]) for name in ("distortion_per_pixel", "sliced_w2"))
        claim = (ABOVE, 0.1) if bench.preset == "demo" else None
        mean, name = float(d.mean()), f"lambda = {weight:g}: mean D per pixel, test (k-means, train)"
        rows += [
            Row(name, mean, bench.floor(4.75), TABLE2[weight][0]),
            Row(f"lambda = {weight:g}: spread of D over seeds / mean", float(d.std() / d.mean()), 0.0, 0.025, claim),
            Row(f"lambda = {weight:g}: spread of sliced W2^2 over seeds / mean", float(p.std() / p.mean()), 0.0),
        ]
    return rows


@dataclass(frozen=True)
class Refinement(Coder):
    """A frozen first encoder beside a fresh second one; the decoder sees both descriptions."""

    base: Codec | None = None
    fresh: Coder | None = None
    both: Coder | None = None

    def encoder(self) -> nn.Module:
        """The two encoders side by side."""
        return _Beside(self.base.encoder, self.fresh.encoder())

    def decoder(self, noise: int = 0) -> nn.Module:
        """A fresh decoder of the joint code."""
        return self.both.decoder(noise)

    def critic(self, code: int = 0) -> nn.Module:
        """A fresh critic."""
        return self.both.critic(code)


class _Beside(nn.Module):
    def __init__(self, frozen: nn.Module, fresh: nn.Module) -> None:
        super().__init__()
        self.frozen, self.fresh = frozen.requires_grad_(False), fresh

    def train(self, mode: bool = True) -> _Beside:
        super().train(mode)
        self.frozen.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([self.frozen(images), self.fresh(images)], 1)


def _setting(bench: Bench) -> tuple:
    """Images, networks and recipe of [ZQCK21] for these images."""
    colour = bench.split.train.shape[1] == 3
    split, coder = bench.family(Zhang if colour else BlauMichaeli)
    return split, coder, bench.recipe(SVHN if colour else PAPER_ADAM)
