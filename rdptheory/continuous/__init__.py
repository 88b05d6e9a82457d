"""Sources with a density: proved brackets on R(D,P) of the source itself, not of a stand-in."""

from rdptheory.continuous.answer import DensityMethod, answer
from rdptheory.continuous.atoms import Atoms, PointChannel
from rdptheory.continuous.candidate import BoxChannel, CellBounds, CellChannel, Points, ProductChannel, Redraw
from rdptheory.continuous.cells import Ask, Cells, proved_apart
from rdptheory.continuous.confidence import ConfidenceRate, confidence_rate
from rdptheory.continuous.inverse import limit_at, without_rate

__all__ = [
    "Ask",
    "Atoms",
    "BoxChannel",
    "CellBounds",
    "CellChannel",
    "Cells",
    "ConfidenceRate",
    "DensityMethod",
    "PointChannel",
    "Points",
    "ProductChannel",
    "Redraw",
    "answer",
    "confidence_rate",
    "limit_at",
    "proved_apart",
    "without_rate",
]
