"""The three regimes that every closed form here passes through as D grows."""

from __future__ import annotations

from enum import Enum

__all__ = ["Regime"]


class Regime(Enum):
    """Which limits bind; the value is the sentence that results print."""

    ZERO = "an output independent of the source meets both limits"
    SHANNON = "the perception limit does not bind, the rate is Shannon's R(D)"
    BOTH = "both limits bind"

    def said(self, *, alone: bool) -> str:
        """The sentence, or the one for a limit on the distortion alone."""
        return ALONE.get(self, self.value) if alone else self.value


ALONE = {
    Regime.ZERO: "an output independent of the source meets the limit",
    Regime.SHANNON: "the rate is Shannon's R(D)",
}
