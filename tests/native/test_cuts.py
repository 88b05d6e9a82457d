"""The compiled search over sets of cuts against all sets of cuts."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy.optimize import linprog

from rdptheory._native import BoundedCuts, bound_cuts

CONSTANT, FREE = 2.0, 1e-9


def nodes(rng: np.random.Generator, count: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Costs and entropies of cells, a quarter of them missing, and last slots."""
    cost, surprise = -rng.random((count, size, size)), rng.random((count, size, size))
    cost[rng.random(cost.shape) < 0.25] = np.inf
    return cost, surprise, rng.integers(1, size, count)


def bounded(cost, surprise, end, R: float, prices=None, enough: float = np.inf) -> BoundedCuts:
    start = np.ones(end.size) if prices is None else prices
    settings = {"constant": CONSTANT, "R": R, "steps": 200, "least": FREE, "rounding": 0.0, "enough": enough}
    return bound_cuts(cost, surprise, end, start, **settings)


def spent(table: np.ndarray, slots) -> float:
    return float(sum(table[j, i] for i, j in pairwise(slots)))


def every_set(cost: np.ndarray, surprise: np.ndarray, end: int) -> np.ndarray:
    """(cost, surprise) of all sets of cuts that there are."""
    sets = [(0, *inner, end) for size in range(end) for inner in combinations(range(1, end), size)]
    pairs = np.array([(spent(cost, cuts), spent(surprise, cuts)) for cuts in sets])
    return pairs[np.isfinite(pairs[:, 0])]


@pytest.mark.parametrize("seed", range(20))
def test_the_bound_is_the_convex_envelope_over_all_sets(seed: int) -> None:
    """The least mean cost of a mixture of sets whose mean surprise is R at most: a linear program."""
    rng = np.random.default_rng(seed)
    cost, surprise, end = nodes(rng, 6, 7)
    R = float(rng.uniform(0.2, 2.0))
    found = bounded(cost, surprise, end, R, rng.uniform(0.0, 2.0, 6))
    for b in range(6):
        every = every_set(cost[b], surprise[b], int(end[b]))
        if not every.size:
            assert found.bounds[b] == np.inf
            continue
        if every[:, 1].min() > R:
            continue  # no set keeps the rate: the bound may grow for ever
        mixture = linprog(every[:, 0], A_ub=[every[:, 1]], b_ub=[R], A_eq=[np.ones(len(every))], b_eq=[1.0])
        assert found.bounds[b] == pytest.approx(CONSTANT + mixture.fun, abs=1e-9)
        lam = found.prices[b]
        assert CONSTANT + (every @ [1.0, lam]).min() - lam * R == pytest.approx(found.bounds[b], abs=1e-12)
        for slots, kept in ((found.low[b], True), (found.high[b], False)):
            if slots.size:
                assert slots[0] == 0
                assert slots[-1] == end[b]
                assert np.isfinite(spent(cost[b], slots))
                assert (spent(surprise[b], slots) <= R) is kept


def test_a_bound_that_is_enough_is_not_raised() -> None:
    rng = np.random.default_rng(0)
    cost, surprise, end = nodes(rng, 40, 7)
    best = bounded(cost, surprise, end, 1.0).bounds
    enough = float(np.median(best[np.isfinite(best)]))
    few = bounded(cost, surprise, end, 1.0, enough=enough).bounds
    assert (few <= best).all(), "a valid bound too"
    assert ((few >= enough) == (best >= enough)).all(), "what can reach it does"
    assert (few < best - 1e-6).any(), "and stops there"
