"""The slopes of R at the ends of where it is finite: D or P is the least that the other limits allow, or P is 0.

There R has slopes to the right alone, and the multipliers that prove a bracket are some of many: a method hands over
what it came across. R(D) is the greatest <p, f> - s D - σ_P(l(f, s)) of a dual point (f, s), so that the slope to the
right is -s with the least s of a dual point that is optimal, and -inf where none is. None is as soon as more of D lets
mass into an entry that was shut, in a column that is used: x of it changes the rate by x log x and some x, and takes no
more than some x of D. The same holds for P.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import scipy
from numpy.typing import NDArray

from rdptheory._types import Bounds, FloatArray, IntArray
from rdptheory.certificates import copy_costs_nothing, lower_bound, on_reduced, product_prices
from rdptheory.certificates.lower import prices_of
from rdptheory.doors import guard
from rdptheory.methods import DualPoint
from rdptheory.problems import DiscreteProblem, PerceptionLimit
from rdptheory.solvers.faces.program import WITHOUT, Program, program_of
from rdptheory.solvers.faces.support import Support, innermost, largest_support

__all__ = ["slopes_to_the_right"]

LARGEST = 1024  # entries of the table: the program takes tenths of a second then
STEEP = 5.0  # nats that a limit takes off the dearest entry: less shuts none, and no program is asked
USED = 1e-7  # mass of a column that is used
TOLD = 1e-12  # nats by which a smaller multiplier may prove less
HALVINGS = 60  # of a multiplier
DOUBLINGS = 40  # of one, beyond which there is none
NEXT_TO = 1e-9  # of the mass of the lightest symbol: moving no more changes prices by about that share
SMALL = 1e-3  # of that mass: the dearest move is still one and the same, and its worth that at the prices found
EQUAL = 1e-6  # nats between prices that are taken for equal: they are known to about the root of a gap
NOTHING = float(np.finfo(np.float64).tiny)  # in place of a limit of 0, which any multiplier pays

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _End:
    """A question of one finite R, on symbols of positive mass, with what was found."""

    problem: DiscreteProblem
    reduced: DiscreteProblem
    channel: FloatArray
    dual: DualPoint
    bounds: Bounds

    @property
    def used(self) -> Mask:
        """Columns that the channel uses."""
        return np.asarray(self.reduced.probabilities @ self.channel > USED)

    @property
    def enough(self) -> float:
        """What a dual point has to prove to count as optimal."""
        return self.bounds.lower - self.bounds.gap - TOLD * (1.0 + self.bounds.lower)


class Found(Protocol):
    """A proved bracket, its channel (n, m) and its dual point, and the multipliers with a minus."""

    @property
    def bounds(self) -> Bounds: ...
    @property
    def channel(self) -> FloatArray | None: ...
    @property
    def dual(self) -> DualPoint | None: ...
    @property
    def slope_D(self) -> FloatArray: ...
    @property
    def slope_P(self) -> FloatArray: ...


def slopes_to_the_right(problem: DiscreteProblem, found: Found) -> tuple[FloatArray, FloatArray]:
    """dR/dD_k and dR/dP_k at an end of R; elsewhere what the multipliers say."""
    by_D, by_P, channel, dual, bounds = found.slope_D, found.slope_P, found.channel, found.dual, found.bounds
    if dual is None or not bounds.lower > 0.0:
        return by_D, by_P
    if problem.by_products:
        return by_D, _without_a_table(problem, dual, by_P)
    if channel is None:
        return by_D, by_P
    reduced = problem.reduced
    numbers = [k for k, limit in enumerate(problem.distortions) if limit.limit < np.inf]
    least = [limit.limit <= 0.0 for limit in reduced.distortions[: len(numbers)]]
    points = [_is_point(ball, NEXT_TO) for ball in reduced.perceptions]
    straight = [_is_point(ball, SMALL) for ball in reduced.perceptions]
    if not (any(least) or any(straight) or _steep(reduced, by_D[numbers], by_P)):
        return by_D, by_P
    rows = problem.probabilities > 0.0
    end = _End(problem, reduced, np.asarray(channel)[rows], on_reduced(problem, dual), bounds)
    face = None if copy_costs_nothing(problem) else _face_of(reduced)
    by_D, by_P = by_D.copy(), by_P.copy()
    for number, k in enumerate(numbers):
        if least[number]:
            by_D[k] = -_first_steepness(end, k, number)
        elif face is not None and face.shuts(face.program.limits[number][0]):
            by_D[k] = -np.inf if _opens(end, _without_limit(problem, k)) else by_D[k]
    for k in range(len(points)):
        shut = face is not None and (points[k] or face.shuts(face.program.radii[k][0]))
        if shut and _opens(end, _wider(problem, k)):
            by_P[k] = -np.inf
        elif straight[k]:
            by_P[k] = -_off_a_point(end, k, float(-by_P[k]))
    return by_D, by_P


def _is_point(ball: PerceptionLimit, share: float) -> bool:
    """Whether a radius is 0, or next to it so small a share of what moves a symbol that σ_P is straight there.

    It is where δ is a transport, or total variation.
    """
    if ball.limit == 0.0:
        return True
    most = share * float(ball.reference[ball.reference > 0.0].min())
    cost = _moves(ball) if ball.limit <= most * ball.divergence.scale else None
    return cost is not None and bool(ball.limit <= most * cost.min(initial=np.inf, where=cost > 0.0))


def _moves(ball: PerceptionLimit) -> FloatArray | None:
    """What δ takes for mass that moves from one symbol to another, (m, m), where that is all it takes."""
    divergence = ball.divergence
    cost = divergence.moves(ball.reference.size) if divergence.ours and divergence.definite else None
    square = cost is not None and cost.shape[0] == cost.shape[1] and divergence.faithful
    return cost if square else None


def _steep(reduced: DiscreteProblem, by_D: FloatArray, by_P: FloatArray) -> bool:
    """Whether a limit is paid so dearly that it may leave no channel inside."""
    if not reduced.perceptions:
        return False
    dearest = [float(limit.paid.max(initial=0.0)) for limit in reduced.distortions]
    scales = [ball.divergence.scale for ball in reduced.perceptions]
    steep = zip([*by_D.tolist(), *by_P.tolist()], [*dearest[: by_D.size], *scales], strict=True)
    return any(-slope * most > STEEP for slope, most in steep)


@dataclass(frozen=True, eq=False)
class _Face:
    """What limits that leave no channel inside leave."""

    program: Program
    support: Support

    def shuts(self, row: int) -> bool:
        """Whether nothing is left of the limit of a row."""
        if row == WITHOUT:
            return False
        (k,) = np.flatnonzero(self.program.limiting == row)
        return not bool(self.support.open[self.program.slack[k]])

    @property
    def cells(self) -> Mask:
        """Which entries of the table are open, shape (n, m)."""
        program = self.program
        cells = np.zeros((program.p.size, program.outputs), dtype=bool)
        cells[program.rows, program.columns] = self.support.open[: program.cells]
        return cells


def _face_of(reduced: DiscreteProblem) -> _Face | None:
    """The face of a small question whose balls are polyhedra; None where there is room."""
    found = _supported(reduced)
    if found is None or found.support.open.all():
        return None
    program = found.program
    return None if innermost(program.A, program.b, program.size, found.support) is not None else found


def _supported(reduced: DiscreteProblem) -> _Face | None:
    """What has room at all, by the linear program; None where a ball is no polyhedron."""
    if reduced.shape[0] * reduced.shape[1] > LARGEST or any(limit.limit < 0.0 for limit in reduced.distortions):
        return None
    program = program_of(reduced)
    if program is None or program.curved != WITHOUT:
        return None
    support = largest_support(program.A, program.b, program.size)
    return None if support is None else _Face(program, support)


def _without_limit(problem: DiscreteProblem, k: int) -> DiscreteProblem:
    """The question with any E d_k."""
    limits = list(problem.distortions)
    limits[k] = replace(limits[k], limit=np.inf)
    return replace(problem, distortions=tuple(limits))


def _wider(problem: DiscreteProblem, k: int) -> DiscreteProblem:
    """The question with any δ_k that is finite."""
    balls = list(problem.perceptions)
    balls[k] = replace(balls[k], limit=2.0 * balls[k].divergence.scale)
    return replace(problem, perceptions=tuple(balls))


def _opens(end: _End, lifted: DiscreteProblem) -> bool:
    """Whether mass may go into an entry that is shut, in a column that is used, once a limit is lifted.

    Without forbidden entries, beside one distortion, no program is needed: the product of the law of X and that of Y
    uses every entry and keeps every ball. If none of them were shut, it would cost no more, and tell nothing.
    """
    alone = len(end.problem.distortions) == 1 and end.problem.barred is None
    if alone and (end.reduced.distortions[0].limit > 0.0 or not lifted.finite):
        return True
    wide, face = _supported(lifted.reduced), _supported(end.reduced)
    if wide is None or face is None:  # a ball that bends: what is outside is reached by way of its inside
        allowed = np.ones(end.reduced.shape, dtype=bool)
        if lifted.reduced.closed is not None:
            allowed = ~lifted.reduced.closed
        return bool((allowed & (end.channel <= 0.0) & end.used).any())
    return bool((wide.cells & ~face.cells & end.used).any())


def _first_steepness(end: _End, k: int, number: int) -> float:
    """-dR/dD_k at the least D_k of any channel: the least s of a dual point that is optimal, or inf."""
    if _opens(end, _without_limit(end.problem, k)):
        return np.inf
    limits = list(end.reduced.distortions)
    limits[number] = replace(limits[number], limit=NOTHING)
    question = replace(end.reduced, distortions=tuple(limits))

    def enough(s: float) -> bool:
        steep = end.dual.s.copy()
        steep[number] = s
        return lower_bound(question, replace(end.dual, s=steep)) >= end.enough

    return _least(enough, 1.0 / max(float(limits[number].paid.max(initial=0.0)), NOTHING))


def _least(enough: Callable[[float], bool], most: float) -> float:
    """The least multiplier that is enough, to its last digits but some; inf if there is none."""
    if enough(0.0):
        return 0.0
    low = 0.0
    for _ in range(DOUBLINGS):
        if enough(most):
            break
        low, most = most, 2.0 * most
    else:
        return np.inf
    for _ in range(HALVINGS):
        middle = 0.5 * (low + most)
        low, most = (low, middle) if enough(middle) else (middle, most)
    return most


def _off_a_point(end: _End, k: int, shown: float) -> float:
    """-dR/dP at P = 0: how much more a law next to the reference is worth, in units of δ.

    Mass that moves from one symbol to another is worth the difference of their prices, which classes of symbols that
    no channel connects may shift. A smooth δ takes the square of that mass: the slope is infinite unless nothing moves.
    """
    ball = end.reduced.perceptions[k]
    prices, classes = _prices(end, ball, k)
    held, cost = ball.reference > 0.0, _moves(ball)
    if prices.size != held.size or not np.isfinite(prices[held]).all():
        return shown
    if cost is not None:
        return _dearest_move(prices, cost, held, classes)
    if not ball.divergence.smooth:
        return shown
    spread = [np.ptp(prices[held & (classes == one)]) for one in np.unique(classes[held])]
    new = prices[~held & np.isfinite(prices)].size and not ball.divergence.forbids_new_symbols
    return np.inf if max(spread) > EQUAL else shown if new else 0.0


def _without_a_table(problem: DiscreteProblem, dual: DualPoint, shown: FloatArray) -> FloatArray:
    """dR/dP at P = 0 of an f-divergence on a large alphabet, as far as its gap tells the prices."""
    balls = problem.perceptions
    prices = product_prices(problem, dual) if balls and balls[0].limit == 0.0 else None
    if prices is None:
        return shown
    q, divergence = balls[0].reference, balls[0].divergence
    held = q > 0.0
    if divergence.smooth:
        return np.full(1, -np.inf if float(np.ptp(prices[held])) > EQUAL else 0.0)
    half = 0.5 * float(q[held].min())  # σ is straight up to the mass of a symbol
    worth = divergence.support(prices, q, half).value - divergence.support(prices, q, 0.0).value
    return np.full(1, -max(0.0, worth / half))


def _prices(end: _End, ball: PerceptionLimit, k: int) -> tuple[FloatArray, IntArray]:
    """The prices of the law that the k-th ball compares, and the classes of its symbols."""
    prices, closed = prices_of(end.reduced, end.dual, k), end.reduced.closed
    if len(end.reduced.perceptions) > 1 or ball.image is not None:
        return prices, np.zeros(ball.reference.size, dtype=np.intp)
    rows = np.zeros(prices.size, dtype=np.intp) if closed is None else (~closed).argmax(axis=0)
    return prices, end.reduced.groups[rows]


def _dearest_move(prices: FloatArray, cost: FloatArray, held: Mask, classes: IntArray) -> float:
    """The least μ >= 0 with v_j - v_k <= μ c_kj wherever k has mass, whatever the classes are shifted by."""
    k, j = np.nonzero(held[:, None] & np.isfinite(prices) & (cost > 0.0))
    worth = prices[j] - prices[k]
    if not k.size:
        return 0.0
    if np.unique(classes).size == 1:
        with np.errstate(over="ignore"):  # per unit of a cost of next to nothing
            return max(0.0, float((worth / cost[k, j]).max()))
    names, unit = int(classes.max()) + 1, float(cost[k, j].max())
    if np.bincount(classes[np.isfinite(prices)]).max() == 1:  # each is shifted by its own price
        return 0.0
    rows = np.tile(np.arange(k.size), 3)
    columns = np.concatenate([classes[j], classes[k], np.full(k.size, names)])
    entries = np.concatenate([np.ones(k.size), -np.ones(k.size), -cost[k, j] / unit])
    found = scipy.optimize.linprog(
        np.append(np.zeros(names), 1.0),
        scipy.sparse.csr_array((entries, (rows, columns)), shape=(k.size, names + 1)),
        -worth,
        bounds=[(None, None)] * names + [(0.0, None)],
        method="highs",
    )
    return float(found.x[-1]) / unit if found.x is not None else np.inf


guard(__name__)
