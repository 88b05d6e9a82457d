"""What does the optimal channel do to each symbol?
================================================

A solution carries the channel p(y|x) that reaches the rate. Drawn as a map, sampled, and checked without the solver:
its distortion, its total variation and its mutual information are computed again from the table alone.

    python examples/what_does_the_optimal_channel_do.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rdptheory import SquaredError, TotalVariation, plot_channel, rdp
from rdptheory.demo import digits_source
from rdptheory.plotting import figure, save, style
from rdptheory.script import script
from rdptheory.units import nats_to_bits


def main(out: Path) -> Path:
    """Print the check and some samples, and draw the channel into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    source = digits_source()
    p, x = source.probabilities, source.points
    solution = rdp(source, SquaredError(), TotalVariation(), D=5.0, P=0.05)
    W = solution.candidate.channel
    r = p @ W
    seen = (p[:, None] * W) > 0.0
    ratio = np.divide(W, r, out=np.ones_like(W), where=seen)
    print(f"E d        = {float((p[:, None] * W * (x[:, None] - x) ** 2).sum()):.12f} (limit 5)")
    print(f"variation  = {0.5 * float(np.abs(p - r).sum()):.12f} (limit 0.05)")
    print(f"I(X;Y)     = {nats_to_bits(float((p[:, None] * W * np.log(ratio)).sum())):.12f} bit")
    print(f"bracket    = [{nats_to_bits(solution.bounds.lower):.12f}, {nats_to_bits(solution.bounds.upper):.12f}] bit")
    rng = np.random.default_rng(0)
    print("grey level 8 becomes", rng.choice(x, size=12, p=W[8]).astype(int))
    with style():
        drawn, (axes,) = figure(height=2.8)
        plot_channel(solution, axes)
        axes.set(xlabel="reconstructed grey level y", ylabel="grey level x", title="D = 5, P = 0.05 (total variation)")
        return save(drawn, out / "what_does_the_optimal_channel_do.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
