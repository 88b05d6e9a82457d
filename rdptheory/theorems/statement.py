"""A statement that can be checked on an instance, and what a check says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

import numpy as np

from rdptheory._types import Bounds

__all__ = ["Counterexample", "Ruling", "Statement", "Verdict", "at_most", "equal", "exceeds", "refuted", "worst"]

TOLERANCE = 1e-9
WIDEST = 1e-6

Instance = TypeVar("Instance")
Number = Bounds | float


class Ruling(Enum):
    """What the brackets prove."""

    HOLDS = "HOLDS"
    VIOLATED = "VIOLATED"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True)
class Verdict:
    """What certified brackets say about a claim.

    Attributes
    ----------
    margin : float
        The slack that the brackets prove: for a claim a <= b the least b - a they allow, for a = b minus the largest
        |a - b| they allow. In the unit of the statement.
    gap : float
        Width of the brackets that went in, added up.

    >>> at_most(Bounds(0.5, 0.6), 0.55).status
    <Ruling.UNDECIDED: 'UNDECIDED'>
    """

    margin: float
    gap: float = 0.0

    @property
    def status(self) -> Ruling:
        """HOLDS if margin >= -(gap + 1e-9), VIOLATED below, UNDECIDED if the gap is above 1e-6.

        A violation is thus more than 1e-9 for every pair of numbers inside the brackets.
        """
        if not self.gap <= WIDEST:
            return Ruling.UNDECIDED
        return Ruling.HOLDS if self.margin >= -(self.gap + TOLERANCE) else Ruling.VIOLATED


def at_most(left: Number, right: Number) -> Verdict:
    """The claim left <= right.

    >>> at_most(1.0, 1.5)
    Verdict(margin=0.5, gap=0.0)
    """
    a, b = _bounds(left), _bounds(right)
    return Verdict(0.0 if a.upper == b.lower else b.lower - a.upper, a.gap + b.gap)


def equal(left: Number, right: Number) -> Verdict:
    """The claim left = right.

    >>> equal(1.0, 1.5)
    Verdict(margin=-0.5, gap=0.0)
    """
    one, other = at_most(left, right), at_most(right, left)
    return one if one.margin <= other.margin else other


def exceeds(left: Number, right: Number, by: float = WIDEST) -> Verdict:
    """The claim left >= right + by: a strict inequality that numbers can prove."""
    verdict = at_most(right, left)
    return Verdict(verdict.margin - by, verdict.gap)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on a claim of several parts: a violated part, else an undecided one, else the smallest margin."""
    order = (Ruling.VIOLATED, Ruling.UNDECIDED, Ruling.HOLDS)
    return min(verdicts, key=lambda verdict: (order.index(verdict.status), verdict.margin))


def refuted(verdict: Verdict) -> Verdict:
    """The claim that `verdict` is about a falsehood: the brackets prove a violation of 1e-6 or more."""
    return Verdict(-verdict.margin - verdict.gap - WIDEST, 0.0 if verdict.gap <= WIDEST else verdict.gap)


@dataclass(frozen=True)
class Counterexample(Generic[Instance]):
    """Instances just outside the conditions of a statement, on which it fails.

    Attributes
    ----------
    name : what is appended to the key of the statement, after a dot
    words : why the condition matters, with the numbers
    draw : an instance that `Statement.check` finds VIOLATED
    once : whether `draw` gives the same instance for every generator
    """

    name: str
    words: str
    draw: Callable[[np.random.Generator], Instance]
    once: bool = True


@dataclass(frozen=True)
class Statement(Generic[Instance]):
    """A numbered statement of a paper.

    Attributes
    ----------
    key : the paper's key and T, L, P, R, E, A or J with the number, as in `BM19.T1`
    setting : common randomness or not, one letter or long blocks, information or operational
    words, formula, conditions : the statement
    reference : where it stands
    draw : an instance that meets the conditions, from a numpy Generator
    check : reads certified brackets of an instance
    unit : of the margin
    counterexamples : that the conditions matter
    proof : sympy expressions, built from the channel or the program, that are zero if the closed form is right
    """

    key: str
    setting: str
    words: str
    formula: str
    conditions: str
    reference: str
    draw: Callable[[np.random.Generator], Instance]
    check: Callable[[Instance], Verdict]
    unit: str = "nats"
    counterexamples: tuple[Counterexample[Instance], ...] = ()
    proof: Callable[[], Iterable[Any]] | None = None


def _bounds(value: Number) -> Bounds:
    return value if isinstance(value, Bounds) else Bounds(float(value), float(value))
