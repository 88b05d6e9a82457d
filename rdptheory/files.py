"""Files appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from rdptheory.errors import InvalidInput

__all__ = ["write_text", "write_whole"]


def write_whole(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Let `write` fill a temporary file beside `path`, then move it into place in one step.

    The temporary file keeps the suffix of `path`, because many writers choose the format by it. If `write`
    raises, `path` is as it was before the call.

    Raises
    ------
    InvalidInput
        The folder of `path` does not exist, or `path` is a folder.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise InvalidInput("path", str(target), "its folder does not exist")
    if target.is_dir():
        raise InvalidInput("path", str(target), "is a folder")
    handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    scratch = Path(name)
    try:
        write(scratch)
        with open(scratch, "rb+") as stream:
            os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        scratch.chmod(0o666 & ~umask)
        os.replace(scratch, target)
    finally:
        scratch.unlink(missing_ok=True)
    return target


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write UTF-8 text, whole or not at all."""
    return write_whole(path, lambda scratch: scratch.write_text(text, encoding="utf-8"))
