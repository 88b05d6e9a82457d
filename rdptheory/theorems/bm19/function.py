"""The rate-distortion-perception function of any source: Theorems 1 and 2, blocks, posterior draws."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np

from rdptheory._types import Bounds, FloatArray
from rdptheory.closed_forms import bernoulli
from rdptheory.distortions import Distortion, Hamming, SquaredError, Table
from rdptheory.divergences import Divergence, Wasserstein2Squared
from rdptheory.errors import InvalidInput
from rdptheory.information import mutual_information
from rdptheory.problems import Problem
from rdptheory.solve import answers, rdp
from rdptheory.sources import Bernoulli, DiscreteSource, Gaussian, Pmf, Source
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.schemes import TV
from rdptheory.theorems.settings import INFORMATION
from rdptheory.theorems.statement import Verdict, at_most, equal, exceeds, states, worst


class Chord(NamedTuple):
    """Two questions and the share of the first; `root` stands for the root of the perception divergence."""

    source: DiscreteSource
    distortion: Distortion
    perception: Divergence
    first: tuple[float, float]
    second: tuple[float, float]
    share: float
    root: bool = False

    def at(self, *points: tuple[float, float]) -> list[Bounds]:
        """R(D,P) of every (D, P); √δ <= P is δ <= P²."""
        fixed = self.source, self.distortion, self.perception
        asked = [Problem(*fixed, D, P**2 if self.root else P) for D, P in points]
        return [solution.bounds for solution in answers(asked, None)]


def draw_chord(rng: np.random.Generator, given: Given = NOTHING) -> Chord:
    """A random source, divergence and pair of points."""
    drawn: Distortion = SquaredError() if rng.uniform() < 0.5 else Hamming()
    distortion = given.part("distortion", object, lambda: drawn, "a distortion")
    while True:
        law = schemes.source(rng, given=given)
        table = distortion.table(law.points)
        if np.ptp(law.probabilities @ table) > 0.02 * table.max():  # some symbols are worse guesses than others
            break
        if given.source is not None:
            raise InvalidInput(
                "source", law, "the statement needs that not every symbol minimises E d(X,·), here by 2 % of max d"
            )
    most = float(law.probabilities @ table @ law.probabilities)
    points = [(most * float(rng.uniform(0.1, 0.9)), float(rng.choice([0.0, 0.01, 0.1]))) for _ in range(2)]
    divergence = schemes.DIVERGENCES[int(rng.integers(len(schemes.DIVERGENCES)))]
    divergence = given.part("perception", object, lambda: divergence, "a divergence")
    first = given.number("D", lambda: points[0][0]), given.number("P", lambda: points[0][1])
    return Chord(law, distortion, divergence, first, points[1], float(rng.uniform(0.2, 0.8)))


@states(
    "BM19.T1",
    setting=INFORMATION,
    draw=draw_chord,
    conditions="convexity: δ convex in its second argument; R(·,0) ≠ R(·,∞): not every symbol minimises E d(X,·) "
    "(compared at D = min_y E d(X,y))",
    where="Theorem 1, Appendix A",
)
def check_shape(case: Chord) -> Verdict:
    """R(D,P) is non-increasing in both limits and jointly convex, and perfect perception costs rate.

        R(λD1 + (1-λ)D2, λP1 + (1-λ)P2) <= λ R(D1,P1) + (1-λ) R(D2,P2),   R(·,0) ≠ R(·,∞)

    Monotone, convex, and above Shannon's function where that reaches zero.
    """
    (D1, P1), (D2, P2), w = case.first, case.second, case.share
    least = float((case.source.probabilities @ case.distortion.table(case.source.points)).min())
    mixed, looser = (w * D1 + (1.0 - w) * D2, w * P1 + (1.0 - w) * P2), (max(D1, D2), max(P1, P2))
    one, two, both, between, perfect, free = case.at(case.first, case.second, looser, mixed, (least, 0.0), (least, inf))
    chord = Bounds(w * one.lower + (1.0 - w) * two.lower, w * one.upper + (1.0 - w) * two.upper)
    return worst(
        [
            at_most(both, one),
            at_most(both, two),
            at_most(between, chord),
            exceeds(perfect, free),
        ]
    )


@check_shape.fails("root-tv")
def root_chord(_: np.random.Generator) -> Chord:
    """δ = √TV is not convex: Bernoulli(0.3), Hamming, D = 0.3: half at P = 0 and half at P = 0.54 take 0.01998 nat,
    R(0.3, 0.27) is 0.02642."""
    return Chord(Bernoulli(0.3), Hamming(), TV, (0.3, 0.0), (0.3, 0.54), 0.5, root=True)


@check_shape.fails("unsquared-w2")
def unsquared_chord(_: np.random.Generator) -> Chord:
    """unsquared W2 is not convex either: on {0,1} it equals √TV."""
    return Chord(Bernoulli(0.3), Hamming(), Wasserstein2Squared(), (0.3, 0.0), (0.3, 0.54), 0.5, root=True)


class Doubling(NamedTuple):
    """R(factor D, 0) against R(D, ∞)."""

    source: Source
    distortion: Distortion
    D: float
    factor: float = 2.0


def draw_doubling(rng: np.random.Generator, given: Given = NOTHING) -> Doubling:
    """A finite source or a Gaussian."""
    schemes.needs(given, SquaredError)

    def drawn() -> Gaussian | DiscreteSource:
        return Gaussian(float(rng.normal()), 1.0) if rng.uniform() < 0.2 else schemes.source(rng)

    law = given.part("source", (Gaussian, DiscreteSource), drawn, "a finite source or a Gaussian")
    if isinstance(law, Gaussian):
        most = law.variance
    else:
        most = float((law.probabilities @ SquaredError().table(law.points)).min())
    return Doubling(law, SquaredError(), given.number("D", lambda: most * float(rng.uniform(0.05, 1.0))))


@states(
    "BM19.T2",
    setting=INFORMATION,
    draw=draw_doubling,
    conditions="squared error",
    where="Theorem 2, Appendix B",
)
def check_doubling(case: Doubling) -> Verdict:
    """Perfect perception takes at most the rate of half the distortion.

        R(D,0) <= R(D/2,∞)

    Two solutions.
    """
    divergence = Wasserstein2Squared() if isinstance(case.source, Gaussian) else TV
    free = rdp(case.source, case.distortion, None, D=case.D, P=inf)
    return at_most(rdp(case.source, case.distortion, divergence, D=case.factor * case.D, P=0.0).bounds, free.bounds)


@check_doubling.fails("fourth-power")
def fourth_power(_: np.random.Generator) -> Doubling:
    """d = |x-y|⁴ on three equal masses: no rate is needed at D = 2/3, but independent letters of the law of X have E d
    = 4, three times the double."""
    points = np.arange(3.0)
    third = np.full(3, 1.0 / 3.0)
    return Doubling(Pmf(third, points), Table((points[:, None] - points) ** 4, reference=third), 2.0 / 3.0)


class Block(NamedTuple):
    """A code on blocks of n letters: p(y^n | x^n) of shape (m^n, m^n), blocks in C order."""

    source: DiscreteSource
    n: int
    channel: FloatArray
    root: bool = False


def draw_block(rng: np.random.Generator, given: Given = NOTHING) -> Block:
    """A deterministic code, or a random channel, on two or three letters."""
    schemes.needs(given, Hamming)
    m = 2 if rng.uniform() < 0.7 else 3
    letters = given.part(
        "source", DiscreteSource, lambda: Pmf(schemes.law(rng, m)), "2 or 3 symbols", lambda mine: mine.size in (2, 3)
    )
    n = int(rng.integers(2, 4)) if letters.size == 2 else 2
    size = letters.size**n
    if rng.uniform() < 0.3:
        return Block(letters, n, 0.3 * rng.dirichlet(np.ones(size), size=size) + 0.7 * np.eye(size))
    words = int(rng.integers(2, size))
    book = rng.integers(size, size=words)
    return Block(letters, n, np.eye(size)[book[rng.integers(words, size=size)]])


@states(
    "BM19.A-C",
    setting="blocks of n letters, any randomness, mean perception of the letters",
    draw=draw_block,
    conditions="independent letters, δ convex in its second argument",
    where="Appendix C, (S21)",
)
def check_block(case: Block) -> Verdict:
    """No code of any block length has a lower rate than R at its mean distortion and mean perception.

        H(f(Xⁿ))/n >= I(Xⁿ;Yⁿ)/n >= R(1/n Σ E d(X_i,Y_i), 1/n Σ δ(p_X, p_{Y_i}))

    Rate of the code >= R(mean distortion, mean perception), Hamming distortion and total variation.
    """
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


@check_block.fails("root-tv")
def alternating(_: np.random.Generator) -> Block:
    """δ = √TV, Bernoulli(0.3): letters in turn at P = 0 and 0.54 average 0.27 at 0.01998 nat a letter, R(0.3, 0.27) is
    0.02642."""
    letters = [bernoulli.channel(0.3, 0.3, P**2) for P in (0.0, 0.54)]
    return Block(Bernoulli(0.3), 2, np.asarray(np.kron(*letters)), root=True)


def draw_representation(rng: np.random.Generator, given: Given = NOTHING) -> schemes.Scheme:
    """A source in R or R² and a random encoder."""
    return schemes.scheme(rng, given, dimension=int(rng.integers(1, 3)))


@states(
    "BM19.E16",
    setting=INFORMATION,
    draw=draw_representation,
    conditions="none",
    where="equation (S16)",
    unit="probability",
)
def check_posterior_law(case: schemes.Scheme) -> Verdict:
    """A draw from the posterior of any representation has the law of the source.

        Σ_z p(z) p(x|z) = p(x)

    Σ_z p(z) p(x|z) = p(x), symbol by symbol.
    """
    z, back = schemes.posterior(case.source.probabilities, case.encoder)
    return worst(equal(a, b) for a, b in zip(z @ back, case.source.probabilities, strict=True))


@states(
    "BM19.E17",
    setting=INFORMATION,
    draw=draw_representation,
    conditions="squared error; the representation is the conditional mean itself, or any Z",
    where="equation (S17)",
    unit="squared units of X",
)
def check_posterior_distortion(case: schemes.Scheme) -> Verdict:
    """A draw from the posterior has twice the distortion of the conditional mean.

        E‖X - X~‖² = 2 E‖X - E[X|Z]‖²

    E‖X - X~‖² = 2 E‖X - E[X|Z]‖², from the joint law of (X, X~).
    """
    z, back = schemes.posterior(case.source.probabilities, case.encoder)
    joint = (back.T * z) @ back
    sampled = float(np.vdot(joint, schemes.squared(case.source.points, case.source.points)))
    return equal(sampled, 2.0 * schemes.means(case.source.probabilities, case.source.points, case.encoder)[2])
