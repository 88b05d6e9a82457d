"""The question as arrays: what is left out, what is moved to zero, and the way back."""

import copy
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdptheory import (
    AbsoluteError,
    Bernoulli,
    Gaussian,
    Hamming,
    InvalidInput,
    KullbackLeibler,
    Pmf,
    PowerDivergence,
    Problem,
    SquaredError,
    Table,
    TotalVariation,
    TransportDivergence,
    Wasserstein1,
    constrained_transport,
    curve,
    distortion_at,
    rdp,
    rdp_many,
    representation_region,
    surface,
    universal_rate,
)
from rdptheory.exact_sums import remaining_limit
from tests import checks
from tests.checks import rounded
from tests.strategies import laws

P = np.array([0.5, 0.0, 0.5])


def test_limits_at_infinity_are_left_out():
    problem = Problem(Bernoulli(0.25), Hamming(), TotalVariation(), math.inf, math.inf).discrete
    assert problem.perceptions == ()
    assert problem.reduced.distortions[0].limit == 1.0
    assert not problem.reduced.distortions[0].table.any()


def test_reduction_drops_rows_without_mass_and_lowers_rows_to_zero():
    reduced = Problem(Pmf(P), Table([[1.0, 2, 3], [9, 9, 9], [5, 4, 7]]), None, 3.0, math.inf).discrete.reduced
    assert reduced.probabilities.tolist() == [0.5, 0.5]
    assert reduced.distortions[0].table.tolist() == [[0.0, 1.0, 2.0], [1.0, 0.0, 3.0]]
    assert reduced.distortions[0].limit == 0.5


@pytest.mark.parametrize("error", [0.0, 1e-16, -1e-16, 1e-9, -1e-9])
def test_the_room_is_exact_and_zero_just_below_the_least_distortion(error):
    table = Table([[0.1, 0.7], [0.7, 0.3]])
    D = 0.2 + error
    room = Fraction(D) - (Fraction(0.1) + Fraction(0.3)) / 2
    reduced = Problem(Pmf([0.5, 0.5]), table, None, D, math.inf).discrete.reduced.distortions[0].limit
    if -8e-16 * D < room < 0:  # a user's own sum ends within a few units of rounding of the least distortion
        assert reduced == 0.0
    else:
        assert abs(Fraction(reduced) - room) <= abs(room) * Fraction(4e-16)


@given(
    laws(5, zero=False),
    st.lists(st.floats(0.0, 1.0), min_size=5, max_size=5),
    st.sampled_from([0.0, 1.0, 100.0, 1e12]),
    st.sampled_from([1e-12, 1.0, 1e12]),
    st.floats(0.0, 1e-3),
)
def test_the_room_is_exact_beside_any_offset(p, least, offset, unit, above):
    least = (np.array(least) + offset) * unit
    exact = sum(Fraction(a) * Fraction(b) for a, b in zip(p, least, strict=True)) / sum(map(Fraction, p))
    D = float(exact) + above * unit
    found, room = remaining_limit(D, p, least), Fraction(D) - exact
    assert (found == 0.0 and -8e-16 * D <= room <= 0) or abs(Fraction(found) - room) <= abs(room) * Fraction(4e-16)


@pytest.mark.parametrize(
    "table, rule",
    [
        ([[math.inf, math.inf], [1.0, 0.0]], "forbids every"),
        ([[0.0, math.nan], [1.0, 0.0]], "at least 0"),
        ([[0.0, -1.0], [1.0, 0.0]], "at least 0"),
        ([["near", "far"], ["far", "near"]], "array of real numbers"),
        ([0.0, 1.0], "a row for each of the 2 symbols, has shape"),
        ([[0.0, 1.0]], "a row for each of the 2 symbols, has shape"),
        ([[], []], "a row for each of the 2 symbols, has shape"),
        ([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]], "as many outputs as source symbols"),
    ],
)
def test_a_table_is_checked_where_it_enters_whoever_wrote_it(table, rule):
    class Own:
        def table(self, points):
            return np.array(table)

    with pytest.raises(InvalidInput, match=rule):
        rdp(Pmf([0.5, 0.5]), Own(), TotalVariation(), D=0.2, P=0.1)


@pytest.mark.parametrize("ball", [TotalVariation(), Wasserstein1()])
def test_a_table_that_its_owner_writes_over_is_that_of_its_own_question(ball):
    """One that writes every table into the same memory, as what is fast does."""
    room = np.empty((3, 3))

    class Own:
        def table(self, points):
            return np.square(points[:, None] - points, out=room)

    sources, own = [Pmf([0.5, 0.3, 0.2], points) for points in ([0.0, 1.0, 2.0], [0.0, 1.0, 4.0])], Own()
    problems = [Problem(source, own, ball, 0.2, 0.05) for source in sources]
    assert len({problem.discrete.distortions[0].table[0, 2] for problem in problems}) == 2
    for source, found in zip(sources, rdp_many(problems), strict=True):
        assert found.rate == rdp(source, SquaredError(), ball, D=0.2, P=0.05).rate


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_distances_beyond_float64_are_refused(unit):
    source = Pmf([0.2, 0.3, 0.5], [0.0, unit, 2.0 * unit])
    with pytest.raises(InvalidInput, match="use another unit"):
        rdp(source, SquaredError(), None, D=1.0, P=math.inf)
    with pytest.raises(InvalidInput, match="use another unit"):
        rdp(Pmf([0.5, 0.5], [-1.7e308, 1.7e308]), AbsoluteError(), None, D=1.0, P=math.inf)


