"""A statement that can be checked on an instance, what a check says, and the catalogue that statements enter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from inspect import cleandoc, signature
from math import inf
from typing import Any, Generic, TypeVar

from rdptheory._types import Bounds
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput

__all__ = [
    "CATALOGUE",
    "Counterexample",
    "Ruling",
    "Statement",
    "Verdict",
    "at_most",
    "equal",
    "exceeds",
    "refuted",
    "states",
    "worst",
]

TOLERANCE = 1e-9  # nats: what the solvers are asked for, so that two brackets of it may miss each other by as much
WIDEST = 1e-6  # a bracket above this proves nothing worth saying about claims whose effects are 1e-4 and more

Instance = TypeVar("Instance")
Other = TypeVar("Other")
Number = Bounds | float
Draw = Callable[..., Instance]
"""(rng) -> instance, or (rng, given) -> instance where the user may fix parts of it (`rdptheory.theorems.given`)."""


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

    >>> at_most(Bounds(0.5, 0.6), 0.55).ruling
    <Ruling.UNDECIDED: 'UNDECIDED'>
    """

    margin: float
    gap: float = 0.0

    @property
    def ruling(self) -> Ruling:
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


def exceeds(left: Number, right: Number, size: float | None = None) -> Verdict:
    """The claim left > right, about numbers of a size: that of the larger side by default, and 1 at most.

    It holds if the difference is proved to be 1e-9 of that or more, and is violated if no pair of numbers inside the
    brackets differs by 1e-6 of it. In between nothing is decided.

    >>> exceeds(2e-8, 1e-8).ruling, exceeds(Bounds(0.0, 2e-8), 1e-8).ruling, exceeds(1.0, 1.0).ruling
    (<Ruling.HOLDS: 'HOLDS'>, <Ruling.UNDECIDED: 'UNDECIDED'>, <Ruling.VIOLATED: 'VIOLATED'>)
    """
    found = at_most(right, left)
    size = min(1.0, max(abs(_bounds(left).upper), abs(_bounds(right).upper)) if size is None else size)
    if found.margin >= TOLERANCE * size > 0.0:
        return found
    violated = found.margin + found.gap <= WIDEST * size
    return Verdict(found.margin - WIDEST, found.gap if violated else inf)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on a claim of several parts: a violated part, else an undecided one, else the smallest margin."""
    order, parts = (Ruling.VIOLATED, Ruling.UNDECIDED, Ruling.HOLDS), tuple(verdicts)
    if not parts:
        raise InvalidInput("verdicts", verdicts, "must hold at least one")
    return min(parts, key=lambda verdict: (order.index(verdict.ruling), verdict.margin))


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
    draw: Draw[Instance]
    once: bool = True


@dataclass(eq=False)
class Statement(Generic[Instance]):
    """A numbered statement of a paper. Its decorators fill it while its module is read; nothing changes it later.

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
    draw: Draw[Instance]
    check: Callable[[Instance], Verdict]
    unit: str = "nats"
    counterexamples: list[Counterexample[Any]] = field(default_factory=list)
    proof: Callable[[], Iterable[Any]] | None = None

    def __call__(self, instance: Instance) -> Verdict:
        """The check itself, for statements that contain this one."""
        return self.check(instance)

    @property
    def takes_given(self) -> bool:
        """Whether `draw` lets the user fix the source and more."""
        return "given" in signature(self.draw).parameters

    def fails(self, name: str, *, once: bool = True) -> Callable[[Draw[Other]], Draw[Other]]:
        """Over the draw of a counterexample, whose docstring says why the condition matters."""

        def enter(draw: Draw[Other]) -> Draw[Other]:
            words = " ".join(cleandoc(draw.__doc__ or "").split()).removesuffix(".")
            self.counterexamples.append(Counterexample(name, words, draw, once))
            return draw

        return enter

    def proved(self, proof: Callable[[], Iterable[Any]]) -> Callable[[], Iterable[Any]]:
        """Over a proof of the closed form in symbols."""
        self.proof = proof
        return proof


CATALOGUE: dict[str, Statement[Any]] = {}
"""Statements by key, in the order in which they were read; `rdptheory.theorems.catalogue` shows it."""


def states(
    key: str, *, setting: str, draw: Draw[Instance], conditions: str, where: str, unit: str = "nats"
) -> Callable[[Callable[[Instance], Verdict]], Statement[Instance]]:
    """Over a check: the statement it checks, entered into the catalogue.

    The first paragraph of the check's docstring is the statement in words, the indented block after it the formula;
    what follows says how it is checked.

    >>> @states("EX00.T1", setting="numbers", draw=lambda rng: rng.uniform(), conditions="none", where="here")
    ... def check_square(x: float) -> Verdict:
    ...     '''A number in [0, 1] is at least its square.
    ...
    ...         x² <= x
    ...     '''
    ...     return at_most(x * x, x)
    >>> CATALOGUE.pop("EX00.T1").formula
    'x² <= x'
    """
    if key in CATALOGUE:
        raise InvalidInput("key", key, "is in the catalogue already")

    def enter(check: Callable[[Instance], Verdict]) -> Statement[Instance]:
        words, formula = _said(check)
        CATALOGUE[key] = Statement(key, setting, words, formula, conditions, where, draw, check, unit)
        return CATALOGUE[key]

    return enter


def _said(check: Callable[..., Verdict]) -> tuple[str, str]:
    """Words and formula of a docstring."""
    paragraphs = cleandoc(check.__doc__ or "").split("\n\n")
    if len(paragraphs) < 2:
        raise InvalidInput("check", check, "its docstring must hold the statement, an empty line, and the formula")
    words, formula = (" ".join(line.strip() for line in text.splitlines()) for text in paragraphs[:2])
    return words, formula


def _bounds(value: Number) -> Bounds:
    return value if isinstance(value, Bounds) else Bounds(float(value), float(value))


guard(__name__)
