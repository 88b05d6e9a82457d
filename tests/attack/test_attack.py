"""Two hundred hostile questions, recomputed to fifty digits; and the recomputation against planted wrong numbers."""

import dataclasses
import math
import time

import mpmath as mp
import numpy as np
import pytest

import rdptheory as rd
from rdptheory.divergences import F_DIVERGENCES
from tests import oracles
from tests.attack import exact, orders
from tests.attack.kinds import KINDS, Rate
from tests.attack.run import attack

BUDGET = 45.0  # seconds of processor time for the slice below; it takes 20 on an idle core


def test_a_slice_of_hostile_questions():
    """`make attack` asks 5,000 of them; docs/attack.md has the counts."""
    end = time.process_time() + BUDGET
    tally = attack(range(200), list(KINDS), lambda: time.process_time() < end)
    assert not tally.faults, "\n".join(map(str, tally.faults))
    assert tally.counts["questions"] + tally.counts["refused"] >= 100  # a slow machine does not get through them all
    assert tally.counts["closed by default"] >= 0.9 * tally.counts["by default"], tally.open


@pytest.mark.parametrize("seed", [110524, 112925])
def test_questions_that_once_gave_way(seed):
    """Output laws and masses that end at 0 beside JS: a slope of log 0, a row of nothing."""
    tally = attack(range(seed, seed + 1), list(KINDS))
    assert not tally.faults, tally.faults
    assert tally.counts["answers"] > 0


def coin(P=0.05, D=0.1):
    return Rate("rate", rd.Pmf([0.7, 0.3]), rd.Hamming(), rd.KullbackLeibler(), D, P, (rd.InteriorPoint(),))


def only(case):
    ((_, ask),) = case.asks()
    return ask()


@pytest.mark.parametrize("P", [0.0, 1e-200, 1e-18, 1e-9, 0.05, math.inf])
@pytest.mark.parametrize("relative", [1e-12, 1e-6])
def test_planted_ends_are_found_out(P, relative):
    case = coin(P)
    answer = only(case)
    assert case.faults(answer) == []
    raised = dataclasses.replace(answer, lower=answer.upper * (1.0 + relative))
    assert "false lower" in case.faults(raised)
    assert "crossed" in case.faults(raised)
    lowered = dataclasses.replace(answer, upper=answer.upper * (1.0 - relative))
    assert "false upper" in case.faults(lowered)


def test_a_dual_point_that_proves_less_is_found_out():
    case = coin()
    answer = only(case)
    f = answer.found.dual.f * (1.0 + 1e-3)
    weaker = dataclasses.replace(answer.found, dual=dataclasses.replace(answer.found.dual, f=f))
    assert "false lower" in case.faults(dataclasses.replace(answer, found=weaker))


@pytest.mark.parametrize(
    "channel",
    [
        [[0.9, 0.1], [0.2, 0.8 - 1e-9]],
        [[0.9, 0.1], [0.2, 0.8]],
        [[1.0, 0.0], [0.2, 0.8]],
        [[1.0 + 1e-3, -1e-3], [0.2, 0.8]],
    ],
    ids=["a row short", "too much distortion", "too far in law", "negative"],
)
def test_what_is_no_channel_is_found_out(channel):
    case = coin(P=1e-4)
    answer = only(case)
    candidate = dataclasses.replace(answer.found.candidate, channel=np.array(channel))
    found = dataclasses.replace(answer.found, candidate=candidate)
    assert "no channel" in case.faults(dataclasses.replace(answer, found=found))


def test_two_methods_that_contradict_each_other_are_found_out(monkeypatch):
    """The upper end of one below what the dual point of the other proves."""
    honest = Rate._ask

    def planted(self, method):
        answer = honest(self, method)
        return dataclasses.replace(answer, upper=0.999 * answer.lower) if method is None else answer

    monkeypatch.setattr(Rate, "_ask", planted)
    tally = attack(range(12), ["rate"])
    assert tally.counts["false upper"] > 0


def test_whatever_is_raised_is_a_fault(monkeypatch):
    def broken(self, method):
        raise ZeroDivisionError

    monkeypatch.setattr(Rate, "_ask", broken)
    tally = attack(range(3), ["rate"])
    assert tally.counts["exception"] == len(tally.faults) > 0


@pytest.mark.parametrize("member", F_DIVERGENCES, ids=lambda member: member.name)
def test_the_support_function_to_fifty_digits_is_that_of_a_conic_program(member):
    rng = np.random.default_rng(5)
    for P in (0.01, 0.2):
        q, v = rng.dirichlet(np.ones(4)) * 0.9 + 0.025, rng.normal(size=4)
        found = exact.support(member, exact.exact(v), exact.law(q), mp.mpf(P))
        assert float(found) == pytest.approx(oracles.support(member, v, q, P), abs=2e-6)  # the accuracy of Clarabel


@pytest.mark.parametrize("member", F_DIVERGENCES, ids=lambda member: member.name)
def test_divergences_to_fifty_digits(member):
    rng = np.random.default_rng(6)
    for _ in range(5):
        q, r = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(4))
        value = exact.divergence(member, exact.law(q), exact.law(r))
        assert abs(float(value) - member.value(q, r)) <= 1e-15 * max(1.0, float(value))


def test_the_dual_value_of_a_coin_at_its_best_is_the_closed_form():
    """log 2 - Hb(D) at f = log(1 + e^-s) with s = log((1-D)/D), of which every digit is known."""
    D = mp.mpf("0.125")
    s = mp.log((1 - D) / D)
    f = [mp.log(2) - mp.log1p(mp.exp(-s))] * 2
    found = exact.dual_value([mp.mpf("0.5")] * 2, 1.0 - np.eye(2), D, f, s, None)
    assert abs(found - (mp.log(2) + D * mp.log(D) + (1 - D) * mp.log(1 - D))) < mp.mpf("1e-45")


@pytest.mark.parametrize("kind", [orders.slope, orders.relevance, orders.limited, orders.blocks])
def test_a_bracket_against_the_order_of_theorems_is_found_out(kind):
    case = kind(np.random.default_rng(5))
    answer = only(case)
    assert case.faults(answer) == []
    found, pairs = answer.found
    planted = dataclasses.replace(answer, found=(found, [*pairs, (pairs[0][1] + 1.0, pairs[0][1])]))
    assert case.faults(planted) == ["crossed"]
