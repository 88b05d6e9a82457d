"""Any finite law, Hamming distortion, no perception limit: Erokhin's formula.

With p_1 >= p_2 >= ... and the k heaviest symbols in use, D = θ (k-1) + Σ_{i>k} p_i for p_k >= θ >= p_{k+1}, and

    R(D) = Σ_{i<=k} p_i log(1/p_i) + (1-D) log(1-D) + (k-1) θ log θ     for D <= 1 - p_1,   0 beyond       [Ero58]

Given Y = y, X is y with probability 1-D, another symbol in use with θ, and one that is not with its own mass. Sorting
costs O(m log m), everything else O(m).
"""

from __future__ import annotations

from math import fsum
from typing import Any, NamedTuple

import numpy as np
import scipy

from rdptheory._types import ArrayLike, FloatArray, IntArray
from rdptheory.closed_forms._inputs import expression, limits, load_sympy
from rdptheory.closed_forms.regimes import Regime
from rdptheory.doors import SourceLaw, guard
from rdptheory.errors import InvalidInput, at_least_zero

__all__ = ["channel", "dual", "rate", "regime", "slopes", "symbolic"]

SUM = 1e-12  # by which the masses of a law may miss 1
LARGEST = 10_000  # symbols of a channel that is written down: 800 MB


def rate(probabilities: SourceLaw, D: ArrayLike) -> FloatArray:
    """R(D) in nats, elementwise over D.

    Parameters
    ----------
    probabilities : array (m,)
        The law of X, in any order.
    D : at least 0, or inf
        Largest P(X ≠ Y).

    Returns
    -------
    array of the shape of D, nats
        Within 16 ulp of log m of the exact value.

    Raises
    ------
    InvalidInput

    >>> rate([0.5, 0.3, 0.2], [0.0, 0.1, 0.5]).round(8)
    array([1.02965301, 0.63525532, 0.        ])
    """
    law = _Sorted.of(probabilities)
    used = law.used(limits("D", D))
    gain = law.entropies[used.k] + scipy.special.xlogy(1.0 - used.D, 1.0 - used.D)
    value = gain + (used.k - 1.0) * scipy.special.xlogy(used.theta, used.theta)
    return np.asarray(np.where(used.D < law.most, np.maximum(value, 0.0), 0.0))[()]


def slopes(probabilities: SourceLaw, D: ArrayLike) -> FloatArray:
    """dR/dD = log(θ/(1-D)) in nats per unit, elementwise over D: -inf at D = 0 unless X is constant."""
    law = _Sorted.of(probabilities)
    used = law.used(limits("D", D))
    with np.errstate(divide="ignore"):
        steep = np.log(used.theta) - np.log1p(-used.D)
    return np.asarray(np.where(used.D < law.most, np.minimum(steep, 0.0), 0.0))[()]


def channel(probabilities: SourceLaw, D: float) -> FloatArray:
    """A channel p(y|x) that attains R(D), shape (m, m): the symbols out of use are never shown.

    >>> channel([0.5, 0.3, 0.2], 0.4).round(4).tolist()
    [[0.9, 0.1, 0.0], [0.5, 0.5, 0.0], [0.75, 0.25, 0.0]]
    """
    law, D = _Sorted.of(probabilities), at_least_zero("D", D)
    p = law.masses
    if p.size > LARGEST:
        raise InvalidInput("probabilities", p, f"must have at most {LARGEST} entries for a channel to be written down")
    if D >= law.most:
        return np.tile(np.eye(1, p.size, int(law.order[0])), (p.size, 1))
    used = law.used(np.asarray(D))
    theta, right = float(used.theta), 1.0 - D
    output = np.maximum(p - theta, 0.0)
    output /= output.sum()
    rows = np.tile(output, (p.size, 1))
    active = p > theta
    rows[active] *= (theta / p[active])[:, None]
    rows[active, active] = output[active] * right / p[active]
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))


def dual(probabilities: SourceLaw, D: float) -> tuple[FloatArray, float]:
    """(f, s) on the symbols of positive mass, from which the lower bound of `certificates` is R(D) itself.

    >>> f, s = dual([0.5, 0.3, 0.2], 0.1)
    >>> round(float(np.array([0.5, 0.3, 0.2]) @ f - 0.1 * s), 8)
    0.63525532
    """
    law, D = _Sorted.of(probabilities), at_least_zero("D", D)
    p = law.masses[law.masses > 0.0]
    if D >= law.most:
        return np.zeros(p.size), 0.0
    theta = float(law.used(np.asarray(D)).theta)
    f = np.log1p(-D) - np.log(np.maximum(p, theta))
    return np.asarray(f), float(np.log1p(-D) - np.log(theta)) if theta > 0.0 else 0.0


