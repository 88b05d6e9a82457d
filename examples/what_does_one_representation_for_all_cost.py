"""What does one representation cost when it has to serve several distortions and perceptions?
===========================================================================================

For a Gaussian nothing (figure 1 of [ZQCK21], redrawn by `rdptheory papers`). For coins little: the rate penalty of the
two extreme points of one rate, and of five points between them. And what one quantiser reaches by its decoders, beside
what common randomness would reach at the same rate.

    python examples/what_does_one_representation_for_all_cost.py [FOLDER]
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from rdptheory import (
    Bernoulli,
    Hamming,
    Pmf,
    SquaredError,
    TotalVariation,
    Wasserstein2Squared,
    distortion_at,
    rate_penalty,
    representation_region,
)
from rdptheory.closed_forms import bernoulli
from rdptheory.information import entropy
from rdptheory.plotting import COLOURS, figure, looks, save, style
from rdptheory.representations import best_interval_quantiser, interpolation
from rdptheory.script import script
from rdptheory.units import bits_to_nats, nats_to_bits

INF = float("inf")
LINE = Pmf.from_weights(np.exp(-0.5 * np.linspace(-2.4, 2.4, 9) ** 2), np.linspace(-2.4, 2.4, 9))


def inverse(rate: Callable[[float], float], R: float, most: float) -> float:
    """The D with rate(D) = R."""
    return float(brentq(lambda D: rate(D) - R, 1e-6 * most, most, xtol=1e-9 * most))


def bernoulli_penalty(folder: Path) -> Path:
    """A(Θ) of the two extreme points over p, and whether points between them ever cost more."""
    source_rates, masses = (0.02, 0.1, 0.3, 0.5), np.linspace(0.02, 0.5, 25)
    costly, tried = 0, 0
    with style():
        drawn, (axes,) = figure(height=2.7)
        for bits, look in zip(source_rates, looks(len(source_rates), ordered=True), strict=True):
            R, drawn_at, penalties = bits_to_nats(bits), [], []
            for p in masses:
                if entropy([p, 1.0 - p]) <= 1.02 * R:
                    continue
                source, limits = Bernoulli(float(p)), [0.0, INF]
                points = []
                for P in limits:
                    D = inverse(lambda D, p=p, P=P: float(bernoulli.rate(p, D, P)), R, 2.0 * p * (1.0 - p))
                    points.append((D, float(P)))
                two = rate_penalty(source, Hamming(), TotalVariation(), points)
                penalties.append(nats_to_bits(two.upper))
                costly, tried = costly + (two.lower > 1e-9), tried + 1
                drawn_at.append(p)
            del look["marker"]
            axes.plot(drawn_at, penalties, label=f"{bits:g} bit", **look)
        axes.set(xlabel="mass p of the coin's rarer side", ylabel="rate penalty (bits)")
        axes.set_title("P = 0 and P = ∞ from one code of a coin")
        axes.set_xlim(0.0, 0.5)
        axes.set_ylim(bottom=0.0)
        drawn.legend(title="rate of each point alone", loc="outside lower center", ncols=4)
        print(f"{tried} coins and rates: in {costly} of them one code provably costs more than each point alone")
        return save(drawn, folder / "bernoulli_penalty.png")


def with_and_without_common_randomness(folder: Path) -> Path:
    """One quantiser and its decoders against the information function at the same rate."""
    ball = Wasserstein2Squared()
    encoder = best_interval_quantiser(LINE, 2)
    found = interpolation(LINE, encoder)
    R = entropy(LINE.probabilities @ encoder)
    limits = np.linspace(0.0, 0.4, 17)
    kept = representation_region(LINE, encoder, ball, finite=True)
    shared = [distortion_at(LINE, SquaredError(), ball, R=R, P=float(P)).value for P in limits]
    with style():
        drawn, (axes,) = figure(height=2.7)
        fine = np.linspace(0.0, 0.4, 200)
        one, two, three = looks(3)
        axes.plot([found.distortion(float(P)) for P in fine], fine, color=one["color"], label="quantiser, Y in R")
        ends = [kept.distortion(float(P)).upper for P in limits]
        axes.plot(ends, limits, color=two["color"], linestyle=two["linestyle"], label="quantiser, Y on the points")
        look = {"color": three["color"], "linestyle": three["linestyle"]}
        axes.plot(shared, limits, label="common randomness, Y on the points", **look)
        for alpha in (0.0, 0.5, 1.0):
            D, P = found.at(alpha)
            axes.plot(D, P.upper, "o", color=COLOURS[0])
            side = {"xytext": (-4, -9), "ha": "right"} if alpha else {"xytext": (4, 4)}
            axes.annotate(f"α = {alpha:g}", (D, P.upper), textcoords="offset points", fontsize=7, **side)
        axes.set(xlabel="distortion D (squared error)", ylabel="perception P (squared W2)", xlim=(None, 0.75))
        axes.set_title(f"nine symbols at {nats_to_bits(R):.3f} bit")
        drawn.legend(loc="outside lower center")
        print(f"at P = 0 the quantiser reaches D = {found.distortion(0.0):.4f}, common randomness {shared[0]:.4f}")
        return save(drawn, folder / "common_randomness.png")


def main(out: Path) -> Path:
    """Print the penalties and draw both pictures into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    paths = [draw(out) for draw in (with_and_without_common_randomness, bernoulli_penalty)]
    return paths[-1]


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
