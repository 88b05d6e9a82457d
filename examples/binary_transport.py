"""What is common randomness worth when one coin must become another?

X ~ B(qX) is sent over R bits and must come out as Y ~ B(qY), at the least probability of Y != X. Four pairs of coins,
one for each quadrant around 1/2: the exact curve without common randomness, the upper and lower bounds that quantise
each coin as if it were alone, and the exact curve with common randomness (figure 3 of [LZCK22] and one more case).
The bounds meet the curve where both coins lean to the same side.

    python examples/binary_transport.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from rdptheory.closed_forms import transport_binary
from rdptheory.plotting import COLOURS, figure, save, style
from rdptheory.units import bits_to_nats, nats_to_bits

COINS = ((0.3, 0.3), (0.3, 0.6), (0.8, 0.4), (0.8, 0.6))


def main(out: Path) -> Path:
    """Print where each pair saturates and draw the four curves of all pairs into `out`."""
    bits = np.linspace(0.0, 1.0, 401)
    R = bits_to_nats(bits)
    with style():
        drawn, panels = figure(2, 2, width=1.75, height=2.1)
        for axes, (qX, qY) in zip(panels, COINS, strict=True):
            curves = (
                (
                    "no common randomness",
                    transport_binary.distortion(qX, qY, R=R, common_randomness=False),
                    "-",
                    3.0,
                    5,
                ),
                ("its upper bound", transport_binary.upper(qX, qY, R=R), "--", 1.4, 1),
                ("its lower bound", transport_binary.lower(qX, qY, R=R), ":", 1.4, 6),
                ("common randomness", transport_binary.distortion(qX, qY, R=R, common_randomness=True), "-.", 1.4, 0),
            )
            for name, values, line, width, colour in curves:
                axes.plot(bits, values, color=COLOURS[colour], linestyle=line, linewidth=width, label=name)
            ends = [
                nats_to_bits(transport_binary.saturation_rate(qX, qY, common_randomness=shared))
                for shared in (False, True)
            ]
            print(f"qX = {qX}, qY = {qY}: |qX - qY| reached at {ends[0]:.4f} bit, with common randomness {ends[1]:.4f}")
            axes.set_title(f"$q_X = {qX}$, $q_Y = {qY}$")
            axes.set_xlim(0.0, 1.0)
            axes.set_ylim(0.0, 0.6)
        drawn.supxlabel("rate (bits)", fontsize=9)
        drawn.supylabel("probability of $Y \\neq X$", fontsize=9)
        drawn.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, columnspacing=1.0)
        return save(drawn, out / "binary_transport.png")


if __name__ == "__main__":
    print(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
