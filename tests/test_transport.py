"""The verbs: dispatch, the order of the five values, inverses, the decomposition, and what they refuse."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from rdptheory.closed_forms import ClosedForm, transport_gaussian
from rdptheory.distortions import AbsoluteError, Hamming, SquaredError, Table
from rdptheory.errors import GapTooWide, InvalidInput
from rdptheory.solution import JointGaussian, Status
from rdptheory.solvers.transport.common_randomness import BranchAndBound, ColumnGeneration, Enumeration, Flow
from rdptheory.solvers.transport.long_blocks import EntropicTransport, LinePairs, PosteriorPairs
from rdptheory.solvers.transport.private_randomness import MultiStart, QuantileCuts
from rdptheory.sources import Bernoulli, Gaussian, Laplace, Pmf, Uniform
from rdptheory.transport import constrained_transport, decompose, quantisation_error, transport_rate
from rdptheory.transport_problem import TransportProblem, cost_table
from tests.checks import rounded
from tests.transport_cases import BIT, REFERENCES, assert_sound, convex_envelope, instance, random_line


def laws(rng: np.random.Generator, most: int) -> tuple[Pmf, Pmf, float]:
    case = random_line(rng, most)
    return Pmf.from_weights(case.p, case.x), Pmf.from_weights(case.q, case.y), case.R


def test_the_values_are_in_order_on_random_laws() -> None:
    rng = np.random.default_rng(50)
    for _ in range(6):
        source, target, R = laws(rng, 3)

        def solve(shared: bool, blocks: bool, rate: float = R, pair: tuple[Pmf, Pmf] = (source, target)) -> object:
            return constrained_transport(
                *pair, SquaredError(), R=rate, common_randomness=shared, asymptotic=blocks
            ).bounds

        unlimited = solve(True, False, np.inf)
        blocks_shared, shared = solve(True, True), solve(True, False)
        blocks_private, private = solve(False, True), solve(False, False)
        envelope = convex_envelope(TransportProblem(source, target, SquaredError(), R, 0.0).discrete)[0]
        chain = [unlimited, blocks_shared, shared]
        for low, high in pairwise(chain):
            assert low.lower <= high.upper
        assert shared.lower <= envelope + 1e-11
        assert envelope <= private.upper + 1e-11
        assert blocks_shared.lower <= blocks_private.upper
        assert blocks_private.lower <= private.upper


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("row", REFERENCES["binary"])
def test_binary_formulas_equal_the_solvers(row: dict[str, float], shared: bool) -> None:
    source, target, R = Bernoulli(row["qX"]), Bernoulli(row["qY"]), row["R"] * BIT
    formula = constrained_transport(source, target, Hamming(), R=R, common_randomness=shared)
    problem = TransportProblem(source, target, Hamming(), R, shared).discrete
    assert formula.method == ClosedForm()
    assert_sound(formula, problem)
    methods = (ColumnGeneration(), Enumeration(), Flow(), BranchAndBound()) if shared else (QuantileCuts(),)
    for method in methods:
        cost = SquaredError() if isinstance(method, QuantileCuts) else Hamming()
        found = constrained_transport(source, target, cost, R=R, common_randomness=shared, method=method)
        assert found.distortion == pytest.approx(formula.distortion, abs=1e-12)
        assert found.bounds.overlaps(formula.bounds)
        assert found.method == method
        assert found.multipliers is not None
        assert formula.multipliers is not None
        if found.distortion < row["D_cr"] - 1e-9:
            assert found.multipliers.rate == pytest.approx(formula.multipliers.rate, rel=1e-6)


def test_slopes_of_formulas_are_derivatives() -> None:
    step = 1e-6
    cases = [
        (Bernoulli(0.3), Bernoulli(0.6), Hamming(), False, False, 0.2),
        (Bernoulli(0.8), Bernoulli(0.6), Hamming(), False, False, 0.3),
        (Bernoulli(0.3), Bernoulli(0.6), Hamming(), True, False, 0.1),
        (Uniform(0, 2), Uniform(1, 6), SquaredError(), False, False, 0.9),
        (Gaussian(0, 1), Gaussian(1, 4), SquaredError(), False, True, 0.5),
        (Gaussian(0, 1), Gaussian(1, 4), SquaredError(), 0.3, True, 0.5),
        (Gaussian(0, 1), Gaussian(1, 4), SquaredError(), True, True, 0.5),
    ]
    for source, target, cost, shared, blocks, R in cases:
        low, here, high = (
            constrained_transport(source, target, cost, R=rate, common_randomness=shared, asymptotic=blocks)
            for rate in (R - step, R, R + step)
        )
        assert here.multipliers is not None
        assert here.multipliers.rate == pytest.approx((low.distortion - high.distortion) / (2 * step), rel=1e-5)


def test_each_case_takes_the_method_that_fits() -> None:
    a, b, line = *instance("A")[:2], SquaredError()
    cases = [
        (a, b, line, False, False, QuantileCuts),
        (a, b, line, True, False, ColumnGeneration),
        (a, b, line, True, True, EntropicTransport),
        (a, b, line, False, True, LinePairs),
        (a, b, line, 0.3, True, LinePairs),
        (*instance("C"), 0.3, True, PosteriorPairs),
        (*instance("C"), True, False, BranchAndBound),
        (*instance("C"), False, False, MultiStart),
        (Uniform(0, 1), Uniform(0, 2), line, False, False, ClosedForm),
        (Gaussian(0, 1), Gaussian(0, 2), line, 0.3, True, ClosedForm),
    ]
    for source, target, cost, shared, blocks, kind in cases:
        found = constrained_transport(source, target, cost, R=0.4, common_randomness=shared, asymptotic=blocks)
        assert type(found.method) is kind
        assert isinstance(found.problem, TransportProblem)
        assert "bracket" in str(found)


def test_one_is_a_rate_and_true_is_not() -> None:
    X, Y = Gaussian(0, 1), Gaussian(0, 1)
    rate, much = (
        constrained_transport(X, Y, SquaredError(), R=0.5, common_randomness=shared, asymptotic=True)
        for shared in (1, True)
    )
    assert rate.distortion == rounded(float(transport_gaussian.distortion(X, Y, R=0.5, common_randomness=1.0)))
    assert much.distortion < rate.distortion - 1e-3
    assert isinstance(much.plan, JointGaussian)
    assert much.plan.covariance[0, 1] == rounded(1.0 - 0.5 * much.distortion)
    a, b, _ = instance("A")
    for zero, infinite in ((0, np.inf), (0.0, np.inf)):
        assert type(constrained_transport(a, b, SquaredError(), R=1.0, common_randomness=zero).method) is QuantileCuts
        assert (
            type(constrained_transport(a, b, SquaredError(), R=1.0, common_randomness=infinite).method)
            is ColumnGeneration
        )


def test_unknown_combinations_say_what_exists() -> None:
    a, b, _ = instance("A")
    unknown = [
        (a, b, SquaredError(), 0.5, False, None),
        (Gaussian(0, 1), Gaussian(0, 1), SquaredError(), True, False, None),
        (Gaussian(0, 1), Gaussian(0, 1), AbsoluteError(), True, True, None),
        (Uniform(0, 1), Uniform(0, 1), SquaredError(), True, False, None),
        (Uniform(0, 1), a, SquaredError(), False, False, None),
        (a, b, SquaredError(), True, True, QuantileCuts()),
        (a, b, SquaredError(), False, False, ClosedForm()),
        (Uniform(0, 1), Uniform(0, 1), SquaredError(), False, False, ColumnGeneration()),
    ]
    for source, target, cost, shared, blocks, method in unknown:
        with pytest.raises(InvalidInput, match="available"):
            constrained_transport(
                source, target, cost, R=0.4, common_randomness=shared, asymptotic=blocks, method=method
            )
    for R in (-0.1, float("nan"), "1"):
        with pytest.raises(InvalidInput, match="R = "):
            constrained_transport(a, b, SquaredError(), R=R, common_randomness=True)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="common_randomness"):
        constrained_transport(a, b, SquaredError(), R=1.0, common_randomness=-1.0)
    with pytest.raises(InvalidInput, match="matrix"):
        constrained_transport(a, b, Table(np.ones((2, 3))), R=1.0, common_randomness=True)
    with pytest.raises(InvalidInput, match="target"):
        constrained_transport(a, Laplace(0, 1), SquaredError(), R=1.0, common_randomness=True)
    with pytest.raises(InvalidInput, match=r"source = Laplace.*must be a finite law.*; discretise\(source, n\)"):
        constrained_transport(Laplace(0.0, 1.0), Laplace(0.0, 1.0), SquaredError(), R=1.0, common_randomness=True)
    with pytest.raises(InvalidInput, match=r"has no closed form with these arguments; discretise\(source, n\)"):
        _ = TransportProblem(Uniform(0, 1), a, SquaredError(), 0.1, True).discrete
    with pytest.raises(InvalidInput, match="must sit in the space of the source"):
        constrained_transport(
            a, Pmf([0.5, 0.5], [[0.0, 1.0], [1.0, 0.0]]), SquaredError(), R=1.0, common_randomness=True
        )
    with pytest.raises(InvalidInput, match="must be finite and at least 0 between all symbols"):
        constrained_transport(a, a, Table(np.where(np.eye(3) > 0, 0.0, np.inf)), R=1.0, common_randomness=True)


def test_costs_between_two_alphabets() -> None:
    a, b = Pmf([0.5, 0.5], [0.0, 2.0]), Pmf([0.2, 0.3, 0.5], [2.0, 0.0, 1.0])
    assert cost_table(SquaredError(), a, b).tolist() == [[4.0, 0.0, 1.0], [0.0, 4.0, 1.0]]
    assert cost_table(AbsoluteError(), a, b).tolist() == [[2.0, 0.0, 1.0], [0.0, 2.0, 1.0]]
    assert cost_table(Hamming(), a, b).tolist() == [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]
    plane = Pmf([0.5, 0.5], [[0.0, 0.0], [1.0, 1.0]])
    assert cost_table(SquaredError(), plane, plane).tolist() == [[0.0, 2.0], [2.0, 0.0]]
    assert cost_table(Hamming(), plane, plane).tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_vectors_and_zero_masses() -> None:
    rng = np.random.default_rng(51)
    source = Pmf(np.append(rng.dirichlet(np.ones(4)), 0.0), rng.random((5, 2)))
    target = Pmf([0.3, 0.7, 0.0], rng.random((3, 2)))
    for shared in (False, True):
        for blocks in (False, True):
            method = None if shared or blocks else MultiStart(starts=2)
            found = constrained_transport(
                source, target, SquaredError(), R=0.2, common_randomness=shared, asymptotic=blocks, method=method
            )
            assert_sound(found, TransportProblem(source, target, SquaredError(), 0.2, shared, blocks).discrete)
    line = [Pmf(law.probabilities, law.points[:, 0]) for law in (source, target)]
    for shared in (False, True):
        found = constrained_transport(*line, SquaredError(), R=0.2, common_randomness=shared)
        assert_sound(found, TransportProblem(*line, SquaredError(), 0.2, shared).discrete)


@pytest.mark.parametrize(("shared", "blocks"), [(False, False), (True, False), (True, True)])
def test_the_inverse_returns_to_the_rate(shared: bool, blocks: bool) -> None:
    source, target, cost = instance("A")
    arguments = {"common_randomness": shared, "asymptotic": blocks}
    forward = constrained_transport(source, target, cost, R=0.25, **arguments)
    found = transport_rate(source, target, cost, D=forward.distortion, gap=1e-7, **arguments)
    assert found.bounds.lower <= 0.25 + 1e-9
    assert found.bounds.upper >= 0.25 - 1e-7
    assert found.bounds.gap <= 1e-7
    assert found.solution is not None
    assert found.solution.distortion <= forward.distortion + 1e-11


def test_the_inverse_over_long_blocks_without_common_randomness() -> None:
    source, target = Bernoulli(0.3), Bernoulli(0.6)
    row = REFERENCES["binary_asymptotic"][-1]
    found = transport_rate(
        source, target, Hamming(), D=row["D_ncr"], common_randomness=False, asymptotic=True, gap=1e-4
    )
    assert found.bounds.lower <= row["R"] * BIT + 1e-8 <= found.bounds.upper + 2e-8
    assert found.bounds.gap <= 1e-4


@pytest.mark.parametrize("unit", [1e-200, 1e-13, 1e-6, 1e100])
@pytest.mark.parametrize("setting", [(True, False), (True, True)])
def test_rates_are_the_same_in_every_unit_of_the_distortion(unit: float, setting: tuple[bool, bool]) -> None:
    """What counts as reached is a share of D at R = 0: of 1e-12 itself a table of 1e-13 asks for nothing."""
    law, (shared, blocks) = Pmf([0.5, 0.25, 0.25]), setting
    entropy = Fraction(3, 2) * Fraction("0.6931471805599453094172321214581765680755")
    for D in (0.0, 0.25):
        here, there = (
            transport_rate(
                law, law, Table((1 - np.eye(3)) * one), D=D * one, common_randomness=shared, asymptotic=blocks, gap=1e-6
            ).bounds
            for one in (1.0, unit)
        )
        assert here.overlaps(there)
        assert there.gap <= 1e-6
        if D == 0.0:
            assert Fraction(there.lower) <= entropy <= Fraction(there.upper)


def test_inverses_beyond_a_nat_and_of_a_method_that_knows_little() -> None:
    source, target = Gaussian(0, 1), Gaussian(1, 4)
    for rate in (0.4, 6.0):  # a rate that is enough is looked for upwards
        blocks = {"common_randomness": True, "asymptotic": True}
        D = constrained_transport(source, target, SquaredError(), R=rate, **blocks).distortion
        found = transport_rate(source, target, SquaredError(), D=D, **blocks)
        blur = 1e-13 * np.exp(2.0 * rate)  # what a formula knows of D, in rates
        assert found.bounds.lower - blur <= rate <= found.bounds.upper + blur
        assert found.bounds.gap <= 1e-9 + blur
    laws = instance("A")
    true = transport_rate(*laws, D=1.0, common_randomness=False)
    rough = transport_rate(*laws, D=1.0, common_randomness=False, method=MultiStart(starts=1))  # it proves an envelope
    assert rough.status is Status.STOPPED
    assert rough.bounds.lower <= true.bounds.upper
    assert true.bounds.lower <= rough.bounds.upper
    assert rough.bounds.gap > 1e-6


def test_inverses_at_the_ends() -> None:
    source, target, cost = instance("A")
    independent = TransportProblem(source, target, cost, 0.0, 0.0).discrete.independent
    for shared in (False, True):
        free = transport_rate(source, target, cost, D=independent, common_randomness=shared)
        assert free.rate == 0.0
        none = transport_rate(source, target, cost, D=0.6, common_randomness=shared)
        assert none.rate == np.inf
        assert none.status is Status.INFEASIBLE
    gauss = transport_rate(
        Gaussian(0, 1), Gaussian(0, 1), SquaredError(), D=0.5, common_randomness=False, asymptotic=True
    )
    assert gauss.bounds.lower - 1e-9 <= BIT <= gauss.bounds.upper + 1e-9
    uniform = transport_rate(
        Uniform(0, 2), Uniform(0, 5), SquaredError(), D=3.4166666666666667, common_randomness=False
    )
    assert uniform.bounds.lower - 1e-9 <= BIT <= uniform.bounds.upper + 1e-9


def test_the_three_terms_add_up() -> None:
    rng = np.random.default_rng(52)
    for _ in range(8):
        source, target, R = laws(rng, 5)
        found = constrained_transport(source, target, SquaredError(), R=R, common_randomness=False)
        terms = decompose(found)
        assert terms.total == pytest.approx(found.distortion, abs=1e-12)
        assert terms.quantise >= quantisation_error(source, R=R).lower - 1e-12
        assert terms.dequantise >= quantisation_error(target, R=R).lower - 1e-12
    blocks = constrained_transport(*instance("G"), R=0.25 * BIT, common_randomness=False, asymptotic=True)
    assert decompose(blocks).total == pytest.approx(blocks.distortion, abs=1e-11)
    uniform = constrained_transport(Uniform(0, 2), Uniform(0, 5), SquaredError(), R=BIT, common_randomness=False)
    assert decompose(uniform).total == pytest.approx(uniform.distortion, abs=1e-12)
    shared = constrained_transport(*instance("A"), R=0.4, common_randomness=True)
    with pytest.raises(InvalidInput, match="solution"):
        decompose(shared)


def test_require_and_planted_wrong_terms() -> None:
    found = constrained_transport(*instance("C"), R=0.25 * BIT, common_randomness=False, method=MultiStart(starts=2))
    with pytest.raises(GapTooWide):
        found.require(gap=1e-6)
    assert found.require(gap=1.0) is found
    good = constrained_transport(*instance("A"), R=0.25, common_randomness=False)
    plan = good.plan
    assert plan is not None
    wrong = replace(good, plan=replace(plan, decoder=plan.decoder[::-1]))  # type: ignore[arg-type, union-attr]
    assert abs(decompose(wrong).total - good.distortion) > 1e-3


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("blocks", [False, True])
def test_a_rate_that_pays_for_every_symbol_copies_them_whatever_the_unit(shared: bool, blocks: bool) -> None:
    """A cost of 1e19 times the rounding of a mass is a thousand units: a copy of the source has none of it."""
    source, target = Pmf([0.43, 0.53, 0.04], [1.1e9, 4.6e9, 1.7e9]), Pmf([0.04, 0.43, 0.53], [1.7e9, 1.1e9, 4.6e9])
    H = -sum(x * math.log(x) for x in (0.43, 0.53, 0.04))
    question = source, target, SquaredError()
    found = constrained_transport(*question, R=H * (1.0 + 1e-15), common_randomness=shared, asymptotic=blocks)
    assert (found.bounds.lower, found.bounds.upper) == (0.0, 0.0)
    less = constrained_transport(*question, R=0.9 * H, common_randomness=shared, asymptotic=blocks)
    assert less.bounds.upper > 1.0


@pytest.mark.parametrize("R", [1e-300, 1e-60, 1e-20])
def test_next_to_no_rate_is_next_to_independence(R: float) -> None:
    """Over long blocks with common randomness D falls by no more than the root of 2 R Var d."""
    p, q = Pmf([0.5, 0.3, 0.2]), Pmf([0.1, 0.9, 0.0])
    found = constrained_transport(p, q, SquaredError(), R=R, common_randomness=True, asymptotic=True)
    alone = constrained_transport(p, q, SquaredError(), R=0.0, common_randomness=True, asymptotic=True)
    assert found.gap < 1e-12 + 10.0 * math.sqrt(R)
    assert alone.bounds.lower - 10.0 * math.sqrt(R) <= found.bounds.upper <= alone.bounds.upper
