"""The same question in other units: closed in all, with channels that keep their limits as anybody sums them."""

import numpy as np
import pytest
import scipy

import rdptheory as rd
from rdptheory.certificates.inside import drawn_inside

p = np.array([0.1, 0.2, 0.3, 0.25, 0.15])
x = np.array([-1.3, -0.4, 0.1, 0.9, 2.2])
APART = np.abs(x[:, None] - x)


def asked(unit, name):
    source = rd.Pmf(p, x * unit)
    if name == "W1":
        return rd.rdp(source, rd.AbsoluteError(), rd.Wasserstein1(), D=0.3 * unit, P=0.05 * unit)
    if name == "exact":
        return rd.rdp(source, rd.AbsoluteError(), rd.Wasserstein1(), D=0.3 * unit, P=0.0)
    if name == "W2":
        return rd.rdp(source, rd.SquaredError(), rd.Wasserstein2Squared(), D=0.3 * unit**2, P=0.05 * unit**2)
    table, cost = rd.Table(APART**1.5 * unit), rd.TransportDivergence(APART**0.5 * unit)
    return rd.rdp(source, table, cost, D=0.3 * unit, P=0.1 * unit)


@pytest.mark.parametrize("name", ["W1", "W2", "exact", "costs"])
def test_no_unit_stops_a_method(name):
    """Powers of 10, which are rounded: the rates agree within the gaps and the rounding of the limits."""
    here = asked(1.0, name)
    for exponent in (-150, -6, 6, 150) if name == "W2" else (-300, -200, -6, 6, 200, 300):
        found = asked(10.0**exponent, name)
        assert found.gap < 1e-9
        assert found.rate == pytest.approx(here.rate, abs=2e-9)
        unit = 10.0 ** (-2 * exponent if name == "W2" else -exponent)
        assert here.slopes.D == pytest.approx(found.slopes.D / unit, rel=1e-5)  # slopes are known to the root of a gap
        if name != "exact":
            assert here.slopes.P == pytest.approx(found.slopes.P / unit, rel=1e-4)


def line_question(seed, unit, squared):
    rng = np.random.default_rng([seed, 5])
    n = int(rng.integers(3, 24))
    law, points = rng.dirichlet(np.ones(n)), np.sort(rng.normal(size=n)) * unit
    cost = np.abs(points[:, None] - points) ** (2 if squared else 1)
    D, P = 0.3 * float((law @ cost).min()), float(10.0 ** rng.uniform(-4.0, -0.7)) * (unit**2 if squared else unit)
    distortion, perception = (
        (rd.SquaredError(), rd.Wasserstein2Squared()) if squared else (rd.AbsoluteError(), rd.Wasserstein1())
    )
    return law, points, cost, rd.Problem(rd.Pmf(law, points), distortion, perception, D, P)


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("unit", [1e-6, 1.0, 59.0, 1e4, 1e6])
def test_channels_keep_their_limits_in_every_unit(unit, squared):
    for seed in range(12):
        law, points, cost, problem = line_question(seed, unit, squared)
        (found,) = rd.rdp_many([problem])
        if found.candidate is None or found.gap > 1e-9:
            continue
        channel, output = found.candidate.channel, law @ found.candidate.channel
        assert float(law @ (channel * cost).sum(axis=1)) <= problem.D + 1e-12 * max(1.0, problem.D)
        if not squared:
            assert scipy.stats.wasserstein_distance(points, points, law, output) <= problem.P
        assert problem.perception.on(points).value(law, output) <= problem.P


def test_a_channel_outside_by_a_rounding_is_drawn_in_and_one_far_outside_is_not():
    law, _points, _, problem = line_question(3, 1e4, False)
    discrete, (found,) = problem.discrete, rd.rdp_many([problem])
    ball, inner = discrete.perceptions[0], found.candidate.channel
    outer = np.eye(law.size)[np.full(law.size, 0)]  # everything to one symbol is far outside
    share = (problem.P - ball.value(law @ inner)) / (ball.value(law @ outer) - ball.value(law @ inner))
    just = inner + (share + 1e-14) * (outer - inner)
    assert ball.value(law @ just) > problem.P >= ball.value(law @ drawn_inside(discrete, just))
    assert drawn_inside(discrete, outer) is outer


