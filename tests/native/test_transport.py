"""What divergences of optimal transport are made of, against its formulas in numpy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rdptheory._native import Tangents
from rdptheory.couplings import monotone_plan

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(1, 9))
def test_the_monotone_plan_is_that_of_the_two_quantile_functions(seed, n):
    rng = np.random.default_rng(seed)
    first, second = (rng.multinomial(8, rng.dirichlet(np.ones(n))) / 8.0 for _ in range(2))  # cuts that meet, and zeros
    line = rng.permutation(n).astype(float)
    i, j, mass = monotone_plan(first, second, line)
    order = np.argsort(line)
    upper, lower = np.cumsum(first[order]), np.cumsum(second[order])
    cuts = np.union1d(upper, lower)
    np.testing.assert_array_equal(mass, np.diff(cuts, prepend=0.0))
    np.testing.assert_array_equal(i, order[np.searchsorted(upper, cuts)])
    np.testing.assert_array_equal(j, order[np.searchsorted(lower, cuts)])
    assert monotone_plan(first, np.full(n, np.nan), line)[2].size == 0


@given(SEEDS, st.integers(1, 5), st.integers(1, 9))
def test_mass_goes_to_the_first_of_the_best_places(seed, k, m):
    rng = np.random.default_rng(seed)
    v, cost = rng.integers(0, 3, m).astype(float), rng.integers(0, 3, (k, m)).astype(float)
    t, q = float(rng.integers(0, 3)), rng.multinomial(8, rng.dirichlet(np.ones(k))) / 8.0
    mean, spent, law = Tangents(v, q, cost)(t)
    chosen = (v - t * cost).argmax(axis=1)
    assert (mean, spent) == (q @ (v - t * cost).max(axis=1), q @ cost[np.arange(k), chosen])  # all exact in float64
    np.testing.assert_array_equal(law, np.bincount(chosen, weights=q, minlength=m))
