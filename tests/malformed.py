"""Malformed calls by the thousand: every public entrance, one wrong argument at a time.

An entrance is a public function, constructor, method or command with arguments that are right; a call replaces one of
them by a value that no reading allows. It must end in InvalidInput, or exit status 2, with argument, value and rule.

    python -m tests.malformed 30000
"""

from __future__ import annotations

import contextlib
import datetime
import importlib
import inspect
import io
import re
import signal
import sys
import tempfile
import typing
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer

import rdptheory as rdpt
from rdptheory import cli, plotting
from rdptheory._types import ArrayLike, Contradiction, FloatArray, IntArray
from rdptheory.errors import GapTooWide, InvalidInput, MissingPackage

SECONDS = 10.0  # that a call may take: a refusal takes microseconds
ROOMS = (
    "rdptheory", "rdptheory.units", "rdptheory.certificates", "rdptheory.sweeps", "rdptheory.theorems",
    "rdptheory.representations", "rdptheory.transport", "rdptheory.plotting", "rdptheory.placement",
    "rdptheory.closed_forms", *(f"rdptheory.closed_forms.{name}" for name in (
        "bernoulli", "gaussian", "gaussian_vector", "hamming", "laplacian", "log_loss", "transport_binary",
        "transport_gaussian", "transport_uniform",
        "uniform_discrete")),
)  # fmt: skip
UNTRUSTED = {"DualPoint", "GibbsChannel", "Outcome"}
"""What a method hands over may be anything: the judge reads it, and what it cannot read proves nothing."""

REPORTS = (
    "Bounds", "Slopes", "Located", "CriticalPoints", "Row", "Verdict", "Limit", "Placement", "UpperBound",
    "MinDistortion", "Solution", "TransportRate", "TransportBounds", "Refinement", "Interpolation", "JointTransport",
    "ExtremeBounds", "Decomposition", "Allocation", "ScalingDecoder", "Point", "Candidate", "JointGaussian",
    "Multipliers", "Gradient", "Dispersion", "ConfidenceRate", "SlopePoint", "SeveralSlopes", "worst", "at_most",
    "equal", "exceeds",
    "cut", "support", "support_at", "support_near", "support_bound", "uncertainty", "value", "quantile", "left_tail",
    "right_tail", "density", "compiled_ball",
)  # fmt: skip
"""Answers, in which NaN says that there is no number, and parts of a solver, in which NaN gives NaN."""


class Foreign:
    """An object of nobody's kind."""


class Hang(BaseException):
    """The call took longer than SECONDS; no `except Exception` keeps it."""


def _masked() -> Any:
    return np.ma.array([0.5, 0.5], mask=[True, False])


NO_NUMBER: tuple[Any, ...] = (
    True, False, np.True_, "0.1", "", b"0.1", 1j, np.complex64(1), 10**400, -(10**5000), object(), Foreign(), {}, [],
    ["0.1"], datetime.date(2026, 1, 1), np.datetime64("2026-01-01"), np.array(["a"]), np.array([0.1, 0.2]), _masked(),
    np.ma.masked, Foreign, float, len, Decimal("sNaN"), np.longdouble("1e400"), np.array([0.1], dtype=object), slice(3),
    pd.Timestamp("2026-01-01"), pd.NA,
)  # fmt: skip
NAN: tuple[Any, ...] = (float("nan"), np.float32("nan"), Decimal("NaN"))
NO_COUNT = (*NO_NUMBER[:2], *NO_NUMBER[3:], 1.5, 2.0, float("nan"), float("inf"), 2**63, -(2**70), np.float64(3), "3")
NO_TRUTH = (0, 1, 1.0, "True", "False", "", b"1", [], {}, object(), np.array([True, False]), Foreign, float("nan"))
NO_TEXT = (0, 1.5, b"x", [], {}, object(), Foreign, float("nan"), np.array("a"), True)
NO_PATH = (0, 1.5, True, b"x\0", [], {}, object(), Foreign, float("nan"), "a\0b", "",
           "/nowhere/at/all.csv", "x" * 5000)  # fmt: skip
NO_OBJECT = (0, 1.5, True, "bernoulli", b"x", 1j, [], {}, [0.5, 0.5], object(), Foreign(), Foreign, type, len,
             _masked(), float("nan"), 10**400, datetime.date(2026, 1, 1), np.ones(2))  # fmt: skip
