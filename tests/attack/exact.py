"""Both ends of a bracket to fifty digits, from the question, the dual point and the channel that came with it.

Nothing here calls the package: numbers enter as the rational numbers that float64 holds, laws are divided by their
exact sums, and every formula is written out again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import mpmath as mp
import numpy as np
from scipy.optimize import linprog

mp.mp.dps = 50

Number = Any
INF = mp.mpf("inf")
SEARCH_STEPS = 120  # of a search that halves its bracket at least every other step
NEWTON = 8  # steps, each of which doubles the digits
CLOSE = mp.mpf("1e-14")  # of a logarithm: what this leaves of a minimum is the square of it
TINY = mp.mpf("1e-400")
NOTHING = mp.mpf("1e-30")  # nats: what rows that differ by a rounding carry, and far above what fifty digits lose
AT_LEAST = mp.mpf(2) ** -50  # of D, by which it may lie below the least distortion and is read as that
POLE_DIGITS = 200  # to tell a number from a pole that is e^-400 away
FAR_BELOW = 100  # ranges of the other prices by which a symbol that nobody may use is priced below them
FLAT = mp.mpf("1e-12")  # (v - γ)/μ below which the next term of a conjugate is a share of 1e-12 of the last


def exact(values: Any) -> list[Number]:
    """The numbers that an array holds, each as it is."""
    return [mp.mpf(float(x)) for x in np.ravel(values)]


def law(weights: Any) -> list[Number]:
    """Weights over their exact sum."""
    masses = exact(weights)
    total = mp.fsum(masses)
    return [x / total for x in masses]


class Smooth:
    """φ of an f-divergence, its conjugate with two derivatives, and the slope at infinity."""

    def __init__(self, phi: Any, conjugate: Any, ratio: Any, ratio_slope: Any, recession: Any) -> None:
        self.phi, self.conjugate, self.ratio, self.ratio_slope = phi, conjugate, ratio, ratio_slope
        self._recession = recession

    @property
    def recession(self) -> Number:
        """φ'(∞), to the digits that are asked for now."""
        return self._recession()


def _entropic(t: Number) -> Number:
    return t * mp.log(t) if t > 0 else mp.mpf(0)


SMOOTH = {
    "KullbackLeibler": Smooth(
        lambda t: _entropic(t) - t + 1, lambda y: mp.expm1(y), lambda y: mp.exp(y), lambda y: mp.exp(y), lambda: INF
    ),
    "ReverseKullbackLeibler": Smooth(
        lambda t: -mp.log(t) + t - 1 if t > 0 else INF,
        lambda y: -mp.log1p(-y),
        lambda y: 1 / (1 - y),
        lambda y: 1 / (1 - y) ** 2,
        lambda: mp.mpf(1),
    ),
    "ChiSquare": Smooth(
        lambda t: (t - 1) ** 2,
        lambda y: y + y * y / 4 if y >= -2 else mp.mpf(-1),
        lambda y: max(mp.mpf(0), 1 + y / 2),
        lambda y: mp.mpf(1) / 2 if y > -2 else mp.mpf(0),
        lambda: INF,
    ),
    "SquaredHellinger": Smooth(
        lambda t: (mp.sqrt(t) - 1) ** 2,
        lambda y: y / (1 - y),
        lambda y: 1 / (1 - y) ** 2,
        lambda y: 2 / (1 - y) ** 3,
        lambda: mp.mpf(1),
    ),
    "JensenShannon": Smooth(
        lambda t: _entropic(t) - (1 + t) * mp.log((1 + t) / 2),
        lambda y: -mp.log1p(-mp.expm1(y)),
        lambda y: mp.exp(y) / (2 - mp.exp(y)),
        lambda y: 2 * mp.exp(y) / (2 - mp.exp(y)) ** 2,
        lambda: mp.log(2),
    ),
}
"""Written down again from the table of normalisations."""


def divergence(member: Any, q: Sequence[Number], r: Sequence[Number]) -> Number:
    """δ(q, r) of two exact laws, from above for a transport that is not on a line."""
    if member.cost is not None:
        return _transport(member, q, r)
    if type(member).__name__ == "TotalVariation":
        return mp.fsum(abs(a - b) for a, b in zip(q, r, strict=True)) / 2
    f = SMOOTH[type(member).__name__]
    total = mp.mpf(0)
    for a, b in zip(q, r, strict=True):
        if a > 0:
            total += a * f.phi(b / a)
        elif b > 0:
            total += f.recession * b
    return total


