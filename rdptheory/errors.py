"""What can go wrong, in one sentence that names the argument, what came, and the rule; and what counts as a number.

A number is an int, a float, a numpy scalar, a Fraction, a Decimal or an array of no dimension; it becomes a float64.
An array is whatever numpy reads as integers or floats: nested lists of numbers, numpy arrays, pandas and xarray
columns, tensors without gradient. Booleans are no numbers, and neither are words, bytes, dates, complex numbers,
numbers beyond float64, arrays of objects and masked arrays: all these are refused.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np

from rdptheory._types import ArrayLike, FloatArray, frozen_array

__all__ = [
    "GapTooWide",
    "InvalidInput",
    "MissingPackage",
    "WorkerLost",
    "WrongCall",
    "at_least_zero",
    "check_settings",
    "count",
    "finite",
    "number",
    "probability",
    "real",
    "real_array",
    "reals",
    "truth",
    "whole",
]

SHOWN = 120  # characters of a value in a sentence: it stays one line of a terminal
LONGEST_RULE = 600  # of a rule, which may quote a file: eight lines of a terminal
DEEPEST = 32  # nested lists: as many axes as numpy allowed for decades
MOST = 2**31 - 1  # of anything that is counted one by one: more would never end


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
        return f"{self.argument} = {_shown(self.value)}: {_short(self.rule, LONGEST_RULE)}"


class WrongCall(InvalidInput, TypeError):
    """A call that does not fit the signature: an argument that is missing, unknown or given twice.

    >>> raise WrongCall("P", None, "rdp: missing a required argument: 'P'")
    Traceback (most recent call last):
    ...
    rdptheory.errors.WrongCall: rdp: missing a required argument: 'P'
    """

    def __str__(self) -> str:
        return _short(self.rule, LONGEST_RULE)


class GapTooWide(ArithmeticError):
    """A bracket wider than the caller can use (`Solution.require`)."""


class WorkerLost(RuntimeError):
    """A process that solved a part of a sweep died and could not be replaced; a store keeps what was finished."""


class MissingPackage(ImportError):
    """An optional package that this call needs is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: pip install 'rdptheory[{extra}]'", name=package)


def number(argument: str, value: object) -> float:
    """A real number, inf or NaN as a float (see the head of this module).

    >>> number("D", np.float32(0.5))
    0.5
    """
    if isinstance(value, float):
        return float(value)  # of numpy's own, too, whose arithmetic warns where that of Python goes on
    found = None
    if _real(value):
        try:
            found = float(value)  # type: ignore[arg-type]
        except (OverflowError, ValueError):  # an integer beyond float64, a signalling NaN
            found = None
        if found is not None and math.isinf(found) and value != found:
            found = None
    elif hasattr(value, "__array__"):
        array = reals(argument, value)
        found = float(array) if array.ndim == 0 else None
    if found is None:
        words = ", and not a text" if isinstance(value, str) else " that float64 can hold"
        raise InvalidInput(argument, value, f"must be a real number{words}")
    return found


def at_least_zero(argument: str, value: object) -> float:
    """A real number or inf that is at least 0."""
    found = number(argument, value)
    if not found >= 0:
        raise InvalidInput(argument, value, "must be a number at least 0 (inf is allowed)")
    return found


def real(argument: str, value: object) -> float:
    """A real number or inf; -inf and NaN are none."""
    found = number(argument, value)
    if not found > -math.inf:
        raise InvalidInput(argument, value, "must be a number (inf is allowed)")
    return found


def probability(argument: str, value: object) -> float:
    """A number in [0, 1]."""
    found = number(argument, value)
    if not 0 <= found <= 1:
        raise InvalidInput(argument, value, "must lie in [0, 1]")
    return found


def finite(argument: str, value: object, *, positive: bool = False) -> float:
    """A finite number, above 0 if `positive`."""
    found = number(argument, value)
    if not math.isfinite(found) or (positive and found <= 0):
        raise InvalidInput(argument, value, "must be finite and above 0" if positive else "must be finite")
    return found


