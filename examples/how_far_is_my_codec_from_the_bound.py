"""How far is my codec from the bound?
===================================

Measured points (rate, D, P) beside the certified R(D,P) of the source that was coded: each distance is a bracket, and a
point below the bound is an error in the data. Here the codec cuts the grey levels of a pixel into k cells and sends the
cell; the decoder shows the cell's mean, or draws from the cell. The last line of the table is a deliberate mistake:
nats written as bits.

    python examples/how_far_is_my_codec_from_the_bound.py [FOLDER]

The same from the command line:

    rdptheory place codec.csv --source pmf:grey.csv --distortion squared --perception tv --plot placed.png
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from rdptheory import (
    SquaredError,
    TotalVariation,
    adaptive_grid,
    overlay,
    place,
    plot_curves,
    read_measurements,
    surface,
)
from rdptheory.demo import digits_source
from rdptheory.information import entropy
from rdptheory.plotting import figure, save, style
from rdptheory.representations import best_interval_quantiser
from rdptheory.script import script
from rdptheory.units import nats_to_bits


def measure(source, k: int) -> list[tuple[str, float, float, float]]:
    """(name, bits, D, P) of k cells with both decoders, as a measurement of your own would give them."""
    p, x = source.probabilities, source.points
    encoder = best_interval_quantiser(source, k)
    cells = p @ encoder
    means = np.rint((p * x) @ encoder / cells).astype(int)  # a decoder that shows whole grey levels
    shown = np.bincount(means, weights=cells, minlength=p.size)
    D = float(p @ (encoder @ (means - 0.0) - x) ** 2)
    spread = float(p @ (x**2)) - float((((p * x) @ encoder) ** 2 / cells).sum())
    bits = nats_to_bits(entropy(cells))
    return [(f"{k} mean", bits, D, TotalVariation().value(p, shown)), (f"{k} draw", bits, 2.0 * spread, 0.0)]


def main(out: Path) -> Path:
    """Write source and measured points as CSV, print how far they are, and draw them into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    source = digits_source()
    source.to_csv(out / "grey.csv")
    rows = [row for k in (2, 3, 4) for row in measure(source, k)]
    _, bits, D, P = rows[-1]
    with open(out / "codec.csv", "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("name", "rate_bits", "D", "P"), *rows, ("typo", bits * np.log(2.0), D, P)])

    question = source, SquaredError(), TotalVariation()
    placed = place(read_measurements(out / "codec.csv"), *question)
    for one in placed:
        print(one)
    limits = [0.0, 0.2, float("inf")]
    D = adaptive_grid(*question, D=(1.0, 18.0), P=limits)
    with style():
        drawn, (axes,) = figure(height=3.4)
        title = "grey level of a digit's pixel"
        plot_curves(surface(*question, D=D, P=limits), axes, label_D="distortion D (squared grey levels)", title=title)
        overlay(axes, placed)
        return save(drawn, out / "how_far_is_my_codec_from_the_bound.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
