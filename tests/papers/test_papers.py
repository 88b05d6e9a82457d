"""The papers, figure by figure: none is forgotten, every redrawing is sound, every study exists."""

import csv
import math
from pathlib import Path

import pytest

from rdptheory import InvalidInput, units
from rdptheory.cli import main
from rdptheory.closed_forms import bernoulli, gaussian, transport_binary, transport_gaussian
from rdptheory.papers import ITEMS, Kind, write, write_papers
from rdptheory.sources import Gaussian
from tests.pictures import faults

COUNTED = {  # (figures, tables) of each paper as published; of BM19 the supplement, and the figure of equation S40
    "BM19": (2, 3),
    "YWYML21": (7, 0),
    "ZQCK21": (6, 11),
    "LZCK22": (8, 15),
    "YWL22": (10, 2),
}
STUDIES = Path(__file__).parents[2] / "neural"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("papers") / "deep"
    paths, redrawn = write_papers(folder)
    return folder, paths, redrawn


@pytest.mark.parametrize("paper", COUNTED)
def test_every_figure_and_every_table_is_listed(paper):
    figures, tables = COUNTED[paper]
    supplement = "S" if paper == "BM19" else ""
    expected = {f"{paper}.F{supplement}{k}" for k in range(1, figures + 1)}
    expected |= {f"{paper}.T{supplement}{k}" for k in range(1, tables + 1)}
    assert {key for key in ITEMS if key.startswith(f"{paper}.") and key != "BM19.S40"} == expected


def test_what_became_of_each_is_said():
    for item in ITEMS.values():
        assert [item.draw is not None, bool(item.study), bool(item.why)].count(True) == 1, item.key
    assert {item.kind for item in ITEMS.values()} == set(Kind)
    assert sum(item.kind is Kind.THEORY for item in ITEMS.values()) >= 9


def test_every_study_exists():
    code = "".join(path.read_text(encoding="utf-8") for path in STUDIES.rglob("*.py"))
    for item in ITEMS.values():
        if item.kind is Kind.EXPERIMENT:
            assert f'"{item.study}"' in code, item.key


def test_the_files(written):
    folder, paths, redrawn = written
    assert {path.name for path in paths} == {path.name for path in folder.iterdir()}
    assert {path.stem for path in paths if path.suffix == ".png"} == set(redrawn)
    page = (folder / "papers.md").read_text(encoding="utf-8")
    for key in ITEMS:
        assert f"| {key} |" in page
    with open(folder / "papers.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["key"] for row in rows} == set(redrawn)
    assert all(float(row["lower"]) <= float(row["upper"]) for row in rows)
    assert sum(bool(row["printed"]) for row in rows) == 4


def test_pictures_keep_the_rules_in_one_column(written):
    for key, found in written[2].items():
        assert found.picture.get_size_inches()[0] <= 3.4, key
        assert faults(found.picture) == [], key


def test_brackets_hold_the_closed_forms(written):
    values = {(key, value.what): value.bounds for key, found in written[2].items() for value in found.values}
    bits, N = units.nats_to_bits, Gaussian
    assert float(bits(bernoulli.rate(0.25, 0.1, 0.05))) in values["BM19.S40", "R(0.1, 0.05)"]
    assert float(bits(gaussian.rate(1.0, 0.5, 0.0))) in values["ZQCK21.F1", "R(0.5, 0)"]
    half, one = 0.5 * math.log(2), math.log(2)
    private = float(transport_binary.distortion(0.3, 0.6, R=half, common_randomness=False))
    assert private in values["LZCK22.F3", "qX = 0.3, qY = 0.6, 0.5 bit, without"]
    shared = float(transport_gaussian.distortion(N(0, 1), N(1, 4), R=one, common_randomness=True))
    assert shared in values["LZCK22.F8", "N(0, 1) to N(1, 4), 1 bit, with common randomness"]
    assert 10 * math.log10(2) in values["YWL22.T1", "PSNR lost at α = 0"]
    assert max(bounds.gap for bounds in values.values()) <= 1e-8


def test_the_command(capsys, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(SystemExit) as caught:
        main(["papers", "--out", str(tmp_path / "taken")])
    assert caught.value.code == 2
    assert "cannot be made a folder" in capsys.readouterr().err
    with pytest.raises(InvalidInput):
        write_papers(tmp_path / "taken" / "below")


def test_the_command_says_what_it_draws_and_what_it_wrote(capsys, tmp_path, monkeypatch):
    key = "YWL22.T1"
    monkeypatch.setattr(write, "ITEMS", {key: ITEMS[key]})
    with pytest.raises(SystemExit) as caught:
        main(["papers", "--out", str(tmp_path)])
    told = capsys.readouterr()
    assert caught.value.code == 0
    assert told.err == f"{key}\n"
    assert told.out.splitlines() == [f"wrote {tmp_path / name}" for name in (f"{key}.png", "papers.csv", "papers.md")]
