from functools import partial

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from sympy import Rational

from rdptheory.closed_forms import ALLOWANCE, Regime, bernoulli, uniform_discrete
from rdptheory.errors import InvalidInput
from rdptheory.information import mutual_information
from tests.closed_forms.checks import assert_convex, assert_falling, assert_supported, worst_error
from tests.closed_forms.oracles import printed_uniform

sizes = st.integers(1, 300)
points = st.tuples(st.floats(0.0, 1.2), st.floats(0.0, 1.2))


def test_within_a_quarter_of_the_allowance_of_sixty_digits():
    rng = np.random.default_rng(1)
    instances = []
    for _ in range(300):
        m = int(rng.choice([2, 3, 2 ** rng.integers(1, 40), rng.integers(2, 2000)]))
        close = 1.0 - 10 ** rng.uniform(-16, -1)
        instances += [(m, float(D), 0.1) for D in (0.0, 10 ** rng.uniform(-15, 0), (1 - 1 / m) * close, rng.uniform())]
    error = partial(worst_error, oracle=printed_uniform, instances=instances, scale=lambda m, D, P: np.log(m))
    assert error(uniform_discrete.rate) <= ALLOWANCE / 4
    assert error(lambda *at: 1.01 * uniform_discrete.rate(*at)) > 1e12 * ALLOWANCE


def least_information(m, D, P):
    """The least I(X;Y) over m x m channels with P(X ≠ Y) <= D, and p_Y = p_X if P = 0, by a local search."""
    law = np.full(m, 1.0 / m)
    start = 0.5 * np.eye(m) + 0.5 * np.random.default_rng(m).dirichlet(np.ones(m), m)
    start = (1.0 - D) * np.eye(m) + D * start
    limits = [
        {"type": "eq", "fun": lambda x: x.reshape(m, m).sum(axis=1) - 1.0},
        {"type": "ineq", "fun": lambda x: D - 1.0 + np.trace(x.reshape(m, m)) / m},
    ]
    if P == 0.0:
        limits.append({"type": "eq", "fun": lambda x: (law @ x.reshape(m, m) - law)[1:]})

    def information(x):
        return mutual_information(law, np.maximum(x, 1e-12).reshape(m, m))

    found = minimize(information, start.ravel(), method="SLSQP", bounds=[(1e-9, 1.0)] * m * m, constraints=limits,
                     options={"ftol": 1e-13, "maxiter": 300})  # fmt: skip
    assert found.success
    return found.fun


def test_against_a_search_over_channels():
    instances = [(2, 0.1, 0.0), (3, 0.2, 0.0), (3, 0.2, np.inf), (3, 0.6, np.inf), (4, 0.3, np.inf)]
    error = partial(worst_error, oracle=least_information, instances=instances, scale=lambda *at: 1.0)
    assert error(uniform_discrete.rate) < 1e-6  # the search differentiates numerically
    assert error(lambda *at: 1.01 * uniform_discrete.rate(*at)) > 1e-3


@given(sizes, points, points, st.floats(0.0, 1.0))
def test_falls_and_is_jointly_convex(m, first, second, weight):
    rate, slopes = partial(uniform_discrete.rate, m), partial(uniform_discrete.slopes, m)
    tolerance = ALLOWANCE * np.log(max(m, 2))
    assert_falling(rate, first, second, tolerance)
    assert_convex(rate, first, second, weight, tolerance)
    assert_supported(rate, slopes, first, second, 4 * tolerance)


@given(sizes, st.floats(0.0, 1.2))
def test_the_channel_meets_the_limit_at_the_rate(m, D):
    law, rows = np.full(m, 1.0 / m), uniform_discrete.channel(m, D)
    assert (rows >= 0.0).all()
    assert np.abs(rows.sum(axis=1) - 1.0).max() <= 1e-13
    assert 1.0 - np.trace(rows) / m <= D + 1e-15
    assert np.abs(law @ rows - law).max() <= 1e-15
    assert mutual_information(law, rows) == pytest.approx(uniform_discrete.rate(m, D), abs=1e-13)


def test_two_symbols_are_a_fair_coin():
    D, P = np.linspace(0.0, 0.7, 15)[:, None], np.array([0.0, 0.2, np.inf])
    assert uniform_discrete.rate(2, D, P) == pytest.approx(bernoulli.rate(0.5, D, P), abs=ALLOWANCE)


def test_ends():
    assert uniform_discrete.rate(7, 0.0) == pytest.approx(np.log(7.0), abs=1e-15)
    assert uniform_discrete.rate(1, [0.0, 1.0]).tolist() == [0.0, 0.0]
    assert uniform_discrete.slopes(1, 0.0) == (0.0, 0.0)
    assert uniform_discrete.slopes(3, 0.0) == (-np.inf, 0.0)
    assert uniform_discrete.rate(3, np.inf) == 0.0
    assert uniform_discrete.rate(3, [[0.1], [0.2]], [0.0, 0.5, np.inf]).shape == (2, 3)
    assert [uniform_discrete.regime(4, D) for D in (0.7, 0.75)] == [Regime.SHANNON, Regime.ZERO]


@pytest.mark.parametrize(
    "argument, values", [("m", (0, 0.1)), ("m", (2.0, 0.1)), ("D", (2, -0.1)), ("P", (2, 0.1, -1))]
)
def test_malformed_arguments_are_named(argument, values):
    with pytest.raises(InvalidInput) as caught:
        uniform_discrete.rate(*values)
    assert caught.value.argument == argument


def test_symbolic():
    m, D = sympy.Symbol("m", integer=True, positive=True), sympy.Symbol("D", nonnegative=True)
    expression = uniform_discrete.symbolic()
    assert expression.free_symbols == {m, D}
    assert r"\log" in sympy.latex(expression)
    for size, d in ((2, Rational(1, 10)), (3, Rational(3, 5)), (5, Rational(9, 10)), (4, Rational(0))):
        exact = uniform_discrete.symbolic(size, d)
        assert not exact.has(sympy.Float)
        assert sympy.simplify(expression.subs({m: size, D: d}) - exact) == 0
        assert float(exact.evalf(30)) == pytest.approx(float(uniform_discrete.rate(size, float(d))), abs=4e-16)
        if d > 0:
            slope = sympy.diff(expression, D).subs({m: size, D: d}).evalf(30)
            assert float(slope) == pytest.approx(float(uniform_discrete.slopes(size, float(d))[0]), abs=1e-14)
