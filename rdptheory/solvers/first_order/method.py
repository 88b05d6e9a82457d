"""What a user asks of a first-order method, and what it hands back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rdptheory._types import Bounds, FloatArray
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, finite
from rdptheory.methods import DualPoint, Outcome
from rdptheory.problems import DiscreteProblem

__all__ = ["FirstOrder", "RawResult"]


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

        raw = solve_first_order(problem, self)
        dual = DualPoint(raw.f, np.array([raw.s]), mu=np.full(len(problem.perceptions), raw.mu), centred=True)
        return Outcome(raw.channel, dual, raw.steps, "" if raw.finished else raw.sentence)


@dataclass(frozen=True, eq=False)
class RawResult:
    """A dual point, a channel and the bracket the method itself has proved.

    Attributes
    ----------
    f : array (n',)
        Dual variables on the n' symbols of positive mass, for a table whose row minima were moved to 0.
    s : float
        -dR/dD, nats per unit of distortion.
    v : array (m,)
        log c_j(f, s), the dual variables of the output law.
    mu : float
        -dR/dP, nats per unit of perception.
    channel : array (n, m) or None
        Meets both limits up to rounding; None when there is none, or when it is too large to write down.
    bounds : Bounds
        In nats.
    distortion, perception : float
        E d and δ of the channel behind `bounds.upper`; nan when there is none.
    steps : int
    finished : bool
        Whether the gap asked for was reached.
    sentence : str
    """

    f: FloatArray
    s: float
    v: FloatArray
    mu: float
    channel: FloatArray | None
    bounds: Bounds
    distortion: float
    perception: float
    steps: int
    finished: bool
    sentence: str


guard(__name__)
