from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp

from rdptheory import (
    Bernoulli,
    Conic,
    Gaussian,
    Hamming,
    InvalidInput,
    KullbackLeibler,
    Pmf,
    SquaredError,
    Table,
    TotalVariation,
    Wasserstein1,
    rate_distortion,
)
from rdptheory.closed_forms import gaussian
from rdptheory.information import mutual_information
from rdptheory.representations import gaussian_refinement, refinement, refinement_bound, universal_rate

INF = float("inf")
ACCURACY = 1e-5  # of the conic solver, after the repair of its channel


def test_hamming_distortion_is_successively_refinable() -> None:
    source = Bernoulli(0.3)
    coarse, fine = (rate_distortion(source, Hamming(), D=D).rate for D in (0.2, 0.05))
    for weight in (0.2, 0.5, 0.9):
        stages = refinement(source, Hamming(), None, [(0.2, math.inf)], [(0.05, math.inf)], weight=weight)
        assert stages.bounds.gap <= ACCURACY
        expected = (1.0 - weight) * coarse + weight * fine
        assert stages.bounds.lower <= expected + 1e-12
        assert expected == pytest.approx(stages.bounds.upper, abs=ACCURACY)


@pytest.mark.parametrize(
    "divergence", [TotalVariation(), KullbackLeibler(), Wasserstein1()], ids=lambda divergence: divergence.name
)
@settings(max_examples=3)
@given(seed=st.integers(0, 10_000))
def test_the_channel_keeps_the_limits_and_reaches_the_sum(divergence, seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = Pmf.from_weights(rng.dirichlet(np.ones(2) * 3.0) + 0.1)
    first, second = (0.2, 0.02), (0.1, 0.0)
    weight = float(rng.uniform(0.2, 1.0))
    stages = refinement(source, Hamming(), divergence, [first], [second], weight=weight)
    p = source.probabilities
    assert stages.bounds.gap <= ACCURACY
    for (D, P), axis in ((first, 2), (second, 1)):
        alone = stages.channel.sum(axis=axis)
        assert float(p @ (alone * (1.0 - np.eye(2))).sum(axis=1)) <= D + 1e-12
        assert divergence.on(source.points).value(p, p @ alone) <= P + 1e-12
    assert stages.first == pytest.approx(mutual_information(p, stages.channel.sum(axis=2)), abs=1e-12)
    assert stages.total == pytest.approx(mutual_information(p, stages.channel.reshape(2, 4)), abs=1e-12)
    together = universal_rate(source, Hamming(), divergence, [first, second])
    assert stages.total >= together.bounds.lower - 1e-9


@pytest.mark.parametrize("lossless", [0, 1])
def test_a_stage_without_any_error_costs_the_entropy(lossless: int) -> None:
    source, free = Pmf([0.5, 0.3, 0.2]), [(10.0, INF)]
    exact = [(0.0, 0.0)]
    stages = [exact, free] if lossless == 0 else [free, exact]
    found = refinement(source, SquaredError(), TotalVariation(), *stages, weight=0.5)
    entropy = -float(source.probabilities @ np.log(source.probabilities))
    expected = entropy if lossless == 0 else 0.5 * entropy
    assert found.bounds.lower <= expected + 1e-12
    assert found.bounds.upper == pytest.approx(expected, abs=ACCURACY)
    assert found.total == pytest.approx(entropy, abs=1e-12)


def test_all_the_weight_on_the_total_is_the_universal_rate() -> None:
    points = [(0.2, 0.0), (0.15, INF)]
    stages = refinement(Bernoulli(0.2), Hamming(), TotalVariation(), points[:1], points[1:], weight=1.0)
    together = universal_rate(Bernoulli(0.2), Hamming(), TotalVariation(), points)
    assert stages.bounds.upper == pytest.approx(together.rate, abs=ACCURACY)
    assert stages.bounds.lower <= together.bounds.upper


def test_gaussian_refinement_is_free() -> None:
    first, total = 0.3, 1.1
    covariance = gaussian_refinement(Gaussian(2.0, 3.0), first, total)
    for index, rate in ((1, first), (2, total)):
        correlation = covariance[0, index] ** 2 / (covariance[0, 0] * covariance[index, index])
        assert -0.5 * np.log1p(-correlation) == pytest.approx(rate, abs=1e-12)
    # X - Z2 - Z1: the partial covariance of X and Z1 given Z2 is 0
    assert covariance[0, 1] - covariance[0, 2] * covariance[2, 1] / covariance[2, 2] == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(InvalidInput, match="first"):
        gaussian_refinement(Gaussian(0.0, 1.0), 1.0, 0.5)


@pytest.mark.parametrize("D1, D2", [(0.5, 0.1), (0.9, 0.9), (0.2, 0.001)])
def test_the_penalty_of_a_scalar_is_at_most_one_bit(D1: float, D2: float) -> None:
    def shannon(D: float) -> float:
        return float(gaussian.rate(1.0, D, INF))

    penalty, w = refinement_bound(shannon(D1), shannon, 1.0, D1, D2)
    named = D1 / (1.0 - D1)
    by_hand = 0.5 * float(np.log((D1 + named) * (D2 + named) / named**2))
    assert penalty <= by_hand + 1e-12
    assert by_hand <= np.log(2.0)
    value = shannon(D1) - shannon(w / (1.0 + w)) + 0.5 * float(np.log((D1 + w) * (D2 + w) / w**2))
    assert penalty == pytest.approx(max(0.0, value), abs=1e-12)


def test_malformed_input_is_refused() -> None:
    for weight in (0.0, 1.5, float("nan")):
        with pytest.raises(InvalidInput, match="weight"):
            refinement(Bernoulli(0.2), Hamming(), None, [(0.2, math.inf)], [(0.1, math.inf)], weight=weight)
    with pytest.raises(InvalidInput, match="points"):
        refinement(Bernoulli(0.2), Hamming(), None, [], [(0.1, 0.0)], weight=0.5)
    floor = Table([[0.1, 1.0], [1.0, 0.1]])
    with pytest.raises(InvalidInput, match="a distortion is below the least of any channel"):
        refinement(Bernoulli(0.2), floor, None, [(0.2, math.inf)], [(0.05, math.inf)], weight=0.5)
    far = Table(1.0 - np.eye(2), reference=[0.9, 0.1])  # what no channel that keeps every letter can make of a coin
    with pytest.raises(InvalidInput, match="no channel was found that keeps every limit"):
        refinement(Bernoulli(0.5), far, TotalVariation(), [(0.0, 0.1)], [(0.0, 0.1)], weight=0.5)
    with pytest.raises(InvalidInput, match="source"):
        refinement(Gaussian(0.0, 1.0), Hamming(), None, [(0.2, math.inf)], [(0.1, math.inf)], weight=0.5)


@pytest.mark.parametrize("solver", ["CLARABEL", "SCS"])
def test_a_first_stage_that_may_go_to_few_places_has_a_lower_end_of_its_own(solver: str) -> None:
    """The price of that stage counted as a limit that no channel keeps: the lower end was inf, and read as the upper
    one, which SCS leaves 1e-5 above the rate of both stages."""
    near = Table(1.0 * (np.abs(np.subtract.outer(np.arange(4), np.arange(4))) > 1.0))  # neighbours cost nothing
    source = Pmf([0.1, 0.3, 0.35, 0.25])
    alone = rate_distortion(source, near, D=0.0).bounds
    assert alone.gap <= 1e-9
    free = [(0.0, INF)]
    found = refinement(source, near, None, free, free, weight=0.5, method=Conic(solver)).bounds
    assert found.overlaps(alone), "the second stage adds nothing"
    assert found.gap <= 1e-6 or solver == "SCS", "whose multipliers prove little"


@pytest.mark.parametrize("q", [0.1, 1e-4, 1e-12, 1e-14])
def test_an_exact_stage_pays_for_rounding_at_both_ends(q: float) -> None:
    p = [1.0 - q, q]
    with mp.workdps(50):
        total = mp.fsum(p)
        entropy = -mp.fsum(mp.mpf(mass) / total * mp.log(mass / total) for mass in p)
    found = refinement(Pmf(p), Hamming(), TotalVariation(), [(0.0, 0.0)], [(0.0, 0.0)], weight=0.5).bounds
    assert found.lower <= entropy <= found.upper
