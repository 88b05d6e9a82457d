"""Long blocks without common randomness: a linear program over pairs of posteriors.

Z has weights w_k and posteriors a_k of X (n,) and b_k of Y (m,), independent given Z [LZCK22, Theorem 5]:

    D(R) = min Σ w_k a_k' d b_k   over  Σ w_k a_k = p,  Σ w_k b_k = q,
                                        Σ w_k H(a_k) >= H(p) - R,  Σ w_k H(b_k) >= H(q) - R.

Prices (μ, ν, α, β >= 0) prove μ·p + ν·q + α (H(p) - R) + β (H(q) - R) + min over (a, b) of
a'db - μ·a - ν·b - α H(a) - β H(b). Given b the best a is a softmax; what is left is a concave plus a convex function
of b, bounded on a simplex by the interpolation of one and a tangent of the other, and the simplex is cut as needed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.couplings import rounded_plan
from rdptheory.doors import guard
from rdptheory.information import entropy
from rdptheory.solution import Status
from rdptheory.solvers.transport_plan import conditional
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import Multipliers, PrivatePlan, TransportSolution, widened, without_rate

__all__ = ["PosteriorPairs"]

POLISHING, STARTS, KEPT = 40, 60, 24


@dataclass(frozen=True)
class PosteriorPairs:
    """Column generation over posterior pairs; pricing is bounded by cutting the simplex of the smaller side.

    Brackets of 1e-9 up to three letters on that side; with four or more the cells run out and brackets of 1e-4 to 1e-3
    are usual.

    Attributes
    ----------
    gap : float
        Stop when the bracket is this narrow, relative to E d of independent X and Y (at least 1).
    max_steps : int
    max_cells : int
        Most cells of the simplex in one bound; beyond it the bound is valid and wider.
    """

    gap: float = 1e-9
    max_steps: int = 200
    max_cells: int = 200_000

    def solve(self, problem: DiscreteTransport) -> TransportSolution:
        """D(R) over long blocks without common randomness, for any cost."""
        n, m = problem.shape
        if problem.R == 0.0:
            alone = PrivatePlan(np.ones((n, 1)), problem.q[None].copy(), asymptotic=True)
            return without_rate(problem, alone, self)
        if m > n:
            return _mirrored(self.solve(_swapped(problem)), problem)
        p, q = problem.p, problem.q
        wanted = self.gap * problem.scale
        floors = np.array([entropy(p) - problem.R, entropy(q) - problem.R])
        grid = _grid(m)
        a = np.vstack((p, np.repeat(np.eye(n), m, axis=0)))
        b = np.vstack((q, np.tile(np.eye(m), (n, 1))))
        lower, history = -np.inf, list[tuple[float, float]]()
        best = Multipliers(0.0)
        while True:
            weights, prices = _program(a, b, problem, floors)
            pricing = _Pricing(problem.cost, prices, 1e-11 * problem.scale)
            fresh, least = pricing.columns(np.vstack((pricing.best(grid), b[weights > 0.0])))
            upper = float(weights @ ((a @ problem.cost) * b).sum(axis=1))
            at_prices = pricing.at(p, q, floors)
            ending = len(history) + 1 >= self.max_steps
            if ending or at_prices + least >= upper - 0.5 * wanted:
                floor, deepest = pricing.bound(0.25 * wanted, self.max_cells)
                if at_prices + floor > lower:
                    lower = at_prices + floor
                    best = Multipliers(pricing.alpha + pricing.beta, pricing.nu, pricing.mu)
                fresh, found = pricing.columns(deepest)
                ending |= upper - lower <= wanted or found >= least - 1e-3 * wanted
            history.append((lower, upper))
            if ending:
                break
            a, b = np.vstack((a, fresh[0])), np.vstack((b, fresh[1]))
        plan = _plan(weights, a, b, problem)
        reached = float(np.vdot(plan.joint(problem), problem.cost))
        bounds = widened(lower, reached, float(problem.cost.max()), "duality over posterior pairs")
        return TransportSolution(
            distortion=bounds.upper,
            bounds=bounds,
            plan=plan,
            multipliers=best,
            method=self,
            status=Status.OPTIMAL if reached - lower <= 2.0 * wanted else Status.STOPPED,
            message=f"{plan.decoder.shape[0]} posterior pairs out of {weights.size} generated",
            steps=len(history),
            history=np.array(history),
            problem=problem,
        )


class _Pricing:
    """The reduced cost r(a, b) at prices (α, β, μ, ν)."""

    def __init__(self, cost: FloatArray, prices: FloatArray, least: float) -> None:
        n = cost.shape[0]
        self.cost = cost
        self.alpha, self.beta = max(least, float(prices[0])), max(least, float(prices[1]))
        self.mu, self.nu = prices[2 : 2 + n], prices[2 + n :]

    def at(self, p: FloatArray, q: FloatArray, floors: FloatArray) -> float:
        """μ·p + ν·q + α (H(p) - R) + β (H(q) - R)."""
        return float(self.mu @ p + self.nu @ q + self.alpha * floors[0] + self.beta * floors[1])

    def concave(self, b: FloatArray) -> FloatArray:
        """min over a of a'db - μ·a - α H(a) for b of shape (k, m)."""
        return np.asarray(-self.alpha * scipy.special.logsumexp((self.mu - b @ self.cost.T) / self.alpha, axis=-1))

    def convex(self, b: FloatArray) -> FloatArray:
        """-β H(b) - ν·b."""
        return np.asarray(-self.beta * scipy.special.entr(b).sum(axis=-1) - b @ self.nu)

    def best(self, grid: FloatArray) -> FloatArray:
        """The points of the grid with the least reduced cost."""
        return np.asarray(grid[np.argsort(self.concave(grid) + self.convex(grid), kind="stable")[:STARTS]])

    def columns(self, b: FloatArray) -> tuple[tuple[FloatArray, FloatArray], float]:
        """Posterior pairs of low reduced cost, by alternating softmaxes from b (k, m), and the least value seen."""
        for _ in range(POLISHING):
            a = _softmax((self.mu - b @ self.cost.T) / self.alpha)
            b = _softmax((self.nu - a @ self.cost) / self.beta)
        a = _softmax((self.mu - b @ self.cost.T) / self.alpha)
        value = self.concave(b) + self.convex(b)
        kept = np.unique(np.round(b, 7), axis=0, return_index=True)[1]
        kept = kept[np.argsort(value[kept], kind="stable")[:KEPT]]
        return (a[kept], b[kept]), float(value.min())

    def bound(self, slack: float, max_cells: int) -> tuple[float, FloatArray]:
        """A lower bound on min r, within `slack` of it unless `max_cells` stops the cutting, and the best b (1, m)."""
        m = self.nu.size
        cells = np.eye(m)[None]
        best, settled, seen, deepest = np.inf, np.inf, 0, cells.mean(axis=1)
        while cells.shape[0] and seen < max_cells:
            seen += cells.shape[0]
            centre = cells.mean(axis=1)
            value = self.concave(centre) + self.convex(centre)
            if value.min() < best:
                best, deepest = float(value.min()), centre[value.argmin()][None]
            slope = self.beta * (np.log(centre) + 1.0) - self.nu
            tangent = self.convex(centre)[:, None] + ((cells - centre[:, None]) * slope[:, None]).sum(axis=2)
            bounds = (self.concave(cells) + tangent).min(axis=1)
            open_ = bounds < best - slack
            settled = min(settled, float(bounds[~open_].min(initial=np.inf)))
            cells, floor = cells[open_], float(bounds[open_].min(initial=np.inf))
            if cells.shape[0]:
                cells = _bisected(cells)
        return min(settled, floor), deepest


