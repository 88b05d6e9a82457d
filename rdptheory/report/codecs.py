"""The page's trained codecs: networks and k-means beside what is proved about the images that they were measured on."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from importlib import resources
from math import inf
from typing import Any

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.distortions import SquaredError
from rdptheory.divergences import TotalVariation
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, MissingPackage
from rdptheory.placement import Limit, Measurement, Placement, encoder_curve, place, sample_floor
from rdptheory.plotting import COLOURS, draw_limit, figure, overlay, plot_curves, style
from rdptheory.report.page import Block, Section, picture
from rdptheory.representations.interpolation import Interpolation
from rdptheory.sources import Empirical
from rdptheory.sweeps import adaptive_grid, curve
from rdptheory.units import nats_to_bits

__all__ = ["Codes", "trained", "trained_codecs"]

CELLS = (2, 4, 8, 16, 32, 64)
"""Codewords of k-means: 1 to 6 bits an image."""
SEED = 0  # of k-means
LEAST_SHARE = 0.9
"""How far below the least measured D the curves begin: no measured point is left without one."""
PLACES = 4
"""Decimals of the table's bits, bounds rounded to the safe side."""
FLOOR = "R(2D, 0): no codec of these images below"
HEAD = (
    "cells", "rate (bits)", "D, decoder", "W2², decoder", "no codec below (bits)", "D, sampler", "W2², sampler",
    "D, draw from the cell", "least D at P = 0", "R(D, 0) at least (bits)", "excess at most (bits)",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Codes:
    """What an encoder made of the images, and what was measured of trained decoders behind it.

    `mean` and `sampler` are (D, W2²) for one image; None where no network was trained.
    """

    name: str
    codes: FloatArray
    mean: tuple[float, float] | None = None
    sampler: tuple[float, float] | None = None

    @property
    def rate(self) -> float:
        """H(Z) of the codes on these images, in nats."""
        share = np.unique(self.codes, return_counts=True)[1] / len(self.codes)
        return -float(share @ np.log(share))


def trained() -> tuple[dict[str, Any], list[Codes]]:
    """The file beside this module, as `python -m neural points` printed it: what it says of itself, and its codecs."""
    text = resources.files("rdptheory.report").joinpath("codecs.json").read_text(encoding="utf-8")
    held = json.loads(text)
    codecs = [
        Codes(
            str(one["levels"] ** one["latent"]),
            np.asarray(one["codes"], dtype=np.float64),
            (one["mean"]["D"], one["mean"]["P"]),
            (one["sampler"]["D"], one["sampler"]["P"]),
        )
        for one in held["codecs"]
    ]
    return held, codecs


def trained_codecs(images: FloatArray) -> Section:
    """The section, on the images (n, k) that the codecs of the file were trained and measured on.

    Raises
    ------
    InvalidInput
        Other images than those.
    MissingPackage
        scikit-learn is not installed.
    """
    held, codecs = trained()
    if len(images) != held["count"]:
        raise InvalidInput("images", images, f"must be those of the file, {held['images']}")
    question = Empirical(images, vectors=True), SquaredError(), TotalVariation()
    curves = [encoder_curve(images, one.codes) for one in codecs]
    drawn = [Measurement(one.rate, 2.0 * c.least, 0.0, one.name) for one, c in zip(codecs, curves, strict=True)]
    placed = place(drawn, *question)
    networks = [one.mean[0] for one in codecs if one.mean]
    floor = sample_floor(images, D=networks).rate
    clusters = _clusters(images)
    variance = float(((images - images.mean(axis=0)) ** 2).sum(axis=1).mean())
    low = LEAST_SHARE * min(2.0 * min(*clusters.D, *networks), *(one.D for one in drawn))
    D = adaptive_grid(*question, D=(low, 2.0 * variance), P=[0.0])
    grid = curve(*question, D=D, P=0.0)
    with style():
        shown, (axes,) = figure(height=3.4)
        name = "mean squared error of an image (squared grey levels)"
        plot_curves(grid, axes, label_D=name, title=f"{len(images)} handwritten digits, trained codecs")
        overlay(axes, placed)
        # R(2D, 0) is the curve itself at half the distortion
        halved = Limit("lower", 0.5 * grid.D.values, np.ravel(grid.lower.values), inf, FLOOR)
        draw_limit(axes, halved)
        draw_limit(axes, clusters)
        for label, marker, points in (
            ("trained decoder, least squared error", "s", [one.mean for one in codecs]),
            ("trained sampler", "D", [one.sampler for one in codecs]),
        ):
            at = [(p[0], nats_to_bits(one.rate)) for p, one in zip(points, codecs, strict=True) if p]
            colour = COLOURS[1] if marker == "s" else COLOURS[2]
            axes.plot(*zip(*at, strict=True), linestyle="none", marker=marker, color=colour, label=label)
        axes.set_ylabel("rate (bits per image)")
        axes.get_legend().remove()
        lines, names = axes.get_legend_handles_labels()
        said = {"measured": "same code, draw from the cell: P = 0", "P = 0": "R(D, 0): perfect realism needs this"}
        shown.legend(lines, [said.get(name, name) for name in names], loc="outside lower center")
        shot = picture(shown)
    rows = [_row(*found) for found in zip(codecs, curves, placed, floor.tolist(), strict=True)]
    caption = "Bits and squared error of one image; the numbers are cells of the code."
    block = Block(pictures=[shot], caption=caption, head=HEAD, rows=rows)
    return Section("codec", "A trained codec beside its bound", _words(held), held["command"], [block])


def _clusters(images: FloatArray) -> Limit:
    """What k-means reaches with the mean of the cell: no proof that nothing else reaches more, so an estimate."""
    try:
        from sklearn.cluster import KMeans
    except ImportError:
        raise MissingPackage("scikit-learn", "data") from None
    reached = []
    for cells in CELLS:
        codes = KMeans(cells, n_init=4, random_state=SEED).fit_predict(images)
        reached.append((encoder_curve(images, codes).least, Codes(f"{cells}", codes).rate))
    D, rate = np.array(reached).T
    return Limit("estimate", D, rate, inf, "k-means, mean of the cell: an estimate")


def _row(one: Codes, behind: Interpolation, placed: Placement, floor: float) -> tuple[Any, ...]:
    mean, sampler = one.mean or (None, None), one.sampler or (None, None)
    reached = (*mean, *sampler, placed.measurement.D, behind.least + behind.transport)
    D, transport, drawn, far, realistic, least = (None if value is None else round(value, 1) for value in reached)
    needed, below = (_down(nats_to_bits(value)) for value in (placed.bounds.lower, floor))
    excess = -_down(-nats_to_bits(placed.excess_rate.upper))
    rate = round(nats_to_bits(one.rate), PLACES)
    return int(one.name), rate, D, transport, below, drawn, far, realistic, least, needed, excess


def _down(value: float) -> float:
    """A lower bound with so few digits that a table of many columns stays in its place."""
    return math.floor(value * 10.0**PLACES) / 10.0**PLACES


def _words(held: dict[str, Any]) -> list[str]:
    versions = ", ".join(f"{name} {number}" for name, number in held["versions"].items())
    return [
        f"Networks trained and measured on {held['images']}. With 16 cells the encoder sends two numbers of four "
        "levels each. A decoder was trained with it for least squared error, and behind it a sampler, by the "
        f"energy score. The rate is the entropy of the code. Seed {held['seed']}, {held['steps']} steps, "
        f"{versions}; this page only reads what was measured.",
        "Two curves are proved. Whatever a codec of these images does, its rate is at least R(2D, 0) [BM19, "
        "Theorem 2]. With perfect realism, P = 0, it is at least R(D, 0). The circles are decoders of the trained "
        "codes that have it: they draw an image from the cell of the code, at twice the error of the cell's mean, "
        "and the line below is the rate that they spend in excess. The table has the least D of any decoder of "
        "the code with P = 0, D* + W² [YWL22, Theorem 1].",
        "A trained sampler draws pictures that are none of the measured ones. Its W2² is that of as many draws as "
        f"images; for comparison, as many other digits are {held['floor']:.0f} away from these.",
        "What is not drawn: R(D,P) of single pixels or of patches. A codec that uses the dependence between "
        "pixels goes below it, so that it would be no bound; and these statements are about the measured images, "
        "not about the population that they come from.",
    ]


guard(__name__)
