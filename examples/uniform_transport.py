"""How many cells turn one uniform law into a wider one?

X ~ U[0, 2] is sent over R bits, without common randomness, and must come out as Y ~ U[0, 5] at the least mean squared
error. The distortion is the sum of quantising X, converting cell centres, and dequantising Y (figure 7 of [LZCK22]);
it has a kink wherever a new cell appears, at R = log2 N.

    python examples/uniform_transport.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from rdptheory.closed_forms import transport_uniform
from rdptheory.plotting import COLOURS, figure, save, style
from rdptheory.sources import Uniform
from rdptheory.units import bits_to_nats


def main(out: Path) -> Path:
    """Print the cells at whole bits and draw the distortion and its terms into `out`."""
    source, target = Uniform(0.0, 2.0), Uniform(0.0, 5.0)
    bits = np.unique(np.concatenate((np.linspace(0.0, 5.0, 501), np.log2(np.arange(1, 33)))))
    R = bits_to_nats(bits)
    quantise, convert, dequantise = transport_uniform.terms(source, target, R=R)
    unlimited = float(transport_uniform.distortion(source, target, R=np.inf))
    for whole in range(4):
        N, _, length = transport_uniform.cells(bits_to_nats(float(whole)))
        reached = float(transport_uniform.distortion(source, target, R=bits_to_nats(float(whole))))
        print(f"{whole} bit: {N} cells of length {length:.4f} of the whole, distortion {reached:.4f}")
    with style():
        drawn, (upper, lower) = figure(1, 2, height=2.3)
        upper.plot(bits, quantise + convert + dequantise, color=COLOURS[0], label="least distortion")
        upper.plot(bits, convert, color=COLOURS[1], linestyle="--", label="converting cell centres")
        upper.axhline(unlimited, color=COLOURS[6], linestyle=":", label="unlimited rate")
        lower.plot(bits, dequantise, color=COLOURS[2], linestyle="-.", label="dequantising $Y$")
        lower.plot(bits, quantise, color=COLOURS[3], linestyle="--", label="quantising $X$")
        for axes in (upper, lower):
            axes.set_ylabel("mean squared error")
            axes.set_ylim(bottom=0.0)
            axes.set_xlim(0.0, 5.0)
            axes.legend()
        lower.set_xlabel("rate (bits)")
        return save(drawn, out / "uniform_transport.png")


if __name__ == "__main__":
    print(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
