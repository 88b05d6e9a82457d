from __future__ import annotations

import bisect
import itertools
import operator
from fractions import Fraction

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import (
    Bernoulli,
    Gaussian,
    InvalidInput,
    KullbackLeibler,
    Pmf,
    SquaredError,
    Status,
    TotalVariation,
    Wasserstein1,
    Wasserstein2Squared,
)
from rdptheory.closed_forms import gaussian
from rdptheory.divergences import F_DIVERGENCES
from rdptheory.problems import PerceptionLimit
from rdptheory.representations import decoders, extreme_bounds, interpolation, representation_region
from rdptheory.representations.decoders import best_decoder

INF = float("inf")


def instance(seed: int):
    rng = np.random.default_rng(seed)
    n, size = int(rng.integers(2, 6)), int(rng.integers(1, 5))
    source = Pmf.from_weights(rng.dirichlet(np.ones(n)), rng.normal(size=(n, int(rng.integers(1, 3)))))
    return rng, source, rng.dirichlet(np.ones(size), size=n)


@pytest.mark.parametrize("divergence", [*F_DIVERGENCES, Wasserstein2Squared()], ids=lambda divergence: divergence.name)
@settings(max_examples=6)
@given(seed=st.integers(0, 10_000))
def test_the_curve_joins_the_extreme_points(divergence, seed: int) -> None:
    _, source, channel = instance(seed)
    region = representation_region(source, channel, divergence)
    assert region.distortion(0.0).upper == pytest.approx(region.lower_right.D, abs=1e-8)
    assert region.distortion(INF).upper == pytest.approx(region.upper_left.D, abs=1e-8)
    if np.isfinite(region.upper_left.P):
        assert region.distortion(region.upper_left.P * (1 + 1e-9)).upper == pytest.approx(region.upper_left.D, abs=1e-7)
    curve = [region.distortion(P) for P in (0.0, 0.05, 0.1, 0.15)]
    assert all(bounds.gap <= 1e-7 for bounds in curve)
    assert curve[0].upper - 2.0 * curve[1].upper + curve[2].upper >= -1e-7  # convex
    assert curve[1].upper - 2.0 * curve[2].upper + curve[3].upper >= -1e-7


def exactly(source: Pmf, channel: np.ndarray) -> tuple[Fraction, Fraction, Fraction]:
    """E‖X - X~‖², W2²(p_X~, p_X) on a line, and E|X - nearest point to X~|², in fractions."""

    def law(weights) -> list[Fraction]:
        exact = [Fraction(weight) for weight in weights]
        return [weight / sum(exact) for weight in exact]

    p, rows, x = law(source.probabilities), [law(row) for row in channel], [Fraction(at) for at in source.points]
    joint = [[mass * row[z] for mass, row in zip(p, rows, strict=True)] for z in range(channel.shape[1])]
    masses = [sum(letter) for letter in joint]
    means = [sum(map(operator.mul, letter, x)) / mass for letter, mass in zip(joint, masses, strict=True)]

    def spent(place) -> Fraction:
        return sum(sum(w * (at - place(z)) ** 2 for w, at in zip(joint[z], x, strict=True)) for z in range(len(means)))

    pairs = (sorted(zip(means, masses, strict=True)), sorted(zip(x, p, strict=True)))
    cuts = [[Fraction(0), *itertools.accumulate(mass for _, mass in side)] for side in pairs]
    transport = Fraction(0)
    for low, high in itertools.pairwise(sorted({*cuts[0], *cuts[1]})):
        (left, _), (right, _) = (side[bisect.bisect(cut, low) - 1] for side, cut in zip(pairs, cuts, strict=True))
        transport += (high - low) * (left - right) ** 2
    nearest = sum(min(sum(w * (at - y) ** 2 for w, at in zip(letter, x, strict=True)) for y in x) for letter in joint)
    return spent(lambda z: means[z]), transport, nearest


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e8])
def test_brackets_hold_to_the_last_digit_wherever_the_points_lie(offset: float) -> None:
    rng = np.random.default_rng(3)
    for _ in range(12):
        n = int(rng.integers(2, 6))
        source = Pmf.from_weights(rng.dirichlet(np.ones(n)), np.sort(rng.normal(size=n)) + offset)
        channel = rng.dirichlet(np.full(rng.integers(1, 4), 0.5), size=n)
        least, transport, nearest = exactly(source, channel)
        free = representation_region(source, channel, Wasserstein2Squared())
        brackets = [
            (free.transport, transport),
            (free.distortion(INF), least),
            (free.distortion(0.0), least + transport),
            (interpolation(source, channel).at(0.3)[1], Fraction(0.3) ** 2 * transport),
            (representation_region(source, channel, TotalVariation(), finite=True).distortion(INF), nearest),
        ]
        for bounds, truth in brackets:
            assert Fraction(bounds.lower) <= truth <= Fraction(bounds.upper)
            assert bounds.gap <= 1e-8  # of linear programs


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_on_the_points_of_the_source_it_is_the_best_decoder_of_the_original_distortion(seed: int) -> None:
    _, source, channel = instance(seed)
    for divergence in (TotalVariation(), Wasserstein1(), Wasserstein2Squared()):
        region = representation_region(source, channel, divergence, finite=True)
        masses = source.probabilities @ channel
        posterior = (source.probabilities[:, None] * channel / masses).T
        ball = PerceptionLimit(divergence.on(source.points), source.probabilities, 0.07)
        direct = best_decoder(masses, posterior @ SquaredError().table(source.points), ball)
        assert region.distortion(0.07).upper == pytest.approx(direct.bounds.upper, abs=1e-8)
        anywhere = representation_region(source, channel, Wasserstein2Squared()).distortion(0.07)
        if isinstance(divergence, Wasserstein2Squared):  # the closed form is a lower bound there
            assert anywhere.lower <= region.distortion(0.07).upper + 1e-9


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_no_mass_elsewhere_helps_total_variation(seed: int) -> None:
    rng, source, channel = instance(seed)
    region = representation_region(source, channel, TotalVariation())
    columns = source.points
    extra = rng.normal(size=(12, columns.shape[1]))
    alphabet = np.concatenate([columns, region.means, extra])
    cost = ((region.means[:, None, :] - alphabet[None]) ** 2).sum(axis=2)
    reference = np.concatenate([source.probabilities, np.zeros(len(alphabet) - source.size)])
    wider = best_decoder(region.masses, cost, PerceptionLimit(TotalVariation(), reference, 0.1))
    assert region.distortion(0.1).upper - region.least == pytest.approx(wider.bounds.upper, abs=1e-9)


