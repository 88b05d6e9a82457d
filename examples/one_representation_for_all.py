"""What does one representation cost when it has to serve several distortions and perceptions?

Four pictures: the Gaussian tradeoff, where it costs nothing; the regions of three representations of one rate; the rate
penalty of Bernoulli sources; and one quantiser with and without common randomness.

    python examples/one_representation_for_all.py [folder]
"""

from __future__ import annotations

import sys
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
    rate_penalty,
    rdp,
    representation_region,
)
from rdptheory.closed_forms import bernoulli, gaussian
from rdptheory.information import entropy
from rdptheory.plotting import COLOURS, figure, save, style
from rdptheory.representations import best_interval_quantiser, interpolation
from rdptheory.units import bits_to_nats, nats_to_bits

INF = float("inf")
UNEVEN = Pmf([0.4, 0.1, 0.2, 0.05, 0.25], [0.0, 0.5, 2.0, 3.0, 4.0])
LINE = Pmf.from_weights(np.exp(-0.5 * np.linspace(-2.4, 2.4, 9) ** 2), np.linspace(-2.4, 2.4, 9))


def distortion_at(rate: Callable[[float], float], R: float, most: float) -> float:
    """The D with rate(D) = R."""
    return float(brentq(lambda D: rate(D) - R, 1e-6 * most, most, xtol=1e-9 * most))


def gaussian_tradeoff(folder: Path) -> Path:
    """Figure 1 of [ZQCK21]: R(D, P) of N(0, 1) and its sections of equal rate, each served by one representation."""
    from matplotlib.colors import PowerNorm

    with style():
        drawn, (left, right) = figure(2, width=3.4, height=3.0)
        D, P = np.meshgrid(np.linspace(0.02, 2.0, 400), np.linspace(0.0, 1.0, 400))
        rates = np.minimum(nats_to_bits(gaussian.rate(1.0, D, P)), 2.8)
        levels = [0.0, 0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 2.8]
        shades = left.contourf(D, P, rates, levels=levels, norm=PowerNorm(0.4), cmap="viridis")
        drawn.colorbar(shades, ax=left, label="rate R(D, P) (bits)", ticks=levels)
        left.set(xlabel="distortion D", ylabel="perception P (squared W2)", title="N(0, 1)")
        left.grid(False)
        limits = np.linspace(0.0, 1.0, 400)
        for colour, bits in zip(COLOURS, (0.05, 0.25, 0.5, 1.0, 2.0), strict=False):
            D = gaussian.distortion(1.0, bits_to_nats(bits), limits)
            right.plot(D, limits, color=colour, label=f"{bits:g} bit")
        right.set(xlabel="distortion D", ylabel="perception P (squared W2)", title="sections of equal rate")
        right.set_xlim(0, 2)
        right.set_ylim(0, 1)
        right.legend(title="rate")
        return save(drawn, folder / "gaussian_tradeoff.png")


def three_representations(folder: Path) -> Path:
    """Figure 2 of [ZQCK21] for a finite source: what representations that are optimal at three points reach."""
    ball, R = TotalVariation(), bits_to_nats(0.35)

    def rate(P: float) -> Callable[[float], float]:
        return lambda D: rdp(UNEVEN, SquaredError(), ball, D=D, P=P).rate

    limits = np.linspace(0.0, 0.8, 17)
    best = [distortion_at(rate(float(P)), R, 5.0) for P in limits]
    with style():
        drawn, (axes,) = figure(1, width=4.2, height=3.2)
        axes.plot(best, limits, color="black", label="any representation")
        chosen = ((INF, "least distortion"), (0.1, "P = 0.1"), (0.0, "perfect perception"))
        for colour, dash, (P, name) in zip(COLOURS, ("--", "-.", ":"), chosen, strict=False):
            D = distortion_at(rate(P), R, 5.0)
            channel = rdp(UNEVEN, SquaredError(), ball, D=D, P=P).candidate.channel
            region = representation_region(UNEVEN, channel, ball, finite=True)
            reached = [region.distortion(float(P)).upper for P in limits]
            axes.plot(reached, limits, color=colour, linestyle=dash, label=f"optimal at {name}")
            ends = [region.lower_right, region.upper_left]
            axes.plot([end.D for end in ends], [end.P for end in ends], "o", color=colour, markersize=4)
        axes.set(xlabel="distortion D", ylabel="perception P (total variation)", ylim=(-0.02, 1.25))
        axes.set_yticks(np.linspace(0.0, 0.8, 5))
        axes.set_title("five symbols at 0.35 bit: regions of three representations")
        axes.legend()
        return save(drawn, folder / "three_representations.png")


