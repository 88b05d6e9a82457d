from __future__ import annotations

import time
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from rdptheory import (
    Bernoulli,
    Candidate,
    Gaussian,
    GaussianVector,
    Hamming,
    InvalidInput,
    KullbackLeibler,
    Laplace,
    Outcome,
    Pmf,
    SquaredError,
    Status,
    Table,
    TotalVariation,
    Wasserstein1,
    Wasserstein2Squared,
    rdp,
)
from rdptheory.closed_forms import bernoulli
from rdptheory.divergences import F_DIVERGENCES
from rdptheory.representations import gaussian_decoders, rate_penalty, universal, universal_rate
from rdptheory.units import bits_to_nats, nats_to_bits
from tests.checks import rounded
from tests.representations.checks import check_universal

INF = float("inf")


def on_the_tradeoff(p: float, bits: float, limits: list[float]) -> list[tuple[float, float]]:
    """The points (D, P) of a Bernoulli source at this rate."""
    R = bits_to_nats(bits)
    return [(brentq(lambda D, P=P: float(bernoulli.rate(p, D, P)) - R, 1e-9, 0.4999999), P) for P in limits]


def by_conic_program(p: np.ndarray, table: np.ndarray, points: list[tuple[float, float]]) -> float:
    """The same convex program under total variation, written out for a conic solver."""
    n, size = p.size, p.size ** len(points)
    W = cp.Variable((n, size), nonneg=True)  # outputs y_1, ..., y_K in C order
    output = np.ones((n, 1)) @ cp.reshape(p @ W, (1, size), order="C")
    limits = [cp.sum(W, axis=1) == 1]
    for k, (D, P) in enumerate(points):
        before, after = np.ones((n**k, 1)), np.ones((n ** (len(points) - 1 - k), 1))
        alone = W @ np.kron(np.kron(before, np.eye(n)), after)
        limits.append(cp.sum(cp.multiply(p[:, None] * table, alone)) <= D)
        if P < INF:
            limits.append(0.5 * cp.norm1(p @ alone - p) <= P)
    program = cp.Problem(cp.Minimize(cp.sum(cp.multiply(p[:, None], cp.rel_entr(W, output)))), limits)
    program.solve(solver="CLARABEL")
    return float(program.value)


@pytest.mark.parametrize("p, bits, expected", [(0.2, 0.1, 0.124287), (0.1, 0.3, 0.312505)])
def test_two_extreme_points_of_bernoulli_sources(p: float, bits: float, expected: float) -> None:
    points = on_the_tradeoff(p, bits, [0.0, INF])
    solution = universal_rate(Bernoulli(p), Hamming(), TotalVariation(), points).require(gap=1e-9)
    check_universal(solution)
    assert nats_to_bits(solution.rate) == pytest.approx(expected, abs=5e-7)  # the figures hold six decimals
    penalty = rate_penalty(Bernoulli(p), Hamming(), TotalVariation(), points)
    assert penalty.lower <= bits_to_nats(expected - bits) + 1e-6
    assert penalty.lower > 0.005


def test_a_fair_coin_pays_no_penalty() -> None:
    points = on_the_tradeoff(0.5, 0.1, [0.0, 0.01, INF])
    assert rate_penalty(Bernoulli(0.5), Hamming(), TotalVariation(), points).upper <= 1e-8


def test_ten_points_of_a_bernoulli_source_cost_no_more_than_two_and_little_time() -> None:
    points = on_the_tradeoff(0.2, 0.1, [*np.linspace(0.0, 0.15, 9), INF])
    begin = time.process_time()
    ten = universal_rate(Bernoulli(0.2), Hamming(), TotalVariation(), points).require(gap=1e-9)
    assert time.process_time() - begin < 5.0
    two = universal_rate(Bernoulli(0.2), Hamming(), TotalVariation(), [points[0], points[-1]])
    assert ten.candidate.channel.shape == (2,) * 11
    check_universal(ten)
    assert abs(ten.rate - two.rate) <= ten.gap + two.gap


@pytest.mark.parametrize(
    "divergence", [*F_DIVERGENCES, Wasserstein1(), Wasserstein2Squared()], ids=lambda divergence: divergence.name
)
def test_every_divergence(divergence) -> None:
    source = Pmf([0.5, 0.3, 0.2])
    points = [(0.25, 0.01), (0.2, 0.03), (0.18, INF)]
    solution = universal_rate(source, SquaredError(), divergence, points).require(gap=1e-9)
    check_universal(solution)
    hardest = max(rdp(source, SquaredError(), divergence, D=D, P=P).bounds.lower for D, P in points)
    assert solution.bounds.upper >= hardest


