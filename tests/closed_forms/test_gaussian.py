from functools import partial

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import Rational

from rdptheory.closed_forms import ALLOWANCE, Regime, gaussian
from rdptheory.divergences import KullbackLeibler, TotalVariation, Wasserstein2Squared
from rdptheory.errors import InvalidInput
from rdptheory.units import nats_to_bits
from tests.closed_forms.checks import assert_convex, assert_falling, assert_supported, worst_error
from tests.closed_forms.oracles import brute_gaussian, mp, printed_gaussian, smallest_ratio

inf = float("inf")
BALLS = {"W2": Wasserstein2Squared(), "KL": KullbackLeibler()}
kinds = st.sampled_from(sorted(BALLS))
variances = st.floats(0.01, 100.0)
points = st.tuples(st.floats(1e-3, 3.0), st.floats(0.0, 1.5))  # D and P in units of the variance (P in nats for KL)


def rate(variance, D, P, kind):
    return gaussian.rate(variance, D, P, BALLS[kind])


def near_breakpoints(rng, count):
    """(variance, D, P, kind) at random, at tiny limits, and within 1e-16 to 0.1 of every join."""
    for _ in range(count):
        kind, variance = rng.choice(sorted(BALLS)), 10 ** rng.uniform(-6, 6)
        scale = variance if kind == "W2" else 1.0
        P = scale * rng.choice([0.0, rng.uniform(), 10 ** rng.uniform(-18, 2), 1.0 - 10 ** rng.uniform(-16, -1)])
        g2 = float(smallest_ratio(variance, P, kind)) ** 2
        close = 1.0 + np.array([-1.0, 1.0]) * 10 ** rng.uniform(-16, -1)
        D = variance * np.array([*(1.0 - g2) * close, *(1.0 + g2) * close, *close, 10 ** rng.uniform(-15, 0), 2 * g2])
        yield from ((variance, float(d), float(P), kind) for d in D if d > 0.0)


@pytest.mark.parametrize(
    "D, P, bits", [(0.3, 0, 0.92472016), (0.3, 0.05, 0.86848280), (0.5, 0, 0.59632254), (1, 0, 0.20751875),
                   (0.25, 0.01, 1.00321313)],
)  # fmt: skip
def test_reference_values(D, P, bits):
    assert nats_to_bits(float(gaussian.rate(1.0, D, P))) == pytest.approx(bits, abs=5e-9)  # eight digits are given


def test_within_a_quarter_of_the_allowance_of_sixty_digits():
    instances = list(near_breakpoints(np.random.default_rng(1), 150))
    error = partial(
        worst_error, oracle=printed_gaussian, instances=instances, scale=lambda *at: max(mp.one, printed_gaussian(*at))
    )
    assert error(rate) <= ALLOWANCE / 4
    assert error(lambda *at: 1.01 * rate(*at)) > 1e12 * ALLOWANCE


def test_against_brute_force_over_second_moments():
    rng = np.random.default_rng(2)
    instances = []
    for variance, D, P in rng.uniform([0.2, 0.05, 0.0], [5.0, 2.2, 0.6], (15, 3)):
        instances += [(variance, variance * D, variance * P, "W2"), (variance, variance * D, P, "KL")]
    instances += [(1.0, 0.5, 0.0, kind) for kind in BALLS]
    error = partial(worst_error, oracle=brute_gaussian, instances=instances, scale=lambda *at: 1.0)
    assert error(rate) < 1e-9  # the search for the ends of the KL ball stops at 1e-14, the grid at steps of 1e-18
    assert error(lambda *at: 1.01 * rate(*at)) > 1e-3


@given(variances, kinds, points, points, st.floats(0.0, 1.0))
def test_falls_and_is_jointly_convex(variance, kind, first, second, weight):
    def scaled(D, P):
        return rate(variance, variance * D, variance * P if kind == "W2" else P, kind)

    assert_falling(scaled, first, second, ALLOWANCE)
    assert_convex(scaled, first, second, weight, ALLOWANCE)


@given(variances, kinds, points, points)
def test_slopes_support_the_surface(variance, kind, at, other):
    slopes = partial(gaussian.slopes, variance, perception=BALLS[kind])
    # a slope of 500 nat (at D = .001) times a rounded difference
    assert_supported(partial(rate, variance, kind=kind), slopes, at, other, 1e-12 * max(1.0, 1.0 / variance))


