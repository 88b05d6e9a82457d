"""Optimal-transport divergences."""

from __future__ import annotations

from dataclasses import dataclass

from rdptheory._types import FloatArray
from rdptheory.divergences.base import Divergence, Support
from rdptheory.errors import InvalidInput

__all__ = ["Wasserstein2Squared"]


@dataclass(frozen=True)
class Wasserstein2Squared(Divergence):
    """W2²(p, r) = min over couplings of E‖X - Y‖²: the squared distance, in squared units of the points."""

    def value(self, reference: FloatArray, output: FloatArray) -> float:
        """Needs points: see the closed form for Gaussians."""
        raise InvalidInput(
            "perception", self, "on a finite alphabet is not available; Gaussian sources have it in closed form"
        )

    def support(self, v: FloatArray, reference: FloatArray, P: float) -> Support:
        """Needs points: see the closed form for Gaussians."""
        raise InvalidInput(
            "perception", self, "on a finite alphabet is not available; Gaussian sources have it in closed form"
        )
