"""Long blocks with common randomness: optimal transport under an information limit.

    D(R) = min E d(X,Y)   over couplings of p and q with I(X;Y) <= R                       [LZCK22, Theorem 7]
         = max over λ >= 0 and g of  Σ_j q_j g_j - λ Σ_i p_i log Σ_j q_j e^{(g_j - d_ij)/λ} - λR,

so every (g, λ) proves a lower bound. The dual is smooth and jointly concave.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.certificates.transport import CouplingMultipliers
from rdptheory.couplings import optimal_transport, rounded_plan
from rdptheory.doors import guard
from rdptheory.errors import check_settings
from rdptheory.plans import Coupling
from rdptheory.solvers.transport.plan import spread
from rdptheory.solvers.transport.units import in_own_units
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import TransportOutcome
from rdptheory.watch import watched

__all__ = ["EntropicTransport"]

FLATTEST = 2.0**54
"""Largest λ in units of the spread of d: what a larger one wins is below rounding."""
LEAST_START = 1e-3
"""Share of E d of independent X and Y that the first λ has at least: a λ of 0 is no starting point."""


@dataclass(frozen=True)
class EntropicTransport:
    """Log-domain Sinkhorn sweeps in g alternating with Newton steps in (g, λ).

    Attributes
    ----------
    gap : float
        Stop when the bracket is this narrow, relative to max(1, D).
    max_steps : int
    """

    gap: float = 1e-11
    max_steps: int = 200

    def __post_init__(self) -> None:
        check_settings(self)

    def applies(self, problem: DiscreteTransport) -> bool:
        """Over long blocks with common randomness."""
        return problem.shared and problem.asymptotic

    @in_own_units
    def solve(self, problem: DiscreteTransport) -> TransportOutcome:
        """D(R) over long blocks with common randomness, for any cost."""
        held = problem.q > 0.0
        dual = _Dual(problem.p, problem.q[held], problem.cost[:, held], problem.R)
        point = (
            np.zeros(int(held.sum())),
            0.5 * float(problem.cost.mean()) + LEAST_START * max(problem.unit, problem.independent),
        )
        best, lower, upper = point, -np.inf, np.inf
        plan = Coupling(problem.p[:, None] * problem.q)
        history: list[tuple[float, float]] = []
        sentence = "its steps ran out"
        with watched("entropic transport") as watch:
            for _ in range(self.max_steps if problem.R > 0.0 else 0):
                point = dual.newton(dual.sinkhorn(point))
                value, channel = dual.value(point), dual.channel(point)
                if value > lower:
                    lower, best = value, point
                candidate = np.zeros(problem.shape)
                candidate[:, held] = problem.p[:, None] * channel
                coupling = Coupling(rounded_plan(candidate, problem.p, problem.q)).thinned(problem, problem.R)
                reached = float(np.vdot(coupling.law, problem.cost))
                if reached < upper:
                    upper, plan = reached, coupling
                stalled = bool(history) and history[-1] == (lower, upper)
                history.append((lower, upper))
                watch.step(lower, upper)
                if stalled or upper - lower <= problem.width(self.gap, upper):
                    sentence = f"the coupling is within {max(upper - lower, 0.0):.2g} of the dual value"
                    break
        proofs = [CouplingMultipliers(lam, spread(g, held, np.nan)) for g, lam in (best, dual.at_small_rates())]
        if upper - lower > problem.width(self.gap, upper) and not watch.interrupted:
            # no entropic term is left where the rate limit is (nearly) free
            cheapest = optimal_transport(problem.p, problem.q, problem.cost)
            proofs.append(CouplingMultipliers(0.0, cheapest.w))
            if cheapest.plan is not None:
                coupling = Coupling(rounded_plan(cheapest.plan, problem.p, problem.q)).thinned(problem, problem.R)
                if float(np.vdot(coupling.law, problem.cost)) < upper:
                    plan = coupling
        return TransportOutcome(
            plan, tuple(proofs), len(history), watch.sentence(sentence), np.array(history).reshape(-1, 2)
        )


DualPrices = tuple[FloatArray, float]
"""g (m,) and λ."""


class _Dual:
    """F(g, λ) for one problem, q > 0."""

    def __init__(self, p: FloatArray, q: FloatArray, cost: FloatArray, R: float) -> None:
        self.p, self.q, self.cost, self.R = p, q, cost, R

    def _log_weights(self, point: DualPrices) -> tuple[FloatArray, FloatArray]:
        g, lam = point
        exponent = np.log(self.q) + (g - self.cost) / lam
        top = exponent.max(axis=1)
        return exponent, top + np.log(np.exp(exponent - top[:, None]).sum(axis=1))

    def value(self, point: DualPrices) -> float:
        g, lam = point
        return float(g @ self.q - lam * (self.p @ self._log_weights(point)[1]) - lam * self.R)

    def channel(self, point: DualPrices) -> FloatArray:
        exponent, total = self._log_weights(point)
        return np.asarray(np.exp(exponent - total[:, None]))

    def at_small_rates(self) -> DualPrices:
        """The prices in the limit R -> 0: next to independence D falls with the root of 2 R times the variance of d."""
        means = self.p @ self.cost
        off = means - self.cost
        variance = float(self.p @ (off**2 @ self.q - (off @ self.q) ** 2))
        lam = float(np.sqrt(max(variance, 0.0) / (2.0 * self.R))) if 0.0 < self.R < np.inf else 0.0
        return means, min(lam, FLATTEST * float(np.ptp(self.cost)))

    def sinkhorn(self, point: DualPrices) -> DualPrices:
        """g that makes the output law q at the row normalisation in force: exact ascent in g."""
        exponent, total = self._log_weights(point)
        with np.errstate(divide="ignore"):
            columns = exponent - total[:, None] + np.log(self.p)[:, None]
        top = columns.max(axis=0)
        mass = top + np.log(np.exp(columns - top).sum(axis=0))
        return point[0] + point[1] * (np.log(self.q) - mass), point[1]

    def newton(self, point: DualPrices) -> DualPrices:
        """One damped Newton step in (g, λ), λ kept positive; the point itself if no step climbs."""
        g, lam = point
        w = self.channel(point)
        u = (g - self.cost) / lam
        joint = self.p[:, None] * w
        mean = (w * u).sum(axis=1)
        output = joint.sum(axis=0)
        m = g.size
        hessian = np.empty((m + 1, m + 1))
        hessian[:m, :m] = np.diag(output) - w.T @ joint + np.outer(self.q, self.q)
        hessian[:m, m] = hessian[m, :m] = -((joint * u).sum(axis=0) - joint.T @ mean)
        hessian[m, m] = float(self.p @ ((w * u**2).sum(axis=1) - mean**2))
        information = float((self.p[:, None] * (scipy.special.xlogy(w, w) - w * np.log(self.q))).sum())
        gradient = np.append(self.q - output, information - self.R)
        hessian[np.diag_indices(m + 1)] += 1e-15 * np.trace(hessian)
        direction = lam * np.linalg.lstsq(hessian, gradient, rcond=1e-15)[0]
        with np.errstate(over="ignore"):  # a direction that is next to none asks for no limit
            step = 1.0 if direction[m] >= 0.0 else min(1.0, 0.9 * lam / -direction[m])
        start = self.value(point)
        for _ in range(30):
            moved = (g + step * direction[:m], lam + step * float(direction[m]))
            if self.value(moved) > start:
                return moved
            step *= 0.5
        return point


guard(__name__)
