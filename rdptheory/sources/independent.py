"""Two independent coordinates with densities."""

from __future__ import annotations

from dataclasses import dataclass

from rdptheory.doors import guard
from rdptheory.sources.continuous import ContinuousSource

__all__ = ["Independent"]


@dataclass(frozen=True)
class Independent:
    """(X1, X2) in the plane, X1 ~ first and X2 ~ second, independent of each other."""

    first: ContinuousSource
    second: ContinuousSource

    @property
    def parts(self) -> tuple[ContinuousSource, ContinuousSource]:
        """Both coordinates."""
        return self.first, self.second


guard(__name__)
