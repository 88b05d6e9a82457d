"""Zhang, Qian, Chen and Khisti: universal representations [ZQCK21]."""

# ruff: noqa: I001 - the catalogue is in the order of the paper
from rdptheory.theorems.zqck21 import normal, one_shot, penalty, regions, refinement, blocks

__all__ = ["blocks", "normal", "one_shot", "penalty", "refinement", "regions"]
