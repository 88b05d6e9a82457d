"""Pictures: every curve is labelled, infinite rates are left out, files carry the format of their suffix."""

import math

import matplotlib as mpl
import numpy as np
import pytest

from rdptheory import Bernoulli, Gaussian, Hamming, SquaredError, TotalVariation, plotting
from rdptheory.sweeps import tabulate
from rdptheory.units import Unit


@pytest.fixture(scope="module")
def rows():
    return tabulate("coin", Bernoulli(0.25), Hamming(), TotalVariation(), D=[0.0, 0.1, 0.2], P=[0.0, math.inf])


@pytest.mark.parametrize("unit", list(Unit))
def test_one_labelled_line_for_each_P_in_the_unit_of_the_axis(rows, unit):
    with plotting.style():
        _, (axes,) = plotting.figure()
        widest = plotting.draw_curves(axes, rows, unit=unit)
    assert 0.0 <= widest <= 1e-13
    assert [line.get_label() for line in axes.lines] == ["P = 0", "P = ∞"]
    assert unit.value in axes.get_ylabel()
    assert axes.get_xlabel()
    for line, part in zip(axes.lines, (rows[:3], rows[3:]), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), unit.from_nats(np.array([row.rate_nat for row in part])))
    assert len({line.get_linestyle() for line in axes.lines}) == 2  # told apart without colour


def test_infinite_rates_are_left_out():
    rows = tabulate("n", Gaussian(0.0, 1.0), SquaredError(), None, D=[0.0, 0.5, 1.0], P=[math.inf])
    _, (axes,) = plotting.figure()
    plotting.draw_curves(axes, rows, unit=Unit.bits)
    assert axes.lines[0].get_xdata().tolist() == [0.5, 1.0]


@pytest.mark.parametrize("suffix, start", [(".png", b"\x89PNG\r\n\x1a\n"), (".pdf", b"%PDF"), (".svg", b"<?xml")])
def test_files_carry_the_format_of_their_suffix(rows, tmp_path, suffix, start):
    with plotting.style():
        drawn, (axes,) = plotting.figure()
        plotting.draw_curves(axes, rows, unit=Unit.bits)
        path = plotting.save(drawn, tmp_path / f"curve{suffix}")
    assert path.read_bytes().startswith(start)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_the_look_ends_with_the_block():
    before = dict(mpl.rcParams)
    with plotting.style():
        assert dict(mpl.rcParams) != before
    assert dict(mpl.rcParams) == before
