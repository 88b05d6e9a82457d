"""Which questions have an exact answer, and that answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rdptheory._types import Bounds, FloatArray, Unbounded, frozen_array
from rdptheory.closed_forms import bernoulli, gaussian, gaussian_vector, hamming, laplacian, log_loss, uniform_discrete
from rdptheory.closed_forms.regimes import Regime
from rdptheory.distortions import AbsoluteError, Hamming, LogLoss, SquaredError
from rdptheory.divergences import Divergence, FDivergence, TotalVariation
from rdptheory.doors import changed, guard
from rdptheory.errors import InvalidInput
from rdptheory.exact_sums import exact_law
from rdptheory.information import binary_entropy
from rdptheory.methods import DualPoint, Outcome
from rdptheory.problems import DiscreteProblem, Problem
from rdptheory.solution import Candidate, JointGaussian, Slopes, Solution, Status
from rdptheory.sources import DiscreteSource, Gaussian, GaussianVector, Laplace

__all__ = ["ALLOWANCE", "ClosedForm", "between", "match"]

EPS = float(np.finfo(np.float64).eps)  # spacing of float64 at 1
ALLOWANCE = 16 * EPS
"""Half the width of a bracket, in units of the scale that `match` names."""
WRITTEN = 4_000_000  # entries up to which a channel is written down: 32 MB
VANISHING = 1e-14  # of the largest variance: smaller ones are rounding of the axes
NARROW = 1e-9  # nats: a wider bracket has no slope worth stating
NOT_OPTIMAL = "a jointly Gaussian channel reaches the upper end and is not optimal, the least variance proves the lower"


@dataclass(frozen=True)
class ClosedForm:
    """The method of an exact formula: nothing to iterate, nothing to choose. `match` knows which questions have one."""

    def solve(self, problem: DiscreteProblem) -> Outcome:
        """Refuse what `match` did not recognise.

        Raises
        ------
        InvalidInput
            Always.
        """
        raise InvalidInput("method", self, "no closed form is known for this source, distortion and perception")


def match(problem: Problem) -> Solution | None:
    """The exact answer to a question that has a closed form, or None.

    Recognised:

    * two symbols, `Hamming`, `TotalVariation` or P = inf or no perception    (`bernoulli`, [BM19])
    * m symbols of equal mass, `Hamming`, every divergence that is 0 between equal laws
                                                                               (`uniform_discrete`, [CT06])
    * any finite law, `Hamming`, P = inf or no perception                      (`hamming`, [Ero58])
    * any finite law, `LogLoss`                                                (`log_loss`, [CW14])
    * `Laplace`, `AbsoluteError`, P = inf or no perception                     (`laplacian`, [Ber71])
    * `Gaussian`, `SquaredError`; `Wasserstein2Squared`, `KullbackLeibler`, any divergence at P = 0, P = inf or no
      perception                                                               (`gaussian`, [ZQCK21])
    * `GaussianVector` with the same limits                                    (`gaussian_vector`)

    A `Pmf` counts as two symbols if its masses sum to 1 within one ulp, and as uniform if each is 1/m within 4 ulp:
    the formula then answers the question asked, not its neighbour.

    Returns
    -------
    Solution or None
        With `method=ClosedForm()`, 0 steps, the optimal channel (or joint Gaussian law) as candidate. The bracket
        is the float64 value of the formula ± `ALLOWANCE` (16 ulp of 1) times a scale: Hb(p) for two symbols, log m for
        m of them, max(1, R) for a Gaussian and a Laplace source. Those are the largest terms that the formulas add up,
        each with a few ulp of error; the factor is about four times the largest error seen against 50 digits. Where
        limits smaller by the same factor leave the rate at 0 too, it is exactly 0. A vector has the bracket of its
        allocation, widened by the rounding of the principal variances; of a matrix that is not diagonal those below
        1e-14 of the largest are read as 0, what a singular matrix has after rounding. A density at D = 0 has status
        INFEASIBLE and rate inf.

    >>> from rdptheory.sources import Bernoulli
    >>> answer = match(Problem(Bernoulli(0.25), Hamming(), TotalVariation(), D=0.1, P=0.05))
    >>> print(f"{answer.rate:.9f}", answer.candidate.output)
    0.238077789 [0.8 0.2]
    """
    P = Unbounded if problem.perception is None else problem.P
    source, perception = problem.source, problem.perception if P < Unbounded else None
    if isinstance(source, DiscreteSource):
        return _finite(problem, source.probabilities, perception, P)
    if isinstance(source, (Gaussian, GaussianVector)) and isinstance(problem.distortion, SquaredError):
        ball = gaussian.formula_for(perception, P)
        if ball is None:
            return None
        if isinstance(source, Gaussian):
            return _gaussian(problem, source, P, ball)
        return _gaussian_vector(problem, source, P, ball)
    if isinstance(source, Laplace) and isinstance(problem.distortion, AbsoluteError) and perception is None:
        return _laplacian(problem, source)
    return None


def _finite(problem: Problem, p: FloatArray, perception: Divergence | None, P: float) -> Solution | None:
    if changed(problem.distortion) or changed(perception):
        return None
    if isinstance(problem.distortion, Hamming):
        free = perception is None or perception.faithful  # else the law itself may be too far from itself
        if free and np.abs(p.size * p - 1.0).max() <= 4 * EPS:
            return _uniform(problem, p, P)
        if p.size == 2 and abs(p.sum() - 1.0) <= EPS and (perception is None or isinstance(perception, TotalVariation)):
            return _two_symbols(problem, p, P)
        if perception is None and p.size > 1:
            return _any_law(problem, exact_law(p))
    elif isinstance(problem.distortion, LogLoss):
        return _log_loss(problem, exact_law(p))
    return None


def _any_law(problem: Problem, p: FloatArray) -> Solution:
    formula = _Formula(
        f"{p.size} symbols, Hamming [Ero58]",
        lambda D, P: hamming.rate(p, D),
        lambda D, P: (hamming.slopes(p, D), np.zeros(())),
        lambda D, P: hamming.regime(p, D),
    )
    candidate = None if p.size**2 > WRITTEN else _discrete(p, hamming.channel(p, problem.D))
    f, s = hamming.dual(p, problem.D)
    return replace(
        formula.answer(problem, Unbounded, float(np.log(p.size)), candidate), dual=DualPoint(f, np.array([s]))
    )


def _log_loss(problem: Problem, p: FloatArray) -> Solution:
    formula = _Formula(
        "logarithmic loss, H(X) - D [CW14]",
        lambda D, P: log_loss.rate(p, D),
        lambda D, P: (log_loss.slopes(p, D), np.zeros(())),
        lambda D, P: log_loss.regime(p, D),
    )
    rows = None if p.size**2 > WRITTEN else _discrete(p, log_loss.channel(p, problem.D))
    return formula.answer(problem, Unbounded, max(1.0, float(np.log(p.size))), rows)


def _laplacian(problem: Problem, source: Laplace) -> Solution:
    formula = _Formula(
        "Laplace source, absolute error [Ber71]",
        lambda D, P: laplacian.rate(source.scale, D),
        lambda D, P: (laplacian.slopes(source.scale, D), np.zeros(())),
        lambda D, P: laplacian.regime(source.scale, D),
    )
    if problem.D == 0.0:
        return formula.unreachable(problem)
    scale = max(1.0, float(formula.rate(problem.D, Unbounded)))
    return formula.answer(problem, Unbounded, scale, laplacian.channel(source.scale, problem.D, source.mean))


def between(problem: Problem) -> Solution | None:
    """What Gaussian arguments prove where there is no formula, or None: a Gaussian, squared error, an f-divergence.

    OPTIMAL where both ends meet, which they do where the perception limit costs nothing; STOPPED elsewhere.

    >>> from rdptheory import Gaussian, SquaredError, TotalVariation
    >>> found = between(Problem(Gaussian(0.0, 1.0), SquaredError(), TotalVariation(), 0.3, 0.01))
    >>> found.status.value, round(found.bounds.lower, 5), round(found.bounds.upper, 5)
    ('stopped', 0.62358, 0.63212)
    """
    source, perception = problem.source, problem.perception
    if not isinstance(source, Gaussian) or not isinstance(problem.distortion, SquaredError) or perception is None:
        return None
    if not 0.0 < problem.D < Unbounded or not 0.0 < problem.P < Unbounded:
        return None
    if not isinstance(perception.ball(np.zeros(1), problem.P)[0], FDivergence):
        return None
    bounds, joint = gaussian.bracket(source, problem.D, problem.P, perception)
    narrow = bounds.gap <= NARROW
    text = "the perception limit costs nothing" if narrow else NOT_OPTIMAL
    return Solution(
        problem,
        bounds.upper,
        bounds,
        Slopes(-0.5 / problem.D if bounds.upper > NARROW else 0.0, 0.0) if narrow else Slopes(np.nan, np.nan),
        Candidate(joint=joint),
        Status.OPTIMAL if narrow else Status.STOPPED,
        f"Gaussian, squared error, an f-divergence: {text}",
        ClosedForm(),
    )


def _two_symbols(problem: Problem, p: FloatArray, P: float) -> Solution:
    rarer = float(p.min())  # the mass that has all its digits
    rows = bernoulli.channel(rarer, problem.D, P)
    formula = _Formula(
        "two symbols, Hamming [CT06, Theorem 10.3.1]"
        if P == Unbounded
        else "two symbols, Hamming, total variation [BM19, eq. S40]",
        partial(bernoulli.rate, rarer),
        partial(bernoulli.slopes, rarer),
        partial(bernoulli.regime, rarer),
    )
    scale = float(binary_entropy(rarer))
    return formula.answer(problem, P, scale, _discrete(p, rows[::-1, ::-1] if p[0] < p[1] else rows))


def _uniform(problem: Problem, p: FloatArray, P: float) -> Solution:
    formula = _Formula(
        f"{p.size} symbols of equal mass, Hamming, any divergence [CT06, problem 10.5]",
        partial(uniform_discrete.rate, p.size),
        partial(uniform_discrete.slopes, p.size),
        partial(uniform_discrete.regime, p.size),
    )
    candidate = None if p.size**2 > WRITTEN else _discrete(p, uniform_discrete.channel(p.size, problem.D))
    return formula.answer(problem, P, float(np.log(p.size)), candidate)


def _gaussian(problem: Problem, source: Gaussian, P: float, perception: Divergence) -> Solution:
    formula = _Formula(
        f"Gaussian, squared error [{'CT06, Theorem 10.3.2' if P == Unbounded else 'ZQCK21, Theorem 1'}]",
        partial(gaussian.rate, source.variance, perception=perception),
        partial(gaussian.slopes, source.variance, perception=perception),
        partial(gaussian.regime, source.variance, perception=perception),
    )
    if problem.D == 0.0:
        return formula.unreachable(problem)
    joint = gaussian.joint(source.mean, source.variance, problem.D, P, perception)
    scale = max(1.0, float(formula.rate(problem.D, P)))
    return formula.answer(problem, P, scale, Candidate(joint=joint))


def _gaussian_vector(problem: Problem, source: GaussianVector, P: float, perception: Divergence) -> Solution:
    variances, axes = source.principal
    largest = float(variances.max())
    turned = axes is not None and bool((source.covariance[~np.eye(variances.size, dtype=bool)] != 0.0).any())
    held = variances > (VANISHING * largest if turned else 0.0)  # the rest is rounding: Y = X there
    text = "Gaussian vector, squared error: an allocation over the principal axes [ZQCK21, Theorem 1]"
    if problem.D == 0.0:
        infinite, none = Bounds(Unbounded, Unbounded), Slopes(float("nan"), float("nan"))
        message = f"{text}; no channel of finite rate reaches D = 0"
        return Solution(problem, Unbounded, infinite, none, None, Status.INFEASIBLE, message, ClosedForm())
    found = gaussian_vector.allocate(variances[held], problem.D, P, perception)
    bounds = found.bounds
    if turned and bounds.upper > 0.0:  # dR/dλ_i at the prices is at most (s D_i + μ P_i)/λ_i
        owed = found.price_D * found.distortions
        if 0.0 < P < Unbounded:
            owed = owed + found.price_P * found.perceptions
        slack = variances.size * EPS * largest * float((owed / variances[held]).sum())
        bounds = Bounds(max(0.0, bounds.lower - slack), bounds.upper + slack)
    narrow = bounds.gap <= NARROW * max(1.0, bounds.upper)
    joint = _joint(source, held, found)
    return Solution(
        problem,
        bounds.upper,
        bounds,
        Slopes(0.0 - found.price_D, 0.0 - found.price_P),
        Candidate(joint=joint),
        Status.OPTIMAL if narrow else Status.STOPPED,
        text,
        ClosedForm(),
    )


def _joint(source: GaussianVector, held: NDArray[np.bool_], found: gaussian_vector.Allocation) -> JointGaussian:
    variances, axes = source.principal
    spread, common = np.maximum(variances, 0.0), np.maximum(variances, 0.0)
    spread[held] = found.spreads**2 * variances[held]
    common[held] = found.correlations * found.spreads * variances[held]
    if axes is None:
        blocks = np.stack([np.stack([variances, common], axis=1), np.stack([common, spread], axis=1)], axis=1)
        return JointGaussian(frozen_array(np.stack([source.mean, source.mean], axis=1)), frozen_array(blocks))
    middle, corner = (axes * common) @ axes.T, (axes * spread) @ axes.T
    covariance = np.block([[source.covariance, middle], [middle, corner]])
    return JointGaussian(frozen_array(np.concatenate([source.mean, source.mean])), frozen_array(covariance))


@dataclass(frozen=True)
class _Formula:
    """A closed form with its source filled in: functions of D and P."""

    text: str
    rate: Callable[[float, float], FloatArray]
    slopes: Callable[[float, float], tuple[FloatArray, FloatArray]]
    regime: Callable[[float, float], Regime]

    def answer(self, problem: Problem, P: float, scale: float, candidate: Candidate | None) -> Solution:
        bounds = self._bracket(problem.D, P, ALLOWANCE * scale)
        by_D, by_P = (float(slope) for slope in self.slopes(problem.D, P))
        message = f"{self.text}: {self.regime(problem.D, P).said(alone=P == Unbounded)}"
        return Solution(
            problem, bounds.upper, bounds, Slopes(by_D, by_P), candidate, Status.OPTIMAL, message, ClosedForm()
        )

    def unreachable(self, problem: Problem) -> Solution:
        """D = 0 of a density."""
        message = f"{self.text}: no channel of finite rate reaches D = 0"
        infinite, none = Bounds(Unbounded, Unbounded), Slopes(float("nan"), float("nan"))
        return Solution(problem, Unbounded, infinite, none, None, Status.INFEASIBLE, message, ClosedForm())

    def _bracket(self, D: float, P: float, slack: float) -> Bounds:
        if self.regime(D * (1.0 - ALLOWANCE), P * (1.0 - ALLOWANCE)) is Regime.ZERO:
            return Bounds(0.0, 0.0)
        value = float(self.rate(D, P))
        return Bounds(max(0.0, value - slack), value + slack)


def _discrete(p: FloatArray, rows: FloatArray) -> Candidate:
    channel = frozen_array(rows)
    return Candidate(channel=channel, output=frozen_array(p @ channel))


guard(__name__)
