"""The interior point of a limit and a price against the one of two limits, and where its points are put."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import Pmf, Table, rate_distortion
from rdptheory.problems import DiscreteProblem, DistortionLimit
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.solvers.outcome import answered
from rdptheory.solvers.relevance.grids import around, between, distinct, distinct_rows, first_grid
from rdptheory.solvers.relevance.priced import priced_point

SEEDS = st.integers(0, 2**32 - 1)


def question(seed):
    rng = np.random.default_rng(seed)
    n, m = (int(size) for size in rng.integers(2, 9, 2))
    p = rng.dirichlet(np.ones(n)) + 1e-3
    d = rng.uniform(size=(n, m))
    d -= d.min(axis=1, keepdims=True)
    return rng, Pmf.from_weights(p), d, 1e-3 + float(rng.uniform(0.1, 0.9)) * float((p / p.sum() @ d).min())


@settings(max_examples=15)
@given(seed=SEEDS)
def test_without_a_price_it_is_rate_distortion(seed):
    _, source, d, D = question(seed)
    p, free = source.probabilities, np.zeros_like(d)
    point = priced_point(p, free, d, D, 1e-11)
    truth = rate_distortion(source, Table(d), D=D)
    assert abs(float(p @ point.f) - point.s * D - truth.rate) <= truth.gap + 1e-9  # every h is at most the gap below 0
    np.testing.assert_allclose(point.joint.sum(axis=0), p, atol=1e-10)
    silent = priced_point(p, free, d, np.inf, 1e-11)
    assert silent.s == 0.0
    assert abs(float(p @ silent.f)) <= 1e-10  # no limit, no rate


@settings(max_examples=10)
@given(seed=SEEDS)
def test_a_price_is_the_multiplier_of_a_limit(seed):
    """R(D,K) + λK is least at the K whose multiplier is λ, and there the two programs have one value."""
    rng, source, d, _ = question(seed)
    p, c = source.probabilities, rng.uniform(size=d.shape)
    c -= c.min(axis=1, keepdims=True)
    some = 0.6 * np.eye(d.shape[1])[c.argmin(axis=1)] + 0.4 * np.eye(d.shape[1])[d.argmin(axis=1)]
    limits = tuple(DistortionLimit(t, 1.05 * float(p @ (some * t).sum(axis=1)) + 0.01) for t in (c, d))
    both = answered(DiscreteProblem(p, limits), InteriorPoint(gap=1e-10))
    assert both.outcome.dual is not None
    price = float(both.outcome.dual.s[0])
    point = priced_point(p, price * c, d, limits[1].limit, 1e-11)
    value = float(p @ point.f) - point.s * limits[1].limit
    assert (
        abs(value - (both.bounds.upper + price * limits[0].limit)) <= 1e-8
    )  # the multiplier errs by the root of the gap


def test_points_around_a_mean_are_at_the_distances_asked_for():
    tau = np.array([[0.2, 0.3, 0.5], [0.9, 0.05, 0.05]])
    points, whose = around(tau, np.array([0.1, 0.02]), 1e-3)
    np.testing.assert_allclose(points.sum(axis=1), 1.0, rtol=1e-14)
    for number, radius in enumerate((0.1, 0.02)):
        apart = between(points[whose == number], tau[number])
        assert abs(apart.max() - radius) <= 0.01 * radius  # along an arc, not a chord
        assert abs(apart.min() - max(radius / 125.0, 1e-3)) <= 0.01 * apart.min()
        middle = points[whose == number].mean(axis=0)
        assert between(middle, tau[number]) <= radius**2  # on all sides


@pytest.mark.parametrize("k", [2, 3, 5])
def test_the_first_grid_is_inside_the_simplex(k):
    classes = np.random.default_rng(0).dirichlet(np.ones(k), 7)
    for coarse in (False, True):
        grid = first_grid(classes, coarse=coarse)
        np.testing.assert_allclose(grid.sum(axis=1), 1.0, rtol=1e-14)
        assert (grid > 0.0).all()
        assert distinct_rows(grid).shape == grid.shape
    twice, labels = distinct(np.concatenate([grid, grid + 1e-9]), np.repeat([0, 0], len(grid)), 1e-3)
    assert len(twice) == len(labels) == len(grid)
    apart, _ = distinct(np.concatenate([grid, grid]), np.repeat([0, 1], len(grid)), 1e-3)
    assert len(apart) == 2 * len(grid)
