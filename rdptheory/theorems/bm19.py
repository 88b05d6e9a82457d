"""Blau and Michaeli: the rate-distortion-perception function [BM19]."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any, NamedTuple

import numpy as np

from rdptheory._types import Bounds, FloatArray
from rdptheory.closed_forms import bernoulli
from rdptheory.closed_forms._inputs import load_sympy
from rdptheory.distortions import Distortion, Hamming, SquaredError, Table
from rdptheory.divergences import Divergence, TotalVariation, Wasserstein2Squared
from rdptheory.information import binary_entropy, mutual_information
from rdptheory.solution import Solution
from rdptheory.solve import rdp
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.sources import Bernoulli, DiscreteSource, Gaussian, Pmf, Source
from rdptheory.theorems import schemes
from rdptheory.theorems.statement import Counterexample, Statement, Verdict, at_most, equal, exceeds, worst

__all__ = ["STATEMENTS"]

INFORMATION = "information function"
TV = TotalVariation()


class Chord(NamedTuple):
    """Two questions and the share of the first; `root` stands for the root of the perception divergence."""

    source: DiscreteSource
    distortion: Distortion
    perception: Divergence
    first: tuple[float, float]
    second: tuple[float, float]
    share: float
    root: bool = False

    def at(self, D: float, P: float) -> Solution:
        """R(D,P); √δ <= P is δ <= P²."""
        return rdp(self.source, self.distortion, self.perception, D=D, P=P**2 if self.root else P)


def draw_chord(rng: np.random.Generator) -> Chord:
    """A random source, divergence and pair of points."""
    distortion = SquaredError() if rng.uniform() < 0.5 else Hamming()
    while True:
        law = schemes.source(rng)
        table = distortion.table(law.points)
        if np.ptp(law.probabilities @ table) > 0.02:  # some symbols are worse guesses than others
            break
    most = float(law.probabilities @ table @ law.probabilities)
    points = [(most * float(rng.uniform(0.1, 0.9)), float(rng.choice([0.0, 0.01, 0.1]))) for _ in range(2)]
    divergence = schemes.DIVERGENCES[int(rng.integers(len(schemes.DIVERGENCES)))]
    return Chord(law, distortion, divergence, points[0], points[1], float(rng.uniform(0.2, 0.8)))


def check_shape(case: Chord) -> Verdict:
    """Monotone, convex, and above Shannon's function where that reaches zero."""
    (D1, P1), (D2, P2), w = case.first, case.second, case.share
    one, two = case.at(D1, P1).bounds, case.at(D2, P2).bounds
    both = case.at(max(D1, D2), max(P1, P2)).bounds
    between = case.at(w * D1 + (1.0 - w) * D2, w * P1 + (1.0 - w) * P2).bounds
    chord = Bounds(w * one.lower + (1.0 - w) * two.lower, w * one.upper + (1.0 - w) * two.upper)
    table = case.distortion.table(case.source.points)
    least = float((case.source.probabilities @ table).min())
    return worst(
        [
            at_most(both, one),
            at_most(both, two),
            at_most(between, chord),
            exceeds(case.at(least, 0.0).bounds, case.at(least, inf).bounds),
        ]
    )


def root_chord(_: np.random.Generator) -> Chord:
    """δ = √TV: half at P = 0, half at P = 0.54."""
    return Chord(Bernoulli(0.3), Hamming(), TV, (0.3, 0.0), (0.3, 0.54), 0.5, root=True)


def unsquared_chord(_: np.random.Generator) -> Chord:
    """δ = W2 on two points is √TV too."""
    return Chord(Bernoulli(0.3), Hamming(), Wasserstein2Squared(), (0.3, 0.0), (0.3, 0.54), 0.5, root=True)


class Doubling(NamedTuple):
    """R(factor D, 0) against R(D, ∞)."""

    source: Source
    distortion: Distortion
    D: float
    factor: float = 2.0


def draw_doubling(rng: np.random.Generator) -> Doubling:
    """A finite source or a Gaussian."""
    if rng.uniform() < 0.2:
        return Doubling(Gaussian(float(rng.normal()), 1.0), SquaredError(), float(rng.uniform(0.05, 1.2)))
    law = schemes.source(rng)
    most = float((law.probabilities @ SquaredError().table(law.points)).min())
    return Doubling(law, SquaredError(), most * float(rng.uniform(0.05, 1.0)))


