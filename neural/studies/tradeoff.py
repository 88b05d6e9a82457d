"""The rate-distortion-perception tradeoff and universal encoders [BM19, ZQCK21]."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from statistics import mean, stdev

from neural.claims import LAW, PAPER, Chart, Claim, D, Table, certified, over
from neural.coders import BlauMichaeli, Zhang
from neural.evaluation import FreshCritic
from neural.losses import Perceptual, WassersteinGP
from neural.models import Fit, KMeans, Model
from neural.quantisers import DeterministicQuantiser, NoisyQuantiser, SoftGradient, UniversalQuantiser
from neural.recipes import Adam, Drops, Recipe
from neural.studies.posterior import mean_image
from neural.study import Plan, Study, Variant, presets

__all__ = ["CHEAPER", "CODES", "STUDIES", "TURNS"]

P, ED = "sliced_w2", "energy_distance"
CODES = {4.75: (3, 3), 6.0: (3, 4), 8.0: (4, 4), 10.0: (5, 4), 30.0: (10, 8), 45.0: (15, 8), 60.0: (20, 8)}
"""Rate in bits: (latent, levels) [ZQCK21]."""

GRID = (
    ((2, 2), (0, 2, 2.5, 3, 3.5, 4, 4.3, 4.6, 5, 5.5, 6, 8, 10, 15, 20)),
    ((3, 2), (0, 2, 2.5, 3, 3.5, 4, 4.3, 4.6, 5, 6, 8, 9, 10)),
    ((4, 2), (0, 2, 2.5, 3, 3.5, 4, 4.3, 4.6, 4.8, 4.9, 5, 6, 8, 10)),
    *(((4, levels), (0, 2, 2.5, 3, 3.5, 4, 4.3, 4.6, 5, 6, 8, 10)) for levels in (3, 4)),
    ((4, 6), (0, 2, 2.5, 3, 3.5, 4, 5, 10)),
    *(((4, levels), (0, 2, 2.5, 3, 4, 5, 6, 10)) for levels in (8, 11, 16)),
)
"""((latent, levels), lambda): the 98 pairs of [BM19, Table S2], lambda in thousandths against MSE per pixel."""

FEW = tuple((key, (weights[0], 10)) for key, weights in (GRID[0], GRID[2], GRID[4]))
GREY = Recipe(64, Adam(1e-2, (0.5, 0.9)), Adam(2e-4, (0.5, 0.9)), Drops())
SVHN = Recipe(64, Adam(1e-4, (0.5, 0.999)), Adam(1e-4, (0.5, 0.999)), Drops((25 / 80,)))
SURFACE = Plan(BlauMichaeli, Zhang, replace(GREY, schedule=Drops((0.8,))), epochs=25, turns=2)
ZHANG = Plan(BlauMichaeli, Zhang, GREY, epochs=30, turns=2)
STREET = Plan(BlauMichaeli, Zhang, SVHN, epochs=80, turns=2)
SMALL = Variant(Plan(steps=500), scale=300.0)
"""The energy distance in units of the contrast, times so much, serves as the papers' W1 by a critic."""

TURNS = (
    "critic and decoder take turns by batches, as in the public code of [ZQCK21]; batches are drawn with replacement"
)
CHEAPER = "small presets: perceptrons and the energy distance in place of the papers' networks and critics"


def adversarial(plan: Plan, share: float = 1.0) -> Variant:
    """The paper's networks and critic, for a share of its epochs; W1 by its own and by a fresh critic."""
    fresh = FreshCritic(coder=plan.family(3 if plan is STREET else 1)(1))
    return Variant(replace(plan, epochs=share * plan.epochs), WassersteinGP(10.0, anneal=(5e-4, 0.4)),
                   measures=("own critic", "fresh critic"), fresh=fresh)  # fmt: skip


def named(code: tuple[int, int]) -> float:
    """The rate of (latent, levels) in bits."""
    return round(code[0] * math.log2(code[1]), 2)