def bernoulli_penalty(folder: Path) -> Path:
    """A(Θ) of the two extreme points over p, and whether points between them ever cost more."""
    source_rates, masses = (0.02, 0.1, 0.3, 0.5), np.linspace(0.02, 0.5, 13)
    costly, tried = 0, 0
    with style():
        drawn, (axes,) = figure(1, width=4.2, height=3.2)
        for colour, bits in zip(COLOURS, source_rates, strict=False):
            R, drawn_at, penalties, more = bits_to_nats(bits), [], [], []
            for p in masses:
                if entropy([p, 1.0 - p]) <= 1.02 * R:
                    continue
                source, limits = Bernoulli(float(p)), [0.0, *np.linspace(0.0, p, 7)[1:-1], INF]
                points = []
                for P in limits:
                    D = distortion_at(lambda D, p=p, P=P: float(bernoulli.rate(p, D, P)), R, 2.0 * p * (1.0 - p))
                    points.append((D, float(P)))
                ends = [points[0], points[-1]]
                two, every = (rate_penalty(source, Hamming(), TotalVariation(), some) for some in (ends, points))
                penalties.append(nats_to_bits(two.upper))
                more.append(nats_to_bits(every.upper))
                costly, tried = costly + (every.lower > two.upper), tried + 1
                drawn_at.append(p)
            axes.plot(drawn_at, penalties, color=colour, label=f"R = {bits:g} bit")
            axes.plot(drawn_at, more, color=colour, linestyle="--")
        axes.plot([], [], color="black", linestyle="--", label="five points between")
        axes.set(xlabel="p", ylabel="rate penalty A (bits)", title="Bernoulli(p), P = 0 and P = ∞ from one code")
        axes.set_xlim(0.0, 0.5)
        axes.set_ylim(0.0, 0.034)
        axes.legend(ncols=2)
        print(f"{tried} cases: in {costly} of them five points between the extremes provably cost more")
        return save(drawn, folder / "bernoulli_penalty.png")


def with_and_without_common_randomness(folder: Path) -> Path:
    """One quantiser and its decoders against the information function at the same rate."""
    ball = Wasserstein2Squared()
    encoder = best_interval_quantiser(LINE, 2)
    found = interpolation(LINE, encoder)
    R = entropy(LINE.probabilities @ encoder)
    limits = np.linspace(0.0, 0.4, 17)
    kept = representation_region(LINE, encoder, ball, finite=True)
    shared = [
        distortion_at(lambda D, P=P: rdp(LINE, SquaredError(), ball, D=D, P=float(P)).rate, R, 3.0) for P in limits
    ]
    with style():
        drawn, (axes,) = figure(1, width=4.2, height=3.2)
        fine = np.linspace(0.0, 0.4, 200)
        axes.plot([found.distortion(float(P)) for P in fine], fine, color=COLOURS[0], label="quantiser, Y in R")
        axes.plot(
            [kept.distortion(float(P)).upper for P in limits],
            limits,
            color=COLOURS[1],
            linestyle="--",
            label="quantiser, Y on the points",
        )
        axes.plot(shared, limits, color="black", linestyle="-.", label="common randomness, Y on the points")
        for alpha, shift in ((0.0, (4, 6)), (0.5, (-38, -9)), (1.0, (-34, -9))):
            D, P = found.at(alpha)
            axes.plot(D, P.upper, "o", color=COLOURS[0], markersize=4)
            axes.annotate(f"α = {alpha:g}", (D, P.upper), textcoords="offset points", xytext=shift, fontsize=7)
        axes.set(xlabel="distortion D", ylabel="perception P (squared W2)", ylim=(-0.02, 0.6), xlim=(0.2, 0.75))
        axes.set_yticks(np.linspace(0.0, 0.4, 5))
        axes.set_title(f"nine symbols at {nats_to_bits(R):.3f} bit")
        axes.legend()
        return save(drawn, folder / "common_randomness.png")


def main(folder: Path) -> Path:
    """Write the four pictures and return the path of the last."""
    folder.mkdir(parents=True, exist_ok=True)
    drawings = (gaussian_tradeoff, three_representations, with_and_without_common_randomness, bernoulli_penalty)
    paths = [draw(folder) for draw in drawings]
    print(*paths, sep="\n")
    return paths[-1]


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "report"))
