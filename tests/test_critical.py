"""Critical points against the closed forms that have them, and against the rates on both sides."""

from __future__ import annotations

import numpy as np
import pytest

from rdptheory import (
    Bernoulli,
    Gaussian,
    Hamming,
    Pmf,
    SquaredError,
    TotalVariation,
    Wasserstein2Squared,
    critical_points,
    rdp,
)
from rdptheory.divergences import Divergence
from tests.checks import assert_inside

SOURCE = Pmf.from_weights(np.random.default_rng(0).dirichlet(np.ones(6)) + 0.05, np.arange(6.0))


@pytest.mark.parametrize("p, P", ((0.25, 0.05), (0.4, 0.02), (0.1, 0.09)))
def test_bernoulli(p: float, P: float) -> None:
    found = critical_points(Bernoulli(p), Hamming(), TotalVariation(), P=P)
    assert found.active is not None
    truth = P / (1 + 2 * P - 2 * p)
    assert abs(found.active.value - truth) <= 1e-6  # the root of 16 ulp, over a curvature of order 1
    assert abs(found.active.bounds.upper - truth) <= 1e-5
    assert found.active_rate == rdp(Bernoulli(p), Hamming(), TotalVariation(), D=found.active.value, P=P).rate
    assert_inside(found.zero_rate.bounds, 2 * p * (1 - p) - (1 - 2 * p) * P, 1e-15)


def test_gaussian() -> None:
    P = 0.1
    found = critical_points(Gaussian(0.0, 1.0), SquaredError(), Wasserstein2Squared(), P=P)
    assert found.active is not None
    assert abs(found.active.value - (1.0 - (1.0 - np.sqrt(P)) ** 2)) <= 1e-6
    assert_inside(found.zero_rate.bounds, 1.0 + (1.0 - np.sqrt(P)) ** 2)


@pytest.mark.parametrize("divergence", (TotalVariation(), Wasserstein2Squared()), ids=repr)
def test_both_sides_of_a_threshold(divergence: Divergence) -> None:
    question, P = (SOURCE, SquaredError(), divergence), 0.03
    found = critical_points(*question, P=P)
    assert found.active is not None
    low, high = found.active.bounds.lower, found.active.bounds.upper
    assert low < high < found.zero_rate.value
    assert rdp(*question, D=low, P=P).bounds.overlaps(rdp(*question, D=low, P=np.inf).bounds)
    assert rdp(*question, D=high, P=P).bounds.lower > rdp(*question, D=high, P=np.inf).bounds.upper
    assert rdp(*question, D=found.zero_rate.value, P=P).rate <= 1e-12  # what the rounding of D and P hides
    assert rdp(*question, D=found.zero_rate.value * (1 - 1e-3), P=P).bounds.lower > 0.0


def test_a_limit_that_never_costs() -> None:
    found = critical_points(SOURCE, SquaredError(), TotalVariation(), P=1.0)
    assert found.active is None
    assert np.isnan(found.active_rate)
