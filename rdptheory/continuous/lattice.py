"""The source as two finite laws: rounded to nodes, for lower bounds, and held in cells, for upper ones.

The laws in memory differ from the true ones by a relative error of at most ε = `error` in every mass. All that it
costs is a little distortion: a channel C that keeps a symbol with probability 1 - 2ε and else draws one afresh turns
the true law p into the p̂ in memory, because u = (p̂ - (1-2ε) p)/(2ε) lies between p̂/2 and 3p̂/2. Applied to source
and output it processes the data, so that neither I(X;Y) nor any divergence grows; what moves, moves with probability
2ε, and `moved` and `CellLaw.moved` bound what that adds to E d.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf, log, log1p

import numpy as np

from rdptheory._types import FloatArray, frozen_array
from rdptheory.errors import InvalidInput
from rdptheory.sources.continuous import ContinuousSource, Tail

__all__ = ["CellLaw", "Lattice", "cell_law", "lattice", "moved", "rents"]

FACTORS = (
    8.0  # errors of cells in a mass: two that are multiplied, and as much again in the sum it is divided by, twice
)
ROUND = 1.0 + 1e-12  # above the rounding of any of the sums of positive terms here, which have at most 2^13 terms


def rents(t: FloatArray) -> FloatArray:
    """e >= 0 on the nodes with (1-η) e_k + η e_{k+1} >= h² η (1-η) on every cell of width h.

    A tangent of the parabola at η_0 has the end values (h η_0)² and (h (1-η_0))², so a_k = √e_k with
    a_k + a_{k+1} >= h_k will do: half the harmonic mean of the neighbouring widths, and going outwards from the
    narrowest cell the outer node makes up what is missing. Next to a wide cell the inner node keeps a small rent.
    """
    h = np.diff(t)
    a = np.empty(t.size)
    a[1:-1] = h[:-1] * h[1:] / (h[:-1] + h[1:])
    a[0], a[-1] = 0.5 * h[0], 0.5 * h[-1]
    narrow = int(np.argmin(h))
    for k in range(narrow, h.size):
        a[k + 1] = max(a[k + 1], h[k] - a[k])
    for k in range(narrow - 1, -1, -1):
        a[k] = max(a[k], h[k] - a[k + 1])
    return np.asarray(a * a * ROUND)


@dataclass(frozen=True, eq=False)
class Lattice:
    """The law of X+ = K(X): X projected on [t_0, t_n], then rounded without bias to one of the two neighbouring nodes.

    Attributes
    ----------
    nodes, law : arrays (n+1,)
    noise : float
        At least V+ = E Var(K(X) | X), in squared units.
    error : float
        Relative error of the law.
    """

    nodes: FloatArray
    law: FloatArray
    noise: float
    error: float

    @cached_property
    def rents(self) -> FloatArray:
        """`rents(nodes)`."""
        return rents(self.nodes)

    @cached_property
    def widest(self) -> FloatArray:
        """The wider of the cells at each node, shape (n+1,)."""
        h = np.diff(self.nodes)
        return np.asarray(np.maximum(np.append(0.0, h), np.append(h, 0.0)))

    @property
    def second(self) -> float:
        """E X+²."""
        return float(self.law @ self.nodes**2)

    @property
    def first(self) -> float:
        """E|X+|."""
        return float(self.law @ np.abs(self.nodes))

    def moved_absolutely(self, D: float) -> float:
        """What the moves add at most to E|X+ - Y+| - E widest(X+) 1{X+ = Y+} on common nodes, when E|X-Y| <= D."""
        return 2.02 * self.error * (5.0 * self.first + D + 3.0 * float(self.law @ self.widest))


def moved(x: Lattice, y: Lattice, D: float, fixed: bool) -> float:
    """What the moves of the law's error add at most to E (X+ - Y+)² - e(Y+), when E (X-Y)² <= D.

    With S at least E X² and Y² short for E Y+²: a moved X costs 2 (3S/2 + Y²), a moved Y 2 (S + 3S/2) and the rent
    lost. If the law of Y is `fixed` to that of X, Y² = S and there is no rent. Else, within a cell [l, r], y² + g(y) is
    the chord of the square: at most 2y² + max (g(y) - y²), and at most y² (l+r)²/(4lr) if lr > 0. The first serves in
    the middle, the second outside, so that Y² <= a + b E π(Y)² <= a + b (2S + 2D).
    """
    S = max(x.second, y.second)
    left, right = y.nodes[:-1], y.nodes[1:]
    middle = np.minimum(np.abs(left), np.abs(right)) ** 2 <= 4.0 * S
    at = np.clip(0.25 * (left + right), left, right)
    a = float(np.where(middle, np.maximum((at - left) * (right - at) - at * at, 0.0), 0.0).max())
    outside = np.where(middle, 1.0, left * right)
    b = float(np.where(middle, 2.0, 0.25 * (left + right) ** 2 / outside).max())
    square = S if fixed else a + b * (2.0 * S + 2.0 * D)
    lost = 0.0 if fixed else max(0.0, float((y.rents - 2.0 * y.nodes**2).max())) + 2.0 * square
    return 2.02 * max(x.error, y.error) * (8.0 * S + 2.0 * square + lost)


@dataclass(frozen=True, eq=False)
class Told:
    """A tail whose X is told by the step it is in: with U its distance from the end, steps are those of
    unit (ratio^k - 1) <= U < unit (ratio^(k+1) - 1), k = 0, 1, ...

    If X is in this tail and the channel says so, Y comes from the step that holds X. That takes at most H(k) nats for
    each unit of mass, and H(k) is at most that of the geometric law of the same mean; E log(1 + U/unit) is at most
    log 2 if the unit is E U. A step is as wide as ratio - 1 times the distance U + unit at its begin.

    Attributes
    ----------
    side : -1.0 or 1.0
    end, unit, ratio : float
    rate : float
        Nats, for all of X.
    square, width : float
        At least a quarter of the mean square, and the mean, of the width of a step.
    """

    side: float
    end: float
    unit: float
    ratio: float
    rate: float
    square: float
    width: float

    @classmethod
    def worth(cls, tail: Tail, side: float, end: float, length: float) -> Told | None:
        """Steps whose root mean square is `length`, if telling them costs less than not to, E (X-Y)² being about the
        square of that. (Without a second moment: if their mean is, and E|X-Y| about that.)"""
        if not 0.0 < length < inf or not tail.mass > 0.0 or not 0.0 < tail.excess < inf:
            return None
        far = 1.0 + 4.0 * tail.error
        square = (tail.square + 3.0 * tail.excess**2) * far  # E (U + unit)²
        finite = square < inf
        size = float(np.sqrt(square)) if finite else 2.0 * tail.excess * far
        step = length / size
        mean = log(2.0 * far) / log1p(step)
        told = (log1p(mean) + mean * log1p(1.0 / mean)) * (1.0 + 1e-13)
        saved = 0.5 * (tail.square / length**2 - 0.25) if finite else 0.5 * (tail.excess / length - 0.5)
        if not told < saved:
            return None
        held = 0.25 * step * step * square if finite else inf
        return cls(side, end, tail.excess, 1.0 + step, tail.mass * told * far, held, 2.0 * step * tail.excess * far)


@dataclass(frozen=True, eq=False)
class CellLaw:
    """The cells (-inf, t_0], [t_0, t_1], ..., [t_n, inf) of a source, those without mass left out.

    Attributes
    ----------
    source : ContinuousSource
    edges : array (m+1,)
        Infinite at the ends of an unbounded support.
    law, means, variances : arrays (m,)
        Variances are rounded up.
    excess : array (m,)
        An upper bound on half of E|X - mean| in a tail, inf in a finite cell.
    least : array (m,)
        At least E (X-Y)² for an X in the cell and the Y that stands for it: its variance, or what is left in a tail
        that is told.
    told : tuple of Told
        The tails that are told further than by their symbol.
    errors : array (m,)
        How far the means in memory are at most from the true ones.
    error : float
        Relative error of the law.
    """

    source: ContinuousSource
    edges: FloatArray
    law: FloatArray
    means: FloatArray
    variances: FloatArray
    excess: FloatArray
    errors: FloatArray
    error: float
    least: FloatArray
    told: tuple[Told, ...]

    def apart(self, other: CellLaw) -> FloatArray:
        """At least |m_i - m_j| between the means of these cells and of others, shape (n, m), 0 where they are one."""
        far = np.abs(self.means[:, None] - other.means) + (self.errors[:, None] + other.errors)
        if other is self:
            np.fill_diagonal(far, 0.0)
        return np.asarray(far * ROUND)

    @property
    def stretch(self) -> float:
        """|m_i - m_j| is at most this multiple of the difference of the means in memory."""
        return 1.0 + float(((self.errors[1:] + self.errors[:-1]) / np.diff(self.means)).max(initial=0.0))

    def squares(self, other: CellLaw, redraw: bool) -> FloatArray:
        """At least E (X-Y)² - `least` for X in cell i of these and Y of cell j of others, which have the same tails.

        Y is redrawn within its cell or its mean. Of a tail that is told it is drawn within the step that holds X, or is
        the middle of it; for an X elsewhere the step is that of another draw from the tail: the middle is half a step
        off it.
        """
        found = self.apart(other) ** 2 + (self.variances - self.least)[:, None]
        if redraw:
            found += other.variances
        for tail in self.told:
            i, j = (0 if tail.side < 0.0 else cells.law.size - 1 for cells in (self, other))
            if not redraw:
                found[:, j] += 2.0 * np.sqrt((found[:, j] + self.least + self.variances[i]) * tail.square)
                found[:, j] += self.variances[i] + tail.square
            found[i, j] = tail.square if redraw else 0.0
        return found * ROUND

    @property
    def extra(self) -> float:
        """Nats that it takes to tell the tails that are told, whatever the channel between the cells."""
        return sum(tail.rate for tail in self.told) * (1.0 + 2.0 * self.error)

    @cached_property
    def noise(self) -> float:
        """At least E `least`."""
        return float(self.law @ self.least) * (1.0 + 2.0 * self.error)

    @cached_property
    def spreads(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """E|X - X'| within each cell from below and from above, and a bound on E|X - mean|, each of shape (m,)."""
        finite = np.isfinite(self.edges[:-1]) & np.isfinite(self.edges[1:])
        inner = self.edges[np.isfinite(self.edges)]
        below, above, deviation = (
            np.zeros(self.law.size),
            np.full(self.law.size, np.inf),
            np.full(self.law.size, np.inf),
        )
        below[finite], above[finite], deviation[finite] = self.source.spreads(inner)
        sd = np.sqrt(self.variances)
        above = np.minimum(above, np.minimum(np.sqrt(2.0) * sd, 2.0 * self.excess)) * ROUND
        return below, above, np.minimum(deviation, np.minimum(sd, 2.0 * self.excess)) * ROUND

    @property
    def second(self) -> float:
        """At least E X²."""
        return float(self.law @ (self.means**2 + self.variances)) * (1.0 + 2.0 * self.error)

    @property
    def first(self) -> float:
        """At least E|X|."""
        return float(self.law @ (np.abs(self.means) + self.spreads[2])) * (1.0 + 2.0 * self.error)

    def moved(self, D: float) -> float:
        """What the moves of the law's error add at most to E (X-Y)² <= D: with S = E X² and E Y² <= 2S + 2D,
        2 (S + 3/2 (2S + 2D)) for a moved X and 2 (S + 3S/2) for a moved Y.
        """
        return 2.02 * self.error * (13.0 * self.second + 6.0 * D)

    def moved_absolutely(self, D: float) -> float:
        """The same for E|X-Y|, where E|Y| <= E|X| + D."""
        return 2.02 * self.error * (6.0 * self.first + 2.0 * D)


