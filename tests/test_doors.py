"""The check of arguments: every public name has it, it looks at every entry, and it lets in what it should."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from typing import Any, Protocol

import numpy as np
import pytest

import rdptheory
from rdptheory import (
    Bernoulli,
    Dask,
    DualPoint,
    Gaussian,
    Hamming,
    InteriorPoint,
    InvalidInput,
    Pmf,
    Problem,
    TotalVariation,
    bottleneck,
    place,
    rdp,
)
from rdptheory.certificates import lower_bound
from rdptheory.doors import check, door
from rdptheory.errors import WrongCall

UNTRUSTED = {"DualPoint", "GibbsChannel", "Outcome"}
"""What a method hands over may be anything: the judge reads it, and what it cannot read proves nothing."""


def public() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every function and constructor that the front door, the closed forms and the other public rooms export."""
    rooms = ("", ".units", ".plotting", ".certificates", ".sweeps", ".theorems", ".representations", ".transport")
    forms = pkgutil.iter_modules(rdptheory.closed_forms.__path__, ".closed_forms.")
    for room in (*rooms, *(form.name for form in forms if "._" not in form.name)):
        module = importlib.import_module(f"rdptheory{room}")
        for name in sorted({*module.__all__} - UNTRUSTED):
            found = getattr(module, name)
            if inspect.isclass(found) and "__init__" in vars(found) and not issubclass(found, BaseException):
                yield f"{module.__name__}.{name}", found.__init__
            elif inspect.isfunction(found):
                yield f"{module.__name__}.{name}", found


@pytest.mark.parametrize("name, function", [*public()], ids=lambda part: part if isinstance(part, str) else "")
def test_every_public_name_has_a_door_whose_annotations_can_be_read(name: str, function: Callable[..., Any]) -> None:
    if getattr(inspect.unwrap(function), "__qualname__", "").startswith("_no_init"):
        return  # a protocol has no constructor
    assert hasattr(function, "door"), f"guard(__name__) is missing at the end of {function.__module__}"
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        check(parameter.annotation)


class Painter(Protocol):
    def paint(self) -> None: ...


@dataclass
class Brush:
    def paint(self) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    "hint, good, bad",
    [
        (float, (0, 0.5, np.float32(0.5), Fraction(1, 2), float("nan")), (True, "1", None, 1j, 10**400, [1.0], float)),
        (int, (0, np.int8(3)), (1.0, True, 2**63, "1", None)),
        (bool, (True, np.False_), (0, 1, "False", None)),
        (float | None, (None, 1), ("1", True)),
        (bool | float, (True, 0.5), ("1", None)),
        (Painter, (Brush(),), (Brush, None, 1)),
        (Painter | None, (Brush(), None), (Brush, 1)),
        (Bernoulli | Pmf, (Bernoulli(0.5), Pmf([1.0])), (Bernoulli, None, [1.0])),
        (Sequence[float], ([0.1, 1], (1,), np.arange(3), range(3), []), ("12", 1.0, [True, 0.5], [[1.0]], None, {0.1})),
        (Iterable[int], ([1, 2], iter([1, 2]), {1, 2}), ({1, "2"}, "12", count(), 1)),
        (Sequence[Brush], ([Brush()], ()), ([Brush(), 1], [Brush], Brush(), "x")),
        (tuple[float, float], ((0, 1), [0.5, 1], np.ones(2)), ((1,), (1, "1"), 1.0)),
        (rdptheory._types.FloatArray, ([1, 2], np.ones((2, 2))), ([1j], ["1"], [True], np.ma.ones(2), None)),
        (rdptheory._types.IntArray, ([1, 2], np.arange(2), [1.0]), ([0.5], [float("nan")], "1")),
        (Callable[[float], float], (abs, Brush), (1, None)),
        (str, ("x",), (b"x", None, 1)),
        (type[Brush], (Brush,), (Brush(),)),
        (Any, (None, 1), ()),
        (Any | None, (None, 1, "x"), ()),
        (float | Any, (1.0, "x", None), ()),
    ],
)  # fmt: skip
def test_kinds(hint: Any, good: tuple[Any, ...], bad: tuple[Any, ...]) -> None:
    def take(value: Any) -> Any:
        return value

    take.__annotations__["value"] = hint
    guarded = door(take)
    for value in good:
        guarded(value)
        guarded(value=value)
    for value in bad:
        for call in (lambda value: guarded(value), lambda value: guarded(value=value)):
            with pytest.raises(InvalidInput, match=r"^value = "):
                call(value)


class Trained:
    """What a tensor with a gradient is to those who do not import torch."""

    requires_grad = True


