"""Your codec beside the bound: measured (rate, D, P) against the certified R(D,P), and what else can be proved.

Two kinds of statement are kept apart. `place` compares a code for one symbol law with the R(D,P) of that law. For codes
of whole images, whose law nobody knows, `sample_floor`, `realistic_decoder` and `encoder_curve` prove things about the
images that were measured. A law of single pixels or of patches is no bound for a codec that uses the dependence
between them, so nothing here draws it as one.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rdptheory._types import ArrayLike, Bounds, FloatArray, down, up
from rdptheory.distortions import Distortion, SquaredError
from rdptheory.divergences import Divergence, TotalVariation
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, at_least_zero, finite, number, real_array, reals
from rdptheory.files import read_text
from rdptheory.inverse import distortion_at
from rdptheory.problems import Problem
from rdptheory.representations.interpolation import Interpolation, interpolation
from rdptheory.shown import as_html
from rdptheory.solution import as_row
from rdptheory.solve import Method, answers, rdp
from rdptheory.sources import Empirical, Source
from rdptheory.sources.histogram import csv_lines, csv_number, too_many
from rdptheory.units import bits_to_nats, nats_to_bits

__all__ = [
    "Limit",
    "Measurement",
    "Placement",
    "encoder_curve",
    "place",
    "read_measurements",
    "realistic_decoder",
    "sample_floor",
]

BITS, NATS = ("rate_bits", "rate_bit", "bpp"), ("rate_nats", "rate_nat")
RATES: dict[str, Callable[[float], float]] = {**dict.fromkeys(BITS, bits_to_nats), **dict.fromkeys(NATS, float)}
"""Columns of a rate, and what makes nats of it; bits per pixel are bits of a source whose symbol is a pixel, and the
singular is that of the tables which this package writes."""
ERRORS = ("d", "mse")
"""Columns, or lists of a results file, of D itself, in small letters."""
QUALITIES = ("psnr-rgb", "psnr")
"""Columns, or lists of a results file, that stand for D where there is none, in dB; the first that is there counts."""

FELT = ("tv", "kl", "reverse-kl", "js", "chi2", "hellinger", "w1", "w2")
"""Columns that somebody may take for P, which says nothing of its divergence: that is named when points are placed."""


@dataclass(frozen=True)
class Measurement:
    """What a codec was measured to do: `rate` in nats per symbol, D and P in the units of their measures.

    P is None where no perception was measured; the point is then compared with R(D, inf).

    >>> Measurement(rate=0.4, D=0.1).P is None
    True
    """

    rate: float
    D: float
    P: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        for argument in ("rate", "D"):
            value = number(argument, getattr(self, argument))
            if not 0.0 <= value < math.inf:
                raise InvalidInput(argument, value, "must be a finite number at least 0")
            object.__setattr__(self, argument, value)
        if self.P is not None:
            object.__setattr__(self, "P", at_least_zero("P", self.P))


COLUMNS = (
    "name",
    "rate_nat",
    "D",
    "P",
    "lower_nat",
    "upper_nat",
    "excess_rate_lower_nat",
    "excess_rate_upper_nat",
    "excess_D_lower",
    "excess_D_upper",
    "below",
)
"""Of a table of placements."""


@dataclass(frozen=True)
class Placement:
    """A measurement beside the bound.

    Attributes
    ----------
    measurement : Measurement
    bounds : Bounds
        lower <= R(D,P) <= upper in nats.
    excess_rate : Bounds
        Bracket on rate - R(D,P) in nats: what the codec spends beyond what D and P need.
    excess_distortion : Bounds
        Bracket on D - D(R,P): what the codec loses beyond what its rate and its P force it to.
    below : bool
        The rate is below the proved lower end: no code for this source does that, so the data, their units or the
        source are not what they were taken for.
    """

    measurement: Measurement
    bounds: Bounds
    excess_rate: Bounds
    excess_distortion: Bounds
    below: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a table or a JSON file; rates in nats, None where a number is missing or not finite."""
        one, brackets = self.measurement, (self.bounds, self.excess_rate, self.excess_distortion)
        ends = [end for bracket in brackets for end in (bracket.lower, bracket.upper)]
        return as_row(dict(zip(COLUMNS, [one.name, one.rate, one.D, one.P, *ends, self.below], strict=True)))

    def _repr_html_(self) -> str:
        return as_html([(self.measurement.name or "point", str(self))])

    def __str__(self) -> str:
        one = self.measurement
        at = f"D = {one.D:.6g}" + ("" if one.P is None else f", P = {one.P:.6g}")
        said = f"{one.name or 'point'}: {nats_to_bits(one.rate):.6g} bit at {at}; "
        if self.below:
            return said + (
                f"proved impossible, R(D,P) >= {down(nats_to_bits(self.bounds.lower), 6)} bit: check the units of "
                "rate and D, and that the source is the law of what was coded; that of one pixel bounds no codec of "
                "images"
            )
        extra = self.excess_rate
        return said + (
            f"R(D,P) = {nats_to_bits(self.bounds.upper):.6g} bit, {down(nats_to_bits(extra.lower), 3)} to "
            f"{up(nats_to_bits(extra.upper), 3)} bit too many"
        )


