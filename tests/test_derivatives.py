"""Derivatives of the rate against central differences and printed numbers, and without what the ball adds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import (
    AbsoluteError,
    Bernoulli,
    Gaussian,
    Hamming,
    InteriorPoint,
    InvalidInput,
    Laplace,
    Pmf,
    SquaredError,
    Table,
    TotalVariation,
    TransportDivergence,
    discretise,
    rate_distortion,
    rdp,
)
from rdptheory.divergences import F_DIVERGENCES
from tests.checks import rounded

SHARP = InteriorPoint(gap=1e-12)
STEP = 3e-3  # of the differences: their own error is its fourth power, and what brackets of 1e-12 add is 1e-9
MODES = ["none", "zero", "transport", *F_DIVERGENCES]


def _rate(p, table, ball, D, P):
    reference = None if ball is None else p
    found = rdp(Pmf(p / p.sum()), Table(table, reference=reference), ball, D=D, P=P, method=SHARP)
    return 0.5 * (found.bounds.lower + found.bounds.upper), found


def _problem(seed, mode):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 9))
    p, x = rng.dirichlet(3.0 * np.ones(n)), np.sort(rng.uniform(size=n)) * 2.0
    p = (p + 0.02) / (p + 0.02).sum()
    table = (x[:, None] - x) ** 2 + 0.05 * rng.uniform(size=(n, n))
    np.fill_diagonal(table, 0.01 * rng.uniform(size=n))
    least = float(p @ table.min(axis=1))
    D = least + 0.15 * (float((p @ table).min()) - least)
    ball = {"none": None, "zero": TotalVariation(), "transport": TransportDivergence((x[:, None] - x) ** 2)}
    P = {"none": np.inf, "zero": 0.0, "transport": 0.002}
    return rng, p, table, ball.get(mode, mode), D, P.get(mode, 0.005)


@pytest.mark.parametrize("mode", MODES, ids=str)
@settings(max_examples=3)
@given(seed=st.integers(0, 2**32 - 1))
def test_differences_agree(mode, seed):
    """To 1e-6, with differences of fourth order; on 100 such problems the worst of 377 derivatives is off by 2.3e-7."""
    rng, p, table, ball, D, P = _problem(seed, mode)
    _, found = _rate(p, table, ball, D, P)
    slope = found.gradient()
    along = rng.normal(size=p.size)
    along -= along.mean()
    along *= 0.3 * p.min() / np.abs(along).max()
    entries = rng.normal(size=table.shape) * 0.003
    sides = [
        (slope.p @ along, lambda t: _rate(p + t * along, table, ball, D, P)[0]),
        (np.vdot(slope.table, entries), lambda t: _rate(p, table + t * entries, ball, D, P)[0]),
        (slope.D * D, lambda t: _rate(p, table, ball, D * (1.0 + t), P)[0]),
        (slope.P * P if 0.0 < P < np.inf else 0.0, lambda t: _rate(p, table, ball, D, P * (1.0 + t))[0]),
    ]
    size = max(abs(side) for side, _ in sides)
    for side, rate in sides if 0.0 < P < np.inf else sides[:-1]:
        first, second, third = ((rate(h) - rate(-h)) / (2.0 * h) for h in (2.0 * STEP, STEP, 0.5 * STEP))
        wide, narrow = (4.0 * second - first) / 3.0, (4.0 * third - second) / 3.0
        if abs(wide - narrow) > 1e-7 * size:
            continue  # a corner of R lies between: total variation and transport have some
        assert side == pytest.approx(narrow, rel=1e-6, abs=1e-7 * size)


def test_printed_gradient():
    found = rdp(Pmf([0.4, 0.3, 0.2, 0.1]), SquaredError(), TotalVariation(), D=0.3, P=0.02, method=SHARP).gradient()
    np.testing.assert_allclose(found.p, [-0.21695172, -0.23209454, 0.22167821, 1.12073409], atol=1e-6)
    np.testing.assert_allclose(found.table[0], [0.41950473, 0.09022027, 0.00128085, 0.00000104], atol=1e-6)
    assert found.D == pytest.approx(-1.27751720, abs=1e-6)
    assert found.P == pytest.approx(-0.23250320, abs=1e-6)


def test_what_the_ball_adds_is_needed(monkeypatch):
    """The planted failure: a reference that stands still while p moves."""
    monkeypatch.setattr(TotalVariation, "support_slope", lambda self, v, reference, mu: np.zeros_like(v))
    found = rdp(Pmf([0.4, 0.3, 0.2, 0.1]), SquaredError(), TotalVariation(), D=0.3, P=0.02, method=SHARP).gradient()
    assert np.abs(found.p - [-0.21695172, -0.23209454, 0.22167821, 1.12073409]).max() > 0.01


def test_the_uniform_law_is_the_hardest_under_hamming():
    """By symmetry the gradient vanishes there, and it points there from elsewhere."""
    flat = rate_distortion(Pmf(np.full(4, 0.25)), Hamming(), D=0.2, method=SHARP).gradient()
    np.testing.assert_allclose(flat.p, 0.0, atol=1e-6)
    p = np.array([0.4, 0.3, 0.2, 0.1])
    assert (np.diff(rate_distortion(Pmf(p), Hamming(), D=0.2, method=SHARP).gradient().p) > 0.0).all()


@pytest.mark.parametrize("p, D", [(0.11, 0.05), (0.3, 0.1), (0.45, 0.2)])
def test_dispersion_of_a_coin(p, D):
    """V = p(1-p) log²((1-p)/p) for every D: only the source's own information varies."""
    found = rate_distortion(Bernoulli(p), Hamming(), D=D, method=SHARP).dispersion()
    assert found.variance == pytest.approx(p * (1.0 - p) * np.log((1.0 - p) / p) ** 2, rel=1e-6)
    assert found.approximation(1000, 0.5) == pytest.approx(found.rate, abs=1e-12)
    assert found.approximation(1000, 0.01) > found.rate > found.approximation(1000, 0.99)
    assert found.approximation(4000, 0.01) - found.rate == rounded(0.5 * (found.approximation(1000, 0.01) - found.rate))


