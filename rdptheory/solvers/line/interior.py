"""The restricted program of pairs by a primal-dual interior point on the laws themselves.

Atom u has weight ω_u, mean m_u, masses A_u = ω_u a_u and B_u = ω_u b_u. With C = (A, B) and s for what complements it,

    α log(A/(ω p)) - μ + κ - θ (x - m) = s_A,    β log(B/(ω q)) - ν + η - 2 w m y = s_B,    C s = τ,
    Σ A = ω = Σ B for each atom,  (x - m)·A = 0,  κ + η = -(1-w) m²,  Σ_u C = (p, q),  the rates are kept,

and the means that follow their valleys add  θ = 2 w k + 2 (1-w) m,  k = y·b. The steps are compiled, in `line.c`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rdptheory._native import centre_line
from rdptheory.solvers.line.atoms import Point
from rdptheory.solvers.line.pairs import Pairs

__all__ = ["Ended", "centre"]

STATE = ("means", "tilts", "weights", "offsets", "masses", "slacks", "prices", "signed", "left")
"""What the steps change, in their order; where an atom has several numbers, the atoms are side by side."""


@dataclass(frozen=True, eq=False)
class Ended:
    """Where it ended: the point, steps, and how large the gap and what is missed are, in units of the objective."""

    point: Point
    steps: int
    gap: float
    missed: float


def centre(pairs: Pairs, point: Point, end: float, most: int) -> Ended:
    """Mehrotra's predictor and corrector until the gap and all that is missed are at most `end`.

    Parameters
    ----------
    pairs : Pairs
    point : Point
        Masses, slacks, weights and signed prices above 0.
    end : float
    most : int
        Steps.
    """
    parts = [getattr(point, name).T for name in STATE]
    found = centre_line(
        pairs.law,
        pairs.x,
        pairs.y,
        pairs.rates,
        pairs.P,
        pairs.spread,
        point.moving,
        point.low,
        point.high,
        np.concatenate([part.ravel() for part in parts]),
        end,
        most,
    )
    ends = np.split(found.state, np.cumsum([part.size for part in parts[:-1]]))
    changed = {name: new.reshape(part.shape).T for name, part, new in zip(STATE, parts, ends, strict=True)}
    return Ended(replace(point, **changed), found.steps, found.gap, found.missed)
