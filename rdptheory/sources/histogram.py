"""Histograms and tables as people have them: the columns of a CSV file, NumPy files, the index of a pandas column."""

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
from rdptheory.files import LARGEST_TEXT, read_bytes, read_text

__all__ = ["Histogram", "csv_lines", "csv_number", "points_of_index", "read_histogram", "read_table", "too_many"]

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
    lines, separator = csv_lines(path)
    if len(lines) < 2:
        _refuse(path, f"must be a CSV file with a header and one symbol a line: {COLUMNS}")
    header = [cell.strip().lower() for cell in lines[0][1]]
    masses = [place for place, cell in enumerate(header) if cell.rstrip("s") in MASSES or cell == "probabilities"]
    points = [place for place, cell in enumerate(header) if cell.startswith(POINTS)]
    index = [place for place, cell in enumerate(header) if cell in ("", "index") or cell.startswith("unnamed:")]
    unknown = [cell for place, cell in enumerate(header) if place not in (*masses, *points, *index)]
    if len(masses) != 1 or unknown or len(index) > 1 or len({*header}) < len(header):
        rule = f"must have a header that names each of its columns once: {COLUMNS}"
        _refuse(path, f"{rule}; it is {', '.join(cell.strip() for cell in lines[0][1])}")
    points = sorted(points, key=lambda place: _last_number(header[place])) or index
    table = np.empty((len(lines) - 1, 1 + len(points)))
    for row, (number, cells) in enumerate(lines[1:]):
        if len(cells) != len(header):
            _refuse(path, f"line {number} {too_many(len(header), 'number', len(cells), separator)}")
        for column, place in enumerate((*masses, *points)):
            value = csv_number(cells[place], separator)
            if value is None:
                rule = f"must hold {_counted(len(header), 'number')}, {header[place] or 'index'} is no number there"
                _refuse(path, f"line {number} {rule}")
            table[row, column] = value
    where = None if not points else table[:, 1] if len(points) == 1 else table[:, 1:]
    return Histogram(table[:, 0], where, header[masses[0]].startswith("probabilit"))


def read_table(path: str | os.PathLike[str]) -> FloatArray:
    """A table of numbers (n, k): lines of a CSV file, the first of which may be names, or a NumPy file (.npy).

    Raises
    ------
    InvalidInput
        No such file, or a line that holds another count of numbers than the first.
    """
    if os.fspath(path).endswith(".npy"):
        return _numpy_table(path)
    lines, separator = csv_lines(path)
    rows = [(number, [csv_number(cell, separator) for cell in cells]) for number, cells in lines]
    if rows and not any(
        cell.strip() and value is not None for cell, value in zip(lines[0][1], rows[0][1], strict=True)
    ):
        del rows[0]
    if not rows:
        _refuse(path, "must be a CSV file with one row of numbers a line, or a NumPy file that ends in .npy")
    width = len(rows[0][1])
    table = np.empty((len(rows), width))
    for row, (number, values) in enumerate(rows):
        if len(values) != width or None in values:
            if None in values:
                _refuse(path, f"line {number} must hold {_counted(width, 'number')} and nothing else")
            _refuse(path, f"line {number} {too_many(width, 'number', len(values), separator)}")
        table[row] = values
    return table


def _numpy_table(path: str | os.PathLike[str]) -> FloatArray:
    rule = "must be a NumPy file of a table of numbers"
    content = read_bytes(path, LARGEST_TEXT)
    try:
        table = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception:  # whatever a header that lies makes of it
        _refuse(path, rule)
    if not isinstance(table, np.ndarray) or table.ndim not in (1, 2) or table.dtype.kind not in "fiu" or not table.size:
        _refuse(path, rule)
    return np.asarray(table, dtype=np.float64).reshape(len(table), -1)


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


def csv_lines(path: str | os.PathLike[str]) -> tuple[list[tuple[int, list[str]]], str]:
    """The lines of a CSV file that hold something, with their numbers, and what separates their cells."""
    text = read_text(path)
    head = text.partition("\n")[0]
    separator = next((sign for sign in SEPARATORS if sign in head), ",")
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)], separator
    except csv.Error as problem:
        _refuse(path, f"line {reader.line_num} is not CSV: {problem}")


def too_many(wanted: int, what: str, held: int, separator: str) -> str:
    """What is wrong with a line of another count of cells: decimal commas, perhaps."""
    rule = f"must hold {_counted(wanted, what)}, as the first line does, holds {held}"
    return f"{rule}; beside decimal commas, semicolons or tabs separate" if separator == "," and held > wanted else rule


def _counted(many: int, what: str) -> str:
    return f"{many} {what}{'' if many == 1 else 's'}"


def csv_number(cell: str, separator: str) -> float | None:
    """What a cell says; None if that is no number."""
    text = cell.strip() if separator == "," else cell.strip().replace(",", ".")
    return float(text) if NUMBER.fullmatch(text) else None


def _refuse(path: str | os.PathLike[str], rule: str) -> NoReturn:
    raise InvalidInput("path", os.fspath(path), rule)


def _last_number(name: str) -> int:
    digits = re.search(r"\d+$", name, re.ASCII)
    return int(digits.group()) if digits else -1