def _transport(member: Any, q: Sequence[Number], r: Sequence[Number]) -> Number:
    """A plan with exact marginals: monotone on a line, else that of a linear program with its deficits filled."""
    k, m = member.cost.shape
    cost = [exact(row) for row in member.cost]
    if member.line is not None:
        order = np.argsort(member.line, kind="stable")
        i = j = 0
        left, right = [q[a] for a in order], [r[a] for a in order]
        total = mp.mpf(0)
        while i < k and j < m:
            mass = min(left[i], right[j])
            total += mass * cost[order[i]][order[j]]
            left[i] -= mass
            right[j] -= mass
            if left[i] <= 0:
                i += 1
            else:
                j += 1
        return total
    a, b = np.array([float(x) for x in q]), np.array([float(x) for x in r])
    rows = np.kron(np.eye(k), np.ones((1, m)))
    columns = np.kron(np.ones((1, k)), np.eye(m))
    tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    found = linprog(
        member.cost.ravel(),
        A_eq=np.vstack([rows, columns])[:-1],
        b_eq=np.concatenate([a, b])[:-1],
        method="highs",
        options=tight,
    )
    if found.x is None:
        return INF
    plan = [[max(x, mp.mpf(0)) for x in exact(row)] for row in found.x.reshape(k, m)]
    for i in range(k):
        total = mp.fsum(plan[i])
        if total > q[i]:
            plan[i] = [x * q[i] / total for x in plan[i]]
    for j in range(m):
        total = mp.fsum(plan[i][j] for i in range(k))
        if total > r[j]:
            for i in range(k):
                plan[i][j] *= r[j] / total
    short = [q[i] - mp.fsum(plan[i]) for i in range(k)]
    empty = [r[j] - mp.fsum(plan[i][j] for i in range(k)) for j in range(m)]
    missing = mp.fsum(short)
    spent = mp.fsum(cost[i][j] * plan[i][j] for i in range(k) for j in range(m))
    if missing > 0:
        spent += mp.fsum(cost[i][j] * short[i] * empty[j] for i in range(k) for j in range(m)) / missing
    return spent


def information(p: Sequence[Number], channel: Any) -> Number:
    """I(X;Y) of a channel (n, m) with rows divided by their exact sums."""
    rows = [law(row) for row in channel]
    m = len(rows[0])
    output = [mp.fsum(a * row[j] for a, row in zip(p, rows, strict=True)) for j in range(m)]
    return mp.fsum(
        a * row[j] * mp.log(row[j] / output[j])
        for a, row in zip(p, rows, strict=True)
        for j in range(m)
        if a > 0 and row[j] > 0
    )


def mean_distortion(p: Sequence[Number], channel: Any, table: Any) -> Number:
    """E d(X,Y), the same way."""
    return mp.fsum(
        a * mp.fsum(w * d for w, d in zip(law(row), exact(costs), strict=True) if w > 0 or d < INF)
        for a, row, costs in zip(p, channel, table, strict=True)
    )


def output_law(p: Sequence[Number], channel: Any) -> list[Number]:
    """Law of Y."""
    rows = [law(row) for row in channel]
    return [mp.fsum(a * row[j] for a, row in zip(p, rows, strict=True)) for j in range(len(rows[0]))]


def dual_value(
    p: Sequence[Number],
    table: Any,
    D: Number,
    f: Sequence[Number],
    s: Number,
    ball: tuple[Any, Sequence[Number], Number] | None,
) -> Number:
    """<p, f> - s D - σ_P(l) with l_j = log Σ_i p_i exp(f_i - s d_ij), whatever f and s >= 0 are.

    `f` belongs to rows with minimum 0. `ball` is (δ, reference, P). D equal to the least distortion acts as s = inf.
    """
    d = [exact(row) for row in table]
    least = [min(row) for row in d]
    room = D - mp.fsum(a * b for a, b in zip(p, least, strict=True))
    if -AT_LEAST * mp.fsum(a * abs(b) for a, b in zip(p, least, strict=True)) <= room < 0:
        room = mp.mpf(0)
    if room < 0:
        return INF
    logs = []
    for j in range(len(d[0])):
        terms = []
        for a, height, row, low in zip(p, f, d, least, strict=True):
            above = row[j] - low
            if a > 0 and (above == 0 or (room > 0 and above < INF)):
                terms.append(mp.log(a) + height - s * above)
        logs.append(_log_sum(terms))
    gain = mp.fsum(a * height for a, height in zip(p, f, strict=True) if a > 0)
    price = max(logs) if ball is None else support(ball[0], logs, ball[1], ball[2])
    return INF if price == -INF else gain - s * room - price


