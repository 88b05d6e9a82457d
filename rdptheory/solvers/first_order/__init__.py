"""First-order methods: two products with the kernel a step, no table of the size of the channel, a proved gap."""

from rdptheory.solvers.first_order.free_points import FreeReproduction, free_reproduction
from rdptheory.solvers.first_order.method import FirstOrder, RawResult
from rdptheory.solvers.first_order.solve import solve_first_order, solve_large

__all__ = ["FirstOrder", "FreeReproduction", "RawResult", "free_reproduction", "solve_first_order", "solve_large"]
