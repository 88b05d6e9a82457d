"""A channel for a source with a density, and the bracket it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from rdptheory._types import ArrayLike, Bounds, FloatArray, IntArray, frozen_array
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, real_array
from rdptheory.solution import Candidate
from rdptheory.sources import ContinuousSource

__all__ = ["BoxChannel", "CellBounds", "CellChannel", "Outputs", "Points", "ProductChannel", "Redraw", "Steps"]


BELOW_ONE = float(np.nextafter(1.0, 0.0))  # the last level that is not the end of the law


@dataclass(frozen=True)
class CellBounds(Bounds):
    """A proved bracket, and the argument behind each of its ends in a few words."""

    lower_from: str = ""
    upper_from: str = ""


class Outputs(Protocol):
    """What Y is, once its symbol is known."""

    def draw(self, symbols: IntArray, rng: np.random.Generator) -> FloatArray:
        """One Y for each symbol, in the unit of the source."""


@dataclass(frozen=True, eq=False)
class Points:
    """Y is the point of its symbol: values (m,)."""

    values: FloatArray

    def draw(self, symbols: IntArray, rng: np.random.Generator) -> FloatArray:
        """values[symbols]."""
        return np.asarray(self.values[symbols])


@dataclass(frozen=True, eq=False)
class Redraw:
    """Y is drawn from the source's own law within the cell of its symbol: edges (m+1,), increasing."""

    source: ContinuousSource
    edges: FloatArray

    def draw(self, symbols: IntArray, rng: np.random.Generator) -> FloatArray:
        """By inversion of the distribution function."""
        level = self._levels()
        low, high = level[symbols], level[symbols + 1]
        levels = np.minimum(low + rng.random(symbols.size) * (high - low), BELOW_ONE)
        drawn = np.array([self.source.quantile(float(u)) for u in levels])
        return np.asarray(np.clip(drawn, self.edges[symbols], self.edges[symbols + 1]))

    def _levels(self) -> FloatArray:
        """The distribution function at the edges."""
        finite = self.edges[np.isfinite(self.edges)]
        inside = np.zeros(0)  # a single cell, the whole line
        if finite.size:
            left = self.source.left_tail(float(finite[0])).mass
            held = self.source.cells(finite).mass if finite.size > 1 else np.zeros(0)
            inside = left + np.concatenate([[0.0], np.cumsum(held)])
        before, after = ([end] if np.isinf(self.edges[place]) else [] for end, place in ((0.0, 0), (1.0, -1)))
        return np.asarray(np.minimum(np.concatenate([before, inside, after]), 1.0))


@dataclass(frozen=True)
class Steps:
    """A tail that is told by steps: with U = |x - end|, those of unit (ratio^k - 1) <= U < unit (ratio^(k+1) - 1).

    Attributes
    ----------
    source : ContinuousSource
    side : -1.0 or 1.0
    end, unit, ratio : float
    """

    source: ContinuousSource
    side: float
    end: float
    unit: float
    ratio: float

    def draw(self, x: FloatArray, outputs: Outputs, rng: np.random.Generator) -> FloatArray:
        """One Y for each x whose symbol is the tail: from the step that holds x, or, for an x that is not in the tail,
        another draw from the tail. Redrawn in it, or its middle, as `outputs` are."""
        there = self.side * (x - self.end) > 0.0
        end = np.full(x.size, self.end)
        at = np.where(there, x, self._redrawn(end, np.full(x.size, self.side * np.inf), rng))
        k = np.floor(np.log1p(np.abs(at - self.end) / self.unit) / np.log(self.ratio))
        near, far = (end + self.side * self.unit * np.expm1(step * np.log(self.ratio)) for step in (k, k + 1.0))
        if isinstance(outputs, Points):
            return np.asarray(0.5 * (near + far))
        return np.where(there, self._redrawn(near, far, rng), at)

    def _redrawn(self, near: FloatArray, far: FloatArray, rng: np.random.Generator) -> FloatArray:
        """One draw from the source between two distances each, by inversion."""
        tail = self.source.left_tail if self.side < 0.0 else self.source.right_tail
        beyond, further = (
            np.array([tail(end).mass if np.isfinite(end) else 0.0 for end in ends.tolist()]) for ends in (near, far)
        )
        levels = further + (1.0 - rng.random(near.size)) * (beyond - further)
        levels = levels if self.side < 0.0 else np.minimum(1.0 - levels, BELOW_ONE)
        drawn = np.array([self.source.quantile(level) for level in levels.tolist()])
        return np.asarray(np.clip(drawn, np.minimum(near, far), np.maximum(near, far)))


