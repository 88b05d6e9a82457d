"""What redrawing a figure gives: a picture, and its values as brackets beside what the paper prints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rdptheory._types import Bounds

__all__ = ["Redrawn", "Value"]


@dataclass(frozen=True)
class Value:
    """One number of a figure: what it is, in which unit, its bracket, and the number that the paper prints, if any."""

    what: str
    unit: str
    bounds: Bounds
    printed: float | None = None


@dataclass(frozen=True, eq=False)
class Redrawn:
    """A picture (None for a table), the values behind it, and one sentence on what it shows."""

    values: tuple[Value, ...]
    says: str
    picture: Any = field(default=None, repr=False)
