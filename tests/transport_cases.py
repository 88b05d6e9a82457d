"""Transport questions the tests share: the instances of `references/transport.json`, and random ones."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rdptheory.distortions import AbsoluteError, Distortion, SquaredError, Table
from rdptheory.plans import CommonPlan, Coupling, PrivatePlan
from rdptheory.solvers.transport.common_randomness import BranchAndBound, ColumnGeneration, Enumeration, Flow
from rdptheory.solvers.transport.long_blocks import EntropicTransport, LinePairs, PosteriorPairs
from rdptheory.solvers.transport.private_randomness.line import Cuts
from rdptheory.sources import Pmf
from rdptheory.transport import proved
from rdptheory.transport_problem import DiscreteTransport, TransportProblem
from rdptheory.transport_solution import TransportMethod, TransportSolution

REFERENCES: dict[str, Any] = json.loads((Path(__file__).parent / "references" / "transport.json").read_text())
BIT = float(np.log(2.0))
SHARED = ColumnGeneration, BranchAndBound, Enumeration, Flow, EntropicTransport
"""Methods for questions with common randomness."""
BLOCKS = EntropicTransport, LinePairs, PosteriorPairs
"""Methods for long blocks."""


def instance(name: str) -> tuple[Pmf, Pmf, Distortion]:
    """One of the named finite instances."""
    case = REFERENCES["instances"][name]
    p, q = ([float(Fraction(mass)) for mass in case[side]] for side in ("p", "q"))
    distortions: dict[str, Distortion] = {"squared": SquaredError(), "absolute": AbsoluteError()}
    cost = case["cost"]
    return Pmf(p, case["x"]), Pmf(q, case["y"]), distortions[cost] if isinstance(cost, str) else Table(cost)


def line_pair(n: int) -> tuple[Pmf, Pmf]:
    """A Gaussian and a two-mode mixture on n points of [-4, 4]."""
    x = np.linspace(-4.0, 4.0, n)
    q = 0.4 * np.exp(-2.0 * (x - 1.5) ** 2) + 0.6 * np.exp(-((x + 1.0) ** 2))
    return Pmf.from_weights(np.exp(-(x**2) / 2.0), x), Pmf.from_weights(q, x)


def convex_envelope(problem: DiscreteTransport) -> tuple[float, float]:
    """(value, λ): the lower convex envelope of R -> D(R) at R, exact up to rounding, and minus its slope.

    With common randomness that much is always reached, by sharing time between two sets of cuts.
    """
    cuts = Cuts(problem)
    value, price = cuts.relaxed([cuts.line.root()], np.array([cuts.line.span]), steps=200)[:2]
    return float(value[0]), float(price[0])


def random_line(rng: np.random.Generator, most: int, power: float = 2.0) -> DiscreteTransport:
    """Random laws on 2 to `most` points of [0, 1], |x - y|^power, and a rate up to 0.8 nat."""
    x, y = (np.sort(rng.random(int(size))) for size in rng.integers(2, most + 1, 2))
    p, q = rng.dirichlet(np.ones(x.size)), rng.dirichlet(np.ones(y.size))
    return DiscreteTransport(p, q, np.abs(x[:, None] - y) ** power, 0.8 * float(rng.random()), x, y)


def random_table(rng: np.random.Generator, n: int, m: int, R: float) -> DiscreteTransport:
    """Random laws and costs without structure."""
    return DiscreteTransport(rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m)), rng.random((n, m)), R)


def solved(problem: DiscreteTransport, method: TransportMethod) -> TransportSolution:
    """What the verb would answer: the method, asked in the setting it is for, and the judge."""
    fitting = replace(problem, shared=type(method) in SHARED, asymptotic=type(method) in BLOCKS)
    question = TransportProblem(
        Pmf(fitting.p, fitting.x), Pmf(fitting.q, fitting.y), Table(fitting.cost), fitting.R, fitting.shared,
        fitting.asymptotic,
    )  # fmt: skip
    question.__dict__["discrete"] = fitting
    return proved(question, method)


@dataclass(frozen=True, eq=False)
class Check:
    """What a plan does, recomputed from the plan and the question by arithmetic that the package does not use."""

    problem: DiscreteTransport
    plan: CommonPlan | PrivatePlan | Coupling

    @cached_property
    def joint(self) -> np.ndarray:
        """Law of (X, Y), shape (n, m)."""
        p, plan = self.problem.p, self.plan
        if isinstance(plan, Coupling):
            return plan.law
        if isinstance(plan, PrivatePlan):
            return np.einsum("x,xz,zy->xy", p, plan.encoder, plan.decoder)
        return p[:, None] * np.einsum("u,uxy->xy", plan.weights, np.eye(self.problem.q.size)[plan.maps])

    @property
    def distortion(self) -> float:
        """E d(X,Y)."""
        return math.fsum((self.joint * self.problem.cost).ravel())

    @property
    def excess_rate(self) -> float:
        """Rate of the plan minus R, in nats; at most rounding if the plan is sound."""
        p, plan = self.problem.p, self.plan
        if isinstance(plan, CommonPlan):
            masses = np.einsum("x,uxy->uy", p, np.eye(self.problem.q.size)[plan.maps])
            return float(plan.weights @ np.array([surprise(mass) for mass in masses])) - self.problem.R
        if isinstance(plan, PrivatePlan) and not self.problem.asymptotic:
            return surprise(p @ plan.encoder) - self.problem.R
        if isinstance(plan, PrivatePlan):
            sides = p[:, None] * plan.encoder, (p @ plan.encoder)[:, None] * plan.decoder
            return max(shared_surprise(side) for side in sides) - self.problem.R
        return shared_surprise(self.joint) - self.problem.R

    @property
    def marginal_error(self) -> float:
        """The larger L1 distance of the two marginals from the laws asked for."""
        rows, columns = self.joint.sum(axis=1), self.joint.sum(axis=0)
        return float(max(np.abs(rows - self.problem.p).sum(), np.abs(columns - self.problem.q).sum()))


def surprise(masses: np.ndarray) -> float:
    """Entropy in nats."""
    return math.fsum(-mass * math.log(mass) for mass in masses.ravel() if mass > 0.0)


def shared_surprise(joint: np.ndarray) -> float:
    """Mutual information in nats: H(X) + H(Y) - H(X,Y)."""
    return surprise(joint.sum(axis=1)) + surprise(joint.sum(axis=0)) - surprise(joint)


def assert_sound(solution: TransportSolution, problem: DiscreteTransport) -> Check:
    """The plan meets the limits and reaches the upper end, by arithmetic of its own."""
    assert solution.plan is not None
    check = Check(solution.problem.discrete, solution.plan)  # type: ignore[arg-type]
    scale = max(1.0, float(problem.cost.max()))
    assert check.excess_rate <= 1e-12, f"rate exceeded by {check.excess_rate:.2g} nat"
    assert check.marginal_error <= 1e-12, f"marginals off by {check.marginal_error:.2g}"
    assert abs(check.distortion - solution.bounds.upper) <= 1e-12 * scale, "the upper end is not what the plan costs"
    assert solution.distortion == solution.bounds.upper
    assert solution.bounds.lower <= solution.bounds.upper
    return check
