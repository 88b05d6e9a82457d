"""A search that takes long shows a line on a terminal alone, and Ctrl-C ends it with what is proved by then."""

from __future__ import annotations

import io
import os
import signal
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import rdptheory as rd
from rdptheory import watch
from rdptheory.solvers.first_order import loop
from rdptheory.solvers.interior_point import descent

SOURCE = rd.Pmf.from_weights(np.arange(1.0, 9.0))
QUESTION = (SOURCE, rd.SquaredError(), rd.TotalVariation())
RIGHT = rd.rdp(*QUESTION, D=0.5, P=0.02)


@dataclass
class Press:
    """Ctrl-C before the n-th call of a function, or before every one from there on."""

    wrapped: Any
    at: int
    always: bool = False
    calls: int = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.calls == self.at or (self.always and self.calls > self.at):
            os.kill(os.getpid(), signal.SIGINT)
        return self.wrapped(*args, **kwargs)


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every search is one that takes long."""
    monkeypatch.setattr(watch, "PATIENCE", 0.0)


@pytest.mark.usefixtures("long")
def test_the_interior_point_ends_with_the_bracket_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descent, "solve", Press(descent.solve, at=2))
    found = rd.rdp(*QUESTION, D=0.5, P=0.02, method=rd.InteriorPoint(gap=1e-300))
    assert found.status is rd.Status.STOPPED
    assert found.message == "interrupted: this is what was proved by then"
    assert found.bounds.lower <= RIGHT.bounds.upper
    assert found.bounds.upper >= RIGHT.bounds.lower
    assert found.gap < 0.1  # the judge had looked at where the first descent ended


@pytest.mark.usefixtures("long")
def test_before_the_first_look_the_bracket_is_wide_and_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descent, "solve", Press(descent.solve, at=1))
    found = rd.rdp(*QUESTION, D=0.5, P=0.02)
    assert found.status is rd.Status.STOPPED
    assert found.bounds.lower == 0.0
    assert RIGHT.bounds.lower <= found.bounds.upper


@pytest.mark.usefixtures("long")
def test_the_first_order_loop_ends_with_the_bracket_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop.Iterate, "of", Press(loop.Iterate.of, at=90))
    found = rd.rdp(*QUESTION, D=0.5, P=0.02, method=rd.FirstOrder(gap=1e-12))
    assert found.status is rd.Status.STOPPED
    assert found.message.startswith("interrupted")
    assert found.bounds.lower <= RIGHT.bounds.upper
    assert RIGHT.bounds.lower <= found.bounds.upper < RIGHT.rate + 0.2


@pytest.mark.usefixtures("long")
def test_a_second_one_ends_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop.Iterate, "of", Press(loop.Iterate.of, at=90, always=True))
    with pytest.raises(KeyboardInterrupt):
        rd.rdp(*QUESTION, D=0.5, P=0.02, method=rd.FirstOrder(gap=1e-12))


def test_in_the_first_seconds_it_ends_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descent, "solve", Press(descent.solve, at=1))
    with pytest.raises(KeyboardInterrupt):
        rd.rdp(*QUESTION, D=0.5, P=0.02)


@pytest.mark.usefixtures("long")
def test_verbs_of_many_questions_end_and_keep_no_half_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for ask in (
        lambda: rd.surface(*QUESTION, D=[0.5], P=[0.02, 0.1], store=tmp_path),
        lambda: rd.distortion_at(*QUESTION, R=0.3, P=0.02),
        lambda: rd.rdp_many([rd.Problem(*QUESTION, 0.5, 0.02)]),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(descent, "solve", Press(descent.solve, at=1))
            with pytest.raises(KeyboardInterrupt):
                ask()
    assert not list(tmp_path.iterdir())


class Terminal(io.StringIO):
    """Standard error that is a terminal, or a notebook."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("method", [rd.InteriorPoint(), rd.FirstOrder(gap=1e-9)], ids=["steps", "loop"])
def test_the_line_is_for_terminals(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], method: Any, terminal: bool
) -> None:
    shown = Terminal(terminal)
    monkeypatch.setattr("sys.stderr", shown)
    rd.rdp(*QUESTION, D=0.5, P=0.02, method=method)
    assert ("R(D,P)" in shown.getvalue() and "Ctrl-C keeps it" in shown.getvalue()) == terminal
    assert capsys.readouterr().out == ""
