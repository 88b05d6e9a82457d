"""dR/dP at P = 0 and next to it, beside differences of rates, which know nothing of prices."""

import math

import numpy as np
import pytest

from rdptheory import (
    Bernoulli,
    FirstOrder,
    Hamming,
    InteriorPoint,
    JensenShannon,
    KullbackLeibler,
    Pmf,
    SquaredError,
    Table,
    TotalVariation,
    TransportDivergence,
    Wasserstein1,
    Wasserstein2Squared,
    rdp,
)

TV = TotalVariation()
COSTS = TransportDivergence([[0.0, 1.0, 4.0, 2.0], [2.0, 0.0, 1.0, 3.0], [1.0, 3.0, 0.0, 1.0], [2.0, 2.0, 1.0, 0.0]])
LAWS = [Pmf([0.4, 0.3, 0.2, 0.1]), Pmf([0.5, 0.0, 0.3, 0.2])]
JOINT = np.array([[0.20, 0.05], [0.15, 0.10], [0.05, 0.20], [0.05, 0.20]])
STEP = 1e-4
NEAR = 1e-2
"""Relative: R bends by some share of the step, and rates with a gap of 1e-12 nat err by 1e-8 of it."""


def difference(source, distortion, perception, **more):
    """(R(D, h) - R(D, 0))/h."""
    tight = InteriorPoint(gap=1e-12)
    near, at = (rdp(source, distortion, perception, D=0.3, P=P, method=tight, **more).rate for P in (STEP, 0.0))
    return (near - at) / STEP


@pytest.mark.parametrize("source", LAWS, ids=["four", "a mass of 0"])
@pytest.mark.parametrize("distortion", [Hamming(), SquaredError()], ids=repr)
@pytest.mark.parametrize(
    "perception", [TV, Wasserstein1(), Wasserstein2Squared(), COSTS], ids=["TV", "W1", "W2", "costs"]
)
def test_the_slope_of_a_ball_with_corners_is_finite_at_0(source, distortion, perception):
    expected = difference(source, distortion, perception)
    assert expected < -0.01
    for method in (None, InteriorPoint()):
        at = rdp(source, distortion, perception, D=0.3, P=0.0, method=method)
        assert at.slopes.P == pytest.approx(expected, rel=NEAR)
        for P in (1e-6, 1e-8, 1e-10, 1e-13, 1e-14):  # where a multiplier is the rounding of what it stands beside
            near = rdp(source, distortion, perception, D=0.3, P=P, method=method)
            assert near.slopes.P == pytest.approx(at.slopes.P, abs=50.0 * P + 1e-6)  # R bends by 30 at most


@pytest.mark.parametrize("realism", ["output", "joint"])
def test_beside_side_information(realism):
    question = Pmf.from_weights(JOINT.sum(axis=1)), SquaredError(), TV
    beside = {"side_information": JOINT, "realism": realism}
    found = rdp(*question, D=0.3, P=0.0, **beside).slopes.P
    assert found == pytest.approx(difference(*question, **beside), rel=NEAR)


def test_a_formula_says_the_same():
    known, found = (
        rdp(Bernoulli(0.3), Hamming(), TV, D=0.1, P=0.0, method=method).slopes.P for method in (None, InteriorPoint())
    )
    assert found == pytest.approx(known, abs=1e-9)


def test_a_large_alphabet_has_the_slope_of_its_table():
    x = np.linspace(-2.0, 2.0, 200)
    law = Pmf.from_weights(np.exp(-0.5 * x**2), x)
    known = rdp(law, SquaredError(), TV, D=0.3, P=0.0).slopes.P
    assert rdp(law, SquaredError(), TV, D=0.3, P=0.0, method=FirstOrder(gap=1e-9)).slopes.P == pytest.approx(
        known, rel=1e-3
    )
    fine = np.linspace(-2.0, 2.0, 2100)  # of which there is no table
    steep = rdp(Pmf.from_weights(np.exp(-0.5 * fine**2), fine), SquaredError(), TV, D=0.3, P=0.0)
    assert steep.slopes.P == pytest.approx(known, rel=2e-2)  # another law, and a gap of 1e-4 nat


@pytest.mark.parametrize("perception", [KullbackLeibler(), JensenShannon()], ids=repr)
def test_a_smooth_ball_is_steep_at_0_unless_it_costs_nothing(perception):
    assert rdp(LAWS[0], SquaredError(), perception, D=0.3, P=0.0).slopes.P == -math.inf
    ring = Table([[min(abs(i - j), 5 - abs(i - j)) for j in range(5)] for i in range(5)])
    for one in (perception, TV):  # Shannon's optimal output is uniform already
        assert rdp(Pmf([0.2] * 5), ring, one, D=0.3, P=0.0).slopes.P == 0.0


def test_the_gradient_by_the_law_goes_over_into_that_of_0():
    at, near = (rdp(LAWS[0], SquaredError(), TV, D=0.3, P=P).gradient() for P in (0.0, 1e-8))
    assert near.p == pytest.approx(at.p, abs=1e-5)
    assert near.P == pytest.approx(at.P, rel=1e-4)
