"""Array types and the bracket every number travels in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from functools import cache, lru_cache
from math import isfinite, isinf, isnan
from typing import Any, Generic, TypeGuard, TypeVar
from weakref import ref

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "SUBNORMAL",
    "UNIT_ROUNDOFF",
    "ArrayLike",
    "Bounds",
    "Contradiction",
    "FloatArray",
    "Frozen",
    "IntArray",
    "Remembered",
    "Unbounded",
    "down",
    "follows",
    "frozen_array",
    "kept",
    "up",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Kind = TypeVar("Kind")
Unbounded = float("inf")
UNIT_ROUNDOFF = 2.0**-53
"""Largest relative error of one float64 operation."""
SUBNORMAL = 5e-324
"""The least float64 above 0: what an operation errs by where numbers have no digits left."""
LONGEST_WHOLE = 309
"""Digits before the point of the largest float64."""
SPEC = re.compile(r"\.?([1-9]\d?|0(?=[fe]))([gfe]?)", re.ASCII)
"""Formats of a bracket: up to 99 digits, and for none after the point a letter that allows it."""


class Remembered(Generic[Kind]):
    """What was made of read-only arrays, kept as long as all of them live; of others it is made each time.

    What is kept must not hold the arrays it is kept under, or none of them would ever go.

    >>> sums, law = Remembered(), frozen_array([0.5, 0.5])
    >>> sums((law,), lambda: float(law.sum())), len(sums.known)
    (1.0, 1)
    >>> del law
    >>> len(sums.known)
    0
    """

    def __init__(self) -> None:
        self.known: dict[tuple[int, ...], tuple[list[ref[FloatArray]], Kind]] = {}

    def __call__(self, arrays: tuple[FloatArray, ...], make: Callable[[], Kind]) -> Kind:
        key = tuple(map(id, arrays))
        found = self.known.get(key)
        if found is not None:
            for known, array in zip(found[0], arrays, strict=True):
                if known() is not array:
                    break
            else:
                return found[1]
        made = make()
        if not any(array.flags.writeable for array in arrays):

            def forget(_: ref[FloatArray]) -> None:
                self.known.pop(key, None)

            self.known[key] = [ref(array, forget) for array in arrays], made
        return made


def follows(value: object, protocol: Callable[..., Kind]) -> TypeGuard[Kind]:
    """`isinstance` for a protocol, without looking for its members anew at every call."""
    if _known_to_follow(type(value), protocol):  # type: ignore[arg-type]  # a class can be hashed
        return True
    return _has_members(value, protocol)


@lru_cache(256)
def _known_to_follow(kind: type, protocol: Callable[..., object]) -> bool:
    """Whether every member of a protocol is one of the class, with which all its instances have it."""
    return _has_members(kind, protocol) and not hasattr(kind, "__getattr__")


def _has_members(value: object, protocol: Callable[..., object]) -> bool:
    methods, others = _members(protocol)
    for name in methods:  # most objects lack the first
        if getattr(value, name, None) is None:
            return False
    return all([hasattr(value, name) for name in others])


@cache
def _members(protocol: Callable[..., object]) -> tuple[list[str], list[str]]:
    """The methods of a protocol, and its other members."""
    assert isinstance(protocol, type)
    bases = [base for base in protocol.__mro__ if getattr(base, "_is_protocol", False) and base.__module__ != "typing"]
    found = {name: member for base in bases for name, member in vars(base).items() if not name.startswith("_")}
    noted = [name for base in bases for name in vars(base).get("__annotations__", ()) if name not in found]
    methods = [name for name, member in found.items() if callable(member)]
    return methods, [name for name in found if name not in methods] + noted


def frozen_array(values: ArrayLike) -> FloatArray:
    """A contiguous float64 copy that nobody can write to."""
    array = np.array(values, dtype=np.float64, order="C")
    array.flags.writeable = False
    return array


def kept(array: FloatArray) -> FloatArray:
    """The array itself where nobody can write to it, else a copy that is so."""
    return frozen_array(array) if array.flags.writeable else array


class Frozen:
    """Something whose arrays nobody can write to, copies of it and what another process sends back among them.

    >>> from copy import deepcopy
    >>> one = Frozen()
    >>> one.law = frozen_array([0.5, 0.5])
    >>> deepcopy(one).law.flags.writeable, deepcopy(one.law).flags.writeable
    (False, True)
    """

    def __setstate__(self, state: dict[str, Any]) -> None:
        for value in state.values():
            for array in value if isinstance(value, tuple) else (value,):
                if isinstance(array, np.ndarray):
                    array.flags.writeable = False
        vars(self).update(state)


class Contradiction(ArithmeticError):
    """Two proofs of one number exclude each other, or one of them is no number: a fault of the program that made them.

    A bracket that cannot be true is refused where it is made, and nobody narrows it until it looks true.
    """


def down(value: float, digits: int, kind: str = "g") -> str:
    """The value not above itself: in so many significant digits, at most 15; or decimals, with kind "f" or "e"."""
    return _written(value, digits, kind, ROUND_FLOOR)


def up(value: float, digits: int, kind: str = "g") -> str:
    """The value not below itself: in so many significant digits, at most 15; or decimals, with kind "f" or "e"."""
    return _written(value, digits, kind, ROUND_CEILING)


def _written(value: float, digits: int, kind: str, rounding: str) -> str:
    if not isfinite(value):
        return f"{value:{kind}}"
    if kind == "f":
        whole = Context(prec=digits + LONGEST_WHOLE, rounding=rounding)
        return f"{Decimal(value).quantize(Decimal(1).scaleb(-digits), context=whole):f}"
    rounded = Context(prec=digits + (kind == "e"), rounding=rounding).create_decimal_from_float(value)
    return f"{rounded:.{digits}e}" if kind == "e" else f"{float(rounded):.{digits}g}"


@dataclass(frozen=True)
class Bounds:
    """A proved bracket lower <= true value <= upper, in the unit of the value (nats for rates).

    >>> Bounds(0.25, 0.26).gap
    0.010000000000000009
    >>> Bounds(0.26, 0.25)
    Traceback (most recent call last):
    ...
    rdptheory._types.Contradiction: the lower end 0.26 is above the upper end 0.25: one of the two proofs is wrong
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        if isnan(self.lower) or isnan(self.upper):
            raise Contradiction(f"a bracket cannot hold NaN: [{self.lower}, {self.upper}]")
        if self.lower > self.upper:
            raise Contradiction(
                f"the lower end {self.lower!r} is above the upper end {self.upper!r}: one of the two proofs is wrong"
            )

    def __format__(self, spec: str) -> str:
        """Both ends rounded outward, as `spec` says (.6g, .6f or .6e): what is printed is a bracket, too.

        >>> f"{Bounds(1 / 3, 2 / 3):.3g} {Bounds(1 / 3, 20 / 3):.2f}"
        '[0.333, 0.667] [0.33, 6.67]'
        """
        if not spec:
            return str(self)
        asked = SPEC.fullmatch(spec)
        if asked is None:
            raise ValueError(f"{spec!r} is no format of a bracket: digits and a letter are, as in .6g, .6f or .6e")
        digits, kind = int(asked[1]), asked[2] or "g"
        return f"[{down(self.lower, digits, kind)}, {up(self.upper, digits, kind)}]"

    @property
    def gap(self) -> float:
        """upper - lower; zero when both are infinite."""
        if isinf(self.lower) and isinf(self.upper) and self.lower == self.upper:
            return 0.0
        return self.upper - self.lower

    def __contains__(self, value: object) -> bool:
        return isinstance(value, (int, float, np.floating)) and self.lower <= float(value) <= self.upper

    def overlaps(self, other: Bounds) -> bool:
        """Whether two brackets of one quantity can both be right."""
        return self.lower <= other.upper and other.lower <= self.upper
