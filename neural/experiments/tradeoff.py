"""The rate-distortion-perception tradeoff and universal encoders [BM19, ZQCK21]."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product

import torch
from torch import Tensor, nn

from neural.coders import BlauMichaeli, Coder, Zhang
from neural.experiments.base import ABOVE, PLANE, RATES, Bench, Curve, Row, curve, experiment, perception
from neural.experiments.printed import GRID, QUANTISERS, TRADEOFF
from neural.losses import MeanSquaredError, Perceptual
from neural.quantisers import DeterministicQuantiser, NoisyQuantiser, UniversalQuantiser
from neural.recipes import Adam, Drops, Recipe
from neural.training import Codec, fit_classifier, fit_codec, fit_decoder
from rdptheory.errors import InvalidInput

__all__: list[str] = []

CONFIGURATIONS = {4.75: (3, 3), 6.0: (3, 4), 8.0: (4, 4), 10.0: (5, 4)}
GREY = Recipe(64, Adam(1e-2, (0.5, 0.9)), Adam(2e-4, (0.5, 0.9)), Drops())
SVHN = Recipe(64, Adam(1e-4, (0.5, 0.999)), Adam(1e-4, (0.5, 0.999)), Drops((25 / 80,)))
FEATURES = Recipe(64, Adam(5e-3, (0.5, 0.9)), schedule=Drops())
CHEAP = 10.0
"""The papers' weights of W1 by a critic, times this, serve the energy distance of the small presets."""


@experiment("rdp98", "BM19 4.1, S.E", "3 s", "10 s", "~20 min GPU", "~2.6 h GPU")
def surface(bench: Bench) -> list[Row]:
    """The surface from 98 pairs of (latent, levels) and weight.

    The models of weight 0 first; every other weight goes on from its own.
    """
    split, coder = bench.family(BlauMichaeli)
    few = {key: (weights[0], weights[-1]) for key, weights in GRID.items() if key in ((2, 2), (4, 2), (4, 4))}
    grid = bench.pick({(4, 2): GRID[4, 2][::13]}, few, GRID)
    settings = bench.settings(GREY, 120, 300, 25)

    def fit(key: tuple[int, int], weight: float, start: Codec | None = None) -> partial[Codec]:
        loss = bench.perceptual(weight / 1000, CHEAP * weight / 1000)
        return partial(fit_codec, split.train, coder(key[0]), NoisyQuantiser(key[1]), loss, start=start, **settings)

    codecs = bench.train({(key, 0): fit(key, 0) for key in grid})
    runs = [(key, weight) for key, weights in grid.items() for weight in weights[1:]]
    codecs |= bench.train({(key, weight): fit(key, weight, codecs[key, 0]) for key, weight in runs})
    rows, curves = [], []
    for key, weights in grid.items():
        points = []
        for weight in weights:
            codec, name = codecs[key, weight], f"{key}, lambda = {weight:g}/1000"
            d, p = bench.judge(codec, split.test)
            points.append((d, p.value))
            claim = (0.1 * bench.floor(codec.bits), ABOVE)
            rows += [bench.against_floor(name, d, codec.bits, None, claim), perception(name, p)]
        curves.append(curve(f"R = {codec.bits:.3g} bits", sorted(points)))
    bench.figure("distortion and perception by rate", PLANE, *curves)
    return rows