NO_ARRAY: tuple[Any, ...] = (
    "0.5", b"\x00\x01", True, [True, False], [True, 0.5], ["a", "b"], ["0.5", "0.5"], [b"1"], [1j, 0.5], [None, 1.0],
    np.array([0.5, 0.5], dtype=object), np.array([True, False]), np.array([0.5, 0.5 + 0j]), _masked(), {0.5: 0.5},
    {0.5}, object(), Foreign(), Foreign, len, [10**400, 1], [[1.0], [1.0, 2.0]], [datetime.date(2026, 1, 1)],
    np.array(["2026-01-01"], dtype="datetime64[D]"), np.zeros(2, dtype=[("a", float)]), (x for x in (0.5, 0.5)),
    pd.Series(["a", "b"]), pd.Series([0.5, None], dtype=object), slice(2), [[[]], 1],
)  # fmt: skip
NO_LIST = (*(value for value in NO_ARRAY if not isinstance(value, (set, Iterator))), 1j, object(), ["0.5", object()])
NO_EXPRESSION = ("1/2", "__import__('os').system('true')", "", b"1", True, False, 1j, object(), Foreign(), Foreign, len,
                 float("nan"), [0.5], {}, np.array([0.5]), datetime.date(2026, 1, 1), 10**400)  # fmt: skip
BY_KIND = {"number": 0.5, "count": 2, "truth": False, "text": "x", "array": [0.5, 0.5], "list": []}
WRONG = {"number": NO_NUMBER, "count": NO_COUNT, "truth": NO_TRUTH, "text": NO_TEXT, "path": NO_PATH,
         "object": NO_OBJECT, "array": NO_ARRAY, "list": NO_LIST, "expression": NO_EXPRESSION}  # fmt: skip


WILD: dict[str, tuple[Any, ...]] = {
    "number": (0, -0.0, 5e-324, 1e-300, 1e-17, 1e-12, 0.5, 1.0, 3, 1e12, 1e300, 1.7e308, float("inf"), -1.0, -1e308,
               10**300, -float("inf"), np.float32(0.1), Fraction(1, 3)),
    "count": (-1, 0, 1, 2, 3, 7, 1000, 2**31, 2**62, np.int8(5)),
    "truth": (True, False),
    "text": ("", "x", "BM19.T2", "é" * 300, "a\0b"),
    "array": ([], [[]], [0.0], [0.0, 0.0], [1.0], [0.5, 0.5], [0.25, 0.25, 0.5], [-1.0, 2.0], [1e308, 1e308],
              [5e-324, 1.0],
              [float("inf"), 1.0], [float("nan"), 1.0], np.eye(3), np.eye(2), np.ones((2, 3)) / 3, np.zeros((3, 3)),
              np.full((3, 3), 1e308), np.ones((2, 2, 2)), 0.5, 2.0, np.arange(3), [[1.0]], np.full((3, 3), 1 / 3)),
    "list": ([], [0.1], [0.2, 0.1, 0.3], [0.0], [1e308], [float("inf")], [-1.0], [(0.1, 0.1)], [(0.0, 0.0)],
             [(1e308, 0.0)],
             [(0.1, float("inf")), (0.2, 0.0)], [0.1, 0.1], [(0.1,)], [(-1.0, 0.0)], [1, 2, 3], "x"),
}  # fmt: skip
"""Values of the right kind that are rarely right: a call may answer or refuse, and nothing else."""


@dataclass(frozen=True)
class Entrance:
    """A public callable, right arguments for it, and what kind each argument is of."""

    name: str
    call: Callable[..., Any]
    good: dict[str, Any]
    kinds: dict[str, tuple[str, ...]]
    """Kinds a value may be of; a wrong value must be wrong for each."""
    optional: frozenset[str] = field(default=frozenset())

    def wrong(self, argument: str) -> list[Any]:
        """Values that the argument may not have."""
        kinds = self.kinds[argument]
        pools = [WRONG[kind] for kind in kinds]
        values = [v for v in pools[0] if all(any(v is other for other in pool) for pool in pools[1:])]
        if "number" in kinds and self.name.split(".")[-1] not in REPORTS:
            values += NAN
        return values if argument in self.optional else [*values, None]


