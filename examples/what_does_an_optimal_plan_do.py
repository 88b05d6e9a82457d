"""What does an optimal plan do to each symbol?
============================================

Two plans that are proved optimal, drawn as flows whose width is probability. Above, no common randomness (the picture
of figure 6 of [LZCK22], for three symbols): X -> Z -> Y with H(Z) at most half a bit; the encoder splits an atom
between two letters of Z. Below, common randomness: each value of U is a map from X to Y, drawn side by side in one
colour, and the maps are mixed with the weights in the legend.

    python examples/what_does_an_optimal_plan_do.py [FOLDER]
"""

from __future__ import annotations
