"""The demonstration: the whole story on real data, as one page with its pictures and tables beside it."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.distortions import Distortion, Hamming, SquaredError
from rdptheory.divergences import Divergence, TotalVariation, Wasserstein2Squared
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, MissingPackage
from rdptheory.files import made_folder, read_text
from rdptheory.papers import ITEMS, Kind, Redrawn, write_papers
from rdptheory.plotting import figure, plot_curves, save, style
from rdptheory.report import Block, Least, Most, Section, other_questions, picture, trained_codecs, write_page
from rdptheory.sources import Bernoulli, Gaussian, Laplace, Pmf, Source
from rdptheory.sweeps import Row, adaptive_grid, surface, write_csv
from rdptheory.theorems import verify
from rdptheory.theorems.index import PAPERS
from rdptheory.units import Unit, nats_to_bits

__all__ = ["digits_images", "digits_pairs", "digits_source", "run"]

LEVELS = 17  # grey levels of the digits of scikit-learn, 0 to 16
IMAGES = 600
"""Digits of the empirical source: as many as the trained codecs of `rdptheory.report.codecs` were measured on."""
INSTANCES = 10
"""Random instances of each theorem: half of what `rdptheory verify` takes, to keep the page within minutes."""
SHOWN = 20
"""Points of each curve in the CSV file, about; the page's table has every fourth."""
SEED = 0  # of everything drawn: the page can be rebuilt number by number


@dataclass(frozen=True)
class Panel:
    """A source with its question, drawn for the distortions from `ends[0]` to `ends[1]`."""

    title: str
    label_D: str
    question: tuple[Source, Distortion, Divergence]
    ends: tuple[float, float]
    P: tuple[float, ...]
    tolerance: float = 1.0 / 400.0


def _digits() -> Any:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingPackage("scikit-learn", "data") from None
    return load_digits().data


def digits_source() -> Pmf:
    """The law of the grey level (0 to 16) of one pixel of scikit-learn's 1,797 handwritten digits.

    Raises
    ------
    MissingPackage
        scikit-learn is not installed.
    """
    return Pmf.from_weights(np.bincount(_digits().astype(np.intp).ravel(), minlength=LEVELS), np.arange(LEVELS))


