"""Transport under attack: plans and multipliers in all four settings, recomputed to fifty digits.

The plan is made exactly feasible by arithmetic of its own (laws divided by exact sums, misplaced mass moved, a rate
that is too high mixed away); the multipliers are held against every map, or against their formula.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

import rdptheory as rd
from rdptheory.certificates.transport import CouplingMultipliers, MapMultipliers, PosteriorMultipliers
from tests.attack import exact
from tests.attack.case import Answer, ByMethods, called

KEPT = 1e-12  # what a plan may miss its laws and its rate by, as the verb promises
RATE = 1 + mp.mpf(2) ** -51  # a rate counts as kept up to a rounding unit or two: R is a rounded logarithm itself
SOFTMAXES = 12  # steps of a local search for a pair of posteriors; any pair bounds the dual value from above
MAPS = 3200  # most maps that are written out


@dataclass(frozen=True, eq=False)
class Transport(ByMethods):
    """D(R) in one of the four settings."""

    name: str
    source: Any
    target: Any
    distortion: Any
    R: float
    shared: bool
    blocks: bool
    methods: tuple[Any, ...]
    seconds: float = 60.0

    def _ask(self, method: Any) -> Answer:
        found = rd.constrained_transport(
            self.source,
            self.target,
            self.distortion,
            R=self.R,
            common_randomness=self.shared,
            asymptotic=self.blocks,
            method=method,
        )
        closed = found.gap <= 1e-9 * max(1.0, found.distortion)
        return Answer(called(method), found.bounds.lower, found.bounds.upper, closed, found)

    def faults(self, answer: Answer) -> list[str]:
        what = []
        if answer.lower > answer.upper:
            what.append("crossed")
        reached = self._reached(answer)
        if reached is None:
            what.append("no channel")
        elif mp.mpf(answer.upper) < reached:
            what.append("false upper")
        if (reached is not None and mp.mpf(answer.lower) > reached) or mp.mpf(answer.lower) > self._dual(answer):
            what.append("false lower")
        return what

    def proved(self, answer: Answer) -> Any:
        return mp.mpf(answer.lower)

    @property
    def _question(self) -> tuple[list[Any], list[Any], list[list[Any]], Any]:
        p, q = exact.law(self.source.probabilities), exact.law(self.target.probabilities)
        cost = [exact.exact(row) for row in self._table]
        R = mp.mpf(self.R) if math.isfinite(self.R) else mp.log(len(p) * len(q)) + 1
        return p, q, cost, R

    @property
    def _table(self) -> Any:
        if isinstance(self.distortion, rd.Table):
            return self.distortion.matrix
        x, y = self.source.points, self.target.points
        if isinstance(self.distortion, rd.Hamming):
            return (x[:, None] != y).astype(float)
        both = self.distortion.table(np.concatenate((x, y)))
        return both[: x.size, x.size :]

    def _reached(self, answer: Answer) -> Any:
        """E d of the plan made exactly feasible, or None if it is further from that than promised."""
        p, q, cost, R = self._question
        plan, (n, m) = answer.found.plan, (len(p), len(q))
        if isinstance(plan, rd.CommonPlan):
            weights = exact.law(plan.weights)
            joint = _zeros(n, m)
            rate = mp.mpf(0)
            for weight, images in zip(weights, plan.maps.tolist(), strict=True):
                masses = [mp.mpf(0)] * m
                for x, y in enumerate(images):
                    joint[x][y] += weight * p[x]
                    masses[y] += p[x]
                rate += weight * _entropy(masses)
        elif isinstance(plan, rd.PrivatePlan):
            encoder, decoder = [exact.law(row) for row in plan.encoder], [exact.law(row) for row in plan.decoder]
            z = _output(p, encoder)
            joint = _joint(p, _product(encoder, decoder))
            rate = max(_information(p, encoder), _information(z, decoder)) if self.blocks else _entropy(z)
        else:
            channel = [exact.law(row) if sum(row) > 0.0 else list(q) for row in plan.law]
            joint, rate = _joint(p, channel), _information(p, channel)
        output = [mp.fsum(joint[x][y] for x in range(n)) for y in range(m)]
        if mp.fsum(abs(a - b) for a, b in zip(output, q, strict=True)) > KEPT or rate > R + KEPT:
            return None
        if rate > R * RATE and isinstance(plan, rd.PrivatePlan) and not self.blocks:
            joint = self._merged(p, encoder, decoder, z, R)
            rate = R
        joint = _on_target(joint, output, q)
        value = mp.fsum(joint[x][y] * cost[x][y] for x in range(n) for y in range(m))
        if rate > R * RATE:
            alone = mp.fsum(p[x] * q[y] * cost[x][y] for x in range(n) for y in range(m))
            value = (R / rate) * value + (1 - R / rate) * alone
        return value

    @staticmethod
    def _merged(p: Any, encoder: Any, decoder: Any, z: Any, R: Any) -> Any:
        """The joint law once letters become the heaviest one with a probability that brings H(Z) down to R."""
        heavy = max(range(len(z)), key=z.__getitem__)
        low, high = mp.mpf(0), mp.mpf(1)  # share of the letters kept
        for _ in range(160):
            middle = (low + high) / 2
            kept = [middle * mass + (1 - middle) * (k == heavy) for k, mass in enumerate(z)]
            low, high = (middle, high) if _entropy(kept) <= R else (low, middle)
        output = [mp.fsum(z[k] * decoder[k][y] for k in range(len(z))) for y in range(len(decoder[0]))]
        total = low * z[heavy] + 1 - low
        letter = [(low * z[heavy] * decoder[heavy][y] + (1 - low) * output[y]) / total for y in range(len(output))]
        rows = [letter if k == heavy else decoder[k] for k in range(len(z))]
        letters = [[low * row[k] + (1 - low) * (k == heavy) for k in range(len(z))] for row in encoder]
        return _joint(p, _product(letters, rows))

    def _dual(self, answer: Answer) -> Any:
        """What the multipliers prove to fifty digits, or more than that for pairs of posteriors; inf if unknown."""
        prices, (p, q, cost, R) = answer.found.multipliers, self._question
        n, m = len(p), len(q)
        floor = max(
            mp.fsum(p[x] * min(cost[x][y] for y in range(m) if q[y] > 0) for x in range(n)),
            mp.fsum(q[y] * min(cost[x][y] for x in range(n) if p[x] > 0) for y in range(m)),
        )
        if prices is None or self.R == 0.0:
            return mp.inf if self.R == 0.0 or (prices is None and answer.found.method == rd.ClosedForm()) else floor
        R = min(R, mp.mpf(float(np.log(n * m))))
        rate = mp.mpf(prices.rate)
        if isinstance(prices, MapMultipliers) and m**n <= MAPS:
            nu = exact.exact(prices.target)
            fixed = mp.fsum(a * b for a, b in zip(nu, q, strict=True)) - rate * R
            return max(
                floor, fixed + min(self._reduced(f, p, cost, nu, rate) for f in itertools.product(range(m), repeat=n))
            )
        if isinstance(prices, CouplingMultipliers):
            g = exact.exact(prices.target)
            value = mp.fsum(g[y] * q[y] for y in range(m) if q[y] > 0) - rate * R
            for x in range(n):
                value += p[x] * _soft_minimum([(cost[x][y] - g[y], q[y]) for y in range(m) if q[y] > 0], rate)
            return max(floor, value)
        if isinstance(prices, PosteriorMultipliers):
            return max(floor, self._posteriors(prices, p, q, cost, R))
        return mp.inf

    @staticmethod
    def _reduced(images: tuple[int, ...], p: Any, cost: Any, nu: Any, alpha: Any) -> Any:
        masses = [mp.mpf(0)] * len(nu)
        total = mp.mpf(0)
        for x, y in enumerate(images):
            total += p[x] * (cost[x][y] - nu[y])
            masses[y] += p[x]
        return total + alpha * _entropy(masses) if alpha else total

    @staticmethod
    def _posteriors(prices: Any, p: Any, q: Any, cost: Any, R: Any) -> Any:
        """The dual value with the minimum over pairs taken over corners, the two laws, and ends of local searches."""
        n, m = len(p), len(q)
        rows, columns = [x for x in range(n) if p[x] > 0], [y for y in range(m) if q[y] > 0]
        p, q = [p[x] for x in rows], [q[y] for y in columns]
        cost = [[cost[x][y] for y in columns] for x in rows]
        mu, nu = [mp.mpf(float(prices.source[x])) for x in rows], [mp.mpf(float(prices.target[y])) for y in columns]
        beta = min(mp.mpf(prices.target_rate), mp.mpf(prices.rate))
        alpha = mp.mpf(prices.rate) - beta
        corners = [[mp.mpf(k == y) for k in range(len(q))] for y in range(len(q))]
        least = mp.inf
        for b in [
            list(q),
            *corners,
            *([(2 * c + d) / 3 for c, d in zip(corner, q, strict=True)] for corner in corners),
        ]:
            for _ in range(SOFTMAXES):
                a = _softmax(p, [mu[x] - _dot(cost[x], b) for x in range(len(p))], alpha)
                value = mp.fsum(a[x] * (_dot(cost[x], b) - mu[x]) for x in range(len(p))) - _dot(nu, b)
                least = min(least, value + alpha * _divergence(a, p) + beta * _divergence(b, q))
                b = _softmax(q, [nu[y] - _dot(a, [row[y] for row in cost]) for y in range(len(q))], beta)
        return _dot(mu, p) + _dot(nu, q) - (alpha + beta) * R + least


def draw(rng: np.random.Generator) -> Transport:
    """Hostile laws, costs and rates."""
    shared, blocks = bool(rng.random() < 0.5), bool(rng.random() < 0.5)
    n, m = (int(size) for size in rng.integers(1, 6 if not blocks or shared else 4, 2))
    scale = float(10.0 ** rng.uniform(-12.0, 12.0)) if rng.random() < 0.4 else 1.0
    offset = float(rng.choice([0.0, 0.0, 1.0, 1e3, 1e6]))
    x, y = (scale * np.round(rng.random(size) * 8.0, int(rng.choice([0, 3, 15]))) for size in (n, m))
    source, target = rd.Pmf(_masses(rng, n), x), rd.Pmf(_masses(rng, m), y + scale * offset * (rng.random() < 0.5))
    if rng.random() < 0.15:
        target, m = source, n
    table = scale * (rng.random((n, m)) + offset)
    kinds = [
        rd.SquaredError(), rd.SquaredError(), rd.AbsoluteError(), rd.Hamming(), rd.Table(table),
        rd.Table(np.full((n, m), scale)), rd.Table(scale * np.round(4.0 * rng.random((n, m)))),
    ]  # fmt: skip
    cost = kinds[int(rng.integers(len(kinds)))]
    H = [float(-(law @ np.log(np.maximum(law, 1e-320)))) for law in (source.probabilities, target.probabilities)]
    rates = [0.0, 10.0 ** rng.uniform(-300.0, -1.0), 10.0 ** rng.uniform(-12.0, 0.0), rng.random(), rng.random()]
    R = float(rng.choice([*rates, *H, math.log(n), math.log(2.0), math.inf]))
    return Transport(
        "transport", source, target, cost, max(R, 0.0), shared, blocks, (None, *_others(rng, n, m, shared, blocks))
    )


def _masses(rng: np.random.Generator, size: int) -> np.ndarray:
    kind = rng.integers(5)
    weights = rng.dirichlet(np.ones(size))
    if kind == 0:
        weights = np.ones(size)
    if kind == 1:
        weights = weights * 10.0 ** rng.uniform(-300.0, 0.0, size)
    if kind == 2:
        weights = weights * 10.0 ** rng.uniform(-16.0, 0.0, size)
    if kind == 3 and size > 1:
        weights[int(rng.integers(size))] = 0.0
    return weights / weights.max() / (weights / weights.max()).sum()


def _others(rng: np.random.Generator, n: int, m: int, shared: bool, blocks: bool) -> tuple[Any, ...]:
    if blocks:
        return ()
    if not shared:
        return (rd.MultiStart(starts=1),) if n * m <= 9 and rng.random() < 0.2 else ()
    small = (rd.Enumeration(),) if m**n <= MAPS else ()
    return (rd.ColumnGeneration(), rd.BranchAndBound(), rd.Flow(), *small)


def _dot(left: Any, right: Any) -> Any:
    return mp.fsum(a * b for a, b in zip(left, right, strict=True))


def _softmax(law: Any, exponents: Any, temperature: Any) -> list[Any]:
    top = max(exponents)
    if temperature <= 0:
        return [mp.mpf(k == exponents.index(top)) for k in range(len(law))]
    weights = [mass * mp.exp((value - top) / temperature) for mass, value in zip(law, exponents, strict=True)]
    total = mp.fsum(weights)
    return [weight / total for weight in weights]


def _zeros(n: int, m: int) -> list[list[Any]]:
    return [[mp.mpf(0)] * m for _ in range(n)]


def _entropy(masses: Iterable[Any]) -> Any:
    return -mp.fsum(mass * mp.log(mass) for mass in masses if mass > 0)


def _output(p: Any, channel: Any) -> list[Any]:
    return [mp.fsum(p[x] * row[y] for x, row in enumerate(channel)) for y in range(len(channel[0]))]


def _product(left: Any, right: Any) -> list[list[Any]]:
    return [[mp.fsum(a * right[z][y] for z, a in enumerate(row)) for y in range(len(right[0]))] for row in left]


def _joint(p: Any, channel: Any) -> list[list[Any]]:
    return [[mass * value for value in row] for mass, row in zip(p, channel, strict=True)]


def _information(p: Any, channel: Any) -> Any:
    output = _output(p, channel)
    return mp.fsum(p[x] * _divergence(row, output) for x, row in enumerate(channel) if p[x] > 0)


def _divergence(law: Any, reference: Any) -> Any:
    return mp.fsum(a * mp.log(a / b) for a, b in zip(law, reference, strict=True) if a > 0)


def _soft_minimum(terms: list[tuple[Any, Any]], lam: Any) -> Any:
    least = min(c for c, _ in terms)
    return least if lam == 0 else least - lam * mp.log(mp.fsum(q * mp.exp(-(c - least) / lam) for c, q in terms))


def _on_target(joint: Any, output: Any, q: Any) -> Any:
    """Labels with too much mass replaced at random by labels with too little."""
    missing = [max(b - a, mp.mpf(0)) for a, b in zip(output, q, strict=True)]
    total = mp.fsum(missing)
    if total == 0:
        return joint
    share = [max(a - b, mp.mpf(0)) / a if a > 0 else mp.mpf(0) for a, b in zip(output, q, strict=True)]
    result = []
    for row in joint:
        taken = mp.fsum(value * part for value, part in zip(row, share, strict=True))
        result.append([v * (1 - s) + taken * t / total for v, s, t in zip(row, share, missing, strict=True)])
    return result
