"""The point at a slope: against Blahut-Arimoto, closed forms, shifts, straight pieces and corners."""

import csv
import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st

import rdptheory.slope
from rdptheory import (
    AbsoluteError,
    Bernoulli,
    Bounds,
    FirstOrder,
    Gaussian,
    GaussianVector,
    Hamming,
    InteriorPoint,
    InvalidInput,
    Laplace,
    LogLoss,
    Pmf,
    SquaredError,
    Status,
    StudentT,
    Table,
    TotalVariation,
    TransportDivergence,
    Wasserstein2Squared,
    distortion_at,
    rate_at_slope,
    rdp,
    slope_curve,
    write_surface,
)
from rdptheory.cli import main
from rdptheory.divergences import F_DIVERGENCES
from tests.checks import assert_inside
from tests.strategies import laws, matrices

DIE = Pmf([0.4, 0.3, 0.2, 0.1])
SOLVER = InteriorPoint(gap=1e-11)
NEVER = np.array([[0.0, 1.0, math.inf], [math.inf, 0.0, 1.0], [0.3, math.inf, 0.0]])
ERASED = Table([[0.0, 1.0, 0.3], [1.0, 0.0, 0.3]])


def blahut_arimoto(p, table, s, steps=20_000):
    """D and R in nats at the slope -s, by the plain iteration: an oracle that knows nothing of ours."""
    kernel, law = np.exp(-s * table), np.full(table.shape[1], 1.0 / table.shape[1])
    for _ in range(steps):
        u = p / (kernel @ law)
        before, law = law, law * (kernel.T @ u)
        if np.abs(law - before).max() < 1e-15:
            break
    joint = u[:, None] * kernel * law
    joint /= joint.sum()
    output = joint.sum(axis=0)
    held = joint > 0.0
    ratio = joint[held] / (p[:, None] * output)[held]
    return float((joint * table).sum()), float((joint[held] * np.log(ratio)).sum())


@settings(max_examples=8)
@given(laws(4, zero=False, tiny=False), matrices(4, 4), st.floats(0.5, 20.0))
def test_blahut_arimoto_agrees(p, table, s):
    np.fill_diagonal(table, 0.0)
    found = rate_at_slope(Pmf.from_weights(p), Table(table), None, s=s, P=math.inf)
    D, R = blahut_arimoto(p, table, s)
    cost = found.rate.lower + s * found.D.lower  # both attain it, so each is at most what the other costs
    assert R + s * D >= cost - s * found.D.gap - 1e-9
    assert_inside(found.D, D, 1e-5)  # how well 20,000 plain steps know D where the law has symbols that fade out
    assert_inside(found.rate, R, 1e-5 * s)
    assert found.straight or found.D.gap <= 1e-5


def test_a_line_that_is_too_high_is_found_out(monkeypatch):
    """Planted: rates whose lower ends are 1e-5 above the truth leave no room for it."""
    honest = rdptheory.slope.ask

    def planted(problem, method):
        found = honest(problem, method)
        high = Bounds(found.bounds.upper + 1e-5, found.bounds.upper + 2e-5) if found.rate > 0.0 else found.bounds
        return dataclasses.replace(found, bounds=high, rate=high.upper)

    D, _ = blahut_arimoto(DIE.probabilities, SquaredError().table(DIE.points), 2.0)
    assert_inside(rate_at_slope(DIE, SquaredError(), None, s=2.0, P=math.inf).D, D, 1e-9)
    monkeypatch.setattr(rdptheory.slope, "ask", planted)
    high = rate_at_slope(DIE, SquaredError(), None, s=2.0, P=math.inf)
    assert not rdp(DIE, SquaredError(), None, D=high.D.upper, P=math.inf).bounds.overlaps(high.rate)


