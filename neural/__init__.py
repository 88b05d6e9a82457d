"""Learned codecs laid over the theory of rate, distortion and perception.

`fit_codec`, `fit_decoder` and `evaluate` work on your own tensors; `python -m neural` runs the papers' experiments.
"""

from neural import installed

if installed.missing:
    raise installed.missing

from neural.checkpoints import Checkpoint
from neural.claims import Chart, Claim
from neural.coders import BlauMichaeli, Classifier, Coder, Liu, Perceptron, UNet, Yan, Zhang
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
from neural.models import Conventional, Fit, KMeans, Sampler, Shown, Source
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
from neural.rate import rate
from neural.recipes import Adam, Drops, OneCycle, Recipe, RMSprop
from neural.study import Plan, Study, Variant
from neural.training import Codec, Decoder, fit_classifier, fit_codec, fit_codecs, fit_decoder, fit_decoders

__all__ = [
    "Adam", "AnchorNorm", "Binary", "BlauMichaeli", "Chart", "Checkpoint", "Claim", "Classifier", "Codec", "Coder",
    "Conventional", "Decoder", "DeterministicQuantiser", "Drops", "EnergyDistance", "EnergyScore", "Fit",
    "FreshCritic", "KMeans", "Likelihoods", "Liu", "MeanSquaredError", "Measured", "NoisyQuantiser", "OneCycle",
    "Perceptron", "Perceptual", "Pillow", "Plan", "Quality", "RMSprop", "RandomFeatures", "Recipe",
    "Sampler", "Shown", "SlicedWasserstein", "SoftGradient", "Source", "StraightThrough", "Study", "UNet",
    "UniversalQuantiser", "Unquantised", "Variant", "WassersteinGP", "Yan", "Zhang", "evaluate", "fit_classifier",
    "fit_codec", "fit_codecs", "fit_decoder", "fit_decoders", "measure", "rate", "sweep", "write_results",
]  # fmt: skip
