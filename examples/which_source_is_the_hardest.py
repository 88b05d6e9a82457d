"""Which source is the hardest to describe?
========================================

For a given distortion the law with the greatest R(D) is found by climbing along its gradient, which a solution carries.
Under Hamming distortion it is the uniform law; under squared error on a line the ends are used more than the middle.

    python examples/which_source_is_the_hardest.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rdptheory import Hamming, InteriorPoint, Pmf, SquaredError, rate_distortion
from rdptheory.plotting import figure, save, style
from rdptheory.script import script
from rdptheory.units import nats_to_bits

POINTS = np.arange(8.0)
QUESTIONS = {"Hamming, D = 0.2": (Hamming(), 0.2), "squared error, D = 1": (SquaredError(), 1.0)}


def hardest(distortion: Hamming | SquaredError, D: float, steps: int = 300) -> Pmf:
    """Multiplicative steps along dR/dp, which is 0 in the mean: masses that would raise the rate grow."""
    p = np.random.default_rng(0).dirichlet(np.full(8, 5.0))
    for _ in range(steps):
        p = p * np.exp(
            rate_distortion(Pmf.from_weights(p, POINTS), distortion, D=D, method=InteriorPoint()).gradient().p
        )
        p = np.maximum(p / p.sum(), 1e-6)
    return Pmf.from_weights(p, POINTS)


def main(out: Path) -> Path:
    """Print the rate of the uniform law beside the hardest one, and draw both laws into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    flat = Pmf(np.full(8, 1 / 8), POINTS)
    with style():
        drawn, axes = figure(rows=2, height=1.9)
        for (name, (distortion, D)), axis in zip(QUESTIONS.items(), axes, strict=True):
            law = hardest(distortion, D)
            for label, source in (("uniform", flat), ("hardest", law)):
                bounds = rate_distortion(source, distortion, D=D).bounds
                print(f"{name}: {label:8} [{nats_to_bits(bounds.lower):.6f}, {nats_to_bits(bounds.upper):.6f}] bit")
            axis.bar(POINTS, law.probabilities, color="0.75", label="hardest")
            axis.step(np.append(POINTS, 8.0) - 0.5, np.full(9, 1 / 8), "k--", where="post", label="uniform")
            axis.set(xlabel="symbol", ylabel="probability", title=name)
        axes[1].legend(loc="upper center")
        return save(drawn, out / "which_source_is_the_hardest.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