def kinds_of(hint: Any) -> tuple[tuple[str, ...], bool]:
    """What an annotation lets in, and whether None is among it; no kind at all where it lets in anything."""
    if hint is ArrayLike:
        return ("array",), False
    if hint in (None, type(None)):
        return (), True
    inner = typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, type(int | str)):
        if {*typing.get_args(ArrayLike)} <= {*inner}:
            return ("array",), type(None) in inner
        found = [kinds_of(one)[0] for one in inner if one is not type(None)]
        return tuple(dict.fromkeys(kind for kinds in found for kind in kinds)), type(None) in inner
    simple = {float: "number", int: "count", bool: "truth", str: "text", FloatArray: "array", IntArray: "array"}
    if hint in simple:
        return (simple[hint],), False
    origin = typing.get_origin(hint) or hint
    if hint in (Any, object) or isinstance(hint, typing.TypeVar) or origin is type(len) or not isinstance(origin, type):
        return (), False
    if origin.__name__ in ("PathLike", "Path"):
        return ("path",), False
    if origin.__name__ in ("Sequence", "Iterable", "tuple", "list"):
        return ("list",), False
    if origin.__name__ in ("Callable", "dict", "Mapping", "object"):
        return (), False
    return ("object",), False


@cache
def nouns() -> dict[str, Any]:
    """Right values by the name of the parameter, and by the name of its class."""
    pmf = rdpt.Pmf([0.5, 0.25, 0.25])
    coin = rdpt.Bernoulli(0.25)
    solution = rdpt.rdp(pmf, rdpt.SquaredError(), rdpt.TotalVariation(), D=0.2, P=0.05)
    plan = rdpt.constrained_transport(pmf, pmf, rdpt.SquaredError(), R=0.5, common_randomness=False)
    discrete = solution.problem.discrete
    located = rdpt.distortion_at(coin, rdpt.Hamming(), None, R=0.1, P=float("inf"))
    corners = rdpt.critical_points(coin, rdpt.Hamming(), rdpt.TotalVariation(), P=0.05)
    region = rdpt.representation_region(pmf, np.eye(3), rdpt.TotalVariation())
    folder = Path(tempfile.mkdtemp(prefix="malformed-"))
    rows = rdpt.sweeps.tabulate("coin", coin, rdpt.Hamming(), None, D=[0.1], P=[float("inf")])
    return {
        "source": pmf, "target": pmf, "distortion": rdpt.SquaredError(), "perception": rdpt.TotalVariation(),
        "problem": discrete, "solution": solution, "method": None, "executor": rdpt.Serial(), "D": 0.2, "P": 0.05,
        "points": [(0.2, 0.05)], "first": [(0.2, 0.05)], "second": [(0.1, 0.05)], "variances": [1.0, 2.0],
        "channel": np.eye(3), "encoder": np.eye(3), "path": folder / "out.csv", "store": None, "rows": rows,
        "samples": [0.0, 1.0, 1.0], "matrix": [[0.0, 1.0], [1.0, 0.0]], "cost": [[0.0, 1.0], [1.0, 0.0]],
        "mean": 0.0, "n": 4, "m": 3, "levels": 2, "covariance": [1.0], "bounds": located.bounds, "active": located,
        "zero_rate": located, "slopes": solution.slopes, "candidate": solution.candidate, "status": solution.status,
        "p": 0.25, "q": 0.25, "qX": 0.25, "qY": 0.25, "R": 0.5, "common_randomness": True, "keys": ["BM19.T2"],
        "sense": "information",
        "region": region, "workers": 1, "solver": "CLARABEL", "probabilities": [0.5, 0.5], "weights": [1, 3],
        "high": 2.0, "low": 1.0, "unit": "bits", "dual": solution.dual, "price": 1.0, "weight": 0.5, "dimension": 1,
        "rate": 0.5, "variance": 1.0, "D1": 0.1, "D2": 0.2, "D3": 0.3, "ball": discrete.perceptions[0],
        "reference": [0.5, 0.5], "output": [0.25, 0.75], "law": [0.25, 0.75], "other": located.bounds,
        "plan": plan.plan,
        "measurements": [rdpt.Measurement(1.0, 0.2)], "measurement": rdpt.Measurement(1.0, 0.2), "pmf": pmf,
        "gap": 1e-6, "instances": 1, "alphabet": (3,), "axis": 0, "Solution": solution, "TransportSolution": plan,
        "CriticalPoints": corners, "Region": region, "DiscreteTransport": plan.problem.discrete,
        "TransportProblem": plan.problem, "Problem": solution.problem, "Gaussian": rdpt.Gaussian(0, 1),
        "Uniform": rdpt.Uniform(0, 1), "GaussianVector": rdpt.GaussianVector([0.0, 0.0], [1.0, 1.0]), "Bernoulli": coin,
        "Located": located, "Laplace": rdpt.Laplace(0, 1), "Empirical": rdpt.Empirical([0.0, 1.0]),
        "relevance": [[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]], "rng": np.random.default_rng(0),
        "divergence": rdpt.TotalVariation(), "x": np.array([0.5]), "level": 0.5, "v": np.array([0.0, 1.0]),
        "Pmf": pmf, "Bounds": located.bounds,
    }  # fmt: skip


