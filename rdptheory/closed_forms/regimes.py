"""The three regimes that every closed form here passes through as D grows."""

from __future__ import annotations

from enum import Enum

__all__ = ["Regime"]


class Regime(Enum):
    """Which limits bind; the value is the sentence that results print."""

    ZERO = "an output independent of the source meets both limits"
    SHANNON = "the perception limit does not bind, the rate is Shannon's R(D)"
    BOTH = "both limits bind"
