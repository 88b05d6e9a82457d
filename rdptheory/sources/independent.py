"""Independent coordinates with densities."""

from __future__ import annotations

from dataclasses import dataclass

from rdptheory.doors import Finished, guard
from rdptheory.errors import InvalidInput
from rdptheory.sources.continuous import ContinuousSource
from rdptheory.sources.frozen import FrozenLaw, known_law

__all__ = ["Independent"]


@dataclass(frozen=True, init=False)
class Independent(Finished):
    """(X_1, ..., X_k) with independent coordinates, k at least 2.

    Parameters
    ----------
    parts : continuous sources, or frozen laws of scipy.stats
        The law of each coordinate.

    >>> from rdptheory import Gaussian, Laplace
    >>> len(Independent(Gaussian(0, 1), Laplace(0, 1), Gaussian(0, 2)).parts)
    3
    """

    parts: tuple[ContinuousSource, ...]

    def __init__(self, *parts: ContinuousSource | FrozenLaw) -> None:
        if len(parts) < 2:
            raise InvalidInput("parts", parts, "must be at least two laws, one for each coordinate")
        known = tuple(part if isinstance(part, ContinuousSource) else known_law(part) for part in parts)
        object.__setattr__(self, "parts", known)


guard(__name__)
