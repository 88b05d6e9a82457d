"""Symbols that weigh too little to matter: they are left out of the iteration, and put back before the judge looks.

A tail of total mass ε holds at most ε log(n/ε) nats of any rate, but its rows of the Newton system are out of
proportion to all others. Whatever is put back costs the bracket as much as the judge finds that it costs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy

from rdptheory._types import FloatArray, frozen_array
from rdptheory.methods import Outcome
from rdptheory.problems import DiscreteProblem

__all__ = ["restored", "without_light"]

LIGHT = 1e-4
"""Mass of a light symbol in units of the gap asked for: some thirty times that is what leaving it out can cost."""
ADDED = 1e-4
"""Share of the gap by which a light row may raise a column sum."""
TINY = 1e-300
"""In place of a sum that underflowed."""
LOWEST = -1e4
"""Least dual variable of a light row: where no kept row reaches a column that it needs, nothing else bounds it."""


def without_light(problem: DiscreteProblem, gap: float) -> DiscreteProblem | None:
    """`problem.reduced` without mass on light symbols, or None if it has none. The references of balls lose them too.

    Reduced, because what the light symbols spend at least is off its D, and the others may spend what is left.
    """
    reduced = problem.reduced
    laws = {id(law): law for law in [reduced.probabilities, *[ball.reference for ball in reduced.perceptions]]}
    if all([float(law.min()) > LIGHT * gap for law in laws.values()]):
        return None
    p = _heavy(reduced.probabilities, gap)
    balls = tuple(replace(ball, reference=_heavy(ball.reference, gap)) for ball in reduced.perceptions)
    if p is reduced.probabilities and all(
        one.reference is other.reference for one, other in zip(balls, reduced.perceptions, strict=True)
    ):
        return None
    return replace(reduced, probabilities=p, perceptions=balls)


def _heavy(law: FloatArray, gap: float) -> FloatArray:
    """The law without its light symbols; the same array if it has none."""
    light = (law > 0.0) & (law <= LIGHT * gap)
    if not light.any():
        return law
    heavy = np.where(light, 0.0, law)
    return frozen_array(heavy / heavy.sum())


def restored(problem: DiscreteProblem, lighter: DiscreteProblem, outcome: Outcome, gap: float) -> Outcome:
    """An outcome of the lighter problem, with rows and dual variables for the symbols that were left out.

    With c_j the column sums of the kept rows, f_i is the normaliser of r_j exp(-s d_ij)/c_j, as the conditions of
    optimality say, unless that would raise a c_j. A light symbol is sent to its cheapest reconstruction, which takes
    nothing from D.
    """
    channel, dual = outcome.channel, outcome.dual
    if channel is None or dual is None:
        return Outcome(steps=outcome.steps, sentence=outcome.sentence)
    reduced = problem.reduced
    p, kept = reduced.probabilities, lighter.probabilities > 0.0
    cost = np.zeros(reduced.shape)
    for slope, limit in zip(dual.s, reduced.distortions, strict=True):
        shut = limit.table > 0.0 if limit.limit <= 0.0 else np.isinf(limit.table)
        cost += np.where(shut, np.inf, slope * limit.paid)
    log_c = scipy.special.logsumexp((np.log(p[kept]) + dual.f)[:, None] - cost[kept], axis=0)
    law = lighter.reduced.probabilities @ channel
    reach = cost[~kept] + np.where(np.isfinite(log_c), log_c, np.inf)
    used = np.where(law > 0.0, reach, np.inf)
    nearest = np.where(np.isfinite(used).any(axis=1), used.min(axis=1), 0.0)
    total = np.maximum((law * np.exp(nearest[:, None] - used)).sum(axis=1), TINY)
    room = np.log(ADDED * gap) - np.log(p[~kept]) + reach.min(axis=1)
    f = np.full(p.size, LOWEST)
    f[kept] = dual.f
    f[~kept] = np.clip(np.minimum(nearest - np.log(total), room), LOWEST, -LOWEST)
    rows = np.empty(reduced.shape)
    rows[kept] = channel / np.maximum(channel.sum(axis=1, keepdims=True), TINY)
    rows[~kept] = 0.0
    rows[
        np.flatnonzero(~kept), np.sum([limit.table[~kept] for limit in reduced.distortions], axis=0).argmin(axis=1)
    ] = 1.0
    for ball, other in zip(reduced.perceptions, lighter.perceptions, strict=True):
        if ball.image is None and ball.divergence.cost is None:  # some f-divergences want every symbol used
            rows += np.where(other.reference > 0.0, 0.0, ball.reference)
    return replace(outcome, channel=rows, dual=replace(dual, f=f))
