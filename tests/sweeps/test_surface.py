"""Surfaces: the same bits wherever they run, files that are whole, and nothing solved twice."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from time import monotonic
from typing import Any

import dask
import numpy as np
import pytest
import xarray
from distributed import Client, LocalCluster

from rdptheory import (
    Bernoulli,
    Bounds,
    Hamming,
    InteriorPoint,
    InvalidInput,
    KullbackLeibler,
    Pmf,
    SquaredError,
    TotalVariation,
    rdp,
)
from rdptheory.errors import MissingPackage, WorkerLost
from rdptheory.solve import answers
from rdptheory.sweeps import Dask, Joblib, Serial, curve, paths, surface, write_surface
from rdptheory.sweeps.paths import Store
from tests.checks import assert_inside

SOURCE = Pmf.from_weights(np.random.default_rng(0).dirichlet(np.ones(12)), np.linspace(-1.0, 1.0, 12))
QUESTION = (SOURCE, SquaredError(), TotalVariation())
D = (0.02, 0.05, 0.1)
P = (0.0, 0.02, 0.05, float("inf"))


@pytest.fixture(scope="module")
def serial() -> Any:
    return surface(*QUESTION, D=D, P=P)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Every (D, P) that reaches the solver."""
    seen: list[tuple[float, float]] = []

    def counted(problems: Any, method: Any) -> Any:
        for found in answers(problems, method):
            seen.append((found.problem.D, found.problem.P))
            yield found

    monkeypatch.setattr(paths, "answers", counted)
    return seen


def same_bits(first: Any, second: Any) -> bool:
    """Whether every number of two data sets has the same bits."""
    names = [*first.variables]
    return names == [*second.variables] and all(first[n].values.tobytes() == second[n].values.tobytes() for n in names)


def test_same_bits_can_fail(serial: Any) -> None:
    moved = serial.copy(deep=True)
    moved.rate[0, 0] = np.nextafter(moved.rate[0, 0], 1.0)
    assert not same_bits(serial, moved)


def test_every_point_is_the_solution(serial: Any) -> None:
    assert serial.sizes == {"D": len(D), "P": len(P)}
    for d in D:
        for p in P:
            point, solution = serial.sel(D=d, P=p), rdp(*QUESTION, D=d, P=p)
            bounds, slopes = solution.bounds, solution.slopes
            found = tuple(float(point[name]) for name in paths.VARIABLES[:-1])
            assert found == (solution.rate, bounds.lower, bounds.upper, slopes.D, slopes.P, solution.steps)
            assert serial.status.attrs["flag_meanings"].split()[int(point.status)] == solution.status.value
    assert float((serial.upper - serial.lower).max()) <= 1e-9
    assert {serial[name].attrs["units"] for name in ("rate", "lower", "upper")} == {"nat"}
    assert serial.attrs["perception"] == "TotalVariation()"


def test_curve_is_a_line_of_the_surface(serial: Any) -> None:
    line = curve(*QUESTION, D=D, P=0.02)
    assert line.sizes == {"D": len(D)}
    assert same_bits(line, serial.sel(P=0.02))


def test_a_curve_knows_its_corners(tmp_path: File) -> None:
    p, limit = 0.25, 0.05
    question = (Bernoulli(p), Hamming(), TotalVariation())
    line = curve(*question, D=[0.1, 0.2], P=limit, critical=True)
    with xarray.open_dataset(write_surface(tmp_path / "line.nc", line), engine="h5netcdf") as read:
        corners = read.load().attrs
    low, high = corners["critical_active"]
    assert low <= limit / (1 + 2 * limit - 2 * p) + 1e-6  # the price is the square of the way past the corner
    assert low < high <= low + 1e-5  # and shows only above 16 ulp: the root of that, over a curvature of order 1
    assert corners["critical_active_rate"] == rdp(*question, D=low, P=limit).rate
    zero = 2 * p * (1 - p) - (1 - 2 * p) * limit
    assert_inside(Bounds(*corners["critical_zero_rate"]), zero, 1e-15)  # an ulp or two, as the bracket is a few wide
    assert np.ptp(corners["critical_zero_rate"]) <= 1e-14
    assert same_bits(line, curve(*question, D=[0.1, 0.2], P=limit))
    assert "critical_active" not in curve(*question, D=[0.1], P=limit).attrs


def test_corners_are_those_of_one_limit_and_files_those_of_a_sweep(
    serial: Any, tmp_path: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInput, match="`critical_points` finds those of each"):
        curve(*QUESTION, D=D, P=[0.0, 0.1], critical=True)
    with pytest.raises(InvalidInput, match="must be what surface, curve or slope_curve returned"):
        write_surface(tmp_path / "grid.csv", serial.drop_vars("slope_P"))
    monkeypatch.setitem(sys.modules, "h5netcdf", None)
    with pytest.raises(MissingPackage, match=r"rdptheory\[parallel\]"):
        write_surface(tmp_path / "grid.nc", serial)
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(MissingPackage, match=r"rdptheory\[plot\]"):
        curve(*QUESTION, D=D, P=0.1)
    assert os.listdir(tmp_path) == []


