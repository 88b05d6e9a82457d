"""Nats inside, bits where people read: the two conversions, and nothing global.

They take whatever the package returns: a number, a bracket, an array, a column or data set of pandas or xarray, and, as
an array, a list or tuple. Of an answer take its `rate` or its `bounds`. The ends of a bracket are rounded outward.

>>> nats_to_bits(bits_to_nats(1.0))
1.0
>>> nats_to_bits([0.0, NATS_PER_BIT])
array([0., 1.])

"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from math import inf, isfinite, nextafter
from typing import Any, overload

from rdptheory._types import Bounds, FloatArray
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, reals

__all__ = ["NATS_PER_BIT", "Unit", "bits_to_nats", "nats_to_bits"]

NATS_PER_BIT = math.log(2.0)  # by definition


@overload
def nats_to_bits(value: float) -> float: ...
@overload
def nats_to_bits(value: Bounds) -> Bounds: ...
@overload
def nats_to_bits(value: FloatArray) -> FloatArray: ...
@overload
def nats_to_bits(value: Any) -> Any: ...
def nats_to_bits(value: Any) -> Any:
    """Rate in bits of a rate in nats, in the type that came.

    Of a data set the variables in nats are converted, of a data frame the columns that end in `_nat` (all, if none
    does); both then say bit.
    """
    return _converted(value, lambda nats: nats / NATS_PER_BIT, "nat", "bit")


@overload
def bits_to_nats(value: float) -> float: ...
@overload
def bits_to_nats(value: Bounds) -> Bounds: ...
@overload
def bits_to_nats(value: FloatArray) -> FloatArray: ...
@overload
def bits_to_nats(value: Any) -> Any: ...
def bits_to_nats(value: Any) -> Any:
    """Rate in nats of a rate in bits, in the type that came; the inverse of `nats_to_bits`."""
    return _converted(value, lambda bits: bits * NATS_PER_BIT, "bit", "nat")


class Unit(StrEnum):
    """The unit a rate is shown in."""

    bits = "bits"
    nats = "nats"

    @classmethod
    def of(cls, name: Unit | str) -> Unit:
        """The unit of a plain string.

        >>> Unit.of("bits")
        <Unit.bits: 'bits'>
        """
        try:
            return cls(name)
        except ValueError:
            raise InvalidInput("unit", name, f"must be one of {', '.join(cls)}") from None

    @overload
    def from_nats(self, value: float) -> float: ...
    @overload
    def from_nats(self, value: Bounds) -> Bounds: ...
    @overload
    def from_nats(self, value: FloatArray) -> FloatArray: ...
    def from_nats(self, value: Any) -> Any:
        """Express a rate in nats in this unit."""
        return nats_to_bits(value) if self is Unit.bits else value

    def to_nats(self, value: float) -> float:
        """A rate in nats of one in this unit.

        >>> Unit.bits.to_nats(1.0)
        0.6931471805599453
        """
        return bits_to_nats(value) if self is Unit.bits else value


def _outward(end: float, where: float) -> float:
    """The next float64 that way: log 2 is off by a third of a unit of rounding, and the quotient by one."""
    return nextafter(end, where) if end != 0.0 and isfinite(end) else end


def _converted(value: Any, convert: Callable[[Any], Any], old: str, new: str) -> Any:
    if isinstance(value, (int, float)):
        return convert(float(value))
    if isinstance(value, Bounds):
        return Bounds(_outward(convert(value.lower), -inf), _outward(convert(value.upper), inf))
    if isinstance(value, (list, tuple)):
        return convert(reals("value", value))
    if hasattr(value, "data_vars"):  # xarray.Dataset: what is measured in the old unit, and nothing else
        units = {name: str(part.attrs.get("units", "")) for name, part in value.data_vars.items()}
        rates = [name for name, unit in units.items() if unit.partition(" ")[0] == old]
        return value.assign({name: _converted(value[name], convert, old, new) for name in rates})
    if hasattr(value, "columns"):  # pandas.DataFrame
        rates = [name for name in value.columns if str(name).endswith(f"_{old}")]
        if not rates:
            return convert(value)
        renamed = {name: f"{str(name).removesuffix(old)}{new}" for name in rates}
        return value.assign(**{name: convert(value[name]) for name in rates}).rename(columns=renamed)
    try:
        found = convert(value)
    except TypeError:
        rule = "must be a rate: a number, a bracket, an array or a column; of an answer take its rate or its bounds"
        raise InvalidInput("value", value, rule) from None
    unit = str(getattr(value, "attrs", {}).get("units", ""))  # xarray.DataArray
    return found.assign_attrs(value.attrs, units=new + unit[len(old) :]) if unit.partition(" ")[0] == old else found


guard(__name__)
