"""Every example answers the question of its title, makes its folder, and leaves pictures that keep the rules."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from rdptheory import plotting
from tests.pictures import faults

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))
COLUMN = 3.4  # inches


def test_there_are_ten_examples() -> None:
    assert len(EXAMPLES) >= 10


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_example(
    script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, seen = plotting.save, {}

    def save(drawn, path):
        seen[Path(path).name] = (drawn.get_size_inches()[0], faults(drawn))
        return saved(drawn, path)

    monkeypatch.setattr(plotting, "save", save)
    module = runpy.run_path(str(script))
    title, rule, *_ = module["__doc__"].splitlines()
    assert title.endswith("?"), "the title of an example is the question it answers"
    assert rule == "=" * len(title), "the gallery takes it for a heading"
    out = tmp_path / "made" / "on the way"
    written = module["main"](out)
    assert written.parent == out
    assert written.read_bytes().startswith(b"\x89PNG\r\n")
    assert capsys.readouterr().out.strip()
    for name, (width, wrong) in seen.items():
        assert width <= COLUMN, name
        assert wrong == [], name
