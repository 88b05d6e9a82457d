"""What the checks share: random laws and codes, conditional means, transport on a line, the best quantiser."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from math import log
from typing import NamedTuple

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.couplings import optimal_transport
from rdptheory.distortions import SquaredError
from rdptheory.divergences import (
    F_DIVERGENCES,
    Divergence,
    KullbackLeibler,
    TotalVariation,
    Wasserstein1,
    Wasserstein2Squared,
)
from rdptheory.information import entropy
from rdptheory.sources import Bernoulli, DiscreteSource, Gaussian, Pmf
from rdptheory.theorems.given import NOTHING, Given

__all__ = [
    "DIVERGENCES",
    "KL",
    "TV",
    "W2",
    "Scheme",
    "best_encoder",
    "best_encoders",
    "channel",
    "coin",
    "coupling",
    "cut_encoder",
    "law",
    "line_transport",
    "means",
    "needs",
    "on_line",
    "posterior",
    "quantisation",
    "scheme",
    "scheme_distortion",
    "source",
    "squared",
    "squared_transport",
    "variance",
]

TV, W2, KL = TotalVariation(), Wasserstein2Squared(), KullbackLeibler()  # under the names of the papers
DIVERGENCES: tuple[Divergence, ...] = (*F_DIVERGENCES, Wasserstein1(), Wasserstein2Squared())
"""The divergences that are convex in their second argument: all of the package."""

LIGHTEST = 1e-12  # mass of a user's symbol: quantile scales are cut between such
ALIKE = 1e-12  # relative: what encoders of one distortion differ by
LARGEST = 8  # symbols of a user's source: the checks try all quantisers, 2^7 sets of cuts here


def law(rng: np.random.Generator, n: int) -> FloatArray:
    """A law on n symbols, none rarer than 0.1/n."""
    return np.asarray(0.9 * rng.dirichlet(np.ones(n)) + 0.1 / n)


def source(
    rng: np.random.Generator, most: int = 4, *, given: Given = NOTHING, exactly: int | None = None
) -> DiscreteSource:
    """The source that was given, or one on 2 to `most` distinct points of a line."""

    def drawn() -> DiscreteSource:
        n = int(rng.integers(2, most + 1))
        return Pmf.from_weights(law(rng, n), np.cumsum(rng.uniform(0.3, 1.5, n)))

    size = f"{exactly}" if exactly else f"2 to {LARGEST}"
    return given.part(
        "source",
        DiscreteSource,
        drawn,
        f"a finite source on {size} distinct points of a line, each of mass {LIGHTEST:g} or more (the check tries all "
        "quantisers)",
        lambda mine: on_line(mine) and (mine.size == exactly if exactly else 2 <= mine.size <= LARGEST),
    )


def on_line(mine: DiscreteSource) -> bool:
    """Whether the points are distinct real numbers and all have a mass that is seen beside the others'."""
    distinct = mine.points.ndim == 1 and np.unique(mine.points).size == mine.size
    return bool(distinct and mine.probabilities.min() >= LIGHTEST)


def coin(given: Given, drawn: Callable[[], float]) -> float:
    """The p <= ½ of the Bernoulli source that was given, or a drawn one."""
    return given.part(
        "source",
        Bernoulli,
        lambda: Bernoulli(drawn()),
        "Bernoulli(p) with 0 < p <= ½",
        lambda mine: 0.0 < mine.p <= 0.5,
    ).p


def variance(given: Given, drawn: Callable[[], float]) -> float:
    """The variance of the Gaussian that was given, or a drawn one."""
    return given.part("source", Gaussian, lambda: Gaussian(0.0, drawn()), "a scalar Gaussian source").variance


def needs(given: Given, *distortions: type) -> None:
    """Refuse a distortion that the statement is not about."""
    names = " or ".join(f"{kind.__name__}()" for kind in distortions)
    given.part("distortion", distortions, lambda: None, names)


def channel(rng: np.random.Generator, n: int, m: int) -> FloatArray:
    """A random p(z|x), shape (n, m)."""
    return rng.dirichlet(np.ones(m), size=n)


def coupling(rng: np.random.Generator, p: FloatArray, q: FloatArray) -> FloatArray:
    """A random joint law of shape (n, m) with marginals p and q: a corner mixed with the product."""
    corner = optimal_transport(p, q, rng.normal(size=(p.size, q.size))).plan
    assert corner is not None
    share = rng.uniform()
    return np.asarray(share * corner + (1.0 - share) * np.outer(p, q))


