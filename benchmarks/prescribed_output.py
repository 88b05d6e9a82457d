"""P = 0 beside two entropic-transport codes at equal accuracy, and how the cost of every engine grows with n.

    python benchmarks/prescribed_output.py                       both parts (about five minutes)
    python benchmarks/prescribed_output.py transport             one part: transport, growth
    python benchmarks/prescribed_output.py growth --figure FILE  growth as a picture too

With the output law prescribed, R(D,0) is entropic optimal transport of the source to itself. regot and POT solve it at
a fixed regularisation 1/s; ours is asked for the target D that belongs to it, which is the harder question. Accuracy
is the L1 error of both marginals; the others' tolerance is tightened until it is at most 1e-10. Nats throughout.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import ot
import regot
from large_alphabets import ask, field, pixels

from rdptheory import FirstOrder, InteriorPoint, Pmf, SquaredError, TotalVariation, Wasserstein2Squared, rdp
from rdptheory.divergences import Divergence
from rdptheory.geometry import Grid
from rdptheory.methods import Method
from rdptheory.plotting import COLOURS, figure, save, style

EPSILON = 0.05
ACCURACY = 1e-10
TOLERANCES = (1e-8, 1e-10, 1e-12, 1e-14)
Rows = Iterator[list[str]]


def timed(repeats: int, solve: Callable[..., Any], *question: Any, **limits: Any) -> tuple[float, Any]:
    """The best processor time of a few calls, and the last answer."""
    best, answer = np.inf, None
    for _ in range(repeats):
        begun = time.process_time()
        answer = solve(*question, **limits)
        best = min(best, time.process_time() - begun)
    return best, answer


def product(n: int) -> float:
    """Processor seconds of one n x n matrix product."""
    a = np.random.default_rng(0).normal(size=(n, n))
    return timed(3, np.matmul, a, a)[0]


def by_regot(p: np.ndarray, cost: np.ndarray, tolerance: float) -> np.ndarray:
    """The entropic plan of regot's dense Newton method."""
    return np.asarray(regot.sinkhorn_newton(cost, p, p, EPSILON, tol=tolerance, max_iter=1000).plan)


def by_pot(p: np.ndarray, cost: np.ndarray, tolerance: float) -> np.ndarray:
    """The entropic plan of POT's log-domain Sinkhorn iteration."""
    return np.asarray(ot.sinkhorn(p, p, cost, EPSILON, method="sinkhorn_log", stopThr=tolerance, numItermax=5000))


def marginal_error(plan: np.ndarray, p: np.ndarray) -> float:
    """L1 error of both marginals."""
    return float(np.abs(plan.sum(axis=1) - p).sum() + np.abs(plan.sum(axis=0) - p).sum())


def transport(sizes: list[int]) -> Rows:
    """N(0, 1) on [-4, 4] to itself, squared error, regularisation 0.05."""
    yield ["n", "code", "cpu s", "products", "marginal error", "cpu / ours"]
    yield ["---"] * 6
    for n in sizes:
        x = np.linspace(-4.0, 4.0, n)
        source = Pmf.from_weights(np.exp(-0.5 * x * x), x)
        p, cost = source.probabilities, np.asfortranarray(SquaredError().table(x))
        unit = product(n)

        rows, reached = [], 0.0
        for code, solve in (("regot sinkhorn_newton", by_regot), ("POT sinkhorn_log", by_pot)):
            for tolerance in TOLERANCES:
                seconds, plan = timed(1, solve, p, cost, tolerance)
                error = marginal_error(plan, p)
                if error <= ACCURACY:
                    break
            reached = float(np.vdot(plan, cost)) if solve is by_regot else reached
            rows.append((code, seconds, error))
        limits = {"D": reached, "P": 0.0, "method": InteriorPoint()}
        seconds, answer = timed(3, rdp, source, SquaredError(), TotalVariation(), **limits)
        joint = p[:, None] * answer.candidate.channel
        yield [
            str(n),
            f"ours, target D, gap {answer.gap:.0e}",
            f"{seconds:.3f}",
            f"{seconds / unit:.0f}",
            f"{marginal_error(joint, p):.0e}",
            "1",
        ]
        for code, other, error in rows:
            yield [str(n), code, f"{other:.3f}", f"{other / unit:.0f}", f"{error:.0e}", f"{other / seconds:.1f}"]
    yield []


@dataclass(frozen=True)
class Line:
    """What one engine costs: processor seconds at each number of symbols."""

    name: str
    symbols: list[int]
    seconds: list[float]

    @property
    def exponent(self) -> float:
        """Of n, by a straight line through the last three sizes in log-log."""
        return float(np.polyfit(np.log(self.symbols[-3:]), np.log(self.seconds[-3:]), 1)[0])

    def row(self, columns: int) -> list[str]:
        """For the table."""
        empty = [""] * (columns - len(self.seconds))
        return [self.name, *(f"{value:.2g}" for value in self.seconds), *empty, f"{self.exponent:.1f}"]


