"""Times of the interior point beside other solvers and beside a matrix product, all measured in one run.

    python benchmarks/interior_point.py                  every part (five to ten minutes)
    python benchmarks/interior_point.py large robust     some of small, many, large, robust, transport, blahut, conic

The tables are Markdown. Every gap is judged by `rdptheory.certificates`, whoever found the answer; nats throughout.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from formulations import FORMULATIONS, Answer

from rdptheory import (
    ChiSquare,
    Conic,
    Gaussian,
    InteriorPoint,
    JensenShannon,
    KullbackLeibler,
    Pmf,
    ReverseKullbackLeibler,
    Solution,
    SquaredError,
    SquaredHellinger,
    TotalVariation,
    Wasserstein1,
    Wasserstein2Squared,
    discretise,
    rate_distortion,
    rdp,
    rdp_many,
)
from rdptheory.certificates import DualPoint, lower_bound, upper_bound
from rdptheory.divergences import Divergence
from rdptheory.problems import DiscreteProblem, Problem
from rdptheory.solvers.many import closed_at_once

MODES: dict[str, Divergence | None] = {
    "none": None,
    "tv": TotalVariation(),
    "kl": KullbackLeibler(),
    "reverse-kl": ReverseKullbackLeibler(),
    "chi2": ChiSquare(),
    "hellinger": SquaredHellinger(),
    "js": JensenShannon(),
}
DISTORTION, D, P = SquaredError(), 0.02, 0.1
SMALL_BALL, MANY = 0.05, 40  # a ball that costs something at every size; questions that are asked at once
BATCHES = (1, 10, 100, 1000)
QUICK = [("CLARABEL", "primal")]
SLOW = [("CLARABEL", "dual"), ("CLARABEL", "folded"), ("SCS", "primal"), ("SCS", "dual")]  # up to 64 symbols
Rows = Iterator[list[str]]


def rough_source(n: int, seed: int = 0) -> Pmf:
    """A Dirichlet(1, ..., 1) law on n points of [0, 1]."""
    return Pmf(np.random.default_rng(seed).dirichlet(np.ones(n)), np.linspace(0.0, 1.0, n))


@dataclass(frozen=True)
class Seconds:
    """The least wall-clock and the least processor time of a few calls; on a busy machine the second is the fairer."""

    wall: float
    cpu: float


def timed(call: Callable[..., Any], *arguments: Any, repeats: int = 1, **options: Any) -> tuple[Any, Seconds]:
    """The last result of a few calls, and their times."""
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        result = call(*arguments, **options)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return result, Seconds(min(walls), min(cpus))


def conic(sizes: list[int]) -> Rows:
    """Clarabel and SCS through CVXPY under total variation; one call each, ours the best of 10."""
    yield ["n", "method", "formulation", "wall s", "cpu s", "its solver s", "proved gap", "cpu / ours"]
    for n in sizes:
        source, tv = rough_source(n), TotalVariation()
        problem = Problem(source, DISTORTION, tv, D, P).discrete
        table = problem.distortions[0].table
        solution, ours = timed(rdp, source, DISTORTION, tv, D=D, P=P, repeats=10)
        yield [str(n), "interior point", "", f"{ours.wall:.4f}", f"{ours.cpu:.4f}", "", f"{solution.gap:.0e}", "1"]
        same, theirs = timed(rdp, source, DISTORTION, tv, D=D, P=P, method=Conic())
        ratio = f"{theirs.cpu / ours.cpu:.0f}"
        yield [
            str(n),
            "Conic()",
            "primal, 1e-10",
            f"{theirs.wall:.2f}",
            f"{theirs.cpu:.2f}",
            "",
            f"{same.gap:.0e}",
            ratio,
        ]
        for solver, name in QUICK if n > 64 else [*QUICK, *SLOW]:
            answer, theirs = timed(FORMULATIONS[name], source.probabilities, table, D, P, solver)
            yield [
                str(n),
                solver,
                f"{name} ({answer.status})",
                f"{theirs.wall:.2f}",
                f"{theirs.cpu:.2f}",
                f"{answer.seconds:.2f}",
                f"{proved_gap(problem, answer):.0e}",
                f"{theirs.cpu / ours.cpu:.0f}",
            ]


def small(sizes: list[int]) -> Rows:
    """One question and many of one source under total variation, beside Clarabel, dit and the flops of the iteration.

    The floor is steps (n²m + n³/3) at the speed of a 64 x 64 product; Clarabel answers the quicker of primal and dual,
    with its own tolerances, stated and solved anew as a user does. dit knows no perception: it is given the slope that
    we find for D at P = inf, one start, and as many steps as its own test asks for.
    """
    yield [
        *("n", "steps", "floor ms", "one ms", "of many ms", "in 64 x 64 products", "Clarabel ms", "its gap"),
        *("Clarabel / one", "Clarabel / of many", "P = inf ms", "dit ms", "its error"),
    ]
    for n in sizes:
        source, tv, ball = rough_source(n), TotalVariation(), SMALL_BALL
        problem = Problem(source, DISTORTION, tv, D, ball).discrete
        table, unit, repeats = problem.distortions[0].table, product_seconds(64), 200 if n < 64 else 60
        solution, one = timed(rdp, source, DISTORTION, tv, D=D, P=ball, repeats=repeats)
        asked = [Problem(source, DISTORTION, tv, float(limit), ball) for limit in np.linspace(0.9 * D, 1.1 * D, MANY)]
        _, many = timed(rdp_many, asked, repeats=5)
        found = [
            timed(FORMULATIONS[name], source.probabilities, table, D, ball, "CLARABEL", repeats=5 if n < 64 else 2)
            for name in (("primal",) if n > 64 else ("primal", "dual"))
        ]
        answer, theirs = min(found, key=lambda pair: pair[1].cpu)
        gap = proved_gap(problem, answer)
        _, shannon, dits, error = beside_dit(source, 10_000)
        flops = solution.steps * (n**3 + n**3 / 3)
        times = [flops / (2 * 64**3) * unit, one.cpu, many.cpu / MANY]
        yield [
            str(n),
            str(solution.steps),
            *(f"{1e3 * seconds:.3f}" for seconds in times),
            f"{times[1] / unit:.0f}",
            f"{1e3 * theirs.cpu:.0f}",
            f"{gap:.0e}",
            *(f"{theirs.cpu / seconds:.0f}" for seconds in times[1:]),
            *(f"{1e3 * seconds:.2f}" for seconds in (shannon, dits)),
            f"{error:.0e}",
        ]


def many(sizes: list[int]) -> Rows:
    """Milliseconds of a question where 1, 10, 100 and 1,000 are asked at once, each of a law, a D and a P of its own.

    A Dirichlet(1, ..., 1) law each, on one grid in [0, 1]; D from 0.9 to 1.1 times 0.3 of the distortion at rate 0. The
    last column is the share of the questions that one descent closes, which is what makes the others quick.
    """
    yield ["n", "δ", *(f"{count} at once" for count in BATCHES), "closed at once"]
    for n in sizes:
        for name in ("none", "tv", "kl", "chi2"):
            cells, asked = [], [own_question(n, name, seed) for seed in range(3 * max(BATCHES))]
            rdp_many(asked[:1])  # what a first question loads
            for count in BATCHES:
                batches = [asked[k * count : (k + 1) * count] for k in range(3)]  # nothing is remembered of them
                cells.append(min(timed(rdp_many, batch)[1].cpu for batch in batches) / count)
                asked = asked[3 * count :] + asked[: 3 * count]
            method = InteriorPoint()
            closed = closed_at_once(asked[: BATCHES[-2]], method.gap, method.max_steps)
            share = sum(one is not None for one in closed) / len(closed)
            yield [str(n), name, *(f"{1e3 * cell:.3f}" for cell in cells), f"{share:.3f}"]


def own_question(n: int, name: str, seed: int) -> Problem:
    """A law of its own, D near 0.3 of what costs no rate, P near 0.05."""
    source, share = rough_source(n, seed), np.random.default_rng(seed).uniform(0.9, 1.1)
    most = float((source.probabilities @ DISTORTION.table(source.points)).min())
    return Problem(
        source, DISTORTION, MODES[name], 0.3 * share * most, np.inf if name == "none" else SMALL_BALL * share
    )


def proved_gap(problem: DiscreteProblem, answer: Answer) -> float:
    """How narrow a bracket the judge makes of what a conic solver found."""
    upper = upper_bound(problem, answer.channel).rate
    return upper - max(lower_bound(problem, DualPoint(f, np.array([answer.s]))) for f in (answer.f, -answer.f))


def product_seconds(n: int) -> float:
    """Processor time of one n x n product, the least of five rounds."""
    factor = np.random.default_rng(0).normal(size=(n, n))
    into = np.empty_like(factor)
    rounds = [timed(lambda: [factor.dot(factor, out=into) for _ in range(200)])[1].cpu for _ in range(5)]
    return min(rounds) / 200


def beside_dit(source: Pmf, limit: int) -> tuple[Solution, float, float, float]:
    """Our answer at P = inf and our seconds, dit's at the slope of that, and its rate less R at its own distortion."""
    from dit.rate_distortion.blahut_arimoto import _blahut_arimoto

    n, table = source.probabilities.size, DISTORTION.table(source.points)
    solution, ours = timed(rate_distortion, source, DISTORTION, D=D, repeats=100 if n < 64 else 30)
    beta = -solution.slopes.D / np.log(2.0)  # the kernel of dit is 2^(-beta d)
    flat, law = np.full((n, n), 1.0 / n), source.probabilities
    (found, _), theirs = timed(_blahut_arimoto, law, beta, flat, lambda p, channel: table, max_iters=limit, repeats=5)
    exact = rate_distortion(source, DISTORTION, D=float(found.distortion))
    return solution, ours.cpu, theirs.cpu, float(found.rate) * np.log(2.0) - exact.bounds.upper


