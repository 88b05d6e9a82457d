"""The verbs about a second variable: codes that must tell classes apart, and decoders with side information."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, nan
from typing import Any

import numpy as np

from rdptheory._types import ArrayLike, Bounds, FloatArray, IntArray, frozen_array
from rdptheory.certificates.relevance import Letters, Prices
from rdptheory.distortions import Distortion
from rdptheory.divergences import Divergence
from rdptheory.doors import guard, unchanged
from rdptheory.information import entropy, law_entropy
from rdptheory.methods import DualPoint, Method
from rdptheory.relevance_problem import (
    Posteriors,
    RelevanceProblem,
    RelevantSlopes,
    Representation,
    SideInformationProblem,
)
from rdptheory.solution import Candidate, Solution, Status, plain
from rdptheory.solve import rdp
from rdptheory.solvers.relevance import ClassGrid, Coded
from rdptheory.sources import DiscreteSource
from rdptheory.units import Unit, nats_to_bits

__all__ = ["RelevantSolution", "bottleneck", "bottleneck_curve", "relevant_rate", "side_information_rate"]

BY_CELLS = 1e-6
"""Gap in nats asked for with three classes and more, where the proof cuts a triangle into cells."""
PROVED = 3
"""Classes up to which the cells close the bracket."""
LOWER_ONLY = (
    "with more than three classes the upper end is the best code of a local search, and the lower end the best of what "
    "cells of the simplex, H(S) - C and R(D,P) prove"
)


@dataclass(frozen=True, eq=False)
class RelevantSolution(Solution[RelevanceProblem | SideInformationProblem]):
    """A `Solution` whose candidate is a `Representation` and whose slopes name dR/dC.

    `dual` holds what proves the lower end: f is the g of the bound in docs/method.md, s = (-dR/dD, -dR/dC).
    """

    problem: RelevanceProblem | SideInformationProblem
    slopes: RelevantSlopes
    candidate: Candidate | None
    method: Method | ClassGrid  # type: ignore[assignment]  # the methods of `rdp` answer where a limit costs nothing

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a table or a JSON file, those of `Solution` and C with its slope."""
        return super().to_dict() | {
            "C": plain(getattr(self.problem, "C", None)),
            "slope_C_nat": plain(self.slopes.C),
        }

    def slopes_in(self, unit: Unit, name: str) -> str:
        """The slopes in words; dR/dC is the same in any unit, and where the decoder sees Z there is none."""
        by_C = f", dR/dC = {self.slopes.C:.6g}" if isinstance(self.problem, RelevanceProblem) else ""
        return super().slopes_in(unit, name) + by_C


