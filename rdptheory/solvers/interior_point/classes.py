"""Where few channels are left: one, or, with the law of the source itself, those that do not leave classes of symbols.

If E d = 0 is asked for and the output law is that of the source, a symbol i may be sent to j only where d_ij = 0, and
what is sent from one set of symbols to another has to come back. So i is sent to j only if j can be sent back to i by
way of others: the strongly connected classes of the graph d_ij = 0. Between classes the path of a barrier and the
scaling of rows and columns crawl towards entries that are 0 in every channel. With p(C) the mass of a class,

    R = H(C) + Σ_C p(C) R_C.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy

from rdptheory._types import FloatArray, IntArray, frozen_array
from rdptheory.certificates import copy_costs_nothing
from rdptheory.divergences import TotalVariation
from rdptheory.methods import DualPoint, Outcome
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit
from rdptheory.solvers.outcome import Proof, judged

__all__ = ["by_classes", "only_channel"]

APART = 32.0
"""Nats between classes, beyond what their numbers take: what one adds to the columns of another is then rounding."""


def only_channel(problem: DiscreteProblem) -> Proof | None:
    """The one channel where each symbol has one reconstruction left, with R = H(Y); None where there is a choice.

    f_i = -log r(y_i) and s = 0 prove it: every column sum is at most 1. Whether Y keeps a ball is for the judge.
    """
    reduced = problem.reduced
    if reduced.closed is None:
        return None
    channel = np.where(reduced.closed, 0.0, 1.0)
    if not (channel.sum(axis=1) == 1.0).all():
        return None
    law = reduced.probabilities @ channel
    v = tuple(np.zeros(law.size if ball.image is None else ball.image.shape[0]) for ball in reduced.perceptions)
    dual = DualPoint(-np.log(channel @ law), np.zeros(len(reduced.distortions)), v, np.zeros(len(v)), centred=True)
    return judged(problem, Outcome(channel, dual))


def by_classes(problem: DiscreteProblem, gap: float, solve: Callable[[DiscreteProblem, float], Proof]) -> Proof | None:
    """The question class by class, or None where it is another question or has one class; `solve` takes the classes."""
    reduced = problem.reduced
    if len(reduced.distortions) != 1 or len(reduced.perceptions) != 1 or reduced.distortions[0].limit != 0.0:
        return None
    ball = reduced.perceptions[0]
    if not (ball.is_zero_radius and ball.divergence.definite and ball.image is None and copy_costs_nothing(problem)):
        return None
    held = np.flatnonzero(problem.probabilities > 0.0)
    table, p = reduced.distortions[0].table[:, held], reduced.probabilities
    count, names = scipy.sparse.csgraph.connected_components(
        scipy.sparse.csr_array(table == 0.0), directed=True, connection="strong"
    )
    if count == 1:
        return None
    channel, f, steps = np.zeros((p.size, problem.shape[1])), np.zeros(p.size), 0
    for name in range(count):
        inside = np.flatnonzero(names == name)
        own = frozen_array(p[inside] / p[inside].sum())
        if inside.size == 1:
            channel[inside, held[inside]] = 1.0
            continue
        limit = DistortionLimit(frozen_array(table[np.ix_(inside, inside)]), 0.0)
        found = solve(DiscreteProblem(own, (limit,), (PerceptionLimit(TotalVariation(), own, 0.0),)), gap)
        steps += found.steps
        if found.channel is None or found.outcome.dual is None:
            return None
        channel[np.ix_(inside, held[inside])] = found.channel
        f[inside] = found.outcome.dual.f
    f += _levels(table, p, f, names)
    return judged(problem, Outcome(channel, DualPoint(f, np.zeros(1), centred=True), steps))


def _levels(table: FloatArray, p: FloatArray, f: FloatArray, names: IntArray) -> FloatArray:
    """What to add to f so that a class adds next to nothing to the columns of another that it could be sent to."""
    heights = np.log(p) + f
    columns = np.array(
        [scipy.special.logsumexp(heights[(names == names[j]) & (table[:, j] == 0.0)]) for j in range(p.size)]
    )
    step = APART + max(0.0, float(heights.max() - columns.min()))
    level = np.zeros(int(names.max()) + 1)
    sent = {(int(names[i]), int(names[j])) for i, j in zip(*np.nonzero(table == 0.0), strict=True)}
    for _ in level:  # the longest way from a class that nobody is sent to
        for source, target in sent:
            if source != target:
                level[target] = max(level[target], level[source] + 1.0)
    return np.asarray(step * level[names])
