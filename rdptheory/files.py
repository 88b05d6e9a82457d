"""Files appear whole or not at all, and only plain files are read or replaced."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from rdptheory.errors import InvalidInput

__all__ = ["made_folder", "read_bytes", "read_text", "replaceable", "write_bytes", "write_text", "write_whole"]

LARGEST_TEXT = 2**28  # bytes of a table that is read at once: four million symbols, written in full


def read_text(path: str | os.PathLike[str]) -> str:
    """The UTF-8 text of a file, without a byte order mark, lines ending in a newline.

    Raises
    ------
    InvalidInput
        No such file, another kind of file, or more than LARGEST_TEXT bytes.
    """
    try:
        text = read_bytes(path, LARGEST_TEXT).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("path", str(path), "cannot be read: it is no text in UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_bytes(path: str | os.PathLike[str], most: int) -> bytes:
    """What a file holds, unless that is more than `most` bytes."""
    try:
        with open(path, "rb") as stream:
            found = stream.read(most + 1)
    except (OSError, ValueError) as problem:  # ValueError: a name that holds a zero byte
        reason = getattr(problem, "strerror", None) or str(problem)
        raise InvalidInput("path", str(path), f"cannot be read ({reason})") from None
    if len(found) > most:
        raise InvalidInput("path", str(path), f"cannot be read: it holds more than {most:,} bytes")
    return found


def replaceable(argument: str, path: str | os.PathLike[str]) -> Path:
    """A place where a file can be written: a folder that is there for it, and in it nothing or a plain file.

    Raises
    ------
    InvalidInput
        No such folder or none to write into, or the place is taken by a folder, a link, a pipe or a device.
    """
    target = Path(path)
    try:
        homeless = not target.parent.is_dir()
        kind = None if homeless else os.lstat(target).st_mode
    except FileNotFoundError:
        kind = stat.S_IFREG
    except (OSError, ValueError) as problem:  # a name that is too long or holds a zero byte
        reason = getattr(problem, "strerror", None) or str(problem)
        raise InvalidInput(argument, str(target), f"is no name for a file ({reason})") from None
    if kind is None:
        raise InvalidInput(argument, str(target), "its folder does not exist")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise InvalidInput(argument, str(target), "its folder cannot be written to")
    if stat.S_ISDIR(kind):
        raise InvalidInput(argument, str(target), "is a folder")
    if not stat.S_ISREG(kind):
        raise InvalidInput(argument, str(target), "is a link, a pipe or a device, and only plain files are replaced")
    return target


def made_folder(argument: str, path: str | os.PathLike[str]) -> Path:
    """A folder that can be written into, made if need be.

    Raises
    ------
    InvalidInput
        It cannot be made, or is nobody's to write into.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as problem:  # ValueError: a name that holds a zero byte
        reason = getattr(problem, "strerror", None) or str(problem)
        raise InvalidInput(argument, str(path), f"cannot be made a folder ({reason})") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidInput(argument, str(path), "is a folder that cannot be written to")
    return folder


def write_whole(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Let `write` fill a temporary file beside `path`, then move it into place in one step.

    The temporary file keeps the suffix of `path`, because many writers choose the format by it. A file that is
    replaced keeps its mode. If `write` raises, `path` is as it was before the call.

    Raises
    ------
    InvalidInput
        As in `replaceable`.
    OSError
        A full disk, a read-only folder: names `path`.
    """
    target = replaceable("path", path)
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    scratch = target.parent / f".{secrets.token_hex(8)}{target.suffix}"
    try:
        os.close(os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666 if mode is None else 0o600))
        try:
            write(scratch)
            with open(scratch, "rb+") as stream:
                os.fsync(stream.fileno())
            if mode is not None:
                scratch.chmod(mode)
            os.replace(scratch, target)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as problem:
        raise OSError(problem.errno, problem.strerror or str(problem), str(target)) from None
    return target


def write_bytes(path: str | os.PathLike[str], content: bytes | memoryview) -> Path:
    """Write bytes, whole or not at all."""
    return write_whole(path, lambda scratch: scratch.write_bytes(content))


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write UTF-8 text, whole or not at all."""
    return write_bytes(path, text.encode("utf-8"))
