"""A law to begin from."""

from __future__ import annotations

import numpy as np

from rdptheory._types import FloatArray, Remembered, frozen_array
from rdptheory.problems import PerceptionLimit

__all__ = ["inner_law"]

SPENT = 0.3, 0.5  # of the room in a transport ball, by the law to begin from: well inside, and not at the reference
SHARPEST = 80.0  # log of its greatest slope against a cost scaled to 1: exp(-exp(80) c) is 0 for every c that is a cost


def inner_law(ball: PerceptionLimit) -> FloatArray:
    """A law inside the ball: the reference, or for a transport ball the reference blurred until that costs a part of P.

        r = Σ_i q_i κ_i,    κ_ij = exp(-t c_ij) / Σ_j' exp(-t c_ij')

    The masses of a rough reference would make the path visit its heaviest symbols one after the other.
    """
    cost, q = ball.divergence.cost, ball.reference
    if cost is None or (ball.limit == 0.0 and not ball.has_zero_cost_moves):
        return q
    known = _BLURRED((cost, q), dict)
    law = known.get(ball.limit)
    if law is None:
        law = frozen_array(_blurred(ball, cost, q))
        known.clear()  # a path has one P
        known[ball.limit] = law
    return law


_BLURRED: Remembered[dict[float, FloatArray]] = Remembered()


def _blurred(ball: PerceptionLimit, cost: FloatArray, q: FloatArray) -> FloatArray:
    least = cost.min(axis=1)
    c = cost - least[:, None]
    room = ball.limit - float(q @ least)
    highest = float(c.max())
    if highest > 0.0:
        c /= highest
        room /= highest
    low, high = -SHARPEST, SHARPEST
    while True:
        x = 0.5 * (low + high) if high - low > 1.0 else high  # the sharper end keeps within the room
        plan = np.exp(-np.exp(x) * c)
        plan *= (q / plan.sum(axis=1))[:, None]
        spent = float(np.vdot(plan, c))
        if SPENT[0] * room <= spent <= SPENT[1] * room or x == high:
            return np.asarray(plan.sum(axis=0))
        low, high = (x, high) if spent > SPENT[1] * room else (low, x)
