"""The differential entropy of a mixture of Gaussians, between two bounds: a midpoint rule with a bound on its error."""

from __future__ import annotations

import numpy as np

from rdptheory._types import UNIT_ROUNDOFF, FloatArray

__all__ = ["mixture_entropy"]

FAR = 12.0  # standard deviations of a part, beyond which the whole mixture is below e^-72 of a part's top
STEPS = 8000  # of the grid around each part: the rule is then right to about 3e-6
BEYOND = 1e-15  # at least ∫ √p_k beyond `FAR` on both sides, in units of the root of the standard deviation
TINY = float(np.finfo(np.float64).tiny)  # keeps logarithms finite


def mixture_entropy(weights: FloatArray, means: FloatArray, variances: FloatArray) -> tuple[float, float]:
    """Two numbers between which -∫ p log p lies, p = Σ w_k p_k.

    With φ(p) = -p log p, φ'' = -p'' (1 + log p) - p'²/p along x, and p'²/p <= Σ w_k p_k'²/p_k, so that on a cell

        |φ''| <= Σ w_k max p_k ((1 + max z_k²)(1 + max |log p|) + max z_k²)/v_k,    z_k = (x - m_k)/√v_k,

    and the midpoint rule errs by at most a 24th of that times the cube of the width; by at most twice the width times
    max p max |log p|, too, which serves between parts that are far apart. Beyond the outer nodes
    0 <= -p log p <= √p <= Σ √(w_k p_k).

    >>> low, high = mixture_entropy(np.array([1.0]), np.array([0.0]), np.array([1.0]))
    >>> bool(low < 0.5 * np.log(2.0 * np.pi * np.e) < high), bool(high - low < 1e-5)
    (True, True)
    """
    sd = np.sqrt(variances)
    t = np.unique(
        np.concatenate([np.linspace(m - FAR * s, m + FAR * s, STEPS) for m, s in zip(means, sd, strict=True)])
    )
    h, middle = np.diff(t), 0.5 * (t[1:] + t[:-1])
    tops = np.log(weights) - 0.5 * np.log(2.0 * np.pi * variances)
    away = np.abs(middle - means[:, None])
    far = ((away + 0.5 * h) / sd[:, None]) ** 2
    near = np.maximum(away - 0.5 * h, 0.0) / sd[:, None]
    log_p = np.logaddexp.reduce(tops[:, None] - 0.5 * (away / sd[:, None]) ** 2, axis=0)
    most = np.exp(tops[:, None] - 0.5 * near**2)
    least = (tops[:, None] - 0.5 * far).max(axis=0)
    steep = 1.0 + np.maximum(np.abs(least), np.abs(np.log(np.maximum(most.sum(axis=0), TINY))))
    curved = (most * ((1.0 + far) * steep + far) / variances[:, None]).sum(axis=0)
    terms = -np.exp(log_p) * log_p * h
    missed = np.minimum(h**3 / 24.0 * curved, 2.0 * h * most.sum(axis=0) * steep)
    beyond = BEYOND * float(np.sqrt(weights * sd).sum())
    rounding = 64.0 * UNIT_ROUNDOFF * float((1.0 + np.abs(log_p)) @ (np.exp(log_p) * h)) * t.size**0.5
    total, off = float(terms.sum()), 1.001 * float(missed.sum()) + beyond + rounding
    return total - off, total + off