def relevant_rate(
    source: DiscreteSource,
    relevance: ArrayLike,
    distortion: Distortion | None = None,
    perception: Divergence | None = None,
    *,
    C: float,
    D: float = inf,
    P: float = inf,
    method: ClassGrid | None = None,
) -> RelevantSolution:
    """The least rate of a code from which classes can still be told, R(D,P,C), with a proof.

        R(D,P,C) = min over p(u|x), y = g(u) of I(X;U)
                   subject to   E d(X,Y) <= D,   δ(p_X, p_Y) <= P,   H(S|U) <= C        (S - X - U)

    The minimum is over all codes U, any number of letters to a reconstruction. Long blocks reach it by time sharing; a
    minimum over channels p(y|x) with H(S|Y) <= C, which is no convex program, can be larger.

    Parameters
    ----------
    source : Pmf, Bernoulli or Empirical
        n symbols.
    relevance : array (n, k)
        p(s|x), a law for each symbol.
    distortion, perception : as in `rdp`; None where nothing is reconstructed
    C : float
        Limit on H(S|U) in nats, from H(S|X) on; from H(S) on it costs nothing.
    D, P : float
    method : ClassGrid, optional

    Returns
    -------
    RelevantSolution
        `candidate.weights`, `.posteriors` and `.labels` are p(u), p(x|u) and y(u); `slopes.C` is dR/dC. The lower end
        holds for codes with any letters. With two classes the bracket is as narrow as for `rdp`, with three it is 1e-6
        nat wide; with more it is honest and wide. INFEASIBLE if C is below H(S|X), or no channel keeps D and P.

    Raises
    ------
    InvalidInput
        Malformed arguments, a source without a finite alphabet, a finite D or P without a distortion.

    References
    ----------
    [WWMZ24] for the problem; the bracket is derived in docs/method.md.

    Examples
    --------
    >>> from rdptheory import Pmf, SquaredError, TotalVariation, relevant_rate
    >>> source, relevance = Pmf([0.4, 0.3, 0.2, 0.1]), [[0.95, 0.05], [0.7, 0.3], [0.4, 0.6], [0.1, 0.9]]
    >>> solution = relevant_rate(source, relevance, SquaredError(), TotalVariation(), C=0.5, D=0.4, P=0.02)
    >>> round(solution.rate, 6), round(solution.slopes.C, 3)
    (0.488287, -6.609)
    """
    problem = RelevanceProblem(source, relevance, distortion, perception, C, D, P)  # type: ignore[arg-type]
    question = problem.posteriors
    if method is None:
        method = ClassGrid() if problem.relevance.shape[1] == 2 else ClassGrid(gap=BY_CELLS)
    if question.C < question.least - 4.0 * question.rounding:
        least = f"{question.least:.6g} nat = {nats_to_bits(question.least):.6g} bit"
        return _infeasible(problem, method, f"C is below H(S|X) = {least}, what no code can tell of S")
    free: Solution | None = None
    if problem.plain is not None and not problem.free:
        free = rdp(source, problem.plain.distortion, perception, D=D, P=P)
        if free.status is Status.INFEASIBLE:
            return _infeasible(problem, method, free.message)
        told = _without_classes(problem, question, free, method)
        if told is not None:
            return told
    elif question.C >= question.most - 4.0 * question.rounding:
        return _zero_rate(problem, question, method, "C is at least H(S): a code of one letter keeps it")
    unchanged(method=method)  # it judges what it finds
    found = method.solve(question)
    floor = max(question.most - question.C - 2.0 * question.rounding, 0.0 if free is None else free.bounds.lower)
    k = problem.relevance.shape[1]
    return _answer(problem, question, found, floor, method, LOWER_ONLY if k > PROVED else "")


def bottleneck(
    source: DiscreteSource, relevance: ArrayLike, *, C: float, method: ClassGrid | None = None
) -> RelevantSolution:
    """The information bottleneck: min I(X;U) subject to H(S|U) <= C, with a proof.

    `relevant_rate` without reconstructions, whose arguments and answer it has.

    References
    ----------
    [TPB99]

    Examples
    --------
    >>> from rdptheory import Pmf, bottleneck
    >>> relevance = [[0.95, 0.05], [0.7, 0.3], [0.4, 0.6], [0.1, 0.9]]
    >>> solution = bottleneck(Pmf([0.4, 0.3, 0.2, 0.1]), relevance, C=0.5)
    >>> round(solution.rate, 6), solution.gap < 1e-9
    (0.487214, True)
    """
    return relevant_rate(source, relevance, C=C, method=method)


def bottleneck_curve(
    source: DiscreteSource, relevance: ArrayLike, Cs: Iterable[float], *, method: ClassGrid | None = None
) -> list[RelevantSolution]:
    """`bottleneck` at every C, in their order.

    >>> from rdptheory import Pmf, bottleneck_curve
    >>> relevance = [[0.95, 0.05], [0.7, 0.3], [0.4, 0.6], [0.1, 0.9]]
    >>> [round(one.rate, 4) for one in bottleneck_curve(Pmf([0.4, 0.3, 0.2, 0.1]), relevance, [0.45, 0.5, 0.6])]
    [0.9345, 0.4872, 0.0747]
    """
    whole = RelevanceProblem(source, relevance, None, None, inf)  # type: ignore[arg-type]
    return [bottleneck(source, whole.relevance, C=C, method=method) for C in Cs]


