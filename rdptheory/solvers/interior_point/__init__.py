"""Primal-dual interior point for R(D,P): any finite alphabet, any f-divergence ball, a proved gap.

The default method. The iteration is compiled: `rdptheory/_native` has its formulas, docs/method.md its cost.
"""

from rdptheory.solvers.interior_point.drive import InteriorPoint
from rdptheory.solvers.interior_point.start import inner_law

__all__ = ["InteriorPoint", "inner_law"]