def test_dispersion_of_a_gaussian_is_one_half():
    source = discretise(Gaussian(0.0, 1.0), 200)
    found = rate_distortion(source, SquaredError(), D=0.2, method=InteriorPoint()).dispersion()
    assert found.variance == pytest.approx(0.5, abs=1e-3)  # 200 points cut the tails at five deviations


def test_what_has_no_derivative_is_refused():
    source = Pmf([0.5, 0.3, 0.2])
    with pytest.raises(InvalidInput, match="no dual point"):
        rdp(Bernoulli(0.3), Hamming(), TotalVariation(), D=0.1, P=0.05).gradient()
    for density in (Gaussian(0.0, 1.0), Laplace(0.0, 1.0)):  # of which no method for alphabets would do
        found = rate_distortion(density, AbsoluteError() if density == Laplace(0.0, 1.0) else SquaredError(), D=0.5)
        for verb in (found.gradient, found.dispersion):
            with pytest.raises(InvalidInput, match=r"has no gradient: .*discretise\(source, n\)"):
                verb()
    with pytest.raises(InvalidInput, match=r"infeasible.*has no rate"):
        rate_distortion(Pmf([0.5, 0.5]), Table([[1.0, 2.0]] * 2), D=0.5).gradient()
    with pytest.raises(InvalidInput, match="slope there is infinite"):
        rate_distortion(source, SquaredError(), D=0.0, method=InteriorPoint()).gradient()
    with pytest.raises(InvalidInput, match="must be inf"):
        rdp(source, SquaredError(), TotalVariation(), D=0.1, P=0.05).dispersion()
    with pytest.raises(InvalidInput, match=r"infeasible.*has no rate"):
        rate_distortion(Pmf([0.5, 0.5]), Table([[1.0, 2.0]] * 2), D=0.5).dispersion()
    with pytest.raises(InvalidInput):
        rate_distortion(source, SquaredError(), D=0.1).dispersion().approximation(0, 0.1)
    absent = rate_distortion(Pmf([0.5, 0.0, 0.3, 0.2]), SquaredError(), D=0.1).gradient()
    assert np.isnan(absent.p[1])
    assert np.isfinite(absent.p[[0, 2, 3]]).all()


@pytest.mark.parametrize(
    "table", [[[0.0, 1.0, 4.0], [1.0, 0.0, 1.0], [4.0, 1.0, 0.0]], [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]]
)
def test_a_reference_of_its_own_stays_where_it_is(table):
    """As many outputs as symbols or not: the differences move p alone."""
    q = [0.4, 0.4, 0.2][: len(table[0]) - 1]
    own = Table(table, reference=[*q, 1.0 - sum(q)])
    p, along = np.array([0.5, 0.3, 0.2]), np.array([1.0, -2.0, 1.0])

    def rate(p):
        found = rdp(Pmf(p), own, TotalVariation(), D=0.25, P=0.02, method=SHARP)
        return 0.5 * (found.bounds.lower + found.bounds.upper), found

    ends = [rate(p + step * along)[0] for step in (1e-4, -1e-4)]
    found = rate(p)[1]
    assert found.slopes.P < -0.1  # the ball is felt
    assert found.gradient().p @ along == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-5)
