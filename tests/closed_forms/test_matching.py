from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdptheory._types import Bounds, frozen_array
from rdptheory.closed_forms import ALLOWANCE, ClosedForm, match
from rdptheory.distortions import Hamming, SquaredError
from rdptheory.divergences import (
    F_DIVERGENCES,
    KullbackLeibler,
    Renyi,
    TotalVariation,
    TransportDivergence,
    Wasserstein1,
    Wasserstein2Squared,
)
from rdptheory.errors import InvalidInput
from rdptheory.information import binary_entropy
from rdptheory.inverse import distortion_at
from rdptheory.problems import Problem
from rdptheory.slope import rate_at_slope
from rdptheory.solution import Candidate, JointGaussian, Status
from rdptheory.solve import rdp
from rdptheory.sources import Bernoulli, Empirical, Gaussian, GaussianVector, Independent, Laplace, Pmf, Uniform
from tests.closed_forms.checks import assert_exact
from tests.closed_forms.oracles import printed_bernoulli, printed_gaussian, printed_uniform

inf = float("inf")
TV, W2, KL = TotalVariation(), Wasserstein2Squared(), KullbackLeibler()
masses = st.one_of(st.just(0.0), st.floats(1e-30, 1.0))  # 1 - p has digits to spare in the oracle
limits = st.one_of(st.floats(0.0, 2.0), st.just(inf))


def brackets(solution, exact):
    """Whether the bracket holds a number of sixty digits."""
    return solution.bounds.lower <= exact <= solution.bounds.upper


@given(masses, limits, limits)
def test_bernoulli(p, D, P):
    problem = Problem(Bernoulli(p), Hamming(), TV, D, P)
    solution = match(problem)
    assert_exact(problem, solution)
    assert brackets(solution, printed_bernoulli(p, D, P))
    assert solution.gap <= 3.0 * ALLOWANCE * binary_entropy(p)  # 2, and the rounding of the two ends


@given(masses, limits, limits)
def test_pmf_on_two_symbols(p, D, P):
    problem = Problem(Pmf([p, 1.0 - p], [3.0, -1.0]), Hamming(), TV, D, P)
    solution = match(problem)
    assert_exact(problem, solution)
    assert brackets(solution, printed_bernoulli(min(p, 1.0 - p), D, P))


@given(st.integers(1, 40), st.sampled_from([*F_DIVERGENCES, None]), limits, limits)
def test_uniform_for_every_divergence(m, perception, D, P):
    problem = Problem(Empirical(np.arange(m)), Hamming(), perception, D, inf if perception is None else P)
    solution = match(problem)
    assert_exact(problem, solution)
    assert brackets(solution, printed_uniform(m, D))


@given(
    st.floats(-3.0, 3.0),
    st.floats(0.1, 10.0),
    st.sampled_from([W2, KL, None]),
    st.one_of(st.floats(1e-6, 30.0), st.just(inf)),
    limits,
)
def test_gaussian(mean, variance, perception, D, P):
    P = inf if perception is None else P
    problem = Problem(Gaussian(mean, variance), SquaredError(), perception, D, P)
    solution = match(problem)
    assert_exact(problem, solution)
    exact = printed_gaussian(variance, D, P, "KL" if perception is KL else "W2")
    assert brackets(solution, exact)


@pytest.mark.parametrize("perception", [TV, W2, None, *F_DIVERGENCES])
def test_unlimited_perception_needs_no_particular_divergence(perception):
    gaussian = match(Problem(Gaussian(0.0, 1.0), SquaredError(), perception, 0.25, inf))
    assert gaussian.rate == pytest.approx(np.log(2.0), abs=2 * ALLOWANCE)
    binary = match(Problem(Bernoulli(0.3), Hamming(), perception, 0.1, inf))
    assert binary.rate == pytest.approx(binary_entropy(0.3) - binary_entropy(0.1), abs=2 * ALLOWANCE)


@pytest.mark.parametrize("perception", [W2, Wasserstein1(), Renyi(2.0), *F_DIVERGENCES], ids=repr)
@pytest.mark.parametrize("source", [Gaussian(1.0, 2.0), GaussianVector([0.0, 1.0], [[1.0, 0.3], [0.3, 2.0]])], ids=str)
def test_perfect_realism_is_the_same_under_every_divergence(source, perception):
    known = match(Problem(source, SquaredError(), KL, 0.4, 0.0))
    found = match(Problem(source, SquaredError(), perception, 0.4, 0.0))
    assert found is not None
    assert found.bounds.overlaps(known.bounds)
    assert found.gap < 1e-12
    assert found.slopes.P == -inf
    assert np.allclose(found.candidate.joint.covariance, known.candidate.joint.covariance, rtol=0.0, atol=1e-12)


def test_turned_around_perfect_realism_of_a_gaussian_is_exact_under_every_divergence():
    question = Gaussian(0.0, 1.0), SquaredError(), TV
    R = 0.5
    exact = 2.0 - 2.0 * np.sqrt(-np.expm1(-2.0 * R))  # Y has the variance of X and ρ² = 1 - exp(-2R)
    assert distortion_at(*question, R=R, P=0.0).value == pytest.approx(exact, abs=1e-12)
    s = (1.0 - exact / 2.0) / (2.0 * (1.0 - (1.0 - exact / 2.0) ** 2))  # of ½ log 1/(1 - (1 - D/2)²)
    assert rate_at_slope(*question, s=s, P=0.0).D.upper == pytest.approx(exact, abs=1e-9)


COSTS = TransportDivergence(np.ones((2, 2)) - np.eye(2))


