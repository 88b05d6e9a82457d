"""Hamdi, Wagner and Gündüz: marginal and joint realism with side information, and Gaussians [HWG25]."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rdptheory._types import Bounds
from rdptheory.distortions import SquaredError
from rdptheory.solve import rdp
from rdptheory.sources import Gaussian, GaussianVector
from rdptheory.theorems.niu23 import Seen, draw_seen
from rdptheory.theorems.schemes import KL, TV
from rdptheory.theorems.settings import INFORMATION
from rdptheory.theorems.statement import Verdict, at_most, equal, states, worst


class Order(NamedTuple):
    """A law of (X, Z) with a divergence and D, and P for each of the two realisms."""

    seen: Seen
    D: float
    marginal: float
    joint: float


def draw_order(rng: np.random.Generator) -> Order:
    """The same P for both."""
    seen = draw_seen(rng)
    D, P = seen.points[0]
    return Order(seen, D, P, P)


@states(
    "HWG25.order",
    setting=INFORMATION,
    draw=draw_order,
    conditions="one δ and one P for both, δ an f-divergence; Z at both ends",
    where="marginal and joint realism",
)
def check_order(case: Order) -> Verdict:
    """Reconstructions that look right beside Z cost at least what those cost that look right alone.

        R(D,P|Z) with δ(p_X, p_Y) <= P   <=   R(D,P|Z) with δ(p_XZ, p_YZ) <= P

    The data of (Y,Z) are processed by leaving Z out.
    """
    return at_most(case.seen.at(case.D, case.marginal, "output"), case.seen.at(case.D, case.joint, "joint"))


@check_order.fails("looser")
def looser_pairs(_: np.random.Generator) -> Order:
    """Joint realism at P = 0.5 costs less than marginal realism at P = 0."""
    law = np.array([[0.4, 0.2], [0.1, 0.3]])
    return Order(Seen(law, TV, "joint", ((0.2, 0.0), (0.2, 0.5)), 0.5), 0.2, 0.0, 0.5)


class Pair(NamedTuple):
    """Variance of X, its correlation with Z, and D as a share of what Z leaves of the variance."""

    variance: float
    correlation: float
    share: float


def draw_pair(rng: np.random.Generator) -> Pair:
    """A jointly Gaussian (X, Z)."""
    return Pair(float(rng.uniform(0.5, 4.0)), float(rng.uniform(-0.95, 0.95)), float(rng.uniform(0.05, 1.9)))


@states(
    "HWG25.gaussian",
    setting=INFORMATION,
    draw=draw_pair,
    conditions="X, Z jointly Gaussian, squared error, joint realism at P = 0, Z at both ends",
    where="the Gaussian with joint realism",
)
def check_gaussian(case: Pair) -> Verdict:
    """With perfect joint realism a Gaussian costs what N(0, Var(X|Z)) costs without Z.

        R(D,0|Z) = ½ log 1/(1-ρ²),   ρ = 1 - D/(2 Var(X|Z)),   0 < D < 2 Var(X|Z)

    Read as I(X;Y|Z) off the covariance of the triple in which Y has the law of X given Z.
    """
    left = case.variance * (1.0 - case.correlation**2)
    D = case.share * left
    common = case.correlation * np.sqrt(case.variance)
    law = GaussianVector([0.0, 0.0], [[case.variance, common], [common, 1.0]])
    found = rdp(
        Gaussian(0.0, case.variance), SquaredError(), KL, D=D, P=0.0, side_information=law, realism="joint"
    ).bounds
    rho = 1.0 - 0.5 * case.share
    across = common**2 + rho * left  # E XY: through Z, and through what Z leaves
    triple = np.array([[case.variance, common, across], [common, 1.0, common], [across, common, case.variance]])
    pair = np.linalg.det(triple[:2, :2])
    information = 0.5 * np.log(pair**2 / np.linalg.det(triple))  # (X,Z) and (Y,Z) have one law
    return equal(found, Bounds(float(information), float(information)))


@states(
    "HWG25.marginal",
    setting=INFORMATION,
    draw=draw_pair,
    conditions="X, Z jointly Gaussian, squared error, marginal realism at P = 0, Z at both ends",
    where="the Gaussian with marginal realism",
)
def check_marginal(case: Pair) -> Verdict:
    """With perfect marginal realism a Gaussian costs what R(D,0) has beyond I(X;Z).

        R(D,0|Z) = max{0, R(D,0) - I(X;Z)}

    Read as I(X;Y|Z) off the covariance of the triple with Y = a Z + b N + c N', at the best angle of (a, b).
    """
    kept = 1.0 - case.correlation**2
    D = case.share * case.variance
    common = case.correlation * np.sqrt(case.variance)
    law = GaussianVector([0.0, 0.0], [[case.variance, common], [common, 1.0]])
    found = rdp(Gaussian(0.0, case.variance), SquaredError(), KL, D=D, P=0.0, side_information=law).bounds
    wanted = max(1.0 - 0.5 * case.share, 0.0)  # of the correlation of X and Y
    noise = max(wanted**2 - case.correlation**2, 0.0) / kept  # b²/(1 - a²)
    a = abs(case.correlation) / np.hypot(case.correlation, np.sqrt(noise * kept))
    if noise == 0.0:  # Z alone correlates enough
        a = wanted / abs(case.correlation)
    b = np.sqrt(noise * (1.0 - a * a))
    triple = np.array([[1.0, abs(case.correlation), 0.0], [abs(case.correlation), 1.0, a], [0.0, a, 1.0]])
    triple[0, 2] = triple[2, 0] = abs(case.correlation) * a + np.sqrt(kept) * b
    information = 0.5 * np.log(np.linalg.det(triple[:2, :2]) * (1.0 - a * a) / np.linalg.det(triple))
    reached = at_most(wanted, float(triple[0, 2]))  # E(X-Y)² <= D
    return worst([equal(found, Bounds(float(information), float(information))), reached])


@check_gaussian.fails("without-z")
def nothing_seen(_: np.random.Generator) -> Pair:
    """Beyond D = 2 Var(X|Z) the rate is 0 and not what a negative ρ would give."""
    return Pair(1.0, 0.6, 2.5)
