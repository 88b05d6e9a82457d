"""The questions about a second variable beside the source: classes to be told apart, or letters that the decoder sees.

Both are about a table p(s|x). In the first S is what must stay predictable from the code; in the second Z is known to
the decoder alone. As arrays both are one question, `Posteriors`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from math import inf

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, Frozen, IntArray, frozen_array
from rdptheory.distortions import Distortion, of_listed_reconstructions
from rdptheory.divergences import Divergence
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, at_least_zero, real_array
from rdptheory.exact_sums import exact_law
from rdptheory.geometry import TABLES, MaskArray, affordable
from rdptheory.information import law_entropy
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit, Problem
from rdptheory.solution import Candidate, Slopes
from rdptheory.sources import DiscreteSource

__all__ = ["Posteriors", "RelevanceProblem", "RelevantSlopes", "Representation", "SideInformationProblem"]

ROW_SUM = 1e-12
"""By which the sum of a row p(.|x) may miss 1, as for every law."""
LETTERS = 24
"""Letters to a label that tables are reserved for; with one label there may be one for each symbol."""
MOST_LABELS = 65_536
"""Functions from side letters to reconstructions: 16 letters for two side letters take 256, 40 take 1,600."""


def conditional_law(argument: str, rows: object, n: int) -> FloatArray:
    """p(s|x), shape (n, k), every row divided by its sum."""
    table = real_array(argument, rows)  # type: ignore[arg-type]
    if table.ndim != 2 or table.shape[0] != n or table.shape[1] == 0:
        rule = f"must have shape ({n}, k), a law for each symbol, has {table.shape}"
        classes = "; np.eye(k)[classes] makes one of the class of each" if table.shape == (n,) else ""
        raise InvalidInput(argument, rows, rule + classes)
    if (table < 0.0).any() or (np.abs(table.sum(axis=1) - 1.0) > ROW_SUM).any():
        joint = (table >= 0.0).all() and abs(table.sum() - 1.0) <= ROW_SUM
        hint = ": a joint law p(x, z) has other rows, divide each by its sum" if joint else ""
        raise InvalidInput(argument, rows, f"every row must be at least 0 and sum to 1 within 1e-12{hint}")
    return frozen_array([exact_law(row) for row in table])


@dataclass(frozen=True, eq=False)
class RelevanceProblem(Frozen):
    """R(D,P,C) of a source and its classes: the least rate of codes that keep D, P, and tell S apart to within C.

    Parameters
    ----------
    source : Pmf, Bernoulli or Empirical
    relevance : array (n, k)
        p(s|x), a row for each symbol.
    distortion, perception : as in `Problem`; None leaves the limit out
    C : float
        Limit on H(S|U), nats.
    D, P : float
    """

    source: DiscreteSource
    relevance: FloatArray
    distortion: Distortion | None
    perception: Divergence | None
    C: float
    D: float = inf
    P: float = inf

    def __post_init__(self) -> None:
        rows = conditional_law("relevance", self.relevance, self.source.size)
        object.__setattr__(self, "relevance", rows)
        object.__setattr__(self, "C", at_least_zero("C", self.C))
        if self.plain is None:
            for name, limit in (("D", at_least_zero("D", self.D)), ("P", at_least_zero("P", self.P))):
                if limit < inf:
                    rule = f"{name} = {limit:g} is about reconstructions: give a distortion"
                    raise InvalidInput("distortion", None, rule)
            return
        object.__setattr__(self, "D", self.plain.D)
        object.__setattr__(self, "P", self.plain.P)

    @cached_property
    def plain(self) -> Problem | None:
        """The same question without the classes; None where nothing is reconstructed."""
        if self.distortion is None:
            return None
        distortion = of_listed_reconstructions(self.distortion)
        return Problem(self.source, distortion, self.perception, self.D, self.P)

    @cached_property
    def free(self) -> bool:
        """Whether nothing limits E d: a reconstruction that ignores the code has any law at no rate."""
        return self.plain is None or (self.D == inf and self.plain.discrete.barred is None)

    @cached_property
    def posteriors(self) -> Posteriors:
        """The question as arrays on the symbols of positive mass."""
        held = self.source.probabilities > 0.0
        p, classes = self.source.probabilities[held], self.relevance[held]
        m = 1 if self.plain is None or self.free else self.plain.discrete.shape[1]
        affordable("source", p.size, max(p.size, LETTERS * m), copies=TABLES)
        if self.plain is None:
            return Posteriors(p, classes, np.zeros((p.size, 1)), inf, None, self.C)
        reduced = self.plain.discrete.reduced
        if self.free:
            return Posteriors(reduced.probabilities, classes, np.zeros((p.size, 1)), inf, None, self.C)
        ball = reduced.perceptions[0] if reduced.perceptions else None
        limit = reduced.distortions[0]
        table = limit.table
        if ball is not None and ball.divergence.forbids_new_symbols and not ball.reference.all():
            table = frozen_array(np.where(ball.reference > 0.0, table, inf))
        return Posteriors(reduced.probabilities, classes, table, limit.limit, ball, self.C)


@dataclass(frozen=True, eq=False)
class SideInformationProblem(Frozen):
    """Wyner and Ziv's question: Z ~ p(z|x) is known to the decoder, not to the encoder.

    Parameters
    ----------
    source : Pmf, Bernoulli or Empirical
    relevance : array (n, k)
        p(z|x), a row for each symbol.
    distortion : a distortion
    D : float
    """

    source: DiscreteSource
    relevance: FloatArray
    distortion: Distortion
    D: float

    def __post_init__(self) -> None:
        rows = conditional_law("relevance", self.relevance, self.source.size)
        object.__setattr__(self, "relevance", rows)
        object.__setattr__(self, "D", self.plain.D)
        m = self.plain.discrete.shape[1]
        if m ** rows.shape[1] > MOST_LABELS:
            rule = f"{rows.shape[1]} side letters and {m} reconstructions make {m}^{rows.shape[1]} decoders, more than "
            raise InvalidInput("relevance", self.relevance, rule + f"{MOST_LABELS:,}")

    @cached_property
    def plain(self) -> Problem:
        """The question of an encoder and a decoder that see nothing else."""
        return Problem(self.source, of_listed_reconstructions(self.distortion), None, self.D, inf)

    @cached_property
    def functions(self) -> IntArray:
        """Every decoder of one code letter: the reconstruction for each side letter, shape (m^k, k)."""
        m, k = self.plain.discrete.shape[1], self.relevance.shape[1]
        return np.array(list(product(range(m), repeat=k)), dtype=np.intp)

    @cached_property
    def posteriors(self) -> Posteriors:
        """The question as arrays: labels are functions of Z, and H(Z|U) has the price 1."""
        discrete = self.plain.discrete
        held = discrete.probabilities > 0.0
        p, classes, d = discrete.probabilities[held], self.relevance[held], discrete.distortions[0].table[held]
        affordable("source", p.size, LETTERS * d.shape[1] ** classes.shape[1], copies=TABLES)
        cost = np.zeros((p.size, self.functions.shape[0]))
        for z, g in enumerate(self.functions.T):
            seen = classes[:, z] > 0.0  # elsewhere inf costs nothing
            cost[seen] += classes[seen][:, [z]] * d[seen][:, g]
        problem = DiscreteProblem(p, (DistortionLimit(frozen_array(cost), self.D),))
        (limit,) = problem.reduced.distortions
        room = inf if self.D == inf and problem.barred is None else limit.limit
        return Posteriors(p, classes, limit.table, room, None, float(law_entropy(p @ classes)), priced=True)


@dataclass(frozen=True, eq=False)
class Posteriors:
    """min I(X;U) over weights w_u, posteriors a_u = p(x|u) with Σ w_u a_u = p, and labels y_u:

        Σ w_u a_u·d_y <= D,   law of y_u in the ball,   Σ w_u H(T'a_u) <= C

    or, if `priced`, min I(X;U) + Σ w_u H(T'a_u) - C without that limit.

    Attributes
    ----------
    p : array (n,)
        Masses above 0.
    classes : array (n, k)
        T, the rows p(s|x).
    table : array (n, m)
        d of every label, row minima 0; inf where it is forbidden.
    D : float
        What is left of D; inf if there is no limit, negative if no code keeps it.
    ball : PerceptionLimit or None
    C : float
    priced : bool
    """

    p: FloatArray
    classes: FloatArray
    table: FloatArray
    D: float
    ball: PerceptionLimit | None
    C: float
    priced: bool = False

    @cached_property
    def forbidden(self) -> MaskArray:
        """Where a label may never stand for a symbol, shape (n, m)."""
        return np.isinf(self.table) | ((self.table > 0.0) & (self.D == 0.0))

    @cached_property
    def paid(self) -> FloatArray:
        """d with 0 where it is forbidden."""
        return np.where(self.forbidden, 0.0, self.table)

    @cached_property
    def plain(self) -> DiscreteProblem:
        """The question without the classes."""
        balls = () if self.ball is None else (self.ball,)
        return DiscreteProblem(self.p, (DistortionLimit(frozen_array(self.table), self.D),), balls)

    @cached_property
    def least(self) -> float:
        """H(S|X), the least H(S|U) of any code."""
        return float(self.p @ law_entropy(self.classes))

    @cached_property
    def most(self) -> float:
        """H(S), that of no code."""
        return float(law_entropy(self.p @ self.classes))

    @property
    def exact(self) -> bool:
        """Whether C is H(S|X) but for rounding: then every letter must tell p(s|x) exactly."""
        return not self.priced and self.C - self.least <= 4.0 * self.rounding

    @property
    def rounding(self) -> float:
        """By how much H(S|X), H(S) and a loss of class laws that sum to 1 but for rounding may be off in float64."""
        n, k = self.classes.shape
        return float(UNIT_ROUNDOFF * ((n + k + 16) * self.most + k + 4))


@dataclass(frozen=True)
class RelevantSlopes(Slopes):
    """dR/dD, dR/dP and dR/dC, in nats per unit."""

    C: float = 0.0


@dataclass(frozen=True, eq=False)
class Representation(Candidate):
    """A code by its letters u: how often each is sent, what X is given it, and what is made of it.

    Attributes
    ----------
    weights : array (K,)
        p(u).
    posteriors : array (K, n)
        p(x|u).
    labels : array (K,) or (K, k) of int
        The reconstruction y(u); for side information the reconstruction for each side letter; 0 where there is none.
    channel, output : arrays
        p(y|x) and the law of y, of the reconstructions; p(u|x) and p(u) where there are none, or they depend on Z.
    """

    joint: None = None
    weights: FloatArray = field(default_factory=lambda: np.ones(1))
    posteriors: FloatArray = field(default_factory=lambda: np.ones((1, 1)))
    labels: IntArray = field(default_factory=lambda: np.zeros(1, dtype=np.intp))


guard(__name__)
