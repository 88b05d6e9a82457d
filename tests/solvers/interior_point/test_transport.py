"""Optimal-transport balls: against a conic program, a linear program, and the Gaussian closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from rdptheory import (
    Gaussian,
    InteriorPoint,
    Pmf,
    SquaredError,
    Status,
    Table,
    TransportDivergence,
    Wasserstein1,
    Wasserstein2Squared,
    discretise,
    rate_distortion,
    rdp,
)
from rdptheory.certificates import DualPoint, lower_bound
from rdptheory.divergences import Divergence
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit, Problem
from rdptheory.solvers.interior_point import inner_law
from rdptheory.solvers.outcome import answered
from tests.checks import assert_agree, assert_channel, assert_inside, assert_sound
from tests.solvers.interior_point import oracle

METHOD = InteriorPoint()
CONIC = 2e-8
"""How well the conic program knows the rate; it asks for 1e-11 and ends within about 1e-9."""


def on_the_line(seed: int, divergence: Divergence) -> Problem:
    """A random source of 3 to 8 symbols on a line under squared error, with a ball that mostly binds."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 9))
    source = Pmf.from_weights(0.9 * rng.dirichlet(np.ones(n)) + 0.1 / n, np.sort(rng.normal(size=n)))
    D = float((source.probabilities @ SquaredError().table(source.points)).min() * rng.uniform(0.1, 0.7))
    return Problem(source, SquaredError(), divergence, D, float(rng.choice([0.003, 0.03, 0.1, 0.2])))


@pytest.mark.parametrize("divergence", (Wasserstein1(), Wasserstein2Squared()), ids=repr)
def test_forty_problems_agree_with_a_conic_program(divergence: Divergence) -> None:
    binding = 0
    for seed in range(40):
        problem = on_the_line(seed, divergence)
        solution = rdp(problem.source, problem.distortion, divergence, D=problem.D, P=problem.P)
        assert_sound(solution, gap=1e-9)
        truth = oracle.rate(problem.discrete)
        assert abs(solution.rate - truth) <= 1e-7, (seed, solution.rate, truth)
        assert_inside(solution.bounds, truth, CONIC)
        binding += solution.rate > rate_distortion(problem.source, problem.distortion, D=problem.D).rate + 1e-6
    assert binding >= 25, "too few of these balls cost anything"


def random_table(seed: int) -> DiscreteProblem:
    """Random, mostly rectangular tables: n source symbols, m outputs, a reference law on k symbols."""
    rng = np.random.default_rng(seed)
    n, m, k = (int(size) for size in rng.integers(2, 7, 3))
    p, q = (0.9 * rng.dirichlet(np.ones(size)) + 0.1 / size for size in (n, k))
    table, cost = rng.uniform(size=(n, m)), rng.uniform(size=(k, m))
    channel = 0.2 * rng.dirichlet(np.ones(m), size=n)
    channel[np.arange(n), table.argmin(axis=1)] += 0.8  # keeps both limits, so the question is feasible
    ball = TransportDivergence(cost)
    D, P = float(np.vdot(p[:, None] * channel, table)), ball.value(q, p @ channel) + 0.005
    return DiscreteProblem(p, (DistortionLimit(table, D),), (PerceptionLimit(ball, q, P),))


def test_any_cost_table_agrees_with_a_conic_program() -> None:
    shapes = set()
    for seed in range(24):
        problem = random_table(seed)
        truth = oracle.rate(problem)
        found = answered(problem, METHOD)
        shapes.add((problem.shape[0] == problem.shape[1], problem.perceptions[0].reference.size == problem.shape[1]))
        assert found.bounds.gap <= 1e-9, (seed, found.bounds)
        assert abs(found.bounds.upper - truth) <= 1e-6, (seed, found.bounds, truth)
        assert_inside(found.bounds, truth, CONIC)
        assert found.channel is not None
        assert_channel(problem, found.channel)
    assert shapes >= {(False, False), (False, True)}


