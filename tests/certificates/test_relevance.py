"""The judge of codes that tell classes apart: true for any prices and any letters, tight for good ones."""

from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import Hamming, Pmf, SquaredError, Table, TotalVariation
from rdptheory.certificates.classes import ClassLaws
from rdptheory.certificates.relevance import Letters, Prices, class_laws, lower_end, revealing, upper_end
from rdptheory.divergences import F_DIVERGENCES
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit
from rdptheory.relevance_problem import RelevanceProblem, SideInformationProblem
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.solvers.outcome import answered
from rdptheory.solvers.relevance import ClassGrid
from tests.checks import assert_agree, assert_at_least, assert_at_most

SEEDS = st.integers(0, 2**32 - 1)
P4 = Pmf([0.4, 0.3, 0.2, 0.1])
T4 = np.array([[0.95, 0.05], [0.7, 0.3], [0.4, 0.6], [0.1, 0.9]])
TOLD = RelevanceProblem(P4, T4, SquaredError(), TotalVariation(), 0.5, 0.4, 0.02).posteriors
SEEN = SideInformationProblem(P4, T4, SquaredError(), 0.4).posteriors
QUESTIONS = {"classes": TOLD, "side information": SEEN}
VALUES = {name: ClassGrid().solve(question) for name, question in QUESTIONS.items()}


def laws(seed, k, price):
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(2, 7)), int(rng.integers(1, 4))
    T = rng.dirichlet(np.full(k, 0.5), n)
    return rng, ClassLaws(rng.dirichlet(np.ones(n)), T, rng.normal(size=n), rng.uniform(0.0, 2.0, (n, m)), price)


def assert_above(ceilings, found, rng):
    """No class law that any posterior has is worth more than the ceiling of its label."""
    n, m = found.cost.shape
    posteriors = np.concatenate([np.eye(n), rng.dirichlet(np.ones(n), 400), rng.dirichlet(np.full(n, 0.1), 400)])
    tau = posteriors @ found.classes
    for label in range(m):
        values = found.values(tau, np.full(len(tau), label))[0]
        assert_at_least(ceilings[label], float(values.max()))


@pytest.mark.parametrize("k", [2, 3, 4])
@pytest.mark.parametrize("price", [0.3, 1.0, 1.5, 20.0])
@settings(max_examples=3)
@given(seed=SEEDS)
def test_ceilings_hold_everywhere_and_are_near_a_peak(k, price, seed):
    rng, found = laws(seed, k, price)
    m, slack = found.cost.shape[1], 1e-9 if k == 2 else 1e-4
    starts = np.concatenate([found.classes, rng.dirichlet(np.ones(found.p.size), 40) @ found.classes])
    peaks = [found.climbed(starts, np.full(len(starts), label)) for label in range(m)]
    best = [p[found.values(p, np.full(len(p), label))[0].argmax()] for label, p in enumerate(peaks)]
    told = found.ceilings(np.array(best), slack, 200_000, alone=True)
    ceilings = told.values
    assert_above(ceilings, found, rng)
    if told.whole:  # four classes at a high price take more cells
        top = found.values(np.array(best), np.arange(m))[0]
        assert (ceilings <= top + slack + 1e-11).all()  # its own rounding comes on top
    wild = found.ceilings(rng.dirichlet(np.ones(k), m), slack, 20, alone=True)  # poor guesses, hardly any cells
    assert_above(wild.values, found, rng)


@pytest.mark.parametrize("k", [2, 3, 4])
@pytest.mark.parametrize("price", [0.3, 0.96, 1.0, 1.5, 20.0])
@settings(max_examples=5)
@given(seed=SEEDS, told=st.booleans())
def test_a_climb_leads_up_and_ends_where_no_class_is_missing(k, price, seed, told):
    """Also where the source determines its classes and the best of them has next to no mass."""
    rng, found = laws(seed, k, price)
    n, m = found.cost.shape
    if told:
        found = replace(found, classes=np.eye(k)[rng.integers(0, k, n)], cost=10.0 * found.cost)
    start = np.concatenate([0.9 * found.classes + 0.1 / k, rng.dirichlet(np.ones(n), 20) @ found.classes])
    labels = rng.integers(0, m, len(start))
    peaks = found.climbed(start, labels)
    (before, _), (values, a) = found.values(start, labels), found.values(peaks, labels)
    assert (values >= before - 1e-14 * (1.0 + np.abs(before))).all()  # rounding of a logarithm of a sum
    assert (a @ found.classes <= (1.0 + 1e-10) * peaks).all()  # a tenth of the gap is what the proof may take of it


