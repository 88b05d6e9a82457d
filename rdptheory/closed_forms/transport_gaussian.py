"""Rate-limited transport between Gaussians under squared error, over long blocks, rates in nats.

With a rate Rc of common randomness [LZCK22, Theorem 8], [XLCZ24],

    D(R) = (mX-mY)^2 + sX^2 + sY^2 - 2 sX sY sqrt((1 - e^{-2R}) (1 - e^{-2(R+Rc)}));

Rc = 0 is the case without common randomness, Rc = inf the one with as much as it takes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rdptheory._types import ArrayLike, FloatArray
from rdptheory.closed_forms._inputs import limits, load_sympy
from rdptheory.doors import guard
from rdptheory.sources import Gaussian
from rdptheory.transport_problem import common_rate

__all__ = ["correlation", "distortion", "lower", "rate", "symbolic"]


def distortion(source: Gaussian, target: Gaussian, *, R: ArrayLike, common_randomness: bool | float) -> FloatArray:
    """The least mean squared error, an array of the shape of R (nats; inf allowed).

    `common_randomness` is False, True, or a rate Rc in nats.

    >>> float(distortion(Gaussian(0, 1), Gaussian(0, 1), R=np.log(2), common_randomness=False))
    0.5
    """
    low, swing = _range(source, target)
    return np.asarray(low + swing * (1.0 - correlation(R, common_randomness)))


def correlation(R: ArrayLike, common_randomness: bool | float) -> FloatArray:
    """The correlation coefficient of X and Y at rate R, for any means and variances."""
    extra = common_rate(common_randomness)
    r = limits("R", R)
    return np.asarray(np.sqrt(np.expm1(-2.0 * r) * np.expm1(-2.0 * (r + extra))), dtype=np.float64)


def rate(source: Gaussian, target: Gaussian, *, D: ArrayLike, common_randomness: bool | float) -> FloatArray:
    """The least rate in nats at distortion D, of the shape of D: inf below what unlimited rate reaches.

    With u = 1 - e^{-2R}, e = e^{-2Rc} and the correlation ρ that D asks for, u (1 - e (1-u)) = ρ^2 is quadratic in u;
    the same in 1-u keeps the digits where u is next to 1.

    >>> float(rate(Gaussian(0, 1), Gaussian(0, 1), D=2.0, common_randomness=True))
    0.0
    """
    low, swing = _range(source, target)
    lost = np.clip((limits("D", D) - low) / swing, None, 1.0)
    impossible = lost < 0.0
    lost = np.maximum(lost, 0.0)
    square, slack = (1.0 - lost) ** 2, lost * (2.0 - lost)
    extra = common_rate(common_randomness)
    e, rest = float(np.exp(-2.0 * extra)), float(-np.expm1(-2.0 * extra))
    root = np.sqrt(rest**2 + 4.0 * e * square)
    u = np.divide(2.0 * square, rest + root, out=np.zeros_like(square), where=square > 0.0)
    t = 2.0 * slack / (1.0 + e + root)
    with np.errstate(divide="ignore"):
        found = -0.5 * np.where(u < t, np.log1p(-np.minimum(u, 0.5)), np.log(t))
    return np.where(impossible, np.inf, found + 0.0)


def lower(source: Gaussian, target: Gaussian, *, R: ArrayLike) -> FloatArray:
    """(sX^2 + sY^2) e^{-2R}: quantisation errors alone, a lower bound without common randomness."""
    return np.asarray((source.variance + target.variance) * np.exp(-2.0 * limits("R", R)))


def symbolic() -> Any:
    """D in m_X, m_Y, s_X, s_Y, R and R_c.

    >>> symbolic().subs({"R": 0})
    s_X**2 + s_Y**2 + (m_X - m_Y)**2
    """
    sp = load_sympy()
    mx, my, sx, sy, R, extra = sp.symbols("m_X m_Y s_X s_Y R R_c")
    root = sp.sqrt((1 - sp.exp(-2 * R)) * (1 - sp.exp(-2 * (R + extra))))
    return (mx - my) ** 2 + sx**2 + sy**2 - 2 * sx * sy * root


def _range(source: Gaussian, target: Gaussian) -> tuple[float, float]:
    sx, sy = source.standard_deviation, target.standard_deviation
    apart, wider = source.mean - target.mean, sx - sy
    return apart * apart + wider * wider, 2.0 * sx * sy


guard(__name__)
