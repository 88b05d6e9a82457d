"""The answer to a transport question: a distortion in a proved bracket, the plan that reaches it, and the prices."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from rdptheory._types import Bounds, FloatArray, IntArray
from rdptheory.doors import guard
from rdptheory.errors import GapTooWide
from rdptheory.information import entropy, mutual_information
from rdptheory.solution import JointGaussian, Status
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.units import nats_to_bits

__all__ = [
    "Check",
    "CommonPlan",
    "Coupling",
    "Multipliers",
    "Plan",
    "PrivatePlan",
    "TransportBounds",
    "TransportSolution",
    "widened",
    "without_rate",
]

SPACING = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class TransportBounds(Bounds):
    """A proved bracket, and the argument behind its lower end in a few words."""

    lower_from: str = ""


@dataclass(frozen=True, eq=False)
class CommonPlan:
    """Shared randomness U and a map for each of its values: Y = maps[U, X].

    Attributes
    ----------
    weights : array (k,)
        Law of U, which is independent of X.
    maps : int array (k, n)
        Column symbols of the table, maps[u, x] = f_u(x).
    """

    weights: FloatArray
    maps: IntArray

    def joint(self, problem: DiscreteTransport) -> FloatArray:
        """Law of (X, Y), shape (n, m)."""
        n, m = problem.shape
        channel = np.zeros((n, m))
        for weight, images in zip(self.weights, self.maps, strict=True):
            channel[np.arange(n), images] += weight
        return problem.p[:, None] * channel

    def rate(self, problem: DiscreteTransport) -> float:
        """H(Y|U) in nats."""
        masses = [np.bincount(f, weights=problem.p, minlength=problem.q.size) for f in self.maps]
        return float(self.weights @ [entropy(mass) for mass in masses])


@dataclass(frozen=True, eq=False)
class PrivatePlan:
    """X - Z - Y: a random encoder and a random decoder with no shared randomness.

    Attributes
    ----------
    encoder : array (n, k)
        p(z|x).
    decoder : array (k, m)
        p(y|z).
    asymptotic : bool
        Whether the rate is max(I(X;Z), I(Y;Z)) over long blocks or H(Z) at once.
    """

    encoder: FloatArray
    decoder: FloatArray
    asymptotic: bool = False

    def joint(self, problem: DiscreteTransport) -> FloatArray:
        """Law of (X, Y), shape (n, m)."""
        return problem.p[:, None] * (self.encoder @ self.decoder)

    def rate(self, problem: DiscreteTransport) -> float:
        """H(Z), or the larger of I(X;Z) and I(Y;Z), in nats."""
        z = problem.p @ self.encoder
        if self.asymptotic:
            return max(mutual_information(problem.p, self.encoder), mutual_information(z, self.decoder))
        return entropy(z)


@dataclass(frozen=True, eq=False)
class Coupling:
    """A joint law (n, m) of X and Y, for long blocks with common randomness."""

    law: FloatArray

    def joint(self, problem: DiscreteTransport) -> FloatArray:
        """Law of (X, Y), shape (n, m)."""
        return self.law

    def rate(self, problem: DiscreteTransport) -> float:
        """I(X;Y) in nats."""
        rows = self.law.sum(axis=1)
        channel = np.divide(self.law, rows[:, None], out=np.zeros_like(self.law), where=rows[:, None] > 0.0)
        return mutual_information(rows, channel)


Plan = CommonPlan | PrivatePlan | Coupling | JointGaussian


@dataclass(frozen=True, eq=False)
class Multipliers:
    """The prices that prove the lower end.

    Attributes
    ----------
    rate : float
        -dD/dR, distortion units per nat; at least 0.
    target : array (m,) or None
        Price of a unit of mass of each target symbol.
    source : array (n,) or None
        The same for the source symbols, where the method has them.
    """

    rate: float
    target: FloatArray | None = None
    source: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class TransportSolution:
    """A distortion with its proof.

    Attributes
    ----------
    distortion : float
        The upper end of the bracket, reached by `plan`.
    bounds : TransportBounds
        lower <= D(R) <= upper, each widened by a float64 allowance; `bounds.lower_from` names the argument.
    plan : CommonPlan, PrivatePlan, Coupling, JointGaussian or None
        None where a closed form has no finite plan.
    multipliers : Multipliers or None
    method : the method that was used
    status, message : what happened, and one sentence on it
    steps : int
    history : array (steps, 2)
        The bracket after each step.
    problem : TransportProblem, or DiscreteTransport from a solver
    """

    distortion: float
    bounds: TransportBounds
    plan: Plan | None
    multipliers: Multipliers | None
    method: object
    status: Status
    message: str
    steps: int = 0
    history: FloatArray = field(default_factory=lambda: np.empty((0, 2)), repr=False)
    problem: object = field(default=None, repr=False)

    @property
    def gap(self) -> float:
        """upper - lower, in units of the distortion."""
        return self.bounds.gap

    def require(self, *, gap: float) -> TransportSolution:
        """This solution, if its bracket is at most `gap` wide.

        Raises
        ------
        GapTooWide
        """
        if not self.gap <= gap:
            raise GapTooWide(f"the bracket is {self.gap:.3g} wide, {gap:.3g} was required: {self.message}")
        return self

    def __str__(self) -> str:
        slope = "" if self.multipliers is None else f"{-self.multipliers.rate:.6g} per nat"
        rate = getattr(self.problem, "R", np.nan)
        rows = [
            ("distortion", f"{self.distortion:.10g} at {rate:.10g} nat = {nats_to_bits(rate):.10g} bit"),
            ("bracket", f"[{self.bounds.lower:.12g}, {self.bounds.upper:.12g}], gap {self.gap:.2g}"),
            ("lower from", self.bounds.lower_from),
            ("slope", slope),
            ("method", f"{self.method}, {self.steps} steps"),
            ("status", f"{self.status.value}: {self.message}"),
        ]
        return "\n".join(f"{name:10} {text}" for name, text in rows if text)


@dataclass(frozen=True, eq=False)
class Check:
    """What a plan does, recomputed from the plan and the question alone."""

    problem: DiscreteTransport
    plan: CommonPlan | PrivatePlan | Coupling

    @cached_property
    def joint(self) -> FloatArray:
        """Law of (X, Y), shape (n, m)."""
        return self.plan.joint(self.problem)

    @property
    def distortion(self) -> float:
        """E d(X,Y)."""
        return float(np.vdot(self.joint, self.problem.cost))

    @property
    def excess_rate(self) -> float:
        """Rate of the plan minus R, in nats; at most rounding if the plan is sound."""
        return self.plan.rate(self.problem) - self.problem.R

    @property
    def marginal_error(self) -> float:
        """The larger L1 distance of the two marginals from the laws asked for."""
        rows, columns = self.joint.sum(axis=1), self.joint.sum(axis=0)
        return float(max(np.abs(rows - self.problem.p).sum(), np.abs(columns - self.problem.q).sum()))


def without_rate(problem: DiscreteTransport, plan: Plan, method: object) -> TransportSolution:
    """The answer at R = 0, where every plan makes X and Y independent."""
    bounds = widened(problem.independent, problem.independent, float(problem.cost.max()), "independence")
    return TransportSolution(
        bounds.upper, bounds, plan, None, method, Status.OPTIMAL, "no rate, so Y is drawn alone", problem=problem
    )


def widened(lower: float, upper: float, scale: float, lower_from: str) -> TransportBounds:
    """A bracket moved out by 64 spacings of float64 at `scale`, the largest number that entered the sums."""
    allowance = 64.0 * SPACING * scale
    return TransportBounds(max(0.0, float(min(lower, upper)) - allowance), float(upper) + allowance, lower_from)


guard(__name__)
