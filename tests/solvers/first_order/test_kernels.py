"""Kernels multiply as the table they stand for; the fast ones nearly so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rdptheory._types import FloatArray
from rdptheory.distortions import SquaredError
from rdptheory.divergences import TotalVariation
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit
from rdptheory.solvers.first_order import FirstOrder, kernels, solve, solve_first_order, solve_large
from rdptheory.solvers.first_order.kernels import Convolution, Dense, Grid, Kernel, Points, as_grid
from rdptheory.solvers.first_order.loop import Found, Question, run

AXES = (np.array([0.0, 1.0, 2.0, 3.0, 4.0]), np.array([-1.0, 0.0, 2.5]), np.array([0.0, 1.0]))
CLOUD = np.random.default_rng(0).normal(size=(40, 3)) + 5.0


def product(axes: tuple[FloatArray, ...]) -> FloatArray:
    """The points of a grid in C order."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


CASES: list[tuple[Kernel, FloatArray]] = [
    (Grid(AXES), SquaredError().table(product(AXES))),
    (Grid(AXES[:1]), SquaredError().table(product(AXES[:1]))),
    (Points(CLOUD), SquaredError().table(CLOUD)),
    (Dense(SquaredError().table(CLOUD)), SquaredError().table(CLOUD)),
]
EACH = pytest.mark.parametrize("kernel, table", CASES, ids=["grid", "line", "points", "dense"])


@EACH
@pytest.mark.parametrize("s", [1e-3, 0.3, 20.0])
def test_products_agree_with_the_table(kernel: Kernel, table: FloatArray, s: float) -> None:
    x = np.random.default_rng(1).random(table.shape[0])
    K = np.exp(-s * table)
    for fast, tolerance in ((kernel, kernel.rounding(s) + 1e-14), (kernel.fast(), 1e-5)):
        gibbs = fast.at(s)
        assert np.allclose(gibbs.forward(x), K @ x, rtol=tolerance, atol=0.0)
        assert np.allclose(gibbs.backward(x), K.T @ x, rtol=tolerance, atol=0.0)
        assert np.allclose(gibbs.cost(x), (K * table) @ x, rtol=10 * tolerance, atol=1e-30)
        assert np.allclose(gibbs.table(), K, rtol=tolerance, atol=1e-300 if fast is kernel else kernels.SINGLE_ERROR)
    assert np.allclose(kernel.mean(x), table @ x, rtol=1e-12)
    assert np.allclose(kernel.mean_backward(x), x @ table, rtol=1e-12)


@EACH
def test_facts_about_the_table(kernel: Kernel, table: FloatArray) -> None:
    assert kernel.shape == table.shape
    assert kernel.symmetric
    assert (table[np.arange(table.shape[0]), kernel.nearest()] == 0.0).all()
    hard = kernel.at(kernel.largest_slope()).table()
    assert np.allclose(hard, np.eye(table.shape[0]), atol=1e-300)


