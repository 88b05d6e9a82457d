"""A divergence of one's own that is convex and no more: its ball from outside, beside members that have a solver."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy

from rdptheory import (
    Empirical,
    FirstOrder,
    HalfSpaces,
    Hamming,
    InteriorPoint,
    InvalidInput,
    KullbackLeibler,
    Pmf,
    Problem,
    SquaredError,
    Table,
    TotalVariation,
    distortion_at,
    rate_at_slope,
    rdp,
)
from rdptheory.divergences import Divergence, Support
from rdptheory.solution import Status
from rdptheory.solvers import half_spaces

SOURCE = Pmf([0.3, 0.25, 0.2, 0.15, 0.1])
ONE_BALL = Problem(SOURCE, Hamming(), TotalVariation(), D=0.3, P=0.1).discrete
TWO_BALLS = replace(ONE_BALL, perceptions=2 * ONE_BALL.perceptions)


class Twice(Divergence):
    """Twice total variation, with nothing but what a user has to write."""

    def value(self, reference, output):
        return float(np.abs(reference - output).sum())

    def support(self, v, reference, P):
        return TotalVariation().support(v, reference, 0.5 * P)


class Plain(Divergence):
    """KL of which no formula but the value and the support is known."""

    def value(self, reference, output):
        return KullbackLeibler().value(reference, output)

    def support(self, v, reference, P):
        return KullbackLeibler().support(v, reference, P)


class Kolmogorov(Divergence):
    """max |F_p - F_r|; its support function is a bound that is not always reached."""

    def value(self, reference, output):
        return float(np.abs(np.cumsum(output - reference)).max())

    def support(self, v, reference, P):
        bound = float(v @ reference + P * np.abs(np.diff(v)).sum())
        return Support(bound + 1e-12 * float(np.abs(v).max()), reference)


class Most(Divergence):
    """max |p_i - r_i|: no mass moves by more than P."""

    def value(self, reference, output):
        return float(np.abs(output - reference).max())

    def support(self, v, reference, P):
        law = np.maximum(reference - P, 0.0)
        for i in np.argsort(-v):
            law[i] += min(1.0 - law.sum(), reference[i] + P - law[i])
        return Support(float(v @ law) + 1e-12 * float(np.abs(v).max()), law)


@pytest.mark.parametrize(
    "mine, known, share", [(Twice(), TotalVariation(), 0.5), (Plain(), KullbackLeibler(), 1.0)], ids=["TV", "KL"]
)
@pytest.mark.parametrize("distortion, D", [(Hamming(), 0.3), (SquaredError(), 0.5)], ids=["Hamming", "squared"])
@pytest.mark.parametrize("P", [0.0, 0.02, 0.1])
def test_it_agrees_with_the_interior_point_of_the_same_ball(mine, known, share, distortion, D, P):
    found = rdp(SOURCE, distortion, mine, D=D, P=P)
    oracle = rdp(SOURCE, distortion, known, D=D, P=share * P, method=InteriorPoint())
    assert found.method == HalfSpaces()
    assert found.status is Status.OPTIMAL
    assert found.gap <= 1e-6
    assert oracle.gap <= 1e-9
    assert found.bounds.overlaps(oracle.bounds)
    assert mine.value(SOURCE.probabilities, found.candidate.output) <= P + 1e-12  # what a Solution promises


def test_a_distance_of_distribution_functions_on_a_coin_is_total_variation():
    coin = Pmf([0.7, 0.3])
    found = rdp(coin, Hamming(), Kolmogorov(), D=0.1, P=0.05)
    assert found.bounds.overlaps(rdp(coin, Hamming(), TotalVariation(), D=0.1, P=0.05).bounds)
    assert found.gap <= 1e-6


def test_a_grey_level_law_and_an_inverse_function():
    levels = Empirical(np.random.default_rng(0).binomial(15, 0.4, 400).astype(float))
    found = rdp(levels, SquaredError(), Most(), D=1.0, P=0.01)
    assert found.gap <= 1e-6
    free, copied = (rdp(levels, SquaredError(), TotalVariation(), D=1.0, P=P).bounds for P in (math.inf, 0.0))
    assert free.lower < found.bounds.lower
    assert found.bounds.upper < copied.upper
    assert found.slopes.P < 0.0
    back = distortion_at(levels, SquaredError(), Most(), R=found.rate, P=0.01)
    assert back.bounds.lower <= 1.0 <= back.bounds.upper + 1e-9  # R is rounded to its upper end


def test_several_distortions_and_a_slope():
    limits = {"D": [0.3, 0.4], "P": 0.02}
    both = rdp(SOURCE, [Hamming(), SquaredError()], Twice(), **limits)
    oracle = rdp(SOURCE, [Hamming(), SquaredError()], TotalVariation(), D=[0.3, 0.4], P=0.01)
    assert both.bounds.overlaps(oracle.bounds)
    assert both.gap <= 1e-6
    point = rate_at_slope(SOURCE, Hamming(), Twice(), s=2.0, P=0.02)
    known = rate_at_slope(SOURCE, Hamming(), TotalVariation(), s=2.0, P=0.01)
    assert point.D.overlaps(known.D)
    assert point.D.gap <= 1e-2  # ten times the root of the gap of the rates


def test_every_cut_holds_the_ball():
    rng, p = np.random.default_rng(1), SOURCE.probabilities
    for one in (Twice(), Plain(), Kolmogorov(), Most()):
        g, h = one.cut(p, rng.dirichlet(np.ones(5)), 0.05)
        for _ in range(50):
            way = rng.dirichlet(np.ones(5)) - p
            share = next(share for share in 0.7 ** np.arange(60) if one.value(p, p + share * way) <= 0.05)
            assert float(g @ (p + share * way)) <= h + 1e-14  # rounding of two products


def test_a_cut_where_the_divergence_is_infinite_goes_the_way_of_the_law():
    p, law = np.array([0.5, 0.5, 0.0]), np.array([0.4, 0.4, 0.2])
    g, h = Plain().cut(p, law, 0.01)
    assert math.isinf(Plain().value(p, law))
    assert float(g @ p) <= h < float(g @ law)


def test_a_search_that_ends_early_says_so_and_its_bracket_holds(monkeypatch):
    early = rdp(SOURCE, Hamming(), Plain(), D=0.3, P=0.002, method=HalfSpaces(max_cuts=1))
    assert early.status is Status.STOPPED
    assert early.message == "1 half-space was made"
    assert early.bounds.overlaps(rdp(SOURCE, Hamming(), KullbackLeibler(), D=0.3, P=0.002).bounds)
    monkeypatch.setattr(half_spaces, "ROOM", 50)  # two tables
    assert rdp(SOURCE, Hamming(), Plain(), D=0.3, P=0.002).message == "2 half-spaces were made"


def test_a_support_that_is_not_reached_costs_width_and_no_truth():
    levels = Empirical(np.random.default_rng(0).binomial(15, 0.4, 400).astype(float))
    wide = rdp(levels, SquaredError(), Kolmogorov(), D=1.0, P=0.01)
    assert wide.status is Status.STOPPED
    assert "no half-space leaves the law out" in wide.message
    larger = rdp(levels, SquaredError(), Most(), D=1.0, P=0.02)  # where |F_p - F_r| <= P no mass moves by more than 2 P
    assert larger.bounds.lower <= wide.bounds.upper


def test_a_limit_that_is_idle_takes_no_cut_and_one_below_the_least_no_channel():
    idle = rdp(SOURCE, Hamming(), Kolmogorov(), D=0.3, P=0.5)
    assert idle.slopes.P == 0.0
    assert idle.bounds.overlaps(rdp(SOURCE, Hamming(), None, D=0.3, P=math.inf).bounds)
    known = rdp(SOURCE, Hamming(), TotalVariation(), D=0.3, P=0.02)
    assert rdp(SOURCE, Hamming(), TotalVariation(), D=0.3, P=0.02, method=HalfSpaces()).bounds.overlaps(known.bounds)


@pytest.mark.parametrize(
    "ask, said",
    [
        (lambda: rdp(SOURCE, Hamming(), Twice(), D=0.3, P=0.1, method=InteriorPoint()), "the method HalfSpaces"),
        (lambda: rdp(SOURCE, Hamming(), Twice(), D=0.3, P=0.1, method=FirstOrder()), "takes an f-divergence"),
        (lambda: rdp(SOURCE, Hamming(), Twice(), D=0.3, P=0.1).gradient(), "its class has no slope of σ"),
        (lambda: HalfSpaces().solve(TWO_BALLS), "takes one limit, on the law of the output"),
        (lambda: HalfSpaces(gap=0.0), "gap"),
        (lambda: HalfSpaces(max_cuts=0), "at least 1"),
    ],
    ids=["interior point", "first order", "gradient", "several balls", "gap", "cuts"],
)
def test_what_is_not_answered_is_refused_in_a_sentence(ask, said):
    with pytest.raises(InvalidInput, match=said):
        ask()


class Means(Divergence):
    """|E X - E Y|: other laws than that of X are at distance 0."""

    def value(self, reference, output):
        return abs(float(LINE @ (output - reference)))

    def support(self, v, reference, P):
        mean = float(LINE @ reference)
        best = scipy.optimize.linprog(
            -v, A_ub=[LINE, -LINE], b_ub=[mean + P, P - mean], A_eq=np.ones((1, 5)), b_eq=[1.0], bounds=(0.0, None)
        )
        return Support(float(v @ best.x) + 1e-9 * float(np.abs(v).max()), best.x)


LINE = SOURCE.points[:, 0] if SOURCE.points.ndim > 1 else SOURCE.points


@pytest.mark.parametrize("D", [0.1, 0.3, 0.6])
def test_a_ball_of_radius_0_that_holds_other_laws_is_not_taken_for_the_law_of_the_source(D):
    mean = float(SOURCE.probabilities @ LINE)
    held = [Hamming(), Table(np.tile(LINE, (5, 1))), Table(np.tile(-LINE, (5, 1)))]
    oracle = rdp(SOURCE, held, None, D=[D, mean, -mean], P=math.inf)  # E Y = E X as two limits that do not look at X
    found = rdp(SOURCE, Hamming(), Means(), D=D, P=0.0)
    assert oracle.gap <= 1e-7
    assert found.bounds.overlaps(oracle.bounds)
    alone = rdp(SOURCE, Hamming(), TotalVariation(), D=D, P=0.0)
    assert alone.bounds.lower > oracle.bounds.upper + 1e-5  # the law of the source costs more


def test_infeasible_is_not_said_of_a_ball_of_radius_0_that_holds_other_laws():
    """Y = m for x = 0 and x = 4 alike keeps the mean and D; the law of the source itself cannot be shown within D."""
    ends = Pmf([0.5, 0.0, 0.0, 0.0, 0.5])
    dear = np.full((5, 5), 10.0)
    dear[:, 2] = 0.0
    found = rdp(ends, Table(dear), Means(), D=0.5, P=0.0)
    assert found.status is not Status.INFEASIBLE
    assert found.bounds.lower <= 1e-6  # the constant 2 has E Y = E X


def test_a_class_may_say_that_radius_0_is_the_law_of_the_source():
    class Sure(Most):
        definite = True

    for one in (Most(), Sure()):
        found = rdp(SOURCE, Hamming(), one, D=0.3, P=0.0)
        assert found.gap <= 1e-6
        assert found.bounds.overlaps(rdp(SOURCE, Hamming(), TotalVariation(), D=0.3, P=0.0).bounds)


class Euclidean(Divergence):
    """The length of r - p, which grows where symbols are merged."""

    def value(self, reference, output):
        return float(np.linalg.norm(output - reference))

    def support(self, v, reference, P):
        longest = float(v @ reference + P * np.linalg.norm(v - v.mean()))
        return Support(longest + 1e-12 * float(np.abs(v).max()), reference)


def test_infeasible_is_not_read_off_one_symbol_against_the_rest():
    """A law that gives up one symbol of six is √(6/5)/6 away, and √2/6 where the other five are counted as one."""
    costs = np.zeros((6, 6))
    costs[:, 0] = 1.0
    near, far = math.sqrt(6.0 / 5.0) / 6.0, math.sqrt(2.0) / 6.0
    found = rdp(Pmf(np.full(6, 1.0 / 6.0)), Table(costs), Euclidean(), D=1e-3, P=0.5 * (near + far))
    assert found.status is Status.OPTIMAL
    assert found.rate <= 1e-9  # that law, whatever x is
