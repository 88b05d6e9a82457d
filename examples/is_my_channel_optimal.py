"""Is my channel optimal?
======================

Any channel can be judged, whoever made it. Here: cut the grey levels of a pixel into k cells, send the cell, and draw
the reconstruction from the law of the pixel given its cell. The output law is then exactly that of the source, P = 0.
`upper_bound` certifies what the channel spends, `lower_bound` what every channel with its distortion must spend.

    python examples/is_my_channel_optimal.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rdptheory import Pmf, Problem, SquaredError, TotalVariation, adaptive_grid, rdp
from rdptheory.certificates import lower_bound, upper_bound
from rdptheory.demo import digits_source
from rdptheory.plotting import COLOURS, figure, save, style
from rdptheory.script import script
from rdptheory.units import nats_to_bits


def cells_then_posterior(source: Pmf, k: int) -> np.ndarray:
    """p(y|x) of a quantiser with k cells followed by a posterior sampler."""
    channel = np.zeros((source.size, source.size))
    for cell in np.array_split(np.arange(source.size), k):
        channel[np.ix_(cell, cell)] = source.probabilities[cell] / source.probabilities[cell].sum()
    return channel


def main(out: Path) -> Path:
    """Judge the quantisers with 2 to 8 cells and draw them beside R(D,0) into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    source, d, delta = digits_source(), SquaredError(), TotalVariation()
    points = []
    for k in range(2, 9):
        channel = cells_then_posterior(source, k)
        D = float(source.probabilities @ (channel * d.table(source.points)).sum(axis=1)) * (1.0 + 1e-12)
        problem = Problem(source, d, delta, D, 0.0)
        spent = nats_to_bits(upper_bound(problem.discrete, channel).rate)
        needed = nats_to_bits(lower_bound(problem.discrete, rdp(source, d, delta, D=D, P=0.0).dual))
        print(
            f"{k} cells: D = {D:5.2f}, spends {spent:.4f} bit, {needed:.4f} are needed: {spent - needed:.4f} too many"
        )
        points.append((k, D, spent))
    question = source, d, delta
    limits = adaptive_grid(*question, D=(0.4, 40.0), P=[0.0])
    with style():
        drawn, (axes,) = figure()
        best = [nats_to_bits(rdp(*question, D=D, P=0.0).rate) for D in limits]
        axes.plot(limits, best, color=COLOURS[0], label="R(D, 0)")
        look = {"color": COLOURS[1], "marker": "o", "linestyle": "none"}
        axes.plot([D for _, D, _ in points], [bits for *_, bits in points], label="k cells", **look)
        for k, D, bits in points:
            axes.annotate(f"k = {k}", (D, bits), xytext=(4, 2), textcoords="offset points", fontsize=7)
        axes.set_xlabel("distortion D (squared grey levels)")
        axes.set_ylabel("rate (bits per pixel)")
        axes.set_xscale("log")
        axes.set_ylim(bottom=0.0)
        axes.legend()
        return save(drawn, out / "is_my_channel_optimal.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