@cache
def special() -> dict[str, dict[str, Any]]:
    """Right values for the entrances whose parameters do not go by their usual names."""
    known, folder = nouns(), Path(tempfile.mkdtemp(prefix="malformed-"))
    (folder / "pmf.csv").write_text("level,count\n0,3\n1,4\n")
    (folder / "codec.csv").write_text("rate_bits,D\n1,0.5\n")
    grid = rdpt.surface(known["Bernoulli"], rdpt.Hamming(), rdpt.TotalVariation(), D=[0.1, 0.2], P=[0.0, 0.1])
    drawn, (axes,) = plotting.figure()
    picture = {"ax": axes, "dataset": grid, "drawn": drawn, "D": [0.1, 0.2], "P": [0.0, 0.1], "rates": np.ones((2, 2))}
    laws = {"k": 2, "m": 2, "p": [0.5, 0.5], "r": [0.5, 0.5]}
    numbers = {"first": 0.5, "total": 1.0, "left": 0.1, "right": 0.2, "verdicts": [rdpt.theorems.Verdict(0.1)]}
    return {
        **dict.fromkeys(("plot_curves", "plot_surface", "overlay", "mark_critical", "draw_limit", "shade"), picture),
        "save": picture | {"path": folder / "out.png"}, "write_surface": {"grid": grid, "path": folder / "out.nc"},
        **dict.fromkeys(("check", "far"), laws),
        **dict.fromkeys(("at_most", "equal", "exceeds", "worst", "Refinement", "gaussian_refinement"), numbers),
        "solution.Solution": {"method": rdpt.InteriorPoint()}, "discretise": {"source": known["Laplace"]},
        "slope_curve": {"s": [1.0]}, "confidence_rate": {"samples": np.linspace(0.0, 1.0, 50), "support": [(0.0, 1.0)]},
        "Solution.sample": {"x": [0.0, 1.0]},
        "GaussianMixture": {"weights": [0.5, 0.5], "means": [0.0, 1.0], "variances": [1.0, 1.0]},
        "GaussianVector": {"mean": [0.0, 0.0], "covariance": [1.0, 1.0]}, "adaptive_grid": {"D": (0.1, 0.2)},
        "Pmf.from_csv": {"path": folder / "pmf.csv"}, "read_measurements": {"path": folder / "codec.csv"},
        "min_distortion_channel": {"p": [0.5, 0.25, 0.25], "cost": 1.0 - np.eye(3), "enough": 0.1},
        "refinement_bound": {"shannon": float}, "TransportRate": {"solution": known["TransportSolution"]},
        "encoder_curve": {"codes": [0, 0, 1]}, "CommonPlan": {"maps": [[0, 1], [1, 0]]},
        "Serial.map": {"function": len, "tasks": []}, "Joblib.map": {"function": len, "tasks": []},
        "Table.on": {"x": [0.0, 1.0]}, "Table.table": {"points": [0.0, 1.0]}, "bound": {"plan": np.eye(2) / 2},
        "PerceptionLimit.value": {"output": [0.5, 0.25, 0.25]}, "Interpolation": {"plan": np.eye(3)},
    }  # fmt: skip


def right(name: str, hint: Any) -> Any:
    """A right value for a parameter: by the class that its annotation names, by its name, by its kind."""
    known, kinds = nouns(), kinds_of(hint)[0]
    named = getattr(hint, "__name__", "")
    if named in known:
        return known[named]
    if kinds == ("list",) and name in ("D", "P"):
        return [known[name]]
    if name in known:
        return known[name]
    return {"number": 0.5, "count": 2, "truth": False, "text": "x", "array": [0.5, 0.5], "list": []}.get(
        kinds[0] if kinds else ""
    )


