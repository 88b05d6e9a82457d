"""The verbs: ask for a rate, get a bracket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar, overload

import numpy as np

from rdptheory._types import Bounds, FloatArray
from rdptheory.blocks import block_rate
from rdptheory.closed_forms import ClosedForm, between, match
from rdptheory.continuous.answer import answer
from rdptheory.distortions import Distortion
from rdptheory.divergences import Divergence, FDivergence
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput
from rdptheory.geometry import TABLES, affordable
from rdptheory.methods import Method
from rdptheory.problems import DiscreteProblem, Problem
from rdptheory.several import SeveralProblem
from rdptheory.side_information import ConditionalProblem, SideInformation
from rdptheory.solution import Candidate, SeveralSlopes, Slopes, Solution, Status, later
from rdptheory.solvers.corners import slopes_to_the_right
from rdptheory.solvers.first_order import FirstOrder
from rdptheory.solvers.half_spaces import HalfSpaces
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.solvers.many import Closed, closed_at_once
from rdptheory.solvers.outcome import Proof, answered, searched
from rdptheory.solvers.presolve import presolve, proved_infeasible
from rdptheory.solvers.transport.long_blocks import LinePairs
from rdptheory.sources import ContinuousSource, DiscreteSource, Independent, Source
from rdptheory.transport_problem import INFORMATION, DiscreteTransport, block_sense
from rdptheory.watch import Watch, interrupted, leaves

__all__ = ["Method", "answers", "ask", "by_lines", "posed", "rate_distortion", "rdp", "rdp_many", "usual", "wanted_gap"]

Question = TypeVar("Question", Problem, ConditionalProblem, SeveralProblem)
OUTPUT = "output"  # what δ compares by default: the laws of X and Y alone
NO_PERCEPTION = float("inf")  # P where no divergence is asked about
METHOD = InteriorPoint()  # where nobody picks one
OF_ANY_BALL = HalfSpaces()  # beside a divergence of somebody's own that is no f-divergence
LARGE_METHOD = FirstOrder(gap=1e-4)  # beside large alphabets: the nats that it proves in seconds
SECOND_STEPS = 3000  # first-order steps where the interior point stopped: what closes that way takes hundreds
SECOND_WORK = 400_000_000  # entries of the table that they may pass: some seconds
OTHER_QUESTIONS = ("DiscreteTransport", DiscreteTransport)  # what a method of the other verb says that it takes
MOST_TOGETHER, ENTRIES_TOGETHER = 4096, 2**17  # questions and entries of tables that are looked at at once: some 0.1 s
EXPECTED_GAP = 1e-6  # nats: what counts as optimal from a method that does not say


@overload
def rdp(
    source: Source,
    distortion: Distortion,
    perception: Divergence | None,
    *,
    D: float,
    P: float,
    method: Method | None = None,
    side_information: SideInformation = None,
    realism: str = OUTPUT,
    common_randomness: bool | float = True,
    sense: str = INFORMATION,
) -> Solution: ...


@overload
def rdp(
    source: Source,
    distortion: Sequence[Distortion],
    perception: Divergence | None,
    *,
    D: Sequence[float],
    P: float,
    method: Method | None = None,
) -> Solution[SeveralProblem]: ...


def rdp(
    source: Source,
    distortion: Distortion | Sequence[Distortion],
    perception: Divergence | None,
    *,
    D: float | Sequence[float],
    P: float,
    method: Method | None = None,
    side_information: SideInformation = None,
    realism: str = OUTPUT,
    common_randomness: bool | float = True,
    sense: str = INFORMATION,
) -> Solution[Any]:
    """The information rate-distortion-perception function, with a proof.

        R(D,P) = min over p(y|x) of I(X;Y)   subject to   E d(X,Y) <= D,   δ(p_X, p_Y) <= P

    and with side information Z at both ends

        R(D,P|Z) = min over p(y|x,z) of I(X;Y|Z)   subject to   E d(X,Y) <= D   and
                   δ(p_X, p_Y) <= P   ("output")   or   δ(p_XZ, p_YZ) <= P   ("joint")

    Parameters
    ----------
    source : Pmf, Bernoulli, Empirical, Gaussian, GaussianVector, Laplace, Uniform, StudentT, ...
        The law of X. The answer for a source with a density is about the density itself.
    distortion : Hamming, SquaredError, AbsoluteError, Table, ...
        d(x, y), in its own unit; squared or absolute error for a density without a closed form. A `Table` may have
        entries below 0, then D may be too, and entries of inf, where no channel goes whatever D is. A list asks for
        all of them at once, E d_k(X,Y) <= D_k; D is then a list as well, and `slopes.D` a tuple.
    perception : TotalVariation, KullbackLeibler, ... or None
        δ(p_X, p_Y), in the normalisation of `rdptheory.divergences`; None is the same as P = inf.
    D, P : float
        At least 0, but for tables below 0; inf lifts the constraint.
    method : ClosedForm, InteriorPoint, FirstOrder, Conic, any object with `solve(problem) -> Outcome`, or None
        None takes a closed form where one exists, the first-order loop on more than 2,048 points where neither the
        distortion nor the divergence needs a table, `Cells` for a density, and the interior point everywhere else, with
        the first-order loop after it where that leaves a gap. What a method hands over is judged, whoever wrote it: see
        `Outcome`.
    side_information : array (n, k), GaussianVector or None
        The joint law of X and Z, whose rows sum to the law of X. For a Gaussian the law of (X, Z), X first; known are
        P = inf and "joint" realism under an f-divergence, the scalar question with the variance of X given Z, and
        "output" realism under W2² and KL, R(D,P) less I(X;Z); other f-divergences give a bracket.
    realism : "output" or "joint"
        What δ compares where there is side information: the laws of X and Y, or those of the pairs with Z.
    common_randomness : bool or float
        True, False, or a rate Rc in nats; it matters with sense="block" only.
    sense : "information" or "block"
        Whether P limits the law of one letter, or W2² of whole blocks for each letter: R(D,Rc,P), for squared error
        and a Gaussian source or a finite one on the line, whose answer has no channel.

    Returns
    -------
    Solution
        `bounds.lower <= R(D,P) <= bounds.upper == rate` in nats. The lower end is the dual value of a dual point, the
        upper end the mutual information of `candidate.channel`, which keeps both limits; both are widened by an
        allowance for float64. If no channel keeps the limits the status is INFEASIBLE and the rate inf. Above 4,000,000
        entries the channel is not written down and `candidate` is None; the bracket is proved all the same. With side
        information `candidate.channel` is p(y|x,z), shape (n, k, m), and `candidate.output` the law of (Y, Z), shape
        (m, k); a Gaussian's `candidate.joint` is the law of X and Y less E(X|Z).

    Raises
    ------
    InvalidInput
        An argument that no reading of the question allows: D or P negative or NaN, a table of the wrong shape, a
        density without a variance under squared error, a method that does not fit.

    References
    ----------
    [BM19], equation (4); [NIU23] and [HWG25] for side information; [QCYX25] for blocks.

    Examples
    --------
    >>> from rdptheory import Bernoulli, Hamming, Table, TotalVariation, rdp
    >>> solution = rdp(Bernoulli(0.25), Hamming(), TotalVariation(), D=0.1, P=0.05)
    >>> round(solution.rate / float(np.log(2)), 6)
    0.343474
    >>> solution.gap < 1e-9
    True
    >>> seen = [[0.7, 0.05], [0.05, 0.2]]
    >>> helped = rdp(Bernoulli(0.25), Hamming(), TotalVariation(), D=0.05, P=0.01, side_information=seen)
    >>> round(helped.rate / float(np.log(2)), 6), helped.candidate.channel.shape
    (0.163881, (2, 2, 2))
    >>> both = rdp(Bernoulli(0.25), [Hamming(), Table([[0, 2], [1, 0]])], TotalVariation(), D=[0.2, 0.15], P=0.05)
    >>> round(both.rate, 6), [round(slope, 3) + 0.0 for slope in both.slopes.D]
    (0.204909, [0.0, -1.254])
    """
    question: Problem | ConditionalProblem | SeveralProblem
    if isinstance(distortion, Sequence):
        if side_information is not None or realism != OUTPUT:
            raise InvalidInput("distortion", distortion, "must be one distortion beside side information")
        limits = tuple(D) if isinstance(D, Sequence) else (D,)
        question = SeveralProblem(source, tuple(distortion), perception, limits, P)
    elif isinstance(D, Sequence):
        raise InvalidInput("D", D, "must be a number for one distortion: `curve` takes a list of them")
    else:
        question = posed(source, distortion, perception, D, P, side_information, realism)
    if block_sense(sense, common_randomness):
        return block_rate(question, common_randomness, by_lines(method))
    with Watch("R(D,P)"):
        return ask(question, method)


def posed(
    source: Source,
    distortion: Distortion,
    perception: Divergence | None,
    D: float,
    P: float,
    side_information: SideInformation,
    realism: str,
) -> Problem | ConditionalProblem:
    """The question of `rdp` about one distortion as one object."""
    problem = Problem(source, distortion, perception, D, P)
    if side_information is None and realism == OUTPUT:
        return problem
    return ConditionalProblem(problem, side_information, realism)


def by_lines(method: object) -> LinePairs:
    """The one method of the block sense."""
    if method is None:
        return LinePairs()
    if not isinstance(method, LinePairs):
        raise InvalidInput("method", method, 'must be LinePairs() or None with sense="block"')
    return method


def ask(problem: Problem | ConditionalProblem | SeveralProblem, method: Method | None) -> Solution[Any]:
    """The answer to a question, whatever of these it is."""
    (found,) = _at_once([problem], method)
    return _answer(problem, found, method)


def answers(
    problems: Iterable[Problem | ConditionalProblem | SeveralProblem], method: Method | None
) -> Iterator[Solution[Any]]:
    """The answers to many questions, in their order; common ones are found together, the others when they come.

    The one road of every method: a closed form if that may answer, what one descent closes, what needs no method, the
    method, the judge.
    """
    for window in _windows(problems):
        for problem, found in zip(window, _at_once(window, method), strict=True):
            yield _answer(problem, found, method)


def _answer(problem: Any, found: Solution[Any] | InvalidInput | None, method: Method | None) -> Solution[Any]:
    """What was found at once, or is found by a search of its own."""
    if isinstance(found, InvalidInput):
        raise found
    return _alone(problem, method) if found is None else found


def _windows(problems: Iterable[Any]) -> Iterator[list[Any]]:
    """As many questions as are looked at together: what is kept of them is little, and Ctrl-C waits for no more."""
    window: list[Any] = []
    entries = 0
    for problem in problems:
        window.append(problem)
        source = getattr(problem, "source", None)
        entries += source.size**2 if isinstance(source, DiscreteSource) else 0
        if len(window) == MOST_TOGETHER or entries >= ENTRIES_TOGETHER:
            yield window
            window, entries = [], 0
    if window:
        yield window


def _at_once(problems: list[Any], method: Method | None) -> list[Solution[Any] | InvalidInput | None]:
    """What has a closed form, and common questions that one descent closes; None for others, a refusal for no question.

    Common questions are small: who ends a long search here is answered by the next look at one.
    """
    formula, used = method is None or method == ClosedForm(), METHOD if method is None else method
    found = [_matched(problem) if formula and type(problem) is Problem else None for problem in problems]
    if type(used) is not InteriorPoint:
        return found
    left = [problem if known is None else None for problem, known in zip(problems, found, strict=True)]
    try:
        for number, closed in enumerate(closed_at_once(left, used.gap, used.max_steps)):
            if closed is not None:
                rate, steps = closed.rate, closed.steps
                found[number] = later(problems[number], rate, Status.OPTIMAL, used, steps, _rest, closed)
    except KeyboardInterrupt:
        if not leaves():
            raise
    return found


def _matched(problem: Problem) -> Solution | InvalidInput | None:
    """The closed form of a question, if it has one, or why it is none."""
    try:
        return match(problem)
    except InvalidInput as refusal:
        return refusal


def _rest(answer: Solution, found: Closed, name: str) -> dict[str, Any]:
    """The fields of an answer that were left to be made."""
    numbers: dict[str, Any] = {}
    if "bounds" not in vars(answer):
        slopes = _slopes(answer.problem, *slopes_to_the_right(answer.problem.discrete, found))
        numbers = {"bounds": found.bounds, "slopes": slopes, "message": _as_asked(wanted_gap(answer.method))}
    if name in numbers:
        return numbers
    return {**numbers, "candidate": Candidate(found.channel, found.output), "dual": found.dual, "_rest": None}


def _alone(problem: Problem | ConditionalProblem | SeveralProblem, method: Method | None) -> Solution[Any]:
    """The answer to a question that has no closed form, and that one descent does not close."""
    if isinstance(problem, Problem):
        return _of_source(problem, method)
    if isinstance(problem, SeveralProblem):
        return _on_alphabet(problem, problem.discrete, method)
    if problem.gaussian:
        return problem.of_gaussian(lambda scalar: ask(scalar, method))
    return problem.of_pairs(problem.silent() or _on_alphabet(problem, problem.discrete, method))


def rate_distortion(
    source: Source,
    distortion: Distortion,
    *,
    D: float,
    method: Method | None = None,
    side_information: SideInformation = None,
) -> Solution:
    """Shannon's R(D) = R(D, inf), or R(D|Z) with side information at both ends, with a proof: see `rdp`.

    >>> from rdptheory import Gaussian, SquaredError, rate_distortion
    >>> round(rate_distortion(Gaussian(0.0, 1.0), SquaredError(), D=0.25).rate / float(np.log(2)), 12)
    1.0
    """
    return rdp(source, distortion, None, D=D, P=NO_PERCEPTION, method=method, side_information=side_information)


def rdp_many(problems: Sequence[Problem | SeveralProblem], method: Method | None = None) -> list[Solution[Any]]:
    """`rdp` for many questions of their own, in their order; every number is the one that `rdp` gives alone.

    Questions about finite alphabets with one distortion and an f-divergence, or none, are solved and judged together,
    up to some thousand at a time: at 2 symbols they take 15 µs each, where a call of `rdp` takes three times that, and
    at 64 symbols the time of the iteration. The others are asked one by one.

    Parameters
    ----------
    problems : sequence of Problem or SeveralProblem
    method : as for `rdp`

    Raises
    ------
    InvalidInput
        The first question that does not fit, as `rdp` says it, with a note of its number.

    Examples
    --------
    >>> from rdptheory import Bernoulli, Hamming, Problem, TotalVariation, rdp_many
    >>> coins = [Problem(Bernoulli(p), Hamming(), TotalVariation(), D=0.1, P=0.05) for p in (0.2, 0.3, 0.4)]
    >>> [round(solution.rate, 6) for solution in rdp_many(coins)]
    [0.179148, 0.285781, 0.347929]
    """
    found: list[Solution[Any]] = []
    try:
        found += answers(problems, method)
    except InvalidInput as refusal:
        refusal.add_note(f"question {len(found)} of {len(problems)}, counted from 0")
        raise
    return found


def _of_source(problem: Problem, method: Method | None) -> Solution:
    """The answer about a density or a finite alphabet."""
    if isinstance(problem.source, (ContinuousSource, Independent)):
        known = between(problem)
        settled = known is not None and (
            known.status is Status.OPTIMAL or not isinstance(problem.perception, FDivergence)
        )
        if known is not None and (method == ClosedForm() or (method is None and settled)):
            return known
        if method != ClosedForm():
            found = answer(problem, method, ask)
            return found if known is None else _narrowed(found, known)
    return _on_alphabet(problem, problem.discrete, method)


def _narrowed(found: Solution, known: Solution) -> Solution:
    """The better of both ends, each with what reaches it."""
    both = Bounds(max(found.bounds.lower, known.bounds.lower), min(found.bounds.upper, known.bounds.upper))
    candidate = found.candidate if found.rate <= known.rate else known.candidate
    narrow = both.gap <= wanted_gap(found.method)
    return replace(
        found,
        rate=both.upper,
        bounds=replace(found.bounds, lower=both.lower, upper=both.upper),
        candidate=candidate,
        status=Status.OPTIMAL if narrow else found.status,
        message=f"{found.message}; a jointly Gaussian channel is not optimal, it costs {known.rate:.6g} nat",
    )


def usual(discrete: DiscreteProblem) -> Method:
    """The method of a question on a finite alphabet, where nobody picks one."""
    if discrete.by_products:
        return LARGE_METHOD
    return METHOD if all(ball.divergence.has_interior_point for ball in discrete.perceptions) else OF_ANY_BALL


def _on_alphabet(problem: Question, discrete: DiscreteProblem, method: Method | None) -> Solution[Question]:
    """The answer about a finite alphabet, in the arrays of `discrete`."""
    ours = method is None
    if method is None:
        method = usual(discrete)
    if getattr(method.solve, "__annotations__", {}).get("problem") in OTHER_QUESTIONS:
        raise InvalidInput("method", method, "answers constrained_transport, not rdp")
    if isinstance(method, InteriorPoint) or not discrete.by_products:
        affordable("source", *discrete.shape, copies=TABLES)  # before the tables are made
    known = presolve(discrete)
    if known.infeasible:
        return _infeasible(problem, method, 0, known.infeasible)
    if known.constant is not None:
        rate, channel = known.constant.rate, known.constant.channel
        return Solution(
            problem,
            rate,
            Bounds(0.0, rate),
            _slopes(problem, 0.0, 0.0),
            None if channel is None else Candidate(channel, discrete.output(channel)),
            Status.OPTIMAL,
            "a reconstruction that ignores the source keeps both limits",
            method,
        )
    proof = searched(discrete, lambda: _searched(discrete, method, ours))
    if known.doubtful and not np.isfinite(proof.bounds.upper):
        sentence = proved_infeasible(discrete, proof.bounds.lower)
        if sentence:
            return _infeasible(problem, method, proof.steps, sentence)
    return _from_proof(problem, discrete, proof, method)


def _searched(problem: DiscreteProblem, method: Method, ours: bool) -> Proof:
    """What the method finds, and another after one that was picked by default."""
    proof = answered(problem, method)
    if not ours or not isinstance(method, InteriorPoint) or proof.bounds.gap <= method.gap or interrupted():
        return proof
    return _seconded(problem, method, proof)


def _seconded(problem: DiscreteProblem, method: InteriorPoint, proof: Proof) -> Proof:
    """What the first-order loop adds where the method picked by default stopped: both brackets are true, so they are
    intersected."""
    balls = problem.perceptions
    fits = len(problem.distortions) == 1 and len(balls) <= 1
    fits = fits and all(ball.image is None and ball.divergence.cost is None for ball in balls)
    steps = min(SECOND_STEPS, SECOND_WORK // (problem.shape[0] * problem.shape[1]))
    if not fits or steps < 1:
        return proof
    second = answered(problem, FirstOrder(gap=method.gap, max_steps=steps))
    said = proof.sentence or "no narrower bracket was found"
    both = second.better(proof)
    closed = f"{second.steps} first-order steps closed what {proof.steps} of the interior point left open"
    opened = f"{said}, nor did {second.steps} first-order steps close the bracket"
    return both.ended(proof.steps, closed if both.bounds.gap <= method.gap else opened)


def _from_proof(problem: Question, discrete: DiscreteProblem, proof: Proof, method: Method) -> Solution[Question]:
    wanted = wanted_gap(method)
    reached = proof.bounds.gap <= wanted
    ended = _as_asked(wanted) if reached else "no narrower bracket was found"
    candidate = None if proof.channel is None else Candidate(proof.channel, discrete.output(proof.channel))
    slopes = _slopes(problem, *slopes_to_the_right(discrete, proof))
    return Solution(
        problem,
        proof.bounds.upper,
        proof.bounds,
        slopes,
        candidate,
        Status.OPTIMAL if reached else Status.STOPPED,
        proof.sentence or ended,
        method,
        proof.steps,
        proof.outcome.dual,
    )


def _as_asked(gap: float) -> str:
    return f"the bracket is as narrow as asked, {gap:.2g} nat"


def _slopes(
    problem: Problem | ConditionalProblem | SeveralProblem, by_D: FloatArray | float, by_radius: FloatArray | float
) -> Slopes:
    """One dR/dD, or one for each distortion, and dR/dP from that by the radius; adding 0 turns -0 into 0."""
    steep, by_P = tuple((0.0 + np.ravel(by_D)).tolist()), float(np.append(by_radius, 0.0)[0])
    by_P = 0.0 + (by_P if problem.perception is None else by_P * problem.perception.radius_slope(problem.P))
    if isinstance(problem, SeveralProblem):
        return SeveralSlopes(steep * len(problem.D) if len(steep) == 1 else steep, by_P)
    return Slopes(steep[0], by_P)


def wanted_gap(method: Method) -> float:
    """The gap that a method was asked for."""
    gap = getattr(method, "gap", None)
    if isinstance(gap, (int, float, np.floating)) and not isinstance(gap, bool) and gap >= 0.0:
        return float(gap)
    return EXPECTED_GAP


def _infeasible(problem: Question, method: Method, steps: int, sentence: str) -> Solution[Question]:
    infinite = Bounds(float("inf"), float("inf"))
    nothing = _slopes(problem, float("nan"), float("nan"))
    return Solution(problem, float("inf"), infinite, nothing, None, Status.INFEASIBLE, sentence, method, steps)


guard(__name__)
