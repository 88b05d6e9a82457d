import math
from dataclasses import replace

import pytest

from neural import runs
from neural.experiments import REGISTRY, Bench, Curve, Row
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