def side_information_rate(
    source: DiscreteSource,
    relevance: ArrayLike,
    distortion: Distortion,
    *,
    D: float,
    method: ClassGrid | None = None,
) -> RelevantSolution:
    """The least rate for a decoder that sees Z while the encoder does not, with a proof (Wyner and Ziv).

        R(D) = min over p(u|x), y = g(u,z) of I(X;U) - I(Z;U)   subject to   E d(X,Y) <= D        (Z - X - U)

    Parameters
    ----------
    source : Pmf, Bernoulli or Empirical
        n symbols.
    relevance : array (n, k)
        p(z|x), a law for each symbol.
    distortion : a distortion, with m reconstructions
        A letter has a reconstruction for each side letter: m^k decoders, 65,536 at most.
    D : float
    method : ClassGrid, optional

    Returns
    -------
    RelevantSolution
        `candidate.labels` (K, k) holds the reconstruction of each letter for each side letter. The problem is convex
        for any number of side letters, and the bracket as narrow as for `rdp`.

    Raises
    ------
    InvalidInput
        Malformed arguments, or too many decoders.

    References
    ----------
    [WZ76]

    Examples
    --------
    A doubly symmetric source below the distortion from which the curve is a straight line:

    >>> from rdptheory import Bernoulli, Hamming, side_information_rate
    >>> from rdptheory.information import binary_entropy
    >>> solution = side_information_rate(Bernoulli(0.5), [[0.75, 0.25], [0.25, 0.75]], Hamming(), D=0.05)
    >>> round(solution.rate, 9), round(float(binary_entropy(0.275) - binary_entropy(0.05)), 9)
    (0.389653534, 0.389653534)
    """
    problem = SideInformationProblem(source, relevance, distortion, D)  # type: ignore[arg-type]
    question, method = problem.posteriors, method or ClassGrid()
    unchanged(method=method)
    if question.D < 0.0:
        return _infeasible(problem, method, f"D is below {D - question.D:.6g}, the least distortion of any code")
    mean = question.p @ question.table
    if float(mean.min()) <= question.D:
        return _zero_rate(problem, question, method, "a reconstruction from Z alone keeps D", int(mean.argmin()))
    return _answer(problem, question, method.solve(question), 0.0, method, "")


def _without_classes(
    problem: RelevanceProblem, question: Posteriors, free: Solution, method: ClassGrid
) -> RelevantSolution | None:
    """R(D,P) itself, where its channel keeps C or none can fail to."""
    if free.candidate is None or free.candidate.channel is None:
        return None
    held = problem.source.probabilities > 0.0
    joint = (question.p[:, None] * free.candidate.channel[held]).T
    seen = joint.sum(axis=1) > 0.0
    letters = Letters(joint[seen], np.flatnonzero(seen))
    weights = letters.joint.sum(axis=1)
    lost = float(weights @ law_entropy(letters.joint @ question.classes / weights[:, None]))
    paid = 0.0
    if question.C >= question.most - 4.0 * question.rounding:
        sentence = "C is at least H(S) and costs nothing: R(D,P)"
        wide = question.most - question.least
        if question.C < question.most + question.rounding and wide > 8.0 * question.rounding:
            paid = 8.0 * question.rounding / wide * entropy(question.p)  # a little of a code that reveals X
    elif lost + 2.0 * question.rounding <= question.C:
        sentence = "the best code without the limit on H(S|U) keeps it: R(D,P)"
    else:
        return None
    return RelevantSolution(
        problem,
        free.rate + paid,
        Bounds(free.bounds.lower, free.bounds.upper + paid),
        RelevantSlopes(free.slopes.D, free.slopes.P, 0.0),
        _representation(problem, question, letters),
        free.status,
        f"{sentence}; {free.message}",
        free.method,
        free.steps,
    )


def _answer(
    problem: RelevanceProblem | SideInformationProblem,
    question: Posteriors,
    found: Coded,
    floor: float,
    method: ClassGrid,
    caution: str,
) -> RelevantSolution:
    lower, prices = float(max(found.lower, floor)), found.prices
    closed = found.upper - lower <= method.gap
    said = f"the bracket is as narrow as asked, {method.gap:.2g} nat" if closed else "no narrower bracket was found"
    if not closed and not found.whole and found.lower >= floor:
        said = f"{method.cells:,} cells of the simplex do not close the bracket"
    dual = None
    if prices is not None and found.lower >= floor:
        dual = DualPoint(frozen_array(prices.g), frozen_array([prices.s, prices.price]))
    return RelevantSolution(
        problem,
        found.upper,
        Bounds(lower, found.upper),
        _slopes(problem, question, prices),
        None if found.letters is None else _representation(problem, question, found.letters),
        Status.OPTIMAL if closed else Status.STOPPED,
        "; ".join(text for text in (said, caution) if text),
        method,
        found.steps,
        dual,
    )


