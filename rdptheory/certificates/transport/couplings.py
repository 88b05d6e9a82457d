"""Long blocks with common randomness: couplings under an information limit.

For any λ >= 0 and g, every coupling of p and q with I(X;Y) <= R has, with 0 log 0 = 0 and the limit at λ = 0,

    E d >= g·q - λR - λ Σ_i p_i log Σ_j q_j exp((g_j - d_ij)/λ),        g·q + Σ_i p_i min_j (d_ij - g_j) at λ = 0,

because of KL(joint ‖ p × q exp((g - d)/λ) normalised) >= 0. It is a lower end in all four settings.
"""

from __future__ import annotations

from dataclasses import dataclass

from rdptheory.certificates.soft import soft_minimum
from rdptheory.certificates.transport.argument import Argument
from rdptheory.certificates.transport.rounding import centred, lowered, relative_error
from rdptheory.transport_problem import DiscreteTransport

__all__ = ["CouplingMultipliers"]


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
