"""Figures on R(D,P) of one source, and on what its decoders reach."""

from __future__ import annotations

from math import inf, log10
from typing import Any

import numpy as np

from rdptheory._types import Bounds, FloatArray
from rdptheory.closed_forms import bernoulli, gaussian
from rdptheory.distortions import Hamming, SquaredError
from rdptheory.divergences import Divergence, TotalVariation, Wasserstein2Squared
from rdptheory.inverse import distortion_at
from rdptheory.papers.redrawn import Redrawn, Value
from rdptheory.plotting import COLOURS, figure, looks, shade, style
from rdptheory.problems import Problem
from rdptheory.representations import representation_region
from rdptheory.representations.interpolation import best_interval_quantiser, interpolation, joint_transport
from rdptheory.solve import answers, rdp
from rdptheory.sources import Bernoulli, Gaussian, Pmf, Source
from rdptheory.units import bits_to_nats, nats_to_bits

__all__ = ["bernoulli_surface", "gaussian_surface", "interpolated_psnr", "jump", "three_representations"]

P_COIN = 0.25
"""The coin of the redrawn surface; its formula holds for any."""
LINE = Pmf.from_weights(np.exp(-0.5 * np.linspace(-2.4, 2.4, 9) ** 2), np.linspace(-2.4, 2.4, 9))
"""Nine points of a normal law: small enough for linear programs, and not uniform."""
UNEVEN = Pmf([0.4, 0.1, 0.2, 0.05, 0.25], [0.0, 0.5, 2.0, 3.0, 4.0])
"""Five symbols with gaps, on which three representations of one rate differ visibly."""
FINE = 401
"""Points along an axis of a closed form: more than a column has pixels."""


def bernoulli_surface() -> Redrawn:
    """R(D,P) of a coin and its sections, from the closed form."""
    D, P = np.meshgrid(np.linspace(1e-4, 0.4, FINE), np.linspace(0.0, 0.25, FINE))
    question = Bernoulli(P_COIN), Hamming(), TotalVariation()
    sections = {limit: bernoulli.rate(P_COIN, D[0], limit) for limit in (0.0, 0.05, 0.1, inf)}
    return Redrawn(
        _rates(question, [(0.1, 0.0), (0.1, 0.05), (0.2, 0.05), (0.1, inf)]),
        "Perfect perception costs rate at every distortion; at P = p the limit is free.",
        _surface_and_sections(D, P, bernoulli.rate(P_COIN, D, P), sections),
    )


def gaussian_surface() -> Redrawn:
    """R(D,P) of N(0,1) and its sections of equal rate, each served by one representation."""
    D, P = np.meshgrid(np.linspace(0.02, 2.0, FINE), np.linspace(0.0, 1.0, FINE))
    rates = nats_to_bits(gaussian.rate(1.0, D, P))
    with style():
        drawn, (upper, lower) = figure(1, 2, height=2.5)
        shade(upper, D[0], P[:, 0], np.minimum(rates, 2.8))
        upper.set(xlabel="distortion D (squared error)", ylabel="perception P (squared W2)", title="N(0, 1)")
        bits = (0.05, 0.25, 0.5, 1.0, 2.0)
        for value, look in zip(bits, looks(len(bits), ordered=True), strict=True):
            along = gaussian.distortion(1.0, bits_to_nats(value), P[:, 0])
            lower.plot(along, P[:, 0], color=look["color"], linestyle=look["linestyle"], label=f"{value:g} bit")
        lower.set(xlabel="distortion D (squared error)", ylabel="perception P (squared W2)")
        lower.set(xlim=(0.0, 2.0), ylim=(0.0, 1.0), title="sections of equal rate")
        lower.legend()
    question = Gaussian(0.0, 1.0), SquaredError(), Wasserstein2Squared()
    says = "At one rate every point of a section is reached from one representation, by a decoder that only scales."
    return Redrawn(_rates(question, [(0.5, 0.0), (0.5, 0.05), (0.5, inf), (1.0, 0.0)]), says, drawn)


def three_representations() -> Redrawn:
    """What representations that are optimal at three points of one rate reach, for a finite source."""
    ball, R = TotalVariation(), bits_to_nats(0.35)
    limits = np.linspace(0.0, 0.8, 17)
    best = [distortion_at(UNEVEN, SquaredError(), ball, R=R, P=float(P)).bounds for P in limits]
    values = []
    with style():
        drawn, (axes,) = figure(height=2.7)
        axes.plot([one.upper for one in best], limits, color="black", label="any representation")
        chosen = ((inf, "least distortion"), (0.1, "P = 0.1"), (0.0, "P = 0"))
        for (P, name), look in zip(chosen, looks(4)[1:], strict=True):
            D = distortion_at(UNEVEN, SquaredError(), ball, R=R, P=P).value
            candidate = rdp(UNEVEN, SquaredError(), ball, D=D, P=P).candidate
            assert candidate is not None
            assert candidate.channel is not None
            region = representation_region(UNEVEN, candidate.channel, ball, finite=True)
            reached = [region.distortion(float(P)) for P in limits]
            axes.plot(
                [one.upper for one in reached],
                limits,
                color=look["color"],
                linestyle=look["linestyle"],
                marker=look["marker"],
                markevery=4,
                label=f"optimal at {name}",
            )
            values.append(Value(f"least D at P = 0, representation optimal at {name}", "squared units", reached[0]))
        axes.set(xlabel="distortion D (squared error)", ylabel="perception P (total variation)")
        axes.set_title("five symbols, three codes of 0.35 bit")
        axes.legend()
    values.append(Value("least D at P = 0, any representation", "squared units", best[0]))
    says = "Each representation loses a little away from the point that it is optimal at."
    return Redrawn(tuple(values), says, drawn)


