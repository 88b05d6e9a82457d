"""Figures on entropy-constrained transport between two laws [LZCK22]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.closed_forms import transport_binary, transport_gaussian, transport_uniform
from rdptheory.distortions import Distortion, Hamming, SquaredError
from rdptheory.papers.redrawn import Redrawn, Value
from rdptheory.plans import PrivatePlan
from rdptheory.plotting import COLOURS, figure, looks, style
from rdptheory.sources import Bernoulli, Gaussian, Pmf, Source, Uniform
from rdptheory.transport import constrained_transport
from rdptheory.units import bits_to_nats

__all__ = ["binary", "binary_plan", "draw_plan", "gaussian", "uniform"]

FINE = 401
"""Points along an axis of a closed form: more than a column has pixels."""


def binary() -> Redrawn:
    """Distortion over rate for three pairs of coins, with the bounds that quantise each coin as if it were alone."""
    coins = ((0.3, 0.3), (0.3, 0.5), (0.3, 0.6))
    bits = np.linspace(0.0, 1.0, FINE)
    R, values = bits_to_nats(bits), []
    with style():
        drawn, panels = figure(1, 3, height=1.75)
        for axes, (qX, qY) in zip(panels, coins, strict=True):
            curves = (
                ("no common randomness", transport_binary.distortion(qX, qY, R=R, common_randomness=False)),
                ("its upper bound", transport_binary.upper(qX, qY, R=R)),
                ("its lower bound", transport_binary.lower(qX, qY, R=R)),
                ("common randomness", transport_binary.distortion(qX, qY, R=R, common_randomness=True)),
            )
            _lines(axes, bits, curves)
            axes.set(title=f"$q_X = {qX}$, $q_Y = {qY}$", xlim=(0.0, 1.0), ylim=(0.0, 0.6), ylabel="P(Y ≠ X)")
            values += _pair(Bernoulli(qX), Bernoulli(qY), Hamming(), 0.5, f"qX = {qX}, qY = {qY}", "probability")
        panels[-1].set_xlabel("rate R (bits per symbol)")
        drawn.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, columnspacing=1.0)
    says = "Common randomness always helps; the bounds meet the curve where both coins lean to the same side of 1/2."
    return Redrawn(tuple(values), says, drawn)


def binary_plan() -> Redrawn:
    """An optimal plan between two coins at half a bit without common randomness: X, its letter Z, and Y."""
    qX, qY, rate = 0.3, 0.4, 0.5
    source, target = Pmf([1.0 - qX, qX]), Pmf([1.0 - qY, qY])
    found = constrained_transport(source, target, SquaredError(), R=bits_to_nats(rate), common_randomness=False)
    assert isinstance(found.plan, PrivatePlan)
    with style():
        drawn, (axes,) = figure(height=2.2)
        draw_plan(axes, source, target, found.plan)
        axes.set_title(f"coins {qX} and {qY} at {rate:g} bit: P(Y ≠ X) = {found.distortion:.4f}")
    values = _pair(Bernoulli(qX), Bernoulli(qY), Hamming(), rate, f"qX = {qX}, qY = {qY}", "probability")
    return Redrawn(
        tuple(values), "The quantiser of X does not know the law of Y, nor the dequantiser that of X.", drawn
    )


def uniform() -> Redrawn:
    """U[0,2] sent to U[0,5] without common randomness: the distortion and its three terms."""
    source, target = Uniform(0.0, 2.0), Uniform(0.0, 5.0)
    bits = np.unique(np.concatenate((np.linspace(0.0, 5.0, FINE), np.log2(np.arange(1, 33)))))
    R = bits_to_nats(bits)
    quantise, convert, dequantise = transport_uniform.terms(source, target, R=R)
    floor = float(transport_uniform.distortion(source, target, R=np.inf))
    with style():
        drawn, (upper, lower) = figure(1, 2, height=2.0)
        total = (("sum of three terms", quantise + convert + dequantise), ("converting cell centres", convert))
        parts = (("dequantising Y", dequantise), ("quantising X", quantise))
        for axes, curves in ((upper, total), (lower, parts)):
            _lines(axes, bits, curves, broad_first=False)
            axes.set(ylabel="mean squared error", xlim=(0.0, 5.0))
            axes.set_ylim(bottom=0.0)
        upper.axhline(floor, color="0.4", linewidth=0.9, linestyle=(0, (1, 2)), label="unlimited rate")
        upper.legend()
        lower.legend()
        lower.set_xlabel("rate R (bits per symbol)")
    values = _pair(source, target, SquaredError(), 1.0, "U[0,2] to U[0,5]", "squared units", shared=False)
    values += _pair(source, target, SquaredError(), 2.0, "U[0,2] to U[0,5]", "squared units", shared=False)
    return Redrawn(tuple(values), "A kink at R = log2 N, wherever one more cell appears.", drawn)


def gaussian() -> Redrawn:
    """One Gaussian sent as another over long blocks, with and without common randomness."""
    pairs = (
        ("N(0, 1) to N(0, 1)", Gaussian(0.0, 1.0), Gaussian(0.0, 1.0)),
        ("N(0, 1) to N(1, 4)", Gaussian(0.0, 1.0), Gaussian(1.0, 4.0)),
    )
    bits = np.linspace(0.0, 3.0, FINE)
    R, values = bits_to_nats(bits), []
    with style():
        drawn, panels = figure(1, 2, height=2.0)
        for axes, (title, source, target) in zip(panels, pairs, strict=True):
            curves = (
                ("no common randomness", transport_gaussian.distortion(source, target, R=R, common_randomness=False)),
                ("quantisation errors alone", transport_gaussian.lower(source, target, R=R)),
                ("common randomness", transport_gaussian.distortion(source, target, R=R, common_randomness=True)),
            )
            _lines(axes, bits, curves)
            axes.set(title=title, ylabel="mean squared error", xlim=(0.0, 3.0))
            axes.set_ylim(bottom=0.0)
            values += _pair(source, target, SquaredError(), 1.0, title, "squared units", asymptotic=True)
        panels[0].legend()
        panels[-1].set_xlabel("rate R (bits per symbol)")
    says = "Common randomness helps; for equal laws the quantisation errors alone are the whole distortion."
    return Redrawn(tuple(values), says, drawn)


def draw_plan(axes: Any, source: Pmf, target: Pmf, plan: PrivatePlan) -> None:
    """Flows X - Z - Y whose width is probability; 14 points for probability 1."""
    z = source.probabilities @ plan.encoder
    letters = np.flatnonzero(z > 1e-9)  # letters of no mass are rounding
    top = float(max(source.points.max(), target.points.max()))
    heights = np.linspace(0.0, top, letters.size + 2)[1:-1]
    flows = (
        (0.0, source.points, heights, source.probabilities[:, None] * plan.encoder[:, letters], COLOURS[0]),
        (1.0, heights, target.points, z[letters, None] * plan.decoder[letters], COLOURS[1]),
    )
    for start, low, high, masses, colour in flows:
        for i, j in np.argwhere(masses > 1e-9):
            look = {"color": colour, "linewidth": 14.0 * masses[i, j], "alpha": 0.75, "solid_capstyle": "butt"}
            axes.plot((start, start + 1.0), (low[i], high[j]), linestyle="-", **look)
    for height, mass in zip(heights, z[letters], strict=True):
        axes.text(1.0, height, f"{mass:.3f}", ha="center", va="center", fontsize=7, bbox={"color": "white", "pad": 1.0})
    for place, law, side, align in ((0.0, source, -0.06, "right"), (2.0, target, 0.06, "left")):
        for point, mass in zip(law.points, law.probabilities, strict=True):
            axes.text(place + side, point, f"{point:g} ({mass:.2f})", ha=align, va="center", fontsize=7)
    for place, name in enumerate("XZY"):
        axes.text(place, -0.22 * top, name, ha="center", va="top", weight="bold")
    axes.set(xlim=(-0.55, 2.55), ylim=(-0.45 * top, 1.15 * top))
    axes.axis("off")


def _lines(axes: Any, bits: FloatArray, curves: Sequence[tuple[str, FloatArray]], *, broad_first: bool = True) -> None:
    """Curves over the rate; the first is broad where bounds that are met lie on it."""
    for number, ((name, line), look) in enumerate(zip(curves, looks(len(curves)), strict=True)):
        broad = {"linewidth": 3.2, "alpha": 0.55} if number == 0 and broad_first else {}
        axes.plot(bits, line, color=look["color"], linestyle=look["linestyle"], label=name, **broad)


def _pair(
    source: Source, target: Source, d: Distortion, bits: float, name: str, unit: str, *,
    asymptotic: bool = False, shared: bool = True,
) -> list[Value]:  # fmt: skip
    """Proved brackets at one rate, without common randomness and, if asked, with it."""
    values = []
    for common in (False, True) if shared else (False,):
        found = constrained_transport(
            source, target, d, R=bits_to_nats(bits), common_randomness=common, asymptotic=asymptotic
        )
        said = "with common randomness" if common else "without"
        values.append(Value(f"{name}, {bits:g} bit, {said}", unit, found.bounds))
    return values
