"""The command line, and its commands of many questions: `rdptheory curve`, `surface`, `demo`, `theorems`, `verify`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from rdptheory import picture_commands, rate_commands
from rdptheory.bars import bar_of
from rdptheory.critical import critical_points
from rdptheory.errors import InvalidInput, MissingPackage, WorkerLost, finite
from rdptheory.options import (
    CsvOption,
    DGridOption,
    DistortionOption,
    FolderOption,
    GridFileOption,
    LevelsOption,
    MaybePGridOption,
    MaybePictureOption,
    OwnDistortionOption,
    OwnPerceptionOption,
    PerceptionOption,
    PGridOption,
    POption,
    RealismOption,
    SideInformationOption,
    SlopesOption,
    SourceOption,
    UnitOption,
)
from rdptheory.picture_commands import draw_curves, draw_surface, tell_written
from rdptheory.solve import OUTPUT
from rdptheory.spoken import Option, spoken
from rdptheory.sweeps import Joblib, Serial, slope_curve, surface, tabulate, write_csv, write_surface
from rdptheory.units import Unit
from rdptheory.words import (
    as_distortion,
    as_limit,
    as_limits,
    as_numbers,
    as_perception,
    as_question,
    as_radius,
    as_seen,
    as_source,
    check_outputs,
    check_text,
)

__all__ = ["app", "main", "serve"]

INTERRUPTED = 130
"""The exit status that shells give a program that ended by Ctrl-C."""
KEEPING = ("store", "resume")
"""Arguments of commands that keep what was finished before an interruption."""
REWORDED = (
    (r"^Invalid value for '([^']*)': (Value error, )?", r"\1: "),
    ("Input should be a valid integer", "must be an integer"),
    ("Input should be( a)?( valid)?", r"must be\1"),
    (", unable to parse .*$", ""),
)
"""typer's sentences, which speak of inputs, parsing and errors of values."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Certified rate-distortion-perception functions.",
    context_settings={"token_normalize_func": lambda word: word.replace("_", "-")},  # verbs as Python spells them
)


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"rdptheory {metadata.version('rdptheory')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="print the version and exit", is_eager=True, callback=_tell_version)
    ] = False,
) -> None:
    """Certified rate-distortion-perception functions."""


rate_commands.register(app)


@app.command()
def curve(
    source: SourceOption,
    distortion: DistortionOption,
    D: DGridOption,
    out: CsvOption,
    perception: PerceptionOption = "none",
    P: MaybePGridOption = None,
    side_information: SideInformationOption = None,
    realism: RealismOption = OUTPUT,
    plot: MaybePictureOption = None,
    levels: LevelsOption = None,
    unit: UnitOption = Unit.bits,
    critical: Annotated[
        bool, typer.Option("--critical", help="print the corners of every curve, and mark them in the plot")
    ] = False,
) -> None:
    """Write R(D,P) over a grid of D, and draw it. One curve for each P."""
    check_outputs({"out": out, "plot": plot}, source, distortion, inputs=(side_information,))
    check_text("out", out)
    if critical and side_information is not None:
        raise InvalidInput("critical", critical, "is for a source without side information")
    question = as_question(source, distortion, perception, levels)
    seen = as_seen(question[0], side_information, realism)
    distortions = as_limits("D", D)
    limits = as_limits("P", as_radius(P, question[2]))
    rows = tabulate(source, *question, D=distortions, P=limits, progress=True, **seen)
    corners = [critical_points(*question, P=limit) for limit in _counted(limits)] if critical else []
    picture = None if plot is None else draw_curves(question, seen, distortions, limits, corners, plot, unit)
    table = write_csv(out, rows)
    for limit, corner in zip(limits, corners, strict=False):
        typer.echo(f"P = {limit:g}: {corner}")
    tell_written(table, picture)


def _counted(limits: Sequence[float]) -> Iterator[float]:
    """With a bar on standard error, since the corners of one curve of a density take a minute or more."""
    yield from bar_of(limits, desc="corners", unit="curve")


