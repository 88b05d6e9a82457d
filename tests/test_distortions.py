"""Distortions are tables over the points, at least 0, and 0 where nothing was lost."""

import math

import numpy as np
import pytest

from rdptheory import AbsoluteError, Distance, Hamming, InvalidInput, Pmf, SquaredError, Table, TotalVariation, rdp
from rdptheory.distortions import DISTORTIONS, Distortion


def city(x, y):
    """Sum of the absolute differences of coordinates."""
    return np.abs(x - y) if x.ndim == 2 else np.abs(x - y).sum(axis=-1)


MADE = {Table: lambda: Table([[0.0, 1.0, 2.0]] * 3), Distance: lambda: Distance(city)}
POINTS = np.array([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]])


def test_each_entry_is_the_distance_it_says():
    for i, x in enumerate(POINTS):
        for j, y in enumerate(POINTS):
            assert Hamming().table(POINTS)[i, j] == float(i != j)
            assert SquaredError().table(POINTS)[i, j] == pytest.approx(np.dot(x - y, x - y), abs=1e-15)
            assert AbsoluteError().table(POINTS)[i, j] == pytest.approx(np.abs(x - y).sum(), abs=1e-15)


@pytest.mark.parametrize("points", [POINTS, POINTS[:, 0]])
@pytest.mark.parametrize("family", DISTORTIONS)
def test_members_of_the_family(family, points):
    member = MADE.get(family, family)()
    assert isinstance(member, Distortion)
    table = member.table(points)
    assert table.shape == (3, 3)
    assert (table >= 0.0).all()
    assert not table.flags.writeable
    if family is not Table:
        assert not np.diagonal(table).any()
        np.testing.assert_array_equal(table, table.T)
    if family not in MADE:
        assert member == family()


def test_hamming_tells_symbols_apart_even_where_points_coincide():
    np.testing.assert_array_equal(Hamming().table(np.zeros(2)), [[0.0, 1.0], [1.0, 0.0]])


def test_a_table_is_a_locked_copy():
    matrix = np.ones((2, 3))
    table = Table(matrix, [0.2, 0.3, 0.5])
    matrix[0, 0] = 7.0
    assert table.matrix[0, 0] == 1.0
    assert table.reference.tolist() == [0.2, 0.3, 0.5]
    assert not table.matrix.flags.writeable


@pytest.mark.parametrize(
    "matrix, reference, argument",
    [
        ([[0.0, -np.inf]], None, "matrix"),
        ([[0.0, np.nan]], None, "matrix"),
        ([0.0, 1.0], None, "matrix"),
        ([[np.inf, np.inf]], None, "matrix"),
        ([[]], None, "matrix"),
        ([["a"]], None, "matrix"),
        ([[0.0, 1.0]], [1.0], "reference"),
        ([[0.0, 1.0]], [0.5, 0.48], "reference"),
        ([[0.0, 1.0]], [1.5, -0.5], "reference"),
    ],
)
def test_bad_tables_are_refused(matrix, reference, argument):
    with pytest.raises(InvalidInput) as caught:
        Table(matrix, reference)
    assert caught.value.argument == argument


def test_a_table_needs_a_row_for_every_symbol():
    with pytest.raises(InvalidInput, match="one row for each of the 3 symbols"):
        Table(np.ones((2, 2))).table(np.arange(3.0))


@pytest.mark.parametrize("points", [[0.0, 1.0, 3.0], [[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]]])
def test_a_function_is_the_distortion_that_it_computes(points):
    source = Pmf([0.5, 0.3, 0.2], points)
    ours, mine = (rdp(source, d, TotalVariation(), D=0.4, P=0.05) for d in (AbsoluteError(), Distance(city)))
    assert mine.gap <= 1e-9
    assert mine.bounds.overlaps(ours.bounds)


@pytest.mark.parametrize(
    "function, said",
    [
        (lambda x, y: math.sqrt(abs(x - y)), "must take arrays x and y that broadcast, as np.sqrt"),
        (lambda x, y: 0.0 if x == y else 1.0, "must take arrays x and y that broadcast"),
        (lambda x: x, "must take arrays .* takes 1 positional argument"),
        (lambda x, y: np.where(x > y, np.nan, 0.0), "is nan for some x, y"),
    ],
)
def test_a_function_of_two_numbers_is_told_of_arrays(function, said):
    with pytest.raises(InvalidInput, match=f"function = .*{said}"):
        rdp(Pmf([0.5, 0.3, 0.2]), Distance(function), None, D=0.1, P=np.inf)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: (x - y) * 1.0,
        lambda x, y: np.full((2, 2), 1.0),
        lambda x, y: np.abs(x - y) + np.inf,
        lambda x, y: np.abs(x - y) * np.nan,
        lambda x, y: "near",
    ],
)
def test_a_function_that_is_no_distortion_is_refused(function):
    with pytest.raises(InvalidInput):
        rdp(Pmf([0.5, 0.3, 0.2]), Distance(function), None, D=0.1, P=np.inf)