@experiment("perceptual-loss", "BM19 4.2, S.F", "6 s", "20 s", "~20 min GPU", "~2.6 h GPU")
def perceptual_loss(bench: Bench) -> list[Row]:
    """A classifier's layer in the loss: closer features.

    MSE alone against MSE plus the classifier's second convolution, at 28x28.
    """
    split, coder = bench.family(BlauMichaeli, 28)
    if split.train_labels is None:
        raise InvalidInput("data", split.name, "has no labels, which the classifier needs")
    own = {"steps": bench.steps(200, 600, 30, 30), "width": bench.pick(0.5, 1.0)}
    net = fit_classifier(split.train, split.train_labels, seed=bench.seed, device=bench.device, **own)
    losses = {"without": MeanSquaredError(), "with": MeanSquaredError() + 0.1 * Perceptual(net)}
    fit = partial(fit_codec, split.train, **bench.settings(FEATURES, 60, 250, 25))
    runs = list(product(bench.pick(((4, 2),), None, tuple(GRID)), losses))
    codecs = bench.train({(k, w): partial(fit, coder(k[0]), NoisyQuantiser(k[1]), losses[w]) for k, w in runs})
    rows, floor = [], bench.floor(4, split.train)
    for (key, which), codec in codecs.items():
        values = bench.evaluate(codec, codec.decoder, split.test, classifier=net)
        name, d, p = f"{key}, {which} the classifier: ", values["distortion_per_pixel"].value, values["frechet"]
        rows += [
            Row(f"{name}D per pixel, test (k-means at 4 bits, train)", d, floor),
            Row(f"{name}Frechet distance (real against real)", p.value, p.floor or 0.0),
        ]
    return rows


@experiment("universal", "ZQCK21 figure 4", "2 s", "13 s", "~25 min GPU", "~4 h GPU")
def universal(bench: Bench) -> list[Row]:
    """One encoder, new decoders: nearly the end-to-end tradeoff.

    The encoder of the largest weight, frozen, serves every weight.
    """
    split, coder, paper = _setting(bench)
    weights = bench.pick((0.0, 0.015), (0.0, 0.005, 0.015), (0.0, 0.005, 0.008, 0.011, 0.015), (*TRADEOFF, 0.015))
    losses, settings = {w: bench.perceptual(w, CHEAP * w) for w in weights}, bench.settings(paper, 120, 500, 30)
    rows, curves = [], []
    for rate in bench.pick((6.0,), None, (4.75,), tuple(CONFIGURATIONS)):
        latent, levels = CONFIGURATIONS[rate]
        fit = partial(fit_codec, split.train, coder(latent), UniversalQuantiser(levels), **settings)
        own = bench.train({weight: partial(fit, loss) for weight, loss in losses.items()})
        behind = partial(fit_decoder, own[weights[-1]], split.train, noise=0, **settings)
        shared = bench.train({weight: partial(behind, loss) for weight, loss in losses.items()})
        points: tuple[list, list] = ([], [])
        for weight, name in ((w, f"R = {rate:g}, lambda = {w:g}") for w in weights):
            (d, p), (d_own, p_own) = (
                bench.judge(own[weights[-1]], split.test, shared[weight]),
                bench.judge(own[weight], split.test),
            )
            claim = (ABOVE, 0.05) if bench.preset == "demo" else None
            printed = TRADEOFF.get(weight) if rate == 4.75 else None
            rows += [
                Row(f"{name}: D universal / D end-to-end, test", d / d_own, 1.0, None, claim),
                bench.against_floor(f"{name}, universal", d, rate, printed),
                Row(f"{name}: sliced W2^2 universal / end-to-end", p.value / p_own.value, 1.0),
            ]
            points[0].append((d_own, p_own.value))
            points[1].append((d, p.value))
        curves += [
            curve(f"end to end, R = {rate:g}", points[0]),
            curve(f"universal, R = {rate:g}", points[1], "universal"),
        ]
    bench.figure("one encoder for every tradeoff", PLANE, *curves)
    return rows


