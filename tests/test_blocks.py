"""W2² of whole blocks with a rate of common randomness: formulas, ends, order, and what a wrong number does."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import inf

import numpy as np
import pytest

from rdptheory import blocks
from rdptheory.certificates.blocks import BlockPrices, block_lower, block_upper
from rdptheory.closed_forms import gaussian, transport_gaussian
from rdptheory.distortions import AbsoluteError, SquaredError
from rdptheory.divergences import KullbackLeibler, TotalVariation, Wasserstein2Squared
from rdptheory.errors import InvalidInput
from rdptheory.inverse import Located, distortion_at
from rdptheory.solution import Solution, Status
from rdptheory.solve import rdp
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.solvers.transport.long_blocks import LinePairs
from rdptheory.sources import Gaussian, Laplace, Pmf, discretise
from rdptheory.transport import constrained_transport
from rdptheory.transport_problem import TransportProblem

W2 = Wasserstein2Squared()
SIX = Pmf([0.1, 0.2, 0.3, 0.2, 0.15, 0.05])
ULPS = 1e-14
"""A dozen operations on numbers near 1."""


def at(source: Pmf | Gaussian, R: float, Rc: float, P: float, method: LinePairs | None = None) -> Located:
    return distortion_at(source, SquaredError(), W2, R=R, P=P, common_randomness=Rc, sense="block", method=method)


@pytest.mark.parametrize("R", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("P", [0.0, 0.01, 0.1, 0.5])
def test_the_gaussian_ends_are_the_known_formulas(R: float, P: float) -> None:
    def value(Rc: float) -> float:
        return float(gaussian.distortion(1.0, R, P, common_randomness=Rc, sense="block"))

    d = float(np.exp(-2.0 * R))
    assert value(inf) == pytest.approx(float(gaussian.distortion(1.0, R, P)), abs=ULPS)  # [ZQCK21]
    assert value(0.0) == pytest.approx(d + max(np.sqrt(d) - np.sqrt(P), 0.0) ** 2, abs=ULPS)  # [YWL22]
    if P == 0.0:
        normal = Gaussian(0, 1)
        other = float(transport_gaussian.distortion(normal, normal, R=R, common_randomness=0.3))
        assert value(0.3) == pytest.approx(other, abs=ULPS)  # [XLCZ24]


@pytest.mark.parametrize(
    ("given", "value"),
    [((0.5, 0.5, 0.05), 0.39616955153), ((0.3, 0.3, 0.3), 0.54944355202), ((0.2, 0.0, 0.1), 0.92282929804)],
)
def test_gaussian_values_and_their_inverse(given: tuple[float, float, float], value: float) -> None:
    R, Rc, P = given
    found = at(Gaussian(0, 1), R, Rc, P)
    assert found.value == pytest.approx(value, abs=1e-11)  # eleven digits are written
    back = rdp(Gaussian(0, 1), SquaredError(), W2, D=found.value, P=P, common_randomness=Rc, sense="block")
    assert back.bounds.gap <= 1e-13
    assert back.rate == pytest.approx(R, abs=1e-12)
    wide = gaussian.rate([1.0, 4.0], np.array([value, 4 * value]), [P, 4 * P], common_randomness=Rc, sense="block")
    np.testing.assert_allclose(wide, R, atol=1e-10)  # of the eleven digits


@pytest.mark.parametrize(("Rc", "P", "value"), [(0.3, 0.1, 0.89779873), (0.0, 0.3, 0.88138098)])
def test_a_finite_source_closes_and_its_rate_comes_back(Rc: float, P: float, value: float) -> None:
    found = at(SIX, 0.4, Rc, P)
    assert found.status is Status.OPTIMAL
    assert found.bounds.gap <= 3e-10
    assert found.value == pytest.approx(value, abs=1e-8)  # eight digits are known
    back = rdp(SIX, SquaredError(), W2, D=found.value, P=P, common_randomness=Rc, sense="block")
    assert back.gap <= 1e-8
    assert back.bounds.lower - 1e-9 <= 0.4 <= back.bounds.upper + 1e-9  # what the bracket of D leaves
    assert back.slopes.D < 0.0
    assert "nat" in str(back)


def test_a_rate_knows_no_unit() -> None:
    """A gap is relative to max(1, D): of variances of 1e-18 it left the rate open by a sixth of a nat."""
    law, unit = Pmf([0.3, 0.5, 0.2], [0.0, 1.0, 4.0]), 2.0**-30

    def rate(scale: float) -> Solution:
        source = Pmf(law.probabilities, scale * law.points)
        D, P = 0.9 * scale**2, 0.01 * scale**2
        return rdp(source, SquaredError(), W2, D=D, P=P, common_randomness=0.3, sense="block")

    open_by = [
        at(Pmf(law.probabilities, scale * law.points), 0.4, 0.3, 0.01 * scale**2).bounds for scale in (1.0, unit)
    ]
    assert open_by[1].gap <= 10.0 * open_by[0].gap * unit**2
    usual, small = rate(1.0), rate(unit)
    assert usual.bounds.overlaps(small.bounds)
    assert small.status is Status.OPTIMAL
    assert small.slopes.D * unit**2 == pytest.approx(usual.slopes.D, rel=1e-4), "slopes move by roots of gaps"
    assert small.slopes.P * unit**2 == pytest.approx(usual.slopes.P, rel=1e-4)
    assert rdp(law, SquaredError(), W2, D=1e300, P=1e300, sense="block").rate == 0.0
    assert rdp(Pmf([0.5, 0.5], [0.0, 1e-50]), SquaredError(), W2, D=1e300, P=1e300, sense="block").rate == 0.0


def test_perfect_blocks_are_transport_of_the_law_to_itself() -> None:
    found = at(SIX, 0.4, 0.3, 0.0)
    other = constrained_transport(SIX, SIX, SquaredError(), R=0.4, common_randomness=0.3, asymptotic=True)
    assert found.bounds.lower <= other.bounds.upper
    assert other.bounds.lower <= found.bounds.upper
    assert found.bounds.gap <= 1e-8


def test_a_discretised_gaussian_is_next_to_the_formula() -> None:
    found = at(discretise(Gaussian(0, 1), 16), 0.3, 0.3, 0.3)
    exact = float(gaussian.distortion(1.0, 0.3, 0.3, common_randomness=0.3, sense="block"))
    assert found.bounds.gap <= 1e-8
    assert found.value == pytest.approx(exact, abs=1e-4)  # another law
    assert found.bounds.gap < abs(found.value - exact)


def test_as_much_common_randomness_as_it_takes_is_any_more_than_the_entropy() -> None:
    much, all_of_it = at(SIX, 0.4, 3.0, 0.1), at(SIX, 0.4, inf, 0.1)
    assert much.bounds.gap <= 1e-8
    assert all_of_it.bounds.gap <= 1e-8
    assert much.bounds.lower <= all_of_it.bounds.upper
    assert all_of_it.bounds.lower <= much.bounds.upper
    shannon = distortion_at(SIX, SquaredError(), W2, R=0.4, P=0.1)  # reconstructions among the six points
    assert all_of_it.bounds.lower <= shannon.bounds.upper


def test_distortion_falls_with_every_resource() -> None:
    points = [(0.3, 0.1, 0.05), (0.4, 0.1, 0.05), (0.4, 0.2, 0.05), (0.4, 0.2, 0.2)]
    found = [at(SIX, *point) for point in points]
    for less, more in pairwise(found):
        assert more.bounds.lower <= less.bounds.upper
        assert more.bounds.gap <= 1e-8


def test_the_judge_needs_no_right_numbers_and_finds_wrong_ones_out() -> None:
    problem = TransportProblem(SIX, SIX, SquaredError(), 0.4, 0.3, True).discrete
    true = at(SIX, 0.4, 0.3, 0.1)
    rng = np.random.default_rng(0)
    for _ in range(5):
        prices = BlockPrices(*rng.normal(size=(2, 6)), *rng.uniform(0.01, 1.0, 3))
        assert block_lower(problem, 0.1, prices, 1e-9, 10_000) <= true.bounds.upper
    nan = replace(prices, alpha=float("nan"))
    assert block_lower(problem, 0.1, nan, 1e-9, 10_000) == -inf
    assert block_upper(problem, 0.1, None)[0] >= true.bounds.lower


def test_a_search_that_lies_widens_the_bracket_and_keeps_it_true(monkeypatch: pytest.MonkeyPatch) -> None:
    true = at(SIX, 0.4, 0.3, 0.1)
    honest = blocks.search

    def planted(*args: object) -> object:
        found = honest(*args)  # type: ignore[arg-type]
        return replace(found, prices=replace(found.prices, beta=1.3 * found.prices.beta), plan=None)

    monkeypatch.setattr(blocks, "search", planted)
    lied = at(SIX, 0.4, 0.3, 0.1)
    assert lied.status is Status.STOPPED
    assert lied.bounds.lower <= true.bounds.upper
    assert true.bounds.lower <= lied.bounds.upper


@pytest.mark.parametrize("Rc", [0.3, 5.0])
def test_a_search_that_lies_about_prices_moves_no_rate_off_the_truth(
    monkeypatch: pytest.MonkeyPatch, Rc: float
) -> None:
    asked = {"D": 0.9, "P": 0.1, "common_randomness": Rc, "sense": "block"}
    true = rdp(SIX, SquaredError(), W2, **asked)  # type: ignore[arg-type]
    honest = blocks.search
    monkeypatch.setattr(blocks, "EVALUATIONS", 8)  # lies never close the bracket; one that moved it would by now

    def planted(*args: object) -> object:
        found = honest(*args)  # type: ignore[arg-type]
        prices = replace(found.prices, alpha=0.5 * found.prices.alpha, beta=found.prices.beta + 2.0)
        return replace(found, prices=prices)

    monkeypatch.setattr(blocks, "search", planted)
    lied = rdp(SIX, SquaredError(), W2, **asked)  # type: ignore[arg-type]
    assert true.gap <= 1e-8
    assert lied.bounds.lower <= true.bounds.upper
    assert true.bounds.lower <= lied.bounds.upper


@pytest.mark.parametrize(
    "given", [(1.0, 0.5, 0.05, 0.5), (2.0, 0.3, 0.2, 0.3), (1.0, 0.2, 0.9, 0.1), (3.0, 0.7, 0.02, inf)]
)
def test_gaussian_slopes_are_differences_of_the_formula(given: tuple[float, float, float, float]) -> None:
    variance, R, P, Rc = given
    D = float(gaussian.distortion(variance, R, P, common_randomness=Rc, sense="block"))
    step = 1e-5

    def rate(D: float, P: float) -> float:
        return float(gaussian.rate(variance, D, P, common_randomness=Rc, sense="block"))

    found = rdp(Gaussian(0, variance), SquaredError(), W2, D=D, P=P, common_randomness=Rc, sense="block").slopes
    by_D = (rate(D + step, P) - rate(D - step, P)) / (2 * step)
    by_P = (rate(D, P + step) - rate(D, P - step)) / (2 * step)
    assert found.D == pytest.approx(by_D, rel=1e-7)  # step² times a third derivative
    assert found.P == pytest.approx(by_P, rel=1e-6, abs=1e-9)  # sqrt(P) bends more


def test_numbers_that_leave_float64_prove_nothing() -> None:
    """Squares of 1.2e154 are finite and their sums are not: nothing of the line was left, and its least was inf."""
    far = Pmf([0.5, 0.5], [0.0, 1.2e154])
    small = TransportProblem(far, far, SquaredError(), 0.3, 0.2, True).discrete
    for size in (0.0, 1e300, 1e308):
        prices = BlockPrices(np.array([size, -size]), np.array([size, size]), 0.2 * size, 0.1 * size, 0.5)
        with np.errstate(all="ignore"):
            assert block_lower(small, 0.0, prices, 1e-9, 1000) <= 1e308
    for source in (far, Pmf([0.5, 0.5], [0.0, 1e-160])):
        with pytest.raises(InvalidInput, match="in a unit nearer to its size"):
            at(source, 0.3, 0.2, 0.0)


@pytest.mark.parametrize("P", [1e-83, 1e-76])
def test_symbols_that_hardly_exist_end_in_a_bracket(P: float) -> None:
    """Beside one of mass 1 they are 1e28 to 1e40 standard deviations away, where no weight of an atom is a number."""
    masses = [1e-81, 1e-108, 8e-244, 3e-167, 1.0]
    found = at(Pmf(masses, [-1104.1, -754.9, -604.5, 1460.9, 2571.5]), 1e-79, 0.1, P)
    assert 0.0 <= found.bounds.lower <= found.bounds.upper < 1e-70


def test_few_steps_and_easy_ends_are_answers() -> None:
    few = at(SIX, 0.4, 0.3, 0.1, LinePairs(max_steps=8))
    assert few.status is Status.STOPPED
    assert few.bounds.lower <= few.bounds.upper
    assert at(SIX, 2.0, 0.3, 0.1).bounds.upper == 0.0
    assert at(Pmf([1.0]), 0.1, 0.3, 0.1).bounds.upper == 0.0
    none = at(SIX, 0.0, 0.3, 0.1)
    variance = float(SIX.probabilities @ SIX.points**2 - (SIX.probabilities @ SIX.points) ** 2)
    assert none.value == pytest.approx(variance + (np.sqrt(variance) - np.sqrt(0.1)) ** 2, abs=1e-12)  # sums near 3
    assert rdp(SIX, SquaredError(), W2, D=4.0, P=0.1, common_randomness=0.3, sense="block").rate == 0.0
    zero = rdp(Gaussian(0, 1), SquaredError(), W2, D=0.0, P=0.1, common_randomness=0.3, sense="block")
    assert zero.status is Status.INFEASIBLE


def test_what_makes_no_sense_is_refused_in_one_sentence() -> None:
    with pytest.raises(InvalidInput, match="no effect"):
        rdp(SIX, SquaredError(), W2, D=1.0, P=0.1, common_randomness=0.3)
    with pytest.raises(InvalidInput, match="no effect"):
        distortion_at(SIX, SquaredError(), W2, R=0.4, P=0.1, common_randomness=False)
    with pytest.raises(InvalidInput, match="sense"):
        rdp(SIX, SquaredError(), W2, D=1.0, P=0.1, common_randomness=0.3, sense="strong")
    with pytest.raises(InvalidInput, match="takes one distortion and no side information"):
        rdp(SIX, [SquaredError()] * 2, W2, D=[1.0, 1.0], P=0.1, common_randomness=0.3, sense="block")
    refused = [
        (SIX, AbsoluteError(), W2, 0.1, None, "distortion"),
        (SIX, SquaredError(), TotalVariation(), 0.1, None, "perception"),
        (Laplace(0, 1), SquaredError(), W2, 0.1, None, "source"),
        (Pmf([0.5, 0.5], [[0.0, 1.0], [1.0, 0.0]]), SquaredError(), W2, 0.1, None, "source"),
        (SIX, SquaredError(), W2, inf, None, "P"),
        (SIX, SquaredError(), W2, 0.1, InteriorPoint(), "method"),
    ]
    for source, distortion, perception, P, method, name in refused:
        with pytest.raises(InvalidInput, match=name):
            rdp(source, distortion, perception, D=1.0, P=P, common_randomness=0.3, sense="block", method=method)
    with pytest.raises(InvalidInput, match="perception"):
        gaussian.distortion(1.0, 0.5, 0.1, KullbackLeibler(), common_randomness=0.3, sense="block")
