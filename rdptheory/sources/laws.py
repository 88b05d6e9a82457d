"""Laws on the line: uniform, Laplace, exponential, logistic, Student's t, and mixtures of Gaussians."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import scipy

from rdptheory._types import UNIT_ROUNDOFF, ArrayLike, FloatArray, frozen_array
from rdptheory.doors import Alike, Finished, guard
from rdptheory.errors import InvalidInput, finite, real_array
from rdptheory.sources.continuous import CELL_ERROR, ContinuousSource, Smoothness, Tail
from rdptheory.sources.entropy import mixture_entropy
from rdptheory.sources.gaussian import Gaussian

__all__ = ["Exponential", "GaussianMixture", "Laplace", "Logistic", "StudentT", "Uniform"]

NOTHING = Tail(0.0)  # beyond an end of the support
SERIES_END = 0.1  # below this e^-z the dilogarithm's series gains a digit a term, above it `spence` cancels little
SERIES_TERMS = 16  # of the dilogarithm: 0.1^16
LOGISTIC_END = 60.0  # scales: the cube root of the density is 1e-9 there
LARGE = 100.0  # from here on six terms of the asymptotic series of Γ(x + 1/2)/(√x Γ(x)) are exact, and Γ is not
GAMMA_RATIO = np.array([-399.0 / 262144.0, -21.0 / 32768.0, 5.0 / 1024.0, 1.0 / 128.0, -1.0 / 8.0, 1.0])
"""Of Γ(x + 1/2)/(√x Γ(x)) in powers of 1/x, the highest first: the next is 2e-4 x^-6."""
DIGAMMA_STEP = np.array([1.0 / 128.0, 0.0, -1.0 / 64.0, 0.0, 1.0 / 8.0, 0.5, 0.0])
"""Of ψ(x + 1/2) - ψ(x) in powers of 1/x, the highest first: the next is -0.0083 x^-8."""
TAIL_TERM = 5e-14  # relative error of a density over a tail's mass, beside the rounding of the density's exponent
NARROWEST = 1e-40  # variance of a part, of that of the mixture, from which on its tops are below e^72
HEAVIEST = 1.0 / 3.0  # degrees of freedom of a compander: with fewer its quantiles leave float64


@dataclass(frozen=True)
class Uniform(ContinuousSource, Finished):
    """The uniform law on [low, high], low below high."""

    low: float
    high: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", finite("low", self.low))
        object.__setattr__(self, "high", finite("high", self.high))
        if not self.low < self.high:
            raise InvalidInput("high", self.high, f"must be above low = {self.low:g}")

    @property
    def support(self) -> tuple[float, float]:
        """[low, high]."""
        return self.low, self.high

    @property
    def standard_deviation(self) -> float:
        """(high - low)/√12."""
        return (self.high - self.low) / float(np.sqrt(12.0))

    def density(self, x: FloatArray) -> FloatArray:
        """Probability density at x."""
        return np.where((x >= self.low) & (x <= self.high), 1.0 / (self.high - self.low), 0.0)

    def modulus(self, centre: Alike, reach: Alike, height: Alike) -> FloatArray:
        """The density continues as a constant."""
        return np.full(centre.shape, 1.0 / (self.high - self.low))

    def quantile(self, level: float) -> float:
        """The x with P(X <= x) = level."""
        return self.low + level * (self.high - self.low)

    def right_tail(self, b: float) -> Tail:
        """Uniform on [b, high]."""
        width = self.high - max(b, self.low)
        return Tail(width / (self.high - self.low), 0.5 * width, width**2 / 3.0) if width > 0.0 else NOTHING

    def left_tail(self, a: float) -> Tail:
        """Uniform on [low, a]."""
        return self.right_tail(self.low + self.high - a)

    @property
    def smoothness(self) -> Smoothness:
        """h = log(high - low); the density continues as a constant."""
        width = self.high - self.low
        return replace(Smoothness.of(0.0, width, 0.0, 0.0), edges=2.0 / width, width=width)

    def standard(self) -> tuple[ContinuousSource, float, float]:
        """Uniform on [-1/2, 1/2]."""
        return Uniform(-0.5, 0.5), 0.5 * self.low + 0.5 * self.high, self.high - self.low

    def compander(self, levels: FloatArray) -> FloatArray:
        """Equal steps."""
        return self.low + levels * (self.high - self.low)


@dataclass(frozen=True)
class Laplace(ContinuousSource, Finished):
    """The density exp(-|x - mean| / scale) / (2 scale), scale above 0 (variance 2 scale^2)."""

    mean: float
    scale: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", finite("mean", self.mean))
        object.__setattr__(self, "scale", finite("scale", self.scale, positive=True))

    @property
    def kinks(self) -> tuple[float, ...]:
        """The mean."""
        return (self.mean,)

    @property
    def standard_deviation(self) -> float:
        """√2 scale."""
        return float(np.sqrt(2.0)) * self.scale

    def density(self, x: FloatArray) -> FloatArray:
        """Probability density at x."""
        return np.asarray(np.exp(-np.abs(x - self.mean) / self.scale) / (2.0 * self.scale), dtype=np.float64)

    def modulus(self, centre: Alike, reach: Alike, height: Alike) -> FloatArray:
        """|e^z| = e^(Re z): the branch of the side on which the centre lies is entire."""
        return np.asarray(np.exp((reach - np.abs(centre - self.mean)) / self.scale) / (2.0 * self.scale))

    def quantile(self, level: float) -> float:
        """The x with P(X <= x) = level."""
        tail = min(level, 1.0 - level)
        distance = -self.scale * float(np.log(2.0 * tail))
        return self.mean - distance if level < 0.5 else self.mean + distance

    def right_tail(self, b: float) -> Tail:
        """Without memory to the right of the mean."""
        z = (b - self.mean) / self.scale
        if z >= 0.0:
            return Tail(0.5 * float(np.exp(-z)), self.scale, 2.0 * self.scale * self.scale)
        left = 0.5 * float(np.exp(z))
        mass = 1.0 - left
        return Tail(mass, self.scale * (left - z) / mass, self.scale * self.scale * (2.0 + z * z - 2.0 * left) / mass)

    def left_tail(self, a: float) -> Tail:
        """The mirror image."""
        return self.right_tail(2.0 * self.mean - a)

    @property
    def smoothness(self) -> Smoothness:
        """h = 1 + log 2 scale; the divergence of a law moved by c scale is c - 1 + e^-c <= c²/2."""
        return Smoothness.of(1.0 + float(np.log(2.0)), self.scale, 1.0, 1.0)

    def standard(self) -> tuple[ContinuousSource, float, float]:
        """Mean 0, scale 1."""
        return Laplace(0.0, 1.0), self.mean, self.scale

    def compander(self, levels: FloatArray) -> FloatArray:
        """A Laplace law three times as wide."""
        side = np.minimum(levels, 1.0 - levels)
        return np.asarray(self.mean + 3.0 * self.scale * np.sign(levels - 0.5) * -np.log(2.0 * side))


@dataclass(frozen=True)
class Exponential(ContinuousSource, Finished):
    """The density exp(-x / scale) / scale on x >= 0, scale above 0 (mean scale, variance scale^2)."""

    scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", finite("scale", self.scale, positive=True))

    @property
    def support(self) -> tuple[float, float]:
        """[0, inf)."""
        return 0.0, np.inf

    @property
    def standard_deviation(self) -> float:
        """The scale."""
        return self.scale

    def density(self, x: FloatArray) -> FloatArray:
        """Probability density at x."""
        return np.where(x >= 0.0, np.exp(-np.abs(x) / self.scale) / self.scale, 0.0)

    def modulus(self, centre: Alike, reach: Alike, height: Alike) -> FloatArray:
        """|e^z| = e^(Re z): entire, continued across 0."""
        return np.asarray(np.exp((reach - centre) / self.scale) / self.scale)

    def quantile(self, level: float) -> float:
        """The x with P(X <= x) = level."""
        return -self.scale * float(np.log1p(-level))

    def right_tail(self, b: float) -> Tail:
        """Without memory."""
        if b >= 0.0:
            return Tail(float(np.exp(-b / self.scale)), self.scale, 2.0 * self.scale * self.scale)
        return Tail(1.0, self.scale - b, self.scale * self.scale + (self.scale - b) ** 2)

    def left_tail(self, a: float) -> Tail:
        """Nothing left of 0."""
        if a > 0.0:
            raise InvalidInput("a", a, "must be at most 0: cells begin where the support does")
        return NOTHING

    @property
    def smoothness(self) -> Smoothness:
        """h = 1 + log scale; unfolded at 0 the law is Laplace's."""
        return replace(Smoothness.of(1.0, self.scale, 1.0, 1.0), edges=1.0 / self.scale)

    def standard(self) -> tuple[ContinuousSource, float, float]:
        """Scale 1."""
        return Exponential(1.0), 0.0, self.scale

    def compander(self, levels: FloatArray) -> FloatArray:
        """An exponential law three times as wide."""
        return np.asarray(-3.0 * self.scale * np.log1p(-levels))


