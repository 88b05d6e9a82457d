"""Compression across domains: common randomness, decomposition, restoration [LZCK22]."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from neural import data
from neural.claims import CONTROL, IDENTITY, LAW, LEARNED, Chart, Claim, D, Table, certified, over, value
from neural.coders import BlauMichaeli, Liu, Zhang
from neural.evaluation import FreshCritic
from neural.losses import WassersteinGP
from neural.models import Centres, Fit, Model, Shown, Source
from neural.quantisers import DeterministicQuantiser, Undithered, UniversalQuantiser
from neural.recipes import Adam, Drops, Recipe
from neural.studies.posterior import mean_image
from neural.studies.tradeoff import CHEAPER, TURNS, named
from neural.study import Plan, Study, Variant, presets

__all__ = ["STUDIES"]

P, TRUTH = "energy_distance", "distortion_to_reference"
LIU = Plan(
    Liu, Zhang, Recipe(64, Adam(1e-4, (0.5, 0.999)), Adam(1e-4, (0.5, 0.999)), Drops((0.6,))), epochs=50, turns=2
)
NOISE = replace(LIU, epochs=100, recipe=replace(LIU.recipe, schedule=Drops((0.4,))))
PAPERS = Variant(LIU, WassersteinGP(10.0), measures=("own critic", "fresh critic"),
                 fresh=FreshCritic(coder=BlauMichaeli(1)))  # fmt: skip
QUICK = replace(PAPERS, plan=replace(LIU, epochs=17))
SMALL = Variant(Plan(steps=400), scale=3000.0, weights=(0.0, 1e-3, 1e-2), rates=((3, 3),))
CLEAN, NOISED = Source(), Source(degrade=data.GaussianNoise())
BLURRED, CUBIC = (Source(degrade=data.SuperResolution(bicubic=cubic)) for cubic in (False, True))
TASKS = {CLEAN: "cr", BLURRED: "superres", CUBIC: "superres", NOISED: "denoise"}
ONE, TWO = {"role": "one dither"}, {"role": "two dithers"}
DITHERS = ((True, ONE), (False, TWO))
BILINEAR = "small presets enlarge bilinearly; the papers' presets by bicubic interpolation, as the public code does"
Labels = Mapping[str, Any]


def fitted(v: Variant, code: tuple[int, int], common: bool, weight: float) -> Fit:
    """A codec of the images seen whose outputs follow the law of the clean ones."""
    quantiser = UniversalQuantiser(code[1], common=common)
    return Fit(source=v.source, noise=v.noise, plan=v.plan, latent=code[0], quantiser=quantiser,
               loss=v.perceptual(weight))  # fmt: skip


def crossed(v: Variant) -> Iterator[Model]:
    """Codecs with one dither and with two, at every rate and weight."""
    for code in v.rates:
        for common, role in DITHERS:
            for weight in v.weights:
                own = {"task": TASKS[v.source], "rate": named(code), "weight": weight}
                yield fitted(v, code, common, weight).named(**own, **role)


def over_line(
    t: Table, measure: str, own: Labels, others: list[Labels], left: float | None = None, seen: float = -math.inf
) -> float:
    """A measure of a model over that of others at the same P, between theirs by a line.

    Beyond their ends the least or the largest stands in; `left`, if given, below their least P. What P is below `seen`
    is one: the best of others there stands for all.
    """
    least = dict(sorted(((max(seen, t.at(P, **labels)), t.at(measure, **labels)) for labels in others), reverse=True))
    points = zip(*sorted(least.items()), strict=True)
    return t.at(measure, **own) / float(np.interp(max(seen, t.at(P, **own)), *points, left=left))


def equal(measure: str, to: str) -> Claim:
    """A distortion with one dither at the middle weight over that with two at the same P; what stands in beyond the
    ends favours the two."""

    def asked(t: Table, rate: float, task: str) -> float:
        weights = t.values("weight", rate=rate, task=task)
        own = {"rate": rate, "task": task}
        others = [{**own, **TWO, "weight": weight} for weight in weights]
        return over_line(t, measure, {**own, **ONE, "weight": weights[len(weights) // 2]}, others)

    text = f"{{task}}, R = {{rate:g}}: D{to} with over without common randomness at equal energy distance, train"
    return Claim(text, LAW, asked, 0.0, math.inf, 0.985, ("rate", "task"), ONE)


SHRUNK = presets(
    SMALL, SMALL, QUICK, PAPERS, source=(BLURRED, BLURRED, CUBIC, CUBIC),
    rates=(((3, 3),), ((3, 3),), ((2, 4), (8, 4), (16, 4)), tuple((n, 4) for n in range(2, 17))),
    weights=(SMALL.weights, SMALL.weights, (1e-3,), (1e-3,)),
)  # fmt: skip
NOISY = presets(
    SMALL, SMALL, QUICK, PAPERS, source=4 * (NOISED,), plan=(SMALL.plan, SMALL.plan, replace(NOISE, epochs=33), NOISE),
    rates=(((3, 3),), ((3, 3),), ((4, 8), (10, 8)), tuple((n, 8) for n in range(4, 39, 2))),
    weights=(SMALL.weights, SMALL.weights, (3e-3,), (3e-3,)),
)  # fmt: skip
BOTH = ("distortion", "perception", "reference")
RATED = (Chart("common randomness", "rate", D, ("role", "weight"), theory=certified, filled="one dither"),
         Chart("common randomness at equal rate", D, P, ("rate", "role"), filled="one dither"))  # fmt: skip

CR = Study(
    "cr", "LZCK22 figure 5", "One dither for both ends lowers the distortion at equal rate and perception",
    crossed, (equal(D, ""),),
    presets(SMALL, SMALL, QUICK, PAPERS, plan=(Plan(steps=300), SMALL.plan, QUICK.plan, LIU),
            rates=(((3, 3),), ((2, 3), (3, 3)), ((2, 4), (8, 4)), ((2, 4), (8, 4), (16, 4))),
            weights=(*2 * (SMALL.weights,), *2 * ((0.0, 1e-3, 3e-3),))),
    charts=RATED, departures=(TURNS, CHEAPER),
)  # fmt: skip
SUPERRES = Study(
    "superres", "LZCK22 figure 5a, tables 5 and 7",
    "Super-resolution (4x; digits 2x) with and without common randomness; D to the upsampled image that goes in",
    crossed, (equal(D, ""),), SHRUNK, measures=BOTH, charts=RATED, departures=(TURNS, CHEAPER, BILINEAR),
)  # fmt: skip
DENOISE = Study(
    "denoise", "LZCK22 figure 5c, table 6",
    "Denoising (sigma = 20/255) with and without common randomness; D to the noisy image",
    crossed, (equal(D, ""),), NOISY, measures=BOTH, charts=RATED, departures=(TURNS, CHEAPER),
)  # fmt: skip
GROUND_TRUTH = Study(
    "ground-truth", "LZCK22 tables 9 and 10",
    "Distance of the outputs of superres (in colour: of denoise) to the clean images that nobody saw",
    crossed, (equal(TRUTH, " to the clean images"),), SHRUNK, NOISY, measures=BOTH,
    departures=(TURNS, CHEAPER, BILINEAR),
)  # fmt: skip


def _decompose(v: Variant) -> Iterator[Model]:
    for code in v.rates:
        for common, role in DITHERS:
            yield fitted(v, code, common, v.weights[-1]).named(rate=named(code), **role)
        two = fitted(v, code, False, v.weights[-1])
        sent = Centres(of=two, quantiser=Undithered(code[1]), source=v.source)
        branch = Fit(source=v.source, plan=v.plan, behind=sent, latent=code[0])
        yield branch.named(rate=named(code), role="trained branch")


def branched(t: Table, rate: float) -> float:
    """E|X - Y|^2 put together from a trained decoder for X and the tables of the rest, over that end to end."""
    rest = t.at("between", rate=rate, **TWO) + t.at("output", rate=rate, **TWO)
    return (t.at(D, rate=rate, role="trained branch") + rest) / t.at("total", rate=rate, **TWO)


DECOMPOSE = Study(
    "decompose", "LZCK22 Thm 1, tables 1 and 11",
    "E|X-Y|^2 is the sum of three parts when X - Z - Y is Markov; with common randomness it is not (a control)",
    _decompose,
    (
        *(Claim(f"R = {{rate:g}}, {role['role']}: (total - parts) / total", kind, value("excess", **role), 0.0, 0.02,
                0.02, ("rate",)) for kind, role in ((IDENTITY, TWO), (CONTROL, ONE))),
        Claim("R = {rate:g}: a trained branch and the table of the other / end to end, train", LAW, branched, 1.0, 0.02,
              0.05, ("rate",)),
    ),
    presets(*SHRUNK.values(), rates=(((2, 4),), ((2, 3), (2, 4)), ((2, 4),), ((2, 4), (5, 4))), weights=4 * ((1e-3,),)),
    measures=("distortion", "perception", "parts"),
    departures=("the second branch is the exact table E[Y|Z]; the paper trains both and prints their sum", BILINEAR),
)  # fmt: skip


def _apart(v: Variant) -> Iterator[Model]:
    yield from (mean_image(v.source, "source mean"), mean_image(CLEAN, "target mean"))
    for code in v.rates:
        quantiser = DeterministicQuantiser(code[1])
        alone = Fit(source=v.source, plan=v.plan, latent=code[0], quantiser=quantiser, noise=v.noise)
        yield alone.named(role="source alone", rate=named(code))
        yield replace(alone, source=CLEAN, noise=0).named(role="target alone", rate=named(code))
        joint = replace(alone, loss=v.perceptual(v.weights[-1]), start=alone)
        yield joint.named(role="joint", rate=named(code))


def apart(part: str, measure: str, below: float, above: float) -> Claim:
    """A part of the joint model over D of the codec that does it alone."""
    asked = over(measure, {"role": "joint"}, {"role": f"{part} alone"}, f"{part} mean", of=D)
    return Claim(f"R = {{rate:g}}, {part}: joint over separate, train", LAW, asked, 1.0, below, above, ("rate",))


JOINT = Plan(steps=800)
SEPARATE = Study(
    "separate-vs-joint", "LZCK22 table 2",
    "Parts E|X-X^|^2 and E|Y-Y^|^2 of a joint model over those of two codecs apart: they lose nothing",
    _apart, (apart("target", "output", 0.5, 0.5), apart("source", "source", 0.1, 0.3)),
    presets(*SHRUNK.values(), plan=(JOINT, JOINT, QUICK.plan, LIU), rates=(*3 * (((2, 4),),), ((2, 4), (5, 4))),
         weights=((3e-2,), (3e-2,), (1e-3,), (1e-3,)), noise=4 * (16,)),
    measures=("distortion", "perception", "parts"),
    departures=("the joint decoder draws 16 private numbers behind a code without dither; the paper's two dithers cost "
                "its code, and not those apart, a part of the rate",
                "the joint model goes on from the codec of the source: from nothing its term on laws ruins the encoder",
                BILINEAR),
)  # fmt: skip


def _baseline(v: Variant) -> Iterator[Model]:
    shown, (restoring, after, *direct) = Shown(source=v.source, width=v.plan.width), v.weights
    restorer = Fit(source=v.source, plan=v.sampler, behind=shown, loss=v.perceptual(restoring))
    yield from (mean_image(v.source), shown.named(role="input"), restorer.named(role="restored"))
    for code in v.rates:
        yield replace(fitted(v, code, True, after), through=restorer).named(role="restored first", rate=named(code))
        both = replace(v.plan, steps=LONGER * v.plan.steps)
        for weight in direct:
            whole = replace(fitted(v, code, True, weight), plan=both)
            yield whole.named(role="end to end", weight=weight, rate=named(code))


LONGER = 3
"""Steps end to end for one of the codec that is restored first: what its U-Net takes of time."""
CURVE = (0.0, 1e-3, 3e-3, 1e-2)
"""Weights end to end, near enough that a line between two neighbours is close to the curve, which lies below it."""


LEARNABLE = 0.04
"""Share of the P of the mean image by which two batches of 64 images of one law differ: on eight data sets the standard
deviation was 1.7 to 4.2 % of it. A restorer of what is fainter follows that noise."""


def seen(t: Table) -> float:
    """A hundredth of the P of the mean image: nearer, the P of the images measured do not compare."""
    return 0.01 * t.at(P, role="mean image")


def restored(t: Table) -> float:
    """P of the restored images over that of the input, or over what a restorer learns from."""
    return t.at(P, role="restored") / max(t.at(P, role="input"), LEARNABLE * t.at(P, role="mean image"))


def restored_first(t: Table, rate: float) -> float:
    """D restored first over D end to end at the same P; NaN where none end to end perceives as well, or has learned."""
    weights = t.values("weight", role="end to end")
    whole = [{"role": "end to end", "rate": rate, "weight": weight} for weight in weights]
    known = t.at(D, **whole[0]) < LEARNED * t.at(D, role="mean image")
    own = {"role": "restored first", "rate": rate}
    return over_line(t, D, own, whole, math.nan, seen(t)) if known else math.nan


HEAVY = Source(degrade=data.GaussianNoise(80 / 255))
"""Four times the paper's noise: that, and blur, change the law of 8x8 photographs by less than a batch can tell."""
RESTORING = Plan(recipe=Recipe(64, Adam(4e-3)), steps=200)
BASELINE = Study(
    "baseline", "LZCK22 tables 7 and 8", "A U-Net restores and a codec compresses what it restored, against one codec",
    _baseline,
    (
        Claim("energy distance of the restored images over the input's (if a batch sees it), train", LAW, restored,
              0.0, math.inf, 0.7),
        Claim("R = {rate:g}: D restored first over D end to end at equal energy distance, train", LAW, restored_first,
              1.0, 0.03, math.inf, ("rate",), {"role": "restored first"}),
    ),
    presets(*SHRUNK.values(), weights=(*2 * ((1e-2, 3e-3, *CURVE),), *2 * ((5e-2, 1e-2, *CURVE, 3e-2),)),
         sampler=(RESTORING, RESTORING, QUICK.plan, LIU), source=(HEAVY, HEAVY, CUBIC, CUBIC)),
    presets(*NOISY.values(), weights=(*2 * ((1e-2, 3e-3, *CURVE),), *2 * ((3e-2, 5e-3, *CURVE, 3e-2),)),
         sampler=(RESTORING, RESTORING, QUICK.plan, NOISE), source=(HEAVY, HEAVY, NOISED, NOISED)),
    measures=BOTH,
    departures=("depth, width and epochs of the U-Net are not printed: three levels, as long as the codec",
                "one codec end to end is trained three times as long as the one behind the restorer, for its time",
                "the paper prints one weight; end to end there are several, to compare at equal perception",
                "small presets denoise, grey and colour, at four times the paper's noise"),
)  # fmt: skip

STUDIES = (CR, SUPERRES, DENOISE, GROUND_TRUTH, DECOMPOSE, SEPARATE, BASELINE)
