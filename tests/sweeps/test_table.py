"""Rows of R(D,P), and the file they go to."""

import csv
import math
from dataclasses import astuple

import pytest

from rdptheory import Bernoulli, Hamming, InteriorPoint, TotalVariation, rdp
from rdptheory.sweeps import COLUMNS, tabulate, write_csv

D, P = [0.05, 0.1], [0.0, math.inf]


@pytest.fixture(scope="module")
def rows():
    return tabulate("coin", Bernoulli(0.25), Hamming(), TotalVariation(), D=D, P=P, method=InteriorPoint())


def test_each_row_is_its_solution(rows):
    assert [(row.D, row.P) for row in rows] == [(d, p) for p in P for d in D]
    for row in rows:
        alone = rdp(Bernoulli(0.25), Hamming(), TotalVariation(), D=row.D, P=row.P, method=InteriorPoint())
        assert astuple(row) == (
            "coin",
            row.D,
            row.P,
            alone.rate,
            alone.bounds.lower,
            alone.bounds.upper,
            alone.slopes.D,
            alone.slopes.P,
            alone.steps,
            "optimal",
        )


def test_every_float_survives_the_file(rows, tmp_path):
    path = write_csv(tmp_path / "curve.csv", rows)
    with open(path, newline="") as stream:
        read = list(csv.reader(stream))
    assert tuple(read[0]) == COLUMNS
    for line, row in zip(read[1:], rows, strict=True):
        for text, value in zip(line, astuple(row), strict=True):
            assert type(value)(text) == value


def test_progress_goes_to_standard_error_alone(capsys):
    tabulate("coin", Bernoulli(0.25), Hamming(), TotalVariation(), D=D, P=P, progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "coin" in captured.err
    assert "4/4" in captured.err
