"""The verbs: which method answers, and what no reading of the question allows."""

import math
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import (
    AbsoluteError,
    Bernoulli,
    Cells,
    ClosedForm,
    Conic,
    Empirical,
    Gaussian,
    Hamming,
    InteriorPoint,
    InvalidInput,
    KullbackLeibler,
    Laplace,
    Outcome,
    Pmf,
    Problem,
    SquaredError,
    StudentT,
    Table,
    TotalVariation,
    TransportDivergence,
    Uniform,
    Wasserstein1,
    Wasserstein2Squared,
    rate_distortion,
    rdp,
    rdp_many,
)
from rdptheory.solvers.outcome import judged
from tests import checks

COIN = (Bernoulli(0.25), Hamming(), TotalVariation())
DIE = Pmf([0.5, 0.3, 0.2])


def test_a_closed_form_answers_where_one_exists_and_the_interior_point_elsewhere():
    assert rdp(*COIN, D=0.1, P=0.05).method == ClosedForm()
    assert rdp(DIE, Hamming(), TotalVariation(), D=0.1, P=0.05).method == InteriorPoint()
    assert rdp(Bernoulli(0.25), SquaredError(), KullbackLeibler(), D=0.1, P=0.05).method == InteriorPoint()


@pytest.mark.parametrize("method", [ClosedForm(), InteriorPoint(), InteriorPoint(gap=1e-6), Conic(), Conic("SCS")])
def test_every_method_gives_the_same_rate_and_records_itself(method):
    solution = rdp(*COIN, D=0.1, P=0.05, method=method)
    checks.assert_sound(solution)
    assert solution.method == method
    checks.assert_agree(solution.bounds, rdp(*COIN, D=0.1, P=0.05).bounds, values=1e-5)


def test_no_perception_is_an_infinite_limit():
    for source, distortion in ((Bernoulli(0.25), Hamming()), (DIE, SquaredError())):
        plain = rate_distortion(source, distortion, D=0.1)
        assert plain.bounds == rdp(source, distortion, TotalVariation(), D=0.1, P=math.inf).bounds
        assert plain.bounds == rdp(source, distortion, None, D=0.1, P=math.inf).bounds


def test_a_sample_is_a_source():
    solution = rdp(Empirical([1.0, 1.0, 2.0, 5.0]), AbsoluteError(), TotalVariation(), D=0.3, P=0.1)
    checks.assert_sound(solution, gap=1e-9)


def test_vectors_are_points():
    points = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]
    checks.assert_sound(rdp(Pmf(DIE.probabilities, points), SquaredError(), TotalVariation(), D=0.3, P=0.1), gap=1e-9)


BAD = {
    "a negative D": (lambda: rdp(*COIN, D=-0.1, P=0.0), "D"),
    "D nan": (lambda: rdp(*COIN, D=math.nan, P=0.0), "D"),
    "P nan": (lambda: rdp(*COIN, D=0.1, P=math.nan), "P"),
    "a negative P": (lambda: rdp(*COIN, D=0.1, P=-1e-9), "P"),
    "a word for D": (lambda: rdp(*COIN, D="0.1", P=0.0), "D"),
    "an array for D": (lambda: rdp(*COIN, D=np.array([0.1, 0.2]), P=0.0), "D"),
    "weights that sum to .98": (lambda: rdp(Pmf([0.5, 0.48]), Hamming(), None, D=0.1, P=math.inf), "probabilities"),
    "a negative mass": (lambda: rdp(Pmf([1.5, -0.5]), Hamming(), None, D=0.1, P=math.inf), "probabilities"),
    "a mass of nan": (lambda: rdp(Pmf([math.nan, 1.0]), Hamming(), None, D=0.1, P=math.inf), "probabilities"),
    "a probability of 1.5": (lambda: rdp(Bernoulli(1.5), Hamming(), None, D=0.1, P=math.inf), "p"),
    "rows for other symbols": (lambda: rdp(DIE, Table(np.eye(2)), None, D=0.1, P=math.inf), "matrix"),
    "a rectangle without a reference": (
        lambda: rdp(DIE, Table(np.ones((3, 2))), TotalVariation(), D=0.1, P=0.1),
        "matrix",
    ),
    "a vector for a table": (lambda: rdp(DIE, Table([0.0, 1.0]), None, D=0.1, P=math.inf), "matrix"),
    "an array for a source": (lambda: rdp([0.5, 0.5], Hamming(), None, D=0.1, P=math.inf), "source"),
    "a class for a distortion": (lambda: rdp(DIE, Hamming, None, D=0.1, P=math.inf), "distortion"),
    "an array for a distortion": (lambda: rdp(DIE, np.eye(3), None, D=0.1, P=math.inf), "distortion"),
    "a class for a divergence": (lambda: rdp(DIE, Hamming(), TotalVariation, D=0.1, P=0.0), "perception"),
    "a word for a divergence": (lambda: rdp(DIE, Hamming(), "tv", D=0.1, P=0.0), "perception"),
    "a word for a method": (lambda: rdp(DIE, Hamming(), None, D=0.1, P=math.inf, method="interior"), "method"),
    "a method without a formula": (
        lambda: rdp(DIE, SquaredError(), None, D=0.1, P=math.inf, method=ClosedForm()),
        "method",
    ),
    "a density by a finite method": (
        lambda: rdp(Laplace(0, 1), SquaredError(), None, D=0.1, P=math.inf, method=Conic()),
        "method",
    ),
    "a density without a formula": (
        lambda: rdp(Laplace(0, 1), SquaredError(), None, D=0.1, P=math.inf, method=ClosedForm()),
        "source",
    ),
    "cells of an alphabet": (lambda: rdp(DIE, Hamming(), None, D=0.1, P=math.inf, method=Cells()), "method"),
    "symbols of a density": (lambda: rdp(Uniform(0, 1), Hamming(), None, D=0.1, P=math.inf), "distortion"),
    "a table for a density": (lambda: rdp(Uniform(0, 1), Table(np.eye(2)), None, D=0.1, P=math.inf), "distortion"),
    "a cost table for a density": (
        lambda: rdp(Uniform(0, 1), SquaredError(), TransportDivergence(np.eye(2)), D=0.1, P=0.1),
        "perception",
    ),
    "no variance": (lambda: rdp(StudentT(2), SquaredError(), None, D=0.1, P=math.inf), "source"),
    "no mean": (lambda: rdp(StudentT(1), AbsoluteError(), None, D=0.1, P=math.inf), "source"),
}


