"""Representations that outlive one decoder: universal ones, the region of a fixed one, successive refinement."""

from rdptheory.representations.universal import (
    ScalingDecoder,
    UniversalProblem,
    gaussian_decoders,
    rate_penalty,
    universal_rate,
)

__all__ = [
    "ScalingDecoder",
    "UniversalProblem",
    "gaussian_decoders",
    "rate_penalty",
    "universal_rate",
]
