"""What a user fixes of an instance: a source, a distortion, a divergence, limits. What is not given is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import frexp, inf, isfinite, ldexp
from typing import Any, TypeVar

import numpy as np

from rdptheory.distortions import AbsoluteError, Distortion, Hamming, LogLoss, SquaredError, Table
from rdptheory.divergences import F_DIVERGENCES, Divergence, Renyi, Wasserstein1, Wasserstein2Squared
from rdptheory.errors import InvalidInput, at_least_zero
from rdptheory.sources import Bernoulli, DiscreteSource, Gaussian, Pmf, Source, Uniform

__all__ = ["NOTHING", "Given"]

Kind = TypeVar("Kind")

POWERS: dict[type, int] = {
    **{type(one): 0 for one in F_DIVERGENCES},
    **{kind: 0 for kind in (Hamming, LogLoss, Renyi, Table)},
    **{kind: 1 for kind in (AbsoluteError, Wasserstein1)},
    **{kind: 2 for kind in (SquaredError, Wasserstein2Squared)},
}
"""With which power of the unit of X a measure grows; of a class of one's own nobody knows."""
ORDINARY = 16.0
"""A spread up to it and down to its inverse, no further from 0 than as many spreads: the tolerances are for such."""


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

    def standard(self) -> tuple[Given, float]:
        """The same with a source of the order of 1 around 0, and its unit, a power of two.

        What the checks tolerate are numbers of that order: in other units rounding would look like a violation, or a
        violation like rounding. A source that is such already is left as it is, as is one beside a measure, or a limit
        of a measure yet to be drawn, whose unit nobody knows.
        """
        power_D = POWERS.get(type(self.distortion)) if self.distortion is not None else None
        if self.distortion is None:
            power_D = 2 if isinstance(self.source, Gaussian) else None if self.D is not None else 0
        power_P = POWERS.get(type(self.perception))
        if self.perception is None:
            power_P = None if self.P is not None else 0
        if power_D is None or power_P is None:
            return self, 1.0
        source, exponent = _standard(self.source)
        D, P = (
            None if limit is None else _times(limit, -exponent * power)
            for limit, power in ((self.D, power_D), (self.P, power_P))
        )
        return replace(self, source=source, D=D, P=P), _times(1.0, exponent)

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


def _standard(source: Source | None) -> tuple[Source | None, int]:
    """The source in units of a power of two about its heaviest point, and the power: a sum of two exact steps."""
    if isinstance(source, Gaussian):
        exponent = _unit(source.standard_deviation, abs(source.mean))
        kept = source if exponent is None else Gaussian(0.0, _times(source.variance, -2 * exponent))
        return kept, exponent or 0
    if isinstance(source, Uniform):
        exponent = _unit(source.high, abs(source.low)) if source.low == 0.0 else None
        return source if exponent is None else Uniform(0.0, _times(source.high, -exponent)), exponent or 0
    if not isinstance(source, DiscreteSource) or isinstance(source, Bernoulli):
        return source, 0
    first = frexp(float(np.abs(source.points).max()))[1] + 1  # in this unit differences are finite
    points = np.ldexp(source.points, -first)
    points = points - points[int(np.argmax(source.probabilities))]
    spread = float(np.abs(points).max())
    exponent = _unit(_times(spread, first), float(np.abs(source.points).max())) if spread > 0.0 else None
    if exponent is None:
        return source, 0
    return Pmf(source.probabilities, np.ldexp(points, first - exponent)), exponent


def _unit(spread: float, away: float) -> int | None:
    """The power of two next to a spread; None if numbers of it, so far away from 0, are ordinary."""
    if 1.0 / ORDINARY <= spread <= ORDINARY and away <= ORDINARY * spread:
        return None
    return frexp(spread)[1] if isfinite(spread) else None


def _times(value: float, exponent: int) -> float:
    """value 2^exponent, inf where float64 ends."""
    try:
        return ldexp(value, exponent)
    except OverflowError:
        return inf


NOTHING = Given()
