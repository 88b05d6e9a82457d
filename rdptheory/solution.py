"""The answer: a bracket with its proof, never a bare number."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Generic, Self

from rdptheory._types import Bounds, FloatArray
from rdptheory.doors import guard
from rdptheory.errors import GapTooWide, at_least_zero
from rdptheory.methods import DualPoint, Method
from rdptheory.problems import Problem
from rdptheory.units import nats_to_bits

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    Question = TypeVar("Question", default=Problem, covariant=True)
else:  # a default is for the type checker
    from typing import TypeVar

    Question = TypeVar("Question", covariant=True)

__all__ = ["Candidate", "JointGaussian", "Slopes", "Solution", "Status"]


class Status(Enum):
    """What the numbers are; the sentence beside it says why."""

    OPTIMAL = "optimal"
    """The bracket is as narrow as the method was asked to make it."""
    INFEASIBLE = "infeasible"
    """No channel meets the constraints; the rate is inf."""
    STOPPED = "stopped"
    """The method ended early; the bracket is proved all the same, and wider."""


@dataclass(frozen=True)
class Slopes:
    """dR/dD and dR/dP in nats per unit, from the multipliers: at most 0, subgradients where R has a corner."""

    D: float
    P: float


@dataclass(frozen=True, eq=False)
class JointGaussian:
    """The joint law of (X, Y): mean (2,) and covariance (2, 2).

    For vectors in R^k mean (2k,) and covariance (2k, 2k), X first; for independent components one pair each, mean
    (k, 2) and covariance (k, 2, 2).
    """

    mean: FloatArray
    covariance: FloatArray


@dataclass(frozen=True, eq=False)
class Candidate:
    """What reaches the rate: a channel p(y|x) (n, m) and its output law (m,), or a joint Gaussian law."""

    channel: FloatArray | None = None
    output: FloatArray | None = None
    joint: JointGaussian | None = None


@dataclass(frozen=True, eq=False)
class Solution(Generic[Question]):
    """A rate with its proof.

    Attributes
    ----------
    problem : the question
    rate : float
        The upper end of the bracket, reached by `candidate`, in nats.
    bounds : Bounds
        lower <= R(D,P) <= upper in nats: the lower end from a dual point, the upper end from a channel that meets
        both limits, each widened by a float64 allowance.
    slopes : Slopes
    candidate : Candidate or None
        None when no channel exists.
    status, message : what happened, and one sentence on it
    method : the method that was used
    steps : int
        Iterations taken (0 for a closed form).
    dual : DualPoint or None
        What proves the lower end; None where a formula or a list of cases does.
    """

    problem: Question
    rate: float
    bounds: Bounds
    slopes: Slopes
    candidate: Candidate | None
    status: Status
    message: str
    method: Method
    steps: int = 0
    dual: DualPoint | None = field(default=None, repr=False)

    @property
    def gap(self) -> float:
        """upper - lower in nats; 0 when both are inf."""
        return self.bounds.gap

    def require(self, *, gap: float) -> Self:
        """This solution, if its bracket is at most `gap` nats wide.

        Raises
        ------
        GapTooWide
        InvalidInput
            `gap` is NaN or negative.
        """
        at_least_zero("gap", gap)
        if not self.gap <= gap:
            raise GapTooWide(f"the bracket is {self.gap:.3g} nat wide, {gap:.3g} was required: {self.message}")
        return self

    def __str__(self) -> str:
        lower, upper = self.bounds.lower, self.bounds.upper
        rows = [
            ("rate", f"{self.rate:.10g} nat = {nats_to_bits(self.rate):.10g} bit"),
            ("bracket", f"[{lower:.12g}, {upper:.12g}] nat, gap {self.gap:.2g}"),
            ("slopes", f"dR/dD = {self.slopes.D:.6g}, dR/dP = {self.slopes.P:.6g} nat per unit"),
            ("method", f"{self.method}, {self.steps} steps"),
            ("status", f"{self.status.value}: {self.message}"),
        ]
        return "\n".join(f"{name:8} {text}" for name, text in rows)


guard(__name__)
