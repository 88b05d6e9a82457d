"""The demonstration: one page, its pictures and tables, and nothing that is not where the page says."""

import csv
import html
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rdptheory import InvalidInput, SquaredError, TotalVariation, closed_forms, demo, rdp
from rdptheory.papers import ITEMS
from rdptheory.placement import encoder_curve
from rdptheory.report import codecs, other_questions
from rdptheory.sweeps import COLUMNS
from rdptheory.theorems import claims
from rdptheory.units import NATS_PER_BIT
from tests.report.browser import browser, visit

LAW = {"id": "oracle", "claim": "D <= 2 & no less", "kind": "law", "measured": 2.0, "theory": 2.0}
STUDIES = [
    {**LAW, "tolerance": [0.1, 0.1], "expect": "pass", "verdict": "pass"},
    {**LAW, "kind": "control", "measured": 4.3, "tolerance": None, "expect": "fail", "verdict": "fail"},
]


def few_codecs(count):
    """Two codecs as if they had been trained on the first `count` digits, of which the file says nothing."""
    held, found = codecs.trained()
    images, short = demo.digits_images(count), []
    for one in found[1:3]:
        reached = encoder_curve(images, one.codes[:count])
        mean, sampler = (1.1 * reached.least, reached.transport), (2.1 * reached.least, 0.9 * reached.least)
        short.append(codecs.Codes(one.name, one.codes[:count], mean, sampler))
    return held | {"count": count}, short


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """All parts of the story, each a little shorter."""
    folder = tmp_path_factory.mktemp("demo") / "deep" / "report"
    studies = folder.parent.parent / "studies.json"
    studies.write_text(json.dumps(STUDIES))
    told = []
    with pytest.MonkeyPatch.context() as short:
        grey, coin, normal, laplace = demo.panels()
        laplace = replace(laplace, P=laplace.P[:1], tolerance=0.1)
        short.setattr(demo, "panels", lambda: [replace(grey, P=grey.P[:1]), coin, normal, laplace])
        short.setattr(demo, "IMAGES", 80)
        short.setattr(codecs, "CELLS", (2, 8))
        few = few_codecs(80)
        short.setattr(codecs, "trained", lambda: few)
        short.setattr(demo, "INSTANCES", 1)
        paths = demo.run(folder, studies=studies, told=told.append)
    return folder, paths, told


def test_the_files(report):
    folder, paths, told = report
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {path.relative_to(folder).as_posix() for path in paths} == here
    assert {"index.html", "rdp.csv", "rdp.png", "rdp.pdf", "papers/papers.csv"} <= here
    assert (folder / "rdp.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert (folder / "rdp.pdf").read_bytes().startswith(b"%PDF")
    assert len(told) == 4


def test_the_page_holds_all_of_it_and_every_link_resolves(report):
    folder = report[0]
    text = (folder / "index.html").read_text(encoding="utf-8")
    for anchor in ("curves", "codec", "questions", "explorer", "papers", "theorems", "studies"):
        assert f'<h2 id="{anchor}">' in text
    shown = html.unescape(text)
    assert all(f">{key}<" in text for key in [*ITEMS, *claims()])
    assert "D <= 2 & no less" in shown
    assert "2 of 2 claims as expected" in shown
    for link in re.findall(r'(?:href|src)="([^"]*)"', text):
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in text
        elif not link.startswith("data:"):
            assert (folder / link).is_file()
    pictures = re.findall(r'<img alt="([^"]+)" src="data:image/png;base64,(.{16})', text)
    assert len(pictures) == len(demo.panels()) + 1 + sum(item.draw is not None for item in ITEMS.values())
    assert all(start.startswith("iVBORw0KGgo") for _, start in pictures)  # PNG in base64


def test_the_page_opens_without_a_complaint(report, tmp_path):
    program = browser()
    if program is None:
        pytest.skip("no headless browser here: apt-get install chromium, or set CHROMIUM")
    document, complaints = visit(program, report[0] / "index.html", tmp_path / "profile")
    assert complaints == []
    assert document.count("<option") == 6


@pytest.mark.parametrize("text", ["{", "[1]", None])
def test_studies_that_are_none_are_refused_first(tmp_path, text):
    path = tmp_path / "studies.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InvalidInput, match="studies"):
        demo.run(tmp_path / "report", studies=path)
    assert not list(Path(tmp_path / "report").iterdir())


def test_the_table_holds_closed_brackets_and_curves_that_fall(report):
    with open(report[0] / "rdp.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS
    assert {row["source"] for row in rows} == {panel.title for panel in demo.panels()}
    for row in rows:
        assert row["status"] == "optimal"
        asked = 1e-4 if row["source"].startswith("Laplace") else 1e-9  # nats: of the method for each kind of source
        assert 0.0 <= float(row["upper_nat"]) - float(row["lower_nat"]) <= asked
        assert row["rate_nat"] == row["upper_nat"]
    for name in {row["source"] for row in rows}:
        for P in {row["P"] for row in rows}:
            rates = [float(row["rate_nat"]) for row in rows if (row["source"], row["P"]) == (name, P)]
            assert (np.diff(rates) <= 1e-9).all()


def test_other_questions_have_narrow_answers_in_the_right_order():
    section = other_questions(demo.digits_pairs())
    block, sent = section.blocks
    assert all(row[4] <= 1e-7 for row in sent.rows)
    assert [row[3] for row in sent.rows] == sorted((row[3] for row in sent.rows), reverse=True)  # what is shared helps
    least, most = ([row[column] for row in block.rows] for column in (2, 3))
    assert all(row[4] <= 1e-5 for row in block.rows[:-2])  # the slope's bracket is as wide as a root
    assert most[1] < least[0]  # what both ends see saves rate
    assert least[2] > most[1]  # pairs are harder than pixels
    assert least[5] > most[4]  # a picture beside the classes
    assert least[6] > most[0]  # a second distortion
    assert least[7] > most[0]  # what is forbidden
    assert most[9] == pytest.approx(2.0, abs=1e-12)  # log2 4
    assert least[11] < least[10] <= most[10] < most[11]
    world = {}
    exec(section.code, world)
    for row in [*block.rows, *sent.rows]:  # the call of each row gives its numbers
        found = eval(row[1], world)
        ends = getattr(found, "bounds", found)
        unit = NATS_PER_BIT if row in block.rows else 1.0
        assert [ends.lower / unit, ends.upper / unit] == pytest.approx(row[2:4], rel=1e-9)


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


def test_the_studies_beside_the_networks_can_be_shown():
    [section] = demo._studied(Path(demo.__file__).parents[1] / "neural" / "studies.json")
    [block] = section.blocks
    assert len({row[0] for row in block.rows}) >= 5
    assert {row[-1] for row in block.rows} <= {"pass", "fail", "shape"}
