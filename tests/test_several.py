"""Several distortions at once: against one alone, a conic program, differences, and limits that exclude each other."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import (
    AbsoluteError,
    Bernoulli,
    Bounds,
    Conic,
    FirstOrder,
    Gaussian,
    Hamming,
    InteriorPoint,
    InvalidInput,
    Pmf,
    SeveralProblem,
    SquaredError,
    Status,
    Table,
    TotalVariation,
    TransportDivergence,
    certificates,
    curve,
    distortion_at,
    rdp,
    rdp_many,
)
from rdptheory.couplings import least_excess
from rdptheory.divergences import F_DIVERGENCES
from tests.checks import assert_agree, assert_at_least, assert_sound, rounded
from tests.strategies import DIVERGENCES, RADII, laws, matrices

DIE = Pmf([0.4, 0.3, 0.2, 0.1])
PAIR = [SquaredError(), Hamming()]


@st.composite
def questions(draw):
    """A law, two tables with zeros on the diagonal, a divergence and limits."""
    n = draw(st.integers(2, 4))
    tables = [draw(matrices(n, n)) for _ in range(2)]
    for table in tables:
        np.fill_diagonal(table, 0.0)
    limits = [draw(st.floats(0.01, 0.5)) for _ in range(2)]
    return (
        Pmf.from_weights(draw(laws(n, tiny=False))),
        [Table(t) for t in tables],
        draw(DIVERGENCES),
        limits,
        draw(RADII),
    )


@settings(max_examples=12)
@given(questions())
def test_both_cost_at_least_what_each_costs(question):
    source, tables, ball, D, P = question
    both = rdp(source, tables, ball, D=D, P=P)
    assert_sound_of_several(both)
    for table, limit in zip(tables, D, strict=True):
        assert_at_least(both.bounds.upper, rdp(source, table, ball, D=limit, P=P).bounds.lower)
    assert_agree(both.bounds, rdp(source, tables[::-1], ball, D=D[::-1], P=P).bounds, values=1e-7)
    lifted = rdp(source, tables, ball, D=[D[0], math.inf], P=P)
    assert_agree(lifted.bounds, rdp(source, tables[0], ball, D=D[0], P=P).bounds, values=1e-7)
    assert lifted.slopes.D[1] == 0.0


def assert_sound_of_several(solution):
    """The channel keeps each limit, and the ends are in order."""
    assert solution.bounds.lower <= solution.bounds.upper == solution.rate
    assert len(solution.slopes.D) == 2
    assert max(solution.slopes.D) <= 0.0
    spent = solution.problem.discrete.expected_distortions(solution.candidate.channel)
    assert (spent <= np.array(solution.problem.D) + 1e-12).all()


@pytest.mark.parametrize("ball", [None, *F_DIVERGENCES[:2], TransportDivergence(1.0 - np.eye(4))], ids=str)
def test_a_conic_program_agrees(ball):
    P = math.inf if ball is None else 0.02
    ours = rdp(DIE, PAIR, ball, D=[0.3, 0.2], P=P)
    assert ours.gap <= 1e-9
    assert min(-slope for slope in ours.slopes.D) > 0.05  # both bind
    assert_agree(ours.bounds, rdp(DIE, PAIR, ball, D=[0.3, 0.2], P=P, method=Conic()).bounds, values=1e-6)


def test_the_slopes_and_the_gradient_are_those_of_differences():
    sharp = InteriorPoint(gap=1e-11)

    def rate(D, p=DIE.probabilities):
        found = rdp(Pmf(p, DIE.points), PAIR, TotalVariation(), D=D, P=0.02, method=sharp)
        return 0.5 * (found.bounds.lower + found.bounds.upper), found

    _, found = rate([0.3, 0.2])
    h, slope = 1e-5, found.gradient()
    for k in range(2):
        up, down = ([0.3 + h * (k == 0) * t, 0.2 + h * (k == 1) * t] for t in (1, -1))
        assert (rate(up)[0] - rate(down)[0]) / (2.0 * h) == pytest.approx(found.slopes.D[k], rel=1e-4)
    along = np.array([1.0, -1.0, 0.5, -0.5]) * h
    p = DIE.probabilities
    by_p = (rate([0.3, 0.2], p + along)[0] - rate([0.3, 0.2], p - along)[0]) / (2.0 * h)
    assert slope.p @ along / h == pytest.approx(by_p, rel=1e-4)
    assert slope.table.shape == (2, 4, 4)
    assert slope.D == found.slopes.D


def test_one_distortion_in_a_list_is_that_distortion():
    one, alone = (
        rdp(DIE, [SquaredError()], TotalVariation(), D=[0.3], P=0.02),
        rdp(DIE, SquaredError(), TotalVariation(), D=0.3, P=0.02),
    )
    assert one.bounds == alone.bounds
    assert one.slopes.D == (alone.slopes.D,)
    assert_sound(alone)


@pytest.mark.parametrize("ball, P", [(None, math.inf), (TotalVariation(), 0.05)], ids=["free", "ball"])
def test_limits_that_exclude_each_other_are_infeasible(ball, P):
    """A letter is either kept or exchanged: both cannot be rare."""
    kept, exchanged = Table([[0.0, 1.0], [1.0, 0.0]]), Table([[1.0, 0.0], [0.0, 1.0]])
    found = rdp(Bernoulli(0.5), [kept, exchanged], ball, D=[0.3, 0.6], P=P)
    assert found.status is Status.INFEASIBLE
    assert all(math.isnan(slope) for slope in found.slopes.D)
    rate = rdp(Bernoulli(0.5), [kept, exchanged], ball, D=[0.45, 0.58], P=P).rate
    assert rate == pytest.approx(math.log(2.0) + 0.45 * math.log(0.45) + 0.55 * math.log(0.55), abs=1e-9)  # the gap


def test_only_the_ball_makes_them_exclude_each_other():
    """Every letter called 0 or 1: a constant is within both, and outside the ball."""
    first, second = Table([[0.0, 1.0], [0.0, 1.0]], reference=[0.0, 1.0]), Table([[0.0, 1.0], [1.0, 0.0]])
    assert rdp(Bernoulli(0.5), [first, second], None, D=[0.1, 0.5], P=math.inf).rate == pytest.approx(0.0, abs=1e-12)
    assert rdp(Bernoulli(0.5), [first, second], TotalVariation(), D=[0.1, 0.5], P=0.1).status is Status.INFEASIBLE


def test_a_limit_without_room_leaves_the_others_what_it_allows():
    """D_1 = 0 fixes the channel, which costs the second distortion more than its least."""
    second = Table([[1.0, 0.0], [0.0, 1.0]])
    fixed = rdp(Bernoulli(0.25), [Hamming(), second], None, D=[0.0, 1.0], P=math.inf)
    assert fixed.rate == rounded(-0.25 * math.log(0.25) - 0.75 * math.log(0.75))
    assert fixed.gap <= 1e-9
    assert rdp(Bernoulli(0.25), [Hamming(), second], None, D=[0.0, 0.9], P=math.inf).status is Status.INFEASIBLE


@settings(max_examples=15)
@given(st.integers(1, 4).flatmap(lambda n: st.tuples(laws(n, zero=False), matrices(n, 3), matrices(n, 3))))
def test_the_excess_that_no_channel_avoids_is_proved(drawn):
    """One program's multipliers bound what its own channel shows; a planted price would not."""
    p, one, two = drawn
    limits = np.array([0.1, 0.1])
    joint, lower = least_excess(p, [one, two], limits)
    sizes = np.maximum(limits, [float(p @ table.max(axis=1)) for table in (one, two)])
    shown = max((float(np.vdot(table, joint)) - 0.1) / size for table, size in zip((one, two), sizes, strict=True))
    assert lower <= shown + 1e-8  # how well HiGHS keeps its constraints
    assert shown - lower <= 1e-8


