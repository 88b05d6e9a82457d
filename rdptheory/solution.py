"""The answer: a bracket with its proof, never a bare number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from importlib import import_module
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self

import numpy as np

from rdptheory._types import ArrayLike, Bounds, FloatArray
from rdptheory.doors import guard
from rdptheory.errors import GapTooWide, InvalidInput, at_least_zero, real_array
from rdptheory.methods import DualPoint, Method
from rdptheory.problems import Problem
from rdptheory.shown import as_html
from rdptheory.units import Unit, nats_to_bits

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    Question = TypeVar("Question", default=Problem, covariant=True)
else:  # a default is for the type checker
    from typing import TypeVar

    Question = TypeVar("Question", covariant=True)

__all__ = [
    "Answer",
    "Candidate",
    "JointGaussian",
    "Located",
    "SeveralSlopes",
    "Slopes",
    "Solution",
    "Status",
    "as_row",
    "plain",
    "said",
]


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
    """dR/dD and dR/dP in nats per unit, from the multipliers: at most 0, subgradients where R has a corner.

    At the ends of where R is finite they are the slopes to the right, on finite alphabets. R falls at once and without
    bound, like D log D, as soon as a limit is lifted that keeps mass out of an entry in a column that is used:

    * D is the least that any channel costs, or any within P, and R > 0: dR/dD = -inf. So is dR/dP if a larger P
      would allow a smaller D.
    * Forbidden entries may leave nothing but new columns, as for erasures, [[0, inf, 1], [inf, 0, 1]]: then the
      slope is finite, R(D) = (1 - D) log 2 for a coin. With a ball beside them it is a subgradient.
    * P = 0: the slope is finite where δ is a transport or total variation, and what moving mass is worth. Of a smooth
      δ it is -inf, since R falls like the root of P, or 0 where the law of Y is free.

    A limit is at such an end if a linear program finds no room for it but rounding. Next to a smooth ball of radius
    above 0 none is looked for, nor for an alphabet too large for that program: there the multipliers are shown, of
    which every larger one is as good.
    """

    D: float
    P: float

    def shown(self, unit: Unit, name: str) -> str:
        """In words, for rates in a unit that goes by `name`."""
        return f"dR/dD = {self._by_D(unit)}, dR/dP = {unit.from_nats(self.P):.6g} {name} per unit"

    def _by_D(self, unit: Unit) -> str:
        return f"{unit.from_nats(self.D):.6g}"


@dataclass(frozen=True)
class SeveralSlopes(Slopes):
    """The same for several distortions at once: D has one slope for each."""

    D: tuple[float, ...]  # type: ignore[assignment]  # a number in its parent

    def _by_D(self, unit: Unit) -> str:
        return f"({', '.join(f'{unit.from_nats(slope):.6g}' for slope in self.D)})"


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

    def draw(self, x: FloatArray, source: Any, rng: np.random.Generator) -> FloatArray:
        """One reconstruction for every x of a source (`Solution.sample`)."""
        if self.joint is not None and self.joint.mean.shape == (2,):
            (mean_x, mean_y), ((var_x, common), (_, var_y)) = self.joint.mean, self.joint.covariance
            spread = np.sqrt(max(float(var_y - common**2 / var_x), 0.0))
            return np.asarray(mean_y + common / var_x * (x - mean_x) + spread * rng.standard_normal(x.shape))
        if self.channel is None or not hasattr(source, "points"):
            raise InvalidInput("solution", type(source).__name__, "has no channel on a finite alphabet to draw from")
        if self.channel.ndim != 2:
            raise InvalidInput("solution", self.channel.shape, "is a channel of more than x and y: draw by hand")
        points = source.points
        if x.shape[1:] != points.shape[1:]:
            raise InvalidInput("x", x.shape, f"must have shape (N, {', '.join(map(str, points.shape[1:]))})")
        _, numbers = np.unique(np.concatenate([points, x]), axis=0, return_inverse=True)
        row_of = np.full(int(numbers.max()) + 1, -1)
        row_of[numbers[: len(points)]] = np.arange(len(points))
        rows = row_of[numbers[len(points) :]]
        if (rows < 0).any():
            raise InvalidInput("x", x[rows < 0][0], "is no symbol of the source")
        cuts = np.cumsum(self.channel[rows], axis=1)
        column = (rng.random((len(rows), 1)) * cuts[:, -1:] >= cuts).sum(axis=1)
        square = self.channel.shape[1] == len(points)
        return np.asarray(points[column] if square else column.astype(np.float64))


class Told(ABC):
    """What is told in a few lines: on paper as text, in a notebook as a table."""

    margin: ClassVar[int] = 8
    """Width of the names when it is printed."""

    @abstractmethod
    def _rows(self) -> list[tuple[str, str]]:
        """What is printed: names and texts."""

    def _repr_html_(self) -> str:
        return as_html(self._rows())

    def __str__(self) -> str:
        return "\n".join(f"{name:{self.margin}} {text}" for name, text in self._rows())


class Answer(Told):
    """What every answer is: a proved bracket with a status and a sentence. Its heirs say of what, and who found it."""

    unit: ClassVar[str] = ""
    """Of the bracket, with a space after it, where it has one of its own."""

    if TYPE_CHECKING:  # fields of the heirs, in the order of each

        @property
        def bounds(self) -> Bounds: ...
        @property
        def message(self) -> str: ...

    @property
    def gap(self) -> float:
        """upper - lower, in the unit of the bracket; 0 when both are inf."""
        return self.bounds.gap

    def require(self, *, gap: float) -> Self:
        """This answer, if its bracket is at most `gap` wide.

        Raises
        ------
        GapTooWide
        InvalidInput
            `gap` is NaN or negative.
        """
        at_least_zero("gap", gap)
        if not self.gap <= gap:
            raise GapTooWide(f"the bracket is {self.gap:.3g} {self.unit}wide, {gap:.3g} was required: {self.message}")
        return self


@dataclass(frozen=True, eq=False)
class Solution(Answer, Generic[Question]):
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
    candidate: Candidate | None = field(repr=False)  # arrays: a line of them says nothing
    status: Status
    message: str
    method: Method
    steps: int = 0
    dual: DualPoint | None = field(default=None, repr=False)

    unit: ClassVar[str] = "nat "

    if not TYPE_CHECKING:  # which would take any name for a field

        def __getattr__(self, name: str) -> Any:
            """A field of an answer out of a batch (`later`), made when somebody asks for it."""
            rest = vars(self).get("_rest")
            if rest is None or name not in LATE:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            make, found = rest
            vars(self).update(make(self, found, name))
            return vars(self)[name]

    def __getstate__(self) -> dict[str, Any]:
        """All fields, for a copy that has no batch behind it."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def plot(self, ax: Any = None) -> Any:
        """Draw the channel p(y|x) as a map (`plotting.plot_channel`); returns the matplotlib Axes.

        Raises
        ------
        InvalidInput
            There is no channel, or a joint Gaussian law in its place.
        """
        return import_module("rdptheory.plotting").plot_channel(self, ax)  # a higher room, loaded when asked for

    def sample(self, x: ArrayLike, rng: np.random.Generator) -> FloatArray:
        """Draw a reconstruction y ~ p(y|x) for every x.

        Parameters
        ----------
        x : array (N,) or (N, k)
            Values of the source; for a finite alphabet each must be one of its points.
        rng : numpy.random.Generator

        Returns
        -------
        array of the shape of x
            Points of the alphabet; numbers of the columns where a table has another alphabet for y.

        Raises
        ------
        InvalidInput
            There is no channel to draw from, or an x that the source does not have.

        >>> from rdptheory import Bernoulli, Hamming, rdp
        >>> answer = rdp(Bernoulli(0.25), Hamming(), None, D=0.1, P=float("inf"))
        >>> answer.sample([0, 1, 1], np.random.default_rng(0)).shape
        (3,)
        """
        if self.candidate is None:
            raise InvalidInput("solution", self.status.value, "has no channel to draw from")
        return self.candidate.draw(real_array("x", x), getattr(self.problem, "source", None), rng)

    def gradient(self) -> Any:
        """First derivatives by the law of X, the distortion matrix, D and P: `derivatives.gradient`."""
        return import_module("rdptheory.derivatives").gradient(self)

    def dispersion(self) -> Any:
        """Variance of the d-tilted information, and the rate of short blocks: `derivatives.dispersion`."""
        return import_module("rdptheory.derivatives").dispersion(self)

    def slopes_in(self, unit: Unit, name: str) -> str:
        """The slopes in words, for rates in a unit that goes by `name`."""
        return self.slopes.shown(unit, name)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a table or a JSON file; rates in nats, None where a number is not finite."""
        asked = {name: getattr(self.problem, name, None) for name in ASKED}
        asked |= {name: getattr(self.problem, name) for name in ASKED_BESIDES if hasattr(self.problem, name)}
        numbers = {
            "rate_nat": self.rate,
            "lower_nat": self.bounds.lower,
            "upper_nat": self.bounds.upper,
            "slope_D_nat": self.slopes.D,
            "slope_P_nat": self.slopes.P,
        }
        return as_row({**asked, **numbers, **said(self), "method": str(self.method), "steps": self.steps})

    def _rows(self) -> list[tuple[str, str]]:
        return [
            ("rate", f"{self.rate:.10g} nat = {nats_to_bits(self.rate):.10g} bit"),
            ("bracket", f"{self.bounds:.12g} nat, gap {self.gap:.2g}"),
            ("slopes", self.slopes_in(Unit.nats, "nat")),
            ("method", f"{self.method}, {self.steps} steps"),
            ("status", f"{self.status.value}: {self.message}"),
        ]


del Solution.dual  # its default is that of the constructor: a class attribute would hide that it is still to be made
LATE = "bounds", "slopes", "message", "candidate", "dual"
"""Fields that many a caller never reads, and that take longer to make than a small question takes to answer."""


ASKED = "source", "distortion", "perception", "D", "P"
"""What a question is made of, for tables: None where one of another kind has something else in its place."""
ASKED_BESIDES = "points", "realism"
"""And what only some kinds have: the points of a universal representation, what δ compares beside side information."""


def later(
    problem: Question,  # type: ignore[misc]  # it is only kept
    rate: float,
    status: Status,
    method: Method,
    steps: int,
    rest: Callable[[Solution[Any], Any, str], dict[str, Any]],
    found: object,
) -> Solution[Question]:
    """An answer whose other fields are made when somebody asks for one: by `rest`, of the answer, what was `found`, and
    a name; others too if it likes."""
    answer: Solution[Question] = object.__new__(Solution)
    vars(answer).update(problem=problem, rate=rate, status=status, method=method, steps=steps, _rest=(rest, found))
    return answer


def plain(value: object) -> Any:
    """A number, None where it is not finite, a list of those, or the words of anything else."""
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    if isinstance(value, (int, float)):
        return value if isfinite(value) else None
    return None if value is None else str(value)


def as_row(told: Mapping[str, object]) -> dict[str, Any]:
    """Plain values by name, for a table or a JSON file."""
    return {name: plain(value) for name, value in told.items()}


def said(answer: Any) -> dict[str, str]:
    """The status of an answer, and its sentence, for a table."""
    return {"status": answer.status.value, "message": answer.message}


@dataclass(frozen=True)
class Located(Answer):
    """A limit that was searched for, in the unit of that limit.

    Attributes
    ----------
    value : float
        Where it is. For an inverse function the upper end of the bracket, which a channel reaches.
    bounds : Bounds
        lower <= true limit <= upper; both inf if no limit will do.
    steps : int
        Rates that were computed on the way.
    status, message : what `bounds` are, and one sentence on it
        OPTIMAL: as narrow as the gaps asked of the rates allow. STOPPED: wider, because a rate stopped short or because
        the search did. INFEASIBLE: no limit, however loose, will do.
    """

    value: float
    bounds: Bounds
    steps: int = 0
    status: Status = Status.OPTIMAL
    message: str = "as narrow as the brackets of the rates allow"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a table or a JSON file, None where a number is not finite."""
        told = {"value": self.value, "lower": self.bounds.lower, "upper": self.bounds.upper, "steps": self.steps}
        return as_row(told) | said(self)

    def _rows(self) -> list[tuple[str, str]]:
        return [
            ("value", f"{self.value:.10g}"),
            ("bracket", f"{self.bounds:.12g}, gap {self.gap:.2g}"),
            ("steps", str(self.steps)),
            ("status", f"{self.status.value}: {self.message}"),
        ]


guard(__name__)
