"""Questions that used not to close: tails of counting laws, small tables with large entries."""

from __future__ import annotations

import numpy as np
import pytest
import scipy

from rdptheory import (
    AbsoluteError,
    Bernoulli,
    ChiSquare,
    Hamming,
    InteriorPoint,
    Pmf,
    SquaredError,
    Status,
    Table,
    TotalVariation,
    Wasserstein1,
    Wasserstein2Squared,
    rate_distortion,
    rdp,
)
from rdptheory.divergences import F_DIVERGENCES, Divergence
from tests.checks import assert_sound

BALLS = (None, *F_DIVERGENCES, Wasserstein1(), Wasserstein2Squared())
TEN = 2.166996503
"""R(.1) of a Poisson law of mean 10 under squared error, in nats: Blahut-Arimoto on 0..59 and on 0..99 agree on it."""


def counts(masses: np.ndarray) -> Pmf:
    return Pmf.from_weights(masses, np.arange(float(masses.size)))


def closed(source: Pmf, distortion: object, ball: Divergence | None, D: float, P: float) -> float:
    solution = rdp(source, distortion, ball, D=D, P=np.inf if ball is None else P)
    assert_sound(solution, gap=1e-9)
    assert solution.status is Status.OPTIMAL
    return solution.rate


@pytest.mark.parametrize("size", (40, 50, 60, 70, 80, 90, 100, 120))
def test_a_counting_law_closes_wherever_it_is_cut(size: int) -> None:
    """The last mass is 2e-13 or 2e-121; no ball of these radii costs anything, but total variation .01 is close to."""
    source = counts(scipy.stats.poisson.pmf(np.arange(size), 10.0))
    assert abs(rate_distortion(source, SquaredError(), D=0.1).rate - TEN) <= 1e-9
    for ball in (TotalVariation(), Wasserstein1()):
        assert closed(source, SquaredError(), ball, 0.1, 0.1) >= TEN - 1e-9
    assert abs(closed(source, SquaredError(), TotalVariation(), 0.1, 0.01) - TEN) <= 2e-9


@pytest.mark.parametrize("ball", BALLS, ids=repr)
def test_random_tails_close(ball: Divergence | None) -> None:
    """Counting laws with masses down to 1e-15 or 1e-35."""
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x = np.arange(int(rng.integers(20, 60)))
        masses = (
            scipy.stats.poisson.pmf(x, rng.uniform(1.0, 20.0)),
            scipy.stats.binom.pmf(x, x[-1], rng.uniform(0.05, 0.6)),
            scipy.stats.nbinom.pmf(x, rng.uniform(1.0, 8.0), rng.uniform(0.3, 0.9)),
            scipy.stats.geom.pmf(x + 1, rng.uniform(0.2, 0.8)),
        )[seed % 4]
        source = counts(masses[masses > 10.0 ** -rng.uniform(15.0, 35.0)])
        if isinstance(ball, (Wasserstein1, Wasserstein2Squared)):  # whose rounding is that of the greatest cost
            source = Pmf(source.probabilities, source.points / source.size)
        distortion = (SquaredError(), AbsoluteError(), Hamming())[seed % 3]
        most = float((source.probabilities @ distortion.table(source.points)).min())
        closed(source, distortion, ball, most * 10.0 ** rng.uniform(-2.5, -0.1), 10.0 ** rng.uniform(-4.0, -0.7))


@pytest.mark.parametrize("ball", F_DIVERGENCES, ids=repr)
def test_a_tail_of_1e_121_beside_every_ball(ball: Divergence) -> None:
    """Nothing of it is in the iteration; every ball of this radius is idle, and some want each symbol used."""
    source = counts(scipy.stats.poisson.pmf(np.arange(100), 10.0))
    assert abs(closed(source, SquaredError(), ball, 0.1, 0.1) - TEN) <= 1e-9


def test_all_attempts_together_keep_to_the_limit_of_steps() -> None:
    """Tails, floors of the weights, no ball, P = 0: whatever is tried, the sum is what was allowed."""
    source = counts(scipy.stats.poisson.pmf(np.arange(60), 10.0))
    for ball in (TotalVariation(), ChiSquare()):
        for most in (1, 3, 7):
            solution = rdp(source, SquaredError(), ball, D=0.1, P=1e-3, method=InteriorPoint(max_steps=most))
            assert_sound(solution)
            assert solution.steps <= most


def test_a_small_table_with_a_large_entry_closes() -> None:
    rate = closed(Bernoulli(0.3), Table([[0, 1000], [1, 0]]), TotalVariation(), 0.03, 0.02)
    assert abs(rate - 0.519326497) <= 1e-9  # by a search over the two free numbers of a channel


@pytest.mark.parametrize("ball", (None, *F_DIVERGENCES), ids=repr)
def test_random_skewed_tables_close(ball: Divergence | None) -> None:
    """Entries from .1 to 10,000, D down to 1e-4 of where the rate ends."""
    for seed in range(25):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 6))
        p = rng.dirichlet(np.ones(n)) * 0.98 + 0.02 / n
        table = 10.0 ** rng.uniform(-1.0, 4.0, (n, n)) * (rng.random((n, n)) < 0.8)
        np.fill_diagonal(table, 0.0)
        D = float((p @ table).min()) * 10.0 ** rng.uniform(-4.0, -0.05)
        closed(Pmf.from_weights(p), Table(table), ball, D, 10.0 ** rng.uniform(-4.0, -0.5))
