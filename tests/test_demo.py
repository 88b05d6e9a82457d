"""The demonstration: three sources, a table, a picture in two formats."""

import csv
import os

import numpy as np
import pytest

from rdptheory import InvalidInput, SquaredError, TotalVariation, closed_forms, demo, rdp
from rdptheory.sweeps import COLUMNS


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "deep" / "report"
    return folder, demo.run(folder)


def test_three_files_and_nothing_else(report):
    folder, paths = report
    assert sorted(os.listdir(folder)) == ["rdp.csv", "rdp.pdf", "rdp.png"]
    assert sorted(path.name for path in paths) == ["rdp.csv", "rdp.pdf", "rdp.png"]
    assert (folder / "rdp.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert (folder / "rdp.pdf").read_bytes().startswith(b"%PDF")
    assert min(path.stat().st_size for path in paths) > 5000


def test_the_table_holds_closed_brackets_and_curves_that_fall(report):
    with open(report[0] / "rdp.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS
    assert {row["source"] for row in rows} == {title for title, *_ in demo._panels()}
    for row in rows:
        assert row["status"] == "optimal"
        assert 0.0 <= float(row["upper_nat"]) - float(row["lower_nat"]) <= 1e-9
        assert row["rate_nat"] == row["upper_nat"]
    for name in {row["source"] for row in rows}:
        for P in {row["P"] for row in rows}:
            rates = [float(row["rate_nat"]) for row in rows if (row["source"], row["P"]) == (name, P)]
            assert (np.diff(rates) <= 1e-9).all()


def test_the_closed_forms_stand_in_the_table(report):
    with open(report[0] / "rdp.csv", newline="") as stream:
        coins = [row for row in csv.DictReader(stream) if row["source"].startswith("Bernoulli(1/4)")]
    for row in coins:
        exact = float(closed_forms.bernoulli.rate(0.25, float(row["D"]), float(row["P"])))
        assert float(row["rate_nat"]) == pytest.approx(exact, abs=1e-14)


def test_the_digits_are_a_law_on_17_grey_levels():
    source = demo.digits_source()
    assert source.size == 17
    assert source.points.tolist() == list(range(17))
    assert source.probabilities[0] == source.probabilities.max()  # most of a page is white
    assert rdp(source, SquaredError(), TotalVariation(), D=5.0, P=0.05).gap <= 1e-9


def test_a_file_where_the_folder_should_be_is_refused(tmp_path):
    (tmp_path / "report").write_text("taken")
    with pytest.raises(InvalidInput, match=r"^out"):
        demo.run(tmp_path / "report")
    assert (tmp_path / "report").read_text() == "taken"
