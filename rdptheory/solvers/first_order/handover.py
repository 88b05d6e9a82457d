"""The end of a solve without a ball: an interior point on the few symbols that the optimal output law uses.

On candidates S the optimal output law at slope s is

    q = argmin  Σ_j q_j - Σ_i p_i log (K q)_i   over q >= 0 of shape (|S|,),      K = exp(-s d),

and c = K'(p / K q) <= 1 on S, with equality where q > 0. Newton steps solve it to rounding; then c on the *whole*
alphabet proves a bracket and names the symbols that S lacks (c > 1), while symbols without mass leave S. In the same
rounds a secant on logarithms brings E d(X,Y) to D.
"""

from __future__ import annotations

import numpy as np
import scipy

from rdptheory._types import FloatArray, IntArray
from rdptheory.certificates.products import TINY, Iterate
from rdptheory.geometry import Geometry, MaskArray
from rdptheory.solvers.first_order.loop import NOTHING, NUDGE, Found, aimed, elasticity, next_slope

__all__ = ["candidates", "hand_over", "lacking", "manageable", "on_support"]

MOST_CANDIDATES = 3000  # a Cholesky factor of that size takes half a second
MOST_COLUMNS = 30_000_000  # entries of K restricted to S
MOST_ADDED = 300  # symbols a round, off a grid
REST = 1e-3  # mass of the first-order law that the first candidates leave out
ROUNDS, STEPS = 30, 60  # of candidates and of Newton on one set: a dozen and twenty are usual
PATIENCE = 5  # rounds in which the gap has to halve
IDLE = 1e-9  # mass below which a symbol leaves S
SPREAD = 1e-3  # share of the uniform law in a start, and the least multiplier there
SHORT = 0.995  # of the way to the boundary
FAINT = 1e-140  # of (K q)_i: its square is still a number
EXACT = 1e-12  # complementarity and residual at which the law is as good as a proof in float64 needs
RIDGE = 1e-14  # on a Newton matrix of norm about 1
SETTLED = 1e-9  # change of log s
SECANT = 0.3, 3.0  # -d log E d / d log s stays between them


def hand_over(found: Found, support: MaskArray, gap: float, most: int = ROUNDS) -> Found:
    """Improve on both ends of a run without a ball; ends where `gap` is proved, or where it stops falling.

    Parameters
    ----------
    found : Found
        A run whose ball is free, and whose kernel is the one to prove with.
    support : array (m,) of bool
        The first candidates S. A symbol missing here is found; one too many costs time.
    gap : float
        In nats.
    most : int
        Rounds, at most `ROUNDS`.
    """
    incumbent, s, law = found.incumbent, found.last.s, found.last.law
    question = incumbent.question
    p, kernel, near = question.p, question.kernel, incumbent.near
    assert near is not None
    point, before, gaps = found.last, None, [incumbent.gap]
    while len(gaps) <= min(ROUNDS, most) and incumbent.gap > gap and manageable(kernel, support):
        gibbs = kernel.at(s)
        log_h = np.full(law.size, NOTHING)
        log_h[support] = np.log(np.maximum(on_support(p, kernel, s, np.flatnonzero(support), law[support]), TINY))
        point = Iterate.of(p, gibbs, s, log_h)
        inner = Iterate.of(p, kernel.at(NUDGE * s), NUDGE * s, log_h)
        if max(point.f.max(), inner.f.max()) < -np.log(FAINT):  # otherwise some row reaches no symbol of S
            incumbent.raise_lower(point.f, point.log_m, s, near)
            incumbent.cut_upper([question.reach(point), question.reach(inner)], ())
        law = point.law
        tried, support = support, (law > IDLE) | lacking(kernel, np.where(support, -np.inf, point.log_m))
        here, miss = np.log([s, max(point.distortion, TINY)]), s * abs(point.distortion - question.D)
        if miss > float(point.log_m.max()):  # otherwise what S lacks weighs more than a wrong slope
            exponent = elasticity(point, inner)
            if before is not None and before[0] != here[0] and (support == tried).all():
                exponent = float(np.clip((before[1] - here[1]) / (here[0] - before[0]), *SECANT))
            s = next_slope(s, point.distortion, aimed(question.D, s, gap), exponent)
        before = here
        gaps.append(incumbent.gap)
        settled = (support == tried).all() and abs(np.log(s) - here[0]) <= SETTLED  # the rest is rounding
        if settled or (len(gaps) > PATIENCE and gaps[-1] > 0.5 * gaps[-1 - PATIENCE]):
            break
    return Found(incumbent, point, found.mu, found.steps + len(gaps) - 1)


