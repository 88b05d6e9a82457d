"""Codes that tell classes apart, and codes for a decoder with side information, on a moving grid of class laws.

With the class law τ of every letter fixed, the question is that of `rdp` with one more distortion, KL(T_x ‖ τ): a limit
on it, or a price. Its prices show where on the simplex other letters would be worth more; its code shows where between
the points of the grid the letters belong. Letters that climb to the same peak are one: points are put around their mean
at distances that fall geometrically, so that a round gains two digits and more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import cast

import numpy as np

from rdptheory._types import FloatArray, IntArray, frozen_array
from rdptheory.certificates.classes import SMALLEST
from rdptheory.certificates.lower import support_value
from rdptheory.certificates.relevance import (
    Letters,
    LowerEnd,
    Prices,
    balls_on,
    class_laws,
    losses,
    lower_end,
    revealing,
    upper_end,
)
from rdptheory.doors import Finished, guard
from rdptheory.errors import check_settings
from rdptheory.information import law_entropy, mutual_information
from rdptheory.problems import DiscreteProblem, DistortionLimit
from rdptheory.relevance_problem import Posteriors
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.solvers.relevance.grids import around, between, distinct, distinct_rows, first_grid
from rdptheory.solvers.relevance.priced import priced_point

__all__ = ["ClassGrid", "Coded"]

HELD = 1e-7
"""Weight of a letter that counts: the interior point leaves less on those that are not used."""
SPARE = 4
"""Letters that are looked at, for each that a best code may need: one for each symbol, label and limit."""
MERGED = 1e-5
"""Distance of the peaks of letters that are one."""
FINEST = 0.6
"""Distance of the finest points, in units of the one at which Φ between two of them rises by the gap."""
NEAR = 1e-2
"""Nats below the best within which a peak becomes a letter."""
ROOM = 0.25
"""Share of the room between C and H(S|X) that a first grid may need; above it every p(s|x) joins the grid."""
ONE = 1e-6
"""How far from 1 a multiplier is tried as 1: what a solver leaves of it where the source determines its class."""
SHARE = 0.1
"""Of the gap, for the interior point and for the proof over all class laws."""


@dataclass(frozen=True, eq=False)
class Coded:
    """What a search ended with: both ends as judged, and what proves them."""

    lower: float
    upper: float
    letters: Letters | None
    prices: Prices | None
    steps: int
    rounds: int
    whole: bool
    """Whether the cells were enough to make the lower end tight for its prices."""


@dataclass(frozen=True, eq=False)
class _Solved:
    """The code and the prices of one grid."""

    joint: FloatArray
    prices: Prices | None
    steps: int


@dataclass(frozen=True)
class ClassGrid(Finished):
    """The interior point on a moving grid of class laws.

    Parameters
    ----------
    gap : float
        Nats.
    max_rounds : int
        Grids at most; 3 to 6 are taken.
    cells : int
        Cells of the simplex that the proof of the lower end may look at.
    """

    gap: float = 1e-9
    max_rounds: int = 12
    cells: int = 400_000

    def __post_init__(self) -> None:
        check_settings(self)

    def solve(self, question: Posteriors) -> Coded:
        """The narrowest bracket found, its letters and its prices."""
        with np.errstate(all="ignore"):
            return _Search(question, self).run()


class _Search:
    def __init__(self, question: Posteriors, method: ClassGrid) -> None:
        self.question, self.method = question, method
        self.m = question.table.shape[1]
        self.grid = first_grid(question.classes, coarse=question.priced)
        nearest = float(question.p @ losses(question.classes, self.grid).min(axis=1))
        tight = not question.priced and nearest > ROOM * (question.C - question.least)
        if tight:
            self.grid = distinct_rows(np.concatenate([question.classes, self.grid]))
        sure = revealing(question) if tight or question.ball is not None else None
        self.sure = (np.zeros((0, question.classes.shape[1])), np.zeros(0, dtype=np.intp))
        if sure is not None:  # letters with which every grid has a code inside all limits
            self.sure = question.classes[sure.joint.argmax(axis=1)], sure.labels
        self.names = np.flatnonzero(np.isfinite(question.table).any(axis=0))
        self.everywhere = np.tile(self.grid, (self.names.size, 1))
        self.labels = np.repeat(self.names, self.grid.shape[0])
        self.most = SPARE * (question.p.size + self.m + 2)
        self.upper, self.letters = inf, cast(Letters | None, None)
        self.unseen: list[Letters | None] = [None]  # codes that the judge has not seen; None lets it take its own
        self.prices: Prices | None = None
        self.known = np.tile(question.p @ question.classes, (self.m, 1))
        self.guess = -inf
        self.lower = LowerEnd(0.0)
        self.proved: Prices | None = None
        self.missed = self.known
        self.steps = self.rounds = 0

    def run(self) -> Coded:
        tau, labels = np.concatenate([self.sure[0], self.everywhere]), np.concatenate([self.sure[1], self.labels])
        if self.question.exact:
            rows = distinct_rows(self.question.classes)
            tau, labels = np.tile(rows, (self.names.size, 1)), np.repeat(self.names, rows.shape[0])
        while self.rounds < self.method.max_rounds:
            self.rounds += 1
            found = self.on_grid(tau, labels)
            self.steps += found.steps
            code = Letters(found.joint, labels)
            self.unseen.append(code)
            if found.prices is None or not np.isfinite(found.prices.g).all():
                break
            if self.question.exact:
                self.prices = replace(found.prices, price=inf)
                break
            weights = found.joint.sum(axis=1)
            number = np.flatnonzero(weights > HELD)
            number = number[np.argsort(-weights[number])[: self.most]]
            for prices in self.readings(found.prices):
                own, peaks, at = self.weighed(prices, tau[number], labels[number])
                if narrow := self.seems_closed(code):
                    break
            held = _Held(tau[number], labels[number], found.joint[number], own)
            if narrow:
                self.prove()
                if self.closed:
                    self.tidy(held)
                    break
                if not self.lower.whole or self.lower.peaks is None or self.guess - self.lower.value <= self.method.gap:
                    break
                self.missed, self.guess = self.lower.peaks, self.lower.value  # a peak that no climb had found
                peaks, at = np.concatenate([peaks, self.missed[self.names]]), np.append(at, self.names)
            tau, labels = self.finer(held, peaks, at, found.prices.price)
        if not self.closed:
            while self.unseen:
                self.judge(self.unseen.pop())
            if self.prices is not self.proved:
                self.prove()
        return Coded(self.lower.value, self.upper, self.letters, self.prices, self.steps, self.rounds, self.lower.whole)

    def readings(self, prices: Prices) -> tuple[Prices, ...]:
        """The prices, after those with λ = 1 exactly where it is that but for the gap: no cells are needed there."""
        if self.question.priced or not 0.0 < abs(prices.price - 1.0) <= ONE:
            return (prices,)
        moved = (1.0 - prices.price) * law_entropy(self.question.classes)
        return replace(prices, g=prices.g + moved, price=1.0), prices

    def seems_closed(self, code: Letters) -> bool:
        """Whether the upper end is next to what the prices promise; the judge sees the code if it can be so."""
        question, gap = self.question, self.method.gap
        joint = code.joint * (question.p / code.joint.sum(axis=0))
        rate = mutual_information(question.p, (joint / question.p).T)
        if question.priced:
            weights = np.maximum(joint.sum(axis=1), SMALLEST)
            rate += float(weights @ law_entropy(joint @ question.classes / weights[:, None])) - question.C
        if rate - self.guess <= gap and code in self.unseen:
            self.unseen.remove(code)
            self.judge(code)
        return self.upper - self.guess <= (1.0 - 2.0 * SHARE) * gap

    def judge(self, code: Letters | None) -> None:
        """The upper end of a code, kept if it is the least."""
        upper, letters = upper_end(self.question, code)
        if upper < self.upper:
            self.upper, self.letters = upper, letters

    def prove(self) -> None:
        """The lower end that the best prices prove."""
        assert self.prices is not None
        slack, cells = SHARE * self.method.gap, self.method.cells
        self.proved = self.prices
        self.lower = lower_end(self.question, self.prices, self.known, slack=slack, cells=cells)

    @property
    def closed(self) -> bool:
        """Whether the bracket is as narrow as asked."""
        return self.upper - self.lower.value <= self.method.gap

    def on_grid(self, tau: FloatArray, labels: IntArray) -> _Solved:
        """The code and the prices for letters of these class laws and labels."""
        return self.priced(tau, labels) if self.question.priced else self.limited(tau, labels)

    def limited(self, tau: FloatArray, labels: IntArray) -> _Solved:
        """The interior point of `rdp` for letters of these class laws and labels."""
        question = self.question
        room = 0.0 if question.exact else question.C - question.least
        limits = [DistortionLimit(losses(question.classes, tau), room)]
        if question.D < inf:
            limits.append(DistortionLimit(frozen_array(question.table[:, labels]), question.D))
        balls = balls_on(question, labels)
        problem = DiscreteProblem(question.p, tuple(limits), balls)
        outcome = InteriorPoint(gap=SHARE * self.method.gap).solve(problem)
        joint, prices, dual = np.zeros((labels.size, question.p.size)), None, outcome.dual
        if outcome.channel is not None:
            rows = outcome.channel / outcome.channel.sum(axis=1, keepdims=True)
            joint = (question.p[:, None] * rows).T
        if dual is not None:
            s, f = np.append(np.atleast_1d(dual.s), 0.0), dual.f
            if dual.centred:
                f = f + sum(slope * least for slope, least in zip(s, problem.row_minima, strict=False))
            mu = 0.0 if dual.mu is None or not balls else float(dual.mu[0])
            moved = 0.0 if question.exact else float(s[0]) * law_entropy(question.classes)
            prices = Prices(f + moved, float(s[1]), float(s[0]), mu)
        return _Solved(joint, prices, outcome.steps)

    def priced(self, tau: FloatArray, labels: IntArray) -> _Solved:
        """The interior point with the price 1 on KL(T_x ‖ τ)."""
        question = self.question
        cost = np.where(question.forbidden[:, labels], inf, losses(question.classes, tau))
        D = question.D if question.D > 0.0 else inf  # at 0 forbidding is all there is
        point = priced_point(question.p, cost, question.paid[:, labels], D, SHARE * self.method.gap)
        return _Solved(point.joint, Prices(point.f + law_entropy(question.classes), point.s, 1.0), point.steps)

    def weighed(self, prices: Prices, tau: FloatArray, labels: IntArray) -> tuple[FloatArray, FloatArray, IntArray]:
        """The peaks that letters climb to, and all peaks near the best with their labels; the best prices are kept."""
        question, laws = self.question, class_laws(self.question, prices)
        values = laws.values(self.everywhere, self.labels)[0].reshape(self.names.size, -1)
        behind = (values.max(axis=1, keepdims=True) if question.ball is not None else values.max()) - values
        near = np.argsort(behind.ravel())[: 2 * (question.p.size + self.m) + 40]
        tops = values.argmax(axis=1) + np.arange(self.names.size) * self.grid.shape[0]
        starts = [tau, self.everywhere[tops], self.everywhere[near], self.missed[self.names]]
        whose = np.concatenate([labels, self.names, self.labels[near], self.names])
        peaks = laws.climbed(np.concatenate(starts), whose)
        heights = laws.values(peaks, whose)[0]
        order = np.lexsort((-heights, whose))
        first = order[np.unique(whose[order], return_index=True)[1]]
        v, known = np.full(self.m, -inf), self.known.copy()
        v[self.names], known[self.names] = heights[first], peaks[first]
        most = float(v.max()) if question.ball is None else support_value(question.ball, v)
        spent = prices.s * question.D if prices.s > 0.0 else 0.0
        guess = float(question.p @ prices.g) - spent - prices.price * question.C - most
        if guess > self.guess:
            self.guess, self.prices, self.known = guess, prices, known
        high = np.flatnonzero(heights > (v[whose] if question.ball is not None else v.max()) - NEAR)
        return peaks[: labels.size], peaks[high], whose[high]

    def finer(self, held: _Held, peaks: FloatArray, at: IntArray, price: float) -> tuple[FloatArray, IntArray]:
        """The next grid: around the means of letters that are one, those letters, and the peaks."""
        means, labels, radius = held.merged(self.question.classes)
        finest = FINEST * float(np.sqrt(self.method.gap / (1.0 + price)))
        points, of = around(means, radius, finest)
        points = np.concatenate([self.sure[0], means, points, held.tau, peaks])
        of = np.concatenate([self.sure[1], labels, labels[of], held.labels, at])
        return distinct(points, of, 0.5 * finest)

    def tidy(self, held: _Held) -> None:
        """The letters that are one as one, where the bracket stays as narrow as asked."""
        means, labels, _ = held.merged(self.question.classes)
        if self.question.ball is not None:  # the judge leans on the others
            means, labels = np.concatenate([means, self.sure[0]]), np.concatenate([labels, self.sure[1]])
        found = self.on_grid(means, labels)
        self.steps += found.steps
        upper, letters = upper_end(self.question, _without_light(Letters(found.joint, labels)))
        if letters is not None and upper - self.lower.value <= self.method.gap:
            self.upper, self.letters = upper, letters


def _without_light(letters: Letters) -> Letters:
    """Letters that do not count added to the heaviest of their label."""
    joint, weights = letters.joint.copy(), letters.joint.sum(axis=1)
    kept = np.ones(weights.size, dtype=bool)
    for light in np.flatnonzero(weights <= HELD):
        heaviest = int(np.where(letters.labels == letters.labels[light], weights, 0.0).argmax())
        if weights[heaviest] > HELD:
            joint[heaviest] += joint[light]
            kept[light] = False
    return Letters(joint[kept], letters.labels[kept])


@dataclass(frozen=True, eq=False)
class _Held:
    """Letters that count: class laws and labels on the grid, p(u, x), and the peaks that they climb to."""

    tau: FloatArray
    labels: IntArray
    joint: FloatArray
    peaks: FloatArray

    def merged(self, classes: FloatArray) -> tuple[FloatArray, IntArray, FloatArray]:
        """The mean class law of those of one peak, its label, and how far the letters and the peak are from it."""
        number = np.arange(self.labels.size)
        same = (between(self.peaks[:, None], self.peaks[None]) <= MERGED) & (self.labels[:, None] == self.labels)
        same |= number[:, None] == number
        while (linked := same @ same).sum() > same.sum():
            same = linked
        first, group = np.unique(
            np.where(same, number, number.size).min(axis=1, initial=number.size), return_inverse=True
        )
        means, labels, radius = np.zeros((first.size, classes.shape[1])), self.labels[first], np.zeros(first.size)
        np.add.at(means, group, self.joint @ classes)
        means /= means.sum(axis=1, keepdims=True)
        np.maximum.at(radius, group, between(self.tau, means[group]))
        np.maximum.at(radius, group, between(self.peaks, means[group]))
        return means, labels, radius


guard(__name__)
