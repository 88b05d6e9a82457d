"""Distortion and perception of one encoder with and without common randomness, squared error, W2² [YWL22]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, ArrayLike, Bounds, FloatArray, frozen_array
from rdptheory.couplings import optimal_transport, rounded_plan
from rdptheory.divergences import Wasserstein2Squared
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, at_least_zero
from rdptheory.representations.region import Region, columns, representation_region, squares
from rdptheory.sources import DiscreteSource

__all__ = ["Interpolation", "JointTransport", "best_interval_quantiser", "interpolation", "joint_transport"]


@dataclass(frozen=True, eq=False)
class Interpolation:
    """One encoder and the decoders Y = α X_d + (1-α) X_p between its least distortion and perfect perception.

    X_d = E[X|Z]; X_p is drawn from the optimal coupling of X_d and the law of X, given X_d.

    Attributes
    ----------
    region : Region
        What any decoder without common randomness reaches.
    least : float
        D_d = E‖X - X_d‖².
    transport : float
        W2²(p_X, p_{X_d}); the perception P_d of X_d.
    posterior_error : float
        E‖X - X_s‖² of the posterior sampler X_s ~ p(x|z), computed from its law: 2 D_d for every encoder.
    plan : array (l, n)
        The optimal coupling of X_d and X.
    """

    region: Region
    least: float
    transport: float
    posterior_error: float
    plan: FloatArray

    def at(self, alpha: float) -> tuple[float, Bounds]:
        """(D, P) of Y = α X_d + (1-α) X_p, α in [0, 1], computed from the joint law; P bracketed by the cost of the
        interpolated coupling from above and the triangle inequality from below."""
        if not 0.0 <= alpha <= 1.0:
            raise InvalidInput("alpha", alpha, "must lie in [0, 1]")
        known = self.region.transport  # its upper end is E‖X_d - X_p‖² with all of its rounding
        D = self.least + (1.0 - alpha) ** 2 * self.transport
        share = 16.0 * UNIT_ROUNDOFF
        lower = max(0.0, np.sqrt(known.lower) - (1.0 - alpha) * np.sqrt(known.upper)) ** 2
        return D, Bounds(max(0.0, float(lower) - share * known.upper), alpha**2 * known.upper * (1.0 + share))

    def distortion(self, P: float) -> float:
        """D(P) = D_d + (W2 - √P)², at least D_d: D_d (1 + (1-α)²) where W2² = D_d."""
        return self.least + max(0.0, float(np.sqrt(self.transport) - np.sqrt(at_least_zero("P", P)))) ** 2


def interpolation(source: DiscreteSource, encoder: ArrayLike) -> Interpolation:
    """The exact interpolation of one encoder p(z|x), shape (n, l), reconstructions in R^k.

    P_d = D_d, as for the encoder of least distortion, fails where (X, X_d) is not an optimal coupling; what holds is
    P_d = W2²(p_X, p_{X_d}) <= D_d.

    References
    ----------
    [YWL22], Theorem 1; [YWYML21], equation (18); [ZQCK21], Theorem 4.

    >>> from rdptheory import Pmf
    >>> crossed = interpolation(Pmf([0.25] * 4, [[0, 1], [1, 1], [2, 0], [3, 0]]), [[1, 0], [0, 1], [1, 0], [0, 1]])
    >>> crossed.least, crossed.transport
    (1.25, 0.75)
    """
    region = representation_region(source, encoder, Wasserstein2Squared())
    plan = region.coupling.plan
    assert plan is not None
    pairs = squares(columns(source), columns(source))
    posterior_error = float(np.einsum("z,zi,zj,ij->", region.masses, region.posterior, region.posterior, pairs))
    return Interpolation(region, region.least, region.moved, posterior_error, plan)


def best_interval_quantiser(source: DiscreteSource, levels: int) -> FloatArray:
    """The deterministic encoder (n, levels) of least mean squared error on a line, by dynamic programming.

    >>> from rdptheory import Pmf
    >>> best_interval_quantiser(Pmf([0.25, 0.25, 0.25, 0.25], [0.0, 1.0, 5.0, 6.0]), 2)
    array([[1., 0.],
           [1., 0.],
           [0., 1.],
           [0., 1.]])
    """
    if source.points.ndim != 1:
        raise InvalidInput("source", source, "must have points on a line")
    if not isinstance(levels, int) or not 1 <= levels <= source.size:
        raise InvalidInput("levels", levels, f"must be an integer between 1 and {source.size}")
    order = np.argsort(source.points, kind="stable")
    p, x = source.probabilities[order], source.points[order] - float(source.probabilities @ source.points)
    mass, first, second = (np.concatenate([[0.0], np.cumsum(terms)]) for terms in (p, p * x, p * x * x))
    held = mass[None, :] - mass[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (second[None, :] - second[:, None]) - (first[None, :] - first[:, None]) ** 2 / held
    cost = np.where(held > 0.0, np.maximum(spread, 0.0), 0.0)  # of the cell [a, b)
    cost[np.tril_indices(x.size + 1)] = np.inf
    best, cuts = cost[0], []
    for _ in range(levels - 1):
        options = best[:, None] + cost
        cuts.append(options.argmin(axis=0))
        best = options.min(axis=0)
    encoder, end = np.zeros((x.size, levels)), x.size
    for level in range(levels - 1, -1, -1):
        start = int(cuts[level - 1][end]) if level else 0
        encoder[order[start:end], level] = 1.0
        end = start
    return frozen_array(encoder)


@dataclass(frozen=True, eq=False)
class JointTransport:
    """The least of W1(p_{Y,X_d}, p_{X,X_d}) + λ E‖Y - X_d‖ and the law that attains it.

    Attributes
    ----------
    bounds : Bounds
        From the primal and the dual of the linear program.
    law : array (n', l)
        p(y, x_d), Y on `alphabet`.
    alphabet : array (n', k)
        The points of the source and the values of X_d.
    error : float
        E‖X - Y‖² with Y and X independent given Z.
    pulled : float
        E‖Y - X_d‖.
    """

    bounds: Bounds
    law: FloatArray
    alphabet: FloatArray
    error: float
    pulled: float


def joint_transport(
    source: DiscreteSource, encoder: ArrayLike, price: float, *, euclidean: bool = False
) -> JointTransport:
    """min over p(y, x_d) with the marginal of X_d of  W1(p_{Y,X_d}, p_{X,X_d}) + λ E‖Y - X_d‖,  a linear program.

    Under the sum norm of pairs, ‖(a,b)‖ = ‖a‖ + ‖b‖, the optimum is p_{X,X_d} for λ < 1 and Y = X_d for λ > 1. Under
    the Euclidean norm of the pair (`euclidean`) the second half holds, the first for λ < 1/√2, and for all λ < 1 if
    every x is assigned its nearest X_d.

    Parameters
    ----------
    source : Pmf, Bernoulli or Empirical
    encoder : array (n, l)
        p(z|x).
    price : float
        λ >= 0.
    euclidean : bool
        The norm of pairs; the sum norm if False.

    Notes
    -----
    Y is restricted to the points of the source and the values of X_d. Under the sum norm nothing is lost; under the
    Euclidean norm the value is an upper bound on that with Y anywhere.

    References
    ----------
    [YWL22], Theorem 2.

    >>> from rdptheory import Pmf
    >>> parity = [[1, 0], [0, 1], [1, 0], [0, 1]]
    >>> round(joint_transport(Pmf([0.2, 0.3, 0.3, 0.2]), parity, 0.9, euclidean=True).bounds.upper, 4)
    0.8115
    """
    price = at_least_zero("price", price)
    region = representation_region(source, encoder, Wasserstein2Squared())
    (points, _), (means, _) = region.centred
    joint = region.masses * region.posterior.T  # (n, l)
    alphabet, first = np.unique(np.concatenate([columns(source), region.means]), axis=0, return_index=True)
    there, sizes = (np.concatenate(pair)[first] for pair in zip(*region.centred, strict=True))
    m, size = len(alphabet), len(means)
    away = np.sqrt(squares(there, means))
    start_x, start_d = np.nonzero(joint > 0.0)
    apart_y, apart_d = squares(there, points[start_x]), squares(means, means[start_d])
    squared = (apart_y[:, None, :], apart_d[None, :, :])
    cost = np.sqrt(squared[0] + squared[1]) if euclidean else np.sqrt(squared[0]) + np.sqrt(squared[1])
    with np.errstate(over="ignore"):
        cost = cost.reshape(m, size, -1) + price * away[:, :, None]  # from (x, x_d) to (y, x_d')
    if not np.isfinite(cost).all():
        raise InvalidInput("price", price, "makes costs that float64 cannot hold")
    mass, cheapest = joint[start_x, start_d], cost.min(axis=0).T  # nothing is asked of Y: each pair takes the best y
    found = optimal_transport(mass, region.masses, cheapest)
    if found.plan is None:
        raise InvalidInput("source", source, "with this encoder makes a linear program that fails")
    plan = rounded_plan(found.plan, mass, region.masses)
    law = np.zeros((m, size))
    np.add.at(law, (cost.argmin(axis=0), np.arange(size)[:, None]), plan.T)
    share = region.rounding + UNIT_ROUNDOFF * (plan.size + 16)
    off = 4.0 * share * (1.0 + price) * float(sizes.max())  # of every distance
    lower = found.lower - off - share * float(mass @ np.abs(found.u) + region.masses @ np.abs(found.w))
    upper = float(np.vdot(plan, cheapest)) * (1.0 + share) + off
    given_d = law / law.sum(axis=0)
    error = float(np.einsum("z,zi,yz,yi->", region.masses, region.posterior, given_d, squares(there, points)))
    return JointTransport(
        Bounds(max(0.0, lower), upper), frozen_array(law), frozen_array(alphabet), error, float(np.vdot(law, away))
    )


guard(__name__)
