"""The judge of transport: wrong numbers planted in every method, methods of strangers, and what hard ground does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import highspy
import numpy as np
import pytest
import scipy

from rdptheory import transport, watch
from rdptheory.certificates.soft import soft_minimum
from rdptheory.certificates.transport import (
    CouplingMultipliers,
    CutMultipliers,
    MapMultipliers,
    PosteriorMultipliers,
    plans,
)
from rdptheory.certificates.transport.rounding import relative_error
from rdptheory.distortions import AbsoluteError, SquaredError, Table
from rdptheory.errors import InvalidInput
from rdptheory.plans import CommonPlan, Coupling, PrivatePlan
from rdptheory.solution import Status
from rdptheory.solvers.line import search
from rdptheory.solvers.transport.common_randomness import (
    BranchAndBound,
    ColumnGeneration,
    Enumeration,
    Flow,
    branching,
    direct,
    intervals,
    master,
)
from rdptheory.solvers.transport.long_blocks import (
    EntropicTransport,
    LinePairs,
    PosteriorPairs,
    entropic,
    line_pairs,
    posteriors,
)
from rdptheory.solvers.transport.private_randomness import MultiStart, QuantileCuts, line, multi_start
from rdptheory.sources import Laplace, Pmf, discretise
from rdptheory.transport import constrained_transport
from rdptheory.transport_problem import TransportProblem
from rdptheory.transport_solution import Multipliers, TransportMethod, TransportOutcome
from tests.transport_cases import BIT, assert_sound, instance, line_pair, random_table, solved

SETTINGS = [(True, False), (False, False), (True, True), (False, True)]
PLANTED = 0.05
SPLIT = np.array(
    [[3, 0], [0, 0], [0, 0]], dtype=np.intp
)  # a tree of cuts: the interval of the first piece, and two leaves


def shifted(part: Any, name: str, by: Callable[[Any], Any], patch: pytest.MonkeyPatch) -> None:
    """Replace a function of a solver by one whose result is changed."""
    honest = getattr(part, name)
    patch.setattr(part, name, lambda *args, **kwargs: by(honest(*args, **kwargs)))


def dearer(found: Any) -> Any:
    """A pricing that claims its maps are dearer than they are, or a program that claims to be cheaper."""
    return replace(found, **{key: getattr(found, key) + PLANTED for key in ("lower", "nu") if hasattr(found, key)})


CASES: list[tuple[TransportMethod, Any, str, Callable[[Any], Any]]] = [
    (ColumnGeneration(), intervals.IntervalPricing, "price", dearer),
    (ColumnGeneration(), master.Master, "solve", lambda found: replace(found, weights=np.roll(found.weights, 1))),
    (BranchAndBound(), branching, "search_maps", lambda found: (found[0] + PLANTED, None)),
    (Enumeration(), direct, "_program", lambda found: replace(found, nu=found.nu * (1.0 + PLANTED))),
    (Enumeration(), direct, "_program", lambda found: replace(found, weights=np.roll(found.weights, 1))),
    (Flow(), direct, "_program", dearer),
    (QuantileCuts(), line.Cuts, "relaxed", lambda found: (found[0] + PLANTED, *found[1:])),
    (QuantileCuts(), line.Cuts, "spent", lambda found: (found[0] - PLANTED, found[1])),
    (MultiStart(starts=2), multi_start, "_descend", lambda plan: replace(plan, decoder=plan.decoder[:, ::-1])),
    (EntropicTransport(), entropic._Dual, "value", lambda value: value + PLANTED),
    (EntropicTransport(), entropic._Dual, "newton", lambda point: (point[0] + PLANTED, 0.5 * point[1])),
    (LinePairs(), search, "least_on_line", lambda found: replace(found, floor=found.floor + PLANTED)),
    (LinePairs(), line_pairs, "_proof", lambda proof: replace(proof, target_rate=1.2 * proof.target_rate)),
    (LinePairs(), line_pairs, "shared_plan", lambda plan: replace(plan, decoder=plan.decoder[::-1])),
    (PosteriorPairs(), posteriors, "_pairs", lambda found: (found[0], found[1] + PLANTED)),
    (PosteriorPairs(), posteriors._Search, "_program", lambda found: (np.roll(found[0], 1), found[1] * 1.05)),
]


@pytest.mark.parametrize(
    ("method", "part", "name", "by"), CASES, ids=[f"{type(case[0]).__name__}-{case[2]}" for case in CASES]
)
def test_a_wrong_number_in_a_solver_widens_the_bracket_and_keeps_it_true(
    method: TransportMethod, part: Any, name: str, by: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = replace(random_table(np.random.default_rng(3), 4, 3, 0.2)) if name == "search_maps" else None
    if problem is None:
        source, target, cost = instance("A")
        problem = constrained_transport(source, target, cost, R=0.25 * BIT, common_randomness=True).problem.discrete
    honest = solved(problem, method)
    with monkeypatch.context() as patch:
        shifted(part, name, by, patch)
        planted = solved(problem, method)
    assert planted.bounds.lower <= honest.bounds.upper
    assert honest.bounds.lower <= planted.bounds.upper
    assert planted.gap >= 0.5 * honest.gap
    if planted.plan is not None:
        assert_sound(planted, planted.problem.discrete)


@dataclass(frozen=True)
class Stranger:
    """A method of somebody else's."""

    outcome: TransportOutcome

    def solve(self, problem: Any) -> TransportOutcome:
        """Whatever."""
        return self.outcome


