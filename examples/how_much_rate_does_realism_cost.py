"""How much rate does realism cost?

R(D,P) - R(D,inf) is what a limit P on the output law adds to the rate at the same distortion. Here for the grey level
of a pixel of scikit-learn's handwritten digits, squared error and total variation. Realism costs most at the variance,
where Shannon's optimum sends nothing at all, and nothing from twice the variance on, where independent draws will do.

    python examples/how_much_rate_does_realism_cost.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from rdptheory import SquaredError, TotalVariation, rate_distortion, rdp
from rdptheory.demo import digits_source
from rdptheory.plotting import COLOURS, figure, save, style
from rdptheory.units import nats_to_bits

RADII = (0.0, 0.05, 0.1, 0.2)
STYLES = ("-", "--", "-.", ":")


def main(out: Path) -> Path:
    """Print the largest extra rate for each P and draw all of them into `out`."""
    source, d = digits_source(), SquaredError()
    variance = float(source.probabilities @ (source.points - source.probabilities @ source.points) ** 2)
    limits = np.sort([*np.linspace(0.25, 2.0 * variance, 48), variance])
    plain = [rate_distortion(source, d, D=D) for D in limits]
    with style():
        drawn, (axes,) = figure()
        for P, colour, line in zip(RADII, COLOURS, STYLES, strict=False):
            held = [rdp(source, d, TotalVariation(), D=D, P=P) for D in limits]
            extra = np.array([nats_to_bits(a.rate - b.rate) for a, b in zip(held, plain, strict=True)])
            doubt = max(nats_to_bits(a.gap + b.gap) for a, b in zip(held, plain, strict=True))
            worst = int(extra.argmax())
            print(f"P = {P:<4g} costs at most {extra[worst]:.4f} bit, at D = {limits[worst]:.1f} (± {doubt:.0e})")
            axes.plot(limits, extra, color=colour, linestyle=line, label=f"P = {P:g}")
        axes.set_xlabel("distortion D (squared grey levels)")
        axes.set_ylabel("R(D, P) − R(D, ∞) (bits per pixel)")
        axes.set_xlim(left=0.0)
        axes.set_ylim(bottom=0.0)
        axes.legend()
        return save(drawn, out / "how_much_rate_does_realism_cost.png")


if __name__ == "__main__":
    print(f"wrote {main(Path(sys.argv[1] if len(sys.argv) > 1 else '.'))}")
