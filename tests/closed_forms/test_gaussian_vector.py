from __future__ import annotations

import time

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import (
    Bounds,
    Gaussian,
    GaussianVector,
    InvalidInput,
    KullbackLeibler,
    SquaredError,
    Status,
    TotalVariation,
    Wasserstein2Squared,
    rate_distortion,
    rdp,
)
from rdptheory.closed_forms import gaussian, gaussian_vector
from tests.checks import assert_inside

INF = float("inf")
BALLS = [Wasserstein2Squared(), KullbackLeibler()]
NAMES = [ball.name for ball in BALLS]
balls = pytest.mark.parametrize("ball", BALLS, ids=NAMES)


def random_covariance(seed: int, size: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size)) * np.exp(rng.normal(0.0, 0.7, size))
    return root @ root.T


def discrepancy(covariance: np.ndarray, joint: np.ndarray, ball) -> tuple[float, float, float]:
    """(I, E‖X-Y‖², δ) of a jointly Gaussian pair of equal means, from their general formulas."""
    k = covariance.shape[0]
    common, spread = joint[:k, k:], joint[k:, k:]
    error = float(np.trace(covariance) + np.trace(spread) - 2.0 * np.trace(common))
    information = 0.5 * (np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(spread)[1] - np.linalg.slogdet(joint)[1])
    if isinstance(ball, KullbackLeibler):
        ratio = np.linalg.solve(covariance, spread)
        return information, error, 0.5 * (np.trace(ratio) - k - np.linalg.slogdet(ratio)[1])
    values, axes = np.linalg.eigh(covariance)
    root = (axes * np.sqrt(np.maximum(values, 0.0))) @ axes.T
    inner = np.linalg.eigvalsh(root @ spread @ root)
    fidelity = np.sqrt(np.maximum(inner, 0.0)).sum()
    return information, error, float(np.trace(covariance) + np.trace(spread) - 2.0 * fidelity)


@balls
@pytest.mark.parametrize(
    "D, P", [(0.3, 0.05), (1.0, 0.2), (0.9, 1e-3), (1.5, 0.3), (1.9, 1e-3), (0.01, 1e-6), (0.3, 0.0), (0.5, INF)]
)
def test_the_identity_covariance_is_the_scalar_form(ball, D: float, P: float) -> None:
    expected = 5.0 * float(gaussian.rate(1.0, D, P, ball))
    for covariance in (np.ones(5), np.eye(5)):
        solution = rdp(GaussianVector(np.zeros(5), covariance), SquaredError(), ball, D=5.0 * D, P=5.0 * P)
        assert abs(solution.rate - expected) <= 1e-12
        assert solution.bounds.lower <= expected <= solution.bounds.upper


