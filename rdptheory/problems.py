"""The question: a source, what reconstructions cost, how their law may differ, and the two limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import inf

import numpy as np
import scipy

from rdptheory._types import FloatArray, Frozen, IntArray, Remembered, follows, frozen_array, kept
from rdptheory.distortions import Distortion, OfLaw, Table, WithGeometry, signed, table_of
from rdptheory.divergences import Divergence, FDivergence
from rdptheory.doors import SourceLaw, changed, guard, unchanged, wholly
from rdptheory.errors import InvalidInput, at_least_zero, real
from rdptheory.exact_sums import exact_law, remaining_limit
from rdptheory.geometry import TABLES, Dense, Geometry, MaskArray, affordable
from rdptheory.sources import DiscreteSource, FrozenLaw, GaussianVector, Source, known_law

BEYOND = 1e300  # a D in place of larger ones where d is measured in a unit of its own: far above every d there
LARGE = 2048  # symbols above which a distortion that knows its geometry needs no table: 32 MB each, a dozen kept
OF_VECTORS = "has a closed form beside SquaredError() and Wasserstein2Squared(), KullbackLeibler(), P = 0 or P = inf"
OF_DENSITIES = "must be an f-divergence, Wasserstein1() or Wasserstein2Squared() for a source with a density"
POINT = 1e-13  # of the scale of δ: float64 resolves no less of a sum of absolute differences

__all__ = ["OF_DENSITIES", "DiscreteProblem", "DistortionLimit", "PerceptionLimit", "Problem"]


@dataclass(frozen=True)
class Problem(Frozen):
    """R(D,P) of a source: min I(X;Y) over p(y|x) with E d(X,Y) <= D and δ(p_X, p_Y) <= P.

    Parameters
    ----------
    source : Pmf, Bernoulli, Empirical, Gaussian, GaussianVector, Laplace, Uniform, StudentT, ...
    distortion : Hamming, SquaredError, AbsoluteError or Table
    perception : a divergence, or None for plain rate distortion (then P is inf)
    D, P : float
        At least 0; inf lifts the constraint, D may be below 0 where a table is. In the units of the distortion and the
        divergence.
    """

    source: Source
    distortion: Distortion
    perception: Divergence | None
    D: float
    P: float

    def __post_init__(self) -> None:
        if follows(self.source, FrozenLaw):
            object.__setattr__(self, "source", known_law(self.source))
        wholly("perception", self.perception)
        if not isinstance(self.source, DiscreteSource):
            unchanged(source=self.source, distortion=self.distortion, perception=self.perception)
        object.__setattr__(self, "D", (real if signed(self.distortion) else at_least_zero)("D", self.D))
        object.__setattr__(self, "P", at_least_zero("P", self.P))
        if self.P == inf:
            return
        if self.perception is None:
            raise InvalidInput("perception", None, f"P = {self.P:g} needs a divergence, such as TotalVariation()")
        if follows(self.distortion, OfLaw):
            rule = f"must be inf: δ compares no law of X with reconstructions of {self.distortion}"
            raise InvalidInput("P", self.P, rule)
        if isinstance(self.source, DiscreteSource):
            self.perception.check(*self._compared(self.source))
        elif self.perception.cost is not None or (self.P == 0.0 and not self.perception.definite):
            raise InvalidInput("perception", self.perception, OF_DENSITIES)

    def costs(self, source: DiscreteSource) -> FloatArray | Geometry:
        """The table of d, or where it would be large the geometry, if the distortion has one."""
        known = not changed(self.distortion)
        if not (known and follows(self.distortion, WithGeometry)):
            affordable("source", source.size, source.size, copies=TABLES)  # before the table is asked for
        if known and is_large(source.size) and follows(self.distortion, WithGeometry):
            geometry = self.distortion.on(source.points)
            if not isinstance(geometry, Dense):
                return geometry
        return self._table(source)

    def _table(self, source: DiscreteSource) -> FloatArray:
        """The table of distortions, whoever wrote it: this is where it enters, and where it is checked."""
        distortion = self.distortion
        if follows(distortion, OfLaw):
            distortion = distortion.given(source.probabilities)
        table = table_of(distortion, source.points)
        if table.ndim != 2 or table.shape[0] != source.size or table.shape[1] == 0:
            rule = f"its table must have a row for each of the {source.size} symbols, has shape {table.shape}"
            raise InvalidInput("distortion", self.distortion, rule)
        lowest, hopeless = _EXTREMES((table,), lambda: _extremes(table))
        if not lowest >= (-np.finfo(np.float64).max if signed(self.distortion) else 0.0):
            rule = "every entry of its table must be at least 0 (inf: never)"
            raise InvalidInput("distortion", self.distortion, rule)
        if hopeless:
            raise InvalidInput("distortion", self.distortion, "a row of its table forbids every reconstruction")
        return table

    def _compared(self, source: DiscreteSource) -> tuple[int, int]:
        """Sizes of the laws that δ compares, as far as they are known without a table."""
        n = source.size
        if not isinstance(self.distortion, Table):
            return n, n
        matrix, m = self.distortion.matrix, int(self.distortion.matrix.shape[1])
        if self.distortion.reference is None and n != m:
            rule = (
                f"has shape {matrix.shape}: a finite P needs as many reconstructions as symbols, "
                f"or Table(matrix, reference=law) with a law of shape ({m},)"
            )
            raise InvalidInput("matrix", matrix, rule)
        return m, m

    @cached_property
    def discrete(self) -> DiscreteProblem:
        """The same question as arrays.

        Raises
        ------
        InvalidInput
            The source has a density, or its alphabet and the table do not fit.
        """
        if not isinstance(self.source, DiscreteSource):
            rule = "has no closed form with these arguments; discretise(source, n) makes it finite"
            raise InvalidInput("source", self.source, OF_VECTORS if isinstance(self.source, GaussianVector) else rule)
        costs = self.costs(self.source)
        limits: tuple[PerceptionLimit, ...] = ()
        if self.perception is not None and self.P < inf:
            if not isinstance(self.perception, FDivergence):  # costs between all outputs, before they are written down
                affordable("source", costs.shape[0], costs.shape[1], copies=TABLES)
            reference = self.source.probabilities
            if isinstance(self.distortion, Table) and self.distortion.reference is not None:
                reference = self.distortion.reference
            elif costs.shape[0] != costs.shape[1]:
                raise InvalidInput("distortion", self.distortion, "a finite P needs as many outputs as source symbols")
            divergence, radius = self.perception.ball(self.source.points, self.P)
            limits = (PerceptionLimit(divergence, reference, radius),)
        return DiscreteProblem(self.source.probabilities, (DistortionLimit(costs, self.D),), limits)


@dataclass(frozen=True, eq=False)
class DistortionLimit(Frozen):
    """E d(X,Y) <= limit, for d of shape (n, m): its table, or a geometry that knows its products."""

    costs: FloatArray | Geometry
    limit: float

    @cached_property
    def table(self) -> FloatArray:
        """d, shape (n, m); refused where it would not fit."""
        return self.costs if isinstance(self.costs, np.ndarray) else frozen_array(self.costs.table())

    @cached_property
    def geometry(self) -> Geometry:
        """d as products with exp(-s d)."""
        return Dense(self.costs) if isinstance(self.costs, np.ndarray) else self.costs

    @cached_property
    def measured(self) -> tuple[Geometry, float, float]:
        """The geometry in a unit of its own, D there, and the d that is 1 there (`Geometry.in_unit`)."""
        geometry, unit = self.geometry.in_unit()
        return geometry, min(self.limit / unit, BEYOND), unit

    @property
    def tabled(self) -> bool:
        """Whether d is kept as a table."""
        return isinstance(self.geometry, Dense)

    @cached_property
    def barred(self) -> MaskArray | None:
        """Where d is inf and no channel may go, shape (n, m); None where that is nowhere."""
        return _BARRED((self.table,), lambda: _barred(self.table)) if self.tabled else None

    @cached_property
    def paid(self) -> FloatArray:
        """d with 0 in place of inf: what a channel pays that goes nowhere where it may not."""
        return self.table if self.barred is None else frozen_array(np.where(self.barred, 0.0, self.table))

    def rows(self, channel: FloatArray) -> FloatArray:
        """Σ_j W_ij d_ij, shape (n,), for W of shape (n, m) at least 0; 0 times inf is 0."""
        means = np.asarray(np.einsum("ij,ij->i", channel, self.paid))
        return means if self.barred is None else np.where((channel * self.barred).any(axis=1), np.inf, means)


@dataclass(frozen=True, eq=False)
class PerceptionLimit(Frozen):
    """δ(reference, A r) <= limit for the output law r of shape (m,).

    `reference` has shape (k,); `image` is A, shape (k, m), a linear image of the output law such as one of its
    marginals, or None when A is the identity (k = m). `axis` says which coordinate of a product alphabet A keeps.
    """

    divergence: Divergence
    reference: FloatArray
    limit: float
    image: FloatArray | None = None
    axis: int | None = None

    def __post_init__(self) -> None:
        if not self.divergence.placed:
            raise InvalidInput("divergence", self.divergence, "compares laws on points; use its .on(points)")
        object.__setattr__(self, "reference", exact_law(kept(self.reference)))

    @classmethod
    def marginal(
        cls, divergence: Divergence, reference: FloatArray, limit: float, alphabet: tuple[int, ...], axis: int
    ) -> PerceptionLimit:
        """A limit on the law of one coordinate of a product alphabet, whose outputs are numbered in C order."""
        if not all(size >= 1 for size in alphabet):
            raise InvalidInput("alphabet", alphabet, "must have sizes of at least 1")
        if not 0 <= axis < len(alphabet):
            raise InvalidInput("axis", axis, f"must name one of the {len(alphabet)} coordinates, from 0")
        m = int(np.prod(alphabet))
        image = np.zeros((alphabet[axis], m))
        image[np.unravel_index(np.arange(m), alphabet)[axis], np.arange(m)] = 1.0
        return cls(divergence, reference, limit, frozen_array(image), axis)

    @property
    def is_zero_radius(self) -> bool:
        """Whether the radius is 0 or as good as 0: such a ball is solved as a point, and judged as the ball it is."""
        return self.limit <= POINT * self.divergence.scale

    @cached_property
    def part(self) -> IntArray | None:
        """For each output symbol the one that the ball counts it as, shape (m,), if A only counts symbols together."""
        image = self.image
        if image is None or not ((image == 1.0).sum(axis=0) == 1).all() or np.count_nonzero(image) != image.shape[1]:
            return None
        return np.asarray(image.argmax(axis=0))

    @cached_property
    def has_zero_cost_moves(self) -> bool:
        """Whether a ball of radius 0 holds more laws than the reference: some transport costs nothing."""
        return self.divergence.cost is not None and not self.divergence.definite

    def law(self, output: FloatArray) -> FloatArray:
        """A r, the law that the divergence compares."""
        return output if self.image is None else np.asarray(self.image @ output)

    def value(self, output: FloatArray) -> float:
        """δ(reference, A r)."""
        cost = self.divergence.cost
        symbols = self.reference.size if cost is None else cost.shape[1]
        symbols = symbols if self.image is None else self.image.shape[1]
        if output.shape != (symbols,):
            raise InvalidInput("output", output, f"must have shape ({symbols},), has {output.shape}")
        return self.divergence.value(self.reference, self.law(output))


@dataclass(frozen=True, eq=False)
class DiscreteProblem(Frozen):
    """min I(X;Y) over channels (n, m), under any number of distortion and perception limits.

    Attributes
    ----------
    probabilities : array (n,)
        Divided by their sum where that is off by more than rounding, and so are the references of the balls.
    weights : array (n,)
        The same as they were given: the sums of `reduced` are exact in them.
    distortions, perceptions : tuples of limits; limits at inf are left out
    alphabet : tuple of int or None
        Sizes of the factors of a product output alphabet.
    """

    probabilities: SourceLaw
    distortions: tuple[DistortionLimit, ...]
    perceptions: tuple[PerceptionLimit, ...] = ()
    alphabet: tuple[int, ...] | None = None
    weights: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", kept(self.probabilities))
        object.__setattr__(self, "probabilities", exact_law(self.weights))
        for ball in self.perceptions:
            ball.divergence.check(ball.reference.size, self.shape[1] if ball.image is None else ball.image.shape[0])

    @cached_property
    def held(self) -> int:
        """Number of source symbols of positive mass."""
        return int(np.count_nonzero(self.probabilities))

    @cached_property
    def shape(self) -> tuple[int, int]:
        """(source symbols, output symbols)."""
        return self.distortions[0].geometry.shape

    @cached_property
    def by_products(self) -> bool:
        """Whether bounds come from products with Gibbs kernels, because the alphabet is too large for a table.

        So it is above `LARGE` symbols, for one distortion of the alphabet to itself that knows its geometry, and at
        most one f-divergence of the output law from the source law.
        """
        if len(self.distortions) != 1 or len(self.perceptions) > 1 or not is_large(self.shape[0]):
            return False
        if self.distortions[0].tabled or not self.distortions[0].geometry.symmetric:
            return False
        known = (isinstance(ball.divergence, FDivergence) and ball.image is None for ball in self.perceptions)
        return all(known) and all(np.array_equal(ball.reference, self.probabilities) for ball in self.perceptions)

    @property
    def reduced(self) -> DiscreteProblem:
        """The same question without symbols of zero mass and with row minima 0 in every table.

        d_ij - min_j d_ij and D - sum_i p_i min_j d_ij have the same channels and rates, and are right to a few units
        of rounding of themselves, however large the minima are. A negative limit is infeasible, unless D is below the
        least distortion by no more than the rounding of D: then it is 0. Limits at inf are left out. A question that
        is so already is its own reduction.
        """
        other = self._other
        return self if other is None else other

    @cached_property
    def _other(self) -> DiscreteProblem | None:
        """`reduced`, where it is another one."""
        if len(self.finite) == 1 and self.barred is None:
            return self._reduced_alone(self.finite[0])
        rows = self.probabilities > 0.0
        p = frozen_array(self.probabilities[rows])
        barred, limits = self.barred, []
        if self.hopeless:
            limits = [DistortionLimit(frozen_array(np.zeros((p.size, self.shape[1]))), -1.0)]
            return DiscreteProblem(p, tuple(limits), self.perceptions, self.alphabet)
        for limit, least in zip(self.finite, self.row_minima, strict=True):
            table = limit.table[rows]
            if barred is not None:
                table = np.where(barred, np.inf, table)
            if least.any():
                room = remaining_limit(limit.limit, self.weights[rows], least)
                table = table - least[:, None]
            else:
                room = limit.limit
            limits.append(DistortionLimit(frozen_array(table), room))
        if not limits:
            free = np.zeros((p.size, self.shape[1])) if barred is None else np.where(barred, np.inf, 0.0)
            limits = [DistortionLimit(frozen_array(free), 1.0)]
        return DiscreteProblem(p, tuple(limits), self.perceptions, self.alphabet)

    def _reduced_alone(self, limit: DistortionLimit) -> DiscreteProblem | None:
        """The same for one finite limit and no forbidden entry: all but the limit is made once for law and table."""
        law, d = self.probabilities, limit.table
        known = _REDUCED((law, d), lambda: _reduced(law, d))
        p, table, least = known.law, known.table, known.least
        room = limit.limit if least is None else remaining_limit(limit.limit, self.weights[law > 0.0], least)
        if p is None and table is None and room == limit.limit and law is self.weights and len(self.distortions) == 1:
            return None
        moved = limit if table is None and room == limit.limit else DistortionLimit(d if table is None else table, room)
        return DiscreteProblem(law if p is None else p, (moved,), self.perceptions, self.alphabet)

    @cached_property
    def finite(self) -> tuple[DistortionLimit, ...]:
        """The limits on E d that are finite: those of `reduced`, if there are any."""
        return tuple(limit for limit in self.distortions if limit.limit < np.inf)

    @cached_property
    def barred(self) -> MaskArray | None:
        """Where no channel may go because some d is inf, whatever its limit, on the symbols of positive mass.

        So it is too, beside other limits, where d is above its least and the limit leaves no room. Shape (n', m); None
        where that is nowhere.
        """
        if len(self.finite) > 1:
            return self._barred[0]
        masks = [limit.barred[self.probabilities > 0.0] for limit in self.distortions if limit.barred is not None]
        found = np.any(masks, axis=0) if masks else None  # no table is made of a geometry, which forbids nothing
        return found if found is not None and found.any() else None

    @property
    def hopeless(self) -> bool:
        """Whether every reconstruction of some symbol is forbidden."""
        return self.barred is not None and bool(self.barred.all(axis=1).any())

    @property
    def row_minima(self) -> tuple[FloatArray, ...]:
        """min_j d_ij where a channel may go, on the symbols of positive mass, for every finite limit; inf: nowhere."""
        return self._barred[1]

    @cached_property
    def _barred(self) -> tuple[MaskArray | None, tuple[FloatArray, ...]]:
        rows = self.probabilities > 0.0
        masks = [limit.barred for limit in self.distortions if limit.barred is not None]
        barred = np.any(masks, axis=0)[rows] if masks else None
        tables = [limit.table[rows] for limit in self.finite]
        while True:
            seen = [table if barred is None else np.where(barred, np.inf, table) for table in tables]
            minima = tuple(table.min(axis=1) for table in seen)
            if len(tables) < 2 or not np.isfinite(minima).all():
                break
            shut = [
                np.isfinite(table) & (table > least[:, None])
                for limit, table, least in zip(self.finite, seen, minima, strict=True)
                if remaining_limit(limit.limit, self.weights[rows], least) == 0.0
            ]
            if not np.any(shut):
                break
            barred = np.any([*shut, *([] if barred is None else [barred])], axis=0)
        return barred if barred is not None and barred.any() else None, minima

    @cached_property
    def closed(self) -> MaskArray | None:
        """Where d is inf or a limit of 0 lets no channel go, shape (n, m); None where that is nowhere."""
        shut = [limit.table > 0.0 for limit in self.distortions if limit.limit == 0.0]
        shut += [limit.barred for limit in self.distortions if limit.barred is not None]
        return np.any(shut, axis=0) if shut else None

    @cached_property
    def groups(self) -> IntArray:
        """Numbers of the groups of symbols (n,) between which no output is shared, from 0.

        What cuts them apart are forbidden entries and limits of 0.
        """
        n, m = self.shape
        if self.closed is None:
            return np.zeros(n, dtype=np.intp)
        row, output = np.nonzero(~self.closed)
        links = scipy.sparse.coo_array((np.ones(row.size), (row, n + output)), shape=(n + m, n + m))
        number = scipy.sparse.csgraph.connected_components(links, directed=False)[1]
        return np.asarray(np.unique(number[:n], return_inverse=True)[1], dtype=np.intp)

    @cached_property
    def copies(self) -> IntArray | None:
        """The output that repeats each symbol, shape (n,); None where there is none.

        On the alphabet of the source it is the symbol itself, on products of that alphabet every coordinate repeats it.
        """
        n, m = self.shape
        symbols: IntArray = np.arange(n)
        if n == m:
            return symbols
        if self.alphabet is not None and set(self.alphabet) == {n}:
            return np.asarray(np.ravel_multi_index((symbols,) * len(self.alphabet), self.alphabet), dtype=np.intp)
        return None

    def expand(self, channel: FloatArray) -> FloatArray:
        """A channel of `reduced` on all symbols: rows of zero mass get the output law."""
        rows = self.probabilities > 0.0
        if rows.all():
            return channel
        full = np.tile(self.probabilities[rows] @ channel, (rows.size, 1))
        full[rows] = channel
        return np.asarray(full / full.sum(axis=1, keepdims=True))

    def expected_distortions(self, channel: FloatArray) -> FloatArray:
        """E d_k(X,Y) of a channel (n, m) for every distortion limit, shape (number of limits,)."""
        self._check(channel)
        rows = self.probabilities > 0.0
        return np.array([float(self.probabilities[rows] @ limit.rows(channel)[rows]) for limit in self.distortions])

    def output(self, channel: FloatArray) -> FloatArray:
        """Law of Y, shape (m,), of a channel (n, m)."""
        self._check(channel)
        return frozen_array(self.probabilities @ channel)

    def _check(self, channel: FloatArray) -> None:
        if channel.shape != self.shape:
            raise InvalidInput("channel", channel, f"must have shape {self.shape}, has {channel.shape}")


@dataclass(frozen=True, eq=False)
class _Reduced:
    """A law and a table without symbols of zero mass and with row minima 0; None for what stays as it is."""

    law: FloatArray | None
    table: FloatArray | None
    least: FloatArray | None


def _reduced(law: FloatArray, table: FloatArray) -> _Reduced:
    rows = law > 0.0
    whole = bool(rows.all()) and not table.flags.writeable and not law.flags.writeable
    kept = table if whole else table[rows]
    least = kept.min(axis=1)
    p = None if whole else frozen_array(law[rows])
    if least.any():
        return _Reduced(p, frozen_array(kept - least[:, None]), least)
    return _Reduced(p, None if whole else frozen_array(kept), None)


def is_large(n: int) -> bool:
    """Whether a distortion on n symbols is kept as a geometry, if it knows one."""
    return n > LARGE


def _extremes(table: FloatArray) -> tuple[float, bool]:
    """The least entry, NaN if one is NaN, and whether some row is inf throughout."""
    return float(table.min()), bool((table == np.inf).all(axis=1).any())


def _barred(table: FloatArray) -> MaskArray | None:
    barred = np.isinf(table)
    return barred if barred.any() else None


_EXTREMES: Remembered[tuple[float, bool]] = Remembered()
_BARRED: Remembered[MaskArray | None] = Remembered()
_REDUCED: Remembered[_Reduced] = Remembered()


guard(__name__)
