"""R(D,P) of a finite source under attack: asked by every method, both ends recomputed to fifty digits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

import rdptheory as rd
from rdptheory.certificates import on_reduced
from tests.attack import exact
from tests.attack.case import Answer, ByMethods, called

__all__ = ["KEPT", "Rate", "masses", "wrong_lower"]

KEPT = 1e-12  # what a channel may pass a limit by, as `Solution` promises
PROGRAM = 1e-9  # the same for a δ that takes a linear program


def wrong_lower(answer: Answer, proved: Callable[[Answer], Any]) -> list[str]:
    """What is wrong with the lower end of an answer whose dual point proves so much."""
    wrong = []
    if not answer.lower <= answer.upper:
        wrong.append("crossed")
    if answer.lower > 0.0 and mp.mpf(answer.lower) > max(proved(answer), mp.mpf(0)):
        wrong.append("false lower")
    return wrong


@dataclass(frozen=True, eq=False)
class Rate(ByMethods):
    """R(D,P) of a finite source."""

    name: str
    source: Any
    distortion: Any
    perception: Any
    D: float
    P: float
    methods: tuple[Any, ...]
    seconds: float = 60.0

    def _ask(self, method: Any) -> Answer:
        found = rd.rdp(self.source, self.distortion, self.perception, D=self.D, P=self.P, method=method)
        closed = found.status is rd.Status.INFEASIBLE or found.gap <= 1e-9
        return Answer(called(method), found.bounds.lower, found.bounds.upper, closed, found)

    def _question(self) -> tuple[Any, Any, Any, Any]:
        p, table = exact.law(self.source.probabilities), self.distortion.table(self.source.points)
        ball = None
        if self.perception is not None and math.isfinite(self.P):
            own = getattr(self.distortion, "reference", None)
            q = p if own is None else exact.law(own)
            ball = self.perception.on(self.source.points), q, mp.mpf(self.P)
        return p, table, mp.mpf(self.D), ball

    def proved(self, answer: Answer) -> Any:
        return self._proved(answer)

    def _proved(self, answer: Answer, lift: Any = 0) -> Any:
        """What the dual point proves of the question, or of limits that are lifted by a share of what they limit."""
        found = answer.found
        if found.dual is None or math.isinf(answer.lower):
            return mp.mpf(answer.lower)
        p, table, D, ball = self._question()
        if lift:
            D += lift * self._size(p, table)
            ball = None if ball is None else (*ball[:2], ball[2] + lift * mp.mpf(ball[0].scale))
        dual = on_reduced(found.problem.discrete, found.dual)
        held = self.source.probabilities > 0.0
        f = iter(exact.exact(dual.f))
        heights = [next(f) if h else mp.mpf(0) for h in held]
        if math.isinf(self.D):
            free = np.where(np.isinf(table), np.inf, 0.0)  # what is forbidden stays so
            return exact.dual_value(p, free, mp.mpf(1), heights, mp.mpf(0), ball)
        return exact.dual_value(p, table, D, heights, mp.mpf(float(dual.s[0])), ball)

    @staticmethod
    def _size(p: Any, table: Any) -> Any:
        """What E d is rounded in: the mean of the largest costs."""
        sizes = np.abs(np.where(np.isfinite(table), table, 0.0)).max(axis=1)
        return mp.fsum(a * mp.mpf(float(most)) for a, most in zip(p, sizes, strict=True))

    def faults(self, answer: Answer) -> list[str]:
        wrong, found = wrong_lower(answer, self._proved), answer.found
        if math.isinf(answer.upper) or found.candidate is None:
            return wrong
        p, table, D, ball = self._question()
        channel = found.candidate.channel
        if channel.min() < 0.0 or abs(channel.sum(axis=1) - 1.0).max() > KEPT:
            return [*wrong, "no channel"]
        if mp.mpf(answer.upper) < exact.information(p, channel) - exact.NOTHING:
            wrong.append("false upper")
        size = max(1, abs(D), self._size(p, table)) if math.isfinite(self.D) else 0
        if exact.mean_distortion(p, channel, table) > D + KEPT * size:
            wrong.append("no channel")
        elif ball is not None:
            divergence, q, P = ball
            slack = KEPT if divergence.cost is None or divergence.line is not None else PROGRAM
            if exact.divergence(divergence, q, exact.output_law(p, channel)) > P + slack * max(1.0, divergence.scale):
                wrong.append("no channel")
        return wrong


def masses(rng: np.random.Generator, n: int) -> np.ndarray:
    """A law on n symbols, from even to one with masses of 1e-300 and 0."""
    kind = rng.integers(8)
    w = rng.random(n) + 1e-3
    if kind == 0:
        w = np.ones(n)
    elif kind == 1:
        w = 10.0 ** -rng.uniform(0.0, 3.0, n)
    elif kind == 2:
        w = 10.0 ** -rng.uniform(0.0, 30.0, n)
    elif kind == 3:
        w = 10.0 ** -rng.uniform(0.0, 300.0, n)
    elif kind == 4:
        w[rng.integers(n)] = 0.0
    elif kind == 5:
        w = np.array([math.comb(n - 1, k) for k in range(n)], dtype=float)
    w[rng.integers(n)] = max(w.max(), 1e-3)
    w /= w.sum()
    if kind == 6 and abs(w.sum() * (1.0 + 9e-13) - 1.0) <= 1e-12:
        w = w * (1.0 + 9e-13)  # a sum that is still accepted
    return w
