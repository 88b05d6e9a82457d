"""Questions with no channel strictly inside their limits: the least D at this P, the least P at this D, and the like.

What channels are left is a face of those that keep one limit less. A barrier has no way into it, and no mixture with a
channel inside mends what rounding leaves outside. So the face is found first, and the rate is minimised on it.
"""

from rdptheory.solvers.faces.solve import on_a_face

__all__ = ["on_a_face"]