def whole(argument: str, value: object) -> int:
    """An integer of Python or numpy; 2.0 and True are none."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InvalidInput(argument, value, "must be an integer")
    if abs(found := int(value)) >= 2**63:
        raise InvalidInput(argument, value, "must be an integer of at most 64 bits")
    return found


def count(argument: str, value: object, *, least: int = 1, most: int = MOST) -> int:
    """An integer between `least` and `most`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= int(value) <= most:
        upper = "" if most == MOST else f" and at most {most:,}"
        raise InvalidInput(argument, value, f"must be an integer at least {least}{upper}")
    return int(value)


def check_settings(method: Any) -> None:
    """Settings of a method, a frozen dataclass: numbers finite and above 0, counts at least 1, a seed at least 0."""
    for setting in fields(method):
        value = getattr(method, setting.name)
        if isinstance(value, float):
            finite(setting.name, value, positive=True)
        elif not isinstance(value, bool) and isinstance(value, Integral):
            count(setting.name, value, least=0 if setting.name == "seed" else 1)


def truth(argument: str, value: object) -> bool:
    """True or False, of Python or numpy; 1, "False" and None are neither."""
    if not isinstance(value, (bool, np.bool_)):
        raise InvalidInput(argument, value, "must be True or False")
    return bool(value)


def reals(argument: str, values: object) -> FloatArray:
    """A float64 array of real numbers, NaN and inf among them; float64 arrays pass as they are."""
    if type(values) is np.ndarray and values.dtype == np.float64:
        return values
    if isinstance(values, np.ma.MaskedArray):
        raise InvalidInput(argument, values, "is a masked array: fill or drop the masked entries first")
    if getattr(values, "requires_grad", False) is True:
        raise InvalidInput(argument, values, "is a tensor with a gradient: take its .detach()")
    try:
        listed = isinstance(values, Sequence) and not isinstance(values, (str, bytes, bytearray, memoryview))
        if listed:
            _check_entries(argument, values, DEEPEST)
        array = np.asarray(values, dtype=np.float64 if listed else None)
        if array.dtype.kind in "iuf":
            with np.errstate(over="ignore"):  # beyond float64 is inf, and the test for finite entries sees it
                return np.asarray(array, dtype=np.float64)
    except InvalidInput:
        raise
    except Exception:  # whatever the conversion of a foreign object raises: a ragged list, a tensor with gradient
        pass
    raise InvalidInput(argument, values, "must be an array of real numbers that float64 can hold")


def real_array(argument: str, values: ArrayLike) -> FloatArray:
    """A read-only float64 copy without NaN or inf."""
    array = reals(argument, values)
    if not np.isfinite(array).all():
        raise InvalidInput(argument, values, "every entry must be finite")
    return frozen_array(array)


def _check_entries(argument: str, values: object, depth: int) -> None:
    """Refuse a list that holds something else than numbers at any depth: numpy would read True as 1."""
    assert isinstance(values, Sequence)
    if set(map(type, values)) <= {float, int}:
        return
    if depth == 0:
        raise InvalidInput(argument, values, "is nested too deeply")
    for entry in values:
        if isinstance(entry, (list, tuple, range)):
            _check_entries(argument, entry, depth - 1)
        elif hasattr(entry, "__array__"):
            reals(argument, entry)
        elif not _real(entry):
            raise InvalidInput(argument, values, f"every entry must be a real number, one is {_shown(entry)}")


def _real(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, (Real, Decimal))


def _shown(value: object) -> str:
    """A value in one line of readable characters, whatever it is."""
    try:
        text = str(value) if isinstance(value, (str, np.floating, np.integer)) else reprlib.repr(value)
    except Exception:  # an integer of too many digits, a foreign object whose name cannot be made
        text = f"<{type(value).__name__}>"
    return _short(text, SHOWN)


def _short(text: str, most: int) -> str:
    """Words with single blanks between them, cut off after so many characters."""
    text = " ".join(text.encode("utf-8", "backslashreplace").decode().split())
    return text if len(text) <= most else f"{text[: most - 3]}..."
