"""The two ends of a bracket: finite problems solved on cells of the source, judged on finer ones.

Any numbers prove a lower bound and any channel an upper one. So under squared error a solution, written down as a
formula of x, is read on cells of the source cut into smaller ones: along x it is smooth, and what the coarse cells cost
falls from second order to fourth. Nothing is trusted: both the coarse and the fine problem are proved by the judge, and
the better end is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.certificates import lower_bound, upper_bound
from rdptheory.continuous.absolute import absolute_lower
from rdptheory.continuous.candidate import CellChannel, Points, Redraw, Steps
from rdptheory.continuous.finite import cell_distortion, cells_problem, power, rounded_distortion, rounded_problem
from rdptheory.continuous.lattice import ROUND, CellLaw, Lattice, cell_law, lattice, moved
from rdptheory.continuous.nodes import finer, nodes, nodes_for
from rdptheory.continuous.posed import Posed
from rdptheory.methods import DualPoint
from rdptheory.problems import DiscreteProblem, Problem
from rdptheory.solution import Solution
from rdptheory.sources import ContinuousSource

__all__ = ["Lower", "Upper", "fixed_ends", "lower_end", "upper_end"]

CUT = 4  # pieces of a cell on which a solution is read: the loss along x is then of fourth order and beneath notice
EMPTY = 1e-14  # mass of an output below which it is left out: such outputs together change no digit of a rate
ROOM = 1e-12  # of a limit, kept free for the rounding of the judge
SECANTS = 12  # steps of the slope until E d = D: each gains more than a digit
MOST_LOG = 300.0  # of a slope that is tried: none that a limit in float64 asks for is as steep
SINKHORN = 200  # steps at P = 0, each of which gains half a digit
SETTLED = 1e-14  # relative change of the potential that is rounding

Finite = Callable[[Problem], Solution]
"""Answers a finite problem; the judge has seen what comes back."""


@dataclass(frozen=True, eq=False)
class Lower:
    """A lower end, and one that holds in a whole direction: R at D' is at least affine - slope (D' - D) for every D' at
    which P, if there is a ball, is the same; `slope` is in the units of the posed question.
    """

    rate: float
    affine: float = 0.0
    slope: float = 0.0
    steps: int = 0


@dataclass(frozen=True, eq=False)
class Upper:
    """An upper end: the rate, a channel from cells x to cells y, and its slopes dR/dD and dR/dP."""

    rate: float
    x: CellLaw
    y: CellLaw
    channel: FloatArray
    redraw: bool
    slope_D: float
    slope_P: float
    steps: int = 0

    def candidate(self, posed: Posed) -> CellChannel | None:
        """The channel in the unit of the question; None where float64 does not tell its cells apart, so far from 0."""
        source = posed.problem.source
        assert isinstance(source, ContinuousSource)
        outputs = posed.shift + posed.scale * (self.y.edges if self.redraw else self.y.means)
        made = Redraw(source, outputs) if self.redraw else Points(outputs)
        edges = posed.shift + posed.scale * self.x.edges
        if not (np.diff(edges) > 0.0).all():
            return None
        shift, scale = posed.shift, posed.scale
        tails = (
            Steps(source, tail.side, shift + scale * tail.end, scale * tail.unit, tail.ratio) for tail in self.x.told
        )
        return CellChannel(edges, self.channel, made, tuple(tails))


def lower_end(posed: Posed, n: int, solve: Finite) -> Lower:
    """A lower bound from n + 1 nodes.

    The potential F = f - s x², linear between the nodes of the source, is read on nodes that cut every cell: E f does
    not change, and c(y) = E exp(F(X+) + 2sX+y - sy²) falls at every y, for the finer rounding spreads less and the
    exponential of a linear function is convex. So this is never worse.
    """
    if power(posed.distortion) == 1 and not posed.transport:
        told = absolute_lower(posed, n, solve)
        if told is not None and told[0] > 0.0:
            return Lower(told[0], *told)
    return _rounded_end(posed, lattice(posed.source, _nodes(posed, n)), solve)


def _rounded_end(posed: Posed, x: Lattice, solve: Finite) -> Lower:
    """The lower end of a law that is rounded to nodes."""
    source, asked = posed.source, (posed.distortion, posed.perception, posed.D, posed.P)
    y = x
    rounded = rounded_problem(x, y, *asked)
    found = solve(rounded)
    if found.dual is None or not 0.0 < found.bounds.lower < np.inf or power(posed.distortion) != 2:
        return Lower(found.bounds.lower, steps=found.steps)
    s, fixed = float(np.atleast_1d(found.dual.s)[0]), posed.fixed
    F = found.dual.f + s * (rounded_distortion(posed.distortion, x, y, posed.D, fixed).least - x.nodes**2)
    cut, proved = lattice(source, finer(x.nodes, CUT)), [lower_bound(rounded.discrete, found.dual)]
    f = np.interp(cut.nodes, x.nodes, F) + s * cut.nodes**2
    for on in (y, cut) if posed.transport else (y,):  # the nodes of a plan cost as well, and cut ones cost less
        shifted = f - s * rounded_distortion(posed.distortion, cut, on, posed.D, fixed).least
        judged = rounded_problem(cut, on, *asked).discrete
        proved.append(lower_bound(judged, DualPoint(shifted, np.array([s]))))
    steep = s * max(_growth(on, y, posed.D, fixed) for on in (x, cut))
    return Lower(max(found.bounds.lower, *proved), max(proved), steep, found.steps)


def upper_end(posed: Posed, n: int, redraw: bool, solve: Finite) -> Upper | None:
    """An upper bound from n cells, or None if no channel was found.

    The solution is p(y_j|x) ~ r_j exp(-s d(x, y_j) - v_j) for every x: read on cut cells, with s moved until E d = D,
    and mixed with a channel of P = 0 where it leaves the ball.
    """
    asked = posed.distortion, posed.perception, posed.D, posed.P, redraw
    x = y = _cells(posed, _nodes(posed, n))
    rough = cells_problem(x, y, *asked)
    if rough is None:
        return None
    found = solve(rough)
    if found.candidate is None or found.candidate.channel is None:
        return None
    slopes = found.slopes
    first = Upper(found.rate + x.extra, x, y, found.candidate.channel, redraw, slopes.D, slopes.P, found.steps)
    if found.dual is None or found.rate == 0.0 or power(posed.distortion) != 2:
        return first
    cut = _cells(posed, finer(x.edges[np.isfinite(x.edges)], CUT))
    problem = cells_problem(cut, y, *asked)
    if problem is None:
        return first
    s, r = float(np.atleast_1d(found.dual.s)[0]), found.candidate.output
    assert r is not None
    table = cell_distortion(posed.distortion, x, y, posed.D, redraw, posed.fixed).table
    exponent = found.dual.f[:, None] - s * (table - table.min(axis=1)[:, None])
    top = exponent.max(axis=0)
    v = top + np.log(x.law @ np.exp(exponent - top))
    weight = np.where(r > EMPTY, np.log(np.maximum(r, EMPTY)) - v, -np.inf)
    discrete = problem.discrete
    W, s = _tuned(discrete, lambda slope: _rows(weight[None, :] - slope * discrete.distortions[0].table), s)
    if discrete.perceptions and not posed.fixed:
        mixed = _inside(posed, discrete, W, cut, y, redraw)
        if mixed is None:
            return first
        W = mixed
    rate = _judged(discrete, W) + cut.extra
    if not rate < first.rate:
        return first
    return Upper(rate, cut, y, W, redraw, -s, found.slopes.P, found.steps)


def fixed_ends(posed: Posed, n: int) -> tuple[Lower, Upper | None]:
    """Both ends at P = 0 on n cells, where no solver is needed: a symmetric iteration runs on the problem itself."""
    source, asked = posed.source, (posed.distortion, posed.perception, posed.D, 0.0)
    t = _nodes(posed, n)
    y = lattice(source, t)
    below = rounded_problem(y, y, *asked).discrete
    f, s = _symmetric(below)
    proved = lower_bound(below, DualPoint(f, np.array([s])))
    lower = Lower(proved, proved, s * _growth(y, y, posed.D, True)) if proved > 0.0 else Lower(0.0)
    cells = _cells(posed, t)
    above = cells_problem(cells, cells, *asked, True)
    if above is None:
        return lower, None
    W, s = _fixed_channel(above.discrete)
    rate = _judged(above.discrete, W) + cells.extra
    return lower, Upper(rate, cells, cells, W, True, -s, -np.inf) if np.isfinite(rate) else None


@lru_cache(maxsize=4)  # the ends of a bracket ask for the same nodes
def _nodes(posed: Posed, n: int) -> FloatArray:
    """Where the cells and roundings of both ends lie."""
    squared = power(posed.distortion) == 2
    return nodes_for(posed.source, n, posed.D) if squared else nodes(posed.source, n)


def _cells(posed: Posed, t: FloatArray) -> CellLaw:
    """The cells between these nodes, tails told to about the error that is asked for."""
    return cell_law(posed.source, t, posed.D ** (1.0 / power(posed.distortion)))


def _growth(x: Lattice, y: Lattice, D: float, fixed: bool) -> float:
    """How much faster than D the limit of the rounded problem grows, which is affine in D."""
    return ROUND + (moved(x, y, 2.0 * D, fixed) - moved(x, y, D, fixed)) / D


def _rows(exponent: FloatArray) -> FloatArray:
    """exp of each row, divided by its sum; in place."""
    exponent -= exponent.max(axis=1, keepdims=True)
    np.exp(exponent, out=exponent)
    exponent /= exponent.sum(axis=1, keepdims=True)
    return exponent


def _spent(problem: DiscreteProblem, W: FloatArray) -> float:
    return float(problem.probabilities @ np.einsum("ij,ij->i", W, problem.distortions[0].table))


def _judged(problem: DiscreteProblem, W: FloatArray) -> float:
    """The judge's rate, or inf for a channel outside the limits, whose repair would cost more than it is worth."""
    limit = problem.distortions[0].limit
    outside = not _spent(problem, W) <= limit or any(
        ball.limit > 0.0 and not ball.value(problem.probabilities @ W) <= ball.limit for ball in problem.perceptions
    )
    if outside:
        return np.inf
    return upper_bound(problem, W).rate


