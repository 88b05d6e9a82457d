"""Text files that are read back: bits flip, ends are lost, pieces vanish or appear; each is read, or one sentence.

RDPTHEORY_FLIPS=3000 makes a long campaign of it. Stores, checkpoints, results and images have theirs beside them.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rdptheory import InvalidInput, Pmf
from rdptheory.demo import _studied
from rdptheory.placement import read_measurements
from rdptheory.sources.histogram import read_table

FLIPS = int(os.environ.get("RDPTHEORY_FLIPS", "150"))
WORDS = (
    b"nan",
    b"1e999",
    b"-1",
    b"null",
    b"[",
    b'"',
    b"9" * 400,
    b"\x00",
    b"{}",
    b"true",
    b"\xff\xfe",
    b"e",
    b"[" * 9999,
)
RESULTS = {"name": "x", "results": {"bpp": [0.1, 0.2], "psnr-rgb": [30.1, 32], "P": [None, 0.1]}}
STUDIES = [{"id": "a", "claim": "b", "measured": 0.5, "tolerance": [0.1, None], "expect": "pass", "verdict": "pass"}]


def stored(table: np.ndarray) -> bytes:
    """What NumPy writes of it."""
    stream = io.BytesIO()
    np.save(stream, table)
    return stream.getvalue()


FILES: dict[str, tuple[Callable[[Path], Any], bytes]] = {
    "counts.csv": (Pmf.from_csv, b"level,count\n0,3\n1,4\n2,9\n"),
    "law.csv": (lambda path: Pmf.from_csv(path, normalise=True), "\ufeffvalue;probability\n0;0.25\n1;0.75\n".encode()),
    "codec.csv": (read_measurements, b"name,rate_bits,D,P\nmine,1.0,0.3,0.02\nother,0.5,0.3,\n"),
    "codec.json": (read_measurements, json.dumps(RESULTS).encode()),
    "table.csv": (read_table, b"zero,one\n0.9,0.1\n0.2,0.8\n"),
    "table.npy": (read_table, stored(np.array([[0.9, 0.1], [0.2, 0.8]]))),
    "studies.json": (_studied, json.dumps(STUDIES).encode()),
}


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """One way in which a file is no longer what was written."""
    changed, place = bytearray(content), int(rng.integers(len(content)))
    match int(rng.integers(5)):
        case 0:
            return content[:place]
        case 1:
            changed[place] ^= 1 << int(rng.integers(8))
        case 2:
            changed[place:place] = rng.bytes(int(rng.integers(1, 6)))
        case 3:
            del changed[place : int(rng.integers(len(content))) or None]
        case _:
            changed[place : place + 1] = WORDS[rng.integers(len(WORDS))]
    return bytes(changed)


def refusals(read: Callable[[Path], Any], path: Path, content: bytes, count: int) -> int:
    """How many of so many damaged files are refused, each in a sentence of one line that names the argument."""
    rng, said = np.random.default_rng(3), []
    for _ in range(count):
        path.write_bytes(damaged(content, rng))
        try:
            read(path)
        except InvalidInput as problem:
            said.append(problem)
    assert {one.argument for one in said} <= {"path", "studies", "probabilities", "weights", "points"}
    assert not [one for one in map(str, said) if "\n" in one or len(one) > 1000]
    return len(said)


@pytest.mark.parametrize("name", FILES)
def test_damage_is_read_or_one_sentence(tmp_path: Path, name: str) -> None:
    read, content = FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    read(path)
    assert refusals(read, path, content, FLIPS) > 0.5 * FLIPS


def test_a_reader_that_lets_an_exception_out_is_found(tmp_path: Path) -> None:
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError, RecursionError)):
        refusals(lambda path: json.loads(path.read_bytes()), tmp_path / "raw.json", FILES["codec.json"][1], FLIPS)
