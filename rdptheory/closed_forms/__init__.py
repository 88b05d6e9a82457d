"""Exact formulas: numbers vectorised over D and P, sympy expressions, and `match`, which finds the one that applies."""

from rdptheory.closed_forms import bernoulli, gaussian, gaussian_vector, uniform_discrete
from rdptheory.closed_forms.matching import ALLOWANCE, ClosedForm, match
from rdptheory.closed_forms.regimes import Regime

__all__ = ["ALLOWANCE", "ClosedForm", "Regime", "bernoulli", "gaussian", "gaussian_vector", "match", "uniform_discrete"]
