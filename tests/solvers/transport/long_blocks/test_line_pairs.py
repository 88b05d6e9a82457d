"""A finite rate of common randomness over long blocks: any number of letters on a line, and any cost on few."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import rel_entr

from rdptheory.certificates.transport.pairs_on_line import LineCost
from rdptheory.closed_forms import transport_gaussian
from rdptheory.distortions import Hamming, SquaredError, Table
from rdptheory.information import entropy, relative_entropies
from rdptheory.plans import PrivatePlan
from rdptheory.solution import Status
from rdptheory.solvers.transport.long_blocks import LinePairs, PosteriorPairs
from rdptheory.sources import Bernoulli, Gaussian, Pmf, discretise
from rdptheory.transport import constrained_transport, transport_rate
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import TransportSolution
from tests.transport_cases import random_line, solved

ASKED = 1e-9
"""The default gap of the method."""
SIX = Pmf([0.1, 0.2, 0.3, 0.2, 0.15, 0.05])


def asked(source: Pmf, target: Pmf, R: float, Rc: float) -> TransportSolution:
    return constrained_transport(source, target, SquaredError(), R=R, common_randomness=Rc, asymptotic=True)


def brute_force(p: float, q: float, R: float, Rc: float, starts: int) -> float:
    """Least P(X != Y) of a local search over three binary letters of Z: another program, another solver, no duality."""

    def divergence(a: np.ndarray, law: float) -> np.ndarray:
        return np.asarray(rel_entr(a, law) + rel_entr(1.0 - a, 1.0 - law))

    def cost(v: np.ndarray) -> float:
        w, a, b = v.reshape(3, 3)
        return float(w @ (a * (1.0 - b) + b * (1.0 - a)))

    def met(v: np.ndarray) -> np.ndarray:
        w, a, b = v.reshape(3, 3)
        return np.array([w.sum() - 1.0, w @ a - p, w @ b - q])

    def left(v: np.ndarray) -> np.ndarray:
        w, a, b = v.reshape(3, 3)
        return np.array([R - w @ divergence(a, p), R + Rc - w @ divergence(b, q)])

    rng, best = np.random.default_rng(0), np.inf
    for _ in range(starts):
        found = minimize(
            cost,
            rng.random(9),
            method="SLSQP",
            bounds=[(1e-9, 1.0 - 1e-9)] * 9,
            constraints=[{"type": "eq", "fun": met}, {"type": "ineq", "fun": left}],
            options={"maxiter": 300, "ftol": 1e-13},
        )
        if np.abs(met(found.x)).max() < 1e-9 and left(found.x).min() > -1e-9:
            best = min(best, float(found.fun))
    return best


@pytest.mark.parametrize(
    ("target", "R", "Rc", "value"),
    [
        (SIX, 0.4, 0.0, 1.54382237),
        (SIX, 0.4, 0.3, 1.21859488),
        (SIX, 0.4, 1.0, 0.94589040),
        (Pmf([0.5, 0.25, 0.25], [0.0, 2.0, 5.0]), 0.3, 0.2, 2.89108078),
    ],
)
def test_values_known_to_nine_digits(target: Pmf, R: float, Rc: float, value: float) -> None:
    found = asked(SIX, target, R, Rc)
    assert found.gap <= 3e-10 * value
    assert found.bounds.lower - 5e-9 <= value <= found.bounds.upper + 5e-9  # nine digits


def test_brute_force_over_three_letters_is_inside_the_bracket() -> None:
    question = constrained_transport(
        Bernoulli(0.25), Bernoulli(0.4), Hamming(), R=0.1, common_randomness=0.2, asymptotic=True
    )
    assert isinstance(question.method, LinePairs)
    assert question.gap <= 1e-10
    local = brute_force(0.25, 0.4, 0.1, 0.2, 40)
    assert question.bounds.lower - 1e-8 <= local <= question.bounds.upper + 1e-6  # what SLSQP leaves of its limits


def test_the_general_program_agrees_on_costs_of_both_kinds() -> None:
    rng = np.random.default_rng(4)
    for table in (rng.random((3, 2)), rng.random((3, 3))):
        problem = DiscreteTransport(
            rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(table.shape[1])), table, 0.1, asymptotic=True, common=0.15
        )
        assert (LineCost.of(problem) is not None) == (table.shape[1] == 2)
        general = solved(problem, PosteriorPairs())
        assert general.gap <= 2e-8  # linear programming over three letters
        if LinePairs().applies(problem):
            own = solved(problem, LinePairs())
            assert own.gap <= ASKED
            assert own.bounds.lower <= general.bounds.upper
            assert general.bounds.lower <= own.bounds.upper
        else:
            none, much = (solved(replace(problem, common=rate), PosteriorPairs()) for rate in (0.0, 3.0))
            assert much.bounds.lower <= general.bounds.upper
            assert general.bounds.lower <= none.bounds.upper


@pytest.mark.parametrize("seed", range(8))
def test_random_pairs_close_and_their_plans_keep_both_rates(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = replace(random_line(rng, 12), asymptotic=True)
    spare = entropy(problem.q) - problem.R
    problem = replace(problem, common=max(0.0, 0.9 * float(rng.random()) * spare))
    found = solved(problem, LinePairs())
    assert found.gap <= ASKED
    assert isinstance(found.plan, PrivatePlan)
    z = problem.p @ found.plan.encoder
    posteriors = (problem.p[:, None] * found.plan.encoder).T / np.where(z > 0.0, z, 1.0)[:, None]
    slack = 1e-12 * (1.0 + problem.R)
    assert z @ relative_entropies(posteriors, problem.p) <= problem.R + slack
    assert z @ relative_entropies(found.plan.decoder, problem.q) <= problem.R + problem.common + slack
    np.testing.assert_allclose(z @ found.plan.decoder, problem.q, atol=1e-12)  # what the judge hands on


def test_more_common_randomness_costs_no_distortion_and_both_ends_are_the_known_ones() -> None:
    target = Pmf([0.5, 0.25, 0.25], [0.0, 2.0, 5.0])
    rates = [0.0, 0.1, 0.4, 0.7, 2.0]
    found = [asked(SIX, target, 0.3, rate) for rate in rates]
    for less, more in pairwise(found):
        assert more.bounds.lower <= less.bounds.upper
    none, much = (
        constrained_transport(SIX, target, SquaredError(), R=0.3, common_randomness=shared, asymptotic=True)
        for shared in (False, True)
    )
    assert (found[0].bounds.lower, found[0].bounds.upper) == (none.bounds.lower, none.bounds.upper)
    assert found[-1].bounds.lower <= much.bounds.upper
    assert much.bounds.lower <= found[-1].bounds.upper
    assert found[-1].gap <= ASKED


@pytest.mark.parametrize(
    ("source", "target", "R", "Rc"),
    [
        (Pmf([1.0 - 3e-12, 1e-12, 2e-12], [0.0, 1.0, 3.0]), SIX, 0.2, 0.1),
        (Pmf([0.5, 0.5], [1.0, 1.0]), SIX, 0.2, 0.1),
        (Pmf([0.5, 0.25, 0.25], [0.0, 0.0, 1.0]), SIX, 0.2, 0.1),
        (Pmf([0.5, 0.0, 0.5]), Pmf([0.3, 0.7, 0.0]), 0.2, 0.1),
        (SIX, SIX, 1e-9, 0.1),
        (SIX, SIX, 0.0, 0.1),
        (SIX, SIX, 1.66, 0.001),
        (Pmf([0.5, 0.5], [1e6, 1e6 + 1.0]), Pmf([0.2, 0.8], [1e6, 1e6 + 1.0]), 0.2, 0.1),
        (Pmf([0.5, 0.5], [0.0, 1e-9]), Pmf([0.2, 0.8], [0.0, 1e-9]), 0.2, 0.1),
    ],
)
def test_hostile_pairs_have_brackets_that_are_true_and_close(source: Pmf, target: Pmf, R: float, Rc: float) -> None:
    found = asked(source, target, R, Rc)
    assert found.bounds.lower <= found.bounds.upper
    assert found.gap <= 1e-8 * max(1.0, found.distortion)  # ten times what is asked of ordinary pairs


def test_a_discretised_gaussian_is_next_to_the_formula() -> None:
    source = discretise(Gaussian(0, 1), 16)
    found = asked(source, source, 0.5, 0.2)
    exact = float(transport_gaussian.distortion(Gaussian(0, 1), Gaussian(0, 1), R=0.5, common_randomness=0.2))
    assert found.gap <= 2e-9
    assert found.distortion == pytest.approx(exact, abs=1e-4)  # the law of 16 points is another one


def test_few_steps_leave_a_wider_bracket_that_is_true() -> None:
    full = asked(SIX, SIX, 0.4, 0.3)
    few = constrained_transport(
        SIX,
        SIX,
        SquaredError(),
        R=0.4,
        common_randomness=0.3,
        asymptotic=True,
        method=LinePairs(max_steps=12),
    )
    assert few.status is Status.STOPPED
    assert few.bounds.lower <= full.bounds.upper
    assert full.bounds.lower <= few.bounds.upper
    assert few.steps <= 12


def test_the_rate_that_a_distortion_needs() -> None:
    three = Pmf([0.5, 0.3, 0.2])
    D = asked(three, three, 0.2, 0.3).distortion
    found = transport_rate(three, three, SquaredError(), D=D, common_randomness=0.3, asymptotic=True, gap=1e-6)
    assert found.bounds.gap <= 1e-6
    assert found.bounds.lower <= 0.2 + 1e-9  # what the bracket of D leaves open
    assert found.bounds.upper >= 0.2 - 1e-9


def test_a_table_that_is_no_product_of_means_is_left_to_the_general_program() -> None:
    table = Table([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    third = Pmf([0.5, 0.3, 0.2])
    found = constrained_transport(third, third, table, R=0.2, common_randomness=0.1, asymptotic=True)
    assert isinstance(found.method, PosteriorPairs)
    assert found.gap <= 1e-7
