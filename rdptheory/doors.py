"""The one check of arguments: what a public function or constructor is given must be of the kind its annotation says.

`guard(__name__)` at the end of a module puts a door before every function, every constructor and every public method
of the names in its `__all__`. The door looks at kinds: a number where a number belongs (as `errors` defines it, and
made a float), an instance and no class where an object belongs, every entry of a list. Values (at least 0, finite, of
one shape) are the business of the function or constructor behind it. Both refuse with `InvalidInput`.

Annotations are read when a door is first used, so an import pays for none of it. The checkers of the trade look at one
entry of a list at random and convert nothing; here every entry counts, and what passes is a float and not a Decimal.
"""

from __future__ import annotations

import collections.abc
import inspect
import os
import sys
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from itertools import islice, takewhile
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np

from rdptheory._types import ArrayLike, Bounds, FloatArray, Frozen, IntArray, follows
from rdptheory.errors import InvalidInput, WrongCall, at_least_zero, number, reals, truth, whole
from rdptheory.kinds import ADVICE, LISTS, WORDS, advice, named, protocol

__all__ = [
    "Alike",
    "CostMatrix",
    "Finished",
    "Has",
    "Law",
    "NotNegative",
    "Places",
    "Reproductions",
    "Shape",
    "SourceLaw",
    "changed",
    "check",
    "door",
    "guard",
    "inside",
    "ours",
    "unchanged",
    "wholly",
]


@dataclass(frozen=True)
class Shape:
    """The axes of an array, by letters: one letter has one length in all arguments of a call, at least 1.

    A last axis with a question mark may be left out.
    """

    axes: tuple[str, ...]


@dataclass(frozen=True)
class Has:
    """An object of a package that may not be installed, known by some of its attributes; `named` says what it is."""

    named: str
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class AtLeast0:
    """A number at least 0 or inf: the one range that functions without a constructor ask for."""


class Finished(Frozen):
    """A class that formulas know by its name: see `changed`."""


def ours(cls: type) -> bool:
    """Whether a class is one of this package."""
    return cls.__module__.partition(".")[0] == __name__.partition(".")[0]


def changed(member: object) -> frozenset[str]:
    """The names that the class of a member changes of a finished one of this package: none, for most.

    Formulas know a class by its name, and would answer about an heir as if it had not.
    """
    heir: Any = type(member)  # hashable, which a type is not to mypy
    return _changed(heir)


@lru_cache(maxsize=256)
def _changed(cls: Any) -> frozenset[str]:
    own, parent = [*takewhile(lambda heir: not ours(heir), cls.__mro__)], _parent(cls)
    if not own or not issubclass(parent, Finished):
        return frozenset()
    filled = getattr(parent, "__dataclass_fields__", {})  # a field may have another default
    found = ((name, value) for heir in own for name, value in vars(heir).items() if name not in READ)
    found = ((name, value) for name, value in found if name[0] != "_" or _private_method(name, value))
    return frozenset(
        name for name, value in found if (hasattr(value, "__get__") if name in filled else hasattr(parent, name))
    )


def _private_method(name: str, value: object) -> bool:
    """Whether a name is that of a step of a formula, and none that Python gives every class."""
    return name[:2] != "__" and hasattr(value, "__get__")


def _parent(cls: type) -> type:
    """The nearest class of this package that a class inherits from."""
    return next(filter(ours, cls.__mro__), object)


def wholly(argument: str, member: object) -> None:
    """Refuse a member whose class changes some formulas of its parent and not all: the rest would contradict them."""
    heir: Any = type(member)
    if half := _half(heir):
        raise InvalidInput(argument, member, f"must not change {half}: write a class of its own")


@lru_cache(maxsize=256)
def _half(cls: Any) -> str:
    """What a class changes and what it leaves of the methods and finite numbers that its parent states; or nothing."""
    names, parent = _changed(cls), _parent(cls)
    stated = {name for name, value in vars(parent).items() if isinstance(value, (types.FunctionType, float))}
    left = sorted(name for name in stated - names if name[0] != "_" and vars(parent)[name] != float("inf"))
    return f"{', '.join(sorted(names))} of {parent.__name__} and not {', '.join(left)}" if names and left else ""


def unchanged(**members: object) -> None:
    """Refuse members whose classes change what formulas take for granted."""
    for argument, member in members.items():
        if names := changed(member):
            what = f"{', '.join(sorted(names))} of {_parent(type(member)).__name__}"
            rule = f"must not change {what}, which formulas know by its name: write a class of its own"
            raise InvalidInput(argument, member, rule)