def _log_sum(terms: list[Number]) -> Number:
    if not terms:
        return -INF
    top = max(terms)
    return top + mp.log(mp.fsum(mp.exp(x - top) for x in terms))


def support(member: Any, v: Sequence[Number], q: Sequence[Number], P: Number) -> Number:
    """An upper bound on σ_P(v) = max {<v, r> : δ(q, r) <= P}, exact but for the last of fifty digits of a search."""
    if member.cost is not None:
        return _transport_support(member, v, q, P)
    held = [j for j, mass in enumerate(q) if mass > 0]
    if P == 0:
        return -INF if any(v[j] == -INF for j in held) else mp.fsum(q[j] * v[j] for j in held)
    finite = [x for x in v if x > -INF]
    if not finite:
        return -INF
    low = min(finite) - FAR_BELOW * max(mp.mpf(1), max(finite) - min(finite))
    v = [max(x, low) for x in v]  # raising v keeps the bound valid, and so far down it costs next to nothing
    if type(member).__name__ == "TotalVariation":
        top = max(v)
        return min(mp.fsum(a * max(b, t) for a, b in zip(q, v, strict=True)) + P * (top - t) for t in v)
    f = SMOOTH[type(member).__name__]
    allowed = held if f.recession == INF else range(len(q))
    top = max(v[j] for j in allowed)
    bare = [v[j] for j in allowed if q[j] == 0]
    with mp.workdps(POLE_DIGITS):
        from_top = [v[j] - top for j in held]  # so that the pole of the ratio is next to 0, where digits are dense
        masses, bare_from_top = tuple(q[j] for j in held), tuple(x - top for x in bare)
        return top + min(mp.mpf(0), _smooth_support(f, masses, tuple(from_top), bare_from_top, P))


@lru_cache(maxsize=64)  # an answer is held to it twice: alone, and beside the answers of other methods
def _smooth_support(
    f: Smooth, q: tuple[Number, ...], v: tuple[Number, ...], bare: tuple[Number, ...], P: Number
) -> Number:
    """min over μ > 0 and γ of μP + γ + Σ q μ φ*((v-γ)/μ), whose every value is a bound.

    The derivative in γ falls as γ comes closer to the pole of the ratio, that in μ rises with μ: two nested searches,
    of the logarithms of the distance to the pole and of μ.
    """
    mean = mp.fsum(a * b for a, b in zip(q, v, strict=True))
    variance = mp.fsum(a * (b - mean) ** 2 for a, b in zip(q, v, strict=True))
    top, low_v = max([*v, *bare]), min(v)
    spread = top - low_v
    if spread == 0:
        return top
    best = [top]

    def objective(mu: Number, gamma: Number) -> Number:
        y = [(b - gamma) / mu for b in v]
        if any(x >= f.recession for x in y) or any((b - gamma) / mu > f.recession for b in bare):
            return INF
        value = mu * P + gamma + mu * mp.fsum(a * f.conjugate(x) for a, x in zip(q, y, strict=True))
        best[0] = min(best[0], value)
        return value

    if variance > 0:
        bend = 1 / f.ratio_slope(mp.mpf(0))
        mu = mp.sqrt(variance / (2 * bend * P))
        objective(mu, mean)
        if spread <= FLAT * mu:  # δ is its quadratic form: what is left is a share FLAT² of the spread
            return best[0]

    def steepness(log_mu: Number) -> Number:
        mu = mp.exp(log_mu)
        pole = low_v if f.recession == INF else max(low_v, top - mu * f.recession)
        far = mp.log(top - pole)

        def excess(log_gap: Number) -> Number:
            gamma = pole + mp.exp(log_gap)
            return mp.log(max(mp.fsum(a * f.ratio((b - gamma) / mu) for a, b in zip(q, v, strict=True)), TINY))

        gamma = _polished(f, q, v, mu, pole + mp.exp(_root(excess, far - 400, far)), pole)
        y = [(b - gamma) / mu for b in v]
        if not objective(mu, gamma) < INF:
            return mp.mpf(1000)  # at the pole: μ is far too small
        t = [f.ratio(x) for x in y]
        reached = mp.fsum(a * (x * w - f.conjugate(x)) for a, x, w in zip(q, y, t, strict=True))
        if f.recession < INF:
            reached += f.recession * max(mp.mpf(0), 1 - mp.fsum(a * w for a, w in zip(q, t, strict=True)))
        return mp.log(max(reached, TINY) / P)

    centre = mp.log(spread)
    _root(steepness, centre - 60, centre + max(mp.mpf(60), -mp.log(P)))
    return best[0]


