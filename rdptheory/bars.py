"""Progress bars of tqdm on standard error: drawn over themselves on a terminal and in a notebook, else whole lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import tqdm

__all__ = ["bar_of"]

EVERY = 30.0
"""Seconds between two lines: a job of an hour then leaves a page in its log."""


class _Log:
    """Standard error for a bar that is no terminal: what it shows becomes a line."""

    def write(self, text: str) -> None:
        """One state of the bar, which comes between a carriage return and blanks, or an empty one."""
        if text.strip():
            sys.stderr.write(f"{text.strip()}\n")

    def flush(self) -> None:
        """At once, as a log is read while the job runs."""
        sys.stderr.flush()


def bar_of(steps: Iterable[Any] | None = None, **told: Any) -> Any:
    """The bar of tqdm over some steps, or one to be updated by hand; `told` are arguments of `tqdm`."""
    from tqdm.auto import tqdm as bar

    text = bar.display is tqdm.tqdm.display  # and not what a notebook draws
    if text and not sys.stderr.isatty():
        told |= {"file": _Log(), "mininterval": EVERY, "maxinterval": EVERY}
    return bar(steps, **told)
