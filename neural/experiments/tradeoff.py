"""The rate-distortion-perception tradeoff and universal encoders [BM19, ZQCK21]."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import torch
from torch import Tensor, nn

from neural import oracle
from neural.coders import BlauMichaeli, Coder, Zhang
from neural.experiments.base import ABOVE, PLANE, RATES, Bench, Row, curve, distortion, experiment, perception, plane
from neural.experiments.printed import GRID, QUANTISERS, TRADEOFF
from neural.losses import Loss, MeanSquaredError, Perceptual
from neural.quantisers import DeterministicQuantiser, NoisyQuantiser, UniversalQuantiser
from neural.recipes import Adam, Drops, Recipe
from neural.training import Codec, fit_classifier, fit_codec, fit_decoder

__all__: list[str] = []

CONFIGURATIONS = {4.75: (3, 3), 6.0: (3, 4), 8.0: (4, 4), 10.0: (5, 4)}
GREY = Recipe(64, Adam(1e-2, (0.5, 0.9)), Adam(2e-4, (0.5, 0.9)), Drops())
SURFACE = replace(GREY, schedule=Drops((0.8,)))
SVHN = Recipe(64, Adam(1e-4, (0.5, 0.999)), Adam(1e-4, (0.5, 0.999)), Drops((25 / 80,)))
FEATURES = Recipe(64, Adam(5e-3, (0.5, 0.9)), schedule=Drops((0.8,)))
KINDS = ("deterministic", "shared dither", "decoder noise")
CHEAP = 10.0
"""The papers' weights of W1 by a critic, times this, serve the energy distance of the small presets."""


@experiment("rdp98", "BM19 4.1, S.E", "1 s", "4 s", "~20 min GPU", "~2.6 h GPU")
def surface(bench: Bench) -> list[Row]:
    """The surface from 98 pairs of (latent, levels) and weight; each weight goes on from the model of weight 0."""
    split, coder = bench.family(BlauMichaeli)
    few = {key: (GRID[key][0], GRID[key][-1]) for key in ((2, 2), (4, 2), (4, 4))}
    grid = bench.pick({(4, 2): GRID[4, 2][::13]}, few, GRID)
    fit = partial(fit_codec, split.train, **bench.settings(SURFACE, 120, 300, 25))

    def parts(key: tuple[int, int], weight: float) -> tuple[Coder, NoisyQuantiser, Loss]:
        return coder(key[0]), NoisyQuantiser(key[1]), bench.perceptual(weight / 1000, CHEAP * weight / 1000)

    starts = bench.train({key: partial(fit, *parts(key, 0)) for key in grid})
    runs = [(key, weight) for key in grid for weight in grid[key]]
    others = bench.train({(k, w): partial(fit, *parts(k, w), start=starts[k]) for k, w in runs if w})
    found = {(k, w): bench.judge(others[k, w] if w else starts[k], split.test) for k, w in runs}
    rows = []
    for (key, weight), (d, p) in found.items():
        name, floor = f"{key}, lambda = {weight:g}/1000", bench.floor(starts[key].bits, split.train)
        rows += [distortion(name, d, floor, None, (0.1 * floor, ABOVE)), perception(name, p)]
    curves = [plane(f"R = {starts[k].bits:.3g} bits", sorted(found[k, w] for w in grid[k])) for k in grid]
    bench.figure("distortion and perception by rate", *PLANE, *curves)
    return rows


@experiment("perceptual-loss", "BM19 4.2, S.F", "2 s", "10 s", "~20 min GPU", "~2.6 h GPU")
def perceptual_loss(bench: Bench) -> list[Row]:
    """A classifier's second convolution in the loss: closer features, at 28x28 in grey.

    Where images have no labels, it is a classifier of their k-means cells.
    """
    (split, coder), labels = bench.family(BlauMichaeli, 28, grey=True), bench.split.train_labels
    if labels is None:
        cells = oracle.lloyd(split.train[:2000].to(bench.device), 3, seed=bench.seed)
        labels = bench.draw(cells, split.train)[0].cells
    own = {"steps": bench.steps(200, 600, 30, 30), "width": bench.pick(0.5, 1.0)}
    net = fit_classifier(split.train, labels, seed=bench.seed, device=bench.device, **own)
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