def _softmax(exponents: FloatArray) -> FloatArray:
    weights = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _bisected(cells: FloatArray) -> FloatArray:
    """Each simplex (k, m, m) cut in two at the middle of its longest edge."""
    k, m, _ = cells.shape
    first, second = np.triu_indices(m, 1)
    edges = np.square(cells[:, first] - cells[:, second]).sum(axis=2)
    longest, rows = edges.argmax(axis=1), np.arange(k)
    i, j = first[longest], second[longest]
    middle = 0.5 * (cells[rows, i] + cells[rows, j])
    left, right = cells.copy(), cells.copy()
    left[rows, i], right[rows, j] = middle, middle
    return np.concatenate((left, right))


def _grid(m: int) -> FloatArray:
    """Points of the simplex of m letters, about 500, pulled off the boundary."""
    cells = np.eye(m)[None]
    while cells.shape[0] < 500 and m > 1:
        cells = _bisected(cells)
    return np.asarray(cells.mean(axis=1))


def _program(
    a: FloatArray, b: FloatArray, problem: DiscreteTransport, floors: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Weights (k,) and prices (α, β, μ, ν) of the linear program on the pairs at hand."""
    from scipy.optimize import linprog

    for tolerance in (1e-10, 1e-9, 1e-8, 1e-7):  # nearly equal columns can make the tightest one unreachable
        result = linprog(
            ((a @ problem.cost) * b).sum(axis=1),
            A_ub=-np.stack((scipy.special.entr(a).sum(axis=1), scipy.special.entr(b).sum(axis=1))),
            b_ub=-floors,
            A_eq=np.hstack((a, b)).T,
            b_eq=np.concatenate((problem.p, problem.q)),
            method="highs-ds",
            options={"primal_feasibility_tolerance": tolerance, "dual_feasibility_tolerance": tolerance},
        )
        if result.status == 0:
            break
    return result.x, np.concatenate((-result.ineqlin.marginals, result.eqlin.marginals))


def _plan(weights: FloatArray, a: FloatArray, b: FloatArray, problem: DiscreteTransport) -> PrivatePlan:
    """The plan with exact marginals; what its rate exceeds R by is erased with a probability."""
    used = weights > 1e-12
    w, a, b = weights[used] / weights[used].sum(), a[used], b[used]
    encoder = conditional(rounded_plan((w[:, None] * a).T, problem.p, w), w)
    z = problem.p @ encoder
    decoder = conditional(rounded_plan(z[:, None] * b, z, problem.q), problem.q)
    plan = PrivatePlan(encoder, decoder, asymptotic=True)
    rate = plan.rate(problem)
    if rate <= problem.R:
        return plan
    kept = problem.R / rate
    erased = np.full((encoder.shape[0], 1), 1.0 - kept)
    return replace(plan, encoder=np.hstack((kept * encoder, erased)), decoder=np.vstack((plan.decoder, problem.q)))


def _swapped(problem: DiscreteTransport) -> DiscreteTransport:
    return DiscreteTransport(problem.q, problem.p, np.ascontiguousarray(problem.cost.T), problem.R)


def _mirrored(solution: TransportSolution, problem: DiscreteTransport) -> TransportSolution:
    plan, prices = solution.plan, solution.multipliers
    assert isinstance(plan, PrivatePlan)
    assert prices is not None
    z = problem.q @ plan.encoder
    encoder = conditional((z[:, None] * plan.decoder).T, z)
    decoder = conditional((problem.q[:, None] * plan.encoder).T, problem.q)
    return replace(
        solution,
        plan=PrivatePlan(encoder, decoder, asymptotic=True),
        multipliers=Multipliers(prices.rate, prices.source, prices.target),
        problem=problem,
    )


guard(__name__)
