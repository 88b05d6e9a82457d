"""Free reproductions: a value known on the line, the zero-rate point, and what the two ends must obey."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory.distortions import SquaredError
from rdptheory.information import mutual_information
from rdptheory.solvers.first_order import FirstOrder
from rdptheory.solvers.first_order.free_points import free_reproduction
from tests.solvers.first_order.questions import ask

METHOD = FirstOrder(gap=1e-4)


def two_points_rate(p: float, D: float) -> float:
    """R(D) of Bernoulli(p) with reproductions on the line, by brute force over pairs of conditional means."""
    from scipy.optimize import brentq
    from scipy.special import entr

    def h(x: float) -> float:
        return float(entr(x) + entr(1.0 - x))

    best = h(p)
    for a in np.linspace(0.0, p, 400, endpoint=False):  # Y takes the values a < p < b with E[X|Y] = Y

        def excess(b: float, a: float = float(a)) -> float:
            w = (p - a) / (b - a)
            return (1.0 - w) * a * (1.0 - a) + w * b * (1.0 - b) - D

        if excess(p + 1e-9) > 0.0 > excess(1.0):
            b = brentq(excess, p + 1e-9, 1.0)
            w = (p - a) / (b - a)
            best = min(best, h(p) - (1.0 - w) * h(float(a)) - w * h(b))
    return best


@pytest.mark.parametrize("D", [0.05, 0.15])
def test_bernoulli_on_the_line(D: float) -> None:
    found = free_reproduction(np.array([0.7, 0.3]), np.array([[0.0], [1.0]]), D, METHOD)
    expected = two_points_rate(0.3, D)
    assert found.bounds.lower <= expected
    assert found.bounds.upper == pytest.approx(expected, abs=2e-4)  # the local search and the 400 pairs


@given(seed=st.integers(0, 10**6), share=st.sampled_from([0.1, 0.4, 0.8]))
@settings(max_examples=4)
def test_both_ends(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(25, 2)) + 3.0 * rng.integers(0, 2, size=(25, 1))
    p = rng.dirichlet(np.full(25, 4.0))
    D = share * float(p @ ((x - p @ x) ** 2).sum(axis=1))
    found = free_reproduction(p, x, D, METHOD)
    assert 0.0 <= found.bounds.lower <= found.bounds.upper
    assert mutual_information(p, found.channel) <= found.bounds.upper + 1e-11
    d = ((x[:, None, :] - found.points[None, :, :]) ** 2).sum(axis=2)
    assert float(np.vdot(p[:, None] * found.channel, d)) <= D * (1.0 + 1e-11)
    assert ask(p, SquaredError().on(x), None, D, np.inf, METHOD).bounds.upper >= found.bounds.lower
    assert found.bounds.upper <= ask(p, SquaredError().on(x), None, D, np.inf, METHOD).bounds.upper + 2e-3


def test_zero_rate_at_the_variance() -> None:
    x = np.random.default_rng(0).normal(size=(12, 3))
    p = np.full(12, 1.0 / 12.0)
    variance = float(((x - x.mean(axis=0)) ** 2).sum(axis=1).mean())
    found = free_reproduction(p, x, variance * (1.0 + 1e-12), METHOD, rounds=5)
    assert (found.bounds.lower, found.bounds.upper) == (0.0, 0.0)
    sample = ask(p, SquaredError().on(x), None, variance, np.inf, METHOD)
    assert sample.bounds.lower > 0.0  # the mean is not a sample
