"""The verbs take densities: bounds turned around, curves, corners, the command line, and channels that sample."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import scipy

from rdptheory import (
    AbsoluteError,
    Cells,
    Exponential,
    Gaussian,
    InvalidInput,
    Laplace,
    SquaredError,
    Status,
    StudentT,
    TotalVariation,
    Uniform,
    adaptive_grid,
    cli,
    critical_points,
    curve,
    distortion_at,
    perception_at,
    rate_distortion,
    rdp,
)
from rdptheory.continuous import CellChannel, Points
from rdptheory.continuous.ends import _rounded_end, lower_end
from rdptheory.continuous.lattice import lattice
from rdptheory.continuous.nodes import nodes
from rdptheory.continuous.posed import Posed
from rdptheory.problems import Problem
from tests.checks import assert_inside
from tests.continuous.cases import ABSOLUTE, EXACT, FREE, KL, SQUARED, T5, TV, W1, W2, L, N, U, ask
from tests.continuous.test_level_one import FLOAT, named

QUICK = Cells(gap=2e-3, max_cells=256)
COARSE = Cells(gap=2e-2, max_cells=64)


@pytest.mark.parametrize("case", [case for case in EXACT if not isinstance(case[0], Gaussian)], ids=named)
def test_the_default_holds_known_rates(case) -> None:
    law, distortion, (perception, P), D, exact = case
    closed = distortion == ABSOLUTE  # there is a formula, which is the default
    found = rdp(law, distortion, perception, D=D, P=P, method=Cells() if closed else None)
    assert_inside(found.bounds, exact, FLOAT)
    if distortion == SQUARED:
        assert found.status is Status.OPTIMAL
        assert found.gap <= 1e-4
    assert ("Shannon" if closed else "nodes") in found.bounds.lower_from  # whose bound is the formula there
    assert "cells" in found.bounds.upper_from


@pytest.mark.parametrize("ball", [FREE, (TV, 0.0), (KL, 0.005), (TV, 0.03), (W2, 0.01), (W1, 0.05)], ids=str)
def test_unit_and_origin_do_not_matter(ball) -> None:
    """R(D,P) of a + bX at limits in the new unit."""
    perception, P = ball
    plain = rdp(L, SQUARED, perception, D=0.3, P=P, method=QUICK)
    unit = {W2: 9.0, W1: 3.0}.get(perception, 1.0)
    moved = rdp(Laplace(-7.0, 3.0), SQUARED, perception, D=2.7, P=P * unit if P > 0 else P, method=QUICK)
    assert abs(moved.bounds.lower - plain.bounds.lower) <= 1e-9  # the finite solvers stop at other digits
    assert abs(moved.bounds.upper - plain.bounds.upper) <= 1e-9
    assert abs(moved.slopes.D * 9.0 - plain.slopes.D) <= 1e-6


FAMILIES = {
    "laplace": lambda scale: Laplace(0.0, scale),
    "t": lambda scale: StudentT(5.0, 0.0, scale),
    "exponential": Exponential,
    "uniform": lambda scale: Uniform(0.0, scale),
    "gamma": lambda scale: scipy.stats.gamma(2.0, scale=scale),
}

ENTROPIES = {"laplace": 1.0 + np.log(2.0), "t": 1.6275027, "exponential": 1.0, "uniform": 0.0}


@pytest.mark.parametrize("scale", [1e-155, 1e170])
@pytest.mark.parametrize("name", FAMILIES)
def test_units_whose_squares_leave_float64(name, scale) -> None:
    unit, law = FAMILIES[name](1.0), FAMILIES[name](scale)
    one = rdp(unit, AbsoluteError(), None, D=0.1, P=np.inf, method=COARSE)
    same = rdp(law, AbsoluteError(), None, D=0.1 * scale, P=np.inf, method=COARSE)
    assert same.bounds.overlaps(one.bounds)
    assert abs(same.bounds.upper - one.bounds.upper) <= 1e-9  # the finite solvers stop at other digits
    deviation = unit.std() if name == "gamma" else unit.standard_deviation
    noise = np.log(scale) + np.log(deviation) + 150.0 * np.log(10.0)  # half the logarithm of Var X / 1e-300
    found = rdp(law, SquaredError(), None, D=1e-300, P=np.inf, method=COARSE)
    assert found.bounds.upper <= max(noise, 0.0) + 1e-8  # what sd may be off
    if name == "gamma" or noise < 0.0:  # nobody knows its entropy
        assert found.status is (Status.OPTIMAL if noise < 0.0 else Status.STOPPED)
        assert found.bounds.lower <= max(noise, 0.0) <= found.bounds.upper
    else:
        exact = ENTROPIES[name] + np.log(scale) - 0.5 * np.log(2.0 * np.pi * np.e) + 150.0 * np.log(10.0)
        assert_inside(found.bounds, exact, 1e-6)  # an entropy of eight digits
        assert (found.status, found.gap <= 1e-9) == (Status.OPTIMAL, True)


def test_a_limit_that_another_unit_cannot_hold_is_above_0() -> None:
    for law in (Laplace(0.0, 1e10), scipy.stats.gamma(2.0, scale=1e10)):
        found = rdp(law, SquaredError(), TotalVariation(), D=1e-320, P=0.0, method=QUICK)
        assert found.status is (Status.OPTIMAL if isinstance(law, Laplace) else Status.STOPPED)
        assert 0.0 < found.bounds.lower < found.bounds.upper < np.inf


@pytest.mark.parametrize("law", [Laplace(1e12, 1e-7), Uniform(1e12, 1e12 + 1e-3), scipy.stats.gumbel_r(1e12, 1e-3)])
def test_a_law_that_is_narrower_than_its_place_is_exact(law) -> None:
    """R(D,P) does not know the place; cells out there would be one number, and so there is no channel."""
    scale = law.scale if isinstance(law, Laplace) else 1e-3
    unit = law.high - law.low if isinstance(law, Uniform) else scale
    near = {Laplace: Laplace(0.0, unit), Uniform: Uniform(0.0, unit)}.get(type(law), scipy.stats.gumbel_r(0.0, unit))
    far, plain = (rdp(one, SquaredError(), None, D=0.05 * unit**2, P=np.inf, method=COARSE) for one in (law, near))
    assert far.bounds.overlaps(plain.bounds)
    assert far.bounds.gap <= 2.0 * plain.bounds.gap
    assert far.candidate is None or np.isfinite(far.sample([1e12], np.random.default_rng(0))).all()


class HeavyOnTheLeft:
    """½ (1-x)^-½ below 0, a mean that is infinite there, and exponential above."""

    def support(self):
        return -np.inf, np.inf

    def cdf(self, x):
        return np.where(
            x < 0.0, 0.5 / np.sqrt(1.0 + np.maximum(-x, 0.0)), 1.0 - 0.5 * np.exp(-0.5 * np.maximum(x, 0.0))
        )

    def sf(self, x):
        return np.where(x < 0.0, 1.0 - self.cdf(x), 0.5 * np.exp(-0.5 * np.maximum(x, 0.0)))

    def pdf(self, x):
        return np.where(x < 0.0, 0.25 * (1.0 + np.maximum(-x, 0.0)) ** -1.5, 0.25 * np.exp(-0.5 * np.maximum(x, 0.0)))


@pytest.mark.parametrize("law", [scipy.stats.levy(), HeavyOnTheLeft(), scipy.stats.cauchy()])
def test_a_mean_is_needed_on_either_side(law) -> None:
    with pytest.raises(InvalidInput, match="has no mean"):
        rdp(law, AbsoluteError(), None, D=0.3, P=np.inf, method=QUICK)


@pytest.mark.parametrize(
    ("df", "distortion", "P", "least", "width"),
    [
        (1.1, ABSOLUTE, np.inf, 1.85, np.inf),
        (1.5, ABSOLUTE, np.inf, 1.64, 0.11),
        (2.0, ABSOLUTE, 0.0, 1.48, 0.02),
        (3.0, ABSOLUTE, np.inf, 1.283, 0.004),
        (2.1, SQUARED, np.inf, 1.07, 1.1),
        (2.1, SQUARED, 0.0, 1.11, 1.4),
        (3.0, SQUARED, np.inf, 0.949, 0.01),
    ],
)
def test_heavy_tails_have_a_lower_end(df, distortion, P, least, width) -> None:
    """It was 0: cells out there are wider than float64 has exponents for, or than D is."""
    found = rdp(StudentT(df), distortion, TotalVariation(), D=0.3, P=P, method=Cells(gap=1e-3, max_cells=256))
    assert found.bounds.lower >= least
    assert found.bounds.gap <= width
    nats = scipy.stats.t(df).entropy()  # Shannon's lower bound
    shannon = nats - (np.log(0.6 * np.e) if distortion == ABSOLUTE else 0.5 * np.log(0.6 * np.pi * np.e))
    assert shannon <= found.bounds.upper + 1e-6  # what scipy integrates to


def test_a_tiny_distortion_has_no_lower_end_than_before() -> None:
    """Where no cell is narrow enough, both a long range and a short one are tried."""
    long = Posed.of(Problem(L, SQUARED, None, 1e-6, np.inf))
    both = lower_end(long, 128, ask).rate
    assert both > _rounded_end(long, lattice(long.source, nodes(long.source, 128)), ask).rate + 0.3


def test_many_degrees_of_freedom_are_a_gaussian() -> None:
    for df in (1e5, 1e6, 1e12):
        found = rdp(StudentT(df), SquaredError(), None, D=0.3, P=np.inf, method=Cells(gap=1e-4))
        assert found.status is Status.OPTIMAL
        assert_inside(found.bounds, -0.5 * np.log(0.3), 2.0 / df)  # the variance is 1 + 2/df, the entropy off by less


def test_slopes_lie_below_the_chords_also_where_noise_gives_the_upper_end() -> None:
    """R is convex: its slope at the right end of a chord is no steeper than the chord, up to the brackets."""
    places = 3.0, 3.6, 4.0
    found = [rdp(L, SQUARED, TV, D=D, P=0.0, method=QUICK) for D in places]
    assert "noise" in found[-1].bounds.upper_from
    for left, right in pairwise(found):
        width = right.problem.D - left.problem.D
        chord = (right.bounds.lower - left.bounds.upper) / width
        assert -right.slopes.D <= -chord
    grid = adaptive_grid(L, SQUARED, TV, D=(2.0, 4.0), P=[0.0], tolerance=0.05, method=QUICK)
    assert max(b - a for a, b in pairwise(grid)) < 1.5  # this curve bends all the way


def test_more_room_costs_less_and_realism_is_bought_by_distortion() -> None:
    tight, wide = (rdp(T5, SQUARED, KL, D=D, P=0.03, method=QUICK) for D in (0.3, 0.4))
    assert wide.bounds.lower <= tight.bounds.upper
    real, free = rdp(T5, SQUARED, TV, D=0.6, P=0.0, method=QUICK), rate_distortion(T5, SQUARED, D=0.3, method=QUICK)
    assert real.bounds.lower <= free.bounds.upper  # R(D,0) <= R(D/2,inf)
    shannon = 0.5 * np.log(1.0 / (2.0 * np.pi * np.e * 0.3)) + 1.6275027  # h of t(5), rounded down
    assert free.bounds.upper >= shannon


def test_the_ends_of_the_range() -> None:
    none = rdp(L, SQUARED, TV, D=0.0, P=0.1)
    assert none.status is Status.INFEASIBLE
    assert none.rate == np.inf
    loose = rdp(L, SQUARED, TV, D=np.inf, P=0.1)
    assert loose.bounds.lower == loose.rate == 0.0
    assert rate_distortion(L, SQUARED, D=2.5, method=QUICK).rate == 0.0
    tiny = rate_distortion(L, SQUARED, D=1e-9, method=QUICK)
    assert tiny.status is Status.OPTIMAL
    far = rate_distortion(scipy.stats.gamma(2.0), SQUARED, D=1e-9, method=QUICK)
    assert far.status is Status.STOPPED
    assert far.bounds.lower > 0.0


def test_channels_sample_what_they_promise() -> None:
    rng = np.random.default_rng(5)
    x = rng.laplace(0.0, 2.0, 4000) + 1.0
    law = Laplace(1.0, 2.0)
    for (perception, P), D in ((FREE, 1.2), ((W2, 0.0), 1.2), ((W2, 0.2), 1.2)):
        found = rdp(law, SQUARED, perception, D=D, P=P, method=QUICK)
        y = found.candidate.sample(x, rng)
        assert y.shape == x.shape
        error = (x - y) ** 2
        assert error.mean() <= D + 5.0 * error.std() / 63.0  # five standard errors
    again = rdp(law, SQUARED, TV, D=1.2, P=0.0, method=QUICK).candidate.sample(x, rng)
    levels = np.sort(np.where(again < 1.0, 0.5 * np.exp((again - 1.0) / 2.0), 1.0 - 0.5 * np.exp((1.0 - again) / 2.0)))
    ladder = np.arange(1, levels.size + 1) / levels.size
    assert np.abs(levels - ladder).max() <= 1.95 / 63.0  # Kolmogorov-Smirnov, exceeded once in 1,000 seeds


def test_a_channel_that_is_none_is_refused() -> None:
    rows = [[1.0], [1.0]]
    for edges, channel in (([0.0, 0.0, 1.0], rows), ([0.0, 1.0], rows), ([0.0], [[1.0]])):
        with pytest.raises(InvalidInput):
            CellChannel(edges, channel, Points(np.zeros(1)))


def test_limits_are_found_from_rates() -> None:
    """D(R, inf) of the Laplace law at absolute error is e^-R; the Gaussian's other verbs know theirs."""
    found = distortion_at(L, ABSOLUTE, None, R=1.0, P=np.inf, method=Cells(gap=1e-2))
    assert_inside(found.bounds, float(np.exp(-1.0)))
    assert found.bounds.gap <= 0.02 * found.value
    zero = distortion_at(U, SQUARED, None, R=0.0, P=np.inf, method=QUICK)
    assert_inside(zero.bounds, 1.0 / 12.0)
    real = distortion_at(U, SQUARED, TV, R=0.0, P=0.0, method=QUICK)
    assert_inside(real.bounds, 1.0 / 6.0)
    assert distortion_at(L, SQUARED, TV, R=np.inf, P=0.1).value == 0.0
    rate = rdp(L, SQUARED, KL, D=0.5, P=0.02, method=QUICK)
    P = perception_at(L, SQUARED, KL, R=0.5 * (rate.bounds.lower + rate.bounds.upper), D=0.5, method=QUICK)
    assert P.bounds.lower <= 0.02 <= P.bounds.upper  # the widths of both brackets, over the slope of 0.2 nat per unit
    assert P.bounds.gap <= 0.04