def garbage() -> list[TransportOutcome]:
    """Plans and multipliers that are none, for laws of three symbols each."""
    nan, wild = np.full(3, np.nan), np.array([1e308, -1e308, 3.0])
    plans = [
        CommonPlan(np.full(2, np.nan), np.zeros((2, 3), dtype=np.intp)),
        CommonPlan(np.array([-1.0, 2.0]), np.array([[0, 1, 7], [0, 1, 2]])),
        CommonPlan(np.array([0.5, 0.5]), np.array([[0, 1, 2], [2, 1, 0]])),
        PrivatePlan(np.eye(3), np.full((3, 3), np.inf)),
        PrivatePlan(np.eye(3) * 5.0 - 1.0, np.eye(3)),
        PrivatePlan(np.zeros((3, 2)), np.zeros((2, 3))),
        Coupling(np.full((3, 3), -1.0)),
        Coupling(np.diag([1e300, 1.0, 1e-300])),
        Coupling(np.full((3, 3), np.nan)),
        *(CommonPlan(np.full(2, size), np.array([[0, 1, 2], [2, 1, 0]])) for size in (1e308, 5e-324)),
        *(PrivatePlan(size * np.ones((3, 2)), size * np.ones((2, 3))) for size in (1e308, 5e-324)),
        *(Coupling(size * np.ones((3, 3))) for size in (1e308, 5e-324)),  # sums of rows are inf, or no longer resolved
    ]
    proofs = [
        *(Multipliers(rate, nan, wild) for rate in (0.0, 1.0)),
        Multipliers(1e308, wild, wild),
        Multipliers(-1.0, np.zeros(3)),
        Multipliers(1.0),
        MapMultipliers(0.1, wild, maps=np.array([[0, 1, 2]])),
        CouplingMultipliers(1e-300, wild),
        PosteriorMultipliers(1.0, wild, wild, target_rate=5.0, max_cells=100),
        CutMultipliers(1.0, tree=np.array([[1, 0], [0, 0]]), prices=np.ones(1)),
        CutMultipliers(1.0, tree=np.array([[9, 9]]), prices=np.ones(7)),
        CutMultipliers(0.2, prices=np.array([np.nan])),
        CutMultipliers(0.2, tree=np.zeros((2, 2), dtype=np.intp), prices=np.ones(2)),  # a leaf too many
        CutMultipliers(0.2, tree=np.array([[2, 0], [0, 0]]), prices=np.ones(1)),  # and one too few
        *(
            CutMultipliers(0.2, tree=SPLIT, prices=np.ones(2), places=np.array(at))
            for at in ([], [np.nan], [0.5], [1.5])
        ),
    ]
    alone = [TransportOutcome(plan, (), 1, "a guess") for plan in plans]
    return [*alone, *(TransportOutcome(None, (proof,), 1, "a guess") for proof in proofs)]


