"""Figures and tables of finished runs: theory as lines, measured values outlined, universal ones filled."""

from __future__ import annotations

import os
from itertools import cycle
from pathlib import Path
from textwrap import wrap

from torch import Tensor

from neural.experiments import REGISTRY, Figure
from neural.runs import Result, read
from rdptheory import plotting
from rdptheory.errors import InvalidInput
from rdptheory.files import write_text

__all__ = ["draw", "draw_samples", "write_report"]

LINES = {"theory": "-", "bound": ":"}


def draw(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """One figure, 3.5 inches wide, as PNG or PDF by the suffix of `path`."""
    joined = "none" if any(curve.kind == "theory" for curve in figure.curves) else "--"
    looks = zip(cycle(plotting.COLOURS), cycle("os^DvP"), strict=False)
    with plotting.style():
        canvas, (axes,) = plotting.figure(height=2.7 + 0.16 * len(figure.curves))
        for curve in figure.curves:
            if curve.kind in LINES:
                look = {"color": "black", "linestyle": LINES[curve.kind], "linewidth": 1.2, "zorder": 1.9}
            else:
                colour, mark = next(looks)
                face = colour if curve.kind == "universal" else "white"
                look = {"color": colour, "marker": mark, "markerfacecolor": face, "linestyle": joined, "linewidth": 0.8}
            axes.plot(curve.x, curve.y, label=curve.label, **look)
        axes.set(xlabel=figure.x, ylabel=figure.y, title="\n".join(wrap(figure.title, 44)))
        axes.locator_params(axis="x", nbins=5)
        canvas.legend(loc="outside lower center")  # below, where it hides no point
        return plotting.save(canvas, path)


def draw_samples(samples: dict[str, Tensor], path: str | os.PathLike[str]) -> Path:
    """A grid of images, one named row each."""
    columns = max(len(images) for images in samples.values())
    side = 3.5 / (columns + 1.6)
    with plotting.style():
        canvas, cells = plotting.figure(columns, len(samples), width=3.5 / columns, height=side)
        for row, (name, images) in zip(cells.reshape(len(samples), columns), samples.items(), strict=True):
            for cell in row:
                cell.set_axis_off()
            for cell, image in zip(row, images.clamp(0.0, 1.0), strict=False):
                cell.imshow(image.permute(1, 2, 0).squeeze(-1).numpy(), cmap="gray", vmin=0, vmax=1)
            row[0].text(-0.15, 0.5, name, transform=row[0].transAxes, ha="right", va="center")
        return plotting.save(canvas, path)


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
    lines = ["| what | measured | theory | paper | allowed | verdict |", "|---|---|---|---|---|---|"]
    for row in result.rows:
        paper = "" if row.paper is None else f"{row.paper:.4g}"
        allowed = "" if row.tolerance is None else f"-{row.tolerance[0]:.3g}, +{row.tolerance[1]:.3g}"
        verdict = row.verdict if row.expect == "pass" else f"{row.verdict} ({row.expect} expected)"
        what = row.what.replace("|", "\\|")
        lines.append(f"| {what} | {row.measured:.4g} | {row.theory:.4g} | {paper} | {allowed} | {verdict} |")
    return [*head, *lines, ""]
