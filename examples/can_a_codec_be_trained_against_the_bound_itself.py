"""Can a codec be trained against the bound itself?
================================================

`neural.rate` is R(D,P) as a function of torch. A quantiser with eight levels sends a Laplace source, for which 400
quantiles stand in; its letters are coded in long blocks at R(D,P) of their own histogram, with the distortion that they
have in truth, E[(X - y)² | letter]. Both move with the levels, so the levels can follow the gradient of the bound. What
they reach is put beside R(D) of the Laplace law itself.

    python examples/can_a_codec_be_trained_against_the_bound_itself.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from neural import rate
from rdptheory import Cells, Laplace, SquaredError, TotalVariation, rate_distortion
from rdptheory.plotting import figure, save, style
from rdptheory.script import script
from rdptheory.units import nats_to_bits

SOURCE, D, P = Laplace(0.0, 1.0), 0.5, 0.05
X = torch.tensor([SOURCE.quantile((k + 0.5) / 400) for k in range(400)], dtype=torch.float64)
LEVELS, SOFT, STEPS = 8, 0.05, 60


def bound(levels: torch.Tensor) -> torch.Tensor:
    """R(D,P) of the letters: X falls to the levels in soft shares."""
    cost = (X[:, None] - levels) ** 2
    shares = torch.softmax(-cost / SOFT, dim=1)
    histogram = shares.mean(dim=0)
    return rate(histogram, shares.T @ cost / shares.sum(dim=0)[:, None], D, P, TotalVariation())


def trained(levels: torch.Tensor) -> tuple[torch.Tensor, list[float]]:
    """The levels after gradient steps on the bound, and the bound on the way, in bits."""
    levels = levels.clone().requires_grad_()
    optimiser, seen = torch.optim.Adam([levels], lr=0.05), []
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = bound(levels)
        loss.backward()
        optimiser.step()
        seen.append(float(nats_to_bits(float(loss.detach()))))
    return levels.detach(), seen


def main(out: Path) -> Path:
    """Print the rates and draw the descent and the levels into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    even = torch.linspace(-3.0, 3.0, LEVELS, dtype=torch.float64)
    levels, seen = trained(even)
    least = nats_to_bits(rate_distortion(SOURCE, SquaredError(), D=D, method=Cells(gap=1e-2)).bounds.lower)
    print(f"even levels {seen[0]:.4f} bit, trained ones {seen[-1]:.4f} bit at D = {D}, P = {P}")
    print(f"the Laplace law itself, with whatever levels and no limit P, needs at least {least:.4f} bit")
    with style():
        drawn, (descent, places) = figure(rows=2, height=1.9)
        descent.plot(np.arange(STEPS), seen, "k-", label="R(D,P) of the histogram")
        descent.axhline(float(least), color="0.6", ls="--", label="R(D) of the source")
        descent.set(xlabel="gradient steps", ylabel="rate (bits)")
        descent.legend(loc="center right")
        for row, (name, values) in enumerate((("even", even), ("trained", levels))):
            places.plot(values.numpy(), np.full(LEVELS, row), "ko" if row else "k|", label=name)
        places.set(
            xlabel="level (in units of x)",
            ylabel="levels",
            yticks=[0, 1],
            yticklabels=["even", "trained"],
            ylim=(-0.5, 1.5),
        )
        return save(drawn, out / "can_a_codec_be_trained_against_the_bound_itself.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
