"""What does the whole trade-off look like?
========================================

R(D,P) of a pixel of handwritten digits over a grid of distortions and perception limits, on all cores. The contours of
equal rate start vertical at the top, where the perception limit costs nothing, and lean to the right where realism has
to be paid for with distortion. A store makes the sweep resumable: run the script twice and the second run solves
nothing.

    python examples/what_does_the_whole_tradeoff_look_like.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rdptheory import Joblib, SquaredError, TotalVariation, surface, write_surface
from rdptheory.demo import digits_source
from rdptheory.plotting import figure, plot_surface, save, style
from rdptheory.script import script


def main(out: Path) -> Path:
    """Write the surface as NetCDF and draw it into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    source = digits_source()
    grid = surface(
        source,
        SquaredError(),
        TotalVariation(),
        D=np.linspace(1.0, 70.0, 24),
        P=np.linspace(0.0, 0.5, 11),
        executor=Joblib(),
        store=out / "sweep",
    )
    written = write_surface(out / "surface.nc", grid)
    widest = float((grid.upper - grid.lower).max())
    print(f"{grid.rate.size} points in {written.name}, every bracket at most {widest:.1e} nat wide")
    with style():
        drawn, (axes,) = figure(height=2.8)
        plot_surface(grid, axes, label_D="distortion D (squared grey levels)")
        axes.set_title("grey level of a digit's pixel")
        return save(drawn, out / "what_does_the_whole_tradeoff_look_like.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
