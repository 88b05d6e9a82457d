"""The demonstration: the grey levels of handwritten digits, and the two classical sources beside them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.distortions import Hamming, SquaredError
from rdptheory.divergences import TotalVariation, Wasserstein2Squared
from rdptheory.errors import InvalidInput, MissingPackage
from rdptheory.plotting import draw_curves, figure, save, style
from rdptheory.sources import Bernoulli, Gaussian, Pmf
from rdptheory.sweeps import Row, tabulate, write_csv
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
    grey = digits_source()
    mean = float(grey.probabilities @ grey.points)
    variance = float(grey.probabilities @ (grey.points - mean) ** 2)
    panels = [
        (
            "digits",
            tabulate(
                "digits",
                grey,
                SquaredError(),
                TotalVariation(),
                D=_grid(0.25, 2.0 * variance),
                P=P_DIGITS,
                progress=progress,
            ),
        ),
        (
            "Bernoulli(1/4)",
            tabulate(
                "Bernoulli(1/4)",
                Bernoulli(0.25),
                Hamming(),
                TotalVariation(),
                D=_grid(0.002, 0.4),
                P=P_COIN,
                progress=progress,
            ),
        ),
        (
            "N(0, 1)",
            tabulate(
                "N(0, 1)",
                Gaussian(0.0, 1.0),
                SquaredError(),
                Wasserstein2Squared(),
                D=_grid(0.05, 2.0),
                P=P_GAUSSIAN,
                progress=progress,
            ),
        ),
    ]
    with style():
        drawn, axes = figure(3, width=2.9, height=2.9)
        titles = (
            f"grey level of a digit's pixel ({LEVELS} levels)\nsquared error, total variation",
            "Bernoulli(1/4), closed form\nHamming, total variation",
            "N(0, 1), closed form\nsquared error, squared W2",
        )
        labels = (
            "distortion D (squared grey levels)",
            "distortion D (share of errors)",
            "distortion D (variance units)",
        )
        for panel, (_, rows), title, label in zip(axes, panels, titles, labels, strict=True):
            widest = draw_curves(panel, rows, unit=unit, label_D=label)
            panel.set_title(title)
            panel.text(
                0.98, 0.42, f"brackets ≤ {widest:.0e} {unit.value}", transform=panel.transAxes, ha="right", fontsize=7
            )
        paths = [save(drawn, folder / "rdp.png"), save(drawn, folder / "rdp.pdf")]
    table: list[Row] = [row for _, rows in panels for row in rows]
    return [write_csv(folder / "rdp.csv", table), *paths]


def _grid(low: float, high: float, count: int = 41) -> list[float]:
    points: FloatArray = low + (high - low) * np.linspace(0.0, 1.0, count) ** 2  # dense where the curves are steep
    return [float(point) for point in points]
