"""The words of the command line as objects: numbers, grids, sources, distortions, divergences, and places for files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict, TypeVar

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.distortions import AbsoluteError, Distortion, Hamming, LogLoss, SquaredError, Table
from rdptheory.divergences import (
    ChiSquare,
    Divergence,
    JensenShannon,
    KullbackLeibler,
    Renyi,
    ReverseKullbackLeibler,
    SquaredHellinger,
    TotalVariation,
    Wasserstein1,
    Wasserstein2Squared,
)
from rdptheory.errors import InvalidInput, MissingPackage, at_least_zero
from rdptheory.files import replaceable
from rdptheory.solve import OUTPUT
from rdptheory.sources import (
    Bernoulli,
    ContinuousSource,
    Exponential,
    Gaussian,
    GaussianMixture,
    GaussianVector,
    Laplace,
    Logistic,
    Pmf,
    Source,
    StudentT,
    Uniform,
    discretise,
)
from rdptheory.sources.histogram import read_table

__all__ = [
    "DISTORTIONS", "FAMILIES", "PERCEPTIONS", "PICTURES", "RENYI", "TABLE", "UNSEEN", "Question", "Seen",
    "as_distortion", "as_limit", "as_limits", "as_number", "as_numbers", "as_perception", "as_question",
    "as_radius", "as_relevance", "as_seen", "as_source", "check_outputs", "check_text",
]  # fmt: skip

Question = tuple[Source, Distortion, Divergence | None]


class Seen(TypedDict):
    """What both ends see beside the source, and what δ compares then: arguments of the verbs."""

    side_information: FloatArray | GaussianVector | None
    realism: str


UNSEEN = Seen(side_information=None, realism=OUTPUT)

# By the word on the command line: how many numbers follow it, and what takes them.
FAMILIES: dict[str, tuple[int, Callable[..., Source]]] = {
    "bernoulli": (1, Bernoulli),
    "gaussian": (2, Gaussian),
    "uniform": (2, Uniform),
    "laplace": (2, Laplace),
    "t": (1, StudentT),
    "logistic": (2, Logistic),
    "exponential": (1, Exponential),
}
FILES = ("pmf", "weights")
"""Sources that are a file: its masses as they are, or divided by their sum."""
DISTORTIONS: dict[str, Distortion] = {
    "hamming": Hamming(),
    "squared": SquaredError(),
    "absolute": AbsoluteError(),
    "log": LogLoss(),
}
PERCEPTIONS: dict[str, Divergence | None] = {
    "none": None,
    "tv": TotalVariation(),
    "kl": KullbackLeibler(),
    "reverse-kl": ReverseKullbackLeibler(),
    "js": JensenShannon(),
    "chi2": ChiSquare(),
    "hellinger": SquaredHellinger(),
    "w1": Wasserstein1(),
    "w2": Wasserstein2Squared(),
}
Member = TypeVar("Member")
TABLE = "table"
"""A distortion that is a file: d(x, y), a row for each symbol."""
RENYI = "renyi"
"""A divergence that takes a number: its order."""
PICTURES = (".png", ".pdf", ".svg")
NUMBER = re.compile(r"[-+]?((0|[1-9]\d*)(\.\d*)?|\.\d+)(e[-+]?\d+)?|[-+]?inf|nan", re.ASCII | re.IGNORECASE)
"""No 05, which is what stands behind the comma of 0,05 where a list is read."""
DECIMAL_COMMA = re.compile(r"\d,\d|^\s*0\d", re.ASCII)
POINT = "the decimal sign is a point"
COUNT = re.compile(r"\d{1,6}", re.ASCII)
"""Up to a million numbers in a list: a sweep refuses what is too much."""


def as_number(argument: str, text: str) -> float:
    """A number, which the question that takes it checks."""
    return _number(argument, text, "must be a number (inf is allowed)")


def as_limit(argument: str, text: str) -> float:
    """A number at least 0, or inf."""
    return at_least_zero(argument, _number(argument, text, "must be a number at least 0 (inf is allowed)"))


def as_numbers(argument: str, text: str, most: int | None = None) -> list[float]:
    """Numbers with commas between them, as many as are asked for."""
    parts = text.split(",")
    if most is not None and len(parts) != most:
        count = "1 limit" if most == 1 else f"{most} limits"
        raise InvalidInput(argument, text, f"must be {count}, one for each distortion, with commas between; {POINT}")
    return [_number(argument, part, "must be numbers with commas between (inf is allowed)", text) for part in parts]


def as_radius(P: str | None, perception: Divergence | None) -> str:
    """The word for P, which nobody may forget beside a divergence; without one it is inf."""
    if P is None and perception is not None:
        raise InvalidInput("P", P, "must be given beside a divergence (inf lifts the limit)")
    return "inf" if P is None else P


def as_limits(argument: str, text: str) -> list[float]:
    """LOW:HIGH:COUNT, or numbers with commas between them; the question that takes them checks them."""
    if ":" not in text:
        return as_numbers(argument, text)
    low_word, _, rest = text.partition(":")
    high_word, _, steps = rest.partition(":")
    if not COUNT.fullmatch(steps) or int(steps) < 2:
        rule = "must be LOW:HIGH:COUNT with COUNT from 2 to 999999, or a comma-separated list"
        raise InvalidInput(argument, text, rule)
    low, high = as_number(argument, low_word), as_number(argument, high_word)
    if not float("-inf") < low < high < float("inf"):
        raise InvalidInput(argument, text, "needs LOW below HIGH, both finite")
    last = int(steps) - 1
    return [low + (high - low) * k / last for k in range(last + 1)]


def as_source(text: str, levels: int | None = None) -> Source:
    """A family with its parameters, or a file; made finite with so many points, if levels are given."""
    with _part("source", text):
        made = _source(text)
    if levels is None:
        return made
    if not isinstance(made, ContinuousSource):
        raise InvalidInput("levels", levels, "needs a source with a density")
    with _part("levels", str(levels), renamed=("n",)):
        return discretise(made, levels)


def _source(text: str) -> Source:
    word, _, rest = text.partition(":")
    family = word.strip().lower()
    if family in FILES:
        return Pmf.from_csv(rest, normalise=family == "weights")
    if family == "mixture":
        return _mixture(text, rest)
    if family not in FAMILIES:
        names = ", ".join((*FAMILIES, "mixture", *FILES))
        raise InvalidInput("source", text, f"must be one of {names}, as in laplace:0,1 or pmf:FILE.csv")
    count, make = FAMILIES[family]
    rule = f"{family} takes {count} number{'s with commas between them' if count > 1 else ''} behind a colon"
    parts = rest.split(",")
    if len(parts) != count:
        raise InvalidInput("source", text, rule if len(parts) < count else f"{rule}; {POINT}")
    return make(*(_number("source", part, rule, whole=text) for part in parts))


def as_distortion(text: str) -> Distortion:
    """One of the family, or the table in a file."""
    kind, _, file = text.partition(":")
    if kind == TABLE:
        with _part("distortion", text):
            return Table(read_table(file))
    return _chosen("distortion", text, DISTORTIONS, f", or {TABLE}:FILE")


def as_perception(text: str) -> Divergence | None:
    """One of the family, or none."""
    kind, _, order = text.partition(":")
    if kind.lower() == RENYI:
        with _part("perception", text):
            return Renyi(_number("perception", order, f"{RENYI} takes an order behind a colon", whole=text))
    return _chosen("perception", text, PERCEPTIONS, f", or {RENYI}:ORDER")


def _chosen(argument: str, text: str, known: Mapping[str, Member], beside: str = "") -> Member:
    """A member of a family by its name, in any case."""
    if text.lower() not in known:
        raise InvalidInput(argument, text, f"must be one of {', '.join(known)}{beside}")
    return known[text.lower()]


def as_question(source: str, distortion: str, perception: str, levels: int | None) -> Question:
    """A source, made finite with `levels` points, and how a reconstruction is judged."""
    return as_source(source, levels), as_distortion(distortion), as_perception(perception)


def as_relevance(file: Path) -> FloatArray:
    """The table p(s|x) of a file, a row for each symbol; one column holds the class of each."""
    table = read_table(file)
    if table.shape[1] > 1:
        return table
    return np.asarray(np.unique(table[:, :1]) == table, dtype=np.float64)


def as_seen(source: Source, file: Path | None, realism: str) -> Seen:
    """The table p(x, z) of a file, a row for each symbol; beside a Gaussian the covariance of (X, Z)."""
    if file is None:
        return Seen(side_information=None, realism=realism)
    table = read_table(file)
    if isinstance(source, Gaussian):
        mean = [source.mean, *[0.0] * (len(table) - 1)]
        with _part("side_information", str(file)):
            return Seen(side_information=GaussianVector(mean, table), realism=realism)
    return Seen(side_information=table, realism=realism)


def check_outputs(places: Mapping[str, Path | None], *words: str, inputs: tuple[Path | None, ...] = ()) -> None:
    """Before anything is computed: every output can be written, and none of them is an input or another output.

    `places` are outputs by the name of their option, "plot" a picture; `words` those for the source and the
    distortion, which may be files, `inputs` further files that are read.
    """
    named = (word.partition(":") for word in words)
    read = (
        *filter(None, inputs),
        *(Path(file) for kind, _, file in named if kind in (*FILES, TABLE) and file.isprintable()),
    )
    taken = {path.resolve(): "what is read" for path in read}
    for option, place in places.items():
        if place is None:
            continue
        if option == "plot":
            if place.suffix.lower() not in PICTURES:
                raise InvalidInput(option, str(place), f"must end in {', '.join(PICTURES[:-1])} or {PICTURES[-1]}")
            if find_spec("matplotlib") is None:
                raise MissingPackage("matplotlib", "plot")
        place = replaceable(option, place).resolve()
        if place in taken:
            raise InvalidInput(option, str(places[option]), f"would replace {taken[place]}")
        taken[place] = f"what --{option} writes"


def check_text(option: str, place: Path | None) -> None:
    """Refuse a name that promises something else than the CSV that will be written."""
    if place is not None and (end := place.suffix.lower()) in (".nc", ".json", ".npy", ".xlsx", *PICTURES):
        raise InvalidInput(option, str(place), f"must not end in {end}: it is written as CSV")


@contextmanager
def _part(option: str, text: str, renamed: tuple[str, ...] = ("path", "matrix")) -> Iterator[None]:
    """What is wrong with a part of an option, as what is wrong with the option; the whole of it has another name."""
    try:
        yield
    except InvalidInput as refusal:
        if refusal.argument == option:
            raise
        part = "" if refusal.argument in renamed else f"{refusal.argument}: "
        if part and isinstance(refusal.value, (int, float)):
            part = f"{refusal.argument} = {refusal.value:g} "
        raise InvalidInput(option, text, f"{part}{refusal.rule}") from None


def _number(argument: str, text: str, rule: str, whole: str | None = None) -> float:
    if not NUMBER.fullmatch(text.strip()):
        shown = text if whole is None else whole
        raise InvalidInput(argument, shown, f"{rule}; {POINT}" if DECIMAL_COMMA.search(text) else rule)
    return float(text)


def _mixture(text: str, parts: str) -> Source:
    """WEIGHT,MEAN,VARIANCE of every part, with semicolons between them."""
    rule = "mixture takes WEIGHT,MEAN,VARIANCE;WEIGHT,MEAN,VARIANCE;..."
    rows = [[_number("source", x, rule, whole=text) for x in part.split(",")] for part in parts.split(";")]
    if any(len(row) != 3 for row in rows):
        raise InvalidInput("source", text, rule)
    weights, means, variances = zip(*rows, strict=True)
    return GaussianMixture(weights, means, variances)
