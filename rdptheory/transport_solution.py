"""The answer to a transport question, and what a method hands over to get one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np

from rdptheory._types import Bounds, FloatArray
from rdptheory.doors import guard
from rdptheory.methods import Method
from rdptheory.plans import Plan
from rdptheory.solution import Answer, Status, as_row, said
from rdptheory.transport_problem import DiscreteTransport, TransportProblem
from rdptheory.units import nats_to_bits

__all__ = [
    "Multipliers",
    "TransportBounds",
    "TransportMethod",
    "TransportOutcome",
    "TransportSolution",
]


@dataclass(frozen=True)
class TransportBounds(Bounds):
    """A proved bracket, and the argument behind its lower end in a few words."""

    lower_from: str = ""


@dataclass(frozen=True, eq=False)
class Multipliers:
    """The prices that prove the lower end. They need not be right: any numbers prove something.

    `rdptheory.certificates.transport` has an heir for each argument that turns prices into a bound: `MapMultipliers`,
    `CouplingMultipliers`, `PosteriorMultipliers`, `CutMultipliers`. Bare ones are read in the setting of the question.

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

    lower_from: ClassVar[str] = ""

    def times(self, unit: float) -> Self:
        """The same prices of a distortion that is `unit` times as large."""
        target, source = (side if side is None else side * unit for side in (self.target, self.source))
        return replace(self, rate=self.rate * unit, target=target, source=source)


@dataclass(frozen=True, eq=False)
class TransportOutcome:
    """What a method ended with. Nothing in it is trusted, and any part may be missing.

    Attributes
    ----------
    plan : CommonPlan, PrivatePlan, Coupling or None
        The kind that the question asks for; it need not keep the limits.
    proofs : tuple of Multipliers
        The best of them counts.
    steps : int
    sentence : str
        Why the method ended.
    history : array (steps, 2)
        Both ends as the method saw them, not proved.
    """

    plan: Plan | None = None
    proofs: tuple[Multipliers, ...] = ()
    steps: int = 0
    sentence: str = ""
    history: FloatArray = field(default_factory=lambda: np.empty((0, 2)))

    def times(self, unit: float) -> TransportOutcome:
        """The same for a distortion that is `unit` times as large."""
        proofs = tuple(prices.times(unit) for prices in self.proofs)
        return replace(self, proofs=proofs, history=self.history * unit)


@runtime_checkable
class TransportMethod(Protocol):
    """Anything with `solve`. A field `gap` says from which width on its bracket counts as optimal.

    That width is relative to max(1, D), and 1e-9 for a method without the field.
    """

    def solve(self, problem: DiscreteTransport) -> TransportOutcome:
        """Look for a plan and multipliers of a question on finite alphabets."""


@dataclass(frozen=True, eq=False)
class TransportSolution(Answer):
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
        Both ends after each step as the method saw them, not proved.
    problem : TransportProblem
    """

    distortion: float
    bounds: TransportBounds
    plan: Plan | None = field(repr=False)
    multipliers: Multipliers | None = field(repr=False)
    method: TransportMethod | Method
    status: Status
    message: str
    problem: TransportProblem = field(repr=False)
    steps: int = 0
    history: FloatArray = field(default_factory=lambda: np.empty((0, 2)), repr=False)

    margin: ClassVar[int] = 10

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a table or a JSON file; rates in nats, None where a number is not finite."""
        asked, slope = self.problem, None if self.multipliers is None else -self.multipliers.rate
        told = {
            "source": asked.source,
            "target": asked.target,
            "cost": asked.distortion,
            "R_nat": asked.R,
            "common_randomness_nat": inf if asked.common_randomness is True else float(asked.common_randomness),
            "asymptotic": asked.asymptotic,
            "distortion": self.distortion,
            "lower": self.bounds.lower,
            "upper": self.bounds.upper,
            "lower_from": self.bounds.lower_from,
            "slope_R_nat": slope,
            "method": self.method,
            "steps": self.steps,
        }
        return as_row(told) | said(self)

    def _rows(self) -> list[tuple[str, str]]:
        slope = "" if self.multipliers is None else f"{-self.multipliers.rate:.6g} per nat"
        rate = self.problem.R
        rows = [
            ("distortion", f"{self.distortion:.10g} at {rate:.10g} nat = {nats_to_bits(rate):.10g} bit"),
            ("bracket", f"{self.bounds:.12g}, gap {self.gap:.2g}"),
            ("lower from", self.bounds.lower_from),
            ("slope", slope),
            ("method", f"{self.method}, {self.steps} steps"),
            ("status", f"{self.status.value}: {self.message}"),
        ]
        return [(name, text) for name, text in rows if text]


guard(__name__)
