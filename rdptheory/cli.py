"""The command line: `rdptheory rate`, `curve`, `surface`, `demo`, `theorems` and `verify`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from rdptheory.critical import critical_points
from rdptheory.distortions import AbsoluteError, Distortion, Hamming, SquaredError
from rdptheory.divergences import (
    ChiSquare,
    Divergence,
    JensenShannon,
    KullbackLeibler,
    ReverseKullbackLeibler,
    SquaredHellinger,
    TotalVariation,
    Wasserstein1,
    Wasserstein2Squared,
)
from rdptheory.errors import InvalidInput, MissingPackage, at_least_zero
from rdptheory.picture_commands import draw, register
from rdptheory.solution import Solution
from rdptheory.solve import rdp
from rdptheory.sources import (
    Bernoulli,
    ContinuousSource,
    Exponential,
    Gaussian,
    GaussianMixture,
    Laplace,
    Logistic,
    Pmf,
    Source,
    StudentT,
    Uniform,
    discretise,
)
from rdptheory.sweeps import Joblib, Serial, surface, tabulate, write_csv, write_surface
from rdptheory.units import Unit

__all__ = ["app", "main", "serve"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Certified rate-distortion-perception functions.",
)

FAMILIES: dict[str, tuple[int, Callable[..., Source]]] = {
    "bernoulli": (1, Bernoulli),
    "gaussian": (2, Gaussian),
    "uniform": (2, Uniform),
    "laplace": (2, Laplace),
    "t": (1, StudentT),
    "logistic": (2, Logistic),
    "exponential": (1, Exponential),
}
DISTORTIONS: dict[str, Distortion] = {"hamming": Hamming(), "squared": SquaredError(), "absolute": AbsoluteError()}
PERCEPTIONS: dict[str, Divergence | None] = {
    "none": None,
    "tv": TotalVariation(),
    "kl": KullbackLeibler(),
    "reverse-kl": ReverseKullbackLeibler(),
    "js": JensenShannon(),
    "chi2": ChiSquare(),
    "hellinger": SquaredHellinger(),
    "w1": Wasserstein1(),
    "w2": Wasserstein2Squared(),
}

SourceOption = Annotated[
    str,
    typer.Option(
        "--source",
        help="bernoulli:P, gaussian:MEAN,VARIANCE, uniform:LOW,HIGH, laplace:MEAN,SCALE, t:DF, logistic:LOC,SCALE, "
        "exponential:SCALE, mixture:WEIGHT,MEAN,VARIANCE;... or pmf:FILE.csv",
    ),
]
DistortionOption = Annotated[str, typer.Option("--distortion", help=", ".join(DISTORTIONS))]
PerceptionOption = Annotated[str, typer.Option("--perception", help=", ".join(PERCEPTIONS))]
LevelsOption = Annotated[
    int | None, typer.Option("--levels", help="make a finite alphabet of so many points of a density first")
]
UnitOption = Annotated[Unit, typer.Option("--unit", help="unit of the printed rates and of the plot")]


@app.command()
def rate(
    source: SourceOption,
    distortion: DistortionOption,
    D: Annotated[str, typer.Option("-D", help="limit on the mean distortion, at least 0 (inf lifts it)")],
    perception: PerceptionOption = "none",
    P: Annotated[str, typer.Option("-P", help="limit on the perception divergence, at least 0 (inf lifts it)")] = "inf",
    levels: LevelsOption = None,
    unit: UnitOption = Unit.bits,
) -> None:
    """Print R(D,P) with its proved bracket."""
    question = _question(source, distortion, perception, levels)
    typer.echo(_report(rdp(*question, D=_number("D", D), P=_number("P", P)), unit))


@app.command()
def curve(
    source: SourceOption,
    distortion: DistortionOption,
    D: Annotated[str, typer.Option("-D", help="LOW:HIGH:COUNT or a comma-separated list")],
    out: Annotated[Path, typer.Option("--out", help="CSV file to write (rates in nats)")],
    perception: PerceptionOption = "none",
    P: Annotated[str, typer.Option("-P", help="LOW:HIGH:COUNT or a comma-separated list")] = "inf",
    plot: Annotated[Path | None, typer.Option("--plot", help="picture to write: .png, .pdf or .svg")] = None,
    levels: LevelsOption = None,
    unit: UnitOption = Unit.bits,
    critical: Annotated[
        bool, typer.Option("--critical", help="print the corners of every curve, and mark them in the plot")
    ] = False,
) -> None:
    """Write R(D,P) over a grid of D, one curve for each P, and draw it."""
    question = _question(source, distortion, perception, levels)
    _check_outputs(out, plot)
    limits = _numbers("P", P)
    distortions = _numbers("D", D)
    rows = tabulate(source, *question, D=distortions, P=limits, progress=True)
    corners = [critical_points(*question, P=limit) for limit in limits] if critical else []
    written = [write_csv(out, rows)]
    if plot is not None:
        written.append(draw(question, distortions, limits, corners, plot, unit))
    for limit, corner in zip(limits, corners, strict=False):
        typer.echo(f"P = {limit:g}: {corner}")
    for path in written:
        typer.echo(f"wrote {path}")


@app.command(name="surface")
def surface_command(
    source: SourceOption,
    distortion: DistortionOption,
    perception: PerceptionOption,
    D: Annotated[str, typer.Option("-D", help="LOW:HIGH:COUNT or a comma-separated list")],
    P: Annotated[str, typer.Option("-P", help="LOW:HIGH:COUNT or a comma-separated list")],
    out: Annotated[Path, typer.Option("--out", help=".nc (NetCDF) or .csv file to write (rates in nats)")],
    store: Annotated[
        Path | None, typer.Option("--store", help="folder that keeps finished paths for a restart")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="processes; all cores if left out")] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="picture to write: .png, .pdf or .svg")] = None,
    levels: LevelsOption = None,
    unit: UnitOption = Unit.bits,
) -> None:
    """Write R(D,P) over a grid of D and P, on all cores, and draw it; --store survives an interruption."""
    question = _question(source, distortion, perception, levels)
    if out.suffix.lower() not in (".nc", ".csv"):
        raise InvalidInput("out", str(out), "must end in .nc or .csv")
    _check_outputs(out, plot)
    executor = Serial() if workers == 1 else Joblib(workers)
    grid = surface(*question, D=_numbers("D", D), P=_numbers("P", P), executor=executor, store=store, progress=True)
    written = [write_surface(out, grid)]
    if plot is not None:
        from rdptheory.plotting import figure, plot_surface, save, style

        with style():
            drawn, axes = figure(height=2.8)
            plot_surface(grid, axes[0], unit)
            written.append(save(drawn, plot))
    for path in written:
        typer.echo(f"wrote {path}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="folder for the page, its pictures and tables")],
    unit: UnitOption = Unit.bits,
    studies: Annotated[
        Path | None, typer.Option("--studies", help="file with the output of `python -m neural check --json`")
    ] = None,
) -> None:
    """Tell the whole story on real data: one page with curves, a codec, the papers, the theorems and an explorer."""
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
    distortion: Annotated[str | None, typer.Option("--distortion", help=", ".join(DISTORTIONS))] = None,
    perception: Annotated[str | None, typer.Option("--perception", help=", ".join(PERCEPTIONS))] = None,
    D: Annotated[str | None, typer.Option("-D", help="your own limit on the distortion")] = None,
    P: Annotated[str | None, typer.Option("-P", help="your own limit on the perception divergence")] = None,
    instances: Annotated[int, typer.Option("--instances", help="random instances of each statement")] = 20,
    seed: Annotated[int, typer.Option("--seed", help="of the instances")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON list; progress on standard error")] = False,
) -> None:
    """Check the theorems of the papers on random instances, or on your own source; exit status 1 unless all hold."""
    from rdptheory.theorems import Ruling
    from rdptheory.theorems import verify as check

    rows = []
    found = check(
        keys or (),
        source=None if source is None else _source(source),
        distortion=None if distortion is None else _choice("distortion", distortion, DISTORTIONS),
        perception=None if perception is None else _choice("perception", perception, PERCEPTIONS),
        D=None if D is None else _number("D", D),
        P=None if P is None else _number("P", P),
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


register(app, lambda *question: _question(*question))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; bad input ends with one sentence on standard error and exit status 2."""
    serve(app, arguments, name="rdptheory")


