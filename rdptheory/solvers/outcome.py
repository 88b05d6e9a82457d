"""What every solver hands over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rdptheory._types import Bounds, FloatArray
from rdptheory.certificates import DualPoint, lower_bound, upper_bound
from rdptheory.problems import DiscreteProblem

__all__ = ["Outcome", "judged"]


@dataclass(frozen=True, eq=False)
class Outcome:
    """A judged answer to a discrete problem.

    Attributes
    ----------
    bounds : Bounds
        Proved, in nats.
    channel : array (n, m) or None
        Reaches `bounds.upper`; None if no channel was found.
    dual : DualPoint
        Proves `bounds.lower`.
    slope_D, slope_P : arrays
        dR/dD_k and dR/dP_k, in nats per unit.
    steps : int
    sentence : str
        Why the method ended.
    """

    bounds: Bounds
    channel: FloatArray | None
    dual: DualPoint
    slope_D: FloatArray
    slope_P: FloatArray
    steps: int
    sentence: str

    def better(self, other: Outcome | None) -> Outcome:
        """The tighter of both ends: brackets of one problem can be intersected."""
        if other is None:
            return self
        low = self if self.bounds.lower >= other.bounds.lower else other
        high = self if self.bounds.upper <= other.bounds.upper else other
        narrow = self if self.bounds.gap <= other.bounds.gap else other
        return Outcome(
            Bounds(low.bounds.lower, high.bounds.upper),
            high.channel,
            low.dual,
            narrow.slope_D,
            narrow.slope_P,
            max(self.steps, other.steps),
            narrow.sentence,
        )


def judged(
    problem: DiscreteProblem,
    dual: DualPoint,
    mu: FloatArray,
    channel: FloatArray | None,
    steps: int,
    sentence: str,
    plans: tuple[FloatArray | None, ...] = (),
) -> Outcome:
    """Let the judge look at a dual point (with the multipliers mu of the balls) and a channel (with its couplings)."""
    limits = np.array([limit.limit for limit in problem.reduced.distortions])
    lower = lower_bound(problem, dual)
    units = np.array([ball.scale for ball in problem.reduced.perceptions])
    steepness = float(np.where(np.isfinite(mu), mu, 0.0) @ units) if units.size else 0.0
    upper = upper_bound(problem, channel, slope=float(dual.s @ limits), steepness=steepness, plans=plans)
    free = np.array([not np.isfinite(limit.limit) for limit in problem.distortions])
    slope_D = np.zeros(free.size)
    if not free.all():
        slope_D[~free] = np.where(limits > 0.0, -dual.s, -np.inf)
    return Outcome(
        Bounds(min(lower, upper.rate), upper.rate),
        upper.channel,
        dual,
        slope_D,
        -np.asarray(mu, dtype=np.float64),
        steps,
        sentence,
    )
