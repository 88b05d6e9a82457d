"""What divergences of optimal transport are made of, compiled: the plan of a line, and what a price makes of a law."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rdptheory._native.library import flat, library

__all__ = ["Tangents", "staircase"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


def staircase(upper: FloatArray, lower: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Cells (i, j) and masses, in order, of the coupling of two laws whose cumulated masses are `upper`, `lower` (n,).

    At most 2n of them: where one of both sums ends, the next cell begins.
    """
    n, cells = upper.size, np.empty((2, 2 * upper.size), dtype=np.int64)
    upper, lower, mass = np.ascontiguousarray(upper), np.ascontiguousarray(lower), np.empty(2 * n)
    at = cells.ctypes.data
    count = library().rdp_staircase(n, upper.ctypes.data, lower.ctypes.data, at, at + 16 * n, mass.ctypes.data)
    return cells[0, :count], cells[1, :count], mass[:count]


class Tangents:
    """Mass q (k,) that is moved to where it is worth most, v_j - t c_ij, for prices t of a cost c (k, m)."""

    def __init__(self, v: FloatArray, q: FloatArray, cost: FloatArray) -> None:
        self.shape = cost.shape
        self.arrays = [*map(flat, (v, q, cost))]
        self.places = [array.ctypes.data for array in self.arrays]

    def __call__(self, t: float) -> tuple[float, float, FloatArray]:
        """The means over q of that worth and of the cost, and the law (m,) of where the mass goes."""
        k, m = self.shape
        out = np.empty(2 + m)
        library().rdp_tangent(k, m, *self.places, t, out.ctypes.data)
        mean, spent = out[:2].tolist()
        return mean, spent, out[2:]
