"""Primal-dual interior point for R(D,P): any finite alphabet, any f-divergence ball, a proved gap.

The default method. See `core` for the iteration and its cost, `fixed_output` for P = 0.
"""

from rdptheory.solvers.interior_point.drive import InteriorPoint
from rdptheory.solvers.interior_point.start import inner_law

__all__ = ["InteriorPoint", "inner_law"]