def place(
    measurements: Sequence[Measurement],
    source: Source,
    distortion: Distortion,
    perception: Divergence | None,
    *,
    method: Method | None = None,
) -> list[Placement]:
    """How far measured points are from R(D,P), each distance a proved bracket.

        excess rate = rate - R(D,P),      excess distortion = D - D(rate, P)

    Parameters
    ----------
    measurements : sequence of Measurement
        Rates in nats per symbol of `source`.
    source, distortion, perception, method
        As in `rdp`.

    Returns
    -------
    list of Placement
        In the order of the measurements. `below` says that a point is proved impossible.

    Raises
    ------
    InvalidInput
        As in `rdp`, or a measured P without a perception divergence.

    References
    ----------
    [BM19]

    Examples
    --------
    >>> from rdptheory import Bernoulli, Hamming, TotalVariation
    >>> coin = Bernoulli(0.25), Hamming(), TotalVariation()
    >>> good, wrong = place([Measurement(0.3, 0.1, 0.05), Measurement(0.2, 0.1, 0.05, "typo")], *coin)
    >>> good.below, round(good.excess_rate.lower, 6)
    (False, 0.061922)
    >>> print(wrong)
    typo: 0.288539 bit at D = 0.1, P = 0.05; proved impossible, R(D,P) >= 0.343473 bit: check the units ...
    """
    placed = []
    for one in measurements:
        if one.P is not None and math.isfinite(one.P) and perception is None:
            raise InvalidInput("perception", perception, f"must be the divergence that P = {one.P:g} was measured by")
        P = math.inf if one.P is None else one.P
        needed = rdp(source, distortion, perception, D=one.D, P=P, method=method).bounds
        least = distortion_at(source, distortion, perception, R=one.rate, P=P, method=method).bounds
        spent = Bounds(one.rate - needed.upper, one.rate - needed.lower)
        lost = Bounds(one.D - least.upper, one.D - least.lower)
        placed.append(Placement(one, needed, spent, lost, one.rate < needed.lower))
    return placed


def read_measurements(path: str | os.PathLike[str], *, peak: float = 1.0) -> list[Measurement]:
    """Read measured points from a table or from a results file of CompressAI.

    A table is CSV with commas, semicolons or tabs (beside the last two a decimal comma is read as a point). Its header
    has one of `rate_bits`, `rate_nats` and `bpp`, bits per pixel; `D` or `mse`, or `psnr-rgb` or `psnr` in dB; and if
    you like `P` and `name`, in any order. Other columns are left alone, but for a divergence, which should be called
    P; an empty P is one that was not measured. A results file is JSON with `results` = {"bpp": [...], "psnr-rgb" or
    "psnr": [...]}. Of PSNR D is the mean squared
    error of a sample, peak² 10^(-PSNR/10); a column or list `D` or `mse` wins over it.

    Parameters
    ----------
    path : path to a .json file, or to a table
    peak : float
        The largest value of a sample in the unit that D shall have: 1, or 255 for grey levels. Only for PSNR.

    Raises
    ------
    InvalidInput
        The file cannot be read, a column is missing, a rate has no unit, or a cell is no number.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "codec.csv").write_text("name;rate_bits;D\\nmine;1;0.5\\n")
    ...     [point] = read_measurements(Path(folder) / "codec.csv")
    >>> point
    Measurement(rate=0.6931471805599453, D=0.5, P=None, name='mine')
    """
    finite("peak", peak, positive=True)
    if Path(path).suffix.lower() == ".json":
        return _from_results(str(path), read_text(path), peak)
    return _from_table(str(path), peak)


KINDS = ("lower", "exists", "estimate")
"""What a limit says: see `Limit`. Pictures have one look for each."""


