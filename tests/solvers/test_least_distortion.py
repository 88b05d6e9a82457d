"""D at the least distortion, an ulp beside it, beside masses that hardly exist: closed, or proved impossible."""

import math

import numpy as np
import pytest
import scipy

import rdptheory as rd
from rdptheory.certificates import min_distortion_channel
from rdptheory.certificates.faces import on_the_face
from rdptheory.problems import PerceptionLimit

COPY = np.array([[0.0, 0.0, 0.4], [0.5, 0.0, 0.0], [0.0, 0.0, 0.0]])  # every symbol leads to every other
TWO = np.array([[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]])


def rate(p, table, perception, D, P, reference=None):
    return rd.rdp(rd.Pmf(p), rd.Table(table, reference), perception, D=D, P=P)


@pytest.mark.parametrize(
    "p, table, reference, perception, D, P",
    [
        ([1.0], [[0.2, 0.7]], [0.4, 0.6], rd.SquaredHellinger(), 0.2, 1e-18),
        ([1.0], [[0.2, 0.7]], [1e-7, 1.0 - 1e-7], rd.ReverseKullbackLeibler(), 0.2, 0.3),
        ([1e-49, 1.0], [[0.0, 0.5], [0.4, 0.0]], [1e-200, 1.0], rd.ChiSquare(), 0.0, 1e-20),
        ([0.3, 0.7], [[0.0, 1.0], [1.0, 0.0]], [0.31, 0.69], rd.TotalVariation(), 0.0, 0.0099),
        ([0.3, 0.7], [[0.0, 1.0], [1.0, 0.0]], [0.31, 0.69], rd.TransportDivergence([[0, 1], [1, 0]]), 0.0, 1e-40),
        ([0.5, 0.5], [[1e9, 2e9], [1e9, 2e9]], [0.5, 0.5], rd.JensenShannon(), 1.2e9, 1e-220),
    ],
)
def test_what_no_channel_keeps_is_said_to_be_infeasible(p, table, reference, perception, D, P):
    assert rate(p, table, perception, D, P, reference).status is rd.Status.INFEASIBLE


def test_the_law_that_just_fits_is_feasible():
    """The same laws as above, a hair wider: 0.31 against 0.3 is 0.01 of total variation."""
    found = rate([0.3, 0.7], [[0.0, 1.0], [1.0, 0.0]], rd.TotalVariation(), 0.0, 0.0101, [0.31, 0.69])
    assert found.gap < 1e-9
    assert found.rate == pytest.approx(-0.3 * math.log(0.3) - 0.7 * math.log(0.7), abs=1e-9)


def scaled(p, table):
    """R(0,0) of a source and its own law, by scaling rows and columns of the free cells: the oracle."""
    plan = np.where(np.asarray(table) == 0.0, np.outer(p, p), 0.0)
    for _ in range(20_000):
        plan *= (p / plan.sum(axis=0))[None, :]
        plan *= (p / plan.sum(axis=1))[:, None]
    return float(scipy.special.rel_entr(plan, np.outer(p, p)).sum())


@pytest.mark.parametrize("D", [0.0, 5e-324, 1e-200, 1e-17])
@pytest.mark.parametrize("P", [0.0, 1e-300, 1e-40])
@pytest.mark.parametrize("perception", [rd.KullbackLeibler(), rd.TotalVariation(), rd.Wasserstein1()])
def test_no_distortion_and_the_law_of_the_source(D, P, perception):
    p = np.array([0.44, 0.12, 0.44])
    found = rate(p, COPY, perception, D, P)
    assert found.gap < 1e-9
    assert found.rate == pytest.approx(scaled(p, COPY), abs=2e-9)  # both have a few 1e-10


@pytest.mark.parametrize("p", [[0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.2, 0.3], [1e-60, 0.2, 0.3, 0.5]])
@pytest.mark.parametrize("P", [0.0, 1e-200])
def test_classes_that_nobody_comes_back_to_tell_no_more_than_their_name(p, P):
    """From {1,2} to {3,4} leads a free cell, and none back: within a class everything is free, so R = H(class)."""
    found = rate(p, TWO, rd.TotalVariation(), 0.0, P)
    w = np.array([p[0] + p[1], p[2] + p[3]])
    assert found.gap < 1e-9
    assert found.rate == pytest.approx(-float(w @ np.log(w)), abs=1e-9)


def test_a_channel_off_its_law_is_on_no_face():
    """What would have to be sent round has to be a rounding, and there has to be a way round."""
    p = np.array([0.44, 0.12, 0.44])
    problem = rd.Problem(rd.Pmf(p), rd.Table(COPY), rd.TotalVariation(), D=0.0, P=0.0).discrete
    one_way = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])  # nothing can make this have the law p
    assert on_the_face(problem, one_way) is None
    assert on_the_face(problem, np.full((3, 3), 1.0 / 3.0)) is None  # uses cells that cost something
    exact, unsure = on_the_face(problem, np.eye(3))
    assert (exact == np.eye(3)).all()
    assert unsure < 1e-12


