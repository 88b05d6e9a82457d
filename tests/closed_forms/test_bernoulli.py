import sys
from functools import partial

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import Rational

from rdptheory.closed_forms import ALLOWANCE, Regime, bernoulli
from rdptheory.errors import InvalidInput, MissingPackage
from rdptheory.information import mutual_information
from rdptheory.units import nats_to_bits
from tests.closed_forms.checks import assert_convex, assert_falling, assert_supported, worst_error
from tests.closed_forms.oracles import bernoulli_scale, brute_bernoulli, printed_bernoulli

masses = st.floats(0.0, 1.0)
points = st.tuples(st.floats(0.0, 1.2), st.floats(0.0, 1.2))


def near_breakpoints(rng, count):
    """(p, D, P) at random, at tiny limits, and within 1e-16 to 0.1 of D1, D2, P = p, p = 0, ½ and 1."""
    for _ in range(count):
        below, above = 1.0 - 10 ** rng.uniform(-16, -1, 2), 1.0 + 10 ** rng.uniform(-16, -1, 2)
        p = rng.choice([rng.uniform(), 10 ** rng.uniform(-15, 0), 0.5, 0.5 * below[0], 1 - 10 ** rng.uniform(-15, 0)])
        rarer = min(p, 1.0 - p)
        P = rarer * rng.choice([0.0, rng.uniform(), 10 ** rng.uniform(-15, 0), below[1], above[1]])
        room = 1.0 - 2.0 * max(rarer - P, 0.0)
        first = min(P, rarer) / room if room > 0.0 else 0.5
        second = 2 * rarer * (1 - rarer) - (1 - 2 * rarer) * min(P, rarer)
        D = rng.choice(
            [0.0, rarer * 10 ** rng.uniform(-15, 0), second * rng.uniform(), first + (second - first) * rng.uniform()]
        )
        yield from ((float(p), float(d), float(P)) for d in (D, *first * below, *first * above, *second * below))


@pytest.mark.parametrize(
    "D, P, bits", [(0.1, 0, 0.36577660), (0.1, 0.05, 0.34347364), (0.2, 0.05, 0.12018140), (0.05, 0.1, 0.52488117),
                   (0.3, 0, 0.02709440)],
)  # fmt: skip
def test_reference_values(D, P, bits):
    assert nats_to_bits(float(bernoulli.rate(0.25, D, P))) == pytest.approx(bits, abs=5e-9)  # eight digits are given


def test_within_a_quarter_of_the_allowance_of_sixty_digits():
    instances = list(near_breakpoints(np.random.default_rng(1), 200))
    error = partial(
        worst_error, oracle=printed_bernoulli, instances=instances, scale=lambda p, D, P: bernoulli_scale(p)
    )
    assert error(bernoulli.rate) <= ALLOWANCE / 4
    assert error(lambda p, D, P: 1.01 * bernoulli.rate(p, D, P)) > 1e12 * ALLOWANCE


def test_against_brute_force_over_channels():
    rng = np.random.default_rng(2)
    instances = [(p, D, P) for p, D, P in rng.uniform(0.0, [1.0, 0.6, 0.5], (25, 3))] + [(0.3, 0.2, 0), (0.3, 0.2, 2.0)]
    error = partial(worst_error, oracle=brute_bernoulli, instances=instances, scale=lambda p, D, P: 1.0)
    assert error(bernoulli.rate) < 1e-9  # the grid ends at steps of 1e-18, the objective is rounded at 1e-16
    assert error(lambda p, D, P: 1.01 * bernoulli.rate(p, D, P)) > 1e-3


@given(masses, points, points, st.floats(0.0, 1.0))
def test_falls_and_is_jointly_convex(p, first, second, weight):
    rate = partial(bernoulli.rate, p)
    assert_falling(rate, first, second, ALLOWANCE)
    assert_convex(rate, first, second, weight, ALLOWANCE)


@given(masses, points, points)
def test_slopes_support_the_surface(p, at, other):
    assert_supported(partial(bernoulli.rate, p), partial(bernoulli.slopes, p), at, other, 4 * ALLOWANCE)


@given(masses, points)
def test_the_channel_meets_both_limits_at_the_rate(p, point):
    D, P = point
    source, rows = np.array([1.0 - p, p]), bernoulli.channel(p, D, P)
    assert (rows >= 0.0).all()
    assert np.abs(rows.sum(axis=1) - 1.0).max() <= 1e-15
    assert source[0] * rows[0, 1] + source[1] * rows[1, 0] <= D + 1e-15
    assert abs(source @ rows[:, 1] - p) <= P + 1e-15
    assert mutual_information(source, rows) == pytest.approx(bernoulli.rate(p, D, P), abs=4 * ALLOWANCE)


@given(masses, points)
def test_swapping_the_symbols_changes_nothing(p, point):
    q = 1.0 - p  # 1 - q is p again only if p is above ½
    assert bernoulli.rate(1.0 - q, *point) == bernoulli.rate(q, *point)
    assert (bernoulli.channel(1.0 - q, *point)[::-1, ::-1] == bernoulli.channel(q, *point)).all() or q == 0.5


