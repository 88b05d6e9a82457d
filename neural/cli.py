"""Learned codecs beside the theory: list, run, check, report, points, fetch."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import torch
import typer
from joblib import cpu_count

from neural import data, runner
from neural.claims import IDENTITY, LAW, Row
from neural.points import STEPS, measured_points
from neural.runner import SERIAL, SIDE, UNTRAINED, Bench
from neural.studies import CHECKED, studies
from neural.study import PRESETS, cost
from rdptheory.cli import serve
from rdptheory.errors import InvalidInput
from rdptheory.sweeps import Dask, Executor, Joblib

__all__ = ["main"]

WORKERS = 8
"""Processes if their number is left out: each holds torch and the images, half a gigabyte, and more have nothing to do,
since the longest study of a demo takes an eighth of it."""
app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, help=__doc__)
Preset = Annotated[str, typer.Option(help=f"One of {', '.join(PRESETS)}.")]
Folder = Annotated[Path | None, typer.Option("--data", help="MNIST, SVHN or pictures; by default digits.")]
Side = Annotated[int, typer.Option(min=4, help="Side to which the small presets shrink larger images.")]
Seed = Annotated[int, typer.Option(help="Fixes everything that is random.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps, ...")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads; more than one only on an idle machine.")]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help=f"Processes. Left out: the cores it may use, at most {WORKERS}; 1 on other devices."),
]
Scheduler = Annotated[str | None, typer.Option(help="Address of a Dask scheduler whose workers train the models.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON list.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Print the studies: id, paper, checks and cost. Cost of each preset on one CPU core, from a benchmark."""
    entries = [
        {"id": s.id, "paper": s.paper, "checks": s.checks, "cost": {preset: cost(s, preset) for preset in PRESETS},
         "departures": list(s.departures)}
        for s in studies().values()
    ]  # fmt: skip
    if as_json:
        typer.echo(json.dumps(entries, indent=1))
        return
    for entry in entries:
        typer.echo(f"{entry['id']:18} {entry['checks']}\n{'':18} {entry['paper']}")
        typer.echo("".join(f"{'':18} {preset}: {spent}\n" for preset, spent in entry["cost"].items()), nl=False)


@app.command()
def run(
    id: Annotated[str, typer.Argument(help="An id of `list`.")],
    out: Annotated[Path | None, typer.Option(help="For result.json and checkpoints; runs/ID if left out.")] = None,
    preset: Preset = "smoke", folder: Folder = None, side: Side = SIDE, device: Device = "cpu", seed: Seed = 0,
    threads: Threads = 1, workers: Workers = None, scheduler: Scheduler = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a stopped run was.")] = False,
) -> None:  # fmt: skip
    """Run one study. Exit 1 if a verdict is not the expected one."""
    executor = _executor(workers, scheduler, threads, device)
    bench = _bench(preset, folder, side, device, seed, threads, executor, progress=sys.stderr.isatty())
    result = runner.run(id, bench, out or Path("runs") / id, resume=resume)
    _show(result)
    raise typer.Exit(0 if all(row.as_expected for row in result.rows) else 1)