def test_hardly_existing_masses_beside_the_least_distortion():
    """80 questions at D = least and an ulp beside it: 97 in 100 close, and what is said of the channels is so."""
    rng, closed, asked = np.random.default_rng(11), 0, 80
    for _ in range(asked):
        n = int(rng.integers(1, 5))
        p = 10.0 ** -rng.uniform(0.0, 300.0, n)
        p[rng.integers(n)] = 1.0
        p /= p.sum()
        table = np.where(rng.random((n, n)) < 0.4, 0.0, rng.random((n, n)))
        least = float(p @ table.min(axis=1))
        D = (least, np.nextafter(least, 1.0), np.nextafter(least, 0.0))[rng.integers(3)]
        perception = (rd.TotalVariation(), rd.KullbackLeibler(), rd.ChiSquare(), None)[rng.integers(4)]
        P = math.inf if perception is None else float(rng.choice([0.0, 1e-300, 1e-20, 0.01, 1.0]))
        found = rate(p, table, perception, D, P)
        closed += found.status is rd.Status.INFEASIBLE or found.gap <= 1e-9
        if found.candidate is not None:
            channel = found.candidate.channel
            assert float(p @ (channel * table).sum(axis=1)) <= D + 1e-12
            assert P == math.inf or perception.value(p, p @ channel) <= P + 1e-12
    assert closed >= 0.97 * asked


@pytest.mark.parametrize("p", [[0.5, 0.4, 0.1], [1e-29, 0.4, 0.6], [1.0 - 6e-8, 2e-20, 6e-8]])
@pytest.mark.parametrize("perception", [rd.Wasserstein1(), rd.Wasserstein2Squared(), rd.KullbackLeibler()])
def test_one_channel_left_has_the_entropy_of_its_output(p, perception):
    p = np.array(p) / np.sum(p)
    entropy = -float(p @ np.log(p))
    for P in (1e-9, 0.15, 8.0):
        found = rate(p, 1.0 - np.eye(3), perception, 0.0, P)
        assert found.gap < 1e-9
        assert found.rate == pytest.approx(entropy, rel=1e-9, abs=1e-14)


def test_a_symbol_that_nobody_can_be_sent_to_costs_the_proof_nothing():
    """Y = 0 is barred to all, so its share of the reference has to go elsewhere, and a price of -inf stands for it."""
    table = [[np.inf, 0.35, 0.96, 0.0], [np.inf, 0.43, 0.77, 0.0], [np.inf, 0.94, 0.0, 0.0], [np.inf, 0.45, 0.03, 0.0]]
    source = rd.Pmf([0.25] * 4, [-6.0, -4.5, -2.4, 14.7])
    for ball, P in ((rd.Wasserstein2Squared(), 86.0), (rd.Wasserstein1(), 7.0), (rd.TotalVariation(), 0.4)):
        found = rd.rdp(source, rd.Table(table), ball, D=0.1, P=P)
        assert found.gap < 1e-9, (ball, found)
        assert found.rate > 0.01


def test_a_start_keeps_to_the_cells_that_are_left():
    """The reference asks for more of a symbol than the rows that may use it have."""
    source = rd.Pmf([0.0104, 0.4923, 0.4923, 0.005], [-180.3, -111.9, 122.9, 126.1])
    table = [[0.0, 0.0, 0.2, 0.2], [0.0, 0.0, 0.1, 0.6], [0.5, 0.0, 0.0, 0.8], [0.5, 0.0, 0.4, 0.0]]
    for P in (5.0, 46.6, 100.0):
        found = rd.rdp(source, rd.Table(table), rd.Wasserstein1(), D=0.0, P=P)
        assert found.gap < 1e-9, (P, found)


@pytest.mark.parametrize("member", [rd.TotalVariation(), rd.SquaredHellinger(), rd.Wasserstein1()])
def test_costs_of_ten_decades_at_p_0(member):
    """Rounding may send mass where it costs 1e6: the way round by cheap cells is what the proof pays for."""
    rng = np.random.default_rng(4)
    for _ in range(6):
        n = int(rng.integers(3, 7))
        table = 10.0 ** rng.uniform(-6.0, 6.0, (n, n)) * (1.0 - np.eye(n))
        p = rng.dirichlet(np.ones(n)) * 0.8 + 0.2 / n
        found = rate(p, table, member, 10.0 ** rng.uniform(-3.0, -0.5), 0.0)
        assert found.gap < 1e-9


@pytest.mark.parametrize(
    "member", [rd.KullbackLeibler(), rd.ReverseKullbackLeibler(), rd.ChiSquare(), rd.JensenShannon()]
)
def test_the_least_distortion_of_a_smooth_ball_is_known_to_ten_digits(member):
    """Both ends: 3e-10 of the largest cost below it no channel is left, and as much above it one is found.

    The bracket of the search was 1e-8 wide, the tolerance of its programs, and questions in it had no end above.
    """
    rng = np.random.default_rng(21)
    for _ in range(3):
        p, table = rng.integers(1, 6, 4).astype(float), rng.integers(0, 5, (4, 4)).astype(float)
        p, table = p / p.sum(), table - table.min(axis=1, keepdims=True)
        ball = PerceptionLimit(member, p, 0.03)
        least = min_distortion_channel(p, table, ball, 0.0).lower
        for _ in range(8):  # the search ends early where the channel costs clearly less than is asked
            least = min_distortion_channel(p, table, ball, least).lower
        assert least > 0.01
        room = 3e-10 * float(table.max())
        found = min_distortion_channel(p, table, ball, least + room)
        assert float(np.vdot(p[:, None] * found.channel, table)) <= least + room
        below = rate(p, table, member, least - room, 0.03)
        assert below.status is rd.Status.INFEASIBLE
        assert math.isfinite(rate(p, table, member, least + room, 0.03).rate)
