"""What a store keeps survives kills and damage: the same bits, and nothing believed that is not its own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path as File
from typing import Any

import numpy as np
import pytest

from rdptheory import GaussianVector, InvalidInput, Pmf, SquaredError, TotalVariation
from rdptheory.sweeps import surface
from rdptheory.sweeps.paths import Store, paths, tabulate_path
from tests.checks import rounded

SOURCE = Pmf.from_weights(np.arange(1.0, 9.0))
QUESTION = (SOURCE, SquaredError(), TotalVariation())
D, P = (0.5, 1.0), (0.0, 0.05, float("inf"))
WORK = paths(*QUESTION, D, P, None)
CODE = """
import numpy as np
from rdptheory import Pmf, SquaredError, TotalVariation, surface
source = Pmf.from_weights(np.random.default_rng(0).dirichlet(np.ones(16)), np.linspace(-1.0, 1.0, 16))
grid = surface(source, SquaredError(), TotalVariation(), D=np.linspace(0.02, 0.2, 2), P=np.linspace(0.0, 0.1, 12),
               store={store!r})
print(grid.to_dict()["data_vars"]["rate"]["data"], grid.lower.values.tobytes().hex())
"""


@pytest.fixture(scope="module")
def tables() -> list[Any]:
    return [tabulate_path(path) for path in WORK]


@pytest.fixture
def store(tables: list[Any], tmp_path: File) -> Store:
    kept = Store.at(tmp_path / "kept")
    for path, table in zip(WORK, tables, strict=True):
        kept.save(path, table)
    return kept


def test_every_bit_comes_back(store: Store, tables: list[Any]) -> None:
    for path, table in zip(WORK, tables, strict=True):
        found = store.load(path)
        assert found is not None
        assert found.tobytes() == table.tobytes()


def files(store: Store) -> list[File]:
    return [store.folder / f"{path.key}.json" for path in WORK]


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut short": lambda content: content[:-40],
    "all zero": lambda content: bytes(len(content)),
    "foreign": lambda content: b"probability\n0.5\n0.5\n",
    "longer": lambda content: content + b" ",
    "digest alone": lambda content: content[:64],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_what_is_damaged_counts_as_missing(store: Store, tables: list[Any], damage: Callable[[bytes], bytes]) -> None:
    file = files(store)[0]
    file.write_bytes(damage(file.read_bytes()))
    assert store.load(WORK[0]) is None
    grid = surface(*QUESTION, D=D, P=P, store=store.folder)
    assert grid.rate.values[:, 0].tobytes() == tables[0][:, 0].tobytes()
    assert store.load(WORK[0]) is not None


def test_no_flipped_bit_is_believed(store: Store) -> None:
    file = files(store)[0]
    content = file.read_bytes()
    for bit in np.random.default_rng(0).choice(8 * len(content), 300, replace=False):
        file.write_bytes(flipped(content, int(bit)))
        assert store.load(WORK[0]) is None
    file.write_bytes(content)
    assert store.load(WORK[0]) is not None


def test_swapped_and_copied_files_are_not_believed(store: Store) -> None:
    first, second, third = files(store)
    shutil.copy(first, first.with_suffix(".spare"))
    shutil.copy(second, first)
    shutil.copy(first.with_suffix(".spare"), second)
    assert [store.load(path) is None for path in WORK] == [True, True, False]
    shutil.copy(first.with_suffix(".spare"), third)
    assert store.load(WORK[2]) is None


def forged(content: bytes, **cells: float) -> bytes:
    """The file with other numbers in its first line, and the digest that goes with them."""
    document = json.loads(content.partition(b"\n")[2])
    row = document["rows"][0]
    for name, value in cells.items():
        row[document["columns"].index(name)] = value.hex()
    kept = json.dumps(document).encode()
    return hashlib.sha256(kept).hexdigest().encode() + b"\n" + kept


@pytest.mark.parametrize(
    "cells",
    [
        {"lower": 2.0},
        {"lower": -1.0},
        {"upper": 3.0},
        {"lower": float("nan")},
        {"rate": 0.1},
        {"status": 7.0},
        {"status": 0.5},
        {"steps": -1.0},
    ],
    ids=str,
)
def test_numbers_that_no_judge_says_are_not_believed(store: Store, cells: dict[str, float]) -> None:
    file = files(store)[0]
    content = file.read_bytes()
    file.write_bytes(forged(content))
    assert store.load(WORK[0]) is not None
    file.write_bytes(forged(content, **cells))
    assert store.load(WORK[0]) is None


def test_a_table_of_another_shape_is_not_believed(store: Store) -> None:
    file = files(store)[0]
    document = json.loads(file.read_bytes().partition(b"\n")[2])
    for rows in ([], document["rows"][:1], [row[:-1] for row in document["rows"]], document["rows"][0]):
        kept = json.dumps({**document, "rows": rows}).encode()
        file.write_bytes(hashlib.sha256(kept).hexdigest().encode() + b"\n" + kept)
        assert store.load(WORK[0]) is None


def heir(factor: float, *, cached: bool = False) -> TotalVariation:
    """A divergence of one's own with a number in its object, in its class or around its function."""

    class Scaled(TotalVariation):
        weight = factor

        def __init__(self) -> None:
            object.__setattr__(self, "number", factor)

        def told(self) -> float:
            return factor

    if cached:
        del Scaled.weight
    return Scaled()


