"""Which divergence should measure perception?

The numbers of two divergences do not compare, so every one gets the budget that the same damage would use up: the law
(1-t) p + t 1{y = mean}, a share t of all pixels turned into the mean grey. At equal t the rates then show how each
divergence values one and the same licence: a lower rate means that it lets the codec drift further from p.

    python examples/which_divergence.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from rdptheory import SquaredError, rate_distortion, rdp
from rdptheory.demo import digits_source
from rdptheory.divergences import F_DIVERGENCES
from rdptheory.plotting import COLOURS, DASHES, figure, save, style
from rdptheory.units import nats_to_bits

D = 20.0


def main(out: Path) -> Path:
    """Print the rates at t = 1/8 and draw them over t into `out`."""
    source, d = digits_source(), SquaredError()
    p = source.probabilities
    mean = np.zeros_like(p)
    mean[int(np.rint(p @ source.points))] = 1.0
    shares = 0.5 * np.linspace(0.0, 1.0, 21) ** 2
    with style():
        drawn, (axes,) = figure(height=3.0)
        for divergence, colour, line in zip(F_DIVERGENCES, COLOURS, DASHES, strict=False):
            budgets = [divergence.value(p, (1.0 - t) * p + t * mean) for t in shares]
            rates = [nats_to_bits(rdp(source, d, divergence, D=D, P=P).require(gap=1e-8).rate) for P in budgets]
            print(f"{divergence.name:22} t = {shares[10]:g} is P = {budgets[10]:.4f}, R = {rates[10]:.5f} bit")
            axes.plot(shares, rates, color=colour, linestyle=line, label=divergence.name)
        free = nats_to_bits(rate_distortion(source, d, D=D).rate)
        axes.axhline(free, color="0.5", linewidth=0.8)
        axes.annotate(f"R({D:g}, ∞)", (0.0, free), ha="left", va="bottom", fontsize=8, color="0.3")
        axes.set_xlabel("share t of grey pixels that sets P")
        axes.set_ylabel(f"rate R({D:g}, P) (bits per pixel)")
        axes.legend(fontsize=7)
        return save(drawn, out / "which_divergence.png")


if __name__ == "__main__":
    print(f"wrote {main(Path(sys.argv[1] if len(sys.argv) > 1 else '.'))}")
