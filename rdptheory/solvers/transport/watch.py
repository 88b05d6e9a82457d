"""Long searches: a line that tells how far they are, and a way out that keeps what was found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

__all__ = ["Watch", "watched"]

PATIENCE = 10.0
"""Seconds before a search says how far it is: shorter ones need no line."""


class Watch:
    """What a search tells about itself, and whether somebody has interrupted it."""

    def __init__(self, bar: tqdm) -> None:
        self.bar, self.interrupted = bar, False

    def step(self, lower: float, upper: float) -> None:
        """One more step, with both ends as the search sees them."""
        self.bar.set_postfix_str(f"[{lower:.6g}, {upper:.6g}], Ctrl-C keeps it", refresh=False)
        self.bar.update()

    def sentence(self, text: str) -> str:
        """`text`, after what happened if somebody stopped the search."""
        return f"interrupted: {text}" if self.interrupted else text


@contextmanager
def watched(name: str) -> Iterator[Watch]:
    """A search that Ctrl-C ends as if its steps had run out, and that shows a line on a terminal if it takes long."""
    with tqdm(desc=name, delay=PATIENCE, disable=None, leave=False, unit="step") as bar:
        watch = Watch(bar)
        try:
            yield watch
        except KeyboardInterrupt:
            watch.interrupted = True
