"""Wang, Wu, Ma and Zhang: rate, distortion, perception and classification [WWMZ24]."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np

from rdptheory._types import Bounds, FloatArray
from rdptheory.distortions import Hamming
from rdptheory.divergences import Divergence, TotalVariation
from rdptheory.information import binary_entropy, inverse_binary_entropy, law_entropy
from rdptheory.relevance import bottleneck, relevant_rate
from rdptheory.solve import rdp
from rdptheory.sources import Bernoulli, Pmf
from rdptheory.theorems.settings import INFORMATION
from rdptheory.theorems.statement import Verdict, at_most, equal, states, worst

TV = TotalVariation()


class Told(NamedTuple):
    """A source, p(s|x), and two points (D, P, C) with the share of the first; `root` stands for √TV."""

    source: Pmf
    classes: FloatArray
    points: tuple[tuple[float, float, float], tuple[float, float, float]]
    share: float
    root: bool = False

    def at(self, D: float, P: float, C: float) -> Bounds:
        """R(D,P,C) under Hamming distortion; √TV <= P is TV <= P²."""
        P = P**2 if self.root else P
        return relevant_rate(self.source, self.classes, Hamming(), TV, C=C, D=D, P=P).bounds


def draw_told(rng: np.random.Generator) -> Told:
    """Three symbols, two classes, limits between their ends."""
    p, classes = rng.dirichlet(np.full(3, 3.0)), rng.dirichlet(np.ones(2), 3)
    least, most = float(p @ law_entropy(classes)), float(law_entropy(p @ classes))
    points = [
        (float(rng.uniform(0.05, 0.5)), float(rng.choice([0.0, 0.02, 0.1])), least + w * (most - least))
        for w in rng.uniform(0.1, 0.9, 2).tolist()
    ]
    return Told(Pmf.from_weights(p), classes, (points[0], points[1]), float(rng.uniform(0.2, 0.8)))


@states(
    "WWMZ24.convex",
    setting=INFORMATION,
    draw=draw_told,
    conditions="δ convex in its second argument; codes with any number of letters to a reconstruction",
    where="the function and its shape",
)
def check_shape(case: Told) -> Verdict:
    """R(D,P,C) is non-increasing in its limits and jointly convex.

        R(λ(D1,P1,C1) + (1-λ)(D2,P2,C2)) <= λ R(D1,P1,C1) + (1-λ) R(D2,P2,C2)

    At a mixture of two points, and at the looser of each limit.
    """
    one, two, w = np.array(case.points[0]), np.array(case.points[1]), case.share
    first, second = case.at(*one.tolist()), case.at(*two.tolist())
    mixed, looser = case.at(*(w * one + (1.0 - w) * two).tolist()), case.at(*np.maximum(one, two).tolist())
    chord = Bounds(w * first.lower + (1.0 - w) * second.lower, w * first.upper + (1.0 - w) * second.upper)
    return worst([at_most(mixed, chord), at_most(looser, first), at_most(looser, second)])


@check_shape.fails("root-tv")
def not_convex(_: np.random.Generator) -> Told:
    """δ = √TV is not convex, and a loose C leaves R(D,P): half at P = 0 and half at 0.54 take less than P = 0.27."""
    loose = 1.0  # above H(S)
    classes = np.array([[0.9, 0.1], [0.2, 0.8]])
    return Told(Pmf([0.7, 0.3]), classes, ((0.3, 0.0, loose), (0.3, 0.54, loose)), 0.5, root=True)


class Ends(NamedTuple):
    """A source, p(s|x), a divergence, D and P, and how far C is above the entropy of S."""

    source: Pmf
    classes: FloatArray
    perception: Divergence
    D: float
    P: float
    above: float


def draw_ends(rng: np.random.Generator) -> Ends:
    """C at H(S) or above."""
    case = draw_told(rng)
    return Ends(case.source, case.classes, TV, *case.points[0][:2], float(rng.choice([0.0, 0.1, inf])))


@states(
    "WWMZ24.ends", setting=INFORMATION, draw=draw_ends, conditions="C >= H(S)", where="the function at its loose end"
)
def check_ends(case: Ends) -> Verdict:
    """From H(S) on the limit on H(S|U) costs nothing.

    R(D,P,C) = R(D,P)
    """
    C = max(float(law_entropy(case.source.probabilities @ case.classes)) + case.above, 0.0)
    free = rdp(case.source, Hamming(), case.perception, D=case.D, P=case.P).bounds
    return equal(
        relevant_rate(case.source, case.classes, Hamming(), case.perception, C=C, D=case.D, P=case.P).bounds, free
    )


@check_ends.fails("below")
def below_entropy(_: np.random.Generator) -> Ends:
    """0.35 nat below H(S) = 0.674, a code for D = 0.4 and P = 0.1 takes 0.564 nat in place of 0.091."""
    classes = np.array([[0.99, 0.01], [0.5, 0.5], [0.01, 0.99]])
    return Ends(Pmf([0.5, 0.2, 0.3]), classes, TV, 0.4, 0.1, -0.35)


class Coin(NamedTuple):
    """P(X=1), p(s|x) and limits."""

    p: float
    classes: FloatArray
    D: float
    C: float


def draw_coin(rng: np.random.Generator) -> Coin:
    """X through a symmetric channel."""
    p, q = float(rng.uniform(0.1, 0.5)), float(rng.uniform(0.02, 0.4))
    kept = float(rng.uniform(0.05, 0.95)) * p
    C = float(binary_entropy(kept + q - 2.0 * kept * q))
    return Coin(p, np.array([[1.0 - q, q], [q, 1.0 - q]]), float(rng.uniform(0.3, 1.5)) * kept, C)


@states(
    "WWMZ24.binary",
    setting=INFORMATION,
    draw=draw_coin,
    conditions="X ~ Bernoulli(p), p <= ½, S = X + Bernoulli(q), Hamming, D <= p, P = ∞",
    where="the binary source; by the lemma of Mrs. Gerber [WyZ73]",
)
def check_coin(case: Coin) -> Verdict:
    """A coin and its noisy class cost the dearer of the two limits, each as if it were alone.

        R(D,∞,C) = Hb(p) - min(Hb(D), Hb(γ)),   γ = (Hb⁻¹(C) - q) / (1 - 2q)

    q is read as the mean chance that the class errs.
    """
    q = float(np.array([case.classes[0, 1], case.classes[1, 0]]).mean())
    kept = (inverse_binary_entropy(case.C) - q) / (1.0 - 2.0 * q)
    value = float(binary_entropy(case.p)) - float(binary_entropy(min(kept, case.D)))
    return equal(relevant_rate(Bernoulli(case.p), case.classes, Hamming(), C=case.C, D=case.D).bounds, value)


@check_coin.fails("lopsided")
def lopsided(_: np.random.Generator) -> Coin:
    """a class that errs for one symbol only, q = 0.1 in the mean: 0.241 nat, the formula has 0.387."""
    return Coin(0.4, np.array([[1.0, 0.0], [0.2, 0.8]]), 0.4, 0.45)


class Function(NamedTuple):
    """A source, p(s|x), and C."""

    source: Pmf
    classes: FloatArray
    C: float


def draw_function(rng: np.random.Generator) -> Function:
    """Four symbols, two classes that they determine."""
    p, s = rng.dirichlet(np.full(4, 3.0)), np.array([0, 1, *rng.integers(0, 2, 2)])
    classes = np.eye(2)[s]
    return Function(Pmf.from_weights(p), classes, float(rng.uniform(0.0, 1.0)) * float(law_entropy(p @ classes)))


@states(
    "WWMZ24.told",
    setting=INFORMATION,
    draw=draw_function,
    conditions="S = f(X), D = P = ∞",
    where="I(S;U) <= I(X;U), with equality where the source determines its class",
)
def check_told(case: Function) -> Verdict:
    """What is to be told of a class that the source determines is all that has to be sent.

    R(∞,∞,C) = H(S) - C
    """
    told = float(law_entropy(case.source.probabilities @ case.classes)) - case.C
    return equal(bottleneck(case.source, case.classes, C=case.C).bounds, told)


@check_told.fails("noisy")
def noisy(_: np.random.Generator) -> Function:
    """a class that errs once in ten: H(S) - C is 0.193 nat, and 0.317 must be sent."""
    return Function(Pmf([0.5, 0.5]), np.array([[0.9, 0.1], [0.1, 0.9]]), 0.5)
