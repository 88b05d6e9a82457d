"""Solvers and the judge ask a member of a family what it can do, and never which member it is."""

import ast
from pathlib import Path

import numpy as np
import pytest

from rdptheory import distortions, divergences, geometry
from rdptheory.divergences import Divergence

ROOT = Path(divergences.__file__).parents[1]
HOMES = ("rdptheory.divergences", "rdptheory.geometry", "rdptheory.distortions")
ASKING = ("isinstance", "issubclass")
FAMILIES = {
    name
    for room in (divergences, geometry, distortions)
    for name, member in vars(room).items()
    if isinstance(member, type) and member.__module__.startswith(HOMES)
}


def _asked(source: str) -> list[str]:
    """Members of a family that are named in a call of isinstance or issubclass."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("isinstance", "issubclass")
        ):
            names = {part.id for part in ast.walk(node.args[1]) if isinstance(part, ast.Name)}
            found += sorted(names & FAMILIES)
    return found


@pytest.mark.parametrize("room", ["certificates", "solvers"])
def test_nobody_asks_which_member_of_a_family_it_is(room):
    asked = {str(path): _asked(path.read_text()) for path in sorted((ROOT / room).rglob("*.py"))}
    assert len(asked) > 10
    assert {path: names for path, names in asked.items() if names} == {}


def test_such_a_question_would_be_found():
    assert {"TotalVariation", "TransportDivergence", "FDivergence", "Dense", "Hamming"} <= FAMILIES
    assert _asked("if isinstance(ball.divergence, (FDivergence, int)): pass") == ["FDivergence"]
    assert _asked("isinstance(3, int) and isinstance(x, np.ndarray)") == []


def test_a_divergence_without_a_compiled_ball_says_so():
    class Own(Divergence):
        """Twice total variation, told to nobody."""

        def value(self, reference, output):
            return float(np.abs(reference - output).sum())

        def support(self, v, reference, P):
            return divergences.TotalVariation().support(v, reference, 0.5 * P)

        def support_slope(self, v, reference, mu):
            return divergences.TotalVariation().support_slope(v, reference, 2.0 * mu)

        def cut(self, reference, law, P):
            g, h = divergences.TotalVariation().cut(reference, law, 0.5 * P)
            return 2.0 * g, 2.0 * h

    from rdptheory import InteriorPoint, InvalidInput, Pmf, SquaredError, rdp

    with pytest.raises(InvalidInput, match="has no interior point"):
        rdp(Pmf([0.5, 0.3, 0.2]), SquaredError(), Own(), D=0.2, P=0.04, method=InteriorPoint())
