"""Rényi and power divergences: their balls, against members of the family that coincide with them and in 50 digits."""

from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdptheory import (
    ChiSquare,
    InteriorPoint,
    InvalidInput,
    KullbackLeibler,
    Pmf,
    PowerDivergence,
    Renyi,
    SquaredError,
    SquaredHellinger,
    perception_at,
    rdp,
)

LAW = Pmf([0.4, 0.3, 0.2, 0.1])
ORDERS = [0.05, 0.3, 0.5, 0.9, 0.999, 1.001, 1.5, 2.0, 3.0, 20.0]


def ask(ball, P, D=0.3, **named):
    return rdp(LAW, SquaredError(), ball, D=D, P=P, **named)


@pytest.mark.parametrize("P", [1e-6, 1e-3, 0.05])
def test_order_2_is_chi_square_and_order_one_half_is_hellinger(P):
    for ours, theirs in (
        (ask(Renyi(2.0), P), ask(ChiSquare(), float(np.expm1(P)))),
        (ask(Renyi(0.5), P), ask(SquaredHellinger(), float(-2.0 * np.expm1(-0.5 * P)))),
        (ask(PowerDivergence(2.0), P), ask(ChiSquare(), 2.0 * P)),
        (ask(PowerDivergence(0.5), P), ask(SquaredHellinger(), 0.5 * P)),
    ):
        assert ours.gap <= 1e-9
        assert ours.bounds.overlaps(theirs.bounds)


def test_rates_rise_with_the_order_and_pass_through_kullback_leibler():
    rates = [ask(Renyi(alpha), 0.01).bounds for alpha in ORDERS]
    assert all(one.lower <= other.upper for one, other in pairwise(rates))
    middle = ask(KullbackLeibler(), 0.01).bounds
    assert rates[4].lower <= middle.upper
    assert middle.lower <= rates[5].upper
    assert rates[5].upper - rates[4].lower <= 1e-4


@pytest.mark.parametrize("alpha", [0.3, 2.0, 5.0])
def test_the_slope_in_P_is_that_of_the_rate(alpha):
    sharp, step = InteriorPoint(gap=1e-12), 1e-5
    found = ask(Renyi(alpha), 0.002, method=sharp)
    ends = [ask(Renyi(alpha), 0.002 + move, method=sharp).rate for move in (-step, step)]
    assert found.slopes.P == pytest.approx((ends[1] - ends[0]) / (2.0 * step), rel=1e-4, abs=1e-9)


@given(st.sampled_from(ORDERS), st.integers(0, 2**32 - 1), st.floats(1e-9, 1.0))
def test_values_in_fifty_digits(order, seed, share):
    """Near each other the laws differ by `share`: a small divergence keeps its digits."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(4)) * 0.9 + 0.025
    r = p + share * 0.4 * (rng.dirichlet(np.ones(4)) * 0.9 + 0.025 - p)
    with mpmath.workdps(50):
        a = mpmath.mpf(order)
        terms = [
            mpmath.mpf(float(x))
            * (
                (
                    (mpmath.mpf(float(y)) / mpmath.mpf(float(x))) ** a
                    - a * mpmath.mpf(float(y)) / mpmath.mpf(float(x))
                    + a
                    - 1
                )
                / (a * (a - 1))
            )
            for x, y in zip(p, r, strict=True)
        ]
        power = mpmath.fsum(terms)
    found = PowerDivergence(order)
    assert abs(found.value(p, r) - float(power)) <= found.uncertainty(p, r, 0.0)


@given(st.sampled_from(ORDERS), st.integers(0, 2**32 - 1), st.floats(-20.0, -1.0))
def test_values_of_laws_that_are_decades_apart(order, seed, lightest):
    rng = np.random.default_rng(seed)
    p, r = (law / law.sum() for law in 10.0 ** rng.uniform(lightest, 0.0, (2, 4)))
    with mpmath.workdps(60):
        a, masses = mpmath.mpf(order), [(mpmath.mpf(x), mpmath.mpf(y)) for x, y in zip(p, r, strict=True)]
        power = mpmath.fsum((x ** (1 - a) * y**a - a * y + (a - 1) * x) / (a * (a - 1)) for x, y in masses)
        relative = mpmath.log(mpmath.fsum(x ** (1 - a) * y**a for x, y in masses)) / (a - 1)
        found = PowerDivergence(order)
        assert abs(found.value(p, r) - power) <= found.uncertainty(p, r, 0.0)
        # both sums are of laws that sum to 1 but for their rounding, which 1/(a - 1) multiplies next to order 1
        assert float(Renyi(order).value(p, r)) == pytest.approx(float(relative), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("order", [0.5, 0.7, 0.9, 1.5, 20.0])
def test_what_a_power_is_made_of_is_lost_at_no_ratio(order):
    """1 + (t - 1) is 0 at t = 1e-17, and the power of it that was lost is 6e-9 at order 1/2."""
    found, p, r = PowerDivergence(order), np.array([0.5, 0.5]), np.array([5e-18, 1.0])
    exact = mpmath.mpf(0)
    with mpmath.workdps(60):
        for x, y in ((mpmath.mpf(a), mpmath.mpf(b)) for a, b in zip(p, r, strict=True)):
            exact += (x ** (1 - mpmath.mpf(order)) * y ** mpmath.mpf(order) - order * y + (order - 1.0) * x) / (
                mpmath.mpf(order) * (mpmath.mpf(order) - 1)
            )
        assert abs(found.value(p, r) - exact) <= found.uncertainty(p, r, 0.0)


def test_distances_whose_squares_leave_float64():
    p, r = np.array([1e-200, 1.0]), np.array([0.5, 0.5])
    assert ChiSquare().value(p, r) == pytest.approx(2.5e199, rel=1e-14)
    assert PowerDivergence(2.0).value(p, r) == pytest.approx(1.25e199, rel=1e-14)
    assert Renyi(20.0).value(p, r) == pytest.approx(
        (20.0 * np.log(0.5) + 19.0 * 200.0 * np.log(10.0)) / 19.0, rel=1e-14
    )
    assert Renyi(0.5).value(np.array([1.0, 1e-40]), np.array([1e-40, 1.0])) == pytest.approx(
        40.0 * np.log(10.0) - np.log(4), rel=1e-14
    )


def test_a_law_outside_the_ball_is_outside():
    output = np.array([0.25, 0.25, 0.25, 0.25])
    for alpha in ORDERS:
        value, power = Renyi(alpha).value(LAW.probabilities, output), PowerDivergence(alpha)
        assert power.value(LAW.probabilities, output) == pytest.approx(Renyi(alpha).radius(value), rel=1e-12)
    assert Renyi(2.0).value(np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])) == np.inf


@pytest.mark.parametrize("alpha", [0.0, 1.0, -2.0, 21.0, np.nan, np.inf, "2", True])
def test_orders_that_are_none(alpha):
    for kind in (Renyi, PowerDivergence):
        with pytest.raises(InvalidInput):
            kind(alpha)


def test_what_needs_convexity_is_refused_where_there_is_none():
    with pytest.raises(InvalidInput, match="convex"):
        perception_at(LAW, SquaredError(), Renyi(2.0), R=0.5, D=0.3)
    assert perception_at(LAW, SquaredError(), Renyi(0.5), R=0.5465, D=0.3).value > 0.0
