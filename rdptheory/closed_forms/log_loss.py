"""Any finite law, logarithmic loss: R(D) = H(X) - D for D <= H(X), 0 beyond (nats)            [CW14]

d(x, q) = -log q(x) for a reconstruction q that is a law of X. E d is at least H(X|Y), with equality for posteriors, so
that I(X;Y) >= H(X) - D; telling X with probability 1 - D/H(X), and nothing otherwise, reaches it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rdptheory._types import ArrayLike, FloatArray
from rdptheory.closed_forms._inputs import expression, limits, load_sympy
from rdptheory.closed_forms.regimes import Regime
from rdptheory.doors import SourceLaw, guard
from rdptheory.errors import at_least_zero
from rdptheory.information import law_entropy

__all__ = ["channel", "rate", "regime", "slopes", "symbolic"]


def rate(probabilities: SourceLaw, D: ArrayLike) -> FloatArray:
    """R(D) in nats, elementwise over D, a limit in nats at least 0 or inf; within 16 ulp of log m.

    >>> rate(np.array([0.5, 0.5]), [0.0, 0.5, 1.0]).round(6)
    array([0.693147, 0.193147, 0.      ])
    """
    return np.maximum(law_entropy(probabilities) - limits("D", D), 0.0)[()]


def slopes(probabilities: SourceLaw, D: ArrayLike) -> FloatArray:
    """dR/dD, elementwise over D: -1, and 0 from D = H(X) on."""
    return np.where(limits("D", D) < law_entropy(probabilities), -1.0, 0.0)[()]


def channel(probabilities: SourceLaw, D: float) -> FloatArray:
    """A channel that attains R(D), shape (m, m + 1): column y < m says "it was y", the last one nothing.

    >>> channel(np.array([0.5, 0.5]), 0.25 * float(np.log(2.0)))
    array([[0.75, 0.  , 0.25],
           [0.  , 0.75, 0.25]])
    """
    most, m = float(law_entropy(probabilities)), probabilities.size
    told = max(0.0, 1.0 - at_least_zero("D", D) / most) if most > 0.0 else 0.0
    return np.column_stack([told * np.eye(m), np.full(m, 1.0 - told)])


def regime(probabilities: SourceLaw, D: float) -> Regime:
    """SHANNON where the rate is above 0, else ZERO."""
    return Regime.SHANNON if at_least_zero("D", D) < law_entropy(probabilities) else Regime.ZERO


def symbolic(H: Any = None, D: Any = None) -> Any:
    """R(D) in nats as a sympy Piecewise of the entropy H of X and of D, both `nonnegative=True` where left out.

    >>> symbolic(H=2, D=1)
    1
    """
    sympy = load_sympy()
    H = expression("H", H, sympy.Symbol("H", nonnegative=True))
    D = expression("D", D, sympy.Symbol("D", nonnegative=True))
    return sympy.Piecewise((0, D >= H), (H - D, True))


guard(__name__)
