"""The judge of codes that must tell classes apart, and of codes for a decoder with side information.

It takes what a solver hands over, prices and letters, and recomputes both ends. See `Posteriors` for the question.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, IntArray, frozen_array
from rdptheory.certificates.classes import SMALLEST, Ceilings, ClassLaws
from rdptheory.certificates.lower import support_value
from rdptheory.certificates.repair import slater_channel, within
from rdptheory.certificates.tables import weighed
from rdptheory.certificates.upper import UpperBound, information, upper_bound
from rdptheory.information import relative_entropies
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit
from rdptheory.relevance_problem import Posteriors

__all__ = ["Letters", "LowerEnd", "Prices", "balls_on", "class_laws", "losses", "lower_end", "revealing", "upper_end"]


@dataclass(frozen=True, eq=False)
class Prices:
    """Any numbers: the lower end they prove is valid whatever they are.

    Attributes
    ----------
    g : array (n,)
        One number for each symbol.
    s : float
        Nats per unit of distortion, at least 0.
    price : float
        λ, nats per nat of H(S|U), at least 0; 1 where that price is part of the question; inf where C is H(S|X).
    mu : float
        -dR/dP, if known: not read by the judge.
    """

    g: FloatArray
    s: float
    price: float
    mu: float = 0.0


@dataclass(frozen=True, eq=False)
class Letters:
    """Code letters: p(u, x) as an array (K, n), and labels (K,)."""

    joint: FloatArray
    labels: IntArray

    def channel(self, p: FloatArray) -> FloatArray:
        """p(u|x), shape (n, K), rows divided by their sums."""
        rows = self.joint.T / p[:, None]
        return np.asarray(rows / rows.sum(axis=1, keepdims=True))

    def beside(self, other: Letters) -> Letters:
        """The letters of both."""
        return Letters(np.concatenate([self.joint, other.joint]), np.concatenate([self.labels, other.labels]))


@dataclass(frozen=True, eq=False)
class LowerEnd:
    """A bound in nats, whether the cells were enough to make it tight for its prices, and a class law for each label
    that is worth as much as any."""

    value: float
    whole: bool = False
    peaks: FloatArray | None = None


def losses(classes: FloatArray, tau: FloatArray) -> FloatArray:
    """KL(T_i ‖ τ_u), shape (n, K): what telling the class from the letter u loses for i; no class has τ = 0."""
    found = np.maximum(relative_entropies(classes[:, None, :], np.maximum(tau, SMALLEST)), 0.0)
    found[(classes[:, None, :] == tau).all(axis=2)] = 0.0
    return frozen_array(found)


def balls_on(question: Posteriors, labels: IntArray) -> tuple[PerceptionLimit, ...]:
    """The ball on the law of letters with these labels; labels that it forbids are left out of both laws."""
    if question.ball is None:
        return ()
    held = question.ball.reference > (0.0 if question.ball.divergence.forbids_new_symbols else -1.0)
    image = np.eye(held.size)[held][:, labels]
    return (replace(question.ball, reference=question.ball.reference[held], image=frozen_array(image)),)


@np.errstate(over="ignore")  # a price beyond float64 forbids
def class_laws(question: Posteriors, prices: Prices) -> ClassLaws:
    """Φ_y(τ) at these prices."""
    price = 1.0 if question.priced else prices.price
    cost = np.where(question.forbidden, inf, prices.s * question.paid)
    return ClassLaws(question.p, question.classes, prices.g, cost, price)


@np.errstate(over="ignore", invalid="ignore")  # of numbers that prove nothing
def lower_end(
    question: Posteriors, prices: Prices, known: FloatArray | None = None, *, slack: float = 1e-10, cells: int = 200_000
) -> LowerEnd:
    """A proved lower bound on the rate.

        R >= p·g - s D - λ C - σ_P(v),    v_y >= max over τ of log Σ_i p_i exp(g_i - s d_iy + λ Σ_c T_ic log τ_c)

    for any g, s >= 0, λ >= 0, because E log of a posterior's density is at most its divergence from p. τ runs over all
    class laws that posteriors can have, so the bound holds for codes with any letters (docs/method.md, "Relevance").

    Parameters
    ----------
    question : Posteriors
    prices : Prices
    known : array (m, k), optional
        A good class law for each label. Any is right.
    slack : float
        By which each v_y may be above the maximum.
    cells : int
        Cells of the simplex to look at.
    """
    p, s, price = question.p, prices.s, 1.0 if question.priced else prices.price
    if not (np.isfinite(prices.g).all() and 0.0 <= s < inf and price >= 0.0) or (s > 0.0 and question.D == inf):
        return LowerEnd(0.0)
    laws = class_laws(question, prices)
    if price == inf:
        if not question.exact:
            return LowerEnd(0.0)
        found, price = Ceilings(laws.told_apart(), True, question.classes[:0]), 0.0
    else:
        if known is None:
            m = question.table.shape[1]
            known = laws.climbed(np.tile(p @ question.classes, (m, 1)), np.arange(m))
        found = laws.ceilings(known, slack, cells, alone=question.ball is not None)
    v = found.values
    most = float(v.max()) if question.ball is None else support_value(question.ball, v)
    spent = s * question.D if s > 0.0 else 0.0
    value = float(p @ prices.g) - spent - price * question.C - most
    rounding = (p.size + 16) * float(p @ np.abs(prices.g)) + 9.0 * (spent + price * question.C) + 4.0 * abs(most)
    value -= UNIT_ROUNDOFF * rounding + price * question.rounding
    return LowerEnd(max(0.0, value) if np.isfinite(value) else 0.0, found.whole, found.peaks)


def upper_end(question: Posteriors, letters: Letters | None) -> tuple[float, Letters | None]:
    """A proved upper bound on the rate, in nats, and the letters that reach it within every limit.

    p(u|x) is normalised. While a limit is broken the code is mixed with one that tells every symbol apart and keeps
    the other limits with room to spare. inf and None if no code was found.
    """
    if question.D < 0.0:
        return inf, None
    given = None if letters is None else _normal(question, letters)
    return (_priced if question.priced else _limited)(question, given, revealing(question))


def _normal(question: Posteriors, letters: Letters) -> Letters | None:
    """The letters as p(u, x) whose sums over u are p, if they can be read so; those without mass are left out."""
    joint, labels = np.asarray(letters.joint), np.asarray(letters.labels)
    if joint.ndim != 2 or joint.shape != (labels.size, question.p.size) or not np.isfinite(joint).all():
        return None
    if labels.min(initial=0) < 0 or labels.max(initial=0) >= question.table.shape[1]:
        return None
    joint = np.maximum(joint, 0.0)
    if not joint.size or not joint.any(axis=0).all():
        return None
    joint = joint / joint.max(axis=0)  # the sums of large numbers are inf, and small ones cannot be divided by
    joint = joint * (question.p / joint.sum(axis=0))
    held = joint.sum(axis=1) > 0.0
    return Letters(joint[held], labels[held])


def revealing(question: Posteriors) -> Letters | None:
    """A code that reveals X to the decoder, so that nothing is lost of S, and keeps D and the ball if any code does."""
    n, m = question.table.shape
    if question.ball is None:
        channel: FloatArray | None = np.eye(m)[question.table.argmin(axis=1)]
    else:
        channel = slater_channel(question.plain)
    if channel is None:
        return None
    x, y = np.nonzero(channel > 0.0)
    joint = np.zeros((x.size, n))
    joint[np.arange(x.size), x] = question.p[x] * channel[x, y]
    return Letters(joint, y)


def _limited(question: Posteriors, given: Letters | None, anchor: Letters | None) -> tuple[float, Letters | None]:
    """The judge of `rdp`, whose output symbols are the letters of the code."""
    if given is not None:
        problem, channel = _on_letters(question, given), given.channel(question.p)
        if anchor is None or within(problem.reduced, weighed(problem.reduced, channel)):
            return _read(question, upper_bound(problem, channel), given.labels)
    if anchor is None:
        return inf, None
    both = anchor if given is None else given.beside(anchor)
    channel = both.channel(question.p)
    if given is not None:
        channel[:, given.labels.size :] = 0.0  # for the judge to lean on
    return _read(question, upper_bound(_on_letters(question, both), channel), both.labels)


def _on_letters(question: Posteriors, letters: Letters) -> DiscreteProblem:
    """The question on a finite alphabet of letters, whose class laws are those of their posteriors.

    What is limited is E KL(T_X ‖ τ_U), which is H(S|U) - H(S|X) for τ_u = T'a_u and more for any other τ.
    """
    tau = letters.joint @ question.classes / letters.joint.sum(axis=1, keepdims=True)
    if question.exact:
        tau = question.classes[letters.joint.argmax(axis=1)]  # each letter stands for the symbols of one p(s|x)
    room = question.C - question.least - 2.0 * question.rounding
    limits = [DistortionLimit(losses(question.classes, tau), max(room, 0.0))]
    if question.D < inf:
        limits.append(DistortionLimit(frozen_array(question.table[:, letters.labels]), question.D))
    return DiscreteProblem(question.p, tuple(limits), balls_on(question, letters.labels))


def _read(question: Posteriors, found: UpperBound, labels: IntArray) -> tuple[float, Letters | None]:
    if found.channel is None:
        return inf, None
    joint = (question.p[:, None] * found.channel).T
    held = joint.sum(axis=1) > 0.0
    return found.rate, Letters(joint[held], labels[held])


def _priced(question: Posteriors, given: Letters | None, anchor: Letters | None) -> tuple[float, Letters | None]:
    """I(X;U|Z) = Σ_z p(z) I(X;U|Z=z) of a code, mixed with one that reveals X until E d is at most D."""
    assert anchor is not None  # without a ball there always is one
    n, k = question.classes.shape
    share, code = 1.0, anchor
    if given is not None:
        spent = float(np.where(given.joint > 0.0, question.table[:, given.labels].T, 0.0).ravel() @ given.joint.ravel())
        spent *= 1.0 + UNIT_ROUNDOFF * (n + given.labels.size + k + 16)
        share = 1.0 - question.D / spent if spent > question.D else 0.0
        code = (
            given
            if share == 0.0
            else replace(given, joint=(1.0 - share) * given.joint).beside(replace(anchor, joint=share * anchor.joint))
        )
    channel, rate = code.channel(question.p), 0.0
    for mass, column in zip(question.p @ question.classes, question.classes.T, strict=True):
        if mass > 0.0:
            rate += mass * information(question.p * column / mass, channel)
    return float(rate * (1.0 + UNIT_ROUNDOFF * (k + 8))), code