def test_the_check_of_ceilings_fails_on_one_that_is_too_low():
    rng, found = laws(3, 2, 1.5)
    told = found.ceilings(np.full((found.cost.shape[1], 2), 0.5), 1e-9, 10_000, alone=True)
    with pytest.raises(AssertionError):
        assert_above(told.values - 1e-3, found, rng)


@pytest.mark.parametrize("name", QUESTIONS)
@settings(max_examples=20)
@given(seed=SEEDS)
def test_any_prices_prove_something_true(name, seed):
    rng, question, value = np.random.default_rng(seed), QUESTIONS[name], VALUES[name]
    size = 10.0 ** rng.integers(-3, 4)
    wild = Prices(size * rng.normal(size=4), size * float(rng.exponential()), size * float(rng.exponential()))
    known = rng.dirichlet(np.ones(2), question.table.shape[1])
    assert_at_most(lower_end(question, wild, known, cells=2_000).value, value.upper)
    near = Prices(value.prices.g + 0.1 * rng.normal(size=4), value.prices.s, value.prices.price)
    assert_at_most(lower_end(question, near).value, value.upper)
    exact = lower_end(question, value.prices)
    assert exact.whole
    assert_at_most(value.upper - exact.value, 1e-9)


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1.0, 1e308])
def test_prices_that_are_none_prove_nothing_false(name, bad):
    question, (g, s, price) = QUESTIONS[name], (np.zeros(4), 1.0, 2.0)
    for prices in (Prices(np.array([0.0, bad, 0.0, 0.0]), s, price), Prices(g, bad, price), Prices(g, s, bad)):
        assert 0.0 <= lower_end(question, prices).value <= VALUES[name].upper


@settings(max_examples=10)
@given(seed=SEEDS)
def test_the_allowance_covers_float64(seed):
    """A constant added to g changes the rounding alone. To fifty digits the dual value is what is claimed or more."""
    rng, question = np.random.default_rng(seed), RelevanceProblem(P4, T4, None, None, 0.5).posteriors
    found = ClassGrid(gap=1e-7).solve(question)
    shift = float(rng.normal() * 10.0 ** rng.integers(0, 9))
    claimed = lower_end(question, Prices(found.prices.g + shift, 0.0, found.prices.price)).value
    assert claimed >= found.lower - 1e-13 * abs(shift) - 1e-9
    start = question.classes.repeat(2, axis=0) * 0.9 + 0.05
    peaks = class_laws(question, found.prices).climbed(start, np.zeros(8, dtype=int))
    with mp.workdps(50):
        g, p = [[mp.mpf(x) for x in row.tolist()] for row in (found.prices.g + shift, question.p)]
        price, value = mp.mpf(found.prices.price), mp.mpf("inf")
        for tau in peaks:  # any class law bounds the maximum from below, so the value from above
            told = [
                sum(mp.mpf(t) * mp.log(mp.mpf(c)) for t, c in zip(row, tau, strict=True)) for row in question.classes
            ]
            height = mp.log(sum(m * mp.exp(f + price * t) for m, f, t in zip(p, g, told, strict=True)))
            value = min(value, sum(m * f for m, f in zip(p, g, strict=True)) - price * mp.mpf(0.5) - height)
        assert mp.mpf(claimed) <= value


@pytest.mark.parametrize("name", QUESTIONS)
@settings(max_examples=25)
@given(seed=SEEDS)
def test_any_letters_become_a_code_inside_the_limits(name, seed):
    rng, question, value = np.random.default_rng(seed), QUESTIONS[name], VALUES[name]
    number = int(rng.integers(1, 9))
    joint = rng.exponential(size=(number, 4)) * (rng.random((number, 4)) < 0.7) + 1e-9
    rate, letters = upper_end(question, Letters(joint, rng.integers(question.table.shape[1], size=number)))
    assert_at_least(rate, value.lower)
    assert rate <= 1.2798542258336801 + 1e-12  # H(X): the letters that tell every symbol
    np.testing.assert_allclose(letters.joint.sum(axis=0), question.p, rtol=1e-13)
    spent = float((letters.joint * question.table[:, letters.labels].T).sum())
    assert spent <= question.D * (1.0 + 1e-12)


