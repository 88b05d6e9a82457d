"""What does a distance of my own cost?
====================================

A divergence of your own is a class with two methods: its value, and a bound on the largest <v, r> over its ball. Here
it is the energy distance 2 ∫ (F - G)², of which the package knows nothing; the bound is that of an ellipsoid, which
forgets that masses are at least 0. Every point drawn is a proved bracket all the same, 1e-6 nat wide. Beside it W1 and
total variation get the budget that the same damage uses up: a share t of all symbols turned into the one next to the
mean.

    python examples/what_does_a_distance_of_my_own_cost.py [FOLDER] [SOURCE.csv]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rdptheory import Pmf, SquaredError, TotalVariation, Wasserstein1, rate_distortion, rdp
from rdptheory.demo import digits_source
from rdptheory.divergences import Divergence, Support
from rdptheory.plotting import figure, looks, save, style
from rdptheory.script import script
from rdptheory.units import nats_to_bits


class EnergyDistance(Divergence):
    """2 ∫ (F - G)² of two laws on points of a line, 0 between equal laws alone."""

    definite = True

    def __init__(self, points: np.ndarray) -> None:
        self.widths = np.diff(points)

    def value(self, reference: np.ndarray, output: np.ndarray) -> float:
        return float(2.0 * self.widths @ np.cumsum(output - reference)[:-1] ** 2)

    def support(self, v: np.ndarray, reference: np.ndarray, P: float) -> Support:
        """Σ v (r - p) is -Σ (F - G) Δv: Cauchy and Schwarz bound it."""
        most = float(v @ reference + np.sqrt(0.5 * P * float((np.diff(v) ** 2 / self.widths).sum())))
        return Support(most + 1e-12 * float(np.abs(v).max()), reference)  # raised by more than rounding


def main(out: Path, source: Pmf | None = None) -> Path:
    """Print the rates at t = 1/8 and draw them over t into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    source, d = source or digits_source(), SquaredError()
    p, x = source.probabilities, source.points
    D = 0.55 * float(p @ (x - p @ x) ** 2)
    middle = np.zeros_like(p)
    middle[int(np.abs(x - p @ x).argmin())] = 1.0
    shares = 0.5 * np.linspace(0.0, 1.0, 17) ** 2
    asked = {
        "energy distance, mine": EnergyDistance(x),
        "W1": Wasserstein1().on(x),
        "total variation": TotalVariation(),
    }
    with style():
        drawn, (axes,) = figure(height=2.9)
        for (name, divergence), look in zip(asked.items(), looks(len(asked)), strict=True):
            budgets = [divergence.value(p, (1.0 - t) * p + t * middle) for t in shares]
            found = [rdp(source, d, divergence, D=D, P=P).require(gap=1e-6) for P in budgets]
            rates = [nats_to_bits(one.rate) for one in found]
            print(f"{name:22} t = {shares[8]:g} is P = {budgets[8]:.4f}, R = {rates[8]:.5f} bit, by {found[8].method}")
            axes.plot(shares, rates, label=name, markevery=4, **look)
        free = nats_to_bits(rate_distortion(source, d, D=D).rate)
        axes.axhline(free, color="0.5", linewidth=0.8, linestyle="-")
        axes.annotate(f"R({D:.3g}, ∞)", (0.0, free), ha="left", va="bottom", color="0.3")
        axes.set(
            xlabel="share t of moved symbols that sets the limit P", ylabel=f"rate R({D:.3g}, P) (bits per symbol)"
        )
        axes.legend()
        return save(drawn, out / "what_does_a_distance_of_my_own_cost.png")


if __name__ == "__main__":
    words = script(main)
    words.add_argument("source", metavar="SOURCE.csv", nargs="?", help="your own, in place of a pixel of digits")
    asked = words.parse_args()
    print(f"wrote {main(asked.folder, None if asked.source is None else Pmf.from_csv(asked.source))}")
