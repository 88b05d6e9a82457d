"""How much common randomness is enough?
=====================================

One Gaussian is sent over R bits a letter, in long blocks, and must come out as another at the least mean squared error:
without common randomness, with R_c bits a letter of it, and with as much as it takes [LZCK22; XLCZ24]. Half a bit
already buys most of what there is to gain.

    python examples/how_much_common_randomness_is_enough.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rdptheory import Gaussian, SquaredError, constrained_transport
from rdptheory.closed_forms import transport_gaussian
from rdptheory.plotting import figure, looks, save, style
from rdptheory.script import script
from rdptheory.units import bits_to_nats

SOURCE, TARGET = Gaussian(0.0, 1.0), Gaussian(1.0, 4.0)
SHARED = (0.0, 0.1, 0.5, float("inf"))


def main(out: Path) -> Path:
    """Print what each amount buys at one bit and draw all of them into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    bits = np.linspace(0.0, 3.0, 301)
    with style():
        drawn, (axes,) = figure()
        for shared, look in zip(SHARED, looks(len(SHARED), ordered=True), strict=True):
            extra = bits_to_nats(shared)
            line = transport_gaussian.distortion(SOURCE, TARGET, R=bits_to_nats(bits), common_randomness=extra)
            name = "as much as it takes" if np.isinf(shared) else f"{shared:g} bit"
            axes.plot(bits, line, color=look["color"], linestyle=look["linestyle"], label=name)
            one = constrained_transport(
                SOURCE, TARGET, SquaredError(), R=bits_to_nats(1.0), common_randomness=extra, asymptotic=True
            )
            print(f"{name}: least squared error at 1 bit in [{one.bounds.lower:.9f}, {one.bounds.upper:.9f}]")
        axes.set(xlabel="rate R (bits per letter)", ylabel="mean squared error", title="N(0, 1) sent as N(1, 4)")
        axes.set_xlim(0.0, 3.0)
        axes.legend(title="common randomness per letter")
        return save(drawn, out / "how_much_common_randomness_is_enough.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
