"""Where the interior point begins: weights that match the starting law decide most of the iteration count."""

from __future__ import annotations

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.divergences import TransportDivergence
from rdptheory.problems import PerceptionLimit
from rdptheory.solvers.interior_point.balls import Ball
from rdptheory.solvers.interior_point.core import Model, State

__all__ = ["inner_law", "slope_for", "start"]

TARGET = 0.95
ZETA = 0.1
BARE = 1e-10
SPENT = 0.3, 0.5  # of the room in a transport ball, by the law to begin from
SHARPEST = 80.0  # log of its greatest slope against a cost scaled to 1


def start(
    p: FloatArray,
    tables: tuple[FloatArray, ...],
    forbidden: FloatArray | None,
    balls: tuple[Ball, ...],
    law: FloatArray | None,
    floor: float,
) -> tuple[Model, State]:
    """A model with its weights, and a state with no residual in log c.

    `law` is the output law to begin from (None: uniform); without a ball one Blahut-Arimoto step follows. `floor`
    bounds the weights from below, in units of 1/m; symbols without mass get at least BARE/m.
    """
    n, m = tables[0].shape if tables else (p.size, balls[0].q.size)
    bare = min([BARE, *(1e-3 * ball.P for ball in balls if ball.priced)])
    r = np.full(m, 1.0 / m) if law is None else np.maximum(law, np.where(law > 0.0, floor, bare) / m)
    r = r / r.sum()
    s = slope_for(tables, p, r, forbidden)
    if not balls:  # one Blahut-Arimoto step
        channel = _kernel(tables, forbidden, s, (n, m))[0] * r
        channel /= channel.sum(axis=1, keepdims=True)
        r = np.maximum(p @ channel, max(floor, 1e-12) / m)
        r /= r.sum()
        s = slope_for(tables, p, r, forbidden)
    model = Model(p, tables, forbidden, balls, r.copy())
    kernel, shift = _kernel(tables, forbidden, s, (n, m))
    f = shift - np.log(kernel @ r)
    kernel *= (p * np.exp(f - shift))[:, None]
    log_c = np.log(np.maximum(kernel.sum(axis=0), 1e-300))
    lift = float(log_c.max()) + ZETA
    f, z = f - lift, lift - log_c
    joint = _kernel(tables, forbidden, s, (n, m))[0] * r
    joint *= (p / joint.sum(axis=1))[:, None]
    excess = np.array([1.0 - float(np.vdot(joint, table)) for table in tables])
    w = np.maximum(excess, 1.0 - TARGET)
    room = float(r @ z)
    begun = [ball.begin(r if ball.image is None else ball.image @ r, room) for ball in balls]
    priced = [one for ball, one in zip(balls, begun, strict=True) if ball.priced]
    left = np.concatenate([r, s, [one.mu for one in priced], *(one.own.left for one in begun)])
    right = np.concatenate([z, w, [one.w for one in priced], *(one.own.right for one in begun)])
    return model, State(f, left, right, tuple(one.own.free for one in begun))


def _kernel(
    tables: tuple[FloatArray, ...], forbidden: FloatArray | None, s: FloatArray, shape: tuple[int, int]
) -> tuple[FloatArray, FloatArray]:
    """exp(shift_i - Σ s_k d^k_ij) with the largest entry of every row 1, and the shift."""
    cost = np.zeros(shape)
    for value, table in zip(s, tables, strict=True):
        cost += value * table
    if forbidden is not None:
        cost[forbidden > 0.0] = np.inf
    shift = cost.min(axis=1)
    return np.exp(shift[:, None] - cost), shift


def slope_for(
    tables: tuple[FloatArray, ...], p: FloatArray, r: FloatArray, forbidden: FloatArray | None = None
) -> FloatArray:
    """s_k that bring the mean distortion of r's Blahut-Arimoto channel to the target: Newton on log s, safeguarded."""
    K = len(tables)
    if K == 0:
        return np.empty(0)
    mean = [float(p @ table @ r) for table in tables]
    total = tables[0] if K == 1 else np.mean(np.stack(tables), axis=0)
    goal = min(TARGET, 0.9 * float(np.mean(mean)))
    if goal <= 0.0:
        return np.full(K, 1.0)
    low, high = -np.inf, np.inf
    x = float(np.log(1.0 / max(goal, 1e-300)))
    for _ in range(60):
        s = float(np.exp(x))
        kernel, _ = _kernel((total,), forbidden, np.array([s]), total.shape)
        kernel *= r
        kernel *= (p / kernel.sum(axis=1))[:, None]
        first = float(np.vdot(kernel, total))
        if abs(first - goal) <= 0.02 * goal:
            break
        low, high = (x, high) if first > goal else (low, x)
        kernel *= total
        rows = kernel.sum(axis=1)
        second = float(np.vdot(kernel, total)) - float((rows * rows / p).sum())
        step = (first - goal) / (s * second) if second > 0.0 else np.copysign(2.0, first - goal)
        following = x + float(np.clip(step, -3.0, 3.0))
        if not low < following < high:
            following = 0.5 * (low + high) if np.isfinite(low + high) else x + float(np.copysign(2.0, first - goal))
        x = following
    return np.full(K, s / K)


def inner_law(ball: PerceptionLimit) -> FloatArray:
    """A law inside the ball: the reference, or for a transport ball the reference blurred until that costs a part of P.

        r = Σ_i q_i κ_i,    κ_ij = exp(-t c_ij) / Σ_j' exp(-t c_ij')

    The masses of a rough reference would make the path visit its heaviest symbols one after the other.
    """
    if not isinstance(ball.divergence, TransportDivergence) or (ball.limit == 0.0 and not ball.has_zero_cost_moves):
        return ball.reference
    q = ball.reference
    c = ball.divergence.cost - ball.divergence.cost.min(axis=1, keepdims=True)
    room = ball.limit - float(q @ ball.divergence.cost.min(axis=1))
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
