"""The uniform law on m symbols, Hamming distortion, any perception divergence.

    R(D,P) = log m - Hb(D) - D log(m-1)   for D <= 1 - 1/m,   0 beyond   (nats), for every P       [CT06, problem 10.5]

The perception limit is free: averaging a channel over relabellings of the alphabet keeps source and distortion,
cannot raise I(X;Y), and makes the output uniform, so that δ(p_X, p_Y) = 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy

from rdptheory._types import ArrayLike, FloatArray
from rdptheory.closed_forms._inputs import expression, limits, load_sympy, together
from rdptheory.closed_forms.regimes import Regime
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, at_least_zero, count

__all__ = ["channel", "rate", "regime", "slopes", "symbolic"]


LARGEST = 10_000
"""Symbols of a channel that is written down: 800 MB."""


def rate(m: int, D: ArrayLike, P: ArrayLike = np.inf) -> FloatArray:
    """R(D,P) in nats, elementwise over arrays that broadcast.

    Parameters
    ----------
    m : int
        Number of symbols, at least 1.
    D : at least 0, or inf
        Largest P(X ≠ Y).
    P : at least 0, or inf
        Any perception limit; it gives the result its shape and nothing else.

    Returns
    -------
    array of the broadcast shape, nats
        Within 16 ulp of log m of the exact value.

    Raises
    ------
    InvalidInput

    >>> rate(2, [0.0, 0.5]).round(6)
    array([0.693147, 0.      ])
    """
    D = _reached(m, D, P)
    value = scipy.special.xlogy(1.0 - D, m * (1.0 - D)) + scipy.special.xlogy(D, m / max(m - 1, 1) * D)
    return np.asarray(np.maximum(value, 0.0))[()]


def slopes(m: int, D: ArrayLike, P: ArrayLike = np.inf) -> tuple[FloatArray, FloatArray]:
    """(dR/dD, dR/dP) in nats per unit, elementwise as in `rate`; dR/dP is 0, dR/dD is -inf at D = 0 for m > 1."""
    D = _reached(m, D, P)
    by_D = np.zeros(D.shape)
    inside = D < 1.0 - 1.0 / m
    with np.errstate(divide="ignore"):
        by_D[inside] = np.log(D[inside]) - np.log1p(-D[inside]) - np.log(m - 1.0)
    return by_D[()], np.zeros(D.shape)[()]


def channel(m: int, D: float) -> FloatArray:
    """The symmetric channel p(y|x) that attains R(D,P), shape (m, m).

    >>> channel(3, 0.2)
    array([[0.8, 0.1, 0.1],
           [0.1, 0.8, 0.1],
           [0.1, 0.1, 0.8]])
    """
    count("m", m, most=LARGEST)
    error = float(_reached(m, at_least_zero("D", D), 0.0))
    rows = np.full((m, m), error / max(m - 1, 1))
    np.fill_diagonal(rows, 1.0 - error)
    return rows


def regime(m: int, D: float, P: float = np.inf) -> Regime:
    """SHANNON where the rate is above 0, else ZERO."""
    return Regime.SHANNON if _reached(m, at_least_zero("D", D), at_least_zero("P", P)) < 1.0 - 1.0 / m else Regime.ZERO


def symbolic(m: Any = None, D: Any = None) -> Any:
    """R(D,P) in nats as a sympy Piecewise, for m >= 2; it does not depend on P.

    Parameters
    ----------
    m, D : sympy expressions or exact numbers, optional
        Left out: `Symbol("m", integer=True, positive=True)` and `Symbol("D", nonnegative=True)`.

    >>> symbolic(m=3, D=0)
    log(3)
    """
    sympy = load_sympy()
    m = expression("m", m, sympy.Symbol("m", integer=True, positive=True))
    D = expression("D", D, sympy.Symbol("D", nonnegative=True))
    shannon = sympy.log(m) + D * sympy.log(D) + (1 - D) * sympy.log(1 - D) - D * sympy.log(m - 1)
    return sympy.Piecewise((0, D >= 1 - 1 / m), (sympy.log(m), sympy.Eq(D, 0)), (shannon, True))


def _reached(m: int, D: ArrayLike, P: ArrayLike) -> FloatArray:
    """The distortion that is used: D, at most 1 - 1/m."""
    if not isinstance(m, (int, np.integer)) or isinstance(m, bool) or m < 1:
        raise InvalidInput("m", m, "must be an integer at least 1")
    D, _ = together(np.minimum(limits("D", D), 1.0 - 1.0 / m), limits("P", P))
    return D


guard(__name__)
