"""Where the paths of a sweep run: here, on the cores of this machine, or on a Dask cluster.

An executor maps a pure function over a list of tasks and yields (number of the task, result) as results come in. A
function that has `along`, which takes all tasks and yields their results in order, may be asked that way by an executor
that keeps the tasks in one place: what it finds for several at once is then found once.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Protocol, TypeVar

from rdptheory.doors import Has, guard
from rdptheory.errors import InvalidInput, MissingPackage, WorkerLost, count

__all__ = ["Dask", "Executor", "Joblib", "Serial"]

REPLACED = "A worker stopped while some jobs were given"
"""What joblib says where it puts a new process in place of one that has grown. No result is lost; but a caller who
makes errors of warnings would make one in joblib's own thread, and wait forever."""

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
        """In the order of the tasks, by `along` where the function has one."""
        along: Callable[[Sequence[Task]], Iterator[Result]] = getattr(function, "along", partial(map, function))
        yield from enumerate(along(tasks))


@dataclass(frozen=True)
class Joblib:
    """Processes on this machine.

    Parameters
    ----------
    workers : int, optional
        At least 1, and never more than there are tasks; all cores if left out.
    """

    workers: int | None = None

    def __post_init__(self) -> None:
        if self.workers is not None:
            count("workers", self.workers)

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[int, Result]]:
        """As they finish.

        Raises
        ------
        MissingPackage
            joblib is not installed.
        WorkerLost
            A process died.
        """
        try:
            from joblib import Parallel, delayed
            from joblib.externals.loky.process_executor import TerminatedWorkerError
        except ImportError:
            raise MissingPackage("joblib", "parallel") from None
        warnings.filterwarnings("ignore", message=REPLACED, category=UserWarning)
        jobs = -1 if self.workers is None else max(1, min(self.workers, len(tasks)))
        pool = Parallel(n_jobs=jobs, batch_size=1, return_as="generator_unordered")
        try:
            yield from pool(delayed(_numbered)(function, number, task) for number, task in enumerate(tasks))
        except TerminatedWorkerError:
            raise WorkerLost("a process of Joblib died, perhaps for want of memory") from None


Client = Annotated[Any, Has("a distributed.Client, or the address of a scheduler", ("submit", "cancel", "loop"))]


@dataclass(frozen=True)
class Dask:
    """The workers of a Dask cluster; a task whose worker dies is run again by another.

    Parameters
    ----------
    client : distributed.Client or str
        Of a cluster whose workers have rdptheory installed; or the address of its scheduler, as in
        `"tcp://10.0.0.1:8786"`.
    """

    client: Client | str

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[int, Result]]:
        """As they finish.

        Raises
        ------
        MissingPackage
            dask[distributed] is not installed.
        InvalidInput
            No scheduler answers at the address.
        WorkerLost
            Several workers died on the same task.
        """
        try:
            from distributed import Client, KilledWorker, as_completed
        except ImportError:
            raise MissingPackage("dask[distributed]", "parallel") from None
        with ExitStack() as opened:
            if isinstance(self.client, str):
                try:
                    client = opened.enter_context(Client(self.client, set_as_default=False))
                except (OSError, ValueError) as problem:
                    raise InvalidInput("client", self.client, f"no scheduler answers there ({problem})") from None
            else:
                client = self.client
            futures = [client.submit(function, task, pure=False) for task in tasks]
            opened.callback(client.cancel, futures)
            numbers = {future.key: number for number, future in enumerate(futures)}
            try:
                for future, result in as_completed(futures, with_results=True, loop=client.loop):
                    yield numbers[future.key], result
            except KilledWorker:
                raise WorkerLost("the workers of Dask died again and again on one task") from None


def _numbered(function: Callable[[Task], Result], number: int, task: Task) -> tuple[int, Result]:
    return number, function(task)


guard(__name__)