@dataclass(frozen=True, eq=False)
class Limit:
    """Something that is proved, or estimated, about codecs of the measured images, ready to be drawn.

    Attributes
    ----------
    kind : "lower", "exists" or "estimate"
        No codec below it; a codec with these numbers exists; a number without a proof, which is drawn dashed.
    D : array (m,)
        Distortions.
    rate : array (m,)
        Rates in nats for one image.
    P : float
        The perception it speaks about; inf for any.
    label : str
        What it proves, for a legend.
    """

    kind: str
    D: FloatArray
    rate: FloatArray
    P: float
    label: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidInput("kind", self.kind, f"must be one of {', '.join(KINDS)}")


def sample_floor(samples: ArrayLike, *, D: Iterable[float], method: Method | None = None) -> Limit:
    """A rate that every codec of these n images needs, whatever it does and wherever its reconstructions lie.

        rate >= R_emp(2D, 0),      R_emp(D, 0) = min I(X;Y) s.t. E‖X-Y‖² <= D, Y ~ X,     X uniform on the n images

    For mean squared error R(2D, 0) <= R(D, inf) [BM19, Theorem 2], and R_emp(., 0) lives on the images themselves, so
    that it is a finite problem with a proved lower end. It speaks about the images that were measured, not about the
    population; it is at most log n, and above D = variance it is 0.

    Parameters
    ----------
    samples : array (n, k)
        The images as rows.
    D : numbers above 0
        Mean squared error for one image, summed over its k samples.

    Returns
    -------
    Limit
        kind "lower", rates in nats for one image.

    References
    ----------
    [BM19]

    >>> floor = sample_floor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], D=[0.1, 0.5])
    >>> floor.rate.round(4)
    array([0.7361, 0.    ])
    """
    source = Empirical(samples, vectors=real_array("samples", samples).ndim == 2)
    limits = np.array([at_least_zero("D", value) for value in D])
    ball = TotalVariation()
    asked = [Problem(source, SquaredError(), ball, 2.0 * value, 0.0) for value in limits.tolist()]
    proved = [solution.bounds.lower for solution in answers(asked, method)]
    n = len(source.samples)
    return Limit("lower", limits, np.maximum(proved, 0.0), math.inf, f"no codec of these {n} images is below")


def realistic_decoder(measurement: Measurement) -> Measurement:
    """(rate, 2D, P = 0): whatever the codec with mean squared error D, a decoder of its code that reaches it exists.

    A draw from the law of the image given its code has the law of the images, P = 0, and twice the error of the
    conditional mean, which is at most D [BM19, equations S16 and S17; YWYML21, equation 18].

    >>> realistic_decoder(Measurement(1.0, 0.25, name="mine"))
    Measurement(rate=1.0, D=0.5, P=0.0, name='mine, with a posterior sampler')
    """
    name = f"{measurement.name or 'the codec'}, with a posterior sampler"
    return Measurement(measurement.rate, 2.0 * measurement.D, 0.0, name)


def encoder_curve(samples: ArrayLike, codes: ArrayLike) -> Interpolation:
    """What decoders of one given encoder can reach on the measured images, exactly.

        D(P) = D* + (W - √P)²,     D* = E‖X - E[X|Z]‖²,     W² = W2²(law of E[X|Z], law of X)

    Parameters
    ----------
    samples : array (n, k)
        The images as rows.
    codes : array (n,)
        The code of every image; equal entries are equal codes.

    Returns
    -------
    Interpolation
        `least` is D*, `transport` is W², `distortion(P)` the curve for squared W2, all for one image.

    References
    ----------
    [YWL22], Theorem 1; [ZQCK21], Theorem 4.

    >>> curve = encoder_curve([[0.0], [1.0], [5.0], [6.0]], [0, 0, 1, 1])
    >>> curve.least, curve.distortion(0.0)
    (0.25, 0.5)
    """
    source = Empirical(samples, vectors=real_array("samples", samples).ndim == 2)
    labels = reals("codes", codes)
    if labels.shape != (len(source.samples),):
        raise InvalidInput("codes", codes, f"must hold one code for each of the {len(source.samples)} images")
    _, numbers = np.unique(labels, return_inverse=True)
    rows = source.samples if source.samples.ndim == 2 else source.samples[:, None]
    points = source.points if source.points.ndim == 2 else source.points[:, None]
    _, place_of = np.unique(np.concatenate([points, rows]), axis=0, return_inverse=True)
    symbol = np.argsort(place_of[: len(points)])[place_of[len(points) :]]
    encoder = np.zeros((source.size, int(numbers.max()) + 1))
    np.add.at(encoder, (symbol, numbers), 1.0)  # an image that occurs twice may have two codes
    return interpolation(source, encoder / encoder.sum(axis=1, keepdims=True))