def test_limits_of_heavy_tails_are_found() -> None:
    """Its variance is 41, nearly all of it where next to no mass is."""
    law = StudentT(2.05)
    for perception, P, times in ((None, np.inf, 1.0), (TV, 0.0, 2.0)):
        zero = distortion_at(law, SQUARED, perception, R=0.0, P=P)
        assert zero.value == pytest.approx(41.0 * times, rel=1e-11)  # the bracket is 2e-12 wide
    found = distortion_at(law, SQUARED, None, R=0.5, P=np.inf, method=COARSE)
    assert found.bounds.upper < 1.1 * found.bounds.lower < 2.0
    assert found.status is Status.OPTIMAL
    rates = [rate_distortion(law, SQUARED, D=D, method=COARSE).bounds for D in (found.bounds.lower, found.value)]
    assert rates[0].upper >= 0.5 >= rates[1].lower


def test_a_limit_beyond_float64_is_not_called_infeasible() -> None:
    found = distortion_at(Laplace(0.0, 1e160), SQUARED, None, R=0.1, P=np.inf, method=COARSE)
    assert found.status is Status.STOPPED
    assert found.bounds.lower == np.finfo(np.float64).max  # 1e319 and a half
    assert found.bounds.upper == np.inf


def test_corners_and_curves() -> None:
    line = curve(U, SQUARED, TV, D=[0.02, 0.05], P=0.1, method=QUICK)
    assert (line.lower <= line.upper).all()
    assert (line.upper - line.lower <= 2e-3).all()
    corners = critical_points(U, SQUARED, TV, P=0.3, method=Cells(gap=1e-2, max_cells=64))
    assert corners.active is not None
    assert corners.active.bounds.upper < corners.zero_rate.bounds.upper < 1.0 / 6.0


