"""First-order methods: two products with the kernel a step, no table of the size of the channel, a proved gap."""

from rdptheory.solvers.first_order.free_points import FreeReproduction, free_reproduction
from rdptheory.solvers.first_order.method import FirstOrder
from rdptheory.solvers.first_order.solve import solve_first_order

__all__ = ["FirstOrder", "FreeReproduction", "free_reproduction", "solve_first_order"]
