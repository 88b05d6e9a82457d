"""The papers' experiments as data, and those of other packages."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from neural.studies import crossing, gaussian, posterior, tradeoff
from neural.study import Study

__all__ = ["CHECKED", "GROUP", "studies"]

GROUP = "neural.studies"
"""The entry point group: each entry is a sequence of `Study`."""

CHECKED = ("oracle", "twofold", "interpolate", "ecdq", "jump", "cr", "decompose")
"""The laws of `check --preset smoke`; the other presets check every study."""


@cache
def studies() -> dict[str, Study]:
    """Every study by its id."""
    own = (*tradeoff.STUDIES, *posterior.STUDIES, *crossing.STUDIES, *gaussian.STUDIES)
    others = (study for entry in entry_points(group=GROUP) for study in entry.load())
    return {study.id: study for study in (*own, *others)}