def _surface(v: Variant) -> Iterator[Model]:
    yield mean_image()
    for code, weights in v.rates:
        start = Fit(plan=v.plan, latent=code[0], quantiser=NoisyQuantiser(code[1]), loss=v.perceptual(0.0))
        for weight in weights:
            own = replace(start, loss=v.perceptual(weight / 1000), start=start) if weight else start
            yield own.named(**{"rate": named(code), "lambda": float(weight)})


HEAVY, FREE = {"lambda": 10.0}, {"lambda": 0.0}
RDP98 = Study(
    "rdp98", "BM19 4.1, S.E", "The surface over 98 pairs of rate and lambda: it buys perception with distortion",
    _surface,
    (
        Claim("R = {rate:g}: sliced W2^2 at lambda = 10 over that at lambda = 0", LAW,
              over(P, HEAVY, FREE, "mean image"), 0.0, math.inf, 0.6, ("rate",), HEAVY),
        Claim("R = {rate:g}: D at lambda = 10 over that at lambda = 0", LAW, over(D, HEAVY, FREE, "mean image"), 1.0,
              0.0, math.inf, ("rate",), HEAVY),
        Claim("D at 8 bits over that at {rate:g}", LAW, over(D, {**FREE, "rate": 8.0}, FREE), 0.0, math.inf, 0.9,
              ("rate",), {"rate": 2.0}),
    ),
    presets(SMALL, SMALL, adversarial(SURFACE, 1 / 3), adversarial(SURFACE), rates=(FEW[1:2], FEW, FEW, GRID),
            scale=(1200.0, 1200.0, 1.0, 1.0)),
    charts=(Chart("distortion and perception by rate", D, P, ("rate",)),),
    departures=(TURNS, CHEAPER, "lambda stands beside 10^-3 times D: per pixel, which the text leaves open"),
)  # fmt: skip

FEATURED = Variant(Plan(recipe=Recipe(64, Adam(5e-3)), steps=500))
FEATURES = Plan(BlauMichaeli, Zhang, Recipe(64, Adam(5e-3, (0.5, 0.9)), schedule=Drops((0.8,))), epochs=25)


def _perceptual(v: Variant) -> Iterator[Model]:
    yield mean_image()
    for latent, levels in v.rates:
        without = Fit(plan=v.plan, latent=latent, quantiser=NoisyQuantiser(levels))
        yield without.named(rate=named((latent, levels)), role="without")
        yield replace(without, loss=v.perceptual(1.0)).named(rate=named((latent, levels)), role="with")


WITH, WITHOUT = {"role": "with"}, {"role": "without"}
PERCEPTUAL = Study(
    "perceptual-loss", "BM19 4.2, S.F", "A classifier's second convolution in the loss: closer features at higher D",
    _perceptual,
    (
        Claim("R = {rate:g}: squared error of features with the classifier over that without", LAW,
              over("feature_error", WITH, WITHOUT, "mean image"), 0.0, math.inf, 0.98, ("rate",)),
        Claim("R = {rate:g}: D with the classifier over that without", LAW, over(D, WITH, WITHOUT, "mean image"), 1.0,
              -0.01, math.inf, ("rate",)),
        Claim("R = {rate:g}: Frechet distance with the classifier over that without", PAPER,
              over("frechet", WITH, WITHOUT), 0.0, None, None, ("rate",)),
    ),
    presets(FEATURED, FEATURED, replace(FEATURED, plan=replace(FEATURES, epochs=8)), replace(FEATURED, plan=FEATURES),
            rates=(*3 * (((4, 2),),), tuple(key for key, _ in GRID)), scale=(10.0, 10.0, 0.1, 0.1),
            perception=(*2 * (Perceptual(relative=True),), *2 * (Perceptual(),))),
    measures=("distortion", "perception", "features", "pictures"),
    departures=("theory lowers the error of the features that the loss holds; their Frechet distance is shown only",
                "dropout .5 and momentum .9 of the classifier are not printed; images are enlarged to its 28x28",),
)  # fmt: skip