def jump() -> Redrawn:
    """The distortion at the optimum of the augmented loss, by a linear program, over its weight."""
    encoder = best_interval_quantiser(LINE, 3)
    least = interpolation(LINE, encoder).least
    betas = np.array([0.05, 0.15, 0.25, 0.35, 0.45, 0.49, 0.51, 0.55, 0.65, 0.75, 0.85, 0.95])
    found = [joint_transport(LINE, encoder, float((1.0 - beta) / beta)) for beta in betas]
    ratios = [one.error / least for one in found]
    with style():
        drawn, (axes,) = figure()
        axes.plot(betas, ratios, color="black", linestyle="none", marker="o", markerfacecolor="white", label="optimum")
        axes.plot([0.0, 0.5, 0.5, 1.0], [1.0, 1.0, 2.0, 2.0], color=COLOURS[0], label="theorem 2")
        axes.set(xlabel="weight β of the W1 term (share of the loss)", ylabel="E(X-Y)² / D* (ratio)", ylim=(0.0, 2.3))
        axes.set_title("nine symbols, three cells")
        axes.legend(loc="lower right")
    values = tuple(
        Value(f"least loss at β = {beta:g}", "units of the source", one.bounds)
        for beta, one in zip(betas, found, strict=True)
    )
    says = "The optimum leaps from the conditional mean to a perfect sampler, from D* to 2 D*, at β = 1/2."
    return Redrawn(values, says, drawn)


def interpolated_psnr(printed: dict[float, float]) -> Redrawn:
    """PSNR that mixing the mean with a perfect sampler loses, 10 log10(1 + (1-α)²), beside printed losses."""
    law = {alpha: 10.0 * log10(1.0 + (1.0 - alpha) ** 2) for alpha in printed}
    fine = np.linspace(0.0, 1.0, FINE)
    with style():
        drawn, (axes,) = figure()
        axes.plot(fine, 10.0 * np.log10(1.0 + (1.0 - fine) ** 2), color=COLOURS[0], label="perfect sampler")
        look = {"color": "black", "linestyle": "none", "marker": "o", "markerfacecolor": "white"}
        axes.plot(list(printed), list(printed.values()), label="printed (trained)", **look)
        axes.set(xlabel="share α of the mean in the output", ylabel="PSNR lost against the mean (dB)", ylim=(0.0, 3.3))
        axes.legend()
    values = tuple(
        Value(f"PSNR lost at α = {alpha:g}", "dB", _rounded(law[alpha]), printed[alpha]) for alpha in printed
    )
    says = "A perfect sampler loses what the line says; the printed losses are those of samplers short of perfect."
    return Redrawn(values, says, drawn)


def _rates(
    question: tuple[Source, SquaredError | Hamming, Divergence], at: list[tuple[float, float]]
) -> tuple[Value, ...]:
    found = []
    asked = [Problem(*question, D, P) for D, P in at]
    for (D, P), solution in zip(at, answers(asked, None), strict=True):
        bits = Bounds(nats_to_bits(solution.bounds.lower), nats_to_bits(solution.bounds.upper))
        found.append(Value(f"R({D:g}, {'∞' if P == inf else f'{P:g}'})", "bits", bits))
    return tuple(found)


def _surface_and_sections(D: FloatArray, P: FloatArray, rates: FloatArray, sections: dict[float, FloatArray]) -> Any:
    d, delta = "share of wrong symbols", "total variation"
    with style():
        drawn, (upper, lower) = figure(1, 2, height=2.5)
        shade(upper, D[0], P[:, 0], nats_to_bits(rates))
        upper.set(xlabel=f"distortion D ({d})", ylabel=f"perception P ({delta})", title=f"Bernoulli({P_COIN:g})")
        for (limit, line), look in zip(sections.items(), looks(len(sections), ordered=True), strict=True):
            name = "P = ∞" if limit == inf else f"P = {limit:g}"
            lower.plot(D[0], nats_to_bits(line), color=look["color"], linestyle=look["linestyle"], label=name)
        lower.set(xlabel=f"distortion D ({d})", ylabel="rate R(D, P) (bits per symbol)", xlim=(0.0, None))
        lower.set_ylim(bottom=0.0)
        lower.legend(title=f"limit on P ({delta})")
        return drawn


def _rounded(value: float) -> Bounds:
    """A formula of a few operations: within four units in the last place."""
    return Bounds(value - 4.0 * float(np.spacing(value)), value + 4.0 * float(np.spacing(value)))
