"""Scalar Gaussian source, squared error, squared Wasserstein-2 or Kullback-Leibler perception.

    R(D,P) = min I(X;Y)  s.t.  E(X-Y)² <= D,  δ(p_X, p_Y) <= P,   X ~ N(mean, σ²)        [ZQCK21, Theorem 1]

The optimum is jointly Gaussian with equal means. Let g² σ² be the smallest variance of Y that the perception limit
allows:

    δ = W2²           g = 1 - √P/σ  (0 if P > σ²)
    δ = KL(p_Y‖p_X)   P = (g² - 1)/2 - log g,  g <= 1

    g² > |1 - D/σ²|        ½ log 1/(1-ρ²),  ρ = (1 + g² - D/σ²)/(2g)     Var Y = g² σ², Cov = ρ g σ²
    else, D < σ²           ½ log σ²/D                                    Var Y = Cov = σ² - D
    else                   0                                             Var Y = g² σ², Cov = 0

in nats. The mean plays no part in the rate. D = 0 costs rate inf. For g the code keeps 1-g beside it, and for small D
the factors of 1-ρ² apart, because both differences lose digits where the limits are tight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rdptheory._types import ArrayLike, Bounds, FloatArray, frozen_array
from rdptheory.closed_forms import gaussian_block
from rdptheory.closed_forms._gaussian_balls import gaussian_shrink, least_second_moment
from rdptheory.closed_forms._inputs import expression, limits, load_sympy, positive
from rdptheory.closed_forms.regimes import Regime
from rdptheory.divergences import Divergence, FDivergence, KullbackLeibler, Wasserstein2Squared
from rdptheory.doors import NotNegative, guard
from rdptheory.errors import InvalidInput, at_least_zero, finite
from rdptheory.solution import JointGaussian
from rdptheory.sources import Gaussian
from rdptheory.transport_problem import BLOCK, INFORMATION, block_sense

__all__ = ["bounds", "bracket", "distortion", "joint", "perception", "rate", "regime", "slopes", "symbolic"]

W2 = Wasserstein2Squared()
NEWTON_STEPS = 6  # from a start above the root and near it: four reach float64 for most P, six for all
SERIES = np.array([(-1.0) ** k / math.factorial(k) for k in range(2, 16)])[::-1]  # (e^-t - 1 + t)/t² for t <= 1/2
ROUNDING = 8 * np.finfo(np.float64).eps  # of a share between 0 and 1 that half a dozen operations give
ROUND = 16 * float(np.finfo(np.float64).eps)  # of max(1, R): four times the largest error of the formula that was seen
NEAR = 0.7  # a correlation above which 1-ρ² keeps more digits as a product, and below which ρ² does beside 1
TINY = 1e-290  # of D/σ², below which it loses digits, or is 0, before its root does


def rate(
    variance: ArrayLike,
    D: ArrayLike,
    P: ArrayLike,
    perception: Divergence = W2,
    *,
    common_randomness: bool | float = True,
    sense: str = INFORMATION,
) -> FloatArray:
    """R(D,P) in nats, elementwise over arrays that broadcast.

    Parameters
    ----------
    variance : above 0
        σ².
    D : at least 0, or inf
        Largest E(X-Y)², in the unit of σ².
    P : at least 0, or inf
        Largest δ(p_X, p_Y): in the unit of σ² for W2², in nats for KL.
    perception : Wasserstein2Squared() or KullbackLeibler()
    common_randomness, sense
        With sense="block" P limits W2² of whole blocks, and the rate of common randomness counts: `gaussian_block`.

    Returns
    -------
    array of the broadcast shape, nats
        inf at D = 0; within 16 ulp of max(1, R) of the exact value.

    Raises
    ------
    InvalidInput

    >>> rate(1.0, 0.3, [0.0, 0.01, float("inf")]).round(8)
    array([0.64096717, 0.60824975, 0.6019864 ])
    """
    if block_sense(sense, common_randomness):
        _only_w2(perception)
        return gaussian_block.rate(variance, D, P, common_randomness)
    return _rate(_scaled(variance, D, P, perception))


def bounds(variance: float, D: float, P: float, perception: Divergence) -> Bounds:
    """What Gaussian arguments prove of R(D,P) under an f-divergence, in nats.

        R_g(D) <= R(D,P) <= R_h(D)

    R_g is the formula of this page at Var Y = g² σ². h is the least standard deviation of a Gaussian that is seen to be
    in the ball, and a jointly Gaussian channel costs R_h(D). g is a lower bound on that of any law in the ball, and
    I(X;Y) >= ½ log 1/(1-ρ²) for a Gaussian X and any Y of correlation ρ. Under KL(p_Y‖p_X) the two are one number.
    Under the other f-divergences they differ: **no jointly Gaussian channel is optimal there** where the limit costs
    rate, since μ φ'(r/p) would have to be quadratic in y and so φ' affine in log t. Formulas that assume jointly
    Gaussian reconstructions [SSK23, ALPHA25] are upper ends.

    Parameters
    ----------
    variance : above 0
    D : at least 0, or inf
        Largest E(X-Y)², in the unit of the variance.
    P : at least 0, or inf
    perception : an f-divergence, Renyi(...), or Wasserstein2Squared()

    Returns
    -------
    Bounds
        In nats: the ends widened by 16 ulp of max(1, R), the allowance of the formula. Errors of g and h are on the
        safe side; discretisation makes g² too low by 1e-6 at most, by 1e-9 for P up to 1e-4.

    Raises
    ------
    InvalidInput

    >>> from rdptheory import TotalVariation
    >>> found = bounds(1.0, 0.3, 0.01, TotalVariation())
    >>> round(found.lower, 5), round(found.upper, 5)
    (0.62358, 0.63212)
    """
    return bracket(Gaussian(0.0, variance), at_least_zero("D", D), at_least_zero("P", P), perception)[0]


def bracket(source: Gaussian, D: NotNegative, P: NotNegative, perception: Divergence) -> tuple[Bounds, JointGaussian]:
    """`bounds`, and the joint law of (X, Y) that reaches the upper end."""
    scale = source.variance
    if isinstance(perception, (Wasserstein2Squared, KullbackLeibler)):
        value = float(rate(scale, D, P, perception))
        return _allowed(value, value), joint(source.mean, scale, D, P, perception)
    divergence, radius = perception.ball(np.zeros(1), P)
    if not isinstance(divergence, FDivergence):
        raise InvalidInput("perception", perception, "must be an f-divergence, Renyi(...) or Wasserstein2Squared()")
    free = held = 1.0 if radius == np.inf else 0.0  # 1 - g of any law, and of a Gaussian one
    if 0.0 < radius < np.inf:
        second = least_second_moment(divergence, radius)
        free = min(1.0, (1.0 - second) / (1.0 + math.sqrt(second)) + ROUNDING)
        held = gaussian_shrink(divergence, radius)
    low, high = (_Case.of(scale, D, shrink, 1.0 - shrink) for shrink in (free, held))
    return _allowed(float(_rate(low)), float(_rate(high))), _joint(source.mean, high)


def _allowed(low: float, high: float) -> Bounds:
    """Two values of the formula, widened by its allowance."""
    return Bounds(max(0.0, low - ROUND * max(1.0, low)) if low < np.inf else low, high + ROUND * max(1.0, high))


def _rate(case: _Case) -> FloatArray:
    shannon, both = case.regimes()
    value = np.zeros(case.D.shape)
    with np.errstate(divide="ignore"):
        value[shannon] = -np.log(case.root[shannon])
    inner = case.at(both)
    correlation, independence = _correlation(inner)
    small = np.log1p(-(np.minimum(correlation, NEAR) ** 2))
    with np.errstate(divide="ignore"):
        value[both] = -0.5 * np.where(correlation > NEAR, np.log(independence), small)
    tiny = inner.D < TINY  # (√D - shrink)(√D + shrink)((1 + g)² - D)/(4g²) by its logarithms
    root, shrink, g = inner.root[tiny], inner.shrink[tiny], inner.g[tiny]
    rest = 0.5 * np.log1p(-((shrink / root) ** 2)) + np.log1p(g) - np.log(2.0 * g)
    value[both & (case.D < TINY)] = -np.log(root) - rest
    return np.maximum(value, 0.0)[()]


def slopes(
    variance: ArrayLike, D: ArrayLike, P: ArrayLike, perception: Divergence = W2
) -> tuple[FloatArray, FloatArray]:
    """(dR/dD, dR/dP) in nats per unit of D and P, elementwise as in `rate`: at most 0, a subgradient at corners.

    dR/dP is -inf at P = 0 while 0 < D < 2σ²; both are nan at D = 0, where R is inf.
    """
    case = _scaled(variance, D, P, perception)
    shannon, both = case.regimes()
    by_D, by_P = np.zeros(case.D.shape), np.where(case.D > 0.0, 0.0, np.nan)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        by_D[shannon] = -0.5 / np.where(case.D > 0.0, case.D, np.nan)[shannon]
        inner = case.at(both)
        correlation, independence = _correlation(inner)
        weight = 0.5 * correlation / (inner.g * independence)
        gain = np.maximum(inner.D - inner.shrink * (1.0 + inner.g), 0.0) / inner.g  # 2 (Var Y - Cov)/(σ² g)
        by_D[both] = -weight
        steep = weight * gain * _ball(perception).shrink_slope(case.variance[both], inner.shrink, inner.g)
        by_P[both] = -np.where(gain > 0.0, steep, 0.0)
        by_D /= case.variance
        tiny = (case.D < TINY) & (case.root > 0.0)
        rest = np.where(both, (1.0 - case.shrink / case.root) * (1.0 + case.shrink / case.root), 1.0)
        by_D[tiny] = (-0.5 / (case.root * case.variance * case.root) / rest)[tiny]
    return by_D[()], by_P[()]


def distortion(
    variance: ArrayLike,
    R: ArrayLike,
    P: ArrayLike,
    perception: Divergence = W2,
    *,
    common_randomness: bool | float = True,
    sense: str = INFORMATION,
) -> FloatArray:
    """D(R,P): the smallest E(X-Y)² at rate at most R nats and perception at most P; arguments as in `rate`.

    >>> distortion(1.0, rate(1.0, 0.3, 0.01), 0.01).round(12)
    np.float64(0.3)
    """
    if block_sense(sense, common_randomness):
        _only_w2(perception)
        return gaussian_block.distortion(variance, R, P, common_randomness)
    variance, R = positive("variance", variance), limits("R", R)
    shrink, g = _ball(perception).shrink(variance, limits("P", P))
    share = np.exp(-R) * variance * np.exp(-R)  # Shannon's D at this rate, which may be there where e^-2R is not
    correlation = np.sqrt(-np.expm1(-2.0 * R))
    lost = share / (1.0 + correlation)  # σ² (1 - correlation), without the difference
    short = variance * shrink
    return np.asarray(np.where(short < lost, short * shrink + 2.0 * g * lost, share))[()]


def perception(variance: ArrayLike, R: ArrayLike, D: ArrayLike, perception: Divergence = W2) -> FloatArray:
    """P(R,D): the smallest perception at rate at most R nats and distortion at most D; arguments as in `rate`.

    inf where no P would do: R below Shannon's R(D) by more than rounding, or, for KL, a constant Y.

    >>> perception(1.0, rate(1.0, 0.3, 0.01), 0.3).round(12)
    np.float64(0.01)
    """
    variance, R = positive("variance", variance), np.minimum(limits("R", R), 1e3)  # exp(-2000) is 0
    with np.errstate(over="ignore"):
        scaled = limits("D", D) / variance
    share = np.exp(-2.0 * R)
    correlation = np.sqrt(-np.expm1(-2.0 * R))
    room = scaled - share
    reachable = room >= -ROUNDING * (1.0 + R) * share
    shrink = share / (1.0 + correlation) - np.sqrt(np.maximum(room, 0.0))
    least = _ball(perception).limit(variance, np.maximum(shrink, 0.0))
    return np.where(reachable, least, np.inf)[()]


def joint(mean: float, variance: float, D: float, P: float, perception: Divergence = W2) -> JointGaussian:
    """The joint law of (X, Y) that attains R(D,P); at D = 0 it is Y = X.

    >>> joint(1.0, 4.0, 2.0, 0.0).covariance
    array([[4., 3.],
           [3., 4.]])
    """
    return _joint(finite("mean", mean), _scaled(variance, at_least_zero("D", D), at_least_zero("P", P), perception))


def _joint(mean: float, case: _Case) -> JointGaussian:
    (shannon, both), variance = case.regimes(), float(case.variance)
    spread = float(1.0 - case.D if shannon else case.g**2) * variance
    common = spread if shannon else 0.5 * float(1.0 + case.g**2 - case.D) * variance if both else 0.0
    return JointGaussian(frozen_array([mean, mean]), frozen_array([[variance, common], [common, spread]]))


def regime(variance: float, D: float, P: float, perception: Divergence = W2) -> Regime:
    """Which limits bind at one (D,P).

    >>> regime(1.0, 0.3, 0.01).name
    'BOTH'
    """
    shannon, both = _scaled(variance, at_least_zero("D", D), at_least_zero("P", P), perception).regimes()
    return Regime.SHANNON if shannon else Regime.BOTH if both else Regime.ZERO


def symbolic(variance: Any = None, D: Any = None, P: Any = None, perception: Divergence = W2) -> Any:
    """R(D,P) in nats as a sympy Piecewise; for KL the variance of Y is given by the Lambert W function.

    Parameters
    ----------
    variance, D, P : sympy expressions or exact numbers, optional
        Left out: `Symbol("sigma", positive=True)**2`, `Symbol("D", nonnegative=True)` and
        `Symbol("P", nonnegative=True)`.
    perception : Wasserstein2Squared() or KullbackLeibler()

    >>> symbolic(variance=1, D=1, P=0)
    log(4/3)/2
    """
    sympy, ball = load_sympy(), _ball(perception)
    variance = expression("variance", variance, sympy.Symbol("sigma", positive=True) ** 2)
    D = expression("D", D, sympy.Symbol("D", nonnegative=True))
    P = expression("P", P, sympy.Symbol("P", nonnegative=True))
    spread, binds = ball.symbolic(sympy, variance, D, P)
    common = (variance + spread - D) / 2
    return sympy.Piecewise(
        (sympy.oo, sympy.Eq(D, 0)),
        (sympy.log(variance * spread / (variance * spread - common**2)) / 2, binds),
        (sympy.log(variance / D) / 2, D < variance),
        (0, True),
    )


def _only_w2(perception: Divergence) -> None:
    if not isinstance(perception, Wasserstein2Squared):
        raise InvalidInput("perception", perception, f'must be Wasserstein2Squared() with sense="{BLOCK}"')


class _Ball(Protocol):
    """What a perception limit P says about 1-g and g."""

    def shrink(self, variance: FloatArray, P: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(1-g, g) at P."""

    def shrink_slope(self, variance: FloatArray, shrink: FloatArray, g: FloatArray) -> FloatArray:
        """d(1-g)/dP."""

    def limit(self, variance: FloatArray, shrink: FloatArray) -> FloatArray:
        """P at 1-g."""

    def symbolic(self, sympy: Any, variance: Any, D: Any, P: Any) -> tuple[Any, Any]:
        """(g² σ², whether both limits bind)."""


