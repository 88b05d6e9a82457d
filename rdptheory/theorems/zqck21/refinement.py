"""Refining a representation: Theorems 6 and 7, Remark 1."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, log, sqrt
from typing import Any, NamedTuple

import numpy as np

from rdptheory.closed_forms import bernoulli
from rdptheory.closed_forms._inputs import load_sympy
from rdptheory.distortions import Hamming, SquaredError
from rdptheory.information import binary_entropy, mutual_information
from rdptheory.representations.refinement import refinement_bound
from rdptheory.sources import Bernoulli
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.settings import BLOCKS
from rdptheory.theorems.statement import Verdict, at_most, equal, states, worst
from rdptheory.units import nats_to_bits


class Stages(NamedTuple):
    """Variance and the two rates of a Gaussian."""

    variance: float
    R1: float
    R2: float


def draw_stages(rng: np.random.Generator, given: Given = NOTHING) -> Stages:
    """R1 <= R2."""
    low, high = sorted(rng.uniform(0.0, 2.0, 2))
    return Stages(schemes.variance(given, lambda: float(rng.uniform(0.3, 3.0))), float(low), float(high))


@states(
    "ZQCK21.T6",
    setting=BLOCKS,
    draw=draw_stages,
    conditions="scalar Gaussian, squared error, W2², R(Θ1) <= R(Θ2)",
    where="Theorem 6",
)
def check_refinement(case: Stages) -> Verdict:
    """Gaussian representations can be refined without loss.

        Z2 = Z1 + N1, X = Z2 + N2:   I(X;Z1) = R(Θ1),  I(X;Z1,Z2) = R(Θ2)

    I(X;Z1) and I(X;Z1,Z2) from the covariance of Z1, Z2 = Z1 + N1, X = Z2 + N2.
    """
    v = case.variance
    one, two = v * -np.expm1(-2.0 * case.R1), v * -np.expm1(-2.0 * case.R2)
    covariance = np.array([[v, one, two], [one, one, one], [two, one, two]])

    def information(*which: int) -> float:
        used = list(which)
        left = v - float(covariance[0, used] @ np.linalg.pinv(covariance[np.ix_(used, used)]) @ covariance[used, 0])
        return -0.5 * log(left / v)

    return worst([equal(information(1), case.R1), equal(information(1, 2), case.R2)])


class Refined(NamedTuple):
    """A coin, its Θ1 and Θ2 of one point each, a noise variance and a factor on the term m/2."""

    p: float
    first: tuple[float, float]
    second: tuple[float, float]
    w: float


def draw_refined(rng: np.random.Generator, given: Given = NOTHING) -> Refined:
    """Θ2 asks for less distortion, mostly; the noise is the one of Remark 1, or any."""
    schemes.needs(given, Hamming, SquaredError)
    p = schemes.coin(given, lambda: float(rng.uniform(0.15, 0.5)))
    D = sorted((p * (1.0 - p) * float(share) for share in rng.uniform(0.1, 0.9, 2)), reverse=True)
    v = p * (1.0 - p)
    w = v * D[0] / (v - D[0]) if rng.uniform() < 0.5 else float(rng.uniform(0.02, 2.0))
    P = [float(rng.choice([0.0, 0.2 * p, inf])) for _ in range(2)]
    return Refined(p, (D[0], P[0]), (D[1], P[1]), w)


def real_rate(p: float, D: float) -> float:
    """R(D,∞) in nats of Bernoulli(p) under squared error with reconstructions anywhere."""
    v = p * (1.0 - p)
    return max(0.0, float(binary_entropy(p) - binary_entropy(0.5 - sqrt(0.25 - min(D, v)))))


def penalty_bound(case: Refined) -> float:
    """δ(w) with R(·,∞) on the reals, m = 1."""
    v = case.p * (1.0 - case.p)
    (D1, P1), (D2, _) = case.first, case.second
    return (
        float(bernoulli.rate(case.p, D1, P1))
        - real_rate(case.p, v * case.w / (v + case.w))
        + 0.5 * log((D1 + case.w) * (D2 + case.w) / case.w**2)
    )


@states(
    "ZQCK21.T7",
    setting=BLOCKS,
    draw=draw_refined,
    conditions="squared error, R(·,∞) with reconstructions anywhere, D2 the least distortion in Θ2; on Bernoulli "
    "sources",
    where="Theorem 7",
)
def check_approximate(case: Refined) -> Verdict:
    """Refinement of any source costs at most δ(w) more.

        I(X;Z1,Z2) <= R(Θ2) + R(Θ1) - R(σ²w/(σ²+w),∞) + m/2 log((D1+w)(D2+w)/w²) for every w > 0

    I(X;Z1,Z2) for the optimal Z1 and Z2 taken independent given X, against R(Θ2) + δ(w), at that w and the best.
    """
    law = Bernoulli(case.p).probabilities
    one, two = (bernoulli.channel(case.p, *point) for point in (case.first, case.second))
    used = mutual_information(law, (one[:, :, None] * two[:, None, :]).reshape(2, -1))
    alone = float(bernoulli.rate(case.p, *case.second))
    (D1, P1), (D2, _) = case.first, case.second
    least, w = refinement_bound(
        float(bernoulli.rate(case.p, D1, P1)), lambda D: real_rate(case.p, D), case.p * (1.0 - case.p), D1, D2
    )
    return worst(
        [
            at_most(used, alone + penalty_bound(case)),
            at_most(used, alone + least),
            equal(least, penalty_bound(case._replace(w=w))),
        ]
    )


def draw_remark(rng: np.random.Generator, given: Given = NOTHING) -> Refined:
    """Θ1 on Shannon's function over the reals, D2 <= D1, and the noise of the remark."""
    case = draw_refined(rng, given)
    v, D1 = case.p * (1.0 - case.p), case.first[0]
    return case._replace(w=v * D1 / (v - D1))


