"""The compiled interior point of pairs on a line against the conditions of its optimum, written out in numpy."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import Gaussian, Laplace, discretise
from rdptheory.solvers.line import search as line
from rdptheory.solvers.line.atoms import Point, first
from rdptheory.solvers.line.interior import Ended, centre
from rdptheory.solvers.line.pairs import Pairs

END = 1e-8
CLOSE = 20.0 * END
"""What may be missed: three full steps at the last goal end the iteration, at 5e-8 in the worst of 600 programs."""
SEEDS = st.integers(0, 2**32 - 1)


def pairs_of(seed: int, P: float | None) -> Pairs:
    """Centred laws of variance 1 on 2 to 7 letters; rates well above 0 and below the entropies' reach of the line."""
    rng = np.random.default_rng(seed)

    def law(size: int) -> tuple[np.ndarray, np.ndarray]:
        p = rng.dirichlet(np.ones(size)) + 0.02
        p, x = p / p.sum(), np.cumsum(rng.uniform(0.2, 1.0, size))
        x -= p @ x
        return p, x / np.sqrt(p @ x**2)

    (p, x), (q, y) = (law(int(size)) for size in rng.integers(2, 8, 2))
    return Pairs(p, x, q, y, np.array([0.1, 0.1 + rng.uniform(0.0, 0.2)]), P)


def started(pairs: Pairs) -> Point:
    """Atoms that are always enough: one in the middle needs no rate."""
    means = np.union1d(np.linspace(*pairs.ends, 14)[1:-1], 0.0)
    return first(pairs, 0.5 if pairs.P is not None else 1.0, means)


def missed(pairs: Pairs, point: Point) -> float:
    """The worst of the conditions in the head of `interior.py`, each in units of the objective, and of C s > 0."""
    n, m, price = pairs.n, point.means[:, None], point.price(pairs)
    A, B, weights = point.masses[:, :n], point.masses[:, n:], point.weights[:, None]
    first_side = price.alpha * np.log(A / (weights * pairs.p)) - price.mu + point.offsets[:, :1]
    first_side -= point.tilts[:, None] * (pairs.x - m)
    second = (
        price.beta * np.log(B / (weights * pairs.q)) - price.nu + point.offsets[:, 1:] - 2.0 * price.w * m * pairs.y
    )
    rates = (A * np.log(A / (weights * pairs.p))).sum(), (B * np.log(B / (weights * pairs.q))).sum()
    k = B @ pairs.y / point.weights
    pulled = (point.tilts - 2.0 * price.w * k - 2.0 * (1.0 - price.w) * point.means)[point.moving]
    products = point.masses * point.slacks, point.signed * point.left
    conditions = [
        A * (first_side - point.slacks[:, :n]),
        B * (second - point.slacks[:, n:]),
        A.sum(axis=1) - point.weights,
        B.sum(axis=1) - point.weights,
        (A * (pairs.x - m)).sum(axis=1),
        point.weights * (point.offsets.sum(axis=1) + (1.0 - price.w) * point.means**2),
        A.sum(axis=0) - pairs.p,
        B.sum(axis=0) - pairs.q,
        np.array([price.alpha, price.beta]) * (rates - pairs.rates + point.left[:2]),
        pulled * point.weights[point.moving],
        np.array([sum(product.sum() for product in products)]),
    ]
    if pairs.P is not None:
        kept = pairs.spread - pairs.P / (1.0 - price.w) ** 2 - point.weights @ (2.0 * point.means * k - point.means**2)
        conditions.append(price.w * np.array([kept + point.left[2]]))
    assert all((product > 0.0).all() for product in products)
    return max(float(np.abs(condition).max(initial=0.0)) for condition in conditions)


@settings(max_examples=60)
@given(SEEDS, st.sampled_from([None, 0.1]))
def test_the_optimum_keeps_every_condition(seed, P):
    pairs = pairs_of(seed, P)
    ended = centre(pairs, started(pairs), END, 120)
    assert ended.gap <= END
    assert missed(pairs, ended.point) <= CLOSE
    assert not ended.point.moving.any()
    np.testing.assert_array_equal(ended.point.means, started(pairs).means)


@pytest.mark.parametrize("P", [None, 0.1])
def test_atoms_follow_their_valleys(monkeypatch, P):
    """Where a round of a search settles, every mean that moves is where its valley ends: θ = 2 w k + 2 (1-w) m."""
    settled = []

    def kept(pairs: Pairs, point: Point, end: float, most: int) -> Ended:
        ended = centre(pairs, point, end, most)
        if point.moving.any() and max(ended.gap, ended.missed) <= 1e-7:
            settled.append((pairs, ended.point, point))
        return ended

    monkeypatch.setattr(line, "centre", kept)
    for seed in range(6):
        line.search(pairs_of(seed, P), 0.5, 1e-9, 80, lambda *plan: (np.inf, plan), lambda *ends: None)
    assert len(settled) >= 6
    for pairs, point, begun in settled:
        assert missed(pairs, point) <= 1e-5  # means are known to the root of what the gap leaves
        assert (point.means != begun.means)[point.moving].any()
        np.testing.assert_array_equal(point.means[~point.moving], begun.means[~point.moving])
        off = replace(point, tilts=point.tilts + 0.01 * point.moving)
        assert missed(pairs, off) > 1e-4


def test_a_price_that_is_off_is_seen():
    pairs = pairs_of(1, None)
    point = centre(pairs, started(pairs), END, 120).point
    for name in ("prices", "tilts", "masses", "signed"):
        assert missed(pairs, replace(point, **{name: 1.001 * getattr(point, name)})) > 1e-5, name


def test_going_on_is_going_further():
    pairs = pairs_of(2, 0.1)
    half = centre(pairs, started(pairs), END, 5)
    assert half.steps == 5
    assert max(half.gap, half.missed) > END
    whole = centre(pairs, started(pairs), END, 120)
    rest = centre(pairs, half.point, END, 120)
    np.testing.assert_allclose(rest.point.weights, whole.point.weights, rtol=0.0, atol=1e-5)  # the root of the gap


def test_a_state_that_is_no_number_ends_at_once():
    pairs = pairs_of(3, None)
    point = started(pairs)
    point.prices[0] = np.nan
    assert centre(pairs, point, END, 120).steps == 0


def test_a_point_depends_on_its_own_program_alone():
    programs = [pairs_of(seed, P) for seed in range(4, 8) for P in (None, 0.1)]

    def bits(pairs: Pairs) -> bytes:
        return centre(pairs, started(pairs), END, 120).point.masses.tobytes()

    alone = [bits(pairs) for pairs in programs]
    with ThreadPoolExecutor(2) as pool:
        assert [*pool.map(bits, programs[::-1])][::-1] == alone


@pytest.mark.parametrize("n", [12, 14, 16, 20])
def test_atoms_in_use_leave_their_digits_to_the_others(n):
    """Next to Gaussian laws, where many weights are as good as each other: divided by their pivots they left 1e-9."""
    laws = [discretise(law, n) for law in (Gaussian(0.0, 1.0), Laplace(0.0, 1.0))]
    p, q = (law.probabilities for law in laws)
    x, y = (law.points.ravel() / np.sqrt(law.probabilities @ law.points.ravel() ** 2) for law in laws)
    pairs = Pairs(p, x, q, y, np.array([0.5, 0.8]))
    ended = centre(pairs, first(pairs, 1.0, np.linspace(*pairs.ends, 42)[1:-1]), 1e-11, 120)
    assert ended.gap <= 1e-11
    assert np.abs(pairs.law - ended.point.masses.sum(axis=0)).sum() <= 1e-11
