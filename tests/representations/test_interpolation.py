from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import Empirical, InvalidInput, Pmf, Wasserstein2Squared
from rdptheory.representations import best_interval_quantiser, interpolation, joint_transport

PARITY = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])


def on_a_line(seed: int) -> Pmf:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 8))
    return Pmf.from_weights(rng.dirichlet(np.ones(n)) + 0.01, np.sort(rng.normal(size=n)))


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_the_best_quantiser_doubles_its_error_and_interpolates_on_the_curve(seed: int) -> None:
    source = on_a_line(seed)
    found = interpolation(source, best_interval_quantiser(source, 2))
    assert found.posterior_error == pytest.approx(2.0 * found.least, abs=1e-12)
    assert found.transport == pytest.approx(found.least, abs=1e-10)
    for alpha in (0.0, 0.3, 1.0):
        D, P = found.at(alpha)
        assert pytest.approx(found.least * (1.0 + (1.0 - alpha) ** 2), abs=1e-10) == D
        assert P.gap <= 1e-9
        assert P.upper == pytest.approx(alpha**2 * found.least, abs=1e-10)
        assert pytest.approx(found.distortion(alpha**2 * found.transport), abs=1e-10) == D
        assert found.region.distortion(P.upper).upper == pytest.approx(D, abs=1e-10)


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_the_interval_quantiser_is_the_best_of_all(seed: int) -> None:
    source = on_a_line(seed)
    best = interpolation(source, best_interval_quantiser(source, 2)).least
    for size in range(source.size):
        for chosen in combinations(range(source.size), size):
            encoder = np.zeros((source.size, 2))
            encoder[:, 1] = 1.0
            encoder[list(chosen)] = [1.0, 0.0]
            assert interpolation(source, encoder).least >= best - 1e-12


def test_a_crossed_representation_is_closer_in_law_than_in_error() -> None:
    """Codepoints that are not the centroids of their nearest-neighbour cells: P_d < D_d."""
    source = Pmf([0.25] * 4, [[0.0, 1.0], [1.0, 1.0], [2.0, 0.0], [3.0, 0.0]])
    encoder = np.zeros((4, 2))
    nearest = ((source.points[:, None, :] - np.array([[0.0, 0.0], [1.0, 2.0]])) ** 2).sum(axis=2).argmin(axis=1)
    encoder[np.arange(4), nearest] = 1.0
    found = interpolation(source, encoder)
    assert found.least == pytest.approx(1.25, abs=1e-12)
    assert found.transport == pytest.approx(0.75, abs=1e-12)
    assert found.posterior_error == pytest.approx(2.5, abs=1e-12)
    assert found.region.lower_right.D < found.posterior_error - 0.4
    with pytest.raises(InvalidInput, match="alpha"):
        found.at(1.5)


@settings(max_examples=6)
@given(st.integers(0, 10_000))
def test_the_joint_transport_jumps_at_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = on_a_line(seed)
    encoder = rng.dirichlet(np.ones(2), size=source.size)
    exact = interpolation(source, encoder)
    for price, wanted in ((0.5, 2.0 * exact.least), (0.97, 2.0 * exact.least), (1.03, exact.least)):
        found = joint_transport(source, encoder, price)
        assert found.bounds.gap <= 1e-9
        assert found.error == pytest.approx(wanted, abs=1e-7)
    low, high = (
        joint_transport(source, encoder, 0.6, euclidean=True),
        joint_transport(source, encoder, 1.1, euclidean=True),
    )
    assert low.error == pytest.approx(2.0 * exact.least, abs=1e-7)
    assert high.error == pytest.approx(exact.least, abs=1e-7)


def test_the_euclidean_norm_leaves_early_where_cells_are_not_nearest() -> None:
    source = Pmf([0.2, 0.3, 0.3, 0.2])
    whole = joint_transport(source, PARITY, 0.9)
    early = joint_transport(source, PARITY, 0.9, euclidean=True)
    assert whole.bounds.upper == pytest.approx(0.864, abs=1e-9)
    assert early.bounds.upper == pytest.approx(0.8115, abs=5e-5)  # the figure holds four decimals
    assert early.bounds.upper < whole.bounds.lower - 0.05


def test_the_euclidean_norm_holds_for_nearest_cells() -> None:
    source = Pmf([0.2, 0.3, 0.3, 0.2])
    cells = best_interval_quantiser(source, 2)
    for price, factor in ((0.9, 2.0), (0.99, 2.0), (1.01, 1.0)):
        found = joint_transport(source, cells, price, euclidean=True)
        assert found.error == pytest.approx(factor * interpolation(source, cells).least, abs=1e-8)


def test_values_rise_with_the_price() -> None:
    source = Empirical([0.0, 1.0, 1.0, 4.0])
    cells = best_interval_quantiser(source, 2)
    values = [joint_transport(source, cells, price).bounds.upper for price in (0.0, 0.5, 1.0, 2.0)]
    assert values[0] == pytest.approx(0.0, abs=1e-12)
    assert all(later >= former - 1e-12 for former, later in pairwise(values))


def test_a_price_beyond_float64_and_a_program_that_fails_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Pmf([0.25] * 4, [0.0, 1.0, 2.0, 30.0])
    with pytest.raises(InvalidInput, match="makes costs that float64 cannot hold"):
        joint_transport(source, PARITY, 1.7e308)
    monkeypatch.setattr(scipy.optimize, "linprog", lambda *args, **options: scipy.optimize.OptimizeResult(x=None))
    with pytest.raises(InvalidInput, match="a linear program that fails"):
        joint_transport(source, PARITY, 0.5)


@pytest.mark.parametrize("levels", [0, 5, 2.0])
def test_malformed_levels_are_refused(levels) -> None:
    with pytest.raises(InvalidInput, match="levels"):
        best_interval_quantiser(Pmf([0.2, 0.3, 0.3, 0.2]), levels)


def test_quantisers_need_a_line() -> None:
    with pytest.raises(InvalidInput, match="line"):
        best_interval_quantiser(Pmf([0.5, 0.5], [[0.0, 1.0], [1.0, 0.0]]), 2)
    assert Wasserstein2Squared() == interpolation(Pmf([0.5, 0.5]), np.eye(2)).region.perception
