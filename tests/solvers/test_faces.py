"""Limits that leave no channel inside: the least D at this P, the least P at this D. Such questions close."""

from fractions import Fraction

import cvxpy
import numpy as np
import pytest
import scipy

import rdptheory as rd
from rdptheory.certificates import min_distortion_channel
from rdptheory.problems import PerceptionLimit
from rdptheory.solvers import faces
from rdptheory.solvers.faces.program import program_of
from rdptheory.solvers.faces.support import Support, innermost, largest_support
from tests import checks

LINE = np.arange(5.0)
COSTS = {
    rd.TotalVariation: lambda n: 1.0 - np.eye(n),
    rd.Wasserstein1: lambda n: np.abs(LINE[:n, None] - LINE[:n]),
    rd.Wasserstein2Squared: lambda n: (LINE[:n, None] - LINE[:n]) ** 2,
}
CORNER = rd.Table([[0, -1, 2], [1, 0, 1], [2, 1, 0]])


class Program:
    """The joint laws and the plans of a transport ball, for HiGHS: the oracle for where a corner is."""

    def __init__(self, p, table, q, cost):
        (n, m), k = table.shape, q.size
        self.open = np.isfinite(table)
        self.d = np.append(np.where(self.open, table, 0.0).ravel(), np.zeros(k * m))
        self.c = np.append(np.zeros(n * m), cost.ravel())
        rows = np.kron(np.eye(n + k), np.ones((1, m)))
        columns = np.hstack([np.tile(np.eye(m), n), np.tile(-np.eye(m), k)])
        self.sums = {"A_eq": np.vstack([rows, columns]), "b_eq": np.concatenate([p, q, np.zeros(m)])}
        self.bounds = [(0.0, None if cell else 0.0) for cell in self.open.ravel()] + [(0.0, None)] * (k * m)

    def least(self, aim, other, limit):
        found = scipy.optimize.linprog(aim, [other], [limit], **self.sums, bounds=self.bounds)
        return float(found.fun) if found.status == 0 else None


def as_written(value):
    """A quotient of small integers, as somebody would write it: HiGHS knows a dozen digits of it."""
    return float(Fraction(value).limit_denominator(5000))


def corners(rng, count):
    """Tables of small integers, laws of few tenths, limits at which one of them is the least that the other allows."""
    found = []
    while len(found) < count:
        n, member = int(rng.integers(1, 6)), list(COSTS)[len(found) % 3]
        p = rng.integers(0, 6, n) + (np.arange(n) == 0)
        p, table = p / p.sum(), rng.integers(-2, 4, (n, n)).astype(float)
        if rng.random() < 0.2:
            table[0, -1] = np.inf if n > 1 else 0.0
        program = Program(p, table, p, COSTS[member](n))
        P = float(rng.choice([0.0, 0.05, 0.1, 0.2, 0.3]))
        D = program.least(program.d, program.c, P)
        if D is not None and rng.random() < 0.4:  # between the least D and that of P = 0, the least P
            dear = program.least(program.d, program.c, 0.0)
            D += float(rng.choice([0.0, 0.5])) * ((D if dear is None else dear) - D)
            P = max(0.0, program.least(program.c, program.d, D + 1e-13))
        if D is not None:
            found.append((p, table, member(), COSTS[member](n), as_written(D), as_written(P)))
    return found


def by_cvxpy(p, table, cost, D, P):
    """The rate by another program and another solver, which wants room: 1e-8 for either limit."""
    p, table, cost = p[p > 0.0], table[p > 0.0], cost[p > 0.0]
    n, m = table.shape
    joint, plan = cvxpy.Variable((n, m), nonneg=True), cvxpy.Variable((n, m), nonneg=True)
    law, finite = cvxpy.sum(joint, axis=0), np.isfinite(table)
    product = cvxpy.reshape(p, (n, 1), order="C") @ cvxpy.reshape(law, (1, m), order="C")
    limits = [
        cvxpy.sum(joint, axis=1) == p,
        cvxpy.sum(plan, axis=1) == p,
        cvxpy.sum(plan, axis=0) == law,
        cvxpy.sum(cvxpy.multiply(joint, np.where(finite, table, 0.0))) <= D + 1e-8,
        cvxpy.sum(cvxpy.multiply(plan, cost)) <= P + 1e-8,
        cvxpy.multiply(joint, ~finite) == 0.0,
    ]
    return float(cvxpy.Problem(cvxpy.Minimize(cvxpy.sum(cvxpy.rel_entr(joint, product))), limits).solve("CLARABEL"))