FORBIDDEN, LOG_2 = float("inf"), float(np.log(2.0))
RATED = 1e-6
"""Nats of the widest gap that a method below is asked for."""
NO_SUCH_NUMBER = {
    "a radius in the unit of its costs": (
        ([0.3, 0.7], [[FORBIDDEN, 1.0], [1.0, 0.0]], [0.5, 0.5]),
        (rd.TransportDivergence([[2e-300, 1e-300], [3e-300, 1e-300]]), 0.4, 1e300),
        (None, 0.0),  # the second output serves both
    ),
    "a half-space of a transport": (
        ([1.0], [[4.0, 1.0]], [1.0, 1e-185]),
        (rd.TransportDivergence([[0.0, 1.45e294], [1.46e294, 0.0]]), 4.0, 0.01),
        (None, 0.0),
    ),
    "the bend of a power": (
        ([0.25] * 4, [[2, 0, 1, 1], [2, 2, 1, 1], [1, 0, 1, 0], [1, 2, 0, 1]], [4e-6, 0.006, 0.564, 0.429996]),
        (rd.PowerDivergence(20.0), 0.25, 1e300),
        (
            None,
            LOG_2,
        ),  # D = 1/4 is the least: the second symbol goes to 3 or 4, as the third and fourth, the first to 2
    ),
    "a mass below 0": (
        ([1.0 - 5.4e-11, 5.4e-11], [[0.75, 0.89], [0.22, 0.44]], None),
        (rd.SquaredHellinger(), 0.7503, 1e-9),
        (None, 0.0),
    ),
    "half of the least number": (
        ([0.5, 0.5], [[0.0, 1e-300], [1e-300, 0.0]], None),
        (rd.ReverseKullbackLeibler(), 5e-324, 0.5),
        (rd.FirstOrder(), LOG_2),
    ),
    "the square of a price": (
        ([0.5, 0.5], [[8.7e289, 4.7e289], [5.7e289, 7.4e289]], None),
        (rd.KullbackLeibler(), 5.2e289, 1e-9),
        (None, LOG_2),  # D is the least distortion, of the channel that turns the symbols around
    ),
    "the share of a large D": (
        ([0.5, 0.5], [[1e146, 1e150], [1e150, 1e146]], [0.75, 0.25]),
        (rd.TotalVariation(), 1.1e147, 0.9),
        (rd.FirstOrder(), LOG_2 - float(scipy.special.entr([1e-3 / 0.9999, 1.0 - 1e-3 / 0.9999]).sum())),
    ),
}
"""What float64 does not hold on the way to a plain answer."""


@pytest.mark.parametrize("name", NO_SUCH_NUMBER)
def test_numbers_that_leave_float64_on_the_way_end_no_question(name):
    (law, table, reference), (ball, D, P), (method, rate) = NO_SUCH_NUMBER[name]
    reference = None if reference is None else np.array(reference)
    found = rd.rdp(rd.Pmf(law), rd.Table(np.array(table), reference=reference), ball, D=D, P=P, method=method)
    assert found.bounds.lower - 1e-12 <= rate <= found.bounds.upper + 1e-12  # of the rate written down here
    if "least number" not in name:  # no channel but the copy is below D: what is near it is
        assert found.gap <= RATED


@pytest.mark.parametrize("member", [rd.ChiSquare(), rd.KullbackLeibler(), rd.SquaredHellinger(), rd.TotalVariation()])
def test_drawing_sends_no_mass_where_the_reference_has_next_to_none(member):
    """What is missing from a mass next to 1 is lost in rounding; 1e-163 took all of the surplus, and χ² was 1e96."""
    q = np.array([4.6e-30, 4.6e-32, 1.0, 1.2e-163])
    law = np.array([6.4e-20, 1.7e-21, 1.0, 0.0])
    P = member.value(q, law) * (1.0 - 1e-13)  # outside by its rounding
    problem = rd.Problem(rd.Pmf(q), rd.Table(np.zeros((4, 4))), member, 1.0, P).discrete
    drawn = drawn_inside(problem, np.tile(law, (4, 1)))
    assert member.value(q, q @ drawn) <= P * (1.0 + 1e-12)
