"""Which numbers of a point of {A x = b, x >= 0} can be above 0 at all, by one linear program."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from rdptheory._types import FloatArray, IntArray
from rdptheory.couplings import TOLERANCES
from rdptheory.solvers.faces.interior import DEPENDENT, independent

__all__ = ["Support", "innermost", "largest_support"]

SMALLEST = 1e-5  # share of its size from which on a number counts in full: the tolerances of HiGHS are well below
SEEN = 0.5  # of such a number: one that reaches less has no room of its own
ROUNDING = 1e-14  # share of its size: a number that reaches no more is as good as shut


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
    scaled, sums, kept, weights = _scaled(A, b, size)
    N = size.size
    found = scipy.optimize.linprog(
        np.concatenate([-np.ones(N), np.zeros(N + 1)]),
        A_eq=scipy.sparse.csr_array(np.hstack([scaled, scaled, -sums[:, None]])),
        b_eq=np.zeros(kept.size),
        bounds=[(0.0, 1.0)] * N + [(0.0, None)] * N + [(0.0, 1.0 / SMALLEST)],
        method="highs",
        options=TOLERANCES,
    )
    if found.x is None or not found.x[-1] > 0.0:
        return None
    reached = found.x[:N]
    point = np.maximum(reached + found.x[N:-1], 0.0) / found.x[-1] * size
    is_open = (reached > SEEN) & (point > 0.0)
    y = np.zeros(b.size)
    y[kept] = found.eqlin.marginals * weights
    y = y - np.linalg.lstsq(A[:, is_open].T, A[:, is_open].T @ y, rcond=DEPENDENT)[0]
    return Support(is_open, point, y)


def innermost(A: FloatArray, b: FloatArray, size: FloatArray, support: Support) -> FloatArray | None:
    """A point with everything above 0, where limits leave little room but some; None where that is no more than
    rounding.

        max t   subject to   A diag(size) x = b / SMALLEST,   x >= t where the support is shut
    """
    scaled, sums, _, _ = _scaled(A, b, size)
    shut = (~support.open).astype(np.float64)
    found = scipy.optimize.linprog(
        np.append(np.zeros(size.size), -1.0),
        A_eq=scipy.sparse.csr_array(np.hstack([scaled, (scaled @ shut)[:, None]])),
        b_eq=sums / SMALLEST,
        bounds=(0.0, None),
        method="highs",
        options=TOLERANCES,
    )
    if found.x is None or not found.x[-1] * SMALLEST > ROUNDING:
        return None
    point = (found.x[:-1] + found.x[-1] * shut) * SMALLEST * size
    return np.asarray(0.5 * (point + support.point))


def _scaled(A: FloatArray, b: FloatArray, size: FloatArray) -> tuple[FloatArray, FloatArray, IntArray, FloatArray]:
    """Rows of A x = b that span all, they and their numbers of the order of 1; which they are, and their weights.

    Rows that follow from others say the same but for rounding, which a program may take for a contradiction.
    """
    kept = independent(A * size)
    weights = 1.0 / np.abs(A[kept] * size).max(axis=1)
    return A[kept] * size * weights[:, None], b[kept] * weights, kept, weights
