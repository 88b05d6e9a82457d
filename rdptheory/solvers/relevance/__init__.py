"""Codes that tell classes apart, and codes for a decoder with side information."""

from rdptheory.solvers.relevance.exchange import ClassGrid, Coded

__all__ = ["ClassGrid", "Coded"]
