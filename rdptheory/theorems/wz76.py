"""Wyner and Ziv: the rate for a decoder with side information [WZ76]."""

from __future__ import annotations

from math import inf, log
from typing import NamedTuple

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.distortions import Hamming
from rdptheory.information import binary_entropy
from rdptheory.relevance import side_information_rate
from rdptheory.solve import rdp
from rdptheory.sources import Bernoulli, Pmf
from rdptheory.theorems.statement import Verdict, at_most, equal, states, worst

SETTING = "long blocks, side information at the decoder"


class Sided(NamedTuple):
    """A source, p(z|x), p(z'|x), and D."""

    source: Pmf
    seen: FloatArray
    less: FloatArray
    D: float


def draw_sided(rng: np.random.Generator) -> Sided:
    """Three symbols, two side letters."""
    p = rng.dirichlet(np.full(3, 3.0))
    seen, D = rng.dirichlet(np.ones(2), 3), (1.0 - float(p.max())) * float(rng.uniform(0.1, 0.9))
    return Sided(Pmf.from_weights(p), seen, seen @ rng.dirichlet(np.ones(2), 2), D)


@states("WZ76.order", setting=SETTING, draw=draw_sided, conditions="X - Z - Z'", where="the definition of R*(D)")
def check_order(case: Sided) -> Verdict:
    """Side information never costs, and less of it is worth less.

    R(D|Z) <= R(D|Z') <= R(D)
    """
    at = [side_information_rate(case.source, seen, Hamming(), D=case.D).bounds for seen in (case.seen, case.less)]
    return worst([at_most(at[0], at[1]), at_most(at[1], rdp(case.source, Hamming(), None, D=case.D, P=inf).bounds)])


@check_order.fails("not-degraded")
def not_degraded(_: np.random.Generator) -> Sided:
    """a Z' that is no blurred Z: it tells the two frequent symbols apart, Z only the rare one from both."""
    rare, frequent = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    return Sided(Pmf([0.45, 0.45, 0.1]), rare, frequent, 0.05)


class Symmetric(NamedTuple):
    """The crossover of Z, D, and whether the curve is read as the envelope that it is."""

    crossover: float
    D: float
    envelope: bool = True


def draw_symmetric(rng: np.random.Generator) -> Symmetric:
    """A crossover, and any D up to it."""
    crossover = float(rng.uniform(0.05, 0.45))
    return Symmetric(crossover, crossover * float(rng.uniform(0.05, 0.99)))


def height(crossover: float, D: float) -> float:
    """Hb(p * D) - Hb(D)."""
    return float(binary_entropy(crossover + D - 2.0 * crossover * D) - binary_entropy(D))


def tangent(crossover: float, D: float) -> float:
    """What the tangent at D leaves at (crossover, 0)."""
    mixed = crossover + D - 2.0 * crossover * D
    slope = (1.0 - 2.0 * crossover) * log((1.0 - mixed) / mixed) - log((1.0 - D) / D)
    return height(crossover, D) + slope * (crossover - D)


@states(
    "WZ76.symmetric",
    setting=SETTING,
    draw=draw_symmetric,
    conditions="X ~ Bernoulli(½), Z = X + Bernoulli(p), Hamming, D <= p",
    where="the doubly symmetric binary source",
)
def check_symmetric(case: Symmetric) -> Verdict:
    """The rate of a doubly symmetric source is the lower convex envelope of a curve and the point (p, 0).

        R(D) = Hb(p * D) - Hb(D) up to Dc, and from there the tangent to (p, 0)

    Where the tangent touches is found by a root search.
    """
    p, D = case.crossover, case.D
    touching = float(scipy.optimize.brentq(lambda x: tangent(p, x), 1e-9 * p, p * (1.0 - 1e-9)))
    beyond = case.envelope and touching < D
    value = height(p, touching) * (p - D) / (p - touching) if beyond else height(p, D)
    seen = np.array([[1.0 - p, p], [p, 1.0 - p]])
    return equal(side_information_rate(Bernoulli(0.5), seen, Hamming(), D=D).bounds, value)


@check_symmetric.fails("curve")
def without_the_tangent(_: np.random.Generator) -> Symmetric:
    """the curve alone, p = ¼ and D = 0.2: 0.052 nat above the envelope."""
    return Symmetric(0.25, 0.2, envelope=False)