@given(variances, kinds, points)
def test_the_joint_law_meets_both_limits_at_the_rate(variance, kind, point):
    D, P = variance * point[0], variance * point[1] if kind == "W2" else point[1]
    law = gaussian.joint(-2.0, variance, D, P, BALLS[kind])
    (spread_x, common), (_, spread_y) = law.covariance
    assert law.mean.tolist() == [-2.0, -2.0]
    assert spread_x + spread_y - 2.0 * common <= D + 1e-15 * 4.0 * variance
    ratio = spread_y / spread_x
    if kind == "W2":
        assert spread_x * (1.0 - np.sqrt(ratio)) ** 2 <= P + 1e-15 * variance
    else:
        assert 0.5 * (ratio - 1.0 - np.log(ratio)) <= P + 1e-15 * max(1.0, P)
    reached = 0.0 if common == 0.0 else -0.5 * np.log1p(-common / spread_x * (common / spread_y))
    # the covariance is rounded at 1e-16 and 1-ρ² is at least .0002 here
    assert reached == pytest.approx(rate(variance, D, P, kind), abs=1e-11)


@given(variances, kinds, st.floats(0.0, 8.0), st.floats(0.0, 1.5))
def test_distortion_inverts_the_rate(variance, kind, R, P):
    D = gaussian.distortion(variance, R, P, BALLS[kind])
    assert rate(variance, D, P, kind) == pytest.approx(R, abs=1e-12)  # Hb is rounded where R is steep in D
    assert rate(variance, D * (1 - 1e-6), P, kind) > R


@given(variances, kinds, points)
def test_perception_inverts_the_rate(variance, kind, point):
    D, ball = variance * point[0], BALLS[kind]
    R = rate(variance, D, point[1], kind)
    P = gaussian.perception(variance, R, D, ball)
    assert 0.0 <= P <= point[1] * (1 + 1e-9) + 1e-9  # the surface may be flat, then P is smaller; else R rounds P
    assert rate(variance, D, P, kind) == pytest.approx(R, abs=1e-11)


def test_perception_has_an_end_on_each_side():
    for kind, ball in BALLS.items():
        assert gaussian.perception(1.0, rate(1.0, 0.3, 0.0, kind) + 0.1, 0.3, ball) == 0.0
        assert gaussian.perception(1.0, inf, 0.0, ball) == 0.0
        assert gaussian.perception(1.0, 0.1, 0.3, ball) == inf  # below Shannon's rate
        shannon = gaussian.perception(1.0, rate(1.0, 0.3, inf, kind), 0.3, ball)
        assert shannon == pytest.approx({"W2": (1 - 0.7**0.5) ** 2, "KL": (0.7 - 1 - np.log(0.7)) / 2}[kind], abs=1e-7)
    assert gaussian.perception(4.0, 0.0, 4.0, BALLS["W2"]) == 4.0  # a constant
    assert gaussian.perception(4.0, 0.0, 4.0, BALLS["KL"]) == inf


def test_the_kl_variance_keeps_its_digits_from_tiny_to_huge_limits():
    for P in 10.0 ** np.arange(-300.0, 2.6, 3.7):
        with mp.workdps(400):
            g = smallest_ratio(1.0, P, "KL")
            expected, left = float(1 - g), float(g)
        law = gaussian.joint(0.0, 1.0, 2.0, P, BALLS["KL"])  # zero rate: Var Y = g²
        assert law.covariance[1, 1] == pytest.approx(left**2, rel=2e-15 * max(1.0, P))
        # dR/dP is proportional to 1/(1-g) there, hence to the digits of 1-g
        slope = gaussian.slopes(1.0, 1.0, P, BALLS["KL"])[1] if P < 0.1 else None
        if slope is not None:
            weight = 0.25 / (left * (1 - left**2 / 4))
            assert slope == pytest.approx(-weight * left**2 / (expected * (1 + left)) * left, rel=1e-14)


def test_ends():
    for ball in BALLS.values():
        assert gaussian.rate(2.0, [0.0, inf], 0.0, ball).tolist() == [inf, 0.0]
        assert gaussian.rate(2.0, 1.0, inf, ball) == pytest.approx(0.5 * np.log(2.0), abs=4e-16)
        assert gaussian.slopes(2.0, 1.0, 0.0, ball)[1] == -inf
        assert np.isnan(gaussian.slopes(2.0, 0.0, 0.1, ball)).all()
        assert gaussian.slopes(2.0, inf, 0.0, ball) == (0.0, 0.0)
        assert (gaussian.joint(0.0, 2.0, 0.0, 0.0, ball).covariance == 2.0).all()
        assert gaussian.distortion(2.0, [0.0, inf], 0.0, ball).tolist() == [4.0, 0.0]
        regimes = [gaussian.regime(1.0, D, 0.01, ball) for D in (0.3, 0.001, 3.0)]
        assert regimes == [Regime.BOTH, Regime.SHANNON, Regime.ZERO]
    assert gaussian.joint(0.0, 1.0, 2.0, 1.0).covariance[1, 1] == 0.0
    assert gaussian.rate(1e200, 1e-200, 0.0) == pytest.approx(200 * np.log(10.0), rel=1e-15)


