"""Slopes at the ends of R: to the right of the least D, of the least P and of P = 0, held to differences of rates."""

import math

import numpy as np
import pytest

import rdptheory as rd

INF = math.inf
SOURCE = rd.Pmf([0.6, 0.3, 0.1])
CORNER = rd.Table([[0, -1, 2], [1, 0, 1], [2, 1, 0]])
ERASURES = rd.Table([[0.0, INF, 1.0], [INF, 0.0, 1.0]])
COIN = rd.Pmf([0.5, 0.5])
STRAIGHT = [rd.TotalVariation(), rd.Wasserstein1(), rd.Wasserstein2Squared()]
SMOOTH = [rd.KullbackLeibler(), rd.ReverseKullbackLeibler(), rd.ChiSquare(), rd.SquaredHellinger(), rd.JensenShannon()]
METHODS = [rd.InteriorPoint(), rd.FirstOrder(gap=1e-9, max_steps=500), rd.Conic()]


def falls(at, x, steps):
    """The mean slopes of a rate over these steps, from the proved upper ends of narrow brackets."""
    here = at(x)
    return [(at(x + step).rate - here.rate) / step for step in steps]


def test_erasures_have_a_finite_slope_at_D_0():
    """R(D) = (1 - D) log 2: more D opens a column that nobody used before, and shuts nothing out of the others."""
    found = rd.rdp(COIN, ERASURES, None, D=0.0, P=INF)
    assert found.slopes.D == pytest.approx(-math.log(2.0), abs=1e-10)
    table = found.gradient().table
    assert table[0, 0] == pytest.approx(0.5 * math.log(2.0), abs=1e-10)  # s p_i W_ii


@pytest.mark.parametrize("seed", range(4))
def test_new_columns_alone_have_finite_slopes(seed):
    """Symbols that cannot be told wrong, but left open at some cost. R bends by some units: 1e-6 of D is 1e-5 of it."""
    rng = np.random.default_rng([7, seed])
    told = np.where(np.eye(3) == 1.0, 0.0, INF)
    source, table = rd.Pmf(rng.dirichlet(np.ones(3))), rd.Table(np.hstack([told, rng.random((3, 2)) + 0.3]))
    found = rd.rdp(source, table, None, D=0.0, P=INF)
    (mean,) = falls(lambda D: rd.rdp(source, table, None, D=D, P=INF), 0.0, [1e-6])
    assert found.slopes.D == pytest.approx(mean, abs=2e-3)  # the brackets are 1e-9 wide, over 1e-6
    assert found.slopes.D <= mean + 2e-3


@pytest.mark.parametrize("method", METHODS)
def test_a_corner_of_D_and_P_has_no_slope_to_the_right(method):
    """Whatever multiplier a method came across: every large one is as good at the corner."""
    found = rd.rdp(SOURCE, CORNER, rd.TotalVariation(), D=-0.1, P=0.1, method=method)
    assert (found.slopes.D, found.slopes.P) == (-INF, -INF)
    with pytest.raises(rd.InvalidInput, match="the slope there is infinite"):
        found.gradient()


@pytest.mark.parametrize("P", [0.1, 0.0])
def test_next_to_a_corner_the_rate_falls_like_x_log_x(P):
    """D = -P: each thousandth of the step adds at least log 1000 to the mean slope, less what the brackets hide."""
    at = {
        "D": lambda step: rd.rdp(SOURCE, CORNER, rd.TotalVariation(), D=-P + step, P=P),
        "P": lambda step: rd.rdp(SOURCE, CORNER, rd.TotalVariation(), D=-P, P=P + step),
    }
    for rate in at.values():
        means = falls(rate, 0.0, [1e-2, 1e-5])
        assert means[1] < means[0] - 0.9 * math.log(1e3)
    found = rd.rdp(SOURCE, CORNER, rd.TotalVariation(), D=-P, P=P)
    assert (found.slopes.D, found.slopes.P) == (-INF, -INF)
    near = rd.rdp(SOURCE, CORNER, rd.TotalVariation(), D=-P + 1e-6, P=P)
    assert -INF < near.slopes.D < -5.0


@pytest.mark.parametrize("member", STRAIGHT, ids=str)
@pytest.mark.parametrize("D", [0.05, 0.2])
def test_where_delta_is_a_transport_the_slope_at_P_0_is_finite(member, D):
    """The slope of the rate moves by about its own size times P over the lightest mass, 1e-4 here."""
    at = lambda P: rd.rdp(SOURCE, rd.SquaredError(), member, D=D, P=P)  # noqa: E731
    (mean,) = falls(at, 0.0, [1e-5])
    assert mean < -1e-3
    assert at(0.0).slopes.P == pytest.approx(mean, rel=2e-3)
    assert at(1e-12).slopes.P == pytest.approx(mean, rel=2e-3)  # where no bracket resolves a multiplier


