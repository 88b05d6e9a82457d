"""The judge of squared error with W2² of whole blocks limited: what prices prove, and what a plan reaches [QCYX25].

    D(R,Rc,P) = min  a + (sqrt b - sqrt P)_+²,   a = E|X-X~|²,  b = E|X~-X'|²,  X~ = E[X|Z],
                over X - Z - X',  X' ~ X,  I(X;Z) <= R,  I(X';Z) <= R + Rc.

(sqrt b - sqrt P)_+² >= w b - w P/(1-w) for every w in [0,1), so prices of a + w b prove a lower end whatever w is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.certificates.line import Letters, least_on_line
from rdptheory.certificates.transport.pairs_on_line import PairCurve
from rdptheory.certificates.transport.plans import reached
from rdptheory.certificates.transport.posteriors import NODES
from rdptheory.certificates.transport.rounding import centred, lowered, relative_error
from rdptheory.information import entropy
from rdptheory.plans import PrivatePlan
from rdptheory.transport_problem import DiscreteTransport

__all__ = ["BlockPrices", "block_lower", "block_upper"]


@dataclass(frozen=True, eq=False)
class BlockPrices:
    """Prices of the masses of X and X' (n,), of a nat on either side, and w in [0, 1]: any numbers prove something."""

    source: FloatArray
    target: FloatArray
    alpha: float
    beta: float
    w: float


def block_lower(problem: DiscreteTransport, P: float, prices: BlockPrices, slack: float, most: int) -> float:
    """A proved lower bound on D(R,Rc,P) at the rates of `problem`, from the source to itself, all masses above 0.

    It may be below 0: from R on it falls by α + β a nat, so that it is a tangent. -inf where the prices, or what comes
    of them, are no numbers.
    """
    assert problem.x is not None
    p, kappa, w = problem.p, relative_error(*problem.shape), min(max(prices.w, 0.0), 1.0)
    alpha, beta = max(prices.alpha, 0.0), max(prices.beta, 0.0)
    numbers = np.concatenate((prices.source, prices.target, [alpha, beta, prices.w]))
    if not np.isfinite(numbers).all() or (w == 1.0 and P > 0.0):
        return -np.inf
    x = problem.x - float(p @ problem.x)
    mu, nu, squares = centred(prices.source, p), centred(prices.target, p), x**2
    first = Letters(x, squares * (1.0 - 4.0 * kappa) - mu, p, alpha, kappa)
    second = Letters(x, w * squares * (1.0 - 4.0 * kappa) - nu, p, beta, kappa)
    curve = PairCurve(first, second, w)
    floor = least_on_line(curve, curve.slopes(NODES), slack, most).floor
    fixed = float(lowered(mu * p, kappa).sum() + lowered(nu * p, kappa).sum())
    most_told = min(problem.R + problem.common, entropy(p))  # no letter tells more than X' itself
    spent = alpha * problem.R + beta * most_told + (w * P / (1.0 - w) if P > 0.0 else 0.0)
    value = fixed - (1.0 + 2.0 * kappa) * spent + floor
    return value if np.isfinite(value) else -np.inf


def block_upper(problem: DiscreteTransport, P: float, plan: PrivatePlan | None) -> tuple[float, PrivatePlan | None]:
    """A proved upper bound on D(R,Rc,P), and the plan that reaches it after a repair; that of no code at worst.

    Mass of X' that is put in its place raises b by no more than E|X-X'|², because X~ is a mean of X.
    """
    assert problem.x is not None
    p, kappa = problem.p, relative_error(*problem.shape, 0 if plan is None else plan.parts)
    x = problem.x - float(p @ problem.x)
    variance = float(p @ x**2)
    root = float(np.sqrt(P))
    alone = (1.0 + 16.0 * kappa) * (variance + float(max(np.sqrt(variance) - root, 0.0)) ** 2)
    found = None if plan is None else reached(problem, plan)
    if found is None or not isinstance(found.plan, PrivatePlan) or not isinstance(found.proof, PrivatePlan):
        return alone, None
    encoder, decoder = found.proof.encoder, found.proof.decoder
    z = p @ encoder
    means = np.divide(p * x @ encoder, z, out=np.zeros_like(z), where=z > 0.0)
    out = decoder @ x
    a = variance - float(z @ means**2)
    b = float(z @ (decoder @ x**2 - out**2 + np.square(means - out)))
    value = a + float(max(np.sqrt(max(b, 0.0)) - root, 0.0)) ** 2
    misplaced = found.value - float(np.vdot(found.proof.joint(problem), problem.cost))
    value += max(misplaced, 0.0) + 16.0 * kappa * variance
    return (value, found.plan) if value < alone else (alone, None)