@pytest.mark.parametrize("unit", [1e-200, 1.0, 1e200])
def test_transport_on_a_line_knows_every_unit(unit):
    source = Pmf([0.2, 0.3, 0.5], [0.0, unit, 2.0 * unit])
    solution = rdp(source, Hamming(), Wasserstein1(), D=0.3, P=0.1 * unit)
    one = rdp(Pmf([0.2, 0.3, 0.5]), Hamming(), Wasserstein1(), D=0.3, P=0.1)
    assert solution.bounds.overlaps(one.bounds)  # the solvers do not close it where squares leave float64
    assert solution.gap <= (1e-9 if unit == 1.0 else 0.05)


def test_a_reference_within_its_tolerance_is_normalised_and_never_inverts_the_bracket():
    table = Table([[0.0, 1.0], [1.0, 0.0]], [0.5, 0.5 + 9e-13])
    solution = rdp(Pmf([0.5, 0.5]), table, KullbackLeibler(), D=0.2, P=0.0)
    checks.assert_inside(solution.require(gap=1e-9).bounds, math.log(2.0) - 0.5004024235381879, 1e-11)  # log 2 - Hb(.2)


def test_rows_without_mass_come_back_as_laws():
    problem = Problem(Pmf(P), SquaredError(), None, 1.0, math.inf).discrete
    channel = problem.expand(np.array([[1.0, 0, 0], [0.5, 0, 0.5]]))
    assert channel.tolist() == [[1.0, 0.0, 0.0], [0.75, 0.0, 0.25], [0.5, 0.0, 0.5]]
    np.testing.assert_array_equal(problem.output(channel), P @ channel)
    assert problem.expected_distortions(channel)[0] == rounded(1.0)  # half of half of 4


@pytest.mark.parametrize(
    "ask",
    [
        lambda P: rdp(Bernoulli(0.25), Hamming(), None, D=0.1, P=P),
        lambda P: rdp(Gaussian(0.0, 1.0), SquaredError(), None, D=0.1, P=P),
        lambda P: distortion_at(Bernoulli(0.25), Hamming(), None, R=0.1, P=P),
        lambda P: curve(Bernoulli(0.25), Hamming(), None, D=[0.1, 0.2], P=P),
        lambda P: surface(Bernoulli(0.25), Hamming(), None, D=[0.1], P=[0.5, P]),
        lambda P: universal_rate(Bernoulli(0.25), Hamming(), None, [(0.1, math.inf), (0.2, P)]),
    ],
)
def test_a_finite_limit_needs_a_measure(ask):
    for P in (0.0, 0.05):
        with pytest.raises(InvalidInput, match="needs a divergence"):
            ask(P)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: rdp(Pmf([0.5, 0.5]), Hamming(), TransportDivergence(np.ones((3, 3))), D=0.1, P=0.1),  # a closed form
        lambda: rdp(Pmf([0.25] * 4), Hamming(), TransportDivergence([[0.0, 1.0]]), D=0.1, P=0.1),
        lambda: Problem(Pmf(P), Table(np.ones((3, 2)), [0.9, 0.1]), Wasserstein1(), 1.0, 0.2).discrete,
        lambda: Problem(Pmf(P), Table(np.ones((3, 2)), [0.9, 0.1]), TransportDivergence(np.ones((3, 2))), 1.0, 0.2),
    ],
)
def test_costs_of_another_size_are_refused(ask):
    with pytest.raises(InvalidInput, match="costs of shape"):
        ask()


def test_a_reference_of_its_own_is_what_the_ball_is_around():
    table = Table(np.ones((3, 2)), [0.9, 0.1])
    problem = Problem(Pmf(P), table, TotalVariation(), 1.0, 0.2).discrete
    assert problem.shape == (3, 2)
    assert problem.perceptions[0].value(np.array([0.5, 0.5])) == rounded(0.4)
    with pytest.raises(InvalidInput, match=r"output = .*must have shape \(2,\), has \(3,\)"):
        problem.perceptions[0].value(P)
    with pytest.raises(InvalidInput, match="reference"):
        _ = Problem(Pmf(P), Table(np.ones((3, 2))), TotalVariation(), 1.0, 0.2).discrete


class Twice(SquaredError):
    """2 (x - y)^2: whatever knows a squared error by its name knows something else."""

    def table(self, points):
        return 2.0 * super().table(points)


class Half(Hamming):
    def table(self, points):
        return 0.5 * super().table(points)


