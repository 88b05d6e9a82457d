"""R(D,P) where encoder and decoder both see Z: the question on pairs, in which no pair changes its z.

With X' = (X,Z) and Y' = (Y,Z) every channel that keeps z has I(X';Y') = I(X;Y|Z) + H(Z). So the rate is that of the
pairs less H(Z), with a distortion of inf wherever z changes: such entries are forbidden, which leaves blocks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import cast

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, ArrayLike, Bounds, FloatArray, Frozen, frozen_array
from rdptheory.certificates import lower_bound, upper_bound
from rdptheory.closed_forms import ClosedForm, between, match
from rdptheory.distortions import Distortion, SquaredError, Table, of_listed_reconstructions
from rdptheory.divergences import Divergence, FDivergence, KullbackLeibler, TotalVariation, Wasserstein2Squared
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, real_array
from rdptheory.geometry import TABLES, affordable
from rdptheory.information import law_entropy
from rdptheory.methods import DualPoint
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit, Problem
from rdptheory.solution import Candidate, Slopes, Solution, Status
from rdptheory.sources import DiscreteSource, Gaussian, GaussianVector, Pmf, Source

__all__ = ["ConditionalProblem", "SideInformation"]

SideInformation = ArrayLike | GaussianVector | None
KINDS = ("output", "joint")
NOTHING = 1e-12  # nats: what rounding may leave of a rate of 0
ROUNDED = 8.0 * UNIT_ROUNDOFF  # share of a logarithm of a number that was rounded once
OFF = 1e-12  # by which a sum of masses may miss what it should be, as in `Pmf`


@dataclass(frozen=True, eq=False)
class ConditionalProblem(Frozen):
    """R(D,P|Z) of a source: min I(X;Y|Z) over p(y|x,z).

    Parameters
    ----------
    plain : Problem
        The question without Z.
    side_information : array (n, k) or GaussianVector
        The joint law of (X, Z).
    realism : "output" or "joint"
    """

    plain: Problem
    side_information: FloatArray | GaussianVector
    realism: str

    def __init__(self, plain: Problem, side_information: SideInformation, realism: str) -> None:
        if realism not in KINDS:
            raise InvalidInput("realism", realism, f"must be {' or '.join(KINDS)}")
        if side_information is None:
            raise InvalidInput("realism", realism, "needs side_information")
        of_listed_reconstructions(plain.distortion)
        source = plain.source
        if isinstance(side_information, GaussianVector):
            joint: FloatArray | GaussianVector = side_information
            self._check_gaussian(plain, side_information, realism)
        elif isinstance(source, DiscreteSource):
            joint = _joint_law(side_information, source.probabilities)
            self._check_finite(plain, joint, realism)
        else:
            rule = "must be the GaussianVector of (X, Z) beside a Gaussian; other sources with a density take none"
            raise InvalidInput("side_information", side_information, rule)
        object.__setattr__(self, "plain", plain)
        object.__setattr__(self, "side_information", joint)
        object.__setattr__(self, "realism", realism)

    @staticmethod
    def _check_finite(plain: Problem, joint: FloatArray, realism: str) -> None:
        if realism == "joint" and np.isfinite(plain.P) and plain.perception is not None:
            moves = [ball.divergence for ball in plain.discrete.perceptions if ball.divergence.cost is not None]
            if any(plain.P > 0.0 or not divergence.definite for divergence in moves):
                rule = "moves y, and a pair (y, z) has no such cost: joint realism takes an f-divergence"
                raise InvalidInput("perception", plain.perception, rule)
            if isinstance(plain.distortion, Table) and plain.distortion.reference is not None:
                rule = "has a reference law for Y alone: joint realism compares (Y, Z) with (X, Z)"
                raise InvalidInput("distortion", plain.distortion, rule)
        n, k = joint.shape
        affordable("side_information", n * k, n * k, copies=TABLES)

    @staticmethod
    def _check_gaussian(plain: Problem, law: GaussianVector, realism: str) -> None:
        source = plain.source
        if not isinstance(source, Gaussian) or not isinstance(plain.distortion, SquaredError):
            raise InvalidInput("side_information", law, "fits a Gaussian source under squared error")
        covariance = law.covariance if law.covariance.ndim == 2 else np.diag(law.covariance)
        if law.mean.size < 2 or law.mean[0] != source.mean or covariance[0, 0] != source.variance:
            rule = "must be the law of (X, Z), with the mean and the variance of the source first"
            raise InvalidInput("side_information", law, rule)
        if plain.perception is not None and 0.0 < plain.P < np.inf:
            if realism == "output" and not isinstance(plain.perception, (FDivergence, Wasserstein2Squared)):
                rule = "has no formula for a Gaussian: output realism takes W2² or an f-divergence, or P = 0"
                raise InvalidInput("perception", plain.perception, rule)
            if realism == "joint" and not isinstance(plain.perception, FDivergence):
                rule = "is no mean over Z: joint realism of a Gaussian takes an f-divergence, or P = 0"
                raise InvalidInput("perception", plain.perception, rule)

    @property
    def source(self) -> Source:
        """The law of X."""
        return self.plain.source

    @property
    def distortion(self) -> Distortion:
        """d."""
        return self.plain.distortion

    @property
    def perception(self) -> Divergence | None:
        """δ."""
        return self.plain.perception

    @property
    def D(self) -> float:
        """The limit on E d."""
        return self.plain.D

    @property
    def P(self) -> float:
        """The limit on δ."""
        return self.plain.P

    @cached_property
    def discrete(self) -> DiscreteProblem:
        """The question on pairs (x, z) and (y, z) in C order. Symbols z of mass 0 are left out."""
        assert isinstance(self.side_information, np.ndarray)
        joint, plain = self.side_information[:, self._held], self.plain.discrete
        (n, k), m = joint.shape, plain.shape[1]
        other = np.eye(k)[None, :, None, :] == 0.0
        limits = []
        for limit in plain.distortions:
            table = np.where(other, np.inf, limit.table[:, None, :, None])
            limits.append(DistortionLimit(frozen_array(table.reshape(n * k, m * k)), limit.limit))
        balls: tuple[PerceptionLimit, ...] = ()
        for ball in plain.perceptions:
            if self.realism == "joint":
                divergence = ball.divergence if ball.divergence.cost is None else TotalVariation()  # at radius 0 alike
                balls = (PerceptionLimit(divergence, joint.ravel(), ball.limit),)
            else:
                reference = ball.reference
                if not (isinstance(self.distortion, Table) and self.distortion.reference is not None):
                    reference = np.array([math.fsum(row) for row in joint.tolist()])
                marginal = PerceptionLimit.marginal(ball.divergence, reference, ball.limit, (m, k), 0)
                balls = (marginal if k > 1 else PerceptionLimit(ball.divergence, reference, ball.limit),)
        return DiscreteProblem(frozen_array(joint.ravel()), tuple(limits), balls, (m, k) if k > 1 else None)

    @property
    def _held(self) -> np.ndarray:
        assert isinstance(self.side_information, np.ndarray)
        return np.asarray(self.side_information.sum(axis=0) > 0.0)

    @cached_property
    def entropy(self) -> Bounds:
        """H(Z) in nats: masses within five roundings of themselves move it by at most as many of H + 1."""
        assert isinstance(self.side_information, np.ndarray)
        masses = np.array([math.fsum(column) for column in self.side_information.T.tolist()])
        masses = masses[masses > 0.0] / math.fsum(masses.tolist())
        value = float(law_entropy(masses))
        error = UNIT_ROUNDOFF * (masses.size + 16) * (value + 1.0) if masses.size > 1 else 0.0
        return Bounds(max(0.0, value - error), value + error)

    def lower(self, dual: DualPoint) -> float:
        """What a dual point on pairs proves about I(X;Y|Z)."""
        return max(0.0, lower_bound(self.discrete, dual) - self.entropy.upper)

    @cached_property
    def ends(self) -> tuple[float, float, float]:
        """E d of the best channel of all, of the best guess from Z, and of a fresh draw given Z (inf without one)."""
        joint, table = cast(FloatArray, self.side_information)[:, self._held], self.plain.discrete.distortions[0].table
        cost = table.T @ joint
        square = table.shape[0] == table.shape[1]
        draw = float(np.vdot(cost, joint / joint.sum(axis=0))) if square else np.inf
        return float(joint.sum(axis=1) @ table.min(axis=1)), float(cost.min(axis=0).sum()), draw

    def law_of_pairs(self, output: FloatArray) -> FloatArray:
        """The law of (Y, Z), shape (m, k), as `discrete` numbers it."""
        return output[:, self._held].ravel()

    @property
    def by_z_alone(self) -> tuple[Pmf, Table, Divergence]:
        """What is left without a rate: Z as the source, the mean of d given z, and the law that δ compares with."""
        joint, plain = cast(FloatArray, self.side_information)[:, self._held], self.plain.discrete
        (ball,), masses = self.discrete.perceptions, joint.sum(axis=0)
        table, reference = (plain.distortions[0].table.T @ (joint / masses)).T, ball.reference
        if self.realism == "joint":
            k, m = table.shape
            other = np.eye(k)[:, None, :] == 0.0
            table = np.where(other, np.inf, table[:, :, None]).reshape(k, m * k)
        assert self.perception is not None
        moved = ball.divergence if ball.divergence.cost is not None else self.perception
        return Pmf.from_weights(masses), Table(table, reference), moved

    def silent(self) -> Solution[ConditionalProblem] | None:
        """The answer 0, where a reconstruction that knows Z alone keeps the limits: the best guess, or a fresh draw."""
        discrete, joint = self.discrete, cast(FloatArray, self.side_information)[:, self._held]
        given = joint / joint.sum(axis=0)
        m, k = self.plain.discrete.shape[1], joint.shape[1]
        guess = np.zeros((m, k))
        guess[(self.plain.discrete.distortions[0].table.T @ given).argmin(axis=0), np.arange(k)] = 1.0
        for law in (guess, *([given] if m == joint.shape[0] else [])):
            rows = np.zeros((k, m, k))
            rows[np.arange(k), :, np.arange(k)] = law.T
            channel = np.tile(rows.reshape(k, m * k), (joint.shape[0], 1))
            limits = np.array([limit.limit for limit in discrete.distortions])
            spent, made = discrete.expected_distortions(channel), discrete.probabilities @ channel
            if (spent > limits).any() or any(ball.value(made) > ball.limit + NOTHING for ball in discrete.perceptions):
                continue
            found = upper_bound(discrete, channel)
            upper = max(0.0, found.rate - self.entropy.lower)
            if upper <= NOTHING and found.channel is not None:
                text, none = "a reconstruction that knows Z alone keeps both limits", Slopes(0.0, 0.0)
                shown = Candidate(found.channel, discrete.output(found.channel))
                bounds = Bounds(0.0, found.rate)
                return Solution(self, found.rate, bounds, none, shown, Status.OPTIMAL, text, ClosedForm())
        return None

    def of_pairs(self, found: Solution[ConditionalProblem]) -> Solution[ConditionalProblem]:
        """The answer on pairs as one about X and Y given Z."""
        assert isinstance(self.side_information, np.ndarray)
        H, bounds = self.entropy, found.bounds
        lower = max(0.0, bounds.lower - H.upper)
        upper = max(lower, bounds.upper - H.lower)
        candidate = None
        if found.candidate is not None and found.candidate.channel is not None:
            joint, held = self.side_information, self._held
            (n, k), m = joint.shape, self.plain.discrete.shape[1]
            pairs = found.candidate.channel.reshape(n, int(held.sum()), m, -1)
            kept = np.einsum("xzyz->xzy", pairs)
            law = np.einsum("xz,xzy->yz", joint[:, held], kept)
            channel = np.empty((n, k, m))
            channel[:, ~held] = law.sum(axis=1) / law.sum()  # what Y does at a z that never comes
            unseen = joint[:, held] <= 0.0
            given = law / law.sum(axis=0)
            channel[:, held] = np.where(unseen[:, :, None], given.T[None, :, :], kept)
            channel /= channel.sum(axis=2, keepdims=True)
            output = np.zeros((m, k))
            output[:, held] = np.einsum("xz,xzy->yz", joint[:, held], channel[:, held])
            candidate = Candidate(frozen_array(channel), frozen_array(output))
        return replace(found, rate=upper, bounds=Bounds(lower, upper), candidate=candidate)

    @property
    def gaussian(self) -> bool:
        """Whether (X, Z) is Gaussian."""
        return isinstance(self.side_information, GaussianVector)

    @property
    def decoupled(self) -> bool:
        """Whether a Gaussian's limits concern what Z leaves of X alone: under joint realism, or without a ball."""
        return self.realism == "joint" or self.perception is None or np.isinf(self.P)

    @cached_property
    def scalar(self) -> Problem:
        """The scalar question of a Gaussian: about N(0, Var(X|Z)) where that decouples, else about X itself.

        At P = 0, D = 0 and D = inf the answer is the same under every divergence.
        """
        plain = self.plain
        if plain.perception is not None and (self.P == 0.0 or self.D in (0.0, np.inf)):
            plain = replace(plain, perception=KullbackLeibler())
        return replace(plain, source=Gaussian(0.0, float(self._left))) if self.decoupled else plain

    @cached_property
    def _left(self) -> Fraction:
        """Var(X|Z)."""
        assert isinstance(self.side_information, GaussianVector)
        return _conditional_variance(self.side_information)

    @cached_property
    def shared(self) -> Bounds:
        """I(X;Z) of a Gaussian, from the share of the variance that Z explains."""
        variance = Fraction(cast(Gaussian, self.source).variance)
        explained = float((variance - self._left) / variance)
        value = -0.5 * float(np.log1p(-explained) if explained < 0.5 else np.log(float(self._left / variance)))
        return Bounds(max(0.0, value * (1.0 - ROUNDED)), value * (1.0 + ROUNDED))

    def of_gaussian(self, ask: Callable[[Problem], Solution]) -> Solution[ConditionalProblem]:
        """The answer about a Gaussian, from that of its scalar question.

        Given Z = z both X and Y are shifted by E(X|z), which changes no mean square and no f-divergence, and R(D,P) is
        convex in both limits, so that no allocation of them over z costs less. Where only the law of Y counts, second
        moments decide, as they do for R(D,P); the best Y is correlated with Z as well, and the rate is what R(D,P)
        has beyond I(X;Z).
        """
        found = ask(self.scalar) if self.decoupled else match(self.scalar) or between(self.scalar)
        assert found is not None
        about_z = cast("Solution[ConditionalProblem]", found)
        if self.decoupled:
            text = "given Z a Gaussian has one law but for its mean"
            turned = abs(found.slopes.D) * self.D  # -dR/dlog Var(X|Z), which was rounded once
            error = 4.0 * UNIT_ROUNDOFF * (1.0 + turned) if np.isfinite(turned) else 0.0
            bounds = Bounds(max(0.0, found.bounds.lower - error), found.bounds.upper + error)
        else:
            text = "less I(X;Z), as second moments decide"
            lower = max(0.0, found.bounds.lower - self.shared.upper)
            bounds = Bounds(lower, max(lower, found.bounds.upper - self.shared.lower))
            about_z = about_z if bounds.upper > 0.0 else replace(about_z, slopes=Slopes(0.0, 0.0))
        said = f"{found.message}; {text}"
        return replace(about_z, problem=self, rate=bounds.upper, bounds=bounds, message=said)