def check_doubling(case: Doubling) -> Verdict:
    """Two solutions."""
    divergence = Wasserstein2Squared() if isinstance(case.source, Gaussian) else TV
    free = rdp(case.source, case.distortion, None, D=case.D, P=inf)
    return at_most(rdp(case.source, case.distortion, divergence, D=case.factor * case.D, P=0.0).bounds, free.bounds)


def fourth_power(_: np.random.Generator) -> Doubling:
    """|x - y|⁴ on three points."""
    points = np.arange(3.0)
    third = np.full(3, 1.0 / 3.0)
    return Doubling(Pmf(third, points), Table((points[:, None] - points) ** 4, reference=third), 2.0 / 3.0)


class Block(NamedTuple):
    """A code on blocks of n letters: p(y^n | x^n) of shape (m^n, m^n), blocks in C order."""

    source: DiscreteSource
    n: int
    channel: FloatArray
    root: bool = False


def draw_block(rng: np.random.Generator) -> Block:
    """A deterministic code, or a random channel, on two or three letters."""
    m, n = (2, int(rng.integers(2, 4))) if rng.uniform() < 0.7 else (3, 2)
    size = m**n
    letters = Pmf(schemes.law(rng, m))
    if rng.uniform() < 0.3:
        return Block(letters, n, 0.3 * rng.dirichlet(np.ones(size), size=size) + 0.7 * np.eye(size))
    words = int(rng.integers(2, size))
    book = rng.integers(size, size=words)
    return Block(letters, n, np.eye(size)[book[rng.integers(words, size=size)]])


def check_block(case: Block) -> Verdict:
    """Rate of the code >= R(mean distortion, mean perception), Hamming distortion and total variation."""
    p, n = case.source.probabilities, case.n
    digits = np.array(np.unravel_index(np.arange(p.size**n), (p.size,) * n))
    blocks = p[digits].prod(axis=0)
    joint = blocks[:, None] * case.channel
    wrong = (digits[:, :, None] != digits[:, None, :]).mean(axis=0)
    out = joint.sum(axis=0)
    distances = [TV.value(p, np.bincount(row, weights=out, minlength=p.size).astype(np.float64)) for row in digits]
    if case.root:
        distances = [float(np.sqrt(value)) for value in distances]
    D, P = float(np.vdot(joint, wrong)), float(np.mean(distances))
    rate = mutual_information(blocks, case.channel) / n
    return at_most(rdp(case.source, Hamming(), TV, D=D, P=P**2 if case.root else P).bounds, rate)


def alternating(_: np.random.Generator) -> Block:
    """Letters served in turn at √TV = 0 and √TV = 0.54."""
    letters = [bernoulli.channel(0.3, 0.3, P**2) for P in (0.0, 0.54)]
    return Block(Bernoulli(0.3), 2, np.asarray(np.kron(*letters)), root=True)


def draw_representation(rng: np.random.Generator) -> schemes.Scheme:
    """A source in R or R² and a random encoder."""
    return schemes.scheme(rng, dimension=int(rng.integers(1, 3)))


def check_posterior_law(case: schemes.Scheme) -> Verdict:
    """Σ_z p(z) p(x|z) = p(x), symbol by symbol."""
    z, back = schemes.posterior(case.source.probabilities, case.encoder)
    return worst(equal(a, b) for a, b in zip(z @ back, case.source.probabilities, strict=True))


def check_posterior_distortion(case: schemes.Scheme) -> Verdict:
    """E‖X - X~‖² = 2 E‖X - E[X|Z]‖², from the joint law of (X, X~)."""
    z, back = schemes.posterior(case.source.probabilities, case.encoder)
    joint = (back.T * z) @ back
    sampled = float(np.vdot(joint, schemes.squared(case.source.points, case.source.points)))
    return equal(sampled, 2.0 * schemes.means(case.source.probabilities, case.source.points, case.encoder)[2])


class Coin(NamedTuple):
    """Bernoulli(p) at (D, P)."""

    p: float
    D: float
    P: float


def draw_coin(rng: np.random.Generator) -> Coin:
    """p <= ½, every regime."""
    p = float(rng.uniform(0.05, 0.5))
    return Coin(p, float(rng.uniform(0.01, 0.55)), float(rng.uniform(0.0, 1.2) * p))


