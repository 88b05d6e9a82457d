"""Run the checks on instances that a seed reproduces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any
from zlib import crc32

import numpy as np

from rdptheory.errors import InvalidInput
from rdptheory.theorems.index import claims
from rdptheory.theorems.statement import Counterexample, Ruling, Statement, refuted, worst

__all__ = ["Row", "generator", "verify", "verify_one"]

INSTANCES = 20


@dataclass(frozen=True)
class Row:
    """What became of one statement.

    Attributes
    ----------
    key, statement, setting, unit : from the catalogue
    instances : how many were tried
    margin : the smallest certified slack, in `unit` (`Verdict.margin`)
    gap : width of the brackets behind that margin
    ruling : HOLDS, VIOLATED or UNDECIDED; for a counterexample HOLDS says that the statement fails there
    seed : of the run
    instance : number of the instance of the smallest margin: `generator(key, seed, instance)` draws it again
    """

    key: str
    statement: str
    setting: str
    unit: str
    instances: int
    margin: float
    gap: float
    ruling: Ruling
    seed: int
    instance: int

    def as_json(self) -> dict[str, Any]:
        """Plain values; null for a margin or gap that is not finite."""
        return {
            "key": self.key,
            "statement": self.statement,
            "setting": self.setting,
            "instances": self.instances,
            "margin": self.margin if isfinite(self.margin) else None,
            "verdict": self.ruling.value,
            "unit": self.unit,
            "gap": self.gap if isfinite(self.gap) else None,
            "seed": self.seed,
            "instance": self.instance,
        }


def generator(key: str, seed: int, instance: int) -> np.random.Generator:
    """The generator of one instance: it depends on these three alone, not on what else is checked."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(crc32(key.encode()), instance)))


def verify(keys: Iterable[str] = (), *, instances: int = INSTANCES, seed: int = 0) -> Iterator[Row]:
    """Check statements and their counterexamples, one row each, as they are done.

    Parameters
    ----------
    keys : str
        A key takes everything below it: `BM19`, `BM19.T1`, `BM19.T1.root-tv`. None takes all.
    instances : int
        How many to draw for each; counterexamples that are one instance are checked once.
    seed : int

    Raises
    ------
    InvalidInput
        A key that no statement has, or a number of instances below 1.

    >>> [(row.key, row.ruling.value) for row in verify(["BM19.T2"], instances=2)]
    [('BM19.T2', 'HOLDS'), ('BM19.T2.fourth-power', 'HOLDS')]
    """
    if instances < 1:
        raise InvalidInput("instances", instances, "must be at least 1")
    if seed < 0:
        raise InvalidInput("seed", seed, "must be at least 0")
    known, wanted = claims(), tuple(keys)
    for key in wanted:
        if not any(_below(name, key) for name in known):
            raise InvalidInput("key", key, "no such statement; `rdptheory theorems` lists them")
    chosen = [name for name in known if not wanted or any(_below(name, key) for key in wanted)]
    return (verify_one(name, *known[name], instances=instances, seed=seed) for name in chosen)


def verify_one(
    key: str, statement: Statement[Any], example: Counterexample[Any] | None, *, instances: int, seed: int
) -> Row:
    """One statement on its instances, or one of its counterexamples."""
    count = 1 if example is not None and example.once else instances
    draw = statement.draw if example is None else example.draw
    verdicts = [statement.check(draw(generator(key, seed, k))) for k in range(count)]
    if example is not None:
        verdicts = [refuted(verdict) for verdict in verdicts]
    least = worst(verdicts)
    return Row(
        key,
        statement.words if example is None else f"{statement.key} fails outside its conditions: {example.words}",
        statement.setting,
        statement.unit,
        count,
        least.margin,
        least.gap,
        least.status,
        seed,
        verdicts.index(least),
    )


def _below(name: str, key: str) -> bool:
    return name == key or name.startswith(f"{key}.")