def test_an_interval_quantiser_doubles_its_distortion_at_perfect_perception() -> None:
    source = Pmf([0.1, 0.2, 0.3, 0.15, 0.25])
    cells = np.zeros((5, 2))
    cells[:2, 0] = cells[2:, 1] = 1.0
    region = representation_region(source, cells, Wasserstein2Squared())
    assert region.lower_right.D == pytest.approx(2.0 * region.upper_left.D, abs=1e-12)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_perfect_perception_costs_at_most_twice(seed: int) -> None:
    _, source, channel = instance(seed)
    region = representation_region(source, channel, Wasserstein2Squared())
    assert region.lower_right.D <= 2.0 * region.upper_left.D + 1e-12


@pytest.mark.parametrize("nats", [0.05, 0.5, 2.0])
def test_the_bounds_hold_for_a_gaussian(nats: float) -> None:
    source = Gaussian(0.0, 2.0)
    D1, D3 = (float(gaussian.distortion(source.variance, nats, P)) for P in (INF, 0.0))
    bounds = extreme_bounds(source.variance, D1, D3)
    # both representations are the same: each serves D1 and D3
    assert D3 >= bounds.least_D3 - 1e-12
    assert D3 <= bounds.most_Db
    assert bounds.excess_b >= 0.0
    assert bounds.excess_b <= source.variance / 2
    assert 1.0 <= bounds.ratio_b <= 2.0
    assert D1 <= bounds.most_Da + 1e-12
    assert -1e-12 <= bounds.excess_a <= source.variance / 4 + 1e-12
    assert bounds.ratio_a >= 1.0 - 1e-12


def test_malformed_input_is_refused() -> None:
    with pytest.raises(InvalidInput, match="channel"):
        representation_region(Bernoulli(0.2), [[0.5, 0.5]], TotalVariation())
    with pytest.raises(InvalidInput, match="channel"):
        representation_region(Bernoulli(0.2), [[0.5, 0.6], [1.0, 0.0]], TotalVariation())
    with pytest.raises(InvalidInput, match="finite"):
        representation_region(Bernoulli(0.2), np.eye(2), Wasserstein1())
    with pytest.raises(InvalidInput, match="source"):
        representation_region(Gaussian(0.0, 1.0), np.eye(2), TotalVariation())
    with pytest.raises(InvalidInput, match="D1"):
        extreme_bounds(1.0, 1.5, 1.8)
    for D3 in (0.4, 2.1):
        with pytest.raises(InvalidInput, match=r"D3 = .*: must lie between D1 = 0.5 and twice the variance 1"):
            extreme_bounds(1.0, 0.5, D3)


@pytest.mark.parametrize("planted", ["one round", "no program"])
def test_a_search_that_is_cut_short_is_wide_and_true(monkeypatch: pytest.MonkeyPatch, planted: str) -> None:
    source = Pmf([0.4, 0.3, 0.2, 0.1])
    channel = [[1.0, 0.0], [0.7, 0.3], [0.2, 0.8], [0.0, 1.0]]
    true = representation_region(source, channel, KullbackLeibler()).at(0.05)
    assert true.status is Status.OPTIMAL
    if planted == "one round":
        monkeypatch.setattr(decoders, "ROUNDS", 1)
    else:
        monkeypatch.setattr(scipy.optimize, "linprog", lambda *args, **options: scipy.optimize.OptimizeResult(x=None))
    cut = representation_region(source, channel, KullbackLeibler()).at(0.05)
    assert cut.status is Status.STOPPED
    assert cut.message == "no narrower bracket was found"
    assert cut.bounds.lower <= true.bounds.lower <= true.bounds.upper <= cut.bounds.upper
