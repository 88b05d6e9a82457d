"""Kinds of hostile questions whose answers have an order that a theorem gives: brackets against it are wrong.

Where an answer comes with no dual point that fifty digits could evaluate, other questions bound it: a tangent lies
below every point of a convex curve, and a limit that is lifted lowers a rate.
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
from tests.attack.case import Answer

__all__ = ["Ordered", "blocks", "limited", "relevance", "slope"]


@dataclass(frozen=True, eq=False)
class Ordered:
    """A question, and what its answer may not contradict: pairs (lower end, upper end) of which the first is less."""

    name: str
    ask: Callable[[], tuple[Any, rd.Bounds, list[tuple[float, float]]]]
    gap: float
    seconds: float = 60.0

    def asks(self) -> Iterable[tuple[str, Callable[[], Answer]]]:
        yield self.name, self._ask

    def _ask(self) -> Answer:
        found, bounds, pairs = self.ask()
        return Answer(self.name, bounds.lower, bounds.upper, bounds.gap <= self.gap, (found, pairs))

    def proved(self, answer: Answer) -> Any:
        return mp.mpf(answer.lower)

    def faults(self, answer: Answer) -> list[str]:
        _, pairs = answer.found
        wrong = not answer.lower <= answer.upper or any(not low <= high for low, high in pairs)
        return ["crossed"] if wrong else []


def _law(rng: np.random.Generator, n: int) -> np.ndarray:
    w = rng.random(n) + 1e-3 if rng.random() < 0.5 else 10.0 ** -rng.uniform(0.0, rng.choice([3.0, 30.0, 300.0]), n)
    w[rng.integers(n)] = w.max()
    return np.asarray(w / w.sum())


def slope(rng: np.random.Generator) -> Ordered:
    """`rate_at_slope`: R(D') + s D' is nowhere less than at the point that it found."""
    n = int(rng.integers(2, 6))
    unit = 10.0 ** rng.integers(-6, 7) if rng.random() < 0.4 else 1.0
    source = rd.Pmf(_law(rng, n), np.sort(rng.normal(size=n)) * unit)
    table = rng.random((n, n)) * unit
    np.fill_diagonal(table, 0.0)
    distortion = rd.Table(table)
    perception = None if rng.random() < 0.3 else F_DIVERGENCES[rng.integers(6)]
    P = math.inf if perception is None else float(rng.choice([0.0, 1e-18, 1e-6, 0.05, 0.5]))
    s = 10.0 ** rng.uniform(-2.0, 3.0) / unit
    others = [float(x) for x in rng.uniform(0.0, 1.2, 3) * float((source.probabilities @ table).min())]

    def ask() -> tuple[Any, rd.Bounds, list[tuple[float, float]]]:
        found = rd.rate_at_slope(source, distortion, perception, s=s, P=P)
        least = (found.rate.lower + s * found.D.lower) * (1.0 - 1e-14)
        above = [rd.rdp(source, distortion, perception, D=D, P=P).bounds.upper + s * D for D in others]
        return found, found.rate, [(least, value) for value in above]

    return Ordered("slope", ask, 1e-6)


def relevance(rng: np.random.Generator) -> Ordered:
    """`relevant_rate`: at least H(S) - C and R(D,P), and no more when C is lifted; side information lowers R(D)."""
    n, classes = int(rng.integers(2, 5)), int(rng.integers(2, 4))
    p = _law(rng, n)
    source, sharp = rd.Pmf(p), rng.choice([0.05, 1.0])
    told = rng.dirichlet(np.full(classes, sharp), size=n)
    law = p @ told
    H = -float(sum(x * math.log(x) for x in law if x > 0.0))
    floor = -float(sum(p[i] * x * math.log(x) for i in range(n) for x in told[i] if x > 0.0))
    C = floor + (H - floor) * float(rng.choice([0.0, 1e-9, 0.3, 0.9, 1.1]))
    D, P = float(rng.uniform(0.0, 0.8)), float(rng.choice([0.0, 1e-12, 0.1, math.inf]))
    perception = None if math.isinf(P) else rd.TotalVariation()

    def ask() -> tuple[Any, rd.Bounds, list[tuple[float, float]]]:
        found = rd.relevant_rate(source, told, rd.Hamming(), perception, C=C, D=D, P=P)
        free = rd.rdp(source, rd.Hamming(), perception, D=D, P=P).bounds
        wider = rd.relevant_rate(source, told, rd.Hamming(), perception, C=1.2 * C + 0.01, D=D, P=P).bounds
        beside = rd.side_information_rate(source, told, rd.Hamming(), D=D).bounds
        alone = rd.rate_distortion(source, rd.Hamming(), D=D).bounds
        upper = found.bounds.upper
        pairs = [(free.lower, upper), (wider.lower, upper), (beside.lower, alone.upper), (H - C - 1e-14, upper)]
        return found, found.bounds, pairs

    return Ordered("relevance", ask, 1e-5)


def limited(rng: np.random.Generator) -> Ordered:
    """A rate of common randomness: between none and all of it, and more of it does no harm."""
    on_line = rng.random() < 0.6
    n, m = (int(x) for x in rng.integers(2, 8 if on_line else 4, 2))
    unit = 10.0 ** rng.integers(-3, 4)
    points = [np.sort(rng.normal(size=size)) * unit if on_line else None for size in (n, m)]
    source, target = rd.Pmf(_law(rng, n), points[0]), rd.Pmf(_law(rng, m), points[1])
    distortion = rd.SquaredError() if on_line else rd.Table(rng.random((n, m)) * unit)
    R, shared = float(rng.uniform(0.0, 1.0)), float(rng.choice([1e-12, 0.05, 0.3, 1.0, 5.0]))
    if rng.random() < 0.5:  # near the rates at which the limits stop to bind
        R *= _entropy(source)
        shared = max(0.0, _entropy(target) - R) * float(rng.choice([0.0, 0.5, 0.9, 0.999, 1.0]))

    def at(randomness: bool | float) -> Any:
        question = source, target, distortion
        return rd.constrained_transport(*question, R=R, common_randomness=randomness, asymptotic=True)

    def ask() -> tuple[Any, rd.Bounds, list[tuple[float, float]]]:
        found, none, much, more = at(shared), at(False).bounds, at(True).bounds, at(shared + 0.7).bounds
        pairs = [(found.bounds.lower, none.upper), (much.lower, found.bounds.upper)]
        return found, found.bounds, [*pairs, (more.lower, found.bounds.upper)]

    return Ordered("limited", ask, 1e-4)


def blocks(rng: np.random.Generator) -> Ordered:
    """W2² of whole blocks: more of anything does no harm, and perfect blocks are transport of the law to itself."""
    n = int(rng.integers(2, 8))
    source = rd.Pmf(_law(rng, n), np.sort(rng.normal(size=n)) * 10.0 ** rng.integers(-3, 4))
    variance = float(source.probabilities @ np.square(source.points - source.probabilities @ source.points))
    R = _entropy(source) * float(rng.uniform(0.0, 1.1))
    shared = float(rng.choice([0.0, 1e-9, 0.1, 0.4, 3.0]))
    P = variance * float(rng.choice([0.0, 1e-9, 0.01, 0.3, 2.0]))

    def at(R: float, shared: float, P: float) -> rd.Bounds:
        question = source, rd.SquaredError(), rd.Wasserstein2Squared()
        return rd.distortion_at(*question, R=R, P=P, common_randomness=shared, sense="block").bounds

    def ask() -> tuple[Any, rd.Bounds, list[tuple[float, float]]]:
        found = at(R, shared, P)
        perfect = rd.constrained_transport(
            source, source, rd.SquaredError(), R=R, common_randomness=shared, asymptotic=True
        ).bounds
        better = at(1.2 * R + 0.01, shared, P), at(R, shared + 0.2, P), at(R, shared, P + 0.1 * variance)
        pairs = [(one.lower, found.upper) for one in better]
        pairs.append((found.lower, perfect.upper))
        if P == 0.0:
            pairs.append((perfect.lower, found.upper))
        return found, found, pairs

    return Ordered("blocks", ask, 1e-6 * variance)


def _entropy(source: rd.Pmf) -> float:
    return -float(sum(x * math.log(x) for x in source.probabilities if x > 0.0))