def whole(v: Variant, rate: float, weight: float, seed: int = 0) -> Fit:
    """A codec with shared dither, end to end."""
    latent, levels = CODES[rate]
    gradient = SoftGradient(1.0 if v.plan.grey is BlauMichaeli else None)  # the public code's for MNIST
    return Fit(plan=v.plan, latent=latent, quantiser=UniversalQuantiser(levels, gradient), loss=v.perceptual(weight),
               seed=seed)  # fmt: skip


def universal(v: Variant, rate: float, weight: float, seed: int = 0) -> Fit:
    """A new decoder behind the encoder of the largest weight, its critic going on from there."""
    base = whole(v, rate, v.weights[-1], seed)
    return replace(whole(v, rate, weight, seed), behind=base, start=base)


def _universal(v: Variant) -> Iterator[Model]:
    yield mean_image()
    for rate in v.rates:
        for weight in v.weights:
            own = {"rate": rate, "weight": weight, "heavy": weight == v.weights[-1]}
            yield whole(v, rate, weight).named(**own, role="end to end")
            yield universal(v, rate, weight).named(**own, role="universal")


UNIVERSAL, WHOLE = {"role": "universal"}, {"role": "end to end"}


def kept(t: Table, rate: float, weight: float) -> float:
    """P of the universal decoder over that end to end, or over half of that of the decoder without weight behind the
    same encoder: what another code has without weight says nothing of what these decoders trade."""
    heavy, free = t.at(ED, **WHOLE, rate=rate, weight=weight), t.at(ED, **UNIVERSAL, rate=rate, weight=0.0)
    return t.at(ED, **UNIVERSAL, rate=rate, weight=weight) / min(heavy, 0.5 * free)


FULL = (0.0, 0.0025, 0.004, 0.005, 0.006, 0.008, 0.009, 0.01, 0.011, 0.013, 0.015)
SVHN_WEIGHTS = (0.0, 0.0003, 0.0005, 0.0008, 0.001, 0.0012, 0.0017, 0.002)
GRIDS = presets(
    SMALL, SMALL, adversarial(ZHANG, 1 / 3), adversarial(ZHANG),
    rates=((6.0,), (6.0,), (4.75,), (4.75, 6.0, 8.0, 10.0)),
    weights=((0.0, 0.015), (0.0, 0.005, 0.015), (0.0, 0.005, 0.008, 0.011, 0.015), FULL),
)  # fmt: skip
STREETS = presets(
    SMALL, SMALL, adversarial(STREET, 1 / 3), adversarial(STREET),
    rates=((6.0,), (6.0,), (30.0,), (30.0, 45.0, 60.0)),
    weights=((0.0, 0.015), (0.0, 0.005, 0.015), SVHN_WEIGHTS[::7], SVHN_WEIGHTS),
)  # fmt: skip

UNIVERSAL_STUDY = Study(
    "universal", "ZQCK21 figures 4 and 6, tables 2 and 3",
    "One encoder, that of the largest weight, and new decoders: nearly the end-to-end tradeoff",
    _universal,
    (
        Claim("R = {rate:g}, weight {weight:g}: D universal over D end to end, train", LAW,
              over(D, UNIVERSAL, WHOLE, "mean image"), 1.0, math.inf, 0.15, ("rate", "weight")),
        Claim("R = {rate:g}, weight {weight:g}: energy distance universal over end to end, or half of its own at 0",
              LAW, kept, 1.0, math.inf, 0.25, ("rate", "weight"), {"heavy": True}),
    ),
    GRIDS, STREETS,
    charts=tuple(Chart("one encoder for every tradeoff", D, p, ("rate", "role")) for p in (P, "critic_w1")),
    departures=(TURNS, CHEAPER, "both sides are trained for equally many steps; the frozen encoder's batch norm is in "
                "evaluation mode, so that its code is a function of the image"),
)  # fmt: skip

