"""Geometries multiply as the table they stand for; the fast ones nearly so."""

from __future__ import annotations

import numpy as np
import pytest

import rdptheory.geometry.grid as grid_module
import rdptheory.geometry.line as line_module
import rdptheory.geometry.points as points_module
from rdptheory._types import FloatArray
from rdptheory.distortions import AbsoluteError, Hamming, SquaredError, Table, geometry_of
from rdptheory.errors import InvalidInput
from rdptheory.geometry import (
    AbsoluteLine,
    AbsolutePoints,
    Convolution,
    Dense,
    Geometry,
    Grid,
    Matches,
    Points,
    Reordered,
    SquaredLine,
    as_grid,
)
from rdptheory.geometry.base import SINGLE_ERROR

AXES = (np.array([0.0, 1.0, 2.0, 3.0, 4.0]), np.array([-1.0, 0.0, 2.5]), np.array([0.0, 1.0]))
CLOUD = np.random.default_rng(0).normal(size=(40, 3)) + 5.0


def product(axes: tuple[FloatArray, ...]) -> FloatArray:
    """The points of a grid in C order."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


SHUFFLED = np.random.default_rng(3).permutation(30)
LINE = np.random.default_rng(4).normal(size=40)
OTHER = np.random.default_rng(5).normal(size=25)
CASES: dict[str, tuple[Geometry, FloatArray]] = {
    "grid": (Grid(AXES), SquaredError().table(product(AXES))),
    "one axis": (Grid(AXES[:1]), SquaredError().table(product(AXES[:1]))),
    "points": (Points(CLOUD), SquaredError().table(CLOUD)),
    "two clouds": (Points(CLOUD, CLOUD[::2] + 0.1), ((CLOUD[:, None] - CLOUD[None, ::2] - 0.1) ** 2).sum(axis=2)),
    "absolute": (AbsolutePoints(CLOUD), AbsoluteError().table(CLOUD)),
    "dense": (Dense(SquaredError().table(CLOUD)), SquaredError().table(CLOUD)),
    "line": (SquaredLine(LINE), SquaredError().table(LINE)),
    "two lines": (SquaredLine(LINE, OTHER), np.square(np.subtract.outer(LINE, OTHER))),
    "absolute line": (AbsoluteLine(LINE), AbsoluteError().table(LINE)),
    "two absolute lines": (AbsoluteLine(LINE, OTHER), np.abs(np.subtract.outer(LINE, OTHER))),
    "matches": (Matches(12), Hamming().table(np.zeros(12))),
    "reordered": (Reordered(Grid(AXES), SHUFFLED), SquaredError().table(product(AXES)[np.argsort(SHUFFLED)])),
}
EACH = pytest.mark.parametrize("kernel, table", CASES.values(), ids=CASES.keys())


@EACH
@pytest.mark.parametrize("s", [1e-3, 0.3, 20.0])
@pytest.mark.parametrize("band", [1000, 0], ids=["band", "boxes"])
def test_products_agree_with_the_table(
    kernel: Geometry, table: FloatArray, s: float, band: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_module, "BAND", band)
    x, y = np.random.default_rng(1).random(table.shape[1]), np.random.default_rng(2).random(table.shape[0])
    K = np.exp(-s * table)
    error = kernel.rounding(s)
    for fast, tolerance in ((kernel, error.product + 1e-14), (kernel.fast(), 1e-5)):
        gibbs = fast.at(s)
        floor = 1e-300 if fast is kernel else SINGLE_ERROR
        assert np.allclose(gibbs.forward(x), K @ x, rtol=tolerance, atol=0.0 if fast is kernel else 1e-18)
        assert np.allclose(gibbs.backward(y), K.T @ y, rtol=tolerance, atol=0.0 if fast is kernel else 1e-18)
        assert np.allclose(gibbs.table(), K, rtol=tolerance, atol=floor)
        slack = (error.cost if fast is kernel else 10 * tolerance) * ((K * table) @ x) + 1e-30
        slack = slack + (error.offset if fast is kernel else tolerance / s) * (K @ x)
        assert (np.abs(gibbs.cost(x) - (K * table) @ x) <= slack).all()
    for found, right, mass in (
        (kernel.mean(x), table @ x, x.sum()),
        (kernel.mean_backward(y), y @ table, y.sum()),
    ):
        assert np.abs(found - right).max() <= error.mean * float(mass)


@EACH
def test_facts_about_the_table(kernel: Geometry, table: FloatArray) -> None:
    n, m = table.shape
    assert kernel.shape == (n, m)
    assert np.allclose(kernel.table(), table, rtol=1e-12, atol=1e-12)
    assert kernel.symmetric == (n == m and bool(np.array_equal(table, table.T)))
    assert (table[np.arange(n), kernel.nearest()] == table.min(axis=1)).all()
    hard = kernel.at(kernel.largest_slope()).table()
    assert np.allclose(hard, table == 0.0, atol=1e-300)
    chosen, w = np.array([4, 0, 2]), np.random.default_rng(6).random(n)
    K = np.exp(-0.4 * table)[:, chosen]
    assert np.allclose(kernel.gram(0.4, w, chosen), K.T @ (w[:, None] * K), rtol=1e-12)
    assert kernel.gram_size(3) in (9, 3 * n)
    values = np.sin(np.arange(float(m)))
    peaks = kernel.peaks(values)
    assert peaks is None or peaks[values.argmax()]


def test_a_line_keeps_relative_accuracy_in_every_box(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against sums in extended precision: clusters, gaps of many boxes, points far from 0, entries down to 1e-290."""
    rng = np.random.default_rng(7)
    clouds = (rng.normal(size=80), 1e6 + rng.random(60), np.concatenate([1e-4 * rng.random(40), 50.0 + rng.random(40)]))
    monkeypatch.setattr(line_module, "BAND", 0)
    for x in clouds:
        mass = np.exp(6.0 * rng.normal(size=x.size))
        d = np.square(np.subtract.outer(x, x)).astype(np.longdouble)
        for s in (0.02, 0.2, 30.0):
            true = np.exp(-s * d) @ mass.astype(np.longdouble)
            seen = true > 1e-290
            error = np.abs(SquaredLine(x).at(s).forward(mass) / true - 1.0)[seen].max()
            assert error <= SquaredLine(x).rounding(s).product
            assert error <= 1e-14