def test_a_plan_is_settled_below_the_rounding_of_its_potentials() -> None:
    """Where the slacks of a plan fall to 1e-14, a step that followed their rounding would lose its marginals again."""
    for seed in range(200):
        found = answered(random_table(seed), METHOD)
        assert found.bounds.gap <= 1e-9, (seed, found.bounds)


@pytest.mark.parametrize("divergence", (Wasserstein1(), Wasserstein2Squared()), ids=repr)
def test_points_of_a_plane(divergence: Divergence) -> None:
    for seed, P in ((0, 0.002), (1, 0.01), (2, 0.03)):
        rng = np.random.default_rng(seed)
        source = Pmf.from_weights(rng.dirichlet(np.ones(64)), rng.random((64, 2)))
        solution = rdp(source, SquaredError(), divergence, D=0.05, P=P)
        assert_sound(solution, gap=1e-9)
        assert solution.steps <= 60, "20 to 35, and no ball is idle here"


def test_next_to_the_radius_where_a_ball_becomes_idle() -> None:
    """The plan changes place symbol by symbol there: 13 to 33 steps, and 103 with as few correctors as elsewhere; those
    of the look without the ball come on top."""
    rough = Pmf.from_weights(np.random.default_rng(13).dirichlet(np.ones(128)), np.linspace(0.0, 1.0, 128))
    smooth = discretise(Gaussian(0.0, 1.0), 128, low=-5.0, high=5.0)
    steps = []
    for source, D, radii in ((rough, 0.02, (0.006, 0.008, 0.0105, 0.012)), (smooth, 0.3, (0.02, 0.025, 0.03, 0.035))):
        for P in radii:
            solution = rdp(source, SquaredError(), Wasserstein2Squared(), D=D, P=P)
            assert_sound(solution, gap=1e-9)
            steps.append(solution.steps)
    assert sum(steps) <= 28 * len(steps), steps


def test_an_idle_ball_on_a_line_takes_no_plan() -> None:
    source = discretise(Gaussian(0.0, 1.0), 128, low=-5.0, high=5.0)
    for divergence in (Wasserstein1(), Wasserstein2Squared()):
        free, idle = (rdp(source, SquaredError(), divergence, D=0.3, P=P) for P in (math.inf, 0.5))
        assert_sound(idle, gap=1e-9)
        assert idle.steps == free.steps
        assert_agree(free.bounds, idle.bounds, values=1e-9)


def test_doubled_points_change_nothing() -> None:
    """Two symbols at one point: moving between them is free, so the reference is not the only law at distance 0."""
    rng = np.random.default_rng(0)
    points, masses = np.linspace(0.0, 1.0, 12), rng.dirichlet(np.ones(24))
    single = Pmf.from_weights(masses.reshape(12, 2).sum(axis=1), points)
    doubled = Pmf.from_weights(masses, np.repeat(points, 2))
    for P in (0.0, 1e-14, 1e-3):
        first, second = (rdp(s, SquaredError(), Wasserstein2Squared(), D=0.02, P=P) for s in (single, doubled))
        assert_sound(second, gap=1e-9)
        assert_agree(first.bounds, second.bounds, values=1e-9)


