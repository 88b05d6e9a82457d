"""One path of a sweep: a fixed P and a list of D. It is one task for an executor and one file of a store."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from pathlib import Path as File
from threading import Lock
from types import CodeType, FunctionType, MemberDescriptorType
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from rdptheory._types import FloatArray
from rdptheory.distortions import Distortion, signed
from rdptheory.divergences import Divergence
from rdptheory.doors import ours
from rdptheory.errors import InvalidInput, at_least_zero, real
from rdptheory.files import made_folder, read_bytes, write_bytes
from rdptheory.methods import Method
from rdptheory.problems import Problem
from rdptheory.side_information import SideInformation
from rdptheory.solution import Solution, Status
from rdptheory.solve import OUTPUT, answers, posed
from rdptheory.sources import Source

__all__ = [
    "STATUSES",
    "VARIABLES",
    "Path",
    "Store",
    "one_thread",
    "paths",
    "solve_paths",
    "tabulate_path",
]

VARIABLES = ("rate", "lower", "upper", "slope_D", "slope_P", "steps", "status")
"""What is kept of a solution; rates in nats, slopes in nats per unit, the status by its place in `STATUSES`."""
MOST_POINTS = 10_000_000
"""Of one sweep: at a millisecond each they take three hours, and a table of them half a gigabyte."""
STATUSES = tuple(Status)
WRITTEN = {"<string>", dataclasses.__file__}
"""Files of the functions that `dataclass` writes into a class."""
LARGEST_FILE = 2**26
"""Bytes of one path in a store: half a million points."""


@dataclass(frozen=True, eq=False)
class Path:
    """R(D, P) of one question at a fixed P for every D of a tuple, in that order."""

    source: Source
    distortion: Distortion
    perception: Divergence | None
    D: tuple[float, ...]
    P: float
    method: Method | None = None
    side_information: SideInformation = None
    realism: str = OUTPUT

    @property
    def key(self) -> str:
        """A name made of every number of the question: a question that differs anywhere has another one.

        A class of one's own is part of the question, with its numbers and its code; what its functions read from
        elsewhere is not seen.

        Raises
        ------
        InvalidInput
            A part of the question is neither a number, an array, a sentence nor a dataclass of those.
        """
        digest = hashlib.sha256()
        _absorb(digest, self)
        return digest.hexdigest()


def paths(
    source: Source,
    distortion: Distortion,
    perception: Divergence | None,
    D: float | Sequence[float],
    P: float | Sequence[float],
    method: Method | None,
    side_information: SideInformation = None,
    realism: str = OUTPUT,
) -> list[Path]:
    """One path for each P, after a look at every number.

    Raises
    ------
    InvalidInput
        A list that is empty or repeats itself, or a limit that is negative or NaN.
    """
    given = {name: values if isinstance(values, Sequence) else (values,) for name, values in (("D", D), ("P", P))}
    checks = {"D": real if signed(distortion) else at_least_zero, "P": at_least_zero}
    lists = {name: tuple(checks[name](name, value) for value in values) for name, values in given.items()}
    for name, values in lists.items():
        if not values or len(set(values)) < len(values):
            raise InvalidInput(name, values, "must be a list of at least one number without repetitions")
    if len(lists["D"]) * len(lists["P"]) > MOST_POINTS:
        raise InvalidInput("D", lists["D"], f"times P must be at most {MOST_POINTS:,} points")
    for p in lists["P"]:
        problem = posed(source, distortion, perception, lists["D"][0], p, side_information, realism)
        source = problem.source
        side_information = None if isinstance(problem, Problem) else problem.side_information
    return [Path(source, distortion, perception, lists["D"], p, method, side_information, realism) for p in lists["P"]]


def solve_paths(work: Sequence[Path]) -> Iterator[Solution]:
    """The solutions along paths of one method, one by one; a number depends on nothing but its own point."""
    asked = (
        posed(path.source, path.distortion, path.perception, D, path.P, path.side_information, path.realism)
        for path in work
        for D in path.D
    )
    found = answers(asked, work[0].method)
    for _ in range(sum(len(path.D) for path in work)):
        with one_thread():
            solution = next(found)
        yield solution


@dataclass(frozen=True)
class Tabulate:
    """The `VARIABLES` of every point of a path, shape (number of D, 7): a function for an executor."""

    def __call__(self, path: Path) -> FloatArray:
        """Those of one path, as a task of its own."""
        return next(self.along([path]))

    def along(self, work: Sequence[Path]) -> Iterator[FloatArray]:
        """Those of every path of one method, as they are finished: short paths are solved together."""
        found = solve_paths(work) if work else iter(())
        for path in work:
            with one_thread():  # once for all points: to look for the pools takes as long as one
                table = np.array([_numbers(next(found)) for _ in path.D])
            yield table


tabulate_path = Tabulate()


def _numbers(solution: Solution) -> tuple[float, ...]:
    bounds, slopes = solution.bounds, solution.slopes
    status = float(STATUSES.index(solution.status))
    return solution.rate, bounds.lower, bounds.upper, slopes.D, slopes.P, float(solution.steps), status


@dataclass(frozen=True)
class Store:
    """A folder with one file for every finished path, named by `Path.key` and written whole or not at all.

    A file holds the SHA-256 of what follows, then the question it answers and its numbers, every bit of them. One
    that is damaged, answers another question, or holds what no judge says, counts as missing: its path is solved again
    and the file replaced.
    """

    folder: File

    @classmethod
    def at(cls, folder: str | os.PathLike[str]) -> Store:
        """The store in a folder, made if need be."""
        return cls(made_folder("store", folder))

    def load(self, path: Path) -> FloatArray | None:
        """What `tabulate_path` gave, or None if this path is not finished."""
        file = self._file(path)
        try:
            digest, _, kept = read_bytes(file, LARGEST_FILE).partition(b"\n")
            if digest.decode() != hashlib.sha256(kept).hexdigest():
                return None
            document = json.loads(kept)
            if any(document[name] != value for name, value in _asked(path).items()):
                return None
            table = np.array([[float.fromhex(text) for text in row] for row in document["rows"]])
            return table if _answers(table, path) else None
        except (InvalidInput, ValueError, KeyError, TypeError):  # no such file, or none of ours
            return None

    def save(self, path: Path, table: FloatArray) -> None:
        """Keep the table of a finished path."""
        rows = [[float(value).hex() for value in row] for row in table]
        kept = json.dumps({**_asked(path), "rows": rows}).encode()
        write_bytes(self._file(path), hashlib.sha256(kept).hexdigest().encode() + b"\n" + kept)

    def _file(self, path: Path) -> File:
        return self.folder / f"{path.key}.json"


def _asked(path: Path) -> dict[str, Any]:
    """The question of a path, and how its answer is written."""
    D = [value.hex() for value in path.D]
    return {"question": path.key, "columns": [*VARIABLES], "D": D, "P": path.P.hex()}


def _answers(table: FloatArray, path: Path) -> bool:
    """Whether numbers can be the answers along a path: a line each, with brackets that are none the wrong way round."""
    if table.shape != (len(path.D), len(VARIABLES)):
        return False
    rate, lower, upper, _, _, steps, status = table.T
    whole = bool(np.isin(status, range(len(STATUSES))).all() and ((steps >= 0.0) & (steps == np.floor(steps))).all())
    return whole and bool(((lower <= upper) & (lower >= 0.0) & (rate == upper)).all())


class _Threads:
    """BLAS on one thread while anybody is inside: the limit belongs to the process, the users may be its threads."""

    def __init__(self) -> None:
        self.lock, self.inside, self.seen = Lock(), 0, -1

    def enter(self) -> None:
        with self.lock:
            if self.inside == 0:
                if self.seen != len(sys.modules):  # no import, no new pool: to look for them takes milliseconds
                    self.pools, self.seen = ThreadpoolController(), len(sys.modules)
                self.held = self.pools.limit(limits=1, user_api="blas")
            self.inside += 1

    def leave(self) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                self.held.restore_original_limits()


_threads = _Threads()


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS on one thread for the time of a `with` block: the number of threads would change bits."""
    _threads.enter()
    try:
        yield
    finally:
        _threads.leave()


