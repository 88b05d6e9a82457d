"""The upper end that needs no cells and holds however small D is: Gaussian noise.

With σ² = Var X and t = D/σ² <= 1 let Y = E X + (1-t) (X - E X) + N, N independent and Gaussian of variance t (1-t) σ².
Then E (X-Y)² = D and Var Y = (1-t) σ², and no law of that variance has more entropy than the Gaussian one, so that

    R(D, inf) <= I(X;Y) <= ½ log(Var Y/Var N) = ½ log(σ²/D).

Beside a ball let Y be drawn from the law of X given such a Y for D/2: it has the law of X, and E (X-Y)² is twice the
error of the conditional mean, at most D, so that R(D, 0) <= ½ log(2σ²/D). A mean square of D² keeps E|X-Y| below D.
"""

from __future__ import annotations

from math import exp, log

import numpy as np

from rdptheory.continuous.finite import power
from rdptheory.continuous.posed import Posed
from rdptheory.plans import JointGaussian
from rdptheory.solution import Candidate, Slopes
from rdptheory.sources import ContinuousSource

__all__ = ["CAREFUL", "mean_of", "noise_end"]

CAREFUL = 1.0 + 1e-8  # of the variance: standard deviations of laws known by their cdf alone are right to 1e-9


def mean_of(source: ContinuousSource) -> float:
    """E X."""
    low = source.support[0]
    c = low if np.isfinite(low) else source.quantile(0.5)
    left, right = source.left_tail(c), source.right_tail(c)
    return c + right.mass * right.excess - left.mass * left.excess


def noise_end(posed: Posed) -> tuple[float, Candidate | None, Slopes]:
    """The rate of Gaussian noise, inf where Var X is; its channel, if no law has to be drawn from; and slopes."""
    variance = posed.source.standard_deviation**2 * CAREFUL
    squared = power(posed.distortion) == 2
    asked = posed.problem.D  # which another unit may not hold
    if not 0.0 < asked < np.inf or not variance < np.inf:
        return np.inf, None, Slopes(np.nan, np.nan)
    log_share = (log(asked) if squared else 2.0 * log(asked)) - 2.0 * log(posed.scale) - log(variance)
    log_share -= 0.0 if posed.perception is None else log(2.0)
    if not log_share < 0.0:
        return np.inf, None, Slopes(np.nan, np.nan)
    rate = float(np.nextafter(-0.5 * log_share * (1.0 + 1e-15), np.inf))
    slopes = posed.slopes(-(0.5 if squared else 1.0) / posed.D, 0.0)
    if posed.perception is not None:
        return rate, None, slopes
    mean = posed.shift + posed.scale * mean_of(posed.source)
    whole = variance * posed.scale * posed.scale
    kept = (1.0 - exp(log_share)) * whole
    if not np.isfinite(whole) or kept == 0.0:
        return rate, None, slopes  # float64 has no such numbers
    covariance = np.array([[whole, kept], [kept, kept]])
    return rate, Candidate(joint=JointGaussian(np.array([mean, mean]), covariance)), slopes
