"""Is a Gaussian channel optimal for a Gaussian?
=============================================

Under squared error and W2² or Kullback-Leibler it is. Under total variation it is not: here is what the best jointly
Gaussian channel costs, what the least variance of a law in the ball proves, and R(D,P) between them, proved by `Cells`.
Mass moved from both tails to the middle lowers the variance for less δ than squeezing the whole bell does.

    python examples/is_a_gaussian_channel_optimal_for_a_gaussian.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rdptheory import Cells, Gaussian, SquaredError, TotalVariation, rdp
from rdptheory.closed_forms import gaussian
from rdptheory.plotting import figure, looks, save, style
from rdptheory.script import script
from rdptheory.units import nats_to_bits

D = 0.3
RADII = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05)


def main(out: Path) -> Path:
    """Print the three numbers for each P and draw them into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    fine = np.linspace(0.001, 0.06, 60)
    ends = [gaussian.bounds(1.0, D, float(P), TotalVariation()) for P in fine]
    found = [rdp(Gaussian(0.0, 1.0), SquaredError(), TotalVariation(), D=D, P=P, method=Cells(gap=1e-3)) for P in RADII]
    for P, answer in zip(RADII, found, strict=True):
        outer = gaussian.bounds(1.0, D, P, TotalVariation())
        low, high, gaussian_rate = nats_to_bits(np.array([answer.bounds.lower, answer.bounds.upper, outer.upper]))
        print(f"P = {P:<5g} R(D,P) in [{low:.4f}, {high:.4f}] bit, the best Gaussian channel takes {gaussian_rate:.4f}")
    above, below, between = looks(3)
    with style():
        drawn, (axes,) = figure(height=3.1)
        for values, look, label in (
            ([end.upper for end in ends], above, "jointly Gaussian"),
            ([end.lower for end in ends], below, "least variance (lower bound)"),
        ):
            axes.plot(fine, nats_to_bits(values), color=look["color"], linestyle=look["linestyle"], label=label)
        middle = nats_to_bits([0.5 * (answer.bounds.lower + answer.bounds.upper) for answer in found])
        half = nats_to_bits([0.5 * answer.gap for answer in found])
        axes.errorbar(RADII, middle, yerr=half, color=between["color"], fmt="o", markersize=3, label="R(D, P), proved")
        axes.set(xlabel="P (total variation)", ylabel=f"rate at D = {D:g} (bits)")
        axes.set_xlim(left=0.0)
        drawn.legend(loc="outside lower center", ncols=1)
        return save(drawn, out / "is_a_gaussian_channel_optimal_for_a_gaussian.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
