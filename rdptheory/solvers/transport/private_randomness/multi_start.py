"""Transport without common randomness for any cost: local searches from many starts, between proved bounds.

    D(R) = min Σ_z u_z' d v_z / θ_z   over joint laws u of (X, Z) and v of (Y, Z) with the same law θ of Z, H(θ) <= R.

The programme is not convex. Its lower end comes from two relaxations: common randomness, and long blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.couplings import rounded_plan
from rdptheory.doors import guard
from rdptheory.errors import check_settings
from rdptheory.information import entropy
from rdptheory.plans import PrivatePlan
from rdptheory.solvers.transport.common_randomness import BranchAndBound, ColumnGeneration
from rdptheory.solvers.transport.long_blocks import PosteriorPairs
from rdptheory.solvers.transport.plan import conditional, optimal_coupling
from rdptheory.solvers.transport.units import in_own_units
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import TransportOutcome
from rdptheory.watch import watched

__all__ = ["MultiStart"]

LARGEST_BOUNDED = 3
"""Long blocks give a lower bound where one alphabet has at most this many letters; beyond, their pricing is slow."""
LOOSE = 1e-6
"""Gap of that bound: it is a relaxation and rarely meets the plan."""
LIMITS = {"maxiter": 200, "ftol": 1e-13}
"""Of a local search: 1e-13 of the largest cost is what exact transport resolves after it."""
EMPTY = 1e-14
"""Masses of Z that are dropped: couplings with less are rounding."""
TINY = 1e-12
"""Added to masses of Z that are divided by, below what the local search resolves."""


@dataclass(frozen=True)
class MultiStart:
    """Sequential quadratic programming from random starts, each finished by alternating exact transport.

    Attributes
    ----------
    starts : int
    cells : int
        Letters of Z; n + m always suffice, and few are used at low rates.
    seed : int
        Of the random starts.
    gap : float
        Widest bracket called optimal, relative to max(1, D).
    """

    starts: int = 12
    cells: int = 5
    seed: int = 0
    gap: float = 1e-7

    def __post_init__(self) -> None:
        check_settings(self)

    def applies(self, problem: DiscreteTransport) -> bool:
        """One-shot without common randomness."""
        return not problem.shared and not problem.asymptotic

    @in_own_units
    def solve(self, problem: DiscreteTransport) -> TransportOutcome:
        """D(R) without common randomness for any cost: an upper end from a plan, a lower end from relaxations."""
        N = min(self.cells, sum(problem.shape))
        plan = PrivatePlan(np.ones((problem.p.size, 1)), problem.q[None].copy())
        reached, history = problem.independent, list[tuple[float, float]]()
        relaxed = _relaxed(problem)
        lower = max((float(found.history[-1, 0]) for found in relaxed if found.history.size), default=-np.inf)
        if min(entropy(problem.p), entropy(problem.q)) <= problem.R:
            plan = _revealing(problem)
            reached = float(np.vdot(plan.joint(problem), problem.cost))
        with watched("local searches") as watch:
            for child in np.random.SeedSequence(self.seed).spawn(self.starts):
                if reached - lower <= problem.width(self.gap, reached):
                    break
                found = _descend(problem, N, np.random.default_rng(child))
                value = float(np.vdot(found.joint(problem), problem.cost))
                if value < reached:
                    reached, plan = value, found
                history.append((lower, reached))
                watch.step(lower, reached)
        proofs = tuple(proof for found in relaxed for proof in found.proofs)
        sentence = watch.sentence(f"best of {len(history)} local searches")
        return TransportOutcome(plan, proofs, len(history), sentence, np.array(history).reshape(-1, 2))


def _relaxed(problem: DiscreteTransport) -> list[TransportOutcome]:
    """Common randomness and, where that is not too slow, long blocks: both can only help."""
    found = [(BranchAndBound() if problem.monge_order is None else ColumnGeneration()).solve(problem)]
    if min(problem.shape) <= LARGEST_BOUNDED:
        found.append(PosteriorPairs(gap=LOOSE).solve(problem))
    return found


def _revealing(problem: DiscreteTransport) -> PrivatePlan:
    """Z is the side of less entropy itself, coupled to the other side at the least cost."""
    p, q = problem.p, problem.q
    forward = conditional(optimal_coupling(p, q, problem.cost)[0], q)
    if entropy(p) <= entropy(q):
        return PrivatePlan(np.eye(p.size), forward)
    return PrivatePlan(forward, np.eye(q.size))


def _descend(problem: DiscreteTransport, N: int, rng: np.random.Generator) -> PrivatePlan:
    from scipy.optimize import minimize

    n, m = problem.shape
    p, q, d, R = problem.p, problem.q, problem.cost, problem.R

    def split(w: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        u, v = w[: n * N].reshape(n, N), w[n * N :].reshape(m, N)
        return u, v, u.sum(axis=0) + TINY

    def objective(w: FloatArray) -> tuple[float, FloatArray]:
        u, v, theta = split(w)
        du, dv = d.T @ u, d @ v
        each = (u * dv).sum(axis=0)
        slope_u = dv / theta - each / theta**2
        return float((each / theta).sum()), np.concatenate((slope_u.ravel(), (du / theta).ravel()))

    def rate_slope(w: FloatArray) -> FloatArray:
        theta = split(w)[2]
        return np.concatenate((np.tile(np.log(theta) + 1.0, n), np.zeros(m * N)))

    rows = np.zeros((n + m + N, (n + m) * N))
    for x in range(n + m):
        rows[x, x * N : (x + 1) * N] = 1.0
    for z in range(N):
        rows[n + m + z, z : n * N : N] = 1.0
        rows[n + m + z, n * N + z :: N] = -1.0
    rows, right = rows[:-1], np.concatenate((p, q, np.zeros(N - 1)))  # the last row follows from the others
    theta = rng.dirichlet(np.ones(N))
    share = min(1.0, problem.R / max(entropy(theta), TINY))
    theta = share * theta + (1.0 - share) * np.eye(N)[0]
    mixed = [rounded_plan(rng.dirichlet(np.ones(N), size=law.size) * law[:, None], law, theta) for law in (p, q)]
    start = np.concatenate([part.ravel() for part in mixed])
    constraints = [
        {"type": "eq", "fun": lambda w: rows @ w - right, "jac": lambda w: rows},
        {"type": "ineq", "fun": lambda w: R - float(scipy.special.entr(split(w)[2]).sum()), "jac": rate_slope},
    ]
    found = minimize(
        objective,
        start,
        jac=True,
        bounds=[(0.0, 1.0)] * start.size,
        constraints=constraints,
        method="SLSQP",
        options=dict(LIMITS),
    )
    u, v, _ = split(np.maximum(found.x if np.isfinite(found.x).all() else start, 0.0))
    theta = np.maximum(u.sum(axis=0), 0.0)
    theta = _within(theta / theta.sum(), problem.R)
    u, v = rounded_plan(u, p, theta), rounded_plan(v, q, theta)
    held = theta > EMPTY
    u, v, theta = u[:, held], v[:, held], theta[held]
    theta = theta / theta.sum()
    value = np.inf
    for _ in range(20):
        u, _ = optimal_coupling(p, theta, d @ (v / theta))
        v, _ = optimal_coupling(q, theta, d.T @ (u / theta))
        reached = float(((d.T @ u) * v / theta).sum())
        if reached >= value - LIMITS["ftol"]:
            break
        value = reached
    return PrivatePlan(conditional(u, theta), conditional(v.T, q))


def _within(theta: FloatArray, R: float) -> FloatArray:
    """The law moved towards its heaviest letter until its entropy is at most R."""
    corner = np.eye(theta.size)[int(theta.argmax())]
    low, high = 0.0, 1.0  # share of the law; the entropy increases with it
    if entropy(theta) <= R:
        return theta
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if entropy(middle * theta + (1.0 - middle) * corner) <= R else (low, middle)
    return np.asarray(low * theta + (1.0 - low) * corner)


guard(__name__)