def test_the_least_distortion_of_a_ball():
    """Symbols 0 and 1 cannot be told apart by hand: Y has to say whether X = 2, and no more, so R = h(0.1)."""
    found = rd.rdp(rd.Pmf([0.6, 0.3, 0.1]), CORNER, rd.TotalVariation(), D=-0.1, P=0.1)
    truth = -0.1 * np.log(0.1) - 0.9 * np.log(0.9)
    checks.assert_sound(found, gap=1e-9)
    checks.assert_inside(found.bounds, truth)


@pytest.mark.parametrize("seed", range(6))
def test_corners_close(seed):
    """Each of them was from 1e-8 to infinity wide before the face was looked for."""
    for p, table, member, _, D, P in corners(np.random.default_rng([88, seed]), 6):
        found = rd.rdp(rd.Pmf(p), rd.Table(table), member, D=D, P=P)
        assert found.status is rd.Status.OPTIMAL, (p, table, member, D, P, found)
        checks.assert_sound(found, gap=1e-9)


@pytest.mark.parametrize("room", [1e-5, 1e-8, 1e-12])
def test_next_to_a_corner(room):
    """Room that is little and no rounding: the rate falls from that of the corner by some hundreds of it at most.

    At P = 0, and where the room is that of the rounding of a plan, some stay wide: one of four may.
    """
    closed = 0
    for p, table, member, _, D, P in corners(np.random.default_rng(90), 4):
        corner = rd.rdp(rd.Pmf(p), rd.Table(table), member, D=D, P=P)
        found = rd.rdp(rd.Pmf(p), rd.Table(table), member, D=D + room, P=P)
        checks.assert_sound(found)
        assert found.bounds.lower <= corner.bounds.upper
        assert found.bounds.upper >= corner.bounds.lower - 1000.0 * room
        closed += found.gap <= 1e-9
    assert closed >= 3


def test_corners_have_the_rates_of_another_solver():
    """Its limits are wider by 1e-8, which a slope of some hundreds turns into 1e-5."""
    for p, table, member, cost, D, P in corners(np.random.default_rng(89), 12):
        found = rd.rdp(rd.Pmf(p), rd.Table(table), member, D=D, P=P)
        assert by_cvxpy(p, table, cost, D, P) == pytest.approx(found.rate, abs=2e-5), (p, table, member, D, P)


def at(D, P, member=None, table=CORNER):
    return rd.Problem(rd.Pmf([0.6, 0.3, 0.1]), table, member or rd.TotalVariation(), D, P).discrete


def test_a_support_proves_what_it_shuts():
    program = program_of(at(-0.1, 0.1).reduced)
    support = largest_support(program.A, program.b, program.size)
    priced = program.A.T @ support.prices
    shut = ~support.open
    assert 0 < shut.sum() < shut.size
    assert (priced[shut] < -0.1).all()
    assert np.abs(priced[support.open]).max() < 1e-12
    assert abs(float(support.prices @ program.b)) < 1e-12
    assert np.abs(program.A @ support.point - program.b).max() < 1e-9  # the tolerance of HiGHS


def test_where_there_is_room_a_point_has_all_numbers_above_0():
    program = program_of(at(-0.1 + 1e-9, 0.1).reduced)
    support = largest_support(program.A, program.b, program.size)
    point = innermost(program.A, program.b, program.size, support)
    assert 1e-13 < point.min() < 1e-9
    assert np.abs(program.A @ point - program.b).max() < 1e-14
    without = program_of(at(-0.1, 0.1).reduced)
    assert innermost(without.A, without.b, without.size, largest_support(without.A, without.b, without.size)) is None


def test_a_cell_that_is_shut_in_error_costs_width_and_no_truth(monkeypatch):
    def spoilt(A, b, size):
        support = largest_support(A, b, size)
        wrong = support.open.copy()
        wrong[np.flatnonzero(wrong)[0]] = False
        return Support(wrong, support.point, support.prices)

    problem = at(-0.1, 0.1)
    monkeypatch.setattr(faces.solve, "largest_support", spoilt)
    found = faces.on_a_face(problem, 1e-9, 40)
    assert found is not None
    assert found.bounds.gap > 1e-3
    checks.assert_inside(found.bounds, -0.1 * np.log(0.1) - 0.9 * np.log(0.9))