@pytest.mark.parametrize("name", QUESTIONS)
def test_letters_that_are_none_are_left_out(name):
    question = QUESTIONS[name]
    last_resort = upper_end(question, None)[0]
    whole = np.ones((2, 4))
    for letters in (
        Letters(np.full((2, 4), np.nan), np.array([0, 1])),
        Letters(whole, np.array([0, question.table.shape[1]])),
        Letters(whole, np.array([-1, 0])),
        Letters(whole[:, :3], np.array([0, 1])),
        Letters(whole, np.array([0])),
        Letters(np.zeros((2, 4)), np.array([0, 1])),
    ):
        assert upper_end(question, letters)[0] == last_resort
    told = revealing(question)
    assert upper_end(question, told)[0] >= VALUES[name].lower


@pytest.mark.parametrize("ball", [TotalVariation(), *F_DIVERGENCES], ids=str)
@pytest.mark.parametrize("P", [0.0, 0.01])
def test_symbols_counted_together_are_one_symbol(ball, P):
    """Every reconstruction twice, and a ball on which of the pairs it is: R(D,P) of the alphabet without pairs."""
    table = Hamming().table(P4.points)
    limit = PerceptionLimit(ball, P4.probabilities, P)
    once = answered(DiscreteProblem(P4.probabilities, (DistortionLimit(table, 0.2),), (limit,)), InteriorPoint())
    image = np.repeat(np.eye(4), 2, axis=1)
    twice = DistortionLimit(np.repeat(table, 2, axis=1), 0.2)
    pairs = PerceptionLimit(ball, P4.probabilities, P, image)
    assert pairs.part.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    found = answered(DiscreteProblem(P4.probabilities, (twice,), (pairs,)), InteriorPoint())
    assert found.bounds.gap <= 1e-9
    assert_agree(once.bounds, found.bounds, values=2e-9)
    assert PerceptionLimit(ball, P4.probabilities, P, 0.5 * image).part is None


def test_a_part_without_symbols_is_no_fault():
    """Nothing stands for the last symbol: P = 0 is out of reach, and every law that gives it no mass is not."""
    image = np.eye(4)[:, [0, 0, 1, 2]]
    table = DistortionLimit(Hamming().table(P4.points), 0.5)
    lost = PerceptionLimit(TotalVariation(), P4.probabilities, 0.0, image)
    found = answered(DiscreteProblem(P4.probabilities, (table,), (lost,)), InteriorPoint())
    assert found.bounds.upper == np.inf
    there = PerceptionLimit(TotalVariation(), np.array([0.5, 0.3, 0.2, 0.0]), 0.0, image)
    found = answered(DiscreteProblem(P4.probabilities, (table,), (there,)), InteriorPoint())
    without = PerceptionLimit(TotalVariation(), np.array([0.5, 0.3, 0.2]), 0.0, image[:3])
    truth = answered(DiscreteProblem(P4.probabilities, (table,), (without,)), InteriorPoint())
    assert truth.bounds.gap <= 1e-9
    assert found.bounds.overlaps(truth.bounds)
    assert found.bounds.upper < np.inf


def test_no_code_keeps_a_distortion_below_the_least():
    below = SideInformationProblem(P4, T4, Table([[0.5, 1.0], [0.5, 1.0], [1.0, 0.5], [1.0, 0.5]]), 0.4).posteriors
    assert below.D < 0.0
    assert upper_end(below, revealing(below)) == (np.inf, None)


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("size", [1e308, 5e-324])
def test_letters_of_any_scale_are_read(name, size):
    """Sums of large numbers are inf and those of small ones cannot be divided by: neither is a code without mass."""
    question = QUESTIONS[name]
    one = Letters(np.ones((3, 4)), np.zeros(3, dtype=np.intp))
    here, there = (upper_end(question, replace(one, joint=scale * one.joint)) for scale in (1.0, size))
    assert here[0] == there[0]