@dataclass(frozen=True, eq=False, init=False, kw_only=True)
class CellChannel(Candidate):
    """X -> its cell -> a symbol -> Y.

    Parameters
    ----------
    edges : array (n+1,)
        Increasing, the outer ones infinite for an unbounded source: cell i is (edges[i], edges[i+1]].
    channel : array (n, m)
        p(symbol | cell), rows summing to 1.
    outputs : Points or Redraw
        What the m symbols stand for.
    tails : Steps
        Tails, the first symbol or the last, that are told further.

    >>> halves = CellChannel([-np.inf, 0.0, np.inf], [[1.0, 0.0], [0.0, 1.0]], Points(np.array([-0.8, 0.8])))
    >>> halves.sample([-2.0, 0.3], np.random.default_rng(0))
    array([-0.8,  0.8])
    """

    edges: FloatArray
    channel: FloatArray
    outputs: Outputs
    tails: tuple[Steps, ...]

    def __init__(
        self,
        edges: ArrayLike,
        channel: ArrayLike,
        outputs: Outputs,
        tails: tuple[Steps, ...] = (),
        *,
        output: FloatArray | None = None,
    ) -> None:
        cuts, rows = frozen_array(edges), real_array("channel", channel)
        if cuts.ndim != 1 or cuts.size < 2 or not (np.diff(cuts) > 0.0).all():
            raise InvalidInput("edges", edges, "must be a list of at least two increasing numbers")
        if rows.ndim != 2 or rows.shape[0] != cuts.size - 1:
            raise InvalidInput("channel", channel, f"must have {cuts.size - 1} rows, has shape {rows.shape}")
        fields = ("edges", cuts), ("channel", rows), ("outputs", outputs), ("tails", tails), ("output", output)
        for name, value in (*fields, ("joint", None)):
            object.__setattr__(self, name, value)

    def draw(self, x: FloatArray, source: object, rng: np.random.Generator) -> FloatArray:
        """`sample`: the cells know all that the source would say."""
        return self.sample(x, rng)

    def sample(self, x: ArrayLike, rng: np.random.Generator) -> FloatArray:
        """One Y for each x, in the shape of x.

        Parameters
        ----------
        x : array
            Real numbers in the unit of the source; those beyond the outer edges count to the outer cells.
        rng : numpy.random.Generator
        """
        points = real_array("x", x)
        at = points.ravel()
        symbols = _symbols(self.channel, np.searchsorted(self.edges[1:-1], at, side="left"), rng)
        drawn = self.outputs.draw(symbols, rng)
        for tail in self.tails:
            here = symbols == (0 if tail.side < 0.0 else self.channel.shape[1] - 1)
            drawn[here] = tail.draw(at[here], self.outputs, rng)
        return drawn.reshape(points.shape)


@dataclass(frozen=True, eq=False, init=False, kw_only=True)
class BoxChannel(Candidate):
    """X in R^k -> its box -> another box -> Y, coordinates in it independent.

    Attributes
    ----------
    edges : tuple of k arrays (n_i + 1,)
        As in `CellChannel`; boxes are numbered in C order.
    channel : array (n_1 ... n_k, m_1 ... m_k)
    outputs : tuple of k Points or Redraw
        What the cells of each axis stand for.
    """

    edges: tuple[FloatArray, ...]
    channel: FloatArray
    outputs: tuple[Outputs, ...]

    def __init__(self, edges: tuple[FloatArray, ...], channel: FloatArray, outputs: tuple[Outputs, ...]) -> None:
        for name, value in (("edges", edges), ("channel", channel), ("outputs", outputs)):
            object.__setattr__(self, name, value)
        for name in ("output", "joint"):
            object.__setattr__(self, name, None)

    def draw(self, x: FloatArray, source: object, rng: np.random.Generator) -> FloatArray:
        """`sample`."""
        return self.sample(x, rng)

    def sample(self, x: ArrayLike, rng: np.random.Generator) -> FloatArray:
        """One Y for each x, of shape (N, k)."""
        points = _points(x, len(self.edges))
        places = [np.searchsorted(t[1:-1], column, side="left") for t, column in zip(self.edges, points.T, strict=True)]
        shape = tuple(t.size - 1 for t in self.edges)
        symbols = _symbols(self.channel, np.ravel_multi_index(places, shape), rng)
        drawn = np.unravel_index(symbols, shape)
        return np.stack([one.draw(place, rng) for one, place in zip(self.outputs, drawn, strict=True)], axis=1)


@dataclass(frozen=True, eq=False, init=False, kw_only=True)
class ProductChannel(Candidate):
    """Independent coordinates, each with a channel of its own.

    Attributes
    ----------
    parts : tuple of k channels
    """

    parts: tuple[Candidate, ...]

    def __init__(self, parts: tuple[Candidate, ...]) -> None:
        object.__setattr__(self, "parts", parts)
        for name in ("channel", "output", "joint"):
            object.__setattr__(self, name, None)

    def draw(self, x: FloatArray, source: Any, rng: np.random.Generator) -> FloatArray:
        """One Y for each x, of shape (N, k)."""
        columns = _points(x, len(self.parts)).T
        drawn = [part.draw(column, None, rng) for part, column in zip(self.parts, columns, strict=True)]
        return np.stack(drawn, axis=1)


def _points(x: ArrayLike, k: int) -> FloatArray:
    points = real_array("x", x)
    if points.ndim != 2 or points.shape[1] != k:
        raise InvalidInput("x", points.shape, f"must have shape (N, {k})")
    return points


def _symbols(channel: FloatArray, cell: IntArray, rng: np.random.Generator) -> IntArray:
    """A symbol for each cell, by the rows of a channel."""
    held = np.cumsum(channel, axis=1)
    held[:, -1] = 1.0
    symbols = np.empty(cell.size, dtype=np.intp)
    uniform = rng.random(cell.size)
    for row in np.unique(cell):
        here = cell == row
        symbols[here] = np.searchsorted(held[row], uniform[here], side="right")
    return symbols


guard(__name__)
