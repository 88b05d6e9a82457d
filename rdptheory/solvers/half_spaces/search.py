"""The search over output laws: mixtures of laws of the ball, and a quadratic model of the rate between half-spaces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.certificates import lower_bound
from rdptheory.methods import DualPoint, Outcome
from rdptheory.problems import DiscreteProblem
from rdptheory.solvers.half_spaces.ball import Known, bends, said, said_of_none
from rdptheory.solvers.half_spaces.laws import AtLaw, at_law
from rdptheory.solvers.half_spaces.program import Least, Quadratic
from rdptheory.solvers.outcome import Proof, judged

__all__ = ["Search"]

GAIN = 0.98
"""Share of the gap that some round of `PATIENCE` must win for mixtures to go on, and a step for the next to be one."""
PATIENCE = 3
"""Rounds of mixtures without such a gain, as long as mixtures have ever brought one."""
HALF = 0.5
"""Share of the gap that a step with the curvature of the ball must win to be followed by another."""
BENT = 400
"""Symbols up to which δ is differenced twice: 80 000 values."""
FAINT = 1e-6
"""Weight in the best mixture below which a law is dropped."""
UNUSED = 1e-9
"""Of the largest price, below which a half-space has none."""
HALVINGS = 6
"""Of a way that leads up, or where D is out of reach."""
STUCK = 4
"""Rounds without gain and without a new half-space after which there is nothing more to do."""


class Search:
    """What is known of a question with one ball on the law of the output: a bracket, half-spaces, laws of the ball."""

    def __init__(self, problem: DiscreteProblem, gap: float, most: int, best: Proof) -> None:
        self.problem, self.gap, self.most, self.best = problem, gap, most, best
        (self.ball,) = problem.perceptions
        self.known, self.laws = Known(self.ball), list[FloatArray]()
        self.centre: AtLaw | None = None
        self.rounds, self.steps, self.mu = 0, best.steps, 0.0

    @property
    def made(self) -> int:
        """Half-spaces: those of the model, and that of the prices in every round of mixtures."""
        return len(self.known.cuts) + self.rounds

    @property
    def over(self) -> bool:
        """Whether the bracket is narrow enough, or no more half-spaces may be made."""
        return self.best.bounds.gap <= self.gap or self.made >= self.most

    @np.errstate(over="ignore", divide="ignore", invalid="ignore")  # δ may be inf at a law, and its differences NaN
    def found(self, outside: FloatArray) -> Proof | None:
        """The narrowest bracket, from a law outside the ball on; None where the rate of the reference is not known."""
        self._look(self.ball.reference)
        if self.centre is None:
            return None
        if not self.over:
            self._look(self.known.inside(outside))
            self.known.leaves_out(outside, self.most - self.made)
        sentence = self._rounds()
        proof = self._without_price()
        if proof.bounds.gap > self.gap and not sentence:
            sentence = said(self.made)
        return proof.ended(self.steps, sentence)

    def _rounds(self) -> str:
        assert self.centre is not None
        mixed, pause, wait, stuck = True, 0, 1, 0
        while not self.over:
            before, cuts = self.best.bounds.gap, len(self.known.cuts)
            mixed = self._mixtures(PATIENCE if mixed else 1)
            if not self.over:
                self._step(self.centre.curvature)
            pause -= 1
            if pause < 0 and not self.over and not self._bent_step():
                pause, wait = wait, 2 * wait
            gained = self.best.bounds.gap <= GAIN * before or len(self.known.cuts) > cuts
            stuck = 0 if gained else stuck + 1
            if stuck == STUCK:
                return said_of_none(self.made)
        return ""

    def _look(self, law: FloatArray) -> AtLaw | None:
        """The rate of a law before the judge; inside the ball it is mixed with others, and the best is the centre."""
        found = at_law(self.problem, law, self.gap)
        self.steps += 1
        if found is None:
            return None
        self._show(found, ())
        if self.known.holds(found.law):
            self.laws.append(found.law)
            if self.centre is None or found.rate < self.centre.rate:
                self.centre = found
        return found

    def _towards(self, law: FloatArray) -> None:
        """The rate of a law of the ball, or of laws halfway to it until one is better than the centre."""
        before = self.centre
        for _ in range(HALVINGS):
            self._look(law)
            if self.centre is not before or before is None or self.over:
                break
            law = 0.5 * (before.law + law)

    def _show(self, found: AtLaw, v: tuple[FloatArray, ...]) -> None:
        """The channel and the prices before the judge; with prices v of the output only where they prove more."""
        dual = replace(found.dual, v=v, mu=np.array([self.mu]))
        if v and not lower_bound(self.problem, dual) > self.best.bounds.lower:
            return
        self.best = judged(self.problem, Outcome(found.channel, dual, self.steps)).better(self.best)

    def _prove(self, dual: DualPoint) -> None:
        """A dual point before the judge, where it proves more."""
        if lower_bound(self.problem, dual) > self.best.bounds.lower:
            self.best = judged(self.problem, Outcome(None, dual, self.steps)).better(self.best)

    def _mixtures(self, patience: int) -> bool:
        """Rounds of the best law at the prices of the centre, and the best mixture of all; whether they gained."""
        idle, ever = 0, False
        while idle < patience and not self.over:
            before = self.best.bounds.gap
            self.rounds += 1
            self._best_law()
            if not self.over:
                self._best_mixture()
            gained = self.best.bounds.gap <= GAIN * before
            idle, ever = 0 if gained else idle + 1, ever or gained
        return ever

    def _best_law(self) -> None:
        """The law of the ball that is worth most at the prices of the centre, as far as the support function knows."""
        assert self.centre is not None
        law = self.ball.divergence.support(self.centre.prices, self.ball.reference, self.ball.limit).law
        law = np.maximum(law, 0.0)
        total = float(law.sum())
        if 0.0 < total < np.inf:
            law = self.known.inside(law / total)
            for _ in range(HALVINGS):
                if self._look(law) is not None:
                    break
                law = 0.5 * (self.centre.law + law)

    def _best_mixture(self) -> None:
        """The least rate among mixtures of the known laws of the ball, by the quadratic model at the centre."""
        assert self.centre is not None
        centre, V = self.centre, np.array(self.laws)
        there = np.array([float(law is centre.law) for law in self.laws])
        none = np.zeros((0, len(V)))
        found = Quadratic(V @ centre.curvature @ V.T, -V @ centre.prices, there, none, np.zeros(0)).least()
        if found is not None:
            self._prove(centre.ahead(found.law @ V))
            self._towards(found.law @ V)
            kept = zip(self.laws[: len(V)], found.law, strict=True)
            new = self.laws[len(V) :]
            self.laws = [law for law, weight in kept if weight > FAINT or law is centre.law] + new

    def _bent_step(self) -> bool:
        """Whether a step with the curvature of the ball brings enough for another."""
        before, curvature = self.best.bounds.gap, self._with_ball()
        if curvature is not None:
            self._step(curvature)
        return self.best.bounds.gap <= HALF * before

    def _with_ball(self) -> FloatArray | None:
        """The curvature of the rate and of the ball, whose half-space at the centre is made; None at a corner of δ."""
        assert self.centre is not None
        law, q = self.centre.law, self.ball.reference
        H = bends(self.ball, law) if q.size <= BENT else None
        if H is None:
            return None
        self.known.cut(law, law + (law - q))
        return np.asarray(self.centre.curvature + self.mu * H)

    def _step(self, curvature: FloatArray) -> None:
        """The law that a quadratic model names between half-spaces, those that leave it out, and what it proves."""
        assert self.centre is not None
        centre, known = self.centre, self.known
        model = Quadratic(curvature, -centre.prices, centre.law, known.G, known.h).least()
        if model is None:
            return
        self.mu = float((model.weights / known.sizes).sum())
        cuts = known.cuts[: model.weights.size]
        self._prove(centre.ahead(model.law))
        known.leaves_out(model.law, self.most - self.made)
        if not known.holds(model.law):
            self._towards(known.inside(model.law))
        here = None if self.over else self._look(model.law)
        if here is not None and self.best.bounds.lower < here.rate:
            self._price(here, model, [cut.g for cut in cuts])

    def _price(self, here: AtLaw, model: Least, directions: list[FloatArray]) -> None:
        """The same law with the prices of the model: where an output is not used, and as a sum over half-spaces.

        A support function that is reached where δ touches a half-space may be loose between two of them.
        """
        self._show(here, (here.prices + model.bounds,))
        if not self.best.bounds.gap <= self.gap:
            used = model.weights > UNUSED * model.weights.max(initial=0.0)
            priced = zip(model.weights[used], np.array(directions)[used], strict=True)
            self._show(here, tuple(weight * g for weight, g in priced))

    def _without_price(self) -> Proof:
        """The best bracket, where the judge finds the price of the ball on its own."""
        dual = self.best.outcome.dual
        if dual is None:
            return self.best
        return judged(self.problem, replace(self.best.outcome, dual=replace(dual, mu=None))).better(self.best)
