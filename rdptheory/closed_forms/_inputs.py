"""Arguments of the closed forms: arrays where the verbs take numbers, and sympy on demand."""

from __future__ import annotations

from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from rdptheory._types import ArrayLike, FloatArray
from rdptheory.errors import InvalidInput, MissingPackage, number, reals

__all__ = ["expression", "limits", "load_sympy", "masses", "positive", "together"]


def limits(argument: str, values: ArrayLike) -> FloatArray:
    """Numbers at least 0, inf included, of any shape."""
    array = reals(argument, values)
    if not (array >= 0.0).all():
        raise InvalidInput(argument, values, "must be at least 0 everywhere (inf is allowed)")
    return array


def masses(argument: str, values: ArrayLike) -> FloatArray:
    """Numbers in [0, 1], of any shape."""
    array = reals(argument, values)
    if not ((array >= 0.0) & (array <= 1.0)).all():
        raise InvalidInput(argument, values, "must lie in [0, 1] everywhere")
    return array


def positive(argument: str, values: ArrayLike) -> FloatArray:
    """Finite numbers above 0, of any shape."""
    array = reals(argument, values)
    if not ((array > 0.0) & np.isfinite(array)).all():
        raise InvalidInput(argument, values, "must be finite and above 0 everywhere")
    return array


def together(*arrays: FloatArray) -> tuple[FloatArray, ...]:
    """Arrays of one shape, as numpy broadcasts them."""
    try:
        return tuple(np.broadcast_arrays(*arrays))
    except ValueError:
        shapes = ", ".join(str(np.shape(array)) for array in arrays)
        raise InvalidInput("arguments", shapes, "must have shapes that broadcast to one") from None


def load_sympy() -> Any:
    """The sympy package, imported when the first expression is asked for."""
    try:
        import sympy
    except ImportError:
        raise MissingPackage("sympy", "symbolic") from None
    return sympy


def expression(argument: str, value: Any, default: Any) -> Any:
    """A sympy expression or an exact number as sympy has it; `default` for None. Words are never evaluated.

    Raises
    ------
    InvalidInput
        A word, a truth value, NaN, or what is neither a number nor an expression of sympy.
    """
    sympy = load_sympy()
    if value is None:
        return default
    if isinstance(value, Real | Decimal) and not isinstance(value, sympy.Basic):
        number(argument, value)  # no truth value, nothing beyond float64
    try:
        found = sympy.sympify(value, rational=True, strict=True)
    except (sympy.SympifyError, TypeError, ValueError, AttributeError):
        found = None
    if not isinstance(found, sympy.Expr) or found.has(sympy.nan) or found.is_extended_real is False:
        raise InvalidInput(argument, value, "must be an expression of sympy or an exact real number, and no text")
    return found
