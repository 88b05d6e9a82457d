"""What a kind of hostile question has to tell: how it is asked, and what is wrong with an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Answer", "Case"]


@dataclass(frozen=True)
class Answer:
    """What one method said: the ends of its bracket, and the solution for the recomputation."""

    method: str
    lower: float
    upper: float
    closed: bool
    found: Any = field(default=None, repr=False)


class Case(Protocol):
    """A question with its methods."""

    name: str
    seconds: float

    def asks(self) -> Iterable[tuple[str, Callable[[], Answer]]]:
        """The methods to ask, each by its name."""

    def faults(self, answer: Answer) -> list[str]:
        """What the recomputation finds wrong: "false lower", "false upper", "no channel"."""

    def proved(self, answer: Answer) -> Any:
        """The lower bound of the answer's own dual point to fifty digits, or what it claims if it has none."""
