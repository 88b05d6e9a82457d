"""Liu, Zhang, Chen and Khisti: entropy-constrained optimal transport [LZCK22]."""

# ruff: noqa: I001 - the catalogue is in the order of the paper
from rdptheory.theorems.lzck22 import private, common, coins, blocks, normal, uniform

__all__ = ["blocks", "coins", "common", "normal", "private", "uniform"]
