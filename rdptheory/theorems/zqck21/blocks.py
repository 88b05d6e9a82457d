"""Long blocks: Theorems 8 and 9, Remark 2."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.distortions import Hamming
from rdptheory.divergences import Divergence
from rdptheory.information import mutual_information
from rdptheory.representations import universal_rate
from rdptheory.sources import Bernoulli
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.schemes import TV
from rdptheory.theorems.settings import BLOCKS
from rdptheory.theorems.statement import Verdict, at_most, states, worst
from rdptheory.theorems.zqck21.one_shot import shared_code
from rdptheory.units import nats_to_bits


class BlockCode(NamedTuple):
    """A binary source, two letters, p(u|x1,x2) and two decoders p(y|u) for each letter; P measured on the mean law."""

    source: Bernoulli
    encoder: FloatArray
    decoders: FloatArray


def draw_block_code(rng: np.random.Generator, given: Given = NOTHING) -> BlockCode:
    """Three messages; one decoder guesses the likelier letter, the other draws from the posterior, both with noise."""
    schemes.needs(given, Hamming)
    law = Bernoulli(schemes.coin(given, lambda: float(rng.uniform(0.15, 0.5))))
    p = np.outer(law.probabilities, law.probabilities).ravel()
    encoder = 0.9 * np.eye(3)[rng.permutation([0, 1, 2, int(rng.integers(3))])] + 0.1 * schemes.channel(rng, 4, 3)
    back = schemes.posterior(p, encoder)[1].reshape(3, 2, 2)
    letters = np.array([back.sum(axis=2), back.sum(axis=1)])
    clean = np.array([np.eye(2)[letters.argmax(axis=2)], letters])
    return BlockCode(law, encoder, 0.97 * clean + 0.03 * rng.dirichlet(np.ones(2), size=(2, 2, 3)))


def served(case: BlockCode, k: int) -> tuple[float, float]:
    """Mean distortion and perception of the mean law of decoder k."""
    p = case.source.probabilities
    joints = []
    for letter in range(2):
        first = np.repeat(np.arange(2), 2) if letter == 0 else np.tile(np.arange(2), 2)
        blocks = np.outer(p, p).ravel()
        joint = np.zeros((2, 2))
        np.add.at(joint, first, blocks[:, None] * (case.encoder @ case.decoders[k, letter]))
        joints.append(joint)
    mean = 0.5 * (joints[0] + joints[1])
    return float(mean[0, 1] + mean[1, 0]), TV.value(p, mean.sum(axis=0))


@states(
    "ZQCK21.T8",
    setting=BLOCKS,
    draw=draw_block_code,
    conditions="δ convex in its second argument or imposed on the mean law; independent letters",
    where="Theorem 8",
)
def check_blocks(case: BlockCode) -> Verdict:
    """Over long blocks R(Θ) is the rate, and the overhead of one shot vanishes.

        I(X^n;U)/n >= R(Θ) for every code,   (log2(nR+1) + 5)/n -> 0

    I(X²;U)/2 >= R(Θ) for the Θ that the decoders reach, and so is the length of the shared code of the two letters.
    """
    p = case.source.probabilities
    points = tuple(served(case, k) for k in range(2))
    solution = universal_rate(case.source, Hamming(), TV, points)
    blocks = np.outer(p, p).ravel()
    used = 0.5 * mutual_information(blocks, case.encoder)
    rng = np.random.default_rng(np.random.SeedSequence(np.round(case.encoder.ravel() * 1e9).astype(int).tolist()))
    code = shared_code(blocks, case.encoder, rng)
    return worst(
        [
            at_most(solution.bounds, used),
            at_most(nats_to_bits(solution.bounds.lower), 0.5 * (code.length + code.spread)),
            *code.parts,
        ]
    )


@states(
    "ZQCK21.T9",
    setting=BLOCKS,
    draw=draw_block_code,
    conditions="as for Theorem 8",
    where="Theorem 9",
)
def check_stage_blocks(case: BlockCode) -> Verdict:
    """The two-stage region over long blocks.

        R1 >= R(Θ1),  R1 + R2 >= I(X;Z1,Z2) >= R(Θ1 ∪ Θ2) for every code

    U1 = 0 or not, then U: I(X²;U1)/2 >= R(Θ1) and I(X²;U1,U)/2 >= R(Θ1 ∪ Θ2), U1 serving one decoder only.
    """
    p = case.source.probabilities
    merge = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    blocks = np.outer(p, p).ravel()
    coarse_decoder = case.decoders[:, :, :2]
    first = BlockCode(case.source, case.encoder @ merge, coarse_decoder)
    one, two = served(first, 0), served(case, 1)
    alone = universal_rate(case.source, Hamming(), TV, [one]).bounds
    together = universal_rate(case.source, Hamming(), TV, [one, two]).bounds
    return worst(
        [
            at_most(alone, 0.5 * mutual_information(blocks, first.encoder)),
            at_most(together, 0.5 * mutual_information(blocks, case.encoder)),
        ]
    )


class Letters(NamedTuple):
    """A reference law and the laws of n letters."""

    points: FloatArray
    reference: FloatArray
    laws: FloatArray
    divergence: Divergence
    root: bool = False


def draw_letters(rng: np.random.Generator, given: Given = NOTHING) -> Letters:
    """Any divergence of the package."""
    mine = schemes.source(rng, given=given)
    drawn = schemes.DIVERGENCES[int(rng.integers(len(schemes.DIVERGENCES)))]
    divergence = given.part("perception", object, lambda: drawn, "a divergence")
    laws = np.array([schemes.law(rng, mine.size) for _ in range(3)])
    return Letters(mine.points, mine.probabilities, laws, divergence)


@states(
    "ZQCK21.R2",
    setting=BLOCKS,
    draw=draw_letters,
    conditions="δ convex in its second argument",
    where="Remark 2",
    unit="perception",
)
def check_letters(case: Letters) -> Verdict:
    """A limit on the mean perception of the letters implies one on the perception of their mean law.

        δ(p, 1/n Σ p_i) <= 1/n Σ δ(p, p_i)

    δ of the mean law <= mean δ.
    """
    divergence = case.divergence.on(case.points)
    power = 0.5 if case.root else 1.0
    each = [divergence.value(case.reference, law) ** power for law in case.laws]
    return at_most(divergence.value(case.reference, case.laws.mean(axis=0)) ** power, float(np.mean(each)))


@check_letters.fails("root-tv")
def root_letters(_: np.random.Generator) -> Letters:
    """δ = √TV."""
    reference = np.array([0.7, 0.3])
    return Letters(np.arange(2.0), reference, np.array([reference, [0.1, 0.9]]), TV, root=True)
