"""Files of images: what is whole is read, whatever else is one sentence, and bombs do not go off."""

from __future__ import annotations

import gzip
import io
import resource
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy
from PIL import Image

from neural.readers import LARGEST, MOST_PIXELS, read_arrays, read_idx, read_matlab, read_picture
from rdptheory.errors import InvalidInput

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 4, 4), dtype=np.uint8)


def idx(values: np.ndarray) -> bytes:
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


def npy(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def npz(**values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **values)
    return stream.getvalue()


def picture(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.tile(PIXELS[0], (4, 4))).save(stream, kind)
    return stream.getvalue()


def mat(**values: Any) -> bytes:
    stream = io.BytesIO()
    scipy.io.savemat(stream, values, do_compression=True)
    return stream.getvalue()


HOUSES = {
    "X": np.zeros((4, 4, 3, 5), np.uint8) + np.arange(5, dtype=np.uint8),
    "y": np.arange(6, 11, dtype=np.uint8)[:, None],
}
WHOLE: dict[str, tuple[Callable[[Path], Any], bytes]] = {
    "plain-idx": (read_idx, idx(PIXELS)),
    "idx.gz": (lambda path: read_idx(path.with_suffix("")), gzip.compress(idx(PIXELS))),
    "houses.mat": (read_matlab, mat(**HOUSES)),
    "picture.png": (read_picture, picture("png")),
    "picture.ppm": (read_picture, picture("ppm")),
    "picture.jpg": (read_picture, picture("jpeg")),
    "picture.webp": (read_picture, picture("webp")),
    "array.npy": (read_arrays, npy(PIXELS)),
    "arrays.npz": (read_arrays, npz(train=PIXELS, test=PIXELS)),
}


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_whole_files_are_read(tmp_path: Path) -> None:
    for name in ("plain-idx", "idx.gz"):
        read, content = WHOLE[name]
        np.testing.assert_array_equal(read(put(tmp_path, name, content)), PIXELS)
    pixels, labels = read_matlab(put(tmp_path, "houses.mat", WHOLE["houses.mat"][1]))
    np.testing.assert_array_equal(pixels, HOUSES["X"])
    assert labels.tolist() == [6, 7, 8, 9, 10]
    for name in ("picture.png", "picture.ppm"):
        shown = read_picture(put(tmp_path, name, WHOLE[name][1]))
        np.testing.assert_array_equal(shown, np.tile(PIXELS[0], (4, 4))[..., None].repeat(3, 2) / np.float32(255.0))
    np.testing.assert_array_equal(read_arrays(put(tmp_path, "array.npy", WHOLE["array.npy"][1]))[""], PIXELS)
    assert set(read_arrays(put(tmp_path, "arrays.npz", WHOLE["arrays.npz"][1]))) == {"train", "test"}


@pytest.mark.parametrize("kind", ["png", "pgm"])
def test_sixteen_bits_keep_their_levels(tmp_path: Path, kind: str) -> None:
    """Pillow turns them into eight by clipping at 255: nearly every picture came out white."""
    levels = np.array([[0, 255, 256], [30_000, 65_280, 65_535]], np.uint16)
    Image.fromarray(levels).save(tmp_path / f"deep.{kind}")
    shown = read_picture(tmp_path / f"deep.{kind}")
    np.testing.assert_array_equal(shown, (levels / np.float32(65_535.0))[..., None].repeat(3, 2))


@pytest.mark.parametrize("name", WHOLE)
def test_damage_is_one_sentence(tmp_path: Path, name: str) -> None:
    """200 flipped bits and 20 ends: each is refused, or read without complaint where the format has no checksum."""
    read, content = WHOLE[name]
    rng, refused = np.random.default_rng(1), 0
    damaged = [content[:-cut] for cut in np.unique(rng.integers(1, len(content), 20))]
    for bit in rng.integers(0, 8 * len(content), 200):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        damaged.append(bytes(changed))
    for one in (*damaged, b"", bytes(len(content)), b"probability\n1\n"):
        with suppress(InvalidInput):
            read(put(tmp_path, name, one))
            refused -= 1
        refused += 1
    assert refused >= 3


@pytest.mark.parametrize(
    "houses",
    [
        {"X": HOUSES["X"] / 255.0, "y": HOUSES["y"]},
        {"X": HOUSES["X"][..., :0], "y": HOUSES["y"][:0]},
        {"X": HOUSES["X"][..., :3], "y": HOUSES["y"]},
        {"X": HOUSES["X"], "y": HOUSES["y"] + np.uint8(1)},
        {"X": HOUSES["X"], "y": HOUSES["y"] + 0.5},
        {"X": HOUSES["X"][:3], "y": HOUSES["y"]},
        {"X": HOUSES["X"]},
    ],
)
def test_house_numbers_must_be_bytes_with_labels(tmp_path: Path, houses: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="official MATLAB file"):
        read_matlab(put(tmp_path, "houses.mat", mat(**houses)))


def bombs() -> dict[str, tuple[Callable[[Path], Any], bytes]]:
    """Small files that would unpack to more than LARGEST bytes, or to more than MOST_PIXELS."""
    zeros = io.BytesIO()
    with gzip.GzipFile(fileobj=zeros, mode="wb", compresslevel=1) as stream:
        stream.write(struct.pack(">HBB3I", 0, 8, 3, 2, 4, 4))
        for _ in range(64):
            stream.write(bytes(2**20))
    side = int(MOST_PIXELS**0.5) + 1
    large = io.BytesIO()
    Image.new("1", (side, side)).save(large, "png")
    archive = io.BytesIO()
    header = npy(np.empty(0, np.uint8)).replace(b"(0,)", b"(9,)")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("train.npy", header)
    claimed = archive.getvalue().replace(struct.pack("<I", len(header)), struct.pack("<I", 2**31))
    return {
        "bomb.gz": (lambda path: read_idx(path.with_suffix("")), zeros.getvalue()),
        "claims": (read_idx, struct.pack(">HBB3I", 0, 8, 3, 2**16, 2**16, 2**16)),
        "bomb.png": (read_picture, large.getvalue()),
        "bomb.npz": (read_arrays, claimed),
        "bomb.npy": (read_arrays, npy(np.zeros(4, np.uint8)).replace(b"(4,), }        ", b"(4000000000,)} ")),
    }


@pytest.mark.parametrize("name", bombs())
def test_bombs_are_refused_before_they_take_memory(tmp_path: Path, name: str) -> None:
    read, content = bombs()[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidInput):
        read(put(tmp_path, name, content))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < LARGEST // 1024 // 4


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    for read in (read_idx, read_matlab, read_picture, read_arrays):
        with pytest.raises(InvalidInput, match="No such file"):
            read(tmp_path / "nothing")
