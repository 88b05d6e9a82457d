"""Slopes, several distortions, forbidden entries, gradients and formulas beside what else answers them.

    python benchmarks/questions.py          two minutes

Processor seconds of one process, least of a few calls. Every gap is judged, whoever found the answer.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from rdptheory import (
    ChiSquare,
    Conic,
    Hamming,
    InteriorPoint,
    KullbackLeibler,
    Pmf,
    SquaredError,
    Table,
    TotalVariation,
    Wasserstein1,
    rate_at_slope,
    rate_distortion,
    rdp,
)
from rdptheory.certificates import DualPoint, lower_bound
from rdptheory.divergences import Divergence, Support
from rdptheory.problems import Problem

FREE = float("inf")
SLOPE = 20.0  # nats per unit of squared error


def timed(call: Callable[[], Any], repeats: int = 3) -> tuple[Any, float]:
    """The last result and the least processor time."""
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        found = call()
        times.append(time.process_time() - begin)
    return found, min(times)


def source(n: int) -> Pmf:
    """A Dirichlet(1, ..., 1) law on n points of [0, 1]."""
    return Pmf(np.random.default_rng(0).dirichlet(np.ones(n)), np.linspace(0.0, 1.0, n))


def blahut_arimoto(p: np.ndarray, table: np.ndarray, s: float, change: float) -> tuple[float, float, np.ndarray, int]:
    """D, I, f and steps of the plain iteration at the slope -s, until the law moves by less than `change`."""
    kernel, law, steps = np.exp(-s * table), np.full(p.size, 1.0 / p.size), 0
    while True:
        u = p / (kernel @ law)
        factor, steps = kernel.T @ u, steps + 1
        moved = np.abs(law * factor - law).max()
        law = law * factor
        if moved < change or steps == 200_000:
            break
    joint = (p / (kernel @ law))[:, None] * kernel * law
    ratio = kernel / (kernel @ law)[:, None]
    held = joint > 0.0
    return float((joint * table).sum()), float((joint[held] * np.log(ratio[held])).sum()), -np.log(kernel @ law), steps


def slopes() -> list[list[str]]:
    """`rate_at_slope` beside the plain iteration, which stops at a change of 1e-10 and proves nothing about D."""
    rows = []
    for n in (16, 64, 256):
        law = source(n)
        found, cpu = timed(lambda law=law: rate_at_slope(law, SquaredError(), None, s=SLOPE, P=FREE))
        table = SquaredError().table(law.points)
        (D, rate, f, steps), other = timed(
            lambda law=law, table=table: blahut_arimoto(law.probabilities, table, SLOPE, 1e-10), 1
        )
        proved = lower_bound(Problem(law, SquaredError(), None, D, FREE).discrete, DualPoint(f, np.array([SLOPE])))
        inside = found.D.lower <= D <= found.D.upper
        rows.append(
            [n, f"{cpu:.3f}", found.steps, f"{found.D.gap:.0e}", f"{other:.3f}", steps, f"{rate - proved:.0e}", inside]
        )
    return rows


def tables() -> list[list[str]]:
    """Two distortions at once, and a table with a third of its entries forbidden, beside Clarabel."""
    rows = []
    rdp(source(2), Hamming(), TotalVariation(), D=0.1, P=0.01, method=Conic())  # imports what it needs
    for n in (8, 16, 32):
        law = source(n)
        never = np.random.default_rng(1).random((n, n)) < 1 / 3
        np.fill_diagonal(never, False)
        banned = Table(np.where(never, np.inf, SquaredError().table(law.points)))
        for name, distortion, D in (("two", [SquaredError(), Hamming()], [0.01, 0.5]), ("forbidden", banned, 0.01)):
            ours, cpu = timed(lambda d=distortion, D=D, law=law: rdp(law, d, TotalVariation(), D=D, P=0.05))
            cone, other = timed(
                lambda d=distortion, D=D, law=law: rdp(law, d, TotalVariation(), D=D, P=0.05, method=Conic()), 1
            )
            rows.append(
                [n, name, f"{cpu:.4f}", f"{ours.gap:.0e}", f"{other:.2f}", f"{cone.gap:.0e}", f"{other / cpu:.0f}"]
            )
    return rows


def gradients() -> list[list[str]]:
    """All derivatives of one solution beside the solves that central differences would take."""
    rows = []
    for n in (16, 64, 256):
        law = source(n)
        solution, solve = timed(lambda law=law: rdp(law, SquaredError(), TotalVariation(), D=0.02, P=0.05))
        _, cpu = timed(solution.gradient, 5)
        rows.append([n, f"{solve:.4f}", f"{1e3 * cpu:.2f}", f"{2 * (n + n * n + 2) * solve / cpu:.0e}"])
    return rows


def formulas() -> list[list[str]]:
    """Erokhin's formula beside the interior point and, where that is too large, the first-order loop's size."""
    rows = []
    for n in (16, 256, 1000, 1_000_000):
        law = Pmf.from_weights(np.random.default_rng(0).exponential(size=n))
        found, cpu = timed(lambda law=law: rate_distortion(law, Hamming(), D=0.5))
        solved, other = (
            (None, 0.0)
            if n > 1000
            else timed(lambda law=law: rate_distortion(law, Hamming(), D=0.5, method=InteriorPoint()), 1)
        )
        rows.append(
            [
                n,
                f"{cpu:.4f}",
                f"{found.gap:.0e}",
                "-" if solved is None else f"{other:.3f}",
                "-" if solved is None else f"{solved.gap:.0e}",
            ]
        )
    return rows


class Own(Divergence):
    """A divergence of which nothing is known but what somebody who writes one has to write."""

    def __init__(self, known: Divergence) -> None:
        self.known = known

    def value(self, reference: np.ndarray, output: np.ndarray) -> float:
        return self.known.value(reference, output)

    def support(self, v: np.ndarray, reference: np.ndarray, P: float) -> Support:
        return self.known.support(v, reference, P)


class Cumulative(Divergence):
    """A distance of distribution functions: Σ w (F - G)², or the largest |F - G| where no widths w are given.

    Its support function forgets that masses are at least 0, and its law is no help.
    """

    def __init__(self, widths: np.ndarray | None = None) -> None:
        self.widths = widths

    def value(self, reference: np.ndarray, output: np.ndarray) -> float:
        apart = np.cumsum(output - reference)[:-1]
        return float(np.abs(apart).max() if self.widths is None else self.widths @ apart**2)

    def support(self, v: np.ndarray, reference: np.ndarray, P: float) -> Support:
        steps = np.diff(v)
        most = P * np.abs(steps).sum() if self.widths is None else np.sqrt(P * (steps**2 / self.widths).sum())
        return Support(float(v @ reference + most) + 1e-12 * float(np.abs(v).max()), reference)


def own() -> list[list[Any]]:
    """A divergence as a class of one's own, which `HalfSpaces` answers to 1e-6, beside the built-in one, to 1e-9.

    D = P = 0.02, P = 1e-4 for the Cramér distance; the last two are not built in, and their supports forget r >= 0.
    """
    rows = []
    rdp(source(4), SquaredError(), Own(KullbackLeibler()), D=0.02, P=0.02)  # imports what it needs
    for n in (20, 64, 200):
        law = source(n)
        for name, known, P in (
            ("KL", KullbackLeibler(), 0.02),
            ("χ²", ChiSquare(), 0.02),
            ("total variation", TotalVariation(), 0.02),
            ("W1", Wasserstein1().on(law.points), 0.02),
            ("Cramér", Cumulative(np.diff(law.points)), 1e-4),
            ("Kolmogorov", Cumulative(), 0.02),
        ):
            mine, built_in = Own(known) if known.ours else known, known.ours
            found, cpu = timed(lambda law=law, mine=mine, P=P: rdp(law, SquaredError(), mine, D=0.02, P=P), 1)
            row = [n, name, f"{cpu:.2f}", found.steps, f"{found.gap:.0e}"]
            if built_in:
                ours, other = timed(lambda law=law, known=known, P=P: rdp(law, SquaredError(), known, D=0.02, P=P))
                row += [f"{other:.4f}", f"{cpu / other:.0f}", found.bounds.overlaps(ours.bounds)]
            rows.append([*row, *["-"] * (8 - len(row))])
    return rows


PARTS = {
    slopes: ["n", "cpu s", "rates", "width of D", "iteration cpu s", "steps", "its gap as judged", "its D inside"],
    tables: ["n", "question", "cpu s", "gap", "Clarabel cpu s", "gap", "ratio"],
    gradients: ["n", "solve cpu s", "gradient cpu ms", "differences / gradient"],
    own: ["n", "divergence", "cpu s", "rates of laws", "gap", "built-in cpu s", "ratio", "overlap"],
    formulas: ["n", "formula cpu s", "gap", "interior point cpu s", "gap"],
}


def main() -> None:
    """Every table."""
    for part, head in PARTS.items():
        sys.stdout.write(f"\n{part.__doc__}\n\n| {' | '.join(head)} |\n|{' --- |' * len(head)}\n")
        for row in part():
            sys.stdout.write(f"| {' | '.join(map(str, row))} |\n")


if __name__ == "__main__":
    main()
