"""Run the checks on instances that a seed reproduces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf, isfinite, nan
from typing import Any
from zlib import crc32

import numpy as np

from rdptheory.distortions import Distortion
from rdptheory.divergences import Divergence
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, MissingPackage
from rdptheory.shown import as_html
from rdptheory.sources import Source
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.index import claims
from rdptheory.theorems.statement import Counterexample, Ruling, Statement, Verdict, refuted, worst

__all__ = ["Row", "generator", "verify", "verify_one"]

MOST = 1_000_000  # instances of one statement: a day of processor time
INSTANCES = 20  # of each statement: enough to meet every regime, some 8 s of processor time for the whole catalogue


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
    note : what kept the check from running, where something did; the ruling is UNDECIDED then
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
    note: str = ""

    def _repr_html_(self) -> str:
        return as_html([(name, "" if value is None else value) for name, value in self.as_json().items()])

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
            "note": self.note,
        }


def generator(key: str, seed: int, instance: int) -> np.random.Generator:
    """The generator of one instance: it depends on these three alone, not on what else is checked."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(crc32(key.encode()), instance)))


def verify(
    keys: str | Iterable[str] = (),
    *,
    source: Source | None = None,
    distortion: Distortion | None = None,
    perception: Divergence | None = None,
    D: float | None = None,
    P: float | None = None,
    instances: int = INSTANCES,
    seed: int = 0,
) -> Iterator[Row]:
    """Check statements and their counterexamples, one row each, as they are done.

    Parameters
    ----------
    keys : str, or a list of them
        A key takes everything below it, in any case: `BM19`, `BM19.T1`, `bm19.t1.root-tv`. None takes all.
    source, distortion, perception, D, P : optional
        Your own: the statement is checked on instances that have these, and what you leave out is drawn. Only
        statements take part whose instances have what you give, and no counterexamples; a statement asked for by its
        whole key must be one of them.
    instances : int
        How many to draw for each; counterexamples that are one instance are checked once.
    seed : int

    Raises
    ------
    InvalidInput
        A key that no statement has, a number of instances below 1, or a part of your own outside the conditions of the
        statement, which the message names.

    >>> [(row.key, row.ruling.value) for row in verify(["BM19.T2"], instances=2)]
    [('BM19.T2', 'HOLDS'), ('BM19.T2.fourth-power', 'HOLDS')]
    >>> from rdptheory import Pmf, TotalVariation
    >>> next(verify("bm19.t1", source=Pmf([0.5, 0.3, 0.2]), perception=TotalVariation(), instances=2)).ruling.value
    'HOLDS'
    >>> from rdptheory import AbsoluteError
    >>> verify(["BM19.T2"], source=Pmf([0.5, 0.3, 0.2]), distortion=AbsoluteError())
    Traceback (most recent call last):
    ...
    rdptheory.errors.InvalidInput: distortion = AbsoluteError(): BM19.T2: the statement needs SquaredError()
    """
    if not 1 <= instances <= MOST:
        raise InvalidInput("instances", instances, f"must be at least 1 and at most {MOST:,}")
    if seed < 0:
        raise InvalidInput("seed", seed, "must be at least 0")
    mine = Given(source, distortion, perception, D, P)
    own, unit = mine.standard()
    known, wanted = claims(), (keys,) if isinstance(keys, str) else tuple(keys)
    for key in wanted:
        if not any(_below(name, key) for name in known):
            raise InvalidInput("key", key, "no such statement; `rdptheory theorems` lists them")
    chosen = [name for name in known if not wanted or any(_below(name, key) for key in wanted)]
    if own:
        chosen = _about(own, mine, chosen, {key.upper() for key in wanted}, seed)
    rows = (verify_one(name, *known[name], instances=instances, seed=seed, given=own) for name in chosen)
    return (_in_units(row, unit) for row in rows)


def _in_units(row: Row, unit: float) -> Row:
    """A row about a source that was measured in another unit than its own, in the latter."""
    if unit == 1.0 or "units of X" not in row.unit:
        return row
    power = {"units of X": 1, "squared units of X": 2}.get(row.unit)
    if power is None:  # nats beside them are what they are
        return replace(row, unit=f"{row.unit} over {unit:g}")
    for _ in range(power):  # ending at inf, not at an error
        row = replace(row, margin=row.margin * unit, gap=row.gap * unit)
    return row


def _about(own: Given, mine: Given, chosen: list[str], whole: set[str], seed: int) -> list[str]:
    """The statements that can be about what was given; one asked for by its whole key must be."""
    known, about = claims(), []
    refused: InvalidInput | None = None
    for name in chosen:
        statement, example = known[name]
        if example is not None:
            continue
        try:
            _drawn(statement, generator(name, seed, 0), own)
        except InvalidInput as error:
            value = getattr(mine, error.argument, None)  # as it was given
            refused = InvalidInput(error.argument, error.value if value is None else value, f"{name}: {error.rule}")
            if name.upper() in whole:
                raise refused from None
        else:
            about.append(name)
    if not about:
        raise refused or InvalidInput("key", ", ".join(sorted(whole)), "a counterexample has a source of its own")
    return about


def _drawn(statement: Statement[Any], rng: np.random.Generator, given: Given) -> Any:
    """An instance with what was given in it."""
    if not given:
        return statement.draw(rng)
    mine = replace(given, asked=set())
    instance = statement.draw(rng, mine) if statement.takes_given else None
    for name in mine.unused:
        raise InvalidInput(name, getattr(mine, name), f"the instances of this statement leave no {name} to choose")
    return instance


def verify_one(
    key: str,
    statement: Statement[Any],
    example: Counterexample[Any] | None,
    *,
    instances: int,
    seed: int,
    given: Given = NOTHING,
) -> Row:
    """One statement on its instances, or one of its counterexamples."""
    count = 1 if example is not None and example.once else instances
    words = statement.words if example is None else f"{statement.key} fails outside its conditions: {example.words}"
    try:
        verdicts, note = [_verdict(statement, example, generator(key, seed, k), given) for k in range(count)], ""
    except MissingPackage as missing:
        verdicts, note = [Verdict(nan, inf)], str(missing)
    least = worst(verdicts)
    return Row(
        key,
        words,
        statement.setting,
        statement.unit,
        count,
        least.margin,
        least.gap,
        least.ruling,
        seed,
        verdicts.index(least),
        note,
    )


def _verdict(
    statement: Statement[Any], example: Counterexample[Any] | None, rng: np.random.Generator, given: Given
) -> Verdict:
    if example is None:
        return statement.check(_drawn(statement, rng, given))
    return refuted(statement.check(example.draw(rng)))


def _below(name: str, key: str) -> bool:
    return name.upper() == key.upper() or name.upper().startswith(f"{key.upper()}.")


guard(__name__)
