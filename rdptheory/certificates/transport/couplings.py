"""Long blocks with common randomness: couplings under an information limit.

For any λ >= 0 and g, every coupling of p and q with I(X;Y) <= R has, with 0 log 0 = 0 and the limit at λ = 0,

    E d >= g·q - λR - λ Σ_i p_i log Σ_j q_j exp((g_j - d_ij)/λ),        g·q + Σ_i p_i min_j (d_ij - g_j) at λ = 0,

because of KL(joint ‖ p × q exp((g - d)/λ) normalised) >= 0. It is a lower end in all four settings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.certificates.transport.argument import Argument
from rdptheory.certificates.transport.rounding import centred, lowered, relative_error
from rdptheory.transport_problem import DiscreteTransport

__all__ = ["CouplingMultipliers", "soft_minimum"]


@dataclass(frozen=True, eq=False)
class CouplingMultipliers(Argument):
    """Prices of a nat of information and of target masses; at a rate price of 0 they prove plain transport."""

    lower_from = "duality of entropic transport"

    def proves(self, problem: DiscreteTransport) -> bool:
        """Long blocks and common randomness can only help."""
        return True

    def lower_end(self, problem: DiscreteTransport) -> float:
        """The dual value, taken low enough for rounding."""
        n, m = problem.shape
        assert self.target is not None
        held = problem.q > 0.0
        p, q, lam = problem.p, problem.q[held], self.rate
        g = centred(self.target[held], q)
        kappa = relative_error(n, m)
        each = soft_minimum(lowered(problem.cost[:, held] - g, kappa), q, lam, kappa)
        return float(lowered(g * q, kappa).sum() + lowered(p * each, kappa).sum()) - (1.0 + kappa) * lam * problem.R


def soft_minimum(cost: FloatArray, q: FloatArray, lam: float, kappa: float) -> FloatArray:
    """-λ log Σ_j q_j exp(-c_j/λ) along the last axis, rounded down, to a relative error κ of c - min c; min c at λ = 0.

    Where all of c is small beside λ the logarithm is that of 1 plus something small, and computed so.
    """
    least = cost.min(axis=-1)
    if lam <= 0.0:
        return np.asarray(least)
    over = cost - least[..., None]
    with np.errstate(over="ignore"):
        exponent = -over / lam
    small = np.expm1(exponent) @ q  # in (-1, 0]
    close = small > -0.5
    logarithm = np.log1p(small, out=np.zeros_like(small), where=close)
    logarithm[~close] = np.log(np.exp(exponent[~close]) @ q)
    # with masses q known to κ, and exp(-t) t <= 1 for the exponents
    error = 4.0 * kappa * np.minimum(1.0, np.abs(logarithm)) + 2.0 * kappa * np.abs(logarithm)
    tiny = float(scipy.special.xlogy(1.0, np.maximum(q.min(), np.finfo(np.float64).tiny)))
    capped = np.maximum(logarithm, tiny)  # the sum is at least the mass of the cheapest label
    return np.asarray(least - lam * np.minimum(capped + error, 0.0))
