"""Width and processor time of proved brackets for densities, beside a matrix product timed in the same run.

    python benchmarks/continuous.py [NAME...]

Names of laws (gaussian, laplace, uniform, mixture, t5, gamma3) restrict the table, or ask for the heavy ones (t2.1,
t2.5, t3, lognormal, pareto2.5). The last column divides processor time by that of a 1,024 x 1,024 product: it compares
machines and busy machines.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import scipy.stats
from threadpoolctl import threadpool_limits

from rdptheory import (
    AbsoluteError,
    Atoms,
    Cells,
    Gaussian,
    GaussianMixture,
    KullbackLeibler,
    Laplace,
    SquaredError,
    StudentT,
    TotalVariation,
    Uniform,
    Wasserstein2Squared,
    rdp,
)

LAWS = {
    "gaussian": (Gaussian(0.0, 1.0), 0.3),
    "laplace": (Laplace(0.0, 1.0), 0.3),
    "uniform": (Uniform(0.0, 1.0), 0.02),
    "mixture": (GaussianMixture([0.5, 0.5], [-1.5, 1.5], [0.25, 1.0]), 0.3),
    "t5": (StudentT(5), 0.3),
    "gamma3": (scipy.stats.gamma(3.0), 0.9),
}
HEAVY = {
    "t2.1": (StudentT(2.1), 1.0),
    "t2.5": (StudentT(2.5), 1.0),
    "t3": (StudentT(3), 1.0),
    "lognormal": (scipy.stats.lognorm(1.0), 1.0),
    "pareto2.5": (scipy.stats.pareto(2.5), 1.0),
}
BALLS = (
    ("P = ∞", None, np.inf, Cells()),
    ("P = 0", TotalVariation(), 0.0, Cells()),
    ("KL 0.005", KullbackLeibler(), 0.005, Cells()),
    ("TV 0.03", TotalVariation(), 0.03, Cells()),
    ("W2² D/30", Wasserstein2Squared(), None, Cells(gap=1e-3)),
    ("P = ∞", None, np.inf, Atoms()),
)
ABSOLUTE = (("P = ∞", None, np.inf), ("P = 0", TotalVariation(), 0.0), ("KL 0.005", KullbackLeibler(), 0.005))


def product_seconds(n: int = 1024) -> float:
    """One n x n matrix product on one thread, in processor time, the fastest of three."""
    factor = np.random.default_rng(0).normal(size=(n, n))
    rounds = []
    for _ in range(3):
        start = time.process_time()
        factor @ factor
        rounds.append(time.process_time() - start)
    return min(rounds)


def row(name: str, ball: str, question: tuple[Any, ...], asked: dict[str, Any], unit: float) -> str:
    """The Markdown row of one question, whose time is also told in products of `unit` seconds."""
    start = time.process_time()
    found = rdp(*question, **asked)
    spent = time.process_time() - start
    low, high = found.bounds.lower, found.bounds.upper
    return (
        f"| {name} | {ball} | {asked['method']} | {low:.8f} | {high:.8f} | {found.gap:.1e} | {spent:.1f} "
        f"| {spent / unit:.0f} |"
    )


def main(names: list[str]) -> None:
    """Print one Markdown row for each law and ball."""
    print("| law | ball | method | lower | upper | width | cpu s | products |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with threadpool_limits(1):
        unit = product_seconds()
        for name in names or LAWS:
            law, D = (LAWS | HEAVY)[name]
            for ball, perception, P, method in BALLS:
                if isinstance(method, Atoms) and name not in ("uniform", "mixture"):
                    continue
                asked = {"D": D, "P": D / 30.0 if P is None else P, "method": method}
                print(row(name, ball, (law, SquaredError(), perception), asked, unit), flush=True)
            for ball, perception, P in ABSOLUTE:
                asked = {"D": D, "P": P, "method": Cells()}
                print(row(f"{name}, absolute error", ball, (law, AbsoluteError(), perception), asked, unit), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
