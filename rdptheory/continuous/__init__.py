"""Sources with a density: proved brackets on R(D,P) of the source itself, not of a stand-in."""

from rdptheory.continuous.answer import DensityMethod, answer
from rdptheory.continuous.candidate import CellBounds, CellChannel, Points, Redraw
from rdptheory.continuous.cells import Ask, Cells

__all__ = ["Ask", "CellBounds", "CellChannel", "Cells", "DensityMethod", "Points", "Redraw", "answer"]
