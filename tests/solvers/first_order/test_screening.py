"""Screening against supports that are known, and against a gap that is a lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory._types import FloatArray
from rdptheory.errors import InvalidInput
from rdptheory.geometry import Dense
from rdptheory.solvers.first_order.screening import dropped_mass, provably_unused

S, X = 0.9, np.linspace(0.0, 6.0, 25)
D = (X[:, None] - X[None, :]) ** 2
K = np.exp(-S * D)


def blahut_arimoto(p: FloatArray, steps: int) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """q, a feasible f, log c and the gap after plain steps."""
    q = np.full(p.size, 1.0 / p.size)
    for _ in range(steps):
        q = q * (K.T @ (p / (K @ q)))
    f = -np.log(K @ q)
    c = K.T @ (p * np.exp(f))
    upper = float(p @ f) - float(q * c @ np.log(c))
    f = f - np.log(c.max())
    return q, f, np.log(c) - np.log(c.max()), upper - float(p @ f)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=5)
def test_what_is_dropped_has_no_mass(seed: int) -> None:
    p = np.random.default_rng(seed).dirichlet(np.full(25, 3.0))
    exact, f, log_c, gap = blahut_arimoto(p, 30_000)
    unused = provably_unused(p, f, Dense(D), S, gap)
    assert exact[unused].max(initial=0.0) <= 1e-6
    for steps in (30, 1000):
        _, f, log_c, gap = blahut_arimoto(p, steps)
        assert not (provably_unused(p, f, Dense(D), S, gap) & (exact > 1e-4)).any()
        for level in (-0.3, -0.05, -0.01):
            dropped = log_c < level
            assert float(exact[dropped].sum()) <= dropped_mass(log_c, gap, dropped) + 1e-9


def test_a_small_gap_drops_much_and_a_false_one_too_much() -> None:
    p = np.random.default_rng(2).dirichlet(np.full(25, 3.0))
    exact, f, _, gap = blahut_arimoto(p, 100_000)
    assert provably_unused(p, f, Dense(D), S, gap).sum() >= 5
    _, rough, rough_c, _ = blahut_arimoto(p, 3)
    lie = provably_unused(p, rough, Dense(D), S, 1e-12)
    assert exact[lie].sum() > 0.01  # the checks above would have caught it
    assert float(exact[rough_c < -0.001].sum()) > dropped_mass(rough_c, 1e-12, rough_c < -0.001)


def test_edges() -> None:
    log_c = np.array([0.0, -1.0])
    assert dropped_mass(log_c, 0.5, np.array([False, False])) == 0.0
    assert dropped_mass(log_c, 0.5, np.array([True, True])) == 1.0
    with pytest.raises(InvalidInput, match="not feasible"):
        dropped_mass(np.array([0.1]), 0.1, np.array([True]))
    with pytest.raises(InvalidInput, match="dual feasible"):
        provably_unused(np.full(25, 0.04), np.full(25, 9.0), Dense(D), S, 0.1)
