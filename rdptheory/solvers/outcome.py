"""From what a method hands over to what is proved: every rate passes here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np
from threadpoolctl import threadpool_limits

from rdptheory._types import Bounds, FloatArray, kept
from rdptheory.certificates import (
    Shown,
    UpperBound,
    both_ends,
    lower_bound,
    on_reduced,
    product_upper_bound,
    written,
)
from rdptheory.certificates.lower import prices_of
from rdptheory.errors import InvalidInput
from rdptheory.methods import DualPoint, GibbsChannel, Method, Outcome
from rdptheory.problems import DiscreteProblem
from rdptheory.watch import Watch, ending, watching

__all__ = ["Proof", "answered", "felt", "judged", "searched", "seen", "worth_of_ball"]

STEP = 1e-4
"""Relative change of P over which the lower bound is differenced where a dual point does not name its multiplier."""

SMALLEST = float(np.finfo(np.float64).tiny)
"""Of such a step: beside a radius that is subnormal a share of it would be 0."""

WRITTEN = 4_000_000
"""Entries up to which a channel known by products is written down: 32 MB."""
LEFT_OUT = -1e4
"""In place of log 0: its exponential is 0 in float64."""

RESOLVED = 1e-6
"""Nats: a wider bracket says nothing about slopes."""
FLAT = 1e-10
"""Nats that a multiplier times the slack of its ball may amount to where it is only what the method left of it."""
INSIDE = 1e-3
"""Share of its radius by which a law has to be inside a ball that is idle."""
IDLE = 1e-5
"""Nats that the bound may lose without a ball that is idle: what a method leaves of a multiplier amounts to less."""

REMEMBERED = 3
"""Proofs kept of a problem: a solver's last look and the few before it that it may end with."""
_SEEN: WeakKeyDictionary[DiscreteProblem, tuple[Proof, ...]] = WeakKeyDictionary()

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Proof:
    """A judged outcome.

    Attributes
    ----------
    bounds : Bounds
        Proved, in nats.
    channel : array (n, m) or None
        Reaches `bounds.upper` within every limit; None if no channel was found.
    outcome : Outcome
        The dual point that proves `bounds.lower`, and the channel, before its repair, that led to `bounds.upper`.
    slope_D, slope_P : arrays
        dR/dD_k and dR/dP_k, in nats per unit.
    wide : bool
        Whether the channel is in a ball as far as its rounding goes and not seen to be further inside. At the least P
        of all the digits of P decide whether there is any channel: a lower end for P as it is may then be above.
    """

    bounds: Bounds
    channel: FloatArray | None
    outcome: Outcome
    slope_D: FloatArray
    slope_P: FloatArray
    wide: bool = False

    @property
    def dual(self) -> DualPoint | None:
        """What proves the lower end."""
        return self.outcome.dual

    @property
    def steps(self) -> int:
        """Iterations taken."""
        return self.outcome.steps

    @property
    def sentence(self) -> str:
        """Why the method ended."""
        return self.outcome.sentence

    def ended(self, steps: int, sentence: str) -> Proof:
        """The same with another count of steps and another sentence."""
        if (steps, sentence) == (self.steps, self.sentence):
            return self
        return replace(self, outcome=replace(self.outcome, steps=steps, sentence=sentence))

    def better(self, other: Proof | None) -> Proof:
        """The tighter of both ends: brackets of one problem can be intersected."""
        if other is None:
            return self
        low = self if self.bounds.lower >= other.bounds.lower else other
        high = self if self.bounds.upper <= other.bounds.upper else other
        narrow = self if self.bounds.gap <= other.bounds.gap else other
        if high.wide and low.bounds.lower > high.bounds.upper:  # the digits of P tell them apart, and either holds
            return narrow
        steps = max(self.steps, other.steps)
        found = Outcome(high.outcome.channel, low.outcome.dual, steps, narrow.outcome.sentence, high.outcome.plans)
        bounds = Bounds(low.bounds.lower, high.bounds.upper)
        return Proof(bounds, high.channel, found, narrow.slope_D, narrow.slope_P, high.wide)


def answered(problem: DiscreteProblem, method: Method) -> Proof:
    """Ask a method and judge what it says."""
    return judged(problem, method.solve(problem))