@app.command(name="surface")
def surface_command(
    source: SourceOption,
    distortion: DistortionOption,
    perception: PerceptionOption,
    D: DGridOption,
    P: PGridOption,
    out: GridFileOption,
    side_information: SideInformationOption = None,
    realism: RealismOption = OUTPUT,
    store: Annotated[
        Path | None, typer.Option("--store", help="folder that keeps finished paths for a restart")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="processes; all cores if left out")] = None,
    plot: MaybePictureOption = None,
    levels: LevelsOption = None,
    unit: UnitOption = Unit.bits,
) -> None:
    """Write R(D,P) over a grid of D and P, and draw it. On all cores; --store survives an interruption."""
    _check_grid_file(out)
    check_outputs({"out": out, "plot": plot}, source, distortion, inputs=(side_information,))
    question = as_question(source, distortion, perception, levels)
    seen = as_seen(question[0], side_information, realism)
    distortions, limits = as_limits("D", D), as_limits("P", P)
    if plot is not None:
        from rdptheory.plotting import check_axes

        check_axes(distortions, limits)
    executor = Serial() if workers == 1 else Joblib(workers)
    grid = surface(*question, D=distortions, P=limits, executor=executor, store=store, progress=True, **seen)
    picture = None if plot is None else draw_surface(grid, plot, unit)
    tell_written(write_surface(out, grid), picture)


def _check_grid_file(out: Path) -> None:
    if out.suffix.lower() not in (".nc", ".csv"):
        raise InvalidInput("out", str(out), "must end in .nc or .csv")
    if out.suffix.lower() == ".nc" and find_spec("h5netcdf") is None:  # before the work
        raise MissingPackage("h5netcdf", "parallel")


@app.command(name="slope-curve")
def slope_curve_command(
    source: SourceOption,
    distortion: DistortionOption,
    s: SlopesOption,
    out: GridFileOption,
    perception: PerceptionOption = "none",
    P: POption = None,
    levels: LevelsOption = None,
    unit: UnitOption = Unit.bits,
) -> None:
    """Write the points of R(D,P) at a list of slopes. Brackets on D and on the rate."""
    _check_grid_file(out)
    check_outputs({"out": out}, source, distortion)
    question = as_question(source, distortion, perception, levels)
    steep = [finite("s", value, positive=True) for value in as_numbers("s", s)]
    limit = as_limit("P", as_radius(P, question[2]))
    grid = slope_curve(*question, s=[unit.to_nats(value) for value in steep], P=limit)
    tell_written(write_surface(out, grid))


@app.command()
def demo(
    out: FolderOption,
    unit: UnitOption = Unit.bits,
    studies: Annotated[
        Path | None, typer.Option("--studies", help="file with the output of `python -m neural check --json`")
    ] = None,
) -> None:
    """Tell the whole story on real data, on one page. With curves, a codec, the papers, theorems and an explorer."""
    from rdptheory.demo import run

    for path in run(out, unit=unit, studies=studies, progress=True, told=lambda part: typer.echo(part, err=True)):
        typer.echo(f"wrote {path}")


@app.command()
def theorems(
    markdown: Annotated[bool, typer.Option("--markdown", help="print the page docs/theorems.md")] = False,
) -> None:
    """List the statements that `verify` can check."""
    from rdptheory.theorems import claims
    from rdptheory.theorems.page import markdown as page

    if markdown:
        typer.echo(page(), nl=False)
        return
    for key, (statement, example) in claims().items():
        typer.echo(f"{key:28} {statement.words if example is None else 'counterexample: ' + example.words}")