def _joint_law(given: ArrayLike, p: FloatArray) -> FloatArray:
    """A joint law (n, k), as it was given, once its rows are seen to sum to p."""
    joint = real_array("side_information", given)
    if joint.ndim != 2 or joint.shape[0] != p.size or joint.shape[1] == 0:
        rule = f"must have shape ({p.size}, k), a row for each symbol, has {joint.shape}"
        raise InvalidInput("side_information", given, rule)
    if not ((joint >= 0.0) & (joint <= 1.0 + OFF)).all():
        raise InvalidInput("side_information", given, "masses must lie in [0, 1]")
    sums = np.array([math.fsum(row) for row in joint.tolist()])
    if not (np.abs(sums - p) <= OFF).all():
        worst = int(np.argmax(np.abs(sums - p)))
        rule = f"row {worst} sums to {sums[worst]:.12g}, the source has mass {p[worst]:.12g} there"
        if (np.abs(sums - 1.0) <= OFF).all():
            rule = "must be p(x, z), and its rows sum to 1 as those of p(z|x) do: multiply each by the mass of its x"
        raise InvalidInput("side_information", given, rule)
    return joint


def _conditional_variance(law: GaussianVector) -> Fraction:
    """Var(X|Z), by elimination in rational numbers."""
    covariance = law.covariance if law.covariance.ndim == 2 else np.diag(law.covariance)
    rows = [[Fraction(value) for value in row] for row in covariance.tolist()]
    left = list(range(1, len(rows)))
    while left:
        pivot = max(left, key=lambda i: rows[i][i])
        if rows[pivot][pivot] <= 0:
            break
        left.remove(pivot)
        for i in [0, *left]:
            factor = rows[i][pivot] / rows[pivot][pivot]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[pivot], strict=True)]
    if not rows[0][0] > 0:
        raise InvalidInput("side_information", law, "determines X: nothing is left to describe")
    return rows[0][0]


guard(__name__)