def test_numbers_of_ones_own_classes_are_part_of_the_question() -> None:
    def key(divergence: TotalVariation) -> str:
        return paths(SOURCE, SquaredError(), divergence, D, 0.05, None)[0].key

    assert key(heir(1.0)) == key(heir(1.0))
    assert len({key(heir(1.0)), key(heir(2.0)), key(heir(1.0, cached=True)), key(TotalVariation())}) == 4
    vector = GaussianVector([0.0, 0.0], [[2.0, 1.0], [1.0, 2.0]])
    path = paths(vector, SquaredError(), None, D, float("inf"), None)[0]
    before = path.key
    assert vector.principal[0].sum() == rounded(4.0)  # worked out since, and no part of the question
    assert path.key == before


def test_a_place_that_cannot_be_a_store_is_refused(tmp_path: File, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below", "a\0b", "x" * 300):
        with pytest.raises(InvalidInput, match=r"^store = "):
            Store.at(place)
    monkeypatch.setattr(os, "access", lambda place, mode: False)  # whoever may write anywhere sees no other folder
    with pytest.raises(InvalidInput, match="is a folder that cannot be written to"):
        Store.at(tmp_path)


def run(store: File, *, kill_after: float | None = None) -> str | None:
    """A process that solves 24 points into a store, and prints every bit; None if it was killed."""
    process = subprocess.Popen([sys.executable, "-c", CODE.format(store=str(store))], stdout=subprocess.PIPE, text=True)
    if kill_after is not None:
        started = time.monotonic()
        while len(os.listdir(store)) < 1 and process.poll() is None and time.monotonic() < started + 60:
            time.sleep(0.001)  # the import is over when the first path appears
        time.sleep(kill_after)
        process.send_signal(signal.SIGKILL)
    out, _ = process.communicate(timeout=120)
    return out if process.returncode == 0 else None


def test_a_sweep_killed_at_random_moments_ends_with_the_same_bits(tmp_path: File) -> None:
    whole, store = run(tmp_path / "whole"), tmp_path / "killed"
    store.mkdir()
    rng, killed = np.random.default_rng(0), 0
    for _ in range(int(os.environ.get("RDPTHEORY_KILLS", "3"))):
        for file in [*store.iterdir()][1:]:
            file.unlink()  # most is missing again, so that every kill comes in the middle
        killed += run(store, kill_after=rng.uniform(0.0, 0.15)) is None
    assert killed > 0
    assert run(store) == whole
    assert not [name for name in os.listdir(store) if len(name) != 64 + len(".json") and not name.startswith(".")]


def test_two_processes_on_one_store_agree(tmp_path: File) -> None:
    command = [sys.executable, "-c", CODE.format(store=str(tmp_path / "shared"))]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = (process.communicate(timeout=120)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert first == second
    assert len(os.listdir(tmp_path / "shared")) == 12
