"""D(R,P) and P(R,D): brackets around closed forms, around each other, and around the rates they turn around."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import exp, inf

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import (
    AbsoluteError,
    Bernoulli,
    Gaussian,
    Hamming,
    InteriorPoint,
    InvalidInput,
    KullbackLeibler,
    Laplace,
    Measurement,
    Outcome,
    Pmf,
    ReverseKullbackLeibler,
    SquaredError,
    SquaredHellinger,
    Status,
    Table,
    TotalVariation,
    TransportDivergence,
    Uniform,
    Wasserstein1,
    Wasserstein2Squared,
    critical_points,
    curve,
    distortion_at,
    perception_at,
    place,
    rdp,
)
from rdptheory.closed_forms import gaussian
from rdptheory.divergences import F_DIVERGENCES, Divergence
from rdptheory.inverse import _Search
from rdptheory.problems import Problem
from tests.checks import assert_inside

FAMILY = pytest.mark.parametrize("divergence", (*F_DIVERGENCES, Wasserstein2Squared()), ids=repr)
EARTH = (SquaredError(), Wasserstein2Squared())


def source(seed: int, n: int = 5) -> Pmf:
    rng = np.random.default_rng(seed)
    return Pmf.from_weights(rng.dirichlet(np.ones(n)) + 0.05, np.sort(rng.normal(size=n)))


@FAMILY
@pytest.mark.parametrize("R, P", ((0.3, 0.02), (0.02, 0.1), (0.7, 0.0)))
def test_the_rate_at_the_answer_is_the_rate_asked_for(divergence: Divergence, R: float, P: float) -> None:
    question = (source(1), SquaredError(), divergence)
    found = distortion_at(*question, R=R, P=P)
    assert found.value == found.bounds.upper
    assert 0.0 <= found.bounds.gap <= 1e-7 * found.value  # the gap of the rates over the slope
    assert rdp(*question, D=found.bounds.upper, P=P).bounds.lower <= R
    assert rdp(*question, D=found.bounds.lower, P=P).bounds.upper >= R
    assert found.steps <= 30
    if P > 0.0:
        back = perception_at(*question, R=R, D=found.value)
        assert back.bounds.lower <= P + 1e-7
        if rdp(*question, D=found.value, P=P).slopes.P < -1e-3:  # else a smaller P would do as well
            assert_inside(back.bounds, P, 1e-7)
            assert back.bounds.gap <= 1e-6 * P


@given(
    P=st.one_of(st.just(0.0), st.floats(1e-6, 1.5)),
    R=st.floats(1e-3, 5.0),
    variance=st.floats(0.1, 10.0),
    divergence=st.sampled_from((Wasserstein2Squared(), KullbackLeibler())),
)
@settings(max_examples=40)
def test_gaussian_closed_form(P: float, R: float, variance: float, divergence: Divergence) -> None:
    question = (Gaussian(0.0, variance), SquaredError(), divergence)
    truth = float(gaussian.distortion(variance, R, P, divergence))
    found = distortion_at(*question, R=R, P=P)
    assert_inside(found.bounds, truth, 1e-11 * truth)  # 16 ulp of the rate over its slope
    assert found.bounds.gap <= 1e-9 * truth


@pytest.mark.parametrize("divergence", [TotalVariation(), SquaredHellinger(), Wasserstein1()])
def test_a_ball_that_holds_everything_leaves_the_formula(divergence: Divergence) -> None:
    free = distortion_at(Gaussian(0.0, 2.0), SquaredError(), divergence, R=0.3, P=inf)
    assert_inside(free.bounds, 2.0 * exp(-0.6))
    assert free.bounds.gap <= 1e-12
    turns = critical_points(Gaussian(0.0, 2.0), SquaredError(), divergence, P=inf)
    assert turns.active is None
    assert_inside(turns.zero_rate.bounds, 2.0)
    [placed] = place([Measurement(0.5, 1.0)], Gaussian(0.0, 2.0), SquaredError(), divergence)
    assert_inside(placed.excess_distortion, 1.0 - 2.0 * exp(-1.0))


@pytest.mark.parametrize("variance, R", [(2e-136, 46.0), (1e219, 19.0), (1e-250, 30.0), (1e300, 0.01)])
def test_a_limit_whose_square_leaves_float64(variance: float, R: float) -> None:
    for divergence, P, unit in ((None, inf, 1.0), (KullbackLeibler(), 0.0, 1.0), (EARTH[1], 1e-3, variance)):
        found = distortion_at(Gaussian(0.0, variance), SquaredError(), divergence, R=R, P=P * unit)
        plain = distortion_at(Gaussian(0.0, 1.0), SquaredError(), divergence, R=R, P=P)
        assert found.status is Status.OPTIMAL
        assert found.bounds.gap <= 1e-9 * found.value
        assert found.bounds.lower / variance <= plain.bounds.upper * (1.0 + 1e-15)  # two roundings of the variance
        assert found.bounds.upper / variance >= plain.bounds.lower * (1.0 - 1e-15)


def test_a_limit_without_digits_is_inside_its_bracket() -> None:
    scale, R = 5.140791883604183e-60, 588.3718247162947
    found = distortion_at(Laplace(0.0, scale), AbsoluteError(), None, R=R, P=inf)
    with mpmath.workdps(30):
        truth = scale * mpmath.exp(-mpmath.mpf(R))  # 1.528949850844e-315, of which float64 holds nine digits
        assert found.bounds.lower <= truth <= found.bounds.upper


def test_gaussian_perception() -> None:
    truth = float(gaussian.perception(1.0, 0.5, 0.39))
    found = perception_at(Gaussian(0.0, 1.0), *EARTH, R=0.5, D=0.39)
    assert 0.0 < truth < inf
    assert_inside(found.bounds, truth, 1e-12)
    assert found.bounds.gap <= 1e-11


@pytest.mark.parametrize("P", (0.0, 0.05, inf))
def test_rate_zero_is_the_cheapest_silent_law(P: float) -> None:
    p = 0.25
    truth = 2 * p * (1 - p) - (1 - 2 * p) * P if P < p else p
    found = distortion_at(Bernoulli(p), Hamming(), TotalVariation(), R=0.0, P=P)
    assert_inside(found.bounds, truth, 1e-15)
    assert found.bounds.gap <= 1e-13
    assert rdp(Bernoulli(p), Hamming(), TotalVariation(), D=found.value, P=P).rate <= 1e-14


@pytest.mark.parametrize("P", (0.0, 0.05, 0.3, inf))
def test_both_ends_of_the_curve_in_rational_numbers(P: float) -> None:
    """A mean that is rounded is no bracket: of 60 laws about half had their least D a rounding outside."""
    rng = np.random.default_rng(5)
    for _ in range(60):
        n = int(rng.integers(2, 6))
        law, table = Pmf.from_weights(rng.random(n)), rng.random((n, n))
        masses = [Fraction(float(x)) for x in law.probabilities]
        masses = [x / sum(masses) for x in masses]
        costs = [sum(x * Fraction(float(d)) for x, d in zip(masses, column, strict=True)) for column in table.T]
        silent, best = list(masses), costs.index(min(costs))
        left = Fraction(P) if P < inf else Fraction(1)
        for j in sorted(range(n), key=lambda j: -costs[j]):
            moved = min(left, silent[j]) if j != best else Fraction(0)
            silent[j], silent[best], left = silent[j] - moved, silent[best] + moved, left - moved
        nothing = sum(r * c for r, c in zip(silent, costs, strict=True))
        everything = sum(x * min(Fraction(float(d)) for d in row) for x, row in zip(masses, table, strict=True))
        question = (law, Table(table), TotalVariation())
        for R, truth in ((0.0, nothing), (inf, everything))[: 2 if P == inf else 1]:
            bounds = distortion_at(*question, R=R, P=P).bounds
            assert Fraction(bounds.lower) <= truth <= Fraction(bounds.upper)
            assert bounds.gap <= 1e-14


@pytest.mark.parametrize("R", [0.0, 0.1, inf])
def test_a_ball_without_a_law_has_no_distortion(R: float) -> None:
    """Each transport from the reference costs 5/4: at R = 0 the least distortion of all laws was proved of P = 1/2."""
    cost = TransportDivergence([[1.0, 2.0], [2.0, 1.5]])
    found = distortion_at(Bernoulli(0.5), Hamming(), cost, R=R, P=0.5)
    assert found.status is Status.INFEASIBLE
    assert found.bounds.lower == inf
    assert distortion_at(Bernoulli(0.5), Hamming(), cost, R=R, P=1.25 + 1e-9).bounds.lower < inf


class Nothing:
    """A method that finds neither end."""

    def solve(self, problem: object) -> Outcome:
        return Outcome()


@pytest.mark.parametrize("method", [None, Nothing()], ids=["default", "nothing"])
def test_the_least_distortion_of_a_ball_is_none_that_no_channel_was_seen_at(method: Nothing | None) -> None:
    """KL(p‖r) <= 2 asks for some of the third symbol, which the second row makes cheapest: r = (1 - p_0 - x, p_0, x).

    A rate that stopped without a channel, inf, counted as one that inf nats pay for, 3e-10 below the least distortion.
    """
    p, cost = np.array([0.1, 0.7, 0.2]), np.array([[1.2, 0.0, 1.8], [0.0, 1.1, 1.3], [0.0, 3.0, 2.8]])
    with mpmath.workdps(30):
        a, b, c = (mpmath.mpf(float(x)) / mpmath.fsum(map(float, p)) for x in p)

        def beyond(x: mpmath.mpf) -> mpmath.mpf:
            return a * mpmath.log(a / (1 - a - x)) + b * mpmath.log(b / a) + c * mpmath.log(c / x) - mpmath.mpf(1.6)

        x = mpmath.findroot(beyond, (0.001, 0.1), solver="anderson")
        price = 1.3 / (c / x - a / (1 - a - x))
        assert 1.1 + price * (a / (1 - a - x) - b / a) > 0  # more of the second symbol would cost more than it saves
        truth = float(1.3 * x)
    found = distortion_at(Pmf(p), Table(cost), ReverseKullbackLeibler(), R=inf, P=1.6, method=method)
    assert_inside(found.bounds, truth, 1e-15)
    assert found.gap <= 1e-7


def test_rates_that_pay_for_everything() -> None:
    question = (source(2), SquaredError(), TotalVariation())
    assert distortion_at(*question, R=inf, P=0.0).bounds == distortion_at(*question, R=5.0, P=0.1).bounds
    assert distortion_at(*question, R=5.0, P=0.1).value == 0.0
    assert perception_at(*question, R=5.0, D=0.1).value == 0.0


def test_rates_that_pay_for_nothing() -> None:
    question = (source(2), SquaredError(), TotalVariation())
    assert perception_at(*question, R=0.01, D=0.01).value == inf
    moved = Table([[0.0, 1.0], [1.0, 0.0]], reference=[0.7, 0.3])
    least = distortion_at(Bernoulli(0.5), moved, TotalVariation(), R=5.0, P=0.0)
    assert_inside(least.bounds, 0.2, 1e-12)  # what moving mass 0.2 costs
    assert least.bounds.gap <= 1e-9


def test_near_the_free_rate_the_bracket_may_stay_open() -> None:
    question = (source(3), SquaredError(), KullbackLeibler())
    free = rdp(*question, D=0.1, P=inf)
    found = perception_at(*question, R=0.5 * (free.bounds.lower + free.bounds.upper), D=0.1)
    assert 0.0 < found.bounds.lower <= found.bounds.upper


def test_every_answer_says_what_it_is() -> None:
    question, rough = (source(3), SquaredError(), TotalVariation()), InteriorPoint(max_steps=2)
    found = distortion_at(*question, R=0.3, P=0.02)
    assert (found.status, found.message) == (Status.OPTIMAL, "as narrow as the brackets of the rates allow")
    for stopped in (
        distortion_at(*question, R=0.3, P=0.02, method=rough),
        perception_at(*question, R=0.3, D=found.value, method=rough),
    ):
        assert stopped.status is Status.STOPPED
        assert "a rate stopped with a gap of" in stopped.message
    assert stopped.bounds.lower <= 0.02 <= stopped.bounds.upper
    low = perception_at(*question, R=0.01, D=0.01)
    assert (low.status, low.value) == (Status.INFEASIBLE, inf)
    line = curve(*question, D=[0.05, 0.1], P=0.02, method=rough)
    words = line.status.attrs["flag_meanings"].split()
    assert [words[number] for number in line.status.values] == ["stopped", "stopped"]
    assert not curve(*question, D=[0.05, 0.1], P=0.02).status.values.any()  # 0 is optimal


def test_the_search_ends_at_a_planted_root_and_a_wrong_curve_is_caught() -> None:
    """A search on rates of another perception limit must not contain the answer."""
    problem = Problem(source(4), SquaredError(), TotalVariation(), 1.0, 0.05)
    right, wrong = (
        _Search(0.2, lambda D, P=P: Problem(problem.source, problem.distortion, problem.perception, D, P), _by_D, None)
        for P in (0.05, 0.06)
    )
    truth = distortion_at(problem.source, problem.distortion, problem.perception, R=0.2, P=0.05)
    assert right.between(0.0, 1.0, None).bounds.overlaps(truth.bounds)
    assert not wrong.between(0.0, 1.0, None).bounds.overlaps(truth.bounds)


def _by_D(slopes: object) -> float:
    return slopes.D  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("limits", ({"R": -1.0, "P": 0.1}, {"R": 0.1, "P": -1.0}, {"R": "x", "P": 0.1}))
def test_bad_numbers(limits: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        distortion_at(source(0), SquaredError(), TotalVariation(), **limits)


def test_bad_questions() -> None:
    with pytest.raises(InvalidInput, match="Cells"):
        distortion_at(Uniform(0.0, 1.0), SquaredError(), None, R=0.1, P=inf, method=InteriorPoint())
    with pytest.raises(InvalidInput, match="perception"):
        perception_at(source(0), SquaredError(), None, R=0.1, D=0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize("equal", [False, True], ids=["P = inf", "P = 0"])
@pytest.mark.parametrize("variance", [1e-300, 1e-10, 1.0, 1e10, 1e300])
@pytest.mark.parametrize("R", [20.0, 300.0, 355.0, 372.0, 400.0, 710.0, 1e4])
def test_a_gaussian_is_bracketed_down_to_the_least_number(variance, R, equal) -> None:
    """D = σ² e^-2R, and σ² 2 (1 - √(1 - e^-2R)) at P = 0, in decimals, whose exponents do not end."""
    share = (Decimal(-2) * Decimal(R)).exp()
    exact = Decimal(variance) * (2 * share / (1 + (1 - share).sqrt()) if equal else share)
    perception, P = (Wasserstein2Squared(), 0.0) if equal else (None, inf)
    found = distortion_at(Gaussian(0.0, variance), SquaredError(), perception, R=R, P=P)
    assert Decimal(found.bounds.lower) <= exact <= Decimal(found.bounds.upper)
    assert found.bounds.gap <= max(1e-10 * found.value, 2e-323)  # 16 ulp of a rate of 700 nats, or four least numbers
