"""Pictures of R(D,P) for one column of a paper: every axis named, every line told apart in grey and without colour.

The rules. An ordered parameter (P) has a sequential scale, dark to light, and a dash of its own while there are few of
them; unordered things have the palette of Okabe and Ito, a dash and a marker each. Sizes are for 3.4 inches. Marks and
labels stay inside the frame. A curve is either computed where its corners are (`sweeps.adaptive_grid`) or not drawn.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any
from weakref import WeakSet

import numpy as np

from rdptheory.critical import CriticalPoints
from rdptheory.doors import Has, guard
from rdptheory.errors import InvalidInput, MissingPackage, count, finite
from rdptheory.files import write_bytes
from rdptheory.placement import Limit, Placement
from rdptheory.solution import Solution
from rdptheory.sweeps import DataSet
from rdptheory.units import Unit

__all__ = [
    "COLOURS",
    "DASHES",
    "MARKERS",
    "draw_limit",
    "figure",
    "looks",
    "mark_critical",
    "overlay",
    "plot_channel",
    "plot_curves",
    "plot_surface",
    "save",
    "shade",
    "style",
]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""The palette of Okabe and Ito."""
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (6, 1.5, 1, 1.5)), (0, (1, 1.2)), (0, (8, 1, 3, 1)), (0, (2.5, 1)))
"""No two alike at 3.4 inches; as many as anybody can tell apart."""
MARKERS = "os^Dv*P"
FEW = len(DASHES)
"""Up to so many curves have a dash each and a line of the legend; more are read from a scale."""
LIGHTEST = 0.8
"""End of the scale that is used: beyond it yellow is lost on white."""
NAMED = 12
"""Up to so many measured points have their names beside them."""
NAME_SIZE, MARK, SEEN = 6.5, 3.0, 4
"""Points: the size of those names, half the width of a mark. Places looked at for each computed point of a curve."""
UNDER_THE_AXIS = 27.0
"""Points that the numbers and the name of an axis take."""
WIDTH, HEIGHT, HEIGHT_WITH_LEGEND, DPI = 3.4, 2.6, 3.3, 220
"""Inches: one column, and with a legend under the axis. Dots per inch of a picture file."""
# Letters of eight points stay legible in a column of that width.
STYLE: dict[str, Any] = {
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "axes.titlesize": 8.0,
    "legend.fontsize": 7.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "legend.frameon": False,
    "legend.handlelength": 2.8,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.0,
    "figure.figsize": (WIDTH, HEIGHT),
    "figure.constrained_layout.use": True,
    "savefig.dpi": DPI,
    "pdf.fonttype": 42,
    "svg.hashsalt": "rdptheory",
}
OF_FILES = ("pdf.fonttype", "svg.hashsalt")
"""What of the look is asked for when a file is written: letters that journals take, the same names each time."""
WORDS = {
    "TotalVariation": "total variation",
    "KullbackLeibler": "KL(r‖p), nats",
    "ReverseKullbackLeibler": "KL(p‖r), nats",
    "JensenShannon": "Jensen-Shannon, nats",
    "ChiSquare": "chi-square",
    "SquaredHellinger": "squared Hellinger",
    "Wasserstein1": "W1",
    "Wasserstein2Squared": "squared W2",
    "TransportDivergence": "transport cost",
    "Hamming": "share of wrong symbols",
    "SquaredError": "squared error",
    "AbsoluteError": "absolute error",
    "Table": "mean cost",
}
"""What an axis calls a measure; any other is called by its class."""


def _matplotlib() -> Any:
    try:
        import matplotlib as mpl
    except ImportError:
        raise MissingPackage("matplotlib", "plot") from None
    return mpl


@contextmanager
def style() -> Iterator[None]:
    """The look of all our figures, for the time of a `with` block; lines of your own get our colours and dashes.

    Raises
    ------
    MissingPackage
        matplotlib is not installed.
    """
    mpl = _matplotlib()
    from cycler import cycler  # comes with matplotlib

    count = min(len(COLOURS), len(DASHES))
    cycle = cycler(color=list(COLOURS[:count])) + cycler(linestyle=list(DASHES[:count]))
    with mpl.rc_context({**STYLE, "axes.prop_cycle": cycle}):
        yield


Axes = Annotated[Any, Has("a matplotlib Axes", ("plot", "get_xlim", "figure"))]
Picture = Annotated[Any, Has("a matplotlib Figure", ("savefig",))]
MOST_LOOKS = 10_000
"""Lines that are told apart: nobody can see more."""
MOST_PANELS = 64
"""In a row or a column of a figure: more would be smaller than their labels."""
LARGEST_SIDE = 300.0
"""Inches: at 200 dots each, near the 65,535 dots that matplotlib can draw."""