def judged(problem: DiscreteProblem, outcome: Outcome) -> Proof:
    """The bracket that an outcome proves, [0, inf] at worst.

    Raises
    ------
    InvalidInput
        An array of numbers has a shape that does not fit the problem.
    """
    for proof in _SEEN.get(problem, ()):
        if isinstance(outcome, Outcome) and _same(proof.outcome, outcome):
            return proof.ended(outcome.steps, outcome.sentence)
    return seen(problem, _readable(problem, outcome))


class _Kept:
    """The best of both ends that the judge has seen of one problem, for a search that somebody ends."""

    def __init__(self, problem: DiscreteProblem, watch: Watch) -> None:
        self.problem, self.watch = problem, watch
        self.best: Proof | None = None

    def __call__(self, problem: DiscreteProblem, proof: Proof) -> None:
        """One more look of the judge, which the watch of the search shows."""
        if problem is self.problem:
            self.best = proof.better(self.best)
            self.watch.step(self.best.bounds.lower, self.best.bounds.upper)


def searched(problem: DiscreteProblem, search: Callable[[], Proof]) -> Proof:
    """What a search proves, or what was proved when somebody ended it."""
    watch = watching()
    if watch is None:
        return search()
    watch.hears = kept = _Kept(problem, watch)
    try:
        proof = search()
    except KeyboardInterrupt:
        if not watch.leaves():
            raise
        proof = kept.best or judged(problem, Outcome())
    return proof.ended(proof.steps, ending(proof.sentence))


def seen(problem: DiscreteProblem, outcome: Outcome) -> Proof:
    """`judged` for arrays of float64 whose shapes are right; what is frozen is remembered."""
    proof, watch = _judged(problem, outcome), watching()
    if watch is not None and watch.hears is not None:
        watch.hears(problem, proof)
    if _unchanging(outcome):
        _SEEN[problem] = (*_SEEN.get(problem, ())[-REMEMBERED:], proof)
    return proof


def _same(one: Outcome, other: Outcome) -> bool:
    """Whether two outcomes hold the very arrays, so that one look is enough."""
    parts = ((one.channel, other.channel), (one.dual, other.dual), (one.plans, other.plans), (one.gibbs, other.gibbs))
    return all([a is b for a, b in parts])


def _unchanging(outcome: Outcome) -> bool:
    """Whether nobody can write to what was judged: solvers that ask the judge before they end freeze their arrays."""
    channel, dual = outcome.channel, outcome.dual
    if channel is None or dual is None or outcome.gibbs:
        return False
    read = (channel, dual.f, dual.s, *dual.v, dual.mu, *outcome.plans)
    return not any([np.asarray(array).flags.writeable for array in read if array is not None])


def _judged(problem: DiscreteProblem, outcome: Outcome) -> Proof:
    if problem.by_products and outcome.channel is None:
        return _judged_by_products(problem, outcome)
    reduced = problem.reduced
    dual = _nothing(reduced) if outcome.dual is None else on_reduced(problem, outcome.dual)
    with np.errstate(all="ignore"):
        ((lower, upper),) = both_ends([Shown(problem, dual, outcome.channel, outcome.plans)])
        if lower > upper.rate:
            lower = lower_bound(_as_wide_as_rounding(problem, upper), dual)
        mu = _multipliers(problem, dual)
    slopes = iter(zip(reduced.distortions, dual.s.tolist(), strict=True))
    slope_D = [0.0] * len(problem.distortions)
    for k, limit in enumerate(problem.distortions):
        if limit.limit < np.inf:
            found, s = next(slopes)
            slope_D[k] = -s if found.limit > 0.0 else -np.inf
    bounds = Bounds(lower, upper.rate)
    in_P = -_told_from_0(problem, dual, upper, bounds.gap, mu)
    return Proof(bounds, upper.channel, outcome, np.array(slope_D), in_P, min(upper.room, default=0.0) < 0.0)


def _nothing(reduced: DiscreteProblem) -> DualPoint:
    """The dual point that proves no more than that a rate is not negative."""
    (n, m), balls = reduced.shape, reduced.perceptions
    v = tuple(np.zeros(m if ball.image is None else ball.image.shape[0]) for ball in balls)
    return DualPoint(np.zeros(n), np.zeros(len(reduced.distortions)), v, centred=True)


def _as_wide_as_rounding(problem: DiscreteProblem, upper: UpperBound) -> DiscreteProblem:
    """The question that a channel answers which is in its balls as far as their rounding goes."""
    balls = problem.perceptions
    wide = (replace(ball, limit=ball.limit - min(room, 0.0)) for ball, room in zip(balls, upper.room, strict=False))
    return replace(problem, perceptions=tuple(wide)) if upper.room else problem


