"""P = 0 beside two entropic-transport codes at equal accuracy, and how the cost of every engine grows with n.

    python benchmarks/prescribed_output.py            both parts (about five minutes)
    python benchmarks/prescribed_output.py transport  one part: transport, growth

With the output law prescribed, R(D,0) is entropic optimal transport of the source to itself. regot and POT solve it at
a fixed regularisation 1/s; ours is asked for the target D that belongs to it, which is the harder question. Accuracy
is the L1 error of both marginals; the others' tolerance is tightened until it is at most 1e-10. Nats throughout.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import ot
import regot

from rdptheory import FirstOrder, InteriorPoint, Pmf, SquaredError, TotalVariation, Wasserstein2Squared, rdp
from rdptheory.divergences import Divergence
from rdptheory.solve import Method

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


def growth(sizes: list[int]) -> Rows:
    """Seconds of one solve against n, with the exponent of a straight line through the last three sizes."""
    inside, loop = InteriorPoint(), FirstOrder(gap=1e-5)
    engines: dict[str, tuple[Divergence | None, float, Method, int]] = {
        "interior point, no ball": (None, np.inf, inside, 2048),
        "interior point, TV": (TotalVariation(), 0.1, inside, 2048),
        "interior point, P = 0": (TotalVariation(), 0.0, inside, 2048),
        "interior point, W2²": (Wasserstein2Squared(), 0.001, inside, 256),
        "first order, TV, gap 1e-5": (TotalVariation(), 0.1, loop, 1024),
    }
    yield ["engine", *(str(n) for n in sizes), "exponent"]
    units = {n: product(n) for n in sizes}
    yield ["one matrix product", *(f"{units[n]:.2g}" for n in sizes), ""]
    for name, (perception, P, method, largest) in engines.items():
        used = [n for n in sizes if n <= largest]
        seconds = []
        for n in used:
            source = Pmf(np.random.default_rng(0).dirichlet(np.ones(n)), np.linspace(0.0, 1.0, n))
            limits = {"D": 0.02, "P": P, "method": method}
            seconds.append(timed(1, rdp, source, SquaredError(), perception, **limits)[0])
        slope = np.polyfit(np.log(used[-3:]), np.log(seconds[-3:]), 1)[0]
        yield [name, *(f"{value:.2g}" for value in seconds), *[""] * (len(sizes) - len(used)), f"{slope:.1f}"]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["transport", "growth"])
    chosen = parser.parse_args().parts
    tables: dict[str, Callable[[], Rows]] = {
        "transport": lambda: transport([100, 500, 1000]),
        "growth": lambda: growth([64, 128, 256, 512, 1024, 2048]),
    }
    for part in chosen:
        for number, row in enumerate(tables[part]()):
            print("| " + " | ".join(row) + " |", flush=True)
            if number == 0:
                print("| " + " | ".join("---" for _ in row) + " |")
        print()


if __name__ == "__main__":
    main()
