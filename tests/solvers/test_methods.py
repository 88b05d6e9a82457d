"""A method of one's own, good, careless or hostile, goes the road of ours: what it says is judged, never believed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import scipy

from rdptheory import (
    Bernoulli,
    Conic,
    DiscreteProblem,
    DualPoint,
    FirstOrder,
    Gaussian,
    Hamming,
    InteriorPoint,
    InvalidInput,
    KullbackLeibler,
    Outcome,
    Pmf,
    SquaredError,
    Status,
    Table,
    TotalVariation,
    TransportDivergence,
    Wasserstein1,
    Wasserstein2Squared,
    constrained_transport,
    curve,
    discretise,
    distortion_at,
    rate_distortion,
    rdp,
    side_information_rate,
    solve,
    surface,
    universal_rate,
)
from rdptheory.sweeps import tabulate
from rdptheory.transport import LinePairs, QuantileCuts
from tests import checks

SOURCE = Pmf([0.5, 0.0, 0.3, 0.2], [0.0, 1.0, 2.0, 3.0])
"""One symbol has no mass: a method sees it all the same."""
QUESTION = (SOURCE, SquaredError(), TotalVariation())


@dataclass(frozen=True)
class BlahutArimoto:
    """What a student writes: alternating minimisation at a slope that bisection finds. Without a ball."""

    sweeps: int = 6000

    def solve(self, problem: DiscreteProblem) -> Outcome:
        p, d, D = problem.probabilities, problem.distortions[0].table, problem.distortions[0].limit
        low, high = -10.0, 10.0
        for _ in range(60):
            s = math.exp(0.5 * (low + high))
            r = np.full(problem.shape[1], 1.0 / problem.shape[1])
            kernel = np.exp(-s * d)
            for _ in range(self.sweeps // 60):
                r = r * ((p / np.maximum(kernel @ r, 1e-300)) @ kernel)
            channel = kernel * r / np.maximum(kernel @ r, 1e-300)[:, None]
            low, high = (low, math.log(s)) if float(p @ (channel * d).sum(axis=1)) < D else (math.log(s), high)
        return Outcome(
            channel,
            DualPoint(-np.log(np.maximum(kernel @ r, 1e-300)), np.array([s])),
            self.sweeps,
            "sixty slopes were tried",
        )


@dataclass(frozen=True)
class Says:
    """A method that says whatever it was told to."""

    outcome: object

    def solve(self, problem: DiscreteProblem) -> Outcome:
        return self.outcome  # type: ignore[return-value]


@dataclass(frozen=True)
class Planted:
    """One of our methods, with something put into its outcome."""

    method: object
    spoil: Callable[[Outcome], Outcome]

    def solve(self, problem: DiscreteProblem) -> Outcome:
        return self.spoil(self.method.solve(problem))


def test_a_method_from_outside_is_used_like_ours() -> None:
    """Through `rdp`, `surface`, `curve`, the rows of the command line, an inverse function."""
    table = Table([[1.0, 3.0, 2.0], [2.5, 0.5, 1.0], [2.0, 4.0, 0.0]])  # rows with minima above 0
    for source, distortion, D in ((SOURCE, SquaredError(), 0.4), (Pmf([0.5, 0.3, 0.2]), table, 0.9)):
        mine = rate_distortion(source, distortion, D=D, method=BlahutArimoto())
        checks.assert_sound(mine)
        ours = rate_distortion(source, distortion, D=D)
        assert mine.bounds.overlaps(ours.bounds)
        assert mine.gap <= 1e-3  # 100 sweeps a slope
        assert (mine.method, mine.steps) == (BlahutArimoto(), 6000)
        np.testing.assert_allclose(mine.slopes.D, ours.slopes.D, rtol=1e-2)
    grid = surface(SOURCE, SquaredError(), None, D=[0.2, 0.4], P=[math.inf], method=BlahutArimoto())
    assert grid.upper.values[1, 0] == rate_distortion(SOURCE, SquaredError(), D=0.4, method=BlahutArimoto()).rate
    line = curve(SOURCE, SquaredError(), D=[0.2, 0.4], method=BlahutArimoto())
    assert (line.upper.values == grid.upper.values[:, 0]).all()
    [row] = tabulate("mine", SOURCE, SquaredError(), None, D=[0.4], P=[math.inf], method=BlahutArimoto())
    assert row.upper_nat == grid.upper.values[1, 0]
    found = distortion_at(SOURCE, SquaredError(), None, R=0.3, P=math.inf, method=BlahutArimoto())
    assert found.bounds.lower <= distortion_at(SOURCE, SquaredError(), None, R=0.3, P=math.inf).value
    assert found.bounds.gap <= 0.05


def test_what_ours_hand_over_is_welcome_back() -> None:
    """The dual point and the channel of an answer prove it again, however they are written down."""
    for source, distortion, ball in (
        QUESTION,
        (Pmf([0.5, 0.3, 0.2]), Table([[1.0, 3.0, 2.0], [2.5, 0.5, 1.0], [2.0, 4.0, 0.0]]), KullbackLeibler()),
    ):
        problem = {"D": 0.9, "P": 0.01}
        ours = rdp(source, distortion, ball, **problem)
        again = rdp(source, distortion, ball, **problem, method=Says(Outcome(ours.candidate.channel, ours.dual)))
        assert again.gap <= 1e-9
        assert again.status is Status.OPTIMAL
        table, rows = distortion.table(source.points), source.probabilities > 0.0
        f = np.full(source.size, 7.0)  # on all symbols, of the distortion matrix as it is
        f[rows] = ours.dual.f + ours.dual.s * table[rows].min(axis=1)
        plain = rdp(source, distortion, ball, **problem, method=Says(Outcome(None, DualPoint(f, ours.dual.s))))
        assert abs(plain.bounds.lower - ours.bounds.lower) <= 1e-9
        np.testing.assert_allclose(plain.slopes.P, ours.slopes.P, rtol=1e-2)  # nobody named it


GOOD = InteriorPoint().solve
NUMBERS = (np.zeros(4), np.array([1.0]))
GARBAGE = {
    "nothing": Outcome(),
    "no outcome": None,
    "a pair": (np.eye(4), 3.0),
    "a channel of nan": Outcome(np.full((4, 4), math.nan)),
    "a channel below 0": Outcome(-np.eye(4)),
    "a channel without mass": Outcome(np.zeros((4, 4))),
    "a channel of inf": Outcome(np.full((4, 4), math.inf)),
    "a channel of 1e308": Outcome(np.full((4, 4), 1e308)),
    "a channel of words": Outcome(np.full((4, 4), "half")),
    "a complex channel": Outcome(np.full((4, 4), 0.25 + 0.25j)),
    "a ragged channel": Outcome([[1.0], [0.5, 0.5]]),
    "a function for a channel": Outcome(lambda: 0),
    "a dual point of nan": Outcome(dual=DualPoint(np.full(4, math.nan), np.array([1.0]))),
    "a slope of nan": Outcome(dual=DualPoint(np.zeros(4), np.array([math.nan]))),
    "a slope below 0": Outcome(dual=DualPoint(np.zeros(4), np.array([-1.0]))),
    "an infinite slope": Outcome(dual=DualPoint(np.zeros(4), np.array([math.inf]))),
    "a slope of 1e308": Outcome(dual=DualPoint(np.zeros(4), np.array([1e308]))),
    "a dual point of 1e308": Outcome(dual=DualPoint(np.array([1e308, -1e308, 1e308, 1e308]), np.array([1.0]))),
    "a dual point of -1e308": Outcome(dual=DualPoint(np.full(4, -1e308), np.array([1e308]))),
    "words for a dual point": Outcome(dual=DualPoint("f", "s")),
    "a pair for a dual point": Outcome(dual=NUMBERS),
    "a multiplier of nan": Outcome(dual=DualPoint(*NUMBERS, mu=np.array([math.nan]))),
    "a multiplier below 0": Outcome(dual=DualPoint(*NUMBERS, mu=np.array([-1.0]))),
    "a word for a multiplier": Outcome(dual=DualPoint(*NUMBERS, mu="mu")),
    "words for steps and sentence": Outcome(steps="many", sentence=7),
    "words for plans": Outcome(np.eye(4), plans=("one",)),
    "a word for all plans": Outcome(np.eye(4), plans="one"),
    "a plan of nan": Outcome(np.eye(4), plans=(np.full((4, 4), math.nan),)),
}
CASES = {
    "no ball": (SOURCE, SquaredError(), None, 0.4, math.inf),
    "total variation": (*QUESTION, 0.4, 0.01),
    "Kullback-Leibler": (SOURCE, SquaredError(), KullbackLeibler(), 0.4, 0.01),
    "transport": (SOURCE, SquaredError(), Wasserstein2Squared(), 0.4, 0.01),
    "a fixed law": (*QUESTION, 0.4, 0.0),
    "D = 0": (*QUESTION, 0.0, 0.01),
    "columns that cost 1000": (SOURCE, Table(1000.0 * (1 - np.eye(4))), TotalVariation(), 100.0, 0.0),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_garbage_gives_a_wide_true_bracket(case: tuple) -> None:
    *question, D, P = case
    ours = rdp(*question, D=D, P=P)
    for name, garbage in GARBAGE.items():
        found = rdp(*question, D=D, P=P, method=Says(garbage))
        assert found.status is Status.STOPPED, (name, found)
        assert found.bounds.overlaps(ours.bounds), (name, found.bounds, ours.bounds)
        assert found.bounds.lower <= ours.bounds.upper, name
        checks.assert_sound(found)


WRONG_SHAPES = {
    "channel": Outcome(np.eye(5)),
    "dual.f": Outcome(dual=DualPoint(np.zeros(5), np.array([1.0]))),
    "dual.s": Outcome(dual=DualPoint(np.zeros(4), np.array([1.0, 2.0]))),
}


@pytest.mark.parametrize("argument, outcome", WRONG_SHAPES.items())
def test_a_wrong_shape_is_refused(argument: str, outcome: Outcome) -> None:
    with pytest.raises(InvalidInput) as caught:
        rdp(*QUESTION, D=0.4, P=0.01, method=Says(outcome))
    assert caught.value.argument == argument
    assert "must have shape (4" in str(caught.value) or argument == "dual.s"


@pytest.mark.parametrize("plans", [(np.eye(5),), (np.ones(4),), (np.eye(4), np.eye(4))], ids=["5", "a row", "two"])
def test_plans_of_a_wrong_shape_are_refused(plans: tuple) -> None:
    with pytest.raises(InvalidInput, match=r"plans = .* must h"):
        rdp(SOURCE, SquaredError(), Wasserstein2Squared(), D=0.4, P=0.01, method=Says(Outcome(np.eye(4), plans=plans)))


def test_a_plan_below_0_proves_no_perception() -> None:
    """With the marginals of both laws and cells below 0 a plan costs what it likes."""
    cost = np.sqrt(np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0))))
    for ball in (TransportDivergence(cost), Wasserstein1()):
        lower = rdp(SOURCE, Hamming(), ball, D=0.4, P=0.02).bounds.lower
        channel = rdp(SOURCE, Hamming(), None, D=0.39, P=math.inf).candidate.channel
        law = SOURCE.probabilities @ channel
        for i, j in itertools.permutations(range(4), 2):
            plan = np.outer(SOURCE.probabilities, law)
            plan[i, j] += 1.0
            plan[j, i] += 1.0
            plan[i, i] -= 1.0
            plan[j, j] -= 1.0
            for one in (plan, 10.0 * np.diag(law) - 9.0 * plan, -plan):
                found = rdp(SOURCE, Hamming(), ball, D=0.4, P=0.02, method=Says(Outcome(channel, plans=(one,))))
                assert found.bounds.upper >= lower
                concrete = ball.on(SOURCE.points)
                truth = concrete.value(SOURCE.probabilities, law)
                assert concrete.bound(SOURCE.probabilities, law, one) >= truth * (1.0 - 1e-12)  # its rounding


def test_a_proof_outlives_the_arrays_it_was_read_from() -> None:
    """A loop of one's own writes its next iterate where the last one was."""
    best = GOOD(rdp(*QUESTION, D=0.4, P=0.01).problem.discrete)
    f, s, channel = best.dual.f.copy(), best.dual.s.copy(), best.channel.copy()
    reused = Outcome(channel, replace(best.dual, f=f, s=s))
    found = rdp(*QUESTION, D=0.4, P=0.01, method=Says(reused))
    for array in (f, s, channel):
        array[:] = 7.0
    assert (found.dual.f == best.dual.f).all()
    assert found.dual.s == best.dual.s
    checks.assert_sound(found)


