"""One path of a sweep: a fixed P and a list of D. It is one task for an executor and one file of a store."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path as File
from threading import Lock
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from rdptheory._types import FloatArray
from rdptheory.distortions import Distortion
from rdptheory.divergences import Divergence
from rdptheory.errors import InvalidInput, at_least_zero
from rdptheory.files import write_whole
from rdptheory.methods import Method
from rdptheory.problems import Problem
from rdptheory.solution import Solution
from rdptheory.solve import rdp
from rdptheory.sources import Source

__all__ = ["VARIABLES", "Path", "Store", "one_thread", "paths", "solve_path", "tabulate_path"]

VARIABLES = ("rate", "lower", "upper", "slope_D", "slope_P", "steps")
"""What is kept of a solution; rates in nats, slopes in nats per unit."""


@dataclass(frozen=True, eq=False)
class Path:
    """R(D, P) of one question at a fixed P for every D of a tuple, in that order."""

    source: Source
    distortion: Distortion
    perception: Divergence | None
    D: tuple[float, ...]
    P: float
    method: Method | None = None

    @property
    def key(self) -> str:
        """A name made of every number of the question: a question that differs anywhere has another one.

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
    D: Sequence[float],
    P: Sequence[float],
    method: Method | None,
) -> list[Path]:
    """One path for each P, after a look at every number.

    Raises
    ------
    InvalidInput
        A list that is empty or repeats itself, or a limit that is negative or NaN.
    """
    lists = {"D": tuple(at_least_zero("D", d) for d in D), "P": tuple(at_least_zero("P", p) for p in P)}
    for name, values in lists.items():
        if not values or len(set(values)) < len(values):
            raise InvalidInput(name, values, "must be a list of at least one number without repetitions")
    for p in lists["P"]:
        Problem(source, distortion, perception, lists["D"][0], p)
    return [Path(source, distortion, perception, lists["D"], p, method) for p in lists["P"]]


def solve_path(path: Path) -> Iterator[Solution]:
    """The solutions along a path, one by one.

    Each starts from the question alone, so a number depends on nothing but its own point.
    """
    for D in path.D:
        with one_thread():
            solution = rdp(path.source, path.distortion, path.perception, D=D, P=path.P, method=path.method)
        yield solution


def tabulate_path(path: Path) -> FloatArray:
    """The `VARIABLES` of every point, shape (number of D, 6)."""
    return np.array(
        [(s.rate, s.bounds.lower, s.bounds.upper, s.slopes.D, s.slopes.P, float(s.steps)) for s in solve_path(path)]
    )


@dataclass(frozen=True)
class Store:
    """A folder with one `.npz` file for every finished path, named by `Path.key` and written whole or not at all."""

    folder: File

    @classmethod
    def at(cls, folder: str | os.PathLike[str]) -> Store:
        """The store in a folder, made if need be."""
        try:
            File(folder).mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise InvalidInput("store", str(folder), f"cannot be made a folder ({type(problem).__name__})") from None
        return cls(File(folder))

    def load(self, path: Path) -> FloatArray | None:
        """What `tabulate_path` gave, or None if this path is not finished."""
        try:
            with np.load(self._file(path), allow_pickle=False) as kept:
                return np.column_stack([kept[name] for name in VARIABLES])
        except FileNotFoundError:
            return None

    def save(self, path: Path, table: FloatArray) -> None:
        """Keep the table of a finished path."""
        columns: Mapping[str, Any] = dict(zip(VARIABLES, table.T, strict=True))
        write_whole(self._file(path), lambda scratch: np.savez(scratch, D=path.D, P=path.P, **columns))

    def _file(self, path: Path) -> File:
        return self.folder / f"{path.key}.npz"


class _Threads:
    """BLAS on one thread while anybody is inside: the limit belongs to the process, the users may be its threads."""

    def __init__(self) -> None:
        self.lock, self.inside, self.limit = Lock(), 0, threadpool_limits

    def enter(self) -> None:
        with self.lock:
            if self.inside == 0:
                self.held = self.limit(limits=1, user_api="blas")
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


def _absorb(digest: Any, value: object) -> None:
    """Feed a value with its type and length to a hash, so that different values give different bytes."""
    parts: Sequence[object] = ()
    if value is None or isinstance(value, (bool, int, str)):
        own = repr(value).encode()
    elif isinstance(value, float):
        own = struct.pack("<d", value)
    elif isinstance(value, np.ndarray):
        own = repr((value.dtype.str, value.shape)).encode() + value.tobytes()
    elif isinstance(value, tuple):
        own, parts = str(len(value)).encode(), value
    elif is_dataclass(value) and not isinstance(value, type):
        own = type(value).__module__.encode()
        parts = [(field.name, getattr(value, field.name)) for field in fields(value)]
    else:
        raise InvalidInput("store", value, "cannot name a question with a part that is no number, array or dataclass")
    digest.update(f"{type(value).__qualname__} {len(own)} {len(parts)} ".encode())
    digest.update(own)
    for part in parts:
        _absorb(digest, part)