def lattice(source: ContinuousSource, t: FloatArray) -> Lattice:
    """Round a source in standard position to the nodes t, which lie inside its support."""
    cells = source.cells(t)
    h = np.diff(t)
    law = np.zeros(t.size)
    law[:-1] += cells.mass * (1.0 - cells.share)
    law[1:] += cells.mass * cells.share
    law[0] += source.left_tail(float(t[0])).mass
    law[-1] += source.right_tail(float(t[-1])).mass
    square, within = h**2 * cells.share * (1.0 - cells.share), cells.variance
    error = FACTORS * cells.error
    noise = float(cells.mass @ (square * (1.0 + error) - within * (1.0 - error)))
    return Lattice(t, _normal(source, law, cells.error), noise, error)


def cell_law(source: ContinuousSource, t: FloatArray, length: float = inf) -> CellLaw:
    """The cells between the nodes t of a source in standard position, and its tails, told to about a `length` where
    that is worth it."""
    cells, h = source.cells(t), np.diff(t)
    left, right = source.left_tail(float(t[0])), source.right_tail(float(t[-1]))
    means = t[:-1] + cells.share * h
    error = cells.error * h + 4.0 * np.spacing(np.abs(means))
    pieces = [
        *([_tail_piece(left, t[0], -1.0)] if left.mass > 0.0 else []),
        (t[:-1], cells.mass, means, cells.variance, np.full(h.size, np.inf), error),
        *([_tail_piece(right, t[-1], 1.0)] if right.mass > 0.0 else []),
    ]
    starts, mass, means, variances, excess, error = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    edges = np.append(starts, np.inf if right.mass > 0.0 else t[-1])
    variances = variances * (1.0 + 2.0 * cells.error)
    tails = Told.worth(left, -1.0, float(t[0]), length), Told.worth(right, 1.0, float(t[-1]), length)
    told = tuple(tail for tail in tails if tail is not None)
    least = variances.copy()
    for tail in told:
        least[0 if tail.side < 0.0 else -1] = tail.square
    return CellLaw(
        source,
        frozen_array(edges),
        _normal(source, mass, cells.error),
        frozen_array(means),
        frozen_array(variances),
        excess,
        error,
        FACTORS * cells.error,
        frozen_array(least),
        told,
    )


def _tail_piece(tail: Tail, end: float, side: float) -> tuple[FloatArray, ...]:
    """Start, mass, mean, variance, half the deviation, and error of the mean of a tail, as arrays (1,)."""
    mean = end + side * tail.excess
    variance = tail.square - tail.excess**2 + 4.0 * tail.error * tail.square if np.isfinite(tail.square) else np.inf
    error = tail.error * tail.excess + 4.0 * np.spacing(abs(mean))
    start = -np.inf if side < 0.0 else end
    return tuple(np.array([x]) for x in (start, tail.mass, mean, variance, tail.excess * (1.0 + tail.error), error))


def _normal(source: ContinuousSource, law: FloatArray, error: float) -> FloatArray:
    total = float(law.sum())
    if not abs(total - 1.0) <= 4.0 * error:
        raise InvalidInput("source", source, f"must have a density that integrates to 1, it integrates to {total:.15g}")
    return frozen_array(law / total)
