"""Tables with entries below 0 and entries that forbid: against shifts, a conic program, a second table, and a graph."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import (
    Conic,
    Distance,
    FirstOrder,
    InteriorPoint,
    InvalidInput,
    Pmf,
    Status,
    Table,
    TotalVariation,
    critical_points,
    curve,
    distortion_at,
    rate_distortion,
    rdp,
    universal_rate,
)
from rdptheory.certificates import upper_bound
from rdptheory.divergences import F_DIVERGENCES
from rdptheory.problems import DiscreteProblem, DistortionLimit, Problem
from rdptheory.solvers.outcome import answered
from tests.checks import assert_agree, assert_at_most, rounded
from tests.strategies import DIVERGENCES, laws, matrices, vectors

NEVER = np.array([[0.0, 1.0, math.inf], [math.inf, 0.0, 1.0], [0.3, math.inf, 0.0]])
LAW = Pmf([0.5, 0.3, 0.2])


@st.composite
def forbidding(draw):
    """A law, a square table with a free diagonal and forbidden entries, a divergence, D and P."""
    n = draw(st.integers(2, 4))
    table = draw(matrices(n, n))
    never = draw(matrices(n, n)) < draw(st.sampled_from([0.2, 0.5]))
    np.fill_diagonal(table, 0.0)
    np.fill_diagonal(never, False)
    D, P = draw(st.floats(1e-3, 0.4)), draw(st.sampled_from([0.0, 0.003, 0.05, math.inf]))
    return Pmf.from_weights(draw(laws(n, tiny=False))), np.where(never, math.inf, table), draw(DIVERGENCES), D, P


@settings(max_examples=12)
@given(forbidding(), st.data())
def test_what_a_row_pays_in_any_case_moves_D_and_nothing_else(question, data):
    source, table, ball, D, P = question
    offset = data.draw(vectors(source.size, size=3.0))
    plain = rdp(source, Table(table), ball, D=D, P=P)
    moved = rdp(source, Table(table + offset[:, None]), ball, D=D + float(source.probabilities @ offset), P=P)
    assert_agree(plain.bounds, moved.bounds, values=1e-8)  # a rounding of D costs as much as the slope says
    assert plain.slopes.D == pytest.approx(moved.slopes.D, abs=1e-4 * (1.0 + abs(plain.slopes.D)))


@settings(max_examples=12)
@given(forbidding())
def test_forbidden_entries_are_a_second_table_with_limit_0(question):
    """The other road: a finite table, and what is forbidden as a distortion of its own that nobody may pay."""
    source, table, ball, D, P = question
    found = rdp(source, Table(table), ball, D=D, P=P)
    never = np.isinf(table)
    one = Problem(source, Table(np.where(never, 0.0, table)), ball, D, P).discrete
    two = DiscreteProblem(
        one.probabilities, (*one.distortions, DistortionLimit(never.astype(float), 0.0)), one.perceptions
    )
    other = answered(two, InteriorPoint())
    assert found.bounds.overlaps(other.bounds), (found.bounds, other.bounds)
    assert found.gap <= 1e-8, found.message
    if found.candidate is not None:
        held = source.probabilities > 0.0
        assert not (found.candidate.channel[held] * never[held]).any()
    dear = rdp(source, Table(np.where(never, 1e3, table)), ball, D=D, P=P)
    assert_at_most(dear.bounds.lower, found.bounds.upper)  # a fine in place of a ban leaves more channels


@pytest.mark.parametrize("ball", [None, *F_DIVERGENCES[:3]], ids=str)
def test_a_conic_program_agrees(ball):
    rng = np.random.default_rng(4)
    P = math.inf if ball is None else 0.02
    table = np.where(rng.random((4, 4)) < 0.35, math.inf, rng.normal(size=(4, 4)))
    np.fill_diagonal(table, -1.0)
    source = Pmf.from_weights(rng.dirichlet(np.ones(4)))
    ours = rdp(source, Table(table), ball, D=-0.7, P=P)
    assert_agree(ours.bounds, rdp(source, Table(table), ball, D=-0.7, P=P, method=Conic()).bounds, values=1e-6)
    loop = rdp(source, Table(table), ball, D=-0.7, P=P, method=FirstOrder(gap=1e-7))
    assert_agree(ours.bounds, loop.bounds, values=1e-6)
    assert ours.gap <= 1e-9


def test_graph_entropy_of_a_pentagon():
    """Each of five equal letters may be called by either independent pair that it is in: log 5 - log 2 nats, at any D,
    and nothing else is paid."""
    pairs = np.array([[x in (k, (k + 2) % 5) for k in range(5)] for x in range(5)])
    names = Table(np.where(pairs, 0.0, math.inf))
    for D in (0.0, 0.5, math.inf):
        found = rate_distortion(Pmf(np.full(5, 0.2)), names, D=D)
        assert found.bounds.lower - 1e-12 <= math.log(2.5) <= found.bounds.upper + 1e-12
        assert found.gap <= 1e-9


def test_a_peak_limit_is_a_distance():
    """|x - y| <= 1 without exception, and in the mean no more than D."""
    peak = Distance(lambda x, y: np.where(abs(x - y) > 1.0, math.inf, abs(x - y)))
    source = Pmf(np.full(5, 0.2))
    channel = rdp(source, peak, TotalVariation(), D=0.5, P=0.1).candidate.channel
    x = np.arange(5.0)
    assert not channel[abs(x[:, None] - x) > 1.0].any()


def test_the_judge_takes_no_mass_where_none_may_be():
    """Planted: a channel of all symbols alike proves nothing less than one that keeps away."""
    problem = Problem(LAW, Table(NEVER), TotalVariation(), 0.2, 0.05).discrete
    found = upper_bound(problem, np.full((3, 3), 1.0 / 3.0))
    assert not found.channel[np.isinf(NEVER)].any()
    assert found.rate >= rdp(LAW, Table(NEVER), TotalVariation(), D=0.2, P=0.05).bounds.lower


def test_inverse_functions_and_sweeps_below_0():
    table, shifted = Table(NEVER), Table(NEVER - 2.0)
    here = distortion_at(LAW, table, TotalVariation(), R=0.7, P=0.05)
    there = distortion_at(LAW, shifted, TotalVariation(), R=0.7, P=0.05)
    assert there.bounds.lower - 1e-15 <= here.bounds.upper - 2.0
    assert there.bounds.upper + 1e-15 >= here.bounds.lower - 2.0
    assert there.bounds.gap < 1e-8
    rates = curve(LAW, shifted, TotalVariation(), D=[-1.9, -1.5, math.inf], P=0.05).rate.values
    alone = [rdp(LAW, table, TotalVariation(), D=D, P=0.05).rate for D in (0.1, 0.5, 9)]
    assert rates.tolist() == pytest.approx(alone, abs=1e-9)  # the gap asked of both
    assert critical_points(LAW, Table(np.eye(3) - 1.0), None, P=math.inf).zero_rate.value == rounded(-0.8)


def test_what_is_forbidden_costs_a_rate_at_every_D():
    free = rate_distortion(LAW, Table(NEVER), D=math.inf)
    assert free.bounds.lower > 0.1
    less = distortion_at(LAW, Table(NEVER), None, R=0.5 * free.bounds.lower, P=math.inf)
    assert less.status is Status.INFEASIBLE
    assert less.value == math.inf
    with pytest.raises(InvalidInput, match="above 0 at every D"):
        critical_points(LAW, Table(NEVER), None, P=math.inf)


def test_a_reference_out_of_reach_is_infeasible():
    """Every letter has one name only, so the law of the names is that of the letters."""
    alone = Table(np.where(np.eye(3) > 0, 0.0, math.inf), reference=[0.2, 0.3, 0.5])
    assert rdp(LAW, alone, TotalVariation(), D=1.0, P=0.1).status is Status.INFEASIBLE
    assert rdp(LAW, alone, TotalVariation(), D=1.0, P=0.3).rate == rounded(
        -LAW.probabilities @ np.log(LAW.probabilities)
    )


@pytest.mark.parametrize(
    "matrix, rule",
    [
        ([[0.0, -math.inf], [1.0, 0.0]], "a number or inf"),
        ([[0.0, math.nan], [1.0, 0.0]], "a number or inf"),
        ([[0.0, 1.0], [math.inf, math.inf]], "row 1 forbids every"),
    ],
)
def test_tables_that_make_no_sense_are_refused(matrix, rule):
    with pytest.raises(InvalidInput, match=rule):
        Table(matrix)


@pytest.mark.parametrize("D", [-math.inf, math.nan, -0.1])
def test_limits_that_make_no_sense_are_refused(D):
    with pytest.raises(InvalidInput):
        rdp(LAW, Table(NEVER), None, D=D, P=math.inf)
    if D == -0.1:
        assert rdp(LAW, Table(NEVER - 1.0), None, D=D, P=math.inf).bounds.lower > 0.0


def test_universal_representations_take_finite_tables():
    with pytest.raises(InvalidInput, match="must be finite"):
        universal_rate(LAW, Table(NEVER), TotalVariation(), [(0.2, 0.1), (0.3, 0.0)])
    signed = universal_rate(LAW, Table(np.eye(3) * -1.0), TotalVariation(), [(-0.8, 0.1), (-0.9, math.inf)])
    plain = universal_rate(LAW, Table(1.0 - np.eye(3)), TotalVariation(), [(0.2, 0.1), (0.1, math.inf)])
    assert_agree(signed.bounds, plain.bounds, values=1e-8)


def test_the_gradient_of_a_table_that_forbids():
    """By an entry that is paid, against a difference; by one that is forbidden it is 0."""
    sharp = InteriorPoint(gap=1e-12)
    shifted = NEVER - 0.5
    found = rdp(LAW, Table(shifted), TotalVariation(), D=-0.3, P=0.05, method=sharp)
    slope, h = found.gradient(), 1e-4
    assert not slope.table[np.isinf(NEVER)].any()
    ends = []
    for step in (h, -h):
        moved = shifted.copy()
        moved[0, 1] += step
        ends.append(rdp(LAW, Table(moved), TotalVariation(), D=-0.3, P=0.05, method=sharp).rate)
    assert slope.table[0, 1] == pytest.approx((ends[0] - ends[1]) / (2.0 * h), rel=1e-5)
