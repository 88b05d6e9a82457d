"""A question about a density, moved to the position where numbers are best."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from rdptheory.continuous.finite import check, power
from rdptheory.distortions import Distortion
from rdptheory.divergences import Divergence, FDivergence
from rdptheory.problems import Problem
from rdptheory.solution import Slopes
from rdptheory.sources import ContinuousSource

__all__ = ["LEAST", "Posed", "per"]

LEAST = sys.float_info.min
"""Of a limit above 0 in other units: one that float64 cannot hold there is rounded up to it, which lower ends allow;
no cells keep so little, and Gaussian noise asks for the D of the question."""


@dataclass(frozen=True, eq=False)
class Posed:
    """R(D,P) does not change when source, reproduction and limits change their unit and origin.

    Attributes
    ----------
    problem : Problem
        As it was asked.
    source : ContinuousSource
        Z, of the order of 1 around 0.
    shift, scale : float
        X = shift + scale Z.
    D, P : float
        In the units of Z; P is inf without a divergence.
    """

    problem: Problem
    source: ContinuousSource
    shift: float
    scale: float
    D: float
    P: float

    @classmethod
    def of(cls, problem: Problem) -> Posed:
        """The question, once it is known to have an answer."""
        assert isinstance(problem.source, ContinuousSource)
        P = problem.P if problem.perception is not None else np.inf
        source, shift, scale = problem.source.standard()
        check(problem.distortion, problem.perception, P, problem.source, source)
        D, P = per(problem.D, scale, power(problem.distortion)), per(P, scale, power(problem.perception))
        held = (max(limit, LEAST) if given > 0.0 else limit for limit, given in ((D, problem.D), (P, problem.P)))
        return cls(problem, source, shift, scale, *held)

    @property
    def distortion(self) -> Distortion:
        """d."""
        return self.problem.distortion

    @property
    def perception(self) -> Divergence | None:
        """δ, None where it limits nothing."""
        return None if np.isinf(self.P) else self.problem.perception

    @property
    def fixed(self) -> bool:
        """Whether Y must have the law of X."""
        return self.perception is not None and self.P == 0.0

    @property
    def transport(self) -> bool:
        """Whether a plan has to be found."""
        return self.P > 0.0 and self.perception is not None and not isinstance(self.perception, FDivergence)

    @property
    def redraws(self) -> tuple[bool, ...]:
        """Which outputs to try: points serve without a ball and beside a W2 ball, fresh draws beside every ball."""
        if self.perception is None:
            return (False,)
        return (True, False) if power(self.perception) == 2 and not self.fixed else (True,)

    def slopes(self, by_D: float, by_P: float) -> Slopes:
        """Slopes of a finite problem in the units of the question; within O(n^-2) of those of R(D,P)."""
        steep = per(by_P, self.scale, power(self.perception)) if self.perception is not None else 0.0
        by_D = per(by_D, self.scale, power(self.distortion))
        return Slopes(by_D, -np.inf if self.fixed and by_D < 0.0 else steep)


def per(value: float, scale: float, exponent: int) -> float:
    """value/scale^exponent, whose power alone may leave float64."""
    for _ in range(abs(exponent)):
        value = value / scale if exponent > 0 else value * scale
    return value
