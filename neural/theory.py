"""The curves of theory that experiments are laid over, in the units of the figures (bits)."""

from __future__ import annotations

import numpy as np

from rdptheory._types import ArrayLike, FloatArray
from rdptheory.units import nats_to_bits

__all__ = ["gaussian_distortion", "gaussian_rate"]


def gaussian_distortion(bits: ArrayLike) -> FloatArray:
    """D(R, P = 0) of N(0,1): 2 - 2 sqrt(1 - 4^-R), R in bits [ZQCK21, Thm 1]."""
    return np.asarray(2.0 - 2.0 * np.sqrt(-np.expm1(-2.0 * np.log(2.0) * np.asarray(bits, dtype=np.float64))))


def gaussian_rate(distortion: float) -> float:
    """R(D, P = 0) of N(0,1) in bits: log 1/(1 - (1 - D/2)^2) / 2 [ZQCK21, Thm 1]."""
    return nats_to_bits(-0.5 * float(np.log(distortion - distortion**2 / 4.0)))
