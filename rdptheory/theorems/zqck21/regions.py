"""What a fixed representation serves: Theorem 4 and equations (9), (10), (22) to (24)."""

from __future__ import annotations

from math import inf, sqrt
from typing import NamedTuple

import numpy as np

from rdptheory.closed_forms import bernoulli, gaussian
from rdptheory.couplings import optimal_transport
from rdptheory.distortions import SquaredError
from rdptheory.information import binary_entropy, inverse_binary_entropy
from rdptheory.representations import representation_region
from rdptheory.sources import Bernoulli, Gaussian
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.schemes import TV, W2
from rdptheory.theorems.settings import INFORMATION, REPRESENTATION, SQUARE
from rdptheory.theorems.statement import Verdict, at_most, equal, states, worst


class Region(NamedTuple):
    """A representation of a source on a line and a decoder onto points y."""

    code: schemes.Scheme
    anywhere: bool = True


def draw_region(rng: np.random.Generator, given: Given = NOTHING) -> Region:
    """Any encoder; a decoder anywhere, or onto the points of the source."""
    code = schemes.scheme(rng, given)
    if rng.uniform() < 0.5:
        n = code.source.size
        code = code._replace(decoder=schemes.channel(rng, code.encoder.shape[1], n), y=code.source.points)
    return Region(code)


@states(
    "ZQCK21.T4",
    setting=REPRESENTATION,
    draw=draw_region,
    conditions="squared error, any δ; the closed form needs reconstructions anywhere",
    where="Theorem 4",
    unit=SQUARE,
)
def check_region(case: Region) -> Verdict:
    """What a representation can serve: its conditional mean, then optimal transport.

        D >= E‖X - X~‖² + inf {W2²(p_X~, p_Y) : δ(p_X, p_Y) <= P};   for W2²: D(P) = E‖X - X~‖² + max(0, W2 - √P)²

    Any decoder lies in the region, optimal transport of E[X|Z] to its law of Y reaches the boundary; W2² and TV.

    On a finite alphabet the closed form in W2² is compared with the best decoder onto the alphabet.
    """
    code = case.code
    p, x = code.source.probabilities, code.source.points
    z, centre, least = schemes.means(p, x, code.encoder)
    gap = schemes.line_transport(centre, z, x, p)
    if not case.anywhere:
        P = schemes.line_transport(x, p, x, code.output)
        plan = optimal_transport(z, code.output, schemes.squared(centre, x))
        return equal(least + plan.lower, least + max(0.0, sqrt(gap) - sqrt(P)) ** 2)
    q = code.output
    moved = schemes.line_transport(centre, z, code.y, q)
    P = schemes.line_transport(x, p, code.y, q)
    share = min(1.0, sqrt(P / gap)) if gap > 0.0 else 1.0
    best = optimal_transport(z, p, schemes.squared(centre, x)).plan
    assert best is not None
    between = (share * centre[:, None] + (1.0 - share) * x).ravel()
    reached = least + float(best.ravel() @ np.square(between - np.repeat(centre, x.size)))
    back = schemes.line_transport(x, p, between, best.ravel())
    curve = least + max(0.0, sqrt(gap) - sqrt(P)) ** 2
    parts = [
        at_most(least + moved, schemes.scheme_distortion(code)),
        at_most(curve, least + moved),
        at_most(back, P),
        equal(reached, curve),
        equal(representation_region(code.source, code.encoder, W2).distortion(P), curve),
    ]
    if code.y is x:
        bounds = representation_region(code.source, code.encoder, TV).distortion(TV.value(p, q))
        parts.append(at_most(bounds, least + moved))
    return worst(parts)


@check_region.fails("finite-alphabet")
def two_letters(_: np.random.Generator) -> Region:
    """on {0,1} the closed form is below what any decoder reaches."""
    return Region(
        schemes.Scheme(
            Bernoulli(0.3), np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([[1.0, 0.0], [0.2, 0.8]]), np.arange(2.0)
        ),
        anywhere=False,
    )


class Tradeoff(NamedTuple):
    """σ², D1, D3, D^(b), D~^(a) of a source at one rate, reconstructions anywhere."""

    variance: float
    D1: float
    D3: float
    lower_right: float
    upper_left: float


def draw_tradeoff(rng: np.random.Generator, given: Given = NOTHING) -> Tradeoff:
    """A Gaussian, or a Bernoulli source with conditional means for reconstructions."""
    schemes.needs(given, SquaredError)
    coin = 0.0 if rng.uniform() < 0.3 else float(rng.uniform(0.05, 0.5))
    source = given.part(
        "source",
        (Gaussian, Bernoulli),
        lambda: Bernoulli(coin) if coin else Gaussian(0.0, float(rng.uniform(0.3, 3.0))),
        "a Gaussian, or Bernoulli(p) with 0 < p <= ½",
        lambda mine: isinstance(mine, Gaussian) or 0.0 < mine.p <= 0.5,
    )
    if isinstance(source, Gaussian):
        v, R = source.variance, float(rng.uniform(0.02, 1.5))
        D1, D3 = (float(gaussian.distortion(v, R, P)) for P in (inf, 0.0))
        return Tradeoff(v, D1, D3, D1 + (sqrt(v) - sqrt(v - D1)) ** 2, D1)
    spread = 2.0 * source.p * (1.0 - source.p)
    return binary_tradeoff(source.p, spread * float(rng.uniform(0.05, 0.95)))


