"""A binary source at the points of a set Θ, which several statements draw."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np

from rdptheory.closed_forms import bernoulli
from rdptheory.distortions import Hamming
from rdptheory.representations import UniversalProblem, universal_rate
from rdptheory.solution import Solution
from rdptheory.sources import Bernoulli
from rdptheory.theorems.schemes import TV


class Points(NamedTuple):
    """A binary source, Hamming distortion and total variation, at the (D, P) of a set Θ."""

    source: Bernoulli
    points: tuple[tuple[float, float], ...]

    def rate(self) -> Solution[UniversalProblem]:
        """R(Θ)."""
        return universal_rate(self.source, Hamming(), TV, self.points)


def extremes(p: float, R: float) -> tuple[tuple[float, float], ...]:
    """The ends (D, 0) and (D, ∞) of the tradeoff of Bernoulli(p) at rate R."""
    return tuple((tradeoff(p, R, P), P) for P in (0.0, inf))


def tradeoff(p: float, R: float, P: float) -> float:
    """D(R,P) of Bernoulli(p), by bisection, six halvings at a time."""
    low, high = 0.0, 0.5
    for _ in range(10):
        grid = np.linspace(low, high, 65)
        first = 1 + int((bernoulli.rate(p, grid[1:], P) <= R).argmax())
        low, high = grid[first - 1 : first + 1].tolist()
    return high
