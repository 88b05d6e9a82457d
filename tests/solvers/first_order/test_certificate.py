"""The certificate of large problems against plain dense evaluation, and against planted wrong answers."""

from __future__ import annotations

import numpy as np
import pytest

from rdptheory.distortions import SquaredError
from rdptheory.divergences import TotalVariation
from rdptheory.geometry import Dense, Grid
from rdptheory.information import mutual_information
from rdptheory.solvers.first_order.certificate import (
    Iterate,
    Reached,
    cheapest,
    lower_bound,
    nearest_map,
    reached,
    rounded,
)
from rdptheory.solvers.first_order.projections import Ball

RNG = np.random.default_rng(5)
AXES = (np.arange(5.0), np.arange(4.0))
POINTS = np.stack(np.meshgrid(*AXES, indexing="ij"), axis=-1).reshape(-1, 2)
TABLE = SquaredError().table(POINTS)
P0 = RNG.dirichlet(np.ones(20))
KERNEL, S = Grid(AXES), 0.8
BALL = Ball(TotalVariation(), P0, 0.1)


def iterate() -> Iterate:
    """A row-exact channel that is optimal for nothing."""
    return Iterate.of(P0, KERNEL.at(S), S, np.log(P0) + 0.3 * RNG.normal(size=20))


def test_row_exact_channels_reach_what_is_said() -> None:
    point = iterate()
    found, channel = reached(P0, BALL, KERNEL, point), point.channel()
    assert np.abs(channel.sum(axis=1) - 1.0).max() <= 1e-14
    assert np.allclose(P0 @ channel, point.law, rtol=1e-13)
    assert 0.0 <= found.rate - mutual_information(P0, channel) <= 1e-11  # the allowance is on the safe side
    assert found.distortion == pytest.approx(float(np.vdot(P0[:, None] * channel, TABLE)), rel=1e-13)
    assert found.perception == pytest.approx(TotalVariation().value(P0, P0 @ channel), rel=1e-12)


def test_rounding_gives_the_reference_law_without_raising_information() -> None:
    found = rounded(P0, P0, KERNEL, iterate())
    channel = found.channel()
    assert np.abs(P0 @ channel - P0).max() <= 1e-16 * 20
    assert mutual_information(P0, channel) <= found.rate + 1e-13
    assert found.distortion == pytest.approx(float(np.vdot(P0[:, None] * channel, TABLE)), rel=1e-12)


def test_the_lower_bound_is_that_of_the_dense_table() -> None:
    point, D = iterate(), 1.3
    f = point.f + 0.1 * RNG.normal(size=20)
    log_m = np.log((P0 * np.exp(f)) @ np.exp(-S * TABLE))
    sigma = TotalVariation().support(log_m, P0, 0.1).value
    exact = float(P0 @ f) - S * D - sigma
    grid = np.log(KERNEL.at(S).backward(P0 * np.exp(f)))
    found = lower_bound(P0, f, grid, S, D, KERNEL, BALL.support(grid, BALL.project(grid)))
    assert 0.0 <= exact - found <= 1e-12


def test_a_bound_from_a_wrong_kernel_is_noticed() -> None:
    """Planted error: a kernel that drops mass proves more than the true one, and evaluating again takes it back."""
    point = iterate()
    honest = reached(P0, BALL, KERNEL, point)
    wrong = Iterate(P0, point.gibbs, S, point.log_h, point.f - 0.5, point.log_m, point.law)
    cheat = reached(P0, BALL, KERNEL, wrong)
    assert cheat.rate < honest.rate - 0.1
    assert cheat.again(KERNEL).rate == pytest.approx(honest.rate, abs=1e-12)


def test_the_cheapest_mixture_is_a_linear_program() -> None:
    from scipy.optimize import linprog

    def point(rate: float, distortion: float, perception: float) -> Reached:
        return Reached(
            rate, distortion, perception, lambda: np.eye(1), lambda kernel: point(rate, distortion, perception)
        )

    solved = 0
    for _ in range(80):
        table = RNG.random((5, 3))
        found = cheapest([point(*map(float, row)) for row in table], 0.5, 0.5)
        program = linprog(table[:, 0], A_ub=table[:, 1:].T, b_ub=[0.5, 0.5], A_eq=np.ones((1, 5)), b_eq=[1.0])
        assert (found is None) == (program.status == 2)
        if found is not None:
            solved += 1
            assert found.rate == pytest.approx(program.fun, abs=1e-9)
            assert found.distortion <= 0.5
            assert found.perception <= 0.5
    assert solved > 20


def test_mixtures_write_their_channel_down() -> None:
    near, point = nearest_map(P0, BALL, KERNEL), reached(P0, BALL, KERNEL, iterate())
    D = 0.7 * point.distortion
    found = cheapest([point, near], D, 1.0)
    assert found is not None
    channel = found.channel()
    assert float(np.vdot(P0[:, None] * channel, TABLE)) == pytest.approx(D, rel=1e-12)
    assert mutual_information(P0, channel) <= found.rate
    assert found.again(Dense(TABLE)).rate == pytest.approx(found.rate, rel=1e-10)
