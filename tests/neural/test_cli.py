import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from neural import cli, installed
from rdptheory.errors import InvalidInput

AWAY = """
import sys

class Away:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Away())
"""
SAID = "is not installed: pip install 'rdptheory[neural]'"


@pytest.mark.parametrize(
    "line,status,told",
    [
        (("-m", "neural", "check"), 2, f"Error: torch {SAID}"),
        (("-c", "import neural"), 1, f"rdptheory.errors.MissingPackage: torch {SAID}"),
    ],
)
def test_without_torch_there_is_a_sentence(tmp_path, line, status, told):
    (tmp_path / "sitecustomize.py").write_text(AWAY)
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    ran = subprocess.run(
        [sys.executable, *line], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    *before, last = ran.stderr.splitlines()
    assert (ran.returncode, ran.stdout, last) == (status, "", told)
    assert not before or line[0] != "-m"


@pytest.mark.parametrize("package", ["torchmetrics", "safetensors", "joblib"])
def test_every_package_of_the_extra_is_looked_for(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    assert str(runpy.run_path(installed.__file__)["missing"]) == f"{package} {SAID}"


def test_nothing_is_missing_here():
    assert installed.missing is None


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["check", "--threads", "x"], "--threads"),
        (["check", "--threads", "0"], "--threads"),
        (["run"], "Missing argument"),
        (["check", "--side", "2"], "Error: --side: must be greater than or equal to 4"),
        (["run", "oracle", "--nonsense"], "--nonsense"),
        (["train"], "train"),
        (["run", "nonsense"], "id = nonsense"),
    ],
)
def test_every_wrong_line_ends_with_one_sentence(monkeypatch, capsys, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit:
        cli.main(arguments)
    assert exit.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: ")
    assert message in line
    assert not list(tmp_path.iterdir())


def test_a_file_is_no_folder_for_a_run(capsys, tmp_path):
    place = tmp_path / "taken"
    place.write_text("mine")
    with pytest.raises(SystemExit) as exit:
        cli.main(["run", "oracle", "--out", str(place), "--resume"])
    assert exit.value.code == 2
    assert "is no empty folder" in capsys.readouterr().err
    assert place.read_text() == "mine"


def test_a_run_without_a_folder_has_one_of_its_own(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit:
        cli.main(["run", "oracle"])
    assert exit.value.code == 0
    assert (tmp_path / "runs" / "oracle" / "result.json").is_file()


@pytest.mark.parametrize(
    "problem,code,line",
    [
        (InvalidInput("seed", 1, "is\nwrong"), 2, "Error: --seed = 1: is wrong"),
        (KeyboardInterrupt(), 130, None),
        (PermissionError(13, "Permission denied", "runs"), 1, "Error: Permission denied: runs"),
    ],
    ids=["input", "interrupt", "file"],
)
def test_problems_end_with_their_own_status(monkeypatch, capsys, problem, code, line):
    def fail(*arguments, **settings):
        raise problem

    monkeypatch.setattr(cli, "_bench", fail)
    with pytest.raises(SystemExit) as exit:
        cli.main(["check"])
    assert exit.value.code == code
    assert "Traceback" not in (said := capsys.readouterr().err)
    assert line is None or said.splitlines()[-1] == line
