"""Several limits at once: distortions of every output coordinate, balls on its marginals."""

from __future__ import annotations

import numpy as np
import pytest

from rdptheory import (
    InteriorPoint,
    JensenShannon,
    KullbackLeibler,
    Pmf,
    SquaredError,
    TotalVariation,
    Wasserstein1,
    Wasserstein2Squared,
)
from rdptheory.closed_forms import bernoulli
from rdptheory.divergences import Divergence
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit
from rdptheory.solvers.outcome import Proof, answered
from tests.checks import assert_channel, assert_inside
from tests.solvers.interior_point import oracle

METHOD = InteriorPoint()
CONIC = 2e-7
"""How well the conic program knows the rate here: prescribed marginals leave it less room."""


def decoders(
    source: Pmf, table: np.ndarray, divergence: Divergence, limits: list[tuple[float, float]]
) -> DiscreteProblem:
    """One encoder, one decoder for each (D, P): the output alphabet is the product of the reproductions."""
    alphabet = (source.size,) * len(limits)
    place = np.unravel_index(np.arange(source.size ** len(limits)), alphabet)
    distortions = tuple(DistortionLimit(np.ascontiguousarray(table[:, place[k]]), D) for k, (D, _) in enumerate(limits))
    on_points = divergence.on(source.points)
    balls = tuple(
        PerceptionLimit.marginal(on_points, source.probabilities, P, alphabet, k)
        for k, (_, P) in enumerate(limits)
        if np.isfinite(P)
    )
    return DiscreteProblem(source.probabilities, distortions, balls, alphabet)


def solved(problem: DiscreteProblem) -> Proof:
    found = answered(problem, METHOD)
    assert found.bounds.gap <= 1e-9, (found.bounds, found.sentence)
    assert found.channel is not None
    assert_channel(problem, found.channel)
    return found


@pytest.mark.parametrize(
    "divergence",
    (TotalVariation(), KullbackLeibler(), JensenShannon(), Wasserstein1(), Wasserstein2Squared()),
    ids=repr,
)
def test_two_and_three_decoders_agree_with_a_conic_program(divergence: Divergence) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        n, K = ((3, 2), (2, 3), (4, 2), (2, 2), (3, 2))[seed]
        source = Pmf.from_weights(0.8 * rng.dirichlet(np.ones(n)) + 0.2 / n, np.sort(rng.normal(size=n)))
        table = SquaredError().table(source.points)
        zero = float((source.probabilities @ table).min())
        limits = [(zero * rng.uniform(0.3, 0.8), (0.02, 0.05, np.inf)[(seed + k) % 3]) for k in range(K)]
        problem = decoders(source, table, divergence, limits)
        found, truth = solved(problem), oracle.rate(problem)
        assert abs(found.bounds.upper - truth) <= 1e-6, (seed, found.bounds, truth)
        assert_inside(found.bounds, truth, CONIC)


@pytest.mark.parametrize("seed", range(4))
def test_several_distortions_and_no_ball(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m, K = (int(size) for size in rng.integers(2, 6, 3))
    p = 0.9 * rng.dirichlet(np.ones(n)) + 0.1 / n
    tables = rng.uniform(size=(K, n, m))
    channel = rng.dirichlet(np.ones(m), size=n)  # keeps every limit, so the question is feasible
    limits = tuple(DistortionLimit(table, float(np.vdot(p[:, None] * channel, table))) for table in tables)
    problem = DiscreteProblem(p, limits)
    found, truth = answered(problem, METHOD), oracle.rate(problem)
    assert abs(found.bounds.upper - truth) <= 1e-6
    assert_inside(found.bounds, truth, CONIC)


@pytest.mark.parametrize("divergence", (TotalVariation(), Wasserstein2Squared()), ids=repr)
def test_a_prescribed_marginal_is_met_exactly(divergence: Divergence) -> None:
    source = Pmf([0.5, 0.3, 0.2])
    limits = [(0.25, 0.0), (0.2, 0.02), (0.15, np.inf)]
    problem = decoders(source, SquaredError().table(source.points), divergence, limits)
    found = solved(problem)
    assert found.channel is not None
    first = problem.perceptions[0].law(problem.probabilities @ found.channel)
    assert np.abs(first - source.probabilities).max() <= 1e-15
    assert_inside(found.bounds, oracle.rate(problem), CONIC)


def test_ten_decoders_on_one_curve_cost_little_more_than_one() -> None:
    """Ten points of equal rate on the Bernoulli curve: most of the limits are redundant, and the bracket closes."""
    p, rate = 0.2, 0.1 * np.log(2.0)
    limits = []
    for P in (*np.linspace(0.0, 0.15, 9), np.inf):
        low, high = 1e-6, 0.32
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if float(bernoulli.rate(p, middle, P)) > rate else (low, middle)
        limits.append((high, float(P)))
    source = Pmf([1.0 - p, p])
    found = solved(decoders(source, 1.0 - np.eye(2), TotalVariation(), limits))
    pair = solved(decoders(source, 1.0 - np.eye(2), TotalVariation(), [limits[0], limits[-1]]))
    assert found.bounds.lower >= pair.bounds.lower - 1e-9  # more limits cannot cost less
    assert found.bounds.upper <= 1.3 * rate
    assert_inside(pair.bounds, 0.124287 * np.log(2.0), 1e-6)


def test_a_ball_that_forbids_a_symbol_beside_one_that_does_not() -> None:
    """KL(r‖q) keeps r where q has mass; the transport ball on the same law has its own multiplier there."""
    rng = np.random.default_rng(0)
    points = np.arange(6) / 6
    table = SquaredError().table(points)
    transport, relative = Wasserstein2Squared().on(points), KullbackLeibler()
    for _ in range(4):
        p = 0.9 * rng.dirichlet(np.ones(6)) + 0.1 / 6
        lightest = int(np.argmin(p))
        q = np.where(np.arange(6) == lightest, 0.0, p)
        q /= q.sum()
        balls = (PerceptionLimit(transport, q, 0.01), PerceptionLimit(relative, q, 0.1))
        for order in (balls, balls[::-1]):
            problem = DiscreteProblem(p, (DistortionLimit(table, 0.02),), order)
            found = solved(problem)
            assert_inside(found.bounds, oracle.rate(problem), CONIC)
            assert found.channel is not None
            assert not found.channel[:, lightest].any()


def test_two_transport_balls_around_a_law_with_an_empty_symbol() -> None:
    points, q = np.linspace(0.0, 1.0, 5), np.array([0.3, 0.3, 0.0, 0.2, 0.2])
    balls = (
        PerceptionLimit(Wasserstein1().on(points), q, 0.1),
        PerceptionLimit(Wasserstein2Squared().on(points), q, 0.02),
    )
    limit = DistortionLimit(SquaredError().table(points), 0.05)
    for pair in (balls, balls[::-1]):
        problem = DiscreteProblem(np.full(5, 0.2), (limit,), pair)
        assert_inside(solved(problem).bounds, oracle.rate(problem), CONIC)
