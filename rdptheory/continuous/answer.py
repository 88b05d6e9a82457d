"""Which method answers a question about a density."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from rdptheory.continuous.cells import Ask, Cells
from rdptheory.errors import InvalidInput
from rdptheory.methods import Method
from rdptheory.problems import Problem
from rdptheory.solution import Solution

__all__ = ["DensityMethod", "answer"]


@runtime_checkable
class DensityMethod(Protocol):
    """A method for sources with a density."""

    def answer(self, problem: Problem, ask: Ask) -> Solution:
        """A proved bracket; `ask` answers and judges finite problems."""


def answer(problem: Problem, method: Method | None, ask: Ask) -> Solution:
    """Ask the method, `Cells()` if there is none.

    Raises
    ------
    InvalidInput
        The method takes finite alphabets only, or the question has no answer.
    """
    chosen = Cells() if method is None else method
    if not isinstance(chosen, DensityMethod):
        raise InvalidInput("method", method, "needs a finite alphabet: take Cells(), or discretise(source, n) first")
    return chosen.answer(problem, ask)