def _from_table(path: str, peak: float) -> list[Measurement]:
    lines, separator = csv_lines(path)
    if not lines:
        raise InvalidInput("path", path, "is empty")
    names = [cell.strip() for cell in lines[0][1]]
    header = [name.lower() for name in names]
    rates = [name for name in header if name in RATES]
    quality = next((name for name in (*ERRORS, *QUALITIES) if name in header), None)
    if len(rates) != 1 or quality is None or len({*header}) < len(header):
        rule = (
            "the header must name once one of rate_bits, rate_nats and bpp, and D, mse or psnr (P and name if you like)"
        )
        raise InvalidInput("path", path, f"{rule}, it is {', '.join(names)}")
    felt = [name for name in names if name.lower() in FELT]
    if felt and "p" not in header:
        rule = f"the column {felt[0]} is not read: name it P if it is the divergence that points are placed by"
        raise InvalidInput("path", path, f"{rule} (of W2 the square)")
    found = []
    for line, cells in lines[1:]:
        where = f"line {line}"
        if len(cells) != len(header):
            rule = too_many(len(header), "cell", len(cells), separator)
            raise InvalidInput("path", path, f"{where} {rule}")
        row = dict(zip(header, map(str.strip, cells), strict=True))
        rate, value = (_cell(path, where, name, row[name], separator) for name in (rates[0], quality))
        P = _cell(path, where, "p", row["p"], separator) if row.get("p") else None
        D = value if quality in ERRORS else _error_of(value, peak)
        if rate < 0.0:  # in the unit of the column
            rule = f"{where}: {rates[0]} must be a number at least 0, is {row[rates[0]]!r}"
            raise InvalidInput("path", path, rule)
        found.append(_measured(path, where, RATES[rates[0]](rate), D, P, row.get("name") or where))
    if not found:
        raise InvalidInput("path", path, "has a header and no line below it")
    return found


def _cell(path: str, where: str, column: str, text: str, separator: str) -> float:
    value = csv_number(text, separator)
    if value is None:
        named = column.upper() if len(column) == 1 else column  # D and P
        raise InvalidInput("path", path, f"{where}: {named} must be a number, is {text!r}")
    return value


def _error_of(psnr: float, peak: float) -> float:
    """The mean squared error of a PSNR in dB; one beyond float64 is inf, which a measurement refuses."""
    with np.errstate(over="ignore", under="ignore"):
        return peak**2 * float(np.float_power(10.0, -psnr / 10.0))


def _measured(path: str, where: str, rate: float, D: float, P: float | None, name: str) -> Measurement:
    try:
        return Measurement(rate, D, P, name)
    except InvalidInput as problem:
        raise InvalidInput("path", path, f"{where}: {problem}") from None


def _from_results(path: str, text: str, peak: float) -> list[Measurement]:
    try:
        held = json.loads(text)
        results, label = dict(held["results"]), str(held.get("name", Path(path).stem))
        rates = [_number(path, f"entry {k}", "bpp", bpp) for k, bpp in enumerate(results["bpp"])]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        if isinstance(problem, InvalidInput):
            raise
        raise InvalidInput("path", path, "must hold JSON with results: {bpp: [...], ...}") from None
    named = next((name for name in ("D", "mse", *QUALITIES) if name in results), "D")
    distortions = results.get(named)
    perceptions = results.get("P", [None] * len(rates))
    if distortions is None or not len(rates) == len(distortions) == len(perceptions):
        raise InvalidInput("path", path, "its results must hold psnr-rgb, psnr, mse or D, as many as bpp")
    if not rates:
        raise InvalidInput("path", path, "has results without a point: its lists are empty")
    found = []
    for entry, (bpp, value, P) in enumerate(zip(rates, distortions, perceptions, strict=True)):
        where = f"entry {entry}"
        D = _number(path, where, named, value)
        if named in QUALITIES:
            D = _error_of(D, peak)
        felt = None if P is None else _number(path, where, "P", P)
        found.append(_measured(path, where, bits_to_nats(bpp), D, felt, f"{label} {entry}"))
    return found


def _number(path: str, where: str, name: str, value: Any) -> float:
    try:
        return number(name, value)
    except InvalidInput as problem:
        raise InvalidInput("path", path, f"{where}: {problem}") from None


guard(__name__)