@experiment("quantizers", "ZQCK21 table 1", "2 s", "17 s", "~10 min GPU", "~25 min GPU")
def quantisers(bench: Bench) -> list[Row]:
    """Shared dither beats decoder noise; so does no noise.

    lambda = 0. That deterministic beats dithered is the paper's finding; it depends on the training, so no claim.
    """
    split, coder, paper = _setting(bench)
    kinds = {
        "deterministic": DeterministicQuantiser,
        "shared dither": UniversalQuantiser,
        "decoder noise": NoisyQuantiser,
    }
    rates = bench.pick((4.75,), (4.75, 6.0), (4.75,), tuple(CONFIGURATIONS))
    rows, found, claim = [], {}, (ABOVE, 0.0) if bench.preset != "smoke" else None
    fit = partial(fit_codec, split.train, **bench.settings(paper, 150, 700, 30))
    for rate in rates:
        latent, levels = CONFIGURATIONS[rate]
        fits = {name: partial(fit, coder(latent), kind(levels), MeanSquaredError()) for name, kind in kinds.items()}
        printed = dict(zip(kinds, QUANTISERS[rate], strict=True))
        d = {name: bench.judge(codec, split.test)[0] for name, codec in bench.train(fits).items()}
        rows += [bench.against_floor(f"R = {rate:g}, {name}", d[name], rate, printed[name]) for name in kinds]
        for name in ("shared dither", "deterministic"):
            ratio, paper_ratio = (values[name] / values["decoder noise"] for values in (d, printed))
            rows.append(Row(f"R = {rate:g}: {name} / decoder noise", ratio, 1.0, paper_ratio, claim))
        found[rate] = d
    curves = [
        Curve(k, rates, [found[r][k] for r in rates], "universal" if "shared" in k else "measured") for k in kinds
    ]
    floor = Curve("k-means, train", rates, [bench.floor(rate) for rate in rates], "theory")
    bench.figure("quantisers", RATES, *curves, floor)
    return rows


@experiment("refine", "ZQCK21 figure 5", "2 s", "7 s", "~15 min GPU", "~2 h GPU")
def refine(bench: Bench) -> list[Row]:
    """A second description beside a frozen first: below the base, near end-to-end.

    Three coordinates of three levels, then three more.
    """
    split, coder, paper = _setting(bench)
    settings, planes, side = bench.settings(paper, 150, 500, 30), *split.train.shape[1:3]
    base = bench.codec(split.train, coder(3), UniversalQuantiser(3), MeanSquaredError(), **settings)
    extra = Refinement(6, planes=planes, side=side, base=base, fresh=coder(3), both=coder(6))
    fits = {
        coder: partial(fit_codec, split.train, coder, UniversalQuantiser(3), MeanSquaredError(), **settings)
        for coder in (extra, coder(6))
    }
    d, refined, whole = (bench.judge(codec, split.test)[0] for codec in (base, *bench.train(fits).values()))
    return [
        Row("D refined / D base, test", refined / d, 1.0, None, (ABOVE, 0.0) if bench.preset != "smoke" else None),
        Row("D refined / D end-to-end at the same rate, test", refined / whole, 1.0),
        bench.against_floor("refined, 9.51 bits", refined, 9.51),
    ]


@experiment("error-bars", "ZQCK21 tables 2 and 3", "2 s", "5 s", "~15 min GPU", "~2 h GPU")
def error_bars(bench: Bench) -> list[Row]:
    """The spread over seeds (MNIST or SVHN by --data)."""
    split, coder, paper = _setting(bench)
    seeds = [bench.seed + trial for trial in range(bench.pick(2, 4, 5))]
    fit, rows = (
        partial(fit_codec, split.train, coder(3), UniversalQuantiser(3), **bench.settings(paper, 120, 400, 30)),
        [],
    )
    for weight in bench.pick((0.005,), None, (0.0, 0.005, 0.013), tuple(TRADEOFF)):
        loss = bench.perceptual(weight, CHEAP * weight)
        codecs = bench.train({seed: partial(fit, loss, seed=seed) for seed in seeds})
        values = [bench.judge(codec, split.test) for codec in codecs.values()]
        d, p = torch.tensor([(d, p.value) for d, p in values]).T
        name, claim = f"lambda = {weight:g}: ", (ABOVE, 0.1) if bench.preset == "demo" else None
        rows += [
            bench.against_floor(f"lambda = {weight:g}, mean", float(d.mean()), 4.75, TRADEOFF[weight]),
            Row(f"{name}spread of D over seeds / mean", float(d.std() / d.mean()), 0.0, 0.025, claim),
            Row(f"{name}spread of sliced W2^2 over seeds / mean", float(p.std() / p.mean()), 0.0),
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
    """Images, networks and the recipe of [ZQCK21] for these images."""
    colour = bench.split.train.shape[1] == 3
    return *bench.family(Zhang if colour else BlauMichaeli), SVHN if colour else GREY
