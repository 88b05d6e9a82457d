"""Entropy-constrained transport without common randomness: X - Z - Y with H(Z) <= R [LZCK22, Definition 2]."""

from rdptheory.solvers.transport.private_randomness.multi_start import MultiStart
from rdptheory.solvers.transport.private_randomness.quantile_cuts import QuantileCuts

__all__ = ["MultiStart", "QuantileCuts"]
