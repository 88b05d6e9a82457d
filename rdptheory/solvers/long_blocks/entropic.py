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
from rdptheory.couplings import rounded_plan
from rdptheory.doors import guard
from rdptheory.solution import Status
from rdptheory.solvers.transport_plan import cheapest_coupling
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import Coupling, Multipliers, TransportSolution, widened, without_rate

__all__ = ["EntropicTransport"]


@dataclass(frozen=True)
class EntropicTransport:
    """Log-domain Sinkhorn sweeps in g alternating with Newton steps in (g, λ).

    Attributes
    ----------
    gap : float
        Stop when the bracket is this narrow, relative to E d of independent X and Y (at least 1).
    max_steps : int
    """

    gap: float = 1e-11
    max_steps: int = 200

    def solve(self, problem: DiscreteTransport) -> TransportSolution:
        """D(R) over long blocks with common randomness, for any cost."""
        if problem.R == 0.0:
            return without_rate(problem, Coupling(problem.p[:, None] * problem.q), self)
        held = problem.q > 0.0
        dual = _Dual(problem.p, problem.q[held], problem.cost[:, held], problem.R)
        point = (np.zeros(int(held.sum())), 0.5 * float(problem.cost.mean()) + 1e-3 * problem.scale)
        best, lower, upper = point, -np.inf, np.inf
        plan = problem.p[:, None] * problem.q
        history: list[tuple[float, float]] = []
        for _ in range(self.max_steps):
            point = dual.newton(dual.sinkhorn(point))
            value, channel = dual.value(point), dual.channel(point)
            if value > lower:
                lower, best = value, point
            candidate = np.zeros_like(plan)
            candidate[:, held] = problem.p[:, None] * channel
            candidate = limited(rounded_plan(candidate, problem.p, problem.q), problem)
            reached = float(np.vdot(candidate, problem.cost))
            if reached < upper:
                upper, plan = reached, candidate
            stalled = bool(history) and history[-1] == (lower, upper)
            history.append((lower, upper))
            if stalled or upper - lower <= self.gap * problem.scale:
                break
        source = "duality of entropic transport"
        if upper - lower > self.gap * problem.scale:  # no entropic term is left where the rate limit is (nearly) free
            cheapest, unlimited = cheapest_coupling(problem.p, problem.q, problem.cost)
            candidate = limited(cheapest, problem)
            reached = float(np.vdot(candidate, problem.cost))
            if reached < upper:
                upper, plan = reached, candidate
            if unlimited > lower:
                lower, source = unlimited, "transport without a rate limit"
                best = np.full_like(best[0], np.nan), 0.0
            history.append((lower, upper))
        bounds = widened(lower, upper, float(problem.cost.max()), source)
        target = np.full(problem.q.size, np.nan)
        target[held] = best[0]
        closed = upper - lower <= self.gap * problem.scale
        return TransportSolution(
            distortion=bounds.upper,
            bounds=bounds,
            plan=Coupling(plan),
            multipliers=Multipliers(float(best[1]), target),
            method=self,
            status=Status.OPTIMAL if closed else Status.STOPPED,
            message=f"the coupling is within {max(upper - lower, 0.0):.2g} of the dual value",
            steps=len(history),
            history=np.array(history),
            problem=problem,
        )


def limited(plan: FloatArray, problem: DiscreteTransport) -> FloatArray:
    """The plan mixed with the independent coupling until I <= R, which is convex in the coupling."""
    information = Coupling(plan).rate(problem)
    if information <= problem.R:
        return plan
    share = problem.R / information
    return share * plan + (1.0 - share) * problem.p[:, None] * problem.q


Point = tuple[FloatArray, float]


class _Dual:
    """F(g, λ) for one problem, q > 0."""

    def __init__(self, p: FloatArray, q: FloatArray, cost: FloatArray, R: float) -> None:
        self.p, self.q, self.cost, self.R = p, q, cost, R

    def _log_weights(self, point: Point) -> tuple[FloatArray, FloatArray]:
        g, lam = point
        exponent = np.log(self.q) + (g - self.cost) / lam
        top = exponent.max(axis=1)
        return exponent, top + np.log(np.exp(exponent - top[:, None]).sum(axis=1))

    def value(self, point: Point) -> float:
        g, lam = point
        return float(g @ self.q - lam * (self.p @ self._log_weights(point)[1]) - lam * self.R)

    def channel(self, point: Point) -> FloatArray:
        exponent, total = self._log_weights(point)
        return np.asarray(np.exp(exponent - total[:, None]))

    def sinkhorn(self, point: Point) -> Point:
        """g that makes the output law q at the row normalisation in force: exact ascent in g."""
        exponent, total = self._log_weights(point)
        with np.errstate(divide="ignore"):
            columns = exponent - total[:, None] + np.log(self.p)[:, None]
        top = columns.max(axis=0)
        mass = top + np.log(np.exp(columns - top).sum(axis=0))
        return point[0] + point[1] * (np.log(self.q) - mass), point[1]

    def newton(self, point: Point) -> Point:
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
        step = 1.0 if direction[m] >= 0.0 else min(1.0, 0.9 * lam / -direction[m])
        start = self.value(point)
        for _ in range(30):
            moved = (g + step * direction[:m], lam + step * float(direction[m]))
            if self.value(moved) > start:
                return moved
            step *= 0.5
        return point


guard(__name__)
