"""Reproduction symbols that an optimal channel hardly uses, or does not use at all, with a proof.

Both statements start from a feasible dual point, c_j = Σ_i p_i exp(f_i - s d_ij - v_j) <= 1, and from its gap g to a
channel.
"""

from __future__ import annotations

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.errors import InvalidInput
from rdptheory.geometry import Geometry

__all__ = ["dropped_mass", "provably_unused"]

ABOVE = 1.0 + 1e-6  # the Lambert function keeps half its digits at its branch point


def dropped_mass(log_c: FloatArray, gap: float, dropped: np.ndarray) -> float:
    """How much mass every optimal output law can have on a set of symbols, in any ball.

        r*(S) <= g / min over S of (-log c_j)

    The optimal channel exceeds the dual value by KL(Π* ‖ p r* e^{f - s d - v}) and terms that are not negative; the
    log-sum inequality on each column bounds that divergence from below by -Σ r*_j log c_j.

    Parameters
    ----------
    log_c : array (m,)
        At most 0.
    gap : float
        g, upper - lower, in nats.
    dropped : boolean array (m,)
        The set S.

    Returns
    -------
    float
        At most 1.

    >>> dropped_mass(np.array([0.0, -2.0, -5.0]), 0.01, np.array([False, False, True]))
    0.002
    """
    if (log_c > 0.0).any():
        raise InvalidInput("log_c", log_c, "must be at most 0: the dual point is not feasible")
    price = -float(log_c[dropped].max()) if dropped.any() else np.inf
    return min(1.0, gap / price) if price > 0.0 else 1.0


def provably_unused(p: FloatArray, f: FloatArray, kernel: Geometry, s: float, gap: float) -> np.ndarray:
    """Symbols without mass in every minimiser of I(X;Y) + s E d(X,Y), where no perception is asked for.

    With w = e^f, K = exp(-s d) and c = K'(p w) <= 1, symbol j is unused if

        1 - c_j > sqrt( g Σ_i p_i w_i² K_ij² / κ_i ),   κ_i = 1/(2 T_i²),   1/T_i - 1 + log T_i = g/p_i,  T_i > 1.

    The optimal w* obeys Σ p ψ(w/w*) <= g with ψ(x) = x - 1 - log x, and for t = w*/w <= T the identity
    ψ(1/t) = (t-1)² ∫ z/(1 + (t-1) z)² dz over z in [0, 1] gives ψ(1/t) >= (t-1)²/(2 T²). Cauchy-Schwarz bounds
    c*_j - c_j by the root above, and c*_j < 1 leaves no mass at j.

    Parameters
    ----------
    p, f : arrays (n,)
        The source law, positive, and a dual point with max c <= 1.
    kernel : Geometry
    s : float
    gap : float
        g, between I + s E d of a channel and <p, f>.

    Returns
    -------
    boolean array (m,)
        One product with exp(-2 s d). Sharp once g is small beside the least p_i, empty long before.
    """
    c = kernel.at(s).backward(p * np.exp(f))
    if float(c.max()) > 1.0 + kernel.rounding(s).product:
        raise InvalidInput("f", f, "must be dual feasible, max c_j <= 1")
    with np.errstate(divide="ignore"):
        longest = ABOVE / -scipy.special.lambertw(-np.exp(-1.0 - gap / p)).real
    spread = kernel.at(2.0 * s).backward(p * np.exp(2.0 * f) * 2.0 * longest**2)
    return np.asarray(1.0 - c > np.sqrt(gap * spread) + 2.0 * kernel.rounding(s).product)
