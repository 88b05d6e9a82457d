"""Refusals in the words of the command line: options for arguments, and the words of members for their constructors.

A verb says `perception = None: P = 0.05 needs a divergence, such as TotalVariation()`. Who typed the question reads
`--perception: -P 0.05 needs a divergence, such as tv`, and what he typed in place of what Python made of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from rdptheory.distortions import Table
from rdptheory.errors import InvalidInput, WrongCall
from rdptheory.words import DISTORTIONS, FAMILIES, PERCEPTIONS, TABLE

__all__ = ["Option", "spoken"]

SAID = {
    "discretise(source, n)": "--levels N",
    "Pmf.from_csv(path, normalise=True)": "weights:FILE.csv",
    "Table(-np.log(laws).T)": f"{TABLE}:FILE with -log q(x) for each law q",
    "Table(matrix, reference=law)": "in Python Table(matrix, reference=law)",
    "Renyi(...)": "renyi:ORDER",
    "GaussianVector of (X, Z)": "covariance of (X, Z)",
}
"""What only one of the two can write: ways out that are a function in Python, and an option or a word here."""
MEMBERS = {repr(member): word for known in (DISTORTIONS, PERCEPTIONS) for word, member in known.items()}
PARTS = {field.name: "distortion" for field in fields(Table)}
"""Arguments of what an option makes, whose refusals may come when the question is asked."""


@dataclass(frozen=True)
class Option:
    """How an argument of a command is written, and what was typed for it, if it was."""

    name: str
    typed: object = None


def spoken(refusal: InvalidInput, options: Mapping[str, Option]) -> str:
    """The sentence of a refusal for the command with these options, by the name of their argument."""
    rule = in_words(refusal.rule, options)
    if isinstance(refusal, WrongCall):
        return rule
    option = options.get(PARTS.get(refusal.argument, refusal.argument))
    if option is None:
        files = (one for one in options.values() if refusal.argument == "path" and str(one.typed) == refusal.value)
        option = next(files, Option(refusal.argument))
    value = refusal.value if option.typed is None else option.typed
    if value is None or value is True:
        return f"{option.name}: {rule}"
    return str(InvalidInput(option.name, str(value) if option.typed is not None else value, rule))


def in_words(rule: str, options: Mapping[str, Option]) -> str:
    """A rule with options for arguments, and words for what Python constructs."""
    for phrase, word in SAID.items():
        rule = rule.replace(phrase, word)
    for phrase, word in MEMBERS.items():
        rule = re.sub(rf"\b{re.escape(phrase)}", word, rule)
    for word, (_, make) in FAMILIES.items():
        said = rf"\b{make.__name__}\(([^()=]+)\)"
        rule = re.sub(said, lambda found, word=word: f"{word}:{found[1].replace(' ', '')}", rule)  # type: ignore[misc]
    for argument, option in options.items():
        rule = re.sub(rf'(?<![-\w]){argument} ?= ?"?([^\s",:;)]+)"?', rf"{option.name} \1", rule)
        if "_" in argument:
            rule = re.sub(rf"\b{argument}\b", option.name, rule)
    return rule
