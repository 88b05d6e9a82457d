"""What a sample says about the rate of the unknown law behind it: bounds that hold with a stated probability.

The first half of the sample chooses everything that may be chosen (points y_j, weights q_j, slopes), the second half is
what the theorems speak about. With Z, f, W, ψ, c as in `rdptheory.continuous.points` for the squared distance in R^k, n
the size of the second half and Δ the diameter of the support, each with probability at least 1 - δ:

A    R(D) >= F_n(s) - s D - s Δ² √(log(1/δ)/(2n)), where F_n(s) = min over q of the sample mean of -log Σ q e^(-s d) is
     at least mean f - log sup_y c_n(y) for any f. As a minimum of functions linear in the law, F is concave, so its
     mean over samples is at most F of the law; one sample moves it by at most s Δ²/n [McD89].
A'   (k = 1) |E g - mean g| <= √(log(2/δ)/(2n)) Var(g) for all g at once [Mas90], applied to f and to every
     e^(f - s (. - y)²). f and s may come from the same sample.
A''  (k = 1) E f >= mean f - r_f and c(y) <= c_n(y) + r_y on a grid of y, f being fixed beforehand, r from [MP09], which
     costs a union over the grid.
B    R(D) <= E KL(W(X)‖q) if E ψ(X) <= D, both means bounded above by [MP09] for each of a few slopes fixed beforehand,
     which costs a union over them.

Between grid points log c is at most the larger end plus s k h²/4, because log c(y) + s |y|² is convex.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rdptheory._types import ArrayLike, Bounds, FloatArray
from rdptheory.distortions import Distortion, SquaredError
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, finite, real_array
from rdptheory.solution import Answer, Status, as_row, said

__all__ = ["ConfidenceRate", "Part", "confidence_rate"]

POINTS = 64  # outputs of the channel that is fitted
FITTED = 4000  # samples of the first half that are enough to fit them
ROUNDS = 120  # of fitting, with a new slope after each
SLOPES = 6  # tried for the upper end, from the one that is expected to do
SLOPE_STEP = 0.03  # between them, relative
LEAST = 40  # samples: with fewer the bounds say nothing for any law
KNOTS = 2001  # of the piecewise linear f: between knots its variation is known exactly
RESOLVED = 2e-3  # nats: what the grid of y may cost, beside √(1/n)
MOST_GRID = 20_000  # points of that grid
SHUFFLE = 20240511  # of the order of the sample, fixed before any data are seen


@dataclass(frozen=True)
class Part:
    """One theorem's say: its name, the bound in nats, the probability with which it holds, and what it assumes."""

    theorem: str
    bound: float
    confidence: float
    assumptions: str


