"""Gaussian source, squared error, W2² of whole blocks at most nP, and Rc nats of common randomness [QCYX25].

With s = 1 - e^{-2R} and t = 1 - e^{-2(R+Rc)},

    D(R,Rc,P) = σ² (1-s) + (sqrt(σ² (1 + s - 2 sqrt(st))) - sqrt P)_+².

Rc = inf is `gaussian` with W2² of one letter [ZQCK21], P = 0 `transport_gaussian` [XLCZ24].
"""

from __future__ import annotations

import numpy as np

from rdptheory._types import ArrayLike, FloatArray
from rdptheory.closed_forms._inputs import limits, positive
from rdptheory.doors import guard
from rdptheory.transport_problem import common_rate

__all__ = ["distortion", "rate", "slopes"]

HALVINGS = 110
"""Bisections of a rate between 0 and that of no common randomness at P = 0: more than float64 resolves."""


def distortion(variance: ArrayLike, R: ArrayLike, P: ArrayLike, common_randomness: bool | float) -> FloatArray:
    """D(R,Rc,P) in the unit of the variance, elementwise; rates in nats.

    >>> print(f"{distortion(1.0, 0.5, 0.05, 0.5):.8f}")
    0.39616955
    """
    variance, R, P = np.broadcast_arrays(positive("variance", variance), limits("R", R), limits("P", P))
    return np.asarray(variance * _share(R, common_rate(common_randomness), np.sqrt(P / variance)))[()]


def rate(variance: ArrayLike, D: ArrayLike, P: ArrayLike, common_randomness: bool | float) -> FloatArray:
    """The least R in nats with D(R,Rc,P) <= D, elementwise: inf at D = 0. By bisection, because D falls in R.

    >>> print(f"{rate(1.0, 0.4, 0.05, 0.5):.8f}")
    0.49571176
    """
    variance, D, P = np.broadcast_arrays(positive("variance", variance), limits("D", D), limits("P", P))
    extra, room, wanted = common_rate(common_randomness), np.sqrt(P / variance), D / variance
    low = np.zeros(variance.shape)
    with np.errstate(divide="ignore"):
        high = np.maximum(0.5 * np.log(2.0 / np.where(wanted > 0.0, wanted, np.nan)), 0.0)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        enough = _share(middle, extra, room) <= wanted
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    high = np.where(_share(np.zeros(high.shape), extra, room) <= wanted, 0.0, high)
    return np.where(wanted > 0.0, high, np.inf)[()]


def slopes(variance: float, R: float, P: float, common_randomness: bool | float) -> tuple[float, float]:
    """dR/dD and dR/dP at the point (D(R,Rc,P), P) of a rate above 0 nat; dR/dP = -inf at P = 0, and 0 beyond W2².

    With b = σ² (1 + s - 2 sqrt(st)), the derivatives of D by R and by P divide each other:

        dD/dR = -2 σ² e^{-2R} + (1 - sqrt(P/b))_+ db/dR,    dD/dP = -(sqrt(b/P) - 1)_+.

    >>> by_D, by_P = slopes(1.0, 0.5, 0.05, 0.5)
    >>> print(f"{by_D:.6f} {by_P:.6f}")
    -1.125283 -0.846436
    """
    extra = common_rate(common_randomness)
    s, t = -np.expm1(-2.0 * R), -np.expm1(-2.0 * (R + extra))
    ds, dt = 2.0 * np.exp(-2.0 * R), 2.0 * np.exp(-2.0 * (R + extra))
    b = float(variance * (_share(np.array(R), extra, np.array(0.0)) - np.exp(-2.0 * R)))
    left = 1.0 - np.sqrt(P / b) if b > P else 0.0
    by_R = variance * (-ds + left * (ds - (s * dt + t * ds) / np.sqrt(s * t)))
    by_P = (-np.inf if P == 0.0 else 1.0 - np.sqrt(b / P)) if b > P else 0.0
    return float(1.0 / by_R), float(-by_P / by_R)


def _share(R: FloatArray, extra: float, room: FloatArray) -> FloatArray:
    """D/σ² at sqrt(P)/σ = `room`; 1 + s - 2 sqrt(st) as a sum of two squares, so that no digits cancel."""
    lost, left = np.exp(-2.0 * R), np.exp(-2.0 * (R + extra))
    s, t = -np.expm1(-2.0 * R), -np.expm1(-2.0 * (R + extra))
    total = np.sqrt(s) + np.sqrt(t)
    between = np.divide(lost * -np.expm1(-2.0 * extra), total, out=np.zeros_like(lost), where=total > 0.0)
    return np.asarray(lost + np.square(np.maximum(np.sqrt(between**2 + left) - room, 0.0)))


guard(__name__)