UNNAMED = (
    "cannot name a question with a part that is no number, array or dataclass: make a method of your own a @dataclass, "
    "and the function of a Distance an object of a @dataclass with __call__"
)


def _absorb(digest: Any, value: object) -> None:
    """Feed a value with its type and length to a hash, so that different values give different bytes."""
    parts: Sequence[object] = ()
    if value is None or isinstance(value, (bool, int, str, bytes)):
        own = repr(value).encode()
    elif isinstance(value, float):
        own = struct.pack("<d", value)
    elif isinstance(value, np.ndarray):
        own = repr((value.dtype.str, value.shape)).encode() + value.tobytes()
    elif isinstance(value, tuple):
        own, parts = str(len(value)).encode(), value
    elif is_dataclass(value) and not isinstance(value, type):
        own = type(value).__module__.encode()
        parts = (*_state(value), *(part for heir in type(value).__mro__ if not _known(heir) for part in _body(heir)))
    else:
        raise InvalidInput("store", value, UNNAMED)
    digest.update(f"{type(value).__qualname__} {len(own)} {len(parts)} ".encode())
    digest.update(own)
    for part in parts:
        _absorb(digest, part)


def _state(value: Any) -> list[tuple[str, object]]:
    """The fields of an object, then what else its constructor put into it; what it worked out since is none."""
    names = [field.name for field in fields(value)]
    rest = sorted({*getattr(value, "__dict__", ())} - {*names})
    rest = [name for name in rest if not isinstance(getattr(type(value), name, None), cached_property)]
    return [(name, getattr(value, name)) for name in (*names, *rest)]


def _known(cls: type) -> bool:
    """Whether a class is one of this package or of Python, which a key need not describe."""
    return ours(cls) or cls.__module__ in sys.stdlib_module_names


def _body(cls: type) -> Iterator[tuple[str, object]]:
    """What the class of a user says: its numbers, and the code of its functions."""
    for name, member in sorted(vars(cls).items()):
        found = getattr(member, "fget", getattr(member, "func", getattr(member, "__func__", member)))
        if isinstance(found, FunctionType):
            if found.__code__.co_filename not in WRITTEN:
                yield name, (*_code(found.__code__), _inside(found))
        elif not name.startswith(("__", "_abc")) and not isinstance(found, MemberDescriptorType):
            yield name, _plain(found)


def _inside(function: FunctionType) -> tuple[object, ...]:
    """What a function holds of its own: defaults, and the variables around it; classes there are but names."""
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    held = [part.__qualname__ if isinstance(part, (type, FunctionType)) else _plain(part) for part in held]
    return (*(function.__defaults__ or ()), *sorted((function.__kwdefaults__ or {}).items()), *held)


def _plain(part: object) -> object:
    """A collection in words."""
    return repr(part) if isinstance(part, (list, dict, set, frozenset)) else part


def _code(code: CodeType) -> tuple[object, ...]:
    """Code as what it does: a change of comments or lines is none."""
    consts = (_code(part) if isinstance(part, CodeType) else repr(part) for part in code.co_consts)
    return (code.co_code, code.co_names, *consts)