@experiment("universal", "ZQCK21 figure 4", "1 s", "10 s", "~25 min GPU", "~4 h GPU")
def universal(bench: Bench) -> list[Row]:
    """One encoder, that of the largest weight, and new decoders: nearly the end-to-end tradeoff."""
    split, coder, paper = _setting(bench)
    few, some = (0.0, 0.015), (0.0, 0.005, 0.015) if bench.tiny else None
    weights = bench.pick(few, some, (0.0, 0.005, 0.008, 0.011, 0.015), (*TRADEOFF, 0.015))
    losses, settings = {w: bench.perceptual(w, CHEAP * w) for w in weights}, bench.settings(paper, 120, 500, 30)
    longer = bench.settings(paper, 120, 1500, 30)  # new decoders of a fixed code settle later than both ends together
    rows, curves, claims = [], [], {"distortion_per_pixel": (ABOVE, 0.05), "energy_distance": (ABOVE, 0.15)}
    for rate in bench.pick((6.0,), None, (4.75,), tuple(CONFIGURATIONS)):
        latent, levels = CONFIGURATIONS[rate]
        fit = partial(fit_codec, split.train, coder(latent), UniversalQuantiser(levels), **settings)
        codecs = bench.train({weight: partial(fit, loss) for weight, loss in losses.items()})
        one = codecs[weights[-1]]
        fit = partial(fit_decoder, one, split.train, noise=0, **longer)
        decoders = bench.train({weight: partial(fit, loss) for weight, loss in losses.items()})
        own = {weight: bench.judge(codec, split.test) for weight, codec in codecs.items()}
        shared = {weight: bench.judge(one, split.test, decoder) for weight, decoder in decoders.items()}
        for weight in weights:
            (d, p), (d_own, p_own), name = shared[weight], own[weight], f"R = {rate:g}, lambda = {weight:g}"
            pairs = ((one, decoders[weight]), (codecs[weight], codecs[weight].decoder))
            inside = [bench.evaluate(*pair, split.train[:2000]) for pair in pairs]
            for measure, claim in claims.items():
                ratio = inside[0][measure].value / inside[1][measure].value
                what = f"{name}: {measure.replace('_', ' ')} universal / end-to-end, train"
                rows.append(Row(what, ratio, 1.0, None, claim if bench.preset == "demo" else None))
            printed = TRADEOFF.get(weight) if rate == 4.75 else None
            rows += [
                Row(f"{name}: D universal / D end-to-end, test", d / d_own, 1.0),
                distortion(f"{name}, universal", d, bench.floor(rate, split.train), printed),
                Row(f"{name}: sliced W2^2 universal / end-to-end, test", p.value / p_own.value, 1.0),
            ]
        curves.append(plane(f"end to end, R = {rate:g}", own.values()))
        curves.append(plane(f"universal, R = {rate:g}", shared.values(), "universal"))
    bench.figure("one encoder for every tradeoff", *PLANE, *curves)
    return rows


@experiment("quantizers", "ZQCK21 table 1", "1 s", "7 s", "~10 min GPU", "~25 min GPU")
def quantisers(bench: Bench) -> list[Row]:
    """Shared dither beats decoder noise, at weight 0; so does no noise (which of the two is best: by the training)."""
    split, coder, paper = _setting(bench)
    kinds = dict(zip(KINDS, (DeterministicQuantiser, UniversalQuantiser, NoisyQuantiser), strict=True))
    rates = bench.pick((4.75,), (4.75, 6.0) if bench.tiny else None, (4.75,), tuple(CONFIGURATIONS))
    rows, found, claim = [], {}, (ABOVE, 0.0) if bench.preset != "smoke" else None
    fit = partial(fit_codec, split.train, **bench.settings(paper, 150, 700, 30))
    for rate in rates:
        latent, levels = CONFIGURATIONS[rate]
        fits = {name: partial(fit, coder(latent), kind(levels), MeanSquaredError()) for name, kind in kinds.items()}
        found[rate] = d = {name: bench.judge(codec, split.test)[0] for name, codec in bench.train(fits).items()}
        printed, floor = dict(zip(KINDS, QUANTISERS[rate], strict=True)), bench.floor(rate, split.train)
        rows += [distortion(f"R = {rate:g}, {name}", d[name], floor, printed[name]) for name in KINDS]
        for name in KINDS[1::-1]:
            ratio, paper_ratio = (values[name] / values["decoder noise"] for values in (d, printed))
            rows.append(Row(f"R = {rate:g}: {name} / decoder noise", ratio, 1.0, paper_ratio, claim))
    points = {name: [(rate, found[rate][name]) for rate in rates] for name in KINDS}
    curves = [curve(name, points[name], "universal" if "shared" in name else "measured") for name in KINDS]
    floor = curve("k-means, train", [(rate, bench.floor(rate, split.train)) for rate in rates], "theory")
    bench.figure("quantisers", *RATES, *curves, floor)
    return rows


