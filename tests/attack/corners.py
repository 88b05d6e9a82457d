"""Questions at a corner of R(D,P) and next to one: the least D of the channels within P, or the least P within D.

A linear program, or the cutting planes of the package, say where that is: they only place the question. What the
channel that they found costs is summed again to fifty digits, and what is answered may not contradict that channel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np
import scipy

import rdptheory as rd
from rdptheory.certificates import min_distortion_channel
from rdptheory.divergences import F_DIVERGENCES
from rdptheory.problems import PerceptionLimit
from tests.attack import exact
from tests.attack.case import Answer
from tests.attack.rates import Rate, masses

__all__ = ["Corner", "draw"]

MEMBERS = (rd.TotalVariation(), rd.Wasserstein1(), rd.Wasserstein2Squared(), *F_DIVERGENCES)
SIMPLE = 5000  # denominators up to which a corner counts as a quotient of small integers, which a program rounds
MOST_SYMBOLS = 5
ROUNDED = mp.mpf(2) ** -46  # of E d and δ: what sums of some dozen numbers are rounded by


@dataclass(frozen=True, eq=False)
class Corner(Rate):
    """R(D,P) where no channel is left inside the limits, or next to that."""

    witness: np.ndarray | None = None

    def proved(self, answer: Answer) -> Any:
        """What holds however limits are rounded: at a corner their last digits decide whether there is any channel."""
        return self._proved(answer, ROUNDED)

    def faults(self, answer: Answer) -> list[str]:
        wrong = super().faults(answer)
        if self.witness is not None and self._kept(self.witness):
            p, _, _, _ = self._question()
            if mp.mpf(answer.lower) > exact.information(p, self.witness):
                wrong.append("false lower")  # "there is no channel" is the lower end inf
        return wrong

    def _kept(self, channel: np.ndarray) -> bool:
        """Whether a channel keeps both limits to fifty digits."""
        p, table, D, ball = self._question()
        assert ball is not None
        divergence, q, P = ball
        spent = exact.mean_distortion(p, channel, table)
        return bool(spent <= D and exact.divergence(divergence, q, exact.output_law(p, channel)) <= P)


@dataclass(frozen=True, eq=False)
class _Moves:
    """Joint laws of (X, Y) and plans from the reference to the law of Y, for HiGHS."""

    p: np.ndarray
    table: np.ndarray
    q: np.ndarray
    cost: np.ndarray

    def least(self, by_plan: bool, limit: float | None) -> tuple[float, np.ndarray] | None:
        """The least E d within δ <= limit, or the least δ within E d <= limit, and a channel that has it."""
        (n, m), k, open_ = self.table.shape, self.q.size, np.isfinite(self.table)
        d = np.append(np.where(open_, self.table, 0.0).ravel(), np.zeros(k * m))
        c = np.append(np.zeros(n * m), self.cost.ravel())
        aim, other = (c, d) if by_plan else (d, c)
        rows = np.kron(np.eye(n + k), np.ones((1, m)))
        columns = np.hstack([np.tile(np.eye(m), n), np.tile(-np.eye(m), k)])
        found = scipy.optimize.linprog(
            aim,
            None if limit is None else [other],
            None if limit is None else [limit],
            A_eq=np.vstack([rows, columns]),
            b_eq=np.concatenate([self.p, self.q, np.zeros(m)]),
            bounds=[(0.0, None if cell else 0.0) for cell in open_.ravel()] + [(0.0, None)] * (k * m),
            method="highs",
        )
        if found.x is None:
            return None
        joint = np.maximum(found.x[: n * m], 0.0).reshape(n, m)
        empty = joint.sum(axis=1) <= 0.0
        joint[empty] = np.where(open_, 1.0, 0.0)[empty]
        return float(found.fun), joint / joint.sum(axis=1, keepdims=True)


def draw(rng: np.random.Generator) -> Corner:
    """A table of small integers or of numbers of any size, entries below 0 and forbidden ones among them."""
    member = MEMBERS[rng.integers(len(MEMBERS))]
    n, simple = int(rng.integers(1, MOST_SYMBOLS + 1)), bool(rng.random() < 0.6)
    p = rng.integers(0, 6, n) + (np.arange(n) == 0.0) if simple else masses(rng, n)
    p = p / p.sum()
    table = rng.integers(-2, 4, (n, n)).astype(float) if simple else rng.normal(size=(n, n))
    if rng.random() < 0.3:
        table = table - table.min(axis=1, keepdims=True)
    if rng.random() < 0.2:
        table = table * 10.0 ** rng.integers(-6, 7)
    if n > 1 and rng.random() < 0.25:
        never = rng.random((n, n)) < 0.3
        never[np.arange(n), rng.integers(n, size=n)] = False
        table = np.where(never, math.inf, table)
    source = rd.Pmf(p)
    found = _corner(rng, source.probabilities, table, member, simple)
    D, P, witness = found if found is not None else (float(p @ table.min(axis=1)), 0.1, None)
    D, P = _beside(rng, D, P)
    methods: list[Any] = [None]
    if member.on(source.points).cost is None and rng.random() < 0.5:
        methods.append(rd.FirstOrder(gap=1e-9, max_steps=2000))
    if rng.random() < 0.1:
        methods.append(rd.Conic())
    return Corner("corner", source, rd.Table(table), member, D, P, tuple(methods), witness=witness)


def _corner(
    rng: np.random.Generator, p: np.ndarray, table: np.ndarray, member: Any, simple: bool
) -> tuple[float, float, np.ndarray] | None:
    """(D, P) with a channel next to it, None where every law in the ball is out of reach."""
    P = float(rng.choice([0.0, 0.01, 0.05, 0.1, 0.2, 0.3]) if simple else rng.choice([0.3, 1e-3, 1e-9]) * rng.random())
    cost = member.on(np.arange(float(p.size))).moves(p.size)
    if cost is None:
        held, low = p > 0.0, table.min(axis=1)
        cheapest = min_distortion_channel(p[held], (table - low[:, None])[held], PerceptionLimit(member, p, P), 0.0)
        if cheapest.channel is None or not math.isfinite(cheapest.lower):
            return None
        witness = np.tile(p, (p.size, 1))
        witness[held] = cheapest.channel
        return float(p @ low) + cheapest.lower, P, witness
    moves = _Moves(p, table, p, cost)
    found = moves.least(False, P)
    if found is None:
        return None
    (D, witness), kind = found, rng.integers(3)
    if kind > 0:  # the least P, of a D between the least at this P and that of P = 0
        dear = moves.least(False, 0.0)
        D += 0.5 * (kind - 1) * (0.0 if dear is None else dear[0] - D)
        tight = moves.least(True, D + 1e-13 * max(1.0, abs(D)))
        if tight is not None:
            P, witness = max(0.0, tight[0]), tight[1]
    if simple:
        unit = max(float(np.abs(np.where(np.isfinite(table), table, 0.0)).max()), 1e-300)
        unit = 10.0 ** round(math.log10(unit))
        D, P = unit * _as_written(D / unit), _as_written(P)
    return D, P, witness


def _as_written(value: float) -> float:
    """The quotient of small integers next to a number, as somebody would write it."""
    return float(Fraction(value).limit_denominator(SIMPLE))


def _beside(rng: np.random.Generator, D: float, P: float) -> tuple[float, float]:
    """The corner itself, an ulp beside it, or 1e-13 to 1e-6 of its size further in or out."""
    kind, room = rng.integers(6), 10.0 ** -rng.uniform(6.0, 13.0) * (1.0 if rng.random() < 0.85 else -1.0)
    if kind == 0:
        return D, P
    if kind == 1:
        return float(np.nextafter(D, rng.choice([-math.inf, math.inf]))), P
    if kind == 2:
        return D, max(0.0, P + room)
    if kind == 3:
        room_of_P = 10.0 ** -rng.uniform(6.0, 13.0)
        return D + room * max(1.0, abs(D)), P + room_of_P
    return D + room * (max(1.0, abs(D)) if kind == 4 else max(abs(D), 1e-9)), P
