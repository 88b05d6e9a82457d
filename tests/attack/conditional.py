"""Hostile questions with side information: a kind of its own, recomputed over x, y and z and not over pairs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

import rdptheory as rd
from rdptheory.certificates import on_reduced
from rdptheory.divergences import F_DIVERGENCES
from tests.attack import exact
from tests.attack.case import Answer
from tests.attack.kinds import _limit, _radius
from tests.attack.rates import KEPT, masses, wrong_lower

__all__ = ["Conditional", "draw"]


@dataclass(frozen=True, eq=False)
class Conditional:
    """R(D,P|Z) of a finite law of (X, Z)."""

    joint: np.ndarray
    table: np.ndarray
    perception: Any
    D: float
    P: float
    realism: str
    name: str = "conditional"
    seconds: float = 60.0

    def asks(self) -> Iterable[tuple[str, Callable[[], Answer]]]:
        yield "default", self._ask

    def _ask(self) -> Answer:
        source = rd.Pmf([math.fsum(row) for row in self.joint.tolist()])
        question = source, rd.Table(self.table), self.perception
        found = rd.rdp(*question, D=self.D, P=self.P, side_information=self.joint, realism=self.realism)
        closed = found.status is rd.Status.INFEASIBLE or found.gap <= 1e-9
        return Answer("default", found.bounds.lower, found.bounds.upper, closed, found)

    def _laws(self) -> tuple[list[list[Any]], list[Any]]:
        """p(x,z), rows x, and p(z)."""
        total = mp.fsum(mp.mpf(float(v)) for v in self.joint.ravel())
        p = [[mp.mpf(float(v)) / total for v in row] for row in self.joint]
        return p, [mp.fsum(row[z] for row in p) for z in range(self.joint.shape[1])]

    def proved(self, answer: Answer) -> Any:
        """The dual point of the pairs to fifty digits, less H(Z). Under output realism the claim itself."""
        found = answer.found
        if found.dual is None or math.isinf(answer.lower) or (self.realism == "output" and math.isfinite(self.P)):
            return mp.mpf(answer.lower)
        p, of_z = self._laws()
        held = [z for z, mass in enumerate(of_z) if mass > 0]
        n, k, m = len(p), len(held), self.table.shape[1]
        flat = [row[z] for row in p for z in held]
        table = np.full((n, k, m, k), math.inf)
        table[:, np.arange(k), :, np.arange(k)] = 0.0 if math.isinf(self.D) else self.table
        dual = on_reduced(found.problem.discrete, found.dual)
        f = iter(exact.exact(dual.f))
        heights = [next(f) if mass > 0 else mp.mpf(0) for mass in flat]
        ball = (self.perception, flat, mp.mpf(self.P)) if math.isfinite(self.P) else None
        D, s = (mp.mpf(1), mp.mpf(0)) if math.isinf(self.D) else (mp.mpf(self.D), mp.mpf(float(dual.s[0])))
        value = exact.dual_value(flat, table.reshape(n * k, m * k), D, heights, s, ball)
        return value + mp.fsum(mass * mp.log(mass) for mass in of_z if mass > 0)

    def faults(self, answer: Answer) -> list[str]:
        wrong, found = wrong_lower(answer, self.proved), answer.found
        if math.isinf(answer.upper) or found.candidate is None:
            return wrong
        p, of_z = self._laws()
        channel = found.candidate.channel
        if channel.min() < 0.0 or abs(channel.sum(axis=2) - 1.0).max() > KEPT:
            return [*wrong, "no channel"]
        rate, spent, made = mp.mpf(0), mp.mpf(0), []
        for z, mass in enumerate(of_z):
            if mass > 0:
                given = [row[z] / mass for row in p]
                rate += mass * exact.information(given, channel[:, z])
                spent += mass * exact.mean_distortion(given, channel[:, z], self.table)
                made.append([mass * value for value in exact.output_law(given, channel[:, z])])
        if mp.mpf(answer.upper) < rate - exact.NOTHING:
            wrong.append("false upper")
        if spent > self.D + KEPT * max(1.0, self.D):
            wrong.append("no channel")
        if math.isfinite(self.P):
            held = [z for z, mass in enumerate(of_z) if mass > 0]
            if self.realism == "joint":
                wanted, law = [row[z] for z in held for row in p], [value for part in made for value in part]
            else:
                wanted = [mp.fsum(row) for row in p]
                law = [mp.fsum(part[j] for part in made) for j in range(len(made[0]))]
            if exact.divergence(self.perception, wanted, law) > self.P + KEPT:
                wrong.append("no channel")
        return wrong


def draw(rng: np.random.Generator) -> Conditional:
    """Up to four symbols of X and three of Z, with masses down to 1e-300 and 0."""
    n, k = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    joint = masses(rng, n * k)
    joint = (joint / joint.sum()).reshape(n, k)
    table = rng.random((n, n)) * 10.0 ** rng.integers(-6, 7)
    if rng.random() < 0.7:
        np.fill_diagonal(table, 0.0)
    D = _limit(rng, joint.sum(axis=1), table)
    realism = "output" if rng.random() < 0.5 else "joint"
    return Conditional(joint, table, F_DIVERGENCES[rng.integers(6)], D, _radius(rng, 1.0), realism)
