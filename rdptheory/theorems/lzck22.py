"""Liu, Zhang, Chen and Khisti: entropy-constrained optimal transport [LZCK22]."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any, NamedTuple

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.closed_forms import gaussian, transport_binary, transport_gaussian, transport_uniform
from rdptheory.closed_forms._inputs import load_sympy
from rdptheory.distortions import Hamming, SquaredError, Table
from rdptheory.divergences import TotalVariation
from rdptheory.information import binary_entropy, entropy, inverse_binary_entropy, mutual_information
from rdptheory.plans import CommonPlan, PrivatePlan
from rdptheory.solve import rdp
from rdptheory.solvers.transport.common_randomness import Enumeration
from rdptheory.solvers.transport.private_randomness import QuantileCuts
from rdptheory.sources import Bernoulli, DiscreteSource, Gaussian, Pmf, Uniform
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.statement import Verdict, at_most, equal, exceeds, states, worst
from rdptheory.theorems.ywyml21 import check_twofold, deterministic, draw_line
from rdptheory.transport import constrained_transport
from rdptheory.transport_solution import TransportSolution
from rdptheory.units import bits_to_nats

ONE_PRIVATE = "one letter, H(Z) <= R, no common randomness"
ONE_COMMON = "one letter, H(Y|U) <= R, common randomness U"
LONG_PRIVATE = "long blocks, I(X;Z), I(Y;Z) <= R, no common randomness"
LONG_COMMON = "long blocks, I(X;Y) <= R, common randomness"
SQUARE = "squared units of X"


class Pair(NamedTuple):
    """Two laws on a line and a rate in nats."""

    source: DiscreteSource
    target: DiscreteSource
    R: float

    def transport(self, *, common: bool, asymptotic: bool = False, method: Any = None) -> TransportSolution:
        """The transport under squared error."""
        return constrained_transport(
            self.source,
            self.target,
            SquaredError(),
            R=self.R,
            common_randomness=common,
            asymptotic=asymptotic,
            method=method,
        )


def draw_pair(rng: np.random.Generator, given: Given = NOTHING) -> Pair:
    """Two random laws, a rate below both entropies."""
    schemes.needs(given, SquaredError)
    laws = [schemes.source(rng, 3, given=given), schemes.source(rng, 3)]
    ceiling = min(entropy(law.probabilities) for law in laws)
    return Pair(laws[0], laws[1], ceiling * float(rng.uniform(0.05, 0.95)))


def bounds_of(case: Pair) -> tuple[float, float]:
    """(D_mse(X) + D_mse(Y), the same + W2² of the two best quantised laws), by trying all quantisers."""
    parts = []
    for law in (case.source, case.target):
        p, x = law.probabilities, law.points
        parts.append(schemes.means(p, x, schemes.best_encoder(p, x, case.R)[1]))
    low = parts[0][2] + parts[1][2]
    return low, low + schemes.line_transport(parts[0][1], parts[0][0], parts[1][1], parts[1][0])


def check_deconstruction(case: Pair) -> Verdict:
    """Three terms add up at the optimal plan, and quantising each side alone bounds the distortion on both sides."""
    answer = case.transport(common=False)
    low, high = bounds_of(case)
    return worst(
        [
            at_most(low, answer.bounds),
            at_most(answer.bounds, high),
            equal(_three_terms(case, answer), answer.distortion),
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


def _three_terms(case: Pair, answer: TransportSolution) -> float:
    plan = answer.plan
    assert isinstance(plan, PrivatePlan)
    p, x, y = case.source.probabilities, case.source.points, case.target.points
    z = p @ plan.encoder
    held = z > 0.0
    _, centre, quantise = schemes.means(p, x, plan.encoder)
    decoder = plan.decoder[held]
    other = decoder @ y
    dequantise = float(z[held] @ (decoder * schemes.squared(other, y)).sum(axis=1))
    return quantise + dequantise + float(z[held] @ np.square(centre - other))


def draw_scheme(rng: np.random.Generator, given: Given = NOTHING) -> schemes.Scheme:
    """A random encoder and decoder, no matched law."""
    return schemes.scheme(rng, given, dimension=int(rng.integers(1, 3)))


def draw_falling(rng: np.random.Generator, given: Given = NOTHING) -> Pair:
    """A rate at which D is still above the cost of transport without a rate limit."""
    while True:
        case = draw_pair(rng, given)
        x, y = case.source, case.target
        least = schemes.line_transport(x.points, x.probabilities, y.points, y.probabilities)
        if case.transport(common=False).bounds.lower > least + 1e-4:
            return case


@states(
    "LZCK22.T2",
    setting=ONE_PRIVATE,
    draw=draw_falling,
    conditions="squared error; D strictly decreasing at R",
    where="Theorem 2, (9), (10)",
    unit="nats and squared units of X",
)
def check_bijection(case: Pair) -> Verdict:
    """At the optimum both reconstructions use all of the rate, are optimally coupled, and determine each other.

        H(X^) = H(Y^) = R,   E‖X^ - Y^‖² = W2²(p_X^, p_Y^),   X^ ↔ Y^

    At the optimum X^ and Y^ use all of the rate, are optimally coupled, and determine each other.
    """
    answer = case.transport(common=False)
    plan = answer.plan
    assert isinstance(plan, PrivatePlan)
    p = case.source.probabilities
    z = p @ plan.encoder
    held = z > 1e-12
    centre = schemes.means(p, case.source.points, plan.encoder[:, held])[1]
    other = plan.decoder[held] @ case.target.points
    spread = min(_least_distance(centre), _least_distance(other))
    moved = schemes.line_transport(centre, z[held], other, z[held])
    return worst(
        [
            equal(entropy(z), case.R),
            exceeds(spread, 0.0),
            equal(float(z[held] @ np.square(centre - other)), moved),
        ]
    )


@check_bijection.fails("saturated")
def saturated(_: np.random.Generator) -> Pair:
    """above the entropy D no longer falls and rate is left over (Bernoulli(0.3) at 0.65 nat)."""
    return Pair(Bernoulli(0.3), Bernoulli(0.3), 0.65)


def _least_distance(points: FloatArray) -> float:
    return float(np.diff(np.sort(points)).min()) if points.size > 1 else inf


class Common(NamedTuple):
    """A scheme with shared randomness: weights of U, codes p(z|x,u), decoders p(y|z,u)."""

    source: DiscreteSource
    target_points: FloatArray
    weights: FloatArray
    encoders: FloatArray
    decoders: FloatArray


def draw_common(rng: np.random.Generator, given: Given = NOTHING) -> Common:
    """Two or three values of U, a binary Z, three points y."""
    schemes.needs(given, SquaredError)
    law = schemes.source(rng, 3, given=given)
    u, m = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    encoders = np.array([np.eye(2)[rng.integers(2, size=law.size)] for _ in range(u)])
    decoders = np.array([schemes.channel(rng, 2, m) for _ in range(u)])
    return Common(law, np.cumsum(rng.uniform(0.3, 1.5, m)), schemes.law(rng, u), encoders, decoders)


@states(
    "LZCK22.T3",
    setting=ONE_COMMON,
    draw=draw_common,
    conditions="any distortion",
    where="Theorem 3, (12)",
    unit=SQUARE,
)
def check_common(case: Common) -> Verdict:
    """With common randomness a map of (X,U) with H(Y|U) <= R is as good as any encoder and decoder.

        E d(X,Y) >= min { E d : U ⊥ X, H(Y|U,X) = 0, H(Y|U) <= H(Z|U) }

    Any (U, Z, Y) has E d >= min over Y = f(X,U) with H(Y|U) at most its H(Z|U); the minimum's plan is checked.
    """
    p = case.source.probabilities
    rate = float(case.weights @ [entropy(p @ encoder) for encoder in case.encoders])
    channel = np.einsum("u,uxz,uzy->xy", case.weights, case.encoders, case.decoders)
    q = Pmf.from_weights(p @ channel, case.target_points)
    pair = Pair(case.source, q, rate)
    answer = pair.transport(common=True, method=Enumeration())
    plan = answer.plan
    assert isinstance(plan, CommonPlan)
    masses = [np.bincount(images, weights=p, minlength=q.size) for images in plan.maps]
    used = float(plan.weights @ [entropy(mass) for mass in masses])
    reached = float(np.vdot(p[:, None] * channel, schemes.squared(case.source.points, case.target_points)))
    return worst([at_most(answer.bounds, reached), at_most(used, rate)])


@states(
    "LZCK22.S",
    setting=ONE_COMMON,
    draw=draw_pair,
    conditions="finite alphabets",
    where="Appendix A.3, support lemma",
    unit="count",
)
def check_support(case: Pair) -> Verdict:
    """No more than |Y| + 1 values of U are needed.

        |supp p_U| <= |Y| + 1

    Maps in use at the optimum.
    """
    plan = case.transport(common=True, method=Enumeration()).plan
    assert isinstance(plan, CommonPlan)
    return at_most(float((plan.weights > 1e-12).sum()), case.target.size + 1.0)


class Coins(NamedTuple):
    """Bernoulli(x) to Bernoulli(y), Hamming distortion, a rate in nats; not `clamped` reads (25) past saturation."""

    x: float
    y: float
    R: float
    clamped: bool = True

    @property
    def laws(self) -> tuple[Bernoulli, Bernoulli]:
        """The two sources."""
        return Bernoulli(self.x), Bernoulli(self.y)


def draw_coins(rng: np.random.Generator, given: Given = NOTHING) -> Coins:
    """All four quadrants, rates below both entropies."""
    schemes.needs(given, Hamming, SquaredError)
    x, y = (float(value) for value in rng.uniform(0.05, 0.95, 2))
    coin = given.part(
        "source", Bernoulli, lambda: Bernoulli(x), "Bernoulli(x), 0 < x < 1", lambda own: 0.0 < own.p < 1.0
    )
    x = coin.p
    ceiling = transport_binary.saturation_rate(x, y, common_randomness=False)
    return Coins(x, y, ceiling * float(rng.uniform(0.02, 0.98)))


@states(
    "LZCK22.E22",
    setting=ONE_PRIVATE,
    draw=draw_coins,
    conditions="R <= min(Hb(x), Hb(y))",
    where="equation (22)",
    unit="probability",
)
def check_22(case: Coins) -> Verdict:
    """Binary distortion without common randomness.

        D = x + y - 2xy - 2(1-x)(1-y) h/(1-h) if x + y <= 1, else x + y - 2xy - 2xy h/(1-h),   Hb(h) = R

    Quantile cuts against the printed D_ncr.
    """
    x, y, R = case.x, case.y, case.R
    h = inverse_binary_entropy(R)
    weight = (1.0 - x) * (1.0 - y) if x + y <= 1.0 else x * y
    printed = x + y - 2.0 * x * y - 2.0 * weight * h / (1.0 - h)
    return equal(Pair(*case.laws, R).transport(common=False, method=QuantileCuts()).bounds, printed)


@check_22.fails("saturation")
def saturated_private(_: np.random.Generator) -> Coins:
    """beyond min(Hb(x), Hb(y)) the formula goes below |x - y| (x = 0.1, y = 0.4 at 0.5 nat)."""
    return Coins(0.1, 0.4, 0.5)


@states(
    "LZCK22.E23",
    setting=ONE_PRIVATE,
    draw=draw_coins,
    conditions="R <= min(Hb(x), Hb(y))",
    where="equation (23)",
    unit="probability",
)
def check_23(case: Coins) -> Verdict:
    """The upper bound from the best quantiser of each side.

        D <= D_mse(X) + W2²(X^*,Y^*) + D_mse(Y), in closed form in each quadrant

    All quantisers tried and coupled, against the closed form; above D_ncr.
    """
    high = bounds_of(Pair(*case.laws, case.R))[1]
    return worst(
        [
            equal(high, float(transport_binary.upper(case.x, case.y, R=case.R))),
            at_most(float(transport_binary.distortion(case.x, case.y, R=case.R, common_randomness=False)), high),
        ]
    )


@states(
    "LZCK22.E24",
    setting=ONE_PRIVATE,
    draw=draw_coins,
    conditions="R <= min(Hb(x), Hb(y))",
    where="equation (24)",
    unit="probability",
)
def check_24(case: Coins) -> Verdict:
    """The lower bound from quantisation alone.

        D >= max(D_mse(X) + D_mse(Y), |x - y|)

    All quantisers tried, against the closed form; below D_ncr.
    """
    low = max(bounds_of(Pair(*case.laws, case.R))[0], abs(case.x - case.y))
    return worst(
        [
            equal(low, float(transport_binary.lower(case.x, case.y, R=case.R))),
            at_most(low, float(transport_binary.distortion(case.x, case.y, R=case.R, common_randomness=False))),
        ]
    )


@states(
    "LZCK22.E25",
    setting=ONE_COMMON,
    draw=draw_coins,
    conditions="Hamming distortion",
    where="equation (25)",
    unit="probability",
)
def check_25(case: Coins) -> Verdict:
    """Binary distortion with common randomness.

        D = x + y - 2xy - 2x(1-x) R/Hb(x),   |x - y| from R = min(y/x, (1-y)/(1-x)) Hb(x) on

    The linear program over all maps against the printed D_cr.
    """
    x, y, R = case.x, case.y, case.R
    limit = min(y / x, (1.0 - y) / (1.0 - x)) * float(binary_entropy(x))
    used = min(R, limit) if case.clamped else R
    printed = x + y - 2.0 * x * y - 2.0 * x * (1.0 - x) * used / float(binary_entropy(x))
    return equal(Pair(*case.laws, R).transport(common=True, method=Enumeration()).bounds, printed)


@check_25.fails("saturation")
def saturated_common(_: np.random.Generator) -> Coins:
    """unclamped, x = 0.3, y = 0.6 at 0.6 nat: below |x - y|."""
    return Coins(0.3, 0.6, 0.6, clamped=False)


def draw_quadrant(rng: np.random.Generator, given: Given = NOTHING) -> Coins:
    """Both laws on the same side of ½."""
    case = draw_coins(rng, given)
    return case if (case.x <= 0.5) == (case.y <= 0.5) else case._replace(y=1.0 - case.y)


@states(
    "LZCK22.E23-tight",
    setting=ONE_PRIVATE,
    draw=draw_quadrant,
    conditions="x and y on the same side of ½",
    where="remark after (24)",
    unit="probability",
)
def check_quadrant(case: Coins) -> Verdict:
    """On one side of ½ that bound is the distortion.

        D = D_mse(X) + W2²(X^*,Y^*) + D_mse(Y)

    D_up is tight on one side of ½.
    """
    return equal(
        float(transport_binary.distortion(case.x, case.y, R=case.R, common_randomness=False)),
        bounds_of(Pair(*case.laws, case.R))[1],
    )


@check_quadrant.fails("opposite-quadrants")
def opposite_quadrants_case(_: np.random.Generator) -> Coins:
    """x = 0.8, y = 0.4 at 0.4 bit: the bound is .5529, the distortion .5048."""
    return Coins(0.8, 0.4, bits_to_nats(0.4))


@states(
    "LZCK22.T4",
    setting="one letter, with and without common randomness",
    draw=draw_coins,
    conditions="Hamming distortion, R up to each saturation rate, constant beyond",
    where="Theorem 4",
    unit="probability",
)
def check_fourth(case: Coins) -> Verdict:
    """Both distortions of a binary source and target.

        (22) and (25)

    Theorem 4: (22) and (25) together.
    """
    return worst([check_22(case), check_25(case)])


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
            equal(_three_terms(case, answer), answer.distortion),
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


class Intervals(NamedTuple):
    """U[0, a] to U[0, b] at a rate in nats."""

    a: float
    b: float
    R: float


def draw_intervals(rng: np.random.Generator, given: Given = NOTHING) -> Intervals:
    """Any rate up to three bits."""
    schemes.needs(given, SquaredError)
    a, b = (float(end) for end in rng.uniform(0.5, 5.0, 2))
    law = given.part("source", Uniform, lambda: Uniform(0.0, a), "Uniform(0, a)", lambda mine: mine.low == 0.0)
    return Intervals(law.high, b, float(rng.uniform(0.0, 2.1)))


def draw_levels(rng: np.random.Generator, given: Given = NOTHING) -> Intervals:
    """R = log N."""
    return draw_intervals(rng, given)._replace(R=float(np.log(rng.integers(1, 9))))


@states(
    "LZCK22.E44",
    setting=ONE_PRIVATE,
    draw=draw_levels,
    conditions="U[0,a] to U[0,b]",
    where="equation (44)",
    unit=SQUARE,
)
def check_44(case: Intervals) -> Verdict:
    """Uniform to uniform at R = log N.

        D = (b-a)²/3 + (ab/6) e^{-2R}

    Equal cells: (b-a)²/3 + (ab/6) e^{-2R}.
    """
    printed = (case.b - case.a) ** 2 / 3.0 + case.a * case.b / 6.0 * np.exp(-2.0 * case.R)
    laws = Uniform(0.0, case.a), Uniform(0.0, case.b)
    return equal(float(transport_uniform.distortion(*laws, R=case.R)), printed)


@check_44.fails("between-levels")
def between_levels_case(_: np.random.Generator) -> Intervals:
    """at log 2.5, where the cells cannot be equal, the distortion is higher."""
    return Intervals(2.0, 5.0, float(np.log(2.5)))


@states(
    "LZCK22.E50",
    setting=ONE_PRIVATE,
    draw=draw_intervals,
    conditions="U[0,a] to U[0,b]",
    where="equations (46), (47), (50)",
    unit=SQUARE,
)
def check_50(case: Intervals) -> Verdict:
    """Uniform to uniform at any rate: one short cell and N - 1 equal ones.

        W2²(X^,Y^) = (b-a)² (c³/4 + c²c'(N-1) + cc'²(N-1)² + c'³(N-1)(2N-1)(2N-3)/12)

    (46), (47), (50) from the cells themselves: polynomials integrated cell by cell.
    """
    count, c, other = transport_uniform.cells(case.R)
    cuts = np.concatenate(([0.0], c + other * np.arange(count)))
    cuts[-1] = 1.0
    length, centre = np.diff(cuts), 0.5 * (cuts[1:] + cuts[:-1])
    within = float((length**3).sum() / 12.0)
    moved = (case.b - case.a) ** 2 * float(length @ centre**2)
    quantise, convert, dequantise = transport_uniform.terms(Uniform(0.0, case.a), Uniform(0.0, case.b), R=case.R)
    n = count - 1
    printed = (
        c**3 / 4.0
        + c**2 * other * n
        + c * other**2 * n**2
        + other**3 * n * (2.0 * count - 1.0) * (2.0 * n - 1.0) / 12.0
    )
    return worst(
        [
            at_most(entropy(length), case.R),
            equal(case.a**2 * within, float(quantise)),
            equal(case.b**2 * within, float(dequantise)),
            equal(moved, float(convert)),
            equal((case.b - case.a) ** 2 * printed, moved),
        ]
    )


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
            equal(_three_terms(case, answer), answer.bounds),
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


@check_first.proved
@check_22.proved
def prove_binary() -> Iterator[Any]:
    """(22) from the two-point code of its Figure 6, (23) and (24) on one side of ½ from the quantisers."""
    sp = load_sympy()
    x, y, h = sp.symbols("q_X q_Y h", positive=True)
    means = [((q - h) / (1 - h), 1 - h, q) for q in (x, y)]
    agree = sum(w * a * b for (a, w, _), (b, _, _) in [(means[0], means[1])]) + h
    printed = transport_binary.symbolic(common_randomness=False).args[0][0]
    free = {symbol.name: symbol for symbol in printed.free_symbols}
    printed = printed.subs({free["q_X"]: x, free["q_Y"]: y, free["h"]: h})
    yield sp.simplify(x + y - 2 * agree - printed)
    quantise = [q - (1 - h) * a**2 - h for a, _, q in means]
    yield sp.simplify(quantise[0] - (1 - x) * (x - h) / (1 - h))
    yield sp.simplify(sum(quantise) + (1 - h) * (means[0][0] - means[1][0]) ** 2 - printed)


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


@check_50.proved
def prove_uniform() -> Iterator[Any]:
    """(50) summed over N - 1 equal cells behind a short one."""
    sp = load_sympy()
    c, e, n, k = sp.symbols("c e n k", positive=True)
    total = c**3 / 4 + sp.summation(e * (c + (k + sp.Rational(1, 2)) * e) ** 2, (k, 0, n - 1))
    printed = c**3 / 4 + c**2 * e * n + c * e**2 * n**2 + e**3 * n * (2 * n + 1) * (2 * n - 1) / 12
    yield sp.expand(total - printed)