@states(
    "ZQCK21.R1",
    setting=BLOCKS,
    draw=draw_remark,
    conditions="the last: R(Θ1) = R(D1,∞), D2 <= D1",
    where="Remark 1, equation (13)",
    unit="nats, then bits",
)
def check_remark(case: Refined) -> Verdict:
    """At w = σ²D1/(σ²-D1) the extra rate is explicit, and at most m bits.

        δ = R(Θ1) - R(D1,∞) + m/2 log((σ²(D1+D2) - D1D2)(2σ²-D1)/(σ⁴D1))

    The closed form of δ at that noise, and at most one bit if R(Θ1) = R(D1,∞).
    """
    v, D1, D2 = case.p * (1.0 - case.p), case.first[0], case.second[0]
    extra = 0.5 * log((v * (D1 + D2) - D1 * D2) * (2.0 * v - D1) / (v**2 * D1))
    printed = float(bernoulli.rate(case.p, *case.first)) - real_rate(case.p, D1) + extra
    return worst([equal(penalty_bound(case), printed), at_most(nats_to_bits(extra), 1.0)])


@check_remark.fails("coarser")
def coarse(_: np.random.Generator) -> Refined:
    """D2 = 0.2 above D1 = 0.02 costs more than a bit."""
    return Refined(0.5, (0.02, inf), (0.2, inf), 0.25 * 0.02 / 0.23)


@check_remark.proved
def prove_remark() -> Iterator[Any]:
    """(13): the noise v D1/(v - D1) put into δ, and its largest value 4 at D2 = D1 -> 0."""
    sp = load_sympy()
    v, a, b = sp.symbols("v D_1 D_2", positive=True)
    w = v * a / (v - a)
    yield sp.simplify(v * w / (v + w) - a)
    inner = sp.simplify((a + w) * (b + w) / w**2)
    yield sp.simplify(inner - (v * (a + b) - a * b) * (2 * v - a) / (v**2 * a))
    yield sp.limit(inner.subs(b, a), a, 0) - 4


@check_refinement.proved
def prove_refinement() -> Iterator[Any]:
    """Theorem 6 from the covariance: given Z2, Z1 adds nothing."""
    sp = load_sympy()
    v, a, b = sp.symbols("v a b", positive=True)  # a = e^{-2R1}, b = e^{-2R2}
    one, two = v * (1 - a), v * (1 - b)
    inner = sp.Matrix([[one, one], [one, two]])
    cross = sp.Matrix([one, two])
    yield sp.simplify(v - one - v * a)
    yield sp.simplify(v - (cross.T * inner.inv() * cross)[0] - v * b)
