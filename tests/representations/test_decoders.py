from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import TotalVariation, Wasserstein1, Wasserstein2Squared
from rdptheory.couplings import optimal_transport
from rdptheory.divergences import F_DIVERGENCES
from rdptheory.problems import PerceptionLimit
from rdptheory.representations.decoders import best_decoder


def instance(seed: int):
    rng = np.random.default_rng(seed)
    size, outputs = int(rng.integers(2, 6)), int(rng.integers(2, 6))
    return rng, rng.dirichlet(np.ones(size)), rng.random((size, outputs)), rng.dirichlet(np.ones(outputs) * 2.0)


@pytest.mark.parametrize("divergence", F_DIVERGENCES, ids=lambda divergence: divergence.name)
@settings(max_examples=8)
@given(seed=st.integers(0, 10_000))
def test_the_bracket_is_narrow_and_its_decoder_inside_the_ball(divergence, seed: int) -> None:
    rng, masses, cost, reference = instance(seed)
    ball = PerceptionLimit(divergence, reference, float(rng.uniform(0.0, 0.2)))
    found = best_decoder(masses, cost, ball)
    assert found.bounds.gap <= 1e-8
    spent = float(masses @ (found.channel * cost).sum(axis=1))
    assert spent <= found.bounds.upper <= spent + 1e-11  # its rounding, and that of δ in units of a small P
    assert ball.value(masses @ found.channel) <= ball.limit + 1e-13
    np.testing.assert_allclose(found.channel.sum(axis=1), 1.0, atol=1e-14)


@pytest.mark.parametrize("unit", [1e-80, 1e-18, 1e18, 1e80, 5e-324 * 2.0**20])
def test_costs_have_any_unit(unit: float) -> None:
    """Linear programs have absolute tolerances: costs of 1e-80 were bracketed by [.1, 1] of themselves."""
    _, masses, cost, reference = instance(3)
    ball = PerceptionLimit(TotalVariation(), reference, 0.05)
    usual, found = best_decoder(masses, cost, ball).bounds, best_decoder(masses, cost * unit, ball).bounds
    digits = 1e-5 if unit < 1e-300 else 1e-9  # subnormal costs have six
    assert found.lower / unit == pytest.approx(usual.lower, rel=digits)
    assert found.upper / unit == pytest.approx(usual.upper, rel=digits)
    assert best_decoder(masses, 0.0 * cost, ball).bounds.upper == 0.0


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_costs_below_0_are_rounded_outward_too(seed: int) -> None:
    rng, masses, cost, reference = instance(seed)
    cost = cost - rng.choice([0.5, 2.0, 1e6])
    exact = sum(Fraction(float(p)) * Fraction(float(row.min())) for p, row in zip(masses, cost, strict=True))
    free = best_decoder(masses, cost, None).bounds
    assert Fraction(free.lower) <= exact <= Fraction(free.upper)
    ball = PerceptionLimit(F_DIVERGENCES[0], reference, float(rng.uniform(0.0, 0.2)))
    there, moved = best_decoder(masses, cost, ball).bounds, best_decoder(masses, cost + 4.0, ball).bounds
    slack = 1e-12 * (1.0 + float(np.abs(cost).max()))  # of adding 4
    assert there.lower + 4.0 <= moved.upper + slack
    assert moved.lower <= there.upper + 4.0 + slack


@settings(max_examples=8)
@given(st.integers(0, 10_000))
def test_at_no_tolerance_it_is_an_optimal_transport(seed: int) -> None:
    _, masses, cost, reference = instance(seed)
    found = best_decoder(masses, cost, PerceptionLimit(F_DIVERGENCES[0], reference, 0.0))
    plan = optimal_transport(masses, reference, cost)
    assert found.bounds.lower <= float(np.vdot(plan.plan, cost)) + 1e-12
    assert plan.lower <= found.bounds.upper + 1e-12


@settings(max_examples=8)
@given(st.integers(0, 10_000))
def test_against_a_conic_solver(seed: int) -> None:
    rng, masses, cost, reference = instance(seed)
    limit = float(rng.uniform(0.01, 0.2))
    for divergence in F_DIVERGENCES[:2]:
        plan = cp.Variable(cost.shape, nonneg=True)
        law = cp.sum(plan, axis=0)
        distance = (
            cp.sum(cp.rel_entr(law, reference)) if divergence is F_DIVERGENCES[1] else (0.5 * cp.norm1(law - reference))
        )
        program = cp.Problem(
            cp.Minimize(cp.sum(cp.multiply(plan, cost))), [cp.sum(plan, axis=1) == masses, distance <= limit]
        )
        program.solve(solver="CLARABEL")
        found = best_decoder(masses, cost, PerceptionLimit(divergence, reference, limit))
        assert program.value == pytest.approx(found.bounds.upper, abs=1e-6)  # the conic solver's accuracy


@pytest.mark.parametrize("divergence", [Wasserstein1(), Wasserstein2Squared()], ids=lambda divergence: divergence.name)
def test_transport_balls(divergence) -> None:
    points = np.array([0.0, 1.0, 2.5])
    masses, reference = np.array([0.6, 0.4]), np.array([0.3, 0.4, 0.3])
    cost = np.array([[0.1, 0.5, 2.0], [1.0, 0.2, 0.3]])
    values = [
        best_decoder(masses, cost, PerceptionLimit(divergence.on(points), reference, limit)).bounds
        for limit in (0.0, 0.1, 0.5, 10.0)
    ]
    assert all(bounds.gap <= 1e-11 for bounds in values)
    assert all(later.upper <= former.upper + 1e-12 for former, later in pairwise(values))
    assert values[-1].upper == pytest.approx(float(masses @ cost.min(axis=1)), abs=1e-15)
