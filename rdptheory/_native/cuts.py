"""Sets of cuts of a line, bounded at prices of their entropy, compiled."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rdptheory._native.library import library, workspace

__all__ = ["BoundedCuts", "bound_cuts"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


class _Cuts(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("nodes", "size", "steps")),
        *((name, ctypes.c_void_p) for name in ("cost", "surprise", "end")),
        *((name, ctypes.c_double) for name in ("constant", "R", "least", "rounding", "enough")),
        *((name, ctypes.c_void_p) for name in ("price", "bound", "counts", "low", "high")),
    )


@dataclass(frozen=True, eq=False)
class BoundedCuts:
    """Bounds (B,), the prices λ (B,) that prove them, and for each node the slots cut at most R nats, and above R.

    A side that was not met has no slots.
    """

    bounds: FloatArray
    prices: FloatArray
    low: list[IntArray]
    high: list[IntArray]


def bound_cuts(
    cost: FloatArray,
    surprise: FloatArray,
    end: IntArray,
    prices: FloatArray,
    *,
    constant: float,
    R: float,
    steps: int,
    least: float,
    rounding: float,
    enough: float,
) -> BoundedCuts:
    """max over λ >= 0 of constant + min over cuts (cost + λ surprise) - λR for B nodes.

    Parameters
    ----------
    cost, surprise : arrays (B, S, S)
        Of the cell that ends at the slot of the row and starts at that of the column; inf where there is none.
    end : int array (B,)
        The last slot of each node; the first is 0.
    prices : array (B,)
        λ to begin with.
    steps : int
        Prices tried for each node at most.
    least : float
        Prices below it are tried as 0.
    rounding, enough : float
        A bound that is so near to what can be reached, or above `enough`, is not raised further.
    """
    nodes, size = cost.shape[:2]
    cost, surprise, ends = np.ascontiguousarray(cost), np.ascontiguousarray(surprise), end.astype(np.int64)
    at, bounds, counts = prices.astype(np.float64), np.empty(nodes), np.empty((nodes, 2), dtype=np.int64)
    low, high = np.empty((2, nodes, size), dtype=np.int64)
    places = (array.ctypes.data for array in (at, bounds, counts, low, high))
    tables = (array.ctypes.data for array in (cost, surprise, ends))
    struct = _Cuts(nodes, size, steps, *tables, constant, R, least, rounding, enough, *places)
    library().rdp_bound_cuts(ctypes.addressof(struct), workspace(3 * size))
    return BoundedCuts(
        bounds,
        at,
        *([row[:count] for row, count in zip(side, counts[:, k], strict=True)] for k, side in enumerate((low, high))),
    )