@pytest.mark.parametrize("P", [0.0, 0.1])
@pytest.mark.parametrize(
    "source",
    [
        Gaussian(0.0, 1.0),
        GaussianVector([0.0], [1.0]),
        Laplace(0.0, 1.0),
        Independent(Laplace(0.0, 1.0), Uniform(0.0, 1.0)),
    ],
    ids=repr,
)
def test_a_table_of_costs_compares_no_densities(source, P):
    with pytest.raises(InvalidInput, match=r"perception = .* for a source with a density"):
        rdp(source, SquaredError(), COSTS, D=0.5, P=P)


def test_zero_rate_is_exactly_zero_away_from_its_boundary():
    for problem in (
        Problem(Bernoulli(0.3), Hamming(), TV, 0.43, 0.0),
        Problem(Gaussian(0.0, 1.0), SquaredError(), KL, inf, 0.2),
        Problem(Pmf([0.25] * 4), Hamming(), None, 0.76, inf),
    ):
        assert match(problem).bounds == Bounds(0.0, 0.0)
    on_it = match(Problem(Bernoulli(0.3), Hamming(), None, 0.3, inf))
    assert on_it.bounds.lower == 0.0 < on_it.bounds.upper < 1e-14


def test_a_gaussian_without_distortion_is_out_of_reach():
    solution = match(Problem(Gaussian(0.0, 1.0), SquaredError(), W2, 0.0, 0.1))
    assert solution.status is Status.INFEASIBLE
    assert solution.rate == solution.bounds.lower == solution.bounds.upper == inf
    assert solution.gap == 0.0
    assert np.isnan([solution.slopes.D, solution.slopes.P]).all()
    assert solution.candidate is None
    assert "D = 0" in str(solution)


def test_the_message_names_regime_and_source():
    def message(D):
        return match(Problem(Bernoulli(0.25), Hamming(), TV, D, 0.05)).message

    assert "both limits bind" in message(0.1)
    assert "does not bind" in message(0.01)
    assert "independent of the source" in message(0.5)
    assert "[BM19" in message(0.1)
    for alone in (
        match(Problem(Bernoulli(0.25), Hamming(), KL, 0.1, inf)),
        match(Problem(Gaussian(0.0, 1.0), SquaredError(), None, 0.1, inf)),
        match(Problem(Gaussian(0.0, 1.0), SquaredError(), None, 3.0, inf)),
    ):  # no limit on perception, so that nothing is said of one
        assert "[CT06" in alone.message
        assert not any(word in alone.message for word in ("perception", "variation", "limits"))
    assert "ClosedForm()" in str(match(Problem(Bernoulli(0.25), Hamming(), TV, 0.1, 0.05)))
    assert ClosedForm() == ClosedForm()


@pytest.mark.parametrize(
    "source, distortion, perception, P",
    [
        (Bernoulli(0.3), Hamming(), KL, 0.1),
        (Bernoulli(0.3), SquaredError(), TV, 0.1),
        (Pmf([0.3, 0.7 + 5e-13]), Hamming(), TV, 0.1),
        (Pmf([0.2, 0.3, 0.5]), Hamming(), TV, 0.1),
        (Pmf([0.5, 0.5, 0.0]), Hamming(), TV, 0.1),
        (Pmf([1 / 3 + 1e-13, 1 / 3 - 1e-13, 1 / 3]), Hamming(), TV, 0.1),
        (Gaussian(0.0, 1.0), SquaredError(), TV, 0.1),
        (Gaussian(0.0, 1.0), Hamming(), None, inf),
    ],
)
def test_no_closed_form_no_answer(source, distortion, perception, P):
    assert match(Problem(source, distortion, perception, 0.1, P)) is None


class TestTheCheckFindsPlantedErrors:
    discrete = Problem(Bernoulli(0.25), Hamming(), TV, 0.1, 0.05)
    gaussian = Problem(Gaussian(0.0, 1.0), SquaredError(), W2, 0.3, 0.01)

    def rejected(self, problem, **changes):
        solution = match(problem)
        assert_exact(problem, solution)
        with pytest.raises(AssertionError):
            assert_exact(problem, replace(solution, **changes))

    @pytest.mark.parametrize("problem", [discrete, gaussian])
    @pytest.mark.parametrize("factor", [0.99, 1.01])
    def test_a_rate_one_per_cent_off(self, problem, factor):
        bounds = match(problem).bounds
        wrong = Bounds(factor * bounds.lower, factor * bounds.upper)
        self.rejected(problem, rate=wrong.upper, bounds=wrong)

    def test_a_rate_apart_from_its_bracket(self):
        self.rejected(self.discrete, rate=match(self.discrete).bounds.lower)

    @pytest.mark.parametrize("D, P", [(0.101, 0.05), (0.1, 0.051)])
    def test_a_channel_beyond_a_limit(self, D, P):
        self.rejected(self.discrete, candidate=match(replace(self.discrete, D=D, P=P)).candidate)

    @pytest.mark.parametrize("D, P", [(0.303, 0.01), (0.3, 0.0101)])
    def test_a_joint_law_beyond_a_limit(self, D, P):
        self.rejected(self.gaussian, candidate=match(replace(self.gaussian, D=D, P=P)).candidate)

    def test_a_channel_with_an_output_that_is_not_its_own(self):
        candidate = match(self.discrete).candidate
        self.rejected(self.discrete, candidate=replace(candidate, output=frozen_array([0.75, 0.25])))

    def test_a_joint_law_with_more_information(self):
        wasteful = JointGaussian(frozen_array([0.0, 0.0]), frozen_array([[1.0, 0.95], [0.95, 1.0]]))
        self.rejected(self.gaussian, candidate=Candidate(joint=wasteful))
