"""What a user asks of a first-order method."""

from __future__ import annotations

from dataclasses import dataclass

from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, finite
from rdptheory.methods import Outcome
from rdptheory.problems import DiscreteProblem

__all__ = ["FirstOrder"]


@dataclass(frozen=True)
class FirstOrder:
    """First-order method for large alphabets: Blahut-Arimoto at P = inf, Sinkhorn at P = 0, one loop between them.

    Parameters
    ----------
    gap : float
        Stop when upper - lower is at most this, in nats.
    max_steps : int
        Stop after this many steps, with the bracket proved so far.
    momentum : bool
        False gives plain Blahut-Arimoto (P = inf) and plain Sinkhorn (P = 0), for comparison.

    >>> FirstOrder(gap=1e-4)
    FirstOrder(gap=0.0001, max_steps=20000, momentum=True)
    """

    gap: float = 1e-6
    max_steps: int = 20_000
    momentum: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "gap", finite("gap", self.gap, positive=True))
        if not isinstance(self.max_steps, int) or self.max_steps < 1:
            raise InvalidInput("max_steps", self.max_steps, "must be an integer at least 1")

    def solve(self, problem: DiscreteProblem) -> Outcome:
        """The dual point and the channel that the loop ended with."""
        from rdptheory.solvers.first_order.solve import solve_first_order  # it needs this class

        return solve_first_order(problem, self)


guard(__name__)
