"""Entropy-constrained transport with common randomness: linear programs over the maps that U can choose.

D(R) = min E d(X, f_U(X)) over U independent of X with H(f_U(X)|U) <= R and f_U(X) ~ q  [LZCK22, Theorem 3].
"""

from rdptheory.solvers.transport.common_randomness.branching import BranchAndBound
from rdptheory.solvers.transport.common_randomness.columns import ColumnGeneration
from rdptheory.solvers.transport.common_randomness.direct import Enumeration, Flow

__all__ = ["BranchAndBound", "ColumnGeneration", "Enumeration", "Flow"]
