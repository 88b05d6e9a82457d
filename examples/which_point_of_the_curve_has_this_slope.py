"""Which point of the curve has this slope?
========================================

Blahut-Arimoto codes are given a slope s and stop at whatever D has it. Here the answer is proved: a bracket on D that
holds every distortion with that slope. For a fair bit that may be answered "don't know" at the cost of 0.3 the curve
ends in a straight piece, where one slope has a whole interval of D; a code that is given that slope may stop anywhere
on it.

    python examples/which_point_of_the_curve_has_this_slope.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rdptheory import Bernoulli, Table, curve, rate_at_slope, rate_distortion, slope_curve
from rdptheory.plotting import figure, save, style
from rdptheory.script import script
from rdptheory.units import nats_to_bits

BIT, ANSWERS = Bernoulli(0.5), Table([[0.0, 1.0, 0.3], [1.0, 0.0, 0.3]])
SLOPES = (1.2, 2.5, 4.0)


def main(out: Path) -> Path:
    """Print the brackets; draw the curve with its points, and D against s, into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    straight = -rate_distortion(BIT, ANSWERS, D=0.25).slopes.D
    found = {s: rate_at_slope(BIT, ANSWERS, None, s=s, P=float("inf")) for s in (*SLOPES, straight)}
    for s, one in found.items():
        print(f"s = {s:.6f} nat: D in [{one.D.lower:.6f}, {one.D.upper:.6f}]; {one.message.split(';')[0]}")
    D = np.linspace(0.001, 0.35, 60)
    sweep = slope_curve(BIT, ANSWERS, s=[*np.linspace(0.8, 5.0, 22), straight]).sortby("s")
    with style():
        drawn, (above, below) = figure(rows=2, height=1.9)
        above.plot(D, nats_to_bits(curve(BIT, ANSWERS, D=D).rate.values), "k-", label="R(D)")
        for s, one in found.items():
            ends = [one.D.lower, one.D.upper]
            rates = nats_to_bits([one.rate.upper, one.rate.lower])
            above.plot(ends, rates, "o-", color="0.5", label="the slopes asked for" if s == straight else None)
        above.set(xlabel="distortion D (mean cost)", ylabel="rate (bits)")
        above.legend(loc="upper right")
        below.vlines(sweep.s, sweep.D_lower, sweep.D_upper, color="0.5", linewidth=1.5)
        for ends in (sweep.D_lower, sweep.D_upper):
            below.plot(sweep.s, ends, "k.")
        below.set(xlabel="slope s (nats per unit of D)", ylabel="D (mean cost)")
        return save(drawn, out / "which_point_of_the_curve_has_this_slope.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