def _tuned(problem: DiscreteProblem, channel: Callable[[float], FloatArray], s: float) -> tuple[FloatArray, float]:
    """The channel whose mean distortion is just below the limit, by a secant on log s."""
    limit = problem.distortions[0].limit
    x, step = float(np.log(s)), 1e-4
    W = channel(s)
    miss = _spent(problem, W) - (1.0 - 2.0 * ROOM) * limit
    for _ in range(SECANTS):
        if -4.0 * ROOM * limit <= miss <= ROOM * limit or not abs(x + step) <= MOST_LOG:
            break
        there = channel(float(np.exp(x + step)))
        change = _spent(problem, there) - (1.0 - 2.0 * ROOM) * limit
        slope = (change - miss) / step
        x, W, miss = x + step, there, change
        if not slope < 0.0:
            break
        step = -miss / slope
    return W, float(np.exp(x))


def _inside(
    posed: Posed, problem: DiscreteProblem, W: FloatArray, x: CellLaw, y: CellLaw, redraw: bool
) -> FloatArray | None:
    """The channel, mixed with one of P = 0 if its output law is outside the ball: δ is convex."""
    ball, p = problem.perceptions[0], problem.probabilities
    radius = ball.limit * (1.0 - ROOM)
    delta = ball.value(p @ W)
    if delta <= radius:
        return W
    plain = cells_problem(y, y, posed.distortion, posed.perception, posed.D, 0.0, True)
    if plain is None or not np.isfinite(delta):
        return None
    zero, _ = _fixed_channel(plain.discrete)
    parents = np.searchsorted(y.edges[1:-1], x.means)
    share = 1.0 - radius / delta
    mixed = (1.0 - share) * W + share * zero[parents]
    excess = _spent(problem, mixed) - problem.distortions[0].limit
    return mixed if excess <= 0.0 else None


