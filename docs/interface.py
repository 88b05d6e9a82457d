"""The page of names: all of `rdptheory.__all__`, grouped by the room that they come from."""

from __future__ import annotations

import inspect
from pathlib import Path

import rdptheory

GROUPS = (
    ("Sources", ("sources",)),
    ("Distortions and divergences", ("distortions", "divergences", "geometry")),
    ("Questions about one source", ("solve", "slope", "inverse", "critical", "problems", "several", "methods")),
    ("Answers", ("solution", "_types", "errors")),
    ("Methods", ("closed_forms", "solvers", "continuous")),
    ("Entropy-constrained transport", ("transport", "transport_solution", "plans")),
    ("Classes, and side information at the decoder", ("relevance", "relevance_problem", "relevance_solution")),
    ("One representation, many decoders", ("representations",)),
    ("Curves and surfaces", ("sweeps",)),
    ("Measured codecs and pictures", ("placement", "plotting")),
)


def write_interface(path: Path) -> None:
    """Write the page; a name of no group would be an error, so none is lost."""
    groups: dict[str, list[str]] = {title: [] for title, _ in GROUPS}
    others: list[str] = []
    for name in rdptheory.__all__:
        found = getattr(rdptheory, name)
        if inspect.ismodule(found):
            continue
        room = getattr(found, "__module__", "").removeprefix("rdptheory.").split(".")[0]
        title = next((title for title, rooms in GROUPS if room in rooms), None)
        (groups[title] if title else others).append(name)
    groups["More"] = others
    lines = [
        "# Interface",
        "",
        "Every name here is imported from `rdptheory`; `help(rdptheory)` starts with this map.",
        "",
    ]
    for title, names in groups.items():
        if not names:
            continue
        lines += [f"## {title}", ""]
        for name in names:
            kind = "autoclass" if inspect.isclass(getattr(rdptheory, name)) else "autofunction"
            members = ":members:\n" if kind == "autoclass" else ""
            lines += ["```{eval-rst}", f".. {kind}:: rdptheory.{name}", *([f"   {members.strip()}"] if members else [])]
            lines += ["```", ""]
    path.write_text("\n".join(lines), encoding="utf-8")
