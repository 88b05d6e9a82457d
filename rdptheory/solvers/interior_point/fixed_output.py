"""P = 0, or any prescribed output law: Newton on the n + 1 unknowns f and s.

With r fixed the best v is lse(f, s) itself and the dual

    g(f, s) = <p, f> - <r, lse(f, s)> - s D,    lse_j = log Σ_i p_i exp(f_i - s d_ij),

is concave and smooth: entropic optimal transport at a target cost. One step costs n²m + n³/3 flops.
"""

from __future__ import annotations

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.methods import DualPoint, Outcome
from rdptheory.problems import DiscreteProblem
from rdptheory.solvers.interior_point.start import slope_for
from rdptheory.solvers.outcome import Proof, judged

__all__ = ["solve_fixed_output"]

FAR = 1e-3
TINY = 1e-200
REACH = 20.0


def solve_fixed_output(problem: DiscreteProblem, gap: float, max_steps: int) -> Proof:
    """Solve a problem whose single ball has P = 0 (or which fixes its output law by P = 0) to a proved gap."""
    reduced = problem.reduced
    p, r_full = reduced.probabilities, reduced.perceptions[0].reference
    held = r_full > 0.0
    r = r_full[held]
    limit = reduced.distortions[0]
    table = np.ascontiguousarray(limit.table[:, held])
    shut = limit.limit <= 0.0
    scaled = np.where(table > 0.0, np.inf, 0.0) if shut else table / limit.limit
    f, s = np.zeros(p.size), 0.0 if shut else float(slope_for((scaled,), p, r)[0])
    best: Proof | None = None
    value, B = _evaluate(p, r, scaled, f, s)
    sentence, steps, idle = "the limit of steps was reached", 0, 0

    def judge(steps: int) -> Proof:
        channel = np.zeros((p.size, held.size))
        channel[:, held] = B * r
        mu = np.array([np.inf]) if reduced.perceptions[0].is_zero_radius else None  # of a wider ball this is a guess
        dual = DualPoint(f, np.array([0.0 if shut else s / limit.limit]), mu=mu, centred=True)
        return judged(problem, Outcome(channel, dual, steps))

    for steps in range(max_steps + 1):
        Br = B @ r
        mean = 0.0 if shut else float(np.einsum("ij,ij,j->", B, scaled, r))
        error = float(np.abs(p - Br).sum())
        if error * 10.0 <= 1e-6 and (shut or abs(mean - 1.0) < 1e-6 or s < 1e-12):
            outcome = judge(steps)
            idle = 0 if best is None or outcome.bounds.gap < 0.5 * best.bounds.gap else idle + 1
            best = outcome.better(best)
            if best.bounds.gap <= gap or idle >= 4:
                sentence = "" if best.bounds.gap <= gap else "rounding allows no narrower bracket"
                break
        df, ds = _newton(p, r, scaled, B, Br, mean, shut, s)
        length, moved = min(1.0, REACH / max(float(np.abs(df).max()), 1e-300)), False
        for _ in range(30):
            trial = _evaluate(p, r, scaled, f + length * df, s + length * ds)
            law = trial[1] @ r
            smaller = float(np.abs(p - law).sum()) <= 0.5 * error
            if (
                float(law.min()) > TINY
                and np.isfinite(trial[0])
                and (trial[0] >= value - 1e-15 * (1.0 + abs(value)) or smaller)
            ):
                f, s, moved = f + length * df, s + length * ds, True
                value, B = trial
                break
            length *= 0.5
        if not moved or error > FAR:  # far away one Sinkhorn step brings the rows back
            f = f + np.log(p / np.maximum(B @ r, 1e-300))
            value, B = _evaluate(p, r, scaled, f, s)
    if best is None:
        best = judge(steps)
        sentence = "" if best.bounds.gap <= gap else sentence
    return best.ended(steps, sentence)


def _evaluate(p: FloatArray, r: FloatArray, table: FloatArray, f: FloatArray, s: float) -> tuple[float, FloatArray]:
    """The dual value (without the constant -s D of a forbidden table) and B."""
    B = (f[:, None] - table) if s == 0.0 else (f[:, None] - s * table)
    top = B.max(axis=0)
    B -= top
    np.exp(B, out=B)
    B *= p[:, None]
    total = B.sum(axis=0)
    B /= total
    return float(p @ f) - float(r @ (top + np.log(total))) - s, B


def _newton(
    p: FloatArray, r: FloatArray, table: FloatArray, B: FloatArray, Br: FloatArray, mean: float, shut: bool, s: float
) -> tuple[FloatArray, float]:
    scale = 1.0 / np.sqrt(Br)
    half = B * (np.sqrt(r) * scale[:, None])
    L = -(half @ half.T)
    np.fill_diagonal(L, 0.0)
    root = np.sqrt(Br)
    np.fill_diagonal(L, -(L @ root) / root)  # rows of the unscaled matrix sum to 0
    unit = root / np.linalg.norm(root)
    L += np.outer(unit, unit)  # the gauge f + constant
    for lift in (0.0, 1e-14, 1e-12, 1e-10, 1e-8):
        factor, info = scipy.linalg.lapack.dpotrf((L + lift * np.eye(L.shape[0]) if lift else L).T, lower=1)
        if info == 0:
            break

    def solve(right: FloatArray) -> FloatArray:
        return np.asarray(scale * scipy.linalg.lapack.dpotrs(factor, scale * right, lower=1)[0])

    rows = p - Br  # not its logarithmic form: that is off balance between groups of symbols that barely exchange mass
    along = solve(rows)
    if shut:
        return along, 0.0
    Bd = B * table
    means = Bd.sum(axis=0)
    tilt = Bd @ r - B @ (r * means)
    across = solve(tilt)
    spread = float(r @ (np.einsum("ij,ij->j", Bd, table) - means * means))
    bend = spread - float(tilt @ across)
    excess = mean * np.log(mean) if mean > 0.0 else -1.0
    ds = (float(tilt @ along) + excess) / bend if bend > 0.0 else 0.0
    ds = float(np.clip(ds, -0.7 * s, 2.0 * s))
    return along + ds * across, ds
