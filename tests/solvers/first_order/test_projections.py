"""KL projections onto perception balls: optimality conditions, an outside solver, and the edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdptheory._types import FloatArray
from rdptheory.divergences import F_DIVERGENCES, FDivergence, SmoothFDivergence, TotalVariation
from rdptheory.solvers.first_order.projections import Ball, Projection
from tests.solvers.first_order import oracle
from tests.solvers.first_order.questions import ball as ball_of

FAMILY = pytest.mark.parametrize("divergence", F_DIVERGENCES, ids=lambda member: member.name)


def instance(seed: int, n: int, spread: float) -> tuple[FloatArray, FloatArray]:
    """A law and the logarithm of a measure."""
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(n)) * (1 - 1e-3) + 1e-3 / n, spread * rng.normal(size=n) + rng.normal()


def residual(ball: Ball, log_measure: FloatArray, found: Projection) -> float:
    """The largest violation of the optimality conditions; 0 only at the projection."""
    r, p = found.law, ball.reference
    v = log_measure - found.log_law - found.gamma  # must lie in μ ∂φ(t)
    t = r / p
    if isinstance(ball.divergence, TotalVariation):
        price = np.clip(2.0 * v / max(found.mu, 1e-300), -1.0, 1.0)
        sign = np.select([t > 1.0 + 1e-12, t < 1.0 - 1e-12], [1.0, -1.0], price)
        stationarity = v - 0.5 * found.mu * sign
    else:
        assert isinstance(ball.divergence, SmoothFDivergence)
        stationarity = (v - found.mu * ball.divergence.slope(t)) / (1.0 + found.mu)
    slack = ball.value(r) - ball.radius
    return max(
        float(np.abs(stationarity).max()), abs(float(r.sum()) - 1.0), max(slack, 0.0), min(found.mu, 1.0) * abs(slack)
    )


@FAMILY
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(2, 30),
    spread=st.sampled_from([0.2, 1.0, 5.0]),
    P=st.sampled_from([1e-4, 1e-2, 0.1, 0.3]),
)
def test_projection_meets_its_optimality_conditions(
    divergence: FDivergence, seed: int, n: int, spread: float, P: float
) -> None:
    p, log_measure = instance(seed, n, spread)
    ball = ball_of(divergence, p, P)
    found = ball.project(log_measure)
    assert residual(ball, log_measure, found) <= 1e-12  # a few hundred units of rounding
    warm = ball.project(log_measure + 1e-3 * np.sin(np.arange(n)), found)
    assert np.abs(ball.project(log_measure, warm).law - found.law).max() <= 1e-11


@FAMILY
def test_the_residual_notices_a_law_that_is_not_the_projection(divergence: FDivergence) -> None:
    p, log_measure = instance(3, 12, 1.0)
    ball = ball_of(divergence, p, 0.05)
    found = ball.project(log_measure)
    mixed = 0.999 * found.law + 0.001 * p
    assert residual(ball, log_measure, Projection(np.log(mixed), found.gamma, found.mu)) > 1e-6
    assert residual(ball, log_measure, Projection(found.log_law, found.gamma, 1.001 * found.mu)) > 1e-6


@FAMILY
@pytest.mark.parametrize("P", [0.01, 0.1])
def test_projection_agrees_with_a_conic_solver(divergence: FDivergence, P: float) -> None:
    p, log_measure = instance(11, 8, 1.0)
    expected = oracle.projection(divergence, p, P, np.exp(log_measure))
    found = ball_of(divergence, p, P).project(log_measure)
    assert np.abs(found.law - expected).max() <= 1e-4  # the solver's own accuracy in r is about 3e-5
    objective = float(found.law @ (found.log_law - log_measure))
    reference = np.maximum(expected, 1e-300)
    assert objective <= float(reference @ (np.log(reference) - log_measure)) + 2e-6


@FAMILY
@given(seed=st.integers(0, 10**6), n=st.integers(2, 20), P=st.sampled_from([1e-3, 0.05, 0.3]))
def test_multipliers_price_the_ball(divergence: FDivergence, seed: int, n: int, P: float) -> None:
    """σ(v) = <v, r> at v = log(a/r): the law of the projection maximises v over the ball."""
    p, log_measure = instance(seed, n, 1.0)
    ball = ball_of(divergence, p, P)
    found = ball.project(log_measure)
    v = log_measure - found.log_law
    attained = float(found.law @ v)
    assert attained - 1e-11 <= ball.support(v, found) <= attained + 1e-8 * (1.0 + found.mu)
    if found.mu > 0.0 and isinstance(divergence, SmoothFDivergence):
        bound = divergence.support_bound(v, p, P, found.mu, found.gamma)
        assert attained - 1e-11 <= bound <= attained + 1e-10 * (1.0 + found.mu)


@FAMILY
def test_edges_of_the_ball(divergence: FDivergence) -> None:
    p, log_measure = instance(5, 9, 1.0)
    inside = np.exp(log_measure) / np.exp(log_measure).sum()
    assert np.allclose(ball_of(divergence, p, 0.0).project(log_measure).law, p, rtol=1e-15)
    wide = ball_of(divergence, p, divergence.value(p, inside) * 1.0001).project(log_measure)
    assert wide.mu == 0.0
    assert np.allclose(wide.law, inside, rtol=1e-13)
    assert np.allclose(Ball(None, p.size).project(log_measure).law, inside, rtol=1e-13)


@FAMILY
def test_symbols_without_reference_mass(divergence: FDivergence) -> None:
    p, log_measure = instance(6, 9, 1.0)
    p = np.where(np.arange(9) < 3, 0.0, p)
    p = p / p.sum()
    ball = ball_of(divergence, p, 0.05)
    found = ball.project(log_measure + np.where(p > 0.0, 0.0, 4.0))
    assert abs(found.law.sum() - 1.0) <= 1e-12
    assert abs(ball.value(found.law) - 0.05) <= 1e-12
    assert (found.law[:3] > 0.0).all() == np.isfinite(divergence.recession)


def test_one_symbol_with_all_the_reference_mass() -> None:
    for divergence in F_DIVERGENCES:
        ball = ball_of(divergence, np.array([1.0, 0.0]), 0.01)
        found = ball.project(np.array([0.0, 1.0]))
        assert abs(found.law.sum() - 1.0) <= 1e-12
        assert ball.value(found.law) <= 0.01 + 1e-12


def test_a_measure_that_underflows_beside_the_reference() -> None:
    p = np.array([0.2, 0.3, 0.5])
    found = ball_of(TotalVariation(), p, 0.1).project(np.array([0.0, -1400.0, -1500.0]))
    assert abs(found.law.sum() - 1.0) <= 1e-12
    assert abs(TotalVariation().value(p, found.law) - 0.1) <= 1e-12
