"""What a user fixes of an instance: a source, a distortion, a divergence, limits. What is not given is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rdptheory.distortions import Distortion
from rdptheory.divergences import Divergence
from rdptheory.errors import InvalidInput, at_least_zero
from rdptheory.sources import Source

__all__ = ["NOTHING", "Given"]

Kind = TypeVar("Kind")


def _always(_: Any) -> bool:
    return True


@dataclass(frozen=True)
class Given:
    """The parts of an instance that a user fixed; None leaves a part to the draw.

    Each method hands over what was given, after a look at the condition under which the statement holds, or else what
    `drawn` makes. What no draw asked for is left in `unused`.

    >>> Given(D=0.25).number("D", lambda: 0.7)
    0.25
    >>> Given(D=0.25).number("D", lambda: 0.7, "D <= 0.1", lambda D: D <= 0.1)
    Traceback (most recent call last):
    ...
    rdptheory.errors.InvalidInput: D = 0.25: the statement needs D <= 0.1
    """

    source: Source | None = None
    distortion: Distortion | None = None
    perception: Divergence | None = None
    D: float | None = None
    P: float | None = None
    asked: set[str] = field(default_factory=set, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.distortion is not None and not getattr(self.distortion, "plain", True):
            rule = "must be finite and at least 0 everywhere, as the statements are"
            raise InvalidInput("distortion", self.distortion, rule)
        for name in ("D", "P"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, at_least_zero(name, value))

    def __bool__(self) -> bool:
        return any(getattr(self, name) is not None for name in self._names)

    _names = ("source", "distortion", "perception", "D", "P")

    @property
    def unused(self) -> list[str]:
        """Names of what was given and not asked for."""
        return [name for name in self._names if getattr(self, name) is not None and name not in self.asked]

    def part(
        self,
        name: str,
        kind: Any,
        drawn: Callable[[], Kind],
        condition: str,
        when: Callable[[Kind], bool] = _always,
    ) -> Kind:
        """The source, the distortion or the divergence."""
        self.asked.add(name)
        value = getattr(self, name)
        if value is None:
            return drawn()
        if not isinstance(value, kind) or not when(value):
            raise InvalidInput(name, value, f"the statement needs {condition}")
        found: Kind = value
        return found

    def number(
        self,
        name: str,
        drawn: Callable[[], float],
        condition: str = "",
        when: Callable[[float], bool] = _always,
    ) -> float:
        """D or P."""
        self.asked.add(name)
        value = getattr(self, name)
        if value is None:
            return drawn()
        if not when(value):
            raise InvalidInput(name, value, f"the statement needs {condition}")
        return float(value)


NOTHING = Given()
