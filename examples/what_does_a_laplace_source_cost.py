"""What does a Laplace source cost, and how sure are we?
=====================================================

A grid of 200 points has a rate that is certified to nine digits, and it is the rate of the grid. Here the Laplace law
itself is asked: every point is a proved bracket, and its width says how sure we are. Beside it stands what 60,000
samples of the same law, cut to a known interval, can say about a law that nobody told us: a hundred times less.

    python examples/what_does_a_laplace_source_cost.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rdptheory import (
    Cells,
    Laplace,
    SquaredError,
    TotalVariation,
    adaptive_grid,
    confidence_rate,
    plot_curves,
    surface,
)
from rdptheory.plotting import figure, save, style
from rdptheory.script import script
from rdptheory.units import nats_to_bits

QUESTION = Laplace(0.0, 1.0), SquaredError(), TotalVariation()
LIMITS = (0.0, np.inf)
METHOD = Cells(gap=2e-3)  # a bracket as wide as a line is drawn
HALF_WIDTH = 4.0  # the law is cut there for the samples: their rate is a little lower
SAMPLES = 60_000
SAMPLED_D = 0.7


def main(out: Path) -> Path:
    """Print the brackets and draw them into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    D = adaptive_grid(*QUESTION, D=(0.1, 1.4), P=LIMITS, tolerance=1.0 / 150.0, method=METHOD)
    grid = surface(*QUESTION, D=D, P=LIMITS, method=METHOD)
    bits = nats_to_bits(grid)
    for P in LIMITS:
        one = bits.sel(P=P).isel(D=-1)
        print(f"P = {P:4g}: R({one.D:.2f}) in [{one.lower:.4f}, {one.upper:.4f}] bit")
    print(f"every bracket is at most {float((bits.upper - bits.lower).max()):.4f} bit wide")
    draw = np.random.default_rng(1).laplace(0.0, 1.0, SAMPLES)
    samples = draw[np.abs(draw) <= HALF_WIDTH]
    sampled = confidence_rate(samples, SquaredError(), D=SAMPLED_D, support=(-HALF_WIDTH, HALF_WIDTH))
    low, high = nats_to_bits([sampled.bounds.lower, sampled.bounds.upper])
    print(f"from {samples.size} samples R({SAMPLED_D}) in [{low:.3f}, {high:.3f}] bit, 95 %")
    with style():
        drawn, (axes,) = figure()
        axes.vlines(SAMPLED_D, low, high, color="black", linewidth=2.0)
        axes.annotate(
            f"{SAMPLES:,} samples, 95 %", (SAMPLED_D, low), xytext=(-5, 2), textcoords="offset points", ha="right"
        )
        plot_curves(grid, axes, title="Laplace(0, 1)")
        return save(drawn, out / "what_does_a_laplace_source_cost.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
