"""The commands of one question: `rdptheory rate`, `bottleneck`, `relevant-rate` and `side-information-rate`."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import Annotated, Any

import typer

from rdptheory.errors import InvalidInput, finite
from rdptheory.relevance import bottleneck, relevant_rate, side_information_rate
from rdptheory.slope import SlopePoint, rate_at_slope
from rdptheory.solution import Solution, plain
from rdptheory.solve import OUTPUT, rdp
from rdptheory.sources import DiscreteSource
from rdptheory.transport_problem import INFORMATION
from rdptheory.units import Unit
from rdptheory.words import (
    DISTORTION_HELP,
    DistortionOption,
    LevelsOption,
    PerceptionOption,
    SourceOption,
    UnitOption,
    as_distortion,
    as_limit,
    as_number,
    as_perception,
    as_relevance,
    as_side_information,
    as_source,
)

__all__ = ["register"]

DOption = Annotated[str, typer.Option("-D", help="limit on the mean distortion (inf lifts it)")]
POption = Annotated[str, typer.Option("-P", help="limit on the perception divergence, at least 0 (inf lifts it)")]
COption = Annotated[str, typer.Option("-C", help="limit on H(S|U), what the code leaves open of the class, in --unit")]
JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON object, rates in nats")]
TABLES = "file of numbers, .csv or .npy, a row for each symbol"
ClassesOption = Annotated[
    Path, typer.Option("--relevance", help=f"p(s|x), or one column with the class of each: {TABLES}")
]
SeenOption = Annotated[Path, typer.Option("--relevance", help=f"p(z|x), or one column with the z of each: {TABLES}")]
PLAIN = (OUTPUT, inf, INFORMATION)
"""Realism, common randomness and sense where none of them is asked for."""
Asked = tuple[str, Unit, bool]
"""The word for the source, the unit of rates, and whether JSON is wanted."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file to the command line."""

    @app.command()
    def rate(
        source: SourceOption,
        distortion: Annotated[
            str, typer.Option("--distortion", help=f"{DISTORTION_HELP}; or several of them with commas between")
        ],
        D: Annotated[
            str | None,
            typer.Option("-D", help="limit on the mean distortion (inf lifts it); one for each with commas between"),
        ] = None,
        perception: PerceptionOption = "none",
        P: POption = "inf",
        slope: Annotated[
            str | None, typer.Option("--slope", help="in place of -D: the point where dR/dD is minus this, in --unit")
        ] = None,
        side_information: Annotated[
            Path | None,
            typer.Option(
                "--side-information",
                help=f"p(x, z) that both ends see; for a Gaussian the covariance of (X, Z): {TABLES}",
            ),
        ] = None,
        realism: Annotated[
            str, typer.Option("--realism", help="what P compares beside side information: output, or joint with it")
        ] = OUTPUT,
        common_randomness: Annotated[
            str, typer.Option("--common-randomness", help="rate of it, in --unit; it matters with --sense block")
        ] = "inf",
        sense: Annotated[
            str, typer.Option("--sense", help="what P limits: information, the law of one letter, or block, W2²")
        ] = INFORMATION,
        levels: LevelsOption = None,
        unit: UnitOption = Unit.bits,
        as_json: JsonOption = False,
    ) -> None:
        """Print R(D,P) with its proved bracket; also with side information, for whole blocks, or at a slope."""
        made, judged, limit = as_source(source, levels), as_perception(perception), as_limit("P", P)
        each = [as_distortion(word) for word in distortion.split(",")]
        seen = None if side_information is None else as_side_information(made, side_information)
        shared = unit.to_nats(as_limit("common_randomness", common_randomness))
        if slope is not None:
            if D is not None or len(each) > 1 or seen is not None or (realism, shared, sense) != PLAIN:
                raise InvalidInput("slope", slope, "stands in place of -D, and takes one distortion and nothing beside")
            steep = unit.to_nats(finite("slope", as_number("slope", slope), positive=True))
            _tell_slope((source, unit, as_json), limit, rate_at_slope(made, each[0], judged, s=steep, P=limit))
            return
        if D is None:
            raise InvalidInput("D", D, "must be given, or --slope in its place")
        limits = [as_number("D", word) for word in D.split(",")]
        several = len(each) > 1 or len(limits) > 1
        what: Any = (each, limits) if several else (each[0], limits[0])
        solution = rdp(
            made,
            what[0],
            judged,
            D=what[1],
            P=limit,
            side_information=seen,
            realism=realism,
            common_randomness=shared,
            sense=sense,
        )
        _tell((source, unit, as_json), solution)

    @app.command(name="bottleneck")
    def bottleneck_command(
        source: SourceOption,
        relevance: ClassesOption,
        C: COption,
        levels: LevelsOption = None,
        unit: UnitOption = Unit.bits,
        as_json: JsonOption = False,
    ) -> None:
        """Print the least rate of a code from which classes can be told: min I(X;U) with H(S|U) <= C."""
        made = _finite(source, levels)
        answer = bottleneck(made, as_relevance(relevance), C=unit.to_nats(as_limit("C", C)))
        _tell((source, unit, as_json), answer)

    @app.command(name="relevant-rate")
    def relevant_rate_command(
        source: SourceOption,
        relevance: ClassesOption,
        C: COption,
        distortion: DistortionOption,
        D: DOption = "inf",
        perception: PerceptionOption = "none",
        P: POption = "inf",
        levels: LevelsOption = None,
        unit: UnitOption = Unit.bits,
        as_json: JsonOption = False,
    ) -> None:
        """Print R(D,P,C): the least rate of reconstructions from whose code classes can be told."""
        made = _finite(source, levels)
        answer = relevant_rate(
            made,
            as_relevance(relevance),
            as_distortion(distortion),
            as_perception(perception),
            C=unit.to_nats(as_limit("C", C)),
            D=as_number("D", D),
            P=as_limit("P", P),
        )
        _tell((source, unit, as_json), answer)

    @app.command(name="side-information-rate")
    def side_information_command(
        source: SourceOption,
        relevance: SeenOption,
        distortion: DistortionOption,
        D: DOption,
        levels: LevelsOption = None,
        unit: UnitOption = Unit.bits,
        as_json: JsonOption = False,
    ) -> None:
        """Print the least rate for a decoder that sees Z while the encoder does not (Wyner and Ziv)."""
        made = _finite(source, levels)
        answer = side_information_rate(made, as_relevance(relevance), as_distortion(distortion), D=as_number("D", D))
        _tell((source, unit, as_json), answer)


