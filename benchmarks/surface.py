"""Seconds for a 50 x 20 surface of a 64-symbol source, beside a matrix product timed in the same run.

    python benchmarks/surface.py [WORKERS]

The last column divides processor time by that of a 64 x 64 product: it compares machines and busy machines.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from threadpoolctl import threadpool_limits

from rdptheory import Joblib, Pmf, SquaredError, TotalVariation, Wasserstein2Squared, rdp, surface


def product_seconds(n: int, repeats: int = 500) -> float:
    """One n x n matrix product on one thread, the fastest of five rounds."""
    factor = np.random.default_rng(0).normal(size=(n, n))
    rounds = []
    with threadpool_limits(1):
        for _ in range(5):
            start = time.perf_counter()
            for _ in range(repeats):
                factor @ factor
            rounds.append((time.perf_counter() - start) / repeats)
    return min(rounds)


def main(workers: int) -> None:
    """Print one Markdown row for each perception."""
    n = 64
    points = np.arange(float(n))
    source = Pmf.from_weights(np.random.default_rng(0).dirichlet(np.ones(n)), points)
    mean = float(source.probabilities @ points)
    variance = float(source.probabilities @ (points - mean) ** 2)
    D = np.linspace(0.02, 1.5, 50) * variance
    unit = product_seconds(n)
    print(f"one {n} x {n} product: {1e6 * unit:.1f} µs; {workers} workers\n")
    print("| perception | wall s | widest gap | mean steps | processor ms a point | in products |")
    print("|---|---|---|---|---|---|")
    for perception, P in (
        (TotalVariation(), np.linspace(0.0, 0.3, 20)),
        (Wasserstein2Squared(), np.linspace(0.0, 0.5, 20) * variance),
    ):
        start = time.perf_counter()
        grid = surface(source, SquaredError(), perception, D=D, P=P, executor=Joblib(workers))
        wall = time.perf_counter() - start
        gap, steps = float((grid.upper - grid.lower).max()), float(grid.steps.mean())
        start = time.process_time()
        sample = [rdp(source, SquaredError(), perception, D=d, P=p) for d in D[::7] for p in P[::4]]
        each = (time.process_time() - start) / len(sample)
        print(f"| {perception} | {wall:.1f} | {gap:.1e} | {steps:.1f} | {1e3 * each:.1f} | {each / unit:.0f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