def blahut(sizes: list[int]) -> Rows:
    """dit's Blahut-Arimoto at the slope that we find for D; its error is its rate less R at its own distortion."""
    yield ["n", "method", "stop", "cpu s", "cpu / ours", "error, nat"]
    for n in sizes:
        for limit in (100, 10_000):
            solution, ours, theirs, error = beside_dit(rough_source(n), limit)
            if limit == 100:
                yield [str(n), "interior point", "gap 1e-9", f"{ours:.4f}", "1", f"{solution.gap:.0e} (proved)"]
            stop = f"its own test, at most {limit} steps"
            yield [str(n), "dit, one start", stop, f"{theirs:.4f}", f"{theirs / ours:.1f}", f"{error:.1e}"]


def large(sizes: list[int]) -> Rows:
    """Our times in products of two n x n matrices timed beside them, and the peak of memory in n x m tables."""
    yield ["n", "δ", "wall s", "cpu s", "steps", "gap", "product cpu s", "products", "products / step", "tables"]
    radii = {"none": np.inf, "tv": P, "kl": P, "chi2": P, "js": P, "P = 0": 0.0}
    for n in sizes:
        source, square = rough_source(n), np.random.default_rng(1).random((n, n))
        for name, radius in radii.items():
            question = partial(rdp, source, DISTORTION, MODES.get(name, TotalVariation()), D=D, P=radius)
            solution, ours = timed(question, repeats=3)
            product = timed(np.matmul, square, square, repeats=5)[1].cpu
            tracemalloc.start()
            question()
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            yield [
                str(n),
                name,
                f"{ours.wall:.3f}",
                f"{ours.cpu:.3f}",
                str(solution.steps),
                f"{solution.gap:.0e}",
                f"{product:.4f}",
                f"{ours.cpu / product:.0f}",
                f"{ours.cpu / product / solution.steps:.1f}",
                f"{peak / (8.0 * n * n):.1f}",
            ]


