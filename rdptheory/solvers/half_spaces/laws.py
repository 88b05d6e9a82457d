"""The rate of an output law that is prescribed: its value, what every output is worth there, and how that changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.certificates.lower import log_column_sums
from rdptheory.divergences import TotalVariation
from rdptheory.methods import DualPoint
from rdptheory.problems import DiscreteProblem, PerceptionLimit
from rdptheory.solvers.interior_point.descent import Attempt

__all__ = ["AtLaw", "at_law", "prescribed"]

SHARE = 1e-3
"""Of the gap that is asked for, to which the question of a law is solved."""
SHARPEST = 1e-10
"""Nats: no question of a law is asked for less."""
NEWTON = 60
"""Steps at most for a law: ten are enough, unless D is out of its reach."""
SMALL = 1e-12
"""Of the largest axis of M in units of its diagonal: what a smaller one counts as."""
STEEPEST = 1e11
"""Curvature of F along any way, in nats, beyond which a quadratic program would lose its digits."""
TINY = float(np.finfo(np.float64).tiny)  # in place of a divisor of 0
IDLE = 1e-12
"""Nats that a limit on E d may be worth where it is left out of the curvature."""


@dataclass(frozen=True, eq=False)
class AtLaw:
    """F(r) = min I(X;Y) subject to E d <= D and the output law r: convex in r, and its gradient is -l.

    Attributes
    ----------
    law : array (m,)
    rate : float
        F(r), in nats.
    channel : array (n, m)
    dual : DualPoint
        As `on_reduced` makes it.
    prices : array (m,)
        l of the dual point.
    """

    problem: DiscreteProblem
    law: FloatArray
    rate: float
    channel: FloatArray
    dual: DualPoint
    prices: FloatArray

    @cached_property
    def curvature(self) -> FloatArray:
        """Second derivatives of F along laws, shape (m, m), positive semidefinite.

        F is the largest of Σ p f - s D - Σ_j r_j l_j(f, s), so that they are J M⁺ J' with J the derivatives of l by
        f and s, and M = -∂²/∂(f,s)² of that sum.
        """
        root = self._root[0]
        return np.asarray(root @ root.T)

    def ahead(self, law: FloatArray) -> DualPoint:
        """The dual point of another law, to first order.

        Where two groups of symbols share next to no output, a change of the law that float64 hardly tells changes it.
        """
        root, back = self._root
        move = back @ (root.T @ (law - self.law))
        n = self.dual.f.size
        s = self.dual.s.copy()
        s[self._counted] = np.maximum(s[self._counted] - move[n:], 0.0)
        return replace(self.dual, f=self.dual.f - move[:n], s=s)

    @cached_property
    def _counted(self) -> list[int]:
        """The limits on E d that are felt."""
        limits = zip(self.dual.s, self.problem.reduced.distortions, strict=True)
        return [k for k, (s, limit) in enumerate(limits) if s * limit.limit > IDLE]

    @cached_property
    def _root(self) -> tuple[FloatArray, FloatArray]:
        """R (m, k) and S (n + limits, k) with J M⁺ J' = R R' along laws, and M⁺ J' = S R' there."""
        J, M = self._derivatives
        scale = 1.0 / np.sqrt(np.maximum(M.diagonal(), TINY))
        sizes, axes = np.linalg.eigh(0.5 * (M + M.T) * scale * scale[:, None])
        sizes = np.maximum(sizes, SMALL * max(float(sizes[-1]), TINY))
        S = scale[:, None] * axes / np.sqrt(sizes)
        R = J @ S
        R -= R.mean(axis=0)
        if float(np.square(R).sum()) > STEEPEST:  # two groups of symbols share next to no output
            U, spread, V = np.linalg.svd(R, full_matrices=False)
            less = np.sqrt(STEEPEST) / np.maximum(spread, np.sqrt(STEEPEST))
            R, S = U * (less * spread), S @ V.T * less
        return R, S

    @property
    def _derivatives(self) -> tuple[FloatArray, FloatArray]:
        """J (m, n + limits) and M, whose rows of f are made of sums that do not cancel: the columns of B sum to 1."""
        reduced, r = self.problem.reduced, self.law
        tables = [limit.paid for limit in reduced.distortions]
        heights = self.dual.f[:, None] - sum(s * d for s, d in zip(self.dual.s, tables, strict=True))
        free = True if reduced.closed is None else ~reduced.closed
        B = np.where(free, reduced.probabilities[:, None] * np.exp(heights - self.prices), 0.0)
        B = np.nan_to_num(B, posinf=0.0)
        means = [(B * tables[k]).sum(axis=0) for k in self._counted]
        off = [B * (tables[k] - mean) for k, mean in zip(self._counted, means, strict=True)]
        J, n = np.column_stack([B.T, *[-mean for mean in means]]), B.shape[0]
        shared = (B * r) @ B.T
        np.fill_diagonal(shared, 0.0)
        M = np.zeros((J.shape[1], J.shape[1]))
        M[:n, :n] = np.diag(shared.sum(axis=1)) - shared
        for k, one in enumerate(off):
            M[:n, n + k] = M[n + k, :n] = -one @ r
            M[n + k, n:] = [
                float((one * (tables[o] - mean)).sum(axis=0) @ r) for o, mean in zip(self._counted, means, strict=True)
            ]
        return J, M


def prescribed(problem: DiscreteProblem, law: FloatArray) -> DiscreteProblem:
    """The question with this output law in place of its balls."""
    return replace(problem, perceptions=(PerceptionLimit(TotalVariation(), law, 0.0),))


def at_law(problem: DiscreteProblem, law: FloatArray, gap: float) -> AtLaw | None:
    """The rate of a law, None where no channel within the limits on E d has it."""
    point = prescribed(problem, law)
    found = Attempt(point).unjudged(max(SHARE * gap, SHARPEST), NEWTON)
    if found.channel is None or found.dual is None or found.sentence:
        return None
    dual, r, reduced = replace(found.dual, v=(), mu=None), point.perceptions[0].reference, problem.reduced
    prices = log_column_sums(reduced, dual.f, dual.s)[0]
    if not np.isfinite(prices).all():
        return None
    spent = sum(s * limit.limit for s, limit in zip(dual.s, reduced.distortions, strict=True))
    return AtLaw(problem, r, float(reduced.probabilities @ dual.f - spent - r @ prices), found.channel, dual, prices)