def _polished(f: Smooth, q: Sequence[Number], v: Sequence[Number], mu: Number, gamma: Number, pole: Number) -> Number:
    """γ after Newton steps on S = Σ q t((v-γ)/μ) = 1 or on log S = 0: a μ far below the spread needs more digits."""

    def off(at: Number) -> Number:
        y = [(b - at) / mu for b in v]
        if not at > pole or any(x >= f.recession for x in y):
            return INF
        return abs(mp.log(max(mp.fsum(a * f.ratio(x) for a, x in zip(q, y, strict=True)), TINY)))

    best = off(gamma)
    for _ in range(NEWTON):
        y = [(b - gamma) / mu for b in v]
        total = mp.fsum(a * f.ratio(x) for a, x in zip(q, y, strict=True))
        slope = mp.fsum(a * f.ratio_slope(x) for a, x in zip(q, y, strict=True)) / mu
        if not (slope > 0 and total > 0):
            break
        steps = ((total - 1) / slope, mp.log(total) * total / slope)
        found, ahead = min(((off(gamma + step), gamma + step) for step in steps), key=lambda pair: pair[0])
        if not found < best:
            break
        best, gamma = found, ahead
    return gamma


def _root(falling: Any, low: Number, high: Number) -> Number:
    """Where a function falls through 0, or the end next to it: regula falsi that halves what does not move."""
    above, below = falling(low), falling(high)
    if above <= 0:
        return low
    if below >= 0:
        return high
    kept = 0
    for step in range(SEARCH_STEPS):
        x = (low * below - high * above) / (below - above) if step % 2 else (low + high) / 2
        value = falling(x)
        if value > 0:
            low, above = x, value
            below = below / 2 if kept == 1 else below
            kept = 1
        else:
            high, below = x, value
            above = above / 2 if kept == -1 else above
            kept = -1
        if high - low < CLOSE or abs(value) < CLOSE:
            return x
    return high


def _transport_support(member: Any, v: Sequence[Number], q: Sequence[Number], P: Number) -> Number:
    """min over t >= 0 of tP + Σ q max(v - t c): convex and piecewise linear, so the least is at one of its corners."""
    cost = [exact(row) for row in member.cost]
    finite = [x for x in v if x > -INF]
    if not finite:
        return -INF

    def at(t: Number) -> tuple[Number, Number]:
        total, slope = t * P, P
        for mass, row in zip(q, cost, strict=True):
            if mass > 0:
                best = max((x - t * c, c) for x, c in zip(v, row, strict=True) if x > -INF)
                total += mass * best[0]
                slope -= mass * best[1]
        return total, slope

    if P == 0:
        free = [max((x for x, c in zip(v, row, strict=True) if c == 0), default=None) for row in cost]
        if all(x is not None for x, mass in zip(free, q, strict=True) if mass > 0):
            return mp.fsum(mass * x for x, mass in zip(free, q, strict=True) if mass > 0)
    value, slope = at(mp.mpf(0))
    if slope >= 0:
        return value
    left, right = (mp.mpf(0), value, slope), None
    t = mp.mpf(1)
    for _ in range(4000):
        value, slope = at(t)
        if slope < 0:
            left = (t, value, slope)
        else:
            right = (t, value, slope)
        if right is None:
            t *= 4
            if t > mp.mpf("1e400"):
                return left[1]
            continue
        met = (right[1] - left[1] + left[2] * left[0] - right[2] * right[0]) / (left[2] - right[2])
        if not left[0] < met < right[0] or min(left[1], right[1]) - (left[1] + left[2] * (met - left[0])) <= 0:
            break
        t = met
    return min(left[1], right[1])
