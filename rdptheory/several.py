"""The question with several distortions at once: min I(X;Y) over p(y|x) with E d_k(X,Y) <= D_k for every k."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf

from rdptheory._types import Frozen
from rdptheory.distortions import Distortion
from rdptheory.divergences import Divergence
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput
from rdptheory.problems import DiscreteProblem, Problem
from rdptheory.sources import DiscreteSource, Source

__all__ = ["SeveralProblem"]


@dataclass(frozen=True)
class SeveralProblem(Frozen):
    """R(D_1, ..., D_K, P): min I(X;Y) over p(y|x) with E d_k(X,Y) <= D_k for every k and δ(p_X, p_Y) <= P.

    Parameters
    ----------
    source : Pmf, Bernoulli, Empirical
    distortion : tuple of distortions, at least one
        From the source to one alphabet of reconstructions.
    perception : a divergence or None
    D : tuple of floats
        One for each distortion, as in `Problem`.
    P : float
    """

    source: Source
    distortion: tuple[Distortion, ...]
    perception: Divergence | None
    D: tuple[float, ...]
    P: float

    def __post_init__(self) -> None:
        K = len(self.distortion)
        if K == 0:
            raise InvalidInput("distortion", self.distortion, "must be a distortion, or a list of at least one")
        if not isinstance(self.D, tuple) or len(self.D) != K:
            raise InvalidInput("D", self.D, f"must be a list of {K} limits, one for each distortion")
        if not isinstance(self.source, DiscreteSource):
            rule = "has a density: several distortions take a finite alphabet, which discretise(source, n) makes"
            raise InvalidInput("source", self.source, rule)
        parts = self.parts  # the checks of the arguments are those of `Problem`
        object.__setattr__(self, "D", tuple(part.D for part in parts))
        object.__setattr__(self, "P", parts[self._compared].P)

    @property
    def _compared(self) -> int:
        """Whose alphabet δ compares on: the first distortion with a reference of its own, or else the first."""
        named = (k for k, one in enumerate(self.distortion) if getattr(one, "reference", None) is not None)
        return next(named, 0)

    @cached_property
    def parts(self) -> tuple[Problem, ...]:
        """The question of each distortion alone, one of them with the ball."""
        return tuple(
            Problem(
                self.source,
                one,
                self.perception if k == self._compared else None,
                D,
                self.P if k == self._compared else inf,
            )
            for k, (one, D) in enumerate(zip(self.distortion, self.D, strict=True))
        )

    @cached_property
    def discrete(self) -> DiscreteProblem:
        """The same question as arrays."""
        parts = [part.discrete for part in self.parts]
        for part, one in zip(parts, self.distortion, strict=True):
            if part.shape != parts[0].shape:
                rule = f"must have shape {parts[0].shape} as the first distortion has, has {part.shape}"
                raise InvalidInput("distortion", one, rule)
        limits = tuple(limit for part in parts for limit in part.distortions)
        return DiscreteProblem(parts[0].probabilities, limits, parts[self._compared].perceptions)


guard(__name__)
