"""Small questions whose brackets are true only if every multiplier is in the allowance, with values to forty digits."""

import math

import numpy as np
import pytest

from rdptheory import (
    Bernoulli,
    Hamming,
    InteriorPoint,
    JensenShannon,
    KullbackLeibler,
    Pmf,
    SquaredError,
    Status,
    Table,
    TransportDivergence,
    rate_distortion,
    rdp,
)
from rdptheory.certificates import lower_bound, upper_bound
from rdptheory.divergences import F_DIVERGENCES
from tests import checks

smooth = [member for member in F_DIVERGENCES if member.smooth]


def test_a_multiplier_of_a_million_is_paid_for():
    """A feasible channel has this rate to forty digits: the lower end lies below it, and next to it."""
    solution = rdp(Bernoulli(0.1), Hamming(), JensenShannon(), D=0.05, P=1e-9)
    assert solution.require(gap=1e-9).bounds.lower <= 0.15459358838532977


def test_a_limit_beside_a_large_offset_is_not_lost():
    """log 2 - Hb(2^-10) of the same question without the offset of 1e12."""
    table = Table([[1e12, 1e12 + 1.0], [1e12 + 1.0, 1e12]])
    x = 2.0**-10
    truth = math.log(2.0) + x * math.log(x) + (1.0 - x) * math.log1p(-x)
    checks.assert_inside(rate_distortion(Pmf([0.5, 0.5]), table, D=1e12 + x).require(gap=1e-9).bounds, truth, 1e-15)


def test_a_radius_below_the_resolution_of_its_divergence():
    solution = rdp(Pmf([0.1, 0.3, 0.6]), SquaredError(), KullbackLeibler(), D=0.24, P=1e-18)
    checks.assert_inside(solution.require(gap=1e-9).bounds, 0.311264416053, 5e-11)  # its dual point proves this much


@pytest.mark.parametrize("member", smooth, ids=lambda member: member.name)
@pytest.mark.parametrize("P", [1e-300, 1e-24, 1e-15, 1e-11, 1e-8, 1e-5])
def test_small_balls_close_and_need_no_hints(member, P):
    solution = rdp(Pmf([0.1, 0.3, 0.6]), SquaredError(), member, D=0.24, P=P, method=InteriorPoint())
    checks.assert_sound(solution, gap=1e-9)
    discrete = solution.problem.discrete
    assert upper_bound(discrete, solution.candidate.channel).rate >= solution.bounds.lower
    assert lower_bound(discrete, solution.dual) <= solution.bounds.upper


@pytest.mark.parametrize("member", smooth, ids=lambda member: member.name)
def test_small_balls_close_beside_symbols_that_weigh_nothing(member):
    source = Pmf.from_weights([0.5, 0.3, 1e-175, 0.2, 1e-257], [0.0, 1.0, 2.0, 3.0, 4.0])
    for P in (1e-249, 1e-12, 1e-6):
        checks.assert_sound(rdp(source, SquaredError(), member, D=0.2, P=P, method=InteriorPoint()), gap=1e-9)


@pytest.mark.parametrize("cost, D, P", [([[1, 3], [2, 1]], 0.9, 0.1), ([[1, 1], [1, 1]], 0.3, 0.5)])
def test_a_transport_ball_that_holds_no_law_is_infeasible(cost, D, P):
    for p in ([0.9, 0.1], [0.5, 0.5]):
        solution = rdp(Pmf(p), Hamming(), TransportDivergence(cost), D=D, P=P)
        assert solution.status is Status.INFEASIBLE
        assert "least cost" in solution.message


def test_a_channel_of_rate_0_is_a_channel():
    solution = rdp(
        Pmf([0.02, 0.98]), Table(np.zeros((2, 2))), TransportDivergence([[0, 0.82], [0.75, 0]]), D=0.0, P=0.1
    )
    checks.assert_sound(solution, gap=0.0)
