"""One letter with common randomness: Theorem 3 and its support lemma."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.distortions import SquaredError
from rdptheory.information import entropy
from rdptheory.plans import CommonPlan
from rdptheory.solvers.transport.common_randomness import Enumeration
from rdptheory.sources import DiscreteSource, Pmf
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.lzck22.pairs import Pair, draw_pair
from rdptheory.theorems.settings import ONE_COMMON, SQUARE
from rdptheory.theorems.statement import Verdict, at_most, states, worst


class Common(NamedTuple):
    """A scheme with shared randomness: weights of U, codes p(z|x,u), decoders p(y|z,u)."""

    source: DiscreteSource
    target_points: FloatArray
    weights: FloatArray
    encoders: FloatArray
    decoders: FloatArray


def draw_common(rng: np.random.Generator, given: Given = NOTHING) -> Common:
    """Two or three values of U, a binary Z, three points y."""
    schemes.needs(given, SquaredError)
    law = schemes.source(rng, 3, given=given)
    u, m = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    encoders = np.array([np.eye(2)[rng.integers(2, size=law.size)] for _ in range(u)])
    decoders = np.array([schemes.channel(rng, 2, m) for _ in range(u)])
    return Common(law, np.cumsum(rng.uniform(0.3, 1.5, m)), schemes.law(rng, u), encoders, decoders)


@states(
    "LZCK22.T3",
    setting=ONE_COMMON,
    draw=draw_common,
    conditions="any distortion",
    where="Theorem 3, (12)",
    unit=SQUARE,
)
def check_common(case: Common) -> Verdict:
    """With common randomness a map of (X,U) with H(Y|U) <= R is as good as any encoder and decoder.

        E d(X,Y) >= min { E d : U ⊥ X, H(Y|U,X) = 0, H(Y|U) <= H(Z|U) }

    Any (U, Z, Y) has E d >= min over Y = f(X,U) with H(Y|U) at most its H(Z|U); the minimum's plan is checked.
    """
    p = case.source.probabilities
    rate = float(case.weights @ [entropy(p @ encoder) for encoder in case.encoders])
    channel = np.einsum("u,uxz,uzy->xy", case.weights, case.encoders, case.decoders)
    q = Pmf.from_weights(p @ channel, case.target_points)
    pair = Pair(case.source, q, rate)
    answer = pair.transport(common=True, method=Enumeration())
    plan = answer.plan
    assert isinstance(plan, CommonPlan)
    masses = [np.bincount(images, weights=p, minlength=q.size) for images in plan.maps]
    used = float(plan.weights @ [entropy(mass) for mass in masses])
    reached = float(np.vdot(p[:, None] * channel, schemes.squared(case.source.points, case.target_points)))
    return worst([at_most(answer.bounds, reached), at_most(used, rate)])


@states(
    "LZCK22.S",
    setting=ONE_COMMON,
    draw=draw_pair,
    conditions="finite alphabets",
    where="Appendix A.3, support lemma",
    unit="count",
)
def check_support(case: Pair) -> Verdict:
    """No more than |Y| + 1 values of U are needed.

        |supp p_U| <= |Y| + 1

    Maps in use at the optimum.
    """
    plan = case.transport(common=True, method=Enumeration()).plan
    assert isinstance(plan, CommonPlan)
    return at_most(float((plan.weights > 1e-12).sum()), case.target.size + 1.0)
