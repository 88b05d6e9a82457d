"""The Gaussian under f-divergences: both ends against quadrature, and R(D,P) strictly between them."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

from rdptheory import (
    Cells,
    ChiSquare,
    Gaussian,
    InvalidInput,
    JensenShannon,
    KullbackLeibler,
    PowerDivergence,
    Renyi,
    ReverseKullbackLeibler,
    SquaredError,
    SquaredHellinger,
    Status,
    TotalVariation,
    Wasserstein1,
    Wasserstein2Squared,
    closed_forms,
    rdp,
)
from rdptheory.closed_forms import ClosedForm, gaussian
from rdptheory.closed_forms._gaussian_balls import gaussian_shrink, least_second_moment
from rdptheory.divergences import F_DIVERGENCES, SmoothFDivergence
from rdptheory.problems import Problem
from tests import checks
from tests.checks import rounded

INF = math.inf
COARSE = 1e-6  # what splitting X² between nodes costs a variance at most
SMOOTH = [d for d in F_DIVERGENCES if d.smooth]
LAWS = {  # the law of least variance over the Gaussian's, by φ' inverted by hand
    "KullbackLeibler": lambda w: np.exp(-w),
    "ReverseKullbackLeibler": lambda w: 1.0 / (1.0 + w),
    "SquaredHellinger": lambda w: 1.0 / (1.0 + w) ** 2,
    "JensenShannon": lambda w: 1.0 / (2.0 * np.exp(np.minimum(w, 700.0)) - 1.0),
    "ChiSquare": lambda w: np.maximum(0.0, 1.0 - 0.5 * w),
}
POLES = {"ReverseKullbackLeibler": 1.0, "SquaredHellinger": 1.0, "JensenShannon": math.log(2.0)}


def mean(function, kink=None):
    """E function(X) for an even function, X ~ N(0,1), by adaptive quadrature."""
    points = [0.0, *([kink] if kink is not None and kink < 12.0 else []), 12.0]
    total = 0.0
    for a, b in pairwise(points):
        total += quad(lambda x: function(x) * norm.pdf(x), a, b, epsabs=1e-13, epsrel=1e-12, limit=400)[0]
    return 2.0 * total


def least_by_quadrature(divergence, mu):
    """(P, E Y²) of the law of least variance at the multiplier μ: the level c makes it a law."""
    law, pole = LAWS[divergence.name], POLES.get(divergence.name, INF)

    def at(c):
        kink = math.sqrt(2.0 * mu - c) if divergence == ChiSquare() and 2.0 * mu > c else None
        return lambda x: law((x * x + c) / mu), kink

    def excess(c):
        t, kink = at(c)
        return mean(t, kink) - 1.0

    lowest = -mu * pole * (1.0 - 1e-6) if pole < INF else -20.0 - 20.0 * mu
    t, kink = at(brentq(excess, lowest, 0.0, xtol=1e-15))
    P = mean(lambda x: float(divergence.phi(np.array([max(t(x), 1e-300)]))[0]), kink)
    return P, mean(lambda x: t(x) * x * x, kink)


@pytest.mark.parametrize("mu", [1.5, 10.0])
@pytest.mark.parametrize("divergence", SMOOTH, ids=lambda d: d.name)
def test_the_least_variance_of_any_law(divergence, mu):
    P, least = least_by_quadrature(divergence, mu)
    found = least_second_moment(divergence, P)
    checks.assert_at_most(found, least, 1e-9)  # P by quadrature is known to that
    assert found > least - COARSE
    with pytest.raises(AssertionError):
        checks.assert_at_most((1.0 - gaussian_shrink(divergence, P)) ** 2 + 1e-6, least, 1e-9)


@pytest.mark.parametrize("P", [1e-8, 0.01, 0.3, 0.9])
def test_the_least_variance_under_total_variation(P):
    """The two tails of mass P/2 move to 0."""
    T = norm.isf(0.5 * P)
    least = 1.0 - 2.0 * (T * norm.pdf(T) + norm.sf(T))
    found = least_second_moment(TotalVariation(), P)
    checks.assert_at_most(found, least, 1e-15)
    assert found > least - min(COARSE, 1e-3 * P)


def distance(divergence, g):
    """δ(N(0,1), N(0,g²)) by quadrature."""

    def term(x):
        t = max(math.exp(-0.5 * x * x * (1.0 / g**2 - 1.0)) / g, 1e-300)
        if divergence == TotalVariation():
            return 0.5 * abs(t - 1.0)
        return float(divergence.phi(np.array([t]))[0])

    return mean(term, math.sqrt(2.0 * math.log(1.0 / g) / (1.0 / g**2 - 1.0)))


@pytest.mark.parametrize("P", [1e-4, 0.02, 0.4])
@pytest.mark.parametrize("divergence", [*F_DIVERGENCES, PowerDivergence(1.5)], ids=lambda d: d.name)
def test_the_gaussian_on_the_edge(divergence, P):
    s = gaussian_shrink(divergence, P)
    reached = distance(divergence, 1.0 - s)
    assert P * (1.0 - 1e-5) < reached <= P + 1e-10  # quadrature knows δ to 1e-11, chords to 1e-6 of it
    assert distance(divergence, 1.0 - 1.001 * s) > P


@dataclass(frozen=True)
class Anonymous(SmoothFDivergence):
    """(√t - 1)², without the form that the closed formula asks for."""

    recession = 1.0

    def phi(self, t):
        return (np.sqrt(t) - 1.0) ** 2

    def slope(self, t):
        return 1.0 - 1.0 / np.sqrt(t)

    def curvature(self, t):
        return 0.5 * t**-1.5

    def ratio(self, y):
        return 1.0 / (1.0 - y) ** 2

    def ratio_slope(self, y):
        return 2.0 / (1.0 - y) ** 3


@pytest.mark.parametrize("P", [1e-8, 0.01, 1.0])
def test_a_divergence_from_outside_is_bounded_by_chords(P):
    chords, formula = gaussian_shrink(Anonymous(), P), gaussian_shrink(SquaredHellinger(), P)
    assert chords <= formula * (1.0 + 1e-12)
    assert chords > formula * (1.0 - 1e-5)
    assert least_second_moment(Anonymous(), P) == pytest.approx(least_second_moment(SquaredHellinger(), P), abs=1e-9)


def test_printed_brackets():
    """D = .3, P = .01, and the rate on 161 points of a Gaussian, which lies strictly between."""
    for divergence, low, high, between in (
        (TotalVariation(), 0.62358, 0.63212, 0.624577),
        (SquaredHellinger(), 0.603485, 0.603544, 0.603510),
    ):
        found = gaussian.bounds(1.0, 0.3, 0.01, divergence)
        assert found.lower == pytest.approx(low, abs=5e-6)
        assert found.upper == pytest.approx(high, abs=5e-6)
        assert found.lower < between < found.upper
    both = gaussian.bounds(1.0, 0.3, 0.01, KullbackLeibler())
    assert both.gap < 1e-14
    checks.assert_inside(both, 0.60858527, 5e-9)  # eight digits are printed


@pytest.mark.parametrize("divergence", F_DIVERGENCES, ids=lambda d: d.name)
def test_bounds_hold_each_other(divergence):
    for D, P in ((0.6, 0.02), (1.2, 0.01), (1e-6, 1e-3)):
        found = gaussian.bounds(1.0, D, P, divergence)
        closer = gaussian.bounds(1.0, D, 0.5 * P, divergence)
        assert found.lower <= closer.lower + 1e-14
        assert found.upper <= closer.upper + 1e-14
        checks.assert_at_most(found.lower, float(gaussian.rate(1.0, D, 0.0)))  # P = 0
        checks.assert_at_least(found.upper, max(0.0, -0.5 * math.log(D)))  # Shannon's
        scaled = gaussian.bounds(4.0, 4.0 * D, P, divergence)
        assert scaled.lower == pytest.approx(found.lower, abs=1e-13)
        assert scaled.upper == pytest.approx(found.upper, abs=1e-13)


def test_limits_that_are_none():
    for divergence in F_DIVERGENCES:
        perfect, free = (gaussian.bounds(1.0, 0.3, P, divergence) for P in (0.0, INF))
        checks.assert_inside(perfect, float(gaussian.rate(1.0, 0.3, 0.0)))
        checks.assert_inside(free, -0.5 * math.log(0.3))
        assert perfect.gap < 1e-13 > free.gap
        assert gaussian.bounds(1.0, 0.0, 0.1, divergence).lower == INF
        assert gaussian.bounds(1.0, INF, 0.1, divergence).upper <= 1e-14
        assert gaussian.bounds(1.0, 0.3, 50.0, divergence).overlaps(free)


def test_other_divergences():
    half = gaussian.bounds(1.0, 0.3, 0.01, Renyi(0.5))
    radius = 2.0 - 2.0 * math.exp(-0.005)  # -2 log(1 - H²/2) = P
    assert half.lower == pytest.approx(gaussian.bounds(1.0, 0.3, radius, SquaredHellinger()).lower, abs=1e-9)
    checks.assert_inside(gaussian.bounds(1.0, 0.3, 0.1, Wasserstein2Squared()), float(gaussian.rate(1.0, 0.3, 0.1)))
    with pytest.raises(InvalidInput, match="must be an f-divergence"):
        gaussian.bounds(1.0, 0.3, 0.1, Wasserstein1())
    with pytest.raises(InvalidInput, match="above 0"):
        gaussian.bounds(0.0, 0.3, 0.1, TotalVariation())


def test_cells_prove_that_no_gaussian_channel_is_optimal():
    question = Gaussian(1.0, 4.0), SquaredError(), TotalVariation()
    outer = gaussian.bounds(4.0, 1.2, 0.01, TotalVariation())
    found = rdp(*question, D=1.2, P=0.01)
    assert found.status is Status.OPTIMAL
    assert outer.lower < found.bounds.lower <= found.bounds.upper < outer.upper
    assert "jointly Gaussian channel is not optimal" in found.message
    few = rdp(*question, D=1.2, P=0.01, method=Cells(gap=1e-9, max_cells=64))
    assert few.status is Status.STOPPED
    assert few.bounds.lower >= outer.lower
    assert few.bounds.overlaps(found.bounds)


def test_the_bracket_as_an_answer():
    stopped = rdp(Gaussian(1.0, 4.0), SquaredError(), SquaredHellinger(), D=1.2, P=0.01, method=ClosedForm())
    assert stopped.status is Status.STOPPED
    assert "not optimal" in stopped.message
    assert stopped.bounds == gaussian.bounds(4.0, 1.2, 0.01, SquaredHellinger())
    joint = stopped.candidate.joint
    (a, b), (_, c) = joint.covariance
    assert -0.5 * math.log1p(-b * b / (a * c)) == pytest.approx(stopped.rate, abs=1e-13)
    assert a + c - 2.0 * b == pytest.approx(1.2, abs=1e-12)
    assert distance(SquaredHellinger(), math.sqrt(c / a)) <= 0.01 + 1e-10
    idle = rdp(Gaussian(0.0, 1.0), SquaredError(), JensenShannon(), D=0.3, P=0.2)
    assert idle.method == ClosedForm()
    assert idle.status is Status.OPTIMAL
    checks.assert_inside(idle.bounds, -0.5 * math.log(0.3))
    assert idle.slopes.D == rounded(-0.5 / 0.3)
    unknown = rdp(Gaussian(0.0, 1.0), SquaredError(), Renyi(0.5), D=0.3, P=0.01)
    assert unknown.status is Status.STOPPED
    assert closed_forms.between(unknown.problem).bounds == unknown.bounds
    for ball, D, P in ((TotalVariation(), 0.0, 0.1), (TotalVariation(), 0.3, 0.0), (TotalVariation(), 0.3, INF),
                       (Wasserstein1(), 0.3, 0.1)):  # fmt: skip
        assert closed_forms.between(Problem(Gaussian(0.0, 1.0), SquaredError(), ball, D, P)) is None


def test_reverse_kullback_leibler_of_gaussians():
    """½ (1/g² - 1) + log g, the one formula that needs no table."""
    s = gaussian_shrink(ReverseKullbackLeibler(), 0.05)
    g = 1.0 - s
    assert 0.5 * (1.0 / g**2 - 1.0) + math.log(g) == pytest.approx(0.05, abs=1e-14)