@settings(max_examples=4)
@given(st.integers(0, 10_000))
def test_against_a_conic_solver_on_random_sources(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = Pmf.from_weights(rng.dirichlet(np.ones(3) * 2.0))
    p = source.probabilities
    points = [(float(rng.uniform(0.2, 0.4)), 0.02), (float(rng.uniform(0.1, 0.35)), 0.2)]
    solution = universal_rate(source, Hamming(), TotalVariation(), points).require(gap=1e-9)
    check_universal(solution)
    value = by_conic_program(p, 1.0 - np.eye(3), points)
    assert value == pytest.approx(solution.rate, abs=1e-6)  # the conic solver's accuracy


@pytest.mark.parametrize("p, bits", [(0.05, 0.1), (0.1, 0.2), (0.2, 0.1), (0.3, 0.4), (0.45, 0.02)])
def test_two_extreme_points_decide_for_these_sources(p: float, bits: float) -> None:
    points = on_the_tradeoff(p, bits, [0.0, 0.3 * p, 0.6 * p, 0.9 * p, INF])
    every = universal_rate(Bernoulli(p), Hamming(), TotalVariation(), points)
    two = universal_rate(Bernoulli(p), Hamming(), TotalVariation(), [points[0], points[-1]])
    assert every.bounds.lower <= two.bounds.upper


def test_two_extreme_points_do_not_always_decide() -> None:
    points = on_the_tradeoff(0.2, 0.02, [0.0, 0.1, INF])
    three = universal_rate(Bernoulli(0.2), Hamming(), TotalVariation(), points).require(gap=1e-9)
    two = universal_rate(Bernoulli(0.2), Hamming(), TotalVariation(), [points[0], points[-1]]).require(gap=1e-9)
    assert three.bounds.lower >= two.bounds.upper + 3e-4
    for solution in (two, three):
        value = by_conic_program(solution.problem.source.probabilities, 1.0 - np.eye(2), list(solution.problem.points))
        assert value == pytest.approx(solution.rate, abs=1e-6)  # the conic solver's accuracy


def test_more_points_never_lower_the_rate() -> None:
    points = on_the_tradeoff(0.3, 0.2, [0.0, 0.05, INF])
    rates = [universal_rate(Bernoulli(0.3), Hamming(), TotalVariation(), points[:k]).bounds for k in (1, 2, 3)]
    assert rates[0].lower <= rates[1].upper
    assert rates[1].lower <= rates[2].upper


def test_a_symbol_of_no_mass_and_a_rectangular_table() -> None:
    check_universal(
        universal_rate(Pmf([0.5, 0.0, 0.5]), Hamming(), TotalVariation(), [(0.2, 0.0), (0.1, 0.3)]).require(gap=1e-9)
    )
    table = Table([[0.0, 1.0, 0.4], [1.0, 0.0, 0.4]], reference=[0.4, 0.4, 0.2])
    solution = universal_rate(Bernoulli(0.4), table, TotalVariation(), [(0.3, 0.0), (0.2, 0.2)])
    assert solution.candidate.channel.shape == (2, 3, 3)
    assert solution.gap <= 1e-8


def test_points_that_cost_nothing_and_points_nobody_reaches() -> None:
    silent = universal_rate(Bernoulli(0.2), Hamming(), TotalVariation(), [(0.4, 0.0), (0.3, INF)])
    assert silent.bounds.upper == 0.0
    check_universal(silent)
    table = Table([[0.1, 1.0], [1.0, 0.1]])
    nobody = universal_rate(Bernoulli(0.2), table, TotalVariation(), [(0.2, INF), (0.05, INF)])
    assert nobody.status is Status.INFEASIBLE
    assert nobody.rate == INF
    with pytest.raises(InvalidInput, match="points"):
        rate_penalty(Bernoulli(0.2), table, TotalVariation(), [(0.05, INF)])


def test_a_method_that_finds_nothing_leaves_an_open_bracket() -> None:
    """D is 0 and the letters may go round: the judge has no channel of its own to put in place."""

    class Silent:
        def solve(self, problem):
            return Outcome()

    around = Table([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    question = Pmf([0.5, 0.3, 0.2]), around, TotalVariation(), [(0.0, 0.05), (0.01, INF)]
    true, found = universal_rate(*question), universal_rate(*question, method=Silent())
    assert found.status is Status.STOPPED
    assert found.bounds.lower <= true.bounds.lower
    assert true.bounds.upper <= found.bounds.upper
    gaussian = universal_rate(Gaussian(0.0, 1.0), SquaredError(), Wasserstein2Squared(), [(0.0, 0.1), (0.5, INF)])
    assert gaussian.status is Status.INFEASIBLE
    assert gaussian.rate == INF


@pytest.mark.parametrize("points", [[], [0.1, 0.2], [(0.1, -1.0)], [(float("nan"), 0.0)], [(0.1,) * 2] * 30])
def test_malformed_points_are_refused(points) -> None:
    with pytest.raises(InvalidInput):
        universal_rate(Bernoulli(0.2), Hamming(), TotalVariation(), points)


@pytest.mark.parametrize("ball", [Wasserstein2Squared(), KullbackLeibler()], ids=lambda ball: ball.name)
def test_gaussian_representations_are_universal(ball) -> None:
    source = Gaussian(1.5, 4.0)
    points = [(1.0, 0.0), (0.9, 0.05), (0.8, INF), (3.0, 0.5)]
    solution = universal_rate(source, SquaredError(), ball, points)
    assert solution.rate == max(rdp(source, SquaredError(), ball, D=D, P=P).rate for D, P in points)
    penalty = rate_penalty(source, SquaredError(), ball, points)
    assert (penalty.lower, penalty.upper) == (0.0, 0.0)
    joint = solution.candidate.joint
    correlation = joint.covariance[0, 1] / 4.0
    assert -0.5 * np.log1p(-(correlation**2)) == pytest.approx(solution.rate, abs=1e-12)
    for (D, P), decoder in zip(points, gaussian_decoders(source, points, ball), strict=True):
        spread = 4.0 * decoder.factor**2
        error = 4.0 + spread - 2.0 * decoder.factor * joint.covariance[0, 1]
        assert decoder(np.array(1.5)) == rounded(1.5)
        assert error <= D + 1e-12
        ratio = spread / 4.0
        w2, kl = (2.0 - np.sqrt(spread)) ** 2, 0.5 * (ratio - 1.0 - np.log(ratio))
        assert (w2 if isinstance(ball, Wasserstein2Squared) else kl) <= P + 1e-12


def test_the_checker_sees_a_wrong_channel() -> None:
    points = on_the_tradeoff(0.2, 0.1, [0.0, INF])
    solution = universal_rate(Bernoulli(0.2), Hamming(), TotalVariation(), points)
    wrong = np.roll(solution.candidate.channel, 1, axis=1)
    with pytest.raises(AssertionError):
        check_universal(replace(solution, candidate=Candidate(wrong)))
    with pytest.raises(AssertionError):
        check_universal(replace(solution, rate=0.5 * solution.rate))


def test_a_gaussian_takes_the_limits_whose_formula_is_universal() -> None:
    """No jointly Gaussian channel is optimal under total variation, so one Gaussian Z does not serve all its points."""
    source, squared, points = Gaussian(0.0, 1.0), SquaredError(), [(0.5, 0.0), (0.3, INF)]
    known = universal_rate(source, squared, KullbackLeibler(), points).bounds
    assert universal_rate(source, squared, TotalVariation(), points).bounds.overlaps(known)
    assert [one.factor for one in gaussian_decoders(source, points, TotalVariation())] == pytest.approx(
        [one.factor for one in gaussian_decoders(source, points, KullbackLeibler())], abs=1e-12
    )
    for verb in (universal_rate, rate_penalty):
        with pytest.raises(InvalidInput, match=r"perception = .*must be Wasserstein2Squared"):
            verb(source, squared, TotalVariation(), [(0.55, 0.01), (0.5, INF)])


@pytest.mark.parametrize("source", [Laplace(0.0, 1.0), GaussianVector([0.0, 0.0], [1.0, 2.0])], ids=repr)
def test_a_source_without_an_answer_is_refused_before_the_work(monkeypatch, source) -> None:
    monkeypatch.setattr(universal, "answers", None)
    for verb in (universal_rate, rate_penalty):
        with pytest.raises(InvalidInput, match=r"source = .*must have a finite alphabet"):
            verb(source, SquaredError(), Wasserstein2Squared(), [(0.5, 0.1)])