@pytest.mark.parametrize(
    "ball", [*F_DIVERGENCES, TransportDivergence(1.0 - np.eye(4))], ids=lambda ball: type(ball).__name__
)
@pytest.mark.parametrize("P", [0.0, 0.01])
def test_every_ball(ball, P):
    """The slope of the rate at some D leads back to that D."""
    there = rdp(DIE, SquaredError(), ball, D=0.25, P=P, method=SOLVER)
    found = rate_at_slope(DIE, SquaredError(), ball, s=-there.slopes.D, P=P)
    assert found.status is Status.OPTIMAL
    assert found.D.gap <= 1e-5
    assert_inside(found.D, 0.25, 1e-4)  # the slope is known to the root of the gap
    again = rdp(DIE, SquaredError(), ball, D=0.5 * (found.D.lower + found.D.upper), P=P)
    assert again.bounds.overlaps(found.rate)


@pytest.mark.parametrize("s", [0.1, 1.0, 2.0, 6.0])
def test_closed_forms_and_the_solver_agree(s):
    for source, distortion, ball, P in (
        (Pmf([0.5, 0.3, 0.2]), Hamming(), None, math.inf),
        (Bernoulli(0.25), Hamming(), TotalVariation(), 0.05),
    ):
        exact = rate_at_slope(source, distortion, ball, s=s, P=P)
        solved = rate_at_slope(source, distortion, ball, s=s, P=P, method=SOLVER)
        assert exact.steps == 0
        assert exact.D.gap <= 1e-11
        assert exact.D.overlaps(solved.D)
        assert exact.rate.overlaps(solved.rate)


def test_formulas_of_densities():
    assert_inside(rate_at_slope(Gaussian(0.0, 4.0), SquaredError(), None, s=0.5, P=math.inf).D, 1.0)
    assert_inside(rate_at_slope(Laplace(0.0, 4.0), AbsoluteError(), None, s=0.5, P=math.inf).D, 2.0)
    ball = rate_at_slope(Gaussian(0.0, 1.0), SquaredError(), Wasserstein2Squared(), s=1.0, P=0.05)
    there = rdp(Gaussian(0.0, 1.0), SquaredError(), Wasserstein2Squared(), D=ball.D.upper, P=0.05)
    assert there.slopes.D == pytest.approx(-1.0, abs=1e-9)
    assert there.bounds.overlaps(ball.rate)


CURVES = (
    (Gaussian(0.0, 1.0), SquaredError(), None, math.inf, 1.0),
    (Gaussian(0.0, 1.0), SquaredError(), Wasserstein2Squared(), 0.25, 1.25),
    (Laplace(0.0, 1.0), AbsoluteError(), None, math.inf, 1.0),
    (Bernoulli(0.2), Hamming(), None, math.inf, 0.2),
    (Bernoulli(0.2), Hamming(), TotalVariation(), 0.05, 0.29),
    (Pmf([0.25, 0.25, 0.25, 0.25]), Hamming(), TotalVariation(), 0.1, 0.75),
)
"""Questions with a formula, and the D at which the rate ends."""


@pytest.mark.parametrize("s", [1e-300, 1e-14, 9e-14])
@pytest.mark.parametrize(("source", "distortion", "ball", "P", "end"), CURVES)
def test_a_slope_that_is_next_to_nothing_is_where_the_rate_ends(source, distortion, ball, P, end, s):
    found = rate_at_slope(source, distortion, ball, s=s, P=P)
    assert_inside(found.D, end)
    assert found.D.gap <= 1e-11  # from where the slope is 2e-13, twice what that of a formula may be off
    assert found.rate.upper <= 1e-14  # the formula's allowance
    assert not found.straight


def test_a_steep_slope_is_a_point_next_to_the_pole():
    for s in (1e100, 1e250):
        found = rate_at_slope(Gaussian(0.0, 1.0), SquaredError(), None, s=s, P=math.inf)
        assert found.D.lower <= 0.5 / s <= found.D.upper <= 0.6 / s
        assert_inside(found.rate, 0.5 * math.log(2.0 * s), 1e-11)
        assert not found.straight
    assert not rate_at_slope(Gaussian(0.0, 1.0), SquaredError(), None, s=1e308, P=math.inf).straight


