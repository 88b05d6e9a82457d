"""Densities, tails and cells of the laws on the line, against integrals with 30 digits and complex arithmetic."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdptheory import (
    ContinuousSource,
    Exponential,
    Gaussian,
    GaussianMixture,
    InvalidInput,
    Laplace,
    Logistic,
    StudentT,
    Uniform,
)
from rdptheory.sources.continuous import CELL_ERROR
from rdptheory.sources.quadrature import gauss_error, gauss_rule

LAWS = (
    Gaussian(0.0, 1.0),
    Gaussian(-2.0, 9.0),
    Laplace(0.5, 2.0),
    Uniform(-1.0, 3.0),
    Exponential(0.5),
    Logistic(1.0, 2.0),
    StudentT(5),
    StudentT(3.0, 1.0, 2.0),
    GaussianMixture([0.25, 0.75], [-1.5, 1.5], [0.25, 1.0]),
)
"""The family: what is tested here holds for every member."""


def formula(law: ContinuousSource):
    """The density in the arithmetic of mpmath, for real or complex numbers with real part on the side of `near`."""
    m = mpmath
    match law:
        case Gaussian():
            return lambda z, near: m.exp(-((z - law.mean) ** 2) / (2 * law.variance)) / m.sqrt(2 * m.pi * law.variance)
        case Laplace():
            side = lambda near: 1 if near > law.mean else -1  # noqa: E731
            return lambda z, near: m.exp(-side(near) * (z - law.mean) / law.scale) / (2 * law.scale)
        case Uniform():
            return lambda z, near: m.mpf(1) / (law.high - law.low)
        case Exponential():
            return lambda z, near: m.exp(-z / law.scale) / law.scale
        case Logistic():
            return lambda z, near: 1 / (4 * law.scale * m.cosh((z - law.loc) / (2 * law.scale)) ** 2)
        case StudentT():
            peak = m.gamma((law.df + 1) / 2) / (m.sqrt(law.df * m.pi) * m.gamma(m.mpf(law.df) / 2) * law.scale)
            return lambda z, near: peak * (1 + ((z - law.loc) / law.scale) ** 2 / law.df) ** (-(law.df + 1) / 2)
        case GaussianMixture():
            parts = [(float(w), formula(part)) for w, part in zip(law.weights, law.parts, strict=True)]
            return lambda z, near: m.fsum(w * part(z, near) for w, part in parts)
    raise AssertionError(law)


def edges(law: ContinuousSource, n: int = 12) -> np.ndarray:
    low, high = law.support
    t = law.compander(np.linspace(0.0 if np.isfinite(low) else 0.04, 1.0 if np.isfinite(high) else 0.96, n + 1))
    return np.unique(np.concatenate([t, law.kinks]))


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_cells_have_the_moments_of_the_density(law) -> None:
    t, p = edges(law), formula(law)
    cells = law.cells(t)
    _, spread, deviation = law.spreads(t)
    with mpmath.workdps(25):
        for k in (0, t.size // 2, t.size - 2):
            a, b = mpmath.mpf(t[k]), mpmath.mpf(t[k + 1])
            near = 0.5 * (t[k] + t[k + 1])
            mass = mpmath.quad(lambda x, near=near: p(x, near), [a, (a + b) / 2, b])
            mean = mpmath.quad(lambda x, near=near: x * p(x, near), [a, (a + b) / 2, b]) / mass
            square = mpmath.quad(lambda x, near=near, m=mean: (x - m) ** 2 * p(x, near), [a, (a + b) / 2, b]) / mass
            absolute = mpmath.quad(lambda x, near=near, m=mean: abs(x - m) * p(x, near), [a, mean, b]) / mass
            for value, exact in (
                (cells.mass[k], mass),
                (cells.share[k], (mean - a) / (b - a)),
                (cells.variance[k], square),
            ):
                assert abs(value - exact) <= CELL_ERROR * abs(exact)
            assert deviation[k] >= absolute
            assert deviation[k] <= mpmath.sqrt(square) + 4 * CELL_ERROR * (b - a)
    total = law.left_tail(float(t[0])).mass + float(cells.mass.sum()) + law.right_tail(float(t[-1])).mass
    assert abs(total - 1.0) <= 4.0 * CELL_ERROR
    assert (spread <= 2.0 * deviation).all()


def test_spreads_are_exact_where_they_are_known() -> None:
    t = np.array([-1.0, 0.5, 3.0])
    _, spread, deviation = Uniform(-1.0, 3.0).spreads(t)
    np.testing.assert_allclose(spread, np.diff(t) / 3.0, rtol=2e-12)  # bounds: CELL_ERROR wide
    np.testing.assert_allclose(deviation, np.diff(t) / 4.0, rtol=6e-12)
    _, whole, _ = Exponential(1.0).spreads(np.array([0.0, 40.0]))  # but for e^-40, 1
    assert abs(whole[0] - 1.0) <= 2e-12
    _, far, _ = Laplace(0.0, 1.0).spreads(np.array([-45.0, 45.0]))  # over the kink: 3/2
    assert abs(far[0] - 1.5) <= 2e-12


@pytest.mark.parametrize("law", [law for law in LAWS if not np.isfinite(law.support[1])], ids=repr)
@pytest.mark.parametrize("level", [0.6, 0.99, 1.0 - 1e-6])
def test_tails_have_the_moments_of_the_density(law, level) -> None:
    b, p = law.quantile(level), formula(law)
    tail = law.right_tail(b)
    with mpmath.workdps(30):
        step = mpmath.mpf(law.standard()[2])
        cuts = [b, *[b + step * 2**k for k in range(10)], mpmath.inf]
        for power, value in ((0, tail.mass), (1, tail.mass * tail.excess), (2, tail.mass * tail.square)):
            exact = mpmath.quad(lambda x, power=power: (x - b) ** power * p(x, b + 1), cuts)
            assert abs(value - exact) <= 3 * CELL_ERROR * exact, (power, float(value / exact - 1))


@pytest.mark.parametrize("df", [2.0 + 1e-6, 2.1, 5.0, 30.0, 199.0, 200.0, 1e4, 1e6, 1e10, np.inf])
@pytest.mark.parametrize("b", [-3.0, 0.0, 2.0, 6.0, 12.0, 25.0])
def test_far_tails_are_as_exact_as_they_say(df, b) -> None:
    """By the recursions of the two laws, with as many digits as they cancel."""
    law = StudentT(df) if df < np.inf else Gaussian(0.0, 1.0)
    tail, m = law.right_tail(b), mpmath
    with m.workdps(60):
        z = m.mpf(b)
        if df < np.inf:
            nu = m.mpf(df)
            side = m.betainc(nu / 2, m.mpf("0.5"), 0, nu / (nu + z * z), regularized=True) / 2
            mass = side if b >= 0 else 1 - side
            h = (1 + z * z / nu) * m.mpf(formula(StudentT(nu))(z, z)) / mass
            first, second = nu / (nu - 1) * h, nu / (nu - 2) * (1 + z * h)
        else:
            mass = m.erfc(z / m.sqrt(2)) / 2
            first = formula(law)(z, z) / mass
            second = 1 + z * first
        assert abs(tail.mass - mass) <= CELL_ERROR * mass
        assert abs(tail.excess - (first - z)) <= tail.error * (first - z)
        square = second - 2 * z * first + z * z
        assert abs(tail.square - square) <= tail.error * square
    assert tail.error <= (1e-9 if abs(b) <= 6.0 else 3e-7)  # they cancel like z^4


@pytest.mark.parametrize("law", [Gaussian(0.0, 1.0), StudentT(1e8), Logistic()], ids=repr)
def test_nothing_is_beyond_where_float64_ends(law) -> None:
    assert law.right_tail(1e200).mass == law.left_tail(-1e200).mass == 0.0
    wide, beside = Gaussian(0.0, 1.0).right_tail(0.5), GaussianMixture([0.5, 0.5], [0.0, -1.0], [1.0, 1e-310])
    assert beside.right_tail(0.5).square == pytest.approx(wide.square, rel=1e-14)  # nothing of the narrow part is there


def test_left_tails_mirror_right_ones() -> None:
    law = GaussianMixture([0.25, 0.75], [-1.5, 1.5], [0.25, 1.0])
    mirror = GaussianMixture([0.25, 0.75], [1.5, -1.5], [0.25, 1.0])
    assert law.left_tail(-2.0) == mirror.right_tail(2.0)
    assert Exponential(1.0).left_tail(0.0).mass == Uniform(0.0, 1.0).left_tail(0.0).mass == 0.0
    with pytest.raises(InvalidInput, match="cells begin where the support does"):
        Exponential(1.0).left_tail(0.5)


def test_tails_that_hold_the_whole_law_or_have_no_second_moment() -> None:
    whole = Exponential(2.0).right_tail(-1.0)  # X + 1 of X with mean 2 and second moment 8
    assert (whole.mass, whole.excess, whole.square) == (1.0, 3.0, 13.0)
    wide = StudentT(1.5).right_tail(0.5)
    assert wide.square == np.inf
    sf, b = mpmath.mpf(wide.mass), mpmath.mpf("0.5")
    p = formula(StudentT(1.5))
    excess = mpmath.quad(lambda x: (x - b) * p(x, b + 1), [b, 2, 10, 1e3, 1e6, mpmath.inf]) / sf
    assert wide.excess == pytest.approx(float(excess), rel=1e-6)  # the integral's tail falls as x^-1/2
    one = GaussianMixture([0.5, 0.5], [1.0, 1.0], [4.0, 4.0])
    for level in (0.1, 0.3, 0.5, 0.7, 0.99):
        assert one.quantile(level) == Gaussian(1.0, 4.0).quantile(level)


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_the_modulus_bounds_the_density_off_the_line(law) -> None:
    rng = np.random.default_rng(3)
    p, scale = formula(law), law.standard()[2]
    low, high = law.quantile(1e-3), law.quantile(1.0 - 1e-3)
    bounded = 0
    for _ in range(60):
        centre, reach, height = rng.uniform(low, high), scale * rng.uniform(0.0, 2.0), scale * rng.uniform(0.0, 4.0)
        bound = float(law.modulus(*(np.array([x]) for x in (centre, reach, height)))[0])
        z = mpmath.mpc(centre + reach * rng.uniform(-1.0, 1.0), height * rng.uniform(-1.0, 1.0))
        corner = mpmath.mpc(centre - np.sign(centre - low) * reach, height)
        bounded += np.isfinite(bound)
        if np.isfinite(bound):
            assert all(abs(p(w, centre)) <= bound * (1.0 + 1e-12) for w in (z, corner))
    assert bounded >= 10


@given(st.floats(0.3, 3.0), st.integers(2, 12))
def test_the_quadrature_error_is_bounded(pole, points) -> None:
    """∫ dx / (x² + pole²) over [-1, 1], analytic within the ellipse of half-height below the pole."""
    nodes, weights = gauss_rule(points)
    found = float(weights @ (1.0 / (nodes**2 + pole**2)))
    height = 0.8 * pole
    rho = height + np.sqrt(1.0 + height**2)
    bound = float(gauss_error(np.asarray(1.0 / (pole**2 - height**2)), np.asarray(1.0), np.asarray(rho), points))
    error = abs(found - 2.0 / pole * np.arctan(1.0 / pole))
    assert error <= bound + 1e-14 * found


def test_a_density_that_is_not_analytic_is_refused() -> None:
    class Torn(Laplace):
        @property
        def kinks(self) -> tuple[float, ...]:
            return ()

        def modulus(self, centre, reach, height):
            near = np.abs(centre - self.mean) <= reach
            return np.where(near, np.inf, super().modulus(centre, reach, height))

    with pytest.raises(InvalidInput, match="cells can be integrated to"):
        Torn(0.0, 1.0).cells(np.array([-1.0, 0.3, 1.0]))


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_the_standard_position_is_the_same_law(law) -> None:
    standard, shift, scale = law.standard()
    x = np.array([law.quantile(level) for level in (0.01, 0.3, 0.8)])
    np.testing.assert_allclose(standard.density((x - shift) / scale), scale * law.density(x), rtol=1e-13)
    assert abs(scale * standard.standard_deviation / law.standard_deviation - 1.0) <= 1e-14
    assert 0.25 <= standard.standard_deviation <= 4.0


@pytest.mark.parametrize(
    "make, argument",
    [
        (lambda: StudentT(0.0), "df"),
        (lambda: StudentT(5, 0.0, -1.0), "scale"),
        (lambda: Logistic(np.nan), "loc"),
        (lambda: Exponential(0.0), "scale"),
        (lambda: GaussianMixture([0.5, 0.4], [0.0, 1.0], [1.0, 1.0]), "weights"),
        (lambda: GaussianMixture([0.5, 0.5], [0.0], [1.0, 1.0]), "means"),
        (lambda: GaussianMixture([1.0], [0.0], [0.0]), "variances"),
    ],
)
def test_parameters_without_meaning_are_refused(make, argument) -> None:
    with pytest.raises(InvalidInput) as caught:
        make()
    assert caught.value.argument == argument
