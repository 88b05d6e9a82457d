"""Balls far smaller than the steps a descent takes at first: the start must keep to the radius."""

from __future__ import annotations

import numpy as np
import pytest

from rdptheory import InteriorPoint, Pmf, SquaredError, TotalVariation, Wasserstein1, Wasserstein2Squared, rdp
from rdptheory.divergences import F_DIVERGENCES, Divergence

SOURCE = Pmf.from_weights(np.random.default_rng(0).dirichlet(np.ones(24)), np.arange(24.0))
VARIANCE = float(SOURCE.probabilities @ (SOURCE.points - SOURCE.probabilities @ SOURCE.points) ** 2)


@pytest.mark.parametrize("divergence", (*F_DIVERGENCES, Wasserstein1(), Wasserstein2Squared()), ids=repr)
def test_every_bracket_closes_in_few_steps(divergence: Divergence) -> None:
    for P in (1e-5, 1e-3):
        for share in (1e-4, 1e-3, 0.03, 0.5):
            solution = rdp(SOURCE, SquaredError(), divergence, D=share * VARIANCE, P=P)
            assert solution.gap <= 1e-9, (P, share, solution.message)
            assert solution.steps <= 80, (P, share, solution.steps)


def test_the_rate_at_a_tiny_radius_is_next_to_the_rate_at_zero() -> None:
    D = 1e-3 * VARIANCE
    realistic, tiny = (rdp(SOURCE, SquaredError(), TotalVariation(), D=D, P=P) for P in (0.0, 1e-5))
    assert tiny.bounds.lower <= realistic.bounds.upper
    assert realistic.bounds.lower - tiny.bounds.upper <= 1e-5 * -tiny.slopes.P + 1e-6


def test_small_boxes_close_whatever_the_distortion() -> None:
    """The best law of such a ball is no corner of it, and next to its reference r = q is all that a barrier sees."""
    rng, steps = np.random.default_rng(1), []
    for _ in range(120):
        n = int(rng.integers(2, 21))
        masses = 10.0 ** rng.uniform(-16.0, 0.0, n) if rng.random() < 0.3 else rng.dirichlet(np.ones(n))
        law = Pmf.from_weights(masses, np.sort(rng.normal(size=n)))
        most = float((law.probabilities @ SquaredError().table(law.points)).min())
        question = law, SquaredError(), TotalVariation()
        D, P = most * 10.0 ** rng.uniform(-6.0, 0.0), 10.0 ** rng.uniform(-8.0, -3.0)
        found = rdp(*question, D=D, P=P, method=InteriorPoint())
        assert found.gap <= 1e-9, (D, P, found.message)
        steps.append(found.steps)
    assert np.mean(steps) <= 20.0  # from far above a fifth of them used up 200
