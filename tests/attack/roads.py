"""One number by many roads: how often do two proved brackets on it exclude each other?

    python -m tests.attack.roads [--count 5000] [--seed 0] [--show 20]

A question on two to nine symbols is asked of every method that takes it (closed form, interior point, first order with
and without momentum, that is Blahut-Arimoto at P = inf and Sinkhorn at P = 0, a conic solver), and in other words for
the same rate: symbols in another order, a symbol cut in two, another divergence at P = 0, the parts of a product, the
divergence as a class of somebody's own.
Theorems that give one end only are roads too: wider and smaller balls, chords, tangents, one distance below another.
The counts are on stdout, in Markdown; the exit code is 1 if two brackets exclude each other.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations
from math import inf, sqrt
from typing import Any

import numpy as np

import rdptheory as rd
from rdptheory.divergences import F_DIVERGENCES, Divergence, Support

__all__ = ["Count", "count", "draw", "roads"]

GAP = 1e-9  # nats: what counts as closed
LOOSE = rd.FirstOrder(gap=1e-5, max_steps=2000)
PLAIN = replace(LOOSE, momentum=False)
SMALL = 6  # symbols up to which a conic solver takes some hundredths of a second
SLACK = 1e-13  # nats: what rounding of other limits and sums is worth, where a road does not ask the question itself
ONE_END = ("a chord in D", "a chord in P", "a tangent", "no ball", "the source's own law", "a larger ball")
ONE_END += ("total variation below it", "KL below it")

Road = tuple[str, float, float]


def draw(rng: np.random.Generator) -> rd.Problem:
    """A question: every law, distortion and ball; limits from nothing to beyond the zero rate."""
    n = int(rng.integers(2, 10))
    weights = rng.dirichlet(np.ones(n)) + 1e-4 if rng.random() < 0.6 else 10.0 ** rng.uniform(-8.0, 0.0, n)
    weights = np.ones(n) if rng.random() < 0.1 else weights
    law = rd.Pmf.from_weights(weights, np.sort(rng.uniform(size=n)))
    tables = [rng.uniform(size=(n, n)) for _ in range(2)]
    costs = [table * (1.0 - np.eye(n)) for table in tables]
    distortions = (rd.Hamming(), rd.Hamming(), rd.SquaredError(), rd.AbsoluteError(), rd.Table(costs[0]))
    distortion = distortions[int(rng.integers(5))]
    others = (rd.Wasserstein1(), rd.Wasserstein2Squared(), rd.TransportDivergence(costs[1]), rd.Renyi(2.0))
    balls = (None, None, None, *F_DIVERGENCES, rd.TotalVariation(), *others)
    ball = balls[int(rng.integers(len(balls)))]
    P = inf if ball is None else 0.0 if rng.random() < 0.2 else 10.0 ** rng.uniform(-5.0, -0.5)
    most = float((law.probabilities @ distortion.table(law.points)).min())
    share = 10.0 ** rng.uniform(-4.0, 0.0) if rng.random() < 0.3 else rng.uniform(0.02, 1.1)
    return rd.Problem(law, distortion, ball, most * share, P)


def roads(asked: rd.Problem, rng: np.random.Generator) -> Iterator[Road]:
    """Every bracket on R(D,P) of the question that some method or theorem gives."""
    yield from _methods(asked)
    yield from _reworded(asked, rng)
    yield from _one_sided(asked, rng)
    if asked.perception is not None:
        divergence, radius = asked.perception.ball(asked.source.points, asked.P)
        yield "somebody's own divergence", *_rate(asked.source, asked.distortion, Own(divergence), asked.D, radius, 0.0)


class Own(Divergence):
    """A divergence of which nothing is known but what somebody who writes one has to write."""

    def __init__(self, known: Divergence) -> None:
        self.known = known

    def value(self, reference: np.ndarray, output: np.ndarray) -> float:
        return self.known.value(reference, output)

    def support(self, v: np.ndarray, reference: np.ndarray, P: float) -> Support:
        return self.known.support(v, reference, P)


def _methods(asked: rd.Problem) -> Iterator[Road]:
    ways: list[tuple[str, Any]] = [("closed form", rd.ClosedForm()), ("interior point", rd.InteriorPoint())]
    ways += [("first order", LOOSE), ("first order, plain", PLAIN)]
    if asked.source.probabilities.size <= SMALL:
        ways.append(("conic", rd.Conic()))
    for name, method in ways:
        try:
            (found,) = rd.rdp_many([asked], method)
        except rd.InvalidInput:  # it does not take this question
            continue
        yield name, found.bounds.lower, found.bounds.upper


def _parts(asked: rd.Problem) -> tuple[np.ndarray, np.ndarray]:
    return asked.source.probabilities, asked.distortion.table(asked.source.points)


def _cost(asked: rd.Problem) -> np.ndarray | None:
    """The cost that a transport ball is about."""
    return None if asked.perception is None else asked.perception.on(asked.source.points).cost


def _rate(source: Any, distortion: Any, perception: Any, D: Any, P: float, slack: float = SLACK) -> tuple[float, float]:
    found = rd.rdp(source, distortion, perception, D=D, P=P).bounds
    return found.lower - slack, found.upper + slack


def _reworded(asked: rd.Problem, rng: np.random.Generator) -> Iterator[Road]:
    """Other questions whose answer is the same number."""
    p, table = _parts(asked)
    n, D, P, ball, cost = p.size, asked.D, asked.P, asked.perception, _cost(asked)
    order = rng.permutation(n)
    turned = ball if cost is None else rd.TransportDivergence(cost[np.ix_(order, order)])
    shuffled = rd.Table(table[np.ix_(order, order)])
    yield "another order", *_rate(rd.Pmf.from_weights(p[order]), shuffled, turned, D, P)
    heavy = int(p.argmax())
    halves = np.append(p, 0.5 * p[heavy])
    halves[heavy] *= 0.5
    cut = rd.Table(np.vstack([table, table[heavy]]), reference=p)
    told = ball if cost is None else rd.TransportDivergence(cost)
    yield "a symbol cut in two", *_rate(rd.Pmf.from_weights(halves), cut, told, D, P)
    if P == 0.0 and ball.faithful:
        others = [*F_DIVERGENCES, rd.Wasserstein1()]
        other = others[int(rng.integers(len(others)))]
        yield "P = 0 by another name", *_rate(asked.source, asked.distortion, other, D, 0.0)
    if P in (0.0, inf) and n <= SMALL:
        yield "a product less a part", *_by_product(asked, rng)


def _by_product(asked: rd.Problem, rng: np.random.Generator) -> tuple[float, float]:
    """With limits of its own for each part the rate of a product is the sum of the rates, at P = inf and at P = 0."""
    p, table = _parts(asked)
    q, P = rng.dirichlet(np.ones(2)) + 0.01, asked.P
    q /= q.sum()
    ball, coin = None if P == inf else rd.TotalVariation(), 0.5 * float(q.min())
    apart = (rd.Table(np.kron(table, np.ones((2, 2)))), rd.Table(np.kron(np.ones(table.shape), 1.0 - np.eye(2))))
    both = rd.rdp(rd.Pmf.from_weights(np.kron(p, q)), apart, ball, D=(asked.D, coin), P=P).bounds
    part = rd.rdp(rd.Pmf(q), rd.Hamming(), ball, D=coin, P=P, method=rd.InteriorPoint()).bounds
    return both.lower - part.upper - SLACK, both.upper - part.lower + SLACK


def _one_sided(asked: rd.Problem, rng: np.random.Generator) -> Iterator[Road]:
    """What theorems say from one side: R is convex and decreasing in D and P, and balls contain each other."""
    source, distortion, D, P, ball = asked.source, asked.distortion, asked.D, asked.P, asked.perception
    ends = [_rate(source, distortion, ball, D * share, P) for share in (0.75, 1.25)]
    yield "a chord in D", 0.0, 0.5 * (ends[0][1] + ends[1][1])
    if ball is None:
        s = 10.0 ** rng.uniform(-1.0, 1.0) / max(D, 1e-12)
        touched = rd.rate_at_slope(source, distortion, None, s=s, P=inf)
        yield "a tangent", touched.rate.lower + s * touched.D.lower - s * D - SLACK * (1.0 + s * D), inf
        return
    yield "no ball", _rate(source, distortion, None, D, inf)[0], inf
    if ball.faithful:
        yield "the source's own law", 0.0, _rate(source, distortion, ball, D, 0.0)[1]
    if P == 0.0:
        return
    ends = [_rate(source, distortion, ball, D, P * share) for share in (0.5, 1.5)]
    yield "a larger ball", ends[1][0], inf
    if not isinstance(ball, rd.Renyi):  # δ of order above 1 is quasi-convex alone
        yield "a chord in P", 0.0, 0.5 * (ends[0][1] + ends[1][1])
    if ball in (rd.KullbackLeibler(), rd.ReverseKullbackLeibler()):  # Pinsker's inequality
        yield "total variation below it", _rate(source, distortion, rd.TotalVariation(), D, sqrt(0.5 * P))[0], inf
    if ball == rd.ChiSquare():  # KL <= log(1 + chi2)
        yield "KL below it", _rate(source, distortion, rd.KullbackLeibler(), D, float(np.log1p(P)))[0], inf
    if ball == rd.Renyi(2.0):  # chi2 = exp(Renyi of order 2) - 1
        within = _rate(source, distortion, rd.ChiSquare(), D, float(np.expm1(P)))
        yield "chi-square for Renyi", *within


@dataclass
class Count:
    """What came of it: brackets by road, pairs of them, and those that exclude each other."""

    questions: int = 0
    pairs: int = 0
    widths: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    excluded: list[str] = field(default_factory=list)

    def add(self, seed: int, found: Iterable[Road]) -> None:
        """The roads of one question, compared two by two."""
        found = list(found)
        self.questions += 1
        for name, lower, upper in found:
            self.widths[name].append(upper - max(lower, 0.0) if upper > lower else 0.0)
        for one, other in combinations(found, 2):
            self.pairs += 1
            if not max(one[1], other[1]) <= min(one[2], other[2]):
                self.excluded.append(f"seed {seed}: {one} and {other}")

    def __str__(self) -> str:
        rows = ["| road | brackets | closed to 1e-9 | median width, nat |", "| --- | --- | --- | --- |"]
        for name, widths in self.widths.items():
            closed = f"{np.mean(np.less_equal(widths, GAP)):.1%} | {np.median(widths):.0e}"
            rows.append(f"| {name} | {len(widths)} | {'one end |' if name in ONE_END else closed} |")
        total = f"{self.questions} questions, {sum(map(len, self.widths.values()))} brackets, {self.pairs} pairs"
        rows.append(f"\n{total}: {len(self.excluded)} exclude each other")
        return "\n".join(rows)


def count(seeds: Iterable[int]) -> Count:
    """Ask the questions of these seeds by every road."""
    counted = Count()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="cvxpy")
        for seed in seeds:
            rng = np.random.default_rng([seed, 31])
            counted.add(seed, roads(draw(rng), rng))
    return counted


def main() -> int:
    """The counts on stdout, the pairs that exclude each other after them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=20)
    asked = parser.parse_args()
    counted = count(range(asked.seed, asked.seed + asked.count))
    sys.stdout.write("\n".join([str(counted), *counted.excluded[: asked.show]]) + "\n")
    return 1 if counted.excluded else 0


if __name__ == "__main__":
    sys.exit(main())
