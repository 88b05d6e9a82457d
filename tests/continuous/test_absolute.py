"""The lower end under absolute error: a recursion against the judge and fifty digits, and brackets against formulas."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import AbsoluteError, Cells, DualPoint, InteriorPoint, Pmf, Problem, Solution, Status, Table, rdp
from rdptheory.certificates import lower_bound
from rdptheory.continuous.absolute import Potential, absolute_lower
from rdptheory.continuous.finite import rounded_problem
from rdptheory.continuous.lattice import ROUND, Lattice, lattice
from rdptheory.continuous.nodes import nodes
from rdptheory.continuous.posed import Posed
from rdptheory.problems import PerceptionLimit
from tests.continuous.cases import ABSOLUTE, KL, TV, L, N, U, level_one

FREE = (None, math.inf)


def posed(law: Any, D: float, ball: Any = FREE) -> Posed:
    return Posed.of(Problem(law, ABSOLUTE, ball[0], D, ball[1]))


def answer(problem: Problem) -> Solution:
    return rdp(problem.source, problem.distortion, problem.perception, D=problem.D, P=problem.P, method=InteriorPoint())


def limit(on: Lattice, D: float) -> float:
    return D * ROUND + on.moved_absolutely(D)


@pytest.mark.parametrize("D", [0.05, 0.3, 0.9])
@pytest.mark.parametrize("n", [64, 128])
def test_the_lower_end_is_below_laplace_and_near_it(n: int, D: float) -> None:
    """-log D; what is lost grows with (s h)², and s = 1/D."""
    found = absolute_lower(posed(L, D), n, answer)
    assert found is not None
    assert -math.log(D) - 0.25 * (64 / n) ** 2 / (D * 10.0) <= found[0] <= -math.log(D)


@pytest.mark.parametrize("D", [0.3, 0.8])
def test_cells_close_on_laplace(D: float) -> None:
    found = rdp(L, AbsoluteError(), None, D=D, P=math.inf, method=Cells())
    assert found.bounds.lower <= -math.log(D) <= found.bounds.upper
    assert found.status is Status.OPTIMAL
    assert found.gap <= 1e-4


@pytest.mark.parametrize(
    ("law", "ball", "D"),
    [(N, FREE, 0.3), (U, FREE, 0.05), (N, (KL, 0.005), 0.3), (N, (TV, 0.0), 0.3), (L, (TV, 0.03), 0.3)],
)
def test_it_lies_in_the_bracket_of_the_first_level_and_is_narrower(law: Any, ball: Any, D: float) -> None:
    wide = level_one(law, ABSOLUTE, ball, D, 256)
    found = absolute_lower(posed(law, D, ball), 256, answer)
    assert found is not None
    assert wide.lower < found[0] < wide.upper
    assert wide.upper - found[0] < 0.2 * wide.gap
    shannon = {N: 0.5 * math.log(2.0 * math.pi * math.e), U: 0.0, L: math.log(2.0 * math.e)}[law]
    assert found[0] > shannon - math.log(2.0 * math.e * D) - 1e-3  # Shannon's lower bound, tight for Laplace


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from([FREE, (KL, 0.01), (TV, 0.05), (TV, 0.0)]))
def test_any_potential_proves_what_the_judge_says_it_proves(seed: int, ball: Any) -> None:
    rng = np.random.default_rng(seed)
    one = posed(L, float(rng.uniform(0.1, 0.9)), ball)
    on = lattice(one.source, nodes(one.source, int(rng.integers(4, 40))))
    F, s = rng.normal(0.0, 2.0, on.nodes.size), float(rng.uniform(0.1, 8.0))
    potential, compared = Potential(on, F, s), None
    if one.perception is not None:
        compared = PerceptionLimit(ball[0], on.law, ball[1])
    proved = potential.proves(potential.logs(), compared, limit(on, one.D))
    problem = rounded_problem(on, on, one.distortion, one.perception, one.D, one.P)
    table = np.abs(on.nodes[:, None] - on.nodes) - np.diag(on.widest)
    judged = lower_bound(problem.discrete, DualPoint(F - s * table.min(axis=1), np.array([s])))
    assert max(0.0, proved) == pytest.approx(judged, abs=1e-10)
    if ball is FREE:
        assert proved <= -math.log(one.D * one.scale)  # of the Laplace law


@pytest.mark.parametrize("s", [0.3, 5.0, 60.0])
def test_the_recursion_pays_for_its_rounding(s: float) -> None:
    source = posed(N, 0.3).source
    on = lattice(source, nodes(source, 40))
    F = np.random.default_rng(0).normal(0.0, 30.0, on.nodes.size)
    found = Potential(on, F, s).logs()
    with mpmath.workdps(50):
        for j, t in enumerate(on.nodes):
            terms = [
                mpmath.mpf(p)
                * mpmath.exp(mpmath.mpf(f) - s * (abs(mpmath.mpf(x) - t) - (on.widest[j] if i == j else 0.0)))
                for i, (p, f, x) in enumerate(zip(on.law, F, on.nodes, strict=True))
            ]
            exact = mpmath.log(mpmath.fsum(terms))
            assert exact <= found[j] <= exact + mpmath.mpf(1e-12) * (1.0 + abs(exact))


def test_without_the_diagonal_it_proves_too_much() -> None:
    """A plain table on a few nodes, none of them the median, from which on no rate is needed: as if rounding spread
    nothing within the cell in the middle."""
    one = posed(N, math.sqrt(2.0 / math.pi))  # E|X|
    on = lattice(one.source, nodes(one.source, 5))
    plain = answer(Problem(Pmf(on.law, on.nodes), Table(np.abs(on.nodes[:, None] - on.nodes)), None, one.D, math.inf))
    assert plain.dual is not None
    bare = replace(on)
    bare.__dict__["widest"] = np.zeros(on.nodes.size)
    found = []
    for lattice_ in (on, bare):
        potential = Potential(lattice_, plain.dual.f, float(plain.dual.s[0]))
        found.append(potential.proves(potential.logs(), None, limit(lattice_, one.D)))
    assert found[0] <= 0.0 < 1e-3 < found[1]


def test_huge_numbers_prove_nothing() -> None:
    source = posed(N, 0.3).source
    on = lattice(source, nodes(source, 16))
    with np.errstate(over="ignore", invalid="ignore"):
        for F, s in ((np.zeros(17), 1e6), (np.linspace(0.0, 1e308, 17), 1.0), (np.full(17, np.nan), 1.0)):
            potential = Potential(on, F, s)
            assert not potential.proves(potential.logs(), None, 0.3) > 0.0
    tiny = rdp(L, AbsoluteError(), None, D=1e-3, P=math.inf, method=Cells(max_cells=64))
    assert tiny.bounds.lower <= -math.log(1e-3) <= tiny.bounds.upper