def solved(case: Coin, *, D: float | None = None, P: float | None = None) -> Solution:
    """R(D,P) by the interior point, not by the closed form."""
    return rdp(
        Bernoulli(case.p),
        Hamming(),
        TV,
        D=case.D if D is None else D,
        P=case.P if P is None else P,
        method=InteriorPoint(),
    )


def thresholds(case: Coin) -> tuple[float, float]:
    """(D1, D2) of S33 and S38; D1 = ½ at p = ½, P = 0."""
    p, P = case.p, case.P
    bottom = 1.0 + 2.0 * P - 2.0 * p
    return P / bottom if bottom > 0.0 else 0.5, 2.0 * p * (1.0 - p) + (2.0 * p - 1.0) * P


def draw_inner_coin(rng: np.random.Generator) -> Coin:
    """P below p, so that the two thresholds differ."""
    p = float(rng.uniform(0.1, 0.48))
    return Coin(p, float(rng.uniform(0.05, 0.95)), p * float(rng.uniform(0.05, 0.9)))


def check_D1(case: Coin) -> Verdict:
    """Up to D1 the limit P costs nothing; halfway to D2 it does. `case.D` is the share of D1."""
    low, high = thresholds(case)
    free = float(binary_entropy(case.p) - binary_entropy(case.D * low))
    beyond = low + 0.5 * (high - low)
    shannon = max(0.0, float(binary_entropy(case.p) - binary_entropy(min(beyond, case.p))))
    return worst([equal(solved(case, D=case.D * low).bounds, free), exceeds(solved(case, D=beyond).bounds, shannon)])


def late_D1(_: np.random.Generator) -> Coin:
    """1.5 D1."""
    return Coin(0.3, 1.5, 0.05)


def check_D2(case: Coin) -> Verdict:
    """At D2 and above the rate is zero, below it is not. `case.D` is the share of D2."""
    high = thresholds(case)[1]
    return worst([equal(solved(case, D=high / case.D).bounds, 0.0), exceeds(solved(case, D=0.98 * high).bounds, 0.0)])


def check_S40(case: Coin) -> Verdict:
    """The formula against the interior point."""
    return equal(solved(case).bounds, float(bernoulli.rate(case.p, case.D, case.P)))


def check_S37(case: Coin) -> Verdict:
    """The printed middle branch, read without its condition p <= ½."""
    p, D, P = case.p, case.D, case.P
    q, a, b = 1.0 - p, 0.5 * (D - P), 0.5 * (D + P)
    laws = ((p, q), (p, q), (p - P, 1.0 - p + P)), ((a, p, q - a), (b, q, p - b))
    plus, minus = (sum(float(-np.sum(np.log(law) * law)) for law in group) for group in laws)
    return equal(solved(case).bounds, plus - minus)


def draw_middle(rng: np.random.Generator) -> Coin:
    """p <= ½ and D strictly between D1 and D2."""
    p = float(rng.uniform(0.1, 0.48))
    case = Coin(p, 0.0, p * float(rng.uniform(0.05, 0.9)))
    low, high = thresholds(case)
    return case._replace(D=low + (high - low) * float(rng.uniform(0.05, 0.95)))


def check_J1(case: Coin) -> Verdict:
    """Shannon's output law never has more of the rarer symbol than the source: the other side of |·| is idle."""
    p = case.p
    D = min(case.D, 0.999) * p
    low, high = thresholds(case)
    below = D if low > D else low  # the unconstrained solution is used up to D1
    rarer = (p - below) / (1.0 - 2.0 * below)
    crossing = case.P / (2.0 * p + 2.0 * case.P - 1.0) if 2.0 * p + 2.0 * case.P > 1.0 else inf
    return worst([at_most(rarer, p), at_most(low, crossing), at_most(low, high)])


def check_J2(case: Coin) -> Verdict:
    """D2 increases in p up to its largest value ½ at p = ½."""
    smaller = thresholds(Coin(case.D * case.p, 0.0, case.P * case.D))[1]
    larger = thresholds(Coin(case.p, 0.0, case.P * case.D))[1]
    return worst([at_most(smaller, larger), at_most(larger, 0.5), equal(thresholds(Coin(0.5, 0.0, case.P))[1], 0.5)])


def check_J3(case: Coin) -> Verdict:
    """D1 rises and D2 falls in P, they meet at P = p, and from there on P costs nothing."""
    (low, high), (low_at, high_at) = thresholds(case), thresholds(case._replace(P=case.p))
    D = case.D * case.p
    free = float(binary_entropy(case.p) - binary_entropy(D))
    return worst(
        [
            at_most(low, low_at),
            at_most(high_at, high),
            equal(low_at, high_at),
            equal(solved(case, D=D, P=case.p + 0.3 * case.P).bounds, free),
        ]
    )


