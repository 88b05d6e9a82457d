"""The papers' experiments as data, and those of other packages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from neural.studies import crossing, gaussian, posterior, tradeoff
from neural.study import Study
from rdptheory.errors import InvalidInput

__all__ = ["CHECKED", "GROUP", "studies"]

GROUP = "neural.studies"
"""The entry point group: each entry is a sequence of `Study`."""

CHECKED = ("oracle", "twofold", "interpolate", "ecdq", "jump", "cr", "decompose")
"""The laws of `check --preset smoke`; the other presets check every study."""


@cache
def studies() -> dict[str, Study]:
    """Every study by its id."""
    own = (*tradeoff.STUDIES, *posterior.STUDIES, *crossing.STUDIES, *gaussian.STUDIES)
    found = {study.id: study for study in own}
    for entry in entry_points(group=GROUP):
        for study in _loaded(entry):
            if found.setdefault(study.id, study) is not study:
                raise InvalidInput(GROUP, entry.value, f"must have ids of its own: there is a study {study.id}")
    return found


def _loaded(entry: EntryPoint) -> Sequence[Study]:
    """The studies of another package, or one sentence that names it."""
    try:
        held = entry.load()
    except Exception as problem:  # whatever the package raises as it is imported
        raise InvalidInput(GROUP, entry.value, f"cannot be loaded: {problem}") from None
    if not isinstance(held, list | tuple) or not all(isinstance(study, Study) for study in held):
        raise InvalidInput(GROUP, entry.value, "must be a list of Study")
    return held
