"""Every member of the family: its value, its φ, and the support function of its ball."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdptheory import (
    InvalidInput,
    JensenShannon,
    SquaredHellinger,
    TotalVariation,
    TransportDivergence,
    Wasserstein2Squared,
)
from rdptheory.divergences import F_DIVERGENCES, SmoothFDivergence
from tests import checks, oracles
from tests.strategies import DIVERGENCES, RADII, laws, vectors

SMOOTH = [member for member in F_DIVERGENCES if isinstance(member, SmoothFDivergence)]
every = pytest.mark.parametrize("member", F_DIVERGENCES, ids=lambda member: member.name)
every_smooth = pytest.mark.parametrize("member", SMOOTH, ids=lambda member: member.name)
Y = np.array([-30.0, -3.0, -1.0, -0.1, -1e-8, 0.0, 1e-8, 0.1, 0.5, 0.69])


@every
@given(p=laws(5), r=laws(5))
def test_value_is_another_formula(member, p, r):
    checks.f_divergence_formula(member, p, r, member.value(p, r))


@every
@given(p=laws(4), r=laws(4), q=laws(4), share=st.floats(0.0, 1.0))
def test_value_is_convex_in_the_output_and_zero_at_the_source(member, p, r, q, share):
    assert member.value(p, p) <= 1e-16
    first, second = member.value(p, r), member.value(p, q)
    assert min(first, second) >= 0.0
    if max(first, second) < math.inf:
        mixed = member.value(p, share * r + (1.0 - share) * q)
        assert mixed <= share * first + (1.0 - share) * second + 1e-13 * max(1.0, first, second)


@pytest.mark.parametrize(
    "member, most", [(TotalVariation(), 1.0), (JensenShannon(), 2 * math.log(2)), (SquaredHellinger(), 2.0)]
)
def test_bounded_members_reach_their_maximum_on_disjoint_laws(member, most):
    assert member.value(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(most, rel=1e-15)


@every
def test_the_price_of_mass_where_the_source_has_none(member):
    value = member.value(np.array([1.0, 0.0]), np.array([1.0 - 1e-6, 1e-6]))
    if math.isinf(member.recession):
        assert value == math.inf
    else:  # φ(t) at t = 1 - 1e-6 is at most of the order of 1e-6
        assert value == pytest.approx(1e-6 * member.recession, abs=1.1e-6)
        assert value >= 1e-6 * member.recession * (1.0 - 1e-5)


@every
def test_members_are_plain_values(member):
    assert member == type(member)()
    assert pickle.loads(pickle.dumps(member)) == member
    assert member.name == type(member).__name__
    assert member.on(np.arange(3.0)) is member


@every_smooth
def test_the_derivatives_of_phi_are_its_derivatives(member):
    t = np.array([0.1, 0.5, 0.9, 1.0, 1.5, 4.0, 20.0])
    h = 1e-5 * t
    assert float(member.phi(np.ones(1))[0]) == 0.0
    np.testing.assert_allclose((member.phi(t + h) - member.phi(t - h)) / (2 * h), member.slope(t), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose((member.slope(t + h) - member.slope(t - h)) / (2 * h), member.curvature(t), rtol=1e-6)
    assert (member.curvature(t) > 0.0).all()
    assert (member.slope(t) < member.recession).all()


@every_smooth
def test_ratio_inverts_the_slope_and_the_conjugate_is_the_maximum(member):
    y = Y[Y < member.recession]
    t = member.ratio(y)
    positive = t > 0.0
    np.testing.assert_allclose(member.slope(t[positive]), y[positive], rtol=1e-9, atol=1e-9)
    with np.errstate(divide="ignore"):
        grid = np.geomspace(1e-14, 1e4, 4001)
        best = (grid[:, None] * y - member.phi(grid)[:, None]).max(axis=0)
    conjugate = member.conjugate(y)
    assert (best <= conjugate + 1e-12).all()
    np.testing.assert_allclose(best, conjugate, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(SmoothFDivergence.conjugate(member, y[positive]), conjugate[positive], atol=1e-13)
    h = 1e-6
    inner = y[(y + h < member.recession) & (np.abs(y + 2.0) > h)]
    np.testing.assert_allclose(
        (member.ratio(inner + h) - member.ratio(inner - h)) / (2 * h), member.ratio_slope(inner), rtol=1e-5, atol=1e-9
    )


@every
@given(v=vectors(5), p=laws(5), P=RADII, r=laws(5), share=st.floats(0.0, 1.0))
def test_support_is_an_upper_bound_on_every_law_of_the_ball(member, v, p, P, r, share):
    support = member.support(v, p, P)
    for halvings in range(60):  # towards the centre, until the law is inside by more than the rounding of δ
        inside = p + share * 0.5**halvings * (r - p)
        if member.value(p, inside) <= P - 1e-15:
            assert support.value >= float(v @ inside) - 1e-13
            return
    assert support.value >= float(v @ p) - 1e-13


@every
@given(v=vectors(5), p=laws(5, zero=False, tiny=False), P=RADII)
def test_support_is_attained_by_its_law(member, v, p, P):
    support = member.support(v, p, P)
    assert (support.law >= 0.0).all()
    assert support.law.sum() == pytest.approx(1.0, abs=1e-14)
    assert member.value(p, support.law) <= P * (1.0 + 1e-9) + 1e-15
    assert support.value == pytest.approx(float(v @ support.law), abs=1e-8)
    assert support.value <= v.max() + 1e-13


@every
@given(v=vectors(4), p=laws(4), P=RADII, mu=st.floats(1e-6, 1e3), gamma=st.floats(-10.0, 10.0))
def test_any_multipliers_bound_the_support_from_above(member, v, p, P, mu, gamma):
    if isinstance(member, SmoothFDivergence):
        bound = member.support_bound(v, p, P, mu, gamma)
        assert bound >= float(v @ member.support(v, p, P).law) - 1e-12 * max(1.0, abs(gamma), mu)
        assert bound >= float(v @ p) - 1e-12 * max(1.0, abs(gamma), mu)


@every
@pytest.mark.parametrize("P", [0.01, 0.2])
def test_support_against_a_conic_program(member, P):
    rng = np.random.default_rng(11)
    for n in (2, 3, 6):
        p = rng.dirichlet(np.ones(n)) * 0.9 + 0.1 / n
        v = rng.normal(size=n)
        assert member.support(v, p, P).value == pytest.approx(oracles.support(member, v, p, P), abs=2e-6)


@given(DIVERGENCES, vectors(4), laws(4, zero=False, tiny=False))
def test_support_at_the_ends_of_the_range(member, v, p):
    assert member.support(v, p, 0.0).value == pytest.approx(float(p @ v), abs=1e-13)
    assert member.support(v, p, math.inf).value == v.max()
    assert member.support(np.full(4, 2.0), p, 0.1).value == pytest.approx(2.0, abs=1e-13)


@given(DIVERGENCES, vectors(4), laws(4), st.floats(0.0, 0.5), st.floats(0.0, 0.5))
def test_support_grows_with_the_ball(member, v, p, P, more):
    assert member.support(v, p, P).value <= member.support(v, p, P + more).value + 1e-9


@pytest.mark.parametrize("P", [5e-324, 1e-310])
@every_smooth
def test_support_of_a_ball_too_small_for_normal_numbers_is_that_of_a_point(member, P):
    p = np.array([0.0, 8.77792431e-01, 1.22207569e-01, 2.06203049e-15])
    v = np.array([0.0, -3.32731971, -6.9e-8, 0.0])
    assert p @ v <= member.support(v, p, P).value <= p @ v + 1e-13


@every_smooth
@pytest.mark.parametrize("light", [1e-6, 3e-15])
def test_a_light_symbol_that_the_best_law_fills_costs_no_digits(member, light):
    """There t is next to its pole, δ has few digits, and a search can end at a worse μ than it was given."""
    q, r = np.array([0.5, 0.5 - light, light]), np.array([0.4, 0.424, 0.176])
    for mu in (0.046, 3.0):
        v, P = mu * member.slope(r / q), member.value(q, r)
        best, noise = float(v @ r), 1e-13 * float(np.abs(v).max())
        assert best - noise <= member.support_near(v, q, P, mu) <= best + noise + 1e-12


def test_transport_needs_points():
    for call in (Wasserstein2Squared().value, lambda p, r: Wasserstein2Squared().support(p, r, 0.1)):
        with pytest.raises(InvalidInput, match="points"):
            call(np.array([0.5, 0.5]), np.array([0.4, 0.6]))


@every
def test_a_flat_price_of_a_law_that_sums_to_1_up_to_rounding(member):
    """The law divided by its sum may be off by more than a radius of 1e-300."""
    reference = np.random.default_rng(1).dirichlet(np.ones(5))
    assert reference.sum() != 1.0
    found = member.support(np.full(5, 2.0), reference, 1e-300)
    assert found.value == pytest.approx(2.0, abs=1e-15)
    np.testing.assert_allclose(found.law, reference, rtol=1e-15)


@every_smooth
def test_no_mass_anywhere_is_no_reference(member):
    with pytest.raises(InvalidInput, match="with mass somewhere"):
        member.support([0.0, 1.0], [0.0, 0.0], 0.1)


def test_transport_costs_fit_their_laws():
    for cost in ([1.0, 2.0], [[0.0, -1.0]], np.empty((0, 2))):
        with pytest.raises(InvalidInput, match="cost"):
            TransportDivergence(cost)
    with pytest.raises(InvalidInput, match="line"):
        TransportDivergence(np.ones((2, 2)), line=[0.0, 1.0, 2.0])
    swap = TransportDivergence([[0.0, 1.0], [1.0, 0.0]])
    with pytest.raises(InvalidInput, match="plan"):
        swap.bound([0.5, 0.5], [0.5, 0.5], np.ones((2, 3)))
    stuck = TransportDivergence(
        [[1.0, 2.0], [1.0, 0.0]]
    )  # no law is at no cost: any bound is one, the lower the better
    assert stuck.support([1.0, 3.0], [0.5, 0.5], 0.0).value < 1.0
    free = swap.support([1.0, 3.0], [0.5, 0.5], math.inf)
    assert free.value == 3.0
    assert free.law.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("member", SMOOTH, ids=lambda member: member.name)
def test_bends_are_the_derivatives_of_the_value(member):
    """Central differences of 1e-4 miss both derivatives by 1e-7 of them here, and δ itself has 16 digits."""
    p, r, step = np.array([0.2, 0.3, 0.5]), np.array([0.3, 0.25, 0.45]), 1e-4
    lean, bend = member.bends(p, r)
    for j, unit in enumerate(step * np.eye(3)):
        low, here, high = (member.value(p, r + k * unit) for k in (-1.0, 0.0, 1.0))
        assert (high - low) / (2.0 * step) == pytest.approx(lean[j], rel=1e-6, abs=1e-7)
        assert (high - 2.0 * here + low) / step**2 == pytest.approx(bend[j], rel=1e-6, abs=1e-5)


def test_total_variation_is_a_transport_and_smooth_members_are_none():
    p, r = np.array([0.2, 0.3, 0.5]), np.array([0.4, 0.25, 0.35])
    moves = TotalVariation().moves(3)
    assert TransportDivergence(moves).value(p, r) == pytest.approx(TotalVariation().value(p, r), abs=1e-12)
    assert TotalVariation().bends(p, r) is None
    assert all(member.moves(3) is None for member in SMOOTH)
