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
from tests.attack import corners, exact, orders
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
    tally = attack(range(seed, seed + 1), [kind for kind in KINDS if kind != "corner"])  # which was added later
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


def corner(room=1e-9):
    """D above its least within P, with the channel that has that: all of 0 is told 1, which is cheaper."""
    witness = np.array([[1.0 - 0.1 / 0.6, 0.1 / 0.6, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    table = rd.Table([[0, -1, 2], [1, 0, 1], [2, 1, 0]])
    question = rd.Pmf([0.6, 0.3, 0.1]), table, rd.TotalVariation(), -0.1 + room, 0.1 + room
    return corners.Corner("corner", *question, (None,), witness=witness)


@pytest.mark.parametrize("lower", [0.9, math.inf])
def test_an_end_above_a_channel_of_the_program_is_found_out(lower):
    """Among them that there is no channel: the one that the program found is one."""
    case = corner()
    answer = only(case)
    assert case.faults(answer) == []
    found = dataclasses.replace(answer.found, dual=None, candidate=None)
    planted = dataclasses.replace(answer, lower=lower, upper=math.inf, found=found)
    assert case.faults(planted) == ["false lower"]


def test_the_last_digits_of_a_corner_excuse_no_more_than_they_are():
    """What a dual point proves of limits lifted by rounding is next to what it proves of the limits."""
    case = corner(room=0.0)
    answer = only(case)
    assert 0.0 <= case._proved(answer) - case.proved(answer) < 1e-10
    lowered = dataclasses.replace(answer, upper=answer.upper - 1e-9)
    assert case.proved(lowered) > lowered.upper


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


@pytest.mark.parametrize("member", [rd.JensenShannon(), rd.SquaredHellinger(), rd.KullbackLeibler()], ids=str)
def test_a_symbol_that_nobody_may_use_is_no_way_out(member):
    """Priced like the cheapest of the others it was: true lower ends of corners were accused."""
    q, P = exact.law([0.1, 0.45, 0.45]), mp.mpf("0.2")
    barred = exact.support(member, [-mp.inf, mp.mpf(0), mp.mpf(1)], q, P)
    assert barred <= exact.support(member, [mp.mpf(-50), mp.mpf(0), mp.mpf(1)], q, P)
    assert barred < exact.support(member, [mp.mpf(0), mp.mpf(0), mp.mpf(1)], q, P) - mp.mpf("1e-3")


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
