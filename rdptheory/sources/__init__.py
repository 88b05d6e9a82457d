"""Sources: finite alphabets, Gaussians, densities, and the explicit step from a density to a finite alphabet."""

from rdptheory.sources.density import Laplace, Uniform, discretise
from rdptheory.sources.discrete import Bernoulli, DiscreteSource, Empirical, Pmf
from rdptheory.sources.gaussian import Gaussian, GaussianVector

Source = DiscreteSource | Gaussian | GaussianVector | Uniform | Laplace

__all__ = [
    "Bernoulli",
    "DiscreteSource",
    "Empirical",
    "Gaussian",
    "GaussianVector",
    "Laplace",
    "Pmf",
    "Source",
    "Uniform",
    "discretise",
]