def _finite(word: str, levels: int | None) -> DiscreteSource:
    made = as_source(word, levels)
    if not isinstance(made, DiscreteSource):
        raise InvalidInput("source", word, "must have a finite alphabet, which --levels makes of a density")
    return made


def _tell(asked: Asked, solution: Solution[Any]) -> None:
    """Print an answer."""
    source, unit, as_json = asked
    if as_json:
        _tell_json(solution.to_dict() | {"source": source})
        return
    value, bounds = unit.from_nats, solution.bounds
    gap = f"gap {value(solution.gap):.1e}"
    _tell_rows(
        {
            "rate": f"{value(solution.rate):.10f} {unit.value}",
            "bracket": f"[{value(bounds.lower):.12f}, {value(bounds.upper):.12f}] {unit.value}, {gap}",
            "slopes": solution.slopes_in(unit, unit.value),
            "method": f"{solution.method}, {solution.steps} steps",
            "status": f"{solution.status.value}: {solution.message}",
        }
    )


def _tell_slope(asked: Asked, P: float, point: SlopePoint) -> None:
    """Print the point of a curve at a slope."""
    source, unit, as_json = asked
    D, rate, to = point.D, point.rate, unit.from_nats
    if as_json:
        ends = {"D_lower": D.lower, "D_upper": D.upper, "lower_nat": rate.lower, "upper_nat": rate.upper}
        told = {"straight": point.straight, "steps": point.steps, "status": point.status.value}
        values = {"source": source, "P": P, "slope_D_nat": -point.s, **ends, **told, "message": point.message}
        _tell_json({name: plain(value) for name, value in values.items()})
        return
    _tell_rows(
        {
            "slope": f"dR/dD = {-to(point.s):.6g} {unit.value} per unit",
            "D": f"[{D.lower:.12g}, {D.upper:.12g}], gap {D.gap:.1e}",
            "rate": f"[{to(rate.lower):.12f}, {to(rate.upper):.12f}] {unit.value}, gap {to(rate.gap):.1e}",
            "status": f"{point.status.value}: {point.message}",
        }
    )


def _tell_rows(rows: dict[str, str]) -> None:
    typer.echo("\n".join(f"{name:8} {text}" for name, text in rows.items()))


def _tell_json(values: dict[str, Any]) -> None:
    """One object: rates in nats, as the names say; null for what is not finite."""
    typer.echo(json.dumps(values, indent=1, ensure_ascii=False))