class Named(SquaredError):
    """Nothing that a formula takes for granted is changed."""

    def label(self):
        return "squared error of mine"


def test_an_heir_that_changes_a_formula_is_not_answered_by_it():
    """R of 2 (x - y)^2 at D = 1/2 is log 2, and not half of it."""
    for ask in (
        lambda: rdp(Gaussian(0.0, 1.0), Twice(), None, D=0.5, P=math.inf),
        lambda: distortion_at(Gaussian(0.0, 1.0), Twice(), None, R=0.3, P=math.inf),
        lambda: constrained_transport(Gaussian(0.0, 1.0), Gaussian(0.0, 2.0), Twice(), R=0.5, common_randomness=False),
        lambda: constrained_transport(Pmf([0.4, 0.6]), Pmf([0.5, 0.5]), Twice(), R=0.5, common_randomness=False),
    ):
        with pytest.raises(InvalidInput, match="must not change table of SquaredError"):
            ask()
    named = rdp(Gaussian(0.0, 1.0), Named(), None, D=0.5, P=math.inf)
    checks.assert_inside(named.bounds, 0.5 * math.log(2.0))


class Halved(TotalVariation):
    """Half of it, but for prices by another name."""

    def value(self, reference, output):
        return 0.5 * super().value(reference, output)

    def support(self, v, reference, P):
        return super().support(v, reference, 2.0 * P)


class Steep(KullbackLeibler):
    """Twice φ, with the slopes and the prices of φ."""

    def phi(self, t):
        return 2.0 * super().phi(t)


class Hidden(PowerDivergence):
    """Half of φ by a step of it: the ball of P is that of 2P, and the compiled core does not look."""

    def _of(self, z, log):
        return 0.5 * super()._of(z, log)


class Spoken(KullbackLeibler):
    """Another name changes no formula."""

    @property
    def name(self):
        return "relative entropy"


def test_an_heir_of_a_divergence_changes_no_formula_or_all():
    """A judge asks for value, prices, slopes and bends each by its name: what an heir leaves is that of its parent."""
    for heir, names in (
        (Halved(), "support, value of TotalVariation and"),
        (Steep(), "phi of KullbackLeibler and"),
        (Hidden(2.0), "_of of PowerDivergence and"),
    ):
        for ask in (
            lambda heir=heir: rdp(Bernoulli(0.25), Hamming(), heir, D=0.1, P=0.02),
            lambda heir=heir: representation_region(Bernoulli(0.25), np.eye(2), heir),
        ):
            with pytest.raises(InvalidInput, match=f"must not change {names} not .*: write a class of its own"):
                ask()
    question = Bernoulli(0.25), Hamming()
    assert rdp(*question, Spoken(), D=0.1, P=0.02).bounds == rdp(*question, KullbackLeibler(), D=0.1, P=0.02).bounds


class Reused(Twice):
    """Every table in the same memory, shown without the right to write."""

    held = np.zeros((3, 3))

    def __init__(self, factor):
        object.__setattr__(self, "factor", factor)

    def table(self, points):
        self.held[...] = self.factor * super().table(points)
        shown = self.held.view()
        shown.flags.writeable = False
        return shown


def test_a_table_that_is_written_over_is_copied():
    law = Pmf([0.5, 0.25, 0.25])
    questions = [Problem(law, Reused(factor), TotalVariation(), 0.3, 0.05) for factor in (1.0, 4.0)]
    for factor, own in zip((1.0, 4.0), rdp_many(questions), strict=True):
        told = rdp(law, Table(2.0 * factor * SquaredError().table(law.points)), TotalVariation(), D=0.3, P=0.05)
        checks.assert_agree(own.bounds, told.bounds, values=1e-9)


def test_an_heir_on_a_finite_law_is_asked_for_its_table():
    law = Pmf([0.5, 0.25, 0.25])
    for heir, source, perception, D, limit in (
        (Half(), Bernoulli(0.25), TotalVariation(), 0.05, 0.05),
        (Half(), law, None, 0.1, math.inf),
        (Twice(), law, TotalVariation(), 0.3, 0.05),
    ):
        own = rdp(source, heir, perception, D=D, P=limit)
        told = rdp(source, Table(heir.table(source.points)), perception, D=D, P=limit)
        checks.assert_agree(own.bounds, told.bounds, values=1e-9)


@pytest.mark.parametrize("again", (copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))))
def test_copies_are_as_frozen_as_what_they_are_copies_of(again):
    """What is remembered of an array is remembered because nobody can write to it."""
    law, table = Pmf([0.5, 0.5]), Table([[0.0, 1.0], [1.0, 0.0]])
    problem = Problem(law, table, TotalVariation(), 0.1, 0.1)
    for array in (again(law).probabilities, again(table).matrix, again(problem.discrete).probabilities):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.25
    checks.assert_agree(rdp(again(law), again(table), TotalVariation(), D=0.1, P=0.1).bounds,
                        rdp(law, table, TotalVariation(), D=0.1, P=0.1).bounds, values=1e-12)  # fmt: skip