@dataclass(frozen=True)
class _Wasserstein:
    def shrink(self, variance: FloatArray, P: FloatArray) -> tuple[FloatArray, FloatArray]:
        shrink = np.minimum(np.sqrt(P) / np.sqrt(variance), 1.0)
        return shrink, 1.0 - shrink

    def shrink_slope(self, variance: FloatArray, shrink: FloatArray, g: FloatArray) -> FloatArray:
        return np.asarray(0.5 / (variance * shrink))

    def limit(self, variance: FloatArray, shrink: FloatArray) -> FloatArray:
        return np.asarray(variance * shrink**2)

    def symbolic(self, sympy: Any, variance: Any, D: Any, P: Any) -> tuple[Any, Any]:
        scale = sympy.sqrt(variance)
        return (scale - sympy.sqrt(P)) ** 2, sympy.sqrt(P) < scale - sympy.sqrt(sympy.Abs(variance - D))


@dataclass(frozen=True)
class _KullbackLeibler:
    def shrink(self, variance: FloatArray, P: FloatArray) -> tuple[FloatArray, FloatArray]:
        half = 0.5 * _log_ratio(P)
        return -np.expm1(-half), np.exp(-half)

    def shrink_slope(self, variance: FloatArray, shrink: FloatArray, g: FloatArray) -> FloatArray:
        return np.asarray(g / (shrink * (1.0 + g)))

    def limit(self, variance: FloatArray, shrink: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            return 0.5 * log_excess(-2.0 * np.log1p(-shrink))

    def symbolic(self, sympy: Any, variance: Any, D: Any, P: Any) -> tuple[Any, Any]:
        spread = -variance * sympy.LambertW(-sympy.exp(-1 - 2 * P))
        return spread, spread > sympy.Abs(variance - D)


def formula_for(perception: Divergence | None, P: float) -> Divergence | None:
    """The divergence whose formula is that of this limit, or None.

    W2² and KL have one. Where P = 0 leaves no other law for Y, and where no limit is left, all are alike.
    """
    if perception is None or P == np.inf or (P == 0.0 and perception.definite):
        return W2
    return perception if isinstance(perception, (Wasserstein2Squared, KullbackLeibler)) else None


def _ball(perception: Divergence) -> _Ball:
    if isinstance(perception, Wasserstein2Squared):
        return _Wasserstein()
    if isinstance(perception, KullbackLeibler):
        return _KullbackLeibler()
    raise InvalidInput("perception", perception, "must be Wasserstein2Squared() or KullbackLeibler()")


class _Case(NamedTuple):
    """σ², √D/σ, D/σ², 1-g and g, on one shape; D/σ² at most 2, where the rate is 0 for every P."""

    variance: FloatArray
    root: FloatArray
    D: FloatArray
    shrink: FloatArray
    g: FloatArray

    @classmethod
    def of(cls, variance: ArrayLike, D: ArrayLike, shrink: ArrayLike, g: ArrayLike) -> _Case:
        """From σ², D, 1-g and g."""
        variance, D = np.asarray(variance), np.asarray(D)
        with np.errstate(over="ignore"):
            root = np.sqrt(D) / np.sqrt(variance)  # stays above 0 where D/σ² would not
            return cls(*np.broadcast_arrays(variance, root, np.minimum(D / variance, 2.0), shrink, g))

    def at(self, where: NDArray[np.bool_]) -> _Case:
        """The entries that `where` picks."""
        return _Case(*(values[where] for values in self))

    def regimes(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where the rate is Shannon's, and where both limits bind; elsewhere it is 0."""
        # g² > |1 - D/σ²|, in terms of 1-g so that small limits keep their digits
        both = self.shrink * (1.0 + np.sqrt(np.abs(1.0 - self.D))) < np.minimum(self.D, 2.0 - self.D)
        tiny = (self.D < TINY) & (self.root > 0.0)
        if tiny.any():
            with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
                both = np.where(tiny, 2.0 * self.shrink / self.root < self.root, both)
        return ~both & (self.D < 1.0), both


def _scaled(variance: ArrayLike, D: ArrayLike, P: ArrayLike, perception: Divergence) -> _Case:
    variance, D = positive("variance", variance), limits("D", D)
    with np.errstate(over="ignore"):
        return _Case.of(variance, D, *_ball(perception).shrink(variance, limits("P", P)))


def _correlation(case: _Case) -> tuple[FloatArray, FloatArray]:
    """ρ and 1-ρ² where both limits bind: the product of factors near ρ = 1, the difference near ρ = 0."""
    g = case.g
    rho = 0.5 * (g + (1.0 - case.D) / g)
    factors = (case.D - case.shrink**2) * (((1.0 + g) ** 2 - case.D) / (4.0 * g * g))  # the first may be subnormal
    return rho, np.where(rho > NEAR, factors, 1.0 - rho**2)


def log_excess(t: FloatArray) -> FloatArray:
    """t - 1 + e^-t for t >= 0, from its series where the difference would lose digits."""
    near = np.minimum(t, 0.5)
    return np.where(t < 0.5, near**2 * np.polyval(SERIES, near), t + np.expm1(-t))


def _log_ratio(P: FloatArray) -> FloatArray:
    """The t >= 0 with t - 1 + e^-t = 2P, t = log σ²/Var Y: Newton from above, where the curve is convex.

    The same t as -log(-W0(-exp(-1-2P))), without the branch point of the Lambert function at P = 0.
    """
    inner = (P > 0.0) & np.isfinite(P)
    target = 2.0 * np.where(inner, P, 1.0)
    t = np.sqrt(2.0 * target) + target
    for _ in range(NEWTON_STEPS):
        t = t + (log_excess(t) - target) / np.expm1(-t)
    return np.where(inner, t, P)


guard(__name__)