def test_broadcasts_over_all_arguments():
    variance, D, P = np.array([1.0, 2.0])[:, None, None], np.linspace(0.1, 3.0, 3)[:, None], np.array([0.0, 0.1, inf])
    for ball in BALLS.values():
        table = gaussian.rate(variance, D, P, ball)
        assert table.shape == (2, 3, 3)
        assert table[1, 0, 1] == gaussian.rate(2.0, 0.1, 0.1, ball)
        for other in (gaussian.distortion, gaussian.perception):
            assert other(variance, D, P, ball).shape == (2, 3, 3)
        assert [slope.shape for slope in gaussian.slopes(variance, D, P, ball)] == [(2, 3, 3)] * 2


@pytest.mark.parametrize(
    "argument, values",
    [("variance", (0.0, 0.1, 0.1)), ("variance", (inf, 0.1, 0.1)), ("D", (1.0, -0.1, 0.1)), ("P", (1.0, 0.1, np.nan)),
     ("perception", (1.0, 0.1, 0.1, TotalVariation()))],
)  # fmt: skip
def test_malformed_arguments_are_named(argument, values):
    with pytest.raises(InvalidInput) as caught:
        gaussian.rate(*values)
    assert caught.value.argument == argument


class TestSymbolic:
    cells = tuple((Rational(d, 10), Rational(k, 50)) for d in (1, 3, 9, 12, 25) for k in (0, 1, 5, 60))

    @pytest.mark.parametrize("kind", sorted(BALLS))
    def test_exact_values(self, kind):
        for d, limit in self.cells:
            exact = gaussian.symbolic(2, d, limit, BALLS[kind])
            assert not exact.has(sympy.Float)
            number = rate(2.0, float(d), float(limit), kind)
            assert float(exact.evalf(30)) == pytest.approx(number, abs=4e-16 * max(1.0, number))

    @pytest.mark.parametrize("kind", sorted(BALLS))
    def test_derivatives_are_the_slopes(self, kind):
        D, P = sympy.Symbol("D", nonnegative=True), sympy.Symbol("P", nonnegative=True)
        gradient = [sympy.diff(gaussian.symbolic(2, perception=BALLS[kind]), name) for name in (D, P)]
        regimes = set()
        for d, limit in ((d, limit + Rational(1, 100)) for d, limit in self.cells):
            regimes.add(gaussian.regime(2.0, float(d), float(limit), BALLS[kind]))
            for slope, numeric in zip(gradient, gaussian.slopes(2.0, float(d), float(limit), BALLS[kind]), strict=True):
                assert numeric == pytest.approx(float(slope.subs({D: d, P: limit}).evalf(30)), abs=1e-13)
        assert regimes == set(Regime)

    def test_ends(self):
        for ball in BALLS.values():
            assert gaussian.symbolic(1, 0, 0, ball) == sympy.oo
            assert gaussian.symbolic(1, Rational(1, 2), sympy.oo, ball) == sympy.log(2) / 2

    def test_symbols_and_latex(self):
        assert {str(name) for name in gaussian.symbolic().free_symbols} == {"sigma", "D", "P"}
        assert r"\sigma" in sympy.latex(gaussian.symbolic())
        assert "W" in sympy.latex(gaussian.symbolic(perception=BALLS["KL"]))


@pytest.mark.parametrize("R", [1e-15, 1e-12, 1e-6])
@pytest.mark.parametrize("perception", [Wasserstein2Squared(), KullbackLeibler()])
def test_small_rates_keep_their_digits(R, perception):
    """D(R,P) has the slope of a root at R = 0, so what is lost of R there comes back larger in D."""
    D = gaussian.distortion(2.0, R, 1e-9, perception)
    again = gaussian.distortion(2.0, gaussian.rate(2.0, D, 1e-9, perception), 1e-9, perception)
    assert again == pytest.approx(D, abs=4e-15)  # some roundings of D, which is below 4


@pytest.mark.parametrize("variance", [1.0, 1e300])
@pytest.mark.parametrize("D", [1e-280, 1e-300, 4e-323, 5e-324])
def test_the_rate_of_equal_laws_keeps_its_digits_where_the_share_of_D_has_none(variance, D) -> None:
    """Y ~ X costs D/8σ² more than Shannon's rate, nothing here; D/σ² may be below the least number."""
    shannon = 0.5 * (np.log(variance) - np.log(D))
    assert gaussian.rate(variance, D, 0.0) == pytest.approx(shannon, rel=1e-14)
    assert gaussian.rate(variance, D, np.inf) == pytest.approx(shannon, rel=1e-14)  # a few roundings