def figure(columns: int = 1, rows: int = 1, *, width: float = WIDTH, height: float = HEIGHT) -> tuple[Any, Any]:
    """A figure and its panels, row by row, each `width` x `height` inches; no window, no global state."""
    _matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns, rows = count("columns", columns, most=MOST_PANELS), count("rows", rows, most=MOST_PANELS)
    size = columns * finite("width", width, positive=True), rows * finite("height", height, positive=True)
    if max(size) > LARGEST_SIDE:
        raise InvalidInput("width", width, f"must give a figure of at most {LARGEST_SIDE:g} inches a side")
    drawn = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(drawn)
    return drawn, drawn.subplots(rows, columns, squeeze=False).ravel()


def looks(count: int, *, ordered: bool = False) -> list[dict[str, Any]]:
    """Colour, dash and marker of `count` things: no two alike; shades from dark to light where they are `ordered`.

    >>> len({(one["color"], str(one["linestyle"])) for one in looks(40, ordered=True)})
    40
    """
    if not 0 <= count <= MOST_LOOKS:
        raise InvalidInput("count", count, f"must be from 0 to {MOST_LOOKS}")
    if ordered or count > len(COLOURS):
        shades = _matplotlib().colormaps["viridis"](np.linspace(0.0, LIGHTEST, count))
        colours: Sequence[Any] = [tuple(float(part) for part in shade) for shade in shades]
    else:
        colours = COLOURS
    dashes = DASHES if count <= FEW else ("-",)
    return [
        {"color": colours[k], "linestyle": dashes[k % len(dashes)], "marker": MARKERS[k % len(MARKERS)]}
        for k in range(count)
    ]


def plot_curves(
    dataset: DataSet,
    ax: Axes | None = None,
    unit: Unit | str = "bits",
    *,
    label_D: str | None = None,
    title: str | None = None,
) -> Any:
    """Draw what `curve` or `surface` returned: rate against D, one line for each P with its bracket shaded.

    Points of infinite rate are left out. The axes name the quantity, its measure and its unit; the title is the source.

    Parameters
    ----------
    dataset : xarray.Dataset
    ax : matplotlib Axes, optional
        A new picture if left out.
    unit : "bits" or "nats"
    label_D, title : str, optional
        In place of what the data set says.

    Returns
    -------
    matplotlib Axes
    """
    _check_data(dataset)
    unit = Unit.of(unit)
    shown = dataset if "P" in dataset.dims else dataset.expand_dims("P")
    shown = shown.sortby(["D", "P"])
    limits, few = shown.P.values, shown.sizes["P"] <= FEW
    with _drawing(ax) as ax:
        for P, look in zip(limits, looks(len(limits), ordered=True), strict=True):
            line = shown.sel(P=P)
            line = line.isel(D=np.isfinite(line.rate.values))
            rate, lower, upper = (unit.from_nats(line[name].values) for name in ("rate", "lower", "upper"))
            drawn = {"color": look["color"], "linestyle": look["linestyle"]}
            ax.plot(line.D, rate, label=_limit_text(P) if few else None, zorder=2.5, **drawn)
            ax.fill_between(line.D, lower, upper, color=look["color"], alpha=0.25, linewidth=0)
        ax.set_xlabel(label_D or f"distortion D{_measure(shown.attrs.get('distortion'))}")
        ax.set_ylabel(f"rate R(D, P) ({unit.value} per symbol)")
        ax.set_ylim(bottom=0.0)
        ax.set_xlim(left=0.0)
        ax.set_title(shown.attrs.get("title", "") if title is None else title, wrap=True)
        measured = _measure(shown.attrs.get("perception"))
        if few:
            ax.legend(title=None if limits.size == 1 and np.isinf(limits[0]) else f"limit on P{measured}")
        else:
            _scale(ax, limits, f"perception P{measured}")
    return ax


def check_axes(D: Sequence[float], P: Sequence[float]) -> None:
    """Refuse lists of D and P that are too short for the picture of a surface."""
    if np.size(D) < 2 or np.count_nonzero(np.isfinite(P)) < 2:
        raise InvalidInput("P", P, "a surface needs at least two finite P and two D")


