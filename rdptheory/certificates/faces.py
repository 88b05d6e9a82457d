"""Channels with the very law of a reference: the exact one that lies next to one in float64.

Where D is the least distortion or entries are forbidden, and the output law is prescribed, no mixture with a channel
inside the limits exists, and whatever float64 leaves of the output law cannot be put back as a product. But mass can be
sent round: a row that uses column j and may use j' turns what j has too much into what j' lacks. If such moves lead
from every column to every other, an exact channel is within a few roundings of the one at hand, and its rate is too.
"""

from __future__ import annotations

from math import log

import numpy as np
import scipy
from numpy.typing import NDArray

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, IntArray
from rdptheory.doors import guard
from rdptheory.problems import DiscreteProblem

__all__ = ["on_the_face"]

BoolArray = NDArray[np.bool_]

MOST = 400  # rows and columns together: the polishing solves dense systems of them, in some hundredths of a second
POLISHING = 6  # Newton steps towards both marginals: each squares what is off
DECADES = 18.0  # nats of what columns are off, that are looked at together
FAINT = 1e-150  # mass of a row or column whose scale float64 no longer holds beside others
TINY = float(np.finfo(np.float64).tiny)  # in place of a limit of 0, where costs are compared in units of it
NEXT = 0.01  # mass by which the law may be off that of the reference: beyond, the channel is next to no face
CLOSE = 1e-13  # mass that may be off its law at most: what is sent round stays a tenth of what `Solution` promises


def on_the_face(problem: DiscreteProblem, channel: FloatArray) -> tuple[FloatArray, float] | None:
    """A channel (n, m) on the symbols of positive mass next to the one given, and by how much the rate of an exact one
    within D and with the output law of the reference may be above its own; None if there is no such proof."""
    reduced = problem.reduced
    if len(reduced.perceptions) != 1 or sum(channel.shape) > MOST or any(x.limit < 0.0 for x in reduced.distortions):
        return None
    (ball,) = reduced.perceptions
    p, q = reduced.probabilities, ball.reference
    if ball.image is not None or q.size != channel.shape[1] or not ball.divergence.faithful:
        return None
    if not float(np.abs(p @ channel - q).sum()) <= NEXT:
        return None
    free = np.all([limit.table == 0.0 for limit in reduced.distortions], axis=0)
    idle = bool(channel[~free].any())
    if idle:  # what is sent round may then cost something, if D has room for it
        free = np.all([np.isfinite(limit.table) for limit in reduced.distortions], axis=0)
    if channel[~free].any() or channel[:, q <= 0.0].any():
        return None
    drawn, copy = _next_to(problem, p[:, None] * channel, free), _copy(problem)
    limits = np.array([limit.limit for limit in reduced.distortions])
    if drawn is not None and idle and copy is not None and limits.min() > 0.0:
        short = np.maximum(_short(reduced, *drawn), 0.0)
        if short.any():  # a copy of X leaves all of D, and has the law that is asked for
            share = float((2.0 * short / (2.0 * short + limits)).max())
            drawn = _next_to(problem, (1.0 - share) * drawn[0] + share * copy, free)
    if drawn is None or (idle and _short(reduced, *drawn).max() > 0.0):
        return None
    plan, moved, _ = drawn
    if not float(plan.min()) >= 0.0:
        return None
    # entropies of the joint law and of the output law change by no more than this [a law that moves by `moved`]
    unsure = 2.0 * moved * (log(plan.size) + 1.0 - log(moved))
    return plan / plan.sum(axis=1, keepdims=True), unsure


def _copy(problem: DiscreteProblem) -> FloatArray | None:
    """The joint law of X and itself, where that costs nothing and has the law of the reference."""
    reduced = problem.reduced
    p, held = reduced.probabilities, np.flatnonzero(problem.probabilities > 0.0)
    if not _same(problem) or any(limit.table[np.arange(p.size), held].any() for limit in reduced.distortions):
        return None
    copy = np.zeros(reduced.shape)
    copy[np.arange(p.size), held] = p
    return copy


def _same(problem: DiscreteProblem) -> bool:
    """Whether the reference is the law of X."""
    p, q, size = problem.reduced.probabilities, problem.reduced.perceptions[0].reference, problem.probabilities.size
    return p.size <= q.size == size and np.array_equal(q[problem.probabilities > 0.0], p)