def test_a_limit_that_never_costs_has_no_corner() -> None:
    corners = curve(Bernoulli(0.25), Hamming(), TotalVariation(), D=[0.1], P=1.0, critical=True).attrs
    assert np.isnan(corners["critical_active"]).all()
    assert np.isnan(corners["critical_active_rate"])
    assert_inside(Bounds(*corners["critical_zero_rate"]), 0.25, 1e-15)


@pytest.mark.parametrize("workers", (1, 2))
def test_joblib_gives_the_bits_of_serial(serial: Any, workers: int) -> None:
    assert same_bits(serial, surface(*QUESTION, D=D, P=P, executor=Joblib(workers)))


@dataclass(frozen=True)
class KillOne:
    """A Dask executor that kills a worker after the first result, while tasks are pending."""

    dask: Dask
    victims: list[int]

    def map(self, function: Callable[..., Any], tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for number, result in self.dask.map(function, tasks):
            if not self.victims:
                pending = self.dask.client.processing()
                busiest = max(pending, key=lambda worker: len(pending[worker]))
                assert pending[busiest], "nothing was pending"
                self.victims.append(self.dask.client.run(os.getpid)[busiest])
                os.kill(self.victims[0], signal.SIGKILL)
            yield number, result


def test_dask_survives_a_killed_worker_with_the_bits_of_serial() -> None:
    source = Pmf.from_weights(np.random.default_rng(1).dirichlet(np.ones(24)), np.arange(24.0))
    question = (source, SquaredError(), TotalVariation())
    grid = {"D": np.linspace(2.0, 30.0, 8), "P": np.linspace(0.01, 0.2, 12)}
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        executor = KillOne(Dask(client), [])
        found = surface(*question, **grid, executor=executor)
        (victim,) = executor.victims
        until, alive = monotonic() + 60.0, [victim]  # the client hears of a death in its own time
        while (victim in alive or len(alive) < 2) and monotonic() < until:
            alive = [*client.run(os.getpid, on_error="ignore").values()]
        assert len(alive) == 2
        assert victim not in alive
    assert same_bits(surface(*question, **grid), found)


GROWN = """
from joblib.externals.loky import process_executor
from rdptheory.sweeps import Joblib

def grow(task):  # every process looks as if it had outgrown its bounds, and is replaced
    process_executor._MAX_MEMORY_LEAK_SIZE, process_executor._MEMORY_LEAK_CHECK_DELAY = -(2**60), 0.0
    return task

if __name__ == "__main__":
    print(sorted(found for _, found in Joblib(2).map(grow, range(8))))
"""


def test_processes_that_outgrow_their_bounds_are_replaced_even_where_warnings_are_errors(tmp_path: File) -> None:
    script = tmp_path / "grown.py"
    script.write_text(GROWN)
    command = [sys.executable, "-W", "error", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == str([*range(8)])


@dataclass(frozen=True)
class Deadly:
    """A method that ends the process it runs in."""

    def solve(self, problem: Any) -> Any:
        os._exit(1)


def test_workers_that_die_again_and_again_are_one_sentence(tmp_path: File) -> None:
    with pytest.raises(WorkerLost, match="Joblib died"):
        surface(*QUESTION, D=D, P=[0.02, 0.05], method=Deadly(), executor=Joblib(2), store=tmp_path)
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        pytest.raises(WorkerLost, match="Dask died"),
    ):
        surface(*QUESTION, D=D, P=[0.02], method=Deadly(), executor=Dask(cluster.scheduler_address))
    with pytest.raises(InvalidInput, match="no scheduler answers"):
        surface(*QUESTION, D=D, P=[0.02], executor=Dask("nowhere://at.all"))
    assert [*tmp_path.iterdir()] == []


def test_a_threaded_worker_gives_the_bits_of_serial(serial: Any) -> None:
    with (
        LocalCluster(n_workers=1, threads_per_worker=3, processes=False, dashboard_address=":0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        assert same_bits(serial, surface(*QUESTION, D=D, P=P, executor=Dask(client)))


def test_resume_solves_exactly_what_is_missing(
    serial: Any, calls: list[tuple[float, float]], tmp_path: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = paths.answers
    ticket = iter(range(7))  # the interruption comes in the third path

    def interrupted(problems: Any, method: Any) -> Any:
        for found in counted(problems, method):
            if next(ticket, None) is None:
                raise KeyboardInterrupt
            yield found

    with monkeypatch.context() as patch:
        patch.setattr(paths, "answers", interrupted)
        with pytest.raises(KeyboardInterrupt):
            surface(*QUESTION, D=D, P=P, store=tmp_path)
    finished = len(list(tmp_path.iterdir()))
    assert finished == 2
    calls.clear()
    resumed = surface(*QUESTION, D=D, P=P, store=tmp_path)
    assert calls == [(d, p) for p in P[finished:] for d in D]
    assert same_bits(serial, resumed)
    calls.clear()
    assert same_bits(serial, surface(*QUESTION, D=D, P=P, store=tmp_path))
    assert calls == []


@pytest.mark.parametrize(
    "changed",
    [
        {"source": Pmf(SOURCE.probabilities[::-1], SOURCE.points)},
        {"source": Pmf(SOURCE.probabilities, 2.0 * SOURCE.points)},
        {"distortion": Hamming()},
        {"perception": KullbackLeibler()},
        {"D": (*D[:-1], np.nextafter(D[-1], 1.0))},
        {"method": InteriorPoint(gap=1e-8)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_changed_question_never_reuses_numbers(
    changed: dict[str, Any], calls: list[tuple[float, float]], tmp_path: File
) -> None:
    question = dict(zip(("source", "distortion", "perception"), QUESTION, strict=True)) | {"D": D, "P": [0.05]}
    surface(**question, store=tmp_path)
    calls.clear()
    surface(**(question | changed), store=tmp_path)
    assert len(calls) == len(D)


def test_a_part_without_a_name_cannot_be_stored(tmp_path: File) -> None:
    class Odd(TotalVariation):
        """Not a dataclass of its own, but its parent is: its name tells it apart."""

    plain, odd = (paths.Path(SOURCE, SquaredError(), member, D, 0.1) for member in (TotalVariation(), Odd()))
    assert plain.key != odd.key
    unknown: Any = object()
    with pytest.raises(InvalidInput, match="make a method of your own a @dataclass"):
        Store(tmp_path).load(paths.Path(SOURCE, SquaredError(), unknown, D, 0.1))


@pytest.mark.parametrize("name", ("grid.nc", "grid.csv"))
def test_files_hold_every_bit_and_appear_whole(serial: Any, tmp_path: File, name: str) -> None:
    written = write_surface(tmp_path / name, serial)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    if name.endswith(".nc"):
        with xarray.open_dataset(written, engine="h5netcdf") as read:
            assert same_bits(serial, read.load())
            assert read.rate.attrs["units"] == "nat"
    else:
        with open(written, newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        assert len(rows) == len(D) * len(P)
        for row in rows:
            assert row["status"] == "optimal"
            assert float(row["upper_nat"]) == serial.sel(D=float(row["D"]), P=float(row["P"])).upper
    line = write_surface(tmp_path / f"line.{name[5:]}", serial.isel(P=0))
    assert line.stat().st_size > 0


def test_a_failed_write_leaves_nothing(serial: Any, tmp_path: File) -> None:
    broken = serial.assign_attrs(method=object())
    with pytest.raises(TypeError):
        write_surface(tmp_path / "grid.nc", broken)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InvalidInput, match=r"must end in"):
        write_surface(tmp_path / "grid.txt", serial)


@pytest.mark.parametrize(
    "limits",
    (
        {"D": [], "P": [0.1]},
        {"D": [0.1, 0.1], "P": [0.1]},
        {"D": [0.1], "P": [-0.1]},
        {"D": ["x"], "P": [1]},
        {"D": range(10**6), "P": range(100)},
    ),
)
def test_bad_lists(limits: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        surface(*QUESTION, **limits)


@pytest.mark.parametrize("workers", (0, -1, 1.5, True))
def test_bad_workers(workers: Any) -> None:
    with pytest.raises(InvalidInput, match="workers"):
        Joblib(workers)


def test_infeasible_points_are_answers_and_the_bar_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    grid = surface(Bernoulli(0.5), Hamming(), None, D=[0.0, 0.1], P=[np.inf], executor=Serial(), progress=True)
    assert np.isfinite(grid.rate).all()
    assert "2/2" in capsys.readouterr().err


def test_one_number_is_a_list_of_one(serial: Any) -> None:
    assert same_bits(serial.isel(D=[0], P=[1]), surface(*QUESTION, D=D[0], P=P[1]))
    assert same_bits(serial.isel(D=[0], P=1), curve(*QUESTION, D=D[0], P=P[1]))


class Mine(Serial):
    """Serial, of one's own name."""


class Backwards(Serial):
    """One after the other from the last on, each on its own."""

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for number in reversed(range(len(tasks))):
            yield number, function(tasks[number])


class Foreign:
    """An executor of nobody's family, which knows no more than its protocol."""

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        yield from ((number, function(task)) for number, task in enumerate(tasks))


@pytest.mark.parametrize("executor, looks", [(Serial(), 1), (Mine(), 1), (Backwards(), 4), (Foreign(), 4)])
def test_any_executor_gives_the_same_bits_and_serial_ones_share_a_look(
    serial: Any, executor: Any, looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def counted(problems: Any, method: Any) -> Any:
        asked.append(1)
        return answers(problems, method)

    monkeypatch.setattr(paths, "answers", counted)
    assert same_bits(serial, surface(*QUESTION, D=D, P=P, executor=executor))
    assert len(asked) == looks


def test_a_plain_function_has_no_way_to_be_asked_along() -> None:
    assert [*Serial().map(len, ["a", "bc"])] == [(0, 1), (1, 2)]
