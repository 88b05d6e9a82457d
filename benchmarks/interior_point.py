"""Times of the interior point beside other solvers and beside a matrix product, all measured in one run.

    python benchmarks/interior_point.py                  every part (about four minutes)
    python benchmarks/interior_point.py large robust     some parts: conic, blahut, large, robust

The tables are Markdown. Every gap is judged by `rdptheory.certificates`, whoever found the answer; nats throughout.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np

from rdptheory import (
    ChiSquare,
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
    discretise,
    rate_distortion,
    rdp,
)
from rdptheory.certificates import DualPoint, lower_bound, upper_bound
from rdptheory.divergences import Divergence
from rdptheory.problems import Problem

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
QUICK = [("CLARABEL", "primal")]
SLOW = [("CLARABEL", "dual"), ("CLARABEL", "folded"), ("SCS", "primal"), ("SCS", "dual")]  # up to 64 symbols
Rows = Iterator[list[str]]


def rough_source(n: int, seed: int = 0) -> Pmf:
    """A Dirichlet(1, ..., 1) law on n points of [0, 1]."""
    return Pmf(np.random.default_rng(seed).dirichlet(np.ones(n)), np.linspace(0.0, 1.0, n))


def best_of(repeats: int, call: Callable[[], object]) -> float:
    """The least wall-clock time of a few calls, in seconds."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def product_seconds(n: int) -> float:
    """One n x n matrix product: the yardstick of this machine at this moment."""
    a = np.random.default_rng(1).random((n, n))
    return best_of(5, lambda: a @ a)


def conic(sizes: list[int]) -> Rows:
    """Clarabel and SCS through CVXPY under total variation; one call each, ours the best of 5."""
    from formulations import FORMULATIONS

    yield ["n", "method", "formulation", "wall s", "solver s", "proved gap", "wall / ours", "solver / ours"]
    for n in sizes:
        source = rough_source(n)
        problem = Problem(source, DISTORTION, TotalVariation(), D, P).discrete
        table = problem.distortions[0].table
        ours = best_of(5, lambda source=source: rdp(source, DISTORTION, TotalVariation(), D=D, P=P))
        solution = rdp(source, DISTORTION, TotalVariation(), D=D, P=P)
        yield [str(n), "interior point", "", f"{ours:.4f}", "", f"{solution.gap:.0e}", "1", ""]
        for solver, name in QUICK if n > 64 else [*QUICK, *SLOW]:
            solve = FORMULATIONS[name]
            begin = time.perf_counter()
            answer = solve(source.probabilities, table, D, P, solver)
            wall = time.perf_counter() - begin
            upper = upper_bound(problem, answer.channel).rate
            lower = max(lower_bound(problem, DualPoint(f, np.array([answer.s]))) for f in (answer.f, -answer.f))
            yield [
                str(n),
                solver,
                f"{name} ({answer.status})",
                f"{wall:.2f}",
                f"{answer.seconds:.2f}",
                f"{upper - lower:.0e}",
                f"{wall / ours:.0f}",
                f"{answer.seconds / ours:.0f}",
            ]


def blahut(sizes: list[int]) -> Rows:
    """dit's Blahut-Arimoto at the slope that we find for D; its error is its rate less R at its own distortion."""
    from dit.rate_distortion.blahut_arimoto import _blahut_arimoto

    yield ["n", "method", "stop", "wall s", "wall / ours", "error, nat"]
    for n in sizes:
        source = rough_source(n)
        p = source.probabilities
        table = DISTORTION.table(source.points)
        ours = best_of(5, lambda source=source: rate_distortion(source, DISTORTION, D=D))
        solution = rate_distortion(source, DISTORTION, D=D)
        yield [str(n), "interior point", "gap 1e-9", f"{ours:.4f}", "1", f"{solution.gap:.0e} (proved)"]
        for limit in (100, 10_000):
            begin = time.perf_counter()
            found, _ = _blahut_arimoto(
                p,
                -solution.slopes.D / np.log(2.0),  # its kernel is 2^(-beta d)
                np.full((n, n), 1.0 / n),
                lambda p, channel, table=table: table,
                max_iters=limit,
            )
            wall = time.perf_counter() - begin
            exact = rate_distortion(source, DISTORTION, D=float(found.distortion), method=InteriorPoint(gap=1e-11))
            error = float(found.rate) * np.log(2.0) - exact.bounds.upper
            stop = f"its own test, at most {limit} steps"
            yield [str(n), "dit, one start", stop, f"{wall:.4f}", f"{wall / ours:.1f}", f"{error:.1e}"]


def large(sizes: list[int]) -> Rows:
    """Our times beside a product of two n x n matrices, and the peak of traced memory in tables of n x m doubles."""
    yield ["n", "δ", "wall s", "steps", "gap", "products", "products / step", "model / step", "tables"]
    radii = {"none": np.inf, "tv": P, "kl": P, "chi2": P, "js": P, "P = 0": 0.0}
    for n in sizes:
        source, product = rough_source(n), product_seconds(n)
        for name, radius in radii.items():
            divergence = MODES.get(name, TotalVariation())

            def call(
                source: Pmf = source, divergence: Divergence | None = divergence, radius: float = radius
            ) -> Solution:
                return rdp(source, DISTORTION, divergence, D=D, P=radius)

            solution = call()
            wall = best_of(2 if n > 512 else 4, call)
            tracemalloc.start()
            call()
            tables = tracemalloc.get_traced_memory()[1] / (8.0 * n * n)
            tracemalloc.stop()
            yield [
                str(n),
                name,
                f"{wall:.3f}",
                str(solution.steps),
                f"{solution.gap:.0e}",
                f"{wall / product:.0f}",
                f"{wall / product / max(1, solution.steps):.1f}",
                f"{(1.0 + 1.0 / 3.0) / 2.0:.2f}",  # n^2 m + n^3/3 flops over the 2 n^3 of the product
                f"{tables:.1f}",
            ]
        yield [str(n), "n x n product", f"{product:.4f}", "", "", "1", "", "", ""]


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


PARTS: dict[str, tuple[Callable[[list[int]], Rows], list[int]]] = {
    "conic": (conic, [16, 32, 64, 128]),
    "blahut": (blahut, [64, 128]),
    "large": (large, [256, 512, 1024]),
    "robust": (robust, [200]),
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
