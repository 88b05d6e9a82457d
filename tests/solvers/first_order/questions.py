"""Questions whose distortion is a geometry, solved by products however small they are."""

from __future__ import annotations

import numpy as np
import pytest

from rdptheory._types import FloatArray
from rdptheory.divergences import FDivergence
from rdptheory.geometry import Geometry
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit
from rdptheory.solvers.first_order import FirstOrder
from rdptheory.solvers.first_order.projections import Ball
from rdptheory.solvers.outcome import Proof, answered


@pytest.fixture
def by_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """No alphabet is too small for products."""
    monkeypatch.setattr("rdptheory.problems.LARGE", 0)


def question(p: FloatArray, geometry: Geometry, perception: FDivergence | None, D: float, P: float) -> DiscreteProblem:
    """R(D,P) of a law with itself as the reference."""
    limits = () if perception is None or np.isinf(P) else (PerceptionLimit(perception, p, P),)
    return DiscreteProblem(p, (DistortionLimit(geometry, D),), limits)


def ask(
    p: FloatArray, geometry: Geometry, perception: FDivergence | None, D: float, P: float, method: FirstOrder
) -> Proof:
    """What the method proves."""
    return answered(question(p, geometry, perception, D, P), method)


def ball(divergence: FDivergence, p: FloatArray, P: float) -> Ball:
    """The laws within P of p."""
    return Ball(PerceptionLimit(divergence, p, P), p.size)
