"""Certified rate-distortion-perception functions.

Where to look:

    a question     rdp, rate_distortion, distortion_at, perception_at, critical_points
    its parts      Pmf, Bernoulli, Empirical, Gaussian, Laplace, ...   Hamming, SquaredError, Table, ...
                   TotalVariation, KullbackLeibler, Wasserstein2Squared, ...
    an answer      Solution: rate, bounds, slopes, candidate.channel, status; require, plot, sample, to_dict
    many points    curve, surface, adaptive_grid, plot_curves, plot_surface
    your codec     read_measurements, place, overlay
    beside Z       rdp(..., side_information=joint, realism=...), side_information_rate
    classes        bottleneck, relevant_rate
    transport      constrained_transport, transport_rate
    one code       universal_rate, rate_penalty, representation_region
    theorems       rdptheory.theorems: catalogue, verify
    formulas       rdptheory.closed_forms        units: rdptheory.units

`rdptheory --help` is the command line; the pages are in `docs/`, scripts in `examples/`.

>>> from rdptheory import Bernoulli, Hamming, TotalVariation, rdp
>>> print(rdp(Bernoulli(0.25), Hamming(), TotalVariation(), D=0.1, P=0.05).status)
Status.OPTIMAL
"""

from typing import Any

from rdptheory import closed_forms, units
from rdptheory._types import Bounds
from rdptheory.closed_forms import ClosedForm
from rdptheory.continuous import Atoms, CellChannel, Cells, ConfidenceRate, confidence_rate
from rdptheory.critical import CriticalPoints, critical_points
from rdptheory.derivatives import Dispersion, Gradient
from rdptheory.distortions import AbsoluteError, Distance, Hamming, LogLoss, SquaredError, Table
from rdptheory.divergences import (
    ChiSquare,
    JensenShannon,
    KullbackLeibler,
    PowerDivergence,
    Renyi,
    ReverseKullbackLeibler,
    SquaredHellinger,
    TotalVariation,
    TransportDivergence,
    Wasserstein1,
    Wasserstein2Squared,
)
from rdptheory.errors import GapTooWide, InvalidInput
from rdptheory.inverse import Located, distortion_at, perception_at
from rdptheory.methods import DualPoint, GibbsChannel, Outcome
from rdptheory.placement import Measurement, Placement, place, read_measurements
from rdptheory.plans import CommonPlan, Coupling, PrivatePlan
from rdptheory.problems import DiscreteProblem, Problem
from rdptheory.relevance import (
    RelevantSolution,
    bottleneck,
    bottleneck_curve,
    relevant_rate,
    side_information_rate,
)
from rdptheory.relevance_problem import RelevanceProblem, Representation, SideInformationProblem
from rdptheory.representations import gaussian_decoders, rate_penalty, representation_region, universal_rate
from rdptheory.several import SeveralProblem
from rdptheory.slope import SlopePoint, rate_at_slope
from rdptheory.solution import Candidate, SeveralSlopes, Slopes, Solution, Status
from rdptheory.solve import rate_distortion, rdp, rdp_many
from rdptheory.solvers.conic import Conic
from rdptheory.solvers.first_order import FirstOrder
from rdptheory.solvers.half_spaces import HalfSpaces
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.solvers.relevance import ClassGrid
from rdptheory.solvers.transport.common_randomness import BranchAndBound, ColumnGeneration, Enumeration, Flow
from rdptheory.solvers.transport.long_blocks import EntropicTransport, LinePairs, PosteriorPairs
from rdptheory.solvers.transport.private_randomness import MultiStart, QuantileCuts
from rdptheory.sources import (
    Bernoulli,
    ContinuousSource,
    Empirical,
    Exponential,
    Gaussian,
    GaussianMixture,
    GaussianVector,
    Independent,
    Laplace,
    Logistic,
    Pmf,
    StudentT,
    Uniform,
    discretise,
)
from rdptheory.sweeps import Dask, Joblib, Serial, adaptive_grid, curve, slope_curve, surface, write_surface
from rdptheory.transport import constrained_transport, decompose, quantisation_error, transport_rate
from rdptheory.transport_solution import Multipliers, TransportOutcome, TransportSolution

__version__ = "0.1.0"


DRAWING = ("overlay", "plot_channel", "plot_curves", "plot_surface")


def __getattr__(name: str) -> Any:
    """The catalogue and the pictures are loaded when somebody asks for them."""
    from importlib import import_module

    if name == "theorems":
        return import_module("rdptheory.theorems")
    if name in DRAWING:
        return getattr(import_module("rdptheory.plotting"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "AbsoluteError",
    "Atoms",
    "Bernoulli",
    "Bounds",
    "BranchAndBound",
    "Candidate",
    "CellChannel",
    "Cells",
    "ChiSquare",
    "ClassGrid",
    "ClosedForm",
    "ColumnGeneration",
    "CommonPlan",
    "ConfidenceRate",
    "Conic",
    "ContinuousSource",
    "Coupling",
    "CriticalPoints",
    "Dask",
    "DiscreteProblem",
    "Dispersion",
    "Distance",
    "DualPoint",
    "Empirical",
    "EntropicTransport",
    "Enumeration",
    "Exponential",
    "FirstOrder",
    "Flow",
    "GapTooWide",
    "Gaussian",
    "GaussianMixture",
    "GaussianVector",
    "GibbsChannel",
    "Gradient",
    "HalfSpaces",
    "Hamming",
    "Independent",
    "InteriorPoint",
    "InvalidInput",
    "JensenShannon",
    "Joblib",
    "KullbackLeibler",
    "Laplace",
    "LinePairs",
    "Located",
    "LogLoss",
    "Logistic",
    "Measurement",
    "MultiStart",
    "Multipliers",
    "Outcome",
    "Placement",
    "Pmf",
    "PosteriorPairs",
    "PowerDivergence",
    "PrivatePlan",
    "Problem",
    "QuantileCuts",
    "RelevanceProblem",
    "RelevantSolution",
    "Renyi",
    "Representation",
    "ReverseKullbackLeibler",
    "Serial",
    "SeveralProblem",
    "SeveralSlopes",
    "SideInformationProblem",
    "SlopePoint",
    "Slopes",
    "Solution",
    "SquaredError",
    "SquaredHellinger",
    "Status",
    "StudentT",
    "Table",
    "TotalVariation",
    "TransportDivergence",
    "TransportOutcome",
    "TransportSolution",
    "Uniform",
    "Wasserstein1",
    "Wasserstein2Squared",
    "adaptive_grid",
    "bottleneck",
    "bottleneck_curve",
    "closed_forms",
    "confidence_rate",
    "constrained_transport",
    "critical_points",
    "curve",
    "decompose",
    "discretise",
    "distortion_at",
    "gaussian_decoders",
    "overlay",
    "perception_at",
    "place",
    "plot_channel",
    "plot_curves",
    "plot_surface",
    "quantisation_error",
    "rate_at_slope",
    "rate_distortion",
    "rate_penalty",
    "rdp",
    "rdp_many",
    "read_measurements",
    "relevant_rate",
    "representation_region",
    "side_information_rate",
    "slope_curve",
    "surface",
    "theorems",
    "transport_rate",
    "units",
    "universal_rate",
    "write_surface",
]
