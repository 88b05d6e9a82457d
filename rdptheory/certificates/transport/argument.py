"""What turns prices into a lower end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Self

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.errors import InvalidInput
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import Multipliers

__all__ = ["Argument"]


@dataclass(frozen=True, eq=False)
class Argument(Multipliers, ABC):
    """Multipliers with the theorem that makes them a bound, whatever numbers they are."""

    needs: ClassVar[tuple[str, ...]] = ("target",)

    @classmethod
    def read(cls, prices: Multipliers) -> Self:
        """Bare multipliers under this theorem."""
        return cls(**{field.name: getattr(prices, field.name) for field in fields(Multipliers)})

    def usable(self, problem: DiscreteTransport) -> Self | None:
        """These multipliers if they are numbers and the theorem covers the question, or None.

        The price of a symbol without mass is not read; NaN there becomes a price that nobody pays.

        Raises
        ------
        InvalidInput
            A wrong number of prices.
        """
        if not (np.isfinite(self.rate) and self.rate >= 0.0) or not self.proves(problem):
            return None
        sides = list[FloatArray | None]()
        for name, law in (("source", problem.p), ("target", problem.q)):
            prices = getattr(self, name)
            if prices is None:
                if name in self.needs:
                    return None
                sides.append(None)
                continue
            prices = np.asarray(prices, dtype=np.float64)
            if prices.shape != law.shape:
                raise InvalidInput(name, prices, f"must be one price for each of the {law.size} symbols")
            prices = np.where(np.isfinite(prices) | (law > 0.0), prices, -float(problem.cost.max()))
            if not np.isfinite(prices).all():
                return None
            sides.append(prices)
        return replace(self, source=sides[0], target=sides[1])

    @abstractmethod
    def proves(self, problem: DiscreteTransport) -> bool:
        """Whether the theorem covers the question, as its own or as a relaxation."""

    @abstractmethod
    def lower_end(self, problem: DiscreteTransport) -> float:
        """A lower bound on D(R), taken low enough for rounding."""
