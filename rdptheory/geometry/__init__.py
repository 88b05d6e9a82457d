"""Distortions as geometries: known by their products with Gibbs kernels K = exp(-s d), so that no table is needed.

===============  =========================================  ============================================
`Dense`          any table                                  K, n m numbers
`Matches`        Hamming                                    nothing: a diagonal and a constant
`SquaredLine`    squared error between points of a line     a sparse band, or series in boxes
`AbsoluteLine`   absolute error between points of a line    one factor a step
`Grid`           squared error on a full product grid       one small matrix an axis, or one spectrum
`Points`         squared error between clouds in R^k        tiles of rows, made when they are needed
`AbsolutePoints` absolute error between clouds in R^k       the same
`Reordered`      any of them, symbols in another order      that order
===============  =========================================  ============================================

All products are sums of terms that are never negative, so `rounding` bounds their relative error. `fast` is a cheaper
geometry without that property, whose products are never less than the error they may have: an iteration may be steered
by it, but nothing is proved with it.
"""

from rdptheory.geometry.base import TABLES, Geometry, Gibbs, MaskArray, Rounding, affordable
from rdptheory.geometry.dense import Dense
from rdptheory.geometry.grid import Convolution, Grid, as_grid
from rdptheory.geometry.line import AbsoluteLine, SquaredLine
from rdptheory.geometry.matches import Matches
from rdptheory.geometry.points import AbsolutePoints, Points
from rdptheory.geometry.reordered import Reordered

__all__ = [
    "TABLES",
    "AbsoluteLine",
    "AbsolutePoints",
    "Convolution",
    "Dense",
    "Geometry",
    "Gibbs",
    "Grid",
    "MaskArray",
    "Matches",
    "Points",
    "Reordered",
    "Rounding",
    "SquaredLine",
    "affordable",
    "as_grid",
]
