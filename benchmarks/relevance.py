"""Codes that tell classes apart, and decoders with side information: proved brackets beside the usual iterations.

    python benchmarks/relevance.py          (a minute)

The alternating bottleneck and its kin for side information (Blahut-Arimoto) fix the multipliers and not the limits,
prove nothing, and may end in local optima. They get our multipliers, which is half of the work, and ten times our
processor time; what is reported is how far the least Lagrangian of some starts stays above the proved one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from scipy.special import entr

from rdptheory import (
    ClassGrid,
    Pmf,
    SquaredError,
    TotalVariation,
    bottleneck,
    relevant_rate,
    side_information_rate,
)
from rdptheory.relevance import RelevantSolution

BUDGET = 10.0  # of our processor time that the iterations get
STARTS = 5


def question(n: int, k: int) -> tuple[Pmf, np.ndarray, float]:
    """A law on [0, 1], p(s|x), and a C halfway between its ends."""
    rng = np.random.default_rng(0)
    p = Pmf.from_weights(rng.dirichlet(np.ones(n)), np.linspace(0.0, 1.0, n))
    classes = rng.dirichlet(np.ones(k), n)
    least, most = p.probabilities @ entr(classes).sum(axis=1), entr(p.probabilities @ classes).sum()
    return p, classes, float(0.5 * (least + most))


def timed(ask: Callable[[], RelevantSolution]) -> tuple[float, RelevantSolution]:
    """Processor seconds of a call, and its answer."""
    begun = time.process_time()
    answer = ask()
    return time.process_time() - begun, answer


def alternating(p: np.ndarray, classes: np.ndarray, cost: np.ndarray, price: float, seconds: float) -> float:
    """The least I(X;U) + E cost(X,U) + λ H(S|U) of some starts, letters with the costs of their labels."""
    rng, best = np.random.default_rng(1), np.inf
    for _ in range(STARTS):
        begun = time.process_time()
        W = rng.dirichlet(np.full(cost.shape[1], 0.1), p.size)
        while time.process_time() - begun < seconds / STARTS:
            for _ in range(20):
                r = np.maximum(p @ W, 1e-300)
                tau = np.maximum((p[:, None] * W).T @ classes / r[:, None], 1e-300)
                exponent = np.log(r) - cost + price * (classes @ np.log(tau).T)
                W = np.exp(exponent - exponent.max(axis=1, keepdims=True))
                W /= W.sum(axis=1, keepdims=True)
        r = p @ W
        a = (p[:, None] * W).T / np.maximum(r, 1e-300)[:, None]
        value = entr(p).sum() - r @ entr(a).sum(axis=1) + (p[:, None] * W * cost).sum()
        best = min(best, float(value + price * (r @ entr(a @ classes).sum(axis=1))))
    return best


def rows() -> Iterator[list[str]]:
    """Every question with its time, its gap, and what the iterations leave."""
    yield ["question", "n", "classes", "cpu s", "steps", "gap", "iterations, ten times as long: above by"]
    yield ["---"] * 7
    for n, k in ((16, 2), (64, 2), (256, 2), (1024, 2), (16, 3), (64, 3), (16, 4)):
        p, classes, C = question(n, k)
        seconds, answer = timed(lambda p=p, classes=classes, C=C: bottleneck(p, classes, C=C))  # type: ignore[misc]
        price = -answer.slopes.C
        ends = alternating(p.probabilities, classes, np.zeros((n, min(n, 8))), price, BUDGET * seconds)
        yield row("bottleneck", n, k, seconds, answer, ends - (answer.bounds.lower + price * C))
    for n in (16, 64):
        p, classes, C = question(n, 2)
        D = 0.3 * float((p.probabilities @ SquaredError().table(p.points)).min())
        seconds, answer = timed(
            lambda p=p, classes=classes, C=C, D=D: relevant_rate(  # type: ignore[misc]
                p, classes, SquaredError(), TotalVariation(), C=C, D=D, P=0.02
            )
        )
        yield row("R(D,P,C), TV 0.02", n, 2, seconds, answer, None)
    for n in (4, 8, 16, 32):
        p, seen, _ = question(n, 2)
        d = SquaredError().table(p.points)
        D = 0.2 * float((p.probabilities @ d).min())
        seconds, answer = timed(lambda p=p, seen=seen, D=D: side_information_rate(p, seen, SquaredError(), D=D))  # type: ignore[misc]
        s = -answer.slopes.D
        cost = np.stack([seen[:, 0] * d[:, a] + seen[:, 1] * d[:, b] for a, b in product(range(n), repeat=2)], axis=1)
        ends = alternating(p.probabilities, seen, s * cost, 1.0, BUDGET * seconds)
        open_ = entr(p.probabilities @ seen).sum()
        yield row("side information", n, 2, seconds, answer, ends - (answer.bounds.lower + open_ + s * D))


def row(name: str, n: int, k: int, seconds: float, answer: RelevantSolution, above: float | None) -> list[str]:
    """A line of the table."""
    left = "" if above is None else f"{above:.1e}"
    return [name, str(n), str(k), f"{seconds:.2f}", str(answer.steps), f"{answer.gap:.0e}", left]


def main() -> None:
    """Print the table."""
    bottleneck(*question(4, 2)[:2], C=question(4, 2)[2], method=ClassGrid(gap=1e-6))  # the first call compiles doors
    for one in rows():
        print("| " + " | ".join(one) + " |", flush=True)


if __name__ == "__main__":
    main()
