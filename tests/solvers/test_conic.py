"""The conic program is a second opinion: other variables, another algorithm, the same judge."""

import sys

import numpy as np
import pytest

from rdptheory import (
    Bernoulli,
    Conic,
    Hamming,
    InteriorPoint,
    InvalidInput,
    Pmf,
    PowerDivergence,
    SquaredError,
    TotalVariation,
    TransportDivergence,
    rdp,
)
from rdptheory.divergences import F_DIVERGENCES
from rdptheory.errors import MissingPackage
from tests import checks
from tests.strategies import random_problem


@pytest.mark.parametrize("member", [None, *F_DIVERGENCES], ids=lambda member: "none" if member is None else member.name)
def test_200_random_problems(member):
    """Seven modes, 29 each: brackets overlap, values within 1e-6, and the interior point's gap at most 1e-9."""
    rng = np.random.default_rng(7)
    for _ in range(29):
        problem = random_problem(rng, member, most=5)
        ours = checks.interior(problem)
        theirs = rdp(problem.source, problem.distortion, member, D=problem.D, P=problem.P, method=Conic())
        checks.assert_sound(ours)
        checks.assert_sound(theirs)
        assert ours.bounds.overlaps(theirs.bounds), (problem, ours.bounds, theirs.bounds)
        assert (abs(ours.rate - theirs.rate) <= 1e-6, ours.gap <= 1e-9) == (True, True), (problem, ours, theirs)


def test_scs_is_a_third_opinion():
    question = dict(D=0.1, P=0.05)
    ours = rdp(Bernoulli(0.25), Hamming(), TotalVariation(), **question, method=InteriorPoint())
    theirs = rdp(Bernoulli(0.25), Hamming(), TotalVariation(), **question, method=Conic("SCS"))
    checks.assert_sound(theirs)
    checks.assert_agree(ours.bounds, theirs.bounds, values=1e-5)  # SCS is good to 5e-6


def test_zero_masses_and_forbidden_entries():
    source = Pmf([0.5, 0.0, 0.3, 0.2], [0.0, 1.0, 2.0, 3.0])
    for D, P in ((0.5, 0.05), (0.0, 0.05), (0.5, 0.0)):
        ours = rdp(source, SquaredError(), TotalVariation(), D=D, P=P)
        theirs = rdp(source, SquaredError(), TotalVariation(), D=D, P=P, method=Conic())
        checks.assert_sound(theirs)
        checks.assert_agree(ours.bounds, theirs.bounds, values=1e-6)


@pytest.mark.parametrize("P", [0.0, 0.05])
def test_transport_balls(P):
    source, ball = Pmf([0.5, 0.3, 0.2]), TransportDivergence([[0.0, 1.0, 0.0], [1.0, 0.0, 2.0], [0.0, 2.0, 0.0]])
    ours = rdp(source, SquaredError(), ball, D=0.3, P=P)  # the outer letters are one for the ball
    theirs = rdp(source, SquaredError(), ball, D=0.3, P=P, method=Conic())
    checks.assert_sound(theirs)
    checks.assert_agree(ours.bounds, theirs.bounds, values=1e-6)


def test_what_it_cannot_ask_and_a_missing_package_are_said(monkeypatch):
    question = Pmf([0.5, 0.3, 0.2]), SquaredError(), PowerDivergence(3.0)
    with pytest.raises(InvalidInput, match="has no conic form here; leave the method out"):
        rdp(*question, D=0.3, P=0.05, method=Conic())
    monkeypatch.setitem(sys.modules, "cvxpy", None)
    with pytest.raises(MissingPackage, match=r"rdptheory\[conic\]"):
        rdp(*question, D=0.3, P=0.05, method=Conic())


def test_an_unknown_solver_is_refused():
    with pytest.raises(InvalidInput, match="CLARABEL, SCS"):
        Conic("MOSEK")
