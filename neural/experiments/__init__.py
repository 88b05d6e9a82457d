"""The papers' experiments, as a registry of functions from a `Bench` to rows."""

from neural.experiments import crossing, gaussian, posterior, tradeoff
from neural.experiments.base import PRESETS, REGISTRY, Bench, Curve, Experiment, Figure, Row

__all__ = ["CHECKED", "PRESETS", "REGISTRY", "Bench", "Curve", "Experiment", "Figure", "Row"]
__all__ += ["crossing", "gaussian", "posterior", "tradeoff"]

CHECKED = ("oracle", "twofold", "interpolate", "ecdq", "jump", "cr", "decompose")
"""The laws of `check --preset smoke`; `--preset demo` checks every experiment."""