@pytest.mark.parametrize("member", SMOOTH, ids=str)
def test_next_to_P_0_of_a_smooth_ball_the_rate_falls_like_a_root(member):
    at = lambda P: rd.rdp(SOURCE, rd.SquaredError(), member, D=0.2, P=P)  # noqa: E731
    means = falls(at, 0.0, [1e-5, 1e-7])
    assert means[1] / means[0] == pytest.approx(10.0, rel=0.05)  # the next term is a share √P
    assert at(0.0).slopes.P == -INF


@pytest.mark.parametrize("member", [*STRAIGHT, *SMOOTH], ids=str)
def test_where_the_law_of_the_output_is_free_the_slope_at_P_0_is_0(member):
    """At D = 0 X is copied, whatever P is. The prices of its symbols are free, and so is their law."""
    found = rd.rdp(SOURCE, rd.SquaredError(), member, D=0.0, P=0.0)
    assert found.rate == pytest.approx(rd.rdp(SOURCE, rd.SquaredError(), member, D=0.0, P=0.3).rate, abs=1e-12)
    assert (found.slopes.D, found.slopes.P) == (-INF, 0.0)


@pytest.mark.parametrize("realism", ["output", "joint"])
def test_slopes_at_P_0_beside_side_information(realism):
    """What δ compares is an image of the output, or of it and Z. The rate bends by a share of 1e-4 over the step."""
    joint = np.array([[0.3, 0.1], [0.1, 0.2], [0.05, 0.25]])
    source = rd.Pmf([math.fsum(row) for row in joint.tolist()])

    def at(P):
        return rd.rdp(
            source, rd.SquaredError(), rd.TotalVariation(), D=0.4, P=P, side_information=joint, realism=realism
        )

    (mean,) = falls(at, 0.0, [1e-5])
    assert mean < -1e-2
    assert at(0.0).slopes.P == pytest.approx(mean, rel=1e-3)


@pytest.mark.parametrize("P", [1e-10, 1e-8, 1e-6])
def test_a_small_ball_that_binds_is_not_taken_for_an_idle_one(P):
    """A descent leaves the law inside it, by more than a thousandth of a radius that is next to what it resolves."""
    slope = rd.rdp(SOURCE, rd.SquaredError(), rd.TotalVariation(), D=0.2, P=1e-4).slopes.P
    found = rd.rdp(SOURCE, rd.SquaredError(), rd.TotalVariation(), D=0.2, P=P)
    assert found.slopes.P == pytest.approx(slope, rel=0.2)  # multipliers are known to gap/P there


def test_the_same_slopes_wherever_they_are_asked_for():
    source, member = rd.Pmf([0.6, 0.3, 0.1]), rd.TotalVariation()
    places = [(D, P) for D in (-0.1, 0.0, 0.1) for P in (0.0, 0.1)]
    grid = rd.surface(source, CORNER, member, D=[-0.1, 0.0, 0.1], P=[0.0, 0.1])
    many = rd.rdp_many([rd.Problem(source, CORNER, member, D, P) for D, P in places])
    for (D, P), one in zip(places, many, strict=True):
        alone = rd.rdp(source, CORNER, member, D=D, P=P).slopes
        point = grid.sel(D=D, P=P)
        told = [(float(point.slope_D), float(point.slope_P)), (one.slopes.D, one.slopes.P)]
        for pair in told:
            np.testing.assert_array_equal(pair, (alone.D, alone.P))


def test_two_distortions_of_which_one_is_at_its_least():
    """E d_1 = 0 alone keeps the errors of symbols 0 and 1 out; E d_2 allows them."""
    first, second = rd.Table([[0, 1, 0], [1, 0, 0], [0, 0, 0]]), rd.Hamming()
    found = rd.rdp(SOURCE, [first, second], None, D=[0.0, 0.2], P=INF)
    assert found.slopes.D[0] == -INF
    assert -INF < found.slopes.D[1] < 0.0
    means = falls(lambda D: rd.rdp(SOURCE, [first, second], None, D=[D, 0.2], P=INF), 0.0, [1e-2, 1e-5])
    assert means[1] < means[0] - 1.0


def test_the_point_of_a_slope_beside_a_finite_one_at_D_0():
    """R is straight from D = 0 to 1: steeper slopes are those of D = 0, others of D = 1."""
    steep = rd.rate_at_slope(COIN, ERASURES, None, s=0.8, P=INF)
    flat = rd.rate_at_slope(COIN, ERASURES, None, s=0.6, P=INF)
    assert steep.D.lower <= 0.0 <= steep.D.upper < 1e-9
    assert flat.D.lower <= 1.0 <= flat.D.upper
    assert flat.D.gap < 1e-9