def plot_surface(
    dataset: DataSet,
    ax: Axes | None = None,
    unit: Unit | str = "bits",
    *,
    label_D: str | None = None,
    label_P: str | None = None,
    title: str | None = None,
) -> Any:
    """Draw what `surface` returned: the rate over D and P in colour, with contours at powers of 2.

    Points of infinite rate and a P of inf are left out. Parameters are those of `plot_curves`.

    Returns
    -------
    matplotlib Axes
    """
    _check_data(dataset)
    check_axes(dataset.D.values, dataset.P.values)
    shown = dataset.isel(P=np.isfinite(dataset.P.values)).sortby(["D", "P"])
    unit = Unit.of(unit)
    with _drawing(ax) as ax:
        shade(ax, shown.D.values, shown.P.values, unit.from_nats(shown.rate.transpose("P", "D").values), unit)
        ax.set_xlabel(label_D or f"distortion D{_measure(shown.attrs.get('distortion'))}")
        ax.set_ylabel(label_P or f"perception P{_measure(shown.attrs.get('perception'))}")
        ax.set_title(shown.attrs.get("title", "") if title is None else title, wrap=True)
    return ax


def shade(ax: Axes, D: Any, P: Any, rates: Any, unit: Unit | str = "bits") -> None:
    """A surface of rates in `unit`, shape (len(P), len(D)), as colours with contours at powers of 2."""
    from matplotlib.colors import PowerNorm

    rates = np.ma.masked_invalid(rates)
    top = max(float(rates.max()), 1e-12)
    scale = PowerNorm(0.5, 0.0, top)  # the rate falls steeply and then creeps to 0
    colours = ax.pcolormesh(D, P, rates, cmap="viridis", norm=scale, shading="gouraud", rasterized=True)
    levels = [level for level in 2.0 ** np.arange(-4.0, 8.0) if float(rates.min()) < level < top]
    if levels:
        lines = ax.contour(D, P, rates, levels=levels, colors="white", linewidths=0.8)
        height = 0.5 * (float(np.min(P)) + float(np.max(P)))
        middles = [
            path.vertices[np.abs(path.vertices[:, 1] - height).argmin()] for path in lines.get_paths() if len(path)
        ]
        width = float(np.ptp(D))
        inside = [one for one in middles if 0.04 * width < one[0] - float(np.min(D)) < 0.96 * width]
        kept = [one for k, one in enumerate(inside) if k == 0 or abs(one[0] - inside[k - 1][0]) > 0.06 * width]
        ax.clabel(lines, fmt=_power_text, fontsize=7, manual=kept)
    ax.grid(False)
    ax.figure.colorbar(colours, ax=ax, label=f"rate R(D, P) ({Unit.of(unit).value} per symbol)")


def plot_channel(solution: Solution[Any], ax: Axes | None = None) -> Any:
    """Draw the channel p(y|x) of a solution as a map: a row for each source symbol, in the order of the alphabet."""
    channel = None if solution.candidate is None else solution.candidate.channel
    if channel is None:
        raise InvalidInput("solution", solution.status.value, "has no channel on a finite alphabet to draw")
    if channel.ndim != 2:
        raise InvalidInput("solution", channel.shape, "is a channel of more than x and y, which no map shows")
    with _drawing(ax) as ax:
        from matplotlib.colors import PowerNorm
        from matplotlib.ticker import MaxNLocator

        colours = ax.imshow(channel, cmap="viridis", norm=PowerNorm(0.5, 0.0, 1.0), interpolation="nearest")
        ax.grid(False)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("reconstruction y (number of the symbol)")
        ax.set_ylabel("source symbol x (number)")
        ax.figure.colorbar(colours, ax=ax, label="p(y | x)")
    return ax


def overlay(ax: Axes, placements: Sequence[Placement], unit: Unit | str = "bits") -> Any:
    """Add measured points to curves, each joined to the R(D,P) of its own D and P; impossible ones are crossed out.

    Returns
    -------
    matplotlib Axes
    """
    unit = Unit.of(unit)
    with _drawing(ax):
        for below, label, look in (
            (False, "measured", {"marker": "o", "markerfacecolor": "white"}),
            (True, "measured, proved impossible", {"marker": "X", "markersize": 6.0}),
        ):
            placed = [one for one in placements if one.below == below]
            if not placed:
                continue
            D, rate = ([getattr(one.measurement, name) for one in placed] for name in ("D", "rate"))
            needed = unit.from_nats(np.array([one.bounds.upper for one in placed]))
            shown = unit.from_nats(np.array(rate))
            there = np.isfinite(needed)
            ax.vlines(np.array(D)[there], needed[there], shown[there], color="0.45", linewidth=0.8, zorder=2.8)
            ax.plot(D, shown, linestyle="none", color="black", zorder=3.0, clip_on=False, label=label, **look)
        if placements:
            rates = unit.from_nats(np.array([one.measurement.rate for one in placements]))
            ax.set_ylim(0.0, max(ax.get_ylim()[1], 1.15 * float(rates.max())))
            ax.set_xlim(0.0, max(ax.get_xlim()[1], 1.1 * max(one.measurement.D for one in placements)))
        _legend_below(ax)
        if len(placements) <= NAMED:
            _name_points(ax, placements, unit)
    return ax


