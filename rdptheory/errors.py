"""What can go wrong, in one sentence that names the argument, what came, and the rule."""

from __future__ import annotations

import math
import reprlib

import numpy as np

from rdptheory._types import ArrayLike, FloatArray, frozen_array

__all__ = ["GapTooWide", "InvalidInput", "MissingPackage", "at_least_zero", "finite", "probability", "real_array"]


class InvalidInput(ValueError):
    """An argument that no reading of the question allows.

    >>> raise InvalidInput("D", -1.0, "must be at least 0")
    Traceback (most recent call last):
    ...
    rdptheory.errors.InvalidInput: D = -1.0: must be at least 0
    """

    def __init__(self, argument: str, value: object, rule: str) -> None:
        super().__init__(argument, value, rule)
        self.argument, self.value, self.rule = argument, value, rule

    def __str__(self) -> str:
        shown = str(self.value) if isinstance(self.value, (str, np.floating, np.integer)) else reprlib.repr(self.value)
        return f"{self.argument} = {' '.join(shown.split())}: {self.rule}"


class GapTooWide(ArithmeticError):
    """A bracket wider than the caller can use (`Solution.require`)."""


class MissingPackage(ImportError):
    """An optional package that this call needs is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: pip install 'rdptheory[{extra}]'", name=package)


def at_least_zero(argument: str, value: object) -> float:
    """A real number or inf that is at least 0."""
    number = _number(argument, value)
    if not number >= 0:
        raise InvalidInput(argument, value, "must be a number at least 0 (inf is allowed)")
    return number


def probability(argument: str, value: object) -> float:
    """A number in [0, 1]."""
    number = _number(argument, value)
    if not 0 <= number <= 1:
        raise InvalidInput(argument, value, "must lie in [0, 1]")
    return number


def finite(argument: str, value: object, *, positive: bool = False) -> float:
    """A finite number, above 0 if `positive`."""
    number = _number(argument, value)
    if not math.isfinite(number) or (positive and number <= 0):
        raise InvalidInput(argument, value, "must be finite and above 0" if positive else "must be finite")
    return number


def real_array(argument: str, values: ArrayLike) -> FloatArray:
    """A read-only float64 array without NaN or inf."""
    try:
        array = frozen_array(values)
    except (TypeError, ValueError):
        raise InvalidInput(argument, values, "must be an array of real numbers") from None
    if not np.isfinite(array).all():
        raise InvalidInput(argument, values, "every entry must be finite")
    return array


def _number(argument: str, value: object) -> float:
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InvalidInput(argument, value, "must be a real number") from None
