"""The linear program over maps written out at once: over all of them, or over interval maps as a flow.

Independent of column generation; exact up to the tolerance of the linear programming code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy

from rdptheory._types import FloatArray, IntArray
from rdptheory.certificates.transport import MapMultipliers
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, check_settings
from rdptheory.solvers.transport.common_randomness.intervals import in_monge_order
from rdptheory.solvers.transport.common_randomness.master import Columns, Program, mixture
from rdptheory.solvers.transport.units import in_own_units
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import TransportOutcome

__all__ = ["Enumeration", "Flow"]

LIMITS = {
    "primal_feasibility_tolerance": 1e-10,
    "dual_feasibility_tolerance": 1e-10,
    "maxiter": 1_000_000,
    "time_limit": 60.0,
}
"""The tightest tolerances that HiGHS takes; a program that needs more than a minute has a better method."""
UNUSED, LEFT = 1e-12, 1e-9
"""Flow that counts as none, and the share that may be left once it is taken apart: less than the program is sure of."""
FAILED = TransportOutcome(sentence="the linear program failed")
"""HiGHS has found nothing within its limits."""


@dataclass(frozen=True)
class Enumeration:
    """The linear program over all m^n maps, for any cost on small alphabets.

    Attributes
    ----------
    gap : float
        Widest bracket called optimal, relative to max(1, D).
    limit : int
        Most maps written out.
    """

    gap: float = 1e-11
    limit: int = 100_000

    def __post_init__(self) -> None:
        check_settings(self)

    def applies(self, problem: DiscreteTransport) -> bool:
        """One-shot with common randomness."""
        return problem.shared and not problem.asymptotic

    @in_own_units
    def solve(self, problem: DiscreteTransport) -> TransportOutcome:
        """D(R) with common randomness."""
        n, m = problem.shape
        if m**n > self.limit:
            raise InvalidInput("method", self, f"writes out m^n = {m}^{n} maps; use ColumnGeneration or BranchAndBound")
        columns = Columns.of(problem, np.indices((m,) * n, dtype=np.intp).reshape(n, -1).T)
        rows = scipy.sparse.csr_array(columns.masses.T)
        found = _program(columns.distortion, rows, problem.q, columns.entropy, problem.R)
        return FAILED if found is None else _outcome(problem, columns, found)


@dataclass(frozen=True)
class Flow:
    """The linear program over interval maps as a unit flow, for costs with a Monge order.

    Nodes (i, k): the first i symbols are covered with labels below k. An arc covers i..j-1 with label k, so there are
    m n (n+1) / 2 of them; rate and target masses are side rows. Paths of the flow are the maps of the plan.

    Attributes
    ----------
    gap : float
        Widest bracket called optimal, relative to max(1, D).
    """

    gap: float = 1e-7

    def __post_init__(self) -> None:
        check_settings(self)

    def applies(self, problem: DiscreteTransport) -> bool:
        """One-shot with common randomness, and a cost that has a Monge order."""
        return problem.shared and not problem.asymptotic and problem.monge_order is not None

    @in_own_units
    def solve(self, problem: DiscreteTransport) -> TransportOutcome:
        """D(R) with common randomness."""
        order = in_monge_order(problem, self)
        rows, labels = order
        n, m = problem.shape
        starts, stops = np.triu_indices(n + 1, k=1)
        arcs = starts.size
        mass = np.concatenate(([0.0], np.cumsum(problem.p[rows])))
        cost = np.zeros((m, n + 1))
        np.cumsum(problem.p[rows] * problem.cost[np.ix_(rows, labels)].T, axis=1, out=cost[:, 1:])
        covered = np.maximum(mass[stops] - mass[starts], 0.0)
        # arcs (k, i, j) from node (i, k) to (j, k+1), then skips (k, i) from (i, k) to (i, k+1)
        label = np.repeat(np.arange(m), arcs)
        start, stop = np.tile(starts, m), np.tile(stops, m)
        skip_label, skip_at = (grid.ravel() for grid in np.indices((m, n + 1)))
        tails = np.concatenate((label * (n + 1) + start, skip_label * (n + 1) + skip_at))
        heads = np.concatenate(((label + 1) * (n + 1) + stop, (skip_label + 1) * (n + 1) + skip_at))
        total, index = tails.size, np.arange(tails.size)
        nodes = (m + 1) * (n + 1)
        balance = scipy.sparse.csr_array((np.ones(total), (tails, index)), (nodes, total)) - scipy.sparse.csr_array(
            (np.ones(total), (heads, index)), (nodes, total)
        )
        supply = np.zeros(nodes)
        supply[0], supply[-1] = 1.0, -1.0
        masses = scipy.sparse.csr_array((np.tile(covered, m), (labels[label], index[: m * arcs])), (m, total))
        price = np.concatenate(((cost[:, stops] - cost[:, starts]).ravel(), np.zeros(skip_at.size)))
        entropy = np.concatenate((np.tile(scipy.special.entr(covered), m), np.zeros(skip_at.size)))
        found = _program(
            price, scipy.sparse.vstack((masses, balance)), np.concatenate((problem.q, supply)), entropy, problem.R
        )
        if found is None:
            return FAILED
        maps, weights = _paths(found.weights, tails, heads, np.concatenate((label, np.full(skip_at.size, -1))), n, m)
        original = np.empty_like(maps)
        original[:, rows] = labels[maps]
        columns = Columns.of(problem, original)
        return _outcome(problem, columns, replace(found, weights=weights, nu=found.nu[:m]))


def _program(
    cost: FloatArray, rows: scipy.sparse.csr_array, right: FloatArray, entropy: FloatArray, R: float
) -> Program | None:
    """The optimum, or None if HiGHS did not find it within its limits."""
    from scipy.optimize import linprog

    result = linprog(
        cost, A_eq=rows, b_eq=right, A_ub=entropy[None, :], b_ub=[R], method="highs-ds", options=dict(LIMITS)
    )
    if result.status != 0:
        return None
    return Program(float(result.fun), result.x, max(0.0, -float(result.ineqlin.marginals[0])), result.eqlin.marginals)


def _outcome(problem: DiscreteTransport, columns: Columns, found: Program) -> TransportOutcome:
    plan = mixture(problem, columns, found.weights)
    proof = MapMultipliers(found.alpha, found.nu, maps=plan.maps)
    return TransportOutcome(plan, (proof,), 1, f"a linear program with {plan.weights.size} maps in use")


def _paths(
    flow: FloatArray, tails: IntArray, heads: IntArray, labels: IntArray, n: int, m: int
) -> tuple[IntArray, FloatArray]:
    """A unit flow taken apart into paths: maps (k, n) with values in Monge order, and weights (k,)."""
    left = flow.copy()
    used = np.nonzero(left > UNUSED)[0]
    leaving: dict[int, list[int]] = {}
    for index in used:
        leaving.setdefault(int(tails[index]), []).append(int(index))
    maps: list[IntArray] = []
    weights: list[float] = []
    while sum(weights) < 1.0 - LEFT:
        node, path = 0, list[int]()
        while node != (m + 1) * (n + 1) - 1:
            arc = max(leaving[node], key=left.__getitem__)
            path.append(arc)
            node = int(heads[arc])
        amount = float(left[path].min())
        if amount <= UNUSED:
            break
        left[path] -= amount
        image = np.empty(n, dtype=np.intp)
        for arc in path:
            if labels[arc] >= 0:
                image[tails[arc] % (n + 1) : heads[arc] % (n + 1)] = labels[arc]
        maps.append(image)
        weights.append(amount)
    return np.array(maps), np.array(weights)


guard(__name__)