def _next_to(problem: DiscreteProblem, plan: FloatArray, free: BoolArray) -> tuple[FloatArray, float, BoolArray] | None:
    """The plan with marginals right to rounding, the mass by which an exact one differs, the cells where that may go;
    None if there is no such proof."""
    p, q = problem.reduced.probabilities, problem.reduced.perceptions[0].reference
    plan, moved, used = plan.copy(), 0.0, np.zeros_like(free)
    held, same = np.flatnonzero(problem.probabilities > 0.0), _same(problem)
    cost = np.sum([limit.paid / max(limit.limit, TINY) for limit in problem.reduced.distortions], axis=0)
    count, rows, columns = _classes(plan)
    for name in range(count):
        i, j = np.flatnonzero(rows == name), np.flatnonzero((columns == name) & (q > 0.0))
        if not i.size and not j.size:
            continue  # a symbol that neither law has
        whole = i.size == p.size and j.size == np.count_nonzero(q)
        if not (whole or (same and np.array_equal(held[i], j))):
            return None  # the masses of a class have to be equal in exact arithmetic
        cells = np.ix_(i, j)
        if min(float(plan[cells].sum(axis=axis).min()) for axis in (0, 1)) < FAINT:
            return None
        plan[cells] = _polished(plan[cells], p[i], q[j])
        off = _off(plan[cells], p[i], q[j])
        if not np.isfinite(off).all():
            return None  # masses whose quotients leave float64
        if j.size > 1:
            ways = _ways_round(plan[cells], free[cells], cost[cells], off)
            if ways is None:
                return None
            used[cells] = ways
        moved += j.size * float(off.sum())
    return (plan, moved, used) if moved <= CLOSE else None


def _short(reduced: DiscreteProblem, plan: FloatArray, moved: float, used: BoolArray) -> FloatArray:
    """By how much every D may be passed wherever in the cells in use the moved mass goes, shape (K,)."""
    rounding = 1.0 + UNIT_ROUNDOFF * (sum(plan.shape) + 16)
    dear = [float(limit.paid.max(initial=0.0, where=used)) for limit in reduced.distortions]
    spent = [float(np.vdot(plan, limit.paid)) * rounding for limit in reduced.distortions]
    rows = zip(spent, dear, reduced.distortions, strict=True)
    return np.array([paid + moved * most - limit.limit for paid, most, limit in rows])


def _classes(plan: FloatArray) -> tuple[int, IntArray, IntArray]:
    """Which rows and columns are joined by cells in use."""
    n, m = plan.shape
    i, j = np.nonzero(plan)
    graph = scipy.sparse.coo_array((np.ones(i.size), (i, n + j)), shape=(n + m, n + m))
    count, names = scipy.sparse.csgraph.connected_components(graph, directed=False)
    return count, names[:n], names[n:]


def _polished(plan: FloatArray, p: FloatArray, q: FloatArray) -> FloatArray:
    """The plan with its rows and columns scaled until both marginals are right to rounding, if they can be."""
    n = p.size
    for _ in range(POLISHING):
        rows, columns = plan.sum(axis=1), plan.sum(axis=0)
        scale = 1.0 / np.sqrt(np.concatenate([rows, columns]))
        matrix = np.block([[np.diag(rows), plan], [plan.T, np.diag(columns)]]) * scale[:, None] * scale
        missing = np.concatenate([p - rows, q - columns]) * scale
        try:
            step = np.linalg.lstsq(matrix, missing, rcond=None)[0] * scale
        except np.linalg.LinAlgError:  # no singular values in as many rounds as LAPACK makes
            break
        plan = plan * np.exp(np.clip(step[:n, None] + step[None, n:], -1.0, 1.0))
    plan = plan * (q / plan.sum(axis=0))
    return np.asarray(plan * (p / plan.sum(axis=1))[:, None])


def _off(plan: FloatArray, p: FloatArray, q: FloatArray) -> FloatArray:
    """By how much the columns may miss their masses once the rows are divided by their exact sums."""
    rows = np.abs(p - plan.sum(axis=1)) / p
    return np.asarray(np.abs(q - plan.sum(axis=0)) + q * (rows.max() + 2.0 * UNIT_ROUNDOFF * (sum(plan.shape) + 16)))


def _ways_round(plan: FloatArray, free: BoolArray, cost: FloatArray, off: FloatArray) -> BoolArray | None:
    """The cheapest cells through which every column can exchange what it is off with the heaviest, by bisection."""
    if not _goes_round(plan, free, off):
        return None
    levels = np.unique(cost[free])
    low, high = 0, levels.size - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _goes_round(plan, free & (cost <= levels[middle]), off) else (middle + 1, high)
    return np.asarray(free & (cost <= levels[high]))


def _goes_round(plan: FloatArray, free: BoolArray, off: FloatArray) -> bool:
    """Whether every column can exchange what it is off with the heaviest, through cells that hold more than all that is
    sent through them.

    A row that uses j and may use j' takes from j to j'. What is sent through a cell by columns that are off by less
    than this one is counted in; those that are off by more ask for fuller cells.
    """
    size, root = off.size, int(plan.sum(axis=0).argmax())
    order = np.argsort(off)
    needed = np.empty(size)
    needed[order] = 2.0 * size * np.cumsum(off[order])
    level = np.floor(np.log(needed) / DECADES)
    for one in np.unique(level):
        members = level == one
        steps = scipy.sparse.csr_array(((plan >= needed[members].max()).T.astype(float) @ free) > 0.0)
        names = scipy.sparse.csgraph.connected_components(steps, directed=True, connection="strong")[1]
        if (names[members] != names[root]).any():
            return False
    return True


guard(__name__)
