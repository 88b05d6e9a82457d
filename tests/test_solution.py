"""The answer: its fields, its two units, and its refusal to be taken for narrower than it is."""

import math
import pickle

import numpy as np
import pytest

from rdptheory import (
    Bernoulli,
    ClosedForm,
    GapTooWide,
    Gaussian,
    Hamming,
    InteriorPoint,
    InvalidInput,
    SquaredError,
    Status,
    TotalVariation,
    Wasserstein2Squared,
    rate_distortion,
    rdp,
)
from tests import checks


@pytest.fixture(scope="module")
def solution():
    return rdp(Bernoulli(0.25), Hamming(), TotalVariation(), D=0.1, P=0.05, method=InteriorPoint())


def test_fields(solution):
    checks.assert_sound(solution, gap=1e-9)
    assert solution.status is Status.OPTIMAL
    assert solution.method == InteriorPoint()
    assert solution.steps > 0
    assert (solution.problem.D, solution.problem.P) == (0.1, 0.05)
    assert solution.candidate.channel.shape == (2, 2)


def test_the_printed_answer_holds_nats_and_bits(solution):
    text = str(solution)
    assert f"{solution.rate:.10g} nat" in text
    assert f"{solution.rate / math.log(2.0):.10g} bit" in text
    assert "gap" in text
    assert "dR/dD" in text
    assert "InteriorPoint" in text
    assert "optimal" in text


def test_require_lets_through_what_is_narrow_enough(solution):
    assert solution.require(gap=1e-9) is solution
    with pytest.raises(GapTooWide, match="nat wide"):
        solution.require(gap=0.5 * solution.gap)
    with pytest.raises(InvalidInput, match="gap"):
        solution.require(gap=math.nan)


def test_a_closed_form_has_a_bracket_of_rounding_alone():
    answer = rdp(Bernoulli(0.25), Hamming(), TotalVariation(), D=0.1, P=0.05)
    checks.assert_sound(answer, gap=1e-13)
    assert answer.method == ClosedForm()
    assert answer.steps == 0


def test_a_gaussian_answer_is_a_joint_law_within_both_limits():
    answer = rdp(Gaussian(1.0, 4.0), SquaredError(), Wasserstein2Squared(), D=1.0, P=0.1)
    joint = answer.candidate.joint
    assert answer.candidate.channel is None
    (var_x, cov), (_, var_y) = joint.covariance
    assert var_x == 4.0
    assert joint.mean.tolist() == [1.0, 1.0]
    assert var_x + var_y - 2 * cov <= 1.0 + 1e-12
    assert (math.sqrt(var_x) - math.sqrt(var_y)) ** 2 <= 0.1 + 1e-12
    assert -0.5 * math.log(1 - cov**2 / (var_x * var_y)) == pytest.approx(answer.rate, abs=1e-12)


def test_an_infinite_rate_has_no_gap_and_no_slopes():
    answer = rate_distortion(Gaussian(0.0, 1.0), SquaredError(), D=0.0)
    assert answer.status is Status.INFEASIBLE
    assert answer.rate == math.inf
    assert answer.gap == 0.0
    assert math.isnan(answer.slopes.D)
    assert answer.require(gap=0.0) is answer
    assert "infeasible" in str(answer)


def test_an_answer_travels_between_processes(solution):
    again = pickle.loads(pickle.dumps(solution))
    assert again.bounds == solution.bounds
    np.testing.assert_array_equal(again.candidate.channel, solution.candidate.channel)
    checks.assert_sound(again, gap=1e-9)


def test_nothing_in_an_answer_can_be_assigned(solution):
    with pytest.raises(AttributeError):
        solution.rate = 0.0
    with pytest.raises(AttributeError):
        solution.bounds.lower = 1.0