@pytest.mark.parametrize("ask, argument", BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_argument_value_and_rule(ask, argument):
    with pytest.raises(InvalidInput) as caught:
        ask()
    assert caught.value.argument == argument
    assert caught.value.rule
    assert str(caught.value).startswith(f"{argument} = ")
    assert "\n" not in str(caught.value)


def test_a_finite_method_is_told_of_the_explicit_step():
    with pytest.raises(InvalidInput, match="discretise"):
        rdp(Uniform(0, 1), SquaredError(), TotalVariation(), D=0.1, P=0.1, method=Conic())


def test_the_closed_form_of_a_gaussian_needs_no_alphabet():
    assert rdp(Gaussian(0, 1), SquaredError(), Wasserstein2Squared(), D=0.3, P=0.05).method == ClosedForm()


def test_many_questions_have_the_numbers_of_each_alone():
    """To the bit, in any order, whatever lies between them."""
    source = Pmf([0.4, 0.3, 0.2, 0.1])
    problems = [
        Problem(source, SquaredError(), TotalVariation(), D, P) for D in (0.1, 0.3) for P in (0.0, 0.02, float("inf"))
    ]
    alone = [
        rdp(one.source, one.distortion, one.perception, D=one.D, P=one.P, method=InteriorPoint()) for one in problems
    ]
    together = rdp_many(problems[::-1], InteriorPoint())[::-1]
    assert [(one.bounds, one.slopes, one.steps) for one in together] == [
        (one.bounds, one.slopes, one.steps) for one in alone
    ]
    assert rdp_many([]) == []


@settings(max_examples=4)
@given(st.integers(0, 2**32 - 1))
def test_a_number_has_the_same_bits_alone_and_in_any_batch(seed):
    """Batches of any size, in any order, beside each other in threads, with what a source remembers and without."""
    rng = np.random.default_rng(seed)
    balls = (None, TotalVariation(), KullbackLeibler(), Wasserstein2Squared())
    laws = [(rng.dirichlet(np.ones(n)), np.sort(rng.uniform(size=n))) for n in rng.integers(2, 9, 3)]
    shared = [Pmf(*law) for law in laws]

    def drawn(sources):
        for number, source in enumerate(sources):
            for k, ball in enumerate(balls):
                P = math.inf if ball is None else (0.0, 0.02)[(number + k) % 2]
                yield Problem(source, SquaredError(), ball, 0.02 * (1 + k), P)

    alone = [rdp_many([problem])[0] for problem in drawn([Pmf(*law) for law in laws])]
    problems = list(drawn(shared))
    order = rng.permutation(len(problems))
    parts = np.split(order, np.sort(rng.integers(0, order.size, 3)))
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda part: rdp_many([problems[k] for k in part]), parts)
        found = {
            k: solution
            for part, batch in zip(parts, answers, strict=True)
            for k, solution in zip(part, batch, strict=True)
        }
    for k, single in enumerate(alone):
        assert (found[k].bounds, found[k].slopes, found[k].steps) == (single.bounds, single.slopes, single.steps)
        if single.candidate is not None:
            assert found[k].candidate.channel.tobytes() == single.candidate.channel.tobytes()


def test_the_judge_remembers_only_what_nobody_can_change():
    """A method that writes to its arrays after it was judged is judged anew."""
    problem = Problem(Pmf([0.5, 0.3, 0.2]), SquaredError(), TotalVariation(), 0.2, 0.02).discrete
    right = InteriorPoint().solve(problem)
    frozen = judged(problem, right)
    assert judged(problem, right) is frozen
    channel = right.channel.copy()
    loose = Outcome(channel, right.dual)
    first = judged(problem, loose).bounds
    channel[:] = np.eye(3)
    assert judged(problem, loose).bounds.upper > first.upper + 0.1


def test_the_judge_looks_at_a_plan_that_somebody_can_change():
    problem = Problem(Pmf([0.5, 0.3, 0.2]), SquaredError(), Wasserstein1(), 0.2, 0.02).discrete
    right = InteriorPoint().solve(problem)
    assert judged(problem, right).channel is judged(problem, right).channel
    loose = replace(right, plans=tuple(plan.copy() for plan in right.plans))
    assert judged(problem, loose).channel is not judged(problem, loose).channel


def test_a_small_question_enters_few_functions():
    """What a call of `rdp` costs beside the compiled core is that many calls of Python: half a microsecond each."""
    entered = 0

    def count(frame, event, _):
        nonlocal entered
        entered += event == "call"

    question = Pmf([0.6, 0.4]), SquaredError(), TotalVariation()
    rdp(*question, D=0.02, P=0.05)  # what is made at a first call and kept does not count
    sys.setprofile(count)
    try:
        rdp(*question, D=0.02, P=0.05)
    finally:
        sys.setprofile(None)
    assert entered <= 110  # 99 with Python 3.11
