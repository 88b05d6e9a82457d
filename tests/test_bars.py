"""Progress in a log is whole lines; on a terminal it is a bar."""

import io
import math
import re
from collections.abc import Callable
from typing import Any

import pytest

import rdptheory as rd
from rdptheory import cli
from rdptheory.bars import bar_of
from rdptheory.sweeps import tabulate

COIN = (rd.Bernoulli(0.25), rd.Hamming(), rd.TotalVariation())
GRID = {"D": [0.05, 0.1], "P": [0.02, math.inf]}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


SHOWN: dict[str, Callable[[], Any]] = {
    "a bar": lambda: list(bar_of(range(4))),
    "surface": lambda: rd.surface(*COIN, **GRID, progress=True),
    "table": lambda: tabulate("coin", *COIN, **GRID, progress=True),
    "corners": lambda: list(cli._counted([0.0, 0.1, 0.2, 0.3])),
}


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
def test_a_log_has_whole_lines(capsys: pytest.CaptureFixture[str], shown: Callable[[], Any]) -> None:
    shown()
    out, log = capsys.readouterr()
    assert out == ""
    assert "\r" not in log
    first, last = log.splitlines()  # the first and the last: nothing here takes as long as the time between two lines
    assert "0/4" in first
    assert "4/4" in last
    assert log.endswith("\n")


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
def test_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch, shown: Callable[[], Any]) -> None:
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    shown()
    assert terminal.getvalue().count("\r") >= 2
    assert terminal.getvalue().count("\n") == 1


def test_every_so_often_there_is_a_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rdptheory.bars.EVERY", 0.0)
    list(bar_of(range(4)))
    seen = re.findall(r"\d/4", capsys.readouterr().err)
    assert list(dict.fromkeys(seen)) == ["0/4", "1/4", "2/4", "3/4", "4/4"]
