"""What is decided before any solver starts: that no channel keeps the limits, or that one ignoring the source does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray
from rdptheory.certificates import UpperBound, copy_costs_nothing, min_distortion_channel, upper_bound
from rdptheory.couplings import least_excess
from rdptheory.divergences import Support
from rdptheory.information import entropy
from rdptheory.problems import DiscreteProblem, PerceptionLimit
from rdptheory.solvers.interior_point.start import inner_law

__all__ = [
    "Presolved",
    "drawn_in",
    "least_distortion",
    "min_cost_law",
    "presolve",
    "proved_infeasible",
    "without_laws",
    "zero_rate",
]

SMALL = 20_000  # table entries up to which a linear program may decide feasibility before the solver starts
TOO_TIGHT = "every channel whose output law is within P has a distortion above D"
TOO_TIGHT_TOGETHER = "every channel breaks one of the limits on its distortions"
ABOVE_ENTROPY = (
    1e-6  # nats by which a lower bound must pass H(X), the most that any rate can be, to prove that there is none
)
ROUNDED = 64 * UNIT_ROUNDOFF  # share of each mass of a law, by which it may be off
BEYOND = 8 * UNIT_ROUNDOFF  # of what D leaves above the least distortion: twice its rounding
EXACT = 4096  # products of three numbers that are summed without rounding: 10 ms
DEAR = 1e6  # times the largest other cost: what stands for inf where a law is sought that avoids it
NEXT_TO_NOTHING = 1e-12  # nats that the rounding of the limits may hide of a rate that counts as 0
CLEARLY = 1.0 + 1e-9  # times D: a bound on the least cost of a law above this leaves no doubt that the rate is above 0
MIXTURES = 4  # of several distortions, tried on the way to one that no channel keeps
TOO_MUCH = 1e-12  # of the size of a limit: an excess that is no rounding
SHRINKAGE = 1e-15  # first share of the reference that a law just outside its ball is mixed with: half a dozen roundings


@dataclass(frozen=True, eq=False)
class Presolved:
    """The verdict: a sentence if no channel keeps the limits, or one that ignores its input and keeps them.

    The rate of that one is 0, or what the rounding of the limits may hide if it keeps them by no more than that.

    `doubtful` says that the limits were not seen to be feasible, and too large a program would be needed to see it.
    """

    infeasible: str = ""
    constant: UpperBound | None = None
    doubtful: bool = False


def presolve(problem: DiscreteProblem) -> Presolved:
    """Decide what takes no solver."""
    if problem.hopeless:
        return Presolved("every reconstruction of a symbol is forbidden")
    limits = problem.finite
    kept = () if problem.by_products else problem.reduced.distortions
    for limit, reduced in zip(limits, kept, strict=False):
        if reduced.limit < 0.0:
            return Presolved(f"D is below {limit.limit - reduced.limit:.6g}, the least distortion of any channel")
    if empty := without_laws(problem):
        return Presolved(empty)
    doubtful = not (problem.by_products or copy_costs_nothing(problem))
    if doubtful and _out_of_reach(problem):
        return Presolved(TOO_TIGHT)
    if doubtful and problem.probabilities.size * problem.shape[1] <= SMALL and _too_tight(problem):
        return Presolved(_too_tight_for(problem))
    return Presolved(constant=zero_rate(problem), doubtful=doubtful)


def without_laws(problem: DiscreteProblem) -> str:
    """The sentence, if a ball holds no law at all: each transport from its reference costs more than P."""
    for ball in problem.perceptions:
        cost, q = ball.divergence.cost, ball.reference
        if cost is not None:
            least = float(q @ cost.min(axis=1)) * (1.0 - UNIT_ROUNDOFF * (q.size + 8))
            if least > ball.limit:
                return f"P is below {least:.6g}, the least cost of any transport from the reference"
    return ""


def proved_infeasible(problem: DiscreteProblem, lower: float) -> str:
    """The sentence, once a solver has found no channel, if its lower bound or a linear program proves there is none."""
    impossible = lower > entropy(problem.reduced.probabilities) + ABOVE_ENTROPY
    return _too_tight_for(problem) if impossible or _too_tight(_by_parts(problem)) else ""


def _by_parts(problem: DiscreteProblem) -> DiscreteProblem:
    """Where one ball counts outputs together, the question of channels to its parts, each at its cheapest output."""
    if len(problem.distortions) != 1 or len(problem.perceptions) != 1 or problem.perceptions[0].part is None:
        return problem
    (limit,), (ball,) = problem.distortions, problem.perceptions
    parts = [ball.part == number for number in range(ball.reference.size)]
    table = np.stack([limit.table[:, part].min(axis=1, initial=np.inf) for part in parts], axis=1)
    return DiscreteProblem(problem.weights, (replace(limit, costs=table),), (replace(ball, image=None, axis=None),))


def _too_tight_for(problem: DiscreteProblem) -> str:
    return TOO_TIGHT if len(problem.reduced.distortions) == 1 else TOO_TIGHT_TOGETHER


def zero_rate(problem: DiscreteProblem) -> UpperBound | None:
    """A channel (n, m) that ignores its input and keeps every limit, as judged, or None if this search finds none.

    With one distortion and at most one ball the search is exact: the law of the ball with the least mean distortion
    is where the support function of the ball touches. So it is with several distortions and no ball.
    """
    if problem.by_products:
        return _zero_rate_by_products(problem)
    reduced = problem.reduced
    if len(reduced.distortions) > 1 and not reduced.perceptions:
        return _zero_rate_of_several(problem)
    if len(reduced.distortions) > 1 or len(reduced.perceptions) > 1:
        return None
    if any(ball.image is not None for ball in reduced.perceptions):
        return None
    limit = reduced.distortions[0]
    cost = reduced.probabilities @ limit.table
    if not float(cost.min()) <= CLEARLY * limit.limit:
        return None
    for ball in reduced.perceptions:
        if -ball.divergence.support_roughly(-cost, ball.reference, ball.limit) > CLEARLY * limit.limit:
            return None
    law = min_cost_law(cost, reduced.perceptions).law
    used = law > 0.0
    if float(law[used] @ cost[used]) > limit.limit:
        return None
    for ball in reduced.perceptions:
        if ball.value(law) > ball.limit + ball.divergence.uncertainty(ball.reference, law, ROUNDED):
            return None
    if _keeps_exactly(problem, law):
        return UpperBound(0.0, np.tile(law / law.sum(), (problem.probabilities.size, 1)))
    found = upper_bound(problem, np.tile(law / law.sum(), (problem.probabilities.size, 1)))
    return found if found.rate <= NEXT_TO_NOTHING else None


def _zero_rate_of_several(problem: DiscreteProblem) -> UpperBound | None:
    """The law that is furthest inside all limits on E d, if it is inside them."""
    reduced = problem.reduced
    costs = np.array([reduced.probabilities @ limit.table for limit in reduced.distortions])
    limits = np.array([limit.limit for limit in reduced.distortions])
    allowed = np.isfinite(costs).all(axis=0)
    if not allowed.any():
        return None
    law, _ = least_excess(np.ones(1), [cost[None, :] for cost in costs], limits)
    if law is None or (np.where(allowed, costs, 0.0) @ law[0] > limits).any():
        return None
    found = upper_bound(problem, np.tile(law[0] / law[0].sum(), (problem.probabilities.size, 1)))
    return found if found.rate <= NEXT_TO_NOTHING else None


def _zero_rate_by_products(problem: DiscreteProblem) -> UpperBound | None:
    """The same without a table, where the limits are kept beyond the rounding of their evaluation."""
    (limit,), p = problem.distortions, problem.probabilities
    geometry, D, _ = limit.measured
    law = min_cost_law(geometry.mean_backward(p), problem.perceptions).law
    law = law / law.sum()
    for ball in problem.perceptions:
        if np.array_equal(law, ball.reference):
            continue
        if ball.value(law) + ball.divergence.uncertainty(ball.reference, law, 4.0 * UNIT_ROUNDOFF) > ball.limit:
            law = ball.reference
    means = geometry.mean(law)
    error = geometry.rounding(1.0).mean + (p.size + 16.0) * UNIT_ROUNDOFF * float(p @ means)
    return UpperBound(0.0, None) if float(p @ means) + error <= D else None


def _keeps_exactly(problem: DiscreteProblem, law: FloatArray) -> bool:
    """Whether a law is in the ball and its mean distortion at most D beyond any rounding.

    In the ball means that it is the reference, or that there is none. Σ_ij p_i r_j (D - d_ij) is summed in rational
    numbers, where that is quick.
    """
    for ball in problem.perceptions:
        if not (ball.divergence.faithful and np.array_equal(law, ball.reference)):
            return False
    if not problem.finite:
        return True
    (limit,) = problem.finite
    rows, columns = np.flatnonzero(problem.weights), np.flatnonzero(law)
    if rows.size * columns.size > EXACT:
        return False
    D, total = Fraction(limit.limit), Fraction(0)
    table = limit.table[np.ix_(rows, columns)].tolist()
    masses, shares = problem.weights[rows].tolist(), [Fraction(r) for r in law[columns].tolist()]
    for mass, row in zip(masses, table, strict=True):
        total += Fraction(mass) * sum(r * (D - Fraction(d)) for r, d in zip(shares, row, strict=True))
    return total >= 0


def least_distortion(problem: DiscreteProblem) -> float:
    """A proved lower bound on E d (less the row minima) of the channels whose output law stays in the ball."""
    reduced = problem.reduced
    if len(reduced.distortions) != 1 or len(reduced.perceptions) != 1 or reduced.perceptions[0].image is not None:
        return 0.0
    limit = reduced.distortions[0]
    doubtless = limit.limit * (1.0 + 2.0 * BEYOND)  # a bound that ends the search there leaves no doubt
    return min_distortion_channel(reduced.probabilities, limit.table, reduced.perceptions[0], doubtless).lower


def min_cost_law(cost: FloatArray, balls: tuple[PerceptionLimit, ...]) -> Support:
    """The law r with the least <cost, r> within at most one ball, and a proved lower bound on that as `value`.

    A cost of inf is paid nowhere if the law in the ball can avoid it.
    """
    if not balls:
        law = np.zeros(cost.size)
        law[int(np.argmin(cost))] = 1.0
        return Support(float(cost.min()), law)
    barred = np.isinf(cost)
    if barred.any():
        dear = np.where(barred, 0.0, cost)
        found = min_cost_law(np.where(barred, DEAR * (1.0 + np.abs(dear).max()), cost), balls)
        kept = np.where(barred, 0.0, found.law)
        allowed = kept.any() and balls[0].value(kept / kept.sum()) <= balls[0].limit
        return Support(found.value, kept / kept.sum() if allowed else found.law)
    ball = balls[0]
    found = ball.divergence.support(-cost, ball.reference, ball.limit)
    law, shrinkage = found.law, SHRINKAGE
    if ball.has_zero_cost_moves and ball.is_zero_radius:
        return Support(-found.value - _rounding(cost), law)
    reached, inside = ball.value(law), inner_law(ball) if ball.has_zero_cost_moves else ball.reference
    while reached > ball.limit and shrinkage < 1.0:  # the search for the support ends within rounding of the boundary
        shrinkage = min(1.0, max(4.0 * shrinkage, 1.0 - ball.limit / reached if np.isfinite(reached) else 1.0))
        law = (1.0 - shrinkage) * law + shrinkage * inside
        reached = ball.value(law)
    return Support(-found.value - _rounding(cost), law)


def drawn_in(ball: PerceptionLimit, law: FloatArray, cost: FloatArray) -> float:
    """What <cost, r> rises by as a law r that rounding may have left outside a ball is drawn to the reference.

    δ is convex: it falls from P + ε to P at the share ε/(P + ε) of the way.
    """
    if not (0.0 < ball.limit < np.inf and ball.divergence.faithful):
        return 0.0
    unsure = ball.divergence.uncertainty(ball.reference, law, 4.0 * UNIT_ROUNDOFF)
    beyond = max(0.0, ball.value(law) + unsure - ball.limit)
    rise = max(0.0, float((ball.reference - law) @ cost)) if beyond > 0.0 else 0.0
    return beyond / (beyond + ball.limit) * rise if beyond < np.inf else rise


def _rounding(cost: FloatArray) -> float:
    return float(np.finfo(np.float64).eps) * (cost.size + 8) * float(np.abs(cost).max())


def _too_tight(problem: DiscreteProblem) -> bool:
    if len(problem.reduced.distortions) > 1:
        return _too_tight_together(problem.reduced)
    return least_distortion(problem) > problem.reduced.distortions[0].limit * (1.0 + BEYOND)


def _out_of_reach(problem: DiscreteProblem) -> bool:
    """Whether no law of an f-divergence ball can be made within D, as one symbol alone shows.

    Two laws are told apart at least as well as their masses on a symbol j and on the rest. That of the output is at
    most Σ_i min(p_i, room/d_ij), where room is what D leaves above the least distortion, and at least the sum over the
    rows that cost nothing at j of p_i - room/min_{j' ≠ j} d_ij'.
    """
    reduced = problem.reduced
    if len(reduced.perceptions) != 1 or len(problem.finite) != 1:
        return False
    (ball,), (limit,), p = reduced.perceptions, reduced.distortions, reduced.probabilities
    if ball.image is not None or not ball.divergence.merges or limit.table.shape[1] == 1:
        return False
    q, P, room = ball.reference, ball.limit, limit.limit * (1.0 + BEYOND)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        reach = np.where(limit.table > 0.0, room / limit.table, np.inf)
    kept = np.maximum(p - np.sort(reach, axis=1)[:, -2], 0.0)  # of the second cheapest cell
    rounding = UNIT_ROUNDOFF * (p.size + 8)
    least = kept @ (limit.table == 0.0) * (1.0 - rounding)
    most = np.minimum(np.minimum(p[:, None], reach).sum(axis=0) * (1.0 + rounding), 1.0)
    for mass in np.flatnonzero((q < least) | (q > most)):
        here = least[mass] if q[mass] < least[mass] else most[mass]
        first, second = np.array([q[mass], 1.0 - q[mass]]), np.array([here, 1.0 - here])
        told = ball.divergence.value(first, second)
        if first[1] == second[1] == 1.0 and ball.divergence.ours:
            told *= 1.0 - NEXT_TO_NOTHING  # what the rest adds is lost, and what is left is right to its last digits
        else:
            told -= ball.divergence.uncertainty(first, second, ROUNDED)
        if told > P:
            return True
    return False


def _too_tight_together(reduced: DiscreteProblem) -> bool:
    """Whether some mixture of the distortions is above that of their limits, without the ball or within it.

    The mixture is sought by weights that grow with what a channel of least mixed distortion is above its limits.
    """
    p, tables = reduced.probabilities, np.array([limit.table for limit in reduced.distortions])
    limits = np.array([limit.limit for limit in reduced.distortions])
    if least_excess(p, list(tables), limits)[1] > TOO_MUCH:
        return True
    if len(reduced.perceptions) != 1 or reduced.perceptions[0].image is not None:
        return False
    sizes = np.maximum(limits, [float(p @ limit.paid.max(axis=1)) for limit in reduced.distortions])
    weights = 1.0 / np.where(sizes > 0.0, sizes, 1.0)
    for _ in range(MIXTURES):
        mixed, enough = np.tensordot(weights, tables, axes=(0, 0)), float(weights @ limits)
        found = min_distortion_channel(p, mixed, reduced.perceptions[0], enough)
        if found.lower > enough * (1.0 + TOO_MUCH):
            return True
        if found.channel is None:
            return False
        above = (reduced.expected_distortions(found.channel) - limits) / np.where(sizes > 0.0, sizes, 1.0)
        if (above <= 0.0).all() or not np.isfinite(above).all():
            return False
        weights *= np.exp(above / np.abs(above).max())
    return False
