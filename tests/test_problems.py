"""The question as arrays: what is left out, what is moved to zero, and the way back."""

import math

import numpy as np
import pytest

from rdptheory import Bernoulli, Hamming, InvalidInput, Pmf, SquaredError, Table, TotalVariation
from rdptheory.problems import Problem

P = np.array([0.5, 0.0, 0.5])


def test_limits_at_infinity_are_left_out():
    problem = Problem(Bernoulli(0.25), Hamming(), TotalVariation(), math.inf, math.inf).discrete
    assert problem.perceptions == ()
    assert problem.reduced.distortions[0].limit == 1.0
    assert not problem.reduced.distortions[0].table.any()


def test_reduction_drops_rows_without_mass_and_lowers_rows_to_zero():
    reduced = Problem(Pmf(P), Table([[1.0, 2, 3], [9, 9, 9], [5, 4, 7]]), None, 3.0, 0.0).discrete.reduced
    assert reduced.probabilities.tolist() == [0.5, 0.5]
    assert reduced.distortions[0].table.tolist() == [[0.0, 1.0, 2.0], [1.0, 0.0, 3.0]]
    assert reduced.distortions[0].limit == 0.5


@pytest.mark.parametrize("error, room", [(0.0, 0.0), (1e-16, 0.0), (-1e-16, 0.0), (1e-9, 1e-9), (-1e-9, -1e-9)])
def test_room_within_rounding_of_zero_is_zero(error, room):
    table = Table([[0.1, 0.7], [0.7, 0.3]])
    reduced = Problem(Pmf([0.5, 0.5]), table, None, 0.2 + error, 0.0).discrete.reduced
    assert reduced.distortions[0].limit == pytest.approx(room, abs=1e-15)
    assert (reduced.distortions[0].limit == 0.0) == (room == 0.0)


def test_rows_without_mass_come_back_as_laws():
    problem = Problem(Pmf(P), SquaredError(), None, 1.0, 0.0).discrete
    channel = problem.expand(np.array([[1.0, 0, 0], [0.5, 0, 0.5]]))
    assert channel.tolist() == [[1.0, 0.0, 0.0], [0.75, 0.0, 0.25], [0.5, 0.0, 0.5]]
    np.testing.assert_array_equal(problem.output(channel), P @ channel)
    assert problem.expected_distortions(channel)[0] == pytest.approx(1.0)  # half of half of 4


def test_a_reference_of_its_own_is_what_the_ball_is_around():
    table = Table(np.ones((3, 2)), [0.9, 0.1])
    problem = Problem(Pmf(P), table, TotalVariation(), 1.0, 0.2).discrete
    assert problem.shape == (3, 2)
    assert problem.perceptions[0].value(np.array([0.5, 0.5])) == pytest.approx(0.4)
    with pytest.raises(InvalidInput, match="reference"):
        _ = Problem(Pmf(P), Table(np.ones((3, 2))), TotalVariation(), 1.0, 0.2).discrete
