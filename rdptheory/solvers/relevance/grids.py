"""Points of the simplex of class laws: where a search starts, what is around a point, and what counts as one."""

from __future__ import annotations

import numpy as np

from rdptheory._types import FloatArray, IntArray

__all__ = ["around", "between", "distinct", "distinct_rows", "first_grid"]

POINTS = 24
"""Class laws of the first grid between two classes, Chebyshev points."""
COARSE = 5
"""The same where every label has one peak, so that a few points show the way to it."""
LATTICE = 10
"""Parts of an edge of the first grid between three classes: 66 points, and every p(s|x)."""
INSIDE = 1e-12
"""Least class probability of a point, below which no divergence from it is finite in float64."""
RUNGS, RATIO = 4, 5.0
"""Distances around each mean at which points are put, and their ratio: the mean is off by the square of the radius."""


def first_grid(classes: FloatArray, *, coarse: bool) -> FloatArray:
    """Class laws (N, k) to start with."""
    k, low, high = classes.shape[1], classes.min(axis=0), classes.max(axis=0)
    if k == 2:
        number = COARSE if coarse else POINTS
        t = low[1] + (high[1] - low[1]) * (0.5 - 0.5 * np.cos(np.pi * (np.arange(number) + 0.5) / number))
        grid = np.stack([1.0 - t, t], axis=1)
    elif coarse:
        mean = classes.mean(axis=0)
        grid = np.concatenate([mean[None], 0.5 * (mean + np.eye(k))])
    else:
        mean = classes.mean(axis=0)
        grid = np.concatenate([classes, 0.5 * (classes + mean), mean[None]])
        if k == 3:
            i, j = np.divmod(np.arange((LATTICE + 1) ** 2), LATTICE + 1)
            corners = np.stack([i, j, LATTICE - i - j], axis=1)[i + j <= LATTICE] / LATTICE
            grid = np.concatenate([grid, low + (1.0 - low.sum()) * corners])
        grid, _ = distinct(grid, np.zeros(grid.shape[0], dtype=np.intp), 1e-6)
    grid = np.maximum(grid, INSIDE)
    return np.asarray(grid / grid.sum(axis=1, keepdims=True))


def between(tau: FloatArray, other: FloatArray) -> FloatArray:
    """2 |√τ - √τ'| along the last axis: nearly an angle, in which Φ is bent alike everywhere."""
    return np.asarray(2.0 * np.sqrt(np.square(np.sqrt(tau) - np.sqrt(other)).sum(axis=-1)))


def around(tau: FloatArray, radius: FloatArray, finest: float) -> tuple[FloatArray, IntArray]:
    """Points beside each of (N, k) along every axis of the simplex, up to a radius (N,), and whose they are."""
    q = np.sqrt(tau)
    number, k = q.shape
    u = q.copy()
    u[:, 0] += 1.0  # the reflection that sends q to -(1, 0, ..., 0): its other columns are orthogonal to q
    axes = np.eye(k) - 2.0 * u[:, :, None] * u[:, None, :] / np.square(u).sum(axis=1)[:, None, None]
    sides = np.concatenate([axes[:, 1:], -axes[:, 1:]], axis=1)
    distances = np.maximum(radius[:, None] * RATIO ** -np.arange(RUNGS), finest)
    moved = q[:, None, None, :] + 0.5 * distances[:, :, None, None] * sides[:, None]
    points = np.square(np.maximum(moved, np.sqrt(INSIDE))).reshape(-1, k)
    return points / points.sum(axis=1, keepdims=True), np.repeat(np.arange(number), RUNGS * 2 * (k - 1))


def distinct(tau: FloatArray, labels: IntArray, distance: float) -> tuple[FloatArray, IntArray]:
    """The points without those that fall in the cell of an earlier one of their label."""
    cells = np.column_stack([np.rint(2.0 * np.sqrt(tau) / distance), labels])
    first = np.sort(np.unique(cells, axis=0, return_index=True)[1])
    return tau[first], labels[first]


def distinct_rows(tau: FloatArray) -> FloatArray:
    """Each class law once."""
    return np.asarray(tau[np.sort(np.unique(tau, axis=0, return_index=True)[1])])