def prove_thresholds() -> Iterator[Any]:
    """S33, S38, S42, S43 from the channel: Shannon's a meets the bound on a at D1, the rows agree at D2."""
    sp = load_sympy()
    p, D, P = sp.symbols("p D P", positive=True)
    a, b = 1 - (D - P) / (2 * (1 - p)), (D + P) / (2 * p)
    shannon = (1 - D) * (1 - p - D) / ((1 - p) * (1 - 2 * D))
    D1, D2 = P / (1 + 2 * P - 2 * p), 2 * p * (1 - p) + (2 * p - 1) * P
    yield sp.simplify((a - shannon).subs(D, D1))
    yield sp.simplify((a - b).subs(D, D2))
    yield sp.simplify(a.subs(D, D2) - (1 - p + P))
    yield sp.simplify(sp.diff(D1, P) - (1 - 2 * p) / (1 + 2 * P - 2 * p) ** 2)
    yield sp.simplify(sp.diff(D2, p) - (2 - 4 * p + 2 * P))
    yield sp.simplify((D1 - D2).subs(P, p))


def prove_middle() -> Iterator[Any]:
    """S37 from the joint law of the channel S34, S35: the two differ by logarithms that cancel."""
    sp = load_sympy()
    p, D, P = sp.symbols("p D P", positive=True)
    q, x, y = 1 - p, (D - P) / 2, (D + P) / 2
    a, b = 1 - x / q, y / p
    joint = {(0, 0): q * a, (0, 1): q * (1 - a), (1, 0): p * b, (1, 1): p * (1 - b)}
    rows, columns = {0: q, 1: p}, {0: q + P, 1: p - P}
    information = sum(mass * (sp.log(mass) - sp.log(rows[i]) - sp.log(columns[j])) for (i, j), mass in joint.items())

    def entropy(*masses: Any) -> Any:
        return -sum(mass * sp.log(mass) for mass in masses)

    printed = 2 * entropy(p, q) + entropy(p - P, q + P) - entropy(x, p, q - x) - entropy(y, q, p - y)
    yield sp.expand(sp.expand_log(sp.simplify(information - printed), force=True))


