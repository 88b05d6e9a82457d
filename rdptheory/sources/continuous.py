"""What a source with a density must say so that its rate can be proved, and its cells."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rdptheory._types import FloatArray
from rdptheory.doors import Alike
from rdptheory.errors import InvalidInput
from rdptheory.sources.quadrature import DEPTH, Panels, ellipses, gauss_error, gauss_rule, panels

__all__ = ["CELL_ERROR", "CellMoments", "ContinuousSource", "Smoothness", "Tail"]

CELL_ERROR = 1e-12
"""What the brackets pay for: the relative error of every mass and moment of a cell of an analytic density. Quadrature
and rounding reach 1e-14 to 1e-13 on the cells that the methods choose, the special functions of the tails 1e-13."""
ROUNDOFF = 0.5 * float(np.finfo(np.float64).eps)  # relative error of one operation
SUMMING = 64  # half ulps: 16 products and sums of positive terms, at most three times nested, and the density itself
GRID = 4001  # points between which the compander's distribution function is interpolated: nodes need few digits
FAR = 1e-13  # levels of the quantiles between which that grid lies


@dataclass(frozen=True, eq=False)
class CellMoments:
    """Moments of the law within intervals [a_k, b_k], each of shape (n,) and within `error` of itself.

    Attributes
    ----------
    mass : the probability of the interval
    share : (mean - a)/(b - a), between 0 and 1; 1 - share is as accurate
    variance : within the interval, in squared units of the source
    error : a bound on the relative error of all of them
    """

    mass: FloatArray
    share: FloatArray
    variance: FloatArray
    error: float = CELL_ERROR


@dataclass(frozen=True)
class Tail:
    """The law beyond a point b: its mass, and the conditional means of |X - b| and (X - b)², inf where there is none.

    The relative error of the mass is at most that of cells, that of the means at most `error`.
    """

    mass: float
    excess: float = 0.0
    square: float = 0.0
    error: float = CELL_ERROR


@dataclass(frozen=True)
class Smoothness:
    """What bounds the rate of a density at small distortions from both sides; in nats and in the unit of the source.

    Attributes
    ----------
    low, high : float
        The differential entropy h = -∫ p log p lies between them.
    information : float
        At least Fisher's information ∫ p'²/p; inf for a density with a jump.
    bend : float
        KL(law of X + c ‖ law of X) is at most bend c²/2 for every c: at least the largest -(log p)'' will do.
    edges : float
        0; or, for a density that jumps at an end of its support and is largest there, its value there. Then
        `information` and `bend` are those of the density and its mirror image, half of each. A uniform law has two such
        ends, and 0 for both.
    width : float
        Of the support of a uniform law, else inf.
    """

    low: float
    high: float
    information: float = np.inf
    bend: float = np.inf
    edges: float = 0.0
    width: float = np.inf

    @classmethod
    def of(cls, entropy: float, scale: float, information: float, bend: float, error: float = 0.0) -> Smoothness:
        """Of scale Z + c, where Z has these; `entropy` is right to `error` and a few units of rounding.

        >>> Smoothness.of(2.0, 1.0, 1.0 / 3.0, 0.5).information
        0.3333333333333333
        """
        unit = float(np.log(scale))
        off = error + 16.0 * ROUNDOFF * (1.0 + abs(entropy) + abs(unit))
        return cls(entropy + unit - off, entropy + unit + off, information / scale / scale, bend / scale / scale)


class ContinuousSource(ABC):
    """A law on the real line with a density that is analytic between its kinks.

    A member says where its density lives and kinks (`support`, `kinks`), gives the density, bounds its modulus off the
    real line (`modulus`, which makes the quadrature of cells a proof), and knows its tails. All else follows. A source
    whose density is not analytic overrides `cells` and `spreads` with bounds of its own, as `Cumulative` does.
    """

    analytic: ClassVar[bool] = True
    """Whether `modulus` says anything; `Atoms` needs it."""

    @property
    def support(self) -> tuple[float, float]:
        """The least closed interval that holds all mass."""
        return -np.inf, np.inf

    @property
    def kinks(self) -> tuple[float, ...]:
        """Points inside the support at which the density is not analytic."""
        return ()

    @property
    @abstractmethod
    def standard_deviation(self) -> float:
        """Square root of Var X; inf where there is none."""

    @abstractmethod
    def density(self, x: FloatArray) -> FloatArray:
        """Probability density at x; its relative error is a few half ulps of 1 + |log density|."""

    @abstractmethod
    def modulus(self, centre: Alike, reach: Alike, height: Alike) -> FloatArray:
        """An upper bound on |p(z)| over |Re z - centre| <= reach, |Im z| <= height.

        p(z) is the analytic continuation of the density from around `centre`; inf where it has none there. The
        arguments have one shape.
        """

    @abstractmethod
    def quantile(self, level: float) -> float:
        """The x with P(X <= x) = level."""

    @abstractmethod
    def right_tail(self, b: float) -> Tail:
        """The law on (b, inf)."""

    @abstractmethod
    def left_tail(self, a: float) -> Tail:
        """The law on (-inf, a), distances counted outwards from a."""

    @property
    def smoothness(self) -> Smoothness | None:
        """None where nothing is known of the entropy; brackets are then wide at small distortions."""
        return None

    def standard(self) -> tuple[ContinuousSource, float, float]:
        """(law, shift, scale) with X = shift + scale Z and Z of that law, of the order of 1 around 0."""
        return self, 0.0, 1.0

    def compander(self, levels: FloatArray) -> FloatArray:
        """Quantiles of the law whose density is proportional to the cube root of this one.

        Cells between them have the least in-cell variance [PD51]; a proof needs no more of nodes than that they
        increase.
        """
        low, high = self.support
        low = low if np.isfinite(low) else self.quantile(FAR)
        high = high if np.isfinite(high) else self.quantile(1.0 - FAR)
        x = np.linspace(low, high, GRID)
        root = np.cbrt(self.density(x))
        held = np.concatenate([[0.0], np.cumsum(0.5 * (root[1:] + root[:-1]))])
        return np.asarray(np.interp(levels, held / held[-1], x))

    def cells(self, edges: FloatArray) -> CellMoments:
        """The moments within the intervals between increasing `edges` (n+1,) inside the support.

        Raises
        ------
        InvalidInput
            Their error cannot be proved to be within `CELL_ERROR`: the density is too rough, or all but 0, somewhere.
        """
        cut = self._panels(edges)
        mass, mean, variance = _moments(cut)
        total = cut.total(mass)
        ahead = cut.lead + cut.half + mean  # from the left end of the interval
        middle = cut.total(mass * ahead) / total
        variance = cut.total(mass * (variance + (ahead - middle[cut.owner]) ** 2)) / total
        return CellMoments(total, middle / np.diff(edges), variance)

    def spreads(self, edges: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """E|X - X'| of two independent draws within each interval, from below and above, and a bound on E|X - mean|."""
        halves: list[float] = []
        for _ in range(DEPTH):
            cut = self._panels(edges, 1e-5 * CELL_ERROR, tuple(halves))  # the integrand is the square of an integral
            mass, mean, variance = _moments(cut)
            own, rough = _spread(self, cut, mass)
            if not rough.any():
                break
            halves.extend(cut.centre[rough])
        else:
            raise InvalidInput("source", self, f"spreads of cells cannot be integrated to {CELL_ERROR:g}")
        total, first = cut.total(mass), cut.first
        spread = own[first].copy()
        deviation = 2.0 * _below_mean(self, cut, mass, mean)[first]
        ahead = cut.lead + cut.half + mean
        for interval in np.flatnonzero(np.bincount(cut.owner) > 1):  # means of distinct panels differ by their distance
            here = cut.owner == interval
            w, x = mass[here] / total[interval], ahead[here]
            spread[interval] = w @ np.abs(x[:, None] - x) @ w + w**2 @ own[here]
            deviation[interval] = np.sqrt(w @ (variance[here] + (x - w @ x) ** 2))
        deviation = deviation * (1.0 + CELL_ERROR) + np.diff(edges) * CELL_ERROR
        return spread * (1.0 - CELL_ERROR), spread * (1.0 + CELL_ERROR), deviation

    def _panels(self, edges: FloatArray, tolerance: float = 0.01 * CELL_ERROR, cuts: tuple[float, ...] = ()) -> Panels:
        cut = panels(self.density, self.modulus, edges, (*self.kinks, *cuts), tolerance)
        error = _relative_error(cut)
        if not error <= CELL_ERROR:
            raise InvalidInput("source", self, f"cells can be integrated to {error:.2g} only, {CELL_ERROR:g} is needed")
        return cut


