"""Sources: finite alphabets, laws with a density, and the explicit step from a density to a finite alphabet."""

from rdptheory.sources.continuous import CellMoments, ContinuousSource, Tail
from rdptheory.sources.density import discretise
from rdptheory.sources.discrete import Bernoulli, DiscreteSource, Empirical, Pmf
from rdptheory.sources.frozen import FrozenLaw, known_law
from rdptheory.sources.gaussian import Gaussian, GaussianVector
from rdptheory.sources.independent import Independent
from rdptheory.sources.laws import Exponential, GaussianMixture, Laplace, Logistic, StudentT, Uniform

Source = DiscreteSource | ContinuousSource | GaussianVector | Independent | FrozenLaw

__all__ = [
    "Bernoulli",
    "CellMoments",
    "ContinuousSource",
    "DiscreteSource",
    "Empirical",
    "Exponential",
    "FrozenLaw",
    "Gaussian",
    "GaussianMixture",
    "GaussianVector",
    "Independent",
    "Laplace",
    "Logistic",
    "Pmf",
    "Source",
    "StudentT",
    "Tail",
    "Uniform",
    "discretise",
    "known_law",
]
