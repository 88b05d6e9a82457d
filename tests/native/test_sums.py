"""The compiled sums of the judge: the formulas of docs/method.md again in numpy, and in 50 digits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory._native import Tables
from tests import oracles

UNIT = 2.0**-53


def _drawn(seed, n, m, K, barred):
    """A law, tables with row minima 0, limits of which one forbids, a dual point and an array of any sign."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(n, 0.3)) + 1e-300
    d = [np.maximum(0.0, 10.0 ** rng.uniform(-3, 3) * (table := rng.uniform(-0.2, 1.0, (n, m)))) for _ in range(K)]
    assert table.shape == (n, m)
    if barred:
        d = [np.where(rng.random((n, m)) < 0.2, np.inf, table) for table in d]
    limits = [0.0 if k == 1 else float(rng.uniform(0.1, 2.0)) for k in range(K)]
    f, s = rng.normal(0.0, 10.0 ** rng.uniform(-2, 2.5), n), 10.0 ** rng.uniform(-3, 3, K)
    s[rng.random(K) < 0.1] = 0.0
    channel = rng.uniform(-0.3, 1.0, (n, m)) * 10.0 ** rng.uniform(-200, 200, (n, 1))
    channel[rng.random(n) < 0.2] = 0.0
    return p, d, limits, f, s, channel


def _column_sums(p, d, limits, f, s):
    """The formula, entry by entry in numpy: the sums, and the size of their rounding."""
    cost = np.zeros(d[0].shape)
    for slope, table, limit in zip(s, d, limits, strict=True):
        if limit == 0.0:
            cost[table > 0.0] = np.inf
        elif slope > 0.0:
            cost += np.minimum(slope * np.where(np.isinf(table), 0.0, table), 1e300)
        cost[np.isinf(table)] = np.inf
    exponent = f[:, None] - cost
    top = exponent.max(axis=0)
    reached = np.isfinite(top)
    weight = np.exp(exponent - np.where(reached, top, 0.0)) * p[:, None]
    total = np.where(reached, weight.sum(axis=0), 1.0)
    paid = np.where(np.isinf(cost), 0.0, cost)
    size = ((2.0 * np.abs(f)[:, None] + (len(d) + 8.0) * paid) * weight).sum(axis=0) / total
    logs = np.where(reached, np.where(reached, top, 0.0) + np.log(total), -np.inf)
    return logs, size + p.size + 16.0 + 2.0 * np.abs(np.where(reached, top, 0.0)) + 4.0 * np.abs(np.log(total))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.integers(1, 3), st.booleans())
def test_column_sums_are_those_of_the_formula_within_their_own_slack(seed, n, m, K, barred):
    p, d, limits, f, s, _ = _drawn(seed, n, m, K, barred)
    logs, slack, mean, size_f = Tables(p, d, limits).column_sums(f, s)
    assert mean == pytest.approx(float(p @ f), abs=4 * UNIT * n * size_f)
    assert size_f == pytest.approx(float(p @ np.abs(f)), rel=4 * UNIT * n)
    expected, size = _column_sums(p, d, limits, f, s)
    reached = np.isfinite(expected)
    np.testing.assert_array_equal(np.isfinite(logs), reached)
    assert (slack[~reached] == 0.0).all()
    assert (
        np.abs(logs[reached] - expected[reached]) <= 2.0 * slack[reached]
    ).all()  # each side may be off by its slack
    np.testing.assert_allclose(slack[reached], UNIT * size[reached], rtol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 5))
def test_column_sums_are_within_their_slack_of_50_digits(seed, n, m):
    p, d, limits, f, s, _ = _drawn(seed, n, m, 1, False)
    logs, slack, _, _ = Tables(p, d, limits).column_sums(f, s)
    mp = oracles.mp
    for j in range(m):
        exact = mp.log(
            mp.fsum(
                mp.mpf(a) * mp.exp(mp.mpf(b) - mp.mpf(s[0]) * mp.mpf(c))
                for a, b, c in zip(p, f, d[0][:, j], strict=True)
            )
        )
        assert abs(exact - mp.mpf(logs[j])) <= slack[j]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.integers(1, 3), st.booleans())
def test_rows_and_their_means_and_information(seed, n, m, K, barred):
    p, d, limits, _, _, channel = _drawn(seed, n, m, K, barred)
    tables = Tables(p, d, limits)
    shut = np.any([np.isinf(table) for table in d], axis=0)
    kept = np.where(shut, 0.0, np.maximum(channel, 0.0))
    rows = tables.rows(channel)
    if not kept.any():
        assert rows is None
        return
    scaled = kept / np.maximum(kept.max(axis=1, keepdims=True), 1e-300)
    empty = scaled.max(axis=1) <= 0.0
    spread = np.where(shut, 0.0, 1.0) if shut.any() else np.tile(p @ scaled, (n, 1))
    with np.errstate(invalid="ignore"):  # a row that may go nowhere has no law
        expected = np.where(empty[:, None], spread, scaled)
        expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(rows, expected, rtol=8 * UNIT * m, atol=0.0)
    if not np.isfinite(expected).all():
        return
    law, spent, information, same = tables.weigh(rows)
    assert same == bool((rows == rows[0]).all())
    np.testing.assert_allclose(law, p @ rows, rtol=4 * UNIT * n)
    paid = [float((p[:, None] * rows * np.where(np.isinf(table), 0.0, table)).sum()) for table in d]
    np.testing.assert_allclose(spent, paid, rtol=4 * UNIT * (n + m))
    exact = float(oracles.information(p / p.sum(), rows))
    assert abs(information - exact) <= 2.0 * UNIT * (n + m + 16) * (exact + 1.0) + 1e-15


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_array_with_an_entry_that_is_no_number_has_no_rows(bad):
    channel = np.full((2, 2), 0.5)
    channel[1, 0] = bad
    assert Tables(np.full(2, 0.5), [1.0 - np.eye(2)], [0.1]).rows(channel) is None
    assert Tables(np.full(2, 0.5), [1.0 - np.eye(2)], [0.1]).rows(np.zeros((2, 2))) is None