def serve(app: typer.Typer, arguments: list[str] | None, *, name: str | None = None) -> NoReturn:
    """Run an app's command line and exit: whatever the user can mend ends with one sentence on standard error."""
    command: Any = typer.main.get_command(app)
    try:
        code = command.main(
            args=arguments if arguments is not None else sys.argv[1:] or ["--help"],
            prog_name=name,
            standalone_mode=False,
        )
    except (InvalidInput, MissingPackage) as problem:
        _fail(str(problem), 2)
    except (typer.Abort, KeyboardInterrupt):
        _fail("interrupted", 130)
    except OSError as problem:
        _fail(f"{problem.strerror or type(problem).__name__}: {problem.filename}", 1)
    except Exception as problem:
        message = getattr(problem, "format_message", None)
        if message is None:
            raise
        _fail(message(), int(getattr(problem, "exit_code", 2)))
    sys.exit(code if isinstance(code, int) else 0)


def _check_outputs(out: Path, plot: Path | None) -> None:
    if plot is not None and plot.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise InvalidInput("plot", str(plot), "must end in .png, .pdf or .svg")
    for path in (out, plot):
        if path is not None and not path.parent.is_dir():
            raise InvalidInput("plot" if path is plot else "out", str(path), "its folder does not exist")


def _fail(sentence: str, code: int) -> NoReturn:
    typer.echo(f"Error: {' '.join(sentence.split())}", err=True)
    sys.exit(code)


