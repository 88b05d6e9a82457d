"""What a picture has to keep: axes named, lines told apart in grey, letters legible, nothing cut."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.text import Text

SMALLEST_LETTER = 6.0  # points: what a journal prints
SHADES_APART = 0.04  # relative luminance between two neighbours of a scale of nine
HALF_PIXEL = 0.5
EDGE = 3.0  # pixels of a legend that are its empty rim
MEASURED = ("distortion D", "rate", "rate R", "perception P", "slope s")
"""Names of axes that say nothing without a measure or a unit in round brackets."""
BETWEEN = 200  # places looked at on each piece of a line


def faults(drawn: Any) -> list[str]:
    """What is wrong with a figure, in words; empty if nothing is."""
    drawn.canvas.draw()
    found = []
    frame = drawn.bbox
    unseen = _ticks_out_of_view(drawn)
    for text in drawn.findobj(Text):
        if not text.get_visible() or not text.get_text().strip() or text in unseen:
            continue
        box = text.get_window_extent()
        inside = (
            box.x0 >= frame.x0 - HALF_PIXEL
            and box.y0 >= frame.y0 - HALF_PIXEL
            and box.x1 <= frame.x1 + HALF_PIXEL
            and box.y1 <= frame.y1 + HALF_PIXEL
        )
        if box.width > 0 and not inside:
            found.append(f"cut: {text.get_text()!r}")
        if text.get_fontsize() < SMALLEST_LETTER:
            found.append(f"too small: {text.get_text()!r}")
    shared = [bool(label and label.get_text()) for label in (drawn._supxlabel, drawn._supylabel)]
    for axes in drawn.axes:
        if not axes.axison or not axes.has_data():
            continue
        siblings = axes.get_shared_x_axes().get_siblings(axes)
        if not (shared[0] or any(one.get_xlabel() for one in siblings) or _stacked(axes)) and not _is_bar(axes):
            found.append("an axis of D without a name")
        if not (shared[1] or axes.get_ylabel() or (axes.get_xlabel() and _is_bar(axes))) and not _beside(axes):
            found.append("an upright axis without a name")
        for name in (axes.get_xlabel(), axes.get_ylabel()):
            if "[" in name or (name.split(",")[0].split("(")[0].strip() in MEASURED and "(" not in name):
                found.append(f"no unit in brackets: {name!r}")
        found += [f"legend over {line.get_label()!r}" for line in axes.get_lines() if _covered(axes, line)]
        lines = [line for line in axes.get_lines() if not line.get_label().startswith("_")]
        for one, other in combinations(lines, 2):
            same = _dash(one) == _dash(other) and one.get_marker() == other.get_marker()
            if same and abs(_grey(one) - _grey(other)) < SHADES_APART:
                found.append(f"alike in grey: {one.get_label()!r} and {other.get_label()!r}")
    return found


def _ticks_out_of_view(drawn: Any) -> set[Any]:
    """Letters of ticks that matplotlib holds and does not draw."""
    held, seen = set(), set()
    for axes in drawn.axes:
        for axis in (axes.xaxis, axes.yaxis):
            for tick in (*axis.majorTicks, *axis.minorTicks):
                held |= {tick.label1, tick.label2}
            for tick in axis._update_ticks() if axes.axison else ():
                seen |= {tick.label1, tick.label2}
    return held - seen


def _covered(axes: Any, line: Any) -> bool:
    """Whether the legend of a panel hides a part of a line or a point of it."""
    legend = axes.get_legend()
    points = line.get_transform().transform(np.column_stack([line.get_xdata(), line.get_ydata()]).astype(float))
    if legend is None or len(points) == 0:
        return False
    if line.get_linestyle() != "None" and len(points) > 1:
        shares = np.linspace(0.0, 1.0, BETWEEN)[:, None, None]
        points = ((1.0 - shares) * points[:-1] + shares * points[1:]).reshape(-1, 2)
    box = legend.get_window_extent()
    x, y = points.T
    return bool(((box.x0 + EDGE < x) & (x < box.x1 - EDGE) & (box.y0 + EDGE < y) & (y < box.y1 - EDGE)).any())


def _is_bar(axes: Any) -> bool:
    return axes.get_label() == "<colorbar>"


def _stacked(axes: Any) -> bool:
    """Whether a panel below, of the same width, names the axis."""
    box = axes.get_position()
    return any(
        other is not axes and other.get_xlabel() and other.get_position().y1 <= box.y0 for other in axes.figure.axes
    )


def _beside(axes: Any) -> bool:
    """Whether a panel to the left names the axis."""
    box = axes.get_position()
    return any(
        other is not axes and other.get_ylabel() and other.get_position().x1 <= box.x0 for other in axes.figure.axes
    )


def _dash(line: Any) -> Any:
    return line.get_linestyle(), line._unscaled_dash_pattern


def _grey(line: Any) -> float:
    red, green, blue = to_rgb(line.get_color())
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