def binary_tradeoff(p: float, D3: float) -> Tradeoff:
    """From D3, the distortion at P = 0; D1 = δ(1-δ) with posteriors δ and 1-δ, Hb(δ) = Hb(p) - R."""
    R = float(bernoulli.rate(p, D3, 0.0))
    delta = inverse_binary_entropy(float(binary_entropy(p)) - R)
    D1, share = delta * (1.0 - delta), (p - delta) / (1.0 - 2.0 * delta)
    points, law = np.array([delta, 1.0 - delta]), np.array([1.0 - share, share])
    letters = Bernoulli(p)
    moved = schemes.line_transport(points, law, letters.points, letters.probabilities)
    upper_left = schemes.means(letters.probabilities, letters.points, bernoulli.channel(p, D3, 0.0))[2]
    return Tradeoff(p * (1.0 - p), D1, D3, D1 + moved, upper_left)


@states(
    "ZQCK21.E9",
    setting=REPRESENTATION,
    draw=draw_tradeoff,
    conditions="squared error, reconstructions anywhere",
    where="equation (9)",
    unit=SQUARE,
)
def check_9(case: Tradeoff) -> Verdict:
    """Shannon's representation loses at most half the variance, or a factor 2, at P = 0.

        D^(b) - D3 <= 2D1 - 2σ² + 2σ√(σ²-D1) <= σ²/2,   D^(b)/D3 <= D1/(σ² - σ√(σ²-D1)) <= 2

    D^(b) against D3, additively and as a ratio.
    """
    v, root = case.variance, sqrt(case.variance) * sqrt(case.variance - case.D1)
    excess, ratio = 2.0 * case.D1 - 2.0 * v + 2.0 * root, case.D1 / (v - root)
    return worst(
        [
            at_most(case.lower_right - case.D3, excess),
            at_most(excess, 0.5 * v),
            at_most(case.lower_right / case.D3, ratio),
            at_most(ratio, 2.0),
        ]
    )


@states(
    "ZQCK21.E10",
    setting=REPRESENTATION,
    draw=draw_tradeoff,
    conditions="squared error, reconstructions anywhere",
    where="equation (10)",
    unit=SQUARE,
)
def check_10(case: Tradeoff) -> Verdict:
    """Its lower-right extreme point is at most twice Shannon's distortion.

        D^(b) <= 2 E‖X - X~‖² <= 2 D1

    D^(b) <= 2 D1.
    """
    return at_most(case.lower_right, 2.0 * case.D1)


@states(
    "ZQCK21.E22",
    setting=INFORMATION,
    draw=draw_tradeoff,
    conditions="squared error, D1 with reconstructions anywhere",
    where="equation (22) and what follows",
    unit=SQUARE,
)
def check_22(case: Tradeoff) -> Verdict:
    """Perfect perception costs at least this much.

        D3 >= 2σ² - 2σ√(σ² - D1)

    D3 >= 2σ² - 2σ√(σ² - D1).
    """
    v = case.variance
    return at_most(2.0 * v - 2.0 * sqrt(v * (v - case.D1)), case.D3)


@check_22.fails("finite-alphabet")
def finite_tradeoff(_: np.random.Generator) -> Tradeoff:
    """Bernoulli(0.3), D3 = .15, D1 taken on {0,1}."""
    case = binary_tradeoff(0.3, 0.15)
    rate = float(bernoulli.rate(0.3, 0.15, 0.0))
    return case._replace(D1=inverse_binary_entropy(float(binary_entropy(0.3)) - rate))


@states(
    "ZQCK21.E23",
    setting=REPRESENTATION,
    draw=draw_tradeoff,
    conditions="squared error, reconstructions anywhere",
    where="equation (23)",
    unit=SQUARE,
)
def check_23(case: Tradeoff) -> Verdict:
    """The representation that is optimal at P = 0 loses at most a quarter of the variance at P = ∞.

        D~^(a) <= D3 - D3²/(4σ²),   D~^(a) - D1 <= D3/2 - D3²/(4σ²) <= σ²/4

    D~^(a) against D1, additively.
    """
    v, D3 = case.variance, case.D3
    bound = D3 / 2.0 - D3**2 / (4.0 * v)
    return worst(
        [
            at_most(case.upper_left, D3 - D3**2 / (4.0 * v)),
            at_most(case.upper_left - case.D1, bound),
            at_most(bound, v / 4.0),
        ]
    )


@states(
    "ZQCK21.E24",
    setting=REPRESENTATION,
    draw=draw_tradeoff,
    conditions="squared error, reconstructions anywhere",
    where="equation (24)",
    unit="ratio",
)
def check_24(case: Tradeoff) -> Verdict:
    """Or a factor 2.

        D~^(a)/D1 <= 2 - D3/(2σ²) <= 2

    D~^(a) against D1, as a ratio.
    """
    bound = 2.0 - case.D3 / (2.0 * case.variance)
    return worst([at_most(case.upper_left / case.D1, bound), at_most(bound, 2.0)])
