"""Long blocks: Theorems 5, 6 and 7."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.distortions import SquaredError, Table
from rdptheory.divergences import TotalVariation
from rdptheory.information import entropy, inverse_binary_entropy, mutual_information
from rdptheory.solve import rdp
from rdptheory.sources import DiscreteSource, Pmf
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.lzck22.pairs import Pair, three_terms
from rdptheory.theorems.settings import LONG_COMMON, LONG_PRIVATE, SQUARE
from rdptheory.theorems.statement import Verdict, at_most, equal, states, worst


def draw_binary_pair(rng: np.random.Generator, given: Given = NOTHING) -> Pair:
    """Two laws on two points each."""
    schemes.needs(given, SquaredError)
    laws = [schemes.source(rng, 2, given=given, exactly=2), schemes.source(rng, 2)]
    ceiling = min(entropy(law.probabilities) for law in laws)
    return Pair(laws[0], laws[1], ceiling * float(rng.uniform(0.05, 0.8)))


class Long(NamedTuple):
    """A code X - Z - Y between two-point laws."""

    source: DiscreteSource
    encoder: FloatArray
    decoder: FloatArray


def draw_long(rng: np.random.Generator, given: Given = NOTHING) -> Long:
    """A random binary code."""
    schemes.needs(given, SquaredError)
    return Long(schemes.source(rng, 2, given=given, exactly=2), schemes.channel(rng, 2, 2), schemes.channel(rng, 2, 2))


@states(
    "LZCK22.T5",
    setting=LONG_PRIVATE,
    draw=draw_long,
    conditions="any distortion; checked on two-point laws under squared error",
    where="Theorem 5",
    unit=SQUARE,
)
def check_fifth(case: Long) -> Verdict:
    """Over long blocks the rate is the larger of the two informations.

        E d >= D(max(I(X;Z), I(Y;Z))) for every X - Z - Y; at most the distortion of one letter

    Any code X - Z - Y has E d >= the long-block distortion at max(I(X;Z), I(Y;Z)), which is below one letter's.
    """
    p, x = case.source.probabilities, case.source.points
    z = p @ case.encoder
    q = Pmf.from_weights(z @ case.decoder, x)
    rate = max(mutual_information(p, case.encoder), mutual_information(z, case.decoder))
    pair = Pair(case.source, q, rate)
    reached = float(np.vdot(p[:, None] * (case.encoder @ case.decoder), schemes.squared(x, x)))
    found = pair.transport(common=False, asymptotic=True).bounds
    return worst([at_most(found, reached), at_most(found, pair.transport(common=False).bounds)])


def long_quantisation(law: DiscreteSource, R: float) -> tuple[float, float]:
    """(δ, D_mse) of a law on two points over long blocks: posteriors δ and 1-δ with Hb(δ) = H - R."""
    delta = inverse_binary_entropy(max(0.0, entropy(law.probabilities) - R))
    return delta, delta * (1.0 - delta) * float(np.diff(law.points)[0]) ** 2


def long_reconstruction(law: DiscreteSource, R: float) -> tuple[FloatArray, FloatArray]:
    """(points, law) of the best X^ over long blocks."""
    delta = long_quantisation(law, R)[0]
    share = (law.probabilities[1] - delta) / (1.0 - 2.0 * delta)
    return law.points[0] + np.diff(law.points)[0] * np.array([delta, 1.0 - delta]), np.array([1.0 - share, share])


@states(
    "LZCK22.T6",
    setting=LONG_PRIVATE,
    draw=draw_binary_pair,
    conditions="squared error; two-point laws, where D_mse = δ(1-δ), Hb(δ) = H - R",
    where="Theorem 6, (55), (56)",
    unit=SQUARE,
)
def check_sixth(case: Pair) -> Verdict:
    """Theorem 1 over long blocks.

        D_mse(X) + D_mse(Y) <= D <= D_mse(X) + W2²(X^*,Y^*) + D_mse(Y);   D = 2 D_mse if p_X = p_Y

    The bounds by quantising each side alone; tight for equal laws.
    """
    parts = [long_quantisation(law, case.R)[1] for law in (case.source, case.target)]
    (x, p), (y, q) = (long_reconstruction(law, case.R) for law in (case.source, case.target))
    answer = case.transport(common=False, asymptotic=True)
    twice = case._replace(target=case.source).transport(common=False, asymptotic=True).bounds
    return worst(
        [
            at_most(sum(parts), answer.bounds),
            at_most(answer.bounds, sum(parts) + schemes.line_transport(x, p, y, q)),
            equal(three_terms(case, answer), answer.distortion),
            equal(twice, 2.0 * parts[0]),
        ]
    )


class Itself(NamedTuple):
    """Any law and table: D_cr over long blocks from the law to itself, against R(D, 0)."""

    source: DiscreteSource
    R: float


def draw_itself(rng: np.random.Generator, given: Given = NOTHING) -> Itself:
    """A rate below the entropy."""
    schemes.needs(given, SquaredError)
    law = schemes.source(rng, given=given)
    return Itself(law, entropy(law.probabilities) * float(rng.uniform(0.05, 0.95)))


@states(
    "LZCK22.T7",
    setting=LONG_COMMON,
    draw=draw_itself,
    conditions="squared error here",
    where="Theorem 7",
    unit="nats and squared units of X",
)
def check_seventh(case: Itself) -> Verdict:
    """Over long blocks with common randomness the rate is the information of the pair.

        D(R) = min { E d : I(X;Y) <= R }, so R(D(R), 0) = R from a law to itself

    D(R) of entropic transport put into R(D,0) gives R back; common randomness and blocks only help.
    """
    pair = Pair(case.source, case.source, case.R)
    found = pair.transport(common=True, asymptotic=True).bounds
    table = Table(SquaredError().table(case.source.points), reference=case.source.probabilities)
    low, high = (rdp(case.source, table, TotalVariation(), D=D, P=0.0).bounds for D in (found.upper, found.lower))
    one = pair.transport(common=True).bounds
    return worst(
        [
            at_most(low.lower, case.R),
            at_most(case.R, high),
            at_most(found, one),
            at_most(one, pair.transport(common=False).bounds),
        ]
    )