def test_what_a_users_own_code_raises_passes_through() -> None:
    class Broken:
        def solve(self, problem: DiscreteProblem) -> Outcome:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        rdp(*QUESTION, D=0.4, P=0.01, method=Broken())


@pytest.mark.parametrize("method", [InteriorPoint, object(), "interior", 1.0, BlahutArimoto])
def test_what_is_no_method_is_refused(method: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        rdp(*QUESTION, D=0.4, P=0.01, method=method)
    assert caught.value.argument == "method"


def test_a_method_of_the_other_verb_is_refused() -> None:
    with pytest.raises(InvalidInput, match="answers constrained_transport"):
        rdp(*QUESTION, D=0.4, P=0.01, method=QuantileCuts())


def spoiled_dual(outcome: Outcome) -> Outcome:
    assert outcome.dual is not None
    return replace(outcome, dual=replace(outcome.dual, f=1.05 * outcome.dual.f + 0.05))


def spoiled_channel(outcome: Outcome) -> Outcome:
    """Every row leans towards its cheapest symbol: a lower rate on paper, a ball left behind."""
    assert outcome.channel is not None
    return replace(outcome, channel=outcome.channel**2)


METHODS = (InteriorPoint(), FirstOrder(gap=1e-9), Conic())


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("spoil", (spoiled_dual, spoiled_channel))
def test_a_planted_number_leaves_the_bracket_true(method: object, spoil: Callable[[Outcome], Outcome]) -> None:
    for question in ((*QUESTION, 0.4, 0.01), (SOURCE, SquaredError(), KullbackLeibler(), 0.3, 0.0)):
        *parts, D, P = question
        truth = rdp(*parts, D=D, P=P)
        found = rdp(*parts, D=D, P=P, method=Planted(method, spoil))
        assert found.bounds.overlaps(truth.bounds)
        assert found.status is Status.STOPPED, "the plant is larger than any gap asked for"
        checks.assert_sound(found)


def test_a_method_that_names_no_gap_is_held_to_one_of_1e_6() -> None:
    best = GOOD(rdp(*QUESTION, D=0.4, P=0.01).problem.discrete)
    assert rdp(*QUESTION, D=0.4, P=0.01, method=Says(best)).status is Status.OPTIMAL
    blurred = replace(best, channel=best.channel + 1e-3)
    assert rdp(*QUESTION, D=0.4, P=0.01, method=Says(blurred)).status is Status.STOPPED


def test_conic_is_optimal_only_where_its_gap_is_reached() -> None:
    binomial = Pmf(scipy.stats.binom.pmf(np.arange(33), 32, 0.5) / scipy.stats.binom.pmf(np.arange(33), 32, 0.5).sum())
    for source, distortion, D in ((binomial, SquaredError(), 0.5), (Pmf([0.5, 0.5]), Table([[0, 1e100], [1, 0]]), 0.2)):
        found = rate_distortion(source, distortion, D=D, method=Conic())
        checks.assert_sound(found)
        assert (found.status is Status.OPTIMAL) == (found.gap <= Conic().gap)
        assert found.status is Status.STOPPED
    assert rate_distortion(Pmf([0.5, 0.3, 0.2]), Hamming(), D=0.1, method=Conic()).status is Status.OPTIMAL


@dataclass(frozen=True)
class Hasty(InteriorPoint):
    """The interior point, two steps long."""

    max_steps: int = 2


def test_where_the_default_stops_another_method_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The brackets are intersected, and the sentence says what was tried; a method that was asked for stays alone."""
    ours = rdp(*QUESTION, D=0.4, P=0.01)
    monkeypatch.setattr(solve, "METHOD", Hasty())
    alone, helped = (rdp(*QUESTION, D=0.4, P=0.01, method=method) for method in (Hasty(), None))
    assert (alone.status, alone.steps) == (Status.STOPPED, 2)
    assert helped.gap <= 1e-2 * alone.gap
    assert helped.bounds.overlaps(ours.bounds)
    assert helped.steps == 2, "those of the method that it names"
    assert "first-order steps" in helped.message
    checks.assert_sound(helped)
    monkeypatch.setattr(solve, "SECOND_STEPS", 1)
    stopped = rdp(*QUESTION, D=0.4, P=0.01)
    assert stopped.status is Status.STOPPED
    assert stopped.message.endswith("nor did 1 first-order steps close the bracket")


def test_a_universal_representation_by_a_method_of_ones_own() -> None:
    points = [(0.4, 0.0), (0.3, math.inf)]
    ours = universal_rate(*QUESTION, points)
    again = universal_rate(*QUESTION, points, method=Planted(InteriorPoint(gap=1e-7), lambda outcome: outcome))
    assert again.bounds.overlaps(ours.bounds)
    assert again.gap <= 1e-6
    nothing = universal_rate(*QUESTION, points, method=Says(Outcome()))
    assert nothing.status is Status.STOPPED
    assert nothing.bounds.overlaps(ours.bounds)
    coin, ends = (Bernoulli(0.2), Hamming(), TotalVariation()), [(0.1911135720, 0.0), (0.1548837329, 0.15)]
    for v in ((), (np.zeros(2),), np.zeros((2, 2))):
        short = Planted(InteriorPoint(), lambda out, v=v: replace(out, dual=replace(out.dual, v=v)))
        with pytest.raises(InvalidInput, match="must hold one array for each perception limit"):
            universal_rate(*coin, ends, method=short)


FAINT = Pmf([0.5, 0.3, 0.2], [0.0, 1.0, 3.0])
TOLD = [[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]]
FACTORED = {
    "side information": lambda: side_information_rate(FAINT, TOLD, SquaredError(), D=0.2),
    "pairs on a line": lambda: constrained_transport(
        FAINT, FAINT, SquaredError(), R=0.3, common_randomness=False, asymptotic=True, method=LinePairs()
    ),
    "a handover": lambda: rate_distortion(
        discretise(Gaussian(0.0, 1.0), 60), SquaredError(), D=0.3, method=FirstOrder(gap=1e-9)
    ),
}


@pytest.mark.parametrize("name", FACTORED)
def test_a_matrix_that_cannot_be_factored_widens_a_bracket_and_keeps_it_true(monkeypatch, name):
    honest = FACTORED[name]()
    dpotrf = scipy.linalg.lapack.dpotrf
    monkeypatch.setattr(scipy.linalg.lapack, "dpotrf", lambda *args, **options: (dpotrf(*args, **options)[0], 1))
    found = FACTORED[name]()
    assert found.bounds.overlaps(honest.bounds)
    assert found.gap >= honest.gap