def _moments(cut: Panels) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mass, mean relative to the centre, and variance of every panel: nothing cancels."""
    mass = cut.weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):  # an empty panel is refused by its error
        mean = (cut.weights * cut.nodes).sum(axis=1) / mass
        variance = (cut.weights * (cut.nodes - mean[:, None]) ** 2).sum(axis=1) / mass
    return mass, mean, variance


def _relative_error(cut: Panels) -> float:
    """A bound on the relative error of the mass, the share and the variance of every interval.

    If the mass errs by e, the integrals of p (z-c) and p (z-c)² err by at most e aH and e (aH)², aH being the longer
    half-axis of the ellipse, for these are the moduli there. Sums of positive terms keep the largest relative error.
    """
    mass, mean, variance = _moments(cut)
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.abs(np.log(mass / cut.half))
        rounding = ROUNDOFF * (SUMMING + 4.0 * logs)
        off = cut.error / mass
        shift = (off * (1.0 + cut.reach) + rounding) * cut.half
        to_end = cut.half - np.abs(mean)
        square = off * ((1.0 + cut.reach) * cut.half) ** 2 / variance
        worst = np.maximum.reduce([off + rounding, off + shift / to_end, square + 2.0 * (off + rounding)])
    return np.inf if np.isnan(worst).any() else float(worst.max())


def _spread(source: ContinuousSource, cut: Panels, mass: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """E|X - X'| = 2 ∫ F (1 - F) within every panel, F by the same rule on scaled panels; and where that is rough.

    |F| <= B = (1 + a) H M / mass on the ellipse, a path to any of its points being no longer than (1 + a) H, so the
    integrand has modulus B (1 + B); the ellipse of a scaled panel lies inside, so F errs by no more than the mass.
    """
    unit, weight = gauss_rule()
    F = _distribution(source, cut, mass, np.broadcast_to(0.5 * (unit + 1.0), (mass.size, unit.size)))
    spread = 2.0 * ((F * (1.0 - F)) @ weight) * cut.half
    outer = np.full(mass.shape, np.inf)
    for M, longer, rho in ellipses(source.modulus, cut.centre, cut.half):
        B = (1.0 + longer) * cut.half * M / mass
        outer = np.fmin(outer, gauss_error(B * (1.0 + B), cut.half, rho))
    error = 2.0 * outer + 4.0 * cut.half * cut.error / mass
    return np.asarray(spread), ~(error <= 0.1 * CELL_ERROR * spread)


def _below_mean(source: ContinuousSource, cut: Panels, mass: FloatArray, mean: FloatArray) -> FloatArray:
    """E (mean - X)+ = ∫ F up to the mean, within every panel: the same integrand and ellipses as in `_spread`."""
    unit, weight = gauss_rule()
    top = cut.half + mean
    F = _distribution(source, cut, mass, 0.5 * (unit + 1.0) * (top / (2.0 * cut.half))[:, None])
    return np.asarray(0.5 * top * (F @ weight))


def _distribution(source: ContinuousSource, cut: Panels, mass: FloatArray, where: FloatArray) -> FloatArray:
    """F at shares `where` (m, k) of every panel."""
    unit, weight = gauss_rule()
    F = np.empty(where.shape)
    left = (cut.centre - cut.half)[:, None]
    for column in range(where.shape[1]):
        width = 2.0 * cut.half * where[:, column]
        x = left + width[:, None] * (0.5 * (unit + 1.0))
        F[:, column] = (source.density(x) @ weight) * 0.5 * width / mass
    return F