def _name_points(ax: Axes, placements: Sequence[Placement], unit: Unit) -> None:
    """The names of measured points, each on the side where it runs into least: points, lines, and other names."""
    from matplotlib.transforms import Bbox

    def at(D: float, rate: float) -> Any:  # in pixels
        return ax.transData.transform((D, float(unit.from_nats(rate))))

    ax.figure.draw_without_rendering()  # the frame gets its size now
    pixel = ax.figure.dpi / 72.0
    taken, names = [], []
    for one in sorted(placements, key=lambda one: (one.measurement.D, one.measurement.rate)):
        x, y = at(one.measurement.D, one.measurement.rate)
        taken.append(Bbox([(x, y), (x, y)]).padded(MARK * pixel))
        if np.isfinite(one.bounds.upper):
            taken.append(Bbox([(x, y), at(one.measurement.D, one.bounds.upper)]).padded(pixel, 0.0))
        place = (one.measurement.D, float(unit.from_nats(one.measurement.rate)))
        look: dict[str, Any] = {"textcoords": "offset points", "fontsize": NAME_SIZE, "color": "0.25"}
        names.append(ax.annotate(one.measurement.name, place, xytext=(0.0, 0.0), **look))
    for line in ax.get_lines():
        if line.get_linestyle() != "None":
            x, y = ax.transData.transform(np.column_stack([line.get_xdata(), line.get_ydata()])).T
            places = np.linspace(0.0, x.size - 1.0, SEEN * x.size)
            passed = np.column_stack([np.interp(places, np.arange(x.size), one) for one in (x, y)])
            taken += [Bbox([at_it, at_it]).padded(pixel) for at_it in passed]
    for name in names:
        box = name.get_window_extent()
        wide, high = box.width / pixel, box.height / pixel
        sides = [(4.0, 3.0), (4.0, -2.0 - high), (-4.0 - wide, 3.0), (-4.0 - wide, -2.0 - high), (-0.5 * wide, 6.0)]
        boxes = [box.translated(dx * pixel, dy * pixel) for dx, dy in sides]
        hits = [sum(_shared(one, other) for other in taken) - _shared(one, ax.bbox) for one in boxes]
        best = hits.index(min(hits))
        name.set_position(sides[best])
        taken.append(boxes[best])


def _shared(one: Any, other: Any) -> float:
    """The area that two boxes have in common."""
    width = min(one.xmax, other.xmax) - max(one.xmin, other.xmin)
    height = min(one.ymax, other.ymax) - max(one.ymin, other.ymin)
    return float(max(0.0, width) * max(0.0, height))


LIMIT_LOOKS: dict[str, dict[str, Any]] = {
    "lower": {"color": "black", "linestyle": "-", "linewidth": 1.6},
    "exists": {"color": COLOURS[2], "linestyle": "none", "marker": "^", "markerfacecolor": "white"},
    "estimate": {"color": "0.4", "linestyle": "--", "marker": "s", "markersize": 3.0},
}
"""What is proved is solid, what is an estimate is dashed."""


def draw_limit(ax: Axes, limit: Limit, unit: Unit | str = "bits") -> Any:
    """Add a proved limit, or an estimate (dashed), with the sentence that says what it is."""
    rate = Unit.of(unit).from_nats(np.asarray(limit.rate, dtype=np.float64))
    ax.plot(limit.D, rate, label=limit.label, **LIMIT_LOOKS[limit.kind])
    if limit.kind == "lower":
        ax.fill_between(limit.D, 0.0, rate, color="0.88", linewidth=0, zorder=0.5)
    _legend_below(ax)
    return ax