def test_several_in_a_batch_and_in_words():
    asked = [SeveralProblem(DIE, tuple(PAIR), None, (0.3, 0.2), math.inf)]
    [found] = rdp_many(asked)
    assert found.bounds == rdp(DIE, PAIR, None, D=[0.3, 0.2], P=math.inf).bounds
    assert "dR/dD = (" in str(found)
    assert found.to_dict()["slope_D_nat"] == list(found.slopes.D)


@pytest.mark.parametrize(
    "distortion, D, argument",
    [
        ([], [], "distortion"),
        (PAIR, [0.1], "D"),
        (PAIR, 0.1, "D"),
        (Hamming(), [0.1], "D"),
        (PAIR, [0.1, -0.1], "D"),
        (PAIR, [0.1, math.nan], "D"),
        ([Hamming(), 3], [0.1, 0.1], "distortion"),
        ([Hamming(), Table(np.ones((4, 2)))], [0.1, 0.1], "distortion"),
    ],
)
def test_lists_that_make_no_sense_are_refused(distortion, D, argument):
    with pytest.raises(InvalidInput) as caught:
        rdp(DIE, distortion, None, D=D, P=math.inf)
    assert caught.value.argument == argument


def test_who_takes_one_distortion_says_so():
    for ask in (
        lambda: distortion_at(DIE, PAIR, None, R=0.1, P=math.inf),
        lambda: curve(DIE, PAIR, None, D=[0.1, 0.2]),
        lambda: rdp(Gaussian(0.0, 1.0), [SquaredError(), AbsoluteError()], None, D=[0.1, 0.1], P=math.inf),
        lambda: rdp(DIE, PAIR, None, D=[0.3, 0.2], P=math.inf, method=FirstOrder()),
    ):
        with pytest.raises(InvalidInput):
            ask()


def test_several_distortions_know_no_side_information():
    with pytest.raises(InvalidInput, match="must be one distortion beside side information"):
        rdp(DIE, PAIR, None, D=[0.3, 0.2], P=math.inf, side_information=np.full((4, 2), 0.125))


def test_two_tables_that_together_forbid_every_reconstruction():
    """Each leaves the letter 0 a name, and never the same one: no question of one table can do this."""
    first, second = Table([[0.0, math.inf], [0.0, 0.0]]), Table([[math.inf, 0.0], [0.0, 0.0]])
    found = rdp(Bernoulli(0.5), [first, second], TotalVariation(), D=[1.0, 1.0], P=0.1)
    assert found.status is Status.INFEASIBLE
    assert found.bounds == Bounds(math.inf, math.inf)
    assert "every reconstruction of a symbol is forbidden" in found.message
    assert certificates.upper_bound(found.problem.discrete, np.eye(2)).rate == math.inf
