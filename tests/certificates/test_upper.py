"""Whatever the array, a channel that keeps every limit comes out, and its rate is at or above the truth."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdptheory import (
    Bernoulli,
    Hamming,
    InteriorPoint,
    InvalidInput,
    KullbackLeibler,
    Pmf,
    SquaredError,
    SquaredHellinger,
    Status,
    Table,
    TotalVariation,
    TransportDivergence,
    closed_forms,
    rdp,
)
from rdptheory.certificates import lower_bound, min_distortion_channel, slater_channel, upper, upper_bound
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit, Problem
from tests import checks, oracles
from tests.strategies import DIVERGENCES, RADII, laws, matrices, problems

GARBAGE = st.one_of(
    st.floats(0.0, 1.0), st.sampled_from([0.0, -1.0, math.nan, math.inf, -math.inf, 1e300, 1e-300, 1e-17])
)


def arrays(n, m):
    return st.lists(GARBAGE, min_size=n * m, max_size=n * m).map(lambda x: np.array(x).reshape(n, m))


@given(st.one_of(st.just(0.0), st.floats(1e-15, 1.0)), st.floats(0.0, 0.6), st.floats(0.0, 0.6), arrays(2, 2))
def test_any_array_for_a_coin(p, D, P, array):
    problem = Problem(Bernoulli(p), Hamming(), TotalVariation(), D, P).discrete
    found = upper_bound(problem, array)
    checks.assert_channel(problem, found.channel)
    checks.assert_at_least(found.rate, float(closed_forms.bernoulli.rate(p, D, P)), 1e-15)


@given(problems(), st.data())
def test_any_array_for_any_problem(problem, data):
    n = problem.source.size
    found = upper_bound(problem.discrete, data.draw(arrays(n, n)))
    checks.assert_channel(problem.discrete, found.channel)
    assert 0.0 <= found.rate < math.inf


@given(laws(3), matrices(3, 3), DIVERGENCES, RADII, st.floats(0.0, 0.5))
def test_the_rate_covers_the_information_to_fifty_digits(p, weights, member, P, D):
    problem = Problem(Pmf.from_weights(p), Hamming(), member, D, P).discrete
    found = upper_bound(problem, weights)
    held = problem.probabilities > 0.0
    information = oracles.information(problem.probabilities[held], found.channel[held])
    assert oracles.mp.mpf(found.rate) >= information - 1e-40


def test_a_channel_that_keeps_the_limits_is_left_alone():
    problem = Problem(Bernoulli(0.25), Hamming(), TotalVariation(), 0.1, 0.05).discrete
    channel = closed_forms.bernoulli.channel(0.25, 0.0999, 0.0499)
    found = upper_bound(problem, channel)
    np.testing.assert_allclose(found.channel, channel, rtol=0, atol=1e-15)
    assert found.rate == pytest.approx(float(closed_forms.bernoulli.rate(0.25, 0.0999, 0.0499)), abs=1e-14)


def test_the_repair_changes_a_channel_by_no_more_than_what_is_broken():
    problem = Problem(Bernoulli(0.25), Hamming(), TotalVariation(), 0.1, 0.05).discrete
    truth = float(closed_forms.bernoulli.rate(0.25, 0.1, 0.05))
    for excess in (1e-3, 1e-6, 1e-9):
        found = upper_bound(problem, closed_forms.bernoulli.channel(0.25, 0.1 + excess, 0.05 + excess))
        checks.assert_channel(problem, found.channel)
        assert 0.0 <= found.rate - truth <= 30.0 * excess  # dR/dD and dR/dP are below 3 here; D is 10 times the excess


def test_wrong_shapes_and_nothing_at_all_fall_back_on_the_anchor():
    problem = Problem(Bernoulli(0.25), Hamming(), TotalVariation(), 0.1, 0.05).discrete
    for array in (None, np.ones((2, 3)), np.zeros((2, 2)), np.full((2, 2), math.nan)):
        found = upper_bound(problem, array)
        checks.assert_channel(problem, found.channel)
        assert found.rate == pytest.approx(float(-0.25 * np.log(0.25) - 0.75 * np.log(0.75)), abs=1e-12)


def test_rows_of_zero_mass_are_laws_too():
    problem = Problem(Pmf([0.5, 0.0, 0.5]), SquaredError(), TotalVariation(), 0.2, 0.01).discrete
    for array in (np.eye(3), np.eye(3)[[0, 2]], np.array([[1.0, 0, 0], [0, 0, 0], [0, 0, 1.0]])):
        checks.assert_channel(problem, upper_bound(problem, array).channel)


@given(problems())
def test_an_anchor_keeps_every_limit(problem):
    reduced = problem.discrete.reduced
    channel = slater_channel(problem.discrete)
    assert channel is not None  # the identity costs nothing in these problems
    checks.assert_channel(reduced, channel)


@given(laws(3, zero=False), laws(4, zero=False), matrices(3, 4), DIVERGENCES, st.floats(0.0, 0.3))
def test_an_anchor_of_a_rectangular_table_exists_where_transport_says_so(p, reference, table, member, P):
    problem = Problem(Pmf.from_weights(p), Table(table, reference), member, 1.0, P).discrete
    checks.assert_channel(problem.reduced, slater_channel(problem))


def test_no_anchor_where_no_channel_exists():
    nowhere = DiscreteProblem(np.array([0.5, 0.5]), (DistortionLimit(np.ones((2, 2)), 0.5),))
    assert slater_channel(nowhere) is None
    pinned = PerceptionLimit(TotalVariation(), np.array([0.5, 0.5]), 0.0)
    apart = DiscreteProblem(np.array([0.5, 0.5]), (DistortionLimit(np.array([[0.0, 1.0]] * 2), 0.2),), (pinned,))
    assert slater_channel(apart) is None
    assert upper_bound(apart, np.eye(2)).rate == math.inf
    assert upper_bound(apart, np.eye(2)).channel is None


def test_what_a_surcharge_mixes_up_to_is_at_least_the_entropy():
    """A mass next to 1 and one of 1.6e-15: H(X) in float64 is 6e-18 short, and D = 0 costs all of it."""
    law = Pmf([1.0 - 1.5607622129859073e-15, 1.5607622129859073e-15, 1.42621153e-25])
    table = Table([[0.0, 0.00100442, 0.00100099], [0.0010056, 0.0, 0.00100045], [0.00100665, 0.00100347, 0.0]])
    found = rdp(law, table, SquaredHellinger(), D=0.0, P=0.5, method=InteriorPoint())
    with mpmath.workdps(50):
        masses = [mpmath.mpf(float(p)) for p in law.probabilities]
        exact = -mpmath.fsum(p / mpmath.fsum(masses) * mpmath.log(p / mpmath.fsum(masses)) for p in masses)
    assert found.bounds.lower <= exact <= found.bounds.upper


def test_an_exact_channel_is_looked_for_beside_masses_below_every_rounding():
    p = np.array([0.7, 0.2, 0.1])
    weights = np.array([[0.9, 5e-324, 0.5], [0.0, 0.0, 0.0], [0.3, 0.0, 0.1]])
    ball = PerceptionLimit(TotalVariation(), p, 0.0)
    problem = DiscreteProblem(p, (DistortionLimit(1.0 - np.eye(3), 0.0),), (ball,))
    assert upper_bound(problem, weights).rate >= float(-p @ np.log(p)) * (1.0 - 1e-15)  # a copy is the only channel


@pytest.mark.parametrize("ball, P", [(None, math.inf), (TotalVariation(), 0.1), (TotalVariation(), 0.0)], ids=str)
@pytest.mark.parametrize("channel", [np.eye(2), np.full((2, 2), 0.5), None], ids=["copy", "noise", "none"])
def test_no_channel_is_within_a_distortion_below_the_least(ball, P, channel):
    table = Table([[1.0, 2.0], [2.0, 1.0]])
    below, there = (Problem(Pmf([0.5, 0.5]), table, ball, D, P).discrete for D in (0.5, 1.0))
    assert upper_bound(below, channel).rate == math.inf
    assert upper_bound(below, channel).channel is None
    assert upper_bound(there, np.eye(2)).rate == pytest.approx(math.log(2.0), abs=1e-12)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (3, 3, 1), (0, 3)])
def test_an_array_of_another_shape_is_no_channel(shape):
    problem = Problem(Pmf([0.5, 0.3, 0.2]), Hamming(), TotalVariation(), 0.1, 0.05).discrete
    assert upper_bound(problem, np.ones(shape)).rate == upper_bound(problem, None).rate


def test_nothing_free_leads_away_from_a_symbol_that_every_move_costs():
    stuck = TransportDivergence([[1.0, 2.0], [1.0, 0.0]])
    problem = Problem(Bernoulli(0.5), Hamming(), stuck, 0.4, 0.0).discrete
    for channel in (np.eye(2), np.full((2, 2), 0.5), None):
        assert upper_bound(problem, channel).rate == math.inf
    assert (
        min_distortion_channel(problem.probabilities, problem.distortions[0].table, problem.perceptions[0], 0.4).lower
        == math.inf
    )
    assert rdp(Bernoulli(0.5), Hamming(), stuck, D=0.4, P=0.0).status is Status.INFEASIBLE


def test_masses_that_are_no_law_are_no_question():
    for masses in ([0.5, 0.6], [1.5, -0.5], [math.nan, 1.0]):
        with pytest.raises(InvalidInput, match="must be at least 0 and sum to 1"):
            DiscreteProblem(np.array(masses), (DistortionLimit(np.ones((2, 2)), 1.0),))


@pytest.mark.parametrize(
    "masses, table",
    [
        ([4.0, 2.0, 4.0], [[math.inf, 0.0, math.inf], [1.0, 0.0, math.inf], [0.0, 0.0, 1.0]]),
        ([3.0, 2.0, 1.0], [[0.0, math.inf, 0.0], [0.0, math.inf, 0.0], [0.0, 2.0, 1.0]]),
    ],
)
def test_a_channel_inside_every_limit_goes_nowhere_that_is_closed(masses, table):
    """Forbidden entries close cells as a limit of 0 does: rounding to the reference alone finds no channel here."""
    problem = Problem(Pmf.from_weights(masses), Table(table), KullbackLeibler(), 0.5, 0.25).discrete
    channel = slater_channel(problem)
    assert channel is not None
    assert (channel[np.isinf(table)] == 0.0).all()
    np.testing.assert_allclose(channel.sum(axis=1), 1.0, rtol=0.0, atol=1e-15)  # an ulp of a sum of three
    assert problem.expected_distortions(channel)[0] <= 0.5
    assert problem.perceptions[0].value(problem.output(channel)) <= 0.25


@pytest.mark.parametrize("image", [None, np.kron(np.eye(3), np.ones(2))], ids=["law", "image"])
@pytest.mark.parametrize("ball", [TotalVariation(), KullbackLeibler(), SquaredHellinger()], ids=str)
def test_a_copy_whose_masses_are_rounded_otherwise_leaves_the_rest_of_its_ball(monkeypatch, ball, image):
    """The room of the copy is what its own δ leaves of P, and no linear program is asked for another channel."""
    size = 3 if image is None else 6
    p = np.full(size, 1 / size) if image is not None else np.array([0.5, 0.3, 0.2])
    d, law = 1.0 - np.eye(size), p if image is None else np.array([math.fsum(row) for row in image * p])
    for off in (1e-15, 1e-9, 1e-3):
        reference = law + np.array([off, -off, 0.0])

        def asked(P, reference=reference):
            return DiscreteProblem(p, (DistortionLimit(d, 0.2),), (PerceptionLimit(ball, reference, P, image),))

        with mpmath.workdps(60):
            ratios = [(mpmath.mpf(r), mpmath.mpf(q)) for r, q in zip(law.tolist(), reference.tolist(), strict=True)]
            true = {
                TotalVariation(): lambda r, q: abs(r - q) / 2,
                KullbackLeibler(): lambda r, q: r * mpmath.log(r / q) - r + q,
                SquaredHellinger(): lambda r, q: (mpmath.sqrt(r) - mpmath.sqrt(q)) ** 2,
            }[ball]
            delta = float(sum(true(r, q) for r, q in ratios))
        copy = upper._free_copy(asked(0.05))
        assert not copy.repeats
        assert copy.inside
        (room,) = copy.room
        assert room <= 0.05 - delta  # as the masses are
        assert room >= 0.05 - delta - 1e-13  # less what rounding hides of it
        assert not upper._free_copy(asked(0.5 * delta)).inside
        with monkeypatch.context() as patch:
            patch.delattr(upper, "_sharper")
            found = InteriorPoint().solve(asked(0.05))
        bounds = upper.upper_bound(asked(0.05), found.channel)
        checks.assert_channel(asked(0.05), bounds.channel)
        assert bounds.rate - lower_bound(asked(0.05), found.dual) <= 1e-9
