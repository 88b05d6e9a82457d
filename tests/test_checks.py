"""Every shared check fails on a wrong answer planted for it."""

from dataclasses import replace

import numpy as np
import pytest

from rdptheory import Bernoulli, Bounds, Hamming, InteriorPoint, Pmf, Table, TotalVariation, closed_forms, rdp
from rdptheory.problems import Problem
from tests import checks, oracles

PROBLEM = Problem(Bernoulli(0.25), Hamming(), TotalVariation(), 0.1, 0.05)
TRUTH = float(closed_forms.bernoulli.rate(0.25, 0.1, 0.05))


@pytest.fixture(scope="module")
def solution():
    return rdp(Bernoulli(0.25), Hamming(), TotalVariation(), D=0.1, P=0.05, method=InteriorPoint())


def test_the_honest_answer_passes(solution):
    checks.assert_sound(solution, gap=1e-9)
    checks.assert_inside(solution.bounds, TRUTH, 1e-15)


@pytest.mark.parametrize("change", [1e-6, 1e-8])
def test_a_bound_moved_past_the_truth_is_caught(change):
    with pytest.raises(AssertionError, match="above the truth"):
        checks.assert_at_most(TRUTH + change, TRUTH, 1e-15)
    with pytest.raises(AssertionError, match="below the truth"):
        checks.assert_at_least(TRUTH - change, TRUTH, 1e-15)
    with pytest.raises(AssertionError, match="above the truth"):
        checks.assert_inside(Bounds(TRUTH + change, TRUTH + 1.0), TRUTH, 1e-15)
    with pytest.raises(AssertionError, match="below the truth"):
        checks.assert_inside(Bounds(0.0, TRUTH - change), TRUTH, 1e-15)


def test_brackets_that_miss_each_other_are_caught():
    with pytest.raises(AssertionError, match="cannot both"):
        checks.assert_agree(Bounds(0.1, 0.2), Bounds(0.2 + 1e-9, 0.3), values=1.0)
    with pytest.raises(AssertionError, match="differ"):
        checks.assert_agree(Bounds(0.1, 0.2), Bounds(0.1, 0.2 + 2e-6), values=1e-6)


@pytest.mark.parametrize(
    "channel",
    [
        [[0.9, 0.1], [0.11, 0.89]],  # E d = .1025
        [[1.0, 0.0], [0.3, 0.7]],  # δ = .075
        [[0.95, 0.04], [0.1, 0.9]],  # a row that sums to .99
        [[1.0 + 1e-9, -1e-9], [0.1, 0.9]],  # a negative entry
        [[1.0], [1.0]],  # the wrong shape
    ],
)
def test_a_channel_that_breaks_a_rule_is_caught(channel):
    with pytest.raises(AssertionError):
        checks.assert_channel(PROBLEM.discrete, np.array(channel))


@pytest.mark.parametrize("excess", [1e-10, 1e-6])
def test_a_limit_passed_by_little_is_caught(excess):
    D = 0.05 * (1.0 - 2 * excess)
    tight = Problem(Pmf([0.5, 0.5]), Hamming(), TotalVariation(), D, 0.0)
    with pytest.raises(AssertionError, match="E d"):
        checks.assert_channel(tight.discrete, np.array([[0.95, 0.05], [0.05, 0.95]]))
    shifted = Problem(Pmf([0.5, 0.5]), Table(np.zeros((2, 2))), TotalVariation(), 1.0, 0.0)
    with pytest.raises(AssertionError, match="δ"):
        checks.assert_channel(shifted.discrete, np.array([[0.5 + excess, 0.5 - excess]] * 2))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda s: replace(s, rate=s.rate + 1e-9),
        lambda s: replace(s, rate=s.rate - 1e-6, bounds=Bounds(s.bounds.lower - 1e-6, s.rate - 1e-6)),
        lambda s: replace(s, bounds=Bounds(0.0, s.bounds.upper)),
        lambda s: replace(s, slopes=replace(s.slopes, P=1.0)),
        lambda s: replace(s, candidate=replace(s.candidate, output=np.array([0.8 + 1e-9, 0.2 - 1e-9]))),
        lambda s: replace(s, candidate=replace(s.candidate, channel=np.eye(2))),
        lambda s: replace(s, message=""),
    ],
)
def test_a_solution_that_contradicts_itself_is_caught(solution, wrong):
    with pytest.raises(AssertionError):
        checks.assert_sound(wrong(solution), gap=1e-9)


def test_a_lower_end_above_the_upper_end_is_caught(solution, monkeypatch):
    monkeypatch.setattr(checks, "lower_bound", lambda problem, dual: solution.rate + 1e-6)
    with pytest.raises(AssertionError, match="above the truth"):
        checks.assert_sound(solution)


def test_a_wrong_normalisation_is_caught():
    p, r = np.array([0.5, 0.5]), np.array([0.7, 0.3])
    with pytest.raises(AssertionError):
        checks.f_divergence_formula(TotalVariation(), p, r, 0.4)


def test_the_fifty_digit_oracles_know_a_case_by_heart():
    uniform = np.full(2, 0.5)
    assert abs(oracles.information(uniform, np.eye(2)) - oracles.mp.log(2)) < 1e-40
    D, s = 0.25, float(np.log(3.0))  # R(D) of a fair coin is log 2 - Hb(D), with slope log(D/(1-D))
    value = oracles.dual_value(uniform, 1.0 - np.eye(2), D, np.zeros(2), s)
    assert abs(float(value) - float(closed_forms.bernoulli.rate(0.5, D, np.inf))) < 1e-15


def test_exhaustive_matching_knows_a_case_by_heart():
    assert oracles.matching(np.array([[1.0, 0.0], [0.0, 1.0]])) == 0.0
    assert oracles.matching(np.array([[0.0, 3.0], [1.0, 2.0]])) == 1.0