@pytest.mark.parametrize("method", [None, SOLVER])
def test_a_straight_piece_is_an_interval(method):
    source = Pmf([0.5, 0.3, 0.2])
    H = float(-source.probabilities @ np.log(source.probabilities))
    found = rate_at_slope(source, LogLoss(), None, s=1.0, P=math.inf, method=method)
    assert found.straight
    assert "straight" in found.message
    assert found.D.lower <= 1e-12
    assert found.D.upper >= H - 1e-9
    assert found.rate.lower <= 1e-9
    assert found.rate.upper >= H - 1e-9
    for s, D in ((0.9, H), (1.1, 0.0)):  # beside it the ends alone
        corner = rate_at_slope(source, LogLoss(), None, s=s, P=math.inf, method=method)
        assert not corner.straight
        assert_inside(corner.D, D, 1e-12)
        assert corner.D.gap <= 1e-8


def test_a_symbol_that_means_nothing_makes_the_end_straight():
    """From the point a where the line through (0.3, 0) touches log 2 - Hb: log 2 - Hb(a) = (0.3 - a) log((1-a)/a)."""
    low, high = 0.05, 0.29
    for _ in range(60):
        a = 0.5 * (low + high)
        left = math.log(2.0) + a * math.log(a) + (1.0 - a) * math.log(1.0 - a) - (0.3 - a) * math.log((1.0 - a) / a)
        low, high = (a, high) if left < 0.0 else (low, a)
    s = math.log((1.0 - a) / a)
    found = rate_at_slope(Bernoulli(0.5), ERASED, None, s=s, P=math.inf)
    assert found.straight
    assert found.D.lower <= a + 1e-6
    assert found.D.upper >= 0.3 - 1e-9
    flat = rate_at_slope(Bernoulli(0.5), ERASED, None, s=0.9 * s, P=math.inf)
    assert_inside(flat.D, 0.3, 1e-12)
    assert flat.D.gap + flat.rate.upper <= 1e-8


@pytest.mark.parametrize("s", [0.3, 2.0])
def test_tables_below_0_and_forbidden_entries(s):
    source = Pmf([0.5, 0.3, 0.2])
    here, there = (rate_at_slope(source, Table(table), TotalVariation(), s=s, P=0.05) for table in (NEVER, NEVER - 2.0))
    assert here.D.gap <= 1e-5
    assert here.D.overlaps(Bounds(there.D.lower + 2.0 - 1e-12, there.D.upper + 2.0 + 1e-12))
    assert here.rate.overlaps(there.rate)


@pytest.mark.parametrize("unit", [1e-150, 1e-100, 1e-30, 1e150])
def test_a_slope_in_any_unit(unit):
    """How D bends with s goes with the fourth power of the unit, which float64 does not hold."""
    points = np.array([0.0, 1.0, 3.0, 4.5])
    found = rate_at_slope(Pmf([0.1, 0.4, 0.3, 0.2], unit * points), SquaredError(), None, s=0.7 / unit / unit, P=np.inf)
    assert found.D.lower / unit / unit == pytest.approx(0.445154, abs=2e-4)
    assert found.D.upper / unit / unit == pytest.approx(0.445154, abs=2e-4)


def test_a_large_alphabet_by_products(monkeypatch):
    monkeypatch.setattr("rdptheory.problems.LARGE", 64)  # the same road, sooner
    x = np.linspace(-3.0, 3.0, 100)
    source = Pmf.from_weights(np.exp(-0.5 * x**2), x)
    found = rate_at_slope(source, SquaredError(), None, s=1.0, P=math.inf, method=FirstOrder(gap=1e-3))
    assert found.D.gap <= 0.2
    assert rdp(source, SquaredError(), None, D=0.5, P=math.inf).problem.discrete.by_products
    assert_inside(found.D, 0.5, 0.05)  # of a Gaussian whose tails are cut at three deviations


def test_where_D_has_a_least_value_that_needs_room():
    """At P = 0 the names must be exchanged: D cannot be below 0.55."""
    turned = Table([[1.0, 0.2], [0.3, 1.0]])
    steep = rate_at_slope(Bernoulli(0.3), turned, TotalVariation(), s=50.0, P=0.0)
    assert_inside(steep.D, 0.55, 1e-3)
    least = distortion_at(Bernoulli(0.3), turned, TotalVariation(), R=math.inf, P=0.0)
    assert_inside(least.bounds, 0.55, 1e-12)
    assert least.bounds.gap <= 1e-12


