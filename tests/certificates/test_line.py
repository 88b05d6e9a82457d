"""The least value of a convex plus a concave function: never too high, as near as asked, whatever the numbers are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory._types import FloatArray
from rdptheory.certificates.line import Letters, least_on_line

SLACK = 1e-9
DENSE = 4_001
"""Points of the dense search: its least value is above the true one by what a curve can drop between two of them."""


@dataclass(frozen=True)
class Pair:
    """The curve of two sets of letters: E cost + prices over pairs of laws, minus the product of their means."""

    first: Letters
    second: Letters

    @property
    def ends(self) -> tuple[float, float]:
        return float(self.first.points.min()), float(self.first.points.max())

    def convex(self, slopes: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self.first.tilted(slopes)

    def concave(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        height, mean = self.second.tilted(points)
        return height - points * mean, -mean

    def turns(self, slopes: FloatArray) -> tuple[float, float, FloatArray, float]:
        blur = self.second.blur(np.abs(self.first.points).max(keepdims=True))
        return self.first.turn, self.second.turn, self.first.blur(slopes), float(blur[0])


def drawn(seed: int, n: int, m: int, alpha: float, beta: float) -> Pair:
    """Letters at random, the first in two clusters so that there is more than one valley."""
    rng = np.random.default_rng(seed)
    x = np.append(rng.uniform(-1, -0.5, n - n // 2), rng.uniform(0.5, 1, n // 2))
    first = Letters(x, rng.uniform(0, 1, n), rng.dirichlet(np.ones(n)), alpha)
    return Pair(first, Letters(rng.uniform(-2, 2, m), rng.uniform(0, 1, m), rng.dirichlet(np.ones(m)), beta))


def dense(curve: Pair) -> float:
    """The least value on a dense set of slopes."""
    slopes = np.sinh(np.linspace(-12, 12, DENSE)) * max(curve.first.price, 1e-3)
    height, mean = curve.convex(slopes)
    return float((height + curve.concave(mean)[0]).min())


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(2, 6),
    m=st.integers(2, 6),
    alpha=st.sampled_from([0.0, 1e-9, 1e-3, 0.3, 10.0]),
    beta=st.sampled_from([0.0, 1e-6, 0.1, 2.0]),
    nodes=st.sampled_from([2, 3, 41]),
)
def test_the_bound_is_below_every_value_and_within_the_slack(
    seed: int, n: int, m: int, alpha: float, beta: float, nodes: int
) -> None:
    curve = drawn(seed, n, m, alpha, beta)
    found = least_on_line(curve, np.linspace(-1.0, 1.0, nodes), SLACK, 100_000)
    assert found.floor <= dense(curve)
    assert found.best - found.floor <= SLACK
    assert (np.diff(found.slopes) >= 0.0).all()


@pytest.mark.parametrize("most", [2, 50, 500])
def test_a_bound_that_runs_out_of_nodes_is_lower_and_still_true(most: int) -> None:
    curve = drawn(3, 6, 6, 0.3, 0.1)
    early, late = (least_on_line(curve, np.array([-1.0, 1.0]), 1e-12, nodes) for nodes in (most, 100_000))
    assert early.floor <= late.floor + 1e-12  # the slack of the later one
    assert early.slopes.size <= max(most, 2)


@pytest.mark.parametrize("part", ["first", "second"])
def test_a_part_that_is_claimed_dearer_than_it_is_is_found_out(part: str) -> None:
    """The tests above would see a height that is too high, on either side."""
    honest = drawn(5, 4, 4, 0.3, 0.1)
    letters = getattr(honest, part)
    planted = replace(honest, **{part: replace(letters, cost=letters.cost + 1e-3)})
    assert least_on_line(planted, np.array([-4.0, 4.0]), SLACK, 10_000).floor > dense(honest)


@dataclass(frozen=True)
class Steady(Pair):
    """A pair that claims that its curvatures never change."""

    def turns(self, slopes: FloatArray) -> tuple[float, float, FloatArray, float]:
        return 0.0, 0.0, np.zeros(slopes.size), 0.0


def test_a_flat_valley_takes_few_nodes_and_a_curvature_that_is_claimed_is_found_out() -> None:
    x = np.linspace(-4.0, 4.0, 33)
    p = np.exp(-0.5 * x**2) / np.exp(-0.5 * x**2).sum()
    side = Letters(x, 0.25 * x**2, p, 0.5)  # tilted laws have half the variance, and the curvatures cancel
    flat = Pair(side, side)
    found = least_on_line(flat, np.linspace(-2.0, 2.0, 41), 1e-11, 100_000)
    assert found.floor <= dense(flat)
    assert found.best - found.floor <= 1e-11
    assert found.slopes.size <= 3_000  # chords and tangents alone take 17,000
    too_high = 0
    for seed in range(20):
        honest = drawn(seed, 5, 5, 0.1, 0.1)
        floor = least_on_line(honest, np.linspace(-2.0, 2.0, 3), SLACK, 10_000).floor
        assert floor <= dense(honest)
        lied = least_on_line(Steady(honest.first, honest.second), np.linspace(-2.0, 2.0, 3), SLACK, 10_000).floor
        too_high += lied > dense(honest) + SLACK
    assert too_high > 0


def test_tangents_are_below_the_price_of_any_law() -> None:
    rng = np.random.default_rng(0)
    letters = Letters(rng.normal(size=5), rng.normal(size=5), rng.dirichlet(np.ones(5)), 0.4)
    slopes = rng.normal(size=30)
    height, mean = letters.tilted(slopes)
    a = rng.dirichlet(np.ones(5) * 0.3, size=200)
    spent = a @ letters.cost + 0.4 * (a * np.log(a / letters.law)).sum(axis=1)
    tangents = height + slopes * ((a @ letters.points)[:, None] - mean)
    assert (tangents <= spent[:, None]).all()
    own = letters.laws(slopes)
    reached = own @ letters.cost + 0.4 * (own * np.log(own / letters.law)).sum(axis=1)
    np.testing.assert_allclose(own @ letters.points, mean, rtol=1e-14, atol=1e-15)  # the same sums
    np.testing.assert_allclose(reached, height, rtol=0, atol=1e-14)  # rounding of five terms near 1