@dataclass(frozen=True)
class Logistic(ContinuousSource, Finished):
    """The distribution function 1 / (1 + exp(-(x - loc) / scale)), scale above 0 (variance π² scale^2 / 3)."""

    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "loc", finite("loc", self.loc))
        object.__setattr__(self, "scale", finite("scale", self.scale, positive=True))

    @property
    def standard_deviation(self) -> float:
        """π scale/√3."""
        return float(np.pi / np.sqrt(3.0)) * self.scale

    def density(self, x: FloatArray) -> FloatArray:
        """Probability density at x."""
        e = np.exp(-np.abs(x - self.loc) / self.scale)
        return np.asarray(e / ((1.0 + e) ** 2 * self.scale))

    def modulus(self, centre: Alike, reach: Alike, height: Alike) -> FloatArray:
        """1/(4 cosh²(z/2)), and |cosh((x+iy)/2)| >= cosh(x/2) cos(y/2) as long as |y| < π."""
        near = np.maximum(np.abs(centre - self.loc) - reach, 0.0) / self.scale
        tilt = height / self.scale
        e = np.exp(-near)
        with np.errstate(divide="ignore"):
            bound = e / ((1.0 + e) ** 2 * self.scale * np.cos(0.5 * np.minimum(tilt, np.pi)) ** 2)
        return np.where(tilt < 3.0, bound, np.inf)

    def quantile(self, level: float) -> float:
        """The x with P(X <= x) = level."""
        return self.loc + self.scale * float(scipy.special.logit(level))

    def right_tail(self, b: float) -> Tail:
        """E(X-b)+ = log(1 + e^-z), E(X-b)+² = -2 Li2(-e^-z), z = (b - loc)/scale."""
        z = (b - self.loc) / self.scale
        mass, e = float(scipy.special.expit(-z)), float(np.exp(-z))
        if not mass > 0.0:
            return NOTHING
        k = np.arange(1, SERIES_TERMS + 1)
        if e < SERIES_END:
            dilogarithm = float(((-1.0) ** k * e**k / k**2).sum())
        else:
            dilogarithm = float(scipy.special.spence(1.0 + e))
        first = float(np.logaddexp(0.0, -z))
        return Tail(mass, self.scale * first / mass, -2.0 * self.scale * self.scale * dilogarithm / mass)

    def left_tail(self, a: float) -> Tail:
        """The mirror image."""
        return self.right_tail(2.0 * self.loc - a)

    @property
    def smoothness(self) -> Smoothness:
        """h = 2 + log scale; p'/p = 1 - 2F, so that -(log p)'' = 2p."""
        return Smoothness.of(2.0, self.scale, 1.0 / 3.0, 0.5)

    def standard(self) -> tuple[ContinuousSource, float, float]:
        """loc 0, scale 1."""
        return Logistic(0.0, 1.0), self.loc, self.scale

    def compander(self, levels: FloatArray) -> FloatArray:
        """By interpolation of its distribution function."""
        x = np.linspace(-LOGISTIC_END, LOGISTIC_END, 8001)
        root = np.cbrt(Logistic().density(x))
        held = np.concatenate([[0.0], np.cumsum(0.5 * (root[1:] + root[:-1]))])
        return np.asarray(self.loc + self.scale * np.interp(levels, held / held[-1], x))