def _told_from_0(
    problem: DiscreteProblem, dual: DualPoint, upper: UpperBound, gap: float, mu: FloatArray
) -> FloatArray:
    """The multipliers, but 0 for a ball whose law is inside it by so much that the bracket sees no slope.

    By convexity -dR/dP is at most gap/(P - δ).
    """
    told = mu.copy()
    for k, (ball, room) in enumerate(zip(problem.perceptions, upper.room, strict=False)):
        told[k] = felt(ball.limit, room, gap, float(mu[k]), partial(_worth, problem, dual, k))
    return told


def felt(radius: float, room: float, gap: float, mu: float, worth: Callable[[], float]) -> float:
    """The multiplier of one ball whose law is inside it by `room`, or 0 where the bound without it is as good.

    A small ball that binds is left inside as far as the last step of a method leaves it: `worth`, in nats, is what the
    bound loses without the ball.
    """
    idle = radius > 0.0 and room > INSIDE * radius and mu * room <= max(gap, FLAT)
    return 0.0 if idle and gap <= RESOLVED and worth() <= IDLE else mu


def worth_of_ball(problem: DiscreteProblem, dual: DualPoint) -> float:
    """What the bound of a dual point loses without the ball, the only one, in nats."""
    return _worth(problem, on_reduced(problem, dual), 0)


def _worth(problem: DiscreteProblem, dual: DualPoint, k: int) -> float:
    """The same for the k-th ball, and a dual point on the symbols of positive mass."""
    ball, prices = problem.perceptions[k], prices_of(problem.reduced, dual, k)
    prices = np.where(np.isfinite(prices), prices, prices[np.isfinite(prices)].min(initial=0.0))
    return float(prices.max()) - ball.divergence.support(prices, ball.reference, ball.limit).value


def _judged_by_products(problem: DiscreteProblem, outcome: Outcome) -> Proof:
    """The same without a table of d."""
    (limit,), dual = problem.distortions, outcome.dual
    with np.errstate(all="ignore"), threadpool_limits(limits=1, user_api="blas"):
        lower = 0.0 if dual is None else lower_bound(problem, dual)
        upper = product_upper_bound(problem, outcome.gibbs)
    s = 0.0 if dual is None else float(np.ravel(dual.s)[0])
    mu = np.zeros(len(problem.perceptions)) if dual is None or dual.mu is None else dual.mu
    rate, channel = (np.inf, None) if upper is None else (upper.rate, None)
    if upper is not None and limit.geometry.shape[0] * limit.geometry.shape[1] <= WRITTEN:
        channel = written(problem, upper)
    return Proof(Bounds(lower, rate), channel, outcome, np.array([-s]), -mu)


def _multipliers(problem: DiscreteProblem, dual: DualPoint) -> FloatArray:
    """-dR/dP of every ball: as the dual point says, or by a difference of the bound that it proves."""
    balls = problem.perceptions
    if dual.mu is not None:
        return dual.mu
    if len(balls) != 1 or balls[0].limit == 0.0:
        return np.array([0.0 if ball.limit > 0.0 else np.inf for ball in balls])
    step = max(STEP * balls[0].limit, SMALLEST)
    wider = replace(problem, perceptions=(replace(balls[0], limit=balls[0].limit + step),))
    fall = lower_bound(problem, dual) - lower_bound(wider, dual)
    return np.array([max(0.0, fall / step)])


def _readable(problem: DiscreteProblem, outcome: object) -> Outcome:
    """The outcome without what is no array of real numbers; the sentence says what was left out."""
    if not isinstance(outcome, Outcome):
        return Outcome(sentence=f"the method returned {type(outcome).__name__} in place of an Outcome")
    ignored: list[str] = []
    (n, m), held = problem.shape, problem.held
    channel = _array("channel", outcome.channel, ((n, m), (held, m)), ignored)
    dual = _dual(problem, outcome.dual, ignored)
    sentence = outcome.sentence if isinstance(outcome.sentence, str) else ""
    steps = int(outcome.steps) if isinstance(outcome.steps, (int, np.integer)) else 0
    gibbs = _gibbs(problem, outcome.gibbs, ignored)
    plans = _plans(outcome.plans, ignored)
    said = "; ".join([sentence] * bool(sentence) + ignored)
    return Outcome(channel, dual, steps, said, plans, gibbs)


