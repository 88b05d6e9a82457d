"""The tables of a problem as the compiled sums want them, and a channel with what the judge reads off it."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from rdptheory._native import Tables
from rdptheory._types import FloatArray
from rdptheory.problems import DiscreteProblem

__all__ = ["Weighed", "tables_of", "weighed"]

_TABLES: WeakKeyDictionary[DiscreteProblem, Tables] = WeakKeyDictionary()


def tables_of(reduced: DiscreteProblem) -> Tables:
    """The law, the distortion matrices and their limits, for sums that are compiled; made once for each problem."""
    found = _TABLES.get(reduced)
    if found is None:
        limits = reduced.distortions
        found = Tables(reduced.probabilities, [one.table for one in limits], [one.limit for one in limits])
        _TABLES[reduced] = found
    return found


@dataclass(frozen=True, eq=False)
class Weighed:
    """A channel (n, m) whose rows sum to 1, with its output law (m,), its E d_k and its information, summed once.

    >>> import numpy as np
    >>> from rdptheory.problems import DistortionLimit
    >>> problem = DiscreteProblem(np.array([0.75, 0.25]), (DistortionLimit(1.0 - np.eye(2), 0.1),))
    >>> weighed(problem, np.eye(2)).law
    array([0.75, 0.25])
    """

    channel: FloatArray
    law: FloatArray
    spent: list[float]
    information: float
    """I(X;Y) in nats, as it is summed in float64."""
    constant: bool
    """Whether all rows are equal to the last bit."""


def weighed(reduced: DiscreteProblem, channel: FloatArray) -> Weighed:
    """A channel on the symbols of positive mass with its sums."""
    return Weighed(channel, *tables_of(reduced).weigh(channel))
