"""Draw hostile questions, ask them in every way, recompute both ends, and count what gives way.

python -m tests.attack.run --count 5000 [--seed 0] [--kinds rate,universal] [--show 20] [--seconds 600]
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import mpmath as mp
import numpy as np

from rdptheory import InvalidInput
from tests.attack import exact
from tests.attack.kinds import KINDS, Answer, Case

__all__ = ["Tally", "attack"]


class Late(Exception):
    """An answer that took longer than its case allows."""


@dataclass
class Tally:
    """Counts of one attack, and the seeds of what gave way."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str, str, str]] = field(default_factory=list)
    open: list[tuple[int, str, float]] = field(default_factory=list)
    slowest: float = 0.0

    def fault(self, seed: int, method: str, what: str, detail: str) -> None:
        """One more of what must not happen."""
        self.counts[what] += 1
        self.faults.append((seed, method, what, detail))

    def __str__(self) -> str:
        names = ("questions", "answers", "refused", "false lower", "false upper", "crossed", "no channel")
        names += ("exception", "late", "by default", "closed by default")
        rows = [f"{name:18} {self.counts[name]}" for name in names]
        return "\n".join([*rows, f"{'slowest answer':18} {self.slowest:.1f} s"])


def attack(seeds: range, kinds: list[str], most: Callable[[], bool] = lambda: True) -> Tally:
    """Ask the questions of these seeds as long as `most` allows."""
    tally = Tally()
    weights = np.array([KINDS[kind][1] for kind in kinds], dtype=float)
    for seed in seeds:
        if not most():
            break
        rng = np.random.default_rng([seed, 20_26])
        kind = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", module="cvxpy")
            try:
                case = KINDS[kind][0](rng)
            except InvalidInput:
                tally.counts["refused"] += 1
                continue
            _one(tally, seed, case)
    return tally


def _one(tally: Tally, seed: int, case: Case) -> None:
    tally.counts["questions"] += 1
    answers: list[Answer] = []
    for name, ask in case.asks():
        begin = time.process_time()
        try:
            answer = _within(case.seconds, ask)
        except InvalidInput as refused:
            tally.counts["refused"] += 1
            del refused
            continue
        except Late:
            tally.fault(seed, name, "late", "")
            continue
        except Exception as raised:
            tally.fault(seed, name, "exception", "".join(traceback.format_exception(raised)[-3:]))
            continue
        tally.slowest = max(tally.slowest, time.process_time() - begin)
        tally.counts["answers"] += 1
        answers.append(answer)
        for what in case.faults(answer):
            tally.fault(seed, name, what, f"[{answer.lower!r}, {answer.upper!r}]")
        if name == "default":
            tally.counts["by default"] += 1
            tally.counts["closed by default"] += answer.closed
            if not answer.closed:
                tally.open.append((seed, name, answer.upper - answer.lower))
    if not answers:
        return
    proofs = [(case.proved(answer), answer) for answer in answers]
    highest = max(proofs, key=lambda pair: pair[0])
    for answer in answers:  # every upper end lies above whatever any dual point proves
        if highest[0] > mp.mpf(answer.upper) + exact.NOTHING:
            detail = f"{answer.upper!r} < {mp.nstr(highest[0], 20)} by {highest[1].method}"
            tally.fault(seed, answer.method, "false upper", detail)


def _within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    def late(*_: Any) -> None:
        raise Late

    before = signal.signal(signal.SIGPROF, late)  # of processor time: what others do on the machine does not count
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return ask()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


def main() -> int:
    """The counts on stdout, what gave way after them; 1 if anything did."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--show", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop asking after so many")
    asked = parser.parse_args()
    end = time.monotonic() + asked.seconds
    tally = attack(range(asked.seed, asked.seed + asked.count), asked.kinds.split(","), lambda: time.monotonic() < end)
    rows = [str(tally)]
    rows += [f"seed {seed} {method}: {what} {detail}" for seed, method, what, detail in tally.faults[: asked.show]]
    rows += [f"seed {seed} {method}: open by {gap:.3g}" for seed, method, gap in tally.open[: asked.show]]
    sys.stdout.write("\n".join(rows) + "\n")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
