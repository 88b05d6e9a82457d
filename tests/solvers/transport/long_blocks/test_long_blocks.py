"""Long blocks against the printed values, formulas of their own, and discretised Gaussians."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from rdptheory.certificates.transport.posteriors import PosteriorPricing
from rdptheory.closed_forms import transport_gaussian
from rdptheory.distortions import Hamming, SquaredError
from rdptheory.information import binary_entropy, inverse_binary_entropy, mutual_information
from rdptheory.plans import Coupling
from rdptheory.solution import Status
from rdptheory.solvers.transport.common_randomness import ColumnGeneration
from rdptheory.solvers.transport.long_blocks import EntropicTransport, PosteriorPairs
from rdptheory.solvers.transport.long_blocks.posteriors import _pairs
from rdptheory.sources import Bernoulli, Gaussian, discretise
from rdptheory.transport_problem import DiscreteTransport, TransportProblem
from tests.checks import rounded
from tests.transport_cases import BIT, REFERENCES, assert_sound, instance, random_line, random_table, solved


def binary(row: dict[str, float]) -> DiscreteTransport:
    return TransportProblem(Bernoulli(row["qX"]), Bernoulli(row["qY"]), Hamming(), row["R"] * BIT, 0.0).discrete


def information_of_two_symbols(qX: float, qY: float, R: float) -> float:
    """D_cr over long blocks of two symbols: the one free number is t = P(1, 1)."""

    def information(t: float) -> float:
        joint = np.array([[1 - qX - qY + t, qY - t], [qX - t, t]])
        p = joint.sum(axis=1)
        return mutual_information(p, joint / p[:, None])

    top = min(qX, qY)
    t = top if information(top) <= R else brentq(lambda t: information(t) - R, qX * qY, top, xtol=1e-15)
    return qX + qY - 2.0 * float(t)


@pytest.mark.parametrize("row", REFERENCES["binary_asymptotic"], ids=lambda row: f"{row['qX']}-{row['qY']}-{row['R']}")
def test_printed_values_of_two_symbols(row: dict[str, float]) -> None:
    problem = binary(row)
    shared = solved(problem, EntropicTransport())
    assert_sound(shared, problem)
    assert shared.distortion == pytest.approx(row["D_cr"], abs=1e-11)
    assert shared.distortion == pytest.approx(information_of_two_symbols(row["qX"], row["qY"], problem.R), abs=1e-11)
    private = solved(problem, PosteriorPairs())
    assert_sound(private, problem)
    assert private.gap <= 1e-8
    assert private.distortion == pytest.approx(row["D_ncr"], abs=1e-8)


@pytest.mark.parametrize("q", [0.5, 0.3])
def test_equal_coins_cost_two_crossings(q: float) -> None:
    R = 0.1
    delta = inverse_binary_entropy(float(binary_entropy(q)) - R)
    problem = TransportProblem(Bernoulli(q), Bernoulli(q), Hamming(), R, 0.0).discrete
    assert solved(problem, PosteriorPairs()).distortion == pytest.approx(2.0 * delta * (1.0 - delta), abs=1e-8)


@pytest.mark.parametrize("row", REFERENCES["finite"], ids=lambda row: f"{row['instance']}-{row['R']}")
def test_printed_values_with_common_randomness(row: dict[str, float]) -> None:
    problem = TransportProblem(*instance(str(row["instance"])), row["R"] * BIT, np.inf).discrete
    found = solved(problem, EntropicTransport())
    assert_sound(found, problem)
    assert found.distortion == pytest.approx(row["D_cr_inf"], abs=1e-10)  # 10 to 12 decimals are printed


@pytest.mark.parametrize(
    "row", [row for row in REFERENCES["finite"] if "D_ncr_inf" in row], ids=lambda row: f"{row['instance']}-{row['R']}"
)
def test_printed_values_without_common_randomness(row: dict[str, float]) -> None:
    problem = TransportProblem(*instance(str(row["instance"])), row["R"] * BIT, 0.0).discrete
    found = solved(problem, PosteriorPairs())
    assert_sound(found, problem)
    assert found.gap <= 1e-7
    assert found.distortion == pytest.approx(row["D_ncr_inf"], abs=1e-8)


def test_pricing_bound_is_below_every_pair_and_near_the_best() -> None:
    rng = np.random.default_rng(40)
    for m in (2, 3):
        laws = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(m))
        alpha, beta = 0.05 + 0.2 * rng.random(2)
        pricing = PosteriorPricing(rng.random((4, m)), *laws, rng.normal(size=4), rng.normal(size=m), alpha, beta)
        floor, _ = pricing.bound(1e-6, 200_000)
        b = rng.dirichlet(np.ones(m), size=20_000)
        values = pricing.concave(b) + pricing.convex(b)
        _, polished = _pairs(pricing, b[:200])
        assert floor <= values.min()
        assert floor == pytest.approx(polished, abs=2e-6)


def test_gaussians_by_discretisation() -> None:
    source = target = discretise(Gaussian(0, 1), 81, low=-7.0, high=7.0)
    exact = Gaussian(0, 1)
    for R in (0.5 * BIT, BIT):
        problem = TransportProblem(source, target, SquaredError(), R, np.inf).discrete
        found = solved(problem, EntropicTransport())
        assert_sound(found, problem)
        value = float(transport_gaussian.distortion(exact, exact, R=R, common_randomness=True))
        assert found.distortion == pytest.approx(value, abs=1e-8)  # tails beyond 7 and a bracket of 1e-11


def test_a_rate_that_is_not_binding_gives_plain_transport() -> None:
    problem = random_line(np.random.default_rng(41), 5)
    free = replace(problem, R=3.0)
    found = solved(free, EntropicTransport())
    assert_sound(found, free)
    assert found.distortion == pytest.approx(solved(free, ColumnGeneration()).distortion, abs=1e-10)
    assert replace(problem, R=0.0).independent == rounded(
        solved(replace(problem, R=0.0), EntropicTransport()).distortion
    )


def test_no_rate_means_independence() -> None:
    problem = random_table(np.random.default_rng(44), 3, 3, 0.0)
    for method in (EntropicTransport(), PosteriorPairs()):
        found = solved(problem, method)
        assert_sound(found, problem)
        assert found.gap <= 1e-12


def test_swapping_the_sides_changes_nothing() -> None:
    problem = random_table(np.random.default_rng(42), 2, 4, 0.2)
    swapped = DiscreteTransport(problem.q, problem.p, problem.cost.T, problem.R)
    for method in (EntropicTransport(), PosteriorPairs()):
        first, second = solved(problem, method), solved(swapped, method)
        assert_sound(first, problem)
        assert_sound(second, swapped)
        assert first.distortion == pytest.approx(second.distortion, abs=1e-8)


def test_steps_run_out_honestly() -> None:
    problem = random_table(np.random.default_rng(43), 4, 3, 0.3)
    full, short = solved(problem, PosteriorPairs()), solved(problem, PosteriorPairs(max_steps=3))
    assert short.status is Status.STOPPED
    assert short.bounds.overlaps(full.bounds)
    assert_sound(short, problem)


def test_a_wrong_coupling_is_caught() -> None:
    problem = TransportProblem(*instance("E"), 0.25 * BIT, np.inf).discrete
    found = solved(problem, EntropicTransport())
    with pytest.raises(AssertionError, match="rate exceeded"):
        assert_sound(replace(found, plan=Coupling(np.diag(problem.p))), problem)