def with_tables(sizes: list[int]) -> Iterator[Line]:
    """Engines that hold tables of n x n: a Dirichlet law on n points of [0, 1], squared error, D = 0.02."""
    yield Line("one matrix product", sizes, [product(n) for n in sizes])
    inside, loop = InteriorPoint(), FirstOrder(gap=1e-5)
    engines: dict[str, tuple[Divergence | None, float, Method, int]] = {
        "interior point, no ball": (None, np.inf, inside, 2048),
        "interior point, TV": (TotalVariation(), 0.1, inside, 2048),
        "interior point, P = 0": (TotalVariation(), 0.0, inside, 2048),
        "interior point, W2²": (Wasserstein2Squared(), 0.001, inside, 512),
        "first order, TV, gap 1e-5": (TotalVariation(), 0.1, loop, 1024),
    }
    for name, (perception, P, method, largest) in engines.items():
        used = [n for n in sizes if n <= largest]
        seconds = []
        for n in used:
            source = Pmf(np.random.default_rng(0).dirichlet(np.ones(n)), np.linspace(0.0, 1.0, n))
            limits = {"D": 0.02, "P": P, "method": method}
            seconds.append(timed(3 if n <= 512 else 1, rdp, source, SquaredError(), perception, **limits)[0])
        yield Line(name, used, seconds)


def without_tables(sides: list[int]) -> Iterator[Line]:
    """The engine of large alphabets: one picture at several resolutions, D = 1000 pixels² at 512 x 512, gap 3e-4."""
    fine, symbols = field(max(sides)), [side * side for side in sides]
    products = []
    for side in sides:
        gibbs = Grid((np.arange(float(side)),) * 2).at(0.1)
        products.append(timed(5, gibbs.forward, np.ones(side * side))[0])
    yield Line("one kernel product", symbols, products)
    balls = {"P = 0": (TotalVariation(), 0.0), "TV": (TotalVariation(), 0.3), "no ball": (None, np.inf)}
    for name, (perception, P) in balls.items():
        seconds = []
        for side in sides:
            block = fine.shape[0] // side
            p, points = pixels(fine.reshape(side, block, side, block).mean(axis=(1, 3)))
            question = (p, points, perception, 1000.0 * (side / 512.0) ** 2, P, FirstOrder(gap=3e-4))
            seconds.append(timed(3 if side <= 128 else 1, ask, *question)[0])
        yield Line(f"first order, {name}", symbols, seconds)


def growth(sizes: list[int], sides: list[int], picture: str | None) -> Rows:
    """Seconds of one solve against n, and a picture of them."""
    dense, large = list(with_tables(sizes)), list(without_tables(sides))
    for lines in (dense, large):
        symbols = lines[0].symbols
        yield ["engine", *(f"{n:,}" for n in symbols), "exponent"]
        yield ["---"] * (len(symbols) + 2)
        yield from (line.row(len(symbols)) for line in lines)
        yield []
    if picture is not None:
        with style():
            drawn, axes = figure(1, 2, width=3.4, height=3.9)  # a column of a paper
            draw(axes[0], dense, "tables of n x n numbers")
            draw(axes[1], large, "pixels of a picture, no table")
            save(drawn, picture)


def draw(axes: Any, lines: list[Line], title: str) -> None:
    """Seconds against symbols, each line named with its exponent."""
    for line, colour, marker in zip(lines, ("0.4", *COLOURS), "xosD^v", strict=False):
        name = f"{line.name}: $n^{{{line.exponent:.1f}}}$"
        axes.loglog(line.symbols, line.seconds, color=colour, marker=marker, markersize=4, label=name)
    axes.set_xlabel("symbols n")
    axes.set_ylabel("processor time of one solve (s)")
    axes.set_title(title)
    axes.set_xticks(lines[0].symbols, labels=[f"{n:,}" for n in lines[0].symbols])
    axes.minorticks_off()
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["transport", "growth"])
    parser.add_argument("--figure", help="file for the picture of growth")
    chosen = parser.parse_args()
    tables: dict[str, Callable[[], Rows]] = {
        "transport": lambda: transport([100, 500, 1000]),
        "growth": lambda: growth([64, 128, 256, 512, 1024, 2048], [32, 64, 128, 256, 512], chosen.figure),
    }
    for part in chosen.parts:
        for row in tables[part]():
            print("| " + " | ".join(row) + " |" if row else "", flush=True)


if __name__ == "__main__":
    main()
