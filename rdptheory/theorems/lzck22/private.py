"""One letter without common randomness: Theorems 1 and 2, Lemmas 1 and 2."""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.errors import InvalidInput
from rdptheory.information import entropy
from rdptheory.plans import PrivatePlan
from rdptheory.sources import Bernoulli
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.lzck22.pairs import Pair, bounds_of, draw_pair, three_terms
from rdptheory.theorems.settings import ONE_PRIVATE, SQUARE
from rdptheory.theorems.statement import Verdict, at_most, equal, exceeds, states, worst
from rdptheory.theorems.ywyml21 import check_twofold, deterministic, draw_line
from rdptheory.transport_solution import TransportSolution

FALLS = 1e-4
"""Squared units: what D has to lose to rates beyond R, so that the solver's bracket shows that it falls there."""
TRIES = 100
"""Pairs of laws: of those that are drawn more than half will do; with a given source that is too narrow none does."""


def check_deconstruction(case: Pair) -> Verdict:
    """Three terms add up at the optimal plan, and quantising each side alone bounds the distortion on both sides."""
    answer = case.transport(common=False)
    low, high = bounds_of(case)
    return worst(
        [
            at_most(low, answer.bounds),
            at_most(answer.bounds, high),
            equal(three_terms(case, answer), answer.distortion),
        ]
    )


def check_tight(case: Pair) -> Verdict:
    """The upper bound is attained."""
    return equal(case.transport(common=False).bounds, bounds_of(case)[1])


def draw_first(rng: np.random.Generator, given: Given = NOTHING) -> Pair:
    """Two laws, or one law twice."""
    case = draw_pair(rng, given)
    return case if rng.uniform() < 0.7 else case._replace(target=case.source, R=0.8 * case.R)


@states(
    "LZCK22.T1",
    setting=ONE_PRIVATE,
    draw=draw_first,
    conditions="squared error",
    where="Theorem 1, (7), (8)",
    unit=SQUARE,
)
def check_first(case: Pair) -> Verdict:
    """The distortion is that of quantising, converting and dequantising; quantising each side alone bounds it.

        D = E‖X-X^‖² + E‖X^-Y^‖² + E‖Y^-Y‖²,   D_mse(X) + D_mse(Y) <= D <= D_mse(X) + W2²(X^*,Y^*) + D_mse(Y), both
        equal to D if p_X = p_Y

    Theorem 1; the case of two equal laws asks for tightness.
    """
    return check_tight(case) if case.source is case.target else check_deconstruction(case)


@states(
    "LZCK22.T1-deterministic",
    setting=ONE_PRIVATE,
    draw=draw_line,
    conditions="squared error; encoders may split an atom",
    where="Theorem 1 with p_X = p_Y",
    unit=SQUARE,
)
def check_t1_deterministic(case: Any) -> Verdict:
    """D_mse is the least over random encoders.

    D(p_X, p_X, R) = 2 D_mse(p_X, R)
    """
    return check_twofold(case)


@check_t1_deterministic.fails("hard-rate")
def hard_rate_case(_: np.random.Generator) -> Any:
    """0.8 bit, .4 .2 .4 at 0, .3, 1: deterministic .2, random .1128."""
    return deterministic(_)


def draw_scheme(rng: np.random.Generator, given: Given = NOTHING) -> schemes.Scheme:
    """A random encoder and decoder, no matched law."""
    return schemes.scheme(rng, given, dimension=int(rng.integers(1, 3)))


class Transported(NamedTuple):
    """Two laws and a rate, with the transport between them."""

    pair: Pair
    answer: TransportSolution

    @classmethod
    def of(cls, pair: Pair) -> Transported:
        """One letter, without common randomness."""
        return cls(pair, pair.transport(common=False))


def draw_falling(rng: np.random.Generator, given: Given = NOTHING) -> Transported:
    """A rate at which D is still above the cost of transport without a rate limit."""
    for _ in range(TRIES):
        case = Transported.of(draw_pair(rng, given))
        x, y = case.pair.source, case.pair.target
        least = schemes.line_transport(x.points, x.probabilities, y.points, y.probabilities)
        if case.answer.bounds.lower > least + FALLS:
            return case
    raise InvalidInput("source", given.source, f"the statement needs that D falls at R: here by {FALLS:g} beyond R")


