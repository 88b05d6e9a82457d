"""Entropy-constrained transport from B(qX) to B(qY) under Hamming distortion, rates in nats [LZCK22, Theorem 4].

Hamming and squared error agree on {0, 1}. Below, Hb is the binary entropy, h = Hb^{-1}(R) in [0, 1/2],
Dmin = |qX - qY| (no rate limit) and Dmax = qX + qY - 2 qX qY (no rate). Every curve stays at its last value from the
rate where it saturates; a formula continued past that rate would fall below Dmin.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rdptheory._types import ArrayLike, FloatArray
from rdptheory.closed_forms._inputs import limits, load_sympy
from rdptheory.doors import guard
from rdptheory.errors import probability
from rdptheory.information import binary_entropy, inverse_binary_entropy

__all__ = [
    "distortion",
    "lower",
    "quantisation_error",
    "rate",
    "saturation_rate",
    "symbolic",
    "upper",
]

_inverse = np.vectorize(inverse_binary_entropy, otypes=[np.float64])


def distortion(qX: float, qY: float, *, R: ArrayLike, common_randomness: bool) -> FloatArray:
    """The least Hamming distortion at rate R.

    Without common randomness, min E d(X,Y) over X - Z - Y with H(Z) <= R:

        Dmax - 2 (1-qX)(1-qY) h/(1-h)   if qX + qY <= 1,    Dmax - 2 qX qY h/(1-h)   if qX + qY > 1;

    with it, min E d(X,Y) over U independent of X and Y = f(X,U) with H(Y|U) <= R:

        Dmax - 2 qX (1-qX) R / Hb(qX).

    Parameters
    ----------
    qX, qY : float
        P(X = 1) and P(Y = 1).
    R : array, any shape
        Rates in nats, at least 0; inf is allowed.
    common_randomness : bool

    Returns
    -------
    array of the shape of R

    >>> float(distortion(0.5, 0.5, R=0.0, common_randomness=True))
    0.5
    """
    qX, qY, R = _checked(qX, qY, R)
    low, high = _range(qX, qY)
    if common_randomness:
        saturation = saturation_rate(qX, qY, common_randomness=True)
        reached = np.ones_like(R) if saturation == 0.0 else np.minimum(R / saturation, 1.0)
        return np.maximum(high - (high - low) * reached, low)  # not a rounding below what any rate reaches
    h = np.minimum(_clamped(qX, R), _clamped(qY, R))
    return np.maximum(high - 2.0 * _weight(qX, qY) * h / (1.0 - h), low)


def rate(qX: float, qY: float, *, D: ArrayLike, common_randomness: bool) -> FloatArray:
    """The least rate in nats at distortion D: the inverse of `distortion`; 0 from Dmax on, inf below Dmin.

    >>> float(rate(0.5, 0.5, D=0.5, common_randomness=False))
    0.0
    """
    qX, qY, D = _checked(qX, qY, D, "D")
    low, high = _range(qX, qY)
    saved = np.clip(high - D, 0.0, high - low)
    if common_randomness:
        needed = np.zeros_like(saved) if high == low else saved / (high - low)
        value = needed * saturation_rate(qX, qY, common_randomness=True)
    else:
        odds = np.zeros_like(saved) if high == low else saved / (2.0 * _weight(qX, qY))
        value = np.minimum(binary_entropy(odds / (1.0 + odds)), saturation_rate(qX, qY, common_randomness=False))
    return np.asarray(np.where(low > D, np.inf, value))


def saturation_rate(qX: float, qY: float, *, common_randomness: bool) -> float:
    """The rate in nats from which on the distortion is Dmin.

    min(Hb(qX), Hb(qY)) without common randomness; with it min(qY/qX, (1-qY)/(1-qX)) Hb(qX), which depends on the order.
    """
    qX, qY = probability("qX", qX), probability("qY", qY)
    if not common_randomness:
        return float(min(binary_entropy(qX), binary_entropy(qY)))
    if qX in (0.0, 1.0):
        return 0.0
    return float(min(qY / qX, (1.0 - qY) / (1.0 - qX)) * binary_entropy(qX))


def quantisation_error(q: float, *, R: ArrayLike) -> FloatArray:
    """D_mse(B(q), R) = min E(X - E[X|Z])^2 over H(Z) <= R: (1-q)(q-h)/(1-h) with q the mass of the rarer symbol."""
    q, _, R = _checked(q, q, R)
    h, rare = _clamped(q, R), min(q, 1.0 - q)
    return np.asarray((1.0 - rare) * (rare - h) / (1.0 - h))


def upper(qX: float, qY: float, *, R: ArrayLike) -> FloatArray:
    """Upper bound without common randomness: the best quantiser of each side, then transport between the two.

    D_mse(X) + W2^2(law of Xhat, law of Yhat) + D_mse(Y), where Xhat and Yhat are the optimal two-point
    reconstructions. Tight when qX and qY lie on the same side of 1/2.
    """
    qX, qY, R = _checked(qX, qY, R)
    side_x, side_y = qX <= 0.5, qY <= 0.5
    if qX == 0.5:
        side_x = side_y
    elif qY == 0.5:
        side_y = side_x
    x0, x1, s = _reconstruction(qX, R, side_x)
    y0, y1, t = _reconstruction(qY, R, side_y)
    shared = np.minimum(s, t)
    converted = shared * (x1 - y1) ** 2 + (s - shared) * (x1 - y0) ** 2 + (t - shared) * (x0 - y1) ** 2
    converted += (1.0 - np.maximum(s, t)) * (x0 - y0) ** 2
    return np.asarray(quantisation_error(qX, R=R) + converted + quantisation_error(qY, R=R))


def lower(qX: float, qY: float, *, R: ArrayLike) -> FloatArray:
    """Lower bound without common randomness: D_mse(X) + D_mse(Y), and never below Dmin."""
    return np.maximum(quantisation_error(qX, R=R) + quantisation_error(qY, R=R), _range(qX, qY)[0])


def symbolic(*, common_randomness: bool, saturated: bool = False) -> Any:
    """`distortion` below saturation: in q_X, q_Y and h = Hb^{-1}(R), or with common randomness in q_X, q_Y and R.

    With `saturated` it stays at its last value from there on, as `distortion` does.

    >>> symbolic(common_randomness=True).subs({"q_X": 0.5, "R": 0})
    0.500000000000000
    """
    sp = load_sympy()
    x, y, h, R = sp.symbols("q_X q_Y h R")
    start = x + y - 2 * x * y
    if common_randomness:
        full = -x * sp.log(x) - (1 - x) * sp.log(1 - x)
        spent = sp.Min(R, sp.Min(y / x, (1 - y) / (1 - x)) * full) if saturated else R
        return start - 2 * x * (1 - x) * spent / full
    h = sp.Min(h, x, 1 - x, y, 1 - y) if saturated else h
    odds = h / (1 - h)
    return sp.Piecewise((start - 2 * (1 - x) * (1 - y) * odds, x + y <= 1), (start - 2 * x * y * odds, True))


def _checked(qX: float, qY: float, values: ArrayLike, argument: str = "R") -> tuple[float, float, FloatArray]:
    return probability("qX", qX), probability("qY", qY), limits(argument, values)


def _range(qX: float, qY: float) -> tuple[float, float]:
    return abs(qX - qY), qX + qY - 2.0 * qX * qY


def _weight(qX: float, qY: float) -> float:
    return (1.0 - qX) * (1.0 - qY) if qX + qY <= 1.0 else qX * qY


def _clamped(q: float, R: FloatArray) -> FloatArray:
    """Hb^{-1}(min(R, Hb(q)))."""
    return np.asarray(np.minimum(_inverse(R), min(q, 1.0 - q)), dtype=np.float64)


def _reconstruction(q: float, R: FloatArray, rare_is_one: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The optimal two points and the mass of the upper one."""
    h = _clamped(q, R)
    if rare_is_one:
        return (q - h) / (1.0 - h), np.ones_like(h), h
    return np.zeros_like(h), q / (1.0 - h), 1.0 - h


guard(__name__)
