import math
from dataclasses import replace

import pytest

from neural import plotting, runs
from neural.experiments import REGISTRY, Bench, Curve, Figure, Row
from rdptheory.errors import InvalidInput

ROWS = [
    Row("finite", 0.1 + 0.2, 2.0, 2.061, (0.1, 0.2)),
    Row("no number", math.nan, math.inf, None, None),
    Row("one-sided control", 5.0, 2.0, None, (math.inf, 0.0), "fail"),
]


@pytest.fixture
def planted(monkeypatch):
    """Two experiments that answer at once."""

    def answer(bench):
        bench.figure("title", "x", "y", Curve("line", [0.1, math.nan], [1.0, math.inf], "theory"))
        return ROWS

    entry = REGISTRY["oracle"]
    for id in ("oracle", "cr"):
        monkeypatch.setitem(REGISTRY, id, type(entry)(id, "", "", {}, answer))


def test_rows_survive_their_file(planted, digits, tmp_path):
    first = runs.run("oracle", Bench("smoke", digits), tmp_path / "run")
    text = (tmp_path / "run" / "result.json").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    again = runs.read(tmp_path / "run")
    assert again.id == first.id
    assert again.facts == first.facts
    assert again.rows[0] == ROWS[0]
    assert again.rows[2] == ROWS[2]
    assert [row.verdict for row in again.rows] == [row.verdict for row in ROWS]
    assert again.figures[0].curves == (Curve("line", [0.1, None], [1.0, None], "theory"),)


def test_a_finished_run_is_only_taken_for_itself(planted, digits, tmp_path):
    out = tmp_path / "run"
    runs.run("oracle", Bench("smoke", digits), out)
    assert runs.run("oracle", Bench("smoke", digits), out, resume=True).id == "oracle"
    for id, bench in (
        ("cr", Bench("smoke", digits)),
        ("oracle", Bench("demo", digits)),
        ("oracle", Bench("smoke", digits, seed=1)),
        ("oracle", Bench("smoke", replace(digits, name="other"))),
    ):
        with pytest.raises(InvalidInput, match="another run"):
            runs.run(id, bench, out, resume=True)


@pytest.mark.parametrize("fall", [math.nan, math.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_training_that_diverges_fails_wherever_it_stands(planted, digits, monkeypatch, fall, place):
    def answer(bench):
        bench.falls = [0.5, 0.4]
        bench.falls.insert(place, fall)
        return ROWS

    monkeypatch.setitem(REGISTRY, "oracle", replace(REGISTRY["oracle"], run=answer))
    row = runs.answer("oracle", Bench("smoke", digits)).rows[-1]
    assert math.isnan(row.measured)
    assert not row.as_expected


def test_an_unknown_id_leaves_no_folder_behind(digits, tmp_path):
    with pytest.raises(InvalidInput, match="must be one of"):
        runs.run("nonsense", Bench("smoke", digits), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_nine_measured_curves_have_nine_looks(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plotting.plotting, "save", lambda canvas, path: drawn.extend(canvas.axes[0].lines))
    curves = tuple(Curve(f"curve {n}", [0.0, 1.0], [n, n + 1.0], "measured") for n in range(9))
    plotting.draw(Figure("title", "x", "y", curves), tmp_path / "nine.png")
    assert [line.get_label() for line in drawn] == [curve.label for curve in curves]
    assert len({(line.get_color(), line.get_marker()) for line in drawn}) == 9
