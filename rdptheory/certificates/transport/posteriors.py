"""Long blocks with a finite rate Rc of common randomness, or none: pairs of posteriors.

For any μ, ν and α, β >= 0, every X - Z - Y with I(X;Z) <= R and I(Y;Z) <= R + Rc has, over laws a of X and b of Y,

    E d >= μ·p + ν·q - αR - β(R + Rc) + min over (a, b) of  a'db - μ·a - ν·b + α KL(a‖p) + β KL(b‖q),

the average of the bracket over the posteriors given Z. Given b the best a is a softmax, which leaves

    c(b) + v(b),    c(b) = -α log Σ_i p_i exp((μ_i - (db)_i)/α) concave,    v(b) = β KL(b‖q) - ν·b convex.

On a simplex c is at least its interpolation and v at least a tangent; simplices are cut in two until that is enough.
Where d is a product of means the search is along a line instead, for any number of letters: `pairs_on_line`. One-shot
it is a relaxation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from rdptheory._types import FloatArray, IntArray
from rdptheory.certificates.line import Letters, least_on_line
from rdptheory.certificates.soft import soft_minimum
from rdptheory.certificates.transport.argument import Argument
from rdptheory.certificates.transport.pairs_on_line import LineCost, PairCurve
from rdptheory.certificates.transport.rounding import centred, lowered, relative_error
from rdptheory.transport_problem import DiscreteTransport

__all__ = ["PosteriorMultipliers", "PosteriorPricing", "bisected"]

NODES = 401
"""First nodes of a line, odd so that one is level: a few on each scale that a tilted law can have."""
ENTRIES = 4e7
"""Most numbers that all cells of one bound may take, n + m for each pair of corners: seconds and some hundred MB."""


@dataclass(frozen=True, eq=False)
class PosteriorMultipliers(Argument):
    """Prices of a nat (both sides together), of target masses and of source masses.

    Attributes
    ----------
    target_rate : float
        The part of `rate` that prices I(Y;Z); the rest prices I(X;Z).
    slack : float
        Cells of the simplex are cut until their bounds are this near the least value seen, in units of the distortion.
    max_cells : int
        Most cells, or nodes of a line, looked at; beyond it the bound is valid and lower.
    """

    target_rate: float = 0.0
    slack: float = 1e-10
    max_cells: int = 200_000

    needs = ("source", "target")
    lower_from = "duality over posterior pairs"

    def times(self, unit: float) -> Self:
        """The same prices of a distortion that is `unit` times as large."""
        return replace(super().times(unit), target_rate=self.target_rate * unit, slack=self.slack * unit)

    def proves(self, problem: DiscreteTransport) -> bool:
        """With a finite rate of common randomness."""
        return not problem.shared

    def lower_end(self, problem: DiscreteTransport) -> float:
        """The dual value; the line is searched if there is one, else the simplex of the smaller side is cut."""
        assert self.target is not None
        assert self.source is not None
        problem, rows, columns = problem.held()
        p, q, kappa = problem.p, problem.q, relative_error(*problem.shape)
        mu, nu = centred(self.source[rows], p), centred(self.target[columns], q)
        beta = min(self.rate, max(0.0, self.target_rate))
        alpha = max(0.0, self.rate - beta)
        line = LineCost.of(problem, kappa)
        if line is not None:
            first = Letters(line.x, line.rows - mu, p, alpha, kappa)
            curve = PairCurve(first, Letters(line.y, line.columns - nu, q, beta, kappa))
            floor = least_on_line(curve, curve.slopes(NODES), self.slack, self.max_cells).floor
        elif problem.cost.shape[1] > problem.cost.shape[0]:
            turned = np.ascontiguousarray(problem.cost.T)
            pricing = PosteriorPricing(turned, q, p, nu, mu, beta, alpha, kappa)
            floor = pricing.bound(self.slack, self.max_cells)[0]
        else:
            pricing = PosteriorPricing(problem.cost, p, q, mu, nu, alpha, beta, kappa)
            floor = pricing.bound(self.slack, self.max_cells)[0]
        fixed = float(lowered(mu * p, kappa).sum() + lowered(nu * q, kappa).sum())
        return fixed - (1.0 + kappa) * (alpha * problem.R + beta * (problem.R + problem.common)) + floor


@dataclass(frozen=True, eq=False)
class PosteriorPricing:
    """The reduced cost of posterior pairs: cost (n, m), laws p and q > 0, prices μ (n,), ν (m,), α, β, and κ."""

    cost: FloatArray
    p: FloatArray
    q: FloatArray
    mu: FloatArray
    nu: FloatArray
    alpha: float
    beta: float
    kappa: float = 0.0

    def concave(self, b: FloatArray) -> FloatArray:
        """c at b (..., m), rounded down."""
        spent = b @ self.cost.T
        reduced = spent - self.mu - self.kappa * (np.abs(spent) + np.abs(self.mu))
        return soft_minimum(reduced, self.p, self.alpha, self.kappa)

    def convex(self, b: FloatArray) -> FloatArray:
        """v at b (..., m)."""
        away = b - self.q
        divergence = (b * _log_ratio(b, self.q) - away).sum(axis=-1)
        return np.asarray(self.beta * divergence - b @ self.nu)

    def tangent(self, centre: FloatArray, cells: FloatArray) -> FloatArray:
        """The tangent of v at centres (k, m) in the corners (k, m, m) of their cells, rounded down."""
        logs = _log_ratio(centre, self.q)
        away = cells - centre[:, None]
        slope = self.beta * logs - self.nu
        size = (np.abs(away) * (self.beta * np.abs(logs) + np.abs(self.nu))[:, None]).sum(axis=2)
        terms = np.abs(centre * logs) + np.abs(centre - self.q)
        size += (centre @ np.abs(self.nu) + self.beta * terms.sum(axis=1))[:, None]
        return np.asarray(self.convex(centre)[:, None] + (away * slope[:, None]).sum(axis=2) - 2.0 * self.kappa * size)

    def bound(self, slack: float, max_cells: int) -> tuple[float, FloatArray]:
        """A lower bound on min c + v, within `slack` of it unless `max_cells` ends the cutting, and the best b."""
        cells = np.eye(self.q.size)[None]
        heights = self.concave(cells)  # at the corners, each computed once
        best, settled, seen, floor, deepest = np.inf, np.inf, 0, np.inf, cells.mean(axis=1)
        n, m = self.cost.shape
        most = min(max_cells, int(ENTRIES / (m * m * (n + m))))
        while cells.shape[0] and seen < most:
            seen += cells.shape[0]
            centre = cells.mean(axis=1)
            value = self.concave(centre) + self.convex(centre)
            if value.min() < best:
                best, deepest = float(value.min()), centre[value.argmin()][None]
            bounds = (heights + self.tangent(centre, cells)).min(axis=1)
            bounds[~np.isfinite(bounds)] = -np.inf  # what left float64 bounds nothing
            kept = (bounds < best - slack) & (m > 1)  # a point cannot be cut
            settled = min(settled, float(bounds[~kept].min(initial=np.inf)))
            cells, heights, floor = cells[kept], heights[kept], float(bounds[kept].min(initial=np.inf))
            if cells.shape[0]:
                rows, (i, j) = np.arange(cells.shape[0]), _longest_edges(cells)
                at_middle = self.concave(0.5 * (cells[rows, i] + cells[rows, j]))
                heights = np.concatenate((heights, heights))
                heights[rows, i], heights[rows + rows.size, j] = at_middle, at_middle
                cells = bisected(cells, (i, j))
        return min(settled, floor), deepest


def _log_ratio(b: FloatArray, q: FloatArray) -> FloatArray:
    """log(b/q) for b > 0 (0 where b = 0), to a small relative error of (b - q)/q where that is small."""
    excess = (b - q) / q
    close = np.abs(excess) < 0.5
    far = np.where(close | (b <= 0.0), 1.0, b / q)
    return np.asarray(np.where(close, np.log1p(np.where(close, excess, 0.0)), np.log(far)))


def bisected(cells: FloatArray, edges: tuple[IntArray, IntArray] | None = None) -> FloatArray:
    """Each simplex (k, m, m) cut in two at the middle of its longest edge, the new corner i, then the new corner j."""
    rows = np.arange(cells.shape[0])
    i, j = _longest_edges(cells) if edges is None else edges
    middle = 0.5 * (cells[rows, i] + cells[rows, j])
    left, right = cells.copy(), cells.copy()
    left[rows, i], right[rows, j] = middle, middle
    return np.concatenate((left, right))


def _longest_edges(cells: FloatArray) -> tuple[IntArray, IntArray]:
    """The corners i < j (k,) of the longest edge of each simplex."""
    first, second = np.triu_indices(cells.shape[1], 1)
    longest = np.square(cells[:, first] - cells[:, second]).sum(axis=2).argmax(axis=1)
    return first[longest], second[longest]