def test_tiles_do_what_storage_does(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(2).random(40)
    stored = Points(CLOUD).at(0.2)
    monkeypatch.setattr(kernels, "STORED_DOUBLE", 0)
    monkeypatch.setattr(kernels, "TILE", 130)  # three rows of forty
    tiled = Points(CLOUD).at(0.2)
    assert type(tiled) is not type(stored)
    for name in ("forward", "backward", "cost"):
        assert np.allclose(getattr(tiled, name)(x), getattr(stored, name)(x), rtol=1e-13)
    assert np.allclose(tiled.table(), stored.table(), rtol=1e-13)


def test_relative_accuracy_far_from_the_mass() -> None:
    """A single atom: every entry of K x is one entry of K, down to 1e-300."""
    axis = np.arange(200.0)
    x = np.zeros(200)
    x[0] = 1.0
    found = Grid((axis,)).at(0.0172).forward(x)
    assert found.min() < 1e-290
    assert np.allclose(found, np.exp(-0.0172 * axis**2), rtol=1e-13, atol=0.0)


def test_grids_are_recognised_in_any_order() -> None:
    points = product(AXES)
    shuffled = points[np.random.default_rng(3).permutation(points.shape[0])]
    found = as_grid(shuffled)
    assert found is not None
    axes, order = found
    assert all(np.array_equal(a, b) for a, b in zip(axes, AXES, strict=True))
    assert np.array_equal(shuffled[order], points)
    assert as_grid(points[1:]) is None  # a missing point
    assert as_grid(np.vstack([points[1:], points[1:2]])) is None  # a point twice
    assert as_grid(np.array([3.0, 1.0, 2.0])) is not None


@pytest.mark.parametrize(
    "axes, s",
    [((0.5 * np.arange(40.0), 0.7 * np.arange(31.0)), 0.3), ((np.arange(900.0),), 0.01), ((AXES[0],) * 3, 2.0)],
)
def test_a_convolution_is_the_grid_up_to_its_absolute_error(
    axes: tuple[FloatArray, ...], s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "POINT_OF_FFT", 0.0)
    grid, convolution = Grid(axes).at(s), Convolution(axes).at(s)
    n = Grid(axes).shape[0]
    x = np.exp(5.0 * np.random.default_rng(5).normal(size=n))
    row = float(np.sqrt(Grid(axes).at(2.0 * s).forward(np.ones(n)).max()))
    bound = np.log2(n) * 2.0**-53 * float(np.linalg.norm(x)) * row
    assert type(convolution) is not type(grid)
    assert np.abs(convolution.forward(x) - grid.forward(x)).max() <= bound
    assert np.abs(convolution.backward(x) - grid.backward(x)).max() <= bound
    assert np.abs(convolution.cost(x) - grid.cost(x)).max() <= bound / s  # s d K is a kernel of the same size
    assert np.array_equal(convolution.table(), grid.table())


def test_a_solve_steered_by_a_convolution_is_proved_with_the_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.arange(1500.0)
    p = np.exp(-0.5 * ((x - 750.0) / 120.0) ** 2)
    p /= p.sum()
    assert isinstance(Grid((x,)).fast(), Convolution)
    assert type(Grid((x,)).fast().at(0.01)) is kernels._Transform
    found = []
    for cost in (kernels.POINT_OF_FFT, np.inf):
        monkeypatch.setattr(kernels, "POINT_OF_FFT", cost)
        found.append(solve_large(p, x, None, 100.0, np.inf, FirstOrder(gap=1e-2)))
    steered, plain = found
    assert steered.finished
    assert steered.bounds.gap <= 1e-2
    assert steered.bounds.lower <= plain.bounds.upper
    assert plain.bounds.lower <= steered.bounds.upper


def test_a_convolution_carries_half_a_million_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    axis = np.arange(700.0)
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    p = np.exp(np.sin(rows / 40.0) * np.cos(columns / 60.0)).ravel()
    p /= p.sum()
    assert type(Convolution((axis, axis)).at(0.1)) is kernels._Transform
    found = []
    for cost in (kernels.POINT_OF_FFT, np.inf):
        monkeypatch.setattr(kernels, "POINT_OF_FFT", cost)
        found.append(solve_large(p, product((axis, axis)), None, 10.0, np.inf, FirstOrder(gap=3e-2)))
    steered, plain = found
    assert steered.bounds.gap <= 3e-2
    assert plain.bounds.gap <= 3e-2
    assert steered.bounds.overlaps(plain.bounds)


def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Kernel, Found]]:
    """Every run of the loop, with its kernel."""
    seen: list[tuple[Kernel, Found]] = []

    def spied(question: Question, *others: Any) -> Found:
        found = run(question, *others)
        seen.append((question.kernel, found))
        return found

    monkeypatch.setattr(solve, "run", spied)
    return seen