@dataclass(frozen=True)
class StudentT(ContinuousSource, Finished):
    """Student's t with `df` > 0 degrees of freedom, moved by loc and stretched by scale > 0.

    The density is proportional to (1 + z²/df)^(-(df+1)/2), z = (x - loc)/scale; the variance is scale² df/(df-2) for
    df > 2, else inf.
    """

    df: float
    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "df", finite("df", self.df, positive=True))
        object.__setattr__(self, "loc", finite("loc", self.loc))
        object.__setattr__(self, "scale", finite("scale", self.scale, positive=True))

    @property
    def standard_deviation(self) -> float:
        """scale √(df/(df - 2)), inf for df <= 2."""
        return self.scale * float(np.sqrt(self.df / (self.df - 2.0))) if self.df > 2.0 else np.inf

    @property
    def _peak(self) -> float:
        half = 0.5 * self.df
        if half >= LARGE:
            return float(np.polyval(GAMMA_RATIO, 1.0 / half)) / (float(np.sqrt(2.0 * np.pi)) * self.scale)
        return float(1.0 / (np.sqrt(self.df) * scipy.special.beta(0.5, half) * self.scale))

    def density(self, x: FloatArray) -> FloatArray:
        """Probability density at x."""
        z = (x - self.loc) / self.scale
        return np.asarray(self._peak * np.exp(-0.5 * (self.df + 1.0) * np.log1p(z * z / self.df)))

    def modulus(self, centre: Alike, reach: Alike, height: Alike) -> FloatArray:
        """|1 + z²/df| is at least its real part, 1 + (x² - y²)/df, which must be above 0."""
        near = np.maximum(np.abs(centre - self.loc) - reach, 0.0) / self.scale
        real = 1.0 + (near**2 - (height / self.scale) ** 2) / self.df
        with np.errstate(over="ignore"):
            bound = self._peak * np.maximum(real, 1e-3) ** (-0.5 * (self.df + 1.0))
        return np.where(real > 1e-3, bound, np.inf)

    def quantile(self, level: float) -> float:
        """The x with P(X <= x) = level."""
        return self.loc + self.scale * float(scipy.special.stdtrit(self.df, level))

    def right_tail(self, b: float) -> Tail:
        """With h = (1 + z²/ν) p(z)/P(Z > z), E(Z | Z > z) = νh/(ν-1) and E(Z² | Z > z) = ν (1 + zh)/(ν-2), because
        ((1 + z²/ν) p)' = -(ν-1)/ν z p and (z (1 + z²/ν) p)' = p - (ν-2)/ν z² p."""
        nu, z = self.df, (b - self.loc) / self.scale
        mass = float(scipy.special.stdtr(nu, -z))
        if not mass > 0.0:
            return NOTHING
        if nu <= 1.0:
            return Tail(mass, np.inf, np.inf)
        h = (1.0 + z * z / nu) * float(StudentT(nu).density(np.array(z))) / mass
        off = TAIL_TERM + 4.0 * UNIT_ROUNDOFF * 0.5 * (nu + 1.0) * float(np.log1p(z * z / nu))
        first = nu / (nu - 1.0) * h
        excess, terms = first - z, first + abs(z)
        if nu <= 2.0:
            return Tail(mass, self.scale * excess, np.inf, max(CELL_ERROR, off * terms / excess))
        square = nu / (nu - 2.0) * (1.0 + z * h) - 2.0 * z * first + z * z
        squares = nu / (nu - 2.0) * (1.0 + abs(z) * h) + 2.0 * abs(z) * first + z * z
        error = max(CELL_ERROR, off * terms / excess, off * squares / square)
        return Tail(mass, self.scale * excess, self.scale * self.scale * square, error)

    def left_tail(self, a: float) -> Tail:
        """The mirror image."""
        return self.right_tail(2.0 * self.loc - a)

    @property
    def smoothness(self) -> Smoothness:
        """h = (ν+1)/2 (ψ((ν+1)/2) - ψ(ν/2)) - log p(0); -(log p)'' is largest at 0."""
        half = 0.5 * self.df
        if half >= LARGE:
            apart, off = float(np.polyval(DIGAMMA_STEP, 1.0 / half)), 2.0 * half**-8.0
        else:
            above, below = float(scipy.special.digamma(half + 0.5)), float(scipy.special.digamma(half))
            apart, off = above - below, 8.0 * UNIT_ROUNDOFF * (abs(above) + abs(below))
        peak = float(StudentT(self.df).density(np.array(0.0)))
        entropy = (half + 0.5) * apart - float(np.log(peak))
        bend = (self.df + 1.0) / self.df
        return Smoothness.of(entropy, self.scale, (self.df + 1.0) / (self.df + 3.0), bend, (half + 0.5) * off + 1e-13)

    def standard(self) -> tuple[ContinuousSource, float, float]:
        """loc 0, scale 1."""
        return StudentT(self.df), self.loc, self.scale

    def compander(self, levels: FloatArray) -> FloatArray:
        """A t law with (df - 2)/3 degrees of freedom."""
        fewer = max((self.df - 2.0) / 3.0, HEAVIEST)
        z = scipy.special.stdtrit(fewer, np.minimum(levels, 1.0 - levels)) * np.sqrt(self.df / fewer)
        return np.asarray(self.loc + self.scale * np.where(levels < 0.5, z, -z))


