"""Processor time of a 50 x 20 surface of a 64-symbol source, beside a matrix product timed in the same run.

    python benchmarks/surface.py

The last column divides the time of a point by that of a 64 x 64 product: it compares machines and busy machines.
"""

from __future__ import annotations

import time

import numpy as np
from threadpoolctl import threadpool_limits

from rdptheory import Pmf, SquaredError, TotalVariation, Wasserstein2Squared, surface


def product_seconds(n: int, repeats: int = 500) -> float:
    """Processor time of one n x n matrix product on one thread, as the machine is now."""
    factor = np.random.default_rng(0).normal(size=(n, n))
    with threadpool_limits(1):
        start = time.process_time()
        for _ in range(repeats):
            factor @ factor
        return (time.process_time() - start) / repeats


def main() -> None:
    """Print one Markdown row for each perception."""
    n = 64
    points = np.arange(float(n))
    source = Pmf.from_weights(np.random.default_rng(0).dirichlet(np.ones(n)), points)
    mean = float(source.probabilities @ points)
    variance = float(source.probabilities @ (points - mean) ** 2)
    D = np.linspace(0.02, 1.5, 50) * variance
    surface(source, SquaredError(), TotalVariation(), D=[variance], P=[0.1])  # imports what answers are laid out by
    print("| perception | processor s | widest gap | mean steps | ms a point | product µs | in products |")
    print("|---|---|---|---|---|---|---|")
    for perception, P in (
        (TotalVariation(), np.linspace(0.0, 0.3, 20)),
        (Wasserstein2Squared(), np.linspace(0.0, 0.5, 20) * variance),
    ):
        spent, units, gaps, steps = 0.0, [], [], []
        for radius in P:  # a path at a time, with the yardstick between them: the load of a shared machine changes
            start = time.process_time()
            path = surface(source, SquaredError(), perception, D=D, P=float(radius))
            spent += time.process_time() - start
            units.append(product_seconds(n))
            gaps.append(float((path.upper - path.lower).max()))
            steps.append(float(path.steps.mean()))
        each, unit = spent / (D.size * P.size), float(np.mean(units))
        row = f"{spent:.1f} | {max(gaps):.1e} | {np.mean(steps):.1f} | {1e3 * each:.2f} | {1e6 * unit:.1f}"
        print(f"| {perception} | {row} | {each / unit:.0f} |", flush=True)


if __name__ == "__main__":
    main()
