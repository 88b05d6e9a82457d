"""Kinds of arguments in words: what a refusal of `rdptheory.doors` says should have come."""

from __future__ import annotations

import collections.abc
import re
import typing
from typing import Any

from rdptheory._types import FloatArray

__all__ = ["ADVICE", "LISTS", "WORDS", "advice", "named", "protocol"]

LISTS = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
EXAMPLES = {
    "DiscreteProblem": "Problem(...).discrete",
    "DiscreteSource": "Pmf([0.5, 0.3, 0.2])",
    "Distortion": "SquaredError()",
    "Divergence": "TotalVariation()",
    "Generator": "numpy.random.default_rng(0)",
    "Method": "InteriorPoint()",
    "Tensor": "torch.as_tensor(array) or torch.stack(list_of_tensors)",
}
"""What to write for the kinds that a newcomer gives something else for; by name, for their rooms are higher."""
OF_NUMBERS = {"DiscreteSource": "Pmf(probabilities) or Empirical(samples)", "Distortion": "Table(matrix)"}
"""What makes one of those kinds of an array."""
ADVICE = re.compile("(.*?)((?:, (?:and not|not a|as in) .*)?)$", re.DOTALL)  # a kind, what `advice` adds
OWN = ("rdptheory", "neural", "builtins", "pathlib", "os")
"""Packages whose classes are named without their package."""
WORDS = {
    float: "a real number",
    int: "an integer",
    bool: "True or False",
    str: "a text",
    FloatArray: "an array of real numbers",
}


def named(hints: tuple[Any, ...]) -> str:
    """Kinds in words, as in "a Gaussian, a Pmf or None"."""
    words: list[str] = []
    for hint in hints:
        if hint is type(None):
            words.append("None")
        elif hint in WORDS:
            words.append(WORDS[hint])
        elif typing.get_origin(hint) in LISTS:
            words.append("a list")
        elif typing.get_origin(hint) is typing.Annotated:  # by what `doors.Has` calls it, if it is there
            words.append(
                next((mark.named for mark in hint.__metadata__ if hasattr(mark, "named")), named(hint.__args__))
            )
        elif protocol(hint):
            methods = sorted(name for name in dir(hint) if not name.startswith("_") and callable(getattr(hint, name)))
            words.append(f"{_with_article(hint.__name__)} (an object with {', '.join(methods)})")
        else:
            package, name = getattr(hint, "__module__", "").partition(".")[0], getattr(hint, "__name__", str(hint))
            words.append(_with_article(name if package in OWN else f"{package}.{name}"))
    words = [*dict.fromkeys(words)]  # two kinds of lists are one word
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _with_article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOaeio' else 'a'} {name}"


def advice(value: Any, hints: tuple[Any, ...] = ()) -> str:
    """What the sentence goes on with after the kind, for who came with something else."""
    if isinstance(value, type):
        return f", not a class: call it, as in {value.__name__}(...)"
    numbers = isinstance(value, (list, tuple)) or hasattr(value, "__array__")
    known = EXAMPLES | OF_NUMBERS if numbers else EXAMPLES
    example = next((known[name] for hint in hints if (name := getattr(hint, "__name__", "")) in known), None)
    said = ", and not a text" if isinstance(value, str) else ""
    return said if example is None else f"{said}, as in {example}"


def protocol(kind: Any) -> bool:
    """Whether a class says what methods an object should have, and no more."""
    return bool(getattr(kind, "_is_protocol", False))
