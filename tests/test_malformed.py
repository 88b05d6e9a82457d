"""500 malformed calls: each is refused with argument, value and rule; `make malformed N=30000` makes more."""

from __future__ import annotations

from typing import Any

import pytest

from rdptheory import Bernoulli, InvalidInput
from tests import malformed


def test_every_malformed_call_is_refused() -> None:
    wrong = [found for call in malformed.calls(500, seed=1) if (found := malformed.verdict(call)) is not None]
    assert wrong == []


def test_every_option_of_every_command_is_refused_in_its_own_words() -> None:
    """One wrong value of each, another one for every command: `make malformed` takes all of them."""
    options = malformed.wrong_options()
    assert {name for name in options if name not in malformed.COMMANDS} == {"theorems"}
    wrong = []
    for turn, name in enumerate(malformed.COMMANDS):
        for option in options[name]:
            values = malformed.NO_OPTION[option]
            wrong.append(malformed.verdict(malformed.command_call(name, option, values[turn % len(values)])))
    assert len(wrong) > 70
    assert [found for found in wrong if found is not None] == []


def test_a_command_that_speaks_python_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        malformed.cli, "spoken", lambda refusal, options: "needs a divergence, such as TotalVariation()"
    )
    found = malformed.verdict(malformed.command_call("rate", "-P", "nan"))
    assert found is not None
    assert "speaks Python" in found


def test_the_right_values_are_right() -> None:
    """A call of right values alone is answered: else a refusal would say nothing about the wrong one."""
    answered = [door for door in malformed.entrances() if _answers(door)]
    assert len(answered) >= 0.9 * len(malformed.entrances())
    names = {door.name for door in answered}
    for name in ("solve.rdp", "inverse.distortion_at", "sweeps.surface.surface", "sources.discrete.Pmf", "transport"):
        assert any(name in known for known in names), name


def _answers(door: malformed.Entrance) -> bool:
    call = malformed.Call(door.name, "", None, lambda: door.call(**door.good), may_answer=True)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(malformed, "InvalidInput", _Never)
            return malformed.verdict(call) is None
    except InvalidInput:
        return False


class _Never(Exception):
    """Nobody raises it."""


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Bernoulli(0.5), "accepted"),
        (lambda: 1 / 0, "ZeroDivisionError"),
        (lambda: Bernoulli(2.0) and None, None),
        (lambda: malformed.main(["30"]) and None, "accepted"),
    ],
)
def test_the_verdict_finds_what_is_planted(make: Any, words: str | None) -> None:
    found = malformed.verdict(malformed.Call("planted", "p", 2.0, make))
    assert (found is None) if words is None else (found is not None and words in found)


def test_a_call_that_hangs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(malformed, "SECONDS", 0.05)

    def forever() -> None:
        while True:
            pass

    assert "longer than" in str(malformed.verdict(malformed.Call("planted", "p", 2.0, forever)))