def test_a_bound_on_the_error_is_broken_by_a_planted_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half the terms of the series: the products leave the bound that all of them keep."""
    x = np.linspace(0.0, 8.0, 50)
    monkeypatch.setattr(line_module, "BAND", 0)
    monkeypatch.setattr(line_module, "TERMS", 10)
    true = np.exp(-np.square(np.subtract.outer(x, x))) @ np.ones(50)
    assert np.abs(SquaredLine(x).at(1.0).forward(np.ones(50)) / true - 1.0).max() > SquaredLine(x).rounding(1.0).product


def test_points_between_two_alphabets() -> None:
    """`on` is the distortion between two alphabets, for members and for anything that has a table."""

    class Fourth:
        def table(self, points: FloatArray) -> FloatArray:
            return np.asarray(np.subtract.outer(points, points) ** 4)

    x, y = np.array([0.0, 1.0, 3.0]), np.array([1.0, 4.0])
    plane = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert geometry_of(Fourth(), x, y).table().tolist() == [[1.0, 256.0], [0.0, 81.0], [16.0, 1.0]]
    assert geometry_of(SquaredError(), x, y).table().tolist() == [[1.0, 16.0], [0.0, 9.0], [4.0, 1.0]]
    assert geometry_of(AbsoluteError(), x, y).table().tolist() == [[1.0, 4.0], [0.0, 3.0], [2.0, 1.0]]
    assert geometry_of(Hamming(), x, y).table().tolist() == [[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]]
    assert geometry_of(SquaredError(), plane, plane[:1]).table().tolist() == [[0.0], [2.0]]
    assert geometry_of(AbsoluteError(), plane, plane[:1]).table().tolist() == [[0.0], [2.0]]
    assert geometry_of(Hamming(), plane, plane[:1]).table().tolist() == [[0.0], [1.0]]
    assert geometry_of(Table([[1.0, 2.0]]), x[:1], y).table().tolist() == [[1.0, 2.0]]
    with pytest.raises(InvalidInput, match="space of x"):
        geometry_of(SquaredError(), x, plane)
    with pytest.raises(InvalidInput, match="one row for each"):
        geometry_of(Table([[1.0, 2.0]]), x, y)


@pytest.mark.parametrize("member", [Hamming(), SquaredError(), AbsoluteError()])
def test_a_table_that_does_not_fit_is_refused_before_it_is_made(member: SquaredError) -> None:
    for points in (np.arange(40_000.0), np.zeros((40_000, 2))):
        with pytest.raises(InvalidInput, match="GiB"):
            member.table(points)
        with pytest.raises(InvalidInput, match="GiB"):
            member.on(points).table()


def test_tiles_do_what_storage_does(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(2).random(40)
    stored = Points(CLOUD).at(0.2)
    monkeypatch.setattr(points_module, "STORED_DOUBLE", 0)
    monkeypatch.setattr(points_module, "TILE", 130)  # three rows of forty
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
    monkeypatch.setattr(grid_module, "POINT_OF_FFT", 0.0)
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
