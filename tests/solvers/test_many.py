"""Common questions that are solved and judged together have, to the bit, what the road of a single one gives."""

import copy
import math
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import (
    Bernoulli,
    Hamming,
    InteriorPoint,
    InvalidInput,
    JensenShannon,
    Joblib,
    KullbackLeibler,
    Pmf,
    Problem,
    Renyi,
    SeveralProblem,
    Solution,
    SquaredError,
    Status,
    Table,
    TotalVariation,
    Wasserstein1,
    rdp,
    rdp_many,
)
from rdptheory._native import Descents
from rdptheory.distortions import AbsoluteError
from rdptheory.divergences import F_DIVERGENCES
from rdptheory.solvers import many
from rdptheory.solvers.many import closed_at_once
from rdptheory.solvers.outcome import answered
from rdptheory.solvers.presolve import presolve
from tests import checks

GAP, STEPS = InteriorPoint().gap, InteriorPoint().max_steps
SEEDS = st.integers(0, 2**32 - 1)
BALLS = (None, *F_DIVERGENCES, Renyi(0.5), Renyi(3.0))
DIE = Pmf([0.5, 0.3, 0.2])


def _common(rng, ball):
    """A law and a table of their own, D from a hundredth of its greatest to next to it, P = 0 or over three decades."""
    n = int(rng.integers(2, 10))
    p = rng.dirichlet(np.full(n, rng.choice([0.3, 3.0]))) + 1e-9
    source, distortion = Pmf.from_weights(p, np.sort(rng.uniform(size=n))), SquaredError()
    table = distortion.table(source.points)
    if rng.random() < 0.5:
        table = np.where(
            rng.random((n, n)) < 0.2, 0.0, rng.uniform(0.1, 1.0, (n, n))
        )  # free moves, before the copy too
        np.fill_diagonal(table, 0.0)
        distortion = Table(table)
    D = float(max((source.probabilities @ table).min(), 1e-3) * 10.0 ** rng.uniform(-2.0, -0.01))
    P = math.inf if ball is None else float(rng.choice([0.0, 10.0 ** rng.uniform(-3.5, -0.5)]))
    return Problem(source, distortion, ball, D, P)


def _other(rng):
    """What the batches leave to the ordinary road, or to a closed form."""
    source, squared, tv = _common(rng, None).source, SquaredError(), TotalVariation()
    n = source.size
    held = np.r_[source.probabilities, 0.0]
    far = np.where(np.eye(n) > 0.0, 0.0, np.where(np.arange(n) == 0, math.inf, 1.0))
    kinds = [
        Problem(source, squared, Wasserstein1(), 0.02, 0.05),
        Problem(source, squared, tv, math.inf, 0.05),
        Problem(source, squared, tv, 0.0, 0.05),
        Problem(source, squared, tv, 5.0, 0.0),  # a rate of 0
        Problem(source, squared, KullbackLeibler(), 0.02, 1e-6),
        Problem(source, Hamming(), tv, 0.1, 0.05),
        Problem(Bernoulli(0.3), Hamming(), tv, 0.1, 0.05),
        Problem(Pmf(held), squared, tv, 0.2, 0.05),  # nobody has the last symbol
        Problem(Pmf([0.5, 0.5 - 1e-15, 1e-15]), squared, tv, 0.1, 0.05),
        Problem(source, Table(squared.table(source.points) + 1.0), tv, 1.02, 0.05),
        Problem(source, Table(far), tv, 0.1, 0.05),
        Problem(DIE, Table([[1.0, 2.0], [2.0, 1.0], [1.0, 1.0]]), None, 0.5, math.inf),  # below the least distortion
        SeveralProblem(source, (squared, Hamming()), tv, (0.05, 0.3), 0.05),
    ]
    return kinds[int(rng.integers(len(kinds)))]


