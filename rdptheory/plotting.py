"""Pictures of R(D,P), for a column of a paper: labelled, in colours everybody can tell apart."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from rdptheory.critical import CriticalPoints
from rdptheory.errors import InvalidInput, MissingPackage
from rdptheory.files import write_whole
from rdptheory.sweeps import Row
from rdptheory.units import Unit

__all__ = ["COLOURS", "draw_curves", "draw_surface", "figure", "mark_critical", "save", "style"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""The palette of Okabe and Ito."""
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
STYLE = {
    "font.size": 9.0,
    "axes.labelsize": 9.0,
    "axes.titlesize": 9.0,
    "legend.fontsize": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.9",
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
}


@contextmanager
def style() -> Iterator[None]:
    """The look of all our figures, for the time of a `with` block.

    Raises
    ------
    MissingPackage
        matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError:
        raise MissingPackage("matplotlib", "plot") from None
    with mpl.rc_context(STYLE):
        yield


def figure(columns: int = 1, rows: int = 1, *, width: float = 3.5, height: float = 2.8) -> tuple[Any, Any]:
    """A figure and its panels, row by row, each `width` x `height` inches; no window, no global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(columns * width, rows * height), layout="constrained")
    FigureCanvasAgg(drawn)
    return drawn, drawn.subplots(rows, columns, squeeze=False).ravel()


def draw_curves(
    axes: Any, rows: Sequence[Row], *, unit: Unit, label_P: str = "P", label_D: str = "distortion D"
) -> float:
    """Draw rate against D, one line for each P with its bracket shaded, and return the widest bracket in `unit`.

    Points of infinite rate are left out.
    """
    widest = 0.0
    for number, (P, group) in enumerate(groupby(rows, key=lambda row: row.P)):
        kept = [row for row in group if np.isfinite(row.rate_nat)]
        D = np.array([row.D for row in kept])
        rate, lower, upper = (
            unit.from_nats(np.array([getattr(row, name) for row in kept], dtype=np.float64))
            for name in ("rate_nat", "lower_nat", "upper_nat")
        )
        name = f"{label_P} = ∞" if np.isinf(P) else f"{label_P} = {P:g}"
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(D, rate, color=colour, linestyle=DASHES[number % len(DASHES)], label=name)
        axes.fill_between(D, lower, upper, color=colour, alpha=0.25, linewidth=0)
        widest = max(widest, float((upper - lower).max(initial=0.0)))
    axes.set_xlabel(label_D)
    axes.set_ylabel(f"rate R(D, P) ({unit.value} per symbol)")
    axes.set_ylim(bottom=0.0)
    axes.set_xlim(left=0.0)
    axes.legend()
    return widest


def mark_critical(axes: Any, points: Sequence[CriticalPoints], *, unit: Unit) -> None:
    """Mark on curves where the perception limit starts to cost (circles) and where the rate ends (triangles)."""
    active = [(one.active.value, unit.from_nats(one.active_rate)) for one in points if one.active is not None]
    ends = [(one.zero_rate.value, 0.0) for one in points if np.isfinite(one.zero_rate.value)]
    marks: tuple[tuple[list[tuple[float, Any]], str, str], ...] = (
        (active, "o", "perception limit starts to cost"),
        (ends, "^", "rate 0"),
    )
    for places, marker, label in marks:
        if places:
            x, y = zip(*places, strict=True)
            axes.plot(x, y, marker, color="black", markerfacecolor="white", markersize=4, label=label, clip_on=False)
    axes.legend()


def draw_surface(
    drawn: Any, axes: Any, grid: Any, *, unit: Unit, label_P: str = "perception P", label_D: str = "distortion D"
) -> None:
    """Draw what `sweeps.surface` returned: the rate over D and P in colour, with contours at powers of 2.

    Points of infinite rate and a P of inf are left out.
    """
    shown = grid.isel(P=np.isfinite(grid.P.values)).sortby(["D", "P"])
    if min(shown.sizes.values()) < 2:
        raise InvalidInput("P", grid.P.values, "a surface needs at least two finite P and two D")
    rate = np.ma.masked_invalid(unit.from_nats(shown.rate.transpose("P", "D").values))
    from matplotlib.colors import PowerNorm

    top = max(float(rate.max()), 1e-12)
    scale = PowerNorm(0.5, 0.0, top)  # the rate falls steeply and then creeps to 0
    colours = axes.pcolormesh(shown.D, shown.P, rate, cmap="viridis", norm=scale, shading="gouraud", rasterized=True)
    levels = [level for level in 2.0 ** np.arange(-6.0, 8.0) if float(rate.min()) < level < top]
    if levels:
        lines = axes.contour(shown.D, shown.P, rate, levels=levels, colors="white", linewidths=0.8)
        axes.clabel(lines, fmt="%.3g", fontsize=7)
    axes.grid(False)
    axes.set_xlabel(label_D)
    axes.set_ylabel(label_P)
    drawn.colorbar(colours, ax=axes, label=f"rate R(D, P) ({unit.value} per symbol)")


def save(drawn: Any, path: str | os.PathLike[str]) -> Path:
    """Write a figure in the format of the suffix, whole or not at all."""
    suffix = Path(path).suffix.lower().lstrip(".")
    metadata = {"CreationDate": None} if suffix == "pdf" else None
    return write_whole(path, lambda scratch: drawn.savefig(scratch, format=suffix, metadata=metadata))
