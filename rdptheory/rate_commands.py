"""The commands of one question: `rate`, its inverses, `bottleneck`, `relevant-rate` and `side-information-rate`."""

from __future__ import annotations

import json
from math import inf
from typing import Any

import typer

from rdptheory.errors import InvalidInput, finite
from rdptheory.inverse import Located, distortion_at, perception_at
from rdptheory.options import (
    ClassesOption,
    CommonRandomnessOption,
    COption,
    DistortionOption,
    DistortionsOption,
    DOption,
    EachDOption,
    JsonOption,
    LevelsOption,
    PerceptionOption,
    POption,
    RealismOption,
    ROption,
    SeenOption,
    SenseOption,
    SideInformationOption,
    SlopeOption,
    SourceOption,
    UnitOption,
)
from rdptheory.relevance import bottleneck, relevant_rate, side_information_rate
from rdptheory.slope import SlopePoint, rate_at_slope
from rdptheory.solution import Solution, plain
from rdptheory.solve import OUTPUT, rdp
from rdptheory.sources import DiscreteSource
from rdptheory.transport_problem import INFORMATION
from rdptheory.units import Unit
from rdptheory.words import (
    as_distortion,
    as_limit,
    as_number,
    as_numbers,
    as_perception,
    as_question,
    as_radius,
    as_relevance,
    as_seen,
    as_source,
)

__all__ = ["register"]

