"""What the command line says of bad input is in its own words: options and what is typed, no function of Python."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import rdptheory
from rdptheory import cli, spoken
from rdptheory.errors import InvalidInput, WrongCall
from rdptheory.spoken import Option
from tests.malformed import python_words

ROOM = Path(rdptheory.__file__).parent
ELSEWHERE = (
    "sources/frozen.py", "sources/cumulative.py", "theorems/statement.py",  # laws and statements of one's own
    "transport.py", "representations/region.py",  # transport to a target, decoders of one encoder
    "solvers/conic.py", "solvers/half_spaces/method.py",  # methods that somebody picked
    "solvers/first_order/projections.py", "continuous/answer.py",
    "sweeps/surface.py",  # `curve` of Python
)  # fmt: skip
"""Files whose refusals are about what no command takes."""


def commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(cli.app)
    return dict(group.commands)


def options(command: Any) -> dict[str, Option]:
    return {one.name: Option(one.opts[0]) for one in command.params}


def as_text(node: ast.expr) -> str:
    """A sentence with 1 in place of what is filled in."""
    match node:
        case ast.Constant():
            return str(node.value)
        case ast.JoinedStr():
            return "".join(as_text(part) for part in node.values)
        case ast.BinOp():
            return as_text(node.left) + as_text(node.right)
    return "1"


def refusals(path: Path) -> Iterator[tuple[str, str]]:
    """(argument, rule) of every `InvalidInput("argument", value, rule)` in a file, as far as both are written down."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            named.setdefault(node.targets[0].id, []).append(node.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "InvalidInput" and len(node.args) == 3:
            argument, _, rule = node.args
            rules = named.get(rule.id, []) if isinstance(rule, ast.Name) else [rule]
            if isinstance(argument, ast.Constant):
                yield from ((str(argument.value), as_text(one)) for one in rules)


WRITTEN = {
    (argument, rule)
    for path in ROOM.rglob("*.py")
    if str(path.relative_to(ROOM)) not in ELSEWHERE
    for argument, rule in refusals(path)
}


def test_no_refusal_about_an_argument_of_a_command_speaks_python() -> None:
    """Every sentence that the package can say about what an option gives, whether a command reaches it or not."""
    known: dict[str, Option] = {}
    for command in commands().values():
        known |= options(command)
    heard = {}
    for argument, rule in WRITTEN:
        if spoken.PARTS.get(argument, argument) in known:
            said = spoken.spoken(InvalidInput(argument, 1, rule), known)
            heard[said] = python_words(said)
    assert len(WRITTEN) > 150
    assert len(heard) > 100
    assert {said: words for said, words in heard.items() if words} == {}


def test_conditions_of_statements_speak_no_python() -> None:
    """What `the statement needs`, as the draws of instances ask for it."""
    known, asked = options(commands()["verify"]), set()
    for path in (ROOM / "theorems").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("given.", "self.part", "self.number")):
                asked |= {as_text(one) for one in node.args if isinstance(one, (ast.Constant, ast.JoinedStr))}
    assert len(asked) > 20
    heard = {text: python_words(spoken.in_words(text, known)) for text in asked}
    assert {text: words for text, words in heard.items() if words} == {}


def test_what_only_python_writes_is_written_somewhere() -> None:
    """A phrase of the table that no rule holds any more is a way out that nobody is shown."""
    for phrase in spoken.SAID:
        assert any(phrase in rule for _, rule in WRITTEN), phrase


def test_members_are_said_as_they_are_typed() -> None:
    known = options(commands()["rate"])
    for member, word in spoken.MEMBERS.items():
        if member != "None":
            assert spoken.in_words(f"must be {member} here", known) == f"must be {word} here"
    assert spoken.in_words("Bernoulli(p) or Uniform(0, a)", known) == "bernoulli:p or uniform:0,a"
    assert spoken.in_words("ReverseKullbackLeibler() or KullbackLeibler()", known) == "reverse-kl or kl"


@pytest.mark.parametrize(
    "refusal, said",
    [
        (InvalidInput("D", -1.0, "must be at least 0"), "-D = -1: must be at least 0"),
        (InvalidInput("side_information", [[1.0]], "is wrong"), "--side-information = seen.csv: is wrong"),
        (InvalidInput("matrix", [[1.0]], "is wrong"), "--distortion = table:d.csv: is wrong"),
        (InvalidInput("path", "codes.csv", "cannot be read"), "FILE = codes.csv: cannot be read"),
        (InvalidInput("path", "other.csv", "cannot be read"), "path = other.csv: cannot be read"),
        (InvalidInput("perception", None, "P = 0.1 needs a divergence"), "--perception: -P 0.1 needs a divergence"),
        (InvalidInput("critical", True, "is too much"), "--critical: is too much"),
        (InvalidInput("p", 2.0, "must lie in [0, 1]"), "p = 2.0: must lie in [0, 1]"),
        (InvalidInput("sense", "x", 'must be sense="block", or P = 0'), "--sense = x: must be --sense block, or -P 0"),
        (WrongCall("P", None, "rdp: missing a required argument"), "rdp: missing a required argument"),
    ],
)
def test_what_was_typed_is_shown(refusal: InvalidInput, said: str) -> None:
    known = {
        "D": Option("-D", "-1"),
        "P": Option("-P"),
        "sense": Option("--sense"),
        "perception": Option("--perception"),
        "critical": Option("--critical", True),
        "distortion": Option("--distortion", "table:d.csv"),
        "side_information": Option("--side-information", Path("seen.csv")),
        "file": Option("FILE", Path("codes.csv")),
    }
    assert spoken.spoken(refusal, known) == said


@pytest.mark.parametrize(
    "sentence",
    [
        "such as TotalVariation()",
        'needs sense="block"',
        "needs side_information",
        "discretise(source, n) makes it finite",
        "take Cells(gap=1e-3)",
        "perception = None",
        "Table(matrix, reference=law)",
    ],
)
def test_the_listener_hears_python(sentence: str) -> None:
    assert python_words(sentence)
    assert python_words(inspect.cleandoc(sentence.replace("\n", " ")))


@pytest.mark.parametrize(
    "sentence",
    [
        "R(D,P) with E d(X,Y) <= D",
        "p(s|x) and H(S|U), KL(r|p)",
        "--side-information must fit --sense block",
        "W2² or tv",
        "in Python Table(matrix, reference=law) with a law",
        "cannot be read (No such file)",
    ],
)
def test_the_listener_knows_mathematics(sentence: str) -> None:
    assert python_words(sentence) == []