def mark_critical(ax: Axes, points: Sequence[CriticalPoints], unit: Unit | str = "bits") -> Any:
    """Mark on curves where the perception limit starts to cost (diamonds) and where the rate ends (triangles).

    Marks outside the frame are left out.
    """
    unit = Unit.of(unit)
    active = [(one.active.value, unit.from_nats(one.active_rate)) for one in points if one.active is not None]
    ends = [(one.zero_rate.value, 0.0) for one in points]
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for places, marker, label in ((active, "D", "perception limit starts to cost"), (ends, "^", "rate 0")):
        inside = [(x, y) for x, y in places if left <= x <= right and bottom <= y <= top]
        if inside:
            look = {"marker": marker, "linestyle": "none", "color": "black", "markerfacecolor": "white"}
            ax.plot(*zip(*inside, strict=True), label=label, clip_on=False, zorder=3.0, **look)
    ax.set(xlim=(left, right), ylim=(bottom, top))
    if ax.get_legend_handles_labels()[0]:
        with _drawing(ax):
            ax.legend(title=_legend_title(ax))
    return ax


def save(drawn: Picture, path: str | os.PathLike[str]) -> Path:
    """Write a figure in the format of the suffix, whole or not at all.

    A PDF embeds its letters as TrueType fonts, which journals ask for; the same figure gives the same file.
    """
    suffix = Path(path).suffix.lower().lstrip(".")
    if suffix not in drawn.canvas.get_supported_filetypes():
        raise InvalidInput("path", str(path), "must end in the name of a picture's format, such as .png, .pdf or .svg")
    metadata = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(suffix)
    made = BytesIO()  # on a full disk the writers of matplotlib fail in ways of their own
    with _matplotlib().rc_context({name: STYLE[name] for name in OF_FILES}):
        drawn.savefig(made, format=suffix, metadata=metadata, dpi=DPI)
    return write_bytes(path, made.getvalue())


def _check_data(dataset: DataSet) -> None:
    if not {"D", "P", "rate", "lower", "upper"} <= {*dataset.variables}:
        raise InvalidInput("dataset", dataset, "must be what curve or surface returned")


_OURS: WeakSet[Any] = WeakSet()
"""Figures that nobody gave: they keep our look, whatever the look of the moment is."""


@contextmanager
def _drawing(ax: Any) -> Iterator[Any]:
    """The axes given, in the look that they came in, or those of a new picture in ours, which a notebook shows."""
    _matplotlib()
    with style() if ax is None or ax.figure in _OURS else nullcontext():
        if ax is None:
            import matplotlib.pyplot as plt

            drawn, ax = plt.subplots(figsize=(WIDTH, HEIGHT), layout="constrained", dpi=DPI)
            _OURS.add(drawn)
        yield ax


def _measure(described: str | None) -> str:
    """`SquaredError()` as ` (squared error)`; nothing for None."""
    name = (described or "None").partition("(")[0]
    return "" if name == "None" else f" ({WORDS.get(name, name)})"


def _limit_text(P: float) -> str:
    return "P = ∞" if np.isinf(P) else f"P = {P:g}"


def _power_text(level: float) -> str:
    return f"{level:g}" if level >= 1.0 else f"1/{1.0 / level:g}"


def _legend_title(ax: Any) -> str | None:
    old = ax.get_legend()
    return old.get_title().get_text() or None if old else None


def _legend_below(ax: Any) -> None:
    """The legend under the axis, where it hides no point; a picture of ours grows by what that takes."""
    from matplotlib.transforms import ScaledTranslation

    if ax.figure in _OURS:
        ax.figure.set_size_inches(WIDTH, HEIGHT_WITH_LEGEND)
    under = ax.transAxes + ScaledTranslation(0.0, -UNDER_THE_AXIS / 72.0, ax.figure.dpi_scale_trans)
    with _drawing(ax):
        ax.legend(title=_legend_title(ax), loc="upper center", bbox_to_anchor=(0.5, 0.0), bbox_transform=under, ncols=2)


def _scale(ax: Any, limits: Any, label: str) -> None:
    """A bar with one shade for each P, in place of a legend too long to read."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import BoundaryNorm, ListedColormap

    count = len(limits)
    shades = ListedColormap([look["color"] for look in looks(count, ordered=True)])
    bar = ax.figure.colorbar(ScalarMappable(BoundaryNorm(np.arange(count + 1) - 0.5, count), shades), ax=ax)
    kept = np.unique(np.linspace(0, count - 1, min(count, 12)).round().astype(int))
    bar.set_ticks(kept, labels=["∞" if np.isinf(limits[k]) else f"{limits[k]:.3g}" for k in kept])
    bar.set_label(label)


guard(__name__)
