"""The demonstration: the grey levels of handwritten digits, and the two classical sources beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from rdptheory.distortions import Hamming, SquaredError
from rdptheory.divergences import TotalVariation, Wasserstein2Squared
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, MissingPackage
from rdptheory.plotting import figure, plot_curves, save, style
from rdptheory.sources import Bernoulli, Gaussian, Pmf
from rdptheory.sweeps import adaptive_grid, surface, tabulate, write_csv
from rdptheory.units import Unit

__all__ = ["digits_source", "run"]

LEVELS = 17
P_DIGITS = (0.0, 0.05, 0.2, float("inf"))
P_COIN = (0.0, 0.02, 0.08, float("inf"))
P_GAUSSIAN = (0.0, 0.05, 0.3, float("inf"))


def digits_source() -> Pmf:
    """The law of the grey level (0 to 16) of one pixel of scikit-learn's 1,797 handwritten digits.

    Raises
    ------
    MissingPackage
        scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingPackage("scikit-learn", "data") from None
    grey = load_digits().data.astype(np.intp).ravel()
    return Pmf.from_weights(np.bincount(grey, minlength=LEVELS), np.arange(LEVELS))


def run(out: str | os.PathLike[str], *, unit: Unit = Unit.bits, progress: bool = False) -> list[Path]:
    """Write `rdp.csv`, `rdp.png` and `rdp.pdf` into the folder `out`, made if need be, and return their paths."""
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise InvalidInput("out", str(out), f"cannot be made a folder ({type(problem).__name__})") from None
    drawings, table = [], []
    for title, label_D, question, ends, P in _panels():
        D = adaptive_grid(*question, D=ends, P=P)
        table += tabulate(title, *question, D=D, P=P, progress=progress)
        drawings.append((title, label_D, surface(*question, D=D, P=P)))
    with style():
        drawn, axes = figure(3, width=2.9, height=2.9)
        for panel, (title, label_D, grid) in zip(axes, drawings, strict=True):
            plot_curves(grid, panel, unit, label_D=label_D, title=title)
            widest = unit.from_nats(float((grid.upper - grid.lower).max()))
            panel.text(0.98, 0.4, f"brackets ≤ {widest:.0e} {unit.value}", transform=panel.transAxes, ha="right")
        paths = [save(drawn, folder / "rdp.png"), save(drawn, folder / "rdp.pdf")]
    return [write_csv(folder / "rdp.csv", table), *paths]


def _panels() -> list[tuple[str, str, tuple[Any, Any, Any], tuple[float, float], tuple[float, ...]]]:
    """(title, label of D, question, ends of D, limits on P) of the three sources."""
    grey = digits_source()
    mean = float(grey.probabilities @ grey.points)
    variance = float(grey.probabilities @ (grey.points - mean) ** 2)
    coin, normal = Bernoulli(0.25), Gaussian(0.0, 1.0)
    return [
        (
            f"grey level of a digit's pixel ({LEVELS} levels)",
            "distortion D (squared grey levels)",
            (grey, SquaredError(), TotalVariation()),
            (0.25, 2.0 * variance),
            P_DIGITS,
        ),
        (
            "Bernoulli(1/4), closed form",
            "distortion D (share of wrong symbols)",
            (coin, Hamming(), TotalVariation()),
            (0.002, 0.4),
            P_COIN,
        ),
        (
            "N(0, 1), closed form",
            "distortion D (squared error, variance 1)",
            (normal, SquaredError(), Wasserstein2Squared()),
            (0.05, 2.0),
            P_GAUSSIAN,
        ),
    ]


guard(__name__)
