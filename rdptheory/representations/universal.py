"""One representation for several operating points: the rate R(Θ), its penalty, and the decoders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from math import nextafter

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, Bounds, FloatArray, frozen_array
from rdptheory.closed_forms import gaussian, match
from rdptheory.distortions import Distortion, SquaredError
from rdptheory.divergences import Divergence, Wasserstein2Squared
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, at_least_zero, real
from rdptheory.information import entropy
from rdptheory.methods import Method
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit, Problem
from rdptheory.representations.decoders import best_decoder, spent
from rdptheory.solution import Candidate, JointGaussian, Slopes, Solution, Status
from rdptheory.solve import answers, wanted_gap
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.solvers.outcome import answered, searched
from rdptheory.sources import DiscreteSource, Gaussian, Source
from rdptheory.watch import Watch, ending, leaving, next_part

__all__ = ["ScalingDecoder", "UniversalProblem", "gaussian_decoders", "rate_penalty", "universal_rate"]

LARGEST = 2**22  # entries of the channel: 32 MiB, of which a solve keeps a dozen

Points = Iterable[tuple[float, float]]


@dataclass(frozen=True)
class UniversalProblem:
    """R(Θ): min I(X;Z) over p(z|x) such that every (D_k, P_k) of Θ is served by some decoder p(y_k|z).

    Attributes
    ----------
    source, distortion, perception : as in `Problem`
    points : tuple of (D_k, P_k)
        At least one; each number at least 0, inf lifts the limit.
    """

    source: Source
    distortion: Distortion
    perception: Divergence | None
    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        try:
            pairs = tuple((real("D", D), at_least_zero("P", P)) for D, P in self.points)
        except TypeError:
            raise InvalidInput("points", self.points, "must be pairs (D, P)") from None
        if not pairs:
            raise InvalidInput("points", self.points, "must hold at least one pair (D, P)")
        object.__setattr__(self, "points", pairs)
        _ = self.parts  # the checks of the arguments are those of `Problem`

    @cached_property
    def parts(self) -> tuple[Problem, ...]:
        """The question of each point alone."""
        return tuple(Problem(self.source, self.distortion, self.perception, D, P) for D, P in self.points)

    def answerable(self) -> UniversalProblem:
        """Itself, once it is known to have an answer: a finite alphabet, or a Gaussian whose points have formulas.

        Raises
        ------
        InvalidInput
            Another source, or a limit under which no jointly Gaussian decoder is the best: [ZQCK21], Theorem 3, says
            nothing of it.
        """
        if isinstance(self.source, DiscreteSource):
            return self
        if not isinstance(self.source, Gaussian):
            rule = "must have a finite alphabet, which discretise(source, n) makes, or be a Gaussian"
            raise InvalidInput("source", self.source, rule)
        if not isinstance(self.distortion, SquaredError):
            raise InvalidInput("distortion", self.distortion, "must be SquaredError() for a Gaussian")
        if any(match(part) is None for part in self.parts):
            rule = "must be Wasserstein2Squared() or KullbackLeibler() for a Gaussian, or P be 0 or inf at every point"
            raise InvalidInput("perception", self.perception, rule)
        return self

    def product(self, chosen: Iterable[int]) -> DiscreteProblem:
        """The question of some of the points, Z = (Y_k), as one discrete problem on the product alphabet."""
        parts = [_finite(self.parts[k]) for k in chosen]
        alphabet = tuple(part.shape[1] for part in parts)
        coordinates = np.unravel_index(np.arange(int(np.prod(alphabet))), alphabet)
        limits = tuple(
            DistortionLimit(frozen_array(part.distortions[0].table[:, digits]), part.distortions[0].limit)
            for part, digits in zip(parts, coordinates, strict=True)
        )
        balls = tuple(
            PerceptionLimit.marginal(ball.divergence, ball.reference, ball.limit, alphabet, axis)
            for axis, part in enumerate(parts)
            for ball in part.perceptions
        )
        return DiscreteProblem(parts[0].probabilities, limits, balls, alphabet)


def universal_rate(
    source: Source,
    distortion: Distortion,
    perception: Divergence | None,
    points: Points,
    *,
    method: Method | None = None,
) -> Solution[UniversalProblem]:
    """The least rate of one representation that serves several operating points, with a proof.

        R(Θ) = min over p(z|x) of I(X;Z)
               subject to, for every (D_k, P_k) of Θ, some p(y_k|z):  E d(X,Y_k) <= D_k,  δ(p_X, p_{Y_k}) <= P_k

    Z = (Y_1, ..., Y_K) loses nothing, so this is the problem of `rdp` on the product alphabet. It is solved for a few
    of the points first: if decoders of that representation serve the others too, the rate is that of all of them,
    because decoding adds no information; otherwise the point that is missed by most joins the few.

    Parameters
    ----------
    source : Pmf, Bernoulli, Empirical, or Gaussian
        A Gaussian takes squared error with W2² or KL, and every divergence at P = 0 and P = inf.
    distortion, perception
        As in `rdp`.
    points : pairs (D_k, P_k)
        At least 0; inf lifts a limit.
    method : InteriorPoint, any object with `solve(problem) -> Outcome`, or None
        The problem on the product alphabet has a limit for every finite D_k and P_k.

    Returns
    -------
    Solution
        `candidate.channel` has shape (n, m_1, ..., m_K): p(y_1, ..., y_K | x), every marginal of which keeps its
        limits. `candidate.output` is the law of (Y_1, ..., Y_K). `slopes` are the sums over the points. For a Gaussian
        the rate is the largest R(D_k, P_k), `candidate.joint` is the law of (X, Z) with Var Z = Var X, and
        `gaussian_decoders` gives the decoders. INFEASIBLE with rate inf if no representation serves all points.

    Raises
    ------
    InvalidInput
        An argument that `rdp` would refuse, no points, or a channel of more than 4 million entries.

    References
    ----------
    [ZQCK21], Definition 2 and Theorem 3.

    Examples
    --------
    >>> from rdptheory import Bernoulli, Hamming, TotalVariation
    >>> extremes = [(0.1911135720, 0.0), (0.1548837329, float("inf"))]
    >>> solution = universal_rate(Bernoulli(0.2), Hamming(), TotalVariation(), extremes)
    >>> round(float(solution.rate / np.log(2)), 6), solution.candidate.channel.shape
    (0.124287, (2, 2, 2))
    """
    problem = UniversalProblem(source, distortion, perception, tuple(points)).answerable()
    with Watch("R(Θ)"):
        return _together(problem, _alone(problem, method), InteriorPoint() if method is None else method)


def _alone(problem: UniversalProblem, method: Method | None) -> tuple[Solution, ...]:
    """R(D_k, P_k) of each point, or of the first few if somebody ends the search."""
    found: list[Solution] = []
    with leaving():
        coming = answers(problem.parts, method)
        for _ in problem.parts:
            next_part(max((answer.bounds.lower for answer in found), default=0.0), np.inf)
            found.append(next(coming))
    return tuple(found)


def _together(problem: UniversalProblem, alone: tuple[Solution, ...], method: Method) -> Solution[UniversalProblem]:
    """R(Θ), from the rates of its points."""
    if len(alone) < len(problem.parts):
        return _lower_only(problem, alone, method, ending(""))
    if isinstance(problem.source, Gaussian):
        return _gaussian(problem, alone)
    discrete = [_finite(part) for part in problem.parts]
    size = discrete[0].shape[0] * float(np.prod([float(part.shape[1]) for part in discrete]))
    if size > LARGEST:
        raise InvalidInput("points", problem.points, f"the channel would have {size:.3g} entries, more than {LARGEST}")
    for answer in alone:
        if answer.status is Status.INFEASIBLE:
            return _about(problem, answer, None, answer.message, method)
    if any(answer.candidate is None for answer in alone):  # a method that found no channel
        return _lower_only(problem, alone, method, "no channel was found for one of the points")
    if all(answer.rate == 0.0 for answer in alone):
        return _zero_rate(problem, alone, method)
    return _Search(problem, alone, method).run()


def _lower_only(
    problem: UniversalProblem, alone: tuple[Solution, ...], method: Method, sentence: str
) -> Solution[UniversalProblem]:
    """What the rates of some points prove about all of them."""
    bounds = Bounds(max((answer.bounds.lower for answer in alone), default=0.0), float("inf"))
    nothing = Slopes(float("nan"), float("nan"))
    return Solution(problem, bounds.upper, bounds, nothing, None, Status.STOPPED, sentence, method)


def _about(
    problem: UniversalProblem, answer: Solution, candidate: Candidate | None, message: str, method: Method
) -> Solution[UniversalProblem]:
    """The answer of one point as that of all."""
    return Solution(
        problem, answer.rate, answer.bounds, answer.slopes, candidate, answer.status, message, method, answer.steps
    )


def rate_penalty(
    source: Source,
    distortion: Distortion,
    perception: Divergence | None,
    points: Points,
    *,
    method: Method | None = None,
) -> Bounds:
    """A(Θ) = R(Θ) - max over Θ of R(D,P): the price of one representation for all points, bracketed, in nats.

    0 for a Gaussian, whatever the points. Arguments as in `universal_rate`. At least 0; the bracket is as wide as
    those of the rates it subtracts. Ctrl-C in a long search keeps what is proved by then, as in `universal_rate`:
    before every point has its own rate, that the penalty is at least 0.

    Raises
    ------
    InvalidInput
        As `universal_rate`; also if no representation serves the points, when the penalty is not defined.

    References
    ----------
    [ZQCK21], Section 3.

    >>> from rdptheory import Gaussian, SquaredError, Wasserstein2Squared
    >>> rate_penalty(Gaussian(0.0, 1.0), SquaredError(), Wasserstein2Squared(), [(0.5, 0.0), (0.3, 0.2)])
    Bounds(lower=0.0, upper=0.0)
    """
    problem = UniversalProblem(source, distortion, perception, tuple(points)).answerable()
    with Watch("R(Θ)"):
        alone = _alone(problem, method)
        together = _together(problem, alone, InteriorPoint() if method is None else method)
    if together.status is Status.INFEASIBLE:
        raise InvalidInput("points", problem.points, "no representation of finite rate serves them")
    if isinstance(source, Gaussian):
        return Bounds(0.0, 0.0)
    if len(alone) < len(problem.parts):  # the hardest point may be one that nobody has asked
        return Bounds(0.0, float("inf"))
    lower = nextafter(together.bounds.lower - max(answer.bounds.upper for answer in alone), -np.inf)
    upper = together.bounds.upper - max(answer.bounds.lower for answer in alone)
    return Bounds(0.0 if np.isnan(lower) else max(0.0, lower), nextafter(upper, np.inf) if upper > 0.0 else 0.0)


@dataclass(frozen=True)
class ScalingDecoder:
    """Y = offset + factor Z: a decoder of a Gaussian representation."""

    factor: float
    offset: float

    def __call__(self, z: FloatArray) -> FloatArray:
        """The reconstruction of z."""
        return np.asarray(self.offset + self.factor * z)


def gaussian_decoders(
    source: Gaussian, points: Points, perception: Divergence | None = None
) -> tuple[ScalingDecoder, ...]:
    """The decoders that serve every point from one Z, jointly Gaussian with X, of the mean and variance of X.

    With ρ² = 1 - exp(-2 R(Θ)) the squared correlation of X and Z and g_k σ the least standard deviation that P_k
    allows (1 - √P_k/σ for W2²), Y_k = mean + max(g_k, ρ) (Z - mean).

    >>> [round(decoder.factor, 6) for decoder in gaussian_decoders(Gaussian(0.0, 1.0), [(0.25, float("inf"))])]
    [0.866025]
    """
    ball = perception or Wasserstein2Squared()
    problem = UniversalProblem(source, SquaredError(), ball, tuple(points)).answerable()
    rate = max(answer.rate for answer in _alone(problem, None))
    correlation = float(np.sqrt(-np.expm1(-2.0 * rate)))
    decoders = []
    for _, P in problem.points:
        held = gaussian.formula_for(ball, P) or ball
        independent = gaussian.joint(0.0, source.variance, 2.0 * source.variance, P, held)  # Y of least variance
        factor = max(correlation, float(np.sqrt(independent.covariance[1, 1])) / source.standard_deviation)
        decoders.append(ScalingDecoder(factor, source.mean * (1.0 - factor)))
    return tuple(decoders)


def _gaussian(problem: UniversalProblem, alone: tuple[Solution, ...]) -> Solution[UniversalProblem]:
    """[ZQCK21], Theorem 3: every point of the tradeoff at one rate is a scaling of the same Z."""
    assert isinstance(problem.source, Gaussian)
    hardest = max(alone, key=lambda answer: answer.rate)
    if hardest.status is Status.INFEASIBLE:
        return _about(problem, hardest, None, hardest.message, hardest.method)
    mean, variance = problem.source.mean, problem.source.variance
    common = variance * float(np.sqrt(-np.expm1(-2.0 * hardest.rate)))
    joint = JointGaussian(frozen_array([mean, mean]), frozen_array([[variance, common], [common, variance]]))
    message = "the largest R(D, P) of the points; Gaussian representations are universal [ZQCK21, Theorem 3]"
    return _about(problem, hardest, Candidate(joint=joint), message, hardest.method)


def _zero_rate(problem: UniversalProblem, alone: tuple[Solution, ...], method: Method) -> Solution[UniversalProblem]:
    """Reconstructions that ignore the source serve every point."""
    laws = [answer.candidate.output for answer in alone if answer.candidate is not None]
    decoders = [law[None, :] for law in laws if law is not None]
    source = problem.parts[0].discrete.probabilities
    channel = _joined(np.ones((source.size, 1)), decoders)
    return Solution(
        problem,
        0.0,
        Bounds(0.0, 0.0),
        Slopes(0.0, 0.0),
        _candidate(source, channel),
        Status.OPTIMAL,
        "reconstructions that ignore the source serve every point",
        method,
    )


def _candidate(source: FloatArray, channel: FloatArray) -> Candidate:
    return Candidate(frozen_array(channel), frozen_array(np.tensordot(source, channel, axes=(0, 0))))


def _joined(representation: FloatArray, decoders: Sequence[FloatArray]) -> FloatArray:
    """Σ_z p(z|x) Π_k p(y_k|z), shape (n, m_1, ..., m_K), for p(z|x) (n, l) and decoders (l, m_k)."""
    rows = representation.shape[0]
    channel = np.zeros((rows, int(np.prod([decoder.shape[1] for decoder in decoders]))))
    for z in range(representation.shape[1]):
        law = np.ones(1)
        for decoder in decoders:
            law = np.multiply.outer(law, decoder[z]).ravel()
        channel += np.multiply.outer(representation[:, z], law)
    return channel.reshape(rows, *(decoder.shape[1] for decoder in decoders))


class _Search:
    """Points join the representation one at a time until decoders serve the rest."""

    def __init__(self, problem: UniversalProblem, alone: tuple[Solution, ...], method: Method) -> None:
        self.problem, self.alone, self.method = problem, alone, method
        self.gap = wanted_gap(method)
        self.parts = [part.discrete for part in problem.parts]
        self.p = self.parts[0].probabilities
        self.steps = 0
        self.lower, self.upper = max(answer.bounds.lower for answer in alone), float("inf")
        self.slopes = Slopes(float("nan"), float("nan"))
        self.candidate: Candidate | None = None
        self.sentence = "no channel was found"

    def run(self) -> Solution[UniversalProblem]:
        with leaving():
            self._join()
        lower, upper = self.lower, self.upper
        reached = upper - lower <= self.gap
        return Solution(
            self.problem,
            upper,
            Bounds(lower, upper),
            self.slopes,
            self.candidate,
            Status.OPTIMAL if reached else Status.STOPPED,
            self.sentence if reached else ending(self.sentence),
            self.method,
            self.steps,
        )

    def _join(self) -> None:
        chosen = [int(np.argmax([answer.rate for answer in self.alone]))]
        while True:
            next_part(self.lower, self.upper)
            bounds, representation, slopes, sentence = self._solve(chosen)
            self.lower = max(self.lower, bounds.lower)
            if representation is None:
                return
            decoders, missed = self._decoders(chosen, representation)
            channel, share = self._repaired(chosen, representation, decoders)
            upper = bounds.upper + share * max(entropy(self.p) - bounds.upper, 0.0) * (
                1.0 + UNIT_ROUNDOFF * self.p.size
            )
            if upper <= self.upper:
                self.candidate, self.slopes, self.upper = _candidate(self.p, channel), slopes, upper
                served = f"the representation of {len(chosen)} of {len(self.parts)} points serves all"
                self.sentence = f"{sentence or 'the bracket is as narrow as asked'}; {served}"
            if self.upper - self.lower <= self.gap or not missed or bounds.gap > self.gap:
                return
            chosen.append(max(missed, key=lambda k: missed[k]))

    def _solve(self, chosen: list[int]) -> tuple[Bounds, FloatArray | None, Slopes, str]:
        if len(chosen) == 1:
            alone = self.alone[chosen[0]]
            assert alone.candidate is not None
            assert alone.candidate.channel is not None
            return alone.bounds, alone.candidate.channel, alone.slopes, ""
        product = self.problem.product(chosen)
        outcome = searched(product, lambda: answered(product, self.method))
        self.steps += outcome.steps
        slopes = Slopes(float(outcome.slope_D.sum()), float(outcome.slope_P.sum()))
        return outcome.bounds, outcome.channel, slopes, outcome.sentence

    def _decoders(self, chosen: list[int], representation: FloatArray) -> tuple[list[FloatArray], dict[int, float]]:
        """A decoder p(y_k|z) for every point, and by how much the least E d of a point is above its D_k."""
        masses = self.p @ representation
        seen = masses > 0.0
        posterior = (self.p[:, None] * representation)[:, seen] / masses[seen]
        sizes = tuple(self.parts[k].shape[1] for k in chosen)
        digits = np.unravel_index(np.arange(masses.size), sizes)
        decoders, missed = [], {}
        for k, part in enumerate(self.parts):
            if k in chosen:
                decoders.append(np.eye(part.shape[1])[digits[chosen.index(k)]])
                continue
            found = best_decoder(masses[seen], posterior.T @ part.distortions[0].table, _ball(part))
            decoder = np.full((masses.size, part.shape[1]), 1.0 / part.shape[1])
            decoder[seen] = found.channel
            decoders.append(decoder)
            if found.bounds.upper > part.distortions[0].limit:
                missed[k] = found.bounds.upper - part.distortions[0].limit
        return decoders, missed

    def _repaired(
        self, chosen: list[int], representation: FloatArray, decoders: list[FloatArray]
    ) -> tuple[FloatArray, float]:
        """The channel of all reconstructions that now and then reveals X, so that every D_k is kept, and how often.

        What rounding may hide in the limits of the chosen points is paid for in their rate.
        """
        channel, rows = _joined(representation, decoders), self.p > 0.0
        share, p = 0.0, self.p[rows]
        best = [cache(partial(best_decoder, p, part.distortions[0].table[rows], _ball(part))) for part in self.parts]
        for k, (part, decoder) in enumerate(zip(self.parts, decoders, strict=True)):
            limit, table, served = part.distortions[0].limit, part.distortions[0].table[rows], representation @ decoder
            over = 0.0 if k in chosen else spent(p, served[rows], table, _ball(part)) - limit
            if over > 0.0:
                room = limit - best[k]().bounds.upper
                kept = float(np.vdot(p[:, None] * served[rows], table)) <= limit  # where none is known to be inside
                share = max(share, over / (over + room) if room > 0.0 else 0.0 if kept else 1.0)
        if share == 0.0:
            return channel, 0.0
        revealed = [np.full(part.shape, 1.0 / part.shape[1]) for part in self.parts]
        for told, found in zip(revealed, best, strict=True):
            told[rows] = found().channel
        return (1.0 - share) * channel + share * _joined(np.eye(self.p.size), revealed), share


def _finite(part: Problem) -> DiscreteProblem:
    """The question of one point, once its table is known to forbid nothing: decoders mix all symbols."""
    if part.discrete.barred is not None:
        raise InvalidInput("distortion", part.distortion, "must be finite: decoders of one representation mix symbols")
    return part.discrete


def _ball(part: DiscreteProblem) -> PerceptionLimit | None:
    return part.perceptions[0] if part.perceptions else None


guard(__name__)
