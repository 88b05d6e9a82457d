"""The function of a Bernoulli source, Appendix D."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any, NamedTuple

import numpy as np

from rdptheory.closed_forms import bernoulli
from rdptheory.closed_forms._inputs import load_sympy
from rdptheory.distortions import Hamming
from rdptheory.information import binary_entropy
from rdptheory.solution import Solution
from rdptheory.solve import rdp
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.sources import Bernoulli
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.schemes import TV
from rdptheory.theorems.settings import INFORMATION
from rdptheory.theorems.statement import Verdict, at_most, equal, exceeds, states, worst


class Coin(NamedTuple):
    """Bernoulli(p) at (D, P)."""

    p: float
    D: float
    P: float


def draw_coin(rng: np.random.Generator, given: Given = NOTHING) -> Coin:
    """p <= ½, every regime."""
    schemes.needs(given, Hamming)
    p = schemes.coin(given, lambda: float(rng.uniform(0.05, 0.5)))
    D = given.number("D", lambda: float(rng.uniform(0.01, 0.55)))
    return Coin(p, D, given.number("P", lambda: float(rng.uniform(0.0, 1.2) * p)))


def solved(case: Coin, *, D: float | None = None, P: float | None = None) -> Solution:
    """R(D,P) by the interior point, not by the closed form."""
    return rdp(
        Bernoulli(case.p),
        Hamming(),
        TV,
        D=case.D if D is None else D,
        P=case.P if P is None else P,
        method=InteriorPoint(),
    )


def thresholds(case: Coin) -> tuple[float, float]:
    """(D1, D2) of S33 and S38; D1 = ½ at p = ½, P = 0."""
    p, P = case.p, case.P
    bottom = 1.0 + 2.0 * P - 2.0 * p
    return P / bottom if bottom > 0.0 else 0.5, 2.0 * p * (1.0 - p) + (2.0 * p - 1.0) * P


def draw_inner_coin(rng: np.random.Generator, given: Given = NOTHING) -> Coin:
    """P below p, so that the two thresholds differ."""
    p, P = inner(rng, given)
    return Coin(p, float(rng.uniform(0.05, 0.95)), P)


def inner(rng: np.random.Generator, given: Given) -> tuple[float, float]:
    """p < ½ and P < p."""
    schemes.needs(given, Hamming)
    p = schemes.coin(given, lambda: float(rng.uniform(0.1, 0.48)))
    return p, given.number("P", lambda: p * float(rng.uniform(0.05, 0.9)), "0 < P < p", lambda P: 0.0 < P < p)


@states(
    "BM19.E33",
    setting=INFORMATION,
    draw=draw_inner_coin,
    conditions="Bernoulli(p), p <= ½, P < p, Hamming, total variation",
    where="equation (S33)",
)
def check_D1(case: Coin) -> Verdict:
    """Up to D1 = P/(1+2P-2p) the perception limit is idle.

        D <= D1:  R(D,P) = Hb(p) - Hb(D);   D1 < D < D2:  R(D,P) > R(D,∞)

    Up to D1 the limit P costs nothing; halfway to D2 it does. `case.D` is the share of D1. A fair coin has D1 = D2.
    """
    low, high = thresholds(case)
    free = float(binary_entropy(case.p) - binary_entropy(case.D * low))
    idle = equal(solved(case, D=case.D * low).bounds, free)
    if case.p == 0.5:
        return idle
    beyond = low + 0.5 * (high - low)
    shannon = max(0.0, float(binary_entropy(case.p) - binary_entropy(min(beyond, case.p))))
    return worst([idle, exceeds(solved(case, D=beyond).bounds, shannon)])


@check_D1.fails("beyond")
def late_D1(_: np.random.Generator) -> Coin:
    """at 1.5 D1 the limit binds (p = 0.3, P = 0.05)."""
    return Coin(0.3, 1.5, 0.05)


@states(
    "BM19.E38",
    setting=INFORMATION,
    draw=draw_inner_coin,
    conditions="Bernoulli(p), p <= ½, P < p, Hamming, total variation",
    where="equation (S38)",
)
def check_D2(case: Coin) -> Verdict:
    """The rate vanishes from D2 = 2pq + (p-q)P on, and not before.

        R(D2,P) = 0,   R(D,P) > 0 for D < D2

    At D2 and above the rate is zero, below it is not. `case.D` is the share of D2.
    """
    high = thresholds(case)[1]
    before, size = solved(case, D=0.98 * high).bounds, float(binary_entropy(case.p))
    return worst([equal(solved(case, D=high / case.D).bounds, 0.0), exceeds(before, 0.0, size)])


@states(
    "BM19.E40",
    setting=INFORMATION,
    draw=draw_coin,
    conditions="Bernoulli(p), Hamming, total variation",
    where="equation (S40)",
)
def check_S40(case: Coin) -> Verdict:
    """R(D,P) of a Bernoulli source in all regimes.

        R = Hb(p) - Hb(D) up to D1, the entropies of (S37) up to D2, 0 beyond; Hb(p) - Hb(D) for P >= p

    The formula against the interior point.
    """
    return equal(solved(case).bounds, float(bernoulli.rate(case.p, case.D, case.P)))


def draw_middle(rng: np.random.Generator, given: Given = NOTHING) -> Coin:
    """p <= ½ and D strictly between D1 and D2."""
    p, P = inner(rng, given)
    low, high = thresholds(Coin(p, 0.0, P))
    D = given.number(
        "D",
        lambda: low + (high - low) * float(rng.uniform(0.05, 0.95)),
        f"D1 < D < D2, here {low:.6g} < D < {high:.6g}",
        lambda D: low < D < high,
    )
    return Coin(p, D, P)


@states(
    "BM19.E37",
    setting=INFORMATION,
    draw=draw_middle,
    conditions="Bernoulli(p), p <= ½, P < p, D1 < D < D2",
    where="equation (S37)",
)
def check_S37(case: Coin) -> Verdict:
    """Where both limits bind, the rate is the printed difference of entropies.

        R(D,P) = 2 Hb(p) + Hb(p-P) - Ht((D-P)/2, p) - Ht((D+P)/2, q)

    The printed middle branch, read without its condition p <= ½.
    """
    p, D, P = case.p, case.D, case.P
    q, a, b = 1.0 - p, 0.5 * (D - P), 0.5 * (D + P)
    laws = ((p, q), (p, q), (p - P, 1.0 - p + P)), ((a, p, q - a), (b, q, p - b))
    plus, minus = (sum(float(-np.sum(np.log(law) * law)) for law in group) for group in laws)
    return equal(solved(case).bounds, plus - minus)


@check_S37.fails("p-above-half")
def p_above_half_case(_: np.random.Generator) -> Coin:
    """for p = 0.6 the printed formula is not the rate: swap the symbols first."""
    return Coin(0.6, 0.3, 0.1)


@states(
    "BM19.J1",
    setting=INFORMATION,
    draw=draw_inner_coin,
    conditions="Bernoulli(p), p <= ½, P < p",
    where="Appendix D, J1",
    unit="probability",
)
def check_J1(case: Coin) -> Verdict:
    """Only one side of the total-variation limit can bind.

        P/(1+2P-2p) <= P/(2p+2P-1) where the latter is positive; P(Y=1) <= p

    Shannon's output law never has more of the rarer symbol than the source: the other side of |·| is idle.
    """
    p = case.p
    D = min(case.D, 0.999) * p
    low, high = thresholds(case)
    below = D if low > D else low  # the unconstrained solution is used up to D1
    rarer = (p - below) / (1.0 - 2.0 * below)
    crossing = case.P / (2.0 * p + 2.0 * case.P - 1.0) if 2.0 * p + 2.0 * case.P > 1.0 else inf
    return worst([at_most(rarer, p), at_most(low, crossing), at_most(low, high)])


@states(
    "BM19.J2",
    setting=INFORMATION,
    draw=draw_inner_coin,
    conditions="p <= ½",
    where="Appendix D, J2",
    unit="probability",
)
def check_J2(case: Coin) -> Verdict:
    """D2 increases in p and is at most ½.

        ∂D2/∂p = 2 - 4p + 2P >= 0,   D2 <= ½

    D2 increases in p up to its largest value ½ at p = ½.
    """
    smaller = thresholds(Coin(case.D * case.p, 0.0, case.P * case.D))[1]
    larger = thresholds(Coin(case.p, 0.0, case.P * case.D))[1]
    return worst([at_most(smaller, larger), at_most(larger, 0.5), equal(thresholds(Coin(0.5, 0.0, case.P))[1], 0.5)])


@states(
    "BM19.J3",
    setting=INFORMATION,
    draw=draw_inner_coin,
    conditions="Bernoulli(p), p <= ½",
    where="Appendix D, J3",
)
def check_J3(case: Coin) -> Verdict:
    """D1 increases and D2 decreases in P; they meet at P = p, beyond which P costs nothing.

        P >= p:  R(D,P) = R(D,∞)

    D1 rises and D2 falls in P, they meet at P = p, and from there on P costs nothing.
    """
    (low, high), (low_at, high_at) = thresholds(case), thresholds(case._replace(P=case.p))
    D = case.D * case.p
    free = float(binary_entropy(case.p) - binary_entropy(D))
    return worst(
        [
            at_most(low, low_at),
            at_most(high_at, high),
            equal(low_at, high_at),
            equal(solved(case, D=D, P=case.p + 0.3 * case.P).bounds, free),
        ]
    )


@check_D1.proved
@check_D2.proved
@check_J2.proved
@check_J3.proved
def prove_thresholds() -> Iterator[Any]:
    """S33, S38, S42, S43 from the channel: Shannon's a meets the bound on a at D1, the rows agree at D2."""
    sp = load_sympy()
    p, D, P = sp.symbols("p D P", positive=True)
    a, b = 1 - (D - P) / (2 * (1 - p)), (D + P) / (2 * p)
    shannon = (1 - D) * (1 - p - D) / ((1 - p) * (1 - 2 * D))
    D1, D2 = P / (1 + 2 * P - 2 * p), 2 * p * (1 - p) + (2 * p - 1) * P
    yield sp.simplify((a - shannon).subs(D, D1))
    yield sp.simplify((a - b).subs(D, D2))
    yield sp.simplify(a.subs(D, D2) - (1 - p + P))
    yield sp.simplify(sp.diff(D1, P) - (1 - 2 * p) / (1 + 2 * P - 2 * p) ** 2)
    yield sp.simplify(sp.diff(D2, p) - (2 - 4 * p + 2 * P))
    yield sp.simplify((D1 - D2).subs(P, p))


@check_S37.proved
@check_S40.proved
def prove_middle() -> Iterator[Any]:
    """S37 from the joint law of the channel S34, S35: the two differ by logarithms that cancel."""
    sp = load_sympy()
    p, D, P = sp.symbols("p D P", positive=True)
    q, x, y = 1 - p, (D - P) / 2, (D + P) / 2
    a, b = 1 - x / q, y / p
    joint = {(0, 0): q * a, (0, 1): q * (1 - a), (1, 0): p * b, (1, 1): p * (1 - b)}
    rows, columns = {0: q, 1: p}, {0: q + P, 1: p - P}
    information = sum(mass * (sp.log(mass) - sp.log(rows[i]) - sp.log(columns[j])) for (i, j), mass in joint.items())

    def entropy(*masses: Any) -> Any:
        return -sum(mass * sp.log(mass) for mass in masses)

    printed = 2 * entropy(p, q) + entropy(p - P, q + P) - entropy(x, p, q - x) - entropy(y, q, p - y)
    yield sp.expand(sp.expand_log(sp.simplify(information - printed), force=True))