def _question(
    source: str, distortion: str, perception: str, levels: int | None
) -> tuple[Source, Distortion, Divergence | None]:
    made = _source(source)
    if levels is not None:
        if not isinstance(made, ContinuousSource):
            raise InvalidInput("levels", levels, "needs a source with a density")
        made = discretise(made, levels)
    return made, _choice("distortion", distortion, DISTORTIONS), _choice("perception", perception, PERCEPTIONS)


def _source(text: str) -> Source:
    family, _, rest = text.partition(":")
    if family == "pmf":
        return Pmf.from_csv(rest)
    if family == "mixture":
        return _mixture(text, rest)
    if family not in FAMILIES:
        raise InvalidInput(
            "source", text, f"must be one of {', '.join(FAMILIES)}, mixture or pmf, as in laplace:0,1 or pmf:FILE.csv"
        )
    count, make = FAMILIES[family]
    parts = rest.split(",")
    if len(parts) != count:
        raise InvalidInput("source", text, f"{family} takes {count} number{'s' if count > 1 else ''}")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        raise InvalidInput("source", text, f"{family} takes {count} number{'s' if count > 1 else ''}") from None
    return make(*numbers)


def _mixture(text: str, parts: str) -> Source:
    """WEIGHT,MEAN,VARIANCE of every part, with semicolons between them."""
    try:
        weights, means, variances = zip(
            *([float(x) for x in part.split(",")] for part in parts.split(";")), strict=True
        )
    except ValueError:
        raise InvalidInput("source", text, "mixture takes WEIGHT,MEAN,VARIANCE;WEIGHT,MEAN,VARIANCE;...") from None
    return GaussianMixture(weights, means, variances)


def _choice(argument: str, text: str, known: dict[str, Any]) -> Any:
    if text not in known:
        raise InvalidInput(argument, text, f"must be one of {', '.join(known)}")
    return known[text]


def _number(argument: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InvalidInput(argument, text, "must be a number at least 0 (inf is allowed)") from None
    return at_least_zero(argument, value)


def _numbers(argument: str, text: str) -> list[float]:
    if ":" not in text:
        return [_number(argument, part) for part in text.split(",")]
    parts = text.split(":")
    if len(parts) != 3 or not parts[2].isdigit() or int(parts[2]) < 2:
        raise InvalidInput(argument, text, "must be LOW:HIGH:COUNT with COUNT at least 2, or a comma-separated list")
    low, high = _number(argument, parts[0]), _number(argument, parts[1])
    if not low < high < float("inf"):
        raise InvalidInput(argument, text, "needs LOW below HIGH, both finite")
    count = int(parts[2])
    return [low + (high - low) * k / (count - 1) for k in range(count)]


def _report(solution: Solution, unit: Unit) -> str:
    value = unit.from_nats
    bounds, slopes = solution.bounds, solution.slopes
    rows = [
        ("rate", f"{value(solution.rate):.10f} {unit.value}"),
        (
            "bracket",
            f"[{value(bounds.lower):.12f}, {value(bounds.upper):.12f}] {unit.value}, gap {value(solution.gap):.1e}",
        ),
        ("slopes", f"dR/dD = {value(slopes.D):.6g}, dR/dP = {value(slopes.P):.6g} {unit.value} per unit"),
        ("method", f"{solution.method}, {solution.steps} steps"),
        ("status", f"{solution.status.value}: {solution.message}"),
    ]
    return "\n".join(f"{name:8} {text}" for name, text in rows)
