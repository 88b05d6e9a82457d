"""Representations that outlive one decoder: universal ones, the region of a fixed one, successive refinement."""

from rdptheory.representations.interpolation import (
    Interpolation,
    JointTransport,
    best_interval_quantiser,
    interpolation,
    joint_transport,
)
from rdptheory.representations.refinement import Refinement, gaussian_refinement, refinement, refinement_bound
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
    "Interpolation",
    "JointTransport",
    "Point",
    "Refinement",
    "Region",
    "ScalingDecoder",
    "UniversalProblem",
    "best_interval_quantiser",
    "extreme_bounds",
    "gaussian_decoders",
    "gaussian_refinement",
    "interpolation",
    "joint_transport",
    "rate_penalty",
    "refinement",
    "refinement_bound",
    "representation_region",
    "universal_rate",
]
