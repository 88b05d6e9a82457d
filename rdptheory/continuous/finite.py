"""Two finite problems between which the rate of a density lies.

Lower: X+ - X - Y - Y+ is a Markov chain when both ends are rounded to nodes, so R(D,P) is at least the rate of the law
of X+ at limits that hold for every (X+, Y+). Upper: X -> its cell -> another cell -> a point or a fresh draw there is a
channel, so R(D,P) is at most the rate of the law of the cells at limits that imply the true ones. Each member of a
family says once how it is rounded and how it is read in cells; `docs/continuous.md` has the proofs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.continuous.lattice import ROUND, CellLaw, Lattice, moved
from rdptheory.distortions import AbsoluteError, Distortion, SquaredError, Table
from rdptheory.divergences import (
    Divergence,
    FDivergence,
    TotalVariation,
    TransportDivergence,
    Wasserstein1,
    Wasserstein2Squared,
)
from rdptheory.errors import InvalidInput
from rdptheory.problems import OF_DENSITIES, Problem
from rdptheory.sources import ContinuousSource, Pmf

__all__ = [
    "Limited",
    "cell_distortion",
    "cells_problem",
    "check",
    "power",
    "rounded_ball",
    "rounded_distortion",
    "rounded_problem",
]

NOTHING = float("inf")  # a radius that limits nothing
DISTORTIONS = "must be SquaredError() or AbsoluteError() for a source with a density"


@dataclass(frozen=True, eq=False)
class Limited:
    """A table (n, m) of what an entry costs, and the limit on its mean."""

    table: FloatArray
    limit: float

    @property
    def least(self) -> FloatArray:
        """The least entry of every row, shape (n,)."""
        return np.asarray(self.table.min(axis=1))

    def lifted(self, law: FloatArray) -> Limited:
        """The same limit with least entries 0: what is added to a row is added to the limit with its mass."""
        return Limited(self.table - self.least[:, None], self.limit - float(law @ self.least))


@singledispatch
def rounded_distortion(distortion: Distortion, x: Lattice, y: Lattice, D: float, fixed: bool) -> Limited:
    """What E d(X,Y) <= D says about X+ on x and Y+ on y, which end at the same nodes; `fixed` if Y has the law of X."""
    raise InvalidInput("distortion", distortion, DISTORTIONS)


@rounded_distortion.register
def _(distortion: SquaredError, x: Lattice, y: Lattice, D: float, fixed: bool) -> Limited:
    """E (X+ - Y+)² <= D + V+ + E g(Y), roundings being unbiased and independent; E g(Y) is at most the mean rent."""
    squares = (x.nodes[:, None] - y.nodes) ** 2
    if fixed:
        return Limited(squares, (D + x.noise + y.noise) * ROUND + moved(x, y, D, fixed))
    return Limited(squares - y.rents, (D + x.noise) * ROUND + moved(x, y, D, fixed))


@rounded_distortion.register
def _(distortion: AbsoluteError, x: Lattice, y: Lattice, D: float, fixed: bool) -> Limited:
    """E|X+ - Y+| is |x - y| for x, y in different cells, and at most h P(X+ = Y+) more in one cell of width h."""
    assert x is y, "the bound within a cell is one of common nodes"
    return Limited(np.abs(x.nodes[:, None] - x.nodes) - np.diag(x.widest), D * ROUND + x.moved_absolutely(D))


@singledispatch
def cell_distortion(distortion: Distortion, x: CellLaw, y: CellLaw, D: float, redraw: bool, fixed: bool) -> Limited:
    """What implies E d(X,Y) <= D for X in cells x and Y drawn afresh in one of y (`redraw`) or equal to its mean."""
    raise InvalidInput("distortion", distortion, DISTORTIONS)


@cell_distortion.register
def _(distortion: SquaredError, x: CellLaw, y: CellLaw, D: float, redraw: bool, fixed: bool) -> Limited:
    """E (X - Y)² = (m_i - m_j)² + v_i (+ v_j), what a row has in common taken from the limit; so is what a column has
    if Y has the law of X."""
    table = x.squares(y, redraw)
    if fixed:
        return Limited(np.maximum(table - y.least, 0.0), D - x.noise - y.noise - x.moved(D))
    return Limited(table, D - x.noise - x.moved(D))


@cell_distortion.register
def _(distortion: AbsoluteError, x: CellLaw, y: CellLaw, D: float, redraw: bool, fixed: bool) -> Limited:
    """|m_i - m_j| between cells; within one E|X - X'| or E|X - mean|, in a step of a tail half its width."""
    assert x is y, "cells that overlap in part have no such simple means"
    _, spread, deviation = x.spreads
    table = x.apart(x) + np.diag(spread if redraw else deviation)
    for tail in x.told:
        j = 0 if tail.side < 0.0 else x.law.size - 1
        table[:, j] += 0.0 if redraw else 0.5 * tail.width  # the middle of a step is so far off what it stands for
        table[j, j] = 0.5 * tail.width
    return Limited(table, D - x.moved_absolutely(D))


