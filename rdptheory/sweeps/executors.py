"""Where the paths of a sweep run: here, on the cores of this machine, or on a Dask cluster.

An executor maps a pure function over a list of tasks and yields (number of the task, result) as results come in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, MissingPackage

__all__ = ["Dask", "Executor", "Joblib", "Serial"]

Task = TypeVar("Task")
Result = TypeVar("Result")


class Executor(Protocol):
    """Anything that maps a function over tasks."""

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[int, Result]]:
        """Yield (number, function(tasks[number])) once for every task, in any order."""
        ...


@dataclass(frozen=True)
class Serial:
    """One after the other, in this process."""

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[int, Result]]:
        """In the order of the tasks."""
        for number, task in enumerate(tasks):
            yield number, function(task)


@dataclass(frozen=True)
class Joblib:
    """Processes on this machine.

    Parameters
    ----------
    workers : int, optional
        At least 1; all cores if left out.
    """

    workers: int | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and (type(self.workers) is not int or self.workers < 1):
            raise InvalidInput("workers", self.workers, "must be an integer at least 1, or None for all cores")

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[int, Result]]:
        """As they finish.

        Raises
        ------
        MissingPackage
            joblib is not installed.
        """
        try:
            from joblib import Parallel, delayed
        except ImportError:
            raise MissingPackage("joblib", "parallel") from None
        jobs = -1 if self.workers is None else self.workers
        pool = Parallel(n_jobs=jobs, batch_size=1, return_as="generator_unordered")
        yield from pool(delayed(_numbered)(function, number, task) for number, task in enumerate(tasks))


@dataclass(frozen=True)
class Dask:
    """The workers of a Dask cluster; a task whose worker dies is run again by another.

    Parameters
    ----------
    client : distributed.Client
        Of a cluster whose workers have rdptheory installed.
    """

    client: Any

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[int, Result]]:
        """As they finish.

        Raises
        ------
        MissingPackage
            dask[distributed] is not installed.
        """
        try:
            from distributed import as_completed
        except ImportError:
            raise MissingPackage("dask[distributed]", "parallel") from None
        futures = [self.client.submit(function, task, pure=False) for task in tasks]
        numbers = {future.key: number for number, future in enumerate(futures)}
        try:
            for future, result in as_completed(futures, with_results=True, loop=self.client.loop):
                yield numbers[future.key], result
        finally:
            self.client.cancel(futures)


def _numbered(function: Callable[[Task], Result], number: int, task: Task) -> tuple[int, Result]:
    return number, function(task)


guard(__name__)
