"""Files of images as arrays. Whatever is wrong with a file is one sentence, and no file makes more than it may hold.

The parsers behind these functions (PIL, scipy, NumPy, gzip) raise what they like on damaged bytes, so anything they
raise means that the file cannot be read; sizes are known before anything is unpacked.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import scipy

from rdptheory.errors import InvalidInput, MissingPackage

__all__ = ["needed", "read_arrays", "read_idx", "read_matlab", "read_picture"]

LARGEST = 2**30  # bytes of one array: twenty times the largest set of the field
MOST_PIXELS = 50_000_000  # of one picture: more than any camera takes
HOUSE_NUMBERS = "must be the official MATLAB file with the bytes X, of shape (side, side, 3, n), and n labels y"


def read_idx(stem: Path) -> np.ndarray:
    """Unsigned bytes of an IDX file, `stem` itself or `stem`.gz; of any number of axes, and not empty."""
    packed = stem.with_name(stem.name + ".gz")
    path = packed if packed.is_file() else stem
    rule = "must be an IDX file of unsigned bytes, plain or .gz, as long as its header says"

    def read(stream: BinaryIO) -> np.ndarray:
        return _idx(gzip.GzipFile(fileobj=stream) if path == packed else stream)

    return _tried(path, rule, read)


def read_matlab(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """X (side, side, 3, n) in bytes and the labels y (n,) from 1 to 10 of a file of street-view house numbers."""

    def read(stream: BinaryIO) -> tuple[np.ndarray, np.ndarray]:
        kinds = {name: (shape, kind) for name, shape, kind in scipy.io.whosmat(stream)}
        shape, kind = kinds["X"]
        side, _, _, n = shape
        if kind != "uint8" or shape != (side, side, 3, n) or not 0 < math.prod(shape) <= LARGEST:
            raise ValueError
        if math.prod(kinds["y"][0]) != n:
            raise ValueError
        stream.seek(0)
        held = scipy.io.loadmat(stream, variable_names=["X", "y"])
        pixels, labels = held["X"], held["y"].ravel()
        if pixels.shape != shape or labels.dtype.kind not in "iu" or labels.min() < 1 or labels.max() > 10:
            raise ValueError
        return pixels, labels

    return _tried(path, HOUSE_NUMBERS, read)


def read_picture(path: Path) -> np.ndarray:
    """A picture as float32 in [0, 1], shape (height, width, 3)."""
    image = needed("PIL.Image", "pillow")

    def read(stream: BinaryIO) -> np.ndarray:
        with image.open(stream) as picture:
            if math.prod(picture.size) > MOST_PIXELS:
                raise ValueError
            deep = picture.mode[0] == "I"  # 16 bits, which Pillow clips at 255
            levels = np.asarray(picture if deep else picture.convert("RGB"), dtype=np.float32)
            return np.repeat(levels[..., None], 3, 2) / np.float32(65535.0) if deep else levels / np.float32(255.0)

    return _tried(path, f"must be a whole picture of at most {MOST_PIXELS // 10**6} million pixels", read)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name, or the one of an .npy file under the name ""; none holds objects."""

    def read(stream: BinaryIO) -> dict[str, np.ndarray]:
        held = os.fstat(stream.fileno()).st_size
        if zipfile.is_zipfile(stream):
            with zipfile.ZipFile(stream) as archive:
                held = sum(part.file_size for part in archive.infolist())
        if held > LARGEST:
            raise ValueError
        stream.seek(0)
        loaded = np.load(stream, allow_pickle=False)
        return {"": loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}

    return _tried(path, f"must be a NumPy file of numbers, .npy or .npz, of at most {LARGEST >> 20:,} MiB", read)


def needed(module: str, package: str) -> Any:
    """A module of a package that may not be installed."""
    try:
        return import_module(module)
    except ImportError:
        raise MissingPackage(package, "data") from None


def _idx(stream: BinaryIO | gzip.GzipFile) -> np.ndarray:
    zero, kind, rank = struct.unpack(">HBB", stream.read(4))
    shape = struct.unpack(f">{rank}I", stream.read(4 * rank))
    size = math.prod(shape)
    if zero or kind != 8 or not 0 < size <= LARGEST or rank == 0:
        raise ValueError
    raw = stream.read(size + 1)
    if len(raw) != size:
        raise ValueError
    return np.frombuffer(raw, dtype=np.uint8).reshape(shape).copy()


def _tried(path: Path, rule: str, read: Callable[[BinaryIO], Any]) -> Any:
    try:
        with open(path, "rb") as stream:
            return read(stream)
    except Exception as problem:
        reason = f": {problem.strerror}" if isinstance(problem, OSError) and problem.strerror else ""
        raise InvalidInput("data", str(path), f"{rule}{reason}") from None