@pytest.mark.parametrize(
    "call, said",
    [
        (
            lambda: rdp(Bernoulli(0.5), Hamming(), None, D="0.1", P=0.0),
            "must be a real number or a list, and not a text",
        ),
        (
            lambda: rdp(Bernoulli(0.5), "hamming", None, D=0.1, P=0.0),
            r"or a list, and not a text, as in SquaredError\(\)$",
        ),
        (
            lambda: rdp([0.5, 0.5], Hamming(), None, D=0.1, P=0.0),
            r"an Independent or .*, as in Pmf\(probabilities\) or Empirical\(samples\)$",
        ),
        (lambda: rdp(0.5, Hamming(), None, D=0.1, P=np.inf), r", as in Pmf\(\[0.5, 0.3, 0.2\]\)$"),
        (
            lambda: rdp(Bernoulli(0.5), Hamming(), None, D=0.1, P=np.inf).sample([0, 1], 0),
            r"rng = 0: must be a numpy.Generator, as in numpy\.random\.default_rng\(0\)$",
        ),
        (
            lambda: rdp(Bernoulli(0.5), np.eye(2), None, D=0.1, P=np.inf),
            r"must be a Distortion \(an object with table\) or a list, as in Table\(matrix\)$",
        ),
        (
            lambda: rdp(Bernoulli(0.5), Hamming(), "tv", D=0.1, P=0.0),
            r"perception = tv: must be a Divergence or None, and not a text, as in TotalVariation\(\)$",
        ),
        (
            lambda: rdp(Bernoulli(0.5), Hamming(), None, D=0.1, P=0.0, method=InteriorPoint),
            r"must be a Method \(an object with solve\) or None, not a class: call it, as in InteriorPoint\(...\)$",
        ),
        (lambda: Gaussian(0.0, "1"), "variance = 1: must be a real number, and not a text"),
        (
            lambda: lower_bound(Problem(Bernoulli(0.5), Hamming(), None, 0.1, np.inf), DualPoint([0.0, 0.0], 1.0)),
            r"must be a DiscreteProblem, as in Problem\(\.\.\.\)\.discrete$",
        ),
        (lambda: bottleneck(Pmf([0.5, 0.3, 0.2]), [0, 1, 1], C=0.1), r"has \(3,\); np.eye\(k\)\[classes\] makes one"),
        (
            lambda: bottleneck(Pmf([0.5, 0.5]), [[0.25, 0.25], [0.125, 0.375]], C=0.1),
            r"within 1e-12: a joint law p\(x, z\) has other rows, divide each by its sum$",
        ),
        (lambda: bottleneck(Pmf([0.5, 0.5]), [[0.25, 0.25], [0.5, 0.5]], C=0.1), r"sum to 1 within 1e-12$"),
        (lambda: Dask(None), "client = None: must be a distributed.Client, or the address of a scheduler"),
        (lambda: Pmf(Trained()), "is a tensor with a gradient: take its .detach"),
        (lambda: place("codec.csv", Bernoulli(0.5), Hamming(), None), "must be a list, each entry a Measurement"),
    ],
)
def test_what_a_newcomer_is_told(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        call()


def test_what_passes_is_a_float() -> None:
    @door
    def halve(x: float, *, parts: Sequence[float] = ()) -> tuple[Any, ...]:
        return x, parts

    assert [type(x) for x in halve(Fraction(1, 2))] == [float, tuple]
    assert halve(np.float32(0.5), parts=np.array([1, 2])) == (0.5, (1.0, 2.0))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: rdp(Bernoulli(0.5), Hamming(), None, D=0.1), "'P'"),
        (lambda: rdp(Bernoulli(0.5), Hamming(), None, D=0.1, P=0.0, Q=1), "'Q'"),
        (lambda: Pmf([1.0], [0.0], [0.0]), r"^Pmf\.__init__: too many"),
        (lambda: rdp(Bernoulli(0.5), Hamming(), None, 0.1, 0.0), "D, P, .* must be given by name, as in D=..."),
        (lambda: Pmf(), "'probabilities'"),
        (lambda: Gaussian(0.0, sigma=1.0), r"^Gaussian\.__init__: has no argument 'sigma'; it takes mean, variance$"),
        (lambda: rdp(Bernoulli(0.5), Hamming(), None, d=0.1, p=0.0), "has no argument 'd', 'p'; it takes .*, D, P, "),
    ],
)
def test_a_call_that_does_not_fit_the_signature_is_both_refusals(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(WrongCall, match=words):
        call()
    assert issubclass(WrongCall, TypeError)
    assert issubclass(WrongCall, InvalidInput)


@pytest.mark.parametrize(
    "call",
    [
        lambda: TotalVariation().value([0.5, 0.5], [1.0]),
        lambda: TotalVariation().value([[0.5, 0.5]], [[0.5, 0.5]]),
        lambda: TotalVariation().value([], []),
        lambda: Hamming().table(0.5),
        lambda: Hamming().on([0.0, 1.0], [[0.0, 0.0], [1.0, 1.0]]),
        lambda: Hamming().on([[0.0, 1.0]], [[0.0, 0.0, 1.0]]),
    ],
)
def test_shapes_that_do_not_fit_each_other_are_refused(call: Callable[[], Any]) -> None:
    with pytest.raises(InvalidInput, match="must have shape"):
        call()


def test_a_name_that_only_type_checkers_know_lets_everything_pass() -> None:
    def take(x: Unknown, y: float) -> float:  # type: ignore[name-defined]  # noqa: F821
        return y

    assert door(take)("anything", y=Fraction(1, 2)) == 0.5
    with pytest.raises(InvalidInput, match=r"^y = "):
        door(take)("anything", y="1")


def test_a_type_error_of_the_body_stays_one() -> None:
    @door
    def broken(x: float) -> float:
        return x + "1"  # type: ignore[operator]

    with pytest.raises(TypeError, match="unsupported operand"):
        broken(1.0)


def test_doors_travel_and_keep_their_words() -> None:
    assert pickle.loads(pickle.dumps(rdp)) is rdp
    assert "proof" in (rdp.__doc__ or "")
    assert list(inspect.signature(rdp).parameters)[:3] == ["source", "distortion", "perception"]
    assert TotalVariation().value([0.5, 0.5], [0.75, 0.25]) == 0.25  # type: ignore[arg-type]
