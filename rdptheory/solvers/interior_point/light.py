"""Symbols that weigh too little to matter: they are left out of the iteration, and put back before the judge looks.

A tail of total mass ε holds at most ε log(n/ε) nats of any rate, but its rows of the Newton system are out of
proportion to all others. Whatever is put back costs the bracket as much as the judge finds that it costs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy

from rdptheory._types import FloatArray, frozen_array
from rdptheory.divergences import TransportDivergence
from rdptheory.methods import Outcome
from rdptheory.problems import DiscreteProblem

__all__ = ["restored", "without_light"]

LIGHT = 1e-4
"""Mass of a light symbol in units of the gap asked for: some thirty times that is what leaving it out can cost."""
ADDED = 1e-4
"""Share of the gap by which a light row may raise a column sum."""
TINY = 1e-300
"""In place of the mass of a symbol that the law does not use."""
LOWEST = -1e4
"""Least dual variable of a light row: where no kept row reaches a column that it needs, nothing else bounds it."""


def without_light(problem: DiscreteProblem, gap: float) -> DiscreteProblem | None:
    """The problem with no mass on light symbols, or None if there are none.

    The reference of a transport ball loses them too: its plan would have to settle every one of them.
    """
    p = _heavy(problem.probabilities, gap)
    balls = tuple(
        replace(ball, reference=_heavy(ball.reference, gap))
        if isinstance(ball.divergence, TransportDivergence)
        else ball
        for ball in problem.perceptions
    )
    if p is problem.probabilities and all(
        one.reference is other.reference for one, other in zip(balls, problem.perceptions, strict=True)
    ):
        return None
    return replace(problem, probabilities=p, perceptions=balls)


def _heavy(law: FloatArray, gap: float) -> FloatArray:
    """The law without its light symbols; the same array if it has none."""
    light = (law > 0.0) & (law <= LIGHT * gap)
    if not light.any():
        return law
    heavy = np.where(light, 0.0, law)
    return frozen_array(heavy / heavy.sum())


def restored(problem: DiscreteProblem, lighter: DiscreteProblem, outcome: Outcome, gap: float) -> Outcome:
    """An outcome of the lighter problem, with rows and dual variables for the symbols that were left out.

    With c_j the column sums of the kept rows, a light row is W_ij ∝ r_j exp(-s d_ij)/c_j, as the conditions of
    optimality say, and f_i its normaliser unless that would raise a c_j.
    """
    channel, dual = outcome.channel, outcome.dual
    if channel is None or dual is None:
        return Outcome(steps=outcome.steps, sentence=outcome.sentence)
    reduced = problem.reduced
    p, kept = reduced.probabilities, lighter.probabilities[problem.probabilities > 0.0] > 0.0
    cost = np.zeros(reduced.shape)
    for slope, limit in zip(dual.s, reduced.distortions, strict=True):
        cost += np.where(limit.table > 0.0, np.inf, 0.0) if limit.limit <= 0.0 else slope * limit.table
    log_c = scipy.special.logsumexp((np.log(p[kept]) + dual.f)[:, None] - cost[kept], axis=0)
    law = lighter.reduced.probabilities @ channel
    reach = np.where(np.isfinite(log_c), cost[~kept] + log_c, np.inf)
    least = reach.min(axis=1)
    alone = ~np.isfinite(least)  # rows whose symbols nobody else reaches
    least = np.where(alone, 0.0, least)
    weights = np.maximum(law, TINY) * np.exp(least[:, None] - reach)
    weights[alone] = np.where(np.isfinite(cost[~kept][alone]), np.maximum(law, TINY), 0.0)
    f = np.full(p.size, LOWEST)
    f[kept] = dual.f
    room = np.log(ADDED * gap) - np.log(p[~kept])
    f[~kept] = np.maximum(LOWEST, least + np.minimum(-np.log(weights.sum(axis=1)), room))
    rows = np.empty(reduced.shape)
    rows[kept] = channel
    rows[~kept] = weights / weights.sum(axis=1, keepdims=True)
    return replace(outcome, channel=rows, dual=replace(dual, f=f))
