"""The page's table of other questions: one certified answer for each kind that the package takes besides R(D,P)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rdptheory._types import Bounds, FloatArray
from rdptheory.closed_forms import gaussian
from rdptheory.distortions import AbsoluteError, Hamming, SquaredError, Table
from rdptheory.divergences import TotalVariation
from rdptheory.doors import guard
from rdptheory.information import law_entropy
from rdptheory.relevance import bottleneck, relevant_rate, side_information_rate
from rdptheory.report.page import Block, Least, Most, Section
from rdptheory.slope import rate_at_slope
from rdptheory.solve import rate_distortion, rdp
from rdptheory.sources import Bernoulli, Gaussian, Laplace, Pmf
from rdptheory.transport import constrained_transport
from rdptheory.units import nats_to_bits

__all__ = ["other_questions"]

FAR = 8  # grey levels: a larger error is forbidden in the row that forbids
CODE = f"""from math import inf
import numpy as np
from rdptheory import *
from rdptheory.demo import digits_pairs

joint = digits_pairs()  # the law of a pixel and of its left neighbour in five groups
pixel, seen = Pmf.from_weights(joint.sum(axis=1)), joint / joint.sum(axis=1, keepdims=True)
ink = np.stack([seen[:, 0], 1 - seen[:, 0]], axis=1)  # paper or ink, given the pixel
d, tv, coin = SquaredError(), TotalVariation(), Bernoulli(0.25)
table = d.table(pixel.points)
never = Table(np.where(table > {FAR}**2, np.inf, table))"""
"""What the calls of the tables stand on: pasted first, each of them runs."""
HEAD = ("question", "in Python", "at least (bits)", "at most (bits)", "width (bits)")
SENT = ("distribution-preserving codes", "in Python", "E d at least", "E d at most", "width")
D, P = 6.0, 0.02  # squared grey levels and total variation: both limits bind on pixels of the digits


def other_questions(joint: FloatArray) -> Section:
    """The section, on the joint law (n, k) of a grey level and of its left neighbour's in k groups."""
    source = Pmf.from_weights(joint.sum(axis=1))
    seen = joint / joint.sum(axis=1, keepdims=True)
    ink = np.stack([seen[:, 0], 1.0 - seen[:, 0]], axis=1)  # whether the neighbour is paper or ink
    tv, squared = TotalVariation(), SquaredError()
    grey = np.arange(source.size)
    table = (grey[:, None] - grey) ** 2.0
    least, most = _ends(source.probabilities, ink)
    C = float(f"{least + 0.1 * (most - least):.6g}")  # as the call says it
    at = rate_at_slope(source, squared, tv, s=0.05, P=P)
    rows = [
        ("no side information", "rdp(pixel, d, tv, D=6, P=.02)", rdp(source, squared, tv, D=D, P=P).bounds),
        (
            "both ends see the left neighbour, pixels look right",
            "rdp(pixel, d, tv, D=6, P=.02, side_information=joint)",
            rdp(source, squared, tv, D=D, P=P, side_information=joint).bounds,
        ),
        (
            "both ends see it, pairs look right",
            'rdp(pixel, d, tv, D=6, P=.02, side_information=joint, realism="joint")',
            rdp(source, squared, tv, D=D, P=P, side_information=joint, realism="joint").bounds,
        ),
        (
            "the decoder alone sees whether the neighbour is ink, no perception limit",
            "side_information_rate(pixel, ink, d, D=6)",
            side_information_rate(source, ink, squared, D=D).bounds,
        ),
        (
            f"what is sent leaves {nats_to_bits(C):.3f} of {nats_to_bits(most):.3f} bit open: is the neighbour ink",
            f"bottleneck(pixel, ink, C={C:.6g})",
            bottleneck(source, ink, C=C).bounds,
        ),
        (
            "the same, and pixels are near and look right",
            f"relevant_rate(pixel, ink, d, tv, C={C:.6g}, D=6, P=.02)",
            relevant_rate(source, ink, squared, tv, C=C, D=D, P=P).bounds,
        ),
        (
            "squared error and share of wrong levels at once",
            "rdp(pixel, [d, Hamming()], tv, D=[6, .3], P=.02)",
            rdp(source, [squared, Hamming()], tv, D=[D, 0.3], P=P).bounds,
        ),
        (
            f"no error above {FAR} levels, ever",
            "rdp(pixel, never, tv, D=6, P=.02)",
            rdp(source, Table(np.where(table > FAR**2, np.inf, table)), tv, D=D, P=P).bounds,
        ),
        ("where 1/20 nat buys a squared grey level", "rate_at_slope(pixel, d, tv, s=.05, P=.02).rate", at.rate),
        (
            "Laplace(0, 1), absolute error, D = 1/4: log 1/D",
            "rate_distortion(Laplace(0, 1), AbsoluteError(), D=.25)",
            rate_distortion(Laplace(0.0, 1.0), AbsoluteError(), D=0.25).bounds,
        ),
        (
            "N(0, 1), D = .3, total variation .01",
            "rdp(Gaussian(0, 1), d, tv, D=.3, P=.01)",
            rdp(Gaussian(0.0, 1.0), squared, tv, D=0.3, P=0.01).bounds,
        ),
        (
            "the same from Gaussian arguments alone: no Gaussian channel is optimal",
            "closed_forms.gaussian.bounds(1, .3, .01, tv)",
            gaussian.bounds(1.0, 0.3, 0.01, tv),
        ),
    ]
    words = [
        "What else can be asked, one answer each: a pixel of the digits and its left neighbour, squared error, total "
        "variation, D = 6 and P = 0.02 where nothing else is said; then two densities.",
    ]
    blocks = [Block(head=HEAD, rows=[_row(*row) for row in rows]), Block(head=SENT, rows=list(_sent()))]
    return Section("questions", "Other questions", words, "", blocks, CODE)


def _sent() -> Iterator[Sequence[str | float]]:
    """A coin sent as itself over long blocks, at three rates of common randomness."""
    coin = Bernoulli(0.25)
    for shared in (0.0, 0.1, np.inf):
        found = constrained_transport(
            coin, coin, SquaredError(), R=0.1, common_randomness=shared, asymptotic=True
        ).bounds
        call = f"constrained_transport(coin, coin, d, R=.1, common_randomness={shared:g}, asymptotic=True)"
        said = f"Bernoulli(1/4) sent as itself at 0.1 nat, {shared:g} nat of common randomness"
        yield said, call, Least(found.lower), Most(found.upper), found.gap


def _row(question: str, call: str, bounds: Bounds) -> Sequence[str | float]:
    return question, call, Least(nats_to_bits(bounds.lower)), Most(nats_to_bits(bounds.upper)), nats_to_bits(bounds.gap)


def _ends(p: FloatArray, classes: FloatArray) -> tuple[float, float]:
    """H(S|X) and H(S)."""
    return float(p @ law_entropy(classes)), float(law_entropy(p @ classes))


guard(__name__)