def _numbers(solution):
    """All that an answer says, arrays as their bytes."""
    candidate, dual = solution.candidate, solution.dual
    arrays = [] if candidate is None else [candidate.channel, candidate.output]
    arrays += [] if dual is None else [dual.f, np.asarray(dual.s), dual.mu, *dual.v]
    said = solution.rate, solution.bounds, solution.status, solution.message, solution.method, solution.steps
    return (repr(said), repr(solution.slopes), *[None if array is None else array.tobytes() for array in arrays])


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_what_is_closed_at_once_is_what_the_method_and_the_judge_give_one_question(seed):
    rng = np.random.default_rng(seed)
    problems = [_common(rng, ball) for ball in BALLS]
    for problem, found in zip(problems, closed_at_once(problems, GAP, STEPS), strict=True):
        if found is None:
            continue
        alone = answered(problem.discrete, InteriorPoint())
        assert (found.bounds, found.steps) == (alone.bounds, alone.steps)
        for one, other in (
            (found.slope_D, alone.slope_D),
            (found.slope_P, alone.slope_P),
            (found.channel, alone.channel),
            (found.output, problem.discrete.output(alone.channel)),
            (found.dual.f, alone.outcome.dual.f),
            (found.dual.s, alone.outcome.dual.s),
            (found.dual.mu, alone.outcome.dual.mu),
        ):
            assert one.tobytes() == other.tobytes()
        verdict = presolve(problem.discrete)
        assert verdict.constant is None
        assert not verdict.infeasible


def test_nearly_all_common_questions_are_closed_at_once():
    """What is not goes the long road, where nobody would see that the short one is shut."""
    rng = np.random.default_rng(0)
    problems = [_common(rng, ball) for ball in BALLS for _ in range(20)]
    closed = closed_at_once(problems, GAP, STEPS)
    assert sum(found is None for found in closed) <= 8  # of 180: some cost so little that their rate is 0


@settings(max_examples=8, deadline=None)
@given(SEEDS)
def test_an_answer_has_the_same_bits_alone_and_in_any_batch(seed):
    """Of any kinds and sizes, in any order and parts, in threads beside each other."""
    rng = np.random.default_rng(seed)
    problems = [_common(rng, ball) for ball in BALLS] + [_other(rng) for _ in range(4)]
    alone = [_numbers(rdp_many([problem])[0]) for problem in problems]
    order = rng.permutation(len(problems))
    parts = np.split(order, np.sort(rng.integers(0, order.size, 2)))
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda part: rdp_many([problems[k] for k in part]), parts)
    for part, batch in zip(parts, answers, strict=True):
        assert [_numbers(solution) for solution in batch] == [alone[k] for k in part]
        assert all(solution.problem is problems[k] for k, solution in zip(part, batch, strict=True))


def test_processes_give_the_same_bits():
    rng = np.random.default_rng(3)
    problems = [_common(rng, ball) for ball in BALLS]
    answers = dict(Joblib(2).map(rdp_many, [problems[::2], problems[1::2]]))
    found = {id(problem): one for part in (0, 1) for problem, one in zip(problems[part::2], answers[part], strict=True)}
    assert [_numbers(found[id(problem)]) for problem in problems] == [_numbers(one) for one in rdp_many(problems)]


def test_one_is_infeasible_one_hostile_and_the_others_are_answered():
    good = Problem(DIE, SquaredError(), TotalVariation(), 0.1, 0.05)
    nothing = Problem(DIE, Table([[1.0, 2.0], [2.0, 1.0], [1.0, 1.0]]), None, 0.5, math.inf)
    hostile = Problem(Pmf([0.5, 0.5 - 1e-13, 1e-13]), SquaredError(), KullbackLeibler(), 1e-6, 1e-6)
    first, infeasible, hard, second = rdp_many([good, nothing, hostile, good])
    assert infeasible.status is Status.INFEASIBLE
    checks.assert_sound(hard)
    checks.assert_sound(first)
    assert _numbers(first) == _numbers(second)


def test_the_first_question_that_does_not_fit_is_refused_by_its_number():
    good = Problem(DIE, SquaredError(), TotalVariation(), 0.1, 0.05)
    wrong = Problem(DIE, Table(np.zeros((2, 2))), None, 0.1, math.inf)
    with pytest.raises(InvalidInput, match="one row for each of the 3 symbols") as caught:
        rdp_many([good, good, wrong, good])
    assert caught.value.__notes__ == ["question 2 of 4, counted from 0"]