def test_a_wrong_convolution_gives_way_to_the_exact_product(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.arange(1200.0)
    p = np.exp(-0.5 * ((x - 600.0) / 120.0) ** 2)
    p /= p.sum()
    exact = solve_large(p, x, None, 100.0, np.inf, FirstOrder(gap=1e-3))
    noise = 1.0 + 0.1 * np.random.default_rng(6).random(x.size)
    right = kernels._Transform.forward
    monkeypatch.setattr(kernels._Transform, "forward", lambda gibbs, y: noise * right(gibbs, y))
    seen = runs(monkeypatch)
    found = solve_large(p, x, None, 100.0, np.inf, FirstOrder(gap=1e-3, max_steps=5000))
    assert type(seen[0][0]) is Convolution
    own = seen[0][1].incumbent.upper
    assert own is not None
    assert own.rate < exact.bounds.lower  # by its own account it is done, and it is wrong
    assert type(seen[-1][0]) is Grid
    assert found.bounds.gap <= 1e-3
    assert found.bounds.overlaps(exact.bounds)


def test_single_precision_gives_way_where_it_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    axis = np.arange(64.0)
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    p = np.exp(np.sin(rows / 5.0) * np.cos(columns / 7.0)).ravel()
    p /= p.sum()
    seen = runs(monkeypatch)
    found = solve_large(p, product((axis, axis)), None, 0.3, np.inf, FirstOrder(gap=1e-8, max_steps=5000))
    assert type(seen[0][0]) is Convolution
    assert type(seen[-1][0]) is Grid
    assert found.bounds.gap <= 1e-8


def test_the_limit_on_steps_counts_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    axis = np.arange(64.0)
    p = np.full(axis.size**2, axis.size**-2.0)
    seen = runs(monkeypatch)
    found = solve_large(p, product((axis, axis)), TotalVariation(), 0.3, 0.05, FirstOrder(gap=1e-14, max_steps=60))
    assert len(seen) > 1
    assert found.steps == 60
    assert not found.finished


@pytest.mark.parametrize("cost", [0.0, np.inf], ids=["convolution", "single"])
@pytest.mark.parametrize("D, P", [(1e-3, np.inf), (100.0, np.inf), (20.0, 0.05), (20.0, 0.0)])
def test_tails_beyond_single_precision(cost: float, D: float, P: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fast product may not tell these tails from nothing, nor send their dual variables to infinity."""
    x = np.arange(800.0)
    p = np.exp(-0.5 * ((x - 270.0) / 18.0) ** 2)
    p /= p.sum()
    assert p.min() < 1e-170
    monkeypatch.setattr(kernels, "POINT_OF_FFT", cost)
    found = solve_large(p, x, None if np.isinf(P) else TotalVariation(), D, P, FirstOrder(gap=1e-3, max_steps=500))
    held = p > 1e-40  # what is left out costs nothing that shows
    table = SquaredError().table(x[held])
    law = p[held] / p[held].sum()
    ball = () if np.isinf(P) else (PerceptionLimit(TotalVariation(), law, P),)
    inside = solve_first_order(DiscreteProblem(law, (DistortionLimit(table, D),), ball), FirstOrder(gap=1e-3))
    assert found.finished
    assert found.bounds.overlaps(inside.bounds)


def test_a_fast_product_is_never_below_its_error() -> None:
    """An atom at one end: what is mirrored, or transformed, leaves rounding errors of either sign at the other."""
    x = np.zeros(1500)
    x[3] = 1.0
    axis = np.arange(1500.0)
    true = Grid((axis,)).at(0.01).forward(x)
    for gibbs in (Convolution((axis,)).at(0.01), Grid((axis,), approximate=True).at(0.01)):
        product = gibbs.forward(x)
        assert product.min() > 0.0
        assert (product >= 0.5 * true).all()  # the worst is an error taken off what is twice as large


def test_only_uniform_axes_are_convolved() -> None:
    assert not isinstance(Grid(AXES).fast(), Convolution)