@app.command()
def verify(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY]...", help="as in BM19 or BM19.T1; all if none")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", help="your own, as for `rate`: check it there")] = None,
    distortion: OwnDistortionOption = None,
    perception: OwnPerceptionOption = None,
    D: Annotated[str | None, typer.Option("-D", help="your own limit on the distortion")] = None,
    P: Annotated[str | None, typer.Option("-P", help="your own limit on the perception divergence")] = None,
    instances: Annotated[int, typer.Option("--instances", help="random instances of each statement")] = 20,
    seed: Annotated[int, typer.Option("--seed", help="of the instances")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON list; progress on standard error")] = False,
) -> None:
    """Check theorems, on your own source if you like. On random instances; exit status 1 unless all hold."""
    from rdptheory.theorems import Ruling
    from rdptheory.theorems import verify as check

    rows = []
    found = check(
        keys or (),
        source=None if source is None else as_source(source),
        distortion=None if distortion is None else as_distortion(distortion),
        perception=None if perception is None else as_perception(perception),
        D=None if D is None else as_limit("D", D),
        P=None if P is None else as_limit("P", P),
        instances=instances,
        seed=seed,
    )
    if not as_json:
        typer.echo(f"{'statement':28} {'tried':>5} {'margin':>10} {'gap':>8} {'verdict':9} unit")
    for row in found:
        line = f"{row.key:28} {row.instances:5} {row.margin:10.2e} {row.gap:8.1e} {row.ruling.value:9} {row.unit}"
        typer.echo(f"{line} ({row.note})" if row.note else line, err=as_json)
        rows.append(row)
    if as_json:
        typer.echo(json.dumps([row.as_json() for row in rows], indent=1, ensure_ascii=False))
    else:
        held = sum(row.ruling is Ruling.HOLDS for row in rows)
        typer.echo(f"{held} of {len(rows)} hold; seed {seed}")
    if any(row.ruling is not Ruling.HOLDS for row in rows):
        raise typer.Exit(1)


picture_commands.register(app)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; bad input ends with one sentence on standard error and exit status 2."""
    serve(app, arguments, name="rdptheory")


def serve(app: typer.Typer, arguments: list[str] | None, *, name: str | None = None) -> NoReturn:
    """Run an app's command line and exit: whatever the user can mend ends with one sentence on standard error."""
    command: Any = typer.main.get_command(app)
    for one in getattr(command, "commands", {"": command}).values():
        one.invoke = partial(_asked, one.invoke)
    try:
        code = command.main(
            args=arguments if arguments is not None else sys.argv[1:] or ["--help"],
            prog_name=name,
            standalone_mode=False,
        )
    except MissingPackage as problem:
        _fail(str(problem), 2)
    except (typer.Abort, KeyboardInterrupt):  # before a command began
        code = INTERRUPTED
    except WorkerLost as problem:
        _fail(str(problem), 1)
    except MemoryError as problem:
        _fail(f"not enough memory: {problem}" if str(problem) else "not enough memory", 1)
    except OSError as problem:
        place = "" if problem.filename is None else f": {problem.filename}"
        _fail(f"{problem.strerror or problem or type(problem).__name__}{place}", 1)
    except Exception as problem:
        message = getattr(problem, "format_message", None)
        if message is None:
            raise
        _fail(_reworded(message()), int(getattr(problem, "exit_code", 2)))
    if code == INTERRUPTED:  # typer makes this of Ctrl-C
        _fail("interrupted", INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _reworded(sentence: str) -> str:
    """What the reader of options says, in the words of the rest of this command line."""
    for pattern, ours in REWORDED:
        sentence = re.sub(pattern, ours, sentence)
    return sentence


def _asked(invoke: Callable[[Any], Any], context: Any) -> Any:
    """Run one command; bad input ends in the words of its options, Ctrl-C with the one that goes on from there."""
    try:
        return invoke(context)
    except KeyboardInterrupt:
        keeping = [one.opts[0] for one in context.command.params if one.name in KEEPING]
        _fail("; ".join(["interrupted", *(f"what {name} keeps goes on from here" for name in keeping)]), INTERRUPTED)
    except InvalidInput as refusal:
        _fail(spoken(refusal, {one.name: _option(one, context) for one in context.command.params}), 2)


def _option(parameter: Any, context: Any) -> Option:
    """The name that people write, and what was written for it, if anything was."""
    name = parameter.opts[0] if parameter.param_type_name == "option" else parameter.metavar or parameter.name
    given = context.get_parameter_source(parameter.name).name == "COMMANDLINE"
    return Option(name, context.params[parameter.name] if given else None)


def _fail(sentence: str, code: int) -> NoReturn:
    printable = sentence.encode("utf-8", "backslashreplace").decode()
    typer.echo(f"Error: {' '.join(printable.split())}", err=True)
    sys.exit(code)