@pytest.mark.parametrize(("shared", "blocks"), SETTINGS)
def test_garbage_of_a_stranger_gives_a_wide_and_true_bracket(shared: bool, blocks: bool) -> None:
    source, target, cost = instance("A")
    true = constrained_transport(source, target, cost, R=0.2, common_randomness=shared, asymptotic=blocks)
    for outcome in garbage():
        found = constrained_transport(
            source, target, cost, R=0.2, common_randomness=shared, asymptotic=blocks, method=Stranger(outcome)
        )
        assert found.bounds.overlaps(true.bounds)
        assert found.status is Status.STOPPED
        assert "a guess" in found.message
        assert_sound(found, found.problem.discrete)


@pytest.mark.parametrize(("shared", "blocks"), SETTINGS)
def test_a_stranger_with_the_right_numbers_is_believed(shared: bool, blocks: bool) -> None:
    source, target, cost = instance("A")
    arguments = {"R": 0.2, "common_randomness": shared, "asymptotic": blocks}
    true = constrained_transport(source, target, cost, **arguments)
    assert true.multipliers is not None
    found = constrained_transport(
        source, target, cost, method=Stranger(TransportOutcome(true.plan, (true.multipliers,))), **arguments
    )
    assert found.bounds.lower == true.bounds.lower
    assert found.bounds.lower_from == true.bounds.lower_from
    assert abs(found.bounds.upper - true.bounds.upper) <= 1e-15  # the plan is tidied once more: its last bit may move
    bare = Multipliers(true.multipliers.rate, true.multipliers.target, true.multipliers.source)
    again = constrained_transport(
        source, target, cost, method=Stranger(TransportOutcome(true.plan, (bare,))), **arguments
    )
    assert again.bounds.overlaps(true.bounds)


def test_strangers_with_wrong_shapes_or_no_outcome_are_refused() -> None:
    source, target, cost = instance("A")
    wrong = [
        TransportOutcome(CommonPlan(np.ones(1), np.zeros((1, 2), dtype=np.intp))),
        TransportOutcome(proofs=(Multipliers(1.0, np.zeros(4)),)),
    ]
    with pytest.raises(InvalidInput, match="tree"):
        constrained_transport(
            source,
            target,
            cost,
            R=0.2,
            common_randomness=False,
            method=Stranger(TransportOutcome(proofs=(CutMultipliers(1.0, tree=np.zeros(3, dtype=np.intp)),))),
        )
    for maps, refused in ((np.zeros((2, 9), dtype=np.intp), True), (np.full((1, 3), 99), False)):
        prices = MapMultipliers(0.1, np.zeros(3), maps=maps)
        table, method = Table([[0, 3, 1], [2, 0, 4], [5, 1, 0]]), Stranger(TransportOutcome(proofs=(prices,)))
        if refused:
            with pytest.raises(InvalidInput, match="maps"):
                constrained_transport(source, target, table, R=0.2, common_randomness=True, method=method)
        else:
            assert constrained_transport(source, target, table, R=0.2, common_randomness=True, method=method).gap > 0.0
    for outcome in wrong:
        with pytest.raises(InvalidInput, match="must"):
            constrained_transport(source, target, cost, R=0.2, common_randomness=True, method=Stranger(outcome))
    for plan, shared, blocks in (
        (PrivatePlan(np.eye(3), np.eye(2)), False, False),
        (PrivatePlan(np.ones((2, 1)), np.ones((1, 3))), False, False),
        (Coupling(np.full((2, 3), 1.0 / 6.0)), True, True),
    ):
        with pytest.raises(InvalidInput, match=r"plan = .*must (have|be)"):
            constrained_transport(
                source, target, cost, R=0.2, common_randomness=shared, asymptotic=blocks,
                method=Stranger(TransportOutcome(plan)),
            )  # fmt: skip
    with pytest.raises(InvalidInput, match="TransportOutcome"):
        constrained_transport(source, target, cost, R=0.2, common_randomness=True, method=Stranger(None))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="method"):
        constrained_transport(source, target, cost, R=0.2, common_randomness=True, method=Stranger)  # type: ignore[arg-type]


