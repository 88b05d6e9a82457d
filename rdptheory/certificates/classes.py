"""How much a code letter can be worth when its class law is free: a maximum over a simplex, with a proof.

    Φ_y(τ) = log Σ_i p_i exp(g_i - s d_iy + λ Σ_c T_ic log τ_c)

For λ <= 1 exp Φ is concave and homogeneous in τ: one point bounds all others. For λ above 1 the simplex is cut into
cells. On a cell log τ lies below its tangents at the centre, which makes every exponent affine, and the logarithm of a
sum of exponentials of affine functions is convex: its maximum is at a corner. What stays above the best value found is
halved across its longest edge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, IntArray

__all__ = ["Ceilings", "ClassLaws"]

SMALLEST = 1e-300
"""In place of a class probability of 0: its logarithm is finite, and no product of it with a mass is felt."""
FARTHEST = 2.0
"""How far a step of a climb may go, in log τ."""
SHORTER = 0.25
"""Share of a step that led down which the next may go."""
FLAT = 1e-12
"""Curvature of Φ in log τ below which no step is divided by it."""
CLIMB = 80
"""Steps of a climb: Newton takes a few, the map that never leads down some dozens."""
PEAK = 1e-13
"""By how much a class may still be missing, relatively, where a climb ends."""
CLOSE = 1e-7
"""The same where a last step that promises less than rounding ends it: that leaves about the square of it, and of a
flat top no more height than float64 can tell."""
ROUNDED = 8.0 * UNIT_ROUNDOFF
"""Of Φ: at a peak a step may look as if it led down by so much."""
CHUNK = 2_000_000
"""Numbers held at once while cells are bounded: 16 MB."""


@dataclass(frozen=True, eq=False)
class Ceilings:
    """Upper bounds (m,), whether the cells were enough for them to be tight, and the best class laws seen (m, k)."""

    values: FloatArray
    whole: bool
    peaks: FloatArray


@dataclass(frozen=True, eq=False)
class ClassLaws:
    """Φ_y(τ) at fixed prices.

    Attributes
    ----------
    p : array (n,); classes : array (n, k)
    g : array (n,); cost : array (n, m)
        s d_iy, at least 0; inf forbids the label y to the symbol i.
    price : float
        λ, at least 0.
    """

    p: FloatArray
    classes: FloatArray
    g: FloatArray
    cost: FloatArray
    price: float

    @np.errstate(divide="ignore", under="ignore")
    def values(self, tau: FloatArray, labels: IntArray) -> tuple[FloatArray, FloatArray]:
        """Φ, shape (N,), and the posteriors p(x|u) of such letters, (N, n), at class laws (N, k)."""
        return self._worth(np.maximum(tau, SMALLEST), self._fixed(labels))

    def _fixed(self, labels: IntArray) -> FloatArray:
        """What of the exponents hangs on the label alone, (N, n)."""
        return np.asarray((self.g[:, None] - self.cost[:, labels]).T)

    def _worth(self, tau: FloatArray, fixed: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self._sums(fixed + self.price * (np.log(tau) @ self.classes.T))

    def _sums(self, exponents: FloatArray) -> tuple[FloatArray, FloatArray]:
        top = exponents.max(axis=-1, keepdims=True)
        top[~np.isfinite(top)] = 0.0  # a label that no symbol may have
        weights = np.exp(exponents - top) * self.p
        total = weights.sum(axis=-1, keepdims=True)
        return np.asarray((top + np.log(total))[..., 0]), weights / np.maximum(total, SMALLEST)

    @np.errstate(divide="ignore", under="ignore")
    def climbed(self, tau: FloatArray, labels: IntArray) -> FloatArray:
        """Class laws (N, k) moved uphill to local maxima: Newton in log τ, or τ <- T'a where that does not climb.

        At a maximum τ is the class law T'a of its own posterior a, and that map never leads down.
        """
        tau, left, fixed = tau.copy(), np.arange(tau.shape[0]), self._fixed(labels)
        here, reach = np.maximum(tau, SMALLEST), np.full((tau.shape[0], 1), FARTHEST)
        value, a = self._worth(here, fixed)
        for _ in range(CLIMB):
            mean = a @ self.classes
            slope, missing = mean - here, (mean / here).max(axis=1) - 1.0
            step = np.minimum(np.maximum(self._newton(here, mean, slope, a), -reach), reach)
            moved = here * np.exp(step)
            moved /= moved.sum(axis=1, keepdims=True)
            promise = 0.5 * self.price * (slope * step).sum(axis=1)
            rounding, reached = ROUNDED * (1.0 + np.abs(value)), np.abs(step).max(axis=1)
            last = (missing <= CLOSE) & (promise <= rounding)
            tau[left[last]] = moved[last]
            on = ~last & (missing > PEAK)
            left, moved, fixed, mean, least = left[on], moved[on], fixed[on], mean[on], (value - rounding)[on]
            if not left.size:
                break
            value, a = self._worth(np.maximum(moved, SMALLEST), fixed)
            worse = ~(value >= least)
            reach = np.where(worse, SHORTER * reached[on], reach[on, 0])[:, None]
            if worse.any():
                moved[worse] = mean[worse] / mean[worse].sum(axis=1, keepdims=True)
                value[worse], a[worse] = self._worth(np.maximum(moved[worse], SMALLEST), fixed[worse])
            tau[left], here = moved, np.maximum(moved, SMALLEST)
        return tau

    def _newton(self, here: FloatArray, mean: FloatArray, slope: FloatArray, a: FloatArray) -> FloatArray:
        """Newton's steps in log τ, uphill along every axis of the curvature, in units of 1/√τ: (N, k)."""
        k, root = self.classes.shape[1], np.sqrt(here)
        if k == 2:  # one axis: mass goes from one class to the other
            spread = (a * np.square(self.classes[:, 0] - mean[:, :1])).sum(axis=1)
            bend = self.price * (spread / here[:, 0]) / here[:, 1] - 1.0
            return np.asarray(slope / here / np.maximum(np.abs(bend), FLAT)[:, None])
        off = (self.classes - mean[:, None, :]) / root[:, None, :]
        spread = np.einsum("un,unc,und->ucd", a, off, off)
        sizes, axes = np.linalg.eigh(np.nan_to_num(spread))  # prices may be any numbers
        along = np.einsum("uce,uc->ue", axes, slope / root) / np.maximum(np.abs(self.price * sizes - 1.0), FLAT)
        return np.asarray(np.einsum("uce,ue->uc", axes, along) / root)

    def ceilings(self, known: FloatArray, slack: float, cells: int, *, alone: bool) -> Ceilings:
        """Upper bounds of max_τ Φ_y, each within `slack` of the truth if `cells` were enough.

        Parameters
        ----------
        known : array (m, k)
            A class law for each label, near the best: cells are weighed against it.
        alone : bool
            Whether every label counts; otherwise only the largest.
        """
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            if self.price <= 1.0:
                found = Ceilings(self._concave(known), True, known)
            else:
                found = self._by_cells(known, slack, cells, alone)
        return replace(found, values=found.values + self._rounding(found.values))

    def told_apart(self) -> FloatArray:
        """Upper bounds (m,) of log Σ_i p_i exp(g_i - s d_iy) over symbols i of one p(s|x) each: λ = inf."""
        _, group = np.unique(self.classes, axis=0, return_inverse=True)
        exponents = self.g[:, None] - self.cost
        found = np.full(exponents.shape[1], -np.inf)
        with np.errstate(divide="ignore", over="ignore", under="ignore"):
            for number in range(int(group.max()) + 1):
                part = np.where((group == number)[:, None], exponents, -np.inf).T
                found = np.maximum(found, self._sums(part)[0])
        return found + self._rounding(found)

    def _concave(self, known: FloatArray) -> FloatArray:
        """exp Φ(τ') <= exp Φ(τ) (1 + λ Σ_c (T'a)_c (τ'_c/τ_c - 1)), at the worst corner τ'."""
        value, a = self.values(known, np.arange(known.shape[0]))
        worst = ((a @ self.classes) / np.maximum(known, SMALLEST)).max(axis=1)
        return np.asarray(value + np.log1p(np.maximum(self.price * (worst - 1.0), 0.0)))

    def _by_cells(self, known: FloatArray, slack: float, cells: int, alone: bool) -> Ceilings:
        m, k = known.shape
        labels, spent, whole = np.arange(m), 0, True
        best, peaks = self.values(known, labels)[0], known.copy()
        ceiling = best.copy()
        least = self.classes.min(axis=0) * (1.0 - 4.0 * UNIT_ROUNDOFF)  # every T'a is above it
        corners = np.tile(least + max(1.0 - float(least.sum()), 0.0) * np.eye(k), (m, 1, 1))
        while labels.size:
            centres = corners.mean(axis=1)
            bound, here = self._bounds(corners, centres, labels), self.values(centres, labels)[0]
            for number in np.flatnonzero(here > best[labels]):
                if here[number] > best[labels[number]]:
                    best[labels[number]], peaks[labels[number]] = here[number], centres[number]
            settled = bound <= (best[labels] if alone else best.max()) + slack
            spent += labels.size
            if spent + 2 * int((~settled).sum()) > cells:
                whole = bool(settled.all())
                settled[:] = True
            np.maximum.at(ceiling, labels[settled], bound[settled])
            corners, labels = _halved(corners[~settled]), np.repeat(labels[~settled], 2)
        return Ceilings(ceiling, whole, peaks)

    def _bounds(self, corners: FloatArray, centres: FloatArray, labels: IntArray) -> FloatArray:
        """The largest corner value of log Σ exp with log τ replaced by its tangents at the centres, shape (N,)."""
        n, k = self.classes.shape
        found = np.empty(labels.size)
        rows = max(1, CHUNK // (n * k))
        for start in range(0, labels.size, rows):
            part = slice(start, start + rows)
            centre = np.maximum(centres[part], SMALLEST)[:, None, :]
            tangents = np.log(centre) + (corners[part] / centre - 1.0)
            fixed = (self.g[:, None] - self.cost[:, labels[part]]).T[:, None, :]
            found[part] = self._sums(fixed + self.price * (tangents @ self.classes.T))[0].max(axis=1)
        return found

    def _rounding(self, found: FloatArray) -> FloatArray:
        """What float64 may have taken from a bound: docs/method.md, "Relevance"."""
        n, k = self.classes.shape
        size = 2.0 * float(np.abs(self.g).max()) + np.log(n) - np.log(float(self.p.min()))
        size = size + np.abs(np.where(np.isfinite(found), found, 0.0))
        tangents = (self.price if np.isfinite(self.price) else 0.0) * (2.0 * (k - 1) * (k + 3) + 5.0 * k + 3.0)
        return np.asarray(UNIT_ROUNDOFF * ((k + 12) * size + tangents + n + 16))


def _halved(corners: FloatArray) -> FloatArray:
    """Both halves of every cell (N, k, k), cut across its longest edge: (2 N, k, k)."""
    number, k, _ = corners.shape
    first, second = np.triu_indices(k, 1)
    longest = np.abs(corners[:, first] - corners[:, second]).sum(axis=2).argmax(axis=1)
    rows, i, j = np.arange(number), first[longest], second[longest]
    middle = 0.5 * (corners[rows, i] + corners[rows, j])
    halves = np.repeat(corners, 2, axis=0)
    halves[2 * rows, i] = middle
    halves[2 * rows + 1, j] = middle
    return halves
