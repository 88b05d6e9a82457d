"""What is known of the ball of any convex divergence: half-spaces that hold it, and how it bends where it is smooth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.certificates import way_out
from rdptheory.problems import PerceptionLimit

__all__ = ["HalfSpace", "Known", "bends", "said", "said_of_none"]

TINY = float(np.finfo(np.float64).tiny)
"""Of a direction whose size is no more nothing is asked."""
ROUNDED = 1e-12
"""Share of P by which a law may be outside that is meant to be in the ball: the judge brings it back."""
LEFT_OUT = 1e-6
"""By how much a law is outside a half-space that is known: another would not help a model that does not keep it."""
STRIDE = 3e-4
"""Share of a mass, along which δ is differenced twice."""
LEAST = 0.1
"""In units of 1/m: a smaller mass takes the stride of this one."""
SAME = 0.05
"""Share by which second differences over one stride and over two may differ where δ is smooth."""


@dataclass(frozen=True, eq=False)
class HalfSpace:
    """{r : <g, r> <= h} with <g, q> = 0 at the reference q and the largest |g_j| 1, where it was `size`."""

    g: FloatArray
    h: float
    size: float


@dataclass(eq=False)
class Known:
    """A ball and the half-spaces that were made of it."""

    ball: PerceptionLimit
    cuts: list[HalfSpace] = field(default_factory=list)

    @property
    def G(self) -> FloatArray:
        """Their directions, shape (K, m)."""
        return np.array([cut.g for cut in self.cuts]).reshape(len(self.cuts), self.ball.reference.size)

    @property
    def h(self) -> FloatArray:
        """How far the ball reaches along each, shape (K,)."""
        return np.array([cut.h for cut in self.cuts])

    @property
    def sizes(self) -> FloatArray:
        """What each was divided by, shape (K,)."""
        return np.array([cut.size for cut in self.cuts])

    def holds(self, law: FloatArray) -> bool:
        """Whether a law is in the ball, but for the rounding of it."""
        return self.ball.divergence.value(self.ball.reference, law) <= (1.0 + ROUNDED) * self.ball.limit

    def inside(self, law: FloatArray) -> FloatArray:
        """The last law of the ball on the way from the reference to this one."""
        q = self.ball.reference
        return np.asarray(q + way_out(self.ball, law) * (law - q))

    def leaves_out(self, law: FloatArray, most: int = 2) -> bool:
        """Make half-spaces that a law outside the ball is not in, and say whether there is one.

        Their directions are those of δ where the way from the reference to the law leaves the ball, and at the law
        itself, where a δ with corners is less often at one.
        """
        if self.holds(law) or bool((self.G @ law > self.h + LEFT_OUT).any()):
            return False
        return any([self.cut(place, law) for place in (self.inside(law), law)[:most]])

    def cut(self, place: FloatArray, law: FloatArray) -> bool:
        """Whether the half-space that touches the ball near a place leaves a law out; then it is kept."""
        q = self.ball.reference
        g, h = self.ball.divergence.cut(q, place, self.ball.limit)
        level = float(g @ q)
        size = float(np.abs(g - level).max())
        if not (np.isfinite(size) and size > TINY and np.isfinite(h)):
            return False
        cut = HalfSpace((g - level) / size, (h - level) / size, size)
        if not float(cut.g @ law) > cut.h:
            return False
        self.cuts.append(cut)
        return True


def bends(ball: PerceptionLimit, law: FloatArray) -> FloatArray | None:
    """Second derivatives (m, m) of δ along laws, differenced from m²/2 values; None where it is not smooth there."""
    q, m = ball.reference, law.size
    ways, stride = np.eye(m) - law, STRIDE * np.maximum(law, LEAST / m)
    moves = stride[:, None] * ways

    def changes(start: FloatArray, moves: FloatArray) -> FloatArray:
        return np.array([ball.divergence.value(q, start + move) for move in moves]) - here

    here = ball.divergence.value(q, law)
    once, twice, fourth = (changes(law, share * moves) for share in (1.0, 2.0, 4.0))
    short, long = twice - 2.0 * once, (fourth - 2.0 * twice) / 4.0
    if not np.isfinite(long).all() or not np.abs(short - long).sum() <= SAME * np.abs(short).sum():
        return None
    H = np.diag(short)
    for i in range(1, m):
        H[i, :i] = H[:i, i] = changes(law + moves[i], moves[:i]) - once[i] - once[:i]
    if not np.isfinite(H).all():
        return None
    sizes, axes = np.linalg.eigh(H / (stride * stride[:, None]))
    return np.asarray((axes * np.maximum(sizes, 0.0)) @ axes.T)


def said(cuts: int) -> str:
    """The sentence of a search that made as many half-spaces as it may."""
    return f"{cuts} half-space{'s were' if cuts > 1 else ' was'} made"


def said_of_none(cuts: int) -> str:
    """The sentence of a search that finds no further half-space."""
    return f"no half-space leaves the law out that {cuts} have led to"
