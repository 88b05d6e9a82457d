"""Blau and Michaeli: the rate-distortion-perception function [BM19]."""

# ruff: noqa: I001 - the catalogue is in the order of the paper
from rdptheory.theorems.bm19 import function, coins

__all__ = ["coins", "function"]
