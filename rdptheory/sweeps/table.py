"""R(D,P) at a list of points, as rows that go to a CSV file or a plot."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from rdptheory.bars import bar_of
from rdptheory.distortions import Distortion
from rdptheory.divergences import Divergence
from rdptheory.doors import guard
from rdptheory.files import write_text
from rdptheory.methods import Method
from rdptheory.side_information import SideInformation
from rdptheory.solution import Solution
from rdptheory.solve import OUTPUT
from rdptheory.sources import Source
from rdptheory.sweeps.paths import paths, solve_paths

__all__ = ["COLUMNS", "Row", "tabulate", "write_csv", "write_table"]


@dataclass(frozen=True)
class Row:
    """One point: D and P in the units of the question, rates in nats, slopes in nats per unit."""

    source: str
    D: float
    P: float
    rate_nat: float
    lower_nat: float
    upper_nat: float
    slope_D_nat: float
    slope_P_nat: float
    steps: int
    status: str

    @classmethod
    def of(cls, name: str, solution: Solution) -> Row:
        """The row of a solution."""
        bounds, slopes, problem = solution.bounds, solution.slopes, solution.problem
        return cls(
            name,
            problem.D,
            problem.P,
            solution.rate,
            bounds.lower,
            bounds.upper,
            slopes.D,
            slopes.P,
            solution.steps,
            solution.status.value,
        )


COLUMNS = tuple(field.name for field in fields(Row))


def tabulate(
    name: str,
    source: Source,
    distortion: Distortion,
    perception: Divergence | None,
    *,
    D: float | Sequence[float],
    P: float | Sequence[float],
    method: Method | None = None,
    progress: bool = False,
    side_information: SideInformation = None,
    realism: str = OUTPUT,
) -> list[Row]:
    """R(D,P) at every pair of the two lists, P outermost; `progress` shows a bar on standard error.

    The other arguments are those of `rdp`.

    >>> from rdptheory import Bernoulli, Hamming
    >>> [row] = tabulate("coin", Bernoulli(0.5), Hamming(), None, D=[0.75], P=[float("inf")])
    >>> row.rate_nat
    0.0
    """
    work = paths(source, distortion, perception, D, P, method, side_information, realism)
    solutions: Iterable[Solution] = solve_paths(work)
    if progress:
        solutions = bar_of(solutions, desc=name, unit="point", total=sum(len(path.D) for path in work))
    return [Row.of(name, solution) for solution in solutions]


def write_csv(path: str | os.PathLike[str], rows: Sequence[Row]) -> Path:
    """Write the rows with a header, whole or not at all; every float64 survives the round trip."""
    return write_table(path, COLUMNS, [astuple(row) for row in rows])


def write_table(path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a CSV file, whole or not at all, with floats in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([repr(value) if isinstance(value, float) else value for value in row] for row in rows)
    return write_text(path, text.getvalue())


guard(__name__)
