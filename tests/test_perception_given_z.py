"""P(R,D|Z), the inverse in P beside side information: against conic and linear programs, `rdp`, and formulas."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from scipy.optimize import linprog

from rdptheory import (
    Bounds,
    Gaussian,
    GaussianVector,
    InvalidInput,
    JensenShannon,
    KullbackLeibler,
    Pmf,
    SquaredError,
    Status,
    Table,
    TotalVariation,
    Wasserstein2Squared,
    perception_at,
    rdp,
)
from rdptheory._types import Contradiction
from rdptheory.inverse import Located
from rdptheory.methods import Outcome
from rdptheory.solvers.outcome import Proof
from tests import checks
from tests.pairs import JOINT, LAW

COST = np.subtract.outer(np.arange(4.0), np.arange(4.0)) ** 2
REALISMS = ("output", "joint")


def located(divergence: Any, R: float, D: float, realism: str) -> Located:
    return perception_at(LAW, SquaredError(), divergence, R=R, D=D, side_information=JOINT, realism=realism)


def rate(divergence: Any, D: float, P: float, realism: str) -> Bounds:
    return rdp(LAW, SquaredError(), divergence, D=D, P=P, side_information=JOINT, realism=realism).bounds


def assert_inverse(found: Located, divergence: Any, R: float, D: float, realism: str) -> None:
    """R pays for the upper end, and not for anything clearly below the lower one."""
    assert found.bounds.lower <= found.value == found.bounds.upper
    assert rate(divergence, D, found.bounds.upper, realism).lower <= R
    assert rate(divergence, D, 0.999 * found.bounds.lower, realism).lower > R


def least_by_clarabel(divergence: Any, R: float, D: float, realism: str) -> float:
    """min δ over p(x,y,z) as one conic program, with no pairs and no H(Z) in it."""
    plans = [cp.Variable((4, 4), nonneg=True) for _ in range(2)]
    laws = [cp.sum(plan, axis=0) for plan in plans]
    spent = sum(cp.sum(cp.multiply(plan, COST)) for plan in plans)
    told = sum(
        cp.sum(cp.rel_entr(plan, (JOINT[:, [z]] / JOINT[:, z].sum()) @ cp.reshape(law, (1, 4), order="C")))
        for z, (plan, law) in enumerate(zip(plans, laws, strict=True))
    )
    r, p = (cp.hstack(laws), JOINT.T.ravel()) if realism == "joint" else (sum(laws), JOINT.sum(axis=1))
    delta = 0.5 * cp.norm1(r - p) if isinstance(divergence, TotalVariation) else cp.sum(cp.rel_entr(r, p))
    limits = [cp.sum(plan, axis=1) == JOINT[:, z] for z, plan in enumerate(plans)]
    return float(cp.Problem(cp.Minimize(delta), [*limits, spent <= D, told <= R]).solve(solver="CLARABEL"))


@pytest.mark.parametrize("realism", REALISMS)
@pytest.mark.parametrize("divergence", [TotalVariation(), KullbackLeibler()], ids=["tv", "kl"])
def test_a_conic_program_finds_the_same(divergence: Any, realism: str) -> None:
    for R, D in ((0.3, 0.5), (0.15, 0.75)):
        found = located(divergence, R, D, realism)
        checks.assert_inside(found.bounds, least_by_clarabel(divergence, R, D, realism), 1e-6)  # its own tolerances
        assert found.bounds.gap < 2e-9  # the gap of the rates over slopes of at least 0.5
        assert found.status is Status.OPTIMAL


@pytest.mark.parametrize(
    ("divergence", "realism"),
    [
        (TotalVariation(), "joint"),
        (JensenShannon(), "output"),
        (JensenShannon(), "joint"),
        (Wasserstein2Squared(), "output"),
    ],
)
def test_it_turns_the_rate_around(divergence: Any, realism: str) -> None:
    there = rate(divergence, 0.5, 0.03, realism)
    found = located(divergence, there.upper, 0.5, realism)
    checks.assert_inside(found.bounds, 0.03, 1e-12)
    assert found.bounds.gap < 1e-7
    assert_inverse(found, divergence, there.upper, 0.5, realism)


def test_the_checker_sees_wrong_limits() -> None:
    right = located(TotalVariation(), 0.3, 0.5, "joint")
    assert_inverse(right, TotalVariation(), 0.3, 0.5, "joint")
    for lower, upper in ((right.bounds.lower, 0.9 * right.value), (1.1 * right.value, 1.1 * right.value)):
        lower = min(lower, upper)
        wrong = replace(right, value=upper, bounds=Bounds(lower, upper))
        with pytest.raises(AssertionError):
            assert_inverse(wrong, TotalVariation(), 0.3, 0.5, "joint")
    with pytest.raises(AssertionError):
        assert_inverse(located(TotalVariation(), 0.3, 0.5, "output"), TotalVariation(), 0.3, 0.5, "joint")


def test_z_helps_and_joint_realism_costs() -> None:
    alone = perception_at(LAW, SquaredError(), TotalVariation(), R=0.3, D=0.5)
    output, joint = (located(TotalVariation(), 0.3, 0.5, realism) for realism in REALISMS)
    assert 0.0 < output.value < joint.bounds.lower < joint.value < alone.value == math.inf
    assert located(TotalVariation(), 2.0, 0.4, "joint").bounds == Bounds(0.0, 0.0)  # more than H(X|Z)
    assert located(TotalVariation(), 0.01, 0.4, "joint").status is Status.INFEASIBLE
    assert located(TotalVariation(), 0.01, 0.4, "joint").value == math.inf


@pytest.mark.parametrize("realism", REALISMS)
def test_without_a_rate_z_alone_decides(realism: str) -> None:
    """min ½ Σ |r - p| over p(y|z) with E d <= D, by one linear program in p(y,z) and the moduli."""
    D = 1.2
    cost = COST.T @ JOINT / JOINT.sum(axis=0)  # (y, z)
    sums = np.kron(np.ones((1, 4)), np.eye(2))
    image = np.eye(8) if realism == "joint" else np.kron(np.eye(4), np.ones((1, 2)))
    target = JOINT.ravel() if realism == "joint" else JOINT.sum(axis=1)
    k = target.size
    moduli = np.block([[image, -np.eye(k)], [-image, -np.eye(k)]])
    best = linprog(
        np.concatenate([np.zeros(8), np.full(k, 0.5)]),
        A_ub=np.vstack([np.concatenate([cost.ravel(), np.zeros(k)]), moduli]),
        b_ub=np.concatenate([[D], target, -target]),
        A_eq=np.hstack([sums, np.zeros((2, k))]),
        b_eq=JOINT.sum(axis=0),
    ).fun
    found = located(TotalVariation(), 0.0, D, realism)
    checks.assert_inside(found.bounds, best, 1e-12)  # HiGHS
    assert found.bounds.gap < 1e-9
    assert found.status is Status.OPTIMAL
    assert located(TotalVariation(), 0.0, 2.0, realism).value == 0.0  # a fresh draw given z
    assert located(TotalVariation(), 1e-6, D, realism).value < found.bounds.lower  # a little rate is worth something


def test_a_gaussian() -> None:
    seen = GaussianVector([0.0, 0.0], [[1.0, 0.8], [0.8, 1.0]])
    source = Gaussian(0.0, 1.0)
    for divergence in (KullbackLeibler(), Wasserstein2Squared()):
        found = perception_at(source, SquaredError(), divergence, R=0.2, D=0.25, side_information=seen)
        again = rdp(source, SquaredError(), divergence, D=0.25, P=found.value, side_information=seen)
        assert found.value > 0.0
        assert again.rate == pytest.approx(0.2, abs=1e-12)
    joint = perception_at(
        source, SquaredError(), KullbackLeibler(), R=0.2, D=0.25, side_information=seen, realism="joint"
    )
    scalar = perception_at(Gaussian(0.0, 0.36), SquaredError(), KullbackLeibler(), R=0.2, D=0.25)  # Var(X|Z)
    assert joint.value == pytest.approx(scalar.value, rel=1e-12)
    with pytest.raises(InvalidInput, match="no inverse"):
        perception_at(source, SquaredError(), TotalVariation(), R=0.2, D=0.25, side_information=seen)


def test_what_is_refused() -> None:
    with pytest.raises(InvalidInput, match="f-divergence"):
        located(Wasserstein2Squared(), 0.3, 0.5, "joint")
    with pytest.raises(InvalidInput, match="needs side_information"):
        perception_at(LAW, SquaredError(), TotalVariation(), R=0.3, D=0.5, realism="joint")
    with pytest.raises(InvalidInput, match="row 0 sums"):
        perception_at(LAW, SquaredError(), TotalVariation(), R=0.3, D=0.5, side_information=2.0 * JOINT / 2.5)


def test_the_least_p_of_all_has_a_bracket() -> None:
    """A ball that is reached to the last digit of P: whether a channel is in it is a matter of rounding, an answer is
    not. The least P at this D is 37/180."""
    given = JOINT / JOINT.sum(axis=0)
    question = Pmf([0.45, 0.55]), Table(given.T @ COST, LAW.probabilities), TotalVariation()
    found = rdp(*question, D=1.2, P=0.20555555555555077)  # five units of its last digit below
    assert found.bounds.lower > 0.6881
    assert rdp(*question, D=1.2, P=0.2055).status is Status.INFEASIBLE


def test_proofs_that_exclude_each_other_are_still_seen() -> None:
    """Only a channel that is in a ball as far as rounding goes excuses a lower end above it."""
    nothing = np.zeros(1)
    low = Proof(Bounds(0.5, math.inf), None, Outcome(), nothing, nothing)
    high = Proof(Bounds(0.1, 0.4), None, Outcome(), nothing, nothing)
    for pair in ((low, high), (high, low)):
        with pytest.raises(Contradiction):
            pair[0].better(pair[1])
    wide = replace(high, wide=True)
    assert low.better(wide).bounds == wide.better(low).bounds == wide.bounds