def test_a_question_with_room_needs_no_face():
    wide = faces.on_a_face(at(0.1, 0.1), 1e-9, 40)
    assert wide is not None
    assert wide.bounds.gap <= 1e-9


SMOOTH = {
    rd.KullbackLeibler: lambda p, law: cvxpy.sum(cvxpy.kl_div(law, p)),
    rd.ReverseKullbackLeibler: lambda p, law: cvxpy.sum(cvxpy.kl_div(p, law)),
    rd.ChiSquare: lambda p, law: cvxpy.sum(cvxpy.multiply(1.0 / p, cvxpy.square(law - p))),
    rd.SquaredHellinger: lambda p, law: 2.0 - 2.0 * cvxpy.sum(cvxpy.multiply(np.sqrt(p), cvxpy.sqrt(law))),
}


@pytest.mark.parametrize("member", SMOOTH)
def test_next_to_the_least_distortion_of_a_smooth_ball(member):
    """Where the least D is: cvxpy, to 1e-9. What is left of D goes into the law by its root, and R falls with that."""
    rng = np.random.default_rng(91)
    for _ in range(2):
        p, table = rng.integers(1, 6, 4) / 1.0, rng.integers(-2, 4, (4, 4)).astype(float)
        p /= p.sum()
        joint = cvxpy.Variable((4, 4), nonneg=True)
        limits = [cvxpy.sum(joint, axis=1) == p, SMOOTH[member](p, cvxpy.sum(joint, axis=0)) <= 0.1]
        least = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum(cvxpy.multiply(joint, table))), limits).solve("CLARABEL")
        rates = []
        for room in (1e-3, 1e-5):
            found = rd.rdp(rd.Pmf(p), rd.Table(table), member(), D=float(least) + room, P=0.1)
            checks.assert_sound(found, gap=1e-9)
            rates.append(found.rate)
        assert rates == sorted(rates)
        assert rates[1] - rates[0] < 10.0 * np.sqrt(1e-3)


def test_a_smooth_ball_that_a_symbol_is_missing_from_has_no_program():
    problem = rd.Problem(rd.Pmf([0.6, 0.4, 0.0]), CORNER, rd.KullbackLeibler(), 0.1, 0.1).discrete
    assert faces.on_a_face(problem, 1e-9, 40) is None


@pytest.mark.parametrize(
    "p, table, member, D, P",
    [
        ([0.4, 0.4, 0.1, 0.1], [[1, 1, 0, 1], [0, 1, 1, 2], [1, 1, 1, 0], [1, 2, 1, 1]], rd.Wasserstein1(), 0.1, 0.4),
    ],
)
def test_a_rounding_of_D_beside_one_of_P(p, table, member, D, P):
    """D leaves 5e-18 above the least distortion: what rounds P is not paid for in units of that."""
    found = rd.rdp(rd.Pmf(p), rd.Table(table), member, D=D, P=P)
    checks.assert_sound(found, gap=1e-9)


class Half(rd.TotalVariation):
    """Half of what it inherits from, so that a ball of it holds more laws than the moves that it inherits tell."""

    def value(self, reference, output):
        return 0.5 * super().value(reference, output)

    def support(self, v, reference, P):
        return super().support(v, reference, 2.0 * P)

    def cut(self, reference, law, P):
        g, h = super().cut(reference, law, 2.0 * P)
        return 0.5 * g, 0.5 * h


def test_moves_of_an_heir_prove_nothing_about_its_ball():
    """They would say 0.3 of these laws, where 0.2 is the least distortion by the program of its true ball."""
    p, rng, cost = np.array([0.4, 0.3, 0.2, 0.1]), np.random.default_rng(0), 1.0 - np.eye(4)
    table = rng.integers(0, 4, (4, 4)).astype(float)
    table -= table.min(axis=1)[:, None]
    program = Program(p, table, p, cost)
    least = program.least(program.d, program.c, 0.1)
    assert min_distortion_channel(p, table, PerceptionLimit(Half(), p, 0.05), least).lower <= least + 1e-12