def entrance(name: str, call: Callable[..., Any], method: bool = False) -> Entrance | None:
    """An entrance with right values for everything that must be given; None if nothing can be given wrongly."""
    function = call.__init__ if isinstance(call, type) else call  # type: ignore[misc]
    try:
        hints = typing.get_type_hints(inspect.unwrap(function))
        parameters = inspect.signature(call).parameters
    except (TypeError, ValueError, NameError):
        return None
    good, kinds, optional = {}, {}, set()
    for argument, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            return None
        hint = hints.get(argument, Any)
        found, none = kinds_of(hint)
        if argument in ("tasks", "plans") or (name.endswith(".write_table") and argument == "rows"):
            found = ()  # lists of anything
        if name.endswith(".symbolic") and hint is Any:
            found, none = ("expression",), True
        if none:
            optional.add(argument)
        if found:
            kinds[argument] = found
        if parameter.default is parameter.empty:
            own: dict[str, Any] = next((values for end, values in special().items() if name.endswith(f".{end}")), {})
            good[argument] = own[argument] if argument in own else right(argument, hint)
    return Entrance(name, call, good, kinds, frozenset(optional)) if kinds else None


@cache
def entrances() -> tuple[Entrance, ...]:
    """Every public function, constructor and method of the theory."""
    found: dict[str, Entrance | None] = {}
    for room in ROOMS:
        module = importlib.import_module(room)
        for name in module.__all__:
            one = getattr(module, name)
            if name in UNTRUSTED or not callable(one) or getattr(one, "_is_protocol", False):
                continue
            if isinstance(one, type) and issubclass(one, (BaseException, Enum)):
                continue
            if inspect.isfunction(one) or inspect.isclass(one):
                found[f"{one.__module__}.{name}"] = entrance(f"{one.__module__}.{name}", one)
    for instance in instances():
        kind = type(instance)
        for name, member in inspect.getmembers(kind, callable):
            if name.startswith("_") or not hasattr(member, "door"):
                continue
            full = f"{kind.__module__}.{kind.__name__}.{name}"
            found[full] = entrance(full, getattr(instance, name), method=True)
    return tuple(one for one in found.values() if one is not None)


def instances() -> list[Any]:
    """Objects whose methods are public."""
    known = nouns()
    kinds = (rdpt.TotalVariation, rdpt.KullbackLeibler, rdpt.JensenShannon, rdpt.ChiSquare, rdpt.SquaredHellinger,
             rdpt.ReverseKullbackLeibler, rdpt.Hamming, rdpt.SquaredError, rdpt.AbsoluteError, rdpt.Serial, rdpt.Joblib,
             rdpt.Wasserstein1, rdpt.Wasserstein2Squared)  # fmt: skip
    made = [kind() for kind in kinds]
    names = ("Pmf", "Bernoulli", "Gaussian", "Uniform", "Laplace", "Bounds", "Solution", "TransportSolution", "Region",
             "problem", "Problem", "ball", "Empirical")  # fmt: skip
    return [*made, rdpt.Table([[0.0, 1.0], [1.0, 0.0]]), rdpt.TransportDivergence([[0.0, 1.0], [1.0, 0.0]]),
            *(known[name] for name in names)]  # fmt: skip


COIN = {"--source": "bernoulli:0.25", "--distortion": "hamming", "--perception": "tv", "-D": "0.1", "-P": "0.05"}
SEEN = {"--side-information": "seen.csv", "--realism": "output"}


def without(options: dict[str, str], *names: str) -> dict[str, str]:
    """All but some options."""
    return {name: value for name, value in options.items() if name not in names}


