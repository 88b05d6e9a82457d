"""What does realism of whole blocks cost?
=======================================

A decoder whose letters have the right law one by one needs no shared randomness. Whole blocks that look right do: the
lines are a Gaussian source at one bit [QCYX25], the crosses the number of heads of five coins, with a proof.

    python examples/what_does_realism_of_whole_blocks_cost.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rdptheory import Pmf, SquaredError, Wasserstein2Squared, distortion_at
from rdptheory.closed_forms import gaussian
from rdptheory.plotting import figure, looks, save, style
from rdptheory.script import script
from rdptheory.units import bits_to_nats

RATE = bits_to_nats(1.0)
SHARED = (0.0, 0.5, float("inf"))
COINS = Pmf(np.array([1, 5, 10, 10, 5, 1]) / 32, (np.arange(6) - 2.5) / np.sqrt(1.25))  # of variance 1


def main(out: Path) -> Path:
    """Print and draw what each amount of common randomness costs, into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    limits = np.linspace(0.0, 0.5, 201)
    with style():
        drawn, (axes,) = figure()
        for shared, look in zip(SHARED, looks(len(SHARED), ordered=True), strict=True):
            extra = float(bits_to_nats(shared))
            name = "as much as it takes" if np.isinf(shared) else f"{shared:g} bit"
            line = gaussian.distortion(1.0, RATE, limits, common_randomness=extra, sense="block")
            axes.plot(limits, line, color=look["color"], linestyle=look["linestyle"], label=name)
            found = distortion_at(
                COINS, SquaredError(), Wasserstein2Squared(), R=RATE, P=0.1, common_randomness=extra, sense="block"
            )
            axes.plot([0.1], [found.value], "x", color=look["color"], label=None if shared else "five coins, P = 0.1")
            print(f"{name}: five coins at P = 0.1 in [{found.bounds.lower:.9f}, {found.bounds.upper:.9f}]")
        axes.set(xlabel="limit P on W2² of blocks, a letter", ylabel="mean squared error", title="N(0, 1) at 1 bit")
        axes.set_xlim(0.0, 0.5)
        axes.legend(title="common randomness per letter")
        return save(drawn, out / "what_does_realism_of_whole_blocks_cost.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
