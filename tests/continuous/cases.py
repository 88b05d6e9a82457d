"""Laws and questions whose rates are known, and the two finite problems of the first level."""

from __future__ import annotations

import numpy as np

from rdptheory import (
    AbsoluteError,
    Bounds,
    Gaussian,
    GaussianMixture,
    InteriorPoint,
    KullbackLeibler,
    Laplace,
    Problem,
    SquaredError,
    StudentT,
    TotalVariation,
    Uniform,
    Wasserstein1,
    Wasserstein2Squared,
    rdp,
)
from rdptheory.continuous.finite import cells_problem, rounded_problem
from rdptheory.continuous.lattice import cell_law, lattice
from rdptheory.continuous.nodes import nodes
from rdptheory.continuous.posed import Posed

N, L, U = Gaussian(0.0, 1.0), Laplace(0.0, 1.0), Uniform(0.0, 1.0)
M = GaussianMixture([0.5, 0.5], [-1.5, 1.5], [0.25, 1.0])
T5 = StudentT(5)

SQUARED, ABSOLUTE = SquaredError(), AbsoluteError()
TV, KL, W1, W2 = TotalVariation(), KullbackLeibler(), Wasserstein1(), Wasserstein2Squared()
FREE = (None, np.inf)
EXACT = (
    # law, distortion, (perception, P), D, R in nats: Gaussian closed forms [ZQCK21], Laplace at absolute error -log D
    (N, SQUARED, FREE, 0.3, 0.5 * np.log(1.0 / 0.3)),
    (N, SQUARED, (W2, 0.0), 0.3, rdp(N, SQUARED, W2, D=0.3, P=0.0).rate),
    (N, SQUARED, (W2, 0.01), 0.3, rdp(N, SQUARED, W2, D=0.3, P=0.01).rate),
    (N, SQUARED, (W2, 0.001), 0.3, rdp(N, SQUARED, W2, D=0.3, P=0.001).rate),
    (N, SQUARED, (W2, 1e-5), 0.3, rdp(N, SQUARED, W2, D=0.3, P=1e-5).rate),
    (N, SQUARED, (KL, 0.005), 0.3, rdp(N, SQUARED, KL, D=0.3, P=0.005).rate),
    (L, ABSOLUTE, FREE, 0.3, -np.log(0.3)),
    (U, SQUARED, FREE, 0.02, 0.6270850248),  # the middle of a bracket 1e-8 wide, by points and quadrature
    (M, SQUARED, FREE, 0.3, 0.8887253318),
)


def level_one(law, distortion, ball, D, n, *, gap=1e-9, edges=None) -> Bounds:
    """The bracket from n cells, or from given nodes of the law in standard position."""
    posed = Posed.of(Problem(law, distortion, ball[0], D, ball[1]))
    t = nodes(posed.source, n) if edges is None else edges
    asked = posed.distortion, posed.perception, posed.D, posed.P
    rounded = lattice(posed.source, t)
    below = ask(rounded_problem(rounded, rounded, *asked), gap)
    cells = cell_law(posed.source, t)
    problems = [cells_problem(cells, cells, *asked, redraw) for redraw in posed.redraws]
    above = [ask(problem, gap).bounds.upper for problem in problems if problem is not None]
    return Bounds(below.bounds.lower, min(above, default=np.inf))


def ask(problem, gap=1e-9):
    """Answer a finite problem."""
    question = problem.source, problem.distortion, problem.perception
    return rdp(*question, D=problem.D, P=problem.P, method=InteriorPoint(gap=gap))
