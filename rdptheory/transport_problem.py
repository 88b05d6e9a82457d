"""The question of entropy-constrained transport: two laws, a cost, a rate, and how much randomness is shared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np

from rdptheory._types import FloatArray, IntArray
from rdptheory.distortions import Distortion, Table, geometry_of
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, at_least_zero
from rdptheory.sources import DiscreteSource, Gaussian, Source, Uniform

__all__ = ["DiscreteTransport", "TransportProblem", "common_rate", "cost_table"]


def common_rate(common_randomness: object) -> float:
    """The rate of common randomness in nats: False is 0, True is inf, a number is itself."""
    if isinstance(common_randomness, (bool, np.bool_)):
        return inf if common_randomness else 0.0
    return at_least_zero("common_randomness", common_randomness)


@dataclass(frozen=True)
class TransportProblem:
    """min E d(X,Y) with X ~ source, Y ~ target and R nats between them.

    Parameters
    ----------
    source, target : Pmf, Bernoulli, Empirical, Gaussian or Uniform
    distortion : a distortion; a Table has shape (n, m)
    R : float
        Nats, at least 0; inf lifts the limit.
    common_randomness : bool or float
        Held as the rate Rc in nats: False is 0, True is inf.
    asymptotic : bool
        Long blocks, so that a rate is a mutual information and not an entropy.
    """

    source: Source
    target: Source
    distortion: Distortion
    R: float
    common_randomness: bool | float
    asymptotic: bool = False

    def __post_init__(self) -> None:
        for name, law in (("source", self.source), ("target", self.target)):
            if not isinstance(law, (DiscreteSource, Gaussian, Uniform)):
                raise InvalidInput(
                    name, law, "must be a source, such as Pmf([0.5, 0.5]), Uniform(0, 1) or Gaussian(0, 1)"
                )
        if isinstance(self.distortion, type) or not isinstance(self.distortion, Distortion):
            raise InvalidInput("distortion", self.distortion, "must be a distortion, such as SquaredError()")
        object.__setattr__(self, "R", at_least_zero("R", self.R))
        object.__setattr__(self, "common_randomness", common_rate(self.common_randomness))
        object.__setattr__(self, "asymptotic", bool(self.asymptotic))

    @cached_property
    def discrete(self) -> DiscreteTransport:
        """The same question as arrays.

        Raises
        ------
        InvalidInput
            A law has a density, or the alphabets and the table do not fit.
        """
        for name, law in (("source", self.source), ("target", self.target)):
            if not isinstance(law, DiscreteSource):
                raise InvalidInput(
                    name, law, "has no closed form with these arguments; discretise(source, n) makes it a Pmf"
                )
        assert isinstance(self.source, DiscreteSource)
        assert isinstance(self.target, DiscreteSource)
        table = cost_table(self.distortion, self.source, self.target)
        x, y = self.source.points, self.target.points
        on_line = x.ndim == y.ndim == 1
        return DiscreteTransport(
            self.source.probabilities,
            self.target.probabilities,
            table,
            min(self.R, float(np.log(table.size))),  # no rate of any plan needs to be larger
            *((x, y) if on_line else (None, None)),
        )


def cost_table(distortion: Distortion, source: DiscreteSource, target: DiscreteSource) -> FloatArray:
    """d(x_i, y_j) between two alphabets, shape (n, m).

    Hamming distortion is 0 where the two points coincide; a Table is taken as it stands.
    """
    x, y = source.points, target.points
    if isinstance(distortion, Table):
        x, y = np.zeros(source.size), np.zeros(target.size)  # its rows and columns need no points
    if x.shape[1:] != y.shape[1:]:
        raise InvalidInput("target", target, f"must sit in the space of the source: points {y.shape}, source {x.shape}")
    return geometry_of(distortion, x, y).table()


@dataclass(frozen=True, eq=False)
class DiscreteTransport:
    """Laws p (n,) and q (m,), costs d (n, m), R in nats, and the points x (n,), y (m,) if they are real numbers."""

    p: FloatArray
    q: FloatArray
    cost: FloatArray
    R: float
    x: FloatArray | None = None
    y: FloatArray | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(source symbols, target symbols)."""
        n, m = self.cost.shape
        return int(n), int(m)

    @property
    def independent(self) -> float:
        """E d(X,Y) for independent X and Y: what no rate reaches without common randomness."""
        return float(self.p @ self.cost @ self.q)

    @property
    def scale(self) -> float:
        """What gaps are relative to: `independent`, and at least 1."""
        return max(1.0, self.independent)

    @cached_property
    def monge_order(self) -> tuple[IntArray, IntArray] | None:
        """Orders (of x, of y) in which d is a Monge array, d(x,y) + d(x',y') <= d(x,y') + d(x',y), if one is found.

        Tried: the order of the points, the order given, and, when one side has two symbols, the order of the
        difference of their costs, which always works. Slack of a few float64 spacings is allowed.
        """
        n, m = self.shape
        rows, columns = np.arange(n), np.arange(m)
        tries = [(rows, columns)]
        if self.x is not None and self.y is not None:
            tries.insert(0, (np.argsort(self.x, kind="stable"), np.argsort(self.y, kind="stable")))
        if m == 2:
            tries.append((np.argsort(self.cost[:, 0] - self.cost[:, 1], kind="stable"), columns))
        if n == 2:
            tries.append((rows, np.argsort(self.cost[0] - self.cost[1], kind="stable")))
        return next((order for order in tries if is_monge(self.cost[np.ix_(*order)])), None)


def is_monge(cost: FloatArray) -> bool:
    """Whether adjacent quadruples meet the Monge condition up to rounding."""
    slack = 16.0 * float(np.finfo(np.float64).eps) * float(np.abs(cost).max())
    excess = cost[:-1, :-1] + cost[1:, 1:] - cost[:-1, 1:] - cost[1:, :-1]
    return bool((excess <= slack).all())


guard(__name__)