@pytest.mark.parametrize("P", (0.0, 1e-14))
def test_moves_that_cost_nothing_widen_a_ball_of_radius_0(P: float) -> None:
    binding = 0
    for seed in range(16):
        rng = np.random.default_rng(seed)
        n, m, k = (int(size) for size in rng.integers(2, 7, 3))
        p, q = (0.9 * rng.dirichlet(np.ones(size)) + 0.1 / size for size in (n, k))
        free = rng.uniform(size=(k, m)) < 0.3
        free[np.arange(k), rng.integers(0, m, k)] = True
        cost = np.where(free, 0.0, rng.uniform(0.1, 1.0, (k, m)))
        table = rng.uniform(size=(n, m))
        ball = TransportDivergence(cost)
        law = (free / free.sum(axis=1, keepdims=True)).T @ q
        least = TransportDivergence(table).value(p, law)  # a plan between the laws is a channel that keeps both limits
        D = 0.7 * least + 0.3 * float(p @ table @ law)
        problem = DiscreteProblem(p, (DistortionLimit(table, D),), (PerceptionLimit(ball, q, P),))
        exact = DiscreteProblem(p, problem.distortions, (PerceptionLimit(ball, q, 0.0),))
        truth = oracle.rate(exact)
        found = answered(problem, METHOD)
        assert found.bounds.gap <= 1e-9, (seed, found.bounds)
        assert_inside(found.bounds, truth, CONIC)
        assert found.channel is not None
        assert_channel(problem, found.channel)
        binding += truth > 1e-3
    assert binding >= 8


def test_free_moves_through_the_front_door() -> None:
    """What P = 0 allows is neither the reference alone nor infeasible before the least distortion of a moved law."""
    points, table = np.repeat(np.arange(3.0), 2), SquaredError().table(np.arange(6.0))
    divergence, statuses = Wasserstein2Squared(), set()
    for seed in range(6):
        rng = np.random.default_rng(seed)
        p, q = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(6))
        through = np.minimum(table[:, ::2], table[:, 1::2])  # to the cheaper of two reproductions at one point
        least = TransportDivergence(through).value(p, q.reshape(3, 2).sum(axis=1))
        for D in (0.9 * least, 1.1 * least, 2.0 * least):
            solution = rdp(Pmf(p, points), Table(table, reference=q), divergence, D=D, P=0.0)
            assert_sound(solution, gap=1e-9)
            assert (solution.status is Status.INFEASIBLE) == (least > D)
            statuses.add(solution.status)
    assert statuses == {Status.INFEASIBLE, Status.OPTIMAL}


def test_a_forbidden_symbol_under_free_moves() -> None:
    """D = 0 leaves one output, which free moves of the reference reach: R = 0, whatever the dual point."""
    table, q = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0]]), np.array([0.2, 0.8, 0.0])
    cost = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    for moves, law in ((cost, q), (cost[:2], q[:2])):
        ball = PerceptionLimit(TransportDivergence(moves), law, 0.0)
        problem = DiscreteProblem(np.array([0.5, 0.5]), (DistortionLimit(table, 0.0),), (ball,))
        for f in ([0.0, 0.0], [0.0, 3.0]):
            assert lower_bound(problem, DualPoint(np.array(f), np.zeros(1), ())) <= 1e-15
        assert answered(problem, METHOD).bounds.lower <= 1e-15
    source = Pmf(np.array([0.5, 0.5]))
    assert rdp(source, Table(table, reference=q), TransportDivergence(cost), D=0.0, P=0.0).rate == 0.0