@app.command()
def check(
    preset: Preset = "smoke", folder: Folder = None, side: Side = SIDE, device: Device = "cpu", seed: Seed = 0,
    threads: Threads = 1, workers: Workers = None, scheduler: Scheduler = None, as_json: AsJson = False,
    untrained: Annotated[bool, typer.Option("--untrained", help="Train 1 % of the steps: laws must break.")] = False,
) -> None:  # fmt: skip
    """Measure the laws against theory. Other presets: every study; exit 1 unless all verdicts are as expected.

    With --untrained at least nine of ten laws have to be broken, and every identity has to hold. Studies that need more
    images than there are stay out, and are told.
    """
    results, asked, left = {}, [], []
    executor = _executor(workers, scheduler, threads, device)
    bench = _bench(preset, folder, side, device, seed, threads, executor)
    bench.share = UNTRAINED if untrained else 1.0
    for id in CHECKED if preset == "smoke" else studies():
        try:
            runner.models_of(studies()[id], bench)
        except InvalidInput as problem:
            left.append(problem)
        else:
            asked.append(id)
    if not asked:
        raise left[0]
    for result in runner.answers(asked, bench):
        results[result.study.id] = result
        typer.echo(f"{result.study.id}: {result.facts['cpu_seconds']} s of CPU time", err=True)
        if not as_json:
            _show(result)
    rows = [(id, row) for id in asked for row in results[id].rows]
    if as_json:
        typer.echo(json.dumps([{"id": id, **runner.plain(row)} for id, row in rows], indent=1))
    wrong = unbroken(rows) if untrained else [f"{id}: {row.claim}" for id, row in rows if not row.as_expected]
    for said in (*left, *([f"not as expected: {'; '.join(wrong)}"] if wrong else [])):
        typer.echo(f"Error: {said}", err=True)
    raise typer.Exit(1 if left or wrong else 0)


def unbroken(rows: list[tuple[str, Row]]) -> list[str]:
    """What is wrong with untrained models: identities that fail, and laws that hold where more than a tenth does."""
    laws = [(id, row) for id, row in rows if row.kind == LAW]
    held = [f"{id}: {row.claim}" for id, row in laws if row.verdict == "pass"]
    typer.echo(f"{len(laws) - len(held)} of {len(laws)} laws broken", err=True)
    false = [f"{id}: {row.claim}" for id, row in rows if row.kind == IDENTITY and row.verdict != "pass"]
    return false + (held if len(held) > 0.1 * len(laws) else [])


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A folder of runs.")],
    out: Annotated[Path | None, typer.Option(help="Where to write; the folder itself if left out.")] = None,
) -> None:
    """Write report.md of all runs below a folder. Tables (measured, theory, paper) and figures as PNG files."""
    from neural.report import write_report

    typer.echo(str(write_report(folder, out or folder)))


@app.command()
def points(
    seed: Seed = 0,
    steps: Annotated[int, typer.Option(min=1, help="Of each network.")] = STEPS,
) -> None:
    """Train small codecs and print measured points. Of the digits, as the page of `rdptheory demo` shows them.

    It reads them from rdptheory/report/codecs.json. Some CPU minutes.
    """
    torch.set_num_threads(1)
    typer.echo(json.dumps(measured_points(seed=seed, steps=steps), separators=(",", ":")))


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(data.ARCHIVES)}.")],
    folder: Annotated[Path, typer.Argument(help="Where to keep the files.")],
) -> None:
    """Download a data set, checked by SHA-256."""
    if name not in data.ARCHIVES:
        raise InvalidInput("name", name, f"must be one of {', '.join(data.ARCHIVES)}")
    typer.echo(str(data.fetch(data.ARCHIVES[name], folder)))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; bad input ends with one sentence on standard error and exit status 2."""
    serve(app, arguments)


def _executor(workers: int | None, scheduler: str | None, threads: int, device: str) -> Executor:
    if scheduler is not None:
        return Dask(scheduler)
    workers = workers or (min(WORKERS, max(1, cpu_count() // threads)) if device == "cpu" else 1)
    return SERIAL if workers == 1 else Joblib(workers)


def _bench(
    preset: str, folder: Path | None, side: int, device: str, seed: int, threads: int, executor: Executor,
    progress: bool = False,
) -> Bench:  # fmt: skip
    torch.set_num_threads(threads)
    data.usable(device)
    return Bench(preset, data.load(folder), seed, device, side, progress=progress, executor=executor)


def _show(result: runner.Result) -> None:
    facts = result.facts
    typer.echo(f"{result.study.id} ({facts['preset']}, {facts['data']}, {facts['cpu_seconds']} s of CPU time)")
    for row in result.rows:
        flag = f"{row.verdict}{'' if row.expect == 'pass' else ' as expected' if row.as_expected else '!'}"
        typer.echo(f"  {row.measured:10.4g} {row.theory:10.4g}  {row.kind:8}  {flag:16} {row.claim}")
