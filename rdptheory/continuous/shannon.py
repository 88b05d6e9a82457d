"""Small distortions: Shannon's lower bound, and noise that misses it by little where the density is smooth.

Let h be the entropy of X, J its Fisher information, σ² its variance, and KL(X + c ‖ X) <= L c²/2 for every c.

Lower, whatever the ball: given Y, X - Y has a mean square (mean modulus) of D on average, so that

    R >= h - ½ log 2πe D        (squared error),        R >= h - log 2e D        (absolute error).

Upper. Squared error: the channel Y = E X + (1-t)(X - E X) + N of `rdptheory.continuous.noise`, t = D/σ², tells of X
what X + √τ Z does, 1/τ = 1/D - 1/σ². h(X + √τ Z) <= h + ½ log(1 + τJ), since its derivative is half the Fisher
information, and 1/J(X + √τ Z) >= 1/J + τ [Sta59], so that

    R(D, inf) <= h - ½ log 2πe D + ½ log(1 + D (J - 1/σ²)).

Absolute error: Y = X + N, N a Laplace law with E|N| = D. I(X;Y) = h(Y) - h(N), and h(Y) - h = I(N;Y) <= E KL(X + N ‖ X)
<= L E N²/2, for no reference is better than the law of Y, so that R(D, inf) <= h - log 2e D + L D².

Beside a ball that holds no such Y, let Y' = T(Y), T the monotone map to the law of X, for Y = X + √τ Z or X + N. It
tells no more. A ball that does hold Y, unshrunk, needs no T.

* √τ Z: X + √u Z moves with the velocity -s/2, s = (log p)' of its own law, so that W2(X, Y) <= ½ τ √J =: w [AGS08],
  and E(√τ Z | Y) = -τ s(Y). Hence E (X-Y')² <= τ + 2 τ √J w + w² = τ + (5/4) τ² J, which is to be D.
* N: F_Y(x) - F(x) = E (F(x-N) - F(x) + N p(x)), whose modulus integrates to at most E N²/2 ∫|p'| <= δ² √J, δ = E|N|. So
  W1(X, Y) <= δ² √J, E|X-Y'| <= δ + δ² √J, which is to be D; and W2²(X, Y) <= E V² J/4 = 2 δ⁴ J, N being √V Z with V of
  an exponential law.

A density that jumps at an end of its support and is largest there is folded open: X = |U| with the end at 0, U of
the even density, which has J and L. Y = |U + N| tells of X what |X + N| does, h(Y) = h(U + N) - log 2 and
h = h(U) - log 2. And h(|x + N|) >= h(N) - H(sign of x + N given |x + N|);
the mean of the last is at most p(0) √τ `FOLDED`, or p(0) δ `FOLDED_LAPLACE`, the integrals over x >= 0 for a unit of
noise. |X - |U + N|| is at most |N|, and T is that of U + N, so that all else stays. Of a uniform law both ends are
folded, and Y is uniform again: h(Y) = h, and every ball holds it. There the noise is cut off at half the width, `CLEAR`
of its units or more, where less than e^-50 of it is, and meets one end at most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, inf, isfinite, log, log1p, pi, sqrt

from rdptheory._types import SUBNORMAL
from rdptheory.continuous.candidate import CellBounds
from rdptheory.continuous.finite import power
from rdptheory.continuous.noise import CAREFUL, noise_end
from rdptheory.continuous.posed import Posed
from rdptheory.divergences import Wasserstein1, Wasserstein2Squared
from rdptheory.solution import Candidate, Slopes
from rdptheory.sources.continuous import Smoothness

__all__ = ["Shannon", "first_ends"]

NOISE = "Gaussian noise"

FOLDED, FOLDED_LAPLACE = 0.766622, 1.104381
"""∫∫ (g(y-x) + g(y+x)) H_b dx dy over x, y >= 0, H_b the entropy in nats of a share of g(y+x)/(g(y-x) + g(y+x)): for
the standard Gaussian density, and for the Laplace density of mean modulus 1; rounded up."""
CLEAR, CLEAR_LAPLACE = 11.0, 60.0  # units of noise within half a support
CUT_OFF = 1e-12  # nats: more than what is cut off there changes
HALVINGS = 80  # of an interval of log D: more than float64 has digits
UNITS = 64.0 * 2.0**-53  # of the logarithms that a bound is a sum of
HELD = 1.0 - 1e-9  # of the radius of a ball: what a law is moved by must be less
EXPONENTIAL = 1e-12  # relative: more than an exponential of a number below 745 in size is off
LOWEST = 1e-300  # radii below which float64 may have rounded up


@dataclass(frozen=True)
class Shannon:
    """Both ends, as functions of log D, D in the unit of the posed question.

    Attributes
    ----------
    posed : Posed
    known : Smoothness
        Of `posed.source`.
    """

    posed: Posed
    known: Smoothness

    @classmethod
    def of(cls, posed: Posed) -> Shannon | None:
        """None where nothing is known of the entropy."""
        known = posed.source.smoothness
        return None if known is None else cls(posed, known)

    @property
    def squared(self) -> bool:
        """The squared error, or the modulus."""
        return power(self.posed.distortion) == 2

    @property
    def log_D(self) -> float:
        """Of the D that was asked for, which another unit may not hold."""
        return log(self.posed.problem.D) - power(self.posed.distortion) * log(self.posed.scale)

    @property
    def _ends(self) -> tuple[float, float]:
        """h less the entropy of the noise for D = 1, from below and above."""
        noise = 0.5 * (log(2.0 * pi) + 1.0) if self.squared else 1.0 + log(2.0)
        return self.known.low - noise, self.known.high - noise

    def _rounding(self, log_D: float) -> float:
        units = 1.0 + abs(self._ends[0]) + abs(log_D) + 2.0 * abs(log(self.posed.scale))
        return UNITS * units

    def lower(self, log_D: float) -> float:
        """R(D,P) is at least this."""
        return self._ends[0] - (0.5 if self.squared else 1.0) * log_D - self._rounding(log_D)

    def upper(self, log_D: float) -> float:
        """R(D,P) is at most this."""
        over = self._over_squared(log_D) if self.squared else self._over_absolute(log_D)
        return self._ends[1] - (0.5 if self.squared else 1.0) * log_D + over + self._rounding(log_D)

    def _over_squared(self, log_D: float) -> float:
        D, J, edges = exp(min(log_D, 700.0)), self.known.information, self.known.edges
        if not isfinite(J) or not 2.0 * CLEAR * sqrt(D) <= self.known.width:
            return inf
        folded = edges * FOLDED * sqrt(D) + CUT_OFF * (edges > 0.0)
        if self.posed.perception is None and edges == 0.0:
            variance = self.posed.source.standard_deviation**2 * CAREFUL
            return 0.5 * log1p(D * (J - 1.0 / variance)) if D < variance else inf
        if self.posed.perception is None or self._holds(0.5 * D * sqrt(J), 0.25 * D * D * J):
            return 0.5 * log1p(D * J) + folded
        less = 0.5 * (1.0 + sqrt(1.0 + 5.0 * D * J))  # D/τ
        return 0.5 * log(less) + 0.5 * log1p(D / less * J) + folded

    def _over_absolute(self, log_D: float) -> float:
        D, J, L = exp(min(log_D, 150.0)), self.known.information, self.known.bend
        if not isfinite(J) or not isfinite(L):
            return inf
        less = 1.0
        if self.posed.perception is not None and not self._holds(D * D * sqrt(J), 2.0 * D**4 * J):
            less = 0.5 * (1.0 + sqrt(1.0 + 4.0 * D * sqrt(J)))  # D/δ
        less = max(less, D / self._most)
        edges = self.known.edges
        return log(less) + L * (D / less) ** 2 + edges * FOLDED_LAPLACE * D / less + CUT_OFF * (edges > 0.0)

    @property
    def _most(self) -> float:
        """The noise with the least bound: that would grow again beyond, or the noise would be cut off."""
        L, edges = self.known.bend, self.known.edges * FOLDED_LAPLACE
        rising = 2.0 / (edges + sqrt(edges * edges + 8.0 * L)) if edges + L > 0.0 else inf  # 1/δ = 2Lδ + edges
        return min(rising, 0.5 * self.known.width / CLEAR_LAPLACE)

    def _holds(self, moved: float, squared: float) -> bool:
        """Whether the ball holds a law at most so far from that of X, by W1 and by W2²."""
        P = self.posed.P * HELD
        by = {Wasserstein1: moved, Wasserstein2Squared: squared}
        far = next((far for ball, far in by.items() if isinstance(self.posed.perception, ball)), inf)
        return self.posed.P > LOWEST and far <= P

    def limits(self, R: float) -> tuple[float, float]:
        """The D of a rate lies between these, in the unit of the posed question; (0, inf) where they say nothing."""
        share = 0.5 if self.squared else 1.0
        low = (self._ends[0] - R) / share
        low -= (self._rounding(low) + UNITS * R) / share
        most = self.posed.source.standard_deviation if self.squared else self._most
        high = log(min(most, 0.5 * self.known.width / CLEAR)) / share - 1e-6 if 0.0 < most < inf else -inf
        if not low < high or not self.upper(high) <= R:
            return _below(low), inf
        above, below = low, high
        for _ in range(HALVINGS):
            middle = 0.5 * (above + below)
            above, below = (above, middle) if self.upper(middle) <= R else (middle, below)
        return _below(low), exp(below) * (1.0 + EXPONENTIAL) + SUBNORMAL


def first_ends(posed: Posed) -> tuple[CellBounds, Candidate | None, Slopes]:
    """What is proved without cells, with a channel if no law has to be drawn from, and slopes that are about right."""
    rate, candidate, slopes = noise_end(posed)
    bounds = CellBounds(0.0, rate, "no rate is negative", NOISE if rate < inf else "no channel was found")
    shannon = Shannon.of(posed)
    if shannon is None or not 0.0 < posed.problem.D < inf:
        return bounds, candidate, slopes
    lower, upper = shannon.lower(shannon.log_D), max(0.0, shannon.upper(shannon.log_D))
    if lower > 0.0:
        bounds = replace(bounds, lower=lower, lower_from="Shannon's lower bound")
    if upper < rate:
        bounds = replace(bounds, upper=upper, upper_from=NOISE if shannon.squared else "Laplace noise")
        slopes = posed.slopes(-(0.5 if shannon.squared else 1.0) / posed.D, 0.0)
        candidate = candidate if shannon.squared and shannon.known.edges == 0.0 else None  # which it is the rate of
    return bounds, candidate, slopes


def _below(log_D: float) -> float:
    """At most e^log_D."""
    return max(0.0, exp(min(log_D, 700.0)) * (1.0 - EXPONENTIAL) - SUBNORMAL)