@pytest.mark.parametrize(
    "source", ["uniform:0,3", "t:40", "logistic:0,0.5", "exponential:1", "mixture:0.5,-1,0.5;0.5,1,1"]
)
def test_the_command_line_takes_densities(source, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["rate", "--source", source, "--distortion", "squared", "-D", "0.4"])
    assert ended.value.code == 0
    assert "optimal" in capsys.readouterr().out


def test_a_gaussian_without_a_formula_is_a_density() -> None:
    found = rdp(N, SQUARED, TV, D=0.3, P=0.03, method=QUICK)
    known = rdp(N, SQUARED, W2, D=0.3, P=0.0).rate, rdp(N, SQUARED, None, D=0.3, P=np.inf).rate
    assert known[1] - FLOAT <= found.bounds.upper <= known[0] + 2e-3
    same = rdp(N, SQUARED, None, D=0.3, P=np.inf, method=QUICK)
    assert_inside(same.bounds, known[1], FLOAT)


def test_one_sided_and_bounded_supports() -> None:
    for law, D in ((Exponential(2.0), 0.4), (Uniform(-3.0, 1.0), 0.3)):
        found = rdp(law, SQUARED, KL, D=D, P=0.01, method=QUICK)
        assert found.gap <= 2e-3
        y = found.candidate.sample(np.full(200, law.quantile(0.999)), np.random.default_rng(0))
        assert (y >= law.support[0]).all()
        assert (y <= law.support[1]).all()


