"""How many hostile questions stay open.

    python benchmarks/hostile.py [COUNT] [SEED]      2000 of each part by default, a minute

Laws of 2 to 20 symbols with masses down to 1e-16, D down to 1e-6 of its maximum, P down to 1e-6, every f-divergence and
none; then two distortion limits with a ball at P = 0 or next to it. The table is Markdown. Whether brackets of
different methods ever exclude each other is counted by `python -m tests.attack.roads`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import numpy as np

from rdptheory import InteriorPoint, Pmf, Problem, SquaredError, rdp_many
from rdptheory.divergences import F_DIVERGENCES
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit
from rdptheory.solvers.outcome import answered

GAP = 1e-9  # nats: a wider bracket counts as open
ALONE = InteriorPoint(gap=GAP)


def hostile(rng: np.random.Generator) -> Problem:
    """Tails, tiny limits and tiny balls, each on a scale of decades."""
    n = int(rng.integers(2, 21))
    masses = 10.0 ** rng.uniform(-16.0, 0.0, n) if rng.random() < 0.5 else rng.dirichlet(np.ones(n))
    points = np.sort(rng.normal(size=n)) if rng.random() < 0.5 else np.linspace(-1.0, 1.0, n)
    law = Pmf.from_weights(masses, points)
    most = float((law.probabilities @ SquaredError().table(points)).min())
    D = most * 10.0 ** rng.uniform(-6.0, 0.0)
    ball = [None, *F_DIVERGENCES][int(rng.integers(0, 1 + len(F_DIVERGENCES)))]
    return Problem(law, SquaredError(), ball, D, float("inf") if ball is None else 10.0 ** rng.uniform(-6.0, -0.5))


def several(rng: np.random.Generator) -> DiscreteProblem:
    """Two distortion limits and a ball of radius 0, or next to it."""
    n = int(rng.integers(2, 9))
    p = rng.dirichlet(np.ones(n))
    tables = [rng.uniform(0.1, 1.0, (n, n)) * (1.0 - np.eye(n)) for _ in range(2)]
    limits = tuple(DistortionLimit(d, float(rng.uniform(0.1, 0.6)) * float(p @ d @ p)) for d in tables)
    ball = F_DIVERGENCES[int(rng.integers(0, len(F_DIVERGENCES)))]
    return DiscreteProblem(p, limits, (PerceptionLimit(ball, p, (0.0, 1e-6)[int(rng.integers(0, 2))]),))


def open_by_default(count: int, seed: int) -> Iterator[str]:
    """The method that is picked by default, and the interior point alone."""
    for name, method in (("default", None), ("interior point alone", ALONE)):
        rng, start = np.random.default_rng(seed), time.process_time()
        gaps = [rdp_many([hostile(rng)], method)[0].gap for _ in range(count)]
        left = [gap for gap in gaps if not gap <= GAP]
        widest = max(left, default=0.0)
        each = 1e3 * (time.process_time() - start) / count
        yield f"| hostile, {name} | {count} | {len(left)} | {widest:.0e} | {each:.1f} |"
    rng, start = np.random.default_rng(seed), time.process_time()
    gaps = [answered(several(rng), ALONE).bounds.gap for _ in range(count)]
    left = [gap for gap in gaps if not gap <= GAP]
    each, widest = 1e3 * (time.process_time() - start) / count, max(left, default=0.0)
    yield f"| two distortions, a ball at P <= 1e-6 | {count} | {len(left)} | {widest:.0e} | {each:.1f} |"


def main(count: int, seed: int) -> None:
    """Print one row for each part."""
    print("| questions | count | open at 1e-9 | widest, nat | processor ms each |\n| --- | --- | --- | --- | --- |")
    for row in open_by_default(count, seed):
        print(row, flush=True)


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:3]]
    main(*given, *(2000, 0)[len(given) :])