KINDS = {"no noise": DeterministicQuantiser, "shared dither": UniversalQuantiser, "decoder noise": NoisyQuantiser}


def _quantisers(v: Variant) -> Iterator[Model]:
    yield mean_image()
    for rate in v.rates:
        own = whole(v, rate, 0.0)
        for role, kind in KINDS.items():
            same = kind(CODES[rate][1], own.quantiser.gradient)
            yield replace(own, quantiser=same).named(rate=rate, role=role)
    yield from (KMeans(bits=bits).named(rate=float(bits), role="k-means") for bits in v.floors)


QUANTISERS = Study(
    "quantizers", "ZQCK21 table 1", "Shared dither beats decoder noise, at weight 0; so does no noise", _quantisers,
    tuple(
        Claim(f"R = {{rate:g}}: D with {role} over that with decoder noise, train", LAW,
              over(D, {"role": role}, {"role": "decoder noise"}, "mean image"), 0.0, math.inf, 0.985, ("rate",),
              {"role": role})
        for role in ("no noise", "shared dither")
    ),
    presets(*GRIDS.values(), rates=((4.75,), (4.75, 6.0), (4.75,), (4.75, 6.0, 8.0, 10.0)), floors=4 * ((4, 5, 6),)),
    charts=(Chart("quantisers", "rate", D, ("role",), theory=certified, filled="shared dither"),),
    departures=(TURNS, CHEAPER, "which of no noise and shared dither is better depends on the training: no claim"),
)  # fmt: skip


def _refine(v: Variant) -> Iterator[Model]:
    base = whole(v, 4.75, 0.0)
    yield mean_image()
    yield base.named(role="base", rate=4.75)
    yield replace(base, beside=base).named(role="refined", rate=9.51)
    yield replace(base, latent=6).named(role="end to end", rate=9.51)


REFINED, BASE = {"role": "refined"}, {"role": "base"}
REFINE = Study(
    "refine", "ZQCK21 figure 5", "A second description beside a frozen first: below the base, near end to end", _refine,
    (
        Claim("D refined over D base, train", LAW, over(D, REFINED, BASE), 0.0, math.inf, 0.95),
        Claim("D refined over D end to end, train", LAW, over(D, REFINED, WHOLE, "mean image"), 1.0, math.inf, 0.15),
    ),
    GRIDS, STREETS,
    charts=(Chart("refinement", "rate", D, ("role",), theory=certified),),
    departures=(TURNS, CHEAPER, "weight 0 only"),
)  # fmt: skip


def _error_bars(v: Variant) -> Iterator[Model]:
    yield mean_image()
    for weight in v.weights[:-1]:
        yield from (universal(v, 4.75, weight, seed).named(weight=weight, seed=seed) for seed in v.seeds)


def spread(t: Table, weight: float) -> float:
    """Standard deviation of D over seeds, over what training gained on the mean image."""
    values = [t.at(D, weight=weight, seed=seed) for seed in t.values("seed")]
    return stdev(values) / (t.at(D, role="mean image") - mean(values))


ERROR_BARS = Study(
    "error-bars", "ZQCK21 tables 2 and 3", "The spread of universal models over seeds", _error_bars,
    (
        Claim("weight {weight:g}: spread of D over seeds over the gain on the mean image, train", LAW, spread, 0.0, 0.0,
              0.1, ("weight",)),
    ),
    presets(*GRIDS.values(), weights=((0.005, 0.015), (0.0, 0.005, 0.015), (0.0, 0.005, 0.013, 0.015), FULL),
            seeds=((0, 1), (0, 1, 2, 3), *2 * ((0, 1, 2, 3, 4),))),
    departures=(TURNS, CHEAPER),
)  # fmt: skip

STUDIES = (RDP98, PERCEPTUAL, UNIVERSAL_STUDY, QUANTISERS, REFINE, ERROR_BARS)
