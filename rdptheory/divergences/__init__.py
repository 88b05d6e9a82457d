"""Perception divergences δ(p, r): how far the law r of the output is from the law p of the source.

One normalisation each, here and in every result (nats where a logarithm appears):

===========================  ===================================================  =====================
`TotalVariation`             ½ Σ |p - r|                                          0 ... 1
`KullbackLeibler`            KL(r‖p) = Σ r log(r/p)                               0 ... inf
`ReverseKullbackLeibler`     KL(p‖r) = Σ p log(p/r)                               0 ... inf
`JensenShannon`              KL(p‖m) + KL(r‖m), m = (p+r)/2 (no factor ½)         0 ... 2 log 2
`ChiSquare`                  Σ (r-p)²/p                                           0 ... inf
`SquaredHellinger`           Σ (√r - √p)² (no factor ½)                           0 ... 2
`Wasserstein1`               min over couplings of E|X-Y| (Euclidean norm)        0 ... inf
`Wasserstein2Squared`        min over couplings of E‖X-Y‖² (the square)           0 ... inf
`TransportDivergence(c)`     min over couplings of E c(X,Y)                       0 ... inf
===========================  ===================================================  =====================
"""

from rdptheory.divergences.base import Divergence, FDivergence, Support
from rdptheory.divergences.f_divergences import (
    F_DIVERGENCES,
    ChiSquare,
    JensenShannon,
    KullbackLeibler,
    ReverseKullbackLeibler,
    SquaredHellinger,
    TotalVariation,
)
from rdptheory.divergences.renyi import PowerDivergence, Renyi
from rdptheory.divergences.smooth import SmoothFDivergence
from rdptheory.divergences.transport import TransportDivergence, Wasserstein1, Wasserstein2Squared

__all__ = [
    "F_DIVERGENCES",
    "ChiSquare",
    "Divergence",
    "FDivergence",
    "JensenShannon",
    "KullbackLeibler",
    "PowerDivergence",
    "Renyi",
    "ReverseKullbackLeibler",
    "SmoothFDivergence",
    "SquaredHellinger",
    "Support",
    "TotalVariation",
    "TransportDivergence",
    "Wasserstein1",
    "Wasserstein2Squared",
]