def test_a_solver_that_errs_costs_time_and_no_digit(monkeypatch):
    """The judge looks at what the batch hands over; what it does not close is asked again."""
    rng = np.random.default_rng(1)
    problems = [_common(rng, ball) for ball in BALLS]
    right = [_numbers(solution) for solution in rdp_many(problems)]
    plain = many.descend_many

    def wrong(*question):
        found = plain(*question)
        turned, twice = found.channels[::-1].copy(), [2.0 * s for s in found.s]
        return Descents(found.f + 1.0, twice, found.mu, turned, found.steps, found.finite)

    monkeypatch.setattr(many, "descend_many", wrong)
    assert not any(closed_at_once(problems, GAP, STEPS))
    assert [_numbers(solution) for solution in rdp_many(problems)] == right


def test_what_a_batch_keeps_is_bounded(monkeypatch):
    rng = np.random.default_rng(2)
    problems = [_common(rng, TotalVariation()) for _ in range(6)]
    right = [_numbers(solution) for solution in rdp_many(problems)]
    monkeypatch.setattr(many, "KEPT", 2 * 9**2)
    assert 1 <= sum(found is not None for found in closed_at_once(problems, GAP, STEPS)) < 6
    assert [_numbers(solution) for solution in rdp_many(problems)] == right


def test_a_divergence_of_somebody_else_goes_the_ordinary_road():
    class Mine(JensenShannon):
        """Another φ may be behind the form that it inherits."""

    problem = Problem(DIE, SquaredError(), Mine(), 0.1, 0.05)
    assert closed_at_once([problem], GAP, STEPS) == [None]
    assert closed_at_once([Problem(DIE, SquaredError(), JensenShannon(), 0.1, 0.05)], GAP, STEPS) != [None]


def test_a_reference_of_its_own_goes_the_ordinary_road():
    table = Table(SquaredError().table(DIE.points), reference=[0.4, 0.3, 0.3])
    assert closed_at_once([Problem(DIE, table, TotalVariation(), 0.1, 0.05)], GAP, STEPS) == [None]
    assert closed_at_once([Problem(DIE, table, None, 0.1, math.inf)], GAP, STEPS) != [None]


def _late():
    return rdp_many([Problem(DIE, SquaredError(), TotalVariation(), 0.1, 0.05)])[0]


def test_fields_of_an_answer_are_made_when_somebody_asks():
    late, right = _late(), _numbers(_late())
    assert "bounds" not in vars(late)
    assert late.gap <= GAP
    assert "dual" not in vars(late)
    assert not hasattr(late, "no such field")
    assert _numbers(copy.copy(late)) == _numbers(copy.deepcopy(late)) == right
    assert str(late) == str(rdp(DIE, SquaredError(), TotalVariation(), D=0.1, P=0.05))
    checks.assert_sound(late)
    assert isinstance(late, Solution)


def test_an_answer_that_is_sent_away_takes_no_batch_along():
    late = _late()
    sent = pickle.dumps(late)
    assert _numbers(pickle.loads(sent)) == _numbers(late)
    assert "_rest" not in vars(pickle.loads(sent))


def test_two_threads_may_ask_for_the_first_time():
    for _ in range(20):
        late = _late()
        with ThreadPoolExecutor(4) as pool:
            found = [*pool.map(lambda _, one=late: _numbers(one), range(4))]
        assert found == found[:1] * 4


def test_table_with_other_outputs():
    """More or fewer outputs than symbols, without a ball."""
    wide, tall = np.array([[0.0, 1.0, 0.3], [1.0, 0.0, 0.3]]), np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.5]])
    questions = [
        Problem(Pmf([0.6, 0.4]), Table(wide), None, 0.1, math.inf),
        Problem(DIE, Table(tall), None, 0.1, math.inf),
        Problem(DIE, AbsoluteError(), None, 0.1, math.inf),
    ]
    closed = closed_at_once(questions, GAP, STEPS)
    for question, found in zip(questions, closed, strict=True):
        alone = answered(question.discrete, InteriorPoint())
        assert found.channel.tobytes() == alone.channel.tobytes()
        assert found.bounds == alone.bounds
