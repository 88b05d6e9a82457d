"""Bernoulli source, Hamming distortion, total variation.

    R(D,P) = min I(X;Y)  s.t.  P(X ≠ Y) <= D,  |P(Y=1) - p| <= P        [BM19, eq. S40]

The output alphabet is {0, 1}. With p <= ½ (else both alphabets are swapped), q = 1-p, P clipped to p, and
D2 = 2pq - (q-p)P = p + (q-p)(p-P):

    D >= D2                     0
    D (1 - 2(p-P)) <= P         Hb(p) - Hb(D)
    else                        2 Hb(p) + Hb(p-P) - Ht((D-P)/2, p) - Ht((D+P)/2, q)

Hb is the binary entropy, Ht(a, b) the entropy of (a, b, 1-a-b), everything in nats. The tests are taken in this
order; they cover P >= p too, where D2 = p. In the last regime the joint law is

    P(0,1) = (D-P)/2,  P(1,0) = (D+P)/2,  P(i,j) = p_i r_j ± c,  c = (D2-D)/2,  r = (q+P, p-P),

and the rate is summed as Σ P(i,j) log(P(i,j) / (p_i r_j)), whose rounding error stays below a few ulp of Hb(p),
where the differences of entropies above lose digits near D2 and for small p.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from rdptheory._types import ArrayLike, FloatArray
from rdptheory.closed_forms._inputs import expression, limits, load_sympy, masses, together
from rdptheory.closed_forms.regimes import Regime
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, at_least_zero, probability
from rdptheory.information import binary_entropy

__all__ = ["channel", "rate", "regime", "slopes", "symbolic"]


def rate(p: ArrayLike, D: ArrayLike, P: ArrayLike) -> FloatArray:
    """R(D,P) in nats, elementwise over arrays that broadcast.

    Parameters
    ----------
    p : in [0, 1]
        P(X = 1).
    D : at least 0, or inf
        Largest P(X ≠ Y).
    P : at least 0, or inf
        Largest total variation |P(Y=1) - p|.

    Returns
    -------
    array of the broadcast shape, nats
        Within 16 ulp of Hb(p) of the exact value.

    Raises
    ------
    InvalidInput

    >>> rate(0.25, 0.1, [0.0, 0.05]).round(8)
    array([0.25353702, 0.23807779])
    """
    case = _folded(p, D, P)
    shannon, both = case.regimes()
    value = np.zeros(case.D.shape)
    value[shannon] = binary_entropy(case.p[shannon]) - binary_entropy(case.D[shannon])
    value[both] = _information(case.at(both))
    return np.maximum(value, 0.0)[()]


def slopes(p: ArrayLike, D: ArrayLike, P: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """(dR/dD, dR/dP) in nats per unit, elementwise as in `rate`: at most 0, a subgradient where R has a corner.

    dR/dD is -inf at D = 0 (unless p is 0 or 1).
    """
    case = _folded(p, D, P)
    shannon, both = case.regimes()
    by_D, by_P = np.zeros(case.D.shape), np.zeros(case.D.shape)
    with np.errstate(divide="ignore"):
        by_D[shannon] = np.log(case.D[shannon]) - np.log1p(-case.D[shannon])
    inner = case.at(both)
    (r0, r1), (stay_0, stay_1) = inner.output, inner.stays
    log_0 = np.log(inner.D - inner.P) - np.log(2.0 * stay_0)  # P(0,1) / P(0,0), where half of D - P may underflow
    log_1 = np.log(inner.D + inner.P) - np.log(2.0 * stay_1)
    by_D[both] = np.minimum(0.0, 0.5 * (log_0 + log_1))
    by_P[both] = np.minimum(0.0, 0.5 * (log_1 - log_0) - np.log(r0) + np.log(r1))
    return by_D[()], by_P[()]


def channel(p: float, D: float, P: float) -> FloatArray:
    """A channel p(y|x) that attains R(D,P), shape (2, 2): row x, column y, symbols in the order 0, 1.

    >>> channel(0.25, 0.1, 0.05).round(4)
    array([[0.9667, 0.0333],
           [0.3   , 0.7   ]])
    """
    case = _folded(probability("p", p), at_least_zero("D", D), at_least_zero("P", P))
    shannon, both = case.regimes()
    if shannon:
        wrong = case.D / (1.0 - 2.0 * case.D) * np.array([(case.p - case.D) / case.q, (case.q - case.D) / case.p])
    elif both:
        leave, enter = case.moves
        wrong = np.array([leave / case.q, enter / case.p])
    else:
        wrong = np.array([case.p - case.P, case.q + case.P])
    wrong = np.minimum(wrong, 1.0)
    rows = np.array([[1.0 - wrong[0], wrong[0]], [wrong[1], 1.0 - wrong[1]]])  # the symbol 1 is the rarer one
    return rows[::-1, ::-1].copy() if p > 0.5 else rows


def regime(p: float, D: float, P: float) -> Regime:
    """Which limits bind at one (D,P).

    >>> regime(0.25, 0.1, 0.05).name
    'BOTH'
    """
    shannon, both = _folded(p, D, P).regimes()
    return Regime.SHANNON if shannon else Regime.BOTH if both else Regime.ZERO


def symbolic(p: Any = None, D: Any = None, P: Any = None) -> Any:
    """R(D,P) in nats as a sympy Piecewise, for 0 < p <= ½ or a number p in [0, 1].

    Parameters
    ----------
    p, D, P : sympy expressions or exact numbers, optional
        Left out: the symbols `Symbol("p", positive=True)`, `Symbol("D", nonnegative=True)` and
        `Symbol("P", nonnegative=True)`.

    >>> from fractions import Fraction
    >>> symbolic(p=Fraction(1, 2), D=0)
    log(2)
    """
    sympy = load_sympy()
    p = expression("p", p, sympy.Symbol("p", positive=True))
    D = expression("D", D, sympy.Symbol("D", nonnegative=True))
    P = expression("P", P, sympy.Symbol("P", nonnegative=True))
    if p.is_number:
        if not 0 <= p <= 1:
            raise InvalidInput("p", p, "must lie in [0, 1]")
        p = min(p, 1 - p)
    q = 1 - p

    def entropy(*law: Any) -> Any:
        return sum(-mass * sympy.log(mass) for mass in law if mass != 0)

    x, y = (D - P) / 2, (D + P) / 2
    both = 2 * entropy(p, q) + entropy(p - P, q + P) - entropy(x, p, q - x) - entropy(y, q, p - y)
    return sympy.Piecewise(
        (0, sympy.Or(sympy.And(P >= p, D >= p), sympy.And(P < p, D >= 2 * p * q - (q - p) * P))),
        (entropy(p, q), sympy.Eq(D, 0)),
        (entropy(p, q) - entropy(D, 1 - D), sympy.Or(P >= p, D * (1 - 2 * (p - P)) <= P)),
        (both, True),
    )


class _Case(NamedTuple):
    """p <= ½, q = 1-p, D <= 1 and P <= p, on one shape."""

    p: FloatArray
    q: FloatArray
    D: FloatArray
    P: FloatArray

    def at(self, where: NDArray[np.bool_]) -> _Case:
        """The entries that `where` picks."""
        return _Case(*(values[where] for values in self))

    def regimes(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where the rate is Shannon's, and where both limits bind; elsewhere it is 0."""
        above_zero = self.excess > 0.0
        shannon = above_zero & (self.D * (1.0 - 2.0 * (self.p - self.P)) <= self.P)
        return shannon, above_zero & ~shannon

    @property
    def excess(self) -> FloatArray:
        """c = (D2-D)/2: how far the joint law that meets both limits is from independence."""
        return 0.5 * (self.p - self.D + (self.q - self.p) * (self.p - self.P))

    @property
    def output(self) -> tuple[FloatArray, FloatArray]:
        """P(Y=0) and P(Y=1) when both limits are met."""
        return self.q + self.P, self.p - self.P

    @property
    def moves(self) -> tuple[FloatArray, FloatArray]:
        """P(0,1) and P(1,0) when both limits are met."""
        return 0.5 * (self.D - self.P), 0.5 * (self.D + self.P)

    @property
    def stays(self) -> tuple[FloatArray, FloatArray]:
        """P(0,0) and P(1,1) when both limits are met."""
        r0, r1 = self.output
        return self.q * r0 + self.excess, self.p * r1 + self.excess


def _folded(p: ArrayLike, D: ArrayLike, P: ArrayLike) -> _Case:
    """The same question with p <= ½; limits above 1 and p allow no more than these."""
    mass = masses("p", p)
    rarer = np.minimum(mass, 1.0 - mass)
    capped = np.minimum(limits("D", D), 1.0), np.minimum(limits("P", P), rarer)
    return _Case(*together(rarer, np.maximum(mass, 1.0 - mass), *capped))


def _information(case: _Case) -> FloatArray:
    """I(X;Y) of the joint law that meets both limits, in terms that are at most a few Hb(p)."""
    (r0, r1), (leave, enter), (stay_0, stay_1) = case.output, case.moves, case.stays
    zeros = stay_0 * np.log1p(case.excess / (case.q * r0))
    ones = stay_1 * (np.log(stay_1) - np.log(case.p) - np.log(r1))  # p r1 may underflow
    return np.asarray(
        zeros + ones + scipy.special.rel_entr(leave, case.q * r1) + scipy.special.rel_entr(enter, case.p * r0),
        dtype=np.float64,
    )


guard(__name__)