NotNegative = Annotated[float, AtLeast0()]
Law = Annotated[FloatArray, Shape(("m",))]
"""A law, or a function, on an alphabet that all the laws of a call share: shape (m,)."""
ANY_SHAPE = ("...",)
Alike = Annotated[FloatArray, Shape(ANY_SHAPE)]
"""Arrays of any shape, the same for all of a call: a formula is applied to them entry by entry."""
READ = {"name"}  # by people and by no formula
LEFT_OUT = -1  # the length of an axis that is not there: another array of the call cannot have it
Reference = Annotated[FloatArray, Shape(("k",))]
SourceLaw = Annotated[FloatArray, Shape(("n",))]
CostMatrix = Annotated[FloatArray, Shape(("n", "m"))]
Places = Annotated[FloatArray, Shape(("n", "k?"))]
Reproductions = Annotated[FloatArray, Shape(("m", "k?"))]
"""Where the symbols of two alphabets sit, on a line or in R^k: shapes (n,) and (m,), or (n, k) and (m, k)."""

Check = Callable[[str, Any], Any]
"""(argument, value) -> the value to go on with; raises InvalidInput."""
LONGEST = 1_000_000  # entries taken from an iterator, which may never end
ROOT = Path(__file__).parent
HOUSE = (f"{ROOT}{os.sep}", f"{ROOT.with_name('neural')}{os.sep}")
"""Where the files lie whose calls to each other are not checked again: a name alone a user's module may have, too."""
Function = TypeVar("Function", bound=Callable[..., Any])
ANYTHING = (Any, object, ArrayLike, inspect.Parameter.empty)
"""Array-likes belong here: the function behind the door reads them with `errors.reals` or `real_array`."""


def guard(module: str, *, methods: bool = True) -> None:
    """Put doors before the public names of a module, in place; with `methods` before those of its classes, too."""
    space = vars(sys.modules[module])
    for name in space["__all__"]:
        found = space[name]
        if getattr(found, "__module__", None) != module:
            continue
        if isinstance(found, type):
            for kind in found.__mro__:
                if kind.__module__ == module:
                    _guard_class(kind, methods)
        elif isinstance(found, types.FunctionType):
            space[name] = door(found)


def door(function: Function) -> Function:
    """The function behind a check of its arguments."""
    if hasattr(function, "door"):
        return function
    by_place: list[tuple[str, Check | None]] = []
    by_name: dict[str, Check | None] = {}
    shapes: dict[str, tuple[str, ...]] = {}
    open_ = False

    @wraps(function)
    def entrance(*args: Any, **kwargs: Any) -> Any:
        nonlocal open_
        if sys._getframe(1).f_code.co_filename.startswith(HOUSE):  # whoever is inside came through a door
            return function(*args, **kwargs)
        if not open_:
            by_name.update(_checks(function))
            by_place[:] = by_name.items()
            shapes.update(_shapes(function))
            open_ = True
        passed = [*args]
        for place, ((name, seen), value) in enumerate(zip(by_place, args, strict=False)):
            if seen is not None:
                passed[place] = seen(name, value)
        for name, value in kwargs.items():
            seen = by_name.get(name)
            if seen is not None:
                kwargs[name] = seen(name, value)
        if shapes:
            _fit(shapes, dict(zip(by_name, passed, strict=False)) | kwargs)
        try:
            return function(*passed, **kwargs)
        except TypeError:
            _refuse_a_wrong_call(function, passed, kwargs)
            raise

    entrance.door = True  # type: ignore[attr-defined]
    return typing.cast(Function, entrance)


def inside(method: Function) -> Function:
    """A bound method without its door, for loops of the package itself: their caller has passed one."""
    function = method.__func__  # type: ignore[attr-defined]
    return typing.cast(Function, types.MethodType(getattr(function, "__wrapped__", function), method.__self__))  # type: ignore[attr-defined]


