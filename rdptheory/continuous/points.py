"""The proof behind `Atoms`: a few output points, judged on the whole line.

For points y_j with weights q_j and a slope s let Z(x) = Σ_j q_j e^(-s (x-y_j)²), f = -log Z,
W_j(x) = q_j e^(-s (x-y_j)²)/Z(x), ψ(x) = Σ_j W_j(x) (x-y_j)² and c(y) = E e^(f(X) - s (X-y)²). Then, if E ψ(X) <= D,

    E f(X) - s D - log sup_y c(y)  <=  R(D)  <=  E KL(W(X)‖q) = E f(X) - s E ψ(X).

The three integrals are sums over panels with a bound on their error (`rdptheory.sources.quadrature`), for which the
integrands must be bounded off the line. At z = x + iη' with |η'| <= η, where the real parts of the panel's ellipse lie
within δ of its centre c,

    Z(z) = e^(sη'²) Z(x) Σ_j W_j(x) e^(-2isη'(x-y_j)),   and   |Σ_j W_j e^(-iθ_j)| >= 1 - ½ Var θ = 1 - 2s²η'² Var(Y|x),

because cos t >= 1 - t²/2 about the mean of θ. With m = E(Y|c), Var(Y|x) <= Σ_j W_j(c) e^(2sδ|y_j-m|) (y_j-m)²: W(x) is
W(c) tilted by e^(2s(x-c)(y_j-m)), whose mean under W(c) is at least 1. So where κ = 2s²η² times this is at most 1/2,

    |Z(z)| >= ½ e^(sη'²) Z(x) > 0,   |W_j(z)| <= 2 W_j(x),   |e^(f(z) - s(z-y)²)| <= 2 e^(f(x)).

With R the largest |x - y_j| on the ellipse, f' = 2s (x - E(Y|x)) moves f by at most 2sδR from the centre, and
|arg Z| <= 2sηR + π/2. Hence |f(z)| <= |f(c)| + 2sR(δ+η) + sη² + log 2 + π/2, |ψ(z)| <= 2(R²+η²), and the third
integrand is at most 2 e^(f(c) + 2sδR), whatever y.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.sources import ContinuousSource, Tail
from rdptheory.sources.continuous import CELL_ERROR
from rdptheory.sources.quadrature import HEIGHTS, ellipses, gauss_error, gauss_rule

__all__ = ["Line", "PointBracket", "distortion", "gibbs", "line", "moduli", "prove"]

WIDTH = 0.5  # first width of a panel, in 1/√s: the scale on which Z varies
HALVINGS = 8  # of that width, after which the integrals are as good as they get
NEGLIGIBLE = 1e-13  # nats: the quadrature error that is not worth more panels
TAIL_MASS = 1e-12  # beyond each end of the line: what is lost there is of the order of its mass times the rate
TAIL_SHARE = 1e-10  # what the tails add to c
FIRST_STEP = 0.02  # of the grid on which c is bounded, in 1/√s
SPLIT = 8  # pieces of an interval on which c may pass the target
TINY = float(np.finfo(np.float64).tiny)  # keeps logarithms of rows and weights that vanish finite
ROUNDS = 6  # of splitting: the grid is then 1e-7/√s fine


@dataclass(frozen=True, eq=False)
class Line:
    """Quadrature nodes for a source on [low, high], its support but for tails of mass `TAIL_MASS`.

    Attributes
    ----------
    x, weights : arrays (panels, points)
        weights hold the density.
    centre, half : arrays (panels,)
    left, right : Tail
        What lies beyond.
    """

    source: ContinuousSource
    low: float
    high: float
    x: FloatArray
    weights: FloatArray
    centre: FloatArray
    half: FloatArray
    left: Tail
    right: Tail

    @property
    def tails(self) -> list[tuple[Tail, float, float]]:
        """Each tail that holds mass, where it starts, and its side."""
        both = [(self.left, self.low, -1.0), (self.right, self.high, 1.0)]
        return [one for one in both if one[0].mass > 0.0]


@dataclass(frozen=True, eq=False)
class PointBracket:
    """lower <= R(D) <= upper, where upper is inf unless the mean distortion is proved to be at most D."""

    lower: float
    upper: float
    peak: float


def line(source: ContinuousSource, width: float) -> Line:
    """Panels of at most a width between the ends and kinks of a source in standard position."""
    low, high = source.support
    low = low if np.isfinite(low) else source.quantile(TAIL_MASS)
    high = high if np.isfinite(high) else -_mirrored_end(source)
    cuts = [low, *[kink for kink in source.kinks if low < kink < high], high]
    parts = [np.linspace(a, b, max(2, int(np.ceil((b - a) / width)) + 1))[:-1] for a, b in pairwise(cuts)]
    edges = np.append(np.concatenate(parts), high)
    centre, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    unit, weight = gauss_rule()
    x = centre[:, None] + half[:, None] * unit
    return Line(
        source,
        low,
        high,
        x,
        source.density(x) * (half[:, None] * weight),
        centre,
        half,
        source.left_tail(low),
        source.right_tail(high),
    )


def _mirrored_end(source: ContinuousSource) -> float:
    """Minus a point with about `TAIL_MASS` beyond it: levels near 1 have no digits left, tails have."""
    start = source.quantile(0.5)
    step = source.standard_deviation
    end = start + step
    while source.right_tail(end).mass > TAIL_MASS:
        end += 0.25 * step
    return -end


def gibbs(x: FloatArray, y: FloatArray, q: FloatArray, s: float) -> tuple[FloatArray, FloatArray]:
    """f(x), in the shape of x, and W(x) with one more axis for the points."""
    exponent = np.log(np.maximum(q, TINY)) - s * (x[..., None] - y) ** 2
    top = exponent.max(axis=-1, keepdims=True)
    W = np.exp(exponent - top)
    total = W.sum(axis=-1, keepdims=True)
    W /= total
    return -(top + np.log(total))[..., 0], W


def prove(source: ContinuousSource, y: FloatArray, q: FloatArray, s: float, D: float, target: float) -> PointBracket:
    """The bracket above; `target` is how far log sup c is worth resolving, in nats."""
    width = WIDTH / np.sqrt(s)
    for _ in range(HALVINGS):
        on = line(source, width)
        errors = _errors(on, y, q, s)
        if errors.max() <= NEGLIGIBLE * max(1.0, s):
            break
        width *= 0.5
    error_f, error_psi, error_c = (float(error) for error in errors)
    f, W = gibbs(on.x, y, q, s)
    psi = (W * (on.x[..., None] - y) ** 2).sum(axis=-1)
    mean_f, mean_psi = float((on.weights * f).sum()), float((on.weights * psi).sum())
    error_f += CELL_ERROR * (0.1 + float((on.weights * np.abs(f)).sum()))  # the sum of q is 1 within rounding
    error_psi += CELL_ERROR * mean_psi
    spent = distortion(on, y, q, s) + error_psi
    free_f, held_f, share = mean_f - error_f, mean_f + error_f, 0.0
    for tail, end, _ in on.tails:  # below: f is what makes c grow by a share; above: W is that of the end
        free_f += tail.mass * float(np.log(0.5 * TAIL_SHARE / tail.mass))
        share += 0.5 * TAIL_SHARE
        _, row = gibbs(np.array(end), y, q, s)
        held_f += tail.mass * float(row @ np.log(np.maximum(row, TINY) / q)) * (1.0 + CELL_ERROR)
    peak = _peak(on, f, s, target, error_c + share)
    upper = held_f - s * (mean_psi - error_psi)
    return PointBracket(free_f - s * D - float(np.log(peak)), upper if spent <= D else np.inf, peak)


def distortion(on: Line, y: FloatArray, q: FloatArray, s: float) -> float:
    """E d of the channel, W(x) beyond an end being that of the end; without the error of the quadrature."""
    _, W = gibbs(on.x, y, q, s)
    total = float((on.weights * (W * (on.x[..., None] - y) ** 2).sum(axis=-1)).sum())
    for tail, end, side in on.tails:
        _, row = gibbs(np.array(end), y, q, s)
        away = side * (end - y)
        beyond = away**2 + 2.0 * np.maximum(away, 0.0) * tail.excess + tail.square
        total += tail.mass * float(row @ beyond) * (1.0 + 4.0 * tail.error)
    return total


def _errors(on: Line, y: FloatArray, q: FloatArray, s: float) -> FloatArray:
    """Bounds on the quadrature errors of E f, E ψ and c(y)."""
    best = np.full((3, on.centre.size), np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        for (M, longer, rho), height in zip(ellipses(on.source.modulus, on.centre, on.half), HEIGHTS, strict=True):
            kappa, integrands = moduli(on.centre, longer * on.half, height * on.half, y, q, s)
            found = gauss_error(M * integrands, on.half, rho)
            best = np.where(kappa <= 0.5, np.fmin(best, found), best)
    return np.asarray(best.sum(axis=1))


def moduli(
    centre: FloatArray, delta: FloatArray, eta: FloatArray, y: FloatArray, q: FloatArray, s: float
) -> tuple[FloatArray, FloatArray]:
    """κ, and if that is at most 1/2 bounds on |f|, |ψ|, |e^(f - s(z-y)²)| for |Re z - centre| <= δ, |Im z| <= η."""
    f, W = gibbs(centre, y, q, s)
    away = np.abs(y - (W @ y)[:, None])
    R = np.maximum(np.abs(centre - y.min()), np.abs(centre - y.max())) + delta
    kappa = 2.0 * (s * eta) ** 2 * (W * np.exp(2.0 * s * delta[:, None] * away) * away**2).sum(axis=1)
    bounds = (
        np.abs(f) + 2.0 * s * R * (delta + eta) + s * eta**2 + np.log(2.0) + 0.5 * np.pi,
        2.0 * (R**2 + eta**2),
        2.0 * np.exp(f + 2.0 * s * delta * R),
    )
    return kappa, np.stack(bounds)


def _peak(on: Line, f: FloatArray, s: float, target: float, error: float) -> float:
    """At least sup c over the line, `error` included.

    log c(y) + s y² is convex in y, so between grid points a step h apart log c is at most its larger end plus s h²/4;
    c falls outside the range of x. Only where that could pass `target` is the grid made finer.
    """
    x = on.x.ravel()
    log_weights = np.log(on.weights.ravel()) + f.ravel()

    def c(y: FloatArray) -> FloatArray:
        found = np.empty(y.size)
        for start in range(0, y.size, 512):
            part = y[start : start + 512, None]
            found[start : start + 512] = np.exp(log_weights - s * (x - part) ** 2).sum(axis=1)
        return found * (1.0 + 4.0 * CELL_ERROR) + error

    count = int(np.ceil((on.high - on.low) * np.sqrt(s) / FIRST_STEP)) + 1
    y = np.linspace(on.low, on.high, count + 1)
    h = (on.high - on.low) / count
    values = c(y)
    left, right, start = values[:-1], values[1:], y[:-1]
    peak = 1.0
    for level in range(ROUNDS + 1):
        bound = np.maximum(left, right) * np.exp(0.25 * s * h * h)
        doubtful = bound > np.exp(target)
        settled = bound[~doubtful] if level < ROUNDS else bound
        peak = max(peak, float(settled.max(initial=0.0)))
        if level == ROUNDS or not doubtful.any():
            break
        if float(values.max()) > np.exp(4.0 * target):  # the points are not the best ones: no finer grid helps
            peak = max(peak, float(bound.max()))
            break
        start = start[doubtful]
        inner = start[:, None] + h * (np.arange(1, SPLIT) / SPLIT)
        between = c(inner.ravel()).reshape(inner.shape)
        whole = np.column_stack([left[doubtful], between, right[doubtful]])
        left, right = whole[:, :-1].ravel(), whole[:, 1:].ravel()
        start = np.column_stack([start, inner]).ravel()
        values, h = between, h / SPLIT
    return peak
