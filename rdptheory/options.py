"""The options that commands share, each with its one name and its one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rdptheory.units import Unit
from rdptheory.words import DISTORTIONS, PERCEPTIONS, RENYI, TABLE

__all__ = [
    "COption",
    "ClassesOption",
    "CommonRandomnessOption",
    "CsvOption",
    "DGridOption",
    "DOption",
    "DistortionOption",
    "DistortionsOption",
    "EachDOption",
    "FolderOption",
    "GridFileOption",
    "JsonOption",
    "LevelsOption",
    "MaybeCsvOption",
    "MaybePGridOption",
    "MaybePictureOption",
    "OwnDistortionOption",
    "OwnPerceptionOption",
    "PGridOption",
    "POption",
    "PerceptionOption",
    "ROption",
    "RealismOption",
    "SeenOption",
    "SenseOption",
    "SideInformationOption",
    "SlopeOption",
    "SlopesOption",
    "SourceOption",
    "UnitOption",
]

_TABLES = "file of numbers, .csv or .npy, a row for each symbol"
_GRID = "LOW:HIGH:COUNT or a comma-separated list"
_DISTORTIONS = f"{', '.join(DISTORTIONS)}, or {TABLE}:FILE (d(x, y), a row for each symbol)"
_DISTORTION = typer.Option("--distortion", help=_DISTORTIONS)
_PERCEPTION = typer.Option(
    "--perception",
    help=f"{', '.join(PERCEPTIONS)}, or {RENYI}:ORDER; tv is half the L1 distance, hellinger and w2 are squared",
)
_CSV = typer.Option("--out", help="CSV file to write (rates in nats)")

SourceOption = Annotated[
    str,
    typer.Option(
        "--source",
        help="bernoulli:P, gaussian:MEAN,VARIANCE, uniform:LOW,HIGH, laplace:MEAN,SCALE, t:DF, logistic:LOC,SCALE, "
        "exponential:SCALE, mixture:WEIGHT,MEAN,VARIANCE;..., pmf:FILE.csv (columns probability, weight or count; "
        "point..., level or value), or weights:FILE.csv (divided by their sum)",
    ),
]
LevelsOption = Annotated[
    int | None, typer.Option("--levels", help="make a finite alphabet of so many points of a density first")
]
DistortionOption = Annotated[str, _DISTORTION]
DistortionsOption = Annotated[
    str, typer.Option("--distortion", help=f"{_DISTORTIONS}; or several of them with commas between")
]
OwnDistortionOption = Annotated[str | None, _DISTORTION]
PerceptionOption = Annotated[str, _PERCEPTION]
OwnPerceptionOption = Annotated[str | None, _PERCEPTION]

DOption = Annotated[str, typer.Option("-D", help="limit on the mean distortion (inf lifts it)")]
EachDOption = Annotated[
    str | None, typer.Option("-D", help="limit on the mean distortion (inf lifts it); one for each with commas between")
]
POption = Annotated[
    str | None, typer.Option("-P", help="limit on the perception divergence, at least 0 (inf lifts it)")
]
COption = Annotated[str, typer.Option("-C", help="limit on H(S|U), what the code leaves open of the class, in --unit")]
ROption = Annotated[str, typer.Option("-R", help="limit on the rate, in --unit (inf lifts it)")]
DGridOption = Annotated[str, typer.Option("-D", help=_GRID)]
PGridOption = Annotated[str, typer.Option("-P", help=_GRID)]
MaybePGridOption = Annotated[str | None, typer.Option("-P", help=_GRID)]
SlopeOption = Annotated[
    str | None, typer.Option("--slope", help="in place of -D: the point where dR/dD is minus this, in --unit")
]
SlopesOption = Annotated[
    str, typer.Option("--slope", help="-dR/dD, in --unit for each unit of the distortion: numbers with commas between")
]
UnitOption = Annotated[Unit, typer.Option("--unit", help="unit of the rates that are given, printed and drawn")]

ClassesOption = Annotated[
    Path, typer.Option("--relevance", help=f"p(s|x), or one column with the class of each: {_TABLES}")
]
SeenOption = Annotated[Path, typer.Option("--relevance", help=f"p(z|x), or one column with the z of each: {_TABLES}")]
SideInformationOption = Annotated[
    Path | None,
    typer.Option(
        "--side-information", help=f"p(x, z) that both ends see; for a Gaussian the covariance of (X, Z): {_TABLES}"
    ),
]
RealismOption = Annotated[
    str, typer.Option("--realism", help="what P compares beside side information: output, or joint with it")
]
CommonRandomnessOption = Annotated[
    str, typer.Option("--common-randomness", help="rate of it, in --unit; it matters with --sense block")
]
SenseOption = Annotated[
    str, typer.Option("--sense", help="what P limits: information, the law of one letter, or block, W2²")
]

JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON object, rates in nats")]
CsvOption = Annotated[Path, _CSV]
GridFileOption = Annotated[Path, typer.Option("--out", help=".nc (NetCDF) or .csv file to write (rates in nats)")]
MaybeCsvOption = Annotated[Path | None, _CSV]
MaybePictureOption = Annotated[Path | None, typer.Option("--plot", help="picture to write: .png, .pdf or .svg")]
FolderOption = Annotated[Path, typer.Option("--out", help="folder for the page, its pictures and tables")]
