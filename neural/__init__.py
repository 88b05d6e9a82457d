"""Learned codecs laid over the theory of rate, distortion and perception.

`fit_codec`, `fit_decoder` and `evaluate` work on your own tensors; `python -m neural` runs the papers' experiments.
"""

from neural.checkpoints import Checkpoint
from neural.coders import BlauMichaeli, Classifier, Liu, Perceptron, UNet, Yan, Zhang
from neural.evaluation import FreshCritic, Measured, evaluate
from neural.losses import (
    AnchorNorm,
    EnergyDistance,
    EnergyScore,
    MeanSquaredError,
    Perceptual,
    SlicedWasserstein,
    WassersteinGP,
)
from neural.quality import Likelihoods, Pillow, Quality, RandomFeatures, measure, sweep, write_results
from neural.quantisers import (
    Binary,
    DeterministicQuantiser,
    NoisyQuantiser,
    SoftGradient,
    StraightThrough,
    UniversalQuantiser,
    Unquantised,
)
from neural.recipes import Adam, Constant, Drops, OneCycle, Recipe, RMSprop
from neural.training import Codec, Decoder, fit_classifier, fit_codec, fit_codecs, fit_decoder

__all__ = [
    "Adam",
    "AnchorNorm",
    "Binary",
    "BlauMichaeli",
    "Checkpoint",
    "Classifier",
    "Codec",
    "Constant",
    "Decoder",
    "DeterministicQuantiser",
    "Drops",
    "EnergyDistance",
    "EnergyScore",
    "FreshCritic",
    "Likelihoods",
    "Liu",
    "MeanSquaredError",
    "Measured",
    "NoisyQuantiser",
    "OneCycle",
    "Perceptron",
    "Perceptual",
    "Pillow",
    "Quality",
    "RMSprop",
    "RandomFeatures",
    "Recipe",
    "SlicedWasserstein",
    "SoftGradient",
    "StraightThrough",
    "UNet",
    "UniversalQuantiser",
    "Unquantised",
    "WassersteinGP",
    "Yan",
    "Zhang",
    "evaluate",
    "fit_classifier",
    "fit_codec",
    "fit_codecs",
    "fit_decoder",
    "measure",
    "sweep",
    "write_results",
]