@dataclass(frozen=True)
class ConfidenceRate(Answer):
    """lower <= R(D) <= upper with a probability, over samples, of at least `confidence`.

    Attributes
    ----------
    bounds : Bounds
        In nats; upper is inf where no channel is known to keep D, lower 0 where nothing more can be said.
    confidence : float
    D : float
    size : int
        Number of samples.
    parts : tuple of Part
        Every bound that was computed. All hold together with probability `confidence`.
    status, message : OPTIMAL if both ends say something, else STOPPED; and one sentence
    """

    bounds: Bounds
    confidence: float
    D: float
    size: int
    parts: tuple[Part, ...]
    status: Status
    message: str

    unit: ClassVar[str] = "nat "

    @property
    def rate(self) -> float:
        """The upper end, in nats."""
        return self.bounds.upper

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a table or a JSON file; rates in nats, None where a number is not finite."""
        ends = {"lower_nat": self.bounds.lower, "upper_nat": self.bounds.upper}
        told = {"D": self.D, **ends, "confidence": self.confidence, "samples": self.size}
        return as_row(told) | said(self)

    def _rows(self) -> list[tuple[str, str]]:
        return [
            ("bracket", f"{self.bounds:.6g} nat at D = {self.D:.6g}, with probability {self.confidence:g}"),
            ("samples", f"{self.size:,}"),
            ("status", f"{self.status.value}: {self.message}"),
        ]


def confidence_rate(
    samples: ArrayLike,
    distortion: Distortion,
    *,
    D: float,
    support: Sequence[float] | Sequence[Sequence[float]],
    confidence: float = 0.95,
) -> ConfidenceRate:
    """R(D) = R(D, inf) of the law behind independent samples, with a stated probability.

        P(lower <= R(D) <= upper) >= confidence

    Parameters
    ----------
    samples : array (n,) or (n, k)
        Independent draws from one law, in the order in which they were drawn.
    distortion : SquaredError
    D : float
        Above 0, in squared units of the samples.
    support : (low, high), or one such pair for each coordinate
        Known beforehand, not read off the sample: an interval (box) that holds all mass of the law.
    confidence : float
        In (0, 1).

    Returns
    -------
    ConfidenceRate
        The width is of the order of n^(-1/2): about 0.04 nat from a million samples in one dimension. Beyond two
        dimensions only the upper end says anything.

    Raises
    ------
    InvalidInput
        Another distortion, a sample outside the support, or numbers without meaning.

    References
    ----------
    [McD89], [Mas90], [MP09]

    Examples
    --------
    >>> x = np.random.default_rng(0).random(20_000)
    >>> found = confidence_rate(x, SquaredError(), D=0.02, support=(0.0, 1.0))
    >>> found.bounds.lower < 0.62708502 < found.bounds.upper, found.gap < 0.4
    (True, True)
    """
    if not isinstance(distortion, SquaredError):
        raise InvalidInput("distortion", distortion, "must be SquaredError(): no other has these theorems")
    D = finite("D", D, positive=True)
    level = finite("confidence", confidence)
    if not 0.0 < level < 1.0:
        raise InvalidInput("confidence", confidence, "must lie strictly between 0 and 1")
    x, box = _sample(samples, support)
    size = x.shape[0]
    x, box, limit = _in_units(x, box, D)
    x = x[np.random.default_rng(SHUFFLE).permutation(x.shape[0])]
    half = x.shape[0] // 2
    first, second = x[:half], x[half:]
    alpha = 1.0 - level
    with np.errstate(all="ignore"):  # of numbers that say nothing: a limit of 1e-300 of the support
        lower_parts = _lower_parts(first, second, box, limit, alpha / 2.0)
        parts = [*lower_parts, _upper_part(first, second, box, limit, alpha / 2.0)]
    lower = max([0.0, *(part.bound for part in parts[:-1])])
    upper = parts[-1].bound
    ends = "both ends" if 0.0 < lower and upper < np.inf else "upper only" if upper < np.inf else "lower only"
    if lower == 0.0 and upper == np.inf:
        ends = "nothing can be said"
    holds = lower <= upper
    text = f"{ends}, from {size} samples"
    return ConfidenceRate(
        Bounds(min(lower, upper), upper) if holds else Bounds(0.0, np.inf),
        level,
        D,
        size,
        tuple(parts),
        Status.OPTIMAL if ends == "both ends" and holds else Status.STOPPED,
        text if holds else "the two ends contradict each other: an assumption is broken, or this is the rare sample",
    )


def _sample(samples: ArrayLike, support: object) -> tuple[FloatArray, FloatArray]:
    """The samples as (n, k) and the box as (k, 2)."""
    x = real_array("samples", samples)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or x.shape[0] < LEAST or x.shape[1] == 0:
        raise InvalidInput("samples", x.shape, f"must have shape (n,) or (n, k) with n at least {LEAST}")
    box = real_array("support", support)  # type: ignore[arg-type]
    box = np.tile(box, (x.shape[1], 1)) if box.shape == (2,) else box
    if box.shape != (x.shape[1], 2) or not (box[:, 0] < box[:, 1]).all():
        raise InvalidInput("support", support, "must be (low, high) with low below high, for each coordinate")
    if ((x < box[:, 0]) | (x > box[:, 1])).any():
        raise InvalidInput("samples", float(x.max()), f"must lie within the support, {box.tolist()}")
    return x, box


def _in_units(x: FloatArray, box: FloatArray, D: float) -> tuple[FloatArray, FloatArray, float]:
    """Samples, box and limit in units of the widest side, from the middle of the box: R(D) does not know of either."""
    half = 0.5 * box
    middle, unit = half[:, 0] + half[:, 1], float((half[:, 1] - half[:, 0]).max())
    moved = np.clip((0.5 * x - 0.5 * middle) / unit, -0.5, 0.5)
    return moved, np.clip((half - 0.5 * middle[:, None]) / unit, -0.5, 0.5), D / unit / unit / 4.0


def _said(bound: float) -> float:
    """A lower bound, -inf where its numbers are none."""
    return bound if np.isfinite(bound) else -np.inf


@dataclass(frozen=True, eq=False)
class _Fit:
    """Points (m, k), weights (m,) and a slope."""

    y: FloatArray
    q: FloatArray
    s: float

    def at(self, x: FloatArray, s: float | None = None) -> tuple[FloatArray, FloatArray, FloatArray]:
        """f(x), ψ(x) and KL(W(x)‖q), each of shape (n,), for x (n, k)."""
        slope = self.s if s is None else s
        d = _squares(x, self.y)
        exponent = np.log(self.q) - slope * d
        top = exponent.max(axis=1, keepdims=True)
        W = np.exp(exponent - top)
        total = W.sum(axis=1, keepdims=True)
        W /= total
        f, psi = -(top + np.log(total))[:, 0], np.asarray((W * d).sum(axis=1))
        return f, psi, np.maximum(f - slope * psi, 0.0)


def _squares(x: FloatArray, y: FloatArray) -> FloatArray:
    total = np.zeros((x.shape[0], y.shape[0]))
    for column, other in zip(x.T, y.T, strict=True):
        total += (column[:, None] - other) ** 2
    return total


def _fit(x: FloatArray, D: float) -> _Fit:
    """Points, weights and the slope whose channel has E ψ = D on x. Nothing here is trusted.

    By alternating minimisation as in [Bla72, Ari72], with points that move to the means of what they serve.
    """
    x = x[:FITTED]
    order = np.argsort(x[:, 0], kind="stable")
    y = x[order[np.linspace(0, x.shape[0] - 1, min(POINTS, x.shape[0])).astype(int)]].copy()
    q = np.full(y.shape[0], 1.0 / y.shape[0])
    spread = float(((x - x.mean(axis=0)) ** 2).sum(axis=1).mean())
    if D >= spread:
        return _Fit(x.mean(axis=0)[None, :], np.ones(1), 0.0)
    s = 0.5 * x.shape[1] / D
    for _ in range(ROUNDS):
        d = _squares(x, y)
        exponent = np.log(q) - s * d
        W = np.exp(exponent - exponent.max(axis=1, keepdims=True))
        W /= W.sum(axis=1, keepdims=True)
        mean = float((W * d).sum(axis=1).mean())
        mass = W.sum(axis=0)
        kept = mass > 1e-6 * x.shape[0]
        if not kept.any():  # a slope beyond what float64 tells apart
            break
        y, q = (W.T @ x)[kept] / mass[kept, None], mass[kept] / mass[kept].sum()
        s *= float(np.clip(mean / D, 0.8, 1.25))
    return _Fit(y, q, s)


def _bernstein(z: FloatArray, span: float, delta: float) -> float:
    """How far the mean of n draws within an interval of length `span` may be below (above) the expectation [MP09]."""
    n, logs = z.size, float(np.log(2.0 / delta))
    return float(np.sqrt(2.0 * z.var(ddof=1) * logs / n)) + 7.0 * span * logs / (3.0 * (n - 1))


def _upper_part(first: FloatArray, second: FloatArray, box: FloatArray, D: float, delta: float) -> Part:
    """Theorem B."""
    text = "independent draws within the support; points, weights and slopes from the other half"
    diameter = float(((box[:, 1] - box[:, 0]) ** 2).sum())
    each = delta / (2 * SLOPES)
    rough = _fit(first, D)
    margin = _bernstein(rough.at(first)[1], diameter, each) * np.sqrt(first.shape[0] / second.shape[0])
    best = np.inf
    if 1.1 * margin < D:
        fit = _fit(first, D - 1.1 * margin)
        span = float(-np.log(fit.q.min()))
        for k in range(SLOPES):
            _, psi, kl = fit.at(second, fit.s * (1.0 + SLOPE_STEP * k))
            if float(psi.mean()) + _bernstein(psi, diameter, each) <= D:
                best = min(best, float(kl.mean()) + _bernstein(kl, span, each))
    return Part("B", best, 1.0 - delta, text)


def _lower_parts(first: FloatArray, second: FloatArray, box: FloatArray, D: float, delta: float) -> list[Part]:
    """Theorems A, A' and A'', where a grid of y is affordable: they share δ."""
    fit = _fit(first, D)
    k, diameter = box.shape[0], float(((box[:, 1] - box[:, 0]) ** 2).sum())
    if not 0.0 < fit.s < np.inf or k > 2:
        return []
    grid, step_cost = _grid(box, fit.s)
    share = delta / (3.0 if k == 1 else 1.0)
    n, s = second.shape[0], fit.s
    f = fit.at(second)[0]
    c = _column_means(second, f, grid, s)
    moved = s * diameter * np.sqrt(np.log(1.0 / share) / (2.0 * n))
    bound = _said(float(f.mean() - np.log(c.max())) - step_cost - s * D - float(moved))
    parts = [Part("A", bound, 1.0 - share, "independent draws within the support; the slope from the other half")]
    if k == 1:
        parts.append(_by_variation(fit, np.concatenate([first, second])[:, 0], box[0], grid[:, 0], step_cost, D, share))
        parts.append(_by_split(fit, second[:, 0], box[0], grid[:, 0], step_cost, D, share))
    return parts