def manageable(kernel: Geometry, support: MaskArray) -> bool:
    """Whether Newton steps on S are cheap enough."""
    size = int(support.sum())
    return size <= MOST_CANDIDATES and kernel.gram_size(size) <= MOST_COLUMNS


def candidates(law: FloatArray) -> MaskArray:
    """The fewest symbols that hold all but `REST` of a law."""
    order = np.argsort(law)
    chosen = np.zeros(law.size, dtype=bool)
    chosen[order[np.cumsum(law[order]) > REST]] = True
    return chosen


def lacking(kernel: Geometry, log_c: FloatArray) -> MaskArray:
    """The symbols to add where c > 1: the local maxima and what is beside them, or where nothing is, the largest."""
    above, peaks = log_c > 0.0, kernel.peaks(log_c)
    if peaks is not None:
        return above & peaks
    if above.sum() > MOST_ADDED:
        above &= log_c >= np.partition(log_c, -MOST_ADDED)[-MOST_ADDED]
    return np.asarray(above)


def on_support(p: FloatArray, kernel: Geometry, s: float, chosen: IntArray, start: FloatArray) -> FloatArray:
    """The optimal law q of shape (|S|,) on the symbols `chosen`, by a primal-dual predictor-corrector method.

    With z the multipliers of q >= 0 it follows z = 1 - c and q z = μ to μ = 0. The Newton matrix is scaled by √q, so
    that its eigenvalues stay below 1 + z.
    """
    gibbs, size, whole = kernel.at(s), chosen.size, np.zeros(kernel.shape[1])

    def outputs(q: FloatArray) -> tuple[FloatArray, FloatArray]:
        whole[chosen] = q
        kq = np.maximum(gibbs.forward(whole), FAINT)
        return kq, 1.0 - gibbs.backward(p / kq)[chosen]

    q = (1.0 - SPREAD) * start / float(start.sum()) + SPREAD / size
    kq, slack = outputs(q)
    z = np.maximum(slack, SPREAD)
    for _ in range(STEPS):
        mu = float(q @ z) / size
        if max(float(q @ z), float(np.abs(slack - z).max())) <= EXACT:
            break
        root = np.sqrt(q)
        matrix = kernel.gram(s, p / kq**2, chosen) * np.outer(root, root)
        matrix[np.diag_indices(size)] += z + RIDGE
        factor, info = scipy.linalg.lapack.dpotrf(matrix, lower=1, overwrite_a=1)
        if info != 0:
            break
        target: FloatArray | float = 0.0
        for corrects in (False, True):
            dq = root * scipy.linalg.lapack.dpotrs(factor, root * (target / q - slack), lower=1)[0]
            dz = target / q - z - z * dq / q
            if not corrects:
                ahead = min(1.0, _reach(q, dq), _reach(z, dz))
                left = float((q + ahead * dq) @ (z + ahead * dz)) / size
                target = min(1.0, left / mu) ** 3 * mu - dq * dz
        q = q + min(1.0, SHORT * _reach(q, dq)) * dq
        z = z + min(1.0, SHORT * _reach(z, dz)) * dz
        kq, slack = outputs(q)
    return q


def _reach(x: FloatArray, dx: FloatArray) -> float:
    """The longest step t with x + t dx >= 0."""
    shrinks = dx < 0.0
    return float((-x[shrinks] / dx[shrinks]).min(initial=np.inf))
