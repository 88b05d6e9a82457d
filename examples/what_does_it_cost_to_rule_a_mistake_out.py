"""What does it cost to rule a mistake out?
========================================

A limit on the mean lets a code be wrong by much now and then. An entry of inf in the table says never: here a level of
eight may be off by one at most, at every D. Two distortions at once say it more softly: the mean of the squares and the
share of levels that are off by more than one. All three are brackets; the price of never is what stays at large D.

    python examples/what_does_it_cost_to_rule_a_mistake_out.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rdptheory import Pmf, SquaredError, Table, TotalVariation, rdp
from rdptheory.plotting import figure, save, style
from rdptheory.script import script
from rdptheory.units import nats_to_bits

LEVELS = np.arange(8.0)
SOURCE = Pmf.from_weights(np.exp(-0.3 * np.abs(LEVELS - 2.0)), LEVELS)
APART = np.abs(LEVELS[:, None] - LEVELS) > 1.0
NEVER = Table(np.where(APART, np.inf, (LEVELS[:, None] - LEVELS) ** 2))
RARELY = Table(APART.astype(float))
D, P, SHARE = np.linspace(0.1, 3.0, 30), 0.05, 0.02


def main(out: Path) -> Path:
    """Print the rates at D = 1 and draw the three curves into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    ball = TotalVariation()
    asked = {
        "in the mean": lambda d: rdp(SOURCE, SquaredError(), ball, D=d, P=P),
        f"and off by two in {SHARE:.0%} at most": lambda d: rdp(
            SOURCE, [SquaredError(), RARELY], ball, D=[d, SHARE], P=P
        ),
        "and never off by two": lambda d: rdp(SOURCE, NEVER, ball, D=d, P=P),
    }
    with style():
        drawn, (axes,) = figure()
        for (name, ask), dash in zip(asked.items(), ("-", "--", ":"), strict=True):
            one = ask(1.0)
            low, high = nats_to_bits([one.bounds.lower, one.bounds.upper])
            print(f"D <= 1 {name:32} [{low:.6f}, {high:.6f}] bit")
            axes.plot(D, [nats_to_bits(ask(d).rate) for d in D], "k", ls=dash, label=name)
        axes.set(xlabel="distortion D (squared levels)", ylabel="rate (bits per symbol)")
        axes.legend(loc="upper right")
        return save(drawn, out / "what_does_it_cost_to_rule_a_mistake_out.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
