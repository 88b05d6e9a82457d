"""The one loop: Blahut-Arimoto without a ball, Sinkhorn on a point, and everything between.

State: log h, shape (m,). With K = exp(-s d) one step is

    u = 1/(K h),   m = K'(p u),   r = h m,
    r⁺ = argmin KL(· ‖ r m) over the ball,
    log h ← log h + log(r⁺/r),

which is Blahut-Arimoto where the ball holds every law and Sinkhorn where it is one law. At a fixed point r maximises
<·, log m> over the ball, which is the optimality condition of R(D,P) at slope s. Three additions make it fast: momentum
on log h, dual points averaged over the run (the dual is jointly concave in (f, s)), and a known channel that repairs
iterates outside the ball. The slope s follows E d(X,Y) to D while the loop runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.certificates.products import TINY, Iterate, OperatingPoint, best_mixture, dual_value, operating_point
from rdptheory.geometry import Geometry
from rdptheory.information import entropy
from rdptheory.solvers.first_order.method import FirstOrder
from rdptheory.solvers.first_order.projections import Ball, Projection
from rdptheory.watch import watching

__all__ = ["Found", "Incumbent", "Question", "aimed", "elasticity", "first_slope", "next_slope", "run"]

FLOOR = -30.0  # of log h - log reference: a symbol driven to e^-690 would take hundreds of steps to return
LEAST, NOTHING = -690.0, -1e4  # exp of the second is 0
CHECK_EVERY, CHECK_GROWTH = 3, 1.15  # steps between evaluations of both ends, and their growth: a seventh of the work
RECENT = 4  # channels kept to mix the next one with
NUDGE = 1.02  # of s, for a channel with a little less distortion to mix with
SLOPE_EVERY = 4  # steps between changes of s, in which the law follows
STIFFER, SOFTER = 1.5, 0.8  # the law follows s, and E d the law: smaller steps of s where E d swings about D,
LEAST_STIFF = 0.02  # larger ones where it hardly moves
STIFF = 3.0  # beyond which R(D) may be straight around D, where E d jumps as s passes its slope
SLACK = 0.05  # share of the gap asked for
FAINTEST = 1e-300  # distortion below which quotients leave float64
CAPS = (1.0, 0.6, 0.0)  # of the momentum coefficient inside a ball: tried in turn while the gap does not fall
FIRST_CHECKPOINT = 32  # steps; then at every doubling
MOVING, STALLED = 0.9, 4  # doublings in a row that leave more than this share of the gap: rounding is all that is left


@dataclass(frozen=True, eq=False)
class Question:
    """R(D,P) as the loop sees it: p (n,) positive, a kernel with rows of minimum 0, a ball and a limit D >= 0."""

    p: FloatArray
    kernel: Geometry
    ball: Ball
    D: float

    @property
    def P(self) -> float:
        """The radius of the ball; inf without one."""
        return self.ball.radius

    def reach(self, iterate: Iterate) -> OperatingPoint:
        """What the channel of an iterate reaches; where the ball is a point, with its output law put right."""
        return operating_point(iterate, self.kernel, self.ball.limit, exact=self.ball.is_point)


@dataclass(eq=False)
class Incumbent:
    """The best of both ends so far."""

    question: Question
    lower: float = 0.0
    upper: OperatingPoint | None = None
    f: FloatArray | None = None
    s: float = 0.0
    near: Projection | None = None
    recent: deque[OperatingPoint] = field(default_factory=lambda: deque(maxlen=RECENT))

    @property
    def gap(self) -> float:
        """upper - lower."""
        return np.inf if self.upper is None else self.upper.rate - self.lower

    @property
    def infeasible(self) -> bool:
        """Whether the lower bound is above H(X): then no channel meets both limits."""
        return self.lower > entropy(self.question.p) + 1e-9

    def raise_lower(self, f: FloatArray, log_m: FloatArray, s: float, near: Projection) -> None:
        """Take a dual point if it proves more."""
        q = self.question
        value = dual_value(q.p, f, log_m, s, q.D, q.kernel, q.ball.support(log_m, near))
        if self.f is None or value > self.lower:
            self.lower, self.f, self.s, self.near = max(value, self.lower), f, s, near

    def cut_upper(self, points: Sequence[OperatingPoint], anchors: Sequence[OperatingPoint]) -> None:
        """Take a mixture of channels if it reaches less: new ones, anchors, and the last ones before."""
        self.recent.extend(points)
        found = best_mixture([*anchors, *self.recent], self.question.D, self.question.P)
        if found is not None and (self.upper is None or found.rate < self.upper.rate):
            self.upper = found


@dataclass(frozen=True, eq=False)
class Found:
    """Where a run ended."""

    incumbent: Incumbent
    last: Iterate
    mu: float
    steps: int


def run(
    question: Question,
    method: FirstOrder,
    log_h: FloatArray,
    s: float,
    anchors: Sequence[OperatingPoint] = (),
    patience: int | None = None,
    most: int | None = None,
) -> Found:
    """Iterate until the gap is at most `method.gap` by the account of this geometry, or for `most` steps.

    Parameters
    ----------
    question : Question
    method : FirstOrder
    log_h : array (m,)
        Start of the state.
    s : float
        Start of the slope, above 0.
    anchors : sequence of OperatingPoint
        Channels that meet both limits and repair those that do not.
    patience : int, optional
        Give up after so many doublings, in a row, of the number of steps that did not halve the gap.
    most : int, optional
        Steps, `method.max_steps` by default; with 0 the start is evaluated.
    """
    looks: list[Found] = []
    try:
        return _run(question, method, log_h, s, anchors, patience, method.max_steps if most is None else most, looks)
    except KeyboardInterrupt:
        watch = watching()
        if not looks or watch is None or not watch.leaves():
            raise
        return looks[-1]


def _run(
    question: Question,
    method: FirstOrder,
    log_h: FloatArray,
    s: float,
    anchors: Sequence[OperatingPoint],
    patience: int | None,
    most: int,
    looks: list[Found],
) -> Found:
    """`run`, which leaves what it found at its last look at both ends in `looks`."""
    watch = watching()
    p, kernel, ball, D = question.p, question.kernel, question.ball, question.D
    floor = _floor(ball, method.momentum and not ball.is_point)
    incumbent = Incumbent(question)
    gibbs, extrapolated = kernel.at(s), _normalised(log_h, floor)
    previous, projection = extrapolated, None
    exponent, follower = 1.0, _SlopeFollower()
    mean_f, mean_s, weight, momentum, momentum_caps = np.zeros_like(p), 0.0, 0.0, 0, deque(CAPS)
    checkpoint, gap_there, slow, stalled = FIRST_CHECKPOINT, np.inf, 0, 0
    check, next_slope_step, step = 0, SLOPE_EVERY - 1, 0
    while True:
        point = Iterate.of(p, gibbs, s, extrapolated)
        projection = ball.project(extrapolated + 2.0 * point.log_m, projection)
        new = _normalised(projection.log_law - point.log_m, floor)
        share = (step + 1.0) if method.momentum else 1.0
        weight += share
        mean_f += share / weight * (point.f - mean_f)
        mean_s += share / weight * (s - mean_s)
        last = step >= most
        if step >= check or last:
            check = max(step + CHECK_EVERY, int(CHECK_GROWTH * step))
            incumbent.raise_lower(point.f, point.log_m, s, projection)
            average = gibbs if mean_s == s else kernel.at(mean_s)
            mean_m = np.maximum(average.backward(p * np.exp(mean_f)), TINY)
            incumbent.raise_lower(mean_f.copy(), np.log(mean_m), mean_s, projection)
            inner = Iterate.of(p, kernel.at(NUDGE * s), NUDGE * s, extrapolated)
            exponent = elasticity(point, inner)
            incumbent.cut_upper([question.reach(point), question.reach(inner)], anchors)
            if step >= 2 * checkpoint:  # the gap should fall like 1/steps²; where it circles, less momentum does more
                halving = incumbent.gap <= 0.5 * gap_there
                slow = 0 if halving else slow + 1
                stalled = 0 if incumbent.gap <= MOVING * gap_there else stalled + 1
                if not halving and not ball.free:
                    momentum_caps.rotate(-1)
                checkpoint, gap_there = step, incumbent.gap
            last = last or slow == patience or stalled == STALLED
            looks[:] = [Found(incumbent, point, projection.mu, step)]
            if watch is not None:
                watch.step(incumbent.lower, incumbent.lower + incumbent.gap)
                last = last or watch.interrupted
            if incumbent.gap <= method.gap or incumbent.infeasible or last:
                return looks[0]
        if step >= next_slope_step and D > 0.0:
            next_slope_step = step + max(SLOPE_EVERY, step // 10)
            aim = aimed(D, s, method.gap)
            if s * abs(point.distortion - aim) > SLACK * method.gap:
                straight = incumbent.upper is not None and (ball.free or ball.is_point)
                chord = incumbent.upper.chord if straight and incumbent.upper else np.nan
                s = follower.next(s, point.distortion, aim, exponent, chord)
                gibbs = kernel.at(s)
        momentum += 1
        change = new - previous
        turned = float(point.law @ ((extrapolated - new) * change)) > 0.0  # against the way
        if turned or not method.momentum:
            momentum = 0
        beta = min(momentum / (momentum + 3.0), momentum_caps[0])
        if projection.moved is not None:
            change = np.where(projection.moved, change, 0.0)
        extrapolated, previous = (np.maximum(new + beta * change, floor) if beta else new), new
        step += 1


@dataclass(eq=False)
class _SlopeFollower:
    """How far s moves when E d misses its aim: less where E d swings about it, more where it hardly moves."""

    stiffness: float = 1.0
    miss: float = 0.0

    def next(self, s: float, distortion: float, aim: float, exponent: float, chord: float) -> float:
        """The next s; where R(D) looks straight, the slope of the chord, if it is known."""
        miss, before = float(np.log(max(distortion, FAINTEST) / max(aim, FAINTEST))), self.miss
        self.miss = miss
        if miss * before < 0.0:
            self.stiffness *= STIFFER
        elif abs(miss) > 0.5 * abs(before) or self.stiffness > 1.0:
            self.stiffness = max(LEAST_STIFF, SOFTER * self.stiffness)
        if self.stiffness > STIFF and chord > 0.0:
            return float(np.clip(chord, 0.7 * s, 1.4 * s))
        return next_slope(s, distortion, aim, self.stiffness * exponent)


def aimed(D: float, s: float, gap: float) -> float:
    """A distortion inside the limit by so little that it costs `SLACK` of the gap: it spares the channel a repair."""
    return max(D - SLACK * gap / s, 0.5 * D)


def next_slope(s: float, distortion: float, aim: float, exponent: float) -> float:
    """s moved so that E d goes to its aim, by one Newton step on logarithms with a bounded factor."""
    with np.errstate(over="ignore", under="ignore"):  # far from its aim, E d says no more than in which direction it is
        factor = np.float_power(max(distortion, FAINTEST) / max(aim, FAINTEST), 1.0 / exponent)
    return s * float(np.clip(factor, 0.7, 1.4))


def first_slope(question: Question, log_h: FloatArray) -> float:
    """The s at which the row-exact channel of log h has E d = D, within a tenth; the largest useful s when D = 0."""
    p, kernel, D = question.p, question.kernel, question.D
    top = kernel.largest_slope()
    if D == 0.0:
        return top

    def excess(s: float) -> float:
        return float(np.log(max(Iterate.of(p, kernel.at(s), s, log_h).distortion, FAINTEST)) - np.log(D))

    s = min(1.0 / D, top)
    low, high, value = 0.0, np.inf, excess(s)
    while abs(value) > 0.1 and not (value > 0.0 and s >= top):
        low, high = (s, high) if value > 0.0 else (low, s)
        ahead = s * float(np.exp(np.clip(value, -2.0, 2.0)))
        s = ahead if low < ahead < high else (0.5 * (low + high) if low > 0.0 else 0.25 * high)
        s = min(s, top)
        if high - low <= 1e-3 * high or s < 1e-12 / D:
            break
        value = excess(s)
    return s


def elasticity(outer: Iterate, inner: Iterate) -> float:
    """-d log E d / d log s, at least 1/2, from the channels of one log h at s and at `NUDGE` s."""
    if not outer.distortion > inner.distortion > 0.0:
        return np.inf if inner.distortion == 0.0 else 0.5
    return max(0.5, float(np.log(outer.distortion / inner.distortion) / np.log(NUDGE)))


def _floor(ball: Ball, accelerated: bool) -> FloatArray:
    """The least log h: far below the reference; nothing at all where the ball allows no mass."""
    m = ball.reference.size
    depth = FLOOR if accelerated else LEAST
    uniform = np.full(m, depth - np.log(m))
    if ball.free:
        return uniform
    return np.where(ball.reference > 0.0, depth + ball.log_reference, NOTHING if ball.bars_new_symbols else uniform)


def _normalised(log_h: FloatArray, floor: FloatArray) -> FloatArray:
    top = float(log_h.max())
    if top == np.inf:  # a symbol that no row can reach
        log_h = np.where(log_h < np.inf, log_h, floor)
        top = float(log_h.max())
    return np.maximum(log_h - (top + float(np.log(np.exp(log_h - top).sum()))), floor)