def robust(sizes: list[int]) -> Rows:
    """Iterations on N(0, 1) in n cells of [-h, h] at P = 0.05, far tails and tiny D included; gap where it misses."""
    yield ["h", "D", *MODES]
    for n in sizes:
        for h in (5.0, 8.4):
            source = discretise(Gaussian(0.0, 1.0), n, low=-h, high=h)
            for limit in (0.05, 0.2, 0.5, 0.9):
                cells = []
                for divergence in MODES.values():
                    found = rdp(source, DISTORTION, divergence, D=limit, P=np.inf if divergence is None else 0.05)
                    cells.append(str(found.steps) + ("" if found.gap <= 1e-9 else f" (gap {found.gap:.0e})"))
                yield [f"{h:g}", f"{limit:g}", *cells]


def transport(sizes: list[int]) -> Rows:
    """Balls of W1 and of W2 squared, on a smooth law, a rough one, and one in the plane; next to being idle too."""
    yield ["n", "law", "δ", "D", "P", "wall s", "cpu s", "steps", "gap", "products"]
    for n in sizes:
        unit = timed(np.matmul, *[np.random.default_rng(0).normal(size=(n, n))] * 2, repeats=3)[1].cpu
        smooth = discretise(Gaussian(0.0, 1.0), n, low=-5.0, high=5.0)
        rng = np.random.default_rng(0)
        plane = Pmf.from_weights(rng.dirichlet(np.ones(n)), rng.random((n, 2)))
        first, second = Wasserstein1(), Wasserstein2Squared()
        for name, source, questions in (
            ("N(0, 1) on [-5, 5]", smooth, ((first, 0.3, 0.14), (second, 0.3, 0.02), (second, 0.3, 0.03))),
            ("Dirichlet", rough_source(n), ((first, 0.02, 0.01), (second, 0.02, 0.001), (second, 0.02, 0.01))),
            ("Dirichlet in a square", plane, ((first, 0.05, 0.03), (second, 0.05, 0.002))),
        ):
            for ball, limit, radius in questions:
                solution, spent = timed(rdp, source, DISTORTION, ball, D=limit, P=radius)
                yield [
                    str(n),
                    name,
                    ball.name,
                    f"{limit:g}",
                    f"{radius:g}",
                    f"{spent.wall:.2f}",
                    f"{spent.cpu:.2f}",
                    str(solution.steps),
                    f"{solution.gap:.0e}",
                    f"{spent.cpu / unit:.0f}",
                ]


PARTS: dict[str, tuple[Callable[[list[int]], Rows], list[int]]] = {
    "small": (small, [2, 4, 8, 16, 32, 64, 128]),
    "many": (many, [2, 4, 8, 16, 32, 64]),
    "conic": (conic, [16, 32, 64, 128]),
    "blahut": (blahut, [64, 128]),
    "large": (large, [256, 512, 1024]),
    "robust": (robust, [200]),
    "transport": (transport, [128, 512]),
}


def main() -> None:
    """Print the tables of the parts asked for, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; all if left out")
    parser.add_argument("--sizes", type=int, nargs="+", help="alphabet sizes instead of the usual ones")
    chosen = parser.parse_args()
    for part in chosen.parts or PARTS:
        if part not in PARTS:
            parser.error(f"{part}: must be one of {', '.join(PARTS)}")
    for part in chosen.parts or PARTS:
        measure, sizes = PARTS[part]
        print(f"\n### {part}\n\n{measure.__doc__}\n")
        for number, row in enumerate(measure(chosen.sizes or sizes)):
            print("| " + " | ".join(row) + " |", flush=True)
            if number == 0:
                print("|" + " --- |" * len(row))


if __name__ == "__main__":
    main()
