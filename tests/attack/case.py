"""What a kind of hostile question has to tell: how it is asked, and what is wrong with an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

__all__ = ["Answer", "ByMethods", "Case", "called"]


@dataclass(frozen=True)
class Answer:
    """What one method said: the ends of its bracket, and the solution for the recomputation."""

    method: str
    lower: float
    upper: float
    closed: bool
    found: Any = field(default=None, repr=False)


def called(method: Any) -> str:
    """The name of a method in a tally."""
    return "default" if method is None else type(method).__name__


class ByMethods:
    """A question that is asked of several methods, `_ask` of each."""

    methods: tuple[Any, ...]
    _ask: Callable[[Any], Answer]

    def asks(self) -> Iterable[tuple[str, Callable[[], Answer]]]:
        """The methods to ask, each by its name."""
        for method in self.methods:
            yield called(method), partial(self._ask, method)


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
