"""Yan, Wen and Liu: one encoder, a family of decoders [YWL22]."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from rdptheory._types import Bounds, FloatArray
from rdptheory.closed_forms._inputs import load_sympy
from rdptheory.couplings import optimal_transport
from rdptheory.sources import DiscreteSource, Pmf
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.settings import PRIVATE
from rdptheory.theorems.statement import Verdict, at_most, equal, states, worst
from rdptheory.theorems.ywyml21 import draw_line


class Family(NamedTuple):
    """An encoder p(z|x) of a source; α between the posterior (0) and the conditional mean (1)."""

    source: DiscreteSource
    encoder: FloatArray
    alpha: float

    @property
    def parts(self) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """p(z), p(x|z), E[X|z] and D_d."""
        p, x = self.source.probabilities, self.source.points
        z, back = schemes.posterior(p, self.encoder)
        return z, back, back @ x, schemes.means(p, x, self.encoder)[2]

    def reconstruct(self, alpha: float) -> tuple[float, float]:
        """(E‖X - Y‖², W2²(p_X, p_Y)) of Y = α X_d + (1-α) X_p, from the joint law."""
        p, x = self.source.probabilities, self.source.points
        z, back, centre, _ = self.parts
        y = alpha * centre[:, None] + (1.0 - alpha) * x[None]  # (k, n) or (k, n, dimension)
        masses = z[:, None] * back
        D = sum(
            float(masses[k] @ schemes.squared(y[k], x) @ back[k]) for k in range(z.size)
        )  # X and X_p are independent given Z
        flat = y.reshape(-1, *x.shape[1:])
        return D, schemes.squared_transport(x, p, flat, masses.ravel())


def draw_contest(rng: np.random.Generator, given: Given = NOTHING) -> schemes.Scheme:
    """A random code; half of them interpolate between the two decoders of their own encoder."""
    code = schemes.scheme(rng, given)
    if rng.uniform() < 0.5:
        return code
    p, x = code.source.probabilities, code.source.points
    encoder = code.encoder[:, p @ code.encoder > 0.0]
    z, back = schemes.posterior(p, encoder)
    alpha = float(rng.uniform())
    y = (alpha * (back @ x)[:, None] + (1.0 - alpha) * x).ravel()
    decoder = np.zeros((z.size, y.size))
    for k in range(z.size):
        decoder[k, k * x.size : (k + 1) * x.size] = back[k]
    return schemes.Scheme(code.source, encoder, decoder, y)


@states(
    "YWL22.T1",
    setting=PRIVATE,
    draw=draw_contest,
    conditions="squared error and W2²; H(Z) <= R over all encoders, also random ones; checked on a line",
    where="Theorem 1 (i)",
    unit="squared units of X",
)
def check_universal_encoder(code: schemes.Scheme) -> Verdict:
    """The minimum-MSE encoder is optimal for every perception limit (i).

        E‖X - Y‖² >= D_d + max(0, √D_d - √P)², D_d the least at the rate, P = W2²(p_X, p_Y)

    E(X-Y)² >= D_d + max(0, √D_d - √P)², D_d the least at H(Z) and P = W2²(p_X, p_Y).
    """
    p, x = code.source.probabilities, code.source.points
    z = p @ code.encoder
    held = z[z > 0.0]
    least = schemes.quantisation(p, x, float(-held @ np.log(held)))
    P = schemes.line_transport(x, p, code.y, code.output)
    return at_most(least + max(0.0, np.sqrt(least) - np.sqrt(P)) ** 2, schemes.scheme_distortion(code))


def draw_best(rng: np.random.Generator, given: Given = NOTHING) -> Family:
    """The minimum-MSE encoder of a law on a line at a rate."""
    line = draw_line(rng, given)
    encoder = schemes.best_encoder(line.source.probabilities, line.source.points, line.R)[1]
    return Family(line.source, encoder, float(rng.uniform(0.1, 0.9)))


@states(
    "YWL22.T1-ii",
    setting=PRIVATE,
    draw=draw_best,
    conditions="the minimum-MSE encoder; W2² attained by the posterior draw",
    where="Theorem 1 (ii), equation (7)",
    unit="squared units of X",
)
def check_interpolation(case: Family) -> Verdict:
    """Interpolating the two decoders of that encoder reaches the curve (ii).

        Y = α X_d + (1-α) X_p, α = √(P/P_d):   D = D_d (1 + (1-α)²),  W2²(p_X, p_Y) = α² D_d

    D and P of the interpolation, from joint laws, against the formulas.
    """
    D, P = case.reconstruct(case.alpha)
    least = case.parts[3]
    return worst([equal(D, least * (1.0 + (1.0 - case.alpha) ** 2)), equal(P, case.alpha**2 * least)])


@states(
    "YWL22.E7",
    setting=PRIVATE,
    draw=draw_best,
    conditions="the minimum-MSE encoder",
    where="Remark 3, equation (7)",
    unit="squared units of X",
)
def check_e7(case: Family) -> Verdict:
    """The curve in the parameter α.

    D = D_d + (1-α)² D_d,   P = α² D_d
    """
    return check_interpolation(case)


def draw_any(rng: np.random.Generator, given: Given = NOTHING) -> Family:
    """Any encoder of a source in R or R²."""
    code = schemes.scheme(rng, given, dimension=int(rng.integers(1, 3)))
    return Family(code.source, code.encoder, float(rng.uniform()))


@states(
    "YWL22.E5",
    setting=PRIVATE,
    draw=draw_any,
    conditions="any encoder; X_p drawn from the posterior",
    where="Remark 1, equation (5)",
    unit="squared units of X",
)
def check_mean_square(case: Family) -> Verdict:
    """The distortion of the interpolation.

        E‖X - (α X_d + (1-α) X_p)‖² = (1 + (1-α)²) E‖X - X_d‖²

    E‖X - Y‖² from the joint law.
    """
    return equal(case.reconstruct(case.alpha)[0], (1.0 + (1.0 - case.alpha) ** 2) * case.parts[3])


@states(
    "YWL22.E6",
    setting=PRIVATE,
    draw=draw_best,
    conditions="the minimum-MSE encoder at the rate H(Z) or the law of Z",
    where="Remark 3, equation (6)",
    unit="squared units of X",
)
def check_perception(case: Family) -> Verdict:
    """The perception distance of the minimum-MSE decoder is its distortion.

        W2²(p_X, p_{X_d}) = E‖X - X_d‖²

    W2²(p_X, p_{X_d}) = D_d.
    """
    z, _, centre, least = case.parts
    return equal(schemes.squared_transport(case.source.points, case.source.probabilities, centre, z), least)


@check_interpolation.fails("off-centroid")
@check_perception.fails("off-centroid")
def off_centroid(_: np.random.Generator) -> Family:
    """four equal masses on (0,1), (1,1), (2,0), (3,0), cells of the nearest of (0,0), (1,2): D_d = 1.25, W2² = 0.75,
    so perfect perception costs less than 2 D_d with that encoder."""
    points = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 0.0], [3.0, 0.0]])
    cells = schemes.squared(points, np.array([[0.0, 0.0], [1.0, 2.0]])).argmin(axis=1)
    return Family(Pmf(np.full(4, 0.25), points), np.eye(2)[cells], 0.9)


@check_perception.fails("noisy")
def noisy(_: np.random.Generator) -> Family:
    """an encoder whose rate is I(X;Z): the binary symmetric channel."""
    return Family(Pmf([0.5, 0.5]), np.array([[0.9, 0.1], [0.1, 0.9]]), 0.5)


@states(
    "YWL22.E8",
    setting=PRIVATE,
    draw=draw_best,
    conditions="the minimum-MSE encoder, 0 < α < 1",
    where="Remark 3, equation (8)",
    unit="slope",
)
def check_slopes(case: Family) -> Verdict:
    """Slope and curvature of the curve: P falls and is convex in D.

        dP/dD = α/(α-1),   d²P/dD² = 1/(2 (1-α)³ D_d)

    Chords of the measured (D, P) lie between the printed slopes of their ends, slopes between second derivatives.
    """
    alphas = np.linspace(max(0.02, case.alpha - 0.05), min(0.98, case.alpha + 0.05), 3)
    points = [case.reconstruct(float(alpha)) for alpha in alphas]
    least = case.parts[3]
    slope, bend = alphas / (alphas - 1.0), 1.0 / (2.0 * (1.0 - alphas) ** 3 * least)
    parts = []
    for i, j in pairwise(range(3)):  # D falls and the slope gets steeper as α grows
        chord = (points[j][1] - points[i][1]) / (points[j][0] - points[i][0])
        turn = (slope[j] - slope[i]) / (points[j][0] - points[i][0])
        parts += [at_most(slope[j], chord), at_most(chord, slope[i]), at_most(bend[i], turn), at_most(turn, bend[j])]
    return worst(parts)


class Augmented(NamedTuple):
    """min over p(y, x_d) of W1(p_{Y,X_d}, p_{X,X_d}) + λ E‖Y - X_d‖ for an encoder of a law on a line."""

    source: DiscreteSource
    encoder: FloatArray
    weight: float
    euclidean: bool = False

    def cost(self, x: FloatArray, left: FloatArray, right: FloatArray, y: FloatArray) -> FloatArray:
        """‖(x - y, left - right)‖ + λ |y - right|, elementwise."""
        shift, moved = np.abs(left - right), np.abs(x - y)
        norm = np.hypot(shift, moved) if self.euclidean else shift + moved
        return np.asarray(norm + self.weight * np.abs(y - right))

    def least_cost(self, x: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
        """min over y of `cost`: convex in y, so at x, at `right`, or at the point between where the slopes balance."""
        candidates = [x + share * (right - x) for share in np.linspace(0.0, 1.0, 9)]
        if self.euclidean and self.weight < 1.0:
            step = self.weight / np.sqrt(1.0 - self.weight**2) * np.abs(left - right)
            candidates.append(x + np.clip(right - x, -step, step))
        return np.asarray(np.min([self.cost(x, left, right, y) for y in candidates], axis=0))


def draw_augmented(rng: np.random.Generator, given: Given = NOTHING) -> Augmented:
    """Any encoder under ‖a‖ + ‖b‖; under the Euclidean norm λ < 1/√2 or λ > 1."""
    code = schemes.scheme(rng, given)
    euclidean = bool(rng.uniform() < 0.5)
    below = 0.7 if euclidean else 0.99
    weight = float(rng.uniform(0.0, below) if rng.uniform() < 0.6 else rng.uniform(1.01, 3.0))
    return Augmented(code.source, code.encoder, weight, euclidean)


@states(
    "YWL22.T2",
    setting=PRIVATE,
    draw=draw_augmented,
    conditions="W1 on pairs under ‖a‖ + ‖b‖; under the Euclidean norm λ < 1/√2, or λ > 1, or every x at its "
    "nearest X_d",
    where="Theorem 2",
    unit="units of X",
)
def check_augmented(case: Augmented) -> Verdict:
    """The augmented objective keeps its optimum up to λ = 1 and changes it there.

        min W1(p_{Y,X_d}, p_{X,X_d}) + λ E‖Y - X_d‖ is at p_{Y,X_d} = p_{X,X_d} for λ < 1, at Y = X_d for λ > 1

    The least value is that of p_{Y,X_d} = p_{X,X_d} for λ < 1, and that of Y = X_d for λ > 1.

    Every pair (x, x_d) goes to some (y, x_d') by way of the best y, so the problem is a transport of pairs to the law
    of X_d; the dual bound of its linear program holds whatever the solver does.
    """
    p, x = case.source.probabilities, case.source.points
    z, centre, _ = schemes.means(p, x, case.encoder)
    joint = p[:, None] * case.encoder[:, p @ case.encoder > 0.0]
    rows, columns = np.nonzero(joint)
    masses, arguments = joint[rows, columns], (x[rows, None], centre[columns, None], centre[None])
    least = _transport(masses, z, case.least_cost(*arguments))
    if case.weight < 1.0:
        return equal(least, case.weight * float(masses @ np.abs(x[rows] - centre[columns])))
    return equal(least, _transport(masses, z, case.cost(*arguments, centre[None])))


@check_augmented.fails("parity")
def parity(_: np.random.Generator) -> Augmented:
    """Euclidean norm, λ = 0.9, p = (.2,.3,.3,.2) on 0..3, Z the parity: the least value is .8115, not .864."""
    return Augmented(Pmf([0.2, 0.3, 0.3, 0.2]), np.eye(2)[[0, 1, 0, 1]], 0.9, True)


def _transport(p: FloatArray, q: FloatArray, cost: FloatArray) -> Bounds:
    found = optimal_transport(p, q, cost)
    assert found.plan is not None
    upper = float(np.vdot(found.plan, cost))
    return Bounds(min(found.lower, upper), upper)


@check_mean_square.proved
@check_slopes.proved
def prove_slopes() -> Iterator[Any]:
    """(5) from the joint law of two symbols at ±1 and a binary Z, then (8) from D(α) and P(α)."""
    sp = load_sympy()
    alpha, least = sp.symbols("alpha D_d", positive=True)
    joint = sp.Matrix(2, 2, sp.symbols("b:4", positive=True))
    x = sp.symbols("x:2")
    z = [sum(joint[:, k]) for k in range(2)]
    centre = [sum(joint[i, k] * x[i] for i in range(2)) / z[k] for k in range(2)]
    indices = [(i, j, k) for i in range(2) for j in range(2) for k in range(2)]
    D = sum(
        joint[i, k] * joint[j, k] / z[k] * (x[i] - alpha * centre[k] - (1 - alpha) * x[j]) ** 2 for i, j, k in indices
    )
    d = sum(joint[i, k] * (x[i] - centre[k]) ** 2 for i in range(2) for k in range(2))
    yield sp.simplify(D - (1 + (1 - alpha) ** 2) * d)
    curve, level = least * (1 + (1 - alpha) ** 2), alpha**2 * least
    slope = sp.diff(level, alpha) / sp.diff(curve, alpha)
    yield sp.simplify(slope - alpha / (alpha - 1))
    yield sp.simplify(sp.diff(slope, alpha) / sp.diff(curve, alpha) - 1 / (2 * (1 - alpha) ** 3 * least))
