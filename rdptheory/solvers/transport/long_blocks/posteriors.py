"""Long blocks with a rate Rc of common randomness, or none: a linear program over pairs of posteriors.

Z has weights w_k and posteriors a_k of X (n,) and b_k of Y (m,), independent given Z [SLY15], at Rc = 0 [LZCK22,
Theorem 5]:

    D(R) = min Σ w_k a_k' d b_k   over  Σ w_k a_k = p,  Σ w_k b_k = q,
                                        Σ w_k KL(a_k‖p) <= R,  Σ w_k KL(b_k‖q) <= R + Rc.

The least reduced cost of a pair at the prices of the program, and with it the lower end, comes from
`certificates.transport.posteriors`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.certificates.transport import PosteriorMultipliers
from rdptheory.certificates.transport.posteriors import PosteriorPricing, bisected
from rdptheory.couplings import rounded_plan
from rdptheory.doors import guard
from rdptheory.errors import check_settings
from rdptheory.information import relative_entropies
from rdptheory.plans import PrivatePlan
from rdptheory.solvers.transport.long_blocks.free import unlimited
from rdptheory.solvers.transport.plan import conditional, spread
from rdptheory.solvers.transport.units import in_own_units
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import TransportOutcome
from rdptheory.watch import watched

__all__ = ["PosteriorPairs"]

POLISHING = 40
"""Alternating softmaxes from one start: the value settles to a few digits within a dozen."""
SETTLED = 1e-9
"""Change of a posterior at which the alternation has nothing left to gain: its columns are told apart by 1e-7."""
STARTS, KEPT = 60, 24
"""Starts of the alternation, and columns that one pricing adds: more make the program slower than they help."""
LEAST_PRICE = 1e-11
"""Least price of a nat in the pricing: a softmax needs one."""
GRID = 500
"""Points of the simplex that are tried as starts."""
TOLERANCES = 1e-10, 1e-9, 1e-8, 1e-7
"""Of the linear program, tried in turn: nearly equal columns can make the tightest one unreachable."""
CROWD = 40
"""Pairs for each row of the program from which on half are forgotten: its time grows with them."""
PROVABLE, STALL, LITTLE = 4, 10, 1e-5
"""Beyond 4 letters on the smaller side the bound stays wide: 10 steps that gain less than 1e-5 of D are the last."""
WORK, FEWEST = 2e6, 5
"""Steps fall with n m (n + m), what one costs, so that they end in ten seconds or so; there are at least 5."""
UNUSED = 1e-12
"""Weights that count as 0."""
DIGITS = 7
"""Posteriors that agree to so many decimals are one column."""


@dataclass(frozen=True)
class PosteriorPairs:
    """Column generation over posterior pairs; pricing is bounded by cutting the simplex of the smaller side.

    Brackets of 1e-9 up to three letters on that side; with four or more the cells run out and brackets of 1e-4 to 1e-3
    are usual.

    Attributes
    ----------
    gap : float
        Stop when the bracket is this narrow, relative to max(1, D).
    max_steps : int
    max_cells : int
        Most cells of the simplex in one bound; beyond it the bound is valid and wider.
    """

    gap: float = 1e-9
    max_steps: int = 200
    max_cells: int = 200_000

    def __post_init__(self) -> None:
        check_settings(self)

    def applies(self, problem: DiscreteTransport) -> bool:
        """Over long blocks with a finite rate of common randomness, or none."""
        return problem.asymptotic and not problem.shared

    @in_own_units
    def solve(self, problem: DiscreteTransport) -> TransportOutcome:
        """D(R) over long blocks with a finite rate of common randomness, for any cost."""
        free = unlimited(problem)
        if free is not None:
            return free
        small, rows, columns = problem.held()
        cost, p, q, limits = small.cost, small.p, small.q, np.array([problem.R, problem.R + problem.common])
        turned = q.size > p.size
        search = _Search(cost.T, q, p, limits[::-1]) if turned else _Search(cost, p, q, limits)
        if problem.R > 0.0:
            with watched("posterior pairs") as watch:
                search.run(self, lambda upper: problem.width(self.gap, upper), watch.step)
            search.sentence = watch.sentence(search.sentence)
        encoder, decoder = search.plan()
        rates, sides = [search.best.alpha, search.best.beta], [search.best.mu, search.best.nu]
        if turned:
            z = search.p @ encoder
            encoder, decoder = conditional((z[:, None] * decoder).T, z), conditional((search.p[:, None] * encoder).T, q)
            rates, sides = rates[::-1], sides[::-1]
        proof = PosteriorMultipliers(
            sum(rates),
            spread(sides[1], columns, np.nan),
            spread(sides[0], rows, np.nan),
            rates[1],
            slack=0.4 * problem.width(self.gap, search.upper),
            max_cells=self.max_cells,
        )
        plan = PrivatePlan(spread(encoder.T, rows, 0.0).T, spread(decoder, columns, 0.0), asymptotic=True)
        history = np.array(search.history).reshape(-1, 2)
        return TransportOutcome(plan, (proof,), len(history), search.sentence, history)


class _Search:
    """Pairs a (k, n), b (k, m) for costs (n, m) with m <= n and laws without zeros."""

    def __init__(self, cost: FloatArray, p: FloatArray, q: FloatArray, limits: FloatArray) -> None:
        self.cost, self.p, self.q, self.limits = np.ascontiguousarray(cost), p, q, limits
        n, m = self.cost.shape
        self.a = np.vstack((p, np.repeat(np.eye(n), m, axis=0)))
        self.b = np.vstack((q, np.tile(np.eye(m), (n, 1))))
        self.weights = np.append(1.0, np.zeros(n * m))  # the pair (p, q) alone: independence
        self.lower, self.upper, self.history = -np.inf, float(p @ cost @ q), list[tuple[float, float]]()
        self.best = PosteriorPricing(self.cost, p, q, np.zeros(n), np.zeros(m), 0.0, 0.0)
        self.sentence = "its steps ran out"

    def run(
        self, method: PosteriorPairs, width: Callable[[float], float], step: Callable[[float, float], None]
    ) -> None:
        """Add pairs until the bound on all pairs meets the program, or nothing helps."""
        grid = _grid(self.q.size)
        least_price = LEAST_PRICE * max(1.0, self.upper)
        n, m = self.cost.shape
        steps = min(method.max_steps, max(FEWEST, int(WORK / (n * m * (n + m)))))
        while True:
            program = self._program()
            if program is None:
                self.sentence = "the linear program failed"
                return
            self.weights, pricing = program[0], self._pricing(program[1], least_price)
            fresh, least = _pairs(pricing, np.vstack((_best(pricing, grid), self.b[self.weights > 0.0])))
            self.upper = float(self.weights @ ((self.a @ self.cost) * self.b).sum(axis=1))
            wanted = width(self.upper)
            value = float(pricing.mu @ self.p + pricing.nu @ self.q)
            value -= float(np.dot((pricing.alpha, pricing.beta), self.limits))
            ending = len(self.history) + 1 >= steps or self._stalled()
            if ending or value + least >= self.upper - 0.5 * wanted:
                floor, deepest = pricing.bound(0.25 * wanted, method.max_cells)
                if value + floor > self.lower:
                    self.lower, self.best = value + floor, pricing
                fresh, found = _pairs(pricing, deepest)
                ending |= self.upper - self.lower <= wanted or found >= least - 1e-3 * wanted
            self.history.append((self.lower, self.upper))
            step(self.lower, self.upper)
            if ending:
                self.sentence = f"{(self.weights > UNUSED).sum()} posterior pairs out of {self.weights.size} generated"
                return
            if self.weights.size > CROWD * (self.p.size + self.q.size):
                self._forget(pricing)
            self.a, self.b = np.vstack((self.a, fresh[0])), np.vstack((self.b, fresh[1]))
            self.weights = np.append(self.weights, np.zeros(fresh[0].shape[0]))

    def _stalled(self) -> bool:
        """Whether many letters, whose bound stays wide, no longer gain what the bound could show."""
        if self.q.size <= PROVABLE or len(self.history) <= STALL:
            return False
        return self.history[-STALL][1] - self.upper <= LITTLE * self.upper

    def _forget(self, pricing: PosteriorPricing) -> None:
        """Keep the pairs in use and those of least reduced cost, half of them all."""
        reduced = ((self.a @ self.cost) * self.b).sum(axis=1) - self.a @ pricing.mu - self.b @ pricing.nu
        reduced += pricing.alpha * relative_entropies(self.a, self.p) + pricing.beta * relative_entropies(
            self.b, self.q
        )
        kept = np.argsort(np.where(self.weights > 0.0, -np.inf, reduced), kind="stable")[: self.weights.size // 2]
        self.a, self.b, self.weights = self.a[kept], self.b[kept], self.weights[kept]

    def _program(self) -> tuple[FloatArray, FloatArray] | None:
        """Weights (k,) and prices (α, β, μ, ν) of the linear program on the pairs at hand, or None if HiGHS fails."""
        from scipy.optimize import linprog

        spent = np.stack((relative_entropies(self.a, self.p), relative_entropies(self.b, self.q)))
        for tolerance in TOLERANCES:
            result = linprog(
                ((self.a @ self.cost) * self.b).sum(axis=1),
                A_ub=spent,
                b_ub=self.limits,
                A_eq=np.hstack((self.a, self.b)).T,
                b_eq=np.concatenate((self.p, self.q)),
                method="highs-ds",
                options={
                    "primal_feasibility_tolerance": tolerance,
                    "dual_feasibility_tolerance": tolerance,
                    "maxiter": 100_000,
                },
            )
            if result.status == 0:
                return result.x, np.concatenate((-result.ineqlin.marginals, result.eqlin.marginals))
        return None

    def _pricing(self, prices: FloatArray, least: float) -> PosteriorPricing:
        n = self.p.size
        alpha, beta = (max(least, float(price)) for price in prices[:2])
        return PosteriorPricing(self.cost, self.p, self.q, prices[2 : 2 + n], prices[2 + n :], alpha, beta)

    def plan(self) -> tuple[FloatArray, FloatArray]:
        """Encoder (n, k) and decoder (k, m) of the pairs in use."""
        used = self.weights > UNUSED
        w, a, b = self.weights[used] / self.weights[used].sum(), self.a[used], self.b[used]
        encoder = conditional(rounded_plan((w[:, None] * a).T, self.p, w), w)
        z = self.p @ encoder
        return encoder, conditional(rounded_plan(z[:, None] * b, z, self.q), self.q)


def _best(pricing: PosteriorPricing, grid: FloatArray) -> FloatArray:
    """The points of the grid with the least reduced cost."""
    value = pricing.concave(grid) + pricing.convex(grid)
    return np.asarray(grid[np.argsort(value, kind="stable")[:STARTS]])


def _pairs(pricing: PosteriorPricing, b: FloatArray) -> tuple[tuple[FloatArray, FloatArray], float]:
    """Posterior pairs of low reduced cost, by alternating softmaxes from b (k, m), and the least value seen."""
    for _ in range(POLISHING):
        before = b
        a = _softmax(pricing.p, (pricing.mu - b @ pricing.cost.T) / pricing.alpha)
        b = _softmax(pricing.q, (pricing.nu - a @ pricing.cost) / pricing.beta)
        if float(np.abs(b - before).max()) <= SETTLED:
            break
    a = _softmax(pricing.p, (pricing.mu - b @ pricing.cost.T) / pricing.alpha)
    value = pricing.concave(b) + pricing.convex(b)
    kept = np.unique(np.round(b, DIGITS), axis=0, return_index=True)[1]
    kept = kept[np.argsort(value[kept], kind="stable")[:KEPT]]
    return (a[kept], b[kept]), float(value.min())


def _softmax(law: FloatArray, exponents: FloatArray) -> FloatArray:
    weights = law * np.exp(exponents - exponents.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _grid(m: int) -> FloatArray:
    """Points of the simplex of m letters, pulled off the boundary."""
    cells = np.eye(m)[None]
    while cells.shape[0] < GRID and m > 1:
        cells = bisected(cells)
    return np.asarray(cells.mean(axis=1))


guard(__name__)
