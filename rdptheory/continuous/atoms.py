"""The method `Atoms`: R(D) of a density under squared error, where the best output is a few points."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy

from rdptheory._types import ArrayLike, FloatArray
from rdptheory.continuous.candidate import CellBounds
from rdptheory.continuous.cells import Ask, Cells, density_only, trivial
from rdptheory.continuous.finite import cells_problem
from rdptheory.continuous.lattice import cell_law
from rdptheory.continuous.nodes import nodes
from rdptheory.continuous.points import Line, distortion, gibbs, line, prove
from rdptheory.continuous.posed import Posed, per
from rdptheory.distortions import SquaredError
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, finite, real_array
from rdptheory.methods import Outcome
from rdptheory.problems import DiscreteProblem, Problem
from rdptheory.solution import Candidate, Solution, Status
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.sources import Independent
from rdptheory.watch import leaving

__all__ = ["Atoms", "PointChannel"]

CELLS = 256  # of the finite problem whose output shows where the points are
LIGHT = 1e-7  # mass of a cell's output that counts as part of a point
APART = 0.25  # 1/√s, within which neighbouring outputs are one point
TOGETHER = 0.02  # 1/√s, within which two points are one
VANISHING = 1e-11  # weight of a point that is dropped
MOST = 16  # points: beyond it the law has a continuum of them, or tails whose points no search places
HOPELESS = 1e-3  # of c above 1, after the third slope: no finer search will help
SLOPES = 10  # slopes tried until E d = D
ADDITIONS = 4  # rounds of new points at peaks of c
NEWTON = 30  # steps, of which half a dozen converge
TINY = float(np.finfo(np.float64).tiny)  # keeps logarithms of weights that vanish finite
ROOM = 2e-11  # of D, kept free for the quadrature error
NUDGE = 1e-12  # of a slope: what the rounding of the root may leave, first


@dataclass(frozen=True, eq=False, init=False, kw_only=True)
class PointChannel(Candidate):
    """p(y_j|x) proportional to q_j e^(-s (x-y_j)²), for x within `ends`; beyond them as at the nearer end.

    Attributes
    ----------
    points, weights : arrays (m,)
        y_j, and q_j, which sum to 1.
    s : float
        In nats per squared unit.
    ends : (float, float)
    """

    points: FloatArray
    weights: FloatArray
    s: float
    ends: tuple[float, float]

    def __init__(self, points: FloatArray, weights: FloatArray, s: float, ends: tuple[float, float]) -> None:
        named = (("points", points), ("weights", weights), ("s", s), ("ends", ends))
        for name, value in (*named, ("channel", None), ("output", None), ("joint", None)):
            object.__setattr__(self, name, value)

    def sample(self, x: ArrayLike, rng: np.random.Generator) -> FloatArray:
        """One Y for each x, in the shape of x."""
        at = np.clip(real_array("x", x), *self.ends)
        _, W = gibbs(at, self.points, self.weights, self.s)
        held = np.cumsum(W, axis=-1)
        held[..., -1] = 1.0
        return np.asarray(self.points[(rng.random(at.shape)[..., None] >= held).sum(axis=-1)])


@dataclass(frozen=True)
class Atoms:
    """A few output points, with a proof on the whole line; for P = inf and squared error.

    Unless Shannon's lower bound is tight the best output is discrete [Ros94]. Where it has few points the bracket is as
    narrow as the quadrature; where it has infinitely many (Gaussian, Laplace) the method falls back to `Cells`.

    Parameters
    ----------
    gap : float
        The width to reach, in nats.

    >>> from rdptheory import SquaredError, Uniform, rate_distortion
    >>> found = rate_distortion(Uniform(0.0, 1.0), SquaredError(), D=0.05, method=Atoms())
    >>> print(f"{found.rate:.7f} {found.candidate.points.size} points, {found.gap < 2e-8}")
    0.2331949 2 points, True
    """

    gap: float = 1e-8

    def __post_init__(self) -> None:
        object.__setattr__(self, "gap", finite("gap", self.gap, positive=True))

    def solve(self, problem: DiscreteProblem) -> Outcome:
        """Finite alphabets are for other methods."""
        raise density_only(self)

    def answer(self, problem: Problem, ask: Ask) -> Solution:
        """The bracket of a question about a density without a perception limit."""
        if isinstance(problem.source, Independent):
            raise InvalidInput("method", self, "answers on the line; take Cells() in the plane")
        posed = Posed.of(problem)
        if posed.perception is not None or not isinstance(posed.distortion, SquaredError):
            raise InvalidInput("method", self, "answers for SquaredError() and P = inf; take Cells()")
        known = trivial(posed, self)
        if known is not None:
            return known
        with leaving():
            found = _placed(posed, ask, self.gap) if posed.source.analytic else None
            if found is not None:
                y, q, s = found
                proved = prove(posed.source, y, q, s, posed.D, 0.3 * self.gap)
                lower, upper = max(0.0, proved.lower), max(0.0, proved.upper)
                if upper - lower <= 1e-4:  # else cells do better
                    return self._solution(posed, y, q, s, lower, upper)
        instead = Cells().answer(problem, ask)
        if instead.rate == 0.0:
            return replace(instead, method=self)  # a single point, wherever it lies
        why = "the best output is not a few points" if posed.source.analytic else "nothing is known off the real line"
        note = f"{why}: by cells, {instead.message}"
        status = Status.OPTIMAL if instead.gap <= self.gap else Status.STOPPED
        return Solution(
            problem, instead.rate, instead.bounds, instead.slopes, instead.candidate, status, note, self, instead.steps
        )

    def _solution(self, posed: Posed, y: FloatArray, q: FloatArray, s: float, lower: float, upper: float) -> Solution:
        bounds = CellBounds(lower, upper, f"dual of {y.size} points", f"{y.size} points")
        on = line(posed.source, 1.0)
        shift, scale = posed.shift, posed.scale
        ends = shift + scale * on.low, shift + scale * on.high
        channel = PointChannel(shift + scale * y, q, per(s, scale, 2), ends)
        reached = bounds.gap <= self.gap
        text = f"as narrow as asked, {self.gap:.2g} nat" if reached else "the quadrature proves no narrower bracket"
        status = Status.OPTIMAL if reached else Status.STOPPED
        return Solution(posed.problem, upper, bounds, posed.slopes(-s, 0.0), channel, status, text, self)


Placed = tuple[FloatArray, FloatArray, float]


def _placed(posed: Posed, ask: Ask, gap: float) -> Placed | None:
    """Points, weights and slope whose channel just keeps D, or None if there are too many points."""
    cells = cell_law(posed.source, nodes(posed.source, CELLS))
    problem = cells_problem(cells, cells, posed.distortion, None, posed.D, np.inf, False)
    if problem is None:
        return None
    found = ask(problem, InteriorPoint(gap=1e-9))
    if found.rate == 0.0 or found.candidate is None or found.candidate.output is None:
        return None
    s = -found.slopes.D
    y, q = _merged(cells.means, found.candidate.output, s)
    if y.size > MOST:
        return None
    on = line(posed.source, 1.0 / np.sqrt(s))
    x, w = on.x.ravel(), on.weights.ravel()
    log_s, last = float(np.log(s)), None
    for turn in range(SLOPES):
        s = float(np.exp(log_s))
        y, q, above = _best(x, w, y, q, s, gap, (on.low, on.high))
        if y.size > MOST or (turn > 1 and above > HOPELESS):
            return None
        miss = float(np.log(distortion(on, y, q, s) / posed.D))
        if abs(miss) <= 1e-9:
            break
        slope = -1.0 if last is None else (miss - last[1]) / (log_s - last[0])
        last = log_s, miss
        log_s -= miss / (slope if -4.0 < slope < -0.1 else -1.0)
    return y, q, _spent_exactly(on, y, q, s, posed.D * (1.0 - ROOM))


def _spent_exactly(on: Line, y: FloatArray, q: FloatArray, s: float, goal: float) -> float:
    """With the points as they are, the slope at which E d is just below `goal`, or any if none of those tried is: the
    proof looks at E d again."""
    reach = 0.05
    low, high = float(np.log(s)) - reach, float(np.log(s)) + reach
    at = (
        scipy.optimize.brentq(
            lambda z: np.log(distortion(on, y, q, float(np.exp(z))) / goal),
            low,
            high,
            xtol=1e-15,
            rtol=1e-14,
            disp=False,
        )
        if distortion(on, y, q, np.exp(low)) > goal > distortion(on, y, q, np.exp(high))
        else high
    )
    step = NUDGE
    while step < reach and distortion(on, y, q, float(np.exp(at))) > goal:  # points that have met spend Var X
        at += step
        step *= 2.0
    return float(np.exp(at))


def _merged(x: FloatArray, r: FloatArray, s: float) -> tuple[FloatArray, FloatArray]:
    """The points that runs of neighbouring outputs stand for, and their weights."""
    runs: list[list[int]] = []
    for k in np.flatnonzero(r > LIGHT):
        if runs and k - runs[-1][-1] == 1 and x[k] - x[runs[-1][0]] < APART / np.sqrt(s):
            runs[-1].append(int(k))
        else:
            runs.append([int(k)])
    weight = np.array([r[run].sum() for run in runs])
    return np.array([r[run] @ x[run] for run in runs]) / weight, weight / weight.sum()


def _best(
    x: FloatArray, w: FloatArray, y: FloatArray, q: FloatArray, s: float, gap: float, ends: tuple[float, float]
) -> tuple[FloatArray, FloatArray, float]:
    """The points and weights with the largest E log Z, new ones added where c is above 1, and how far it still is."""
    above = 0.0
    for _ in range(ADDITIONS):
        y, q = _climbed(x, w, y, q, s)
        y, q = _newton(x, w, y, q, s)
        f, _ = gibbs(x, y, q, s)
        z = np.linspace(max(ends[0], y.min() - 2.0 / np.sqrt(s)), min(ends[1], y.max() + 2.0 / np.sqrt(s)), 1500)
        c = np.exp(np.log(w) + f - s * (z[:, None] - x) ** 2).sum(axis=1)
        inner = c[1:-1]
        peaks = z[1:-1][(inner >= c[:-2]) & (inner > c[2:]) & (inner > 1.0 + 0.1 * gap)]
        ends_high = [z[k] for k in (0, -1) if c[k] > 1.0 + 0.1 * gap and c[k] >= c[1 if k == 0 else -2]]
        new = [t for t in (*peaks, *ends_high) if np.abs(y - t).min() > 0.1 / np.sqrt(s)]
        above = float(c.max()) - 1.0
        if not new or y.size + len(new) > MOST:
            break
        y, q = np.append(y, new), np.append(q, np.full(len(new), 1e-4))
        order = np.argsort(y)
        y, q = y[order], q[order] / q.sum()
    return y, q, above


def _climbed(x: FloatArray, w: FloatArray, y: FloatArray, q: FloatArray, s: float) -> tuple[FloatArray, FloatArray]:
    """L-BFGS on -E log Z over the points and the logarithms of their weights, then points that met are joined."""
    unit, m = 1.0 / np.sqrt(2.0 * s), y.size

    def objective(z: FloatArray) -> tuple[float, FloatArray]:
        at, logs = z[:m] * unit, z[m:] - scipy.special.logsumexp(z[m:])
        f, W = gibbs(x, at, np.exp(logs), s)
        by_y = -2.0 * s * (w @ (W * (x[:, None] - at))) * unit
        return float(w @ f), np.concatenate([by_y, np.exp(logs) * w.sum() - w @ W])

    start = np.concatenate([y / unit, np.log(q)])
    options = {"maxiter": 3000, "maxfun": 4000, "ftol": 1e-16, "gtol": 1e-12, "maxcor": 40}
    z = scipy.optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options=options).x
    y, q = z[:m] * unit, np.exp(z[m:] - scipy.special.logsumexp(z[m:]))
    order = np.argsort(y)
    points: list[float] = []
    weights: list[float] = []
    for at, weight in zip(y[order], q[order], strict=True):
        if weight <= VANISHING:
            continue
        if points and at - points[-1] < TOGETHER / np.sqrt(s):
            total = weights[-1] + weight
            points[-1], weights[-1] = (points[-1] * weights[-1] + at * weight) / total, total
        else:
            points.append(float(at))
            weights.append(float(weight))
    return np.array(points), np.array(weights) / np.sum(weights)


def _newton(x: FloatArray, w: FloatArray, y: FloatArray, q: FloatArray, s: float) -> tuple[FloatArray, FloatArray]:
    """Newton's method on c(y_j) = 1, c'(y_j) = 0, as long as the residual does not grow."""
    residual = _conditions(x, w, y, q, s)[0]
    for _ in range(NEWTON):
        size, F, jacobian = _conditions(x, w, y, q, s)
        step = -np.linalg.lstsq(jacobian, F, rcond=1e-13)[0]
        step *= np.concatenate([q, np.full(y.size, 1.0 / np.sqrt(2.0 * s))])
        if not np.isfinite(step).all():
            break
        dq, dy = step[: y.size], step[y.size :]
        length = min(
            1.0, 0.9 / max(1e-300, float((-dq / q).max())), 0.3 / np.sqrt(s) / max(1e-300, float(np.abs(dy).max()))
        )
        there = y + length * dy, q + length * dq
        new = _conditions(x, w, *there, s)[0]
        if new > 4.0 * max(size, 1e-12):
            break
        y, q = there
        if new < 1e-14:
            break
    order = np.argsort(y)
    return (y[order], q[order] / q.sum()) if _conditions(x, w, y, q, s)[0] <= residual else (y, q / q.sum())


def _conditions(
    x: FloatArray, w: FloatArray, y: FloatArray, q: FloatArray, s: float
) -> tuple[float, FloatArray, FloatArray]:
    """Size, residual and Jacobian of c(y_j) - 1 and c'(y_j), in units of q_j and 1/√(2s)."""
    d = x[:, None] - y
    kernel = np.exp(-s * d**2)
    A = kernel / (kernel @ q)[:, None]
    wa, pull = w[:, None] * A, 2.0 * s * d
    B = A * pull * q
    first = (wa * pull).sum(axis=0)
    second = (wa * (pull**2 - 2.0 * s)).sum(axis=0)
    unit = np.full(y.size, 1.0 / np.sqrt(2.0 * s))
    jacobian = np.block(
        [[-(wa.T @ A), np.diag(first) - wa.T @ B], [-((wa * pull).T @ A), np.diag(second) - (wa * pull).T @ B]]
    )
    rows = np.concatenate([np.ones(y.size), unit])
    F = rows * np.concatenate([wa.sum(axis=0) - 1.0, first])
    return float(np.abs(F).max()), F, rows[:, None] * jacobian * np.concatenate([q, unit])


guard(__name__)
