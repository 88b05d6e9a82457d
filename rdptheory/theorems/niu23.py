"""Niu, Gündüz, Bai and Han: side information at both ends [NIU23]."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rdptheory._types import Bounds, FloatArray
from rdptheory.distortions import Hamming
from rdptheory.divergences import F_DIVERGENCES, Divergence
from rdptheory.solve import rdp
from rdptheory.sources import Pmf
from rdptheory.theorems import schemes
from rdptheory.theorems.schemes import TV
from rdptheory.theorems.settings import INFORMATION
from rdptheory.theorems.statement import Verdict, at_most, equal, states, worst


class Seen(NamedTuple):
    """A law of (X, Z), what is compared, two points (D, P) and the share of the first; `root` stands for √δ."""

    joint: FloatArray
    perception: Divergence
    realism: str
    points: tuple[tuple[float, float], tuple[float, float]]
    share: float
    root: bool = False

    @property
    def source(self) -> Pmf:
        """The law of X."""
        return Pmf.from_weights(self.joint.sum(axis=1))

    def at(self, D: float, P: float, realism: str = "") -> Bounds:
        """R(D,P|Z) under Hamming distortion."""
        P = P**2 if self.root else P
        given, kind = self.joint, realism or self.realism
        return rdp(self.source, Hamming(), self.perception, D=D, P=P, side_information=given, realism=kind).bounds


def draw_seen(rng: np.random.Generator) -> Seen:
    """Two to four symbols of X, two or three of Z."""
    n, k = int(rng.integers(2, 5)), int(rng.integers(2, 4))
    joint = schemes.law(rng, n * k).reshape(n, k)
    points = [(float(rng.uniform(0.05, 0.5)), float(rng.choice([0.0, 0.01, 0.1]))) for _ in range(2)]
    divergence = F_DIVERGENCES[int(rng.integers(len(F_DIVERGENCES)))]
    realism = "output" if rng.uniform() < 0.5 else "joint"
    return Seen(joint, divergence, realism, (points[0], points[1]), float(rng.uniform(0.2, 0.8)))


@states(
    "NIU23.convex",
    setting=INFORMATION,
    draw=draw_seen,
    conditions="δ convex in its second argument; Z at both ends",
    where="the conditional function and its shape",
)
def check_shape(case: Seen) -> Verdict:
    """R(D,P|Z) is non-increasing in both limits and jointly convex, whichever laws are compared.

        R(λD1 + (1-λ)D2, λP1 + (1-λ)P2 | Z) <= λ R(D1,P1|Z) + (1-λ) R(D2,P2|Z)

    At a mixture of two points, and at the looser of each limit.
    """
    (D1, P1), (D2, P2), w = case.points[0], case.points[1], case.share
    one, two = case.at(D1, P1), case.at(D2, P2)
    both, between = case.at(max(D1, D2), max(P1, P2)), case.at(w * D1 + (1.0 - w) * D2, w * P1 + (1.0 - w) * P2)
    chord = Bounds(w * one.lower + (1.0 - w) * two.lower, w * one.upper + (1.0 - w) * two.upper)
    return worst([at_most(both, one), at_most(both, two), at_most(between, chord)])


@check_shape.fails("root-tv")
def root_points(_: np.random.Generator) -> Seen:
    """√TV is not convex, and a Z that says nothing leaves R(D,P): half at P = 0 and half at 0.54 take less than P =
    0.27."""
    return Seen(np.outer([0.7, 0.3], [0.5, 0.5]), TV, "output", ((0.3, 0.0), (0.3, 0.54)), 0.5, root=True)


@states(
    "NIU23.helps",
    setting=INFORMATION,
    draw=draw_seen,
    conditions="δ compares the laws of X and Y; Z at both ends",
    where="the conditional function beside the plain one",
)
def check_helps(case: Seen) -> Verdict:
    """What both ends see costs no rate, and where it says nothing of X it saves none.

        R(D,P|Z) <= R(D,P),   with equality where Z is independent of X

    With the law that was drawn, and with the product of its marginals.
    """
    (D, P), p = case.points[0], case.joint
    plain = rdp(case.source, Hamming(), case.perception, D=D, P=P).bounds
    apart = case._replace(joint=np.outer(p.sum(axis=1), p.sum(axis=0)))
    return worst([at_most(case.at(D, P, "output"), plain), equal(apart.at(D, P, "output"), plain)])
