"""What the theory says of R(D,P), asked of certified brackets over random sources."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import InteriorPoint, Pmf, Table, TotalVariation, rdp
from rdptheory.divergences import F_DIVERGENCES
from rdptheory.information import entropy
from rdptheory.problems import Problem
from tests import checks
from tests.strategies import DIVERGENCES, laws, matrices

few = settings(max_examples=25)
DISTORTION = st.floats(0.01, 0.5)
RADIUS = st.one_of(st.just(0.0), st.floats(1e-4, 0.3))


@st.composite
def sources(draw, n=4):
    """A law and a table with zeros on the diagonal."""
    table = draw(matrices(n, n, low=0.1))
    np.fill_diagonal(table, 0.0)
    return Pmf.from_weights(draw(laws(n, tiny=False))), Table(table)


def bracket(source, table, member, D, P):
    P = math.inf if member is None else P  # a finite P needs a measure
    solution = checks.interior(Problem(source, table, member, D, P))
    checks.assert_sound(solution, gap=1e-9)
    return solution.bounds


@few
@given(sources(), DIVERGENCES, DISTORTION, RADIUS, st.floats(0.0, 0.2), RADIUS)
def test_more_room_never_costs_rate(question, member, D, P, more_D, more_P):
    """R is non-increasing in D and in P [BM19]; 1e-12 is what the limits themselves are kept to."""
    tight = bracket(*question, member, D, P)
    assert bracket(*question, member, D + more_D, P + more_P).lower <= tight.upper + 1e-11


@few
@given(sources(), DIVERGENCES, DISTORTION, RADIUS, DISTORTION, RADIUS, st.floats(0.0, 1.0))
def test_rates_of_a_mixture_lie_below_the_chord(question, member, D, P, other_D, other_P, share):
    """R is jointly convex in (D, P) [BM19]."""
    ends = (
        share * bracket(*question, member, D, P).upper
        + (1.0 - share) * bracket(*question, member, other_D, other_P).upper
    )
    middle = bracket(*question, member, share * D + (1 - share) * other_D, share * P + (1 - share) * other_P)
    checks.assert_at_most(middle.lower, ends, 1e-11)


@few
@given(sources(), DIVERGENCES, DISTORTION, RADIUS)
def test_between_shannon_and_the_fixed_output(question, member, D, P):
    """R(D) <= R(D,P) <= R(D,0) <= H(X) for tables that the identity serves for nothing."""
    rates = bracket(*question, member, D, P)
    checks.assert_at_most(bracket(*question, None, D, math.inf).lower, rates.upper, 1e-11)
    fixed = bracket(*question, member, D, 0.0)
    checks.assert_at_most(rates.lower, fixed.upper, 1e-11)
    checks.assert_at_most(fixed.lower, entropy(question[0].probabilities), 1e-11)


@few
@given(sources(), DIVERGENCES, DISTORTION, RADIUS, st.permutations(range(4)))
def test_names_of_symbols_do_not_matter(question, member, D, P, order):
    source, table = question
    order = list(order)
    renamed = Pmf.from_weights(source.probabilities[order]), Table(table.matrix[np.ix_(order, order)])
    checks.assert_agree(bracket(*question, member, D, P), bracket(*renamed, member, D, P), values=2e-9)


@few
@given(sources(), DISTORTION)
def test_a_total_variation_of_one_is_no_limit(question, D):
    free = bracket(*question, None, D, math.inf)
    checks.assert_agree(free, bracket(*question, TotalVariation(), D, 1.0), values=2e-9)
    checks.assert_agree(free, bracket(*question, TotalVariation(), D, math.inf), values=2e-9)


@few
@given(sources(), DIVERGENCES, DISTORTION, RADIUS, st.floats(0.1, 10.0))
def test_the_unit_of_distortion_does_not_matter(question, member, D, P, unit):
    source, table = question
    scaled = bracket(source, Table(unit * table.matrix), member, unit * D, P)
    checks.assert_agree(bracket(source, table, member, D, P), scaled, values=2e-9)


@few
@given(sources(), DISTORTION, st.floats(0.0, 1.0))
def test_splitting_a_symbol_into_twins_changes_nothing_without_a_ball(question, D, share):
    source, table = question
    p = np.append(source.probabilities, 0.0)
    p[0], p[-1] = share * p[0], (1.0 - share) * p[0]
    split = Table(table.matrix[[0, 1, 2, 3, 0]][:, [0, 1, 2, 3, 0]])
    checks.assert_agree(
        bracket(*question, None, D, math.inf), bracket(Pmf.from_weights(p), split, None, D, math.inf), values=2e-9
    )


@pytest.mark.parametrize("member", F_DIVERGENCES, ids=lambda member: member.name)
def test_slopes_are_the_slopes_of_certified_values(member):
    """Central differences: the bracket of 1e-11 over 2h = 2e-4 of D or 2e-5 of P, plus the curvature times h."""
    rng = np.random.default_rng(4)
    source = Pmf.from_weights(rng.dirichlet(np.ones(5)) + 0.05, np.sort(rng.normal(size=5)))
    table = Table((source.points[:, None] - source.points) ** 2)
    D, P = 0.3 * float((source.probabilities @ table.matrix).min()), 0.01
    method = InteriorPoint(gap=1e-11)

    def rate(D, P):
        return rdp(source, table, member, D=D, P=P, method=method).rate

    solution = rdp(source, table, member, D=D, P=P, method=method)
    assert solution.slopes.D == pytest.approx((rate(D + 1e-4, P) - rate(D - 1e-4, P)) / 2e-4, rel=1e-4)
    assert solution.slopes.P < 0.0
    assert solution.slopes.P == pytest.approx((rate(D, P + 1e-5) - rate(D, P - 1e-5)) / 2e-5, rel=1e-3)