@balls
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_the_candidate_reaches_the_rate_within_both_limits(ball, seed: int) -> None:
    rng = np.random.default_rng(seed)
    covariance = random_covariance(seed, int(rng.integers(1, 6)))
    total = float(np.trace(covariance))
    D = float(rng.uniform(0.05, 1.2)) * total
    P = float(rng.uniform(0.001, 0.3)) * (total if isinstance(ball, Wasserstein2Squared) else 1.0)
    source = GaussianVector(np.zeros(len(covariance)), covariance)
    solution = rdp(source, SquaredError(), ball, D=D, P=P)
    assert solution.status is Status.OPTIMAL
    if np.linalg.eigvalsh(solution.candidate.joint.covariance)[0] <= 1e-9 * total:
        return  # a component without spread: the determinants below are 0
    information, error, delta = discrepancy(covariance, solution.candidate.joint.covariance, ball)
    assert information == pytest.approx(solution.rate, abs=1e-7)  # conditioning of the determinants
    assert error <= D + 1e-9 * total
    assert delta <= P + 1e-9 * total


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000))
def test_against_a_semidefinite_program(seed: int) -> None:
    """min ½ log det Σ / det(conditional) over joint laws; W2² <= P as a linear matrix inequality."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 4))
    covariance = random_covariance(seed, size)
    covariance /= np.trace(covariance) / size
    D, P = size * float(rng.uniform(0.1, 0.9)), size * float(rng.uniform(0.01, 0.3))
    solution = rdp(GaussianVector(np.zeros(size), covariance), SquaredError(), Wasserstein2Squared(), D=D, P=P)
    # I(X;Y) >= ½ log det Σ / det S for every S with [[Σ - S, C], [C', W]] >= 0: S is the error covariance of E[X|Y]
    S, W = cp.Variable((size, size), PSD=True), cp.Variable((size, size), PSD=True)
    C, F = cp.Variable((size, size)), cp.Variable((size, size))
    limits = [
        cp.bmat([[covariance - S, C], [C.T, W]]) >> 0,
        np.trace(covariance) + cp.trace(W) - 2.0 * cp.trace(C) <= D,
        cp.bmat([[covariance, F], [F.T, W]]) >> 0,
        np.trace(covariance) + cp.trace(W) - 2.0 * cp.trace(F) <= P,
    ]
    program = cp.Problem(cp.Minimize(-0.5 * cp.log_det(S)), limits)
    program.solve(solver="CLARABEL")
    value = program.value + 0.5 * np.linalg.slogdet(covariance)[1]
    assert value == pytest.approx(solution.rate, abs=1e-5)  # the conic solver's accuracy


@balls
def test_no_other_allocation_is_better(ball) -> None:
    rng = np.random.default_rng(3)
    variances = np.array([4.0, 1.0, 0.2, 0.01])
    D, P = 1.5, 0.4
    best = gaussian_vector.allocate(variances, D, P, ball)
    assert best.bounds.gap <= 1e-12
    for share in (0.5, 0.9, 0.99):
        for _ in range(20):
            toward_D, toward_P = rng.dirichlet(np.ones(4)) * D, rng.dirichlet(np.ones(4)) * P
            other = gaussian.rate(
                variances,
                share * best.distortions + (1.0 - share) * toward_D,
                share * best.perceptions + (1.0 - share) * toward_P,
                ball,
            )
            assert float(other.sum()) >= best.bounds.lower


@balls
def test_without_a_perception_limit_it_is_reverse_water_filling(ball) -> None:
    variances = np.array([4.0, 1.0, 0.2, 0.01])
    for level in (0.005, 0.1, 0.5, 2.0):
        D = float(np.minimum(variances, level).sum())
        expected = 0.5 * float(np.log(np.maximum(variances / level, 1.0)).sum())
        assert gaussian_vector.rate(variances, D, INF, ball) == pytest.approx(expected, abs=1e-12)
    assert rate_distortion(GaussianVector(np.zeros(4), variances), SquaredError(), D=6.0).rate == 0.0


@balls
def test_slopes_are_derivatives(ball) -> None:
    source = GaussianVector(np.zeros(3), [3.0, 1.0, 0.3])
    at = rdp(source, SquaredError(), ball, D=1.2, P=0.2)
    step = 1e-5
    more = rdp(source, SquaredError(), ball, D=1.2 + step, P=0.2).rate
    less = rdp(source, SquaredError(), ball, D=1.2 - step, P=0.2).rate
    assert (more - less) / (2 * step) == pytest.approx(at.slopes.D, rel=1e-6)
    more = rdp(source, SquaredError(), ball, D=1.2, P=0.2 + step).rate
    less = rdp(source, SquaredError(), ball, D=1.2, P=0.2 - step).rate
    assert (more - less) / (2 * step) == pytest.approx(at.slopes.P, rel=1e-6)


@balls
@pytest.mark.parametrize("share_P", [0.02, 0.0, INF])
def test_a_million_components_take_little_time(ball, share_P: float) -> None:
    variances = np.exp(np.random.default_rng(0).normal(0.0, 1.5, 1_000_000))
    total = float(variances.sum())
    source = GaussianVector(np.zeros(variances.size), variances)
    begin = time.process_time()
    solution = rdp(source, SquaredError(), ball, D=0.3 * total, P=share_P * total if share_P < INF else INF)
    assert time.process_time() - begin < 2.0
    assert solution.gap <= 1e-12 * solution.rate


@balls
def test_regimes_meet(ball) -> None:
    variances = np.array([2.0, 1.0, 0.5])
    free = gaussian_vector.allocate(variances, 1.0, INF, ball)
    edge = float(free.perceptions.sum())
    for P in (edge * (1 - 1e-6), edge, edge * (1 + 1e-6)):
        found = gaussian_vector.allocate(variances, 1.0, P, ball)
        assert found.bounds.gap <= 1e-9
        assert found.bounds.upper == pytest.approx(free.bounds.upper, abs=1e-6)
    for P in (0.0, 0.1):
        blind = gaussian_vector.allocate(variances, 7.0, P, ball)
        assert blind.bounds.upper == 0.0
        edge = float(blind.distortions.sum())
        assert gaussian_vector.allocate(variances, edge * (1 - 1e-4), P, ball).bounds.gap <= 1e-9


def test_a_diagonal_matrix_keeps_its_least_variance() -> None:
    """½ log 1/(D/2) + ½ log 1e-15/(D/2): no axis is turned, so that no variance is rounding of another."""
    listed, matrix = (
        rdp(GaussianVector([0.0, 0.0], covariance), SquaredError(), None, D=1e-20, P=np.inf)
        for covariance in ([1.0, 1e-15], [[1.0, 0.0], [0.0, 1e-15]])
    )
    assert_inside(matrix.bounds, 0.5 * np.log(1e-15) - np.log(5e-21), 1e-13)  # of logarithms of 50
    assert matrix.bounds == listed.bounds
    assert matrix.candidate.joint.covariance.shape == (4, 4)


def test_vanishing_variances_and_the_scalar_source() -> None:
    flat = rdp(
        GaussianVector([1.0, 2.0], [[1.0, 1.0], [1.0, 1.0]]), SquaredError(), Wasserstein2Squared(), D=0.5, P=0.1
    )
    line = rdp(Gaussian(0.0, 2.0), SquaredError(), Wasserstein2Squared(), D=0.5, P=0.1)
    assert flat.rate == pytest.approx(line.rate, abs=1e-12)
    assert flat.bounds.lower <= line.bounds.upper
    none = rdp(GaussianVector([0.0], [1.0]), SquaredError(), None, D=0.0, P=INF)
    assert none.status is Status.INFEASIBLE
    assert none.rate == INF


@pytest.mark.parametrize(
    "mean, covariance",
    [([], []), ([0.0], [0.0]), ([0.0, 0.0], [1.0]), ([0.0], [-1.0]), ([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]]),
     ([0.0, 0.0], [[1.0, 0.5], [0.0, 1.0]]), ([0.0], [float("nan")]), ([[0.0]], [1.0])],
)  # fmt: skip
def test_malformed_sources_are_refused(mean, covariance) -> None:
    with pytest.raises(InvalidInput):
        GaussianVector(mean, covariance)


def test_other_questions_have_no_closed_form() -> None:
    with pytest.raises(InvalidInput, match="closed form"):
        rdp(GaussianVector([0.0], [1.0]), SquaredError(), TotalVariation(), D=0.5, P=0.1)
    with pytest.raises(InvalidInput, match="perception"):
        gaussian_vector.allocate([1.0], 0.5, 0.1, TotalVariation())
    for variances in ([], [[1.0]], 1.0):
        with pytest.raises(InvalidInput, match=r"variances = .*must have shape"):
            gaussian_vector.allocate(variances, 0.5, 0.1)


@balls
def test_no_distortion_at_all_and_more_than_enough(ball) -> None:
    none = gaussian_vector.allocate([1.0, 4.0], 0.0, 0.1, ball)
    assert none.bounds == Bounds(INF, INF)
    assert none.distortions.tolist() == none.perceptions.tolist() == [0.0, 0.0]
    enough = gaussian_vector.allocate([1.0, 4.0], 5.5, INF, ball)
    assert enough.bounds == Bounds(0.0, 0.0)
    assert enough.distortions.tolist() == [1.0, 4.0]  # the means, and nothing else