COMMANDS: dict[str, dict[str, str]] = {
    "rate": COIN | SEEN | {"--sense": "information", "--common-randomness": "inf"},
    "curve": COIN | SEEN | {"--out": "c.csv", "--plot": "c.png"},
    "surface": COIN | SEEN | {"--out": "s.nc", "--workers": "1", "--store": "kept"},
    "slope-curve": without(COIN, "-D") | {"--slope": "1", "--out": "s.csv"},
    "distortion-at": without(COIN, "-D") | SEEN | {"-R": "0.1", "--sense": "information", "--common-randomness": "inf"},
    "perception-at": without(COIN, "-P") | SEEN | {"-R": "0.1"},
    "verify": {"--instances": "1", "--seed": "0"},
    "demo": {"--out": "/dev/null/report", "--unit": "bits"},
    "bottleneck": {"--source": "bernoulli:0.25", "--relevance": "classes.csv", "-C": "0.1"},
    "relevant-rate": COIN | {"--relevance": "classes.csv", "-C": "0.1"},
    "side-information-rate": without(COIN, "--perception", "-P") | {"--relevance": "classes.csv"},
    "place": without(COIN, "-D", "-P") | {"--out": "p.csv", "--plot": "p.png", "--peak": "255"},
    "papers": {"--out": "/dev/null/papers"},
}
NO_LIMIT = ("nan", "-0.1", "x", "", "1e400x", "0.1;0.2", "--", "²", "१", "1_0", "0x10", "0.1:0.2", "0:1:x", "0:1:²",
            "0:1:1", "1:0:5", "0:1:99999999999", "0:inf:3", "0:nan:3", "0,,1", "True", "None", "1j", "\udcff",
            "0.1 0.2", "0:1:1e3", ":", "::", "-inf", "__import__('os')")  # fmt: skip