def test_jumps_as_close_as_rounding_are_priced() -> None:
    masses = np.append([0.5, 0.5], np.full(300, 9e-15))
    law = Pmf.from_weights(masses, np.append([0.0, 1.0], np.linspace(1e4, 2e4, 300)))
    found = constrained_transport(law, law, SquaredError(), R=np.inf, common_randomness=False)
    assert found.bounds.lower == 0.0
    assert found.status is Status.OPTIMAL
    # without a rate limit nothing moves; the far masses alone, of 2.7e-12 at distances of 1e4, would cost 3e-4
    assert found.bounds.upper <= 1e-9


def test_slack_of_a_monge_order_is_priced() -> None:
    flat = Pmf(np.full(40, 1 / 40))
    found = constrained_transport(flat, flat, Table(np.ones((40, 40))), R=0.5, common_randomness=True)
    assert 1.0 in found.bounds
    rng = np.random.default_rng(60)
    x, y = np.sort(rng.random(90)), np.sort(rng.random(90))
    noisy = np.abs(x[:, None] - y) + 1e-15 * rng.random((90, 90))
    laws = Pmf(rng.dirichlet(np.ones(90)), x), Pmf(rng.dirichlet(np.ones(90)), y)
    rough = constrained_transport(*laws, Table(noisy), R=0.3, common_randomness=True)
    smooth = constrained_transport(*laws, AbsoluteError(), R=0.3, common_randomness=True)
    assert type(rough.method) is ColumnGeneration
    assert rough.bounds.overlaps(replace(smooth.bounds, upper=smooth.bounds.upper + 1e-15))


@pytest.mark.parametrize(("shared", "blocks"), SETTINGS)
@pytest.mark.parametrize("R", [0.0, 1e-300, 1e-9])
def test_tiny_rates_hardly_help(shared: bool, blocks: bool, R: float) -> None:
    source, target, cost = instance("G")
    found = constrained_transport(source, target, cost, R=R, common_randomness=shared, asymptotic=blocks)
    independent = found.problem.discrete.independent
    # I(X;Y) <= R moves E d by at most sqrt(2 R) times the spread of d, which is below 10 here
    assert independent - 10.0 * np.sqrt(2.0 * R) - 1e-12 <= found.bounds.upper <= independent * (1.0 + 1e-12)
    assert found.bounds.lower <= independent
    assert_sound(found, found.problem.discrete)


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_the_unit_of_the_distortion_does_not_matter(scale: float) -> None:
    source, target, _ = instance("A")
    laws = [Pmf(law.probabilities, law.points * np.sqrt(scale)) for law in (source, target)]
    for shared, blocks in SETTINGS:
        one = constrained_transport(source, target, SquaredError(), R=0.2, common_randomness=shared, asymptotic=blocks)
        other = constrained_transport(*laws, SquaredError(), R=0.2, common_randomness=shared, asymptotic=blocks)
        assert other.distortion / scale == pytest.approx(one.distortion, rel=1e-7)  # the wider gap of the methods
        assert other.bounds.lower / scale <= one.bounds.upper * (1.0 + 1e-12)


