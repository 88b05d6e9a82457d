"""Two Gaussian laws over long blocks: Theorem 8 and equations (58) to (61)."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any, NamedTuple

import numpy as np

from rdptheory.closed_forms import gaussian, transport_gaussian
from rdptheory.closed_forms._inputs import load_sympy
from rdptheory.distortions import SquaredError
from rdptheory.sources import Gaussian
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.settings import LONG_COMMON, LONG_PRIVATE, SQUARE
from rdptheory.theorems.statement import Verdict, at_most, equal, states, worst


class Gaussians(NamedTuple):
    """Two Gaussian laws and a rate in nats."""

    source: Gaussian
    target: Gaussian
    R: float

    @property
    def moments(self) -> tuple[float, float, float]:
        """((μX - μY)², σX, σY)."""
        shift = (self.source.mean - self.target.mean) ** 2
        return shift, self.source.standard_deviation, self.target.standard_deviation


def draw_gaussians(rng: np.random.Generator, given: Given = NOTHING) -> Gaussians:
    """Random means, variances and rate."""
    schemes.needs(given, SquaredError)
    drawn, target = (Gaussian(float(rng.normal()), float(rng.uniform(0.2, 3.0))) for _ in range(2))
    source = given.part("source", Gaussian, lambda: drawn, "a scalar Gaussian source")
    return Gaussians(source, target, float(rng.uniform(0.0, 2.0)))


def formula(case: Gaussians, *, common: bool) -> float:
    """The closed form of the package."""
    return float(transport_gaussian.distortion(case.source, case.target, R=case.R, common_randomness=common))


@states(
    "LZCK22.E58",
    setting=LONG_PRIVATE,
    draw=draw_gaussians,
    conditions="squared error",
    where="equation (58)",
    unit=SQUARE,
)
def check_58(case: Gaussians) -> Verdict:
    """Gaussian distortion without common randomness.

        D = (μX-μY)² + (σX-σY)² + 2 σX σY e^{-2R}

    The three terms of the Gaussian code X - X^ - Y^ - Y at I = R, and of other splits of the correlation.
    """
    shift, s, t = case.moments
    left = np.exp(-2.0 * case.R)
    kept = np.sqrt(1.0 - left)
    terms = (s**2 + t**2) * left + shift + (kept * (s - t)) ** 2
    others = np.linspace(0.0, 1.0, 21)  # correlation of X^ with Y^
    coded = shift + s**2 + t**2 - 2.0 * s * t * others * kept**2
    return worst([equal(terms, formula(case, common=False)), at_most(formula(case, common=False), float(coded.min()))])


@states(
    "LZCK22.E59",
    setting=LONG_PRIVATE,
    draw=draw_gaussians,
    conditions="squared error",
    where="equation (59)",
    unit=SQUARE,
)
def check_59(case: Gaussians) -> Verdict:
    """For Gaussians the upper bound is tight.

        D_mse(X) + W2²(X^*,Y^*) + D_mse(Y) = D

    D_mse(X) + D_mse(Y) + W2² of N(μ, σ²(1 - e^{-2R})) on both sides, W2² from quantiles.
    """
    shift, s, t = case.moments
    left = np.exp(-2.0 * case.R)
    moved = shift + (1.0 - left) * (s - t) ** 2
    return equal((s**2 + t**2) * left + moved, formula(case, common=False))


@states(
    "LZCK22.E60",
    setting=LONG_PRIVATE,
    draw=draw_gaussians,
    conditions="squared error",
    where="equation (60)",
    unit=SQUARE,
)
def check_60(case: Gaussians) -> Verdict:
    """The lower bound for Gaussians.

        D >= (σX² + σY²) e^{-2R}

    Shannon's D(R) of both sides, a lower bound.
    """
    _, s, t = case.moments
    alone = sum(float(gaussian.distortion(v**2, case.R, inf)) for v in (s, t))
    return worst(
        [
            equal(alone, float(transport_gaussian.lower(case.source, case.target, R=case.R))),
            at_most(alone, formula(case, common=False)),
        ]
    )


@states(
    "LZCK22.E61",
    setting=LONG_COMMON,
    draw=draw_gaussians,
    conditions="squared error",
    where="equation (61)",
    unit=SQUARE,
)
def check_61(case: Gaussians) -> Verdict:
    """Gaussian distortion with common randomness.

        D = (μX-μY)² + σX² + σY² - 2 σX σY √(1 - e^{-2R})

    The Gaussian pair with I(X;Y) = R; from a law to itself D(P=0) of the rate-distortion-perception function.
    """
    shift, s, t = case.moments
    low, high = 0.0, s * t  # covariances of X and Y: I grows with them, E(X-Y)² falls
    for _ in range(200):
        middle = 0.5 * (low + high)
        kept = 1.0 - (middle / (s * t)) ** 2  # det of the covariance over its greatest value
        low, high = (middle, high) if kept > 0.0 and -0.5 * np.log(kept) <= case.R else (low, middle)
    itself = case._replace(target=case.source)
    return worst(
        [
            equal(formula(case, common=True), shift + s**2 + t**2 - 2.0 * low),
            equal(formula(itself, common=True), float(gaussian.distortion(s**2, case.R, 0.0))),
            at_most(formula(case, common=True), formula(case, common=False)),
        ]
    )


@states(
    "LZCK22.T8",
    setting="long blocks, Gaussian, with and without common randomness",
    draw=draw_gaussians,
    conditions="squared error",
    where="Theorem 8",
    unit=SQUARE,
)
def check_eighth(case: Gaussians) -> Verdict:
    """All Gaussian distortions.

        (58), (59), (60), (61)

    (58) to (61).
    """
    return worst([check_58(case), check_59(case), check_60(case), check_61(case)])


@check_eighth.proved
@check_58.proved
@check_61.proved
def prove_gaussian() -> Iterator[Any]:
    """(58) from its three terms, (61) from the covariance at I(X;Y) = R, both against the package's expression."""
    sp = load_sympy()
    R, s, t = sp.symbols("R s t", positive=True)
    m, n = sp.symbols("m n", real=True)
    printed = transport_gaussian.symbolic()
    names = {"R": R, "s_X": s, "s_Y": t, "m_X": m, "m_Y": n}
    printed = printed.subs({symbol: names[symbol.name] for symbol in printed.free_symbols if symbol.name in names})
    private, common = (printed.subs("R_c", value) for value in (0, sp.oo))
    left = sp.exp(-2 * R)
    three = (s**2 + t**2) * left + (m - n) ** 2 + (s - t) ** 2 * (1 - left)
    v = sp.Symbol("v", positive=True)  # 1 - e^{-2R}, so that √(v²) = v
    yield sp.expand((three - private).subs(left, 1 - v))
    covariance = sp.Matrix([[s**2, s * t * sp.sqrt(1 - left)], [s * t * sp.sqrt(1 - left), t**2]])
    yield sp.simplify(sp.exp(-2 * R) - covariance.det() / (s**2 * t**2))
    yield sp.simplify((m - n) ** 2 + covariance.trace() - 2 * covariance[0, 1] - common)
