"""The commands that draw: `rdptheory place`, and the picture of `rdptheory curve`."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite
from pathlib import Path
from typing import Annotated, Any

import typer

from rdptheory.critical import CriticalPoints
from rdptheory.inverse import distortion_at
from rdptheory.options import (
    DistortionOption,
    FolderOption,
    LevelsOption,
    MaybeCsvOption,
    MaybePictureOption,
    PerceptionOption,
    SourceOption,
    UnitOption,
)
from rdptheory.placement import COLUMNS, Placement, place, read_measurements
from rdptheory.sources import ContinuousSource, Gaussian
from rdptheory.sweeps import adaptive_grid, surface, write_table
from rdptheory.sweeps.adaptive import WIDTH_OF_A_LINE
from rdptheory.units import Unit
from rdptheory.words import UNSEEN, Question, Seen, as_question, check_outputs, check_text

__all__ = ["draw_curves", "draw_surface", "register", "tell_written"]

LOWEST_SHARE = 0.005
"""Share of the axis below which no curve is drawn: it would be a wall on the left."""
COARSE = 1.0 / 60.0
"""Share of the frame that a drawn curve of a density may be off."""
MARGIN, HEADROOM = 0.8, 1.15
"""How far below the least and beyond the largest measured D a curve through measured points goes."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file to the command line."""

    @app.command(name="place")
    def place_command(
        file: Annotated[
            Path,
            typer.Argument(
                metavar="FILE", help="CSV with rate_bits, rate_nats or bpp; D, mse or psnr; P, name; or JSON"
            ),
        ],
        source: SourceOption,
        distortion: DistortionOption,
        perception: PerceptionOption = "none",
        out: MaybeCsvOption = None,
        plot: MaybePictureOption = None,
        peak: Annotated[
            float, typer.Option("--peak", help="largest value of a sample: the unit of the D of a PSNR")
        ] = 1.0,
        levels: LevelsOption = None,
        unit: UnitOption = Unit.bits,
    ) -> None:
        """Compare measured points of a codec with R(D,P). How far above the bound, or proved impossible."""
        check_outputs({"out": out, "plot": plot}, source, distortion, inputs=(file,))
        check_text("out", out)
        asked = as_question(source, distortion, perception, levels)
        placed = place(read_measurements(file, peak=peak), *asked)
        typer.echo(_table(placed, unit))
        picture = None if plot is None else _overlay(asked, placed, plot, unit)
        table = None if out is None else write_table(out, COLUMNS, [_row(one) for one in placed])
        tell_written(table, picture)

    @app.command()
    def papers(out: FolderOption) -> None:
        """Redraw figures and tables of the five papers. All that is theory, with brackets beside printed values."""
        from rdptheory.papers import write_papers

        for path in write_papers(out, told=lambda key: typer.echo(key, err=True))[0]:
            typer.echo(f"wrote {path}")


def draw_surface(grid: Any, plot: Path, unit: Unit) -> Path:
    """The picture of `rdptheory surface`."""
    from rdptheory.plotting import figure, plot_surface, save, style

    with style():
        drawn, (axes,) = figure(height=2.8)
        plot_surface(grid, axes, unit)
        return save(drawn, plot)


def draw_curves(
    question: Question,
    seen: Seen,
    D: Sequence[float],
    P: Sequence[float],
    corners: Sequence[CriticalPoints],
    plot: Path,
    unit: Unit,
) -> Path:
    """The picture of `rdptheory curve`: the asked points, and as many between them as the corners take."""
    from rdptheory.plotting import figure, mark_critical, plot_curves, save, style

    with style():
        drawn, (axes,) = figure()
        plot_curves(surface(*question, D=_between(question, seen, D, P), P=P, **seen), axes, unit)
        if corners:
            mark_critical(axes, corners, unit)
        return save(drawn, plot)


def tell_written(*paths: Path | None) -> None:
    """Print what was written, after all of it: a picture that cannot be drawn leaves no table behind."""
    for path in paths:
        if path is not None:
            typer.echo(f"wrote {path}")


def _between(question: Question, seen: Seen, D: Sequence[float], P: Sequence[float]) -> list[float]:
    """The asked distortions, and where there are at least two of them the ones that resolve the corners."""
    least = distortion_at(*question, R=inf, P=min(P), **seen).value  # up to here the rate may be infinite
    ends = [value for value in D if least < value < inf]
    if len(ends) < 2:
        return list(D)
    return sorted({*D, *_resolved(question, seen, (min(ends), max(ends)), P)})


def _resolved(question: Question, seen: Seen, ends: tuple[float, float], P: Sequence[float]) -> list[float]:
    """A grid that resolves the corners; a coarser one for a density, whose every point takes finite problems."""
    slow = isinstance(question[0], ContinuousSource) and not isinstance(question[0], Gaussian)
    return adaptive_grid(*question, D=ends, P=P, tolerance=COARSE if slow else WIDTH_OF_A_LINE, **seen)


def _overlay(question: Question, placed: Sequence[Placement], plot: Path, unit: Unit) -> Path:
    from rdptheory.plotting import HEIGHT_WITH_LEGEND, figure, overlay, plot_curves, save, style

    measured = [one.measurement for one in placed]
    limits = sorted({inf if one.P is None else one.P for one in measured})
    possible = [one.measurement.D for one in placed if one.measurement.D > 0.0 and isfinite(one.bounds.upper)]
    high = HEADROOM * max(one.D for one in measured) or 1.0
    least = distortion_at(*question, R=inf, P=limits[0]).value  # from here on a finite law has a finite rate
    low = max(least, MARGIN * min(possible, default=high), LOWEST_SHARE * high)
    with style():
        drawn, (axes,) = figure(height=HEIGHT_WITH_LEGEND)
        grid = _resolved(question, UNSEEN, (low, high), limits)
        plot_curves(surface(*question, D=grid, P=limits), axes, unit)
        overlay(axes, placed, unit)
        return save(drawn, plot)


def _row(one: Placement) -> list[Any]:
    m, ends = one.measurement, (one.bounds, one.excess_rate, one.excess_distortion)
    brackets = [end for pair in ends for end in (pair.lower, pair.upper)]
    return [m.name, m.rate, m.D, "" if m.P is None else m.P, *brackets, "yes" if one.below else "no"]


def _table(placed: Sequence[Placement], unit: Unit) -> str:
    """One line a point, then a sentence for each that is impossible."""
    to = unit.from_nats
    width = max(len("name"), *(len(one.measurement.name) for one in placed))
    head = f"{'name':{width}}  {'rate':>10}  {'D':>10}  {'P':>8}  {'R(D,P)':>12}  {'excess rate':>12}  {'excess D':>10}"
    lines = [
        f"rates in {unit.value}; R(D,P) is proved from above, excesses are at least what is printed",
        head,
    ]
    for one in placed:
        m, P = one.measurement, "-" if one.measurement.P is None else f"{one.measurement.P:.4g}"
        verdict = "  IMPOSSIBLE" if one.below else ""
        lines.append(
            f"{m.name:{width}}  {to(m.rate):10.6g}  {m.D:10.5g}  {P:>8}  {to(one.bounds.upper):12.8g}  "
            f"{to(one.excess_rate.lower):12.6g}  {one.excess_distortion.lower:10.5g}{verdict}"
        )
    return "\n".join([*lines, *(str(one) for one in placed if one.below)])