@states(
    "LZCK22.T2",
    setting=ONE_PRIVATE,
    draw=draw_falling,
    conditions="squared error; D strictly decreasing at R",
    where="Theorem 2, (9), (10)",
    unit="nats and squared units of X",
)
def check_bijection(case: Transported) -> Verdict:
    """At the optimum both reconstructions use all of the rate, are optimally coupled, and determine each other.

        H(X^) = H(Y^) = R,   E‖X^ - Y^‖² = W2²(p_X^, p_Y^),   X^ ↔ Y^

    At the optimum X^ and Y^ use all of the rate, are optimally coupled, and determine each other.
    """
    pair, plan = case.pair, case.answer.plan
    assert isinstance(plan, PrivatePlan)
    p = pair.source.probabilities
    z = p @ plan.encoder
    held = z > 1e-12
    centre = schemes.means(p, pair.source.points, plan.encoder[:, held])[1]
    other = plan.decoder[held] @ pair.target.points
    spread = min(_least_distance(centre), _least_distance(other))
    moved = schemes.line_transport(centre, z[held], other, z[held])
    return worst(
        [
            equal(entropy(z), pair.R),
            exceeds(spread, 0.0),
            equal(float(z[held] @ np.square(centre - other)), moved),
        ]
    )


@check_bijection.fails("saturated")
def saturated(_: np.random.Generator) -> Transported:
    """above the entropy D no longer falls and rate is left over (Bernoulli(0.3) at 0.65 nat)."""
    return Transported.of(Pair(Bernoulli(0.3), Bernoulli(0.3), 0.65))


def _least_distance(points: FloatArray) -> float:
    return float(np.diff(np.sort(points)).min()) if points.size > 1 else inf


@states(
    "LZCK22.L1",
    setting=ONE_PRIVATE,
    draw=draw_pair,
    conditions="squared error; on finite alphabets |X| + |Y| values are enough",
    where="Lemma 1",
    unit=SQUARE,
)
def check_first_lemma(case: Pair) -> Verdict:
    """Finite supports come as near to the least distortion as one likes.

        E‖X-X^‖² + E‖X^-Y^‖² + E‖Y^-Y‖² <= D + ε,   H(X^) <= R,   |supp X^| < ∞

    The plan within 1e-9 of the least distortion keeps the rate and uses no more values of Z than |X| + |Y|.
    """
    answer = case.transport(common=False)
    plan = answer.plan
    assert isinstance(plan, PrivatePlan)
    z = case.source.probabilities @ plan.encoder
    return worst(
        [
            at_most(float((z > 0.0).sum()), case.source.size + float(case.target.size)),
            at_most(entropy(z), case.R),
            equal(three_terms(case, answer), answer.bounds),
        ]
    )


@states(
    "LZCK22.L2",
    setting=ONE_PRIVATE,
    draw=draw_scheme,
    conditions="X - X^ - Y, conditional means; finite support",
    where="Lemma 2",
    unit=SQUARE,
)
def check_second_lemma(case: schemes.Scheme) -> Verdict:
    """Y^ may be taken a function of X^: the three terms do not change.

        E‖X-X^‖² + E‖X^-Y~‖² + E‖Y~-Y‖² = E‖X-Y‖²,   Y~ = E[Y|X^]

    Y~ = E[Y|Z] is a function of Z, and the three terms are the same as with any further split.
    """
    p, x = case.source.probabilities, case.source.points
    z = p @ case.encoder
    held = z > 0.0
    _, centre, quantise = schemes.means(p, x, case.encoder)
    decoder, y = case.decoder[held], case.y
    other = decoder @ y
    convert = float(z[held] @ np.square((centre - other).reshape(len(other), -1)).sum(axis=1))
    dequantise = float(z[held] @ (decoder * schemes.squared(other, y)).sum(axis=1))
    return equal(quantise + convert + dequantise, schemes.scheme_distortion(case))
