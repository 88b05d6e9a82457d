"""Small tables without symmetry, where E d swings about D or hardly moves: the loop closes under every ball."""

from __future__ import annotations

import numpy as np
import pytest

from rdptheory import Bernoulli, Pmf, Solution, SquaredError, Status, Table, rate_distortion, rdp
from rdptheory.divergences import F_DIVERGENCES, FDivergence, PowerDivergence, SmoothFDivergence, TotalVariation
from rdptheory.solvers.first_order import FirstOrder
from rdptheory.solvers.first_order.loop import _SlopeFollower
from rdptheory.solvers.first_order.projections import log_ratio
from tests.checks import rounded
from tests.solvers.first_order.questions import ball


def random_question(rng: np.random.Generator) -> tuple[Pmf, Table, FDivergence | None, float, float]:
    """Two to five symbols on either side, integers or exponential costs, any ball, a reference of its own."""
    n, m = rng.integers(2, 6, 2)
    table = rng.integers(0, 6, (n, m)).astype(float) if rng.random() < 0.5 else rng.exponential(2.0, (n, m))
    p, q = rng.dirichlet(np.ones(n)), rng.dirichlet(np.full(m, 3.0))
    divergence = (None, *F_DIVERGENCES)[rng.integers(7)]
    P = np.inf if divergence is None else float(rng.choice([0.0, 1e-3, 0.02, 0.1, 0.4]))
    share = rng.uniform(0.05, 0.95)
    D = float((1.0 - share) * (p @ table.min(axis=1)) + share * (p @ table).min())
    return Pmf(p), Table(table, None if divergence is None else q), divergence, D, P


def test_a_skewed_table_takes_a_few_steps() -> None:
    """R(D) of a coin under [[0, 5], [1, 0]] at D = 1/5 by Blahut-Arimoto in 40 digits: .27395370300688."""
    found = rate_distortion(Bernoulli(0.5), Table([[0, 5], [1, 0]]), D=0.2, method=FirstOrder(gap=1e-9))
    assert found.bounds.lower <= 0.2739537030068820 <= found.bounds.upper
    assert found.gap <= 1e-9
    assert found.steps < 100


def test_random_tables_close() -> None:
    """At least 58 of 60 to 1e-6 within the steps allowed; no bracket is false."""
    rng, closed = np.random.default_rng(11), 0
    for _ in range(60):
        source, table, divergence, D, P = random_question(rng)
        found = rdp(source, table, divergence, D=D, P=P, method=FirstOrder(gap=1e-6, max_steps=4000))
        if found.status is Status.STOPPED:
            assert found.gap > 1e-6
            assert found.bounds.overlaps(rdp(source, table, divergence, D=D, P=P).bounds)
        closed += found.status is not Status.STOPPED
    assert closed >= 58


def test_a_follower_that_never_stiffens_swings_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: with steps of s that stay as large as they are, the skewed table does not close."""
    monkeypatch.setattr("rdptheory.solvers.first_order.loop.STIFFER", 1.0)
    found = rate_distortion(Bernoulli(0.5), Table([[0, 5], [1, 0]]), D=0.2, method=FirstOrder(gap=1e-6, max_steps=500))
    assert found.status is Status.STOPPED


def test_the_slope_follows_a_chord_only_where_it_swings() -> None:
    follower = _SlopeFollower()
    s = 1.0
    for swing in range(8):
        s = follower.next(s, 1.2 if swing % 2 else 0.8, 1.0, 1.0, np.nan)
    assert follower.stiffness > 3.0
    assert follower.next(s, 1.2, 1.0, 1.0, 1.1 * s) == rounded(1.1 * s)


@pytest.mark.parametrize("P", [1e-17, 1e-13, 1e-9])
@pytest.mark.parametrize("divergence", F_DIVERGENCES, ids=lambda member: member.name)
def test_radii_that_float64_hardly_sees(divergence: FDivergence, P: float) -> None:
    source = Pmf([0.5, 0.3, 0.2])
    found = rdp(source, SquaredError(), divergence, D=0.2, P=P, method=FirstOrder(gap=1e-4))
    assert found.gap <= 1e-4
    assert found.bounds.overlaps(rdp(source, SquaredError(), divergence, D=0.2, P=0.0).bounds) or P == 1e-9


def test_steps_never_exceed_the_limit_and_rounding_ends_a_run() -> None:
    source = Pmf(np.random.default_rng(0).dirichlet(np.ones(10)))

    def solved(gap: float, most: int, P: float) -> Solution:
        method = FirstOrder(gap=gap, max_steps=most)
        return rdp(source, SquaredError(), TotalVariation(), D=0.6, P=P, method=method)

    for most in (1, 2, 3, 5, 8, 17):
        for P in (0.0, 0.05, 0.5):
            assert solved(1e-12, most, P).steps <= most
    assert solved(1e-15, 20_000, 0.0).steps < 5_000  # what is left is rounding


class Neyman(SmoothFDivergence):
    """Σ (r-p)²/r, a member that nobody told the loop about: φ(t) = (t-1)²/t."""

    recession = 1.0

    def phi(self, t: np.ndarray) -> np.ndarray:
        return (t - 1.0) ** 2 / t

    def slope(self, t: np.ndarray) -> np.ndarray:
        return 1.0 - 1.0 / t**2

    def curvature(self, t: np.ndarray) -> np.ndarray:
        return 2.0 / t**3

    def ratio(self, y: np.ndarray) -> np.ndarray:
        return 1.0 / np.sqrt(1.0 - y)

    def ratio_slope(self, y: np.ndarray) -> np.ndarray:
        return 0.5 * (1.0 - y) ** -1.5


def test_a_divergence_from_outside_has_a_projection() -> None:
    """Only φ, two derivatives and an inverse: the loop projects by Newton steps, and agrees with the interior point."""
    rng = np.random.default_rng(3)
    p, log_measure = rng.dirichlet(np.ones(8)), rng.normal(size=8)
    found = ball(Neyman(), p, 0.05).project(log_measure)
    t = found.law / p
    assert abs(found.law.sum() - 1.0) <= 1e-12
    assert abs(Neyman().value(p, found.law) - 0.05) <= 1e-12
    stationary = log_measure - found.log_law - found.gamma - found.mu * Neyman().slope(t)
    assert np.abs(stationary).max() <= 1e-11
    source = Pmf(p, np.arange(8.0))
    loop = rdp(source, SquaredError(), Neyman(), D=0.8, P=0.05, method=FirstOrder(gap=1e-7))
    inside = rdp(source, SquaredError(), Neyman(), D=0.8, P=0.05)
    assert loop.gap <= 1e-7
    assert loop.bounds.overlaps(inside.bounds)


@pytest.mark.parametrize(
    "divergence",
    [
        *(d for d in F_DIVERGENCES if d.name not in ("TotalVariation", "KullbackLeibler")),
        *map(PowerDivergence, (0.05, 0.3, 2.5, 20.0)),
    ],
    ids=str,
)
def test_newton_on_log_t_agrees_with_the_special_formulas(divergence: SmoothFDivergence) -> None:
    y = np.linspace(-30.0, 30.0, 61)
    general = log_ratio.dispatch(SmoothFDivergence)
    assert log_ratio.dispatch(type(divergence)) is not general, "whose 200 halvings take minutes in a loop"
    for mu in (1e-3, 0.3, 10.0):
        for one, other in zip(general(divergence, y, mu), log_ratio(divergence, y, mu), strict=True):
            assert np.allclose(one, other, rtol=1e-8, atol=1e-10)
