"""Exact formulas: numbers vectorised over D and P, sympy expressions, and `match`, which finds the one that applies."""

from rdptheory.closed_forms import (
    bernoulli,
    gaussian,
    gaussian_block,
    gaussian_vector,
    hamming,
    laplacian,
    log_loss,
    transport_binary,
    transport_gaussian,
    transport_uniform,
    uniform_discrete,
)
from rdptheory.closed_forms.matching import ALLOWANCE, ClosedForm, between, match
from rdptheory.closed_forms.regimes import Regime
from rdptheory.closed_forms.transport_matching import limited_randomness, match_transport

__all__ = [
    "ALLOWANCE",
    "ClosedForm",
    "Regime",
    "bernoulli",
    "between",
    "gaussian",
    "gaussian_block",
    "gaussian_vector",
    "hamming",
    "laplacian",
    "limited_randomness",
    "log_loss",
    "match",
    "match_transport",
    "transport_binary",
    "transport_gaussian",
    "transport_uniform",
    "uniform_discrete",
]
