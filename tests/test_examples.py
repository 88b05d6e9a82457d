"""Every example runs, says something, and leaves a readable picture."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))


def test_there_are_examples() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_example(script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = runpy.run_path(str(script))
    assert module["__doc__"].splitlines()[0].endswith("?"), "the title of an example is the question it answers"
    written = module["main"](tmp_path)
    assert written.parent == tmp_path
    assert written.read_bytes().startswith(b"\x89PNG\r\n")
    assert capsys.readouterr().out.strip()
