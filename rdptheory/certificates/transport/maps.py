"""One-shot with common randomness: the least reduced cost of a map, over all maps.

For any ν and α >= 0, every mixture of maps f with H(f(X)|U) <= R and f(X) ~ q has

    E d >= ν·q - αR + min over maps f of  E d(X,f(X)) + α H(f(X)) - ν·P_f.

If d is a Monge array, the minimum is reached by a nondecreasing map: with code lengths l optimal for f, x ->
argmin_y d(x,y) + α l_y - ν_y can be chosen nondecreasing and is at least as good. It is then a shortest path over
(position, label). A table that is nearly Monge exceeds one by `monge_excess`, which is taken off. Any other table needs
a search over all maps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from rdptheory._types import FloatArray, IntArray
from rdptheory.certificates.transport.argument import Argument
from rdptheory.certificates.transport.rounding import centred, lowered, relative_error
from rdptheory.errors import InvalidInput
from rdptheory.transport_problem import DiscreteTransport, monge_excess

__all__ = ["MapMultipliers", "search_maps"]

DISTANCES = (np.square, np.abs)
"""Costs f(x - y) with f convex are Monge; a table within rounding of one of these is priced by that rounding alone."""


@dataclass(frozen=True, eq=False)
class MapMultipliers(Argument):
    """Prices of a nat and of target masses, to be held against every map.

    Attributes
    ----------
    maps : int array (k, n) or None
        For costs without a Monge order: maps whose least reduced cost is where the search may stop.
    width : int
        Most partial maps that search keeps at a level.
    """

    maps: IntArray | None = None
    width: int = 20_000

    lower_from = "linear-programming duality over all maps"

    def proves(self, problem: DiscreteTransport) -> bool:
        """One-shot; without common randomness it is a relaxation."""
        return not problem.asymptotic

    def lower_end(self, problem: DiscreteTransport) -> float:
        """ν·q - αR + the least reduced cost, taken low enough for rounding."""
        n, m = problem.shape
        assert self.target is not None
        alpha, nu = self.rate, centred(self.target, problem.q)
        kappa = relative_error(n, m)
        fixed = float(lowered(nu * problem.q, kappa).sum()) - (1.0 + kappa) * alpha * problem.R
        order = problem.monge_order
        if order is not None:
            cost = _monge(problem, order)
            return fixed + interval_bound(problem.p[order[0]], lowered(cost - nu[order[1]], kappa), alpha, kappa)
        cost = lowered(problem.cost - nu, kappa)
        known = np.repeat(np.arange(m)[:, None], n, axis=1)
        if self.maps is not None:
            maps = np.asarray(self.maps)
            if maps.ndim != 2 or maps.shape[1] != n:
                raise InvalidInput("maps", self.maps, f"must have shape (k, {n})")
            known = np.vstack((known, maps[((maps >= 0) & (maps < m)).all(axis=1)].astype(np.intp)))
        masses = np.array([np.bincount(f, weights=problem.p, minlength=m) for f in known])
        threshold = cost[np.arange(n), known] @ problem.p + alpha * scipy.special.entr(masses).sum(axis=1)
        least = search_maps(problem.p, cost, alpha, float(threshold.min()), self.width)[0]
        summed = float(problem.p @ np.abs(cost.min(axis=1))) + alpha * (1.0 + float(np.log(m)))
        return fixed + least - kappa * summed


def _monge(problem: DiscreteTransport, order: tuple[IntArray, IntArray]) -> FloatArray:
    """A table in Monge order that is nowhere above the cost by more than rounding, and is a Monge array up to it."""
    rows, labels = order
    cost = problem.cost[np.ix_(rows, labels)]
    if problem.x is not None and problem.y is not None:
        x, y = problem.x[rows], problem.y[labels]
        if (np.diff(x) >= 0.0).all() and (np.diff(y) >= 0.0).all():
            apart = x[:, None] - y
            for distance in DISTANCES:
                exact = distance(apart)
                if (np.abs(cost - exact) <= relative_error() * exact).all():
                    return cost
    return np.asarray(cost - monge_excess(cost))


def interval_bound(p: FloatArray, cost: FloatArray, alpha: float, kappa: float) -> float:
    """At most the least Σ p c + α H over nondecreasing maps, for reduced costs c (n, m) already lowered.

    The sum over an interval is accumulated from its start, so that no digits cancel between long sums.
    """
    n, m = cost.shape
    inside = np.triu(np.ones((n, n), dtype=bool))  # [start, last symbol]
    mass = np.cumsum(np.where(inside, p, 0.0), axis=1)
    before = np.concatenate(([0.0], np.cumsum(p)))[:n]
    after = np.concatenate(([0.0], np.cumsum(p[::-1])))[:n][::-1]
    rest = np.minimum(before[:, None] + after, 1.0)
    entropy = np.where(mass <= 0.5, scipy.special.entr(mass), -scipy.special.xlog1py(1.0 - rest, -rest))
    priced = np.where(inside, alpha * (1.0 - 4.0 * kappa) * np.maximum(entropy, 0.0), np.inf)
    best = np.full(n + 1, np.inf)
    best[0] = 0.0
    for k in range(m):
        segments = np.cumsum(np.where(inside, p * cost[:, k], 0.0), axis=1)
        segments += priced
        segments += best[:n, None]
        best[1:] = np.minimum(best[1:], segments.min(axis=0))
    return float(best[n])


def search_maps(
    p: FloatArray, cost: FloatArray, alpha: float, threshold: float, width: int
) -> tuple[float, IntArray | None]:
    """A lower bound on the least Σ p c + α H over maps, or `threshold` if that is less, and a map below it if found.

    Symbols are assigned one by one, heaviest first. The rest of a partial map costs at least its cheapest labels, and
    its entropy is at least what it would be with all the unassigned mass on one label, because entropy is concave. Of
    more than `width` partial maps the worst are dropped, and the least bound among them enters the result.
    """
    n, m = cost.shape
    least = p * cost.min(axis=1)
    rest, unassigned = float(least.sum()), 1.0
    value, masses, maps = np.zeros(1), np.zeros((1, m)), np.zeros((1, n), dtype=np.intp)
    dropped = np.inf
    for x in np.argsort(-p, kind="stable"):
        rest, unassigned = rest - float(least[x]), max(0.0, unassigned - float(p[x]))
        k = value.size
        value = (value[:, None] + p[x] * cost[x]).ravel()
        masses = (masses[:, None, :] + p[x] * np.eye(m)).reshape(-1, m)
        entropy = scipy.special.entr(masses)
        growth = (scipy.special.entr(masses + unassigned) - entropy).min(axis=1)
        bound = value + rest + alpha * (entropy.sum(axis=1) + growth)
        bound[np.isnan(bound)] = -np.inf  # what left float64 bounds nothing
        kept = np.nonzero(bound < threshold)[0]
        if kept.size == 0:
            return min(threshold, dropped), None
        if kept.size > width:
            kept = kept[np.argpartition(bound[kept], width)]
            dropped = min(dropped, float(bound[kept[width]]))
            kept = kept[:width]
        parents, labels = np.divmod(np.arange(k * m)[kept], m)
        value, masses, maps = value[kept], masses[kept], maps[parents]
        maps[:, x] = labels
    best = int(bound[kept].argmin())
    return min(float(bound[kept[best]]), dropped), maps[best]