NO_TABLE = ("", ".", "nothing.csv", "nothing.npy", "/dev/zero", "a\0b", "x" * 5000)
NO_OPTION = {
    "--source": ("", "x", "bernoulli", "bernoulli:", "bernoulli:2", "bernoulli:nan", "bernoulli:x", "gaussian:0",
                 "gaussian:0,0", "gaussian:0,inf", "gaussian:0,1,2", "gaussian:a,b", "pmf:", "pmf:nothing.csv", "pmf:.",
                 "pmf:a\0b", "pmf:/dev/zero", "uniform:1,0", "uniform:0,²", "laplace:0,-1", ":", "bernoulli:1_0e-2",
                 "bernoulli:0.1:0.2", "\udcff", "weights:nothing.csv"),
    "--distortion": ("", "x", "Hamming ", "\udcff", "0"),
    "--perception": ("", "x", "total variation", "renyi", "renyi:1", "renyi:x"),
    "-D": NO_LIMIT, "-P": NO_LIMIT, "-R": NO_LIMIT, "--peak": ("0", "-1", "x", "", "nan", "inf"),
    "--out": ("", "nowhere/c.csv", ".", "/", "a\0b", "x" * 5000, "/dev/null"),
    "--plot": ("", "c.bmp", "c", "nowhere/c.png", ".png/", "a\0b.png", "x" * 5000 + ".png"),
    "--workers": ("0", "-1", "1.5", "x", "", "10" * 20, "²", "nan"),
    "--instances": ("0", "-1", "x", "1.5", "", "10" * 20), "--seed": ("-1", "x", "1.5", ""),
    "--store": ("/dev/null", "a\0b", "/dev/null/x", "x" * 5000), "--levels": ("0", "-1", "x", "1.5", "10" * 20),
    "--unit": ("hartleys", "", "Bits!"), "--nonsense": ("1",),
    "--side-information": NO_TABLE, "--relevance": NO_TABLE, "--realism": ("", "x"), "--sense": ("", "x", "block"),
    "-C": NO_LIMIT, "--common-randomness": (*NO_LIMIT, "0.1"), "--slope": NO_LIMIT,
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One malformed call, ready to be made."""

    name: str
    argument: str
    value: Any
    make: Callable[[], Any]
    may_answer: bool = False

    def __str__(self) -> str:
        try:
            shown = repr(self.value)[:80]
        except ValueError:  # an integer of more digits than Python prints
            shown = f"<{type(self.value).__name__}>"
        return f"{self.name}({self.argument}={shown})"


def calls(count: int, seed: int, rooms: tuple[Entrance, ...] | None = None) -> Iterator[Call]:
    """So many malformed calls, of the library and, every tenth, of the command line."""
    rng = np.random.default_rng(seed)
    doors = entrances() if rooms is None else rooms
    for number in range(count):
        if rooms is None and number % 10 == 9:
            yield _command(rng)
            continue
        door = doors[rng.integers(len(doors))]
        argument = list(door.kinds)[rng.integers(len(door.kinds))]
        kind = door.kinds[argument][0]
        wild = number % 3 == 2 and kind in WILD
        values = WILD[kind] if wild else door.wrong(argument)
        value = values[rng.integers(len(values))]
        given = door.good | {argument: value}
        yield Call(door.name, argument, value, lambda door=door, given=given: door.call(**given), wild)  # type: ignore[misc]


@cache
def wrong_options() -> dict[str, list[str]]:
    """The options of every command that have wrong values, and one that no command has."""
    group: Any = typer.main.get_command(cli.app)
    found = {}
    for name, command in group.commands.items():
        words = [word for one in command.params for word in one.opts if word in NO_OPTION]
        words = [word for word in words if word != "--out" or name not in ("demo", "papers")]  # make any folder
        found[name] = [*words, "--nonsense"]
    return found


def command_call(name: str, option: str, value: str) -> Call:
    """A command whose options are right, but for one."""
    first = ["codec.csv"] if name == "place" else []
    arguments = [name, *first, *(part for pair in (COMMANDS[name] | {option: value}).items() for part in pair)]
    return Call(f"rdptheory {name}", option, value, lambda: _run(arguments))


def _command(rng: np.random.Generator) -> Call:
    name = list(COMMANDS)[rng.integers(len(COMMANDS))]
    known = wrong_options()[name]
    option = known[rng.integers(len(known))]
    return command_call(name, option, NO_OPTION[option][rng.integers(len(NO_OPTION[option]))])


def _run(arguments: list[str]) -> None:
    """Exit status 2 with one sentence becomes the refusal that the library would have raised."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("classes.csv").write_text("0.9,0.1\n0.2,0.8\n")
        Path("seen.csv").write_text("0.7,0.05\n0.05,0.2\n")
        Path("codec.csv").write_text("rate_bits,D,P\n1,0.1,0.05\n")
        error = io.StringIO()
        with contextlib.redirect_stderr(error), contextlib.redirect_stdout(io.StringIO()):
            try:
                cli.main(arguments)
            except SystemExit as ended:
                code = ended.code
        last = error.getvalue().strip().splitlines()[-1:] or [""]
        if code == 2 and last[0].startswith("Error: "):
            typed = " ".join(arguments).split()
            heard = [word for word in python_words(last[0]) if not any(word in part for part in typed)]
            if heard:
                raise AssertionError(f"{last[0]} speaks Python: {heard}")
            raise InvalidInput("option", arguments, last[0])
        raise AssertionError(f"exit status {code}: {last[0]}")


PYTHON = re.compile(
    r"(?<!in Python )\b(?:[A-Z][a-z]\w*|[a-z]{4,}\w*)\([^ )]?"  # a constructor or a function, and no R(D,P) or p(x)
    r"|\b[a-z]+_[a-z_]+\b"  # an argument of several words
    r"|\b\w+=[\"\w]|\bNone\b|\bTrue\b|\bFalse\b"
)
"""Words of Python in a sentence that people read who never call it."""


def python_words(sentence: str) -> list[str]:
    """Those in a sentence, but for what it says is Python's."""
    said = re.sub(r"in Python \w+\([^)]*\)", "", sentence)
    return [found.group() for found in PYTHON.finditer(said)]


def verdict(call: Call) -> str | None:
    """What is wrong with the end of a call; None if it was refused as it should be."""

    def stop(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of what is infinite, in values that are rarely right
            found = call.make()
    except InvalidInput as refusal:
        sentence = str(refusal)
        if not (refusal.argument and refusal.rule) or "\n" in sentence:
            return f"{call}: no sentence: {sentence!r}"
        return None
    except Hang:
        return f"{call}: longer than {SECONDS} s"
    except (Contradiction, GapTooWide, MissingPackage):
        return None if call.may_answer else f"{call}: let in"
    except Exception as problem:
        trace = problem.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = "" if trace is None else f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        return f"{call}: {type(problem).__name__}: {str(problem)[:100]}{where}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    return None if call.may_answer else f"{call}: accepted, {str(found)[:60]!r}"


def main(arguments: list[str]) -> int:
    """Make so many calls and print what went wrong, most frequent first."""
    count = int(arguments[0]) if arguments else 500
    wrong = [found for call in calls(count, seed=0) if (found := verdict(call)) is not None]
    for found, times in Counter(wrong).most_common():
        sys.stdout.write(f"{times:6} {found}\n")
    sys.stdout.write(f"{count} malformed calls at {len(entrances())} entrances: {len(wrong)} not refused\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
