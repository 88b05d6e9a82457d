"""Figures and tables of finished runs: theory as lines, measured values outlined, universal ones filled."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

from torch import Tensor

from neural.claims import Chart, Curve
from neural.runner import Result, read
from rdptheory import plotting
from rdptheory.errors import InvalidInput
from rdptheory.files import write_text

__all__ = ["draw", "draw_samples", "write_report"]

LINES = {"theory": "-", "bound": ":"}
AXES = {
    "distortion_per_pixel": "MSE per pixel", "distortion_per_image": "squared error per image", "rate": "rate (bits)",
    "sliced_w2": "sliced $W_2^2$ per image", "exact_w2": "$W_2^2$ per image", "normal_w2": "$W_2^2$ to N(0,1)",
    "energy_distance": "energy distance", "critic_w1": "$W_1$ by a fresh critic", "ratio": "MSE / $D_d$",
    "beta": "$\\beta = 1/(1+\\lambda)$",
}  # fmt: skip


def draw(chart: Chart, curves: Sequence[Curve], path: str | os.PathLike[str]) -> Path:
    """One figure, 3.5 inches wide, as PNG or PDF by the suffix of `path`."""
    looks = iter(plotting.looks(len(curves)))
    with plotting.style():
        canvas, (axes,) = plotting.figure(height=2.7 + 0.16 * len(curves))
        for curve in curves:
            if curve.kind in LINES:
                look = {"color": "black", "linestyle": LINES[curve.kind], "linewidth": 1.2, "zorder": 1.9}
            else:
                look = {**next(looks), "linestyle": "none"}
                look["markerfacecolor"] = look["color"] if curve.kind == "filled" else "white"
            axes.plot(curve.x, curve.y, label=curve.label, **look)
        title = "\n".join(wrap(f"{chart.title} ({chart.part})", 44))
        axes.set(xlabel=AXES.get(chart.x, chart.x), ylabel=AXES.get(chart.y, chart.y), title=title)
        axes.locator_params(axis="x", nbins=5)
        if any(curve.label for curve in curves):
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
            row[0].text(-0.15, 0.5, name.replace(", ", "\n"), transform=row[0].transAxes, ha="right", va="center")
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
        asked = [(chart, list(chart.curves(result.table))) for chart in result.study.charts]
        drawn = enumerate((chart, curves) for chart, curves in asked if curves)
        pictures = [draw(*found, target / f"{stem}-{number}.png") for number, found in drawn]
        pictures += [draw_samples(result.samples, target / f"{stem}-samples.png")] if result.samples else []
        lines += [line for picture in pictures for line in (f"![{result.study.id}]({picture.name})", "")]
    return write_text(target / "report.md", "\n".join(lines))


def _section(result: Result) -> list[str]:
    """The claims, then everything that was measured."""
    facts, study = result.facts, result.study
    said = f"{facts['preset']}, {facts['data']}, {facts['device']}, seed {facts['seed']}, {facts['cpu_seconds']} s CPU"
    lines = [f"## {study.id}: {study.checks} [{study.paper}]", "", f"{said}.", ""]
    lines += ["| claim | kind | measured | theory | allowed | verdict |", "|---|---|---|---|---|---|"]
    for row in result.rows:
        allowed = "" if row.tolerance is None else f"-{row.tolerance[0]:.3g}, +{row.tolerance[1]:.3g}"
        verdict = row.verdict if row.expect == "pass" else f"{row.verdict} ({row.expect} expected)"
        claim = row.claim.replace("|", "\\|")
        lines.append(f"| {claim} | {row.kind} | {row.measured:.4g} | {row.theory:.4g} | {allowed} | {verdict} |")
    lines += ["", "| model | part | measure | value | real against real |", "|---|---|---|---|---|"]
    for labels, part, measure, value, floor in result.table.records:
        name = ", ".join(f"{key} {label}" for key, label in labels.items())
        lines.append(f"| {name} | {part} | {measure} | {value:.4g} | {'' if floor is None else f'{floor:.4g}'} |")
    return [*lines, "", *(f"- {departure}" for departure in study.departures), ""]
