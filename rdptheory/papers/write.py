"""All items as files: pictures, a table of values, and a page that says what became of each."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from rdptheory._types import down, up
from rdptheory.doors import guard
from rdptheory.files import made_folder, write_text
from rdptheory.papers.index import ITEMS, Item, Kind
from rdptheory.papers.redrawn import Redrawn
from rdptheory.plotting import save
from rdptheory.sweeps import write_table

__all__ = ["write_papers"]

HEADER = ("key", "what", "unit", "lower", "upper", "printed")


def write_papers(
    out: str | os.PathLike[str], *, told: Callable[[str], object] | None = None
) -> tuple[list[Path], dict[str, Redrawn]]:
    """Redraw the theory of the five papers into the folder `out`, made if need be.

    Writes a picture for each item of theory, `papers.csv` with all values as brackets beside the printed ones, and
    `papers.md` with every figure and table: redrawn, stood for by a study of `neural`, or left out and why.

    Parameters
    ----------
    out : path of a folder
    told : function, optional
        Called with the key of each item as it is drawn.

    Returns
    -------
    paths, redrawn
        What was written, and what each theory item gave, by key.
    """
    folder = made_folder("out", out)
    redrawn, written = {}, []
    for key, item in ITEMS.items():
        if item.draw is None:
            continue
        if told is not None:
            told(key)
        redrawn[key] = item.draw()
        written.append(save(redrawn[key].picture, folder / f"{key}.png"))
    rows = [
        (key, value.what, value.unit, value.bounds.lower, value.bounds.upper, value.printed)
        for key, found in redrawn.items()
        for value in found.values
    ]
    written.append(write_table(folder / "papers.csv", HEADER, [["" if x is None else x for x in row] for row in rows]))
    written.append(write_text(folder / "papers.md", _page(redrawn)))
    return written, redrawn


def _page(redrawn: dict[str, Redrawn]) -> str:
    lines = ["# The five papers, figure by figure", "", "| item | what | became |", "|---|---|---|"]
    lines += [f"| {key} | {item.title} | {_became(item)} |" for key, item in ITEMS.items()]
    for key, found in redrawn.items():
        lines += ["", f"## {key}: {ITEMS[key].title}", "", found.says, "", f"![{key}]({key}.png)", ""]
        lines += ["| value | unit | at least | at most | printed |", "|---|---|---|---|---|"]
        lines += [
            f"| {value.what} | {value.unit} | {down(value.bounds.lower, 12)} | {up(value.bounds.upper, 12)} | "
            f"{'' if value.printed is None else f'{value.printed:.4g}'} |"
            for value in found.values
        ]
    return "\n".join(lines) + "\n"


def _became(item: Item) -> str:
    if item.kind is Kind.THEORY:
        return f"redrawn: [picture]({item.key}.png)"
    if item.kind is Kind.EXPERIMENT:
        return f"`python -m neural run {item.study}`"
    return f"left out: {item.why}"


guard(__name__)
