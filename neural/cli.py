"""The command line: list, run, check, report, fetch."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import torch
import typer

from neural import data, runs
from neural.experiments import CHECKED, PRESETS, REGISTRY, Bench
from neural.experiments.base import SERIAL
from rdptheory.cli import serve
from rdptheory.errors import InvalidInput, MissingPackage
from rdptheory.sweeps import Dask, Executor, Joblib

__all__ = ["main"]

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
Preset = Annotated[str, typer.Option(help=f"One of {', '.join(PRESETS)}.")]
Folder = Annotated[Path | None, typer.Option("--data", help="MNIST, SVHN or pictures; by default digits.")]
Seed = Annotated[int, typer.Option(help="Fixes everything that is random.")]
Device = Annotated[str, typer.Option(help="cpu, cuda or mps.")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads; more than one only on an idle machine.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes for models that do not wait for each other.")]
Scheduler = Annotated[str | None, typer.Option(help="Address of a Dask scheduler whose workers train the models.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON list.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """The experiments: id, paper, what it checks, and the cost of each preset (~: an estimate)."""
    entries = [{"id": e.id, "paper": e.paper, "checks": e.checks, "cost": e.cost} for e in REGISTRY.values()]
    if as_json:
        typer.echo(json.dumps(entries, indent=1))
        return
    for e in REGISTRY.values():
        cost = ", ".join(f"{preset} {time}" for preset, time in e.cost.items())
        typer.echo(f"{e.id:18} {e.checks}\n{'':18} {e.paper}; {cost}")


@app.command()
def run(
    id: Annotated[str, typer.Argument(help="An id of `list`.")],
    out: Annotated[Path | None, typer.Option(help="For result.json and checkpoints; runs/ID if left out.")] = None,
    preset: Preset = "smoke", folder: Folder = None, device: Device = "cpu", seed: Seed = 0, threads: Threads = 1,
    workers: Workers = 1, scheduler: Scheduler = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a stopped run was.")] = False,
) -> None:  # fmt: skip
    """Run one experiment; exit 1 if a verdict is not the expected one."""
    with _executor(workers, scheduler) as executor:
        bench = _bench(preset, folder, device, seed, threads, executor, progress=sys.stderr.isatty())
        result = runs.run(id, bench, out or Path("runs") / id, resume=resume)
    _show(result)
    raise typer.Exit(0 if all(row.as_expected for row in result.rows) else 1)


@app.command()
def check(
    preset: Preset = "smoke", folder: Folder = None, device: Device = "cpu", seed: Seed = 0, threads: Threads = 1,
    workers: Workers = 1, scheduler: Scheduler = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """The laws against theory (other presets: every experiment); exit 1 unless every verdict is as expected."""
    results = []
    with _executor(workers, scheduler) as executor:
        bench = _bench(preset, folder, device, seed, threads, executor)
        for id in CHECKED if preset == "smoke" else REGISTRY:
            results.append(runs.answer(id, bench))
            typer.echo(f"{id}: {results[-1].facts['wall_seconds']} s", err=True)
            if not as_json:
                _show(results[-1])
    rows = [(result.id, row) for result in results for row in result.rows]
    if as_json:
        typer.echo(json.dumps([{"id": id, **runs.plain(row)} for id, row in rows], indent=1))
    broken = [f"{id}: {row.what}" for id, row in rows if not row.as_expected]
    if broken:
        typer.echo(f"Error: not as expected: {'; '.join(broken)}", err=True)
    raise typer.Exit(1 if broken else 0)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A folder of runs.")],
    out: Annotated[Path | None, typer.Option(help="Where to write; the folder itself if left out.")] = None,
) -> None:
    """Tables (measured, theory, paper) and figures of every run below a folder, as report.md and PNG files."""
    from neural.plotting import write_report

    typer.echo(str(write_report(folder, out or folder)))


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


@contextmanager
def _executor(workers: int, scheduler: str | None) -> Iterator[Executor]:
    if scheduler is None:
        yield SERIAL if workers == 1 else Joblib(workers)
        return
    try:
        from distributed import Client
    except ImportError:
        raise MissingPackage("dask[distributed]", "parallel") from None
    with Client(scheduler) as client:
        yield Dask(client)


def _bench(
    preset: str, folder: Path | None, device: str, seed: int, threads: int, executor: Executor, progress: bool = False
) -> Bench:
    torch.set_num_threads(threads)
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(device.split(":")[0], False):
        raise InvalidInput("device", device, "is not available here")
    return Bench(preset, data.load(folder), seed, device, progress=progress, executor=executor)


def _show(result: runs.Result) -> None:
    typer.echo(f"{result.id} ({result.facts['preset']}, {result.facts['data']}, {result.facts['wall_seconds']} s)")
    typer.echo(f"  {'measured':>10} {'theory':>10} {'paper':>8}  verdict")
    for row in result.rows:
        paper = "" if row.paper is None else f"{row.paper:.4g}"
        flag = f"{row.verdict}{'' if row.expect == 'pass' else ' as expected' if row.as_expected else '!'}"
        typer.echo(f"  {row.measured:10.4g} {row.theory:10.4g} {paper:>8}  {flag:16} {row.what}")
