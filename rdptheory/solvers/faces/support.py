"""Which numbers of a point of {A x = b, x >= 0} can be above 0 at all, by one linear program."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from rdptheory._types import FloatArray
from rdptheory.couplings import TOLERANCES
from rdptheory.solvers.faces.interior import DEPENDENT

__all__ = ["Support", "largest_support"]

SMALLEST = 1e-5  # share of its size from which on a number counts in full: the tolerances of HiGHS are well below
SEEN = 1e-6  # of such a number: less is rounding


@dataclass(frozen=True, eq=False)
class Support:
    """A point with as many numbers above 0 as there can be, and the proof for the others.

    Attributes
    ----------
    open : mask (N,)
        Where some point is above 0.
    point : array (N,)
    prices : array (R,)
        y with y'A = 0 where it is open, y'A < 0 elsewhere, and y'b = 0.
    """

    open: NDArray[np.bool_]
    point: FloatArray
    prices: FloatArray


def largest_support(A: FloatArray, b: FloatArray, size: FloatArray) -> Support | None:
    """The largest support of a point of {A x = b, x >= 0}, or None if the program finds no point.

        max Σ z   subject to   A diag(size) x = τ b,   0 <= z <= 1,   z <= x,   0 <= τ <= 1/SMALLEST

    A number that can be above 0 at all is 1 for a large τ. The multipliers of the rows tell the others.
    """
    largest = np.abs(A * size).max(axis=1)
    weights = 1.0 / np.where(largest > 0.0, largest, 1.0)
    scaled, sums = A * size * weights[:, None], b * weights
    N = size.size
    found = scipy.optimize.linprog(
        np.concatenate([-np.ones(N), np.zeros(N + 1)]),
        A_eq=scipy.sparse.csr_array(np.hstack([scaled, scaled, -sums[:, None]])),
        b_eq=np.zeros(b.size),
        bounds=[(0.0, 1.0)] * N + [(0.0, None)] * N + [(0.0, 1.0 / SMALLEST)],
        method="highs",
        options=TOLERANCES,
    )
    if found.x is None or not found.x[-1] > 0.0:
        return None
    reached = found.x[:N]
    point = np.maximum(reached + found.x[N:-1], 0.0) / found.x[-1] * size
    is_open = (reached > SEEN) & (point > 0.0)
    y = found.eqlin.marginals * weights
    y = y - np.linalg.lstsq(A[:, is_open].T, A[:, is_open].T @ y, rcond=DEPENDENT)[0]
    return Support(is_open, point, y)
