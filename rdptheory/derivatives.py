"""How the rate moves with the question: its gradient by the law of X, the distortion matrix, D and P.

To first order the optimum of a convex program moves as the dual objective at fixed multipliers does (the envelope
theorem):

    dR/dD = -s,   dR/dP = -μ,   dR/dd_ij = s p_i W_ij,   dR/dp_i = f_i + s min_j d_ij - ∂σ_P(v)/∂p_i + constant,

with v = log c(f, s) and σ_P the support function of the ball, whose centre moves with p; the term is not there where
the centre is a law of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.certificates import on_reduced
from rdptheory.certificates.lower import log_column_sums
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, at_least_zero, probability
from rdptheory.exact_sums import LAW_SUM
from rdptheory.problems import Problem
from rdptheory.several import SeveralProblem
from rdptheory.solution import Solution, Status
from rdptheory.sources import DiscreteSource

__all__ = ["Dispersion", "Gradient", "dispersion", "gradient"]


@dataclass(frozen=True, eq=False)
class Gradient:
    """First derivatives of R(D,P); subgradients where R has a corner.

    Attributes
    ----------
    p : array (n,)
        In nats per unit of mass along the simplex: the mean under p is 0, since masses can only be exchanged. The law
        that δ compares with moves too, unless it is another one (`Table(..., reference=...)`), which stays. nan for
        symbols of mass 0.
    table : array (n, m)
        By each entry of the distortion matrix, in nats per unit of distortion; 0 where it is inf. (K, n, m) for K
        distortions.
    D, P : float
        `slopes` of the solution; D is a tuple for several distortions.
    """

    p: FloatArray
    table: FloatArray
    D: float
    P: float


def gradient(solution: Solution) -> Gradient:
    """The gradient of R(D,P) from the dual point that proves its lower end (`Solution.gradient`).

    Parameters
    ----------
    solution : Solution
        On a finite alphabet. As exact as its bracket: the error is of the order of the root of the gap at worst, about
        the gap where R is smooth.

    Raises
    ------
    InvalidInput
        There is no dual point (a closed form, an infeasible question), or D is the least distortion of any channel
        within P, or P the least of any within D, and the slope there is infinite.

    References
    ----------
    The envelope theorem applied to [BM19], equation (4).

    Examples
    --------
    >>> from rdptheory import Pmf, SquaredError, TotalVariation, rdp
    >>> solution = rdp(Pmf([0.4, 0.3, 0.2, 0.1]), SquaredError(), TotalVariation(), D=0.3, P=0.02)
    >>> solution.gradient().p.round(6)
    array([-0.216952, -0.232095,  0.221678,  1.120734])
    """
    problem, dual, candidate = solution.problem, solution.dual, solution.candidate
    if not isinstance(problem, (Problem, SeveralProblem)):
        raise InvalidInput(
            "solution", type(problem).__name__, "has no derivatives here: ask rdp about one source alone"
        )
    if solution.status is Status.INFEASIBLE:
        raise InvalidInput("solution", solution.status.value, "has no rate")
    if not isinstance(problem.source, DiscreteSource):
        rule = "has no gradient: ask about a finite alphabet, such as discretise(source, n)"
        raise InvalidInput("solution", type(problem.source).__name__, rule)
    if dual is None or candidate is None or candidate.channel is None:
        raise InvalidInput("solution", str(solution.method), "has no dual point: ask with method=InteriorPoint()")
    discrete = problem.discrete
    reduced, dual = discrete.reduced, on_reduced(discrete, dual)
    s, mu = -np.atleast_1d(solution.slopes.D), -solution.slopes.P
    if problem.perception is not None:
        mu /= problem.perception.radius_slope(problem.P)
    if not np.isfinite(s).all():
        raise InvalidInput("D", problem.D, "is the least of any channel within P: the slope there is infinite")
    if problem.P > 0.0 and mu == np.inf:
        raise InvalidInput("P", problem.P, "is the least of any channel within D: the slope there is infinite")
    rows = discrete.probabilities > 0.0
    p, finite = discrete.probabilities, [np.isfinite(limit.limit) for limit in discrete.distortions]
    moved = np.full(p.size, np.nan)
    moved[rows] = dual.f + sum(slope * least for slope, least in zip(s[finite], discrete.row_minima, strict=True))
    for ball in reduced.perceptions:
        if (ball.limit > 0.0 and mu == 0.0) or not _same(ball.reference, p):
            continue  # an idle ball is not felt, and a reference of its own stays where it is
        v = log_column_sums(reduced, dual.f, dual.s)[0]
        fixed = ball.limit == 0.0 and ball.divergence.definite
        moved -= v if fixed else ball.divergence.support_slope(v, ball.reference, mu)
    moved -= float(p[rows] @ moved[rows])
    tables = s[:, None, None] * p[:, None] * candidate.channel
    table = tables[0] if isinstance(problem, Problem) else tables
    return Gradient(moved, table, solution.slopes.D, solution.slopes.P)


def _same(reference: FloatArray, p: FloatArray) -> bool:
    return reference.size == p.size and float(np.abs(reference - p).max()) <= LAW_SUM


@dataclass(frozen=True)
class Dispersion:
    """What short blocks cost: V and the normal approximation of the rate.

    Attributes
    ----------
    rate : float
        R(D) in nats.
    variance : float
        V, the variance of the d-tilted information, in nat².
    """

    rate: float
    variance: float

    def approximation(self, n: int, excess: float) -> float:
        """R + √(V/n) Q⁻¹(excess): nats a letter for blocks of n whose distortion exceeds D with that probability.

        An approximation up to log(n)/n, not a bracket.

        Raises
        ------
        InvalidInput
            n is below 1, or the probability not in [0, 1].
        """
        if n < 1:
            raise InvalidInput("n", n, "must be at least 1")
        quantile = float(scipy.special.ndtri(1.0 - probability("excess", excess)))
        return self.rate + float(np.sqrt(self.variance / at_least_zero("n", n))) * quantile


def dispersion(solution: Solution) -> Dispersion:
    """V = Var ȷ(X), ȷ(x) = f(x) + s min_y d(x,y) - s D, of plain rate distortion (`Solution.dispersion`).

    Raises
    ------
    InvalidInput
        P is finite (the theorem is about R(D,∞)), or there is no dual point, as of a density.

    References
    ----------
    [KV12], theorem 12.

    Examples
    --------
    >>> from rdptheory import Bernoulli, Hamming, InteriorPoint, rate_distortion
    >>> coin = rate_distortion(Bernoulli(0.11), Hamming(), D=0.05, method=InteriorPoint())
    >>> round(coin.dispersion().variance, 6)
    0.42794
    """
    problem = solution.problem
    if isinstance(problem, (Problem, SeveralProblem)) and np.isfinite(problem.P):
        raise InvalidInput("P", problem.P, "must be inf: the dispersion of R(D,P) with a ball is not known")
    moved = gradient(solution).p
    held = np.isfinite(moved)
    p = problem.discrete.probabilities[held]
    return Dispersion(solution.rate, float(p @ moved[held] ** 2))


guard(__name__)
