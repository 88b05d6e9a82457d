"""The upper end: what a plan costs once it is a plan.

A plan is tidied into laws. Where it misses the law of Y, labels with too much mass are replaced by labels with too
little, at random and after the rate is paid, so the rate does not grow. Where it spends more than R, it is thinned.
What float64 cannot tell apart is priced and not repaired: how much mass may be misplaced, how much rate may be missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from rdptheory._types import UNIT_ROUNDOFF, FloatArray
from rdptheory.certificates.transport.rounding import UNDERFLOW, relative_error
from rdptheory.information import entropy
from rdptheory.plans import CommonPlan, Coupling, FinitePlan, Plan, PrivatePlan
from rdptheory.transport_problem import DiscreteTransport

__all__ = ["Reached", "copy_plan", "independent_plan", "reached"]

TRIES = 4
"""Times that a plan is thinned to a lower rate until that is certain to be at most R: once is usual."""
DEARER = 1.0 + 1e-9  # of R: H(X) above it is above R whatever the rounding of either
ROUNDED = 16 * UNIT_ROUNDOFF  # share of R by which a rate of its own size is rounded
MISPLACED, OVERSPENT = 1e-13, 1e-13
"""Mass off target, and share of the rate above R, up to which the plan is handed on as it is, with the price of its
repair in the bracket; more is repaired. Both are a tenth of what a plan is promised to keep when it is recomputed."""


@dataclass(frozen=True, eq=False)
class Reached:
    """A plan that keeps its limits as anybody sums them, one that keeps them but for misplaced mass, and a proved upper
    bound on E d of the latter with all mass in its place."""

    plan: FinitePlan
    value: float
    proof: FinitePlan


def independent_plan(problem: DiscreteTransport) -> FinitePlan:
    """Y drawn alone, which spends nothing."""
    n, m = problem.shape
    if problem.shared and problem.asymptotic:
        return Coupling(problem.p[:, None] * problem.q)
    if problem.shared:
        return CommonPlan(problem.q.copy(), np.repeat(np.arange(m)[:, None], n, axis=1))
    return PrivatePlan(np.ones((n, 1)), problem.q[None].copy(), problem.asymptotic)


def copy_plan(problem: DiscreteTransport) -> FinitePlan | None:
    """The plan that repeats X, where every symbol has one of its own mass that costs nothing and R pays for it.

    Its E d is 0, without rounding; a rate counts as kept up to a rounding of R.
    """
    n, m = problem.shape
    if entropy(problem.p) > DEARER * problem.R:  # a copy spends H(X)
        return None
    same = (problem.cost == 0.0) & (problem.p[:, None] == problem.q) & (problem.p[:, None] > 0.0)
    image = scipy.sparse.csgraph.maximum_bipartite_matching(scipy.sparse.csr_array(same), perm_type="column")
    held = problem.p > 0.0
    if (image[held] < 0).any() or np.count_nonzero(held) != np.count_nonzero(problem.q):
        return None
    image = np.where(held, image, image[held][0])
    channel = np.zeros((n, m))
    channel[np.arange(n), image] = 1.0
    plan: FinitePlan = PrivatePlan(channel, np.eye(m), problem.asymptotic)
    if problem.shared:
        plan = Coupling(problem.p[:, None] * channel) if problem.asymptotic else CommonPlan(np.ones(1), image[None])
    return plan if plan.rate(problem) <= problem.R * (1.0 + ROUNDED) else None


def reached(problem: DiscreteTransport, plan: Plan | None) -> Reached | None:
    """The plan repaired, and what it costs at most; None if it is no plan of this setting.

    Raises
    ------
    InvalidInput
        An array has a shape that the question does not have.
    """
    kind = type(independent_plan(problem))
    tidy = plan.tidied(problem) if plan is not None and isinstance(plan, kind) else None
    if tidy is None:
        return None
    return _priced(problem, tidy)


def _priced(problem: DiscreteTransport, plan: FinitePlan) -> Reached:
    kappa = relative_error(*problem.shape, plan.parts)
    joint = plan.joint(problem)
    if float(np.maximum(joint.sum(axis=0) - problem.q, 0.0).sum()) > MISPLACED:
        plan = plan.relabelled(_relabelling(joint.sum(axis=0), problem.q))
    proof, target = plan, problem.R
    for _ in range(TRIES):
        excess = proof.most(problem, kappa) - problem.R
        if excess <= 0.0:
            break
        target = min(target, proof.rate(problem)) - 2.0 * excess  # a rate just below R may be too high rounded up
        proof = plan.thinned(problem, max(0.0, target))
    else:
        proof = independent_plan(problem)
    if plan.rate(problem) > problem.R * (1.0 + OVERSPENT):
        plan = proof
    return Reached(plan, _cost(problem, proof, kappa), proof)


def _cost(problem: DiscreteTransport, plan: FinitePlan, kappa: float) -> float:
    """E d, with what it costs to move the mass that is not quite on target."""
    joint, d, q = plan.joint(problem), problem.cost, problem.q
    output = joint.sum(axis=0)
    excess = np.divide(np.maximum(output - q, 0.0), output, out=np.zeros_like(q), where=output > 0.0)
    taken = joint @ excess + kappa * problem.p  # by source symbol, at most
    missing = np.maximum(q - output, 0.0) + kappa * q
    moved = min(
        float((taken @ d).max()),
        float((d @ missing).max()),
        float((np.minimum(taken[:, None], missing) * d).sum()),
    )
    return (1.0 + kappa) * (float(np.vdot(joint, d)) + moved) + UNDERFLOW * bool(d.any())


def _relabelling(output: FloatArray, q: FloatArray) -> FloatArray:
    """A channel (m, m) that turns the law `output` into q and moves no more mass than it has to."""
    excess = np.maximum(output - q, 0.0)
    missing = np.maximum(q - output, 0.0)
    share = np.divide(excess, output, out=np.zeros_like(output), where=output > 0.0)
    return np.asarray(np.diag(1.0 - share) + share[:, None] * (missing / missing.sum()))