def _dual(problem: DiscreteProblem, dual: object, ignored: list[str]) -> DualPoint | None:
    if dual is None:
        return None
    if not isinstance(dual, DualPoint):
        ignored.append(f"its dual point is a {type(dual).__name__}, not a DualPoint")
        return None
    n, held = problem.probabilities.size, problem.held
    limits, balls = len(problem.distortions), problem.perceptions
    finite = max(1, sum(np.isfinite(limit.limit) for limit in problem.distortions))
    f = _array("dual.f", dual.f, ((n,), (held,)), ignored)
    s = _array("dual.s", dual.s, ((limits,), (finite,), *([()] if limits == 1 else [])), ignored)
    if f is None or s is None:
        return None
    if (s < 0.0).any():
        ignored.append("its slope s is below 0")
        return None
    v = _prices(problem, dual.v, ignored)
    mu = None if dual.mu is None else np.asarray(dual.mu)
    if mu is not None and (mu.dtype.kind not in "fiu" or mu.shape != (len(balls),) or not (mu >= 0.0).all()):
        mu = None  # only a hint
    v, mu = tuple(map(kept, v)), None if mu is None else kept(mu)
    return DualPoint(kept(f), kept(np.atleast_1d(s)), v, mu, bool(dual.centred))  # a proof outlives a loop's arrays


def _prices(problem: DiscreteProblem, v: object, ignored: list[str]) -> tuple[FloatArray, ...]:
    """v of every ball, or any number of arrays for the only ball, of the law of the output itself."""
    balls, m = problem.perceptions, problem.shape[1]
    if len(balls) > 1 or any(ball.image is not None for ball in balls):
        if not isinstance(v, tuple) or len(v) != len(balls):
            raise InvalidInput("dual.v", v, "must hold one array for each perception limit")
        shapes = [(m if ball.image is None else ball.image.shape[0],) for ball in balls]
    else:
        v = v if balls and isinstance(v, tuple) else ()
        shapes = [(m,)] * len(v)
    read = [_array("dual.v", one, (shape,), ignored) for one, shape in zip(v, shapes, strict=True)]
    return tuple(np.zeros(shape) if one is None else one for one, shape in zip(read, shapes, strict=True))


def _gibbs(problem: DiscreteProblem, channels: object, ignored: list[str]) -> tuple[GibbsChannel, ...]:
    """The channels of numbers that can be evaluated; -inf in log h leaves a symbol out."""
    kept = []
    for one in channels if isinstance(channels, tuple) else ():
        if not isinstance(one, GibbsChannel):
            ignored.append(f"a channel is a {type(one).__name__}, not a GibbsChannel")
            continue
        barred = np.asarray(one.log_h) == -np.inf
        log_h = _array("gibbs.log_h", np.where(barred, LEFT_OUT, one.log_h), ((problem.shape[1],),), ignored)
        s = _array("gibbs.s", one.s, ((),), ignored)
        if log_h is None or s is None:
            continue
        if not float(s) > 0.0:
            ignored.append("the s of a channel is not above 0")
            continue
        kept.append(GibbsChannel(log_h - float(log_h.max()), float(s), bool(one.exact_output)))
    return tuple(kept)


def _array(name: str, value: object, shapes: tuple[Shape, ...] | None, ignored: list[str]) -> FloatArray | None:
    """A finite array of one of the shapes, or of any; None, with a word on it, for what is none."""
    if value is None:
        return None
    try:
        array = value if type(value) is np.ndarray else np.asarray(value)
    except (TypeError, ValueError, RuntimeError):  # ragged lists, tensors that want no copy
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "fiub":
        ignored.append(f"its {name} is no array of real numbers")
        return None
    if shapes is not None and array.shape not in shapes:
        raise InvalidInput(name, array.shape, f"must have shape {shapes[0]}")
    array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        ignored.append(f"its {name} holds numbers that are not finite")
        return None
    return array


def _plans(plans: object, ignored: list[str]) -> tuple[FloatArray | None, ...]:
    """Couplings of numbers; the judge looks at their shapes."""
    if not isinstance(plans, tuple):
        ignored.append(f"its plans are a {type(plans).__name__}, not a tuple")
        return ()
    read = tuple(_array("plans", plan, None, ignored) for plan in plans)
    return () if all(plan is None for plan in read) else read