def digits_pairs() -> FloatArray:
    """The joint law of a grey level of the digits and of its left neighbour's in five groups, shape (17, 5).

    Raises
    ------
    MissingPackage
        scikit-learn is not installed.
    """
    images = _digits().astype(np.intp).reshape(-1, 8, 8)
    joint = np.zeros((LEVELS, 5))
    np.add.at(joint, (images[:, :, 1:].ravel(), np.minimum(images[:, :, :-1].ravel() // 4, 4)), 1.0)
    return np.asarray(joint / joint.sum())


def digits_images(count: int) -> FloatArray:
    """The first `count` of scikit-learn's 1,797 handwritten digits, 8 x 8 grey levels from 0 to 16, as rows of 64.

    Raises
    ------
    MissingPackage
        scikit-learn is not installed.
    """
    return np.asarray(_digits()[:count], dtype=np.float64)


def run(
    out: str | os.PathLike[str],
    *,
    unit: Unit | str = Unit.bits,
    studies: str | os.PathLike[str] | None = None,
    progress: bool = False,
    told: Callable[[str], object] | None = None,
) -> list[Path]:
    """Write the page `index.html`, `rdp.csv`, `rdp.png`, `rdp.pdf` and the papers' figures into the folder `out`.

    Parameters
    ----------
    out : path of a folder, made if need be
    unit : "bits" or "nats"
        Of the curves' pictures; the tables of the page are in bits.
    studies : path, optional
        What `python -m neural check --json` printed, for the section on studies.
    progress : bool
        Show bars on standard error.
    told : function, optional
        Called with the name of each part as it begins.

    Returns
    -------
    list of Path
        What was written, the page first.
    """
    begun, unit, say = time.perf_counter(), Unit.of(unit), told or (lambda part: None)
    folder = made_folder("out", out)
    studied = [] if studies is None else _studied(Path(studies))
    say("certified curves")
    curves, written = _curves(folder, unit, progress)
    say("trained codecs beside their bound")
    codec = trained_codecs(digits_images(IMAGES))
    say("the papers' figures")
    papers, redrawn = write_papers(folder / "papers")
    say("theorems")
    sections = [
        curves,
        codec,
        other_questions(digits_pairs()),
        _explorer(),
        _papers(redrawn, papers),
        _theorems(),
        *studied,
    ]
    files = [str(path.relative_to(folder)) for path in (*written, *papers)]
    page = write_page(
        folder / "index.html",
        sections,
        command=f"rdptheory demo --out {folder.name}",
        seconds=time.perf_counter() - begun,
        versions=_versions(),
        files=files,
    )
    return [page, *written, *papers]


def panels() -> list[Panel]:
    """The sources of the first picture; a source with a proved curve is one more entry."""
    grey = digits_source()
    variance = float(grey.probabilities @ (grey.points - grey.probabilities @ grey.points) ** 2)
    return [
        Panel(
            f"grey level of a digit's pixel ({LEVELS} levels)",
            "distortion D (squared grey levels)",
            (grey, SquaredError(), TotalVariation()),
            (0.25, 2.0 * variance),
            (0.0, 0.05, 0.2, inf),
        ),
        Panel(
            "Bernoulli(1/4), closed form",
            "distortion D (share of wrong symbols)",
            (Bernoulli(0.25), Hamming(), TotalVariation()),
            (0.002, 0.4),
            (0.0, 0.02, 0.08, inf),
        ),
        Panel(
            "N(0, 1), closed form",
            "distortion D (squared error, variance 1)",
            (Gaussian(0.0, 1.0), SquaredError(), Wasserstein2Squared()),
            (0.05, 2.0),
            (0.0, 0.05, 0.3, inf),
        ),
        Panel(
            "Laplace(0, 1): the density, not a finite stand-in",
            "distortion D (squared error, variance 2)",
            (Laplace(0.0, 1.0), SquaredError(), Wasserstein2Squared()),
            (0.25, 4.0),
            (0.0, inf),
        ),
    ]


def _curves(folder: Path, unit: Unit, progress: bool) -> tuple[Section, list[Path]]:
    shown = panels()
    rows: list[Row] = []
    shots = []
    with style():
        column, axes = figure(1, len(shown), height=2.5)
        for panel, below in zip(shown, axes, strict=True):
            D = adaptive_grid(*panel.question, D=panel.ends, P=panel.P, tolerance=panel.tolerance)
            grid = surface(*panel.question, D=D, P=panel.P, progress=progress)
            rows += _rows(panel.title, grid.isel(D=slice(None, None, max(1, len(D) // SHOWN))))
            alone, (own,) = figure(height=2.5)
            for one in (own, below):
                plot_curves(grid, one, unit, label_D=panel.label_D, title=panel.title)
                widest = unit.from_nats(float((grid.upper - grid.lower).max()))
                said = f"brackets ≤ {widest:.0e} {unit.value}"
                one.text(0.98, 0.36, said, transform=one.transAxes, ha="right", fontsize=7)
            shots.append(picture(alone))
        files = [save(column, folder / "rdp.png"), save(column, folder / "rdp.pdf")]
    table = [
        (
            row.source,
            row.D,
            row.P,
            Least(nats_to_bits(row.lower_nat)),
            Most(nats_to_bits(row.upper_nat)),
            nats_to_bits(row.upper_nat - row.lower_nat),
        )
        for row in rows[::4]
    ]
    head = ("source", "D", "P", "at least (bits)", "at most (bits)", "width (bits)")
    words = [
        "Below the lines no code of that source works, however long its blocks; on them a channel is known. Straight "
        "lines join points that lie where the curve bends; they are off by 1/400 of the frame at most.",
    ]
    command = (
        "rdptheory curve --source bernoulli:0.25 --distortion hamming --perception tv -D 0.002:0.4:40 "
        "-P 0,0.02,0.08,inf --out coin.csv --plot coin.png"
    )
    block = Block(
        pictures=shots, caption="R(D,P) of a finite law, of two closed forms and of a density.", head=head, rows=table
    )
    return Section("curves", "Certified curves", words, command, [block]), [write_csv(folder / "rdp.csv", rows), *files]


def _rows(title: str, grid: Any) -> list[Row]:
    """The points of a data set as rows of a table, P outermost."""
    words = grid.status.attrs["flag_meanings"].split()
    rows = []
    for P in grid.P.values:
        for D in grid.D.values:
            held = {name: value.item() for name, value in grid.sel(D=D, P=P).data_vars.items()}
            rates = {f"{name}_nat": held[name] for name in ("rate", "lower", "upper", "slope_D", "slope_P")}
            rows.append(Row(title, float(D), float(P), **rates, steps=held["steps"], status=words[held["status"]]))
    return rows


def _explorer() -> Section:
    words = [
        "Closed forms, computed in this page from the package's own symbolic expressions. In a console, "
        "explorer('bernoulli', {p: 0.25, D: 0.1, P: 0.05}) gives bits; for transport, give D to get the rate, or R "
        "(bits) to get the distortion.",
    ]
    return Section("explorer", "Explorer", words)


def _papers(redrawn: dict[str, Redrawn], written: Sequence[Path]) -> Section:
    shots = {path.stem: path for path in written if path.suffix == ".png"}
    blocks = [
        Block(
            title=f"{key}: {ITEMS[key].title}",
            anchor=key,
            says=found.says,
            pictures=[picture(shots[key])] if key in shots else [],
            **_values(found),
        )
        for key, found in redrawn.items()
    ]
    became = {Kind.THEORY: "redrawn above", Kind.EXPERIMENT: "study: {}", Kind.LEFT_OUT: "left out: {}"}
    rows = [(key, item.title, became[item.kind].format(item.study or item.why)) for key, item in ITEMS.items()]
    blocks.append(Block(title="Every figure and table", head=("item", "what", "became"), rows=rows))
    words = [
        f"{len(ITEMS)} figures and tables of five papers; {len(redrawn)} are theory and redrawn with brackets, the "
        "experiments are stood for by studies. "
        + "; ".join(f"{key}: {title}" for key, title in PAPERS.items() if key in {item.split(".")[0] for item in ITEMS})
        + ".",
    ]
    return Section("papers", "The five papers redrawn", words, "rdptheory papers --out report/papers", blocks)


def _values(found: Redrawn) -> dict[str, Any]:
    """The table of a figure; without the column of printed values where the paper prints none."""
    width = 5 if any(v.printed is not None for v in found.values) else 4
    head = ("value", "unit", "at least", "at most", "printed in the paper")
    rows = [(v.what, v.unit, Least(v.bounds.lower), Most(v.bounds.upper), v.printed)[:width] for v in found.values]
    return {"head": head[:width], "rows": rows}


def _theorems() -> Section:
    rows = [
        (row.key, row.statement, row.setting, row.instances, row.margin, row.unit, row.gap, row.ruling.value, row.note)
        for row in verify(instances=INSTANCES, seed=SEED)
    ]
    held = sum(row[7] == "HOLDS" for row in rows)
    words = [
        f"{held} of {len(rows)} statements hold on {INSTANCES} random instances each, seed {SEED}. The margin is the "
        "smallest slack that the brackets prove, the gap their width; a counterexample holds if the statement fails.",
    ]
    head = ("key", "statement", "setting", "instances", "margin", "unit", "gap", "verdict", "note")
    command = f"rdptheory verify --instances {INSTANCES} --seed {SEED}"
    return Section("theorems", "Theorems that check themselves", words, command, [Block(head=head, rows=rows)])


def _studied(path: Path) -> list[Section]:
    """The verdicts of `neural`, as its command line printed them."""
    try:
        rows = json.loads(read_text(path))
        table = [tuple(_plain(row.get(name)) for name in STUDY_COLUMNS) for row in rows]
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise InvalidInput("studies", str(path), "must hold what `python -m neural check --json` printed") from None
    as_expected = sum(row.get("verdict") == row.get("expect") for row in rows if row.get("expect"))
    claims = sum(bool(row.get("expect")) for row in rows)
    words = [
        f"Learned codecs measured beside exact numbers: {as_expected} of {claims} claims as expected, with negative "
        "controls that a tolerance must catch. D_d is the error of the exact decoder E[X|Z] of the code. Read from the "
        "file of an earlier run; the command makes it anew.",
    ]
    command = "python -m neural check --preset smoke --json"
    return [Section("studies", "Studies of learned codecs", words, command, [Block(head=STUDY_COLUMNS, rows=table)])]


STUDY_COLUMNS: Sequence[str] = ("id", "claim", "kind", "measured", "theory", "tolerance", "expect", "verdict")


def _plain(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return ", ".join("any" if part is None else f"{part:.3g}" for part in value)


def _versions() -> str:
    names = ("rdptheory", "numpy", "scipy", "matplotlib", "sympy")
    return f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in names)


guard(__name__)
