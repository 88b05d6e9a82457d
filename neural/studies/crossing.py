"""Compression across domains: common randomness, decomposition, restoration [LZCK22]."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from neural import data
from neural.coders import BlauMichaeli, Liu, Zhang
from neural.evaluation import FreshCritic
from neural.losses import MeanSquaredError, WassersteinGP
from neural.models import Centres, Fit, Model, Shown, Source
from neural.quantisers import DeterministicQuantiser, Undithered, UniversalQuantiser
from neural.recipes import Adam, Drops, Recipe
from neural.studies.posterior import learned, mean_image, ratio
from neural.studies.tradeoff import CHEAPER, TURNS
from neural.study import CONTROL, IDENTITY, LAW, PAPER, Chart, Claim, Plan, Study, Table, Variant, presets

__all__ = ["STUDIES"]

D, P = "distortion_per_pixel", "energy_distance"
LIU = Plan(
    Liu, Zhang, Recipe(64, Adam(1e-4, (0.5, 0.999)), Adam(1e-4, (0.5, 0.999)), Drops((0.6,))), epochs=50, turns=2
)
NOISE = replace(LIU, epochs=100, recipe=replace(LIU.recipe, schedule=Drops((0.4,))))
PAPERS = Variant(LIU, WassersteinGP(10.0), measures=("own critic", "fresh critic"),
                 fresh=FreshCritic(coder=BlauMichaeli(1)))  # fmt: skip
SMALL = Variant(Plan(steps=400), scale=100.0, weights=(0.0, 1e-3, 1e-2))
CLEAN = Source()
BLURRED, CUBIC = (Source(degrade=data.SuperResolution(bicubic=cubic)) for cubic in (False, True))
NOISED = Source(degrade=data.GaussianNoise())
TASKS = {CLEAN: "cr", BLURRED: "superres", CUBIC: "superres", NOISED: "denoise"}
Labels = dict[str, Any]
DITHERS = {True: "one dither", False: "two dithers"}
BILINEAR = "small presets enlarge bilinearly; the papers' presets by bicubic interpolation, as the public code does"


def fitted(v: Variant, latent: int, levels: int, common: bool, weight: float) -> Fit:
    """A codec of the images seen whose outputs follow the law of the clean ones."""
    quantiser = UniversalQuantiser(levels, common=common)
    return Fit(
        source=v.source, noise=v.noise, plan=v.plan, latent=latent, quantiser=quantiser, loss=v.perceptual(weight)
    )


def crossed(v: Variant) -> Iterator[Model]:
    """Codecs with one dither and with two, at every rate and weight."""
    for latent, levels in v.rates:
        for common, role in DITHERS.items():
            for weight in v.weights:
                own = {"task": TASKS[v.source], "rate": round(latent * math.log2(levels), 2)}
                yield fitted(v, latent, levels, common, weight).named(**own, role=role, weight=weight)


def over_line(t: Table, measure: str, own: Labels, others: list[Labels], left: float | None = None) -> float:
    """A measure of a model over that of others at the same P, between theirs by a line.

    Beyond their ends the least or the largest stands in; `left`, if given, below their least P.
    """
    points = sorted((t.at(P, **labels), t.at(measure, **labels)) for labels in others)
    return t.at(measure, **own) / float(np.interp(t.at(P, **own), *zip(*points, strict=True), left=left))


def equal_perception(t: Table, rate: float, task: str, measure: str = D) -> float:
    """D, to the input or the clean images, with one dither at the middle weight over that with two at the same P; what
    stands in beyond the ends favours the two."""
    weights = t.values("weight", rate=rate, task=task)
    own = {"rate": rate, "task": task, "weight": weights[len(weights) // 2], "role": "one dither"}
    return over_line(t, measure, own, [{**own, "weight": w, "role": "two dithers"} for w in weights])


EQUAL = Claim("{task}, R = {rate:g}: D with over D without common randomness at equal energy distance, train", LAW,
              lambda t, rate, task: equal_perception(t, rate, task), 0.0, math.inf, 0.985,
              ("rate", "task"), {"role": "one dither"})  # fmt: skip
RATED = (Chart("common randomness", "rate", D, ("role", "weight"), filled="one dither"),
         Chart("common randomness at equal rate", D, P, ("rate", "role"), filled="one dither"))  # fmt: skip

QUICK = replace(PAPERS, plan=replace(LIU, epochs=17))

CR = Study(
    "cr", "LZCK22 figure 5", "One dither for both ends lowers the distortion at equal rate and perception",
    crossed, (EQUAL,),
    presets(
        replace(SMALL, rates=((3, 3),)), replace(SMALL, rates=((2, 3), (3, 3))),
        replace(QUICK, rates=((2, 4), (8, 4)), weights=(0.0, 1e-3, 3e-3)),
        replace(PAPERS, rates=((2, 4), (8, 4), (16, 4)), weights=(0.0, 1e-3, 3e-3)),
    ),
    charts=RATED, departures=(TURNS, CHEAPER),
)  # fmt: skip

BLUR, NOISE_SMALL, SHARP, FAST = (
    replace(v, source=source) for v, source in ((SMALL, BLURRED), (SMALL, NOISED), (PAPERS, CUBIC), (QUICK, CUBIC))
)
SHRUNK = presets(
    replace(BLUR, rates=((3, 3),)),
    replace(BLUR, rates=((3, 3),)),
    replace(FAST, rates=((2, 4), (8, 4), (16, 4)), weights=(1e-3,)),
    replace(SHARP, rates=tuple((n, 4) for n in range(2, 17)), weights=(1e-3,)),
)
SUPERRES = Study(
    "superres", "LZCK22 figure 5a, tables 5 and 7",
    "Super-resolution (4x; digits 2x) with and without common randomness; D to the upsampled image that goes in",
    crossed, (EQUAL,), SHRUNK,
    measures=("distortion", "perception", "reference"), charts=RATED, departures=(TURNS, CHEAPER, BILINEAR),
)  # fmt: skip

STREETS = replace(PAPERS, source=NOISED, plan=NOISE, weights=(3e-3,))
NOISY = presets(
    replace(NOISE_SMALL, rates=((3, 3),)),
    replace(NOISE_SMALL, rates=((3, 3),)),
    replace(STREETS, plan=replace(NOISE, epochs=33), rates=((4, 8), (10, 8))),
    replace(STREETS, rates=tuple((n, 8) for n in range(4, 39, 2))),
)
DENOISE = Study(
    "denoise", "LZCK22 figure 5c, table 6",
    "Denoising (sigma = 20/255) with and without common randomness; D to the noisy image",
    crossed, (EQUAL,), NOISY,
    measures=("distortion", "perception", "reference"), charts=RATED, departures=(TURNS, CHEAPER),
)  # fmt: skip


TRUTH = Study(
    "ground-truth", "LZCK22 tables 9 and 10",
    "Distance of the outputs of superres (in colour: of denoise) to the clean images that nobody saw",
    crossed,
    (
        Claim("{task}, R = {rate:g}: D to the clean images with over without common randomness at equal P, train",
              LAW, lambda t, rate, task: equal_perception(t, rate, task, "distortion_to_reference"), 0.0, math.inf,
              0.985, ("rate", "task"), {"role": "one dither"}),
    ),
    SHRUNK, NOISY,
    measures=("distortion", "perception", "reference"), departures=(TURNS, CHEAPER, BILINEAR),
)  # fmt: skip


def _decompose(v: Variant) -> Iterator[Model]:
    for latent, levels in v.rates:
        rate = round(latent * math.log2(levels), 2)
        for common, role in DITHERS.items():
            yield fitted(v, latent, levels, common, v.weights[-1]).named(rate=rate, role=role)
        sent = Centres(of=fitted(v, latent, levels, False, v.weights[-1]), quantiser=Undithered(levels),
                       source=v.source)  # fmt: skip
        branch = Fit(source=v.source, plan=v.plan, behind=sent, latent=latent)
        yield branch.named(rate=rate, role="trained branch")


def branched(t: Table, rate: float) -> float:
    """E|X - Y|^2 put together from a trained decoder for X and the tables of the rest, over that end to end."""
    two = {"rate": rate, "role": "two dithers"}
    rest = t.at("between", **two) + t.at("output", **two)
    return (t.at(D, rate=rate, role="trained branch") + rest) / t.at("total", **two)


def excess(t: Table, role: str, rate: float) -> float:
    return t.at("excess", rate=rate, role=role)


DECOMPOSE = Study(
    "decompose", "LZCK22 Thm 1, tables 1 and 11",
    "E|X-Y|^2 is the sum of three parts when X - Z - Y is Markov; with common randomness it is not (a control)",
    _decompose,
    (
        Claim("R = {rate:g}, two dithers: (total - parts) / total", IDENTITY,
              lambda t, rate: excess(t, "two dithers", rate), 0.0, 0.02, 0.02, ("rate",)),
        Claim("R = {rate:g}, one dither: (total - parts) / total", CONTROL,
              lambda t, rate: excess(t, "one dither", rate), 0.0, 0.02, 0.02, ("rate",)),
        Claim("R = {rate:g}: a trained branch and the table of the other / end to end, train", LAW, branched, 1.0, 0.02,
              0.05, ("rate",)),
    ),
    presets(
        replace(BLUR, rates=((2, 4),), weights=(1e-3,)), replace(BLUR, rates=((2, 3), (2, 4)), weights=(1e-3,)),
        replace(FAST, rates=((2, 4),), weights=(1e-3,)), replace(SHARP, rates=((2, 4), (5, 4)), weights=(1e-3,)),
    ),
    measures=("distortion", "perception", "parts"),
    departures=("the second branch is the exact table E[Y|Z]; the paper trains both and prints their sum", BILINEAR),
)  # fmt: skip


def _apart(v: Variant) -> Iterator[Model]:
    yield mean_image(v.source, "source mean")
    yield mean_image(CLEAN, "target mean")
    for latent, levels in v.rates:
        own = {"rate": round(latent * math.log2(levels), 2)}
        alone = {"plan": v.plan, "latent": latent, "quantiser": DeterministicQuantiser(levels)}
        yield Fit(source=v.source, **alone, loss=MeanSquaredError()).named(role="source alone", **own)
        yield Fit(source=CLEAN, **alone, loss=MeanSquaredError()).named(role="target alone", **own)
        yield fitted(v, latent, levels, False, v.weights[-1]).named(role="joint", **own)


def apart(t: Table, part: str, rate: float) -> float:
    """A part of the joint model over D of the codec that does it alone."""
    alone = learned(t, f"{part} mean", rate=rate, role=f"{part} alone")
    name = {"source": "source", "target": "output"}[part]
    return t.at(name, rate=rate, role="joint") / alone


JOINT = replace(BLUR, plan=Plan(steps=800), rates=((2, 4),), weights=(1e-2,), noise=16)
SEPARATE = Study(
    "separate-vs-joint", "LZCK22 table 2",
    "Parts E|X-X^|^2 and E|Y-Y^|^2 of a joint model over those of two codecs apart: they lose nothing",
    _apart,
    (
        Claim("R = {rate:g}, target: joint over separate, train", LAW, lambda t, rate: apart(t, "target", rate), 1.0,
              0.3, 0.45, ("rate",)),
        Claim("R = {rate:g}, source: joint over separate, train", PAPER, lambda t, rate: apart(t, "source", rate),
              1.0, None, None, ("rate",)),
    ),
    presets(
        JOINT, JOINT, replace(FAST, rates=((2, 4),), weights=(1e-3,)),
        replace(SHARP, rates=((2, 4), (5, 4)), weights=(1e-3,)),
    ),
    measures=("distortion", "perception", "parts"),
    departures=("small presets: 16 private numbers in the joint decoder, since two dithers through a small network do "
                "not fill the law of the clean images", BILINEAR),
)  # fmt: skip


def _baseline(v: Variant) -> Iterator[Model]:
    shown, (restoring, after, *direct) = Shown(source=v.source, width=v.plan.width), v.weights
    restorer = Fit(source=v.source, plan=v.sampler, behind=shown, loss=v.perceptual(restoring))
    yield mean_image(v.source)
    yield shown.named(role="input")
    yield restorer.named(role="restored")
    for latent, levels in v.rates:
        own = {"rate": round(latent * math.log2(levels), 2)}
        yield replace(fitted(v, latent, levels, True, after), through=restorer).named(role="restored first", **own)
        for weight in direct:
            yield fitted(v, latent, levels, True, weight).named(role="end to end", weight=weight, **own)


CURVE = (0.0, 1e-3, 3e-3, 1e-2)
"""Weights end to end, near enough that a line between two neighbours is close to the curve, which lies below it."""


def restored_first(t: Table, rate: float) -> float:
    """D restored first over D end to end at the same P; NaN where none end to end perceives as well, or has learned."""
    weights = t.values("weight", role="end to end")
    whole = [{"role": "end to end", "rate": rate, "weight": weight} for weight in weights]
    known = learned(t, **whole[0]) / t.at(D, **whole[0])
    return known * over_line(t, D, {"role": "restored first", "rate": rate}, whole, left=math.nan)


BASELINE = Study(
    "baseline", "LZCK22 tables 7 and 8", "A U-Net restores and a codec compresses what it restored, against one codec",
    _baseline,
    (
        Claim("energy distance of the restored images over that of the input, train", LAW,
              lambda t: ratio(t, P, {"role": "restored"}, {"role": "input"}), 0.0, math.inf, 0.7),
        Claim("R = {rate:g}: D restored first over D end to end at equal energy distance, train", LAW, restored_first,
              1.0, -0.02, math.inf, ("rate",), {"role": "restored first"}),
    ),
    {name: replace(v, weights=weights, sampler=plan) for (name, v), weights, plan in zip(
        SHRUNK.items(), ((1e-2, 3e-3, *CURVE),) * 2 + ((1e-2, 1e-2, *CURVE, 3e-2),) * 2,
        (Plan(recipe=Recipe(64, Adam(2e-3)), steps=150),) * 2 + (replace(LIU, epochs=17), LIU), strict=True)},
    measures=("distortion", "perception", "reference"),
    departures=("depth, width and epochs of the U-Net are not printed: three levels, as long as the codec",
                "the paper prints one weight; end to end there are several, to compare at equal perception", BILINEAR),
)  # fmt: skip

STUDIES = (CR, SUPERRES, DENOISE, TRUTH, DECOMPOSE, SEPARATE, BASELINE)
