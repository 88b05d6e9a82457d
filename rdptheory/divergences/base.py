"""What every perception divergence can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from rdptheory._types import FloatArray
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput

__all__ = ["Divergence", "Support"]


@dataclass(frozen=True, eq=False)
class Support:
    """The support function of a ball at v, and a law of the ball that attains it up to rounding.

    `value` is an upper bound on max {<v, r> : δ(p, r) <= P}; `law` has shape (m,).
    """

    value: float
    law: FloatArray


class Divergence(ABC):
    """A perception divergence δ(p, r), convex in r, with δ(p, p) = 0."""

    @property
    def name(self) -> str:
        """The name people print."""
        return type(self).__name__

    @property
    def faithful(self) -> bool:
        """Whether every law is at distance 0 from itself."""
        return True

    def check(self, k: int, m: int) -> None:
        """Refuse to compare laws on k symbols with laws on m.

        Raises
        ------
        InvalidInput
        """
        if k != m:
            raise InvalidInput("perception", self, f"compares laws on one alphabet, not on {k} symbols with {m}")

    @abstractmethod
    def value(self, reference: FloatArray, output: FloatArray) -> float:
        """δ(reference, output) for two laws of shape (m,); inf where it is."""

    @abstractmethod
    def support(self, v: FloatArray, reference: FloatArray, P: float) -> Support:
        """σ_P(v) = max {<v, r> : r a law, δ(reference, r) <= P}, bounded from above.

        Any upper bound on σ_P turns a dual point into a valid lower bound on the rate, so an early stop of the
        search behind this number costs width, never truth.
        """

    @abstractmethod
    def cut(self, reference: FloatArray, law: FloatArray, P: float) -> tuple[FloatArray, float]:
        """A half-space {r : <g, r> <= h} that holds the ball and touches it near `law`, as (g, h).

        From a subgradient: δ(r) >= δ(law) + <g, r - law>, so every r of the ball has <g, r> <= P - δ(law) + <g, law>.
        """

    def on(self, points: FloatArray) -> Divergence:
        """The same divergence made concrete for laws on `points`; only transport divergences need them."""
        return self


guard(__name__)