def _grid(box: FloatArray, s: float) -> tuple[FloatArray, float]:
    """Points y over the box, and what log c may exceed its largest value on them by."""
    k = box.shape[0]
    step = np.sqrt(4.0 * RESOLVED / (k * s))
    most = int(MOST_GRID ** (1.0 / k))
    counts = [min(most, int(np.ceil((high - low) / step)) + 1) for low, high in box]
    axes = [np.linspace(low, high, max(2, count)) for (low, high), count in zip(box, counts, strict=True)]
    cost = s * sum(float(axis[1] - axis[0]) ** 2 for axis in axes) / 4.0
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1), cost


def _column_means(x: FloatArray, f: FloatArray, grid: FloatArray, s: float) -> FloatArray:
    """The sample mean of e^(f - s |x-y|²) at every y of the grid."""
    out = np.empty(grid.shape[0])
    block = max(1, 4_000_000 // x.shape[0])
    for start in range(0, grid.shape[0], block):
        part = grid[start : start + block]
        out[start : start + block] = np.exp(f[:, None] - s * _squares(x, part)).mean(axis=0)
    return out


def _knotted(fit: _Fit, ends: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Knots, and the values there of the piecewise linear function that takes the place of f."""
    knots = np.linspace(ends[0], ends[1], KNOTS)
    return knots, fit.at(knots[:, None])[0]


def _by_variation(
    fit: _Fit, x: FloatArray, ends: FloatArray, grid: FloatArray, step_cost: float, D: float, delta: float
) -> Part:
    """Theorem A'."""
    knots, f = _knotted(fit, ends)
    s, width = fit.s, float(knots[1] - knots[0])
    away = float(np.sqrt(np.log(2.0 / delta) / (2.0 * x.size)))
    below = float(np.interp(x, knots, f).mean()) - away * float(np.abs(np.diff(f)).sum())
    at = np.interp(x, knots, f)
    c = _column_means(x[:, None], at, grid[:, None], s)
    slope, worst = np.diff(f) / width, -np.inf
    for y, mean in zip(grid, c, strict=True):
        values = np.exp(f - s * (knots - y) ** 2)
        crest = y + slope / (2.0 * s)  # where f - s (x-y)² is largest within a piece, if that is inside it
        inside = (crest > knots[:-1]) & (crest < knots[1:])
        at_crest = np.where(inside, crest, knots[:-1])
        top = np.exp(f[:-1] + slope * (at_crest - knots[:-1]) - s * (at_crest - y) ** 2)
        ups = np.where(inside, 2.0 * top - values[:-1] - values[1:], np.abs(np.diff(values)))
        worst = float(np.maximum(worst, float(mean) + away * float(ups.sum())))  # which keeps what is no number
    text = "independent draws within the support; f and s may depend on the sample"
    return Part("A'", _said(below - float(np.log(worst)) - step_cost - s * D), 1.0 - delta, text)


def _by_split(
    fit: _Fit, x: FloatArray, ends: FloatArray, grid: FloatArray, step_cost: float, D: float, delta: float
) -> Part:
    """Theorem A''."""
    knots, f = _knotted(fit, ends)
    s, each = fit.s, 0.5 * delta / grid.size
    at = np.interp(x, knots, f)
    below = float(at.mean()) - _bernstein(at, float(np.ptp(f)), 0.5 * delta)
    worst = -np.inf
    width = float(knots[1] - knots[0])
    slope = np.diff(f) / width
    for y in grid:
        z = np.exp(at - s * (x - y) ** 2)
        crest = np.clip(y + slope / (2.0 * s), knots[:-1], knots[1:])
        span = float(np.exp((f[:-1] + slope * (crest - knots[:-1]) - s * (crest - y) ** 2).max()))
        worst = float(np.maximum(worst, float(z.mean()) + _bernstein(z, span, each)))
    text = "independent draws within the support; f and s from the other half"
    return Part("A''", _said(below - float(np.log(worst)) - step_cost - s * D), 1.0 - delta, text)


guard(__name__)
