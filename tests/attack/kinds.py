"""The kinds of hostile questions: how each is drawn, asked by every method, and recomputed to fifty digits.

A new kind is one entry of `KINDS`: a function that draws a case from a generator. A case knows its answers and what is
wrong with each of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

import rdptheory as rd
from rdptheory.divergences import F_DIVERGENCES
from tests.attack import corners, exact, orders, transport
from tests.attack.case import Answer, Case
from tests.attack.rates import KEPT, Rate, masses

BIG = 10  # symbols above which a question goes to the fast methods alone


@dataclass(frozen=True, eq=False)
class Universal:
    """R(Θ) of two operating points: both ends against each point alone, and the channel of both."""

    name: str
    source: Any
    distortion: Any
    perception: Any
    points: tuple[tuple[float, float], ...]
    seconds: float = 60.0

    def asks(self) -> Iterable[tuple[str, Callable[[], Answer]]]:
        yield "universal", self._ask

    def _ask(self) -> Answer:
        found = rd.universal_rate(self.source, self.distortion, self.perception, self.points)
        closed = found.status is rd.Status.INFEASIBLE or found.gap <= 1e-8
        return Answer("universal", found.bounds.lower, found.bounds.upper, closed, found)

    def proved(self, answer: Answer) -> Any:
        return mp.mpf(answer.lower)

    def faults(self, answer: Answer) -> list[str]:
        wrong, found = [], answer.found
        if found.candidate is None:
            return wrong
        p, table = exact.law(self.source.probabilities), self.distortion.table(self.source.points)
        channel = found.candidate.channel
        flat = channel.reshape(channel.shape[0], -1)
        if flat.min() < 0.0 or abs(flat.sum(axis=1) - 1.0).max() > KEPT:
            return ["no channel"]
        if mp.mpf(answer.upper) < exact.information(p, flat) - exact.NOTHING:
            wrong.append("false upper")
        for k, (D, P) in enumerate(self.points):
            alone = np.moveaxis(channel, k + 1, -1).reshape(channel.shape[0], -1, channel.shape[k + 1]).sum(axis=1)
            if math.isfinite(D) and exact.mean_distortion(p, alone, table) > D + KEPT * max(1.0, D):
                wrong.append("no channel")
            if math.isfinite(P) and exact.divergence(self.perception, p, exact.output_law(p, alone)) > P + KEPT:
                wrong.append("no channel")
        return wrong


@dataclass(frozen=True, eq=False)
class RegionOf:
    """D(P) of one representation: its ends against those of the neighbours, which it lies between."""

    name: str
    source: Any
    channel: np.ndarray
    perception: Any
    P: float
    seconds: float = 60.0

    def asks(self) -> Iterable[tuple[str, Callable[[], Answer]]]:
        yield "region", self._ask

    def _ask(self) -> Answer:
        region = rd.representation_region(self.source, self.channel, self.perception, finite=True)
        here, wider = region.distortion(self.P), region.distortion(2.0 * self.P)
        return Answer("region", here.lower, here.upper, here.gap <= 1e-9 * max(1.0, here.upper), (here, wider))

    def proved(self, answer: Answer) -> Any:
        return mp.mpf(answer.lower)

    def faults(self, answer: Answer) -> list[str]:
        here, wider = answer.found
        return ["crossed"] if wider.lower > here.upper or not here.lower <= here.upper else []


def _distortion(rng: np.random.Generator, n: int) -> tuple[Any, np.ndarray]:
    """A distortion and the points of its source."""
    unit = 10.0 ** rng.integers(-12, 13) if rng.random() < 0.4 else 1.0
    points = np.sort(rng.normal(size=n)) * unit
    kind = rng.integers(9)
    if kind == 0:
        return rd.Hamming(), np.arange(n, dtype=float)
    if kind == 1:
        return rd.SquaredError(), points
    if kind == 2:
        return rd.AbsoluteError(), points + (1e6 * unit if rng.random() < 0.3 else 0.0)
    table = rng.random((n, n))
    if kind == 3:
        table = table * unit + rng.choice([0.0, 1.0, 100.0, 1e12]) * unit
    elif kind == 4:
        table = 10.0 ** rng.uniform(-6.0, 6.0, (n, n))
    elif kind == 5:
        table = np.where(rng.random((n, n)) < 0.4, 0.0, table)
    elif kind == 6:
        m = int(rng.integers(1, n + 3))
        return rd.Table(rng.random((n, m)) * unit, masses(rng, m)), points
    if kind in (3, 4, 5, 7) and rng.random() < 0.6:
        np.fill_diagonal(table, 0.0)
    return rd.Table(table), points


def _perception(rng: np.random.Generator, k: int, square: bool) -> Any:
    kind = rng.integers(11 if square else 8)
    if kind < 6:
        return F_DIVERGENCES[kind]
    if kind < 8:
        cost = rng.random((k, k))
        if kind == 6:
            np.fill_diagonal(cost, 0.0)
        return rd.TransportDivergence(np.where(rng.random((k, k)) < 0.2, 0.0, cost))
    return (None, rd.Wasserstein1(), rd.Wasserstein2Squared())[kind - 8]


def _radius(rng: np.random.Generator, scale: float) -> float:
    kind = rng.integers(7)
    if kind == 0:
        return 0.0
    if kind == 1:
        return 10.0 ** -rng.uniform(0.0, 300.0)
    if kind == 2:
        return scale * 10.0 ** -rng.uniform(8.0, 20.0)
    if kind == 3:
        return scale * 10.0 ** -rng.uniform(1.0, 8.0)
    if kind == 4:
        return float(rng.choice([0.1, 0.5, 1.0, 2.0, math.inf])) * (scale if rng.random() < 0.5 else 1.0)
    return scale * float(rng.uniform(0.0, 0.3))


def _limit(rng: np.random.Generator, p: np.ndarray, table: np.ndarray) -> float:
    least, most = float(p @ table.min(axis=1)), float((p @ table).min())
    kind = rng.integers(10)
    if kind == 0:
        return least
    if kind == 1:
        return most * (1.0 + float(rng.choice([0.0, 1e-15, -1e-15, 1e-9, -1e-9])))
    if kind == 2:
        return least + (most - least) * 10.0 ** -rng.uniform(2.0, 20.0)
    if kind == 3:
        return float(rng.choice([0.0, math.inf, most * 1.5]))
    if kind == 4:
        return max(0.0, least * (1.0 - 10.0 ** -rng.uniform(1.0, 16.0)))
    return least + (most - least) * float(rng.uniform(0.05, 0.95))


def rate(rng: np.random.Generator) -> Case:
    """R(D,P), by the default and by other methods that take the question."""
    n = int(rng.integers(1, 7)) if rng.random() < 0.9 else int(rng.integers(7, 20))
    distortion, points = _distortion(rng, n)
    source = rd.Pmf(masses(rng, n), points)
    table = distortion.table(source.points)
    perception = _perception(rng, table.shape[1], table.shape[0] == table.shape[1])
    scale = 1.0
    if perception is not None and perception.on(points).cost is not None:
        scale = max(float(perception.on(points).cost.max()), 1e-300)
    P = math.inf if perception is None else _radius(rng, scale)
    methods: list[Any] = [None, rd.InteriorPoint()]
    if perception is None or math.isinf(P) or perception.on(points).cost is None:
        methods.append(rd.FirstOrder(gap=1e-9, max_steps=2000))
    if n <= BIG and rng.random() < 0.15:
        methods.append(rd.Conic())
    D = _limit(rng, source.probabilities, table)
    return Rate("rate", source, distortion, perception, D, P, tuple(methods))


def tables(rng: np.random.Generator) -> Case:
    """R(D,P) of a table with entries below 0, and with some that are forbidden."""
    n, m = (int(k) for k in rng.integers(1, 7, 2))
    table = rng.normal(size=(n, m)) * 10.0 ** rng.integers(-9, 10) + rng.choice([0.0, -1.0, 1e6])
    if rng.random() < 0.7:
        never = rng.random((n, m)) < rng.uniform(0.0, 0.8)
        never[np.arange(n), rng.integers(m, size=n)] = False
        table = np.where(never, math.inf, table)
    law = masses(rng, n)
    perception = F_DIVERGENCES[rng.integers(6)] if rng.random() < 0.7 else None
    P = math.inf if perception is None else _radius(rng, 1.0)
    p, low = law / law.sum(), np.where(np.isinf(table), math.inf, table)
    least = float(p @ low.min(axis=1))
    most = float(p @ np.where(np.isinf(table), -math.inf, table).max(axis=1))
    D = float(
        rng.choice([least, most, math.inf, least + (most - least) * rng.uniform(0.01, 0.9)], p=[0.1, 0.1, 0.1, 0.7])
    )
    distortion = rd.Table(table, None if perception is None else masses(rng, m))
    methods = (None, rd.FirstOrder(gap=1e-9, max_steps=2000), *([rd.Conic()] if rng.random() < 0.15 else []))
    return Rate("tables", rd.Pmf(law), distortion, perception, D, P, methods)


def universal(rng: np.random.Generator) -> Case:
    """R(Θ) of two points under an f-divergence."""
    n = int(rng.integers(2, 4))
    source = rd.Pmf(masses(rng, n))
    table = rng.random((n, n))
    np.fill_diagonal(table, 0.0)
    most = float((source.probabilities @ table).min())
    points = tuple((float(rng.uniform(0.0, 1.2)) * most, _radius(rng, 1.0)) for _ in range(2))
    return Universal("universal", source, rd.Table(table), F_DIVERGENCES[rng.integers(6)], points)


def region(rng: np.random.Generator) -> Case:
    """D(P) of a random representation, outputs on the points of the source."""
    n, m = (int(x) for x in rng.integers(2, 6, 2))
    source = rd.Pmf(masses(rng, n), np.sort(rng.normal(size=n)))
    channel = rng.dirichlet(np.full(m, 0.3), size=n)
    return RegionOf("region", source, channel, F_DIVERGENCES[rng.integers(6)], _radius(rng, 1.0))


KINDS: dict[str, tuple[Callable[[np.random.Generator], Case], int]] = {
    "rate": (rate, 10),
    "universal": (universal, 1),
    "region": (region, 1),
    "tables": (tables, 2),
    "transport": (transport.draw, 3),
    "slope": (orders.slope, 1),
    "relevance": (orders.relevance, 1),
    "limited": (orders.limited, 2),
    "blocks": (orders.blocks, 1),
    "corner": (corners.draw, 2),
}
"""Name: how it is drawn, and how often beside the others."""
