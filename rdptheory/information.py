"""Entropies and informations in nats, with 0 log 0 = 0."""

from __future__ import annotations

from math import log, log1p, sqrt

import numpy as np
import scipy

from rdptheory._types import ArrayLike, FloatArray
from rdptheory.doors import guard

__all__ = [
    "binary_entropy",
    "entropy",
    "inverse_binary_entropy",
    "kullback_leibler",
    "law_entropy",
    "mutual_information",
    "relative_entropies",
    "small_information",
]

LOG2 = log(2.0)  # nats in a bit, the most that a coin holds


def entropy(probabilities: ArrayLike) -> float:
    """H(p) = -sum p log p in nats; `probabilities` of shape (n,).

    >>> round(entropy([0.5, 0.5]), 6)
    0.693147
    """
    return float(scipy.special.entr(np.asarray(probabilities, dtype=np.float64)).sum())


def law_entropy(masses: FloatArray) -> FloatArray:
    """H of laws along the last axis, in nats, to full relative accuracy also where one symbol has nearly all the mass.

    The heaviest mass counts as 1 minus the others: masses (..., n) that sum to 1.

    >>> bool(law_entropy(np.array([1.0, 1e-30])) > 6e-29)
    True
    """
    others = np.array(masses, dtype=np.float64).reshape(-1, masses.shape[-1])
    others[np.arange(len(others)), others.argmax(axis=1)] = 0.0
    rest = np.minimum(others.sum(axis=1), 1.0)
    found = scipy.special.entr(others).sum(axis=1) - scipy.special.xlog1py(1.0 - rest, -rest)
    return np.asarray(found.reshape(masses.shape[:-1]))


def kullback_leibler(first: ArrayLike, second: ArrayLike) -> float:
    """KL(first || second) in nats for two laws of shape (n,); inf where `second` lacks mass of `first`."""
    return float(
        scipy.special.rel_entr(np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)).sum()
    )


def mutual_information(probabilities: FloatArray, channel: FloatArray) -> float:
    """I(X;Y) in nats for X ~ `probabilities` (n,) and the channel p(y|x) of shape (n, m) with rows summing to 1.

    >>> round(mutual_information(np.array([0.5, 0.5]), np.eye(2)), 6)
    0.693147
    """
    output = probabilities @ channel
    ratio = channel / np.maximum(output, np.finfo(np.float64).tiny)  # no symbol of positive mass comes near
    return max(0.0, float(probabilities @ scipy.special.xlogy(channel, ratio, out=ratio).sum(axis=1)))


def small_information(probabilities: FloatArray, channel: FloatArray) -> float:
    """I(X;Y) as `mutual_information`, to full relative accuracy also where Y hardly depends on X.

    The mean of `relative_entropies` of the rows to the output law.

    >>> tilt = 1e-9
    >>> W = np.array([[0.5 + tilt, 0.5 - tilt], [0.5 - tilt, 0.5 + tilt]])
    >>> print(f"{small_information(np.array([0.5, 0.5]), W):.6g}")
    2e-18
    """
    output = probabilities @ channel
    held = output > np.finfo(np.float64).tiny
    return max(0.0, float(probabilities @ relative_entropies(channel[:, held], output[held])))


def relative_entropies(laws: FloatArray, reference: FloatArray) -> FloatArray:
    """KL(law ‖ reference) of laws (..., n), references (n,) or (..., n) above 0, accurate also where they nearly agree.

    Σ r_j φ(t_j),    φ(t) = t log t - t + 1 >= 0,    t_j = law_j / r_j
    """
    excess, ratio = (laws - reference) / reference, laws / reference
    near = np.abs(excess) < 0.5
    logs = np.log1p(excess, out=np.zeros_like(excess), where=near)
    np.log(ratio, out=logs, where=~near & (ratio > 0.0))
    told = ratio * logs - excess
    return np.asarray(told @ reference if reference.ndim == 1 else np.einsum("...j,...j->...", told, reference))


def binary_entropy(probability: ArrayLike) -> FloatArray:
    """Hb(x) = -x log x - (1-x) log(1-x) in nats, elementwise, for x in [0, 1]."""
    x = np.asarray(probability, dtype=np.float64)
    return np.asarray(scipy.special.entr(x) - scipy.special.xlog1py(1.0 - x, -x), dtype=np.float64)


def inverse_binary_entropy(rate: float) -> float:
    """The x in [0, 1/2] with Hb(x) = rate (nats, between 0 and log 2).

    >>> round(inverse_binary_entropy(0.5 * float(np.log(2))), 10)
    0.1100278644
    """
    share = rate / LOG2
    if rate <= 0.0 or share >= 1.0:
        return 0.0 if rate <= 0.0 else 0.5
    # Hb is concave, so that Newton's steps from below stay below: from what log2 Hb <= (4x(1-x))^(1/log 4) says, or
    # x >= rate/1000, which holds for every float64
    power = float(share ** log(4.0))
    x = max(0.5 * power / (1.0 + sqrt(1.0 - power)), 1e-3 * rate)
    while 0.0 < x < 0.5:
        lack = rate + x * log(x) + (1.0 - x) * log1p(-x)
        nearer = min(x + lack / (log1p(-x) - log(x)), 0.5)
        if not nearer > x:
            break
        x = nearer
    return x


guard(__name__)
