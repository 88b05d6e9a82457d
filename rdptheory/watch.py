"""Long searches: a line on standard error that tells how far they are, and a way out that keeps what was found.

A verb opens a watch. For `PATIENCE` seconds nothing is shown and Ctrl-C is what it always is. Then a line tells the
bracket so far, on a terminal alone: pipes and notebooks stay quiet. From then on Ctrl-C ends the search, whose answer
is the bracket that is proved by then, with the status STOPPED; once more, and it ends the program. A search that asks
others, as one for a density does, is one search: its line tells its own bracket, and Ctrl-C ends it whole. Verbs that
ask many questions (`curve`, `surface`, `distortion_at`, `rdp_many`) open none, so that Ctrl-C ends them and no store
keeps half an answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self

from tqdm import tqdm

from rdptheory._types import down, up

__all__ = ["Watch", "ending", "interrupted", "leaves", "leaving", "next_part", "watched", "watching"]

PATIENCE = 10.0
"""Seconds before a search says how far it is: shorter ones need no line."""


class _Left(Exception):
    """Somebody has ended the search before this part of it."""


class Watch:
    """What a search tells about itself, and whether somebody has interrupted it.

    It is open for the time of a `with` block, whose searches ask it what a Ctrl-C means. `whole` is the bracket of a
    search of many parts, which is shown in place of that of the part; `hears` is told what the judge sees of the
    question under way.
    """

    def __init__(self, name: str) -> None:
        self.name, self.begun, self.steps, self.interrupted = name, time.monotonic(), 0, False
        self.bar: tqdm | None = None
        self.whole: tuple[float, float] | None = None
        self.hears: Callable[[Any, Any], None] | None = None

    def __enter__(self) -> Self:
        self.before = _OPEN.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _OPEN.reset(self.before)
        if self.bar is not None:
            self.bar.close()

    @property
    def long(self) -> bool:
        """Whether the search has taken so long that it shows its line."""
        return time.monotonic() - self.begun >= PATIENCE

    def step(self, lower: float, upper: float) -> None:
        """One more step, with both ends as the search sees them."""
        self.steps += 1
        lower, upper = self.whole or (lower, upper)
        first = self.bar is None
        if self.bar is None:
            if not self.long:
                return
            self.bar = tqdm(desc=self.name, initial=self.steps - 1, disable=None, leave=False, unit="step")
        self.bar.set_postfix_str(f"[{down(lower, 6)}, {up(upper, 6)}], Ctrl-C keeps it", refresh=first)
        self.bar.update()

    def leaves(self) -> bool:
        """Whether a Ctrl-C that just came ends the search, not the program; once only."""
        if self.interrupted or not self.long:
            return False
        self.interrupted = True
        return True

    def sentence(self, text: str) -> str:
        """`text`, after what happened if somebody stopped the search."""
        return f"interrupted: {text}" if self.interrupted else text


_OPEN: ContextVar[Watch | None] = ContextVar("watch", default=None)


def watching() -> Watch | None:
    """The watch of the search that is under way, if it has one."""
    return _OPEN.get()


def leaves() -> bool:
    """Whether a Ctrl-C that just came ends the search that is under way, not the program; once only."""
    watch = watching()
    return watch is not None and watch.leaves()


def interrupted() -> bool:
    """Whether somebody has ended the search that is under way."""
    watch = watching()
    return watch is not None and watch.interrupted


def ending(text: str) -> str:
    """Why a search ended: `text`, if nobody has ended it."""
    return "interrupted: this is what was proved by then" if interrupted() else text


@contextmanager
def leaving() -> Iterator[None]:
    """The parts of a search, of which Ctrl-C leaves out the rest, if a watch is open."""
    try:
        yield
    except _Left:
        pass
    except KeyboardInterrupt:
        if not leaves():
            raise


def next_part(lower: float, upper: float) -> None:
    """Begin another part of a search that has proved this bracket; none is begun once somebody has ended the search."""
    watch = watching()
    if watch is not None:
        watch.whole = lower, upper
    if interrupted():
        raise _Left


@contextmanager
def watched(name: str) -> Iterator[Watch]:
    """A search that Ctrl-C ends as if its steps had run out."""
    with Watch(name) as watch, leaving():
        yield watch