@pytest.mark.parametrize("options", [{"gap": 0.0}, {"gap": np.nan}, {"max_cells": 10}, {"max_cells": 2.5}])
def test_options_without_meaning_are_refused(options) -> None:
    with pytest.raises(InvalidInput):
        Cells(**options)


@pytest.mark.parametrize("perception", [KL, TV], ids=repr)
def test_the_corner_of_a_density_is_where_the_brackets_begin_to_tell(perception) -> None:
    """At the upper end of the corner the bounds without and with the limit are apart, well below it they are not."""
    method = Cells(gap=1e-2, max_cells=64)
    found = critical_points(L, SQUARED, perception, P=0.02, method=method)
    low, high = found.active.bounds.lower, found.active.bounds.upper
    assert 0.0 < low < high <= 1.15 * low  # the root of the gap, of the upper end
    dear, free = (rdp(L, SQUARED, perception, D=high, P=P, method=method).bounds for P in (0.02, np.inf))
    assert dear.lower > free.upper
    dear, free = (rdp(L, SQUARED, perception, D=0.8 * low, P=P, method=method).bounds for P in (0.02, np.inf))
    assert dear.lower <= free.upper
    assert np.isfinite(found.active_rate)


def test_the_largest_distortion_at_P_0_is_asked_for_without_a_warning() -> None:
    """No multiplier belongs to it, so that a search for one goes on to the end of float64."""
    law = StudentT(2.1)
    found = rdp(law, SQUARED, TV, D=law.standard_deviation**2, P=0.0, method=Cells(max_cells=64))
    assert 0.0 <= found.bounds.lower <= found.bounds.upper