@pytest.mark.parametrize("shared, blocks", SETTINGS)
@pytest.mark.parametrize("exponent", [-1068, -1060, -600, 1015])
def test_costs_at_the_ends_of_float64_have_true_brackets(shared: bool, blocks: bool, exponent: int) -> None:
    """Ends that are subnormal are rounded outward: in the unit of the table they are the bracket of ordinary costs."""
    cost, law = np.array([[0.0, 3.0, 61.0], [9.0, 0.0, 8.0], [27.0, 5.0, 0.0]]), Pmf([0.5, 0.3, 0.2])
    setting = {"R": 0.3, "common_randomness": shared, "asymptotic": blocks}
    here = constrained_transport(law, law, Table(cost), **setting).bounds
    there = constrained_transport(law, law, Table(cost * 2.0**exponent), **setting).bounds
    unit = Fraction(2) ** exponent
    assert Fraction(there.lower) <= Fraction(here.upper) * unit
    assert Fraction(here.lower) * unit <= Fraction(there.upper)
    if exponent > -1000 and (shared or blocks):  # prices may be subnormal, too, and one of the four has no proof
        assert there.gap <= 1e-7 * there.upper  # posterior pairs end at 1e-7 of the largest cost


def test_a_minimum_softened_by_a_large_price_is_rounded_down() -> None:
    """Exponents below the least number of float64 are no shares of themselves."""
    q, price = np.array([0.25, 0.75]), 1e120
    for cost in np.random.default_rng(3).uniform(0.0, 2e-203, (50, 2)):
        mean = sum(Fraction(mass) * Fraction(one) for mass, one in zip(q, cost, strict=True))  # its limit, from below
        assert Fraction(float(soft_minimum(cost, q, price, relative_error(2)))) <= mean


def test_multipliers_that_prove_less_than_the_bound_give_no_tangent() -> None:
    source, target, cost = instance("A")
    honest = constrained_transport(source, target, cost, R=0.9, common_randomness=True)
    steep = Multipliers(100.0, np.zeros(3))
    guess = Stranger(TransportOutcome(honest.plan, (steep,)))
    found = constrained_transport(source, target, cost, R=0.9, common_randomness=True, method=guess)
    assert found.multipliers is not None
    assert found.multipliers.rate == 100.0
    assert transport._tangent(0.9, found, 1.0) == 0.0
    assert 0.0 < transport._tangent(
        0.3, constrained_transport(source, target, cost, R=0.3, common_randomness=True), 1.0
    )


def test_optimal_is_said_of_the_gap_that_was_asked_for() -> None:
    far = Pmf([0.5, 0.5 - 1e-6, 1e-6], [0.0, 1.0, 1e9])
    found = constrained_transport(far, far, SquaredError(), R=0.3, common_randomness=False)
    asked = found.method.gap * max(1.0, found.distortion)  # type: ignore[union-attr]
    assert (found.status is Status.OPTIMAL) == (found.gap <= asked)


def test_the_default_ends_on_many_levels() -> None:
    law = discretise(Laplace(0, 0.7071), 64)
    short = QuantileCuts(max_work=1e6)
    found = constrained_transport(law, law, SquaredError(), R=2.0 * BIT, common_randomness=False, method=short)
    assert found.status is Status.STOPPED
    assert "asked" in found.message
    assert found.gap <= 1e-4


def test_an_interrupted_search_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = line_pair(16)
    calls = iter(range(100))

    def interrupted(self: Any, *args: Any) -> Any:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return honest(self, *args)

    honest = line.Cuts.relaxed
    monkeypatch.setattr(line.Cuts, "relaxed", interrupted)
    with pytest.raises(KeyboardInterrupt):  # in the first seconds it ends the program
        constrained_transport(source, target, SquaredError(), R=BIT, common_randomness=False)
    calls = iter(range(100))
    monkeypatch.setattr(watch, "PATIENCE", 0.0)
    found = constrained_transport(source, target, SquaredError(), R=BIT, common_randomness=False)
    assert "interrupted" in found.message
    assert 0.9346871173 <= found.bounds.upper + 1e-10
    assert found.bounds.lower <= 0.9346871174
    assert found.gap <= 0.1