PLAIN = (OUTPUT, inf, INFORMATION)
"""Realism, common randomness and sense where none of them is asked for."""
Asked = tuple[str, Unit, bool]
"""The word for the source, the unit of rates, and whether JSON is wanted."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file to the command line."""

    @app.command()
    def rate(
        source: SourceOption,
        distortion: DistortionsOption,
        D: EachDOption = None,
        perception: PerceptionOption = "none",
        P: POption = None,
        s: SlopeOption = None,
        side_information: SideInformationOption = None,
        realism: RealismOption = OUTPUT,
        common_randomness: CommonRandomnessOption = "inf",
        sense: SenseOption = INFORMATION,
        levels: LevelsOption = None,
        unit: UnitOption = Unit.bits,
        as_json: JsonOption = False,
    ) -> None:
        """Print R(D,P) with its proved bracket. Also with side information, for whole blocks, or at a slope."""
        made, judged = as_source(source, levels), as_perception(perception)
        each = [as_distortion(word) for word in distortion.split(",")]
        seen = as_seen(made, side_information, realism)
        shared = unit.to_nats(as_limit("common_randomness", common_randomness))
        if s is not None:
            if D is not None or len(each) > 1 or side_information is not None or (realism, shared, sense) != PLAIN:
                raise InvalidInput("s", s, "stands in place of -D, and takes one distortion and nothing beside")
            steep = unit.to_nats(finite("s", as_number("s", s), positive=True))
            limit = as_limit("P", as_radius(P, judged))
            _tell_slope((source, unit, as_json), limit, rate_at_slope(made, each[0], judged, s=steep, P=limit))
            return
        if D is None:
            raise InvalidInput("D", D, "must be given, or --slope in its place")
        limits = as_numbers("D", D, len(each))
        what: Any = (each, limits) if len(each) > 1 else (each[0], limits[0])
        limit = as_limit("P", as_radius(P, judged))
        found = rdp(made, what[0], judged, D=what[1], P=limit, common_randomness=shared, sense=sense, **seen)
        _tell((source, unit, as_json), found)

    @app.command(name="distortion-at")
    def distortion_at_command(
        source: SourceOption,
        distortion: DistortionOption,
        R: ROption,
        perception: PerceptionOption = "none",
        P: POption = None,
        side_information: SideInformationOption = None,
        realism: RealismOption = OUTPUT,
        common_randomness: CommonRandomnessOption = "inf",
        sense: SenseOption = INFORMATION,
        levels: LevelsOption = None,
        unit: UnitOption = Unit.bits,
        as_json: JsonOption = False,
    ) -> None:
        """Print D(R,P), the distortion a rate pays for. With its proved bracket."""
        question = as_question(source, distortion, perception, levels)
        seen = as_seen(question[0], side_information, realism)
        rate, limit = unit.to_nats(as_limit("R", R)), as_limit("P", as_radius(P, question[2]))
        shared = unit.to_nats(as_limit("common_randomness", common_randomness))
        found = distortion_at(*question, R=rate, P=limit, common_randomness=shared, sense=sense, **seen)
        _tell_located((source, unit, as_json), "D", {"R_nat": rate, "P": limit}, found)

    @app.command(name="perception-at")
    def perception_at_command(
        source: SourceOption,
        distortion: DistortionOption,
        perception: PerceptionOption,
        R: ROption,
        D: DOption,
        side_information: SideInformationOption = None,
        realism: RealismOption = OUTPUT,
        levels: LevelsOption = None,
        unit: UnitOption = Unit.bits,
        as_json: JsonOption = False,
    ) -> None:
        """Print P(R,D), the perception a rate pays for. At a distortion, with its proved bracket."""
        made, cost, judged = as_question(source, distortion, perception, levels)
        if judged is None:
            raise InvalidInput("perception", perception, "must be a divergence, whose least value is asked for")
        seen = as_seen(made, side_information, realism)
        rate, limit = unit.to_nats(as_limit("R", R)), as_number("D", D)
        found = perception_at(made, cost, judged, R=rate, D=limit, **seen)
        _tell_located((source, unit, as_json), "P", {"R_nat": rate, "D": limit}, found)

    @app.command(name="bottleneck")
    def bottleneck_command(
        source: SourceOption,
        relevance: ClassesOption,
        C: COption,
        levels: LevelsOption = None,
        unit: UnitOption = Unit.bits,
        as_json: JsonOption = False,
    ) -> None:
        """Print the least rate that tells classes apart. It is min I(X;U) over codes with H(S|U) <= C."""
        made = _finite(source, levels)
        answer = bottleneck(made, as_relevance(relevance), C=unit.to_nats(as_limit("C", C)))
        _tell((source, unit, as_json), answer)

    @app.command(name="relevant-rate")
    def relevant_rate_command(
        source: SourceOption,
        relevance: ClassesOption,
        C: COption,
        distortion: DistortionOption,
        D: DOption,
        perception: PerceptionOption = "none",
        P: POption = None,
        levels: LevelsOption = None,
        unit: UnitOption = Unit.bits,
        as_json: JsonOption = False,
    ) -> None:
        """Print R(D,P,C): classes and reconstructions. The least rate of a code that serves for both."""
        made, judged = _finite(source, levels), as_perception(perception)
        answer = relevant_rate(
            made,
            as_relevance(relevance),
            as_distortion(distortion),
            judged,
            C=unit.to_nats(as_limit("C", C)),
            D=as_number("D", D),
            P=as_limit("P", as_radius(P, judged)),
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
        """Print the rate where the decoder alone sees Z. The encoder does not see it (Wyner and Ziv)."""
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
    value = unit.from_nats
    gap = f"gap {value(solution.gap):.1e}"
    _tell_rows(
        {
            "rate": f"{value(solution.rate):.10f} {unit.value}",
            "bracket": f"{value(solution.bounds):.12g} {unit.value}, {gap}",
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
        _tell_json({"source": source, "P": plain(P)} | point.to_dict())
        return
    _tell_rows(
        {
            "slope": f"dR/dD = {-to(point.s):.6g} {unit.value} per unit",
            "D": f"{D:.12g}, gap {D.gap:.1e}",
            "rate": f"{to(rate):.12g} {unit.value}, gap {to(rate.gap):.1e}",
            "status": f"{point.status.value}: {point.message}",
        }
    )


def _tell_located(asked: Asked, name: str, given: dict[str, float], found: Located) -> None:
    """Print where a limit is."""
    source, _, as_json = asked
    bounds, named = found.bounds, {"value": name, "lower": f"{name}_lower", "upper": f"{name}_upper"}
    if as_json:
        asked_for = {key: plain(value) for key, value in given.items()}
        _tell_json({"source": source} | asked_for | {named.get(key, key): x for key, x in found.to_dict().items()})
        return
    _tell_rows(
        {
            name: f"{found.value:.10g}",
            "bracket": f"{bounds:.12g}, gap {bounds.gap:.1e}",
            "steps": str(found.steps),
            "status": f"{found.status.value}: {found.message}",
        }
    )


def _tell_rows(rows: dict[str, str]) -> None:
    typer.echo("\n".join(f"{name:8} {text}" for name, text in rows.items()))


def _tell_json(values: dict[str, Any]) -> None:
    """One object: rates in nats, as the names say; null for what is not finite."""
    typer.echo(json.dumps(values, indent=1, ensure_ascii=False))
