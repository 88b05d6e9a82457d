"""R(D,P) over a grid, as a labelled array that goes to a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path as File
from typing import Annotated, Any

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.bars import bar_of
from rdptheory.critical import CriticalPoints, critical_points
from rdptheory.distortions import Distortion
from rdptheory.divergences import Divergence
from rdptheory.doors import Has, guard
from rdptheory.errors import InvalidInput, MissingPackage
from rdptheory.files import write_bytes
from rdptheory.methods import Method
from rdptheory.side_information import SideInformation
from rdptheory.solve import OUTPUT
from rdptheory.sources import Source
from rdptheory.sweeps.executors import Executor, Serial
from rdptheory.sweeps.paths import STATUSES, VARIABLES, Store, one_thread, paths, tabulate_path
from rdptheory.sweeps.table import write_table

__all__ = ["DataSet", "curve", "surface", "write_surface"]

UNITS = {
    "rate": "nat",
    "lower": "nat",
    "upper": "nat",
    "slope_D": "nat per unit of D",
    "slope_P": "nat per unit of P",
    "steps": "1",
    "status": "1",
}
MEANING = {
    "rate": "R(D,P): the upper end of the proved bracket",
    "lower": "proved lower bound on R(D,P)",
    "upper": "proved upper bound on R(D,P)",
    "slope_D": "dR/dD",
    "slope_P": "dR/dP",
    "steps": "iterations taken",
    "status": "whether the bracket is as narrow as asked",
}
WHOLE = {"steps": np.int64, "status": np.int8, "straight": np.bool_}
DataSet = Annotated[Any, Has("an xarray.Dataset", ("variables", "dims", "to_netcdf"))]
COLUMNS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("P", "D"): VARIABLES,
    ("s",): ("D_lower", "D_upper", "lower", "upper", "straight", "steps", "status"),
}
"""The coordinates of a data set, outermost first in a file, and its variables."""
SERIAL = Serial()
LONGEST_TITLE = 40
"""Letters of a source that fit above a picture of one column."""


def surface(
    source: Source,
    distortion: Distortion,
    perception: Divergence | None,
    *,
    D: float | Sequence[float],
    P: float | Sequence[float],
    method: Method | None = None,
    executor: Executor = SERIAL,
    store: str | os.PathLike[str] | None = None,
    progress: bool = False,
    side_information: SideInformation = None,
    realism: str = OUTPUT,
) -> Any:
    """R(D,P) at every pair of two lists, with brackets and slopes.

    A path, one P with all D, is one task of the executor and one file of the store. Every point is solved from the
    question alone with BLAS on one thread, so the bits depend neither on the executor nor on the number of workers
    nor on what was resumed.

    Parameters
    ----------
    source, distortion, perception, method, side_information, realism
        As in `rdptheory.rdp`.
    D, P : numbers or lists of numbers
        At least 0, without repetitions, in any order; inf lifts a limit.
    executor : Serial, Joblib or Dask
    store : path, optional
        A folder that keeps every finished path. The same call after an interruption solves only what is missing; a
        path of a changed question has another name, so old numbers are never mixed in, and a file that is damaged
        or belongs to another question is solved again.
    progress : bool
        Show a bar on standard error.

    Returns
    -------
    xarray.Dataset
        Coordinates D and P; variables rate, lower, upper (nats), slope_D, slope_P (nats per unit), steps and status,
        each of shape (len(D), len(P)); units in the attributes. lower <= R(D,P) <= upper is proved at every point,
        and rate is upper. The status is a number, which `status.attrs["flag_meanings"]` puts into words: 0 optimal,
        1 infeasible, 2 stopped with a bracket wider than asked.

    Raises
    ------
    InvalidInput
        As in `rdp`, or a list that is empty or repeats a number.
    MissingPackage
        xarray, or the package of the executor, is not installed.

    Examples
    --------
    >>> from rdptheory import Bernoulli, Hamming, TotalVariation
    >>> grid = surface(Bernoulli(0.25), Hamming(), TotalVariation(), D=[0.1, 0.2], P=[0.0, 0.05, float("inf")])
    >>> dict(grid.sizes), bool((grid.lower <= grid.upper).all()), grid.rate.attrs["units"]
    ({'D': 2, 'P': 3}, True, 'nat')
    """
    xarray = load_xarray()
    work = paths(source, distortion, perception, D, P, method, side_information, realism)
    kept = None if store is None else Store.at(store)
    tables = [None if kept is None else kept.load(path) for path in work]
    missing = [number for number, table in enumerate(tables) if table is None]
    count = len(work[0].D)
    with _bar(progress, count * len(work), count * (len(work) - len(missing))) as bar:
        todo = [work[number] for number in missing]
        for number, table in executor.map(tabulate_path, todo):
            if kept is not None:
                kept.save(work[missing[number]], table)
            tables[missing[number]] = table
            bar.update(count)
    stacked = np.stack([table for table in tables if table is not None], axis=1)
    variables = described(("D", "P"), {name: (UNITS[name], MEANING[name]) for name in VARIABLES}, stacked)
    labels = {
        "D": ("D", list(work[0].D), {"long_name": "limit on the mean distortion", "units": "unit of the distortion"}),
        "P": (
            "P",
            [path.P for path in work],
            {"long_name": "limit on the perception divergence", "units": "unit of the divergence"},
        ),
    }
    question = {"source": source, "distortion": distortion, "perception": perception, "method": method}
    titles = {name: title_of(part) for name, part in question.items()}
    if side_information is not None:
        titles |= {"side_information": title_of(side_information), "realism": realism}
    return xarray.Dataset(variables, labels, {"title": _name(source), **titles})


def curve(
    source: Source,
    distortion: Distortion,
    perception: Divergence | None = None,
    *,
    D: float | Sequence[float],
    P: float | Sequence[float] = float("inf"),
    method: Method | None = None,
    executor: Executor = SERIAL,
    store: str | os.PathLike[str] | None = None,
    progress: bool = False,
    critical: bool = False,
    side_information: SideInformation = None,
    realism: str = OUTPUT,
) -> Any:
    """R(D,P) along a list of D at one P: `surface` with a single path, without the dimension P; or at a list of P.

    With `critical` the attributes say where the curve turns, as `critical_points` finds it: `critical_active` and
    `critical_zero_rate` are brackets (lower, upper) in the unit of D, and `critical_active_rate` is the rate in nats at
    the lower end of the first. The first bracket and its rate are nan where the perception limit never costs anything.
    It is for a single P.

    >>> from rdptheory import Bernoulli, Hamming, TotalVariation
    >>> dict(curve(Bernoulli(0.25), Hamming(), TotalVariation(), D=[0.1, 0.2], P=[0, 0.05, float("inf")]).sizes)
    {'D': 2, 'P': 3}
    >>> line = curve(Bernoulli(0.5), Hamming(), D=[0.0, 0.5], critical=True)
    >>> line.rate.values.round(6), line.critical_zero_rate
    (array([0.693147, 0.      ]), array([0.5, 0.5]))
    """
    single = isinstance(P, (int, float))
    limits: Sequence[float] = [P] if isinstance(P, (int, float)) else P
    if critical and not single:
        raise InvalidInput("critical", critical, "is for a single P; `critical_points` finds those of each")
    if critical and side_information is not None:
        raise InvalidInput("critical", critical, "is for a source without side information")
    grid = surface(
        source,
        distortion,
        perception,
        D=D,
        P=limits,
        method=method,
        executor=executor,
        store=store,
        progress=progress,
        side_information=side_information,
        realism=realism,
    )
    if not single:
        return grid
    line = grid.isel(P=0)
    if not critical:
        return line
    with one_thread():
        return line.assign_attrs(_corners(critical_points(source, distortion, perception, P=limits[0], method=method)))


def _corners(found: CriticalPoints) -> dict[str, Any]:
    """Critical points as attributes, which a NetCDF file can hold."""
    active = (np.nan, np.nan) if found.active is None else astuple(found.active.bounds)
    return {
        "critical_active": np.array(active),
        "critical_active_rate": found.active_rate,
        "critical_zero_rate": np.array(astuple(found.zero_rate.bounds)),
    }


def write_surface(path: str | os.PathLike[str], grid: DataSet) -> File:
    """Write what `surface`, `curve` or `slope_curve` returned, whole or not at all.

    `.nc` is NetCDF (`xarray.open_dataset(path, engine="h5netcdf")` reads it back bit by bit); `.csv` has one line for
    each point, rates in nats, every float64 surviving the round trip.

    Raises
    ------
    InvalidInput
        Another suffix, or a folder that does not exist.
    MissingPackage
        h5netcdf is not installed.
    """
    axes = next((axes for axes, names in COLUMNS.items() if {*axes, *names} <= {*grid.variables}), None)
    if axes is None:
        raise InvalidInput("grid", grid, "must be what surface, curve or slope_curve returned")
    match File(path).suffix.lower():
        case ".nc":
            return write_bytes(path, _netcdf(grid))
        case ".csv":
            flat = grid.expand_dims([name for name in axes if name not in grid.dims]).transpose(*axes)
            places = np.meshgrid(*(flat[name].values for name in axes), indexing="ij")
            told = dict(zip(axes, places, strict=True))
            told = {name: told[name] for name in reversed(axes)} | {name: flat[name].values for name in COLUMNS[axes]}
            told["status"] = np.array([status.value for status in STATUSES])[told["status"]]
            header = [f"{name}_nat" if flat[name].attrs["units"].startswith("nat") else name for name in told]
            columns = [values.ravel().tolist() for values in told.values()]
            return write_table(path, header, list(zip(*columns, strict=True)))
    raise InvalidInput("path", str(path), "must end in .nc or .csv")


def _netcdf(grid: Any) -> memoryview:
    """In memory first: HDF5 crashes the process where a disk is full."""
    try:
        import h5netcdf  # noqa: F401
    except ImportError:
        raise MissingPackage("h5netcdf", "parallel") from None
    content: memoryview = grid.to_netcdf(None, engine="h5netcdf")
    return content


def described(dims: tuple[str, ...], told: dict[str, tuple[str, str]], values: FloatArray) -> dict[str, Any]:
    """Variables of a data set from values (*dims, len(told)), with units and meanings; whole numbers are whole."""
    variables: dict[str, Any] = {
        name: (dims, values[..., column].astype(WHOLE.get(name, np.float64)), {"units": unit, "long_name": meaning})
        for column, (name, (unit, meaning)) in enumerate(told.items())
    }
    variables["status"][2].update(
        flag_values=np.arange(len(STATUSES), dtype=np.int8),
        flag_meanings=" ".join(status.value for status in STATUSES),
    )
    return variables


def load_xarray() -> Any:
    """The package xarray."""
    try:
        import xarray
    except ImportError:
        raise MissingPackage("xarray", "plot") from None
    return xarray


def _bar(shown: bool, total: int, done: int) -> Any:
    return bar_of(total=total, initial=done, desc="R(D,P)", unit="point", disable=not shown)


def _name(source: Source) -> str:
    """A source in the words of a title: its numbers if they are few, else how many symbols it has."""
    said = title_of(source)
    return said if len(said) <= LONGEST_TITLE else f"{type(source).__name__} on {getattr(source, 'size', '?')} symbols"


def title_of(part: object) -> str:
    """What an object says of itself, in one line."""
    return " ".join(repr(part).split())


guard(__name__)
