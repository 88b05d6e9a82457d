"""Two Bernoulli laws: Theorem 4 and equations (22) to (25)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from rdptheory.closed_forms import transport_binary
from rdptheory.closed_forms._inputs import load_sympy
from rdptheory.distortions import Hamming, SquaredError
from rdptheory.information import binary_entropy, inverse_binary_entropy
from rdptheory.solvers.transport.common_randomness import Enumeration
from rdptheory.solvers.transport.private_randomness import QuantileCuts
from rdptheory.sources import Bernoulli
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.lzck22.pairs import Pair, bounds_of
from rdptheory.theorems.lzck22.private import check_first
from rdptheory.theorems.settings import ONE_COMMON, ONE_PRIVATE
from rdptheory.theorems.statement import Verdict, at_most, equal, states, worst
from rdptheory.units import bits_to_nats


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