def _symmetric(problem: DiscreteProblem) -> tuple[FloatArray, float]:
    """f and s of a problem with Y ~ X and a symmetric table.

    By f <- f/3 - 2/3 log K(p e^f), whose fixed point is the symmetric one and whose errors fall to a third.
    """
    p, d, limit = problem.probabilities, problem.distortions[0].table, problem.distortions[0].limit
    f = np.zeros(p.size)

    def channel(s: float) -> FloatArray:
        nonlocal f
        K = np.exp(-s * d)
        for _ in range(SINKHORN):
            new = f / 3.0 - (2.0 / 3.0) * np.log(K @ (p * np.exp(f)))
            change, f = float(np.abs(new - f).max()), new
            if change <= SETTLED * max(1.0, float(np.abs(f).max())):
                break
        W = K * (p * np.exp(f))
        return np.asarray(W / W.sum(axis=1, keepdims=True))

    _, s = _tuned(problem, channel, 0.5 / limit)
    return f, s


def _fixed_channel(problem: DiscreteProblem) -> tuple[FloatArray, float]:
    """A channel with Y ~ X: the symmetric one, its surplus moved to where mass is missing."""
    f, s = _symmetric(problem)
    p, d = problem.probabilities, problem.distortions[0].table
    W = np.exp(f[:, None] + f - s * d) * p
    W /= W.sum(axis=1, keepdims=True)
    r = p @ W
    missing = np.maximum(p - r, 0.0)
    if missing.sum() > 0.0:
        kept = np.minimum(1.0, p / r)
        W = W * kept + (W @ (1.0 - kept))[:, None] * (missing / missing.sum())
    return W, s
