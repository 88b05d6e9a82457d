"""Every example answers the question of its title, makes its folder, and leaves pictures that keep the rules."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from rdptheory import plotting
from rdptheory.script import script
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


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("word, code", [("--help", 0), ("--nonsense", 2)])
def test_to_ask_an_example_for_help_writes_nothing(
    path: Path,
    word: str,
    code: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(path), word])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(path), run_name="__main__")
    assert ended.value.code == code
    assert [*tmp_path.iterdir()] == []
    told = capsys.readouterr()
    if code == 2:
        assert told.err.splitlines()[-1].endswith("unrecognized arguments: --nonsense")
        return
    said = " ".join(told.out.split())
    title, _, rest = said.partition("? ")
    sentence = rest.partition(" positional arguments")[0]
    assert title.split("FOLDER]")[-1].strip().endswith(path.read_text(encoding="utf-8").splitlines()[0][3:-1])
    assert sentence.endswith("into FOLDER, made if need be."), "what is shown, and where it is written"


def test_a_folder_is_this_one_if_left_out() -> None:
    parser = script(test_there_are_ten_examples)  # type: ignore[arg-type]
    assert parser.parse_args([]).folder == Path()
    assert parser.parse_args(["there"]).folder == Path("there")


def test_a_file_is_no_folder(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        script(test_there_are_ten_examples).parse_args([__file__])  # type: ignore[arg-type]
    assert capsys.readouterr().err.splitlines()[-1].endswith("is no folder")
