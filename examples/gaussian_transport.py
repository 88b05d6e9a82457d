"""How much common randomness is enough?

One Gaussian is sent over R bits a letter, in long blocks, and must come out as another at the least mean squared
error: without common randomness, with R_c bits a letter of it, and with as much as it takes (figure 8 of [LZCK22]; in
between [XLCZ24]). The dotted line counts the two quantisation errors alone, a lower bound without common randomness
that is met when the laws are equal.

    python examples/gaussian_transport.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from rdptheory.closed_forms import transport_gaussian
from rdptheory.plotting import COLOURS, figure, save, style
from rdptheory.sources import Gaussian
from rdptheory.units import bits_to_nats

PAIRS = (
    ("equal laws N(0, 1)", Gaussian(0.0, 1.0), Gaussian(0.0, 1.0)),
    ("N(0, 1) to N(1, 4)", Gaussian(0.0, 1.0), Gaussian(1.0, 4.0)),
)
SHARED = (
    ("no common randomness", False, "-"),
    ("$R_c = 0.5$ bit", bits_to_nats(0.5), "--"),
    ("common randomness", True, "-."),
)


def main(out: Path) -> Path:
    """Print what each amount of common randomness buys at one bit and draw both pairs into `out`."""
    bits = np.linspace(0.0, 3.0, 301)
    R = bits_to_nats(bits)
    with style():
        drawn, panels = figure(1, 2, height=2.4)
        for axes, (title, source, target) in zip(panels, PAIRS, strict=True):
            for (name, shared, line), colour in zip(SHARED, COLOURS, strict=False):
                values = transport_gaussian.distortion(source, target, R=R, common_randomness=shared)
                axes.plot(bits, values, color=colour, linestyle=line, label=name)
                print(f"{title}, {name.replace('$', '')}: {float(np.interp(1.0, bits, values)):.4f} at 1 bit")
            lower = transport_gaussian.lower(source, target, R=R)
            axes.plot(bits, lower, color=COLOURS[6], linestyle=":", label="quantisation errors alone")
            axes.set_title(title)
            axes.set_ylabel("mean squared error")
            axes.set_xlim(0.0, 3.0)
            axes.set_ylim(bottom=0.0)
        panels[0].legend()
        panels[-1].set_xlabel("rate (bits per letter)")
        return save(drawn, out / "gaussian_transport.png")


if __name__ == "__main__":
    print(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
