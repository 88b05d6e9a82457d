"""Distortions in a unit near their size, because linear programs and step lengths have absolute tolerances."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import frexp
from typing import TypeVar

from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import TransportOutcome

__all__ = ["in_own_units"]

ORDINARY = 2.0**-10, 2.0**10
"""Largest costs between these are left as they are."""

Method = TypeVar("Method")


def in_own_units(
    solve: Callable[[Method, DiscreteTransport], TransportOutcome],
) -> Callable[[Method, DiscreteTransport], TransportOutcome]:
    """A `solve` that sees costs divided by a power of 4, and points by its root, which is exact in float64."""

    @wraps(solve)
    def scaled(method: Method, problem: DiscreteTransport) -> TransportOutcome:
        largest = float(problem.cost.max())
        if largest <= 0.0 or ORDINARY[0] <= largest <= ORDINARY[1]:
            return solve(method, problem)
        root = 2.0 ** (frexp(largest)[1] // 2)
        return solve(method, problem.over(root)).times(root).times(root)

    return scaled
