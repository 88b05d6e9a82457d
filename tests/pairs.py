"""A law of pairs (x, z) that the tests of side information at both ends share: four levels beside a dark and a bright
neighbour."""

import numpy as np

from rdptheory import Pmf

JOINT = np.array([[0.2, 0.05], [0.15, 0.1], [0.05, 0.2], [0.05, 0.2]])
"""p(x, z). Its rows sum to a quarter each, exactly: a file may hold the law of X without a division."""
LAW = Pmf.from_weights(JOINT.sum(axis=1))
"""The law of X."""