@pytest.mark.parametrize("unit", (1e-6, 255.0))
@pytest.mark.parametrize("divergence", (Wasserstein1(), Wasserstein2Squared()), ids=repr)
def test_the_unit_of_the_points_does_not_matter(divergence: Divergence, unit: float) -> None:
    points, masses = np.linspace(0.0, 1.0, 12), np.random.default_rng(2).dirichlet(np.ones(12))
    power = 2 if divergence == Wasserstein2Squared() else 1
    for P in (0.0, 1e-3):
        for places in (points, np.repeat(points[::2], 2)):
            first = rdp(Pmf(masses, places), SquaredError(), divergence, D=0.02, P=P)
            second = rdp(Pmf(masses, unit * places), SquaredError(), divergence, D=0.02 * unit**2, P=P * unit**power)
            assert first.gap <= 1e-9
            assert second.gap <= 1e-9
            assert_agree(first.bounds, second.bounds, values=1e-9)


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(1e-3, 1.0))
def test_the_first_law_is_inside_the_ball(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    k, m = (int(size) for size in rng.integers(1, 9, 2))
    q, cost = rng.dirichlet(np.ones(k)), rng.uniform(size=(k, m)) ** int(rng.integers(1, 5))
    least = float(q @ cost.min(axis=1))
    P = least + share * (float(q @ cost.mean(axis=1)) - least)
    ball = TransportDivergence(cost)
    law = inner_law(PerceptionLimit(ball, q, P))
    assert law.shape == (m,)
    assert abs(law.sum() - 1.0) <= 1e-12
    assert ball.value(q, law) <= P + 1e-9  # HiGHS keeps its rows to 1e-7 of data of order 1, here far better


def test_a_rectangular_table_through_the_front_door() -> None:
    rng = np.random.default_rng(3)
    reference = np.array([0.3, 0.5, 0.2])
    distortion = Table(rng.uniform(size=(5, 3)), reference=reference)
    source = Pmf(np.full(5, 0.2))
    divergence = TransportDivergence(1.0 - np.eye(3))  # total variation under another name
    solution = rdp(source, distortion, divergence, D=0.35, P=0.05)
    assert_sound(solution, gap=1e-9)
    assert solution.status is Status.OPTIMAL
    assert 0.5 * np.abs(solution.candidate.output - reference).sum() <= 0.05 + 1e-12


def test_support_function_against_a_linear_program() -> None:
    rng = np.random.default_rng(0)
    for trial in range(90):
        m = int(rng.integers(2, 9))
        k = m if trial % 3 < 2 else int(rng.integers(2, 9))
        points, p = rng.normal(size=m), rng.dirichlet(np.ones(k))
        v = rng.normal(size=m) * 10.0 ** rng.uniform(-2, 2)
        family = (
            Wasserstein1().on(points),
            Wasserstein2Squared().on(points),
            TransportDivergence(rng.uniform(size=(k, m))),
        )
        ball = family[trial % 3]
        P = 10.0 ** rng.uniform(-4, 0.5) + float(p @ ball.cost.min(axis=1))
        sums = np.kron(np.eye(k), np.ones(m))
        program = linprog(-np.tile(v, k), A_ub=ball.cost.ravel()[None], b_ub=[P], A_eq=sums, b_eq=p)
        slack = 1e-9 * (1.0 + abs(program.fun))  # HiGHS keeps its rows to 1e-7 of data of order 1, here far better
        found = ball.support(v, p, P)
        assert abs(found.value + program.fun) <= slack
        assert abs(found.law @ v - found.value) <= slack
        assert ball.value(p, found.law) <= P + 1e-9


def test_the_discretised_gaussian_approaches_the_closed_form() -> None:
    """The error falls with the grid at order 2 or better, down to what the ends of the grid cut off (about 1e-6)."""
    D, P = 0.3, 0.02
    truth = rdp(Gaussian(0.0, 1.0), SquaredError(), Wasserstein2Squared(), D=D, P=P).rate
    sizes = np.array([16, 32, 64, 128])
    errors = []
    for n in sizes:
        source = discretise(Gaussian(0.0, 1.0), int(n), low=-5.0, high=5.0)
        solution = rdp(source, SquaredError(), Wasserstein2Squared(), D=D, P=P).require(gap=1e-9)
        errors.append(abs(solution.rate - truth))
    assert errors[-1] <= 3e-4
    order = -np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert 1.8 <= order <= 3.0, (order, errors)


def test_a_wide_ball_changes_nothing() -> None:
    problem = on_the_line(5, Wasserstein2Squared())
    free = rate_distortion(problem.source, problem.distortion, D=problem.D)
    wide = rdp(problem.source, problem.distortion, problem.perception, D=problem.D, P=100.0)
    assert wide.bounds.overlaps(free.bounds)  # two paths to one number, each within the gap asked for
    assert wide.slopes.P == 0.0
