"""Which divergence costs least for my source?
===========================================

The numbers of two divergences do not compare, so every one gets the budget that the same damage would use up: the law
(1-t) p + t 1{y = middle}, a share t of all symbols turned into the one next to the mean. At equal t the rates then show
how each divergence values one and the same licence: a lower rate means that it lets the codec drift further from p.

    python examples/which_divergence_costs_least.py [FOLDER] [SOURCE.csv]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rdptheory import Pmf, SquaredError, rate_distortion, rdp
from rdptheory.demo import digits_source
from rdptheory.divergences import F_DIVERGENCES
from rdptheory.plotting import WORDS, figure, looks, save, style
from rdptheory.script import script
from rdptheory.units import nats_to_bits


def main(out: Path, source: Pmf | None = None) -> Path:
    """Print the rates at t = 1/8 and draw them over t into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    source, d = source or digits_source(), SquaredError()
    p, x = source.probabilities, source.points
    variance = float(p @ (x - p @ x) ** 2)
    D = 0.55 * variance
    middle = np.zeros_like(p)
    middle[int(np.abs(x - p @ x).argmin())] = 1.0
    shares = 0.5 * np.linspace(0.0, 1.0, 17) ** 2
    with style():
        drawn, (axes,) = figure(height=2.9)
        for divergence, look in zip(F_DIVERGENCES, looks(len(F_DIVERGENCES)), strict=True):
            budgets = [divergence.value(p, (1.0 - t) * p + t * middle) for t in shares]
            rates = [nats_to_bits(rdp(source, d, divergence, D=D, P=P).require(gap=1e-8).rate) for P in budgets]
            name = WORDS[divergence.name].removesuffix(", nats")
            print(f"{name:18} t = {shares[8]:g} is P = {budgets[8]:.4f}, R = {rates[8]:.5f} bit")
            axes.plot(shares, rates, label=name, markevery=4, **look)
        free = nats_to_bits(rate_distortion(source, d, D=D).rate)
        axes.axhline(free, color="0.5", linewidth=0.8, linestyle="-")
        axes.annotate(f"R({D:.3g}, ∞)", (0.0, free), ha="left", va="bottom", color="0.3")
        axes.set(
            xlabel="share t of moved symbols that sets the limit P", ylabel=f"rate R({D:.3g}, P) (bits per symbol)"
        )
        axes.legend()
        return save(drawn, out / "which_divergence_costs_least.png")


if __name__ == "__main__":
    words = script(main)
    words.add_argument("source", metavar="SOURCE.csv", nargs="?", help="your own, in place of a pixel of digits")
    asked = words.parse_args()
    print(f"wrote {main(asked.folder, None if asked.source is None else Pmf.from_csv(asked.source))}")
