"""The question of entropy-constrained transport: two laws, a cost, a rate, and how much randomness is shared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, Frozen, IntArray
from rdptheory.distortions import Distortion, Table, geometry_of
from rdptheory.doors import guard, unchanged
from rdptheory.errors import InvalidInput, at_least_zero
from rdptheory.sources import DiscreteSource, Gaussian, Source, Uniform

__all__ = [
    "BLOCK",
    "INFORMATION",
    "DiscreteTransport",
    "TransportProblem",
    "block_sense",
    "common_rate",
    "cost_table",
    "monge_excess",
]

INFORMATION, BLOCK = "information", "block"
"""The senses of a perception limit: on the law of one letter, or on that of whole blocks."""
MONGE_SLACK = 1e-9
"""Share of the largest cost by which a table may exceed a Monge array and still count as one: far above the rounding of
distances, and far below what a search over maps that are not monotone would gain."""


def common_rate(common_randomness: object) -> float:
    """The rate of common randomness in nats: False is 0, True is inf, a number is itself."""
    if isinstance(common_randomness, (bool, np.bool_)):
        return inf if common_randomness else 0.0
    return at_least_zero("common_randomness", common_randomness)


def block_sense(sense: str, common_randomness: bool | float) -> bool:
    """Whether blocks are meant; a finite rate of common randomness makes sense there only.

    Raises
    ------
    InvalidInput
    """
    if sense not in (INFORMATION, BLOCK):
        raise InvalidInput("sense", sense, f'must be "{INFORMATION}" or "{BLOCK}"')
    if sense == INFORMATION and common_rate(common_randomness) != inf:
        rule = f'has no effect on the law of one letter: sense="{BLOCK}" limits the law of whole blocks'
        raise InvalidInput("common_randomness", common_randomness, rule)
    return sense == BLOCK


@dataclass(frozen=True)
class TransportProblem(Frozen):
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
                rule = "must be a finite law, a Uniform or a Gaussian; discretise(source, n) makes a density a Pmf"
                raise InvalidInput(name, law, rule)
        unchanged(source=self.source, target=self.target, distortion=self.distortion)
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
        p, q = (law.probabilities / law.probabilities.sum() for law in (self.source, self.target))
        x, y = self.source.points, self.target.points
        on_line = x.ndim == y.ndim == 1
        return DiscreteTransport(
            p,
            q,
            table,
            min(self.R, float(np.log(table.size))),  # no rate of any plan needs to be larger
            x if on_line else None,
            y if on_line else None,
            shared=self.common_randomness == inf,
            asymptotic=self.asymptotic,
            common=0.0 if self.common_randomness == inf else float(self.common_randomness),
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
    table = geometry_of(distortion, x, y).table()
    if not (np.isfinite(table).all() and (table >= 0.0).all()):
        raise InvalidInput(
            "distortion", distortion, "must be finite and at least 0 between all symbols of both alphabets"
        )
    return table


@dataclass(frozen=True, eq=False)
class DiscreteTransport:
    """The question as arrays, which is what a method is given.

    Attributes
    ----------
    p, q : arrays (n,), (m,)
        Laws of X and Y; each sums to 1 up to rounding.
    cost : array (n, m)
        d, finite and at least 0.
    R : float
        Nats, finite.
    x, y : arrays (n,), (m,) or None
        Where the symbols sit, if they are real numbers.
    shared, asymptotic : bool
        Which of the four questions it is: with common randomness or without, over long blocks or one-shot.
    common : float
        A finite rate Rc of common randomness, over long blocks: Y may take R + Rc nats from Z.
    unit : float
        What the gap of a method is relative to, unless D is more.
    """

    p: FloatArray
    q: FloatArray
    cost: FloatArray
    R: float
    x: FloatArray | None = None
    y: FloatArray | None = None
    shared: bool = False
    asymptotic: bool = False
    unit: float = 1.0
    common: float = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """(source symbols, target symbols)."""
        n, m = self.cost.shape
        return int(n), int(m)

    def held(self) -> tuple[DiscreteTransport, NDArray[np.bool_], NDArray[np.bool_]]:
        """The same question without symbols of zero mass, and where the others are."""
        rows, columns = self.p > 0.0, self.q > 0.0
        x, y = (None if side is None else side[held] for side, held in ((self.x, rows), (self.y, columns)))
        small = replace(self, p=self.p[rows], q=self.q[columns], cost=self.cost[np.ix_(rows, columns)], x=x, y=y)
        return small, rows, columns

    @property
    def independent(self) -> float:
        """E d(X,Y) for independent X and Y: what no rate reaches without common randomness."""
        return float(self.p @ self.cost @ self.q)

    def over(self, root: float) -> DiscreteTransport:
        """The same question with costs divided by the square of a power of 2, and points by that power."""
        if root == 1.0:
            return self
        x, y = (None if side is None else side / root for side in (self.x, self.y))
        return replace(self, cost=self.cost / root / root, x=x, y=y, unit=min(1.0, 1.0 / root / root))

    def width(self, gap: float, upper: float) -> float:
        """The width that a relative gap asks for when D is at most `upper`."""
        return gap * max(self.unit, upper)

    @cached_property
    def monge_order(self) -> tuple[IntArray, IntArray] | None:
        """Orders (of x, of y) in which d is a Monge array, d(x,y) + d(x',y') <= d(x,y') + d(x',y), if one is found.

        Tried: the order of the points, the order given, and, when one side has two symbols, the order of the
        difference of their costs, which always works. d may exceed a Monge array by `MONGE_SLACK` of its largest
        entry: whoever uses the order has to price what `monge_excess` finds.
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
        allowed = MONGE_SLACK * float(np.abs(self.cost).max())
        return next((o for o in tries if float(monge_excess(self.cost[np.ix_(*o)])[-1, -1]) <= allowed), None)


def monge_excess(cost: FloatArray) -> FloatArray:
    """E (n, m) >= 0 such that cost - E is a Monge array: violations of adjacent quadruples, summed from the corner.

    The second differences are exact up to the square of a rounding unit, so a flat table has none.
    """
    a, b, c, d = cost[:-1, :-1], cost[1:, 1:], cost[:-1, 1:], cost[1:, :-1]
    (s, e1), (t, e2) = _two_difference(a, c), _two_difference(b, d)
    total, e3 = _two_difference(s, -t)
    size = np.abs(a) + np.abs(b) + np.abs(c) + np.abs(d)
    excess = np.zeros(cost.shape)
    excess[1:, 1:] = np.maximum(total + (e1 + e2 + e3) + 16.0 * UNIT_ROUNDOFF**2 * size, 0.0)
    summed = np.cumsum(np.cumsum(excess, axis=0), axis=1)
    return np.asarray(summed * (1.0 + 2.0 * (sum(cost.shape) + 8) * UNIT_ROUNDOFF))


def _two_difference(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """a - b as float64 and what that leaves out, exactly (Knuth's two-sum)."""
    total = a - b
    back = total - a
    return total, np.asarray((a - (total - back)) - (b + back))


guard(__name__)
