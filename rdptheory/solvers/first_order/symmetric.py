"""R(D,0) where the distortion is symmetric: one vector, one product a step, a contraction by 1/3 at any rate.

The channel of a self-transport with symmetric d has h = p u, so that f = log u solves f = -log K(p e^f). Iterate

    f ← (1-θ) f - θ log K(p e^f),   θ = 2/3.

An error of f is multiplied by 1 - θ(1 + λ), where λ runs through the eigenvalues of the channel. They lie in [0, 1]
when K is positive semidefinite, so that θ = 2/3 contracts by 1/3 whatever the rate; Sinkhorn contracts by λ₂², which is
near 1 at high rates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rdptheory.certificates.products import TINY, Iterate, OperatingPoint
from rdptheory.solvers.first_order.loop import NUDGE, SLACK, Found, Incumbent, Question, aimed, elasticity, next_slope
from rdptheory.solvers.first_order.method import FirstOrder

__all__ = ["run_symmetric"]

THETA = 2.0 / 3.0  # makes both ends of the spectrum [0, 1] contract by 1/3
CHECK_EVERY = 3  # steps between evaluations of both ends, which cost as much as they do
PATIENCE = 300  # steps; an indefinite kernel may contract slowly, and the general loop takes over


def run_symmetric(question: Question, method: FirstOrder, s: float, anchors: Sequence[OperatingPoint]) -> Found:
    """Iterate until the proved gap is at most `method.gap`.

    Parameters
    ----------
    question : Question
        With a symmetric kernel and a ball of radius 0 around the source law p.
    method : FirstOrder
    s : float
        Start of the slope, which follows E d to D.
    anchors : sequence of OperatingPoint
        Channels that meet both limits.
    """
    p, kernel, D, ball = question.p, question.kernel, question.D, question.ball
    incumbent, gibbs = Incumbent(question), kernel.at(s)
    f = -0.5 * np.log(np.maximum(gibbs.forward(p), TINY))
    steps = min(PATIENCE, method.max_steps)
    for step in range(steps + 1):
        if step % CHECK_EVERY == CHECK_EVERY - 1 or step == steps:
            point = Iterate.of(p, gibbs, s, ball.log_reference + f)
            projection = ball.project(point.log_h)
            incumbent.raise_lower(point.f, point.log_m, s, projection)
            inner = Iterate.of(p, kernel.at(NUDGE * s), NUDGE * s, point.log_h)
            incumbent.cut_upper([question.reach(point), question.reach(inner)], anchors)
            if incumbent.gap <= method.gap or incumbent.infeasible:
                break
            aim = aimed(D, s, method.gap)
            if D > 0.0 and s * abs(point.distortion - aim) > SLACK * method.gap:
                s = next_slope(s, point.distortion, aim, elasticity(point, inner))
                gibbs = kernel.at(s)
            f = (1.0 - THETA) * f + THETA * point.f
        else:
            f = (1.0 - THETA) * f - THETA * np.log(np.maximum(gibbs.forward(p * np.exp(f)), TINY))
    return Found(incumbent, point, projection.mu, step)
