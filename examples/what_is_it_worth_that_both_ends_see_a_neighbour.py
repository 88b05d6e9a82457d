"""What is it worth that both ends see a neighbour?
================================================

A pixel of scikit-learn's handwritten digits, coded where encoder and decoder both know the pixel on its left, rounded
to five levels. R(D,P|Z) falls far below R(D,P). It matters what realism means: that pixels alone have the right law,
or the pairs with their neighbours, as a critic that looks at both would ask.

    python examples/what_is_it_worth_that_both_ends_see_a_neighbour.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rdptheory import Pmf, SquaredError, TotalVariation, surface
from rdptheory.demo import digits_pairs
from rdptheory.plotting import figure, looks, save, style
from rdptheory.script import script
from rdptheory.units import nats_to_bits

P = 0.02


def main(out: Path) -> Path:
    """Print what Z saves and draw the three curves into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    joint = digits_pairs()
    question = Pmf.from_weights(joint.sum(axis=1)), SquaredError(), TotalVariation()
    D = np.concatenate([np.geomspace(1.0, 30.0, 10), np.linspace(34.0, 60.0, 6)])  # the rates end in corners there
    curves = {
        "without Z": surface(*question, D=D, P=P),
        "Z, output realism": surface(*question, D=D, P=P, side_information=joint),
        "Z, joint realism": surface(*question, D=D, P=P, side_information=joint, realism="joint"),
    }
    with style():
        drawn, (axes,) = figure(height=3.1)
        for (name, grid), look in zip(curves.items(), looks(len(curves)), strict=True):
            bits = nats_to_bits(grid.rate.values[:, 0])
            doubt = float(nats_to_bits(grid.upper - grid.lower).max())
            print(f"{name:18} {bits[4]:.4f} bit at D = {D[4]:.2f} (± {doubt:.0e})")
            axes.plot(D, bits, color=look["color"], linestyle=look["linestyle"], label=name)
        axes.set(xlabel="distortion D (squared grey levels)", ylabel="rate (bits per pixel)", xscale="log")
        axes.set_ylim(bottom=0.0)
        drawn.legend(title=f"P = {P:g}, total variation", loc="outside lower center", ncols=2)
        return save(drawn, out / "what_is_it_worth_that_both_ends_see_a_neighbour.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
