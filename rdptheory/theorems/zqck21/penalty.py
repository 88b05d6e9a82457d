"""Which sources have one representation for the whole tradeoff: Theorem 3 and Proposition 1."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, log, sqrt
from typing import Any, NamedTuple

import numpy as np

from rdptheory.closed_forms import bernoulli, gaussian
from rdptheory.closed_forms._inputs import load_sympy
from rdptheory.couplings import optimal_transport
from rdptheory.distortions import Hamming, SquaredError
from rdptheory.information import binary_entropy
from rdptheory.representations import rate_penalty, universal_rate
from rdptheory.sources import Bernoulli, Gaussian
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.schemes import TV, W2
from rdptheory.theorems.settings import INFORMATION
from rdptheory.theorems.statement import Verdict, at_most, equal, exceeds, states, worst
from rdptheory.theorems.zqck21.coins import Points, extremes
from rdptheory.theorems.zqck21.normal import check_kl, check_normal
from rdptheory.units import bits_to_nats


class Decoders(NamedTuple):
    """Z jointly Gaussian with X at rate R, and the limits P of its decoders."""

    variance: float
    R: float
    limits: tuple[float, ...]
    sign: float


def draw_decoders(rng: np.random.Generator, given: Given = NOTHING) -> Decoders:
    """Perception limits up to Shannon's."""
    schemes.needs(given, SquaredError)
    variance, R = schemes.variance(given, lambda: float(rng.uniform(0.3, 3.0))), float(rng.uniform(0.05, 1.5))
    most = variance * (1.0 - sqrt(-np.expm1(-2.0 * R))) ** 2
    return Decoders(
        variance, R, tuple(float(most * share) for share in rng.uniform(0.0, 1.0, 3)), rng.choice([-1.0, 1.0])
    )


@states(
    "ZQCK21.T3",
    setting=INFORMATION,
    draw=draw_decoders,
    conditions="scalar Gaussian, squared error, W2²",
    where="Theorem 3, equations (6)-(8), (19)-(21)",
)
def check_gaussian(case: Decoders | Points) -> Verdict:
    """Gaussian representations are universal: no rate penalty for any Θ.

        A(Θ) = R(Θ) - sup R(D,P) = 0,   Y = μ + sign(ρ) (σ - √P)/σ_Z (Z - μ_Z)

    Moments of Y = sign(ρ)(σ - √P)/σ_Z Z: rate, distortion and perception on the tradeoff, so A(Θ) = 0.
    """
    if isinstance(case, Points):
        return at_most(rate_penalty(case.source, Hamming(), TV, case.points), 0.0)
    v, R = case.variance, case.R
    rho = case.sign * sqrt(-np.expm1(-2.0 * R))
    parts = [equal(-0.5 * log(1.0 - rho**2), R)]
    points = []
    for P in case.limits:
        scale = np.sign(rho) * (sqrt(v) - sqrt(P))  # Var Z = 1
        D = v + scale**2 - 2.0 * scale * rho * sqrt(v)
        points.append((D, P))
        parts += [equal((sqrt(v) - abs(scale)) ** 2, P), equal(float(gaussian.rate(v, D, P)), R)]
    parts.append(equal(universal_rate(Gaussian(0.0, v), SquaredError(), W2, points).bounds, R))
    return worst(parts)


@check_gaussian.fails("bernoulli")
def printed_coin(_: np.random.Generator) -> Points:
    """Bernoulli(0.2), Hamming, total variation, the ends of the tradeoff at 0.1 bit: R(Θ) = 0.124287 bit."""
    return Points(Bernoulli(0.2), extremes(0.2, bits_to_nats(0.1)))


@check_gaussian.fails("biased", once=False)
def biased(rng: np.random.Generator) -> Points:
    """and at other p below ½."""
    p = float(rng.uniform(0.15, 0.35))
    return Points(Bernoulli(p), extremes(p, 0.3 * float(binary_entropy(p))))


def draw_coin_tradeoff(rng: np.random.Generator, given: Given = NOTHING) -> Points:
    """A fair or a biased coin at the ends of a tradeoff."""
    schemes.needs(given, Hamming)
    p = schemes.coin(given, lambda: 0.5 if rng.uniform() < 0.3 else float(rng.uniform(0.15, 0.4)))
    return Points(Bernoulli(p), extremes(p, float(rng.uniform(0.2, 0.6)) * float(binary_entropy(p))))


@states(
    "ZQCK21.P1",
    setting=INFORMATION,
    draw=draw_coin_tradeoff,
    conditions="sup of R(D,P) over Ω(R) is R, infimum attained; seen on Bernoulli(p): both at p = ½, neither below",
    where="Proposition 1",
    unit="nats and probability",
)
def check_equivalence(case: Points) -> Verdict:
    """There is no rate penalty exactly if one representation serves the whole tradeoff.

        A(Ω(R)) = 0  <=>  Ω(p_{Z|X}) = Ω(R) for some Z with I(X;Z) = R

    No penalty and a representation that serves the whole tradeoff (p = ½), or neither (p < ½).

    At an end of the tradeoff the optimal representation is Shannon's; the best decoder from it with p_Y = p_X either
    reaches D(R, 0) or does not.
    """
    p = case.source.p
    (D3, _), (D1, _) = case.points
    penalty = rate_penalty(case.source, Hamming(), TV, case.points)
    z, back = schemes.posterior(case.source.probabilities, bernoulli.channel(p, D1, inf))
    served = optimal_transport(z, case.source.probabilities, back @ (1.0 - np.eye(2))).lower
    if p == 0.5:
        return worst([equal(penalty, 0.0), equal(served, D3)])
    return worst([exceeds(penalty, 0.0), exceeds(served, D3)])


@check_normal.proved
@check_kl.proved
@check_gaussian.proved
def prove_decoder() -> Iterator[Any]:
    """Theorem 3 by substitution of the decoder, KL of two Gaussians by integration."""
    sp = load_sympy()
    s, g, r = sp.symbols("s g r", positive=True)  # g = σ - √P, r = √(1 - e^{-2R})
    Z = {"var": 1, "cov": r * s}
    D = s**2 + g**2 * Z["var"] - 2 * g * Z["cov"]
    t = (s**2 + g**2 - D) / 2
    yield sp.simplify(t**2 / (s**2 * g**2) - r**2)  # the rate of the first branch is -log(1 - r²)/2 = R
    v, w = sp.symbols("v w", positive=True)
    x = sp.Symbol("x", real=True)
    density = sp.exp(-(x**2) / (2 * w)) / sp.sqrt(2 * sp.pi * w)
    ratio = sp.expand((x**2 / v - x**2 / w) / 2)
    kl = sp.integrate(ratio * density, (x, -sp.oo, sp.oo)) + sp.log(v / w) / 2
    yield sp.simplify(kl - (w - v) / (2 * v) - sp.log(v / w) / 2)
