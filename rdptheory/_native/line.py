"""The restricted program of pairs on a line, compiled: `line.c` has its conditions and its Newton system."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rdptheory._native.library import flat, library, workspace

__all__ = ["Centred", "centre_line"]

FloatArray = NDArray[np.float64]


class _Line(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("n", "m", "atoms", "priced")),
        *((name, ctypes.c_void_p) for name in ("law", "x", "y", "low", "high", "moving")),
        *((name, ctypes.c_double) for name in ("R", "both", "P", "spread", "end")),
        ("most", ctypes.c_int64),
        ("state", ctypes.c_void_p),
        ("report", ctypes.c_void_p),
    )


@dataclass(frozen=True, eq=False)
class Centred:
    """The state that was reached, the steps, and how large the gap and what is missed are there."""

    state: FloatArray
    steps: int
    gap: float
    missed: float


def centre_line(
    law: FloatArray,
    x: FloatArray,
    y: FloatArray,
    rates: FloatArray,
    P: float | None,
    spread: float,
    moving: NDArray[np.bool_],
    low: FloatArray,
    high: FloatArray,
    state: FloatArray,
    end: float,
    most: int,
) -> Centred:
    """Mehrotra's predictor and corrector until the gap and all that is missed are at most `end`.

    Parameters
    ----------
    law : array (n+m,)
        Of X and of Y.
    x, y : arrays (n,) and (m,)
        Centred points.
    rates : array (2,)
        Nats of either side.
    P : float or None
        None: v = 1. Else v is a price too.
    spread : float
        Second moment of Y.
    moving, low, high : arrays (k,)
        Which atoms follow their valleys, and between which means.
    state : array
        As `rdp.h` has it, all but the means and μ, ν, θ, κ, η above 0.
    end : float
    most : int
        Steps.
    """
    law, x, y, low, high = map(flat, (law, x, y, low, high))
    follows, state, report = moving.astype(np.int64), state.astype(np.float64), np.empty(2)
    places = (array.ctypes.data for array in (law, x, y, low, high, follows))
    R, both = rates.tolist()
    struct = _Line(
        x.size, y.size, low.size, P is not None, *places, R, both, P or 0.0, spread, end, most, state.ctypes.data
    )
    struct.report, at = report.ctypes.data, ctypes.addressof(struct)
    steps = library().rdp_line_centre(at, workspace(library().rdp_line_work_size(at)))
    gap, missed = report.tolist()
    return Centred(state, int(steps), gap, missed)
