"""Entropies and informations in nats, with 0 log 0 = 0."""

from __future__ import annotations

import numpy as np
import scipy

from rdptheory._types import ArrayLike, FloatArray
from rdptheory.doors import guard

__all__ = ["binary_entropy", "entropy", "inverse_binary_entropy", "kullback_leibler", "mutual_information"]


def entropy(probabilities: ArrayLike) -> float:
    """H(p) = -sum p log p in nats; `probabilities` of shape (n,).

    >>> round(entropy([0.5, 0.5]), 6)
    0.693147
    """
    return float(scipy.special.entr(np.asarray(probabilities, dtype=np.float64)).sum())


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


def binary_entropy(probability: ArrayLike) -> FloatArray:
    """Hb(x) = -x log x - (1-x) log(1-x) in nats, elementwise, for x in [0, 1]."""
    x = np.asarray(probability, dtype=np.float64)
    return np.asarray(scipy.special.entr(x) - scipy.special.xlog1py(1.0 - x, -x), dtype=np.float64)


def inverse_binary_entropy(rate: float) -> float:
    """The x in [0, 1/2] with Hb(x) = rate (nats, between 0 and log 2).

    >>> round(inverse_binary_entropy(0.5 * float(np.log(2))), 10)
    0.1100278644
    """
    if rate <= 0.0:
        return 0.0
    if rate >= float(np.log(2.0)):
        return 0.5
    low, high = 0.0, 0.5  # Hb increases here; bisection on the exponent scale would gain nothing
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return middle
        low, high = (middle, high) if float(binary_entropy(middle)) < rate else (low, middle)


guard(__name__)
