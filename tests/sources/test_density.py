"""Densities, and the explicit step to a finite alphabet."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdptheory import Bernoulli, Gaussian, InvalidInput, Laplace, Uniform, discretise


@given(st.floats(-3.0, 3.0), st.floats(0.1, 9.0))
def test_a_gaussian_keeps_its_moments_to_the_mass_of_its_tails(mean, variance):
    source = discretise(Gaussian(mean, variance), 200)
    centred = source.points - source.probabilities @ source.points
    assert source.probabilities @ source.points == pytest.approx(mean, abs=1e-12 * (1 + abs(mean)))
    # what the two cut tails of 1e-7 held: 2e-7 (1 + z²) with z = 5.2
    assert source.probabilities @ centred**2 == pytest.approx(variance, rel=1e-5)
    wide = discretise(Gaussian(mean, variance), 200, low=mean - 9 * variance**0.5, high=mean + 9 * variance**0.5)
    assert wide.probabilities @ (wide.points - mean) ** 2 == pytest.approx(variance, rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 7, 64])
def test_a_uniform_law_becomes_equal_masses_on_midpoints(n):
    source = discretise(Uniform(-1.0, 3.0), n)
    np.testing.assert_allclose(source.probabilities, 1.0 / n, rtol=1e-15)
    np.testing.assert_allclose(source.points, -1.0 + 4.0 * (np.arange(n) + 0.5) / n, rtol=0, atol=1e-15)


def test_a_laplace_law_approaches_its_moments():
    source = discretise(Laplace(1.0, 2.0), 4000, low=-79.0, high=81.0)
    assert source.probabilities @ source.points == pytest.approx(1.0, abs=1e-10)
    assert source.probabilities @ (source.points - 1.0) ** 2 == pytest.approx(8.0, rel=1e-3)  # the kink costs h²


@pytest.mark.parametrize("source", [Gaussian(1.0, 4.0), Laplace(1.0, 2.0), Uniform(-1.0, 3.0)])
def test_quantiles_invert_the_distribution_function(source):
    x = np.linspace(source.quantile(1e-9), source.quantile(1 - 1e-9), 200_001)
    density = source.density(x)
    share = np.cumsum(density) / density.sum()
    for level in (0.01, 0.3, 0.5, 0.9):
        assert float(np.interp(level, share, x)) == pytest.approx(source.quantile(level), abs=1e-3)


@pytest.mark.parametrize(
    "make, argument",
    [
        (lambda: Gaussian(0.0, 0.0), "variance"),
        (lambda: Gaussian(0.0, -1.0), "variance"),
        (lambda: Gaussian(math.nan, 1.0), "mean"),
        (lambda: Gaussian(0.0, math.inf), "variance"),
        (lambda: Laplace(0.0, 0.0), "scale"),
        (lambda: Laplace("a", 1.0), "mean"),
        (lambda: Uniform(1.0, 1.0), "high"),
        (lambda: Uniform(0.0, math.inf), "high"),
        (lambda: discretise(Gaussian(0.0, 1.0), 0), "n"),
        (lambda: discretise(Gaussian(0.0, 1.0), 2.5), "n"),
        (lambda: discretise(Gaussian(0.0, 1.0), True), "n"),
        (lambda: discretise(Bernoulli(0.5), 3), "source"),
        (lambda: discretise(Gaussian(0.0, 1.0), 3, low=1.0, high=1.0), "high"),
        (lambda: discretise(Gaussian(0.0, 1.0), 3, low=math.nan), "low"),
        (lambda: discretise(Uniform(0.0, 1.0), 3, low=2.0, high=3.0), "low"),
    ],
)
def test_bad_parameters_are_refused(make, argument):
    with pytest.raises(InvalidInput) as caught:
        make()
    assert caught.value.argument == argument


def test_a_gaussian_knows_its_standard_deviation():
    assert Gaussian(0, 9).standard_deviation == 3.0
    assert Gaussian(0, 9) == Gaussian(0.0, 9.0)
