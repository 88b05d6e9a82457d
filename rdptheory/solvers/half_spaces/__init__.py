"""Any convex divergence: its ball from inside, by laws its support function finds, and from outside, by half-spaces."""

from rdptheory.solvers.half_spaces.method import HalfSpaces

__all__ = ["HalfSpaces"]