def test_a_linear_program_that_fails_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    source, target, cost = instance("A")
    true = constrained_transport(source, target, cost, R=0.2, common_randomness=True, asymptotic=True)
    unknown = SimpleNamespace(name="kUnknown")
    monkeypatch.setattr(highspy.Highs, "getModelStatus", lambda self: unknown)
    failed = scipy.optimize.OptimizeResult(x=None, status=4)
    monkeypatch.setattr(scipy.optimize, "linprog", lambda *args, **options: failed)
    for method, blocks in ((ColumnGeneration(), False), (Flow(), False), (Enumeration(), False)):
        found = constrained_transport(
            source, target, cost, R=0.2, common_randomness=True, asymptotic=blocks, method=method
        )
        assert found.status is Status.STOPPED
        assert "failed" in found.message
    found = constrained_transport(
        source, target, cost, R=0.2, common_randomness=False, asymptotic=True, method=PosteriorPairs()
    )
    assert found.status is Status.STOPPED
    assert "failed" in found.message
    short = EntropicTransport(max_steps=1)
    found = constrained_transport(source, target, cost, R=0.2, common_randomness=True, asymptotic=True, method=short)
    assert found.bounds.overlaps(true.bounds)


@pytest.mark.parametrize("wide", [False, True])
def test_proofs_hold_for_tables_of_any_shape(wide: bool) -> None:
    """Prices of posterior pairs and of maps, named by a stranger, on a table that is no line."""
    rng = np.random.default_rng(5)
    cost = rng.random((3, 5))
    p, q = Pmf(np.full(3, 1 / 3)), Pmf(np.full(5, 0.2))
    source, target, table = (p, q, Table(cost)) if wide else (q, p, Table(cost.T))
    blocks = {"R": 0.3, "common_randomness": False, "asymptotic": True}
    true = constrained_transport(source, target, table, **blocks)
    proof = PosteriorMultipliers(0.2, np.zeros(target.size), np.zeros(source.size), target_rate=0.1)
    found = constrained_transport(source, target, table, **blocks, method=Stranger(TransportOutcome(None, (proof,))))
    assert 0.0 < found.bounds.lower <= true.bounds.upper
    shared = {"R": 0.3, "common_randomness": True}
    true = constrained_transport(source, target, table, **shared)
    bare = MapMultipliers(0.2, np.zeros(target.size))
    found = constrained_transport(source, target, table, **shared, method=Stranger(TransportOutcome(None, (bare,))))
    assert 0.0 < found.bounds.lower <= true.bounds.upper


def test_numbers_that_bound_nothing_end_a_search_of_one_point() -> None:
    """A side with one symbol is a simplex that cannot be cut."""
    pricing = posteriors.PosteriorPricing(
        np.array([[1e308], [-1e308]]),
        np.array([0.5, 0.5]),
        np.ones(1),
        np.array([-1e308, 1e308]),
        np.zeros(1),
        0.0,
        0.1,
    )
    with np.errstate(all="ignore"):
        assert pricing.bound(1e-9, 1000)[0] == -np.inf


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.99, 1.01])
def test_a_rate_just_below_its_limit_costs_a_rounding_and_not_the_plan(share: float) -> None:
    source = Pmf([0.1, 0.2, 0.3, 0.2, 0.15, 0.05])
    question = TransportProblem(source, source, SquaredError(), 0.4, 1.0, True).discrete
    letters = np.random.default_rng(0).dirichlet(np.ones(100), size=6)  # so many that the rounding of a rate counts
    decoder = (question.p[:, None] * letters).T / (question.p @ letters)[:, None]
    plan = PrivatePlan(letters, decoder, asymptotic=True)
    rate, kappa = plan.rate(question), relative_error(*question.shape, plan.parts)
    limited = replace(question, R=rate + share * (plan.most(question, kappa) - rate))
    found = plans.reached(limited, plan)
    assert found is not None
    assert found.value <= float(np.vdot(plan.joint(limited), limited.cost)) + 1e-11  # a thinning of 1e-13 and rounding
