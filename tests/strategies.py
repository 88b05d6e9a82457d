"""Random laws, tables, problems: ordinary ones, and those with masses at or next to zero."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from rdptheory import Pmf, Table
from rdptheory.divergences import F_DIVERGENCES
from rdptheory.problems import Problem

DIVERGENCES = st.sampled_from(F_DIVERGENCES)
RADII = st.one_of(st.sampled_from([0.0, 1e-6, 0.05]), st.floats(1e-9, 2.0))
"""Limits P around which the balls change character."""


def weights(*, zero: bool = True, tiny: bool = True) -> st.SearchStrategy[float]:
    """One unnormalised mass."""
    kinds = [st.floats(0.01, 1.0)] * 4
    if zero:
        kinds.append(st.just(0.0))
    if tiny:
        kinds.append(st.floats(-15.0, -6.0).map(lambda exponent: 10.0**exponent))
    return st.one_of(*kinds)


def laws(n: int, *, zero: bool = True, tiny: bool = True) -> st.SearchStrategy[np.ndarray]:
    """A law on n symbols, shape (n,)."""
    masses = st.lists(weights(zero=zero, tiny=tiny), min_size=n, max_size=n).map(np.array)
    return masses.filter(lambda w: w.max() > 1e-3).map(lambda w: w / w.sum())


def vectors(n: int, *, size: float = 5.0) -> st.SearchStrategy[np.ndarray]:
    """Any vector with nine decimals, shape (n,)."""
    return st.lists(st.floats(-size, size), min_size=n, max_size=n).map(lambda x: np.round(x, 9))


def matrices(n: int, m: int, *, low: float = 0.0, high: float = 1.0) -> st.SearchStrategy[np.ndarray]:
    """Any matrix with entries in [low, high], shape (n, m)."""
    return st.lists(st.floats(low, high), min_size=n * m, max_size=n * m).map(lambda x: np.array(x).reshape(n, m))


@st.composite
def problems(draw: st.DrawFn, *, most: int = 4) -> Problem:
    """A question with an f-divergence on a square table with zeros on the diagonal, so that every D, P is feasible."""
    n = draw(st.integers(2, most))
    table = draw(matrices(n, n))
    np.fill_diagonal(table, 0.0)
    D = draw(st.one_of(st.just(0.0), st.floats(1e-3, 0.6)))
    return Problem(Pmf.from_weights(draw(laws(n))), Table(table), draw(DIVERGENCES), D, draw(RADII))


def random_problem(rng: np.random.Generator, divergence: object, *, most: int = 6) -> Problem:
    """An ordinary question for a comparison with a slow oracle: 2 to `most` symbols, rates well above 0."""
    n = int(rng.integers(2, most + 1))
    p = rng.dirichlet(np.ones(n)) * 0.9 + 0.1 / n
    points = np.sort(rng.normal(size=n))
    table = (points[:, None] - points) ** 2
    D = float((p @ table).min() * rng.uniform(0.1, 0.7))
    P = float(rng.choice([0.0, 0.003, 0.03, 0.1]))
    return Problem(Pmf.from_weights(p, points), Table(table), divergence, D, P if divergence else float("inf"))