@singledispatch
def rounded_perception(perception: Divergence | None, lattice: Lattice, P: float) -> tuple[Divergence, float]:
    """What δ(p_X, p_Y) <= P says about the laws of X+ and Y+."""
    raise InvalidInput("perception", perception, OF_DENSITIES)


@rounded_perception.register
def _(perception: FDivergence, lattice: Lattice, P: float) -> tuple[Divergence, float]:
    """Data processing."""
    return perception, P


@rounded_perception.register
def _(perception: Wasserstein1, lattice: Lattice, P: float) -> tuple[Divergence, float]:
    """K is 1-Lipschitz: in one cell W1(K(x), K(y)) = |x - y|, else one law is above the other."""
    t = lattice.nodes
    return TransportDivergence(np.abs(t[:, None] - t), t), P


@rounded_perception.register
def _(perception: Wasserstein2Squared, lattice: Lattice, P: float) -> tuple[Divergence, float]:
    """As with the squared error, for a coupled X' with the law of X."""
    t = lattice.nodes
    cost = Limited((t[:, None] - t) ** 2 - lattice.rents, (P + lattice.noise) * ROUND).lifted(lattice.law)
    return TransportDivergence(cost.table, t), cost.limit


@singledispatch
def cell_perception(
    perception: Divergence | None, cells: CellLaw, P: float, redraw: bool
) -> tuple[Divergence, float] | None:
    """What implies δ(p_X, p_Y) <= P, or None if no law of that kind of outputs can keep it."""
    raise InvalidInput("perception", perception, OF_DENSITIES)


@cell_perception.register
def _(perception: FDivergence, cells: CellLaw, P: float, redraw: bool) -> tuple[Divergence, float] | None:
    """dr/dp is constant on a cell when Y is redrawn; a law of points has no density."""
    return (perception, P) if redraw else None


@cell_perception.register
def _(perception: Wasserstein1, cells: CellLaw, P: float, redraw: bool) -> tuple[Divergence, float] | None:
    """|F_p - F_r| lies below its chord on every cell, and the chords integrate to W1 between the means."""
    m = cells.means
    return (TransportDivergence(np.abs(m[:, None] - m), m), P / cells.stretch) if redraw else None


@cell_perception.register
def _(perception: Wasserstein2Squared, cells: CellLaw, P: float, redraw: bool) -> tuple[Divergence, float] | None:
    """Couple the cells, then what they hold: squares of the means, and W2² of the centred laws, or v_i for points.

    To points of a tail that is told, what X' in the cell costs is what X does.
    """
    squares = cells.stretch**2 * (cells.means[:, None] - cells.means) ** 2 * ROUND
    if redraw:
        return TransportDivergence(squares + _reshaping(cells)), P
    room = P - cells.noise - 2.02 * cells.error * (8.0 * cells.second + 6.0 * P)
    if not room > 0.0:
        return None
    ball = TransportDivergence(cells.squares(cells, False)) if cells.told else TransportDivergence(squares, cells.means)
    return ball, room


