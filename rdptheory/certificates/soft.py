"""Minima softened by an entropy, rounded down."""

from __future__ import annotations

import numpy as np
import scipy

from rdptheory._types import FloatArray

__all__ = ["soft_minimum"]

FAINTEST = 2.0**-1070
"""What an exponent and a product with a mass may lose below the least number of float64: with a large λ it counts."""


def soft_minimum(cost: FloatArray, q: FloatArray, lam: float, kappa: float) -> FloatArray:
    """-λ log Σ_j q_j exp(-c_j/λ) along the last axis, rounded down, to a relative error κ of c - min c; min c at λ = 0.

    Where all of c is small beside λ the logarithm is that of 1 plus something small, and computed so.
    """
    least = cost.min(axis=-1)
    if lam <= 0.0:
        return np.asarray(least)
    over = cost - least[..., None]
    with np.errstate(over="ignore"):
        exponent = -over / lam
    small = np.expm1(exponent) @ q  # in (-1, 0]
    close = small > -0.5
    logarithm = np.log1p(small, out=np.zeros_like(small), where=close)
    logarithm[~close] = np.log(np.exp(exponent[~close]) @ q)
    # with masses q known to κ, and exp(-t) t <= 1 for the exponents
    error = 4.0 * kappa * np.minimum(1.0, np.abs(logarithm)) + 2.0 * kappa * np.abs(logarithm) + q.size * FAINTEST
    tiny = float(scipy.special.xlogy(1.0, np.maximum(q.min(), np.finfo(np.float64).tiny)))
    capped = np.maximum(logarithm, tiny)  # the sum is at least the mass of the cheapest label
    return np.asarray(least - lam * np.minimum(capped + error, 0.0))
