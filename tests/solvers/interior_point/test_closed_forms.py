"""The interior point against formulas that know nothing of it."""

import math

import numpy as np
import pytest

from rdptheory import Bernoulli, Hamming, InteriorPoint, Pmf, TotalVariation, closed_forms, rdp
from rdptheory.divergences import F_DIVERGENCES
from tests import checks

BITS = math.log(2.0)


def test_500_coins():
    """Within 1e-8 nat, and the formula inside the bracket up to its own allowance of 16 ulp of Hb(p)."""
    rng = np.random.default_rng(2019)
    worst = 0.0
    for _ in range(500):
        p, D = rng.uniform(0.01, 0.99), rng.uniform(0.0, 0.5)
        P = float(rng.choice([0.0, rng.uniform(0.0, 0.5), 10.0 ** rng.uniform(-8, -1), math.inf]))
        solution = rdp(Bernoulli(p), Hamming(), TotalVariation(), D=D, P=P, method=InteriorPoint())
        exact = rdp(Bernoulli(p), Hamming(), TotalVariation(), D=D, P=P).bounds
        checks.assert_sound(solution, gap=1e-9)
        assert solution.bounds.overlaps(exact), (p, D, P, solution.bounds, exact)
        worst = max(worst, abs(solution.rate - 0.5 * (exact.lower + exact.upper)))
    assert worst <= 1e-8


@pytest.mark.parametrize(
    "D, P, bits", [(0.1, 0, 0.36577660), (0.1, 0.05, 0.34347364), (0.2, 0.05, 0.12018140), (0.05, 0.1, 0.52488117)]
)
def test_published_values_of_a_coin(D, P, bits):
    solution = rdp(Bernoulli(0.25), Hamming(), TotalVariation(), D=D, P=P, method=InteriorPoint())
    assert solution.rate / BITS == pytest.approx(bits, abs=5e-9)  # eight printed digits


@pytest.mark.parametrize("member", [None, *F_DIVERGENCES], ids=lambda member: "none" if member is None else member.name)
@pytest.mark.parametrize("m", [2, 3, 10])
def test_equal_masses_under_hamming(m, member):
    source = Pmf.from_weights(np.ones(m))
    for D in (0.01, 0.3, 1.0 - 1.0 / m):
        for P in (0.0, 0.02) if member else (math.inf,):
            solution = rdp(source, Hamming(), member, D=D, P=P, method=InteriorPoint())
            checks.assert_sound(solution, gap=1e-9)
            checks.assert_inside(solution.bounds, float(closed_forms.uniform_discrete.rate(m, D)), 1e-14)


def test_the_identity_is_the_only_channel_without_distortion():
    p = np.array([0.5, 0.3, 0.2])
    for member in F_DIVERGENCES:
        solution = rdp(Pmf(p), Hamming(), member, D=0.0, P=0.1)
        checks.assert_sound(solution, gap=1e-9)
        checks.assert_inside(solution.bounds, float(-(p * np.log(p)).sum()), 1e-15)
        np.testing.assert_array_equal(solution.candidate.channel, np.eye(3))
