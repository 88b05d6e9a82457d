"""How far float64 may be off, as relative errors of the numbers that enter.

Every formula here is a sum of products whose factors are known up to a few rounding units. A lower end takes each
term at its least: c - κ|c| for a cost, h (1 - κ) for an entropy. The sum of the terms so lowered, computed in float64,
is below the sum of the true ones, because κ also covers the additions. A cost that is large where no mass goes thus
costs nothing.
"""

from __future__ import annotations

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray

__all__ = ["UNDERFLOW", "centred", "lowered", "relative_error"]

UNDERFLOW = 2.0**-1000
"""Of a distortion whose largest cost is no less than `judge.SMALL`: products below what float64 holds are off by no
share of themselves, and 2^60 of them by less than this."""


def relative_error(*sizes: int) -> float:
    """κ for sums over that many terms (nested sums add up), twice what is needed: 2 (Σ sizes + 16) rounding units.

    The 16 covers masses divided by their sum, the products, and distances computed from points.
    """
    return 2.0 * (sum(sizes) + 16) * UNIT_ROUNDOFF


def lowered(values: FloatArray, kappa: float) -> FloatArray:
    """values - κ |values|."""
    return np.asarray(values - kappa * np.abs(values))


def centred(price: FloatArray, law: FloatArray) -> FloatArray:
    """Prices of masses that sum to 1, moved by a constant so that their mean is 0: large offsets cost accuracy."""
    return np.asarray(price - law @ price)
