"""Laplace source, absolute error, no perception limit: R(D) = log(scale/D) for D <= scale, 0 beyond (nats)   [Ber71]

X = Y + N with N a Laplace law of scale D independent of Y, so that Shannon's lower bound is reached: Y is the mean
with probability (D/scale)², and else has the law of X.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rdptheory._types import ArrayLike, FloatArray
from rdptheory.closed_forms._inputs import expression, limits, load_sympy, positive, together
from rdptheory.closed_forms.regimes import Regime
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, at_least_zero, finite
from rdptheory.solution import Candidate

__all__ = ["LaplacianChannel", "channel", "rate", "regime", "slopes", "symbolic"]

SMALLEST = float(np.finfo(np.float64).tiny)  # of a quotient that has all its digits


def rate(scale: ArrayLike, D: ArrayLike) -> FloatArray:
    """R(D) in nats, elementwise over arrays that broadcast; inf at D = 0.

    Parameters
    ----------
    scale : above 0
        Of the density exp(-|x - mean|/scale)/(2 scale): the mean of |X - mean|.
    D : at least 0, or inf
        Largest E|X - Y|.

    >>> rate(1.0, [0.25, 1.0]).round(6)
    array([1.386294, 0.      ])
    """
    b, D = together(positive("scale", scale), limits("D", D))
    with np.errstate(all="ignore"):
        share = b / D
        apart = np.log(b) - np.log(D)  # which has few digits where both are far from 1 and near each other
        held = (share >= SMALLEST) & (share < np.inf)
        return np.asarray(np.maximum(np.where(held, np.log(share), apart), 0.0))[()]


def slopes(scale: ArrayLike, D: ArrayLike) -> FloatArray:
    """dR/dD = -1/D in nats per unit, elementwise; 0 from D = scale on."""
    b, D = together(positive("scale", scale), limits("D", D))
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(b > D, -1.0 / D, 0.0)[()]


@dataclass(frozen=True, eq=False, init=False, kw_only=True)
class LaplacianChannel(Candidate):
    """p(y|x) of a Laplace source at distortion D: the mean, or a point on one of three sides of it and of x.

    >>> y = LaplacianChannel(0.0, 1.0, 0.5).draw(np.array([-2.0, 0.0, 3.0]), None, np.random.default_rng(0))
    >>> y.shape
    (3,)
    """

    mean: float
    scale: float
    D: float

    def __init__(self, mean: float, scale: float, D: float) -> None:
        b = finite("scale", scale, positive=True)
        if not at_least_zero("D", D) > 0.0:
            raise InvalidInput("D", D, "must be above 0: no channel of finite rate reaches it")
        for name, value in (("mean", finite("mean", mean)), ("scale", b), ("D", min(D, b))):
            object.__setattr__(self, name, value)
        for name in ("channel", "output", "joint"):
            object.__setattr__(self, name, None)

    def draw(self, x: FloatArray, source: object, rng: np.random.Generator) -> FloatArray:
        """With z = |x - mean| and e = exp(-z (1/D - 1/b)): the mean has the share (D/b) e, beyond it lies (b-D) e/(2b),
        between mean and x (b+D)(1-e)/(2b), and beyond x (b-D)/(2b)."""
        b, D = self.scale, self.D
        if D >= b:
            return np.full(x.shape, self.mean)
        z = np.abs(x - self.mean)
        steep, e = 1.0 / D - 1.0 / b, np.exp(-z * (1.0 / D - 1.0 / b))
        far = rng.exponential(b * D / (b + D), size=x.shape)
        between = np.maximum(z + np.log1p(-rng.random(x.shape) * (1.0 - e)) / steep, 0.0)
        u = rng.random(x.shape)
        whole = (b + D) / (2.0 * b)
        moved = np.select([u < D / b * e, u < whole * e, u < whole], [np.zeros(x.shape), -far, between], z + far)
        return np.asarray(self.mean + np.where(x < self.mean, -moved, moved))


def channel(scale: float, D: float, mean: float = 0.0) -> LaplacianChannel:
    """A channel p(y|x) that attains R(D), to draw from: X - Y is a Laplace law of scale D, independent of Y."""
    return LaplacianChannel(mean, scale, D)


def regime(scale: float, D: float) -> Regime:
    """SHANNON where the rate is above 0, else ZERO."""
    return Regime.SHANNON if at_least_zero("D", D) < finite("scale", scale, positive=True) else Regime.ZERO


def symbolic(scale: Any = None, D: Any = None) -> Any:
    """R(D) in nats as a sympy Piecewise, the scale and D `positive=True` where left out.

    >>> symbolic(scale=2, D=1)
    log(2)
    """
    sympy = load_sympy()
    b = expression("scale", scale, sympy.Symbol("b", positive=True))
    D = expression("D", D, sympy.Symbol("D", positive=True))
    return sympy.Piecewise((0, D >= b), (sympy.log(b / D), True))


guard(__name__)
