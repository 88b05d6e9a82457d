"""How much rate does realism cost?
================================

R(D,P) - R(D,∞) is what a limit P on the output law adds to the rate at the same distortion. Here for the grey level of
a pixel of scikit-learn's handwritten digits, squared error and total variation. Realism costs most at the variance,
where Shannon's optimum sends nothing at all, and nothing from twice the variance on, where independent draws will do.

    python examples/how_much_rate_does_realism_cost.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rdptheory import SquaredError, TotalVariation, adaptive_grid, surface
from rdptheory.demo import digits_source
from rdptheory.plotting import figure, looks, save, style
from rdptheory.script import script
from rdptheory.units import nats_to_bits

RADII = (0.0, 0.05, 0.1, 0.2)


def main(out: Path) -> Path:
    """Print the largest extra rate for each P and draw all of them into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    question = digits_source(), SquaredError(), TotalVariation()
    source = question[0]
    variance = float(source.probabilities @ (source.points - source.probabilities @ source.points) ** 2)
    limits = (*RADII, float("inf"))
    # the free curve ends at the variance: a corner of every difference, and a point of the grid
    D = adaptive_grid(*question, D=(0.25, 2.0 * variance), P=limits)
    grid = surface(*question, D=D, P=limits)
    free = grid.sel(P=float("inf"))
    with style():
        drawn, (axes,) = figure(height=3.1)
        for P, look in zip(RADII, looks(len(RADII), ordered=True), strict=True):
            held = grid.sel(P=P)
            extra = nats_to_bits((held.rate - free.rate).values)
            doubt = float(nats_to_bits((held.upper - held.lower + free.upper - free.lower).values).max())
            worst = int(extra.argmax())
            print(f"P = {P:<4g} costs at most {extra[worst]:.4f} bit, at D = {D[worst]:.1f} (± {doubt:.0e})")
            axes.plot(D, extra, color=look["color"], linestyle=look["linestyle"], label=f"P = {P:g}")
        axes.set(xlabel="distortion D (squared grey levels)", ylabel="R(D, P) − R(D, ∞) (bits per pixel)")
        axes.set_xlim(left=0.0)
        axes.set_ylim(0.0, 1.05 * float(np.max(nats_to_bits((grid.sel(P=0.0).rate - free.rate).values))))
        drawn.legend(title="limit on P (total variation)", loc="outside lower center", ncols=4)
        return save(drawn, out / "how_much_rate_does_realism_cost.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
