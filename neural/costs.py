"""What a study costs: steps times the measured time of a step, never a guess by hand."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from neural.models import Fit
from neural.study import Study

__all__ = ["cost"]

IMAGES = 60_000  # that an epoch is counted for, as in MNIST


@cache
def measured() -> dict[str, float]:
    """CPU milliseconds of one step by network and kind of loss, as `benchmarks/neural_cpu.py` wrote them."""
    return json.loads(files(__package__).joinpath("costs.json").read_text())


def cost(study: Study, preset: str) -> str:
    """Models, steps, and the time they take on one core of a CPU, measures not counted."""
    from neural.runner import needed

    fits = [m for m in needed(study.models(study.variant(preset, 1))) if isinstance(m, Fit)]
    steps = [fit.plan.count(IMAGES) for fit in fits]
    kinds = ["critic" if fit.loss.adversary else "plain" for fit in fits]
    table = measured()
    names = [getattr(fit.behind, "network", fit.plan.grey).__name__ for fit in fits]
    spent = sum(table[f"{name} {kind}"] * count for name, kind, count in zip(names, kinds, steps, strict=True))
    said = f"{spent / 1000:.0f} s" if spent < 3e5 else f"{spent / 3.6e6:.1f} h"
    return f"{len(fits)} models, {sum(steps):,} steps, about {said} of CPU time"