def _slopes(
    problem: RelevanceProblem | SideInformationProblem, question: Posteriors, prices: Prices | None
) -> RelevantSlopes:
    """From the prices; -inf where a limit is the least that any code keeps."""
    if prices is None:
        return RelevantSlopes(nan, nan, nan)
    in_P = prices.mu
    if isinstance(problem, RelevanceProblem) and problem.perception is not None and question.ball is not None:
        in_P = inf if question.ball.limit == 0.0 else in_P * problem.perception.radius_slope(problem.P)
    in_C = 0.0 if question.priced else prices.price
    return RelevantSlopes(0.0 - (inf if question.D == 0.0 else prices.s), 0.0 - in_P, 0.0 - in_C)


def _representation(
    problem: RelevanceProblem | SideInformationProblem, question: Posteriors, letters: Letters
) -> Representation:
    """The letters on all symbols of the source, the heaviest first, and the channel to what is reconstructed."""
    order = np.argsort(-letters.joint.sum(axis=1), kind="stable")
    letters = Letters(letters.joint[order], letters.labels[order])
    held = problem.source.probabilities > 0.0
    weights = letters.joint.sum(axis=1)
    posteriors = np.zeros((weights.size, held.size))
    posteriors[:, held] = letters.joint / weights[:, None]
    channel, labels = np.tile(weights / weights.sum(), (held.size, 1)), letters.labels
    channel[held] = letters.channel(question.p)
    if isinstance(problem, SideInformationProblem):
        labels = problem.functions[labels]
    elif problem.plain is not None:
        m = problem.plain.discrete.shape[1]
        if problem.free:
            weights, posteriors, labels, channel = _any_law(problem, weights, posteriors, channel)
        channel = channel @ np.eye(m)[labels]
    return Representation(
        frozen_array(channel),
        frozen_array(problem.source.probabilities @ channel),
        None,
        frozen_array(weights),
        frozen_array(posteriors),
        labels,
    )


def _any_law(
    problem: RelevanceProblem, weights: FloatArray, posteriors: FloatArray, channel: FloatArray
) -> tuple[FloatArray, FloatArray, IntArray, FloatArray]:
    """Without a limit on E d: every letter split, so that y has the law that δ asks for whatever is sent."""
    assert problem.plain is not None
    discrete = problem.plain.discrete
    law = discrete.perceptions[0].reference if discrete.perceptions else np.eye(discrete.shape[1])[0]
    labels = np.flatnonzero(law)
    K, share = weights.size, law[labels]
    return (
        np.repeat(weights, labels.size) * np.tile(share, K),
        np.repeat(posteriors, labels.size, axis=0),
        np.tile(labels, K),
        np.repeat(channel, labels.size, axis=1) * np.tile(share, K),
    )


def _zero_rate(
    problem: RelevanceProblem | SideInformationProblem,
    question: Posteriors,
    method: ClassGrid,
    sentence: str,
    label: int = 0,
) -> RelevantSolution:
    """One letter, no rate."""
    letters = Letters(question.p[None, :], np.array([label]))
    return RelevantSolution(
        problem,
        0.0,
        Bounds(0.0, 0.0),
        RelevantSlopes(0.0, 0.0, 0.0),
        _representation(problem, question, letters),
        Status.OPTIMAL,
        sentence,
        method,
    )


def _infeasible(
    problem: RelevanceProblem | SideInformationProblem, method: ClassGrid, sentence: str
) -> RelevantSolution:
    return RelevantSolution(
        problem, inf, Bounds(inf, inf), RelevantSlopes(nan, nan, nan), None, Status.INFEASIBLE, sentence, method
    )


guard(__name__)