@experiment("refine", "ZQCK21 figure 5", "1 s", "3 s", "~15 min GPU", "~2 h GPU")
def refine(bench: Bench) -> list[Row]:
    """A second description beside a frozen first: below the base, near end-to-end."""
    split, coder, paper = _setting(bench)
    fit = partial(fit_codec, split.train, **bench.settings(paper, 150, 500, 30))
    parts, shape = (UniversalQuantiser(3), MeanSquaredError()), split.train.shape[1:3]
    base = bench.one(fit, coder(3), *parts)
    both = Refinement(6, 1.0, *shape, base=base, fresh=coder(3), whole=coder(6))
    codecs = bench.train({"refined": partial(fit, both, *parts), "whole": partial(fit, coder(6), *parts)})
    d, refined, whole = (bench.judge(codec, split.test)[0] for codec in (base, *codecs.values()))
    return [
        Row("D refined / D base, test", refined / d, 1.0, None, (ABOVE, 0.0) if bench.preset != "smoke" else None),
        Row("D refined / D end-to-end at the same rate, test", refined / whole, 1.0),
        distortion("refined, 9.51 bits", refined, bench.floor(9.51, split.train)),
    ]


@experiment("error-bars", "ZQCK21 tables 2 and 3", "1 s", "4 s", "~15 min GPU", "~2 h GPU")
def error_bars(bench: Bench) -> list[Row]:
    """The spread over seeds (MNIST or SVHN by --data)."""
    split, coder, paper = _setting(bench)
    parts, seeds = (coder(3), UniversalQuantiser(3)), range(bench.seed, bench.seed + bench.pick(2, 4, 5))
    fit, rows = partial(fit_codec, split.train, *parts, **bench.settings(paper, 120, 400, 30)), []
    for weight in bench.pick((0.005,), None, (0.0, 0.005, 0.013), tuple(TRADEOFF)):
        loss = bench.perceptual(weight, CHEAP * weight)
        codecs = bench.train({seed: partial(fit, loss, seed=seed) for seed in seeds})
        found = [bench.judge(codec, split.test) for codec in codecs.values()]
        d, p = torch.tensor([(d, p.value) for d, p in found]).T
        name, claim = f"lambda = {weight:g}", (ABOVE, 0.1) if bench.preset == "demo" else None
        rows += [
            distortion(f"{name}, mean", float(d.mean()), bench.floor(4.75, split.train), TRADEOFF[weight]),
            Row(f"{name}: spread of D over seeds / mean", float(d.std() / d.mean()), 0.0, 0.025, claim),
            Row(f"{name}: spread of sliced W2^2 over seeds / mean", float(p.std() / p.mean()), 0.0),
        ]
    return rows


@dataclass(frozen=True)
class Refinement(Coder):
    """A frozen first encoder beside a fresh second one; the decoder sees both descriptions."""

    base: Codec | None = None
    fresh: Coder | None = None
    whole: Coder | None = None

    def encoder(self) -> nn.Module:
        """The two encoders side by side."""
        return _Beside(self.base, self.fresh.encoder())

    def decoder(self, noise: int = 0) -> nn.Module:
        """A fresh decoder of the joint code."""
        return self.whole.decoder(noise)

    def critic(self, code: int = 0) -> nn.Module:
        """A fresh critic."""
        return self.whole.critic(code)


class _Beside(nn.Module):
    def __init__(self, base: Codec, fresh: nn.Module) -> None:
        super().__init__()
        self.base, self.fresh = (base,), fresh  # in a tuple, so that its weights are not this module's

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([self.base[0].features(images), self.fresh(images)], 1)


def _setting(bench: Bench) -> tuple:
    """Images, networks and the recipe of [ZQCK21] for these images."""
    colour = bench.split.train.shape[1] == 3
    return *bench.family(Zhang if colour else BlauMichaeli), SVHN if colour else GREY
