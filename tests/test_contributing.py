"""The recipes of CONTRIBUTING, followed from outside the package: each new member goes through every verb."""

from dataclasses import dataclass

import numpy as np
import pytest

from rdptheory import (
    DualPoint,
    InteriorPoint,
    Joblib,
    KullbackLeibler,
    Outcome,
    Pmf,
    Serial,
    SquaredError,
    distortion_at,
    rdp,
    surface,
)
from rdptheory.divergences import SmoothFDivergence
from rdptheory.sweeps import tabulate

LAW = Pmf([0.4, 0.3, 0.2, 0.1])


@dataclass(frozen=True)
class Log(SmoothFDivergence):
    """KL(r‖p) written again: φ, two derivatives and an inverse, and nothing else."""

    recession = float("inf")

    def phi(self, t):
        return np.where(t > 0.0, t * np.log(np.maximum(t, 1e-300)), 0.0) - t + 1.0

    def slope(self, t):
        return np.log(t)

    def curvature(self, t):
        return 1.0 / t

    def ratio(self, y):
        return np.exp(y)

    def ratio_slope(self, y):
        return np.exp(y)


@dataclass(frozen=True)
class Square:
    """(x - y)² written again: a table, and nothing else."""

    def table(self, points):
        return (points[:, None] - points) ** 2


@dataclass(frozen=True)
class Guess:
    """A method: Blahut-Arimoto at one slope, without a look at the limits."""

    s: float = 1.2

    def solve(self, problem):
        p, d = problem.probabilities, problem.distortions[0].table
        r = np.full(problem.shape[1], 1.0 / problem.shape[1])
        for _ in range(200):
            channel = r * np.exp(-self.s * d)
            sums = channel.sum(axis=1)
            r = p @ (channel / sums[:, None])
        return Outcome(channel / sums[:, None], DualPoint(-np.log(sums), np.array([self.s])), 200)


@pytest.mark.parametrize("distortion", [SquaredError(), Square()], ids=lambda d: type(d).__name__)
@pytest.mark.parametrize("perception", [KullbackLeibler(), Log()], ids=lambda d: type(d).__name__)
def test_a_divergence_and_a_distortion(distortion, perception):
    ours = rdp(LAW, SquaredError(), KullbackLeibler(), D=0.3, P=0.001)
    mine = rdp(LAW, distortion, perception, D=0.3, P=0.001)
    assert mine.gap <= 1e-9
    assert mine.bounds.overlaps(ours.bounds)
    grid = surface(LAW, distortion, perception, D=[0.2, 0.3], P=[0.0, 0.001], executor=Serial())
    assert float(grid["lower"].sel(D=0.3, P=0.001)) <= ours.rate <= float(grid["upper"].sel(D=0.3, P=0.001)) + 1e-12
    found = distortion_at(LAW, distortion, perception, R=ours.rate, P=0.001)
    assert found.value == pytest.approx(0.3, abs=1e-8)  # a gap of 1e-9 over a slope above 1
    assert [row.P for row in tabulate("mine", LAW, distortion, perception, D=[0.3], P=[0.001])] == [0.001]


def test_a_method():
    """Its bracket is wide where it did not look at the limits, and true."""
    truth = rdp(LAW, SquaredError(), KullbackLeibler(), D=0.3, P=0.001, method=InteriorPoint())
    mine = rdp(LAW, SquaredError(), KullbackLeibler(), D=0.3, P=0.001, method=Guess())
    assert mine.bounds.lower <= truth.bounds.upper
    assert truth.bounds.lower <= mine.bounds.upper
    assert mine.bounds.lower > 0.5 * truth.rate
    assert isinstance(Joblib(1), Joblib)