def test_a_sweep_of_slopes():
    line = slope_curve(DIE, SquaredError(), TotalVariation(), s=[0.5, 2.0, 8.0], P=0.02)
    assert (np.diff(line.D_lower) < 0.0).all()
    assert (np.diff(line.lower) > 0.0).all()
    one = rate_at_slope(DIE, SquaredError(), TotalVariation(), s=2.0, P=0.02)
    assert (float(line.D_upper[1]), float(line.upper[1])) == (one.D.upper, one.rate.upper)
    assert not line.straight.any()
    assert dict(slope_curve(DIE, Hamming(), s=1.0).sizes) == {"s": 1}


def test_a_slope_curve_goes_to_a_file(tmp_path, monkeypatch):
    """By the verb and by the command, where a slope is one of bits: every float64 survives."""
    line = slope_curve(DIE, SquaredError(), TotalVariation(), s=[0.5 * math.log(2.0), 2.0 * math.log(2.0)], P=0.02)
    monkeypatch.chdir(tmp_path)
    DIE.to_csv("die.csv")
    asked = ["slope-curve", "--source", "pmf:die.csv", "--distortion", "squared", "--perception", "tv", "-P", "0.02"]
    with pytest.raises(SystemExit) as ended:
        main([*asked, "--slope", "0.5,2", "--out", "line.csv"])
    assert not ended.value.code
    assert Path("line.csv").read_bytes() == write_surface("verb.csv", line).read_bytes()
    with open("line.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row, s in zip(rows, line.s.values, strict=True):
        point = line.sel(s=s)
        assert float(row["s_nat"]) == s
        for name in ("D_lower", "D_upper", "lower", "upper"):
            assert float(row[name if name[0] == "D" else f"{name}_nat"]) == float(point[name])
        assert (row["straight"], row["status"]) == ("False", "optimal")
    with xarray.open_dataset(write_surface("line.nc", line), engine="h5netcdf") as read:
        assert read.D_upper.values.tobytes() == line.D_upper.values.tobytes()


def test_slopes_of_a_list_are_refused_as_one_is():
    for s in ([], [1.0, 1.0], [0.0], [math.inf]):
        with pytest.raises(InvalidInput):
            slope_curve(DIE, Hamming(), s=s)


@pytest.mark.parametrize("cost", [1e-295, 1e-200, 1.0])
def test_a_slope_whose_product_with_D_underflows_leaves_D_where_it_is(cost):
    """Every channel costs the same, and s D = 1e-495 or so is 0 in float64: the bracket ended below where it began."""
    found = rate_at_slope(Pmf([0.5, 0.5]), Table(np.full((2, 2), cost)), TotalVariation(), s=1e-200, P=0.1)
    assert found.D.lower <= cost <= found.D.upper
    assert found.D.gap <= 1e-14 * cost


def test_a_slope_whose_product_with_D_overflows_is_refused():
    with pytest.raises(InvalidInput, match="float64"):
        rate_at_slope(Pmf([0.5, 0.5]), Table(np.full((2, 2), 1e200)), TotalVariation(), s=1e300, P=0.1)


@pytest.mark.parametrize("s", [0.0, -1.0, math.nan, math.inf])
def test_slopes_that_make_no_sense_are_refused(s):
    with pytest.raises(InvalidInput, match="s = "):
        rate_at_slope(DIE, SquaredError(), None, s=s, P=math.inf)


def test_questions_without_an_answer_are_refused():
    for source, distortion, ball, P in (
        (StudentT(5), SquaredError(), None, math.inf),
        (GaussianVector([0.0, 0.0], [1.0, 2.0]), SquaredError(), None, math.inf),
        (DIE, SquaredError(), None, 0.1),
        (Bernoulli(0.5), Table([[0.0, math.inf], [math.inf, 0.0]], reference=[0.9, 0.1]), TotalVariation(), 0.1),
    ):
        with pytest.raises(InvalidInput):
            rate_at_slope(source, distortion, ball, s=1.0, P=P)