def test_ends():
    inf = float("inf")
    for p in (0.0, 1.0):
        assert bernoulli.rate(p, [0.0, 0.5], 0.0).tolist() == [0.0, 0.0]
        assert bernoulli.regime(p, 0.0, 0.0) is Regime.ZERO
        assert bernoulli.slopes(p, 0.0, 0.0) == (0.0, 0.0)
    assert bernoulli.rate(0.5, 0.0, 0.0) == pytest.approx(np.log(2.0), abs=1e-16)
    assert bernoulli.rate(0.3, inf, 0.0) == 0.0
    assert bernoulli.rate(0.5, inf, inf) == 0.0
    assert bernoulli.rate(0.3, 0.1, inf) == bernoulli.rate(0.3, 0.1, 0.3)
    assert bernoulli.slopes(0.3, 0.0, 0.1)[0] == -inf
    assert [bernoulli.regime(0.25, 0.1, P) for P in (0.05, 0.2)] == [Regime.BOTH, Regime.SHANNON]


def test_broadcasts_over_all_arguments():
    p, D, P = np.array([0.2, 0.7])[:, None, None], np.linspace(0, 0.5, 3)[:, None], np.array([0.0, 0.1, 0.4, np.inf])
    table = bernoulli.rate(p, D, P)
    assert table.shape == (2, 3, 4)
    assert table[1, 2, 1] == bernoulli.rate(0.7, 0.5, 0.1)
    assert [slope.shape for slope in bernoulli.slopes(p, D, P)] == [(2, 3, 4)] * 2
    assert np.ndim(bernoulli.rate(0.2, 0.1, 0.1)) == 0


@pytest.mark.parametrize(
    "argument, values",
    [("p", (1.5, 0.1, 0.1)), ("p", (np.nan, 0.1, 0.1)), ("D", (0.5, -0.1, 0.1)), ("P", (0.5, 0.1, [0.1, np.nan])),
     ("D", (0.5, "low", 0.1))],
)  # fmt: skip
def test_malformed_arguments_are_named(argument, values):
    with pytest.raises(InvalidInput) as caught:
        bernoulli.rate(*values)
    assert caught.value.argument == argument


class TestSymbolic:
    D, P = sympy.Symbol("D", nonnegative=True), sympy.Symbol("P", nonnegative=True)
    cells = tuple((Rational(d, 20), Rational(k, 40)) for d in (0, 1, 3, 6, 9) for k in (0, 1, 5, 12, 20))

    @pytest.mark.parametrize("p", [Rational(1, 4), Rational(1, 2), Rational(7, 10), Rational(0)])
    def test_exact_values(self, p):
        for d, limit in self.cells:
            exact = bernoulli.symbolic(p, d, limit)
            assert not exact.has(sympy.Float)
            number = bernoulli.rate(float(p), float(d), float(limit))
            assert float(exact.evalf(30)) == pytest.approx(float(number), abs=4e-16)  # rounding of d and p too

    def test_one_expression_for_all_arguments(self):
        p = sympy.Symbol("p", positive=True)
        expression = bernoulli.symbolic()
        assert expression.free_symbols == {p, self.D, self.P}
        for d, limit in self.cells:
            value = expression.subs({p: Rational(3, 10), self.D: d, self.P: limit})
            assert sympy.simplify(value - bernoulli.symbolic(Rational(3, 10), d, limit)) == 0

    def test_derivatives_are_the_slopes(self):
        expression = bernoulli.symbolic(Rational(1, 4))
        gradient = [sympy.diff(expression, name) for name in (self.D, self.P)]
        regimes = set()
        for d, limit in ((d + Rational(1, 100), limit + Rational(1, 100)) for d, limit in self.cells):
            regimes.add(bernoulli.regime(0.25, float(d), float(limit)))
            for slope, numeric in zip(gradient, bernoulli.slopes(0.25, float(d), float(limit)), strict=True):
                exact = float(slope.subs({self.D: d, self.P: limit}).evalf(30))
                assert numeric == pytest.approx(exact, abs=1e-14)  # rounding of d, where R curves most: 1/d < 100
        assert regimes == set(Regime)

    def test_latex(self):
        assert r"\log" in sympy.latex(bernoulli.symbolic())

    def test_a_mass_outside_the_unit_interval(self):
        with pytest.raises(InvalidInput):
            bernoulli.symbolic(Rational(3, 2))


def test_shapes_that_do_not_broadcast_and_a_missing_package_are_one_sentence(monkeypatch):
    with pytest.raises(InvalidInput, match="must have shapes that broadcast to one"):
        bernoulli.rate([0.1, 0.2], [0.1, 0.2, 0.3], 0.0)
    for value in (True, "p", [0.5], sympy.nan, sympy.I):
        with pytest.raises(InvalidInput, match="p = "):
            bernoulli.symbolic(p=value)
    monkeypatch.setitem(sys.modules, "sympy", None)
    with pytest.raises(MissingPackage, match=r"pip install 'rdptheory\[symbolic\]'"):
        bernoulli.symbolic()