def regime(probabilities: SourceLaw, D: float) -> Regime:
    """SHANNON where the rate is above 0, else ZERO."""
    return Regime.SHANNON if at_least_zero("D", D) < _Sorted.of(probabilities).most else Regime.ZERO


def symbolic(probabilities: Any, D: Any = None) -> Any:
    """R(D) in nats as a sympy Piecewise: one piece for each number of symbols in use.

    Parameters
    ----------
    probabilities : list of exact numbers
        The law of X, with a sum of 1.
    D : sympy expression or exact number, optional
        Left out: `Symbol("D", nonnegative=True)`.

    >>> from fractions import Fraction
    >>> symbolic([Fraction(1, 2), Fraction(1, 4), Fraction(1, 4)], D=0)
    log(2)/2 + log(4)/2
    """
    sympy = load_sympy()
    if not isinstance(probabilities, (list, tuple)):
        raise InvalidInput("probabilities", probabilities, "must be a list of exact numbers")
    p = sorted((expression("probabilities", one, None) for one in probabilities), reverse=True)
    if not p or any(one.is_negative for one in p) or sympy.simplify(sum(p) - 1) != 0:
        raise InvalidInput("probabilities", probabilities, "must be exact numbers at least 0 whose sum is 1")
    D = expression("D", D, sympy.Symbol("D", nonnegative=True))
    p = [one for one in p if one != 0]
    pieces = [(0, D >= 1 - p[0]), (sum(-one * sympy.log(one) for one in p), sympy.Eq(D, 0))]
    for k in range(2, len(p) + 1):
        rest = sum(p[k:])
        theta = (D - rest) / (k - 1)
        gain = sum(-one * sympy.log(one) for one in p[:k])
        pieces.append(
            (
                gain + (1 - D) * sympy.log(1 - D) + (k - 1) * theta * sympy.log(theta),
                D >= rest + (k - 1) * (p[k] if k < len(p) else 0),
            )
        )
    return sympy.Piecewise(*pieces)


class _Used(NamedTuple):
    """What is in use at D, clipped to where the rate ends: k symbols (at least 2 where there are), and θ."""

    D: FloatArray
    k: IntArray
    theta: FloatArray


class _Sorted(NamedTuple):
    """A law with its heaviest symbols first: `rest[k]` is the mass after the first k, `entropies[k]` Σ -p log p of
    those, `ends[k]` the D at which the k-th symbol goes out of use, and `most` the D at which the rate is 0."""

    masses: FloatArray
    order: IntArray
    rest: FloatArray
    entropies: FloatArray
    ends: FloatArray
    most: float

    @classmethod
    def of(cls, probabilities: SourceLaw) -> _Sorted:
        p = np.asarray(probabilities, dtype=np.float64)
        law = p.ndim == 1 and p.size > 0 and bool(((p >= 0.0) & (p <= 1.0 + SUM)).all())
        if not law or abs(fsum(p.tolist()) - 1.0) > SUM:
            raise InvalidInput("probabilities", probabilities, "must be a law: at least 0, with a sum of 1")
        order = np.argsort(-p, kind="stable")
        falling = p[order]
        rest = np.append(np.cumsum(falling[::-1])[::-1], 0.0)
        entropies = np.append(0.0, np.cumsum(-scipy.special.xlogy(falling, falling)))
        ends = rest[1:] + np.arange(p.size) * falling
        return cls(p, order, rest, entropies, ends, float(rest[1]))

    def used(self, D: FloatArray) -> _Used:
        """The k-th symbol is in use below ends[k-1], which fall with k."""
        D = np.minimum(D, self.most)
        k = np.maximum(self.ends.size - np.searchsorted(self.ends[::-1], D, side="right"), min(2, self.ends.size))
        theta = np.maximum(D - self.rest[k], 0.0) / np.maximum(k - 1, 1)
        return _Used(D, k, np.minimum(theta, self.masses[self.order[k - 1]]))


guard(__name__)
