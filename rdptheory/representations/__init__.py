"""Representations that outlive one decoder: universal ones, the region of a fixed one, successive refinement."""

from rdptheory.representations.region import ExtremeBounds, Point, Region, extreme_bounds, representation_region
from rdptheory.representations.universal import (
    ScalingDecoder,
    UniversalProblem,
    gaussian_decoders,
    rate_penalty,
    universal_rate,
)

__all__ = [
    "ExtremeBounds",
    "Point",
    "Region",
    "ScalingDecoder",
    "UniversalProblem",
    "extreme_bounds",
    "gaussian_decoders",
    "rate_penalty",
    "representation_region",
    "universal_rate",
]
