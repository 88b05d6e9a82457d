"""Side information at both ends, and a Gaussian under f-divergences: our brackets beside Clarabel's values.

OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/side_information.py
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from time import process_time
from typing import Any

import cvxpy as cp
import numpy as np

from rdptheory import Gaussian, KullbackLeibler, Pmf, SquaredError, Table, TotalVariation, perception_at, rdp
from rdptheory.closed_forms import gaussian
from rdptheory.divergences import F_DIVERGENCES, Divergence

SIZES = ((4, 2), (16, 2), (16, 4), (64, 2), (64, 4), (128, 4))
BESIDE = 64  # pairs up to which the conic program is run: it takes minutes beyond
P = 0.02


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Least processor time of three runs, and the answer."""
    times, answer = [], None
    for _ in range(3):
        start = process_time()
        answer = work()
        times.append(process_time() - start)
    return min(times), answer


def clarabel(joint: np.ndarray, d: np.ndarray, D: float, realism: str, perception: Divergence) -> float:
    """min I(X;Y|Z) over plans p(x,y|z) p(z), one exponential cone for each entry."""
    k, m = joint.shape[1], d.shape[1]
    plans = [cp.Variable(d.shape, nonneg=True) for _ in range(k)]
    laws = [cp.sum(plan, axis=0) for plan in plans]
    given = joint / joint.sum(axis=0)
    rate = sum(
        cp.sum(cp.rel_entr(plan, given[:, [z]] @ cp.reshape(law, (1, m), order="C")))
        for z, (plan, law) in enumerate(zip(plans, laws, strict=True))
    )
    made, wanted = (cp.hstack(laws), joint.T.ravel()) if realism == "joint" else (sum(laws), joint.sum(axis=1))
    ball = 0.5 * cp.norm1(made - wanted) if perception == TotalVariation() else cp.sum(cp.rel_entr(made, wanted))
    limits = [cp.sum(plan, axis=1) == joint[:, z] for z, plan in enumerate(plans)]
    limits += [sum(cp.sum(cp.multiply(plan, d)) for plan in plans) <= D, ball <= P]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(cp.Problem(cp.Minimize(rate), limits).solve(solver="CLARABEL"))


def main() -> None:
    """Print both tables."""
    print("| n, k | realism | δ | lower | gap | steps | cpu s | Clarabel: off by | cpu s | times |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for n, k in SIZES:
        joint = np.random.default_rng(n + k).dirichlet(np.ones(n * k)).reshape(n, k)
        x = np.linspace(0.0, 1.0, n)
        d = (x[:, None] - x) ** 2
        D = 0.25 * float((joint.sum(axis=1) @ d).min())
        source = Pmf.from_weights(joint.sum(axis=1))
        for realism in ("output", "joint"):
            for name, perception in (("TV", TotalVariation()), ("KL", KullbackLeibler())):
                asked = partial(rdp, source, Table(d), perception, D=D, P=P, side_information=joint, realism=realism)
                seconds, found = timed(asked)
                cells = [f"{n}, {k}", realism, name, f"{found.bounds.lower:.9f}", f"{found.gap:.0e}", f"{found.steps}"]
                cells.append(f"{seconds:.3f}")
                if n * k <= BESIDE:
                    start = process_time()
                    value = clarabel(joint, d, D, realism, perception)
                    other = process_time() - start
                    cells += [f"{abs(value - found.bounds.lower):.0e}", f"{other:.2f}", f"{other / seconds:.0f}"]
                else:
                    cells += ["", "", ""]
                print("|", " | ".join(cells), "|", flush=True)
    print("\n| n, k | realism | δ | P found | width | rates | cpu s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    joint = np.random.default_rng(66).dirichlet(np.ones(128)).reshape(64, 2)
    x = np.linspace(0.0, 1.0, 64)
    source, d = Pmf.from_weights(joint.sum(axis=1)), Table((x[:, None] - x) ** 2)
    D = 0.25 * float((joint.sum(axis=1) @ d.matrix).min())
    for realism in ("output", "joint"):
        for name, perception in (("TV", TotalVariation()), ("KL", KullbackLeibler())):
            given = {"side_information": joint, "realism": realism}
            R = rdp(source, d, perception, D=D, P=P, **given).rate
            seconds, at = timed(partial(perception_at, source, d, perception, R=R, D=D, **given))
            print(f"| 64, 2 | {realism} | {name} | {at.value:.9f} | {at.bounds.gap:.0e} | {at.steps} | {seconds:.2f} |")
    print("\n| δ | `bounds`: lower | upper | cpu s | `Cells`: lower | upper | cpu s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for perception in F_DIVERGENCES:
        seconds, outer = timed(partial(gaussian.bounds, 1.0, 0.3, 0.01, perception))
        other, found = timed(partial(rdp, Gaussian(0.0, 1.0), SquaredError(), perception, D=0.3, P=0.01))
        both = [f"{end:.7f}" for end in (outer.lower, outer.upper, found.bounds.lower, found.bounds.upper)]
        print(f"| {perception.name} | {both[0]} | {both[1]} | {seconds:.3f} | {both[2]} | {both[3]} | {other:.2f} |")


if __name__ == "__main__":
    main()