def posterior(p: FloatArray, encoder: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(p(z), p(x|z)) of shapes (k,), (k, n), for the symbols z that occur."""
    z = p @ encoder
    held = z > 0.0
    return z[held], (p[:, None] * encoder[:, held] / z[held]).T


def squared(x: FloatArray, y: FloatArray) -> FloatArray:
    """‖x - y‖² for points (n,) or (n, k) and (m,) or (m, k)."""
    a, b = x.reshape(len(x), -1), y.reshape(len(y), -1)
    return np.asarray(np.square(a[:, None] - b).sum(axis=2))


def means(p: FloatArray, x: FloatArray, encoder: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """(p(z), E[X|z], E‖X - E[X|Z]‖²)."""
    z, back = posterior(p, encoder)
    centre = back @ x
    return z, centre, float(z @ (back * squared(centre, x)).sum(axis=1))


def line_transport(x: FloatArray, p: FloatArray, y: FloatArray, q: FloatArray) -> float:
    """W2² between laws on two sets of points of a line, by the monotone coupling."""
    left, right = np.argsort(x, kind="stable"), np.argsort(y, kind="stable")
    F, G = (np.minimum(np.cumsum(masses), 1.0) for masses in (p[left], q[right]))
    F[-1] = G[-1] = 1.0
    cuts = np.union1d(F, G)
    i, j = np.searchsorted(F, cuts), np.searchsorted(G, cuts)
    return float(np.diff(cuts, prepend=0.0) @ (x[left][i] - y[right][j]) ** 2)


def squared_transport(x: FloatArray, p: FloatArray, y: FloatArray, q: FloatArray) -> float:
    """W2² between laws on points of R^k: monotone on a line, else the linear program."""
    if x.ndim == 1:
        return line_transport(x, p, y, q)
    cost = squared(x, y)
    plan = optimal_transport(p, q, cost).plan
    assert plan is not None
    return float(np.vdot(plan, cost))


class Scheme(NamedTuple):
    """X - Z - Y: a source, an encoder p(z|x), a decoder p(y|z) and the points y."""

    source: DiscreteSource
    encoder: FloatArray
    decoder: FloatArray
    y: FloatArray

    @property
    def output(self) -> FloatArray:
        """Law of Y."""
        return np.asarray(self.source.probabilities @ self.encoder @ self.decoder)


def scheme(rng: np.random.Generator, given: Given = NOTHING, *, dimension: int = 1, match: bool = False) -> Scheme:
    """A random encoder and decoder of a random source, or the given one; with `match` Y has the law of X."""
    needs(given, SquaredError)
    n, k = int(rng.integers(2, 5)), int(rng.integers(2, 4))
    shape = (n,) if dimension == 1 else (n, dimension)
    x = rng.normal(size=shape)
    p = law(rng, n)
    if given.source is not None:
        mine = source(rng, given=given)
        n, p, x, shape = mine.size, mine.probabilities, mine.points, mine.points.shape
    encoder = channel(rng, n, k) if rng.uniform() < 0.7 else np.eye(k)[rng.permutation(np.arange(n) % k)]
    z = p @ encoder
    if match:
        plan = coupling(rng, z[z > 0.0], p)
        decoder = np.full((k, n), 1.0 / n)
        decoder[z > 0.0] = plan / plan.sum(axis=1, keepdims=True)
        return Scheme(Pmf.from_weights(p, x), encoder, decoder, x)
    m = int(rng.integers(2, 5))
    return Scheme(Pmf.from_weights(p, x), encoder, channel(rng, k, m), rng.normal(size=(m, *shape[1:])))


def scheme_distortion(code: Scheme) -> float:
    """E‖X - Y‖² from the joint law of (X, Y)."""
    joint = code.source.probabilities[:, None] * (code.encoder @ code.decoder)
    return float(np.vdot(joint, squared(code.source.points, code.y)))


def best_encoders(p: FloatArray, x: FloatArray, R: float) -> tuple[float, list[FloatArray]]:
    """(D_mse(R), each p(z|x)) of a law on a line: the least E(X - E[X|Z])² over encoders with H(Z) <= R nats.

    Cells are intervals of the quantile scale, with all cuts at jumps but at most one, which splits an atom so that
    H(Z) = R. All of them are tried; a symmetric law has two that are best.
    """
    order = np.argsort(x)
    masses, points = p[order], x[order]
    ends = np.concatenate(([0.0], np.cumsum(masses)))
    ends[-1] = 1.0
    tried = []
    for size in range(p.size):
        for jumps in itertools.combinations(ends[1:-1], size):
            for cuts in _with_split(np.array([0.0, *jumps, 1.0]), ends, R):
                encoder = cut_encoder(ends, cuts)
                tried.append((means(masses, points, encoder)[2], encoder))
    least = min(value for value, _ in tried)
    back = np.argsort(order)
    return least, [encoder[back] for value, encoder in tried if value <= least * (1.0 + ALIKE)]


def best_encoder(p: FloatArray, x: FloatArray, R: float) -> tuple[float, FloatArray]:
    """(D_mse(R), p(z|x)): the first of `best_encoders`."""
    least, encoders = best_encoders(p, x, R)
    return least, encoders[0]


def quantisation(p: FloatArray, x: FloatArray, R: float) -> float:
    """D_mse(R): see `best_encoder`."""
    return best_encoder(p, x, R)[0]


def cut_encoder(ends: FloatArray, cuts: FloatArray) -> FloatArray:
    """p(z|x) of cells between cuts of the quantile scale, for atoms between `ends`."""
    low, high = ends[:-1, None], ends[1:, None]
    common = np.maximum(np.minimum(high, cuts[1:]) - np.maximum(low, cuts[:-1]), 0.0)
    return np.asarray(common / common.sum(axis=1, keepdims=True))


def _with_split(cuts: FloatArray, ends: FloatArray, R: float) -> list[FloatArray]:
    """The cuts themselves if they keep the rate, and with one more cut inside an atom that brings H(Z) to R."""
    whole = entropy(np.diff(cuts))
    found = [cuts] if whole <= R + 1e-14 else []
    for left, right in itertools.pairwise(ends.tolist()):
        cell = int(np.searchsorted(cuts, left, side="right")) - 1
        low, high = cuts[cell : cell + 2].tolist()
        middle = min(max(0.5 * (low + high), left), right)  # the entropy rises up to it, then falls
        for outside in (left, right):
            inside = middle
            if whole + _gained(low, outside, high) > R or whole + _gained(low, inside, high) < R:
                continue
            for _ in range(60):
                t = 0.5 * (inside + outside)
                inside, outside = (inside, t) if whole + _gained(low, t, high) <= R else (t, outside)
            found.append(np.sort(np.append(cuts, outside)))
    return found


def _gained(low: float, cut: float, high: float) -> float:
    """Entropy that a cut adds to a cell."""
    left, right = cut - low, high - cut
    parts = (left * log(left) if left > 0.0 else 0.0) + (right * log(right) if right > 0.0 else 0.0)
    return (high - low) * log(high - low) - parts