def _reshaping(cells: CellLaw) -> FloatArray:
    """At least W2² between the centred laws of cells i and j, shape (m, m), 0 on the diagonal.

    By way of the uniform laws of the same variances: b_i² = W2² to that of variance v is 2v - √(3v) E|X - X'|, because
    the monotone coupling has covariance √(3v) E X (2F(X) - 1) = √(3v) E|X - X'|/2; no coupling is worse than v_i + v_j.
    """
    v, sd = cells.variances, np.sqrt(cells.variances)
    b = np.sqrt(np.maximum(2.0 * v - np.sqrt(3.0 * v) * cells.spreads[0], 0.0) + 1e-11 * v)
    detour = (b[:, None] + np.abs(sd[:, None] - sd) + b) ** 2
    w = np.minimum(detour, v[:, None] + v) * ROUND
    np.fill_diagonal(w, 0.0)
    return np.asarray(w)


@singledispatch
def power(part: object) -> int:
    """The exponent with which a distortion or a divergence grows with the unit of the source."""
    return 0


@power.register(SquaredError)
@power.register(Wasserstein2Squared)
def _(part: object) -> int:
    return 2


@power.register(AbsoluteError)
@power.register(Wasserstein1)
def _(part: object) -> int:
    return 1


def rounded_problem(
    x: Lattice, y: Lattice, distortion: Distortion, perception: Divergence | None, D: float, P: float
) -> Problem:
    """The finite problem whose rate is at most R(D,P) of the source in standard position."""
    limited = rounded_distortion(distortion, x, y, D, perception is not None and P == 0.0).lifted(x.law)
    ball, radius = rounded_ball(perception, y, P)
    table = Table(limited.table) if x is y else Table(limited.table, y.law)
    return Problem(Pmf(x.law, x.nodes), table, ball, limited.limit, radius)


def rounded_ball(perception: Divergence | None, y: Lattice, P: float) -> tuple[Divergence | None, float]:
    """What δ(p_X, p_Y) <= P says about the laws on nodes, whatever P is."""
    return _no_ball(perception, P) or rounded_perception(perception, y, P)


def cells_problem(
    x: CellLaw, y: CellLaw, distortion: Distortion, perception: Divergence | None, D: float, P: float, redraw: bool
) -> Problem | None:
    """The finite problem whose rate is at least R(D,P), or None if no channel of that kind keeps the limits."""
    limited = cell_distortion(distortion, x, y, D, redraw, perception is not None and P == 0.0)
    ball = _no_ball(perception, P) or cell_perception(perception, y, P, redraw)
    if not limited.limit > 0.0 or ball is None:
        return None
    table = Table(limited.table) if x is y else Table(limited.table, y.law)
    return Problem(Pmf(x.law, x.means), table, ball[0], limited.limit, ball[1])


def check(
    distortion: Distortion,
    perception: Divergence | None,
    P: float,
    source: ContinuousSource,
    standard: ContinuousSource,
) -> None:
    """Refuse, with one sentence, what cannot be answered for a density; `standard` is the source in its own unit."""
    if power(distortion) == 0:
        raise InvalidInput("distortion", distortion, DISTORTIONS)
    if not _no_ball(perception, P) and not isinstance(perception, FDivergence) and power(perception) == 0:
        raise InvalidInput("perception", perception, OF_DENSITIES)
    squared = next((part for part in (distortion, perception) if power(part) == 2), None)
    if squared is not None and not np.isfinite(standard.standard_deviation):
        raise InvalidInput("source", source, f"has no variance, which {squared!r} needs")
    (low, high), middle = standard.support, standard.quantile(0.5)
    sides = (low, standard.left_tail), (high, standard.right_tail)
    if not all(np.isfinite(end) or np.isfinite(tail(middle).excess) for end, tail in sides):
        raise InvalidInput("source", source, f"has no mean, which {distortion!r} needs")


def _no_ball(perception: Divergence | None, P: float) -> tuple[Divergence | None, float] | None:
    """Balls that hold everything or one law, whatever the divergence."""
    if perception is None or np.isinf(P):
        return None, NOTHING
    return (TotalVariation(), 0.0) if P == 0.0 else None