STATEMENTS: tuple[Statement[Any], ...] = (
    Statement(
        "BM19.T1",
        INFORMATION,
        "R(D,P) is non-increasing in both limits and jointly convex, and perfect perception costs rate.",
        "R(λD1 + (1-λ)D2, λP1 + (1-λ)P2) <= λ R(D1,P1) + (1-λ) R(D2,P2),   R(·,0) ≠ R(·,∞)",
        "convexity: δ convex in its second argument; R(·,0) ≠ R(·,∞): not every symbol minimises E d(X,·) (compared at "
        "D = min_y E d(X,y))",
        "Theorem 1, Appendix A",
        draw_chord,
        check_shape,
        counterexamples=(
            Counterexample(
                "root-tv",
                "δ = √TV is not convex: Bernoulli(0.3), Hamming, D = 0.3: half at P = 0 and half at P = 0.54 take "
                "0.01998 nat, R(0.3, 0.27) is 0.02642",
                root_chord,
            ),
            Counterexample(
                "unsquared-w2",
                "unsquared W2 is not convex either: on {0,1} it equals √TV",
                unsquared_chord,
            ),
        ),
    ),
    Statement(
        "BM19.T2",
        INFORMATION,
        "Perfect perception takes at most the rate of half the distortion.",
        "R(D,0) <= R(D/2,∞)",
        "squared error",
        "Theorem 2, Appendix B",
        draw_doubling,
        check_doubling,
        counterexamples=(
            Counterexample(
                "fourth-power",
                "d = |x-y|⁴ on three equal masses: no rate is needed at D = 2/3, but independent letters of the law "
                "of X have E d = 4, three times the double",
                fourth_power,
            ),
        ),
    ),
    Statement(
        "BM19.E16",
        INFORMATION,
        "A draw from the posterior of any representation has the law of the source.",
        "Σ_z p(z) p(x|z) = p(x)",
        "none",
        "equation (S16)",
        draw_representation,
        check_posterior_law,
        "probability",
    ),
    Statement(
        "BM19.E17",
        INFORMATION,
        "A draw from the posterior has twice the distortion of the conditional mean.",
        "E‖X - X~‖² = 2 E‖X - E[X|Z]‖²",
        "squared error; the representation is the conditional mean itself, or any Z",
        "equation (S17)",
        draw_representation,
        check_posterior_distortion,
        "squared units of X",
    ),
    Statement(
        "BM19.A-C",
        "blocks of n letters, any randomness, mean perception of the letters",
        "No code of any block length has a lower rate than R at its mean distortion and mean perception.",
        "H(f(Xⁿ))/n >= I(Xⁿ;Yⁿ)/n >= R(1/n Σ E d(X_i,Y_i), 1/n Σ δ(p_X, p_{Y_i}))",
        "independent letters, δ convex in its second argument",
        "Appendix C, (S21)",
        draw_block,
        check_block,
        counterexamples=(
            Counterexample(
                "root-tv",
                "δ = √TV, Bernoulli(0.3): letters in turn at P = 0 and 0.54 average 0.27 at 0.01998 nat a letter, "
                "R(0.3, 0.27) is 0.02642",
                alternating,
            ),
        ),
    ),
    Statement(
        "BM19.E33",
        INFORMATION,
        "Up to D1 = P/(1+2P-2p) the perception limit is idle.",
        "D <= D1:  R(D,P) = Hb(p) - Hb(D);   D1 < D < D2:  R(D,P) > R(D,∞)",
        "Bernoulli(p), p <= ½, P < p, Hamming, total variation",
        "equation (S33)",
        draw_inner_coin,
        check_D1,
        counterexamples=(Counterexample("beyond", "at 1.5 D1 the limit binds (p = 0.3, P = 0.05)", late_D1),),
        proof=prove_thresholds,
    ),
    Statement(
        "BM19.E38",
        INFORMATION,
        "The rate vanishes from D2 = 2pq + (p-q)P on, and not before.",
        "R(D2,P) = 0,   R(D,P) > 0 for D < D2",
        "Bernoulli(p), p <= ½, P < p, Hamming, total variation",
        "equation (S38)",
        draw_inner_coin,
        check_D2,
        proof=prove_thresholds,
    ),
    Statement(
        "BM19.E37",
        INFORMATION,
        "Where both limits bind, the rate is the printed difference of entropies.",
        "R(D,P) = 2 Hb(p) + Hb(p-P) - Ht((D-P)/2, p) - Ht((D+P)/2, q)",
        "Bernoulli(p), p <= ½, P < p, D1 < D < D2",
        "equation (S37)",
        draw_middle,
        check_S37,
        counterexamples=(
            Counterexample(
                "p-above-half",
                "for p = 0.6 the printed formula is not the rate: swap the symbols first",
                lambda _: Coin(0.6, 0.3, 0.1),
            ),
        ),
        proof=prove_middle,
    ),
    Statement(
        "BM19.E40",
        INFORMATION,
        "R(D,P) of a Bernoulli source in all regimes.",
        "R = Hb(p) - Hb(D) up to D1, the entropies of (S37) up to D2, 0 beyond; Hb(p) - Hb(D) for P >= p",
        "Bernoulli(p), Hamming, total variation",
        "equation (S40)",
        draw_coin,
        check_S40,
        proof=prove_middle,
    ),
    Statement(
        "BM19.J1",
        INFORMATION,
        "Only one side of the total-variation limit can bind.",
        "P/(1+2P-2p) <= P/(2p+2P-1) where the latter is positive; P(Y=1) <= p",
        "Bernoulli(p), p <= ½, P < p",
        "Appendix D, J1",
        draw_inner_coin,
        check_J1,
        "probability",
    ),
    Statement(
        "BM19.J2",
        INFORMATION,
        "D2 increases in p and is at most ½.",
        "∂D2/∂p = 2 - 4p + 2P >= 0,   D2 <= ½",
        "p <= ½",
        "Appendix D, J2",
        draw_inner_coin,
        check_J2,
        "probability",
        proof=prove_thresholds,
    ),
    Statement(
        "BM19.J3",
        INFORMATION,
        "D1 increases and D2 decreases in P; they meet at P = p, beyond which P costs nothing.",
        "P >= p:  R(D,P) = R(D,∞)",
        "Bernoulli(p), p <= ½",
        "Appendix D, J3",
        draw_inner_coin,
        check_J3,
        proof=prove_thresholds,
    ),
)
