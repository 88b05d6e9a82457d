"""Entropy-constrained transport between two uniform laws under squared error, without common randomness, in nats.

With X = low_X + a U and Y = low_Y + b U in law, the best cells are intervals of U: N - 1 equal ones of length
c' and one short cell c <= c', N = ceil(e^R), H(cells) = R. Then [LZCK22, A.6], [GL00]

    D(R) = W + 2 a b m(R),    m = (c^3 + (1-c) c'^2) / 12,    W = (mX - mY)^2 + (a - b)^2 / 12.

m is the least squared error of the uniform law on [0, 1] at entropy R. The upper bound D+ of the paper is this value,
and exact: Cov(E[X|Z], E[Y|Z]) cannot exceed the geometric mean of the explained variances, and cells at the same place
for X and Y reach it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rdptheory._types import ArrayLike, FloatArray
from rdptheory.closed_forms._inputs import limits, load_sympy
from rdptheory.doors import guard
from rdptheory.errors import at_least_zero
from rdptheory.information import binary_entropy
from rdptheory.sources import Uniform

__all__ = ["cells", "distortion", "quantisation_error", "symbolic", "terms"]

SNAP = 4.0 * float(np.finfo(np.float64).eps)
"""R within this share of log N, or of 1, counts as log N, which is a rounded number; D moves by a share 1e-15/N."""
LARGEST_RATE = 30.0
"""Beyond it the cells are shorter than the spacing of float64 and m is 0 to every digit of D."""


def cells(R: float) -> tuple[int, float, float]:
    """(N, c, c') at R nats: N cells, one of length c and N - 1 of length c' >= c.

    c in (0, 1/N] solves -c log c - (1-c) log((1-c)/(N-1)) = R.

    >>> cells(float(np.log(4)))
    (4, 0.25, 0.25)
    """
    levels = float(np.exp(min(at_least_zero("R", R), LARGEST_RATE)))
    N = round(levels)
    if abs(R - float(np.log(N))) <= SNAP * max(1.0, R) or R > LARGEST_RATE:
        return N, 1.0 / N, 1.0 / N
    N = max(2, int(np.ceil(levels)))
    low, high = 0.0, 1.0 / N  # the entropy increases from log(N-1) to log N
    while True:
        c = 0.5 * (low + high)
        if c in (low, high):
            return N, c, (1.0 - c) / (N - 1)
        entropy = float(binary_entropy(c)) + (1.0 - c) * float(np.log(N - 1))
        low, high = (c, high) if entropy < R else (low, c)


def quantisation_error(*, R: ArrayLike) -> FloatArray:
    """m(R): least mean squared error of the uniform law on [0, 1] at R nats, an array of the shape of R."""

    def error(rate: float) -> float:
        _, c, other = cells(rate)
        return (c**3 + (1.0 - c) * other**2) / 12.0

    return np.asarray(np.vectorize(error, otypes=[np.float64])(limits("R", R)))


def distortion(source: Uniform, target: Uniform, *, R: ArrayLike) -> FloatArray:
    """D(R) = W + 2 a b m(R), an array of the shape of R (nats, at least 0; inf gives W).

    >>> round(float(distortion(Uniform(0, 2), Uniform(0, 5), R=np.log(2))), 12)
    3.416666666667
    """
    return np.asarray(sum(terms(source, target, R=R)))


def terms(source: Uniform, target: Uniform, *, R: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(E(X - Xhat)^2, E(Xhat - Yhat)^2, E(Yhat - Y)^2): quantise, convert, dequantise; they add up to D(R).

    a^2 m, W - (a - b)^2 m and b^2 m, each of the shape of R.
    """
    a, b = source.high - source.low, target.high - target.low
    m = quantisation_error(R=R)
    apart, wider = 0.5 * ((source.low - target.low) + (source.high - target.high)), a - b
    return a * a * m, apart * apart + wider * wider * (1.0 / 12.0 - m), b * b * m


def symbolic() -> Any:
    """D in the widths a, b, the difference of means Delta, the number of cells N and the short cell c.

    >>> symbolic().subs({"a": 2, "b": 5, "Delta": "3/2", "N": 3, "c": "1/3"})
    86/27
    """
    sp = load_sympy()
    a, b, delta, N, c = sp.symbols("a b Delta N c")
    other = (1 - c) / (N - 1)
    return delta**2 + (a - b) ** 2 / 12 + a * b * (c**3 + (1 - c) * other**2) / 6


guard(__name__)
