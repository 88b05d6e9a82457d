"""Sums that cancel, to the last digit: a law that sums to 1, and what a limit leaves beyond the least it asks for."""

from __future__ import annotations

import math

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, Remembered, frozen_array
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput

BELOW = 8 * UNIT_ROUNDOFF  # of D, by which a limit may lie below the least distortion that a user summed in float64
LAW_ROUNDING = 4 * UNIT_ROUNDOFF  # twice what is left of a sum after one division by it
LAW_SUM = 1e-12  # what a law may be off 1 by, as `Pmf` accepts it
SPLITTER = 2.0**27 + 1.0  # halves the 53 bits of a float64

__all__ = ["exact_law", "remaining_limit"]


def exact_law(weights: FloatArray) -> FloatArray:
    """The law that non-negative weights (n,) are proportional to: each mass within `LAW_ROUNDING` of itself.

    Weights whose exact sum is that close to 1 are left as they are.

    Raises
    ------
    InvalidInput
        No weights of a law: negative, not finite, or with a sum off by more than rounding.
    """
    divided = _DIVIDED((weights,), lambda: _divided(weights))
    return weights if divided is None else divided


def _divided(weights: FloatArray) -> FloatArray | None:
    """The weights by their exact sum; None where that is as good as 1."""
    if not (weights >= 0.0).all() or not abs(float(weights.sum()) - 1.0) <= LAW_SUM:
        raise InvalidInput("probabilities", weights, f"must be at least 0 and sum to 1 within {LAW_SUM:g}")
    total = math.fsum(weights.tolist())
    return None if abs(total - 1.0) <= LAW_ROUNDING else frozen_array(weights / total)


def remaining_limit(limit: float, weights: FloatArray, least: FloatArray) -> float:
    """limit - Σ w_i least_i / Σ w_i, within three roundings of the difference itself, however much cancels.

    Below 0 by no more than the rounding of that sum counts as 0.
    """
    if not least.any():
        return limit
    unit = math.frexp(max(abs(limit), float(np.abs(least).max())))[1]  # a power of 2, so that nothing overflows
    small, scaled = math.ldexp(limit, -unit), np.ldexp(least, -unit)
    parts = [*_products(weights, np.full(weights.size, small)), *_products(weights, -scaled)]
    room = math.ldexp(math.fsum(parts), unit) / math.fsum(weights.tolist())
    return 0.0 if -BELOW * float(weights @ np.abs(least)) <= room < 0.0 else room


def _products(a: FloatArray, b: FloatArray) -> list[float]:
    """Numbers whose exact sum is Σ a_i b_i, for |a|, |b| of the order of 1 at most (Dekker's product)."""
    product = a * b
    a_high, b_high = (x * SPLITTER - (x * SPLITTER - x) for x in (a, b))
    a_low, b_low = a - a_high, b - b_high
    error = a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)
    return [*product.tolist(), *error.tolist()]


_DIVIDED: Remembered[FloatArray | None] = Remembered()

guard(__name__)
