"""The five papers redrawn: every figure and table, as theory with brackets, as a study that stands for it, or not."""

from rdptheory.papers.index import ITEMS, Item, Kind
from rdptheory.papers.redrawn import Redrawn, Value
from rdptheory.papers.write import write_papers

__all__ = ["ITEMS", "Item", "Kind", "Redrawn", "Value", "write_papers"]
