"""How many cells turn one uniform law into a wider one?
=====================================================

X ~ U[0, 2] is sent over R bits, without common randomness, and must come out as Y ~ U[0, 5] at the least mean squared
error. The distortion is the sum of quantising X, converting cell centres, and dequantising Y (figure 7 of [LZCK22]);
it has a kink wherever a new cell appears, at R = log2 N. The bars show the cells of both laws at R = log2 3.

    python examples/how_many_cells_does_a_conversion_take.py [FOLDER]
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from rdptheory.closed_forms import transport_uniform
from rdptheory.papers import ITEMS
from rdptheory.plotting import COLOURS, figure, save, style
from rdptheory.script import script
from rdptheory.sources import Uniform
from rdptheory.units import bits_to_nats

SOURCE, TARGET = Uniform(0.0, 2.0), Uniform(0.0, 5.0)


def main(out: Path) -> Path:
    """Print the cells at whole bits and draw the laws with their cells, and the terms, into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    for whole in range(4):
        N, _, length = transport_uniform.cells(bits_to_nats(float(whole)))
        reached = float(transport_uniform.distortion(SOURCE, TARGET, R=bits_to_nats(float(whole))))
        print(f"{whole} bit: {N} cells, the long ones {length:.4f} of the whole, distortion {reached:.4f}")
    save(ITEMS["LZCK22.F7"].draw().picture, out / "terms.png")
    with style():
        drawn, (axes,) = figure(height=1.7)
        for height, law, name, colour in ((1.0, SOURCE, "X", COLOURS[0]), (0.0, TARGET, "Y", COLOURS[1])):
            edges = np.linspace(law.low, law.high, 4)
            for left, right in pairwise(edges):
                axes.add_patch(axes.barh(height, right - left, 0.5, left, color=colour, edgecolor="white")[0])
                axes.plot(0.5 * (left + right), height, marker="|", color="white", markersize=9)
            axes.text(-0.25, height, name, ha="center", va="center", weight="bold")
        axes.set(
            xlabel="value", ylabel="law", yticks=[], xlim=(-0.5, 5.2), title="three cells each: a code of log2 3 bits"
        )
        return save(drawn, out / "how_many_cells_does_a_conversion_take.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
