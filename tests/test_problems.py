"""The question as arrays: what is left out, what is moved to zero, and the way back."""

import math

import numpy as np
import pytest

from rdptheory import (
    Bernoulli,
    Gaussian,
    Hamming,
    InvalidInput,
    Pmf,
    SquaredError,
    Table,
    TotalVariation,
    TransportDivergence,
    Wasserstein1,
    curve,
    distortion_at,
    rdp,
    surface,
    universal_rate,
)
from rdptheory.problems import Problem

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


@pytest.mark.parametrize("error, room", [(0.0, 0.0), (1e-16, 0.0), (-1e-16, 0.0), (1e-9, 1e-9), (-1e-9, -1e-9)])
def test_room_within_rounding_of_zero_is_zero(error, room):
    table = Table([[0.1, 0.7], [0.7, 0.3]])
    reduced = Problem(Pmf([0.5, 0.5]), table, None, 0.2 + error, math.inf).discrete.reduced
    assert reduced.distortions[0].limit == pytest.approx(room, abs=1e-15)
    assert (reduced.distortions[0].limit == 0.0) == (room == 0.0)


def test_rows_without_mass_come_back_as_laws():
    problem = Problem(Pmf(P), SquaredError(), None, 1.0, math.inf).discrete
    channel = problem.expand(np.array([[1.0, 0, 0], [0.5, 0, 0.5]]))
    assert channel.tolist() == [[1.0, 0.0, 0.0], [0.75, 0.0, 0.25], [0.5, 0.0, 0.5]]
    np.testing.assert_array_equal(problem.output(channel), P @ channel)
    assert problem.expected_distortions(channel)[0] == pytest.approx(1.0)  # half of half of 4


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
    assert problem.perceptions[0].value(np.array([0.5, 0.5])) == pytest.approx(0.4)
    with pytest.raises(InvalidInput, match="reference"):
        _ = Problem(Pmf(P), Table(np.ones((3, 2))), TotalVariation(), 1.0, 0.2).discrete
