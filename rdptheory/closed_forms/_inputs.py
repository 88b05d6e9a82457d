"""Arguments of the closed forms: arrays where the verbs take numbers, and sympy on demand."""

from __future__ import annotations

from typing import Any

import numpy as np

from rdptheory._types import ArrayLike, FloatArray
from rdptheory.errors import InvalidInput, MissingPackage

__all__ = ["limits", "load_sympy", "masses", "positive"]


def limits(argument: str, values: ArrayLike) -> FloatArray:
    """Numbers at least 0, inf included, of any shape."""
    array = _array(argument, values)
    if not (array >= 0.0).all():
        raise InvalidInput(argument, values, "must be at least 0 everywhere (inf is allowed)")
    return array


def masses(argument: str, values: ArrayLike) -> FloatArray:
    """Numbers in [0, 1], of any shape."""
    array = _array(argument, values)
    if not ((array >= 0.0) & (array <= 1.0)).all():
        raise InvalidInput(argument, values, "must lie in [0, 1] everywhere")
    return array


def positive(argument: str, values: ArrayLike) -> FloatArray:
    """Finite numbers above 0, of any shape."""
    array = _array(argument, values)
    if not ((array > 0.0) & np.isfinite(array)).all():
        raise InvalidInput(argument, values, "must be finite and above 0 everywhere")
    return array


def load_sympy() -> Any:
    """The sympy package, imported when the first expression is asked for."""
    try:
        import sympy
    except ImportError:
        raise MissingPackage("sympy", "symbolic") from None
    return sympy


def _array(argument: str, values: ArrayLike) -> FloatArray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(argument, values, "must be a real number or an array of them") from None
