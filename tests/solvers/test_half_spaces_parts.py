"""What the search over output laws is made of: its quadratic programs, the rate of a law and its derivatives, the bends
of a ball."""

from dataclasses import replace

import numpy as np
import pytest

from rdptheory import Hamming, KullbackLeibler, Pmf, Problem, SquaredError, TotalVariation
from rdptheory.problems import DistortionLimit
from rdptheory.solvers.half_spaces.ball import Known, bends
from rdptheory.solvers.half_spaces.laws import at_law
from rdptheory.solvers.half_spaces.program import Quadratic

LAW = Pmf([0.3, 0.25, 0.2, 0.15, 0.1])
ONE = Problem(LAW, SquaredError(), KullbackLeibler(), D=0.5, P=0.05).discrete
TWO = replace(ONE, distortions=(*ONE.distortions, DistortionLimit(Hamming().table(LAW.points), 0.35)))


@pytest.mark.parametrize("seed", range(40))
def test_a_quadratic_program_keeps_the_conditions_of_its_least_point(seed):
    rng = np.random.default_rng(seed)
    m, cuts = int(rng.integers(2, 15)), int(rng.integers(0, 8))
    root = rng.normal(size=(m, int(rng.integers(1, m + 1))))
    G, a = rng.normal(size=(cuts, m)), rng.dirichlet(np.ones(m))
    h = G @ rng.dirichlet(np.ones(m)) + 0.05
    asked = Quadratic(root @ root.T, rng.normal(size=m), a, G, h)
    law, weights, bounds = asked.least()
    assert law.sum() == pytest.approx(1.0, abs=1e-15)
    assert min(law.min(), weights.min(initial=0.0), bounds.min(), (h - G @ law).min(initial=0.0)) >= -1e-9
    slope = asked.Q @ (law - a) + asked.slope - bounds + G.T @ weights
    assert slope == pytest.approx(np.full(m, slope.mean()), abs=1e-8)
    assert law @ bounds + (h - G @ law) @ weights <= 1e-8


def test_half_spaces_with_no_law_between_them_are_no_answer_that_keeps_them():
    G, h = np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([0.2, -0.8])  # r_0 <= 0.2 and r_0 >= 0.8
    found = Quadratic(np.eye(2), np.zeros(2), np.array([0.5, 0.5]), G, h).least()
    assert found is None or (G @ found.law > h + 1e-3).any()


@pytest.mark.parametrize("problem", [ONE, TWO], ids=["one limit", "two limits"])
def test_the_derivatives_of_the_rate_of_a_law(problem):
    rng, law, step = np.random.default_rng(0), np.array([0.32, 0.24, 0.2, 0.15, 0.09]), 1e-4
    here = at_law(problem, law, 1e-9)
    for _ in range(5):
        move = rng.normal(size=5)
        move -= move.mean()
        there, back = (at_law(problem, law + sign * step * move, 1e-9) for sign in (1.0, -1.0))
        assert (there.rate - back.rate) / (2.0 * step) == pytest.approx(-here.prices @ move, rel=1e-5, abs=1e-6)
        bend = (there.rate - 2.0 * here.rate + back.rate) / step**2
        assert move @ here.curvature @ move == pytest.approx(bend, rel=1e-2, abs=1e-2)  # rates to 1e-10
        ahead = here.ahead(law + step * move)
        assert ahead.s == pytest.approx(there.dual.s, abs=1e-5 * here.dual.s.max())
        change = (ahead.f - there.dual.f) - (ahead.f - there.dual.f).mean()
        assert np.abs(change).max() <= 1e-5


def test_a_law_out_of_reach_has_no_rate():
    assert (
        at_law(replace(ONE, distortions=(DistortionLimit(ONE.distortions[0].table, 1e-3),)), np.eye(5)[0], 1e-9) is None
    )


def test_second_differences_are_those_of_the_formula_and_none_at_corners():
    law, (ball,) = np.array([0.32, 0.24, 0.2, 0.15, 0.09]), ONE.perceptions
    move = np.array([0.3, -0.1, 0.2, -0.3, -0.1])
    H = bends(ball, law)
    assert move @ H @ move == pytest.approx(move**2 @ (1.0 / law), rel=1e-3)  # Σ r log r/p bends by 1/r
    assert bends(replace(ball, divergence=TotalVariation()), law) is None


def test_half_spaces_of_a_ball_leave_out_what_is_outside_and_no_more_than_is_asked():
    (ball,), outside = ONE.perceptions, np.array([0.9, 0.025, 0.025, 0.025, 0.025])
    known = Known(ball)
    assert known.leaves_out(outside, 1)
    assert len(known.cuts) == 1
    assert not known.leaves_out(outside)  # it is left out
    assert known.leaves_out(outside[::-1])
    assert len(known.cuts) == 3
    assert (known.G @ outside > known.h).any()
    assert not known.leaves_out(ball.reference)
    assert (known.G @ known.inside(outside) <= known.h + 1e-7).all()  # differenced over 2^-26
    assert known.holds(known.inside(outside))
