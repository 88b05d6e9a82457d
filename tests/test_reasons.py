"""Every number that the package is written with has its reason beside it, and every test chooses its tolerance."""

import ast
from pathlib import Path

import pytest

import rdptheory

ROOM = Path(rdptheory.__file__).parent
TESTS = Path(__file__).parent
SLACK = {"approx": 1, "assert_allclose": 2, "allclose": 2, "isclose": 2}
"""What compares up to a tolerance of its own where none is given, and how many arguments it takes before that."""


def unexplained(text: str) -> list[str]:
    """Constants of a module whose value holds a number, and that nothing beside them explains."""
    body, lines, found = ast.parse(text).body, text.splitlines(), []
    for node, after in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None or not holds_a_number(node.value):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
        names = [name for name in names if name.isupper()]
        documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        above = node.lineno > 1 and lines[node.lineno - 2].startswith("#")
        commented = above or any("  # " in line for line in lines[node.lineno - 1 : node.end_lineno])
        if not documented and not commented:
            found += names
    return found


def holds_a_number(value: ast.expr) -> bool:
    """A number itself, arithmetic with numbers, or a list of them; a table of words or of functions explains itself."""
    match value:
        case ast.Constant():
            return isinstance(value.value, (int, float)) and not isinstance(value.value, bool)
        case ast.UnaryOp() | ast.BinOp():
            return any(holds_a_number(part) for part in ast.iter_child_nodes(value) if isinstance(part, ast.expr))
        case ast.Tuple() | ast.List() | ast.Set():
            return any(holds_a_number(part) for part in value.elts)
        case ast.Dict():
            return any(holds_a_number(part) for part in value.values)
        case ast.Call():
            names = {node.attr for node in ast.walk(value) if isinstance(node, ast.Attribute)}
            numbers = any(holds_a_number(part) for part in value.args)
            return bool(names & {"finfo", "arange", "linspace", "nextafter", "log", "sqrt"}) or numbers
    return False


@pytest.mark.parametrize("path", sorted(ROOM.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOM)))
def test_every_constant_has_its_reason(path: Path) -> None:
    assert unexplained(path.read_text(encoding="utf-8")) == []


def test_a_constant_without_one_is_seen() -> None:
    bare = "A = 1e-9\nB = float(np.finfo(np.float64).eps)\nC = (1, 2)\nD = -3\nE = {'a': 2 * 8}\nF: float = 0.5\n"
    assert unexplained(bare) == ["A", "B", "C", "D", "E", "F"]
    said = 'A = 1e-9  # nats\n# of the table\nB = 2\nC = 3\n"""Of rounds."""\nD = "words"\nE = {"a": "b"}\n'
    assert unexplained(said) == []


def bare(text: str) -> list[int]:
    """Lines that compare with a tolerance that nobody has chosen."""
    found = [
        call.lineno
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in SLACK
        and len(call.args) <= SLACK[call.func.attr]
        and not {word.arg for word in call.keywords} & {"rel", "abs", "rtol", "atol"}
    ]
    return sorted(found)


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_every_tolerance_is_chosen(path):
    assert bare(path.read_text(encoding="utf-8")) == []


def test_a_tolerance_that_nobody_chose_would_be_found():
    assert bare("assert x == pytest.approx(1.0)\nnp.testing.assert_allclose(x, y)") == [1, 2]
    assert bare("pytest.approx(1.0, rel=1e-9)\nnp.allclose(x, y, atol=0)\ntorch.allclose(x, y, 0, 0)") == []
