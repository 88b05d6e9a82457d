"""Tails that are told by steps: heavy laws have narrow brackets, and what the steps are said to cost is true."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import Cells, Exponential, Gaussian, StudentT, rate_distortion, rdp
from rdptheory.continuous.candidate import CellChannel, Points, Redraw, Steps
from rdptheory.continuous.finite import cells_problem
from rdptheory.continuous.lattice import Told, cell_law
from tests.continuous.cases import ABSOLUTE, FREE, KL, SQUARED, W2, L, N, ask

ROUNDING = 1e-12
"""Of sums over a few hundred steps, whose ends are computed from their logarithms."""


@pytest.mark.parametrize(
    ("law", "ball", "relative"),
    [
        (StudentT(2.01), FREE, 0.025),
        (StudentT(2.1), FREE, 0.025),
        (StudentT(2.5), (KL, 0.005), 0.015),
        (StudentT(2.1), (KL, 0.0), 0.005),
        (StudentT(2.5), (W2, 0.1), 0.04),
        (scipy.stats.lognorm(1.5), FREE, 0.03),
    ],
    ids=["t2.01", "t2.1", "t2.5 KL", "t2.1 equal", "t2.5 W2", "lognormal"],
)
def test_heavy_tails_cost_no_width(law, ball, relative) -> None:
    """At a hundred cells; Gaussian noise, which was all before, is off by more than the rate."""
    found = rdp(law, SQUARED, ball[0], D=0.5, P=ball[1], method=Cells(max_cells=128))
    assert 0.0 < found.gap <= relative * found.rate
    noise = 0.5 * np.log(Gaussian(0.0, law.var() if hasattr(law, "var") else law.standard_deviation**2).variance / 0.5)
    assert found.bounds.upper < noise


def test_shannons_bound_lies_below() -> None:
    law, D = StudentT(2.1), 0.01
    x = np.sinh(np.linspace(-80.0, 80.0, 200_001))  # h(X) by the trapezoidal rule, exact to all digits for such x
    p = law.density(x) * np.cosh(np.linspace(-80.0, 80.0, 200_001)) * (160.0 / 200_000)
    shannon = -float(p @ np.log(law.density(x))) - 0.5 * np.log(2.0 * np.pi * np.e * D)
    found = rate_distortion(law, SQUARED, D=D, method=Cells(max_cells=256))
    assert shannon < found.bounds.upper < shannon + 0.1


@settings(max_examples=25)
@given(st.floats(2.02, 9.0), st.floats(1.0, 300.0), st.floats(1e-3, 0.3))
def test_steps_cost_what_is_said(df, end, share) -> None:
    """H and the mean squares, summed over the steps of a tail by its masses, are below what `Told` says of them."""
    law = StudentT(df)
    tail = law.right_tail(end)
    told = Told.worth(tail, 1.0, end, share * float(np.sqrt(tail.square)))
    if told is None:
        return
    k = np.arange(min(20_000, int(200.0 / np.log(told.ratio))))
    edges = end + told.unit * np.expm1(k * np.log(told.ratio))
    level = np.array([law.right_tail(float(edge)).mass for edge in edges[:: max(1, k.size // 400)]])
    level = np.exp(np.interp(k, k[:: max(1, k.size // 400)], np.log(np.maximum(level, 1e-300))))
    mass = np.append(-np.diff(level), level[-1]) / tail.mass
    mass = mass[mass > 0.0]
    entropy = -float(mass @ np.log(mass))
    assert entropy * tail.mass <= told.rate * (1.0 + 1e-6)  # levels between every fiftieth step are interpolated
    width = np.diff(edges)
    assert 0.25 * float(mass[: width.size][: mass.size] @ width[: mass.size] ** 2) <= told.square * (1.0 + 1e-6)
    assert float(mass[: width.size][: mass.size] @ width[: mass.size]) <= told.width * (1.0 + 1e-6)


@pytest.mark.parametrize("ball", [FREE, (KL, 0.01), (W2, 0.0), (W2, 0.02), (W2, 0.2)], ids=str)
def test_upper_ends_with_told_tails_are_true(ball) -> None:
    """Against the Gaussian formulas, with tails that hold a tenth of the mass."""
    cells = cell_law(N, np.linspace(-1.6, 1.6, 33), 0.05)
    assert len(cells.told) == 2
    exact, asked = rdp(N, SQUARED, ball[0], D=0.3, P=ball[1]).rate, (SQUARED, ball[0] if ball[1] < np.inf else None)
    for redraw in (True, False):
        problem = cells_problem(cells, cells, *asked, 0.3, ball[1], redraw)
        if problem is None or (ball[0] is KL and not redraw) or (ball[1] == 0.0 and not redraw):
            continue
        rate = ask(problem, 1e-7).bounds.upper
        assert exact <= rate + cells.extra < exact + 1.0
    assert ask(cells_problem(cells, cells, *asked, 0.3, ball[1], True), 1e-7).bounds.upper < exact + 0.1


def test_what_telling_takes_has_to_be_paid_and_so_has_what_it_leaves() -> None:
    cells = cell_law(N, np.linspace(-0.3, 0.3, 5), 0.01)
    problem = cells_problem(cells, cells, SQUARED, None, 0.3, np.inf, False)
    exact = 0.5 * np.log(1.0 / 0.3)
    rate = ask(problem).bounds.upper
    assert rate < exact < rate + cells.extra, "the steps are not free"
    coarse = cell_law(N, np.linspace(-1.6, 1.6, 33), 0.3)
    assert (coarse.least[[0, -1]] > 0.02).all(), "half a step of root mean square 0.3 is left, whose square is 0.0225"


def test_absolute_error_is_told_too() -> None:
    cells = cell_law(L, np.linspace(-2.5, 2.5, 41), 0.05)
    assert len(cells.told) == 2
    for redraw in (True, False):
        rate = ask(cells_problem(cells, cells, ABSOLUTE, None, 0.3, np.inf, redraw), 1e-7).bounds.upper
        assert -np.log(0.3) < rate + cells.extra < -np.log(0.3) + 0.6


def test_a_channel_tells_its_tails() -> None:
    rng, law = np.random.default_rng(1), StudentT(2.1)
    found = rate_distortion(law, SQUARED, D=1.0, method=Cells(max_cells=128))
    left, right = found.candidate.tails
    far = np.array([1.001 * right.end, 1e3, 1e5, 1e9])
    for tail, x in ((right, far), (left, -far)):
        y = found.candidate.sample(x, rng)
        assert (np.abs(y - x) <= 0.5 * (tail.ratio - 1.0) * (np.abs(x - tail.end) + tail.unit)).all()
    x = law.scale * rng.standard_t(2.1, size=20_000)
    spent = float(np.mean((x - found.candidate.sample(x, rng)) ** 2))
    assert spent == pytest.approx(1.0, rel=0.05)  # what a channel spends away from the tails has light tails: 0.02


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_a_tail_that_is_drawn_is_that_of_the_law(side) -> None:
    """Redrawn, tails keep the law; another x, sent to the tail, is drawn from it; and points are middles of steps."""
    rng, law = np.random.default_rng(2), StudentT(4.0)
    edges = np.array([-np.inf, 0.0, np.inf])
    steps = Steps(law, side, 0.0, 1.0, 1.5)
    to_tail = [[1.0, 0.0]] * 2 if side < 0.0 else [[0.0, 1.0]] * 2
    x = law.scale * rng.standard_t(4.0, size=1500)
    redrawn = CellChannel(edges, to_tail, Redraw(law, edges), (steps,)).sample(x, rng)
    assert scipy.stats.kstest(side * redrawn, lambda y: 2.0 * scipy.stats.t(4).cdf(y) - 1.0).pvalue > 1e-3
    same = side * x > 0.0
    assert (np.abs(redrawn - x)[same] <= 0.5 * (np.abs(x) + 1.0)[same]).all()
    middle = CellChannel(edges, to_tail, Points(np.array([-1.0, 1.0])), (steps,)).sample(x, rng)
    k = np.floor(np.log1p(np.abs(middle)) / np.log(1.5))
    assert np.abs(middle) == pytest.approx(0.5 * (1.5**k + 1.5 ** (k + 1.0)) - 1.0, abs=ROUNDING * 1.5 ** k.max())
    one_sided = Steps(Exponential(1.0), 1.0, 2.0, 1.0, 1.1).draw(np.array([0.5, 3.0]), Points(np.zeros(1)), rng)
    assert (one_sided > 2.0).all()