def check(hint: Any) -> Check | None:
    """What stands behind an annotation; None lets everything pass."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        if any(isinstance(mark, AtLeast0) for mark in hint.__metadata__):
            return at_least_zero
        known = [mark for mark in hint.__metadata__ if isinstance(mark, Has)]
        return _having(known[0]) if known else check(inner[0])
    if isinstance(hint, TypeVar):
        return _any_of(hint.__constraints__) if hint.__constraints__ else check(hint.__bound__ or Any)
    if any(hint is free or hint == free for free in ANYTHING):
        return None
    if hint in SIMPLE:
        return SIMPLE[hint]
    if origin in (typing.Union, types.UnionType):
        return None if {*typing.get_args(ArrayLike)} <= {*inner} else _any_of(inner)
    if origin is tuple and not (len(inner) == 2 and inner[1] is Ellipsis):
        return _tuple_of(inner)
    if origin in LISTS or origin is tuple:
        return _all_of(inner[0], origin)
    if origin is type or hint is type:
        return _instance(type)
    if origin is collections.abc.Callable:
        return _callable
    return _instance(origin or hint)


def _guard_class(kind: type, methods: bool = True) -> None:
    if issubclass(kind, BaseException) or protocol(kind):
        return
    for name, member in list(vars(kind).items()):
        if name != "__init__" and (not methods or (name.startswith("_") and name != "__call__")):
            continue
        if isinstance(member, (classmethod, staticmethod)):
            setattr(kind, name, type(member)(door(member.__func__)))
        elif isinstance(member, types.FunctionType) and not getattr(member, "__isabstractmethod__", False):
            setattr(kind, name, door(member))


def _checks(function: Callable[..., Any]) -> dict[str, Check | None]:
    """The check of every parameter, in order; `self` and `cls` have none."""
    hints = _hints(function)
    parameters = inspect.signature(function).parameters
    return {name: check(hints.get(name, Any)) for name in parameters}


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function; Any for a name that is imported for type checkers alone."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError:
        known = vars(sys.modules[function.__module__]) | vars(typing)
        hints: dict[str, Any] = {}
        for name, text in function.__annotations__.items():
            one = types.SimpleNamespace(__annotations__={name: text})
            try:
                hints |= typing.get_type_hints(one, known, include_extras=True)
            except NameError:
                hints[name] = Any
        return hints


def _shapes(function: Callable[..., Any]) -> dict[str, tuple[str, ...]]:
    """The axes of the parameters whose annotation names them."""
    hints = _hints(function)
    found = {}
    for name, hint in hints.items():
        for member in (hint, *typing.get_args(hint)):
            for mark in getattr(member, "__metadata__", ()):
                if name != "return" and isinstance(mark, Shape):
                    found[name] = mark.axes
    return found


def _fit(shapes: dict[str, tuple[str, ...]], given: dict[str, Any]) -> None:
    """Refuse an array whose axes are not as many, or not as long, as its annotation says."""
    lengths: dict[str, int] = {}
    alike: dict[str, tuple[int, ...]] = {}
    for name, axes in shapes.items():
        if given.get(name) is None:
            continue
        shape = given[name].shape
        if axes == ANY_SHAPE:
            if alike.setdefault("shape", shape) != shape:
                raise InvalidInput(name, given[name], f"must have shape {alike['shape']}, has {shape}")
            continue
        needed = axes[:-1] if axes[-1].endswith("?") and len(shape) < len(axes) else axes
        pairs = [*zip(needed, shape, strict=False), *((axis, LEFT_OUT) for axis in axes[len(needed) :])]
        if len(shape) != len(needed) or any(n == 0 or lengths.setdefault(axis, n) != n for axis, n in pairs):
            wanted = ", ".join(str(lengths.get(axis, axis)) for axis in axes) + ("," if len(axes) == 1 else "")
            raise InvalidInput(name, given[name], f"must have shape ({wanted}), has {shape}")


def _refuse_a_wrong_call(function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    """Raise WrongCall if the arguments do not fit the signature, which tells this TypeError from one of the body."""
    signature = inspect.signature(function)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as problem:
        words, known = str(problem), signature.parameters.values()
        unknown = [one for one in kwargs if one not in signature.parameters]
        if unknown and not any(one.kind is one.VAR_KEYWORD for one in known):
            taken = ", ".join(one.name for one in known if one.name not in ("self", "cls"))
            words = (
                f"has no argument {', '.join(map(repr, unknown))}; {f'it takes {taken}' if taken else 'it takes none'}"
            )
        name = next((name for name in (*kwargs, *signature.parameters) if f"'{name}'" in words), "arguments")
        by_name = [one.name for one in known if one.kind is one.KEYWORD_ONLY]
        if name == "arguments" and by_name:
            words += f"; {', '.join(by_name)} must be given by name, as in {by_name[0]}=..."
        raise WrongCall(name, kwargs.get(name), f"{function.__qualname__}: {words}") from None


def _any_of(hints: tuple[Any, ...]) -> Check | None:
    """One of several kinds: plain classes by one look, then the other kinds in their order."""
    optional, others = type(None) in hints, [hint for hint in hints if hint is not type(None)]
    if len(others) == 1:
        return _or_none(check(others[0]))
    if any(hint in ANYTHING for hint in others):
        return None
    classes = tuple(hint for hint in others if isinstance(hint, type) and hint not in SIMPLE and not protocol(hint))
    members = [check(hint) for hint in others if hint not in classes]
    rule = f"must be {named(hints)}"

    def seen(argument: str, value: Any) -> Any:
        if (value is None and optional) or (isinstance(value, classes) and not isinstance(value, type)):
            return value
        for member in members:
            try:
                return member(argument, value)  # type: ignore[misc]
            except InvalidInput:
                continue
        raise InvalidInput(argument, value, f"{rule}{advice(value, hints)}")

    return seen


def _or_none(member: Check | None) -> Check | None:
    def seen(argument: str, value: Any) -> Any:
        if value is None or member is None:
            return value
        try:
            return member(argument, value)
        except InvalidInput as refusal:
            raise InvalidInput(argument, value, ADVICE.sub(r"\1 or None\2", refusal.rule, count=1)) from None

    return seen


def _all_of(hint: Any, origin: Any) -> Check:
    """A list, tuple or array with one kind of entries; one that runs dry becomes a tuple first."""
    entry = number if hint is float else check(hint)
    rule = (
        f"must be a list, each entry {named((hint,))}" if hint in WORDS or isinstance(hint, type) else "must be a list"
    )

    def seen(argument: str, value: Any) -> Any:
        if origin is collections.abc.Iterable and isinstance(value, (collections.abc.Iterator, collections.abc.Set)):
            value = tuple(islice(value, LONGEST + 1))
            if len(value) > LONGEST:
                raise InvalidInput(argument, value, f"runs on beyond {LONGEST:,} entries")
        if not _listed(value):
            raise InvalidInput(argument, value, rule)
        if hint is float:
            array = reals(argument, value)
            if array.ndim != 1:
                raise InvalidInput(argument, value, f"must be a list of numbers, has shape {array.shape}")
            return tuple(array.tolist())
        if entry is None:
            return value
        made = [entry(argument, one) for one in value]
        return made if origin is list else tuple(made)

    return seen


def _tuple_of(hints: tuple[Any, ...]) -> Check:
    members = [check(hint) for hint in hints]

    def seen(argument: str, value: Any) -> Any:
        if not _listed(value) or len(value) != len(members):
            raise InvalidInput(argument, value, f"must hold {len(members)} values each")
        return tuple(
            [one if member is None else member(argument, one) for member, one in zip(members, value, strict=True)]
        )

    return seen


def _listed(value: Any) -> bool:
    """Whether a value is a finite list of things, and no word."""
    if isinstance(value, (str, bytes, bytearray, memoryview, type)):
        return False
    return isinstance(value, Sequence) or (hasattr(value, "__array__") and getattr(value, "ndim", 0) > 0)


def _instance(kind: Any) -> Check:
    among: Callable[[Any, Any], bool] = isinstance
    if protocol(kind):
        kind, among = typing.runtime_checkable(kind), follows  # its methods, looked up once a class
    rule = f"must be {named((kind,))}"

    def seen(argument: str, value: Any) -> Any:
        if among(value, kind) and (kind is type or not isinstance(value, type)):
            return value
        raise InvalidInput(argument, value, f"{rule}{advice(value, (kind,))}")

    return seen


def _having(kind: Has) -> Check:
    def seen(argument: str, value: Any) -> Any:
        if isinstance(value, type) or not all(hasattr(value, name) for name in kind.attributes):
            raise InvalidInput(argument, value, f"must be {kind.named}{advice(value)}")
        return value

    return seen


def _callable(argument: str, value: Any) -> Any:
    if not callable(value):
        raise InvalidInput(argument, value, "must be a function")
    return value


def _indices(argument: str, value: Any) -> Any:
    array = value if isinstance(value, np.ndarray) and value.dtype.kind in "iu" else reals(argument, value)
    if array.dtype.kind not in "iu" and not (np.isfinite(array).all() and (array == np.rint(array)).all()):
        raise InvalidInput(argument, value, "must be an array of integers")
    return np.asarray(array, dtype=np.intp)


SIMPLE: dict[Any, Check] = {float: number, int: whole, bool: truth, FloatArray: reals, IntArray: _indices}
_guard_class(Bounds)
