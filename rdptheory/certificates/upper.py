"""Upper bounds from channels, after a repair, with what float64 may hide in the limits paid for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from rdptheory._types import UNIT_ROUNDOFF, FloatArray, IntArray, Remembered
from rdptheory.certificates.faces import on_the_face
from rdptheory.certificates.inside import drawn_inside
from rdptheory.certificates.repair import (
    RESOLVED,
    Plans,
    as_channel,
    coupling,
    distances,
    evaluated,
    mix,
    readable,
    rerouted,
    slater_channel,
    with_exact_marginals,
    with_output,
    within,
)
from rdptheory.certificates.tables import Weighed, weighed
from rdptheory.doors import guard
from rdptheory.information import entropy, mutual_information
from rdptheory.problems import DiscreteProblem, PerceptionLimit

__all__ = ["UpperBound", "copy_costs_nothing", "information", "or_on_the_face", "surcharge", "upper_bound"]

LITTLE = 5e-10  # nats: a surcharge that is not worth the search for an exact channel, which takes milliseconds
CHEAP = 1e-13  # nats: less than a mixture would cost, so none is tried
ENOUGH = 1e-14  # nats: a surcharge that no other argument needs to lower
NEARLY = 1e-13  # of a limit: a tenth of what a returned channel may be off when its limits are recomputed
NO_ROOM = 64.0  # units of the rounding of E d: a channel that is no further inside D counts as at D


@dataclass(frozen=True, eq=False)
class UpperBound:
    """A rate in nats and the channel (n, m) that reaches it within every limit; inf and None if none was found.

    `room` says for every ball how far inside it the law of the channel is, beyond its rounding.
    """

    rate: float
    channel: FloatArray | None
    room: tuple[float, ...] = ()


def upper_bound(problem: DiscreteProblem, channel: FloatArray | None, *, plans: Plans = ()) -> UpperBound:
    """A proved upper bound on min I(X;Y) from any non-negative array of the right shape.

    1. Rows are normalised (a row without mass becomes the output law).
    2. Where a ball has P = 0 the joint law is rounded to the exact output law: columns are scaled down to at most
       their mass, what is missing is put back as a product of the two deficits. On one coordinate of a product
       alphabet the surplus of a symbol is moved to the deficits along that coordinate, which processes the output
       and cannot raise I. Where a transport cost has zeros off the diagonal, the law is the one that the plan makes
       of the reference by moves that cost nothing.
    3. While a limit is broken the channel is mixed with one that keeps all limits: I is convex and E d linear in the
       channel and δ convex in the output law, so the smallest weight that can help is known in closed form.
    4. The rate is I(X;Y) of what came out, whose limits are then recomputed.
    5. In exact arithmetic the channel may still miss a limit by the rounding of one evaluation. What a channel near
       it costs that does not is added (`_surcharge`), so that the bound holds for the limits as they are.

    Parameters
    ----------
    problem : DiscreteProblem
    channel : array (n, m) or (n', m), or None
        On all symbols or on those of positive mass.
    plans : tuple of arrays (k, m) or None, one for each perception limit
        Couplings of the reference and the output law that spare the linear program of a transport divergence: rounded
        to the exact marginals, their cost bounds it from above.

    Returns
    -------
    UpperBound
        The channel is on all symbols. Its E d_k are at most D_k and its δ_k at most P_k, up to the rounding of one
        evaluation of each.
    """
    found = _upper_bound(problem, channel, plans)
    if found.channel is None or all(room >= 0.0 for room in found.room[: len(problem.perceptions)] or (-1.0,)):
        return found
    return replace(found, channel=drawn_inside(problem, found.channel))


def _upper_bound(problem: DiscreteProblem, channel: FloatArray | None, plans: Plans) -> UpperBound:
    reduced = problem.reduced
    plans = readable(reduced, plans)
    rows = None if channel is None else as_channel(problem, np.asarray(channel, dtype=np.float64))
    mixed = None if rows is None else weighed(reduced, rows)
    if mixed is not None:
        mixed, plans = with_exact_marginals(reduced, mixed, plans)
    if mixed is not None:
        over, outside = _beyond(reduced, mixed, plans)
        if all(x <= 0.0 for x in (*over, *outside)):  # inside by more than rounding
            return UpperBound(_information(mixed), problem.expand(mixed.channel), tuple(-x for x in outside))
        plans = rerouted(reduced, mixed, plans)
    first: UpperBound | None = None
    if mixed is not None:
        inside = within(reduced, mixed, plans)
        if inside or within(reduced, mixed, plans, RESOLVED):
            first, paid = _priced(problem, mixed, plans)
            if paid <= CHEAP:
                return first
        if inside and first is not None:
            return _or_on_the_face(problem, rows, mixed, first)
    slater = slater_channel(problem)
    if slater is not None:  # what rounding leaves outside may be cheaper to pay for than to mix away
        if first is None and mixed is not None and _nearly(reduced, mixed, plans) and _to_spare(problem, mixed, plans):
            first = _priced(problem, mixed, plans)[0]
        moved = (weighed(reduced, slater), ()) if mixed is None else mix(reduced, mixed, slater, plans)
        second = _priced(problem, *moved)[0]
        first = second if first is None or second.rate <= first.rate else first
    return _or_on_the_face(problem, rows, mixed, first or UpperBound(float("inf"), None))


def _or_on_the_face(
    problem: DiscreteProblem, rows: FloatArray | None, mixed: Weighed | None, found: UpperBound
) -> UpperBound:
    """The bound found, or that of an exact channel next to the rows, where rounding has cost more than a little."""
    if rows is None or (mixed is not None and found.rate <= mixed.information + LITTLE):
        return found
    return or_on_the_face(problem, rows, found)


def or_on_the_face(problem: DiscreteProblem, channel: FloatArray | None, found: UpperBound) -> UpperBound:
    """The bound found, or that of an exact channel next to the array, where that is lower."""
    rows = None if channel is None else as_channel(problem, channel)
    if rows is None:
        return found
    face = on_the_face(problem, rows)
    if face is None:
        return found
    exact, unsure = face
    rate = information(problem.reduced.probabilities, exact) + unsure
    return found if found.rate <= rate else UpperBound(rate, problem.expand(exact))


def _priced(problem: DiscreteProblem, found: Weighed, plans: Plans) -> tuple[UpperBound, float]:
    """The bound of a channel, and what of it pays for the rounding of the limits."""
    rate = _information(found)
    over, outside = _beyond(problem.reduced, found, plans)
    paid = _surcharge(problem, found, rate, over, outside)
    return UpperBound(rate + paid, problem.expand(found.channel), tuple(-x for x in outside)), paid


def _nearly(reduced: DiscreteProblem, found: Weighed, plans: Plans) -> bool:
    """Whether a caller who recomputes the limits in float64 would call them kept."""
    spent, delta = distances(reduced, found, plans)
    rooms = [NEARLY * max(1.0, limit.limit) for limit in reduced.distortions]
    return all(x <= room for x, room in zip(spent, rooms, strict=True)) and all(x <= NEARLY for x in delta)


def _to_spare(problem: DiscreteProblem, found: Weighed, plans: Plans) -> bool:
    """Whether the channel inside all limits has room in those that this one breaks by more than rounding: without it
    nothing tells what keeping them costs."""
    reduced, slater = problem.reduced, slater_channel(problem)
    if slater is None:
        return False
    relative = UNIT_ROUNDOFF * (sum(reduced.shape) + 16)
    spent, delta = distances(reduced, found, plans)
    anchor = weighed(reduced, slater)
    for x, least, limit in zip(spent, anchor.spent, reduced.distortions, strict=True):
        if x > RESOLVED * limit.limit and not limit.limit - least > NO_ROOM * relative * limit.limit:
            return False
    balls = zip(delta, reduced.perceptions, strict=True)
    return all(x <= 0.0 or _room_of_anchor(problem, ball, relative) is not None for x, ball in balls)


def _information(found: Weighed) -> float:
    """I(X;Y) of the channel (n, m) whose rows are divided by their exact sums, bounded from above.

    n m terms p W log(W/r) are summed, Σ |p W log(W/r)| <= I + 2/e; a logarithm errs by its own rounding and by that of
    its argument, n + 4 units, and rows sum to 1 within m units. Equal rows carry no information at all.
    """
    return 0.0 if found.constant else _allowed(found.information, found.channel)


def information(p: FloatArray, channel: FloatArray) -> float:
    """I(X;Y), bounded from above in the same way, of a law (n,) and a channel (n, m) of any number of outputs."""
    return 0.0 if bool((channel == channel[0]).all()) else _allowed(mutual_information(p, channel), channel)


def _allowed(rate: float, channel: FloatArray) -> float:
    return float(rate + 2.0 * UNIT_ROUNDOFF * (sum(channel.shape) + 16) * (rate + 1.0))


def _beyond(reduced: DiscreteProblem, found: Weighed, plans: Plans) -> tuple[list[float], list[float]]:
    """By how much every E d_k may be above D_k, and every δ above P, in exact arithmetic; below 0 inside."""
    relative = UNIT_ROUNDOFF * (sum(reduced.shape) + 16)  # of a mean over the table
    over = [x * (1.0 + relative) - y.limit for x, y in zip(found.spent, reduced.distortions, strict=True)]
    return over, [_outside(found, ball, plans[k] if plans else None) for k, ball in enumerate(reduced.perceptions)]


def surcharge(problem: DiscreteProblem, channel: FloatArray, rate: float) -> float:
    """At most how much a rate rises as a channel (n, m) that keeps the limits but for rounding comes to keep them.

    The rate is convex in the channel, at most I(X;Y) of every channel, here as it is at this one, and does not rise as
    one coordinate of Y is processed: I itself, or that of a part of Y.
    """
    found = weighed(problem.reduced, channel[problem.probabilities > 0.0])
    return _surcharge(problem, found, rate, *_beyond(problem.reduced, found, ()))


def _surcharge(
    problem: DiscreteProblem, found: Weighed, rate: float, above: Iterable[float], beyond: Iterable[float]
) -> float:
    """How much more than I(X;Y) of this channel the rate within the exact limits can be, in nats.

    Let the output law r be outside a ball by ε, as far as its rounding can be told, and let q be a law well inside.
    A random map of Y alone, which cannot raise I, makes it (1-λ) r + λ q, and for the λ = ε/(δ(r) - δ(q)) this law is
    inside, because δ is convex. It raises E d by what `_moved` bounds. If E d is then above D by ε_D, a mixture with a
    channel A of the same output law has E d = D at the weight θ = ε_D/(ε_D + D - E_A d), and I is convex:

        R <= (1-θ) I + θ I_A <= I + θ (H(X) - I).

    Where copying the source costs nothing, that copy serves as A for the balls as well, at the weight ε/(ε + room),
    with P or what the masses of its law leave of it for its room.
    Where the exact question is not met by any channel known to be inside by more than rounding, D and P are read as
    wide as their rounding.
    """
    reduced = problem.reduced
    n, m = reduced.shape
    relative = UNIT_ROUNDOFF * (n + m + 16)  # of a mean over the table, and of a mass of the output law
    over, outside = np.array([*above]), [max(x, 0.0) for x in beyond]
    if not (over > 0.0).any() and not any(outside):
        return 0.0
    D = np.array([limit.limit for limit in reduced.distortions])
    ceiling = (
        entropy(reduced.probabilities) * (1.0 + relative) + relative
    )  # a mass next to 1 has a logarithm of its rounding
    copy = _free_copy(problem)
    if copy is not None and not copy.inside:
        copy = None
    free, mixed = copy is not None, np.inf
    if copy is not None:
        mixed = max([*_weights(over, D), *_weights(outside, copy.room)]) * max(ceiling - rate, 0.0)
    if mixed <= ENOUGH or (not any(outside) and free):
        return mixed
    shifted = 0.0
    for ball, distance in zip(reduced.perceptions, outside, strict=True):
        if distance <= 0.0:
            continue
        law = ball.law(found.law)
        inner, depth = _inner(ball, law)
        share, rise = min(1.0, distance / max(ball.limit + distance - depth, distance)), np.full(D.shape, np.inf)
        if (D > 0.0).all() and _stays_allowed(reduced, ball):
            rise = share * _moved(reduced, found.channel, ball, law, inner, relative)
        if (rise < D).all():
            over += rise
        else:  # nothing may be moved: a channel well inside is mixed in
            known = _room_of_anchor(problem, ball, relative)
            spare = ball.limit - depth if known is None else known
            shifted = max(shifted, distance / (distance + spare) if spare > 0.0 else relative)
    cost = shifted * max(ceiling - rate, 0.0)
    if (over > 0.0).any():
        room, dear = (D, None) if free else _sharper(problem, found, D, relative)
        cost += max(_weights(over, room)) * max((ceiling if dear is None else dear) - rate, 0.0)
    return min(mixed, cost)


def _room_of_anchor(problem: DiscreteProblem, ball: PerceptionLimit, relative: float) -> float | None:
    """How far inside a ball the channel is that keeps all limits, None if that is no more than rounding."""
    slater = slater_channel(problem)
    if slater is None:
        return None
    reduced = problem.reduced
    room = -_outside(weighed(reduced, slater), ball, coupling(reduced, slater, ball))
    return room if room > NO_ROOM * relative * ball.limit else None


def _outside(found: Weighed, ball: PerceptionLimit, plan: FloatArray | None) -> float:
    """By how much δ may be above P in exact arithmetic, below 0 inside."""
    law, relative = ball.law(found.law), UNIT_ROUNDOFF * (sum(found.channel.shape) + 16)
    if ball.image is None and found.constant:
        law = found.channel[0]  # whatever the source law is
        if ball.divergence.faithful and np.array_equal(law, ball.reference):
            return -ball.limit
    elif _copies(found.channel):
        relative = 0.0
    unsure = ball.divergence.uncertainty(ball.reference, law, relative)
    return evaluated(ball, law, plan) + unsure - ball.limit


def _weights(over: Iterable[float], room: Iterable[float]) -> list[float]:
    """The weight of a channel with this much room that brings what is over a limit back to it."""
    return [float(x / (x + max(y, 0.0))) if x > 0.0 else 0.0 for x, y in zip(over, room, strict=True)]


def _copies(channel: FloatArray) -> bool:
    """Whether distinct symbols are sent to distinct ones without error, so that the output law is exact."""
    if float(channel[0].max()) != 1.0:
        return False
    ones = channel == 1.0
    return bool((ones.sum(axis=0) <= 1).all() and ((channel == 0.0) | ones).all())


def _inner(ball: PerceptionLimit, law: FloatArray) -> tuple[FloatArray, float]:
    """A law well inside the ball, and δ there: the reference, or what its cheapest moves make of it.

    At radius 0 that is the law at hand, up to its rounding, where moves that cost nothing made it.
    """
    cost, q = ball.divergence.cost, ball.reference
    if ball.has_zero_cost_moves and ball.is_zero_radius:
        return law, 0.0
    if cost is None or ball.divergence.faithful:
        return q, 0.0
    inner = np.bincount(cost.argmin(axis=1), weights=q, minlength=cost.shape[1]).astype(np.float64)
    return inner, float(q @ cost.min(axis=1))


def _moved(
    reduced: DiscreteProblem,
    channel: FloatArray,
    ball: PerceptionLimit,
    law: FloatArray,
    inner: FloatArray,
    relative: float,
) -> FloatArray:
    """The rise of every E d_k when Y is mapped at random so that `law` becomes `inner`, bounded from above.

    Mass leaves each symbol in proportion to its surplus, with a share `relative` of everything besides, so that what
    arrives is at least 0 whatever the rounding of both laws, and is spread as the deficits are.
    """
    leaving = np.maximum(law - inner, 0.0) + 2.0 * relative * law
    total = float(leaving.sum())
    if ball.image is not None or total <= 0.0:
        return np.array([total * float(limit.paid.max()) for limit in reduced.distortions])
    arriving = leaving + inner - law + relative * (law + inner)
    fraction = channel @ np.divide(leaving, law, out=np.zeros_like(law), where=law > 0.0)
    weights = reduced.probabilities * fraction
    return np.array([float(weights @ (limit.table @ arriving)) / total for limit in reduced.distortions])


def _stays_allowed(reduced: DiscreteProblem, ball: PerceptionLimit) -> bool:
    """Whether Y may be mapped at random along the coordinate that the ball counts: no forbidden entry is entered."""
    if reduced.barred is None:
        return True
    if ball.axis is None or reduced.alphabet is None:
        return False
    along = reduced.barred.reshape(-1, *reduced.alphabet)
    return bool((along.any(axis=ball.axis + 1) == along.all(axis=ball.axis + 1)).all())


def _sharper(
    problem: DiscreteProblem, found: Weighed, D: FloatArray, relative: float
) -> tuple[FloatArray, float | None]:
    """How far inside every D_k a channel inside the balls is, and its rate (None: at most H(X)).

    W²/r is the channel of twice the slopes; it is rounded to the output law r. Where that does not help, the channel
    that keeps all limits with room to spare.
    """
    reduced = problem.reduced
    p, channel, law = reduced.probabilities, found.channel, found.law
    sharp = channel * np.divide(channel, law, out=np.zeros_like(channel), where=law > 0.0)
    sharp /= np.maximum(sharp.sum(axis=1, keepdims=True), float(np.finfo(np.float64).tiny))
    for attempt in range(2):
        inside = with_output(p, sharp, law, reduced.barred) if attempt == 0 else slater_channel(problem)
        if inside is not None:
            sharper = weighed(reduced, inside)
            room = D - np.array(sharper.spent) * (1.0 + relative)
            if (room > NO_ROOM * relative * D).all():
                return room, _information(sharper)
    return D, None


def copy_costs_nothing(problem: DiscreteProblem) -> bool:
    """Whether some channel has E d = 0 and the reference of every ball for its law, so that no limit is too small."""
    copy = _free_copy(problem)
    return copy is not None and copy.repeats


@dataclass(frozen=True)
class _FreeCopy:
    """A channel with E d = 0: how far inside every ball its law is, and whether that is the reference of each."""

    room: tuple[float, ...]
    repeats: bool

    @property
    def inside(self) -> bool:
        """Whether a mixture with it brings a law back into every ball."""
        return self.repeats or all(room > 0.0 for room in self.room)


def _free_copy(problem: DiscreteProblem) -> _FreeCopy | None:
    """The copy of the source, or the cheapest reconstruction where no ball is asked for; None where that costs."""
    if problem not in _FREE:
        _FREE[problem] = _look_for_free_copy(problem)
    return _FREE[problem]


def _look_for_free_copy(problem: DiscreteProblem) -> _FreeCopy | None:
    reduced = problem.reduced
    if not reduced.perceptions and len(reduced.distortions) == 1:
        return _FreeCopy((), True)
    copies = problem.copies
    if copies is None or not all([_copied_free(problem, limit.table, copies) for limit in reduced.distortions]):
        return None
    room, repeats = [], True
    for ball in reduced.perceptions:
        law = problem.probabilities
        if ball.image is not None:  # each mass is a sum of rounded products, rounded once
            law = np.array([math.fsum(row.tolist()) for row in ball.image[:, copies] * law])
        same = ball.divergence.faithful and (ball.reference is law or np.array_equal(ball.reference, law))
        room.append(ball.limit if same else _room_in(ball, law))
        repeats = repeats and same
    return _FreeCopy(tuple(room), repeats)


def _room_in(ball: PerceptionLimit, law: FloatArray) -> float:
    """How far inside a ball a law is whose masses were rounded twice; -inf where that takes a linear program."""
    q, divergence = ball.reference, ball.divergence
    if divergence.cost is not None or law.shape != q.shape:
        return -math.inf
    return ball.limit - divergence.value(q, law) - divergence.uncertainty(q, law, 2.0 * UNIT_ROUNDOFF)


def _copied_free(problem: DiscreteProblem, table: FloatArray, copies: IntArray) -> bool:
    """Whether every symbol of positive mass is sent to its copy at no cost by a table of `reduced`."""

    def look() -> bool:
        rows: NDArray[np.intp] = np.flatnonzero(problem.probabilities > 0.0)
        return not table[np.arange(rows.size), copies[rows]].any()

    known = problem.alphabet is None  # copies follow from the shape then
    return _COPIED_FREE((problem.probabilities, table), look) if known else look()


_COPIED_FREE: Remembered[bool] = Remembered()
_FREE: WeakKeyDictionary[DiscreteProblem, _FreeCopy | None] = WeakKeyDictionary()

guard(__name__)