@dataclass(frozen=True, eq=False)
class GaussianMixture(ContinuousSource, Finished):
    """Σ_k weights_k N(means_k, variances_k).

    Parameters
    ----------
    weights : array (K,)
        Above 0, summing to 1 within 1e-12.
    means, variances : arrays (K,)
        Variances above 0.

    >>> round(GaussianMixture([0.5, 0.5], [-1.5, 1.5], [0.25, 1.0]).variance, 12)
    2.875
    """

    weights: FloatArray
    means: FloatArray
    variances: FloatArray
    parts: tuple[Gaussian, ...] = field(init=False, repr=False)

    def __init__(self, weights: ArrayLike, means: ArrayLike, variances: ArrayLike) -> None:
        w = real_array("weights", weights)
        if w.ndim != 1 or w.size == 0 or (w <= 0.0).any() or abs(float(w.sum()) - 1.0) > 1e-12:
            raise InvalidInput("weights", weights, "must be a list of numbers above 0 that sum to 1 within 1e-12")
        for name, values in (("means", means), ("variances", variances)):
            array = real_array(name, values)
            if array.shape != w.shape:
                raise InvalidInput(name, values, f"must have the shape of the weights, {w.shape}, has {array.shape}")
            if name == "variances" and (array <= 0.0).any():
                raise InvalidInput(name, values, "every variance must be above 0")
            object.__setattr__(self, name, array)
        object.__setattr__(self, "weights", frozen_array(w / w.sum()))
        parts = tuple(Gaussian(float(m), float(v)) for m, v in zip(self.means, self.variances, strict=True))
        object.__setattr__(self, "parts", parts)

    @property
    def mean(self) -> float:
        """E X."""
        return float(self.weights @ self.means)

    @property
    def variance(self) -> float:
        """Var X; inf where float64 ends."""
        return self.standard_deviation * self.standard_deviation

    @property
    def standard_deviation(self) -> float:
        """√ Var X."""
        away = self.means - self.mean
        unit = max(float(np.abs(away).max()), float(np.sqrt(self.variances.max())))  # whose square may leave float64
        return unit * float(np.sqrt(self.weights @ (self.variances / unit / unit + (away / unit) ** 2)))

    def density(self, x: FloatArray) -> FloatArray:
        """Probability density at x."""
        return np.asarray(sum(w * part.density(x) for w, part in zip(self.weights, self.parts, strict=True)))

    def modulus(self, centre: Alike, reach: Alike, height: Alike) -> FloatArray:
        """The sum of the parts' moduli."""
        each = (w * part.modulus(centre, reach, height) for w, part in zip(self.weights, self.parts, strict=True))
        return np.asarray(sum(each))

    def quantile(self, level: float) -> float:
        """The x with P(X <= x) = level."""
        ends = [part.quantile(level) for part in self.parts]

        def excess(x: float) -> float:
            z = (x - self.means) / np.sqrt(self.variances)
            return float(self.weights @ scipy.special.ndtr(z)) - level

        if excess(min(ends)) >= 0.0:
            return min(ends)
        return max(ends) if excess(max(ends)) <= 0.0 else float(scipy.optimize.brentq(excess, min(ends), max(ends)))

    def right_tail(self, b: float) -> Tail:
        """The mixture of the parts' tails."""
        return self._mixed([part.right_tail(b) for part in self.parts])

    def left_tail(self, a: float) -> Tail:
        """The mixture of the parts' tails."""
        return self._mixed([part.left_tail(a) for part in self.parts])

    @cached_property
    def smoothness(self) -> Smoothness | None:
        """h by a midpoint rule with a bound; divergences of mixtures are at most those of their parts, on average."""
        scale = self.standard_deviation
        variances = self.variances / scale / scale
        if not float(variances.min()) > NARROWEST:
            return None
        low, high = mixture_entropy(self.weights, (self.means - self.mean) / scale, variances)
        most = float(self.weights @ (1.0 / variances))
        return Smoothness.of(0.5 * low + 0.5 * high, scale, most, most, 0.5 * (high - low))

    def standard(self) -> tuple[ContinuousSource, float, float]:
        """Mean 0, variance 1."""
        shift, scale = self.mean, self.standard_deviation
        variances = self.variances / scale / scale
        if not (variances > 0.0).all():
            raise InvalidInput("variances", self.variances, "must be above 1e-300 of the variance of the mixture")
        unit = GaussianMixture(self.weights, (self.means - shift) / scale, variances)
        return unit, shift, scale

    def _mixed(self, tails: list[Tail]) -> Tail:
        held = self.weights * np.array([tail.mass for tail in tails])
        mass = float(held.sum())
        excess, square = (held @ np.array([getattr(tail, name) for tail in tails]) for name in ("excess", "square"))
        error = max(tail.error for tail in tails)
        return Tail(mass, float(excess) / mass, float(square) / mass, error) if mass > 0.0 else NOTHING


guard(__name__)
