"""Figures and tables of finished runs: theory as lines, measured values outlined, universal ones filled."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import wrap
from typing import Any

import torch

from neural.experiments import REGISTRY, Figure, Row
from neural.runs import Result, read
from rdptheory.errors import InvalidInput, MissingPackage
from rdptheory.files import write_text, write_whole

__all__ = ["draw", "draw_samples", "write_report"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito: told apart by all eyes
MARKS = ("o", "s", "^", "D", "v", "P")


def draw(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """One figure, 3.5 inches wide, as PNG or PDF by the suffix of `path`."""
    plt = _pyplot()
    canvas, axes = plt.subplots(figsize=(3.5, 2.7 + 0.16 * len(figure.curves)), layout="constrained")
    measured, joined = 0, "none" if any(curve.kind == "theory" for curve in figure.curves) else "--"
    for curve in figure.curves:
        if curve.kind in ("theory", "bound"):
            dashes = "-" if curve.kind == "theory" else ":"
            axes.plot(curve.x, curve.y, color="black", linestyle=dashes, linewidth=1.2, label=curve.label, zorder=1)
            continue
        colour, mark = COLOURS[measured % len(COLOURS)], MARKS[measured % len(MARKS)]
        face = colour if curve.kind == "universal" else "white"
        axes.plot(curve.x, curve.y, color=colour, marker=mark, markersize=5, markerfacecolor=face, linewidth=0.8,
                  linestyle=joined, label=curve.label, zorder=2)  # fmt: skip
        measured += 1
    axes.set_xlabel(figure.x, fontsize=9)
    axes.set_ylabel(figure.y, fontsize=9)
    axes.set_title("\n".join(wrap(figure.title, 44)), fontsize=9)
    axes.tick_params(labelsize=8)
    axes.locator_params(axis="x", nbins=5)
    axes.grid(alpha=0.25, linewidth=0.5)
    canvas.legend(fontsize=7, frameon=False, loc="outside lower center")  # below, where it hides no point
    return _save(canvas, path)


def draw_samples(samples: dict[str, torch.Tensor], path: str | os.PathLike[str]) -> Path:
    """A grid of images, one named row each."""
    plt = _pyplot()
    columns = max(len(images) for images in samples.values())
    canvas, grid = plt.subplots(
        len(samples), columns, figsize=(3.5, 3.5 * len(samples) / (columns + 1.6)), squeeze=False, layout="constrained"
    )
    for row, (name, images) in zip(grid, samples.items(), strict=True):
        for cell in row:
            cell.set_axis_off()
        for cell, image in zip(row, images.clamp(0.0, 1.0), strict=False):
            cell.imshow(
                image.permute(1, 2, 0).squeeze(-1).numpy(), cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest"
            )
        row[0].text(-0.15, 0.5, name, transform=row[0].transAxes, ha="right", va="center", fontsize=8)
    return _save(canvas, path)


def write_report(folder: str | os.PathLike[str], out: str | os.PathLike[str]) -> Path:
    """`report.md` with the table of every run below `folder`, and its figures as PNG files beside it."""
    places = sorted(path.parent for path in Path(folder).rglob("result.json"))
    if not places:
        raise InvalidInput("folder", str(folder), "holds no result.json")
    target = Path(out)
    target.mkdir(parents=True, exist_ok=True)
    lines = ["# Measured beside theory", ""]
    for place in places:
        result, stem = read(place), "-".join(place.relative_to(folder).parts) or place.name
        lines += _section(result)
        pictures = [draw(f, target / f"{stem}-{number}.png") for number, f in enumerate(result.figures)]
        pictures += [draw_samples(result.samples, target / f"{stem}-samples.png")] if result.samples else []
        lines += [line for picture in pictures for line in (f"![{result.id}]({picture.name})", "")]
    return write_text(target / "report.md", "\n".join(lines))


def _section(result: Result) -> list[str]:
    facts, entry = result.facts, REGISTRY[result.id]
    said = f"{facts['preset']}, {facts['data']}, {facts['device']}, seed {facts['seed']}, {facts['wall_seconds']} s"
    head = [f"## {result.id}: {entry.checks} [{entry.paper}]", "", f"{said}.", ""]
    table = ["| what | measured | theory | paper | allowed | verdict |", "|---|---|---|---|---|---|"]
    return [*head, *table, *(_line(row) for row in result.rows), ""]


def _line(row: Row) -> str:
    paper = "" if row.paper is None else f"{row.paper:.4g}"
    allowed = "" if row.tolerance is None else f"-{row.tolerance[0]:.3g}, +{row.tolerance[1]:.3g}"
    verdict = row.verdict if row.expect == "pass" else f"{row.verdict} ({row.expect} expected)"
    what = row.what.replace("|", "\\|")
    return f"| {what} | {row.measured:.4g} | {row.theory:.4g} | {paper} | {allowed} | {verdict} |"


def _save(canvas: Any, path: str | os.PathLike[str]) -> Path:
    saved = write_whole(path, lambda scratch: canvas.savefig(scratch, dpi=200))
    _pyplot().close(canvas)
    return saved


def _pyplot() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise MissingPackage("matplotlib", "plot") from None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt
