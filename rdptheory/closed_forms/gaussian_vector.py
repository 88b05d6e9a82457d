"""Vector Gaussian source, squared error, squared Wasserstein-2 or Kullback-Leibler perception.

    R(D,P) = min Σ_i R_i(D_i, P_i)  s.t.  Σ D_i <= D,  Σ P_i <= P,   R_i the scalar function of variance λ_i

In the eigenbasis of the covariance the components are independent, so I(X;Y), W2² and KL are at least the sums over the
components, the distortion is that sum, and every scalar question is answered by a Gaussian [ZQCK21, Theorem 1]. The
allocation is convex; at the prices s of distortion and μ of perception every component stands alone. With a = 2sλ,
x = ρ/(1-ρ²) and g² λ = Var Y its stationary point is the one root of x = a g(ρ(x)), where

    W2²   g = (sρ + μ)/(s + μ)
    KL    (a + μ) g² - aρ g - μ = 0

P = inf is reverse water-filling, D_i = min(λ_i, θ); at P = 0, g = 1 and ρ = 2a/(1 + √(1 + 4a²)).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import scipy

from rdptheory._types import ArrayLike, Bounds, FloatArray, IntArray, Unbounded
from rdptheory.closed_forms import gaussian
from rdptheory.closed_forms._inputs import positive
from rdptheory.divergences import Divergence, KullbackLeibler, Wasserstein2Squared
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, at_least_zero

__all__ = ["Allocation", "allocate", "rate"]

ALLOWANCE = 16 * float(np.finfo(np.float64).eps)  # of a term: a logarithm, a root and a dozen operations
W2 = Wasserstein2Squared()
BINS = 1024  # values for which the search is run: beyond, neighbours differ by less than a root search sees
ROOT_STEPS = 100  # of a bracketed root search that takes a dozen
CHORD_STEPS = 4  # after the binned search, each of which gains three digits
SMALLEST = 1e-290  # of the greatest variance: shares of a smaller D leave float64
PRECISION = 1e-13  # of a logarithm of a price: the rate is flat there, and loses its square
CHORD_PRECISION = 1e-9  # relative, of D and P: the same reason
NUDGE = 1e-4  # of the logarithm of a price, for central differences
FARTHEST = 100.0  # logarithm of a price: e^100 is beyond every price that float64 limits ask


@dataclass(frozen=True, eq=False)
class Allocation:
    """Who gets how much.

    Attributes
    ----------
    bounds : Bounds
        Proved bracket on R(D,P) in nats: the dual value of the two prices, and the sum of scalar rates at limits that
        add up to D and P.
    price_D, price_P : float
        -dR/dD and -dR/dP, nats per unit.
    distortions, perceptions : arrays (k,)
        D_i and P_i.
    spreads, correlations : arrays (k,)
        √(Var Y_i / λ_i), and the correlation of X_i and Y_i.
    """

    bounds: Bounds
    price_D: float
    price_P: float
    distortions: FloatArray
    perceptions: FloatArray
    spreads: FloatArray
    correlations: FloatArray


def rate(variances: ArrayLike, D: float, P: float, perception: Divergence = W2) -> float:
    """R(D,P) in nats of independent components with these variances (k,): the upper end of `allocate(...).bounds`.

    >>> round(rate([4.0, 1.0], 2.0, float("inf")), 12) == round(float(np.log(2.0)), 12)
    True
    """
    return allocate(variances, D, P, perception).bounds.upper


def allocate(variances: ArrayLike, D: float, P: float, perception: Divergence = W2) -> Allocation:
    """Share D and P among independent components.

    Parameters
    ----------
    variances : array (k,)
        λ_i, above 0.
    D, P : float
        At least 0, or inf: sums over the components, in the unit of λ (P in nats for KL).
    perception : Wasserstein2Squared() or KullbackLeibler()

    Returns
    -------
    Allocation
        The rate is inf at D = 0.

    Raises
    ------
    InvalidInput

    References
    ----------
    [ZQCK21], Theorem 1, for the components; [CT06], Section 10.3.3, for P = inf.

    >>> allocate([4.0, 1.0], 2.5, float("inf")).distortions
    array([1.5, 1. ])
    """
    spectrum, D, P = positive("variances", variances), at_least_zero("D", D), at_least_zero("P", P)
    if spectrum.ndim != 1 or spectrum.size == 0:
        raise InvalidInput("variances", variances, f"must have shape (k,) with k >= 1, has {spectrum.shape}")
    if not isinstance(perception, (Wasserstein2Squared, KullbackLeibler)):
        raise InvalidInput("perception", perception, "must be Wasserstein2Squared() or KullbackLeibler()")
    if D == 0.0:
        one, zero = np.ones_like(spectrum), np.zeros_like(spectrum)
        return Allocation(Bounds(Unbounded, Unbounded), np.nan, np.nan, zero, zero, one, one)
    if D < SMALLEST * float(spectrum.max()):
        raise InvalidInput("D", D, f"must be 0 or at least {SMALLEST:g} of the greatest variance, {spectrum.max():g}")
    ball = _KullbackLeibler() if isinstance(perception, KullbackLeibler) else _Wasserstein()
    free = _zero_rate(ball, spectrum, D, P)
    if free is not None:
        return free
    filled = _water_filling(ball, spectrum, D)
    if float(filled.P.sum()) <= P:
        level = _level(spectrum, D)
        return _priced(filled, spectrum, D, Unbounded, 0.5 / level if level > 0.0 else np.inf, 0.0, perception)
    shares, s, mu = _prices(ball, spectrum, D, P, perception)
    return _priced(shares, spectrum, D, P, s, mu, perception)


@dataclass(frozen=True, eq=False)
class _Shares:
    """What the components get at some prices; x = ρ/(1-ρ²)."""

    x: FloatArray
    rho: FloatArray
    g: FloatArray
    D: FloatArray
    P: FloatArray


class _Wasserstein:
    def spread(self, a: FloatArray, rho: FloatArray, s: float, mu: float) -> tuple[FloatArray, FloatArray]:
        """g and dg/dρ."""
        share = 1.0 / (1.0 + mu / s)
        return share * rho + (1.0 - share), np.full_like(rho, share)

    def shrink(self, a: FloatArray, rho: FloatArray, lost: FloatArray, s: float, mu: float) -> FloatArray:
        """1 - g, from 1 - ρ."""
        return lost / (1.0 + mu / s)

    def limit(self, spectrum: FloatArray, shrink: FloatArray) -> FloatArray:
        """P_i at 1 - g."""
        return np.asarray(spectrum * shrink**2)

    def independent_output(self, spectrum: FloatArray, P: float) -> FloatArray:
        """1 - g of the independent Y of least variance."""
        return np.full_like(spectrum, min(1.0, float(np.sqrt(P) / np.sqrt(spectrum.sum()))))


class _KullbackLeibler:
    def spread(self, a: FloatArray, rho: FloatArray, s: float, mu: float) -> tuple[FloatArray, FloatArray]:
        root = np.sqrt((a * rho) ** 2 + 4.0 * (a + mu) * mu)
        return (a * rho + root) / (2.0 * (a + mu)), a * (1.0 + a * rho / root) / (2.0 * (a + mu))

    def shrink(self, a: FloatArray, rho: FloatArray, lost: FloatArray, s: float, mu: float) -> FloatArray:
        root = np.sqrt((a * rho) ** 2 + 4.0 * (a + mu) * mu)
        return np.asarray(2.0 * a * lost / (2.0 * (a + mu) - a * rho + root))

    def limit(self, spectrum: FloatArray, shrink: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            return 0.5 * gaussian.log_excess(-2.0 * np.log1p(-shrink))

    def independent_output(self, spectrum: FloatArray, P: float) -> FloatArray:
        if np.isinf(P):
            return np.ones_like(spectrum)
        top = float(spectrum.max())

        def shrink(log_price: float) -> FloatArray:  # Var Y_i / λ_i = 1/(1 + price λ_i)
            return np.asarray(-np.expm1(-0.5 * np.log1p(np.exp(log_price) * spectrum / top)))

        def excess(log_price: float) -> float:
            return float(self.limit(spectrum, shrink(log_price)).sum()) - P

        low, high = -36.0, 36.0  # e^36 is more than 1/eps
        if excess(low) >= 0.0 or excess(high) <= 0.0:
            return shrink(low if excess(low) >= 0.0 else high)
        return shrink(float(scipy.optimize.brentq(excess, low, high, xtol=1e-14)))


_Ball = _Wasserstein | _KullbackLeibler


def _shares(ball: _Ball, spectrum: FloatArray, s: float, mu: float, x: FloatArray | None = None) -> _Shares:
    """The stationary point of every component, by Newton steps kept inside a bracket around the root."""
    a = 2.0 * s * spectrum
    if np.isinf(mu):
        x = a
    else:
        low, high = a * ball.spread(a, np.zeros_like(a), s, mu)[0], a
        x = high if x is None else np.clip(x, low, high)
        for _ in range(ROOT_STEPS):
            r = np.sqrt(1.0 + 4.0 * x * x)
            g, slope = ball.spread(a, 2.0 * x / (1.0 + r), s, mu)
            value = x - a * g
            above = value > 0.0
            low, high = np.where(above, low, x), np.where(above, x, high)
            step = x - value / (1.0 - a * slope * 2.0 / (r * (1.0 + r)))
            step = np.where((step >= low) & (step <= high), step, 0.5 * (low + high))
            moved = float((np.abs(step - x) / step).max())
            x = step
            if moved <= 1e-8:  # Newton doubles the digits
                break
    assert x is not None
    r = np.sqrt(1.0 + 4.0 * x * x)
    rho = 2.0 * x / (1.0 + r)
    lost = 2.0 / (1.0 + r) / (1.0 + rho)
    shrink = np.zeros_like(rho) if np.isinf(mu) else ball.shrink(a, rho, lost, s, mu)
    g = 1.0 - shrink
    return _Shares(x, rho, g, spectrum * (shrink**2 + 2.0 * g * lost), ball.limit(spectrum, shrink))


def _prices(
    ball: _Ball, spectrum: FloatArray, D: float, P: float, perception: Divergence
) -> tuple[_Shares, float, float]:
    """The prices at which the shares add up to D and P.

    Both sums fall as their price rises, ΣD_i at a given μ and ΣP_i once s follows μ, so two nested root searches find
    them, on a spectrum of at most `BINS` values; a larger one is first binned, then corrected by the same Jacobian.
    """
    weights, values, index = np.ones_like(spectrum), spectrum, None
    if spectrum.size > BINS:
        weights, values, index = _binned(spectrum)
    found = _shares(ball, values, 1.0 / float(spectrum.max()), Unbounded)

    def miss(z: FloatArray) -> FloatArray:
        """Logarithms of ΣD_i/D and ΣP_i/P at the logarithms of the prices."""
        nonlocal found
        found = _shares(ball, values, float(np.exp(z[0])), float(np.exp(z[1])), found.x)
        with np.errstate(divide="ignore"):
            ratio_P = float(weights @ found.P) / P if P > 0.0 else 1.0
            return np.asarray(np.log([float(weights @ found.D) / D, ratio_P]))

    by_D, by_P = gaussian.slopes(float(spectrum.mean()), D / spectrum.size, P / spectrum.size, perception)
    s = float(np.log(max(-float(by_D), 1e-3 / float(spectrum.mean()))))

    def follow(log_mu: float) -> float:
        nonlocal s
        s = _root(lambda log_s: float(miss(np.array([log_s, log_mu]))[0]), s)
        return float(miss(np.array([s, log_mu]))[1])

    mu = Unbounded
    if P > 0.0:
        mu = _root(follow, float(np.log(-float(by_P))) if by_P < 0.0 else s)
    follow(mu)
    z = np.array([s, mu])
    if index is not None:
        free = slice(2 if P > 0.0 else 1)
        nudges = NUDGE * np.eye(2)[free]
        jacobian = np.column_stack([(miss(z + e) - miss(z - e))[free] / (2.0 * NUDGE) for e in nudges])
        found, values, weights = replace(found, x=found.x[index]), spectrum, np.ones_like(spectrum)
        for _ in range(CHORD_STEPS):
            here = miss(z)[free]
            if np.abs(here).max() <= CHORD_PRECISION:
                break
            z[free] -= np.linalg.solve(jacobian, here)
    s, mu = np.exp(z)
    return found, float(s), float(mu)


def _binned(spectrum: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """Counts and means of the variances in bins of equal ratio, and the bin of each."""
    logs = np.log(spectrum)
    width = max(float(np.ptp(logs)), 1e-12) / BINS
    _, index = np.unique(((logs - float(logs.min())) / width).astype(np.intp), return_inverse=True)
    count = np.bincount(index).astype(np.float64)
    return count, np.bincount(index, weights=spectrum) / count, index


def _root(fall: Callable[[float], float], guess: float) -> float:
    """Where a falling function of the logarithm of a price crosses 0; the end of the search if nowhere."""
    fall = cache(fall)  # a warm start changes the last digit, and the ends have to keep their signs
    value, step = fall(guess), 0.25
    if value == 0.0:
        return guess
    low = high = guess
    while step < FARTHEST:
        low, high = (high, high + step) if value > 0.0 else (low - step, low)
        if (fall(high if value > 0.0 else low) > 0.0) is not (value > 0.0):
            return float(scipy.optimize.brentq(fall, low, high, xtol=PRECISION, rtol=1e-14))
        step *= 2.0
    return high if value > 0.0 else low


def _priced(
    found: _Shares, spectrum: FloatArray, D: float, P: float, s: float, mu: float, perception: Divergence
) -> Allocation:
    """The bracket of an allocation: weak duality below, scalar rates at shares that add up to the limits above."""
    r = np.hypot(1.0, 2.0 * found.x)
    rates = 0.5 * np.log1p(2.0 * found.x * (found.x / (1.0 + r)))
    total_D, total_P = float(found.D.sum()), float(found.P.sum())
    owed = s * (total_D - D) + (mu * (total_P - P) if 0.0 < P < Unbounded else 0.0)
    distortions = found.D * (D / total_D)
    perceptions = found.P if P == Unbounded else np.zeros_like(found.P)
    if 0.0 < P < Unbounded:  # shares too small to be told from 0 are equal
        perceptions = found.P * (P / total_P) if total_P > 0.0 else np.full_like(found.P, P / found.P.size)
    limits = np.full_like(found.P, Unbounded) if P == Unbounded else perceptions
    above = gaussian.rate(spectrum, distortions, limits, perception)
    active = above > 0.0
    size = float(np.maximum(above, 1.0)[active].sum()) + s * D + (mu * P if 0.0 < P < Unbounded else 0.0)
    upper = float(above.sum())
    lower = min(max(0.0, float(rates.sum()) + owed), upper)
    bounds = Bounds(max(0.0, lower - ALLOWANCE * size), upper + ALLOWANCE * size)
    return Allocation(bounds, s, mu, distortions, perceptions, found.g, found.rho)


def _zero_rate(ball: _Ball, spectrum: FloatArray, D: float, P: float) -> Allocation | None:
    """Rate 0, if an independent Y of least variance is within D."""
    if float(spectrum.sum()) > D:
        return None
    shrink = ball.independent_output(spectrum, P)
    distortions = spectrum * (1.0 + (1.0 - shrink) ** 2)
    if float(distortions.sum()) > D:
        return None
    zero = np.zeros_like(spectrum)
    return Allocation(Bounds(0.0, 0.0), 0.0, 0.0, distortions, ball.limit(spectrum, shrink), 1.0 - shrink, zero)


def _level(spectrum: FloatArray, D: float) -> float:
    """The θ with Σ min(λ_i, θ) = D, for D below Σ λ_i."""
    ordered = np.sort(spectrum)
    below = np.concatenate([[0.0], np.cumsum(ordered)[:-1]])
    above = ordered.size - np.arange(ordered.size)
    levels = (D - below) / above
    return float(levels[int(np.argmax(levels <= ordered))])


def _water_filling(ball: _Ball, spectrum: FloatArray, D: float) -> _Shares:
    """D_i = min(λ_i, θ), Var Y_i = λ_i - D_i."""
    if float(spectrum.sum()) <= D:
        zero = np.zeros_like(spectrum)
        return _Shares(zero, zero, zero, spectrum, ball.limit(spectrum, np.ones_like(spectrum)))
    shares = np.minimum(1.0, _level(spectrum, D) / spectrum)
    rho = np.sqrt(1.0 - shares)
    shrink = shares / (1.0 + rho)
    return _Shares(rho / shares, rho, rho, spectrum * shares, ball.limit(spectrum, shrink))


guard(__name__)
