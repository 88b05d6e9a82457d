"""Histograms as people have them: the columns of a CSV file, and the index of a pandas column."""

from __future__ import annotations

import csv
import io
import os
import re
import sys
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from rdptheory._types import ArrayLike, FloatArray
from rdptheory.errors import InvalidInput, reals
from rdptheory.files import read_text

__all__ = ["Histogram", "points_of_index", "read_histogram"]

MASSES = ("probability", "weight", "count")
POINTS = ("point", "level", "value")
COLUMNS = (
    "a column probability, weight or count, and columns point..., level or value if the symbols are not 0, 1, 2, ..."
)
SEPARATORS = ";\t,"  # the first that the header holds: a comma may also be the decimal sign of the other two
NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?|[-+]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Histogram:
    """Masses (n,), points (n,), (n, k) or None, and whether the column of masses says that they sum to 1."""

    masses: FloatArray
    points: FloatArray | None
    normalised: bool


def read_histogram(path: str | os.PathLike[str]) -> Histogram:
    """The table in a CSV file whose header names its columns, in any order.

    Raises
    ------
    InvalidInput
        No file of text, a header that leaves a doubt, or a line that is not as many numbers.
    """
    name = os.fspath(path)

    def refuse(rule: str) -> NoReturn:
        raise InvalidInput("path", name, rule)

    text = read_text(path)
    head = text.partition("\n")[0]
    separator = next((sign for sign in SEPARATORS if sign in head), ",")
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as problem:
        refuse(f"line {reader.line_num} is not CSV: {problem}")
    if len(lines) < 2:
        refuse(f"must be a CSV file with a header and one symbol a line: {COLUMNS}")
    header = [cell.strip().lower() for cell in lines[0][1]]
    masses = [place for place, cell in enumerate(header) if cell.rstrip("s") in MASSES or cell == "probabilities"]
    points = [place for place, cell in enumerate(header) if cell.startswith(POINTS)]
    index = [place for place, cell in enumerate(header) if cell in ("", "index") or cell.startswith("unnamed:")]
    unknown = [cell for place, cell in enumerate(header) if place not in (*masses, *points, *index)]
    if len(masses) != 1 or unknown or len(index) > 1 or len({*header}) < len(header):
        doubt = f", and not {', '.join(unknown)}" if unknown and masses else ""
        refuse(f"must have a header that names each of its columns once: {COLUMNS}{doubt}")
    points = sorted(points, key=lambda place: _last_number(header[place])) or index
    table = np.empty((len(lines) - 1, 1 + len(points)))
    for row, (number, cells) in enumerate(lines[1:]):
        if len(cells) != len(header):
            refuse(f"line {number} must hold {len(header)} numbers, holds {len(cells)}")
        for column, place in enumerate((*masses, *points)):
            cell = cells[place].strip()
            cell = cell if separator == "," else cell.replace(",", ".")
            if not NUMBER.fullmatch(cell):
                refuse(f"line {number} must hold {len(header)} numbers, {header[place] or 'index'} is no number there")
            table[row, column] = float(cell)
    where = None if not points else table[:, 1] if len(points) == 1 else table[:, 1:]
    return Histogram(table[:, 0], where, header[masses[0]].startswith("probabilit"))


def points_of_index(argument: str, masses: ArrayLike, points: ArrayLike | None) -> ArrayLike | None:
    """The points of a law: those given, else the index of a pandas Series, else None.

    Raises
    ------
    InvalidInput
        The index holds something else than numbers, so that the points must be given.
    """
    pandas = sys.modules.get("pandas")  # a Series exists only where somebody has imported it
    if points is not None or pandas is None or not isinstance(masses, pandas.Series):
        return points
    try:
        return reals(argument, masses.index)
    except InvalidInput:
        raise InvalidInput(
            argument, masses, "is a Series whose index is no list of numbers: give points, or .to_numpy()"
        ) from None


def _last_number(name: str) -> int:
    digits = re.search(r"\d+$", name, re.ASCII)
    return int(digits.group()) if digits else -1
