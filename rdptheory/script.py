"""A function that writes into a folder as a program: how the examples are run."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from inspect import cleandoc
from pathlib import Path

__all__ = ["script"]


def script(main: Callable[..., Path]) -> ArgumentParser:
    """The command line of a module whose `main` takes the folder to write into, for `script(main).parse_args().folder`.

    `--help` shows the first line of the module, which is a question, and what `main` says of itself; it writes nothing.
    """
    title = (main.__globals__.get("__doc__") or "").partition("\n")[0]
    told = cleandoc(main.__doc__ or "").replace("`out`", "FOLDER")
    parser = ArgumentParser(description=f"{title} {told}".strip())
    parser.add_argument(
        "folder", metavar="FOLDER", nargs="?", type=_folder, default=Path(), help="this one if left out"
    )
    return parser


def _folder(word: str) -> Path:
    """A place where a folder is or may be made."""
    place = Path(word)
    if place.exists() and not place.is_dir():
        raise ArgumentTypeError(f"{word} is no folder")
    return place
